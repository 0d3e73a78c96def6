"""The board's reader of lines in C beside the one in Python: they take the same lines for the same commands."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.pilot import uart
from tests.export.c_peer import compile_c
from tests.firmware.build import BOARD, CORE, STRICT

NAMES = tuple(uart.COMMANDS)
DEFAULT = (2300, 2000, 1700, 1400, 1100, 100, 100)
_SHIM = r"""
#include "host.h"
#include <stddef.h>
static struct host_lines lines;
static struct host_order order;
const char *octet_of_host(uint8_t octet);
const char *octet_of_host(uint8_t octet)
{
    return host_take(&lines, octet) ? host_read(&lines, &scale_default, &order) : NULL;
}
const struct host_order *order_of_host(void);
const struct host_order *order_of_host(void) { return &order; }
"""


class Order(ctypes.Structure):
    """As in host.h."""

    _fields_ = [
        ("command", ctypes.c_uint),
        ("with_duty", ctypes.c_bool),
        ("with_enable", ctypes.c_bool),
        ("with_ms", ctypes.c_bool),
        ("enable", ctypes.c_bool),
        ("manual", ctypes.c_bool),
        ("duty", ctypes.c_uint8),
        ("hz", ctypes.c_uint16),
        ("ms", ctypes.c_uint16),
        ("mv", ctypes.c_uint16 * 7),
    ]


class Reader:
    """The C: octets to commands, or codes of errors."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._take = library.octet_of_host
        self._take.restype = ctypes.c_char_p
        self._order = library.order_of_host
        self._order.restype = ctypes.POINTER(Order)

    def read(self, octets: bytes) -> Iterator[tuple[str, dict[str, Any]] | str]:
        for octet in octets:
            reason = self._take(octet)
            if reason:
                yield reason.decode().partition(":")[0]
            elif reason == b"":
                yield self._command(self._order().contents)

    def _command(self, order: Any) -> tuple[str, dict[str, Any]]:
        name = NAMES[order.command]
        fields: dict[str, Any] = {}
        if order.with_duty:
            fields["duty"] = order.duty
        if order.with_enable:
            fields["enable"] = bool(order.enable)
        match name:
            case "set_freq":
                fields["hz"] = order.hz
            case "set_mode":
                fields["mode"] = "manual" if order.manual else "dc"
            case "restart_slac_hint" if order.with_ms:
                fields["ms"] = order.ms
            case "cp.set_thresholds":
                fields = dict(zip(uart.THRESHOLDS, order.mv, strict=True))
        return name, fields


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = Path(tmp_path_factory.mktemp("lines"))
    shim = folder / "shim.c"
    shim.write_text(_SHIM)
    sources = [shim, BOARD / "host.c", BOARD / "json.c", BOARD / "scale.c", CORE / "values.c"]
    options = [f"-I{BOARD}", "-shared", "-fPIC", "-O1"]
    return Reader(ctypes.CDLL(str(compile_c(sources, folder / "lines.so", options, common=STRICT))))


def by_python(octets: bytes) -> Iterator[tuple[str, dict[str, Any]] | str]:
    """The same by the codec of the host's side, with what a board adds: defaults, and thresholds in their order."""
    for line in uart.Lines(uart.LONGEST_COMMAND).feed(octets):
        found = line if isinstance(line, uart.Misfit) else uart.decode_command(line)
        if isinstance(found, uart.Misfit):
            yield found.reason.partition(":")[0]
            continue
        fields = dict(found.fields)
        if found.name == "cp.set_thresholds":
            fields = {**dict(zip(uart.THRESHOLDS, DEFAULT, strict=True)), **fields}
            *mv, hys, hys_ab = fields.values()
            widths = (hys_ab, *[hys] * 4)
            bands = [(at - width // 2, at - width // 2 + width) for at, width in zip(mv, widths, strict=True)]
            knots = [knot for band in reversed(bands) for knot in band]
            if any(a >= b for a, b in pairwise(knots)):
                yield "bad_value"
                continue
        yield found.name, fields


def test_every_command_is_read_as_it_is_written(reader: Reader) -> None:
    written: list[tuple[str, dict[str, Any]]] = [
        ("ping", {}),
        ("get_status", {}),
        ("set_pwm", {"duty": 5, "enable": True}),
        ("set_pwm", {"enable": False}),
        ("enable_pwm", {"enable": True}),
        ("set_freq", {"hz": 5000}),
        ("set_mode", {"mode": "manual"}),
        ("restart_slac_hint", {"ms": 50}),
        ("cp.set_thresholds", dict(zip(uart.THRESHOLDS, (2400, 2000, 1700, 1450, 1250, 90, 100), strict=True))),
        ("cp.auto_cal", {}),
        ("cp.scan", {}),
        ("reset", {}),
    ]
    for name, fields in written:
        assert list(reader.read(uart.encode(name, **fields))) == [(name, fields)]


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-10, 6000), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["dc", "manual", "", "x\\y\"z\n"]), st.lists(st.integers(0, 3), max_size=3),
    st.dictionaries(st.sampled_from(["cmd", "duty", "a"]), st.integers(0, 9), max_size=2),
)  # fmt: skip
FIELDS = st.sampled_from(["duty", "enable", "hz", "mode", "ms", "t9", "hys", "id", "cmd", ""])
COMMAND = st.builds(
    lambda name, fields, end: json.dumps({"cmd": name, **fields}).encode() + end,
    st.sampled_from([*NAMES, "jump", "Ping", None, 7]),
    st.dictionaries(FIELDS, VALUES, max_size=3),
    st.sampled_from([b"\n", b"\r\n", b" \n"]),
)


@given(COMMAND)
@example(b'{"cmd":"pin\\u0067"}\n')
@example(b'{"cmd":"reset","cmd":"ping"}\n')
@example(b'{"a":{"cmd":"reset"},"cmd":"ping"}\n')
@example(b'{"cmd":"ping","cmd":{}}\n')
@example(b'{"cmd":"set_pwm","duty":-0}\n')
@example(b'{"cmd":"set_pwm","duty":05}\n')
@example(b'{"cmd":"set_pwm","duty":1e1}\n')
@example(b'{"cmd":"ping","a":NaN}\n{"cmd":"ping","a":-Infinity}\n')
@example(b'{"cmd":"ping",}\n{"cmd":"ping"}x\n[]\n\n\r\n{}\n')
@example(b"[" * 240 + b"\n" + b"x" * 241 + b'\n{"cmd":"ping"}\n')
@example(b'{"cmd":"ping"' + b" " * 300 + b'}\n{"cmd":"ping"}\n')
@settings(deadline=None, max_examples=400)
def test_both_read_the_same(reader: Reader, line: bytes) -> None:
    assert list(reader.read(line)) == list(by_python(line))


@given(COMMAND, st.data())
@settings(deadline=None, max_examples=400)
def test_a_line_with_a_hole_or_a_wrong_octet_too(reader: Reader, line: bytes, data: st.DataObject) -> None:
    """What a bad line does to a command: cut, garbled, glued to the next one."""
    begin = data.draw(st.integers(0, len(line) - 1))
    end = data.draw(st.integers(begin, len(line) - 1))
    garbled = line[:begin] + data.draw(st.binary(max_size=3)) + line[end:] + b'\n{"cmd":"ping"}\n'
    assert list(reader.read(garbled)) == list(by_python(garbled))
