"""Whoever reads German reads no English: every text a customer meets is from the catalogue."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import engine
from engine.run.station.words import read_words
from tests.page.conftest import opened, station

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

WORDS = Path("machines/words")
NAME = re.compile(r"[A-Za-z][\w.-]*[A-Z_\d][\w.-]*( \(\w+\))?|AC|DC|x?\d?:? ?5 %")
"""Of a standard: CableCheck, CM_SLAC_MATCH, PowerDelivery (Stop)."""
UNITS = set(re.findall(r"\w+", "V A W kW Wh kWh ms s min degC Ohm kOhm dB SoC EVCCID OCPP SLAC iso2 din DE EN"))
PARTS = (
    ".bar, #stages, #values, #units, #controls, #machines, #why h2, #why h3, #data h2, #activity, #time, #ask, #toast"
)
SEEN = """(parts) => {
  const found = [];
  const told = (one, text) => {
    if (text && /[A-Za-z]{2}/.test(text)) found.push([text, one.closest('[id]')?.id || '', one.className || '']);
  };
  const left = (one) => one.closest(
    'code, [translate=no], select:not(#ask *), datalist, .name, .messages .text, .steps b, .steps .quiet');
  for (const part of document.querySelectorAll(parts))
    for (const one of [part, ...part.querySelectorAll('*')]) {
      if (left(one)) continue;
      if (one.closest('[lang=en]')) { told(one, one.textContent + ' (lang=en)'); continue; }
      for (const name of ['title', 'aria-label', 'placeholder', 'aria-valuetext']) told(one, one.getAttribute(name));
      for (const child of one.childNodes) if (child.nodeType === 3) told(one, child.data);
    }
  return found;
}"""
MARKS = "⟦⟧"


def marked(value: Any) -> Any:
    """Texts of the catalogue with a sign around them."""
    if isinstance(value, dict):
        return {name: marked(one) for name, one in value.items()}
    return f"{MARKS[0]}{value}{MARKS[1]}"


def mark(route: Route) -> None:
    route.fulfill(json=marked(route.fetch().json()))


def strangers(page: Page, names: set[str], titles: set[str], parts: str = PARTS) -> list[tuple[str, str]]:
    """What is shown in letters and is neither from the catalogue nor a name or a unit."""
    found = []
    for text, where, kind in page.evaluate(SEEN, parts):
        rest = re.sub(r"\[[\w.# ]+\]|\([a-z_0-9, ]+\)", " ", text)  # an event, the values of an enum
        while (shorter := re.sub(f"{MARKS[0]}[^{MARKS}]*{MARKS[1]}", " ", rest)) != rest:
            rest = shorter
        for name in sorted(names, key=len, reverse=True):
            rest = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.])", " ", rest)
        words = {one for one in re.findall(r"[A-Za-zÄÖÜäöüß_]{2,}", rest)} - UNITS
        is_state = "value" in kind or "state" in kind or where in ("main-state", "machines")
        if is_state and not (set(re.split(" · |: ", text)) & titles):
            continue  # an identifier: a state without a title, a message
        if words and not NAME.fullmatch(rest.strip()):
            found.append((text, f"{where} {kind}".strip()))
    return found


@pytest.fixture
def german(browser: Browser) -> Iterator[Page]:
    for page in opened(browser, locale="de-DE", bypass_csp=True, refused=True):
        page.route("**/de.json", mark)
        page.route("**/api/words/de", mark)
        page.route("**/api/words/de/help", mark)
        yield page


def asked(url: str, what: str) -> Any:
    with urllib.request.urlopen(f"{url}api/{what}") as answer:
        return json.load(answer)


@pytest.mark.parametrize(
    ("chart", "number"), [("evse_dc", ""), ("evse_ac", ""), ("charge_point", "1"), ("charger_bms", "")]
)
def test_every_text_of_the_customers_is_from_the_catalogue(german: Page, chart: str, number: str) -> None:
    page = german
    with station(f"machines/{chart}.yaml") as url:
        events, charts = asked(url, "events")["events"], asked(url, "charts")
        titles = {state["title"] for one in charts.values() for state in one["states"] if "title" in state}
        titles = {one for one in titles if not NAME.fullmatch(one)}
        names = {"nothing", *(offer["event"] for offer in events)}
        page.goto(url)
        page.locator("#drawing svg").wait_for()
        names |= set(page.evaluate("[...page.timeline.now.machines.keys()]"))
        assert strangers(page, names, titles) == []
        for offer in events:
            if offer["fields"] and offer["event"].count(".") < 2:
                page.evaluate("(name) => { offered(page.offers.find((one) => one.event === name)); }", offer["event"])
                assert strangers(page, names, titles, "#ask") == [], offer["event"]
                page.evaluate("document.getElementById('ask').close('no')")
        given = {"connector": 1} if number else {}
        ask = "(given) => ask('api/event', {method: 'POST', body: JSON.stringify(given)})"
        page.evaluate(ask, {"event": "plug", **given})
        page.wait_for_function("inSession(page.timeline.now)")
        page.evaluate("offered({event: 'nothing', fields: {}})")
        page.locator("#toast.shown.bad").wait_for()
        assert strangers(page, names, titles) == []
        page.evaluate(ask, {"event": "unplug", **given})
        page.wait_for_function("page.timeline.results.length > 0")
        page.click("#tab-results")
        page.locator("#pane .results li").wait_for()
        assert strangers(page, names, titles) == []
        for tab in ("steps", "log", "messages"):
            page.click(f"#tab-{tab}")
        page.click("#configure")
        page.wait_for_function("document.getElementById('settings').open")
        assert strangers(page, names, titles, "#settings > :not(#settings-keys)") == []
        assert strangers(page, names, titles, "#settings details:first-child") == []
        assert page.locator("#settings details:first-child .key").count() > 10


def test_a_state_has_its_title_in_german_wherever_it_is_shown() -> None:
    known = read_words(WORDS)["de"]["texts"]
    files = [file for file in Path("machines").rglob("*.yaml") if "ill" not in file.parts]
    charts = [engine.load(file) for file in files if re.search(r"^machine:", file.read_text(encoding="utf-8"), re.M)]
    assert len(charts) > 30
    titles = {one.title for chart in charts for one in (chart, *chart.states.values()) if one.title}
    assert sorted(one for one in titles if one not in known and not NAME.fullmatch(one)) == []


def test_a_reason_is_told_in_german_with_what_it_names(browser: Browser) -> None:
    """Also a refusal of the station, and the end of one that is made of several."""
    with station("machines/evse_dc.yaml", "--link", "ethernet") as url:
        for page in opened(browser, locale="de-DE", bypass_csp=True, refused=True):
            page.goto(url)
            page.locator("#drawing svg").wait_for()
            assert page.evaluate("said('again and again: no V2G session')") == "immer wieder: keine V2G-Sitzung"
            assert page.evaluate("said('unlock needs connector')") == "Stecker entriegeln braucht Abgang"
            page.evaluate("ask('api/event', {method: 'POST', body: '{\"event\": \"plug\"}'})")
            page.wait_for_function("inSession(page.timeline.now)")
            page.click("[data-event=unplug]")
            page.click("#ask-yes")
            page.wait_for_function("document.getElementById('result').className === 'bad'")
            assert "fehlgeschlagen: " in page.inner_text("#result")
            page.click("#result")
            page.locator("#pane .results li").wait_for()
            assert "Ende=" in page.inner_text("#pane")
            page.click("#configure")
            page.wait_for_function("document.getElementById('settings').open")
            assert "Zeit" in page.inner_text("[data-key=T_connection] p >> nth=0")
