"""Scenarios of machines/power/dc_output.yaml, everything around it scripted."""

from __future__ import annotations

from tests.scenarios.stage import Stage

COLD = {"supply.maximum_voltage": 500.0, "supply.maximum_current": 125.0, "contactor.is_closed": False}


def measuring() -> Stage:
    """A good cable check up to its measurement."""
    stage = Stage("machines/power/dc_output.yaml", COLD).post("cable_check")
    stage.finish("test", passed=True)
    stage.values("contactor", is_closed=True).emit("contactor.closed")
    return stage


def test_cable_check_at_the_test_voltage() -> None:
    """Insulation is measured at up to the maximum voltage, with the contactor closed and after the self test."""
    stage = Stage("machines/power/dc_output.yaml", COLD).post("cable_check")
    assert [order.what for order in stage.orders] == ["imd.self_test"]
    stage.finish("test", passed=True)
    assert stage.order("contactor.set") == {"closed": True}
    assert stage.order("supply.on") is None
    stage.values("contactor", is_closed=True).emit("contactor.closed")
    assert stage.order("supply.set") == {"voltage": 500.0, "current": 2.0}
    assert stage.order("supply.on") == {}
    assert stage.order("imd.start") == {}
    stage.values("supply", present_voltage=480.0).run(0.05)
    assert stage.active("cable_check.energising.measuring")


def test_failed_self_test() -> None:
    stage = Stage("machines/power/dc_output.yaml", COLD).post("cable_check").finish("test", passed=False)
    assert stage.told("cable_check_bad") == [{"reason": "the insulation monitor failed its self test"}]
