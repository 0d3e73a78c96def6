"""Maxwell MXR and Winline as a module speaks (V1.50): registers, floats, high octet first."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from adapters.can.frame import Frame
from adapters.can.simulators.module import ALL, Module, Told, bits

PLACES = {
    "fault": 0, "protection": 1, "output_overvoltage": 31, "overtemperature": 30, "output_short": 28, "fan": 27,
    "input_limited": 25, "derated": 24, "power_limited": 23, "communication": 16, "input_low": 14, "input_high": 9,
}  # fmt: skip
OUTPUT_OFF = 1 << 22
FLOATS = {0x0001, 0x0002, 0x0004, 0x0011, 0x0012, 0x0021, 0x0022}


class Maxwell:
    """The protocol; see :class:`~adapters.can.simulators.module.Wording`."""

    first = 0
    report_ns = 0
    falls_back = False

    def hear(self, frame: Frame) -> Told | None:
        protocol, to, sender = frame.id >> 20, frame.id >> 11 & 0xFF, frame.id >> 3 & 0xFF
        if not frame.extended or protocol != 0x060 or sender != 0xF0 or len(frame.data) != 8:
            return None
        kind, register = frame.data[0], frame.data[2] << 8 | frame.data[3]
        told = Told([ALL if to == 0xFF else to], register, frame.data)
        if kind == 0x10:
            return told
        if kind != 0x03:
            return None
        if register == 0x0021:
            return told._replace(volts=struct.unpack(">f", frame.data[4:])[0])
        if register == 0x0022:
            return told._replace(fraction=struct.unpack(">f", frame.data[4:])[0])
        if register == 0x001B:
            return told._replace(amperes=struct.unpack(">I", frame.data[4:])[0] / 1024)
        if register == 0x0030:
            return told._replace(switch=frame.data[4:] == bytes(4))
        return told

    def answer(self, told: Told, module: Module) -> Iterable[Frame]:
        if told.data[0] == 0x03:
            value = told.data[4:]
        else:
            off = 0 if module.delivers else OUTPUT_OFF
            known = {
                0x0001: module.voltage,
                0x0002: module.current,
                0x0004: module.temperature,
                0x0011: module.rated_W,
                0x0012: module.rated_A,
            }
            if told.what in known:
                value = struct.pack(">f", known[told.what])
            elif told.what in (0x0054, 0x0055):
                value = struct.pack(">I", module.serial & 0xFFFFFFFF if told.what == 0x0054 else 0x2611)
            elif told.what == 0x0040:
                value = struct.pack(">I", bits(module, PLACES) | off)
            else:
                yield self._frame(module, bytes([0x42, 0xF2]) + told.data[2:4] + bytes(4))
                return
        kind = 0x41 if told.what in FLOATS else 0x42
        yield self._frame(module, bytes([kind, 0xF0]) + told.data[2:4] + value)

    def _frame(self, module: Module, data: bytes) -> Frame:
        return Frame(0x060 << 20 | 1 << 19 | 0xF0 << 11 | module.address << 3, data)

    def report(self, module: Module) -> Iterable[Frame]:
        return ()
