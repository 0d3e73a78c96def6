"""Scenarios of machines/slac/pev.yaml: a vehicle that sounds, compares stations and joins one's network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.scenarios.stage import MS, Stage

PEV = b"\x02\x00\x00\x00\x00\x01"
NEAR, FAR, FARTHER = b"\x02\x00\x00\x00\x00\x11", b"\x02\x00\x00\x00\x00\x12", b"\x02\x00\x00\x00\x00\x13"
RUN, NEXT_RUN = b"run  one", b"run  two"
OWN_KEY, NEXT_KEY = b"own  key 16 byte", b"next key 16 byte"
NID, NMK = b"nid-one", b"the station's k!"
PARM_REQ, START, SOUND = "link.CM_SLAC_PARM_REQ", "link.CM_START_ATTEN_CHAR_IND", "link.CM_MNBC_SOUND_IND"
RSP, MATCH_REQ, SET_KEY = "link.CM_ATTEN_CHAR_RSP", "link.CM_SLAC_MATCH_REQ", "network.set_key"
GAVE_UP = [{"reason": "no station answered, confirmed or was near enough"}]
ANY_NID = b""


def vehicle(**parameters: Any) -> Stage:
    """Begun; its own key is on the way to the modem.

    No station is near enough to be taken before TT_EV_atten_results; for :func:`quick` they are.
    """
    parameters.setdefault("C_EV_match_signalattn_indirect", 0.0)
    values = {"link.mac": PEV, "link.new_run_id": RUN, "modem.new_nmk": OWN_KEY}
    stage = Stage("machines/slac/pev.yaml", values, **parameters)
    return stage.values("modem", new_nmk=NEXT_KEY)


def keyed(stage: Stage) -> Stage:
    return stage.child("network.keyed")


def asking(**parameters: Any) -> Stage:
    """At 50 ms: the first CM_SLAC_PARM.REQ has gone out; a next run would have another id."""
    stage = keyed(vehicle(**parameters)).run(0.05)
    return stage.values("link", new_run_id=NEXT_RUN)


def parm_cnf(stage: Stage, run_id: bytes = RUN, source: bytes = NEAR) -> Stage:
    frame = {"source": source, "run_id": run_id, "num_sounds": 10, "time_out": 600 * MS, "resp_type": 1}
    return stage.emit("link.CM_SLAC_PARM_CNF", **frame)


def heard(stage: Stage, source: bytes, mean: float, run_id: bytes = RUN, to: bytes = PEV) -> Stage:
    """A station says how strongly it heard the sounds."""
    frame = {"source": source, "source_address": to, "run_id": run_id, "num_sounds": 10, "mean": mean}
    return stage.emit("link.CM_ATTEN_CHAR_IND", **frame)


def match_cnf(stage: Stage, source: bytes = NEAR, run_id: bytes = RUN, pev_mac: bytes = PEV) -> Stage:
    frame = {"source": source, "pev_mac": pev_mac, "evse_mac": source, "run_id": run_id, "nid": NID, "nmk": NMK}
    return stage.emit("link.CM_SLAC_MATCH_CNF", **frame)


def collecting(**parameters: Any) -> Stage:
    """At 50 ms: a station is there; sounding begins."""
    return parm_cnf(asking(**parameters).forget())


def matching(*stations: tuple[bytes, float], **parameters: Any) -> Stage:
    """At 1.25 s: these stations have answered; the vehicle has asked the first time."""
    stage = collecting(**parameters)
    for source, mean in stations or [(NEAR, 9.0)]:
        heard(stage, source, mean)
    return stage.forget().run(1.2)


def joining() -> Stage:
    return match_cnf(matching()).forget()


def linking() -> Stage:
    return keyed(joining())


def linked() -> Stage:
    return linking().child("network.link_up")


REACHED: dict[str, Callable[[], Stage]] = {
    "matching.starting": lambda: keyed(vehicle()),
    "matching.run.parameters": asking,
    "matching.run.characterisation": collecting,
    "matching.run.match": matching,
    "matching.repetition": lambda: asking().run(0.6),
    "matching.gave_up": lambda: asking().run(3),
    "matching.joining.keying": joining,
    "matching.joining.linking": linking,
    "matching.linked": linked,
}


def events(stage: Stage) -> list[str]:
    return [name for _, name, _ in stage.said]


def asked(stage: Stage) -> list[float]:
    """When CM_SLAC_PARM.REQ went out, to the ms."""
    return [round(at, 3) for at in stage.times(PARM_REQ)]


# ------------------------------------------------------------ before a run


def test_own_key_comes_first() -> None:
    """[V2G3-A09-121]: no frame goes out before the modem has a key that nobody shares."""
    stage = vehicle().run(60)
    assert [(order.what, order.args) for order in stage.orders[1:]] == [(SET_KEY, {"nmk": OWN_KEY, "nid": ANY_NID})]
    keyed(stage.forget()).run(0.049)
    assert stage.active("matching.starting")
    assert stage.orders == []
    stage.run(0.001)
    assert stage.ordered(PARM_REQ) == [{"run_id": RUN}]
    assert asked(stage) == [60.05]
    assert stage.said == []


def test_pilot_begins_and_ends_it() -> None:
    """Without auto_start only 5 % begins a matching, before or after the modem is ready; leaving it ends it."""
    stage = keyed(vehicle(auto_start=False)).forget().run(60)
    assert stage.active("pilot.waiting")
    assert stage.active("matching.unmatched")
    assert stage.orders == []
    stage.post("enter_5_percent").run(0.05)
    assert stage.active("pilot.digital")
    assert asked(stage) == [60.05]
    keyed(stage.post("leave_5_percent")).forget().run(60)
    assert stage.active("matching.unmatched")
    assert stage.orders == []
    early = vehicle(auto_start=False).post("enter_5_percent").run(1)
    assert early.order(PARM_REQ) is None
    assert asked(keyed(early).run(0.05)) == [1.05]


def test_modem_that_is_not_there() -> None:
    """34, 38: told to the supervisor; the vehicle begins when the modem is there after all."""
    stage = vehicle().child("network.fault", reason="no modem on eth1")
    assert stage.told("modem_fault") == [{"reason": "no modem on eth1"}]
    assert stage.active("matching.left")
    assert stage.ordered(SET_KEY)[1:] == [{"nmk": NEXT_KEY, "nid": ANY_NID}]
    keyed(stage.run(60)).run(0.05)
    assert asked(stage) == [60.05]


# ------------------------------------------------------------ a run


def test_a_match_from_request_to_link() -> None:
    """Every frame in its order at its time: three STARTs, ten sounds 20 ms apart, the answer, the match, the key."""
    stage = asking()
    assert stage.ordered(PARM_REQ) == [{"run_id": RUN}]
    parm_cnf(stage.run(0.05).forget())  # at 100 ms
    assert stage.ordered(START) == [{"run_id": RUN, "num_sounds": 10, "time_out": 600 * MS}]
    stage.run(0.019)
    assert len(stage.orders) == 1
    stage.run(0.501)
    assert stage.ordered(START) == [{"run_id": RUN, "num_sounds": 10, "time_out": 600 * MS}] * 3
    assert [round(at, 3) for at in stage.times(START)] == [0.1, 0.12, 0.14]
    assert stage.ordered(SOUND) == [{"run_id": RUN, "remaining": remaining} for remaining in range(9, -1, -1)]
    assert [round(at, 3) for at in stage.times(SOUND)] == [round(0.16 + 0.02 * n, 3) for n in range(10)]
    assert len(stage.orders) == 13
    assert stage.active("matching.run.characterisation.sounding.over")
    heard(stage, NEAR, 9.0)
    assert stage.ordered(RSP) == [{"peer": NEAR, "run_id": RUN, "result": 0}]
    stage.run(0.679)
    assert stage.order(MATCH_REQ) is None
    assert len(stage.orders) == 14
    stage.run(0.001)
    assert [(round(order.at_s, 3), order.what, order.args) for order in stage.orders[14:]] == [
        (1.3, MATCH_REQ, {"peer": NEAR, "run_id": RUN})
    ]
    match_cnf(stage.forget())
    assert [(order.what, order.args) for order in stage.orders] == [(SET_KEY, {"nmk": NMK, "nid": NID})]
    stage.child("network.link_up")  # of the old key
    assert stage.active("matching.joining.keying")
    keyed(stage)
    assert [order.what for order in stage.orders] == [SET_KEY, "network.watch_link"]
    assert stage.said == []
    stage.child("network.link_up")
    assert stage.told("dlink_ready") == [{"evse_mac": NEAR}]
    assert stage.active("matching.linked")
    stage.run(3600)
    assert [order.what for order in stage.orders] == [SET_KEY, "network.watch_link"]
    assert events(stage) == ["dlink_ready"]


def test_numbers_are_the_vehicles() -> None:
    """Whoever changes a count or a time in the vehicle changes what is on the line."""
    stage = collecting(C_EV_match_MNBC=4, C_EV_start_atten_char_inds=1, TT_EVSE_match_MNBC=700 * MS).run(0.5)
    assert stage.ordered(START) == [{"run_id": RUN, "num_sounds": 4, "time_out": 700 * MS}]
    assert [sound["remaining"] for sound in stage.ordered(SOUND)] == [3, 2, 1, 0]


def test_station_that_does_not_answer() -> None:
    """10: CM_SLAC_PARM.REQ three times 200 ms apart, a pause of 400 ms, another run; three runs, then 15 s of rest;
    and so on, each time with three runs."""
    stage = asking().run(0.599)
    assert asked(stage) == [0.05, 0.25, 0.45]
    assert stage.active("matching.run.parameters.asking")
    stage.run(0.001)
    assert stage.active("matching.repetition")
    stage.run(0.399)
    assert len(stage.times(PARM_REQ)) == 3
    stage.run(0.001)
    assert asked(stage)[3:] == [1.05]
    assert stage.order(PARM_REQ) == {"run_id": NEXT_RUN}
    three = [round(run + send, 3) for run in (0.05, 1.05, 2.05) for send in (0, 0.2, 0.4)]
    stage.run(1.999)
    assert asked(stage) == three
    assert stage.said == []
    stage.run(0.001)
    assert stage.active("matching.gave_up")
    assert stage.told("matching_failed") == GAVE_UP
    stage.run(14.999)
    assert asked(stage) == three
    stage.run(0.001)
    assert asked(stage)[9:] == [18.05]
    stage.run(3)
    assert asked(stage)[9:] == [round(at + 18, 3) for at in three]
    assert [round(at, 3) for at in stage.times("matching_failed")] == [3.05, 21.05]
    assert stage.unhandled == []


def test_late_answer_of_a_station() -> None:
    """12, 26: a foreign run's confirmation begins nothing; the own one does, even late, and sounding is as ever."""
    stage = parm_cnf(asking().run(0.5), run_id=NEXT_RUN)
    assert stage.active("matching.run.parameters")
    parm_cnf(stage.run(0.099)).forget().run(0.5)
    assert [order.what for order in stage.orders] == [START] * 2 + [SOUND] * 10
    assert stage.ordered(SOUND)[0] == {"run_id": RUN, "remaining": 9}


