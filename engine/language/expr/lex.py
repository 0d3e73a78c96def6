"""Text of an expression → tokens, with offsets. Bounded: one pass, a limit on the length."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from engine.language.types import DURATION_UNITS, UNITS

MAX_TEXT = 4_000  # characters of one expression
MAX_QUANTITY = 1e290  # of a number with a unit: no other unit makes it too large for a float
KEYWORDS = frozenset({"and", "or", "not", "in", "is", "if", "else"})
CONSTANTS: dict[str, bool | None] = {
    "True": True,
    "False": False,
    "None": None,
    # YAML's own spelling of the same
    "true": True,
    "false": False,
    "null": None,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an expression: ``start``/``end`` are offsets in its text."""

    start: int
    end: int
    code: str
    message: str
    expected: str = ""
    hint: str = ""


class ExpressionError(Exception):
    """An expression does not parse or does not type-check."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = faults


class Token(NamedTuple):
    """``kind``: ``number`` (its ``value`` is (number, unit symbol)), ``string``, ``name``, ``op`` or ``end``."""

    kind: str
    text: str
    start: int
    end: int
    value: object = None


_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
      (?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d+)?)
        (?:[ \t]*(?P<unit>V/s|A/s|Ohm/V|[A-Za-z]+)(?![A-Za-z0-9_])|[ \t]*(?P<percent>%))?
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    | (?P<op>\*\*|//|==|!=|<=|>=|[-+*/%<>()\[\],.=])
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.ASCII,
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SIMPLE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "\\": "\\", "'": "'", '"': '"'}
_REST_OF_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What may follow `%` when it is the modulo operator and not the unit percent of the number before it.
_OPERAND_START = re.compile(r"[ \t\r\n]*(?:[0-9(.\['\"]|(?!(?:and|or|not|in|is|if|else)\b)[A-Za-z_])")


def tokenize(text: str) -> list[Token]:
    """The tokens of ``text``, the last of kind ``end``.

    Raises:
        ExpressionError: a character that belongs to nothing, an unknown unit, or more than ``MAX_TEXT`` characters.
    """
    if len(text) > MAX_TEXT:
        raise ExpressionError([Fault(0, 1, "limit", f"expression longer than {MAX_TEXT} characters")])
    tokens: list[Token] = []
    position = 0
    while True:
        match = _TOKEN.match(text, position)
        if match is None:
            raise ExpressionError([_strange(text, position)])
        kind = match.lastgroup
        if kind == "end":
            tokens.append(Token("end", "", len(text), len(text)))
            return tokens
        position = match.end()
        if kind == "name":
            name = match["name"]
            tokens.append(Token("op" if name in KEYWORDS else "name", name, match.start("name"), position))
        elif kind == "op":
            tokens.append(Token("op", match["op"], match.start("op"), position))
        elif kind == "string":
            start = match.start("string")
            tokens.append(Token("string", match["string"], start, position, _unescape(match["string"], start)))
        else:
            token, position = _number(text, match)
            tokens.append(token)


def _number(text: str, match: re.Match[str]) -> tuple[Token, int]:
    """A number with its unit, and where to go on: a keyword behind it (``1 if``) or a modulo is not a unit."""
    digits, start, end = match["number"], match.start("number"), match.end("number")
    unit = match["unit"] or ""
    rest = _REST_OF_WORD.match(text, end)
    if (match["unit"] is None and rest is not None) or (digits.isdigit() and digits[0] == "0" and digits.strip("0")):
        stop = rest.end() if rest is not None else end
        said = "decimal digits without 0 before them, or 0x and hexadecimal digits"
        raise ExpressionError([Fault(start, stop, "syntax", f"{text[start:stop][:40]!r} is no number", said)])
    if unit in KEYWORDS:
        unit = ""
    elif unit and unit not in UNITS and unit not in DURATION_UNITS:
        short = unit.split("/")[0]
        if "/" in unit and short in UNITS:  # `10 V/sum`: the regular expression read a unit V/s that is none
            unit, end = short, match.start("unit") + len(short)
        else:
            raise ExpressionError(
                [Fault(match.start("unit"), match.end("unit"), "unknown-unit", f"unknown unit {unit!r}", hint=unit)]
            )
    elif unit:
        end = match.end("unit")
    elif match["percent"] and not _OPERAND_START.match(text, match.end("percent")):
        unit, end = "%", match.end("percent")
    number: int | float
    if digits[:2] in ("0x", "0X"):
        number = int(digits, 16) if len(digits) <= 20 else 2**64
    elif digits.isdigit():
        number = int(digits) if len(digits) <= 20 else 2**64
    else:
        number = float(digits)
    if isinstance(number, int) and number > 2**63 - 1:
        raise ExpressionError([Fault(start, end, "limit", "an integer must fit 64 bits, signed")])
    if number == float("inf") or (unit and number > MAX_QUANTITY):
        raise ExpressionError([Fault(start, end, "limit", "the number is too large")])
    return Token("number", text[start:end], start, end, (number, unit)), end


def _unescape(quoted: str, offset: int) -> str:
    body = quoted[1:-1]
    if "\\" not in body:
        return body

    def plain(match: re.Match[str]) -> str:
        start = offset + 1 + match.start()
        if match[3] is None:
            code = int(match[1] or match[2], 16)
            if 0xD800 <= code <= 0xDFFF:
                end = offset + 1 + match.end()
                raise ExpressionError([Fault(start, end, "syntax", "half of a surrogate pair is no character")])
            return chr(code)
        if match[3] in _SIMPLE_ESCAPES:
            return _SIMPLE_ESCAPES[match[3]]
        raise ExpressionError(
            [
                Fault(
                    start,
                    start + 2,
                    "syntax",
                    f"unknown escape \\{match[3]}",
                    "one of \\n \\t \\r \\0 \\\\ \\' \\\" \\xHH",
                )
            ]
        )

    return _ESCAPE.sub(plain, body)


def _strange(text: str, position: int) -> Fault:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    character = text[position]
    if character in "'\"":
        return Fault(position, len(text), "syntax", "the string has no end", f"a closing {character}")
    hints = {"&": "'and'", "|": "'or'", "!": "'not' or '!='", "^": "no power operator: write the product out"}
    expected = hints.get(character, "")
    return Fault(position, position + 1, "syntax", f"{character!r} has no meaning in an expression", expected)
