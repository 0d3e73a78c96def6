"""The engine beside other Python state machines, in one run: ``python -m tests.benchmarks.bench_engine``.

Prints Markdown for docs/benchmarks.md. Rates are events per CPU second, the best of five spans, so that a busy computer
disturbs little. The other engines are installed in ``.peers/engines`` at the first run. Ends with 1 when a limit is not
kept: the ratios to python-statemachine, memory and time per instance, the start of the charts we ship.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
import tracemalloc
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import engine
from engine.language.model import Chart, ParameterDef
from engine.language.values import type_error
from engine.run.machine import Machine
from engine.semantics.compiled.program import forget
from engine.semantics.errors import ParameterError
from tests.benchmarks.peer_engines import ENGINES, FLAT, INSTANCES, creation, rate

PEERS = ["python-statemachine==3.2.2", "transitions==0.9.3", "sismic==1.6.14", "xstate-statemachine==0.11.0"]
ROOT = Path(__file__).parents[2]
SECONDS = 1.0  # per case
BASE = "python-statemachine"

MIN_RATIO = {"a": 140.0, "b": 220.0, "c": 680.0}
MIN_TRACED = 1 / 3  # of the above
MAX_BYTES = 400.0
MAX_MICROSECONDS = 30.0
MAX_START_MS = 20.0

NESTED = """
machine: nested
data: {n: {type: int, initial: 0}, small: {type: bool, initial: true}}
events: {go: }
initial: off
states:
  off: {on: {go: on}}
  on:
    entry: [assign: {n: n + 1}]
    exit: [assign: {n: n - 1}]
    states:
      idle:
        states:
          x:
            entry: [assign: {n: n + 1}]
            exit: [assign: {n: n - 1}]
            on: {go: {guard: n < 100, target: y}}
          y: {on: {go: off}}