def test_no_station_heard_the_sounds() -> None:
    """TT_EV_atten_results from the first START: then the run has failed, and the next one comes 400 ms later."""
    stage = collecting().run(1.199)
    assert stage.active("matching.run.characterisation")
    stage.run(0.001)
    assert stage.active("matching.repetition")
    assert stage.order(MATCH_REQ) is None
    stage.run(0.4)
    assert stage.order(PARM_REQ) == {"run_id": NEXT_RUN}


@pytest.mark.parametrize("source_address", [NEAR, PEV])
def test_answers_to_others_are_not_ours(source_address: bytes) -> None:
    """26: another vehicle's or another run's attenuation is neither answered nor counted, at any point."""
    run_id = NEXT_RUN if source_address == PEV else RUN
    for stage in (collecting(), heard(collecting(), FAR, 20.0).forget(), matching().forget()):
        heard(stage, NEAR, 1.0, run_id=run_id, to=source_address)
        assert stage.order(RSP) is None
    stage = heard(heard(collecting(), FAR, 20.0), NEAR, 1.0, run_id=run_id, to=source_address).run(1.2)
    assert stage.ordered(MATCH_REQ) == [{"peer": FAR, "run_id": RUN}]
    stage = heard(collecting(), NEAR, 1.0, run_id=run_id, to=source_address).run(1.2)
    assert stage.active("matching.repetition")


