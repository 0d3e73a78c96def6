"""Makes the machines and adapters of a station inside a system."""

from __future__ import annotations

from engine.adapter import Adapter, Registry
from engine.run import System
from engine.run.station.behind import adapter_class
from engine.run.station.null_adapter import NONE, NullAdapter
from engine.run.station.plan import MachinePlan, Station, StationError, UnitPlan


def build(station: Station, system: System, registry: Registry) -> None:
    """Add the station's machines to ``system`` with their adapters bound; ``system.start`` starts it.

    Raises ``StationError`` and ``AdapterError``.
    """
    system.joint.hold(station.invariants)
    for machine in station.machines.values():
        try:
            actor = system.add(machine.chart, machine.name, machine.given)
        except ValueError as error:
            raise StationError(f"machine {machine.name}: {error}") from None
        prefix = f"{machine.name}." if len(list(station.holders)) > 1 else ""
        for role in machine.adapters:
            system.bind(role, actor, _adapter(machine, role, system, registry), prefix + role)
        for unit in machine.units:
            for role in unit.adapters:
                system.bind(f"{unit.name}.{role}", actor, _adapter(unit, role, system, registry))
        for fault in station.faults:
            if fault.machine == machine.name:
                actor.roles[fault.role].fault(fault.name, fault.rule)
            for unit in machine.units:
                if fault.machine == unit.name:
                    actor.units[(unit.unit, unit.number)][fault.role].fault(fault.name, fault.rule)
        if len(actor.roles) != len(machine.chart.adapters):
            raise StationError(f"machine {machine.name}: not every role is bound")


def _adapter(holder: MachinePlan | UnitPlan, role: str, system: System, registry: Registry) -> Adapter:
    plan, contract = holder.adapters[role], holder.contracts[role]
    if plan.use == NONE:
        return NullAdapter(contract, system.world)
    return adapter_class(plan.use, contract.name, registry)(plan.config, system.world)
