"""The station whose pilot is a board on a serial port: real octets on a pseudo terminal, the real clock. The board is a
stand-in. The chart's own times are in tests/scenarios/test_pilot_board.py."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import engine
from adapters.pilot.board_end import PtyPilotHost, SimulatedPilotFront
from adapters.pilot.cable import cable_of
from adapters.pilot.simulated import SimulatedPilotEvse
from adapters.registry import REGISTRY
from engine.run import System
from engine.run.clock import RealClock
from engine.run.host import Host
from engine.run.observer import Note, StepRecord
from engine.run.station import Overrides, build, resolve
from tests.charge.test_modules_real_bus import PATIENT
from tests.pilot.stand_in_board import StandInBoard

pytest.importorskip("serialx", reason="the extra 'serial' is not installed")
STATION = Path("machines/stations/rpi_esp_uart.toml")
SHORT = ("pev.adapters.battery.soc=40.99", "pev.stop_at_soc=41 %", "pev.adapters.pilot.plug_after=100 ms")
PATIENT_HERE = (*(one for one in PATIENT if not one.startswith("supply.")), "T_reset=30 s", "pilot.T_stale=2 s")
"""A machine that is late is no board that is silent; the chart's own 350 ms are a scenario's."""


class Session:
    """The station, a vehicle and a board; what the station told."""

    def __init__(self, *sets: str, old: bool = False, device: str = "") -> None:
        self.system = System(clock=RealClock())
        self.board = StandInBoard(cable_of(self.system.world, "1"), old=old)
        wanted = (*SHORT, *PATIENT_HERE, f"adapters.pilot.device={device or self.board.path}", *sets)
        overrides = Overrides(wanted, {}, {"link": "ethernet"})
        build(resolve(Path("machines/evse_dc.yaml"), STATION, overrides, REGISTRY, engine.load), self.system, REGISTRY)
        self.system.observers.append(self)
        self.results: list[dict[str, Any]] = []
        self.lost: list[tuple[float, str]] = []
        self.errors: list[str] = []
        self.contactor: list[tuple[float, bool]] = []
        self.late = False

    def step(self, record: StepRecord) -> None:
        """Observer."""
        at_s, event = record.time_ns / 1e9, record.event
        if event is not None and record.actor.path == "evse" and event.name == "pilot.lost":
            self.lost.append((at_s, event.data["reason"]))
        if (
            event is not None
            and record.actor.path.startswith("evse")
            and event.name in ("contactor.closed", "contactor.opened")
        ):
            self.contactor.append((at_s, event.name == "contactor.closed"))

    def note(self, note: Note) -> None:
        """Observer."""
        if note.kind == "out" and note.path == "evse" and note.text == "session_ended":
            self.results.append(dict(note.data))
        elif note.kind == "host_late":
            self.late = True
        elif note.kind in ("machine_failed", "queue_full", "invariant", "adapter_error"):
            self.errors.append(f"{note.path}: {note.text}")

    @property
    def configuration(self) -> list[str]:
        return sorted(self.system.roots["evse"].machine.configuration)

    @property
    def charges(self) -> bool:
        return "outlet.plugged.session.power.charging" in self.configuration

    def run(self, until: Callable[[], bool], *then: tuple[Callable[[], None], Callable[[], bool]]) -> Session:
        """Until it holds; then each thing is done and what follows it waited for."""
        asyncio.run(asyncio.wait_for(self._run(until, then), 90))
        return self

    async def _run(
        self, until: Callable[[], bool], then: tuple[tuple[Callable[[], None], Callable[[], bool]], ...]
    ) -> None:
        steps = [(lambda: None, until), *then]

        def over() -> bool:
            while steps:
                do, reached = steps[0]
                if do is not None:
                    do()
                    steps[0] = (None, reached)  # type: ignore[assignment]
                if not reached():
                    return False
                steps.pop(0)
            return True

        board = asyncio.ensure_future(self.board.run())
        try:
            await Host(self.system).run(over)
        finally:
            board.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await board


@pytest.mark.parametrize("old", [False, True], ids=["board", "board of the system replaced"])
@pytest.mark.parametrize("decides", ["host", "board"])
def test_a_session_charges(decides: str, old: bool) -> None:
    """From the plug to the end, whoever decides the duty; nobody contradicts the other one."""
    session = Session(f"pilot.decides={decides}", old=old)
    session.run(lambda: bool(session.results))
    assert (session.results[0]["end"], session.results[0]["reason"]) == ("normal", "")
    assert session.results[0]["energy"] > 1.0
    assert session.errors == []
    assert session.board.refused == []
    told = [command.fields for command in session.board.commands if command.name == "set_pwm"]
    if decides == "board":
        assert {fields["duty"] for fields in told} <= {0}
    else:
        assert {fields["duty"] for fields in told} >= {5}
        assert "restart_slac_hint" not in [command.name for command in session.board.commands]


@pytest.mark.parametrize("decides", ["host", "board"])
def test_a_session_charges_with_the_firmwares_chart_as_board(decides: str, tmp_path: Path) -> None:
    """machines/pilot/firmware.yaml in the place of the stand-in, on a pseudo terminal of its own."""
    link = tmp_path / "board"
    session = Session(f"pilot.decides={decides}", device=str(link))
    world = session.system.world
    adapters = {
        "host": PtyPilotHost({"link": str(link)}, world),
        "front": SimulatedPilotFront({}, world),
        "pilot": SimulatedPilotEvse({}, world),
    }
    session.system.add(engine.load("machines/pilot/firmware.yaml"), "board", {}, adapters)
    session.run(lambda: bool(session.results))
    assert (session.results[0]["end"], session.results[0]["reason"]) == ("normal", "")
    assert session.results[0]["energy"] > 1.0
    assert session.errors == []


def garbled(session: Session) -> None:
    session.board.garbled = True


def stopped(session: Session) -> None:
    """As a board that hangs, its port still there."""
    session.board.silent = session.board.deaf = True


MISHAPS: dict[str, tuple[Callable[[Session], None], str]] = {
    "cut": (lambda session: session.board.cut(), "/dev/"),
    "garbled": (garbled, "the pilot board is silent"),
    "stopped": (stopped, "the pilot board is silent"),
    "restarted": (lambda session: session.board.restart(), "the pilot board has restarted"),
}


@pytest.mark.parametrize("mishap", MISHAPS)
def test_the_output_is_dead_in_time(mishap: str) -> None:
    """In mid-charge the line is cut, garbled, the board hangs or restarts: told, off, open within the chart's time."""
    do, reason = MISHAPS[mishap]
    for _ in range(3):  # what this computer had no time for is tried again
        session, began_s = struck(do)
        if began_s is not None and not session.late:
            break
    assert began_s is not None, session.results
    told = [(at_s, why) for at_s, why in session.lost if at_s >= began_s]
    assert reason in told[0][1]
    assert (session.results[0]["end"], session.results[0]["reason"]) == ("failed", told[0][1])
    assert session.errors == []
    silence_s = 2.0 if reason.endswith("silent") else 0.05
    assert told[0][0] - began_s < silence_s + 0.25
    assert session.contactor[-1][0] - told[0][0] < 0.5