ORDERS = [
    [(NEAR, 9.0), (FAR, 20.0), (FARTHER, 30.0)],
    [(NEAR, 9.0), (FARTHER, 30.0), (FAR, 20.0)],
    [(FAR, 20.0), (NEAR, 9.0), (FARTHER, 30.0)],
    [(FAR, 20.0), (FARTHER, 30.0), (NEAR, 9.0)],
    [(FARTHER, 30.0), (NEAR, 9.0), (FAR, 20.0)],
    [(FARTHER, 30.0), (FAR, 20.0), (NEAR, 9.0)],
]


@pytest.mark.parametrize("order", ORDERS)
def test_nearest_station_in_whatever_order_they_answer(order: list[tuple[bytes, float]]) -> None:
    """20, 52: every station is answered; the least attenuated one is asked three times, then the next one, and when
    that does not confirm either, no third: the run has failed."""
    stage = collecting()
    for source, mean in order:
        heard(stage.run(0.1), source, mean)
    assert [rsp["peer"] for rsp in stage.ordered(RSP)] == [source for source, _ in order]
    assert {(rsp["run_id"], rsp["result"]) for rsp in stage.ordered(RSP)} == {(RUN, 0)}
    stage.run(0.9 + 0.599)
    assert stage.ordered(MATCH_REQ) == [{"peer": NEAR, "run_id": RUN}] * 3
    assert [round(at, 3) for at in stage.times(MATCH_REQ)] == [1.25, 1.45, 1.65]
    stage.run(0.001)
    assert stage.ordered(MATCH_REQ)[3:] == [{"peer": FAR, "run_id": RUN}]
    assert stage.data("best_mean") == 20.0
    stage.run(0.599)
    assert stage.ordered(MATCH_REQ)[3:] == [{"peer": FAR, "run_id": RUN}] * 3
    assert stage.active("matching.run.match")
    stage.run(0.001)
    assert stage.active("matching.repetition")
    assert len(stage.ordered(MATCH_REQ)) == 6


