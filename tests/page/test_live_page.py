"""The page of a running station in a browser: what a newcomer does first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.page.conftest import station, station_process

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LIT = """() => [...document.querySelector('#drawing > div').shadowRoot.querySelectorAll('.on')]
    .map((e) => e.dataset.state)"""
ASK = """(what) => fetch('api/event', {method: 'POST', headers: {'Content-Type': 'application/json'},
    body: JSON.stringify(what)})"""
COLOUR = """(name) => { const one = document.createElement('i'); one.style.color = `var(${name})`;
    document.body.append(one); const found = getComputedStyle(one).color; one.remove(); return found; }"""
AT = """(n) => { const s = document.getElementById('slider'); s.value = n; s.dispatchEvent(new Event('input')); }"""


def test_a_click_plugs_the_car_in_and_the_session_is_watched_to_its_end(page: Page) -> None:
    with station("machines/evse_dc.yaml", "--link", "ethernet", "--set", "pev.adapters.battery.soc=41.8") as url:
        page.goto(url)
        page.wait_for_function(f"({LIT})().includes('outlet.available')")
        assert page.inner_text("#stages li.here") == "plug"
        page.click("[data-event=plug]")
        page.wait_for_function(f"({LIT})().some((one) => one.startsWith('outlet.plugged.session.power.charging'))")
        assert page.inner_text("#stages li.here") == "charge"
        page.wait_for_function("parseFloat(document.querySelectorAll('.tile .value')[2].textContent) > 0")
        assert "CurrentDemandReq" in page.inner_text("#pane")
        assert page.locator("#drawing svg").count() == 1
        page.click("#tab-results")
        page.wait_for_function("document.querySelector('#pane .badge.good') !== null")
        assert "end=normal" in page.inner_text("#pane")

        last = int(page.input_value("#slider"))
        page.evaluate(AT, 200)
        page.wait_for_function("document.body.classList.contains('past')")
        assert page.is_disabled("[data-event=unplug]")
        then = page.inner_text("#moment")
        page.click("#back")
        page.wait_for_function("document.getElementById('slider').value === '199'")
        assert page.inner_text("#moment") != then
        page.click("#now")
        page.wait_for_function("!document.body.classList.contains('past')")
        assert int(page.input_value("#slider")) >= last


def test_who_is_at_a_machine_with_the_keyboard_stays_there(page: Page) -> None:
    """Though others begin and end."""
    with station("machines/evse_dc.yaml", "--link", "ethernet") as url:
        page.goto(url)
        page.locator("#machines li").first.wait_for()
        count = page.locator("#machines li").count()
        page.locator("#machines li[data-path=pev] button").focus()
        page.evaluate(ASK, {"event": "plug"})
        page.wait_for_function(f"document.querySelectorAll('#machines li').length > {count}")
        assert page.evaluate("document.activeElement.closest('li')?.dataset.path") == "pev"
        listed, there = page.evaluate(  # at one moment: others begin and end meanwhile
            "(page.dirty = true, paint(),"
            " [[...document.querySelectorAll('#machines li')].map((one) => one.dataset.path),"
            " ordered([...page.timeline.now.machines.keys()])])"
        )
        assert listed == there


IN_VIEW = """() => { const host = document.getElementById('drawing').getBoundingClientRect(),
    one = document.querySelector('#drawing > div').shadowRoot.querySelector('.found')?.getBoundingClientRect();
    return Boolean(one) && one.top < host.bottom && one.bottom > host.top; }"""


def test_what_was_found_stays_in_view_while_the_station_goes_on(page: Page) -> None:
    """Until something else is looked for: the active states are followed again when nothing is."""
    with station("machines/evse_dc.yaml", "--link", "ethernet") as url:
        page.goto(url)
        page.wait_for_function(f"({LIT})().includes('outlet.available')")
        page.fill("#search", "power.charging")
        page.wait_for_function(IN_VIEW)
        page.evaluate("page.dirty = true; paint()")  # as the next record does
        assert page.evaluate(IN_VIEW)
        page.fill("#search", "No such state")
        assert page.get_attribute("#search", "aria-invalid") == "true"
        page.fill("#search", "Locking the connector")  # a title
        found = "document.querySelector('#drawing > div').shadowRoot.querySelector('.found')?.dataset.state"
        page.wait_for_function(f"({found})?.endsWith('.locking')")
        assert page.get_attribute("#search", "aria-invalid") == "false"
        page.fill("#search", "")
        page.wait_for_function("page.follow")


def test_what_ends_a_session_is_asked_about_first(page: Page) -> None:
    with station("machines/evse_dc.yaml", "--link", "ethernet") as url:
        page.goto(url)
        page.click("[data-event=plug]")
        page.wait_for_function("document.querySelector('#stages li.here')?.textContent === 'charge'")
        page.click("[data-event=lock_ok]")
        page.locator("#toast").filter(has_text=page.inner_text("[data-event=lock_ok]")).wait_for()
        assert not page.evaluate("document.getElementById('ask').open")
        page.click("[data-event=unplug]")
        assert "may end it" in page.inner_text("#ask")
        page.click("#ask-no")
        assert page.inner_text("#stages li.here") == "charge"
        page.click("[data-event=unplug]")
        assert page.inner_text(".tile .wanted >> nth=1") == "of 410 V"
        page.click("#ask-yes")
        page.wait_for_function("document.querySelector('#stages li.here')?.textContent === 'plug'")
        page.wait_for_function("[...document.querySelectorAll('.wanted')].every((one) => !one.textContent)")
        page.wait_for_function("page.timeline.series['Voltage ⇒'].at(-1)[1] === null")  # asked for no more


def test_a_session_that_failed_looks_so_and_says_why(page: Page) -> None:
    """By a mark and words, not by colour alone."""
    with station("machines/evse_dc.yaml", "--link", "ethernet") as url:
        page.goto(url)
        page.click("[data-event=plug]")
        page.wait_for_function("document.querySelector('#stages li.here')?.textContent === 'charge'")
        page.evaluate(ASK, {"event": "fault", "errorCode": "GroundFailure"})
        page.wait_for_function("document.querySelector('#stages li.wrong') !== null")
        assert page.inner_text("#result") == "✗ Session 1 failed: insulation monitor: Ground failure"
        assert page.get_attribute("#stages li.wrong", "aria-label") == "charge: failed"
        red, green = (page.evaluate(COLOUR, name) for name in ("--bad", "--good"))
        assert page.evaluate("getComputedStyle(document.getElementById('result')).backgroundColor") == red != green
        page.click("#result")
        page.wait_for_function("document.querySelector('#pane .badge.bad')?.textContent === '✗ failed'")
        assert page.inner_text("#pane p.bad") == "insulation monitor: Ground failure"


@pytest.mark.parametrize(("chart", "place"), [("evse_dc", "#values"), ("site", ".unit >> nth=0")])
def test_what_is_asked_for_stands_beside_what_is_measured(page: Page, chart: str, place: str) -> None:
    """At a station in its values, at a site beside each outlet, as a number and as a curve; outlets side by side."""
    with station(f"machines/{chart}.yaml") as url:
        page.goto(url)
        page.evaluate(ASK, {"event": "plug"})
        here = page.locator(place)
        for label, wanted in (("Voltage", "of 410 V"), ("Current", "of 200 A")):
            tile = here.locator(f".tile:has(.label:text-is('{label}'))")
            tile.locator(f".wanted:text-is('{wanted}')").wait_for()
            assert float(tile.locator(".value").inner_text().split()[0]) >= 0
            assert len(tile.locator("path.aim").get_attribute("d") or "") > 10
            assert len(tile.locator("path.curve").get_attribute("d") or "") > 10
        tops = page.evaluate("[...document.querySelectorAll('.unit')].map((one) => one.getBoundingClientRect().top)")
        assert len(set(tops)) <= 1
        assert len(tops) == (2 if chart == "site" else 0)


def test_the_next_session_is_a_new_one_and_the_first_stays_in_the_list(page: Page) -> None:
    """On a page that saw it, and on one opened later."""
    with station("machines/evse_dc.yaml", "--link", "ethernet") as url:
        page.goto(url)
        for number in (1, 2):
            page.evaluate(ASK, {"event": "plug"})
            page.wait_for_function("document.querySelector('#stages li.here')?.textContent === 'charge'")
            assert page.inner_text("#result") == f"Session {number}"
            page.evaluate(ASK, {"event": "unplug"})
            page.wait_for_function("document.querySelector('#stages li.here')?.textContent === 'plug'")
            page.wait_for_function("document.getElementById('result').className === 'bad'")
            assert page.locator("#stages li.behind, #stages li.wrong").count() == 0
            assert page.inner_text("#result").startswith(f"✗ Session {number} failed: ")
        page.click("#tab-results")
        for _ in ("as it was", "opened anew"):
            page.wait_for_function("document.querySelectorAll('#pane .results li').length === 2")
            assert page.inner_text("#pane .results li:last-child b >> nth=0") == "Session 1"
            page.reload()
            page.click("#tab-results")


def test_a_page_that_hears_nothing_says_so_and_locks_its_controls(page: Page) -> None:
    with station("machines/evse_dc.yaml") as url:
        page.route("**/api/drawings/*", lambda route: None)  # one that is long in coming
        page.goto(url)
        page.locator("#drawing.waits").wait_for()
        told = page.evaluate("getComputedStyle(document.getElementById('drawing'), '::before').content")
        assert "The drawing is being made" in told
        page.wait_for_function("document.getElementById('link').textContent === 'live'")
    page.wait_for_function("['lost', 'over'].some((one) => document.getElementById('link').classList.contains(one))")
    assert page.is_disabled("[data-event=plug]")


def test_a_station_that_was_killed_is_asked_ever_more_rarely_and_found_again(browser: Browser) -> None:
    page = browser.new_page(bypass_csp=True)
    with station_process("machines/evse_dc.yaml") as (url, process):
        page.goto(url)
        page.wait_for_function("document.getElementById('link').textContent === 'live'")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        process.kill()
        page.wait_for_function("document.getElementById('link').classList.contains('lost') && page.patience > 10000")
        assert len([one for one in asked if "/api/state" in one]) <= 3  # after 2, 5 and 9.5 s
    with station("machines/evse_dc.yaml", "--ui", url.removeprefix("http://").rstrip("/")):
        page.wait_for_function("document.getElementById('link').textContent === 'live'")
        assert not page.is_disabled("[data-event=plug]")


def test_the_page_keeps_to_the_policy_that_comes_with_it(strict_page: Page) -> None:
    with station("machines/evse_dc.yaml") as url:
        strict_page.goto(url)
        strict_page.locator("#drawing svg .node.on").first.wait_for()
        strict_page.get_by_role("button", name="Tree").click()
        strict_page.locator("#tree [data-state].on").first.wait_for()


CUT = """() => [...document.querySelectorAll('.unit .value, .unit .label')].filter((one) =>
    one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"""


@pytest.mark.parametrize("chart", ["evse_ac", "site", "charge_point", "charger_bms", "pev_dc"])
def test_the_page_of_every_station_opens(page: Page, chart: str) -> None:
    """Stages or units, every machine, the lit drawing of each that is chosen."""
    with station(f"machines/{chart}.yaml", *(["--set", "outlets=4"] if chart == "charge_point" else [])) as url:
        page.goto(url)
        page.locator("#drawing svg .node.on").first.wait_for()
        names = page.locator("#machines li")
        assert names.count() >= 2
        names.nth(1).locator("button").click()
        page.locator("#drawing svg .node.on, #tree [data-state].on").first.wait_for()
        page.wait_for_function("document.getElementById('link').textContent === 'live'")
        if chart == "charge_point":
            page.wait_for_function("document.querySelector('.units').innerText.includes('Available')")
            for width, height in ((1440, 900), (390, 844)):
                page.set_viewport_size({"width": width, "height": height})
                assert page.locator(".unit").count() == 4
                assert (
                    page.evaluate("((box) => box.scrollHeight - box.clientHeight)(document.querySelector('.units'))")
                    <= 0
                )
                assert page.evaluate(CUT) == []
        if chart == "charger_bms":
            assert not page.evaluate("inSession(page.timeline.now)")  # it is plugged in by whoever looks at it
            page.click("[data-event=plug]")
            page.wait_for_function("inSession(page.timeline.now)")
            page.click("[data-event=unplug]")
            page.click("#ask-yes")
            page.wait_for_function("!document.getElementById('result').hidden && !inSession(page.timeline.now)")
            told = {"number": 7, "good": True, "empty": True, "data": {"reason": "enough"}}
            assert page.evaluate("(one) => outcome(one)", told) == "– Session 7 ended without energy: enough"
            assert page.evaluate("(one) => judged(one)", told) == "empty"


def test_a_page_opened_late_shows_what_was_before(page: Page) -> None:
    """States at once; curves, messages and steps from the beginning of what the station has kept."""
    quick = ("--set", "pev.session.dialogue.T_think_demand=1 ms", "--set", "pev.stop_at_soc=100 %")
    with station("machines/evse_dc.yaml", "--link", "ethernet", *quick) as url:
        page.goto(url)
        page.evaluate(ASK, {"event": "plug"})
        page.wait_for_function("page.timeline?.next > 3200")
        page.goto(url)
        page.locator("#drawing svg .node.on.leaf").first.wait_for()
        assert page.inner_text("#stages li.here") == "charge"
        assert "CurrentDemandReq" in page.inner_text("#pane")
        page.wait_for_function("page.timeline?.first === 0")
        page.wait_for_function("document.getElementById('pane').textContent.includes('PreChargeReq')")
        assert page.evaluate("page.timeline.series.Voltage[0]")[0] < 2e9
        assert page.evaluate("page.timeline.series.Voltage.some(([, value]) => value < 1)")
