"""Sequences of events, readings and time, each with what the Python engine does: the C must print the same lines."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from engine.language.types import Kind, Type
from engine.language.values import INT_MAX, INT_MIN, EvaluationError, checked
from engine.run.deadlines import Deadline, Deadlines
from engine.run.machine import Machine
from engine.semantics.errors import EndlessLoop, EngineError, ParameterError
from engine.semantics.parameters import bind_parameters
from engine.semantics.payloads import check_payload
from engine.semantics.step import (
    Call,
    CancelTimer,
    Done,
    Event,
    LogText,
    SendEvent,
    StartCall,
    StartChild,
    StartTimer,
    Step,
    StopChild,
)
from engine.tools.explore.path import Path
from engine.tools.explore.stimuli import Stimuli, Stimulus, World
from engine.tools.explore.values import Situation, defaults
from engine.tools.export.c.design import Design, EventOf
from engine.tools.export.c.names import identifier
from engine.tools.export.c.types import most_items, most_octets, text_octets
from tests.export.c_peer import alive_children, kept_data

Readings = dict[tuple[str, str], Any]
_UNREADABLE = object()
ENDLESS = "fault(10"
"""The line of a step that does not come to rest: the engine raises, the C says so, or that its queue is full."""


@dataclass(slots=True)
class Sequence:
    """``script`` for the C, ``expected`` from the engine: a line for each macrostep. ``taken``: transitions."""

    name: str
    script: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)


class Surroundings:
    """What adapters show; reading what they do not raises, as an adapter's fault does."""

    def __init__(self) -> None:
        self.readings: Readings = {}
        self.children: dict[str, tuple[int, bool]] = {}

    def read(self, role: str, name: str) -> Any:
        value = self.readings.get((role, name), _UNREADABLE)
        if value is _UNREADABLE:
            raise RuntimeError("not there")
        return value

    def alive(self, child: str, key: Any = None) -> int:
        count, has = self.children.get(child, (0, False))
        return count if key is None else int(has)


