"""From a graph to sheets of paper on which its text can be read: whole, else with arrows as text, else in parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from engine.tools.diagram.arrow_lists import as_words
from engine.tools.diagram.compose import Solver, compose, packing
from engine.tools.diagram.graph import Graph, Layout, Line, Node
from engine.tools.diagram.page import READABLE, largest_room, largest_scale, may_fit
from engine.tools.diagram.split import APART, INSIDE, broken, cuttable, split

# How much of a readable A3 sheet boxes and labels can cover at most (measured: ELK leaves this much for arrows).
_WHOLE = 0.17
_CROWD = 45  # so many arrows in one chart or region never make a readable drawing in one piece, and take ELK a while
_PARTS = 0.26


@dataclass(frozen=True, slots=True)
class Placed:
    """The content of one sheet, with its places."""

    graph: Graph
    layout: Layout
    name: str = ""  # what is on it, for the map of sheets

    @property
    def title(self) -> str:
        """What is on it: its frames."""
        return self.name or ", ".join(n.sections[0][0].text for n in (self.graph.root, *self.graph.notes))

    @property
    def scale(self) -> float:
        """Millimetres per drawing unit on the largest sheet."""
        return largest_scale(self.layout.width, self.layout.height)


def sheets(graph: Graph, solver: Solver) -> list[Placed]:
    """The graph on as many sheets as it needs to be read. Raises LayoutFailed."""
    for whole in _in_one_piece(graph, solver):
        if whole.scale >= READABLE:
            return [whole]
    plan = _Plan(as_words(graph) or graph, solver)
    number = 0
    while number < len(plan.frames):
        if plan.is_readable(number) or not (plan.cut(number) or plan.break_up(number)):
            number += 1
    return plan.pages()


def pictures(graph: Graph, solver: Solver) -> list[Placed]:
    """A graph from top to bottom on one sheet. When that cannot be read, each part of its root on a sheet of its own;
    no arrow may join two parts. Raises LayoutFailed."""
    whole = _downwards(graph, solver)
    parts = len(graph.root.children)
    if whole.scale >= READABLE or parts < 2:
        return [whole]
    return [
        replace(_downwards(_part(graph, number), solver), name=top.sections[0][0].text)
        for number, top in enumerate(graph.root.children)
    ]


def _downwards(graph: Graph, solver: Solver) -> Placed:
    return Placed(graph, compose(graph, solver, largest_room(), ("DOWN", "DOWN")))


def _part(graph: Graph, number: int) -> Graph:
    part = graph.root.children[number]
    inside = {node.id for node in part.walk()}
    return Graph(replace(graph.root, children=[part]), [e for e in graph.edges if e.source in inside])


def _as_it_is(graph: Graph, solver: Solver) -> Placed:
    return Placed(graph, compose(graph, solver, largest_room()))


def _in_one_piece(graph: Graph, solver: Solver) -> Iterator[Placed]:
    """As it is, then with arrows as words, where there is hope that this can be read."""
    for version in (graph, as_words(graph)):
        if version is not None and _cover([version]) < _WHOLE and _crowd(version) <= _CROWD:
            yield _as_it_is(version, solver)


def _crowd(graph: Graph) -> int:
    """The most arrows that one chart, or one of its outermost regions, has to itself."""
    parts = graph.root.children if graph.root.packed else [graph.root]
    inside = [{n.id for n in part.walk()} for part in parts]
    return max((sum(e.source in ids and e.target in ids for e in graph.edges) for ids in inside), default=0)


def _cover(frames: list[Graph]) -> float:
    """The part of a readable sheet that boxes and labels cover."""
    width, height = largest_room()
    return sum(_ink(frame) for frame in frames) * READABLE**2 / (width * height)


def _ink(frame: Graph) -> float:
    nodes = sum(_own(n) for top in (frame.root, *frame.notes) for n in top.walk())
    return nodes + sum(edge.label_size[0] * edge.label_size[1] for edge in frame.edges)


def _own(node: Node) -> float:
    return node.text_width * node.header if node.children else node.size[0] * node.size[1]


_Key = tuple[str, frozenset[str]]


def _key(frame: Graph) -> _Key:
    return frame.root.id, frozenset(n.id for n in frame.root.children)


class _Plan:
    """A graph cut into frames, each laid out once."""

    def __init__(self, graph: Graph, solver: Solver) -> None:
        self.graph = graph
        self.solver = solver
        self.cuts: set[str] = set()
        self.breaks: set[_Key] = set()
        self.known: dict[str, Layout] = {}
        self.frames = self._split()

    def _split(self) -> list[Graph]:
        frames = [f for whole in split(self.graph, self.cuts) for f in self._pieces(whole)]
        return [*frames, *(Graph(note, []) for note in self.graph.notes)]

    def _pieces(self, frame: Graph) -> list[Graph]:
        if _key(frame) not in self.breaks:
            return [frame]
        pieces = broken(frame, self.layout(frame))
        return [p for piece in pieces for p in self._pieces(piece)] if len(pieces) > 1 else pieces

    def layout(self, frame: Graph) -> Layout:
        key = repr(frame)
        if key not in self.known:
            self.known[key] = compose(frame, self.solver, largest_room())
        return self.known[key]

    def is_readable(self, number: int) -> bool:
        """Whether this frame fits a sheet."""
        frame = self.frames[number]
        if _cover([frame]) > _PARTS and cuttable(frame.root):
            return False
        layout = self.layout(frame)
        return largest_scale(layout.width, layout.height) >= READABLE

    def cut(self, number: int) -> bool:
        """Draw the largest parts of this frame apart; False when it has no parts."""
        root = self.frames[number].root
        parts = cuttable(root) or cuttable(root, states=2)  # many small regions fill a sheet, too
        areas = {n.id: sum(_own(d) for d in n.walk()) for n in parts}
        self.cuts |= {id for id, area in areas.items() if area > 0.7 * max(areas.values())}
        self.frames = self._split()
        return bool(areas)

    def break_up(self, number: int) -> bool:
        """Break this frame in two; False when it is too small."""
        count = len(self.frames)
        self.breaks.add(_key(self.frames[number]))
        self.frames = self._split()
        return len(self.frames) > count

    def page(self, frames: list[Graph]) -> Placed:
        """These frames on one sheet."""
        items = [self.layout(frame) for frame in frames]
        room = largest_room()
        graph = Graph(frames[0].root, [e for f in frames for e in f.edges], [f.root for f in frames[1:]])
        aspect = max(room) / min(room)
        best = Placed(graph, packing(items, aspect, first=True).layout(items))
        other = Placed(graph, packing(items, aspect).layout(items))
        return other if best.scale < READABLE and other.scale > best.scale else best

    def pages(self) -> list[Placed]:
        """The frames in their order, each on the first sheet that has room for it."""
        sheets: list[list[Graph]] = []
        for frame in self.frames:
            for sheet in sheets:
                sizes = [(one.width, one.height) for one in map(self.layout, (*sheet, frame))]
                if may_fit(sizes) and self.page([*sheet, frame]).scale >= READABLE:
                    sheet.append(frame)
                    break
            else:
                sheets.append([frame])
        numbers = {f.root.id: n for n, sheet in enumerate(sheets, 1) for f in sheet}
        return [_numbered(self.page(sheet), numbers) for sheet in sheets]


def _numbered(placed: Placed, numbers: dict[str, int]) -> Placed:
    """The sheet with the numbers of the sheets on which its parts are drawn."""

    def node(old: Node) -> Node:
        sections = [[line(old, one) for one in section] for section in old.sections]
        return replace(old, sections=sections, children=[node(c) for c in old.children])

    def line(old: Node, one: Line) -> Line:
        if not one.text.endswith(APART):
            return one
        return replace(one, text=one.text.removesuffix(APART) + f"sheet {numbers[old.id + INSIDE]}")

    graph = placed.graph
    return Placed(Graph(node(graph.root), graph.edges, [node(note) for note in graph.notes]), placed.layout)
