"""Typed expression tree → C.

A whole number is computed in ``int64_t``, a float in ``double``, an enumeration's value is its word, a string a
``const char *``. Python's integers have no end: what may leave 64 bits is either found out as the engine does (where
the language checks a value before it is stored) or refused, so a comparison never sees a wrapped number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.language.expr import tree
from engine.language.expr.functions import hex_
from engine.language.types import Kind, Type
from engine.language.values import INT_MAX, INT_MIN, describe
from engine.tools.export.c.names import quoted
from engine.tools.export.c.types import WHOLE, NotInC, Range, most_items, most_octets, text_octets, whole_range

if TYPE_CHECKING:
    from engine.tools.export.c.design import Design, EventOf

_NUMBERS = (*WHOLE, Kind.FLOAT)
INT_OCTETS = 20  # of the longest whole number as text
_EXACT = 2**53  # whole numbers up to this one are doubles, too
_OVERFLOW = {"+": "chart_add", "-": "chart_subtract", "*": "chart_multiply"}
_ROUNDED = {"round": "chart_round", "floor": "chart_floor", "ceil": "chart_ceiling", "int": "chart_cut"}


class Expression:
    """One expression. ``fails``: it may have no value; ``before``: declarations that it needs. ``event``: the one that
    is in work for certain."""

    def __init__(self, design: Design, event: EventOf | None = None) -> None:
        self.design = design
        self.event = event
        self.fails = False
        self.before: list[str] = []

    # ------------------------------------------------------------ by the kind that is wanted

    def stored(self, expr: tree.Expr, type_: Type) -> str:
        """The value as something declared ``type_`` holds it. Raises :class:`NotInC`."""
        if type_.kind in WHOLE:
            text, held = self.whole(expr), self.design.c_type(type_)
            return text if held == "int64_t" else f"({held})({text})"
        if type_.kind is Kind.FLOAT:
            return self.real(expr)
        if type_.kind is Kind.ENUM:
            return self.word(expr, type_)
        if type_.kind is Kind.BOOL:
            return self.condition(expr)
        if type_.kind is Kind.STRING:
            if self.octets(expr) > text_octets(type_):
                raise NotInC(
                    f"a text of up to {self.octets(expr)} octets where {text_octets(type_)} are held: declare `max`"
                )
            return self.text(expr)
        if type_.kind is Kind.BYTES:
            if self.octets(expr) > most_octets(type_):
                raise NotInC(f"up to {self.octets(expr)} octets where {most_octets(type_)} are held: declare `max`")
            return self.view(expr)
        raise NotInC(f"{describe(type_)} is not translated")

    def view(self, expr: tree.Expr) -> str:
        """Bytes, as a ``struct chart_octets``. Raises :class:`NotInC`."""
        match expr:
            case tree.Literal(value=bytes(value)):
                return self._octets(value)
            case tree.Call(function="hex", args=(tree.Literal(value=str(text)),)):
                return self._octets(hex_(text))
            case tree.Conditional(test=test, then=then, other=other):
                return self._chosen(test, self.view(then), self.view(other))
            case tree.Binary(op="+", left=left, right=right):
                one, other_view = self.view(left), self.view(right)
                name = f"octets_{len(self.before) + 1}"
                self.before.append(f"uint8_t {name}[{max(1, self.octets(expr))}];")
                return f"chart_joined({name}, (uint16_t)sizeof {name}, {one}, {other_view})"
            case tree.Call(function="checked", args=(value,), type=type_):
                if type_.kind is not Kind.BYTES or type_.optional:
                    raise NotInC(f"a check against {describe(type_)} is not translated")
                self.fails = True
                return f"chart_sized(chart, {self.view(value)}, {int(type_.minimum or 0)}U, {most_octets(type_)}U)"
        if expr.type.kind is not Kind.BYTES or expr.type.optional:
            raise NotInC(f"{describe(expr.type)} where bytes are needed")
        text = self._named(expr)
        stored = isinstance(expr, (tree.Variable, tree.Parameter)) or text.startswith("in_work")
        return f"chart_octets({text}.octet, {text}.length)" if stored else text

    def _octets(self, value: bytes) -> str:
        if not value:
            return "chart_octets(NULL, 0U)"
        name = f"octets_{len(self.before) + 1}"
        listed = ", ".join(f"0x{octet:02X}U" for octet in value)
        self.before.append(f"static const uint8_t {name}[{len(value)}] = {{{listed}}};")
        return f"chart_octets({name}, {len(value)}U)"

    def condition(self, expr: tree.Expr) -> str:
        """A bool. Raises :class:`NotInC`."""
        if expr.type.kind is not Kind.BOOL or expr.type.optional:
            raise NotInC(f"{describe(expr.type)} where True or False is needed")
        match expr:
            case tree.Literal(value=value):
                return "true" if value else "false"
            case tree.Unary(op="not", operand=operand):
                return f"(!{self.condition(operand)})"
            case tree.BoolOp(op=op, operands=operands):
                return "(" + (" && " if op == "and" else " || ").join(self._conditions(operands)) + ")"
            case tree.InState(state=state):
                return f"chart_in(chart, {self.design.state_name(state)})" if state in self.design.numbers else "false"
            case tree.Compare():
                return self._compare(expr)
            case tree.Alive(child=child, key=key) if key is not None:
                return f"me->ports->{self.design.alive(child, key)}(me->context, {self.key(key)})"
            case tree.Conditional(test=test, then=then, other=other):
                return self._chosen(test, self.condition(then), self.condition(other))
        return self._named(expr)

    def _conditions(self, operands: tuple[tree.Expr, ...]) -> list[str]:
        """Where each has a value for certain their order is free: a bit of a set is asked before a float, which is some
        fifty instructions where there is no floating point. Raises :class:`NotInC`."""
        failed, before = self.fails, len(self.before)
        self.fails = False
        texts = [self.condition(operand) for operand in operands]
        if not self.fails and len(self.before) == before:
            costs = [_cost(operand) for operand in operands]
            texts = [text for _, text in sorted(zip(costs, texts, strict=True), key=lambda pair: pair[0])]
        self.fails = self.fails or failed
        return texts

    def whole(self, expr: tree.Expr) -> str:
        """An ``int64_t``. Raises :class:`NotInC`."""
        if expr.type.kind not in WHOLE or expr.type.optional:
            raise NotInC(f"{describe(expr.type)} where a whole number is needed")
        match expr:
            case tree.Literal(value=value):
                assert isinstance(value, int)
                return number(value)
            case tree.Unary(op="-", operand=operand):
                self._bounded(expr)
                return f"(-{self.whole(operand)})"
            case tree.Binary():
                return self._whole_binary(expr, checked=False)
            case tree.Conditional(test=test, then=then, other=other):
                return self._chosen(test, self.whole(then), self.whole(other))
            case tree.Call(function="checked", args=(value,), type=type_):
                return self._checked_whole(value, type_)
            case tree.Call(function=function, args=args):
                return self._whole_call(function, args, expr)
            case tree.Alive(child=child):
                return f"(int64_t)me->ports->{self.design.alive(child, None)}(me->context)"
        text = self._named(expr)
        return text if self.design.c_type(expr.type) == "int64_t" else f"(int64_t){text}"

    def real(self, expr: tree.Expr) -> str:
        """A ``double``. Raises :class:`NotInC`."""
        self.design.uses_real = True
        if expr.type.kind in WHOLE:
            value = getattr(expr, "value", None)
            return (
                real(float(value)) if isinstance(value, int) and abs(value) <= _EXACT else f"(double){self.whole(expr)}"
            )
        if expr.type.kind is not Kind.FLOAT or expr.type.optional:
            raise NotInC(f"{describe(expr.type)} where a number is needed")
        match expr:
            case tree.Literal(value=value):
                assert isinstance(value, (int, float))
                return real(float(value))
            case tree.Unary(op="-", operand=operand):
                return f"(-{self.real(operand)})"
            case tree.Binary():
                return self._real_binary(expr)
            case tree.Conditional(test=test, then=then, other=other):
                return self._chosen(test, self.real(then), self.real(other))
            case tree.Call(function="checked", args=(value,), type=type_):
                self.fails = True
                low = "-INFINITY" if type_.minimum is None else real(float(type_.minimum))
                high = "INFINITY" if type_.maximum is None else real(float(type_.maximum))
                return f"chart_real(chart, {self.real(value)}, {low}, {high})"
            case tree.Call(function=function, args=args):
                return self._real_call(function, args)
        return self._named(expr)

    def word(self, expr: tree.Expr, type_: Type) -> str:
        """A value of an enumeration. Raises :class:`NotInC`."""
        match expr:
            case tree.Literal(value=str(value)):
                return self.design.word(value)
            case tree.Conditional(test=test, then=then, other=other):
                return self._chosen(test, self.word(then, type_), self.word(other, type_))
            case tree.Call(function="checked", args=(value,)):
                return self.word(value, type_)
        if expr.type.kind is not Kind.ENUM or expr.type.optional:
            raise NotInC(f"{describe(expr.type)} where one of {', '.join(type_.values)} is needed")
        if not set(expr.type.values) <= set(type_.values):
            raise NotInC(f"{describe(expr.type)} may be what {describe(type_)} has not")
        return self._named(expr)

    def text(self, expr: tree.Expr) -> str:
        """A ``const char *``. Raises :class:`NotInC`."""
        match expr:
            case tree.Literal(value=str(value)):
                return quoted(value)
            case tree.Conditional(test=test, then=then, other=other):
                return self._chosen(test, self.text(then), self.text(other))
            case tree.Binary(op="+"):
                first, *others = (self.text(part) for part in _joined(expr))
                name = f"text_{len(self.before) + 1}"
                self.before.append(f"char {name}[{self.octets(expr) + 1}];")
                for other_text in others:  # each is put behind what is there
                    first = f"chart_join({name}, sizeof {name}, {first}, {other_text})"
                return first
            case tree.Call(function="str", args=(value,)) if value.type.kind is Kind.INT:
                name = f"text_{len(self.before) + 1}"
                self.before.append(f"char {name}[{INT_OCTETS + 1}];")
                return f"chart_decimal({name}, {self.whole(value)})"
            case tree.Call(function="str", args=(value,)) if value.type.kind in (Kind.STRING, Kind.ENUM):
                return self.text(value)
            case tree.Call(function="checked", args=(value,), type=type_):
                if type_.kind is not Kind.STRING or type_.optional:
                    raise NotInC(f"a check against {describe(type_)} is not translated")
                low, high = int(type_.minimum or 0), text_octets(type_)
                self.fails = True
                return f"chart_text(chart, {self.text(value)}, {low}U, {high}U)"
        if expr.type.kind is Kind.ENUM and not expr.type.optional:
            return f"texts[{self._named(expr)}]"
        if expr.type.kind is not Kind.STRING or expr.type.optional:
            raise NotInC(f"{describe(expr.type)} where a text is needed")
        return self._named(expr)

    def key(self, expr: tree.Expr) -> str:
        """The key of a child: bytes. Raises :class:`NotInC`."""
        if isinstance(expr, tree.Call) and expr.function == "checked":
            return self.key(expr.args[0])  # the language makes sure of no more than that it is not None
        if expr.type.kind is not Kind.BYTES:
            raise NotInC(f"a key that is {describe(expr.type)} is not translated: only bytes are")
        return self.view(expr)

    def octets(self, expr: tree.Expr) -> int:
        """How many octets a text or bytes may have. Raises :class:`NotInC`."""
        match expr:
            case tree.Literal(value=str(value)):
                return len(value.encode())
            case tree.Literal(value=bytes(octets)):
                return len(octets)
            case tree.Call(function="str", args=(value,)):
                return INT_OCTETS if value.type.kind is Kind.INT else self.octets(value)
            case tree.Call(function="hex", args=(tree.Literal(value=str(text)),)):
                return len(hex_(text))
            case tree.Conditional(then=then, other=other):
                return max(self.octets(then), self.octets(other))
            case tree.Binary(op="+", left=left, right=right):
                return self.octets(left) + self.octets(right)
        if expr.type.kind is Kind.ENUM:
            return max(len(value.encode()) for value in expr.type.values)
        return most_octets(expr.type) if expr.type.kind is Kind.BYTES else text_octets(expr.type)

    # ------------------------------------------------------------ kinds of node

    def _named(self, expr: tree.Expr) -> str:
        """What a name stands for. Raises :class:`NotInC` for all that is none."""
        match expr:
            case tree.Variable(name=name) if name in self.design.chart.data:
                return f"me->data.{self.design.data_names.of(name)}"
            case tree.Parameter(name=name):
                return f"me->parameters.{self.design.parameter_names.of(name)}"
            case tree.EventField(name=name) if self.event is not None and name in self.event.payload:
                return (
                    f"in_work(me)->of.{self.design.event_names.of(self.event.name)}.{self.design.field_names.of(name)}"
                )
            case tree.EventField(name=name, type=type_):
                self.fails = True
                return f"{self.design.field(name, type_)}(me)"
            case tree.Reading(role=role, name=name, type=type_):
                self.fails = True
                return f"{self.design.reading(role, name, type_)}(me)"
        raise NotInC(f"{_described(expr)} is not translated")

    def _chosen(self, test: tree.Expr, then: str, other: str) -> str:
        return f"({self.condition(test)} ? {then} : {other})"

    def _compare(self, expr: tree.Compare) -> str:
        op, a, b = expr.op, expr.left, expr.right
        if op in ("in", "not in"):
            if isinstance(b, (tree.Variable, tree.Parameter)) and b.type.kind is Kind.LIST and b.type.item is not None:
                found = f"{self.design.member_of(self._named(b), b.type.item)}(me, {self.stored(a, b.type.item)})"
                return found if op == "in" else f"(!{found})"
            if not isinstance(b, tree.ListOf) or not b.items:
                raise NotInC(f"`{op}` is translated for a list that is written out, only")
            parts = [self._compare(tree.Compare("==", a, item, expr.type)) for item in b.items]
            return f"({'!' if op == 'not in' else ''}({' || '.join(parts)}))"
        if a.type.optional or b.type.optional:
            raise NotInC("a comparison with what may be None is not translated")
        kinds = {a.type.kind, b.type.kind}
        if kinds <= {*WHOLE}:
            return f"({self.whole(a)} {op} {self.whole(b)})"
        if kinds <= {*_NUMBERS}:
            for side in (a, b):
                if side.type.kind in WHOLE and not self.range(side).within(Range(-_EXACT, _EXACT)):
                    raise NotInC("a whole number beyond 2 ** 53 compared with a float: give it a range")
            return self._compare_real(op, a, b)
        if kinds == {Kind.BOOL} and op in ("==", "!="):
            return f"({self.condition(a)} {op} {self.condition(b)})"
        if kinds <= {Kind.ENUM, Kind.STRING} and op in ("==", "!="):
            return self._compare_text(op, a, b)
        if kinds == {Kind.BYTES} and op in ("==", "!="):
            same = f"chart_same_octets({self.view(a)}, {self.view(b)})"
            return same if op == "==" else f"(!{same})"
        raise NotInC(f"`{op}` of {describe(a.type)} and {describe(b.type)} is not translated")

    def _compare_real(self, op: str, a: tree.Expr, b: tree.Expr) -> str:
        left, right = self.real(a), self.real(b)
        if op == "==":
            return f"chart_between({left}, {right}, {right})"
        return f"(!chart_between({left}, {right}, {right}))" if op == "!=" else f"({left} {op} {right})"

    def _compare_text(self, op: str, a: tree.Expr, b: tree.Expr) -> str:
        if all(side.type.kind is Kind.ENUM or isinstance(side, tree.Literal) for side in (a, b)):
            values = {value for side in (a, b) for value in (*side.type.values, *_literal(side))}
            wanted = Type(Kind.ENUM, values=tuple(values))
            return f"({self.word(a, wanted)} {op} {self.word(b, wanted)})"
        same = f"chart_same({self.text(a)}, {self.text(b)})"
        return same if op == "==" else f"(!{same})"

    # ------------------------------------------------------------ whole numbers

    def _whole_binary(self, expr: tree.Binary, checked: bool) -> str:
        if expr.type.kind is Kind.DURATION and (expr.scale != 1.0 or not self._stays_whole(expr)):
            self.fails = True
            return f"chart_round(chart, {self._real_binary(expr)})"
        if not self._stays_whole(expr):
            raise NotInC(f"`{expr.op}` is no whole number")
        if not checked:
            self._bounded(expr)
        left, right = self.whole(expr.left), self.whole(expr.right)
        if expr.op == "//" or expr.op == "%":
            self.fails = True
            return f"chart_{'floor_divide' if expr.op == '//' else 'modulo'}(chart, {left}, {right})"
        if self.range(expr).fits:
            return f"({left} {expr.op} {right})"
        self.fails = True
        return f"{_OVERFLOW[expr.op]}(chart, {left}, {right})"

    def _checked_whole(self, value: tree.Expr, type_: Type) -> str:
        """A value that the language checks before it is stored: too large is an error there and here."""
        if type_.optional:
            raise NotInC(f"{describe(type_)}: a value that may be None is not translated")
        text = self._whole_binary(value, checked=True) if isinstance(value, tree.Binary) else self.whole(value)
        wanted, own = whole_range(type_), self.range(value)
        if Range(max(own.low, INT_MIN), min(own.high, INT_MAX)).within(wanted):
            return text
        self.fails = True
        return f"chart_whole(chart, {text}, {number(wanted.low)}, {number(wanted.high)})"

    def _whole_call(self, function: str, args: tuple[tree.Expr, ...], expr: tree.Expr) -> str:
        if function in _ROUNDED and len(args) == 1 and args[0].type.kind is Kind.FLOAT:
            self.fails = True
            return f"{_ROUNDED[function]}(chart, {self.real(args[0])})"
        if function in ("round", "floor", "ceil", "int") and len(args) == 1 and args[0].type.kind in WHOLE:
            return self.whole(args[0])
        if function == "len" and args[0].type.kind is Kind.STRING:
            return f"chart_length({self.text(args[0])})"
        if function == "len" and args[0].type.kind is Kind.BYTES:
            return f"chart_count({self.view(args[0])})"
        if function == "len" and args[0].type.kind is Kind.LIST:
            most_items(args[0].type)
            return f"(int64_t){self._named(args[0])}.count"
        if function == "abs":
            self._bounded(expr)
            return f"chart_magnitude(chart, {self.whole(args[0])})"
        if function in ("min", "max", "clamp") and len(args) > 1:
            return _nested(function, [self.whole(arg) for arg in args], "chart_least", "chart_most")
        raise NotInC(f"{function}() is not translated")

    def _stays_whole(self, expr: tree.Binary) -> bool:
        sides = (expr.left, expr.right)
        return expr.op != "/" and expr.scale == 1.0 and all(side.type.kind in WHOLE for side in sides)

    def _bounded(self, expr: tree.Expr) -> None:
        """Python's integers have no end: an inner result must surely fit."""
        if not self.range(expr).fits:
            own = self.range(expr)
            raise NotInC(
                f"a whole number from {own.low} to {own.high} inside an expression fits no integer type of C: "
                "give its operands a range (`min`, `max`)"
            )

    def range(self, expr: tree.Expr) -> Range:
        """What a whole number may be. Raises :class:`NotInC`."""
        match expr:
            case tree.Literal(value=int(value)):
                return Range(value, value)
            case tree.Unary(op="-", operand=operand):
                own = self.range(operand)
                return Range(-own.high, -own.low)
            case tree.Binary(left=left, right=right) if self._stays_whole(expr):
                return _reached(expr.op, self.range(left), self.range(right))
            case tree.Conditional(then=then, other=other):
                return self.range(then).joined(self.range(other))
            case tree.Call(function="checked", type=type_):
                return whole_range(type_)
            case tree.Call(function="abs", args=(value,)):
                own = self.range(value)
                return Range(0, max(abs(own.low), abs(own.high)))
            case tree.Call(function="min" | "max" | "clamp", args=args) if len(args) > 1:
                own = self.range(args[0])
                for arg in args[1:]:
                    own = own.joined(self.range(arg))
                return own
            case tree.Call(function="len", args=(value,)):
                return Range(0, most_items(value.type) if value.type.kind is Kind.LIST else self.octets(value))
            case tree.Alive():
                return Range(0, 255)
        return whole_range(expr.type)

    # ------------------------------------------------------------ floats

    def _real_binary(self, expr: tree.Binary) -> str:
        self.design.uses_real = True
        if expr.op in ("//", "%"):
            raise NotInC(f"`{expr.op}` of floats is not translated")
        for side in (expr.left, expr.right):
            if expr.op == "/" and side.type.kind in WHOLE and not self.range(side).within(Range(-_EXACT, _EXACT)):
                raise NotInC("a whole number beyond 2 ** 53 divided: give it a range")
        if expr.op != "/" and self._stays_whole(tree.Binary(expr.op, expr.left, expr.right, expr.type)):
            whole = tree.Binary(expr.op, expr.left, expr.right, expr.left.type)
            value = f"(double){self._whole_binary(whole, checked=False)}"
        elif expr.op == "/" and not _surely(expr.right):
            self.fails = True
            value = f"chart_divide(chart, {self.real(expr.left)}, {self.real(expr.right)})"
        else:
            value = f"({self.real(expr.left)} {expr.op} {self.real(expr.right)})"
        return value if expr.scale == 1.0 else f"({value} * {real(expr.scale)})"

    def _real_call(self, function: str, args: tuple[tree.Expr, ...]) -> str:
        values = [self.real(arg) for arg in args]
        if function == "float" and args[0].type.kind in _NUMBERS:
            return values[0]
        if function == "abs":
            return f"chart_real_magnitude({values[0]})"
        if function in ("min", "max", "clamp") and len(args) > 1:
            return _nested(function, values, "chart_real_least", "chart_real_most")
        raise NotInC(f"{function}() of floats is not translated")


