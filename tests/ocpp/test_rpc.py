"""The rules of a connection: a central system that breaks them, on purpose or not, must not upset the station."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ocpp import messages as oracle

from adapters.ocpp.rpc import ANSWERED, MAX_TEXT, Busy, Call, Ignored, Refused, Reply, Result, Rpc
from adapters.ocpp.schemas import actions
from tests.ocpp.samples import damaged, fitting

TIME = {"currentTime": "2026-01-01T00:00:00Z"}
RESET = '[2,"a1","Reset",{"type":"Soft"}]'


def sent(text: str) -> list[Any]:
    frame: list[Any] = json.loads(text)
    return frame


def heard(rpc: Rpc, *frame: Any) -> Any:
    return rpc.receive(json.dumps(frame))


@given(data=st.data())
def test_the_package_ocpp_reads_what_is_sent(data: st.DataObject) -> None:
    action = data.draw(st.sampled_from(sorted(actions())))
    payload = data.draw(fitting(action))
    read = oracle.unpack(Rpc().call(action, payload, "7"))
    assert (read.unique_id, read.action, read.payload) == ("7", action, payload)

    rpc, answer = Rpc(), data.draw(fitting(f"{action}Response"))
    assert rpc.receive(oracle.Call("8", action, payload).to_json()) == Call("8", action, payload)
    result = oracle.unpack(rpc.answer("8", answer))
    assert (result.unique_id, result.payload) == ("8", answer)


def test_an_answer_belongs_to_the_call_that_waits() -> None:
    rpc = Rpc()
    id = sent(rpc.call("Heartbeat", {}))[1]
    assert rpc.waits_for == "Heartbeat"
    assert isinstance(heard(rpc, 3, "another", TIME), Ignored)
    assert heard(rpc, 3, id, TIME) == Result(id, "Heartbeat", TIME)
    assert rpc.waits_for == ""
    assert isinstance(heard(rpc, 3, id, TIME), Ignored)  # once


def test_one_call_at_a_time() -> None:
    rpc = Rpc()
    rpc.call("Heartbeat", {})
    with pytest.raises(Busy, match="Authorize cannot be sent: Heartbeat waits for its answer"):
        rpc.call("Authorize", {"idTag": "A"})


def test_what_is_given_up_is_not_answered_any_more() -> None:
    rpc = Rpc()
    late = sent(rpc.call("Heartbeat", {}))[1]
    rpc.give_up()
    now = sent(rpc.call("Authorize", {"idTag": "A"}))[1]
    assert now != late
    assert isinstance(heard(rpc, 3, late, TIME), Ignored)
    assert heard(rpc, 4, now, "InternalError", "no", {}) == Refused(now, "Authorize", "InternalError", "no")


def test_ids_are_unique_over_connections() -> None:
    ids = {sent(Rpc().call("Heartbeat", {}))[1] for _ in range(200)}
    assert len(ids) == 200
    assert all(len(id) <= 36 for id in ids)


def test_a_message_sent_again_keeps_its_id() -> None:
    assert Rpc().call("Heartbeat", {}, "5") == '[2,"5","Heartbeat",{}]'


@pytest.mark.ocpp_cases("D21")
def test_it_is_asked_while_it_waits() -> None:
    """OCPP-J 1.6 §4.1.1: the calls of the two sides cross."""
    rpc = Rpc()
    id = sent(rpc.call("Heartbeat", {}))[1]
    assert rpc.receive(RESET) == Call("a1", "Reset", {"type": "Soft"})
    assert sent(rpc.answer("a1", {"status": "Accepted"})) == [3, "a1", {"status": "Accepted"}]
    assert isinstance(heard(rpc, 3, id, TIME), Result)


@pytest.mark.parametrize(
    "text", [RESET, '[2,"x"]', '[2,"x","Nonsense",{}]', '[2,"x","ClearCache",{"a":"\\ud800"}]', "[2]"]
)
def test_calls_that_are_not_heard(text: str) -> None:
    """No answer, no CALLERROR; answers to ours are heard, and the same CALL is new to whoever hears again."""
    rpc = Rpc()
    rpc.hears_calls = False
    id = sent(rpc.call("Heartbeat", {}))[1]
    assert isinstance(rpc.receive(text), Ignored)
    assert isinstance(heard(rpc, 3, id, TIME), Result)
    rpc.hears_calls = True
    assert rpc.receive(RESET) == Call("a1", "Reset", {"type": "Soft"})


def test_a_call_that_comes_twice_is_answered_the_same_and_done_once() -> None:
    rpc = Rpc()
    assert isinstance(rpc.receive(RESET), Call)
    assert isinstance(rpc.receive(RESET), Ignored)  # the answer is on its way
    answer = rpc.answer("a1", {"status": "Rejected"})
    again = rpc.receive(RESET)
    assert isinstance(again, Reply)
    assert again.text == answer


def test_an_id_that_is_used_again_for_something_else_is_something_else() -> None:
    """A central system behind a broker is started anew and counts from 1: an answer of before would not even fit."""
    rpc = Rpc()
    assert isinstance(heard(rpc, 2, "1", "Reset", {"type": "Soft"}), Call)
    rpc.answer("1", {"status": "Rejected"})
    assert isinstance(heard(rpc, 2, "1", "ClearCache", {}), Call)
    assert isinstance(heard(rpc, 2, "1", "Reset", {"type": "Hard"}), Ignored)  # two of one id cannot both be answered
    answer = rpc.answer("1", {"status": "Accepted"})
    again = heard(rpc, 2, "1", "ClearCache", {})
    assert isinstance(again, Reply)
    assert again.text == answer


def test_only_the_last_answers_are_kept() -> None:
    rpc = Rpc()
    for number in range(ANSWERED + 1):
        assert isinstance(heard(rpc, 2, str(number), "ClearCache", {}), Call)
        rpc.answer(str(number), {"status": "Accepted"})
    assert isinstance(heard(rpc, 2, "1", "ClearCache", {}), Reply)
    assert isinstance(heard(rpc, 2, "0", "ClearCache", {}), Call)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ([2, "1", "Heartbea", {}], "NotImplemented"),
        ([2, "1", "Reset", []], "FormationViolation"),
        ([2, "1", "Reset"], "FormationViolation"),
        ([2, "1", "Reset", {"type": "Soft"}, {}], "FormationViolation"),
        ([2, "1", 7, {}], "FormationViolation"),
        ([2, "1", "Reset", {"type": 1}], "TypeConstraintViolation"),
        ([2, "1", "Reset", {"type": "Warm"}], "PropertyConstraintViolation"),
        ([2, "1", "Reset", {}], "OccurenceConstraintViolation"),
        ([2, "1", "Reset", {"type": "Soft", "x": 1}], "FormationViolation"),
    ],
)
def test_what_cannot_be_processed_is_answered_by_its_error(frame: list[Any], code: str) -> None:
    reply = heard(Rpc(), *frame)
    assert isinstance(reply, Reply)
    kind, id, said, description, details = sent(reply.text)
    assert (kind, id, said, details) == (4, "1", code, {})
    assert description
    assert len(description) <= 255
    assert oracle.unpack(reply.text).error_code == code


@pytest.mark.parametrize("id", ["", "i" * 37, "i" * 5000, "\N{GRINNING FACE}" * 40])
def test_an_id_that_cannot_be_is_named_in_the_error(id: str) -> None:
    """OCPP-J 1.6 4.1.4: a string of at most 36 characters. Who uses others is told, and nothing is done for it; a call
    of ours waits on."""
    rpc = Rpc()
    ours = sent(rpc.call("Heartbeat", {}))[1]
    for _ in range(2):
        reply = heard(rpc, 2, id, "Reset", {"type": "Soft"})
        assert isinstance(reply, Reply)
        assert sent(reply.text) == [4, id, "FormationViolation", reply.reason, {}]
        assert str(len(id)) in reply.reason
    for kind in (3, 4):
        assert isinstance(heard(rpc, kind, id, {}), Ignored)
    assert isinstance(heard(rpc, 3, ours, TIME), Result)


@pytest.mark.parametrize(
    ("action", "payload", "code"),
    [
        ("RemoteStopTransaction", f'{{"transactionId":{2**63}}}', "TypeConstraintViolation"),
        ("RemoteStopTransaction", f'{{"transactionId":{-(2**63) - 1}}}', "TypeConstraintViolation"),
        ("RemoteStopTransaction", '{"transactionId":1e400}', "TypeConstraintViolation"),
        ("RemoteStopTransaction", '{"transactionId":1e308}', "TypeConstraintViolation"),
        ("Reset", '{"type":"\\ud800"}', "FormationViolation"),
        ("DataTransfer", '{"vendorId":"x","data":"\\uDfFf"}', "FormationViolation"),
        ("\\udc00", "{}", "FormationViolation"),
    ],
)
def test_what_can_neither_be_stored_nor_sent_is_answered_too(action: str, payload: str, code: str) -> None:
    """Numbers beyond 64 bits, and halves of surrogate pairs, which JSON can write but UTF-8 cannot."""
    reply = Rpc().receive(f'[2,"1","{action}",{payload}]')
    assert isinstance(reply, Reply)
    assert sent(reply.text)[:3] == [4, "1", code]
    reply.text.encode()


def test_a_pair_of_surrogates_is_a_character() -> None:
    payload = {"vendorId": "\N{GRINNING FACE}"}
    assert Rpc().receive(json.dumps([2, "1", "DataTransfer", payload])) == Call("1", "DataTransfer", payload)


def test_an_answer_that_can_neither_be_stored_nor_sent_is_none() -> None:
    rpc = Rpc()
    id = sent(rpc.call("Authorize", {"idTag": "A"}))[1]
    refused = rpc.receive(f'[3,"{id}",{{"idTagInfo":{{"status":"Accepted","parentIdTag":"\\ud800"}}}}]')
    assert isinstance(refused, Refused)
    assert (refused.code, refused.ours) == ("FormationViolation", True)
    id = sent(rpc.call("Authorize", {"idTag": "A"}))[1]
    assert isinstance(rpc.receive(f'[4,"{id}","GenericError","\\ud800",{{}}]'), Refused)
    assert isinstance(rpc.receive('[2,"\\ud800","ClearCache",{}]'), Ignored)  # nothing could name it
    assert rpc.waits_for == ""


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "{}", "[]", "[2]", "7", "null", '["2","1","Reset",{}]', '[2,7,"Reset",{}]',
        '[2,null,"Reset",{"type":"Soft"}]', '[2,["1"],"Reset",{}]', '[2,true]',
        '[true,"1",{}]', '[5,"1",{}]', '[3,"1"]', '[3,1,{}]', '[2,"1","Reset",{"type":NaN}]', "9" * 5000,
        "[" * 100_000, '{"a":' * 100_000, "[2," + " " * MAX_TEXT + "]",
    ],
)  # fmt: skip
def test_what_is_no_message_is_told_and_does_nothing(text: str) -> None:
    rpc = Rpc()
    id = sent(rpc.call("Heartbeat", {}))[1]
    ignored = rpc.receive(text)
    assert isinstance(ignored, Ignored)
    assert ignored.reason
    assert len(ignored.text) <= 200
    assert isinstance(heard(rpc, 3, id, TIME), Result)


def test_an_answer_that_does_not_fit_is_no_answer() -> None:
    rpc = Rpc()
    id = sent(rpc.call("Heartbeat", {}))[1]
    refused = heard(rpc, 3, id, {"currentTime": 5})
    assert refused == Refused(
        id, "Heartbeat", "TypeConstraintViolation", "currentTime: 5 is not of type 'string'", ours=True
    )


def test_nothing_wrong_is_sent() -> None:
    rpc = Rpc()
    with pytest.raises(ValueError, match=r"Authorize.req: 'idTag' is a required property"):
        rpc.call("Authorize", {})
    with pytest.raises(ValueError, match=r"is no message of OCPP 1\.6"):
        rpc.call("NotifyReport", {})
    assert rpc.waits_for == ""
    rpc.receive(RESET)
    with pytest.raises(ValueError, match=r"Reset.conf: status: 'Maybe' is not one of"):
        rpc.answer("a1", {"status": "Maybe"})
    assert sent(rpc.refuse("a1", "InternalError", "busy")) == [4, "a1", "InternalError", "busy", {}]
    with pytest.raises(KeyError):
        rpc.answer("a1", {"status": "Accepted"})


def test_the_dialect_that_answers_by_action() -> None:
    """A public MQTT charger sends ``[3, "Authorize", …]``; both ways of naming settle the one call that waits."""
    rpc = Rpc(reply_by="action")
    rpc.call("Heartbeat", {})
    assert isinstance(heard(rpc, 3, "Heartbeat", TIME), Result)
    id = sent(rpc.call("Heartbeat", {}))[1]
    assert isinstance(heard(rpc, 3, id, TIME), Result)
    rpc.receive(RESET)
    assert sent(rpc.answer("a1", {"status": "Accepted"})) == [3, "Reset", {"status": "Accepted"}]


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.just("Reset"),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=40)
@given(data=st.data())
def test_whatever_comes_it_goes_on(data: st.DataObject) -> None:
    """Text, JSON of any shape, messages with something broken; by turns with calls of ours."""
    rpc = Rpc()
    for _ in range(data.draw(st.integers(1, 8))):
        action = data.draw(st.sampled_from(sorted(actions())))
        broken = damaged(data.draw(fitting(action)))
        call = st.tuples(st.integers(1, 5), st.sampled_from(["1", "2", action]), st.just(action), broken)
        text = data.draw(st.text(max_size=50) | ANY.map(json.dumps) | call.map(json.dumps))
        what = rpc.receive(text)
        if isinstance(what, Call):
            rpc.refuse(what.id, "NotSupported")
        elif isinstance(what, Reply):
            assert sent(what.text)[0] in (3, 4)
        if not rpc.waits_for and data.draw(st.booleans()):
            rpc.call("Heartbeat", {}, data.draw(st.sampled_from(["1", "2"])))
    assert len(rpc._answered) <= ANSWERED
