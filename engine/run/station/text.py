"""Values as people write them in station files, environment variables and ``--set``."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from engine.language.expr.units import convert
from engine.language.problems import nearest
from engine.language.types import DURATION_UNITS, UNITS, Kind, Type
from engine.language.values import checked, describe

_QUANTITY = re.compile(r"([+-]?(?:\d[\d_]*)?(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*(\D.*)?", re.ASCII)
_BOOLS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def typed(value: Any, expected: Type) -> Any:
    """A value of a file, a variable or an option, converted to its declared type; text is read as a chart writes it.

    ``400 V``, ``0.4 kV`` (converted), ``250 ms``, ``true``, ``a, b`` for lists, ``00:ff`` for bytes, ``none`` for an
    optional one. Raises ``ValueError`` that says what was expected.
    """
    if isinstance(value, str):
        return checked(_from_text(value.strip(), expected), expected)
    if expected.kind is Kind.DURATION and value is not None:
        raise ValueError(f"expected a duration such as 250 ms, got {value!r}: write it with its unit, in quotes")
    if expected.kind is Kind.LIST and isinstance(value, list) and expected.item is not None:
        value = [typed(item, expected.item) for item in value]
    return checked(value, expected)


def untyped(text: str) -> Any:
    """Text without a declared type: a TOML value if it is one, else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


_SETTING = re.compile(r"(bool|int|float|string|duration|enum\(([\w, -]+)\))(?: (\S+?))?(\?)?")


def setting_type(text: str) -> Type:
    """The type of an adapter's setting: a simple type as a chart writes it. Raises ``ValueError``."""
    match = _SETTING.fullmatch(text)
    if match is None or (match[3] and match[3] not in UNITS):
        raise ValueError(f"no type of a setting: {text!r}")
    optional = match[4] is not None
    if match[2]:
        return Type(Kind.ENUM, values=tuple(value.strip() for value in match[2].split(",")), optional=optional)
    return Type(Kind(match[1]), unit=UNITS[match[3]] if match[3] else None, optional=optional)


def _from_text(text: str, expected: Type) -> Any:
    kind = expected.kind
    if expected.optional and text.lower() in ("none", "null"):
        return None
    if kind is Kind.BOOL:
        if text.lower() not in _BOOLS:
            raise ValueError(f"expected true or false, got {text!r}")
        return _BOOLS[text.lower()]
    if kind in (Kind.INT, Kind.FLOAT):
        return _number(text, expected)
    if kind is Kind.DURATION:
        return _duration(text)
    if kind is Kind.BYTES:
        try:
            return bytes.fromhex(text.removeprefix("0x").replace(":", " "))
        except ValueError:
            raise ValueError(f"expected bytes as hexadecimal digits, got {text!r}") from None
    if kind is Kind.LIST and expected.item is not None:
        inner = text.removeprefix("[").removesuffix("]").strip()
        return [_from_text(part.strip(), expected.item) for part in inner.split(",")] if inner else []
    if kind is Kind.ANY:
        return untyped(text)
    if kind is Kind.ENUM and text not in expected.values and (near := nearest(text, expected.values)):
        raise ValueError(f"{text!r} is none of {', '.join(expected.values)}; did you mean {near!r}?")
    return text


def _split(text: str, expected: str) -> tuple[str, str]:
    match = _QUANTITY.fullmatch(text)
    if match is None or not match[1] or len(text) > 60:
        raise ValueError(f"expected {expected}, got {text!r}")
    return match[1], (match[2] or "").strip()


def _number(text: str, expected: Type) -> int | float:
    wanted = describe(expected)
    if expected.kind is Kind.INT and text.lower().startswith("0x"):
        try:
            return int(text, 16)
        except ValueError:
            raise ValueError(f"expected {wanted}, got {text!r}") from None
    digits, symbol = _split(text, wanted)
    try:
        number: int | float = int(digits) if expected.kind is Kind.INT or digits.isdigit() else float(digits)
    except ValueError:
        raise ValueError(f"expected {wanted}, got {text!r}") from None
    if symbol:
        unit = UNITS.get(symbol)
        if unit is None or expected.unit is None or unit.dimension != expected.unit.dimension:
            raise ValueError(f"expected {wanted}, got {text!r}")
        number = convert(number, unit, expected.unit)
    return number


def _duration(text: str) -> int:
    digits, symbol = _split(text, "a duration such as 250 ms")
    if symbol not in DURATION_UNITS:
        units = ", ".join(DURATION_UNITS)
        raise ValueError(f"expected a duration such as 250 ms (units: {units}), got {text!r}")
    return round(float(digits) * DURATION_UNITS[symbol]) if "." in digits else int(digits) * DURATION_UNITS[symbol]
