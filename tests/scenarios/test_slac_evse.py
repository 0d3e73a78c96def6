"""Scenarios of machines/slac/evse.yaml: the station's matching as its supervisor and the vehicles see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.scenarios.stage import MS, S, Stage

PEV, OTHER_PEV = b"\x02\x00\x00\x00\x00\x01", b"\x02\x00\x00\x00\x00\x02"
EVSE = b"\x02\x00\x00\x00\x00\x11"
RUN, OTHER_RUN = b"run  one", b"run  two"
KEYS = [bytes([number]) * 16 for number in range(1, 10)]
NID = b"nid-one"


def key(number: int) -> dict[str, bytes]:
    """What the modem is to take: the NID is the one that belongs to the key."""
    return {"nmk": KEYS[number], "nid": b""}


def station(**parameters: Any) -> Stage:
    """Begun; its first key is on its way to the modem, and the next reading of new_nmk is the second one."""
    stage = Stage("machines/slac/evse.yaml", {"modem.new_nmk": KEYS[0], "modem.nid": NID}, **parameters)
    return stage.values("modem", new_nmk=KEYS[1])


def keyed(stage: Stage) -> Stage:
    return stage.child("network.keyed")


def awaiting(**parameters: Any) -> Stage:
    """The modem has its key, a cable is plugged in."""
    return keyed(station(**parameters)).forget()


def parm_req(stage: Stage, source: bytes = PEV, run_id: bytes = RUN) -> Stage:
    return stage.emit("link.CM_SLAC_PARM_REQ", source=source, run_id=run_id, application_type=0, security_type=0)


def matched(stage: Stage, source: bytes = PEV, run_id: bytes = RUN) -> Stage:
    """The session of this vehicle says that it has chosen this station."""
    return stage.child("session.chosen", source + run_id, pev_mac=source, run_id=run_id)


def in_session() -> Stage:
    return parm_req(awaiting())


def joining() -> Stage:
    return matched(in_session())


def linked() -> Stage:
    return joining().child("network.link_up")


REACHED: dict[str, Callable[[], Stage]] = {
    "matching.awaiting": in_session,
    "matching.joining": joining,
    "matching.linked": linked,
}


def events(stage: Stage) -> list[str]:
    return [name for _, name, _ in stage.said]


def test_first_key_is_not_the_last_one() -> None:
    """[V2G3-A09-121]: a station begins with a key nobody knows, once; it is ready when the modem has taken it."""
    stage = station()
    assert stage.children() == ["network"]
    assert [(order.what, order.args) for order in stage.orders[1:]] == [("network.set_key", key(0))]
    assert stage.active("matching.renewing")
    stage.run(60)
    assert stage.said == []
    keyed(stage)
    assert events(stage) == ["modem_ready"]
    assert stage.active("matching.awaiting")
    assert len(stage.orders) == 2


def test_supervisor_says_when_a_vehicle_is_there() -> None:
    """With auto_start off nothing is matched in A, E or F; from 5 % on it is, and no more when the cable leaves."""
    stage = keyed(station(auto_start=False))
    assert stage.active("pilot.aef")
    assert stage.active("matching.unmatched")
    parm_req(stage.run(60))
    assert stage.children() == ["network"]
    assert events(stage) == ["modem_ready"]
    stage.post("enter_bcd")
    assert stage.active("pilot.bcd")
    assert stage.active("matching.awaiting")
    assert "session" in parm_req(stage).children()
    keyed(stage.post("leave_bcd"))
    assert stage.active("pilot.aef")
    assert stage.active("matching.unmatched")


def test_modem_that_is_ready_after_the_vehicle() -> None:
    stage = station(auto_start=False).post("enter_bcd")
    assert stage.active("matching.renewing")
    assert keyed(stage).active("matching.awaiting")


def test_a_match_from_request_to_link() -> None:
    """What the supervisor hears and the modem is told, in order; the session gets the vehicle and the key."""
    stage = parm_req(awaiting())
    assert stage.children() == ["network", "session"]
    assert stage.input("session", PEV + RUN) == {
        "pev_mac": PEV,
        "run_id": RUN,
        "nid": NID,
        "nmk": KEYS[0],
        "C_EV_match_MNBC": 10,
        "C_EV_match_retry": 2,
        "TT_match_sequence": 400 * MS,
        "TT_match_response": 200 * MS,
        "TT_EVSE_match_MNBC": 600 * MS,
        "TT_EVSE_match_session": 10 * S,
        "T_profile_grace": 45 * MS,
    }
    matched(stage)
    assert stage.active("matching.joining")
    assert [(order.what, order.args) for order in stage.orders] == [
        ("session.taken", {"pev_mac": PEV, "run_id": RUN}),
        ("network.watch_link", {}),
    ]
    assert stage.data("pev_mac") == PEV
    assert stage.data("run_id") == RUN
    assert events(stage) == ["matching"]
    stage.run(11.999).child("network.link_up")
    assert stage.active("matching.linked.active")
    assert stage.children() == ["network"]
    assert stage.said[1:] == [(11.999, "dlink_ready", {"pev_mac": PEV})]
    stage.run(3600)
    assert events(stage) == ["matching", "dlink_ready"]
    assert len(stage.orders) == 2
    assert stage.unhandled == []


def test_repeated_request_does_not_disturb_the_session() -> None:
    """9: a modem repeats the broadcast of a vehicle that sounds already; its session goes on where it was."""
    stage = Stage("machines/slac/evse.yaml", real=("slac_session",))
    keyed(stage)
    parm_req(parm_req(stage))
    assert len(stage.ordered("link.CM_SLAC_PARM_CNF")) == 2
    sounds = {"source": PEV, "run_id": RUN, "num_sounds": 10, "time_out": 600 * MS, "resp_type": 1}
    parm_req(stage.emit("link.CM_START_ATTEN_CHAR_IND", **sounds))
    assert len(stage.ordered("link.CM_SLAC_PARM_CNF")) == 2
    assert stage.children() == ["network", "session"]
    assert stage.unhandled == []


def test_no_vehicle_speaks() -> None:
    """40: told after every TT_EVSE_SLAC_init, so that the supervisor can wake the vehicle; the wait goes on."""
    stage = awaiting().run(49.999)
    assert stage.said == []
    stage.run(0.001)
    assert events(stage) == ["no_request"]
    stage.run(49.999)
    assert events(stage) == ["no_request"]
    stage.run(0.001)
    assert stage.times("no_request") == [50.0, 100.0]
    assert stage.active("matching.awaiting")
    assert parm_req(stage).told("matching") == [{}]


def test_vehicle_that_spoke_is_a_request() -> None:
    """While a session runs the supervisor is not told that no vehicle speaks."""
    stage = in_session().run(120)
    assert stage.told("no_request") == []
    assert stage.active("matching.awaiting")


@pytest.mark.parametrize("conformance", ["strict", "lenient"])
def test_fields_that_are_required_of_frames(conformance: str) -> None:
    """ISO 15118-5, invalid fields: said once, before the first frame; a lenient station requires less."""
    stage = Stage("machines/slac/evse.yaml", conformance=conformance)
    assert stage.orders[0].what == "link.require"
    (required,) = stage.ordered("link.require")
    assert required["any_mvf_length"] is (conformance == "lenient")
    assert {"CM_SLAC_PARM_REQ.application_type", "CM_SLAC_PARM_REQ.security_type"} <= set(required["zero"])
    assert "CM_SLAC_MATCH_REQ.pev_mac" in required["nonzero"]
    assert ("CM_ATTEN_CHAR_RSP.source_id" in required["zero"]) is (conformance == "strict")
    assert ("CM_START_ATTEN_CHAR_IND.resp_type" in required["nonzero"]) is (conformance == "strict")


def test_five_vehicles_at_once() -> None:
    """C_EVSE_match_parallel vehicles have a session each, the sixth has to ask again; "matching" is told once."""
    stage = awaiting()
    for number in range(6):
        parm_req(stage, bytes([number]) * 6)
    assert stage.children() == ["network"] + ["session"] * 5
    assert {session for name, session in stage.actor.children if name == "session"} == {
        bytes([number]) * 6 + RUN for number in range(5)
    }
    assert events(stage) == ["matching"]
    assert stage.errors == []
    stage.ends("session", bytes(6) + RUN, failure="", pev_mac=bytes(6))
    parm_req(stage, b"\x05" * 6)
    assert stage.children() == ["network"] + ["session"] * 5


def test_one_of_two_vehicles_is_matched() -> None:
    """49: the other one's session hears who was taken; only the vehicle that matched is told of."""
    stage = parm_req(in_session(), OTHER_PEV, OTHER_RUN)
    matched(stage, OTHER_PEV, OTHER_RUN)
    assert stage.ordered("session.taken") == [{"pev_mac": OTHER_PEV, "run_id": OTHER_RUN}] * 2
    stage.child("network.link_up")
    assert stage.told("dlink_ready") == [{"pev_mac": OTHER_PEV}]
    assert stage.children() == ["network"]


