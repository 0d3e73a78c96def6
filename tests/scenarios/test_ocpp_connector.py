"""Scenarios of machines/ocpp/connector.yaml: who charges, what ends it, what may be ordered, what is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.connector import Connector, S

NOTIFY = "csms.StatusNotificationReq"
READ = "outlets.read"
ROWS = ("timestamp", "value", "context", "measurand", "phase", "unit")
NOTHING: dict[str, Any] = {"time": 0, "energy": 0.0, **{name: [] for name in ROWS}, "lost": ""}
"""What a sample without rows ends with."""


def told(stage: Connector) -> list[tuple[str, str]]:
    """What the central system was told: status and error code."""
    return [(one["status"], one["errorCode"]) for one in stage.ordered(NOTIFY)]


def stops(stage: Connector) -> list[tuple[str, Any]]:
    """Why the transaction was ended, and by which card."""
    return [(one["reason"], one.get("by")) for one in stage.ordered("transaction.stop")]


def online(stage: Connector) -> Connector:
    stage.post("may_send").run(0)
    return stage


def charging(**parameters: Any) -> Connector:
    stage = Connector(**parameters).play("plugged card charging")
    stage.forget()
    return stage


def second_card(stage: Connector, card: str, status: str = "Accepted", parent: str | None = None) -> None:
    stage.emit("outlets.token", outlet=1, id=card)
    if "other" in stage.children():
        stage.ends("other", status=status, parentIdTag=parent)


# ---------------------------------------------------------------- autocharge

VEHICLE: dict[str, Any] = {
    "outlet": 1,
    "EVCCID": bytes.fromhex("020000000001"),
    "mac": bytes.fromhex("00b052000007"),
    "protocol": "iso2",
    "soc": None,
}


@pytest.mark.parametrize(("by", "idTag"), [("EVCCID", "VID:020000000001"), ("mac", "VID:00b052000007")])
def test_a_vehicle_is_its_owners_card(by: str, idTag: str) -> None:
    stage = Connector(autocharge=by).play("plugged").emit("outlets.vehicle", **{**VEHICLE, "outlet": 2})
    assert "authorisation" not in stage.children()
    assert stage.emit("outlets.vehicle", **VEHICLE).input("authorisation")["idTag"] == idTag
    stage.ends("authorisation", status="Accepted", parentIdTag="FAMILY")
    assert stage.input("transaction")["idTag"] == idTag
    assert stage.data("group") == "FAMILY"
    own = Connector(autocharge=by, autocharge_prefix="").play("plugged").emit("outlets.vehicle", **VEHICLE)
    assert own.input("authorisation")["idTag"] == idTag.removeprefix("VID:")


def test_nobody_is_asked_about_a_vehicle() -> None:
    """Where it is not wanted, of one that says nothing of use, and where somebody is here already."""
    nobody = {**VEHICLE, "EVCCID": bytes(6), "mac": b""}
    nothing = {**VEHICLE, "EVCCID": bytes(8), "mac": bytes(6)}
    for stage, vehicle in (
        (Connector().play("plugged"), VEHICLE),
        (Connector(autocharge="EVCCID").play("plugged"), nobody),
        (Connector(autocharge="mac").play("plugged"), nobody),
        (Connector(autocharge="EVCCID").play("plugged"), nothing),
        (Connector(autocharge="EVCCID").play("plugged"), {**VEHICLE, "EVCCID": b""}),
        (Connector(autocharge="mac").play("plugged"), nothing),
        (Connector(autocharge="EVCCID", free=True).play("plugged"), VEHICLE),
        (Connector(autocharge="EVCCID").play("plugged card charging"), VEHICLE),
        (Connector(autocharge="EVCCID").play("plugged card charging end"), VEHICLE),
        (Connector(autocharge="EVCCID").play("plugged timeout"), VEHICLE),
        (Connector(autocharge="EVCCID").play("plugged fault"), VEHICLE),
    ):
        stage.forget().emit("outlets.vehicle", **vehicle)
        assert "authorisation" not in stage.children()
        assert not stage.unhandled


@pytest.mark.parametrize("answered", [True, False])
def test_a_vehicle_that_is_not_known_waits_for_a_card(answered: bool) -> None:
    stage = Connector(autocharge="EVCCID").play("plugged").emit("outlets.vehicle", **VEHICLE)
    if answered:
        stage.ends("authorisation", status="Invalid", parentIdTag=None)
    else:
        breaks(stage, "authorisation")
    assert not stage.ordered("outlets.refuse")
    stage.play("card")
    assert stage.input("transaction")["idTag"] == "CARD"


def test_a_card_goes_before_the_vehicle() -> None:
    stage = Connector(autocharge="EVCCID").play("plugged").emit("outlets.vehicle", **VEHICLE)
    stage.play("card")
    assert stage.input("transaction")["idTag"] == "CARD"


def test_a_remote_start_waits_until_the_vehicle_is_known_or_not() -> None:
    for status, answer in (("Accepted", "Rejected"), ("Invalid", "Accepted")):
        stage = Connector(autocharge="EVCCID", AuthorizeRemoteTxRequests=False).play("plugged")
        stage.emit("outlets.vehicle", **VEHICLE).post("remote_start", call="7", idTag="APP")
        assert not stage.ordered("csms.RemoteStartTransactionConf")
        stage.ends("authorisation", status=status, parentIdTag=None)
        assert stage.order("csms.RemoteStartTransactionConf") == {"call": "7", "status": answer}


def test_a_reserved_connector_is_its_holders_vehicle() -> None:
    stage = Connector(autocharge="EVCCID").play("reserved plugged").emit("outlets.vehicle", **VEHICLE)
    stage.ends("authorisation", status="Accepted", parentIdTag=None)
    assert stage.order("reservation.card") == {"idTag": "VID:020000000001"}
    stage.child("reservation.holder", idTag="VID:020000000001", reservationId=3)
    assert stage.input("transaction")["idTag"] == "VID:020000000001"


# ---------------------------------------------------------------- who charges


@pytest.mark.ocpp_cases("TC_003")
def test_plug_first() -> None:
    stage = Connector().play("plugged")
    stage.emit("outlets.token", outlet=1, id="CARD")
    assert stage.input("authorisation")["idTag"] == "CARD"
    assert stage.data("status") == "Preparing"
    stage.ends("authorisation", status="Accepted", parentIdTag="GROUP")
    assert stage.input("transaction")["idTag"] == "CARD"
    assert not stage.ordered("outlets.authorise")
    stage.child("transaction.started", transaction=7, at=5, meter=4000.0)
    assert stage.order("outlets.authorise") == {"outlet": 1}
    assert stage.told("transaction_started") == [{"transaction": 7, "idTag": "CARD", "at": 5, "call": ""}]
    stage.child("transaction.known", transactionId=42)
    assert stage.told("transaction_id") == [{"transactionId": 42}]


@pytest.mark.ocpp_cases("TC_004_1")
def test_card_first() -> None:
    stage = Connector().play("card")
    assert stage.data("status") == "Preparing"
    assert stage.children() == ["reservation"]
    stage.play("plugged")
    assert stage.input("transaction")["idTag"] == "CARD"


@pytest.mark.ocpp_cases("TC_004_2")
def test_card_and_no_plug() -> None:
    stage = Connector(ConnectionTimeOut=30 * S).play("card").run(29.999)
    assert stage.data("status") == "Preparing"
    stage.run(0.001)
    assert stage.data("status") == "Available"
    assert stage.order("outlets.refuse") == {"outlet": 1, "reason": "no vehicle came"}
    assert not stage.told("transaction_started")


def test_plug_and_no_card() -> None:
    """OCPP 1.6 errata 3.20: Finishing, not Available, while the plug is in. A card is taken all the same."""
    stage = Connector(ConnectionTimeOut=30 * S).play("plugged").run(29.999)
    assert stage.data("status") == "Preparing"
    assert stage.run(0.001).data("status") == "Finishing"
    stage.play("card")
    assert [one["status"] for one in stage.told("status")[-2:]] == ["Finishing", "Preparing"]
    assert stage.children() == ["reservation", "transaction"]


def test_the_time_begins_anew_after_a_card_that_is_none() -> None:
    stage = Connector(ConnectionTimeOut=30 * S).play("plugged").run(20)
    stage.emit("outlets.token", outlet=1, id="X").ends("authorisation", status="Blocked", parentIdTag=None)
    assert stage.run(29.999).data("status") == "Preparing"
    assert stage.run(0.001).data("status") == "Finishing"


@pytest.mark.ocpp_cases("TC_023")
@pytest.mark.parametrize("status", ["Invalid", "Blocked", "Expired"])
def test_a_card_that_is_none(status: str) -> None:
    stage = Connector().play("plugged")
    stage.emit("outlets.token", outlet=1, id="X").ends("authorisation", status=status, parentIdTag=None)
    assert stage.order("outlets.refuse") == {"outlet": 1, "reason": status}
    assert stage.data("status") == "Preparing"
    assert stage.children() == ["reservation"]


@pytest.mark.parametrize("idTag", ["", "X" * 21])
@pytest.mark.parametrize("reader", ["its own", "the one of all"])
def test_what_is_no_id_of_a_card(idTag: str, reader: str) -> None:
    """CiString20Type: an empty one began a transaction, a long one was dropped without a word."""
    stage = Connector().play("plugged")
    if reader == "its own":
        stage.emit("outlets.token", outlet=1, id=idTag)
    else:
        stage.post("card", idTag=idTag)
    assert stage.order("outlets.refuse") == {"outlet": 1, "reason": "a card number has 1 to 20 characters"}
    assert stage.children() == ["reservation"]
    stage.post("remote_start", call="c", idTag="")
    assert stage.order("csms.RemoteStartTransactionConf") == {"call": "c", "status": "Rejected"}
    assert Connector().play("plugged").emit("outlets.token", outlet=1, id="X" * 20).input("authorisation")


def test_the_card_of_another_outlet() -> None:
    stage = Connector()
    stage.emit("outlets.token", outlet=2, id="CARD").emit("outlets.state", outlet=2, state="plugged")
    stage.emit("outlets.fault", outlet=2, errorCode="OtherError", info="", emergency=True).emit(
        "outlets.lost", outlet=2
    )
    stage.emit("outlets.warning", outlet=2, errorCode="OtherError", info="")
    assert stage.children() == ["reservation"]
    assert (stage.data("status"), stage.data("errorCode")) == ("Available", "NoError")


def test_the_card_of_the_one_reader() -> None:
    assert Connector().post("card", idTag="CARD").input("authorisation")["idTag"] == "CARD"


def test_a_card_shown_again_before_the_plug() -> None:
    """B1: he has thought better of it; somebody else's card changes nothing."""
    stage = Connector().play("card")
    stage.emit("outlets.token", outlet=1, id="X")
    assert stage.order("outlets.refuse") == {"outlet": 1, "reason": "somebody else is here"}
    assert stage.play("card").data("status") == "Available"


