"""A pilot board for tests: real octets on a pseudo terminal, at the station's end of a simulated cable. It knows lines
(docs/pilot_board.md) and none of the station."""

from __future__ import annotations

import asyncio
import os
import tty
from typing import Any

from adapters.pilot import uart
from adapters.pilot.cable import Cable

LEVELS_V = {
    "A": (11.0, 13.0),
    "B": (8.0, 10.0),
    "C": (5.0, 7.0),
    "D": (2.0, 4.0),
    "E": (-1.0, 1.0),
    "F": (-13.0, -11.0),
}


class StandInBoard:
    """Begins with :meth:`run`. ``path`` is what the host opens. ``old``: as the board in the field, without events,
    uptime and diode test."""

    def __init__(self, cable: Cable, *, old: bool = False) -> None:
        self.cable, self.old = cable, old
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self.mode, self.duty, self.enabled = "dc", 0, False
        self.state = "A"
        self.up_ms = self.seq = 0
        self.deaf = self.silent = self.garbled = False
        self.commands: list[uart.Command] = []
        self.refused: list[str] = []
        self._lines = uart.Lines(uart.LONGEST_COMMAND)
        self._pulsing = False

    async def run(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._master, self._readable)
        try:
            while True:
                await asyncio.sleep(0.02)
                self.up_ms += 20
                self._look()
                if self.up_ms % 200 == 0:
                    self.say(self.status)
        finally:
            self.cut()

    def cut(self) -> None:
        """The line is cut: the board's USB end is pulled."""
        if self._master >= 0:
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._master)
            os.close(self._slave)
            self._master = -1

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
        if self._master >= 0 and not self.silent:
            os.write(self._master, octets)

    def _look(self) -> None:
        high = self.cable.circuit.evse().high_V
        state = next((name for name, (least, most) in LEVELS_V.items() if least <= high <= most), self.state)
        if self.mode == "dc" and not self._pulsing:
            self.cable.set_duty(5.0 if state in ("B", "C", "D") else 100.0)
        if state != self.state:
            self.state, self.seq = state, self.seq + 1
            if not self.old:
                self.say(uart.Event("state", self.seq, self.status))

    def _readable(self) -> None:
        octets = os.read(self._master, 4096)
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
                self._pulsing = self.silent = True
                self.cable.set_duty(100.0)
                asyncio.get_running_loop().call_later(fields.get("ms", 400) / 1000, self._pulse_over)
        self._look()
        self.say(self.status)

    def _pulse_over(self) -> None:
        self._pulsing = self.silent = False
        self.mode = "dc"
        self.say(uart.Ok("restart_slac_hint"))
