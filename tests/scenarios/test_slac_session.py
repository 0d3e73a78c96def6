"""Scenarios of machines/slac/session.yaml: one vehicle at the station, frame by frame (ISO 15118-3 A.9)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import MS, S, Stage

PEV, OTHER_PEV = b"\x02\x00\x00\x00\x00\x01", b"\x02\x00\x00\x00\x00\x02"
EVSE, OTHER_EVSE = b"\x02\x00\x00\x00\x00\x11", b"\x02\x00\x00\x00\x00\x12"
RUN, OTHER_RUN = b"run  one", b"run  two"
NID, NMK = b"nid-one", b"sixteen  octets!"
STRANGERS = {"another vehicle": {"source": OTHER_PEV}, "another run": {"run_id": OTHER_RUN}}
PARM_CNF = {"peer": PEV, "run_id": RUN, "num_sounds": 10, "time_out": 600 * MS}


def requested(**parameters: Any) -> Stage:
    """A vehicle's CM_SLAC_PARM.REQ has begun the session."""
    given = {"pev_mac": PEV, "run_id": RUN, "nid": NID, "nmk": NMK, **parameters}
    return Stage("machines/slac/session.yaml", {"link.mac": EVSE}, **given)


def parm_req(stage: Stage, source: bytes = PEV, run_id: bytes = RUN) -> Stage:
    return stage.emit("link.CM_SLAC_PARM_REQ", source=source, run_id=run_id, application_type=0, security_type=0)


def start(stage: Stage, source: bytes = PEV, run_id: bytes = RUN) -> Stage:
    frame = {"source": source, "run_id": run_id, "num_sounds": 10, "time_out": 600 * MS, "resp_type": 1}
    return stage.emit("link.CM_START_ATTEN_CHAR_IND", **frame)


def sound(stage: Stage, count: int = 1, source: bytes = PEV, run_id: bytes = RUN) -> Stage:
    for remaining in reversed(range(count)):
        stage.emit("link.CM_MNBC_SOUND_IND", source=source, run_id=run_id, remaining=remaining)
    return stage


def profile(stage: Stage, count: int = 1, pev_mac: bytes = PEV) -> Stage:
    for _ in range(count):
        stage.emit("link.CM_ATTEN_PROFILE_IND", pev_mac=pev_mac, mean=12.5)
    return stage


def rsp(stage: Stage, source: bytes = PEV, run_id: bytes = RUN, result: int = 0) -> Stage:
    return stage.emit("link.CM_ATTEN_CHAR_RSP", source=source, source_address=source, run_id=run_id, result=result)


def match_req(stage: Stage, source: bytes = PEV, run_id: bytes = RUN, evse_mac: bytes = EVSE) -> Stage:
    return stage.emit("link.CM_SLAC_MATCH_REQ", source=source, pev_mac=PEV, evse_mac=evse_mac, run_id=run_id)


def sounding(**parameters: Any) -> Stage:
    return start(requested(**parameters))


def characterised(**parameters: Any) -> Stage:
    """CM_ATTEN_CHAR.IND has gone out once."""
    return profile(sound(sounding(**parameters), 10), 10)


def waiting() -> Stage:
    """CM_ATTEN_CHAR.RSP has come; the vehicle compares stations."""
    return rsp(characterised())


def chosen() -> Stage:
    return match_req(waiting())


def taken(stage: Stage, pev_mac: bytes = PEV, run_id: bytes = RUN) -> Stage:
    """The station takes this run of this vehicle."""
    return stage.post("taken", pev_mac=pev_mac, run_id=run_id)


def matched() -> Stage:
    return taken(chosen())


CHOSEN = [{"pev_mac": PEV, "run_id": RUN}]
STEPS = {"requested": requested, "sounding": sounding, "characterised": characterised, "waiting_match": waiting}
ALL = {**STEPS, "chosen": chosen, "matched": matched}


def test_a_match_frame_by_frame() -> None:
    """What the station sends, in its order, and that it tells its supervisor of the match, once."""
    stage = requested()
    assert stage.order("link.CM_SLAC_PARM_CNF") == PARM_CNF
    start(stage)
    assert stage.active("sounding.listening")
    assert stage.order("link.forget_profiles") == {"pev_mac": PEV}
    for _ in range(9):
        profile(sound(stage.run(0.02)))
    sound(stage.run(0.02))
    assert stage.order("link.CM_ATTEN_CHAR_IND") is None  # nine profiles of ten
    profile(stage)
    assert stage.order("link.CM_ATTEN_CHAR_IND") == {"peer": PEV, "run_id": RUN, "num_sounds": 10}
    rsp(stage.run(0.1))
    assert stage.active("waiting_match")
    assert stage.told("chosen") == []
    match_req(stage.run(0.9))
    assert stage.told("chosen") == CHOSEN
    assert stage.order("link.CM_SLAC_MATCH_CNF") is None
    taken(stage)
    assert stage.order("link.CM_SLAC_MATCH_CNF") == {"peer": PEV, "run_id": RUN, "nid": NID, "nmk": NMK}
    match_req(stage.run(0.2))  # the CNF was lost
    assert [order.what for order in stage.orders] == [
        "link.CM_SLAC_PARM_CNF",
        "link.forget_profiles",
        "link.CM_ATTEN_CHAR_IND",
        "link.CM_SLAC_MATCH_CNF",
        "link.CM_SLAC_MATCH_CNF",
    ]
    assert stage.order("link.CM_SLAC_MATCH_CNF") == {"peer": PEV, "run_id": RUN, "nid": NID, "nmk": NMK}
    assert stage.told("chosen") == CHOSEN
    stage.run(60)
    assert stage.active("matched")
    assert stage.unhandled == []
    assert stage.errors == []


