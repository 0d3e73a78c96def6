"""The station diagram: the machines of a station and their adapters in layers, and what passes between any two.

From the top: whoever orders of the machine, the supervisor, its children, theirs, the adapters (and charts that serve
where one could), and the world. Each pair has one line, whose number is that of its row in the table of messages.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from math import ceil

from engine.language.expr.tree import Literal, Reading
from engine.language.model import Action, CallAction, Chart, Contract, Invoke, Spawn
from engine.language.traverse import chart_tree, charts_below, child_nodes, walk_blocks
from engine.run.station.plan import MachinePlan, Station, UnitPlan
from engine.semantics.compiled.symbols import expressions
from engine.tools.diagram.graph import Box, Edge, Graph, Line, Node, Shape
from engine.tools.diagram.links import CHART
from engine.tools.diagram.page import TitleBlock
from engine.tools.diagram.scene import Group, Item
from engine.tools.diagram.sheets import Placed
from engine.tools.diagram.table import Column, tables
from engine.tools.diagram.text import wrap

_WIDTH = 24
_READ = "= "  # begins what is a value
_NEAR = 80  # the layer of the adapters; that of the world follows, then both again where one row would be too wide
_BEHIND = 90  # of what stands behind charts that serve where adapters do, and of its part of the world
_FAR = 100
_ROW = 1350.0  # drawing units: a row of adapters that leaves room for lines on a readable sheet
_GUTTER = 68.0  # for the names of layers
_MESSAGES = (
    Column("", 0.05, "title"),
    Column("above", 0.13, "title"),
    Column("below", 0.13, "title"),
    Column("downwards: orders and events", 0.345, "action"),
    Column("upwards: events, and values read (=)", 0.345, "event"),
)


@dataclass(slots=True)
class Link:
    """What passes between two: ``down`` from the upper to the lower one."""

    upper: str
    lower: str
    down: list[str] = field(default_factory=list)
    up: list[str] = field(default_factory=list)


def station_graph(station: Station) -> Graph:
    """One frame for each root machine, with its charts, the adapters they are bound to and the machines it serves; of
    units, the first of each kind."""
    root = Node("(station)", Shape.COMPOSITE, [[Line(station.title or "station", "title")]], css="station")
    links: list[Link] = []
    units = [unit for plan in station.machines.values() for unit in plan.units]
    firsts = {(unit.unit, unit.kind): unit for unit in reversed(units)}.values()
    others = {unit.name for unit in units if unit not in firsts}
    for plan in station.machines.values():
        if plan.unit not in others:
            clients = [one for one in station.machines.values() if _serves(plan, one) and one.unit not in others]
            root.children.append(_Machine(plan, clients, links, times(units, plan.unit)).node())
    root.packed = True
    told = [link for link in links if link.down or link.up]
    return Graph(root, [_edge(link, told.index(link) + 1 if link in told else 0) for link in links])


def _edge(link: Link, number: int) -> Edge:
    tags = (("data-from", link.upper), ("data-to", link.lower))
    events = [text for text in link.up if not text.startswith(_READ)]
    values = [text.removeprefix(_READ) for text in link.up if text.startswith(_READ)]
    up = "; ".join(part for part in (", ".join(events), f"{_READ}{', '.join(values)}" if values else "") if part)
    hints = [f"{arrow} {text}" for arrow, text in (("↓", ", ".join(link.down)), ("↑", up)) if text]
    label = [Line(str(number), "title")] if number else []
    return Edge(f"{link.upper}>{link.lower}", link.upper, link.lower, label, "pair", tags, "\n".join(hints))


def message_tables(graph: Graph, block: TitleBlock) -> list[list[Item]]:
    """The table of what passes along the lines, in pages."""
    names = {n.id: _called(n) for n in graph.root.walk()}
    rows, groups = [], []
    for edge in graph.edges:
        if edge.label:
            told = {line[0]: line[2:] for line in edge.hint.split("\n")}
            rows.append(
                (edge.label[0].text, names[edge.source], names[edge.target], told.get("↓", ""), told.get("↑", ""))
            )
            groups.append(Group("row", (("data-message", edge.id),), hint=edge.hint))
    return tables(_MESSAGES, rows, block, groups)


def _called(node: Node) -> str:
    return node.sections[0][0].text if node.sections and node.sections[0] else node.id


def with_bands(placed: Placed) -> Placed:
    """The drawing with a band behind each layer that says what stands in it, left of all boxes and lines."""
    placed = _with_gutters(placed)
    boxes = dict(placed.layout.boxes)

    def banded(node: Node) -> Node:
        if node.css != "machine":
            return replace(node, children=[banded(child) for child in node.children])
        frame = boxes[node.id]
        bands = []
        for layer in sorted({c.layer for c in node.children if c.layer is not None}):
            inside = [boxes[c.id] for c in node.children if c.layer == layer]
            band = Node(f"{node.id}band {layer}", Shape.BOX, [[Line(_layer_name(layer), "note")]], css="band")
            top = max(min(b.y for b in inside) - 14, frame.y + node.header + 4)
            bottom = max(b.y + b.height for b in inside) + 5
            boxes[band.id] = Box(frame.x + 4, top, frame.width - 8, bottom - top)
            bands.append(band)
        return replace(node, children=[*bands, *node.children])

    graph = Graph(banded(placed.graph.root), placed.graph.edges)
    return replace(placed, graph=graph, layout=replace(placed.layout, boxes=boxes))


def _with_gutters(placed: Placed) -> Placed:
    """Each machine's frame with room on its left for the names of its layers."""
    old = placed.layout
    machines = [node for node in placed.graph.root.walk() if node.css == "machine"]
    borders = sorted({old.boxes[node.id].x for node in machines})
    ends = [(box.x + box.width, _GUTTER * (borders.index(box.x) + 1)) for box in (old.boxes[n.id] for n in machines)]
    more = max((end + by for end, by in ends), default=0.0) - max((end for end, _ in ends), default=0.0)
    layout = replace(old, width=old.width + more, boxes=dict(old.boxes), labels={}, routes={})
    for id in {node.id for node in placed.graph.root.walk()} - {one.id for node in machines for one in node.walk()}:
        box = old.boxes[id]
        layout.boxes[id] = Box(box.x, box.y, box.width + more, box.height)
    for frame in machines:
        # All in a frame moves alike: by its own gutter and those of the frames left of it, in whatever row.
        box = old.boxes[frame.id]
        by = _GUTTER * (borders.index(box.x) + 1)
        inside = {node.id for node in frame.walk()} - {frame.id}
        layout.boxes[frame.id] = Box(box.x + by - _GUTTER, box.y, box.width + _GUTTER, box.height)
        layout.boxes |= {id: old.boxes[id].moved(by, 0) for id in inside}
        for edge in placed.graph.edges:
            if edge.source in inside:
                layout.routes[edge.id] = [(x + by, y) for x, y in old.routes[edge.id]]
                if edge.id in old.labels:
                    layout.labels[edge.id] = old.labels[edge.id].moved(by, 0)
    return replace(placed, layout=layout)


