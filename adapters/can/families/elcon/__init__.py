"""Battery and charger of the ELCON/TC on-board charger protocol, 250 or 500 kbit/s, high octet first.

``command``: battery management F4 to charger E5 (E7, E8, E9 are further chargers on one bus) every 500 ms; ``status``:
the charger's answer every 500 ms (some send it each second). A charger stops when no command has come for 5 s. Source:
the manufacturer's note on CAN as quoted by public drivers, and MicroOCPP-based firmware that uses it for light
vehicles.
"""

from __future__ import annotations

from typing import Final

from adapters.can.table import Family, IdField, IdLayout, MessageType, flags, uint, word

BATTERY: Final = 0xF4
CHARGER: Final = 0xE5
CONTROL: Final = {0: "charge", 1: "stop", 2: "heat"}
FLAGS: Final = {0: "hardware", 1: "overtemperature", 2: "input", 3: "battery_missing", 4: "communication"}
_ID = IdLayout(fixed=13, destination=8, source=8)
_CHARGER = IdField("charger", 0, 0, CHARGER)

MESSAGES: Final = [
    MessageType("command", "battery", _ID(fixed=0x1806, destination=_CHARGER, source=BATTERY), [
        uint("maximum_voltage", 0, 2, "V", per=10), uint("maximum_current", 2, 2, "A", per=10),
        word("control", 4, CONTROL), uint("mode", 5, 1, default=0),
    ], least=5),
    MessageType("status", "charger", _ID(fixed=0x18FF, destination=0x50, source=_CHARGER), [
        uint("voltage", 0, 2, "V", per=10), uint("current", 2, 2, "A", per=10), flags("flags", 4, 1, FLAGS),
    ], least=5),
]  # fmt: skip


def family() -> Family:
    """The codec. It has no profile."""
    return Family("elcon", "ELCON/TC", "manufacturer's note on CAN", MESSAGES, (250_000, 500_000))
