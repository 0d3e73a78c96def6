"""What people press and read has names for people, in both languages, at every shipped station."""

from __future__ import annotations

import json
import tomllib
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.run.station import StationError
from engine.run.station.words import read_words
from tests.page.conftest import opened, station

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WORDS = Path("machines/words")


@pytest.mark.parametrize("chart", ["evse_dc", "evse_ac", "site", "charge_point", "charger_bms", "pev_dc", "pev_ac"])
def test_every_control_has_a_name_in_both_languages(chart: str) -> None:
    with station(f"machines/{chart}.yaml") as url, urllib.request.urlopen(f"{url}api/events") as answer:
        offers = json.load(answer)["events"]
    assert offers
    for language in ("en", "de"):
        known = read_words(WORDS)[language]["controls"]
        for offer in offers:
            name = offer["event"]
            assert name in known or name.partition(".")[2] in known, (language, name)
            for field, what in offer["fields"].items():
                for said in (field, *what.get("choices", ())):
                    assert said in known, (language, name, said)


def test_they_are_on_the_buttons_and_in_the_questions(browser: Browser) -> None:
    with station("machines/site.yaml") as url:
        for page in opened(browser, locale="de-DE", bypass_csp=True):
            page.goto(url)
            page.locator("[data-event=unplug]", has_text="Ausstecken").wait_for()  # the page shows before its words
            assert page.inner_text("#title") == "Ladepark"
            assert page.evaluate("said('insulation monitor: GroundFailure')") == "Isolationswächter: Isolationsfehler"
            page.click("#language")
            page.wait_for_function("document.documentElement.lang === 'en' && !document.body.matches('.begins')")
            assert page.inner_text("[data-event=unplug]") == "Unplug"
            page.click("#language")
            page.wait_for_function("document.documentElement.lang === 'de' && !document.body.matches('.begins')")
            page.click(".offers summary >> text=Abgang 2")
            assert page.inner_text("[data-event='outlet2.button.emergency_stop']") == "Not-Halt"
            page.click("[data-event=fault]")
            assert page.inner_text("#ask-h") == "Fehler auslösen"
            assert "Isolationsfehler" in page.inner_text("#ask-fields")
            page.click("#ask-no")


def test_a_folder_of_words_that_are_none_is_refused(tmp_path: Path) -> None:
    assert read_words(None) == {}
    with pytest.raises(StationError, match=r"en\.toml"):
        read_words(tmp_path)
    for text, why in (("[controls]\nplug = 1\n", 'plug: write "plug" = '), ("plug = 'in'\n", "there are the tables")):
        (tmp_path / "en.toml").write_text(text)
        with pytest.raises(StationError, match=why):
            read_words(tmp_path)


def test_the_languages_have_the_same_names_for_what_is_pressed() -> None:
    found = {file.stem: tomllib.loads(file.read_text(encoding="utf-8")) for file in WORDS.glob("*.toml")}
    assert found["en"]["controls"].keys() == found["de"]["controls"].keys()
