"""Huawei R-series as a module speaks: signals of 4 octets, volts and amperes times 1024; address 0 is for all."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from adapters.can.frame import Frame
from adapters.can.simulators.module import ALL, Module, Told, counts

PROTOCOL = 0x0D
REALTIME, IDENTITY, CONTROL = 0x40, 0x50, 0x80


class Huawei:
    """The protocol; see :class:`~adapters.can.simulators.module.Wording`."""

    first = 1
    report_ns = 0
    falls_back = True

    def hear(self, frame: Frame) -> Told | None:
        message = frame.id >> 8 & 0xFF
        if not frame.extended or frame.id >> 23 != PROTOCOL or not frame.id & 0x80 or len(frame.data) != 8:
            return None
        if message not in (REALTIME, IDENTITY, CONTROL):
            return None
        to, signal = frame.id >> 16 & 0x7F, (frame.data[0] & 0xF) << 8 | frame.data[1]
        told = Told([to or ALL], message << 12 | signal, frame.data, answered=to != 0)
        value = struct.unpack(">I", frame.data[4:])[0]
        if message != CONTROL:
            return told
        if signal == 0x100:
            return told._replace(volts=value / 1024)
        if signal == 0x10F:
            return told._replace(amperes=value / 1024)
        if signal == 0x101:
            return told._replace(stored_volts=value / 1024)
        if signal == 0x110:
            return told._replace(stored_amperes=value / 1024)
        if signal == 0x132:
            return told._replace(switch=frame.data[3] == 0)
        return told

    def answer(self, told: Told, module: Module) -> Iterable[Frame]:
        message = told.what >> 12
        head = PROTOCOL << 23 | module.address << 16 | message << 8
        if message == CONTROL:
            yield Frame(head, told.data)
            return
        if message == IDENTITY:
            yield Frame(head, struct.pack(">HHI", 0x002, 0x2611, module.serial & 0xFFFFFFFF))
            return
        asked = struct.unpack(">I", told.data[4:])[0]
        output = counts(module.current, 10, 0xFFFF) << 16 | counts(module.voltage, 10, 0xFFFF)
        told_of = {
            22: (0x191, output),
            12: (0x17F, counts(module.temperature, 1024, 0xFFFFFFFF)),
            16: (0x183, 1 if module.alarms else 0),
        }
        answers = [answer for bit, answer in told_of.items() if asked >> bit & 1]
        for number, (signal, value) in enumerate(answers):
            more = 1 if number + 1 < len(answers) else 0
            yield Frame(head | more, struct.pack(">HHI", signal, 0, value))

    def report(self, module: Module) -> Iterable[Frame]:
        return ()
