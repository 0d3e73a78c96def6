"""Faults from the field against our charts on the virtual clock: the numbers are the rows of the project's fault list.

Every scenario ends matched and linked, with one key on both sides, without an adapter error; then the vehicle leaves
and comes again, which must give another key and another link: no dead state, no old key.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from adapters.slac.frames import CmAmpMapCnf, CmAmpMapReq, CmValidateCnf, decode, name_of
from engine.cli import main
from tests.slac.street import MS, Street

SEEDS = 100 if "CHARGECHART_EXAMPLES" in os.environ else 10
SAME_RUN_S = 2.6
"""From the start to the link when the vehicle's first run succeeds: keys, at most TT_EV_atten_results, joining."""
NEW_RUN_S = 5.5
"""The same when the first run fails and the second succeeds."""

ONE_FRAME = {
    "1 sounds lost": ("drop:CM_MNBC_SOUND.IND:3-5", SAME_RUN_S),
    "1 profiles lost": ("drop:CM_ATTEN_PROFILE.IND:4-9", SAME_RUN_S),
    "3 sounds and profiles swapped": ("swap:CM_MNBC_SOUND.IND:10,swap:CM_ATTEN_PROFILE.IND:2", SAME_RUN_S),
    "4 one START of three": ("drop:CM_START_ATTEN_CHAR.IND:1-2", SAME_RUN_S),
    "5 START too late": ("delay(600 ms):CM_START_ATTEN_CHAR.IND:1-3", NEW_RUN_S),
    "6 START announces another time": ("set(22=0a):CM_START_ATTEN_CHAR.IND", SAME_RUN_S),
    "9 PARM.REQ doubled": ("dup(5 ms):CM_SLAC_PARM.REQ", SAME_RUN_S),
    "10 PARM.CNF lost": ("drop:CM_SLAC_PARM.CNF:1-2", SAME_RUN_S + 0.4),
    "12 PARM.CNF late": ("delay(300 ms):CM_SLAC_PARM.CNF:1", SAME_RUN_S + 0.3),
    "13 IND lost twice": ("drop:CM_ATTEN_CHAR.IND:1-2", SAME_RUN_S),
    "14 RSP lost": ("drop:CM_ATTEN_CHAR.RSP:1", SAME_RUN_S),
    "14 RSP late": ("delay(500 ms):CM_ATTEN_CHAR.RSP:1", SAME_RUN_S),
    "15 IND doubled": ("dup(5 ms):CM_ATTEN_CHAR.IND", SAME_RUN_S),
    "17 MATCH.CNF lost twice": ("drop:CM_SLAC_MATCH.CNF:1-2", SAME_RUN_S + 0.4),
    "20 MATCH.CNF lost for good": ("drop:CM_SLAC_MATCH.CNF:1-3", NEW_RUN_S),
    "20 MATCH.REQ lost for good": ("drop:CM_SLAC_MATCH.REQ:1-3", NEW_RUN_S),
    "21 foreign run id in START": ("corrupt(30):CM_START_ATTEN_CHAR.IND:1-3", NEW_RUN_S),
    "21 foreign run id in RSP": ("corrupt(27):CM_ATTEN_CHAR.RSP:1", SAME_RUN_S),
    "21 foreign run id in MATCH.REQ": ("corrupt(69):CM_SLAC_MATCH.REQ:1", SAME_RUN_S + 0.2),
    "22 foreign run id in SOUND": ("corrupt(39):CM_MNBC_SOUND.IND:4", SAME_RUN_S),
    "23 RSP says failure": ("set(69=01):CM_ATTEN_CHAR.RSP:1", SAME_RUN_S),
    "24 MATCH.REQ names another EVSE": ("corrupt(63):CM_SLAC_MATCH.REQ:1", SAME_RUN_S + 0.2),
    "26 foreign run id in IND": ("corrupt(27):CM_ATTEN_CHAR.IND:1", SAME_RUN_S),
    "26 foreign run id in PARM.CNF": ("corrupt(36):CM_SLAC_PARM.CNF:1", SAME_RUN_S + 0.2),
    "26 foreign run id in MATCH.CNF": ("corrupt(69):CM_SLAC_MATCH.CNF:1", SAME_RUN_S + 0.2),
    "27 MVFLength big endian": ("set(21=003e):CM_SLAC_MATCH.REQ:1", SAME_RUN_S + 0.2),
    "31 PARM.REQ cut": ("trunc(25):CM_SLAC_PARM.REQ:1", SAME_RUN_S + 0.2),
    "31 START cut": ("trunc(25):CM_START_ATTEN_CHAR.IND:1", SAME_RUN_S),
    "31 IND cut": ("trunc(100):CM_ATTEN_CHAR.IND:1", SAME_RUN_S),
    "31 RSP cut": ("trunc(60):CM_ATTEN_CHAR.RSP:1", SAME_RUN_S),
    "31 MATCH.CNF cut": ("trunc(100):CM_SLAC_MATCH.CNF:1", SAME_RUN_S + 0.2),
    "31 NumGroups beyond the frame": ("set(25=ff):CM_ATTEN_PROFILE.IND:2", SAME_RUN_S),
    "34 CM_SET_KEY.CNF lost": ("drop:CM_SET_KEY.CNF:1", SAME_RUN_S + 1.2),
}
SETTINGS: dict[str, tuple[dict[str, Any], float]] = {
    "3 profile before its sound": ({"profile_latency": 0}, SAME_RUN_S),
    "3 profiles 30 ms late": ({"profile_latency": 31 * MS}, SAME_RUN_S),
    "7 sounds slower than the window": ({"pev1": {"TP_EV_batch_msg_interval": 80 * MS}}, SAME_RUN_S),
    "8 more sounds than announced": ({"pev1": {"C_EV_match_MNBC": 14}}, SAME_RUN_S),
    "33 CM_SET_KEY.CNF with result 0": ({"set_key_result": 0}, SAME_RUN_S),
    "34 modem silent for 7 s after a key": ({"deaf": 7000 * MS}, 30.0),
    "jitter of 10 ms": ({"jitter": 10 * MS}, SAME_RUN_S),
}


