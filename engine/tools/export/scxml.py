"""A chart as W3C SCXML 1.0 (https://www.w3.org/TR/scxml/) with the Python data model.

Parameters become ``<data>``, ``after`` becomes a delayed ``<send>`` on entry that is cancelled on exit, invoked charts
are written inline. SCXML has no place for adapters: orders become ``<log>``, readings become ``<data>`` for a host to
fill.
"""

from __future__ import annotations

from collections import Counter
from xml.sax.saxutils import escape, quoteattr

from engine.language.expr.tree import Call, Expr, Invalid, Literal
from engine.language.model import (
    Action,
    Assign,
    Block,
    CallAction,
    Cancel,
    Chart,
    Foreach,
    If,
    Invoke,
    Log,
    Raise,
    Send,
    Spawn,
    State,
    StateKind,
    Stop,
    Timer,
    Transition,
)
from engine.language.traverse import child_ids
from engine.language.types import DURATION, DURATION_UNITS, Kind, Type
from engine.tools.export.losses import MAIN_LOST, SHUTDOWN_LOST, Construct, Exported, LoopNames, lose_period
from engine.tools.export.python_text import NotPortable, python_text

_NAMESPACE = "http://www.w3.org/2005/07/scxml"
_TIMER = "after."  # begins the names of the events that stand for timers
_NEUTRAL: dict[Kind, object] = {Kind.BOOL: False, Kind.INT: 0, Kind.DURATION: 0, Kind.FLOAT: 0.0, Kind.STRING: ""}


def export_scxml(chart: Chart) -> Exported:
    """The document and what it could not carry."""
    exported = Exported()
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    _Document(chart, exported, "").write(lines, 0)
    exported.text = "\n".join(lines) + "\n"
    return exported


def state_ids(chart: Chart) -> dict[str, str]:
    """Our state id → the SCXML id: the name where it is unique in the chart, else the path with ``__`` for dots.

    The root is not a state in SCXML; one that has transitions, actions or children of its own is wrapped in a state."""
    states = [s for s in chart.root.walk() if s.parent is not None]
    count = Counter(s.name for s in states)
    ids = {s.id: s.name if count[s.name] == 1 and s.name != chart.name else s.id.replace(".", "__") for s in states}
    return {"": chart.name, **ids}


def end_id(id: str) -> str:
    """The document's final state for a final state that a wrapped root contains."""
    return f"{id}__end"


def regions_id(id: str) -> str:
    """The parallel state inside the state that stands for a parallel root."""
    return f"{id}__regions"


def _forwards(invoke: Invoke) -> bool:
    """Whether all external events are given to the child: it asks for them, or has adapters."""
    return invoke.autoforward or (invoke.chart is not None and bool(invoke.chart.adapters))


