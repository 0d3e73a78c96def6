"""Guards and actions of a chart as methods of a Python class, shared by the exports to Python libraries.

The class keeps data and parameters as attributes. Methods to override stand for the surroundings: ``order`` (an
adapter's action), ``read`` (a readable value), ``send_out`` (an event for another machine), ``log``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from engine.language.expr.tree import Expr, Literal
from engine.language.model import (
    Action,
    Assign,
    Block,
    CallAction,
    Cancel,
    Chart,
    Foreach,
    If,
    Log,
    Raise,
    Send,
    Spawn,
    State,
    Stop,
    Timer,
)
from engine.tools.export.losses import MAIN_LOST, SHUTDOWN_LOST, Construct, Exported, LoopNames, lose_period
from engine.tools.export.python_text import NotPortable, python_text

_HOOKS = '''
    def order(self, role, action, **arguments):
        """An order to the adapter of this role."""

    def read(self, role, name):
        """The present value of an adapter."""
        raise NotImplementedError(f"read {role}.{name}")

    def send_out(self, to, event, data, delay_ns=0, id=""):
        """An event for another machine, or a delayed one."""

    def cancel(self, id):
        """A delayed event that is no longer wanted."""

    def log(self, text):
        """A line for people."""
'''

_TAKEN = frozenset(re.findall(r"def (\w+)", _HOOKS))


class Methods:
    """The methods of one class. ``signature`` and ``opening`` are how the target passes an event's payload as the
    mapping ``event``; ``raise_text`` is how it raises an event."""

    def __init__(
        self, chart: Chart, exported: Exported, signature: str, opening: str, raise_text: Callable[[str, str], str]
    ) -> None:
        self.chart = chart
        self.exported = exported
        self.signature = signature
        self.opening = opening
        self.raise_text = raise_text
        self.lines: list[str] = []
        self.count = 0
        self.at = ""
        self.loops = LoopNames()

    # ------------------------------------------------------------ names in expressions

    def variable(self, name: str) -> str:
        return f"self.{self.loops.of(name)}"

    def parameter(self, name: str) -> str:
        return f"self.{self.loops.of(name)}"

    def event_field(self, name: str, optional: bool) -> str:
        return f"event.get({name!r})" if optional else f"event[{name!r}]"

    def system_field(self, name: str) -> str:
        raise NotPortable(f"the system variable {name}")

    def reading(self, role: str, name: str) -> str:
        return f"self.read({role!r}, {name!r})"

    def in_state(self, state: str) -> str:
        return f"self.in_state({state!r})"

    def literal_bytes(self, value: bytes) -> str:
        return repr(value)

    def text(self, expr: Expr, instead: str = "None") -> str:
        """The expression, or ``instead`` with a loss."""
        try:
            return python_text(expr, self)
        except NotPortable as error:
            what = f"{error} has no counterpart; {instead} stands for it"
            self.exported.lose(Construct.EXPRESSION, self.at, what)
            return instead

    # ------------------------------------------------------------ methods

    def guard(self, expr: Expr, at: str) -> str:
        """Add a guard and return its name."""
        self.at = at
        return self._method("guard", at, [f"return {self.text(expr, 'False')}"])

    def actions(self, block: Block, at: str) -> str:
        """Add a block of actions and return its name."""
        self.at = at
        return self._method("actions", at, self._block(block))

    def _method(self, kind: str, at: str, body: list[str]) -> str:
        self.count += 1
        name = f"{kind}_{self.count}"
        self.lines += ["", f"    def {name}({self.signature}):", f"        {_comment(at)}"]
        if any(re.search(r"\bevent[.\[]", line) for line in body):
            self.lines.append(f"        {self.opening}")
        self.lines += [f"        {line}" for line in body]
        return name

    def delay(self, timer: Timer) -> str:
        """A delay in nanoseconds as an expression over ``self``."""
        self.at = timer.id
        return self.text(timer.delay, "0")

    def class_text(self, name: str, extra: list[str]) -> list[str]:
        """The whole class; ``extra`` are further lines of its body."""
        lines = [f"class {name}:", '    """Data, parameters, guards and actions. Durations are nanoseconds."""', ""]
        lines.append("    def __init__(self, **parameters):")
        for parameter in self.chart.parameters.values():
            self.at = f"parameter {parameter.name}"
            default = "None" if parameter.default is None else self.text(parameter.default)
            lines.append(
                f"        self.{self.loops.of(parameter.name)} = parameters.pop({parameter.name!r}, {default})"
            )
        lines.append("        if parameters:")
        lines.append('            raise TypeError(f"unknown parameters: {sorted(parameters)}")')
        for data in self.chart.data.values():
            self.at = f"data {data.name}"
            if data.name in _TAKEN:
                what = f"'{data.name}' hides the host's method of this name: rename the item"
                self.exported.lose(Construct.EXPRESSION, self.at, what, data.position)
            initial = "None" if data.initial is None else self.text(data.initial)
            lines.append(f"        self.{self.loops.of(data.name)} = {initial}")
        return lines + _HOOKS.rstrip().splitlines() + extra + self.lines

    # ------------------------------------------------------------ actions

    def _block(self, block: Block) -> list[str]:
        return [line for action in block for line in self._action(action)] or ["pass"]

    def _indented(self, block: Block) -> list[str]:
        return [f"    {line}" for line in self._block(block)]

    def _action(self, action: Action) -> list[str]:
        match action:
            case Assign():
                return [f"self.{self.loops.of(action.name)} = {self.text(action.value)}"]
            case Raise():
                return [self.raise_text(action.event, self._mapping(action.data))]
            case Send():
                return [self._send(action)]
            case Cancel():
                return [f"self.cancel({self.text(action.id)})"]
            case Log():
                parts = [self.text(p) if _is_text(p) else f"str({self.text(p)})" for p in action.parts]
                return [f"self.log({' + '.join(parts) or repr('')})"]
            case If():
                lines = []
                for number, (guard, block) in enumerate(action.branches):
                    word = "else" if guard is None else f"{'elif' if number else 'if'} {self.text(guard, 'False')}"
                    lines += [f"{word}:", *self._indented(block)]
                return lines
            case Foreach():
                array = self.text(action.array, "[]")
                with self.loops.loop(action.item, action.index):
                    target = f"self.{self.loops.of(action.item)}"
                    head = f"for {target} in list({array}):"
                    if action.index:
                        head = f"for self.{self.loops.of(action.index)}, {target} in enumerate(list({array})):"
                    return [head, *self._indented(action.body)]
            case CallAction():
                arguments = "".join(f", {self.loops.of(name)}={self.text(value)}" for name, value in action.args)
                return [f"self.order({action.role!r}, {action.action!r}{arguments})"]
            case Spawn() | Stop():
                what = f"{action.word} {action.id}"
                self.exported.lose(Construct.SPAWN, self.at, f"'{what}' is left out", action.position)
                return [f"pass  # {what}"]
            case _:
                self.exported.lose(Construct.ACTION, self.at, f"'{action.word}' is left out", action.position)
                return [f"pass  # {action.word}"]

    def _send(self, action: Send) -> str:
        event = self.text(action.event)
        data = self._mapping(action.data)
        if action.content is not None:
            self.exported.lose(Construct.SEND, self.at, "content that is one value is sent as {'content': value}")
            data = f"{{'content': {self.text(action.content)}}}"
        own = action.target is None or (isinstance(action.target, Literal) and action.target.value == "self")
        if own and action.delay is None and isinstance(action.event, Literal):
            return self.raise_text(str(action.event.value), data)
        to = "'self'" if action.target is None else self.text(action.target)
        delay = "" if action.delay is None else f", delay_ns={self.text(action.delay, '0')}"
        if action.delay is not None:
            self.exported.lose(
                Construct.DELAYED_SEND, self.at, "a delayed send is handed to send_out(): the host keeps its time"
            )
        if action.key is not None:
            self.exported.lose(Construct.SPAWN, self.at, "the key of a spawned child is left out")
        id = f", id={action.id!r}" if action.id else ""
        return f"self.send_out({to}, {event}, {data}{delay}{id})"

    def _mapping(self, fields: tuple[tuple[str, Expr], ...]) -> str:
        return "{" + ", ".join(f"{name!r}: {self.text(value)}" for name, value in fields) + "}"


def _is_text(expr: Expr) -> bool:
    return isinstance(expr, Literal) and isinstance(expr.value, str)


def common_losses(chart: Chart, exported: Exported) -> None:
    """The constructs that neither Python library carries."""
    for state in chart.root.walk():
        for invoke in state.invokes:
            what = invoke.chart.name if invoke.chart is not None else f"{invoke.role}.{invoke.action}"
            construct = Construct.CHILD if invoke.role is None else Construct.LONG_ACTION
            exported.lose(construct, state.id, f"'{invoke.id}: {what}' is left out", invoke.position)
        for invariant in (*state.invariants, *state.joint_invariants):
            exported.lose(Construct.INVARIANT, state.id, f"'{invariant.text}' is left out", invariant.position)
        for timer in state.timers:
            what = f"'after {timer.text}' is an event in TIMERS: the host must send it"
            exported.lose(Construct.TIMER, state.id, what, timer.position)
            lose_period(exported, state, timer)
    if chart.strict:
        exported.lose(Construct.STRICT, "", "an unhandled event is silently dropped")
    if chart.shutdown is not None:
        exported.lose(Construct.SHUTDOWN, "", SHUTDOWN_LOST, chart.shutdown.position)
    if chart.main:
        exported.lose(Construct.MAIN, "", MAIN_LOST, chart.position)


def timer_event(ids: dict[str, str], state: State, timer: Timer) -> str:
    """The event that stands for a timer's expiry."""
    delay = "".join(c if c.isalnum() else "_" for c in timer.text)
    return f"after_{ids[state.id]}_{delay}"


def heading(chart: Chart, needs: str) -> list[str]:
    """The docstring of a generated module."""
    about = _comment(f"{chart.name}: {chart.title or 'state chart'}").removeprefix("# ")
    lines = [f'"""{about}', "", f"Generated by `engine export` from model {chart.text_hash[:12]}. Needs {needs}."]
    lines.append(
        "For every timer in TIMERS the host sends its event so many nanoseconds after the state was entered, unless"
    )
    lines.append("the state was left before.")
    return [*lines, '"""', ""]


def _comment(text: str) -> str:
    return "# " + " ".join(text.split()).replace('"""', "'''").replace("\\", "/")
