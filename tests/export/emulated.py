"""The C of firmware/ on the emulated machines of firmware/qemu: built and run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.export.c_peer import HERE, ROOT, compiler

QEMU = ROOT / "firmware" / "qemu"
COMPILERS = {"riscv32": "riscv64-unknown-elf-gcc", "xtensa": "xtensa-lx106-elf-gcc"}
_BENCH = ("-chardev", "stdio,id=bench,signal=off", "-device", "pci-serial,chardev=bench")
EMULATORS = {
    "riscv32": ("qemu-system-riscv32", "-M", "virt", "-bios", "none", *_BENCH),
    "xtensa": ("qemu-system-xtensa", "-M", "lx60-nommu", "-cpu", "lx106", "-semihosting"),
}
"""What Debian has: a RISC-V and an Xtensa core without floating point; the latter divides nothing, either."""


def available(machine: str) -> None:
    """Skips where its emulator or its compiler is missing."""
    compiler(EMULATORS[machine][0])
    compiler(COMPILERS[machine])


def image(machine: str, parts: list[Path | str], to: Path) -> Path:
    """Build of sources and options. Fails with what the compiler says; skips where there is none."""
    available(machine)
    command = [str(QEMU / "build.sh"), machine, str(to), f"-I{HERE}", *map(str, parts)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        pytest.fail(f"{' '.join(command)}\n{run.stderr[-6000:]}")
    return to


def emulate(machine: str, program: Path, told: str) -> str:
    """What it says on the bench for what it is told there once it is ready. Fails when it does not end with 0 within
    five minutes."""
    command = [*EMULATORS[machine], "-m", "16M", "-display", "none", "-monitor", "none", "-serial", "null"]
    command += ["-icount", "shift=7", "-kernel", str(program)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0) as run:
        try:
            ready = run.stdout.readline() if run.stdout is not None else b""
            said, errors = (octets.decode() for octets in run.communicate(told.encode(), timeout=300))
        except BaseException:
            run.kill()
            raise
    if ready != b"ready\n" or run.returncode:
        pytest.fail(f"{program}: exit code {run.returncode}\n{ready!r}{said[-3000:]}{errors[-3000:]}")
    return said
