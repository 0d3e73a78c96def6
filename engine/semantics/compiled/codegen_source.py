"""Generated Python, line by line. No text of a chart ever becomes source: names and strings are constants that the
generated function is given, numbers are written by ``repr``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from engine.language.position import Position


class Source:
    """One function while it is written. ``names`` are its globals. ``place`` is the position in the chart that the next
    lines come from; the constant ``LINES`` maps line numbers to these. ``needs`` are the locals that its lines use:
    each is requested here (:meth:`data`, :attr:`effects` …), so that the plan sets up only these."""

    def __init__(self, names: dict[str, Any], arguments: str) -> None:
        self.names = names
        self.constants: dict[str, Any] = {}
        self.arguments = arguments
        self.lines: list[tuple[int, str, Position | None]] = []
        self.place: Position | None = None
        self.needs: set[str] = set()
        self._indent = 1
        self._known: dict[Any, str] = {}
        self._locals = 0

    def add(self, line: str) -> None:
        """One line at the present indentation."""
        self.lines.append((self._indent, line, self.place))

    @contextmanager
    def block(self, line: str) -> Iterator[None]:
        """``line`` opens an indented block; an empty one passes."""
        self.add(line)
        self._indent += 1
        start = len(self.lines)
        yield
        if len(self.lines) == start:
            self.add("pass")
        self._indent -= 1

    @property
    def indent(self) -> int:
        """The present indentation."""
        return self._indent

    def deeper(self, by: int) -> None:
        """Move the indentation."""
        self._indent += by

    def guard(self, start: int, handler: list[str]) -> None:
        """Put the lines from ``start`` on under ``try``, with ``handler`` as the body of its ``except``."""
        body = [(indent + 1, line, place) for indent, line, place in self.lines[start:]]
        self.lines[start:] = [(self._indent, "try:", None), *body]
        self.add("except FAULTS as x:")
        for line in handler:
            self.lines.append((self._indent + 1, line, None))

    def data(self, slot: int) -> str:
        """Source of a data item."""
        self.needs.add("D")
        return f"D[{slot}]"

    def parameter(self, number: int) -> str:
        """Source of a parameter."""
        self.needs.add("P")
        return f"P[{number}]"

    @property
    def effects(self) -> str:
        """Source of the list of effects."""
        self.needs.add("E")
        return "E"

    @property
    def changes(self) -> str:
        """Source of the mapping of changed items."""
        self.needs.add("C")
        return "C"

    @property
    def work(self) -> str:
        """Source of the ``Work`` where an error may have to make one."""
        self.needs.add("w")
        return "w"

    def local(self) -> str:
        """A fresh local name."""
        self._locals += 1
        return f"v{self._locals}"

    def constant(self, value: Any) -> str:
        """The name under which the function knows ``value``."""
        simple = isinstance(value, (str, bytes, int, float, bool, type(None)))
        key = (type(value), repr(value)) if simple else id(value)
        name = self._known.get(key)
        if name is None:
            name = self._known[key] = f"K{len(self._known)}"
            self.constants[name] = value
        return name

    def literal(self, value: Any) -> str:
        """Source for a simple value: whole numbers, True, False, None in place, the rest as a constant."""
        if value is None or isinstance(value, bool):
            return repr(value)
        if isinstance(value, int):
            return repr(value) if value >= 0 else f"({value})"
        return self.constant(value)

    def function(self, title: str, setup: tuple[str, ...] = ()) -> Callable[..., Any]:
        """Compile what was added, ``setup`` lines first. ``title`` is for tracebacks and profiles.

        The constants are variables of an enclosing function, so that all plans share one dictionary of globals.
        """
        constants = ", ".join([*self.constants, "LINES"])
        header = [f"def make({constants}):", f" def plan({self.arguments}):", *(f"  {line}" for line in setup)]
        body = [" " * (indent + 1) + line for indent, line, _ in self.lines] or ["  pass"]
        lines = {number: place for number, (_, _, place) in enumerate(self.lines, len(header) + 1) if place is not None}
        text = "\n".join([*header, *body, " return plan", ""])
        scope: dict[str, Any] = {}
        exec(compile(text, f"<plan {title}>", "exec", dont_inherit=True), self.names, scope)
        function: Callable[..., Any] = scope["make"](*self.constants.values(), lines)
        return function