def test_a_second_card_while_one_is_asked_for() -> None:
    stage = Connector().play("plugged")
    stage.emit("outlets.token", outlet=1, id="A").emit("outlets.token", outlet=1, id="B")
    assert stage.input("authorisation")["idTag"] == "A"


def breaks(stage: Connector, child: str) -> Connector:
    """A chart that it has started fails."""
    stage.system.post(stage.actor, f"error.invoke.{child}", {"reason": "it broke"})
    stage.system.run_due()
    return stage


def test_charts_that_break() -> None:
    """Nobody is let charge by it, nobody is kept, and the next one is asked for."""
    stage = Connector().play("plugged")
    stage.emit("outlets.token", outlet=1, id="A")
    assert breaks(stage, "authorisation").order("outlets.refuse") == {
        "outlet": 1,
        "reason": "it could not be asked for",
    }
    stage.emit("outlets.token", outlet=1, id="A").ends("authorisation", status="Accepted", parentIdTag="G")
    stage.child("transaction.started", transaction=7, at=0, meter=4000.0).emit("outlets.token", outlet=1, id="OTHER")
    assert breaks(stage, "other").active("user.known.using")


def test_a_transaction_whose_chart_breaks_ends_in_order() -> None:
    """Nothing flows unrecorded: the outlet goes down, and a new chart of it reads the meter and writes the end."""
    stage = Connector().play("plugged").emit("outlets.token", outlet=1, id="A")
    stage.ends("authorisation", status="Accepted", parentIdTag=None)
    stage.child("transaction.started", transaction=7, at=100, meter=4000.0).play("charging")
    breaks(stage, "transaction")
    assert stage.told("lost") == [{"what": "a transaction is ended, its chart has broken: it broke"}]
    given = stage.input("transaction")
    assert (given["resumed"], given["resumed_from"], given["resumed_at"], given["idTag"]) == (7, 4000.0, 100, "A")
    assert stops(stage) == [("Other", None)]
    assert len(stage.ordered("outlets.stop")) == 1
    stage.child("transaction.started", transaction=7, at=100, meter=4000.0)
    assert len(stage.ordered("outlets.authorise")) == len(stage.told("transaction_started")) == 1
    assert stage.told("transaction_ended") == []
    stage.play("ended end")
    assert [one["reason"] for one in stage.told("transaction_ended")] == ["Local"]
    assert stage.data("status") == "Finishing"


def test_one_that_breaks_again_keeps_nobody() -> None:
    """What is open in the file is closed after the next boot."""
    stage = breaks(charging().play("suspended_ev plugged"), "transaction")
    assert len(stage.ordered("outlets.stop")) == 1
    breaks(stage, "transaction")
    assert len(stage.ordered("outlets.stop")) == 2
    assert stage.told("transaction_ended") == [{"reason": "Other", "idTag": "CARD", "energy": 0.0, "seconds": 0}]
    assert [one["what"] for one in stage.told("lost")][1:] == [
        "the end of a transaction, its chart has broken: it broke"
    ]
    assert stage.active("transaction.none")


def test_one_that_breaks_before_it_has_begun_ends() -> None:
    stage = Connector().play("plugged").emit("outlets.token", outlet=1, id="A")
    stage.ends("authorisation", status="Accepted", parentIdTag=None)
    breaks(stage, "transaction")
    assert len(stage.ordered("outlets.stop")) == len(stage.told("transaction_ended")) == 1
    assert stage.data("status") == "Finishing"


@pytest.mark.parametrize("words", ["fault", "inoperative"])
def test_an_outlet_that_takes_nobody(words: str) -> None:
    stage = Connector().play(words)
    stage.emit("outlets.token", outlet=1, id="CARD")
    assert stage.order("outlets.refuse") == {"outlet": 1, "reason": "not now"}
    stage.post("remote_start", call="c", idTag="CARD")
    assert stage.order("csms.RemoteStartTransactionConf") == {"call": "c", "status": "Rejected"}


def test_a_store_that_takes_no_start() -> None:
    stage = Connector().play("plugged")
    stage.emit("outlets.token", outlet=1, id="CARD").ends("authorisation", status="Accepted", parentIdTag=None)
    stage.child("transaction.refused", reason="disk full").ends(
        "transaction", reason="Other", energy=0.0, seconds=0, transaction=0
    )
    assert stage.order("outlets.refuse") == {"outlet": 1, "reason": "disk full"}
    assert not stage.ordered("outlets.authorise")
    assert stage.data("status") == "Finishing"
    assert not stage.ordered("outlets.stop"), "nothing flows, and the vehicle may be let charge yet"
    assert stage.active("transaction.none.ready")
    stage.play("card")
    assert stage.input("transaction")["idTag"] == "CARD"


def test_where_nobody_is_asked_a_store_that_takes_no_start_stops_it() -> None:
    """The vehicle draws already."""
    stage = Connector(free=True).play("plugged")
    stage.emit("outlets.state", outlet=1, state="charging").child("transaction.refused", reason="disk full")
    stage.ends("transaction", reason="Other", energy=0.0, seconds=0, transaction=0)
    assert stage.ordered("outlets.stop") == [{"outlet": 1, "reason": "Other"}]


def test_what_the_store_has_lost_is_passed_on() -> None:
    assert charging().child("transaction.lost", what="a reading").told("lost") == [{"what": "a reading"}]


def test_where_nobody_is_asked() -> None:
    """A transaction begins with the energy; no card, no remote start."""
    stage = Connector(free=True, free_idTag="FREE").play("plugged card")
    assert stage.order("outlets.refuse") == {"outlet": 1, "reason": "not now"}
    stage.post("remote_start", call="c", idTag="X").play("suspended_ev")
    assert stage.order("csms.RemoteStartTransactionConf") == {"call": "c", "status": "Rejected"}
    assert stage.input("transaction")["idTag"] == "FREE"
    stage.play("ended end charging")
    assert stage.data("status") == "Finishing"
    assert stage.children() == ["reservation"]


# ---------------------------------------------------------------- what ends it


@pytest.mark.ocpp_cases("TC_068")
def test_the_same_card() -> None:
    stage = charging()
    second_card(stage, "CARD")
    assert stops(stage) == [("Local", "CARD")]
    assert stage.order("outlets.stop") == {"outlet": 1, "reason": "Local"}
    assert stage.order("transaction.stop") == {"reason": "Local", "by": "CARD", "flowing": True, "faulty": False}
    stage.play("ended end")
    assert stage.data("status") == "Finishing"
    assert stage.told("transaction_ended") == [{"reason": "Local", "idTag": "CARD", "energy": 1000.0, "seconds": 60}]
    assert stage.play("unplugged").data("status") == "Available"


