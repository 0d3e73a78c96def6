"""Arrows as text: where many transitions lead to one state, the boxes they leave list them.

In a chart where every state may fail, as many arrows lead to ``failed`` as there are states; drawn, they hide how it
succeeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from engine.tools.diagram.graph import Edge, Graph, Line, Node, Shape

_WAYS = "as words"
_MANY = 5  # arrows to one state that are more than a picture can bear


def as_words(graph: Graph) -> Graph | None:
    """The graph with the arrows to its most frequent targets as lines in the boxes they leave; None when no state has
    many. The arrow from the state just before such a target stays."""
    nodes = {n.id: n for n in graph.root.walk()}
    before = _steps_before(graph.root)
    movable = [e for e in graph.edges if _can_move(e, nodes)]
    wanted = Counter(e.target for e in movable)
    moved = {e.id for e in movable if wanted[e.target] >= _MANY and before.get(e.target) != e.source}
    if not moved:
        return None
    names = short_names(n.id for n in nodes.values() if n.shape not in (Shape.INITIAL, Shape.SELF))
    lines: dict[str, list[Line]] = {}
    for edge in graph.edges:
        if edge.id in moved:
            place = owner(edge.source) if nodes[edge.source].shape is Shape.SELF else edge.source
            lines.setdefault(place, []).extend(words(edge, names[edge.target]))
    edges = [e for e in graph.edges if e.id not in moved]
    ends = {id for e in edges for id in (e.source, e.target)}
    hidden = Counter(e.target for e in graph.edges if e.id in moved)
    return Graph(_rewritten(graph.root, lines, ends, hidden), edges, graph.notes)


def words(edge: Edge, target: str) -> list[Line]:
    """An arrow's label as lines in a box; the one that names the cause points to the target's name."""
    lines = [replace(line, tags=edge.tags) for line in edge.label] or [Line("always", "keyword", edge.tags)]
    start = next((i for i, line in enumerate(lines) if line.css != "keyword"), 0)
    end = max(i for i, line in enumerate(lines) if line.css == lines[start].css)  # a long cause takes two lines
    lines[end] = replace(lines[end], to=target)
    return lines


def note_ways(node: Node, count: int) -> None:
    """Add to a box how many arrows to it are lines in other boxes."""
    if not count:
        return
    title = [line for line in node.sections[0] if not line.text.endswith(_WAYS)]
    if len(title) < len(node.sections[0]):
        count += int(node.sections[0][-1].text.split()[0])
    node.sections[0] = [*title, Line(f"{count} more {'arrow' if count == 1 else 'arrows'} {_WAYS}", "keyword")]


def owner(ring: str) -> str:
    """The composite for which a ring stands."""
    return ring.partition("/self ")[0]


def short_names(ids: Iterable[str]) -> dict[str, str]:
    """The shortest end of each dotted id that no other id shares."""
    known = list(ids)
    ends = Counter(".".join(id.split(".")[i:]) for id in known for i in range(id.count(".") + 1))
    result = {}
    for id in known:
        parts = id.split(".")
        tails = (".".join(parts[i:]) for i in range(len(parts) - 1, -1, -1))
        result[id] = next((t for t in tails if ends[t] == 1), id)
    return result


def _can_move(edge: Edge, nodes: dict[str, Node]) -> bool:
    source, target = nodes[edge.source], nodes[edge.target]
    plain = (Shape.BOX, Shape.COMPOSITE, Shape.REGION)
    return (
        source.shape in (*plain, Shape.SELF)
        and target.shape in (*plain, Shape.FINAL)
        and edge.source != edge.target
        and bool(edge.tags)
    )


def _steps_before(root: Node) -> dict[str, str]:
    """State → its previous sibling."""
    result: dict[str, str] = {}
    for node in root.walk():
        states = [c.id for c in node.children if c.shape in (Shape.BOX, Shape.COMPOSITE, Shape.FINAL)]
        result |= dict(zip(states[1:], states, strict=False))
    return result


def _rewritten(node: Node, lines: dict[str, list[Line]], ends: set[str], hidden: Counter[str]) -> Node:
    children = [
        _rewritten(child, lines, ends, hidden)
        for child in node.children
        if child.shape is not Shape.SELF or child.id in ends
    ]
    sections = list(node.sections)
    if node.id in lines:
        sections.append(lines[node.id])
    copy = replace(node, sections=sections, children=children)
    note_ways(copy, hidden[node.id])
    return copy
