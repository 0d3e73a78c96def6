"""The time of day of stamps and schedules: it must not jump by itself."""

from __future__ import annotations

import time

from adapters.host.wall_clock import SimulatedWallClock, SystemWallClock
from engine.adapter import World
from tests.slac.virtual_host import Clock, VirtualPort

S = 10**9


def test_it_runs_with_the_machines_clock_and_jumps_when_it_is_set() -> None:
    clock, host = SimulatedWallClock({"begin": 1_800_000_000}, World()), Clock()
    VirtualPort(clock, host, "clock")
    assert clock.now == 1_800_000_000 * S
    host.advance(5 * S)
    assert clock.now == 1_800_000_005 * S
    clock.set(time=1_900_000_000 * S)
    host.advance(S)
    assert clock.now == 1_900_000_001 * S


def test_the_machines_time_of_day() -> None:
    clock = SystemWallClock({}, World())
    before = time.time_ns()
    VirtualPort(clock, Clock(), "clock")
    assert before <= clock.now <= time.time_ns()


def test_on_the_virtual_clock_it_begins_at_the_same_time_in_each_run() -> None:
    clock = SystemWallClock({"ahead": 5}, World(virtual=True))
    VirtualPort(clock, Clock(), "clock")
    assert clock.now == 1_767_225_600 * 10**9 + 5
