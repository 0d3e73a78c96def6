"""`on`, `always`, `after`, `onDone` and `initial`: transitions with resolved targets and checked guards."""

from __future__ import annotations

from collections.abc import Iterator

from engine.language.expr.check import Scope
from engine.language.expr.tree import Literal
from engine.language.load import keys
from engine.language.load.actions import read_block
from engine.language.load.build import Build
from engine.language.load.clauses import read_citation
from engine.language.load.state_arguments import Target, give_arguments
from engine.language.load.states import resolve_targets
from engine.language.load.yaml_source import Mapping, Node, Scalar, Sequence
from engine.language.model import Defer, State, StateKind, Timer, Transition
from engine.language.problems import did_you_mean

MAX_DEFAULTS = 64  # history states from one default to the next
NO_EVENT_ALWAYS = "`always` is taken without an event: keep the field in data by `assign` in an earlier transition"
NO_EVENT_AFTER = "a timer's expiry carries nothing"


def read_transitions(build: Build, state: State, body: Mapping) -> None:
    """All transitions and timers of a state, in document order."""
    for key, key_node, value in body.items():
        if key == "on":
            for _, descriptor_node, node in build.reader.entries(value, "'on'", "event: target"):
                read_on(build, state, build.templates.events_of(descriptor_node), descriptor_node, node)
        elif key == "always":
            scope = build.scope(None, NO_EVENT_ALWAYS)
            _add(build, state, "always", (), None, value, scope)
        elif key == "after":
            for _, delay_node, node in build.reader.entries(value, "'after'", "delay: target"):
                _after(build, state, build.templates.text_of(delay_node, delay_node.text, "value"), delay_node, node)
        elif key == "poll":
            for node in build.reader.items(value):
                _poll(build, state, node)
        elif key == "onDone":
            if state.kind not in (StateKind.COMPOUND, StateKind.PARALLEL) or state.parent is None:
                message = "only a compound or parallel state inside another one is ever done"
                build.reader.problem(key_node, "shape", message, hint="an invoke has an onDone of its own")
            else:
                read_on(build, state, f"done.state.{state.id}", key_node, value)
        elif key == "invoke":
            for node in build.reader.items(value):
                if isinstance(node, Mapping):
                    _invoke_ends(build, state, node)
    told: set[str] = set()
    for item in _listed(build, "ignore", body.get("ignore"), told):
        read_on(build, state, item.text, item, Scalar(item.start, item.end, source=item.source))
    for item in _listed(build, "defer", body.get("defer"), told):
        read_on(build, state, item.text, item, Scalar(item.start, item.end, source=item.source))
        state.transitions[-1].actions = (Defer(build.reader.position(item)),)
    for node in build.reader.items(body.get("invoke")):
        if isinstance(node, Mapping) and node.get("relay") is not None:
            _relay(build, state, node, told)


def _relay(build: Build, state: State, node: Mapping, told: set[str]) -> None:
    """`relay` of an invoke: a transition behind all others for each event, which passes it on under its name."""
    from engine.language.load.children import invoke_id

    id_ = invoke_id(build, node)
    chart = build.charts.get(id(node))
    for item in _listed(build, "relay", node.get("relay"), told):
        if chart is None:
            if id_ not in build.broken_children:
                build.reader.problem(item, "shape", "only a child with a chart of its own (`src`) has events to relay")
            return
        own, theirs = build.chart.events.get(item.text), chart.events.get(item.text)
        if own is None or not own.direction:
            what = "is no event of this chart" if own is None else "is neither `direction: in` nor `out`"
            message = f"{item.text[:80]!r} {what}, so there is nothing to relay"
            build.reader.problem(item, "unknown-event", message, known=[*build.chart.events])
        elif theirs is None or theirs.direction != own.direction:
            message = f"{chart.name} has no event {item.text[:80]!r} with `direction: {own.direction}`"
            known = [event.name for event in chart.events.values() if event.direction == own.direction]
            build.reader.problem(item, "unknown-event", message, known=known)
        elif theirs.payload != own.payload:
            message = f"the payload of {item.text[:80]!r} is another in {chart.name}"
            build.reader.problem(item, "type", message, "the same fields of the same types")
        else:
            inwards = own.direction == "in"
            send = {"event": item.text, "to": id_ if inwards else "parent"}
            body = _written(item, {"actions": {"send": {**send, "data": {f: f"event.{f}" for f in own.payload or {}}}}})
            read_on(build, state, item.text if inwards else f"{id_}.{item.text}", item, body)
            state.transitions[-1].relays = id_


