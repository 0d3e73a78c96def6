"""Which lifelines two names mean: sides and media, or machines and adapters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.language.problems import suggestion
from engine.tools.trace.lanes import Side, of_one_unit
from engine.tools.trace.reader import Record
from engine.tools.trace.said import NothingSaid

_LISTED = 24


@dataclass(frozen=True, slots=True)
class Pair:
    """Two lifelines; ``across``: sides and media, of these ``sides``; else machines and adapters."""

    ends: tuple[str, str]
    across: bool
    sides: list[Side]


def pair(records: Iterable[Record], every: list[Side], unit: str, named: tuple[str, str], *, inside: bool) -> Pair:
    """The two that are named, of ``unit`` or, where that is empty, of the one that they are of. A side's root machine
    may stand for it, and a side for its root machine; ``inside``: only machines and adapters are looked for. Raises
    :class:`~engine.tools.trace.said.NothingSaid`, which lists what there is."""
    starts = [record for record in records if record.get("cause") == "start"]
    media = dict.fromkeys(lane for record in starts for lane in record.get("lanes", {}).values())
    machines = dict.fromkeys(name for record in starts for name in (record["machine"], *record["roles"].values()))
    sides = _of_their_unit(every, unit, named)
    labels = {side.label.lower(): side.label for side in sides}
    across = labels | {side.root.lower(): side.label for side in sides} | {name.lower(): name for name in media}
    for name in named:
        if name.lower() not in across and not _is_there(name, machines):
            known = (*labels.values(), *media, *machines)
            raise NothingSaid(
                f"no lifeline {name!r}{suggestion(name, known) if name else ''}\n"
                f"  sides and media: {_listed([*labels.values(), *media])}\n"
                f"  machines and adapters: {_listed(sorted(machines, key=_depth))}"
            )
    both = not inside and all(name.lower() in across for name in named)
    roots = {side.label: side.root for side in sides}
    first, second = (across[name.lower()] if both else _machine(name, machines, across, roots) for name in named)
    if first == second:
        raise NothingSaid(f"--between {' '.join(named)}: both are {first}; name two")
    return Pair((first, second), both, sides)


def _of_their_unit(every: list[Side], unit: str, named: tuple[str, str]) -> list[Side]:
    wanted = {name.lower() for name in named}
    meant = [side.unit for side in every if wanted & {side.label.lower(), side.root.lower()} and side.unit]
    return of_one_unit(every, unit or next(iter(meant), ""))


def _machine(name: str, machines: Iterable[str], across: dict[str, str], roots: dict[str, str]) -> str:
    if _is_there(name, machines):
        return name
    label = across[name.lower()]
    if label not in roots:
        raise NothingSaid(f"{label} is a medium: with it goes one who talks across it: {_listed(roots)}")
    return roots[label]


def _is_there(name: str, machines: Iterable[str]) -> bool:
    """Whether it is one of them or, without its key, several."""
    return any(one == name or one.startswith(f"{name}[") for one in machines)


def _depth(name: str) -> int:
    return name.count("/") + name.count(".")


def _listed(names: Iterable[str]) -> str:
    all = list(names)
    more = f", … {len(all) - _LISTED} more" if len(all) > _LISTED else ""
    return ", ".join(all[:_LISTED]) + more if all else "none"
