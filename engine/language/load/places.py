"""The place in a file's text of a character of a scalar's value."""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r\n|.)", re.DOTALL)
_BLOCK_HEADER = re.compile(r"[|>][^\r\n\x85\u2028\u2029]*")


def offset_in_raw(raw: str, value: str, offset: int) -> int:
    """The offset in ``raw``, the scalar as written, of ``value[offset]``.

    Both texts are walked side by side: white space of the value may come from a line break and its indentation; every
    other character is in the text as it is or as an escape.
    """
    if raw.startswith(value):
        return offset
    style = raw[:1]
    at = 1 if style in "'\"" else 0
    if style in "|>":
        header = _BLOCK_HEADER.match(raw)
        at = header.end() if header else 1
    for index, character in enumerate(value):
        if not character.isspace():
            at = _skip(raw, at, style)
        if index == offset:
            return min(at, len(raw))
        at = _step(raw, at, style, character)
    return min(at, len(raw))


def _skip(raw: str, at: int, style: str) -> int:
    """Past white space, and past escaped line breaks of a double-quoted scalar."""
    while at < len(raw):
        if raw[at].isspace():
            at += 1
        elif style == '"' and raw[at] == "\\" and raw[at + 1 : at + 2] in ("\n", "\r"):
            at += 2
        else:
            break
    return at


def _step(raw: str, at: int, style: str, character: str) -> int:
    """Past one character of the value."""
    if at >= len(raw):
        return at
    if style == '"' and raw[at] == "\\":
        escape = _ESCAPE.match(raw, at)
        return escape.end() if escape else at + 1
    if style == "'" and raw[at] == "'":
        return at + 2
    if character.isspace() and raw[at] != character:
        return at  # a folded line break: the text goes on after it
    return at + 1
