"""Large charts in parts: a composite or region is drawn as a box in its place, and its content in a frame elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from engine.tools.diagram.arrow_lists import note_ways, owner, short_names, words
from engine.tools.diagram.graph import Box, Edge, Graph, Layout, Line, Node, Shape

INSIDE = "/inside"  # ends the id of the frame of what a cut node contains
APART = "drawn apart"  # ends the line in its box that says so
_FROM = ": from "  # in the name of a piece of a frame; its first state follows
_STATES = (Shape.BOX, Shape.COMPOSITE, Shape.FINAL, Shape.REGION)


def cuttable(root: Node, states: int = 3) -> list[Node]:
    """What can be drawn separately: inner composites, and regions of so many states and more, from outside in."""
    return [
        n
        for n in root.walk()
        if n is not root
        and (n.shape is Shape.COMPOSITE or (n.shape is Shape.REGION and count(n) >= states))
        and n.children
    ]


def count(node: Node) -> int:
    """The number of states without children in a node."""
    return sum(n.shape in _STATES and not n.children for n in node.walk())


def split(graph: Graph, cuts: Collection[str]) -> list[Graph]:
    """The frames: first the rest of the graph, then the content of each node of ``cuts``, from outside in.

    An arrow across the border of a cut node is drawn at its box, with a line that names the state inside; in the frame,
    the state's box has the same line.
    """
    cutter = _Cutter(frozenset(cuts))
    cutter.chains[graph.root.id] = ()
    cutter.frame(graph.root, graph.root.children, ())
    frames, chains = cutter.frames, cutter.chains
    homes = {frame.root.id.removesuffix(INSIDE): frame for frame in frames}
    names = short_names(n.id for n in graph.root.walk() if n.shape in _STATES)
    for edge in graph.edges:
        source, target = chains[edge.source], chains[edge.target]
        shared = zip(source, target, strict=False)
        depth = next((i for i, (a, b) in enumerate(shared) if a != b), min(len(source), len(target)))
        home = homes[source[depth - 1]] if depth else frames[0]
        home.edges.append(_between(edge, source[depth:], target[depth:]))
        if len(source) > depth and edge.tags:
            _tell(homes[source[-1]].root, edge, names[owner(edge.target)])
    return frames


def _without_id(tags: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple(tag for tag in tags if tag[0] != "id")


class _Cutter:
    """Copies a tree of nodes into frames and notes what each node is in."""

    def __init__(self, cuts: frozenset[str]) -> None:
        self.cuts = cuts
        self.frames: list[Graph] = []
        self.chains: dict[str, tuple[str, ...]] = {}  # node → the cut nodes it is in, from outside in

    def frame(self, node: Node, children: list[Node], chain: tuple[str, ...]) -> None:
        graph = Graph(node, [])
        self.frames.append(graph)
        graph.root = replace(node, sections=list(node.sections), children=[self._copy(c, chain) for c in children])

    def _copy(self, node: Node, chain: tuple[str, ...]) -> Node:
        self.chains.setdefault(node.id, chain)
        if node.id not in self.cuts:
            return replace(node, sections=list(node.sections), children=[self._copy(c, chain) for c in node.children])
        states = count(node)
        title = [replace(node.sections[0][0], text=node.id)]
        inside = replace(node, id=node.id + INSIDE, shape=Shape.COMPOSITE, sections=[title], tags=node.tags[1:])
        self.frame(inside, node.children, (*chain, node.id))
        text = f"{states} {'state' if states == 1 else 'states'} inside, {APART}"
        return replace(node, sections=[*node.sections, [Line(text, "keyword")]], children=[], packed=False)


def _between(edge: Edge, source: tuple[str, ...], target: tuple[str, ...]) -> Edge:
    """The arrow between what is left of its ends."""
    told = []
    for word, end, cut in (("from", edge.source, source), ("to", edge.target, target)):
        if cut:
            told.append(f"{word} {end.removeprefix(f'{cut[0]}.')}")
    if not told:
        return edge
    label = [Line(", ".join(told), "keyword"), *edge.label]
    return replace(
        edge,
        source=source[0] if source else edge.source,
        target=target[0] if target else edge.target,
        label=label,
    )


def _tell(frame: Node, edge: Edge, target: str) -> None:
    """Adds to the box of the arrow's source where it leads."""
    box = _find(frame, edge.source)
    box.sections.append(words(replace(edge, tags=_without_id(edge.tags)), target))


