"""ECMAScript expressions, the subset SCXML documents use, → Python's ``ast``: both data models share one translator.

Literals (of lists and objects, too), names, member, index and call, arithmetic, comparison, ``&& || ! ?:``,
``instanceof Array``, and ``|`` between conditions. Anything else raises :class:`NotTranslatable`; the importer then
writes an expression that fails when it is evaluated, as SCXML 5.9 wants it.
"""

from __future__ import annotations

import ast
import re

MAX_DEPTH = 50


class NotTranslatable(Exception):
    """This expression has no counterpart in the chart language; the text says what in it."""


_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<name>[A-Za-z_$][A-Za-z0-9_$]*)
    | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | (?P<op>===|!==|==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()\[\]{}|&=;])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}

# binary operators by binding strength, weakest first
_LEVELS: list[dict[str, ast.operator | ast.cmpop | ast.boolop]] = [
    {"||": ast.Or()},
    {"&&": ast.And()},
    {"|": ast.Or()},  # between conditions it is an `or`; the translator makes both sides conditions
    {"==": ast.Eq(), "===": ast.Eq(), "!=": ast.NotEq(), "!==": ast.NotEq()},
    {"<": ast.Lt(), "<=": ast.LtE(), ">": ast.Gt(), ">=": ast.GtE(), "in": ast.In(), "instanceof": ast.Is()},
    {"+": ast.Add(), "-": ast.Sub()},
    {"*": ast.Mult(), "/": ast.Div(), "%": ast.Mod()},
]
_CONSTANTS = {"true": True, "false": False, "null": None, "undefined": None, "True": True, "False": False, "None": None}


