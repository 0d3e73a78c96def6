"""AC charging by ISO 15118-2 with a counterpart nobody here wrote: Josev's vehicle at our station, ours at Josev's.

Plain TCP and TLS 1.2, three phases and one, renegotiation wanted by either side, receipts, a pause that is resumed. Not
asked of Josev: receipts without TLS (its vehicle sends none) and receipts of its station, whose ChargingStatusRes never
asks for one.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.charge import josev
from tests.slac import netns

REASON = netns.missing() or josev.missing()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)

NORMAL_END = "session.session_ended(end=normal)"
COMPLETE = "done.invoke.session(result=complete"
LOOP = "v2g.ChargingStatusRes(ResponseCode=OK"
BENCH = [
    "--set", "pilot.ready_after=50 ms",
    "--set", "pilot.unplug_after=10 min",
    "--set", "T_unlock=300 ms",
    "--set", "T_session_start=10 min",
]  # fmt: skip
"""No pilot line: the stand-in vehicle stays until it has said its last word. A Java process takes its time to start."""
PATIENT = [
    word
    for name in (
        "V2G_EVCC_Msg_Timeout=30 s",
        "dialogue.V2G_EVCC_Msg_Timeout=30 s",
        "dialogue.V2G_EVCC_Msg_Timeout_PowerDelivery=30 s",
    )
    for word in ("--set", f"session.{name}")
]
"""Josev's first answers come late."""


@pytest.fixture(scope="module")
def cable() -> Iterator[dict[str, str]]:
    """A plain network cable between a station and a vehicle."""
    with netns.namespaces(("ac0", "station"), ("ac1", "vehicle")) as names:
        for namespace in names.values():
            netns.ip("-n", namespace, "link", "set", "lo", "up")  # Josev speaks to its codec over the loopback
        yield names


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Ours, and as Josev looks for it."""
    return josev.certificates(tmp_path_factory.mktemp("pki"))


def now_and_then(event: str, directory: Path, times: int = 100) -> list[str]:
    """Sent again and again: one of them comes in the charging loop."""
    file = directory / "events"
    file.write_text(f"3 s\n{event}\n" * times)
    return ["--events", str(file)]


# ---------------------------------------------------------------- Josev's vehicle


def test_josevs_vehicle_renegotiates_pauses_resumes_at_our_station(cable: dict[str, str], tmp_path: Path) -> None:
    """PowerDelivery waits for the contactor, which opens before the vehicle hears that it may leave; the session that
    it comes back to is the old one. It looks for a station before there is one: what is sent to that by the clock comes
    in the charging loop."""
    words = [*BENCH, *now_and_then("renegotiate", tmp_path, times=10)]
    with josev.evcc(
        cable["vehicle"], "ac1", "iso2", tmp_path, mode="AC_three_phase_core", loops=4, delay_s=1, pauses=True
    ) as vehicle:
        vehicle.until("Sending SDPRequest", 120)
        with josev.engine_run(cable["station"], "evse_ac", tmp_path, "--iface", "ac0", *words) as station:
            vehicle.until("SessionStopRes received", 180)
            first = vehicle.text
            vehicle.stop()  # it would close the connection 5 s later
            station.until("session.session_ended(end=paused)", 60)
            (session,) = set(re.findall(r"ResponseCode=OK_NewSession\w+, SessionID=(\w+)", station.text))
            with josev.evcc(
                cable["vehicle"], "ac1", "iso2", tmp_path, mode="AC_three_phase_core", loops=2, resumes=session
            ) as again:
                again.until("SessionStopRes received", 180)
                second = again.text
            station.until(NORMAL_END, 60)
            said = station.text
    assert "FAILED" not in first + second
    assert "ChargeProgress=Renegotiate" in said
    assert f"SessionSetupRes(ResponseCode=OK_OldSessionJoined, SessionID={session}" in said
    assert first.count("ChargingStatusRes received") >= 4
    assert second.count("ChargingStatusRes received") >= 2
    assert said.count("→ live.closed  ") == 2, "a pause opens the contactor, a renegotiation does not"
    for before in ("end=paused", "end=normal"):
        start = said.index("power_down  send power_off", said.find("OK_OldSessionJoined") if "normal" in before else 0)
        assert "contactor.set(closed=False)" in said[start : said.index("current_off  sequence.power_down", start)]
    assert "undecodable" not in said
    assert "Traceback" not in said


def test_josevs_vehicle_gives_receipts_by_tls_at_our_station(
    cable: dict[str, str], pki: tuple[Path, Path], tmp_path: Path
) -> None:
    """One phase, TLS 1.2 with certificates of our own test PKI."""
    ours, josevs = pki
    words = [
        "--set", "session.tls=True",
        "--set", f"adapters.v2g.certificate={ours / 'secc_chain.pem'}",
        "--set", f"adapters.v2g.key={ours / 'secc.key'}",
        "--set", "session.dialogue.ReceiptRequired=True",
    ]  # fmt: skip
    with josev.engine_run(cable["station"], "evse_ac", tmp_path, "--iface", "ac0", *BENCH, *words) as station:
        station.until("communication.open.answering", 120)
        ac = {"pki": josevs, "mode": "AC_single_phase_core"}
        with josev.evcc(cable["vehicle"], "ac1", "iso2", tmp_path, **ac, loops=20) as vehicle:
            # Asked for receipts it goes on for ever: after one it looks neither at its loops nor at StopCharging.
            vehicle.until("MeteringReceiptRes received", 240)
            text = vehicle.text
        station.until("contactor.set(closed=False)", 60)
        said = station.text
    assert "FAILED" not in text
    assert "tls=True" in said
    assert "undecodable" not in said
    assert "Traceback" not in said


# ---------------------------------------------------------------- Josev's station


@pytest.fixture(scope="module")
def foreign(
    cable: dict[str, str], pki: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[josev.Process]:
    """Josev's station, for the tests below: TCP and TLS, three phases and one."""
    directory = tmp_path_factory.mktemp("foreign")
    with josev.secc(cable["station"], "ac0", "iso2", directory, pki=pki[1], modes=josev.AC_MODES) as station:
        station.until("Communication session handler started", 120)
        yield station


