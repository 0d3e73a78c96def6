"""What repeats in a run becomes loops: each is of one phase, in which the same messages come round after round."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from engine.tools.trace.repeats import LEAST, LULL_NS
from engine.tools.trace.said import Said, shortened
from engine.tools.trace.sequence import Loop, Message
from engine.tools.trace.show import plain
from engine.tools.trace.units import with_unit

_OVERDUE = 2  # times the longest pause so far: what has not come again by then is over
_SLOW_NS = 30_000_000_000
_ASIDE = ("timer", "note")
_Kind = tuple[str, str, str, str]


def folded(said: Sequence[Said]) -> list[Message | Loop]:
    """Stretches in which every message is one that comes again and again become loops, one for each phase."""
    repeating = _repeating(said)
    parts: list[Message | Loop] = []
    for loop, run in groupby(range(len(said)), key=lambda n: n in repeating):
        own = [said[n] for n in run]
        for phase in _phases(own) if loop else (own,):
            kinds = Counter(one.same for one in phase)
            if loop and _is_loop(phase, kinds):
                told = tuple(_told([one for one in phase if one.same == kind]) for kind in kinds)
                parts.append(Loop(told, phase[-1].time_ns))
            else:
                parts += [one.message() for one in phase]
    return parts


def _is_loop(phase: Sequence[Said], kinds: Counter[_Kind]) -> bool:
    """Whether most of it comes again, and some of it as often as makes a repetition; of what is aside, quickly."""
    rounds = max((count for (source, target, *_), count in kinds.items() if source != target), default=0)
    if not rounds and phase[-1].time_ns - phase[0].time_ns <= LULL_NS * (len(phase) - 1):
        rounds = max(kinds.values())
    return rounds >= LEAST and len(phase) >= LEAST * len(kinds) // 2 and len(phase) > len(kinds) + 1


def _repeating(said: Sequence[Said]) -> set[int]:
    """The numbers of messages of a kind that comes at least ``LEAST`` times, each soon after the one before. What a
    timer makes a side do now and then, a line on a console, may come more slowly: it breaks no loop."""
    chains: dict[_Kind, list[int]] = {}
    found: set[int] = set()
    for number, one in enumerate(said):
        chain = chains.setdefault(one.same, [])
        if chain and one.time_ns - said[chain[-1]].time_ns > (_SLOW_NS if one.kind in _ASIDE else LULL_NS):
            chain.clear()
        chain.append(number)
        if len(chain) >= LEAST:
            found.update(chain[-LEAST:])
    return found


@dataclass(slots=True)
class _Pace:
    """How one kind of message came in the present phase."""

    last_ns: int
    count: int = 1
    pause_ns: int = 0  # the longest

    def again(self, at_ns: int) -> None:
        self.pause_ns = max(self.pause_ns, at_ns - self.last_ns)
        self.last_ns = at_ns
        self.count += 1

    def is_over(self, next_ns: int | None) -> bool:
        """Whether it was of the phase, and does not go on as it did."""
        return self.count >= LEAST and (next_ns is None or next_ns - self.last_ns > _OVERDUE * self.pause_ns)


def _phases(run: Sequence[Said]) -> Iterator[Sequence[Said]]:
    """A phase is over when another message begins and one of its own is over. What runs through (a timer, a poll) is
    of both."""
    numbers: dict[_Kind, list[int]] = {}
    for number, one in enumerate(run):
        numbers.setdefault(one.same, []).append(number)
    start, paces = 0, dict[_Kind, _Pace]()
    for number, one in enumerate(run):
        if one.source == one.target:
            continue
        if one.same in paces:
            paces[one.same].again(one.time_ns)
            continue
        if any(pace.is_over(_next(run, numbers[kind], number)) for kind, pace in paces.items()):
            cut = _begin(run, start, number)
            yield from _rounds(run[start:cut])
            start, paces = cut, {}
        paces[one.same] = _Pace(one.time_ns)
    yield from _rounds(run[start:])


def _rounds(phase: Sequence[Said]) -> Iterator[Sequence[Said]]:
    """The rounds alone, and before and after them what was said once: it ended or began something else."""
    counts = Counter(one.same for one in phase)
    again = [n for n, one in enumerate(phase) if one.source != one.target and counts[one.same] > 1]
    start, end = (_begin(phase, 0, again[0]), again[-1] + 1) if again else (0, len(phase))
    yield from (part for part in (phase[:start], phase[start:end], phase[end:]) if part)


def _begin(run: Sequence[Said], least: int, number: int) -> int:
    """Where a message begins: what happens at its sender just before, a timer, leads to it."""
    while number > least and run[number - 1].source == run[number - 1].target == run[number].source:
        number -= 1
    return number


def _next(run: Sequence[Said], numbers: Sequence[int], after: int) -> int | None:
    """The time of the first of these numbers behind ``after``."""
    place = bisect_right(numbers, after)
    return run[numbers[place]].time_ns if place < len(numbers) else None


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
    return replace(message, text=shortened(text))


def _value(value: object, unit: str) -> str:
    if value is None:
        return "–"
    return with_unit(plain(value), value, unit) if unit else plain(value)
