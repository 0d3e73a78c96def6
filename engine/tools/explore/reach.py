"""The distance of a situation from taking a transition: in steps, and in its data."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from math import log2
from typing import Any

from engine.language.expr import tree
from engine.language.model import Assign, Chart, If, State, Transition
from engine.language.traverse import expressions_of, walk_blocks
from engine.language.types import Kind
from engine.language.values import EvaluationError
from engine.semantics.compiled.symbols import expressions
from engine.semantics.shared import name_matches
from engine.tools.explore.stimuli import external_events
from engine.tools.explore.values import NEGATED, Situation

FAR = 1_000.0
_COUNTED = 8.0
_COPIED = 3.0


class Reach:
    """Distances in one chart, without its guards (so a transition out of reach here is out of reach for every
    machine)."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self._to: dict[str, dict[str, int]] = {}  # state -> how many transitions until it is active, by active state
        self._config: dict[tuple[frozenset[str], str], float] = {}
        self._entered = {t.id: _entered(t) for t in chart.transitions}
        self._by_id = {t.id: t for t in chart.transitions}
        self._asked = {t.id: list(_conjuncts(t.guard)) if t.guard is not None else [] for t in chart.transitions}
        self._on_data = {t: [part for part in parts if _depends(part) == {"data"}] for t, parts in self._asked.items()}
        # What is asked of parameters alone: these never change.
        self.fixed = {t: [part for part in parts if _on_parameters(part)] for t, parts in self._asked.items()}
        for t in chart.transitions:  # those asked before it must not hold
            for other in t.source.transitions:
                same = other.descriptors == t.descriptors and other.timer == t.timer and other.order < t.order
                if same and other.guard is not None:
                    kept = self._on_data if _depends(other.guard) == {"data"} else self.fixed
                    if kept is self._on_data or _on_parameters(other.guard):
                        kept[t.id].append(_negated(other.guard))
        self._raisers: dict[str, list[str]] = {}  # transition -> the states one of which must raise its event
        for t, raised in _only_raised(chart):
            self._raisers[t.id] = [state.id for state, _ in raised]
            if len(raised) == 1:
                parts = [part for condition in raised[0][1] for part in _conjuncts(condition)]
                self._on_data[t.id] += [part for part in parts if _depends(part) == {"data"}]
                self.fixed[t.id] += [part for part in parts if _on_parameters(part)]
        self._parts = {t: [(part, _names([part])) for part in parts] for t, parts in self._on_data.items()}
        self._raising = {t.id: {event for event, _ in _raises(t.actions, ())} for t in chart.transitions}
        self.names = {t: _names(parts) for t, parts in self._on_data.items()}  # the data a guard asks
        self.atoms = _atoms(chart)
        self._leading: dict[tuple[frozenset[str], str], frozenset[str]] = {}
        self._entering: dict[tuple[frozenset[str], str], dict[str, Any]] = {}
        self._set_on_entry = {
            state.id: {
                action.name: action.value.value
                for block in state.entry
                for action in block
                if isinstance(action, Assign) and isinstance(action.value, tree.Literal)
            }
            for state in chart.root.walk()
        }
        self._assigned: dict[str, list[tree.Expr]] = {}
        self._setters: dict[str, set[str]] = {}  # data item -> states whose actions, or whose transitions', assign it
        for state in chart.root.walk():
            for block in walk_blocks(state):
                for action in block:
                    for name in action.assigns():
                        self._setters.setdefault(name, set()).add(state.id)
                        self._assigned.setdefault(name, []).extend(expressions_of(action))
        # What the distance of its data depends on.
        self.deciding = {t: _names([*parts, *(v for n in self.names[t] for v in self._assigned.get(n, ()))])
                         for t, parts in self._on_data.items()}  # fmt: skip

    def steps(self, active: frozenset[str], transition: str) -> float:
        """The least number of transitions until the source of ``transition`` and the states its guard reads are
        active."""
        key = (active, transition)
        known = self._config.get(key)
        if known is None:
            t = self._by_id[transition]
            wanted = [t.source.id, *(e.state for e in self._asked[transition] if isinstance(e, tree.InState))]
            known = sum(self._until(active, state) for state in wanted)
            if transition in self._raisers:
                known += min(self._until(active, state) for state in self._raisers[transition])
            self._config[key] = known
        return known

    def allowed(self, transition: str, where: Situation) -> bool:
        """Whether the parameters let a machine take it at all."""
        return not any(distance(part, where) for part in self.fixed[transition])

    def data(self, transition: str, where: Situation) -> float:
        """How far the data are from what the guard asks of them: 0 when nothing is amiss.

        With what they will be where the transition's source and the states around it are yet to be entered."""
        key = (where.active, transition)
        set_on_entry = self._entering.get(key)
        if set_on_entry is None:
            t = self._by_id[transition]
            around = [s for s in (t.source, *t.source.ancestors()) if s.id and s.id not in where.active]
            set_on_entry = self._entering[key] = {
                name: value
                for state in reversed(around)
                for name, value in self._set_on_entry[state.id].items()
                if name in self.names[transition]
            }
        if set_on_entry:
            where = Situation({**where.data, **set_on_entry}, where.parameters, where.active)
        gap = 0.0
        for part, names in self._parts[transition]:
            far = distance(part, where)
            if far:
                to_set = min((self._to_set(where.active, name) for name in names), default=FAR)
                if to_set >= FAR:
                    return FAR  # nothing sets them any more
                gap += far + min((self._copying(part, name, where) for name in names), default=0.0)
        return gap

    def _copying(self, part: tree.Expr, name: str, where: Situation) -> float:
        """What it costs that all that may be assigned to ``name`` would not do either as it is now."""
        for value in self._assigned.get(name, ()):
            try:
                given = where.value(value, {})
            except EvaluationError:
                return 0.0  # it comes from outside
            if not distance(part, Situation({**where.data, name: given}, where.parameters, where.active)):
                return 0.0
        return _COPIED

    def setting(self, active: frozenset[str], transition: str) -> float:
        """How many transitions at least until something sets the data that the guard of ``transition`` asks."""
        return min((self._to_set(active, name) for name in self.names[transition]), default=FAR)

    def _to_set(self, active: frozenset[str], name: str) -> float:
        key = (active, f"set {name}")
        known = self._config.get(key)
        if known is None:
            states = sorted(self._setters.get(name, ()))
            known = self._config[key] = min((self._until(active, state) for state in states), default=FAR)
        return known

    def leading(self, active: frozenset[str], transition: str) -> frozenset[str]:
        """The transitions that bring a configuration nearer to the source of ``transition``, or itself there; those
        that set the data its guard asks; and those that raise what these wait for."""
        key = (active, transition)
        known = self._leading.get(key)
        if known is None:
            source = self._by_id[transition].source.id
            far = self._until(active, source)
            found = {transition}
            if far:
                to = self._to[source]
                found = {t for t, entered in self._entered.items() if any(to.get(s, FAR) < far for s in entered)}
            asked = set(self.names[transition])
            found |= {t.id for t in self.chart.transitions if any(asked.intersection(a.assigns()) for a in t.actions)}
            raised = {d for t in found for d in self._by_id[t].descriptors if t in self._raisers}
            found |= {t for t, events in self._raising.items() if raised & events}
            known = self._leading[key] = frozenset(found)
        return known

    def _until(self, active: frozenset[str], state: str) -> float:
        if not state:
            return 0
        far = self._to.get(state)
        if far is None:
            far = self._to[state] = self._search(state)
        return min((far[s] for s in (*active, "") if s in far), default=FAR)

    def _search(self, goal: str) -> dict[str, int]:
        found = {goal: 0}
        todo = deque([goal])
        leading: dict[str, list[str]] = {}
        for t in self.chart.transitions:
            for state in self._entered[t.id]:
                leading.setdefault(state, []).append(t.source.id)
        while todo:
            state = todo.popleft()
            for source in leading.get(state, ()):
                if source not in found:
                    found[source] = found[state] + 1
                    todo.append(source)
        return found


