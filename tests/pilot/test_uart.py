"""The lines of a pilot board: what is whole is read, and nothing else changes anything (docs/pilot_board.md)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.pilot import uart
from adapters.pilot.uart import Command, Event, Lines, Misfit, Ok, Pong, Refusal, Scan, Status

# What the firmware of the system replaced sends (its README and main.cpp), octet for octet.
FIELD_STATUS = (
    b'{"type":"status","cp_mv":2980,"cp_mv_robust":2985,"state":"A","mode":"dc","pwm":{"enabled":false,"duty":0,"hz":1000,'
    b'"out":100},"thresh":{"t12":2400,"t9":2000,"t6":1700,"t3":1450,"t0":1250,"hys":150,"hys_ab":100}}'
)
STATUS = Status("C", "manual", 5, 1905, True, 61_250, "watchdog")
REPORTS = (
    STATUS,
    Status("A", "dc", 100),
    Event("state", 17, STATUS),
    Pong(),
    Ok("reset"),
    Ok(None),
    Refusal("mode_dc_auto", "mode_dc_auto"),
    Scan({1: 2980, 10: 12}),
)
COMMANDS = (
    ("ping", {}),
    ("set_pwm", {"duty": 5, "enable": True}),
    ("set_pwm", {}),
    ("enable_pwm", {"enable": False}),
    ("set_freq", {"hz": 1000}),
    ("set_mode", {"mode": "manual"}),
    ("restart_slac_hint", {"ms": 400}),
    ("cp.set_thresholds", dict.fromkeys(uart.THRESHOLDS, 1250)),
    ("cp.auto_cal", {}),
    ("cp.scan", {}),
    ("reset", {}),
)
octets = st.binary(max_size=400) | st.sampled_from([FIELD_STATUS, *map(uart.encode_report, REPORTS)])


def test_a_status_of_the_board_in_the_field() -> None:
    """It has neither uptime nor diode test; the duty is that on the line, not the one that is set."""
    assert uart.decode_report(FIELD_STATUS) == Status("A", "dc", 100, 2980)


def test_a_status_whose_last_members_were_cut_off_by_the_board() -> None:
    """Its document has room for some 15 members: the last ones may be missing."""
    found = json.loads(FIELD_STATUS)
    del found["thresh"], found["cp_mv_robust"]
    assert uart.decode_report(json.dumps(found).encode()) == Status("A", "dc", 100, 2980)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: type(report).__name__)
def test_a_report_there_and_back(report: uart.Report) -> None:
    line = uart.encode_report(report)
    assert line.endswith(b"\n")
    assert len(line) <= uart.LONGEST_REPORT
    assert uart.decode_report(line[:-1]) == report


@pytest.mark.parametrize(("name", "fields"), COMMANDS)
def test_a_command_there_and_back(name: str, fields: dict[str, Any]) -> None:
    """No command is longer than the board's buffer."""
    line = uart.encode(name, **fields)
    assert json.loads(line) == {"cmd": name, **fields}
    assert len(line) <= uart.LONGEST_COMMAND
    assert uart.decode_command(line[:-1]) == Command(name, fields)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'{"cmd":"set_pwm","duty":101}', "bad_value: 'duty' is an integer from 0 to 100"),
        (b'{"cmd":"set_pwm","duty":5.0}', "bad_value: 'duty' is an integer"),
        (b'{"cmd":"set_pwm","duty":true}', "bad_value: 'duty' is an integer"),
        (b'{"cmd":"set_pwm","enable":1}', "bad_value: 'enable' is true or false"),
        (b'{"cmd":"enable_pwm"}', "bad_value: 'enable' is missing"),
        (b'{"cmd":"set_freq","hz":499}', "bad_value: 'hz'"),
        (b'{"cmd":"set_mode","mode":"auto"}', "bad_mode"),
        (b'{"cmd":"set_mode"}', "bad_mode"),
        (b'{"cmd":"restart_slac_hint","ms":2001}', "bad_value: 'ms'"),
        (b'{"cmd":"jump"}', "unknown_cmd"),
        (b'{"cmd":["ping"]}', "unknown_cmd"),
        (b'{"duty":5}', "missing_cmd"),
        (b'{"cmd":"set_pwm","du', "bad_json"),
        (b'"ping"', "bad_json: not an object"),
        (b'{"cmd":"\xff"}', "bad_json"),
        (b'{"cmd":"\\ud800"}', "bad_json: half of a surrogate pair"),
    ],
)
def test_a_command_that_changes_nothing(line: bytes, told: str) -> None:
    """The reason is the board's answer."""
    found = uart.decode_command(line)
    assert isinstance(found, Misfit)
    assert found.reason.startswith(told)