def parse_expression(text: str) -> ast.expr:
    """The expression as a Python ``ast`` node. Raises :class:`NotTranslatable`."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.at = 0
        self.depth = 0
        position = 0
        text = text.strip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise NotTranslatable(f"unexpected {text[position : position + 10]!r}")
            self.tokens.append((match.lastgroup, match.group(match.lastgroup)))
            position = match.end()

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self, value: str | None = None) -> tuple[str, str]:
        token = self.peek()
        if value is not None and token != ("op", value):
            raise NotTranslatable(f"expected {value!r}, found {token[1] or 'the end'!r}")
        self.at += 1
        return token

    def whole(self) -> ast.expr:
        tree = self.ternary()
        if self.peek()[0] != "end":
            raise NotTranslatable(f"unexpected {self.peek()[1]!r}")
        return tree

    def ternary(self) -> ast.expr:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise NotTranslatable(f"nested deeper than {MAX_DEPTH}")
        tree = self.binary(0)
        if self.peek() == ("op", "?"):
            self.take()
            then = self.ternary()
            self.take(":")
            tree = ast.IfExp(test=tree, body=then, orelse=self.ternary())
        self.depth -= 1
        return tree

    def binary(self, level: int) -> ast.expr:
        if level == len(_LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while (operator := _LEVELS[level].get(self.peek()[1])) is not None and self.peek()[0] != "string":
            self.take()
            right = self.binary(level + 1)
            if isinstance(operator, ast.boolop):
                same = isinstance(left, ast.BoolOp) and left.op is operator
                left = ast.BoolOp(op=operator, values=[*(left.values if same else [left]), right])  # type: ignore[attr-defined]
            elif isinstance(operator, ast.Is):
                if not (isinstance(right, ast.Name) and right.id == "Array"):
                    raise NotTranslatable("instanceof of anything but Array")
                left = _call("is_list", left)
            elif isinstance(operator, (ast.Eq, ast.NotEq)) and _is_typeof(left):
                left = _undefined(left, right, isinstance(operator, ast.Eq))
            elif isinstance(operator, ast.cmpop):
                left = ast.Compare(left=left, ops=[operator], comparators=[right])
            else:
                left = ast.BinOp(left=left, op=operator, right=right)
        return left

    def unary(self) -> ast.expr:
        kind, value = self.peek()
        if kind == "op" and value in ("!", "-", "+"):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise NotTranslatable(f"nested deeper than {MAX_DEPTH}")
            self.take()
            operand = self.unary()
            self.depth -= 1
            if value == "+":
                return operand
            return ast.UnaryOp(op=ast.Not() if value == "!" else ast.USub(), operand=operand)
        return self.postfix()

    def postfix(self) -> ast.expr:
        tree = self.primary()
        while True:
            token = self.peek()
            if token == ("op", "."):
                self.take()
                kind, name = self.take()
                if kind != "name":
                    raise NotTranslatable(f"expected a name after '.', found {name!r}")
                tree = ast.Attribute(value=tree, attr=name)
            elif token == ("op", "["):
                self.take()
                index = self.ternary()
                self.take("]")
                tree = ast.Subscript(value=tree, slice=index)
            elif token == ("op", "("):
                tree = ast.Call(func=tree, args=self.items(")"), keywords=[])
            else:
                return tree

    def items(self, closing: str) -> list[ast.expr]:
        self.take()
        found: list[ast.expr] = []
        while self.peek() != ("op", closing):
            found.append(self.ternary())
            if self.peek() != ("op", ","):
                break
            self.take()
        self.take(closing)
        return found

    def object(self) -> ast.Dict:
        """``{name: value, 'name': value}``."""
        self.take()
        keys: list[ast.expr | None] = []
        found: list[ast.expr] = []
        while self.peek() != ("op", "}"):
            kind, name = self.peek()
            key = self.primary() if kind in ("string", "number") else ast.Constant(name)
            if kind not in ("string", "number", "name"):
                raise NotTranslatable(f"expected the name of a field, found {name or 'the end'!r}")
            if kind == "name":
                self.take()
            self.take(":")
            keys.append(key)
            found.append(self.ternary())
            if self.peek() != ("op", ","):
                break
            self.take()
        self.take("}")
        return ast.Dict(keys=keys, values=found)

    def primary(self) -> ast.expr:
        kind, value = self.peek()
        if kind == "number":
            self.take()
            if len(value) > 30:
                raise NotTranslatable("a number of more than 30 characters")
            if value[:2] in ("0x", "0X"):
                return ast.Constant(int(value, 16))
            return ast.Constant(int(value) if value.isdigit() else float(value))
        if kind == "string":
            self.take()
            body = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m.group(1), m.group(1)), value[1:-1])
            return ast.Constant(body)
        if kind == "name":
            self.take()
            if value in _CONSTANTS:
                return ast.Constant(_CONSTANTS[value])
            if value == "typeof":
                return _call("typeof", self.postfix())
            if value in ("new", "function", "delete", "void", "return", "this", "var", "in", "instanceof"):
                raise NotTranslatable(f"'{value}'")
            return ast.Name(id=value)
        if (kind, value) == ("op", "("):
            self.take()
            tree = self.ternary()
            self.take(")")
            return tree
        if (kind, value) == ("op", "["):
            return ast.List(elts=self.items("]"))
        if (kind, value) == ("op", "{"):
            return self.object()
        raise NotTranslatable(f"unexpected {value or 'end'!r}")


def _is_typeof(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "typeof"


def _undefined(left: ast.expr, right: ast.expr, wanted: bool) -> ast.expr:
    """``typeof x === 'undefined'``: no value; of the event's fields other than its data, blank."""
    if not (isinstance(left, ast.Call) and isinstance(right, ast.Constant) and right.value == "undefined"):
        raise NotTranslatable("typeof compared with anything but 'undefined'")
    value = left.args[0]
    of_event = isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id == "_event"
    if isinstance(value, ast.Attribute) and of_event and value.attr != "data":
        filled = _call("bool", value)
        return ast.UnaryOp(op=ast.Not(), operand=filled) if wanted else filled
    operator: ast.cmpop = ast.Is() if wanted else ast.IsNot()
    return ast.Compare(left=value, ops=[operator], comparators=[ast.Constant(None)])


def _call(name: str, *args: ast.expr) -> ast.expr:
    return ast.Call(func=ast.Name(id=name), args=list(args), keywords=[])