def distance(part: tree.Expr, where: Situation) -> float:
    """0 when ``part`` holds, else 1 at least, the more the farther numbers are: a counter is a step nearer with each
    count, what lies far away counts less and less."""
    try:
        if where.value(part, {}) is True:
            return 0.0
        if isinstance(part, tree.Compare):
            left, right = where.value(part.left, {}), where.value(part.right, {})
            if isinstance(left, (int, float)) and isinstance(right, (int, float)):
                gap = abs(left - right)
                return 1.0 + (gap if gap <= _COUNTED else _COUNTED + min(log2(gap / _COUNTED), _COUNTED))
    except EvaluationError:
        pass
    return 2.0


def _atoms(chart: Chart) -> list[tuple[tree.Expr, tuple[str, ...]]]:
    """Conditions on data alone, of guards and of ``if``, with the data they ask."""
    found: dict[Any, tuple[tree.Expr, tuple[str, ...]]] = {}
    for node in expressions(chart):
        boolean = isinstance(node, tree.Variable) and node.type.kind.value == "bool"
        if (boolean or isinstance(node, tree.Compare)) and _depends(node) == {"data"}:
            names = _names([node])
            if all(name in chart.data for name in names):
                found.setdefault(repr(node), (node, names))
                if isinstance(node, tree.Compare) and node.left.type.kind in (Kind.INT, Kind.FLOAT, Kind.DURATION):
                    other = _negated(node)  # a counter comes nearer to the end of its loop, too
                    found.setdefault(repr(other), (other, names))
    return list(found.values())


