"""Numbers and times of options: what makes no sense is refused where it is written."""

from __future__ import annotations

from argparse import ArgumentTypeError


def count(text: str) -> int:
    """At least one. Raises ``ArgumentTypeError`` for what is none."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ArgumentTypeError(f"{text!r}: write a whole number, 1 or more")
    return int(text)


def count_or_none(text: str) -> int:
    """At least nothing."""
    return 0 if text == "0" else count(text)


def budget(text: str) -> float:
    """Seconds, more than none. Raises ``ArgumentTypeError`` for what is no such time."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0.0 < found < float("inf"):
        raise ArgumentTypeError(f"{text!r} is no time in seconds; write more than 0, such as 2.5")
    return found
