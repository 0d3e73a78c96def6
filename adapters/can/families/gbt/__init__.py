"""Battery and charger of GB/T 27930-2015, 250 kbit/s, identifiers as in SAE J1939, low octet first, what is unused is
ones.

The charger is 56, the battery management F4. Messages of more than 8 octets come by the transport protocol
(:mod:`adapters.can.transport`), which gives them whole; the priority of an identifier is not looked at. The current is
negative while it charges. Messages have the standard's names in lower case. Source: GB/T 27930-2015, clause 9 (list)
and clause 10 (layouts and ranges; volts and amperes have none there: 1000 V are the most of GB/T 20234.3-2015's
connectors, 400 A what the offset allows). All ones are what is not given (7.9). The standard
gives BRM 41 octets in its list and 49 in its layout: both are read, 49 are sent.
"""

from __future__ import annotations

from typing import Final

from adapters.can.frame import EXTENDED_MASK
from adapters.can.table import Family, Field, IdPattern, MessageType, bcd, series, text, uint, word

CHARGER: Final = 0x56
BATTERY: Final = 0xF4
READY: Final = {0x00: "no", 0xAA: "yes", 0xFF: "invalid"}
CHEMISTRY: Final = {
    1: "lead_acid", 2: "nickel_metal_hydride", 3: "lithium_iron_phosphate", 4: "lithium_manganese", 5: "lithium_cobalt",
    6: "ternary", 7: "lithium_polymer", 8: "lithium_titanate", 0xFF: "other",
}  # fmt: skip
MODE: Final = {1: "constant_voltage", 2: "constant_current"}
LEVEL: Final = {0: "normal", 1: "high", 2: "low", 3: "unset"}
STATE: Final = {0: "normal", 1: "abnormal", 2: "untrusted", 3: "unset"}
PERMIT: Final = {0: "no", 1: "yes", 2: "untrusted", 3: "unset"}
REASON: Final = {0: "no", 1: "yes", 2: "untrusted", 3: "unset"}


def _id(can_id: int) -> IdPattern:
    return IdPattern(can_id, EXTENDED_MASK & ~(7 << 26))


def _volts(name: str, at: int) -> Field:
    return uint(name, at, 2, "V", per=10, void=True, valid=(0, 1000))


def _cell(name: str, at: int, width: int = 0) -> Field:
    return uint(name, at, 2, "V", per=100, width=width, void=True, valid=(0, 24))


def _minutes(name: str, at: int) -> Field:
    return uint(name, at, 2, void=True, valid=(0, 600))


def _percent(name: str, at: int) -> Field:
    return uint(name, at, 1, "%", void=True, valid=(0, 100))


def _energy(name: str, at: int) -> Field:
    return uint(name, at, 2, "kWh", per=10, void=True, valid=(0, 1000))


def _amperes(name: str, at: int) -> Field:
    return uint(name, at, 2, "A", per=10, zero=4000, void=True, valid=(-400, 400))


def _degrees(name: str, at: int) -> Field:
    return uint(name, at, 1, "degC", zero=50, void=True, valid=(-50, 200))


