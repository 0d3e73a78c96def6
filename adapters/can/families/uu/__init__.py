"""UUGreenPower (36.2) and Maxwell ENR (S0) power modules, 125 kbit/s.

Identifier: protocol 1, monitor 1 to 15, module 1 to 127 (0: all, which is obeyed and not answered), and in answers the
day of production and a part of the serial number, together ``origin``. Data: group and kind (0 set, 1 its answer, 2
read, 3 its answer, 4 serial number, 11 set all, 12 its answer), command, two reserved octets, 4 octets in mV, mA or
m°C, high octet first. Source: UUGreenPower's reference guide 36.2 and Maxwell's ENR protocol S0. No time-out of the
module is stated there.
"""

from __future__ import annotations

from typing import Final

from adapters.can.modules import ModuleFamily, Order, Send
from adapters.can.table import Field, IdField, IdLayout, MessageType, flags, sint, uint, within, word

EVERYONE: Final = 0
SWITCH: Final = {0: "on", 1: "off"}
RANGE: Final = {1: "wide", 2: "narrow"}
"""1000 V and 500 V; to be chosen only while the output is off."""
STATUS: Final = {
    0: "input_high", 1: "input_low", 2: "input_high_off", 3: "pfc_bus_high", 4: "pfc_bus_low", 5: "pfc_bus_unbalanced",
    6: "output_overvoltage", 7: "output_overvoltage_off", 8: "output_undervoltage", 9: "fan", 10: "manual",
    12: "ambient_overtemperature", 13: "ambient_cold", 14: "pfc_overtemperature", 15: "output_relay",
    16: "overtemperature", 17: "overtemperature_off", 18: "internal_communication", 20: "pfc", 21: "fault",
    22: "input_limited", 23: "derated", 24: "pfc_off", 25: "output_off", 26: "loop_bit_0", 27: "current_loop",
    28: "unbalanced", 29: "address_twice", 30: "output_short", 31: "bleeder",
}  # fmt: skip
ALL_OUTPUT: Final = {0: "on", 1: "off", 2: "on_with_pfc", 3: "off_with_pfc"}
ALL_RANGE: Final = {0: "same", 2: "wide", 3: "narrow", 1: "reserved"}
_ID = IdLayout(protocol=4, monitor=4, module=7, origin=14)
_MONITOR: Final = IdField("monitor", 0, 0, 1)
_DOWN: Final = _ID(protocol=1, monitor=_MONITOR, module="module", origin=None)
_UP: Final = _ID(protocol=1, monitor=_MONITOR, module="module", origin=IdField("origin", 0, 0, 0))


def _milli(name: str, unit: str) -> Field:
    return uint(name, 4, 4, unit, per=1000)


_READ: Final[dict[int, Field]] = {
    0: _milli("voltage", "V"),
    1: _milli("current", "A"),
    5: uint("serial", 4, 4),
    8: flags("alarms", 4, 4, STATUS),
    20: _milli("input_ab", "V"),
    21: _milli("input_bc", "V"),
    22: _milli("input_ca", "V"),
    30: sint("temperature", 4, 4, "degC", per=1000),
    47: _milli("current_fast_2", "A"),
    48: _milli("current_fast", "A"),
    96: word("range", 4, RANGE, octets=4),
    98: _milli("voltage_fast", "V"),
    101: word("true_range", 4, RANGE, octets=4),
    104: _milli("maximum_current", "A"),
}
"""Commands that are read: what the answer carries; the message has the name of its field."""

_SET: Final[dict[int, tuple[str, Field]]] = {
    2: ("voltage", _milli("voltage", "V")),
    3: ("current", _milli("current", "A")),
    4: ("run", word("output", 4, SWITCH, octets=4)),
    62: ("silent_level", uint("level", 4, 4)),
    89: ("group_address", uint("address", 4, 4)),
    95: ("range", word("range", 4, RANGE, octets=4)),
}


def _messages(group: int) -> list[MessageType]:
    who = uint("group", 0, 1, shift=4, width=4, default=group)
    made = []
    for command, field in _READ.items():
        made.append(MessageType(f"read_{field.name}", "controller", _DOWN, [who], match=f"?2 {command:02X}"))
        made.append(MessageType(field.name, "module", _UP, [who, field], match=f"?3 {command:02X}"))
    for command, (name, field) in _SET.items():
        made.append(MessageType(f"set_{name}", "controller", _DOWN, [who, field], match=f"?0 {command:02X}"))
        made.append(MessageType(f"{name}_taken", "module", _UP, [who], match=f"?1 {command:02X}"))
    capability = [who, uint("current_share", 4, 2, "A", per=10), uint("capability", 6, 2, "A", per=10)]
    all_of = [
        who,
        word("range", 1, ALL_RANGE, shift=6, width=2, default="same"),
        word("output", 1, ALL_OUTPUT, width=2),
        uint("current", 2, 2, "A", per=10),
        uint("battery_voltage", 4, 2, "V", per=10),
        uint("voltage", 6, 2, "V", per=10),
    ]
    return [
        *made,
        MessageType("read_capability", "controller", _DOWN, [who], match="?2 72"),
        MessageType("capability", "module", _UP, capability, match="?3 72"),
        MessageType(
            "serial_number", "module", _UP, [who, uint("serial_high", 2, 2), uint("serial_low", 4, 4)], match="?4"
        ),
        MessageType("set_all", "controller", _DOWN, all_of, match="?B"),
        MessageType("all_taken", "module", _UP, [who], match="?C"),
    ]


def _set(module: int, *, voltage: float, current: float) -> list[Send]:
    return [
        ("set_voltage", {"module": module, "voltage": voltage}),
        ("set_current", {"module": module, "current": current}),
    ]


def _poll(module: int) -> list[Send]:
    wanted = ("voltage", "current", "alarms", "temperature", "maximum_current")
    return [(f"read_{name}", {"module": module}) for name in wanted]


def _order(message: str, **value: str) -> Order:
    def order(module: int) -> list[Send]:
        return [(message, {"module": module, **value})]

    return order


def family(*, group: float = 0) -> ModuleFamily:
    """The codec. ``group`` (0 to 15) is sent in the first octet of every order. Raises ``ValueError``."""
    within("group", group, 0, 15, whole=True)
    return ModuleFamily(
        "uu",
        "UUGreenPower / Maxwell ENR",
        "reference guide 36.2, ENR protocol S0",
        _messages(round(group)),
        {
            "set": _set,
            "on": _order("set_run", output="on"),
            "off": _order("set_run", output="off"),
            "poll": _poll,
            "wide": _order("set_range", range="wide"),
            "narrow": _order("set_range", range="narrow"),
        },
        first=1,
        last=0x7F,
        everyone=EVERYONE,
        serial="origin",
    )
