"""Layout by the Eclipse Layout Kernel (npm ``elkjs``) in Node processes, for any number of drawings.

:mod:`engine.tools.diagram.elkjs` says where Node and elkjs come from; any Node places everything the same.
:mod:`engine.tools.diagram.kept` keeps the answers.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any

from engine.tools.diagram import kept
from engine.tools.diagram.elkjs import LayoutUnavailable, find_bundle, find_node, pinned_version
from engine.tools.diagram.graph import INSET, Box, Edge, Layout, Node, Point

__all__ = ["Elk", "LayoutFailed", "LayoutUnavailable"]

_SCRIPT = Path(__file__).parent / "elk" / "layout.mjs"
_SPACING = {
    "elk.spacing.nodeNode": 18,
    "elk.spacing.edgeNode": 10,
    "elk.spacing.edgeEdge": 7,
    "elk.spacing.edgeLabel": 3,
    "elk.spacing.labelLabel": 4,
    "elk.spacing.nodeSelfLoop": 12,
    "elk.layered.spacing.nodeNodeBetweenLayers": 17,
    "elk.layered.spacing.edgeNodeBetweenLayers": 10,
    "elk.layered.spacing.edgeEdgeBetweenLayers": 7,
}
_LAYERS = {"elk.partitioning.activate": "true", "elk.layered.layering.strategy": "LONGEST_PATH"}
_GATE = 3  # so many arrows to one state arrive as one trunk


Process = subprocess.Popen[str]


class LayoutFailed(Exception):
    """The layout engine gave up on this drawing."""


class Elk:
    """Node processes that lay out what :meth:`solve` is given, from any thread. Use as a context manager."""

    def __init__(self, processes: int = 1) -> None:
        """Raises LayoutUnavailable when Node or elkjs is not there."""
        self.name = f"ELK {pinned_version()}"
        self._command = [find_node(), str(_SCRIPT), str(find_bundle())]
        self._processes: list[Process] = []
        self._idle: SimpleQueue[Process | None] = SimpleQueue()
        for _ in range(processes):
            self._idle.put(None)  # started when there is something to lay out
        self._known: dict[str, Layout] = {}

    def __enter__(self) -> Elk:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the Node processes."""
        for process in self._processes:
            process.communicate()

    def solve(
        self, nodes: list[Node], edges: list[Edge], sizes: dict[str, tuple[float, float]], direction: str
    ) -> Layout:
        """Places for ``nodes`` and the edges among them and their descendants. ``sizes`` gives nodes laid out before.

        ``direction`` is ``DOWN`` or ``RIGHT``. Raises LayoutFailed.
        """
        request = json.dumps({"attempts": [_problem(nodes, edges, sizes, direction, o) for o in _ATTEMPTS]})
        if request not in self._known:
            key = kept.key("layout", self.name, request)
            answer = kept.read(key)
            if answer is None:
                graph = self._ask(request)
                kept.write(key, json.dumps(graph).encode())
            else:
                graph = json.loads(answer)
            self._known[request] = _read(graph)
        return self._known[request]

    def _ask(self, request: str) -> dict[str, Any]:
        process = self._idle.get()
        try:
            if process is None:
                process = _start(self._command)
                self._processes.append(process)
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            try:
                process.stdin.write(request + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except BrokenPipeError:
                line = ""
            if not line:
                raise LayoutFailed(f"{self.name}: Node ended: {process.stderr.read().strip()[-500:]}")
        finally:
            self._idle.put(process)
        answer = json.loads(line)
        if "error" in answer:
            raise LayoutFailed(f"{self.name}: {answer['error']}")
        graph: dict[str, Any] = answer["graph"]
        return graph


def _start(command: list[str]) -> Process:
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8")


# Model-order options crash elkjs on nested charts; depth-first cycle breaking keeps the initial state on top.
_ATTEMPTS: tuple[dict[str, str], ...] = (
    {"elk.layered.cycleBreaking.strategy": "DEPTH_FIRST"},
    {},
    {"elk.layered.nodePlacement.strategy": "SIMPLE", "elk.layered.edgeLabels.sideSelection": "ALWAYS_DOWN"},
)


def _problem(
    nodes: list[Node], edges: list[Edge], sizes: dict[str, tuple[float, float]], direction: str, options: dict[str, str]
) -> dict[str, Any]:
    common = {
        "elk.algorithm": "layered",
        "elk.direction": direction,
        "elk.hierarchyHandling": "INCLUDE_CHILDREN",
        "elk.edgeRouting": "ORTHOGONAL",
        "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
        "elk.layered.thoroughness": 10
        if any(e.css == "pair" for e in edges)
        else 40,  # many long lines take it a while
        "elk.layered.edgeLabels.sideSelection": "SMART_DOWN",
        "elk.layered.edgeLabels.centerLabelPlacementStrategy": "MEDIAN_LAYER",
        "elk.layered.unnecessaryBendpoints": "true",
        "elk.layered.feedbackEdges": "false",
        **_SPACING,
        **options,
    }

    leaves = {n.id for top in nodes for n in top.walk() if n.id in sizes or not n.children}
    arriving = Counter(e.target for e in edges if e.source != e.target and e.css != "pair")
    gates = {id for id, count in arriving.items() if count >= _GATE and id in leaves}

    def node(n: Node) -> dict[str, Any]:
        if n.id in sizes or not n.children:
            width, height = sizes.get(n.id, n.size)
            result: dict[str, Any] = {"id": n.id, "width": width, "height": height}
            if n.layer is not None:
                result["layoutOptions"] = {"elk.partitioning.partition": n.layer}
            if n.id in gates:
                result["ports"] = [{"id": f"{n.id}/gate", "width": 0, "height": 0}]
            return result
        # For DOWN, elkjs turns the drawing but not a composite's least size (measured): width and height change places.
        least = (n.text_width, n.header + 2 * INSET)
        least = least if direction == "RIGHT" else (least[1], least[0])
        padding = f"[top={n.header + INSET},left={INSET},bottom={INSET},right={INSET}]"
        return {
            "id": n.id,
            "children": [node(c) for c in n.children],
            "layoutOptions": {
                **common,
                "elk.padding": padding,
                "elk.nodeSize.constraints": "[MINIMUM_SIZE]",
                "elk.nodeSize.minimum": f"({least[0]},{least[1]})",
            },
        }

    def edge(e: Edge) -> dict[str, Any]:
        target = f"{e.target}/gate" if e.target in gates and e.source != e.target else e.target
        result: dict[str, Any] = {"id": e.id, "sources": [e.source], "targets": [target]}
        if e.label:
            width, height = e.label_size
            result["labels"] = [{"id": e.id, "text": "x", "width": width + 2, "height": height}]
        return result

    return {
        "id": "(problem)",
        "layoutOptions": {
            **common,
            "elk.padding": "[top=0,left=0,bottom=0,right=0]",
            "elk.json.shapeCoords": "ROOT",
            "elk.json.edgeCoords": "ROOT",
            **(_LAYERS if any(n.layer is not None for n in nodes) else {}),
        },
        "children": [node(n) for n in nodes],
        "edges": [edge(e) for e in edges],
    }


def _read(graph: dict[str, Any]) -> Layout:
    layout = Layout(graph["width"], graph["height"])

    def nodes(parent: dict[str, Any]) -> None:
        for child in parent.get("children", ()):
            layout.boxes[child["id"]] = Box(child["x"], child["y"], child["width"], child["height"])
            nodes(child)
        for edge in parent.get("edges", ()):
            route: list[Point] = []
            for section in edge.get("sections", ()):
                corners = [section["startPoint"], *section.get("bendPoints", ()), section["endPoint"]]
                route += [(p["x"], p["y"]) for p in corners]
            layout.routes[edge["id"]] = route
            for label in edge.get("labels", ()):
                layout.labels[edge["id"]] = Box(label["x"], label["y"], label["width"], label["height"])

    nodes(graph)
    return layout
