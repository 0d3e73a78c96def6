"""Scenarios of machines/power/dc_output.yaml with a supply that falls silent: nothing is done, and nothing is said, by
what it measured long ago."""

from __future__ import annotations

import pytest

from tests.scenarios.dc_output import IN_CABLE_CHECK, MS, checking, delivering, is_dead, off, precharging, what
from tests.scenarios.stage import Stage

STALE_S = 1.1
"""From what age on the contract calls voltage and current of a supply stale."""
VALUES = ("present_voltage", "present_current")


def at(where: str) -> Stage:
    if where == "pre_charge":
        return precharging()
    if where in ("delivering", "ramping"):
        stage = delivering(current=50.0).values("supply", present_current=50.0)
        return stage.post("power_off") if where == "ramping" else stage
    return checking(where)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("where", [*IN_CABLE_CHECK, "good", "pre_charge", "delivering", "ramping"])
def test_a_supply_that_falls_silent_is_an_emergency(where: str, value: str) -> None:
    """The last voltage may be right, and the real one above what the battery stands."""
    stage = at(where).forget().emit("supply.stale", value=value)
    assert what(stage, "imd.stop") == ["supply.off", "contactor.set"]
    is_dead(stage)
    reason = [{"reason": f"power supply: {value} is stale"}]
    assert stage.told("fault") == [{**reason[0], "errorCode": "InternalError"}]
    assert stage.told("cable_check_bad") == (reason if where in (*IN_CABLE_CHECK, "good") else [])
    assert stage.active("emergency")


@pytest.mark.parametrize("value", VALUES)
def test_in_the_middle_of_a_charge_it_takes_1100_ms(value: str) -> None:
    """The slowest modules report every 500 ms: one lost report is no reason, the second is."""
    stage = delivering(current=50.0).silent("supply", value).run(STALE_S - MS)
    assert stage.active("energised.delivering.control")
    assert stage.said == []
    stage.forget().run(MS)
    is_dead(stage)
    assert stage.told("fault") == [{"reason": f"power supply: {value} is stale", "errorCode": "InternalError"}]
    stage.run(10.0)
    assert len(stage.told("fault")) == 2, "and that nobody knows whether it is live"
    assert stage.unhandled == []


@pytest.mark.parametrize("pause_s", [0.5, 1.0])
def test_a_slow_supply_charges(pause_s: float) -> None:
    stage = delivering(current=50.0)
    for _ in range(10):
        stage.silent("supply", *VALUES).run(pause_s).tells("supply")
        stage.post("demand", voltage=400.0, current=50.0)
    assert stage.active("energised.delivering.control")
    assert stage.said == []


# ---------------------------------------------------------------- at rest


def test_at_rest_it_may_be_silent() -> None:
    stage = off().silent("supply", *VALUES).run(60.0)
    assert (stage.orders[2:], stage.said, stage.unhandled) == ([], [], [])
    assert stage.active("off")


@pytest.mark.parametrize("value", VALUES)
def test_nothing_is_switched_on_when_nobody_would_see_what_it_gives(value: str) -> None:
    """The cable check is refused at once, with the reason, until the supply tells again."""
    stage = off().silent("supply", value).run(1.0 - MS).forget().post("cable_check")
    assert stage.active("cable_check.self_test")
    stage = off().silent("supply", value).run(1.0).forget().post("cable_check")
    assert stage.told("cable_check_bad") == [{"reason": "power supply: readings are stale"}]
    assert stage.orders == []
    assert stage.active("off")
    stage.run(60.0).tells("supply").forget().post("cable_check")
    assert stage.active("cable_check.self_test")
    assert stage.said == []


# ---------------------------------------------------------------- what is said to be dead


def emergency() -> Stage:
    stage = delivering(current=50.0).post("emergency_off").forget()
    return stage.values("supply", present_voltage=0.0, present_current=0.0).values("contactor", is_closed=False)


def left() -> Stage:
    stage = delivering(current=50.0).post("power_off").values("supply", present_current=0.0).forget()
    stage.post("pilot_lost")
    return stage.values("supply", present_voltage=0.0).values("contactor", is_closed=False)


WAYS = {"emergency stop": emergency, "left by the vehicle": left}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("part", ["supply.present_voltage", "contactor.is_closed"])
def test_an_output_that_nobody_can_read_is_not_said_to_be_off(way: str, part: str) -> None:
    """Its supply died, or the contactor's feedback: locked until somebody has looked, and told why."""
    stage = WAYS[way]()
    role, _, value = part.partition(".")
    delattr(stage.adapters[role], value)
    stage.run(1.0)
    assert stage.told("is_off") == []
    assert stage.told("fault") == [
        {"reason": f"{way}: nobody knows whether it is still live", "errorCode": "InternalError"}
    ]
    assert stage.active("faulty")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("measured_s", "known"), [(0.0, False), (MS, True), (0.9, True)])
