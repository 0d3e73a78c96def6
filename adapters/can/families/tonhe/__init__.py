"""TonHe power modules, CAN protocol V1.2, 125 kbit/s, identifiers as in SAE J1939, low octet first.

The controller is A0, modules are 1 to 240, FF is for all. Modules report by themselves every 500 ms; the timing frame
is sent every 5 s. ``switch_one`` has the set points, too. Source: TonHe's protocol V1.2.
"""

from __future__ import annotations

from typing import Any, Final

from adapters.can.modules import ModuleFamily, Send
from adapters.can.table import Field, IdLayout, MessageType, exactly, flags, sint, uint, word

CONTROLLER: Final = 0xA0
EVERYONE: Final = 0xFF
SWITCH: Final = {0xAA: "on", 0x55: "off"}
STATE: Final = {0x00: "off", 0x01: "on", 0x11: "fault"}
_ID = IdLayout(priority=3, reserved=1, page=1, format=8, destination=8, source=8)
_MASK: Final = [uint("mask", 0, 3), uint("group", 3, 1, shift=4, width=4, default=0), uint("multiple", 3, 1, width=4)]
"""Of a set of modules: bit k of ``mask`` is module 24 * ``multiple`` + k + 1."""


def _volts_amperes(at: int) -> list[Field]:
    return [uint("voltage", at, 2, "V", per=10), uint("current", at + 2, 2, "A", per=100)]


def _up(priority: int, pdu: int) -> Any:
    return _ID(priority=priority, format=pdu, destination=CONTROLLER, source="module")


MESSAGES: Final = [
    MessageType("switch_set", "controller", exactly(0x0803FFA0), [
        _MASK[0], word("output", 3, SWITCH),
        uint("group", 4, 1, shift=4, width=4, default=0), uint("multiple", 4, 1, width=4),
    ], little=True, least=5),
    MessageType("set_outputs", "controller", exactly(0x1004FFA0), [*_MASK, *_volts_amperes(4)], little=True),
    MessageType("timing", "controller", exactly(0x1805FFA0), little=True, least=0),
    MessageType("switch_one", "controller", _ID(priority=2, format=0x06, destination="module", source=CONTROLLER), [
        word("output", 0, SWITCH), uint("mode", 1, 1, default=0), *_volts_amperes(2)
    ], little=True, least=6),
    MessageType("report", "module", _up(6, 0x01), [
        word("output", 0, STATE), *_volts_amperes(1), flags("alarms", 5, 2, {})
    ], little=True, least=7),
    MessageType("input", "module", _up(6, 0x0B), [
        uint("input_a", 0, 2, "V", per=10), uint("input_b", 2, 2, "V", per=10), uint("input_c", 4, 2, "V", per=10),
        sint("temperature", 6, 2, "degC", per=10),
    ], little=True),
    MessageType("extended_faults", "module", _up(7, 0x91), [
        flags("alarms", 0, 4, {2: "communication"})
    ], little=True, least=4),
]  # fmt: skip


SETS: Final = 10
"""Sets of 24 addresses that 240 modules fill."""


def _sets(module: int) -> list[dict[str, int]]:
    """The sets that a module, or all of them, is in."""
    if module == EVERYONE:
        return [{"mask": 0xFF_FFFF, "multiple": multiple} for multiple in range(SETS)]
    multiple, bit = divmod(module - 1, 24)
    return [{"mask": 1 << bit, "multiple": multiple}]


def _set(module: int, *, voltage: float, current: float) -> list[Send]:
    return [("set_outputs", {**one, "voltage": voltage, "current": current}) for one in _sets(module)]


def _switch(output: str, module: int) -> list[Send]:
    return [("switch_set", {**one, "output": output}) for one in _sets(module)]


def _on(module: int) -> list[Send]:
    return _switch("on", module)


def _off(module: int) -> list[Send]:
    return _switch("off", module)


def _poll(module: int) -> list[Send]:
    return [("timing", {})]


def family() -> ModuleFamily:
    """The codec. It has no profile. ``poll`` is the timing frame: modules report without being asked."""
    return ModuleFamily(
        "tonhe",
        "TonHe",
        "protocol V1.2",
        MESSAGES,
        {"set": _set, "on": _on, "off": _off, "poll": _poll},
        first=1,
        last=240,
        everyone=EVERYONE,
        report_ns=500_000_000,
    )
