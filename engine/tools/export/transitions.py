"""A chart as a Python module for ``transitions`` (github.com/pytransitions/transitions): its hierarchical machine,
configured by plain lists, with a model class for guards and actions."""

from __future__ import annotations

import pprint
import re
from typing import Any

from engine.language.model import Chart, State, StateKind, Transition
from engine.semantics.shared import name_matches
from engine.tools.export.losses import Construct, Exported
from engine.tools.export.python_code import Methods, common_losses, heading, timer_event

_HISTORY = (StateKind.SHALLOW_HISTORY, StateKind.DEEP_HISTORY)
_BUILD = '''
class State(NestedState):
    separator = "."


class Machine(HierarchicalMachine):
    state_cls = State


def build(model=None):
    """A machine in its initial configuration; ``send(event, data)`` of the model gives it an event."""
    model = Model() if model is None else model
    model.machine = Machine(
        model=model,
        states=copy.deepcopy(STATES),
        transitions=copy.deepcopy(TRANSITIONS),
        initial=INITIAL,
        send_event=True,
        queued=True,
        auto_transitions=False,
        ignore_invalid_triggers=True,
    )
    for name in ON_START:
        getattr(model, name)(None)
    return model
'''
_MODEL = '''
    def send(self, event, data=None):
        """Give the machine an event with its payload."""
        if event in EVENTS:
            self.trigger(EVENTS[event], data=data or {})

    def in_state(self, state):
        return self.machine.is_state(state, self, allow_substates=True)
'''


def trigger_name(event: str) -> str:
    """transitions makes a trigger an attribute of the model: no dots."""
    return "on_" + re.sub(r"\W", "_", event) if event != "*" else "on_any"


def export_transitions(chart: Chart) -> Exported:
    """The module and what it could not carry."""
    return _Export(chart).run()


