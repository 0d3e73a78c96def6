"""A simulated module as its end of the bus sees it, and what a protocol makes of a frame.

The protocols here (one file a make) are written from the makers' documents on their own: they share nothing with the
codecs of the controller's side, so that an error of one does not hide in the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from adapters.can.frame import Frame

ALL = -1
"""In :class:`Told`: every module."""


@dataclass(slots=True)
class Module:
    """One module: volts, amperes, watts, °C."""

    address: int
    rated_V: float
    least_V: float
    rated_A: float
    rated_W: float
    serial: int = 0
    set_V: float = 0.0
    set_A: float = 0.0
    stored_V: float = 0.0
    stored_A: float = 0.0
    delivers: bool = False
    voltage: float = 0.0
    current: float = 0.0
    temperature: float = 30.0
    part: float = 1.0
    alarms: frozenset[str] = field(default_factory=frozenset)
    hears: bool = True
    speaks: bool = True
    heard_ns: int = 0


class Told(NamedTuple):
    """What a frame of the controller tells modules. ``what`` is the protocol's own name of it, for the answer;
    ``fraction`` is a set current as a part of the rated one."""

    modules: Sequence[int]
    what: int
    data: bytes = b""
    switch: bool | None = None
    volts: float | None = None
    amperes: float | None = None
    fraction: float | None = None
    stored_volts: float | None = None
    stored_amperes: float | None = None
    answered: bool = True


class Wording(Protocol):
    """The protocol of a make, the modules' side."""

    first: int
    report_ns: int
    """How often a module speaks by itself; 0: never."""
    falls_back: bool
    """Without its controller it gives what it has stored, instead of nothing."""

    def hear(self, frame: Frame) -> Told | None:
        """What a frame of the controller says; None for any other frame."""
        ...

    def answer(self, told: Told, module: Module) -> Iterable[Frame]:
        """What a module says to that, after it was obeyed."""
        ...

    def report(self, module: Module) -> Iterable[Frame]:
        """What it says by itself."""
        ...


def bits(module: Module, places: dict[str, int]) -> int:
    """The alarms of a module as a number; ``places`` are the bits of those the protocol has."""
    return sum(1 << place for name, place in places.items() if name in module.alarms)


def counts(value: float, per: float, most: int) -> int:
    """A value as a count that fits."""
    return max(0, min(most, round(value * per)))
