"""Simulated power path: supply, contactor, insulation monitor, lock, meter at the station; battery and driver at the
vehicle. All of one ``outlet`` (setting, default "1") share one :class:`~adapters.power.circuit.PowerCircuit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.pilot.cable import cable_of
from adapters.power.circuit import PowerCircuit
from adapters.settings import flag, number, text
from engine.adapter import Adapter, Cancellable, Port, World

MS = 1_000_000


class _OnCircuit(Adapter):
    """What all parts of a circuit share: finding it, and looking at it now."""

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        name = text(config, "outlet", "1")
        self._circuit: PowerCircuit = world.shared(f"power circuit {name}", PowerCircuit)

    def now(self) -> PowerCircuit:
        """The circuit at the present time of the host's clock."""
        self._circuit.advance(self.port.now_ns())
        return self._circuit


class SimulatedSupply(_OnCircuit):
    """Settings: ``maximum_voltage``, ``maximum_current``, ``maximum_power``, ``minimum_voltage``, ``minimum_current``
    (V, A, W), ``temperature`` (°C), ``alarm_after_ms`` and ``alarm`` (code) to fail on purpose."""

    contract = "power_supply"
    maximum_voltage = 500.0
    maximum_current = 200.0
    maximum_power = 90_000.0
    minimum_voltage = 150.0
    minimum_current = 0.0
    temperature = 35.0

    def open(self, port: Port) -> None:
        super().open(port)
        self.maximum_voltage = number(self.config, "maximum_voltage", self.maximum_voltage)
        self.maximum_current = number(self.config, "maximum_current", self.maximum_current)
        self.maximum_power = number(self.config, "maximum_power", self.maximum_power)
        self.minimum_voltage = number(self.config, "minimum_voltage", self.minimum_voltage)
        self.minimum_current = number(self.config, "minimum_current", self.minimum_current)
        self.temperature = number(self.config, "temperature", self.temperature)
        self.now().shorted = flag(self.config, "shorted", False)
        self.now().stuck = flag(self.config, "stuck", False)
        self.now().lone = flag(self.config, "lone", False)
        after_ms = number(self.config, "alarm_after_ms", -1.0)
        if after_ms >= 0.0:
            code = text(self.config, "alarm", "other")
            port.call_later(round(after_ms * MS), lambda: port.emit("alarm", code=code, text=f"{code} on purpose"))

    def close(self) -> None:
        circuit = self.now()
        circuit.on = False
        circuit.set_V = circuit.set_A = 0.0

    def set(self, *, voltage: float, current: float) -> None:
        """New set points, clipped to what the supply can do (W by the present voltage)."""
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


class SimulatedContactor(_OnCircuit):
    """Settings: ``delay_ms`` (20), ``dead_man_ms`` (500), ``welded`` (false), ``blocked`` (false: never closes)."""

    contract = "contactor"

    def open(self, port: Port) -> None:
        super().open(port)
        self._delay_ns = round(number(self.config, "delay_ms", 20.0) * MS)
        self._dead_man_ns = round(number(self.config, "dead_man_ms", 500.0) * MS)
        self._welded = flag(self.config, "welded", False)
        self._blocked = flag(self.config, "blocked", False)
        self._moving: Cancellable | None = None
        self._alive_until_ns = 0
        self._watching = False

    def close(self) -> None:
        self.now().station_closed = False

    def set(self, *, closed: bool) -> None:
        """Start to move; ``closed`` or ``opened`` follows."""
        if self._moving:
            self._moving.cancel()
        self._moving = self.port.call_later(self._delay_ns, lambda: self._moved(closed))
        if closed:
            self.keep_alive()

    def keep_alive(self) -> None:
        self._alive_until_ns = self.port.now_ns() + self._dead_man_ns

    @property
    def is_closed(self) -> bool:
        return self.now().station_closed

    def _moved(self, closed: bool) -> None:
        self._moving = None
        circuit = self.now()
        if (closed and self._blocked) or (not closed and self._welded) or circuit.station_closed == closed:
            return
        circuit.station_closed = closed
        self.now()
        self.port.emit("closed" if closed else "opened")
        if closed and not self._watching:
            self._watching = True
            self._watch()

    def _watch(self) -> None:
        if not self._circuit.station_closed:
            self._watching = False
        elif self.port.now_ns() >= self._alive_until_ns:
            self._watching = False
            self._moved(False)
        else:
            self.port.call_later(self._alive_until_ns - self.port.now_ns(), self._watch)


