"""Simulated power path, the station's side: supply, contacts, insulation monitor, bolt, meter, and what a
person has there: buttons, display, reader.

All of one ``outlet`` and the vehicle there (vehicle.py) share one :class:`~adapters.power.circuit.PowerCircuit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from adapters.pilot.cable import Cable, cable_of
from adapters.power.circuit import PowerCircuit
from adapters.power.register import REGISTER, Register
from adapters.settings import filled
from engine.adapter import Adapter, Cancellable, Port, Setting, World

MS = 1_000_000
S = 1_000_000_000
OUTLET: dict[str, Setting] = {
    "outlet": Setting("string", "1", "Name of the power circuit this is a part of", names="unit")
}


class Simulated(Adapter):
    """Base of the simulated adapters: settings that are left out have their defaults."""

    behind = "simulated"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)


class OnCircuit(Simulated):
    """Base of the adapters on one circuit: finds it, and advances it before it is used."""

    settings: ClassVar[Mapping[str, Setting]] = OUTLET

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        name = self.config["outlet"]
        self._circuit: PowerCircuit = world.shared(f"power circuit {name}", PowerCircuit)

    def now(self) -> PowerCircuit:
        """The circuit, advanced to the host's present time."""
        self._circuit.advance(self.port.now_ns())
        return self._circuit


