"""From a chart, a station file, the environment and ``--set`` to a station: every value typed, every name known.

Later ones win: the chart's defaults, the station file, the settings beside it, the chosen parameter sets, options
(``--iface``), the environment, ``--set``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from engine.adapter import Registry, Setting
from engine.language.expr.tree import InState
from engine.language.load.installed_files import found, installed_file
from engine.language.load.relatives import scope_of_any
from engine.language.model import Chart, Contract, Spawn
from engine.language.problems import nearest, suggestion
from engine.language.text_values import typed, untyped
from engine.language.traverse import chart_tree, charts_at, child_nodes
from engine.language.types import BOOL, DURATION, Type
from engine.run.faults import split_rules
from engine.run.station.behind import (
    adapter_class,
    checked_use,
    is_chart,
    named_chart,
    named_machine,
    refuse_circle,
    refuse_machine,
    serving_chart,
)
from engine.run.station.claims import refuse_double_claims, refuse_values
from engine.run.station.control import ends, hands, texts
from engine.run.station.faults import fault_places, is_role_fault, role_faults
from engine.run.station.file import Assignment, StationFile, full_address, place_of, rules
from engine.run.station.hidden import hidden, unsaid
from engine.run.station.null_adapter import NONE
from engine.run.station.plan import (
    AdapterPlan,
    Control,
    Headline,
    MachinePlan,
    Ready,
    SetPoint,
    Station,
    StationError,
    UnitPlan,
    UnitRows,
)
from engine.run.station.promises import condition_of, read_promises
from engine.run.station.setting_types import type_of
from engine.run.station.units import Units, main_parameter
from engine.semantics.errors import ParameterError
from engine.semantics.parameters import declaration

_PREFIX = "CHARGER_"
_OF_STATION = ("title", "session_end", "ready", "control", "control_token", "status_every")


@dataclass(frozen=True, slots=True)
class Overrides:
    """Changes by the command line and the environment. ``sets``: ``KEY=VALUE`` texts; ``options``: by name;
    ``command``: the command's own options, for hints; ``settings``: by full address, in the place of those beside the
    station file."""

    sets: Sequence[str] = ()
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    options: Mapping[str, str] = field(default_factory=dict)
    faults: Sequence[str] = ()
    command: Sequence[str] = ()
    settings: Mapping[str, Any] | None = None


def resolve(
    chart_file: Path,
    station_file: Path | None,
    overrides: Overrides,
    registry: Registry,
    load: Callable[[Path], Chart],
) -> Station:
    """The station that runs ``chart_file`` (or the chart a ``.toml`` names).

    A chart that its station file has beside another one (``[machines.NAME] chart``) is run there. Without
    ``station_file`` the chart's own ``station:`` is used; without that, every role gets its contract's first
    implementation, the simulated one. Raises ``StationError``, and what ``load`` raises.
    """
    chart_file = found(chart_file)
    if station_file is not None:
        station_file = found(station_file)
    if chart_file.suffix == ".toml" and station_file is None:
        station_file, chart_file = chart_file, _chart_of(chart_file)
    chart = load(chart_file)
    if station_file is None and chart.station:
        beside = chart_file.parent / chart.station
        station_file = beside if beside.exists() else installed_file(chart.station) or beside
    file = StationFile(station_file, overrides.settings)
    if any(Path(str(machine.get("chart", ""))).name == chart_file.name for machine in file.table("machines").values()):
        chart = load(_chart_of(file.path)) if file.path is not None else chart  # one beside the main machine
    return _Resolver(file, chart, overrides, registry, load).station()


def _chart_of(station_file: Path) -> Path:
    file = StationFile(station_file)
    machine = file.table("station").get("machine")
    if not isinstance(machine, str):
        raise StationError(f'{station_file}: [station] names no machine = "CHART.yaml"')
    return file.relative(machine)


def _options_by_set(file: StationFile, chart: Chart, overrides: Overrides) -> Overrides:
    """``--set NAME=VALUE`` of an option that the station file declares by its values is ``--NAME VALUE``."""
    named = file.named_options() - set(chart.parameters)
    options, sets = dict(overrides.options), []
    for text in overrides.sets:
        name, equals, value = (part.strip() for part in text.partition("="))
        if equals and name in named:
            if value not in file.table("options")[name]:
                raise StationError(f"--set {text}: {name} is none of {', '.join(file.table('options')[name])}")
            options[name] = value
        elif equals and "." not in name and name not in chart.parameters and (near := nearest(name, named)):
            raise StationError(f"--set {text}: there is no {name!r}; did you mean {near!r}?")
        else:
            sets.append(text)
    return replace(overrides, sets=sets, options=options)


class _Resolver:
    def __init__(
        self,
        file: StationFile,
        chart: Chart,
        overrides: Overrides,
        registry: Registry,
        load: Callable[[Path], Chart],
    ) -> None:
        head = file.table("station")
        self.file = file
        self.overrides = _options_by_set(file, chart, overrides)
        self.registry = registry
        self.load = cache(load)
        self.main = str(head.get("name", chart.name))
        title = str(head.get("title", chart.title or chart.name))
        self.plan = Station(
            title, {self.main: MachinePlan(self.main, chart)}, file=str(file.path or ""), settings=file.settings
        )
        self.unloaded = self._absent_by_option()
        self.units = Units(file, chart, self._given)
        self.plan.machines[self.main].units = self.units.plans(chart)
        self.plan.beside = self.units.beside
        for name, content in file.table("machines").items():
            if name in self.unloaded:
                continue  # a vehicle that an option takes away is not worth the time to load it
            if name != self.main and isinstance(content.get("chart"), str):
                self.plan.machines[name] = MachinePlan(name, load(file.relative(content["chart"])))
            elif name != self.main and name not in self.units.names:
                raise StationError(f"{file.path}: [machines.{name}] needs a chart")
        for machine in self.units.machines(lambda path: load(file.relative(path)), self.unloaded):
            if machine.name in self.plan.machines:
                raise StationError(f"{file.path}: there are two machines {machine.name!r}")
            self.plan.machines[machine.name] = machine
        self.plan.display, self.plan.rows = self._picked("display")
        self.plan.setpoints = self._setpoints()
        self.plan.status, self.plan.status_rows = self._picked("status")
        self.parameter_sets = file.sets(self.main)
        self.absent = {name for name, content in file.table("machines").items() if content.get("present") is False}
        self.below: dict[int, list[Assignment]] = {}  # of charts behind roles, by id() of their plan
        self.served: set[int] = set()  # the plans that had a chart, if only for a while

    def _picked(self, table: str) -> tuple[tuple[Headline, ...], tuple[UnitRows, ...]]:
        """Values that views show, of the whole and of every unit."""
        where, content = f"{self.file.path}: [{table}]", self.file.table(table)
        columns = {label: value for label, value in content.items() if "{}" in str(value) and "{}" not in label}
        rest = {label: value for label, value in content.items() if label not in columns}
        whole = tuple(Headline(*line) for line in self.units.lines(rest, where).items())
        return whole, self.units.rows(columns, where)

    def _setpoints(self) -> dict[str, SetPoint]:
        """What values that views show are meant to be."""
        found: dict[str, SetPoint] = {}
        labels = [one.label for rows in (self.plan.display, *(row.columns for row in self.plan.rows)) for one in rows]
        for label, written in self.file.table("setpoints").items():
            told = dict(written) if isinstance(written, Mapping) else {"of": written}
            if label not in labels:
                hint = suggestion(label, labels)
                raise StationError(f"{self.file.path}: [setpoints] {label}: [display] has no such value{hint}")
            if not {"of"} <= told.keys() <= {"of", "during"} or not all(isinstance(one, str) for one in told.values()):
                raise StationError(f'{self.file.path}: [setpoints] {label}: write {{of = "…", during = "…"}}')
            for value in told.values():
                if value.replace("{}", "1").partition(".")[0] not in self.plan.machines:
                    raise StationError(f"{self.file.path}: [setpoints] {label} = {value!r}: write machine.value")
            if "during" in told and not self._has_state(told["during"]):
                raise StationError(f"{self.file.path}: [setpoints] {label}: there is no state {told['during']!r}")
            found[label] = SetPoint(**told)
        return found

    def _has_state(self, written: str) -> bool:
        """Of a machine or a child of its: ``machine.child[{}].state``."""
        root, *parts = re.sub(r"\[[^\]]*\]|\{\}", "", written).split(".")
        machine = self.plan.machines.get(root) or self.plan.machines[written.replace("{}", "1").partition(".")[0]]
        return any(
            ".".join(parts[at:]) in chart.states
            for at in range(len(parts))
            for chart in charts_at(machine.chart, ".".join(parts[:at]))
        )

    def _given(self, parameter: str) -> Assignment | None:
        """What a parameter of the main chart is set to, before anything is resolved: how many units there are."""
        address = f"machines.{self.main}.parameters.{parameter}"
        environ = self.overrides.environ.get(variable(address, self.main))
        options = [
            one
            for name, value in self.overrides.options.items()
            for one in self.file.option(name, value, self.main, self.overrides.command)
        ]
        found = [*self.file.assignments(self.main), *options]
        found += [Assignment(address, environ, variable(address, self.main))] if environ is not None else []
        return main_parameter(parameter, self.main, [*found, *map(self._split, self.overrides.sets)])

    def _absent_by_option(self) -> set[str]:
        """Machines an option takes out of the station."""
        absent = set()
        for option, value in self.overrides.options.items():
            for one in self.file.option(option, value, self.main, self.overrides.command):
                head, _, rest = one.address.removeprefix("machines.").partition(".")
                if one.address.startswith("machines.") and rest == "present" and str(one.value).lower() == "false":
                    absent.add(head)
        return absent

    def station(self) -> Station:
        written = [self._split(text) for text in self.overrides.sets]
        options = [
            one
            for name, value in self.overrides.options.items()
            for one in self.file.option(name, value, self.main, self.overrides.command)
        ]
        self._bind_charts([*self.file.assignments(self.main), *options], written)
        environ = self._environment()
        choices = {name: chosen.default for name, chosen in self.parameter_sets.items()}
        for one in [*environ, *written]:
            name = one.address.removeprefix("sets.")
            if name in choices:
                choices[name] = str(one.value)
        assignments = self.file.assignments(self.main)
        for name, choice in choices.items():
            if choice:
                assignments += self._chosen(name, choice)
        assignments += options
        assignments += [one for one in [*environ, *written] if one.address.removeprefix("sets.") not in choices]
        assignments = self._of_present(assignments)
        faults = [one for one in assignments if one.address.startswith("faults.")]
        for one in [self._in_full(one) for one in assignments if one not in faults]:  # while all charts stand there
            self._assign(one)
        for name in self.absent:
            self.plan.machines.pop(name, None)
        charts = {name: machine.chart for name, machine in self.plan.machines.items()}
        promises = self.file.content.get("invariants", [])
        self.plan.invariants = read_promises(self.file.path, promises, charts, self.absent | self.unloaded)
        for holder in self.plan.holders:
            self._complete(holder)
        refuse_values(self.plan, self.registry, self._place)
        refuse_double_claims(self.plan, self.registry)
        self._faults(faults)
        self.plan.session_end = self._session_end()
        self.plan.ready = self._ready()
        self.plan.sides = self._sides()
        self.plan.control = self._control()
        self.plan.web, self.plan.web_file = self.file.web()
        words = self.file.table("station").get("words")
        self.plan.words = self.file.relative(str(words)) if words is not None else None
        self.plan.programs = self._programs()
        away = self.absent | self.unloaded
        self.plan.absent = frozenset([*away, *self.unloaded_units()])
        self.plan.display = tuple(one for one in self.plan.display if one.value.partition(".")[0] not in away)
        self.plan.status = tuple(one for one in self.plan.status if one.value.partition(".")[0] not in away)
        self.plan.status_rows = tuple(
            replace(one, columns=tuple(c for c in one.columns if c.value.partition(".")[0] not in away))
            for one in self.plan.status_rows
        )
        self.plan.status_every_ns = self._status_every()
        self.plan.surroundings = self._surroundings()
        return self.plan

    def _of_present(self, assignments: list[Assignment]) -> list[Assignment]:
        """What is said of machines that are loaded; of every unit what is said of all."""
        absent = [*self.unloaded, *self.unloaded_units()]
        spread = [one for given in assignments for one in self.units.spread(given)]
        return [one for one in spread if not any(one.address.startswith(f"machines.{name}.") for name in absent)]

    def _bind_charts(self, of_files: list[Assignment], written: list[Assignment]) -> None:
        """The charts that will stand behind roles, and those behind theirs: what variables can name depends on them."""
        bound: list[Assignment] | None = None
        while bound != (found := [*of_files, *self._uses(), *written]):
            bound = found
            uses = [one for one in self._of_present(found) if one.address.endswith(".use")]
            for one in sorted(uses, key=lambda one: one.address.count("adapters.")):
                self._bind_below(one)
            for holder in [one for top in self.plan.holders for one in (top, *top.served())]:
                self._bind_default_charts(holder)

    def _uses(self) -> list[Assignment]:
        """What the environment binds to the roles known so far."""
        given = {name for name in self.overrides.environ if name.startswith(_PREFIX) and name.endswith("_USE")}
        known = self.addresses() if given else []
        names = {variable(one, self.main): one for one in known if one.endswith(".use")}
        return [Assignment(names[name], self.overrides.environ[name], name) for name in sorted(given & names.keys())]

    def _bind_below(self, one: Assignment) -> None:
        """``evse.adapters.supply.use``, or that of a role of a chart which is bound already."""
        name, _, rest = one.address.removesuffix(".use").removeprefix("machines.").partition("adapters.")
        holder: MachinePlan | UnitPlan | None
        holder = next((each for each in self.plan.holders if each.name == (name.rstrip(".") or self.main)), None)
        *above, role = rest.split(".adapters.")
        for outer in above:
            plan = holder.adapters.get(outer) if holder is not None else None
            holder = plan.served if plan is not None else None
        if holder is not None and role in holder.contracts:
            self._assign_setting(one, holder, f"{role}.use")

    def _bind_default_charts(self, machine: MachinePlan | UnitPlan) -> None:
        """Roles that nobody binds, where the first implementation is a chart."""
        for role, contract in machine.contracts.items():
            plan = machine.adapters.setdefault(role, AdapterPlan(""))
            first = next(iter(self.registry.implementations(contract.name)), "")
            if not plan.use and is_chart(first, contract.name, self.registry):
                self._serve(plan, first, Path(), machine, role)

    def _serve(self, plan: AdapterPlan, use: str, folder: Path, machine: MachinePlan | UnitPlan, role: str) -> None:
        chart = serving_chart(use, folder, role, machine.contracts[role], self.registry, self.load)
        above = f"{self.main}/{machine.name}." if isinstance(machine, UnitPlan) else f"{machine.name}/"
        unit = machine.name if isinstance(machine, UnitPlan) else machine.unit
        plan.served, plan.use = MachinePlan(above + role, chart, unit=unit), use
        named = use in self.registry.implementations(machine.contracts[role].name)
        plan.device = named and bool(chart.adapters)  # one without adapters is no device: it is pretended
        self.served.add(id(plan))

    def _chosen(self, name: str, choice: str | list[str]) -> list[Assignment]:
        """The chosen files of a set; several (``a, b, c``) go round the machines of the units."""
        chosen = self.parameter_sets[name]
        choices = choice if isinstance(choice, list) else [part.strip() for part in choice.split(",")]
        machines = self.units.numbered(chosen.machine)
        if len(choices) > 1 and machines == [chosen.machine]:
            raise StationError(f"{name} = {', '.join(choices)}: there is one {chosen.machine}; choose one")
        found = []
        for number, machine in enumerate(machines):
            found += chosen.read(choices[number % len(choices)], machine)
        return found

    def _surroundings(self) -> str:
        """Who sees the title must not take a pretended vehicle for a real one: ``real: link; simulated: supply``."""
        main = self.plan.machines[self.main]
        found: dict[str, list[str]] = {"real": [], "pretended": [], "simulated": [], "absent": []}
        first = {(unit.unit, unit.kind): unit for unit in reversed(main.units)}  # as all of its kind
        holders: list[MachinePlan | UnitPlan] = [main, *first.values()]
        for holder in holders:
            self._look_behind(holder, "", found)
        kinds = [kind for kind, roles in found.items() if roles]
        if kinds == ["simulated"]:
            return "simulated surroundings"
        return "" if kinds == ["real"] else "; ".join(f"{kind}: {', '.join(found[kind])}" for kind in kinds)

    def _look_behind(self, holder: MachinePlan | UnitPlan, prefix: str, found: dict[str, list[str]]) -> None:
        """Sort the roles of a machine by what is behind them, with those of charts behind them; a device is one thing,
        whatever it is made of."""
        for role, contract in holder.contracts.items():
            plan, behind = holder.adapters[role], ""
            if plan.machine:
                continue
            if plan.served is None:
                behind = adapter_class(plan.use, contract.name, self.registry).behind
            elif plan.device:
                parts: dict[str, list[str]] = {}
                self._look_behind(plan.served, "", parts)
                behind = next(iter(parts), "")
            elif plan.served.contracts:
                self._look_behind(plan.served, f"{prefix}{role}.", found)
            else:  # what is said by a chart that has no adapter itself comes from nowhere
                behind = "pretended"
            if behind:
                found.setdefault(behind, []).append(prefix + role)

    # ------------------------------------------------------------ assignments

    def _split(self, text: str) -> Assignment:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise StationError(f"--set {text}: write KEY=VALUE, for example --set C_sounds=8")
        return Assignment(full_address(key.strip(), self.main), value, f"--set {text}")

    def _environment(self) -> list[Assignment]:
        """The ``CHARGER_…`` variables as assignments; one that names nothing is an error."""
        given = {name: value for name, value in self.overrides.environ.items() if name.startswith(_PREFIX)}
        if not given:
            return []
        known: dict[str, list[str]] = {}
        for one in dict.fromkeys(self.addresses()):  # units of several kinds have the same keys
            known.setdefault(variable(one, self.main), []).append(one)
        found = []
        for name, value in sorted(given.items()):
            meant = known.get(name, [])
            if len(meant) > 1:
                keys = " and ".join(one.removeprefix(f"machines.{self.main}.") for one in meant)
                raise StationError(f"environment variable {name} may mean {keys}; use --set")
            address = meant[0] if meant else self._undeclared_setting(name)
            if address is None:
                raise StationError(f"environment variable {name} names nothing here{suggestion(name, known)}")
            found.append(Assignment(address, value, name))
        return found

    def _undeclared_setting(self, name: str) -> str | None:
        sections = [one.removesuffix("use") for one in self.addresses() if one.endswith(".use")]
        for section in sorted(sections, key=len, reverse=True):  # of a chart's roles before that of the chart
            prefix = variable(section, self.main)
            if name.startswith(prefix):
                return section + name.removeprefix(prefix).lower()
        return None

    def addresses(self) -> list[str]:
        """Every address there is, in full."""
        found = [f"sets.{name}" for name in self.parameter_sets]
        found += [f"station.{key}" for key in _OF_STATION]
        for machine in self.plan.machines.values():
            prefix = f"machines.{machine.name}"
            found.append(f"{prefix}.present")
            for path, chart in chart_tree(machine.chart):
                dotted = f"{path}." if path else ""
                found += [f"{prefix}.parameters.{dotted}{name}" for name in chart.parameters]
        for holder in self.plan.holders:
            found += self._addresses_of(holder, f"machines.{holder.name}")
        return found

    def _addresses_of(self, holder: MachinePlan | UnitPlan, prefix: str) -> list[str]:
        """Those of its roles, and of the charts behind them."""
        found = []
        for role, contract in holder.contracts.items():
            section = f"{prefix}.adapters.{role}"
            found += [f"{section}.{key}" for key in ("use", *sorted(self._all_settings(contract.name)))]
            plan = holder.adapters.get(role)
            if plan is not None and plan.served is not None:
                for path, chart in chart_tree(plan.served.chart):
                    dotted = f"{path}." if path else ""
                    found += [f"{section}.parameters.{dotted}{name}" for name in chart.parameters]
                found += self._addresses_of(plan.served, section)
        return found

    def _assign(self, one: Assignment) -> None:
        head, _, rest = one.address.partition(".")
        if head == "station":
            if rest not in _OF_STATION:
                raise StationError(f"{one.origin}: unknown key station.{rest}{suggestion(rest, _OF_STATION)}")
            if rest == "title":
                self.plan.title = str(one.value)
            self.file.content.setdefault("station", {})[rest] = one.value
        elif head == "programs":
            self.file.content.setdefault("programs", {})[rest] = one.value
        elif head == "machines":
            self._assign_machine(one, rest)
        else:
            self._assign_short(one)

    def _assign_machine(self, one: Assignment, rest: str) -> None:
        name, _, tail = rest.partition(".")
        part, _, key = tail.partition(".")
        holder = next((holder for holder in self.plan.holders if holder.name == name), None)
        if holder is not None and part == "adapters":
            self._assign_setting(one, holder, key)
            return
        machine = self.plan.machines.get(name)
        if machine is None:
            raise StationError(f"{one.origin}: there is no machine {name!r}{suggestion(name, self.plan.machines)}")
        if part == "parameters":
            self._assign_parameter(one, machine, key)
        elif part == "present":
            present = one.value if isinstance(one.value, bool) else str(one.value).lower() in ("true", "yes", "on", "1")
            (self.absent.discard if present else self.absent.add)(name)
        elif part != "chart":
            raise StationError(
                f"{one.origin}: unknown key {part!r}{suggestion(part, ('parameters', 'adapters', 'present'))}"
            )

    def _assign_parameter(self, one: Assignment, machine: MachinePlan, key: str) -> None:
        try:
            path, definition = declaration(machine.chart, key)
            if definition.type.secret:
                one = replace(one, origin=unsaid(one.origin))
                value = hidden(one.value, definition.type, f"{one.origin}: parameter {key}")
            else:
                value = typed(one.value, definition.type)
        except ParameterError as error:
            raise StationError(f"{one.origin}: {error}") from None
        except ValueError as error:
            raise StationError(f"{one.origin}: parameter {key}: {error}") from None
        machine.parameters.setdefault(path, {})[definition.name] = value
        machine.origins[key] = one.origin

    def _assign_setting(self, one: Assignment, machine: MachinePlan | UnitPlan, key: str) -> None:
        role, _, setting = key.partition(".")
        contract = machine.contracts.get(role)
        if contract is None or not setting:
            hint = suggestion(role, machine.contracts)
            owner = machine.chart.name if isinstance(machine, MachinePlan) else f"the unit {machine.told}"
            raise StationError(f"{one.origin}: {owner} has no role {role!r}{hint}")
        if setting in self._secret_settings(contract.name):
            one = replace(one, origin=unsaid(one.origin))
        plan = machine.adapters.setdefault(role, AdapterPlan("", origin=one.origin))
        plan.origins[setting] = one.origin
        if setting.startswith(("parameters.", "adapters.")):  # of the chart behind the role, when one is
            self.below.setdefault(id(plan), []).append(Assignment(setting, one.value, one.origin))
        elif setting == "use":
            given = one.origin.startswith(("--set ", _PREFIX))  # a path is seen from where it was written
            folder = Path() if given or self.file.path is None else self.file.path.parent
            plan.machine = named_machine(str(one.value))
            if plan.machine:
                plan.served, plan.device, plan.use = None, False, str(one.value)
                return
            try:
                if is_chart(str(one.value), contract.name, self.registry):
                    self._serve(plan, str(one.value), folder, machine, role)
                    return
                plan.served, plan.device = None, False
                plan.use = checked_use(str(one.value), contract.name, self.registry, folder)
            except StationError as error:
                raise StationError(f"{one.origin}: role {role}: {error}") from error
        else:
            plan.config[setting] = one.value
            plan.origin = one.origin

    def _assign_short(self, one: Assignment) -> None:
        """``PARAM``, ``child.PARAM``, ``role.PARAM`` (of the chart behind it), each also after ``machine.``;
        ``machine.adapters.role.key``."""
        head, _, rest = one.address.partition(".")
        full = self._in_full(one)
        if full is not one:
            self._assign(full)
            return
        if rest and head in [holder.name for holder in self.plan.holders]:
            part = "" if rest.partition(".")[0] in ("parameters", "adapters", "present") else "parameters."
            self._assign(Assignment(f"machines.{head}.{part}{rest}", one.value, one.origin))
            return
        try:
            self._assign(Assignment(f"machines.{self.main}.parameters.{one.address}", one.value, one.origin))
        except StationError as error:
            names = [*self.parameter_sets, *(m for m in self.plan.machines if m != self.main)]
            close = suggestion(head, names) if "did you mean" in suggestion(head, names) else ""
            raise StationError(f"{error}{close}") from None

    def _in_full(self, one: Assignment) -> Assignment:
        """What is said in short of a chart that stands behind a role now, in full; else as it is."""
        head, _, rest = one.address.partition(".")
        holder = next((holder for holder in self.plan.holders if holder.name == head), None)
        if holder is None:
            head, holder, rest = self.main, self.plan.machines[self.main], one.address
        behind = holder.behind(rest)
        return Assignment(f"machines.{head}.{behind}", one.value, one.origin) if behind else one

    # ------------------------------------------------------------ adapters

    def _complete_served(self, plan: AdapterPlan, served: MachinePlan, above: list[Chart]) -> None:
        """The chart behind a role: its own parameters and roles."""
        refuse_circle(served.chart, above, plan.origin)
        inner = self._settings_behind(served.chart) if plan.device else {}
        for key, value in plan.config.items():
            if key in inner:
                one = Assignment(key, value, plan.origins.get(key, plan.origin))
                self._assign_setting(one, served, f"{inner[key]}.{key}")
                continue
            hint = f"{served.chart.name} is a chart: its parameters are in .parameters, its roles in .adapters"
            if key in served.chart.parameters:
                hint = f"{served.chart.name} is a chart: write {served.name.partition('/')[2]}.parameters.{key}"
            elif plan.device:
                hint = suggestion(key, [*inner, *served.chart.parameters]).removeprefix("; ")
            raise StationError(f"{plan.origin}: {served.name}: unknown setting {key!r}; {hint}")
        for one in self.below.get(id(plan), ()):
            part, _, key = one.address.partition(".")
            (self._assign_parameter if part == "parameters" else self._assign_setting)(one, served, key)
        self._complete(served, [served.chart, *above])

    def _complete(self, machine: MachinePlan | UnitPlan, above: list[Chart] | None = None) -> None:
        """Every role bound, every declared setting typed and filled in."""
        self._bind_default_charts(machine)
        for role, contract in machine.contracts.items():
            known = self.registry.implementations(contract.name)
            plan = machine.adapters[role]
            if plan.machine:
                self._complete_machine(machine, role, contract, plan)
                continue
            if plan.served is not None:
                others = self._all_settings(contract.name)
                if plan.device:
                    others -= set(self._settings_behind(plan.served.chart))
                plan.config = {key: value for key, value in plan.config.items() if key not in others}
                own = self.plan.machines[self.main] if isinstance(machine, UnitPlan) else machine
                self._complete_served(plan, plan.served, above or [own.chart])
                continue
            if not known and not plan.use:
                key = f"--set {address(machine, self.main, role)}.use="
                way_out = f"{key}{NONE} runs without an adapter, {key}FILE.py:CLASS with a class of your own"
                raise StationError(
                    f"{machine.name}: nothing implements contract {contract.name} for role {role!r}; {way_out}"
                )
            self._refuse_parameters(plan, role)
            plan.use = plan.use or next(iter(known))
            declared = self._settings(contract.name, plan.use)
            if plan.use == NONE:
                plan.config = {}  # what stands there is for another implementation
                continue
            if not declared:
                plan.config = {k: untyped(v) if isinstance(v, str) else v for k, v in plan.config.items()}
                continue
            unknown = [key for key in plan.config if key not in declared]
            # A setting of another implementation stays in the file when an option exchanges what is bound.
            others = self._all_settings(contract.name) if unknown else set()
            for key in unknown:
                if key not in others:
                    raise StationError(
                        f"{plan.origin}: role {role}, {plan.use}: unknown setting {key!r}{suggestion(key, declared)}"
                    )
            config = {}
            for key, (kind, setting) in declared.items():
                try:
                    if key in plan.config and kind.secret:
                        told = f"{plan.origins.get(key, plan.origin)}: role {role}, setting {key}"
                        config[key] = hidden(plan.config[key], kind, told)
                    elif key in plan.config:
                        config[key] = typed(plan.config[key], kind)
                    else:
                        config[key] = self._name_of(machine, setting) or setting.default
                except ValueError as error:
                    raise StationError(f"{plan.origin}: role {role}, setting {key}: {error}") from None
            plan.config = config

    def _complete_machine(
        self, machine: MachinePlan | UnitPlan, role: str, contract: Contract, plan: AdapterPlan
    ) -> None:
        """Another machine behind a role: it is there, serves, and has its settings in its own section."""
        where = self._place(plan.origins["use"], plan.use)
        own = self.main if isinstance(machine, UnitPlan) else machine.name.partition("/")[0]
        charts = {name: other.chart for name, other in self.plan.machines.items()}
        try:
            refuse_machine(plan.machine, role, contract, own, charts)
        except StationError as error:
            raise StationError(f"{where}: role {role} of {machine.name}: {error}") from None
        others = self._all_settings(contract.name)
        unknown = [key for key in plan.config if key not in others]
        for key in unknown + [one.address for one in self.below.get(id(plan), ())]:
            hint = f"{plan.machine} is a machine: its own section is [machines.{plan.machine}]"
            raise StationError(f"{plan.origins.get(key, where)}: role {role}: unknown setting {key!r}; {hint}")
        plan.config = {}

    def _place(self, origin: str, written: str) -> str:
        """Where a text stands in the station file; TOML's reader does not say."""
        if self.file.path is not None and origin == str(self.file.path):
            return str(place_of(self.file.path, written))
        return origin

    def _refuse_parameters(self, plan: AdapterPlan, role: str) -> None:
        """What a file says of a chart may be for another choice; what is said by hand is for this one."""
        for one in self.below.get(id(plan), ()):
            if id(plan) not in self.served and one.origin.startswith(("--set ", _PREFIX)):
                raise StationError(f"{one.origin}: no chart stands behind role {role}, which has no {one.address!r}")

    def _name_of(self, machine: MachinePlan | UnitPlan, setting: Setting) -> str:
        """The default of a setting that names something: a host is called as its machine where there are several, a
        cable as the unit it belongs to."""
        if setting.names == "unit":
            return machine.unit if isinstance(machine, MachinePlan) else machine.name
        root, _, role = machine.name.partition("/")  # a role: of a chart that serves this machine, or its unit
        owner = machine.unit if "." in role.partition("/")[0] else root
        return owner if setting.names == "machine" and len(list(self.plan.holders)) > 1 else ""

    def _settings(self, contract: str, use: str) -> dict[str, tuple[Type, Setting]]:
        if use == NONE:
            return {}
        settings = adapter_class(use, contract, self.registry).settings
        return {key: (type_of(s), s) for key, s in settings.items()}

    def _secret_settings(self, contract: str) -> set[str]:
        """Those that are secret in any implementation that can be imported here."""
        found: set[str] = set()
        for use in self.registry.implementations(contract):
            if not is_chart(use, contract, self.registry):
                with suppress(StationError):  # one for other machines than this: a library is missing
                    found.update(key for key, (kind, _) in self._settings(contract, use).items() if kind.secret)
        return found

    def _all_settings(self, contract: str) -> set[str]:
        """The settings of every implementation that can be imported here."""
        found: set[str] = set()
        for use in self.registry.implementations(contract):
            if is_chart(use, contract, self.registry):
                found.update(self._settings_behind(named_chart(use, contract, self.registry, self.load)))
                continue
            try:
                found.update(self._settings(contract, use))
            except StationError:  # one for other machines than this: a library is missing
                continue
        return found

    def _settings_behind(self, chart: Chart) -> dict[str, str]:
        """The settings of what is behind the roles of a device that is a chart, which are written as its own, and the
        role of each."""
        return {key: role for role, inner in chart.adapters.items() for key in self._all_settings(inner.name)}

    def _faults(self, of_sets: list[Assignment]) -> None:
        """The rules of the station file, of parameter sets (about the machine of the set) and of ``--fault``."""
        where = f"{self.file.path}: [station]"
        given = [(rule, self.main, where) for rule in rules(self.file.table("station"), where)]
        given += [(str(one.value), one.address.partition(".")[2], one.origin) for one in of_sets]
        given += [(rule, self.main, "--fault") for text in self.overrides.faults for rule in split_rules(text)]
        frames = []
        places = fault_places(self.plan)
        for rule, machine, origin in given:
            if not is_role_fault(rule):
                frames.append(rule)
            elif machine in self.plan.machines:  # one of a machine that is not here strikes nobody
                self.plan.faults += role_faults(rule, places, machine, origin)
        if frames:
            self._spread_fault(",".join(frames))

    def _spread_fault(self, fault: str) -> None:
        taken = 0
        for top in self.plan.holders:
            for plan in [plan for holder in (top, *top.served()) for plan in holder.adapters.values()]:
                if "fault" in plan.config:
                    plan.config["fault"], plan.origins["fault"] = fault, "--fault"
                    taken += 1
        if not taken:
            raise StationError(f"--fault {fault}: no adapter of this station has a setting 'fault'")

    def _status_every(self) -> int | None:
        text = str(self.file.table("station").get("status_every", "none"))
        try:
            every = typed(text, replace(DURATION, optional=True))
        except ValueError as error:
            raise StationError(f"{self.file.path}: status_every = {text!r}: {error}") from None
        if every is not None and every <= 0:
            raise StationError(f"{self.file.path}: status_every = {text!r}: a time, or none")
        return None if every is None else int(every)

    def _programs(self) -> dict[str, str]:
        programs = self.file.table("programs")
        for name, command in programs.items():
            if not isinstance(command, str) or not command.strip():
                raise StationError(f"{self.file.path}: [programs] {name}: write a command, not {command!r}"[:300])
        return dict(programs)

    def _control(self) -> Control | None:
        head = self.file.table("station")
        where = str(head.get("control", ""))
        if not where and not self.file.table("control"):
            return None
        token, number = str(head.get("control_token", "")), str(head.get("control_number", ""))
        return Control(where, token, hands(self.file), number, texts(self.file), ends(self.file))

    def _session_end(self) -> tuple[str, str] | None:
        text = self.file.table("station").get("session_end")
        if text is None:
            chart = self.plan.machines[self.main].chart
            if chart.session is not None:
                return self.main, chart.session.result
            for node in child_nodes(chart):  # what is done again and again is done at its units
                if isinstance(node, Spawn) and node.unit is not None and node.chart.session is not None:
                    return f"{self.main}/{node.id}", node.chart.session.result
            return None
        machine, _, event = str(text).partition(".")
        if machine not in self.plan.machines or not event:
            hint = suggestion(machine, self.plan.machines)
            raise StationError(f"{self.file.path}: session_end = {text!r}: write machine.event{hint}")
        return machine, event

    def _sides(self) -> dict[str, str]:
        """``[sides]``: a machine that does not run here has no side; one no chart has is an error."""
        found = {}
        lines = self.units.lines(self.file.table("sides"), f"{self.file.path}: [sides]")
        for label, path in lines.items():
            root, _, child = re.sub(r"\[\d+\]", "", path).partition("/")
            machine = self.plan.machines.get(root)
            if machine is None and root in [*self.file.table("machines"), *self.unloaded_units()]:
                continue
            charts = dict(chart_tree(machine.chart)) if machine is not None else {}
            if child.replace("/", ".") not in charts:
                hint = (
                    suggestion(child, [c.replace(".", "/") for c in charts])
                    if charts
                    else suggestion(root, self.plan.machines)
                )
                raise StationError(f"{self.file.path}: [sides] {label} = {path!r}: write machine/child{hint}")
            found[label] = path
        return found

    def unloaded_units(self) -> list[str]:
        """Machines of units that an option takes away."""
        return [name for machine in self.unloaded for name in self.units.numbered(machine)]

    def _ready(self) -> Ready | None:
        """``machine/child.state``, or ``{machine = "machine/child", expr = "…"}``."""
        given = self.file.table("station").get("ready")
        if given is None:
            return None
        if isinstance(given, dict):
            path = given.get("machine", self.main)
            charts, _ = self.plan.charts_at(str(path))
            if not charts or {*given} - {"machine", "expr"} or not isinstance(given.get("expr"), str):
                hint = suggestion(str(path).partition("/")[0], self.plan.machines) if not charts else ""
                form = 'write {machine = "machine/child", expr = "…"}'
                raise StationError(f"{self.file.path}: ready = {given!r}: {form}{hint}")
            condition = condition_of(self.file.path, given["expr"], scope_of_any(charts))
            return Ready(path, condition, f"{path}: {given['expr']}")
        path, _, state = str(given).partition(".")
        root = path.partition("/")[0]
        charts, _ = self.plan.charts_at(path)
        if not any(state in chart.states for chart in charts):
            hint = suggestion(state, charts[0].states) if charts else suggestion(root, self.plan.machines)
            raise StationError(f"{self.file.path}: ready = {given!r}: write machine.state or machine/child.state{hint}")
        return Ready(path, InState(state, BOOL), str(given))


def address(machine: MachinePlan | UnitPlan, main: str, role: str) -> str:
    """The address of a role's section: ``adapters.link`` of the main machine, ``machines.pev.adapters.link``,
    ``adapters.supply.adapters.modules`` of a chart that serves."""
    root, *above = machine.name.split("/")
    if above and "." in above[0]:  # behind a role of a unit
        root, _, above[0] = above[0].partition(".")
    roles = ".".join(f"adapters.{one}" for one in (*above, role))
    return roles if root == main else f"machines.{root}.{roles}"


def variable(address: str, main: str) -> str:
    """The environment variable of an address: ``CHARGER_ADAPTERS_LINK_USE`` for the main machine's."""
    short = address.removeprefix(f"machines.{main}.")
    return _PREFIX + short.replace(".", "_").upper()
