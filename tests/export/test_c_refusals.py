"""What the C of a chart cannot be is said with its place in the YAML, and then there is no C."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.cli import main
from engine.tools.export.c import export_c

CHART = """\
machine: refused
parameters:
  most: {type: int, default: 5}
data:
  x: {type: int, initial: 0}
  y: {type: int, initial: 0}
  r: {type: float, initial: 0.0}
  t: {type: string, initial: "''"}
  narrow: {type: int, initial: 0}
events:
  e: {direction: in, payload: {v: int, w: string}}
  f: {direction: in}
initial: a
states:
  a:
    on:
      e:
        guard: event.v > 0
        target: b
  b: {on: {f: a}}
"""
GUARD = "        guard: event.v > 0"
TARGET = "        target: b"


@pytest.mark.parametrize(
    ("old", "new", "place", "told"),
    [
        (GUARD, "        guard: x * y > 3", "18:9", "fits no integer type of C: give its operands a range"),
        (GUARD, "        guard: x + y > most", "18:9", "a whole number from -18446744073709551616 to"),
        (
            GUARD,
            "        guard: x > r",
            "18:9",
            "a whole number beyond 2 ** 53 compared with a float: give it a range",
        ),
        (GUARD, "        guard: event.w == str(r)", "18:9", "str() as string is not translated"),
        (
            TARGET,
            "        actions: [assign: {t: t + event.w}]",
            "19:28",
            "a text of up to 510 octets where 255 are held",
        ),
        (
            TARGET,
            "        actions: [{foreach: {in: 'range(x)', item: i, do: [raise: f]}}]",
            "19:29",
            "`foreach` is not",
        ),
        (TARGET, "        actions: [log: '{r}']", "19:24", "str() as string is not translated"),
        (
            TARGET,
            "        actions: [send: {event: f}]",
            "19:25",
            "only a `send` of a named event to the parent or a child",
        ),
        ("  r: {type: float, initial: 0.0}", "  r: {type: float?, initial: None}", "7:3", "a value that may be None"),
        (
            "  b: {on: {f: a}}",
            "  b: {states: {c: {}, h: {type: history, target: c}}, on: {f: a}}",
            "20:23",
            "history is",
        ),
        ("  b: {on: {f: a}}", "  b: {on: {f: a}, invariant: x >= 0}", "20:30", "invariants: it is not translated"),
        ("payload: {v: int,", "payload: {v: list of int,", "11:3", "its field 'v': a list in an event"),
        ("payload: {v: int,", "payload: {v: list of string,", "11:3", "its field 'v': a list in an event"),
    ],
)
def test_it_is_refused_with_its_place(tmp_path: Path, old: str, new: str, place: str, told: str) -> None:
    path = tmp_path / "refused.yaml"
    assert old in CHART
    text = CHART.replace(old, new)
    path.write_text(text.replace("event.v > 0", "len(event.v) > 0") if "list of" in new else text)
    exported = export_c(engine.load(path))
    losses = [str(loss) for loss in exported.losses]
    assert any(loss.startswith(f"{path}:{place}: ") and told in loss for loss in losses), losses
    assert not exported.files


def test_a_declared_range_makes_room(tmp_path: Path) -> None:
    """What is said to help does."""
    text = CHART.replace(GUARD, "        guard: x * y > 3")
    for name in ("x", "y"):
        text = text.replace(f"  {name}: {{type: int,", f"  {name}: {{type: {{type: int, min: 0, max: 200}},")
    exported = export_c(engine.load_text(text, "ranged.yaml"))
    assert not exported.losses
    assert "uint8_t x;" in exported.files["refused.h"]


SPAWNING = """\
machine: parent
parameters: {most: {type: int, default: 3}}
events: {go: {direction: in, payload: {key: {type: bytes, max: 6}}}}
initial: a
states:
  a:
    on:
      go:
        guard: alive(child) < most
        actions:
          - spawn: {id: child, src: child.yaml, key: event.key}
"""


def test_children_without_an_end_are_refused(tmp_path: Path) -> None:
    """The most that may run is declared in the chart, and a host is told it."""
    (tmp_path / "child.yaml").write_text("machine: child\nstates: {only: {}}\n")
    path = tmp_path / "parent.yaml"
    path.write_text(SPAWNING)
    (loss,) = map(str, export_c(engine.load(path)).losses)
    assert loss.startswith(f"{path}:11:20: ")
    assert "guard it by `alive(child) < PARAMETER`, which has a `max`" in loss
    path.write_text(SPAWNING.replace("type: int, default", "type: int, max: 9, default"))
    assert "#define PARENT_MOST_child 9U" in export_c(engine.load(path)).files["parent.h"]
    path.write_text(
        SPAWNING.replace("type: bytes, max: 6", "type: bytes").replace("int, default", "int, max: 9, default")
    )
    assert f"{path}:3:10: " in str(export_c(engine.load(path)).losses[0])


def test_a_text_has_as_much_room_as_the_chart_declares() -> None:
    text = CHART.replace("t: {type: string,", "t: {type: {type: string, max: 7},")
    assert "char t[8];" in export_c(engine.load_text(text, "short.yaml")).files["refused.h"]


def test_the_command_writes_both_files_or_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(CHART)
    bad.write_text(CHART.replace(TARGET, "        actions: [log: '{r}']"))
    assert main(["export", str(good), "--to", "c", "-o", str(tmp_path / "c")]) == 0
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["refused.c", "refused.h"]
    assert main(["export", str(bad), "--to", "c", "-o", str(tmp_path / "none")]) == 1
    assert not (tmp_path / "none").exists()
    assert f"error: {bad}:19:24: " in capsys.readouterr().err
    assert main(["export", str(good), "--to", "c"]) == 2
    assert "name a folder with -o" in capsys.readouterr().err


def test_an_edited_threshold_and_transition_reach_the_c(tmp_path: Path) -> None:
    """The pilot's chart is the only file to edit."""
    text = (Path(__file__).parents[2] / "machines" / "pilot" / "evse.yaml").read_text()
    source = export_c(engine.load_text(text, "evse.yaml")).files["pilot_evse.c"]
    moved = text.replace("U_A: {type: float V, default: 11 V", "U_A: {type: float V, default: 10.5 V")
    assert "10.5, /* U_A */" in export_c(engine.load_text(moved, "evse.yaml")).files["pilot_evse.c"]
    assert "11.0, /* U_A */" in source
    retargeted = text.replace("T_step_EF: high", "T_step_EF: signal.x1")
    assert retargeted != text
    assert export_c(engine.load_text(retargeted, "evse.yaml")).files["pilot_evse.c"] != source
