"""Syntax tree → typed tree: names resolved, types and units checked, literals brought to their partner's unit.

A fault is recorded and the checking goes on, so that one load reports all of them; what is broken gets :data:`BROKEN`
as type, which fits everything and is never seen outside.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from engine.language.expr import tree
from engine.language.expr.lex import CONSTANTS, ExpressionError, Fault
from engine.language.expr.parse import Node, parse
from engine.language.expr.unify import (
    BROKEN,
    NUMBERS,
    alike,
    computed,
    is_any,
    item_of,
    kind_of_number,
    numeric,
    of_kind,
    plain_number,
    to_unit,
    unified,
)
from engine.language.expr.units import NANOSECOND, PLAIN, nanoseconds, product, same, unit_of
from engine.language.expr.words import are_words
from engine.language.types import ANY, BOOL, DURATION, DURATION_UNITS, FLOAT, INT, NONE, STRING, UNITS, Kind, Type
from engine.language.values import describe

# What YAML 1.1 and other languages write for them.
_SPOKEN_BOOLS = {**dict.fromkeys(("true", "yes", "on"), "true"), **dict.fromkeys(("false", "no", "off"), "false")}

SYSTEM_FIELDS: dict[str, Type] = {
    "_event": ANY,
    "_event.name": Type(Kind.STRING, optional=True),
    "_event.type": Type(Kind.STRING, optional=True),
    "_event.sendid": Type(Kind.STRING, optional=True),
    "_event.origin": Type(Kind.STRING, optional=True),
    "_event.origintype": Type(Kind.STRING, optional=True),
    "_event.invokeid": Type(Kind.STRING, optional=True),
    "_event.data": ANY,
    "_name": STRING,
    "_sessionid": STRING,
    "_ioprocessors": ANY,
}


@dataclass(slots=True)
class Scope:
    """The meaning of an expression's names at its place in the chart.

    ``event`` is the payload of the event being processed, or None where there is none (``no_event`` says why).
    ``readings`` are the values of each role. ``in_state`` gives the full id of the state in ``In('…')``, or the names
    it may be. ``children`` are the ids of children with the type of their key. ``untyped``: an imported chart, where
    names and types are known at run time only. ``told``: broken roles and children, reported already where they are
    declared. ``relatives``: the machines a joint invariant may read, each with its readable names. ``given``: names
    that stand for an expression, such as the arguments of the states around.
    """

    variables: Mapping[str, Type] = field(default_factory=dict)
    parameters: Mapping[str, Type] = field(default_factory=dict)
    readings: Mapping[str, Mapping[str, Type]] = field(default_factory=dict)
    event: Mapping[str, Type] | None = None
    no_event: str = "there is no event here"
    in_state: Callable[[str], str | list[str]] = lambda name: []
    children: Mapping[str, Type | None] = field(default_factory=dict)
    untyped: bool = False
    told: Collection[str] = ()
    relatives: Mapping[str, Scope] = field(default_factory=dict)
    given: Mapping[str, tree.Expr] = field(default_factory=dict)


def expression(text: str, scope: Scope, expected: Type | None = None) -> tree.Expr:
    """Parse and check ``text``; with ``expected``, made to fit what it is stored in.

    Raises:
        ExpressionError: with all faults found.
    """
    checker = Checker(scope)
    node = checker.plain_text(text, expected) or parse(text)
    if expected is not None:
        node = checker.worded(node, expected)
    expr = checker.check(node)
    if expected is not None:
        checker.meant_as_text(node, expected)
        expr = checker.convert(expr, expected, node)
    if checker.faults:
        raise ExpressionError(checker.faults)
    return expr


def guard(text: str, scope: Scope) -> tree.Expr:
    """Parse and check a condition: a bool.

    Raises:
        ExpressionError: with all faults found.
    """
    checker = Checker(scope)
    expr = checker.condition(parse(text))
    if checker.faults:
        raise ExpressionError(checker.faults)
    return expr


class Checker:
    """Checks the expressions of one scope. ``faults`` collects what is wrong."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.faults: list[Fault] = []

    def fault(self, node: Node, code: str, message: str, expected: str = "", hint: str = "") -> tree.Expr:
        """Record a fault at ``node`` and return the broken literal that stands for it."""
        self.faults.append(Fault(node.start, node.end, code, message, expected, hint))
        return tree.Literal(None, BROKEN)

    def check(self, node: Node) -> tree.Expr:
        """The typed tree of ``node``."""
        match node.kind:
            case "number":
                return self._number(node)
            case "string":
                return tree.Literal(cast(str, node.value), ANY if self.scope.untyped else STRING)
            case "constant":
                value = cast("bool | None", node.value)
                return tree.Literal(value, NONE if value is None else BOOL)
            case "name":
                return self._name(node)
            case "attribute":
                return self._attribute(node)
            case "unary":
                return self._unary(node)
            case "binary":
                return self._binary(node)
            case "compare":
                return self._compare(node)
            case "and" | "or":
                operands = tuple(self.condition(child) for child in node.children)
                return tree.BoolOp("and" if node.kind == "and" else "or", operands, BOOL)
            case "if":
                return self._conditional(node)
            case "list":
                return self._list(node)
            case "index":
                return self._index(node)
            case _:
                from engine.language.expr.calls import check_call

                return check_call(self, node)

    def condition(self, node: Node) -> tree.Expr:
        """``node`` as a condition."""
        expr = self.check(node)
        kind = expr.type.kind
        if kind is Kind.BOOL or expr.type is BROKEN or (kind is Kind.ANY and self.scope.untyped):
            return expr
        return self.fault(node, "type", f"a condition must be a bool, this is {describe(expr.type)}", "a comparison")

    # ------------------------------------------------------------ leaves

    def _number(self, node: Node) -> tree.Expr:
        number, symbol = cast("tuple[int | float, str]", node.value)
        if symbol in DURATION_UNITS:
            whole = nanoseconds(number, symbol)
            if whole is None:
                return self.fault(node, "range", "a duration is a whole number of nanoseconds")
            if whole >= 2**63:
                return self.fault(node, "range", "a duration must be shorter than 292 years")
            return tree.Literal(whole, DURATION)
        if self.scope.untyped and not symbol:
            return tree.Literal(number, ANY)
        return tree.Literal(number, numeric(UNITS[symbol], kind_of_number(number)) if symbol else plain_number(number))

    def _name(self, node: Node) -> tree.Expr:
        name = cast(str, node.value)
        scope = self.scope
        if name in scope.variables:
            return tree.Variable(name, scope.variables[name])
        if name in scope.given:
            return scope.given[name]
        if name in scope.parameters:
            return tree.Parameter(name, scope.parameters[name])
        if name in SYSTEM_FIELDS:
            return tree.SystemField(name, SYSTEM_FIELDS[name])
        if scope.untyped and name != "event":
            return tree.Variable(name, ANY)
        if name == "event":
            return self.fault(node, "unknown-name", "'event' alone has no value", "event.<field>")
        if name in scope.readings:
            return self.fault(node, "unknown-name", f"{name!r} is an adapter", f"{name}.<value>")
        known = [*scope.variables, *scope.given, *scope.parameters]
        spoken = _SPOKEN_BOOLS.get(name.lower())
        hint = f"did you mean {spoken!r}?" if spoken else nearest_hint(name, known)
        return self.fault(node, "unknown-name", f"unknown name {name!r}", hint=hint)

    def plain_text(self, text: str, type_: Type | None) -> Node | None:
        """``text`` itself, where it needs no quotes of its own (:mod:`engine.language.expr.words`); None where it is an
        expression."""
        if type_ is None or self.scope.untyped:
            return None
        words = text.strip()
        if (type_.kind is Kind.STRING and are_words(words)) or (type_.kind is Kind.ENUM and words in type_.values):
            if type_.kind is Kind.STRING and (meant := self._all_names(words.split())):
                would = f"{words[:60]!r} would be a text, and all its words are names in scope"
                message = f"{would}: is a dot or an operator missing?"
                node = Node("string", 0, len(words), words)
                self.fault(node, "ambiguous", message, meant, f"a text has quotes of its own: \"'{words[:40]}'\"")
            return self.worded(Node("name" if type_.kind is Kind.ENUM else "string", 0, len(text), words), type_)
        return None

    def _all_names(self, words: list[str]) -> str:
        """What may have been meant by words that are all names here, two of them perhaps a name and its field; '' where
        one is not."""
        scope, values, rest = self.scope, [], list(words)
        while rest:
            owner, field_ = rest[0], rest[1] if len(rest) > 1 else ""
            fields = (scope.event or {}) if owner == "event" else scope.readings.get(owner, {})
            if field_ in fields:
                values.append(f"{owner}.{field_}")
                del rest[:2]
            elif owner in scope.variables or owner in scope.given or owner in scope.parameters:
                values.append(owner)
                del rest[0]
            else:
                return ""
        return " + ".join(values)

    def worded(self, node: Node, type_: Type) -> Node:
        """``node`` with the values of an enum as texts, where ``type_`` is wanted; in the branches of ``if``, too."""
        if type_.kind is not Kind.ENUM or self.scope.untyped:
            return node
        if node.kind == "if":
            then, test, other = node.children
            return replace(node, children=[self.worded(then, type_), test, self.worded(other, type_)])
        if node.kind != "name" or node.value not in type_.values:
            return node
        word = node.value
        scope = self.scope
        if word in CONSTANTS or word in scope.variables or word in scope.parameters or word in scope.given:
            message = f"{word!r} is a value of {describe(type_)} and a name in scope: which one is meant?"
            self.fault(node, "ambiguous", message, f"\"'{word[:40]}'\" for the value", "or give the data another name")
        return replace(node, kind="string")

    def meant_as_text(self, node: Node, type_: Type) -> None:
        """A bare word where a text is wanted, unknown as a name: most likely the quotes are missing."""
        if node.kind != "name" or type_.kind not in (Kind.ENUM, Kind.STRING):
            return
        word = cast(str, node.value)
        for position, fault in enumerate(self.faults):
            likely = word in type_.values if type_.kind is Kind.ENUM else not fault.hint.startswith("did you")
            if likely and (fault.start, fault.code) == (node.start, "unknown-name"):
                hint = f"a text has quotes of its own: \"'{word[:40]}'\""
                self.faults[position] = replace(fault, hint=hint)

    def _attribute(self, node: Node) -> tree.Expr:
        base, name = node.children[0], cast(str, node.value)
        scope = self.scope
        if (relative := self.relative(base)) is not None:
            return self._of_relative(node, relative, name)
        if base.kind == "attribute" and (relative := self.relative(base.children[0])) is not None:
            role = cast(str, base.value)
            if role in relative[1].readings:
                return self._reading_of_relative(node, relative, role, name)
        if base.kind == "name":
            owner = cast(str, base.value)
            if owner == "event" and owner not in scope.variables:
                return self._event_field(node, name)
            if owner not in scope.variables and owner in scope.readings:
                values = scope.readings[owner]
                if name in values:
                    return tree.Reading(owner, name, values[name])
                message = f"{owner!r} has no value {name!r}"
                return self.fault(node, "unknown-name", message, hint=nearest_hint(name, list(values)))
            dotted = f"{owner}.{name}"
            if dotted in SYSTEM_FIELDS:
                return tree.SystemField(dotted, SYSTEM_FIELDS[dotted])
            if not scope.untyped and owner not in scope.variables and owner not in scope.parameters:
                if owner in SYSTEM_FIELDS:
                    known = [key.partition(".")[2] for key in SYSTEM_FIELDS if key.startswith(owner + ".")]
                    return self.fault(
                        node, "unknown-name", f"{owner} has no field {name!r}", hint=nearest_hint(name, known)
                    )
                if owner in scope.told:
                    return tree.Literal(None, BROKEN)
                known = [*scope.readings, *scope.relatives, "event", "_event"]
                message = f"{owner!r} is neither an adapter's role nor 'event'"
                if owner in scope.children and owner not in scope.relatives:
                    message = f"{owner!r} is a child: only an invariant reads one, and none that has a key"
                return self.fault(base, "unknown-name", message, hint=nearest_hint(owner, known))
        expr = self.check(base)
        if expr.type is BROKEN:
            return expr
        if is_any(expr.type):
            return tree.Field(expr, name, ANY)
        if name == "age" and isinstance(expr, tree.Reading):
            return tree.Reading(expr.role, f"{expr.name}.age", DURATION)
        return self.fault(node, "type", f"{describe(expr.type)} has no fields, so no {name!r}")

    def relative(self, node: Node) -> tuple[tuple[str, ...], Scope] | None:
        """The machine that a dotted path of children's ids names, with the path; None when it names none."""
        scope, name = self.scope, cast(str, node.value)
        if node.kind == "name":
            own = name in scope.variables or name in scope.parameters
            return ((name,), scope.relatives[name]) if name in scope.relatives and not own else None
        if node.kind != "attribute" or (outer := self.relative(node.children[0])) is None:
            return None
        path, scope = outer
        return ((*path, name), scope.relatives[name]) if name in scope.relatives else None

    def _of_relative(self, node: Node, relative: tuple[tuple[str, ...], Scope], name: str) -> tree.Expr:
        path, scope = relative
        if name in scope.variables:
            return of_child(path, tree.Variable(name, scope.variables[name]))
        if name in scope.parameters:
            return of_child(path, tree.Parameter(name, scope.parameters[name]))
        machine = ".".join(path)
        if name in scope.relatives:
            return self.fault(node, "unknown-name", f"{machine}.{name} is a machine", f"{machine}.{name}.<data>")
        known = [*scope.variables, *scope.parameters, *scope.relatives]
        return self.fault(
            node,
            "unknown-name",
            f"{machine!r} has no data {name!r}",
            f"{machine}.In('state')",
            nearest_hint(name, known),
        )

    def _reading_of_relative(
        self, node: Node, relative: tuple[tuple[str, ...], Scope], role: str, name: str
    ) -> tree.Expr:
        path, scope = relative
        values = scope.readings[role]
        if name in values:
            return of_child(path, tree.Reading(role, name, values[name]))
        message = f"{'.'.join([*path, role])!r} has no value {name!r}"
        return self.fault(node, "unknown-name", message, hint=nearest_hint(name, list(values)))

    def _event_field(self, node: Node, name: str) -> tree.Expr:
        event = self.scope.event
        if event is not None and name in event:
            return tree.EventField(name, event[name])
        if self.scope.untyped:
            return tree.EventField(name, ANY)
        if event is None:
            return self.fault(node, "unknown-name", f"no event.{name}: {self.scope.no_event}")
        message = f"the event has no field {name!r}"
        return self.fault(node, "unknown-name", message, hint=nearest_hint(name, list(event)))

    # ------------------------------------------------------------ operators

    def _unary(self, node: Node) -> tree.Expr:
        child = node.children[0]
        if node.value == "not":
            return tree.Unary("not", self.condition(child), BOOL)
        operand = self.check(child)
        if not self.number(operand, child, "-"):
            return tree.Literal(None, BROKEN)
        if isinstance(operand, tree.Literal) and type(operand.value) in (int, float):
            return tree.Literal(-cast("int | float", operand.value), operand.type)
        return tree.Unary("-", operand, computed(operand.type))

    def number(self, expr: tree.Expr, node: Node, what: str) -> bool:
        """Whether ``expr`` is a number, a duration or not known before run time; else a fault."""
        if expr.type is BROKEN:
            return False
        if expr.type.kind in NUMBERS or is_any(expr.type) or self.scope.untyped:
            return True
        self.fault(node, "type", f"{what} needs a number, this is {describe(expr.type)}")
        return False

    def _binary(self, node: Node) -> tree.Expr:
        op = cast(tree.ArithmeticOp, node.value)
        first, second = node.children
        left, right = self.check(first), self.check(second)
        if left.type is BROKEN or right.type is BROKEN:
            return tree.Literal(None, BROKEN)
        kinds = {left.type.kind, right.type.kind}
        if Kind.ANY in kinds or (self.scope.untyped and not kinds <= NUMBERS):
            return tree.Binary(op, left, right, ANY)
        if op == "+" and len(kinds) == 1 and kinds <= {Kind.STRING, Kind.BYTES}:
            return tree.Binary(op, left, right, Type(left.type.kind))
        if op == "+" and kinds == {Kind.LIST}:
            lists = self.unify(left, first, right, second, "+")
            if lists is None:
                return tree.Literal(None, BROKEN)
            return tree.Binary(op, lists[0], lists[1], Type(Kind.LIST, item=item_of(lists)))
        if not self.number(left, first, op) or not self.number(right, second, op):
            return tree.Literal(None, BROKEN)
        if op in ("*", "/"):
            unit, scale = product(unit_of(left.type), unit_of(right.type), op == "/")
            whole = op == "*" and kinds == {Kind.INT} and scale == 1.0
            return tree.Binary(op, left, right, numeric(unit, Kind.INT if whole else Kind.FLOAT), scale)
        if op == "//" and same(unit_of(right.type), PLAIN):
            kind = Kind.INT if kinds == {Kind.INT} else Kind.FLOAT
            return tree.Binary(op, left, right, numeric(unit_of(left.type), kind))
        both = self.unify(left, first, right, second, op)
        if both is None:
            return tree.Literal(None, BROKEN)
        left, right = both
        unit = unit_of(left.type)
        kind = Kind.INT if {left.type.kind, right.type.kind} == {Kind.INT} else Kind.FLOAT
        if op == "//":
            return tree.Binary(op, left, right, INT if kind is Kind.INT or unit is NANOSECOND else FLOAT)
        return tree.Binary(op, left, right, numeric(unit, kind))

    def _compare(self, node: Node) -> tree.Expr:
        operators = cast("list[tree.CompareOp]", node.value)
        if len(operators) > 1 and any(_has_chain(child) for child in node.children[1:-1]):
            # Its value is needed twice; chains inside chains would double the cost with every level.
            return self.fault(node, "limit", "a comparison chain inside another one", "'and' between two comparisons")
        operands = [self.check(child) for child in node.children]
        parts: list[tree.Expr] = []
        for position, op in enumerate(operators):
            left, right = operands[position], operands[position + 1]
            first, second = node.children[position], node.children[position + 1]
            self.meant_as_text(first, right.type)
            self.meant_as_text(second, left.type)
            parts.append(self._comparison(op, left, first, right, second))
        return parts[0] if len(parts) == 1 else tree.BoolOp("and", tuple(parts), BOOL)

    def _comparison(
        self, op: tree.CompareOp, left: tree.Expr, first: Node, right: tree.Expr, second: Node
    ) -> tree.Expr:
        broken = tree.Literal(None, BROKEN)
        if left.type is BROKEN or right.type is BROKEN:
            return broken
        if op in ("in", "not in"):
            return self._membership(op, left, first, right, second)
        if self.scope.untyped:
            pass  # what does not fit is found out when it is evaluated
        elif op in ("==", "!="):
            for here, there, where in ((left, right, first), (right, left, second)):
                if here.type.kind is Kind.NONE and not there.type.optional and not is_any(there.type):
                    return self.fault(where, "type", f"{describe(there.type)} is never None")
        elif not {left.type.kind, right.type.kind} <= NUMBERS | {Kind.ANY}:
            wrong = first if left.type.kind not in NUMBERS else second
            kind = describe(left.type if wrong is first else right.type)
            return self.fault(wrong, "type", f"{op} needs a number, this is {kind}")
        both = self.unify(left, first, right, second, op)
        return broken if both is None else tree.Compare(op, both[0], both[1], BOOL)

    def _membership(
        self, op: tree.CompareOp, left: tree.Expr, first: Node, right: tree.Expr, second: Node
    ) -> tree.Expr:
        kind, item = right.type.kind, left.type.kind
        if isinstance(right, tree.ListOf) and second.kind == "list":  # written here, not what a name stands for
            items = []
            for part, part_node in zip(right.items, second.children, strict=True):
                both = self.unify(left, first, part, part_node, op)
                if both is None:
                    return tree.Literal(None, BROKEN)
                left, part = both
                items.append(part)
            right = tree.ListOf(tuple(items), replace(right.type, item=left.type) if items else right.type)
        elif kind is Kind.LIST and right.type.item is not None:
            sample = tree.Variable("", right.type.item)
            both = self.unify(left, first, sample, second, op)
            if both is None:
                return tree.Literal(None, BROKEN)
            left = both[0]
        elif not (
            Kind.ANY in (kind, item)
            or kind is Kind.LIST
            or self.scope.untyped
            or (kind is Kind.STRING and item in (Kind.STRING, Kind.ENUM))
            or (kind is Kind.BYTES and item in (Kind.BYTES, Kind.INT))
        ):
            return self.fault(second, "type", f"{describe(left.type)} cannot be {op} {describe(right.type)}", "a list")
        return tree.Compare(op, left, right, BOOL)

    def _conditional(self, node: Node) -> tree.Expr:
        test = self.condition(node.children[1])
        then, other = self.check(node.children[0]), self.check(node.children[2])
        both = self.unify(then, node.children[0], other, node.children[2], "if … else")
        if both is None or test.type is BROKEN:
            return tree.Literal(None, BROKEN)
        type_ = unified(both[0].type, both[1].type)
        return tree.Conditional(test, of_kind(both[0], type_), of_kind(both[1], type_), type_)

    def _list(self, node: Node) -> tree.Expr:
        items = [self.check(child) for child in node.children]
        for position in range(1, len(items)):
            both = self.unify(items[0], node.children[0], items[position], node.children[position], "[…]")
            if both is None:
                return tree.Literal(None, BROKEN)
            items[0], items[position] = both
        item = items[0].type if items else None
        for other in items[1:]:
            item = unified(cast(Type, item), other.type)
        if item is not None:
            items = [of_kind(expr, item) for expr in items]
        return tree.ListOf(tuple(items), Type(Kind.LIST, item=item))

    def _index(self, node: Node) -> tree.Expr:
        base, key = self.check(node.children[0]), self.check(node.children[1])
        if base.type is BROKEN or key.type is BROKEN:
            return tree.Literal(None, BROKEN)
        if is_any(base.type) or self.scope.untyped:
            return tree.Index(base, key, ANY)
        if base.type.kind not in (Kind.LIST, Kind.BYTES):
            return self.fault(node.children[0], "type", f"{describe(base.type)} has no elements")
        if not is_any(key.type) and (key.type.kind is not Kind.INT or key.type.unit is not None):
            return self.fault(node.children[1], "type", f"an index is a plain int, this is {describe(key.type)}")
        return tree.Index(base, key, INT if base.type.kind is Kind.BYTES else base.type.item or ANY)

    # ------------------------------------------------------------ types that must agree

    def unify(
        self, left: tree.Expr, first: Node, right: tree.Expr, second: Node, what: str
    ) -> tuple[tree.Expr, tree.Expr] | None:
        """Both with one kind and one unit; None after a fault."""
        a, b = left.type, right.type
        if a is BROKEN or b is BROKEN:
            return None
        if is_any(a) or is_any(b) or Kind.NONE in (a.kind, b.kind) or (self.scope.untyped and a.kind is not b.kind):
            return left, right
        if a.kind in NUMBERS and b.kind in NUMBERS:
            if same(unit_of(a), unit_of(b)):
                return left, right
            converted = to_unit(right, unit_of(a))
            if converted is not None:
                return left, converted
            converted = to_unit(left, unit_of(b))
            if converted is not None:
                return converted, right
            self._unit_fault(second, b, a, what)
            return None
        if {a.kind, b.kind} == {Kind.ENUM, Kind.STRING}:
            enum, text, where = (a, right, second) if a.kind is Kind.ENUM else (b, left, first)
            return (left, right) if self._enum_value(text, enum, where) else None
        if a.kind is Kind.ENUM and b.kind is Kind.ENUM:
            if set(a.values) & set(b.values):
                return left, right
        elif a.kind is Kind.LIST and b.kind is Kind.LIST:
            if a.item is None or b.item is None or alike(a.item, b.item):
                return left, right
        elif a.kind is b.kind:
            return left, right
        self.fault(second, "type", f"{what} of {describe(a)} and {describe(b)}", describe(a))
        return None

    def _enum_value(self, expr: tree.Expr, enum: Type, node: Node) -> bool:
        """Whether a string that meets an enum can be one of its values; a fault when it never is."""
        if isinstance(expr, tree.Literal) and isinstance(expr.value, str) and expr.value not in enum.values:
            message = f"{expr.value!r} is not a value of {describe(enum)}"
            self.fault(node, "unknown-name", message, hint=nearest_hint(expr.value, list(enum.values)))
            return False
        return True

    def _unit_fault(self, node: Node, found: Type, wanted: Type, what: str) -> None:
        name, other = _unit_name(found), _unit_name(wanted)
        if unit_of(found).dimension == unit_of(wanted).dimension:
            hint = f"only literals change their unit by themselves; write x / 1 {name} * 1 {other}"
            self.fault(node, "unit", f"{what} of {other} and {name}", f"a value in {other}", hint)
        else:
            expected = f"a value in {other}" if unit_of(wanted).symbol else other
            self.fault(node, "unit", f"{what} of {other} and {name}", expected)

    def convert(self, expr: tree.Expr, type_: Type, node: Node) -> tree.Expr:
        """``expr`` as a value of ``type_``: converted at load, or checked at run time, where that is needed."""
        from engine.language.expr.conversion import convert

        name = "" if type_.secret else secret_in(expr)
        if name and type_.kind in CARRIERS:
            return self.fault(
                node, "secret", f"{name} is secret, what takes it is not", hint="declare that with `secret: true`"
            )
        return convert(self, expr, type_, node)


