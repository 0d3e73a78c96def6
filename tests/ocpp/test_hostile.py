"""Central systems and lines that misbehave: the charge point goes on, sends nothing invalid, forgets nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.ocpp.database import Database
from adapters.ocpp.flat import time_text
from adapters.ocpp.ledger import Ledger
from adapters.ocpp.schemas import actions
from tests.ocpp.central import NOON
from tests.ocpp.charge_point import Alone
from tests.ocpp.samples import damaged, fitting
from tests.ocpp.strict import CODES, FROM_CHARGE_POINT

S = 10**9
TRANSACTION = ("StartTransaction", "MeterValues", "StopTransaction")


def plugged(**sets: Any) -> Alone:
    """A vehicle, and a card shown: a value comes every 10 s."""
    point = Alone(**{"MeterValueSampleInterval": 10 * S, "AllowOfflineTxForUnknownId": True, **sets}).run(5)
    point.outlets.plug(1)
    point.outlets.card(1, "CARD")
    return point


def charging(**sets: Any) -> Alone:
    """A transaction runs, the central system knows its id."""
    return plugged(**sets).run(15)


def goes_on(point: Alone) -> None:
    """It meters, hears, answers, and ends what it has begun; the central system has all of it, in order."""
    central = point.central
    values = len(central.said("MeterValues"))
    central.ask("GetLocalListVersion")
    point.run(31)
    assert central.answers.pop("GetLocalListVersion") == {"listVersion": 0}
    assert len(central.said("MeterValues")) - values >= 3
    number = next(reversed(central.transactions.values()))
    central.ask("RemoteStopTransaction", transactionId=number)
    point.until(lambda: bool(central.said("StopTransaction"))).run(5)
    assert central.answers["RemoteStopTransaction"] == {"status": "Accepted"}
    all_there(point)


def all_there(point: Alone) -> None:
    """One transaction, whole: its start, its values by their times without a hole, its end; no number goes back."""
    told = of_transactions(point)
    assert [action for action, _ in told] == [TRANSACTION[0], *[TRANSACTION[1]] * (len(told) - 2), TRANSACTION[2]]
    number = next(iter(point.central.transactions.values()))
    assert {payload["transactionId"] for _, payload in told[1:]} == {number}
    register = [told[0][1]["meterStart"], *(energy(payload) for _, payload in told[1:-1]), told[-1][1]["meterStop"]]
    assert register == sorted(register)
    times = [told[0][1]["timestamp"], *(p["meterValue"][0]["timestamp"] for _, p in told[1:-1])]
    assert [*times, told[-1][1]["timestamp"]] == sorted([*times, told[-1][1]["timestamp"]])


def of_transactions(point: Alone) -> list[tuple[str, dict[str, Any]]]:
    """Samples without a transaction left out."""
    told = [(action, payload) for action, payload in point.central.once() if action in TRANSACTION]
    return [(action, p) for action, p in told if action != "MeterValues" or "transactionId" in p]


def energy(payload: dict[str, Any]) -> int:
    (one,) = [v for v in payload["meterValue"][0]["sampledValue"] if v["measurand"] == "Energy.Active.Import.Register"]
    return int(one["value"])


NEVER = "9999-12-31T23:59:59Z"
PROFILE = {
    "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute", "validFrom": "0001-01-01T00:00:00Z", "validTo": NEVER,
}  # fmt: skip


def profile(limit: str, **schedule: Any) -> str:
    made = {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": "LIMIT"}], **schedule}
    asked = {"connectorId": 1, "csChargingProfiles": {**PROFILE, "chargingSchedule": made}}
    return json.dumps([2, "q", "SetChargingProfile", asked]).replace('"LIMIT"', limit)


ANSWERED = {
    '[2,"q","Heartbeat",{}]': "NotSupported",
    '[2,"q","BootNotification",{"chargePointVendor":"x","chargePointModel":"y"}]': "NotSupported",
    '[2,"q","StopTransaction",{"meterStop":1,"timestamp":"2026-11-29T12:00:00Z","transactionId":101}]': "NotSupported",
    '[2,"q","TransactionEvent",{}]': "NotImplemented",
    '[2,"q",7,{}]': "FormationViolation",
    '[2,"q","Reset"]': "FormationViolation",
    '[2,"q","Reset",[]]': "FormationViolation",
    '[2,"q","Reset",{}]': "OccurenceConstraintViolation",
    '[2,"q","Reset",{"type":null}]': "TypeConstraintViolation",
    '[2,"q","Reset",{"type":"Warm"}]': "PropertyConstraintViolation",
    '[2,"q","Reset",{"type":"\\ud800"}]': "FormationViolation",
    '[2,"q","RemoteStopTransaction",{"transactionId":1e400}]': "TypeConstraintViolation",
    f'[2,"q","RemoteStopTransaction",{{"transactionId":{10**40}}}]': "TypeConstraintViolation",
    '[2,"q","UpdateFirmware",{"location":"http://x","retrieveDate":"soon"}]': "TypeConstraintViolation",
    json.dumps([2, "q", "DataTransfer", {"vendorId": "x", "data": "y" * 70_000}]): "PropertyConstraintViolation",
    json.dumps([2, "q", "GetConfiguration", {"key": ["y"] * 70_000}]): "PropertyConstraintViolation",
    profile("1e400"): "PropertyConstraintViolation",
    profile("1e308"): "TypeConstraintViolation",
    profile("50000.0", startSchedule=NEVER, duration=10**18): {"status": "Accepted"},
    f'[2,"q","ReserveNow",{{"connectorId":1,"expiryDate":"{NEVER}","idTag":"A","reservationId":1}}]': {
        "status": "Occupied"
    },
    '[2,"q","ChangeConfiguration",{"key":"HeartbeatInterval","value":"99999999999999999999999"}]': {
        "status": "Rejected"
    },
    '[2,"q","ChangeConfiguration",{"key":"MeterValueSampleInterval","value":"1e400"}]': {"status": "Rejected"},
}


@pytest.mark.parametrize(("text", "answer"), ANSWERED.items(), ids=range(len(ANSWERED)))
def test_what_cannot_be_meant_is_answered(text: str, answer: Any) -> None:
    point = charging()
    point.central.tell(text)
    point.run(0.1)
    assert point.central.answers == {"q": answer}
    goes_on(point)


UNANSWERED = [
    "", "\x00", "x", "{", "{}", "[]", "[2]", "7", "null", "NaN", '["2","q","Reset",{}]', '[2,7,"Reset",{}]',
    '[2,null,"Reset",{"type":"Soft"}]', '[2,"\\ud800","ClearCache",{}]', '[5,"q",{}]', '[3,"q",{}]', '[4,"q"]',
    '[4,"q","\\ud800","",{}]', "[" * 100_000, '{"a":' * 100_000, "9" * 5000, "[2," + " " * 2**21 + "]",
]  # fmt: skip


def test_what_is_no_message_is_not_answered() -> None:
    point = charging()
    for text in UNANSWERED:
        point.central.tell(text)
        point.run(0.1)
    assert point.central.answers == {}
    goes_on(point)


QUESTIONS = sorted(actions() - FROM_CHARGE_POINT | {"DataTransfer"})


@given(data=st.data())
@settings(max_examples=10, suppress_health_check=list(HealthCheck), deadline=None)
def test_every_question_has_one_answer(data: st.DataObject) -> None:
    """Whatever fits its schema or does not, in any order, on top of what was asked before."""
    point = data.draw(st.sampled_from([charging, Alone]))()
    point.run(1)
    answers: list[str] = []
    point.central.answers = Heard(answers)
    for number in range(30):
        action = data.draw(st.sampled_from(QUESTIONS))
        payload = data.draw(fitting(action))
        if data.draw(st.integers(0, 2)) == 0:
            payload = data.draw(damaged(payload))
        point.central.questions[f"q{number}"] = action
        point.central.tell(json.dumps([2, f"q{number}", action, payload]))
        point.run(data.draw(st.sampled_from([0, 0.5, 60])))
    point.run(300)
    assert sorted(answers) == sorted(f"q{number}" for number in range(30))


class Heard(dict[str, Any]):
    """Notes each answer's id, repeats too."""

    def __init__(self, ids: list[str]) -> None:
        super().__init__()
        self.ids = ids

    def __setitem__(self, id: str, answer: Any) -> None:
        self.ids.append(id)
        super().__setitem__(id, answer)


