"""Reads ``[control]`` of a station file: what a bench may do to the simulated world, and how.

[station]
control_number = "connector"                            # the field that says which of several
control_ends = ["unplug", "button.stop_pressed"]        # may end a session, at any machine or unit
[control_texts]
idTag = [1, 20]                                         # a text of so many characters, at least and at most
[control]
plug = "order pev{connector}.driver.plug_in"            # an order to an adapter
swipe = "outlet{connector}.reader.token(id={idTag})"    # an event, as --events takes it
lock_fail = "fault drop:outlet{connector}.lock.bolt.move"   # a rule of docs/faults.md, until
lock_ok = "heal drop:outlet{connector}.lock.bolt.move"      # it is taken back
clear_fault = ["one", "another"]                        # several, in their order
power_cycle = "restart"                                 # the program stops dead and begins anew; the last of several
[control.fault.errorCode]                               # the field errorCode chooses
GroundFailure = "imd{connector}.fault(text=broken)"
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.run.station.file import StationFile
from engine.run.station.plan import Hand, StationError


def hands(file: StationFile) -> dict[str, Hand]:
    """By the name of the event. Raises ``StationError`` for an entry that is none."""
    where = f"{file.path}: [control]"
    return {name: _hand(f"{where} {name}", entry) for name, entry in file.table("control").items()}


def texts(file: StationFile) -> dict[str, tuple[int, int]]:
    """By the name of the field, of how many characters it is. Raises ``StationError`` for an entry that is none."""
    return {
        name: _length(f"{file.path}: [control_texts] {name}", entry)
        for name, entry in file.table("control_texts").items()
    }


def _length(where: str, entry: Any) -> tuple[int, int]:
    match entry:
        case [int(least), int(most)] if 0 <= least <= most:
            return least, most
    raise StationError(f"{where}: write the least and the greatest number of characters, [1, 20], not {entry!r}"[:300])


def ends(file: StationFile) -> tuple[str, ...] | None:
    """What may end a session; None where the file does not say it. Raises ``StationError`` for what are no names."""
    names = file.table("station").get("control_ends")
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise StationError(f"{file.path}: control_ends: write a list of events, not {names!r}"[:300])
    return tuple(names)


def _hand(where: str, entry: Any) -> Hand:
    if not isinstance(entry, Mapping):
        return Hand(_acts(where, entry))
    if len(entry) != 1 or not all(isinstance(choices, Mapping) for choices in entry.values()):
        raise StationError(f"{where}: a table says by which field it chooses: [control.fault.errorCode]")
    ((by, choices),) = entry.items()
    return Hand((), by, {value: _acts(f"{where}.{by}.{value}", acts) for value, acts in choices.items()})


def _acts(where: str, entry: Any) -> tuple[str, ...]:
    acts = [entry] if isinstance(entry, str) else entry
    if not isinstance(acts, list) or not acts or not all(isinstance(act, str) and act.strip() for act in acts):
        raise StationError(f"{where}: write an event, an order, a fault, or a list of them, not {entry!r}"[:300])
    return tuple(act.strip() for act in acts)
