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
