"""A trace as a sequence diagram: machines, adapters and what passes between them. Mermaid text or SVG."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from engine.trace.reader import Record
from engine.trace.show import arguments, movement

USER = "user"


@dataclass(frozen=True, slots=True)
class Message:
    """``text`` from ``source`` to ``target``; a note over ``source`` when they are the same."""

    time_ns: int
    source: str
    target: str
    text: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """Participants in order of appearance, messages in order of time; ``cut``: how many were left out at the end."""

    participants: tuple[str, ...]
    messages: tuple[Message, ...]
    cut: int = 0


def sequence(records: Iterable[Record], *, states: bool = False, limit: int = 400) -> Sequence:
    """What passed between machines and adapters; ``states`` adds a note for every change of state."""
    reader = _Reader(states)
    for record in records:
        if "cause" in record:
            reader.step(record)
        elif record.get("note") == "out":
            reader.say(record["time_ns"], record["machine"], USER, record.get("text", ""), record.get("data"))
    shown = reader.messages[:limit]
    used = {name for message in shown for name in (message.source, message.target)}
    order = [name for name in reader.participants if name in used]
    return Sequence(tuple(order), tuple(shown), len(reader.messages) - len(shown))


class _Reader:
    def __init__(self, states: bool) -> None:
        self._states = states
        self._roles: dict[str, dict[str, str]] = {}
        self._sessions: dict[str, str] = {}
        self.participants: list[str] = []
        self.messages: list[Message] = []

    def say(self, time_ns: int, source: str, target: str, text: str, data: object = None) -> None:
        for name in (source, target):
            if name not in self.participants:
                self.participants.append(name)
        told = f"({arguments(data)})" if data else ""
        self.messages.append(Message(time_ns, source, target, _cut(text + told)))

    def step(self, record: Record) -> None:
        path, at = record["machine"], record["time_ns"]
        if record["cause"] == "start":
            self._roles[path] = record.get("roles", {})
            self._sessions[f"#_scxml_{record.get('session')}"] = path
        if record["cause"] == "timer":
            self.say(at, path, path, record["timer"].rpartition("/")[2])
        elif record["cause"] == "event" and not record.get("unhandled"):
            self._event(at, path, record["event"])
        if self._states and (moved := movement(record)):
            self.say(at, path, path, moved)
        for effect in record.get("effects", ()):
            if effect["do"] in ("call", "start_call"):
                adapter = self._roles.get(path, {}).get(effect["role"], effect["role"])
                self.say(at, path, adapter, effect["action"], effect["args"])

    def _event(self, at: int, path: str, event: Record) -> None:
        name, data = event["name"], event.get("data")
        role, _, rest = name.partition(".")
        roles = self._roles.get(path, {})
        if role in roles and rest:
            self.say(at, roles[role], path, rest, data)
        elif name.startswith("error.adapter.") and name.removeprefix("error.adapter.") in roles:
            self.say(at, roles[name.removeprefix("error.adapter.")], path, "error", data)
        elif event.get("invokeid"):
            self.say(at, self._child(path, event), path, name, data)
        elif event.get("origin"):
            sender = self._sessions.get(event["origin"], USER)
            self.say(at, sender, path, name, data)
        elif event.get("type") == "platform":
            self.say(at, path, path, name, data)
        else:
            self.say(at, USER, path, name, data)

    def _child(self, path: str, event: Record) -> str:
        known = self._sessions.get(event.get("origin", ""))
        data = event.get("data")
        key = data.get("key") if isinstance(data, dict) else None
        child = f"{path}/{event['invokeid']}"
        return known or (child if key is None else f"{child}[{key}]")


def mermaid(drawn: Sequence) -> str:
    """Text for any Mermaid renderer."""
    names = {name: f"p{number}" for number, name in enumerate(drawn.participants)}
    lines = ["sequenceDiagram"]
    lines += [f"    participant {short} as {_safe(name)}" for name, short in names.items()]
    for message in drawn.messages:
        at = f"{message.time_ns / 1e9:.3f}"
        if message.source == message.target:
            lines.append(f"    Note over {names[message.source]}: {at} {_safe(message.text)}")
        else:
            lines.append(f"    {names[message.source]}->>{names[message.target]}: {at} {_safe(message.text)}")
    if drawn.cut:
        lines.append(f"    Note over {next(iter(names.values()))}: {drawn.cut} more messages")
    return "\n".join(lines) + "\n"


_LANE, _ROW, _TOP, _LEFT = 190, 24, 54, 90


def svg(drawn: Sequence) -> str:
    """A page of its own; text stays text."""
    lanes = {name: _LEFT + _LANE // 2 + _LANE * number for number, name in enumerate(drawn.participants)}
    width = _LEFT + _LANE * max(1, len(lanes)) + 20
    height = _TOP + _ROW * (len(drawn.messages) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        ' font-family="Helvetica, Arial, sans-serif" font-size="11">',
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#345"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for name, x in lanes.items():
        parts.append(
            f'<line x1="{x}" y1="{_TOP - 12}" x2="{x}" y2="{height - 10}" stroke="#bcc" stroke-dasharray="3 3"/>'
        )
        parts.append(f'<rect x="{x - 80}" y="12" width="160" height="26" rx="4" fill="#eef3f8" stroke="#9ab"/>')
        parts.append(f'<text x="{x}" y="29" text-anchor="middle" font-weight="bold">{escape(_cut(name, 26))}</text>')
    for number, message in enumerate(drawn.messages):
        y = _TOP + _ROW * (number + 1)
        parts.append(_time(drawn, number, y))
        parts += _arrow(lanes[message.source], lanes[message.target], y, message.text)
    if drawn.cut:
        parts.append(f'<text x="{_LEFT}" y="{height - 8}" fill="#777">{drawn.cut} more messages</text>')
    return "\n".join([*parts, "</svg>", ""])


def _time(drawn: Sequence, number: int, y: int) -> str:
    at = drawn.messages[number].time_ns
    if number and drawn.messages[number - 1].time_ns == at:
        return ""
    return f'<text x="{_LEFT - 16}" y="{y}" text-anchor="end" fill="#777">{at / 1e9:.3f} s</text>'


def _arrow(start: int, end: int, y: int, text: str) -> list[str]:
    if start == end:
        return [
            f'<rect x="{start - 85}" y="{y - 13}" width="170" height="18" rx="3" fill="#fdf6e3" stroke="#dcc"/>',
            f'<text x="{start}" y="{y}" text-anchor="middle">{escape(_cut(text, 30))}</text>',
        ]
    room = max(26, abs(end - start) // 6)
    middle = (start + end) // 2
    return [
        f'<line x1="{start}" y1="{y}" x2="{end}" y2="{y}" stroke="#345" marker-end="url(#head)"/>',
        f'<text x="{middle}" y="{y - 4}" text-anchor="middle" stroke="white" stroke-width="3" paint-order="stroke">'
        f"{escape(_cut(text, room))}</text>",
    ]


def _cut(text: str, limit: int = 120) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _safe(text: str) -> str:
    """Mermaid ends a message at ``;`` and reads ``#`` as an entity."""
    return text.replace("#", "#35;").replace(";", "#59;")
