"""Scenarios of machines/power/keep_alive.yaml: the contactor's dead-man signal."""

from __future__ import annotations

import pytest

from tests.scenarios.stage import MS, Stage


@pytest.mark.parametrize(("parameters", "period_s"), [({}, 0.2), ({"period": 100 * MS}, 0.1)])
def test_the_signal_comes_at_once_and_every_period(parameters: dict[str, int], period_s: float) -> None:
    """Without it in time the contactor opens under load; too often it hides a station that stumbles."""
    stage = Stage("machines/power/keep_alive.yaml", **parameters)
    assert stage.times("contactor.keep_alive") == [0.0]
    stage.run(10 * period_s - 0.001)
    assert stage.times("contactor.keep_alive") == [pytest.approx(number * period_s) for number in range(10)]
    stage.run(0.001)
    assert len(stage.orders) == 11


def test_nothing_after_the_end() -> None:
    """A station that leaves the state lets go of the contactor."""
    stage = Stage("machines/power/keep_alive.yaml").run(0.05).stop()
    stage.run(10)
    assert len(stage.orders) == 1
