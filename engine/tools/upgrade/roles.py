"""Roles of contracts that are no more become roles of what took them over (``formerly`` of a contract), by edits of the
text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from engine.language.load.former import former_names
from engine.language.load.yaml_source import Mapping, Node, Scalar
from engine.language.model import Contract
from engine.tools.upgrade.rewrite import Edit

Successors = Callable[[str], list[Contract]]


class ByHand(Exception):
    """A use of a role that only somebody who knows the chart can rewrite; the message says which."""


class _Place(NamedTuple):
    """Where a member of an old contract is now: ``role`` of ``contract``, by ``name``."""

    contract: str
    role: str
    name: str


def role_edits(text: str, root: Mapping, successors: Successors) -> Iterator[Edit]:
    """The edits of a chart's text (without a byte order mark), of which ``root`` is the tree. Raises
    :class:`ByHand`."""
    adapters = root.get("adapters")
    if not isinstance(adapters, Mapping):
        return
    for role, key, value in adapters.items():
        found = successors(value.text) if isinstance(value, Scalar) else []
        if not found or not isinstance(value, Scalar):
            continue
        places = _places(value.text, found, role, set(adapters.entries) - {role})
        uses = list(_uses(text, role))
        for use in uses:
            if use[1] not in places:
                raise ByHand(f"{use[0]}: {value.text!r} is {', '.join(one.name for one in found)} now")
        now = {places[use[1]].role: places[use[1]].contract for use in uses}
        if not now:
            first = next(iter(places.values()))
            now = {first.role: first.contract}
        between = ", " if text.startswith("{", adapters.start.index) else f"\n{' ' * key.start.column}"
        entries = between.join(f"{name}: {contract}" for name, contract in sorted(now.items()))
        yield Edit(key.start.index, _end(text, value), entries)
        for use in uses:
            place = places[use[1]]
            yield Edit(use.start(), use.end(), f"{place.role}.{place.name}")


def _places(old: str, found: list[Contract], role: str, taken: set[str]) -> dict[str, _Place]:
    """By the names of the members. A role whose contract was only renamed keeps its name."""
    places: dict[str, _Place] = {}
    for contract in found:
        new = contract.name if contract.name not in taken else f"{role}_{contract.name}"
        for name, was in former_names(old, contract).items():
            places.setdefault(was, _Place(contract.name, role if len(found) == 1 else new, name))
    return places


def _uses(text: str, role: str) -> Iterator[re.Match[str]]:
    """``role.member`` and ``error.adapter.role``, whose group 1 is no member."""
    return re.finditer(rf"(?<![\w.]){role}\.(\*?\w*\*?\w*)|error\.adapter\.{role}\b", text)


def _end(text: str, node: Node) -> int:
    """Behind the last letter of a word."""
    start: int = node.start.index
    return start + len(text[start : node.end.index].rstrip())
