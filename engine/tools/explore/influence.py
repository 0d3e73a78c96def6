"""What decides which transitions a chart takes: the data, payload fields and readings that its conditions ask, at once
or through assignments. Two situations that differ in nothing else take the same transitions from there on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.language.expr import tree
from engine.language.expr.walk import within
from engine.language.model import Action, Block, Chart, If
from engine.language.traverse import actions_of, expressions_of, walk_blocks

Term = tuple[str, ...]  # ("data", name), ("event", field) or ("read", role, name)
Known = set[Term]


@dataclass(frozen=True, slots=True)
class Influence:
    """``data`` and ``fields`` by name, ``readings`` by role and name; ``sources``: what may set a data item, at once or
    through others."""

    data: frozenset[str]
    fields: frozenset[str]
    readings: frozenset[tuple[str, str]]
    sources: Mapping[str, frozenset[Term]]


def influence_of(chart: Chart) -> Influence:
    """Everything a guard, an invariant or the condition of an action that matters may depend on."""
    known: Known = set()
    states = list(chart.root.walk())
    for state in states:
        for t in state.transitions:
            if t.guard is not None:
                known.update(_terms(t.guard))
        for invariant in (*state.invariants, *state.joint_invariants):
            known.update(_terms(invariant.condition))
    actions = [*chart.script, *(action for state in states for block in walk_blocks(state) for action in block)]
    before = -1
    while len(known) != before:
        before = len(known)
        for action in actions:
            known.update(_asked(action, known))
        for item in chart.data.values():
            if item.initial is not None and ("data", item.name) in known:
                known.update(_terms(item.initial))
    return Influence(
        frozenset(term[1] for term in known if term[0] == "data"),
        frozenset(term[1] for term in known if term[0] == "event"),
        frozenset((term[1], term[2]) for term in known if term[0] == "read"),
        _sources(chart),
    )


def _sources(chart: Chart) -> Mapping[str, frozenset[Term]]:
    direct: dict[str, set[Term]] = {}
    blocks = [chart.script, *(block for state in chart.root.walk() for block in walk_blocks(state))]
    for block in blocks:
        _flow(block, frozenset(), direct)
    found = {}
    for name in chart.data:
        reached: Known = set()
        todo = list(direct.get(name, ()))
        while todo:
            term = todo.pop()
            if term not in reached:
                reached.add(term)
                todo += direct.get(term[1], ()) if term[0] == "data" else ()
        found[name] = frozenset(term for term in reached if term[0] != "data")
    return found


def _flow(block: Block, given: frozenset[Term], direct: dict[str, set[Term]]) -> None:
    """``given``: what decides whether the block is run."""
    for action in block:
        asked = given.union(_evaluated(action))
        for name in action.assigns():
            direct.setdefault(name, set()).update(asked)
        for body in action.bodies():
            _flow(body, asked, direct)


def _asked(action: Action, known: Known) -> Iterator[Term]:
    """What an action depends on, when what it does matters."""
    if _matters(action, known) or any(_matters(a, known) for body in action.bodies() for a in actions_of(body)):
        sent = action.sent()
        if sent is None:
            yield from _evaluated(action)
        else:
            for name, value in sent.data:
                if ("event", name) in known:
                    yield from _terms(value)


def _matters(action: Action, known: Known) -> bool:
    return action.sent() is not None or any(("data", name) in known for name in action.assigns())


def _evaluated(action: Action) -> Iterator[Term]:
    conditions = [condition for condition, _ in action.branches] if isinstance(action, If) else []
    for expr in (*expressions_of(action), *conditions):
        if expr is not None:
            yield from _terms(expr)


def _terms(expr: tree.Expr) -> Iterator[Term]:
    for part in within(expr):
        match part:
            case tree.Variable(name=name):
                yield ("data", name)
            case tree.EventField(name=name):
                yield ("event", name)
            case tree.Reading(role=role, name=name):
                yield ("read", role, name)
