"""What charts really do, beside XState 5 and xstate-statemachine in one run: ``python -m tests.benchmarks.bench_work``.

bench_engine sends bare events. Here they carry a payload that is checked, compared and assigned; a timer is started
anew by every event; a system takes the events and writes its trace. With ``--fast`` also the processor time of 40
simulated minutes beside that of the commit f0a7162 (where the history is there), with ``--ready`` that of a start.

Rates are per second of processor time, the best of several spans; the engines take turns, so that a busy machine meets
all of them. Prints Markdown for docs/benchmarks.md and ends with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import engine
from engine.run import System
from engine.tools.trace import TraceWriter
from tests.benchmarks.bench_engine import peer_python, shown
from tests.benchmarks.bench_fast import COMMAND, SETTINGS
from tests.benchmarks.peer_engines import rate
from tests.export.peers import node_with_xstate

ROOT = Path(__file__).parents[2]
MACHINES = 10_000
BEFORE = "f0a7162"
"""The commit --fast is measured against."""

XSTATE, PYTHON = "XState 5", "xstate-statemachine"
AT_LEAST = {"payload": 4.0, "timer": 5.0, "system": 4.0, "traced": 1.0}  # times XState
MAX_TIMER_BYTES = 1024.0
MAX_FAST = 0.5
MAX_READY_S = 0.4

WORK = """
machine: work
data: {total: {type: float, initial: 0.0}}
parameters: {most: {type: float, default: 1000.0}}
events: {measured: {payload: {value: float}}}
initial: a
states:
  a: {on: {measured: {guard: event.value < most, target: b, actions: [assign: {total: total + event.value}]}}}
  b: {on: {measured: {guard: event.value < most, target: a, actions: [assign: {total: total + event.value}]}}}
"""
TIMED = """
machine: timed
events: {again: }
initial: waiting
states:
  waiting: {on: {again: waiting}, after: {1 s: late}}
  late: {}
