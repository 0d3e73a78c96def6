"""Fault rules of a station: the role each belongs to, and whether that role's contract has what the rule names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.language.model import Contract
from engine.language.problems import suggestion
from engine.language.text_values import typed
from engine.language.types import Type
from engine.run.faults import FaultError, FaultRule, parse_rule
from engine.run.station.plan import MachinePlan, RoleFault, Station, StationError, UnitPlan


def role_faults(
    text: str, places: Mapping[str, Sequence[MachinePlan | UnitPlan]], main: str, origin: str
) -> list[RoleFault]:
    """What the rule of a text does, to each of the ``places`` of the name in front of its role; ``main`` is the machine
    of a role without one. Raises ``StationError``."""
    try:
        rule = parse_rule(text)
    except FaultError as error:
        raise StationError(f"{origin}: {error}") from None
    machine, parts = _placed(rule.target.split("."), places, main)
    contracts = {  # what stands behind a role may be another chart in each unit
        place: {role: contract for holder in reversed(holders) for role, contract in holder.contracts.items()}
        for place, holders in places.items()
    }
    roles = contracts[machine]
    if len(parts) != 2 or parts[0] not in roles:
        full = [f"{m}.{r}.{n}" for m, of in contracts.items() for r, c in of.items() for n in _names(c)]
        known = [f"{r}.{n}" for r, c in roles.items() for n in _names(c)]
        known += [one.removeprefix(f"{main}.") for one in full if one.startswith(f"{main}.")] + full
        close = suggestion(rule.target, known)
        hint = close if "did you mean" in close else f"; write ROLE.NAME, the roles of {machine} are {', '.join(roles)}"
        raise StationError(f"{origin}: fault rule {text!r}: {rule.target!r} is nothing a chart meets here{hint}")
    role, name = parts
    contract = roles[role]
    if name not in _names(contract):
        others = [m for m, of in contracts.items() if role in of and name in _names(of[role])]
        hint = f"; did you mean '{others[0]}.{role}.{name}'?" if others else suggestion(name, _names(contract))
        raise StationError(f"{origin}: fault rule {text!r}: {contract.name} has no {name!r}{hint}")
    values = _typed(rule, contract, name, origin)
    struck = [holder for holder in places[machine] if holder.contracts.get(role) == contract]
    return [RoleFault(holder.name, role, name, replace(rule, values=values)) for holder in struck]


def fault_places(station: Station) -> dict[str, list[MachinePlan | UnitPlan]]:
    """What a rule may name in front of a role: also a chart behind one; a unit, or a machine that stands beside each,
    is all of them."""
    places: dict[str, list[MachinePlan | UnitPlan]] = {}
    for holder in station.holders:
        base = holder.name.rstrip("0123456789")
        of_unit = base != holder.name and (isinstance(holder, UnitPlan) or holder.unit)
        for name in (holder.name, base) if of_unit else (holder.name,):
            for place, one in ((name, holder), *holder.served_as(name)):
                places.setdefault(place, []).append(one)
    return places


def _placed(
    parts: list[str], places: Mapping[str, Sequence[MachinePlan | UnitPlan]], main: str
) -> tuple[str, list[str]]:
    """The longest name of a place in front of ROLE.NAME, also without ``main``, and what follows it."""
    for end in range(max(len(parts) - 2, 0), 0, -1):
        name = ".".join(parts[:end])
        for place in (name, f"{main}.{name}"):
            if place in places:
                return place, parts[end:]
    return main, parts


def is_role_fault(text: str) -> bool:
    """Whether a rule is about orders, events or values of a role; else it is about frames on the line, for an adapter
    to read."""
    head = text.partition(")" if ")" in text else ":")[2].lstrip(" :").partition(":")[0].partition(".")[0].strip()
    return head[:3] not in ("CM_", "VS_") and head not in ("IP", "*") and not head.startswith("0x")


def _names(contract: Contract) -> list[str]:
    return [*contract.actions, *contract.events, *contract.values]


def _typed(rule: FaultRule, contract: Contract, name: str, origin: str) -> dict[str, object]:
    where = f"{origin}: fault rule {rule.text!r}"
    if name in contract.values:
        if rule.action != "drop" and (rule.action != "set" or list(rule.values) != [""]):
            raise StationError(f"{where}: {name} is a value; what can be done to it is set(VALUE) or drop")
        fields: Mapping[str, Type] = {"": contract.values[name]}
    elif name in contract.actions:
        fields = contract.actions[name].args
    else:
        fields = contract.events[name].payload or {}
    found: dict[str, object] = {}
    for key, value in rule.values.items():
        if key not in fields:
            said = (
                f"no field {key!r}{suggestion(key, fields)}"
                if key
                else f"fields; write set({next(iter(fields), 'FIELD')}=…)"
            )
            raise StationError(f"{where}: {name} has {said}")
        try:
            found[key] = typed(str(value), fields[key])
        except ValueError as error:
            raise StationError(f"{where}: {key or name}: {error}") from None
    return found
