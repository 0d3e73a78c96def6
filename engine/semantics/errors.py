"""Errors of a running machine to its caller. A chart's own errors (a failing guard or action) are not among them: they
become events."""

from __future__ import annotations


class EngineError(Exception):
    """Base of the errors that a running machine raises to its caller."""


class ParameterError(EngineError, ValueError):
    """A machine cannot start with these parameters: the message names the parameter and what was expected."""


class PayloadError(EngineError, ValueError):
    """The data sent with an event is not what the event declares: the message names the event and the field."""


class UnhandledEvent(EngineError):
    """No active state of a ``strict`` chart has a transition for the event."""


class EndlessLoop(EngineError):
    """A macrostep did not come to rest within the bound. ``states`` are the sources of the transitions that repeat.

    The machine stays where the bound stopped it and its internal queue is dropped; ``finish`` still leaves its states
    in order.
    """

    def __init__(self, chart: str, bound: int, states: tuple[str, ...]) -> None:
        self.states = states
        names = ", ".join(state or "(root)" for state in states)
        super().__init__(
            f"chart {chart!r}: no rest after {bound} microsteps; the transitions of these states repeat without end: "
            f"{names}. Give one of them a guard that becomes false"
        )


class RunawayError(EngineError):
    """Machines keep each other busy while no time passes. The message names them and says what to do."""


class ClockError(EngineError, ValueError):
    """A virtual clock cannot go back, nor to a time that is not a whole number of nanoseconds."""


class SnapshotError(EngineError, ValueError):
    """A snapshot does not fit the chart it is resumed on. The message says which part of it."""
