"""A DC output (machines/power/dc_output.yaml) on a stage: the situations that its scenarios start from."""

from __future__ import annotations

from tests.scenarios.stage import Stage

FILE = "machines/power/dc_output.yaml"
DEAD = {
    "supply.maximum_voltage": 500.0,
    "supply.maximum_current": 125.0,
    "supply.temperature": 30.0,
    "contactor.is_closed": False,
}
MS = 0.001
NOTHING_CLOSED = ("self_test", "closing")
"""Where the contactor is still open and no voltage is up: the way down is done at once."""
IN_CABLE_CHECK = ("self_test", "closing", "rising", "measuring", "discharging")


def off(*real: str) -> Stage:
    """An output at rest; charts named in ``real`` run for real."""
    return Stage(FILE, DEAD, real=real)


def checking(where: str, stage: Stage | None = None, /, **values: float) -> Stage:
    """In the cable check, as far as ``where``."""
    stage = (stage or off()).post("cable_check")
    stage.values("supply", **values)
    if where == "self_test":
        return stage
    stage.finish("test", passed=True)
    if where == "closing":
        return stage
    stage.values("contactor", is_closed=True).emit("contactor.closed")
    if where == "rising":
        return stage
    stage.values("supply", present_voltage=499.0).run(0.05)
    if where == "measuring":
        return stage
    stage.emit("imd.measured", resistance=1000.0)
    if where == "discharging":
        return stage
    stage.values("supply", present_voltage=0.0).run(0.05)
    assert stage.active("cable_check.good")
    return stage


def precharging(voltage: float = 400.0, current: float = 1.0, stage: Stage | None = None) -> Stage:
    """After a good cable check, on the way to the vehicle's voltage."""
    stage = checking("good", stage).forget().post("pre_charge", voltage=voltage, current=current)
    assert stage.active("energised.pre_charge.approaching")
    return stage


def delivering(voltage: float = 400.0, current: float = 0.0, stage: Stage | None = None) -> Stage:
    """Power on, the vehicle asks for this."""
    stage = precharging(voltage, stage=stage).values("supply", present_voltage=voltage).post("power_on")
    assert stage.active("energised.delivering.control")
    if current:
        stage.post("demand", voltage=voltage, current=current)
    return stage.forget()


def what(stage: Stage, *but: str) -> list[str]:
    """The orders in their order, without these."""
    return [order.what for order in stage.orders if order.what not in but]


def is_dead(stage: Stage) -> None:
    """Supply off, contactor ordered open, in the step itself."""
    assert {"supply.off", "contactor.set"} <= set(what(stage))
    assert stage.order("contactor.set") == {"closed": False}
