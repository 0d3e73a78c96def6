"""A page left open over very many sessions: what it and the station hold does not grow."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.cli import main
from tests.benchmarks.bench_station import rss_mb
from tests.page.conftest import ROOT, opened, station_process

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MANY = int(os.environ.get("CHARGECHART_PAGE_SESSIONS", "10000"))
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


@pytest.mark.parametrize("sessions", [1_200, pytest.param(MANY, marks=pytest.mark.campaign)])
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


SHORT: tuple[str, ...] = ("--link", "ethernet")
for one in (
    "pev.stop_at_soc=42 %",
    "pev.adapters.battery.soc=41.8",
    "pev.adapters.pilot.plug_after=500 ms",
    "pev.adapters.driver.back_after=5 s",
):
    SHORT += ("--set", one)
GROWN_MB = 8.0
"""Of the station: its history is full of larger records now and then (8 MB of text)."""


@pytest.mark.campaign
@pytest.mark.skipif("CHARGECHART_PAGE_SESSIONS" not in os.environ, reason="half an hour; .ci/campaign page runs it")
def test_a_browser_is_open_over_a_fast_run(browser: Browser) -> None:
    """Far more comes than a page can show: it begins anew again and again."""
    opening = opened(browser, refused=True, bypass_csp=True)  # it asks for the station when that has ended
    page = next(opening)
    last = "page.timeline?.results.at(-1)?.result.number ?? 0"
    with station_process("machines/evse_dc.yaml", "--fast", "--sessions", str(MANY), *SHORT) as (url, process):
        page.goto(url)
        samples: list[tuple[int, float, float]] = []
        while process.poll() is None:
            number = int(page.evaluate(last))
            if number >= MANY // 10 + len(samples) * MANY // 25:
                samples.append((number, rss_mb(process.pid), held(page) / 1e6))
            time.sleep(0.2)  # a real process: nothing to wait on but the sessions it tells of
        samples = [one for one in samples if one[1]]
    assert next(opening, None) is None  # nor did it complain
    half = len(samples) // 2
    assert half >= 2
    parts = [[max(one[n] for one in part) for part in (samples[:half], samples[half:])] for n in (1, 2)]
    (early_mb, late_mb), (page_mb, page_late_mb) = parts
    told = f"station {early_mb:.1f} → {late_mb:.1f} MB, scripts of the page {page_mb:.1f} → {page_late_mb:.1f} MB"
    print(f"after {samples[0][0]} … {samples[half][0]} … {samples[-1][0]} sessions: {told}")
    assert late_mb - early_mb <= GROWN_MB
    assert page_late_mb <= 1.25 * page_mb
    assert process.returncode == 0
