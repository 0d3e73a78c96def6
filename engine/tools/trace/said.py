"""What was said in a run, one by one, and how repetitions are folded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from engine.tools.trace.sequence import Loop, Message
from engine.tools.trace.show import arguments, plain
from engine.tools.trace.units import Units, with_unit
from engine.tools.trace.window import Window

LULL_NS = 2_500_000_000  # what comes again within this time repeats
LEAST = 3  # times that make a repetition
_PARTNERS = 6  # of one lifeline that are named to who asks for another


class NothingSaid(Exception):
    """Nothing of what is asked for was said. The message says what was."""


@dataclass(slots=True)
class Said:
    """One message, or what happened at one lifeline (``source`` is ``target``); the rest as in :class:`Message`."""

    time_ns: int
    source: str
    target: str
    name: str
    data: object = None
    units: Units | None = None
    kind: str = ""
    via: str = ""
    answer_ns: int | None = None

    @property
    def same(self) -> tuple[str, str, str, str]:
        """What all that repeat it have in common."""
        return self.source, self.target, self.name, self.kind

    def message(self) -> Message:
        """It as one line of the sequence."""
        told = f"({arguments(self.data, self.units)})" if self.data else ""
        answer = (self.answer_ns, self.answer_ns) if self.answer_ns is not None else None
        return Message(
            self.time_ns, self.source, self.target, _cut(self.name + told), 1, self.kind, self.via, answer, self.time_ns
        )


def between_two(said: list[Said], ends: tuple[str, str], end_of: Callable[[str], str]) -> list[Said]:
    """What these two say to each other, as said by them alone. ``end_of``: which of the two a name belongs to, or
    nothing; the medium a message crosses counts where it is one of them. Raises :class:`NothingSaid`."""
    found: list[Said] = []
    partners: dict[str, dict[str, int]] = {end: {} for end in ends}
    for one in said:
        if one.source == one.target:
            continue
        source, target, via = end_of(one.source), end_of(one.target), end_of(one.via)
        if {source or via, target or via} == set(ends):
            medium = "" if via else one.via
            found.append(replace(one, source=source or via, target=target or via, via=medium))
        names = (one.source, one.target, one.via)
        for end in {source, target, via} - {""}:
            for other in names:
                if other and end_of(other) != end:
                    partners[end][other] = partners[end].get(other, 0) + 1
    if found:
        return found
    told = []
    for end, others in partners.items():
        most = sorted(others, key=lambda name: (-others[name], name))[:_PARTNERS]
        told.append(f"{end} speaks with {', '.join(most)}" if most else f"{end} speaks with nobody")
    raise NothingSaid(f"nothing was said between {' and '.join(ends)}\n" + "\n".join(f"  {text}" for text in told))


def inside(said: list[Said], window: Window) -> list[Said]:
    """What was said in the window. Raises :class:`NothingSaid` where something was said, but not then."""
    found = [one for one in said if window.at(one.time_ns)]
    if said and not found:
        raise NothingSaid(window.missed(one.time_ns for one in said))
    return found


def folded(said: list[Said]) -> list[Message | Loop]:
    """Stretches in which every message is one that comes again and again become loops."""
    repeating = _repeating(said)
    parts: list[Message | Loop] = []
    for loop, run in groupby(range(len(said)), key=lambda n: n in repeating):
        own = [said[n] for n in run]
        kinds = dict.fromkeys(one.same for one in own)
        if loop and len(own) >= LEAST * len(kinds) // 2 and len(own) > len(kinds) + 1:
            told = tuple(_told([one for one in own if one.same == kind]) for kind in kinds)
            parts.append(Loop(told, own[-1].time_ns))
        else:
            parts += [one.message() for one in own]
    return parts


def limited(parts: Iterable[Message | Loop], limit: int) -> tuple[tuple[Message | Loop, ...], int]:
    """At most ``limit`` messages, and how many were left out."""
    shown: list[Message | Loop] = []
    count = cut = 0
    for part in parts:
        own = len(part.messages) if isinstance(part, Loop) else 1
        if cut or count + own > limit:
            cut += own
        else:
            shown.append(part)
            count += own
    return tuple(shown), cut


def _repeating(said: list[Said]) -> set[int]:
    """The numbers of messages of a kind that comes at least ``LEAST`` times, each soon after the one before."""
    chains: dict[tuple[str, str, str, str], list[int]] = {}
    found: set[int] = set()
    for number, one in enumerate(said):
        chain = chains.setdefault(one.same, [])
        if chain and one.time_ns - said[chain[-1]].time_ns > LULL_NS:
            chain.clear()
        chain.append(number)
        if len(chain) >= LEAST:
            found.update(chain[-LEAST:])
    return found


def _told(all: list[Said]) -> Message:
    """One message for all of a kind, what changed first: ``CurrentDemandReq(EVRESSSOC=20…80, EVTargetVoltage=400)``."""
    first, last = all[0], all[-1]
    answers = [one.answer_ns for one in all if one.answer_ns is not None]
    answer = (min(answers), max(answers)) if answers else None
    message = replace(first.message(), count=len(all), answer=answer, last_ns=last.time_ns)
    one, other = first.data, last.data
    if not isinstance(one, dict) or not isinstance(other, dict):
        return message
    changed, same = [], []
    for name in dict.fromkeys((*one, *other)):
        unit = (first.units or {}).get(name, "")
        before, after = (_value(data.get(name), unit) for data in (one, other))
        if before != after:
            changed.append(f"{name}={before.removesuffix(f' {unit}') if after != '–' else before}…{after}")
        elif before != "–":
            same.append(f"{name}={before}")
    text = first.name + (f"({', '.join(changed + same)})" if changed or same else "")
    return replace(message, text=_cut(text))


def _value(value: object, unit: str) -> str:
    if value is None:
        return "–"
    return with_unit(plain(value), value, unit) if unit else plain(value)


def _cut(text: str, limit: int = 160) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
