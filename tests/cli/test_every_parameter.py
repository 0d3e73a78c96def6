"""A parameter is declared once: whoever edits its default in the chart that uses it changes what runs.

Every default of every shipped chart is edited in a copy, each to a value of its own, and looked for at every child of
every supervisor; then each is set from outside by its path. Last, whole sessions: the edit shows on the wire, in time.
"""

from __future__ import annotations

import itertools
import json
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

import engine
from engine.cli import main
from engine.language.expr import tree
from engine.language.expr.text import to_text
from engine.language.expr.walk import within
from engine.language.model import Chart, Invoke, ParameterDef, Spawn
from engine.language.traverse import chart_tree, child_nodes
from engine.language.types import Kind, Type
from engine.run import System
from engine.run.effects import perform
from engine.run.machine import Machine
from engine.run.registry import installed
from engine.run.station import MachinePlan, Overrides, build, resolve
from engine.run.station.resolve import variable
from engine.semantics.step import StartChild, Step
from tests.scenarios.stage import Puppet

MACHINES = Path(__file__).parents[2] / "machines"
CHARTS = sorted(str(path.relative_to(MACHINES)) for path in MACHINES.rglob("*.yaml") if "contract" not in path.name)
shipped = cache(engine.load)  # each is read once
STATIONS = sorted((MACHINES / "stations").glob("*.toml"))
NAMED_BY_PARENT = {
    ("charge_point", "connector.operative"): "what the central system ordered before the program began",
    ("charge_point", "connection.secure_url"): "the charge point's, since more than the line has to know it",
    ("charge_point", "configuration.secure"): "whether one of its URLs is TLS",
    ("charge_point", "diagnostics.identity"): "the charge point's, which is in the names of its logs",
    **dict.fromkeys(
        (("connector", f"{child}.{name}") for child in ("asked", "by_clock") for name in ("context", "to")),
        "why it is read, and who is told",
    ),
    ("connector", "asked.transaction"): "the one that runs",
    ("connector", "asked.transactionId"): "the one that runs",
    **dict.fromkeys(
        (
            ("connector", f"transaction.{name}")
            for name in (
                "behind",
                "reservationId",
                "resumed",
                "resumed_at",
                "resumed_from",
                "resumed_last",
                "resumed_meter",
            )
        ),
        "whose transaction it is, and which one a power loss has cut",
    ),
    **dict.fromkeys(
        (
            ("connector", f"closing.{name}")
            for name in ("by", "timestamp", "value", "context", "measurand", "phase", "unit")
        ),
        "the end as it was",
    ),
    **dict.fromkeys(
        (("transaction", f"{child}.context") for child in ("first", "aligned", "sample")), "why it is read"
    ),
    **dict.fromkeys(
        (("transaction", f"{child}.not_before") for child in ("aligned", "look", "sample", "sampled")),
        "the times of a transaction never fall",
    ),
    **dict.fromkeys(
        (("transaction", f"{child}.{name}") for child in ("aligned", "sampled") for name in ("to", "transaction")),
        "what belongs to a transaction goes into the file under its number",
    ),
    ("ocpp_diagnostics", "diagnostics_upload.path"): "what was collected",
    ("ocpp_diagnostics", "log_upload.path"): "what was collected",
    ("site", "outlet.U_cap"): "a back end is told of direct current by the same voltage",
    ("evcc_iso2", "rows.start"): "what the station said",
    ("soc_reader", "slac.auto_start"): "the pilot is the supervisor's: it tells when to match",
    ("soc_reader", "discovery.port_tcp"): "the port that is really open",
    ("soc_reader", "discovery.port_tls"): "the port that is really open",
    (
        "soc_reader",
        "slac.TT_EVSE_SLAC_init",
    ): "a vehicle that says nothing is charged unread, and need not wait so long",
    ("module_supply", "module.U_stored"): "the least voltage that the modules say they can give",
    ("evse_ac", "slac.auto_start"): "the pilot is the supervisor's: it tells when to match",
    (
        "evse_ac",
        "slac.TT_EVSE_SLAC_init",
    ): "an AC station has the nominal duty for vehicles that do not speak, and need not wait so long",
    ("evse_ac", "discovery.port_tcp"): "the port that is really open",
    ("evse_ac", "discovery.port_tls"): "the port that is really open",
    ("evse_ac", "session.supported_namespaces"): "DIN has no AC",
    ("evse_ac", "session.supported_protocols"): "DIN has no AC",
    ("evse_ac", "session.supported_major"): "DIN has no AC",
    **dict.fromkeys(
        (("pilot_firmware", f"line.{name}") for name in ("T_debounce", "T_unplug_grace", "T_duty_change")),
        "the host behind the board waits for these itself",
    ),
    ("ac_outlet", "cp_line.T_power_filter"): "an AC outlet has 100 ms to open, a DC station acts on the first sample",
    ("ac_output", "watch.message_limit"): "what the vehicle was told last",
    ("evse_dc", "slac.auto_start"): "the pilot is the supervisor's: it tells when to match",
    ("evse_dc", "discovery.port_tcp"): "the port that is really open",
    ("evse_dc", "discovery.port_tls"): "the port that is really open",
    ("secc", "dialogue.protocol"): "what both have agreed on",
    ("secc", "dialogue.paused_session"): "the id that a pause has left",
    ("pev_dc", "session.set_up_only"): "some models only set up the first session of a plug-in",
    ("evcc", "dialogue.set_up_only"): "what the supervisor says of this session",
    ("pev_ac", "session.resumes"): "the id that a pause has left",
    ("evcc", "dialogue.resumes"): "the id that a pause has left",
    ("evcc", "dialogue.protocol"): "as the station has chosen",
}
"""Parameters with a default that a shipped parent changes all the same, and why."""


