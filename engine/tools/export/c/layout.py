"""Lines of C put together."""

from __future__ import annotations

from collections.abc import Iterable


def enum(members: Iterable[str]) -> list[str]:
    """The constants of an enumeration without a name; nothing when there are none."""
    lines = listed(members)
    return ["enum {", *lines, "};"] if lines else []


def listed(parts: Iterable[str], per_line: int = 1) -> list[str]:
    """The parts with a comma behind each, so many to a line."""
    found = [f"{part}," if " /*" not in part else part.replace(" /*", ", /*", 1) for part in parts]
    return [f"    {' '.join(found[at : at + per_line])}" for at in range(0, len(found), per_line)]


def indented(lines: Iterable[str]) -> list[str]:
    """The lines one step in."""
    return [f"    {line}" for line in lines]
