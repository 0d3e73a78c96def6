"""The board on an emulated core, on its own bench: the same surroundings as :class:`tests.firmware.c_board.CBoard`."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from adapters.pilot.circuit import PilotCircuit
from adapters.pilot.emulator import Emulator, burst

TICK_US = 5000
PATIENCE_S = 60.0
NOISE_MV = 10.0


class QemuBoard:
    """See :class:`tests.firmware.c_board.CBoard`: the same words. ``pwm``: time, duty and frequency of each change."""

    def __init__(self, machine: str, image: Path) -> None:
        self.circuit = PilotCircuit()
        self.now_us = 0
        self.pwm: list[tuple[int, float, int]] = []
        self._emulator = Emulator(machine, str(image))
        self._choice = random.Random(1)
        self._octets = bytearray()

    def __enter__(self) -> QemuBoard:
        self._hear()
        return self

    def __exit__(self, *_: object) -> None:
        self._emulator.close()

    def _hear(self) -> None:
        assert self._emulator.hear(PATIENCE_S), "the emulated board says nothing"
        self._octets += self._emulator.received
        self._emulator.received.clear()
        answer = self._emulator.answer
        assert answer is not None
        assert answer.fault == 0
        shown = (answer.duty_percent, answer.frequency_Hz)
        if not self.pwm or shown != self.pwm[-1][1:]:
            self.pwm.append((self.now_us, *shown))
            self.circuit.duty_percent = answer.duty_percent

    def vehicle(self, load: str | None) -> None:
        """A vehicle in state B, C or D, or none."""
        self.circuit.connected = load is not None
        if load is not None:
            self.circuit.load = load  # type: ignore[assignment]

    def run(self, seconds: float) -> None:
        """Let time pass, with a host that says nothing."""
        for _ in range(round(seconds * 1e6 / TICK_US)):
            self.now_us += TICK_US
            samples = burst(self.circuit.evse(), *self.pwm[-1][1:], self._choice, NOISE_MV)
            self._emulator.pass_time(TICK_US, samples)
            self._hear()

    def live(self, seconds: float, command: bytes = b'{"cmd":"ping"}\n') -> None:
        """Let time pass; the host speaks each 50 ms."""
        for _ in range(round(seconds / 0.05)):
            self.send(command)
            self.run(0.05)

    def send(self, octets: bytes) -> None:
        """Octets of the host."""
        self._emulator.put(octets)

    def command(self, name: str, **fields: Any) -> None:
        """A command of the host, and the board's next steps."""
        self.send(json.dumps({"cmd": name, **fields}).encode() + b"\n")
        self.run(0.02)

    def take(self) -> list[dict[str, Any]]:
        """What it said since the last time."""
        *lines, rest = bytes(self._octets).split(b"\n")
        self._octets[:] = rest
        return [json.loads(line) for line in lines]
