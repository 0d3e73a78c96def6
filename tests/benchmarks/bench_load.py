"""Loading charts, beside PyYAML alone on the same text in one run: ``python -m tests.benchmarks.bench_load``.

CPU milliseconds to load (a) a ring of 1,000 flat states, (b) the same with an entry action and a guard in every state,
(c) every chart we ship, with all it invokes; and how many times longer that takes than making plain Python objects of
the YAML with libyaml. Ends with 1 when (a) takes longer than LIMIT_MS.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from engine.language.load import load, load_contract, load_text
from engine.language.load.yaml_source import EventParser

LIMIT_MS = 100.0
ROUNDS = 7
STATES = 1_000
ROOT = Path(__file__).parents[2]


def flat_ring(states: int = STATES) -> str:
    """A ring of atomic states, one event each."""
    lines = ["machine: ring", "events: {next: }", "states:"]
    for number in range(states):
        lines += [f"  s{number}:", f"    on: {{next: s{(number + 1) % states}}}"]
    return "\n".join(lines) + "\n"


def busy_ring(states: int = STATES) -> str:
    """The ring with data, an entry action and two transitions per state, every expression another one."""
    lines = ["machine: ring", "events: {next: , back: }", "data: {n: {type: int, initial: 0}}", "states:"]
    for number in range(states):
        lines += [
            f"  s{number}:",
            "    entry:",
            f"      - assign: {{n: n + {number}}}",
            "    on:",
            f"      next: s{(number + 1) % states}",
            "      back:",
            f"        guard: n < {number}",
            f"        target: s{(number - 1) % states}",
        ]
    return "\n".join(lines) + "\n"


def milliseconds(work: Callable[[], Any]) -> float:
    """CPU time, best of some rounds: other work on the machine only ever adds."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best * 1e3


def main() -> int:
    if EventParser is None:
        print("without libyaml: PyYAML was built without it; loading takes several times longer")
    loader = yaml.CSafeLoader if EventParser is not None else yaml.SafeLoader

    def row(name: str, text: str, work: Callable[[], Any]) -> float:
        ours, plain = milliseconds(work), milliseconds(lambda: yaml.load(text, loader))
        print(f"{name:28} {len(text) / 1024:7.0f} KiB {ours:9.1f} ms {plain:9.1f} ms {ours / plain:6.1f} x")
        return ours

    print(f"{'chart':28} {'text':>11} {'loaded':>12} {'YAML alone':>12} {'ratio':>8}")
    ring, busy = flat_ring(), busy_ring()
    measured = row(f"(a) {STATES} flat states", ring, lambda: load_text(ring, contracts={}))
    row("(b) with guards and actions", busy, lambda: load_text(busy, contracts={}))
    files = sorted((ROOT / "adapters").rglob("*.contract.yaml"))
    contracts = {contract.name: contract for contract in map(load_contract, files)}
    for path in sorted((ROOT / "machines").rglob("*.yaml")):
        row(f"(c) {path.relative_to(ROOT / 'machines')}", path.read_text(), lambda path=path: load(path, contracts))  # type: ignore[misc]
    print(f"(a): {measured:.0f} ms of at most {LIMIT_MS:.0f} ms")
    return 0 if measured <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