def test_repeated_parameter_request_is_answered_again() -> None:
    """A lost CM_SLAC_PARM.CNF is sent again, and TT_match_sequence still runs from the first one."""
    stage = parm_req(requested().run(0.2))
    assert stage.ordered("link.CM_SLAC_PARM_CNF") == [PARM_CNF] * 2
    parm_req(stage, source=OTHER_PEV)
    parm_req(stage, source=OTHER_PEV, run_id=OTHER_RUN)
    assert len(stage.orders) == 2
    assert stage.active("requested.answered")
    stage.run(0.199)
    assert not stage.ended
    stage.run(0.001)
    assert stage.ended


@pytest.mark.parametrize("state", ALL)
def test_vehicle_that_begins_anew_ends_the_old_run(state: str) -> None:
    """[V2G3-A09-16]: a request with another run id ends this session silently; neither another vehicle's request nor a
    repeated one does."""
    stage = ALL[state]().forget()
    parm_req(stage, source=OTHER_PEV, run_id=OTHER_RUN)
    parm_req(stage)
    assert stage.active(state)
    parm_req(stage, run_id=OTHER_RUN)
    assert stage.ended
    assert stage.output == {"failure": "", "pev_mac": PEV}


@pytest.mark.parametrize("other", [{"run_id": OTHER_RUN}, {"pev_mac": OTHER_PEV}], ids=["run", "vehicle"])
@pytest.mark.parametrize("state", ALL)
def test_station_that_took_another(state: str, other: dict[str, bytes]) -> None:
    """The station belongs to one vehicle: the others' sessions end, and give nobody the key."""
    stage = ALL[state]().forget()
    taken(stage, **other)
    assert stage.ended
    assert stage.output == {"failure": "", "pev_mac": PEV}
    assert stage.order("link.CM_SLAC_MATCH_CNF") is None


@pytest.mark.parametrize("state", [*STEPS, "matched"])
def test_taking_this_run_disturbs_no_other_state(state: str) -> None:
    stage = taken(ALL[state]().forget())
    assert stage.active(state)
    assert stage.orders == []


def test_nothing_is_confirmed_before_the_station_takes_the_vehicle() -> None:
    """The key goes out on the station's word only, however often the vehicle asks."""
    stage = match_req(match_req(chosen()).run(5))
    assert stage.active("chosen")
    assert stage.told("chosen") == CHOSEN
    assert stage.order("link.CM_SLAC_MATCH_CNF") is None
    assert taken(stage).ordered("link.CM_SLAC_MATCH_CNF") == [{"peer": PEV, "run_id": RUN, "nid": NID, "nmk": NMK}]


@pytest.mark.parametrize("strange", STRANGERS)
def test_start_of_another_is_not_ours(strange: str) -> None:
    """21: a foreign START opens no window, and TT_match_sequence ends a session without its own."""
    stage = start(requested(), **STRANGERS[strange]).run(0.399)
    assert stage.active("requested.answered")
    stage.run(0.001)
    assert stage.ended
    assert stage.output == {"failure": "TT_match_sequence: no CM_START_ATTEN_CHAR.IND", "pev_mac": PEV}


def test_second_and_third_start_do_not_move_the_window() -> None:
    """4, 7: 600 ms count from the first START, though two more follow; 45 ms later the answer goes out."""
    stage = sounding()
    start(stage.run(0.02))
    start(stage.run(0.02))
    profile(sound(stage, 3), 2)
    stage.run(0.559)
    assert stage.active("sounding.listening")
    stage.run(0.001)
    assert stage.active("sounding.grace")
    profile(stage.run(0.044))
    assert stage.order("link.CM_ATTEN_CHAR_IND") is None
    stage.run(0.001)
    assert stage.order("link.CM_ATTEN_CHAR_IND") == {"peer": PEV, "run_id": RUN, "num_sounds": 3}
    assert stage.times("link.CM_ATTEN_CHAR_IND") == [0.645]
    start(stage)
    assert stage.active("characterised")
    assert stage.unhandled == []
    assert len(stage.ordered("link.forget_profiles")) == 1


def test_no_profile_at_all() -> None:
    """2: an attenuation that nobody measured is never sent."""
    stage = sound(sounding(), 10).run(0.644)
    assert not stage.ended
    stage.run(0.001)
    assert stage.ended
    assert stage.order("link.CM_ATTEN_CHAR_IND") is None
    assert stage.output == {"failure": "no_profile: the modem reported no attenuation profile", "pev_mac": PEV}


