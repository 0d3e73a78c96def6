"""Scenarios of machines/v2g/secc.yaml up to the authorised vehicle, and how sessions end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.secc import (
    DIN,
    EVCCID,
    ID,
    ISO2,
    STEPS,
    TESLA,
    answer,
    arrive,
    ask,
    call,
    connect,
    hang_up,
    last_word,
    offer,
    refused,
    station,
    walk,
)
from tests.scenarios.stage import S, Stage

ZERO = bytes(8)
OTHER = bytes.fromhex("b1b2b3b4b5b6b7b8")
OK = {"ResponseCode": "OK"}
WAITING = ("AuthorizationRes", {**OK, "EVSEProcessing": "Ongoing_WaitingForCustomerInteraction"})
IN_SESSION = STEPS[2:]
FAILED_END = [{"end": "failed"}]


# ---------------------------------------------------------------- the port


@pytest.mark.parametrize("tls", [False, True])
def test_port_is_announced_when_it_is_open(tls: bool) -> None:
    """SDP would send a vehicle to a port where nobody listens, or to plain TCP where TLS is wanted."""
    stage = Stage("machines/v2g/secc.yaml", tls=tls)
    assert stage.orders[0].what == "v2g.listen"
    assert stage.order("v2g.listen") == {"tls": tls, "connections": 32, "connections_of_peer": 8, "time": 18 * S}
    assert stage.states == ("opening",)
    for attempt in (2, 3):  # no address yet: the chart tries again
        stage.emit("v2g.not_listening", reason="eth1 has no link-local address").run(0.099)
        assert stage.states == ("portless",)
        assert len(stage.times("v2g.listen")) == attempt - 1
        stage.run(0.001)
        assert len(stage.times("v2g.listen")) == attempt
    assert stage.breaks("v2g", "no more descriptors").unhandled == []
    stage.emit("v2g.listening", port_tcp=61341, port_tls=61342)
    assert stage.told("listening") == [{"port_tcp": 61341, "port_tls": 61342}]
    assert stage.states == ("waiting",)
    assert not stage.told("session_ended")


def test_nothing_the_supervisor_says_between_sessions_is_lost_or_starts_one() -> None:
    """An event nobody handles stops a strict run; one that counted would hit the next vehicle."""
    stage = station()
    for event in ("stop", "current_off", "insulation_fault", "renegotiate", "emergency", "malfunction", "abort"):
        stage.post(event)
        assert stage.states == ("waiting",)
    assert (stage.unhandled, stage.orders, stage.said) == ([], [], [])
    walk(connect(stage), "supportedAppProtocol", "CableCheck")
    _, told = answer(stage, "CableCheck")
    assert (told["EVSENotification"], told["EVSEIsolationStatus"]) == ("None", "Invalid")


def test_user_known_before_the_vehicle_connects() -> None:
    """A card shown before plugging in is taken: no second question, no Ongoing."""
    stage = station().post("authorise")
    arrive("Authorization", stage)
    assert not stage.told("authorisation_wanted")
    assert answer(stage, "Authorization") == ("AuthorizationRes", {**OK, "EVSEProcessing": "Finished"})


# ---------------------------------------------------------------- whose connection is served

CAR, STRANGER = "fe80::c0ff:fe00:1%eth1", "fe80::bad%eth1"
CAR_MAC, STRANGER_MAC = bytes.fromhex("02c000000001"), bytes.fromhex("020000000bad")


def test_connections_are_limited_as_the_parameters_say() -> None:
    """A site with many hosts on one link needs others."""
    stage = Stage("machines/v2g/secc.yaml", C_connections=3, C_connections_of_peer=2)
    assert stage.order("v2g.listen") == {"tls": False, "connections": 3, "connections_of_peer": 2, "time": 18 * S}


def test_who_speaks_v2g_is_served() -> None:
    """Connections that say nothing never become a session; the first that speaks does."""
    stage = station().emit("v2g.turned_away", peer=STRANGER, reason="no call within 18 s", count=3)
    assert (stage.states, stage.orders, stage.said, stage.unhandled) == (("waiting",), [], [], [])
    call(stage, 7, CAR)
    assert [(o.what, o.args) for o in stage.orders] == [("v2g.serve", {"connection": 7})]
    assert stage.active("session.dialogue.protocol_choice")


@pytest.mark.parametrize("step", [*STEPS[:3], "CurrentDemand"])
def test_nobody_takes_a_session_from_a_vehicle(step: str) -> None:
    """A stranger who speaks V2G beside the vehicle is refused, whatever the session does; so is who asked by SDP, once
    a session stands."""
    stage = arrive(step).post("vehicle_asked", peer="fe80::1").post("vehicle_matched", mac=CAR_MAC).forget()
    before = stage.states
    call(stage, 2, STRANGER, STRANGER_MAC)
    stage.emit("v2g.turned_away", peer=STRANGER, reason="reset", count=1)
    assert [(o.what, o.args) for o in stage.orders] == [("v2g.refuse", {"connection": 2})]
    assert stage.states == before
    if step not in STEPS[:2]:
        call(stage.post("vehicle_asked", peer=STRANGER).forget(), 3, STRANGER, STRANGER_MAC)
        assert stage.order("v2g.refuse") == {"connection": 3}
        assert stage.states == before
    assert not stage.unhandled


@pytest.mark.parametrize("step", [*STEPS[:3], "CurrentDemand"])
def test_a_vehicle_that_connects_anew_is_served_anew(step: str) -> None:
    """Its old connection may look alive for a minute; the old session ends, the output goes off, the new one begins."""
    stage = arrive(step).forget()
    call(stage, 2, "fe80::1")
    assert stage.order("v2g.serve") == {"connection": 2}
    stood = step not in STEPS[:2]
    assert stage.told("session_ended") == (FAILED_END if stood else [])
    assert stage.told("power_off") == ([{}] if stood else [])
    assert stage.active("session.dialogue.protocol_choice")
    hang_up(stage)
    assert stage.states == ("waiting",)  # the connection is not served twice


@pytest.mark.parametrize("step", [*STEPS[:3], "CableCheck"])
def test_the_matched_vehicle_goes_first(step: str) -> None:
    """A stranger on the link was quicker: the vehicle whose MAC SLAC has matched takes his place, and keeps it."""
    stage = station().post("vehicle_matched", mac=CAR_MAC)
    assert stage.order("v2g.expect") == {"peer": "", "mac": CAR_MAC}
    call(stage, 1, STRANGER, STRANGER_MAC)
    walk(stage, STEPS[0], step)
    call(stage.forget(), 2, CAR, CAR_MAC)
    assert stage.order("v2g.serve") == {"connection": 2}
    assert stage.told("session_ended") == (FAILED_END if step not in STEPS[:2] else [])
    assert stage.active("session.dialogue.protocol_choice")
    stage.forget().post("vehicle_asked", peer=STRANGER)
    assert stage.order("v2g.expect") == {"peer": STRANGER, "mac": CAR_MAC}
    call(stage, 3, STRANGER, STRANGER_MAC)
    call(stage, 4, "fe80::4%eth1", CAR_MAC)  # nobody else of that MAC is the vehicle either
    assert stage.ordered("v2g.refuse") == [{"connection": 3}, {"connection": 4}]
    assert stage.ordered("v2g.serve") == []
    call(stage, 5, CAR, CAR_MAC)
    assert stage.order("v2g.serve") == {"connection": 5}


def test_without_slac_nobody_is_matched() -> None:
    """No MAC behind the address and none from SLAC are no match."""
    stage = call(station(), 1, STRANGER)
    call(stage.forget(), 2, CAR)
    assert stage.order("v2g.refuse") == {"connection": 2}
    assert stage.ordered("v2g.serve") == []


@pytest.mark.parametrize("step", STEPS[:2])
def test_who_asked_by_sdp_goes_first_until_a_session_stands(step: str) -> None:
    """Somebody who only connects and speaks does not keep out the vehicle that looked for its station."""
    stage = station().post("vehicle_asked", peer=CAR)
    assert stage.order("v2g.expect") == {"peer": CAR, "mac": b""}
    stage.forget().post("vehicle_asked", peer=CAR)
    assert stage.orders == []  # it asks four times a second
    call(stage, 1, STRANGER)
    walk(stage, STEPS[0], step)
    call(stage.forget(), 2, CAR)
    assert stage.order("v2g.serve") == {"connection": 2}
    assert stage.active("session.dialogue.protocol_choice")
    call(stage.forget(), 3, STRANGER)
    assert stage.order("v2g.refuse") == {"connection": 3}


@pytest.mark.parametrize("in_session", [False, True])
def test_the_next_vehicle_is_another_one(in_session: bool) -> None:
    """Unplugged: who was matched and who asked are no longer known."""
    stage = station().post("vehicle_matched", mac=CAR_MAC).post("vehicle_asked", peer=CAR)
    if in_session:
        call(stage, 1, STRANGER)
    stage.post("abort")
    assert stage.states == ("waiting",)
    call(stage.forget(), 2, STRANGER)
    call(stage, 3, CAR, CAR_MAC)
    assert stage.order("v2g.refuse") == {"connection": 3}
    stage.forget().post("vehicle_asked", peer=CAR)
    assert stage.order("v2g.expect") == {"peer": CAR, "mac": b""}


# ---------------------------------------------------------------- supportedAppProtocol


@pytest.mark.cases("CMN_SupportedAppProtocol")
@pytest.mark.parametrize(
    ("offered", "code", "schema_id", "protocol"),
    [
        ([(DIN, 2, 0, 0, 1)], "OK_SuccessfulNegotiation", 0, "din"),
        ([(ISO2, 2, 0, 20, 20)], "OK_SuccessfulNegotiation", 20, "iso2"),
        ([(DIN, 2, 0, 1, 2), (ISO2, 2, 0, 2, 1)], "OK_SuccessfulNegotiation", 2, "iso2"),
        ([(DIN, 2, 0, 1, 1), (ISO2, 2, 0, 2, 2)], "OK_SuccessfulNegotiation", 1, "din"),
        ([(ISO2, 2, 0, 2, 5), (DIN, 2, 0, 1, 5)], "OK_SuccessfulNegotiation", 2, "iso2"),
        ([(TESLA, 2, 0, 0, 1), (DIN, 2, 0, 3, 3)], "OK_SuccessfulNegotiation", 3, "din"),
        ([(DIN, 2, 1, 10, 1)], "OK_SuccessfulNegotiationWithMinorDeviation", 10, "din"),
        ([(DIN, 2, 1, 1, 2), (ISO2, 2, 0, 2, 1)], "OK_SuccessfulNegotiation", 2, "iso2"),
        ([(DIN, 1, 0, 1, 1), (ISO2, 2, 0, 2, 2)], "OK_SuccessfulNegotiation", 2, "iso2"),
    ],
    ids=[
        "DIN, id 0",
        "ISO-2, id 20",
        "by priority",
        "by priority 2",
        "a tie",
        "a stranger first",
        "minor",
        "no minor",
        "major",
    ],
)
def test_schema_is_agreed(
    offered: list[tuple[str, int, int, int, int]], code: str, schema_id: int, protocol: str
) -> None:
    """The vehicle's first choice of what both know, under the vehicle's number (ISO 15118-2 8.2.2)."""
    stage = connect(station())
    assert [(order.what, order.args) for order in offer(stage, *offered)] == [
        ("v2g.supportedAppProtocolRes", {"ResponseCode": code, "SchemaID": schema_id}),
        ("v2g.use_protocol", {"protocol": protocol}),
        ("v2g.expect_session", {"unchecked": []}),
        ("v2g.use_notification_delay", {"NotificationMaxDelay": 0}),
    ]
    assert stage.active("sequence.session_setup", "dialogue")
    assert not stage.unhandled
    ask(stage, "SessionSetup")
    assert stage.told("session_started") == [{"EVCCID": EVCCID, "protocol": protocol}]


@pytest.mark.cases("CMN_SupportedAppProtocol")
def test_a_protocol_is_agreed_on_once() -> None:
    """Its offer repeated, a vehicle is answered by the same response; another offer is out of sequence."""
    stage = connect(station())
    offer(stage, (DIN, 2, 0, 7, 1))
    again = offer(stage, (DIN, 2, 0, 7, 1), repeated=True)
    assert [order.what for order in again] == ["v2g.resend"]
    assert stage.active("sequence.session_setup", "dialogue")
    (refusal,) = offer(stage, (ISO2, 2, 0, 3, 1))
    assert (refusal.what, refusal.args["ResponseCode"]) == ("v2g.reject", "FAILED_SequenceError")
    last_word(stage)


def test_the_time_to_follow_a_notification_is_the_chart_s() -> None:
    stage = connect(station(NotificationMaxDelay=30 * S))
    offer(stage, ("urn:iso:15118:2:2013:MsgDef", 2, 0, 1, 1))
    assert stage.order("v2g.use_notification_delay") == {"NotificationMaxDelay": 30 * S}


def no_negotiation(stage: Stage, *offered: tuple[str, int, int, int, int], **lists: Any) -> None:
    orders = offer(stage, *offered, **lists)
    assert [order.what for order in orders] == ["v2g.supportedAppProtocolRes"]
    assert orders[0].args["ResponseCode"] == "Failed_NoNegotiation"
    assert not stage.unhandled
    last_word(stage)
    assert not stage.told("session_ended"), "there was none"
    assert not stage.told("session_started")
    assert [name for _, name, _ in stage.said].count("no_common_protocol") == (0 if lists else 1)


@pytest.mark.cases("CMN_SupportedAppProtocol")
@pytest.mark.parametrize("offered", [[(TESLA, 2, 0, 1, 1)], [(DIN, 1, 0, 1, 1)], [(ISO2, 3, 0, 1, 1)], []])
def test_no_schema_in_common(offered: list[tuple[str, int, int, int, int]]) -> None:
    """Failed_NoNegotiation, and the connection is closed; whatever a vehicle before agreed on."""
    no_negotiation(connect(station()), *offered)
    stage = hang_up(arrive("ServiceDiscovery"))
    no_negotiation(connect(stage.forget()), *offered)


def test_who_calls_again_may_offer_something_else() -> None:
    """The supervisor hears only of a vehicle that has gone; once, and not of one that said no offer at all."""
    stage = call(station(), 1, CAR)
    offer(stage, (TESLA, 2, 0, 1, 1))
    call(stage, 2, CAR)
    assert stage.told("no_common_protocol") == []
    hang_up(stage)
    ask(connect(stage), "SessionSetup")
    hang_up(stage)
    assert stage.told("no_common_protocol") == []
    offer(connect(stage), (TESLA, 2, 0, 1, 1))
    hang_up(hang_up(stage))
    assert stage.told("no_common_protocol") == [{}]


@pytest.mark.cases("CMN_SupportedAppProtocol")
@pytest.mark.parametrize("short", ["VersionNumberMajor", "VersionNumberMinor", "SchemaID", "Priority"])
def test_offer_with_a_part_missing(short: str) -> None:
    """An offer that cannot be read is refused like one nobody knows, not left without an answer."""
    no_negotiation(connect(station()), (DIN, 2, 0, 1, 1), **{short: []})


@pytest.mark.cases("CMN_SupportedAppProtocol")
def test_second_vehicle_may_choose_again() -> None:
    """A low priority is not measured by the vehicle before, and neither is the schema."""
    stage = connect(hang_up(arrive("ServiceDiscovery")))
    orders = offer(stage, (ISO2, 2, 0, 3, 20))
    assert orders[0].args == {"ResponseCode": "OK_SuccessfulNegotiation", "SchemaID": 3}
    assert orders[1].args == {"protocol": "iso2"}


@pytest.mark.cases("CMN_SessionSetup")
@pytest.mark.parametrize("spoken_s", [None, 0.0, 17.5])
def test_communication_setup_time(spoken_s: float | None) -> None:
    """A vehicle that connects has 18 s until its session stands [V2G2-716], once: the handshake does not begin them
    anew."""
    stage = connect(station())
    stage.run(spoken_s or 0.0)
    if spoken_s is not None:
        offer(stage, (DIN, 2, 0, 7, 1))
        assert stage.active("sequence.session_setup", "dialogue")
    stage.run(17.999 - (spoken_s or 0.0))
    assert stage.order("v2g.drop") is None
    stage.run(0.001)
    assert stage.order("v2g.drop") == {}
    assert stage.states == ("waiting",)
    assert not stage.said, "a connection that said nothing is no session"


@pytest.mark.cases("CMN_SessionSetup")
@pytest.mark.parametrize("way", ["first", "again", "matched", "asked"])
def test_set_up_time_begins_with_the_connection(way: str) -> None:
    """What a connection was silent before it spoke is not given to it again, however it came to be served."""
    stage = station()
    if way == "matched":
        stage.post("vehicle_matched", mac=b"\2\0\0\0\0\1")
    if way == "asked":
        stage.post("vehicle_asked", peer="fe80::2")
    if way != "first":
        call(stage, 1, "fe80::1")
    peer = "fe80::2" if way in ("matched", "asked") else "fe80::1"
    call(stage.run(3), 2, peer, b"\2\0\0\0\0\1" if way == "matched" else b"", open_for_s=15.5)
    assert stage.order("v2g.serve") == {"connection": 2}
    stage.forget().run(2.499)
    assert stage.order("v2g.drop") is None
    stage.run(0.001)
    assert stage.order("v2g.drop") == {}


# ---------------------------------------------------------------- SessionSetup


@pytest.mark.cases("CMN_SessionSetup")
@pytest.mark.parametrize("sent", [b"", b"\0", ZERO, OTHER])
def test_new_session(sent: bytes) -> None:
    """Any id a vehicle brings makes a new session, also none, and one byte (60 of 105 captures)."""
    stage = arrive("SessionSetup", EVSEID="'DE*PNX*E1'")
    orders = ask(stage, "SessionSetup", SessionID=sent)
    code = {"ResponseCode": "OK_NewSessionEstablished", "SessionID": ID, "EVSEID": "'DE*PNX*E1'"}
    assert [(order.what, order.args) for order in orders] == [
        ("v2g.expect_session", {"SessionID": ID, "unchecked": ["SessionSetupReq"]}),
        ("v2g.SessionSetupRes", code),
    ]
    assert stage.told("session_started") == [{"EVCCID": EVCCID, "protocol": "din"}]
    assert stage.active("sequence.service_discovery", "dialogue")


def paused() -> Stage:
    """A session that was paused while it charged; the vehicle has closed the connection."""
    stage = arrive("CurrentDemand")
    assert answer(stage, "SessionStop", ChargingSession="Pause") == ("SessionStopRes", OK)
    assert stage.active("sequence.ending", "dialogue")
    assert stage.said[-1][1] == "power_off"
    hang_up(stage)
    assert stage.states == ("waiting",)
    assert stage.told("session_ended") == [{"end": "paused"}]
    return stage.forget()


def setup(stage: Stage, session: bytes, **fields: Any) -> list[tuple[str, Any]]:
    """How a vehicle that connects with this id is received: code and id of the answer, id expected, EVCCID told."""
    arrive("SessionSetup", stage)
    orders = ask(stage, "SessionSetup", SessionID=session, NewSessionID=OTHER, **fields)
    assert [order.what for order in orders] == ["v2g.expect_session", "v2g.SessionSetupRes"]
    assert orders[0].args == {"SessionID": orders[1].args["SessionID"], "unchecked": ["SessionSetupReq"]}
    assert stage.active("sequence.service_discovery", "dialogue")
    return [(orders[1].args["ResponseCode"], orders[1].args["SessionID"]), *stage.told("session_started")]


OLD, NEW = ("OK_OldSessionJoined", ID), ("OK_NewSessionEstablished", OTHER)


@pytest.mark.cases("DC_SessionSetup")
def test_paused_session_is_joined_again() -> None:
    """The vehicle that paused goes on with its session after the pause, as often as it likes (ISO 15118-2 8.4.2)."""
    stage = paused()
    for _ in range(2):
        code, told = setup(stage, ID, EVCCID=b"\x06")
        assert code == OLD
        assert told == {"EVCCID": b"\x06", "protocol": "din"}
        ask(stage, "SessionStop", ChargingSession="Pause")
        assert stage.order("v2g.SessionStopRes") == OK
        hang_up(stage).forget()


@pytest.mark.cases("DC_SessionSetup")
def test_another_vehicle_ends_the_pause() -> None:
    """Who comes with another id gets a session of its own, and the paused one is gone."""
    stage = paused()
    assert setup(stage, ZERO)[0] == NEW
    hang_up(stage)
    assert setup(stage, ID)[0] == NEW


@pytest.mark.cases("DC_SessionSetup", "DC_SessionStop")
def test_terminated_session_is_not_joined_again() -> None:
    """After SessionStop(Terminate) the id is worth nothing, also when the session had been paused before."""
    stage = paused()
    setup(stage, ID)
    stage.forget()
    assert answer(stage, "SessionStop") == ("SessionStopRes", OK)
    assert stage.told("power_off") == [{}]
    hang_up(stage)
    assert stage.told("session_ended") == [{"end": "normal"}]
    assert setup(stage.forget(), ID)[0] == NEW


@pytest.mark.cases("DC_SessionSetup")
def test_unplugging_ends_the_pause() -> None:
    """The next vehicle at the outlet cannot join the session of the one before."""
    stage = paused().post("abort")
    assert setup(stage, ID)[0] == NEW


@pytest.mark.cases("DC_SessionStop")
def test_no_pause_before_a_session() -> None:
    """SessionStop without a session is out of order; it cannot pause the session of the vehicle before."""
    stage = hang_up(arrive("CurrentDemand"))
    arrive("SessionSetup", stage)
    refused(stage, "SessionStop", "FAILED_SequenceError", ChargingSession="Pause")
    assert not stage.told("session_ended"), "there was none yet"
    assert setup(stage.forget(), ID)[0] == NEW


# ---------------------------------------------------------------- services, payment, authorisation


@pytest.mark.cases("CMN_ServiceDiscovery", "CMN_ServiceDetail", "CMN_PaymentServiceSelection", "CMN_Authorization")
def test_identification() -> None:
    """The way of every session: one service, external payment, the user."""
    stage = arrive("ServiceDiscovery")
    service = {"ServiceID": 1, "ServiceCategory": "EVCharging", "FreeService": False}
    service |= {"PaymentOption": ["ExternalPayment"], "EnergyTransferMode": ["DC_extended"]}
    assert answer(stage, "ServiceDiscovery") == ("ServiceDiscoveryRes", {**OK, **service})
    assert stage.active("sequence.payment_selection", "dialogue")
    assert answer(stage, "ServiceDetail") == ("ServiceDetailRes", {**OK, "ServiceID": 1})
    assert answer(stage, "ServiceDetail") == ("ServiceDetailRes", {**OK, "ServiceID": 1})
    assert not stage.told("authorisation_wanted")
    assert answer(stage, "PaymentServiceSelection") == ("PaymentServiceSelectionRes", OK)
    assert stage.active("sequence.authorization.first", "dialogue")
    assert stage.told("authorisation_wanted") == [{}]
    for _ in range(3):
        assert answer(stage, "Authorization") == WAITING
        assert stage.active("sequence.authorization.asking", "dialogue")
    stage.post("authorise")
    assert answer(stage, "Authorization") == ("AuthorizationRes", {**OK, "EVSEProcessing": "Finished"})
    assert stage.active("sequence.parameter_discovery", "dialogue")
    assert stage.told("authorisation_wanted") == [{}]


@pytest.mark.cases("CMN_ServiceDiscovery")
def test_free_charge() -> None:
    """Only a station that is told so says that the charge costs nothing."""
    _, told = answer(arrive("ServiceDiscovery", FreeService=True), "ServiceDiscovery")
    assert told["FreeService"] is True


@pytest.mark.cases("CMN_ServiceDetail", "CMN_PaymentServiceSelection")
@pytest.mark.parametrize(
    ("request_", "code", "fields"),
    [
        ("ServiceDetail", "FAILED_ServiceIDInvalid", {"ServiceID": 2}),
        ("ServiceDetail", "FAILED_ServiceIDInvalid", {"ServiceID": 0}),
        ("PaymentServiceSelection", "FAILED_PaymentSelectionInvalid", {"SelectedPaymentOption": "Contract"}),
        ("PaymentServiceSelection", "FAILED_NoChargeServiceSelected", {"ServiceID": [2]}),
        ("PaymentServiceSelection", "FAILED_NoChargeServiceSelected", {"ServiceID": []}),
        ("PaymentServiceSelection", "FAILED_ServiceSelectionInvalid", {"ServiceID": [1, 2]}),
        ("PaymentServiceSelection", "FAILED_ServiceSelectionInvalid", {"ServiceID": [7, 1]}),
    ],
)
def test_choice_of_what_is_not_offered(request_: str, code: str, fields: dict[str, Any]) -> None:
    """The response names what was wrong, and the session ends."""
    stage = arrive("PaymentServiceSelection")
    refused(stage, request_, code, **fields)
    assert stage.told("session_ended") == FAILED_END


@pytest.mark.cases("CMN_Authorization")
def test_user_is_rejected() -> None:
    """A card nobody knows ends the session with FAILED, also after the vehicle was told Ongoing."""
    stage = arrive("Authorization")
    ask(stage, "Authorization")
    stage.post("reject_user")
    refused(stage, "Authorization", "FAILED")
    stage.forget()
    arrive("Authorization", stage)
    assert answer(stage, "Authorization") == WAITING, "the next user"


LONGEST = [(DIN, 120), (ISO2, 300)]


@pytest.mark.cases("CMN_Authorization")
@pytest.mark.parametrize(("schema", "seconds"), LONGEST)
def test_slow_user(schema: str, seconds: int) -> None:
    """People get 2 minutes (CCS guide) in DIN, whose vehicles have a limit of their own, and 5 in ISO 15118-2, where
    the vehicle is told that it waits for a person and has none [V2G2-854]. It begins with the first request."""
    stage = arrive("Authorization", schema=schema).run(50)
    assert answer(stage, "Authorization") == WAITING
    for _ in range(seconds // 30 - 1):
        assert answer(stage.run(30), "Authorization") == WAITING
    assert answer(stage.run(29.999), "Authorization") == WAITING
    stage.run(0.001).post("authorise")
    refused(stage, "Authorization", "FAILED")


@pytest.mark.cases("CMN_Authorization")
@pytest.mark.parametrize(("schema", "seconds"), LONGEST)
def test_user_in_the_last_moment(schema: str, seconds: int) -> None:
    """One who shows the card just then charges."""
    stage = arrive("Authorization", schema=schema)
    for _ in range(seconds // 30):
        ask(stage, "Authorization")
        stage.run(29.999)
    stage.post("authorise")
    assert answer(stage, "Authorization") == ("AuthorizationRes", {**OK, "EVSEProcessing": "Finished"})


def test_authorisation_is_for_one_session() -> None:
    """The next vehicle would charge on the first user's account."""
    stage = hang_up(arrive("ChargeParameterDiscovery"))
    arrive("PaymentServiceSelection", stage.forget())
    ask(stage, "PaymentServiceSelection")
    assert stage.told("authorisation_wanted") == [{}]
    assert answer(stage, "Authorization") == WAITING


