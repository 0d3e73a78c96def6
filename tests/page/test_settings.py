"""The configuration in the page: keys as people read them, errors beside the field, in force after a restart."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.page.axe import barriers
from tests.page.conftest import ROOT, opened, station

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SHIPPED = ROOT / "machines" / "stations" / "evse_dc.toml"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A station file of one's own: a copy of a shipped one."""
    return Path(shutil.copy(SHIPPED, tmp_path / "mine.toml"))


def field(key: str) -> str:
    return f"[data-key='{key}']"


def test_a_value_is_changed_checked_kept_and_in_force_after_the_restart(browser: Browser, home: Path) -> None:
    with station(str(home), "--link", "ethernet", "--set", "T_reset=5 s") as url:
        for page in opened(browser, refused=True, bypass_csp=True):
            page.goto(url)
            page.click("#configure")
            page.fill("#settings-find", "T_lock")
            row = page.locator(field("T_lock"))
            assert row.locator("input").input_value() == "3 s"
            told = row.inner_text()
            assert "Longest time for the connector lock" in told
            assert "duration" in told
            assert "evse_dc.yaml" in told
            assert page.is_disabled("#settings-save")

            row.locator("input").fill("soon")
            page.click("#settings-save")
            row.locator("p.bad").get_by_text("T_lock").wait_for()
            assert row.locator("p.bad").inner_text().startswith("✗ ")
            assert not home.with_suffix(".settings").exists()

            page.fill("#settings-find", "T_reset")
            assert page.is_disabled(f"{field('T_reset')} input")
            assert "set by --set T_reset=5 s" in page.inner_text(field("T_reset"))

            page.fill("#settings-find", "T_lock")
            row.locator("input").fill("4 s")
            page.evaluate("window.before = true")
            page.click("#settings-save")
            page.wait_for_function(
                "window.before === undefined && document.getElementById('link').textContent === 'live'"
            )
            assert '"machines.evse.parameters.T_lock" = "4 s"' in home.with_suffix(".settings").read_text()
            page.click("#configure")
            assert row.locator("input").input_value() == "4 s"
            row.get_by_role("button", name="As before").click()
            assert page.is_enabled("#settings-save")


def test_nothing_is_restarted_while_a_session_runs_and_it_is_asked_about(browser: Browser, home: Path) -> None:
    with station(str(home), "--link", "ethernet") as url:
        for page in opened(browser, refused=True, bypass_csp=True):
            page.goto(url)
            page.click("[data-event=plug]")
            page.wait_for_function("document.querySelector('#stages li.here')?.textContent === 'charge'")
            page.click("#configure")
            page.wait_for_function("document.getElementById('settings').open")
            assert page.is_disabled("#restart")
            assert page.inner_text("#restart-why") == "A session is going on: not before it has ended."
            page.click("#settings-close")
            page.click("[data-event=unplug]")
            page.click("#ask-yes")
            page.wait_for_function("document.querySelector('#stages li.here')?.textContent === 'plug'")
            page.click("#configure")
            page.wait_for_function("!document.getElementById('restart').disabled")
            page.click("#restart")
            page.click("#ask-no")
            page.evaluate("window.before = true")
            page.click("#restart")
            page.click("#ask-yes")
            page.wait_for_function(
                "window.before === undefined && document.getElementById('link').textContent === 'live'"
            )
            assert page.evaluate("page.timeline.results.length") == 1  # of before: it is still told


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_nobody_meets_a_barrier_in_it(page: Page, width: int, scheme: str) -> None:
    with station("machines/evse_dc.yaml") as url:
        page.set_viewport_size({"width": width, "height": 740})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(url)
        page.click("#configure")
        page.locator("#settings .key").first.wait_for()
        assert barriers(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.getElementById('settings').scrollWidth") <= width
        page.keyboard.press("Escape")
        page.locator("#settings").wait_for(state="hidden")
        assert barriers(page) == []


def test_an_order_that_is_answered_without_a_body_is_no_error(page: Page) -> None:
    with station("machines/evse_dc.yaml") as url:
        page.goto(url)
        page.locator("#drawing svg").wait_for()
        asked = "ask('api/restart', {method: 'POST', body: '{\"confirm\": true}'})"
        assert page.evaluate(f"{asked}.then(() => 'done', (error) => error.message)") == "done"
