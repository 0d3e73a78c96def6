"""The link and modem adapters on the simulated line, driven by hand where a chart would drive them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engine
from adapters.pilot.cable import cable_of
from adapters.registry import REGISTRY
from adapters.slac import frames as f
from adapters.slac.link import MAX_VEHICLES, Profiles, SimulatedHpgpLink
from adapters.slac.nic import LineDriver
from adapters.slac.plc import SimulatedPlcModem
from engine.adapter import Adapter, AdapterError, World
from engine.run.binding import shortcomings
from engine.run.station.behind import adapter_class
from engine.run.station.setting_types import setting_type
from tests.slac import strategies
from tests.slac.virtual_host import CONTRACTS, Clock, VirtualPort

MS, S = 1_000_000, 1_000_000_000
OWNED = ("hpgp_link", "plc_modem", "pilot_evse", "pilot_pev", "sdp_server", "sdp_client")


class Station:
    """A host with a link and a modem adapter."""

    def __init__(self, world: World, clock: Clock, host: str, **config: Any) -> None:
        of_link = {key: value for key, value in config.items() if key in SimulatedHpgpLink.settings}
        of_modem = {key: value for key, value in config.items() if key in SimulatedPlcModem.settings}
        assert {**of_link, **of_modem} == config
        self.link = SimulatedHpgpLink({"host": host, **of_link}, world)
        self.modem = SimulatedPlcModem({"host": host, **of_modem}, world)
        self.link_port = VirtualPort(self.link, clock, f"{host}.link")
        self.modem_port = VirtualPort(self.modem, clock, f"{host}.modem")


def two(**config: Any) -> tuple[Station, Station, Clock]:
    world, clock = World(), Clock()
    return Station(world, clock, "evse", **config), Station(world, clock, "pev", **config), clock


@pytest.mark.parametrize("contract", OWNED)
def test_every_implementation_fulfils_its_contract(contract: str) -> None:
    """An action, argument or value a chart may use exists in each implementation, and its settings have valid types."""
    implementations = REGISTRY.implementations(contract)
    assert implementations
    for name, path in implementations.items():
        if path.endswith(".yaml"):
            chart = engine.load(path)  # which finds what the contract asks for and the chart lacks
            assert chart.serves == CONTRACTS[contract]
            continue
        made = adapter_class(name, contract, REGISTRY)
        config = {"interface": "none", "socket": "none"}
        adapter = made({key: config[key] for key in config if key in made.settings}, World())
        assert shortcomings(adapter, CONTRACTS[contract]) == [], (name, path)
        for key, setting in made.settings.items():
            assert setting_type(setting.type), key
            assert setting.description


def test_match_by_hand() -> None:
    """Every message of a match crosses the line as the event the other side's chart waits for, with all its fields."""
    evse, pev, clock = two()
    ev, ev_id, station = pev.link.mac, pev.link.new_run_id, evse.link.mac
    assert pev.link.new_run_id != ev_id
    nmk = evse.modem.new_nmk
    evse.modem.CM_SET_KEY_REQ(nmk=nmk, nid=b"")
    assert evse.modem.nid == f.nid_from_nmk(nmk)
    clock.advance(2 * S)
    assert evse.modem_port.named("CM_SET_KEY_CNF") == [{"result": 1}]

    pev.link.CM_SLAC_PARM_REQ(run_id=ev_id)
    clock.advance(10 * MS)
    assert evse.link_port.named("CM_SLAC_PARM_REQ") == [
        {"source": ev, "run_id": ev_id, "application_type": 0, "security_type": 0}
    ]
    evse.link.CM_SLAC_PARM_CNF(peer=ev, run_id=ev_id, num_sounds=10, time_out=600 * MS)
    clock.advance(10 * MS)
    assert pev.link_port.named("CM_SLAC_PARM_CNF") == [
        {"source": station, "run_id": ev_id, "num_sounds": 10, "time_out": 600 * MS, "resp_type": 1}
    ]
    pev.link.CM_START_ATTEN_CHAR_IND(run_id=ev_id, num_sounds=10, time_out=600 * MS)
    for remaining in range(9, -1, -1):
        pev.link.CM_MNBC_SOUND_IND(run_id=ev_id, remaining=remaining)
        clock.advance(20 * MS)
    assert evse.link_port.named("CM_START_ATTEN_CHAR_IND") == [
        {"source": ev, "run_id": ev_id, "num_sounds": 10, "time_out": 600 * MS, "resp_type": 1}
    ]
    assert [e["remaining"] for e in evse.link_port.named("CM_MNBC_SOUND_IND")] == list(range(9, -1, -1))
    profiles = evse.link_port.named("CM_ATTEN_PROFILE_IND")
    assert [p["pev_mac"] for p in profiles] == [ev] * 10
    assert all(abs(p["mean"] - 9) < 1 for p in profiles)

    evse.link.CM_ATTEN_CHAR_IND(peer=ev, run_id=ev_id, num_sounds=10)
    clock.advance(10 * MS)
    (heard,) = pev.link_port.named("CM_ATTEN_CHAR_IND")
    assert (heard["source"], heard["source_address"], heard["run_id"], heard["num_sounds"]) == (station, ev, ev_id, 10)
    assert abs(heard["mean"] - 9) < 1
    pev.link.CM_ATTEN_CHAR_RSP(peer=station, run_id=ev_id, result=0)
    pev.link.CM_VALIDATE_REQ(peer=station, timer=300 * MS, result=1)
    pev.link.CM_SLAC_MATCH_REQ(peer=station, run_id=ev_id)
    clock.advance(10 * MS)
    assert evse.link_port.named("CM_ATTEN_CHAR_RSP") == [
        {"source": ev, "source_address": ev, "run_id": ev_id, "result": 0}
    ]
    assert evse.link_port.named("CM_VALIDATE_REQ") == [{"source": ev, "signal_type": 0, "timer": 300 * MS, "result": 1}]
    assert evse.link_port.named("CM_SLAC_MATCH_REQ") == [
        {"source": ev, "pev_mac": ev, "evse_mac": station, "run_id": ev_id}
    ]
    evse.link.CM_VALIDATE_CNF(peer=ev, toggle_num=2, result=4)
    evse.link.CM_SLAC_MATCH_CNF(peer=ev, run_id=ev_id, nid=evse.modem.nid, nmk=nmk)
    clock.advance(10 * MS)
    assert pev.link_port.named("CM_VALIDATE_CNF") == [
        {"source": station, "signal_type": 0, "toggle_num": 2, "result": 4}
    ]
    (matched,) = pev.link_port.named("CM_SLAC_MATCH_CNF")
    assert (matched["nmk"], matched["nid"], matched["evse_mac"]) == (nmk, f.nid_from_nmk(nmk), station)

    pev.modem.CM_SET_KEY_REQ(nmk=matched["nmk"], nid=matched["nid"])
    clock.advance(3 * S)
    for side in (pev, evse):
        side.modem.VS_PL_LINK_STATUS_REQ()
        side.modem.VS_SW_VER_REQ()
        side.modem.CM_GET_KEY_REQ(nmk=nmk)
        clock.advance(50 * MS)
        assert side.modem_port.named("VS_PL_LINK_STATUS_CNF") == [{"link": True}]
        assert len({e["source"] for e in side.modem_port.named("VS_SW_VER_CNF")}) == 2
        assert side.modem_port.named("CM_GET_KEY_CNF") == [{"result": 0, "nid": f.nid_from_nmk(nmk)}]
    pev.link.CM_AMP_MAP_REQ(peer=station)
    clock.advance(10 * MS)
    assert evse.link_port.named("CM_AMP_MAP_REQ") == [{"source": ev, "length": 1155}]
    evse.link.CM_AMP_MAP_CNF(peer=ev, result=0)
    clock.advance(10 * MS)
    assert pev.link_port.named("CM_AMP_MAP_CNF") == [{"source": station, "result": 0}]
    evse.modem.VS_RS_DEV_REQ()
    clock.advance(10 * MS)
    assert evse.modem_port.named("VS_RS_DEV_CNF") == [{"status": 0}]
    assert evse.link_port.named("bad_frame") == pev.link_port.named("bad_frame") == []


