"""Adapters: checked when they are bound, and nothing they do wrong gets past the binding."""

from __future__ import annotations

import threading
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import engine
from engine.adapter import Adapter, AdapterError, World
from engine.language import values
from engine.language.load.contract import load_contract
from engine.run import Note, StepRecord, System
from engine.run.binding import shortcomings
from tests.system.tools import DOOR, Door, S, Watch, chart, started

GUARD = """
    machine: guard
    events:
      open: {direction: in, payload: {pin: int}}
      read: {direction: in}
      push: {direction: in}
      leave: {direction: in}
    adapters: {gate: door}
    data:
      by: {type: string, initial: "''"}
      angle: {type: float?, initial: None}
      error: {type: string, initial: "''"}
      width: {type: float, initial: 0}
    initial: idle
    states:
      idle:
        on:
          open: {actions: gate.unlock(pin=event.pin)}
          read: {actions: [assign: {angle: gate.angle}]}
          gate.opened: {actions: [assign: {by: event.by, angle: event.angle}]}
          gate.closed: {}
          push: measuring
      measuring:
        entry: [assign: {error: "''"}]
        invoke:
          id: m
          call: gate.measure(force=0.5)
          onDone: {target: idle, actions: [assign: {width: event.width}]}
          onError: {target: idle, actions: [assign: {error: event.reason}]}
        on: {leave: idle}
    on:
      error.adapter.gate: {actions: [assign: {error: event.message}]}
      error.execution: {actions: [assign: {error: event.message}]}
"""


def guarded() -> tuple[System, Any, Watch, Door]:
    door = Door()
    system, actor, watch = started(GUARD, {"gate": door})
    return system, actor, watch, door


def test_an_order_reaches_the_adapter_with_all_its_arguments() -> None:
    system, actor, _, door = guarded()
    system.post(actor, "open", {"pin": 12})
    system.run_due()
    assert door.told == [("unlock", 12, None)]  # the optional one left out is None


def test_what_an_adapter_raises_becomes_an_event() -> None:
    system, actor, watch, door = guarded()
    for error, told in ((AdapterError("no power"), "no power"), (ZeroDivisionError("x"), "ZeroDivisionError: x")):
        door.refuse = error
        system.post(actor, "open", {"pin": 1})
        system.run_due()
        assert actor.machine.data["error"] == told
    assert watch.kinds() == ["adapter_error", "adapter_error"]


def test_an_adapters_event_arrives_under_the_machines_name_for_the_role() -> None:
    system, actor, watch, door = guarded()
    door.port.emit("opened", by="key", angle=3)
    system.run_due()
    assert watch.events("guard")[-1] == "0 gate.opened"
    assert (actor.machine.data["by"], actor.machine.data["angle"]) == ("key", 3.0)
    door.port.emit("opened", by="hand")
    system.run_due()
    assert actor.machine.data["angle"] is None


@pytest.mark.parametrize(
    ("event", "payload", "told"),
    [
        ("opend", {}, "did you mean 'opened'?"),
        ("opened", {"by": 3}, "field 'by'"),
        ("opened", {}, "field 'by'"),
        ("opened", {"by": "x", "angel": 1}, "did you mean 'angle'?"),
        ("opened", {"by": "x", "angle": "wide"}, "field 'angle'"),
        ("closed", {"by": "x"}, "has no field 'by'"),
    ],
)
def test_an_event_that_breaks_the_contract_is_an_error_event_naming_the_field(
    event: str, payload: dict[str, Any], told: str
) -> None:
    system, actor, watch, door = guarded()
    door.port.emit(event, **payload)
    system.run_due()
    assert told in actor.machine.data["error"]
    assert watch.events("guard")[1:] == ["0 error.adapter.gate"]


def test_a_reading_of_the_wrong_type_is_an_execution_error() -> None:
    system, actor, _, door = guarded()
    door.angle = "wide"  # type: ignore[assignment]
    system.post(actor, "read")
    system.run_due()
    assert "gate.angle cannot be read" in actor.machine.data["error"]


