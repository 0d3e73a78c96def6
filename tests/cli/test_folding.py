"""A journal of a station must show what happens, not each turn of a loop."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli import main
from engine.cli.folding import Folding

MACHINES = Path(__file__).parents[2] / "machines"
MS = 1_000_000
S = 1000 * MS


def told(folding: Folding[str], *ones: tuple[float, str, str]) -> list[tuple[str, int]]:
    """What is told of these: seconds, machine, kind; each called by its time."""
    return [
        (one.one, one.count)
        for at, machine, kind in ones
        for one in folding.take(round(at * S), machine, kind, f"{kind}@{at:g}")
    ]


def test_the_first_are_told_the_others_are_counted_until_something_else_happens() -> None:
    folding: Folding[str] = Folding()
    looks = [(number / 100, "supply", "look") for number in range(50)]
    first = told(folding, *looks)
    assert first == [("look@0", 0), ("look@0.01", 0), ("look@0.02", 0)]
    assert told(folding, (0.5, "other", "a")) == [("a@0.5", 0)], "another machine's does not end it"
    assert told(folding, (0.51, "supply", "alarm")) == [("look@0.49", 47), ("alarm@0.51", 0)]
    assert told(folding, (0.52, "supply", "look"), (0.53, "supply", "off")) == [("look@0.52", 0), ("off@0.53", 0)]


def test_a_loop_that_goes_on_is_told_every_ten_seconds_and_one_that_is_over_soon_after() -> None:
    folding: Folding[str] = Folding()
    lines = told(folding, *((number / 4, "supply", "look") for number in range(121)))  # 30 s
    assert lines == [("look@0", 0), ("look@0.25", 0), ("look@0.5", 0), ("look@10.75", 41), ("look@21", 41)]
    assert told(folding, (35, "other", "a")) == [("look@30", 36), ("a@35", 0)]
    assert told(folding, (36, "supply", "look")) == [("look@36", 0)], "it is news again"


def test_nothing_is_lost_at_the_end_and_what_is_rare_or_wrong_is_always_told() -> None:
    folding: Folding[str] = Folding()
    assert len(told(folding, *((3.0 * number, "m", "slow") for number in range(9)))) == 9
    for number in range(9):
        assert [one.one for one in folding.take(number * MS, "n", "failed", "failed", always=True)] == ["failed"]
    told(folding, *((30 + number / 10, "m", "fast") for number in range(10)))
    assert [(one.one, one.count) for one in folding.rest()] == [("fast@30.9", 7)]
    assert list(folding.rest()) == []


def test_a_whole_charge_is_a_few_hundred_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """It has thousands of steps; what is said once is all there, and a loop says how often."""
    command = ["run", str(MACHINES / "evse_dc.yaml"), "--fast", "--set", "pev.stop_at_soc=41 %"]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 600
    once = [
        "SessionSetupReq",
        "ChargeParameterDiscoveryRes",
        "PowerDeliveryReq",
        "WeldingDetectionRes",
        "SessionStopReq",
    ]
    for name in once:
        assert any(f"v2g.{name}(" in line for line in lines), name
    counted = [line for line in lines if "  ×" in line]
    assert any("evse/session  ×" in line and "v2g.CurrentDemandReq(" in line for line in counted)
    assert all(float(line.split()[0]) >= 0 for line in counted)
