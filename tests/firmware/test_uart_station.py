"""The shipped station of a real board, machines/stations/rpi_esp_uart.toml, with real octets on a pseudo terminal and
the real clock. What the station does in which time is in tests/charge/test_pilot_board.py, on the virtual clock: here
everything has time, since this computer may be busy with something else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import engine
from adapters.pilot.board import UartPilotBoard
from adapters.pilot.emulated import EmulatedPilotBoard
from adapters.registry import REGISTRY
from engine.adapter import Port
from engine.cli import main
from engine.run import System
from engine.run.clock import RealClock
from engine.run.host import Host
from engine.run.observer import Note, StepRecord
from engine.run.station import Overrides, build, resolve
from tests.charge.test_modules_real_bus import PATIENT
from tests.firmware.build import board_image
from tests.firmware.test_emulated_board import SHORT

pytest.importorskip("serialx", reason="the extra 'serial' is not installed")
STATION = Path("machines/stations/rpi_esp_uart.toml")
PATIENT_HERE = (
    *(one for one in PATIENT if not one.startswith("supply.")),
    "T_reset=60 s",
    "T_lock=60 s",
    "V2G_SECC_CPState_Detection_Timeout=60 s",
    "pilot.T_stale=60 s",
    "pilot.T_obey=60 s",
)


class Terminal:
    """A pseudo terminal: ``path`` is what a host opens, this end the board's."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        self.path = os.ttyname(self._slave)

    def put(self, octets: bytes) -> None:
        """Octets of the board; without a reader they are lost, as on a line."""
        with contextlib.suppress(OSError):
            os.write(self.master, octets)

    def close(self) -> None:
        """The line is cut: the board's USB end is pulled."""
        if self.master >= 0:
            os.close(self.master)
            os.close(self._slave)
            self.master = -1


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    one = Terminal()
    yield one
    one.close()


class Soldered(EmulatedPilotBoard):
    """The firmware on its emulated core, at the board's end of a terminal and the station's end of the cable."""

    def __init__(self, config: dict[str, Any], world: Any, terminal: Terminal) -> None:
        super().__init__(config, world)
        self.terminal = terminal
        self.told: list[bytes] = []

    def begin(self, port: Port) -> None:
        """On this clock, from now on."""
        EmulatedPilotBoard.open(self, port)
        emulator = self._begun()
        self._session = self  # type: ignore[assignment]  # its octets go to data_received
        self.transport = object()

        def readable() -> None:
            emulator.put(os.read(self.terminal.master, 4096))

        asyncio.get_running_loop().add_reader(self.terminal.master, readable)

    def data_received(self, octets: bytes) -> None:
        """Octets of the core."""
        self.told.append(octets)
        self.terminal.put(octets)

    def end(self) -> None:
        """Stop the core."""
        self._session = None
        self.close()


def test_the_shipped_station_charges_with_the_emulated_firmware_as_its_board(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``engine run`` with the file as it is shipped, the device by --set: the levels of the simulated vehicle reach the
    core as raw samples, its lines the station over the terminal. What is soldered here is what a user solders."""
    image = board_image("xtensa", tmp_path / "board.elf")
    boards: list[Soldered] = []
    opened, closed = UartPilotBoard.open, UartPilotBoard.close

    def open_host(host: UartPilotBoard, port: Port) -> None:
        opened(host, port)
        if type(host) is UartPilotBoard:
            board = Soldered({"machine": "xtensa", "image": str(image), "cable": "1"}, host.world, terminal)
            boards.append(board)
            board.begin(port)

    def close_host(host: UartPilotBoard) -> None:
        closed(host)
        if type(host) is UartPilotBoard:
            boards[0].end()

    monkeypatch.setattr(UartPilotBoard, "open", open_host)
    monkeypatch.setattr(UartPilotBoard, "close", close_host)
    sets = [*SHORT, *PATIENT_HERE, f"adapters.pilot.device={terminal.path}"]
    command = [
        "run",
        "machines/evse_dc.yaml",
        "--station",
        str(STATION),
        "--link",
        "ethernet",
        "--sessions",
        "1",
        "--plain",
    ]
    code = main([*command, *(word for one in sets for word in ("--set", one))])
    said = capsys.readouterr().out
    assert code == 0, said[-3000:]
    assert "end=normal" in said
    told = b"".join(boards[0].told)
    assert all(b'"state":"%s"' % state in told for state in (b"B", b"C")), "the core saw what the vehicle did"


class Station:
    """The same on its own, without a board at the other end; what it told."""

    def __init__(self, device: str) -> None:
        self.system = System(clock=RealClock())
        overrides = Overrides((*SHORT, f"adapters.pilot.device={device}"), {}, {"link": "ethernet"})
        build(resolve(Path("machines/evse_dc.yaml"), STATION, overrides, REGISTRY, engine.load), self.system, REGISTRY)
        self.system.observers.append(self)
        self.heard: list[tuple[str, str]] = []
        self.errors: list[str] = []

    def step(self, record: StepRecord) -> None:
        """Observer."""
        event = record.event
        if event is not None and record.actor.path == "evse/pilot" and event.name in ("board.connected", "board.lost"):
            self.heard.append((event.name, (event.data or {}).get("reason", "")))

    def note(self, note: Note) -> None:
        """Observer."""
        if note.kind in ("machine_failed", "queue_full", "invariant", "adapter_error"):
            self.errors.append(f"{note.path}: {note.text}")

    def run(self, until: Callable[[], bool]) -> None:
        asyncio.run(asyncio.wait_for(Host(self.system).run(until), 120))


def test_a_device_that_is_not_there() -> None:
    """The run goes on, tries again, and says why."""
    station = Station("/dev/no-such-port")
    outlet = station.system.roots["evse"].machine
    station.run(lambda: len(station.heard) >= 2 and "outlet.faulted" in outlet.configuration)
    assert {name for name, _ in station.heard} == {"board.lost"}
    assert all("/dev/no-such-port" in reason for _, reason in station.heard)
    assert station.errors == []


def test_opening_and_closing_the_port_resets_no_board(monkeypatch: pytest.MonkeyPatch) -> None:
    """BRD-1: DTR and RTS reset an ESP32 when they move."""
    import serialx

    asked: dict[str, Any] = {}

    async def connection(loop: object, made: object, device: str, rate: int, **lines: Any) -> None:
        asked.update(lines, device=device, rate=rate)
        raise OSError("no port here")

    monkeypatch.setattr(serialx, "create_serial_connection", connection)
    station = Station("/dev/esp")
    station.run(lambda: bool(station.heard))
    pins = {name: asked[name] for name in ("dtr_on_open", "rts_on_open", "dtr_on_close", "rts_on_close")}
    assert list(pins.values()) == [serialx.PinState.LOW] * 2 + [serialx.PinState.UNDEFINED] * 2
    assert (asked["device"], asked["rate"]) == ("/dev/esp", 115200)


def test_a_line_that_is_cut_is_told_by_the_port(terminal: Terminal) -> None:
    """The library raises when the other end vanishes, and swallows nothing."""
    station = Station(terminal.path)

    def over() -> bool:
        if station.heard and station.heard[0][0] == "board.connected":
            terminal.close()
        return len(station.heard) >= 2

    station.run(over)
    assert [name for name, _ in station.heard[:2]] == ["board.connected", "board.lost"]
    assert terminal.path in station.heard[1][1]
    assert station.errors == []
