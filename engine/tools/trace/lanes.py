"""A sequence of who talks with whom across which medium: ``vehicle | pilot | PLC | TCP/IP | station``.

The station file says who talks (``[sides]``), contracts say what carries their messages (``lane``) and what stays
inside (``local``). What one side gives to a medium and another one is given by it is one message, an arrow from side to
side; the rest is between a side and the medium. The titled states of each side's main machines, what a person does and
what goes wrong stand beside the lifelines.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.tools.trace.loops import folded
from engine.tools.trace.machines import FAULTS
from engine.tools.trace.reader import Record, Trace
from engine.tools.trace.said import Said, between_two, inside, limited
from engine.tools.trace.sequence import Sequence
from engine.tools.trace.units import Units
from engine.tools.trace.window import Window, is_below

_LONGEST_NS = 2_000_000_000  # on the way; what takes longer has been lost


@dataclass(frozen=True, slots=True)
class Side:
    """One who talks: its label, its root machine (of a unit: the machine on it), the machine that holds the talk."""

    label: str
    root: str
    machine: str
    unit: str = ""


def sides_of(trace: Trace) -> list[Side]:
    """All who talk, from left to right; nobody in a trace that does not say so."""
    found = []
    for label, side in trace.header.get("sides", {}).items():
        machine = side["machine"]
        found.append(Side(label, machine.rpartition("/")[0] or machine, machine, side.get("unit", "")))
    return found


def of_one_unit(sides: list[Side], unit: str = "") -> list[Side]:
    """Those of this unit, or of the first; those of no unit are with each."""
    units = [side.unit for side in sides if side.unit]
    return [side for side in sides if side.unit in ("", unit or next(iter(units), ""))]


def overview(
    trace: Trace,
    sides: list[Side],
    *,
    states: bool = True,
    limit: int = 400,
    loops: bool = True,
    window: Window | None = None,
    between: tuple[str, str] | None = None,
) -> Sequence:
    """What the sides said across the media, in ``window``; ``between`` two lifelines only, where two are named. Raises
    :class:`~engine.tools.trace.said.NothingSaid` where nothing of that was said."""
    window = window or Window()
    reader = _Reader(sides, states)
    for record in trace.records:
        if "cause" in record:
            reader.step(record)
        else:
            reader.note(record)
    reader.judge_lost()
    _answers([one for one in reader.said if one.via or len(sides) == 1])
    said = reader.said
    if between is not None:
        said = between_two(said, between, lambda name: name if name in between else "")
    said = inside(said, window)
    parts = folded(said) if loops else [one.message() for one in said]
    shown, cut = limited(parts, limit)
    ends = tuple(side.label for side in sides)
    used = between or {name for one in said for name in (one.source, one.target, one.via)}
    media = [name for name in reader.media if name in used]
    names = [*ends[:-1], *media, *ends[-1:]]
    if between is not None:
        names = [name for name in names if name in between]
    units = {side.unit for side in sides if side.unit}
    return Sequence(tuple(names), shown, cut, (names[0], names[-1]), frozenset(reader.media), ", ".join(sorted(units)))


def _answers(said: list[Said]) -> None:
    """How long who was spoken to took until it spoke, across the same medium."""
    spoken_to: dict[tuple[str, str], int] = {}
    for one in said:
        if one.source == one.target:
            continue
        medium = one.via or one.target
        asked = spoken_to.pop((medium, one.source), None)
        if asked is not None:
            one.answer_ns = one.time_ns - asked
        spoken_to[one.via or one.source, one.target] = one.time_ns


@dataclass(slots=True)
class _Sent:
    """A message on its way: who has got it already, and when."""

    said: Said
    side: str
    arrived: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Machine:
    """What the record of its start says of a machine."""

    side: Side
    lanes: dict[str, str]
    local: frozenset[str]
    persons: frozenset[str]
    titles: dict[str, str]
    units: dict[str, Units]


class _Reader:
    def __init__(self, sides: list[Side], states: bool) -> None:
        self._sides = sides
        self._states = states
        self._machines: dict[str, _Machine] = {}
        self._sent: dict[tuple[str, str], list[_Sent]] = {}  # by medium and name
        self._heard: dict[tuple[str, str, str], Said] = {}  # the last of a side, by medium and name
        self._titles: dict[str, str] = {}  # the last one told, by machine
        self._told: tuple[int, str, str] | None = None  # time, side and title of the very last
        self.media: list[str] = []
        self.said: list[Said] = []

    def step(self, record: Record) -> None:
        path, at = record["machine"], record["time_ns"]
        if record["cause"] == "start":
            self._start(path, record)
        machine = self._machines.get(path)
        if machine is None:
            return
        label = machine.side.label
        why = ""
        if record["cause"] == "event":
            self._event(at, machine, record["event"])
        elif record["cause"] == "timer":
            why = record["timer"].rpartition("/")[2].removeprefix("after ")
        first = len(self.said)
        if self._states and path in (machine.side.root, machine.side.machine):
            self._state(at, path, machine, record, why)
        for failure in record.get("failures", ()):
            self._mark(at, label, f"{path}: {failure['message']}", "fault")
        before = len(self.said)
        for effect in record.get("effects", ()):
            if effect["do"] in ("call", "start_call"):
                self._order(at, machine, effect)
        told = any(one.kind == "state" for one in self.said[first:before])
        if record["cause"] == "timer" and len(self.said) > before and not told:
            self.said.insert(before, Said(at, label, label, why, kind="timer"))

    def note(self, record: Record) -> None:
        side = self._side(record["machine"])
        if side is None:
            return
        kind, text = record["note"], record.get("text", "")
        if kind in FAULTS:
            self._mark(record["time_ns"], side.label, f"{kind.replace('_', ' ')}: {text}", "fault")
        elif kind == "adapter_note":
            self._mark(record["time_ns"], side.label, text, "fault" if text.startswith("fault ") else "note")
        elif kind == "out" and record["machine"] == side.root:
            told = {name: value for name, value in record.get("data", {}).items() if value not in ("", None)}
            self._mark(record["time_ns"], side.label, text, "note", told)

    def judge_lost(self) -> None:
        """What was sent and arrived nowhere, though others of its name did, is lost."""
        for all in self._sent.values():
            if any(sent.arrived for sent in all):
                for sent in all:
                    if not sent.arrived:
                        sent.said.kind = "lost"

    # ------------------------------------------------------------ private

    def _side(self, path: str) -> Side | None:
        inside = [s for s in self._sides if is_below(path, s.root) or ("[" in s.root and is_below(path, s.unit))]
        return max(inside, key=lambda side: len(side.root), default=None)

    def _start(self, path: str, record: Record) -> None:
        side = self._side(path)
        if side is None:
            return
        lanes = record.get("lanes", {})
        self._machines[path] = _Machine(
            side,
            lanes,
            frozenset(record.get("local", ())),
            frozenset(record.get("persons", ())),
            record.get("titles", {}),
            record.get("units", {}),
        )
        self.media += [lane for lane in dict.fromkeys(lanes.values()) if lane not in self.media]

    def _mark(self, at: int, label: str, text: str, kind: str, data: object = None) -> None:
        self.said.append(Said(at, label, label, text, data, None, kind))

    def _state(self, at: int, path: str, machine: _Machine, record: Record, why: str) -> None:
        active = set(record["configuration"])
        entered = [state for state in record.get("entered", ()) if state in active and state in machine.titles]
        inmost = [state for state in entered if not any(other.startswith(f"{state}.") for other in entered)]
        for state in dict.fromkeys(inmost):
            title = machine.titles[state]
            if self._titles.get(path) != title and (at, machine.side.label, title) != self._told:
                self._titles[path] = title
                self._told = (at, machine.side.label, title)
                self._mark(at, machine.side.label, f"{title} ({why})" if why else title, "state")

    def _event(self, at: int, machine: _Machine, event: Record) -> None:
        name, data, label = event["name"], event.get("data"), machine.side.label
        role, _, rest = name.partition(".")
        if name.startswith("error."):
            told = data.get("message", "") if isinstance(data, dict) else ""
            self._mark(at, label, f"{name}: {told}" if told else name, "fault")
        elif role in machine.persons and rest:
            self._mark(at, label, name, "note", data)
        elif role in machine.lanes and rest and name not in machine.local:
            self._arrival(at, machine, machine.lanes[role], rest, data, machine.units.get(name))

    def _order(self, at: int, machine: _Machine, effect: Record) -> None:
        role, name, label = effect["role"], effect["action"], machine.side.label
        full = f"{role}.{name}"
        if role in machine.persons:
            self._mark(at, label, full, "note", effect["args"])
        elif role in machine.lanes and full not in machine.local:
            medium = machine.lanes[role]
            said = Said(at, label, medium, name, effect["args"], machine.units.get(f"{full}()"))
            self.said.append(said)
            self._sent.setdefault((medium, name), []).append(_Sent(said, label))

    def _arrival(self, at: int, machine: _Machine, medium: str, name: str, data: object, units: Units | None) -> None:
        label = machine.side.label
        heard = self._heard.get((label, medium, name))
        if heard is not None and heard.data == data and heard.time_ns == at:
            return  # another machine of this side heard the same
        self._heard[label, medium, name] = Said(at, medium, label, name, data)
        sent = self._sender(at, label, medium, name, data)
        if sent is None:
            self.said.append(Said(at, medium, label, name, data, units))
        elif not sent.arrived:
            sent.said.target, sent.said.via = label, medium
            sent.arrived[label] = at
        else:  # one message, heard by several
            first = sent.said
            sent.arrived[label] = at
            self.said.append(Said(first.time_ns, first.source, label, name, first.data, first.units, "", medium))

    def _sender(self, at: int, label: str, medium: str, name: str, data: object) -> _Sent | None:
        """The message that arrives: of those on the way the one that is most like it, of several the newest."""
        waiting = [
            sent
            for sent in self._sent.get((medium, name), ())[-64:]
            if sent.side != label and label not in sent.arrived and at - sent.said.time_ns <= _LONGEST_NS
        ]
        return max(waiting, key=lambda sent: (_likeness(sent.said.data, data), sent.said.time_ns), default=None)


def _likeness(one: object, other: object) -> int:
    """How many fields both have that are the same, less those that differ."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return 0
    return sum(1 if one[name] == other[name] else -1 for name in one.keys() & other.keys())
