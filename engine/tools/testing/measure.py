"""The result of testing one chart: which transitions and pairs its paths take, what they broke, what is missing and
why. Plain values, so that a worker process can return them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.language.model import Chart
from engine.tools.check import check
from engine.tools.testing.pairs import PairSearch
from engine.tools.testing.together import play
from engine.tools.testing.transitions import TransitionSearch
from engine.tools.testing.verify import verify
from engine.tools.trace.reader import Trace

_IMPOSSIBLE = ("C101", "C103", "C104", "C105", "C108", "C110")  # findings that say why a transition is never taken


@dataclass(slots=True)
class Missing:
    """A transition that was not taken. ``proved``: no situation can take it, as ``engine check`` shows."""

    transition: str
    place: str
    reason: str
    proved: bool = False


@dataclass(slots=True)
class PairCoverage:
    """Pairs of consecutive transitions. ``possible``: those nothing rules out; ``missing``: of these, not taken;
    ``impossible``: reason -> how many, all other pairs of two transitions."""

    taken: int
    possible: int
    missing: list[tuple[str, str]] = field(default_factory=list)
    impossible: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Result:
    """One chart's coverage. ``taken``: transition id -> how often; ``origin`` says what took them."""

    chart: str
    file: str
    origin: str
    taken: dict[str, int]
    model: str = ""  # hash of the chart
    missing: list[Missing] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pairs: PairCoverage | None = None
    seconds: float = 0.0

    @property
    def covered(self) -> int:
        """How many transitions were taken."""
        return len(self.taken) - len(self.missing)

    @property
    def failed(self) -> bool:
        """Whether a path broke something, or a transition that may be possible was not taken."""
        return bool(self.problems) or any(not m.proved for m in self.missing)

    def as_json(self) -> dict[str, Any]:
        """The result as a JSON object."""
        return {
            "chart": self.chart,
            "file": self.file,
            "model": self.model,
            "origin": self.origin,
            "transitions": self.taken,
            "missing": [
                {"transition": m.transition, "place": m.place, "reason": m.reason, "proved": m.proved}
                for m in self.missing
            ],
            "paths": self.paths,
            "problems": self.problems,
            "notes": self.notes,
            "pairs": asdict(self.pairs) if self.pairs is not None else None,
            "seconds": round(self.seconds, 3),
        }


def measure(chart: Chart, *, pairs: bool = False) -> Result:
    """Generate the paths of a chart and run them."""
    began = time.perf_counter()
    explorer = TransitionSearch(chart)
    found = explorer.run()
    paths = found.paths
    two = PairSearch(chart, explorer.stimuli, paths).run() if pairs else None
    if two is not None:
        paths = [*paths, *two.paths]
    problems = [str(problem) for problem in verify(chart, paths)]
    if chart.joint_invariants:
        problems += play(chart).broken
    result = Result(chart.name, chart.file, "generated paths", {t: found.taken[t] for t in found.all}, chart.text_hash)
    result.missing = not_taken(chart, found.missing)
    result.paths = [f"{path.name}: {' > '.join(map(str, path.steps)) or 'start'}" for path in paths]
    result.problems = problems
    result.notes = [f"{error}; after {stimulus}" for error, stimulus in found.errors.items()]
    if two is not None:
        result.pairs = PairCoverage(len(two.taken), len(two.taken) + len(two.missing), two.missing, two.impossible)
    result.seconds = time.perf_counter() - began
    return result


def from_traces(charts: Mapping[str, Chart], traces: Iterable[Trace]) -> list[Result]:
    """Which transitions of these charts (by name) the machines of recorded traces have taken, over all traces."""
    taken: dict[str, Counter[str]] = {name: Counter() for name in charts}
    notes: dict[str, dict[str, None]] = {name: {} for name in charts}
    count = 0
    for trace in traces:
        count += 1
        running: dict[str, str] = {}  # machine -> its chart
        for record in trace.steps():
            if record["cause"] == "start":
                running[record["machine"]] = record["chart"]
                _compare(charts.get(record["chart"]), record, trace, notes)
            name = running.get(record["machine"])
            if name in taken:
                taken[name].update(record.get("transitions", ()))
    return [_traced(charts[name], taken[name], list(notes[name]), count) for name in charts]


def _compare(chart: Chart | None, record: dict[str, Any], trace: Trace, notes: dict[str, dict[str, None]]) -> None:
    other = chart is not None and record.get("text_hash") not in (None, "", chart.text_hash)
    if chart is not None and other and not notes[chart.name]:
        notes[chart.name][f"{trace.file}, perhaps others, is of another version of this chart"] = None


def _traced(chart: Chart, taken: Counter[str], notes: list[str], traces: int) -> Result:
    origin = "1 trace" if traces == 1 else f"{traces} traces"
    result = Result(chart.name, chart.file, origin, {t.id: taken[t.id] for t in chart.transitions}, chart.text_hash)
    result.notes = notes
    result.missing = not_taken(chart, {t: "no trace takes it" for t, count in result.taken.items() if not count})
    return result


def not_taken(chart: Chart, reasons: Mapping[str, str]) -> list[Missing]:
    """Why transitions were not taken: the proof of ``engine check``, else the search's reason."""
    if not reasons:
        return []
    report = check(chart, limit=0)
    proofs = {
        str(f.position): f"{f.code}: {f.message}" for f in (*report.findings, *report.waived) if f.code in _IMPOSSIBLE
    }
    found = []
    for t in chart.transitions:
        if t.id in reasons:
            proof = proofs.get(str(t.position)) or proofs.get(str(t.source.position))
            found.append(Missing(t.id, str(t.position), proof or reasons[t.id], proof is not None))
    return found
