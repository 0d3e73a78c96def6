"""Units: parts that a station has several times, declared once.

    [units.outlet.adapters.pilot]          a role of every outlet: of outlet1, outlet2, …
    use = "simulated"
    [units.outlet.machines.pev]            a machine beside every outlet: pev1, pev2, …
    chart = "../pev_dc.yaml"

The main chart says how many there are (``units: {outlet: {count: outlets}}``), and of what kinds, where there are
several (``kinds: kinds``, a parameter): ``kind = "ac"`` at a machine beside them says at which it stands; what is said
of a role is said of those that have it. ``{}`` in a value is the number.
Settings that name a cable, a host and the like default to the name of the unit or its machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.language.expr.evaluate import evaluate
from engine.language.model import Chart, Spawn, UnitDef
from engine.language.problems import suggestion
from engine.language.text_values import typed
from engine.language.traverse import child_nodes
from engine.language.values import EvaluationError
from engine.run.station.file import Assignment, StationFile
from engine.run.station.plan import Headline, MachinePlan, StationError, UnitPlan, UnitRows
from engine.semantics.parameters import ParameterScope

MOST = 99
_NUMBERED = re.compile(r"([A-Za-z_]\w*?)(?:\[(\d+)\]|(\d+))")


class Units:
    """The units of one station. ``given(parameter)``: what a parameter of the main chart is set to, None when nothing
    sets it. Raises ``StationError`` for a unit the chart does not have and a count that is none."""

    def __init__(self, file: StationFile, chart: Chart, given: Callable[[str], Assignment | None]) -> None:
        self._file = file
        self.counts: dict[str, int] = {}
        self._kinds: dict[str, list[str]] = {}  # of each, in its order
        for name, unit in chart.units.items():
            self.counts[name], self._kinds[name] = _counted(unit, chart, given)
        self._machines: dict[str, str] = {}  # name in the file -> its unit
        self._beside: dict[str, list[int]] = {}  # -> the numbers of those at which it stands
        for name, content in file.units().items():
            if name not in chart.units:
                hint = suggestion(name, chart.units)
                raise StationError(f"{file.path}: [units.{name}]: {chart.name} has no unit {name!r}{hint}")
            for machine in content.get("machines", {}):
                if machine in self._machines or machine in file.table("machines"):
                    raise StationError(f"{file.path}: there are two machines {machine!r}")
                self._machines[machine] = name
                self._beside[machine] = self._numbers(name, content["machines"][machine], machine)
        self._spawned = {n.id: n.unit for n in child_nodes(chart) if isinstance(n, Spawn) and n.unit is not None}
        self._roles = {name: set().union(*unit.roles.values()) for name, unit in chart.units.items()}
        self._plans: list[UnitPlan] = []

    def _numbers(self, unit: str, machine: Mapping[str, Any], name: str) -> list[int]:
        """The numbers of the units at which a machine stands."""
        kind = machine.get("kind")
        where = f"{self._file.path}: [units.{unit}.machines.{name}]"
        if kind is not None and not any(self._kinds[unit]):
            raise StationError(f"{where}: kind = {kind!r}, and all {unit}s are of one kind")
        return [n for n, own in enumerate(self._kinds[unit], 1) if kind is None or own == kind]

    @property
    def beside(self) -> tuple[str, ...]:
        """What the machines beside the units are called, without their numbers."""
        return tuple(self._machines)

    @property
    def names(self) -> list[str]:
        """Every unit and every machine beside one, by its name."""
        machines = [one for machine in self._machines for one in self.numbered(machine)]
        return [
            *(f"{name}{number}" for name, count in self.counts.items() for number in range(1, count + 1)),
            *machines,
        ]

    def plans(self, chart: Chart) -> list[UnitPlan]:
        """Every unit with its roles, nothing bound yet."""
        self._plans = [
            UnitPlan(f"{name}{number}", name, number, unit.roles.get(kind, {}), kind)
            for name, unit in chart.units.items()
            for number, kind in enumerate(self._kinds[name], 1)
        ]
        return self._plans

    def machines(self, load: Callable[[str], Chart], absent: set[str]) -> Iterator[MachinePlan]:
        """The machines beside the units, of the first unit first. Raises ``StationError`` for one without a chart."""
        charts = {}
        for machine, unit in self._machines.items():
            content = self._file.units()[unit]["machines"][machine]
            if not isinstance(content.get("chart"), str):
                raise StationError(f"{self._file.path}: [units.{unit}.machines.{machine}] needs a chart")
            if machine not in absent and self._beside[machine]:
                charts[machine] = load(content["chart"])
        for number in range(1, max(self.counts.values(), default=0) + 1):
            for machine, chart in charts.items():
                if number in self._beside[machine]:
                    yield MachinePlan(f"{machine}{number}", chart, unit=f"{self._machines[machine]}{number}")

    def numbered(self, machine: str) -> list[str]:
        """The machines that the name of one stands for: itself, or all of its name in the units."""
        unit = self._machines.get(machine)
        return [machine] if unit is None else [f"{machine}{n}" for n in self._beside[machine]]

    def spread(self, one: Assignment) -> list[Assignment]:
        """What is said of a unit, or of a machine in each, said of every one: ``outlet.adapters.v2g.port`` of
        ``outlet1``, ``outlet2``, …; ``outlet2.session.X`` and ``outlet[2].session.X`` is a parameter of that child;
        ``outlet.supply.X`` and ``outlet2.supply.X`` of the chart behind that role. Raises ``StationError`` for a
        machine that stands at none of them."""
        address = one.address.removeprefix("machines.")
        head, _, rest = address.partition(".")
        if head == "units":
            name, _, rest = rest.partition(".")
            if rest.startswith("machines."):
                head, _, rest = rest.removeprefix("machines.").partition(".")
            else:
                head = name
        if not one.address.startswith(("units.", "machines.")):
            rest = self._behind(head, rest) or rest
        bound = rest.partition(".")[0] == "adapters"
        if head in self._machines:
            if not self._beside[head] and one.origin.startswith("--set "):
                raise StationError(f"{one.origin}: no {self._machines[head]} is of the kind of {head} here")
            return self._of_each(one, head, rest, self.counts[self._machines[head]], self._beside[head])
        if head in self.counts and bound:
            role = rest.split(".")[1]
            kinds = [plan.contracts for plan in self._plans if plan.unit == head]
            has = [number for number, roles in enumerate(kinds, 1) if role in roles or role not in self._roles[head]]
            return self._of_each(one, head, rest, self.counts[head], has)
        match = _NUMBERED.fullmatch(head)
        if match is not None and rest and not one.address.startswith("units."):
            name, number = match[1], int(match[2] or match[3])
            if name in self.counts and bound and number <= self.counts[name]:
                return [replace(one, address=f"machines.{name}{number}.{rest}")]
            if name in self._spawned and not bound:
                parameter = rest.removeprefix("parameters.")  # [machines.outlet2.parameters] of a station file
                return [replace(one, address=f"{self._child(one, name, number)}.{parameter}")]
        return [one]

    def _behind(self, head: str, key: str) -> str:
        """A short key of a chart behind a role of a unit, or of all, in full."""
        meant = [unit for unit in self._plans if head in (unit.unit, unit.name, f"{unit.unit}[{unit.number}]")]
        return next(filter(None, (unit.behind(key) for unit in meant)), "")

    def _child(self, one: Assignment, name: str, number: int) -> str:
        unit = self._spawned[name]
        if not 1 <= number <= self.counts[unit]:
            raise StationError(f"{one.origin}: there is no {unit} {number}, only 1 to {self.counts[unit]}")
        return f"{name}[{number}]"

    def _of_each(self, one: Assignment, head: str, rest: str, count: int, meant: Sequence[int]) -> list[Assignment]:
        """For every unit that is ``meant``; of an option with several values the first unit has the first, and so
        on."""
        listed = one.origin.startswith("--") and not one.origin.startswith("--set ") and isinstance(one.value, list)
        values = one.value if listed else [one.value]
        if len(values) not in (1, count):
            raise StationError(
                f"{one.origin}: {len(values)} values for {count} of {head}; give one for each, or a text with {{}} for "
                f"the number"
            )
        each = values * count if len(values) == 1 else values
        return [self._of(replace(one, value=each[n - 1]), f"{head}{n}", rest, n) for n in meant]

    @staticmethod
    def _of(one: Assignment, machine: str, rest: str, number: int) -> Assignment:
        value = one.value.replace("{}", str(number)) if isinstance(one.value, str) else one.value
        full = one.address.startswith(("units.", "machines."))
        return Assignment(f"machines.{machine}.{rest}" if full else f"{machine}.{rest}", value, one.origin)

    def lines(self, table: Mapping[str, Any], where: str) -> dict[str, str]:
        """``LABEL = "…{}…"`` of a table, once for every unit it speaks of."""
        found: dict[str, str] = {}
        for label, value in table.items():
            text = str(value)
            if "{}" not in text:
                found[label] = text
                continue
            for number in self._numbers_in(text, where):
                found[label.replace("{}", str(number))] = text.replace("{}", str(number))
        return found

    def rows(self, table: Mapping[str, Any], where: str) -> tuple[UnitRows, ...]:
        """``LABEL = "…{}…"`` of a table as columns, a row for every unit."""
        columns: dict[str, list[Headline]] = {}
        for label, value in table.items():
            columns.setdefault(self._unit_in(str(value), where), []).append(Headline(label, str(value)))
        return tuple(UnitRows(unit, self.counts[unit], tuple(found)) for unit, found in columns.items())

    def _numbers_in(self, text: str, where: str) -> Sequence[int]:
        """Of the units, or of those at which the machine stands, that a text speaks of."""
        unit = self._unit_in(text, where)
        beside = [numbers for machine, numbers in self._beside.items() if re.search(rf"\b{machine}\{{\}}", text)]
        return beside[0] if beside else range(1, self.counts[unit] + 1)

    def _unit_in(self, text: str, where: str) -> str:
        for name, unit in {**self._machines, **{u: u for u in self.counts}, **self._spawned}.items():
            if re.search(rf"\b{re.escape(name)}\[?\{{\}}", text):
                return unit
        beside = set(self._file.table("machines")) & {text.partition(".")[0]}
        if (
            beside and "[{}]" in text and len(self.counts) == 1
        ):  # a child for each unit, in a machine beside the main one
            return next(iter(self.counts))
        known = ", ".join([*self.counts, *self._machines]) or "none here"
        raise StationError(f"{where}: {text!r}: {{}} is the number of a unit or its machine ({known})")


def _counted(unit: UnitDef, chart: Chart, given: Callable[[str], Assignment | None]) -> tuple[int, list[str]]:
    """How many there are, and of what kind each is; ``""`` where there are no kinds."""
    values: dict[str, Any] = {}
    origin = chart.file
    for name, definition in chart.parameters.items():
        one = given(name)
        try:
            if one is not None:
                values[name] = typed(one.value, definition.type)
                origin = one.origin
            elif definition.default is not None:
                values[name] = evaluate(definition.default, ParameterScope(chart, values))
        except (EvaluationError, ValueError) as error:
            if one is not None:
                raise StationError(f"{one.origin}: parameter {name}: {error}") from None
    try:
        count = evaluate(unit.count, ParameterScope(chart, values))
        kinds = (
            [""] if unit.kinds is None else [str(one) for one in evaluate(unit.kinds, ParameterScope(chart, values))]
        )
    except (EvaluationError, KeyError) as error:
        raise StationError(f"{unit.position}: how many {unit.name} there are is not known: {error}") from None
    if type(count) is not int or not 1 <= count <= MOST:
        raise StationError(f"{origin}: {count} units {unit.name!r}; there may be 1 to {MOST}")
    if not kinds:
        raise StationError(f"{origin}: of what kind each {unit.name} is, is not said")
    if unknown := [one for one in kinds if unit.kinds is not None and one not in unit.roles]:
        known = ", ".join(unit.roles)
        raise StationError(f"{origin}: no {unit.name} is of the kind {unknown[0]!r}; there are {known}")
    return count, [kinds[n % len(kinds)] for n in range(count)]


def main_parameter(name: str, main: str, assignments: Iterable[Assignment]) -> Assignment | None:
    """The last assignment of a parameter of the main machine."""
    addresses = (name, f"{main}.{name}", f"machines.{main}.parameters.{name}", f"{main}.parameters.{name}")
    return next((one for one in reversed(list(assignments)) if one.address in addresses), None)
