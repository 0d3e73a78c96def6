"""The station charges the simulated vehicle through simulated power modules, which speak their make's frames."""

from __future__ import annotations

from typing import Any

import pytest

from tests.charge.bench import Bench

FAMILIES = ("infy", "maxwell", "uu", "huawei", "tonhe")


def charging(kind: str, *sets: str) -> Bench:
    """A vehicle is plugged in and takes current from four modules."""
    bench = Bench(
        "evse_dc", ("modules", "evse", "pev"), f"supply={kind}", "pev.adapters.battery.maximum_current=80 A", *sets
    )
    bench.until(lambda: bench.circuit.output_A > 79.0, 40, "charge")
    return bench


def supply(bench: Bench) -> tuple[str, ...]:
    """The states of the chart behind the station's supply."""
    return bench.system.servers["evse/supply"].actor.machine.configuration


def given(bench: Bench) -> list[float]:
    """What each module gives, A."""
    rack = bench.adapter("modules", "rack")
    rack._measure()
    return [round(module.current, 1) for module in rack.modules.values()]


def address(bench: Bench, place: int) -> int:
    return int(bench.adapter("modules", "rack").first) + place


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_charge(kind: str) -> None:
    """From the plug to the end, and the modules are off after it."""
    bench = charging(kind, "pev.stop_at_soc=41 %", "pev.adapters.battery.soc=40.8")
    bench.run(1)
    shares = given(bench)
    assert len(set(shares)) == 1, f"the current is shared evenly: {shares}"

    def told() -> list[dict[str, Any]]:
        return [event for event in bench.events("session_ended") if "EVCCID" in event]

    bench.until(lambda: bool(told()), 60, "end of the session")
    ended = told()
    assert [event["end"] for event in ended] == ["normal"]
    assert ended[0]["energy"] > 50.0
    bench.until(lambda: bench.is_dead and "output.disabled" in supply(bench), 5, "dead output")
    assert bench.adapter("evse", "meter").energy == pytest.approx(ended[0]["energy"], abs=5.0)
    assert bench.errors == []
    sent = bench.adapter("modules", "bus")
    assert sent.received > 300 or kind == "tonhe", "real frames passed"


@pytest.mark.parametrize("kind", FAMILIES)
def test_one_pulled_in_mid_charge_is_survived(kind: str) -> None:
    """The others give its part, never more than the vehicle asks for; put back, it takes its share again."""
    bench = charging(kind)
    bench.run(5)
    asked = sum(given(bench))
    bench.system.post(bench.system.roots["modules"], "pull", {"module": address(bench, 1)})
    most = 0.0
    for _ in range(32):
        bench.run(0.5)
        most = max(most, bench.circuit.output_A)
    assert most < asked + 1.0
    shares = given(bench)
    assert shares[1] == 0.0
    assert sum(shares) == pytest.approx(asked, rel=0.05), "shared anew"
    assert bench.is_in("evse/output", "energised.delivering"), "the vehicle has noticed nothing"
    bench.system.post(bench.system.roots["modules"], "plug", {"module": address(bench, 1)})
    bench.run(10)
    shares = given(bench)
    assert len(set(shares)) == 1, shares
    assert sum(shares) == pytest.approx(asked, rel=0.05)
    assert bench.errors == []


# ---------------------------------------------------------------- what the station does, and what a person reads

OPEN_S = 0.2
"""From the word of the supply to the open contactor: an order, and the contactor's own 40 ms."""


def reads(bench: Bench) -> str:
    """What the result of the session says."""
    bench.until(lambda: any("EVCCID" in event for event in bench.events("session_ended")), 5, "result of the session")
    return next(str(event["reason"]) for event in bench.events("session_ended") if "EVCCID" in event)


def test_the_bus_goes_in_mid_charge() -> None:
    """Contactor open at once, the modules off when their own time is up, and the reason is on the display."""
    bench = charging("infy")
    bus = bench.system.servers["evse/supply"].actor.roles["bus"].adapter
    bus.simulated_link.connect = lambda: None
    bus.wire.pull(bus.simulated_link, "the USB adapter was pulled")
    bench.until(lambda: not bench.circuit.station_closed, OPEN_S, "open contactor")
    assert "CAN bus: the USB adapter was pulled" in reads(bench)
    bench.until(lambda: not bench.circuit.on, 10.5, "modules that cut themselves off")
    assert bench.is_in("evse", "outlet.faulted")


def test_all_modules_fall_silent_in_mid_charge() -> None:
    bench = charging("maxwell")
    for place in range(4):
        bench.system.post(bench.system.roots["modules"], "cut", {"module": address(bench, place)})
    bench.until(lambda: not bench.circuit.station_closed, 1.0 + OPEN_S, "open contactor")
    assert "modules 0, 1, 2, 3 say nothing" in reads(bench)
    bench.until(lambda: not bench.circuit.on, 10.5, "modules that cut themselves off")


def test_the_last_module_trips_in_mid_charge() -> None:
    bench = charging("uu")
    for place in range(4):
        module = {"module": address(bench, place), "alarm": "overtemperature"}
        bench.system.post(bench.system.roots["modules"], "fail", module)
    bench.until(lambda: not bench.circuit.station_closed, 0.5 + OPEN_S, "open contactor")
    assert "overtemperature" in reads(bench)
    assert "module " in reads(bench)


def test_a_module_that_keeps_delivering_when_the_charge_ends() -> None:
    """The contactor opens all the same, and the module is named."""
    bench = charging("infy", "pev.stop_at_soc=41 %", "pev.adapters.battery.soc=40.8")
    bench.system.post(bench.system.roots["modules"], "stick", {"module": address(bench, 2)})
    bench.until(lambda: not bench.circuit.station_closed, 60, "open contactor")
    bench.until(lambda: bench.is_in("evse", "outlet.faulted"), 10, "faulted outlet")
    bench.run(5)
    assert bench.system.servers["evse/supply"].actor.machine.data["why"] == "module 2: does not switch off"
    assert not bench.circuit.station_closed
