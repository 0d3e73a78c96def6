"""The whole charge point on the virtual clock: site, outlets, vehicles, a central system; real bytes on both sides."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import engine
from adapters.host.wall_clock import SimulatedWallClock
from adapters.ocpp.database import Database
from adapters.ocpp.store import Failed, Then, Work, Writer
from adapters.registry import REGISTRY
from engine.adapter import World
from engine.language.model import Chart
from engine.run import Actor, System
from engine.run.station import Overrides, build, resolve
from tests.ocpp.central import NOON, Central, ScriptedCentralSystem
from tests.ocpp.outlets import StandInOutlets

S = 1_000_000_000
STAND_IN = f"{Path(__file__).parent / 'central.py'}:ScriptedCentralSystem"
OCPP = ("ocpp.url=ws://central", f"ocpp.adapters.csms.use={STAND_IN}", "ocpp.adapters.clock.use=simulated")


@cache
def chart(path: Path) -> Chart:
    return engine.load(path)


class OnStage:
    """What both have: a system on the virtual clock, and its central system."""

    system: System
    central: Central

    def settle(self) -> None:
        """What no clock waits for: nothing, unless there is a file."""

    def run(self, seconds: float) -> Self:
        self._until(lambda: False, seconds)
        return self.sound()

    def _until(self, condition: Callable[[], bool], limit_s: float) -> bool:
        def holds() -> bool:
            self.settle()
            return condition()

        return self.system.run_until(holds, self.system.clock.now_ns() + round(limit_s * S))

    def until(self, condition: Callable[[], bool], limit_s: float = 300) -> Self:
        came = self._until(condition, limit_s)
        assert came, self.central.heard[-20:]
        return self.sound()

    def sound(self) -> Self:
        """Nothing has broken, nothing invalid was sent."""
        assert self.system.failures == []
        assert self.central.wrong == []
        return self

    def statuses(self, connector: int = 1) -> list[str]:
        return [one["status"] for one in self.central.said("StatusNotification") if one["connectorId"] == connector]

    def heard(self) -> list[str]:
        """The actions, those of the transaction and the card only."""
        kept = ("Authorize", "StartTransaction", "MeterValues", "StopTransaction")
        return [action for action, _ in self.central.heard if action in kept]


VEHICLES = {
    "dc": ("pev", ("pev.stop_at_soc=41 %", "pev.adapters.battery.soc=40.75")),
    "ac": ("ac_pev", ("ac_pev.stop_at_soc=41 %", "ac_pev.adapters.charger.soc=40.8")),
    "bms": ("battery", ("battery.stop_at_soc=45 %",)),
}
"""By the kind of outlet: what the vehicle is called, and how it charges for a minute."""
STORED = ("ledger", "settings", "cards", "profiles", "availability", "reservations", "job", "store")


class ChargePoint(OnStage):
    """Outlets with their vehicles, ``kinds`` in turn; a card is shown after 8 s. ``folder``: what is kept is kept in a
    file of that folder."""

    def __init__(
        self, *sets: str, outlets: int = 1, online: bool = True, kinds: str = "dc", folder: Path | None = None
    ) -> None:
        self.kinds = kinds.split(",")
        given = (f"outlets={outlets}", f"kinds={kinds}", *OCPP)
        given += tuple(one for kind in dict.fromkeys(self.kinds) for one in VEHICLES[kind][1])
        file = folder / "charge_point.db" if folder is not None else None
        if file is not None:
            given += ("store=file", *(f"ocpp.adapters.{role}.file={file}" for role in STORED))
            given += (f"ocpp.adapters.logs.folder={file.parent / 'logs'}",)
            if self.kinds != ["bms"]:  # which has no meter of its own
                given += (f"outlet.adapters.meter.register={file.parent / 'meter'}",)
        station = resolve(Path("machines/charge_point.yaml"), None, Overrides((*given, *sets), {}), REGISTRY, chart)
        self.system = System()
        build(station, self.system, REGISTRY)
        self.central = self.system.world.shared("central system", Central)
        self.central.reachable = online
        self.system.start()
        self._jobs = Jobs(self.system.world.shared(f"OCPP store {file.absolute()}", list)) if file else None

    def settle(self) -> None:
        """The virtual clock stands while the file is written."""
        if self._jobs is not None:
            self._jobs.done()

    def vehicle(self, outlet: int = 1) -> Actor:
        """The machine of the vehicle at an outlet."""
        return self.system.roots[f"{VEHICLES[self.kinds[(outlet - 1) % len(self.kinds)]][0]}{outlet}"]

    def unplug(self, outlet: int = 1) -> Self:
        vehicle = self.vehicle(outlet)
        if "driver" in vehicle.roles:
            vehicle.roles["driver"].call("unplug", {})
        else:
            self.system.post(vehicle, "leave", {})
        return self.run(5)

    def outlet(self, number: int = 1) -> Actor:
        return self.system.roots["site"].children["outlet", number]

    def limit(self, connector: int, amperes: float) -> Self:
        """SetChargingProfile: TxDefaultProfile, from now on."""
        profile = {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": amperes}],
            },
        }
        self.central.ask("SetChargingProfile", connectorId=connector, csChargingProfiles=profile)
        self.run(1)
        assert self.central.answers["SetChargingProfile"] == {"status": "Accepted"}
        return self


CHART = Path("machines/charge_point.yaml")
Kept = Callable[[Database], None] | None
Made = Callable[[World], dict[str, Any]]


class Alone(OnStage):
    """All charts of machines/ocpp on stand-in outlets: cheap, for hours and thousands of messages. ``sets``: first
    values of configuration keys; ``file``: where all is kept; empty: in memory, where ``kept`` writes first; ``made``:
    other adapters, by their roles."""

    def __init__(
        self, outlets: int = 1, file: str = "", kept: Kept = None, made: Made | None = None, **sets: Any
    ) -> None:
        self.system = System()
        world = self.system.world
        world.virtual = False  # its file is written by its thread, as on the real clock
        if kept is not None:
            database: Database = world.shared("OCPP store ", lambda: Database(None))
            database.begin()
            kept(database)
            database.commit()
        self.roles: dict[str, Any] = made(world) if made else {}
        self.central = world.shared("central system", Central)
        self.roles.setdefault("csms", ScriptedCentralSystem({}, world))
        self.roles.setdefault("clock", SimulatedWallClock({"begin": NOON // S}, world))
        self.outlets: StandInOutlets = self.roles.setdefault("outlets", StandInOutlets({"count": outlets}, world))
        charts = chart(CHART)
        rest(self.roles, world, file, **sets)
        self.system.add(charts, "ocpp", {"url": "ws://central"}, self.roles)
        self.system.start()
        self._jobs = Jobs(world.shared(f"OCPP store {Path(file).absolute()}", list)) if file else None

    def settle(self) -> None:
        """The virtual clock stands while the file is written."""
        if self._jobs is not None:
            self._jobs.done()


def rest(roles: dict[str, Any], world: World, file: str = "", name: str = "", **sets: Any) -> None:
    """Adds the roles of machines/charge_point.yaml that are not there yet. ``name``: whose memory it is."""
    for role, contract in chart(CHART).adapters.items():
        if role in roles:
            continue
        found = REGISTRY.implementations(contract.name)
        module, _, made = found["sqlite" if file and "sqlite" in found else next(iter(found))].partition(":")
        kind = getattr(import_module(module), made)
        config: dict[str, Any] = dict(sets) if role == "settings" else {}
        config |= {key: value for key, value in (("file", file), ("charge_point", name)) if key in kind.settings}
        roles[role] = kind(config, world)


class Jobs:
    """Of the thread that writes: how many are not done."""

    def __init__(self, writer: Writer) -> None:
        self._add, writer.add = writer.add, self._counted  # type: ignore[method-assign]
        self._left = 0
        self._changed = threading.Condition()

    def _counted(self, work: Work, then: Then | None, failed: Failed) -> None:
        def told(tell: Callable[[Any], None] | None) -> Callable[[Any], None]:
            def tells(what: Any) -> None:
                if tell is not None:
                    tell(what)
                with self._changed:
                    self._left -= 1
                    self._changed.notify()

            return tells

        with self._changed:
            self._left += 1
        self._add(work, told(then), told(failed))

    def done(self) -> None:
        """Wait until all are."""
        if self._left:
            with self._changed:
                assert self._changed.wait_for(lambda: not self._left, 60), "the file is not written"
