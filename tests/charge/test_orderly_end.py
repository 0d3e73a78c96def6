"""The end of a run in the middle of a charge: the vehicle is told and ends as for a user's stop, then all is dead."""

from __future__ import annotations

from typing import Any

import pytest

from engine.run import StepRecord
from engine.semantics.step import Call
from tests.charge.bench import Bench

ORDERS = ("supply.off", "battery.open_contactors", "contactor.set", "lock.unlock", "pilot.set_duty")


class Ended(Bench):
    """A station and its vehicle. ``orders``: (time, order, arguments, current at the output, voltage there)."""

    def __init__(self, *sets: str) -> None:
        self.orders: list[tuple[float, str, dict[str, Any], float, float]] = []
        self.sent: list[str] = []
        self.told: list[tuple[float, str]] = []
        super().__init__("evse_dc", ("evse", "pev"), *sets)

    def step(self, record: StepRecord) -> None:
        if record.actor.is_device:
            return  # a contactor that moves its contacts
        for effect in record.step.effects:
            if isinstance(effect, Call):
                order = f"{effect.role}.{effect.action}"
                circuit = self.circuit
                self.orders.append((self.now_s, order, dict(effect.args), circuit.output_A, circuit.output_V))
        if record.event is not None and record.event.name == "output.fault":
            self.told.append((self.now_s, record.event.data["reason"]))
        if record.event is not None:
            self.sent.append(f"{record.actor.path} {record.event.name}")

    def charging(self) -> Ended:
        """At 200 A, whatever was ordered before forgotten."""
        self.until(lambda: self.circuit.output_A > 199.0, 60, "200 A")
        self.orders.clear()
        return self

    def first(self, order: str, **args: Any) -> tuple[float, float, float]:
        """When, at which current and voltage the order came first."""
        return next((at, a, v) for at, o, given, a, v in self.orders if o == order and args.items() <= given.items())


def test_at_200_ampere_the_vehicle_ends_in_order_before_the_station_does() -> None:
    """EVSE_Shutdown to the vehicle, ramp down, its contactors, ours, the lock below 60 V, the pilot: in this order."""
    bench = Ended().charging()
    asked_s = bench.now_s
    bench.system.end()
    assert bench.system.failures == []
    assert bench.data("pev", "sessions") == 1
    assert bench.data("pev", "ended_by") == "the station: EVSE_Shutdown"
    assert bench.data("evse", "last_end") == "normal"
    off, opened, unlocked = (
        bench.first("supply.off"),
        bench.first("contactor.set", closed=False),
        bench.first("lock.unlock"),
    )
    vehicle = bench.first("battery.open_contactors")
    assert off[1] < 5.0, "the current is down before the output is switched off"
    assert vehicle[1] < 5.0
    assert opened[1] < 5.0
    assert unlocked[2] < 60.0
    assert asked_s < off[0] <= opened[0] < unlocked[0] < asked_s + 10
    assert bench.first("pilot.set_duty", duty=100.0)[0] > off[0]
    assert bench.orders[-1][1:3] in [
        ("pilot.set_load", {"load": "B"}),
        ("battery.open_contactors", {}),
    ], "the vehicle, which the station needed, goes last"
    assert bench.is_dead
    assert bench.sent.index("evse shut_down") < bench.sent.index("pev shut_down")


def test_a_second_signal_skips_the_waiting_not_the_exit_actions() -> None:
    bench = Ended().charging()
    at_s = bench.now_s
    bench.system.end(hurry=lambda: True)
    assert bench.now_s == at_s
    told = [(order, args) for _, order, args, _, _ in bench.orders]
    assert told.index(("supply.off", {})) < told.index(("contactor.set", {"closed": False}))
    assert told.index(("contactor.set", {"closed": False})) < told.index(("pilot.set_duty", {"duty": 0.0}))
    assert told.index(("pilot.set_duty", {"duty": 0.0})) < told.index(("battery.open_contactors", {}))
    assert not any(order == "lock.unlock" for order, _ in told), "at 400 V nobody lets go of the connector"
    assert [text.partition(" stands")[0] for text in bench.system.failures] == [
        "evse/lock.lock()",
        "battery.lock_inlet()",
    ]
    circuit = bench.circuit
    assert not circuit.on
    assert not circuit.station_closed
    assert not circuit.vehicle_closed


def test_a_vehicle_that_does_not_answer_costs_the_time_of_a_users_stop() -> None:
    bench = Ended().charging()
    bench.system.roots["pev"].roles["v2g"].adapter.take_down()  # its side of the wire is dead
    at_s = bench.now_s
    bench.system.end()
    assert bench.is_dead
    assert bench.first("lock.unlock")[2] < 60.0
    assert bench.now_s - at_s < 30
    assert bench.system.failures == []


@pytest.mark.parametrize(
    "state",
    [
        "outlet.starting",
        "outlet.available",
        "outlet.plugged.inviting",
        "outlet.plugged.session",
        "outlet.plugged.session.power.locking",
        "outlet.plugged.session.power.checking",
        "outlet.plugged.session.power.pre_charge",
        "outlet.plugged.session.power.charging",
        "outlet.plugged.session.power.off",
        "outlet.plugged.finished",
        "outlet.unplugged",
    ],
)
def test_from_every_stage_of_a_charge_the_end_leaves_nothing_on(state: str) -> None:
    bench = Ended("pev.stop_at_soc=41 %", "pev.adapters.battery.soc=40.9")
    bench.until(lambda: bench.is_in("evse", state), 120, state)
    at_s = bench.now_s
    bench.system.end()
    assert bench.system.failures == []
    assert bench.is_dead
    assert not bench.inside("evse", "lock").is_locked
    assert bench.adapter("evse", "pilot").duty == 0.0
    assert bench.now_s - at_s < 40


@pytest.mark.parametrize(
    ("fault", "reason", "locked"),
    [
        ("contactor", "left by the vehicle: still live", False),
        ("supply", "emergency stop: still live", True),
    ],
)
def test_an_order_of_the_end_that_is_not_obeyed_is_told_and_costs_no_more_than_its_time(
    fault: str, reason: str, locked: bool
) -> None:
    """The connector stays locked for the charts; the lock's own last resort looks at the voltage."""
    bench = Ended().charging()
    if fault == "contactor":
        bench.inside("evse", "contactor").welded = True
    else:
        bench.circuit.stuck = True
    at_s = bench.now_s
    bench.system.end()
    assert bench.now_s - at_s < 40
    assert reason in [text for _, text in bench.told]
    assert any(text.startswith("evse/lock.lock() stands at the end") for text in bench.system.failures)
    assert not bench.circuit.on
    assert bench.inside("evse", "lock").is_locked == locked