def linked_then_anew(street: Street, seconds: float) -> None:
    """Linked within the time, one key; after leaving and coming again linked with another key."""
    street.run_until_linked(seconds)
    assert street.nmk("evse1") == street.nmk("pev1")
    (ready,) = street.said("evse1", "dlink_ready")
    assert ready["pev_mac"] == street.links["pev1"].mac
    assert street.said("pev1", "dlink_ready")[0]["evse_mac"] == street.links["evse1"].mac
    old = street.nmk("evse1")
    street.replug()
    street.run_until_linked(30)
    assert street.nmk("evse1") == street.nmk("pev1") != old
    assert len(street.said("evse1", "dlink_ready")) == 2


def test_match_without_a_fault() -> None:
    """What every other scenario is measured against; keys, sounding, match and joining in 1.2 s."""
    linked_then_anew(Street(), 1.2)


def test_one_station_is_chosen_400_ms_after_the_first_sign() -> None:
    """20: with nobody else there the vehicle does not wait for TT_EV_atten_results."""
    street = Street()
    street.listen("evse1")
    street.run_until_linked(SAME_RUN_S)
    first = {name_of(frame): at for at, _, frame in reversed(street.frames)}
    assert first["CM_SLAC_MATCH.REQ"] - first["CM_START_ATTEN_CHAR.IND"] <= 0.4


@pytest.mark.parametrize("name", ONE_FRAME)
def test_lost_late_doubled_or_wrong_frames(name: str) -> None:
    """A vehicle is matched in spite of the fault, in the same run where the standard's retries allow it."""
    rules, seconds = ONE_FRAME[name]
    linked_then_anew(Street(fault=rules), seconds)


