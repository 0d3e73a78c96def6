"""Infypower REG and BEG power modules, CAN protocol V1.13, 125 kbit/s.

Identifier: error, device (10: one module, 11: a group), command, destination, source; the controller is F0, 3F is for
all. Source: the layouts of EVerest's driver InfyPower and of the public tool infypower-tools-en (REG1K0100A2).
A module switches itself off 10 s after the last frame of its controller.
"""

from __future__ import annotations

from typing import Final

from adapters.can.modules import ModuleFamily, Order, Send
from adapters.can.table import IdField, IdLayout, IdPattern, MessageType, flags, real, sint, uint, word

CONTROLLER: Final = 0xF0
EVERYONE: Final = 0x3F
ERRORS: Final = {0: "none", 2: "command", 3: "data", 4: "address", 7: "starting"}
ALARMS: Final = {  # octets 5, 6, 7 of the status as one number
    0: "output_short", 4: "sleeping", 5: "discharge_abnormal",
    8: "output_off", 9: "fault", 10: "protection", 11: "fan", 12: "overtemperature", 13: "output_overvoltage",
    14: "walk_in", 15: "communication",
    16: "power_limited", 17: "address_twice", 18: "sharing", 19: "phase_lost", 20: "unbalanced", 21: "input_low",
    22: "input_high", 23: "pfc_off",
}  # fmt: skip
OUTPUT: Final = {0: "on", 1: "off"}
_ID = IdLayout(error=3, device=4, command=6, destination=8, source=8)
_DEVICE = IdField("device", 0, 0, 10)
_ERROR = IdField("error", 0, 0, "none", ERRORS)

_MILLI: Final = [uint("voltage", 0, 4, "V", per=1000), uint("current", 4, 4, "A", per=1000)]


def _down(command: int) -> IdPattern:
    return _ID(device=_DEVICE, command=command, destination="module", source=CONTROLLER)


def _up(command: int) -> IdPattern:
    return _ID(error=_ERROR, device=_DEVICE, command=command, destination=CONTROLLER, source="module")


def _ask(command: int, name: str) -> MessageType:
    return MessageType(f"read_{name}", "controller", _down(command))


MESSAGES: Final = [
    _ask(0x01, "system_output"),
    _ask(0x02, "count"),
    _ask(0x03, "output"),
    _ask(0x04, "status"),
    _ask(0x06, "input"),
    _ask(0x08, "system_fine"),
    _ask(0x09, "output_fine"),
    _ask(0x0A, "capability"),
    _ask(0x0B, "barcode"),
    _ask(0x0C, "external"),
    MessageType("set_walk_in", "controller", _down(0x13), [word("walk_in", 0, {0: "off", 1: "on"})]),
    MessageType("set_led", "controller", _down(0x14), [word("led", 0, {0: "normal", 1: "blinking"})]),
    MessageType("set_group", "controller", _down(0x16), [uint("group", 0, 1)]),
    MessageType("set_sleep", "controller", _down(0x19), [word("sleep", 0, {0: "off", 1: "on"})]),
    MessageType("switch", "controller", _down(0x1A), [word("output", 0, OUTPUT)]),
    MessageType("set_system", "controller", _down(0x1B), _MILLI),
    MessageType("set_output", "controller", _down(0x1C), _MILLI),
    MessageType("set_address_mode", "controller", _down(0x1F), [word("mode", 0, {0: "automatic", 1: "dialled"})]),
    MessageType("system_output", "module", _up(0x01), [real("system_voltage", 0, "V"), real("system_current", 4, "A")]),
    MessageType("count", "module", _up(0x02), [uint("modules", 2, 1)]),
    MessageType("output", "module", _up(0x03), [real("voltage", 0, "V"), real("current", 4, "A")]),
    MessageType("status", "module", _up(0x04), [
        uint("group", 2, 1), sint("temperature", 4, 1, "degC"), flags("alarms", 5, 3, ALARMS)
    ]),
    MessageType("input", "module", _up(0x06), [
        uint("input_ab", 0, 2, "V", per=10), uint("input_bc", 2, 2, "V", per=10), uint("input_ca", 4, 2, "V", per=10)
    ]),
    MessageType("system_fine", "module", _up(0x08), [
        uint("system_voltage", 0, 4, "V", per=1000), uint("system_current", 4, 4, "A", per=1000)
    ]),
    MessageType("output_fine", "module", _up(0x09), _MILLI),
    MessageType("capability", "module", _up(0x0A), [
        uint("maximum_voltage", 0, 2, "V"), uint("minimum_voltage", 2, 2, "V"),
        uint("maximum_current", 4, 2, "A", per=10), uint("maximum_power", 6, 2, "W", times=10),
    ]),
    MessageType("barcode", "module", _up(0x0B), [
        uint("letter", 0, 1), uint("digits_high", 1, 3), uint("digits_low", 4, 4)
    ]),
    MessageType("external", "module", _up(0x0C), [
        uint("external_voltage", 0, 2, "V", per=10), uint("available_current", 2, 2, "A", per=10)
    ]),
    *(
        MessageType(f"{name}_taken", "module", _up(command))
        for command, name in ((0x13, "walk_in"), (0x14, "led"), (0x16, "group"), (0x19, "sleep"), (0x1A, "switch"),
                              (0x1B, "system"), (0x1C, "setting"), (0x1F, "address_mode"))
    ),
]  # fmt: skip


def _set(module: int, *, voltage: float, current: float) -> list[Send]:
    return [("set_output", {"module": module, "voltage": voltage, "current": current})]


def _poll(module: int) -> list[Send]:
    return [(name, {"module": module}) for name in ("read_output", "read_status", "read_capability")]


def _identify(module: int) -> list[Send]:
    return [("read_barcode", {"module": module})]


def _switch(output: str) -> Order:
    def order(module: int) -> list[Send]:
        return [("switch", {"module": module, "output": output})]

    return order


def family() -> ModuleFamily:
    """The codec. It has no profile."""
    return ModuleFamily(
        "infy",
        "Infypower REG/BEG",
        "protocol V1.13",
        MESSAGES,
        {"set": _set, "on": _switch("on"), "off": _switch("off"), "poll": _poll, "identify": _identify},
        first=0,
        last=0x3E,
        everyone=EVERYONE,
        serial="digits_low",
    )