def test_mean_profile_is_per_group_and_rounded() -> None:
    """What the vehicle compares is the mean of what was heard, to the whole dB; half a dB counts up."""
    profiles = Profiles()
    profiles.add(bytes([1, 2, 3]))
    profiles.add(bytes([2, 2, 4, 9]))
    assert profiles.mean() == bytes([2, 2, 4, 9])


def test_no_profile_is_an_error_not_zero_decibels() -> None:
    """Fault 2: 0 dB everywhere is rejected by vehicles as a defect; without a profile nothing may be sent."""
    evse, pev, clock = two(profiles="vendor")
    pev.link.CM_MNBC_SOUND_IND(run_id=bytes(8), remaining=0)
    clock.advance(10 * MS)
    with pytest.raises(AdapterError, match="no attenuation profile"):
        evse.link.CM_ATTEN_CHAR_IND(peer=pev.link.mac, run_id=bytes(8), num_sounds=0)
    evse, pev, clock = two(profiles="vendor", vendor_profiles=True)
    pev.link.CM_MNBC_SOUND_IND(run_id=bytes(8), remaining=0)
    clock.advance(10 * MS)
    evse.link.CM_ATTEN_CHAR_IND(peer=pev.link.mac, run_id=bytes(8), num_sounds=1)
    evse.link.forget_profiles(pev_mac=pev.link.mac)
    with pytest.raises(AdapterError, match="no attenuation profile"):
        evse.link.CM_ATTEN_CHAR_IND(peer=pev.link.mac, run_id=bytes(8), num_sounds=1)


