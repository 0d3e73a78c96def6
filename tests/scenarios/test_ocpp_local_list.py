"""Scenarios of machines/ocpp/local_list.yaml: the central system's list of cards, whole or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.ocpp import change, keys
from tests.scenarios.stage import S, Stage


def begun(version: int = 0, **changed: Any) -> Stage:
    return Stage(
        "machines/ocpp/local_list.yaml", {**keys(**changed), "cards.list_version": version, "clock.now": 7 * S}
    )


def send(stage: Stage, update: str, version: int, *ids: str, none: bool = False, status: str = "Accepted") -> Stage:
    rows: dict[str, Any] = {"idTag": list(ids), "status": [status] * len(ids)}
    rows |= {"parentIdTag": ["G"] * len(ids), "expiryDate": [0] * len(ids)}
    if none:
        rows = dict.fromkeys(rows)
    return stage.emit("csms.SendLocalListReq", call="s", listVersion=version, updateType=update, **rows)


def status(stage: Stage) -> str | None:
    answer = stage.order("csms.SendLocalListConf")
    assert answer is None or answer["call"] == "s"
    return None if answer is None else answer["status"]


def rows(version: int, *ids: str, status: str = "Accepted") -> dict[str, Any]:
    size = len(ids)
    texts = {"idTag": list(ids), "status": [status] * size, "parentIdTag": ["G"] * size}
    return {"version": version, **texts, "expiryDate": [0] * size}


@pytest.mark.ocpp_cases("TC_043")
def test_a_full_list_takes_the_place_of_the_old_one() -> None:
    """5.10; any version is good, also one below the present one. In the file before it is accepted."""
    stage = send(begun(version=9), "Full", 3, "A", "B")
    assert stage.order("cards.replace_list") == rows(3, "A", "B")
    assert status(stage) is None
    assert status(stage.finish("replaced")) == "Accepted"


@pytest.mark.ocpp_cases("TC_043")
def test_a_differential_list_changes_it() -> None:
    """An entry without idTagInfo is taken out."""
    stage = send(begun(version=2), "Differential", 3, "A", status="")
    assert stage.order("cards.update_list") == {**rows(3, "A", status=""), "most": 10_000}
    assert status(stage) is None
    assert status(stage.finish("updated")) == "Accepted"
    stage = send(begun(version=2), "Differential", 3, none=True)
    assert stage.order("cards.update_list") == {**rows(3), "most": 10_000}
    assert status(stage.finish("updated")) == "Accepted"


@pytest.mark.ocpp_cases("TC_043_2")
@pytest.mark.parametrize("version", [-5, -1, 0, 1, 2])
def test_changes_of_another_version(version: int) -> None:
    stage = send(begun(version=2), "Differential", version, "A")
    assert (status(stage), stage.ordered("cards.update_list")) == ("VersionMismatch", [])


@pytest.mark.ocpp_cases("TC_043_1", "TC_042_1")
def test_without_a_list() -> None:
    stage = send(begun(version=2, LocalAuthListEnabled=False), "Full", 3, "A")
    assert (status(stage), stage.ordered("cards.replace_list")) == ("NotSupported", [])
    assert stage.emit("csms.GetLocalListVersionReq", call="v").order("csms.GetLocalListVersionConf") == {
        "call": "v", "listVersion": -1
    }  # fmt: skip


@pytest.mark.ocpp_cases("TC_042_2")
@pytest.mark.parametrize("version", [0, 5])
def test_its_version(version: int) -> None:
    stage = begun(version).emit("csms.GetLocalListVersionReq", call="v")
    assert stage.order("csms.GetLocalListVersionConf") == {"call": "v", "listVersion": version}


@pytest.mark.ocpp_cases("D10")
@pytest.mark.parametrize("none", [True, False])
@pytest.mark.parametrize("version", [0, 4])
def test_an_empty_list_clears(none: bool, version: int) -> None:
    """D10 of the field: version 0 is forbidden and met; an empty list has version 0 afterwards."""
    stage = send(begun(version=9), "Full", version, none=none)
    assert stage.order("cards.replace_list") == rows(0)
    assert status(stage.finish("replaced")) == "Accepted"


@pytest.mark.ocpp_cases("TC_043_3", "D10")
@pytest.mark.parametrize(
    ("update", "version", "ids", "state"),
    [
        ("Full", 0, ["A"], "Accepted"),
        ("Full", -1, ["A"], "Accepted"),
        ("Full", -1, [], "Accepted"),
        ("Full", -5, [], "Accepted"),
        ("Full", 1, ["A"], ""),
        ("Full", 1, ["A", "B", "C"], "Accepted"),
        ("Full", 1, ["A", "B", "C", "D"], "Accepted"),
        ("Differential", 3, ["A", "B", "C", "D"], "Accepted"),
    ],
)
def test_a_list_that_is_refused(update: str, version: int, ids: list[str], state: str) -> None:
    """D10 of the field: the list stays as it was, and a person is told why."""
    stage = begun(version=2, SendLocalListMaxLength=3, LocalAuthListMaxLength=2)
    send(stage, update, version, *ids, status=state)
    assert (status(stage), stage.ordered("cards.replace_list", "cards.update_list")) == ("Failed", [])
    assert stage.logs[0].startswith("local list: ")


@pytest.mark.ocpp_cases("TC_043_3")
@pytest.mark.parametrize(("update", "id"), [("Full", "replaced"), ("Differential", "updated")])
def test_a_list_that_is_not_taken(update: str, id: str) -> None:
    """A card twice, too many, a disk that is full."""
    stage = send(begun(), update, 1, "A", "A").emit("cards.failed", reason="disk full").fail(id, "twice")
    assert (status(stage), stage.logs, stage.unhandled) == ("Failed", ["local list: twice"], [])


def test_as_many_as_there_may_be() -> None:
    stage = send(begun(SendLocalListMaxLength=2, LocalAuthListMaxLength=2), "Full", 1, "A", "B")
    assert len(stage.ordered("cards.replace_list")) == 1


@pytest.mark.ocpp_cases("TC_061")
def test_the_cache_is_cleared() -> None:
    stage = begun().emit("csms.ClearCacheReq", call="c")
    assert stage.ordered("cards.clear_cache") == [{}]
    assert stage.ordered("csms.ClearCacheConf") == []
    stage.finish("cleared").emit("csms.ClearCacheReq", call="d").fail("cleared", "disk full")
    assert stage.ordered("csms.ClearCacheConf") == [
        {"call": "c", "status": "Accepted"}, {"call": "d", "status": "Rejected"}
    ]  # fmt: skip


@pytest.mark.ocpp_cases("TC_061")
def test_without_a_cache_there_is_nothing_to_clear() -> None:
    """Errata 3.23."""
    stage = begun(AuthorizationCacheEnabled=False).emit("csms.ClearCacheReq", call="c")
    assert stage.ordered("csms.ClearCacheConf") == [{"call": "c", "status": "Rejected"}]


def test_what_comes_meanwhile_has_its_turn() -> None:
    stage = send(begun(), "Full", 1, "A").emit("csms.GetLocalListVersionReq", call="v")
    assert stage.ordered("csms.GetLocalListVersionConf") == []
    stage.values("cards", list_version=1).finish("replaced")
    assert stage.order("csms.GetLocalListVersionConf") == {"call": "v", "listVersion": 1}
    send(stage, "Full", 2, "B").emit("csms.ClearCacheReq", call="c")
    send(stage, "Full", 3, "C").finish("replaced").finish("cleared")
    assert stage.order("cards.replace_list") == rows(3, "C")


def learnt(stage: Stage, id_tag: str | None = "A", status: str | None = "Blocked") -> Stage:
    said = {"transactionId": 9, "idTag": id_tag, "status": status, "parentIdTag": "G", "expiryDate": None}
    return stage.emit("ledger.answered", action="StartTransaction", transaction=1, **said)


def test_the_cache_learns_from_transactions() -> None:
    """3.5.1: StartTransaction.conf and StopTransaction.conf say what a card is worth, too."""
    card = {"idTag": "A", "status": "Blocked", "parentIdTag": "G", "at": 7 * S, "most": 10000}
    assert learnt(begun()).ordered("cards.remember") == [card]
    assert learnt(begun(AuthorizationCacheEnabled=False)).ordered("cards.remember") == []
    assert learnt(begun(), id_tag=None).ordered("cards.remember") == []
    assert learnt(begun(), status=None).ordered("cards.remember") == []


def test_keys_are_read_as_they_are() -> None:
    stage = send(change(begun(), SendLocalListMaxLength=1), "Full", 1, "A", "B")
    assert (status(stage), stage.unhandled) == ("Failed", [])
