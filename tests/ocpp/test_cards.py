"""The local list and the cache behind the charts."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.ocpp.ocpp_cards import MemoryCards
from engine.adapter import World
from tests.slac.virtual_host import Clock, VirtualPort


def opened(world: World | None = None, **config: Any) -> tuple[MemoryCards, VirtualPort]:
    cards = MemoryCards(config, world or World())
    return cards, VirtualPort(cards, Clock(), "cards")


def rows(*ids: str, status: str = "Accepted") -> dict[str, Any]:
    size = len(ids)
    return {"idTag": ids, "status": [status] * size, "parentIdTag": ["G"] + [""] * (size - 1), "expiryDate": [5] * size}


def look(cards: MemoryCards, port: VirtualPort, id_tag: str, *places: str) -> tuple[str, str]:
    cards.look(call_id="look", idTag=id_tag, places=places or ("list", "cache"))
    found = port.results["look"]
    return found["place"], found["status"]


def test_the_list_goes_before_the_cache() -> None:
    """idTags are not case sensitive; what is not said is None."""
    world = World()
    cards, port = opened(world)
    cards.replace_list(call_id="r", version=3, **rows("A", "B"))
    cards.remember(idTag="a", status="Blocked", at=1, most=9)
    cards.remember(idTag="C", status="Invalid", at=1, most=9)
    assert look(cards, port, "a") == ("list", "Accepted")
    assert port.results["look"] == {"place": "list", "status": "Accepted", "parentIdTag": "G", "expiryDate": 5}
    assert look(cards, port, "A", "cache") == ("cache", "Blocked")
    assert port.results["look"]["parentIdTag"] is None
    assert look(cards, port, "C") == ("cache", "Invalid")
    assert look(cards, port, "D") == ("", "")
    again, port = opened(world)
    assert (again.list_version, again.list_length) == (3, 2)


def test_changes_of_the_list() -> None:
    cards, port = opened()
    cards.replace_list(call_id="r", version=3, **rows("A", "B"))
    cards.update_list(call_id="u", version=4, most=9, **rows("B", "C", status="Blocked"))
    cards.update_list(call_id="v", version=5, most=9, **rows("a", "Z", status=""))
    assert (cards.list_version, cards.list_length, port.results["v"]) == (5, 2, {})
    assert [look(cards, port, card)[1] for card in "ABC"] == ["", "Blocked", "Blocked"]


@pytest.mark.ocpp_cases("D10")
@pytest.mark.parametrize("how", ["twice", "full", "twice in a whole list"])
def test_all_or_nothing(how: str) -> None:
    """D10 of the field: the old list counts on, with its version; and the file is not what failed."""
    cards, port = opened()
    cards.replace_list(call_id="r", version=3, **rows("A", "B"))
    if how == "full":
        cards.update_list(call_id="u", version=4, most=2, **rows("C"))
    elif how == "twice":
        cards.update_list(call_id="u", version=4, most=9, **rows("C", "c"))
    else:
        cards.replace_list(call_id="u", version=4, **rows("C", "c"))
    assert port.results["u"] == how.split()[0]
    assert (cards.list_version, cards.list_length, look(cards, port, "A")[0], look(cards, port, "C")[0]) == (
        3,
        2,
        "list",
        "",
    )
    assert port.events == []


def test_a_cache_that_is_full_forgets_who_was_not_heard_of_for_longest() -> None:
    cards, port = opened()
    for at, card in enumerate(["A", "B", "A", "C"]):
        cards.remember(idTag=card, status="Accepted", at=at, most=2)
    assert [look(cards, port, card)[0] for card in "ABC"] == ["cache", "", "cache"]


def test_clearing_the_cache_leaves_the_list() -> None:
    cards, port = opened()
    cards.replace_list(call_id="r", version=3, **rows("A"))
    cards.remember(idTag="B", status="Accepted", at=1, most=9)
    cards.clear_cache(call_id="c")
    assert (port.results["c"], look(cards, port, "A")[0], look(cards, port, "B")[0]) == ({}, "list", "")


def test_a_full_disk_is_told() -> None:
    cards, port = opened(full_after=0)
    cards.remember(idTag="B", status="Accepted", at=1, most=9)
    cards.look(call_id="l", idTag="A", places=["list"])
    assert (port.results["l"], len(port.named("failed"))) == ("database or disk is full", 2)
