"""Contracts: what an adapter offers a chart. YAML beside the chart, or beside the adapters and found by the registry:
docs/adapters.md."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from functools import cache
from itertools import islice
from pathlib import Path
from typing import cast

from engine.language.expr.check import Checker, expression
from engine.language.expr.lex import ExpressionError, Fault
from engine.language.expr.parse import parse as parse_expression
from engine.language.expr.tree import Literal
from engine.language.load import keys
from engine.language.load.clauses import read_citation
from engine.language.load.events import read_payload
from engine.language.load.former import former_contract, successors
from engine.language.load.lookups import Lookups
from engine.language.load.reader import NAME, NO_NAMES, Reader
from engine.language.load.registries import registries
from engine.language.load.source_file import read_source
from engine.language.load.types import read_type
from engine.language.load.yaml_source import Mapping, Node, Scalar, Source, parse
from engine.language.model import STALE, ActionDef, Clause, Contract, EventDef, OrderPattern, Pair
from engine.language.problems import ChartError, Problem, ProblemList, TooManyProblems, did_you_mean
from engine.language.types import DURATION, Kind, Type

SUFFIX = ".contract.yaml"
# What engine.adapter.Adapter itself has; a test holds the two together.
ADAPTER_NAMES = frozenset(
    {
        "age_ns",
        "behind",
        "open",
        "close",
        "cancel_call",
        "claims",
        "config",
        "world",
        "port",
        "contract",
        "real_clock",
        "refuses",
        "settings",
    }
)


def load_contract(path: str | Path) -> Contract:
    """Load one contract file.

    Raises:
        ChartError: with all problems of the file.
        OSError: it cannot be read.
    """
    return read_contract(read_source(Path(path)))


def read_contract(source: Source) -> Contract:
    """:func:`load_contract` of the text of its file.

    Raises:
        ChartError: with all problems of the file.
    """
    path = source.file
    problems = ProblemList()
    contract = None
    try:
        root = parse(source, problems)
        reader = Reader(source, problems)
        contract = _read(reader, root)
        expected = Path(path).name.removesuffix(SUFFIX)
        if contract is not None and Path(path).name.endswith(SUFFIX) and contract.name != expected:
            message = f"the contract is named {contract.name!r} but its file {expected + SUFFIX!r}"
            reader.problem(root, "name", message, f"contract: {expected}")
    except TooManyProblems:
        pass
    if problems.found or contract is None:
        raise ChartError(sorted(problems.found, key=_place))
    return contract


def _place(problem: Problem) -> tuple[int, int]:
    return problem.position.line, problem.position.column


def _read(reader: Reader, root: Node) -> Contract | None:
    mapping = reader.mapping(root, "a contract")
    if mapping is None:
        return None
    reader.check_keys(mapping, keys.CONTRACT)
    name = mapping.get("contract")
    if not isinstance(name, Scalar):
        reader.problem(mapping, "missing-key", "a contract needs a name", "contract: name")
        return None
    reader.name(name, "a contract")
    actions: dict[str, ActionDef] = {}
    events: dict[str, EventDef] = {}
    values: dict[str, Type] = {}
    stale: dict[str, int] = {}
    for key, key_node, value in reader.entries(mapping.get("actions"), "'actions'"):
        if reader.name(key_node, "an action") and _free(reader, key_node):
            actions[key] = _action(reader, key_node, value)
    for key, key_node, value in reader.entries(mapping.get("events"), "'events'"):
        if reader.name(key_node, "an event"):
            body = reader.mapping(value, f"event {key!r}")
            if body is not None:
                reader.check_keys(body, keys.CONTRACT_EVENT, f"event {key!r}")
            payload = read_payload(reader, body.get("payload") if body else None, f"event {key!r}")
            description = reader.text(body.get("description") if body else None, "'description'")
            urgent = reader.flag(body.get("urgent"), "'urgent'") if body else False
            events[key] = EventDef(key, payload, "in", description, position=reader.position(key_node), urgent=urgent)
    for key, key_node, value in reader.entries(mapping.get("values"), "'values'"):
        if key in actions:
            reader.problem(key_node, "duplicate-name", f"{key!r} is an action already", "another name")
        elif reader.name(key_node, "a value") and _free(reader, key_node):
            type_ = read_type(reader, value, f"value {key!r}", keys.CONTRACT_VALUE)
            if type_ is not None:
                values[key] = type_
            if isinstance(value, Mapping) and (limit := value.get("stale")) is not None:
                stale[key] = _age(reader, limit, key)
    if stale:
        _add_stale(reader, events, stale, mapping)
    clauses: list[Clause] = []
    return Contract(
        name.text,
        actions,
        events,
        values,
        reader.text(mapping.get("description"), "'description'"),
        read_citation(reader, mapping, f"contract {name.text}", clauses),
        reader.position(name),
        tuple(pair for item in reader.items(mapping.get("unsafe")) if (pair := _pair(reader, item, actions))),
        stale,
        tuple(clauses),
        reader.text(mapping.get("lane"), "'lane'"),
        _local(reader, mapping.get("local"), [*actions, *events]),
        reader.flag(mapping.get("person"), "'person'"),
        _formerly(reader, mapping.get("formerly"), [*actions, *events, *values]),
    )


def _formerly(reader: Reader, node: Node | None, known: list[str]) -> dict[str, dict[str, str]]:
    """``{operator: {rejected: refused}}``."""
    found: dict[str, dict[str, str]] = {}
    for old, key, renamed in reader.entries(node, "'formerly'"):
        if not reader.name(key, "a contract"):
            continue
        found[old] = {}
        for was, was_key, now in reader.entries(renamed, f"'formerly' of {old!r}"):
            name = reader.text(now, "a name of this contract")
            if name not in known:
                message = f"{name[:80]!r} is no order, event or value of this contract"
                reader.problem(now, "unknown-name", message, known=known)
            elif reader.name(was_key, "a former name"):
                found[old][was] = name
    return found


def _local(reader: Reader, node: Node | None, known: list[str]) -> frozenset[str]:
    """Names of orders and events."""
    found = {reader.text(item, "'local'"): item for item in reader.items(node)}
    for name, item in found.items():
        if name not in known:
            reader.problem(item, "unknown-name", f"{name[:80]!r} is no order or event of this contract", known=known)
    return frozenset(found)


def _age(reader: Reader, node: Node, name: str) -> int:
    """The age (ns) at which a value is stale."""
    limit = reader.compile(node, f"'stale' of {name!r}", lambda text: expression(text, NO_NAMES, DURATION))
    age_ns = limit.value if isinstance(limit, Literal) else None
    if type(age_ns) is not int:
        return 1
    if age_ns <= 0:
        reader.problem(node, "range", "a value that is stale at once can never be read", "a time such as 500 ms")
    return age_ns


def _add_stale(reader: Reader, events: dict[str, EventDef], stale: dict[str, int], mapping: Mapping) -> None:
    own = events.get(STALE)
    if own is not None:
        message = f"the event {STALE!r} says that a value has grown too old: it is there when one states that"
        reader.problem_at(own.position, "duplicate-name", message, "another name", len(STALE))
    text = "This value is older than it may be"
    payload = {"value": Type(Kind.ENUM, values=tuple(stale))}
    events[STALE] = EventDef(STALE, payload, "in", text, position=reader.position(mapping), urgent=True)


def _pair(reader: Reader, node: Node, actions: dict[str, ActionDef]) -> Pair | None:
    """``{order: set(closed=True), until: set(closed=False)}``."""
    body = reader.mapping(node, "'unsafe'", "- {order: on(), until: off()}")
    if body is None:
        return None
    reader.check_keys(body, keys.UNSAFE)
    order, until = body.get("order"), reader.items(body.get("until"))
    if order is None or not until:
        reader.missing(
            body, body, "'unsafe' names an order and the one that takes it back", "{order: on(), until: off()}"
        )
        return None
    first, back = _pattern(reader, order, actions), [_pattern(reader, one, actions) for one in until]
    if first is None or None in back:
        return None
    if first in back:
        reader.problem(order, "shape", "an order cannot take itself back", "another order, or other arguments")
        return None
    description = reader.text(body.get("description"), "'description'")
    return Pair(first, tuple(one for one in back if one is not None), description, reader.position(node))


def _pattern(reader: Reader, node: Node, actions: dict[str, ActionDef]) -> OrderPattern | None:
    """``set(closed=True)``: an order with the arguments that matter, as literals."""
    text = reader.text(node, "an order")
    if not isinstance(node, Scalar) or not text:
        return None
    try:
        syntax = parse_expression(text)
    except ExpressionError as error:
        for fault in error.faults:
            reader.fault(node, fault)
        return None
    if syntax.kind != "call" or syntax.children[0].kind != "name":
        reader.problem(node, "unknown-action", "this is no order", "action(argument=literal)")
        return None
    name = str(syntax.children[0].value)
    action = actions.get(name)
    if action is None or action.result is not None:
        why = "is a long action, which ends by itself" if action else "is no action of this contract"
        reader.problem(node, "unknown-action", f"{name!r} {why}", "an order", hint=did_you_mean(name, actions))
        return None
    checker = Checker(NO_NAMES)
    args: dict[str, object] = {}
    for argument, value in zip(cast("list[str]", syntax.value), syntax.children[1:], strict=True):
        if argument not in action.args:
            hint = did_you_mean(argument, action.args)
            fault = Fault(value.start, value.end, "unknown-argument", f"{name} has no argument {argument!r}", "", hint)
            reader.fault(node, fault)
            continue
        value = checker.worded(value, action.args[argument])
        literal = checker.convert(checker.check(value), action.args[argument], value)
        if not isinstance(literal, Literal):
            reader.fault(
                node, Fault(value.start, value.end, "shape", "what tells orders apart is a literal", "a literal")
            )
            continue
        args[argument] = literal.value
    for fault in checker.faults:
        reader.fault(node, fault)
    return OrderPattern(name, tuple(args.items()), text)


def _free(reader: Reader, key: Scalar) -> bool:
    """Whether an adapter class can have a method or attribute of this name beside what every adapter has."""
    if key.text not in ADAPTER_NAMES:
        return True
    reader.problem(key, "name", f"every adapter has {key.text!r} already, with another meaning", "another name")
    return False


def _action(reader: Reader, key: Scalar, value: Node) -> ActionDef:
    body = reader.mapping(value, f"action {key.text!r}")
    if body is None:
        return ActionDef(key.text, {}, None, "", reader.position(key))
    reader.check_keys(body, keys.CONTRACT_ACTION, f"action {key.text!r}")
    result = body.get("result")
    args = read_payload(reader, body.get("args"), f"action {key.text!r}")
    if "call_id" in args and result is not None:
        reader.problem(key, "duplicate-name", "a long action is given a 'call_id' of its own", "another argument")
    return ActionDef(
        key.text,
        args,
        None if result is None else read_payload(reader, result, f"the result of {key.text!r}"),
        reader.text(body.get("description"), "'description'"),
        reader.position(key),
    )


# ---------------------------------------------------------------- where contracts come from


@cache
def _registered_files() -> dict[str, str]:
    """Contract name -> file, of all installed registries. Raises ``AdapterError`` for one that cannot be imported."""
    paths = [path for registry in registries() for path in registry.contract_files()]
    return {Path(path).name.removesuffix(SUFFIX): path for path in paths}


@cache
def _registered(name: str) -> Contract:
    return load_contract(_registered_files()[name])


class Contracts:
    """The contracts a load may use: the given ones, or the files beside the charts and those of the installed adapters
    (each read when first asked)."""

    def __init__(self, given: MappingOf[str, Contract] | None, lookups: Lookups) -> None:
        self._given = given
        self._lookups = lookups
        self._beside: dict[Path, Contract] = {}
        self._former: dict[str, Contract | None] = {}

    def names(self, folder: Path) -> list[str]:
        """The names a chart in ``folder`` may use."""
        if self._given is not None:
            return sorted(self._given)
        beside = [path.name.removesuffix(SUFFIX) for path in islice(folder.glob(f"*{SUFFIX}"), 200)]
        return sorted({*beside, *_registered_files()})

    def get(self, name: str, folder: Path) -> Contract | None:
        """The contract of this name, for a chart in ``folder``, or None. A file there is taken before an installed one.
        A name that is no more is what its successors make of it.

        Raises:
            ChartError: the contract's own file does not load.
            AdapterError: the installed adapters cannot be asked.
            OSError: the file beside the chart cannot be read.
        """
        if self._given is not None:
            return self._given.get(name) or former_contract(name, successors(name, self._given.values()))
        path = folder / (name + SUFFIX)
        real = self._lookups.real(path) if NAME.fullmatch(name) else None
        if real is not None:
            if real not in self._beside:
                self._beside[real] = read_contract(self._lookups.source(path))
            return self._beside[real]
        if name in _registered_files():
            return _registered(name)
        if name not in self._former:
            self._former[name] = former_contract(name, successors(name, installed_contracts().values()))
        return self._former[name]

    def successors(self, name: str, folder: Path) -> list[Contract]:
        """The contracts that have taken over what an installed one of this name was.

        Raises:
            ChartError: one of the installed contracts does not load.
        """
        if self._lookups.real(folder / (name + SUFFIX)) is not None or name in _registered_files():
            return []
        return successors(name, (self._given if self._given is not None else installed_contracts()).values())


def installed_contracts() -> dict[str, Contract]:
    """All contracts of the installed adapters, by name.

    Raises:
        ChartError: one of them does not load.
    """
    return {name: _registered(name) for name in sorted(_registered_files())}
