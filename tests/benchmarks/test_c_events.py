"""What an event of the pilot chart costs a small core. Instructions, so a busy computer changes nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.benchmarks.bench_c_events import ROOT, events
from tests.export.emulated import EMULATORS

MOST = {"riscv32": (600, 3), "xtensa": (560, 3)}
"""Instructions of an event, and how many times those of the chart written by hand (docs/firmware.md)."""


@pytest.mark.parametrize("machine", EMULATORS)
def test_an_event_costs_no_more_than_it_did(machine: str, tmp_path: Path) -> None:
    """And the chart written by hand tells the same, else the program ends with 1."""
    with contextlib.chdir(ROOT):
        _, core, hand = events(machine, tmp_path)["all"]
    instructions, times = MOST[machine]
    assert core <= instructions
    assert core <= times * hand