IGNORED = {  # the fault, on every such frame, and who must not take it
    "PARM.REQ application type": ("set(19=01):CM_SLAC_PARM.REQ", "evse1"),
    "PARM.REQ security type": ("set(20=02):CM_SLAC_PARM.REQ", "evse1"),
    "PARM.CNF application type": ("set(34=01):CM_SLAC_PARM.CNF", "pev1"),
    "PARM.CNF security type": ("set(35=02):CM_SLAC_PARM.CNF", "pev1"),
    "PARM.CNF 0 sounds": ("set(25=00):CM_SLAC_PARM.CNF", "pev1"),
    "PARM.CNF time-out 0": ("set(26=00):CM_SLAC_PARM.CNF", "pev1"),
    "START application type": ("set(19=01):CM_START_ATTEN_CHAR.IND", "evse1"),
    "START security type": ("set(20=01):CM_START_ATTEN_CHAR.IND", "evse1"),
    "START 0 sounds": ("set(21=00):CM_START_ATTEN_CHAR.IND", "evse1"),
    "START time-out 0": ("set(22=00):CM_START_ATTEN_CHAR.IND", "evse1"),
    "SOUND application type": ("set(19=01):CM_MNBC_SOUND.IND", "evse1"),
    "SOUND security type": ("set(20=01):CM_MNBC_SOUND.IND", "evse1"),
    "IND application type": ("set(19=01):CM_ATTEN_CHAR.IND", "pev1"),
    "IND security type": ("set(20=01):CM_ATTEN_CHAR.IND", "pev1"),
    "IND 0 sounds": ("set(69=00):CM_ATTEN_CHAR.IND", "pev1"),
    "RSP application type": ("set(19=01):CM_ATTEN_CHAR.RSP", "evse1"),
    "RSP security type": ("set(20=01):CM_ATTEN_CHAR.RSP", "evse1"),
    "RSP source address 0": ("set(21=000000000000):CM_ATTEN_CHAR.RSP", "evse1"),
    "MATCH.REQ application type": ("set(19=01):CM_SLAC_MATCH.REQ", "evse1"),
    "MATCH.REQ security type": ("set(20=01):CM_SLAC_MATCH.REQ", "evse1"),
    "MATCH.REQ PEV MAC 0": ("set(40=000000000000):CM_SLAC_MATCH.REQ", "evse1"),
    "MATCH.CNF application type": ("set(19=01):CM_SLAC_MATCH.CNF", "pev1"),
    "MATCH.CNF security type": ("set(20=01):CM_SLAC_MATCH.CNF", "pev1"),
    "MATCH.CNF EVSE MAC 0": ("set(63=000000000000):CM_SLAC_MATCH.CNF", "pev1"),
}
FIELD_PRACTICE = {  # ignored too, unless lenient
    "29 PARM.CNF response type 0": ("set(27=00):CM_SLAC_PARM.CNF", "pev1"),
    "29 PARM.CNF forwarding MAC 0": ("set(28=000000000000):CM_SLAC_PARM.CNF", "pev1"),
    "30 START response type 0": ("set(23=00):CM_START_ATTEN_CHAR.IND", "evse1"),
    "IND source id": ("set(35=5a):CM_ATTEN_CHAR.IND", "pev1"),
    "IND responder id": ("set(68=5a):CM_ATTEN_CHAR.IND", "pev1"),
    "RSP source id": ("set(51=5a):CM_ATTEN_CHAR.RSP", "evse1"),
    "RSP responder id": ("set(52=5a):CM_ATTEN_CHAR.RSP", "evse1"),
    "MATCH.REQ PEV id": ("set(23=5a):CM_SLAC_MATCH.REQ", "evse1"),
    "MATCH.REQ EVSE id": ("set(46=5a):CM_SLAC_MATCH.REQ", "evse1"),
    "MATCH.CNF PEV id": ("set(39=5a):CM_SLAC_MATCH.CNF", "pev1"),
    "MATCH.CNF EVSE id": ("set(62=5a):CM_SLAC_MATCH.CNF", "pev1"),
}
LENIENT = {host: {"conformance": "lenient"} for host in ("evse1", "pev1")}
STRICT: dict[str, Any] = {}