@pytest.mark.parametrize("run_id", [RUN, OTHER_RUN])
def test_two_vehicles_that_choose_at_the_same_moment(run_id: bytes) -> None:
    """One gets the key, decided before anything is confirmed; the other gets no answer and its session ends.

    Two vehicles may even draw the same run id.
    """
    stage = Stage("machines/slac/evse.yaml", {"link.mac": EVSE}, real=("slac_session",))
    keyed(stage)
    both = [(PEV, RUN), (OTHER_PEV, run_id)]
    for source, run in both:
        parm_req(stage, source, run)
        frame = {"source": source, "run_id": run, "num_sounds": 10, "time_out": 600 * MS, "resp_type": 1}
        stage.emit("link.CM_START_ATTEN_CHAR_IND", **frame)
        stage.emit("link.CM_ATTEN_PROFILE_IND", pev_mac=source, mean=9.0)
    stage.run(0.645)
    for source, run in both:
        stage.emit("link.CM_ATTEN_CHAR_RSP", source=source, source_address=source, run_id=run, result=0)
    for source, run in both:
        request = {"source": source, "pev_mac": source, "evse_mac": EVSE, "run_id": run}
        stage.adapters["link"].port.emit("CM_SLAC_MATCH_REQ", **request)  # the second before anybody has read the first
    stage.run(0.1)
    assert [cnf["peer"] for cnf in stage.ordered("link.CM_SLAC_MATCH_CNF")] == [PEV]
    assert stage.children() == ["network", "session"]
    assert stage.unhandled == []
    stage.child("network.link_up")
    assert stage.told("dlink_ready") == [{"pev_mac": PEV}]


