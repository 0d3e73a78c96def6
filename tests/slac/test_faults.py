"""Packet faults by rule: a wrong rule says so, a right one does exactly what it says."""

from __future__ import annotations

import pytest

from adapters.slac import frames as f
from adapters.slac.faults import SWAP_HOLD_NS, FaultInjector, FaultSyntaxError, Rule, parse_rules
from adapters.slac.line import PowerLine
from engine.run.faults import FaultError, parse_rule

MS = 1_000_000
EV, EVSE = bytes.fromhex("020000000101"), bytes.fromhex("020000000001")
IND = f.CmAttenCharInd(EV, EVSE, EV, b"run-id-1", 10, b"\x09" * 58).encode()
RSP = f.CmAttenCharRsp(EVSE, EV, 0, 0, EV, b"run-id-1", bytes(17), bytes(17), 0).encode()


def passed(rules: str, *frames: bytes) -> list[list[tuple[int, bytes]]]:
    injector: FaultInjector[None] = FaultInjector(parse_rules(rules), seed=1)
    return [[(delay, frame) for delay, frame, _ in injector.apply(frame, 0, None)] for frame in frames]


def test_rules_read() -> None:
    """The written form means what the documentation says."""
    assert parse_rules(
        "drop:CM_ATTEN_CHAR.IND:1, delay(300 ms):0x6064:2-3,swap:IP,dup:*:4-,trunc(30):*:@40 s-1 min"
    ) == (
        Rule("drop", "CM_ATTEN_CHAR.IND", 1, 1),
        Rule("delay", "CM_SLAC_PARM.REQ", 2, 3, delay_ns=300 * MS),
        Rule("swap", "IP"),
        Rule("dup", "*", 4, None),
        Rule("trunc", "*", number=30, from_ns=40_000 * MS, until_ns=60_000 * MS),
    )
    assert parse_rules("") == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("drop", "expected ACTION:MESSAGE"),
        ("lose:CM_ATTEN_CHAR.IND", "no action 'lose'; there are drop"),
        ("drop:CM_ATEN_CHAR.IND", "did you mean CM_ATTEN_CHAR.IND"),
        ("drop:0xzz", "not a hexadecimal MMTYPE"),
        ("drop:CM_ATTEN_CHAR.IND:0", "is none of N (the N-th only)"),
        ("drop:CM_ATTEN_CHAR.IND:@5", "expected a duration such as 250 ms"),
        ("drop:CM_ATTEN_CHAR.IND:@5 s-4 s", "ends before it begins"),
        ("drop:CM_ATTEN_CHAR.IND:3-2", "empty"),
        ("delay:CM_ATTEN_CHAR.IND", "delay needs an argument"),
        ("delay(x):CM_ATTEN_CHAR.IND", "expected a duration such as 250 ms"),
        ("delay(300):CM_ATTEN_CHAR.IND", "write delay(300 ms)"),
        ("dup(5):CM_ATTEN_CHAR.IND", "write dup(5 ms)"),
        ("trunc(30 ms):CM_ATTEN_CHAR.IND", "needs a whole number"),
        ("drop(1):CM_ATTEN_CHAR.IND", "takes no argument"),
        ("set(21):CM_ATTEN_CHAR.IND", "needs OFFSET=HEX"),
        ("set(21=0g):CM_ATTEN_CHAR.IND", "not hexadecimal"),
    ],
)
def test_wrong_rule_says_what_is_wrong(text: str, named: str) -> None:
    """A typing error in --fault is an error, not a run without the fault."""
    with pytest.raises(FaultSyntaxError) as error:
        parse_rules(text)
    assert named in str(error.value)
    assert text in str(error.value)


@pytest.mark.parametrize(
    "action",
    ["drop", "drop()", "delay", "delay()", "delay(300)", "delay(0.3 s)", "delay( 300ms )", "delay(-1 s)", "delay(1 d)",
     "dup", "dup(5)", "dup(5 us)", "dup(1 min)", "Drop", "lose"],
)  # fmt: skip
@pytest.mark.parametrize(
    "which",
    ["", ":", ":1", ":0", ":2-3", ":3-2", ":4-", ":-4", ": 5 ", ":@1 s", ":@1", ":@1s-2 s", ":@2 s-1 s", ":@1 s-", ":@",
     ":x", ":1_0", ":@1h"],
)  # fmt: skip
def test_one_grammar_for_frames_and_for_what_charts_say(action: str, which: str) -> None:
    """Who knows how a rule about V2G is written knows it for SLAC."""
    try:
        about_orders = parse_rule(f"{action}:v2g.CableCheckReq{which}")
    except FaultError:
        with pytest.raises(FaultSyntaxError):
            parse_rules(f"{action}:CM_SLAC_PARM.REQ{which}")
        return
    (about_frames,) = parse_rules(f"{action}:CM_SLAC_PARM.REQ{which}")
    for name in ("action", "delay_ns", "first", "last", "from_ns", "until_ns"):
        assert getattr(about_frames, name) == getattr(about_orders, name), name