# ---------------------------------------------------------------- rules of every session


@pytest.mark.cases(
    "CMN_ServiceDiscovery",
    "CMN_PaymentServiceSelection",
    "CMN_Authorization",
    "CMN_ChargeParameterDiscovery",
    "DC_CableCheck",
    "DC_PreCharge",
    "DC_PowerDelivery",
    "DC_CurrentDemand",
    "DC_WeldingDetection",
)
@pytest.mark.parametrize("step", IN_SESSION)
def test_silence(step: str) -> None:
    """A vehicle that says nothing for 60 s is dropped [V2G2-443]; every request begins the time anew."""
    stage = arrive(step)
    stage.run(59.999)
    assert stage.order("v2g.drop") is None
    stage.run(0.001)
    assert stage.order("v2g.drop") == {}
    assert stage.states == ("waiting",)
    assert stage.told("power_off")[-1:] == [{}]
    assert stage.told("session_ended") == ([{"end": "normal"}] if step == "WeldingDetection" else FAILED_END)


def test_requests_keep_the_session() -> None:
    """A vehicle that says something every 59 s is not dropped."""
    stage = arrive("CurrentDemand")
    for _ in range(4):
        assert answer(stage.run(59.999), "CurrentDemand")[0] == "CurrentDemandRes"
    stage.run(60)
    assert stage.told("session_ended") == FAILED_END