def test_choice_that_comes_late() -> None:
    """A session that its vehicle chooses while the station takes a new key confirms nothing."""
    stage = parm_req(in_session(), OTHER_PEV, OTHER_RUN)
    matched(matched(stage), OTHER_PEV, OTHER_RUN)
    assert stage.ordered("session.taken") == [{"pev_mac": PEV, "run_id": RUN}] * 2
    assert stage.active("matching.joining")
    assert stage.unhandled == []


def test_all_sessions_failed() -> None:
    """41: the last failure gives a new key and a new wait, no dead state; the supervisor hears the reason, once."""
    stage = parm_req(in_session(), OTHER_PEV)
    stage.ends("session", OTHER_PEV + RUN, failure="no_profile", pev_mac=OTHER_PEV)
    assert stage.active("matching.awaiting")
    assert events(stage) == ["matching"]
    stage.ends("session", PEV + RUN, failure="TT_match_response", pev_mac=PEV)
    assert stage.told("matching_failed") == [{"reason": "TT_match_response"}]
    assert stage.active("matching.renewing")
    assert stage.ordered("network.set_key") == [key(1)]
    assert parm_req(keyed(stage)).input("session", PEV + RUN)["nmk"] == KEYS[1]
    assert stage.unhandled == []


def test_vehicle_that_began_anew_in_its_session() -> None:
    """41: the old run ends without a failure; that is none, the key stays, and the new run is served."""
    stage = parm_req(in_session(), run_id=OTHER_RUN).ends("session", PEV + RUN, failure="", pev_mac=PEV)
    assert stage.told("matching_failed") == []
    assert stage.children() == ["network", "session"]
    stage.ends("session", PEV + OTHER_RUN, failure="", pev_mac=PEV)
    assert stage.active("matching.awaiting")
    assert stage.orders == []


def test_no_link_after_the_match() -> None:
    """34: TT_match_join is the judge; then another key, so that the vehicle cannot come in later."""
    stage = joining().forget().run(11.999)
    assert stage.active("matching.joining")
    stage.run(0.001)
    assert stage.told("matching_failed") == [{"reason": "TT_match_join: no link"}]
    assert stage.active("matching.renewing")
    assert stage.ordered("network.set_key") == [key(1)]
    assert stage.children() == ["network"]
    assert stage.told("dlink_ready") == []


STOPS = ["leave_bcd", "dlink_terminate", "dlink_error"]


@pytest.mark.parametrize("state", REACHED)
@pytest.mark.parametrize("stop", STOPS)
def test_every_end_takes_a_new_key(stop: str, state: str) -> None:
    """35, 46: unplugged, terminated or failed in any state: sessions end and the old key is worth nothing, at once."""
    stage = REACHED[state]().forget()
    assert stage.active(state)
    stage.post(stop)
    assert [(order.what, order.args) for order in stage.orders] == [("network.set_key", key(1))]
    assert stage.active("matching.renewing")
    assert stage.children() == ["network"]
    assert (stage.data("pev_mac"), stage.data("run_id"), stage.data("nmk")) == (b"", b"", KEYS[1])
    assert stage.said == []
    keyed(stage)
    assert events(stage) == ["modem_ready"]
    assert stage.active("matching.unmatched" if stop == "leave_bcd" else "matching.awaiting")


