"""Which part of a trace: of a machine, of some events, between two times."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import inf, isfinite

from engine.language.text_values import duration
from engine.tools.trace.reader import Record

_LONGEST_NS = 2**63
_SECONDS = re.compile(r"[+-]?[\d._]+(?:[eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Window:
    """Times in ns, both included; ``machine`` and all below it; ``event``: a pattern such as ``session.*``."""

    from_ns: float = -inf
    to_ns: float = inf
    machine: str = ""
    event: str = ""

    def at(self, time_ns: int) -> bool:
        """Whether this time is inside."""
        return self.from_ns <= time_ns <= self.to_ns

    def missed(self, times: Iterable[int]) -> str:
        """Why none of these times is inside: the whole span of them, or those next to it. For people."""
        known = sorted(times)
        before = max((time for time in known if time < self.from_ns), default=None)
        after = min((time for time in known if time > self.to_ns), default=None)
        start = f"from {_at(self.from_ns)} " if isfinite(self.from_ns) else ""
        asked = f"{start}to {_at(self.to_ns)}" if isfinite(self.to_ns) else f"{start}on"
        if self.from_ns > self.to_ns:
            return f"{asked} is no span of time: --from is later than --to"
        if not known:
            return "nothing happened at all"
        if before is None or after is None:
            return f"nothing happened {asked}: the first is at {_at(known[0])}, the last at {_at(known[-1])}"
        return f"nothing happened {asked}: the last before it is at {_at(before)}, the next at {_at(after)}"

    def of(self, path: str) -> bool:
        """Whether this machine is the one or below it."""
        return not self.machine or is_below(path, self.machine)

    def records(self, records: Iterable[Record]) -> list[Record]:
        """The records inside."""
        return [r for r in records if self.at(r["time_ns"]) and self.of(r["machine"]) and self._tells(r)]

    def _tells(self, record: Record) -> bool:
        """Whether the event, the timer, an order or what is sent is one that is looked for."""
        return not self.event or any(fnmatchcase(name, self.event) for name in names(record))


def is_below(path: str, machine: str) -> bool:
    """Whether a machine is this one or below it, or an adapter of one of these."""
    return path == machine or path.startswith((machine + "/", machine + "[", machine + "."))


def _at(time_ns: float) -> str:
    return f"{time_ns / 1e9:.3f}".rstrip("0").rstrip(".") + " s"


def time_of(text: str) -> int:
    """``12.5`` (seconds), ``90 s``, ``2 min`` in ns. Raises ``ValueError``."""
    if _SECONDS.fullmatch(text):
        text += " s"
    found = duration(text)
    if found < 0:
        raise ValueError("a run begins at 0 s")
    if found > _LONGEST_NS:
        raise ValueError("no run takes so long")
    return found


def names(record: Record) -> Iterable[str]:
    """The event, timer or note of a record, and what it orders, sends and raises: what a pattern is compared with."""
    if "note" in record:
        yield record["note"]
        yield record.get("text", "")
        return
    if "event" in record:
        yield record["event"]["name"]
    yield str(record.get("timer", record["cause"]))
    for effect in record.get("effects", ()):
        if effect["do"] in ("call", "start_call"):
            yield f"{effect['role']}.{effect['action']}"
            yield effect["action"]
        elif effect["do"] == "send":
            yield effect["event"]
    yield from record.get("raised", ())