@pytest.mark.ocpp_cases("TC_069")
@pytest.mark.parametrize(
    ("status", "parent", "ends"),
    [("Accepted", "G", True), ("Accepted", "H", False), ("Blocked", "G", False), ("Accepted", None, False)],
)
def test_a_card_of_the_same_group(status: str, parent: str | None, ends: bool) -> None:
    stage = Connector().play("plugged")
    stage.emit("outlets.token", outlet=1, id="CARD").ends("authorisation", status="Accepted", parentIdTag="G")
    stage.child("transaction.started", transaction=7, at=0, meter=4000.0).forget()
    second_card(stage, "OTHER", status, parent)
    assert stops(stage) == ([("Local", "OTHER")] if ends else [])
    assert bool(stage.ordered("outlets.refuse")) is not ends


def test_a_card_of_nobody() -> None:
    """Who has no group has no friends."""
    stage = charging()
    second_card(stage, "OTHER")
    assert stage.order("outlets.refuse") == {"outlet": 1, "reason": "somebody else charges"}
    assert stops(stage) == []


def test_a_group_that_is_asked_for_too_long() -> None:
    stage = Connector().play("plugged")
    stage.emit("outlets.token", outlet=1, id="CARD").ends("authorisation", status="Accepted", parentIdTag="G")
    stage.child("transaction.started", transaction=7, at=0, meter=4000.0).emit("outlets.token", outlet=1, id="OTHER")
    stage.play("end")
    assert stage.active("user.nobody")


@pytest.mark.parametrize(
    ("event", "data", "reason"),
    [
        ("outlets.stop_pressed", {"outlet": 1}, "Local"),
        ("remote_stop", {}, "Remote"),
        ("finish", {"reason": "SoftReset"}, "SoftReset"),
        ("unlock", {"call": "c"}, "UnlockCommand"),
        (
            "outlets.fault",
            {"outlet": 1, "errorCode": "OtherError", "info": "button", "emergency": True},
            "EmergencyStop",
        ),
        ("outlets.state", {"outlet": 1, "state": "ended"}, "Other"),
        ("outlets.state", {"outlet": 1, "state": "free"}, "EVDisconnected"),
        ("outlets.state", {"outlet": 1, "state": "detached"}, "EVDisconnected"),
    ],
)
def test_what_ends_it(event: str, data: dict[str, Any], reason: str) -> None:
    stage = charging()
    (stage.emit if "." in event else stage.post)(event, **data)
    assert stops(stage) == [(reason, None)]
    stage.post("remote_stop").post("finish", reason="Reboot").emit("outlets.stop_pressed", outlet=2)
    assert len(stops(stage)) == 1


def test_the_button_of_another_outlet() -> None:
    assert stops(charging().emit("outlets.stop_pressed", outlet=2)) == []


def test_what_there_is_not_cannot_be_ended() -> None:
    stage = Connector().post("remote_stop").post("finish", reason="Reboot")
    assert stage.unhandled == []


@pytest.mark.parametrize("stops_", [True, False])
def test_a_card_that_the_central_system_does_not_know(stops_: bool) -> None:
    """OCPP 1.6 9.1.22: it ends, or nothing flows any more, whatever smart charging says."""
    stage = charging().child("transaction.invalid", stops=stops_)
    if stops_:
        assert stops(stage) == [("DeAuthorized", None)]
    else:
        assert stops(stage) == []
        assert stage.order("outlets.limit_outlet") == {"outlet": 1, "power": 0.0, "current": 0.0}
        stage.post("limit", power=5000.0, current=None)
        assert stage.order("outlets.limit_outlet") == {"outlet": 1, "power": 0.0, "current": 0.0}
        stage.play("suspended_evse")
        assert stage.data("status") == "SuspendedEVSE"
        stage.play("ended end unplugged plugged card")
        assert stage.order("outlets.limit_outlet") == {"outlet": 1, "power": 5000.0}


@pytest.mark.ocpp_cases("TC_005_1")
def test_unplugged_at_the_vehicle() -> None:
    stage = charging().play("detached")
    assert stops(stage) == [("EVDisconnected", None)]
    assert stage.order("outlets.unlock") == {"outlet": 1}
    stage.finish("unlock", status="Unlocked").play("end")
    assert stage.data("status") == "Finishing"
    assert not stage.ordered("csms.UnlockConnectorConf")
    assert stage.play("unplugged").data("status") == "Available"


@pytest.mark.ocpp_cases("TC_005_2")
def test_the_cable_stays_until_its_owner_comes() -> None:
    stage = charging(UnlockConnectorOnEVSideDisconnect=False).play("detached end")
    assert not stage.ordered("outlets.unlock")
    assert stage.ordered("outlets.keep_plug") == []
    stage.emit("outlets.token", outlet=1, id="OTHER").post("remote_start", call="c", idTag="OTHER")
    assert stage.order("outlets.refuse") == {"outlet": 1, "reason": "the cable is somebody else's"}
    assert stage.order("csms.RemoteStartTransactionConf") == {"call": "c", "status": "Rejected"}
    stage.emit("outlets.token", outlet=1, id="CARD")
    assert stage.order("outlets.unlock") == {"outlet": 1}
    assert "authorisation" not in stage.children()
    assert len(stage.emit("outlets.token", outlet=1, id="CARD").ordered("outlets.unlock")) == 1, "it is under way"


def test_whose_cable_is_kept() -> None:
    """As long as a transaction runs, by the key; whoever stops it himself takes his cable with him."""
    stage = Connector(UnlockConnectorOnEVSideDisconnect=False).play("plugged card")
    assert stage.ordered("outlets.keep_plug") == [{"outlet": 1, "keep": True}]
    stage.play("charging end")
    assert stage.ordered("outlets.keep_plug") == [{"outlet": 1, "keep": True}, {"outlet": 1, "keep": False}]
    stage = charging()
    assert stage.ordered("outlets.keep_plug") == []
    stage.values("settings", UnlockConnectorOnEVSideDisconnect=False)
    stage.emit("settings.changed", key="UnlockConnectorOnEVSideDisconnect")
    assert stage.ordered("outlets.keep_plug") == [{"outlet": 1, "keep": True}]


@pytest.mark.ocpp_cases("TC_005_3")
def test_unplugged_and_plugged_again() -> None:
    stage = charging(StopTransactionOnEVSideDisconnect=False).play("detached")
    assert stage.data("status") == "SuspendedEV"
    assert stops(stage) == []
    stage.forget().play("wanting")
    assert stage.ordered("outlets.authorise") == [{"outlet": 1}], "it is his still"
    assert stage.play("charging").data("status") == "Charging"
    assert stage.play("unplugged").data("status") == "SuspendedEV"


@pytest.mark.ocpp_cases("TC_041")
def test_a_fault_that_passes() -> None:
    stage = charging(T_fault=60 * S).play("fault").run(59.999)
    assert stops(stage) == []
    assert stage.play("mended").data("status") == "Charging"
    stage.play("fault").run(60)
    assert stops(stage) == [("Other", None)]


OTHER = {"EVCCID": bytes.fromhex("020000000002"), "mac": bytes.fromhex("00b052000008")}


@pytest.mark.parametrize(
    ("after", "ends"),
    [
        ({}, False),
        (OTHER, True),
        ({"EVCCID": OTHER["EVCCID"]}, False),
        ({"EVCCID": OTHER["EVCCID"], "mac": b""}, True),
        ({"mac": b""}, False),
        ({"mac": OTHER["mac"]}, True),
        ({**OTHER, "outlet": 2}, False),
    ],
)
def test_a_vehicle_that_was_exchanged_while_its_outlet_showed_f(after: dict[str, Any], ends: bool) -> None:
    """In F nobody is seen: what the vehicle says of itself after it decides, before it is let charge."""
    stage = Connector().play("plugged card").emit("outlets.vehicle", **VEHICLE)
    stage.play("charging fault plugged mended").emit("outlets.vehicle", **{**VEHICLE, **after})
    assert stops(stage) == ([("EVDisconnected", None)] if ends else [])
    stage.forget()
    stage.play("wanting")
    assert len(stage.ordered("outlets.authorise")) == (0 if ends else 1)


def test_of_a_vehicle_that_says_another_name() -> None:
    """Without a fault it would have been seen to go; with one it is looked at once; or who comes is his still."""
    stage = charging().emit("outlets.vehicle", **VEHICLE).emit("outlets.vehicle", **{**VEHICLE, **OTHER})
    stage.play("fault mended").emit("outlets.vehicle", **{**VEHICLE, **OTHER}).emit("outlets.vehicle", **VEHICLE)
    assert stops(stage) == []
    stage = charging(StopTransactionOnEVSideDisconnect=False).emit("outlets.vehicle", **VEHICLE)
    assert stops(stage.play("fault mended").emit("outlets.vehicle", **{**VEHICLE, **OTHER})) == []
    stage = charging().play("fault mended").emit("outlets.vehicle", **VEHICLE)
    assert stops(stage) == [], "it had said none before"


def test_a_vehicle_that_went_is_not_compared_with() -> None:
    stage = charging().emit("outlets.vehicle", **VEHICLE).play("unplugged end plugged fault unplugged mended")
    stage.play("plugged card").emit("outlets.vehicle", **{**VEHICLE, **OTHER})
    assert stage.active("transaction.running.active")


