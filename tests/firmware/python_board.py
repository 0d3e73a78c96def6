"""The board as the Python engine runs it: machines/pilot/firmware.yaml on a virtual clock, the same surroundings as
:class:`tests.firmware.c_board.CBoard`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import engine
from adapters.pilot.board_end import PilotHost, SimulatedPilotFront
from adapters.pilot.cable import cable_of
from adapters.pilot.simulated import SimulatedPilotEvse
from engine.run import System
from engine.run.observer import Note

ROOT = Path(__file__).parents[2]


class Host(PilotHost):
    """Lines in memory."""

    def __init__(self, board: PythonBoard) -> None:
        super().__init__({}, board.system.world)
        self._board = board

    def write(self, octets: bytes) -> None:
        self._board.said.append((self.port.now_ns() / 1e9, json.loads(octets)))


class PythonBoard:
    """See :class:`tests.firmware.c_board.CBoard`: the same words. ``root``: whose machines/pilot it runs."""

    def __init__(self, root: Path = ROOT) -> None:
        self.system = System()
        self.system.observers.append(self)
        self.cable = cable_of(self.system.world, "1")
        self.cable.watch(self._look)
        self.circuit = self.cable.circuit
        self.circuit.connected = False
        self.said: list[tuple[float, dict[str, Any]]] = []
        self.pwm: list[tuple[int, float, int]] = [(0, 100.0, 1000)]
        self.errors: list[str] = []
        self.host = Host(self)
        world = self.system.world
        adapters = {"host": self.host, "front": SimulatedPilotFront({}, world), "pilot": SimulatedPilotEvse({}, world)}
        self.system.add(engine.load(str(root / "machines" / "pilot" / "firmware.yaml")), "board", {}, adapters)

    def __enter__(self) -> PythonBoard:
        self.system.start()
        self.system.run_due()
        return self

    def __exit__(self, *_: object) -> None:
        assert self.errors == []

    def step(self, record: object) -> None:
        """Observer."""

    def note(self, note: Note) -> None:
        """Observer."""
        if note.kind in ("adapter_error", "machine_failed", "queue_full", "child_refused"):
            self.errors.append(f"{note.path}: {note.text}")

    @property
    def now_us(self) -> int:
        return self.system.clock.now_ns() // 1000

    def _look(self) -> None:
        if self.circuit.duty_percent != self.pwm[-1][1]:
            self.pwm.append((self.now_us, self.circuit.duty_percent, 1000))

    def vehicle(self, load: str | None, *, diode: bool = True, shorted: bool = False) -> None:
        """A vehicle in state B, C or D, or none."""
        self.circuit.connected = load is not None
        if load is not None:
            self.circuit.load = load  # type: ignore[assignment]
        self.circuit.faults.diode_missing, self.circuit.faults.shorted = not diode, shorted
        self.cable.changed()
        self.system.run_due()

    def run(self, seconds: float) -> None:
        """Let time pass, with a host that says nothing."""
        self.system.advance(round(seconds * 1e9))

    def live(self, seconds: float, command: bytes = b'{"cmd":"ping"}\n') -> None:
        """Let time pass; the host speaks each 50 ms."""
        for _ in range(round(seconds / 0.05)):
            self.send(command)
            self.run(0.05)

    def send(self, octets: bytes) -> None:
        """Octets of the host."""
        self.host.feed(octets)
        self.system.run_due()

    def command(self, name: str, **fields: Any) -> None:
        """A command of the host."""
        self.send(json.dumps({"cmd": name, **fields}).encode() + b"\n")

    def take(self) -> list[dict[str, Any]]:
        """What it said since the last time."""
        said = [line for _, line in self.said]
        self.said.clear()
        return said