def other(value: Any, type_: Type, number: int) -> Any:
    """Another value that fits: of numbers and texts one that no other ``number`` gives."""
    match type_.kind:
        case Kind.BOOL:
            return not value
        case Kind.DURATION:
            new = (value or 0) + number * 1_000_000
            return new if type_.maximum is None else min(new, type_.maximum)
        case Kind.INT | Kind.FLOAT:
            if type_.maximum is not None:
                return type_.minimum if value == type_.maximum else type_.maximum
            return (value or 0) + (number if type_.kind is Kind.INT else number / 8)
        case Kind.ENUM:
            return next(one for one in type_.values if one != value)
        case Kind.STRING:
            return f"{value or ''}{number}"
        case Kind.BYTES:
            return (value or b"") + number.to_bytes(2, "big")
        case Kind.LIST:
            item = type_.item
            assert item is not None
            return [*value, other(value[0] if value else "", item, number)]
    raise AssertionError(f"no other value for {type_}")


def written(value: Any, type_: Type) -> str:
    """A value as a chart has it."""
    if isinstance(value, list):
        assert type_.item is not None
        return f"[{', '.join(written(item, type_.item) for item in value)}]"
    return to_text(tree.Literal(value, type_))


def typed_by_hand(value: Any, type_: Type) -> str:
    """A value as ``--set`` and a variable have it."""
    if isinstance(value, list):
        return ", ".join(typed_by_hand(item, type_.item) for item in value)  # type: ignore[arg-type]
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, str) else written(value, type_)


def edit(file: Path, texts: Mapping[str, str]) -> None:
    """Give parameters of a chart other defaults, in place."""
    text = file.read_text()
    root = yaml.compose(text, Loader=yaml.CSafeLoader)  # takes `string?` between braces, as YAML does
    (declared,) = [value for key, value in root.value if key.value == "parameters"]
    places = []
    for name, body in declared.value:
        for key, value in body.value:
            if key.value == "default" and name.value in texts:
                places.append((value.start_mark.index, value.end_mark.index, texts[name.value]))
    assert len(places) == len(texts), file
    for start, end, new in reversed(places):
        end = start + len(text[start:end].rstrip())  # a block ends with the line
        text = f"{text[:start]}{json.dumps(new)}{text[end:]}"
    file.write_text(text)


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[tuple[str, str], Any]]:
    """A copy of machines/ in which every default is another one, and these by chart and parameter."""
    copy = tmp_path_factory.mktemp("edited") / "machines"
    shutil.copytree(MACHINES, copy)
    values: dict[tuple[str, str], Any] = {}
    for file in CHARTS:
        chart = shipped(MACHINES / file)
        defaults = Machine(chart, {n: _zero(p) for n, p in chart.parameters.items() if p.default is None}).parameters
        new = {
            name: other(defaults[name], parameter.type, len(values) + number)
            for number, (name, parameter) in enumerate(chart.parameters.items(), 1)
            if parameter.default is not None
        }
        if new:
            edit(copy / file, {name: written(value, chart.parameters[name].type) for name, value in new.items()})
        values |= {(chart.name, name): value for name, value in new.items()}
    return copy, values