@pytest.mark.parametrize("step", STEPS)
def test_connection_lost(step: str) -> None:
    """The output goes off at once, the supervisor is told, and the next vehicle may connect. Before SessionSetup there
    was no session that could have failed: anybody can open a connection."""
    stage = hang_up(arrive(step))
    assert stage.states == ("waiting",)
    assert [name for _, name, _ in stage.said] == ([] if step in STEPS[:2] else ["power_off", "session_ended"])
    ends = [{"end": "normal"}] if step == "WeldingDetection" else FAILED_END
    assert stage.told("session_ended") == ([] if step in STEPS[:2] else ends)
    assert stage.order("v2g.drop") is None
    arrive("ServiceDiscovery", stage)
    assert stage.active("sequence.service_discovery", "dialogue")


def test_end_is_each_session_s_own() -> None:
    """A vehicle that broke off is not reported as one that charged, because the one before did."""
    stage = arrive("WeldingDetection")
    ask(stage, "SessionStop")
    hang_up(stage).forget()
    hang_up(arrive("CurrentDemand", stage))
    assert stage.told("session_ended") == FAILED_END


def test_an_outlet_that_takes_no_session() -> None:
    """Whoever connects is turned away before a word is said; once the outlet takes one again he is served."""
    stage = connect(station().post("refuse"))
    assert stage.order("v2g.refuse") == {"connection": 1}
    assert (stage.states, stage.said) == (("waiting",), [])
    arrive("ServiceDiscovery", stage.post("accept"))
    assert stage.active("sequence.service_discovery", "dialogue")


