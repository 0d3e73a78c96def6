"""Control pilot of a bench with a plain network cable: a stand-in plays the side that is missing.

``BenchPilotEvse``: a station without a pilot line; the stand-in vehicle plugs in, goes to state C some time after the 5
% PWM begins, back to B when it ends, and unplugs. ``BenchPilotPev``: a vehicle without a pilot line; the stand-in
station shows 5 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from adapters.pilot.simulated import SimulatedPilotEvse, SimulatedPilotPev
from engine.adapter import Cancellable, Port, Setting, World

MS = 1_000_000
DIGITAL_PERCENT = 5.0


class BenchPilotEvse(SimulatedPilotEvse):
    """The station's end, with a stand-in vehicle."""

    behind = "pretended"

    settings: ClassVar[Mapping[str, Setting]] = {
        **SimulatedPilotEvse.settings,
        "plug_after": Setting("duration", 200 * MS, "Time before the stand-in vehicle plugs in"),
        "plug_again_after": Setting("duration", 1000 * MS, "Time before the next one does; a bounce is shorter"),
        "ready_after": Setting("duration", 500 * MS, "How long after 5 % the stand-in vehicle goes to state C"),
        "unplug_after": Setting("duration", 500 * MS, "How long after the end of the PWM it unplugs"),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._move: Cancellable | None = None
        self._invited = False

    def open(self, port: Port) -> None:
        super().open(port)
        self.cable.bring_vehicle()
        self._later("plug_after", self._plug)

    def set_duty(self, *, duty: float) -> None:
        super().set_duty(duty=duty)
        if duty == DIGITAL_PERCENT:
            self._invited = True
            self._later("ready_after", self._ready)
        elif self._invited and duty == 100.0:
            self._invited = False
            self.cable.set_load("B")
            self._later("unplug_after", self._unplug)

    def _plug(self) -> None:
        self.cable.set_load("B")
        self.cable.plug(self.port)

    def _ready(self) -> None:
        self.cable.set_load("C")

    def _unplug(self) -> None:
        self.cable.unplug(self.port)
        self._later("plug_again_after", self._plug)

    def _later(self, setting: str, move: Any) -> None:
        if self._move is not None:
            self._move.cancel()
        self._move = self.port.call_later(self.config[setting], move)


class BenchPilotPev(SimulatedPilotPev):
    """The vehicle's end, with a stand-in station."""

    behind = "pretended"

    def open(self, port: Port) -> None:
        super().open(port)
        self.cable.set_duty(DIGITAL_PERCENT)
