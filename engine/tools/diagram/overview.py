"""An overview on paper: the whole chart on the first sheet, two levels deep, then what is closed there."""

from __future__ import annotations

from dataclasses import replace

from engine.language.model import Chart, State
from engine.tools.diagram.columns import in_order, lay_out
from engine.tools.diagram.graph import Graph, Layout, Line, Node
from engine.tools.diagram.main_path import Spine, spine
from engine.tools.diagram.page import READABLE, largest_room, largest_scale, may_fit
from engine.tools.diagram.sheets import Placed
from engine.tools.diagram.story import (
    FOLD,
    INSIDE,
    LISTED,
    NARROWEST,
    Chapter,
    Story,
    Telling,
    chapter,
    list_of,
    numbered,
    templates,
)

_HOPELESS = 0.7  # of the least size of text: so small a chapter is not made readable by narrower boxes


def overview(chart: Chart) -> list[Placed]:
    """The sheets in reading order."""
    path = spine(chart)
    first = _fitting(chart, path, chart.root, "")
    chapters, waiting = [*_list(first)], [(state, "") for state in first.closed]
    waiting += [(state, name) for name, state in templates(chart).items()]
    while waiting:
        state, template = waiting.pop(0)
        one = _fitting(chart, path, state, template)
        chapters += [one, *_list(one)]
        waiting += [(inner, "") for inner in one.closed]
    sheets = [[first], *_gathered(chapters)]
    homes = {one.story.node.id: number for number, sheet in enumerate(sheets, 1) for one in sheet}
    return [
        replace(_placed([_told(one.story, homes) for one in sheet]), name=", ".join(one.name for one in sheet))
        for sheet in sheets
    ]


def _list(one: Chapter) -> list[Chapter]:
    return [Chapter(f"list of {one.name}", one.list, [])] if one.list is not None else []


def _fitting(chart: Chart, path: Spine, top: State, template: str) -> Chapter:
    """The chapter as it can be read: with composites beside the main path closed, the largest first; then with less
    text; then with those of the main path closed, too, of which the path alone is followed; then with what causes the
    ways beside it on another sheet; then without following the path."""

    def told(telling: Telling) -> tuple[Chapter, Layout, float]:
        one = chapter(chart, path, top, telling, template)
        layout = lay_out(one.story, _aspect())
        return one, layout, _scale(layout) / READABLE

    def fitting(telling: Telling, narrowest: int) -> tuple[bool, Chapter, Layout]:
        """The chapter told so, in boxes as narrow as it needs, and whether it can be read then; else in wide ones."""
        widest, places, size = told(telling)
        for narrow in range(narrowest + 1):
            one, layout, size = told(replace(telling, narrow=narrow)) if narrow else (widest, places, size)
            if _HOPELESS <= size < 1.0 and one.lists:
                one, layout, size = told(replace(telling, narrow=narrow, apart=True))
            if size >= 1.0:
                return True, one, layout
            if size < _HOPELESS:
                break
        return False, widest, places

    for along in (True, False) if top is chart.root else (False,):
        shut: frozenset[State] = frozenset()
        stages: list[Telling] = []
        while True:
            beside: frozenset[State] = frozenset()
            while True:
                telling = Telling(shut | beside, along)
                fits, one, layout = fitting(telling, 1)
                if fits:
                    return one
                on_path, rest = _parts(chart, one.story, layout, shut | beside)
                if not rest:
                    break
                beside |= {rest[0]}
            stages.append(telling)
            for brevity in (1, 2):
                fits, one, _ = fitting(replace(telling, brevity=brevity), NARROWEST)
                if fits:
                    return one
            if not on_path:
                break
            shut |= frozenset(on_path)
        for telling in stages:
            fits, one, _ = fitting(replace(telling, brevity=3), NARROWEST)
            if fits:
                return one
    return fitting(replace(telling, brevity=4), NARROWEST)[1]


def _parts(chart: Chart, story: Story, places: Layout, shut: frozenset[State]) -> tuple[list[State], list[State]]:
    """The composites told inside that are not ``shut``: the innermost of the main path, and those beside it, regions
    and large ones first."""
    path: dict[State, int] = {}
    beside: dict[State, tuple[bool, float]] = {}

    def look(one: Story, depth: int, aside: bool) -> None:
        for id, part in one.parts.items():
            box = places.boxes[id]
            state = chart.states[id]
            if state not in shut and (aside or id not in one.main):
                beside[state] = (not one.node.packed, -box.width * box.height)
            elif state not in shut and not one.node.packed and "followed" not in part.node.css.split():
                path[state] = depth
            look(part, depth + 1, aside or id not in one.main)

    look(story, 0, False)
    innermost = [state for state, depth in path.items() if depth == max(path.values())]
    return innermost, sorted(beside, key=lambda state: beside[state])


def _aspect() -> float:
    room = largest_room()
    return max(room) / min(room)


def _scale(layout: Layout) -> float:
    return largest_scale(layout.width, layout.height)


def _gathered(chapters: list[Chapter]) -> list[list[Chapter]]:
    """The chapters in their order, each on the first sheet that has room for it, but not where it is a closed box."""
    sheets: list[list[tuple[Chapter, Layout]]] = []
    for one in chapters:
        own = one, lay_out(one.story, _aspect())
        for sheet in sheets:
            layouts = [layout for _, layout in (*sheet, own)]
            sizes = ((layout.width, layout.height) for layout in layouts)
            closed = {node.id for other, _ in sheet for node in other.story.node.walk()}
            if (
                own[0].story.node.id not in closed
                and may_fit(sizes)
                and _scale(in_order(layouts, _aspect())) >= READABLE
            ):
                sheet.append(own)
                break
        else:
            sheets.append([own])
    return [[chapter for chapter, _ in sheet] for sheet in sheets]


def _placed(stories: list[Story]) -> Placed:
    layout = in_order([lay_out(story, _aspect()) for story in stories], _aspect())
    nodes = [_with_marks(story) for story in stories]
    edges = [edge for story in stories for one in story.walk() for edge in one.edges]
    return Placed(Graph(nodes[0], edges, nodes[1:]), layout)


def _with_marks(story: Story) -> Node:
    parts = story.parts
    children = [_with_marks(parts[c.id]) if c.id in parts else c for c in story.node.children]
    return replace(story.node, children=[*children, *story.marks])


def _told(story: Story, homes: dict[str, int]) -> Story:
    """The story with the numbers of the sheets on which its closed boxes, and its list, are told."""
    list_home = homes.get(list_of(story.node.id), 0)

    def line(old: Line, home: int) -> Line:
        if old.text.endswith(INSIDE):
            return numbered(old, home)
        return numbered(old, list_home) if old.text.endswith(LISTED) else old

    def node(old: Node) -> Node:
        home = homes.get(old.id.removesuffix(FOLD), 0)
        sections = [[line(one, home) for one in section] for section in old.sections]
        return replace(old, sections=sections, children=[node(child) for child in old.children])

    def told(one: Story, box: Node) -> Story:
        boxes = {child.id: child for child in box.children}
        parts = {id: told(part, boxes[id]) for id, part in one.parts.items()}
        edges = [replace(edge, label=[line(text, 0) for text in edge.label]) for edge in one.edges]
        return replace(one, node=box, parts=parts, edges=edges)

    return told(story, node(story.node))