def test_a_voltage_of_before_says_nothing(way: str, measured_s: float, known: bool) -> None:
    """Measured when the output was still on; any later one counts."""
    stage = WAYS[way]().run(measured_s).silent("supply", "present_voltage").run(1.0 - measured_s)
    assert stage.told("is_off") == ([{}] if known else [])
    assert stage.told("unfit") == (
        [] if known else [{"reason": f"{way}: nobody knows whether it is still live", "errorCode": "InternalError"}]
    )
    assert stage.told("fault") == []
    assert stage.active("off" if known else "unread")


def test_a_reset_before_the_supply_tells_again_helps_nothing() -> None:
    stage = emergency().silent("supply", "present_voltage").run(1.0).post("reset").run(1.0)
    assert stage.active("unread")
    stage.tells("supply").forget().post("reset").run(1.0)
    assert stage.active("off")
    assert stage.told("is_off") == [{}]
    assert stage.unhandled == []


UNKNOWN = "emergency stop: nobody knows whether it is still live"


def unread(way: str = "emergency stop") -> Stage:
    """The supply said its voltage last when the output was on, and says nothing."""
    stage = WAYS[way]().values("supply", present_voltage=400.0).silent("supply", *VALUES).run(1.0)
    assert stage.active("unread.silent")
    assert what(stage)[-2:] == ["supply.off", "contactor.set"]
    return stage.forget()


@pytest.mark.parametrize("way", WAYS)
def test_what_the_supply_measures_when_it_speaks_again_counts(way: str) -> None:
    """Dead, and nobody has to look at it."""
    stage = unread(way).run(60.0)
    assert (stage.orders, stage.said) == ([], [])
    stage.values("supply", present_voltage=59.9).tells("supply").run(0.05)
    assert stage.active("off")
    assert [name for _, name, _ in stage.said] == ["is_off", "fit"]
    assert stage.unhandled == []


def test_a_voltage_that_falls_once_the_supply_is_heard() -> None:
    stage = unread().tells("supply").run(2.4)
    assert stage.active("unread.heard")
    stage.values("supply", present_voltage=0.0).run(0.05)
    assert stage.active("off")
    assert stage.told("fault") == []


def test_a_voltage_that_stays_is_a_fault() -> None:
    """Now it is known: its modules do not switch off. Only a person helps."""
    stage = unread().tells("supply").values("supply", present_voltage=60.0).run(2.549)
    assert stage.told("fault") == []
    stage.run(0.002)
    assert stage.told("fault") == [
        {"reason": "the supply is heard again, and its output is still live", "errorCode": "InternalError"}
    ]
    stage.values("supply", present_voltage=0.0).forget().run(60.0)
    assert (stage.active("faulty"), stage.said) == (True, [])


def test_a_supply_that_falls_silent_again() -> None:
    stage = unread().tells("supply").run(0.05).silent("supply", *VALUES).run(1.05)
    assert stage.active("unread.silent")
    stage.run(60.0)
    assert stage.told("fault") == []


def test_a_supply_that_is_back_and_lacks_something_is_unfit() -> None:
    stage = unread().emit("supply.alarm", code="communication", text="no module")
    assert stage.told("unfit") == [{"reason": UNKNOWN + "; power supply: no module", "errorCode": "InternalError"}]
    stage.forget().values("supply", present_voltage=0.0).tells("supply").run(0.05)
    assert [name for _, name, _ in stage.said] == ["is_off", "unfit"]
    stage.forget().emit("supply.alarm_cleared")
    assert [name for _, name, _ in stage.said] == ["fit"]


@pytest.mark.parametrize("what_else", ["alarm", "broken", "contactor", "feedback"])
def test_what_a_person_has_to_look_at_while_nobody_knows(what_else: str) -> None:
    """A welded contactor, one that cannot be read, a supply that takes no order, or says that it does not go off."""
    stage = unread()
    if what_else == "alarm":
        stage.emit("supply.alarm", code="other", text="module 1: does not switch off")
    elif what_else == "broken":
        stage.breaks("supply")
    elif what_else == "contactor":
        stage.values("contactor", is_closed=True).post("emergency_off")
    else:
        delattr(stage.adapters["contactor"], "is_closed")
        stage.values("supply", present_voltage=0.0).tells("supply").run(3.0)
    assert stage.active("faulty")
    reason = {
        "alarm": UNKNOWN + "; power supply: module 1: does not switch off",
        "feedback": "the supply is heard again, and its output is still live",
    }.get(what_else, UNKNOWN)
    assert stage.told("fault") == [{"reason": reason, "errorCode": "InternalError"}]
    assert stage.told("is_off") == []