def test_the_emergency_button_during_a_fault() -> None:
    stage = charging().play("fault")
    stage.emit("outlets.fault", outlet=2, errorCode="OtherError", info="", emergency=True)
    stage.emit("outlets.fault", outlet=1, errorCode="InternalError", info="", emergency=False)
    assert stops(stage) == []
    stage.emit("outlets.fault", outlet=1, errorCode="OtherError", info="", emergency=True)
    assert stops(stage) == [("EmergencyStop", None)]


def test_a_program_that_has_ended() -> None:
    stage = Connector().emit("outlets.lost", outlet=1)
    assert (stage.data("status"), stage.data("errorCode")) == ("Faulted", "InternalError")


# ---------------------------------------------------------------- remote start


@pytest.mark.ocpp_cases("TC_010", "TC_011_1")
@pytest.mark.parametrize("words", ["plugged", ""])
def test_remote_start(words: str) -> None:
    stage = Connector().play(words)
    stage.post("remote_start", call="c", idTag="R")
    assert stage.order("csms.RemoteStartTransactionConf") == {"call": "c", "status": "Accepted"}
    assert "authorisation" not in stage.children()
    stage.play("plugged")
    assert stage.input("transaction")["idTag"] == "R"


@pytest.mark.ocpp_cases("TC_059")
@pytest.mark.parametrize("way", ["at once", "asked for", "reserved"])
def test_a_transaction_names_the_remote_start_that_it_began_with(way: str) -> None:
    """And no card's names one: not the next one either."""
    stage = Connector(AuthorizeRemoteTxRequests=way == "asked for").play("reserved" * (way == "reserved"))
    stage.post("remote_start", call="c", idTag="R")
    if way != "at once":
        stage.ends("authorisation", status="Accepted", parentIdTag=None)
    if way == "reserved":
        stage.child("reservation.holder", idTag="R", reservationId=3)
    stage.post("remote_start", call="d", idTag="R").play("plugged charging end unplugged plugged card")
    assert [one["call"] for one in stage.told("transaction_started")] == ["c", ""]


def test_its_reservation_has_moved() -> None:
    stage = Connector().play("reserved").post("reservation_moved", reservationId=3)
    assert stage.order("reservation.moved") == {"reservationId": 3}


@pytest.mark.parametrize("once", [True, False])
def test_who_asks_a_vehicle_that_begins_nothing_any_more(once: bool) -> None:
    """Finishing stays, and nobody is asked for whom nothing can be done."""
    stage = Connector(unplug_first=(1,) if once else (2,)).play("plugged card charging ended end").forget()
    stage.post("remote_start", call="c", idTag="R")
    assert stage.order("csms.RemoteStartTransactionConf") == {"call": "c", "status": "Rejected" if once else "Accepted"}
    assert stage.data("status") == ("Finishing" if once else "Preparing")
    if once:
        stage.emit("outlets.token", outlet=1, id="CARD")
        assert stage.ordered("outlets.refuse")[-1] == {"outlet": 1, "reason": "unplug first"}
        assert "authorisation" not in stage.children()
        stage.play("unplugged").post("remote_start", call="d", idTag="R")
        assert stage.data("status") == "Preparing"


def test_a_vehicle_that_does_not_begin_anew_is_waited_for_once() -> None:
    """B6, after one ConnectionTimeOut."""
    stage = Connector().play("plugged card charging ended end").post("remote_start", call="c", idTag="R")
    assert stage.run(59.999).data("status") == "Preparing"
    assert stage.run(0.001).data("status") == "Finishing"


@pytest.mark.ocpp_cases("TC_011_2")
def test_remote_start_and_no_plug() -> None:
    stage = Connector().post("remote_start", call="c", idTag="R").run(60)
    assert stage.data("status") == "Available"


@pytest.mark.parametrize("reason", ["HardReset", "SoftReset"])
@pytest.mark.parametrize("how", ["remote", "card"])
def test_who_is_waited_for_is_forgotten_by_a_reset(how: str, reason: str) -> None:
    """The vehicle that comes after the boot is not his."""
    stage = Connector()
    if how == "card":
        stage.play("card")
    else:
        stage.post("remote_start", call="c", idTag="R")
    stage.post("finish", reason=reason).play("plugged")
    assert stage.order("outlets.refuse") == {"outlet": 1, "reason": "the charge point begins anew"}
    assert "transaction" not in stage.children()
    assert stage.active("user.nobody")
    assert [one["status"] for one in stage.told("status")] == ["Available", "Preparing", "Available", "Preparing"]


@pytest.mark.parametrize("asked", ["card", "reservation", "zero"])
def test_who_is_asked_for_is_forgotten_by_a_reset(asked: str) -> None:
    """And the remote start is answered."""
    stage = Connector()
    if asked == "zero":
        stage.post("zero_reserved")
    else:
        stage.play("reserved")
    stage.post("remote_start", call="c", idTag="R")
    if asked != "card":
        stage.ends("authorisation", status="Accepted", parentIdTag=None)
    stage.post("finish", reason="HardReset")
    assert stage.ordered("csms.RemoteStartTransactionConf") == [{"call": "c", "status": "Rejected"}]
    assert stage.active("user.nobody")


def test_remote_start_that_is_asked_for() -> None:
    """OCPP 1.6 9.1.2: as if the card were shown, the answer first."""
    stage = Connector(AuthorizeRemoteTxRequests=True).post("remote_start", call="c", idTag="R")
    assert stage.order("csms.RemoteStartTransactionConf") == {"call": "c", "status": "Accepted"}
    assert stage.input("authorisation")["idTag"] == "R"
    stage.ends("authorisation", status="Blocked", parentIdTag=None)
    assert len(stage.ordered("csms.RemoteStartTransactionConf")) == 1


@pytest.mark.ocpp_cases("TC_026")
@pytest.mark.parametrize("words", ["plugged card", "card"])
def test_remote_start_where_somebody_is(words: str) -> None:
    stage = Connector().play(words).post("remote_start", call="c", idTag="R")
    assert stage.order("csms.RemoteStartTransactionConf") == {"call": "c", "status": "Rejected"}


# ---------------------------------------------------------------- reservation


@pytest.mark.ocpp_cases("TC_046_1", "D22")
def test_the_holder_of_a_reservation() -> None:
    stage = Connector().play("reserved")
    stage.emit("outlets.token", outlet=1, id="CARD").ends("authorisation", status="Accepted", parentIdTag="G")
    assert stage.order("reservation.card") == {"idTag": "CARD", "parentIdTag": "G"}
    assert stage.data("status") == "Reserved"
    stage.child("reservation.holder", idTag="CARD", reservationId=3)
    assert stage.data("status") == "Preparing"
    stage.play("plugged")
    assert stage.input("transaction")["reservationId"] == 3
    assert stage.order("reservation.used") == {}


@pytest.mark.parametrize("how", ["stranger", "silence"])
def test_a_stranger(how: str) -> None:
    stage = Connector().play("reserved")
    stage.emit("outlets.token", outlet=1, id="X").ends("authorisation", status="Accepted", parentIdTag=None)
    stage.child("reservation.stranger", idTag="X") if how == "stranger" else stage.run(5)
    assert stage.order("outlets.refuse") == {"outlet": 1, "reason": "reserved"}
    assert stage.data("status") == "Reserved"
    stage.child("reservation.holder", idTag="X", reservationId=3)  # too late
    assert stage.data("status") == "Reserved"


@pytest.mark.ocpp_cases("TC_046_2", "TC_053_2", "D22")
@pytest.mark.parametrize(
    ("status", "holder", "answer"),
    [("Accepted", True, "Accepted"), ("Accepted", False, "Rejected"), ("Invalid", False, "Rejected")],
)
def test_remote_start_of_a_reserved_connector(status: str, holder: bool, answer: str) -> None:
    """The answer is whether he may: he, or one of his group, whom only the central system knows."""
    stage = Connector().play("reserved").post("remote_start", call="c", idTag="R")
    assert not stage.ordered("csms.RemoteStartTransactionConf")
    stage.ends("authorisation", status=status, parentIdTag=None)
    if status == "Accepted":
        stage.child(
            f"reservation.{'holder' if holder else 'stranger'}", idTag="R", **({"reservationId": 3} if holder else {})
        )
    assert stage.ordered("csms.RemoteStartTransactionConf") == [{"call": "c", "status": answer}]


def of_zero(told: str, call: str = "", **parameters: Any) -> Connector:
    """A card, or a remote start, while the charge point is reserved; what its reservation says of it."""
    stage = Connector(**parameters).play("plugged").post("zero_reserved")
    stage = (
        stage.post("remote_start", call=call, idTag="CARD")
        if call
        else stage.emit("outlets.token", outlet=1, id="CARD")
    )
    stage.ends("authorisation", status="Accepted", parentIdTag="GROUP")
    assert stage.told("zero_card") == [{"idTag": "CARD", "parentIdTag": "GROUP"}]
    assert not stage.active("user.known")
    return stage.post(told, **({"reservationId": 3} if told == "zero_holder" else {})) if told else stage


