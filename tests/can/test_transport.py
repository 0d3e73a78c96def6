"""Messages of more than eight octets: GB/T 27930 over the transport protocol of SAE J1939-21."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.can.families import family
from adapters.can.frame import Frame, Message
from adapters.can.transport import MOST, MOST_SESSIONS, Transport

CHARGER, BATTERY = 0x56, 0xF4
# BRM, BCP and BCS as the BMS simulator YaoLiMuMu/CAR_BMS sends them (widget.cpp), and what it expects of a charger
# (proceesframe.cpp): request, packets, clear to send, end of message.
BRM = [
    "010101000188134C", "021D4E5349560100", "0300000608010100", "040001FF59616F4C", "056943 6F64696E67",
    "064E6562756C61FF", "070A0BDF07FFFFFF",
]  # fmt: skip
BCP = ["016009DC05102768", "0210FAF401A00FFF"]


def packets(*texts: str, source: int = BATTERY, to: int = CHARGER) -> list[Frame]:
    return [Frame(0x1CEB0000 | to << 8 | source, bytes.fromhex(text)) for text in texts]


def control(text: str, source: int = BATTERY, to: int = CHARGER) -> Frame:
    return Frame(0x1CEC0000 | to << 8 | source, bytes.fromhex(text))


def test_a_simulated_battery_is_answered_as_it_expects() -> None:
    """Request to send, clear to send, packets, end of message: octet by octet, and what it says is read."""
    side = Transport(CHARGER)
    assert side.receive(control("10310007FF000200")).send == (control("110701FFFF000200", CHARGER, BATTERY),)
    outcomes = [side.receive(frame) for frame in packets(*BRM)]
    assert all(outcome.whole is None and outcome.send == () for outcome in outcomes[:-1])
    assert outcomes[-1].send == (control("13310007FF000200", CHARGER, BATTERY),)
    whole = outcomes[-1].whole
    assert whole is not None
    brm = family("gbt").decode(whole)
    assert isinstance(brm, Message)
    assert brm.name == "brm"
    wanted = {"chemistry": "lead_acid", "capacity": 500.0, "rated_voltage": 750.0, "manufacturer": "NSIV",
              "year": 1991, "charges": 1, "owner": "owned", "vin": "YaoLiCodingNebula"}  # fmt: skip
    assert {name: brm.values[name] for name in wanted} == wanted


def test_a_listener_reads_and_says_nothing() -> None:
    """A monitor on the bus of two others puts their messages together without a frame of its own."""
    side = Transport()
    outcomes = [side.receive(frame) for frame in [control("100D0002FF000600"), *packets(*BCP)]]
    assert all(outcome.send == () for outcome in outcomes)
    bcp = family("gbt").decode(outcomes[-1].whole or Frame(0, b""))
    assert isinstance(bcp, Message)
    assert (bcp.name, bcp.values["maximum_voltage"], bcp.values["soc"]) == ("bcp", 420.0, 50.0)


@pytest.mark.parametrize("priority", [0, 6, 7])
def test_any_priority(priority: int) -> None:
    """Batteries send the packets with priority 6 as well (0x18EC, 0x18EB): the same message, with the same answer."""
    side = Transport(CHARGER)
    frames = [control("100D0002FF000600"), *packets(*BCP)]
    outcomes = [side.receive(Frame(frame.id & 0x03FFFFFF | priority << 26, frame.data)) for frame in frames]
    assert outcomes[0].send == (control("110201FFFF000600", CHARGER, BATTERY),)
    assert outcomes[-1].send == (control("130D0002FF000600", CHARGER, BATTERY),)
    bcp = family("gbt").decode(outcomes[-1].whole or Frame(0, b""))
    assert isinstance(bcp, Message)
    assert (bcp.name, bcp.values["maximum_voltage"], bcp.values["soc"]) == ("bcp", 420.0, 50.0)


def test_messages_of_two_senders_at_once_do_not_mix() -> None:
    """Packets of two batteries in turns: each message is that of its sender; a new request replaces the old one."""
    side = Transport(CHARGER)
    for source in (0xF4, 0xF5):
        side.receive(control("100D0002FF000600", source))
    side.receive(packets("01FFFFFFFFFFFFFF", source=0xF4)[0])
    side.receive(control("100D0002FF000600", 0xF4))
    for source in (0xF4, 0xF5):
        side.receive(packets(BCP[0], source=source)[0])
    for source in (0xF4, 0xF5):
        whole = side.receive(packets(BCP[1], source=source)[0]).whole
        assert whole == Frame(0x1C065600 | source, bytes.fromhex("6009DC0510276810FAF401A00F"))


def test_a_lost_packet_is_asked_for_again_and_a_doubled_one_is_nothing() -> None:
    """The second packet is lost: the rest is asked for from there on, and the message is whole in the end."""
    side = Transport(CHARGER)
    side.receive(control("10310007FF000200"))
    side.receive(packets(BRM[0])[0])
    assert side.receive(packets(BRM[0])[0]).misfit is None
    lost = side.receive(packets(BRM[2])[0])
    assert lost.send == (control("110602FFFF000200", CHARGER, BATTERY),)
    assert lost.misfit is not None
    assert "packet 3 instead of 2" in lost.misfit.reason
    outcomes = [side.receive(frame) for frame in packets(*BRM[1:])]
    assert outcomes[-1].whole is not None


def test_what_contradicts_itself_is_a_misfit() -> None:
    """Wrong lengths, unknown control octets, packets out of nowhere and an abort are told; other frames pass."""
    side = Transport(CHARGER)
    for frame, reason in (
        (control("10310009FF000200"), "9 packets for 49 octets"),
        (control("10050001FF000200"), "1 packets for 5 octets"),
        (control("63310009FF000200"), "control octet 99"),
        (control("1031"), "2 octets"),
        (packets(BCP[0])[0], "not begun"),
        (control("FF01FFFFFF000200"), "gives up, reason 1"),
    ):
        misfit = side.receive(frame).misfit
        assert misfit is not None
        assert reason in misfit.reason
    bcl = Frame(0x181056F4, b"\x68\x10\xd8\x0e\x02")
    assert side.receive(bcl).passed == bcl


def test_an_abort_ends_a_message() -> None:
    """What was begun is forgotten when its sender gives up."""
    side = Transport(CHARGER)
    side.receive(control("100D0002FF000600"))
    side.receive(control("FF03FFFFFF000600"))
    misfit = side.receive(packets(BCP[0])[0]).misfit
    assert misfit is not None


@settings(max_examples=60)
@given(st.binary(min_size=1, max_size=MOST), st.data())
def test_two_sides_pass_any_message(data: bytes, draw: st.DataObject) -> None:
    """Any length up to 1785 octets arrives as it was sent, also when packets are lost once."""
    here, there = Transport(BATTERY), Transport(CHARGER)
    lossy: Callable[[], bool] = lambda: draw.draw(st.integers(0, 19)) == 0 if len(data) < 200 else False  # noqa: E731
    to_there, to_here, found = here.send(0x0200, CHARGER, data), list[Frame](), list[Frame]()
    dropped = 0
    for _ in range(2000):
        if not to_there and not to_here:
            break
        while to_there:
            frame = to_there.pop(0)
            if dropped < 3 and to_there and frame.id >> 16 & 0xFF == 0xEB and lossy():
                dropped += 1
                continue
            outcome = there.receive(frame)
            to_here += outcome.send
            found += [whole for whole in (outcome.whole, outcome.passed) if whole is not None]
        while to_here:
            to_there += here.receive(to_here.pop(0)).send
    assert found[:1] == [Frame(0x1C0256F4, data)]


SEQUENCE = st.tuples(
    st.sampled_from([0xEC, 0xEB, 0x10]),
    st.integers(0, 255),
    st.sampled_from([0x56, 0xFF, 0xF4]),
    st.sampled_from([16, 17, 19, 32, 255, 1, 2]),
    st.binary(max_size=7),
)


@settings(max_examples=60)
@given(st.lists(SEQUENCE, max_size=40))
def test_no_sequence_of_frames_raises_or_fills_the_memory(frames: list[tuple[int, int, int, int, bytes]]) -> None:
    """Control frames and packets in any order from anybody: nothing is raised, what is kept stays bounded."""
    side = Transport(CHARGER)
    for kind, source, to, first, rest in frames:
        side.receive(Frame(7 << 26 | kind << 16 | to << 8 | source, bytes((first,)) + rest))
    assert len(side._incoming) <= MOST_SESSIONS


def test_sessions_are_bounded() -> None:
    """Invented senders cannot make a side keep more than its number of messages."""
    side = Transport(CHARGER)
    for source in range(200):
        side.receive(control("100D0002FF000600", source))
    assert len(side._incoming) == MOST_SESSIONS