class SimulatedInsulationMonitor(Adapter):
    """Settings: ``resistance`` (kΩ, 2000), ``self_test_passes`` (true), ``self_test_ms`` (500), ``measure_ms`` (1000),
    ``fault_after_ms`` and ``fault_resistance`` (kΩ): the insulation breaks this long after the first measurement."""

    contract = "insulation_monitor"
    resistance = 2_000.0

    def open(self, port: Port) -> None:
        super().open(port)
        self.resistance = number(self.config, "resistance", self.resistance)
        self._measure_ns = round(number(self.config, "measure_ms", 1_000.0) * MS)
        self._running: Cancellable | None = None
        self._tests: dict[str, Cancellable] = {}
        self._fault_ms = number(self.config, "fault_after_ms", -1.0)

    def close(self) -> None:
        self.stop()

    def self_test(self, *, call_id: str) -> None:
        passed = flag(self.config, "self_test_passes", True)

        def tested() -> None:
            self._tests.pop(call_id, None)
            self.port.done(call_id, passed=passed)

        self._tests[call_id] = self.port.call_later(round(number(self.config, "self_test_ms", 500.0) * MS), tested)

    def cancel_call(self, call_id: str) -> None:
        test = self._tests.pop(call_id, None)
        if test:
            test.cancel()

    def start(self) -> None:
        if self._running is None:
            self._running = self.port.call_later(self._measure_ns, self._measured)
            if self._fault_ms >= 0.0:
                self.port.call_later(round(self._fault_ms * MS), self._break)
                self._fault_ms = -1.0

    def stop(self) -> None:
        if self._running:
            self._running.cancel()
            self._running = None

    def _break(self) -> None:
        self.resistance = number(self.config, "fault_resistance", 10.0)

    def _measured(self) -> None:
        self._running = self.port.call_later(self._measure_ns, self._measured)
        self.port.emit("measured", resistance=self.resistance)


class SimulatedLock(Adapter):
    """Settings: ``delay_ms`` (200), ``stuck`` (false: never locks)."""

    contract = "connector_lock"
    is_locked = False

    def open(self, port: Port) -> None:
        super().open(port)
        self.is_locked = False

    def close(self) -> None:
        self.is_locked = False

    def lock(self) -> None:
        if not flag(self.config, "stuck", False):
            self._move(True)

    def unlock(self) -> None:
        self._move(False)

    def _move(self, locked: bool) -> None:
        def moved() -> None:
            if self.is_locked != locked:
                self.is_locked = locked
                self.port.emit("locked" if locked else "unlocked")

        self.port.call_later(round(number(self.config, "delay_ms", 200.0) * MS), moved)


class SimulatedMeter(_OnCircuit):
    """The meter of the output: reads the circuit."""

    contract = "meter"

    @property
    def energy(self) -> float:
        return self.now().energy_Wh

    @property
    def voltage(self) -> float:
        return self.now().output_V

    @property
    def current(self) -> float:
        return self.now().output_A

    @property
    def power(self) -> float:
        circuit = self.now()
        return circuit.output_V * circuit.output_A


