"""What was said in a run, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from engine.tools.trace.sequence import Loop, Message
from engine.tools.trace.show import arguments
from engine.tools.trace.units import Units
from engine.tools.trace.window import Window

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
            self.time_ns,
            self.source,
            self.target,
            shortened(self.name + told),
            1,
            self.kind,
            self.via,
            answer,
            self.time_ns,
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


def shortened(text: str, limit: int = 160) -> str:
    """It in one line of at most ``limit`` characters."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
