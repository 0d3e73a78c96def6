"""Output in small character sets: with ``LANG=C`` or Latin-1 an arrow is ``->``, not a traceback."""

from __future__ import annotations

import codecs
import io
import sys

_PLAIN = {
    "→": "->",
    "…": "...",
    "–": "-",
    "─": "-",
    "×": "x",
    "·": "|",
    "“": '"',
    "”": '"',
    "▸": ">",
    "◂": "<",
    "◷": "@",
    "▏": "_",
    "≥": ">=",
    "≤": "<=",
}


def spell_out() -> None:
    """Let standard output and error write every text, in any encoding, even text that is not valid Unicode."""
    codecs.register_error("engine.spelled", _spelled)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="engine.spelled")


def _spelled(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(_PLAIN.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in signs), error.end