class _Export:
    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.exported = Exported()
        self.methods = Methods(
            chart,
            self.exported,
            "self, event_data=None",
            'event = event_data.kwargs.get("data", {}) if event_data is not None else {}',
            lambda event, data: f"self.send({event!r}, {data})",
        )
        self.top = chart.name if self._wraps() else ""
        self.ids = {s.id: self._path(s) for s in chart.root.walk()}
        self.known = self._known_events()
        self.on_start: list[str] = []

    def _wraps(self) -> bool:
        root = self.chart.root
        return bool(root.kind is StateKind.PARALLEL or root.transitions or root.entry or root.exit or root.timers)

    def _path(self, state: State) -> str:
        return ".".join(p for p in (self.top, state.id) if p)

    def _known_events(self) -> list[str]:
        """Every event the chart can get by name: a machine of transitions has no prefixes."""
        names = list(self.chart.events)
        for role, contract in self.chart.adapters.items():
            names += [f"{role}.{event}" for event in contract.events]
        for transition in self.chart.transitions:
            names += [d for d in transition.descriptors if d != "*"]
        return sorted(dict.fromkeys(names))

    def run(self) -> Exported:
        common_losses(self.chart, self.exported)
        root = self.chart.root
        for child in root.children:
            if child.kind is StateKind.FINAL and root.transitions:
                what = "the machine stays in it and the root's transitions still apply"
                self.exported.lose(Construct.COMPOSITE_DONE, child.id, what, child.position)
        if self.top:
            states = [self._state(root)]
            initial = self.top
        else:
            states = [self._state(child) for child in root.children if child.kind not in _HISTORY]
            initial = self._first(root.initial.targets[0]) if root.initial is not None else ""
        transitions = [entry for t in self._in_order() for entry in self._transition(t)]
        self._start_actions(root)
        events = {e: trigger_name(e) for e in self.known} | {e: e for e in self._timer_events()}
        used = {t["trigger"] for t in transitions}
        lines = heading(self.chart, "transitions 0.9")
        lines += ["import copy", "", "from transitions.extensions.nesting import HierarchicalMachine, NestedState", ""]
        for name, value in (
            ("STATES", states),
            ("TRANSITIONS", transitions),
            ("INITIAL", initial),
            ("EVENTS", {e: t for e, t in events.items() if t in used}),
            ("ON_START", self.on_start),
        ):
            lines.append(f"{name} = {pprint.pformat(value, width=110, sort_dicts=False)}")
        lines += ["", "", *self.methods.class_text("Model", _MODEL.rstrip().splitlines()), ""]
        lines += ["", *_BUILD.strip().splitlines(), "", "", *self._timers()]
        self.exported.text = "\n".join(lines) + "\n"
        return self.exported

    def _in_order(self) -> list[Transition]:
        """transitions tries the entries of one trigger in the order given, inner states before outer ones."""
        return sorted(self.chart.transitions, key=lambda t: t.order)

    # ------------------------------------------------------------ states

    def _first(self, state: State) -> str:
        return self.ids[state.id]

    def _state(self, state: State) -> dict[str, Any]:
        result: dict[str, Any] = {"name": state.name or self.chart.name}
        self._initial(state, result)
        children = [self._state(child) for child in state.children if child.kind not in _HISTORY]
        if children:
            result["children"] = children
        if state.kind is StateKind.FINAL:
            result["final"] = True
            if state.output or state.output_content is not None:
                self.exported.lose(Construct.OUTPUT, state.id, "the output is left out", state.position)
        for key, blocks in (("on_enter", state.entry), ("on_exit", state.exit)):
            names = [self.methods.actions(block, f"{state.id} {key}") for block in blocks]
            if names:
                result[key] = names
        for child in state.children:
            if child.kind in _HISTORY:
                what = "a transition to it goes to its default target"
                self.exported.lose(Construct.HISTORY, child.id, what, child.position)
        return result

    def _initial(self, state: State, result: dict[str, Any]) -> None:
        if state.kind is StateKind.PARALLEL:
            result["initial"] = [c.name for c in state.children if c.kind not in _HISTORY]
        elif state.initial is not None and state.initial.targets:
            target = state.initial.targets[0]
            if target.parent is not state or len(state.initial.targets) > 1:
                what = f"the initial target {target.id} is deeper than a child"
                self.exported.lose(Construct.PARALLEL_TARGET, state.id, what, state.initial.position)
                while target.parent is not state and target.parent is not None:
                    target = target.parent
            result["initial"] = target.name
            if state.initial.actions:
                self.exported.lose(Construct.ACTION, state.id, "initial actions are left out", state.initial.position)

    def _start_actions(self, root: State) -> None:
        """A machine of transitions does not enter its initial states with actions: build() does."""
        active = [root] if self.top else []
        queue = [root] if self.top else ([root.initial.targets[0]] if root.initial is not None else [])
        if not self.top:
            state: State | None = queue[0] if queue else None
            while state is not None and state is not root:
                active.insert(0, state)
                state = state.parent
        while queue:
            state = queue.pop(0)
            below = (
                [c for c in state.children if c.kind not in _HISTORY]
                if state.kind is StateKind.PARALLEL
                else list(state.initial.targets[:1])
                if state.initial is not None
                else []
            )
            active += below
            queue += below
        for state in active:
            if state.entry:
                self.on_start += self._names_of(state)

    def _names_of(self, state: State) -> list[str]:
        return [self.methods.actions(block, f"{state.id or self.top} at the start") for block in state.entry]

    # ------------------------------------------------------------ transitions

    def _transition(self, transition: Transition) -> list[dict[str, Any]]:
        lose = self.exported.lose
        source = transition.source
        triggers = self._triggers(transition)
        if not triggers:
            return []
        dest = self._dest(transition)
        entry: dict[str, Any] = {"source": self.ids[source.id], "dest": dest}
        if transition.guard is not None:
            entry["conditions"] = self.methods.guard(transition.guard, transition.id)
        if transition.actions:
            entry["before" if dest is None else "after_exit"] = self.methods.actions(transition.actions, transition.id)
        if "after_exit" in entry:
            # transitions runs 'before' ahead of the exit actions and 'after' behind the entry actions.
            entry["before"] = entry.pop("after_exit")
            if any(s.exit for s in self.chart.root.walk()):
                lose(Construct.ACTION, transition.id, "its actions run before the exit actions", transition.position)
        return [{"trigger": trigger, **entry} for trigger in triggers]

    def _triggers(self, transition: Transition) -> list[str]:
        lose = self.exported.lose
        if transition.timer is not None:
            timer = next(t for t in transition.source.timers if t.id == transition.timer)
            return [timer_event(self.ids_flat(), transition.source, timer)]
        if not transition.descriptors:
            lose(Construct.EVENTLESS, transition.id, "is left out", transition.position)
            return []
        names: list[str] = []
        for descriptor in transition.descriptors:
            if descriptor.startswith(("done.", "error.")):
                construct = Construct.COMPOSITE_DONE if descriptor.startswith("done.") else Construct.ERROR_EVENT
                lose(construct, transition.id, f"nothing sends '{descriptor}' but the host", transition.position)
            matching = [e for e in self.known if name_matches([descriptor], e)]
            if descriptor == "*" or matching != [descriptor]:
                what = f"'{descriptor}' is written out as the {len(matching)} events known by name"
                lose(Construct.WILDCARD, transition.id, what, transition.position)
            names += [trigger_name(e) for e in matching]
        return list(dict.fromkeys(names))

    def ids_flat(self) -> dict[str, str]:
        return {id: path.replace(".", "_") for id, path in self.ids.items()}

    def _dest(self, transition: Transition) -> str | None:
        lose = self.exported.lose
        if not transition.targets:
            return None
        target = transition.targets[0]
        if len(transition.targets) > 1:
            what = f"only the first target {target.id} is kept"
            lose(Construct.PARALLEL_TARGET, transition.id, what, transition.position)
        while target.kind in _HISTORY and target.history_default is not None:
            target = target.history_default.targets[0]
        regions = [s for s in (target, *target.ancestors()) if s.parent and s.parent.kind is StateKind.PARALLEL]
        inside = {transition.source, *transition.source.ancestors()}
        if any(region not in inside for region in regions) or target in regions:
            what = f"enters {target.id} without the other regions, or leaves only its region"
            lose(Construct.PARALLEL_TARGET, transition.id, what, transition.position)
        if transition.source in target.ancestors() and not transition.internal and transition.source.parent:
            what = "does not leave its source, as the target is inside it"
            lose(Construct.INTERNAL, transition.id, what, transition.position)
        return self.ids[target.id]

    # ------------------------------------------------------------ timers

    def _timer_events(self) -> list[str]:
        return [timer_event(self.ids_flat(), s, t) for s in self.chart.root.walk() for t in s.timers]

    def _timers(self) -> list[str]:
        lines = ["# state: [(event, delay in nanoseconds of a model)]", "TIMERS = {"]
        for state in self.chart.root.walk():
            if state.timers:
                items = ", ".join(
                    f"({timer_event(self.ids_flat(), state, t)!r}, lambda self: {self.methods.delay(t)})"
                    for t in state.timers
                )
                lines.append(f"    {self.ids[state.id]!r}: [{items}],")
        return [*lines, "}"]
