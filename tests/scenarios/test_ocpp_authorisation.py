"""Scenarios of machines/ocpp/authorisation.yaml: who may charge, and who says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.ocpp import change, keys
from tests.scenarios.stage import S, Stage

NOON = 1_795_953_600 * S


def begun(online: bool = True, **changed: Any) -> Stage:
    values = {**keys(**changed), "clock.now": NOON}
    return Stage("machines/ocpp/authorisation.yaml", values, idTag="CARD", online=online)


def known(
    stage: Stage, place: str = "", status: str = "", parent: str | None = None, until: int | None = None
) -> Stage:
    return stage.finish("known", place=place, status=status, parentIdTag=parent, expiryDate=until)


def decided(stage: Stage) -> tuple[str, str]:
    return stage.output["status"], stage.output["how"]


@pytest.mark.parametrize(
    ("changed", "places"),
    [
        ({}, ["list", "cache"]),
        ({"LocalAuthListEnabled": False}, ["cache"]),
        ({"AuthorizationCacheEnabled": False}, ["list"]),
        ({"LocalAuthListEnabled": False, "AuthorizationCacheEnabled": False}, []),
    ],
)
def test_where_a_card_is_looked_for(changed: dict[str, bool], places: list[str]) -> None:
    """3.5.3: the list goes before the cache; what is switched off does not count."""
    assert begun(**changed).order("cards.look") == {"idTag": "CARD", "places": places}


@pytest.mark.ocpp_cases("TC_003", "TC_023")
@pytest.mark.parametrize("status", ["Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"])
def test_the_central_system_says(status: str) -> None:
    """Authorize; the answer is remembered, the bad ones too (3.5.1)."""
    stage = known(begun())
    assert stage.order("csms.AuthorizeReq") == {"idTag": "CARD"}
    stage.finish("authorize", status=status, parentIdTag="GROUP", expiryDate=NOON + S)
    said = {"status": status, "parentIdTag": "GROUP", "expiryDate": NOON + S}
    assert stage.output == {**said, "how": "central"}
    assert stage.ordered("cards.remember") == [{"idTag": "CARD", **said, "at": NOON, "most": 10000}]


def test_without_a_cache_nothing_is_remembered() -> None:
    stage = known(begun(AuthorizationCacheEnabled=False))
    stage.finish("authorize", status="Accepted", parentIdTag=None, expiryDate=None)
    assert (decided(stage), stage.ordered("cards.remember")) == (("Accepted", "central"), [])


@pytest.mark.ocpp_cases("TC_007_1", "TC_007_2", "TC_008_1", "TC_008_2")
@pytest.mark.parametrize("place", ["list", "cache"])
def test_a_known_card_is_not_asked_for_when_the_key_says_so(place: str) -> None:
    """LocalPreAuthorize: with what is known of it, without waiting."""
    stage = known(begun(LocalPreAuthorize=True), place, "Accepted", "GROUP", NOON + 1)
    assert stage.output == {"status": "Accepted", "parentIdTag": "GROUP", "expiryDate": NOON + 1, "how": place}
    assert stage.ordered("csms.AuthorizeReq") == []
    assert known(begun(LocalPreAuthorize=False), place, "Accepted").ordered("csms.AuthorizeReq") == [{"idTag": "CARD"}]


@pytest.mark.parametrize(("status", "until"), [("Blocked", None), ("Accepted", NOON)])
def test_a_card_known_as_not_valid_is_asked_for(status: str, until: int | None) -> None:
    """Online the central system may have changed its mind, or given it more time."""
    stage = known(begun(LocalPreAuthorize=True), "cache", status, None, until)
    stage.finish("authorize", status="Accepted", parentIdTag=None, expiryDate=None)
    assert decided(stage) == ("Accepted", "central")


@pytest.mark.parametrize("place", ["list", "cache"])
@pytest.mark.parametrize(
    ("status", "until", "expected"),
    [
        ("Accepted", None, "Accepted"),
        ("Accepted", NOON + 1, "Accepted"),
        ("Accepted", NOON, "Expired"),
        ("Blocked", None, "Blocked"),
        ("Invalid", NOON, "Invalid"),
    ],
)
def test_offline_a_card_is_what_is_known_of_it(place: str, status: str, until: int | None, expected: str) -> None:
    """3.5.4: one known as not valid, or no longer, is refused, even where unknown ones may charge."""
    stage = known(begun(online=False, AllowOfflineTxForUnknownId=True), place, status, "GROUP", until)
    assert stage.output == {"status": expected, "parentIdTag": "GROUP", "expiryDate": until, "how": place}
    assert stage.ordered("csms.AuthorizeReq") == []


@pytest.mark.parametrize(("allowed", "expected"), [(True, "Accepted"), (False, "Invalid")])
def test_offline_a_card_nobody_knows(allowed: bool, expected: str) -> None:
    stage = known(begun(online=False, AllowOfflineTxForUnknownId=allowed))
    assert decided(stage) == (expected, "offline")


@pytest.mark.parametrize(("allowed", "expected"), [(True, "Accepted"), (False, "Invalid")])
def test_offline_where_what_is_known_may_not_be_used(allowed: bool, expected: str) -> None:
    """LocalAuthorizeOffline false: a known card is no better than an unknown one."""
    stage = begun(online=False, LocalAuthorizeOffline=False, AllowOfflineTxForUnknownId=allowed)
    assert decided(known(stage, "list", "Accepted")) == (expected, "offline")


@pytest.mark.parametrize("how", ["disconnected", "not_connected", "full", "too_big", "no answer"])
def test_a_line_that_is_lost_meanwhile_and_a_card_nobody_knows(how: str) -> None:
    """3.5.4: as offline from the beginning."""
    stage = known(begun(AllowOfflineTxForUnknownId=True))
    if how == "no answer":
        change(stage, HeartbeatInterval=S).run(30)
    else:
        stage.fail("authorize", how)
    assert decided(stage) == ("Accepted", "offline")


@pytest.mark.parametrize("error", ["InternalError", "NotImplemented", "FormationViolation", "GenericError"])
def test_a_central_system_that_answers_with_an_error_lets_no_stranger_charge(error: str) -> None:
    """A CALLERROR, or what is no Authorize.conf: it is there, and did not say yes. What is known of a card counts."""
    stage = known(begun(AllowOfflineTxForUnknownId=True)).fail("authorize", error)
    assert decided(stage) == ("Invalid", "offline")
    stage = known(begun(AllowOfflineTxForUnknownId=True, LocalAuthorizeOffline=False), "cache", "Accepted")
    assert decided(stage.fail("authorize", error)) == ("Invalid", "offline")
    stage = known(begun(AllowOfflineTxForUnknownId=True), "cache", "Accepted")
    assert decided(stage.fail("authorize", error)) == ("Accepted", "cache")


@pytest.mark.parametrize("how", ["disconnected", "InternalError", "no answer"])
def test_a_line_that_is_lost_meanwhile_is_no_line(how: str) -> None:
    stage = known(begun(), "cache", "Accepted")
    if how == "no answer":
        change(stage, HeartbeatInterval=S).run(29.999)
        assert not stage.ended
        stage.run(0.001)
    else:
        stage.fail("authorize", how)
    assert decided(stage) == ("Accepted", "cache")


@pytest.mark.parametrize("online", [True, False])
def test_a_file_that_cannot_be_read_knows_nobody(online: bool) -> None:
    stage = begun(online=online).emit("cards.failed", reason="disk I/O error").fail("known", "disk I/O error")
    if online:
        stage.finish("authorize", status="Accepted", parentIdTag=None, expiryDate=None)
    assert decided(stage) == (("Accepted", "central") if online else ("Invalid", "offline"))
