"""Both ends of the simulated pilot through their contracts: what a chart is told, and when."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.pilot.simulated import SimulatedPilotEvse, SimulatedPilotPev
from engine.adapter import AdapterError, World
from tests.slac.virtual_host import Clock, VirtualPort

MS, S = 1_000_000, 1_000_000_000


class Bench:
    """A station and a vehicle on one cable."""

    def __init__(self, evse: dict[str, Any] | None = None, **pev: Any) -> None:
        world, self.clock = World(), Clock()
        self.evse, self.pev = SimulatedPilotEvse(evse or {}, world), SimulatedPilotPev(pev, world)
        self.evse_port = VirtualPort(self.evse, self.clock, "evse.pilot")
        self.pev_port = VirtualPort(self.pev, self.clock, "pev.pilot")

    def highs(self) -> list[float]:
        return [round(event["high"], 2) for event in self.evse_port.named("levels")]


def test_plug_in_charge_and_plug_out() -> None:
    """Each change reaches the other side once, with the standard's voltages; the plug is seen by both."""
    bench = Bench(plug_after=500 * MS, unplug_after=5 * S)
    bench.clock.advance(S)
    bench.evse.set_duty(duty=5.0)
    bench.pev.set_load(load="C")
    bench.pev.set_load(load="B")
    assert bench.highs() == [12.0, 8.98, 8.98, 6.0, 8.98]
    assert [event["low"] for event in bench.evse_port.named("levels")][2:] == [-12.0] * 3
    assert bench.pev.is_connected
    assert (bench.pev.duty, bench.evse.duty) == (5.0, 5.0)
    assert [(e["duty"], e["frequency"]) for e in bench.pev_port.named("pwm")][:2] == [(100, 0), (5, 1000)]
    bench.clock.advance(5 * S)
    assert bench.highs()[-1] == 12.0
    assert [name for name, _ in bench.pev_port.events if name != "pwm"] == ["connected", "disconnected"]
    assert not bench.pev.is_connected
    assert (bench.evse.high, bench.evse.low) == (12.0, -12.0)


def test_station_alone_sees_no_vehicle() -> None:
    """A station's chart run on its own stays in A."""
    clock = Clock()
    evse = SimulatedPilotEvse({}, World())
    port = VirtualPort(evse, clock, "pilot")
    clock.advance(S)
    assert port.events == [("levels", {"high": 12.0, "low": 12.0})]


def test_contact_bounces_and_rests() -> None:
    """Fault 47: the contact opens and closes again within the time, and ends as the hand wanted it."""
    bench = Bench(plug_after=None, bounce=80 * MS)
    bench.clock.advance(10 * MS)
    bench.pev.cable.plug(bench.pev_port)
    bench.clock.advance(79 * MS)
    assert bench.highs()[1:] == [8.98, 12.0] * 5
    bench.clock.advance(S)
    assert bench.highs()[-1] == 8.98
    assert [name for name, _ in bench.pev_port.events if name != "pwm"] == ["connected"]
    bench.pev.cable.unplug(bench.pev_port)
    bench.clock.advance(S)
    assert bench.highs()[-1] == 12.0


def test_small_noise_is_not_reported_as_a_change() -> None:
    """Measuring noise does not flood a chart with levels, a real change comes through it."""
    bench = Bench({"noise": 0.2}, plug_after=None)
    bench.clock.advance(S)
    for _ in range(100):
        bench.evse.cable.changed()
    assert len(bench.evse_port.events) == 1
    bench.pev.cable.plug(bench.pev_port)
    bench.clock.advance(S)
    assert len(bench.evse_port.events) == 2


def test_wrong_orders_are_refused() -> None:
    """A duty beyond 100 % or an unknown load is a fault of the chart, named as such."""
    bench = Bench()
    with pytest.raises(AdapterError, match="101"):
        bench.evse.set_duty(duty=101.0)
    with pytest.raises(AdapterError, match="'E'"):
        bench.pev.set_load(load="E")
