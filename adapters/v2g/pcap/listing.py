"""A captured session for a person to read: one line per message, the most important first.

A line has the time, the station's answer time, the connection, the sender (→ the vehicle, ← the station), the protocol,
the message and its fields. The ends of a connection are named once, before its first line. Physical values are numbers
with units, a ResponseCode comes first, the session id is shown only where it changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from adapters.v2g.pcap.session import Entry

_ARROWS: Final = {"EVCC": "→", "SECC": "←"}
_NAME_WIDTH: Final = 27
_WIDE: Final = 110
"""From this width on, names stand in a column."""
_RED, _YELLOW, _BOLD, _DIM, _END = "\x1b[1;31m", "\x1b[33m", "\x1b[1m", "\x1b[2m", "\x1b[0m"
_FIRST: Final = (
    re.compile(r"Processing$|^ChargeProgress$|^ChargingSession$"),
    re.compile(r"^EV(SE)?(Target|Present)"),
    re.compile(r"SOC$"),
)
"""What a line should show even where it is cut, behind a ResponseCode and failures; the rest keeps its order."""
_BARE: Final = ("ResponseCode", "error")
_FAILURES: Final = {
    "ResponseCode": re.compile(r"FAILED"),
    "DC_EVErrorCode": re.compile(r"(?!NO_ERROR)"),
    "EVErrorCode": re.compile(r"(?!NO_ERROR)"),
    "EVSEStatusCode": re.compile(r".*(Shutdown|Malfunction|Interrupt)"),
    "error": re.compile(""),
}
_QUANTITY: Final = frozenset(("Multiplier", "Exponent", "Unit", "Value"))
_WARNING: Final = re.compile(r"WARNING")


class Listing:
    """Entries to lines. `width` cuts them, None leaves them whole; `is_coloured` marks what failed in red."""

    def __init__(self, *, width: int | None = None, is_coloured: bool = False) -> None:
        self._width = width
        self._is_coloured = is_coloured
        self._numbers: dict[frozenset[str], int] = {}
        self._asked_s: dict[frozenset[str], float] = {}
        self._sessions: dict[frozenset[str], str] = {}

    def lines(self, entry: Entry) -> Iterator[str]:
        """The line of an entry, behind one that names the ends of its connection if it is the first one there."""
        ends = frozenset((entry.source, entry.destination))
        number = ""
        is_datagram = entry.protocol in ("slac", "sdp")
        if not is_datagram:
            if ends not in self._numbers:
                self._numbers[ends] = len(self._numbers) + 1
                yield self._introduction(entry, self._numbers[ends])
            number = str(self._numbers[ends])
        # An SDP request goes to a multicast address.
        took = self._answer_time(entry, frozenset(("sdp",)) if entry.protocol == "sdp" else ends)
        head = f"{entry.time_s:9.3f} {took:>8} {number:>2}{_ARROWS.get(entry.sender, '·')} {entry.protocol:5} "
        fields = self._fields(entry, ends)
        if is_datagram:
            fields.append(("", f"({entry.source} > {entry.destination})"))
        yield self._line(head, entry.name, fields)

    def _introduction(self, entry: Entry, number: int) -> str:
        evcc, secc = entry.source, entry.destination
        if entry.sender == "SECC":
            evcc, secc = secc, evcc
        text = f"{number:>21}  vehicle {evcc}, station {secc}"
        return self._painted(text if self._width is None else text[: self._width], _DIM)

    def _answer_time(self, entry: Entry, ends: frozenset[str]) -> str:
        if entry.protocol in ("slac", "tcp", "tls", "v2gtp"):
            return ""
        if entry.sender == "EVCC":
            self._asked_s[ends] = entry.time_s
            return ""
        asked_s = self._asked_s.pop(ends, None)
        return f"{(entry.time_s - asked_s) * 1000:.1f} ms" if asked_s is not None else ""

    def _fields(self, entry: Entry, ends: frozenset[str]) -> list[tuple[str, str]]:
        """The fields in the order in which they are shown."""
        content = entry.content
        if entry.protocol in ("slac", "sdp", "tcp", "tls", "v2gtp"):
            ends_of_frame = ("source", "destination") if entry.protocol == "slac" else ()
            return sorted(_flat({key: content[key] for key in content if key not in ends_of_frame}), key=_rank)
        ((root, view),) = content.items()
        if not isinstance(view, dict):  # any global element may be a document
            return [(root, _item(view))]
        header = view.get("Header", {})
        fields: list[tuple[str, str]] = []
        for body in view["Body"].values() if root == "V2G_Message" else [view]:
            fields += _flat({key: value for key, value in body.items() if key != "Header"})
        fields.sort(key=_rank)
        fields += _flat({key: header[key] for key in ("Notification",) if key in header})
        session = header.get("SessionID")
        if session is not None and self._sessions.get(ends) != session:
            self._sessions[ends] = session
            fields.append(("SessionID", session))
        if "Signature" in header:
            fields.append(("", "signed"))
        return fields

    def _line(self, head: str, name: str, fields: list[tuple[str, str]]) -> str:
        room = None if self._width is None else self._width - len(head) - 1
        padded = name
        if room is not None:
            padded = name[:room]
            room -= len(padded)
        if self._width is None or self._width >= _WIDE:
            padded = f"{name:{_NAME_WIDTH}}"
            room = None if self._width is None else self._width - len(head) - len(padded) - 1
        out = [self._painted(head, _DIM) + self._painted(padded, _BOLD)]
        for key, value in fields:
            text = f"{key}={value}" if key and key not in _BARE else value
            if not text.isprintable():  # texts of messages come from outside
                text = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)
            if room is not None and len(text) > room:
                out.append(self._painted(text[: room - 1] + "…" if room > 1 else "…"[:room], _paint(key, value)))
                break
            out.append(self._painted(text, _paint(key, value)))
            room = None if room is None else room - len(text) - 1
        return " ".join(out).rstrip()

    def _painted(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_END}" if self._is_coloured and colour else text


def _paint(key: str, value: str) -> str:
    failure = _FAILURES.get(key)
    if failure is not None and failure.match(value):
        return _RED
    return _YELLOW if key == "ResponseCode" and _WARNING.match(value) else ""


def _rank(field: tuple[str, str]) -> int:
    return -1 if field[0] in _BARE or _paint(*field) else _rank_of_name(field[0])


@lru_cache(maxsize=4096)
def _rank_of_name(name: str) -> int:
    return next((rank for rank, pattern in enumerate(_FIRST) if pattern.search(name)), len(_FIRST))


def _flat(view: dict[str, Any]) -> list[tuple[str, str]]:
    """(name, text) of every leaf. The names of groups in between are left out; items of a list stay together."""
    found: list[tuple[str, str]] = []
    for name, value in view.items():
        if isinstance(value, list) and any(isinstance(each, dict) for each in value):
            found += [(name, _item(each)) for each in value]
        elif isinstance(value, list):
            found.append((name, ",".join(map(_item, value))))
        elif isinstance(value, dict) and value:
            quantity = _quantity(value)
            found += _flat(value) if quantity is None else [(name, quantity)]
        else:
            found.append((name, _item(value)))
    return found


def _item(value: Any) -> str:
    if isinstance(value, dict):
        return _quantity(value) or "{" + " ".join(f"{name}={text}" for name, text in _flat(value)) + "}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "-" if value is None else str(value)


def _quantity(value: dict[str, Any]) -> str | None:
    """A physical value of DIN and ISO 15118-2, or a rational number of -20, as people write it."""
    number = value.get("Value")
    exponent = value.get("Multiplier", value.get("Exponent"))
    if type(number) is not int or type(exponent) is not int or not value.keys() <= _QUANTITY:
        return None
    text = f"{Decimal(number).scaleb(exponent):f}" if exponent else str(number)
    return f"{text} {value['Unit']}" if "Unit" in value else text
