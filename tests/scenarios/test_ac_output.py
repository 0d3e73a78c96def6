"""Scenarios of machines/ac/output.yaml: contactor with feedback, residual current, phases, what opens it at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage

FILE = "machines/ac/output.yaml"


def output(**values: Any) -> Stage:
    return Stage(FILE, {"phase_switch.count": 3, **{name.replace("__", "."): v for name, v in values.items()}})


def live() -> Stage:
    """The vehicle has voltage."""
    stage = output().post("close").finish("test", passed=True)
    stage.values("contactor", is_closed=True).emit("contactor.closed")
    assert stage.active("live.closed")
    return stage


def moved(stage: Stage, closed: bool) -> Stage:
    """The contactor has moved, and says so."""
    return stage.values("contactor", is_closed=closed).emit("contactor.closed" if closed else "contactor.opened")


def reason(stage: Stage) -> tuple[str, bool]:
    (told,) = stage.told("fault")
    return told["reason"], told["closed"]


def test_closed_after_a_self_test_and_told_by_the_feedback() -> None:
    """Voltage without a residual current device that works is none for people."""
    stage = output().post("close")
    assert not stage.ordered("contactor.set")
    stage.finish("test", passed=True)
    assert stage.order("contactor.set") == {"closed": True}
    assert stage.children() == ["keep_alive", "watch"]
    assert not stage.told("is_closed")
    moved(stage, True)
    assert stage.told("is_closed") == [{}]
    assert not stage.unhandled


@pytest.mark.parametrize("order", ["open", "emergency_off"])
def test_opened_at_once_and_told_by_the_feedback(order: str) -> None:
    stage = live().forget().post(order)
    assert stage.times("contactor.set") == [stage.now_s]
    assert stage.order("contactor.set") == {"closed": False}
    assert not stage.told("is_off")
    assert stage.children() == []
    stage.post(order)
    moved(stage, False)
    assert stage.told("is_off") == [{}]
    assert stage.active("off")
    assert not stage.unhandled


@pytest.mark.parametrize("order", ["open", "emergency_off"])
def test_off_already(order: str) -> None:
    """Who asks hears it at once; also in a self test, which is given up."""
    assert output().post(order).told("is_off") == [{}]
    stage = output().post("close").post(order)
    assert stage.told("is_off") == [{}]
    assert stage.active("off")
    assert not stage.ordered("contactor.set")


def test_no_voltage_without_a_good_residual_current_device() -> None:
    assert reason(output(rcd__is_tripped=True).post("close")) == ("the residual current device has tripped", False)
    failed = output().post("close").finish("test", passed=False)
    assert reason(failed) == ("the residual current device failed its self test", False)
    assert reason(output().post("close").fail("test", "no answer")) == ("no answer", False)
    silent = output().post("close").run(1.9)
    assert not silent.told("fault")
    assert reason(silent.run(0.2)) == ("the residual current device gave no self test result", False)
    assert silent.order("contactor.set") == {"closed": False}


@pytest.mark.parametrize(
    ("kind", "text"),
    [("ac", "residual current, ac"), ("dc", "residual current, dc"), ("self", "the residual current device is faulty")],
)
def test_residual_current_opens_at_once(kind: str, text: str) -> None:
    """6 mA of direct current blind an RCD upstream: the circuit is opened here, and a person has to look."""
    stage = live().forget().emit("rcd.tripped", kind=kind)
    assert stage.order("contactor.set") == {"closed": False}
    assert reason(stage) == (text, False)
    moved(stage, False)
    stage.run(1).emit("rcd.tripped", kind=kind).post("close").post("open").post("emergency_off")
    assert stage.active("faulty")
    stage.post("reset")
    assert stage.order("rcd.reset") == {}
    assert stage.active("off")
    assert stage.post("close").children() == []
    assert not stage.unhandled


def test_an_adapter_that_fails_opens_too() -> None:
    stage = live().forget().breaks("meter", "the meter is gone")
    assert stage.order("contactor.set") == {"closed": False}
    assert reason(stage) == ("the meter is gone", False)
    moved(stage.breaks("meter", "again"), False)
    assert len(stage.told("fault")) == 1


def test_too_much_current_opens_and_is_the_vehicles_doing() -> None:
    stage = live().forget().child("watch.exceeded")
    assert stage.order("contactor.set") == {"closed": False}
    assert stage.told("tripped") == [{"reason": "the vehicle draws more than it is offered"}]
    moved(stage, False)
    assert stage.active("off")
    assert not stage.told("fault")


def test_the_limit_by_message_reaches_the_watch() -> None:
    """What was said before it began, and since."""
    stage = output().post("limit", current=9.0).post("close").finish("test", passed=True)
    assert stage.input("watch")["message_limit"] == 9.0
    stage.post("limit", current=7.0)
    assert stage.order("watch.limit") == {"current": 7.0}
    assert stage.data("message_limit") == 7.0


def test_does_not_close() -> None:
    """Another fault than one that does not open."""
    stage = output().post("close").finish("test", passed=True).run(0.499)
    assert not stage.told("fault")
    assert reason(stage.run(0.002)) == ("the contactor does not close", False)
    assert not stage.ordered("breaker.trip")
    stage.run(1)
    assert stage.active("faulty")


def test_does_not_open() -> None:
    """A silent weld: the plug would be live in the user's hand (SmartEVSE-3 #26). The breaker upstream goes."""
    stage = live().forget().post("open").run(0.099)
    assert not stage.told("fault")
    stage.run(0.002)
    assert reason(stage) == ("the contactor does not open", True)
    assert stage.ordered("breaker.trip") == [{}]
    stage.forget().emit("rcd.tripped", kind="ac").breaks("meter").post("close").post("open").post("emergency_off")
    stage.emit("contactor.closed").post("reset")
    assert reason(stage) == ("the contactor does not open", True)
    assert stage.active("welded")
    moved(stage, False)
    assert stage.active("welded")
    assert stage.post("reset").active("off")
    assert not stage.unhandled


