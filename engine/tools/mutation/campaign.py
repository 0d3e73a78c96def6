"""Trying a chart's mutants, as few as the earlier verdicts allow."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.language.load import load
from engine.language.model import Chart
from engine.tools.mutation.mutants import Mutant, mutants_of
from engine.tools.mutation.pool import Job, answers
from engine.tools.mutation.record import KILLED, SURVIVED, Plan, Record, Verdict
from engine.tools.mutation.scenarios import ScenarioError, Scenarios, digest, in_project, recorded, test_files

CACHE = Path(".mutants")
VERDICTS = CACHE / "verdicts"
"""What was found out since the verdicts on record, on this machine only."""
SAVE_EVERY = 20


@dataclass(frozen=True, slots=True)
class Options:
    """``budget_s``: seconds of processor time of scenarios (measured on the unchanged chart) that a mutant has to
    survive. ``sample``: how many stored kills to try again. ``again``: try all. ``on_record``: leave out charts that
    have changed since, and take the verdicts on record although scenarios have changed. ``only``: the scenarios of
    these files instead of the plan's. ``record``: write verdicts beside the plan, not only into the cache."""

    budget_s: float = 10.0
    workers: int = 1
    sample: int = 0
    again: bool = False
    on_record: bool = False
    only: tuple[str, ...] = ()
    record: bool = False


@dataclass(slots=True)
class Outcome:
    """One chart's mutants and their verdicts. ``text``: the digest of the chart's file as it was read. ``earlier``: the
    record before, for any text of the chart. ``older``: how many verdicts rest on scenarios that are others now."""

    chart: Chart
    original: str
    text: str
    mutants: list[Mutant]
    waived: dict[str, str]
    earlier: Record
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    tried: int = 0
    older: int = 0
    problems: list[str] = field(default_factory=list)

    def of(self, kind: str) -> list[Mutant]:
        """The mutants with this verdict, those waived left out."""
        return [m for m in self.mutants if self.verdicts[m.name].kind == kind and m.name not in self.waived]

    @property
    def score(self) -> float:
        """Percent killed of those that load and are not waived."""
        killed, survived = len(self.of(KILLED)), len(self.of(SURVIVED))
        return 100.0 * killed / (killed + survived) if killed + survived else 100.0

    def killer(self, mutant: Mutant) -> str:
        """The recorded scenario that killed the mutant of this name, for any text of the chart; empty when there is
        none."""
        verdict = self.earlier.verdicts.get(mutant.name)
        by = verdict.by if verdict is not None else ""
        return by if by and Path(by.partition("::")[0]).exists() else ""