def _negated(condition: tree.Expr) -> tree.Expr:
    """What holds when ``condition`` does not; a comparison stays one, so that it has a distance."""
    if isinstance(condition, tree.Compare) and condition.op in NEGATED:
        return tree.Compare(NEGATED[condition.op], condition.left, condition.right, condition.type)
    return tree.Unary("not", condition, condition.type)


_Raised = tuple[State, tuple[tree.Expr, ...]]  # where an event is raised, and under which conditions there


def _only_raised(chart: Chart) -> Iterator[tuple[Transition, list[_Raised]]]:
    """The transitions only the chart itself triggers, by ``raise``, with the places that do."""
    outside = external_events(chart)
    raised: dict[str, list[_Raised]] = {}
    for state in chart.root.walk():
        blocks = [*state.entry, *state.exit]
        blocks += [t.actions for t in (*state.transitions, state.initial, state.history_default) if t is not None]
        blocks += [invoke.finalize for invoke in state.invokes]
        for block in blocks:
            for event, conditions in _raises(block, ()):
                raised.setdefault(event, []).append((state, conditions))
    for t in chart.transitions:
        if t.descriptors and not any(name_matches(t.descriptors, name) for name in outside):
            exact = all(d in chart.events for d in t.descriptors)
            places = [place for d in t.descriptors for place in raised.get(d, ())]
            if exact and places:
                yield t, places


def _raises(block: tuple[Any, ...], given: tuple[tree.Expr, ...]) -> Iterator[tuple[str, tuple[tree.Expr, ...]]]:
    for action in block:
        sent = action.sent()
        if sent is not None and sent.is_internal and sent.name is not None:
            yield sent.name, given
        if isinstance(action, If):
            before = given
            for condition, body in action.branches:
                yield from _raises(body, before if condition is None else (*before, condition))
                if condition is not None:
                    before = (*before, _negated(condition))
        else:
            for body in action.bodies():
                yield from _raises(body, given)


def _names(parts: list[tree.Expr]) -> tuple[str, ...]:
    return tuple(sorted({e.name for e in expressions(parts) if isinstance(e, tree.Variable)}))


def _depends(expr: tree.Expr) -> set[str]:
    kinds = set()
    for e in expressions(expr):
        if isinstance(e, tree.Variable):
            kinds.add("data")
        elif isinstance(e, (tree.EventField, tree.Reading, tree.Alive, tree.SystemField)):
            kinds.add("outside")
    return kinds


def _on_parameters(part: tree.Expr) -> bool:
    nodes = list(expressions(part))
    return (
        not _depends(part)
        and any(isinstance(e, tree.Parameter) for e in nodes)
        and not any(isinstance(e, tree.InState) for e in nodes)
    )


def _conjuncts(guard: tree.Expr) -> Iterator[tree.Expr]:
    if isinstance(guard, tree.BoolOp) and guard.op == "and":
        for operand in guard.operands:
            yield from _conjuncts(operand)
    else:
        yield guard


def _entered(t: Transition) -> set[str]:
    """States that may become active by a transition: its targets, all below them, and what is above them."""
    found: set[str] = set()
    for target in t.targets:
        state: State | None = target.parent if target.kind.value in ("shallow", "deep") else target
        assert state is not None
        found.update(s.id for s in _initially(state))
        if state is not target:
            found.update(s.id for s in state.walk())
        for above in state.ancestors():
            found.add(above.id)
            if above.kind.value == "parallel":
                found.update(s.id for s in _initially(above))
    return found


def _initially(state: State) -> Iterator[State]:
    yield state
    if state.kind.value == "parallel":
        for child in state.children:
            yield from _initially(child)
    elif state.initial is not None:
        for target in state.initial.targets:
            yield from _initially(target)
            for above in target.ancestors():
                if above is state:
                    break
                yield above
