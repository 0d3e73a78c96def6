"""What adapters say of their sections before they are made: values that cannot be (``Adapter.refuses``), and things
that only one machine of a station can have: the end of a cable, a host's name, a port (``Adapter.claims``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine.adapter import Registry
from engine.run.station.behind import adapter_class
from engine.run.station.plan import AdapterPlan, MachinePlan, Station, StationError, UnitPlan


def refuse_values(station: Station, registry: Registry, place: Callable[[str, str], str]) -> None:
    """Raises ``StationError`` for a value that its adapter refuses; ``place`` is where a text stands in a file."""
    for top in station.holders:
        for role, _, plan, contract in _behind(top, ""):
            for setting, why in adapter_class(plan.use, contract, registry).refuses(plan.config).items():
                where = place(plan.origins.get(setting, plan.origin), str(plan.config[setting]))
                raise StationError(f"{where}: role {role}, setting {setting}: {why}")


def refuse_virtual_clock(station: Station, registry: Registry) -> None:
    """Raises ``StationError`` where an adapter can do nothing on the virtual clock."""
    for top in station.holders:
        for role, _, plan, contract in _behind(top, ""):
            if adapter_class(plan.use, contract, registry).real_clock:
                raise StationError(f"{role}: adapter '{plan.use}' needs the real clock, so not --fast")


def refuse_double_claims(station: Station, registry: Registry) -> None:
    """Raises ``StationError`` when two machines would share what belongs to one, and neither would know."""
    owners: dict[str, tuple[str, str, str]] = {}  # claim -> machine, role, key
    for top in station.holders:
        for role, key, plan, contract in _behind(top, f"{top.name}.adapters."):
            for setting, claim in adapter_class(plan.use, contract, registry).claims(plan.config).items():
                owner, other, theirs = owners.setdefault(claim, (top.name, role, f"{key}.{setting}"))
                if owner != top.name:
                    raise StationError(
                        f"{top.name}.{role} and {owner}.{other} both have {claim}, which is for one of them; give "
                        f"another {setting} to one: {key}.{setting} or {theirs}"
                    )


def _behind(holder: MachinePlan | UnitPlan, prefix: str) -> Iterator[tuple[str, str, AdapterPlan, str]]:
    """The adapters of a machine, those of charts behind its roles too: role, address, plan, contract."""
    for role, plan in holder.adapters.items():
        key = prefix + role
        if plan.machine:
            continue
        if plan.served is None:
            yield role, key, plan, holder.contracts[role].name
            continue
        for inner, theirs, part, contract in _behind(plan.served, f"{key}.adapters."):
            yield (role, key, part, contract) if plan.device else (f"{role}.{inner}", theirs, part, contract)