class Campaign:
    """Tries mutants. ``progress(done, all, text)`` is called with every verdict."""

    def __init__(self, plan: Plan, options: Options, progress: Callable[[int, int, str], None]) -> None:
        self.plan = plan
        self.options = options
        self.progress = progress
        self.files = test_files(options.only or plan.scenarios)
        self.digests = {file.as_posix(): digest([file]) for file in self.files}
        self.left_out: list[str] = []
        """Charts without verdicts of their text as it is (``on_record``)."""
        self._charts: frozenset[str] = frozenset()
        self._scenarios: Scenarios | None = None

    def run(self, files: list[Path]) -> list[Outcome]:
        """The outcome for each of these charts; verdicts are kept.

        Raises ``ScenarioError`` when the scenarios do not pass on the charts as they are.
        """
        outcomes = [self._known(in_project(file)) for file in files]
        self._charts = frozenset(outcome.chart.file for outcome in outcomes)
        if self.options.on_record:
            self.left_out = [outcome.chart.file for outcome in outcomes if self._open([outcome])]
            outcomes = [outcome for outcome in outcomes if outcome.chart.file not in self.left_out]
        self._sample(outcomes)
        self._prove(outcomes)
        self._try(self._open(outcomes), killers=True)
        for outcome, mutant in self._open(outcomes) if self.options.on_record else []:
            self._survived(outcome, mutant, 1)
        self._try(self._open(outcomes), killers=False)
        for outcome in outcomes:
            for name in outcome.waived:
                if name not in outcome.verdicts:
                    outcome.problems.append(f"waived, but there is no such mutant: {name}")
                elif outcome.verdicts[name].kind == KILLED:
                    outcome.problems.append(f"waived, but killed by {outcome.verdicts[name].by}: {name}")
            self._save(outcome)
        return outcomes

    def _open(self, outcomes: list[Outcome]) -> list[tuple[Outcome, Mutant]]:
        return [(o, mutant) for o in outcomes for mutant in o.mutants if mutant.name not in o.verdicts]

    # ------------------------------------------------------------ what is known

    def _known(self, file: Path) -> Outcome:
        """With the verdicts that still hold: the chart's text is the same, and so is the file of the test that killed
        the mutant, or those of all scenarios for a survivor."""
        chart, text = load(file), digest([file])
        record = Record.read(self.plan.folder, chart.name)
        cached = Record.read(VERDICTS, chart.name)
        if cached.text == text:
            record = cached
        outcome = Outcome(
            chart, file.read_text(encoding="utf-8"), text, mutants_of(chart), self.plan.waived(chart.name), record
        )
        if record.text == text and not self.options.again:
            for mutant in outcome.mutants:
                verdict = record.verdicts.get(mutant.name)
                if verdict is None:
                    continue
                changed = self._changed(record, verdict)
                outcome.older += changed
                if not changed or self.options.on_record:
                    outcome.verdicts[mutant.name] = verdict
        return outcome

    def _changed(self, record: Record, verdict: Verdict) -> bool:
        """Whether a scenario this verdict rests on is another one now."""
        if verdict.by:
            file = verdict.by.partition("::")[0]
            return not Path(file).exists() or record.files.get(file) != digest([Path(file)])
        return verdict.kind == SURVIVED and any(record.files.get(file) != now for file, now in self.digests.items())

    def _sample(self, outcomes: list[Outcome]) -> None:
        """Forget some kills, so that they are tried again; which, depends on the charts and the scenarios only."""
        killed = [
            (outcome, name)
            for outcome in outcomes
            for name, verdict in outcome.verdicts.items()
            if verdict.by and not self._changed(outcome.earlier, verdict)
        ]
        chance = random.Random("".join((*(o.chart.text_hash for o in outcomes), *self.digests.values())))
        for outcome, name in chance.sample(killed, min(self.options.sample, len(killed))):
            del outcome.verdicts[name]

    # ------------------------------------------------------------ trying

    def _prove(self, outcomes: list[Outcome]) -> None:
        """The scenarios that killed mutants once pass on the charts as they are: else they would kill anything."""
        killers: dict[str, dict[str, None]] = {}
        for outcome, mutant in self._open(outcomes):
            killer = outcome.killer(mutant)
            if killer:
                killers.setdefault(mutant.file, {})[killer] = None
        originals = {outcome.chart.file: outcome.original for outcome in outcomes}
        jobs = [
            Job(file, originals[file], list(tests), 60 + 10 * self.options.budget_s * len(tests), None)
            for file, tests in killers.items()
        ]
        for job, answer in self._answers(jobs):
            if answer["verdict"] == KILLED:
                what = answer["by"] or answer["reason"]
                raise ScenarioError(f"{job.file}: the scenarios must pass on the chart as it is; {what} does not")

    def _answers(self, jobs: list[Job]) -> Iterator[tuple[Job, dict[str, Any]]]:
        copied = {Path(file).parts[0] for file in (*self.digests, *(job.file for job in jobs))}
        return answers(jobs, copied, [*self.digests], self.options.workers)

    def _try(self, pairs: list[tuple[Outcome, Mutant]], *, killers: bool) -> None:
        """Try each mutant on the scenario that killed it once, or on all that may tell it."""
        jobs = []
        for outcome, mutant in pairs:
            if killers and not outcome.killer(mutant):
                continue
            tests, seconds = self._tests(outcome, mutant, killers)
            if tests:
                jobs.append(Job(mutant.file, mutant.text(outcome.original), tests, seconds, (outcome, mutant)))
            else:
                self._survived(outcome, mutant, 0)
        for number, (job, answer) in enumerate(self._answers(jobs), 1):
            outcome, mutant = job.subject
            self._take(outcome, mutant, len(job.tests), answer, killers)
            self.progress(number, len(jobs), f"{answer['verdict']}: {mutant.chart}: {mutant.name}")
            if number % SAVE_EVERY == 0:
                self._save(outcome)

    def _tests(self, outcome: Outcome, mutant: Mutant, killers: bool) -> tuple[list[str], float]:
        """Node ids, and the seconds they may last."""
        if killers:
            return [outcome.killer(mutant)], 20 + 10 * self.options.budget_s
        if self._scenarios is None:
            self._scenarios = recorded(self.files, CACHE, self.options.workers, self._recording, self._charts)
        files = set(self.digests)
        if self._survived_before(outcome, mutant):
            files = {file for file in files if outcome.earlier.files.get(file) != self.digests[file]}
        budget = self.options.budget_s
        tests = self._scenarios.that_see(mutant.chart, mutant.owner, mutant.near, budget, files, mutant.twins)
        return tests, 20 + 10 * sum(self._scenarios.all[test].seconds for test in tests)

    def _recording(self, percent: int) -> None:
        self.progress(percent, 100, "recording what the scenarios do")

    def _survived_before(self, outcome: Outcome, mutant: Mutant) -> bool:
        verdict = outcome.earlier.verdicts.get(mutant.name)
        same = outcome.earlier.text == outcome.text and not self.options.again
        return same and verdict is not None and verdict.kind == SURVIVED

    def _survived(self, outcome: Outcome, mutant: Mutant, tests: int) -> None:
        before = outcome.earlier.verdicts[mutant.name].tried if self._survived_before(outcome, mutant) else 0
        outcome.verdicts[mutant.name] = Verdict(SURVIVED, "", before + tests)
        outcome.tried += 1

    def _take(self, outcome: Outcome, mutant: Mutant, tests: int, answer: dict[str, Any], killers: bool) -> None:
        kind = answer["verdict"]
        if killers and kind in (SURVIVED, "error"):
            return  # its old killer no longer does it, or is gone: all scenarios are asked next
        if kind == "error":
            raise ScenarioError(f"{mutant.chart}: {mutant.name}: {answer['reason']}")
        if kind == SURVIVED:
            self._survived(outcome, mutant, tests)
            return
        outcome.tried += 1
        outcome.verdicts[mutant.name] = Verdict(kind, answer["by"], 0, answer.get("reason", ""))

    def _save(self, outcome: Outcome) -> None:
        if self.options.on_record:  # what was not tried must not look as if it had been
            return
        known = {m.name: outcome.verdicts[m.name] for m in outcome.mutants if m.name in outcome.verdicts}
        text, earlier = outcome.text, outcome.earlier
        kept = {file: known for file, known in earlier.files.items() if Path(file).exists() and earlier.text == text}
        Record(outcome.chart.name, text, {**kept, **self.digests}, known).write(
            self.plan.folder if self.options.record else VERDICTS
        )