@pytest.mark.parametrize(("name", "settings"), [
    *((name, STRICT) for name in (*IGNORED, *FIELD_PRACTICE)), *((name, LENIENT) for name in IGNORED),
])  # fmt: skip
def test_fields_that_make_a_frame_ignored(name: str, settings: dict[str, Any]) -> None:
    """ISO 15118-5, invalid fields: whoever gets such a frame ignores it and counts it, and goes on as without it."""
    rule, host = {**IGNORED, **FIELD_PRACTICE}[name]
    street = Street(fault=rule, **settings)
    street.listen(host)
    street.run(3)
    arrived = street.arrived(host, rule.partition(":")[2])
    assert arrived > 0
    assert {at: dict(link.bad) for at, link in street.links.items() if link.bad} == {host: {"nonconforming": arrived}}
    assert street.actors[host].machine.data["bad_frames"] == arrived
    assert street.linked() == any(word in name for word in ("RSP", "SOUND"))  # lost ones hinder nobody


@pytest.mark.parametrize("name", FIELD_PRACTICE)
def test_fields_that_lenient_stations_and_vehicles_take(name: str) -> None:
    """Devices in the field send these; who has to charge with them says so."""
    street = Street(fault=FIELD_PRACTICE[name][0], **LENIENT)
    linked_then_anew(street, SAME_RUN_S)
    assert not any(link.bad for link in street.links.values())


@pytest.mark.parametrize("rule", ["set(21=003e):CM_SLAC_MATCH.REQ", "set(21=0056):CM_SLAC_MATCH.CNF"])
def test_mvf_length_in_the_wrong_order(rule: str) -> None:
    """27: by a vehicle or a station that sends it so always."""
    linked_then_anew(Street(fault=rule, **LENIENT), SAME_RUN_S)
    street = Street(fault=rule)
    street.run(5)
    assert not street.linked()
    assert sum(link.bad["mvf_length_big_endian"] for link in street.links.values()) > 0


@pytest.mark.parametrize(("asks", "answers"), [("evse1", "pev1"), ("pev1", "evse1")])
def test_amplitude_map(asks: str, answers: str) -> None:
    """ISO 15118-3 A.9.6: once matched either side answers the other's map, not one of no carriers, nor a stranger's."""
    street = Street(("evse1", "pev1", "pev2"), pev2={"auto_start": False})
    street.run_until_linked(SAME_RUN_S, "evse1", "pev1")
    street.listen(asks)
    street.links[asks].CM_AMP_MAP_REQ(peer=street.links[answers].mac)
    street.run(0.1)
    assert [decode(frame) for _, _, frame in street.frames if name_of(frame) == "CM_AMP_MAP.CNF"] == [
        CmAmpMapCnf(street.links[asks].mac, street.links[answers].mac, 0)
    ]
    street.frames.clear()
    to, own = street.links[answers].mac, street.links[asks].mac
    street.links[asks]._send(CmAmpMapReq(to, own, 0, b""))
    street.run(0.1)
    assert street.arrived(asks, "CM_AMP_MAP.CNF") == 0
    assert street.links[answers].bad == {"nonconforming": 1}
    street.links[answers]._open_nic().subscribers.deliver(
        CmAmpMapReq(to, street.links["pev2"].mac, 2, b"\x11").encode()
    )
    street.listen("pev2")
    street.run(0.1)
    assert street.arrived("pev2", "CM_AMP_MAP.CNF") == 0


@pytest.mark.parametrize("name", SETTINGS)
def test_other_timing_and_other_modems(name: str) -> None:
    """Slow vehicles, surplus sounds, modems that answer otherwise: matched all the same."""
    settings, seconds = SETTINGS[name]
    linked_then_anew(Street(**settings), seconds)


def test_no_profile_is_a_failure_and_no_dead_end() -> None:
    """2: a modem without SLAC gives no attenuation, so nothing is sent; once it reports, the next run matches."""
    street = Street(profiles="none")
    street.run(8)
    assert any("no_profile" in failed["reason"] for failed in street.said("evse1", "matching_failed"))
    assert street.said("pev1", "dlink_ready") == []
    object.__setattr__(street.line.modem("evse1").config, "profiles", "cm")
    street.run_until_linked(30)


