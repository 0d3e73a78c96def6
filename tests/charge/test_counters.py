"""The counters of a session, DC and AC, as who collects them gets them: a datagram with all fields filled."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.charge.bench import Bench, ScriptedVehicle
from tests.charge.test_ac_session import Session
from tests.charge.walk import walk

FIELDS = {
    "rx_decode_errors": 0,
    "rx_validation_errors": 0,
    "rx_invalid_v2gtp": 0,
    "dup_resent_count": 0,
    "dup_resend_enabled": True,
    "dup_window_s": 2.0,
    "dup_resend_max": 3,
    "tx_drop_prob": 0.0,
}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What V2G_METRICS_UDP names."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as own:
        own.bind(("::1", 0))
        own.settimeout(30)
        monkeypatch.setenv("V2G_METRICS_UDP", f"[::1]:{own.getsockname()[1]}")
        yield own


def of_station(collector: socket.socket) -> dict[str, Any]:
    """The next line of a station; vehicles tell theirs as well."""
    while True:
        line: dict[str, Any] = json.loads(collector.recv(2000))
        if line["side"] == "secc":
            return line


def test_a_dc_session(collector: socket.socket) -> None:
    """What was wrong in it is counted, and the next session begins at none."""
    bench = Bench("evse_dc", ("evse",))
    for errors in (1, 0):
        vehicle = ScriptedVehicle(bench, "iso2")
        vehicle.plug()
        vehicle.connect()
        walk(vehicle, "ServiceDiscovery")
        if errors:
            vehicle.raw(bytes.fromhex("01fe8001 00000003 80ffff"))
            bench.run(0.1)
        assert vehicle.stream is not None
        vehicle.stream.close()
        bench.run(0.1)
        line = of_station(collector)
        assert {name: line[name] for name in FIELDS} == {**FIELDS, "rx_decode_errors": errors}
        assert len(bytes.fromhex(line["session"])) == 8
        vehicle.unplug()
        bench.run(20)


def test_an_ac_session(collector: socket.socket) -> None:
    bench = Session("evse.adapters.v2g.tx_drop_prob=0.000001")
    bench.until(lambda: bench.is_in("evse/session/dialogue", "sequence.charging_status"), 60, "charging loop")
    bench.adapter("pev", "v2g").take_down()
    bench.run(0.1)
    line = of_station(collector)
    assert {name: line[name] for name in FIELDS} == {**FIELDS, "tx_drop_prob": 0.000001}