@pytest.mark.ocpp_cases("TC_049")
@pytest.mark.parametrize("call", ["", "c"])
def test_the_holder_of_the_charge_points_reservation(call: str) -> None:
    """His transaction carries its id, and uses it up; the connector's own reservation is another one."""
    stage = of_zero("zero_holder", call)
    assert stage.input("transaction")["reservationId"] == 3
    stage.child("transaction.started", transaction=7, at=5, meter=4000.0)
    assert (stage.told("zero_used"), stage.ordered("reservation.used")) == ([{}], [])
    assert [one["status"] for one in stage.ordered("csms.RemoteStartTransactionConf")] == ["Accepted"] * len(call)


@pytest.mark.ocpp_cases("TC_049")
@pytest.mark.parametrize("call", ["", "c"])
def test_a_stranger_while_the_charge_point_is_reserved(call: str) -> None:
    """He may as long as another connector is left for the holder; the status is never Reserved."""
    stage = of_zero("zero_free", call)
    assert stage.input("transaction")["reservationId"] is None
    assert stage.child("transaction.started", transaction=7, at=5, meter=4000.0).told("zero_used") == []
    for told, wait in (("zero_stranger", 0.0), ("", 5.0)):
        stage = of_zero(told, call).run(wait)
        assert stage.order("outlets.refuse") == {"outlet": 1, "reason": "reserved"}
        assert [one["status"] for one in stage.ordered("csms.RemoteStartTransactionConf")] == ["Rejected"] * len(call)
        assert "transaction" not in stage.children()
        stage.post("zero_holder", reservationId=3)
        assert "transaction" not in stage.children(), "too late"
    assert "Reserved" not in [one["status"] for one in stage.told("status")]


def test_a_reservation_of_the_charge_point_that_is_over() -> None:
    stage = Connector().play("plugged").post("zero_reserved").post("zero_over").emit("outlets.token", outlet=1, id="X")
    stage.ends("authorisation", status="Accepted", parentIdTag=None)
    assert stage.told("zero_card") == []
    assert stage.active("user.known")


def test_a_reservation_that_ends_while_a_remote_start_is_asked_for() -> None:
    """It is answered all the same."""
    stage = Connector().play("reserved").post("remote_start", call="c", idTag="R")
    stage.child("reservation.over", reservationId=3).ends("authorisation", status="Accepted", parentIdTag=None)
    assert stage.ordered("csms.RemoteStartTransactionConf") == [{"call": "c", "status": "Accepted"}]


RESERVE: dict[str, Any] = {"call": "c", "idTag": "A", "parentIdTag": None, "expiryDate": 99, "reservationId": 3}


@pytest.mark.ocpp_cases("TC_048_1", "TC_048_2", "TC_048_3")
@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("fault", "Faulted"),
        ("inoperative", "Unavailable"),
        ("plugged", "Occupied"),
        ("plugged card charging", "Occupied"),
    ],
)
def test_what_cannot_be_reserved(words: str, status: str) -> None:
    stage = Connector().play(words).post("reserve", **RESERVE)
    assert stage.order("csms.ReserveNowConf") == {"call": "c", "status": status}
    assert not stage.ordered("reservation.reserve")


@pytest.mark.parametrize("words", ["", "reserved"])
def test_what_can(words: str) -> None:
    stage = Connector().play(words).post("reserve", **RESERVE)
    assert stage.order("reservation.reserve") == {name: value for name, value in RESERVE.items() if value is not None}
    assert not stage.ordered("csms.ReserveNowConf")
    stage.play("reserved").post("cancel_reservation", call="d", reservationId=3)
    assert stage.told("reserved")[-1] == {"reservationId": 3}
    assert stage.order("reservation.cancel") == {"call": "d", "reservationId": 3}
    assert stage.play("over").told("reservation_over") == [{"reservationId": 3}]


# ---------------------------------------------------------------- availability


def test_out_of_service_and_back() -> None:
    stage = Connector().play("inoperative")
    assert stage.order("outlets.out_of_service") == {"outlet": 1}
    stage.play("operative")
    assert stage.order("outlets.in_service") == {"outlet": 1}


def test_availability_waits_for_who_is_here() -> None:
    """OCPP 1.6 5.2: after the transaction; there is no step from Preparing to Unavailable."""
    stage = charging().play("inoperative")
    assert not stage.ordered("outlets.out_of_service")
    assert stage.play("ended end").data("status") == "Finishing"
    assert stage.play("unplugged").data("status") == "Unavailable"
    waiting = Connector().play("card inoperative")
    assert waiting.data("status") == "Preparing"
    assert waiting.run(60).data("status") == "Unavailable"


def test_what_was_ordered_before_the_program_began() -> None:
    assert Connector(operative=False).data("status") == "Unavailable"


@pytest.mark.ocpp_cases("D7")
def test_held_for_a_reason_of_its_own() -> None:
    """Field: not stored, and it ends with its reason; what the central system ordered holds beside it."""
    stage = Connector().post("hold")
    assert stage.data("status") == "Unavailable"
    assert stage.post("release").play("unplugged").data("status") == "Available"
    assert stage.post("hold").play("inoperative").post("release").data("status") == "Unavailable"


@pytest.mark.parametrize(("here", "status"), [("unplugged", "Available"), ("plugged", "Preparing")])
def test_in_service_again_it_waits_for_what_is_there(here: str, status: str) -> None:
    """While it was shut it saw nobody: Available is no guess."""
    stage = Connector().play("unplugged inoperative operative")
    assert stage.order("outlets.in_service") == {"outlet": 1}
    assert stage.data("status") == "Unavailable"
    stage.forget().play(here)
    assert [one["status"] for one in stage.told("status")] == [status]


def test_unplugged_while_faulted_it_is_over_when_that_is_seen() -> None:
    """Before the fault is told to be mended: no vehicle is told to be there that has gone."""
    stage = Connector().play("plugged card charging fault").forget().play("unplugged")
    assert stage.order("transaction.stop")["reason"] == "EVDisconnected"  # type: ignore[index]
    stage.play("end mended")
    assert [one["status"] for one in stage.told("status")] == ["Available"]


def test_a_second_order_while_it_opens() -> None:
    """The vehicle that is there has not begun: closed again."""
    stage = Connector(free=True).play("inoperative plugged operative")
    assert stage.data("status") == "Unavailable"
    stage.forget().play("inoperative")
    assert stage.order("outlets.out_of_service") == {"outlet": 1}


# ---------------------------------------------------------------- unlock


@pytest.mark.ocpp_cases("TC_017_1", "TC_030")
@pytest.mark.parametrize("status", ["Unlocked", "UnlockFailed", "NotSupported"])
def test_unlock(status: str) -> None:
    stage = Connector().post("unlock", call="c").finish("unlock", status=status)
    assert stage.ordered("csms.UnlockConnectorConf") == [{"call": "c", "status": status}]


@pytest.mark.parametrize("how", ["failed", "silent"])
def test_unlock_that_fails(how: str) -> None:
    stage = Connector().post("unlock", call="c")
    stage.fail("unlock") if how == "failed" else stage.run(34.999)
    assert bool(stage.ordered("csms.UnlockConnectorConf")) is (how == "failed"), "an outlet may go down first"
    stage.run(0.001)
    assert stage.ordered("csms.UnlockConnectorConf") == [{"call": "c", "status": "UnlockFailed"}]


@pytest.mark.ocpp_cases("TC_018_1")
def test_unlock_with_a_transaction() -> None:
    stage = charging().post("unlock", call="c")
    assert stops(stage) == [("UnlockCommand", None)]
    assert not stage.ordered("outlets.unlock")
    stage.post("unlock", call="d")
    assert stage.ordered("csms.UnlockConnectorConf") == [{"call": "d", "status": "UnlockFailed"}]
    stage.play("ended end")
    assert stage.order("outlets.unlock") == {"outlet": 1}
    stage.finish("unlock", status="Unlocked")
    assert stage.order("csms.UnlockConnectorConf") == {"call": "c", "status": "Unlocked"}


@pytest.mark.ocpp_cases("TC_017_2")
def test_unlock_a_fixed_cable() -> None:
    stage = Connector(without_lock=(1,)).post("unlock", call="c")
    assert stage.ordered("csms.UnlockConnectorConf") == [{"call": "c", "status": "NotSupported"}]
    assert not stage.ordered("outlets.unlock")


@pytest.mark.ocpp_cases("TC_018_2")
def test_unlock_a_fixed_cable_with_a_transaction() -> None:
    """It goes on; that another outlet has no lock is of no account."""
    assert stops(charging(without_lock=(2,)).post("unlock", call="c")) == [("UnlockCommand", None)]
    stage = charging(without_lock=(1,)).post("unlock", call="c").run(60)
    assert stage.ordered("csms.UnlockConnectorConf") == [{"call": "c", "status": "NotSupported"}]
    assert stops(stage) == []
    assert not stage.ordered("outlets.unlock")


