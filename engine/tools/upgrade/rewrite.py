"""From version 1 of the language to version 2, by edits of the text.

- ``language: 2``.
- ``source:`` that cites a standard is ``clause:``; an imported invoke's ``source:`` is ``src_expr:``.
- An empty entry of ``on`` goes into ``ignore``, unless a later entry takes the same events.
- A mapping under ``assign`` in which one value reads what another is given is a list, in the same order.
- Texts lose their inner quotes where they need none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.language.expr.check import Scope
from engine.language.expr.lex import CONSTANTS, ExpressionError
from engine.language.expr.parse import Node as Syntax
from engine.language.expr.parse import parse
from engine.language.expr.words import are_words
from engine.language.load.clauses import cites_standard
from engine.language.load.files import Typed
from engine.language.load.keys import LANGUAGE, TABLE
from engine.language.load.yaml_source import Mapping, Node, Scalar, Sequence
from engine.language.types import Kind, Type
from engine.tools.upgrade.kinds import mappings

_WIDTH = 120
_QUOTED = re.compile(r"'([^'\\]+)'")
_NEEDS_QUOTES = re.compile(r"^[\s\-?:,\[\]{}#&*!|>'\"%@`~]|[,\[\]{}\"\\]|:\s|:$|\s#|\s$|^(null|Null|NULL)$")


@dataclass(frozen=True, slots=True)
class Edit:
    """``text[start:end]`` becomes ``new``."""

    start: int
    end: int
    new: str


def rewritten_chart(text: str, root: Mapping, typed: Typed) -> str:
    """The text of a chart. ``typed`` are its values of known types."""
    body = _Text(text)
    edits = list(body.language(root))
    for kind, mapping in mappings(root, "chart"):
        edits += _cited(kind, mapping)
        if "on" in mapping.entries and "on" in TABLE[kind].keys:
            edits += body.ignored(mapping)
        if kind == "action" and "assign" in mapping.entries:
            value = mapping.entries["assign"][1]
            if isinstance(value, Mapping):
                edits += body.in_order(value)
    edits += (edit for node, scope, type_ in typed if (edit := body.unquoted(node, scope, type_)))
    return body.applied(edits)


def rewritten_contract(text: str, root: Mapping) -> str:
    """The text of a contract."""
    return _Text(text).applied(edit for kind, mapping in mappings(root, "contract") for edit in _cited(kind, mapping))


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text after edits, which do not overlap; a byte order mark does not count."""
    return _Text(text).applied(edits)


def _cited(kind: str, mapping: Mapping) -> Iterator[Edit]:
    if "source" not in mapping.entries:
        return
    key, value = mapping.entries["source"]
    if kind == "invoke":
        yield Edit(key.start.index, key.end.index, "src_expr")
    elif "clause" in TABLE[kind].keys and isinstance(value, Scalar) and cites_standard(value.text):
        yield Edit(key.start.index, key.end.index, "clause")