def test_one_profile_is_enough() -> None:
    stage = profile(sounding()).run(0.645)
    assert stage.order("link.CM_ATTEN_CHAR_IND") == {"peer": PEV, "run_id": RUN, "num_sounds": 1}


@pytest.mark.parametrize("strange", STRANGERS)
def test_sounds_of_another_do_not_count(strange: str) -> None:
    """22: ten own profiles and nine own sounds wait for the tenth own sound, whatever others sound."""
    stage = sound(profile(sound(sounding(), 9), 10), 5, **STRANGERS[strange])
    assert stage.active("sounding.listening")
    sound(stage)
    assert stage.active("characterised.sending")


def test_profiles_of_another_vehicle_do_not_count() -> None:
    stage = profile(profile(sound(sounding(), 10), 9), 5, pev_mac=OTHER_PEV)
    assert stage.active("sounding.listening")
    profile(stage)
    assert stage.active("characterised.sending")


def test_surplus_sounds_and_profiles() -> None:
    """8: a vehicle that sounds more often than announced: the mean is told as one of ten, never of eleven."""
    stage = profile(sound(sounding(), 9), 11)
    assert stage.data("profiles") == 10
    sound(stage)
    assert stage.order("link.CM_ATTEN_CHAR_IND") == {"peer": PEV, "run_id": RUN, "num_sounds": 10}
    other = sound(profile(sounding(), 9), 11)
    assert other.data("sounds") == 10
    assert other.active("sounding.listening")


@pytest.mark.parametrize(("retries", "times"), [(0, [0.0]), (2, [0.0, 0.2, 0.4]), (3, [0.0, 0.2, 0.4, 0.6])])
def test_attenuation_is_sent_again_without_an_answer(retries: int, times: list[float]) -> None:
    """[V2G3-A09-46]: every TT_match_response, C_EV_match_retry times again; then the session has failed."""
    stage = characterised(C_EV_match_retry=retries)
    stage.run(times[-1] + 0.199)
    assert stage.times("link.CM_ATTEN_CHAR_IND") == times
    assert not stage.ended
    stage.run(0.001)
    assert stage.times("link.CM_ATTEN_CHAR_IND") == times
    assert stage.ended
    assert stage.output == {"failure": "TT_match_response: no CM_ATTEN_CHAR.RSP", "pev_mac": PEV}


@pytest.mark.parametrize("wrong", [*STRANGERS.values(), {"result": 1}], ids=[*STRANGERS, "result 1"])
def test_response_that_is_not_one(wrong: dict[str, Any]) -> None:
    """21, 23: a foreign response and one that says failure change nothing; the answer is repeated."""
    stage = rsp(characterised(), **wrong)
    assert stage.active("characterised.sending")
    stage.run(0.2)
    assert len(stage.ordered("link.CM_ATTEN_CHAR_IND")) == 2
    rsp(stage).run(0.4)
    assert len(stage.ordered("link.CM_ATTEN_CHAR_IND")) == 2
    assert stage.active("waiting_match")


NOT_OURS = {**STRANGERS, "another station": {"evse_mac": OTHER_EVSE}}


@pytest.mark.parametrize("wrong", NOT_OURS)
@pytest.mark.parametrize("state", ["characterised", "waiting_match"])
def test_match_request_to_another(state: str, wrong: str) -> None:
    """21, 24: the key goes to nobody who did not ask this station in this run; who did gets it."""
    stage = match_req(STEPS[state](), **NOT_OURS[wrong])
    assert stage.active(state)
    assert stage.order("link.CM_SLAC_MATCH_CNF") is None
    match_req(stage)
    assert stage.active("chosen")
    assert stage.told("chosen") == CHOSEN
    assert taken(stage).active("matched.confirming")
    match_req(stage, **NOT_OURS[wrong])
    assert len(stage.ordered("link.CM_SLAC_MATCH_CNF")) == 1
    assert stage.order("link.CM_SLAC_MATCH_CNF") == {"peer": PEV, "run_id": RUN, "nid": NID, "nmk": NMK}


def test_vehicle_that_chose_another_station() -> None:
    """18, 19: the vehicle may think for TT_EVSE_match_session from its response on."""
    stage = waiting().run(9.999)
    assert stage.active("waiting_match")
    stage.run(0.001)
    assert stage.ended
    failure = "TT_EVSE_match_session: no CM_SLAC_MATCH.REQ, the vehicle chose another station"
    assert stage.output == {"failure": failure, "pev_mac": PEV}


def test_times_are_the_stations() -> None:
    """All times are parameters: whoever changes one in the station changes what happens on the line."""
    stage = requested(TT_match_sequence=1 * S, TT_EVSE_match_MNBC=700 * MS, C_EV_match_MNBC=12)
    assert stage.order("link.CM_SLAC_PARM_CNF") == {**PARM_CNF, "num_sounds": 12, "time_out": 700 * MS}
    profile(sound(start(stage.run(0.999)), 10), 10).run(0.744)
    assert stage.active("sounding.grace")
    stage.run(0.001)
    assert stage.order("link.CM_ATTEN_CHAR_IND") == {"peer": PEV, "run_id": RUN, "num_sounds": 10}
