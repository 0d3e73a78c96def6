"""UUGreenPower and Maxwell ENR as a module speaks (36.2): mV, mA and m°C, high octet first; address 0 is for all and is
not answered."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from adapters.can.frame import Frame
from adapters.can.simulators.module import ALL, Module, Told, bits, counts

PLACES = {
    "input_high": 0, "input_low": 1, "output_overvoltage": 6, "fan": 9, "overtemperature": 16, "pfc": 20, "fault": 21,
    "input_limited": 22, "derated": 23, "address_twice": 29, "output_short": 30,
}  # fmt: skip
OUTPUT_OFF = 1 << 25
DAY = 17
SET, READ, SET_ALL = 0, 2, 11


class Uu:
    """The protocol; see :class:`~adapters.can.simulators.module.Wording`."""

    first = 1
    report_ns = 0
    falls_back = False

    def hear(self, frame: Frame) -> Told | None:
        kind = frame.data[0] & 0xF if len(frame.data) == 8 else None
        if not frame.extended or frame.id >> 25 != 1 or kind not in (SET, READ, SET_ALL):
            return None
        to, what = frame.id >> 14 & 0x7F, frame.data[1]
        told = Told([to or ALL], what, frame.data, answered=to != 0)
        if kind == READ:
            return told
        if kind == SET_ALL:
            amperes, _, volts = struct.unpack(">HHH", frame.data[2:])
            return told._replace(switch=what & 3 in (0, 2), volts=volts / 10, amperes=amperes / 10)
        value = struct.unpack(">I", frame.data[4:])[0]
        if what == 2:
            return told._replace(volts=value / 1000)
        if what == 3:
            return told._replace(amperes=value / 1000)
        if what == 4:
            return told._replace(switch=value == 0)
        return told

    def answer(self, told: Told, module: Module) -> Iterable[Frame]:
        group = told.data[0] & 0xF0
        head = 1 << 25 | 1 << 21 | module.address << 14 | DAY << 9 | module.serial & 0x1FF
        if told.data[0] & 0xF in (SET, SET_ALL):
            yield Frame(head, bytes([group | (told.data[0] & 0xF) + 1, *told.data[1:]]))
            return
        off = 0 if module.delivers else OUTPUT_OFF
        known = {
            0: counts(module.voltage, 1000, 0xFFFFFFFF),
            1: counts(module.current, 1000, 0xFFFFFFFF),
            8: bits(module, PLACES) | off,
            30: round(module.temperature * 1000) & 0xFFFFFFFF,
            104: counts(module.rated_A * module.part, 1000, 0xFFFFFFFF),
        }
        if told.what in known:
            yield Frame(head, bytes([group | 3, told.what, 0, 0]) + struct.pack(">I", known[told.what]))

    def report(self, module: Module) -> Iterable[Frame]:
        return ()
