"""``python -m tests.benchmarks.bench_c_size``: octets of code and constant tables of the core, of the charts as C and
of the pilot board (docs/firmware.md), with each compiler that is here: cc, riscv64-unknown-elf-gcc and
xtensa-lx106-elf-gcc."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from engine.cli import main

ROOT = Path(__file__).parents[2]
CORE, BOARD = ROOT / "firmware" / "core", ROOT / "firmware" / "pilot_board"
COMPILERS = {
    "cc": [],
    "riscv64-unknown-elf-gcc": ["-march=rv32imac", "-mabi=ilp32", "--specs=picolibc.specs"],
    # Debian has no C library for it: the headers of the other one say the same about types.
    "xtensa-lx106-elf-gcc": ["-ffreestanding", "-isystem", "/usr/lib/picolibc/riscv64-unknown-elf/include"],
}
CHARTS = (
    "pilot/evse", "pilot/pev", "pilot/firmware", "sdp/secc", "sdp/evcc",
    "slac/evse", "slac/session", "slac/pev", "slac/modem",
)  # fmt: skip


def octets(compiler: str, options: list[str], source: Path, folder: Path) -> int:
    """Of text and read-only data."""
    made = folder / "made.o"
    command = [compiler, *options, "-std=c99", "-Os", f"-I{CORE}", f"-I{BOARD}", f"-I{folder}", "-c", str(source), "-o"]
    subprocess.run([*command, str(made)], check=True)
    size = "size" if compiler == "cc" else compiler.removesuffix("gcc") + "size"
    told = subprocess.run([size, str(made)], check=True, capture_output=True, text=True).stdout
    return int(told.splitlines()[1].split()[0])


def table() -> None:
    """A line for each source."""
    found = [name for name in COMPILERS if shutil.which(name)]
    print(f"{'':24}", *(f"{name:>24}" for name in found))
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(ROOT):  # the places in the C are relative
        folder = Path(name)
        for chart in CHARTS:
            if main(["export", f"machines/{chart}.yaml", "--to", "c", "-o", str(folder)]):
                raise SystemExit(1)
        for source in [*sorted(CORE.glob("*.c")), *sorted(folder.glob("*.c")), *sorted(BOARD.glob("*.c"))]:
            sizes = [octets(one, COMPILERS[one], source, folder) for one in found]
            print(f"{source.name:24}", *(f"{size:>24,}" for size in sizes))


if __name__ == "__main__":
    table()
