"""What the peers can run: random charts without timers, loops and failing expressions; and our own run of them."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from engine.language.model import Chart
from engine.semantics.errors import EndlessLoop
from engine.semantics.parameters import bind_parameters
from engine.semantics.reference import Interpreter
from engine.semantics.shared import UNSET
from engine.semantics.step import Event, SendEvent, Step
from engine.tools.export.losses import Construct, Exported
from tests.engine.charts import EXTERNAL
from tests.export.charts import each_state, without_checks

Played = list[tuple[str, dict[str, int] | None]]
_FAILING = ("//", "l[", "/ y", "In(", "event.v", "len(l)")


def played(length: int = 8) -> st.SearchStrategy[Played]:
    """Events for a machine."""
    return st.lists(st.sampled_from(EXTERNAL).map(lambda name: (name, None)), min_size=1, max_size=length)


def portable(tree: dict[str, Any]) -> dict[str, Any]:
    """Only what every peer has: no timers, delays, loops, nor expressions that may fail."""
    without_checks(tree)
    each_state(tree, _simplify)
    return tree


def flat(tree: dict[str, Any]) -> dict[str, Any]:
    """What the hierarchical machine of transitions has as well: no eventless, done or wildcard transitions, no history
    and no entry into regions."""
    portable(tree)

    def change(state: dict[str, Any]) -> None:
        state.pop("always", None)
        state.pop("onDone", None)
        state.get("on", {}).pop("*", None)
        state.get("on", {}).pop("g.*", None)
        state.pop("exit", None)  # its actions run before those of the exit

    each_state(tree, change)
    return tree


def _simplify(state: dict[str, Any]) -> None:
    state.pop("after", None)
    for key in ("entry", "exit"):
        if key in state:
            state[key] = _actions(state[key])
    groups = [state.get("always", []), state.get("onDone", []), *state.get("on", {}).values()]
    state.get("on", {}).pop("error.execution", None)
    for transition in (t for group in groups for t in group):
        if any(word in transition.get("guard", "") for word in _FAILING):
            transition["guard"] = "x > 1"
        if "actions" in transition:
            transition["actions"] = _actions(transition["actions"])


def _actions(actions: list[Any]) -> list[Any]:
    kept = []
    for action in actions:
        text = json.dumps(action)
        if "foreach" in action or "delay" in text or any(word in text for word in (*_FAILING, "foreach", '"p"')):
            continue
        kept.append(action)
    return kept or [{"log": "nothing"}]


def only(exported: Exported, *allowed: Construct) -> None:
    """Another example where the export says that it loses more than this."""
    assume(all(loss.construct in allowed for loss in exported.losses))


def own_run(chart: Chart, events: Played) -> list[tuple[list[str], dict[str, Any]]]:
    """Configuration and data at the start and after each event, all that the machine sends to itself done."""
    machine = Interpreter(chart, bind_parameters(chart, None))
    waiting: deque[Event] = deque()
    seen = []
    count = 0

    def take(step: Step) -> None:
        for effect in step.effects:
            if isinstance(effect, SendEvent) and effect.target is None and not effect.delay_ns:
                waiting.append(Event(effect.event, effect.data))

    try:
        take(machine.begin())
        for event in [None, *events]:
            if event is not None:
                waiting.append(Event(*event))
            while waiting and machine.running:
                count += 1
                assume(count < 60)  # machines that never stop talking to themselves
                take(machine.process(waiting.popleft()))
            values = {name: v for name, v in machine.values.items() if v is not UNSET}
            assume(all(abs(v) < 2**50 for v in values.values() if isinstance(v, (int, float))))
            seen.append((sorted(s for s in machine.active if s), values))
            if not machine.running:
                break
    except EndlessLoop:
        assume(False)
    return seen
