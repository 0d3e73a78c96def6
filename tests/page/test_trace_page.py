"""A trace as one file: everything in it, at any step, for anybody, in any light."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from engine.cli import main
from tests.page.axe import barriers

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
MOST_KB = 300
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One session of the DC station, as a page."""
    folder = tmp_path_factory.mktemp("trace")
    trace, page = folder / "run.jsonl", folder / "run.html"
    chart = str(ROOT / "machines" / "evse_dc.yaml")
    assert main(["run", chart, "--fast", "--quiet", "--sessions", "1", "--trace", str(trace)]) == 0
    assert main(["trace", "view", str(trace), "-o", str(page)]) == 0
    return page


def records_of(file: Path) -> list[dict[str, object]]:
    lines = file.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[1:]]


def shown(page: Page) -> dict[str, object]:
    """The states and data of the chosen machine, as the page has them."""
    found: dict[str, object] = page.evaluate(
        """() => { const m = page.timeline.at(page.moment).machines.get(page.chosen);
                   return {configuration: m.configuration, data: m.data}; }"""
    )
    return found


def test_every_moment_is_as_the_trace_has_it(page: Page, recorded: Path) -> None:
    """Folded here by the words of docs/trace.md, there by the page, forward and backward."""
    records = records_of(recorded)
    page.goto(recorded.as_uri())
    page.locator("#drawing svg .node.on").first.wait_for()
    for number in (40, 2000, len(records), 1200, 1199, 7):
        page.evaluate("(n) => { moveTo(n); paint(); }", number)
        data: dict[str, object] = {}
        active: object = []
        for record in records[:number]:
            if record["machine"] == "evse" and "cause" in record:
                data |= record.get("data", {})  # type: ignore[arg-type]
                active = record["configuration"]
        assert shown(page) == {"configuration": active, "data": data}, number


def test_the_slider_goes_back_to_where_the_car_was_not_there(page: Page, recorded: Path) -> None:
    page.goto(recorded.as_uri())
    page.locator("#stages li").first.wait_for()
    page.focus("#slider")
    page.keyboard.press("Home")
    page.wait_for_function("document.getElementById('slider').value === '1'")
    page.keyboard.press("End")
    page.wait_for_function("Number(document.getElementById('slider').value) > 2000")
    page.wait_for_function("parseFloat(document.querySelector('.tile:nth-child(6) .value').textContent) > 1")
    page.click("#tab-results")
    page.wait_for_function("document.getElementById('pane').textContent.includes('end=normal')")
    assert page.inner_text("#result").startswith("✓ Session 1 ended well")
    assert page.inner_text("#pane .badge.good") == "✓ ended well"


def test_what_is_for_paper_alone_is_not_sent() -> None:
    import engine
    from engine.tools.page.drawings import drawn, for_screen

    sheets = drawn(engine.load(ROOT / "machines" / "evse_dc.yaml"))
    assert len(sheets) > 1
    for sheet in sheets:
        named = {group.attrib.get("class", "") for group in ElementTree.fromstring(sheet).iter(f"{SVG}g")}
        assert "chart" in named
        assert not named & {"frame", "legend", "map"}
    kept = "<svg><g><g/></g></svg>"
    assert for_screen(kept.replace("<svg>", '<svg><g class="frame"><g><g></g></g></g>')) == kept


def test_a_state_is_found_on_the_sheet_that_has_it(page: Page, recorded: Path) -> None:
    page.goto(recorded.as_uri())
    page.locator("#drawing svg").wait_for()
    page.fill("#search", "emergency")
    page.wait_for_function("document.querySelector('#drawing > div').shadowRoot.querySelector('.found')?.dataset.state")


def test_looking_for_a_state_in_the_tree_leaves_what_is_active_lit(page: Page, recorded: Path) -> None:
    page.goto(recorded.as_uri())
    page.locator("#drawing svg").wait_for()
    page.click("#as-tree")
    lit = "[...document.querySelectorAll('#tree .on')].map((one) => one.dataset.state)"
    page.wait_for_function(f"{lit}.length > 3")
    before = page.evaluate(lit)
    page.fill("#search", "emergency")
    page.wait_for_function("document.querySelector('#tree .found') !== null")
    assert page.evaluate(lit) == before
    page.fill("#search", "")
    page.wait_for_function("document.querySelector('#tree .found') === null")
    assert page.evaluate(lit) == before


