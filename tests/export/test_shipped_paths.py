"""The charts a charger runs on must be the same machines in a foreign engine, not only random charts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.language.model import Chart
from engine.run.machine import Machine
from engine.semantics.step import Call
from engine.tools.explore.stimuli import Stimulus, World, event_of
from engine.tools.export.losses import Construct
from engine.tools.export.scxml import state_ids
from engine.tools.export.statemachine import export_statemachine
from engine.tools.export.transitions import export_transitions
from engine.tools.export.xstate import export_xstate
from engine.tools.testing.transitions import TransitionSearch
from tests.export.peers import ROOT, Peer, node_with_xstate, python_with_peers

MACHINES = ROOT / "machines"
RUNTIME = ROOT / "engine" / "tools" / "export" / "xstate_runtime.mjs"
# What a host does (timers, orders), and what changes no configuration.
_HARMLESS = {
    Construct.TIMER,
    Construct.ADAPTER_ORDER,
    Construct.READING,
    Construct.SEND,
    Construct.OUTPUT,
    Construct.INVARIANT,
    Construct.STRICT,
    Construct.SHUTDOWN,
    Construct.MAIN,
    Construct.TYPES,
    Construct.BYTES,
}


@cache
def charts() -> dict[str, Chart]:
    """Read when a test asks: each worker that only collects would pay for all of them."""
    return {chart.name: chart for chart in map(engine.load, sorted(MACHINES.rglob("*.yaml")))}


CARRIED = {
    "python-statemachine": (
        "bench_station",
        "bench_vehicle",
        "console",
        "current_watch",
        "keep_alive",
        "ocpp_by_clock",
        "pilot_evse",
        "pilot_pev",
        "plc_modem",
        "schedule_rows",
        "simulated_contactor",
        "simulated_lock",
        "simulated_module",
        "slac_session",
        "voltage_watch",
    ),
    "transitions": ("console", "current_watch", "keep_alive", "simulated_lock"),
    "xstate": (
        "ac_share",
        "bench_station",
        "console",
        "current_watch",
        "keep_alive",
        "ocpp_by_clock",
        "pilot_pev",
        "plc_modem",
        "power_share",
        "schedule_rows",
        "simulated_lock",
        "simulated_module",
        "voltage_watch",
    ),
}
EXPORTS = {
    "python-statemachine": export_statemachine,
    "transitions": export_transitions,
    "xstate": export_xstate,
}


@pytest.fixture(scope="module")
def python() -> Iterator[Peer]:
    peer = Peer([str(python_with_peers()), str(Path(__file__).with_name("python_peer.py"))])
    yield peer
    peer.close()


@pytest.fixture(scope="module")
def xstate() -> Iterator[Peer]:
    module = node_with_xstate() / "node_modules" / "xstate" / "dist" / "xstate.cjs.mjs"
    peer = Peer(["node", str(Path(__file__).with_name("xstate_peer.mjs")), str(module), str(RUNTIME)])
    yield peer
    peer.close()


@pytest.mark.parametrize("format", EXPORTS)
def test_the_charts_a_format_can_carry_are_those_the_docs_name(format: str) -> None:
    """Of all others the export says what it leaves out."""
    losses = {name: {loss.construct for loss in EXPORTS[format](chart).losses} for name, chart in charts().items()}
    without_loss = {name for name, own in losses.items() if own <= _HARMLESS}
    assert without_loss == set(CARRIED[format])
    text = (ROOT / "docs" / "exports.md").read_text()
    (row,) = (line for line in text.splitlines() if line.startswith(f"| `{format}` carries |"))
    assert re.findall(r"`(\w+)`", row.partition("carries")[2]) == list(CARRIED[format])


@pytest.mark.parametrize(
    ("format", "name"), [(f, name) for f in ("python-statemachine", "transitions") for name in CARRIED[f]]
)
def test_a_python_library_takes_the_generated_paths_of_a_shipped_chart(python: Peer, format: str, name: str) -> None:
    """Every transition, by events, timers and readings: same configuration, data and orders after every step."""
    chart = charts()[name]
    ids = state_ids(chart)
    known = set(ids.values()) - {ids[""]}
    text = EXPORTS[format](chart).text
    kind = "transitions" if format == "transitions" else "statemachine"
    for generated in TransitionSearch(chart).run().paths:
        request = {"kind": kind, "text": text, "data": list(chart.data), **asked(chart, generated)}
        answer = python.ask(request)
        assert "error" not in answer, f"{generated.name}: {answer['error']}"
        expected, orders = own(chart, generated)
        got = [({s.rpartition(".")[2] for s in look["states"]} & known, look["data"]) for look in answer["seen"]]
        assert got[: len(expected)] == [({ids[s] for s in states}, data) for states, data in expected], generated.name
        if len(got) == len(expected):
            assert answer["orders"] == orders, generated.name


@pytest.mark.parametrize("name", CARRIED["xstate"])
def test_xstate_takes_the_generated_paths_of_a_shipped_chart(xstate: Peer, name: str) -> None:
    chart = charts()[name]
    config = json.loads(export_xstate(chart).text)
    for generated in TransitionSearch(chart).run().paths:
        answer = xstate.ask(untagged({"config": config, **asked(chart, generated)}))
        assert answer.get("error") is None, f"{generated.name}: {answer.get('error')}"
        assert answer["failure"] is None, generated.name
        expected, orders = own(chart, generated)
        got = [(set(look["states"]), {k: look["data"][k] for k in chart.data}) for look in answer["seen"]]
        assert got == untagged(expected), generated.name
        assert [order[:2] for order in answer["orders"]] == orders, generated.name


def asked(chart: Chart, generated: Any) -> dict[str, Any]:
    """The path as the peers read it."""
    steps = [generated.start, *generated.steps]
    return {
        "parameters": tagged(dict(generated.parameters)),
        "events": [given(chart, step) for step in generated.steps],
        "readings": [[[role, name, tagged(v)] for (role, name), v in step.readings.items()] for step in steps],
    }


def given(chart: Chart, step: Stimulus) -> list[Any]:
    if not step.timer:
        return [step.event, tagged(dict(step.data)) if step.data is not None else None]
    state = chart.states[step.timer.rpartition("/after ")[0]]
    return [
        "(timer)",
        [state.id, step.timer, [t.id for t in state.timers].index(step.timer), state_ids(chart)[state.id]],
    ]


def own(chart: Chart, generated: Any) -> tuple[list[tuple[set[str], dict[str, Any]]], list[list[str]]]:
    """States and data at the start and after each step, and the orders to adapters."""
    machine = Machine(chart, generated.parameters)
    seen: list[tuple[set[str], dict[str, Any]]] = []
    orders: list[list[str]] = []
    for number, step in enumerate((generated.start, *generated.steps)):
        if number and not machine.configuration:
            break
        machine.surroundings = World(step.readings, step.alive)
        if number == 0:
            done = machine.begin()
        else:
            done = machine.expire(step.timer) if step.timer else machine.process(event_of(step))
        orders += [[e.role, e.action] for e in done.effects if isinstance(e, Call)]
        values = {name: tagged(machine.data.get(name)) for name in chart.data}  # None: of a state not entered yet
        seen.append((set(machine.configuration), values))
    return seen, orders


def tagged(value: Any) -> Any:
    """JSON has no byte strings."""
    if isinstance(value, bytes):
        return {"$hex": value.hex()}
    if isinstance(value, dict):
        return {k: tagged(v) for k, v in value.items()}
    return [tagged(v) for v in value] if isinstance(value, (list, tuple)) else value


def untagged(value: Any) -> Any:
    """Byte strings as XState has them: hexadecimal text."""
    if isinstance(value, dict):
        return value["$hex"] if "$hex" in value else {k: untagged(v) for k, v in value.items()}
    return type(value)(untagged(v) for v in value) if isinstance(value, (list, tuple)) else value
