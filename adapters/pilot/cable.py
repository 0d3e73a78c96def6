"""A simulated charging cable: its pilot circuit, whether it is plugged in, and who is told of changes.

One per cable name and system (:func:`cable_of`); the pilot adapters of both sides and the power line share it.
"""

from __future__ import annotations

from collections.abc import Callable

from adapters.pilot.circuit import Load, PilotCircuit
from engine.adapter import Cancellable, Port, World

BOUNCES = 5
"""How often a bouncing contact opens and closes before it rests."""


class Cable:
    """``plugged`` is where the hand has put the plug; the contact in ``circuit`` may still bounce. ``bounce_ns`` is how
    long."""

    def __init__(self) -> None:
        self.circuit = PilotCircuit()
        self.plugged = True
        self.bounce_ns = 0
        self._watchers: list[Callable[[], None]] = []
        self._bouncing: list[Cancellable] = []
        self._has_vehicle = False

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call ``watcher`` after every change."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Callable[[], None]) -> None:
        """Stop calling ``watcher``."""
        if watcher in self._watchers:
            self._watchers.remove(watcher)

    def bring_vehicle(self) -> None:
        """Put a vehicle with a pilot at the cable, not plugged in yet."""
        self._has_vehicle = True
        self.plugged = False
        self.circuit.connected = False
        self.changed()

    def plug(self, port: Port) -> None:
        """Plug in; ``port`` gives the clock for the bounces."""
        self._move(port, True)

    def unplug(self, port: Port) -> None:
        """Pull the plug; ``port`` gives the clock for the bounces."""
        self._move(port, False)

    def set_duty(self, duty_percent: float) -> None:
        """Set the EVSE's source: 100 is steady +12 V, 0 steady −12 V, PWM in between."""
        self.circuit.duty_percent = duty_percent
        self.changed()

    def set_load(self, load: Load) -> None:
        """Set the vehicle's resistance."""
        self.circuit.load = load
        self.changed()

    def changed(self) -> None:
        """Call every watcher; needed after setting a fault in ``circuit.faults``."""
        for watcher in list(self._watchers):
            watcher()

    def _move(self, port: Port, plugged: bool) -> None:
        for call in self._bouncing:
            call.cancel()
        self._bouncing = []
        self.plugged = plugged
        self._contact(plugged)
        for bounce in range(1, 2 * BOUNCES + 1 if self.bounce_ns else 1):
            closed = plugged == (bounce % 2 == 0)
            delay_ns = self.bounce_ns * bounce // (2 * BOUNCES)
            self._bouncing.append(port.call_later(delay_ns, lambda closed=closed: self._contact(closed)))  # type: ignore[misc]

    def _contact(self, closed: bool) -> None:
        self.circuit.connected = closed and self._has_vehicle
        self.changed()


def cable_of(world: World, name: str) -> Cable:
    """The cable of this name in this system."""
    cable: Cable = world.shared(f"cable {name}", Cable)
    return cable