def struck(do: Callable[[Session], None]) -> tuple[Session, float | None]:
    """A session that this happens to in mid-charge, and when, until the contactor is open and the result told; None:
    it failed before."""
    session = Session("pev.stop_at_soc=90 %")
    began: list[float] = []

    def strike() -> None:
        if session.charges:
            began.append(session.system.clock.now_ns() / 1e9)
            do(session)

    def is_open() -> bool:
        return not session.contactor or not session.contactor[-1][1]

    session.run(lambda: session.charges or bool(session.results), (strike, lambda: is_open() and bool(session.results)))
    return session, began[0] if began else None


def test_after_its_board_is_back_the_outlet_mends_by_itself() -> None:
    """A board that hung in mid-charge comes back: nobody has to press a button."""
    session = Session("pev.stop_at_soc=90 %")

    def back() -> None:
        session.board.silent = session.board.deaf = False

    session.run(
        lambda: session.charges,
        (lambda: stopped(session), lambda: "outlet.faulted" in session.configuration),
        (back, lambda: "outlet.plugged" in session.configuration),
    )
    assert session.errors == []


def test_a_device_that_is_not_there() -> None:
    """The run goes on, the outlet is out of order and says why."""
    session = Session(device="/dev/no-such-port")
    session.run(lambda: "outlet.faulted" in session.configuration and session.system.clock.now_ns() > 1_500_000_000)
    assert session.errors == []
    assert session.results == []


def test_lines_of_a_board_that_are_no_messages_change_nothing() -> None:
    """Its log, half a line, one that is too long, ten thousand at once: the session charges on."""
    session = Session()

    def noise() -> None:
        session.board.write(b"[1234] [I] boot\n" * 20 + b'{"type":"status","state":"A"\n' + b"x" * 2000 + b"\n")

    session.run(lambda: session.charges, (noise, lambda: bool(session.results)))
    assert (session.results[0]["end"], session.lost[1:]) == ("normal", [])
    pilot = session.system.servers["evse/pilot"].actor
    assert pilot.machine.data["unreadable"] >= 1
    assert session.errors == []
