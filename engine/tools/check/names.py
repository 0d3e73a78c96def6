"""Names that are declared and not used: data, parameters, events, adapters, children."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from engine.language.expr import tree
from engine.language.expr.walk import within
from engine.language.model import STALE, Assign, CallAction, Chart, Invoke, Spawn
from engine.language.position import Position
from engine.language.traverse import assigned, child_nodes
from engine.tools.check.findings import Finding, Found, Part
from engine.tools.check.structure import handled_events, is_handled, machine_can_end
from engine.tools.check.walk import Uses, collect


def _found(chart: Chart, code: str, place: str, message: str, position: Position, about: Part | None = None) -> Found:
    return Found(Finding(code, chart.name, place, message, position), about)


def unused_data(chart: Chart, uses: Uses) -> Iterable[Found]:
    """C120, C121."""
    named: set[str] = set()
    for use in uses.expressions:
        named |= _variables(use.expr)
    named |= {name for action, _ in uses.actions for name in assigned(action)}
    named |= {i.id_location for s in chart.root.walk() for i in s.invokes if i.id_location is not None}
    named |= _served(chart)
    read = _read(chart, uses)
    for item in chart.data.values():
        if item.name not in named:
            yield _found(chart, "C120", item.name, f"data '{item.name}' is not used", item.position, item)
        elif item.name not in read:
            message = f"data '{item.name}' is assigned but never read"
            yield _found(chart, "C121", item.name, message, item.position, item)


def _served(chart: Chart) -> set[str]:
    """The data that those it serves read."""
    return set(chart.serves.values) if chart.serves is not None else set()


def _variables(expr: tree.Expr) -> set[str]:
    return {e.name for e in within(expr) if isinstance(e, tree.Variable)}


def _read(chart: Chart, uses: Uses) -> set[str]:
    """The data that something depends on. What is read only to assign data that nothing depends on does not count."""
    values = [action for action, _ in uses.actions if isinstance(action, Assign)]
    read = _served(chart)
    for use in uses.expressions:
        if use.role != "assigned":
            read |= _variables(use.expr)
    grew = True
    while grew:
        before = len(read)
        for action in values:
            if action.name in read or action.name not in chart.data:
                read |= _variables(action.value)
        grew = len(read) > before
    return read


def unused_parameters(chart: Chart, uses: Uses) -> Iterable[Found]:
    """C122."""
    expressions = [use.expr for use in uses.expressions]
    if chart.shutdown is not None:
        expressions.append(chart.shutdown.within)
    if chart.session is not None and chart.session.success is not None:
        expressions.append(chart.session.success)
    read = {e.name for expr in expressions for e in within(expr) if isinstance(e, tree.Parameter)}
    for parameter in chart.parameters.values():
        if parameter.name not in read:
            message = f"parameter '{parameter.name}' is not used"
            yield _found(chart, "C122", parameter.name, message, parameter.position, parameter)


def _sent(uses: Uses) -> tuple[set[str], set[str], bool]:
    """Event names the chart gives itself, those it sends to its parent, whether some name is only known at run time."""
    own: set[str] = set()
    parent: set[str] = set()
    dynamic = False
    for action, _ in uses.actions:
        sent = action.sent()
        if sent is None:
            continue
        target = sent.target.value if isinstance(sent.target, tree.Literal) else None
        if sent.name is None or (sent.target is not None and target is None):
            dynamic = True
        elif target == "parent":
            parent.add(sent.name)
        elif target in (None, "self", "internal"):
            own.add(sent.name)
    return own, parent, dynamic


def unused_events(chart: Chart, uses: Uses) -> Iterable[Found]:
    """C123 to C127."""
    own, parent, dynamic = _sent(uses)
    if dynamic or chart.untyped:
        return
    forwards = any(invoke.autoforward for state in chart.root.walk() for invoke in state.invokes)
    for event in chart.events.values():
        name, position = event.name, event.position
        if chart.serves is not None and position == chart.serves_at:
            continue  # the contract's: what must be there is there, or the chart would not load
        handled = is_handled(chart, name)
        named = any(name in descriptors for descriptors in handled_events(chart))
        if event.direction == "out":
            if name not in parent:
                yield _found(chart, "C126", name, f"event '{name}' is never sent to the parent", position, event)
        elif event.direction == "in":
            if not handled and not forwards:
                yield _found(chart, "C127", name, f"event '{name}' is not handled", position, event)
        elif name not in own and not named:
            yield _found(chart, "C123", name, f"event '{name}' is not used", position, event)
        elif name not in own:
            yield _found(chart, "C125", name, f"event '{name}' is neither raised nor sent", position, event)
        elif not handled:
            yield _found(chart, "C124", name, f"event '{name}' is sent but not handled", position, event)


def children(chart: Chart, uses: Uses) -> Iterator[tuple[Invoke | Spawn, Chart]]:
    """The child charts known before run time, with what starts them."""
    for node in child_nodes(chart):
        if node.chart is not None:
            yield node, node.chart


def _own_role(starter: Invoke | Spawn, role: str) -> str:
    """The name a child's role has here; empty for one of a unit."""
    mapped = dict(starter.adapters)
    return mapped.get(role, "") if isinstance(starter, Spawn) and starter.unit is not None else mapped.get(role, role)


