"""Our station interrupted at every message over TCP, then Josev's vehicle charges there: nothing is left behind."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.v2g.commands.vehicle import AC_STEPS, STEPS, MinimalVehicle, StationError, address_of
from tests.charge import josev
from tests.charge.test_commands import address
from tests.charge.test_commands_ac import QUICK, until_inviting
from tests.slac import netns

REASON = netns.missing() or josev.missing()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)

NORMAL_END = "evse  session.session_ended(end=normal)"
CONTACTOR = re.compile(r"contactor\.set\(closed=(\w+)\)")


@pytest.fixture(scope="module")
def cable() -> Iterator[dict[str, str]]:
    """A plain network cable between a station and a vehicle."""
    with netns.namespaces(("wire0", "station"), ("wire1", "vehicle")) as names:
        for namespace in names.values():
            netns.ip("-n", namespace, "link", "set", "lo", "up")
        yield names


def interrupt(to: tuple[str, int], protocol: str, step: str, how: str, energy: str = "dc") -> None:
    """A session up to ``step``, and there the interruption; until the station has closed, where it has to."""
    vehicle = MinimalVehicle(to, protocol, energy=energy)
    try:
        for one in vehicle.steps[: vehicle.steps.index(step)]:
            for _ in vehicle.take(one, 2):
                pass
        frame = vehicle.frame(step)
        if how == "garbage":
            for _ in range(3):
                vehicle.send(frame[:8] + bytes(octet ^ 0xFF for octet in frame[8:]))
        elif how == "wrong session id":
            vehicle.send(vehicle.frame(step, session_id=bytes(7) + b"\x01"))
            heard = vehicle.hear()
            assert heard is None or heard.body.ResponseCode == "FAILED_UnknownSession"
        if how != "close":
            assert vehicle.hear(25.0) is None, "still served"
    finally:
        vehicle.close()


@pytest.mark.parametrize(
    ("protocol", "ways", "steps"),
    [("din", ("close", "garbage"), STEPS[::2]), ("iso2", ("wrong session id", "silence"), STEPS[3::2])],
    ids=["din", "iso2"],
)
def test_interrupted_at_each_message(
    cable: dict[str, str], tmp_path: Path, protocol: str, ways: tuple[str, ...], steps: tuple[str, ...]
) -> None:
    """Broken sessions in one station process, in ways by turns; then a foreign vehicle charges there as if nothing had
    been. Every way at every message in both protocols is a scenario on the virtual clock."""
    options = [*josev.QUICK, "--set", "session.V2G_SECC_Sequence_Timeout=6 s"]
    with josev.engine_run(cable["station"], "evse_dc", tmp_path, "--iface", "wire0", *options) as station:
        station.until("communication.open", 60)
        to = address_of(address(cable["station"]))
        for how, step in zip(itertools.cycle(ways), steps, strict=False):
            josev.until_ready(station)
            try:
                netns.inside(cable["vehicle"], lambda: interrupt(to, protocol, step, how))  # noqa: B023
            except StationError as error:
                raise AssertionError(f"before {how} at {step}: {error}\n{station.text[-2000:]}") from error
        josev.until_ready(station)
        before = station.text.count(NORMAL_END)
        with josev.evcc(cable["vehicle"], "wire1", protocol, tmp_path) as vehicle:
            vehicle.until(" - iso15118.shared.comm_session (417): TCP connection closed", 120)
            text = vehicle.text
        station.until_all([NORMAL_END] * (before + 1), 60)
    assert "FAILED" not in text
    assert text.count("CurrentDemandRes received") >= 8  # in DIN its first loop is not logged
    assert "Traceback" not in station.text


def test_interrupted_at_each_message_of_ac(cable: dict[str, str], tmp_path: Path) -> None:
    """The same in AC: no contactor stays closed, and a foreign vehicle charges on three phases behind it all."""
    options = [*QUICK, "--set", "session.V2G_SECC_Sequence_Timeout=6 s", "--set", "T_session_start=10 min"]
    with josev.engine_run(cable["station"], "evse_ac", tmp_path, "--iface", "wire0", *options) as station:
        station.until("communication.open", 60)
        to = address_of(address(cable["station"]))
        ways = itertools.cycle(("close", "garbage", "wrong session id", "silence"))
        for how, step in zip(ways, AC_STEPS, strict=False):
            until_inviting(station)
            try:
                netns.inside(cable["vehicle"], lambda: interrupt(to, "iso2", step, how, "ac"))  # noqa: B023
            except StationError as error:
                raise AssertionError(f"before {how} at {step}: {error}\n{station.text[-2000:]}") from error
        until_inviting(station)
        orders = CONTACTOR.findall(station.text)
        assert "True" in orders
        assert orders[-1] == "False"
        before = station.text.count(NORMAL_END)
        with josev.evcc(cable["vehicle"], "wire1", "iso2", tmp_path, mode="AC_three_phase_core", loops=4) as vehicle:
            vehicle.until("SessionStopRes received", 180)
            text = vehicle.text
        station.until_all([NORMAL_END] * (before + 1), 60)
    assert "FAILED" not in text
    assert text.count("ChargingStatusRes received") >= 4
    assert CONTACTOR.findall(station.text)[-1:] == ["False"]
    assert "Traceback" not in station.text
