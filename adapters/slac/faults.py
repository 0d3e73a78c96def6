"""Faults of frames, for the simulated line and any real link: ``--fault drop:CM_ATTEN_CHAR.IND:1`` (docs/faults.md).

    RULES   = RULE {"," RULE}
    RULE    = ACTION ":" MESSAGE [":" WHICH]
    ACTION  = drop | delay(MS) | dup[(MS)] | trunc[(OCTETS)] | corrupt[(OFFSET)] | set(OFFSET=HEX) | swap
    MESSAGE = a name of the standard (CM_SLAC_PARM.REQ), an MMTYPE (0x6064), IP (any IPv4/IPv6 frame) or * (all)
    WHICH   = N (only the N-th such frame), N-M, N- (from the N-th on); left out: every one

Offsets count from the first octet of the Ethernet frame. Nothing here reads a clock or does I/O; the seed decides what
``corrupt`` without an offset hits.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Generic, TypeVar

from adapters.slac.frames import BY_NAME, name_of

SWAP_HOLD_NS = 100_000_000
"""How long a swapped frame waits for a successor before it goes out alone."""

T = TypeVar("T")

_RULE = re.compile(r"(?P<action>[a-z]+)(?:\((?P<argument>[^()]*)\))?:(?P<message>[^:]+)(?::(?P<which>.+))?")
_WHICH = re.compile(r"([1-9]\d*)(?:(-)([1-9]\d*)?)?")
_HEAD = 17  # octets up to and including MMTYPE: what "corrupt" without an offset leaves alone
_ACTIONS = ("drop", "delay", "dup", "trunc", "corrupt", "set", "swap")


class FaultSyntaxError(ValueError):
    """A fault rule that cannot be read: says which rule, what is wrong and what would be right."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: apply ``action`` to the ``first``-th to ``last``-th frame named ``message`` (``last`` None: without
    end).

    ``number`` is the action's argument (milliseconds, octets or an offset), -1 without one; ``value`` holds the octets
    of ``set``.
    """

    action: str
    message: str
    first: int = 1
    last: int | None = None
    number: int = -1
    value: bytes = b""
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
            self.applied[index] += 1
            self.struck(f"fault {rule.text}: number {self._seen[index]}")
            if rule.action == "drop":
                return []
            if rule.action == "swap":
                hold = True
            elif rule.action == "delay":
                copies = [(delay + rule.number * 1_000_000, copy, origin) for delay, copy, _ in copies]
            elif rule.action == "dup":
                copies.append((copies[-1][0] + max(rule.number, 0) * 1_000_000, copies[-1][1], origin))
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
    action, message = match["action"], match["message"]
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
    first, last = _parse_which(text, match["which"])
    number, value = _parse_argument(text, action, match["argument"])
    return Rule(action, message, first, last, number, value, text)


def _parse_which(text: str, which: str | None) -> tuple[int, int | None]:
    if which is None:
        return 1, None
    match = _WHICH.fullmatch(which)
    if match is None:
        raise FaultSyntaxError(f"fault rule '{text}': '{which}' is no N, N-M or N- with N from 1")
    first = int(match[1])
    last = int(match[3]) if match[3] else (None if match[2] else first)
    if last is not None and last < first:
        raise FaultSyntaxError(f"fault rule '{text}': the range {which} is empty")
    return first, last


def _parse_argument(text: str, action: str, argument: str | None) -> tuple[int, bytes]:
    if argument is None:
        if action in ("delay", "set"):
            example = "delay(300)" if action == "delay" else "set(21=003e)"
            raise FaultSyntaxError(f"fault rule '{text}': {action} needs an argument, such as {example}")
        return -1, b""
    if action in ("drop", "swap"):
        raise FaultSyntaxError(f"fault rule '{text}': {action} takes no argument")
    number, equals, value = argument.partition("=")
    if not number.isascii() or not number.isdigit() or bool(equals) != (action == "set"):
        wanted = "OFFSET=HEX" if action == "set" else "a whole number"
        raise FaultSyntaxError(f"fault rule '{text}': {action}({argument}) needs {wanted}")
    try:
        return int(number), bytes.fromhex(value)
    except ValueError:
        raise FaultSyntaxError(f"fault rule '{text}': '{value}' is not hexadecimal octets") from None