def _pairs(at: int, octets: int, names: list[str], words: dict[int, str]) -> list[Field]:
    """Fields of two bits, from the lowest on; those of them that nobody names are sent as ones."""
    return [
        word(name, at + k // 4, words, shift=2 * (k % 4), width=2, default="no" if words is REASON else None)
        for k, name in enumerate(names)
        if k < 4 * octets
    ]


def _message(name: str, can_id: int, length: int, fields: list[Field], least: int | None = None) -> MessageType:
    sender = "charger" if can_id & 0xFF == CHARGER else "battery"
    return MessageType(
        name,
        sender,
        _id(can_id),
        fields,
        length=length,
        least=length if least is None else least,
        fill=0xFF,
        little=True,
    )


_VERSION: Final = [uint("version_minor", 0, 1, default=1), uint("version_major", 1, 2, default=1)]
"""V1.1 is 01 01 00."""
_CLOCK: Final = {"second": (0, 59), "minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12)}
MESSAGES: Final = [
    _message("chm", 0x1826F456, 3, _VERSION),
    _message("bhm", 0x182756F4, 2, [_volts("maximum_voltage", 0)]),
    _message("crm", 0x1801F456, 8, [
        word("recognised", 0, {0x00: "no", 0xAA: "yes"}), uint("charger", 1, 4), text("area", 5, 3)
    ], least=5),
    _message("brm", 0x1C0256F4, 49, [
        *_VERSION, word("chemistry", 3, CHEMISTRY), uint("capacity", 4, 2, "Ah", per=10, void=True),
        _volts("rated_voltage", 6),
        text("manufacturer", 8, 4), uint("pack", 12, 4, default=0xFFFF_FFFF, void=True),
        uint("year", 16, 1, zero=-1985, default=2240, void=True, valid=(1985, 2235)),
        uint("month", 17, 1, default=0xFF, void=True, valid=(1, 12)),
        uint("day", 18, 1, default=0xFF, void=True, valid=(1, 31)),
        uint("charges", 19, 3, default=0xFF_FFFF, void=True),
        word("owner", 22, {0: "leased", 1: "owned", 0xFF: "unset"}, default="unset"),
        text("vin", 24, 17),
        uint("software_high", 41, 4, default=0xFFFF_FFFF, void=True),
        uint("software_low", 45, 4, default=0xFFFF_FFFF, void=True),
    ], least=41),
    _message("bcp", 0x1C0656F4, 13, [
        _cell("maximum_cell_voltage", 0), _amperes("maximum_current", 2),
        _energy("energy", 4), _volts("maximum_voltage", 6), _degrees("maximum_temperature", 8),
        uint("soc", 9, 2, "%", per=10, void=True, valid=(0, 100)), _volts("voltage", 11),
    ]),
    _message("cts", 0x1807F456, 7, [
        *(bcd(name, at, valid=valid) for at, (name, valid) in enumerate(_CLOCK.items())), bcd("year", 5, 2)
    ]),
    _message("cml", 0x1808F456, 8, [
        _volts("maximum_voltage", 0), _volts("minimum_voltage", 2), _amperes("maximum_current", 4),
        _amperes("minimum_current", 6),
    ], least=6),
    _message("bro", 0x100956F4, 1, [word("ready", 0, READY)]),
    _message("cro", 0x100AF456, 1, [word("ready", 0, READY)]),
    _message("bcl", 0x181056F4, 5, [_volts("voltage", 0), _amperes("current", 2), word("mode", 4, MODE)]),
    _message("bcs", 0x1C1156F4, 9, [
        _volts("voltage", 0), _amperes("current", 2), _cell("highest_cell", 4, 12),
        uint("highest_cell_group", 4, 2, shift=12, width=4), _percent("soc", 6), _minutes("minutes_left", 7),
    ]),
    _message("ccs", 0x1812F456, 8, [
        _volts("voltage", 0), _amperes("current", 2), _minutes("minutes", 4), word("permitted", 6, PERMIT, width=2)
    ], least=6),
    _message("bsm", 0x181356F4, 7, [
        uint("highest_cell_number", 0, 1, zero=-1), _degrees("highest_temperature", 1),
        uint("highest_temperature_place", 2, 1, zero=-1, valid=(1, 128)), _degrees("lowest_temperature", 3),
        uint("lowest_temperature_place", 4, 1, zero=-1, valid=(1, 128)),
        word("cell_voltage", 5, LEVEL, width=2), word("soc", 5, LEVEL, shift=2, width=2),
        word("overcurrent", 5, STATE, shift=4, width=2), word("overtemperature", 5, STATE, shift=6, width=2),
        word("insulation", 6, STATE, width=2), word("connector", 6, STATE, shift=2, width=2),
        word("permitted", 6, PERMIT, shift=4, width=2),
    ]),
    _message("bmv", 0x1C1556F4, 512, [
        series("cells", 0, 2, "V", per=100, width=12, void=True, valid=(0, 24))
    ], least=2),
    _message("bmt", 0x1C1656F4, 128, [
        series("temperatures", 0, 1, "degC", zero=50, void=True, valid=(-50, 200))
    ], least=1),
    _message("bsp", 0x1C1756F4, 16, [series("reserved", 0, 1)], least=1),
    _message("bst", 0x101956F4, 4, [
        *_pairs(0, 1, ["soc_reached", "voltage_reached", "cell_voltage_reached", "charger_stopped"], REASON),
        *_pairs(1, 2, [
            "insulation", "connector_hot", "component_hot", "connector", "battery_hot", "relay", "point_2_voltage",
            "other",
        ], REASON),
        *_pairs(3, 1, ["overcurrent", "voltage"], REASON),
    ]),
    _message("cst", 0x101AF456, 4, [
        *_pairs(0, 1, ["condition_reached", "by_hand", "fault", "battery_stopped"], REASON),
        *_pairs(1, 2, [
            "charger_hot", "connector", "inside_hot", "energy_not_transferable", "emergency_stop", "other"
        ], REASON),
        *_pairs(3, 1, ["current_mismatch", "voltage"], REASON),
    ]),
    _message("bsd", 0x181C56F4, 7, [
        _percent("soc", 0), _cell("lowest_cell", 1), _cell("highest_cell", 3),
        _degrees("lowest_temperature", 5), _degrees("highest_temperature", 6),
    ]),
    _message("csd", 0x181DF456, 8, [
        _minutes("minutes", 0), _energy("energy", 2), uint("charger", 4, 4, zero=-1)
    ], least=4),
    _message("bem", 0x081E56F4, 4, [
        *_pairs(0, 1, ["crm_not_recognised", "crm_recognised"], REASON), *_pairs(1, 1, ["cts_cml", "cro"], REASON),
        *_pairs(2, 1, ["ccs", "cst"], REASON), *_pairs(3, 1, ["csd"], REASON),
    ]),
    _message("cem", 0x081FF456, 4, [
        *_pairs(0, 1, ["brm"], REASON), *_pairs(1, 1, ["bcp", "bro"], REASON),
        *_pairs(2, 1, ["bcs", "bcl", "bst"], REASON), *_pairs(3, 1, ["bsd"], REASON),
    ]),
]  # fmt: skip
"""In BEM and CEM each field is the message that did not come in time."""


def family() -> Family:
    """The codec. It has no profile."""
    return Family("gbt", "GB/T 27930", "GB/T 27930-2015", MESSAGES, (250_000,))
