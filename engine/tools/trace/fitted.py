"""A record as lines no wider than a terminal: what fits least to be left out, the state that was reached, never is.

On one line if the movement fits there beside machine and event, else on two. Names of states lose their beginning
(``…charging``), machines and events their middle, arguments and orders their end.
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from engine.tools.trace.reader import Record
from engine.tools.trace.show import Table, arguments, cause, failures, line, movement, orders, seconds

_INDENT = 12  # of a second line: below the machine
_LEAST_ORDER = 16  # characters from which on the beginning of an order tells something


def fitted(record: Record, units: Table, width: int) -> list[str]:
    """One or two lines of at most ``width`` characters (40 or more)."""
    whole = line(record, units)
    if len(whole) <= width:
        return [whole]
    head = f"{seconds(record['time_ns'])}  {middle(without_key(record['machine']), width // 3)}"
    if "note" in record:
        return [head, *_wrapped(whole[len(f"{seconds(0)}  {record['machine']}") :], width)]
    return [*_step(head, record, units, width), *(text for told in failures(record) for text in _wrapped(told, width))]


def _step(head: str, record: Record, units: Table, width: int) -> list[str]:
    name, moves = _name(record), movement(record)
    for text in (name, _brief(record, name)):
        for moved in _shorter(moves):
            beside = f"{head}  {text}  {moved}".rstrip()
            if len(beside) <= width:
                told = text + _carried(record, units, width - len(beside))
                return [_filled(f"{head}  {told}  {moved}".rstrip(), record, units, width)]
    room = width - len(head) - 2
    brief = name if len(name) <= room else middle(_brief(record, name), room)
    first = f"{head}  {brief}{_carried(record, units, room - len(brief))}"
    if not moves:
        return [_filled(first, record, units, width)]
    return [first, _filled(" " * _INDENT + shorter(moves, width - _INDENT), record, units, width)]


def shorter(moves: str, room: int) -> str:
    """``left → reached`` in ``room`` characters: first the states left lose their beginning, then those reached, then
    the former go, then all but some of the others."""
    for text in _shorter(moves):
        if len(text) <= room:
            return text
    left, _, reached = moves.partition("→")
    if not reached.strip():
        return middle(f"{_leaves(left)} →", room)
    names = _leaves(reached).split(", ")
    for count in range(len(names) - 1, 0, -1):
        text = f"→ {', '.join(names[:count])} + {len(names) - count}"
        if len(text) <= room:
            return text
    return middle(f"→ {names[0]}", room)


def middle(text: str, room: int) -> str:
    """The text in ``room`` characters, without its middle where it is longer."""
    if len(text) <= room:
        return text
    end = (room - 1) * 2 // 3  # the end of a name tells more
    return text[: room - 1 - end] + "…" + text[len(text) - end :] if room > 2 else "…"[:room]


def without_key(machine: str) -> str:
    """``session[020…981]``: the key of a spawned child is long and tells little."""
    head, bracket, key = machine.rpartition("[")
    key = key.removesuffix("]")
    return f"{head}[{key[:3]}…{key[-3:]}]" if bracket and machine.endswith("]") and len(key) > 8 else machine


def _shorter(moves: str) -> Iterator[str]:
    left, arrow, reached = moves.partition("→")
    yield moves
    yield f"{_leaves(left)} {arrow}{reached}".strip()
    yield f"{_leaves(left)} {arrow} {_leaves(reached)}".strip()
    if reached.strip():
        yield f"{arrow} {_leaves(reached)}".strip()


def _leaves(states: str) -> str:
    names = [name.strip() for name in states.split(",") if name.strip()]
    return ", ".join(f"…{name.rpartition('.')[2]}" if "." in name else name for name in names)


def _name(record: Record) -> str:
    if record["cause"] != "event":
        return cause(record)
    return str(record["event"]["name"]) + ("  (nobody handles it)" if record.get("unhandled") else "")


def _brief(record: Record, name: str) -> str:
    """A timer without its state, which is among those left."""
    return name.partition(" in ")[0] if record["cause"] == "timer" else name


def _carried(record: Record, units: Table, room: int) -> str:
    """What the event carries, in ``room`` characters, or nothing."""
    event = record.get("event") or {}
    if not event.get("data") or record.get("unhandled"):
        return ""
    told = arguments(event["data"], units.get(event["name"]))
    if not told:
        return ""
    return f"({told})" if len(told) + 2 <= room else f"({told[: room - 3]}…)" if room > 5 else ""


def _filled(text: str, record: Record, units: Table, width: int) -> str:
    """The text with what was ordered, as far as that fits."""
    told, room = "  ".join(orders(record, units)), width - len(text) - 2
    if not told or room < min(len(told), _LEAST_ORDER):
        return text
    return f"{text}  {told if len(told) <= room else told[: room - 1] + '…'}"


def _wrapped(text: str, width: int) -> list[str]:
    indent = " " * _INDENT
    return wrap(text.strip(), width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