def test_unplugging_gives_a_new_key_at_once() -> None:
    """35: the vehicle that left must not get back into the network with the old key."""
    street = Street()
    street.run_until_linked(SAME_RUN_S)
    old = street.nmk("evse1")
    street.post("evse1", "leave_bcd")
    street.run(1)
    assert street.nmk("evse1") != old
    assert street.nmk("pev1") == old
    assert not street.line.linked("evse1", "pev1", street.system.clock.now_ns())


def test_lost_link_is_told_once() -> None:
    """37: a link lost while charging is one event after some missed polls, not a flood; then a new match."""
    street = Street()
    street.run_until_linked(SAME_RUN_S)
    street.line.set_attenuation("evse1", "pev1", None)
    street.run(20)
    assert len(street.said("evse1", "dlink_lost")) == len(street.said("pev1", "dlink_lost")) == 1
    street.line.set_attenuation("evse1", "pev1", 9.0)
    street.run_until_linked(60)


def test_modem_that_is_gone_comes_back() -> None:
    """38: a modem without power is detected again when it returns; the station matches the next vehicle."""
    street = Street()
    street.run_until_linked(SAME_RUN_S)
    for host in ("evse1", "pev1"):
        street.links[host]._open_nic().set_present(False)  # type: ignore[attr-defined]
    street.run(10)
    for host in ("evse1", "pev1"):
        street.links[host]._open_nic().set_present(True)  # type: ignore[attr-defined]
    street.replug()
    street.run_until_linked(60)


NO_MODEM = "no HomePlug modem answers on the simulated line: is it powered, is it connected, is that its interface?"


def test_no_modem_at_all() -> None:
    """38: either side says so after ten unanswered questions, once, and goes on when there is one."""
    street = Street(present=False)
    street.run(9.9)
    assert all(heard == [] for heard in street.heard.values())
    street.run(60)
    for host in ("evse1", "pev1"):
        assert street.said(host, "modem_fault") == [{"reason": NO_MODEM}]
        street.links[host]._open_nic().set_present(True)  # type: ignore[attr-defined]
    street.run_until_linked(60)


