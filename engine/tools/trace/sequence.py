"""A trace as a sequence diagram: lifelines and the messages between them; repetitions are shown once.

Two readers make one of a trace: :mod:`engine.tools.trace.lanes` of who talks with whom across which medium,
:mod:`engine.tools.trace.machines` of machines and adapters one by one. Drawn on sheets by
:mod:`engine.tools.trace.sheets`, here as Mermaid text.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """``text`` from ``source`` to ``target``; what happened at ``source`` when they are the same. In a loop ``count``
    is how often, and ``text`` shows the first and the last value of what changed.

    ``kind``: ``timer``, ``state``, ``note``, ``fault`` or, of a message that arrived nowhere, ``lost``. ``via``: the
    medium between the two. ``answer``: how long the source took to answer, the shortest and the longest time (ns).
    ``last_ns``: when it was said last."""

    time_ns: int
    source: str
    target: str
    text: str
    count: int = 1
    kind: str = ""
    via: str = ""
    answer: tuple[int, int] | None = None
    last_ns: int = 0


@dataclass(frozen=True, slots=True)
class Loop:
    """Messages that repeat, each once in order of first appearance, and when the last of them was."""

    messages: tuple[Message, ...]
    end_ns: int

    @property
    def time_ns(self) -> int:
        """The time of its first message."""
        return self.messages[0].time_ns

    @property
    def title(self) -> str:
        """``×1234, 3.5–68.2 s``: as often as the most frequent message."""
        return f"×{max(m.count for m in self.messages)}, {self.time_ns / 1e9:.3f}–{self.end_ns / 1e9:.3f} s"


@dataclass(frozen=True, slots=True)
class Sequence:
    """Participants from left to right; messages and loops in order of time; ``cut``: how many were left out at the end.
    ``ends``: the lifelines at both ends, where what happens there stands beside them, on the outside."""

    participants: tuple[str, ...]
    parts: tuple[Message | Loop, ...]
    cut: int = 0
    ends: tuple[str, ...] = ()
    media: frozenset[str] = frozenset()  # those of the participants that stand for no one
    of: str = ""  # which part of the run, for people

    @property
    def messages(self) -> list[Message]:
        """Those of loops as well."""
        return [m for part in self.parts for m in (part.messages if isinstance(part, Loop) else (part,))]


def span(low_ns: int, high_ns: int) -> str:
    """``25 ms``, ``12–25 ms``, ``1.5 s``."""
    one, other = _short(low_ns), _short(high_ns)
    if one == other:
        return one
    return f"{one.removesuffix(' ms')}–{other}" if one.endswith("ms") == other.endswith("ms") else f"{one}–{other}"


def _short(time_ns: int) -> str:
    return f"{time_ns / 1e6:.0f} ms" if time_ns < 1_000_000_000 else f"{time_ns / 1e9:.1f} s"


def mermaid(drawn: Sequence) -> str:
    """Text for any Mermaid renderer."""
    names = {name: f"p{number}" for number, name in enumerate(drawn.participants)}
    lines = ["sequenceDiagram"]
    lines += [f"    participant {short} as {_safe(name)}" for name, short in names.items()]
    for part in drawn.parts:
        if isinstance(part, Loop):
            inner = ["    " + _line(message, names, drawn) for message in part.messages]
            lines += [f"    loop {_safe(part.title)}", *inner, "    end"]
        else:
            lines.append(_line(part, names, drawn))
    if drawn.cut:
        lines.append(f"    Note over {next(iter(names.values()))}: {drawn.cut} more messages")
    return "\n".join(lines) + "\n"


def _line(message: Message, names: dict[str, str], drawn: Sequence) -> str:
    times = f"{message.count} × " if message.count > 1 else ""
    medium = f"[{message.via}] " if message.via else ""
    answer = f" (after {span(*message.answer)})" if message.answer else ""
    text = f"{message.time_ns / 1e9:.3f} {times}{_safe(medium + message.text + answer)}"
    at = names[message.source]
    if message.source == message.target:
        side = "over"
        if message.source in drawn.ends:
            side = "left of" if message.source == drawn.ends[0] else "right of"
        return f"    Note {side} {at}: {text}"
    return f"    {at}{'-x' if message.kind == 'lost' else '->>'}{names[message.target]}: {text}"


def _safe(text: str) -> str:
    """Mermaid ends a message at ``;`` and reads ``#`` as an entity."""
    return text.replace("#", "#35;").replace(";", "#59;")