"""


def ring(size: int) -> str:
    states = "".join(f"  s{i}: {{on: {{go: s{(i + 1) % size}}}}}\n" for i in range(size))
    return f"machine: ring\nevents: {{go: }}\nstates:\n{states}"


def regions(count: int = 4) -> str:
    parts = "".join(f"  r{i}: {{states: {{a: {{on: {{go: b}}}}, b: {{on: {{go: a}}}}}}}}\n" for i in range(count))
    return f"machine: regions\nevents: {{go: }}\ntype: parallel\nstates:\n{parts}"


def cases() -> dict[str, Chart]:
    texts = {"a": ring(3), "b": NESTED, "c": regions(), "d": ring(FLAT)}
    return {case: engine.load_text(text) for case, text in texts.items()}


def ours(charts: dict[str, Chart], seconds: float, traced: bool) -> dict[str, float]:
    """Rates of our machines, warmed up: their plans are made."""

    def sender(chart: Chart) -> Callable[[], Any]:
        machine = engine.start(chart)
        machine.tracing = traced
        for _ in range(2 * FLAT):
            machine.send("go")
        send = machine.send
        return lambda: send("go")

    return {case: rate(lambda chart=chart: sender(chart), seconds) for case, chart in charts.items()}


def bytes_per_instance(chart: Chart) -> float:
    """What one more machine of (b) keeps."""
    engine.start(chart)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = [engine.start(chart) for _ in range(INSTANCES)]
    used = tracemalloc.get_traced_memory()[0] - before - kept.__sizeof__()
    tracemalloc.stop()
    return used / len(kept)


def slowest_start() -> tuple[float, str, int]:
    """Milliseconds from a loaded chart to its initial configuration: the slowest chart we ship, its name, how many."""
    slowest, name, count = 0.0, "", 0
    for path in sorted((ROOT / "machines").rglob("*.yaml")):
        if path.name.endswith((".contract.yaml", ".station.yaml")):
            continue
        chart = engine.load(path)
        best = min(_start_ms(chart) for _ in range(3))
        count += 1
        if best > slowest:
            slowest, name = best, chart.name
    return slowest, name, count


def _start_ms(chart: Chart) -> float:
    forget(chart)
    start = time.process_time()
    Machine(chart, needed_parameters(chart)).begin()
    return (time.process_time() - start) * 1e3


def needed_parameters(chart: Chart) -> dict[str, Any]:
    """Some value for every parameter without a default."""
    return {p.name: _some(p) for p in chart.parameters.values() if p.default is None}


def _some(parameter: ParameterDef) -> Any:
    type_ = parameter.type
    size = int(type_.minimum or 1)
    for value in (*type_.values[:1], size, float(size), "x" * size, b"x" * size, True, []):
        if not type_error(value, type_):
            return value
    raise ParameterError(f"no value found for {parameter.name}")


# ---------------------------------------------------------------- the others


def peer_python() -> Path:
    """The interpreter of the environment with the other engines, made when it is not there."""
    folder = ROOT / ".peers" / "engines"
    python = folder / "bin" / "python"
    marker, wanted = folder / "ready", "\n".join(PEERS)
    if not marker.exists() or marker.read_text() != wanted:
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PEERS], check=True)
        marker.write_text(wanted)
    return python


def peer(name: str, seconds: float) -> dict[str, float]:
    """What one other engine reaches, in its own process."""
    script = Path(__file__).with_name("peer_engines.py")
    done = subprocess.run(
        [peer_python(), script, name, str(seconds)], check=True, capture_output=True, text=True, cwd=ROOT / ".peers"
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


# ---------------------------------------------------------------- the table


def shown(value: float) -> str:
    for size, suffix in ((1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{suffix}"
    return f"{value:.3g}"


def table(rates: dict[str, dict[str, float]], bytes_: float) -> str:
    """Events per CPU second and, in brackets, times python-statemachine's."""
    lines = [
        "| engine | (a) ring of 3 | (b) 3 levels | (c) 4 regions | (d) 1,000 states | (e) instance of (b) |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for name, found in rates.items():
        cells = []
        for case in "abcd":
            ratio = found[case] / rates[BASE][case]
            cells.append(f"{shown(found[case])}/s ({ratio:.3g}×)")
        instance = f"{found['e']:.3g} µs" if "e" in found else ""
        if name == "chargechart":
            instance += f", {bytes_:.0f} bytes"
        lines.append(f"| {name} | {' | '.join(cells)} | {instance} |")
    return "\n".join(lines)


def main() -> int:
    charts = cases()
    mine = ours(charts, SECONDS, traced=False)
    mine["e"] = creation(lambda: engine.start(charts["b"]), INSTANCES)
    rates = {"chargechart": mine, "chargechart, traced": ours(charts, SECONDS, traced=True)}
    rates |= {name: peer(name, SECONDS) for name in ENGINES}
    bytes_ = bytes_per_instance(charts["b"])
    start_ms, chart, count = slowest_start()
    print(table(rates, bytes_))
    print(f"\nThe slowest start of {count} shipped charts after load: {start_ms:.1f} ms ({chart}).")
    kept = {
        **{f"({c}) ratio": (mine[c] / rates[BASE][c], ">=", low) for c, low in MIN_RATIO.items()},
        **{
            f"({c}) ratio, traced": (rates["chargechart, traced"][c] / rates[BASE][c], ">=", low * MIN_TRACED)
            for c, low in MIN_RATIO.items()
        },
        "(e) bytes": (bytes_, "<=", MAX_BYTES),
        "(e) microseconds": (mine["e"], "<=", MAX_MICROSECONDS),
        "start, ms": (start_ms, "<=", MAX_START_MS),
    }
    broken = [
        f"{what}: {value:.4g}, must be {sign} {limit:.4g}"
        for what, (value, sign, limit) in kept.items()
        if not (value >= limit if sign == ">=" else value <= limit)
    ]
    print("\n".join(["", "Limits: " + ("kept." if not broken else "BROKEN"), *broken]))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
