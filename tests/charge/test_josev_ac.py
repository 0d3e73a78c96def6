"""AC charging by ISO 15118-2 with a counterpart nobody here wrote: Josev's vehicle at our station.

Plain TCP and TLS 1.2, three phases and one, renegotiation, receipts. Not asked of Josev: receipts without TLS, and a
pause, neither of which its vehicle knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.charge import josev
from tests.slac import netns

REASON = netns.missing() or josev.missing()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)

NORMAL_END = "session.session_ended(end=normal)"
BENCH = [
    "--set", "pilot.ready_after=50 ms",
    "--set", "pilot.unplug_after=60 s",
    "--set", "T_unlock=300 ms",
    "--set", "T_session_start=10 min",
]  # fmt: skip
"""No pilot line: the stand-in vehicle stays until it has said its last word. A Java process takes its time to start."""


@pytest.fixture(scope="module")
def cable() -> Iterator[dict[str, str]]:
    """A plain network cable between a station and a vehicle."""
    with netns.namespaces(("ac0", "station"), ("ac1", "vehicle")) as names:
        for namespace in names.values():
            netns.ip("-n", namespace, "link", "set", "lo", "up")  # Josev speaks to its codec over the loopback
        yield names


def now_and_then(event: str, directory: Path) -> list[str]:
    """Sent again and again for half a minute: one of them comes in the charging loop."""
    file = directory / "events"
    file.write_text(f"3 s\n{event}\n" * 10)
    return ["--events", str(file)]


@pytest.mark.parametrize("way", ["three phases, renegotiation", "one phase, TLS, receipts"])
def test_josevs_vehicle_charges_at_our_station(cable: dict[str, str], way: str, tmp_path: Path) -> None:
    """PowerDelivery waits for the contactor, which opens before the vehicle hears that it may leave."""
    words, mode, pki = now_and_then("renegotiate", tmp_path), "AC_three_phase_core", None
    if way == "one phase, TLS, receipts":
        ours, pki = josev.certificates(tmp_path)
        mode = "AC_single_phase_core"
        words = [
            "--set", "session.tls=True",
            "--set", f"adapters.v2g.certificate={ours / 'secc_chain.pem'}",
            "--set", f"adapters.v2g.key={ours / 'secc.key'}",
            "--set", "session.dialogue.ReceiptRequired=True",
        ]  # fmt: skip
    with josev.engine_run(cable["station"], "evse_ac", tmp_path, "--iface", "ac0", *BENCH, *words) as station:
        station.until("communication.open.answering", 120)
        with josev.evcc(cable["vehicle"], "ac1", "iso2", tmp_path, pki=pki, mode=mode, loops=20) as vehicle:
            # Asked for receipts it goes on for ever: after one it looks neither at its loops nor at StopCharging.
            vehicle.until("SessionStopRes received" if pki is None else "Sent ChargingStatusReq", 180)
            if pki is not None:
                vehicle.until("MeteringReceiptRes received", 60)
            text = vehicle.text
        station.until(NORMAL_END if pki is None else "contactor.set(closed=False)", 60)
        said = station.text
    assert "FAILED" not in text
    if pki is None:
        assert "ChargeProgress=Renegotiate" in said
        assert text.count("ChargingStatusRes received") >= 20
        assert said.count("→ live.closed  ") == 1, "a renegotiation opens no contactor"
        start, stop = said.index("power_down  send power_off"), said.index("current_off  sequence.power_down")
        assert "contactor.set(closed=False)" in said[start:stop]
    else:
        assert "tls=True" in said
    assert "undecodable" not in said
    assert "Traceback" not in said