def test_a_command_with_fields_nobody_knows() -> None:
    assert uart.decode_command(b'{"cmd":"ping","id":7}') == Command("ping", {})


@pytest.mark.parametrize(
    ("name", "fields"), [("set_pwm", {"duty": 101}), ("set_pwm", {"hz": 1000}), ("jump", {}), ("set_mode", {})]
)
def test_a_command_that_cannot_be_sent(name: str, fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=name):
        uart.encode(name, **fields)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"state": "G"}, "'state'"),
        ({"state": None}, "'state'"),
        ({"mode": "auto"}, "'mode'"),
        ({"pwm": {"duty": 5}}, "'pwm.out'"),
        ({"pwm": {"out": 101}}, "'pwm.out'"),
        ({"pwm": 5}, "'pwm.out'"),
        ({"cp_mv": -1}, "'cp_mv'"),
        ({"up_ms": -1}, "'up_ms'"),
        ({"diode": 1}, "'diode'"),
        ({"reset": 1}, "'reset'"),
        ({"type": "stat"}, "no type"),
        ({"type": "event"}, "'event' is no text"),
        ({"type": "event", "event": "state"}, "'seq'"),
        ({"type": "event", "event": "state", "seq": 1}, "'up_ms' is missing"),
        ({"type": "error"}, "'msg'"),
        ({"type": "res"}, "not of cp.scan"),
        ({"type": "res", "cmd": "cp.scan", "mv": {"11": 5}}, "an input"),
    ],
)
def test_a_report_that_says_what_cannot_be(change: dict[str, Any], told: str) -> None:
    """A line with a hole may still parse; values are held against their ranges."""
    found = uart.decode_report(json.dumps({**json.loads(FIELD_STATUS), **change}).encode())
    assert isinstance(found, Misfit)
    assert told in found.reason


@pytest.mark.parametrize("length", [uart.LONGEST_COMMAND - 1, uart.LONGEST_COMMAND, uart.LONGEST_COMMAND + 1])
def test_the_rest_of_a_long_line_is_no_line(length: int) -> None:
    """The board in the field throws the line away and takes its rest for a new one."""
    lines = Lines(uart.LONGEST_COMMAND)
    hidden = b"x" * (length - 14) + b'{"cmd":"ping"}'
    found = [*lines.feed(hidden[:100]), *lines.feed(hidden[100:]), *lines.feed(b'\n{"cmd":"ping"}\r\n\n')]
    assert found[-1] == b'{"cmd":"ping"}'
    assert len(found) == 2
    assert isinstance(found[0], Misfit) == (length > uart.LONGEST_COMMAND)


@given(st.lists(st.binary(max_size=40) | st.just(b"\n") | st.just(FIELD_STATUS), max_size=30))
def test_lines_are_the_same_however_the_octets_come(portions: list[bytes]) -> None:
    whole, by_one = Lines(64), Lines(64)
    stream = b"".join(portions)
    expected = whole.feed(stream)
    assert [line for portion in portions for line in (by_one.feed(portion))] == expected
    assert all(len(line) <= 64 for line in expected if isinstance(line, bytes))


@given(octets)
@example(b"[" * 1000)
@example(b'{"type":"status","state":{},"mode":[]}')
@example(b"1" * 1000)
def test_any_line_is_a_report_or_a_misfit(line: bytes) -> None:
    """One that is read says the same when it is written again."""
    found = uart.decode_report(line)
    if isinstance(found, Misfit):
        assert found.reason
    else:
        assert uart.decode_report(uart.encode_report(found)) == found


@given(octets | st.sampled_from([uart.encode(name, **fields) for name, fields in COMMANDS]))
def test_any_line_is_a_command_or_a_misfit(line: bytes) -> None:
    found = uart.decode_command(line)
    if isinstance(found, Misfit):
        assert found.reason
    else:
        assert uart.decode_command(uart.encode(found.name, **found.fields)) == found


@given(st.sampled_from([uart.encode_report(r) for r in REPORTS]), st.integers(0, 200), st.binary(max_size=3))
def test_a_line_that_was_cut_or_garbled(line: bytes, at: int, noise: bytes) -> None:
    """Cut short it is never a message; with a hole it is one only with values in their ranges."""
    assert isinstance(uart.decode_report(line[: min(at, len(line) - 2)]), Misfit)
    found = uart.decode_report(line[:at] + noise + line[at + 3 :])
    if isinstance(found, Status):
        assert 0 <= found.out_percent <= 100
        assert found.state in tuple("ABCDEF")
