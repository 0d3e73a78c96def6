"""Our station interrupted at every message over TCP, then Josev's vehicle charges there: nothing is left behind."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.v2g.commands.vehicle import STEPS, MinimalVehicle, StationError, address_of
from tests.charge import josev
from tests.charge.test_commands import address
from tests.slac import netns

REASON = netns.missing() or josev.missing()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)

QUICK = [
    "--sessions", "999",
    "--set", "cp_line.T_step_EF=100 ms",
    "--set", "cp_line.T_step_EF_x1=50 ms",
    "--set", "T_back_off=100 ms",
    "--set", "C_session_retry=999",
    "--set", "session.V2G_SECC_Sequence_Timeout=2 s",
    "--set", "session.T_close=200 ms",
    "--set", "adapters.imd.self_test=50 ms",
    "--set", "adapters.imd.measure=50 ms",
    "--set", "adapters.pilot.ready_after=50ms",
]  # fmt: skip
"""A station with short waits between two tries: what is looked at is that there is a next one."""

NORMAL_END = "evse  session.session_ended(end=normal)"


@pytest.fixture(scope="module")
def cable() -> Iterator[dict[str, str]]:
    """A plain network cable between a station and a vehicle."""
    with netns.namespaces(("wire0", "station"), ("wire1", "vehicle")) as names:
        for namespace in names.values():
            netns.ip("-n", namespace, "link", "set", "lo", "up")
        yield names


def interrupt(to: tuple[str, int], protocol: str, step: str, how: str) -> None:
    """A session up to ``step``, and there the interruption; until the station has closed, where it has to."""
    vehicle = MinimalVehicle(to, protocol)
    try:
        for one in STEPS[: STEPS.index(step)]:
            for _ in vehicle.take(one, 2):
                pass
        frame = vehicle.frame(step)
        if how == "garbage":
            for _ in range(3):
                vehicle.send(frame[:8] + bytes(octet ^ 0xFF for octet in frame[8:]))
        elif how == "wrong session id":
            vehicle.send(vehicle.frame(step, session_id=bytes(7) + b"\x01"))
            heard = vehicle.hear()
            assert heard is None or heard[1].ResponseCode == "FAILED_UnknownSession"
        if how != "close":
            assert vehicle.hear(25.0) is None, "still served"
    finally:
        vehicle.close()


def until_ready(station: josev.Process) -> None:
    """Wait until the station invites again, its output off and its stand-in vehicle in C."""
    end = time.monotonic() + 20
    while True:
        text = station.text
        outlet = re.findall(r"→ [^\n]*?(outlet\.[a-z_.]+)", text)
        output = re.findall(r"evse/output  [^\n]*→ ([a-z_.]+)", text)
        pilot = re.findall(r"evse/cp_line  [^\n]*→ [^\n]*?vehicle\.([A-Za-z.]+)", text)
        if outlet[-1:] == ["outlet.plugged.inviting"] and output[-1:] in (["off"], []) and pilot[-1:] == ["ready.C"]:
            return
        assert time.monotonic() < end, f"{outlet[-3:]} {output[-3:]} {pilot[-3:]}\n{text[-1500:]}"
        time.sleep(0.05)  # a real process: nothing to wait on but its output


@pytest.mark.parametrize(
    ("how", "protocol"), [("close", "din"), ("silence", "iso2"), ("garbage", "din"), ("wrong session id", "iso2")]
)
def test_interrupted_at_each_message(cable: dict[str, str], how: str, protocol: str, tmp_path: Path) -> None:
    """Thirteen broken sessions in one station process; then a foreign vehicle charges there as if nothing had been."""
    with josev.engine_run(cable["station"], "evse_dc", tmp_path, "--iface", "wire0", *QUICK) as station:
        station.until("communication.open", 20)
        to = address_of(address(cable["station"]))
        for step in STEPS[2:] if how == "wrong session id" else STEPS:
            if how == "silence" and step in STEPS[:2]:
                continue  # 18 s of the communication set-up each: a scenario on the virtual clock has them
            until_ready(station)
            try:
                netns.inside(cable["vehicle"], lambda step=step: interrupt(to, protocol, step, how))  # type: ignore[misc]
            except StationError as error:
                raise AssertionError(f"before the interruption at {step}: {error}\n{station.text[-2000:]}") from error
        until_ready(station)
        before = station.text.count(NORMAL_END)
        with josev.evcc(cable["vehicle"], "wire1", protocol, tmp_path) as vehicle:
            vehicle.until(" - iso15118.shared.comm_session (417): TCP connection closed", 60)
            text = vehicle.text
        until_ready(station)
        assert station.text.count(NORMAL_END) == before + 1
    assert "FAILED" not in text
    assert text.count("CurrentDemandRes received") >= 8  # in DIN its first loop is not logged
    assert "Traceback" not in station.text