@pytest.mark.parametrize("order", ORDERS)
def test_repeated_answer_counts_once(order: list[tuple[bytes, float]]) -> None:
    """14, 15: a station that did not hear the response repeats its answer: it is told again, and is one."""
    stage = collecting()
    for source, mean in order:
        heard(heard(stage, source, mean), source, mean)
    assert [rsp["peer"] for rsp in stage.ordered(RSP)] == [source for source, _ in order for _ in range(2)]
    stage.run(1.2 + 0.6)
    assert [req["peer"] for req in stage.ordered(MATCH_REQ)] == [NEAR] * 3 + [FAR]
    heard(stage.forget(), FARTHER, 30.0)  # a late one
    assert stage.ordered(RSP) == [{"peer": FARTHER, "run_id": RUN, "result": 0}]


# ------------------------------------------------------------ when every station has answered


def fast_check(*stations: bytes) -> Stage:
    """At 50 ms: these stations are there, sounding begins; it goes on when all of them have answered."""
    stage = asking(C_EV_match_signalattn_indirect=20.0).forget()
    for source in stations or (NEAR,):
        parm_cnf(stage, source=source)
    return stage


def matched_at(stage: Stage) -> list[float]:
    """When CM_SLAC_MATCH.REQ went out first, in seconds from the first CM_START_ATTEN_CHAR.IND."""
    return [round(at - 0.05, 3) for at in stage.times(MATCH_REQ)[:1]]


def test_one_station_is_not_waited_for_longer_than_it_needs() -> None:
    """TP_EVSE_avg_atten_calc after the last sound, not TT_EV_atten_results: 360 ms instead of 1.2 s."""
    stage = heard(fast_check().run(0.27), NEAR, 9.0).run(0.089)
    assert stage.order(MATCH_REQ) is None
    stage.run(0.001)
    assert stage.ordered(MATCH_REQ) == [{"peer": NEAR, "run_id": RUN}]
    assert matched_at(stage) == [0.36]


def test_answer_that_comes_later_is_acted_on_at_once() -> None:
    stage = fast_check().run(0.7)
    assert stage.active("matching.run.characterisation")
    assert matched_at(heard(stage, NEAR, 20.0)) == [0.7]


