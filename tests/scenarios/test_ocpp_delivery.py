"""Scenarios of machines/ocpp/delivery.yaml: nothing lost, nothing out of order, nobody knocked at in a loop."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.ocpp import change, keys
from tests.scenarios.stage import S, Stage


def begun(**changed: Any) -> Stage:
    return Stage("machines/ocpp/delivery.yaml", keys(**changed))


def found(stage: Stage, number: int = 1, attempts: int = 0) -> Stage:
    message = {"id": f"m{number}", "action": "StopTransaction", "payload": {"meterStop": number}}
    return stage.finish("first", number=number, attempts=attempts, **message)


def sending(attempts: int = 0, **changed: Any) -> Stage:
    return found(begun(**changed).post("may_send"), attempts=attempts)


def sent(stage: Stage) -> list[str]:
    return [order["id"] for order in stage.ordered("csms.send_stored")]


def test_messages_go_out_one_after_the_other() -> None:
    """3.7: the next one when the file knows that the central system has the last one."""
    stage = begun()
    assert stage.orders == []  # not before the central system has accepted the charge point
    found(stage.post("may_send"))
    assert stage.order("csms.send_stored") == {"id": "m1", "action": "StopTransaction", "payload": {"meterStop": 1}}
    stage.finish("message", payload={"idTagInfo": {"status": "Accepted"}})
    assert stage.order("ledger.answer") == {"number": 1, "payload": {"idTagInfo": {"status": "Accepted"}}}
    assert len(stage.ordered("ledger.next")) == 1
    found(stage.emit("ledger.answered", action="StopTransaction", transaction=1), 2)
    assert sent(stage) == ["m1", "m2"]


def test_with_nothing_left_it_waits_for_the_next() -> None:
    stage = begun().post("may_send").fail("first", "none").run(3600)
    assert len(stage.ordered("ledger.next")) == 1
    stage.emit("ledger.appended")
    assert len(stage.ordered("ledger.next")) == 2


@pytest.mark.parametrize("code", ["NotImplemented", "NotSupported"])
@pytest.mark.parametrize("action", ["SecurityEventNotification", "DataTransfer", "LogStatusNotification"])
def test_what_the_central_system_does_not_know_is_not_sent_to_it_again(action: str, code: str) -> None:
    """A central system without the security whitepaper: transactions wait behind each security event."""
    stage = begun().post("may_send")
    stage.finish("first", number=1, id="m1", action=action, payload={}, attempts=0).fail("message", code)
    assert stage.order("ledger.drop") == {"number": 1, "reason": code}
    found(stage.emit("ledger.dropped", action=action, transaction=None, reason=code), 2)
    assert (sent(stage), stage.now_s) == (["m1", "m2"], 0)


@pytest.mark.ocpp_cases("D1")
@pytest.mark.parametrize("how", ["InternalError", "NotSupported", "too_big", "no answer"])
def test_what_is_not_taken_is_sent_again_and_then_given_up(how: str) -> None:
    """D1 of the field: three sends in all, 60 s and 120 s between them; then it goes, and the next one has its turn."""
    stage, at = sending(), []
    for sends in range(3):
        at.append(stage.now_s)
        if how == "no answer":
            stage.run(29.999)
            assert len(stage.ordered("ledger.attempted")) == sends
            stage.run(0.001)
        else:
            stage.fail("message", how)
        assert len(stage.ordered("ledger.attempted")) == sends + 1
        if sends < 2:
            assert stage.ordered("ledger.drop") == []
            stage.run(60 * (sends + 1) - 0.001)
            assert len(stage.ordered("ledger.next")) == sends + 1
            found(stage.run(0.001), attempts=sends + 1)
    assert stage.order("ledger.attempted") == {"number": 1}
    assert stage.ordered("ledger.drop") == [{"number": 1, "reason": how}]
    found(stage.emit("ledger.dropped", action="StopTransaction", transaction=1, reason=how), 2)
    assert sent(stage) == ["m1", "m1", "m1", "m2"]


@pytest.mark.parametrize("reason", ["disconnected", "not_connected"])
def test_a_lost_line_is_no_failed_attempt(reason: str) -> None:
    stage = sending(attempts=2).fail("message", reason).post("may_not_send").run(3600)
    assert stage.ordered("ledger.attempted", "ledger.drop") == []
    found(stage.post("may_send"))
    assert sent(stage) == ["m1", "m1"]


def test_attempts_before_a_restart_count() -> None:
    stage = sending(attempts=2).fail("message", "InternalError")
    assert len(stage.ordered("ledger.drop")) == 1


def test_a_crowded_line_is_no_failed_attempt_either() -> None:
    stage = sending().fail("message", "full").run(0.999)
    assert len(stage.ordered("ledger.next")) == 1
    found(stage.run(0.001))
    assert sent(stage) == ["m1", "m1"]
    assert stage.ordered("ledger.attempted") == []


@pytest.mark.parametrize("where", ["looking", "resting", "sending", "waiting", "unreadable", "crowded"])
def test_without_permission_nothing_is_sent(where: str) -> None:
    stage = begun().post("may_send")
    if where == "resting":
        stage.fail("first", "none")
    elif where == "unreadable":
        stage.fail("first", "disk I/O error")
    elif where != "looking":
        found(stage)
        if where != "sending":
            stage.fail("message", {"waiting": "InternalError", "crowded": "full"}[where])
    assert stage.active(f"delivering.{where}")
    stage.post("may_not_send").forget().run(3600)
    assert stage.orders == []
    stage.post("may_send")
    assert len(stage.ordered("ledger.next")) == 1


def test_a_permission_that_is_there_already_changes_nothing() -> None:
    stage = sending().post("may_send")
    assert sent(stage) == ["m1"]


@pytest.mark.parametrize("when", ["looking", "telling", "giving_up"])
def test_a_file_that_cannot_be_used_is_looked_into_again(when: str) -> None:
    """Disk full or broken: no loop, and what was answered and could not be noted is sent once more (at least once)."""
    stage = begun(TransactionMessageAttempts=1).post("may_send")
    if when == "looking":
        stage.fail("first", "disk I/O error")
    elif when == "telling":
        found(stage).finish("message", payload={})
    else:
        found(stage).fail("message", "InternalError")
    stage.emit("ledger.failed", reason="disk I/O error").run(59.999)
    assert len(stage.ordered("ledger.next")) == 1
    found(stage.run(0.001))
    assert stage.active("delivering.sending")


def test_the_two_keys_can_be_changed() -> None:
    """ChangeConfiguration of TransactionMessageAttempts and …RetryInterval."""
    stage = change(sending(), TransactionMessageAttempts=2, TransactionMessageRetryInterval=5 * S)
    stage.emit("settings.failed", reason="disk full").fail("message", "InternalError").run(4.999)
    assert len(stage.ordered("ledger.next")) == 1
    found(stage.run(0.001), attempts=1).fail("message", "InternalError")
    assert len(stage.ordered("ledger.drop")) == 1


def test_the_time_for_an_answer_is_one_too() -> None:
    stage = sending(TransactionMessageAttempts=2, TransactionMessageRetryInterval=S, MessageTimeout=2 * S).run(3)
    found(stage, attempts=1).run(2)
    assert stage.ordered("ledger.drop") == [{"number": 1, "reason": "no answer"}]