def _zero(parameter: ParameterDef) -> Any:
    """The least that it may be, not below zero."""
    zeros: dict[Kind, Any] = {
        Kind.LIST: [],
        Kind.BYTES: b"",
        Kind.FLOAT: 0.0,
        Kind.INT: 0,
        Kind.DURATION: 0,
        Kind.STRING: "",
        Kind.BOOL: False,
    }
    if parameter.type.kind is Kind.ENUM:
        return parameter.type.values[0]
    zero, least = zeros[parameter.type.kind], parameter.type.minimum
    return max(zero, least) if isinstance(zero, int | float) and least is not None else zero


def starters(chart: Chart) -> Iterator[Invoke | Spawn]:
    for node in child_nodes(chart):
        if node.chart is not None:
            yield node


def running(
    chart: Chart, given: Mapping[str, Any] | None = None
) -> Iterator[tuple[str, Chart, set[str], dict[str, Any]]]:
    """Every machine a chart starts, by every way: its path, its chart, what its parent hands to it, its parameters."""

    def silent(what: str, data: Mapping[str, Any]) -> None:
        """Nobody listens to a puppet."""

    def below(actor: Any, path: str) -> Iterator[tuple[str, Chart, set[str], dict[str, Any]]]:
        for node in starters(actor.machine.chart):
            assert node.chart is not None
            handed = {name: _zero(node.chart.parameters[name]) for name, _ in node.input}
            perform(system, actor, Step(None, effects=(StartChild(node.id, node, handed),)))
            child = actor.children.pop((node.id, None))
            here = f"{path}.{node.id}".removeprefix(".")
            yield here, node.chart, set(handed), dict(child.machine.parameters)
            yield from below(child, here)

    system = System(make=lambda one, parameters: Puppet(Machine(one, parameters), silent))
    root = system.add(chart, "root", given)
    yield "", chart, set(), dict(root.machine.parameters)
    yield from below(root, "")


@pytest.mark.parametrize("file", CHARTS)
def test_an_edited_default_is_the_value_at_every_child(
    edited: tuple[Path, dict[tuple[str, str], Any]], file: str
) -> None:
    copy, values = edited
    seen = 0
    chart = engine.load(copy / file)
    given = {n: _zero(p) for n, p in chart.parameters.items() if p.default is None}
    for path, one, handed, parameters in running(chart, given):
        for name, parameter in one.parameters.items():
            if parameter.default is not None and name not in handed:
                assert parameters[name] == values[one.name, name], f"{path}.{name}"
                seen += 1
    assert seen >= sum(1 for parameter in chart.parameters.values() if parameter.default is not None)


def test_parents_hand_down_only_what_they_change() -> None:
    """A value that a parent names is one nobody can change at the child: each has its reason."""
    found = {
        (chart.name, f"{node.id}.{name}")
        for file in CHARTS
        for chart in [shipped(MACHINES / file)]
        for node in starters(chart)
        for name, _ in node.input
        if node.chart is not None and node.chart.parameters[name].default is not None
    }
    assert found == set(NAMED_BY_PARENT)


