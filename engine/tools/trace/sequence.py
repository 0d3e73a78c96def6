"""A trace as a sequence diagram: machines, adapters and the messages between them; repetitions are shown once.

Drawn on sheets by :mod:`engine.tools.trace.sheets`, here as Mermaid text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from engine.tools.trace.reader import Record
from engine.tools.trace.show import Table, arguments, movement, plain
from engine.tools.trace.units import Units, with_unit

USER = "user"
_LULL_NS = 2_500_000_000  # what comes again within this time repeats
_LEAST = 3  # times that make a repetition


@dataclass(frozen=True, slots=True)
class Message:
    """``text`` from ``source`` to ``target``; a note over ``source`` when they are the same. In a loop ``count`` is how
    often, and ``text`` shows the first and the last value of what changed."""

    time_ns: int
    source: str
    target: str
    text: str
    count: int = 1


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
        """``loop 1234 × until 68.2 s``: as often as the most frequent message."""
        return f"loop {max(m.count for m in self.messages)} × until {self.end_ns / 1e9:.3f} s"


@dataclass(frozen=True, slots=True)
class Sequence:
    """Participants in order of appearance, those of a root machine together; messages and loops in order of time;
    ``cut``: how many were left out at the end."""

    participants: tuple[str, ...]
    parts: tuple[Message | Loop, ...]
    cut: int = 0

    @property
    def messages(self) -> list[Message]:
        """Those of loops as well."""
        return [m for part in self.parts for m in (part.messages if isinstance(part, Loop) else (part,))]


def sequence(records: Iterable[Record], *, states: bool = False, limit: int = 400, loops: bool = True) -> Sequence:
    """The messages between machines and adapters. ``states`` adds a note for every change of state, ``loops`` shows
    repetitions once. At most ``limit`` messages."""
    reader = _Reader(states)
    for record in records:
        if "cause" in record:
            reader.step(record)
        elif record.get("note") == "out":
            reader.say(record["time_ns"], record["machine"], USER, record.get("text", ""), record.get("data"))
    parts = _folded(reader.said) if loops else [said.message() for said in reader.said]
    shown: list[Message | Loop] = []
    count = cut = 0
    for part in parts:
        own = len(part.messages) if isinstance(part, Loop) else 1
        if cut or count + own > limit:
            cut += own
        else:
            shown.append(part)
            count += own
    drawn = Sequence((), tuple(shown), cut)
    used = {name for message in drawn.messages for name in (message.source, message.target)}
    order = [name for name in reader.participants if name in used]
    roots = list(dict.fromkeys(_root(name) for name in order))
    return Sequence(tuple(sorted(order, key=lambda name: roots.index(_root(name)))), drawn.parts, cut)


def _root(name: str) -> str:
    """The root machine of a machine's or an adapter's name."""
    return name.partition("/")[0].partition(".")[0]


@dataclass(frozen=True, slots=True)
class _Said:
    time_ns: int
    source: str
    target: str
    name: str
    data: object
    units: Units

    @property
    def kind(self) -> tuple[str, str, str]:
        return self.source, self.target, self.name

    def message(self) -> Message:
        told = f"({arguments(self.data, self.units)})" if self.data else ""
        return Message(self.time_ns, self.source, self.target, _cut(self.name + told))


def _folded(said: list[_Said]) -> list[Message | Loop]:
    """Stretches in which every message is one that comes again and again become loops."""
    repeating = _repeating(said)
    parts: list[Message | Loop] = []
    numbers = range(len(said))
    for loop, run in groupby(numbers, key=lambda n: n in repeating):
        own = [said[n] for n in run]
        kinds = dict.fromkeys(one.kind for one in own)
        if loop and len(own) >= _LEAST * len(kinds) // 2 and len(own) > len(kinds) + 1:
            told = tuple(_told([one for one in own if one.kind == kind]) for kind in kinds)
            parts.append(Loop(told, own[-1].time_ns))
        else:
            parts += [one.message() for one in own]
    return parts


def _repeating(said: list[_Said]) -> set[int]:
    """The numbers of messages of a kind that comes at least ``_LEAST`` times, each soon after the one before."""
    chains: dict[tuple[str, str, str], list[int]] = {}
    found: set[int] = set()
    for number, one in enumerate(said):
        chain = chains.setdefault(one.kind, [])
        if chain and one.time_ns - said[chain[-1]].time_ns > _LULL_NS:
            chain.clear()
        chain.append(number)
        if len(chain) >= _LEAST:
            found.update(chain[-_LEAST:])
    return found


def _told(all: list[_Said]) -> Message:
    """One message for all of a kind, what changed first: ``CurrentDemandReq(EVRESSSOC=20…80, EVTargetVoltage=400)``."""
    first, last = all[0], all[-1]
    one, other = first.data, last.data
    if not isinstance(one, dict) or not isinstance(other, dict):
        return replace(first.message(), count=len(all))
    changed, same = [], []
    for name in dict.fromkeys((*one, *other)):
        unit = first.units.get(name, "")
        before, after = (_value(data.get(name), unit) for data in (one, other))
        if before != after:
            changed.append(f"{name}={before.removesuffix(f' {unit}') if after != '–' else before}…{after}")
        elif before != "–":
            same.append(f"{name}={before}")
    text = first.name + (f"({', '.join(changed + same)})" if changed or same else "")
    return Message(first.time_ns, first.source, first.target, _cut(text), len(all))


def _value(value: object, unit: str) -> str:
    if value is None:
        return "–"
    return with_unit(plain(value), value, unit) if unit else plain(value)


class _Reader:
    def __init__(self, states: bool) -> None:
        self._states = states
        self._units: dict[str, Table] = {}
        self._roles: dict[str, dict[str, str]] = {}
        self._served: set[str] = set()  # what roles are bound to: some are machines
        self._sessions: dict[str, str] = {}
        self.participants: list[str] = []
        self.said: list[_Said] = []

    def say(
        self, time_ns: int, source: str, target: str, text: str, data: object = None, units: Units | None = None
    ) -> None:
        for name in (source, target):
            if name not in self.participants:
                self.participants.append(name)
        self.said.append(_Said(time_ns, source, target, text, data, units or {}))

    def step(self, record: Record) -> None:
        path, at = record["machine"], record["time_ns"]
        if record["cause"] == "start":
            self._roles[path] = record.get("roles", {})
            self._served.update(self._roles[path].values())
            self._units[path] = record.get("units", {})
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
                units = self._units.get(path, {}).get(f"{effect['role']}.{effect['action']}()")
                self.say(at, path, adapter, effect["action"], effect["args"], units)

    def _event(self, at: int, path: str, event: Record) -> None:
        name, data = event["name"], event.get("data")
        role, _, rest = name.partition(".")
        roles, units = self._roles.get(path, {}), self._units.get(path, {}).get(name)
        if role in roles and rest:
            self.say(at, roles[role], path, rest, data, units)
        elif name.startswith("error.adapter.") and name.removeprefix("error.adapter.") in roles:
            self.say(at, roles[name.removeprefix("error.adapter.")], path, "error", data)
        elif event.get("invokeid"):
            self.say(at, self._child(path, event), path, name, data, units)
        elif event.get("origin"):
            sender = self._sessions.get(event["origin"], USER)
            self.say(at, sender, path, name, data, units)
        elif event.get("type") == "platform":
            self.say(at, path, path, name, data)
        elif path in self._served and "." not in name.removeprefix("cancel."):
            pass  # an order, told where it is given
        else:
            self.say(at, USER, path, name, data, units)

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
    for part in drawn.parts:
        if isinstance(part, Loop):
            inner = ["    " + _line(message, names) for message in part.messages]
            lines += [f"    loop {_safe(part.title.removeprefix('loop '))}", *inner, "    end"]
        else:
            lines.append(_line(part, names))
    if drawn.cut:
        lines.append(f"    Note over {next(iter(names.values()))}: {drawn.cut} more messages")
    return "\n".join(lines) + "\n"


def _line(message: Message, names: dict[str, str]) -> str:
    times = f"{message.count} × " if message.count > 1 else ""
    text = f"{message.time_ns / 1e9:.3f} {times}{_safe(message.text)}"
    if message.source == message.target:
        return f"    Note over {names[message.source]}: {text}"
    return f"    {names[message.source]}->>{names[message.target]}: {text}"


def _cut(text: str, limit: int = 120) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _safe(text: str) -> str:
    """Mermaid ends a message at ``;`` and reads ``#`` as an entity."""
    return text.replace("#", "#35;").replace(";", "#59;")