def test_a_reading_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings are most of what a session checks: once where they enter the machine, not by the binding as well."""

    class Angle(float):
        """Not plainly a float, so that no check has a quick way past it."""

    asked: list[Any] = []
    type_error = values.type_error
    monkeypatch.setattr(values, "type_error", lambda value, type_: asked.append(value) or type_error(value, type_))
    system, actor, _, door = guarded()
    door.angle = Angle(12.5)
    system.post(actor, "read")
    system.run_due()
    assert actor.machine.data["angle"] == 12.5
    assert asked == [12.5]


class Box(Adapter):
    """Keeps what is put into it."""

    contract = "box"

    def __init__(self) -> None:
        super().__init__({}, World())
        self.content: list[Any] = []

    def put(self, *, content: Any) -> None:
        self.content.append(content)


def test_what_is_handed_on_is_counted_where_it_came_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A message passes a chart twice or more; what a chart makes of it is counted again, and refused if it is too
    much."""
    contract = "contract: box\nactions: {put: {args: {content: any}}}\nevents: {came: {payload: {content: any}}}\n"
    (tmp_path / "box.contract.yaml").write_text(contract)
    text = """
        machine: porter
        adapters: {box: box}
        data: {error: {type: string, initial: "''"}}
        events: {again: {direction: in, payload: {content: any}}}
        initial: a
        states: {a: {}}
        on:
          box.came: {actions: box.put(content=event.content)}
          again: {actions: 'box.put(content=[event.content, event.content])'}
          error.execution: {actions: [assign: {error: event.message}]}
    """
    counted: list[Any] = []
    unwieldy = values.unwieldy
    monkeypatch.setattr(values, "unwieldy", lambda value: counted.append(value) or unwieldy(value))
    system, box = System(), Box()
    porter = engine.load_text(dedent(text), contracts={"box": load_contract(tmp_path / "box.contract.yaml")})
    actor = system.add(porter, adapters={"box": box})
    system.start()
    message = {"text": "x" * 40_000}
    box.port.emit("came", content=message)
    system.run_due()
    assert (box.content, counted) == ([message], [message])
    system.post(actor, "again", {"content": message})
    system.run_due()
    assert (len(box.content), actor.machine.data["error"]) == (1, "a value of more than 65536 parts")


def test_a_reading_that_is_no_number_is_an_execution_error() -> None:
    system, actor, _, door = guarded()
    door.angle = float("nan")
    system.post(actor, "read")
    system.run_due()
    assert actor.machine.data["error"] == "gate.angle cannot be read: not-a-number where a number is needed"


def test_a_long_action_reports_back_once() -> None:
    system, actor, watch, door = guarded()
    system.post(actor, "push")
    system.run_due()
    (call,) = door.calls
    door.port.done(call, width=2)
    door.port.done(call, width=3)
    system.run_due()
    assert actor.machine.data["width"] == 2.0
    assert actor.machine.configuration == ("idle",)
    assert watch.kinds() == ["dropped"]
    assert door.cancelled == []


def test_a_long_action_that_fails_or_answers_nonsense_is_an_error_event() -> None:
    system, actor, _, door = guarded()
    for report, told in (
        (lambda call: door.port.failed(call, "jammed"), "jammed"),
        (lambda call: door.port.done(call, width="wide"), "result of gate.measure, field 'width'"),
        (lambda call: door.port.done(call), "field 'width'"),
    ):
        system.post(actor, "push")
        system.run_due()
        report(door.calls[-1])
        system.run_due()
        assert told in actor.machine.data["error"]
        assert actor.machine.configuration == ("idle",)


def test_leaving_the_state_cancels_the_long_action_and_its_late_answer_is_dropped() -> None:
    system, actor, watch, door = guarded()
    system.post(actor, "push")
    system.post(actor, "leave")
    system.run_due()
    assert door.cancelled == door.calls
    door.port.done(door.calls[0], width=1)
    system.run_due()
    assert actor.machine.data["width"] == 0
    assert watch.kinds() == ["dropped"]


def test_the_end_of_a_long_action_is_not_taken_for_its_successors() -> None:
    system, actor, watch, door = guarded()
    system.post(actor, "push")
    system.run_due()
    for event in ("leave", "push"):
        system.post(actor, event)
    door.port.done(door.calls[0], width=1)
    system.run_due()
    assert actor.machine.configuration == ("measuring",)
    assert watch.kinds() == ["dropped"]
    door.port.done(door.calls[1], width=7)
    system.run_due()
    assert actor.machine.data["width"] == 7