AT_THE_BEGINNING = "() => { moveTo(40); paint(); }"
SHEET = """(n) => { moveTo(n); paint(); const m = page.shown; return [page.sheet, hasState(page.sheet, m.place),
    page.sheets.some((_, k) => hasState(k, m.place)),
    [...document.querySelector('#drawing > div').shadowRoot.querySelectorAll('.on.leaf')].length]; }"""


def test_the_sheet_is_that_of_the_moment_from_wherever_the_slider_comes(page: Page, recorded: Path) -> None:
    """As it was live: it has the states that were entered last, and they are lit."""
    count = len(records_of(recorded))
    page.goto(recorded.as_uri())
    page.locator("#drawing svg .node.on").first.wait_for()
    moments = list(range(30, count, count // 60))
    found = [page.evaluate(SHEET, n) for n in [*moments, *reversed(moments), *moments[::7]]]
    for sheet, has_place, could, lit in found:
        assert has_place == could, sheet
        assert lit, sheet
    assert len({sheet for sheet, *_ in found}) > 1
    page.click("#sheets button:nth-child(3)")  # by hand, and on to a moment that has nothing there
    page.evaluate(AT_THE_BEGINNING)
    assert page.evaluate("hasState(page.sheet, page.shown.leaves)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_nobody_meets_a_barrier(page: Page, recorded: Path, scheme: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(recorded.as_uri())
    page.locator("#drawing svg .node.on").first.wait_for()
    for tab in ("messages", "steps", "log", "results"):
        page.click(f"#tab-{tab}")
        page.wait_for_function(f"document.getElementById('pane').dataset.tab === '{tab}'")
        assert barriers(page) == [], tab
    page.click("#as-tree")
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_words_are_those_of_the_reader(browser: object, recorded: Path) -> None:
    """Those of the page and of the station, in a file that is sent to somebody, too; all that there is in English."""
    from playwright.sync_api import Browser

    assert isinstance(browser, Browser)
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    page.goto(recorded.as_uri())
    page.locator("#stages li").first.wait_for()
    assert page.inner_text("#machines-h").lower() == "automaten"
    assert page.inner_text("#title") == "DC-Ladestation"
    assert page.inner_text("#stages li >> nth=0") == "Stecken"
    assert page.inner_text("#result").startswith("✓ Sitzung 1 gut beendet")
    both = page.evaluate("[Object.keys(TEXTS), Object.keys(OWN)].map((one) => one.sort())")
    context.close()
    assert both[0] == both[1]


def test_what_a_browser_loads_is_small() -> None:
    """Page, script, style, charts and the drawings of the DC station, and the words of the language that has most, as
    they are sent: compressed."""
    import engine
    from engine.run.station.words import read_words, words_in
    from engine.tools.page.charts import chart_values, with_children
    from engine.tools.page.drawings import drawn
    from engine.tools.page.files import FILES, text_of
    from engine.tools.page.routes import COMPRESSION, Json

    charts = with_children([engine.load(ROOT / "machines" / name) for name in ("evse_dc.yaml", "pev_dc.yaml")])
    sent = [text_of(name).encode() for name in FILES]
    sent += [bytes(Json([chart_values(chart) for chart in charts]).body)]
    sent += [bytes(Json(drawn(chart)).body) for chart in charts]
    known = read_words(ROOT / "machines" / "words")
    words = [bytes(Json(words_in(known, language)).body) for language in known]

    def size(body: bytes) -> int:
        return len(gzip.compress(body, COMPRESSION))

    assert sum(map(size, sent)) + max(map(size, words)) <= MOST_KB * 1024


def test_a_trace_cannot_put_a_script_into_the_page(page: Page, recorded: Path, tmp_path: Path) -> None:
    """What a vehicle sent is text."""
    evil = "</script><script>window.evil = 1</script><img src=x onerror='window.evil = 1'>"
    lines = recorded.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()
    head = json.loads(lines[0]) | {"title": evil}
    note = {"time_ns": 0, "machine": "evse", "note": "adapter_note", "text": evil}
    file, out = tmp_path / "evil.jsonl", tmp_path / "evil.html"
    file.write_text("\n".join([json.dumps(head), *lines[1:60], json.dumps(note), ""]))
    assert main(["trace", "view", str(file), "-o", str(out)]) == 0
    page.goto(out.as_uri())
    page.locator("#stages li").first.wait_for()
    page.click("#tab-log")
    page.wait_for_function("document.getElementById('pane').textContent.includes('img src')")
    assert page.evaluate("window.evil") is None
