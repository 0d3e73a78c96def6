"""Guards, delays and blocks of actions as functions of C."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from engine.language.expr import tree
from engine.language.model import Action, Assign, CallAction, If, Invoke, Raise, Send, State
from engine.language.position import Position
from engine.language.traverse import event_definition
from engine.language.types import Kind, Type
from engine.tools.export.c.design import Design, EventOf
from engine.tools.export.c.expressions import Expression
from engine.tools.export.c.names import identifier
from engine.tools.export.c.types import NotInC
from engine.tools.export.losses import Construct

Values = Sequence[tuple[str, tree.Expr]]


class Functions:
    """The functions of one chart, each written once. ``guards``, ``blocks``: their names by number; 0 is none."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.text: list[str] = []
        self.guards: list[str] = ["NULL"]
        self.delays: list[str] = []
        self.blocks: list[str] = ["NULL"]
        self.event: EventOf | None = None  # the only one that what is written now may have to do with
        self._known: dict[str, int] = {}

    # ------------------------------------------------------------ guards and delays

    def guard(self, guard: tree.Expr, position: Position, where: str) -> tuple[int, int]:
        """The number of a guard, 0 when it is not translated, and its place when it may have no value."""
        expression = Expression(self.design, self.event)
        try:
            value = expression.condition(guard)
        except NotInC as why:
            self.design.refuse(str(why), where, position)
            return 0, 0
        number = self._function(self.guards, "guard", "bool", [*expression.before, f"return {_bare(value)};"])
        return number, self.design.place(position) if expression.fails else 0

    def delay(self, delay: tree.Expr, position: Position, where: str) -> str:
        """The name of the function of a timer's delay."""
        expression = Expression(self.design, self.event)
        try:
            value = expression.whole(delay)
        except NotInC as why:
            self.design.refuse(str(why), where, position)
            return "NULL"
        if not (isinstance(delay, tree.Literal) and isinstance(delay.value, int) and delay.value >= 0):
            value = f"chart_whole(chart, {value}, 0, INT64_MAX)"  # a delay must not be negative
        return self.delays[self._function(self.delays, "delay", "int64_t", [f"return {value};"])]

    # ------------------------------------------------------------ blocks

    def block(self, blocks: Iterable[Sequence[Action]], where: str) -> int:
        """The number of what carries out one block after the other; an error skips the rest of its block."""
        return self.block_of([lines for block in blocks if (lines := self._actions(block, where))])

    def lines(self, lines: list[str]) -> int:
        """The number of a block of these statements; 0 of none."""
        return self._function(self.blocks, "block", "void", lines) if lines else 0

    def _actions(self, actions: Sequence[Action], where: str) -> list[str]:
        lines: list[str] = []
        for action in actions:
            try:
                lines += self._action(action, where)
            except NotInC as why:
                self.design.refuse(str(why), where, action.position, Construct.ACTION)
        return lines

    def _action(self, action: Action, where: str) -> list[str]:
        match action:
            case Assign(name=name, value=value, position=position):
                type_ = self.design.chart.data[name].type
                return self._set(f"me->data.{self.design.data_names.of(name)}", type_, value, position)
            case Raise(event=event, data=data, position=position):
                return self._raise(event, data, position)
            case Send():
                return self._send(action)
            case CallAction(role=role, action=name, args=args, position=position):
                types = self.design.chart.adapters[role].actions[name].args
                return self._order(f"{role}_{name}", types, args, f"{role}.{name}", position)
            case If(branches=branches):
                return self._if(action, branches, where)
        raise NotInC(f"`{action.word}` is not translated")

    def _if(self, action: If, branches: Sequence[tuple[tree.Expr | None, Sequence[Action]]], where: str) -> list[str]:
        lines: list[str] = []
        for guard, body in reversed(branches):
            inner = self._actions(body, where)
            if guard is None:
                lines = inner
                continue
            expression = Expression(self.design, self.event)
            value = expression.condition(guard)
            if expression.fails:
                value = f"chart_holds(chart, {value}, {self.design.place(action.position)}U)"
            otherwise = ["} else {", *_indented(lines)] if lines else []
            lines = [*expression.before, f"if ({_bare(value)}) {{", *_indented(inner), *otherwise, "}"]
        return lines

    def _set(self, to: str, type_: Type, value: tree.Expr, position: Position) -> list[str]:
        expression = Expression(self.design, self.event)
        text = expression.stored(value, type_)
        held = self.design.c_type(type_)
        copied = type_.kind is Kind.STRING
        if copied and text == to:
            return []  # assigned to itself
        give = f"chart_copy({to}, sizeof {to}, {{}});" if copied else f"{to} = {{}};"
        if not expression.fails:
            lines = [*expression.before, give.format(_bare(text))]
            return ["{", *_indented(lines), "}"] if expression.before else lines
        kept = f"const {'char *' if copied else held + ' '}value = {_bare(text)};"
        lines = [*expression.before, kept, *self._unless_failed(position), give.format("value")]
        return ["{", *_indented(lines), "}"]

    def _unless_failed(self, position: Position) -> list[str]:
        return [f"if (chart_failure(chart, {self.design.place(position)}U)) {{", "    return;", "}"]

    def _raise(self, event: str, data: Values, position: Position) -> list[str]:
        known = self.design.by_name.get(event)
        if known is None:
            return []
        given = dict(data)
        struct, name = f"struct {self.design.name}_event", self.design.event_name(event)
        if self.design.internal_event != struct:
            return ["{", f"    const struct chart_event event = {{{name}}};", "    chart_raise(chart, &event);", "}"]
        lines = [f"{struct} event;", "(void)memset(&event, 0, sizeof event);", f"event.base.name = {name};"]
        checks: list[str] = []
        for field, type_ in known.payload.items():
            if field not in given:
                raise NotInC(f"the field {field!r} of {event} is not given")
            to = f"event.of.{self.design.event_names.of(event)}.{self.design.field_names.of(field)}"
            checks += self._set(to, type_, given[field], position)
        return ["{", *_indented([*lines, *checks, "chart_raise(chart, &event.base);"]), "}"]

    def _send(self, action: Send) -> list[str]:
        sent = action.sent()
        if sent.is_internal and sent.name and action.delay is None and action.content is None:
            return self._raise(sent.name, action.data, action.position)
        target = getattr(action.target, "value", None)
        plain = action.delay is None and action.key is None and action.content is None and action.type is None
        if target not in ("parent", "#_parent") or sent.name is None or not plain or action.id_location:
            raise NotInC("only a `send` of a named event to the parent, at once, is translated")
        definition = event_definition(self.design.chart, sent.name)
        types = (definition.payload or {}) if definition is not None else {}
        return self._order(f"send_{sent.name}", types, action.data, f"the event {sent.name}", action.position)

    def _order(self, name: str, types: dict[str, Type], args: Values, about: str, position: Position) -> list[str]:
        """A call of a function of the host."""
        given = dict(args)
        missing = [one for one in types if one not in given]
        if missing or set(given) - set(types):
            raise NotInC(f"{about}: its arguments are not those that are declared: {', '.join(missing or given)}")
        port = self.design.port(name, types.items(), about)
        shared = Expression(self.design, self.event)
        lines, values = [], []
        order = list(given)
        for argument in order:  # evaluated as they are written
            expression = Expression(self.design, self.event)
            expression.before = shared.before
            text = expression.stored(given[argument], types[argument])
            if expression.fails:
                held = "char *" if types[argument].kind is Kind.STRING else f"{self.design.c_type(types[argument])} "
                lines.append(f"const {held}{identifier(argument)} = {_bare(text)};")
                lines += self._unless_failed(position)
                text = identifier(argument)
            values.append((argument, text))
        by_name = dict(values)
        arguments = ", ".join(["me->context", *(_bare(by_name[argument]) for argument in types)])
        lines = [*shared.before, *lines, f"me->ports->{port}({arguments});"]
        return ["{", *_indented(lines), "}"] if len(lines) > 1 else lines

    # ------------------------------------------------------------ long actions, outputs

    def start(self, state: State) -> int:
        """The block that starts the invocations of a state."""
        parts = [self._invoked(inv, state) for inv in state.invokes]
        return self.block_of([part for part in parts if part])

    def block_of(self, parts: list[list[str]]) -> int:
        """One function for several lists of statements, each of which an error ends."""
        if len(parts) < 2:
            return self.lines(parts[0]) if parts else 0
        numbers = [self.lines(part) for part in parts]
        return self.lines([f"{self.blocks[number]}(chart);" for number in numbers])

    def _invoked(self, inv: Invoke, state: State) -> list[str]:
        try:
            if inv.role is None or inv.action is None:
                raise NotInC(f"`invoke` of a chart ({inv.id}) is not translated")
            if inv.finalize or inv.id_location or inv.relay:
                raise NotInC("`finalize`, `idlocation` and `relay` are not translated")
            types = self.design.chart.adapters[inv.role].actions[inv.action].args
            about = f"{inv.role}.{inv.action}, which ends with done.invoke.{inv.id} or error.invoke.{inv.id}"
            return self._order(f"start_{inv.id}", types, inv.input, about, inv.position)
        except NotInC as why:
            self.design.refuse(str(why), state.id, inv.position, Construct.LONG_ACTION)
            return []

    def stop(self, state: State) -> int:
        """The block that ends the invocations of a state."""
        lines = []
        for inv in state.invokes:
            about = f"the state of {inv.id} was left: no done.invoke.{inv.id} comes any more"
            lines.append(f"me->ports->{self.design.port(f'stop_{inv.id}', (), about)}(me->context);")
        return self.lines(lines)

    def output(self, state: State) -> int:
        """The block that notes the output of a top-level final state."""
        types = self.design.output
        lines: list[str] = []
        try:
            if state.output_content is not None:
                raise NotInC("an output that is one value is not translated")
            for name, value in state.output:
                to = f"me->output.{identifier(name)}"
                lines += self._set(to, types.get(name, value.type), value, state.position)
        except NotInC as why:
            self.design.refuse(str(why), state.id, state.position, Construct.OUTPUT)
        return self.lines(lines)

    # ------------------------------------------------------------ functions

    def _function(self, names: list[str], kind: str, result: str, lines: list[str]) -> int:
        body = "\n".join(_indented(lines))
        key = f"{kind}\n{body}"
        if key not in self._known:
            name = f"{kind}_{len(names)}"
            own = [f"    {line}" for line in self._own(body)]
            self.text.append("\n".join([f"static {result} {name}(struct chart *chart)", "{", *own, body, "}", ""]))
            self._known[key] = len(names)
            names.append(name)
        return self._known[key]

    def _own(self, body: str) -> list[str]:
        """The machine itself, where it is asked for."""
        if "me->" in body or "(me)" in body:
            return [f"struct {self.design.name} *const me = own(chart);"]
        return [] if "chart" in body else ["(void)chart;"]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _bare(text: str) -> str:
    """Without the brackets around all of it."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    blank = re.sub(r'"(?:[^"\\]|\\.)*"', lambda literal: " " * len(literal[0]), text)
    for at, character in enumerate(blank):
        depth += (character == "(") - (character == ")")
        if depth == 0 and at < len(text) - 1:
            return text
    return text[1:-1]