def test_every_station_that_is_there_is_waited_for() -> None:
    """52: the far one has answered, the near one is known to be there: it may still be the nearer one."""
    stage = heard(parm_cnf(fast_check(FAR, NEAR), source=FAR), FAR, 15.0).run(0.9)
    assert stage.active("matching.run.characterisation")
    heard(stage, NEAR, 9.0)
    assert stage.ordered(MATCH_REQ) == [{"peer": NEAR, "run_id": RUN}]
    silent = heard(fast_check(FAR, NEAR), FAR, 15.0).run(1.199)
    assert silent.order(MATCH_REQ) is None
    silent.run(0.001)
    assert silent.ordered(MATCH_REQ) == [{"peer": FAR, "run_id": RUN}]


def test_station_whose_confirmation_was_lost() -> None:
    """52: its CM_SLAC_PARM.CNF did not come, its answer does, a moment after the other one's."""
    stage = heard(heard(fast_check(FAR).run(0.25), FAR, 15.0).run(0.1), NEAR, 9.0).run(0.01)
    assert stage.ordered(MATCH_REQ) == [{"peer": NEAR, "run_id": RUN}]
    assert matched_at(stage) == [0.36]


def test_confirmation_after_the_answer() -> None:
    """The order of the two is the line's; a station counts once."""
    stage = parm_cnf(heard(fast_check(FAR), NEAR, 9.0), source=NEAR)
    assert matched_at(heard(stage, FAR, 15.0).run(0.4)) == [0.36]


def test_stations_of_another_run_are_not_waited_for() -> None:
    stage = parm_cnf(fast_check(), NEXT_RUN, FAR)
    assert matched_at(heard(stage, NEAR, 9.0).run(0.4)) == [0.36]


def test_weak_answer_is_not_the_last_word() -> None:
    """52: what may be a neighbour's station is not taken before TT_EV_atten_results is over.

    The own one may have missed sounds, and its confirmation may have been lost.
    """
    stage = heard(fast_check(FAR), FAR, 20.5).run(0.7)
    assert stage.active("matching.run.characterisation")
    heard(stage, NEAR, 9.0)
    assert stage.ordered(MATCH_REQ) == [{"peer": NEAR, "run_id": RUN}]
    alone = heard(fast_check(FAR), FAR, 20.5).run(1.2)
    assert matched_at(alone) == [1.2]


def test_more_stations_than_are_told_apart() -> None:
    """Made-up stations cost time, up to the limit, and no memory; the nearest one is found all the same."""
    crowd = [b"\x02\x00\x00\x00\x01" + bytes([number]) for number in range(32)]
    stage = fast_check(*crowd)
    for station in crowd:
        heard(stage, station, 30.0)
    for source, mean in ((FAR, 12.0), (NEAR, 9.0), (NEAR, 8.0), (FAR, 8.5)):
        heard(stage, source, mean)
    assert stage.data("stations") == stage.data("answered") == [*crowd, FAR]
    assert (stage.data("best"), stage.data("best_mean"), stage.data("second")) == (NEAR, 9.0, FAR)
    stage.run(1.199)
    assert stage.order(MATCH_REQ) is None
    stage.run(0.001 + 0.6)
    assert [req["peer"] for req in stage.ordered(MATCH_REQ)] == [NEAR] * 3 + [FAR]
    for count, at in ((31, 0.36), (32, 1.2)):
        stage = fast_check(*crowd[:count])
        for station in (*crowd[:count], NEAR):
            heard(stage, station, 9.0)
        assert matched_at(stage.run(1.2)) == [at]


def test_station_too_many() -> None:
    """The one that is not noted any more may be the nearest: it is waited for as long as there is time."""
    crowd = [b"\x02\x00\x00\x00\x01" + bytes([number]) for number in range(32)]
    stage = fast_check(*crowd, NEAR)
    for station in crowd:
        heard(stage, station, 12.0)
    heard(stage.run(1), NEAR, 9.0)
    assert matched_at(stage.run(0.2)) == [1.2]
    assert stage.ordered(MATCH_REQ)[0] == {"peer": NEAR, "run_id": RUN}


def test_answer_of_the_last_run_is_none_of_this_one() -> None:
    stage = heard(fast_check(), NEAR, 9.0).run(0.36 + 0.6 + 0.4).forget()
    parm_cnf(stage, NEXT_RUN).run(0.5)
    assert stage.order(MATCH_REQ) is None
    heard(stage, NEAR, 9.0, run_id=NEXT_RUN)
    assert stage.ordered(MATCH_REQ) == [{"peer": NEAR, "run_id": NEXT_RUN}]