def number(value: int) -> str:
    """A whole number as a constant of C. ``-2 ** 63`` has no literal of its own."""
    if value == INT_MIN:
        return "INT64_MIN"
    if value == INT_MAX:
        return "INT64_MAX"
    text = str(abs(value)) if abs(value) < 2**15 else f"INT64_C({abs(value)})"
    return text if value >= 0 else f"(-{text})"


def real(value: float) -> str:
    """A float as a constant of C that is the same double."""
    return repr(value) if value >= 0 else f"({value!r})"


def _nested(function: str, values: list[str], least: str, most: str) -> str:
    if function == "clamp":
        value, low, high = values
        return f"{most}({low}, {least}({value}, {high}))"
    step: Callable[[str, str], str] = lambda a, b: f"{least if function == 'min' else most}({a}, {b})"  # noqa: E731
    text = values[0]
    for value in values[1:]:
        text = step(text, value)
    return text


def _reached(op: str, a: Range, b: Range) -> Range:
    if op == "+":
        return Range(a.low + b.low, a.high + b.high)
    if op == "-":
        return Range(a.low - b.high, a.high - b.low)
    if op == "*":
        corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
        return Range(min(corners), max(corners))
    if op == "//":
        most = max(abs(a.low), abs(a.high))
        return Range(-most, most) if b.low <= 0 else Range(min(a.low, 0), max(a.high, 0))
    return Range(min(b.low + 1, 0), max(b.high - 1, 0))