def _written(at: Scalar, value: object) -> Node:
    """A node as if it were written where ``at`` is."""
    if isinstance(value, dict):
        entries = {key: (_named(at, key), _written(at, inner)) for key, inner in value.items()}
        return Mapping(at.start, at.end, entries, source=at.source)
    return _named(at, str(value))


def _named(at: Scalar, text: str) -> Scalar:
    return Scalar(at.start, at.end, text, source=at.source)


def _listed(build: Build, key: str, value: Node | None, told: set[str]) -> Iterator[Scalar]:
    """The events that `ignore`, `defer` or `relay` lists, which are transitions behind all others of the state."""
    for item in build.reader.items(value):
        if not isinstance(item, Scalar) or item.is_null:
            build.reader.problem(item, "shape", f"{key!r} lists the names of events", f"{key}: [EVENT, …]")
        elif item.text in told:
            message = f"{item.text[:80]!r} stands in `ignore`, `defer` or `relay` already"
            build.reader.problem(item, "duplicate-name", message, "each event once")
        else:
            told.add(item.text)
            yield item


def _invoke_ends(build: Build, state: State, node: Mapping) -> None:
    """`onDone` and `onError` of an invoke."""
    from engine.language.load.children import invoke_id

    id_ = invoke_id(build, node)
    for key, descriptor in (("onDone", "done.invoke."), ("onError", "error.invoke.")):
        ends = node.get(key)
        if ends is not None and id_:
            read_on(build, state, descriptor + id_, node.entries[key][0], ends)


def read_on(build: Build, state: State, text: str, key: Scalar, value: Node) -> None:
    """The transitions of one `on` entry; ``text`` holds one or more descriptors."""
    cached = (text, build.inside(state))
    known = build.descriptors.get(cached)
    if known is not None:
        _add(build, state, text, known[0], None, value, known[1])
        return
    names: list[str] = []
    descriptors: list[str] = []
    sound = True
    offset = 0
    for word in text.split():
        offset = text.index(word, offset)
        before, star, end = word.partition("*")
        inside = bool(star) and before.endswith(".")
        descriptor = before[:-1] if inside else word
        if build.untyped:
            descriptors.append(descriptor.rstrip("."))
            continue
        matched = [name for name in build.events.matching(descriptor) if name.endswith(end)]
        if not matched or (not inside and word != "*" and word not in matched):
            _unknown_event(build, key, word, matched, offset if text == key.text else 0)
            sound = False
            continue
        descriptors += matched if end else [descriptor]
        names += matched
    if not text.split():
        build.reader.problem(key, "shape", "the name of an event is missing", "an event")
    scope = build.scope(build.events.fields(names), "")
    scope.untyped = build.untyped or not sound  # of unknown events nothing is known: no more problems from them
    unique = tuple(dict.fromkeys(descriptors))
    if sound:
        build.descriptors[cached] = (unique, scope)
    _add(build, state, text, unique, None, value, scope)


def _unknown_event(build: Build, key: Scalar, word: str, matched: list[str], offset: int) -> None:
    parts = word.split(".")
    if build.broken_children & {parts[0], ".".join(parts[2:])} or parts[0] in build.broken_roles:
        return  # told of where the child or the role is named
    if not build.events_known:
        return
    known = build.events.names()
    own = build.chart.events.get(word)
    expected = hint = ""
    if own is not None and own.direction == "out":
        message = f"{word!r} goes out to the parent and never comes in"
    elif matched:
        message, expected = f"there is no event {word!r}, only ones below it", f"{word}.*"
    else:
        message = f"there is no event {word[:80]!r}"
        hint = did_you_mean(word, known)
        short = [name for name in known if name.endswith(f".{word}")]
        if short:
            hint = f"did you mean {short[0]!r}?"
        elif not hint.startswith("did") and "." not in word:
            hint = f"declare it: events: {{{word[:80]}: {{direction: in}}}}"
    source = build.reader.source_of(key)
    line, column = source.place(key, offset)
    problem = source.problem(line, column, "unknown-event", message, expected, hint, len(word))
    build.reader.problems.add(problem)


