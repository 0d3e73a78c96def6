"""The tree of states: names, kinds, and what target texts mean."""

from __future__ import annotations

from engine.language.load import keys
from engine.language.load.build import Build
from engine.language.load.clauses import read_citation
from engine.language.load.state_arguments import Target, read_args, split_target
from engine.language.load.templates import Use
from engine.language.load.yaml_source import Mapping, Node, Scalar, Sequence
from engine.language.model import State, StateKind
from engine.language.problems import did_you_mean, nearest

MAX_TARGETS = 64  # of one transition
_TYPES = ("parallel", "final", "history")


def build_states(build: Build, root_body: Mapping) -> State:
    """All states without their transitions; fills ``chart.states``, ``bodies`` and ``by_name``."""
    root = _state(build, "", None, root_body, root_body)
    for state, body in build.bodies:
        state.order = len(build.chart.states)
        build.chart.states[state.id] = state
        if state.parent is not None:
            build.by_name.setdefault(state.name, []).append(state)
        _common(build, state, body)
        if "args" in body.entries and state.parent is not None:
            read_args(build, state, body)
    return root


def _common(build: Build, state: State, body: Mapping) -> None:
    if state.parent is None:
        return
    reader = build.reader
    entries = body.entries
    if "title" in entries:
        state.title = reader.text(body.get("title"), "'title'")
    if "description" in entries:
        state.description = reader.text(body.get("description"), "'description'")
    if "clause" in entries or "source" in entries:
        state.citation = read_citation(reader, body, f"state {state.id}", build.chart.clauses)
    if "waive" in entries:
        state.waivers = reader.texts(body.get("waive"), "'waive'")


def _state(build: Build, name: str, parent: State | None, key: Node, value: Node) -> State:
    reader = build.reader
    body = reader.mapping(value, f"state {name!r}")
    if body is None:
        body = Mapping(key.start, key.end, source=key.source)
    uses: list[Use] = []
    if "use" in body.entries and parent is not None:
        body, uses = build.templates.expanded(key, body)
    id_ = name if parent is None or parent.parent is None else f"{parent.id}.{name}"
    kind = _kind(build, name, body, parent)
    state = State(id_, name, kind, parent, position=reader.position(key))
    for use in uses:
        use.state = state
    if uses:
        state.template, state.given = uses[0].template.definition.name, uses[0].texts(reader)
    build.bodies.append((state, body))
    if parent is not None:
        reader.check_keys(body, _keys(kind), imported=build.untyped)
    for child, child_key, child_value in reader.entries(body.get("states"), "'states'"):
        if reader.name(child_key, "a state"):
            state.children.append(_state(build, child, state, child_key, child_value))
    return state


def _keys(kind: StateKind) -> keys.Keys:
    if kind is StateKind.FINAL:
        return keys.FINAL
    return keys.HISTORY if kind in (StateKind.SHALLOW_HISTORY, StateKind.DEEP_HISTORY) else keys.STATE


def _type_hint(text: str) -> str:
    if text in ("atomic", "compound"):
        return "an atomic or compound state needs no type"
    near = nearest(text, _TYPES)
    return f"did you mean {near!r}?" if near else ""


def _kind(build: Build, name: str, body: Mapping, parent: State | None) -> StateKind:
    reader = build.reader
    node = body.get("type")
    type_ = reader.text(node, "'type'") if node is not None else ""
    if node is not None and type_ not in _TYPES:
        reader.problem(node, "shape", f"unknown type of state {type_[:80]!r}", ", ".join(_TYPES), _type_hint(type_))
    states = body.get("states")
    has_states = isinstance(states, Mapping) and bool(states.entries)
    if type_ == "final":
        if parent is None:
            reader.problem(
                node or body, "shape", "a chart is not a final state: it has them", "states: {…: {type: final}}"
            )
        elif parent.kind is StateKind.PARALLEL:
            message = (
                f"{name!r} is a region: it cannot be final (SCXML 3.4), a parallel state is done when its regions are"
            )
            reader.problem(node or body, "shape", message, "a region with a final state in it")
        return StateKind.FINAL
    if type_ == "history":
        depth = body.get("history")
        text = "shallow" if depth is None else reader.text(depth, "'history'")
        if text not in ("shallow", "deep"):
            reader.problem(depth or body, "shape", f"unknown kind of history {text!r}", "shallow or deep")
        return StateKind.DEEP_HISTORY if text == "deep" else StateKind.SHALLOW_HISTORY
    if type_ == "parallel":
        if not has_states:
            reader.problem(node or body, "shape", f"the parallel state {name!r} has no states", "states: …")
        return StateKind.PARALLEL
    return StateKind.COMPOUND if has_states else StateKind.ATOMIC