@cache
def addresses(station: Path) -> dict[str, tuple[ParameterDef, Any]]:
    """Every parameter of a station by machine and path, with another value than its default; how many units there are
    and of what kinds stays."""
    found: dict[str, tuple[ParameterDef, Any]] = {}
    plan = resolve(station, None, Overrides((), {}), installed(), shipped)
    for name, machine in plan.machines.items():
        for path, chart in chart_tree(machine.chart):
            counts = {
                part.name
                for unit in chart.units.values()
                for expr in (unit.count, unit.kinds)
                for part in (() if expr is None else within(expr))
                if hasattr(part, "name")
            }
            values = Machine(chart, {n: _zero(p) for n, p in chart.parameters.items() if p.default is None}).parameters
            for parameter in chart.parameters.values():
                value = values[parameter.name]
                if parameter.name not in counts:
                    value = other(value, parameter.type, len(found) + 1)
                found[".".join(part for part in (name, path, parameter.name) if part)] = (parameter, value)
    return found


def base(machine: MachinePlan) -> str:
    """The name a machine has in its station file: of ``pev2``, which stands beside the second unit, ``pev``."""
    return machine.name.rstrip("0123456789") if machine.unit else machine.name


def inline(value: Any) -> str:
    """A value as TOML has it."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)} = {inline(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(inline, value))}]"
    return json.dumps(value, ensure_ascii=False)


def with_tables(station: Path, texts: Mapping[str, str], machines: Mapping[str, MachinePlan], folder: Path) -> Path:
    """The station file, in a copy of machines/, with a table of parameters for each child."""
    shutil.copytree(MACHINES, folder / "machines")
    content = tomllib.loads(station.read_text())
    for chosen in content.get("sets", {}).values():
        chosen.pop("default", None)  # what a set says goes before the rest of the file
    main_machine = next(iter(machines))
    for address, text in texts.items():
        name, *path, parameter = address.split(".")
        table = content
        if name != main_machine:
            machine = machines[name]
            if machine.unit:
                table = table.setdefault("units", {}).setdefault(machine.unit.rstrip("0123456789"), {})
            table = table.setdefault("machines", {})[base(machine)]
        for part in ("parameters", *path):
            table = table.setdefault(part, {})
        table[parameter] = text
    file = folder / "machines" / "stations" / "all.toml"
    file.write_text("".join(f"{key} = {inline(value)}\n" for key, value in content.items()))
    return file


def _ways() -> list[Any]:
    """Every station in one way, the ways by turns; in the long run in all three."""
    return [
        pytest.param(station, way, id=f"{station.stem}-{way}", marks=[pytest.mark.campaign] if (n + k) % 3 else [])
        for n, station in enumerate(STATIONS)
        for k, way in enumerate(("--set", "environment", "station file"))
    ]


@pytest.mark.parametrize(("station", "way"), _ways())
def test_every_parameter_of_every_child_can_be_set(station: Path, way: str, tmp_path: Path) -> None:
    """By its path, of every machine, also of a child's child; also what its parent would name."""
    wanted = addresses(station)
    machines = resolve(station, None, Overrides((), {}), installed(), shipped).machines
    main_machine = next(iter(machines))
    texts = {address: typed_by_hand(value, parameter.type) for address, (parameter, value) in wanted.items()}
    last_of = {base(machine): name for name, machine in machines.items()}
    file, sets, environ = station, [], {}
    if way == "--set":
        sets = [f"{address}={text}" for address, text in texts.items()]
    elif way == "environment":
        for address, text in texts.items():
            machine, _, rest = address.partition(".")
            environ[variable(f"machines.{machine}.parameters.{rest}", main_machine)] = text
        assert len(environ) == len(texts)
    else:
        file = with_tables(station, texts, machines, tmp_path)
    changed = resolve(file, None, Overrides(sets, environ), installed(), shipped)
    system = System()
    build(changed, system, installed())
    found = set()
    for name, machine in changed.machines.items():
        for path, one, _, parameters in running(machine.chart, machine.given):
            for parameter in one.parameters:
                rest = ".".join(part for part in (path, parameter) if part)
                said = f"{last_of[base(machine)] if way == 'station file' else name}.{rest}"
                assert parameters[parameter] == wanted[said][1], said
                found.add(f"{name}.{rest}")
    assert found == set(wanted)
    assert len(system.roots) == len(changed.machines)


# ---------------------------------------------------------------- whole sessions