def test_next_run_waits_for_its_own_stations() -> None:
    stage = fast_check(NEAR, FAR).run(1.2).run(0.4)
    assert stage.active("matching.run.parameters")
    parm_cnf(stage, NEXT_RUN).run(0.4)
    heard(stage, NEAR, 9.0, run_id=NEXT_RUN)
    assert stage.ordered(MATCH_REQ) == [{"peer": NEAR, "run_id": NEXT_RUN}]


def test_repeated_answer_of_the_second_station() -> None:
    """A repetition with another mean does not change the order once a station is known."""
    stage = heard(heard(heard(collecting(), NEAR, 9.0), FAR, 20.0), FAR, 1.0).run(1.2)
    assert stage.ordered(MATCH_REQ) == [{"peer": NEAR, "run_id": RUN}]
    stage = heard(heard(collecting(), NEAR, 9.0), NEAR, 12.0)
    heard(stage, FAR, 10.0)
    assert stage.run(1.2).ordered(MATCH_REQ) == [{"peer": NEAR, "run_id": RUN}]


def test_only_station_is_not_its_own_second() -> None:
    stage = heard(matching((NEAR, 9.0)), NEAR, 9.0).run(0.6)
    assert stage.active("matching.repetition")
    twice = heard(heard(collecting(), NEAR, 9.0), NEAR, 9.0).run(1.8)
    assert twice.active("matching.repetition")


def test_equally_near_stations() -> None:
    """The one that answered first is asked first, and the one that answered second next."""
    stage = matching((FAR, 9.0), (NEAR, 9.0), (FARTHER, 9.0)).run(0.6)
    assert [req["peer"] for req in stage.ordered(MATCH_REQ)] == [FAR] * 3 + [NEAR]


@pytest.mark.parametrize(("mean", "is_ours"), [(40.0, True), (40.5, False)])
def test_neighbours_station(mean: float, is_ours: bool) -> None:
    """52: what hears us worse than the limit is no station of ours, as the first choice or the second."""
    stage = matching((NEAR, mean))
    assert stage.active("matching.run.match") is is_ours
    assert stage.active("matching.repetition") is not is_ours
    assert len(stage.ordered(MATCH_REQ)) == is_ours
    second = matching((NEAR, 9.0), (FAR, mean)).run(0.6)
    assert second.active("matching.run.match") is is_ours
    assert second.active("matching.repetition") is not is_ours


@pytest.mark.parametrize("wrong", [{"run_id": NEXT_RUN}, {"source": FAR}, {"pev_mac": FAR}])
def test_confirmation_that_is_not_ours(wrong: dict[str, bytes]) -> None:
    """25, 26: only the chosen station's confirmation, to us, of this run, gives a key to the modem."""
    stage = match_cnf(matching((NEAR, 9.0), (FAR, 20.0)), **wrong)
    assert stage.active("matching.run.match")
    assert stage.order(SET_KEY) is None
    match_cnf(stage)
    assert stage.active("matching.joining.keying")
    assert stage.ordered(SET_KEY) == [{"nmk": NMK, "nid": NID}]


def test_second_station_confirms() -> None:
    stage = match_cnf(matching((NEAR, 9.0), (FAR, 20.0)).run(0.6), source=FAR)
    keyed(stage).child("network.link_up")
    assert stage.told("dlink_ready") == [{"evse_mac": FAR}]


def test_late_answers_while_matching() -> None:
    """14, 16: a station that repeats its answer, or comes late, is responded to; it does not enter the choice."""
    stage = matching().forget()
    heard(heard(stage, NEAR, 9.0), FAR, 1.0)
    assert [order.what for order in stage.orders] == [RSP, RSP]
    assert stage.ordered(RSP) == [{"peer": peer, "run_id": RUN, "result": 0} for peer in (NEAR, FAR)]
    assert stage.run(0.599).ordered(MATCH_REQ) == [{"peer": NEAR, "run_id": RUN}] * 2
    stage.run(0.001)
    assert stage.active("matching.repetition")


