"""A generated path: parameters and stimuli from the start of a machine, and how one stimulus is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.language.model import Chart
from engine.run.machine import Machine
from engine.semantics.step import Step
from engine.tools.explore.stimuli import Stimulus, World, event_of

Pair = tuple[str, str]  # ids of two transitions, the second taken next after the first


@dataclass(frozen=True, slots=True)
class Path:
    """Parameters and stimuli from the start. ``takes`` and ``pairs``: the transitions and pairs that it takes for the
    first time."""

    parameters: Mapping[str, Any]
    start: Stimulus
    steps: tuple[Stimulus, ...]
    takes: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()

    @property
    def name(self) -> str:
        """The purpose of the path."""
        if self.takes:
            return f"takes {', '.join(self.takes)}"
        if self.pairs:
            more = f", and {len(self.pairs) - 1} pairs more" if len(self.pairs) > 1 else ""
            return f"takes {self.pairs[-1][1]} after {self.pairs[-1][0]}{more}"
        return f"ends with {self.steps[-1]}" if self.steps else "starts"


def apply(machine: Machine, stimulus: Stimulus) -> Step:
    """Give a machine one stimulus, with the world the stimulus describes."""
    machine.surroundings = World(stimulus.readings, stimulus.alive)
    return machine.expire(stimulus.timer) if stimulus.timer else machine.process(event_of(stimulus))


def answered(chart: Chart, step: Step) -> bool:
    """Whether the step took a transition for the error events it raised."""
    taken = set(step.transitions)
    return any(t.id in taken and d.split(".")[0] in ("error", "*") for t in chart.transitions for d in t.descriptors)