def vehicle_run(cable: dict[str, str], directory: Path, *words: str) -> josev.Process:
    """Our vehicle. Its battery does not get full: it charges until its program is told to end."""
    bench = ["--set", "stop_at_soc=100 %", "--set", "pilot.unplug_after=0 s"]
    return josev.engine_run(cable["vehicle"], "pev_ac", directory, "--iface", "ac1", *bench, *PATIENT, *words)


def leaves(vehicle: josev.Process, foreign: josev.Process) -> str:
    """Its program ends, and with it the session, in order; what it has printed."""
    stops = foreign.text.count("Sent SessionStopRes")
    os.kill(vehicle.pid, signal.SIGTERM)
    vehicle.until(COMPLETE, 120)
    foreign.until_all(["Sent SessionStopRes"] * (stops + 1), 60)
    return vehicle.text


def test_our_vehicle_pauses_resumes_renegotiates_by_tls_at_josevs_station(
    cable: dict[str, str], foreign: josev.Process, pki: tuple[Path, Path], tmp_path: Path
) -> None:
    """The station's chain is verified against the V2G root; the session is the old one after the pause; another
    departure is another schedule, after which it charges on."""
    words = [
        "--set", "discovery.tls=True",
        "--set", f"adapters.v2g.root={pki[0] / 'v2g_root.pem'}",
        "--set", "T_until_pause=1 s",
        "--set", "T_pause=6 s",
        *now_and_then("leave_in(departure=1 h)", tmp_path),
    ]  # fmt: skip
    with vehicle_run(cable, tmp_path, *words) as vehicle:
        vehicle.until("done.invoke.session(result=paused", 120)
        vehicle.until("ResponseCode=OK_OldSessionJoined", 120)
        paused = vehicle.text.partition("ResponseCode=OK_OldSessionJoined")[0]
        vehicle.until_all(["ChargeProgress=Renegotiate", "ChargeProgress=Start", LOOP], 120, since=len(paused))
        said = leaves(vehicle, foreign)
    (session,) = set(re.findall(r"SessionSetupRes\(ResponseCode=OK_NewSession\w+, SessionID=(\w+)", paused))
    assert f"ResponseCode=OK_OldSessionJoined, SessionID={session}" in said
    assert LOOP in paused
    assert "discovery(connected=True, tls=True" in said
    assert "not accepted" not in foreign.text


def test_our_vehicle_comes_back_when_josevs_station_has_died(
    cable: dict[str, str], foreign: josev.Process, tmp_path: Path
) -> None:
    """One phase, over TCP. Nobody ends the session: S2 opens all the same, and the next session is another one."""
    words = ["--set", "vehicle=single_phase", "--set", "C_session_retry=999"]
    with vehicle_run(cable, tmp_path, *words) as vehicle:
        vehicle.until_all([LOOP, LOOP], 120)
        before = len(vehicle.text)
        foreign.stop()
        vehicle.until_all(["pilot.set_load(load=B)"], 60, since=before)
        with josev.secc(cable["station"], "ac0", "iso2", tmp_path, modes=josev.AC_MODES) as another:
            vehicle.until_all(["ResponseCode=OK_NewSession", LOOP], 240, since=before)
            said = leaves(vehicle, another)
            text = another.text
    assert "RequestedEnergyTransferMode=AC_single_phase_core" in said
    assert "discovery(connected=True, tls=False" in said
    assert "not accepted" not in text