def test_a_rule_may_strike_for_a_time() -> None:
    injector: FaultInjector[None] = FaultInjector(parse_rules("drop:*:@1 s-2 s"))
    assert [len(injector.apply(IND, at_ms * MS, None)) for at_ms in (999, 1000, 1999, 2000)] == [1, 0, 0, 1]


def test_drop_only_the_named_frame() -> None:
    """drop:…:2 takes the second one and leaves other messages alone."""
    assert passed("drop:CM_ATTEN_CHAR.IND:2", IND, RSP, IND, IND) == [[(0, IND)], [(0, RSP)], [], [(0, IND)]]


def test_delay_and_duplicate() -> None:
    """Delays add up; a duplicate may come later."""
    assert passed("delay(300 ms):CM_ATTEN_CHAR.IND", IND) == [[(300 * MS, IND)]]
    assert passed("dup(40 ms):CM_ATTEN_CHAR.IND", IND) == [[(0, IND), (40 * MS, IND)]]
    assert passed("delay(.01 s):*,dup:*", IND) == [[(10 * MS, IND), (10 * MS, IND)]]


def test_truncate_corrupt_and_set() -> None:
    """Contents can be broken at a place, or anywhere behind the header."""
    assert passed("trunc(30):*", IND) == [[(0, IND[:30])]]
    assert passed("corrupt(27):*", IND) == [[(0, IND[:27] + bytes([IND[27] ^ 0xFF]) + IND[28:])]]
    assert passed("set(69=01):CM_ATTEN_CHAR.RSP", RSP) == [[(0, RSP[:69] + b"\x01" + RSP[70:])]]
    (((_, somewhere),),) = passed("corrupt:*", IND)
    assert sum(a != b for a, b in zip(somewhere, IND, strict=True)) == 1
    assert somewhere[:17] == IND[:17]
    assert passed("corrupt(500):*", IND) == [[(0, IND)]]


def test_swap_lets_the_next_frame_overtake() -> None:
    """The swapped frame follows its successor, and goes alone when there is none."""
    assert passed("swap:CM_ATTEN_CHAR.IND:1", IND, RSP) == [[], [(0, RSP), (0, IND)]]
    injector: FaultInjector[str] = FaultInjector(parse_rules("swap:*"), seed=1)
    assert injector.apply(IND, 5, "here") == []
    assert injector.next_due_ns() == 5 + SWAP_HOLD_NS
    assert injector.poll(5 + SWAP_HOLD_NS - 1) == []
    assert injector.poll(5 + SWAP_HOLD_NS) == [(IND, "here")]
    assert injector.next_due_ns() is None


def test_rules_strike_on_the_line() -> None:
    """A rule on the line hits frames of hosts and of modems alike, and the loss is counted."""
    rules = parse_rules("drop:CM_SLAC_PARM.REQ:1,drop:CM_ATTEN_PROFILE.IND:1,swap:CM_MNBC_SOUND.IND:2")
    line = PowerLine(seed=1, faults=rules)
    line.attach("evse", EVSE)
    line.attach("pev", EV)
    request = f.CmSlacParmReq(f.BROADCAST, EV, b"run-id-1").encode()
    sounds = [f.CmMnbcSoundInd(f.BROADCAST, EV, 0, 0, bytes(17), n, b"run-id-1", bytes(16)).encode() for n in (2, 1, 0)]
    for at, frame in enumerate([request, request, *sounds]):
        line.send("pev", frame, at * 10 * MS)
    order = []
    while (due_ns := line.next_due_ns()) is not None:
        order += [(f.name_of(frame), frame[38]) for port, frame in line.poll(due_ns) if port == "evse"]
    assert [name for name, _ in order if name == "CM_SLAC_PARM.REQ"] == ["CM_SLAC_PARM.REQ"]
    assert [cnt for name, cnt in order if name == "CM_MNBC_SOUND.IND"] == [2, 0, 1]
    assert sum(name == "CM_ATTEN_PROFILE.IND" for name, _ in order) == 2
    assert line.counts["faulted"] >= 2


def test_held_frame_leaves_the_line_alone_after_its_time() -> None:
    """A swapped last frame is late, not lost."""
    line = PowerLine(seed=1, faults=parse_rules("swap:CM_SLAC_PARM.REQ"))
    line.attach("evse", EVSE)
    line.attach("pev", EV)
    request = f.CmSlacParmReq(f.BROADCAST, EV, b"run-id-1").encode()
    line.send("pev", request, 0)
    assert line.next_due_ns() == SWAP_HOLD_NS
    assert line.poll(SWAP_HOLD_NS) == []
    due_ns = line.next_due_ns()
    assert due_ns is not None
    assert line.poll(due_ns) == [("evse", request)]