def of_child(path: tuple[str, ...], expr: tree.Expr) -> tree.Expr:
    """``expr`` as it is in the machine this path of ids leads to."""
    for child in reversed(path):
        expr = tree.OfChild(child, expr, expr.type)
    return expr


CARRIERS = frozenset({Kind.STRING, Kind.BYTES, Kind.LIST, Kind.ANY})
"""Kinds of value that can tell a secret; a comparison with it, or its length, does not."""


def secret_in(expr: tree.Expr) -> str:
    """The name of a secret that the value of ``expr`` would reveal; empty when there is none."""
    if expr.type.kind not in CARRIERS:
        return ""
    if expr.type.secret and isinstance(expr, (tree.Variable, tree.Parameter, tree.EventField, tree.Reading)):
        prefix = {tree.EventField: "event.", tree.Reading: f"{getattr(expr, 'role', '')}."}.get(type(expr), "")
        return f"{prefix}{expr.name}"
    match expr:
        case tree.Binary(_, left, right) | tree.Conditional(_, left, right):
            parts: tuple[tree.Expr, ...] = (left, right)
        case tree.Call(_, args):
            parts = args
        case tree.ListOf(items):
            parts = items
        case tree.Index(base) | tree.Field(base) | tree.OfChild(_, base):
            parts = (base,)
        case _:
            parts = ()
    return next((name for name in map(secret_in, parts) if name), "")


def nearest_hint(name: str, known: list[str]) -> str:
    """See :func:`engine.language.problems.did_you_mean`."""
    from engine.language.problems import did_you_mean

    return did_you_mean(name, known)


def _unit_name(type_: Type) -> str:
    return unit_of(type_).symbol or "a plain number"


def _has_chain(node: Node) -> bool:
    """Whether there is a chain ``a < b < c`` in this syntax tree."""
    if node.kind == "compare" and len(node.children) > 2:
        return True
    return any(_has_chain(child) for child in node.children)
