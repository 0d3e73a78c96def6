"""What is meant to be, of every shipped station, is there as soon as it runs, and asked for only while it may be."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.cli.readings import look_up
from engine.run import Actor, System, VirtualClock
from engine.run.registry import installed
from engine.run.station import Overrides, Station, build, resolve


def running(chart: str, *sets: str) -> tuple[Station, System]:
    station = resolve(Path("machines") / chart, None, Overrides(sets, {}), installed(), engine.load)
    system = System(VirtualClock())
    build(station, system, installed())
    system.start()
    return station, system


def is_asked(system: System, written: str) -> bool:
    """Whether the state of a set-point's `during` is active."""
    root, *parts = written.replace("{}", "1").split(".")
    actor: Actor = system.roots[root]
    while child := next((one for one in actor.children.values() if one.path == f"{actor.path}/{parts[0]}"), None):
        actor = child
        del parts[0]
    assert ".".join(parts) in actor.machine.chart.states, written
    return ".".join(parts) in actor.machine.configuration


@pytest.mark.parametrize(
    "chart", ["evse_dc.yaml", "evse_ac.yaml", "charger_bms.yaml", "site.yaml", "stations/wallbox.toml"]
)
def test_every_set_point_is_a_value(chart: str) -> None:
    station, system = running(chart)
    system.advance(0)
    assert station.setpoints
    for label, one in station.setpoints.items():
        root, _, rest = one.of.replace("{}", "1").partition(".")
        assert look_up(system.roots[root], rest) not in (None, "?"), label
        assert not is_asked(system, one.during), label
