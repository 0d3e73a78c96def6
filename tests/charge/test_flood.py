"""A whole session on real interfaces beside floods: short, and judged by what happens, not by the clock. The benchmark
``bench_flood`` has the full floods and the times."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.benchmarks import bench_flood
from tests.benchmarks.bench_station import times, vehicle
from tests.slac import netns

pytestmark = pytest.mark.skipif(bool(netns.missing()), reason=netns.missing() or "available")


def test_a_session_beside_floods_is_complete(tmp_path: Path) -> None:
    """SDP, SLAC, TCP and TLS floods cost no answer, trip no dead-man, take few descriptors; people are told of them."""
    with bench_flood.network() as names, bench_flood.station(names, tmp_path) as station:
        station.until("READY", 60)
        with bench_flood.floods(names, 120, part=0.1):
            station.until("link: interface 'cable0': flooded", 60)
            station.until("sdp: interface 'cable0', UDP port 15118: flooded", 60)
            charging = vehicle(names["vehicle"], "cable1", 6)
            most = 0
            while charging.poll() is None:
                most = max(most, bench_flood.descriptors(station))
                try:
                    charging.wait(0.2)
                except subprocess.TimeoutExpired:
                    continue
            assert len(times(charging)["CurrentDemandReq"]) == 6
            station.wait(30)
        assert most <= bench_flood.DESCRIPTORS + bench_flood.CONNECTIONS
        assert "opened by itself" not in station.text
        assert "failed" not in station.text