@pytest.mark.parametrize("step", STEPS[:2])
def test_refused_before_the_session_stands(step: str) -> None:
    """What is only a connection yet is closed, and the next one is turned away."""
    stage = arrive(step).post("refuse")
    assert stage.order("v2g.drop") == {}
    assert (stage.states, stage.said) == (("waiting",), [])
    connect(stage.forget())
    assert stage.order("v2g.refuse") == {"connection": 1}


def test_refused_while_a_session_stands() -> None:
    """It goes on until it is told why it has to end; the next one is turned away. Accepted again, one is served."""
    stage = arrive("Authorization").post("refuse")
    assert stage.active("sequence.authorization", "dialogue")
    assert stage.order("v2g.drop") is None
    connect(stage.forget())
    assert [o.what for o in stage.orders] == ["v2g.refuse"]
    assert stage.active("sequence.authorization", "dialogue")
    connect(hang_up(stage).forget())
    assert [o.what for o in stage.orders] == ["v2g.refuse"]
    assert stage.states == ("waiting",)
    arrive("CableCheck", stage.post("accept")).post("refuse").post("accept")
    hang_up(stage)
    assert connect(stage).active("session")


def test_unplugged() -> None:
    """The pilot says that the vehicle has gone: the connection is closed and the end is told as such."""
    stage = arrive("CurrentDemand").post("abort")
    assert stage.states == ("waiting",)
    assert stage.order("v2g.drop") == {}
    assert [name for _, name, _ in stage.said] == ["power_off", "session_ended"]
    assert stage.told("session_ended") == [{"end": "aborted"}]


