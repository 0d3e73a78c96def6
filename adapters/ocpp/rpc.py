"""The remote procedure calls of OCPP-J 1.6, sans-I/O: text in, what it means out; and the text to send.

One :class:`Rpc` lives as long as one connection. Its rules are OCPP-J's and no chart's: one CALL of ours at a time, the
other side's are answered meanwhile, an answer belongs to the CALL that waits for it, and with the connection the CALL
dies. How long an answer is waited for, what is sent again and what is given up is the chart's.

    rpc = Rpc()
    text = rpc.call("Heartbeat", {})          # send it
    heard = rpc.receive(text_received)        # Result(action="Heartbeat", payload={"currentTime": …})

Whatever comes, ``receive`` returns; it never raises. Sources: OCPP-J 1.6 §4; its errata sheet 2025-04; the MQTT dialect
as in the public ESP32-C6 charger (answers named by action instead of id).
"""

from __future__ import annotations

import json
import math
import os
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Literal

from adapters.ocpp.errors import ErrorCode
from adapters.ocpp.schemas import Misfit, actions, misfit
from engine.adapter import is_unicode

MAX_TEXT = 2**21
"""Characters of a message that are looked at; what central systems send is below 1 MiB."""
MAX_ID = 36
"""OCPP-J 1.6 §4.1.4."""
ANSWERED = 32
"""Answers kept for CALLs that come twice (MQTT QoS 1 may repeat them)."""

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """The other side asks. Answer by :meth:`Rpc.answer` or :meth:`Rpc.refuse` with this ``id``."""

    id: str
    action: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to our CALL."""

    id: str
    action: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class Refused:
    """A CALLERROR to our CALL; or an answer to it that does not fit its schema (``ours`` is True then: the code is what
    we make of it)."""

    id: str
    action: str
    code: str
    description: str
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """Text to send as it is: a CALLERROR for what cannot be processed, or the answer to a CALL that came twice."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """What is no message, or an answer nobody waits for (late, doubled): nothing is to be done but to tell people."""

    reason: str
    text: str


Heard = Call | Result | Refused | Reply | Ignored


class Busy(Exception):
    """A CALL of ours waits for its answer: OCPP-J 1.6 §4.1.1 allows one at a time."""


class Rpc:
    """One connection's calls. ``reply_by``: how answers name the CALL they belong to; ``action`` is the dialect of a
    public MQTT charger. What is heard may name either. ``hears_calls``: False: whatever the other side asks is
    :class:`Ignored`."""

    def __init__(self, reply_by: Literal["id", "action"] = "id") -> None:
        self.reply_by = reply_by
        self.hears_calls = True
        self._open: tuple[str, str] | None = None
        self._asked: dict[str, tuple[str, int]] = {}  # by id, the action and which text it was
        self._answered: OrderedDict[str, tuple[int, str]] = OrderedDict()  # by id, which text it was, and the answer

    @property
    def waits_for(self) -> str:
        """The action of our CALL that has no answer yet; empty: none, a CALL may be made."""
        return self._open[1] if self._open else ""

    @property
    def unanswered(self) -> frozenset[str]:
        """The ids of their CALLs that wait for an answer."""
        return frozenset(self._asked)

    # ------------------------------------------------------------ ours

    def call(self, action: str, payload: Payload, id: str | None = None) -> str:
        """The text of a CALL, to be sent. ``id``: of a message that is sent again; None: a new one, unique over all
        connections and restarts. Raises :class:`Busy`, and ``ValueError`` for a payload that does not fit."""
        if self._open is not None:
            raise Busy(f"{action} cannot be sent: {self._open[1]} waits for its answer")
        if action not in _ACTIONS:
            raise ValueError(f"{action} is no message of OCPP 1.6")
        wrong = misfit(action, payload, response=False)
        if wrong is not None:
            raise ValueError(f"{action}.req: {_said(wrong)}")
        made = id or new_id()
        self._open = made, action
        return _text([2, made, action, payload])

    def give_up(self) -> None:
        """Our CALL is waited for no longer; its answer, should it come, is :class:`Ignored`."""
        self._open = None

    def answer(self, id: str, payload: Payload) -> str:
        """The text of the answer to a CALL. Raises ``ValueError`` for a payload that does not fit, ``KeyError`` when no
        CALL of this id waits."""
        action, which = self._asked[id]
        wrong = misfit(action, payload, response=True)
        if wrong is not None:
            raise ValueError(f"{action}.conf: {_said(wrong)}")
        del self._asked[id]
        return self._keep(id, which, _text([3, action if self.reply_by == "action" else id, payload]))

    def refuse(self, id: str, code: ErrorCode, description: str = "") -> str:
        """The text of a CALLERROR for a CALL. Raises ``KeyError`` when no CALL of this id waits."""
        _, which = self._asked.pop(id)
        return self._keep(id, which, _error(id, code, description))

    # ------------------------------------------------------------ theirs

    def receive(self, text: str) -> Heard:
        """What one message means. Never raises."""
        try:
            return self._receive(text)
        except (RecursionError, ValueError) as error:  # nested too deeply; a number no float can be
            return Ignored(f"no JSON: {error}", text[:200])

    def _receive(self, text: str) -> Heard:
        if len(text) > MAX_TEXT:
            return Ignored(f"{len(text)} characters are more than {MAX_TEXT}", text[:200])
        frame = _read(text)
        if not self.hears_calls and isinstance(frame, list) and frame[:1] == [2]:
            return Ignored("a CALL, and none is heard now", text[:200])
        if "\\u" in text and not is_unicode(frame):
            return self._no_unicode(frame, text)
        match frame:
            case [2, str(id), str(action), dict(payload)] if 0 < len(id) <= MAX_ID:
                return self._asked_for(id, action, payload, hash(text))
            case [2, str(id), *_] if 0 < len(id) <= MAX_ID:
                return self._reject(id, hash(text), "FormationViolation", "a CALL is [2, id, action, payload]")
            case [2, str(id), *_]:
                wrong = f"an id has 1 to {MAX_ID} characters, and this one {len(id)}"
                return Reply(_error(id, "FormationViolation", wrong), wrong)  # not kept: it may be long
            case [2, _, *_]:
                return Ignored("a CALL whose id is no string: no answer could name it", text[:200])
            case [3, str(id), dict(payload)]:
                return self._result(id, payload, text)
            case [4, str(id), str(code), str(description), *_]:
                return self._refused(id, code, description, text)
            case [4, str(id), *_]:
                return self._refused(id, "GenericError", "a CALLERROR without code or description", text)
            case [int(kind), str(id), *_] if (
                kind not in (3, 4) and not isinstance(kind, bool) and 0 < len(id) <= MAX_ID
            ):
                return Ignored(f"{kind} is no message type of OCPP 1.6", text[:200])  # §4.1.3: shall be ignored
        return Ignored("no message of OCPP-J", text[:200])

    def _no_unicode(self, frame: Any, text: str) -> Heard:
        """A half of a surrogate pair can be escaped in JSON, but neither stored nor sent (RFC 8259 §8.2)."""
        match frame:
            case [2, str(id), *_] if 0 < len(id) <= MAX_ID and is_unicode(id):
                return self._reject(id, hash(text), "FormationViolation", "half of a surrogate pair is no character")
            case [3 | 4, str(id), *_] if (ours := self._taken(id)) is not None:
                return Refused(*ours, "FormationViolation", "half of a surrogate pair is no character", ours=True)
        return Ignored("half of a surrogate pair is no character", text[:200])

    def _asked_for(self, id: str, action: str, payload: Payload, which: int) -> Heard:
        # A central system that begins to count anew is not repeating itself: a repeat is the same text.
        known, answer = self._answered.get(id, (0, ""))
        if answer and known == which:
            return Reply(answer, f"{action} {id} came twice")
        if id in self._asked:
            return Ignored(f"{action} {id} came twice and is being answered", "")
        if action not in _ACTIONS:
            return self._reject(id, which, "NotImplemented", f"{action[:50]} is no message of OCPP 1.6")
        wrong = misfit(action, payload, response=False)
        if wrong is not None:
            return self._reject(id, which, wrong.code, _said(wrong))
        if len(self._asked) >= ANSWERED:
            return self._reject(id, which, "InternalError", "too many CALLs wait for their answers")
        self._asked[id] = action, which
        return Call(id, action, payload)

    def _result(self, id: str, payload: Payload, text: str) -> Heard:
        ours = self._taken(id)
        if ours is None:
            return Ignored("an answer that nobody waits for", text[:200])
        wrong = misfit(ours[1], payload, response=True)
        if wrong is not None:
            return Refused(*ours, wrong.code, _said(wrong), ours=True)
        return Result(*ours, payload)

    def _refused(self, id: str, code: str, description: str, text: str) -> Heard:
        ours = self._taken(id)
        if ours is None:
            return Ignored("an error that nobody waits for", text[:200])
        return Refused(*ours, code, description)

    def _taken(self, id: str) -> tuple[str, str] | None:
        """Our CALL that an answer of this id, or of this action, belongs to; it waits no longer."""
        ours = self._open
        if ours is None or id not in ours:
            return None
        self._open = None
        return ours

    def _reject(self, id: str, which: int, code: ErrorCode, description: str) -> Reply:
        return Reply(self._keep(id, which, _error(id, code, description)), description)

    def _keep(self, id: str, which: int, text: str) -> str:
        self._answered.pop(id, None)
        self._answered[id] = which, text
        while len(self._answered) > ANSWERED:
            self._answered.popitem(last=False)
        return text


_ACTIONS = actions()


_text = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode  # what charts say is nested 32 deep at most


def new_id() -> str:
    """A UUID of chance (RFC 9562 §5.4) as text, in a third of the time that ``uuid.uuid4`` takes."""
    drawn = int.from_bytes(os.urandom(16))
    made = f"{drawn & ~_FIXED | _VERSION_4:032x}"
    return f"{made[:8]}-{made[8:12]}-{made[12:16]}-{made[16:20]}-{made[20:]}"


_FIXED = 0xF << 76 | 0b11 << 62
_VERSION_4 = 4 << 76 | 0b10 << 62


def _error(id: str, code: ErrorCode, description: str) -> str:
    return _text([4, id, code, description[:255], {}])


def _said(wrong: Misfit) -> str:
    return f"{wrong.path}: {wrong.reason}" if wrong.path else wrong.reason


def _whole(digits: str) -> int | float:
    """What no 64 bits can hold is not of type integer: its schema refuses it."""
    number = int(digits)
    return number if -(2**63) <= number < 2**63 else math.inf


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


_read = json.JSONDecoder(parse_constant=_no_number, parse_int=_whole).decode
