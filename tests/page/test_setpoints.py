"""What is meant to be, of every shipped station, is there as soon as it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.cli.readings import look_up
from engine.run import System, VirtualClock
from engine.run.registry import installed
from engine.run.station import Overrides, build, resolve


@pytest.mark.parametrize(
    "chart", ["evse_dc.yaml", "evse_ac.yaml", "charger_bms.yaml", "site.yaml", "stations/wallbox.toml"]
)
def test_every_set_point_is_a_value(chart: str) -> None:
    station = resolve(Path("machines") / chart, None, Overrides((), {}), installed(), engine.load)
    system = System(VirtualClock())
    build(station, system, installed())
    system.start()
    system.advance(0)
    assert station.setpoints
    for label, written in station.setpoints.items():
        root, _, rest = written.replace("{}", "1").partition(".")
        assert look_up(system.roots[root], rest) not in (None, "?"), label
