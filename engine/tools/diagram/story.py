"""The content of an overview: the story of a chart, at most two levels of states on a sheet.

Each composite is told on its own (:class:`Story`): its states, which of them are the main path, and the arrows among
them, one for each pair. What lies deeper is a closed box and has a story elsewhere; but where the main path leads
deeper, the sheet follows it: of such a composite it shows the states of the main path, and one closed box (the fold)
for all its others. A way out of the composite is a line in the box it starts from, and an arrow one level further out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from engine.language.model import Chart, State, StateKind, Transition
from engine.tools.diagram import describe
from engine.tools.diagram.arrow_lists import owner
from engine.tools.diagram.causes import LINE, cause_lines
from engine.tools.diagram.ends import ends
from engine.tools.diagram.graph import Edge, Line, Node, Shape
from engine.tools.diagram.main_path import Spine, is_failure, path_of
from engine.tools.diagram.statechart import ROOT, is_made, state_node, transition_tags
from engine.tools.diagram.text import shorten, wrap

FOLD = "/fold"  # ends the id of a fold, which begins with that of its composite
_NUMBER = "00"  # room for the number of a sheet
INSIDE = f"inside, sheet {_NUMBER}"  # in the line of a closed box
LISTED = f"list, sheet {_NUMBER}"  # in the line that stands for causes which are listed on another sheet
_LEVELS = 2
_TITLES = (26, 22, 19, 16)  # characters of a line, by how narrow the boxes are told
_LINES = (LINE, 27, 22, 18)
NARROWEST = len(_LINES) - 1
_NOTES = 2  # lines of a title where boxes are narrow
_FOLDED = 8  # states of a fold that are told with their titles
_MOST = 3  # causes named on an arrow or in a box, before "… n more"
_MOST_MAIN = 6
_GATHERED = 3
_BRIEFEST = 4
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
    passed: dict[str, str] = field(default_factory=dict)  # ring on the main path → the state before it
    tight: int = 0  # how little room there is between boxes: 0 to 4

    def walk(self) -> Iterator[Story]:
        """This one and those inside it."""
        yield self
        for part in self.parts.values():
            yield from part.walk()


@dataclass(slots=True)
class Chapter:
    """What is told of one composite, or template, the composites that are closed boxes in it, and the list of causes
    where that is not in it."""

    name: str
    story: Story
    closed: list[State]
    list: Story | None = None
    lists: bool = False  # whether some causes do not stand at their way


@dataclass(frozen=True, slots=True)
class Telling:
    """How much is told: the composites ``shut`` are closed whatever their level; ``along`` the main path the sheet
    opens those that are closed, or deeper than two levels. ``brevity``: 1 without the events that leave no state, 2
    without orders and invokes, too, 3 with the causes of ways beside the path in the list alone, 4 with the first cause
    of any way alone and without the names of templates.
    ``narrow``: how early lines are wrapped, from 0 to NARROWEST. ``apart``: causes that do not stand at their way are
    listed on another sheet."""

    shut: frozenset[State] = frozenset()
    along: bool = False
    brevity: int = 0
    narrow: int = 0
    apart: bool = False


def chapter(chart: Chart, path: Spine, top: State, telling: Telling, template: str = "") -> Chapter:
    """The story of ``top``, or of the ``template`` as ``top`` uses it; ``path`` is the chart's main path."""
    teller = _Teller(chart, path, top, telling, template)
    story = teller.tell()
    return Chapter(template or top.id or chart.name, story, teller.closed, teller.list, bool(teller.lists))


def templates(chart: Chart) -> dict[str, State]:
    """The templates that make states, each with the first state that uses it."""
    found: dict[str, State] = {}
    for state in chart.root.walk():
        if state.template and state.template_states:
            found.setdefault(state.template, state)
    return found


@dataclass(frozen=True, slots=True)
class _Cause:
    """A transition in an arrow or a line; ``told`` is the state inside that it leaves, where its box is another."""

    told: str
    transition: Transition


