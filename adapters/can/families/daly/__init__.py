"""Daly battery management, CAN protocol V1.0 (2019), 250 kbit/s, high octet first; the host asks, the pack answers.

Identifier: 18, data id, receiver, sender; the host is 40, packs are 1 and up. Current: counts 0.1 A from 30000; the
protocol does not say which direction is positive, packs differ. Source: the protocol as published by powermon.
``charged`` and ``discharged`` are those of older packs of one light vehicle (public MicroOCPP-based firmware).
"""

from __future__ import annotations

from typing import Any, Final

from adapters.can.table import Family, Field, IdField, IdLayout, IdPattern, MessageType, exactly, flags, uint, word

HOST: Final = 0x40
OFF_ON: Final = {0: "off", 1: "on"}
_LEVELS: Final = (
    "cell_voltage_high", "cell_voltage_low", "pack_voltage_high", "pack_voltage_low", "charging_hot", "charging_cold",
    "discharging_hot", "discharging_cold", "charging_current", "discharging_current", "soc_high", "soc_low",
    "voltage_difference", "temperature_difference",
)  # fmt: skip
_SINGLE: Final = {
    32: "charging_mos_hot", 33: "discharging_mos_hot", 34: "charging_mos_sensor", 35: "discharging_mos_sensor",
    36: "charging_mos_sticks", 37: "discharging_mos_sticks", 38: "charging_mos_open", 39: "discharging_mos_open",
    40: "front_end_chip", 41: "voltage_acquisition", 42: "cell_temperature_sensor", 43: "eeprom", 44: "clock",
    45: "precharge", 46: "communication", 47: "internal_communication", 48: "current_module",
    49: "pack_voltage_detection", 50: "short_circuit", 51: "voltage_too_low_to_charge",
}  # fmt: skip
FAULTS: Final = {
    **{2 * place + level: f"{name}_{level + 1}" for place, name in enumerate(_LEVELS) for level in (0, 1)},
    **_SINGLE,
}
"""Bits of octets 0 to 6, the lowest of octet 0 first; ``_1`` warns, ``_2`` is the second level."""
_ID = IdLayout(prefix=5, data=8, receiver=8, sender=8)
_DATA: Final[dict[int, tuple[str, list[Field]]]] = {
    0x90: ("pack", [
        uint("voltage", 0, 2, "V", per=10), uint("gathered_voltage", 2, 2, "V", per=10),
        uint("current", 4, 2, "A", per=10, zero=30000), uint("soc", 6, 2, "%", per=10),
    ]),
    0x91: ("cell_voltages", [
        uint("highest_cell", 0, 2, "V", per=1000), uint("highest_cell_number", 2, 1),
        uint("lowest_cell", 3, 2, "V", per=1000), uint("lowest_cell_number", 5, 1),
    ]),
    0x92: ("cell_temperatures", [
        uint("highest_temperature", 0, 1, "degC", zero=40), uint("hottest_cell_number", 1, 1),
        uint("lowest_temperature", 2, 1, "degC", zero=40), uint("coldest_cell_number", 3, 1),
    ]),
    0x93: ("state", [
        word("state", 0, {0: "stationary", 1: "charging", 2: "discharging"}), word("charging_mos", 1, OFF_ON),
        word("discharging_mos", 2, OFF_ON), uint("life", 3, 1), uint("remaining_capacity", 4, 4, "Ah", per=1000),
    ]),
    0x94: ("counts", [
        uint("cells", 0, 1), uint("temperature_sensors", 1, 1), word("charger", 2, OFF_ON), word("load", 3, OFF_ON),
        uint("inputs_outputs", 4, 1), uint("cycles", 5, 2),
    ]),
    0x95: ("cells", [
        uint("frame", 0, 1), uint("cell_a", 1, 2, "V", per=1000), uint("cell_b", 3, 2, "V", per=1000),
        uint("cell_c", 5, 2, "V", per=1000),
    ]),
    0x96: ("temperatures", [
        uint("frame", 0, 1), *(uint(f"temperature_{k}", k, 1, "degC", zero=40) for k in range(1, 8)),
    ]),
    0x97: ("balancing", [flags("balanced", 0, 6, {}, little=True)]),
    0x98: ("faults", [flags("faults", 0, 7, FAULTS, little=True), uint("code", 7, 1)]),
}  # fmt: skip


def _id(data: int, **parts: Any) -> IdPattern:
    return _ID(prefix=0x18, data=data, **parts)


def _messages() -> list[MessageType]:
    pack = IdField("pack", 0, 0, 1)
    made = []
    for data, (name, fields) in _DATA.items():
        made.append(MessageType(f"read_{name}", "controller", _id(data, receiver=pack, sender=HOST), least=0))
        made.append(MessageType(name, "battery", _id(data, receiver=HOST, sender=pack), fields))
    for identifier, name in ((0x160B, "charged"), (0x160D, "discharged")):
        asked, told = exactly(identifier << 16 | 0x0180), exactly(identifier << 16 | 0x8001)
        made.append(MessageType(f"read_{name}", "controller", asked, least=0))
        made.append(MessageType(name, "battery", told, [uint(name, 0, 4, "Ah", per=1000)], least=4))
    return made


def family() -> Family:
    """The codec. It has no profile."""
    return Family("daly", "Daly BMS", "CAN protocol V1.0", _messages(), (250_000,))
