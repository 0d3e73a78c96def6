"""Whatever an adapter does, the system goes on: the promise every other machine of a station lives on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.system.test_binding import GUARD
from tests.system.tools import Door, S, started

anything = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8)
    | st.lists(st.none())
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
)
names = st.sampled_from(["opened", "closed", "opend", "", "opened.x", "error", "*"])
deeds = st.one_of(
    st.tuples(st.just("emit"), names, st.dictionaries(st.sampled_from(["by", "angle", "x", "event"]), anything)),
    st.tuples(st.just("done"), st.integers(-3, 3), st.dictionaries(st.sampled_from(["width", "x"]), anything)),
    st.tuples(st.just("failed"), st.integers(-3, 3), st.text(max_size=5)),
    st.tuples(st.just("error"), st.text(max_size=5)),
    st.tuples(st.just("later"), st.integers(-5, 10**9)),
    st.tuples(st.just("angle"), anything),
    st.tuples(
        st.just("refuse"),
        st.sampled_from([None, OSError("x"), ValueError(), RecursionError(), MemoryError(), SystemExit(2)]),
    ),
    st.tuples(st.just("post"), st.sampled_from(["read", "push", "leave"])),
    st.tuples(st.just("open"), st.integers(0, 9)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(deeds, max_size=30))
def test_nothing_an_adapter_does_stops_the_system_or_the_other_machine(script: list[tuple[Any, ...]]) -> None:
    door = Door()
    system, actor, watch = started(GUARD, {"gate": door})

    def raises() -> None:
        raise ArithmeticError("late")

    for kind, *rest in script:
        if kind == "emit":
            door.port.emit(rest[0], **rest[1])
        elif kind in ("done", "failed"):
            call = door.calls[rest[0]] if -len(door.calls) <= rest[0] < len(door.calls) else "nonsense"
            if kind == "done":
                door.port.done(call, **rest[1])
            else:
                door.port.failed(call, rest[1])
        elif kind == "error":
            door.port.error(rest[0])
        elif kind == "later":
            door.port.call_later(rest[0], raises)
        elif kind == "angle":
            door.angle = rest[0]
        elif kind == "refuse":
            door.refuse = rest[0]
        elif kind == "open":
            system.post(actor, "open", {"pin": rest[0]})
        else:
            system.post(actor, rest[0])
        system.advance(10_000_000)
    assert actor.state == "running"
    assert system.failures == []
    data = actor.machine.data
    assert isinstance(data["by"], str)
    assert data["angle"] is None or isinstance(data["angle"], float)
    assert isinstance(data["width"], float)
    system.shutdown()
    assert door.told[-1] == ("close",)
    assert watch.steps[-1].cause == "stop"


TWO = """
    machine: two
    adapters: {first: door, second: door}
    states:
      a: {exit: [first.lock(), second.lock()]}
"""


class Impatient(Door):
    """The user presses Ctrl-C once more while this one's order is carried out."""

    def lock(self) -> None:
        super().lock()
        raise KeyboardInterrupt


def test_a_second_interrupt_while_shutting_down_still_closes_every_adapter() -> None:
    """Left open, they keep the output energised."""
    doors = {"first": Impatient(), "second": Door()}
    system, _, _ = started(TWO, doors)
    with pytest.raises(KeyboardInterrupt):
        system.shutdown()
    assert [door.told[-1] for door in doors.values()] == [("close",), ("close",)]


def test_an_adapter_whose_library_wants_to_exit_the_program_is_an_error_like_any_other() -> None:
    class Exits(Door):
        def lock(self) -> None:
            super().lock()
            raise SystemExit(2)

    doors = {"first": Exits(), "second": Door()}
    system, _, watch = started(TWO, doors)
    system.shutdown()
    assert doors["second"].told == [("lock",), ("close",)]
    assert [note.text for note in watch.notes if note.kind == "adapter_error"] == ["SystemExit: 2"]


def test_a_thread_that_never_stops_cannot_hold_up_a_timer() -> None:
    door = Door()
    system, actor, _ = started(
        """
        machine: timed
        adapters: {gate: door}
        states: {a: {after: {1 s: b}, on: {gate.closed: }}, b: {}}
        """,
        {"gate": door},
    )

    def again() -> None:
        door.port.emit("closed")
        door.port.call_soon_threadsafe(again)

    door.port.call_soon_threadsafe(again)
    system.clock.move_to(S)  # type: ignore[attr-defined]
    turns = 0
    while actor.machine.configuration == ("a",):
        system.turn()
        turns += 1
        assert turns < 3 * system.limits.queue
