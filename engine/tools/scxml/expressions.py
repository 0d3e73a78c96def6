"""Expressions of an SCXML document (Python or ECMAScript data model) → expression text of the chart language.

SCXML values are untyped: a condition that is not boolean by its form is wrapped in ``truthy(…)``, a name the document
does not declare or a construct the language does not have becomes ``invalid('…')``, which fails when evaluated
(SCXML 5.9).
"""

from __future__ import annotations

import ast
import copy
import json
import math
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.language.expr.check import Scope as Names
from engine.language.expr.check import expression
from engine.language.expr.lex import ExpressionError
from engine.language.types import DURATION_UNITS
from engine.tools.scxml.ecmascript import NotTranslatable, parse_expression

EVENT_FIELDS = ("name", "type", "sendid", "origin", "origintype", "invokeid", "data")
SYSTEM_NAMES = ("_event", "_name", "_sessionid", "_ioprocessors")
_FUNCTIONS = {"len", "abs", "min", "max", "round", "floor", "ceil", "int", "float", "str", "is_list"}
_BOOLEAN_CALLS = {"truthy", "In", "startswith", "is_list"}
MAX_LENGTH = 5_000
MAX_DEPTH = 60
MAX_NODES = 3_000


def invalid(text: str, why: str = "") -> str:
    """An expression that always fails when evaluated, naming what it stands for."""
    words = " ".join(text.split())
    words = words if len(words) <= 200 else f"{words[:200]}…"
    return f"invalid({quoted(words + (f': {why}' if why else ''))})"


def quoted(text: str) -> str:
    """A string literal of the chart language. What cannot be printed beyond the 16-bit plane becomes U+FFFD."""
    return repr("".join(c if c.isprintable() or ord(c) < 0x10000 else "\ufffd" for c in text))


def _sound(tree: ast.expr) -> str:
    """The text of a translated expression, which the chart language reads. Raises :class:`NotTranslatable`."""
    text = ast.unparse(tree)
    try:
        expression(text, Names(in_state=lambda name: name, untyped=True))
    except ExpressionError as error:
        raise NotTranslatable(error.faults[0].message) from None
    return text


