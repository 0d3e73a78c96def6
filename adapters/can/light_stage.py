"""The power stage of the light-vehicle charger as others see it on the bus, over the simulated power circuit.

It writes and reads its frames itself: what it says is not what the codecs make of it, so that the two can disagree.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from adapters.can.bus import ON_BUS, BusRole
from adapters.can.frame import Frame
from adapters.power.circuit import PowerCircuit
from adapters.power.simulated import OUTLET
from engine.adapter import Port, Setting, World

CONFIGURE: Final = 0x068181FE
QUERY: Final = 0x068182FE
CONFIRMED: Final = 0x0681817E
ANSWER: Final = 0x0681827E
TERMINALS: Final = 0x00433F01
STATE: Final = 0x00473F01
VOLTS, AMPERES, MILLIDEGREES = 0x184, 0x182, 0x180
ASKED: Final = (VOLTS, AMPERES, 0x179, MILLIDEGREES, 0x183)
"""What the firmware of the charger asks for; it makes nothing of 79 and 83."""


class SimulatedLightStage(BusRole):
    """Contract ``light_stage``: orders as events, reports from the power circuit."""

    contract = "light_stage"
    behind = "simulated"
    settings: ClassVar[Mapping[str, Setting]] = {
        **ON_BUS,
        **OUTLET,
        "current_scale": Setting("float", 1.0, "What it writes for one ampere at the terminals; older ones write 10"),
        "limit_scale": Setting("float", 30.5, "Counts of its current limit for one ampere"),
        "temperature": Setting("float degC", 30.0, "Of its boards"),
        "residual": Setting("float V/s", 1.0, "What its capacitors lose when it is off"),
        "stuck": Setting("bool", False, "Fault: it keeps delivering when told to stop"),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._circuit: PowerCircuit = world.shared(f"power circuit {self.config['outlet']}", PowerCircuit)

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return {"outlet": f"the supply of power circuit {config['outlet']!r}"}

    def open(self, port: Port) -> None:
        super().open(port)
        circuit = self._now()
        circuit.cable_loss_V_per_s = circuit.discharge_V_per_s = self.config["residual"]
        circuit.stuck = self.config["stuck"]

    def close(self) -> None:
        circuit = self._now()
        circuit.on, circuit.set_V, circuit.set_A = False, 0.0, 0.0
        super().close()

    def _now(self) -> PowerCircuit:
        self._circuit.advance(self.port.now_ns())
        return self._circuit

    def received(self, frame: Frame) -> None:
        if frame.id not in (CONFIGURE, QUERY) or len(frame.data) != 8:
            return
        signal, third, number = struct.unpack(">HxBI", frame.data)
        if frame.id == QUERY:
            if signal in ASKED:
                self.port.emit("asked", signal=signal)
            return
        match signal:
            case 0x100:
                self.port.emit("set_voltage", voltage=number / 1024)
            case 0x103:
                self.port.emit("set_current", current=number / self.config["limit_scale"])
            case 0x132:
                self.port.emit("switch", output=third == 0)

    def apply(self, *, voltage: float, current: float, output: bool) -> None:
        circuit = self._now()
        circuit.set_V, circuit.set_A = voltage, current
        circuit.on = output or (self.config["stuck"] and circuit.on)

    def confirm(self, *, signal: int) -> None:
        self.put(Frame(CONFIRMED, struct.pack(">HHI", signal, 0, 0)))

    def tell_terminals(self) -> None:
        circuit = self._now()
        amperes = circuit.output_A * self.config["current_scale"]
        self.put(Frame(TERMINALS, struct.pack(">ff", circuit.cable_V, amperes)))

    def tell_state(self, *, charging: bool) -> None:
        self.put(Frame(STATE, bytes((0, 0, 0, 0, 0, 0, 3, 2 if charging else 1))))

    def answer(self, *, signal: int) -> None:
        circuit = self._now()
        told = {
            VOLTS: round(circuit.output_V * 1024),
            AMPERES: min(round(circuit.output_A * 1024), 0xFFFF),  # 16 bits: no more than 64 A
            MILLIDEGREES: round(self.config["temperature"] * 1000),
        }
        self.put(Frame(ANSWER, struct.pack(">HHI", signal, 0, max(told.get(signal, 0), 0))))
