"""TonHe as a module speaks (V1.2): SAE J1939 identifiers, low octet first; it reports every 500 ms by itself."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from adapters.can.frame import Frame
from adapters.can.simulators.module import Module, Told, counts

SWITCH, SET, TIMING = 0x0803FFA0, 0x1004FFA0, 0x1805FFA0
ON = 0xAA


class Tonhe:
    """The protocol; see :class:`~adapters.can.simulators.module.Wording`."""

    first = 1
    report_ns = 500_000_000
    falls_back = False

    def hear(self, frame: Frame) -> Told | None:
        if not frame.extended:
            return None
        if frame.id == TIMING:
            return Told(range(1, 241), TIMING, answered=False)
        if frame.id == SWITCH and len(frame.data) >= 5:
            multiple, switch = frame.data[4] & 0xF, frame.data[3]
            return Told(_named(frame.data, multiple), SWITCH, switch=switch == ON, answered=False)
        if frame.id == SET and len(frame.data) == 8:
            volts, amperes = struct.unpack("<HH", frame.data[4:])
            named = _named(frame.data, frame.data[3] & 0xF)
            return Told(named, SET, volts=volts / 10, amperes=amperes / 100, answered=False)
        if frame.id & 0x1FFF00FF == 0x080600A0 and len(frame.data) >= 6:
            volts, amperes = struct.unpack("<HH", frame.data[2:6])
            to = frame.id >> 8 & 0xFF
            return Told([to], 6, switch=frame.data[0] == ON, volts=volts / 10, amperes=amperes / 100, answered=False)
        return None

    def answer(self, told: Told, module: Module) -> Iterable[Frame]:
        return ()

    def report(self, module: Module) -> Iterable[Frame]:
        state = 0x11 if module.alarms else int(module.delivers)
        volts, amperes = counts(module.voltage, 10, 0xFFFF), counts(module.current, 100, 0xFFFF)
        yield Frame(0x1801A000 | module.address, struct.pack("<BHHHx", state, volts, amperes, 0))
        inlet = counts(module.temperature, 10, 0x7FFF)
        yield Frame(0x180BA000 | module.address, struct.pack("<HHHH", 2300, 2300, 2300, inlet))


def _named(data: bytes, multiple: int) -> list[int]:
    mask = int.from_bytes(data[:3], "little")
    return [24 * multiple + place + 1 for place in range(24) if mask >> place & 1]
