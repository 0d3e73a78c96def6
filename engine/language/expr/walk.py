"""The parts of an expression, for walks through whole trees."""

from __future__ import annotations

from collections.abc import Iterator

from engine.language.expr import tree
from engine.language.expr.tree import Expr


def parts(expr: Expr) -> tuple[Expr, ...]:
    """The operands of an expression."""
    match expr:
        case tree.Unary(operand=operand):
            return (operand,)
        case tree.Binary(left=left, right=right) | tree.Compare(left=left, right=right):
            return (left, right)
        case tree.BoolOp(operands=operands):
            return operands
        case tree.Conditional(test=test, then=then, other=other):
            return (test, then, other)
        case tree.Call(args=args):
            return args
        case tree.Alive(key=key):
            return () if key is None else (key,)
        case tree.ListOf(items=items):
            return items
        case tree.Index(base=base, index=index):
            return (base, index)
        case tree.Field(base=base):
            return (base,)
    return ()


def within(expr: Expr) -> Iterator[Expr]:
    """``expr`` and all its descendants."""
    todo = [expr]
    while todo:
        item = todo.pop()
        yield item
        todo.extend(parts(item))
