"""Whatever happens in the middle of a real session: what the station promises for all its charts holds.

A vehicle charges at the station, with real bytes. At some instant something happens that a machine of the station waits
for there or that an adapter may tell at any time: an event that nobody expects now, of the pilot, the supply, the
network, a person. Scenarios say what has to come of it; here only the promises of docs/safety.md are asked.
"""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import pytest

import engine
from engine.tools.explore.stimuli import Stimuli, Stimulus
from engine.tools.explore.values import Situation
from tests.charge.bench import Bench

LASTS_S = 16.0  # of the session without a disturbance, to beyond its end


@cache
def stimuli(file: str, given: frozenset[tuple[str, Any]]) -> Stimuli:
    return Stimuli(engine.load(file), dict(given))


def what_may_happen(bench: Bench) -> list[tuple[Any, Stimulus]]:
    """Events of adapters and of whoever runs the station, with payloads that matter to a machine now; sorted."""
    found = []
    for actor in bench.system.roots["evse"].tree():
        machine = actor.machine
        needed = [name for name, parameter in machine.chart.parameters.items() if parameter.default is None]
        known = stimuli(machine.chart.file, frozenset((name, machine.parameters[name]) for name in needed))
        world = Stimulus(readings=known.base)
        where = Situation(machine.data, machine.parameters, frozenset(machine.configuration))
        for stimulus in known.narrow(where, world, ()):
            role = stimulus.event.partition(".")[0]
            definition = machine.chart.events.get(stimulus.event)
            own = actor.parent is None and definition is not None and definition.direction == "in"
            if role in actor.roles or own:
                found.append((actor, stimulus))
    return sorted(found, key=lambda item: (item[0].path, str(item[1])))


def happens(bench: Bench, actor: Any, stimulus: Stimulus) -> None:
    role, _, event = stimulus.event.partition(".")
    data = dict(stimulus.data or {})
    if role in actor.roles:
        actor.roles[role].adapter.port.emit(event, **data)
    else:
        bench.system.post(actor, stimulus.event, data)
    bench.system.run_due()


@pytest.mark.parametrize("seed", range(40))
def test_promises_hold_whatever_happens(seed: int) -> None:
    chance = random.Random(seed)
    bench = Bench("evse_dc", ("evse", "pev"))
    told = []
    at_s = chance.uniform(0.0, LASTS_S)
    for _ in range(3):
        bench.run(max(0.0, at_s - bench.now_s))
        actor, stimulus = chance.choice(what_may_happen(bench))
        told.append(f"{bench.now_s:.3f} s {actor.path}: {stimulus}")
        happens(bench, actor, stimulus)
        at_s = bench.now_s + chance.choice([0.0, 0.05, 0.5, 3.0])
    bench.run(30)
    assert bench.system.failures == [], told
