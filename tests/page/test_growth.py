"""A page left open over very many sessions: what it holds does not grow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.cli import main
from tests.page.conftest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page

SETTLED = 600
"""Sessions after which everything that is bounded is full."""
MOST = 1.1
AGAIN = """([from, to]) => { const one = window.session ??= page.timeline.records.slice();
    const length = one[one.length - 1].time_ns + 1e9;
    for (let n = from; n < to; n++) {
        taken(one.map((record) => ({...record, time_ns: record.time_ns + n * length})), page.timeline.next);
        taken([{time_ns: (n + 1) * length - 1, machine: page.main, result: {number: n + 1, good: true, text: 'end',
            sides: []}}], page.timeline.next);
        if (n % 20 === 0) paint(); } }"""


def held(page: Page) -> int:
    """Octets of what its scripts hold."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    return int(session.send("Runtime.getHeapUsage")["usedSize"])


@pytest.mark.parametrize("sessions", [1_200, pytest.param(10_000, marks=pytest.mark.campaign)])
def test_it_does_not_grow_with_the_sessions(page: Page, tmp_path: Path, sessions: int) -> None:
    trace, out = tmp_path / "run.jsonl", tmp_path / "run.html"
    chart = str(ROOT / "machines" / "evse_dc.yaml")
    short = ("--link", "ethernet", "--set", "pev.stop_at_soc=40 %")
    assert main(["run", chart, "--fast", "--quiet", "--sessions", "1", *short, "--trace", str(trace)]) == 0
    assert main(["trace", "view", str(trace), "-o", str(out)]) == 0
    page.goto(out.as_uri())
    page.locator("#drawing svg").wait_for()
    page.evaluate(AGAIN, [1, SETTLED])
    before = held(page)
    for first in range(SETTLED, sessions, 200):
        page.evaluate(AGAIN, [first, min(sessions, first + 200)])
    now = held(page)
    print(f"after {SETTLED} sessions {before / 1e6:.1f} MB, after {sessions} {now / 1e6:.1f} MB")
    assert page.evaluate("page.timeline.results.length") <= 600
    assert now <= MOST * before
