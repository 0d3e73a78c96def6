"""The last resort: whatever was ordered, an adapter that is closed leaves nothing energised, closed or locked."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from adapters.power.circuit import PowerCircuit
from adapters.registry import IMPLEMENTATIONS, REGISTRY
from engine.adapter import Adapter
from engine.language.load.contract import installed_contracts
from engine.run import Note, StepRecord, System
from engine.run.station import Overrides, Station, build, resolve
from engine.run.station.plan import MachinePlan

MS, S = 1_000_000, 1_000_000_000
CONTRACTS = {name: contract for name, contract in installed_contracts().items() if contract.unsafe}
IS_SAFE: dict[str, Callable[[Any], bool]] = {
    "power_supply": lambda supply: not supply.output_on,
    "contactor": lambda contactor: not contactor.is_closed,
    "contacts": lambda contacts: not contacts.is_closed,
    "connector_lock": lambda lock: not lock.is_locked,
    "insulation_monitor": lambda monitor: True,  # it is told nothing more: see below
    "pilot_evse": lambda pilot: pilot.duty in (0.0, 100.0),
    "pilot_board": lambda board: board._session is None,  # nobody speaks to it: it holds state F by itself
    "pilot_pev": lambda pilot: pilot.cable.circuit.load == "B",
    "traction_battery": lambda battery: not battery.now().vehicle_closed,
    "onboard_charger": lambda charger: charger.current == 0.0,  # its lock is the driver's
    "module_rack": lambda rack: not any(module.delivers for module in rack.modules.values()),
    "power_modules": lambda modules: not modules.left_on,  # over a bus: tests/can
}
PARTS = [(name, how) for name in CONTRACTS for how, where in IMPLEMENTATIONS[name].items() if ":" in where]
DEVICES = [(c, how) for c in CONTRACTS for how, where in IMPLEMENTATIONS[c].items() if "/simulated/" in where]
"""Charts that stand for a device: the last resort is the adapter that each of them moves."""
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int": st.sampled_from([1, 5]),
    "float": st.sampled_from([0.0, 5.0, 53.0, 100.0]),
    "enum": st.sampled_from(["B", "C", "D"]),
}


class Heard:
    """Observer: what the adapter says."""

    def __init__(self) -> None:
        self.events = 0

    def step(self, record: StepRecord) -> None:
        self.events += record.cause == "event"

    def note(self, note: Note) -> None:
        """Of no interest."""


@cache
def shipped_station() -> Station:
    return resolve(Path("machines/evse_dc.yaml"), None, Overrides((), {}), REGISTRY, engine.load)


def test_every_contract_that_pairs_its_orders_is_looked_at() -> None:
    assert set(CONTRACTS) == set(IS_SAFE)
    energise = {"power_supply", "contactor", "traction_battery", "pilot_evse", "pilot_pev", "connector_lock"}
    assert energise < set(CONTRACTS)


def part(contract: str, how: str) -> tuple[System, Any, Heard]:
    chart = engine.load_text(f"machine: holder\nadapters: {{part: {contract}}}\nstates: {{a: {{on: {{part.*: }}}}}}")
    module, _, name = IMPLEMENTATIONS[contract][how].partition(":")
    system = System()
    made: type[Adapter] = getattr(import_module(module), name)
    actor = system.add(chart, adapters={"part": made({}, system.world)})
    heard = Heard()
    system.observers.append(heard)
    system.start()
    return system, actor.roles["part"], heard


@pytest.mark.parametrize(("contract", "how"), PARTS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_closed_adapter_is_safe_whatever_was_ordered(contract: str, how: str, data: st.DataObject) -> None:
    """Also in the middle of a movement; and nothing that was under way comes back after it."""
    system, binding, heard = part(contract, how)
    plain = [
        action
        for action in binding.contract.actions.values()
        if action.result is None and all(type_.kind.value in VALUES for type_ in action.args.values())
    ]
    for _ in range(data.draw(st.integers(0, 6))):
        action = data.draw(st.sampled_from(plain))
        args = {name: data.draw(VALUES[type_.kind.value]) for name, type_ in action.args.items()}
        binding.call(action.name, args)
        system.advance(data.draw(st.sampled_from([0, 1 * MS, 20 * MS, 300 * MS, 2 * S])))
    binding.close()
    assert IS_SAFE[contract](binding.adapter)
    before = heard.events
    system.advance(5 * S)
    assert IS_SAFE[contract](binding.adapter)
    if contract == "insulation_monitor":
        assert heard.events == before


def test_a_lock_is_not_released_while_the_output_is_live() -> None:
    """Who hurries the end of a station at 400 V: what the chart did not release stays locked."""
    system, binding, _ = part("bolt", "simulated")
    circuit: PowerCircuit = system.world.shared("power circuit 1", PowerCircuit)
    binding.call("move", {"locked": True})
    system.advance(1 * S)
    circuit.output_V, circuit.set_V, circuit.on = 400.0, 400.0, True
    binding.close()
    assert binding.adapter.is_locked


@pytest.mark.parametrize(("contract", "how"), DEVICES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_device_that_is_a_chart_is_safe_at_the_end(contract: str, how: str, data: st.DataObject) -> None:
    """Whatever was ordered of it, in the middle of a movement too: when the run ends, what it moves has been let go."""
    station = shipped_station()
    role = next(r for r, c in station.machines["evse"].contracts.items() if c.name == contract)
    plan = station.machines["evse"].adapters[role]
    assert plan.use == how
    chart = engine.load_text(
        f"machine: holder\nadapters: {{{role}: {contract}}}\nstates: {{a: {{on: {{{role}.*: }}}}}}"
    )
    system = System()
    build(Station("", {"holder": MachinePlan("holder", chart, {}, {role: plan})}), system, REGISTRY)
    system.start()
    binding = system.roots["holder"].roles[role]
    (inner,) = system.servers[f"holder/{role}"].actor.roles.values()
    plain = [action for action in binding.contract.actions.values() if action.result is None]
    for _ in range(data.draw(st.integers(0, 6))):
        action = data.draw(st.sampled_from(plain))
        binding.call(action.name, {name: data.draw(VALUES[kind.kind.value]) for name, kind in action.args.items()})
        system.advance(data.draw(st.sampled_from([0, 1 * MS, 20 * MS, 300 * MS, 2 * S])))
    system.shutdown()
    assert IS_SAFE[contract](inner.adapter)
