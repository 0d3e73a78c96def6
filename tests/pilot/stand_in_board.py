"""A pilot board for tests, at the station's end of a simulated cable. It knows lines (docs/pilot_board.md) and none of
the station. Its line and its time are the bench's: octets in memory on the virtual clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.pilot import uart
from adapters.pilot.board import Session, UartPilotBoard
from adapters.pilot.cable import Cable
from engine.adapter import Port

LEVELS_V = {
    "A": (11.0, 13.0),
    "B": (8.0, 10.0),
    "C": (5.0, 7.0),
    "D": (2.0, 4.0),
    "E": (-1.0, 1.0),
    "F": (-13.0, -11.0),
}
MS = 1_000_000
CYCLE_MS = 20


class Line:
    """A serial line in memory. ``far`` takes the octets of the host. ``cut``: its USB end is pulled."""

    def __init__(self) -> None:
        self.far: Callable[[bytes], None] = lambda octets: None
        self.host: UartPilotBoard | None = None
        self.is_cut = False
        self._session: Session | None = None

    def connect(self, host: UartPilotBoard) -> None:
        """In the place of the port's opening: the host's adapter is at this line's near end."""
        host.disconnect()
        session = Session(host)
        host._session, self._session = session, session
        host.port.call_later(0, lambda: self._connected(host, session))

    def _connected(self, host: UartPilotBoard, session: Session) -> None:
        if self.is_cut:
            host.ended(session, "no such device")
        else:
            session.transport = self
            host.opened(session)

    def put(self, octets: bytes) -> None:
        """Octets of the board."""
        if self._session is not None and self._session.transport is not None:
            self._session.data_received(octets)

    def cut(self) -> None:
        """Both ends see it."""
        self.is_cut = True
        if self._session is not None:
            self._session.connection_lost(OSError("the device has gone"))

    def get_write_buffer_size(self) -> int:
        """As a transport."""
        return 0

    def write(self, octets: bytes) -> None:
        """As a transport: octets of the host."""
        if self.is_cut:
            raise OSError("the device has gone")
        self.far(octets)

    def close(self) -> None:
        """As a transport."""


class StandInBoard:
    """Begins with :meth:`run`. ``old``: as the board in the field, without events, uptime and diode test."""

    def __init__(self, cable: Cable, line: Line, *, old: bool = False) -> None:
        self.cable, self.old, self.line = cable, old, line
        self.mode, self.duty, self.enabled = "dc", 0, False
        self.state = "A"
        self.up_ms = self.seq = 0
        self.deaf = self.silent = self.garbled = False
        self.commands: list[uart.Command] = []
        self.refused: list[str] = []
        self._lines = uart.Lines(uart.LONGEST_COMMAND)
        self._pulsing = False
        self._port: Port | None = None
        line.far = self._hears

    def run(self, port: Port) -> None:
        """On this clock, from now on."""
        self._port = port
        self._cycle()

    def _cycle(self) -> None:
        assert self._port is not None
        self._port.call_later(CYCLE_MS * MS, self._cycle)
        self.up_ms += CYCLE_MS
        self._look()
        if self.up_ms % 200 == 0:
            self.say(self.status)

    def restart(self) -> None:
        """As after its watchdog: nothing of what it was told is left."""
        self.mode, self.duty, self.enabled, self.up_ms = "dc", 0, False, 0
        self.cable.set_duty(100.0)

    @property
    def status(self) -> uart.Status:
        out, up, diode = round(self.cable.circuit.duty_percent), self.up_ms, self.cable.circuit.evse().low_V < -11.0
        if self.old:
            return uart.Status(self.state, self.mode, out, 2000)  # type: ignore[arg-type]
        return uart.Status(self.state, self.mode, out, 2000, diode if 0 < out < 100 else None, up, "power")  # type: ignore[arg-type]

    def say(self, report: uart.Report) -> None:
        line = uart.encode_report(report)
        self.write(bytes(octet ^ 0x15 for octet in line[:-1]) + b"\n" if self.garbled else line)

    def write(self, octets: bytes) -> None:
        if not self.silent:
            self.line.put(octets)

    def _look(self) -> None:
        high = self.cable.circuit.evse().high_V
        state = next((name for name, (least, most) in LEVELS_V.items() if least <= high <= most), self.state)
        if self.mode == "dc" and not self._pulsing:
            self.cable.set_duty(5.0 if state in ("B", "C", "D") else 100.0)
        if state != self.state:
            self.state, self.seq = state, self.seq + 1
            if not self.old:
                self.say(uart.Event("state", self.seq, self.status))

    def _hears(self, octets: bytes) -> None:
        if self.deaf:
            return
        for line in self._lines.feed(octets):
            found = line if isinstance(line, uart.Misfit) else uart.decode_command(line)
            if isinstance(found, uart.Misfit):
                self.refused.append(found.reason)
                self.say(uart.Refusal(found.reason.partition(":")[0], found.reason))
            else:
                self.commands.append(found)
                self._obey(found.name, found.fields)

    def _obey(self, name: str, fields: Any) -> None:
        match name:
            case "set_mode":
                self.mode = fields["mode"]
            case "set_pwm" if self.mode == "dc":
                self.say(uart.Refusal("mode_dc_auto", "mode_dc_auto"))
                return
            case "set_pwm":
                self.duty, self.enabled = fields.get("duty", self.duty), fields.get("enable", self.enabled)
                self.cable.set_duty(float(self.duty) if self.enabled else 100.0)
            case "restart_slac_hint":
                assert self._port is not None
                self._pulsing = self.silent = True
                self.cable.set_duty(100.0)
                self._port.call_later(fields.get("ms", 400) * MS, self._pulse_over)
        self._look()
        self.say(self.status)

    def _pulse_over(self) -> None:
        self._pulsing = self.silent = False
        self.mode = "dc"
        self.say(uart.Ok("restart_slac_hint"))
