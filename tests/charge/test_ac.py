"""An AC station and a vehicle, by the control pilot alone (by ISO 15118-2: test_ac_session.py)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import engine
from adapters.ac.circuit import AcCircuit, ac_circuit_of
from adapters.registry import REGISTRY
from engine.run import System
from engine.run.observer import Note
from engine.run.station import Overrides, Station, StationError, build, resolve
from tests.charge.bench import Bench, HandPort

_load = cache(engine.load)


@cache
def _plan(file: str, sets: tuple[str, ...], link: str | None = None, faults: tuple[str, ...] = ()) -> Station:
    """``engine run machines/evse_ac.yaml --station machines/stations/FILE --set … --link … --fault …``, resolved."""
    options = {"link": link} if link else {}
    return resolve(Path("machines/stations", file), None, Overrides(sets, {}, options, faults), REGISTRY, _load)


class AcBench(Bench):
    """``engine run machines/evse_ac.yaml --set … --fault …`` on the virtual clock; without a modem unless ``link`` says
    so. ``struck``: rules of faults that have."""

    def __init__(
        self,
        *sets: str,
        vehicle: bool = True,
        file: str = "evse_ac.toml",
        link: str = "none",
        faults: tuple[str, ...] = (),
    ) -> None:
        self.station = _plan(file, sets, link if file == "evse_ac.toml" else None, faults)
        self.system = System()
        self.system.observers.append(self)
        self.errors: list[str] = []
        self.said: list[tuple[float, str, dict[str, Any]]] = []
        self.shown: list[str] = []
        self.port = HandPort(self.system)
        self.struck: set[str] = set()
        self.main = next(iter(self.station.machines))
        if faults:  # they are the station file's, which is built as a whole
            build(self.station, self.system, REGISTRY)
            self.system.start()
            return
        self.bring(self.main)
        if vehicle:
            self.bring("pev")

    def note(self, note: Note) -> None:
        super().note(note)
        if note.kind == "fault":
            self.struck.add(note.text)

    @property
    def ac(self) -> AcCircuit:
        """The AC circuit, now."""
        circuit = ac_circuit_of(self.system.world, "1")
        circuit.advance(self.system.clock.now_ns())
        return circuit

    def charging(self, current_A: float = 16.0) -> AcBench:
        """Run until the vehicle draws so much."""
        self.until(lambda: abs(self.ac.current_A - current_A) < 0.01, 30, f"{current_A} A")
        return self

    def say(self, event: str, **data: Any) -> None:
        """What a site or an operator tells the station."""
        self.system.post(self.system.roots[self.main], event, data or None)
        self.system.run_due()

    def emit(self, role: str, event: str, **data: Any) -> None:
        """What an adapter of the station says."""
        self.adapter(self.main, role).port.emit(event, **data)
        self.system.run_due()

    def opened_within(self, seconds: float) -> None:
        """The contactor opens in time, and no current is left."""
        self.until(lambda: not self.circuit.station_closed, seconds, "open contactor")
        assert self.ac.current_A == 0.0


def ended(bench: AcBench, event: str = "session_ended") -> Callable[[], bool]:
    return lambda: any("end" in payload for payload in bench.events(event))


def result(bench: AcBench) -> dict[str, Any]:
    return next(payload for payload in bench.events("session_ended") if "end" in payload)


def test_a_wallbox_charges() -> None:
    """A card, a lock, 16 A on three phases, an end of its own; nothing is left closed, locked or on."""
    bench = AcBench(file="wallbox.toml")
    bench.until(ended(bench), 1000, "end")
    assert (result(bench)["end"], result(bench)["reason"]) == ("normal", "")
    assert 1330 < result(bench)["energy"] < 1345  # 2 % of 60 kWh at 90 %
    bench.run(2)
    assert not bench.circuit.station_closed
    assert not bench.inside(bench.main, "lock").is_locked
    assert not bench.errors


def test_the_current_follows_a_new_duty_within_5_s() -> None:
    """IEC 61851-1 sequence 7; below 6 A it is a pause, and the session lives on."""
    bench = AcBench().charging()
    bench.run(6)
    bench.say("limit", current=10.0)
    assert bench.until(lambda: bench.ac.current_A == 10.0, 5, "10 A") > 1
    bench.run(6)
    bench.say("limit", current=3.2)
    bench.opened_within(3)
    assert bench.cable.circuit.duty_percent == 100.0
    bench.run(120)
    bench.say("limit", current=12.0)
    bench.charging(12.0)
    assert not bench.events("session_ended")
    assert not bench.errors


def test_the_contactor_opens_within_100_ms_of_state_B() -> None:
    """The vehicle opens S2 under load; and when it is unplugged (sequences 8.1, 2.2)."""
    bench = AcBench().charging()
    bench.cable.set_load("B")
    bench.opened_within(0.1)
    assert not bench.errors
    bench = AcBench().charging()
    bench.cable.unplug(bench.port)  # type: ignore[arg-type]
    bench.opened_within(0.1)
    bench.until(ended(bench), 2, "end")
    assert not bench.errors


@pytest.mark.parametrize("state", ["A", "B", "C"])
def test_one_wrong_sample_now_and_then_does_nothing(state: str) -> None:
    """One in twenty of 20 ms, for 60 s (esp32-evse #180): a counter rises, nothing else."""
    bench = AcBench(vehicle=False) if state == "A" else AcBench("pev.T_ready=1 h")
    if state == "C":
        bench = AcBench().charging()
    bench.run(15)
    before = bench.states("evse")["evse"]
    for _ in range(150):
        for seconds, seen in ((0.38, "C" if state == "B" else "B"), (0.02, state)):
            bench.run(seconds)
            bench.cable.circuit.connected = seen != "A"
            bench.cable.set_load(seen if seen != "A" else "B")
    assert bench.circuit.station_closed is (state == "C")
    assert bench.ac.current_A == (16.0 if state == "C" else 0.0)
    assert bench.states("evse")["evse"] == before
    assert bench.data("evse/outlet/cp_line", "bounces") > 100
    assert not bench.events("session_ended")
    assert not bench.errors


def test_a_diode_that_is_lost_under_power() -> None:
    """Off, and so told, until the vehicle has gone (SmartEVSE-3.5 #133)."""
    bench = AcBench().charging()
    bench.cable.circuit.faults.diode_missing = True
    bench.cable.changed()
    bench.opened_within(0.2)
    assert "diode" in result(bench)["reason"]
    bench.run(60)
    assert not bench.circuit.station_closed


def test_stopped_at_full_current() -> None:
    """x1, then the vehicle's current goes, then the contactor: no contact is opened under load."""
    bench = AcBench().charging()
    bench.emit("button", "stop_pressed")
    currents = []
    while bench.circuit.station_closed:
        currents.append(bench.ac.current_A)
        bench.run(0.05)
    assert len(currents) < 60
    assert currents[-1] < 1.0
    assert bench.data(f"{bench.main}/outlet", "under_load") == 0
    assert not bench.errors


def test_residual_current_and_emergency() -> None:
    for role, event, data in (("rcd", "tripped", {"kind": "dc"}), ("button", "emergency_stop", {})):
        bench = AcBench().charging()
        bench.emit(role, event, **data)
        bench.opened_within(0.1)
        assert bench.cable.circuit.duty_percent == 0.0
        bench.run(1)
        assert not bench.inside(bench.main, "lock").is_locked
        assert not bench.errors


def test_a_vehicle_that_takes_too_much() -> None:
    """4 A more than it is offered: cut off, and not the station's fault."""
    bench = AcBench("pev.adapters.charger.excess=4", "evse.outlet.I_outlet=10 A")
    bench.until(lambda: bench.circuit.station_closed, 10, "voltage")
    bench.until(lambda: not bench.circuit.station_closed, 10, "open contactor")
    assert "draws more" in result(bench)["reason"]


def test_phases_are_switched_without_voltage() -> None:
    bench = AcBench().charging()
    before_W = bench.ac.power_W
    bench.say("phases", count=1)
    bench.until(lambda: bench.ac.phases == 1, 30, "one phase")
    assert not bench.circuit.station_closed
    bench.charging()
    assert bench.ac.power_W == before_W / 3
    assert bench.events("phases_now") == [{"count": 1}]
    assert not bench.errors


def test_a_small_cable_is_a_limit() -> None:
    AcBench("evse.adapters.proximity.rating=13").charging(13.0)


def test_a_vehicle_that_needs_ventilation() -> None:
    bench = AcBench("pev.ventilated=yes", "evse.outlet.ventilation=yes").charging()
    assert bench.adapter(bench.main, "fan").is_running
    closed = AcBench("pev.ventilated=yes")
    closed.run(60)
    assert not closed.circuit.station_closed
    assert not bench.errors + closed.errors


def test_after_a_power_cut() -> None:
    """The vehicle was there before the station: nothing is resumed by itself."""
    bench = AcBench("evse.authorisation=external", vehicle=False)
    bench.bring("pev")
    bench.run(120)
    assert not bench.circuit.station_closed
    bench.emit("reader", "authorised")
    bench.charging()


def test_the_end_of_the_program_in_mid_charge() -> None:
    """In order: no load is broken, the plug is released, F stands."""
    bench = AcBench().charging()
    bench.say("shut_down")
    bench.until(lambda: bool(bench.events("shut")), 14, "end")
    assert not bench.circuit.station_closed
    assert not bench.inside(bench.main, "lock").is_locked
    assert bench.cable.circuit.duty_percent == 0.0
    assert bench.data(f"{bench.main}/outlet", "under_load") == 0
    assert not bench.errors


def test_the_soc_reader_reads_a_vehicle_that_speaks() -> None:
    """Real bytes from SLAC to ChargeParameterDiscovery; no voltage until it is over, and out of the network then."""
    bench = AcBench("pev.adapters.battery.soc=63", file="soc_reader.toml")
    bench.until(lambda: bool(bench.events("soc")), 30, "state of charge")
    (told,) = bench.events("soc")
    assert (told["soc"], told["protocol"], told["EVCCID"]) == (63, "iso2", bytes.fromhex("020000000001"))
    assert not bench.circuit.station_closed
    bench.until(ended(bench), 60, "end")
    assert result(bench)["end"] == "normal"
    assert not bench.errors


def test_the_soc_reader_charges_a_vehicle_that_does_not_speak() -> None:
    bench = AcBench(file="soc_reader.toml", vehicle=False)
    evse = _plan("evse_ac.toml", ())
    bench.station = Station("", {**bench.station.machines, "pev": evse.machines["pev"]})
    bench.bring("pev")
    bench.until(lambda: bool(bench.events("unread")), 60, "word that it is not read")
    bench.charging()
    assert not bench.events("soc")
    assert not bench.errors


@pytest.mark.parametrize("count", [0, 4, -1])
def test_an_outlet_has_one_to_three_phases(count: int) -> None:
    with pytest.raises(StationError, match=f"setting count: 1 to 3 phases are connected, not {count}"):
        AcBench(f"adapters.phase_switch.count={count}")


@pytest.mark.parametrize("count", [3, 1])
def test_the_current_follows_the_rows_of_a_schedule(count: int) -> None:
    """By the nominal duty, for each connected phase; a row of nothing is a pause, and a limit that is less goes
    before."""
    rows = [count * 230.0 * amperes for amperes in (16, 8, 0, 12)]
    bench = AcBench(
        f"adapters.phase_switch.count={count}",
        "plan.start=[0 s, 60 s, 90 s, 120 s]",
        f"plan.PMax={rows}",
    ).charging(16.0)
    bench.until(lambda: bench.ac.current_A == 8.0, 60, "8 A")
    assert bench.cable.circuit.duty_percent == pytest.approx(8 / 0.6)
    bench.until(lambda: not bench.circuit.station_closed, 40, "a pause")
    assert bench.cable.circuit.duty_percent == 100.0
    bench.until(lambda: bench.ac.current_A == 12.0, 60, "12 A")
    bench.say("limit", current=9.0)
    bench.until(lambda: bench.ac.current_A == 9.0, 5 + 5, "9 A")
    bench.say("schedule", start=[0], PMax=[count * 230.0 * 7])
    bench.charging(7.0)
    assert not bench.events("schedule_refused")
    assert not bench.errors


def test_a_meter_that_falls_silent_ends_the_charge() -> None:
    """Its last word would be within any limit for ever: the contactor opens in 15 s, the outlet is out of order and
    says why, and after a reset and a new meter it charges."""
    bench = AcBench(faults=("drop:meter.current_L1:@60s-120s",))
    bench.until(lambda: bench.now_s >= 60.0, 61, "the fault")
    assert bench.circuit.station_closed
    bench.opened_within(15.2)
    assert (result(bench)["reason"], result(bench)["end"]) == ("the meter does not report", "failed")
    assert bench.struck
    bench.run(60)
    bench.emit("button", "reset_pressed")
    bench.until(lambda: bench.circuit.station_closed, 30, "another charge")
    assert not bench.errors


def test_a_pilot_board_that_comes_back() -> None:
    """F and no voltage while nobody knows what the pilot is; then the vehicle that stayed charges on, by nobody's
    hand."""
    bench = AcBench().charging()
    bench.emit("pilot", "lost", reason="the pilot board is silent")
    bench.opened_within(0.1)
    bench.run(20)
    assert bench.cable.circuit.duty_percent == 0.0
    assert result(bench)["reason"] == "the pilot board is silent"
    bench.emit("pilot", "found")
    bench.charging()
    assert not bench.errors
