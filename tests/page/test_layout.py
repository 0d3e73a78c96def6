"""What is on the page stays where it is, and fits a small screen, in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.page.conftest import opened, station

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MOST_SHIFT = 0.05
SHIFTS = """() => { window.shifts = []; new PerformanceObserver((list) => { for (const one of list.getEntries())
    if (!one.hadRecentInput) window.shifts.push([one.value, one.sources.map((s) => s.node?.id || s.node?.className)]);
    }).observe({type: 'layout-shift', buffered: true}); }"""
ASK = """(what) => fetch('api/event', {method: 'POST', headers: {'Content-Type': 'application/json'},
    body: JSON.stringify(what)})"""
STAGE = "document.querySelector('#stages li.here')?.dataset.stage"
TOO_WIDE = """() => [...document.querySelectorAll('body *')].filter((one) => {
    const box = one.getBoundingClientRect(); let above = one.parentElement;
    while (above && getComputedStyle(above).overflowX === 'visible') above = above.parentElement;
    return !above && box.width && box.right > innerWidth + 0.5; }).map((one) => one.id || one.className)"""


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
@pytest.mark.parametrize("chart", ["evse_dc", "site"])
def test_nothing_jumps_while_it_loads_and_while_it_runs(page: Page, chart: str, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.add_init_script(f"({SHIFTS})()")
    with station(f"machines/{chart}.yaml") as url:
        page.goto(url)
        page.locator("#drawing svg .node.on").first.wait_for(state="attached")
        page.evaluate(ASK, {"event": "plug"})
        page.wait_for_function("page.messages.rows.length > 12")
        page.wait_for_function("page.timeline.now.machines.get(page.main).path === page.main")
        found = page.evaluate("shifts")
    assert sum(value for value, _ in found) < MOST_SHIFT, found


CUT = """() => [...document.querySelectorAll('h1, #chart-h, [role=tab], .label, .value, .wanted')].filter((one) =>
    one.checkVisibility() && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 3
    || one.closest('.tabs') && one.getBoundingClientRect().right > one.parentNode.getBoundingClientRect().right))
    .map((one) => `${one.className} ${one.textContent}`)"""


@pytest.mark.parametrize("chart", ["evse_dc", "charge_point", "charger_bms"])
def test_nothing_is_cut_in_either_language(browser: Browser, chart: str) -> None:
    """On a phone and on a desktop: title, tabs, what values are called and what they are meant to be."""
    number = {"connector": 1} if chart == "charge_point" else {}
    long = {"evse_dc": "pev.stop_at_soc=100 %", "charge_point": "pev1.stop_at_soc=100 %"}
    with station(f"machines/{chart}.yaml", *(["--set", long[chart]] if chart in long else [])) as url:
        for locale in ("de-DE", "en-GB"):
            for page in opened(browser, locale=locale, bypass_csp=True):
                page.goto(url)
                page.locator("#drawing svg").wait_for()
                if locale == "de-DE":
                    page.evaluate(ASK, {"event": "plug", **number})
                page.wait_for_function("inSession(page.timeline.now)")
                if chart != "charger_bms":
                    page.wait_for_function("[...document.querySelectorAll('.wanted')].some((one) => one.textContent)")
                for width, height in ((390, 844), (1440, 900)):
                    page.set_viewport_size({"width": width, "height": height})
                    page.wait_for_function(f"innerWidth === {width}")
                    assert page.evaluate(CUT) == [], (locale, width)


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_a_small_phone_has_room_for_everything(browser: Browser, locale: str) -> None:
    """In the middle of a session, and after one that failed, whatever is looked at."""
    with station("machines/evse_dc.yaml", "--link", "ethernet") as url:
        for page in opened(browser, locale=locale, bypass_csp=True):
            page.set_viewport_size({"width": 360, "height": 740})
            page.goto(url)
            page.click("[data-event=plug]")
            for stage in ("charge", None):
                page.wait_for_function(
                    f"{STAGE} === '{stage}'" if stage else "!document.getElementById('result').hidden"
                )
                for tab in ("messages", "steps", "log", "results"):
                    page.click(f"#tab-{tab}")
                    page.wait_for_function(f"document.getElementById('pane').dataset.tab === '{tab}'")
                    assert page.evaluate("document.documentElement.scrollWidth") <= 360, tab
                    assert page.evaluate(TOO_WIDE) == [], tab
                page.evaluate(ASK, {"event": "fault", "errorCode": "GroundFailure"})
