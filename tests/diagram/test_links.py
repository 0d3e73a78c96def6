"""In a document of many sheets a reader follows a box to its inside, an arrow to its row, and comes back."""

from __future__ import annotations

import ctypes
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from urllib.parse import unquote

import pypdfium2
import pypdfium2.raw as pdfium
import pytest

import engine
from engine.language.model import Chart
from engine.tools.diagram.draw import Drawing, draw, file_bytes
from engine.tools.diagram.elk import Elk
from engine.tools.diagram.links import destination

CHART = Path(__file__).parent / "models" / "charger62.yaml"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def chart() -> Chart:
    return engine.load(CHART)


@pytest.fixture(scope="module")
def drawing(chart: Chart, elk: Elk) -> Drawing:
    return draw(chart, "full", elk)


@pytest.fixture(scope="module")
def document(drawing: Drawing) -> pypdfium2.PdfDocument:
    return pypdfium2.PdfDocument(file_bytes(drawing, "pdf"))


def links(document: pypdfium2.PdfDocument, page: int) -> list[int]:
    """The page each link on a page leads to, -1 for one that leads nowhere."""
    found, position, link = [], ctypes.c_int(0), pdfium.FPDF_LINK()
    while pdfium.FPDFLink_Enumerate(document[page], position, link):
        place = pdfium.FPDFLink_GetDest(document, link)
        found.append(pdfium.FPDFDest_GetDestPageIndex(document, place) if place else -1)
    return found


def test_arrows_lead_to_their_rows_and_rows_to_their_arrows(
    chart: Chart, drawing: Drawing, document: pypdfium2.PdfDocument
) -> None:
    drawn = len(drawing.svgs)
    pages = range(len(document))
    there = [target for page in pages[:drawn] for target in links(document, page) if target >= drawn]
    back = [target for page in pages[drawn:] for target in links(document, page)]
    assert len(there) >= len(chart.transitions)
    assert len(back) == len(chart.transitions)
    assert set(there) == set(pages[drawn:]), "every page of the table is reached"
    assert all(0 <= target < drawn for target in back)


def test_closed_boxes_lead_to_their_sheet_and_back(drawing: Drawing, document: pypdfium2.PdfDocument) -> None:
    count = len(drawing.svgs)
    assert count > 1
    ways = {(page, target) for page in range(count) for target in links(document, page) if target < count}
    assert all(target >= 0 for _, target in ways), "a link leads nowhere"
    assert all((target, page) in ways for page, target in ways)
    assert {target for _, target in ways} == set(range(count)), "no sheet is left out"


def test_bookmarks_name_the_sheets_and_what_is_on_them(drawing: Drawing, document: pypdfium2.PdfDocument) -> None:
    count = len(drawing.svgs)
    marks = [(mark.level, mark.get_title(), mark.get_dest().get_index()) for mark in document.get_toc()]
    tops = [(title, page) for level, title, page in marks if level == 0]
    assert [title.partition(" – ")[0] for title, _ in tops[:count]] == [
        f"full {n}/{count}" for n in range(1, count + 1)
    ]
    assert [page for _, page in tops] == list(range(len(document)))
    assert (1, "charger", 0) in marks
    assert any(level == 1 and page > 0 for level, _, page in marks)


def test_links_of_svgs_lead_to_what_is_there(drawing: Drawing, chart: Chart) -> None:
    """To a state of another SVG, or to a row of the PDF by its name."""
    roots = [ElementTree.fromstring(text) for text in drawing.svgs]
    ids = {
        f"charger.full{'' if number == 1 else f'.{number}'}.svg": {e.get("id") for e in root.iter()}
        for number, root in enumerate(roots, 1)
    }
    rows = {f"nameddest={destination(f'row_{t.id}')}" for t in chart.transitions}
    reached: set[str] = set()
    for root in roots:
        for link in root.iter(f"{SVG}a"):
            file, _, place = (link.get("href") or "").partition("#")
            if file == "charger.pdf":
                reached.add(place)
            else:
                assert not place or unquote(place) in ids[unquote(file)], place
    assert reached == rows
    assert all(f"/{row.removeprefix('nameddest=')} ".encode() in file_bytes(drawing, "pdf") for row in rows)


def test_all_that_can_be_pointed_at_can_be_reached_by_keyboard_and_says_what_it_is(drawing: Drawing) -> None:
    for text in drawing.svgs:
        root = ElementTree.fromstring(text)
        groups = [g for g in root.iter(f"{SVG}g") if g.get("id") and not (g.get("id") or "").endswith("/initial")]
        assert groups
        for group in groups:
            assert group.get("tabindex") == "0" or group.find(f"{SVG}a") is not None, group.get("id")
            assert group.findtext(f"{SVG}title"), group.get("id")
        assert not [inner for link in root.iter(f"{SVG}a") for inner in link.iter(f"{SVG}a") if inner is not link]
        assert ":focus" in (root.findtext(f"{SVG}style") or "")


def test_what_is_edited_in_one_state_changes_no_other_sheet(drawing: Drawing, elk: Elk) -> None:
    """Byte for byte, but for the hash of the model."""
    text = CHART.read_text()
    changed = text.replace("title: 'ChargeParams'", "title: 'ParamsCharge'")
    assert changed != text
    other = draw(engine.load_text(changed, "charger62.yaml"), "full", elk)

    def bare(svg: str) -> str:
        return re.sub(r'data-(model|content)="\w+"|<text [^>]*>[0-9a-f]{12}</text>', "", svg)

    assert len(other.svgs) == len(drawing.svgs)
    different = [
        n for n, pair in enumerate(zip(drawing.svgs, other.svgs, strict=True)) if bare(pair[0]) != bare(pair[1])
    ]
    assert len(different) == 1


def test_names_of_destinations_differ_where_names_do() -> None:
    names = ("a/b", "a_b", "a~2fb", "a b", "a#2", "a->b", "é")
    assert len({destination(name) for name in names}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_.~-]+", destination(name)) for name in names)
