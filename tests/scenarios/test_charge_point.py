"""Scenarios of machines/charge_point.yaml: who is told what, and whom a question of the central system is for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.ocpp import keys
from tests.scenarios.stage import Stage

START = "csms.RemoteStartTransactionReq"
PROFILE = (
    *("chargingProfileId", "transactionId", "stackLevel", "chargingProfilePurpose", "chargingProfileKind"),
    *(
        "recurrencyKind",
        "validFrom",
        "validTo",
        "duration",
        "startSchedule",
        "chargingRateUnit",
        "startPeriod",
        "limit",
    ),
    *("numberPhases", "minChargingRate"),
)


def begun(
    url: str = "ws://127.0.0.1:9",
    inoperative: tuple[int, ...] = (),
    outlets: int = 3,
    has: dict[str, Any] | None = None,
    **parameters: Any,
) -> Stage:
    values = {
        **keys(),
        "outlets.count": outlets,
        "outlets.ceiling": 150e3,
        "availability.inoperative": list(inoperative),
        "certificates.proven": -1,
        **(has or {}),
    }
    return Stage("machines/charge_point.yaml", values, url=url, identity="CP_1", **parameters)


def accepted(**parameters: Any) -> Stage:
    stage = begun(**parameters).child("connection.online").child("registration.registered", interval=300)
    return stage.finish("notify").forget()


def status(stage: Stage, connector: int, status: str) -> Stage:
    return stage.child("connector.status", connector, status=status, errorCode="NoError")


def charging(stage: Stage, connector: int = 2) -> Stage:
    status(stage, connector, "Charging").child(
        "connector.transaction_started", connector, transaction=7, idTag="A", at=5, call="s"
    )
    return stage.child("connector.transaction_id", connector, transactionId=42).forget()


def remote_start(stage: Stage, connector: int | None = None, **profile: Any) -> Stage:
    return stage.emit(START, call="c", connectorId=connector, idTag="R", **{**dict.fromkeys(PROFILE), **profile})


def answer(stage: Stage, action: str) -> Any:
    found = stage.order(f"csms.{action}Conf")
    return None if found is None else found["status"]


def asked(stage: Stage, event: str) -> int:
    """How many connectors were told it."""
    return len(stage.ordered(f"connector.{event}"))


# ---------------------------------------------------------------- line and registration


def test_a_connector_for_each_outlet() -> None:
    """What was out of service before is."""
    stage = begun(inoperative=(2,))
    assert [stage.input("connector", n)["operative"] for n in (1, 2, 3)] == [True, False, True]
    assert stage.order("settings.declare") == {"key": "NumberOfConnectors", "value": "3"}
    assert stage.ordered("outlets.report") == [{}]
    assert stage.input("connection") == {**stage.input("connection"), "url": "ws://127.0.0.1:9", "identity": "CP_1"}


@pytest.mark.ocpp_cases("TC_083")
@pytest.mark.parametrize(
    ("url", "secure_url", "secure"),
    [("ws://a", "", False), ("wss://a", "", True), ("ws://a", "wss://b", True), ("wss://a", "ws://b", False),
     ("mqtt://a", "", False), ("mqtts://a", "", True)],
)  # fmt: skip
def test_whether_the_line_can_be_a_secure_one(url: str, secure_url: str, secure: bool) -> None:
    stage = begun(url=url, secure_url=secure_url)
    assert stage.input("configuration")["secure"] is secure
    assert stage.input("connection")["secure_url"] == secure_url


def test_a_reset_without_a_central_system_makes_no_line() -> None:
    stage = begun(url="", has={"certificates.proven": 1, "settings.SecurityProfile": 2})
    stage.child("firmware.restart").run(2)
    assert stage.ordered("connection.reconnect") == []
    assert stage.ordered("registration.boot_again") == [{}]


def test_without_a_central_system() -> None:
    """Nobody is connected to; the connectors are there all the same."""
    stage = begun(url="")
    assert "connection" not in stage.children()
    assert asked(stage, "may_send") == 0
    stage.child("security.reconnect")
    assert stage.unhandled == []


@pytest.mark.ocpp_cases("TC_001")
def test_nothing_is_sent_before_the_central_system_has_accepted() -> None:
    """OCPP 1.6 4.2; then the status of 0 and of all connectors (errata 3.22)."""
    stage = begun().child("connection.online")
    assert stage.order("registration.online") == {}
    assert asked(stage, "may_send") == 0
    stage.child("registration.registered", interval=300)
    assert (asked(stage, "may_send"), asked(stage, "tell_status")) == (3, 3)
    assert stage.ordered("delivery.may_send") == [{}]
    zero = stage.order("csms.StatusNotificationReq")
    assert zero is not None
    assert (zero["connectorId"], zero["status"]) == (0, "Available")


@pytest.mark.ocpp_cases("TC_002")
@pytest.mark.parametrize("word", ["pending", "rejected"])
def test_pending_and_rejected(word: str) -> None:
    stage = accepted().child(f"registration.{word}")
    assert asked(stage, "may_not_send") == 3
    assert stage.ordered("delivery.may_not_send") == [{}]
    remote_start(stage, 1)
    assert answer(stage, "RemoteStartTransaction") == "Rejected"


def test_an_answer_that_outlives_its_line_lets_nobody_send() -> None:
    stage = begun().child("registration.registered", interval=300)
    assert asked(stage, "may_send") == 0


def test_an_outage() -> None:
    """OCPP-J 5.4: no new registration; the connectors tell what has changed."""
    stage = accepted().child("connection.offline", why="cut")
    assert stage.ordered("registration.offline") == [{}]
    assert asked(stage, "may_not_send") == 3
    stage.forget().child("connection.online")
    assert asked(stage, "may_send") == 3
    assert not stage.ordered("connector.tell_status", "csms.StatusNotificationReq")


def test_a_new_password_makes_a_new_connection() -> None:
    assert accepted().child("security.reconnect").ordered("connection.reconnect") == [{}]


@pytest.mark.parametrize("how", ["answered", "refused", "late"])
def test_the_status_of_the_charge_point(how: str) -> None:
    """One at a time; a second wish waits for it."""
    stage = begun(inoperative=(0, 1, 2, 3)).child("connection.online").child("registration.registered", interval=300)
    assert stage.order("csms.StatusNotificationReq")["status"] == "Unavailable"  # type: ignore[index]
    trigger(stage, "StatusNotification", 0)
    assert len(stage.ordered("csms.StatusNotificationReq")) == 1
    if how == "answered":
        stage.finish("notify")
    elif how == "refused":
        stage.fail("notify", "InternalError")
    else:
        assert len(stage.run(29.999).ordered("csms.StatusNotificationReq")) == 1
        stage.run(0.001)
    assert len(stage.ordered("csms.StatusNotificationReq")) == 2
    assert len(stage.finish("notify").run(100).ordered("csms.StatusNotificationReq")) == 2


def test_nobody_is_told_without_a_line() -> None:
    stage = trigger(begun(), "StatusNotification", 0)
    assert not stage.ordered("csms.StatusNotificationReq")


# ---------------------------------------------------------------- transactions


def test_who_hears_of_a_transaction() -> None:
    stage = accepted().child("connector.transaction_started", 2, transaction=7, idTag="A", at=5, call="s")
    assert stage.order("smart_charging.transaction_started") == {
        "connectorId": 2,
        "transaction": 7,
        "at": 5,
        "call": "s",
    }
    assert stage.ordered("firmware.busy") == [{}]
    stage.child("connector.transaction_started", 1, transaction=8, idTag="B", at=6, call="")
    stage.child("connector.transaction_id", 2, transactionId=42)
    assert stage.order("smart_charging.transaction_id") == {"connectorId": 2, "transactionId": 42}
    ended = {"reason": "Local", "idTag": "A", "energy": 1.0, "seconds": 2}
    stage.child("connector.transaction_ended", 2, **ended)
    assert stage.order("smart_charging.transaction_ended") == {"connectorId": 2}
    assert not stage.ordered("firmware.idle")
    stage.child("connector.transaction_ended", 1, **ended)
    assert stage.ordered("firmware.idle") == [{}]


def test_what_a_transaction_leaves_behind() -> None:
    """Its number stops nothing any more, and the vehicle that is still plugged in has no user."""
    stage = charging(accepted(outlets=2))
    stage.child("connector.transaction_ended", 2, reason="Local", idTag="A", energy=1.0, seconds=2)
    stage.emit("csms.RemoteStopTransactionReq", call="c", transactionId=42)
    assert answer(stage, "RemoteStopTransaction") == "Rejected"
    remote_start(status(status(stage, 1, "Faulted"), 2, "Preparing"))
    assert asked(stage, "remote_start") == 1


def test_what_others_are_told_of_is_no_matter() -> None:
    stage = accepted()
    for event in ("settings.changed", "ledger.appended", "cards.failed", "profiles.failed", "logs.failed"):
        stage.emit(event, **({} if event == "ledger.appended" else {"key" if "changed" in event else "reason": "x"}))
    stage.emit("csms.connected").emit("csms.disconnected", code=1006, text="cut")
    stage.emit("csms.refused", reason="tls", status=0, text="").emit("outlets.fault_cleared", outlet=1)
    stage.emit("outlets.token", outlet=1, id="R")  # of an outlet's own reader: its connector hears it
    assert (stage.orders, stage.unhandled) == ([], [])


def test_it_is_time_for_every_connector() -> None:
    """Clock-aligned meter values."""
    assert asked(accepted().child("by_clock.by_clock"), "by_clock") == 3


def test_what_the_store_has_not_taken_yet_keeps_the_firmware_and_a_reset_waiting() -> None:
    """A restart would not know that the transaction has ended."""
    stage = charging(accepted()).emit("csms.ResetReq", call="c", type="Soft").child("connector.owes", 2, some=True)
    stage.child("connector.transaction_ended", 2, reason="SoftReset", idTag="A", energy=1.0, seconds=2)
    assert not stage.ordered("firmware.idle", "registration.boot_again")
    stage.child("connector.owes", 2, some=False)
    assert (stage.ordered("firmware.idle"), stage.ordered("registration.boot_again")) == ([{}], [{}])
    stage.child("connector.owes", 1, some=True)
    assert stage.ordered("firmware.busy") == [{}, {}]


def test_a_transaction_whose_outlet_is_not_there_any_more() -> None:
    """Three outlets where there were four: it stayed in the file for ever."""
    unfinished = {
        "transactionId": 42,
        "idTag": "A",
        "meterStart": 4000,
        "timestamp": 100,
        "meter": 4500,
        "metered": 200,
    }
    stage = accepted().values("clock", now=900)
    stage.emit("ledger.unfinished", connectorId=3, transaction=8, **unfinished)
    assert "closing" not in stage.children()
    stage.emit("ledger.unfinished", connectorId=4, transaction=7, **unfinished)
    closed = stage.input("closing", 7)
    assert (closed["meterStop"], closed["at"], closed["reason"]) == (4500.0, 900, "PowerLoss")
    stage.child("closing.late", 7, reason="disk full").ends("closing", 7)
    assert stage.logs == ["not in the file: the end of a transaction, so far: disk full"]
    assert stage.unhandled == []


def test_what_the_store_does_not_take_is_said() -> None:
    assert accepted().child("connector.lost", 1, what="a transaction: disk full").logs == [
        "not in the file: a transaction: disk full"
    ]


def test_a_connector_that_breaks() -> None:
    stage = accepted()
    stage.system.post(stage.actor, "error.invoke.connector", {"reason": "it broke", "key": 2})
    stage.system.run_due()
    assert stage.logs == ["connector 2 has broken: it broke"]


def test_limits() -> None:
    """Of a connector to it, of the charge point to the site; without one the site keeps its own."""
    stage = accepted().child("smart_charging.limit", connectorId=2, power=None, current=16.0)
    assert stage.order("connector.limit") == {"current": 16.0}
    stage.child("smart_charging.limit", connectorId=0, power=None, current=None)
    assert not stage.ordered("outlets.limit")
    stage.child("smart_charging.limit", connectorId=0, power=50e3, current=None)
    assert stage.order("outlets.limit") == {"power": 50e3}
    for _ in range(2):
        stage.child("smart_charging.limit", connectorId=0, power=None, current=None)
    assert stage.ordered("outlets.limit") == [{"power": 50e3}, {"power": 150e3}]


def test_the_central_system_never_raises_the_limit_of_the_site() -> None:
    """What the building bears is not its to say."""
    stage = accepted().child("smart_charging.limit", connectorId=0, power=1e6, current=None)
    assert stage.ordered("outlets.limit") == [{"power": 150e3}]


def test_what_the_central_system_sends_is_said() -> None:
    stage = accepted().child("data_transfer.received", vendorId="V", messageId="M", data="text")
    assert stage.logs == ["DataTransfer V M: text"]
    assert stage.input("data_transfer")["count"] == 3


def test_the_file_is_said() -> None:
    """Charging goes on; people read what is wrong with the file."""
    stage = accepted().child("file.store_lost", trouble="full", reason="disk full").child("file.store_back")
    stage.child("file.store_renewed", name="x.damaged", rows=3)
    assert stage.logs == [
        "nothing is kept, full: disk full",
        "all is kept again",
        "the damaged file is x.damaged now; 3 rows of it are in the new one",
    ]


def test_firmware() -> None:
    stage = accepted().child("firmware.hold").child("firmware.release")
    assert (asked(stage, "hold"), asked(stage, "release")) == (3, 3)
    stage.child("firmware.security_event", type="FirmwareUpdated", techInfo=None)
    assert stage.order("security.security_event") == {"type": "FirmwareUpdated"}
    stage.child("firmware.restart")
    assert stage.ordered("registration.boot_again") == [{}]


# ---------------------------------------------------------------- cards and remote start


@pytest.mark.ocpp_cases("D9")
@pytest.mark.parametrize(
    ("statuses", "chosen"),
    [
        (("Available", "Preparing", "Available"), 1),
        (("Charging", "Available", "Available"), 1),
        (("Preparing", "Preparing", "Available"), 0),
        (("Charging", "Faulted", "Unavailable"), 0),
    ],
)
@pytest.mark.parametrize("how", ["card", "remote_start"])
def test_which_outlet(how: str, statuses: tuple[str, ...], chosen: int) -> None:
    """Field: the one at which a vehicle waits, else one that is free; of several that wait none."""
    stage = accepted()
    for number, one in enumerate(statuses, 1):
        status(stage, number, one)
    if how == "card":
        stage.emit("outlets.token", outlet=0, id="R")
        assert asked(stage, "card") == chosen
    else:
        remote_start(stage)
        assert asked(stage, "remote_start") == chosen
        assert answer(stage, "RemoteStartTransaction") == (None if chosen else "Rejected")


@pytest.mark.ocpp_cases("D9")
def test_which_outlet_is_looked_for_anew_each_time() -> None:
    stage = status(accepted(), 2, "Preparing").emit("outlets.token", outlet=0, id="R")
    status(stage, 2, "Charging").emit("outlets.token", outlet=0, id="S")
    assert asked(stage, "card") == 2
    for number in (1, 2, 3):
        status(stage, number, "Faulted")
    assert asked(stage.emit("outlets.token", outlet=0, id="T"), "card") == 2


def test_the_card_of_who_charges() -> None:
    stage = status(status(charging(accepted()), 1, "Faulted"), 3, "Faulted").emit("outlets.token", outlet=0, id="A")
    assert stage.ordered("connector.card") == [{"idTag": "A"}]
    stage.emit("outlets.token", outlet=2, id="A")
    assert asked(stage, "card") == 1
    assert stage.emit("outlets.token", outlet=0, id="a").ordered("connector.card")[1:] == [{"idTag": "a"}]


def test_who_waits_with_a_user_waits_for_nobody() -> None:
    """A transaction that has begun and not reached its vehicle."""
    stage = status(accepted(outlets=1), 1, "Preparing").child(
        "connector.transaction_started", 1, transaction=7, idTag="A", at=5, call="s"
    )
    assert answer(remote_start(stage), "RemoteStartTransaction") == "Rejected"


@pytest.mark.ocpp_cases("TC_027", "TC_059", "TC_060")
@pytest.mark.parametrize(
    ("connector", "profile", "taken"),
    [
        (1, {}, True),
        (2, {}, True),
        (3, {}, True),
        (0, {}, False),
        (4, {}, False),
        (2, {"chargingProfilePurpose": "TxProfile"}, True),
        (2, {"chargingProfilePurpose": "TxDefaultProfile"}, False),
    ],
)
def test_remote_start(connector: int, profile: dict[str, Any], taken: bool) -> None:
    stage = remote_start(accepted(), connector, **profile)
    assert stage.ordered("connector.remote_start") == ([{"call": "c", "idTag": "R"}] if taken else [])
    assert answer(stage, "RemoteStartTransaction") == (None if taken else "Rejected")


@pytest.mark.ocpp_cases("TC_012", "TC_028")
@pytest.mark.parametrize(("transaction", "status"), [(42, "Accepted"), (43, "Rejected"), (0, "Rejected")])
def test_remote_stop(transaction: int, status: str) -> None:
    stage = charging(accepted()).emit("csms.RemoteStopTransactionReq", call="c", transactionId=transaction)
    assert answer(stage, "RemoteStopTransaction") == status
    assert asked(stage, "remote_stop") == int(status == "Accepted")


def test_a_transaction_may_have_the_number_0() -> None:
    """Any integer is a transactionId, and one that is not known yet is none."""
    stage = charging(charging(accepted(), 1), 2).child("connector.transaction_id", 2, transactionId=0)
    trigger(stage, "MeterValues")
    assert [one.get("transactionId") for one in stage.ordered("connector.tell_meter_values")] == [42, 0, None]
    stage.emit("csms.RemoteStopTransactionReq", call="c", transactionId=0)
    assert (answer(stage, "RemoteStopTransaction"), asked(stage, "remote_stop")) == ("Accepted", 1)
    stage.child("connector.transaction_id", 2, transactionId=-3).emit(
        "csms.RemoteStopTransactionReq", call="d", transactionId=-3
    )
    assert (answer(trigger(stage, "MeterValues", 2), "RemoteStopTransaction"), asked(stage, "remote_stop")) == (
        "Accepted",
        2,
    )
    assert stage.order("connector.tell_meter_values") == {"transactionId": -3}


# ---------------------------------------------------------------- other questions


@pytest.mark.ocpp_cases("TC_031")
@pytest.mark.parametrize(("connector", "passed"), [(1, True), (3, True), (0, False), (4, False)])
def test_unlock(connector: int, passed: bool) -> None:
    """OCPP 1.6 errata 3.87."""
    stage = accepted().emit("csms.UnlockConnectorReq", call="c", connectorId=connector)
    assert stage.ordered("connector.unlock") == ([{"call": "c"}] if passed else [])
    assert answer(stage, "UnlockConnector") == (None if passed else "NotSupported")


@pytest.mark.ocpp_cases("TC_048_4", "TC_052")
@pytest.mark.parametrize(("connector", "passed"), [(1, True), (3, True), (-1, False), (4, False)])
def test_reservations(connector: int, passed: bool) -> None:
    wish = {"idTag": "A", "expiryDate": 9, "parentIdTag": None, "reservationId": 5}
    stage = accepted().emit("csms.ReserveNowReq", call="c", connectorId=connector, **wish)
    assert asked(stage, "reserve") == int(passed)
    assert answer(stage, "ReserveNow") == (None if passed else "Rejected")
    if passed:
        stage.child("connector.reserved", connector, reservationId=5)
        stage.emit("csms.CancelReservationReq", call="d", reservationId=5)
        assert stage.order("connector.cancel_reservation") == {"call": "d", "reservationId": 5}
        stage.child("connector.reservation_over", connector, reservationId=5)
    stage.emit("csms.CancelReservationReq", call="e", reservationId=5)
    assert answer(stage, "CancelReservation") == "Rejected"


WISH: dict[str, Any] = {"connectorId": 0, "idTag": "A", "expiryDate": 9, "parentIdTag": None, "reservationId": 5}


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (0, 2), (2, 0)])
def test_a_reservation_that_moves(before: int, after: int) -> None:
    """OCPP 1.6 5.13: a matching reservationId replaces that reservation. Another one stays."""

    def reserved(stage: Stage, at: int, id: int) -> Stage:
        if at == 0:
            return stage.child("reservation.reserved", reservationId=id)
        return stage.child("connector.reserved", at, reservationId=id)

    stage = reserved(reserved(reserved(accepted(), before, 5), 3, 6), before, 5)
    assert not stage.ordered("connector.reservation_moved", "reservation.moved")
    reserved(stage, after, 5)
    moved = [stage.ordered("connector.reservation_moved"), stage.ordered("reservation.moved")]
    assert moved == ([[{"reservationId": 5}], []] if before else [[], [{"reservationId": 5}]])


def zero_reserved() -> Stage:
    return accepted().child("reservation.reserved", reservationId=5).forget()


@pytest.mark.ocpp_cases("TC_049")
def test_a_reservation_of_the_charge_point() -> None:
    """Its connectors hear of it, and that it is over; it can be changed while nothing is free, and cancelled."""
    stage = accepted().emit("csms.ReserveNowReq", call="c", **WISH)
    assert stage.order("reservation.reserve") == {
        "call": "c",
        "idTag": "A",
        "expiryDate": 9,
        "reservationId": 5,
    }
    stage.child("reservation.reserved", reservationId=5)
    assert asked(stage, "zero_reserved") == 3
    for connector in (1, 2, 3):
        status(stage, connector, "Charging")
    stage.emit("csms.ReserveNowReq", call="d", **WISH)
    assert len(stage.ordered("reservation.reserve")) == 2
    stage.emit("csms.CancelReservationReq", call="e", reservationId=5)
    assert stage.order("reservation.cancel") == {"call": "e", "reservationId": 5}
    assert asked(stage.child("reservation.over", reservationId=5), "zero_over") == 3
    stage.emit("csms.CancelReservationReq", call="f", reservationId=5)
    assert answer(stage, "CancelReservation") == "Rejected"


@pytest.mark.ocpp_cases("TC_050_1", "TC_050_2", "TC_050_3", "TC_050_4")
@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        (("Faulted", "Faulted", "Faulted"), "Faulted"),
        (("Charging", "Preparing", "Finishing"), "Occupied"),
        (("Unavailable", "SuspendedEV", "Faulted"), "Occupied"),
        (("Unavailable", "Unavailable", "Faulted"), "Unavailable"),
        (("Reserved", "Reserved", "Unavailable"), "Occupied"),
    ],
)
def test_a_charge_point_that_cannot_be_reserved(statuses: tuple[str, ...], said: str) -> None:
    """And one that does not do it at all."""
    stage = accepted()
    for connector, one in enumerate(statuses, 1):
        status(stage, connector, one)
    stage.emit("csms.ReserveNowReq", call="c", **WISH)
    assert answer(stage, "ReserveNow") == said
    stage = (
        accepted().values("settings", ReserveConnectorZeroSupported=False).emit("csms.ReserveNowReq", call="c", **WISH)
    )
    assert answer(stage, "ReserveNow") == "Rejected"
    assert not stage.ordered("reservation.reserve")


@pytest.mark.ocpp_cases("TC_049")
def test_one_connector_is_kept_for_the_holder() -> None:
    """Strangers get the others; who is plugged in at the last one and is a stranger, not. One after the other."""
    stage = zero_reserved().child("connector.zero_card", 1, idTag="X", parentIdTag="G")
    stage.child("connector.zero_card", 2, idTag="A", parentIdTag=None)
    assert stage.ordered("reservation.card") == [{"idTag": "X", "parentIdTag": "G"}]
    stage.child("reservation.stranger", idTag="X")
    assert stage.ordered("connector.zero_free") == [{}]
    stage.child("reservation.holder", idTag="A", reservationId=5)
    assert stage.ordered("connector.zero_holder") == [{"reservationId": 5}]
    assert stage.child("connector.zero_used", 2).ordered("reservation.used") == [{}]
    for connector in (1, 2):
        status(stage, connector, "Charging")
    stage.child("connector.zero_card", 3, idTag="X", parentIdTag="G").child("reservation.stranger", idTag="X")
    assert (asked(stage, "zero_free"), asked(stage, "zero_stranger")) == (1, 1)
    stage = zero_reserved()
    status(status(stage, 1, "Charging"), 2, "Faulted")
    stage.child("connector.zero_card", 3, idTag="X", parentIdTag=None).child("reservation.stranger", idTag="X")
    assert (asked(stage, "zero_free"), asked(stage, "zero_stranger")) == (0, 1)
    stage.child("reservation.over", reservationId=5)
    stage.child("connector.zero_card", 3, idTag="X", parentIdTag=None).child("reservation.stranger", idTag="X")
    assert asked(stage, "zero_free") == 1, "nobody is waited for any more"


def test_a_reservation_that_says_nothing_holds_nobody_up() -> None:
    stage = zero_reserved().child("connector.zero_card", 1, idTag="X", parentIdTag=None).run(3.999)
    stage.child("connector.zero_card", 2, idTag="Y", parentIdTag=None)
    assert len(stage.ordered("reservation.card")) == 1
    stage.run(0.001)
    assert [one["idTag"] for one in stage.ordered("reservation.card")] == ["X", "Y"]
    assert stage.child("reservation.stranger", idTag="Y").child("reservation.stranger", idTag="Y").unhandled == []


def trigger(stage: Stage, message: str, connector: int | None = None, extended: bool = False) -> Stage:
    name = "ExtendedTriggerMessageReq" if extended else "TriggerMessageReq"
    return stage.emit(f"csms.{name}", call="c", requestedMessage=message, connectorId=connector)


TOLD: dict[str, tuple[str, int]] = {
    "BootNotification": ("registration.boot_again", 1),
    "Heartbeat": ("registration.beat", 1),
    "FirmwareStatusNotification": ("firmware.trigger", 1),
    "StatusNotification": ("connector.tell_status", 3),
    "MeterValues": ("connector.tell_meter_values", 3),
}


@pytest.mark.ocpp_cases("TC_054")
@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(
    "message", [*TOLD, "DiagnosticsStatusNotification", "LogStatusNotification", "SignChargePointCertificate"]
)
def test_triggers(message: str, extended: bool) -> None:
    """The answer goes before what was asked for."""
    told, times = {
        "DiagnosticsStatusNotification": ("diagnostics.trigger", 1),
        "LogStatusNotification": ("diagnostics.trigger", 1),
        "SignChargePointCertificate": ("security.sign", 1),
        **TOLD,
    }[message]
    if message not in TOLD and extended == (message == "DiagnosticsStatusNotification"):
        return  # the other of the two has no such word
    stage = trigger(accepted(), message, extended=extended)
    assert answer(stage, "ExtendedTriggerMessage" if extended else "TriggerMessage") == "Accepted"
    assert stage.orders[0].what == f"csms.{'ExtendedTriggerMessage' if extended else 'TriggerMessage'}Conf"
    found = stage.ordered(told)
    assert len(found) == times
    if told.endswith("trigger"):
        assert found == [{"extended": extended, "now": False}]
    assert len(stage.ordered("csms.StatusNotificationReq")) == int(message == "StatusNotification")


@pytest.mark.ocpp_cases("TC_002")
@pytest.mark.parametrize("message", [*TOLD, "DiagnosticsStatusNotification"])
def test_triggers_while_pending(message: str) -> None:
    """OCPP 1.6 4.2: all that is triggered is sent, and nothing else."""
    stage = accepted().child("registration.pending").forget()
    told, times = {"DiagnosticsStatusNotification": ("diagnostics.trigger", 1), **TOLD}[message]
    assert answer(trigger(stage, message), "TriggerMessage") == "Accepted"
    found = stage.ordered(told)
    assert len(found) == times
    assert all(one.get("now", True) for one in found)
    assert len(stage.ordered("csms.StatusNotificationReq")) == int(message == "StatusNotification")


def test_the_charge_points_status_is_told_when_it_is_triggered_only() -> None:
    """While Pending; one at a time."""
    stage = accepted().child("registration.pending").forget()
    change(stage, 0)
    for _ in range(4):
        stage.finish("keep")
    assert not stage.ordered("csms.StatusNotificationReq")
    trigger(trigger(stage, "StatusNotification", 0), "StatusNotification", 0)
    assert [one["status"] for one in stage.ordered("csms.StatusNotificationReq")] == ["Available"]
    assert len(stage.finish("notify").ordered("csms.StatusNotificationReq")) == 2
    stage.finish("notify").child("registration.rejected")
    trigger(stage, "StatusNotification", 0)
    assert len(stage.ordered("csms.StatusNotificationReq")) == 2


@pytest.mark.parametrize("extended", [False, True])
def test_before_it_is_known_nothing_but_a_boot_is_triggered(extended: bool) -> None:
    stage = begun().child("connection.online").forget()
    name = "ExtendedTriggerMessage" if extended else "TriggerMessage"
    assert answer(trigger(stage, "Heartbeat", extended=extended), name) == "Rejected"
    assert not stage.ordered("registration.beat")
    trigger(stage, "BootNotification", extended=extended)
    assert [one["status"] for one in stage.ordered(f"csms.{name}Conf")] == ["Rejected", "Accepted"]
    assert stage.ordered("registration.boot_again") == [{}]


def test_meter_values_on_request_have_their_transaction() -> None:
    stage = trigger(charging(accepted(), 2), "MeterValues")
    assert [one.get("transactionId") for one in stage.ordered("connector.tell_meter_values")] == [None, 42, None]


@pytest.mark.ocpp_cases("TC_055")
@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("connector", [-1, 4])
def test_triggers_for_nobody(connector: int, extended: bool) -> None:
    stage = trigger(accepted(), "StatusNotification", connector, extended)
    assert answer(stage, "ExtendedTriggerMessage" if extended else "TriggerMessage") == "Rejected"
    assert len(stage.orders) == 1


@pytest.mark.ocpp_cases("TC_055")
@pytest.mark.parametrize("extended", [False, True])
def test_meter_values_of_no_outlet(extended: bool) -> None:
    """There is no meter at connector 0: it was Accepted, and nothing came."""
    stage = trigger(accepted(), "MeterValues", 0, extended)
    assert answer(stage, "ExtendedTriggerMessage" if extended else "TriggerMessage") == "Rejected"
    assert len(stage.orders) == 1


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("connector", [1, 3])
def test_triggers_for_who_is_there(connector: int, extended: bool) -> None:
    stage = trigger(accepted(), "MeterValues", connector, extended)
    assert answer(stage, "ExtendedTriggerMessage" if extended else "TriggerMessage") == "Accepted"


@pytest.mark.parametrize(
    ("message", "event"), [("StatusNotification", "tell_status"), ("MeterValues", "tell_meter_values")]
)
def test_triggers_for_one(message: str, event: str) -> None:
    stage = trigger(accepted(), message, 2)
    assert asked(stage, event) == 1
    assert not stage.ordered("csms.StatusNotificationReq")


# ---------------------------------------------------------------- availability


def change(stage: Stage, connector: int, kind: str = "Inoperative") -> Stage:
    return stage.emit("csms.ChangeAvailabilityReq", call="c", connectorId=connector, type=kind)


def test_availability_is_in_the_file_before_it_is_accepted() -> None:
    """OCPP 1.6 5.2: it survives a restart."""
    stage = change(accepted(), 3)
    assert stage.order("availability.keep") == {"connectorId": 3, "operative": False}
    assert not stage.ordered("csms.ChangeAvailabilityConf", "connector.availability")
    stage.finish("keep")
    assert stage.order("csms.ChangeAvailabilityConf") == {"call": "c", "status": "Accepted"}
    assert stage.ordered("connector.availability") == [{"operative": False}]


@pytest.mark.parametrize("status_", ["Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing"])
def test_scheduled_where_somebody_is(status_: str) -> None:
    stage = change(status(accepted(), 2, status_), 2).finish("keep")
    assert answer(stage, "ChangeAvailability") == "Scheduled"
    change(stage, 2, "Operative").finish("keep")
    assert answer(stage, "ChangeAvailability") == "Accepted"


@pytest.mark.ocpp_cases("TC_034")
@pytest.mark.parametrize(("kind", "said"), [("Inoperative", "Scheduled"), ("Operative", "Accepted")])
def test_of_all(kind: str, said: str) -> None:
    """Connector 0: it and each of the others."""
    stage = change(status(accepted(), 3, "Charging"), 0, kind)
    for _ in range(4):
        stage.finish("keep")
    operative = kind == "Operative"
    assert stage.ordered("availability.keep") == [{"connectorId": i, "operative": operative} for i in range(4)]
    assert stage.ordered("connector.availability") == [{"operative": operative}] * 3
    assert stage.order("csms.ChangeAvailabilityConf") == {"call": "c", "status": said}
    assert stage.order("csms.StatusNotificationReq")["connectorId"] == 0  # type: ignore[index]


@pytest.mark.parametrize("connector", [-1, 4])
def test_of_no_connector(connector: int) -> None:
    assert answer(change(accepted(), connector), "ChangeAvailability") == "Rejected"


def test_what_cannot_be_kept_is_rejected() -> None:
    stage = change(accepted(), 2).fail("keep", "disk full")
    assert answer(stage, "ChangeAvailability") == "Rejected"
    assert asked(stage, "availability") == 0


def test_two_orders() -> None:
    stage = change(change(accepted(), 1), 2, "Operative").finish("keep")
    assert stage.order("availability.keep") == {"connectorId": 2, "operative": True}
    stage.finish("keep")
    assert len(stage.ordered("csms.ChangeAvailabilityConf")) == 2


# ---------------------------------------------------------------- reset


@pytest.mark.ocpp_cases("TC_013", "TC_014")
@pytest.mark.parametrize(("kind", "reason"), [("Hard", "HardReset"), ("Soft", "SoftReset")])
def test_reset(kind: str, reason: str) -> None:
    stage = accepted().emit("csms.ResetReq", call="c", type=kind)
    assert answer(stage, "Reset") == "Accepted"
    assert stage.ordered("connector.finish") == [{"reason": reason}] * 3
    assert stage.ordered("registration.boot_again") == [{}]
    assert stage.ordered("security.security_event") == [{"type": "ResetOrReboot", "techInfo": kind}]
    assert stage.ordered("outlets.report") == [{}]
    stage.emit("csms.ResetReq", call="d", type=kind)  # and another time
    assert len(stage.ordered("registration.boot_again")) == 2


def test_nobody_is_started_from_afar_while_a_reset_waits_for_a_transaction() -> None:
    """He would be waited for after the boot, too."""
    stage = remote_start(charging(accepted()).emit("csms.ResetReq", call="c", type="Soft"), 1)
    assert answer(stage, "RemoteStartTransaction") == "Rejected"
    assert stage.ordered("connector.remote_start") == []


@pytest.mark.ocpp_cases("TC_083")
@pytest.mark.parametrize(("proven", "anew"), [(1, True), (2, False), (-1, False)])
def test_after_a_reset_the_line_is_of_the_new_security_profile(proven: int, anew: bool) -> None:
    """The answer goes first, and the BootNotification over the new line."""
    stage = accepted(has={"certificates.proven": proven, "settings.SecurityProfile": 2})
    stage.emit("csms.ResetReq", call="c", type="Soft")
    assert answer(stage, "Reset") == "Accepted"
    assert len(stage.ordered("registration.boot_again")) == (0 if anew else 1)
    stage.run(0.999)
    assert stage.ordered("connection.reconnect") == []
    stage.run(0.001)
    assert stage.ordered("connection.reconnect") == ([{}] if anew else [])
    assert len(stage.ordered("registration.boot_again")) == 1


@pytest.mark.parametrize("kind", ["Hard", "Soft"])
def test_a_transaction_that_does_not_end_changes_nothing_of_the_kind_of_reset(kind: str) -> None:
    stage = charging(accepted()).emit("csms.ResetReq", call="c", type=kind).run(60)
    assert stage.ordered("security.security_event") == [{"type": "ResetOrReboot", "techInfo": kind}]


def test_new_firmware_waits_for_transactions_to_end() -> None:
    stage = charging(accepted()).child("firmware.restart")
    assert stage.ordered("connector.finish") == [{"reason": "SoftReset"}] * 3
    assert not stage.ordered("registration.boot_again")


def test_a_clock_that_was_set_is_a_security_event() -> None:
    stage = accepted().child("registration.time_set", before=100_000_000_000, now=90_512_345_678)
    assert stage.ordered("security.security_event") == [{"type": "SettingSystemTime", "techInfo": "by -9.5 s"}]


@pytest.mark.ocpp_cases("TC_015", "TC_016")
@pytest.mark.parametrize("ends", [True, False])
def test_reset_with_a_transaction(ends: bool) -> None:
    """It ends first, or is waited for long enough."""
    stage = (
        charging(accepted()).emit("csms.ResetReq", call="c", type="Soft").emit("csms.ResetReq", call="d", type="Hard")
    )
    stage.child("firmware.restart")
    assert not stage.ordered("registration.boot_again")
    assert not stage.unhandled
    assert len(stage.ordered("csms.ResetConf")) == 2
    if ends:
        stage.child("connector.transaction_ended", 2, reason="SoftReset", idTag="A", energy=1.0, seconds=2)
    else:
        assert not stage.run(59.999).ordered("registration.boot_again")
        stage.run(0.001)
    assert stage.ordered("registration.boot_again") == [{}]
