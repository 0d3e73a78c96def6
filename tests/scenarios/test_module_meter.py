"""Scenarios of machines/power/module_meter.yaml: what modules measure as a meter. Who is billed would miss it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import S, Stage

FILE = "machines/power/module_meter.yaml"


def meter(**parameters: Any) -> Stage:
    return Stage(FILE, {"modules.first": 1}, **{"addresses": 3, **parameters})


def reads(stage: Stage, module: int, voltage: float | None = None, current: float | None = None) -> Stage:
    none = dict.fromkeys(("maximum_voltage", "minimum_voltage", "maximum_current", "maximum_power"))
    return stage.emit("modules.reading", module=module, voltage=voltage, current=current, temperature=None, **none)


def shows(stage: Stage) -> tuple[float, float, float]:
    return stage.data("voltage"), stage.data("current"), stage.data("power")


def test_modules_are_added_up() -> None:
    """The highest voltage, the sum of the currents, the sum of the powers; energy is power by time."""
    stage = reads(reads(meter(), 1, 400.0, 10.0), 3, 401.0, 20.0)
    assert shows(stage) == (401.0, 30.0, 400.0 * 10 + 401.0 * 20)
    assert stage.data("energy") == 0.0
    stage.run(0.999)
    assert stage.data("energy") == pytest.approx(0.75 * 12_020 / 3600)
    stage.run(0.001)
    assert stage.data("energy") == pytest.approx(12_020 / 3600)
    reads(stage, 1, 390.0, 5.0)
    assert shows(stage) == (401.0, 25.0, 390.0 * 5 + 401.0 * 20)


def test_a_reading_in_two_frames() -> None:
    """Makes that tell voltage and current one after the other; temperature and limits say nothing of the output."""
    stage = reads(reads(meter(), 2, voltage=400.0), 2, current=10.0)
    assert shows(stage) == (400.0, 10.0, 4000.0)
    stage.run(1.9)
    reads(stage, 2)  # its temperature
    stage.run(0.2)
    assert shows(stage)[1:] == (0.0, 0.0), "it has not said again what it gives"


def test_a_silent_module_counts_no_more() -> None:
    """Two seconds after its last word; the other one goes on. The voltage is that of the last reading, and grows old:
    a dead voltage would release a connector that may be live."""
    stage = reads(reads(meter(), 1, 400.0, 10.0), 2, 410.0, 20.0).run(1.9)
    reads(stage, 1, 400.0, 10.0)
    stage.run(0.099)
    assert shows(stage) == (410.0, 30.0, 12_200.0)
    stage.run(0.002)
    assert shows(stage) == (410.0, 10.0, 4000.0)
    reads(stage, 1, 400.0, 10.0)
    assert shows(stage) == (400.0, 10.0, 4000.0)
    stage.run(3)
    assert shows(stage) == (400.0, 0.0, 0.0)
    before = stage.data("energy")
    stage.run(10)
    assert stage.data("energy") == before
    reads(stage, 2, 300.0, 1.0)
    assert shows(stage) == (300.0, 1.0, 300.0)


@pytest.mark.parametrize("module", [0, 4])
def test_modules_of_others_are_not_counted(module: int) -> None:
    """Another supply's on the same bus; three from 1 on are ours."""
    stage = reads(reads(meter(), 1, 400.0, 10.0), module, 500.0, 50.0)
    assert shows(stage) == (400.0, 10.0, 4000.0)
    assert not stage.unhandled


def test_a_voltage_that_has_gone_is_believed() -> None:
    assert shows(reads(reads(meter(), 1, 400.0, 10.0), 1, 0.0, 0.0)) == (0.0, 0.0, 0.0)


def test_what_says_nothing_of_the_output_is_nobodys_business() -> None:
    stage = reads(meter(), 1).emit("modules.stored", module=1, voltage=None, current=None)
    assert (shows(stage), stage.unhandled) == ((0.0, 0.0, 0.0), [])


@pytest.mark.parametrize(("voltage", "current"), [(-1.0, 1.0), (1501.0, 1.0), (100.0, -501.0), (100.0, 501.0)])
def test_what_cannot_be_is_not_believed(voltage: float, current: float) -> None:
    stage = reads(meter(), 1, 400.0, 10.0)
    reads(stage, 1, voltage, current)
    reads(stage, 1, voltage=voltage if voltage != 100.0 else None, current=current if voltage == 100.0 else None)
    assert shows(stage) == (400.0, 10.0, 4000.0)


@pytest.mark.parametrize(("voltage", "current"), [(0.0, 0.0), (1500.0, 500.0), (1500.0, -500.0)])
def test_the_limits_themselves_are_believed(voltage: float, current: float) -> None:
    assert shows(reads(meter(), 1, voltage, current)) == (voltage, current, voltage * current)


def test_modules_of_others() -> None:
    """Addresses before the first and after the last are somebody else's; the first may be given."""
    stage = reads(reads(meter(), 0, 400.0, 10.0), 4, 400.0, 10.0)
    assert shows(stage) == (0.0, 0.0, 0.0)
    stage = reads(reads(meter(first_address=4), 6, 400.0, 10.0), 3, 400.0, 10.0)
    assert shows(stage) == (400.0, 10.0, 4000.0)
    assert shows(reads(meter(first_address=4), 7, 400.0, 10.0)) == (0.0, 0.0, 0.0)


def test_it_orders_nothing() -> None:
    """It listens to what the supply asks for, and what modules say of their state is not for it."""
    stage = reads(meter(), 1, 400.0, 10.0)
    stage.emit("modules.status", module=1, output="on", alarms=["fan"])
    stage.emit("modules.taken", module=1, what="set_taken")
    stage.emit("modules.refused", module=1, what="set")
    stage.emit("modules.misfit", id=1, data=b"", reason="too short", count=1)
    stage.run(5)
    assert ([order.what for order in stage.orders], stage.unhandled) == (["modules.expect"], [])
    assert stage.system.clock.now_ns() == 5 * S