def _find(root: Node, id: str) -> Node:
    return next(n for n in root.walk() if n.id == id)


def broken(frame: Graph, layout: Layout) -> list[Graph]:
    """A frame too high or too wide for its paper as two frames: broken where few arrows cross, near the middle, or
    between parts that no arrow joins. Arrows across the break become lines in the boxes they leave. Regions and frames
    of few states are not broken."""
    if frame.root.packed:
        return [frame]
    children = sorted(frame.root.children, key=lambda n: _middle(layout.boxes[n.id], layout))
    groups = _components(children, frame.edges)
    if len(groups) == 1:
        groups = _halves(children, frame.edges)
    if len(groups) == 1:
        return [frame]
    homes = {node.id: number for number, group in enumerate(groups) for top in group for node in top.walk()}
    names = short_names(n.id for n in frame.root.walk() if n.shape in _STATES and n is not frame.root)
    pieces = [_piece(frame.root, group, number) for number, group in enumerate(groups)]
    for edge in frame.edges:
        source, target = homes[edge.source], homes[edge.target]
        if source == target:
            pieces[source].edges.append(edge)
        else:
            _tell(pieces[source].root, edge, names[owner(edge.target)])
            note_ways(_find(pieces[target].root, owner(edge.target)), 1)
    return pieces


def _middle(box: Box, layout: Layout) -> float:
    return box.y + box.height / 2 if layout.height > layout.width else box.x + box.width / 2


def _piece(root: Node, children: list[Node], number: int) -> Graph:
    """The first piece has the frame's text."""
    copies = [copied(child) for child in children]
    if number == 0:
        return Graph(replace(root, children=copies), [])
    name = root.sections[0][0].text.partition(_FROM)[0]
    first = next(child for child in children if child.shape in _STATES)
    title = [replace(root.sections[0][0], text=f"{name}{_FROM}{first.id.rpartition('.')[2]}")]
    return Graph(
        replace(root, id=f"{root.id}/{children[0].id}", sections=[title], children=copies, tags=root.tags[1:]), []
    )


def copied(node: Node) -> Node:
    """The tree, so that lines can be added to its boxes."""
    return replace(node, sections=list(node.sections), children=[copied(child) for child in node.children])


def _components(children: list[Node], edges: list[Edge]) -> list[list[Node]]:
    """The children in two groups that no arrow joins, the smallest parts together; one group when all are joined."""
    tops = {node.id: top.id for top in children for node in top.walk()}
    groups = {top.id: {top.id} for top in children}
    for edge in edges:
        one, other = groups[tops[edge.source]], groups[tops[edge.target]]
        if one is not other:
            one |= other
            groups.update(dict.fromkeys(other, one))
    parts = list({id(group): group for group in groups.values()}.values())
    if len(parts) == 1:
        return [children]
    largest = max(parts, key=len)
    if len(children) - len(largest) < 3:
        return [children]
    first = [n for n in children if (n.id in largest)]
    return [first, [n for n in children if n.id not in largest]]


def _halves(children: list[Node], edges: list[Edge]) -> list[list[Node]]:
    """The children in two groups with few arrows between them; dots and rings stay with the states they point to."""
    states = [n for n in children if n.shape not in (Shape.INITIAL, Shape.SELF)]
    if len(states) < 4:
        return [children]
    order = {node.id: number for number, top in enumerate(states) for node in top.walk()}
    for edge in edges:
        if edge.source not in order or edge.target not in order:
            dot, state = (edge.source, edge.target) if edge.target in order else (edge.target, edge.source)
            order.setdefault(dot, order[state])

    def cost(cut: int) -> float:
        crossing = sum((order[e.source] < cut) != (order[e.target] < cut) for e in edges)
        return crossing + 8 * abs(cut / len(states) - 0.5)

    best = min(range(2, len(states) - 1), key=cost)
    return [[n for n in children if order[n.id] < best], [n for n in children if order[n.id] >= best]]