def _after(build: Build, state: State, text: str, key: Scalar, value: Node) -> None:
    delay = build.delay(key, build.plain_scope())
    timer = Timer(f"{state.id}/after {text}", delay, text, build.reader.position(key))
    state.timers.append(timer)
    _add(build, state, f"after {text}", (), timer.id, value, build.scope(None, NO_EVENT_AFTER))


def _poll(build: Build, state: State, node: Node) -> None:
    """`{when: GUARD, every: T, target: …}`: a timer that starts again. All of one `every` share it."""
    reader = build.reader
    body = reader.filled(node, "'poll'", "{when: GUARD, every: 100 ms, target: …}")
    if body is None:
        return
    reader.check_keys(body, keys.POLL)
    when, every = body.get("when"), body.get("every")
    if when is None or every is None:
        what = "what it looks for" if when is None else "how often it looks"
        reader.missing(body, body, f"'poll' does not say {what}", "{when: GUARD, every: 100 ms, target: …}")
        return
    text = reader.expression_text(every, "'every'") or ""
    id_ = f"{state.id}/after every {text}"
    if all(timer.id != id_ for timer in state.timers):
        delay = build.delay(every, build.plain_scope())
        if isinstance(delay, Literal) and delay.value == 0:
            reader.problem(every, "range", "'every' is longer than nothing", "a duration above 0 s")
        state.timers.append(Timer(id_, delay, text, reader.position(every), True))
    rest = {key: entry for key, entry in body.entries.items() if key not in ("when", "every")}
    transition = Mapping(body.start, body.end, {"guard": (body.entries["when"][0], when), **rest})
    _add(build, state, f"after every {text}", (), id_, transition, build.scope(None, NO_EVENT_AFTER))


def _add(
    build: Build,
    state: State,
    name: str,
    descriptors: tuple[str, ...],
    timer: str | None,
    value: Node,
    scope: Scope,
) -> None:
    """One transition, or those of a list, for one trigger."""
    for node in value.items if isinstance(value, Sequence) else (value,):
        id_ = f"{state.id}/{name}"
        build.ids[id_] = number = build.ids.get(id_, 0) + 1
        if number > 1:
            id_ = f"{id_}#{number}"
        transition = Transition(id_, state, descriptors, timer, position=build.reader.position(node))
        if descriptors:
            transition.written = tuple(dict.fromkeys(word.removesuffix(".*") for word in name.split()))
        _fill(build, transition, node, scope)
        state.transitions.append(transition)


def _fill(build: Build, transition: Transition, node: Node, scope: Scope) -> None:
    reader = build.reader
    written: list[tuple[Target, State]] = []
    if isinstance(node, Scalar):
        if not node.is_null:
            transition.targets, written = resolve_targets(build, transition.source, node)
            transition.internal = _stays_inside(transition, node)
            give_arguments(build, transition, written, scope)
        return
    if not isinstance(node, Mapping):
        reader.problem(node, "shape", "a transition is a target or a mapping", "{target: …, guard: …, actions: …}")
        return
    reader.check_keys(node, keys.TRANSITION)
    cited = False
    for key, _, value in node.items():
        if key == "target":
            if not (isinstance(value, Scalar) and value.is_null):
                transition.targets, written = resolve_targets(build, transition.source, value)
                if "internal" not in node.entries:
                    transition.internal = _stays_inside(transition, value)
        elif key == "guard":
            transition.guard = build.guard(value, "'guard'", scope)
        elif key == "actions":
            transition.actions = read_block(build, value, scope)
        elif key == "internal":
            transition.internal = reader.flag(value, "'internal'")
        elif key == "description":
            transition.description = reader.text(value, "'description'")
        elif key in ("clause", "source"):
            cited = True
        elif key == "waive":
            transition.waivers = reader.texts(value, "'waive'")
    if cited:
        transition.citation = read_citation(reader, node, f"transition {transition.id}", build.chart.clauses)
    if transition.internal:
        _check_internal(build, transition, node)
    give_arguments(build, transition, written, scope)


