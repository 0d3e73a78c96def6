"""Guards, delays and blocks of actions as functions of C."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from engine.language.expr import tree
from engine.language.model import (
    Action,
    Assign,
    CallAction,
    Chart,
    If,
    Invoke,
    Log,
    Raise,
    Send,
    Spawn,
    State,
    Stop,
    Timer,
    Transition,
)
from engine.language.position import Position
from engine.language.traverse import event_definition
from engine.language.types import STRING, Kind, Type
from engine.tools.export.c.design import KEY, Design, EventOf
from engine.tools.export.c.expressions import Expression
from engine.tools.export.c.layout import indented
from engine.tools.export.c.names import identifier
from engine.tools.export.c.types import NotInC, kept, most_items
from engine.tools.export.losses import Construct

Values = Sequence[tuple[str, tree.Expr]]


class Functions:
    """The functions of one chart, each written once; "" is the name of none."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.text: list[str] = []
        self.transition: Transition | None = None  # what is written now is of this one
        self.event: EventOf | None = None  # the only one that what is written now may have to do with
        self.failing: set[str] = set()  # transitions whose guards, timers whose delays may have no value
        self._known: dict[str, str] = {}

    # ------------------------------------------------------------ guards and delays

    def guard(self, t: Transition, number: int) -> str:
        """How the guard of a transition is asked; "" when there is none, or none that is translated."""
        if t.guard is None:
            return ""
        expression = Expression(self.design, self.event)
        try:
            value = expression.condition(t.guard)
        except NotInC as why:
            self.design.refuse(str(why), t.id, t.position)
            return ""
        name = self.function("guard", [*expression.before, f"return {_bare(value)};"], "bool")
        if not expression.fails:
            return f"{name}(chart)"
        self.failing.add(t.id)
        return f"chart_decided(chart, {name}(chart), {number}U, {self.design.place(t.position)}U)"

    def start_timer(self, timer: Timer, number: int, where: str) -> list[str]:
        """Statements that set a timer; none when its delay is not translated."""
        expression = Expression(self.design, self.event)
        try:
            value = expression.whole(timer.delay)
            low = expression.range(timer.delay).low
        except NotInC as why:
            self.design.refuse(str(why), where, timer.position)
            return []
        if low >= 0 and not expression.fails:
            return [f"chart_start(chart, {number}U, {_bare(value)});"]
        self.failing.add(timer.id)
        value = value if low >= 0 else f"chart_whole(chart, {value}, 0, INT64_MAX)"  # a delay must not be negative
        place = self.design.place(timer.position)
        return [f"chart_start_checked(chart, {number}U, {_bare(value)}, {place}U);"]

    # ------------------------------------------------------------ blocks

    def block(self, blocks: Iterable[Sequence[Action]], where: str) -> str:
        """What carries out one block after the other; an error skips the rest of its block."""
        return self.block_of([lines for block in blocks if (lines := self._actions(block, where))])

    def lines(self, lines: list[str]) -> str:
        """A block of these statements."""
        return self.function("block", lines)

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
            case Log():
                return self._log(action)
            case Spawn():
                return self._spawn(action)
            case Stop():
                return self._stop(action)
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
            otherwise = ["} else {", *indented(lines)] if lines else []
            lines = [*expression.before, f"if ({_bare(value)}) {{", *indented(inner), *otherwise, "}"]
        return lines

    def _set(self, to: str, type_: Type, value: tree.Expr, position: Position) -> list[str]:
        expression = Expression(self.design, self.event)
        if type_.kind is Kind.LIST:
            return self._set_list(to, type_, value, position)
        text = expression.stored(value, type_)
        held = kept(type_, self.design.words)
        copied = type_.kind is Kind.STRING
        if copied and text == to:
            return []  # assigned to itself
        give = given_to(type_, to)
        if not expression.fails:
            lines = [*expression.before, give.format(_bare(text))]
            return ["{", *indented(lines), "}"] if expression.before else lines
        first = f"{'' if copied else 'const '}{held}{'' if copied else ' '}value = {_bare(text)};"
        lines = [*expression.before, first, *self._unless_failed(position), give.format("value")]
        return ["{", *indented(lines), "}"]

    def _set_list(self, to: str, type_: Type, value: tree.Expr, position: Position) -> list[str]:
        """A list that is written out, or the list itself with more elements behind."""
        assert type_.item is not None
        most, checked = most_items(type_), isinstance(value, tree.Call) and value.function == "checked"
        if isinstance(value, tree.Call) and checked:
            value = value.args[0]
        before = 0
        match value:
            case tree.ListOf(items=items):
                lines = [f"{to}.count = 0U;"]
            case tree.Binary(op="+", left=tree.Variable(name=name), right=tree.ListOf(items=items)) if (
                to == f"me->data.{self.design.data_names.of(name)}"
            ):
                lines, before = [], most
            case _:
                raise NotInC("a list is translated that is written out, or that is itself with elements added behind")
        if len(items) > 1 and before:
            raise NotInC("only one element at a time is added to a list")
        if len(items) > most:
            raise NotInC(f"{len(items)} elements where {most} are held: declare `max`")
        for at, item in enumerate(items):
            place = f"{to}.item[{f'{to}.count' if before else at}]"
            added = [*self._set(place, type_.item, item, position), f"{to}.count++;"]
            full = ["chart->failed = true;", f"(void)chart_failure(chart, {self.design.place(position)}U);", "return;"]
            if before:
                added = [f"if ({to}.count >= {most}U) {{", *indented(full), "}", *added]
            lines += added
        return lines

    def _unless_failed(self, position: Position) -> list[str]:
        return [f"if (chart_failure(chart, {self.design.place(position)}U)) {{", "    return;", "}"]

    def _raise(self, event: str, data: Values, position: Position) -> list[str]:
        known = self.design.by_name.get(event)
        if known is None:
            return []
        given = dict(data)
        struct, name = f"struct {self.design.name}_event", self.design.event_name(event)
        if self.design.internal_event != struct:
            return [f"chart_signal(chart, {name});"]
        lines = [f"{struct} event;", f"event.base.name = {name};"]
        checks: list[str] = []
        for field, type_ in known.payload.items():
            if field not in given:
                raise NotInC(f"the field {field!r} of {event} is not given")
            to = f"event.of.{self.design.event_names.of(event)}.{self.design.field_names.of(field)}"
            checks += self._set(to, type_, given[field], position)
        return ["{", *indented([*lines, *checks, "chart_raise(chart, &event.base);"]), "}"]

    def _send(self, action: Send) -> list[str]:
        sent = action.sent()
        if sent.is_internal and sent.name and action.delay is None and action.content is None:
            return self._raise(sent.name, action.data, action.position)
        target = getattr(action.target, "value", None)
        plain = action.delay is None and action.content is None and action.type is None and not action.id_location
        child = self.design.child(target) if isinstance(target, str) and plain and sent.name else None
        if child is not None and isinstance(target, str):
            return self._send_to_child(action, child, target)
        if target not in ("parent", "#_parent") or sent.name is None or not plain or action.key is not None:
            raise NotInC("only a `send` of a named event to the parent or a child, at once, is translated")
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
            if types[argument].kind is Kind.LIST:
                added, most = self._texts(given[argument], identifier(argument), expression)
                if expression.fails:
                    raise NotInC("a list that may have no value is not translated")
                shared.before += [f"const char *{identifier(argument)}[{max(1, most)}] = {{NULL}};"]
                lines += [f"uint8_t {identifier(argument)}_count = 0U;", *added]
                values.append((argument, f"{identifier(argument)}, {identifier(argument)}_count"))
                continue
            key = types[argument] is KEY
            if types[argument].kind is Kind.STRING:
                text = expression.text(given[argument])  # of any length: nothing keeps it
            else:
                text = expression.key(given[argument]) if key else expression.stored(given[argument], types[argument])
            if expression.fails:
                held = kept(types[argument], self.design.words)
                held = held if held.endswith("*") else f"const {held} "
                lines.append(f"{held}{identifier(argument)} = {_bare(text)};")
                lines += self._unless_failed(position)
                text = identifier(argument)
            values.append((argument, text))
        by_name = dict(values)
        arguments = ", ".join(["me->context", *(_bare(by_name[argument]) for argument in types)])
        lines = [*shared.before, *lines, f"me->ports->{port}({arguments});"]
        return ["{", *indented(lines), "}"] if len(lines) > 1 else lines

    def _log(self, action: Log) -> list[str]:
        """A line for people, to a function of the host."""
        text: tree.Expr = tree.Literal("", STRING)
        for part in action.parts:
            shown: tree.Expr = part
            if part.type.kind is Kind.BOOL and not part.type.optional:
                shown = tree.Conditional(part, tree.Literal("True", STRING), tree.Literal("False", STRING), STRING)
            elif part.type.kind not in (Kind.STRING, Kind.ENUM):
                shown = tree.Call("str", (part,), STRING)
            text = shown if isinstance(text, tree.Literal) and not text.value else tree.Binary("+", text, shown, STRING)
        longest = Type(Kind.STRING, maximum=max(1, Expression(self.design).octets(text)))
        return self._order("log", {"text": longest}, (("text", text),), "a line for people", action.position)

    def _texts(self, expr: tree.Expr, to: str, expression: Expression) -> tuple[list[str], int]:
        """Statements that put a list of texts together in an array, and how many there may be."""
        match expr:
            case tree.ListOf(items=items):
                added = [f"{to}[{to}_count] = {expression.text(item)};\n    {to}_count++;" for item in items]
                return [line for one in added for line in one.replace("    ", "").split("\n")], len(items)
            case tree.Binary(op="+", left=left, right=right):
                (one, most), (other, more) = (self._texts(side, to, expression) for side in (left, right))
                return one + other, most + more
            case tree.Conditional(test=test, then=then, other=otherwise):
                (one, most), (other, more) = (self._texts(side, to, expression) for side in (then, otherwise))
                last = ["} else {", *indented(other)] if other else []
                return [f"if ({_bare(expression.condition(test))}) {{", *indented(one), *last, "}"], max(most, more)
        raise NotInC("a list is translated that is put together of lists that are written out")

    # ------------------------------------------------------------ children

    def _spawn(self, action: Spawn) -> list[str]:
        if action.unit is not None:
            raise NotInC("`spawn` on a unit is not translated")
        types = {name: action.chart.parameters[name].type for name, _ in action.input}
        args = action.input
        if action.key is not None:
            types, args = {"key": KEY, **types}, (("key", action.key), *action.input)
        self.design.most[action.id] = self._most(action.id) if action.key is not None else 1
        about = f"{action.id} begins: {action.chart.name}"
        return self._order(f"start_{action.id}", types, args, about, action.position)

    def _most(self, child: str) -> int:
        """How many children of an id may run: the transition that spawns them asks for fewer than a parameter."""
        guard = None if self.transition is None else self.transition.guard
        for part in guard.operands if isinstance(guard, tree.BoolOp) and guard.op == "and" else (guard,):
            match part:
                case tree.Compare(op="<", left=tree.Alive(child=own, key=None), right=tree.Parameter(type=type_)):
                    if own == child and type_.maximum is not None:
                        return int(type_.maximum)
                case tree.Compare(op="<", left=tree.Alive(child=own, key=None), right=tree.Literal(value=int(most))):
                    if own == child:
                        return most
        raise NotInC(
            f"how many {child} may run is not declared: guard it by `alive({child}) < PARAMETER`, which has a `max`"
        )

    def _stop(self, action: Stop) -> list[str]:
        if action.key is not None:
            raise NotInC("`stop` of one of several is not translated")
        return self._order(f"stop_{action.id}", {}, (), f"all {action.id} end", action.position)

    def _send_to_child(self, action: Send, child: Chart, name: str) -> list[str]:
        event = str(getattr(action.event, "value", ""))
        if action.key is not None:
            raise NotInC("a `send` to one of several children is not translated")
        types = dict(child.events[event].payload or {})
        return self._order(f"send_{name}_{event}", types, action.data, f"{event} to all {name}", action.position)

    # ------------------------------------------------------------ long actions, outputs

    def start(self, state: State) -> str:
        """The block that starts the invocations of a state."""
        parts = [self._invoked(inv, state) for inv in state.invokes]
        return self.block_of([part for part in parts if part])

    def block_of(self, parts: list[list[str]]) -> str:
        """One function for several lists of statements, each of which an error ends."""
        if len(parts) < 2:
            return self.lines(parts[0] if parts else [])
        return self.lines([f"{self.lines(part)}(chart);" for part in parts])

    def _invoked(self, inv: Invoke, state: State) -> list[str]:
        try:
            if inv.finalize or inv.id_location or inv.relay or inv.autoforward or inv.source is not None:
                raise NotInC(
                    "`finalize`, `idlocation`, `relay`, `autoforward` and a chart found late are not translated"
                )
            if inv.chart is not None:
                given = {name: inv.chart.parameters[name].type for name, _ in inv.input}
                about = f"{inv.id} begins: {inv.chart.name}"
                return self._order(f"start_{inv.id}", given, inv.input, about, inv.position)
            assert inv.role is not None
            assert inv.action is not None
            types = self.design.chart.adapters[inv.role].actions[inv.action].args
            about = f"{inv.role}.{inv.action}, which ends with done.invoke.{inv.id} or error.invoke.{inv.id}"
            return self._order(f"start_{inv.id}", types, inv.input, about, inv.position)
        except NotInC as why:
            self.design.refuse(str(why), state.id, inv.position, Construct.LONG_ACTION)
            return []

    def stop(self, state: State) -> str:
        """The block that ends the invocations of a state."""
        lines = []
        for inv in state.invokes:
            about = f"{inv.id} ends: nothing comes of it any more"
            lines.append(f"me->ports->{self.design.port(f'stop_{inv.id}', (), about)}(me->context);")
        return self.lines(lines)

    def output(self, state: State) -> str:
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

    def function(self, kind: str, lines: list[str], result: str = "void", more: str = "") -> str:
        """The name of a function of these statements, "" for none. ``more``: arguments behind the machine."""
        if not lines:
            return ""
        body = "\n".join(indented(lines))
        key = f"{kind}\n{body}"
        if key not in self._known:
            name = self._known[key] = f"{kind}_{len(self._known) + 1}"
            own = indented(self._own(body))
            head = result if result.endswith("*") else f"{result} "
            self.text.append("\n".join([f"static {head}{name}(struct chart *chart{more})", "{", *own, body, "}", ""]))
        return self._known[key]

    def _own(self, body: str) -> list[str]:
        """The machine itself, where it is asked for."""
        if "me->" in body or "(me)" in body:
            return [f"struct {self.design.name} *const me = own(chart);"]
        return [] if re.search(r"\bchart\b", body) else ["(void)chart;"]


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


def given_to(type_: Type, to: str) -> str:
    """The statement that stores a value, with ``{}`` in its place."""
    if type_.kind is Kind.STRING:
        return f"chart_copy({to}, sizeof {to}, {{}});"
    if type_.kind is Kind.BYTES:
        return f"chart_keep({to}.octet, (uint16_t)sizeof {to}.octet, &{to}.length, {{}});"
    return f"{to} = {{}};"