def test_call_later_runs_on_the_systems_clock_and_its_fault_is_an_event() -> None:
    system, actor, _, door = guarded()
    seen: list[int] = []
    door.port.call_later(5 * S, lambda: seen.append(door.port.now_ns()))
    door.port.call_later(6 * S, lambda: seen.append(1 // 0))
    door.port.call_later(7 * S, lambda: seen.append(99)).cancel()
    system.advance(10 * S)
    assert seen == [5 * S]
    assert "ZeroDivisionError" in actor.machine.data["error"]


def test_a_foreign_thread_hands_its_work_over() -> None:
    system, actor, _, door = guarded()
    thread = threading.Thread(
        target=lambda: door.port.call_soon_threadsafe(lambda: door.port.emit("opened", by="wire"))
    )
    thread.start()
    thread.join()
    assert actor.machine.data["by"] == ""
    system.run_due()
    assert actor.machine.data["by"] == "wire"


def test_a_coroutine_without_a_loop_is_refused_with_the_way_out() -> None:
    system, actor, _, door = guarded()

    async def work() -> None:
        raise AssertionError

    door.port.spawn(work())
    system.run_due()
    assert "--fast" in actor.machine.data["error"]


class Half(Door):
    lock = None  # type: ignore[assignment]

    def unlock(self, *, code: int) -> None:  # type: ignore[override]
        pass

    async def measure(self, *, call_id: str, force: float) -> None:  # type: ignore[override]
        pass


def test_an_adapter_that_lacks_what_its_contract_asks_is_refused_with_everything_it_lacks() -> None:
    half = Half()
    del half.angle
    with pytest.raises(AdapterError) as refused:
        System().add(chart(GUARD), adapters={"gate": half})
    text = str(refused.value)
    for told in (
        "role 'gate'",
        "contract door",
        "unlock(pin, note), but it does not take pin, note and asks for code",
        "the method lock()",
        "is a coroutine",
        "the attribute or property angle",
    ):
        assert told in text


def test_the_check_never_runs_a_property() -> None:
    class Shy(Door):
        @property
        def is_locked(self) -> bool:
            raise RuntimeError("not open yet")

        @is_locked.setter
        def is_locked(self, value: bool) -> None:
            pass

    assert shortcomings(Shy(), DOOR) == []


def test_an_adapter_of_another_contract_is_refused() -> None:
    class Window(Door):
        contract = "window"

    assert "declares 'window'" in shortcomings(Window(), DOOR)[0]


def test_when_one_adapter_does_not_open_those_that_did_are_closed() -> None:
    class Stuck(Door):
        def open(self, port: Any) -> None:
            raise OSError("no such device /dev/ttyUSB7")

    two = """
        machine: two
        adapters: {front: door, back: door}
        initial: a
        states: {a: {}}
    """
    front, back = Door(), Stuck()
    system = System()
    system.add(chart(two), adapters={"front": front, "back": back})
    with pytest.raises(AdapterError, match=r"role 'back': .*ttyUSB7"):
        system.start()
    assert front.told == [("close",)]
    assert back.told == [("close",)]  # also after a failed open
    system.shutdown()


def test_closing_badly_is_noted_and_the_others_are_closed_too() -> None:
    class Bad(Door):
        def close(self) -> None:
            raise OSError("gone")

    two = """
        machine: two
        adapters: {front: door, back: door}
        initial: a
        states: {a: {}}
    """
    front = Door()
    system = System()
    watch = Watch(system)
    system.add(chart(two), adapters={"front": front, "back": Bad()})
    system.start()
    system.shutdown()
    assert front.told == [("close",)]
    assert watch.kinds() == ["adapter_error"]


def test_a_role_nobody_is_bound_to_is_an_event_not_a_crash() -> None:
    system, actor, _ = started(GUARD)
    system.post(actor, "open", {"pin": 1})
    system.run_due()
    assert "no adapter is bound to role 'gate'" in actor.machine.data["error"]
    system.post(actor, "push")
    system.run_due()
    assert "no adapter is bound" in actor.machine.data["error"]
    system.post(actor, "read")
    system.run_due()
    assert "gate.angle cannot be read" in actor.machine.data["error"]


def test_an_observer_that_breaks_ends_the_run_but_no_order_is_lost() -> None:
    """A trace on a full disk must not keep the contactor closed."""

    class FullDisk:
        def step(self, record: StepRecord) -> None:
            if record.cause != "start":
                raise OSError("no space left on device")

        def note(self, note: Note) -> None:
            pass

    door = Door()
    system, actor, watch = started(GUARD, {"gate": door})
    system.observers.insert(0, FullDisk())
    system.post(actor, "open", {"pin": 1})
    with pytest.raises(OSError, match="no space"):
        system.run_due()
    assert door.told == [("unlock", 1, None)]
    assert watch.events("guard")[-1] == "0 open"
    system.shutdown()
    assert door.told[-1] == ("close",)
    assert watch.events("guard")[-1] == "0 stop"


def test_an_observer_that_breaks_during_shutdown_does_not_stop_it() -> None:
    class Broken:
        def step(self, record: StepRecord) -> None:
            if record.cause == "stop":
                raise BrokenPipeError("reader gone")

        def note(self, note: Note) -> None:
            pass

    door = Door()
    system, _, watch = started(GUARD, {"gate": door})
    system.observers.insert(0, Broken())
    with pytest.raises(BrokenPipeError):
        system.shutdown()
    assert door.told == [("close",)]
    assert watch.events("guard")[-1] == "0 stop"