@pytest.mark.parametrize("way", ["after the charge", "after SessionStop", "while it pauses"])
def test_unplugged_after_the_end(way: str) -> None:
    """A charge that has ended well stays one, however the vehicle leaves; the connection is closed at once."""
    stage = arrive("WeldingDetection")
    if way != "after the charge":
        ask(stage, "SessionStop", ChargingSession="Pause" if way == "while it pauses" else "Terminate")
    stage.post("abort")
    assert stage.states == ("waiting",)
    assert stage.order("v2g.drop") == {}
    assert stage.told("session_ended") == [{"end": "paused" if way == "while it pauses" else "normal"}]


def test_stream_that_cannot_be_followed() -> None:
    """Not a V2GTP header: closed at once."""
    stage = arrive("CurrentDemand").emit("v2g.bad_header", reason="version 7")
    assert stage.order("v2g.drop") == {}
    assert stage.states == ("waiting",)
    assert stage.told("session_ended") == FAILED_END


def test_messages_that_cannot_be_read() -> None:
    """Two are borne, the third closes the connection; the next vehicle has two again."""
    stage = station()
    for _ in range(2):
        arrive("CurrentDemand", stage)
        for _ in range(2):
            stage.emit("v2g.undecodable", kind="exi", reason="bit 17")
            assert stage.active("sequence.current_demand", "dialogue")
        assert not stage.orders
        stage.emit("v2g.undecodable", kind="exi", reason="bit 17")
        assert stage.order("v2g.drop") == {}
        assert stage.states == ("waiting",)


