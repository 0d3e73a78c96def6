"""Whole charges by ISO 15118-2 at a DC station with the shipped vehicle, real bytes on both sides: the rows of a
schedule, and receipts of the meter."""

from __future__ import annotations

import pytest

from tests.charge.bench import Bench

LOOP = "sequence.current_demand"


def charging(*sets: str) -> Bench:
    """Both charts, in the charging loop."""
    bench = Bench("evse_dc", ("evse", "pev"), "pev.stop_at_soc=90 %", *sets)
    bench.until(lambda: bench.is_in("evse", "outlet.plugged.session.power.charging"), 90, "charging loop")
    return bench


def power_kW(bench: Bench) -> float:
    return bench.circuit.output_V * bench.circuit.output_A / 1000


@pytest.mark.cases("DC_CurrentDemand", "DC_ChargeParameterDiscovery")
def test_the_power_follows_the_rows_of_a_schedule() -> None:
    """Less within 2 s of the row's beginning, more when the vehicle asks again. It reckons with what lies there."""
    rows = ("schedule_start=[0 s, 15 s, 22 s]", "schedule_PMax=[20 kW, 10 kW, 15 kW]")
    bench = charging(*(f"evse.session.dialogue.{one}" for one in rows))
    bench.until(lambda: power_kW(bench) > 19.8, 10, "20 kW")
    bench.until(lambda: bench.data("evse/session/dialogue", "row") == 1, 15, "second row")
    bench.until(lambda: power_kW(bench) < 10.2, 2, "10 kW")
    bench.run(3)
    assert power_kW(bench) == pytest.approx(10.0, rel=0.005)
    bench.until(lambda: power_kW(bench) > 14.8, 10, "15 kW")
    bench.run(3)
    assert power_kW(bench) == pytest.approx(15.0, rel=0.005)
    assert len(bench.data("pev/session/dialogue", "profile_power")) == 3
    assert not bench.errors


@pytest.mark.cases("DC_MeteringReceipt", "DC_CurrentDemand")
def test_receipts() -> None:
    """ReceiptRequired: the vehicle confirms each reading, and the current stays."""
    bench = charging("evse.session.dialogue.ReceiptRequired=yes")
    for _ in range(2):
        bench.until(lambda: bench.is_in("evse/session/dialogue", f"{LOOP}.receipt"), 11, "receipt")
        bench.until(lambda: bench.is_in("evse/session/dialogue", f"{LOOP}.loop"), 2, "loop")
    assert bench.data("pev/session/dialogue", "meter_id") == "meter"
    assert bench.data("evse/session/dialogue", "confirmed")
    assert bench.circuit.output_A > 50.0
    assert not bench.errors
