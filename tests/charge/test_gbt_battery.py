"""machines/power/bms_gbt.yaml and machines/batteries/gbt.yaml on one bus with real frames, transport
protocol and all, on the virtual clock. The test stands for whoever has the output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import engine
from adapters.can.roles import GbtBattery, GbtCharger
from adapters.can.simulated import SimulatedCanBus
from adapters.power.vehicle import SimulatedBattery
from engine.run import System
from engine.run.faults import parse_rule
from engine.run.observer import Note, StepRecord

S = 1_000_000_000
BATTERY = {"soc": 40.0, "capacity": 30_000.0, "maximum_voltage": 410.0, "maximum_current": 100.0}


class GbtBench:
    """Charger's side and battery. ``said``: what each has told: (machine, event, data)."""

    def __init__(self, **battery: Any) -> None:
        self.system = System()
        self.system.observers.append(self)
        self.said: list[tuple[str, str, dict[str, Any]]] = []
        self.errors: list[str] = []
        self.shown: set[str] = set()
        world = self.system.world
        bus = {"bus": "1", "bitrate": 250_000}
        self.charger = self.system.add(
            engine.load("machines/power/bms_gbt.yaml"),
            "charger",
            {},
            {
                "bus": SimulatedCanBus({**bus, "node": "charger"}, world),
                "bms": GbtCharger({"bus": "1", "node": "charger"}, world),
            },
        )
        self.battery = self.system.add(
            engine.load("machines/batteries/gbt.yaml"),
            "battery",
            battery,
            {
                "bus": SimulatedCanBus({**bus, "node": "battery"}, world),
                "bms": GbtBattery({"bus": "1", "node": "battery"}, world),
                "battery": SimulatedBattery(BATTERY, world),
            },
        )
        self.system.start()
        self.run(0.1)
        self.post("plugged")

    def step(self, record: StepRecord) -> None:
        """Observer."""

    def note(self, note: Note) -> None:
        if note.kind == "out":
            self.said.append((note.path, note.text, dict(note.data)))
            if (note.path, note.text) == ("charger", "prepare"):
                self.post("ready")
        elif note.kind in ("adapter_error", "machine_failed", "queue_full", "child_refused", "invariant"):
            self.errors.append(f"{note.path}: {note.text}")

    def post(self, event: str, **data: Any) -> None:
        self.system.post(self.charger, event, data)

    def run(self, seconds: float) -> None:
        self.system.advance(round(seconds * S))

    def until(self, condition: Callable[[], bool], seconds: float) -> None:
        limit = self.system.clock.now_ns() + round(seconds * S)
        if not self.system.run_until(condition, limit) and not condition():
            raise AssertionError((self.charger.machine.configuration, self.battery.machine.configuration, self.errors))

    def told(self, event: str, who: str = "charger") -> list[dict[str, Any]]:
        return [data for path, name, data in self.said if (path, name) == (who, event)]

    def is_in(self, state: str) -> bool:
        return state in self.charger.machine.configuration


def charging(**battery: Any) -> GbtBench:
    bench = GbtBench(**battery)
    bench.until(lambda: bench.is_in("dialogue.charging") and len(bench.told("demand")) > 3, 10)
    return bench


def test_a_whole_dialogue() -> None:
    """From CHM to the statistics, BRM and the others of more than 8 octets through the transport protocol."""
    bench = GbtBench(stop_at_soc=40.0)
    bench.until(lambda: bench.told("over") != [], 15)
    assert bench.told("over") == [{"end": "normal", "reason": "the battery has ended the charge", "soc": 40.0}]
    assert bench.told("prepare")[0]["maximum_voltage"] == 410.0
    assert bench.told("demand")[-1]["voltage"] == 410.0
    bench.until(lambda: bench.told("session_ended", "battery") != [], 5)
    assert bench.told("session_ended", "battery")[0]["result"] == "complete"
    assert bench.errors == []


def test_the_charger_ends_it() -> None:
    bench = charging()
    bench.post("measured", voltage=395.0, current=99.0, energy=1.5, minutes=12)
    bench.post("stop", by_hand=True)
    bench.until(lambda: bench.told("over") != [], 10)
    assert bench.told("end_current") == [{"reason": "stopped at the charger"}]
    assert bench.told("over")[0]["end"] == "normal"
    bench.until(lambda: bench.told("session_ended", "battery") != [], 5)
    assert bench.told("session_ended", "battery")[0]["reason"] == "the charger has ended the charge"


def test_a_pause() -> None:
    bench = charging()
    bench.system.post(bench.battery, "pause", {"permitted": False})
    bench.run(2)
    assert bench.told("standby") == [{"reason": "the battery forbids charging"}]
    before = len(bench.told("demand"))
    bench.run(10)
    assert len(bench.told("demand")) == before
    bench.system.post(bench.battery, "pause", {"permitted": True})
    bench.run(1)
    assert len(bench.told("demand")) > before
    assert bench.errors == []


@pytest.mark.parametrize(("message", "seconds"), [("bcl", 1.0), ("bcs", 5.0), ("bsm", 5.0)])
def test_a_message_that_stops_in_the_charge(message: str, seconds: float) -> None:
    """Current off in the standard's time, CEM, and the handshake anew; the charge goes on when it is back."""
    bench = charging()
    now = bench.system.clock.now_ns() // 1_000_000
    rule = f"drop:bms.{message}:@{now} ms-{now + 7000} ms"
    bench.battery.roles["bms"].fault(message, parse_rule(rule))
    bench.until(lambda: bench.told("silent") != [], seconds + 0.6)
    assert bench.told("silent")[0]["reason"].startswith(f"no {message.upper()} in ")
    bench.until(lambda: bench.is_in("dialogue.charging") or bench.is_in("dialogue.failed"), 30)
    if message != "bcl":
        assert bench.is_in("dialogue.charging")


def test_a_battery_that_is_never_heard_again() -> None:
    """Three handshakes, then nothing more until the next plug-in."""
    bench = charging()
    bench.system.stop(bench.battery)
    bench.until(lambda: bench.told("over") != [], 30)
    assert bench.told("over")[0]["end"] == "failed"
    bench.post("unplugged")
    bench.run(1)
    assert bench.is_in("dialogue.unplugged")


@pytest.mark.parametrize("message", ["brm", "bcp", "bro"])
def test_a_lost_beginning_is_made_good(message: str) -> None:
    """One long or short message lost on the way costs no charge."""
    bench = GbtBench()
    bench.battery.roles["bms"].fault(message, parse_rule(f"drop:bms.{message}:1-2"))
    bench.until(lambda: bench.is_in("dialogue.charging"), 20)
    assert not bench.told("silent")