@pytest.mark.cases("DC_SessionStop")
@pytest.mark.parametrize("step", IN_SESSION)
def test_session_stop_anywhere(step: str) -> None:
    """Legal everywhere once a session stands: OK, the output off, a normal end; asked twice, answered twice."""
    stage = arrive(step)
    assert answer(stage, "SessionStop") == ("SessionStopRes", OK)
    assert answer(stage, "SessionStop", repeated=True) == ("SessionStopRes", OK)
    last_word(stage)
    assert stage.told("session_ended") == [{"end": "normal"}]


WRONG = [(at, sent) for at in STEPS for sent in ("Unsupported", "SessionSetup", "WeldingDetection") if at != sent]


@pytest.mark.cases(
    "CMN_SupportedAppProtocol",
    "CMN_SessionSetup",
    "CMN_ServiceDiscovery",
    "CMN_PaymentServiceSelection",
    "CMN_Authorization",
    "CMN_ChargeParameterDiscovery",
    "DC_CableCheck",
    "DC_PreCharge",
    "DC_PowerDelivery",
    "DC_CurrentDemand",
    "DC_WeldingDetection",
)
@pytest.mark.parametrize(("step", "request_"), WRONG)
def test_message_out_of_order(step: str, request_: str) -> None:
    """FAILED_SequenceError in the request's own response, then the end [V2G2-538]; and nothing more is talked about."""
    stage = arrive(step)
    stage.values("supply", present_voltage=350.0, present_current=7.0)
    what, told = answer(stage, request_)
    assert (what, told["ResponseCode"]) == ("reject", "FAILED_SequenceError")
    stage.forget()
    what, told = answer(stage, "CurrentDemand")
    assert (what, told["ResponseCode"]) == ("reject", "FAILED_SequenceError")
    if step != STEPS[0]:  # before a protocol is agreed there is no dialogue that knows what is measured
        assert (told["EVSEPresentVoltage"], told["EVSEPresentCurrent"]) == (350.0, 7.0)
        assert stage.active("sequence.ending", "dialogue")
    assert stage.active("session.connection.ending")
    assert not stage.said