@pytest.mark.parametrize("state", ["matching.renewing", *REACHED])
def test_modem_in_trouble(state: str) -> None:
    """34, 38: the supervisor hears of it, and of a link that was there; no session and no key outlives it, and the next
    vehicle is matched."""
    stage = (REACHED.get(state) or station)().forget()
    stage.child("network.fault", reason="no modem on eth1")
    lost = ["dlink_lost"] if state == "matching.linked" else []
    assert events(stage) == [*lost, "modem_fault"]
    assert stage.told("modem_fault") == [{"reason": "no modem on eth1"}]
    assert stage.active("matching.renewing")
    assert stage.children() == ["network"]
    assert stage.ordered("network.set_key") == [key(1)]
    parm_req(stage.run(600))
    assert stage.children() == ["network"]
    keyed(stage.child("network.present", version="MAC-QCA7005-1.1"))
    assert events(stage) == [*lost, "modem_fault", "modem_ready"]
    assert stage.active("matching.awaiting")
    assert parm_req(stage).input("session", PEV + RUN)["nmk"] == KEYS[1]


def test_unplugging_while_the_modem_is_in_trouble() -> None:
    stage = linked().child("network.fault", reason="gone").values("modem", new_nmk=KEYS[2]).post("leave_bcd")
    assert stage.order("network.set_key") == key(2)
    assert keyed(stage).active("matching.unmatched")


def test_lost_link() -> None:
    """37: told once; the station takes another key and waits for the vehicle to match again."""
    stage = linked().forget().child("network.link_down")
    assert events(stage) == ["dlink_lost"]
    assert stage.ordered("network.set_key") == [key(1)]
    assert stage.active("matching.renewing")
    assert keyed(stage).active("matching.awaiting")


def test_paused_vehicle_keeps_the_network() -> None:
    """D-LINK_PAUSE: no new key, no session; a lost link is still told."""
    stage = linked().forget().post("dlink_pause")
    assert stage.active("matching.linked.paused")
    stage.run(600)
    assert stage.orders == []
    assert stage.said == []
    stage.child("network.link_down")
    assert events(stage) == ["dlink_lost"]


@pytest.mark.parametrize(("state", "told"), [("matching.joining", []), ("matching.linked", ["dlink_lost"])])
def test_matched_vehicle_that_begins_anew(state: str, told: list[str]) -> None:
    """41: another run of the matched vehicle ends the match; its own repeated frame and other vehicles do not."""
    stage = REACHED[state]().forget()
    parm_req(stage)
    parm_req(stage, OTHER_PEV, OTHER_RUN)
    parm_req(stage, OTHER_PEV)
    assert stage.active(state)
    assert stage.orders == []
    parm_req(stage, run_id=OTHER_RUN)
    assert stage.active("matching.renewing")
    assert stage.ordered("network.set_key") == [key(1)]
    assert stage.children() == ["network"]
    assert events(stage) == told
    parm_req(keyed(stage), run_id=OTHER_RUN)
    assert stage.input("session", PEV + OTHER_RUN)["nmk"] == KEYS[1]


@pytest.mark.parametrize(("given", "result"), [({}, 4), ({"validation_result": 3}, 3)])
def test_validation_is_not_required(given: dict[str, int], result: int) -> None:
    """32: whoever asks is answered in any state."""
    stage = station(**given)
    stage.emit("link.CM_VALIDATE_REQ", source=OTHER_PEV, signal_type=0, timer=0, result=1)
    assert stage.ordered("link.CM_VALIDATE_CNF") == [{"peer": OTHER_PEV, "toggle_num": 0, "result": result}]


@pytest.mark.parametrize("state", REACHED)
@pytest.mark.parametrize(
    ("source", "given", "result"), [(PEV, {}, 0), (PEV, {"amp_map_result": 1}, 1), (OTHER_PEV, {}, None)]
)
def test_amplitude_map(source: bytes, given: dict[str, int], result: int | None, state: str) -> None:
    """ISO 15118-3 A.9.6: the matched vehicle's is answered, before and after the station knows of the link."""
    stage = parm_req(awaiting(**given))
    if state != "matching.awaiting":
        matched(stage)
    if state == "matching.linked":
        stage.child("network.link_up")
    assert stage.active(state)
    stage.forget().emit("link.CM_AMP_MAP_REQ", source=source, length=1155)
    answered = [] if result is None or state == "matching.awaiting" else [{"peer": PEV, "result": result}]
    assert stage.ordered("link.CM_AMP_MAP_CNF") == answered


def test_bad_frames_are_counted() -> None:
    """31: a cut frame is shown to people and changes nothing."""
    stage = in_session()
    for count in (1, 2):
        stage.emit("link.bad_frame", source=OTHER_PEV, mmtype=0x6064, kind="short", reason="25 of 60 octets")
        assert stage.data("bad_frames") == count
    assert stage.active("matching.awaiting")
    assert stage.unhandled == []


def test_version_of_the_modem_is_no_surprise() -> None:
    stage = station().child("network.present", version="MAC-QCA7005-1.1")
    assert stage.unhandled == []
