"""``engine run --help-config``: every key of a station, generated from its charts, contracts and adapters."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.adapter import Registry
from engine.language.expr.evaluate import evaluate
from engine.language.expr.functions import duration_text
from engine.language.expr.text import to_text
from engine.language.model import Chart, ParameterDef
from engine.language.position import Position
from engine.language.traverse import chart_tree, charts_at, child_nodes
from engine.language.types import Kind, Type
from engine.language.values import EvaluationError
from engine.language.values import describe as type_text
from engine.run.station.behind import adapter_class
from engine.run.station.null_adapter import NONE
from engine.run.station.plan import MachinePlan, Station, UnitPlan
from engine.run.station.resolve import address, variable
from engine.run.station.setting_types import type_of
from engine.semantics.parameters import ParameterScope

_INTRO = """Configuration of {title}

Later wins: the chart's defaults, the station file{file}, parameter sets, options such as --iface,
the environment ({example}), --set KEY=VALUE.
"""


def describe(station: Station, registry: Registry) -> str:
    """All keys with type, default, meaning, source and environment variable."""
    machines = list(station.machines.values())
    main = machines[0].name
    example = variable(f"machines.{main}.parameters.NAME", main) + "=VALUE"
    file = f" ({station.file})" if station.file else ""
    lines = [_INTRO.format(title=station.title, file=file, example=example)]
    for machine in machines:
        lines += _machine(machine, main, registry)
    lines += [
        "Station file ([station], TOML)",
        "",
        "  machine      chart of the main machine, relative to the file",
        "  name         its name (default: the chart's)",
        "  title        for people",
        '  session_end  "machine.event" that ends a session, counted by --sessions',
        '  ready        "machine.state", "machine/child.state" or {machine, expr}: READY is said when it is first so',
        "",
        "  [parameters], [adapters.ROLE]   of the main machine; [parameters.CHILD] of the chart it runs under this id",
        "  [machines.NAME]                 another machine: chart, present, and its own .parameters and .adapters.ROLE",
        '  use = "CHART.yaml"              a chart that serves: [adapters.ROLE.parameters], [adapters.ROLE.adapters.…]',
        '  use = "machine:NAME"            another machine of the station, whose chart serves the contract',
        "  [sets.NAME]                     directory, machine, default: parameter files, chosen by --set NAME=FILE",
        "  [options.NAME]                  what --NAME VALUE changes; {} stands for the value",
        '  [sides]                         LABEL = "machine/child": who talks in a session, from left to right',
        '  [display]                       LABEL = "machine.value": what the live view shows first',
        "  [[invariants]]                  expr, message, source: what the machines promise together",
    ]
    return "\n".join(lines)


def _machine(machine: MachinePlan, main: str, registry: Registry) -> Iterator[str]:
    root, *roles = machine.name.split("/")
    if roles and "." in roles[0]:  # behind a role of a unit
        root, _, roles[0] = roles[0].partition(".")
    head = "" if root == main else f"machines.{root}."
    own = ".".join(f"adapters.{role}" for role in roles)  # where the section of a chart that serves stands
    yield f"Machine {machine.name}: {machine.chart.title or machine.chart.name}"
    yield ""
    for path, chart in chart_tree(machine.chart):
        if not chart.parameters:
            continue
        where = f" of {path} ({chart.name})" if path else ""
        yield f"  parameters{where}"
        given = machine.parameters.get(path, {})
        values = defaults(chart, given)
        handed = handed_down(machine.chart, path, chart)
        for name, definition in chart.parameters.items():
            dotted = f"{path}.{name}" if path else name
            key = dotted if machine.name == main else f"{machine.name}.{dotted}"
            full = f"machines.{root}.parameters.{dotted}"
            if own:
                key, full = f"{head}{own}.parameters.{dotted}", f"machines.{root}.{own}.parameters.{dotted}"
            if name in given:
                text, origin = value_text(given[name], definition.type), machine.origins.get(dotted, "given")
            elif name in handed:
                text, origin = handed[name]
            elif name in values:
                text, origin = value_text(values[name], definition.type), f"default, {_place(definition.position)}"
            else:
                text, origin = "–", f"must be given, {_place(definition.position)}"
            yield f"    {key} = {text or 'empty'}  ({_bounded(definition.type)}; {origin})"
            yield from _of_one(machine, path, definition)
            notes = [definition.description.strip(), definition.citation]
            told = "; ".join(" ".join(note.split()) for note in notes if note)
            if told:
                yield f"        {told}"
            yield f"        {variable(full, main)}"
        yield ""
    yield from _roles(machine, main, registry, root, own)
    for unit in machine.units:
        first, *others = [one for one in machine.units if one.unit == unit.unit and one.kind == unit.kind]
        if unit is first:
            several = len({one.kind for one in machine.units if one.unit == unit.unit}) > 1
            yield f"Each {unit.told if several else unit.unit}: {', '.join(one.name for one in (unit, *others))}"
            yield f"  [units.{unit.unit}.adapters.ROLE] and --set {unit.unit}.adapters.ROLE.KEY=VALUE are said of all"
            yield ""
            yield from _roles(unit, main, registry, unit.name, "", others)


def _roles(
    holder: MachinePlan | UnitPlan,
    main: str,
    registry: Registry,
    root: str,
    own: str,
    others: Sequence[UnitPlan] = (),
) -> Iterator[str]:
    """What its roles are bound to and their settings; of the ``others`` of a unit what is set otherwise."""
    for role, contract in holder.contracts.items():
        plan = holder.adapters[role]
        known = registry.implementations(contract.name)
        prefix = address(holder, main, role)
        yield f"  adapter {role}: contract {contract.name}"
        origin = plan.origins.get("use", "default")
        uses = ", ".join([*known, NONE, "FILE.py:CLASS", "CHART.yaml", "machine:NAME"])
        yield f"    {prefix}.use = {plan.use}  (one of {uses}; {origin})"
        section = f"machines.{root}.{own}.adapters.{role}" if own else f"machines.{root}.adapters.{role}"
        yield f"        {variable(f'{section}.use', main)}"
        if plan.served is not None:
            yield ""
            yield from _machine(plan.served, main, registry)
            continue
        if plan.machine:
            yield f"        the machine {plan.machine}, see there"
            yield ""
            continue
        behind = adapter_class(plan.use, contract.name, registry)
        for key, setting in behind.settings.items():
            value = value_text(plan.config.get(key, setting.default), type_of(setting))
            yield f"    {prefix}.{key} = {value or 'empty'}  ({setting.type}; {plan.origins.get(key, 'default')})"
            for other in others:
                its = other.adapters[role]
                if its.use == plan.use and its.config.get(key) != plan.config.get(key):
                    text = value_text(its.config.get(key, setting.default), type_of(setting))
                    where = its.origins.get(key, "default")
                    yield f"    {address(other, main, role)}.{key} = {text or 'empty'}  ({where})"
            yield f"        {setting.description}"
            yield f"        {variable(f'{section}.{key}', main)}"
        if not behind.settings:
            for line in (inspect.getdoc(behind) or "no settings").splitlines():
                yield f"        {line}"
        yield ""


def _of_one(machine: MachinePlan, path: str, definition: ParameterDef) -> Iterator[str]:
    """What is set for one child of several: ``outlet[2].session.EVSEID``."""
    for written, values in machine.parameters.items():
        if written != path and re.sub(r"\[\d+\]", "", written) == path and definition.name in values:
            key = f"{written}.{definition.name}"
            text = value_text(values[definition.name], definition.type) or "empty"
            yield f"    {key} = {text}  ({_bounded(definition.type)}; {machine.origins[key]})"


def _bounded(kind: Type) -> str:
    """A type and what may be given of it: ``duration, at least 0 s``; of a string, bytes or list its length."""
    size = Type(Kind.INT) if kind.kind in (Kind.STRING, Kind.BYTES, Kind.LIST) else kind
    told = [type_text(kind)]
    told += [f"at least {value_text(kind.minimum, size)}"] if kind.minimum is not None else []
    told += [f"at most {value_text(kind.maximum, size)}"] if kind.maximum is not None else []
    return ", ".join(told)


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


def value_text(value: Any, kind: Type | None) -> str:
    """A value as a chart writes it: ``250 ms``, ``400.5 V``, bytes as hexadecimal digits."""
    if value is None:
        return "–"
    if kind is not None and kind.secret and value:
        return "(secret)"
    if kind is not None and kind.kind is Kind.DURATION and isinstance(value, int):
        return duration_text(value)
    unit = f" {kind.unit.symbol}" if kind is not None and kind.unit is not None else ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if unit in (" W", " Wh", " VA") and abs(value) >= 1000:
            value, unit = value / 1000, f" k{unit[1:]}"
        return f"{value:.4g}{unit}" if abs(value) < 10_000 else f"{value:.0f}{unit}"
    if isinstance(value, bytes):
        return value.hex() if len(value) <= 16 else f"{value[:16].hex()}… ({len(value)} bytes)"
    return f"{value}{unit}"
