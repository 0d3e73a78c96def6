"""Contract ``pilot_board``: the board's own firmware on an emulated core, at the station's end of a simulated cable. It
gets raw samples of its converter and sets the source; its lines are those of a board (docs/pilot_board.md)."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from adapters.pilot.board import Session, UartPilotBoard
from adapters.pilot.cable import Cable, cable_of
from adapters.pilot.emulator import MACHINES, Emulator, burst
from engine.adapter import Cancellable, Port, Setting, World

TICK_NS: Final = 5_000_000
"""A burst each 5 ms of the board's time. More never passes at once, else its debouncing would run out between two
bursts: while this computer is busy the board's clock stands still."""
PATIENCE_S: Final = 20.0
"""On the virtual clock an emulator that says nothing for so long of real time hangs, and time goes on without it."""


class EmulatedPilotBoard(UartPilotBoard):
    """A board that QEMU runs: plugged in by :meth:`connect`, and again where it has ended. ``emulator`` is there from
    then on."""

    behind = "simulated"
    settings: ClassVar[Mapping[str, Setting]] = {
        "machine": Setting("enum(riscv32, xtensa)", "riscv32", "The emulated core"),
        "image": Setting("string", "build/pilot_board.riscv32.elf", "What firmware/qemu/board.sh has made"),
        "cable": Setting("string", "1", "Name of the charging cable", names="unit"),
        "noise": Setting("float mV", 10.0, "Standard deviation of a sample of the converter"),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self.cable: Cable = cable_of(world, self.config["cable"])
        self.emulator: Emulator | None = None
        self.patience_s = PATIENCE_S
        self._choice = random.Random(1)
        self._ticking: Cancellable | None = None

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return {"cable": f"the station's end of cable {config['cable']!r}"}

    @property
    def named(self) -> str:
        return f"the board on {self.config['machine']}"

    def prepare(self) -> None:
        """Nothing is needed before the first :meth:`connect`."""

    def open(self, port: Port) -> None:
        super().open(port)
        self._passed_ns = port.now_ns()
        self._ticking = port.call_later(0, self._tick)

    def close(self) -> None:
        super().close()
        if self._ticking is not None:
            self._ticking.cancel()
        emulator, self.emulator = self.emulator, None
        if emulator is not None:
            emulator.close()
            self.cable.set_duty(0.0)

    def connect(self) -> None:
        self.disconnect()
        session = Session(self)
        self._session = session
        self.port.call_later(0, lambda: self._connected(session))

    def _connected(self, session: Session) -> None:
        if session is not self._session:
            return
        try:
            emulator = self._begun()
        except OSError as error:
            self.ended(session, str(error))
        else:
            session.transport = _Wire(emulator)
            self.opened(session)

    def _begun(self) -> Emulator:
        """The emulator, started where none runs. Raises ``OSError`` where it, or its image, is not there."""
        emulator = self.emulator
        if emulator is not None and emulator.dead:
            emulator.close()
            emulator = None
        if emulator is None:
            command, image = MACHINES[self.config["machine"]][0], self.config["image"]
            if shutil.which(command) is None:
                raise OSError(f"there is no {command}: apt-get install qemu-system-misc")
            if not os.path.isfile(image):
                made = f"firmware/qemu/board.sh {self.config['machine']} {image}"
                raise OSError(f"there is no image {image}: {made} makes it, in the clone of chargechart")
            self.emulator = emulator = Emulator(self.config["machine"], image)
            self._passed_ns = self.port.now_ns()
        return emulator

    def _tick(self) -> None:
        """The board's time follows the station's: on the virtual clock step by step, on the real one as it can."""
        self._ticking = self.port.call_later(TICK_NS, self._tick)
        emulator = self.emulator
        if emulator is None:
            return
        patience_s = 0.0 if _on_the_real_clock() else self.patience_s
        self._hear(emulator, 0.0)
        if not emulator.awaited and emulator.answer is not None:
            elapsed_ns = min(self.port.now_ns() - self._passed_ns, TICK_NS)
            self._passed_ns = self.port.now_ns()
            levels, shown = self.cable.circuit.evse(), emulator.answer
            noise = self.config["noise"]
            samples = burst(levels, self.cable.circuit.duty_percent, shown.frequency_Hz, self._choice, noise)
            emulator.pass_time(elapsed_ns // 1000, samples)
        if emulator.awaited and not self._hear(emulator, patience_s):
            self.patience_s = 0.0  # it hangs: nobody waits for it any more

    def _hear(self, emulator: Emulator, patience_s: float) -> bool:
        heard = emulator.hear(patience_s)
        if heard and emulator.answer is not None and emulator.answer.duty_percent != self.cable.circuit.duty_percent:
            self.cable.set_duty(emulator.answer.duty_percent)
        if emulator.dead and self.cable.circuit.duty_percent != 0.0:
            self.cable.set_duty(0.0)  # nothing drives the source any more
        octets = bytes(emulator.received)
        emulator.received.clear()
        session = self._session
        if session is not None and session.transport is not None:
            if emulator.dead:
                session.connection_lost(OSError("the emulator has ended"))
            elif octets:
                session.data_received(octets)
        return heard


class _Wire:
    """The serial port of an emulator, as a session writes to it."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, octets: bytes) -> None:
        if self._emulator.dead:
            raise OSError("the emulator has ended")
        self._emulator.put(octets)

    def close(self) -> None:
        """Nothing is held."""


def _on_the_real_clock() -> bool:
    """Whether a loop runs beside this, which may not be kept waiting; on the virtual clock there is none."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
