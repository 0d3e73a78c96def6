"""What the power stage of the 56 to 85.5 V light-vehicle charger tells of its terminals by itself, 250 kbit/s.

00433F01: volts and amperes at the terminals, two floats, high octet first; 00473F01: whether it charges. Source: public
MicroOCPP-based firmware of that charger. Its earlier versions divide the current by 10, later ones do not: a parameter.
"""

from __future__ import annotations

from typing import Final

from adapters.can.table import Family, MessageType, exactly, real, within, word

CHARGING: Final = {0x0301: "no", 0x0302: "yes"}


def family(*, current_divisor: float = 1) -> Family:
    """The codec. ``current_divisor``: what the current of the frame is divided by, 1 or 10. Raises ``ValueError``."""
    within("current_divisor", current_divisor, 0.001, 1000)
    messages = [
        MessageType("output", "charger", exactly(0x00433F01), [
            real("voltage", 0, "V"), real("current", 4, "A", per=current_divisor)
        ]),
        MessageType("state", "charger", exactly(0x00473F01), [word("charging", 6, CHARGING, octets=2)]),
    ]  # fmt: skip
    return Family("terminal", "light-vehicle charger terminals", "public firmware", messages, (250_000,))
