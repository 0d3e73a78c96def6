"""How fast a session runs on the virtual clock: ``python -m tests.benchmarks.bench_fast [--rounds N]``.

The command a newcomer types, ``engine run machines/evse_dc.yaml --fast``, with a battery large enough for 40 simulated
minutes of charging: at a terminal (the live view), with its output in a file (plain lines) and with ``--quiet``. Wall
time of the whole command, start and end included; the median of the rounds counts.

Limit (issue "Charge a car"): 5 s for 40 simulated minutes, whatever the output. Exit 1 when it is missed.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "engine.cli", "run", "machines/evse_dc.yaml", "--fast")
SETTINGS = ("--set", "machines.pev.adapters.battery.capacity=96000", "--set", "pev.stop_at_soc=90")
SIMULATED_S = 40 * 60
LIMIT_S = 5.0
ROWS, COLUMNS = 40, 120


def at_terminal(command: tuple[str, ...]) -> str:
    """Run a command at a terminal of its own; what it wrote."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    written = bytearray()

    def read() -> None:
        while True:
            try:
                written.extend(os.read(master, 65536))
            except OSError:  # the other end is closed: the command has ended
                return

    reader = threading.Thread(target=read)
    reader.start()
    environment = os.environ | {"TERM": "xterm-256color"}
    subprocess.run(command, cwd=ROOT, check=True, stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    reader.join()
    os.close(master)
    return written.decode(errors="replace")


def in_a_file(command: tuple[str, ...]) -> str:
    """Run a command with its output elsewhere than at a terminal; what it wrote."""
    with tempfile.TemporaryFile("w+") as file:
        subprocess.run(command, cwd=ROOT, check=True, stdout=file)
        file.seek(0)
        return file.read()


WAYS = {
    "at a terminal": (at_terminal, ()),
    "plain lines": (in_a_file, ()),
    "--quiet": (in_a_file, ("--quiet",)),
}


def main() -> int:
    """Print a table; 1 when a limit was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of each (3)")
    rounds = parser.parse_args().rounds
    missed = False
    print(f"{'output':16}{'simulated s':>12}{'wall s':>8}{'simulated s per s':>20}")
    for name, (run, words) in WAYS.items():
        seconds = []
        for _ in range(rounds):
            started = time.monotonic()
            output = run((*COMMAND, *SETTINGS, *words))
            seconds.append(time.monotonic() - started)
        ended = re.search(r"session 1 ended at ([\d.]+) s", output)
        if ended is None or float(ended[1]) < SIMULATED_S:
            raise SystemExit(f"no session of {SIMULATED_S} s: {output[-500:]}")
        simulated_s, wall_s = float(ended[1]), statistics.median(seconds)
        limit_s = LIMIT_S * simulated_s / SIMULATED_S
        missed = missed or wall_s > limit_s
        print(f"{name:16}{simulated_s:12.0f}{wall_s:8.2f}{simulated_s / wall_s:20.0f}" + "  *" * (wall_s > limit_s))
    if missed:
        print(f"* over the limit: {LIMIT_S:g} s for {SIMULATED_S // 60} simulated minutes")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
