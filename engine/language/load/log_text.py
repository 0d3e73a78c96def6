"""``log: text with {expr}``: literal text and expressions in turn. ``{{`` and ``}}`` stand for braces."""

from __future__ import annotations

from engine.language.expr import tree
from engine.language.expr.check import Scope, expression, secret_in
from engine.language.expr.lex import ExpressionError, Fault
from engine.language.load.build import Build
from engine.language.load.yaml_source import Scalar
from engine.language.types import STRING, Kind

MAX_PARTS = 100


def split_log(build: Build, node: Scalar, scope: Scope) -> tuple[tree.Expr, ...]:
    """The parts of a log text; a duration is turned into text as it is written in charts."""
    text = node.text
    parts: list[tree.Expr] = []
    literal = ""
    at = 0
    while at < len(text):
        character = text[at]
        if text[at : at + 2] in ("{{", "}}"):
            literal += character
            at += 2
        elif character == "{":
            end = _end(text, at + 1)
            if end < 0:
                build.reader.fault(node, Fault(at, at + 1, "syntax", "the '{' has no end", "'}', or '{{' for a brace"))
                break
            if literal:
                parts.append(tree.Literal(literal, STRING))
                literal = ""
            parts.append(_part(build, node, at + 1, end, scope))
            at = end + 1
        elif character == "}":
            build.reader.fault(node, Fault(at, at + 1, "syntax", "a '}' without '{'", "'}}' for a brace"))
            break
        else:
            literal += character
            at += 1
        if len(parts) > MAX_PARTS:
            build.reader.problem(node, "limit", f"more than {MAX_PARTS} expressions in one log text")
            break
    if literal:
        parts.append(tree.Literal(literal, STRING))
    return tuple(parts)


def _end(text: str, start: int) -> int:
    """Where the expression that begins at ``start`` ends: at the first '}' outside quotes; -1 without one."""
    quote = ""
    at = start
    while at < len(text):
        character = text[at]
        if quote:
            if character == "\\":
                at += 1
            elif character == quote:
                quote = ""
        elif character in "'\"":
            quote = character
        elif character == "}":
            return at
        at += 1
    return -1


def _part(build: Build, node: Scalar, start: int, end: int, scope: Scope) -> tree.Expr:
    try:
        expr = expression(node.text[start:end], build.seen_from(node, scope))
    except ExpressionError as error:
        for fault in error.faults:
            moved = Fault(fault.start + start, fault.end + start, fault.code, fault.message, fault.expected, fault.hint)
            build.reader.fault(node, moved)
        return tree.Literal("", STRING)
    if name := secret_in(expr):
        build.reader.fault(node, Fault(start, end, "secret", f"{name} is secret and cannot be in a log text"))
    if expr.type.kind is Kind.DURATION:
        return tree.Call("duration_text", (expr,), STRING)
    return expr
