"""Values given from outside as text: options, environment variables, station files, fault rules, typed events.

One grammar for all of them, close to what a chart says. ``ValueError`` tells what was expected and what was there.

    bool        true yes on 1, false no off 0, in any case
    int, float  -12, 1_000, 1.5e3, 0x1f (an int); with a unit of the same kind it is converted: 0.4 kV where V is wanted
    duration    250 ms, 1.5 s, .5 s, 1e3 ms: a number and one of ns us ms s min h, rounded to whole nanoseconds
    bytes       00ff, 00:ff, 00 ff, 0x00ff
    list        a, b or [a, b]; a comma inside brackets or quotes does not part
    string      as it stands, or in quotes, which are taken off; an enum's value likewise
    optional    none or null, in any case
    any         a TOML value, else text
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from fractions import Fraction
from math import inf
from typing import Any

from engine.language.expr.units import convert
from engine.language.problems import nearest
from engine.language.types import DURATION_UNITS, UNITS, Kind, Type
from engine.language.values import checked, describe

MAX_NUMBER = 60  # characters of a number with its unit
_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?=\.?\d)(?:\d+(?:_\d+)*)?(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)\s*(?P<unit>\D.*)?", re.ASCII
)
_BOOLS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_QUOTED = re.compile(r"(['\"]).*\1", re.DOTALL)
_OPENING, _CLOSING = "([{", ")]}"
_BEFORE_QUOTES = "=,:([{ \t"  # a quote behind anything else is an apostrophe


def typed(value: Any, expected: Type) -> Any:
    """A value of a file, a variable or an option under its declared type, as it is stored: text is read, anything else
    is checked; a duration must be text, since a number alone has no unit.

    Raises:
        ValueError: saying what was expected.
    """
    if isinstance(value, str):
        return checked(_from_text(value.strip(), expected), expected)
    if expected.kind is Kind.DURATION and value is not None:
        raise ValueError(f"{_wanted_duration()}, got {value!r}: write it with its unit, in quotes")
    if expected.kind is Kind.LIST and isinstance(value, list) and expected.item is not None:
        value = [typed(item, expected.item) for item in value]
    return checked(value, expected)


def untyped(text: str) -> Any:
    """Text whose type nobody declares: a TOML value if it is one, else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def duration(text: str) -> int:
    """The nanoseconds of ``250 ms``. Raises ``ValueError``."""
    match = _quantity(text)
    if match is None or match["unit"] not in DURATION_UNITS:
        raise ValueError(f"{_wanted_duration()}, got {_short(text)}")
    return round(Fraction(match["number"].replace("_", "")) * DURATION_UNITS[match["unit"]])


def parts(text: str) -> Iterator[str]:
    """``a, b(x=1, y=2), 'c, d'`` at the commas outside brackets and quotes, each part without the blanks around it."""
    depth, start, at = 0, 0, 0
    while at < len(text):
        character = text[at]
        if character in "'\"" and (at == start or text[at - 1] in _BEFORE_QUOTES):
            at = max(at, text.find(character, at + 1))  # one without its end is a letter like others
        elif character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
        elif character == "," and depth <= 0:
            yield text[start:at].strip()
            start = at + 1
        at += 1
    yield text[start:].strip()


def fields(text: str) -> Iterator[tuple[str, str]]:
    """``name=value, name=value`` as pairs of texts. Raises ``ValueError`` for a part that is none."""
    for part in parts(text):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"write FIELD=VALUE, FIELD=VALUE, not {_short(part)}")
        yield name.strip(), value.strip()


def _from_text(text: str, expected: Type) -> Any:
    kind = expected.kind
    if kind is Kind.ANY:
        return untyped(text)
    if expected.optional and text.lower() in ("none", "null"):
        return None
    if len(text) > 1 and _QUOTED.fullmatch(text):
        text = text[1:-1]
    if kind is Kind.BOOL:
        if text.lower() not in _BOOLS:
            raise ValueError(f"expected true or false, got {_short(text)}")
        return _BOOLS[text.lower()]
    if kind in (Kind.INT, Kind.FLOAT):
        return _number(text, expected)
    if kind is Kind.DURATION:
        return duration(text)
    if kind is Kind.BYTES:
        try:
            return bytes.fromhex(text.removeprefix("0x").replace(":", " "))
        except ValueError:
            raise ValueError(f"expected bytes as hexadecimal digits, got {_short(text)}") from None
    if kind is Kind.LIST and expected.item is not None:
        inner = text.removeprefix("[").removesuffix("]").strip()
        return [_from_text(part, expected.item) for part in parts(inner)] if inner else []
    if kind is Kind.ENUM and text not in expected.values and (near := nearest(text, expected.values)):
        raise ValueError(f"{text!r} is none of {', '.join(expected.values)}; did you mean {near!r}?")
    return text


def _quantity(text: str) -> re.Match[str] | None:
    return _QUANTITY.fullmatch(text.strip()) if len(text) <= MAX_NUMBER else None


def _number(text: str, expected: Type) -> int | float:
    wrong = ValueError(f"expected {describe(expected)}, got {_short(text)}")
    if expected.kind is Kind.INT and text.lower().startswith("0x"):
        try:
            return int(text, 16)
        except ValueError:
            raise wrong from None
    match = _quantity(text)
    if match is None:
        raise wrong
    digits, symbol = match["number"], match["unit"]
    try:
        number: int | float = int(digits) if expected.kind is Kind.INT or digits.isdigit() else float(digits)
    except ValueError:
        raise wrong from None
    if number in (inf, -inf):  # in a chart it is too large as well
        raise wrong
    if not symbol:
        return number
    unit = UNITS.get(symbol)
    if unit is None or expected.unit is None or unit.dimension != expected.unit.dimension:
        raise wrong
    return convert(number, unit, expected.unit)


def _wanted_duration() -> str:
    return f"expected a duration such as 250 ms (units: {', '.join(DURATION_UNITS)})"


def _short(text: str) -> str:
    return repr(text if len(text) <= 200 else text[:200] + "…")
