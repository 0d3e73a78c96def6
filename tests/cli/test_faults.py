"""``--fault``: what goes wrong on purpose does, is told; a rule about nothing is refused before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.run.faults import FaultError, Faults, parse_rule, split_rules
from engine.tools.trace import read
from tests.cli.conftest import Engine

ROOT = Path(__file__).parents[2]
EVSE = str(ROOT / "machines" / "evse_dc.yaml")
MS = 1_000_000


def struck(*rules: str, count: int = 6, every_ms: int = 10) -> list[tuple[int, int, dict[str, Any]]]:
    """(number, delay in ms, data) of what comes of ``count`` orders ``r.n``, one every 10 ms from 0 on."""
    faults = Faults(lambda rule, name, number: None)
    for rule in rules:
        faults.add("n", parse_rule(rule))
    found = []
    for number in range(1, count + 1):
        for delay_ns, data in faults.strike("n", {"a": number, "b": 0}, (number - 1) * every_ms * MS):
            found.append((number, delay_ns // MS, data))
    return found


@pytest.mark.parametrize(
    ("which", "left"),
    [
        ("", []),
        (":2", [1, 3, 4, 5, 6]),
        (":2-4", [1, 5, 6]),
        (":5-", [1, 2, 3, 4]),
        (":@20 ms", [1, 2]),
        (":@20ms-40ms", [1, 2, 5, 6]),
    ],
)
def test_which_are_struck(which: str, left: list[int]) -> None:
    """``:2`` is the second, not two of them."""
    assert [number for number, _, _ in struck(f"drop:r.n{which}")] == left


def test_what_each_action_does() -> None:
    assert struck("delay(5 ms):r.n:2", count=2) == [(1, 0, {"a": 1, "b": 0}), (2, 5, {"a": 2, "b": 0})]
    assert [(number, delay) for number, delay, _ in struck("dup(7ms):r.n:1", count=1)] == [(1, 0), (1, 7)]
    assert struck("set(b=9):r.n:1", count=1) == [(1, 0, {"a": 1, "b": "9"})]
    assert [delay for _, delay, _ in struck("delay(5 ms):r.n", "dup(2 ms):r.n", count=1)] == [5, 7]
    assert split_rules("drop:a.b, set(x=1, y=2):c.d:3,dup:e.f") == ["drop:a.b", "set(x=1, y=2):c.d:3", "dup:e.f"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("drp:v2g.X", "did you mean 'drop'"),
        ("drop", "expected ACTION:TARGET"),
        ("drop(3):v2g.X", "drop takes nothing"),
        ("delay:v2g.X", "delay needs something in brackets"),
        ("delay(3):v2g.X", "expected a duration such as 250 ms (units: ns, us, ms, s, min, h), got '3'"),
        ("drop:v2g.X:0", "'0' is none of N"),
        ("drop:v2g.X:4-2", "the range 4-2 is empty"),
        ("drop:v2g.X:@4s-2s", "ends before it begins"),
        ("set(a, b=1):v2g.X", "write FIELD=VALUE"),
    ],
)
def test_a_rule_that_cannot_be_read_says_why(rule: str, said: str) -> None:
    with pytest.raises(FaultError) as caught:
        parse_rule(rule)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("drop:pev.v2g.PreChargReq", "did you mean 'PreChargeReq'"),
        ("drop:v2g.PreChrgeReq", "did you mean 'PreChargeReq'"),
        ("drop:pve.v2g.PreChargeReq", "did you mean 'pev.v2g.PreChargeReq'"),
        ("drop:pev.battery", "did you mean 'pev.battery.soc'"),
        ("set(ResponseCod=OK):v2g.CableCheckRes", "did you mean 'ResponseCode'"),
        ("set(EVSEIsolationStatus=Falt):v2g.CableCheckRes", "'Falt' is none of Invalid, Valid"),
        ("dup:supply.present_voltage", "present_voltage is a value; what can be done to it is set(VALUE) or drop"),
        ("set(3 s):supply.present_voltage", "present_voltage:"),
        ("drop:CM_ATTEN_CHR.IND", "did you mean CM_ATTEN_CHAR.IND"),
        ("nonsense", "a target is an order, an event or a value of a role (drop:pev.v2g.PreChargeReq:1) or a frame"),
    ],
)
def test_a_rule_about_nothing_there_is_refused_with_the_nearest(engine: Engine, rule: str, said: str) -> None:
    code, out, err = engine("run", EVSE, "--fast", "--fault", rule)
    assert code == 2
    assert said in err
    assert "READY" not in out


def test_every_strike_is_in_lines_and_trace(engine: Engine) -> None:
    """Who reads the trace of a test must see what was done to it, and when."""
    rules = ("--fault", "dup:pev.v2g.SessionSetupReq", "--fault", "drop:CM_ATTEN_CHAR.IND:1")
    _, out, _ = engine("run", EVSE, "--fast", "--for", "6 s", "--trace", "run.jsonl", *rules,
                       "--fault", "set(40 degC):supply.temperature:@5s")  # fmt: skip
    notes = [(r["machine"], r["text"], r.get("data")) for r in read("run.jsonl").records if r.get("note") == "fault"]
    assert ("pev.v2g", "dup:pev.v2g.SessionSetupReq", {"name": "SessionSetupReq", "number": 1}) in notes
    assert "pev.v2g  fault: dup:pev.v2g.SessionSetupReq  name=SessionSetupReq, number=1" in out
    assert "fault drop:CM_ATTEN_CHAR.IND:1: number 1" in out
    assert out.count("fault: set(40 degC)") <= 1


def test_a_station_file_and_a_parameter_set_bring_rules(engine: Engine) -> None:
    """A bench keeps its faults in a file; a set's rules are about the machine of the set."""
    Path("bad.toml").write_text(
        f'[station]\nmachine = "{EVSE}"\nname = "evse"\nfaults = ["drop:contactor.set:2"]\n'
        f'[machines.pev]\nchart = "{ROOT}/machines/pev_dc.yaml"\n'
        '[sets.ill]\ndirectory = "ill"\nmachine = "pev"\n'
    )
    Path("ill").mkdir()
    Path("ill/quiet.toml").write_text('title = "Quiet"\nfaults = ["drop:v2g.SessionSetupReq"]\nstop_at_soc = "50 %"\n')
    _, out, _ = engine("run", "bad.toml", "--fast", "--for", "8 s", "--set", "ill=quiet")
    assert "pev.v2g  fault: drop:v2g.SessionSetupReq" in out
    Path("ill/quiet.toml").write_text("faults = 3\n")
    code, _, err = engine("run", "bad.toml", "--fast", "--set", "ill=quiet")
    assert code == 2
    assert "faults is a list of rules" in err