def test_next_run_knows_nothing_of_the_last() -> None:
    """Stations of a failed run are forgotten: neither the first nor the second is asked again in the next one."""
    stage = matching((NEAR, 1.0), (FAR, 2.0)).run(1.2 + 0.4).forget()
    assert stage.active("matching.run.parameters.asking")
    stage.run(0.399)
    parm_cnf(stage, NEXT_RUN).run(0.5)
    heard(stage, FARTHER, 30.0, run_id=NEXT_RUN).run(0.7)
    assert [order.what for order in stage.orders] == [PARM_REQ, *[START] * 3, *[SOUND] * 10, RSP, MATCH_REQ]
    assert stage.ordered(MATCH_REQ) == [{"peer": FARTHER, "run_id": NEXT_RUN}]
    stage.run(0.6)
    assert stage.active("matching.repetition")
    silent = parm_cnf(matching((NEAR, 1.0)).run(1.0), NEXT_RUN).forget().run(1.2)
    assert silent.order(MATCH_REQ) is None
    assert silent.active("matching.repetition")


def test_station_that_was_second_in_the_last_run() -> None:
    """It may be the only one that answers in the next run, and is asked then."""
    stage = match_cnf(matching((NEAR, 9.0), (FAR, 20.0))).run(12.4)
    heard(parm_cnf(stage, NEXT_RUN), FAR, 20.0, run_id=NEXT_RUN).forget().run(1.2)
    assert stage.ordered(MATCH_REQ) == [{"peer": FAR, "run_id": NEXT_RUN}]


# ------------------------------------------------------------ attempts


def test_window_of_repetitions() -> None:
    """TT_matching_repetition counts from the first failed run: within 10 s there may be another, then no more."""
    stage = asking(C_conn_max_match=100).run(0.6)  # the first run has failed at 0.65 s
    assert stage.active("window.open")
    stage.run(9.999)
    assert stage.active("window.open")
    stage.run(0.001)
    assert stage.active("window.over")
    assert [at for at in asked(stage) if str(at).endswith(".05")] == [n + 0.05 for n in range(11)]
    stage.run(0.399)
    assert stage.said == []
    stage.run(0.001)
    assert stage.active("matching.gave_up")
    assert stage.active("window.shut")
    stage.forget().run(15 + 10.6)
    assert [at for at in asked(stage) if str(at).endswith(".05")] == [n + 26.05 for n in range(11)]


def test_key_that_gives_no_link_again_and_again() -> None:
    """20: the second join fails outside of the window: no third attempt, though there were but two."""
    stage = joining()
    stage.run(11.999)
    assert stage.active("matching.joining.keying")
    stage.run(0.001)
    assert stage.active("matching.repetition")
    stage.run(0.4)
    assert stage.order(PARM_REQ) == {"run_id": NEXT_RUN}
    heard(parm_cnf(stage, NEXT_RUN), NEAR, 9.0, run_id=NEXT_RUN).run(1.2)
    keyed(match_cnf(stage, run_id=NEXT_RUN)).run(12)
    assert stage.active("matching.repetition")
    stage.run(0.4)
    assert stage.told("matching_failed") == GAVE_UP


@pytest.mark.parametrize("state", REACHED)
def test_modem_in_trouble(state: str) -> None:
    """34, 38: told, with the link that was there; a new key and a new matching when the modem is there again."""
    stage = REACHED[state]().forget().child("network.fault", reason="no modem on eth1")
    assert events(stage) == (["dlink_lost", "modem_fault"] if state == "matching.linked" else ["modem_fault"])
    assert stage.told("modem_fault") == [{"reason": "no modem on eth1"}]
    assert [(order.what, order.args) for order in stage.orders] == [(SET_KEY, {"nmk": NEXT_KEY, "nid": ANY_NID})]
    assert stage.active("matching.left")
    keyed(stage.forget()).run(0.05)
    assert [order.what for order in stage.orders] == [PARM_REQ]


def test_link_after_a_failed_run() -> None:
    """A vehicle that is linked has no window running, and all attempts again when the link is lost."""
    stage = asking().run(1.2)
    assert stage.active("window.open")
    heard(parm_cnf(stage, NEXT_RUN), NEAR, 9.0, run_id=NEXT_RUN).run(1.2)
    keyed(match_cnf(stage, run_id=NEXT_RUN)).child("network.link_up")
    assert stage.active("window.shut")
    stage.run(100).child("network.link_down")
    keyed(stage.forget()).run(3.05)
    assert len(stage.times(PARM_REQ)) == 9
    assert stage.active("matching.gave_up")