def test_profiles_of_made_up_vehicles_are_bounded() -> None:
    """Forged profiles of ever new vehicles cost a fixed amount of memory."""
    evse, _, _ = two()
    for number in range(MAX_VEHICLES + 50):
        profile = f.CmAttenProfileInd(evse.link.mac, b"\x02" * 6, number.to_bytes(6, "big"), b"\x09" * 58)
        evse.link._received(profile.encode(), profile)
    assert len(evse.link._profiles) == MAX_VEHICLES


def test_bad_frame_is_a_counted_event() -> None:
    """A frame that breaks its layout is an event with its kind for the chart, and a count for the operator."""
    evse, pev, clock = two(fault="trunc(30):CM_SLAC_MATCH.REQ:1,set(21=003e):CM_SLAC_MATCH.REQ:2")
    for _ in range(3):
        pev.link.CM_SLAC_MATCH_REQ(peer=evse.link.mac, run_id=bytes(8))
    clock.advance(10 * MS)
    bad = evse.link_port.named("bad_frame")
    assert [(b["kind"], b["mmtype"], b["source"]) for b in bad] == [
        ("short", 0x607C, pev.link.mac),
        ("mvf_length_big_endian", 0x607C, pev.link.mac),
    ]
    assert evse.link.bad == {"short": 1, "mvf_length_big_endian": 1}
    assert len(evse.link_port.named("CM_SLAC_MATCH_REQ")) == 1


def test_field_that_a_chart_cannot_require() -> None:
    """A mistyped field of a chart's table is told, with the nearest; what was required before still is."""
    evse, pev, clock = two()
    evse.link.require(zero=["CM_SLAC_PARM_REQ.run_id"], nonzero=[], any_mvf_length=False)
    with pytest.raises(AdapterError, match=r"'CM_SLAC_PARM_REQ.runid'; did you mean 'CM_SLAC_PARM_REQ.run_id'"):
        evse.link.require(zero=[], nonzero=["CM_SLAC_PARM_REQ.runid"], any_mvf_length=False)
    pev.link.CM_SLAC_PARM_REQ(run_id=b"\x01" * 8)
    clock.advance(10 * MS)
    (bad,) = evse.link_port.named("bad_frame")
    assert (bad["kind"], bad["reason"]) == ("nonconforming", "CM_SLAC_PARM.REQ: run_id is 0101010101010101, not 0")
    evse.link.require(zero=[], nonzero=["CM_SLAC_PARM_REQ.run_id"], any_mvf_length=False)
    pev.link.CM_SLAC_PARM_REQ(run_id=bytes(8))
    clock.advance(10 * MS)
    assert evse.link_port.named("bad_frame")[1]["reason"] == "CM_SLAC_PARM.REQ: run_id is 0000000000000000"
    assert evse.link_port.named("CM_SLAC_PARM_REQ") == []


def test_foreign_unicast_is_not_heard() -> None:
    """Fault 25: a neighbour's MATCH.CNF on the line, addressed to somebody else, is no event here."""
    evse, pev, clock = two()
    evse.link.CM_SLAC_MATCH_CNF(peer=b"\x02" + bytes(5), run_id=bytes(8), nid=bytes(7), nmk=bytes(16))
    frame = f.CmSlacMatchCnf(
        b"\x02" + bytes(5), evse.link.mac, pev.link.mac, evse.link.mac, bytes(8), bytes(7), bytes(16)
    )
    pev.link._open_nic().subscribers.deliver(frame.encode())  # type: ignore[attr-defined]
    clock.advance(10 * MS)
    assert pev.link_port.events == []


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(st.binary(max_size=120), strategies.messages.map(lambda m: m.encode())), max_size=15))
def test_nothing_a_peer_sends_raises(frames: list[bytes]) -> None:
    """Whatever arrives at the host becomes contract events (the port checks their types) or nothing."""
    evse, _, _ = two()
    nic = evse.link._open_nic()
    for frame in frames:
        nic.subscribers.deliver(evse.link.mac + frame[6:])  # type: ignore[attr-defined]
    assert evse.link_port.errors == []
    assert sum(evse.link.bad.values()) == len(evse.link_port.named("bad_frame"))


