"""Makes the machines and adapters of a station inside a system."""

from __future__ import annotations

from engine.adapter import Adapter, Registry
from engine.run import System
from engine.run.station.behind import adapter_class
from engine.run.station.null_adapter import NONE, NullAdapter
from engine.run.station.plan import MachinePlan, Station, StationError


def build(station: Station, system: System, registry: Registry) -> None:
    """Add the station's machines to ``system`` with their adapters bound; ``system.start`` starts it.

    Raises ``StationError`` and ``AdapterError``.
    """
    system.joint.hold(station.invariants)
    for machine in station.machines.values():
        for path, values in machine.parameters.items():
            system.parameters[(machine.name, *(path.split(".") if path else ()))] = values
        try:
            actor = system.add(machine.chart, machine.name, machine.parameters.get("", {}))
        except ValueError as error:
            raise StationError(f"machine {machine.name}: {error}") from None
        _bind(machine, system, registry, prefix=f"{machine.name}." if len(station.machines) > 1 else "")
        for fault in station.faults:
            if fault.machine == machine.name:
                actor.roles[fault.role].fault(fault.name, fault.rule)
        if len(actor.roles) != len(machine.chart.adapters):
            raise StationError(f"machine {machine.name}: not every role is bound")


def _bind(machine: MachinePlan, system: System, registry: Registry, prefix: str) -> None:
    actor = system.roots[machine.name]
    for role, plan in machine.adapters.items():
        contract = machine.chart.adapters[role]
        adapter: Adapter
        if plan.use == NONE:
            adapter = NullAdapter(contract, system.world)
        else:
            adapter = adapter_class(plan.use, contract.name, registry)(plan.config, system.world)
        system.bind(role, actor, adapter, prefix + role)
