"""Runs a chart with its real children, to test their joint invariants.

Tests of a chart alone do not show whether its children agree with it. So the whole tree of machines runs and the search
plays its adapters. Each move is something a transition of one of its machines waits for (an adapter's event, the end of
a long action, a parent's event, a timer, a reading); all are tried equally often. From new situations (a state some
machine was never in, or a new combination) the search goes on from a snapshot. Joint invariants that read no adapter
must hold after every move: readings may be anything, but the machines' reaction may not.

The search is short and finds what is near the start. Scenarios have to cover what is far into a protocol.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.adapter import Adapter
from engine.language.expr import tree
from engine.language.expr.walk import within
from engine.language.model import Chart, Contract
from engine.run import System
from engine.run.actor import Actor
from engine.run.snapshot import restore, take
from engine.run.station.null_adapter import NullAdapter
from engine.tools.explore.search import Node, Search
from engine.tools.explore.stimuli import Stimuli, Stimulus
from engine.tools.explore.values import Situation, defaults

Values = dict[tuple[str, str], Any]  # role and name of what adapters show -> it


class Played(NullAdapter):
    """An adapter whose events, values and ends of long actions the search decides."""

    def __init__(self, contract: Contract, system: System) -> None:
        super().__init__(contract, system.world)
        for name, action in contract.actions.items():
            if action.result is not None:
                setattr(self, name, self._begun)

    def _begun(self, call_id: str, **arguments: Any) -> None:
        pass

    def cancel_call(self, call_id: str) -> None:
        pass


@dataclass(slots=True, eq=False)
class _Situation(Node):
    """What to go on from: the snapshot, what adapters show, the moves that led there."""

    snapshot: Mapping[str, Any]
    values: Values
    moves: tuple[str, ...]
    news: int  # states nobody was in before


@dataclass(slots=True)
class Together:
    """The result of a search. ``broken``: each broken promise with the moves to it; ``seen``: states by chart."""

    moves: int = 0
    broken: list[str] = field(default_factory=list)
    seen: dict[str, set[str]] = field(default_factory=dict)


def play(chart: Chart, *, moves: int = 400, seed: int = 1, burst: int = 6) -> Together:
    """Search for moves that break a joint invariant of ``chart`` or of a chart below it. ``moves`` bounds the search;
    the same seed repeats it."""
    return _Play(chart, random.Random(seed), moves, burst).run()


class _Play(Search[_Situation]):
    def __init__(self, chart: Chart, chance: random.Random, moves: int, burst: int) -> None:
        super().__init__(budget=moves, patience=moves)
        self.chart = chart
        self.chance = chance
        self.burst = burst
        self.base = {n: defaults(p.type)[-1] for n, p in chart.parameters.items() if p.default is None}
        self.stimuli: dict[Chart, Stimuli] = {}
        self.known: set[Any] = set()
        self.found = Together()
        self.told: set[str] = set()
        self.groups: dict[str, int] = {}  # sets of parameters
        self.tried: Counter[Any] = Counter()  # what was done to a machine in a configuration
        self.aside = _resting_on_adapters(chart)
        self.system = System()
        self.values: Values = {}

    def run(self) -> Together:
        self._begin()
        root = self.system.add(self.chart, parameters=self.base, adapters=self._adapters())
        self.system.start()
        self.system.run_due()
        self._arrived(root, ())
        self.go_on()
        self.found.moves = self.steps
        return self.found

    def score(self, node: _Situation, aim: str) -> float:
        """What brought much news and was not used much comes first."""
        return (node.stage + 1) / (1 + 4 * node.news)

    def expand(self, node: _Situation, aim: str) -> None:
        self._begin()
        root = restore(self.system, self.chart, node.snapshot, self.chart.name, dict(self._adapters()))
        self._show(root, node.values)
        self.system.start()
        self.system.run_due()
        moves = node.moves
        for _ in range(self.burst):
            move = self._move(root)
            if move is None or not root.is_running:
                break
            self.steps += 1
            moves = (*moves, move)
            if not self._arrived(root, moves):
                break
        self.push(node)

    # ------------------------------------------------------------ situations

    def _begin(self) -> None:
        self.system = System()
        self.values = {}

    def _adapters(self) -> dict[str, Adapter]:
        return {role: Played(contract, self.system) for role, contract in self.chart.adapters.items()}

    def _arrived(self, root: Actor, moves: tuple[str, ...]) -> bool:
        """Look at what came of a move; False when a promise is broken, so that what follows is not told as well."""
        news = 0
        for actor in root.tree():
            seen = self.found.seen.setdefault(actor.machine.chart.name, set())
            fresh = set(actor.machine.configuration) - seen
            seen |= fresh
            news += len(fresh)
        for failure in self.system.failures:
            if failure not in self.told and self._counts(failure):
                self.told.add(failure)
                self.found.broken.append(f"{failure}\n    after: {', '.join(moves) or 'the start'}")
        if self.system.failures:
            return False
        key = tuple((actor.path, actor.machine.configuration) for actor in root.tree())
        if key not in self.known and root.is_running:
            self.known.add(key)
            self.push(_Situation(take(root), dict(self.values), moves, news))
        return True

    def _counts(self, failure: str) -> bool:
        """Not a promise that rests on what an adapter shows."""
        return not any(position in failure for position in self.aside)

    # ------------------------------------------------------------ moves

    def _move(self, root: Actor) -> str | None:
        """Do something that some machine waits for; say what, or None when nobody waits for anything."""
        options = [
            (self.tried[actor.path, actor.machine.configuration, str(stimulus)], self.chance.random(), actor, stimulus)
            for actor in root.tree()
            for stimulus in self._options(actor)
            if self._possible(root, actor, stimulus)
        ]
        if not options:
            return None
        _, _, actor, stimulus = min(options, key=lambda option: option[:2])
        self.tried[actor.path, actor.machine.configuration, str(stimulus)] += 1
        return self._do(root, actor, stimulus)

    def _options(self, actor: Actor) -> Iterator[Stimulus]:
        machine, chart = actor.machine, actor.machine.chart
        if chart not in self.stimuli:
            given = {n: v for n, v in machine.parameters.items() if chart.parameters[n].default is None}
            self.stimuli[chart] = Stimuli(chart, given)
        stimuli = self.stimuli[chart]
        shown = {key: self.values.get(self._role(actor, key), plain) for key, plain in stimuli.base.items()}
        world = Stimulus(readings=shown)
        parameters = machine.parameters
        group = self.groups.setdefault(repr(sorted(parameters.items())), len(self.groups))
        where = Situation(machine.data, parameters, frozenset(machine.configuration), group)
        return stimuli.narrow(where, world, ())

    def _possible(self, root: Actor, actor: Actor, stimulus: Stimulus) -> bool:
        name = stimulus.event
        first = name.partition(".")[0]
        if stimulus.timer:
            return stimulus.timer in actor.timers
        if name.startswith("done.invoke."):
            return name.removeprefix("done.invoke.") in actor.calls
        if first in actor.roles:
            return True
        definition = actor.machine.chart.events.get(name)
        return name == "nothing" or (actor is root and definition is not None and definition.direction == "in")

    def _do(self, root: Actor, actor: Actor, stimulus: Stimulus) -> str:
        self._show(root, {self._role(actor, key): value for key, value in stimulus.readings.items()})
        name, data = stimulus.event, dict(stimulus.data or {})
        system = self.system
        if stimulus.timer:
            system.advance_to(actor.timers[stimulus.timer].due_ns)
        elif name.startswith("done.invoke."):
            call = actor.calls[name.removeprefix("done.invoke.")]
            call.binding.adapter.port.done(call.call_id, **data)
        elif name.partition(".")[0] in actor.roles:
            role, _, event = name.partition(".")
            actor.roles[role].adapter.port.emit(event, **data)
        elif name != "nothing":
            system.post(actor, name, data)
        system.run_due()
        return f"{stimulus} [{actor.name}]" if actor is not root else str(stimulus)

    def _show(self, root: Actor, values: Values) -> None:
        for (role, name), value in values.items():
            self.values[(role, name)] = value
            setattr(root.roles[role].adapter, name, value)

    @staticmethod
    def _role(actor: Actor, key: tuple[str, str]) -> tuple[str, str]:
        """The root's role behind a machine's own."""
        role, name = key
        return actor.roles[role].role, name


def _resting_on_adapters(chart: Chart) -> list[str]:
    """Places of the promises of this chart and of those below it that read an adapter."""
    from engine.language.traverse import chart_tree

    states = [state for _, one in chart_tree(chart) for state in one.root.walk()]
    promises = [promise for state in states for promise in (*state.invariants, *state.joint_invariants)]
    return [str(p.position) for p in promises if any(isinstance(part, tree.Reading) for part in within(p.condition))]
