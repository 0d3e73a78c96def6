"""The emulator (QEMU) that runs the pilot board of ``firmware/``, as a process with two channels: the board's serial
port, and the bench, over which it gets time and the samples of its converter and tells its PWM (firmware/qemu/board.c).

The board's time is what the bench tells it. So a computer that is busy makes the board slow, never late.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from struct import Struct
from typing import Final

from adapters.pilot.circuit import Levels

_BENCH: Final = ("-chardev", "stdio,id=bench,signal=off", "-device", "pci-serial,chardev=bench")
MACHINES: Final = {
    "riscv32": ("qemu-system-riscv32", "-M", "virt", "-bios", "none", *_BENCH),
    "xtensa": ("qemu-system-xtensa", "-M", "lx60-nommu", "-cpu", "lx106", "-semihosting"),
}
"""Command and machine; Debian's package is qemu-system-misc."""
COMMON: Final = ("-m", "16M", "-display", "none", "-monitor", "none", "-parallel", "none", "-icount", "shift=7")
COUNTS: Final = {"riscv32": 128.0, "xtensa": 5.12}
"""How far ``machine_count`` goes on with one instruction: 128 ns; the Xtensa counts cycles of 40 MHz."""

SAMPLES: Final = 168
PERIOD_NS: Final = 12_000
"""A burst: two periods of the PWM at 83,333 samples a second, the most of an ESP32-S3."""
ZERO_MV: Final = 1250
MV_PER_V: Final = 100
"""The board's divider: so many millivolts at 0 V of the pilot, and for each volt."""
FULL_MV: Final = 3100
FULL_RAW: Final = 4095
"""The converter: 12 bit, 12 dB of attenuation."""
EDGE_S: Final = 3e-6
"""A sample so soon after an edge lies somewhere between the levels (IEC 61851-1 Table A.2: settled within 3 µs)."""

LOOK_S: Final = 0.001

_FRAME: Final = Struct("<IHHI")
_ANSWER: Final = Struct("<HHII")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the board shows: ``duty_percent`` (100: steady +12 V, 0: steady −12 V), the number of an assertion that has
    failed or 0; instructions from the burst to the change of the PWM (0: it was not changed)."""

    duty_percent: float
    fault: int
    frequency_Hz: int
    to_pwm: int


def burst(
    levels: Levels, duty_percent: float, frequency_Hz: float, choice: random.Random, noise_mV: float
) -> list[int]:
    """Raw samples of the converter for the levels of a pilot. Where in the PWM's period they begin is chance."""
    high, low = (levels.high_V, levels.low_V)
    steady = not 0.0 < duty_percent < 100.0
    step = PERIOD_NS / 1e9 * frequency_Hz
    share, edge, at = duty_percent / 100, EDGE_S * frequency_Hz, choice.random()
    found = []
    for _ in range(SAMPLES):
        at = (at + step) % 1.0
        volts = high if steady or at < share else low
        if not steady and (at < edge or share <= at < share + edge):
            volts = choice.uniform(low, high)
        raw = (ZERO_MV + MV_PER_V * volts + choice.gauss(0, noise_mV)) * FULL_RAW / FULL_MV
        found.append(min(max(round(raw), 0), FULL_RAW))
    return found


class Emulator:
    """One board. ``received``: octets of its serial port that nobody has taken. ``answer``: its last one; ``awaited``
    while another one is on its way. ``dead``: the process has gone.

    Raises ``OSError`` when the emulator cannot be started.
    """

    def __init__(self, machine: str, image: str) -> None:
        self.machine = machine
        self.received = bytearray()
        self.answer: Answer | None = None
        self.awaited = True  # it tells what it shows at its start
        self.dead = False
        self._sent = 0
        self._heard = bytearray()
        self._serial, theirs = socket.socketpair()
        self._serial.setblocking(False)
        # Where the engine is killed, the emulator must not stay behind.
        guard = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
        channel = ("-chardev", f"socket,id=serial,fd={theirs.fileno()}", "-serial", "chardev:serial")
        with theirs:
            self.process = subprocess.Popen(
                [*guard, *MACHINES[machine], *COMMON, *channel, "-kernel", image],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                bufsize=0,
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._to, self._from = self.process.stdin.fileno(), self.process.stdout.fileno()
        os.set_blocking(self._from, False)

    def put(self, octets: bytes) -> None:
        """Octets to the serial port; what it has no room for is lost, as on a line."""
        with contextlib.suppress(OSError):
            self._sent += self._serial.send(octets)

    def pass_time(self, elapsed_us: int, samples: list[int]) -> None:
        """So much time passes for the board, and the converter has this burst. It answers later; nothing is sent while
        it has not."""
        if self.awaited or self.dead:
            return
        header = _FRAME.pack(elapsed_us, self._sent, len(samples), PERIOD_NS)
        self._sent = 0
        try:
            os.write(self._to, header + Struct(f"<{len(samples)}H").pack(*samples))
            self.awaited = True
        except OSError:
            self.dead = True

    def hear(self, patience_s: float) -> bool:
        """Take what has come from both channels, waiting for the answer as long as this; whether it is there."""
        until = time.monotonic() + patience_s
        while self.awaited and not self.dead:
            left = max(0.0, until - time.monotonic())
            # Its octets come one by one, and hold the board back when the port is full: looked at now and then.
            ready, _, _ = select.select([self._from], [], [], min(left, LOOK_S))
            self._take_serial()
            if ready:
                self._take_answer()
            elif not left:
                break
        self._take_serial()
        return not self.awaited and not self.dead

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self._serial):
            if stream is not None:
                stream.close()
        self.dead = True

    def _take_serial(self) -> None:
        with contextlib.suppress(OSError):
            while octets := self._serial.recv(65536):
                self.received += octets

    def _take_answer(self) -> None:
        try:
            octets = os.read(self._from, _ANSWER.size - len(self._heard))
        except BlockingIOError:
            return
        self.dead = not octets
        self._heard += octets
        if len(self._heard) == _ANSWER.size:
            duty, fault, hz, to_pwm = _ANSWER.unpack(self._heard)
            self._heard.clear()
            self.answer = Answer(duty / 100, fault, hz, round(to_pwm / COUNTS[self.machine]))
            self.awaited = False
