"""The board's C on a virtual clock, its converter at the station's end of a simulated pilot circuit."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from adapters.pilot.circuit import PilotCircuit

MV_OF_12_BIT = 3100 / 4095


@dataclass(frozen=True, slots=True)
class Divider:
    """What the converter sees of the pilot."""

    zero_mv: float = 1250.0
    mv_per_V: float = 100.0

    def raw(self, volts: float) -> int:
        """The converter's value, 12 bit."""
        return max(0, min(4095, round((self.zero_mv + self.mv_per_V * volts) / MV_OF_12_BIT)))


@dataclass(slots=True)
class CBoard:
    """Octets in by :meth:`send`, time by :meth:`run`; ``lines`` is what it said since :meth:`take`."""

    program: Path
    divider: Divider = field(default_factory=Divider)
    circuit: PilotCircuit = field(default_factory=PilotCircuit)
    now_us: int = 0
    said: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    pwm: list[tuple[int, float, int]] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    _process: subprocess.Popen[str] = field(init=False)
    _ask: IO[str] = field(init=False)
    _answers: IO[str] = field(init=False)

    def __enter__(self) -> CBoard:
        command = [str(self.program)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._ask, self._answers = self._process.stdin, self._process.stdout
        self.changed()
        return self

    def __exit__(self, *_: object) -> None:
        self._ask.close()
        code = self._process.wait(10)
        self._answers.close()
        assert code == 0

    # ------------------------------------------------------------ what happens

    def changed(self) -> None:
        """The circuit is another one."""
        high, low = self.circuit.level_V(self.circuit.positive_V), self.circuit.level_V(self.circuit.negative_V)
        self.script(f"L {self.divider.raw(high)} {self.divider.raw(low)}")

    def vehicle(self, load: str | None, *, diode: bool = True, shorted: bool = False) -> None:
        """A vehicle in state B, C or D, or none."""
        self.circuit.connected = load is not None
        if load is not None:
            self.circuit.load = load  # type: ignore[assignment]
        self.circuit.faults.diode_missing, self.circuit.faults.shorted = not diode, shorted
        self.changed()

    def run(self, seconds: float) -> None:
        """Let time pass, with a host that says nothing."""
        self.now_us += round(seconds * 1e6)
        self.script(f"T {self.now_us}")

    def live(self, seconds: float, command: bytes = b'{"cmd":"ping"}\n') -> None:
        """Let time pass; the host speaks each 50 ms, as board.yaml does."""
        for _ in range(round(seconds / 0.05)):
            self.send(command)
            self.run(0.05)

    def send(self, octets: bytes) -> None:
        """Octets of the host."""
        self.script(f"U {octets.hex()}")

    def command(self, name: str, **fields: Any) -> None:
        """A command of the host."""
        self.send(json.dumps({"cmd": name, **fields}).encode() + b"\n")

    def script(self, line: str) -> None:
        """A line of the script, and what comes of it."""
        self._ask.write(line + "\n")
        self._ask.flush()
        while (answer := self._answers.readline().rstrip("\n")) != ".":
            assert answer, f"the board's program ended at: {line[:200]}"
            if answer.startswith("< "):
                self.said.append((self.now_us / 1e6, json.loads(answer[2:])))
            elif answer.startswith("pwm "):
                at, duty, hz = map(int, answer.split()[1:])
                self.circuit.duty_percent = duty / 100
                self.pwm.append((at, duty / 100, hz))
            else:
                self.marks.append(answer)

    # ------------------------------------------------------------ what it said

    def take(self) -> list[dict[str, Any]]:
        """What it said since the last time."""
        said = [line for _, line in self.said]
        self.said.clear()
        return said
