"""Large charts: composites drawn as boxes where they stand, and what they contain beside the chart."""

from __future__ import annotations

from dataclasses import replace

from engine.diagram.graph import Edge, Graph, Line, Node, Shape


def fold(graph: Graph) -> Graph | None:
    """The graph with its outermost composites folded; None when there is none. Regions are never folded.

    The inside of a composite is a frame of its own among the notes, under the composite's name. An arrow that crosses
    the composite's border is drawn at its box, with a line that names the state inside."""
    insides: list[Node] = []
    inner: dict[str, str] = {}  # node inside a folded composite → the composite
    root = _folded(graph.root, True, insides, inner)
    if not insides:
        return None
    return Graph(root, [_moved(edge, inner) for edge in graph.edges], [*insides, *graph.notes])


def crowd(graph: Graph) -> int:
    """The most arrows that one chart, or one of its outermost regions, has to itself."""
    parts = graph.root.children if graph.root.packed else [graph.root]
    inside = [{n.id for n in part.walk()} for part in parts]
    return max((sum(e.source in ids and e.target in ids for e in graph.edges) for ids in inside), default=0)


def _folded(node: Node, top: bool, insides: list[Node], inner: dict[str, str]) -> Node:
    if not top and node.shape is Shape.COMPOSITE and node.children:
        count = sum(child.shape in (Shape.BOX, Shape.COMPOSITE, Shape.FINAL) for child in node.children)
        insides.append(
            Node(f"{node.id}/inside", Shape.COMPOSITE, [node.sections[0][:1]], node.children, node.css, node.tags[1:])
        )
        inner.update((n.id, node.id) for n in node.walk() if n is not node)
        text = f"{count} {'state' if count == 1 else 'states'} inside, drawn apart"
        return Node(node.id, Shape.BOX, [*node.sections, [Line(text, "keyword")]], [], node.css, node.tags)
    return replace(node, children=[_folded(child, False, insides, inner) for child in node.children])


def _moved(edge: Edge, inner: dict[str, str]) -> Edge:
    """The arrow between what is left of its ends; unchanged when both are in the same composite."""
    source, target = inner.get(edge.source, ""), inner.get(edge.target, "")
    if source == target:
        return edge
    words = []
    for word, end, folded in (("from", edge.source, source), ("to", edge.target, target)):
        if folded:
            words.append(f"{word} {end.removeprefix(f'{folded}.')}")
    label = [*([Line(", ".join(words), "keyword")] if words else []), *edge.label]
    return replace(edge, source=source or edge.source, target=target or edge.target, label=label)
