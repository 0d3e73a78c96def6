"""``engine run --help-config``: every key of a station, generated from its charts, contracts and adapters."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any

from engine.adapter import Registry
from engine.language.expr.functions import duration_text
from engine.language.model import ParameterDef
from engine.language.traverse import chart_tree
from engine.language.types import Kind, Type
from engine.language.values import describe as type_text
from engine.run.station.behind import adapter_class
from engine.run.station.keys import parameter_keys, role_keys
from engine.run.station.null_adapter import NONE
from engine.run.station.plan import MachinePlan, Station, UnitPlan
from engine.run.station.resolve import address, variable

_INTRO = """Configuration of {title}

Later wins: the chart's defaults, the station file{file}, the settings beside it (docs/page.md), parameter sets,
options such as --iface, the environment ({example}), --set KEY=VALUE.
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
    yield f"Machine {machine.name}: {machine.chart.title or machine.chart.name}"
    yield ""
    for path, chart in chart_tree(machine.chart):
        if not chart.parameters:
            continue
        where = f" of {path} ({chart.name})" if path else ""
        yield f"  parameters{where}"
        for key in parameter_keys(machine, main, path, chart):
            text = key.handed or ("–" if key.origin.startswith("must be ") else value_text(key.value, key.type))
            yield f"    {key.key} = {text or 'empty'}  ({_bounded(key.type)}; {key.origin})"
            yield from _of_one(machine, path, chart.parameters[key.name])
            if key.help:
                yield f"        {key.help}"
            yield f"        {variable(key.address, main)}"
        yield ""
    yield from _roles(machine, main, registry)
    for unit in machine.units:
        first, *others = [one for one in machine.units if one.unit == unit.unit and one.kind == unit.kind]
        if unit is first:
            several = len({one.kind for one in machine.units if one.unit == unit.unit}) > 1
            yield f"Each {unit.told if several else unit.unit}: {', '.join(one.name for one in (unit, *others))}"
            yield f"  [units.{unit.unit}.adapters.ROLE] and --set {unit.unit}.adapters.ROLE.KEY=VALUE are said of all"
            yield ""
            yield from _roles(unit, main, registry, others)


def _roles(
    holder: MachinePlan | UnitPlan, main: str, registry: Registry, others: Sequence[UnitPlan] = ()
) -> Iterator[str]:
    """What its roles are bound to and their settings; of the ``others`` of a unit what is set otherwise."""
    for role, contract in holder.contracts.items():
        plan = holder.adapters[role]
        use, *settings = role_keys(holder, main, role, registry)
        yield f"  adapter {role}: contract {contract.name}"
        uses = ", ".join([*use.uses, NONE, "FILE.py:CLASS", "CHART.yaml", "machine:NAME"])
        yield f"    {use.key} = {use.value}  (one of {uses}; {use.origin})"
        yield f"        {variable(use.address, main)}"
        if plan.served is not None:
            yield ""
            yield from _machine(plan.served, main, registry)
            continue
        if plan.machine:
            yield f"        the machine {plan.machine}, see there"
            yield ""
            continue
        for one in settings:
            yield f"    {one.key} = {value_text(one.value, one.type) or 'empty'}  ({one.written}; {one.origin})"
            for other in others:
                its = other.adapters[role]
                if its.use == plan.use and its.config.get(one.name) != plan.config.get(one.name):
                    text = value_text(its.config.get(one.name, one.value), one.type)
                    where = its.origins.get(one.name, "default")
                    yield f"    {address(other, main, role)}.{one.name} = {text or 'empty'}  ({where})"
            yield f"        {one.help}"
            yield f"        {variable(one.address, main)}"
        if not settings:
            behind = adapter_class(plan.use, contract.name, registry)
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