@pytest.mark.parametrize("code", sorted(CODES))
def test_errors_to_all_it_says(code: str) -> None:
    """Nothing is asked in a loop; when the central system has come to its senses, all is as ever."""
    point = Alone(MeterValueSampleInterval=10 * S)
    point.central.says = dict.fromkeys(FROM_CHARGE_POINT - {"BootNotification"}, code)
    point.run(5)
    point.outlets.plug(1)
    point.outlets.card(1, "CARD")
    point.run(3600)
    assert len(point.central.heard) < 40
    assert "StartTransaction" not in point.heard()
    point.central.says = {}
    point.outlets.card(1, "CARD")
    goes_on(point.run(15))


@pytest.mark.ocpp_cases("D1")
def test_a_start_that_is_refused_again_and_again() -> None:
    """Errata 3.18: TransactionMessageAttempts in all, 60 s and 120 s between them; the rest goes under no number."""
    point = plugged()
    point.central.says = {"StartTransaction": "InternalError"}
    point.run(179)
    assert point.heard() == ["Authorize", *["StartTransaction"] * 2]
    point.run(10)
    assert point.heard()[2:5] == ["StartTransaction", "StartTransaction", "MeterValues"]
    assert point.central.said("MeterValues")[0]["transactionId"] == -1


def test_an_error_to_a_boot_notification() -> None:
    point = Alone(MeterValueSampleInterval=10 * S)
    point.central.says = {"BootNotification": "InternalError"}
    point.run(305)
    assert [action for action, _ in point.central.heard] == ["BootNotification"] * 6
    point.central.says = {}
    point.run(60)
    point.outlets.plug(1)
    point.outlets.card(1, "CARD")
    goes_on(point.run(15))


