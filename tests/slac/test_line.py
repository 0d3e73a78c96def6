"""The simulated power line: whoever tests without a modem trusts it to behave like one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slac import frames as f
from adapters.slac.line import MAX_IN_FLIGHT, LineConfig, PowerLine
from adapters.slac.mme import Mme
from adapters.slac.modem import ModemConfig
from tests.slac import strategies

MS, S = 1_000_000, 1_000_000_000
EV, EVSE = bytes.fromhex("020000000101"), bytes.fromhex("020000000001")
EV2, EVSE2 = bytes.fromhex("020000000102"), bytes.fromhex("020000000002")
RUN_ID, NMK = b"run-id-1", b"network-key-0001"
IP = b"\x86\xdd" + bytes(46)


class Wired:
    """A line with a clock: ``ask`` sends and gives everything that arrives within a time."""

    def __init__(self, line: PowerLine) -> None:
        self.line = line
        self.now_ns = 0

    def ask(self, port: str, frame: bytes, within_ns: int = 50 * MS) -> list[tuple[str, bytes]]:
        self.line.send(port, frame, self.now_ns)
        return self.wait(within_ns)

    def wait(self, duration_ns: int) -> list[tuple[str, bytes]]:
        end_ns, arrived = self.now_ns + duration_ns, []
        while (due_ns := self.line.next_due_ns()) is not None and due_ns <= end_ns:
            assert due_ns >= self.now_ns
            self.now_ns = due_ns
            arrived += self.line.poll(due_ns)
        self.now_ns = end_ns
        return arrived

    def messages(self, port: str, frame: bytes, within_ns: int = 50 * MS) -> list[tuple[str, Mme]]:
        found = [(name, f.decode(arrived)) for name, arrived in self.ask(port, frame, within_ns)]
        assert all(isinstance(message, Mme) for _, message in found)
        return found  # type: ignore[return-value]

    def set_key(self, port: str, nmk: bytes, nid: bytes = b"") -> list[tuple[str, Mme]]:
        host = self.line.modem(port).host_mac
        return self.messages(port, f.CmSetKeyReq(f.LOCALCAST, host, nid or f.nid_from_nmk(nmk), nmk).encode())


def pair(config: LineConfig | None = None, seed: int = 1, **modem: Any) -> Wired:
    line = PowerLine(config, seed)
    line.attach("evse", EVSE, cable="1", modem=ModemConfig(**modem))
    line.attach("pev", EV, cable="1", modem=ModemConfig(profiles="none"))
    return Wired(line)


def linked_pair() -> Wired:
    wired = pair()
    for port in ("evse", "pev"):
        wired.set_key(port, NMK)
    wired.wait(3 * S)
    return wired


def test_sound_arrives_with_a_profile_of_its_attenuation() -> None:
    """An EVSE that counts profiles per sound, and takes their mean, gets both right."""
    line = PowerLine(LineConfig(own_dB=9, neighbour_dB=35, noise_dB=2), 3)
    for port, mac, cable in (("evse", EVSE, "1"), ("pev", EV, "1"), ("evse2", EVSE2, "2"), ("pev2", EV2, "2")):
        modem = ModemConfig(profiles="none" if port.startswith("pev") else "cm")
        line.attach(port, mac, cable=cable, modem=modem)
    sound = f.CmMnbcSoundInd(f.BROADCAST, EV, 0, 0, bytes(17), 9, RUN_ID, bytes(16))
    heard = Wired(line).messages("pev", sound.encode())
    profiles = {port: m for port, m in heard if isinstance(m, f.CmAttenProfileInd)}
    assert sorted(port for port, m in heard if m == sound) == ["evse", "evse2", "pev2"]
    assert set(profiles) == {"evse", "evse2"}
    for port, level in (("evse", 9), ("evse2", 35)):
        profile = profiles[port]
        assert profile.pev_mac == EV
        assert profile.destination == line.modem(port).host_mac
        assert len(profile.aag) == 58
        assert all(abs(group - level) <= 2 for group in profile.aag)
        assert len(set(profile.aag)) > 1


def test_consumer_modem_reports_sounds_its_own_way() -> None:
    """A modem without SLAC sends 0xA14E and no CM_ATTEN_PROFILE (fault 2 can be played)."""
    wired = pair(profiles="vendor")
    heard = wired.messages("pev", f.CmMnbcSoundInd(f.BROADCAST, EV, 0, 0, bytes(17), 9, RUN_ID, bytes(16)).encode())
    assert [type(m) for _, m in heard] == [f.CmMnbcSoundInd, f.VsAttenuationCharacteristicsInd]


def test_ip_passes_only_within_a_network_that_had_time_to_join() -> None:
    """SDP cannot be answered by a station whose key the vehicle does not have, nor before the modems have joined."""
    wired = pair(LineConfig(join_ns=2 * S), deaf_ns=500 * MS)
    assert wired.ask("pev", EVSE + EV + IP) == []
    wired.set_key("evse", NMK)
    wired.set_key("pev", NMK)
    wired.wait(1 * S)
    assert wired.ask("pev", EVSE + EV + IP) == []
    wired.wait(2 * S)
    assert wired.ask("pev", EVSE + EV + IP) == [("evse", EVSE + EV + IP)]
    multicast = bytes.fromhex("333300000001") + EV + IP
    assert wired.ask("pev", multicast) == [("evse", multicast)]
    assert wired.ask("pev", EVSE2 + EV + IP) == []


def test_nid_that_does_not_belong_to_the_key_never_links() -> None:
    """Fault 28: same NMK, foreign NID gives a match and no link."""
    wired = pair()
    wired.set_key("evse", NMK, nid=b"\x01" * 7)
    wired.set_key("pev", NMK)
    wired.wait(10 * S)
    assert wired.ask("pev", EVSE + EV + IP) == []
    assert not wired.line.linked("evse", "pev", wired.now_ns)


@pytest.mark.parametrize("result", [0, 1])
def test_modem_confirms_a_key_and_is_deaf_for_a_while(result: int) -> None:
    """Both conventions of CM_SET_KEY.CNF; a host that talks on during the restart is not heard and hears nothing."""
    wired = pair(set_key_result=result, deaf_ns=2 * S)
    ((port, answer),) = wired.set_key("evse", NMK)
    assert port == "evse"
    assert isinstance(answer, f.CmSetKeyCnf)
    assert answer.result == result
    request = f.CmSlacParmReq(f.BROADCAST, EV, RUN_ID).encode()
    assert wired.ask("pev", request) == []
    assert wired.ask("evse", f.VsPlLinkStatusReq(f.LOCALCAST, EVSE).encode()) == []
    wired.wait(2 * S)
    assert wired.ask("pev", request) == [("evse", request)]


def test_modems_of_a_network_answer_for_themselves() -> None:
    """Counting VS_SW_VER answers (pyPLC, SmartEVSE) and VS_PL_LINK_STATUS (EVerest) both tell of the link."""
    wired = pair()
    count = f.VsSwVerReq(f.BROADCAST, EV).encode()
    status = f.VsPlLinkStatusReq(f.LOCALCAST, EV).encode()
    assert [m.source for _, m in wired.messages("pev", count)] == [wired.line.modem("pev").mac]
    assert [m.link_status for _, m in wired.messages("pev", status)] == [0]  # type: ignore[attr-defined]
    wired = linked_pair()
    found = {m.source for port, m in wired.messages("pev", count) if port == "pev"}
    assert found == {wired.line.modem("pev").mac, wired.line.modem("evse").mac}
    assert [m.link_status for _, m in wired.messages("pev", status)] == [1]  # type: ignore[attr-defined]
    ((_, info),) = wired.messages("pev", f.VsNwInfoReq(f.LOCALCAST, EV).encode())
    assert isinstance(info, f.VsNwInfoCnf)
    assert info.networks[0].nid == f.nid_from_nmk(NMK)
    assert [s.bda for s in info.networks[0].stations] == [EVSE]


def test_get_key_tells_whether_the_modem_knows_the_network() -> None:
    """ccs32clara asks so whether the key survived; the wrong NID is refused and corrected."""
    wired = linked_pair()
    nid = f.nid_from_nmk(NMK)
    ((_, good),) = wired.messages("evse", f.CmGetKeyReq(f.LOCALCAST, EVSE, 0, 1, nid).encode())
    ((_, bad),) = wired.messages("evse", f.CmGetKeyReq(f.LOCALCAST, EVSE, 0, 1, bytes(7)).encode())
    assert isinstance(good, f.CmGetKeyCnf)
    assert isinstance(bad, f.CmGetKeyCnf)
    assert (good.result, good.nid, good.key) == (0, nid, NMK)
    assert (bad.result, bad.nid, bad.key) == (1, nid, bytes(16))


def test_reset_modem_is_silent_and_keeps_its_key() -> None:
    """VS_RS_DEV is a recovery step: the link comes back without a new match."""
    wired = linked_pair()
    ((_, answer),) = wired.messages("evse", f.VsRsDevReq(f.LOCALCAST, EVSE).encode())
    assert isinstance(answer, f.VsRsDevCnf)
    assert not wired.line.linked("evse", "pev", wired.now_ns)
    assert wired.ask("evse", f.VsSwVerReq(f.LOCALCAST, EVSE).encode()) == []
    wired.wait(5 * S)
    assert wired.line.linked("evse", "pev", wired.now_ns)


def test_unplugged_vehicle_is_neither_heard_nor_linked() -> None:
    """Plugging out ends the link at once; plugged in again the modems need their time to join."""
    wired = linked_pair()
    wired.line.set_plugged("pev", False, wired.now_ns)
    assert wired.ask("pev", EVSE + EV + IP) == []
    assert wired.ask("pev", f.CmSlacParmReq(f.BROADCAST, EV, RUN_ID).encode()) == []
    wired.line.set_plugged("pev", True, wired.now_ns)
    assert wired.ask("pev", EVSE + EV + IP) == []
    wired.wait(2 * S)
    assert wired.ask("pev", EVSE + EV + IP) == [("evse", EVSE + EV + IP)]


def test_modem_without_power_does_nothing() -> None:
    """Fault 38: an absent modem answers no query and passes no frame."""
    wired = pair()
    wired.line.modem("evse").present = False
    assert wired.ask("evse", f.VsSwVerReq(f.BROADCAST, EVSE).encode()) == []
    assert wired.ask("pev", f.CmSlacParmReq(f.BROADCAST, EV, RUN_ID).encode()) == []


def test_ports_that_do_not_hear_each_other() -> None:
    """Attenuation can be cut for a pair in a test bench with separate lines."""
    wired = pair()
    wired.line.set_attenuation("evse", "pev", None)
    assert wired.ask("pev", f.CmSlacParmReq(f.BROADCAST, EV, RUN_ID).encode()) == []
    wired.line.set_attenuation("evse", "pev", 20.0)
    assert wired.line.attenuation_dB("pev", "evse") == 20.0


def test_same_name_or_mac_twice_is_refused() -> None:
    """A second host under a taken name would silently steal frames."""
    wired = pair()
    with pytest.raises(ValueError, match="'evse' is already attached"):
        wired.line.attach("evse", EV2)
    with pytest.raises(ValueError, match="already on the line"):
        wired.line.attach("third", EV)


def matching_noise(seed: int) -> list[tuple[str, bytes]]:
    wired = pair(LineConfig(jitter_ns=3 * MS, noise_dB=3), seed)
    arrived: list[tuple[str, bytes]] = []
    for remaining in range(9, -1, -1):
        sound = f.CmMnbcSoundInd(f.BROADCAST, EV, 0, 0, bytes(17), remaining, RUN_ID, bytes(16))
        arrived += wired.ask("pev", sound.encode(), 20 * MS)
    return arrived


def test_seed_decides_everything() -> None:
    """A failing run can be repeated from its seed alone; another seed is another run."""
    assert matching_noise(7) == matching_noise(7)
    assert matching_noise(7) != matching_noise(8)


def test_flood_is_bounded() -> None:
    """A peer that sends without end costs frames, not memory."""
    wired = pair()
    frame = f.CmSlacParmReq(f.BROADCAST, EV, RUN_ID).encode()
    for _ in range(MAX_IN_FLIGHT + 100):
        wired.line.send("pev", frame, 0)
    assert wired.line.counts["overflow"] == 100
    assert len(wired.wait(S)) == MAX_IN_FLIGHT


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["evse", "pev", "nobody"]), st.binary(max_size=100)), max_size=20))
def test_any_octets_pass_or_vanish(sent: list[tuple[str, bytes]]) -> None:
    """No host can bring the line down with what it sends."""
    wired = pair()
    for port, frame in sent:
        wired.line.send(port, frame, wired.now_ns)
    for port, frame in wired.wait(S):
        assert port in ("evse", "pev")
        assert isinstance(frame, bytes)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["evse", "pev"]), strategies.messages), max_size=20))
def test_any_messages_pass_or_vanish(sent: list[tuple[str, Mme]]) -> None:
    """Well-formed messages in any order and to any address neither raise nor come back to their sender."""
    wired = pair()
    for port, message in sent:
        frame = message.encode()
        own = wired.line.modem(port).mac
        for arrived_at, arrived in wired.ask(port, frame):
            assert arrived_at != port or arrived[6:12] in (
                own,
                wired.line.modem("evse").mac,
                wired.line.modem("pev").mac,
            )