class SimulatedBattery(_OnCircuit):
    """The vehicle's battery. Settings: ``soc`` (%), ``capacity`` (Wh), ``empty_voltage``, ``full_voltage``,
    ``maximum_voltage`` (V), ``maximum_current`` (A), ``maximum_power`` (W), ``contactor_ms`` (50), ``lock_ms`` (300),
    ``contactors_blocked`` (false)."""

    contract = "traction_battery"

    def open(self, port: Port) -> None:
        super().open(port)
        battery = self._circuit.battery
        battery.soc_percent = number(self.config, "soc", battery.soc_percent)
        battery.capacity_Wh = number(self.config, "capacity", battery.capacity_Wh)
        battery.empty_V = number(self.config, "empty_voltage", battery.empty_V)
        battery.full_V = number(self.config, "full_voltage", battery.full_V)
        battery.maximum_V = number(self.config, "maximum_voltage", battery.maximum_V)
        battery.maximum_A = number(self.config, "maximum_current", battery.maximum_A)
        battery.maximum_W = number(self.config, "maximum_power", battery.maximum_W)
        self._contactor_ns = round(number(self.config, "contactor_ms", 50.0) * MS)
        self._full = False
        self._lone = flag(self.config, "lone", False)
        self._reported_V = self._charged_A = 0.0
        self._charged_ns = 0
        self.now().has_vehicle = True

    def close(self) -> None:
        circuit = self.now()
        circuit.vehicle_closed = False
        circuit.has_vehicle = False

    def close_contactors(self) -> None:
        if not flag(self.config, "contactors_blocked", False):
            self._move(True)

    def open_contactors(self) -> None:
        self._move(False)

    def note_station(self, *, voltage: float, current: float) -> None:
        """Believed only without a simulated station (setting ``lone``)."""
        if self._lone:
            self._reported_V = voltage
            self._charge(current)

    def lock_inlet(self) -> None:
        self._later("lock_ms", 300.0, "inlet_locked")

    def unlock_inlet(self) -> None:
        self._later("lock_ms", 300.0, "inlet_unlocked")

    def _charge(self, current_A: float) -> None:
        """Charge by what the station said last, until now."""
        now_ns = self.port.now_ns()
        if self._circuit.vehicle_closed and self._charged_ns:
            hours = (now_ns - self._charged_ns) / 3_600_000_000_000
            battery = self._circuit.battery
            energy_Wh = battery.open_circuit_V * self._charged_A * hours
            battery.soc_percent = min(100.0, battery.soc_percent + 100.0 * energy_Wh / battery.capacity_Wh)
        self._charged_A, self._charged_ns = current_A, now_ns

    def _later(self, setting: str, default_ms: float, event: str) -> None:
        self.port.call_later(round(number(self.config, setting, default_ms) * MS), lambda: self.port.emit(event))

    def _move(self, closed: bool) -> None:
        def moved() -> None:
            circuit = self.now()
            if circuit.vehicle_closed != closed:
                circuit.vehicle_closed = closed
                self.now()
                self.port.emit("contactors_closed" if closed else "contactors_opened")

        self.port.call_later(self._contactor_ns, moved)

    @property
    def soc(self) -> float:
        battery = self.now().battery
        if battery.soc_percent >= 100.0 and not self._full:
            self._full = True
            self.port.call_later(0, lambda: self.port.emit("full"))
        return battery.soc_percent

    @property
    def voltage(self) -> float:
        return self.now().battery.open_circuit_V

    @property
    def inlet_voltage(self) -> float:
        return self._reported_V if self._lone else self.now().cable_V

    @property
    def current(self) -> float:
        return self._charged_A if self._lone else self.now().output_A

    @property
    def target_voltage(self) -> float:
        return self._circuit.battery.maximum_V

    @property
    def target_current(self) -> float:
        return self.now().battery.target_A

    @property
    def maximum_voltage(self) -> float:
        return self._circuit.battery.maximum_V

    @property
    def maximum_current(self) -> float:
        return self._circuit.battery.maximum_A

    @property
    def maximum_power(self) -> float:
        return self._circuit.battery.maximum_W

    @property
    def capacity(self) -> float:
        return self._circuit.battery.capacity_Wh


class SimulatedDriver(_OnCircuit):
    """The hand at the plug. Settings: ``cable`` (as the pilot's), ``stop_after_ms`` (-1: never), ``back_after_ms`` (-1:
    never): so long after unplugging it plugs in again, having driven its charge down to what it first came with."""

    contract = "driver"

    def open(self, port: Port) -> None:
        super().open(port)
        self._back_ms = number(self.config, "back_after_ms", -1.0)
        self._first_soc_percent = self.now().battery.soc_percent
        port.call_later(0, self._arrive)  # when the battery has its settings
        after_ms = number(self.config, "stop_after_ms", -1.0)
        if after_ms >= 0.0:
            port.call_later(round(after_ms * MS), lambda: port.emit("stop_pressed"))

    def plug_in(self) -> None:
        cable_of(self.world, text(self.config, "cable", "1")).plug(self.port)

    def unplug(self) -> None:
        cable_of(self.world, text(self.config, "cable", "1")).unplug(self.port)
        if self._back_ms >= 0.0:
            self.port.call_later(round(self._back_ms * MS), self._come_back)

    def _come_back(self) -> None:
        self.now().battery.soc_percent = self._first_soc_percent
        self.plug_in()

    def _arrive(self) -> None:
        self._first_soc_percent = self.now().battery.soc_percent


class SimulatedOperator(Adapter):
    """The person at the station. ``show`` keeps the last line in :attr:`text`. Settings: ``<event>_after_ms`` for
    ``stop_pressed``, ``emergency_stop``, ``emergency_released``, ``reset_pressed``, ``authorised``, ``rejected``;
    ``token`` and ``token_after_ms``."""

    contract = "operator"
    text: str = ""

    def open(self, port: Port) -> None:
        super().open(port)
        for event in (
            "stop_pressed",
            "emergency_stop",
            "emergency_released",
            "reset_pressed",
            "authorised",
            "rejected",
        ):
            after_ms = number(self.config, f"{event}_after_ms", -1.0)
            if after_ms >= 0.0:
                port.call_later(round(after_ms * MS), lambda event=event: port.emit(event))  # type: ignore[misc]
        after_ms = number(self.config, "token_after_ms", -1.0)
        if after_ms >= 0.0:
            token = str(self.config.get("token", ""))
            port.call_later(round(after_ms * MS), lambda: port.emit("token", id=token))

    def show(self, *, text: str) -> None:
        self.text = text
