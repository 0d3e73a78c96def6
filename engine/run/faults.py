"""The fault language: faults made on purpose between charts and adapters, sans-I/O. docs/faults.md is its manual.

    RULE   = ACTION ":" [MACHINE "."] {ROLE "."} ROLE "." NAME [":" WHICH]
    ACTION = drop | delay(TIME) | dup | dup(TIME) | set(FIELD=VALUE, …) | set(VALUE)
    NAME   = an order, an event or a value of the role's contract
    WHICH  = N | N-M | N- (counted from 1) | @TIME | @TIME-TIME (on the clock); left out: every one

Nothing here reads a clock: :meth:`Faults.strike` is given the time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.language.text_values import duration, fields, parts

ACTIONS = ("drop", "delay", "dup", "set")
_RULE = re.compile(
    r"\s*(?P<action>[A-Za-z]+)\s*(?:\((?P<argument>[^()]*)\))?\s*:\s*(?P<target>[^:\s]+)\s*(?::(?P<which>.+))?"
)
_COUNTED = re.compile(r"([1-9]\d*)(?:(-)([1-9]\d*)?)?")


class FaultError(ValueError):
    """A rule that cannot be read: which rule, what is wrong with it, and what would be right."""


@dataclass(frozen=True, slots=True)
class FaultRule:
    """One rule. ``target`` is as written. ``values`` are those of ``set`` by field (``""``: the value itself), as text
    until the contract's types are known. It strikes the ``first``-th to ``last``-th, from ``from_ns`` to ``until_ns``
    (None: without end)."""

    text: str
    action: str
    target: str
    values: Mapping[str, Any] = field(default_factory=dict)
    delay_ns: int = 0
    first: int = 1
    last: int | None = None
    from_ns: int = 0
    until_ns: int | None = None


def split_rules(text: str) -> list[str]:
    """Several rules in one text, at its commas outside brackets."""
    return [part for part in parts(text) if part]


def parse_rule(text: str) -> FaultRule:
    """One rule from its text. Raises :class:`FaultError`."""
    match = _RULE.fullmatch(text)
    if match is None:
        raise _wrong(
            text,
            "expected ACTION:TARGET[:WHICH]; a target is an order, an event or a value of a role"
            " (drop:pev.v2g.PreChargeReq:1) or a frame of the line (drop:CM_ATTEN_CHAR.IND:1)",
        )
    action, argument = match["action"], match["argument"]
    if action not in ACTIONS:
        from engine.language.problems import suggestion

        raise _wrong(text, f"there is no action {action!r}{suggestion(action, ACTIONS)}")
    delay_ns, values = 0, {}
    if action == "drop" and argument is not None:
        raise _wrong(text, "drop takes nothing in brackets")
    if action in ("delay", "set") and not (argument or "").strip():
        raise _wrong(text, f"{action} needs something in brackets: delay(300 ms), set(ResponseCode=FAILED)")
    if action == "set":
        values = _values(text, argument or "")
    elif argument is not None:
        delay_ns = _time(text, argument)
    return FaultRule(text.strip(), action, match["target"], values, delay_ns, **_which(text, match["which"]))


def _values(text: str, argument: str) -> dict[str, str]:
    if "=" not in argument:
        return {"": argument.strip()}
    try:
        return dict(fields(argument))
    except ValueError as error:
        raise _wrong(text, f"set({argument}): {error}") from None


def _which(text: str, which: str | None) -> dict[str, Any]:
    if which is None:
        return {}
    which = which.strip()
    if which.startswith("@"):
        begin, dash, end = which[1:].partition("-")
        found = {"from_ns": _time(text, begin), "until_ns": _time(text, end) if dash and end.strip() else None}
        if found["until_ns"] is not None and found["until_ns"] <= (found["from_ns"] or 0):
            raise _wrong(text, f"{which} ends before it begins")
        return found
    match = _COUNTED.fullmatch(which)
    if match is None:
        raise _wrong(text, f"{which!r} is none of N (the N-th only), N-M, N-, @TIME and @TIME-TIME")
    first = int(match[1])
    last = int(match[3]) if match[3] else (None if match[2] else first)
    if last is not None and last < first:
        raise _wrong(text, f"the range {which} is empty")
    return {"first": first, "last": last}


def _time(text: str, written: str) -> int:
    try:
        found = duration(written.strip())
    except ValueError as error:
        raise _wrong(text, str(error)) from None
    if found < 0:
        raise _wrong(text, f"{written.strip()} is before the beginning")
    return found


def _wrong(text: str, why: str) -> FaultError:
    return FaultError(f"fault rule {text.strip()[:200]!r}: {why}")


class Faults:
    """The rules of one role and their counts. ``told(rule, name, number)`` is called when a rule strikes the
    ``number``-th of its target; for a value only when it begins to."""

    def __init__(self, told: Callable[[FaultRule, str, int], None]) -> None:
        self._rules: dict[str, list[FaultRule]] = {}
        self._seen: dict[int, int] = {}
        self._told = told
        self._begun: set[int] = set()
        self._kept: dict[int, tuple[Any, int]] = {}  # of dropped values: the last that arrived, and when

    def add(self, name: str, rule: FaultRule) -> None:
        """Add ``rule``, whose target is ``name`` of this role; its values have their types."""
        self._rules.setdefault(name, []).append(rule)

    def remove(self, name: str, text: str) -> int:
        """Take back the rules of this text; how many there were."""
        rules = self._rules.get(name, [])
        kept = [rule for rule in rules if rule.text != text]
        self._rules[name] = kept
        return len(rules) - len(kept)

    def strikes(self, names: Iterable[str]) -> bool:
        """Whether a rule is about one of these."""
        return any(self._rules.get(name) for name in names)

    def strike(self, name: str, data: Mapping[str, Any], now_ns: int) -> Sequence[tuple[int, dict[str, Any]]]:
        """What passes in place of an order or event with ``data``: (delay in ns, data) for each. Empty: nothing."""
        copies = [(0, dict(data))]
        for rule in self._rules.get(name, ()):
            number = self._meets(rule, now_ns)
            if not number:
                continue
            self._told(rule, name, number)
            if rule.action == "drop":
                return []
            if rule.action == "delay":
                copies = [(delay + rule.delay_ns, copy) for delay, copy in copies]
            elif rule.action == "dup":
                copies.append((copies[-1][0] + rule.delay_ns, dict(copies[-1][1])))
            else:
                copies = [(delay, {**copy, **rule.values}) for delay, copy in copies]
        return copies

    def value(self, name: str, value: Any, now_ns: int) -> Any:
        """The value of a reading, changed by the rules."""
        for rule in self._rules.get(name, ()):
            number = self._meets(rule, now_ns)
            if not number:
                self._kept.pop(id(rule), None)
                continue
            if id(rule) not in self._begun:
                self._begun.add(id(rule))
                self._told(rule, name, number)
            value = self._kept.setdefault(id(rule), (value, now_ns))[0] if rule.action == "drop" else rule.values[""]
        return value

    def drops(self, name: str) -> bool:
        """Whether a rule keeps what a value becomes from arriving, now or at another time."""
        return any(rule.action == "drop" for rule in self._rules.get(name, ()))

    def age_ns(self, name: str, age_ns: int, now_ns: int) -> int:
        """The age of a value's reading, which is ``age_ns`` unless a rule drops what is newer."""
        for rule in self._rules.get(name, ()):
            if id(rule) in self._kept and (rule.until_ns is None or now_ns < rule.until_ns):
                age_ns = max(age_ns, now_ns - self._kept[id(rule)][1])
        return age_ns

    def _meets(self, rule: FaultRule, now_ns: int) -> int:
        """Which one of its target this is, from 1; 0 when the rule leaves it alone."""
        number = self._seen[id(rule)] = self._seen.get(id(rule), 0) + 1
        counted = rule.first <= number and (rule.last is None or number <= rule.last)
        timed = rule.from_ns <= now_ns and (rule.until_ns is None or now_ns < rule.until_ns)
        return number if counted and timed else 0