class SimulatedSupply(OnCircuit):
    """A supply that follows its set points by the circuit's slew rates."""

    contract = "power_supply"

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return {"outlet": f"the supply of power circuit {config['outlet']!r}"}

    settings: ClassVar[Mapping[str, Setting]] = {
        **OUTLET,
        "maximum_voltage": Setting("float V", 500.0, "The most it can give"),
        "maximum_current": Setting("float A", 200.0, "The most it can give"),
        "maximum_power": Setting("float W", 90_000.0, "The most it can give"),
        "minimum_voltage": Setting("float V", 150.0, "The least it can regulate"),
        "minimum_current": Setting("float A", 0.0, "The least it can regulate"),
        "temperature": Setting("float degC", 35.0, "Of the connector"),
        "lone": Setting("bool", False, "The other end is not simulated here: the output takes its load for granted"),
        "shorted": Setting("bool", False, "Fault: the output is short-circuited"),
        "stuck": Setting("bool", False, "Fault: it does not follow its set points down"),
        "alarm_after": Setting("duration?", None, "Fault: an alarm this long after the start; none: no alarm"),
        "alarm": Setting(
            "enum(overvoltage, overcurrent, overtemperature, input, short_circuit, communication, other)",
            "other",
            "Code of that alarm",
        ),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self.maximum_voltage: float = self.config["maximum_voltage"]
        self.maximum_current: float = self.config["maximum_current"]
        self.maximum_power: float = self.config["maximum_power"]
        self.minimum_voltage: float = self.config["minimum_voltage"]
        self.minimum_current: float = self.config["minimum_current"]
        self.temperature: float = self.config["temperature"]

    def open(self, port: Port) -> None:
        super().open(port)
        circuit = self.now()
        circuit.shorted, circuit.stuck, circuit.lone = (self.config[key] for key in ("shorted", "stuck", "lone"))
        if self.config["alarm_after"] is not None:
            code = self.config["alarm"]
            port.call_later(
                self.config["alarm_after"], lambda: port.emit("alarm", code=code, text=f"{code} on purpose")
            )

    def close(self) -> None:
        circuit = self.now()
        circuit.on = False
        circuit.set_V = circuit.set_A = 0.0

    def set(self, *, voltage: float, current: float) -> None:
        """Set the set points (V, A), clipped to what the supply can do; its power limit (W) counts at the present
        voltage."""
        circuit = self.now()
        circuit.set_V = min(max(voltage, 0.0), self.maximum_voltage)
        power_A = self.maximum_power / max(circuit.output_V, 1.0)
        circuit.set_A = min(max(current, 0.0), self.maximum_current, power_A)

    def on(self) -> None:
        self.now().on = True

    def off(self) -> None:
        self.now().on = False

    @property
    def present_voltage(self) -> float:
        return self.now().output_V

    @property
    def present_current(self) -> float:
        return self.now().output_A

    @property
    def output_on(self) -> bool:
        return self._circuit.on


class SimulatedContacts(OnCircuit):
    """The contacts of the station's contactor; machines/simulated/contactor.yaml moves them."""

    contract = "contacts"

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return {"outlet": f"the contactor of power circuit {config['outlet']!r}"}

    settings: ClassVar[Mapping[str, Setting]] = {
        **OUTLET,
        "welded": Setting("bool", False, "Fault: they do not open"),
        "blocked": Setting("bool", False, "Fault: they do not close"),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self.welded: bool = self.config["welded"]
        self.blocked: bool = self.config["blocked"]

    def close(self) -> None:
        self.now().station_closed = False

    def move(self, *, closed: bool) -> None:
        """Close or open them, unless they are welded or blocked."""
        if not (self.blocked if closed else self.welded):
            self.put(closed)

    def put(self, closed: bool) -> None:
        """They are closed or open from now on, whoever moved them."""
        circuit = self.now()
        if circuit.station_closed != closed:
            circuit.station_closed = closed
            self.now()
            self.port.emit("closed" if closed else "opened")
            for watcher in circuit.watchers:
                watcher()

    @property
    def is_closed(self) -> bool:
        return self.now().station_closed


class SimulatedInsulationMonitor(Simulated):
    """An insulation monitor; ``resistance`` (kΩ) is what it measures."""

    contract = "insulation_monitor"
    settings: ClassVar[Mapping[str, Setting]] = {
        "resistance": Setting("float kOhm", 2_000.0, "The insulation"),
        "measure": Setting("duration", 1 * S, "Time for one measurement"),
        "self_test": Setting("duration", 500 * MS, "Time for a self test"),
        "self_test_passes": Setting("bool", True, "The monitor is in order"),
        "fault_after": Setting("duration?", None, "Fault: the insulation breaks this long after start; none: it holds"),
        "fault_resistance": Setting("float kOhm", 10.0, "The broken insulation"),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self.resistance: float = self.config["resistance"]

    def open(self, port: Port) -> None:
        super().open(port)
        self._running: Cancellable | None = None
        self._tests: dict[str, Cancellable] = {}
        self._fault_ns: int | None = self.config["fault_after"]

    def close(self) -> None:
        self.stop()

    def self_test(self, *, call_id: str) -> None:
        def tested() -> None:
            self._tests.pop(call_id, None)
            self.port.done(call_id, passed=self.config["self_test_passes"])

        self._tests[call_id] = self.port.call_later(self.config["self_test"], tested)

    def cancel_call(self, call_id: str) -> None:
        test = self._tests.pop(call_id, None)
        if test:
            test.cancel()

    def start(self) -> None:
        if self._running is None:
            self._running = self.port.call_later(self.config["measure"], self._measured)
            if self._fault_ns is not None:
                self.port.call_later(self._fault_ns, self._break)
                self._fault_ns = None

    def stop(self) -> None:
        if self._running:
            self._running.cancel()
            self._running = None

    def _break(self) -> None:
        self.resistance = self.config["fault_resistance"]

    def _measured(self) -> None:
        self._running = self.port.call_later(self.config["measure"], self._measured)
        self.port.emit("measured", resistance=self.resistance)


class SimulatedBolt(OnCircuit):
    """The bolt of the connector lock; machines/simulated/lock.yaml moves it."""

    contract = "bolt"
    settings: ClassVar[Mapping[str, Setting]] = {
        **OUTLET,
        "stuck": Setting("bool", False, "Fault: it does not lock"),
        "touch_voltage": Setting("float V", 60.0, "It is not released by close while the output is at more than this"),
    }
    is_locked = False

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self.stuck: bool = self.config["stuck"]

    def close(self) -> None:
        if self.now().touch_V < self.config["touch_voltage"]:
            self.is_locked = False

    def move(self, *, locked: bool) -> None:
        """Lock or unlock, unless it is stuck."""
        if not (locked and self.stuck):
            self.put(locked)

    def put(self, locked: bool) -> None:
        """It is in the connector or out of it from now on, whoever moved it."""
        if self.is_locked != locked:
            self.is_locked = locked
            self.port.emit("locked" if locked else "unlocked")


class SimulatedMeter(OnCircuit):
    """The meter of the output. Its voltage is the connector's, behind the station's contactor: it sees what a vehicle
    puts there, and the supply while that is closed."""

    contract = "meter"
    settings: ClassVar[Mapping[str, Setting]] = {**OUTLET, **REGISTER}

    def open(self, port: Port) -> None:
        """Raises ``ConfigurationError`` for a register that cannot be kept."""
        super().open(port)
        self._register = Register(self.config)
        self._circuit.energy_Wh = self._register.energy_Wh

    def now(self) -> PowerCircuit:
        circuit = super().now()
        self._register.keep(circuit.energy_Wh)
        return circuit

    @property
    def energy(self) -> float:
        return self.now().energy_Wh

    @property
    def voltage(self) -> float:
        return self.now().cable_V

    @property
    def current(self) -> float:
        return self.now().output_A

    @property
    def power(self) -> float:
        circuit = self.now()
        return circuit.output_V * circuit.output_A


_PRESSED = ("stop_pressed", "emergency_stop", "emergency_released", "reset_pressed")


class SimulatedButton(Simulated):
    """The buttons of the station."""

    contract = "button"
    settings: ClassVar[Mapping[str, Setting]] = {
        f"{event}_after": Setting("duration?", None, f"When after the start {event} comes; none: never")
        for event in _PRESSED
    }

    def open(self, port: Port) -> None:
        super().open(port)
        for event in _PRESSED:
            if self.config[f"{event}_after"] is not None:
                port.call_later(self.config[f"{event}_after"], partial(port.emit, event))


class SimulatedDisplay(Simulated):
    """The display of the station. :attr:`text` is the line it shows."""

    contract = "display"
    text: str = ""

    def show(self, *, text: str) -> None:
        self.text = text


class SimulatedReader(Simulated):
    """The reader of the station. :attr:`accepted` is what it was last told of a card."""

    contract = "reader"
    settings: ClassVar[Mapping[str, Setting]] = {
        "token": Setting("string", "", "The card that is shown"),
        "token_after": Setting("duration?", None, "When after the start it is shown; none: never"),
        "token_plugged": Setting("duration?", None, "How long after each plugging in it is shown; none: never"),
        "cable": Setting("string", "1", "Name of the charging cable", names="unit"),
        "authorised_after": Setting("duration?", None, "When after the start it lets who is here charge; none: never"),
        "refused_after": Setting("duration?", None, "When after the start it does not; none: never"),
    }
    accepted: bool | None = None
    _cable: Cable | None = None

    def open(self, port: Port) -> None:
        super().open(port)
        comes = {
            "token": partial(port.emit, "token", id=self.config["token"]),
            "authorised": partial(port.emit, "authorised"),
            "refused": partial(port.emit, "refused", reason=""),
        }
        for event, emit in comes.items():
            if self.config[f"{event}_after"] is not None:
                port.call_later(self.config[f"{event}_after"], emit)
        if self.config["token_plugged"] is not None:
            self._cable = cable_of(self.world, self.config["cable"])
            self._was_plugged = self._cable.plugged
            self._cable.watch(self._look)

    def close(self) -> None:
        if self._cable is not None:
            self._cable.unwatch(self._look)
        super().close()

    def _look(self) -> None:
        assert self._cable is not None
        plugged, self._was_plugged = self._cable.plugged and not self._was_plugged, self._cable.plugged
        if plugged:
            self.port.call_later(
                self.config["token_plugged"], partial(self.port.emit, "token", id=self.config["token"])
            )

    def result(self, *, accepted: bool) -> None:
        self.accepted = accepted
