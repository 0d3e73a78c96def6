"""The pilot board's portable C and the C of its charts, made by firmware/charts.sh as a user does, for the host."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.export.c_peer import ROOT, compile_c, compiler
from tests.export.emulated import COMPILERS, EMULATORS

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror", "-ffp-contract=off"]
BOARD = ROOT / "firmware" / "pilot_board"
CORE = ROOT / "firmware" / "core"


def charts(folder: Path, root: Path = ROOT) -> list[Path]:
    """The C of the charts that a board runs. Fails with what the script says."""
    engine = Path(sys.executable).with_name("engine")
    environment = {**os.environ, "ENGINE": str(engine)}
    command = [str(root / "firmware" / "charts.sh"), str(folder)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        pytest.fail(run.stderr[-6000:])
    return sorted(folder.glob("*.c"))


def board_program(
    folder: Path, platform: Path, options: list[str], cc: str = "cc", root: Path = ROOT, board: Path = BOARD
) -> Path:
    """The board with this platform, as a program."""
    made = folder / "charts"
    sources = [*charts(made, root), *sorted(CORE.glob("*.c")), *sorted(board.glob("*.c")), platform]
    return compile_c(sources, folder / platform.stem, [f"-I{made}", f"-I{board}", *options], cc, STRICT)


def board_image(machine: str, to: Path, root: Path = ROOT) -> Path:
    """The image for an emulated core, as a user makes it. Fails with what the script says; skips without compiler or
    emulator."""
    compiler(EMULATORS[machine][0])
    compiler(COMPILERS[machine])
    environment = {**os.environ, "ENGINE": str(Path(sys.executable).with_name("engine"))}
    command = [str(root / "firmware" / "qemu" / "board.sh"), machine, str(to)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        pytest.fail(run.stderr[-6000:])
    return to