class Recorder:
    """One machine of the Python engine with a clock, which writes script and lines as it goes."""

    def __init__(self, design: Design, parameters: Mapping[str, Any], name: str) -> None:
        self.design = design
        chart = design.chart
        self.sequence = Sequence(name)
        self.machine = Machine(chart, parameters)
        self.surroundings = Surroundings()
        self.machine.surroundings = self.surroundings
        self.now_ns = 0
        self.deadlines = Deadlines()
        self.running: dict[str, Deadline] = {}
        self.fired = ""
        self.timer_numbers = {timer.id: i for i, (_, timer) in enumerate(design.timers)}
        self.numbers = {t.id: i for i, t in enumerate(design.transitions)}
        self.places = {text: i for i, text in enumerate(design.places)}
        bound = bind_parameters(chart, parameters)
        values = [self.word(p.type, bound[n]) for n, p in chart.parameters.items()]
        self.sequence.script.append(" ".join(["N", *values]))

    # ------------------------------------------------------------ what happens

    def show(self, readings: Readings) -> None:
        """Let adapters show these values; what is not among them cannot be read."""
        for index, ((role, name), type_) in enumerate(self.design.readings.items()):
            before = self.surroundings.readings.get((role, name), _UNREADABLE)
            value = readings.get((role, name), _UNREADABLE)
            if value is not before:
                word = "!" if value is _UNREADABLE else self.word(type_, value)
                self.sequence.script.append(f"V {index} {word}")
        self.surroundings.readings = dict(readings)

    def count(self, children: Mapping[str, tuple[int, bool]]) -> None:
        """So many children run now, and whether the one of whatever key is asked for does."""
        for number, child in enumerate(alive_children(self.design)):
            count, has = children.get(child, (0, False))
            if (count, has) != self.surroundings.children.get(child, (0, False)):
                self.sequence.script.append(f"A {number} {count} {int(has)}")
        self.surroundings.children = dict(children)

    def begin(self) -> None:
        self._step(f"B {self.now_ns}", self.machine.begin)

    def send(self, event: EventOf, data: Mapping[str, Any]) -> None:
        """An event now; what it carries that the chart does not read stays away from the C."""
        words = [self.word(type_, data[name]) for name, type_ in event.payload.items()]
        script = " ".join([f"E {event.number} {self.now_ns}", *words])
        try:
            payload = check_payload(self.design.chart, event.name, data) if event.payload else dict(data) or None
        except EngineError:
            self._line(script, "refused ", ())
            return
        self._step(script, lambda: self.machine.process(Event(event.name, payload)))

    def fire(self, timer: str) -> None:
        """A timer expires, whatever the time."""
        if timer in self.running:
            self.running.pop(timer).cancel()
        self._step(f"X {self.timer_numbers[timer]} {self.now_ns}", lambda: self.machine.expire(timer))

    def advance(self, to_ns: int) -> None:
        """Let time pass: timers expire on the way, in their order."""
        while (due := self.deadlines.next_ns()) is not None and due <= to_ns:
            self.now_ns = due
            self.deadlines.pop().run()
            timer = self.fired
            del self.running[timer]
            self._step(f"T {due}", partial(self.machine.expire, timer))
            if len(self.sequence.expected) > 400 or self.over:
                return  # timers of no duration restart each other
        self.now_ns = max(self.now_ns, to_ns)

    def finish(self) -> None:
        if not self.over:
            self._step(f"F {self.now_ns}", self.machine.finish)

    # ------------------------------------------------------------ lines

    @property
    def over(self) -> bool:
        """Whether nothing more is to be compared."""
        return self.machine.done or ENDLESS in self.sequence.expected

    def _step(self, script: str, compute: Callable[[], Step]) -> None:
        try:
            step = compute()
        except EndlessLoop:
            self.sequence.script.append(script)
            self.sequence.expected.append(ENDLESS)
            return
        told = []
        for effect in step.effects:
            told += self._effect(effect)
        told += [f"error({self.places[_short(failure.position)]})" for failure in step.failures]
        self.sequence.taken.update(step.transitions)
        self._line(script, "".join(f"{one} " for one in told), step.transitions)

    def _line(self, script: str, told: str, transitions: tuple[str, ...]) -> None:
        machine = self.machine
        taken = "".join(f"{self.numbers[t]}," for t in transitions)
        active = [0, *(self.design.numbers[s] for s in machine.configuration)] if not machine.done else []
        deadline = self.deadlines.next_ns()
        data = "".join(self.shown(d.type, machine.data[n]) for n, d in kept_data(self.design))
        states = "".join(f"{s}," for s in active)
        timers = [self.running.get(timer.id) for _, timer in self.design.timers]
        due = "".join(f"{-1 if one is None else one.due_ns}," for one in timers)
        self.sequence.script.append(script)
        self.sequence.expected.append(f"{told}|{taken}|{states}|{-1 if deadline is None else deadline}|{due}|{data}")

    def _effect(self, effect: Any) -> Iterator[str]:
        design = self.design
        match effect:
            case StartTimer(id=timer, delay_ns=delay):
                if timer in self.running:
                    self.running[timer].cancel()

                def fired(name: str = timer) -> None:
                    self.fired = name

                self.running[timer] = self.deadlines.add(self.now_ns + delay, fired)
            case CancelTimer(id=timer):
                if timer in self.running:
                    self.running.pop(timer).cancel()
            case Call(role=role, action=action, args=args):
                yield self._called(f"{role}_{action}", args)
            case StartCall(id=id_, args=args):
                yield self._called(f"start_{id_}", args)
            case LogText(text=text):
                yield self._called("log", {"text": text})
            case StopChild(id=id_):
                yield self._called(f"stop_{id_}", {})
            case StartChild(id=id_, input=given, key=key):
                yield self._called(f"start_{id_}", {"key": key, **given} if key is not None else given)
            case SendEvent(event=event, data=data, target="parent"):
                yield self._called(f"send_{event}", data or {})
            case SendEvent(event=event, data=data, target=str(child)):
                yield self._called(f"send_{child}_{event}", data or {})
            case Done(output=output):
                given = "".join(self.shown(type_, (output or {})[n]) for n, type_ in design.output.items())
                yield f"done({given})"
            case _:
                raise AssertionError(f"an effect that the C has not: {effect}")

    def _called(self, name: str, args: Mapping[str, Any]) -> str:
        port = self.design.ports[identifier(name)]
        return f"{port.name}({''.join(self.shown(type_, args[n]) for n, type_ in port.arguments)})"

    def shown(self, type_: Type, value: Any) -> str:
        """A value as the C prints it."""
        return f"{_word(type_, value, lambda v: v)},"

    def word(self, type_: Type, value: Any) -> str:
        """A value as the C reads it."""
        if type_.kind is Kind.LIST and type_.item is not None:
            return " ".join([str(len(value)), *(self.word(type_.item, item) for item in value)])
        return _word(type_, value, self._number_of)

    def _number_of(self, value: str) -> str:
        words = self.design.all_words
        return str(words.index(value) if value in words else len(words))


