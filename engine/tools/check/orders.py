"""C180: states in which a machine may be ended while an unsafe order stands.

For each pair of a contract (``on`` until ``off``), the check follows state by state whether the first order may stand,
through transitions, entry and exit actions. It stays on the safe side: a branch or a guard may be taken or not; an
action after one that reads an adapter in the same block may be skipped. Then each state is ended, by its exit actions
and those of its ancestors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.language.expr import tree
from engine.language.expr.walk import within
from engine.language.model import (
    Action,
    Block,
    CallAction,
    Chart,
    If,
    OrderPattern,
    Pair,
    State,
    StateKind,
    Transition,
)
from engine.language.traverse import actions_of, expressions_of
from engine.tools.check.findings import Finding, Found


def left_standing(chart: Chart) -> Iterator[Found]:
    """One finding per role and pair of orders."""
    if chart.untyped:
        return
    for role, contract in chart.adapters.items():
        for pair in contract.unsafe:
            left = _Standing(chart, role, pair).at_the_end()
            if left:
                back = " or ".join(f"{role}.{one.text}" for one in pair.until)
                message = f"{role}.{pair.order.text} may stand, without {back}, when it is ended in "
                place = _common(left)
                message += ", ".join(_together(chart.root, set(left)))
                yield Found(Finding("C180", chart.name, place.id or chart.name, message, chart.roles[role]), place)


class _Standing:
    def __init__(self, chart: Chart, role: str, pair: Pair) -> None:
        self.chart, self.role, self.pair = chart, role, pair
        self.leaves: dict[State, bool] = {}  # atomic states that are entered: whether the order may stand there

    def at_the_end(self) -> list[State]:
        """The states whose exit actions may leave it."""
        if not any(self._names(block) for block in _blocks(self.chart)):
            return []
        self._mark(self._descend(self.chart.root, self._block(self.chart.script, False)))
        while any([self._follow(t) for t in self.chart.transitions]):
            pass
        return [leaf for leaf, stands in self.leaves.items() if self._exit(leaf, None, stands)]

    def _names(self, block: Block) -> bool:
        return any(isinstance(a, CallAction) and a.role == self.role for a in actions_of(block))

    # ------------------------------------------------------------ through the states

    def _follow(self, t: Transition) -> bool:
        news = False
        for leaf in [leaf for leaf in self.leaves if leaf is t.source or t.source in leaf.ancestors()]:
            stands = self.leaves[leaf]
            if not t.targets:
                news |= self._mark([(leaf, self._block(t.actions, stands))])
                continue
            domain = _domain(t)
            stands = self._block(t.actions, self._exit(leaf, domain, stands))
            for target in t.targets:
                news |= self._mark(self._walk_down(domain, target, stands))
        return news

    def _mark(self, reached: Iterable[tuple[State, bool]]) -> bool:
        news = False
        for leaf, stands in reached:
            if leaf not in self.leaves or (stands and not self.leaves[leaf]):
                self.leaves[leaf] = stands
                news = True
        return news

    def _exit(self, leaf: State, domain: State | None, stands: bool) -> bool:
        for state in (leaf, *leaf.ancestors()):
            if state is domain:
                break
            stands = self._blocks(state.exit, stands)
        return stands

    def _walk_down(self, above: State, target: State, stands: bool) -> Iterator[tuple[State, bool]]:
        way = [target, *target.ancestors()]
        way = way[: way.index(above)][::-1] if above in way else way[::-1]
        for state in way[:-1]:
            stands = self._blocks(state.entry, stands)
            if state.kind is StateKind.PARALLEL:
                for region in state.children:
                    if region not in way:
                        yield from self._descend(region, stands)
        yield from self._descend(target, stands)

    def _descend(self, state: State, stands: bool) -> Iterator[tuple[State, bool]]:
        if state.kind in (StateKind.SHALLOW_HISTORY, StateKind.DEEP_HISTORY):
            inside = [leaf for leaf in _leaves(state.parent)] if state.parent is not None else []
            yield from ((leaf, stands) for leaf in inside)
            return
        stands = self._blocks(state.entry, stands)
        if state.kind is StateKind.PARALLEL:
            for region in state.children:
                yield from self._descend(region, stands)
        elif state.initial is not None and state.initial.targets:
            stands = self._block(state.initial.actions, stands)
            for target in state.initial.targets:
                yield from self._walk_down(state, target, stands)
        else:
            yield state, stands

    # ------------------------------------------------------------ through the actions

    def _blocks(self, blocks: tuple[Block, ...], stands: bool) -> bool:
        for block in blocks:
            stands = self._block(block, stands)
        return stands

    def _block(self, block: Block, stands: bool) -> bool:
        may_be_skipped = False  # an action that fails ends its block
        for action in block:
            after = self._after(action, stands)
            stands = stands or after if may_be_skipped else after
            may_be_skipped = may_be_skipped or _reads(action)
        return stands

    def _after(self, action: Action, stands: bool) -> bool:
        if isinstance(action, CallAction) and action.role == self.role:
            if any(_fits(one, action) is True for one in self.pair.until):
                return False
            return stands or _fits(self.pair.order, action) is not False
        if isinstance(action, If):
            outcomes = [self._block(body, stands) for _, body in action.branches]
            if all(guard is not None for guard, _ in action.branches):
                outcomes.append(stands)
            return any(outcomes)
        return stands or any(self._block(body, stands) for body in action.bodies())


def _fits(pattern: OrderPattern, call: CallAction) -> bool | None:
    """None: what the arguments are is known at run time only."""
    if pattern.action != call.action:
        return False
    args = dict(call.args)
    known = [args.get(name) for name, _ in pattern.args]
    for (_, wanted), given in zip(pattern.args, known, strict=True):
        if isinstance(given, tree.Literal) and given.value != wanted:
            return False
    return True if all(isinstance(given, tree.Literal) for given in known) else None


def _reads(action: Action) -> bool:
    """Whether it may fail, since it asks an adapter."""
    found = [e for one in actions_of((action,)) for e in expressions_of(one)]
    found += [guard for one in actions_of((action,)) if isinstance(one, If) for guard, _ in one.branches if guard]
    return any(isinstance(e, tree.Reading) for one in found for e in within(one))


def _blocks(chart: Chart) -> Iterator[Block]:
    yield chart.script
    for state in chart.root.walk():
        yield from (*state.entry, *state.exit)
        yield from (t.actions for t in (state.initial, state.history_default) if t is not None)
    yield from (t.actions for t in chart.transitions)


def _leaves(state: State | None) -> Iterator[State]:
    return (s for s in state.walk() if s.kind in (StateKind.ATOMIC, StateKind.FINAL)) if state is not None else iter(())


def _domain(t: Transition) -> State:
    """The innermost state that stays active."""
    around = [t.source, *t.source.ancestors()] if t.internal else list(t.source.ancestors())
    for state in around:
        if all(state in target.ancestors() for target in t.targets):
            return state
    return around[-1] if around else t.source


def _together(state: State, left: set[State]) -> list[str]:
    """The ids, in the order of the file; of a state whose leaves are all among them, its own."""
    leaves = list(_leaves(state))
    if state.id and leaves and left.issuperset(leaves):
        return [state.id]
    return [id_ for child in state.children for id_ in _together(child, left)]


def _common(states: list[State]) -> State:
    first, *rest = states
    return next(s for s in (first, *first.ancestors()) if all(s is o or s in o.ancestors() for o in rest))
