"""How many internal events of a chart may wait at once, for the room that its C has for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.language.model import Action, If, StateKind, Transition
from engine.semantics.compiled.topology import members
from engine.tools.export.c.design import FAILURE, Design, EventOf, place_text
from engine.tools.export.c.selection import greatest

LEAST_ROOM = 4
_MOST = 1000  # beyond it there is none


@dataclass(frozen=True, slots=True)
class Bound:
    """``events`` may wait. ``why``: what keeps it from being proven; "" when it is: then the assertion of the core,
    ``CHART_FAULT_QUEUE``, cannot fail."""

    events: int
    why: str


def bound_of(design: Design) -> Bound:
    """The bound of a chart.

    An event that waits stands for all that ever comes of it: as it is taken, what its transitions raise stands in its
    place. ``weights`` says how many of these may wait at once; they are the least numbers that fit each other, if there
    are any: an event of which two more of its kind may come has none.
    """
    places = _places(design)
    waiting = [event for event in design.events if event.name in places or event.name == FAILURE]
    queue, grown = _Queue(design, waiting), list[str]()
    for _ in range(_MOST):
        found = {event.name: max(1, queue.of_event(event)) for event in waiting}
        if found == queue.weights and (most := queue.of_a_step()) <= _MOST:
            return Bound(max(1, most), "")
        before, queue.weights = queue.weights, found
        grown = [name for name, weight in found.items() if weight > max(_MOST, before[name])]
        if grown or found == before:
            break
    raised = "; ".join(f"{name}, raised at {', '.join(places[name])}" for name in grown or places if name in places)
    why = f"more than one internal event may come of one, again and again: {raised or FAILURE}"
    return Bound(max(LEAST_ROOM, 2 * sum(map(len, places.values()))), why)


def _places(design: Design) -> dict[str, list[str]]:
    """Where internal events are raised, by name."""
    places: dict[str, list[str]] = {}
    for block in design.blocks():
        for action in block:
            sent = action.sent()
            if sent is not None and sent.is_internal and sent.name:
                places.setdefault(sent.name, []).append(place_text(action.position))
    return places


class _Queue:
    """Counts with given weights."""

    def __init__(self, design: Design, waiting: Sequence[EventOf]) -> None:
        self.design = design
        self.topology = design.topology
        self.weights = {event.name: 1 for event in waiting}
        self.eventless = [t for t in design.transitions if not t.descriptors and t.timer is None]

    def of_event(self, event: EventOf) -> int:
        """What may wait when an event has been processed, and the eventless transitions behind it."""
        return self._step(event.heard)

    def of_a_step(self) -> int:
        """What may wait in any step."""
        initial = self.topology.initial_entry().states
        steps = [sum(map(self._entered, members(initial))) + self._eventless(initial)]
        steps += [self._step(event.heard) for event in self.design.events if event.from_outside]
        for _, timer in self.design.timers:
            again = self._failure if timer.periodic else 0
            steps.append(again + self._step([t for t in self.design.transitions if t.timer == timer.id]))
        begun = self._failure * sum(len(state.invokes) for state in self.design.states)
        guards = self._failure * sum(t.guard is not None for t in self.design.transitions)  # told once in a step
        return max(*steps, begun) + guards

    @property
    def _failure(self) -> int:
        return self.weights.get(FAILURE, 0)

    def _step(self, heard: Iterable[Transition]) -> int:
        """Of what hears an event, and of all eventless transitions until the next one is taken."""
        own: dict[int, int] = {}
        entered = 0
        for t in heard:
            number = self.topology.number[t.source]
            own[number] = max(own.get(number, 0), self._taken(t))
            entered |= self._entry(t)
        return greatest(self.topology, lambda number: own.get(number, 0)) + self._eventless(entered)

    def _eventless(self, entered: int) -> int:
        return sum(self._repeats(t, entered, ()) * self._taken(t) for t in self.eventless)

    def _repeats(self, t: Transition, entered: int, behind: tuple[Transition, ...]) -> int:
        """How often an eventless transition may be taken when these states may have been entered: without a guard it is
        taken only when its source has been, and again each time that another one enters it. A great number when that
        may be without end."""
        domain = self.topology.domain(t, self.topology.no_history)
        source = self.topology.number[t.source]
        if t in behind or domain < 0 or not self.topology.below[domain] >> source & 1:
            return _MOST + 1
        once = 1 if t.guard is not None or entered >> source & 1 else 0
        enter = [one for one in self.eventless if self._entry(one) >> source & 1]
        return min(_MOST + 1, once + sum(self._repeats(one, entered, (*behind, t)) for one in enter))

    def _entry(self, t: Transition) -> int:
        if self.topology.domain(t, self.topology.no_history) < 0:
            return 0
        return self.topology.entry([t], self.topology.no_history).states

    # ------------------------------------------------------------ parts of a microstep

    def _taken(self, t: Transition) -> int:
        domain = self.topology.domain(t, self.topology.no_history)
        left = self._inside(domain, self.topology.number[t.source]) if domain >= 0 else 0
        return left + self._block(t.actions) + sum(map(self._entered, members(self._entry(t))))

    def _inside(self, number: int, source: int) -> int:
        """Of what is left inside a state, when another one is active for certain."""
        children = self.topology.substates(number)
        if self.topology.states[number].kind is StateKind.PARALLEL:
            return sum(self._left(child, source) for child in children)
        sure = [child for child in children if (self.topology.below[child] | 1 << child) >> source & 1]
        return max((self._left(child, source) for child in sure or children), default=0)

    def _left(self, number: int, source: int) -> int:
        return self._inside(number, source) + sum(map(self._block, self.topology.states[number].exit))

    def _entered(self, number: int) -> int:
        state = self.topology.states[number]
        return sum(map(self._block, state.entry)) + self._failure * len(state.timers)

    def _block(self, actions: Sequence[Action]) -> int:
        """An error ends a block; the guard of an `if` that has no value does not."""
        return self._actions(actions) + (self._failure if actions else 0)

    def _actions(self, actions: Sequence[Action]) -> int:
        count = 0
        for action in actions:
            sent = action.sent()
            if sent is not None and sent.is_internal and sent.name:
                count += self.weights.get(sent.name, 0)
            if isinstance(action, If):
                count += max((self._actions(body) for _, body in action.branches), default=0)
                count += self._failure * len(action.branches)
            else:
                count += sum(map(self._actions, action.bodies()))
        return count
