"""Values of a running machine as JSON and back: bytes and numbers that JSON has no word for carry a tag."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PLAIN = frozenset((str, int, bool, type(None)))  # what JSON takes as it is


@dataclass(frozen=True, slots=True)
class Hidden:
    """A secret as records have it: only what stands in for it (see :mod:`engine.tools.trace.secrets`)."""

    stand_in: Any

    def __str__(self) -> str:
        return "(secret)"


def to_json(value: Any) -> Any:
    """JSON of a value: ``b"\\x00"`` is ``{"$hex": "00"}``, infinities ``{"$float": "inf"}``, tuples are lists.

    A mapping that would be taken for one of these is ``{"$map": …}``.

    A :class:`Hidden` is ``{"$secret": …}`` around what stands in for it, which is what is read back.

    A value no machine can hold (a chart's own object, "not set") becomes ``{"$text": …}``, which is not read back.
    """
    if value is None or isinstance(value, (int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": str(value)}
    if isinstance(value, dict):
        plain = {str(key): item if type(item) in _PLAIN else to_json(item) for key, item in value.items()}
        return {"$map": plain} if len(plain) == 1 and next(iter(plain))[:1] == "$" else plain
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$hex": bytes(value).hex()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, Hidden):
        return {"$secret": to_json(value.stand_in)}
    if isinstance(value, Mapping):
        return to_json(dict(value))
    return {"$text": str(value)}


def from_json(value: Any) -> Any:
    """The value :func:`to_json` was given. Raises ``ValueError`` for a broken tag."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1:
            (tag, content), *_ = value.items()
            if tag == "$hex" and isinstance(content, str):
                return bytes.fromhex(content)
            if tag == "$float" and content in ("inf", "-inf", "nan"):
                return float(content)
            if tag == "$secret":
                return from_json(content)
            if tag == "$map" and isinstance(content, dict):
                return {key: from_json(item) for key, item in content.items()}
        return {key: from_json(item) for key, item in value.items()}
    return value
