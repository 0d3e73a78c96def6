"""``python -m tests.benchmarks.bench_c_events``: instructions on the cores of firmware/qemu (docs/firmware.md).

For each kind of event of the pilot chart: on firmware/core, and in pilot_switch.c, the same chart written by hand,
which has to tell the same. For the pilot board: the most from a burst of samples to the change of the PWM that follows;
octets of its image. Instructions are counted (``-icount``): a busy computer changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from adapters.pilot.circuit import Load, PilotCircuit
from adapters.pilot.emulator import COUNTS, Emulator, burst
from engine.cli import main
from tests.export.emulated import COMPILERS, EMULATORS, QEMU, emulate, image

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
CORE = sorted((ROOT / "firmware" / "core").glob("*.c"))
SHOWN: tuple[Load | None, ...] = (None, "B", "C", "D", "C", "B")
"""What a vehicle shows, one after the other; None: there is none."""
BURSTS = 40
"""Of each, 5 ms apart."""


def events(machine: str, folder: Path) -> dict[str, tuple[int, float, float]]:
    """For each kind of event, and for all: how many, instructions of one on the core and of the switch."""
    if main(["export", "machines/pilot/evse.yaml", "--to", "c", "-o", str(folder)]):
        raise SystemExit(1)
    sources = [folder / "pilot_evse.c", HERE / "pilot_switch.c", HERE / "bench_c_events.c", *CORE]
    program = image(machine, [f"-I{folder}", f"-I{HERE}", *sources], folder / f"{machine}.elf")
    rows = [line.split(":") for line in emulate(machine, program, "").splitlines()]
    counted = {name: [int(number) for number in numbers.split()] for name, numbers in rows}
    counted["all"] = [sum(column) for column in zip(*counted.values(), strict=True)]
    per = COUNTS[machine]
    return {name: (count, core / count / per, hand / count / per) for name, (count, core, hand) in counted.items()}


def board(machine: str, folder: Path) -> None:
    """Print the octets of the board's image and the most instructions from a burst to the PWM."""
    to = folder / f"board_{machine}.elf"
    engine = Path(sys.executable).with_name("engine")
    command = [str(QEMU / "board.sh"), machine, str(to)]
    subprocess.run(command, env={**os.environ, "ENGINE": str(engine)}, check=True, stdout=subprocess.DEVNULL)
    size = COMPILERS[machine].removesuffix("gcc") + "size"
    told = subprocess.run([size, str(to)], check=True, capture_output=True, text=True).stdout
    text, data, bss = map(int, told.splitlines()[1].split()[:3])
    print(f"{machine:8} the board's image: {text:,} octets of code and tables, {data + bss:,} of RAM")
    emulator, circuit, choice = Emulator(machine, str(to)), PilotCircuit(), random.Random(1)
    to_pwm = []
    try:
        emulator.hear(20.0)
        for shown in SHOWN * 3:
            circuit.connected = shown is not None
            circuit.load = shown or "B"
            for number in range(BURSTS):
                if number % 10 == 0:
                    emulator.put(b'{"cmd":"ping"}\n')
                answer = emulator.answer
                assert answer is not None
                circuit.duty_percent = answer.duty_percent
                samples = burst(circuit.evse(), answer.duty_percent, answer.frequency_Hz, choice, 10.0)
                emulator.pass_time(5000, samples)
                if not emulator.hear(20.0):
                    raise SystemExit(f"{machine}: the board does not answer")
                to_pwm += [emulator.answer.to_pwm] if emulator.answer and emulator.answer.to_pwm else []
                emulator.received.clear()
    finally:
        emulator.close()
    print(f"{machine:8} from a burst to the PWM's change: at most {max(to_pwm):,} instructions ({len(to_pwm)} changes)")


def table() -> None:
    """All of it."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(ROOT):
        folder = Path(name)
        print(f"{'':8} {'':24} {'events':>6} {'core':>8} {'hand':>6} {'ratio':>6}")
        for machine in EMULATORS:
            for kind, (count, core, hand) in events(machine, folder).items():
                print(f"{machine:8} {kind:24} {count:6} {core:8.0f} {hand:6.0f} {core / hand:6.1f}")
        for machine in EMULATORS:
            board(machine, folder)


if __name__ == "__main__":
    table()
