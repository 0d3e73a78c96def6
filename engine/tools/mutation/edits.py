"""Small edits of a chart's text by the places of its YAML nodes; everything else stays as it was written."""

from __future__ import annotations

import json
from dataclasses import dataclass

from engine.language.load.yaml_source import Mapping, Node, Scalar, Sequence


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters ``start`` to ``end`` of the text become ``text``."""

    start: int
    end: int
    text: str

    def apply(self, whole: str) -> str:
        """The whole text after the edit."""
        return whole[: self.start] + self.text + whole[self.end :]


class Editor:
    """Makes edits of one text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def end(self, node: Node) -> int:
        """The end of a node's own text; a block's mark is on the next token."""
        start: int = node.start.index
        return start + len(self.text[start : node.end.index].rstrip())

    def scalar(self, node: Scalar, text: str) -> Edit:
        """Another value, plain where the old one was."""
        end = node.end.index if not node.plain else self.end(node)
        return Edit(node.start.index, end, text if node.plain else json.dumps(text, ensure_ascii=False))

    def without_item(self, parent: Sequence, item: Node) -> Edit:
        """A list without one of its items."""
        at = parent.items.index(item)
        if len(parent.items) == 1:
            return Edit(parent.start.index, self.end(parent), "[]")
        starts = [
            node.start.index if parent.flow else self.text.rindex("-", 0, node.start.index) for node in parent.items
        ]
        return self._without(at, starts, [self.end(node) for node in parent.items])

    def without_entry(self, parent: Mapping, key: str) -> Edit:
        """A mapping without one of its entries."""
        at = list(parent.entries).index(key)
        if len(parent.entries) == 1:
            return Edit(parent.start.index, self.end(parent), "{}")
        pairs = list(parent.entries.values())
        starts = [name.start.index for name, _ in pairs]
        return self._without(at, starts, [max(self.end(name), self.end(value)) for name, value in pairs])

    def _without(self, at: int, starts: list[int], ends: list[int]) -> Edit:
        if at + 1 < len(starts):
            return Edit(starts[at], starts[at + 1], "")
        return Edit(ends[at - 1], ends[at], "")

    def first_last(self, parent: Mapping) -> Edit | None:
        """A block mapping with its first entry behind its last one; None for a mapping in braces."""
        pairs = list(parent.entries.values())
        if self.text[parent.start.index] == "{" or len(pairs) < 2:
            return None
        start, second = pairs[0][0].start.index, pairs[1][0].start.index
        end = self.end(pairs[-1][1])
        gap = self.text[self.end(pairs[0][1]) : second]
        first = self.text[start : self.end(pairs[0][1])]
        return Edit(start, end, self.text[second:end] + gap + first)