def test_while_nobody_knows_nothing_is_switched_on_and_nothing_else_is_told() -> None:
    stage = unread().post("cable_check").post("power_on").emit("contactor.opened").emit("imd.fault", text="x")
    assert stage.told("cable_check_bad") == stage.told("power_refused") == [{"reason": UNKNOWN}]
    stage.forget().post("emergency_off").post("pilot_lost").emit("supply.stale", value="present_voltage")
    assert (stage.orders, stage.said, stage.unhandled) == ([], [], [])
    stage.post("power_off")
    assert stage.told("current_off") == [{}], "nothing flows through an open contactor"
    assert stage.post("reset").active("emergency")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", VALUES)
def test_more_silence_changes_nothing(way: str, value: str) -> None:
    stage = WAYS[way]().forget().emit("supply.stale", value=value)
    assert (stage.orders, stage.said, stage.unhandled) == ([], [], [])
    stage.run(1.0)
    assert stage.active("off")


@pytest.mark.parametrize("where", ["emergency", "faulty"])
@pytest.mark.parametrize(
    ("age_s", "closed", "told"),
    [(1.0 - MS, True, True), (1.0 - MS, False, True), (1.0, True, False), (1.0, False, True)],
)
def test_no_current_is_said_to_be_down_by_what_flowed_before(
    where: str, age_s: float, closed: bool, told: bool
) -> None:
    """The vehicle would open its contactors under load; but an open contactor says it as well as a meter."""
    stage = emergency().values("supply", present_voltage=100.0).values("contactor", is_closed=closed)
    if where == "faulty":
        stage.run(1.0)
        assert stage.active("faulty")
    stage.silent("supply", "present_current")
    if where == "emergency":
        stage.adapters["supply"].heard_ns["present_current"] -= round(age_s * 1e9)
    else:
        stage.run(age_s)
    stage.forget().emit("supply.stale", value="present_current").post("power_off")
    assert stage.active(where)
    assert stage.told("current_off") == ([{}] if told else [])
    assert stage.unhandled == []


# ---------------------------------------------------------------- a supply that is lost


def lost(where: str, closed: bool) -> Stage:
    """The chart behind the supply has died in the middle of a charge: it takes no order, nothing can be read of it."""
    stage = delivering(current=50.0).values("supply", present_current=50.0).breaks("supply").breaks("supply")
    stage.values("contactor", is_closed=closed)
    for value in VALUES:
        delattr(stage.adapters["supply"], value)
    return stage.run(1.0 if where == "faulty" else 0.5).forget()


@pytest.mark.parametrize("where", ["emergency", "faulty"])
@pytest.mark.parametrize("closed", [False, True])
def test_a_lost_supply_has_no_current_behind_an_open_contactor(where: str, closed: bool) -> None:
    """Nobody waits for a word of a supply that is gone; behind a welded contactor nobody is told that it is safe."""
    stage = lost(where, closed)
    assert stage.active(where)
    stage.post("power_off")
    assert stage.told("current_off") == ([] if closed else [{}])
    assert (stage.told("is_off"), stage.unhandled) == ([], [])


@pytest.mark.parametrize(("closed", "why"), [(False, "nobody knows whether it is still live"), (True, "still live")])
def test_a_lost_supply_leaves_the_output_faulty(closed: bool, why: str) -> None:
    stage = lost("emergency", closed).run(0.5)
    assert stage.active("faulty")
    assert stage.told("fault") == [
        {"reason": f"emergency stop: {why}", "errorCode": "PowerSwitchFailure" if closed else "InternalError"}
    ]
    assert stage.unhandled == []


def test_a_supply_that_is_back_is_believed_again_after_a_reset() -> None:
    stage = lost("faulty", False).values("supply", present_voltage=0.0, present_current=0.0)
    stage.post("reset").run(1.0)
    assert stage.active("off")
    assert stage.told("is_off") == [{}]


def test_a_supply_that_takes_the_next_order_was_not_lost() -> None:
    """One order went wrong on the bus: what it measures counts."""
    stage = delivering(current=50.0).breaks("supply").values("contactor", is_closed=False)
    stage.values("supply", present_voltage=0.0, present_current=0.0).run(1.0)
    assert stage.active("off")
