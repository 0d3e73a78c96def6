"""A timer that starts itself again has a delay that is no 0: with one, a run would stand still in one instant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import engine
from engine.cli import main
from engine.language.expr.tree import Parameter, Variable
from engine.language.expr.walk import within
from engine.language.model import Chart, State, Timer

MACHINES = Path(__file__).parents[2] / "machines"
CHARTS = sorted(str(path.relative_to(MACHINES)) for path in MACHINES.rglob("*.yaml") if "contract" not in path.name)


def entered(state: State) -> set[State]:
    """What is active with a state as it begins: it, what it is in, and its first states."""
    found, waiting = set(), [state]
    while waiting:
        here = waiting.pop()
        if here in found:
            continue
        found.add(here)
        if here.initial is not None:
            waiting += here.initial.targets
        elif here.children:
            waiting += here.children
    return found


def followers(state: State) -> set[State]:
    """Where a state goes by nothing but time, and what it cannot help then."""
    found: set[State] = set()
    for transition in state.transitions:
        if transition.timer is not None or (not transition.descriptors and transition.guard is None):
            for target in transition.targets:
                found |= entered(target)
    return found


def repeating(chart: Chart) -> Iterator[Timer]:
    """Timers that bring themselves back: of ``poll``, and of states that time alone leads back to."""
    for state in chart.states.values():
        yield from (timer for timer in state.timers if timer.periodic)
        for timer in state.timers:
            targets = [target for t in state.transitions if t.timer == timer.id for target in t.targets]
            seen: set[State] = set()
            waiting = [one for target in targets for one in entered(target)]
            while waiting:
                here = waiting.pop()
                if here not in seen:
                    seen.add(here)
                    waiting += followers(here)
            if state in seen and not timer.periodic:
                yield timer


COUNTED = {
    ("ocpp_transfer", "between"): "the central system may name 0 s, and attempts are counted",
    ("power_module", "T_report"): "0 s: it is asked, and the state that counts its reports is never entered",
}
"""Parameters that may be 0 all the same, and why."""


def may_be_nothing(chart: Chart) -> set[tuple[str, str]]:
    """The parameters of its repeating timers that may be 0, unless another one in the same delay may not."""
    found = set()
    for timer in repeating(chart):
        read = list(within(timer.delay))
        read += [one for part in read if isinstance(part, Variable) for one in within(chart.data[part.name].initial)]
        parameters = [chart.parameters[part.name] for part in read if isinstance(part, Parameter)]
        if not any((parameter.type.minimum or 0) > 0 for parameter in parameters):
            found |= {(chart.name, parameter.name) for parameter in parameters}
    return found


def test_no_period_can_be_nothing() -> None:
    """Of all shipped charts; what `--set` says is then an error that names the parameter."""
    charts = [engine.load(MACHINES / file) for file in CHARTS]
    assert sum(1 for chart in charts for _ in repeating(chart)) > 100
    assert set().union(*map(may_be_nothing, charts)) == set(COUNTED)


def test_a_period_of_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "machines/evse_ac.yaml", "--fast", "--set", "outlet.output.watch.T_look=0s"]) == 2
    assert "outlet.output.watch.T_look" in (told := capsys.readouterr().err)
    assert "1 ms" in told