def _short(position: str) -> str:
    """A place as the C has it: without folders."""
    return re.sub(r"[^ ()]*/", "", position)


def _word(type_: Type, value: Any, enumerated: Any) -> str:
    match type_.kind:
        case Kind.FLOAT:
            return struct.pack(">d", value).hex()
        case Kind.BOOL:
            return str(int(value))
        case Kind.ENUM:
            return str(enumerated(value))
        case Kind.STRING:
            return ":" + value.encode().hex()
        case Kind.BYTES:
            return ":" + bytes(value).hex()
        case Kind.LIST:
            assert type_.item is not None
            return "[" + "".join(f"{_word(type_.item, item, enumerated)}," for item in value) + "]"
    return str(value)


# ---------------------------------------------------------------- sequences


class Random:
    """Random sequences of a chart, the same for the same seed: events in and out of season, readings that come and go,
    time to the next deadline, short of it and beyond; values that guards ask for, their neighbours, and extremes. Half
    of them go on from the end of one of ``paths``, else few would come far."""

    def __init__(self, design: Design, paths: list[Path], seed: str) -> None:
        self.design = design
        self.paths = paths
        self.seed = seed
        self._groups: dict[str, int] = {}  # of equal parameters
        chart = design.chart
        base = {n: defaults(p.type)[-1] for n, p in chart.parameters.items() if p.default is None}
        self.base = base
        self.stimuli = Stimuli(chart, base)
        self.outside = [event for event in design.events if event.from_outside]
        self._pools: dict[Any, list[Any]] = {}

    def sequence(self, number: int) -> Sequence:
        """The sequence of this number."""
        choice = random.Random(f"{self.seed}/{self.design.name}/{number}")
        name = f"random sequence {number}"
        if choice.random() < 0.5 and self.paths:
            path = choice.choice(self.paths)
            recorder = Recorder(self.design, path.parameters, name)
            follow(recorder, path)
        else:
            recorder = Recorder(self.design, self._parameters(choice), name)
            recorder.show(self._readings(choice, {}))
            recorder.begin()
        for _ in range(choice.choice((5, 15, 30))):
            if recorder.over:
                break
            self._one(choice, recorder)
        if choice.random() < 0.5:
            recorder.finish()
        elif self.outside and recorder.machine.done:
            self._event(choice, recorder)
        return recorder.sequence

    def _one(self, choice: random.Random, recorder: Recorder) -> None:
        what = choice.random()
        due = recorder.deadlines.next_ns()
        if what < 0.12:
            recorder.show(self._readings(choice, recorder.surroundings.readings))
            counts = {child: choice.choice((0, 1, 2, 5, 6)) for child in alive_children(self.design)}
            recorder.count({child: (count, count > 0 and choice.random() < 0.4) for child, count in counts.items()})
        elif what < 0.45 and due is not None:
            until = choice.choice((due, due, due, (recorder.now_ns + due) // 2, due + 1, 2 * due - recorder.now_ns))
            if due < 2**60:
                recorder.advance(until)
        elif self.outside:
            recorder.advance(recorder.now_ns + choice.choice((0, 0, 1, 1_000_000, 30_000_000)))
            if not recorder.over:
                (self._aimed if choice.random() < 0.4 else self._event)(choice, recorder)

    def _aimed(self, choice: random.Random, recorder: Recorder) -> None:
        """An event for which some guard holds, or would if one field of it were not another."""
        machine, around = recorder.machine, recorder.surroundings
        group = self._groups.setdefault(repr(machine.parameters), len(self._groups))
        where = Situation(dict(machine.data), machine.parameters, frozenset(machine.configuration), group)
        world = Stimulus(readings=dict(around.readings), alive={c: n for c, (n, _) in around.children.items()})
        found = [one for one in islice(self.stimuli.narrow(where, world, ()), 40) if one.event in self.design.by_name]
        if not found:
            self._event(choice, recorder)
            return
        chosen = choice.choice(found)
        recorder.show(dict(chosen.readings))
        after = World(chosen.readings, chosen.alive)
        recorder.count({c: (after.alive(c), bool(after.alive(c, b"1"))) for c in alive_children(self.design)})
        event, data = self.design.by_name[chosen.event], dict(chosen.data or {})
        if event.payload and choice.random() < 0.4:
            field_ = choice.choice(list(event.payload))
            data[field_] = self._value(choice, ("event", field_), event.payload[field_])
        recorder.send(event, data)

    def _event(self, choice: random.Random, recorder: Recorder) -> None:
        active = set(recorder.machine.configuration) | {""}
        in_season = [e for e in self.outside if any(t.source.id in active for t in e.heard)]
        event = choice.choice(in_season if in_season and choice.random() < 0.85 else self.outside)
        data = {n: self._value(choice, ("event", n), type_) for n, type_ in event.payload.items()}
        whole = {n: defaults(t)[0] for n, t in self.stimuli.payloads.get(event.name, {}).items()}
        recorder.send(event, {**whole, **data})

    def _parameters(self, choice: random.Random) -> dict[str, Any]:
        given = dict(self.base)
        if choice.random() < 0.4:
            return given
        for name, parameter in self.design.chart.parameters.items():
            if choice.random() < 0.25 or name in self.base:
                value = self._value(choice, ("param", name), parameter.type)
                try:
                    bind_parameters(self.design.chart, {**given, name: value})
                except ParameterError:
                    continue
                given[name] = value
        return given

    def _readings(self, choice: random.Random, before: Readings) -> Readings:
        shown = dict(before)
        for key, type_ in self.design.readings.items():
            if choice.random() < 0.7 or key not in before:
                shown[key] = self._value(choice, ("read", *key), type_)
            if choice.random() < 0.03:
                shown.pop(key)
        return shown

    def _value(self, choice: random.Random, term: Any, type_: Type) -> Any:
        known = self._pools.get(term)
        if known is None:
            offered = [*self.stimuli.pools.values(term, type_), *defaults(type_)]
            known = self._pools[term] = [value for value in offered if _fits(value, type_)]
        value = choice.choice(known) if known and choice.random() < 0.8 else self._any(choice, type_)
        if type_.kind is Kind.FLOAT and choice.random() < 0.3:
            value = float(value) + choice.choice((-0.5, 0.5, 1e-9, -1e-9))
        if type_.kind in (Kind.INT, Kind.DURATION) and choice.random() < 0.15:
            value += choice.choice((-1, 1))
        if type_.kind is Kind.DURATION:
            return min(max(value, -1), 2**62)
        return self._held(value, type_) if type_.kind is Kind.INT else value

    def _held(self, value: int, type_: Type) -> int:
        """The nearest number that a variable of its C type holds."""
        held = self.design.c_type(type_)
        bits = int(re.sub(r"\D", "", held))
        low, high = (0, 2**bits - 1) if held.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        return min(max(value, low), high)

    def _any(self, choice: random.Random, type_: Type) -> Any:
        match type_.kind:
            case Kind.FLOAT:
                return choice.choice((choice.uniform(-20, 120), -0.0, 1e300, -1e-300, choice.uniform(-1e6, 1e6)))
            case Kind.INT:
                return choice.choice((choice.randrange(20), choice.randrange(-(2**40), 2**40), INT_MAX, INT_MIN))
            case Kind.DURATION:
                return choice.choice((0, choice.randrange(5_000_000_000), 2**62))
            case Kind.BOOL:
                return choice.random() < 0.5
            case Kind.ENUM:
                return choice.choice(type_.values)
        if type_.kind is Kind.BYTES:
            most = most_octets(type_)
            return choice.randbytes(choice.choice((0, 1, most, most, most + 1)))
        if type_.kind is Kind.LIST and type_.item is not None:
            return [self._any(choice, type_.item) for _ in range(choice.randrange(most_items(type_) + 1))]
        length = choice.choice((0, 1, 17, text_octets(type_)))
        return "".join(choice.choice("abcXYZ 09:%.äß") for _ in range(length)).encode()[:length].decode(errors="ignore")


def _fits(value: Any, type_: Type) -> bool:
    try:
        checked(value, type_)
    except EvaluationError:
        return False
    return True


def of_path(design: Design, path: Path, number: int) -> Sequence:
    """A path of the engine's own search, which takes a transition that none before takes."""
    recorder = Recorder(design, path.parameters, f"path {number}: {path.name}")
    follow(recorder, path)
    return recorder.sequence


def follow(recorder: Recorder, path: Path) -> None:
    """Go a path's way: its timers expire when it says so."""
    design = recorder.design
    for at, stimulus in enumerate((path.start, *path.steps)):
        if recorder.machine.done:
            break
        recorder.show(dict(stimulus.readings))
        world = World(stimulus.readings, stimulus.alive)
        recorder.count({c: (world.alive(c), bool(world.alive(c, b"1"))) for c in alive_children(design)})
        if not at:
            recorder.begin()
        elif stimulus.timer:
            recorder.fire(stimulus.timer)
        elif stimulus.event in design.by_name:
            event = design.by_name[stimulus.event]
            recorder.send(event, dict(stimulus.data or {}))
