"""The content of an overview: the story of a chart, at most two levels of states on a sheet.

Each composite is told on its own (:class:`Story`): its states, which of them are the main path, and the arrows among
them, one for each pair. What lies deeper is a closed box and has a story elsewhere. A way out of the composite is a
line in the box it starts from, and an arrow one level further out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from engine.language.model import Chart, State, StateKind, Transition
from engine.tools.diagram import describe
from engine.tools.diagram.graph import Edge, Line, Node, Shape
from engine.tools.diagram.main_path import main_path
from engine.tools.diagram.statechart import ROOT, is_made, state_node, transition_tags
from engine.tools.diagram.text import cut_middle, shorten, wrap

INSIDE = "inside, sheet "  # in the line of a closed box; the number of the sheet follows
_LEVELS = 2
_TITLE = 26  # characters of a line
_LINE = 32
_MOST = 3  # causes named on an arrow or in a box, before "… n more"
_MOST_MAIN = 6
_BRIEFEST = 3
_TEMPLATE = "template "
_HISTORY = (StateKind.SHALLOW_HISTORY, StateKind.DEEP_HISTORY)


@dataclass(slots=True)
class Story:
    """A composite: its node, whose children are its states; the ids of those on the main path; the arrows among them
    and from the marks (the initial dot, and a ring for each arrow of the composite itself); the composites told inside
    it."""

    node: Node
    main: list[str] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    parts: dict[str, Story] = field(default_factory=dict)
    marks: list[Node] = field(default_factory=list)  # where arrows start that start at no state: dot and rings
    tight: int = 0  # how little room there is between boxes: 0 to 3

    def walk(self) -> Iterator[Story]:
        """This one and those inside it."""
        yield self
        for part in self.parts.values():
            yield from part.walk()


@dataclass(slots=True)
class Chapter:
    """What is told of one composite, or template, and the composites that are closed boxes in it."""

    name: str
    story: Story
    closed: list[State]


def chapter(
    chart: Chart, top: State, shut: frozenset[State] = frozenset(), template: str = "", brevity: int = 0
) -> Chapter:
    """The story of ``top``, or of the ``template`` as ``top`` uses it; the composites ``shut`` are closed boxes
    whatever their level. ``brevity``: 1 without the events that leave no state, 2 without orders and invokes, too, 3
    with the first cause of a way alone and without the names of templates."""
    teller = _Teller(chart, top, shut, template, brevity)
    story = teller.tell()
    return Chapter(template or top.id or chart.name, story, teller.closed)


def templates(chart: Chart) -> dict[str, State]:
    """The templates that make states, each with the first state that uses it."""
    found: dict[str, State] = {}
    for state in chart.root.walk():
        if state.template and state.template_states:
            found.setdefault(state.template, state)
    return found


class _Teller:
    def __init__(self, chart: Chart, top: State, shut: frozenset[State], template: str, brevity: int) -> None:
        self.chart = chart
        self.brevity = brevity
        self.top = top
        self.shut = shut
        self.template = template
        self.closed: list[State] = []
        made = {inner for state in chart.root.walk() if state.template for inner in state.template_states}
        self.seen = made & set(top.walk()) if template else set(chart.states.values()) - made | {chart.root}
        self.stories: dict[State, Story] = {}
        self.nodes: dict[State, Node] = {}
        self.ways: dict[tuple[State, State, State], list[tuple[str, Transition]]] = {}
        self.words: dict[tuple[State, str], list[Transition]] = {}

    def tell(self) -> Story:
        story = self._composite(self.top, 0)
        for transition in self.chart.transitions:
            made = is_made(transition)
            for target in transition.targets:
                if made if self.template else not made or target in self.seen:
                    self._way(transition, target)
        for state in list(self.nodes):
            if state.history_default is not None:
                default = replace(state.history_default, source=state)
                for target in default.targets:
                    self._way(default, target)
        for state, one in self.stories.items():
            self._arrows(state, one)
        self._tell_words()
        return story

    # ------------------------------------------------------------ boxes

    def _children(self, state: State) -> list[State]:
        return [child for child in state.children if child in self.seen]

    def _composite(self, state: State, depth: int) -> Story:
        region = state.parent is not None and state.parent.kind is StateKind.PARALLEL and state is not self.top
        node = self._node(state, Shape.REGION if region else Shape.COMPOSITE)
        node.packed = state.kind is StateKind.PARALLEL
        story = self.stories[state] = Story(node, tight=self.brevity)
        for child in self._children(state):
            level = depth if state.kind is StateKind.PARALLEL else depth + 1
            if not self._children(child):
                node.children.append(self._node(child, _leaf(child)))
            elif child in self.shut or level >= _LEVELS:
                self.closed.append(child)
                node.children.append(self._closed(child))
            else:
                story.parts[state_node(child)] = self._composite(child, level)
                node.children.append(story.parts[state_node(child)].node)
        return story

    def _closed(self, state: State) -> Node:
        node = self._node(state, Shape.BOX)
        count = sum(not self._children(inner) for inner in state.walk() if inner in self.seen)
        node.sections.append([Line(f"{count} {'state' if count == 1 else 'states'} {INSIDE}", "keyword")])
        node.css = "closed"
        return node

    def _node(self, state: State, shape: Shape) -> Node:
        name = state.id or ROOT
        tags = () if self.template else (("id", f"state:{name}"), ("data-state", name))
        node = Node(state_node(state), shape, self._text(state), tags=tags)
        self.nodes[state] = node
        return node

    def _text(self, state: State) -> list[list[Line]]:
        if state.kind in _HISTORY:
            return [[Line("H*" if state.kind is StateKind.DEEP_HISTORY else "H", "title")]]
        name = state.name if state.parent is not None else self.chart.name
        note = state.title
        if state is self.top:
            name = state.id or self.chart.name
            if self.template:
                name, note = f"template {self.template}", f"as in {state.id}"
        mark = "◊ " if describe.is_junction(state) else ""
        title = [Line(t, "title") for t in wrap(mark + name + describe.args_text(state, True), _TITLE)]
        if note and note.lower() != name.lower():
            title += [Line(text, "note") for text in wrap(note, _LINE)]
        named = self.brevity < _BRIEFEST and not (self.template and state is self.top)
        if state.template and named:
            tags = tuple(tag for t in _made_inside(state) for tag in transition_tags(t)[1:])
            title.append(Line(f"use {state.template}", "keyword", tags))
        if self.template and state is self.top:
            return [title]  # the rest stands in the boxes of its uses, each of which may add to it
        invokes = [Line(t, "guard") for i in state.invokes for t in _two(describe.invoke_text(i, True))]
        sections = [title, invokes, self._entry(state), self._internal(state)]
        return sections[: (4, 3, 1, 1)[self.brevity]]

    @staticmethod
    def _entry(state: State) -> list[Line]:
        texts = {"entry": describe.blocks_text(state.entry, True), "exit": describe.blocks_text(state.exit, True)}
        return [Line(part, "text") for word, text in texts.items() if text for part in _two(f"{word} / {text}")]

    def _internal(self, state: State) -> list[Line]:
        """The events that leave no state, in a line or two."""
        own = [t for t in state.transitions if not t.targets and is_made(t) == bool(self.template)]
        names = dict.fromkeys(
            describe.trigger_text(self.chart, t) or "always" for t in own if not (t.ignores or t.relays)
        )
        tags = tuple(tag for t in own for tag in transition_tags(t))
        return [Line(part, "note", tags) for part in _two(f"on {', '.join(names)}" if names else "")] or (
            [Line(shorten(describe.ignored_text(self.chart, state), _LINE), "note", tags)] if own else []
        )

    # ------------------------------------------------------------ arrows

    def _chain(self, state: State) -> list[State]:
        """The boxes that are or contain the state, from the whole sheet inwards; none when it is not on it."""
        chain = [s for s in reversed((state, *state.ancestors())) if s in self.nodes]
        return chain if chain[:1] == [self.top] else []

    def _way(self, transition: Transition, target: State) -> None:
        sources, targets = self._chain(transition.source), self._chain(target)
        if not sources:
            return
        box = sources[-1]
        if not targets:
            self._word(box, transition, target)
            return
        shared = [a for a, b in zip(sources, targets, strict=False) if a is b]
        place, start, end = shared[-1], sources[len(shared) :], targets[len(shared) :]
        if not end:
            if box is place and target not in self.seen and box not in self.closed:
                self._inside_use(box, transition, target)
            elif box is not place or target is box:
                self._word(box, transition, target)
            return
        while not start and place.kind is StateKind.PARALLEL and len(end) > 1:
            place, end = end[0], end[1:]
        if place.kind is StateKind.PARALLEL:
            self._word(box, transition, target)
            return
        source = start[0] if start else place
        own = transition.source is source or is_made(transition)
        inner = box if box is not source else transition.source
        told = "" if own else f"{inner.name}: "
        self.ways.setdefault((place, source, end[0]), []).append((told, transition))
        if len(start) > 1 and transition.source is box:
            self._word(box, transition, target)

    def _inside_use(self, box: State, transition: Transition, target: State) -> None:
        """A way that a state has to what its template has made inside it: a line, or where there is no room for it the
        name of the state stands for it."""
        if self.brevity < _BRIEFEST:
            self._word(box, transition, target)
        else:
            title = self.nodes[box].sections[0]
            title[0] = replace(title[0], tags=(*title[0].tags, *transition_tags(transition)[1:]))

    def _word(self, box: State, transition: Transition, target: State) -> None:
        self.words.setdefault((box, target.name or self.chart.name), []).append(transition)

    def _tell_words(self) -> None:
        for (box, target), found in self.words.items():
            lines = self._causes([("" if t.source is box else f"{t.source.name}: ", t) for t in found], 2)
            last = max(i for i, line in enumerate(lines) if line.css != "guard" or i == 0)
            lines[last] = replace(lines[last], to=target)
            self.nodes[box].sections.append(lines)

    def _arrows(self, place: State, story: Story) -> None:
        children = self._children(place)
        ways = {(a, b): found for (at, a, b), found in self.ways.items() if at is place}
        start = next((t for t in (place.initial.targets if place.initial else ()) if t in self.seen), None)
        begin = next((s for s in self._chain(start)[1:] if s in children), None) if start is not None else None
        states = [child for child in children if child.kind not in _HISTORY]
        if place.kind is StateKind.PARALLEL:
            story.main = [id for id in [self._main_region(place, story)] if id]
            for child in children if "aside" in story.node.css else ():
                self.nodes[child].css = f"{self.nodes[child].css} aside".strip()
        else:
            pairs = [(a, b) for a, b in ways if a in states and b in states]
            main = main_path(self.chart, states, begin, pairs)
            story.main = [state_node(state) for state in main]
            for state in children:
                css = self.nodes[state].css
                calm = state not in main or "aside" in story.node.css
                self.nodes[state].css = f"{css} {'aside' if calm else 'main'}".strip()
            if begin is not None:
                self._begin(place, story, state_node(begin))
        steps = set() if "aside" in story.node.css else set(pairwise(story.main))
        for (a, b), found in ways.items():
            source, target = state_node(a), state_node(b)
            if a is place:
                ring = Node(f"{source}/self {target}", Shape.SELF)
                story.marks.append(ring)
                self._arrow(story, (ring.id, target), found, False)
            else:
                self._arrow(story, (source, target), found, (source, target) in steps)

    def _main_region(self, place: State, story: Story) -> str:
        """The region that the main path runs through."""
        named = [state_node(s) for s in main_path(self.chart, self._children(place), None, [])]
        return (
            named[0] if named else max(story.parts, key=lambda id: len(list(story.parts[id].node.walk())), default="")
        )

    def _begin(self, place: State, story: Story, target: str) -> None:
        assert place.initial is not None
        dot = Node(f"{state_node(place)}/initial", Shape.INITIAL)
        story.marks.append(dot)
        tags = () if self.template else (("id", f"transition:{dot.id}"), ("data-transition", f"{dot.id}/default"))
        css = "main" if story.main[:1] == [target] and "aside" not in story.node.css else "aside"
        story.edges.append(Edge(f"{dot.id}>", dot.id, target, [], css, tags))

    def _arrow(self, story: Story, pair: tuple[str, str], found: list[tuple[str, Transition]], main: bool) -> None:
        label = self._causes([(told, t) for told, t in found if t.id], _MOST_MAIN if main else _MOST)
        hint = "\n".join(describe.whole_text(self.chart, t) for _, t in found)
        tags = () if self.template else tuple(("data-transition", t.id) for _, t in found if t.id)
        story.edges.append(Edge(f"{pair[0]}>{pair[1]}", *pair, label, "main" if main else "aside", tags, hint))

    def _causes(self, found: list[tuple[str, Transition]], most: int) -> list[Line]:
        """Each cause once, with its guard cut to a line; how many more there are."""
        causes: dict[str, list[Transition]] = {}
        for told, t in found:
            causes.setdefault(told + (describe.trigger_text(self.chart, t)), []).append(t)
        lines: list[Line] = []
        most = 1 if self.brevity == _BRIEFEST else most
        shown = list(causes.items())
        shown = shown if len(shown) <= most else shown[: max(1, most - 1)]
        for text, cases in shown:
            tags = () if self.template else tuple(tag for t in cases for tag in transition_tags(t)[1:])
            style = "timer" if cases[0].timer else "event"
            guard = describe.guard_text(cases[0]) if len(cases) == 1 else f"[{len(cases)} cases]"
            if len(cases) > 1 and any(t.guard is None for t in cases):
                guard = ""
            parts = wrap(text.strip(), _LINE) or ([] if guard else ["always"])
            lines += [Line(part, style, tags) for part in parts]
            lines += [Line(cut_middle(guard, _LINE), "guard", tags)] if guard else []
        rest = [t for text in list(causes)[len(shown) :] for t in causes[text]]
        if rest:
            tags = () if self.template else tuple(tag for t in rest for tag in transition_tags(t)[1:])
            lines.append(Line(f"… {len(causes) - len(shown)} more", "keyword", tags))
        return lines


def _leaf(state: State) -> Shape:
    if state.kind in _HISTORY:
        return Shape.HISTORY
    return Shape.FINAL if state.kind is StateKind.FINAL else Shape.BOX


def _made_inside(state: State) -> list[Transition]:
    return [t for s in (state, *state.template_states) for t in s.transitions if is_made(t)]


def _two(text: str) -> list[str]:
    """The text in at most two lines."""
    parts = wrap(text, _LINE)
    return parts if len(parts) <= 2 else [parts[0], shorten(" ".join(parts[1:]), _LINE)]