def test_an_event_that_the_central_system_does_not_know_holds_nothing_up() -> None:
    """One without the security whitepaper."""
    point = Alone(MeterValueSampleInterval=10 * S)
    point.central.says = {"SecurityEventNotification": "NotImplemented"}
    point.run(5)
    point.outlets.plug(1)
    point.outlets.card(1, "CARD")
    point.run(15)
    assert point.heard() == ["Authorize", "StartTransaction", "MeterValues"]
    assert len(point.central.said("SecurityEventNotification")) == 1
    goes_on(point)


def test_all_is_answered_twice() -> None:
    point = Alone(MeterValueSampleInterval=10 * S)
    point.central.twice = True
    point.run(5)
    point.outlets.plug(1)
    point.outlets.card(1, "CARD")
    goes_on(point.run(15))
    assert len(point.central.ids) == len(set(point.central.ids))


def test_answers_that_come_when_nobody_waits_for_them_any_more() -> None:
    """MessageTimeout is 30 s; what comes after 40 s belongs to nothing. A repeat has the id of the first."""
    point = charging()
    point.central.late_ns = 40 * S
    point.run(120)
    assert len(point.central.ids) > len(set(point.central.ids))
    point.central.late_ns = 1_000_000
    goes_on(point.run(200))


def test_an_answer_to_a_line_that_is_gone_costs_the_new_one_nothing() -> None:
    """Unlocking takes its time; meanwhile the line was made again. Its answer is for nobody; it closed the new line."""
    point, unlocks = charging(), list[str]()
    point.outlets.unlock = lambda *, call_id, outlet: unlocks.append(call_id)  # type: ignore[method-assign]
    point.central.ask("UnlockConnector", connectorId=1)
    point.run(1).central.cut()
    point.central.reachable = True
    point.until(lambda: point.central.line is not None)
    point.outlets.port.done(unlocks[0], status="Unlocked")
    assert point.run(1).central.line is not None
    point.central.ask("GetLocalListVersion")
    assert point.run(1).central.answers == {"GetLocalListVersion": {"listVersion": 0}}
    all_there(point)


def test_a_central_system_that_says_nothing_for_an_hour() -> None:
    """What was sent TransactionMessageAttempts times is given up; the transaction and its end are not."""
    point = charging()
    point.central.mute = True
    asked = len(point.central.heard)
    point.run(3600)
    assert len(point.central.heard) - asked < 150
    point.central.mute = False
    goes_on(point.run(400))


def test_a_line_of_which_only_one_end_is_left() -> None:
    """Seen by pings, made anew; nothing is lost."""
    point = charging()
    point.central.deaf = True
    point.run(25)
    heard = len(point.central.heard)
    point.central.deaf = False
    point.run(60)
    assert len(point.central.heard) > heard
    goes_on(point)


@pytest.mark.ocpp_cases("D16")
@pytest.mark.parametrize("year", ["2019", "1999", "2035", "9999"])
def test_a_clock_that_jumps(year: str) -> None:
    """And back. Times of one transaction never go back, samples are neither left out nor many."""
    point = charging(ClockAlignedDataInterval=60 * S)
    for now in (f"{year}-01-01T00:00:30Z", "2026-11-29T12:00:00Z"):
        point.central.says["Heartbeat"] = {"currentTime": now}
        point.central.ask("TriggerMessage", requestedMessage="Heartbeat")
        before = len(point.central.said("MeterValues"))
        point.run(600)
        assert 67 <= len(point.central.said("MeterValues")) - before <= 71
    goes_on(point)


