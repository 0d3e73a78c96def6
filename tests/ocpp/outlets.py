"""Outlets that cost nothing: each with a plug, a card reader and a meter, moved by a test (contract ``back_end``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.adapter import Adapter, Port, World

HOUR_NS = 3600 * 10**9


@dataclass
class Outlet:
    """``wh``: its register at ``at_ns``; ``watts``: what the vehicle draws where it may; ``limit``: W, None: none."""

    state: str = "free"
    wh: float = 0.0
    at_ns: int = 0
    watts: float = 11_000.0
    limit: float | None = None

    @property
    def flows(self) -> float:
        """W."""
        if self.state != "charging":
            return 0.0
        return self.watts if self.limit is None else min(self.watts, self.limit)


class StandInOutlets(Adapter):
    """``outlets``: by their number less 1. A vehicle that is authorised charges at once, and until it is stopped."""

    contract = "back_end"
    behind = "simulated"
    ceiling: ClassVar[float] = 150_000.0
    without_lock: ClassVar[list[int]] = []
    unplug_first: ClassVar[list[int]] = []
    direct_voltage: ClassVar[list[float]] = []

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self.outlets = [Outlet() for _ in range(int(config.get("count", 1)))]

    def open(self, port: Port) -> None:
        super().open(port)

    @property
    def count(self) -> int:
        return len(self.outlets)

    # ------------------------------------------------------------ what people do

    def plug(self, outlet: int) -> None:
        self._is(outlet, "wanting")

    def unplug(self, outlet: int) -> None:
        self._is(outlet, "free")

    def card(self, outlet: int, id: str) -> None:
        self.port.emit("token", outlet=outlet, id=id)

    def press_stop(self, outlet: int) -> None:
        self.port.emit("stop_pressed", outlet=outlet)

    def draw(self, outlet: int, draws: bool) -> None:
        """The vehicle takes current, or none for a while."""
        self._is(outlet, "charging" if draws else "suspended_ev")

    def wh(self, outlet: int) -> float:
        """Its register now."""
        one = self.outlets[outlet - 1]
        now = self.port.now_ns()
        one.wh += one.flows * (now - one.at_ns) / HOUR_NS
        one.at_ns = now
        return one.wh

    def _is(self, outlet: int, state: str) -> None:
        self.wh(outlet)
        one = self.outlets[outlet - 1]
        if one.state != state:
            one.state = state
            self.port.emit("state", outlet=outlet, state=state)

    # ------------------------------------------------------------ what is ordered

    def report(self) -> None:
        for number, one in enumerate(self.outlets, 1):
            self.port.emit("state", outlet=number, state=one.state)

    def authorise(self, *, outlet: int) -> None:
        if self.outlets[outlet - 1].state in ("plugged", "wanting"):
            self._is(outlet, "suspended_evse" if self.outlets[outlet - 1].limit == 0 else "charging")

    def invite_again(self, *, outlet: int) -> None:
        if self.outlets[outlet - 1].state == "ended":
            self._is(outlet, "wanting")

    def refuse(self, *, outlet: int, reason: str) -> None:
        """Nobody is told."""

    def stop(self, *, outlet: int, reason: str) -> None:
        if self.outlets[outlet - 1].state not in ("free", "detached"):
            self._is(outlet, "ended")

    def limit_outlet(
        self, *, outlet: int, power: float | None = None, current: float | None = None, phases: int | None = None
    ) -> None:
        self.wh(outlet)
        given = [watts for watts in (power, None if current is None else current * 400) if watts is not None]
        one = self.outlets[outlet - 1]
        one.limit = min(given, default=None)
        if one.state in ("charging", "suspended_evse"):
            self._is(outlet, "suspended_evse" if one.limit == 0 else "charging")

    def limit(self, *, power: float) -> None:
        """More than they all draw."""

    def keep_plug(self, *, outlet: int, keep: bool) -> None:
        """The cables are the station's."""

    def count_on(self, *, outlet: int, energy: float) -> None:
        self.outlets[outlet - 1].wh += energy

    def out_of_service(self, *, outlet: int) -> None:
        """As it is."""

    def in_service(self, *, outlet: int) -> None:
        """As it is."""

    def unlock(self, *, call_id: str, outlet: int) -> None:
        self.port.done(call_id, status="Unlocked")

    def read(self, *, call_id: str, outlet: int) -> None:
        watts = self.outlets[outlet - 1].flows
        self.port.done(
            call_id,
            energy=self.wh(outlet),
            power=watts,
            voltage=400.0,
            current=watts / 400,
            offered_power=None,
            offered_current=None,
            soc=50,
            temperature=None,
            phase_voltages=[],
            phase_currents=[],
        )
