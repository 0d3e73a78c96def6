"""Infypower REG/BEG as a module speaks (V1.13): device 0A, controller F0, 3F for all, high octet first."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from adapters.can.frame import Frame
from adapters.can.simulators.module import ALL, Module, Told, bits, counts

PLACES = {
    "output_short": 0, "output_off": 8, "fault": 9, "protection": 10, "fan": 11, "overtemperature": 12,
    "output_overvoltage": 13, "communication": 15, "power_limited": 16, "address_twice": 17, "phase_lost": 19,
    "input_low": 21, "input_high": 22,
}  # fmt: skip


class Infy:
    """The protocol; see :class:`~adapters.can.simulators.module.Wording`."""

    first = 0
    report_ns = 0
    falls_back = False

    def hear(self, frame: Frame) -> Told | None:
        device, what, to, sender = frame.id >> 22 & 0xF, frame.id >> 16 & 0x3F, frame.id >> 8 & 0xFF, frame.id & 0xFF
        if not frame.extended or device != 0xA or sender != 0xF0 or len(frame.data) != 8:
            return None
        told = Told([ALL if to == 0x3F else to], what, frame.data)
        if what == 0x1A:
            return told._replace(switch=frame.data[0] == 0)
        if what == 0x1C:
            millivolts, milliamperes = struct.unpack(">II", frame.data)
            return told._replace(volts=millivolts / 1000, amperes=milliamperes / 1000)
        return told

    def answer(self, told: Told, module: Module) -> Iterable[Frame]:
        match told.what:
            case 0x03:
                data = struct.pack(">ff", module.voltage, module.current)
            case 0x04:
                off = 0 if module.delivers else 1 << PLACES["output_off"]
                state = (bits(module, PLACES) | off).to_bytes(3, "big")
                data = bytes([0, 0, 0, 0, round(module.temperature) & 0xFF]) + state
            case 0x09:
                data = struct.pack(">II", counts(module.voltage, 1000, 1 << 31), counts(module.current, 1000, 1 << 31))
            case 0x0A:
                limits = module.rated_V, module.least_V, module.rated_A * 10, module.rated_W / 10
                data = struct.pack(">HHHH", *(counts(value, 1, 0xFFFF) for value in limits))
            case 0x0B:
                data = b"A" + (0x26_1130).to_bytes(3, "big") + (module.serial & 0xFFFFFFFF).to_bytes(4, "big")
            case 0x1A | 0x1C:
                data = told.data
            case _:
                return
        yield Frame(0xA << 22 | told.what << 16 | 0xF0 << 8 | module.address, data)

    def report(self, module: Module) -> Iterable[Frame]:
        return ()
