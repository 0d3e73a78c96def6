"""Shared by decode and encode: one answer line per input line, errors as JSON objects, hex in any notation."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from adapters.v2g.codec import ExiError, ValidationError
from adapters.v2g.exi.bits import shown

MAX_LINE = 1 << 23
"""Octets of the longest job line; the rest of a longer one is skipped, and its answer is an error."""


class JobError(Exception):
    """Input that is not a job: bad hex, bad JSON, unknown protocol."""


def error_view(error: Exception) -> dict[str, Any]:
    """``{"error": {reason, path, bit_offset}}``; path and bit offset only where there are any."""
    view: dict[str, Any] = {"reason": str(error)}
    if isinstance(error, ExiError | ValidationError):
        view["reason"] = error.reason
        if error.path:
            view["path"] = error.path
    if isinstance(error, ExiError) and error.bit_offset is not None:
        view["bit_offset"] = error.bit_offset
    return {"error": view}


def from_hex(text: str) -> bytes:
    """Bytes of hex digits, with or without ``0x``, ``\\x``, spaces, colons, commas, line breaks. Raises JobError."""
    digits = re.sub(r"[\s:,]|\b0[xX]|\\x", "", text)
    if not digits:
        raise JobError("no hex digits")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise JobError(f"not hex: {text[:40]!r}") from None


def load_json(text: str | bytes) -> Any:
    """A JSON value; of bytes in UTF-8, UTF-16 or UTF-32, with or without byte order mark.

    Raises JobError, also for nesting or numbers beyond what Python reads, and for a key that an object has twice, of
    which Python would drop one.
    """
    try:
        return json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise JobError(f"not JSON: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise ValueError(f"key {shown(name)} stands twice in an object")
        made[name] = value
    return made


def answer_lines(answer: Callable[[str, str], dict[str, Any]]) -> int:
    """Read jobs ``PROTOCOL REST`` from standard input and print one JSON answer for each; 0 at the end.

    ``answer`` may raise JobError, ExiError, ValidationError or ValueError; those become error answers. Raises
    ``OSError`` when standard input or output is closed.
    """
    if sys.stdin is None or sys.stdout is None:
        raise OSError("standard input or standard output is closed")
    for line in _lines(sys.stdin.buffer):
        try:
            if line is None:
                raise JobError(f"line longer than {MAX_LINE} octets")
            words = line.decode("utf-8").strip().split(maxsplit=1)
            if len(words) != 2:
                raise JobError("a line is PROTOCOL, a space, and the job")
            view = answer(*words)
        except (JobError, ExiError, ValueError) as error:
            view = error_view(error)
        print(json.dumps(view, separators=(",", ":")), flush=True)
    return 0


def _lines(source: BinaryIO) -> Iterator[bytes | None]:
    """Lines; None for one that is too long."""
    while line := source.readline(MAX_LINE):
        if len(line) < MAX_LINE or line.endswith(b"\n"):
            yield line
            continue
        while (rest := source.readline(MAX_LINE)) and not rest.endswith(b"\n"):
            pass
        yield None
