"""The keys of a station's configuration, generated from its charts, contracts and adapters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.adapter import Registry
from engine.language.expr.evaluate import evaluate
from engine.language.expr.text import to_text
from engine.language.model import Chart
from engine.language.position import Position
from engine.language.traverse import chart_tree, charts_at, child_nodes
from engine.language.types import Kind, Type
from engine.language.values import EvaluationError
from engine.run.station.behind import adapter_class
from engine.run.station.null_adapter import NONE
from engine.run.station.plan import MachinePlan, Station, UnitPlan
from engine.run.station.resolve import address
from engine.run.station.setting_types import type_of
from engine.semantics.parameters import ParameterScope

USE = Type(Kind.STRING)


@dataclass(frozen=True, slots=True)
class Key:
    """One key. ``key``: as ``--set`` takes it; ``address``: in full; ``value``: what it is now, None where it must be
    given; ``handed``: the expression of the parent that hands it down; ``origin``: where it was set, ``default…`` where
    nothing does, empty for neither; ``uses``: of what is bound to a role, what is known by name. ``written``: its type
    as an adapter writes it."""

    key: str
    address: str
    type: Type
    value: Any
    origin: str
    help: str
    path: str = ""
    name: str = ""
    handed: str = ""
    uses: tuple[str, ...] = ()
    written: str = ""


def every_key(station: Station, registry: Registry) -> Iterator[Key]:
    """All of a station: of its machines, of the charts behind their roles, of its units. One that several charts at the
    same place have is there once."""
    main = next(iter(station.machines))
    found: set[str] = set()
    for machine in station.machines.values():
        for key in _of_machine(machine, main, registry):
            if key.address not in found:
                found.add(key.address)
                yield key


def _of_machine(machine: MachinePlan, main: str, registry: Registry) -> Iterator[Key]:
    for path, chart in chart_tree(machine.chart):
        yield from parameter_keys(machine, main, path, chart)
    holders: list[MachinePlan | UnitPlan] = [machine, *machine.units]
    for holder in holders:
        for role in holder.contracts:
            yield from role_keys(holder, main, role, registry)
            served = holder.adapters[role].served
            if served is not None:
                yield from _of_machine(served, main, registry)


def place_in_file(machine: MachinePlan | UnitPlan) -> tuple[str, str]:
    """The root machine or unit that it belongs to, and where a chart that serves has its section there:
    ``adapters.supply``."""
    root, *roles = machine.name.split("/")
    if roles and "." in roles[0]:  # behind a role of a unit
        root, _, roles[0] = roles[0].partition(".")
    return root, ".".join(f"adapters.{role}" for role in roles)


def parameter_keys(machine: MachinePlan, main: str, path: str, chart: Chart) -> Iterator[Key]:
    """The parameters of the chart that a machine runs at ``path``."""
    root, own = place_in_file(machine)
    head = "" if root == main else f"machines.{root}."
    given = machine.parameters.get(path, {})
    values = defaults(chart, given)
    handed = handed_down(machine.chart, path, chart)
    for name, definition in chart.parameters.items():
        dotted = f"{path}.{name}" if path else name
        key = dotted if machine.name == main else f"{machine.name}.{dotted}"
        full = f"machines.{root}.parameters.{dotted}"
        if own:
            key, full = f"{head}{own}.parameters.{dotted}", f"machines.{root}.{own}.parameters.{dotted}"
        expression, where = handed.get(name, ("", "")) if name not in given else ("", "")
        if name in given:
            where = machine.origins.get(dotted, "given")
        elif name in values and not where:
            where = f"default, {_place(definition.position)}"
        notes = [definition.description.strip(), definition.citation]
        told = "; ".join(" ".join(note.split()) for note in notes if note)
        where = where or f"must be given, {_place(definition.position)}"
        yield Key(key, full, definition.type, values.get(name), where, told, path, name, expression)


def role_keys(holder: MachinePlan | UnitPlan, main: str, role: str, registry: Registry) -> Iterator[Key]:
    """What a role is bound to, and the settings of that; those of a chart there are a machine's."""
    root, own = place_in_file(holder)
    section = f"machines.{root}.{own}.adapters.{role}" if own else f"machines.{root}.adapters.{role}"
    contract, plan, prefix = holder.contracts[role], holder.adapters[role], address(holder, main, role)
    known = tuple(registry.implementations(contract.name))
    yield Key(f"{prefix}.use", f"{section}.use", USE, plan.use, plan.origins.get("use", "default"), "", uses=known)
    if plan.served is None and not plan.machine:
        for key, setting in adapter_class(plan.use, contract.name, registry).settings.items():
            value, origin = plan.config.get(key, setting.default), plan.origins.get(key, "default")
            kind, told = type_of(setting), setting.description
            yield Key(f"{prefix}.{key}", f"{section}.{key}", kind, value, origin, told, name=key, written=setting.type)


def handed_down(chart: Chart, path: str, child: Chart) -> dict[str, tuple[str, str]]:
    """What the parent of ``child``, which is at ``path``, hands to it, by parameter: the expression and where that
    stands."""
    above, _, id_ = path.rpartition(".")
    found: dict[str, tuple[str, str]] = {}
    for parent in charts_at(chart, above) if path else ():
        for node in child_nodes(parent):
            if node.id == id_ and node.chart is child:
                for name, expr in node.input:
                    found.setdefault(name, (to_text(expr), f"handed down by {parent.name}, {_place(node.position)}"))
    return found


def _place(position: Position) -> str:
    return f"{position.file}:{position.line}"


def defaults(chart: Chart, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The defaults of a chart's parameters, except those that depend on parameters that must be given; where ``given``
    names a parameter, its value."""
    values: dict[str, Any] = {}
    for name, definition in chart.parameters.items():
        if given is not None and name in given:
            values[name] = given[name]
        elif definition.default is not None:
            try:
                values[name] = evaluate(definition.default, ParameterScope(chart, values))
            except EvaluationError:
                continue
    return values


def choices(key: Key) -> list[str]:
    """What a key may be, where that is a list: an enum's values, what is known by name."""
    return [*key.uses, NONE] if key.uses else list(key.type.values)
