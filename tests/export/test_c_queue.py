"""The room of the C for internal events: as many as may wait, or an assertion whose reason the export has told."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.cli import main
from engine.tools.export.c import designed
from engine.tools.export.c.bound import bound_of
from tests.export.c_peer import CHARTS, ROOT, SANITIZED, compile_c, run_script, write_program

CHART = """\
machine: counted
data: {n: {type: int, min: 0, max: 9, initial: 0, waive: {C121: shown}}}
events: {go: {direction: in}, one: {}, two: {}, three: {}}
initial: idle
states:
  idle:
    on:
      go:
        target: busy
        actions: [{raise: one}, {if: n == 0, then: {raise: two}, else: [{raise: one}, {raise: two}]}]
  busy:
    entry: {raise: three}
    on:
      one: {actions: [assign: {n: n + 1}]}
      two: {actions: {raise: one}}
      three: {target: idle}
"""
ACTIONS = "[{raise: one}, {if: n == 0, then: {raise: two}, else: [{raise: one}, {raise: two}]}]"
FULL = "fault(102) "


@pytest.mark.parametrize("chart", CHARTS)
def test_the_room_of_what_a_microcontroller_runs_is_proven(chart: str) -> None:
    _, design = designed(engine.load(str(ROOT / "machines" / f"{chart}.yaml")))
    assert bound_of(design).why == ""


@pytest.mark.parametrize(
    ("old", "new", "events"),
    [
        (ACTIONS, "{raise: one}", 2),  # and `three`, of the entry
        (ACTIONS, "[{if: n == 0, then: [{raise: one}], else: [{raise: two}]}]", 2),  # one branch or the other
        ("{raise: three}", "[[{raise: three}], [{raise: three}]]", 5),  # one more than with one of them
        ("on:\n      one: {actions", "exit: {raise: two}\n    on:\n      one: {actions", 4),  # `two` for `three`
        ("two: {actions: {raise: one}}", "two: {actions: [{raise: one}, {raise: three}]}", 5),
        (
            "initial: idle\n",
            "initial: idle\nentry: [{raise: one}, {raise: one}, {raise: one}, {raise: one}, {raise: one}]\n",
            5,
        ),
        ("two: {actions: {raise: one}}", "two: {actions: {raise: two}}", 4),  # it takes its own place, without end
        ("    entry: {raise: three}", "    always: {target: idle, actions: [{raise: one}, {raise: one}]}", 5),
    ],
)
def test_no_more_events_can_wait_than_it_says(old: str, new: str, events: int) -> None:
    """Branches, blocks, exits, the start, what an event leaves in its place, what is eventless."""
    assert old in CHART
    _, design = designed(engine.load_text(CHART.replace(old, new), "counted.yaml"))
    bound = bound_of(design)
    assert (bound.events, bound.why) == (events, "")


def ran(text: str, folder: Path, room: str = "") -> list[str]:
    """What the C of a chart says at its start and to `go`. ``room``: a smaller one."""
    exported, design = designed(engine.load_text(text, "counted.yaml"))
    header = exported.files["counted.h"]
    if room:
        exported.files["counted.h"] = header.replace(f"QUEUE {bound_of(design).events}U", f"QUEUE {room}U")
        assert exported.files["counted.h"] != header
    program = compile_c(write_program(design, exported.files, folder), folder / "counted", SANITIZED)
    return run_script(program, f"N\nB 0\nE {design.by_name['go'].number} 0\n")


def test_one_place_less_would_be_too_few(tmp_path: Path) -> None:
    """The bound is the greatest number that does wait here, and the assertion is there."""
    text = CHART.replace("initial: 0,", "initial: 1,")
    assert FULL not in ran(text, tmp_path / "proven")[1]
    assert FULL in ran(text, tmp_path / "less", room="3")[1]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "two: {actions: {raise: one}}",
            "two: {actions: [{raise: two}, {raise: two}]}",
            "two, raised at counted.yaml:",
        ),
        (
            "one: {actions: [assign: {n: n + 1}]}",
            "one: {actions: [{raise: two}, {raise: two}]}",
            "one, raised at counted.yaml:",
        ),
    ],
)
def test_what_is_not_proven_is_told_and_fails_an_assertion(
    old: str, new: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the export, with the places, and in the header; then by the machine, which does nothing any more."""
    path = tmp_path / "counted.yaml"
    path.write_text(CHART.replace(old, new).replace("      three: {target: idle}\n", ""))
    assert main(["export", str(path), "--to", "c", "-o", str(tmp_path / "c")]) == 0
    error = capsys.readouterr().err
    assert error.startswith("note: COUNTED_QUEUE is not proven: ")
    assert told in error
    assert f"not proven: {error.split(': ', 2)[2].strip()}" in (tmp_path / "c" / "counted.h").read_text()
    assert FULL in ran(path.read_text(), tmp_path / "run")[1]
