"""What an export could not carry: named construct by construct, never dropped silently."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from keyword import iskeyword

from engine.language.model import State, Timer
from engine.language.position import NOWHERE, Position

SHUTDOWN_LOST = "its event is one like any other: the host must send it and wait"
MAIN_LOST = "a picture of it chooses its own"


class Construct(Enum):
    """Constructs of the chart language that some formats lack."""

    ADAPTER_ORDER = "orders to adapters"
    READING = "readable values of adapters"
    LONG_ACTION = "invoked long actions of adapters"
    CHILD = "invoked charts"
    SPAWN = "spawned children"
    TIMER = "after"
    DELAYED_SEND = "delayed sends"
    SEND = "sends to other machines"
    EVENTLESS = "always"
    HISTORY = "history"
    PARALLEL_TARGET = "transitions into or across parallel regions"
    COMPOSITE_DONE = "onDone of states"
    INTERNAL = "internal transitions"
    WILDCARD = "event prefixes and wildcards"
    ORDER = "document order of transitions"
    INVARIANT = "invariants"
    TYPES = "types, units and ranges"
    BYTES = "byte strings"
    EXPRESSION = "expressions"
    ACTION = "actions"
    OUTPUT = "output of final states"
    ERROR_EVENT = "error events"
    STRICT = "strict"
    SHUTDOWN = "shutdown"
    MAIN = "main path"
    ROUTE = "adapter events reaching children"


@dataclass(frozen=True, slots=True)
class Loss:
    """One loss: ``where`` is the state or transition id, ``what`` says what became of it."""

    construct: Construct
    where: str
    what: str
    position: Position = NOWHERE

    def __str__(self) -> str:
        place = f"{self.position}: " if self.position != NOWHERE else ""
        return f"{place}{self.where or 'the chart'}: {self.construct.value}: {self.what}"


@dataclass(slots=True)
class Exported:
    """The text of the export and its losses, in document order. ``files`` by name: of a format that has several.
    ``notes``: what is carried, but should be known."""

    text: str = ""
    files: dict[str, str] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def lose(self, construct: Construct, where: str, what: str, position: Position = NOWHERE) -> None:
        """Note a loss, once."""
        loss = Loss(construct, where, what, position)
        if loss not in self.losses:
            self.losses.append(loss)


class LoopNames:
    """Names of parameters, data and items of nested loops where expressions are Python. In the chart language an inner
    loop may reuse an outer one's name; in formats whose loop items are plain data it may not."""

    def __init__(self) -> None:
        self._open: dict[str, list[str]] = {}

    def of(self, name: str) -> str:
        """The name here; of the argument ``reason`` of the state ``failed``, ``failed__reason``; of a keyword of
        Python, which it cannot be, ``from_``."""
        spelled = self._open.get(name, [name])[-1].replace(".", "__")
        return f"{spelled}_" if iskeyword(spelled) else spelled

    @contextmanager
    def loop(self, *names: str | None) -> Iterator[None]:
        """Inside a loop over these names."""
        opened = [name for name in names if name]
        for name in opened:
            stack = self._open.setdefault(name, [])
            stack.append(f"{name}_{len(stack) + 1}" if stack else name)
        yield
        for name in opened:
            self._open[name].pop()
            if not self._open[name]:
                del self._open[name]


def lose_period(exported: Exported, state: State, timer: Timer) -> None:
    """Say of the timer of a ``poll`` that it is one like any other."""
    if timer.periodic:
        exported.lose(Construct.TIMER, state.id, f"'every {timer.text}' looks once only", timer.position)