@pytest.mark.parametrize(
    ("order", "named"),
    [
        (lambda s: s.link.CM_SLAC_PARM_REQ(run_id=b"short"), "run_id has 8 octets"),
        (lambda s: s.link.CM_SLAC_PARM_CNF(peer=b"", run_id=bytes(8), num_sounds=10, time_out=0), "6 octets"),
        (lambda s: s.link.CM_MNBC_SOUND_IND(run_id=bytes(8), remaining=256), "CM_MNBC_SOUND.IND"),
        (lambda s: s.modem.CM_SET_KEY_REQ(nmk=b"short", nid=b""), "NMK has 16 octets"),
    ],
)
def test_wrong_argument_is_named(order: Any, named: str) -> None:
    """A chart that passes a wrong value learns which one."""
    evse, _, _ = two()
    with pytest.raises(AdapterError, match=named):
        order(evse)


def test_plug_of_the_cable_is_the_plug_of_the_line() -> None:
    """The vehicle's modem hears the station only while the same cable that carries the pilot is plugged in."""
    world, clock = World(), Clock()
    evse, pev = Station(world, clock, "evse"), Station(world, clock, "pev")
    cable = cable_of(world, "1")
    cable.unplug(evse.link_port)
    pev.link.CM_SLAC_PARM_REQ(run_id=bytes(8))
    clock.advance(10 * MS)
    assert evse.link_port.events == []
    cable.plug(evse.link_port)
    pev.link.CM_SLAC_PARM_REQ(run_id=bytes(8))
    clock.advance(10 * MS)
    assert len(evse.link_port.named("CM_SLAC_PARM_REQ")) == 1


def test_modem_that_comes_and_goes_is_told() -> None:
    """interface_down and interface_up reach the modem chart, and interface_is_up says the same."""
    world, clock = World(), Clock()
    evse = Station(world, clock, "evse")
    nic = LineDriver.of(world, {}).nic(evse.link_port, {"host": "evse"})
    nic.set_present(False)
    assert not evse.modem.interface_is_up
    nic.set_present(True)
    assert evse.modem.interface_is_up
    assert [name for name, _ in evse.modem_port.events] == ["interface_down", "interface_up"]


def test_wrong_settings_are_named() -> None:
    """A mistyped setting, MAC or fault rule is refused at the start, by its name."""
    world, clock = World(), Clock()
    with pytest.raises(AdapterError, match="'hosts'; did you mean 'host'"):
        SimulatedHpgpLink({"hosts": "x"}, world)
    for config, named in (({"mac": "02:00"}, "'mac'"), ({"fault": "lose:IP"}, "'fault'.*no action 'lose'")):
        adapter: Adapter = SimulatedHpgpLink(config, World())
        with pytest.raises(AdapterError, match=named):
            VirtualPort(adapter, clock, "link")


def test_seed_decides_keys_but_no_two_hosts_share_them() -> None:
    """The same seed gives the same run; two hosts with one role name never draw the same octets."""
    drawn = []
    for _ in range(2):
        world, clock = World(), Clock()
        for host in ("evse", "pev"):
            modem, link = SimulatedPlcModem({"host": host}, world), SimulatedHpgpLink({"host": host}, world)
            VirtualPort(modem, clock, "modem")
            VirtualPort(link, clock, "link")
            drawn.append((modem.new_nmk, modem.new_nmk, link.new_run_id, link.new_run_id))
    assert drawn[:2] == drawn[2:]
    assert len({octets for host in drawn[:2] for octets in host}) == 8


def test_host_is_the_machine_of_the_role() -> None:
    """A station of several machines needs no setting for the adapters of one machine to share a modem."""
    world, clock = World(), Clock()
    for role in ("station.link", "vehicle.link"):
        VirtualPort(SimulatedHpgpLink({}, world), clock, role)
    line = LineDriver.of(world, {}).line
    assert line.modem("vehicle").config.profiles == "none"
    assert line.modem("station").config.profiles == "cm"
