"""The expression tree: a guard, an argument or an assigned value after parsing and type checking.

Every node is immutable and carries the ``type`` of its value. The compiled core turns the tree into Python, the C
generator into C, and the checker reads it, so it is kept small. Nothing here is evaluated from text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as Lit

from engine.language.types import Type

Value = bool | int | float | str | bytes | None | list["Value"] | dict[str, "Value"]
ArithmeticOp = Lit["+", "-", "*", "/", "//", "%"]
CompareOp = Lit["==", "!=", "<", "<=", ">", ">=", "in", "not in"]


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: number, string, duration (nanoseconds), True, False, None."""

    value: bool | int | float | str | bytes | None
    type: Type


@dataclass(frozen=True, slots=True)
class Variable:
    """A data item of the chart, or the item or index of an enclosing ``foreach``. One without a value raises."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the chart: fixed from start to end of a machine."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class EventField:
    """``event.NAME``: a payload field of the event being processed."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class SystemField:
    """SCXML system variables (SCXML 5.10): ``_event.name|type|sendid|origin|origintype|invokeid|data``, ``_event``,
    ``_name``, ``_sessionid``, ``_ioprocessors``. ``name`` is the dotted text as written."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Reading:
    """``role.value``: a readable value of a bound adapter, read at most once per macrostep."""

    role: str
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Unary:
    """``-x`` or ``not x``."""

    op: Lit["-", "not"]
    operand: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic. ``scale`` converts units: value = (left op right) * scale; 1.0 when none is needed."""

    op: ArithmeticOp
    left: Expr
    right: Expr
    type: Type
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison; a chain ``a < b < c`` is a BoolOp of two. Operands have the same unit after loading."""

    op: CompareOp
    left: Expr
    right: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class BoolOp:
    """Short-circuit ``and`` / ``or`` of two or more boolean operands."""

    op: Lit["and", "or"]
    operands: tuple[Expr, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Conditional:
    """``then if test else other``."""

    test: Expr
    then: Expr
    other: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Call:
    """A whitelisted function: see ``engine.language.expr.functions``."""

    function: str
    args: tuple[Expr, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class InState:
    """``In('state.path')``: whether the state is active. ``state`` is the full id."""

    state: str
    type: Type


@dataclass(frozen=True, slots=True)
class Alive:
    """``alive(child)`` / ``alive(child, key)``: how many instances of a spawned or invoked child run (int), or whether
    the one with this key does (bool)."""

    child: str
    key: Expr | None
    type: Type


@dataclass(frozen=True, slots=True)
class OfChild:
    """``child.NAME``, ``child.In('state')``: what ``expr`` is in a child's machine. Only a joint invariant has it."""

    child: str
    expr: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class ListOf:
    """``[a, b, c]``."""

    items: tuple[Expr, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Index:
    """``list[i]``, or ``mapping['key']`` under ``any``."""

    base: Expr
    index: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Field:
    """``base.name`` under ``any`` (imported charts): a key of a mapping."""

    base: Expr
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Invalid:
    """An expression an imported SCXML document must only fail on when it is evaluated (SCXML 5.9): always raises."""

    text: str
    type: Type


Expr = (
    Literal
    | Variable
    | Parameter
    | EventField
    | SystemField
    | Reading
    | Unary
    | Binary
    | Compare
    | BoolOp
    | Conditional
    | Call
    | InState
    | Alive
    | OfChild
    | ListOf
    | Index
    | Field
    | Invalid
)
