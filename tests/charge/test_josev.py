"""Complete charging sessions with a counterpart nobody here wrote: Josev's vehicle and our station, and the reverse.

Each end has a network namespace of its own; SDP, TCP and TLS are the kernel's and OpenSSL's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.charge import josev
from tests.slac import netns

REASON = netns.missing() or josev.missing()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)

STOPPED_WELL = "Communication session stopped successfully"


@pytest.fixture(scope="module")
def cable() -> Iterator[dict[str, str]]:
    """A plain network cable between a station and a vehicle."""
    with netns.namespaces(("cable0", "station"), ("cable1", "vehicle")) as names:
        for namespace in names.values():
            netns.ip("-n", namespace, "link", "set", "lo", "up")  # Josev speaks to its codec over the loopback
        yield names


@pytest.mark.parametrize("protocol", ["din", "iso2"])
def test_josevs_vehicle_charges_at_our_station(cable: dict[str, str], protocol: str, tmp_path: Path) -> None:
    """A vehicle with somebody else's stack gets energy from our station and ends its session as the standard says."""
    with josev.engine_run(cable["station"], "evse_dc", tmp_path, "--iface", "cable0") as station:
        station.until("communication.open", 120)
        with josev.evcc(cable["vehicle"], "cable1", protocol, tmp_path) as vehicle:
            vehicle.until(" - iso15118.shared.comm_session (417): TCP connection closed", 180)
            text = vehicle.text
        station.until("session 1 ended", 60)
    assert "FAILED" not in text
    assert "Entered state SessionStop" in text
    assert text.count("CurrentDemandRes received") >= 8  # in DIN its first loop is not logged
    assert STOPPED_WELL in text or "Reason: Communication session terminated" in text
    assert "session_ended(end=normal)" in station.text
    assert "undecodable" not in station.text


def test_josevs_vehicle_charges_at_our_station_by_tls(cable: dict[str, str], tmp_path: Path) -> None:
    """The same over TLS 1.2 with certificates of our own test PKI, verified by the vehicle against its V2G root."""
    pki, josevs = josev.certificates(tmp_path)
    certificates = [
        "--set", "session.tls=True",
        "--set", f"adapters.v2g.certificate={pki / 'secc_chain.pem'}",
        "--set", f"adapters.v2g.key={pki / 'secc.key'}",
    ]  # fmt: skip
    with josev.engine_run(cable["station"], "evse_dc", tmp_path, "--iface", "cable0", *certificates) as station:
        station.until("communication.open", 120)
        with josev.evcc(cable["vehicle"], "cable1", "iso2", tmp_path, pki=josevs) as vehicle:
            vehicle.until(" - iso15118.shared.comm_session (417): TCP connection closed", 180)
            text = vehicle.text
        station.until("session 1 ended", 60)
    assert "tls=True" in station.text
    assert text.count("CurrentDemandRes received") >= 9
    assert "FAILED" not in text
    assert "session_ended(end=normal)" in station.text


@pytest.mark.parametrize("protocol", ["din", "iso2"])
def test_our_vehicle_charges_at_josevs_station(cable: dict[str, str], protocol: str, tmp_path: Path) -> None:
    """Our vehicle gets through a session at somebody else's station. Josev's simulated output shows 1 V, so the
    battery is one of 1 V; it answers CurrentDemand later than the standard allows, so the vehicle is told to wait."""
    battery = [
        "--set", "adapters.battery.empty_voltage=1",
        "--set", "adapters.battery.full_voltage=1",
        "--set", "adapters.battery.maximum_voltage=2",
        "--set", "stop_at_soc=40 %",
        "--set", "session.dialogue.V2G_EVCC_Msg_Timeout_CurrentDemand=2 s",
    ]  # fmt: skip
    with josev.secc(cable["station"], "cable0", protocol, tmp_path) as station:
        station.until("Communication session handler started", 120)
        with josev.engine_run(cable["vehicle"], "pev_dc", tmp_path, "--iface", "cable1", *battery) as vehicle:
            vehicle.until("session 1 ended", 180)
        # What the station thought of our last message.
        station.until("Sent SessionStopRes", 60)
        text = station.text
    assert "done.invoke.session(result=complete" in vehicle.text
    assert vehicle.text.count("v2g.CurrentDemandRes(ResponseCode=OK") >= 1
    assert "FAILED" not in text
    assert "not accepted" not in text