@pytest.mark.ocpp_cases("TC_024")
@pytest.mark.parametrize("words", ["plugged", ""])
def test_a_lock_that_fails(words: str) -> None:
    """Whoever shows a card: there is no transaction, and the central system hears why."""
    stage = online(Connector()).finish("notify").play(words)
    stage.emit("outlets.fault", outlet=1, errorCode="ConnectorLockFailure", info="", emergency=False)
    stage.emit("outlets.token", outlet=1, id="CARD")
    if "authorisation" in stage.children():
        stage.ends("authorisation", status="Accepted", parentIdTag=None)
    stage.run(30)
    assert ("Faulted", "ConnectorLockFailure") in told(stage)
    assert "transaction" not in stage.children()


def test_unlock_where_nothing_ends() -> None:
    stage = charging().post("unlock", call="c").run(29.999)
    assert not stage.ordered("outlets.unlock")
    assert stage.run(0.001).ordered("outlets.unlock")


def test_two_reasons_to_unlock() -> None:
    stage = charging(UnlockConnectorOnEVSideDisconnect=True).post("unlock", call="c").play("detached end")
    assert len(stage.ordered("outlets.unlock")) == 1


# ---------------------------------------------------------------- limits


@pytest.mark.ocpp_cases("D11")
def test_limits_hold_before_anything_flows() -> None:
    """Field: after a pause the vehicle started at full current and the limit came later."""
    stage = Connector().post("limit", power=None, current=8.0)
    assert stage.order("outlets.limit_outlet") == {"outlet": 1, "current": 8.0}
    stage.forget().play("plugged card")
    orders = [order.what for order in stage.orders if order.what.startswith("outlets.")]
    assert orders == ["outlets.limit_outlet", "outlets.authorise"]


# ---------------------------------------------------------------- what is told


@pytest.mark.ocpp_cases("D8")
def test_a_change_is_told() -> None:
    """OCPP 1.6 errata 3.19; timestamps are those of the telling (6.47)."""
    stage = online(Connector())
    assert told(stage) == [("Available", "NoError")]
    stage.finish("notify").values("clock", now=77)
    stage.play("plugged")
    assert told(stage)[-1] == ("Preparing", "NoError")
    assert stage.order(NOTIFY) == {
        "connectorId": 1,
        "errorCode": "NoError",
        "info": "",
        "status": "Preparing",
        "timestamp": 77,
    }


def test_what_does_not_last_is_not_told() -> None:
    """OCPP 1.6 9.1.19."""
    stage = online(Connector(MinimumStatusDuration=5 * S)).run(5)
    stage.finish("notify").play("plugged").run(4.999)
    stage.play("unplugged").run(60)
    assert told(stage) == [("Available", "NoError")]
    stage.play("plugged").run(3)
    stage.play("card charging").run(4.999)
    assert told(stage) == [("Available", "NoError")]
    stage.run(0.001)
    assert told(stage)[1:] == [("Charging", "NoError")]


@pytest.mark.ocpp_cases("D8")
def test_after_an_outage_the_present_one_is_told_once_if_it_changed() -> None:
    """Field: the history of an outage, with old times, or the same again."""
    stage = online(Connector())
    stage.finish("notify").post("may_not_send").play("plugged card charging").post("may_send")
    assert told(stage) == [("Available", "NoError"), ("Charging", "NoError")]
    stage.finish("notify").post("may_not_send").play("suspended_ev charging").post("may_send")
    assert len(told(stage)) == 2


def test_after_a_boot_and_on_request_it_is_told_whatever_was_told() -> None:
    """OCPP 1.6 errata 3.22; TC_054."""
    stage = online(Connector()).finish("notify").post("tell_status", now=False)
    assert told(stage) == [("Available", "NoError")] * 2


@pytest.mark.parametrize("reason", ["disconnected", "not_connected", "full"])
def test_what_did_not_arrive_is_told_again(reason: str) -> None:
    stage = online(Connector()).fail("notify", reason)
    assert told(stage) == [("Available", "NoError")] * 2


@pytest.mark.parametrize("how", ["refused", "silent"])
def test_what_is_refused_is_not(how: str) -> None:
    """A central system that answers each with an error is not asked in a loop."""
    stage = online(Connector())
    stage.fail("notify", "InternalError") if how == "refused" else stage.run(30)
    stage.run(1000)
    assert len(told(stage)) == 1
    stage.play("plugged")
    assert len(told(stage)) == 2


def test_a_change_while_another_is_told() -> None:
    stage = online(Connector()).play("plugged")
    assert len(told(stage)) == 1
    stage.finish("notify")
    assert told(stage)[-1] == ("Preparing", "NoError")


def test_faults_and_warnings() -> None:
    """OCPP 1.6 7.6: a warning is an error code at a status that goes on; a new fault in place of another is told."""
    stage = online(Connector()).finish("notify").play("plugged")
    stage.finish("notify").emit("outlets.warning", outlet=1, errorCode="EVCommunicationError", info="no answer")
    assert told(stage)[-1] == ("Preparing", "EVCommunicationError")
    stage.finish("notify").play("wanting")
    assert told(stage)[-1] == ("Preparing", "NoError")
    stage.finish("notify").play("fault")
    assert told(stage)[-1] == ("Faulted", "GroundFailure")
    stage.finish("notify").emit("outlets.fault", outlet=1, errorCode="HighTemperature", info="hot", emergency=False)
    stage.emit("outlets.warning", outlet=1, errorCode="WeakSignal", info="").play("plugged")
    assert told(stage)[-1] == ("Faulted", "HighTemperature")
    assert stage.order(NOTIFY)["info"] == "hot"  # type: ignore[index]
    stage.finish("notify").play("mended")
    assert told(stage)[-1] == ("Preparing", "NoError")
    assert stage.told("status")[-1] == {"status": "Preparing", "errorCode": "NoError"}


@pytest.mark.ocpp_cases("TC_071")
def test_meter_values_by_the_clock() -> None:
    """Without a transaction; errata 3.16."""
    stage = online(Connector(MeterValuesAlignedData=["SoC"])).finish("notify").post("by_clock").post("by_clock")
    told_ = stage.input("by_clock")
    assert (told_["to"], told_["context"], told_["measurands"]) == ("central_system", "Sample.Clock", ["SoC"])
    stage.ends("by_clock", **NOTHING)
    assert stage.children() == ["reservation"]
    assert stage.post("by_clock").children() == ["by_clock", "reservation"]


def test_none_by_the_clock_where_nobody_can_be_told() -> None:
    assert Connector().post("by_clock").children() == ["reservation"]


@pytest.mark.ocpp_cases("TC_071")
def test_with_a_transaction_it_is_the_transactions() -> None:
    stage = online(Connector()).play("plugged card charging").post("by_clock")
    assert "by_clock" not in stage.children()
    assert stage.order("transaction.by_clock") == {}


@pytest.mark.parametrize("words", ["", "plugged card charging"])
def test_meter_values_on_request(words: str) -> None:
    """With a transaction they are its, and stored."""
    stage = online(Connector(MeterValuesSampledData=["SoC"])).play(words)
    stage.post("tell_meter_values", transactionId=None).post("tell_meter_values", transactionId=None)
    asked = stage.input("asked")
    assert (asked["context"], asked["measurands"]) == ("Trigger", ["SoC"])
    assert (asked["to"], asked["transaction"]) == (("ledger", 7) if words else ("central_system", 0))
    stage.ends("asked", **NOTHING)
    assert stage.post("tell_meter_values", transactionId=None).input("asked")


@pytest.mark.ocpp_cases("TC_002")
def test_meter_values_on_request_while_pending() -> None:
    """4.2: what the ledger keeps waits for the registration, what is triggered does not."""
    stage = Connector(MeterValuesSampledData=["SoC"]).play("plugged card charging")
    asked = stage.post("tell_meter_values", transactionId=42).input("asked")
    assert (asked["to"], asked["transactionId"]) == ("central_system", 42)


@pytest.mark.ocpp_cases("TC_002")
@pytest.mark.parametrize("how", ["answered", "refused", "late"])
def test_a_status_on_request_while_pending(how: str) -> None:
    """4.2: what was asked for; what changes afterwards waits until anything may be sent, and is told then."""
    stage = Connector().play("plugged").post("tell_status", now=True)
    assert told(stage) == [("Preparing", "NoError")]
    if how == "answered":
        stage.finish("notify_once")
    elif how == "refused":
        stage.fail("notify_once", "InternalError")
    else:
        stage.run(30)
    stage.play("card charging").run(100)
    assert len(told(stage)) == 1
    stage.post("tell_status", now=True)
    assert told(stage)[-1] == ("Charging", "NoError")
    assert online(stage.finish("notify_once")).unhandled == []
    assert [one for one, _ in told(stage)] == ["Preparing", "Charging", "Charging"]


