"""A sequence of machines and adapters, each with a lifeline of its own."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.problems import suggestion
from engine.tools.trace.loops import folded
from engine.tools.trace.reader import Record
from engine.tools.trace.said import NothingSaid, Said, between_two, inside, limited
from engine.tools.trace.sequence import Sequence
from engine.tools.trace.show import Table, movement
from engine.tools.trace.units import Units
from engine.tools.trace.window import Window, is_below

USER = "user"


def sequence(
    records: Iterable[Record],
    *,
    states: bool = False,
    limit: int = 400,
    loops: bool = True,
    window: Window | None = None,
    between: tuple[str, str] | None = None,
) -> Sequence:
    """The messages between machines and adapters. ``states`` adds a note for every change of state, ``loops`` shows
    repetitions once. At most ``limit`` messages. Of those in ``window``: all that its machine says and hears. Of those
    ``between`` two: machines, with all below them unless the other is there, or adapters (``evse.link``). Raises
    :class:`~engine.tools.trace.said.NothingSaid` where nothing of that was said."""
    window = window or Window()
    reader = _Reader(states)
    for record in records:  # those outside, too: they say who is who
        if "cause" in record:
            reader.step(record)
        elif record.get("note") == "out":
            reader.say(record["time_ns"], record["machine"], USER, record.get("text", ""), record.get("data"))
        elif record.get("note") in FAULTS:
            text = f"{record['note'].replace('_', ' ')}: {record.get('text', '')}"
            reader.say(record["time_ns"], record["machine"], record["machine"], text, kind="fault")
    said = reader.said
    if between is not None:
        known = dict.fromkeys((*reader.participants, *reader.machines))
        for end in between:
            if not any(_end(name, (end, end)) for name in known):
                raise NothingSaid(f"no machine or adapter {end!r}{suggestion(end, known)}")
        said = between_two(said, between, lambda name: _end(name, between))
    said = inside([one for one in said if _told(one, window.machine)], window)
    parts = folded(said) if loops else [one.message() for one in said]
    shown, cut = limited(parts, limit)
    drawn = Sequence((), shown, cut)
    used = {name for message in drawn.messages for name in (message.source, message.target)}
    order = [name for name in reader.participants if name in used]
    if between is not None:
        order = [end for end in dict.fromkeys(_end(name, between) for name in reader.participants) if end in used]
    roots = list(dict.fromkeys(_root(name) for name in order))
    return Sequence(tuple(sorted(order, key=lambda name: roots.index(_root(name)))), drawn.parts, cut)


FAULTS = frozenset(
    (
        "queue_full",
        "dropped",
        "undelivered",
        "adapter_error",
        "fault",
        "host_late",
        "machine_failed",
        "child_refused",
        "invariant",
        "shutdown_late",
        "left_unsafe",
    )
)
"""Notes of what went wrong, or was made to."""


def _root(name: str) -> str:
    """The root machine of a machine's or an adapter's name."""
    return name.partition("/")[0].partition(".")[0]


def _told(one: Said, machine: str) -> bool:
    return not machine or is_below(one.source, machine) or is_below(one.target, machine)


def _end(name: str, between: tuple[str, str]) -> str:
    """Which of the two this is or belongs to; one that holds the other is itself only, and so is an adapter."""
    for end, other in (between, between[::-1]):
        if name == end or (_is_inside(name, end) and not _is_inside(other, end)):
            return end
    return ""


def _is_inside(name: str, machine: str) -> bool:
    return name.startswith((machine + "/", machine + "["))


class _Reader:
    def __init__(self, states: bool) -> None:
        self._states = states
        self._units: dict[str, Table] = {}
        self._roles: dict[str, dict[str, str]] = {}
        self._served: set[str] = set()  # what roles are bound to: some are machines
        self._sessions: dict[str, str] = {}
        self.participants: list[str] = []
        self.said: list[Said] = []

    @property
    def machines(self) -> Iterable[str]:
        """All that ran."""
        return self._roles

    def say(
        self,
        time_ns: int,
        source: str,
        target: str,
        text: str,
        data: object = None,
        units: Units | None = None,
        kind: str = "",
    ) -> None:
        for name in (source, target):
            if name not in self.participants:
                self.participants.append(name)
        self.said.append(Said(time_ns, source, target, text, data, units, kind))

    def step(self, record: Record) -> None:
        path, at = record["machine"], record["time_ns"]
        if record["cause"] == "start":
            self._roles[path] = record.get("roles", {})
            self._served.update(self._roles[path].values())
            self._units[path] = record.get("units", {})
            self._sessions[f"#_scxml_{record.get('session')}"] = path
        if record["cause"] == "timer":
            self.say(at, path, path, record["timer"].rpartition("/")[2], kind="timer")
        elif record["cause"] == "event" and not record.get("unhandled"):
            self._event(at, path, record["event"])
        for failure in record.get("failures", ()):
            self.say(at, path, path, f"failed: {failure['message']}", kind="fault")
        if self._states and (moved := movement(record)):
            self.say(at, path, path, moved, kind="state")
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
            self.say(at, roles[name.removeprefix("error.adapter.")], path, "error", data, kind="fault")
        elif event.get("invokeid"):
            self.say(at, self._child(path, event), path, name, data, units)
        elif event.get("origin"):
            sender = self._sessions.get(event["origin"], USER)
            self.say(at, sender, path, name, data, units)
        elif event.get("type") == "platform":
            self.say(at, path, path, name, data, kind="fault" if name.startswith("error.") else "")
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