class _Document:
    """One ``<scxml>`` element. ``prefix`` stands before the events sent to the parent: ``<invoke id>.``"""

    def __init__(self, chart: Chart, exported: Exported, prefix: str) -> None:
        self.chart = chart
        self.exported = exported
        self.prefix = prefix
        self.ids = state_ids(chart)
        self.readings: dict[str, Type] = {}
        self.loops = LoopNames()
        self.ends: list[State] = []  # final children of a wrapped root
        self.at = ""  # the state or transition being written

    # ------------------------------------------------------------ names in expressions

    def variable(self, name: str) -> str:
        return self.loops.of(name)

    def parameter(self, name: str) -> str:
        return self.loops.of(name)

    def event_field(self, name: str, optional: bool) -> str:
        return f"_event.data.get({name!r})" if optional else f"_event.data[{name!r}]"

    def system_field(self, name: str) -> str:
        return name

    def reading(self, role: str, name: str) -> str:
        id = f"{role}__{name.replace('.', '__')}"
        self.readings[id] = self.chart.adapters[role].values.get(name, DURATION)  # else it is the age of one
        self.lose(Construct.READING, f"'{role}.{name}' is data item '{id}', which a host must keep up to date")
        return id

    def in_state(self, state: str) -> str:
        return f"In({self.ids[state]!r})"

    def literal_bytes(self, value: bytes) -> str:
        self.lose(Construct.BYTES, "bytes are hexadecimal text")
        return repr(value.hex())

    def lose(self, construct: Construct, what: str) -> None:
        self.exported.lose(construct, self.at, what)

    def text(self, expr: Expr, instead: str = "None") -> str:
        """The expression, or ``instead`` with a loss."""
        bare = expr.args[0] if isinstance(expr, Call) and expr.function == "checked" else expr
        if isinstance(bare, Invalid):
            return "return"  # no expression: fails when it is evaluated, as it does here (SCXML 5.9)
        try:
            return python_text(expr, self)
        except NotPortable as error:
            self.lose(Construct.EXPRESSION, f"{error} has no counterpart; {instead} stands for it")
            return instead

    # ------------------------------------------------------------ structure

    def write(self, lines: list[str], depth: int) -> None:
        root = self.chart.root
        wrap = bool(
            root.kind is StateKind.PARALLEL
            or root.transitions
            or root.entry
            or root.exit
            or root.invokes
            or root.timers
        )
        body: list[str] = []
        if wrap:
            self.ends = [c for c in root.children if c.kind is StateKind.FINAL]
            self.state(root, body, depth + 1)
            for child in self.ends:
                self._end(child, body, depth + 1)
        else:
            for child in root.children:
                self.state(child, body, depth + 1)
            self._invariants(root)
        initial = ""
        if wrap:
            initial = f" initial={quoteattr(self.ids[''])}"
        elif root.initial is not None and not root.initial.actions:
            initial = f" initial={quoteattr(self._targets(root.initial))}"
        elif root.initial is not None:
            self.at = root.initial.id
            self.lose(Construct.ACTION, "actions of the top-level initial transition are left out")
            initial = f" initial={quoteattr(self._targets(root.initial))}"
        if self.chart.strict:
            self.at = ""
            self.lose(Construct.STRICT, "an unhandled event is silently dropped")
        if self.chart.shutdown is not None:
            self.exported.lose(Construct.SHUTDOWN, "", SHUTDOWN_LOST, self.chart.shutdown.position)
        if self.chart.main:
            self.exported.lose(Construct.MAIN, "", MAIN_LOST, self.chart.position)
        pad = "  " * depth
        namespace = f' xmlns="{_NAMESPACE}"'
        name = quoteattr(self.chart.name)
        lines.append(f'{pad}<scxml{namespace} version="1.0" datamodel="python" name={name}{initial}>')
        self._data(lines, depth + 1)
        self.at = "script"
        for action in self.chart.script:
            if isinstance(action, Assign):
                lines.append(f"{pad}  <script>{escape(f'{action.name} = {self.text(action.value)}')}</script>")
            else:
                self.lose(Construct.ACTION, "an action before the first configuration is left out")
        lines += body
        lines.append(f"{pad}</scxml>")

    def _data(self, lines: list[str], depth: int) -> None:
        pad = "  " * depth
        items: list[tuple[str, str | None]] = []
        for parameter in self.chart.parameters.values():
            self.at = f"parameter {parameter.name}"
            items.append(
                (self.loops.of(parameter.name), None if parameter.default is None else self.text(parameter.default))
            )
        for data in self.chart.data.values():
            self.at = f"data {data.name}"
            items.append((self.loops.of(data.name), None if data.initial is None else self.text(data.initial)))
        for name, type_ in sorted(self.readings.items()):
            items.append((name, "None" if type_.optional else repr(_NEUTRAL.get(type_.kind))))
        if not items:
            return
        types = [p.type for p in self.chart.parameters.values()] + [d.type for d in self.chart.data.values()]
        if any(t.kind is not Kind.ANY for t in types):
            self.at = ""
            self.lose(Construct.TYPES, "data are untyped; durations are whole nanoseconds, other units as declared")
        lines.append(f"{pad}<datamodel>")
        for name, text in items:
            value = f" expr={quoteattr(text)}" if text is not None else ""
            lines.append(f"{pad}  <data id={quoteattr(name)}{value}/>")
        lines.append(f"{pad}</datamodel>")

    def state(self, state: State, lines: list[str], depth: int) -> None:
        """One state element with all that is in it."""
        pad = "  " * depth
        if state.kind in (StateKind.SHALLOW_HISTORY, StateKind.DEEP_HISTORY):
            self._history(state, lines, depth)
            return
        tag = {StateKind.FINAL: "final", StateKind.PARALLEL: "parallel"}.get(state.kind, "state")
        regions = state.parent is None and tag == "parallel"  # a parallel state is left even by internal transitions
        tag = "state" if regions else tag
        lines.append(f"{pad}<{tag} id={quoteattr(self.ids[state.id])}>")
        if state.initial is not None:
            lines.append(f"{pad}  <initial>")
            self._transition(state.initial, lines, depth + 2)
            lines.append(f"{pad}  </initial>")
        self._blocks("onentry", state.entry, [self._start(t) for t in state.timers], state, lines, depth + 1)
        for timer in state.timers:
            lose_period(self.exported, state, timer)
        stops = [f"<cancel sendid={quoteattr(t.id)}/>" for t in state.timers]
        self._blocks("onexit", state.exit, stops, state, lines, depth + 1, before=True)
        for invoke in state.invokes:
            self._invoke(invoke, state, lines, depth + 1)
        if state.parent is None:
            for child in self.ends:  # a final child of the root ends the machine, of a state it would not
                guard = quoteattr(f"In({self.ids[child.id]!r})")
                lines.append(f"{pad}  <transition cond={guard} target={quoteattr(end_id(self.ids[child.id]))}/>")
        for transition in state.transitions:
            self._transition(transition, lines, depth + 1)
        if regions:
            lines.append(f"{pad}  <parallel id={quoteattr(regions_id(self.ids['']))}>")
        for child in state.children:
            self.state(child, lines, depth + 1 + regions)
        if regions:
            lines.append(f"{pad}  </parallel>")
        if state not in self.ends:
            self._output(state, lines, depth + 1)
        self._invariants(state)
        lines.append(f"{pad}</{tag}>")

    def _end(self, state: State, lines: list[str], depth: int) -> None:
        """The final state of the document that stands for a final child of the wrapped root."""
        pad = "  " * depth
        lines.append(f"{pad}<final id={quoteattr(end_id(self.ids[state.id]))}>")
        self._output(state, lines, depth + 1)
        lines.append(f"{pad}</final>")

    def _output(self, state: State, lines: list[str], depth: int) -> None:
        if state.kind is not StateKind.FINAL or not (state.output or state.output_content is not None):
            return
        pad = "  " * depth
        self.at = state.id
        lines.append(f"{pad}<donedata>")
        for name, value in state.output:
            lines.append(f"{pad}  <param name={quoteattr(name)} expr={quoteattr(self.text(value))}/>")
        if state.output_content is not None:
            lines.append(f"{pad}  <content expr={quoteattr(self.text(state.output_content))}/>")
        lines.append(f"{pad}</donedata>")

    def _invariants(self, state: State) -> None:
        for invariant in (*state.invariants, *state.joint_invariants):
            self.exported.lose(Construct.INVARIANT, state.id, f"'{invariant.text}' is left out", invariant.position)

    def _history(self, state: State, lines: list[str], depth: int) -> None:
        pad = "  " * depth
        kind = "deep" if state.kind is StateKind.DEEP_HISTORY else "shallow"
        lines.append(f'{pad}<history id={quoteattr(self.ids[state.id])} type="{kind}">')
        if state.history_default is not None:
            self._transition(state.history_default, lines, depth + 1)
        lines.append(f"{pad}</history>")

    def _targets(self, transition: Transition) -> str:
        return " ".join(self.ids[t.id] for t in transition.targets)

    def _transition(self, transition: Transition, lines: list[str], depth: int) -> None:
        pad = "  " * depth
        self.at = transition.id
        attributes = ""
        if transition.timer is not None:
            attributes += f" event={quoteattr(self._timer_event(transition.timer))}"
        elif transition.descriptors:
            attributes += f" event={quoteattr(' '.join(self._descriptor(d) for d in transition.descriptors))}"
        guards = [self.text(transition.guard, "False")] if transition.guard is not None else []
        if "*" in transition.descriptors and any(s.timers for s in self.chart.root.walk()):
            guards.insert(0, f"not _event.name.startswith({_TIMER!r})")  # our '*' is for events, not for timers
        if guards:
            attributes += f" cond={quoteattr(' and '.join(f'({g})' if len(guards) > 1 else g for g in guards))}"
        if transition.targets:
            attributes += f" target={quoteattr(self._targets(transition))}"
        of_root = transition.source.parent is None and transition is not transition.source.initial
        if (transition.internal or of_root) and transition.targets:  # the root is never left
            attributes += ' type="internal"'
        if not transition.actions or self._forwarded(transition):
            lines.append(f"{pad}<transition{attributes}/>")
            return
        lines.append(f"{pad}<transition{attributes}>")
        self._actions(transition.actions, lines, depth + 1)
        lines.append(f"{pad}</transition>")

    def _forwarded(self, transition: Transition) -> bool:
        """Whether it relays to a child what the child is given in any case."""
        named = [invoke for invoke in transition.source.invokes if invoke.id == transition.relays]
        inwards = not any(d.startswith(f"{transition.relays}.") for d in transition.descriptors)
        return inwards and any(_forwards(invoke) for invoke in named)

    def _descriptor(self, descriptor: str) -> str:
        if descriptor.startswith("done.state."):
            state = descriptor.removeprefix("done.state.")
            return f"done.state.{self.ids.get(state, state)}"
        if descriptor.startswith("error.") and descriptor not in ("error.execution", "error.communication"):
            self.lose(Construct.ERROR_EVENT, f"no SCXML interpreter sends '{descriptor}'")
        return descriptor

    # ------------------------------------------------------------ timers and children

    def _timer_event(self, timer: str) -> str:
        state, _, delay = timer.partition("/after ")
        return f"{_TIMER}{self.ids[state]}.{''.join(c if c.isalnum() else '_' for c in delay)}"

    def _start(self, timer: Timer) -> str:
        self.at = timer.id
        send = f"<send event={quoteattr(self._timer_event(timer.id))} id={quoteattr(timer.id)}"
        return f"{send} {self._delay(timer.delay)}/>"

    def _delay(self, delay: Expr) -> str:
        if isinstance(delay, Literal) and isinstance(delay.value, int):
            return f'delay="{milliseconds(delay.value)}ms"'
        return f"delayexpr={quoteattr(f'str(({self.text(delay)}) / 1000000) + {chr(39)}ms{chr(39)}')}"

    def _blocks(
        self,
        tag: str,
        blocks: tuple[Block, ...],
        extra: list[str],
        state: State,
        lines: list[str],
        depth: int,
        before: bool = False,
    ) -> None:
        """Entry or exit blocks; timers are a block of their own, after entry and before exit."""
        pad = "  " * depth
        own = [f"{pad}<{tag}>", *(f"{pad}  {line}" for line in extra), f"{pad}</{tag}>"] if extra else []
        if before:
            lines += own
        for block in blocks:
            self.at = f"{state.id}/{tag.removeprefix('on')}"
            lines.append(f"{pad}<{tag}>")
            self._actions(block, lines, depth + 1)
            lines.append(f"{pad}</{tag}>")
        if not before:
            lines += own

    def _invoke(self, invoke: Invoke, state: State, lines: list[str], depth: int) -> None:
        pad = "  " * depth
        self.at = f"{state.id}/invoke {invoke.id}"
        if invoke.role is not None:
            self.lose(Construct.LONG_ACTION, f"'{invoke.role}.{invoke.action}' is left out; its end never comes")
            return
        if invoke.chart is None:
            self.lose(Construct.CHILD, "a child named by an expression is left out")
            return
        forward = _forwards(invoke)
        if forward and not invoke.autoforward:
            self.lose(Construct.ROUTE, "all external events are forwarded, as the child has adapters")
        flag = ' autoforward="true"' if forward else ""
        if invoke.id_location is not None:
            flag += f" idlocation={quoteattr(invoke.id_location)}"
        lines.append(f'{pad}<invoke type="scxml" id={quoteattr(invoke.id)}{flag}>')
        for name, value in invoke.input:
            lines.append(f"{pad}  <param name={quoteattr(name)} expr={quoteattr(self.text(value))}/>")
        lines.append(f"{pad}  <content>")
        prefix = "" if invoke.plain_events else f"{invoke.id}."
        _Document(invoke.chart, self.exported, prefix).write(lines, depth + 2)
        lines.append(f"{pad}  </content>")
        if invoke.finalize:
            lines.append(f"{pad}  <finalize>")
            self._actions(invoke.finalize, lines, depth + 2)
            lines.append(f"{pad}  </finalize>")
        lines.append(f"{pad}</invoke>")

    # ------------------------------------------------------------ actions

    def _actions(self, block: Block, lines: list[str], depth: int) -> None:
        for action in block:
            self._action(action, lines, depth)

    def _action(self, action: Action, lines: list[str], depth: int) -> None:
        pad = "  " * depth
        match action:
            case Assign():
                expr = quoteattr(self.text(action.value))
                lines.append(f"{pad}<assign location={quoteattr(self.loops.of(action.name))} expr={expr}/>")
            case Raise():
                if not action.data:
                    lines.append(f"{pad}<raise event={quoteattr(action.event)}/>")
                else:
                    self._send(f'event={quoteattr(action.event)} target="#_internal"', action.data, None, lines, pad)
            case Send():
                self._send_action(action, lines, pad)
            case Cancel():
                if (id := _plain(action.id)) is not None:
                    lines.append(f"{pad}<cancel sendid={quoteattr(id)}/>")
                else:
                    lines.append(f"{pad}<cancel sendidexpr={quoteattr(self.text(action.id))}/>")
            case Log():
                parts = [self.text(p) if _is_text(p) else f"str({self.text(p)})" for p in action.parts]
                lines.append(f"{pad}<log expr={quoteattr(' + '.join(parts) or repr(''))}/>")
            case If():
                self._if(action, lines, depth)
            case Foreach():
                array = quoteattr(self.text(action.array, "[]"))
                with self.loops.loop(action.item, action.index):
                    index = f" index={quoteattr(self.loops.of(action.index))}" if action.index else ""
                    item = quoteattr(self.loops.of(action.item))
                    lines.append(f"{pad}<foreach array={array} item={item}{index}>")
                    self._actions(action.body, lines, depth + 1)
                lines.append(f"{pad}</foreach>")
            case CallAction():
                name = f"{action.role}.{action.action}"
                self.lose(Construct.ADAPTER_ORDER, f"'{name}' is written to the log")
                values = ", ".join(self.text(value) for _, value in action.args)
                names = ", ".join(key for key, _ in action.args)
                lines.append(f"{pad}<log label={quoteattr(f'{name}({names})')} expr={quoteattr(f'[{values}]')}/>")
            case Spawn() | Stop():
                what = f"{action.word} {action.id}"
                self.lose(Construct.SPAWN, f"'{what}' is written to the log")
                lines.append(f"{pad}<log label={quoteattr(what)}/>")
            case _:
                self.lose(Construct.ACTION, f"'{action.word}' is written to the log")
                lines.append(f"{pad}<log label={quoteattr(action.word)}/>")

    def _if(self, action: If, lines: list[str], depth: int) -> None:
        pad = "  " * depth
        for number, (guard, block) in enumerate(action.branches):
            if guard is None:
                lines.append(f"{pad}<else/>")
            else:
                cond = quoteattr(self.text(guard, "False"))
                lines.append(f"{pad}<elseif cond={cond}/>" if number else f"{pad}<if cond={cond}>")
            self._actions(block, lines, depth + 1)
        lines.append(f"{pad}</if>")

    def _send_action(self, action: Send, lines: list[str], pad: str) -> None:
        target, name = _plain(action.target), _plain(action.event)
        prefix = self.prefix if target == "parent" else ""
        if name is not None:
            event = f"event={quoteattr(f'{prefix}{name}')}"
        else:
            plain = self.text(action.event)
            event = f"eventexpr={quoteattr(f'{prefix!r} + {plain}' if prefix else plain)}"
        if action.target is not None and target is None:
            event += f" targetexpr={quoteattr(self.text(action.target))}"
        elif target is not None and target != "self":
            place = {"parent": "#_parent", "internal": "#_internal"}.get(target, target)
            if place in child_ids(self.chart):
                place = f"#_{place}"
            event += f" target={quoteattr(place)}"
        if action.key is not None:
            self.lose(Construct.SPAWN, f"'send {name}' has no key: it reaches no spawned child")
        if action.id is not None:
            event += f" id={quoteattr(action.id)}"
        if action.id_location is not None:
            event += f" idlocation={quoteattr(action.id_location)}"
        if action.delay is not None:
            event += " " + self._delay(action.delay)
        self._send(event, action.data, action.content, lines, pad)

    def _send(
        self, attributes: str, data: tuple[tuple[str, Expr], ...], content: Expr | None, lines: list[str], pad: str
    ) -> None:
        if not data and content is None:
            lines.append(f"{pad}<send {attributes}/>")
            return
        lines.append(f"{pad}<send {attributes}>")
        for key, value in data:
            lines.append(f"{pad}  <param name={quoteattr(key)} expr={quoteattr(self.text(value))}/>")
        if content is not None:
            lines.append(f"{pad}  <content expr={quoteattr(self.text(content))}/>")
        lines.append(f"{pad}</send>")


def _plain(expr: Expr | None) -> str | None:
    """The value of a string constant."""
    return expr.value if isinstance(expr, Literal) and isinstance(expr.value, str) else None


def _is_text(expr: Expr) -> bool:
    return isinstance(expr, Literal) and isinstance(expr.value, str)


def milliseconds(ns: int) -> str:
    """Nanoseconds as milliseconds, exact, without needless digits."""
    whole, rest = divmod(ns, DURATION_UNITS["ms"])
    return f"{whole}.{rest:06d}".rstrip("0") if rest else str(whole)