@pytest.mark.cases(
    "CMN_ServiceDiscovery",
    "CMN_PaymentServiceSelection",
    "CMN_Authorization",
    "CMN_ChargeParameterDiscovery",
    "DC_CableCheck",
    "DC_PreCharge",
    "DC_PowerDelivery",
    "DC_CurrentDemand",
    "DC_WeldingDetection",
)
@pytest.mark.parametrize("step", IN_SESSION)
def test_message_of_another_session(step: str) -> None:
    """FAILED_UnknownSession, and the end [V2G2-391]."""
    refused(arrive(step), "UnknownSession", "FAILED_UnknownSession", SessionID=OTHER)


@pytest.mark.cases("CMN_ServiceDiscovery")
def test_response_lost() -> None:
    """A repeated request gets the same response again, three times in a session; the fourth is refused."""
    stage = station()
    for _ in range(2):
        arrive("PaymentServiceSelection", stage)
        for _ in range(3):
            assert answer(stage, "ServiceDiscovery", repeated=True) == ("resend", {})
            assert stage.active("sequence.payment_selection", "dialogue")
        refused(stage, "ServiceDiscovery", "FAILED_SequenceError", repeated=True)
        stage.forget()


def test_a_response_is_lost_for_a_time_only() -> None:
    """In the window, which each request begins anew, a repetition is one; after it, it is a request out of sequence."""
    stage = arrive("PaymentServiceSelection", dup_window=2 * S, dup_resend_max=9)
    for _ in range(3):
        stage.run(1.999)
        assert answer(stage, "ServiceDiscovery", repeated=True) == ("resend", {})
    stage.run(2)
    refused(stage, "ServiceDiscovery", "FAILED_SequenceError", repeated=True)