"""
TITLES = {
    "payload": "payload, guard, assign by `send`",
    "timer": "a timer started anew",
    "system": "payload, guard, assign through a `System`",
    "traced": "the same, the trace written",
}


def ours(seconds: float, folder: Path) -> dict[str, float]:
    """Events per CPU second of our machines, by case."""
    work, timed = engine.load_text(WORK), engine.load_text(TIMED)
    one = engine.start(work)
    one.send("measured", {"value": 1.5})
    assert (one.configuration, one.data["total"]) == (("b",), 1.5)
    late = engine.start(timed)
    late.send("again")
    late.advance(1_000_000_000)
    assert late.configuration == ("late",)

    def by_send() -> Callable[[], Any]:
        send = engine.start(work).send
        return lambda: send("measured", {"value": 1.5})

    def restarted() -> Callable[[], Any]:
        send = engine.start(timed).send
        return lambda: send("again")

    def through_a_system(writers: list[TraceWriter] | None = None) -> Callable[[], Any]:
        system = System()
        actor = system.add(work)
        if writers is not None:
            writers.append(TraceWriter(system, folder / f"{len(writers)}.jsonl"))
        system.start()

        def run() -> None:
            system.post(actor, "measured", {"value": 1.5})
            system.run_due()

        return run

    writers: list[TraceWriter] = []
    found = {
        "payload": rate(by_send, seconds),
        "timer": rate(restarted, seconds),
        "system": rate(through_a_system, seconds),
        "traced": rate(lambda: through_a_system(writers), seconds),
    }
    for writer in writers:
        writer.close()
    return found


def timer_bytes() -> float:
    """What one more machine with a running timer keeps."""
    chart = engine.load_text(TIMED)
    engine.start(chart)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = [engine.start(chart) for _ in range(MACHINES)]
    used = tracemalloc.get_traced_memory()[0] - before - kept.__sizeof__()
    tracemalloc.stop()
    return used / len(kept)


def _answer(command: list[Any]) -> dict[str, float]:
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT / ".peers")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def xstate(seconds: float) -> dict[str, float]:
    """The same of XState on Node."""
    module = node_with_xstate() / "node_modules" / "xstate" / "dist" / "xstate.esm.js"
    script = Path(__file__).with_name("xstate_work.mjs")
    return _answer(["node", "--expose-gc", script, module, str(seconds)])


def python_xstate(seconds: float) -> dict[str, float]:
    """The same of xstate-statemachine."""
    return _answer([peer_python(), Path(__file__).with_name("peer_work.py"), str(seconds)])


# ---------------------------------------------------------------- whole commands


def cpu_s(command: tuple[str, ...], folder: Path, **settings: str) -> float:
    """Processor time of a command run on the code in ``folder``."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(folder)} | dict(settings)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as users run it: compiled at the first start only
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def fast(rounds: int) -> dict[str, float]:
    """Processor time of 40 simulated minutes, before and now, in turns; the least of the rounds."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        before = Path(name) / "before"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", before, BEFORE], check=True, capture_output=True)
        try:
            for _ in range(rounds):
                for title, folder in (("before", before), ("now", ROOT)):
                    taken = cpu_s((*COMMAND, *SETTINGS, "--quiet"), folder)
                    found[title] = min(found.get(title, taken), taken)
        finally:
            subprocess.run([*git, "remove", "--force", before], check=True, capture_output=True)
    return found


def has_history() -> bool:
    """Whether the commit to compare with is here."""
    if shutil.which("git") is None:
        return False
    known = subprocess.run(["git", "-C", ROOT, "cat-file", "-e", f"{BEFORE}^{{commit}}"], capture_output=True)
    return known.returncode == 0


def ready_s(rounds: int) -> dict[str, float]:
    """Processor time from the command to READY and the end, a run of no length: with kept charts, without, and that of
    a Python that does nothing, in turns; the least of the rounds."""
    command = (*COMMAND[:5], "--fast", "--quiet", "--for", "1 ms")
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as kept:
        for _ in range(rounds + 1):  # the first one keeps the charts
            for title, what, place in (
                ("kept", command, kept),
                ("not kept", command, "off"),
                ("nothing", (sys.executable, "-c", "pass"), "off"),
            ):
                taken = cpu_s(what, ROOT, CHARGECHART_CACHE=place)
                found[title] = min(found.get(title, taken), taken)
    return found


# ---------------------------------------------------------------- the table


def measure(seconds: float, turns: int) -> dict[str, dict[str, float]]:
    """The best of several turns of every engine."""
    best: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(turns):
            for name, found in (
                ("chargechart", ours(seconds, Path(folder))),
                (XSTATE, xstate(seconds)),
                (PYTHON, python_xstate(seconds)),
            ):
                kept = best.setdefault(name, {})
                for case, value in found.items():
                    kept[case] = max(kept.get(case, 0.0), value)
    for name in (XSTATE, PYTHON):  # their actors have no other way in, and write no trace
        best[name] |= {"system": best[name]["payload"], "traced": best[name]["payload"]}
    best["chargechart"]["timer_bytes"] = timer_bytes()
    return best


def table(best: dict[str, dict[str, float]]) -> str:
    """Events per CPU second; in brackets ours as a multiple of theirs."""
    mine = best["chargechart"]
    lines = [
        f"| what | goal | chargechart | {XSTATE} (ours is) | {PYTHON} (ours is) |",
        "| --- | --: | --: | --: | --: |",
    ]
    for case, title in TITLES.items():
        theirs = [f"{shown(best[n][case])}/s ({mine[case] / best[n][case]:.3g}×)" for n in (XSTATE, PYTHON)]
        lines.append(f"| {title} | {AT_LEAST[case]:g} × XState | {shown(mine[case])}/s | {' | '.join(theirs)} |")
    sizes = " | ".join(f"{best[name]['timer_bytes']:.0f} bytes" for name in ("chargechart", XSTATE, PYTHON))
    lines.append(f"| a machine with a timer | {MAX_TIMER_BYTES:g} bytes | {sizes} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3, metavar="N", help="of each engine (3)")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each span (0.5)")
    parser.add_argument("--fast", action="store_true", help="also 40 simulated minutes, now and before")
    parser.add_argument("--ready", action="store_true", help="also the start of a station")
    args = parser.parse_args()
    best = measure(args.seconds, args.turns)
    print(table(best))
    mine = best["chargechart"]
    missed = [
        f"{TITLES[case]}: {mine[case] / best[XSTATE][case]:.2f} × XState, the goal is {least:g}"
        for case, least in AT_LEAST.items()
        if mine[case] < least * best[XSTATE][case]
    ]
    if mine["timer_bytes"] > MAX_TIMER_BYTES:
        missed.append(f"a machine with a timer: {mine['timer_bytes']:.0f} bytes, the goal is {MAX_TIMER_BYTES:g}")
    if args.fast and has_history():
        times = fast(args.turns)
        part = times["now"] / times["before"]
        print(
            f"\n40 simulated minutes, --fast --quiet: {times['now']:.2f} s of processor time, {BEFORE}: "
            f"{times['before']:.2f} s, {part:.2f} of it"
        )
        if part > MAX_FAST:
            missed.append(f"--fast: {part:.2f} of {BEFORE}, the goal is {MAX_FAST:g}")
    if args.ready:
        starts = ready_s(args.turns)
        taken = starts["kept"]
        print(
            f"\nREADY after {taken:.2f} s of processor time, {starts['not kept']:.2f} s when no charts are kept; "
            f"Python alone takes {starts['nothing']:.2f} s"
        )
        if taken > MAX_READY_S:
            missed.append(f"READY after {taken:.2f} s, the goal is {MAX_READY_S:g}")
    print("\n".join(["", "Goals: " + ("reached." if not missed else "MISSED"), *missed]))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
