"""C180, held against planted faults: an unsafe order that an end leaves standing, and everything that takes it back."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.language.load.contract import load_contract
from engine.language.model import Chart
from engine.tools.check import check
from engine.tools.testing.transitions import TransitionSearch
from engine.tools.testing.verify import verify

CONTRACT = """
contract: oven
actions:
  "on": {args: {}}
  "off": {args: {}}
  door: {args: {open: bool}}
  power: {args: {level: float %}}
values: {hot: bool, level: float %}
unsafe:
  - {order: on(), until: off()}
  - {order: door(open=True), until: door(open=False)}
  - {order: power(), until: [power(level=0 %), off()]}
"""
HEAD = """
machine: baker
adapters: {oven: oven}
events: {go: {direction: in}, stop: {direction: in}, set: {direction: in, payload: {level: float %, open: bool}}}
"""


def chart(tmp_path: Path, text: str) -> Chart:
    (tmp_path / "oven.contract.yaml").write_text(CONTRACT)
    return engine.load_text(HEAD + text, contracts={"oven": load_contract(tmp_path / "oven.contract.yaml")})


def told(tmp_path: Path, text: str) -> list[str]:
    findings = check(chart(tmp_path, text)).findings
    return [f.message.partition(" when it is ended in ")[2] for f in findings if f.code == "C180"]


@pytest.mark.parametrize(
    ("states", "left"),
    [
        ("states: {a: {on: {go: b}}, b: {entry: oven.on(), on: {stop: c}}, c: {on: {go: a}}}", ["b, c, a"]),
        ("states: {a: {on: {go: b}}, b: {entry: oven.on(), on: {stop: {target: a, actions: oven.off()}}}}", ["b"]),
        ("states: {a: {on: {go: {target: b, actions: oven.on()}}}, b: {on: {stop: c}}, c: {entry: oven.off()}}", ["b"]),
        ("states: {a: {on: {go: {actions: oven.on()}}}}", ["a"]),
        ("states: {a: {on: {go: b}}, b: {entry: oven.on(), states: {x: {on: {go: y}}, y: }}}", ["b"]),
        ("states: {a: {on: {go: b}}, b: {states: {x: {on: {go: y}}, y: {entry: oven.on()}}}}", ["b.y"]),
        (
            "type: parallel\nstates: {l: {on: {go: {actions: oven.on()}}}, r: {on: {stop: {actions: oven.off()}}}}",
            ["l"],
        ),
        ("states: {a: {on: {set: {actions: oven.door(open=event.open)}}}}", ["a"]),
        ("states: {a: {on: {set: {actions: oven.power(level=event.level)}}}}", ["a"]),
        ("states: {a: {on: {go: {actions: oven.power(level=5 %)}}}}", ["a"]),
        # what looks like a way back and is none
        ("exit: {if: oven.hot, then: oven.off()}\nstates: {a: {entry: oven.on()}}", ["a"]),
        ("exit: [oven.power(level=oven.level), oven.off()]\nstates: {a: {entry: oven.on()}}", ["a", "a"]),
        ("exit: oven.door(open=True)\nstates: {a: {entry: oven.door(open=True)}}", ["a"]),
        ("states: {a: {entry: oven.on(), on: {go: b}}, b: {exit: oven.off()}}", ["a"]),
        ("exit: [oven.off(), oven.on()]\nstates: {a: {}}", ["a"]),
        ("states: {a: {on: {go: b}}, b: {type: final, entry: oven.on()}}", ["b"]),
    ],
)
def test_it_names_the_states(tmp_path: Path, states: str, left: list[str]) -> None:
    assert [sorted(one.split(", ")) for one in told(tmp_path, states)] == [sorted(one.split(", ")) for one in left]


@pytest.mark.parametrize(
    "states",
    [
        "exit: oven.off()\nstates: {a: {entry: oven.on(), on: {go: b}}, b: {on: {stop: a}}}",
        "states: {a: {on: {go: b}}, b: {entry: oven.on(), exit: oven.off(), on: {stop: a}}}",
        "states: {a: {on: {go: b.x}}, b: {exit: oven.off(), states: {x: {entry: oven.on()}}}}",
        "exit: [[oven.power(level=oven.level)], [oven.off()]]\nstates: {a: {entry: oven.on()}}",
        "exit: {if: oven.hot, then: oven.off(), else: [oven.off()]}\nstates: {a: {entry: oven.on()}}",
        "exit: oven.power(level=0 %)\nstates: {a: {on: {go: {actions: oven.power(level=5 %)}}}}",
        "states: {a: {on: {set: {actions: oven.power(level=0 %)}}}}",
        "states: {a: {entry: oven.door(open=False)}}",
        "states: {a: {on: {go: b}}, b: {type: final, entry: oven.on(), exit: oven.off()}}",
        "states: {a: {on: {go: {actions: [oven.on(), oven.off()]}}}}",
    ],
)
def test_what_is_taken_back_is_not_told(tmp_path: Path, states: str) -> None:
    assert told(tmp_path, states) == []


@pytest.mark.parametrize(
    ("file", "line", "left"),
    [
        ("power/dc_output", "exit: [supply.off(), contactor.set(closed=False)]\n", {"supply.on()", "contactor.set"}),
        ("power/dc_output", "    exit:\n      - imd.stop()\n", {"imd.start()"}),
        ("pilot/evse", "exit: pilot.set_duty(duty=0 %)\n", {"pilot.set_duty()"}),
        ("pilot/pev", "exit: pilot.set_load(load='B')\n", {"pilot.set_load()"}),
        ("pev_dc", "exit: battery.open_contactors()\n", {"battery.close_contactors()"}),
    ],
)
def test_no_exit_of_a_shipped_chart_can_be_forgotten(file: str, line: str, left: set[str]) -> None:
    path = Path("machines", f"{file}.yaml")
    text = path.read_text(encoding="utf-8")
    assert text.count(line) == 1
    without = path.with_name(f"{path.stem}_without_exit.yaml")
    report = check(engine.load_text(text.replace(line, ""), str(without)), 0)
    found = {f.message.partition(" may stand")[0] for f in (*report.findings, *report.waived) if f.code == "C180"}
    assert all(any(one.startswith(order) for one in found) for order in left)


@pytest.mark.parametrize(
    ("exit_", "found"), [("", True), ("exit: oven.off()\n", False), ("waive: {C180: a test}\n", False)]
)
def test_generated_paths_end_their_machine_and_look(tmp_path: Path, exit_: str, found: bool) -> None:
    text = "states: {a: {on: {go: b}}, b: {entry: oven.on(), on: {stop: a, set: }}}\n"
    loaded = chart(tmp_path, exit_ + text)
    problems = verify(loaded, TransitionSearch(loaded).run().paths)
    assert any("oven.on() stands when the machine is ended here" in str(p) for p in problems) == found
    assert found or problems == []
