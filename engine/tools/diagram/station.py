"""The station diagram: the machines of a station, their adapters, and the events and orders between them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from engine.language.expr.tree import Literal, Reading
from engine.language.model import Action, CallAction, Chart, Invoke, Spawn
from engine.language.traverse import chart_tree, child_charts, child_nodes, walk_blocks
from engine.run.station.plan import MachinePlan, Station, UnitPlan
from engine.semantics.compiled.symbols import expressions
from engine.tools.diagram.graph import Edge, Graph, Line, Node, Shape
from engine.tools.diagram.page import TitleBlock
from engine.tools.diagram.text import shorten, wrap

_SHOWN = (8, 5, 3)  # events on an arrow before "… n more", as much as can be read
_WIDTH = 30


def station_graphs(station: Station) -> list[Graph]:
    """The station, and versions of it that name fewer events on an arrow."""
    whole = station_graph(station)
    return [Graph(whole.root, [_naming(edge, most) for edge in whole.edges]) for most in _SHOWN]


def _naming(edge: Edge, most: int) -> Edge:
    texts = edge.hint.split("\n")
    shown = texts if len(texts) <= most else [*texts[: most - 1], f"… {len(texts) - most + 1} more"]
    return replace(edge, label=[Line(shorten(t, _WIDTH), edge.css) for t in shown])


def station_graph(station: Station) -> Graph:
    """One frame for each root machine, with its charts, the adapters they are bound to and the machines it serves; of
    units, the first."""
    root = Node("(station)", Shape.COMPOSITE, [[Line(station.title or "station", "title")]], css="station")
    edges: list[Edge] = []
    units = [unit for plan in station.machines.values() for unit in plan.units]
    others = {unit.name for unit in units if unit.number > 1}
    for plan in station.machines.values():
        if plan.unit not in others:
            clients = [one for one in station.machines.values() if _serves(plan, one) and one.unit not in others]
            root.children.append(_Machine(plan, clients, edges, times(units, plan.unit)).node())
    root.packed = True
    return Graph(root, edges)


def times(units: Collection[UnitPlan], name: str) -> str:
    """`` ×N`` for one of a unit that a station has N times."""
    unit = next((unit.unit for unit in units if unit.name == name), "")
    count = sum(other.unit == unit for other in units)
    return f" ×{count}" if unit and count > 1 else ""


def station_block(station: Station, name: str) -> TitleBlock:
    """The title block; the hash is of all charts that run there."""
    charts = "".join(plan.chart.text_hash for plan in station.machines.values())
    cited = (part.strip() for p in station.machines.values() for part in re.split("[,;]", p.chart.citation))
    sources = ", ".join(dict.fromkeys(part for part in cited if part))
    digest = hashlib.sha256(charts.encode()).hexdigest()
    return TitleBlock(name, station.title, sources, "", digest, "station")


class _Machine:
    """The charts of one root machine and what passes between them and its adapters."""

    def __init__(self, plan: MachinePlan, clients: list[MachinePlan], edges: list[Edge], often: str) -> None:
        self.plan = plan
        self.clients = clients
        self.edges = edges
        self.units = {unit.unit: unit for unit in plan.units if unit.number == 1}
        self.frame = Node(f"{plan.name}:", Shape.REGION, [[Line(plan.name + often, "title")]], css="machine")

    def node(self) -> Node:
        name, chart = self.plan.name, self.plan.chart
        self._chart(name, chart, {role: f"{name}:{role}" for role in chart.adapters}, set())
        self._behind(self.plan)
        for unit in self.units.values():
            self._behind(unit)
        for client in self.clients:
            self._client(client)
        return self.frame

    def _client(self, client: MachinePlan) -> None:
        """A machine that orders of this one: a box here, its own frame elsewhere."""
        contract = self.plan.chart.serves
        assert contract is not None
        id, charts = f"{self.plan.name}<{client.name}", [chart for _, chart in chart_tree(client.chart)]
        roles = [(c, role) for c in charts for role, served in c.adapters.items() if served.name == contract.name]
        lines = [Line(client.name, "title"), Line(contract.name, "note"), Line(client.chart.name, "keyword")]
        self.frame.children.append(Node(id, Shape.BOX, [lines], css="adapter", tags=(("data-client", client.name),)))
        self._arrow(id, self.plan.name, sorted({o for c, role in roles for o in _orders(c, role)}), "action", "serves")
        back = {e for c, role in roles for e in [*_events(c, f"{role}."), *_readings(c, role)]}
        self._arrow(self.plan.name, id, sorted(back), "event", "serves")

    def _behind(self, plan: MachinePlan | UnitPlan) -> None:
        """What stands behind roles: adapters, and charts with what stands behind theirs."""
        for role, contract in plan.contracts.items():
            bound = plan.adapters.get(role)
            id, served = f"{plan.name}:{role}", bound.served if bound is not None else None
            lines = [Line(role, "title"), Line(contract.name, "note")]
            tags = (("data-role", f"{plan.name}.{role}"),)
            if bound is None or served is None or bound.device:
                lines += [Line(bound.use, "keyword")] if bound is not None else []
                self.frame.children.append(Node(id, Shape.BOX, [lines], css="adapter", tags=tags))
                continue
            lines += [Line(served.chart.name, "keyword"), *(Line(t, "text") for t in wrap(served.chart.title, 28))]
            self.frame.children.append(Node(id, Shape.BOX, [lines], tags=(*tags, ("data-machine", served.name))))
            roles = {own: f"{served.name}:{own}" for own in served.chart.adapters}
            self._around(id, served.name, served.chart, roles, set())
            self._behind(served)

    def _chart(self, path: str, chart: Chart, roles: dict[str, str], above: set[str], often: str = "") -> None:
        """A chart and all it starts. ``roles``: its roles → what stands behind them. ``often``: `` ×N``."""
        lines = [Line(path.rpartition("/")[2] + often, "title"), Line(chart.name, "note")]
        lines += [Line(t, "text") for t in wrap(chart.title, 28)]
        self.frame.children.append(Node(path, Shape.BOX, [lines], tags=(("data-machine", path),)))
        self._around(path, path, chart, roles, above)

    def _around(self, node: str, path: str, chart: Chart, roles: dict[str, str], above: set[str]) -> None:
        """What passes between a chart, drawn as ``node``, and its roles and children."""
        for role in chart.adapters:
            orders, events = _orders(chart, role), [*_events(chart, f"{role}."), *_readings(chart, role)]
            behind = roles.get(role, f"{self.plan.name}:{role}")
            self._arrow(node, behind, orders, "action", role)
            self._arrow(behind, node, events, "event", role)
        for id, child in child_charts(chart).items():
            if child.name in above:
                continue
            below, unit = f"{path}/{id}", self._unit(chart, id)
            mapping = {
                own: roles.get(outer, f"{self.plan.name}:{outer}") for own, outer in _mapped(chart, id, child).items()
            }
            if unit is not None:
                given = dict(_starter(chart, id).adapters)
                mapping |= {own: f"{unit.name}:{own}" for own in child.adapters if own not in given}
            often = times(self.plan.units, unit.name) if unit is not None else ""
            self._chart(below, child, mapping, above | {chart.name}, often)
            self._arrow(node, below, _sent(chart, id), "event", "to")
            self._arrow(below, node, _events(chart, f"{id}."), "event", "from")

    def _unit(self, chart: Chart, id: str) -> UnitPlan | None:
        """The first of the unit that a child is spawned on."""
        starter = _starter(chart, id)
        return self.units.get(starter.unit or "") if isinstance(starter, Spawn) else None

    def _arrow(self, source: str, target: str, texts: list[str], css: str, kind: str) -> None:
        if not texts:
            return
        label = [Line(shorten(t, _WIDTH), css) for t in texts]
        tags = (("data-from", source), ("data-to", target))
        self.edges.append(Edge(f"{source}>{target}>{kind}", source, target, label, css, tags, "\n".join(texts)))


def _serves(plan: MachinePlan, other: MachinePlan) -> bool:
    """Whether a role of the other machine, of its units or of what stands behind its roles is bound to this one."""
    holders = [one for holder in (other, *other.units) for one in (holder, *holder.served())]
    return any(bound.machine == plan.name for holder in holders for bound in holder.adapters.values())


def _starter(chart: Chart, id: str) -> Invoke | Spawn:
    """What starts the child ``id``."""
    return next(node for node in child_nodes(chart) if node.id == id)


def _mapped(chart: Chart, id: str, child: Chart) -> dict[str, str]:
    """The child's roles → the parent's."""
    return {role: role for role in child.adapters} | dict(_starter(chart, id).adapters)


def _actions(chart: Chart) -> Iterator[Action]:
    return (action for state in chart.root.walk() for block in walk_blocks(state) for action in block)


def _orders(chart: Chart, role: str) -> list[str]:
    """The adapter's actions the chart orders."""
    names = [a.action for a in _actions(chart) if isinstance(a, CallAction) and a.role == role]
    names += [i.action or "" for s in chart.root.walk() for i in s.invokes if i.role == role]
    return sorted(set(names))


def _readings(chart: Chart, role: str) -> list[str]:
    """The adapter's values that some expression of the chart reads."""
    found = {e.name for e in expressions(chart) if isinstance(e, Reading) and e.role == role}
    return sorted(f"= {name}" for name in found)


def _events(chart: Chart, prefix: str) -> list[str]:
    """The events with this prefix that some transition of the chart names."""
    names = [d for t in chart.transitions for d in t.descriptors]
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