# ---------------------------------------------------------------- targets


def resolve_targets(
    build: Build, source: State, node: Node, inside: bool = False
) -> tuple[tuple[State, ...], list[tuple[Target, State]]]:
    """The states that a target text or list names, seen from ``source``, and each as it is written, with its arguments;
    ``inside``: seen from within it (``initial``)."""
    items = node.items if isinstance(node, Sequence) else [node]
    found: list[State] = []
    written: list[tuple[Target, State]] = []
    if len(items) > MAX_TARGETS:
        build.reader.problem(node, "limit", f"more than {MAX_TARGETS} targets")
        return (), written
    if not items:
        build.reader.problem(node, "shape", "a list of no targets", "a state")
    for item in items:
        if not isinstance(item, Scalar) or item.is_null:
            build.reader.problem(item, "shape", "a target is the name of a state", "a state")
            continue
        target = split_target(build, item)
        state = _resolve(build, source, target, inside) if target is not None else None
        if target is not None and state is not None:
            found.append(state)
            written.append((target, state))
    if len(found) > 1 and len(found) == len(items):
        _check_together(build, node, found)
    return tuple(found), written


def _resolve(build: Build, source: State, target: Target, inside: bool) -> State | None:
    node, text = target.node, target.path
    if target.seen_from is not None:  # given to a template: it means what it means where that is used
        source, inside = target.seen_from, False
    if text.startswith("."):
        state = _below(build, source, text[1:])
    else:
        state = _lookup(build, source, text, inside)
    if state is not None:
        return state
    candidates = [f".{child.name}" for child in source.children] if text.startswith(".") else _nearby(build, source)
    same = build.by_name.get(text, [])
    if len(same) > 1:
        ids = ", ".join(state.id for state in same[:6])
        build.reader.problem(node, "unknown-state", f"the state {text!r} is ambiguous", "a path", f"there are {ids}")
        return None
    hint = did_you_mean(text, candidates)
    build.reader.problem(node, "unknown-state", f"there is no state {text[:80]!r}", hint=hint)
    return None


def _lookup(build: Build, source: State, path: str, inside: bool) -> State | None:
    """Among the siblings of the source, then of its ancestors, then from the root, then by a name that is unique."""
    level: State | None = source if inside or source.parent is None else source.parent
    while level is not None:
        found = _below(build, level, path)
        if found is not None:
            return found
        level = level.parent
    first, _, rest = path.partition(".")
    same = build.by_name.get(first, [])
    if len(same) == 1:
        return _below(build, same[0], rest) if rest else same[0]
    return None


def _below(build: Build, state: State, path: str) -> State | None:
    """The descendant at a dotted path."""
    return build.chart.states.get(f"{state.id}.{path}" if state.id else path) if path else None


def _nearby(build: Build, source: State) -> list[str]:
    """Names a target may have meant, the near ones first."""
    names = [child.name for child in (source.parent or source).children]
    names += [child.name for child in source.children]
    names += build.by_name
    names += [state for state in build.chart.states if "." in state]
    return names


def _check_together(build: Build, node: Node, states: list[State]) -> None:
    """Several targets must lie in different regions of a parallel state, or no configuration holds them all."""
    for position, one in enumerate(states):
        for other in states[position + 1 :]:
            above = [one, *one.ancestors()]
            common = next(state for state in [other, *other.ancestors()] if state in above)
            if common is one or common is other or common.kind is not StateKind.PARALLEL:
                build.reader.problem(
                    node,
                    "shape",
                    f"{one.id} and {other.id} cannot both be entered",
                    "states in different parallel regions",
                )
                return
