"""A chart as a Python module with a ``StateChart`` class of python-statemachine 3
(github.com/fgmacedo/python-statemachine)."""

from __future__ import annotations

import pprint
from typing import Any

from engine.language.expr.tree import InState
from engine.language.model import Chart, State, StateKind, Transition
from engine.language.types import BOOL
from engine.tools.export.losses import Construct, Exported
from engine.tools.export.python_code import Methods, common_losses, heading, timer_event
from engine.tools.export.scxml import end_id, regions_id, state_ids

_HISTORY = {StateKind.SHALLOW_HISTORY: "shallow", StateKind.DEEP_HISTORY: "deep"}
_BUILD = '''
def build(model=None):
    """A machine in its initial configuration; give it events with ``machine.send(event, data={...})``."""
    model = Model() if model is None else model
    definition = copy.deepcopy(STATES)
    lenient = {f"validate_{name}": False for name in ("disconnected_states", "final_reachability", "trap_states")}
    chart = create_machine_class_from_definition(NAME, definition, **lenient)
    return chart(model=model)
'''


def export_statemachine(chart: Chart) -> Exported:
    """The module and what it could not carry."""
    return _Export(chart).run()


class _Export:
    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.exported = Exported()
        self.ids = state_ids(chart)
        self.ends: list[State] = []  # final children of a wrapped root
        self.methods = Methods(
            chart,
            self.exported,
            "self, machine, data=None",
            "event = data or {}",
            lambda event, data: f"machine.send({event!r}, data={data}, internal=True)",
        )
        self.methods.in_state = self._in_state  # type: ignore[method-assign]

    def _in_state(self, state: str) -> str:
        return f"({self.ids[state]!r} in {{s.id for s in machine.configuration}})"

    def run(self) -> Exported:
        common_losses(self.chart, self.exported)
        root = self.chart.root
        wraps = bool(
            root.kind is StateKind.PARALLEL or root.transitions or root.entry or root.exit or root.timers
        )  # the library's root is no state
        if wraps:
            states = {self.ids[""]: {**self._state(root), "initial": True}}
            states |= {end_id(self.ids[c.id]): {"final": True} for c in self.ends}
        else:
            states = self._children(root)
        lines = heading(self.chart, "python-statemachine 3.2")
        lines += ["import copy", "", "from statemachine.io import create_machine_class_from_definition", ""]
        lines.append(f"NAME = {''.join(part.title() for part in self.chart.name.split('_'))!r}")
        lines.append(f"STATES = {pprint.pformat(states, width=110, sort_dicts=False)}")
        lines += ["", "", *self.methods.class_text("Model", []), ""]
        lines += ["", *_BUILD.strip().splitlines(), "", "", *self._timers()]
        self.exported.text = "\n".join(lines) + "\n"
        return self.exported

    def _children(self, state: State) -> dict[str, Any]:
        result = {self.ids[c.id]: self._state(c) for c in state.children if c.kind not in _HISTORY}
        if state.initial is not None and state.initial.targets:
            target = state.initial.targets[0]
            if target.parent is not state or len(state.initial.targets) > 1 or target.kind in _HISTORY:
                what = f"the initial target {target.id} is not a child state"
                self.exported.lose(Construct.PARALLEL_TARGET, state.id, what, state.initial.position)
                while target.parent is not state and target.parent is not None:
                    target = target.parent
            if target.kind not in _HISTORY:
                result[self.ids[target.id]]["initial"] = True
            if state.initial.actions:
                self.exported.lose(Construct.ACTION, state.id, "initial actions are left out", state.initial.position)
        return result

    def _state(self, state: State) -> dict[str, Any]:
        result: dict[str, Any] = {}
        if state.kind is StateKind.FINAL:
            result["final"] = True
            if state.output or state.output_content is not None:
                self.exported.lose(Construct.OUTPUT, state.id, "the output is left out", state.position)
        regions = state.kind is StateKind.PARALLEL
        if regions and state.parent is not None:
            result["parallel"] = True
        for key, blocks in (("enter", state.entry), ("exit", state.exit)):
            names = [self.methods.actions(block, f"{state.id} {key}") for block in blocks]
            if names:
                result[key] = names
        if state.children:
            result["states"] = self._children(state)
            if (
                regions and state.parent is None
            ):  # a parallel state is left even by internal transitions, the root never
                inner = {"parallel": True, "initial": True, "states": result["states"]}
                result["states"] = {regions_id(self.ids[""]): inner}
            history = {self.ids[c.id]: self._history(c) for c in state.children if c.kind in _HISTORY}
            if history:
                result["history"] = history
        transitions = [self._transition(t) for t in state.transitions]
        if state.parent is None:  # a final child of the root ends the machine, of a state it would not
            self.ends = [c for c in state.children if c.kind is StateKind.FINAL]
            ends = [{"target": end_id(self.ids[c.id]), "cond": self._active(c)} for c in self.ends]
            transitions = ends + transitions
        if transitions:
            result["transitions"] = transitions
        return result

    def _active(self, state: State) -> str:
        return self.methods.guard(InState(state.id, BOOL), f"{state.id} ends the machine")

    def _history(self, state: State) -> dict[str, Any]:
        result: dict[str, Any] = {"type": _HISTORY[state.kind]}
        if state.history_default is not None:
            result["transitions"] = [self._transition(state.history_default)]
        return result

    def _transition(self, transition: Transition) -> dict[str, Any]:
        result: dict[str, Any] = {"target": " ".join(self.ids[t.id] for t in transition.targets) or None}
        events = [self._event(transition, d) for d in transition.descriptors]
        if transition.timer is not None:
            timer = next(t for t in transition.source.timers if t.id == transition.timer)
            events = [timer_event(self.ids, transition.source, timer)]
        if events:
            result["event"] = " ".join(events)
        if transition.internal or (transition.source.parent is None and transition.targets):  # the root is never left
            result["internal"] = True
        if transition.guard is not None:
            result["cond"] = self.methods.guard(transition.guard, transition.id)
        if transition.actions:
            result["on"] = self.methods.actions(transition.actions, transition.id)
        return result

    def _event(self, transition: Transition, descriptor: str) -> str:
        if descriptor.startswith("done.state."):
            state = descriptor.removeprefix("done.state.")
            return f"done.state.{self.ids.get(state, state)}"
        if descriptor.startswith(("done.invoke.", "error.")) and descriptor != "error.execution":
            what = f"nothing sends '{descriptor}' but the host"
            self.exported.lose(Construct.ERROR_EVENT, transition.id, what, transition.position)
        return descriptor

    def _timers(self) -> list[str]:
        lines = ["# state: [(event, delay in nanoseconds of a model)]", "TIMERS = {"]
        for state in self.chart.root.walk():
            if state.timers:
                items = ", ".join(
                    f"({timer_event(self.ids, state, t)!r}, lambda self: {self.methods.delay(t)})" for t in state.timers
                )
                lines.append(f"    {self.ids[state.id]!r}: [{items}],")
        return [*lines, "}"]
