"""Maxwell MXR and Winline power modules, CAN protocol V1.50, 125 kbit/s.

Identifier: protocol number 060, point to point, destination, source, group; modules 0 to 63, the controller is F0, FF
is for all, FE for a group. Data: 03 sets and 10 reads a register; the answer is 41 (a float) or 42 (an integer), F0
when it was done, the register and 4 octets, high octet first. Source: Maxwell's protocol V1.50; EVerest's driver
Winline agrees with it (the section of its README about identifiers does not).
"""

from __future__ import annotations

from typing import Final

from adapters.can.modules import ModuleFamily, Order, Send
from adapters.can.table import Field, IdField, IdLayout, MessageType, flags, real, uint, word

CONTROLLER: Final = 0xF0
EVERYONE: Final = 0xFF
ALARMS: Final = {
    0: "fault", 1: "protection", 3: "internal_communication", 4: "input_mode_wrong", 5: "input_mode_differs",
    7: "dcdc_overvoltage", 8: "pfc", 9: "input_high", 14: "input_low", 16: "communication", 17: "unbalanced",
    22: "output_off", 23: "power_limited", 24: "derated", 25: "input_limited", 27: "fan", 28: "output_short",
    30: "overtemperature", 31: "output_overvoltage",
}  # fmt: skip
NOT_DONE: Final = {0xF2: "refused", **{code: f"code_{code:02X}" for code in range(256) if code not in (0xF0, 0xF2)}}
RUN: Final = {0x0000_0000: "on", 0x0001_0000: "off"}
_ID = IdLayout(protocol=9, point_to_point=1, destination=8, source=8, group=3)
_GROUP = IdField("group", 0, 0, 0)
_TO_ONE = IdField("point_to_point", 0, 0, 1)
_DOWN = _ID(protocol=0x060, point_to_point=_TO_ONE, destination="module", source=CONTROLLER, group=_GROUP)
_UP = _ID(protocol=0x060, point_to_point=None, destination=CONTROLLER, source="module", group=_GROUP)


def _float(name: str, unit: str) -> Field:
    return real(name, 4, unit)


_READ: Final[dict[int, Field]] = {
    0x0001: _float("voltage", "V"),
    0x0002: _float("current", "A"),
    0x0003: _float("limit_point", ""),
    0x0004: _float("temperature", "degC"),
    0x000B: _float("ambient_temperature", "degC"),
    0x000C: _float("input_a", "V"),
    0x000D: _float("input_b", "V"),
    0x000E: _float("input_c", "V"),
    0x0010: _float("pfc_temperature", "degC"),
    0x0011: _float("maximum_power", "W"),
    0x0012: _float("maximum_current", "A"),
    0x0040: flags("alarms", 4, 4, ALARMS),
    0x0043: uint("group_and_address", 4, 4),
    0x0048: uint("input_power", 4, 4, "W"),
    0x0054: uint("serial_low", 4, 4),
    0x0055: uint("serial_high", 4, 4),
}
"""Registers that are read: what the answer carries. The name of the message is that of its field."""

_SET: Final[dict[int, tuple[str, Field]]] = {
    0x0017: ("altitude", uint("altitude_m", 4, 4)),
    0x001B: ("current", uint("current", 4, 4, "A", per=1024)),
    0x0020: ("power_fraction", real("power_fraction", 4)),
    0x0021: ("voltage", real("voltage", 4, "V")),
    0x0022: ("current_fraction", real("current_fraction", 4)),
    0x0023: ("overvoltage_point", real("overvoltage", 4, "V")),
    0x0030: ("run", word("output", 4, RUN, octets=4)),
    0x0031: ("overvoltage_reset", word("reset", 4, {0x0000_0000: "off", 0x0001_0000: "on"}, octets=4)),
    0x0044: ("short_reset", word("reset", 4, {0x0000_0000: "off", 0x0001_0000: "on"}, octets=4)),
    0x0046: ("input_mode", uint("mode", 4, 4)),
}
"""Registers that are set: name and value. ``current_fraction`` is of the rated current, 0.5 is half."""


def _messages() -> list[MessageType]:
    made = []
    for register, field in _READ.items():
        made.append(MessageType(f"read_{field.name}", "controller", _DOWN, match=f"10 00 {register:04X}"))
        kind = "41" if field.kind == "float" else "42"
        made.append(MessageType(field.name, "module", _UP, [field], match=f"{kind} F0 {register:04X}"))
    for register, (name, field) in _SET.items():
        made.append(MessageType(f"set_{name}", "controller", _DOWN, [field], match=f"03 00 {register:04X}"))
        # What was set comes back in an answer of either kind; it is no measurement, so it has no field of that name.
        for kind, answer in (("41", "taken"), ("42", "taken_integer")):
            made.append(MessageType(f"{name}_{answer}", "module", _UP, match=f"{kind} F0 {register:04X}"))
    # Anything but F0 says that it was not done; F0 with a register that is not above is a misfit.
    refusal = [word("code", 1, NOT_DONE), uint("register", 2, 2)]
    made.append(MessageType("not_done", "module", _UP, refusal, match="4?"))
    return made


def _set(module: int, *, voltage: float, current: float) -> list[Send]:
    return [
        ("set_voltage", {"module": module, "voltage": voltage}),
        ("set_current", {"module": module, "current": current}),
    ]


def _poll(module: int) -> list[Send]:
    wanted = ("voltage", "current", "temperature", "alarms", "maximum_current", "maximum_power")
    return [(f"read_{name}", {"module": module}) for name in wanted]


def _identify(module: int) -> list[Send]:
    return [("read_serial_low", {"module": module})]


def _run(output: str) -> Order:
    def order(module: int) -> list[Send]:
        return [("set_run", {"module": module, "output": output})]

    return order


def family() -> ModuleFamily:
    """The codec. It has no profile."""
    return ModuleFamily(
        "maxwell",
        "Maxwell MXR / Winline",
        "protocol V1.50",
        _messages(),
        {"set": _set, "on": _run("on"), "off": _run("off"), "poll": _poll, "identify": _identify},
        first=0,
        last=63,
        everyone=EVERYONE,
        serial="serial_low",
    )