def test_a_fault_while_closed_that_does_not_open() -> None:
    stage = live().forget().emit("rcd.tripped", kind="dc").run(0.099)
    assert not stage.ordered("breaker.trip")
    stage.run(0.002)
    assert stage.ordered("breaker.trip") == [{}]
    assert [told["closed"] for told in stage.told("fault")] == [False, True]


def test_found_closed() -> None:
    """After a restart, or later: nobody ordered it."""
    stage = Stage(FILE, {"contactor.is_closed": True})
    assert stage.active("welded")
    later = output()
    assert reason(later.emit("contactor.closed")) == ("the contactor does not open", True)


def test_opens_by_itself() -> None:
    assert reason(moved(live().forget(), False)) == ("the contactor opened by itself", False)


def test_phases_are_switched_without_voltage_only() -> None:
    stage = output().post("phases", count=3)
    assert stage.told("phases_switched") == [{}]
    assert not stage.ordered("phase_switch.set")
    stage.forget().post("phases", count=1).post("open").post("emergency_off")
    assert stage.order("phase_switch.set") == {"count": 1}
    assert not stage.told("phases_switched")
    stage.values("phase_switch", count=1).emit("phase_switch.switched")
    assert stage.told("phases_switched") == [{}]
    loaded = live().forget().post("phases", count=1).post("reset")
    assert not loaded.orders
    assert loaded.active("live.closed")
    assert not stage.unhandled + loaded.unhandled


def test_phases_that_do_not_follow() -> None:
    stage = output().post("phases", count=1).run(1.9)
    assert not stage.told("fault")
    assert reason(stage.run(0.2)) == ("the phase switch does not follow", False)


def test_a_late_word_of_the_contactor_changes_nothing() -> None:
    stage = live().post("open").emit("contactor.closed").emit("contactor.opened")
    assert stage.active("opening")
    assert moved(stage, False).emit("contactor.opened").active("off")
    assert not stage.unhandled


def test_the_end_opens() -> None:
    stage = live().forget().stop()
    assert stage.order("contactor.set") == {"closed": False}


def test_a_meter_that_does_not_report() -> None:
    """Nobody looks at the current any more: opened, out of order, said why."""
    stage = live().forget().child("watch.unmeasured")
    assert stage.order("contactor.set") == {"closed": False}
    assert stage.told("fault") == [
        {"reason": "the meter does not report", "errorCode": "PowerMeterFailure", "closed": False}
    ]