def test_vehicle_that_comes_again_has_all_its_attempts() -> None:
    """11: unplugged after two failed runs and plugged in again 10 s later: three runs, no matter how the last ended."""
    stage = asking().run(2.3)
    assert stage.active("matching.run.parameters")
    stage.post("leave_5_percent")
    assert stage.active("window.shut")
    keyed(stage).forget().run(9).post("enter_5_percent")
    stage.run(3.049)
    assert len(stage.times(PARM_REQ)) == 9
    assert stage.active("matching.repetition")
    stage.run(0.001)
    assert stage.active("matching.gave_up")


# ------------------------------------------------------------ leaving


@pytest.mark.parametrize("state", REACHED)
@pytest.mark.parametrize("stop", ["leave_5_percent", "dlink_terminate", "dlink_error"])
def test_leaving_gives_a_key_nobody_shares(stop: str, state: str) -> None:
    """35, 46: in any state, at once, and nothing more goes out; with 5 % still there a new matching begins."""
    stage = REACHED[state]().forget()
    assert stage.active(state)
    stage.values("modem", new_nmk=NEXT_KEY).post(stop)
    assert [(order.what, order.args) for order in stage.orders] == [(SET_KEY, {"nmk": NEXT_KEY, "nid": ANY_NID})]
    assert stage.active("matching.left")
    stage.run(60)
    assert len(stage.orders) == 1
    assert stage.said == []
    keyed(stage.forget()).run(0.05)
    assert [order.what for order in stage.orders] == ([] if stop == "leave_5_percent" else [PARM_REQ])


def test_lost_link() -> None:
    """37: told once; the vehicle leaves the network and matches anew."""
    stage = linked().forget().child("network.link_down")
    assert stage.told("dlink_lost") == [{}]
    assert stage.ordered(SET_KEY) == [{"nmk": NEXT_KEY, "nid": ANY_NID}]
    assert stage.active("matching.left")
    keyed(stage).run(0.05)
    assert stage.order(PARM_REQ) == {"run_id": NEXT_RUN}
    assert events(stage) == ["dlink_lost"]


# ------------------------------------------------------------ frames that are none


@pytest.mark.parametrize("conformance", ["strict", "lenient"])
def test_fields_that_are_required_of_frames(conformance: str) -> None:
    """ISO 15118-5, invalid fields: said once, before the first frame; a lenient vehicle requires less."""
    stage = vehicle(conformance=conformance)
    assert stage.orders[0].what == "link.require"
    (required,) = stage.ordered("link.require")
    assert required["any_mvf_length"] is (conformance == "lenient")
    assert "CM_SLAC_PARM_CNF.application_type" in required["zero"]
    assert "CM_SLAC_PARM_CNF.num_sounds" in required["nonzero"]
    assert ("CM_ATTEN_CHAR_IND.source_id" in required["zero"]) is (conformance == "strict")
    assert ("CM_SLAC_PARM_CNF.resp_type" in required["nonzero"]) is (conformance == "strict")


@pytest.mark.parametrize("state", REACHED)
@pytest.mark.parametrize("source", [NEAR, FAR])
def test_amplitude_map(source: bytes, state: str) -> None:
    """ISO 15118-3 A.9.6: that of the station matched is answered, before and after the vehicle knows of the link."""
    stage = REACHED[state]().forget().emit("link.CM_AMP_MAP_REQ", source=source, length=1155)
    ours = source == NEAR and state.startswith(("matching.joining", "matching.linked"))
    assert stage.ordered("link.CM_AMP_MAP_CNF") == ([{"peer": NEAR, "result": 0}] if ours else [])


def test_bad_frames_are_counted() -> None:
    """31: a cut frame is shown to people and changes nothing."""
    stage = collecting()
    for count in (1, 2):
        stage.emit("link.bad_frame", source=NEAR, mmtype=0x606E, kind="short", reason="25 of 60 octets")
        assert stage.data("bad_frames") == count
    assert stage.active("matching.run.characterisation")
    assert stage.unhandled == []


def test_version_of_the_modem_is_no_surprise() -> None:
    stage = vehicle().child("network.present", version="MAC-QCA7005-1.1")
    assert stage.unhandled == []
