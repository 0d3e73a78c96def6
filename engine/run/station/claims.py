"""Things that only one machine of a station can have: the end of a cable, a host's name, a port. See
``Adapter.claims``."""

from __future__ import annotations

from engine.adapter import Registry
from engine.run.station.behind import adapter_class
from engine.run.station.plan import Station, StationError


def refuse_double_claims(station: Station, registry: Registry) -> None:
    """Raises ``StationError`` when two machines would share what belongs to one, and neither would know."""
    owners: dict[str, tuple[str, str, str]] = {}  # claim -> machine, role, setting
    for top, machine in [(one, holder) for one in station.holders for holder in (one, *one.served())]:
        for role, plan in machine.adapters.items():
            if plan.served is not None or plan.machine:
                continue
            contract = machine.contracts[role].name
            for setting, claim in adapter_class(plan.use, contract, registry).claims(plan.config).items():
                owner, other, key = owners.setdefault(claim, (top.name, role, setting))
                if owner != top.name:
                    raise StationError(
                        f"{machine.name}.{role} and {owner}.{other} both have {claim}, which is for one of them; give "
                        f"another {setting} to one: {machine.name}.adapters.{role}.{setting} "
                        f"or {owner}.adapters.{other}.{key}"
                    )