def _hearers(chart: Chart, role: str) -> list[tuple[Chart, str]]:
    """The chart and all below it that share the adapter, each once, with the name it has there."""
    found = [(chart, role)]
    seen = {(id(chart), role)}
    for at, name in found:
        for child, inner in _sharers(at, name):
            if (id(child), inner) not in seen:
                seen.add((id(child), inner))
                found.append((child, inner))
    return found


def _sharers(chart: Chart, role: str) -> list[tuple[Chart, str]]:
    """The child charts whose role (by the name they give it) is bound to this one."""
    return [
        (child, name)
        for starter, child in children(chart, collect(chart))
        for name in child.adapters
        if _own_role(starter, name) == role
    ]


def adapters(chart: Chart, uses: Uses) -> Iterable[Found]:
    """C130, C131, C132, C133."""
    active = {a.role for a, _ in uses.actions if isinstance(a, CallAction)}
    readings = {(e.role, e.name) for use in uses.expressions for e in within(use.expr) if isinstance(e, tree.Reading)}
    active |= {role for role, _ in readings}
    active |= {i.role for state in chart.root.walk() for i in state.invokes if i.role is not None}
    descriptors = [d for group in handled_events(chart) for d in group]
    for role, contract in chart.adapters.items():
        heard = any(d == "*" or d == role or d.startswith(f"{role}.") for d in descriptors)
        if not heard and role not in active and not _sharers(chart, role):
            message = f"the role '{role}' ({contract.name}) is not used"
            yield _found(chart, "C131", role, message, chart.roles.get(role, chart.position))
            continue
        hearers = _hearers(chart, role)
        ignored = [e for e in contract.events if not any(is_handled(at, f"{name}.{e}") for at, name in hearers)]
        if contract.stale and STALE in ignored:  # comes only of what is read
            ignored.remove(STALE)
            unasked = [v for v in contract.stale if (role, v) in readings and (role, f"{v}.age") not in readings]
            if unasked:
                message = f"of '{role}' ({contract.name}): {', '.join(unasked)}; nothing handles {role}.{STALE}"
                yield _found(chart, "C133", role, message, chart.roles.get(role, chart.position))
        if ignored:
            code = "C132" if chart.strict else "C130"
            message = f"of '{role}' ({contract.name}): {', '.join(ignored)}"
            yield _found(chart, code, role, message, chart.roles.get(role, chart.position))


def child_events(chart: Chart, uses: Uses) -> Iterable[Found]:
    """C141, C142."""
    told: set[str] = set()
    for starter, child in children(chart, uses):
        if starter.id in told or (isinstance(starter, Invoke) and starter.plain_events):
            continue
        told.add(starter.id)
        out = [e.name for e in child.events.values() if e.direction == "out"]
        if ignored := [name for name in out if not is_handled(chart, f"{starter.id}.{name}")]:
            message = f"'{starter.id}' ({child.name}): {', '.join(ignored)}"
            yield _found(chart, "C141", starter.id, message, starter.position)
        if (
            isinstance(starter, Invoke)
            and machine_can_end(child)
            and not is_handled(chart, f"done.invoke.{starter.id}")
        ):
            message = f"'{starter.id}' ({child.name}) can end and nothing handles done.invoke.{starter.id}"
            yield _found(chart, "C142", starter.id, message, starter.position)


def copied_parameters(chart: Chart, uses: Uses) -> Iterator[Found]:
    """C143: a value a child has already is handed to it, from a parameter that is for nothing else, or as it is."""
    if chart.untyped:
        return
    read = Counter(e.name for use in uses.expressions for e in within(use.expr) if isinstance(e, tree.Parameter))
    handed: dict[tuple[str, str, str], list[Invoke | Spawn]] = {}
    for starter, child in children(chart, uses):
        for name, expr in starter.input:
            theirs = child.parameters[name]
            if theirs.default is None:
                continue
            if isinstance(expr, tree.Parameter):
                handed.setdefault((expr.name, starter.id, name), []).append(starter)
            elif expr == theirs.default and not any(isinstance(e, tree.Parameter) for e in within(expr)):
                message = f"{starter.id}.{name} is that by default ({theirs.position}): leave it out"
                yield _found(chart, "C143", starter.id, message, starter.position)
    for (own, child_id, name), starters in handed.items():
        ours, child_chart = chart.parameters[own], starters[0].chart
        theirs = child_chart.parameters[name] if child_chart is not None else ours
        if read[own] == len(starters) and ours.default is not None and ours.type == theirs.type:
            same = isinstance(ours.default, tree.Literal) and ours.default == theirs.default
            way = "leave it out" if same else f"where another value is meant, write it there: {{{name}: …}}"
            message = f"'{own}' only hands its default on to {child_id}.{name} ({theirs.position}): {way}"
            yield _found(chart, "C143", own, message, ours.position, ours)


def cycles(chart: Chart, uses: Uses) -> Iterable[Found]:
    """C140: a chart among its own descendants."""
    path: list[Chart] = []
    left: set[int] = set()  # id() of the charts that lead into no circle

    def visit(at: Chart) -> list[Chart] | None:
        if any(at is seen for seen in path):
            return [*path, at]
        if id(at) in left:
            return None
        path.append(at)
        for _, child in children(at, uses if at is chart else collect(at)):
            found = visit(child)
            if found is not None:
                return found
        path.pop()
        left.add(id(at))
        return None

    found = visit(chart)
    if found is not None:
        names = " → ".join(c.name for c in found)
        yield _found(chart, "C140", chart.name, names, chart.position)
