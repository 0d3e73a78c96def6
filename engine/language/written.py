"""Values as the text that :mod:`engine.language.text_values` reads back, exactly."""

from __future__ import annotations

import re
from typing import Any, Final

from engine.language.expr.functions import duration_text
from engine.language.types import Kind, Type

_QUOTED: Final = re.compile(r"(['\"]).*\1", re.DOTALL)


def as_text(value: Any, expected: Type) -> str:
    """The text that :func:`typed` reads as just this value of the type."""
    if value is None:
        return "none"
    kind = expected.kind
    if kind is Kind.BOOL:
        return "true" if value else "false"
    if kind is Kind.DURATION:
        return duration_text(value)
    if kind in (Kind.INT, Kind.FLOAT):
        text = repr(value).removesuffix(".0")
        return f"{text} {expected.unit.symbol}" if expected.unit is not None else text
    if kind is Kind.BYTES:
        return str(value.hex())
    if kind is Kind.LIST and expected.item is not None:
        return f"[{', '.join(_quoted(as_text(one, expected.item), expected.item) for one in value)}]"
    if kind is Kind.STRING:
        is_plain = value == value.strip() and not _QUOTED.fullmatch(value) and value.lower() not in ("none", "null")
        return value if is_plain else f'"{value}"'
    return str(value)


def _quoted(text: str, kind: Type) -> str:
    """A text in a list: in quotes where something in it would end it."""
    if kind.kind is not Kind.STRING or re.fullmatch(r"[\w.:/+-]+", text) or _QUOTED.fullmatch(text):
        return text
    quote = "'" if '"' in text else '"'
    return f"{quote}{text}{quote}"