@dataclass(slots=True)
class Scope:
    """The names an expression of a document may use. ``data``: declared id → name in the chart; ``states``: id → path.

    ``ecmascript`` is None when the document does not say its data model (SCXML 3.2 leaves the choice to us): then an
    expression is Python's if it can be, else ECMAScript's.
    """

    name: str
    ecmascript: bool | None
    data: dict[str, str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    # told of every expression that can only fail: (text, why)
    warn: Callable[[str, str], None] = lambda text, why: None

    def value(self, text: str) -> str:
        """The chart-language text of a value expression; ``invalid(…)`` when it has none."""
        return self._translate(text, _Translator.value)

    def condition(self, text: str) -> str:
        """The same for a condition: always of boolean type."""
        return self._translate(text, _Translator.condition)

    def _translate(self, text: str, how: Callable[[_Translator, ast.expr], ast.expr]) -> str:
        try:
            return _sound(how(_Translator(self), self._parse(text)))
        except NotTranslatable as error:
            self.warn(text, str(error))
            return invalid(text, str(error))

    def _parse(self, text: str) -> ast.expr:
        if len(text) > MAX_LENGTH:
            raise NotTranslatable(f"an expression of more than {MAX_LENGTH} characters")
        if self.ecmascript:
            return parse_expression(text)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the document's text, not of ours
                return ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            if self.ecmascript is None:
                return parse_expression(text)
            raise NotTranslatable("not an expression") from None

    def constant(self, text: str) -> object:
        """The value of an expression that is one literal, else ``None``."""
        try:
            tree = self._parse(text)
        except NotTranslatable:
            return None
        return tree.value if isinstance(tree, ast.Constant) else None

    def script(self, text: str) -> list[tuple[str, ast.expr]]:
        """``(name, value)`` of every statement of a script: assignments to names only. Raises NotTranslatable."""
        if len(text) > MAX_LENGTH:
            raise NotTranslatable(f"a script of more than {MAX_LENGTH} characters")
        if self.ecmascript is not False:
            text = re.sub(r";\s*$", "", re.sub(r"^\s*var\s+", "", text, flags=re.MULTILINE), flags=re.MULTILINE)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = ast.parse("\n".join(line.strip() for line in text.strip().splitlines())).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise NotTranslatable("a script of more than assignments") from None
        found: list[tuple[str, ast.expr]] = []
        for statement in body:
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target, value = statement.targets[0], statement.value
            elif isinstance(statement, ast.AugAssign):
                target = statement.target
                value = ast.BinOp(left=copy.deepcopy(target), op=statement.op, right=statement.value)
            else:
                raise NotTranslatable("a script of more than assignments")
            if not isinstance(target, ast.Name):
                raise NotTranslatable("assignment to part of a value")
            found.append((target.id, value))
        return found

    def tree_value(self, tree: ast.expr) -> str:
        """Like :meth:`value`, of a parsed expression."""
        try:
            return _sound(_Translator(self).value(tree))
        except NotTranslatable as error:
            text = ast.unparse(tree)
            self.warn(text, str(error))
            return invalid(text, str(error))


class _Translator:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.depth = 0
        self.sizes: dict[int, tuple[ast.AST, int]] = {}  # the node is kept, so that its id stays its own

    def condition(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.BoolOp):
            return ast.BoolOp(op=node.op, values=[self._deeper(self.condition, v) for v in node.values])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ast.UnaryOp(op=ast.Not(), operand=self._deeper(self.condition, node.operand))
        value = self.value(node)
        return value if _is_boolean(value) else _call("truthy", value)

    def value(self, node: ast.expr) -> ast.expr:
        return self._deeper(self._value, node)

    def _deeper(self, how: Callable[[ast.expr], ast.expr], node: ast.expr) -> ast.expr:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise NotTranslatable(f"nested deeper than {MAX_DEPTH}")
        result = how(node)
        self.depth -= 1
        if self._size(result) > MAX_NODES:
            raise NotTranslatable("too long once written out")
        return result

    def _size(self, node: ast.AST) -> int:
        """Nodes of the text to be written; parts that appear twice count twice, but are visited once."""
        known = self.sizes.get(id(node))
        if known is not None:
            return known[1]
        size = 1 + sum(self._size(child) for child in ast.iter_child_nodes(node))
        self.sizes[id(node)] = (node, size)
        return size

    def _value(self, node: ast.expr) -> ast.expr:
        match node:
            case ast.Constant(value=bool() | int() | str() | None):
                return node
            case ast.Constant(value=float() as number) if math.isfinite(number):
                return node
            case ast.Name(id=name):
                return self._name(name)
            case ast.Attribute(value=base, attr=name):
                return self._attribute(base, name)
            case ast.Subscript(value=base, slice=index) if not isinstance(index, ast.Slice):
                return ast.Subscript(value=self.value(base), slice=self.value(index))
            case ast.BinOp(left=left, op=ast.Mod(), right=ast.UnaryOp(op=ast.USub(), operand=right)):
                # `2 % -3` reads as two percent less three
                minus = ast.BinOp(left=ast.Constant(0), op=ast.Sub(), right=self.value(right))
                return ast.BinOp(left=self.value(left), op=node.op, right=minus)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.FloorDiv() | ast.Mod()):
                return ast.BinOp(left=self.value(left), op=node.op, right=self.value(node.right))
            case ast.BinOp(op=ast.BitOr()):
                return ast.BoolOp(op=ast.Or(), values=[self.condition(node.left), self.condition(node.right)])
            case ast.UnaryOp(op=ast.Not()):
                return self.condition(node)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                return (
                    ast.UnaryOp(op=node.op, operand=self.value(operand))
                    if isinstance(node.op, ast.USub)
                    else self.value(operand)
                )
            case ast.BoolOp(op=operator, values=values):
                return self._bool_value(operator, values)
            case ast.Compare():
                return self._compare(node)
            case ast.IfExp(test=test, body=then, orelse=other):
                return ast.IfExp(test=self.condition(test), body=self.value(then), orelse=self.value(other))
            case ast.List(elts=items) | ast.Tuple(elts=items) if not any(isinstance(i, ast.Starred) for i in items):
                return ast.List(elts=[self.value(item) for item in items])
            case ast.Dict():
                return _mapping(node, self.scope.ecmascript is not False)
            case ast.Call(func=function, args=args, keywords=[]):
                return self._call(function, args)
        raise NotTranslatable(f"'{type(node).__name__.lower()}' has no place in the chart language")

    def _name(self, name: str) -> ast.expr:
        if name in ("true", "True"):
            return ast.Constant(True)
        if name in ("false", "False"):
            return ast.Constant(False)
        if name in ("null", "undefined", "None"):
            return ast.Constant(None)
        if name == "_name":
            return ast.Constant(self.scope.name)  # the document's own name, which need not be one for a chart
        if name in SYSTEM_NAMES:
            return ast.Name(id=name)
        if name in self.scope.data:
            return ast.Name(id=self.scope.data[name])
        raise NotTranslatable(f"no data item '{name}' is declared")

    def _attribute(self, base: ast.expr, name: str) -> ast.expr:
        if isinstance(base, ast.Name) and base.id == "_event":
            if name not in EVENT_FIELDS:
                raise NotTranslatable(f"_event has no field '{name}'; it has {', '.join(EVENT_FIELDS)}")
            return ast.Attribute(value=ast.Name(id="_event"), attr=name)
        if name.startswith("_"):
            raise NotTranslatable(f"a field named '{name}'")
        value = self.value(base)
        if self.scope.ecmascript and name == "length":
            return _call("len", value)
        return ast.Attribute(value=value, attr=name)

    def _bool_value(self, operator: ast.boolop, values: list[ast.expr]) -> ast.expr:
        """``a or b`` as a value is the first true operand, not a truth value."""
        result = self.value(values[-1])
        for item in reversed(values[:-1]):
            left = self.value(item)
            if _is_boolean(left) and _is_boolean(result):
                result = ast.BoolOp(op=operator, values=[left, result])
            elif isinstance(operator, ast.Or):
                result = ast.IfExp(test=_truth(left), body=left, orelse=result)
            else:
                result = ast.IfExp(test=_truth(left), body=result, orelse=left)
        return result

    def _compare(self, node: ast.Compare) -> ast.expr:
        operators: list[ast.cmpop] = []
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, (ast.Is, ast.IsNot)):
                if not (isinstance(right, ast.Constant) and right.value in (None, True, False)):
                    raise NotTranslatable("'is' with anything but None, True, False")
                if right.value is not None or len(node.ops) > 1:
                    operator = ast.Eq() if isinstance(operator, ast.Is) else ast.NotEq()
            operators.append(operator)
        return ast.Compare(
            left=self.value(node.left), ops=operators, comparators=[self.value(c) for c in node.comparators]
        )

    def _call(self, function: ast.expr, args: list[ast.expr]) -> ast.expr:
        match function, args:
            case ast.Name(id="In"), [ast.Constant(value=str() as state)]:
                if state not in self.scope.states:
                    raise NotTranslatable(f"no state '{state}'")
                return _call("In", ast.Constant(self.scope.states[state]))
            case ast.Name(id="bool"), [operand]:
                return _truth(self.value(operand))
            case ast.Name(id="isinstance"), [operand, ast.Name(id="list")]:
                return _call("is_list", self.value(operand))
            case ast.Name(id="hasattr"), [ast.Name(id="_event"), ast.Constant(value=str()) as name]:
                return ast.Compare(left=name, ops=[ast.In()], comparators=[ast.Name(id="_event")])
            case ast.Name(id=name), _ if name in _FUNCTIONS:
                return _call(name, *(self.value(a) for a in args))
            case ast.Attribute(value=ast.Name(id="Math"), attr=name), _ if name in _FUNCTIONS:
                return _call(name, *(self.value(a) for a in args))
            case ast.Attribute(value=base, attr="get"), [ast.Constant(value=str()) as key]:
                mapping = self.value(base)
                found = ast.Compare(left=key, ops=[ast.In()], comparators=[mapping])
                return ast.IfExp(test=found, body=ast.Subscript(value=mapping, slice=key), orelse=ast.Constant(None))
            case ast.Attribute(value=ast.Name(id="Math"), attr="pow"), [base, ast.Constant(value=int() as times)]:
                if not 1 <= times <= 8:
                    raise NotTranslatable("a power other than 1 to 8")
                product = self.value(base)
                for _ in range(times - 1):
                    product = ast.BinOp(left=product, op=ast.Mult(), right=self.value(base))
                return product
            case ast.Attribute(value=base, attr="concat"), [*lists]:
                joined = self.value(base)
                for item in lists:
                    joined = ast.BinOp(left=joined, op=ast.Add(), right=self.value(item))
                return joined
            case ast.Attribute(value=base, attr="startswith" | "startsWith"), [prefix]:
                return _call("startswith", self.value(base), self.value(prefix))
        raise NotTranslatable(f"the call of {ast.unparse(function)}")