# ---------------------------------------------------------------- a power loss


UNFINISHED: dict[str, Any] = {"transaction": 7, "transactionId": 42, "idTag": "OLD", "meterStart": 4000}
UNFINISHED |= {"timestamp": 100, "meter": 4500, "metered": 200}


CLOSING = {"outlet": 1, "reason": "a transaction is being closed"}


def cut(**parameters: Any) -> Connector:
    stage = Connector(**parameters)
    stage.emit("ledger.unfinished", connectorId=2, **UNFINISHED).emit("ledger.unfinished", connectorId=1, **UNFINISHED)
    return stage


@pytest.mark.ocpp_cases("TC_032_2")
def test_what_a_power_loss_cut_goes_on() -> None:
    """The system replaced promised it: the vehicle is still there, the same transaction, its card ends it."""
    stage = cut().play("plugged")
    given = stage.input("transaction")
    assert (given["resumed"], given["resumed_from"], given["resumed_at"], given["idTag"]) == (7, 4000.0, 100, "OLD")
    assert (given["resumed_meter"], given["resumed_last"]) == (4500.0, 200)
    stage.play("charging")
    assert [one["status"] for one in stage.told("status")] == ["Available", "Preparing", "Charging"]
    assert stage.told("transaction_id") == [{"transactionId": 42}], "it can be stopped by its id"
    second_card(stage, "OLD")
    assert stops(stage) == [("Local", "OLD")]


@pytest.mark.ocpp_cases("TC_032_2")
@pytest.mark.parametrize("how", ["nobody", "policy", "free", "detached", "inoperative"])
def test_or_is_ended(how: str) -> None:
    """By what is seen; an outlet that says nothing is waited for."""
    stage = cut(resume_transactions=how != "policy", operative=how != "inoperative")
    if how in ("nobody", "free", "detached"):
        if how != "nobody":
            stage.run(5).play("unplugged" if how == "free" else how)
        stage.post("remote_start", call="c", idTag="X")
        stage.run(9.999 if how == "nobody" else 1.999)
        assert stage.order("csms.RemoteStartTransactionConf") == {"call": "c", "status": "Rejected"}
        assert stops(stage) == []
        stage.run(0.001)
    assert stage.input("transaction")["resumed"] == 7
    assert stops(stage) == [("PowerLoss", None)]
    stage.child("transaction.started", transaction=7, at=0, meter=4000.0)
    assert stage.ordered("outlets.authorise") == [], "the next vehicle would charge without a card"
    stage.emit("outlets.token", outlet=1, id="X")
    assert stage.order("outlets.refuse") == CLOSING
    stage.emit("outlets.token", outlet=1, id="OLD")
    assert len(stage.ordered("outlets.refuse")) == 1, "it ends already"
    stage.play("end unplugged")
    if how in ("policy", "inoperative"):
        assert "Preparing" not in [one["status"] for one in stage.told("status")]
    assert stage.told("status")[-1]["status"] == ("Unavailable" if how == "inoperative" else "Available")


def test_a_plug_that_bounces_after_the_start_is_there() -> None:
    stage = cut().play("unplugged").run(1.9)
    assert stage.play("plugged").input("transaction")["resumed"] == 7
    assert stops(stage.run(20)) == []


def test_a_fault_at_the_start_is_waited_for() -> None:
    stage = cut().play("fault plugged").run(5)
    assert "transaction" not in stage.children()
    assert stops(stage.play("mended")) == []
    assert stage.input("transaction")["resumed"] == 7


def test_what_is_cut_is_open() -> None:
    """It has its number and its id, takes limits, and its connector is somebody's."""
    stage = cut()
    assert stage.told("transaction_started") == [{"transaction": 7, "idTag": "OLD", "at": 100, "call": ""}]
    assert stage.told("transaction_id") == [{"transactionId": 42}]
    assert stage.told("status")[-1]["status"] == "Preparing"
    reserve = {"idTag": "X", "parentIdTag": None, "expiryDate": 1, "reservationId": 1}
    for one in (stage, cut().play("unplugged")):
        one.post("reserve", call="r", **reserve)
        assert one.order("csms.ReserveNowConf") == {"call": "r", "status": "Occupied"}
    stage.play("plugged").child("transaction.started", transaction=7, at=100, meter=4000.0)
    assert len(stage.told("transaction_started")) == len(stage.told("transaction_id")) == 1
    assert not stage.ordered("reservation.used")


@pytest.mark.parametrize(
    ("how", "reason"), [("remote_stop", "Remote"), ("finish", "SoftReset"), ("unlock", "UnlockCommand")]
)
def test_and_can_be_stopped(how: str, reason: str) -> None:
    data = {"remote_stop": {}, "finish": {"reason": "SoftReset"}, "unlock": {"call": "u"}}[how]
    assert stops(cut().post(how, **data)) == [(reason, None)]


@pytest.mark.parametrize("status", ["Accepted", "Blocked"])
def test_the_answer_to_its_start_may_come_meanwhile(status: str) -> None:
    stage = Connector().emit("ledger.unfinished", connectorId=1, **{**UNFINISHED, "transactionId": None})
    answer = {"action": "StartTransaction", "status": status, "transactionId": 42, "parentIdTag": None}
    stage.emit("ledger.answered", transaction=8, **answer)
    assert (stage.told("transaction_id"), stops(stage)) == ([], [])
    stage.emit("ledger.answered", transaction=7, **answer)
    assert stops(stage) == ([] if status == "Accepted" else [("DeAuthorized", None)])
    if status == "Accepted":
        assert stage.told("transaction_id") == [{"transactionId": 42}]


@pytest.mark.parametrize("words", ["", "unplugged", "fault plugged"])
def test_its_owners_card_ends_it(words: str) -> None:
    """As while it charged, whether or not his vehicle has been seen yet; he was refused: "not now"."""
    stage = cut().play(words).emit("outlets.token", outlet=1, id="OLD")
    assert stops(stage) == [("Local", "OLD")]
    assert stage.ordered("outlets.refuse") == []


def test_somebody_else_does_not_go_on_with_it() -> None:
    """His card is shown before his vehicle is plugged in: it would have charged in the other one's transaction."""
    stage = cut().emit("outlets.token", outlet=1, id="X")
    assert stage.order("outlets.refuse") == CLOSING
    assert stops(stage) == [("PowerLoss", None)]
    stage.child("transaction.started", transaction=7, at=0, meter=4000.0).play("plugged")
    assert stage.ordered("outlets.authorise") == []


@pytest.mark.parametrize(("reads", "added"), [(0.0, [4500.0]), (500.0, [4000.0]), (4500.0, []), (4500.9, [])])
def test_a_meter_that_begins_anew_counts_on(reads: float, added: list[float]) -> None:
    """What is in the file was told the central system: its register never falls."""
    stage = Connector().emit("ledger.register", connectorId=2, energy=9000)
    assert stage.ordered(READ) == []
    stage.emit("ledger.register", connectorId=1, energy=4500)
    assert stage.order(READ) == {"outlet": 1}
    measured: dict[str, Any] = {"power": 0.0, "voltage": 0.0, "current": 0.0, "soc": None, "temperature": None}
    none: dict[str, Any] = {"offered_power": None, "offered_current": None, "phase_voltages": [], "phase_currents": []}
    stage.finish("register", energy=reads, **measured, **none)
    assert stage.ordered("outlets.count_on") == [{"outlet": 1, "energy": one} for one in added]


@pytest.mark.parametrize("how", ["silent", "fails"])
def test_a_meter_that_says_nothing_is_as_it_is(how: str) -> None:
    stage = Connector().emit("ledger.register", connectorId=1, energy=4500)
    if how == "fails":
        stage.fail("register", reason="the outlet has ended")
    else:
        assert stage.run(4.999).active("register.comparing")
        stage.run(0.001)
    assert stage.active("register.as_read")
    assert stage.ordered("outlets.count_on") == []


# ---------------------------------------------------------------- an end that the store does not take

END: dict[str, Any] = {"transaction": 7, "by": "CARD", "meterStop": 6000.9, "at": 1060 * S, "reason": "Local"}
END |= {"timestamp": [1060 * S], **{name: ["x"] for name in ROWS[1:]}}


def owing() -> Connector:
    stage = charging()
    stage.child("transaction.unkept", **END).play("end")
    return stage


def test_an_end_that_is_not_kept_yet_is_kept_later() -> None:
    """Disk full for an hour: the connector is its next user's, the end goes into the store when it can."""
    stage = owing()
    assert stage.input("closing", 7) == {**stage.input("closing", 7), **END}
    assert (stage.told("owes"), len(stage.told("transaction_ended"))) == ([{"some": True}], 1)
    stage.child("closing.late", 7, reason="disk full")
    assert stage.told("lost") == [{"what": "the end of a transaction, so far: disk full"}]
    stage.play("unplugged")
    assert stage.told("status")[-1]["status"] == "Available"
    stage.ends("closing", 7)
    assert stage.told("owes") == [{"some": True}, {"some": False}]
    assert not stage.ordered("transaction.may_follow")


