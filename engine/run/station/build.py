"""Makes the machines and adapters of a station inside a system."""

from __future__ import annotations

from collections.abc import Iterator

from engine.adapter import Adapter, Registry
from engine.run import Actor, System
from engine.run.binding import Binding
from engine.run.served import ServedChart
from engine.run.station.behind import adapter_class
from engine.run.station.null_adapter import NONE, NullAdapter
from engine.run.station.plan import MachinePlan, RoleFault, Station, StationError, UnitPlan


def build(station: Station, system: System, registry: Registry) -> None:
    """Add the station's machines to ``system`` with their adapters bound; ``system.start`` starts it.

    Raises ``StationError`` and ``AdapterError``.
    """
    system.joint.hold(station.invariants)
    for machine in station.machines.values():
        try:
            system.add(machine.chart, machine.name, machine.given)
        except ValueError as error:
            raise StationError(f"machine {machine.name}: {error}") from None
    for machine in station.machines.values():
        actor = system.roots[machine.name]
        prefix = f"{machine.name}." if len(list(station.holders)) > 1 else ""
        _bind(machine, actor, system, registry, prefix=prefix)
        for unit in machine.units:
            _bind(unit, actor, system, registry, f"{unit.name}.", kind=unit.kind)
        if len(actor.roles) != len(machine.chart.adapters):
            raise StationError(f"machine {machine.name}: not every role is bound")
    for fault in station.faults:
        for binding in struck_by(fault, station, system):
            binding.fault(fault.name, fault.rule)


def struck_by(fault: RoleFault, station: Station, system: System) -> Iterator[Binding]:
    """The roles, as they are bound, that a rule is about."""
    for machine in station.machines.values():
        for unit in machine.units:
            if fault.machine == unit.name:
                yield system.roots[machine.name].units[(unit.unit, unit.number)][fault.role]
    for top in system.tops():
        if fault.machine == top.path:
            yield top.roles[fault.role]


def _bind(
    holder: MachinePlan | UnitPlan,
    actor: Actor,
    system: System,
    registry: Registry,
    unit: str = "",
    prefix: str = "",
    kind: str = "",
) -> None:
    for role, adapter in _adapters(holder, system, registry).items():
        try:
            system.bind(unit + role, actor, adapter, f"{prefix}{role}" if prefix else "", kind)
        except ValueError as error:
            raise StationError(f"{holder.name}: the chart behind role {role!r}: {error}") from None


def _adapters(
    holder: MachinePlan | UnitPlan, system: System, registry: Registry
) -> dict[str, Adapter | ServedChart | Actor]:
    """What its roles are bound to."""
    found: dict[str, Adapter | ServedChart | Actor] = {}
    for role, plan in holder.adapters.items():
        contract = holder.contracts[role]
        if plan.machine:
            found[role] = system.roots[plan.machine]
        elif plan.served is not None:
            values = {tuple(path.split(".")): own for path, own in plan.served.parameters.items() if path}
            own = plan.served.parameters.get("", {})
            adapters = _adapters(plan.served, system, registry)
            found[role] = ServedChart(plan.served.chart, own, adapters, values, plan.device)
        elif plan.use == NONE:
            found[role] = NullAdapter(contract, system.world)
        else:
            found[role] = adapter_class(plan.use, contract.name, registry)(plan.config, system.world)
    return found
