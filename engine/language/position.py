"""A place in a source file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """``file:line:column``; line and column count from 1. ``used``: where the template is used that has this place."""

    file: str
    line: int
    column: int
    used: Position | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}"
        return place if self.used is None else f"{place} (used in {self.used})"


NOWHERE = Position("<built>", 1, 1)