def test_pending_for_an_hour() -> None:
    """OCPP 1.6 4.2: nothing but BootNotification is said, questions are answered, charging goes on unsaid."""
    point = Alone(MeterValueSampleInterval=60 * S, AllowOfflineTxForUnknownId=True)
    now = "2026-11-29T12:00:00.000Z"
    point.central.says["BootNotification"] = {"status": "Pending", "currentTime": now, "interval": 60}
    point.run(5)
    point.outlets.plug(1)
    point.outlets.card(1, "CARD")
    point.run(3600)
    assert {action for action, _ in point.central.heard} == {"BootNotification"}
    assert 58 <= len(point.central.heard) <= 61
    assert point.outlets.wh(1) > 10_000
    point.central.ask("GetConfiguration", key=["HeartbeatInterval"])
    point.central.ask("RemoteStartTransaction", connectorId=1, idTag="A")
    point.run(1)
    assert point.central.answers["GetConfiguration"]["configurationKey"]
    assert point.central.answers["RemoteStartTransaction"] == {"status": "Rejected"}
    del point.central.says["BootNotification"]
    point.run(65)
    assert len(point.central.said("MeterValues")) in (60, 61)
    point.outlets.press_stop(1)
    all_there(point.until(lambda: bool(point.central.said("StopTransaction"))))


TRIGGERED = {
    "BootNotification": 1, "StatusNotification": 2, "MeterValues": 1, "Heartbeat": 1,
    "FirmwareStatusNotification": 1, "DiagnosticsStatusNotification": 1,
}  # fmt: skip
"""How many messages each is, of a charge point with one connector."""


@pytest.mark.ocpp_cases("TC_002")
@pytest.mark.parametrize("message", TRIGGERED)
def test_what_is_triggered_while_pending(message: str) -> None:
    """OCPP 1.6 4.2: it is sent, and nothing else is."""
    point = Alone()
    now = "2026-11-29T12:00:00.000Z"
    point.central.says["BootNotification"] = {"status": "Pending", "currentTime": now, "interval": 3600}
    point.run(5)
    point.outlets.plug(1)
    point.run(5)
    assert [action for action, _ in point.central.heard] == ["BootNotification"]
    point.central.ask("TriggerMessage", requestedMessage=message)
    point.run(60)
    assert point.central.answers["TriggerMessage"] == {"status": "Accepted"}
    assert [action for action, _ in point.central.heard[1:]] == [message] * TRIGGERED[message]
    if message == "StatusNotification":
        assert {one["connectorId"]: one["status"] for one in point.central.said(message)} == {
            0: "Available",
            1: "Preparing",
        }


def test_rejected_is_silence() -> None:
    """OCPP 1.6 4.2: until the interval is over nothing is sent and nothing answered, over a lost line neither."""
    point = Alone()
    now = "2026-11-29T12:00:00.000Z"
    point.central.says["BootNotification"] = {"status": "Rejected", "currentTime": now, "interval": 120}
    point.run(5)
    point.outlets.plug(1)
    for action, payload in (("GetConfiguration", {}), ("Reset", {"type": "Soft"}), ("Nonsense", {})):
        point.central.ask(action, **payload)
    point.run(20)
    point.central.cut()
    point.run(5)
    point.central.reachable = True
    point.run(80)
    assert point.central.line is not None
    point.central.ask("TriggerMessage", requestedMessage="Heartbeat")
    point.run(5)
    assert point.central.answers == {}
    assert [action for action, _ in point.central.heard] == ["BootNotification"]
    del point.central.says["BootNotification"]
    point.run(20)
    assert [action for action, _ in point.central.heard][:2] == ["BootNotification"] * 2
    point.central.ask("GetConfiguration", key=["HeartbeatInterval"])
    point.run(1)
    assert point.central.answers["GetConfiguration"]["configurationKey"]


def test_ten_thousand_messages_that_wait() -> None:
    """Of an outage of a week: all delivered, once, in their order; what happens meanwhile waits its turn."""

    def week(database: Database) -> None:
        ledger = Ledger(database)
        begun = NOON - 10_000 * 60 * S
        number = ledger.start(1, {"connectorId": 1, "idTag": "OLD", "meterStart": 0, "timestamp": time_text(begun)})
        for minute in range(9_998):
            value = {"value": str(minute), "measurand": "Energy.Active.Import.Register", "context": "Sample.Periodic"}
            sample = {"timestamp": time_text(begun + minute * 60 * S), "sampledValue": [value]}
            ledger.meter_values(number, {"connectorId": 1, "meterValue": [sample]})
        ledger.stop(number, {"meterStop": 9_998, "timestamp": time_text(NOON), "reason": "Local"})

    point = Alone(kept=week).run(5)
    point.outlets.plug(1)
    point.outlets.card(1, "CARD")
    point.until(lambda: len(point.central.said("StartTransaction")) == 2, 3600)
    told = of_transactions(point)
    assert [energy(payload) for action, payload in told if action == "MeterValues"] == list(range(9_998))
    assert [action for action, _ in told[-2:]] == ["StopTransaction", "StartTransaction"]
    assert {payload["transactionId"] for _, payload in told[1:-1]} == {101}
    assert len(point.central.ids) == len(set(point.central.ids))
