"""A chart's C against the Python engine: the same lines for the same events, readings and times, step by step.

`.ci/campaign charts` takes 10,000 random sequences of each chart.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest

import engine
from engine.language.model import StateKind
from engine.language.position import NOWHERE
from engine.semantics.compiled.topology import members
from engine.tools.export.c import designed, export_c
from engine.tools.export.c.design import Design
from engine.tools.testing.transitions import TransitionSearch
from tests.export.c_peer import CHARTS, ROOT, SANITIZED, compile_c, compiler, run_script, write_program
from tests.export.c_sequences import ENDLESS, Random, Sequence, of_path

MACHINES = ROOT / "machines"
SEQUENCES = max(1000, int(os.environ.get("CHARGECHART_EXAMPLES", "0")) // 40)
SEED = os.environ.get("CHARGECHART_FUZZ_SEED", "1")
MUTANTS = 6 if SEQUENCES == 1000 else 60
KINDS = ("target", "guard", "duration")


@cache
def design_of(chart: str) -> Design:
    exported, design = designed(engine.load(str(ROOT / "machines" / f"{chart}.yaml")))
    assert not exported.losses, "\n".join(map(str, exported.losses))
    return design


@cache
def sequences_of(chart: str) -> list[Sequence]:
    """The paths that take every transition, and random sequences. Skips before that where nothing can run them."""
    compiler("cc")
    design = design_of(chart)
    paths = TransitionSearch(design.chart).run().paths
    source = Random(design, paths, SEED)
    return [
        *(of_path(design, path, number) for number, path in enumerate(paths)),
        *map(source.sequence, range(SEQUENCES)),
    ]


def differences(lines: list[str], sequences: list[Sequence]) -> list[str]:
    """The first difference of each sequence, with what led to it."""
    found, at = [], 0
    for sequence in sequences:
        own = lines[at : at + len(sequence.expected)]
        at += len(sequence.expected)
        pairs = enumerate(zip(own, sequence.expected, strict=False))
        step = next((n for n, (c, e) in pairs if c != e and not (e == ENDLESS and ENDLESS in c)), len(own))
        if step < len(sequence.expected):
            steps = [line for line in sequence.script if line[0] not in "NV"]
            wanted = sequence.expected[step] if step < len(sequence.expected) else "(nothing)"
            got = own[step] if step < len(own) else "(nothing)"
            told = "\n".join(sequence.script[: sequence.script.index(steps[step]) + 1])
            found.append(f"{sequence.name}, step {step}:\n{told}\nengine: {wanted}\nC:      {got}")
    return found


def scripts(sequences: list[Sequence]) -> str:
    return "".join(f"{line}\n" for sequence in sequences for line in sequence.script)


@pytest.mark.parametrize("chart", CHARTS)
def test_the_c_does_what_the_engine_does_and_takes_every_transition(chart: str, tmp_path: Path) -> None:
    """With sanitizers. A transition of the C that no sequence takes is one that nobody has compared."""
    design, sequences = design_of(chart), sequences_of(chart)
    sources = write_program(design, design.exported.files, tmp_path)
    program = compile_c(sources, tmp_path / design.name, SANITIZED)
    lines = run_script(program, scripts(sequences))
    parted = differences(lines, sequences)
    assert not parted, f"{len(parted)} of {len(sequences)} sequences part:\n" + "\n\n".join(parted[:3])
    assert len(lines) == sum(len(sequence.expected) for sequence in sequences)
    taken = {int(number) for line in lines for number in line.split("|")[1].split(",") if number}
    missing = set(range(len(design.transitions))) - taken
    assert not missing, f"not taken: {[design.transitions[number].id for number in missing]}"


SHIPPED = {path.relative_to(MACHINES).with_suffix("").as_posix(): path for path in sorted(MACHINES.rglob("*.yaml"))}
WHOLE = (
    "ac/current_watch",
    "ac/output",
    "ac/share",
    "ocpp/store",
    "pilot/bench_station",
    "pilot/bench_vehicle",
    "power/keep_alive",
    "power/share",
    "power/voltage_watch",
    "simulated/contactor",
    "simulated/light_stage",
    "simulated/lock",
    "simulated/module",
)
"""Shipped charts that translate though nobody has asked for it."""


def test_every_shipped_chart_is_whole_in_c_or_refused_with_its_places() -> None:
    whole = set()
    for name, path in SHIPPED.items():
        exported = export_c(engine.load(path))
        assert bool(exported.files) is not bool(exported.losses), name
        assert all(loss.position != NOWHERE for loss in exported.losses), name
        whole |= {name} if exported.files else set()
    assert whole == {*CHARTS, *WHOLE}


@pytest.mark.parametrize("chart", WHOLE)
def test_the_c_of_any_other_chart_does_what_the_engine_does(chart: str, tmp_path: Path) -> None:
    """A quick look: what the core has never met may be in one of them."""
    compiler("cc")
    design = design_of(chart)
    source = Random(design, TransitionSearch(design.chart).run().paths, SEED)
    sequences = [source.sequence(number) for number in range(SEQUENCES // 10)]
    sources = write_program(design, design.exported.files, tmp_path)
    program = compile_c(sources, tmp_path / design.name, SANITIZED)
    parted = differences(run_script(program, scripts(sequences)), sequences)
    assert not parted, f"{len(parted)} of {len(sequences)} sequences part:\n" + "\n\n".join(parted[:3])


# ---------------------------------------------------------------- mutants


def mutants(design: Design) -> dict[str, str]:
    """The source with one row of a table or one function changed, by what was changed."""
    source = design.exported.files[f"{design.name}.c"]
    found: dict[str, str] = {}
    rows = list(
        re.finditer(r"^    \{(\w+, \w+, \w+, \w+), (\d+)U, (\d+)U, (\d+)U\}, /\* (\d+): ", source, re.MULTILINE)
    )
    assert len(rows) == len(design.transitions)
    topology = design.topology
    entered = {  # states, by the number of the function that enters them
        row[4]: topology.entry([design.transitions[int(row[5])]], topology.no_history).states
        for row in rows
        if row[4] != "0"
    }
    ends = {one: any(design.states[n].kind is StateKind.FINAL for n in members(mask)) for one, mask in entered.items()}
    for states, leaves, actions, enters, number in (row.groups() for row in rows):
        before = f"{{{states}, {leaves}U, {actions}U, {enters}U}}, /* {number}: "
        # a machine that ends leaves all states again: nobody sees in which it was
        others = [one for one in entered if one != enters and not (ends.get(enters, False) and ends[one])]
        if enters != "0" and others:
            other = others[int(number) % len(others)]
            changed = f"{{{states}, {leaves}U, {actions}U, {other}U}}, /* {number}: "
            found[f"transition {number}: target"] = source.replace(before, changed)
    for guard in re.finditer(r"static bool (guard_\d+)\(.*?\n\}", source, re.DOTALL):
        held = re.sub(r"return (.*);", r"return (\1) || true;", guard[0])
        found[f"{guard[1]}: guard"] = source.replace(guard[0], held)
    for at, timer in enumerate(re.finditer(r"(chart_start(?:_checked)?\(chart, \d+U, )(.*?)((?:, \d+U)?\);)", source)):
        longer = f"{timer[1]}({timer[2]}) + 1{timer[3]}"
        found[f"timer {at}: duration"] = source[: timer.start()] + longer + source[timer.end() :]
    return found


@pytest.mark.parametrize("chart", CHARTS)
def test_a_changed_table_is_found(chart: str, tmp_path: Path) -> None:
    """A target, a guard or a timer's duration changed in the C alone: the comparison sees it."""
    design, sequences = design_of(chart), sequences_of(chart)
    script = scripts(sequences)
    changed = mutants(design)
    kinds = {kind: [name for name in sorted(changed) if name.endswith(kind)] for kind in KINDS}
    chosen = [name for names in kinds.values() for name in names[:: max(1, len(names) * len(KINDS) // MUTANTS)]]
    alive = []
    for number, name in enumerate(chosen):
        folder = tmp_path / str(number)
        files = {**design.exported.files, f"{design.name}.c": changed[name]}
        program = compile_c(write_program(design, files, folder), folder / design.name, ["-O0"])
        if not differences(run_script(program, script, sound=False), sequences):
            alive.append(name)
    assert not alive, f"{design.name}: nobody notices {alive}"


def test_a_missing_compiler_is_a_failure_where_it_can_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build step that is cut short must not look like success."""
    monkeypatch.setenv("CHARGECHART_COMPILERS", "required")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pytest.fail.Exception, match="cc is not installed"):
        compiler("cc")
