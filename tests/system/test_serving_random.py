"""What holds of a chart behind a role whatever comes, and whenever it ends: orders wait for the caller's step, every
long action ends once, and its end is told once. Random events and times, the same ones on every run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.adapter import AdapterError
from engine.run import StepRecord, System
from engine.run.served import ServedChart
from engine.semantics.step import Call, StartCall
from tests.system.test_served import NESTED, porter, running
from tests.system.tools import Door, S

EVENTS = ("go", "look", "measure", "leave")
"""What the caller is told: two orders and a third, a reading, a long action, giving it up."""
ENDS: dict[str, Callable[[System, Any], None]] = {
    "ended": lambda system, server: system.post(server, "end"),
    "failed": lambda system, server: system.post(server, "fail"),
    "was stopped": lambda system, server: system.stop(server),
}
MOVES = st.lists(st.one_of(st.sampled_from(EVENTS), st.sampled_from((0, 1, S // 4, S // 2, S))), max_size=25)


class Played:
    """A caller and the chart behind its role after the moves: events for the caller, and times that pass."""

    def __init__(self, moves: Sequence[str | int], end: str = "", at: int = 0, rest_s: int = 30) -> None:
        self.system, self.caller, self.server, self.watch = running()
        self.nested = 0
        self._hold()
        for number, move in enumerate([*moves, rest_s * S]):
            if number == at and end:
                ENDS[end](self.system, self.server)
            if isinstance(move, int):
                self.system.advance(move)
            else:
                self.system.post(self.caller, move)
        self.system.run_due()

    def _hold(self) -> None:
        """Count machines that take an event or a timer while another's step and its effects are going on."""
        inside: list[int] = []
        step = self.system._step

        def held(actor: Any, cause: str, *given: Any) -> None:
            self.nested += len(inside) if cause in ("event", "timer") else 0
            inside.append(1)
            try:
                step(actor, cause, *given)
            finally:
                inside.pop()

        self.system._step = held  # type: ignore[method-assign]

    def steps(self, actor: Any) -> list[StepRecord]:
        return [record for record in self.watch.steps if record.actor is actor]

    @property
    def ordered(self) -> list[tuple[str, dict[str, Any]]]:
        """What the caller ordered, in its order."""
        effects = [effect for record in self.steps(self.caller) for effect in record.step.effects]
        return [(effect.action, dict(effect.args)) for effect in effects if isinstance(effect, Call)]

    @property
    def taken(self) -> list[tuple[str, dict[str, Any]]]:
        """What the chart took of it."""
        events = [record.event for record in self.steps(self.server) if record.event is not None]
        return [(event.name, dict(event.data or {})) for event in events if event.name in ("unlock", "lock")]

    @property
    def told(self) -> list[tuple[str, Any]]:
        return [(r.event.name, r.event.data) for r in self.steps(self.caller) if r.event is not None]


@given(MOVES)
@settings(max_examples=60, derandomize=True)
def test_orders_wait_for_the_callers_step_and_keep_their_order(moves: list[str | int]) -> None:
    played = Played(moves)
    assert played.nested == 0
    whole = [(name, {key: value for key, value in args.items() if value is not None}) for name, args in played.taken]
    assert whole == played.ordered


@given(MOVES)
@settings(max_examples=60, derandomize=True)
def test_a_long_action_ends_once_or_was_given_up(moves: list[str | int]) -> None:
    played = Played(moves)
    running_now = 0
    for record in played.steps(played.caller):
        event = record.event.name if record.event is not None else ""
        if event in ("done.invoke.width", "error.invoke.width"):
            assert running_now == 1, "an end of a call that nobody had made, or a second one"
            running_now = 0
        elif event == "leave":
            running_now = 0
        if any(isinstance(effect, StartCall) for effect in record.step.effects):
            running_now = 1
    assert running_now == 0, "answered in the end"
    assert played.caller.calls == {}
    assert not [name for name, _ in played.told if name.startswith("error.")]


@given(MOVES, st.sampled_from(sorted(ENDS)), st.integers(0, 25))
@settings(max_examples=120, derandomize=True)
def test_its_end_at_any_moment_is_told_once(moves: list[str | int], end: str, at: int) -> None:
    """And then for every order that comes later, unanswered calls fail, and nothing can be read."""
    played = Played(moves, end, min(at, len(moves)))
    said = [data for name, data in played.told if name == "error.adapter.front"]
    assert [data["action"] for data in said].count("") == 1
    assert all(end in data["message"] for data in said)
    assert played.caller.calls == {}
    assert "measuring" not in played.caller.machine.configuration
    with pytest.raises(AdapterError, match=end):
        played.caller.roles["front"].read("angle")
    lost = len(played.ordered) - len(played.taken)
    assert 0 <= sum(1 for data in said if data["action"]) <= lost


@given(st.lists(st.sampled_from(("clerk", "chief", "boss")), min_size=1, max_size=5))
@settings(max_examples=60, derandomize=True)
def test_a_circle_is_refused_and_a_line_is_not(names: list[str]) -> None:
    """However many charts stand behind one another, each may be there once."""
    behind: ServedChart | Door = Door()
    for name in reversed(names):
        behind = porter(NESTED.replace("machine: clerk", f"machine: {name}"), None, back=behind)
    assert isinstance(behind, ServedChart)
    if len(set(names)) == len(names):
        system, *_ = running(behind=behind)
        assert len(system.servers) == len(names)
    else:
        again = next(b for i, b in enumerate(names) if b in names[:i])
        with pytest.raises(AdapterError, match=rf"{again} would serve itself: caller ← .*{again}"):
            running(behind=behind)


def test_the_moves_reach_what_the_properties_are_about() -> None:
    """Orders, a call that ends and one that is given up."""
    played = Played(["go", "measure", S // 4, "leave", "measure", S // 4, "measure", S])
    assert len(played.ordered) == 3
    assert [name for name, _ in played.told if name.startswith("done.invoke")] == ["done.invoke.width"]