EDITS = {
    "v2g/evcc_iso2.yaml": {"T_think_demand": "370 ms", "C_welding": "1"},
    "v2g/secc_iso2.yaml": {"EVSEID": "'DE*PNX*E7'"},
    "slac/pev.yaml": {"C_EV_match_MNBC": "12"},
    "slac/session.yaml": {"TT_match_sequence": "90 ms"},
    "power/keep_alive.yaml": {"period": "330 ms"},
    "sdp/evcc.yaml": {"T_sdp_response": "170 ms"},
}
QUICK = ["--fast", "--quiet", "--link", "plc"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of machines/ with a handful of edits."""
    folder = tmp_path_factory.mktemp("copy") / "machines"
    shutil.copytree(MACHINES, folder)
    for file, texts in EDITS.items():
        edit(folder / file, texts)
    return folder


def session(folder: Path, chart: str, trace: Path, *options: str) -> list[dict[str, Any]]:
    """The steps of one session."""
    main(["run", str(folder / chart), *QUICK, "--trace", str(trace), *options])
    records = [json.loads(line) for line in trace.read_text().splitlines()]
    return [record for record in records if "machine" in record]


def calls(records: list[dict[str, Any]], machine: str, action: str) -> list[tuple[int, dict[str, Any]]]:
    """When (ns) a machine gave an order, and its arguments."""
    return [
        (record["time_ns"], effect["args"])
        for record in records
        if record["machine"].partition("[")[0] == machine
        for effect in record.get("effects", [])
        if effect["do"] == "call" and effect["action"] == action
    ]


@pytest.mark.parametrize(("chart", "soc"), [("evse_dc.yaml", "pev.stop_at_soc"), ("pev_dc.yaml", "stop_at_soc")])
def test_edits_show_on_the_wire_and_in_time(copy: Path, tmp_path: Path, chart: str, soc: str) -> None:
    """Under either supervisor: station id, pace of the demands, sounds, sign of life, welding checks."""
    records = session(copy, chart, tmp_path / "run.jsonl", "--set", f"{soc}=41 %")
    assert {args["EVSEID"] for _, args in calls(records, "evse/session/dialogue", "SessionSetupRes")} == {"DE*PNX*E7"}
    demands = [at for at, _ in calls(records, "pev/session/dialogue", "CurrentDemandReq")]
    gaps = {b - a for a, b in itertools.pairwise(demands)}
    assert len(demands) > 5
    assert all(370_000_000 <= gap < 410_000_000 for gap in gaps)
    assert len(calls(records, "pev/session/dialogue", "WeldingDetectionReq")) == 1
    assert len(calls(records, "pev/slac", "CM_MNBC_SOUND_IND")) == 12
    alive = [at for at, _ in calls(records, "evse/output/keep_alive", "keep_alive")]
    assert {b - a for a, b in itertools.pairwise(alive[:3])} == {330_000_000}


def test_an_edited_timeout_ends_the_matching(copy: Path, tmp_path: Path) -> None:
    """TT_match_sequence in slac/session.yaml: without CM_START_ATTEN_CHAR.IND evse_dc's match ends so much later."""
    options = ["--fault", "drop:CM_START_ATTEN_CHAR.IND", "--for", "3 s"]
    records = session(copy, "evse_dc.yaml", tmp_path / "run.jsonl", *options)
    mine = [record for record in records if record["machine"].startswith("evse/slac/session[")]
    began = mine[0]["time_ns"]
    timeout = next(record for record in mine if "TT_match_sequence" in record.get("timer", ""))
    assert timeout["time_ns"] - began == 90_000_000


def test_an_edited_pause_paces_the_discovery(copy: Path, tmp_path: Path) -> None:
    """T_sdp_response in sdp/evcc.yaml: a vehicle nobody answers asks again so much later."""
    options = ["--for", "6 s", "--set", "adapters.sdp.use=none"]
    records = session(copy, "evse_dc.yaml", tmp_path / "run.jsonl", *options)
    asked = [at for at, _ in calls(records, "pev/discovery", "request")]
    assert len(asked) > 3
    assert {b - a for a, b in itertools.pairwise(asked)} == {170_000_000}