@pytest.mark.parametrize("machine", ["slac/evse", "slac/pev", "evse_dc", "pev_dc"])
def test_no_modem_is_told_in_one_sentence(machine: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is run, nobody has to guess why nothing happens: READY is not followed by silence."""
    settings = [f"--set=adapters.{role}.present=false" for role in ("link", "modem")]
    main(["run", f"machines/{machine}.yaml", "--fast", "--for", "60 s", "--plain", *settings])
    lines = capsys.readouterr().out.splitlines()
    assert machine != "evse_dc" or not any(line.startswith("READY") for line in lines), "nobody is invited"
    told = [line for line in lines if NO_MODEM in line]
    assert len([line for line in told if "after T_detect" in line]) == 1
    assert any("modem_fault" in line for line in told)


def test_keys_of_networks_are_in_no_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who reads a log or is sent a trace cannot join the network: the NMK is nowhere in them, unless asked for."""
    command = ["run", "machines/slac/evse.yaml", "--fast", "--plain"]
    assert main([*command, "--secrets"]) == 0
    keys = set(re.findall(r"nmk=([0-9a-f]{32})", capsys.readouterr().out))
    assert len(keys) == 2  # each side's first one; the vehicle's second is the station's
    assert main([*command, "--trace", str(tmp_path / "run.jsonl")]) == 0
    told = capsys.readouterr().out + (tmp_path / "run.jsonl").read_text()
    assert "CM_SLAC_MATCH_CNF" in told
    assert [key for key in keys if key in told] == []
    assert main(["trace", "replay", str(tmp_path / "run.jsonl")]) == 0


@pytest.mark.parametrize("deaf_ms", [2500, 4000, 6500])
def test_vehicle_whose_modem_restarts_with_every_key(deaf_ms: int) -> None:
    """34: it begins when its modem hears again, not before, and is matched in its first run.

    At most a second after each of the two silences, and the time the modems need to join (none here).
    """
    street = Street(deaf=deaf_ms * MS, join=0, evse1={"auto_start": False})
    street.listen("pev1")
    street.listen("evse1")
    street.post("evse1", "enter_bcd")
    street.run_until_linked(2 * (deaf_ms / 1000 + 1))
    assert street.arrived("evse1", "CM_SLAC_PARM.REQ") == 1
    first = {name: at for at, _, frame in reversed(street.frames) if (name := name_of(frame)).startswith("CM_SLAC_")}
    assert first["CM_SLAC_MATCH.CNF"] < deaf_ms / 1000 + 1


def test_vehicle_that_starts_over_in_the_middle() -> None:
    """41: a vehicle that resets while it sounds is matched by its new run; nothing waits for the old one."""
    street = Street()
    street.system.run_until(lambda: street.is_in("pev1", "matching.run.characterisation"), 5_000_000_000)
    street.run(0.2)
    street.post("pev1", "leave_5_percent")
    street.run(0.3)
    street.post("pev1", "enter_5_percent")
    street.run_until_linked(10)
    assert street.nmk("evse1") == street.nmk("pev1")


@pytest.mark.parametrize("retries", [0, 2, 4])
def test_changed_retry_count_changes_the_wire(retries: int) -> None:
    """The number of CM_ATTEN_CHAR.IND on the wire is C_EV_match_retry + 1, from the chart and nowhere else."""
    street = Street(fault="drop:CM_ATTEN_CHAR.RSP", evse1={"session.C_EV_match_retry": retries}, own_attenuation=25.0)
    street.listen("pev1")
    street.system.run_until(lambda: street.is_in("pev1", "matching.run.match"), 10_000_000_000)
    assert street.arrived("pev1", "CM_ATTEN_CHAR.IND") == retries + 1


RUN_ID = b"by hand!"
BY_HAND = {"pev1": {"auto_start": False}}


def test_match_request_three_seconds_later() -> None:
    """18: a vehicle may think for TT_EVSE_match_session; its request is answered, and again when it repeats it."""
    street = Street(**BY_HAND)
    street.run(1)
    street.listen("pev1")
    street.sound_by_hand(RUN_ID)
    street.run(3)
    for sent in (1, 2):
        street.links["pev1"].CM_SLAC_MATCH_REQ(peer=street.links["evse1"].mac, run_id=RUN_ID)
        street.run(0.1)
        assert street.arrived("pev1", "CM_SLAC_MATCH.CNF") == sent
    assert street.is_in("evse1", "matching.joining")


def test_vehicle_that_chose_the_neighbour() -> None:
    """19: the session ends after TT_EVSE_match_session, the station takes another key and matches the next vehicle."""
    street = Street(**BY_HAND)
    street.run(1)
    street.sound_by_hand(RUN_ID)
    old = street.nmk("evse1")
    street.run(9.5)
    assert street.said("evse1", "matching_failed") == []
    street.run(1)
    (failed,) = street.said("evse1", "matching_failed")
    assert "TT_EVSE_match_session" in failed["reason"]
    assert street.nmk("evse1") != old
    street.post("pev1", "enter_5_percent")
    street.run_until_linked(10)


def test_station_whose_nid_is_not_derived() -> None:
    """28: the vehicle takes the NID the station names, whatever it was made of, and gets its link."""
    street = Street()
    street.modems["evse1"]._derived = lambda nmk: b"\x01" * 7  # type: ignore[method-assign]
    street.run_until_linked(SAME_RUN_S)
    assert street.line.modem("evse1").nid == street.line.modem("pev1").nid == b"\x01" * 7


def test_validation_is_not_required() -> None:
    """32: a vehicle that asks for validation is told that it is not required, in the midst of a session."""
    street = Street(**BY_HAND)
    street.run(1)
    street.listen("pev1")
    street.sound_by_hand(RUN_ID)
    street.links["pev1"].CM_VALIDATE_REQ(peer=street.links["evse1"].mac, timer=0, result=1)
    street.run(0.05)
    answers = [decode(frame) for _, _, frame in street.frames if name_of(frame) == "CM_VALIDATE.CNF"]
    assert [answer.result for answer in answers if isinstance(answer, CmValidateCnf)] == [4]
    street.links["pev1"].CM_SLAC_MATCH_REQ(peer=street.links["evse1"].mac, run_id=RUN_ID)
    street.run(0.05)
    assert street.arrived("pev1", "CM_SLAC_MATCH.CNF") == 1


def test_no_vehicle_speaks() -> None:
    """40, 45: after TT_EVSE_SLAC_init the supervisor is told; before any frame nobody hears of a matching."""
    street = Street(**BY_HAND)
    street.run(49)
    assert [name for _, name, _ in street.heard["evse1"]] == ["modem_ready"]
    street.run(2)
    assert len(street.said("evse1", "no_request")) == 1
    assert street.said("evse1", "matching") == []
    street.post("pev1", "enter_5_percent")
    street.run_until_linked(10)


def test_pilot_that_leaves_cancels_everything_within_a_second() -> None:
    """46: A, E or F in any state of SLAC: sessions end, a new key, within TP_match_leave."""
    street = Street()
    street.run(0.15)  # the modem is deaf after its first key
    reached = []
    for state in ("matching.awaiting", "matching.joining", "matching.linked"):
        street.system.run_until(lambda state=state: street.is_in("evse1", state), 60_000_000_000)  # type: ignore[misc]
        old = street.nmk("evse1")
        street.post("evse1", "leave_bcd")
        street.run(1)
        reached.append(street.nmk("evse1") != old and street.is_in("evse1", "matching.unmatched"))
        street.post("evse1", "enter_bcd")
    assert reached == [True] * 3
    street.run_until_linked(60)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_neighbours_find_the_right_partners(seed: int) -> None:
    """50…54: two vehicles plugged in at once at stations that hear each other: each gets its own, no shared key."""
    hosts = ("evse1", "evse2", "pev1", "pev2")
    street = Street(hosts, seed=seed, jitter=4 * MS, noise=4.0)
    street.run_until_linked(30)
    for number in "12":
        assert street.said(f"evse{number}", "dlink_ready")[-1]["pev_mac"] == street.links[f"pev{number}"].mac
        assert street.said(f"pev{number}", "dlink_ready")[-1]["evse_mac"] == street.links[f"evse{number}"].mac
        assert street.nmk(f"evse{number}") == street.nmk(f"pev{number}")
    assert street.nmk("evse1") != street.nmk("evse2")


@pytest.mark.parametrize("seed", range(5))
def test_two_vehicles_at_one_station(seed: int) -> None:
    """Both hear no other station and ask for the match in the same millisecond: one is confirmed, one key, one link."""
    street = Street(("evse1", "pev1", "pev2"), seed=seed)
    street.listen("pev1")
    street.listen("pev2")
    street.run(4)
    ready = [host for host in ("pev1", "pev2") if street.said(host, "dlink_ready")]
    assert len(ready) == 1
    assert street.said("evse1", "dlink_ready")[0]["pev_mac"] == street.links[ready[0]].mac
    assert sum(street.arrived(host, "CM_SLAC_MATCH.CNF") for host in ("pev1", "pev2")) == 1
    assert [host for host in ("pev1", "pev2") if street.nmk(host) == street.nmk("evse1")] == ready


def test_five_vehicles_at_once() -> None:
    """C_EVSE_match_parallel: every station serves what it hears, five vehicles find their five stations."""
    hosts = tuple(f"{side}{number}" for side in ("evse", "pev") for number in range(1, 6))
    street = Street(hosts, jitter=2 * MS)
    street.run_until_linked(60)
    for number in range(1, 6):
        assert street.said(f"evse{number}", "dlink_ready")[-1]["pev_mac"] == street.links[f"pev{number}"].mac


def test_a_key_under_way_is_not_overtaken() -> None:
    """36: two reasons to re-key in one instant, and the answer does not say to which it is: the last key counts."""
    street = Street()
    street.run_until_linked(SAME_RUN_S)
    street.post("evse1", "dlink_error")
    street.post("evse1", "leave_bcd")
    street.run(3)
    assert street.nmk("evse1") == bytes(street.actors["evse1"].machine.data["nmk"])
    street.post("evse1", "enter_bcd")
    street.run_until_linked(60)
