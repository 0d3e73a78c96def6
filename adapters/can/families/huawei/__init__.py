"""Huawei R-series power modules and rectifiers, 125 kbit/s (one controller of light-vehicle chargers: 250).

Identifier: protocol (0D; 21 with the R48xx rectifiers), module, message (40 realtime data, 50 identity, 80 control, 81
configuration, 82 query, 83 report), who sends, group, software address, more follows. Data: error and signal number,
two octets, 4 octets, high octet first; volts and amperes are times 1024. Source: EVerest's driver Huawei_R100040Gx and,
for the same signals under protocol 21, the public tool craigpeacock/Huawei_R4850G2_CAN.

A module whose controller falls silent goes back to its stored values, signals 101 and 110 (rectifiers: 101 and 104; the
answer carries what it has stored: hoylabs/OpenDTU-OnBattery, HardwareInterface.cpp). What the current limit (signal
103) counts differs between models (20, 30 or 30.5 per ampere): it is used only where the profile says so. Elsewhere the
current of signal 10F is sent, for one module; rectifiers, which do not know that signal, are sent none.

The power stage of one light-vehicle charger (``query=0x82``) is asked for one signal after the other: 84 volts, 82
amperes, 79, 80 temperature, 83. Source: the public firmware of that charger, requests 068182FE, answers 0681827E.
"""

from __future__ import annotations

from typing import Final

from adapters.can.modules import ModuleFamily, Order, Send
from adapters.can.table import Field, IdField, IdLayout, MessageType, Unfit, flags, uint, within, word

EVERYONE: Final = 0
ERRORS: Final = {0: "none", 2: "command", 3: "address_identification"}
SWITCH: Final = {0: "on", 1: "off"}
STATUS_BIT: Final = 1 << 22
"""Of the question for realtime data: volts and amperes in one frame (signal 191)."""
LIMITS_BIT: Final = 1 << 7
ALARM_BIT: Final = 1 << 16
TEMPERATURE_BIT: Final = 1 << 12
REALTIME: Final = 0x40
QUERY: Final = 0x82
QUESTIONS: Final = (0x184, 0x182, 0x179, 0x180, 0x183)
"""What the firmware of the light-vehicle charger asks its power stage for, in turn."""
_ID = IdLayout(protocol=6, module=7, message=8, from_controller=1, group=5, software_address=1, more=1)


def _1024(name: str, unit: str = "") -> Field:
    return uint(name, 4, 4, unit, per=1024)


_REPORTED: Final[dict[int, Field]] = {
    0x10E: uint("running_hours", 4, 4),
    0x170: _1024("input_power", "W"),
    0x171: _1024("input_frequency", "Hz"),
    0x172: _1024("input_current", "A"),
    0x173: _1024("output_power", "W"),
    0x174: _1024("efficiency"),
    0x175: _1024("voltage", "V"),
    0x178: _1024("input_voltage", "V"),
    0x179: _1024("input_ab", "V"),
    0x17A: _1024("input_bc", "V"),
    0x17B: _1024("input_ca", "V"),
    0x17F: _1024("temperature", "degC"),
    0x180: _1024("intake_temperature", "degC"),
    0x181: _1024("current_1", "A"),
    0x182: _1024("current", "A"),
    0x183: flags("alarms", 4, 4, {}),
}
"""Signals a module reports; the message has the name of its field. The bits of 183 have no public meaning:
``bit_N``."""


_ASKED: Final = {signal: (field.name, field) for signal, field in _REPORTED.items()} | {
    0x184: ("output_voltage", _1024("voltage", "V"))
}
"""Signals that are asked for one by one, and the name of the question."""
_OF_LIGHT_CHARGER: Final = {
    0x182: ("current", uint("current", 6, 2, "A", per=1024)),
    0x180: ("intake_temperature", uint("temperature", 6, 2, "degC", per=1000)),
}
"""What its power stage answers otherwise: 16 bits, and the temperature times 1000."""


