"""Simulated parts of an AC outlet: meter, phase switch, residual current, proximity, fan, breaker, light, chance.

All of one ``outlet`` and the vehicle there (vehicle.py) share one :class:`~adapters.ac.circuit.AcCircuit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from adapters.ac.circuit import AcCircuit, ac_circuit_of
from adapters.pilot.cable import Cable, cable_of
from adapters.power.register import REGISTER, Register
from adapters.power.simulated import MS, OUTLET, Simulated
from engine.adapter import Cancellable, Port, Setting, World

OPEN_OHM: Final = 1e6
"""What a proximity contact without a plug has, as measured."""
CODING_OHM: Final = {0.0: OPEN_OHM, 13.0: 1500.0, 20.0: 680.0, 32.0: 220.0, 63.0: 100.0}
"""Rating of a cable (A) and the resistor in its plug, IEC 61851-1 Table B.2; 0: none."""


class OnAcCircuit(Simulated):
    """Base of the adapters on one circuit: finds it, and advances it before it is used."""

    settings: ClassVar[Mapping[str, Setting]] = OUTLET

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._circuit: AcCircuit = ac_circuit_of(world, self.config["outlet"])

    def now(self) -> AcCircuit:
        """The circuit, advanced to the host's present time."""
        self._circuit.advance(self.port.now_ns())
        return self._circuit


class SimulatedAcMeter(OnAcCircuit):
    """The meter behind the contactor."""

    contract = "ac_meter"
    settings: ClassVar[Mapping[str, Setting]] = {**OUTLET, **REGISTER}

    def open(self, port: Port) -> None:
        """Raises ``ConfigurationError`` for a register that cannot be kept."""
        super().open(port)
        self._register = Register(self.config)
        self._circuit.energy_Wh = self._register.energy_Wh

    def now(self) -> AcCircuit:
        circuit = super().now()
        self._register.keep(circuit.energy_Wh)
        return circuit

    @property
    def energy(self) -> float:
        return self.now().energy_Wh

    @property
    def power(self) -> float:
        return self.now().power_W

    @property
    def current_L1(self) -> float:
        return self.now().current_of(1)

    @property
    def current_L2(self) -> float:
        return self.now().current_of(2)

    @property
    def current_L3(self) -> float:
        return self.now().current_of(3)

    @property
    def voltage_L1(self) -> float:
        return self.now().voltage_of(1)

    @property
    def voltage_L2(self) -> float:
        return self.now().voltage_of(2)

    @property
    def voltage_L3(self) -> float:
        return self.now().voltage_of(3)


class SimulatedPhaseSwitch(OnAcCircuit):
    """What connects one phase or three."""

    contract = "phase_switch"
    settings: ClassVar[Mapping[str, Setting]] = {
        **OUTLET,
        "count": Setting("int", 3, "Phases that are connected at the start"),
        "move": Setting("duration", 100 * MS, "From the order to the feedback"),
        "stuck": Setting("bool", False, "Fault: it does not move"),
    }

    @classmethod
    def refuses(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        count = config["count"]
        return {} if 1 <= count <= 3 else {"count": f"1 to 3 phases are connected, not {count}"}

    def open(self, port: Port) -> None:
        super().open(port)
        self._circuit.phases = self.config["count"]

    def set(self, *, count: int) -> None:
        """Connect so many phases."""
        if not self.config["stuck"]:
            self.port.call_later(self.config["move"], lambda: self._moved(count))

    def _moved(self, count: int) -> None:
        self.now().phases = count
        self.port.emit("switched")

    @property
    def count(self) -> int:
        return self._circuit.phases


class SimulatedResidualCurrent(Simulated):
    """A residual current device."""

    contract = "residual_current"
    settings: ClassVar[Mapping[str, Setting]] = {
        "test": Setting("duration", 200 * MS, "Time for a self test"),
        "test_passes": Setting("bool", True, "The device is in order"),
        "trip_after": Setting("duration?", None, "Fault: a residual current this long after the start; none: never"),
        "kind": Setting("enum(ac, dc, self)", "dc", "Of which kind"),
    }
    is_tripped = False

    def open(self, port: Port) -> None:
        super().open(port)
        self._tests: dict[str, Cancellable] = {}
        if self.config["trip_after"] is not None:
            port.call_later(self.config["trip_after"], self._trip)

    def self_test(self, *, call_id: str) -> None:
        def tested() -> None:
            self._tests.pop(call_id, None)
            self.port.done(call_id, passed=self.config["test_passes"])

        self._tests[call_id] = self.port.call_later(self.config["test"], tested)

    def cancel_call(self, call_id: str) -> None:
        test = self._tests.pop(call_id, None)
        if test:
            test.cancel()

    def reset(self) -> None:
        self.is_tripped = False

    def _trip(self) -> None:
        self.is_tripped = True
        self.port.emit("tripped", kind=self.config["kind"])


class SimulatedProximity(Simulated):
    """The proximity contact: a cable of a rating, while it is plugged in."""

    contract = "proximity"
    settings: ClassVar[Mapping[str, Setting]] = {
        "cable": Setting("string", "1", "Name of the charging cable", names="unit"),
        "rating": Setting("float A", 32.0, "What the cable bears: 13, 20, 32 or 63 A; 0: it has no resistor"),
        "shorted": Setting("bool", False, "Fault: the contact is shorted"),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._cable: Cable = cable_of(world, self.config["cable"])
        self._reported = OPEN_OHM

    def open(self, port: Port) -> None:
        super().open(port)
        self._cable.watch(self._look)

    def close(self) -> None:
        self._cable.unwatch(self._look)

    @property
    def resistance(self) -> float:
        if not self._cable.plugged:
            return OPEN_OHM
        return 0.0 if self.config["shorted"] else CODING_OHM.get(self.config["rating"], OPEN_OHM)

    def _look(self) -> None:
        if self.resistance != self._reported:
            self._reported = self.resistance
            self.port.emit("changed", resistance=self._reported)


class SimulatedVentilation(Simulated):
    """A fan with a flow sensor."""

    contract = "ventilation"
    settings: ClassVar[Mapping[str, Setting]] = {
        "start": Setting("duration", 1000 * MS, "From the order to the feedback"),
        "broken": Setting("bool", False, "Fault: it does not start"),
    }
    is_running = False

    def open(self, port: Port) -> None:
        super().open(port)
        self._starting: Cancellable | None = None

    def close(self) -> None:
        self.is_running = False

    def set(self, *, running: bool) -> None:
        if self._starting:
            self._starting.cancel()
            self._starting = None
        if running and not self.is_running and not self.config["broken"]:
            self._starting = self.port.call_later(self.config["start"], lambda: self._turn(True))
        elif not running and self.is_running:
            self._turn(False)

    def _turn(self, running: bool) -> None:
        self.is_running = running
        self.port.emit("started" if running else "stopped")


class SimulatedBreaker(OnAcCircuit):
    """The breaker before the outlet."""

    contract = "upstream_breaker"

    def trip(self) -> None:
        circuit = self.now()
        circuit.mains_V = circuit.power.mains_V = 0.0


class SimulatedIndicator(Simulated):
    """A light. :attr:`state` is what ``show`` was given last."""

    contract = "indicator"
    settings: ClassVar[Mapping[str, Setting]] = OUTLET
    state: str = ""

    def show(self, *, state: str) -> None:
        self.state = state
