"""The station whose pilot is a board on a serial port. The board is a stand-in, its line octets in memory, its time the
station's: the virtual clock, so a busy computer changes nothing. Real ports: tests/firmware/test_uart_station.py.
The chart's own times are in tests/scenarios/test_pilot_board.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import engine
from adapters.pilot.board import UartPilotBoard
from adapters.pilot.board_end import PilotHost, SimulatedPilotFront
from adapters.pilot.cable import cable_of
from adapters.pilot.simulated import SimulatedPilotEvse
from adapters.registry import REGISTRY
from engine.adapter import Port
from engine.run import System
from engine.run.clock import VirtualClock
from engine.run.observer import Note, StepRecord
from engine.run.station import Overrides, build, resolve
from tests.pilot.stand_in_board import Line, StandInBoard

STATION = Path("machines/stations/rpi_esp_uart.toml")
S = 1_000_000_000
SHORT = ("pev.adapters.battery.soc=40.99", "pev.stop_at_soc=41 %", "pev.adapters.pilot.plug_after=100 ms")
T_STALE_S = 0.35  # of machines/pilot/board.yaml


class Session:
    """The station, a vehicle and a board; what the station told."""

    def __init__(
        self,
        patch: pytest.MonkeyPatch,
        *sets: str,
        old: bool = False,
        chart: bool = False,
        link: str = "ethernet",
        faults: tuple[str, ...] = (),
    ) -> None:
        self.system = System(VirtualClock())
        world, self.line = self.system.world, Line()
        self.board = StandInBoard(cable_of(world, "1"), Line() if chart else self.line, old=old)
        opened, line = UartPilotBoard.open, self.line

        def open_host(host: UartPilotBoard, port: Port) -> None:
            patch.setattr(host, "prepare", lambda: None)
            opened(host, port)
            if not chart:
                self.board.run(port)

        patch.setattr(UartPilotBoard, "open", open_host)
        patch.setattr(UartPilotBoard, "connect", lambda host: line.connect(host))
        overrides = Overrides((*SHORT, *sets), {}, {"link": link}, faults=faults)
        build(resolve(Path("machines/evse_dc.yaml"), STATION, overrides, REGISTRY, engine.load), self.system, REGISTRY)
        self.system.observers.append(self)
        self.results: list[dict[str, Any]] = []
        self.lost: list[tuple[float, str]] = []
        self.errors: list[str] = []
        self.contactor: list[tuple[float, bool]] = []

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
        elif note.kind in ("machine_failed", "queue_full", "invariant", "adapter_error"):
            self.errors.append(f"{note.path}: {note.text}")

    @property
    def configuration(self) -> list[str]:
        return sorted(self.system.roots["evse"].machine.configuration)

    @property
    def charges(self) -> bool:
        return "outlet.plugged.session.power.charging" in self.configuration

    @property
    def now_s(self) -> float:
        return self.system.clock.now_ns() / S

    def begin(self) -> Session:
        self.system.start()
        return self

    def until(self, condition: Callable[[], bool], within_s: float = 60.0) -> Session:
        """Let time pass until it holds."""
        held = self.system.run_until(condition, self.system.clock.now_ns() + int(within_s * S))
        assert held, (self.now_s, self.results, self.lost, self.errors)
        return self


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Session]]:
    """Makes sessions and ends them."""
    made: list[Session] = []

    def make(*sets: str, **more: Any) -> Session:
        session = Session(monkeypatch, *sets, **more)
        made.append(session)
        return session.begin()

    yield make
    for session in made:
        session.system.shutdown()


@pytest.mark.parametrize("old", [False, True], ids=["board", "board of the system replaced"])
@pytest.mark.parametrize("decides", ["host", "board"])
def test_a_session_charges(decides: str, old: bool, begun: Callable[..., Session]) -> None:
    """From the plug to the end, whoever decides the duty; nobody contradicts the other one."""
    session = begun(f"pilot.decides={decides}", old=old)
    session.until(lambda: bool(session.results))
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


class ChartHost(PilotHost):
    """The lines of a board that is a chart, on the line of the station."""

    def __init__(self, session: Session) -> None:
        super().__init__({}, session.system.world)
        self._line = session.line
        self._line.far = self.feed

    def write(self, octets: bytes) -> None:
        self._line.put(octets)


def with_the_chart(monkeypatch: pytest.MonkeyPatch, *sets: str, **more: Any) -> Session:
    """Begun, with machines/pilot/firmware.yaml in the place of the stand-in."""
    session = Session(monkeypatch, *sets, chart=True, **more)
    world = session.system.world
    adapters = {
        "host": ChartHost(session),
        "front": SimulatedPilotFront({}, world),
        "pilot": SimulatedPilotEvse({}, world),
    }
    session.system.add(engine.load("machines/pilot/firmware.yaml"), "board", {}, adapters)
    return session.begin()


@pytest.mark.parametrize("decides", ["host", "board"])
def test_a_session_charges_with_the_firmwares_chart_as_board(decides: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """machines/pilot/firmware.yaml in the place of the stand-in."""
    session = with_the_chart(monkeypatch, f"pilot.decides={decides}")
    session.until(lambda: bool(session.results))
    assert (session.results[0]["end"], session.results[0]["reason"]) == ("normal", "")
    assert session.results[0]["energy"] > 1.0
    assert session.errors == []
    session.system.shutdown()


@pytest.mark.parametrize("decides", ["host", "board"])
def test_a_board_that_missed_its_host_is_told_anew(decides: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """BRD-3: what the host says is lost for 1.2 s and the board takes the PWM away; the first line that comes through
    leaves its dead-man, and the duty is told again: the outlet was never out of order."""
    silent = {"link": "plc", "faults": ("drop:CM_SLAC_PARM.REQ",)}  # a vehicle that stays where it is
    session = with_the_chart(monkeypatch, f"pilot.decides={decides}", "pev.adapters.pilot.plug_after=5 s", **silent)
    circuit = cable_of(session.system.world, "1").circuit
    session.until(lambda: circuit.duty_percent == 5.0)
    board, session.line.far = session.line.far, lambda octets: None
    session.until(lambda: circuit.duty_percent == 100.0, within_s=1.1)
    session.system.advance(S // 10)
    session.line.far = board
    session.until(lambda: circuit.duty_percent == 5.0, within_s=0.6)
    assert "outlet.plugged" in session.configuration
    assert (session.lost[1:], session.errors) == ([], [])
    session.system.shutdown()


def garbled(session: Session) -> None:
    session.board.garbled = True


def stopped(session: Session) -> None:
    """As a board that hangs, its port still there."""
    session.board.silent = session.board.deaf = True


MISHAPS: dict[str, tuple[Callable[[Session], None], str, float]] = {
    "cut": (lambda session: session.line.cut(), "/dev/serial0: the device has gone", 0.0),
    "garbled": (garbled, "the pilot board is silent", T_STALE_S),
    "stopped": (stopped, "the pilot board is silent", T_STALE_S),
    "restarted": (lambda session: session.board.restart(), "the pilot board has restarted", 0.05),
}


@pytest.mark.parametrize("mishap", MISHAPS)
def test_the_output_is_dead_in_time(mishap: str, begun: Callable[..., Session]) -> None:
    """In mid-charge the line is cut, garbled, the board hangs or restarts: told, off, open within the chart's time."""
    do, reason, silence_s = MISHAPS[mishap]
    session = begun("pev.stop_at_soc=90 %")
    session.until(lambda: session.charges)
    session.system.advance(S // 2)
    struck_s = session.now_s
    do(session)
    session.until(lambda: bool(session.results) and not session.contactor[-1][1], within_s=10.0)
    told = [(at_s, why) for at_s, why in session.lost if at_s >= struck_s]
    assert told[0][1] == reason
    assert (session.results[0]["end"], session.results[0]["reason"]) == ("failed", reason)
    assert told[0][0] - struck_s <= silence_s + 0.001
    assert session.contactor[-1][0] - told[0][0] < 0.1
    assert session.errors == []


def test_after_its_board_is_back_the_outlet_mends_by_itself(begun: Callable[..., Session]) -> None:
    """A board that hung in mid-charge comes back: nobody has to press a button."""
    session = begun("pev.stop_at_soc=90 %")
    session.until(lambda: session.charges)
    stopped(session)
    session.until(lambda: "outlet.faulted" in session.configuration)
    session.board.silent = session.board.deaf = False
    session.until(lambda: "outlet.plugged" in session.configuration)
    assert session.errors == []


def test_lines_of_a_board_that_are_no_messages_change_nothing(begun: Callable[..., Session]) -> None:
    """Its log, half a line, one that is too long: the session charges on."""
    session = begun()
    session.until(lambda: session.charges)
    session.board.write(b"[1234] [I] boot\n" * 20 + b'{"type":"status","state":"A"\n' + b"x" * 2000 + b"\n")
    session.until(lambda: bool(session.results))
    assert (session.results[0]["end"], session.lost[1:]) == ("normal", [])
    pilot = session.system.servers["evse/pilot"].actor
    assert pilot.machine.data["unreadable"] >= 1
    assert session.errors == []