def test_the_window_of_a_request_that_may_come_again() -> None:
    """A loop whose requests are all alike is no repetition, however slow; the next request has its own window."""
    stage = arrive("Authorization", dup_window=2 * S)
    for _ in range(3):
        stage.run(5)
        assert answer(stage, "Authorization", repeated=True)[0] == "AuthorizationRes"
    stage.post("authorise").run(5)
    ask(stage, "Authorization", repeated=True)
    refused(stage, "PaymentServiceSelection", "FAILED_SequenceError", repeated=True)
    stage = arrive("PaymentServiceSelection", stage.forget())
    stage.run(2.5)
    ask(stage, "PaymentServiceSelection")
    stage.run(1.5)
    assert answer(stage, "PaymentServiceSelection", repeated=True) == ("resend", {})


@pytest.mark.parametrize("rules", [{"dup_resend_enabled": False}, {"dup_resend_max": 0}])
def test_no_response_twice(rules: dict[str, Any]) -> None:
    """Switched off, a repetition is out of sequence, the handshake's too; the line of counters says the rules."""
    stage = Stage("machines/v2g/secc.yaml", real=("secc_iso2",), **rules)
    told = {"enabled": rules.get("dup_resend_enabled", True), "window": 2 * S, "most": rules.get("dup_resend_max", 3)}
    assert stage.order("v2g.use_resend_rules") == told
    refused(arrive("PaymentServiceSelection", **rules), "ServiceDiscovery", "FAILED_SequenceError", repeated=True)
    stage = connect(station(**rules))
    offer(stage, (DIN, 2, 0, 7, 1))
    (refusal,) = offer(stage, (DIN, 2, 0, 7, 1), repeated=True)
    assert refusal.args["ResponseCode"] == "FAILED_SequenceError"


def test_a_handshake_that_comes_again_too_late() -> None:
    stage = connect(station())
    offer(stage, (DIN, 2, 0, 7, 1))
    stage.run(2)
    (refusal,) = offer(stage, (DIN, 2, 0, 7, 1), repeated=True)
    assert refusal.args["ResponseCode"] == "FAILED_SequenceError"
    last_word(stage)


def test_vehicle_that_does_not_hang_up_is_not_waited_for() -> None:
    """After the last word the vehicle's own end of the connection is all that is needed."""
    stage = arrive("CurrentDemand")
    ask(stage, "SessionStop")
    stage.run(4.9)
    hang_up(stage)
    assert stage.states == ("waiting",)
    stage.run(100)
    assert stage.order("v2g.drop") is None