def _layer_name(layer: int) -> str:
    if layer >= _BEHIND:
        return "behind them" if layer < _FAR else "world"
    if layer >= _NEAR:
        return "world" if (layer - _NEAR) % 2 else "adapters"
    return {-1: "others", 0: "supervisor", 1: "children", 2: "their children"}.get(layer, "and theirs")


def times(units: Collection[UnitPlan], name: str) -> str:
    """`` ×N`` for one of a unit that a station has N times, of its kind."""
    alike = next(((unit.unit, unit.kind) for unit in units if unit.name == name), None)
    count = sum((other.unit, other.kind) == alike for other in units)
    return f" ×{count}" if count > 1 else ""


def station_block(station: Station, name: str) -> TitleBlock:
    """The title block; the hash is of all charts that run there."""
    charts = "".join(plan.chart.text_hash for plan in station.machines.values())
    cited = (part.strip() for p in station.machines.values() for part in re.split("[,;]", p.chart.citation))
    sources = ", ".join(dict.fromkeys(part for part in cited if part))
    digest = hashlib.sha256(charts.encode()).hexdigest()
    return TitleBlock(name, station.title, sources, "", digest, "station")


class _Machine:
    """The charts of one root machine and what passes between them and its adapters."""

    def __init__(self, plan: MachinePlan, clients: list[MachinePlan], links: list[Link], often: str) -> None:
        self.plan = plan
        self.clients = clients
        self.links = links
        self.units = {(unit.unit, unit.kind): unit for unit in reversed(plan.units)}  # the first of each kind
        self.layers: dict[str, int] = {}
        self.read: dict[str, set[tuple[str, str]]] = {}  # by a chart's hash, the values it reads and their roles
        self.frame = Node(f"{plan.name}:", Shape.COMPOSITE, [[Line(plan.name + often, "title")]], css="machine")

    def node(self) -> Node:
        name, chart, first = self.plan.name, self.plan.chart, len(self.links)
        self._behind(self.plan, _NEAR)
        for unit in self.units.values():
            self._behind(unit, _NEAR)
        self._chart(name, chart, {role: f"{name}:{role}" for role in chart.adapters}, set(), 0)
        for client in self.clients:
            self._client(client)
        self._break_row()
        self.links[first:] = sorted(self.links[first:], key=lambda link: self.layers[link.upper])
        self.frame.children.sort(key=lambda node: node.layer or 0)
        return self.frame

    def _break_row(self) -> None:
        """The adapters in as many rows as they need, in turn, each with its part of the world below it."""
        boxes = {node.id: node for node in self.frame.children}
        row = [node for node in self.frame.children if node.layer == _NEAR]
        widths = [max(boxes[id].size[0] for id in (node.id, f"{node.id}~") if id in boxes) for node in row]
        rows = ceil(sum(width + 18 for width in widths) / _ROW)
        for number, node in enumerate(row):
            for id in (node.id, f"{node.id}~"):
                if id in boxes:
                    self.layers[id] += 2 * (number % rows)
                    boxes[id].layer = self.layers[id]

    def _box(self, id: str, layer: int, lines: list[Line], css: str, tags: tuple[tuple[str, str], ...]) -> None:
        self.layers[id] = layer
        self.frame.children.append(Node(id, Shape.BOX, [lines], css=css, tags=tags, layer=layer))

    def _client(self, client: MachinePlan) -> None:
        """A machine that orders of this one: a box here, its own frame elsewhere."""
        contract = self.plan.chart.serves
        assert contract is not None
        id, charts = f"{self.plan.name}<{client.name}", [chart for _, chart in chart_tree(client.chart)]
        roles = [(c, role) for c in charts for role, served in c.adapters.items() if served.name == contract.name]
        lines = [Line(client.name, "title"), Line(contract.name, "note"), Line(client.chart.name, "keyword")]
        self._box(id, -1, lines, "adapter", (("data-client", client.name), (CHART, client.chart.name)))
        orders = {o for c, role in roles for o in _orders(c, role)}
        back = {e for c, role in roles for e in [*_events(c, f"{role}."), *self._readings(c, role)]}
        self._link(id, self.plan.name, sorted(orders), sorted(back))

    def _behind(self, plan: MachinePlan | UnitPlan, layer: int) -> None:
        """What stands behind roles: adapters with the part of the world they are for, and charts with what stands
        behind theirs."""
        for role, contract in plan.contracts.items():
            bound = plan.adapters.get(role)
            id, served = f"{plan.name}:{role}", bound.served if bound is not None else None
            lines = [Line(role, "title"), Line(contract.name, "note")]
            tags = (("data-role", f"{plan.name}.{role}"),)
            if bound is None or served is None or bound.device:
                lines += [Line(bound.use, "keyword")] if bound is not None else []
                self._box(id, layer, lines, "adapter", tags)
                if bound is None or not bound.machine:
                    self._world(id, contract, layer + 1 if layer < _BEHIND else _FAR)
                continue
            lines += [Line(served.chart.name, "keyword"), *(Line(t, "text") for t in wrap(served.chart.title, _WIDTH))]
            self._box(id, layer, lines, "", (*tags, ("data-machine", served.name), (CHART, served.chart.name)))
            self._behind(served, max(_BEHIND, layer + 1))
            roles = {own: f"{served.name}:{own}" for own in served.chart.adapters}
            self._around(id, served.name, served.chart, roles, set(), layer)

    def _world(self, adapter: str, contract: Contract, layer: int) -> None:
        """What the adapter is for, in the words of its contract."""
        sentence = " ".join(re.split(r"[.:(,;] ?", contract.description, maxsplit=1)[0].split())
        lines = [Line(t, "note") for t in wrap(sentence or contract.name, _WIDTH - 4)]
        self._box(f"{adapter}~", layer, lines, "note", ())
        self.links.append(Link(adapter, f"{adapter}~"))

    def _chart(
        self, path: str, chart: Chart, roles: dict[str, str], above: set[str], layer: int, often: str = ""
    ) -> None:
        """A chart and all it starts. ``roles``: its roles → what stands behind them. ``often``: `` ×N``."""
        lines = [Line(path.rpartition("/")[2] + often, "title"), Line(chart.name, "note")]
        lines += [Line(t, "text") for t in wrap(chart.title, _WIDTH)]
        self._box(path, layer, lines, "main" if layer == 0 else "", (("data-machine", path), (CHART, chart.name)))
        self._around(path, path, chart, roles, above, layer)

    def _around(self, node: str, path: str, chart: Chart, roles: dict[str, str], above: set[str], layer: int) -> None:
        """What passes between a chart, drawn as ``node``, and its roles and children."""
        for id, child in ((id, child) for id, children in charts_below(chart).items() for child in children):
            if child.name in above:
                continue
            if self._is_away(chart, id, child):
                continue
            first = next(one for one in charts_below(chart)[id] if not self._is_away(chart, id, one))
            below = f"{path}/{id}" if child is first else f"{path}/{id} ({child.name})"
            unit = self._unit(chart, id, child)
            mapping = {
                own: roles.get(outer, f"{self.plan.name}:{outer}") for own, outer in _mapped(chart, id, child).items()
            }
            if unit is not None:
                given = dict(_starter(chart, id, child).adapters)
                mapping |= {own: f"{unit.name}:{own}" for own in child.adapters if own not in given}
            often = times(self.plan.units, unit.name) if unit is not None else ""
            self._chart(below, child, mapping, above | {chart.name}, layer + 1, often)
            self._link(node, below, _sent(chart, id), _events(chart, f"{id}."))
        for role in chart.adapters:
            behind = roles.get(role, f"{self.plan.name}:{role}")
            down, up = _orders(chart, role), [*_events(chart, f"{role}."), *self._readings(chart, role)]
            if down or up:
                self._link(node, behind, down, up)

    def _unit(self, chart: Chart, id: str, child: Chart) -> UnitPlan | None:
        """The first of the unit that a child is spawned on."""
        starter = _starter(chart, id, child)
        return self.units.get((starter.unit or "", starter.kind)) if isinstance(starter, Spawn) else None

    def _is_away(self, chart: Chart, id: str, child: Chart) -> bool:
        """Whether a child is for units of a kind that this station has none of."""
        starter = _starter(chart, id, child)
        return isinstance(starter, Spawn) and starter.kind != "" and self._unit(chart, id, child) is None

    def _readings(self, chart: Chart, role: str) -> list[str]:
        """The adapter's values that some expression of the chart reads."""
        found = self.read.get(chart.text_hash)
        if found is None:
            found = self.read[chart.text_hash] = {
                (e.role, e.name) for e in expressions(chart) if isinstance(e, Reading)
            }
        return sorted(f"{_READ}{name}" for of, name in found if of == role)

    def _link(self, upper: str, lower: str, down: list[str], up: list[str]) -> None:
        """One line for a pair, whatever passes."""
        found = next((link for link in self.links if (link.upper, link.lower) == (upper, lower)), None)
        if found is None:
            self.links.append(found := Link(upper, lower))
        found.down = sorted({*found.down, *down})
        found.up = sorted({*found.up, *up})


