"""What is known of guards before any event: which states exclude each other, which values data can have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from engine.language.expr import tree
from engine.language.expr.tree import Expr
from engine.language.expr.walk import within
from engine.language.model import Assign, Chart, State, StateKind
from engine.language.types import BOOL, Type
from engine.tools.check import logic
from engine.tools.check.value_sets import value_set_of
from engine.tools.check.walk import Given, Uses

HISTORY = (StateKind.SHALLOW_HISTORY, StateKind.DEEP_HISTORY)
MAX_VALUES = 8  # of one data item, all told


def contains(outer: State, inner: State) -> bool:
    """Whether ``inner`` is ``outer`` or one of its descendants."""
    return inner is outer or outer in inner.ancestors()


def orthogonal(a: State, b: State) -> bool:
    """Whether both may be active at once and neither is inside the other."""
    if contains(a, b) or contains(b, a):
        return False
    above = set(a.ancestors())
    common = next(s for s in b.ancestors() if s in above)
    return common.kind is StateKind.PARALLEL


def _active(region: State, at: State) -> bool:
    """Whether one of the region's states is surely active when ``at`` is."""
    beside = region.parent is None or (region.parent.kind is StateKind.PARALLEL and contains(region.parent, at))
    return region.kind is StateKind.COMPOUND and beside


class StaticFacts:
    """Conditions that always hold in a chart. ``satisfiable`` is ``logic.satisfiable`` with them added."""

    def __init__(self, chart: Chart, uses: Uses) -> None:
        self._states = chart.states
        self.values = {} if chart.untyped else _values(chart, uses)

    def satisfiable(self, guards: Iterable[tuple[Expr | None, bool]], at: State | None = None) -> bool:
        """Whether all guards may have the wanted truth value at once, with the state ``at`` active."""
        return logic.satisfiable(self._with_facts(guards, at))

    def surely_satisfiable(self, guards: Iterable[tuple[Expr | None, bool]], at: State | None = None) -> bool:
        """``logic.surely_satisfiable`` with the chart's facts added, with the state ``at`` active."""
        return logic.surely_satisfiable(self._with_facts(guards, at))

    def always(self, guards: Iterable[Expr | None], at: State | None = None) -> bool:
        """Whether one of the guards is true, whatever happens."""
        return not self.satisfiable([(guard, False) for guard in guards], at)

    def _with_facts(self, guards: Iterable[tuple[Expr | None, bool]], at: State | None) -> Given:
        settled = tuple(((None if g is None else self._settle(g, at)), wanted) for g, wanted in guards)
        parts = {e: None for guard, _ in settled if guard is not None for e in within(guard) if self._has_facts(e)}
        facts = [*self._of_data(parts), *self._of_states(parts, at)] if parts else []
        return (*((fact, True) for fact in facts), *settled)

    def _has_facts(self, part: Expr) -> bool:
        return isinstance(part, tree.InState) or (isinstance(part, tree.Variable) and part.name in self.values)

    def _of_data(self, parts: Iterable[Expr]) -> Iterator[Expr]:
        for part in parts:
            if isinstance(part, tree.Variable):
                yield _either([_equal(part, value, part.type) for value in self.values[part.name]])

    def _of_states(self, parts: Iterable[Expr], at: State | None) -> Iterator[Expr]:
        """Of the states that ``In('…')`` asks for: exclusion, inclusion, and that a region is in one of its states."""
        asked = [(part, self._states[part.state]) for part in parts if isinstance(part, tree.InState)]
        for (a, first), (b, second) in combinations(asked, 2):
            if contains(first, second) or contains(second, first):
                inner, outer = (b, a) if contains(first, second) else (a, b)
                yield _either([_not(inner), outer])
            elif not orthogonal(first, second):
                yield _either([_not(a), _not(b)])
        named = {state: part for part, state in asked}
        for region in {state.parent for _, state in asked if state.parent is not None}:
            children = [child for child in region.children if child.kind not in HISTORY]
            if at is not None and _active(region, at) and all(child in named for child in children):
                yield _either([named[child] for child in children])

    def _settle(self, guard: Expr, at: State | None) -> Expr:
        """``guard`` with every ``In('…')`` that is settled by ``at`` being active as a constant."""
        match guard:
            case tree.Unary(op="not", operand=operand):
                return tree.Unary("not", self._settle(operand, at), guard.type)
            case tree.BoolOp(op=op, operands=operands):
                return tree.BoolOp(op, tuple(self._settle(o, at) for o in operands), guard.type)
            case tree.InState(state=name) if at is not None:
                state = self._states[name]
                if contains(state, at):
                    return tree.Literal(True, BOOL)
                if not contains(at, state) and not orthogonal(at, state):
                    return tree.Literal(False, BOOL)
        return guard


def _values(chart: Chart, uses: Uses) -> dict[str, tuple[object, ...]]:
    """The data items that only ever get values written in the chart, with these values."""
    found: dict[str, dict[object, None]] = {}
    open_ = {item.name for item in chart.data.values() if value_set_of(item.type) is None}
    open_ |= {i.id_location for s in chart.root.walk() for i in s.invokes if i.id_location is not None}
    given = [(item.name, item.initial) for item in chart.data.values() if item.initial is not None]
    open_ |= {i.name for i in chart.data.values() if i.initial is None and not i.type.optional}
    given += [(i.name, tree.Literal(None, i.type)) for i in chart.data.values() if i.initial is None]
    for action, _ in uses.actions:
        match action:
            case Assign(name=name, value=value):
                given.append((name, value))
            case _:
                open_.update(action.assigns())
    for name, value in given:
        written = _written(value)
        if written is None:
            open_.add(name)
        else:
            found.setdefault(name, {}).update(dict.fromkeys(written))
    return {name: tuple(values) for name, values in found.items() if name not in open_ and len(values) <= MAX_VALUES}


def _written(value: Expr) -> list[object] | None:
    """The values an expression may have, when all of them are written in it."""
    match value:
        case tree.Literal(value=literal) if not isinstance(literal, bytes):
            return [literal]
        case tree.Call(function="checked", args=(inner,)):
            return _written(inner)
        case tree.Conditional(then=then, other=other):
            first, second = _written(then), _written(other)
            return None if first is None or second is None else first + second
    return None


def _equal(variable: Expr, value: object, type_: Type) -> Expr:
    if value is True:
        return variable if not type_.optional else tree.Compare("==", variable, tree.Literal(True, type_), BOOL)
    if value is False and not type_.optional:
        return _not(variable)
    return tree.Compare("==", variable, tree.Literal(value, type_), BOOL)  # type: ignore[arg-type]


def _either(conditions: list[Expr]) -> Expr:
    return conditions[0] if len(conditions) == 1 else tree.BoolOp("or", tuple(conditions), BOOL)


def _not(condition: Expr) -> Expr:
    return tree.Unary("not", condition, BOOL)
