"""Faults of frames, for the simulated line and any real link: ``--fault drop:CM_ATTEN_CHAR.IND:1`` (docs/faults.md).

    RULES   = RULE {"," RULE}
    RULE    = ACTION ":" MESSAGE [":" WHICH]
    ACTION  = drop | delay(TIME) | dup | dup(TIME) | trunc[(OCTETS)] | corrupt[(OFFSET)] | set(OFFSET=HEX) | swap
    MESSAGE = a name of the standard (CM_SLAC_PARM.REQ), an MMTYPE (0x6064), IP (any IPv4/IPv6 frame) or * (all)
    WHICH   = N | N-M | N- (counted from 1) | @TIME | @TIME-TIME (on the clock); left out: every one

The grammar is that of ``engine.run.faults`` for what charts say and hear; only what is named and done is a frame's. A
test holds the two readers together, since nothing but the adapter interface is shared between engine and adapters.

Offsets count from the first octet of the Ethernet frame. Nothing here reads a clock or does I/O; the seed decides what
``corrupt`` without an offset hits.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fractions import Fraction
from typing import Generic, TypeVar

from adapters.slac.frames import BY_NAME, name_of

SWAP_HOLD_NS = 100_000_000
"""How long a swapped frame waits for a successor before it goes out alone."""

T = TypeVar("T")

_RULE = re.compile(
    r"\s*(?P<action>[A-Za-z]+)\s*(?:\((?P<argument>[^()]*)\))?\s*:\s*(?P<message>[^:\s]+)\s*(?::(?P<which>.+))?"
)
_WHICH = re.compile(r"([1-9]\d*)(?:(-)([1-9]\d*)?)?", re.ASCII)
_TIME = re.compile(r"(\d{1,15}|\d{0,15}\.\d{1,15})\s*(ns|us|ms|s|min|h)", re.ASCII)
_UNITS_NS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
_HEAD = 17  # octets up to and including MMTYPE: what "corrupt" without an offset leaves alone
_ACTIONS = ("drop", "delay", "dup", "trunc", "corrupt", "set", "swap")


class FaultSyntaxError(ValueError):
    """A fault rule that cannot be read: says which rule, what is wrong and what would be right."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: apply ``action`` to the ``first``-th to ``last``-th frame named ``message`` (``last`` None: without
    end), from ``from_ns`` to ``until_ns`` of the clock.

    ``number`` is the action's argument (octets or an offset), -1 without one; ``value`` holds the octets of ``set``.
    """

    action: str
    message: str
    first: int = 1
    last: int | None = None
    number: int = -1
    value: bytes = b""
    delay_ns: int = 0
    from_ns: int = 0
    until_ns: int | None = None
    text: str = field(default="", compare=False)


def parse_rules(text: str) -> tuple[Rule, ...]:
    """The rules of a ``--fault`` option; raises :class:`FaultSyntaxError`."""
    return tuple(_parse_rule(part.strip()) for part in text.split(",") if part.strip())


class FaultInjector(Generic[T]):
    """Applies rules to a stream of frames. Each frame has an ``origin``, which the injector only passes through."""

    def __init__(self, rules: Sequence[Rule] = (), seed: int = 0) -> None:
        self.struck: Callable[[str], None] = lambda text: None
        """Told of every frame a rule strikes, in words."""
        self._rules = tuple(rules)
        self._seen = [0] * len(self._rules)
        self._random = random.Random(seed)
        self._held: list[tuple[int, bytes, T]] = []
        self.applied: list[int] = [0] * len(self._rules)
        """How often each rule struck."""

    def apply(self, frame: bytes, now_ns: int, origin: T) -> list[tuple[int, bytes, T]]:
        """What passes in place of ``frame``: (extra delay in ns, frame, origin) for each; empty when it is dropped or
        held back."""
        if not self._rules:
            return [(0, frame, origin)]
        name = name_of(frame)
        copies = [(0, frame, origin)]
        hold = False
        for index, rule in enumerate(self._rules):
            if rule.message not in (name, "*"):
                continue
            self._seen[index] += 1
            if self._seen[index] < rule.first or (rule.last is not None and self._seen[index] > rule.last):
                continue
            if now_ns < rule.from_ns or (rule.until_ns is not None and now_ns >= rule.until_ns):
                continue
            self.applied[index] += 1
            self.struck(f"fault {rule.text}: number {self._seen[index]}")
            if rule.action == "drop":
                return []
            if rule.action == "swap":
                hold = True
            elif rule.action == "delay":
                copies = [(delay + rule.delay_ns, copy, origin) for delay, copy, _ in copies]
            elif rule.action == "dup":
                copies.append((copies[-1][0] + rule.delay_ns, copies[-1][1], origin))
            else:
                copies = [(delay, self._changed(copy, rule), origin) for delay, copy, _ in copies]
        released = [(0, held, whence) for _, held, whence in self._held]
        if hold:
            self._held = [(now_ns + SWAP_HOLD_NS, copy, origin) for _, copy, _ in copies]
            return released
        self._held = []
        return copies + released

    def next_due_ns(self) -> int | None:
        """When the next held frame goes out without a successor; None when none is held."""
        return self._held[0][0] if self._held else None

    def poll(self, now_ns: int) -> list[tuple[bytes, T]]:
        """Frames, with their origin, that were held for a successor that has not come by ``now_ns``."""
        if not self._held or self._held[0][0] > now_ns:
            return []
        released, self._held = self._held, []
        return [(frame, origin) for _, frame, origin in released]

    def _changed(self, frame: bytes, rule: Rule) -> bytes:
        if rule.action == "trunc":
            return frame[: rule.number if rule.number >= 0 else len(frame) // 2]
        if rule.action == "set":
            return frame[: rule.number] + rule.value + frame[rule.number + len(rule.value) :]
        if len(frame) <= _HEAD:
            return frame
        offset = rule.number if rule.number >= 0 else self._random.randrange(_HEAD, len(frame))
        if offset >= len(frame):
            return frame
        return frame[:offset] + bytes([frame[offset] ^ 0xFF]) + frame[offset + 1 :]


def _parse_rule(text: str) -> Rule:
    match = _RULE.fullmatch(text)
    if match is None:
        raise FaultSyntaxError(
            f"fault rule '{text}': expected ACTION:MESSAGE[:WHICH], such as drop:CM_ATTEN_CHAR.IND:1"
        )
    action, message, argument = match["action"], match["message"], match["argument"]
    if action not in _ACTIONS:
        raise FaultSyntaxError(f"fault rule '{text}': no action '{action}'; there are {', '.join(_ACTIONS)}")
    if message.lower().startswith("0x"):
        try:
            mmtype = int(message, 16)
        except ValueError:
            raise FaultSyntaxError(f"fault rule '{text}': '{message}' is not a hexadecimal MMTYPE") from None
        message = next((name for name, known in BY_NAME.items() if mmtype == known.MMTYPE), f"0x{mmtype:04x}")
    elif message not in BY_NAME and message not in ("*", "IP"):
        near = get_close_matches(message, BY_NAME, 1, 0.4)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise FaultSyntaxError(f"fault rule '{text}': no message '{message}'{hint}")
    if argument is None and action in ("delay", "set"):
        example = "delay(300 ms)" if action == "delay" else "set(21=003e)"
        raise FaultSyntaxError(f"fault rule '{text}': {action} needs an argument, such as {example}")
    if argument is not None and action in ("drop", "swap"):
        raise FaultSyntaxError(f"fault rule '{text}': {action} takes no argument")
    delay_ns, number, value = 0, -1, b""
    if argument is not None and action in ("delay", "dup"):
        delay_ns = _parse_time(text, argument, f"; write {action}({argument.strip()} ms)")
    elif argument is not None:
        number, value = _parse_octets(text, action, argument)
    return Rule(action, message, *_parse_which(text, match["which"]), number, value, delay_ns,
                *_parse_span(text, match["which"]), text)  # fmt: skip


def _parse_which(text: str, which: str | None) -> tuple[int, int | None]:
    if which is None or which.strip().startswith("@"):
        return 1, None
    match = _WHICH.fullmatch(which.strip())
    if match is None:
        raise FaultSyntaxError(
            f"fault rule '{text}': '{which}' is none of N (the N-th only), N-M, N-, @TIME, @TIME-TIME"
        )
    first = int(match[1])
    last = int(match[3]) if match[3] else (None if match[2] else first)
    if last is not None and last < first:
        raise FaultSyntaxError(f"fault rule '{text}': the range {which} is empty")
    return first, last


def _parse_span(text: str, which: str | None) -> tuple[int, int | None]:
    if which is None or not which.strip().startswith("@"):
        return 0, None
    begin, dash, end = which.strip()[1:].partition("-")
    from_ns = _parse_time(text, begin)
    until_ns = _parse_time(text, end) if dash and end.strip() else None
    if until_ns is not None and until_ns <= from_ns:
        raise FaultSyntaxError(f"fault rule '{text}': {which.strip()} ends before it begins")
    return from_ns, until_ns


def _parse_time(text: str, written: str, hint: str = "") -> int:
    """Nanoseconds. ``hint`` is for a number without a unit."""
    match = _TIME.fullmatch(written.strip())
    if match is None:
        wanted = f"expected a duration such as 250 ms (units: {', '.join(_UNITS_NS)}), got '{written.strip()}'"
        raise FaultSyntaxError(f"fault rule '{text}': {wanted}{hint if written.strip().isdecimal() else ''}")
    return round(Fraction(match[1]) * _UNITS_NS[match[2]])


def _parse_octets(text: str, action: str, argument: str) -> tuple[int, bytes]:
    number, equals, value = argument.partition("=")
    if not number.isascii() or not number.isdigit() or bool(equals) != (action == "set"):
        wanted = "OFFSET=HEX" if action == "set" else "a whole number"
        raise FaultSyntaxError(f"fault rule '{text}': {action}({argument}) needs {wanted}")
    try:
        return int(number), bytes.fromhex(value)
    except ValueError:
        raise FaultSyntaxError(f"fault rule '{text}': '{value}' is not hexadecimal octets") from None