class _Teller:
    def __init__(self, chart: Chart, path: Spine, top: State, telling: Telling, template: str) -> None:
        self.chart = chart
        self.path = path
        self.brevity = telling.brevity
        self.title, self.line = _TITLES[telling.narrow], _LINES[telling.narrow]
        self.listing = _LINES[max(0, telling.narrow - 1)]  # a list may be wider than a box
        self.notes = _NOTES if telling.narrow else 0
        self.apart = telling.apart
        self.list: Story | None = None
        self.lists: list[list[Line]] = []  # all causes of the ways that do not name them all
        self.top = top
        self.shut = telling.shut
        self.along = telling.along
        self.panel: Node | None = None  # the list of what leaves the main path, beside the story of a chart
        self.template = template
        self.closed: list[State] = []
        made = {inner for state in chart.root.walk() if state.template for inner in state.template_states}
        self.seen = made & set(top.walk()) if template else set(chart.states.values()) - made | {chart.root}
        self.stories: dict[State, Story] = {}
        self.nodes: dict[State, Node] = {}
        self.holders: dict[State, State] = {}  # composite of which the path alone is told → itself, or its region
        self.folds: dict[State, State] = {}  # … → what stands for its other states
        self.ways: dict[tuple[State, State, State], list[_Cause]] = {}
        self.words: dict[tuple[State, str], list[Transition]] = {}

    def tell(self) -> Story:
        story = self._composite(self.top, 0)
        if self.top is self.chart.root:
            self.panel = ends(self.chart, self.path, {*self.stories, *self.holders.values()}, self.listing)
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
        self._add_panel()
        return story

    def _add_panel(self) -> None:
        """The list of what ends the main path, and of the causes that ways do not name, beside the path."""
        panel = self.panel
        if self.lists:
            if panel is None or self.apart:
                title = (
                    "All that leads there"
                    if not self.apart
                    else f"{self.template or self.chart.name}: all that leads there"
                )
                listing = Node(list_of(state_node(self.top)), Shape.BOX, [[Line(title, "title")]], css="panel")
            else:
                listing = panel
            listing.sections += self.lists
            if self.apart:
                self.list = Story(listing)
            else:
                panel = listing
        if panel is None:
            return
        place = self.top
        while self._is_parallel(place) and place in self.path.inside and self.path.inside[place][0] in self.stories:
            place = self.path.inside[place][0]
        self.stories[place].node.children.append(panel)

    # ------------------------------------------------------------ boxes

    def _children(self, state: State) -> list[State]:
        return [child for child in state.children if child in self.seen]

    def _composite(self, state: State, depth: int) -> Story:
        region = state.parent is not None and state.parent.kind is StateKind.PARALLEL and state is not self.top
        node = self._node(state, Shape.REGION if region else Shape.COMPOSITE)
        node.packed = state.kind is StateKind.PARALLEL
        story = self.stories[state] = Story(node, tight=self.brevity)
        alone = len(self._children(state)) == 1
        for child in self._children(state):
            level = depth if state.kind is StateKind.PARALLEL or alone else depth + 1
            if not self._children(child):
                node.children.append(self._node(child, _leaf(child)))
            elif child in self.path and self.along and (child in self.shut or level >= _LEVELS):
                story.parts[state_node(child)] = self._along_path(child)
                node.children.append(story.parts[state_node(child)].node)
            elif child in self.shut or level >= _LEVELS:
                self.closed.append(child)
                node.children.append(self._closed(child))
            else:
                story.parts[state_node(child)] = self._composite(child, level)
                node.children.append(story.parts[state_node(child)].node)
        return story

    def _along_path(self, state: State) -> Story:
        """The states of the main path, and the fold."""
        holder = state
        while holder.kind is StateKind.PARALLEL:
            holder = self.path.inside[holder][0]
        self.holders[state] = holder
        node = self._node(state, Shape.COMPOSITE)
        story = self.stories[state] = Story(node, tight=self.brevity)
        folded = [s for s in self._beside(state) if s.kind not in _HISTORY]
        self.closed += [state] if folded else []
        for child in self.path.inside[holder]:
            if self._children(child):
                story.parts[state_node(child)] = self._along_path(child)
                node.children.append(story.parts[state_node(child)].node)
            else:
                node.children.append(self._node(child, _leaf(child)))
        if folded:
            node.css = "followed"
            fold = self.folds[state] = replace(state, id=state_node(state) + FOLD, name="", parent=state, children=[])
            node.children.append(self._fold(state, fold, folded))
        return story

    def _beside(self, state: State) -> list[State]:
        """The states and regions that are not on the path, from outside in."""
        holder = self.holders[state]
        found: list[State] = []
        while True:
            path = self.path.inside[state]
            found += [child for child in self._children(state) if child not in path]
            if state is holder:
                return found
            state = path[0]

    def _fold(self, state: State, fold: State, folded: list[State]) -> Node:
        lines: list[Line] = []
        for one in folded[:_FOLDED]:
            name = one.name + describe.args_text(one, True)
            text = f"{name}: {one.title}" if one.title and one.title.lower() != one.name.lower() else name
            lines += [Line(part, "text") for part in self._two(text)]
        if len(folded) > _FOLDED:
            rest = ", ".join(one.name for one in folded[_FOLDED:])
            lines += [Line(part, "text") for part in wrap(rest, self.line)]
        count = self._count(state)
        inside = [Line(f"all {count} states {INSIDE}", "keyword")]
        tags = () if self.template else (("data-state", state_node(state)),)
        node = Node(fold.id, Shape.BOX, [[Line("also inside", "title")], lines, inside], css="closed", tags=tags)
        self.nodes[fold] = node
        return node

    def _count(self, state: State) -> int:
        return sum(not self._children(inner) for inner in state.walk() if inner in self.seen)

    def _closed(self, state: State) -> Node:
        node = self._node(state, Shape.BOX)
        count = self._count(state)
        steps = [one.name for one in self.path.inside.get(state, ())]
        if len(steps) > 1 and state.kind is not StateKind.PARALLEL:
            node.sections.append([Line(text, "text") for text in wrap(" – ".join(steps), self.title)])
        node.sections.append([Line(f"{count} {'state' if count == 1 else 'states'} {INSIDE}", "keyword")])
        node.css = "closed"
        return node

    def _node(self, state: State, shape: Shape) -> Node:
        name = state.id or ROOT
        tags = () if self.template else (("id", f"state:{name}"), ("data-state", name))
        node = Node(state_node(state), shape, self._text(state), tags=tags)
        node.css = "main" if state in self.path and self._is_service(state) else ""
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
        title = [Line(t, "title") for t in wrap(mark + name + describe.args_text(state, True), self.title)]
        if note and note.lower() != name.lower():
            title += [Line(text, "note") for text in (self._two(note) if self.notes else wrap(note, self.line))]
        named = self.brevity < _BRIEFEST and not (self.template and state is self.top)
        if state.template and named:
            tags = tuple(tag for t in _made_inside(state) for tag in transition_tags(t)[1:])
            title.append(Line(f"use {state.template}", "keyword", tags))
        if self.template and state is self.top:
            return [title]  # the rest stands in the boxes of its uses, each of which may add to it
        invokes = [Line(t, "guard") for i in state.invokes for t in self._two(describe.invoke_text(i, True))]
        sections = [title, invokes, self._entry(state), self._internal(state)]
        return sections[: (4, 3, 1, 1, 1)[self.brevity]]

    def _entry(self, state: State) -> list[Line]:
        texts = {"entry": describe.blocks_text(state.entry, True), "exit": describe.blocks_text(state.exit, True)}
        return [Line(part, "text") for word, text in texts.items() if text for part in self._two(f"{word} / {text}")]

    def _internal(self, state: State) -> list[Line]:
        """The events that leave no state, in a line or two."""
        own = [t for t in state.transitions if not t.targets and is_made(t) == bool(self.template)]
        answers = self._answers(own) if state in self.path and self._is_service(state) else []
        if answers:
            return answers
        names = dict.fromkeys(
            describe.trigger_text(self.chart, t) or "always" for t in own if not (t.ignores or t.relays)
        )
        tags = tuple(tag for t in own for tag in transition_tags(t))
        return [Line(part, "note", tags) for part in self._two(f"on {', '.join(names)}" if names else "")] or (
            [Line(shorten(describe.ignored_text(self.chart, state), self.line), "note", tags)] if own else []
        )

    def _is_service(self, state: State) -> bool:
        """Whether it is a region without states: what it answers is all it does."""
        return state.parent is not None and state.parent.kind is StateKind.PARALLEL and not state.children

    def _answers(self, own: list[Transition]) -> list[Line]:
        """Each event with what is done for it; the last line stands for those without one, too."""
        found: dict[str, list[Transition]] = {}
        silent: list[Transition] = []
        for one in own:
            done = describe.block_text(one.actions, True)
            text = f"{describe.trigger_text(self.chart, one) or 'always'} / {done}"
            (found.setdefault(text, []) if done else silent).append(one)
        lines: list[Line] = []
        for number, (text, some) in enumerate(found.items(), 1):
            told = [*some, *silent] if number == len(found) else some
            tags = tuple(tag for one in told for tag in transition_tags(one))
            lines += [Line(part, "event", tags) for part in wrap(text, self.line)]
        return lines

    # ------------------------------------------------------------ arrows

    def _chain(self, state: State) -> list[State]:
        """The boxes that are or contain the state, from the whole sheet inwards; none when it is not on it."""
        chain = [s for s in reversed((state, *state.ancestors())) if s in self.nodes]
        if chain[:1] != [self.top]:
            return []
        last = chain[-1]
        folded = last in self.folds and state is not last and state is not self.holders[last]
        return [*chain, self.folds[last]] if folded else chain

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
        while not start and self._is_parallel(place) and len(end) > 1:
            place, end = end[0], end[1:]
        if self._is_parallel(place):
            self._word(box, transition, target)
            return
        source = start[0] if start else place
        if _is_fold(source) or _is_fold(end[0]):
            if source is box and not self._children(box):
                self._word(box, transition, target)
            return  # else told where it is open
        own = transition.source in (source, self.holders.get(source)) or is_made(transition)
        inner = box if box is not source and not _is_fold(box) else transition.source
        cause = _Cause("" if own else inner.name, transition)
        self.ways.setdefault((place, source, end[0]), []).append(cause)
        if len(start) > 1 and transition.source is box:
            self._word(box, transition, target)

    def _is_parallel(self, place: State) -> bool:
        return place.kind is StateKind.PARALLEL and place not in self.holders

    def _inside_use(self, box: State, transition: Transition, target: State) -> None:
        """A way that a state has to what its template has made inside it: a line, or where there is no room for it the
        name of the state stands for it."""
        if self.brevity < _BRIEFEST:
            self._word(box, transition, target)
        else:
            title = self.nodes[box].sections[0]
            title[0] = replace(title[0], tags=(*title[0].tags, *transition_tags(transition)[1:]))

    def _word(self, box: State, transition: Transition, target: State) -> None:
        if _is_fold(box) or (self._children(box) and self._is_listed(transition)):
            return
        self.words.setdefault((box, target.name or self.chart.name), []).append(transition)

    def _tell_words(self) -> None:
        for (box, target), found in self.words.items():
            pair = self._called(state_node(box)), target
            lines = self._causes(pair, [_Cause("" if t.source is box else t.source.name, t) for t in found], 2)
            last = max(i for i, line in enumerate(lines) if line.css != "guard" or i == 0)
            lines[last] = replace(lines[last], to=target)
            self.nodes[box].sections.append(lines)

    def _arrows(self, place: State, story: Story) -> None:
        holder = self.holders.get(place, place)
        children = [state for state in self._children(holder) if state in self.nodes]
        children += [self.folds[place]] if place in self.folds else []
        ways = {(a, b): found for (at, a, b), found in self.ways.items() if at is place}
        start = next((t for t in (holder.initial.targets if holder.initial else ()) if t in self.seen), None)
        begin = next((s for s in self._chain(start) if s in children), None) if start is not None else None
        main = self._main(holder, children)
        story.main = [state_node(state) for state in main]
        if self._is_parallel(place):
            for child in children if "aside" in story.node.css else ():
                self.nodes[child].css = f"{self.nodes[child].css} aside".strip()
        else:
            for state in children:
                calm = "aside" in story.node.css or (state not in main and state.kind not in _HISTORY)
                tone = "aside" if calm else "main" if holder in self.path else ""
                self.nodes[state].css = f"{self.nodes[state].css} {tone}".strip()
            if begin is not None:
                self._begin(holder, story, state_node(begin), place in self.path)
        steps = {} if "aside" in story.node.css else dict(pairwise(main))
        for (a, b), found in ways.items():
            on_path = steps.get(a) is b
            before = next((state for state in steps if steps[state] is b and (state, b) not in ways), None)
            if a is place:
                ring = Node(f"{state_node(place)}/self {state_node(b)}", Shape.SELF)
                story.marks.append(ring)
                if before is not None:
                    story.passed[ring.id] = state_node(before)
                on_path = before is not None
            source = ring.id if a is place else state_node(a)
            tone = "main" if place in self.path else ""
            self._arrow(story, (source, state_node(b)), found, tone if on_path else "aside")

    def _main(self, holder: State, children: list[State]) -> list[State]:
        """The states in the column, or the region that the main path runs through."""
        inside = self.path.inside.get(holder)
        return [s for s in (path_of(self.chart, holder, self.path.ways) if inside is None else inside) if s in children]

    def _begin(self, place: State, story: Story, target: str, on_path: bool) -> None:
        dot = Node(f"{state_node(place)}/initial", Shape.INITIAL)
        story.marks.append(dot)
        tags = () if self.template else (("id", f"transition:{dot.id}"), ("data-transition", f"{dot.id}/default"))
        first = story.main[:1] == [target] and "aside" not in story.node.css
        css = "aside" if not first else "main" if on_path else ""
        story.edges.append(Edge(f"{dot.id}>", dot.id, target, [], css, tags))

    def _arrow(self, story: Story, pair: tuple[str, str], found: list[_Cause], css: str) -> None:
        known, most = [one for one in found if one.transition.id], _MOST_MAIN if css != "aside" else _MOST
        if css == "aside" and all(self._is_listed(one.transition, pair[0]) for one in found):
            label = [Line("see the list", "keyword")]
        else:
            most = 0 if css == "aside" and self.brevity == _GATHERED else most
            label = self._causes((self._called(pair[0]), self._called(pair[1])), known, most)
        hint = "\n".join(describe.whole_text(self.chart, one.transition) for one in found)
        ids = () if self.template else tuple(one.transition.id for one in found if one.transition.id)
        tags = tuple(("data-transition", id) for id in ids)
        story.edges.append(Edge(f"{pair[0]}>{pair[1]}", *pair, label, css, tags, hint))

    def _is_listed(self, transition: Transition, drawn: str = "") -> bool:
        """Whether the panel has it and no box that is ``drawn`` here says that it leaves it."""
        ids = {value for part in self.panel.sections for line in part for _, value in line.tags} if self.panel else ()
        return transition.id in ids and drawn != state_node(transition.source)

    def _called(self, node: str) -> str:
        """The name of a box on this sheet, or of the composite for which a ring stands."""
        state = self.chart.states.get(owner(node).removesuffix(FOLD))
        return state.name if state is not None else self.chart.name

    def _causes(self, pair: tuple[str, str], found: list[_Cause], most: int) -> list[Line]:
        """Each cause once, with its guard cut to a line; where there are more than ``most``, good ones first and all of
        them in the list of the sheet, under the names of the ``pair``."""
        causes: dict[tuple[str, str], list[Transition]] = {}
        for one in found:
            cause = one.told, describe.trigger_text(self.chart, one.transition)
            causes.setdefault(cause, []).append(one.transition)
        most = 1 if self.brevity == _BRIEFEST else most
        guards = 2 if most == _MOST_MAIN else 1
        if len(causes) <= most or not causes:
            return self._cause_lines(causes, guards)
        good = {cause: cases for cause, cases in causes.items() if not all(map(is_failure, cases))}
        shown = dict(list({**good, **causes}.items())[: max(1, most - 1) if most else 0])
        rest = [t for cause, cases in causes.items() if cause not in shown for t in cases]
        tags = () if self.template else tuple(tag for t in rest for tag in transition_tags(t)[1:])
        self.lists.append(
            [
                Line(f"{pair[0]}, all {len(causes)}" if most else pair[0], "text", to=pair[1]),
                *self._cause_lines(causes, 2, self.listing),
            ]
        )
        where = LISTED if self.apart else "see the list"
        where = f"all {len(causes)}: {where}" if shown else where
        return [*self._cause_lines(shown, guards), Line(where, "keyword", tags)]

    def _cause_lines(self, causes: dict[tuple[str, str], list[Transition]], guards: int, width: int = 0) -> list[Line]:
        return [
            line
            for (told, text), cases in causes.items()
            for line in cause_lines(told, text, cases, not self.template, guards, width or self.line)
        ]

    def _two(self, text: str) -> list[str]:
        """The text in at most two lines."""
        parts = wrap(text, self.line)
        return parts if len(parts) <= 2 else [parts[0], shorten(" ".join(parts[1:]), self.line)]


def numbered(line: Line, sheet: int) -> Line:
    """The line with the number of the sheet that it names."""
    return replace(line, text=f"{line.text.removesuffix(_NUMBER)}{sheet}")


def list_of(node: str) -> str:
    """The id of the list of causes of the story whose box is ``node``."""
    return f"(list of {node})"


def _is_fold(state: State) -> bool:
    return state.id.endswith(FOLD)


def _leaf(state: State) -> Shape:
    if state.kind in _HISTORY:
        return Shape.HISTORY
    return Shape.FINAL if state.kind is StateKind.FINAL else Shape.BOX


def _made_inside(state: State) -> list[Transition]:
    return [t for s in (state, *state.template_states) for t in s.transitions if is_made(t)]