def _messages(
    protocol: int, setting: int, software_address: int, current_limit_scale: float, query: int
) -> list[MessageType]:
    address = IdField("software_address", 0, 0, software_address)

    made = []
    # The group is all ones when there is none: not looked at in what comes, so it is a field with this default here.
    group = IdField("group", 0, 0, 0x1F)

    def order(name: str, message: int, signal: int, fields: list[Field]) -> MessageType:
        pattern = _ID(
            protocol=protocol,
            module="module",
            message=message,
            from_controller=1,
            group=group,
            software_address=address,
        )
        return MessageType(name, "controller", pattern, fields, match=f"?{signal >> 8:X} {signal & 0xFF:02X}")

    def answer(name: str, message: int, signal: int, fields: list[Field]) -> MessageType:
        pattern = _ID(protocol=protocol, module="module", message=message, group=None, software_address=None, more=None)
        error = word("error", 0, ERRORS, shift=4, width=4)
        return MessageType(name, "module", pattern, [error, *fields], match=f"?{signal >> 8:X} {signal & 0xFF:02X}")

    made += [
        order("read_realtime", 0x40, 0x000, [uint("selected", 3, 1, default=0xAA), uint("data", 4, 4)]),
        order("read_identity", 0x50, 0x000, []),
        order("set_voltage", setting, 0x100, [_1024("voltage", "V")]),
        order("set_current", setting, 0x10F, [uint("modules", 3, 1, default=1), _1024("current", "A")]),
        order("set_current_limit", setting, 0x103, [uint("current", 4, 4, "A", per=current_limit_scale or 1024)]),
        order("set_run", setting, 0x132, [word("output", 3, SWITCH)]),
        order("store_voltage", setting, 0x101, [_1024("stored_voltage", "V")]),
        order("set_communication_timeout", 0x81, 0x118, [uint("timeout", 4, 4)]),
        order("set_range_mode", 0x81, 0x14A, [word("mode", 3, {0: "manual", 1: "automatic"})]),
        answer("voltage_taken", setting, 0x100, []),
        answer("current_taken", setting, 0x10F, []),
        answer("current_limit_taken", setting, 0x103, []),
        answer("run_taken", setting, 0x132, []),
        answer("voltage_stored", setting, 0x101, [_1024("stored_voltage", "V")]),
        answer("communication_timeout_taken", 0x81, 0x118, []),
        answer("range_mode_taken", 0x81, 0x14A, []),
        answer("serial_number", 0x50, 0x002, [uint("serial_high", 2, 2), uint("serial_low", 4, 4)]),
        answer("version", 0x50, 0x005, [uint("hardware", 2, 2), uint("software", 4, 4)]),
        answer("output", 0x40, 0x191, [uint("current", 4, 2, "A", per=10), uint("voltage", 6, 2, "V", per=10)]),
    ]
    for signal, field in _REPORTED.items():
        made.append(answer(field.name, 0x40, signal, [field]))
    for signal, (name, field) in (_ASKED | _OF_LIGHT_CHARGER if query == QUERY else _ASKED).items():
        made.append(order(f"read_{name}", QUERY, signal, []))
        made.append(answer(f"{name}_asked", QUERY, signal, [field]))
    signal, per = (0x104, current_limit_scale) if current_limit_scale else (0x110, 1024)
    stored = uint("stored_current", 4, 4, "A", per=per)
    modules = [] if current_limit_scale else [uint("modules", 3, 1, default=1)]
    made.append(order("store_current", setting, signal, [*modules, stored]))
    made.append(answer("current_stored", setting, signal, [stored]))
    if current_limit_scale:
        limit = uint("maximum_current", 4, 4, "A", per=current_limit_scale)
        made.append(answer("maximum_current", 0x40, 0x176, [limit]))
    return made


def _switch(output: str) -> Order:
    def order(module: int) -> list[Send]:
        return [("set_run", {"module": module, "output": output})]

    return order


def family(
    *,
    protocol: float = 0x0D,
    setting: float = 0x80,
    software_address: float = 0,
    current_limit_scale: float = 0,
    query: float = REALTIME,
) -> ModuleFamily:
    """The codec.

    ``protocol``: 0x0D, 0x21 for R48xx rectifiers. ``setting``: the message that sets, 0x80 (control) or 0x81
    (configuration). ``software_address``: 0 when modules are called by their hardware's address.
    ``current_limit_scale``: counts per ampere of signals 103 and 176, by the model; 0 when it is not known: then signal
    10F sets the current. ``query``: 0x40 asks for all at once, 0x82 for one signal after the other, as a power stage of
    light-vehicle chargers wants it. Raises ``ValueError`` for a number out of its range.
    """
    within("protocol", protocol, 0, 0x3F, whole=True)
    within("setting", setting, 0x80, 0x81, whole=True)
    within("software_address", software_address, 0, 1, whole=True)
    within("query", query, REALTIME, QUERY, whole=True)
    if query not in (REALTIME, QUERY):
        raise ValueError(f"query is {REALTIME} (0x40) or {QUERY} (0x82), not {query:g}")
    if current_limit_scale != 0:
        within("current_limit_scale", current_limit_scale, 1, 10_000)
    scale = current_limit_scale

    def known_scale() -> None:
        if not scale and round(protocol) == 0x21:
            raise Unfit("what the current of this rectifier counts is not known; the profile needs current_limit_scale")

    def set_output(module: int, *, voltage: float, current: float) -> list[Send]:
        known_scale()
        limit = "set_current_limit" if scale else "set_current"
        return [
            ("set_voltage", {"module": module, "voltage": voltage}),
            (limit, {"module": module, "current": current}),
        ]

    def store(module: int, *, voltage: float, current: float) -> list[Send]:
        known_scale()
        return [
            ("store_voltage", {"module": module, "stored_voltage": voltage}),
            ("store_current", {"module": module, "stored_current": current}),
        ]

    def ask(module: int, *, turn: int) -> list[Send]:
        name, _ = _ASKED[QUESTIONS[turn % len(QUESTIONS)]]
        return [(f"read_{name}", {"module": module})]

    def poll(module: int) -> list[Send]:
        if query == QUERY:
            return [sent for turn in range(len(QUESTIONS)) for sent in ask(module, turn=turn)]
        if round(protocol) == 0x21:  # the rectifiers answer this with all they have
            return [("read_realtime", {"module": module, "selected": 0, "data": 0})]
        wanted = STATUS_BIT | LIMITS_BIT | ALARM_BIT | TEMPERATURE_BIT
        return [("read_realtime", {"module": module, "data": wanted})]

    def identify(module: int) -> list[Send]:
        return [("read_identity", {"module": module})]

    return ModuleFamily(
        "huawei",
        "Huawei R-series",
        "EVerest Huawei_R100040Gx, craigpeacock/Huawei_R4850G2_CAN",
        _messages(round(protocol), round(setting), round(software_address), scale, round(query)),
        {
            "set": set_output,
            "on": _switch("on"),
            "off": _switch("off"),
            "poll": poll,
            "store": store,
            "identify": identify,
            **({"ask": ask} if query == QUERY else {}),
        },
        first=1,
        last=0x7F,
        everyone=EVERYONE,
        serial="serial_low",
        bitrates=(125_000, 250_000),
    )
