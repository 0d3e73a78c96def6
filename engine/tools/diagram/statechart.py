"""From a chart to the content of its full drawing; the overview is told by :mod:`engine.tools.diagram.story`."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from engine.language.model import Chart, State, StateKind, Transition
from engine.tools.diagram import describe
from engine.tools.diagram.graph import Edge, Graph, Line, Node, Shape
from engine.tools.diagram.text import cut_middle, wrap

Level = Literal["overview", "full"]
ROOT = "(root)"
_TRIGGER_LINE = 34
_LINE = 40  # characters of a line on an arrow or in a box
_MOST = 115  # of a guard, or of the actions: about three lines
_NOTE_LINE = 60
_TEMPLATE = "template "  # begins the ids of the nodes of one


def statechart(chart: Chart) -> Graph:
    """The chart as boxes and arrows: entry, exit, invariants and output as written, guards and actions up to a few
    lines each; the rest is in the table of transitions (:mod:`engine.tools.diagram.table`) and in the tooltips."""
    return _Builder(chart).graph()


class _Builder:
    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.edges: list[Edge] = []
        self.nodes: dict[str, Node] = {}
        self.hidden: dict[State, State] = {}  # state that a template has made → the state that stands for it here
        self.shown: dict[str, State] = {}  # template → the first state that uses it, whose inside is drawn for all
        for state in chart.root.walk():
            if state.template:
                self.shown.setdefault(state.template, state)
                self.hidden.update({inner: self.hidden.get(state, state) for inner in state.template_states})

    def graph(self) -> Graph:
        root = self._state(self.chart.root)
        drawn = {name: self._template(name, state) for name, state in self.shown.items()}
        root.children += drawn.values()
        self.nodes = {node.id: node for node in root.walk()}
        for transition in self.chart.transitions:
            if transition.targets and not is_made(transition):
                self._arrows(transition, state_node(self._visible(transition.source)))
        for state in self.shown.values():
            self._arrows_inside(state)
        for edge in self.edges:
            self._detach(edge)
        return Graph(root, self.edges, self._notes())

    def _visible(self, state: State) -> State:
        return self.hidden.get(state, state)

    def _template(self, name: str, state: State) -> Node:
        """A template, drawn once: as its first use has it."""
        given = [Line(t, "note") for key, text in state.given for t in wrap(f"{key}: {text}", _LINE)]
        title = [Line(f"template {name}", "title"), Line(f"as in {state.id}", "note"), *given]
        inside = set(state.template_states)
        own = [t for t in state.transitions if is_made(t)]
        stays = [replace(line, tags=()) for t in own if not t.targets for line in self._label(t)]
        node = Node(_TEMPLATE + name, Shape.COMPOSITE, [title, stays, self._ways_out(own, inside)], css="template")
        if state.initial is not None and set(state.initial.targets) & inside:
            dot = Node(f"{node.id}/initial", Shape.INITIAL)
            node.children.append(dot)
            self._arrows(state.initial, dot.id)
        for child in state.children:
            if child in inside:
                node.children.append(self._made(child, inside))
        return node

    def _made(self, state: State, inside: set[State]) -> Node:
        shape = Shape.FINAL if state.kind is StateKind.FINAL else Shape.COMPOSITE if state.children else Shape.BOX
        sections = self._text(state) if shape is not Shape.FINAL else self._final_text(state)
        sections.append(self._ways_out([t for t in state.transitions if is_made(t)], inside))
        node = Node(_TEMPLATE + state_node(state), shape, sections, css="template")
        if state.initial is not None and state.initial.targets:
            dot = Node(f"{node.id}/initial", Shape.INITIAL)
            node.children.append(dot)
            self._arrows(state.initial, dot.id)
        node.children += [self._made(child, inside) for child in state.children if child in inside]
        return node

    def _ways_out(self, transitions: list[Transition], inside: set[State]) -> list[Line]:
        """Transitions out of the template, as words."""
        return [
            replace(line, to=target.name) if number == 0 else line
            for t in transitions
            for target in t.targets
            if target not in inside
            for number, line in enumerate(self._label(t))
        ]

    def _arrows_inside(self, state: State) -> None:
        inside = set(state.template_states)
        for source in (state, *inside):
            node = _TEMPLATE + (state.template if source is state else state_node(source))
            for transition in source.transitions:
                if is_made(transition) and set(transition.targets) & inside:
                    self._arrows(transition, node)

    def _notes(self) -> list[Node]:
        """The parameters and adapters, for the full level: what the names on the arrows mean."""
        sections = []
        parameters = [
            Line(part, css)
            for p in self.chart.parameters.values()
            for text, css in ((describe.parameter_text(p), "text"), (p.citation, "keyword"))
            for part in wrap(text, _NOTE_LINE)
        ]
        roles = [Line(f"{role}: {contract.name}", "text") for role, contract in self.chart.adapters.items()]
        for title, lines in (("parameters", parameters), ("adapters", roles)):
            if lines:
                sections.append([Line(title, "title"), *lines])
        return [Node("(notes)", Shape.BOX, sections, css="note")] if sections else []

    def _detach(self, edge: Edge) -> None:
        """An arrow between a composite and what it contains starts or ends at a ring inside, not at the border: no line
        crosses the composite's text, and the composite is laid out on its own."""
        for outer, inner in ((edge.source, edge.target), (edge.target, edge.source)):
            if outer != inner and any(node.id == inner for node in self.nodes[outer].walk()):
                ring = Node(f"{outer}/self {edge.id}", Shape.SELF, tags=edge.tags[-1:])
                self.nodes[outer].children.insert(0, ring)
                if outer == edge.source:
                    edge.source = ring.id
                else:
                    edge.target = ring.id

    # ------------------------------------------------------------ boxes

    def _state(self, state: State) -> Node:
        tags = (("id", f"state:{state.id or ROOT}"), ("data-state", state.id or ROOT))
        match state.kind:
            case StateKind.SHALLOW_HISTORY | StateKind.DEEP_HISTORY:
                letter = "H*" if state.kind is StateKind.DEEP_HISTORY else "H"
                node = Node(state_node(state), Shape.HISTORY, [[Line(letter, "title")]], css="state", tags=tags)
                if state.history_default is not None:
                    self._arrows(state.history_default, node.id)
                return node
            case StateKind.FINAL:
                return Node(state_node(state), Shape.FINAL, self._final_text(state), css="state", tags=tags)
        region = state.parent is not None and state.parent.kind is StateKind.PARALLEL
        composite = any(child not in self.hidden for child in state.children)
        shape = Shape.REGION if region else Shape.COMPOSITE if composite else Shape.BOX
        node = Node(state_node(state), shape, self._text(state), css="state", tags=tags)
        if state.initial is not None and state.initial.targets and composite:
            dot = Node(f"{node.id}/initial", Shape.INITIAL)
            node.children.append(dot)
            self._arrows(state.initial, dot.id)
        node.children += [self._state(child) for child in state.children if child not in self.hidden]
        node.packed = state.kind is StateKind.PARALLEL
        return node

    def _text(self, state: State) -> list[list[Line]]:
        name = state.name if state.parent is not None else self.chart.name
        title = [Line(text, "title") for text in wrap(name + describe.args_text(state), 34)]
        if state.title and state.title.lower() != name.lower():
            title += [Line(text, "note") for text in wrap(state.title, 34)]
        if state.template:
            tags = tuple(tag for t in self._made_inside(state) for tag in transition_tags(t)[1:])
            title.append(Line(f"use {state.template}", "keyword", tags))
            title += [Line(t, "note") for key, text in state.given for t in wrap(f"{key}: {text}", _LINE)]
        if state.citation:
            title += [Line(text, "keyword") for text in wrap(state.citation, 34)]
        internal = self._internal(state) + self._added_inside(state)
        return [title, self._invokes(state), self._actions(state), internal, self._invariants(state)]

    def _added_inside(self, state: State) -> list[Line]:
        """What a use of a template adds to the states inside, and what stays there; the first use's stands in these."""
        if self.shown.get(state.template) is state:
            return []
        return [
            replace(line, tags=transition_tags(t))
            for inner in state.template_states
            for t in inner.transitions
            if not (is_made(t) or t.targets or t.ignores or t.relays)
            for line in self._label(t)
        ]

    @staticmethod
    def _made_inside(state: State) -> list[Transition]:
        return [t for s in (state, *state.template_states) for t in s.transitions if is_made(t)]

    def _invokes(self, state: State) -> list[Line]:
        lines: list[Line] = []
        for invoke in state.invokes:
            tags = tuple(tag for t in state.transitions if t.relays == invoke.id for tag in transition_tags(t))
            lines += [Line(text, "guard", tags) for text in wrap(describe.invoke_text(invoke), _LINE)]
        return lines

    def _actions(self, state: State) -> list[Line]:
        result: list[Line] = []
        for word, blocks in (("entry", state.entry), ("exit", state.exit)):
            text = describe.blocks_text(blocks)
            if text:
                result += [Line(part, "text") for part in wrap(f"{word} / {text}", _LINE)]
        return result

    def _internal(self, state: State) -> list[Line]:
        """Transitions that leave no state stand in the box; the events that do nothing are listed behind them."""
        lines = [
            replace(line, tags=transition_tags(t))
            for t in state.transitions
            if not t.targets and not t.ignores and not t.relays
            for line in self._label(t)
        ]
        text = describe.ignored_text(self.chart, state)
        tags = tuple(tag for t in state.transitions if t.ignores for tag in transition_tags(t))
        return lines + [Line(part, "event", tags) for part in (wrap(text, _LINE) if text else ())]

    def _invariants(self, state: State) -> list[Line]:
        shutdown = self.chart.shutdown if state.parent is None else None
        told = describe.shutdown_text(shutdown) if shutdown is not None else ""
        return [Line(t, "note") for t in (wrap(told, _LINE) if told else ())] + [
            Line(t, "note")
            for i in (*state.invariants, *state.joint_invariants)
            for t in wrap(f"invariant {i.text}", _LINE)
        ]

    def _final_text(self, state: State) -> list[list[Line]]:
        lines = [Line(text, "title") for text in wrap(state.name + describe.args_text(state), 34)]
        lines += [Line(f"{k} = {v}", "text") for k, v in describe.output_texts(state)]
        lines += [Line(t, "text") for t in self._entry_of_final(state)]
        return [lines]

    def _entry_of_final(self, state: State) -> list[str]:
        text = describe.blocks_text(state.entry)
        return wrap(f"entry / {text}", _LINE) if text else []

    # ------------------------------------------------------------ arrows

    def _arrows(self, transition: Transition, source: str) -> None:
        """One arrow for each target; the label stands on the first."""
        label = self._label(transition)
        css = "timed" if transition.timer else "eventless" if not transition.descriptors else "evented"
        for number, target in enumerate(transition.targets):
            key = transition.id if transition.id else f"{source}/default"
            end = state_node(self._visible(target))
            if source.startswith(_TEMPLATE):
                if target not in self.hidden:
                    continue
                end = _TEMPLATE + state_node(target)
            id = f"{source}>{key}" + (f">{number + 1}" if number else "")
            tags = (("data-transition", key),) if number else (("id", f"transition:{key}"), ("data-transition", key))
            lines = label if number == 0 else []
            self.edges.append(Edge(id, source, end, lines, css, tags, describe.whole_text(self.chart, transition)))

    def _label(self, transition: Transition) -> list[Line]:
        """``event [guard] / actions``, guard and actions in a few lines each."""
        trigger = describe.trigger_text(self.chart, transition)
        if transition.source in self.hidden and not is_made(transition):
            trigger = f"{transition.source.name}: {trigger}"  # the use says it of a state inside the template
        style = "timer" if transition.timer else "event"
        lines = [Line(t, style) for t in wrap(trigger, _TRIGGER_LINE)]
        actions = describe.block_text(transition.actions)
        for text, css in ((describe.guard_text(transition), "guard"), (actions and f"/ {actions}", "action")):
            if text:
                lines += [Line(t, css) for t in wrap(cut_middle(text, _MOST), _LINE)]
        return lines


def is_made(transition: Transition) -> bool:
    """Whether a template has made it."""
    return transition.position.used is not None


def transition_tags(transition: Transition) -> tuple[tuple[str, str], ...]:
    """The attributes of what stands for a transition."""
    return ("id", f"transition:{transition.id}"), ("data-transition", transition.id)


def state_node(state: State) -> str:
    """The id of a state's node."""
    return state.id or ROOT