class _Text:
    """A text, and edits of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.shift = len(text) - len(text.removeprefix("\ufeff"))  # the marks count without it
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.body = text[self.shift :]

    def applied(self, edits: Iterable[Edit]) -> str:
        """The text after the edits, which do not overlap."""
        parts, at = [self.text[: self.shift]], 0
        for edit in sorted(dict.fromkeys(edits), key=lambda edit: (edit.start, edit.end)):
            if edit.start < at:
                raise AssertionError(f"two edits of one place: {self.body[edit.start : edit.end]!r}")
            parts += [self.body[at : edit.start], edit.new]
            at = edit.end
        return "".join([*parts, self.body[at:]])

    def raw(self, node: Node) -> str:
        return self.body[node.start.index : node.end.index]

    def line_start(self, index: int) -> int:
        return self.body.rfind("\n", 0, index) + 1

    def line_end(self, index: int) -> int:
        """The index behind the line's end."""
        end = self.body.find("\n", index)
        return len(self.body) if end < 0 else end + 1

    def is_flow(self, mapping: Mapping) -> bool:
        return self.body.startswith("{", mapping.start.index)

    # ------------------------------------------------------------ language

    def language(self, root: Mapping) -> Iterator[Edit]:
        if (written := root.get("language")) is not None:
            yield Edit(written.start.index, written.end.index, str(LANGUAGE))
            return
        key, value = root.entries["machine"]
        if self.is_flow(root):
            yield Edit(value.end.index, value.end.index, f", language: {LANGUAGE}")
        else:
            end = self.line_end(value.end.index)
            margin = " " * key.start.column
            before = "" if self.body[:end].endswith("\n") else self.newline
            yield Edit(end, end, f"{before}{margin}language: {LANGUAGE}{self.newline}")

    # ------------------------------------------------------------ texts

    def unquoted(self, node: Node, scope: Scope, type_: Type) -> Edit | None:
        if not isinstance(node, Scalar) or (found := _QUOTED.fullmatch(node.text.strip())) is None:
            return None
        text = found[1]
        named = text in CONSTANTS or text in {*scope.variables, *scope.parameters, *scope.given}
        is_value = type_.kind is Kind.ENUM and text in type_.values and not named
        if scope.untyped or not (is_value or (type_.kind is Kind.STRING and are_words(text) and text == text.strip())):
            return None
        if "\n" in self.raw(node):
            return None
        return Edit(node.start.index, node.end.index, _written(text))

    # ------------------------------------------------------------ assign

    def in_order(self, mapping: Mapping) -> Iterator[Edit]:
        """The edits that make a list of a mapping whose values read each other's items."""
        groups = _groups(mapping)
        if len(groups) < 2:
            return
        heads = {names[0] for names in groups}
        before: Node | None = None
        if self.is_flow(mapping):
            yield Edit(mapping.start.index, mapping.start.index, "[")
            for name, key, value in mapping.items():
                if before is not None and name in heads:
                    gap = self.body[before.end.index : key.start.index]
                    yield Edit(before.end.index, key.start.index, gap.replace(",", "}, {", 1).replace("{ ", "{", 1))
                before = value
            yield Edit(mapping.end.index, mapping.end.index, "]")
            return
        for name, key, value in mapping.items():
            yield Edit(key.start.index, key.start.index, "- " if name in heads else "  ")
            at = self.line_end(key.start.index)
            while at < value.end.index and self.body[at : value.end.index].strip():
                yield Edit(at, at, "  ")
                at = self.line_end(at)

    # ------------------------------------------------------------ ignore

    def ignored(self, state: Mapping) -> Iterator[Edit]:
        """The edits that make ``ignore`` of the empty entries of ``on``."""
        on_key, on = state.entries["on"]
        if not isinstance(on, Mapping) or "ignore" in state.entries:
            return
        entries = list(on.items())
        gone = [
            at
            for at, (name, _, value) in enumerate(entries)
            if _is_empty(value) and not any(_overlap(name, later) for later, _, one in entries[at + 1 :])
        ]
        if not gone:
            return
        names = [self.raw(entries[at][1]) if entries[at][0].startswith("*") else entries[at][0] for at in gone]
        if self.is_flow(on):
            yield from self._out_of_flow(state, on_key, on, entries, gone, names)
        else:
            yield from self._out_of_block(on_key, on, entries, gone, names)

    def _out_of_flow(
        self, state: Mapping, on_key: Scalar, on: Mapping, entries: list[tuple[str, Scalar, Node]], gone: list[int],
        names: list[str],
    ) -> Iterator[Edit]:  # fmt: skip
        word = f"ignore: [{', '.join(names)}]"
        if len(gone) == len(entries):
            yield Edit(on_key.start.index, on.end.index, word)
            return
        for at in gone:
            if at + 1 < len(entries):
                yield Edit(entries[at][1].start.index, entries[at + 1][1].start.index, "")
            else:
                kept = max(i for i in range(len(entries)) if i not in gone)
                yield Edit(self._end(entries[kept]), on.end.index - 1, "")
        end = on.end.index
        if self.is_flow(state):
            yield Edit(end, end, f", {word}")
        else:
            end = self.line_end(end)
            before = "" if self.body[:end].endswith("\n") else self.newline
            yield Edit(end, end, f"{before}{' ' * on_key.start.column}{word}{self.newline}")

    def _out_of_block(
        self, on_key: Scalar, on: Mapping, entries: list[tuple[str, Scalar, Node]], gone: list[int], names: list[str]
    ) -> Iterator[Edit]:
        margin = " " * on_key.start.column
        comments: list[str] = []
        for at in gone:
            start = self.line_start(entries[at][1].start.index)
            end = self.line_end(self._end(entries[at]))
            behind = self.body[self._end(entries[at]) : end].strip()
            above: list[str] = []
            while (line := self.body[self.line_start(start - 1) : start] if start else "").lstrip().startswith("#"):
                above.insert(0, line.strip())
                start -= len(line)
            comments.append("".join(f"{margin}  {line}{self.newline}" for line in above) + "\0" + behind)
            yield Edit(start, end, "")
        if any(comment != "\0" for comment in comments):
            lines = [f"{margin}ignore:{self.newline}"]
            for name, comment in zip(names, comments, strict=True):
                above_text, _, behind = comment.partition("\0")
                lines.append(f"{above_text}{margin}  - {name}{'  ' + behind if behind else ''}{self.newline}")
            new = "".join(lines)
        else:
            new = self._folded(f"{margin}ignore: [", names) + self.newline
        if len(gone) == len(entries):
            head = self.line_start(on_key.start.index)
            first = self.line_start(entries[0][1].start.index)
            inline = self.body[head : on_key.start.index]  # `- on:` or nothing but the margin
            yield Edit(head, min(first, self.line_end(on_key.start.index)), inline + new[len(margin) :])
        else:
            last = self.line_end(self._end(entries[-1]))
            missing = "" if self.body[:last].endswith("\n") else self.newline
            yield Edit(last, last, missing + new)

    def _folded(self, head: str, names: list[str]) -> str:
        lines, margin = [head], " " * len(head)
        for position, name in enumerate(names):
            piece = name + ("]" if position == len(names) - 1 else ", ")
            if len(lines[-1]) + len(piece) > _WIDTH and len(lines[-1]) > len(margin):
                lines[-1] = lines[-1].rstrip()
                lines.append(margin)
            lines[-1] += piece
        return self.newline.join(lines)

    def _end(self, entry: tuple[str, Scalar, Node]) -> int:
        """Where an entry ends: behind its value, or behind its colon when it has none."""
        _, key, value = entry
        if isinstance(value, Scalar) and value.start.index == value.end.index:
            return self.body.index(":", key.end.index) + 1
        return self.tail(value)

    def tail(self, node: Node) -> int:
        """Where the text of a node ends; the marks of what is not in brackets stand at the next word."""
        if isinstance(node, Mapping) and node.entries and not self.is_flow(node):
            name = next(reversed(node.entries))
            return self._end((name, *node.entries[name]))
        if isinstance(node, Sequence) and node.items and not node.flow:
            return self.tail(node.items[-1])
        start = int(node.start.index)
        return start + len(self.body[start : node.end.index].rstrip())