def test_who_comes_next_waits_behind_it() -> None:
    stage = owing().play("unplugged plugged card")
    assert stage.input("transaction")["behind"]
    assert stage.ordered("closing.now") == [{}]
    assert not stage.ordered("transaction.may_follow")
    stage.ends("closing", 7)
    assert stage.ordered("transaction.may_follow") == [{}]
    assert not charging().input("transaction")["behind"]


def test_one_whose_chart_has_broken_blocks_nobody() -> None:
    stage = owing()
    stage.system.stop(stage.actor.children["closing", 7])
    breaks(stage, "closing")
    assert stage.told("owes")[-1] == {"some": False}


@pytest.mark.parametrize("here", ["charges", "known", "asked for"])
def test_a_file_that_was_read_late_tells_of_one_that_was_cut(here: str) -> None:
    """Somebody else is there by then, and would charge in it: it is over, with the last reading that is known."""
    stage = charging() if here == "charges" else Connector().play("card" if here == "known" else "")
    if here == "asked for":
        stage.emit("outlets.token", outlet=1, id="X")
    unfinished = {**UNFINISHED, "transaction": 3}
    stage.values("clock", now=900).emit("ledger.unfinished", connectorId=2, **unfinished)
    assert "closing" not in stage.children()
    stage.emit("ledger.unfinished", connectorId=1, **unfinished)
    closed = stage.input("closing", 3)
    assert (closed["meterStop"], closed["at"], closed["reason"]) == (4500.0, 900, "PowerLoss")
    assert stops(stage) == []


# ---------------------------------------------------------------- is it off?


@pytest.mark.parametrize(("words", "flowing"), [("suspended_ev", True), ("plugged", True), ("suspended_evse", True)])
def test_an_outlet_that_is_not_off_may_give_energy_yet(words: str, flowing: bool) -> None:
    stage = charging().play(words)
    second_card(stage, "CARD")
    assert stage.order("transaction.stop")["flowing"] is flowing


@pytest.mark.parametrize("words", ["unplugged", "detached", "ended"])
def test_one_that_is_off_is_read_at_once(words: str) -> None:
    assert charging().play(words).order("transaction.stop")["flowing"] is False


def test_one_that_is_out_of_order_switches_off_by_itself() -> None:
    stage = charging()
    stage.emit("outlets.fault", outlet=1, errorCode="OtherError", info="", emergency=True)
    assert stage.order("transaction.stop")["faulty"] is True


# ---------------------------------------------------------------- again, without unplugging


def test_the_next_one_charges_without_unplugging() -> None:
    """OCPP 1.6 4.9 F2: the outlet asks its vehicle again, and a transaction begins when that is there."""
    stage = charging().play("ended end")
    stage.forget()
    stage.play("card")
    assert stage.ordered("outlets.invite_again") == [{"outlet": 1}]
    assert "transaction" not in stage.children(), "nothing flows before the store has its start"
    stage.play("wanting charging")
    assert [one["status"] for one in stage.told("status")] == ["Preparing", "Charging"]


LATE = ["ended", "unplugged", "detached", "wanting", "fault"]


@pytest.mark.parametrize("late", LATE)
def test_nobody_begins_at_an_outlet_that_goes_down(late: str) -> None:
    """Its `ended` came after T_energy, and ended the transaction of who was accepted meanwhile."""
    stage = charging()
    stage.post("remote_stop").play("plugged end")
    assert stage.data("status") == "Finishing"
    stage.emit("outlets.token", outlet=1, id="CARD")
    assert stage.order("outlets.refuse") == CLOSING
    stage.post("remote_start", call="c", idTag="X")
    assert stage.order("csms.RemoteStartTransactionConf") == {"call": "c", "status": "Rejected"}
    assert len(stage.ordered("outlets.stop")) == 1, "nothing flows"
    stage.play(f"{late} mended" if late == "fault" else late)
    if late == "detached":
        stage.play("unplugged")
    stage.post("remote_start", call="d", idTag="X")
    assert stage.order("csms.RemoteStartTransactionConf") == {"call": "d", "status": "Accepted"}
    stage.play("wanting")
    assert stops(stage) == [("Remote", None)]


def test_one_that_says_nothing_more_is_off() -> None:
    stage = charging().post("remote_stop").play("plugged end").run(34.999)
    assert stage.active("transaction.none.going_down")
    stage.run(0.001).post("remote_start", call="c", idTag="X")
    assert stage.order("csms.RemoteStartTransactionConf") == {"call": "c", "status": "Accepted"}
    assert len(stage.ordered("outlets.stop")) == 1


@pytest.mark.parametrize("gives", ["charging", "suspended_ev", "suspended_evse"])
def test_one_that_gives_still_is_stopped_until_it_does_not(gives: str) -> None:
    """No energy without a transaction."""
    stage = charging().play(gives).post("remote_stop").play("end")
    assert len(stage.ordered("outlets.stop")) == 2
    stage.run(35).post("remote_start", call="c", idTag="X")
    assert len(stage.ordered("outlets.stop")) == 3
    assert stage.order("csms.RemoteStartTransactionConf") == {"call": "c", "status": "Rejected"}
    stage.play("plugged").emit("outlets.state", outlet=2, state=gives)
    assert len(stage.ordered("outlets.stop")) == 3
    stage.play(gives)
    assert len(stage.ordered("outlets.stop")) == 4
    stage.play("ended").run(60)
    assert len(stage.ordered("outlets.stop")) == 4


def test_a_vehicle_is_nobodys_card_while_its_outlet_goes_down() -> None:
    stage = Connector(autocharge="EVCCID").play("plugged card charging").post("remote_stop").play("plugged end")
    assert "authorisation" not in stage.emit("outlets.vehicle", **VEHICLE).children()


def test_a_vehicle_that_is_not_over_is_not_asked_again() -> None:
    assert not charging().ordered("outlets.invite_again")
    assert not Connector().play("card plugged").ordered("outlets.invite_again")


def test_a_vehicle_that_does_not_come_again() -> None:
    """F2, and B6 when nobody has come in ConnectionTimeOut."""
    stage = charging().play("ended end")
    stage.forget()
    stage.play("card").run(120)
    assert [one["status"] for one in stage.told("status")] == ["Preparing", "Finishing"]


# ---------------------------------------------------------------- an idTag is a CiString20Type


def test_large_and_small_letters_are_one_card() -> None:
    """OCPP 1.6 7.28: two readers, or an app and a reader, write one card differently."""
    stage = charging()
    second_card(stage, "card")
    assert stops(stage) == [("Local", "card")]
    stage = Connector().play("card").emit("outlets.token", outlet=1, id="card")
    assert stage.active("user.nobody")
    stage = charging(UnlockConnectorOnEVSideDisconnect=False).play("detached end")
    stage.emit("outlets.token", outlet=1, id="card")
    assert stage.ordered("outlets.unlock") == [{"outlet": 1}]
    stage = cut().emit("outlets.token", outlet=1, id="old")
    assert stops(stage) == [("Local", "old")]


@pytest.mark.parametrize(("parent", "ends"), [("family", True), ("other", False), (None, False)])
def test_and_one_group(parent: str | None, ends: bool) -> None:
    stage = Connector().play("plugged").emit("outlets.token", outlet=1, id="A")
    stage.ends("authorisation", status="Accepted", parentIdTag="FAMILY").child(
        "transaction.started", transaction=7, at=0, meter=4000.0
    )
    stage.emit("outlets.state", outlet=1, state="charging")
    second_card(stage, "B", parent=parent)
    assert stops(stage) == ([("Local", "B")] if ends else [])


@pytest.mark.parametrize("words", ["", "plugged", "plugged card charging", "plugged card charging end", "inoperative"])
def test_what_comes_too_late_or_concerns_others_is_known(words: str) -> None:
    """An event that no state knows is a warning in the log of each station."""
    stage = Connector().play(words)
    stage.emit("settings.changed", key="HeartbeatInterval").emit("cards.failed", reason="disk full")
    stage.emit("outlets.fault_cleared", outlet=1).emit("outlets.vehicle", **VEHICLE)
    stage.child("reservation.holder", idTag="CARD", reservationId=3).child("reservation.stranger", idTag="CARD")
    stage.post("zero_holder", reservationId=3).post("zero_free").post("zero_stranger").post("may_not_send")
    stage.emit("outlets.warning", outlet=1, errorCode="WeakSignal", info="").play("fault mended")
    online(stage).post("may_send").emit("outlets.warning", outlet=1, errorCode="WeakSignal", info="")
    stage.play("fault mended").run(1)
    stage.play("fault mended").post("by_clock").post("by_clock")
    stage.post("tell_meter_values", transactionId=None).post("tell_meter_values", transactionId=None)
    if not words:
        stage.post("finish", reason="Other").post("remote_stop")
    assert stage.unhandled == []