def _mapping(node: ast.Dict, plain_names: bool) -> ast.expr:
    """A mapping of constants; the chart language makes no others. ``plain_names``: ``{a: 1}`` has the key 'a'."""
    if plain_names:
        keys = [ast.Constant(key.id) if isinstance(key, ast.Name) else key for key in node.keys]
        node = ast.Dict(keys=keys, values=node.values)
    try:
        text = json.dumps(ast.literal_eval(node), allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        raise NotTranslatable("a mapping with values that are computed") from None
    return _call("json", ast.Constant(text))


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(func=ast.Name(id=name), args=list(args), keywords=[])


def _is_boolean(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=bool()) | ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return True
        case ast.BoolOp(values=values):
            return all(_is_boolean(v) for v in values)
        case ast.Call(func=ast.Name(id=name)):
            return name in _BOOLEAN_CALLS
        case ast.IfExp(body=then, orelse=other):
            return _is_boolean(then) and _is_boolean(other)
    return False


def _truth(node: ast.expr) -> ast.expr:
    return node if _is_boolean(node) else _call("truthy", node)


def literal(value: object) -> str:
    """A JSON value as expression text; objects are written ``json('…')``, since the language has no mapping of its own.
    Raises NotTranslatable for infinities and not-a-number."""
    if isinstance(value, list) and not any(isinstance(item, (list, dict)) for item in value):
        return f"[{', '.join(literal(item) for item in value)}]"
    if isinstance(value, (list, dict)):
        return f"json({quoted(json.dumps(value))})"
    if isinstance(value, float) and not math.isfinite(value):
        raise NotTranslatable("a number beyond all bounds")
    return quoted(value) if isinstance(value, str) else repr(value)


def text_value(text: str) -> str:
    """The value of text given in place of an expression (SCXML B.2.8.1): JSON if it is that, else the text with its
    white space normalised."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        value = " ".join(text.split())
    return literal(value)


def _no_constant(name: str) -> object:
    raise ValueError(name)


def duration_text(text: str) -> str | None:
    """A CSS2 time (``.5s``, ``100ms``) as a duration of the chart language; ``None`` when it is none."""
    match = re.fullmatch(r"\s*(\d{0,12}(?:\.\d{1,12})?)\s*(ms|s|m|h|min)?\s*", text)
    if match is None or not any(c.isdigit() for c in match.group(1)):
        return None
    unit = {"m": "min", None: "ms"}.get(match.group(2), match.group(2))
    ns = round(float(match.group(1)) * DURATION_UNITS[unit or "ms"])
    for name in ("s", "ms", "us", "ns"):
        if ns % DURATION_UNITS[name] == 0:
            return f"{ns // DURATION_UNITS[name]} {name}"
    return None