def _stays_inside(transition: Transition, target: Node) -> bool:
    """A compound state is not left by a transition whose targets are all written ``.below``."""
    items = target.items if isinstance(target, Sequence) else [target]
    dotted = all(isinstance(item, Scalar) and item.text.startswith(".") for item in items)
    return dotted and transition.source.kind is StateKind.COMPOUND


def _check_internal(build: Build, transition: Transition, node: Mapping) -> None:
    source = transition.source
    if not transition.targets or build.untyped:
        return
    outside = [target.id for target in transition.targets if source not in target.ancestors()]
    if source.kind is not StateKind.COMPOUND or outside:
        key = node.entries["internal"][0]
        what = f"{outside[0]} is not inside {source.id}" if outside else f"{source.id or 'the root'} is not compound"
        message = "an internal transition goes from a compound state to states inside it"
        build.reader.problem(key, "shape", f"{message}: {what}")


def read_initial(build: Build, state: State, body: Mapping) -> None:
    """The initial transition of a compound state: as written, or to its first child."""
    reader = build.reader
    node = body.get("initial")
    if state.kind is not StateKind.COMPOUND:
        if node is not None:
            reader.problem(body.entries["initial"][0], "shape", "only a compound state has an initial state")
        return
    initial = Transition(f"{state.id}/initial", state, position=reader.position(node or body))
    state.initial = initial
    scope = build.plain_scope()
    if node is None:
        initial.targets = tuple(child for child in state.children if not is_history(child))[:1]
        if not initial.targets and state.children:
            what = f"the state {state.id!r}" if state.id else "the chart"
            reader.problem(body, "shape", f"{what} has no state but history", "a state")
        give_arguments(build, initial, [], scope)
        return
    target: Node | None = node
    if isinstance(node, Mapping):
        reader.check_keys(node, keys.INITIAL)
        target = node.get("target")
        if target is None:
            reader.missing(node, node, "'initial' needs a target", "target: …")
            return
        actions = node.get("actions")
        if actions is not None:
            initial.actions = read_block(build, actions, scope)
    initial.targets, written = resolve_targets(build, state, target or node, inside=True)
    for found in initial.targets:
        if state not in found.ancestors():
            reader.problem(target or node, "shape", f"{found.id} is not inside {state.id or 'the chart'}")
            return
    give_arguments(build, initial, written, scope)


def read_history(build: Build, state: State, body: Mapping) -> None:
    """The default transition of a history state."""
    reader = build.reader
    node = body.get("target")
    if node is None or state.parent is None:
        reader.problem(body, "missing-key", f"the history state {state.id!r} needs a default", "target: …")
        return
    default = Transition(f"{state.id}/default", state, position=reader.position(node))
    default.targets, written = resolve_targets(build, state, node)
    actions = body.get("actions")
    if actions is not None:
        default.actions = read_block(build, actions, build.plain_scope())
    for found in default.targets:
        if state.parent not in found.ancestors():
            reader.problem(node, "shape", f"{found.id} is not inside {state.parent.id or 'the chart'}")
    give_arguments(build, default, written, build.plain_scope())
    state.history_default = default


def check_histories(build: Build) -> None:
    """Record a default of a history state that leads back to it, which would never enter anything. Only siblings can do
    so, since a default stays inside the parent."""
    told: set[str] = set()
    for state, _ in build.bodies:
        path: list[State] = []
        at: State | None = state
        while at is not None and (default := at.history_default) is not None:
            path.append(at)
            at = next((target for target in default.targets if is_history(target) and target.parent is at.parent), None)
            if at in path or len(path) > MAX_DEFAULTS:
                if not told & {step.id for step in path}:
                    names = " → ".join(step.name for step in [*path[:6], at] if step is not None)
                    message = f"the defaults of history states lead in a circle or too far: {names}"
                    build.reader.problem_at(default.position, "cycle", message, "a state that is no history")
                told |= {step.id for step in path}
                break


def is_history(state: State) -> bool:
    """Whether the state is a history state."""
    return state.kind in (StateKind.SHALLOW_HISTORY, StateKind.DEEP_HISTORY)


def number_transitions(chart_root: State) -> list[Transition]:
    """All transitions in document order, with their order set; initial and history defaults are not among them."""
    found = [transition for state in chart_root.walk() for transition in state.transitions]
    for order, transition in enumerate(found):
        transition.order = order
    return found
