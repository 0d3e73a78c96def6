"""What a bench, or a page, may do to the simulated world: the events of ``[control]`` of a station file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from engine.cli.events import addressed, deliver, is_known
from engine.language.text_values import fields, typed
from engine.run import Actor, System
from engine.run.binding import Binding
from engine.run.station import Station, StationError
from engine.run.station.build import struck_by
from engine.run.station.faults import fault_places, role_faults
from engine.run.station.plan import Control
from engine.semantics.step import Event

_FIELD = re.compile(r"\{(\w+)\}")
_ORDER = re.compile(r"([\w.]+)\s*(?:\((.*)\))?", re.S)
_UNSPEAKABLE = re.compile(r"[\x00-\x1f\"\\\x7f]")


class NotOffered(Exception):
    """The station has no hand for it."""


Act = Callable[[], None]


class Hands:
    """Does what ``[control]`` says. To be called in the system's thread. ``restart``: what ``restart`` there does."""

    def __init__(
        self, control: Control, station: Station, system: System, main: Actor, restart: Act | None = None
    ) -> None:
        self._hands, self._number, self._texts = control.hands, control.number, control.texts
        self._station, self._system, self._main = station, system, main
        self._restart = restart

    def do(self, asked: Mapping[str, Any]) -> Act | None:
        """Do one event; all of its acts are understood before the first is done. What is returned is to be done when
        the caller has been answered. Raises :class:`NotOffered`, and ``StationError`` for a field that is missing,
        unknown or of the wrong kind."""
        name = asked.get("event")
        if not isinstance(name, str):
            raise StationError('write {"event": NAME, …}')
        hand = self._hands.get(name)
        if hand is None:
            raise NotOffered(f"{name} is not offered; there are: {', '.join(self._hands) or 'none'}")
        given = {key: value for key, value in asked.items() if key != "event"}
        number = self._counted(given.get(self._number, 1)) if self._number else 1
        acts = hand.acts
        if hand.by:
            there = [choice for choice, acts in hand.choices.items() if self._reaches(acts, number)]
            if hand.by not in given:
                raise StationError(f"{name} needs {hand.by}, one of: {', '.join(there) or 'none'}")
            chosen = given.pop(hand.by)
            if chosen not in there:
                at = f" at {self._number} {number}" if self._number else ""
                raise NotOffered(
                    f"{name} with {hand.by} {chosen!r} is not offered{at}; there are: {', '.join(there) or 'none'}"
                )
            acts = hand.choices[chosen]
        used = {field for act in acts for field in _FIELD.findall(act)}
        if self._number and given.get(self._number, 1) == 1:
            given.setdefault(self._number, 1)
            used.add(self._number)  # where there is one, it is the first
        if unknown := sorted(given.keys() - used):
            raise StationError(f"{name} here: {', '.join(unknown)} cannot be said")
        if missing := sorted(used - given.keys()):
            raise StationError(f"{name} needs {', '.join(missing)}")
        acts = tuple(act for act in acts if not self._elsewhere(act, given.get(self._number)))
        if not acts:
            raise NotOffered(f"{name} is not offered at {self._number} {given[self._number]}")
        last = None
        if acts[-1] == "restart":
            if self._restart is None:
                raise NotOffered(f"{name} is not offered here: this program cannot begin anew")
            acts, last = acts[:-1], self._restart
        filled = [self._filled(act, given) for act in acts]
        understood = [act for act in map(self._understood, filled) if act is not None]
        if filled and not understood:
            raise NotOffered(f"{name} is not offered here: no machine knows {filled[0].partition('(')[0]}")
        for act in understood:
            act()
        return last

    @property
    def names(self) -> frozenset[str]:
        """All events of the station file."""
        return frozenset(self._hands)

    def possible(self) -> list[str]:
        """The events that can be done here: those whose orders find their machine."""
        return [
            name
            for name, hand in self._hands.items()
            if (self.choices(name) if hand.by else any(self._can(hand.acts, number) for number in self._numbers()))
        ]

    def choices(self, name: str) -> list[str]:
        """What the field by which an event chooses can say, at one of the numbers at least."""
        return [
            choice
            for choice, acts in self._hands[name].choices.items()
            if any(self._reaches(acts, number) for number in self._numbers())
        ]

    def _numbers(self) -> list[int]:
        return sorted({number for _, number in self._main.units} or {1})

    def _counted(self, number: Any) -> int:
        """Which of those that are here."""
        _numbered(self._number, number)
        most = self._numbers()[-1]
        if number > most:
            there = f"there are 1 to {most}" if most > 1 else "there is 1"
            raise StationError(f"there is no {self._number} {number} here; {there}")
        return int(number)

    def _reaches(self, acts: Sequence[str], number: int) -> bool:
        """Whether somebody hears one of the acts at this number."""
        return any(self._heard(_FIELD.sub(str(number), act)) for act in acts if not self._elsewhere(act, number))

    def _heard(self, act: str) -> bool:
        try:
            return self._understood(act) is not None
        except StationError:
            return False

    def _can(self, acts: Sequence[str], number: int) -> bool:
        if acts and acts[-1] == "restart" and self._restart is None:
            return False
        here = [act for act in acts if not self._elsewhere(act, number)]
        return len(here) >= min(len(acts), 1) and all(self._has_machine(act, number) for act in here)

    def _has_machine(self, act: str, number: int) -> bool:
        verb, _, rest = act.partition(" ")
        where = _FIELD.sub(str(number), rest.strip()).partition("(")[0].rpartition(".")[0]
        return verb != "order" or self._bound(where) is not None

    def _elsewhere(self, act: str, number: Any) -> bool:
        """Whether an act is for units of another kind than that of this number: they have the role or the machine that
        it names, this one has not."""
        if not self._number or type(number) is not int or number not in {n for _, n in self._main.units}:
            return False
        units = self._main.machine.chart.units
        for name, role in re.findall(rf"(\w+)\{{{self._number}\}}(?:\.(\w+))?", act):
            known = any(role in roles for roles in units[name].roles.values()) if name in units else False
            if known and role not in self._main.units.get((name, number), {}):
                return True
            if name in self._station.beside and f"{name}{number}" not in self._system.roots:
                return True
        return False

    def _filled(self, act: str, given: Mapping[str, Any]) -> str:
        """An act with what the bench says in its place."""

        def said(found: re.Match[str]) -> str:
            name = found[1]
            said = _numbered(name, given[name]) if name == self._number else said_of(name, given[name])
            if name in self._texts:
                _measured(name, given[name], *self._texts[name])
            return said

        return _FIELD.sub(said, act)

    def _understood(self, text: str) -> Act | None:
        """None: an event that nobody who hears the adapter knows."""
        verb, _, rest = text.partition(" ")
        if verb == "order":
            return self._order(rest.strip())
        if verb in ("fault", "heal"):
            return self._fault(verb, rest.strip())
        to, event = addressed(self._system, self._main, text)
        if not isinstance(event, Event):
            raise StationError(f"{text}: a wait is no event")
        if isinstance(to, Binding) and not is_known(to, event.name):
            return None
        return partial(deliver, self._system, to, event)

    def _order(self, text: str) -> Act:
        """``machine.role.action(argument=value)`` as the machine's chart would give it."""
        match = _ORDER.fullmatch(text)
        where, _, action = (match[1] if match else "").rpartition(".")
        binding = self._bound(where)
        known = binding.contract.actions.get(action) if binding is not None else None
        if match is None or binding is None or known is None or known.result is not None:
            raise StationError(f"there is no order {text!r} here")
        given = dict(fields(match[2])) if (match[2] or "").strip() else {}
        try:
            args = {name: typed(value, known.args[name]) for name, value in given.items()}
        except (KeyError, ValueError) as error:
            raise StationError(f"order {text}: {error}") from None
        return partial(binding.call, action, args)

    def _bound(self, where: str) -> Binding | None:
        for (unit, number), roles in self._main.units.items():
            for role, binding in roles.items():
                if where == f"{unit}{number}.{role}":
                    return binding
        machine, _, role = where.rpartition(".")
        actor = self._system.roots.get(machine) if machine else self._main
        return actor.roles.get(role) if actor is not None and actor.is_running else None

    def _fault(self, verb: str, text: str) -> Act:
        found = [
            (fault, binding)
            for fault in role_faults(text, fault_places(self._station), self._main.path, "[control]")
            for binding in struck_by(fault, self._station, self._system)
        ]

        def act() -> None:
            for fault, binding in found:
                binding.heal(fault.name, fault.rule.text)  # twice the same is once
                if verb == "fault":
                    binding.fault(fault.name, fault.rule)

        return act


def _numbered(name: str, value: Any) -> str:
    """Which of several."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise StationError(f"{name} is a number from 1 on, not {value!r}"[:200])
    return str(value)


def _measured(name: str, value: Any, least: int, most: int) -> None:
    if not isinstance(value, str) or not least <= len(value) <= most:
        raise StationError(f"{name} is a text of {least} to {most} characters, not {value!r}"[:200])


def said_of(name: str, value: Any) -> str:
    """A field of a request as an event's text has it. Raises ``StationError`` for what an event cannot carry."""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if not isinstance(value, str) or _UNSPEAKABLE.search(value):
        raise StationError(f"{name} is a text without quotes and control characters, or a number, not {value!r}"[:200])
    return f'"{value}"'
