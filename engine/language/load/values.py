"""A value written as a literal of a chart; what is given from outside is read by :mod:`engine.language.text_values`."""

from __future__ import annotations

from engine.language.expr.check import expression
from engine.language.expr.evaluate import evaluate
from engine.language.expr.lex import ExpressionError
from engine.language.expr.tree import Value
from engine.language.load.reader import NO_NAMES
from engine.language.types import Kind, Type
from engine.language.values import EvaluationError


class _Nothing:
    """An environment without any name: a constant needs none."""

    def __getattr__(self, name: str) -> Value:
        raise EvaluationError("a constant has no names")


def constant(text: str, type_: Type) -> Value:
    """The value of ``text`` as a literal of ``type_``: ``40 s``, ``400 V``, ``true``, ``[1, 2]``. A string or an enum
    value may be without quotes.

    Raises:
        ValueError: it is not such a literal; the text says why.
    """
    absent = type_.optional and text in ("None", "null")
    if type_.kind in (Kind.STRING, Kind.ENUM) and text[:1] not in ("'", '"') and not absent:
        text = repr(text)
    try:
        return evaluate(expression(text, NO_NAMES, type_), _Nothing())  # type: ignore[arg-type,no-any-return]
    except ExpressionError as error:
        raise ValueError("; ".join(_said(fault.message, fault.hint) for fault in error.faults)) from None
    except EvaluationError as error:
        raise ValueError(str(error)) from None


def _said(message: str, hint: str) -> str:
    return f"{message} ({hint})" if hint else message