def _serves(plan: MachinePlan, other: MachinePlan) -> bool:
    """Whether a role of the other machine, of its units or of what stands behind its roles is bound to this one."""
    holders = [one for holder in (other, *other.units) for one in (holder, *holder.served())]
    return any(bound.machine == plan.name for holder in holders for bound in holder.adapters.values())


def _starter(chart: Chart, id: str, child: Chart | None = None) -> Invoke | Spawn:
    """What starts the child ``id``, of this chart where there are several."""
    return next(node for node in child_nodes(chart) if node.id == id and child in (None, node.chart))


def _mapped(chart: Chart, id: str, child: Chart) -> dict[str, str]:
    """The child's roles → the parent's."""
    return {role: role for role in child.adapters} | dict(_starter(chart, id, child).adapters)


def _actions(chart: Chart) -> Iterator[Action]:
    return (action for state in chart.root.walk() for block in walk_blocks(state) for action in block)


def _orders(chart: Chart, role: str) -> list[str]:
    """The adapter's actions the chart orders."""
    names = [a.action for a in _actions(chart) if isinstance(a, CallAction) and a.role == role]
    names += [i.action or "" for s in chart.root.walk() for i in s.invokes if i.role == role]
    return sorted(set(names))


def _events(chart: Chart, prefix: str) -> list[str]:
    """The events with this prefix that some transition of the chart names."""
    names = [d for t in chart.transitions for d in t.written]
    found = [n.removeprefix(prefix) for n in names if n.startswith(prefix)]
    return sorted({*found, *(["(all)"] if prefix.removesuffix(".") in names else [])})


def _sent(chart: Chart, id: str) -> list[str]:
    """The events the chart sends to its child ``id``."""
    names = []
    for action in _actions(chart):
        sent = action.sent()
        if sent is not None and isinstance(sent.target, Literal) and sent.target.value == id:
            names.append(sent.name or "…")
    return sorted(set(names))
