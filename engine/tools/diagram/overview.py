"""An overview on paper: the whole chart on the first sheet, two levels deep, then what is closed there."""

from __future__ import annotations

from dataclasses import replace

from engine.language.model import Chart, State
from engine.tools.diagram.columns import in_order, lay_out
from engine.tools.diagram.graph import Graph, Layout, Node
from engine.tools.diagram.main_path import Spine, spine
from engine.tools.diagram.page import READABLE, largest_room, largest_scale
from engine.tools.diagram.sheets import Placed
from engine.tools.diagram.story import FOLD, INSIDE, Chapter, Story, Telling, chapter, templates


def overview(chart: Chart) -> list[Placed]:
    """The sheets in reading order."""
    path = spine(chart)
    first = _fitting(chart, path, chart.root, "")
    chapters, waiting = [], [(state, "") for state in first.closed]
    waiting += [(state, name) for name, state in templates(chart).items()]
    while waiting:
        state, template = waiting.pop(0)
        one = _fitting(chart, path, state, template)
        chapters.append(one)
        waiting += [(inner, "") for inner in one.closed]
    sheets = [[first], *_gathered(chapters)]
    homes = {one.story.node.id: number for number, sheet in enumerate(sheets, 1) for one in sheet}
    return [
        replace(_placed([_told(one.story, homes) for one in sheet]), name=", ".join(one.name for one in sheet))
        for sheet in sheets
    ]


def _fitting(chart: Chart, path: Spine, top: State, template: str) -> Chapter:
    """The chapter as it can be read: with composites beside the main path closed, the largest first; then with less
    text; then with those of the main path closed, too, of which the path alone is followed; then without that."""

    def told(telling: Telling) -> Chapter:
        return chapter(chart, path, top, telling, template)

    for along in (True, False) if top is chart.root else (False,):
        shut: frozenset[State] = frozenset()
        while True:
            beside: frozenset[State] = frozenset()
            while True:
                one = told(Telling(shut | beside, along))
                if _is_readable(one):
                    return one
                on_path, rest = _parts(chart, one.story, shut | beside)
                if not rest:
                    break
                beside |= {rest[0]}
            for brevity in (1, 2):
                one = told(Telling(shut | beside, along, brevity))
                if _is_readable(one):
                    return one
            if not on_path:
                break
            shut |= frozenset(on_path)
    return told(Telling(shut | beside, False, 3))


def _is_readable(one: Chapter) -> bool:
    return _scale(_placed([one.story]).layout) >= READABLE


def _parts(chart: Chart, story: Story, shut: frozenset[State]) -> tuple[list[State], list[State]]:
    """The composites told inside that are not ``shut``: the innermost of the main path, and those beside it, regions
    and large ones first."""
    path: dict[State, int] = {}
    beside: dict[State, tuple[bool, float]] = {}

    def look(one: Story, depth: int, aside: bool) -> None:
        for id, part in one.parts.items():
            layout = lay_out(part, _aspect())
            state = chart.states[id]
            if state not in shut and (aside or id not in one.main):
                beside[state] = (not one.node.packed, -layout.width * layout.height)
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
    """The chapters in their order, each on the first sheet that has room for it."""
    sheets: list[list[Chapter]] = []
    for one in chapters:
        for sheet in sheets:
            if _scale(_placed([c.story for c in (*sheet, one)]).layout) >= READABLE:
                sheet.append(one)
                break
        else:
            sheets.append([one])
    return sheets


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
    """The story with the numbers of the sheets on which its closed boxes are told."""

    def node(old: Node) -> Node:
        sections = [
            [
                replace(one, text=f"{one.text}{homes[old.id.removesuffix(FOLD)]}") if one.text.endswith(INSIDE) else one
                for one in section
            ]
            for section in old.sections
        ]
        return replace(old, sections=sections, children=[node(child) for child in old.children])

    parts = {id: _told(part, homes) for id, part in story.parts.items()}
    return replace(story, node=node(story.node), parts=parts)
