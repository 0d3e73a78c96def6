"""Scenarios of machines/ocpp/registration.yaml: when a charge point may speak, and how it stays known."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.ocpp import change, keys
from tests.scenarios.stage import S, Stage

NOON = 1_795_953_600 * S


def begun(HeartbeatInterval: int = 300 * S, **parameters: Any) -> Stage:
    who = {"chargePointVendor": "Vendor", "chargePointModel": "Model", "chargePointSerialNumber": "7"}
    values = keys(HeartbeatInterval=HeartbeatInterval)
    return Stage("machines/ocpp/registration.yaml", values, **{**who, **parameters})


def booting(**parameters: Any) -> Stage:
    return begun(**parameters).post("online")


def answered(stage: Stage, status: str, interval_s: float = 60) -> Stage:
    return stage.finish("boot", status=status, currentTime=NOON, interval=round(interval_s * S))


def registered(interval_s: float = 60, **parameters: Any) -> Stage:
    return answered(booting(**parameters), "Accepted", interval_s).forget()


@pytest.mark.ocpp_cases("TC_001", "D16")
def test_a_cold_boot() -> None:
    """BootNotification with what is known of the charge point; the clock is set before all else."""
    stage = booting(firmwareVersion="1.2", meterType="M", meterSerialNumber="9")
    assert stage.order("csms.BootNotificationReq") == {
        "chargePointVendor": "Vendor", "chargePointModel": "Model", "chargePointSerialNumber": "7",
        "firmwareVersion": "1.2", "meterType": "M", "meterSerialNumber": "9",
    }  # fmt: skip
    answered(stage, "Accepted", 60)
    assert stage.order("clock.set") == {"time": NOON}
    assert stage.told("registered") == [{"interval": 60 * S}]
    assert stage.order("settings.declare") == {"key": "HeartbeatInterval", "value": "60"}  # what GetConfiguration says


def test_without_a_line_nothing_is_sent() -> None:
    assert begun().run(1000).orders == []


@pytest.mark.ocpp_cases("TC_001", "TC_002")
@pytest.mark.parametrize(("status", "told"), [("Pending", "pending"), ("Rejected", "rejected")])
def test_who_is_not_accepted_asks_again_after_the_interval(status: str, told: str) -> None:
    """Nothing but the next BootNotification, no sooner than the central system said."""
    stage = answered(booting(), status, 90)
    assert stage.told(told) == [{}]
    assert bool(stage.ordered("clock.set")) is (status == "Pending")
    stage.run(89.999)
    assert len(stage.ordered("csms.BootNotificationReq")) == 1
    stage.run(0.001)
    assert len(stage.ordered("csms.BootNotificationReq")) == 2


@pytest.mark.ocpp_cases("D14")
@pytest.mark.parametrize("status", ["Pending", "Rejected"])
@pytest.mark.parametrize("interval_s", [0, -5, 24 * 3600 + 1])
def test_an_interval_that_cannot_be_meant(status: str, interval_s: float) -> None:
    """4.2: with 0 the charge point picks its own waiting time; it never asks in a loop, and not once a year."""
    stage = answered(booting(), status, interval_s).run(59.999)
    assert len(stage.ordered("csms.BootNotificationReq")) == 1
    stage.run(0.001)
    assert len(stage.ordered("csms.BootNotificationReq")) == 2


def test_a_whole_day_is_an_interval() -> None:
    stage = answered(booting(), "Rejected", 24 * 3600).run(24 * 3600 - 1)
    assert len(stage.ordered("csms.BootNotificationReq")) == 1
    assert registered(24 * 3600).run(24 * 3600).ordered("csms.HeartbeatReq") == [{}]


@pytest.mark.ocpp_cases("D14")
@pytest.mark.parametrize("interval_s", [0, -5, 24 * 3600 + 1])
def test_heartbeats_as_configured_where_the_central_system_names_no_time(interval_s: float) -> None:
    stage = registered(interval_s, HeartbeatInterval=30 * S).run(29.999)
    assert stage.orders == []  # and the key stays as it is
    stage.run(0.001)
    assert stage.ordered("csms.HeartbeatReq") == [{}]


@pytest.mark.parametrize("how", ["no answer", "CALLERROR"])
def test_a_boot_without_an_answer_is_asked_again(how: str) -> None:
    stage = booting()
    if how == "no answer":
        stage.run(30)
    else:
        stage.fail("boot", "InternalError")
    assert stage.told("pending") == []  # who does not answer has not said that anything may be triggered
    stage.forget().run(59.999)
    assert stage.orders == []
    stage.run(0.001)
    assert len(stage.ordered("csms.BootNotificationReq")) == 1


@pytest.mark.ocpp_cases("TC_002", "TC_054")
def test_while_pending_the_central_system_may_ask_for_a_boot() -> None:
    """By TriggerMessage."""
    stage = answered(booting(), "Pending", 600).forget().post("boot_again")
    assert len(stage.ordered("csms.BootNotificationReq")) == 1


@pytest.mark.ocpp_cases("TC_002")
@pytest.mark.parametrize("how", ["answered", "refused", "late"])
def test_while_pending_the_central_system_may_ask_for_a_heartbeat(how: str) -> None:
    """By TriggerMessage; the next BootNotification comes when it would have come."""
    stage = answered(booting(), "Pending", 600).run(100)
    assert stage.ordered("csms.HeartbeatReq") == []
    stage.forget().post("beat").post("beat")
    assert stage.ordered("csms.HeartbeatReq") == [{}]
    if how == "answered":
        stage.finish("asked_beat", currentTime=NOON + 7 * S)
        assert stage.order("clock.set") == {"time": NOON + 7 * S}
    elif how == "refused":
        stage.fail("asked_beat", "InternalError")
    else:
        stage.run(29.999).post("beat").run(0.001)
    assert stage.ordered("csms.HeartbeatReq") == [{}]
    stage.post("beat")
    assert len(stage.ordered("csms.HeartbeatReq")) == 2
    stage.run(499 if how != "late" else 469)
    assert not stage.ordered("csms.BootNotificationReq")
    assert stage.run(1).ordered("csms.BootNotificationReq")


def test_while_rejected_nobody_is_heard() -> None:
    """4.2: nothing is answered until the interval is over."""
    stage = answered(booting(), "Rejected", 60)
    assert stage.ordered("csms.hear_calls") == [{"on": False}]
    assert stage.run(59.999).ordered("csms.hear_calls") == [{"on": False}]
    stage.run(0.001)
    assert [order.what for order in stage.orders[-2:]] == ["csms.hear_calls", "csms.BootNotificationReq"]
    assert stage.ordered("csms.hear_calls") == [{"on": False}, {"on": True}]
    assert not answered(booting(), "Pending", 60).ordered("csms.hear_calls")


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
@pytest.mark.parametrize("back", [True, False])
def test_the_interval_is_waited_for_whatever_the_line_does(status: str, back: bool) -> None:
    """6.7: the least wait before the next BootNotification."""
    stage = answered(booting(), status, 60).post("offline").run(30)
    if back:
        stage.post("online")
    stage.run(29.999)
    assert len(stage.ordered("csms.BootNotificationReq")) == 1
    assert len(stage.run(0.001).ordered("csms.BootNotificationReq")) == (2 if back else 1)
    if not back:
        assert len(stage.run(500).post("online").ordered("csms.BootNotificationReq")) == 2


def test_a_boot_that_is_asked_for_while_it_boots() -> None:
    """It is under way; after one without an answer it is not waited for."""
    stage = booting().post("boot_again").post("beat")
    assert (len(stage.ordered("csms.BootNotificationReq")), stage.unhandled) == (1, [])
    stage.run(30).post("boot_again")
    assert len(stage.ordered("csms.BootNotificationReq")) == 2


def test_a_reset_without_a_line() -> None:
    """It boots as soon as there is one, not a retry later."""
    stage = registered().post("offline").post("boot_again").run(100)
    assert not stage.ordered("csms.BootNotificationReq")
    assert len(stage.post("online").ordered("csms.BootNotificationReq")) == 1


@pytest.mark.parametrize("state", ["booting", "failed", "pending", "rejected"])
def test_without_a_line_a_registration_begins_anew(state: str) -> None:
    stage = booting()
    if state == "failed":
        stage.fail("boot")
    elif state != "booting":
        answered(stage, state.capitalize(), 60)
    stage.post("offline").forget().run(1000)
    assert not stage.ordered("csms.BootNotificationReq")
    assert len(stage.post("online").ordered("csms.BootNotificationReq")) == 1


def test_a_registration_outlives_the_line() -> None:
    """OCPP-J 1.6 5.4: no BootNotification after a mere reconnect; no Heartbeat without a line either."""
    stage = registered().post("offline").run(200)
    assert stage.orders == []
    stage.post("online").run(60)
    assert stage.ordered("csms.BootNotificationReq") == []
    assert stage.ordered("csms.HeartbeatReq") == [{}]


def test_a_heartbeat_sets_the_clock() -> None:
    """4.6; the next follows one interval after the answer."""
    stage = registered().run(60).run(2).finish("heartbeat", currentTime=NOON + 62 * S)
    assert stage.order("clock.set") == {"time": NOON + 62 * S}
    stage.run(59.999)
    assert len(stage.ordered("csms.HeartbeatReq")) == 1
    stage.run(0.001)
    assert len(stage.ordered("csms.HeartbeatReq")) == 2


@pytest.mark.parametrize("how", ["no answer", "fails"])
def test_a_heartbeat_that_is_lost_is_not_the_last(how: str) -> None:
    stage = registered().run(60)
    if how == "fails":
        stage.fail("heartbeat", "disconnected")
    else:
        stage.run(30)
    assert len(stage.run(59.999).ordered("csms.HeartbeatReq")) == 1
    stage.run(0.001)
    assert len(stage.ordered("csms.HeartbeatReq")) == 2


@pytest.mark.parametrize("known", [True, False])
def test_the_interval_can_be_changed(known: bool) -> None:
    """ChangeConfiguration HeartbeatInterval holds at once."""
    stage = registered().run(50) if known else begun()
    change(stage, HeartbeatInterval=5 * S)
    if not known:
        answered(stage.post("online"), "Accepted", 0).forget()
    stage.run(4.999)
    assert stage.orders == []
    assert stage.run(0.001).ordered("csms.HeartbeatReq") == [{}]


@pytest.mark.parametrize("known", [True, False])
def test_other_keys_are_no_matter(known: bool) -> None:
    """The next Heartbeat does not move."""
    stage = registered(5).run(4) if known else begun(HeartbeatInterval=5 * S)
    change(stage, ConnectionTimeOut=7 * S).emit("settings.failed", reason="disk full")
    assert stage.unhandled == []
    if not known:
        answered(stage.post("online"), "Accepted", 0).forget().run(4)
    assert stage.run(1).ordered("csms.HeartbeatReq") == [{}]


def test_what_the_central_system_named_is_kept_to_until_the_key_is_changed() -> None:
    stage = registered(interval_s=7, HeartbeatInterval=300 * S)
    change(stage.values("settings", HeartbeatInterval=7 * S), MessageTimeout=S).run(7)
    assert len(stage.ordered("csms.HeartbeatReq")) == 1
    stage.run(1 + 7)
    assert len(stage.ordered("csms.HeartbeatReq")) == 2


@pytest.mark.ocpp_cases("TC_054")
def test_what_the_central_system_triggers() -> None:
    stage = registered().post("beat")
    assert stage.ordered("csms.HeartbeatReq") == [{}]
    stage.finish("heartbeat", currentTime=NOON).post("boot_again")
    assert len(stage.ordered("csms.BootNotificationReq")) == 1
    assert answered(stage, "Accepted", 10).told("registered") == [{"interval": 10 * S}]


def test_a_clock_that_is_set_is_told() -> None:
    """By more than it may drift, in either direction; before the boot is answered with anything else."""
    stage = answered(booting(), "Pending")
    assert stage.told("time_set") == [{"before": 0, "now": NOON}]
    stage = registered(10).values("clock", now=NOON)
    for seconds, told in ((2, 0), (-5, 0), (5.001, 1), (-6, 2)):
        stage.run(10).finish("heartbeat", currentTime=NOON + round(seconds * S))
        assert len(stage.told("time_set")) == told
    assert stage.told("time_set")[-1] == {"before": NOON, "now": NOON - 6 * S}


EARLIEST = 1_767_225_600 * S


@pytest.mark.ocpp_cases("D16")
@pytest.mark.parametrize("by", ["Accepted", "Pending", "heartbeat", "asked_beat"])
@pytest.mark.parametrize(
    ("time", "taken"), [(0, False), (EARLIEST - 1, False), (EARLIEST, True), (NOON - 3600 * S, True)]
)
def test_a_time_that_cannot_be_is_not_taken(by: str, time: int, taken: bool) -> None:
    """1970, or before this program was there: told in the log, the clock goes on; back by an hour is a correction."""
    if by == "heartbeat":
        stage = registered(10).values("clock", now=NOON).run(10).forget().finish(by, currentTime=time)
    elif by == "asked_beat":
        stage = answered(booting(), "Pending", 600).values("clock", now=NOON).post("beat").forget()
        stage.finish(by, currentTime=time)
    else:
        stage = booting().values("clock", now=NOON).finish("boot", status=by, currentTime=time, interval=60 * S)
    assert stage.ordered("clock.set") == ([{"time": time}] if taken else [])
    assert (len(stage.told("time_set")), len(stage.logs)) == ((1, 0) if taken else (0, 1))
    assert len(stage.told("registered" if by != "Pending" else "pending")) == (
        1 if by in ("Accepted", "Pending") else 0
    )
