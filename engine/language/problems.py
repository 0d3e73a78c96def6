"""Faults of a chart, for people: file:line:column, the line, what was expected, the nearest valid name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.language.position import Position

MAX_PROBLEMS = 100  # of one load; what follows would mostly be more of the same


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a chart. ``code`` is stable (``unknown-state``, ``unit`` …), ``line_text`` the offending line,
    ``length`` the number of its characters that are meant, ``expected`` what belongs there, ``hint`` how to mend it."""

    position: Position
    code: str
    message: str
    line_text: str = ""
    expected: str = ""
    hint: str = ""
    length: int = 1

    def __str__(self) -> str:
        lines = [f"{self.position}: {self.message} [{self.code}]"]
        if self.line_text.strip():
            shown, offset = _window(self.line_text, self.position.column - 1)
            marks = "^" * max(1, min(self.length, len(shown) - offset))
            lines += [f"    {shown}", f"    {' ' * offset}{marks}"]
        if self.expected:
            lines.append(f"    expected: {self.expected}")
        if self.hint:
            lines.append(f"    {self.hint}")
        return "\n".join(lines)


def _window(line: str, column: int, width: int = 110) -> tuple[str, int]:
    """The part of ``line`` around ``column``, control characters as spaces, and where the column is in it."""
    line = "".join(character if character.isprintable() else " " for character in line)
    column = min(column, len(line))
    if len(line) <= width:
        return line, column
    start = max(0, column - width // 2)
    cut = line[start : start + width]
    return ("…" + cut[1:] if start else cut) + ("…" if start + width < len(line) else ""), column - start


class ChartError(Exception):
    """A chart does not load. ``problems`` has all that were found, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        shown = [str(problem) for problem in self.problems]
        if len(self.problems) >= MAX_PROBLEMS:
            shown.append(f"… stopped at {MAX_PROBLEMS} problems")
        return "\n".join(shown)


class TooManyProblems(Exception):
    """A :class:`ProblemList` is full."""


class ProblemList:
    """The problems of a load. At most ``MAX_PROBLEMS``, so that a hostile file cannot keep the loader busy for
    hours."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def __len__(self) -> int:
        return len(self.found)

    def add(self, problem: Problem) -> None:
        """Add a problem. Raises :class:`TooManyProblems` when the list is full."""
        self.found.append(problem)
        if len(self.found) >= MAX_PROBLEMS:
            raise TooManyProblems

    def add_all(self, problems: Iterable[Problem]) -> None:
        """Add several problems. Raises :class:`TooManyProblems` when the list is full."""
        for problem in problems:
            self.add(problem)


def nearest(name: str, known: Iterable[str]) -> str:
    """The valid name most like ``name``, or ''. Case and underscores count little."""
    import difflib

    if not name or len(name) > 200:
        return ""
    candidates = list(known)[:500]
    folded = {_fold(candidate): candidate for candidate in reversed(candidates)}
    if _fold(name) in folded:
        return folded[_fold(name)]
    close = difflib.get_close_matches(_fold(name), folded, 1, 0.6)
    return folded[close[0]] if close else ""


def _fold(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def suggestion(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?``, or the known names when none is near; empty when there are none."""
    names = sorted(known)
    best = nearest(name, names)
    if best or not names:
        return best and f"; did you mean {best!r}?"
    return f"; there are: {', '.join(names[:12])}" + (", …" if len(names) > 12 else "")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint naming the nearest of the known names, or a few of them when none is near."""
    candidates = list(dict.fromkeys(known))
    best = nearest(name, candidates)
    if best:
        return f"did you mean {best!r}?"
    if 0 < len(candidates) <= 8:
        return f"known: {', '.join(candidates)}"
    return ""