def _surely(expr: tree.Expr) -> bool:
    """Whether it is no zero."""
    return isinstance(expr, tree.Literal) and bool(expr.value)


def _literal(expr: tree.Expr) -> tuple[str, ...]:
    return (expr.value,) if isinstance(expr, tree.Literal) and isinstance(expr.value, str) else ()


def _cost(expr: tree.Expr) -> int:
    """How dear a condition is beside others: bits of a set, whole numbers and words, floats and texts."""
    match expr:
        case tree.InState() | tree.Literal():
            return 0
        case tree.Unary(operand=operand):
            return _cost(operand)
        case tree.BoolOp(operands=operands):
            return max(map(_cost, operands))
        case tree.Compare(left=left, right=right):
            plain = (*WHOLE, Kind.BOOL, Kind.ENUM)
            named = all(isinstance(side, (tree.Variable, tree.Parameter, tree.Literal)) for side in (left, right))
            return 1 if named and all(side.type.kind in plain or _literal(side) for side in (left, right)) else 2
        case tree.Variable() | tree.Parameter():
            return 1
    return 2


def _joined(expr: tree.Expr) -> list[tree.Expr]:
    """The texts that a ``+`` joins, from left to right."""
    if isinstance(expr, tree.Binary) and expr.op == "+":
        return [*_joined(expr.left), expr.right]
    return [expr]


def _described(expr: tree.Expr) -> str:
    match expr:
        case tree.Call(function=function):
            return f"{function}() as {describe(expr.type)}"
        case tree.Alive():
            return "alive()"
        case tree.SystemField(name=name):
            return name
    return f"{expr.__class__.__name__} as {describe(expr.type)}"
