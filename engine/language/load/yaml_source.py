"""YAML text → nodes with their places, under the limits below.

YAML 1.2 core schema: plain scalars stay text, so `on`, `yes` and `off` are words; what a scalar means is decided where
it is used. Refused, with their place: duplicate keys, anchors, aliases and tags (so nothing is shared, cyclic or
expanded), several documents, tabs as indentation, bytes that are not UTF-8. Runs on PyYAML's event parsers: libyaml
where it is there, pure Python otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from engine.language.load.pure_parser import PureParser
from engine.language.position import Position
from engine.language.problems import ChartError, Problem, ProblemList

if TYPE_CHECKING:
    from engine.language.load.templates import Use

try:
    from yaml._yaml import CParser

    EventParser: Any = CParser
except ImportError:  # PyYAML without libyaml
    EventParser = None

MAX_BYTES = 2 * 2**20  # of one file
MAX_NODES = 100_000
MAX_DEPTH = 64  # mappings and sequences inside each other: some 30 levels of states
MAX_SCALAR = 64 * 2**10

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # what YAML 1.1 parsers count as the end of a line


@dataclass(slots=True, eq=False)
class Node:
    """A YAML node. ``start`` and ``end`` are PyYAML marks: line and column from 0, index into the text. ``source``: of
    a node that the use of a template has made; None for those of the file itself."""

    start: Any
    end: Any
    source: Source | None = field(default=None, kw_only=True)


@dataclass(slots=True, eq=False)
class Scalar(Node):
    """A scalar: its text, and whether it is plain (not quoted)."""

    text: str = ""
    plain: bool = True

    @property
    def is_null(self) -> bool:
        """Whether it is an empty or null value."""
        return self.plain and self.text in _NULLS


@dataclass(slots=True, eq=False)
class Sequence(Node):
    """A list; ``flow``: written in brackets."""

    items: list[Node] = field(default_factory=list)
    flow: bool = False


@dataclass(slots=True, eq=False)
class Mapping(Node):
    """A mapping: each key with its node and its value."""

    entries: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)

    def get(self, key: str) -> Node | None:
        """The value of a key, or None."""
        entry = self.entries.get(key)
        return entry[1] if entry is not None else None

    def items(self) -> Iterator[tuple[str, Scalar, Node]]:
        """Key, its node and its value, in the order of the file."""
        for key, (key_node, value) in self.entries.items():
            yield key, key_node, value


class Source:
    """One file's text, for places and for the lines shown with problems. ``used``: where the template is used whose
    nodes have this source, ``use`` that use."""

    used: Position | None = None
    use: Use | None = None

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self._lines: list[str] | None = None

    def line(self, number: int) -> str:
        """Line ``number``, from 1; '' beyond the end."""
        if self._lines is None:
            self._lines = _BREAK.split(self.text)
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    def problem(
        self, line: int, column: int, code: str, message: str, expected: str = "", hint: str = "", length: int = 1
    ) -> Problem:
        """A problem at a line and column that count from 0."""
        position = Position(self.file, line + 1, column + 1, self.used)
        return Problem(position, code, message, self.line(line + 1), expected, hint, length)

    def raw(self, node: Node) -> str:
        """The text of a node as written in the file."""
        return self.text[node.start.index : node.end.index]

    def place(self, scalar: Scalar, offset: int) -> tuple[int, int]:
        """Line and column, from 0, of character ``offset`` of a scalar's value; quotes, escapes and folded lines are
        counted."""
        from engine.language.load.places import offset_in_raw

        raw = self.raw(scalar)
        skipped = raw[: offset_in_raw(raw, scalar.text, offset)]
        breaks = list(_BREAK.finditer(skipped))
        if not breaks:
            return scalar.start.line, scalar.start.column + len(skipped)
        return scalar.start.line + len(breaks), len(skipped) - breaks[-1].end()


def parse(source: Source, problems: ProblemList, *, pure: bool = False) -> Node:
    """The root node. ``problems`` receives faults that do not prevent reading the rest (duplicate keys).

    Raises:
        ChartError: the text is not YAML or not of the kind a chart may be written in.
    """
    text = source.text
    if len(text) > MAX_BYTES:
        raise ChartError([source.problem(0, 0, "limit", f"the text is longer than {MAX_BYTES} characters")])
    try:
        parser = PureParser(text) if pure or EventParser is None else EventParser(text)
        return _Builder(source, problems).build(parser)
    except yaml.YAMLError as error:
        raise ChartError([_syntax_problem(source, error)]) from None
    except UnicodeEncodeError as error:
        line, column = _line_and_column(text, error.start)
        raise ChartError(
            [source.problem(line, column, "not-text", "half of a surrogate pair is no character")]
        ) from None


def _line_and_column(text: str, index: int) -> tuple[int, int]:
    breaks = list(_BREAK.finditer(text, 0, index))
    return len(breaks), index - (breaks[-1].end() if breaks else 0)


def _syntax_problem(source: Source, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    position = getattr(error, "position", None)
    if mark is None and isinstance(position, int):
        line, column = _line_and_column(source.text, position)
    hint = ""
    shown = source.line(line + 1)
    if "\t" in shown[: max(column, 0) + 1]:
        what, hint = "a tab where YAML wants spaces", "indent with spaces"
    elif "mapping values are not allowed" in what:
        hint = "text that holds ': ' stands in quotes"
    elif "control characters are not allowed" in what or "special characters are not allowed" in what:
        what = "a control character"
    elif "expected key" in what or "block end" in what or "<block mapping start>" in what:
        hint = "text that begins with a quote stands in quotes as a whole; keys of one mapping begin in one column"
        if re.match(r"\s*[\w.]+:[{\[]", shown):
            hint = "a space stands behind the colon of a key"
    elif "expected ',' or" in what or "did not find expected ',' or" in what:
        hint = "inside [ ] and { } text that holds a comma, a bracket or ' #' stands in quotes"
    opened = getattr(error, "context_mark", None)
    if (
        opened is not None
        and opened.line != line
        and ("flow" in str(getattr(error, "context", "")) or "quoted" in str(getattr(error, "context", "")))
    ):
        hint = f"what begins in line {opened.line + 1}, column {opened.column + 1}, has no end" + (
            f"; {hint}" if hint else ""
        )
    return source.problem(line, column, "yaml", f"not YAML: {what}", hint=hint)


class _Builder:
    """Events → nodes, with the open collections on a stack of its own."""

    def __init__(self, source: Source, problems: ProblemList) -> None:
        self.source = source
        self.problems = problems

    def build(self, parser: Any) -> Node:
        stack: list[Mapping | Sequence] = []
        keys: list[Scalar | None] = []  # the key that waits for its value, per open collection
        root: Node | None = None
        documents = nodes = 0
        get_event = parser.get_event
        while True:
            event = get_event()
            kind = type(event)
            node: Node
            if kind is ScalarEvent:
                if event.anchor is not None or event.tag is not None:
                    self._refuse(event)
                if len(event.value) > MAX_SCALAR:
                    raise self._limit(event, f"a text longer than {MAX_SCALAR} characters")
                node = Scalar(event.start_mark, event.end_mark, event.value, not event.style)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                if event.anchor is not None or event.tag is not None:
                    self._refuse(event)
                if kind is MappingStartEvent:
                    node = Mapping(event.start_mark, event.end_mark)
                else:
                    node = Sequence(event.start_mark, event.end_mark, [], bool(event.flow_style))
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                closed = stack.pop()
                keys.pop()
                closed.end = event.end_mark
                continue
            elif kind is AliasEvent:
                raise self._error(event, "alias", "aliases (*name) are not used in charts", "write the value out")
            elif kind is DocumentStartEvent:
                documents += 1
                if documents > 1:
                    raise self._error(event, "yaml", "a second document in the file", "one chart per file")
                continue
            elif kind is StreamEndEvent:
                if root is None:
                    raise ChartError([self.source.problem(0, 0, "yaml", "the file is empty", "a chart")])
                return root
            else:
                continue
            nodes += 1
            if nodes > MAX_NODES:
                raise self._limit(event, f"more than {MAX_NODES} values")
            if not stack:
                root = node
            elif type(stack[-1]) is Sequence:
                stack[-1].items.append(node)
            else:
                key = keys[-1]
                if key is None:
                    keys[-1] = self._key(node, event)
                else:
                    keys[-1] = None
                    self._entry(stack[-1], key, node)
            if kind is not ScalarEvent:
                if len(stack) >= MAX_DEPTH:
                    raise self._limit(event, f"nested deeper than {MAX_DEPTH}")
                stack.append(node)  # type: ignore[arg-type]
                keys.append(None)

    def _key(self, node: Node, event: Any) -> Scalar:
        if not isinstance(node, Scalar):
            raise self._error(event, "yaml", "a key must be text", "a word, or text in quotes")
        return node

    def _entry(self, mapping: Any, key: Scalar, value: Node) -> None:
        entries: dict[str, tuple[Scalar, Node]] = mapping.entries
        if key.text in entries:
            first = entries[key.text][0]
            self.problems.add(
                self.source.problem(
                    key.start.line,
                    key.start.column,
                    "duplicate-key",
                    f"the key {key.text!r} stands here a second time",
                    hint=f"the first one is in line {first.start.line + 1}",
                    length=len(key.text),
                )
            )
        else:
            entries[key.text] = (key, value)

    def _refuse(self, event: Any) -> None:
        if event.anchor is not None:
            raise self._error(event, "alias", "anchors (&name) are not used in charts", "write the value out")
        raise self._error(event, "yaml", f"tags ({event.tag}) are not used in charts", "the value without a tag")

    def _limit(self, event: Any, message: str) -> ChartError:
        return self._error(event, "limit", message, "")

    def _error(self, event: Any, code: str, message: str, expected: str) -> ChartError:
        mark = event.start_mark
        return ChartError([self.source.problem(mark.line, mark.column, code, message, expected)])