def _written(text: str) -> str:
    """A text as YAML writes it, inside brackets, too."""
    return f'"{text}"' if _NEEDS_QUOTES.search(text) else text


def _is_empty(value: Node) -> bool:
    if isinstance(value, Mapping):
        return not value.entries
    return isinstance(value, Scalar) and value.is_null


def _overlap(one: str, other: str) -> bool:
    """Whether some event may match both entries of `on`."""
    first, second = ([_before(word) for word in text.split()] for text in (one, other))
    return any(a == b or "*" in (a, b) or a.startswith(f"{b}.") or b.startswith(f"{a}.") for a in first for b in second)


def _before(word: str) -> str:
    """``v2g`` of ``v2g.*`` and ``v2g.*Req``."""
    return word if word == "*" else word.partition(".*")[0]


def _groups(mapping: Mapping) -> list[list[str]]:
    """The items in their order, in as few groups as may each be given together."""
    reads = {name: _names(value) for name, _, value in mapping.items()}
    groups: list[list[str]] = [[]]
    for name in reads:
        together = groups[-1]
        if any(other in reads[name] or name in reads[other] for other in together):
            groups.append([])
        groups[-1].append(name)
    return groups


def _names(value: Node) -> set[str]:
    """The names an expression reads."""
    if not isinstance(value, Scalar):
        return set()
    try:
        todo: list[Syntax] = [parse(value.text)]
    except ExpressionError:
        return set()
    found: set[str] = set()
    while todo:
        node = todo.pop()
        if node.kind == "name":
            found.add(str(node.value))
        todo += node.children
    return found
