"""Scenarios of machines/power/dc_output.yaml: pre-charge and delivering.

Times and limits are the chart's parameters with their sources (IEC 61851-23 CC.3 to CC.5, 9.4, 101.2.1.5).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.dc_output import MS, checking, delivering, is_dead, off, precharging, what
from tests.scenarios.stage import Stage

# ---------------------------------------------------------------- pre-charge


def test_pre_charge_at_the_vehicles_voltage_and_at_most_2_a() -> None:
    """IEC 61851-23 CC.5.1: inrush is limited whatever the vehicle asks for."""
    stage = precharging(voltage=380.0, current=30.0)
    assert stage.order("supply.set") == {"voltage": 380.0, "current": 2.0}
    assert what(stage)[-2:] == ["supply.set", "supply.on"]
    assert precharging(current=1.5).order("supply.set") == {"voltage": 400.0, "current": 1.5}
    assert precharging(current=0.0).order("supply.set") == {"voltage": 400.0, "current": 0.5}
    assert precharging(voltage=900.0).order("supply.set") == {"voltage": 500.0, "current": 1.0}


def test_pre_charge_follows_another_target_and_ignores_the_same() -> None:
    """A vehicle repeats PreChargeReq every 100 ms: the supply is told again only when something has changed."""
    stage = precharging(400.0, 1.0).forget().post("pre_charge", voltage=400.0, current=1.0)
    assert stage.orders == []
    stage.post("pre_charge", voltage=405.0, current=1.0)
    assert stage.order("supply.set") == {"voltage": 405.0, "current": 1.0}
    stage.forget().post("pre_charge", voltage=405.0, current=1.5)
    assert stage.order("supply.set") == {"voltage": 405.0, "current": 1.5}


@pytest.mark.parametrize(("volts", "ready"), [(379.9, False), (380.0, True), (420.0, True), (420.1, False)])
def test_power_on_within_20_v_of_the_vehicles_voltage(volts: float, ready: bool) -> None:
    """IEC 61851-23 CC.5.1: the vehicle closes its contactor over a difference below 20 V."""
    stage = precharging().values("supply", present_voltage=volts).post("power_on")
    assert (stage.told("power_ready") == [{}]) is ready
    assert stage.active("energised.delivering") is ready


def test_power_on_waits_for_the_voltage() -> None:
    """A vehicle that asks early (Josev does) is answered when the voltage is there, looked at every 50 ms."""
    stage = precharging().values("supply", present_voltage=100.0).post("power_on").post("power_on")
    assert stage.active("energised.pre_charge.awaited")
    assert stage.unhandled == []
    stage.run(1.0).values("supply", present_voltage=400.0)
    assert stage.told("power_ready") == []
    stage.run(0.05)
    assert stage.told("power_ready") == [{}]
    assert stage.times("power_ready") == [pytest.approx(stage.now_s)]


def test_power_on_is_refused_when_the_voltage_does_not_come() -> None:
    """The answer comes inside V2G_SECC_PowerDelivery_Performance_Time (1.5 s): 1.4 s and not later."""
    stage = precharging().forget().post("power_on").run(1.4 - MS)
    assert stage.said == []
    stage.run(MS)
    assert stage.told("power_refused") == [{"reason": "the output is not at the pre-charge voltage"}]
    assert stage.active("way_down")


def test_pre_charge_ignores_a_demand_and_the_closed_contactor() -> None:
    stage = precharging().forget()
    before = stage.states
    stage.post("demand", voltage=450.0, current=100.0).emit("contactor.closed")
    assert (stage.states, stage.orders, stage.said, stage.unhandled) == (before, [], [], [])


# ---------------------------------------------------------------- current demand


def test_the_current_rises_by_20_a_every_200_ms() -> None:
    """IEC 61851-23 101.2.1.5: at most 100 A/s up."""
    stage = delivering(current=110.0)
    for expected in (20.0, 40.0, 60.0, 80.0, 100.0, 110.0, 110.0):
        stage.forget().run(0.2 - MS)
        assert stage.orders == []
        stage.run(MS)
        assert stage.ordered("supply.set") == [{"voltage": 400.0, "current": expected}]
        assert stage.ordered("contactor.keep_alive") == [{}]
        stage.values("supply", present_current=expected)


def test_less_is_set_at_once() -> None:
    """A vehicle that asks for less must not get the more for another period."""
    stage = delivering(current=110.0).run(2.05).values("supply", present_current=110.0).forget()
    stage.post("demand", voltage=390.0, current=110.0)
    assert stage.ordered("supply.set") == [{"voltage": 390.0, "current": 110.0}]
    stage.forget().post("demand", voltage=395.0, current=10.0)
    assert stage.ordered("supply.set") == [{"voltage": 390.0, "current": 10.0}], "what rises waits for its period"
    stage.forget().post("demand", voltage=395.0, current=10.0).post("demand", voltage=395.0, current=60.0)
    assert stage.ordered("supply.set") == []
    stage.run(0.15)
    assert stage.ordered("supply.set") == [{"voltage": 395.0, "current": 30.0}]
    stage.forget().post("demand", voltage=900.0, current=0.0)
    assert stage.ordered("supply.set") == [{"voltage": 395.0, "current": 0.0}]


def test_less_is_set_within_the_supply_s_limits() -> None:
    stage = delivering(voltage=600.0, current=50.0).run(1.0).forget()
    stage.post("demand", voltage=550.0, current=50.0)
    assert stage.ordered("supply.set") == [{"voltage": 500.0, "current": 50.0}]


def test_a_falling_current_is_no_overcurrent() -> None:
    """The supply needs its time for the way down: 80 A in a period are not an excess, what stays above that is one."""
    stage = delivering(current=125.0).run(2.0).values("supply", present_current=125.0)
    stage.post("demand", voltage=400.0, current=0.0)
    for still in (59.0, 14.0, 14.0, 14.0, 14.0, 14.0):
        stage.values("supply", present_current=still).run(0.2)
    assert stage.active("energised.delivering")
    stage = delivering(current=125.0).run(2.0).values("supply", present_current=125.0)
    stage.post("demand", voltage=400.0, current=0.0).run(0.6)
    assert stage.active("energised.delivering")
    stage.run(0.2)
    assert stage.told("fault") == [{"reason": "overvoltage or overcurrent", "errorCode": "OverCurrentFailure"}]


# ---------------------------------------------------------------- the vehicle's maximum voltage


@pytest.mark.parametrize("live", [precharging, delivering])
@pytest.mark.parametrize(
    ("said", "maximum"), [([], 500.0), ([420.0], 420.0), ([420.0, 410.0], 410.0), ([800.0], 800.0)]
)
def test_the_newest_maximum_is_watched(live: Any, said: list[float], maximum: float) -> None:
    """The supply's own where none was said; what is said before the output is live counts, too."""
    stage = off()
    for voltage in said:
        stage.post("voltage_limit", voltage=voltage)
    live(stage=stage)
    assert stage.input("watch")["maximum"] == maximum
    stage.forget().post("voltage_limit", voltage=405.0)
    assert stage.ordered("watch.limit") == [{"voltage": 405.0}]
    stage.post("power_off").post("voltage_limit", voltage=300.0)
    assert len(stage.ordered("watch.limit")) == 1
    assert "watch" not in stage.children()
    assert stage.unhandled == []


@pytest.mark.parametrize("live", [precharging, delivering])
def test_output_above_the_vehicle_s_maximum(live: Any) -> None:
    """A supply that gives more than the battery stands: off in the same step, and out of order."""
    stage = live().post("voltage_limit", voltage=400.0).forget()
    stage.values("supply", present_voltage=411.0).ends("watch")
    is_dead(stage)
    assert stage.told("fault") == [
        {"reason": "output voltage above the maximum of the vehicle", "errorCode": "OverVoltage"}
    ]
    assert stage.told("tripped") == []
    assert stage.active("emergency")


def test_vehicle_lowers_its_maximum_below_the_output() -> None:
    """Off in the same step; but no vehicle can put a station out of order by what it says."""
    stage = delivering().post("voltage_limit", voltage=250.0).forget().ends("watch")
    is_dead(stage)
    assert stage.told("tripped") == [{"reason": "the vehicle lowered its maximum voltage below the present one"}]
    assert stage.told("fault") == []
    stage.values("contactor", is_closed=False).values("supply", present_voltage=0.0).run(1.0)
    assert stage.told("is_off") == [{}]


def test_lowered_maximum_is_forgotten() -> None:
    """Said again at the output's voltage, or in the session before, it excuses no supply that runs away."""
    for late in (False, True):
        stage = off().post("voltage_limit", voltage=400.0)
        delivering(stage=stage).post("voltage_limit", voltage=399.0)
        if late:
            stage.post("voltage_limit", voltage=400.0)
        else:
            stage.post("emergency_off").values("contactor", is_closed=False)
            stage.values("supply", present_voltage=0.0).run(1.0)
            delivering(stage=stage)
        stage.forget().ends("watch")
        assert stage.told("fault") == [
            {"reason": "output voltage above the maximum of the vehicle", "errorCode": "OverVoltage"}
        ]


@pytest.mark.parametrize("excess_V", [5.1, 10.0, 25.0, 35.0, 200.0])
@pytest.mark.parametrize("live", [precharging, delivering])
def test_off_within_400_ms(live: Any, excess_V: float) -> None:
    """IEC 61851-23 CC.6.2, at any excess, with the watch itself."""
    stage = off("voltage_watch").post("voltage_limit", voltage=420.0)
    live(stage=stage).run(0.123).forget()
    began = stage.now_s
    stage.values("supply", present_voltage=420.0 + excess_V).run(0.4)
    (opened,) = stage.times("contactor.set")
    assert 0.2 < opened - began <= 0.3
    assert stage.told("fault")


def test_first_there_is_no_current() -> None:
    """After PowerDelivery nothing flows until the vehicle asks, whatever the pre-charge was told."""
    stage = delivering().run(0.2)
    assert stage.ordered("supply.set") == [{"voltage": 400.0, "current": 0.0}]


def test_demands_are_bounded_by_the_supply() -> None:
    """A vehicle that asks for 900 V and 400 A at a 500 V, 125 A outlet gets 500 V and 125 A."""
    stage = delivering().values("supply", present_voltage=500.0).post("demand", voltage=900.0, current=400.0).run(1.9)
    assert stage.order("supply.set") == {"voltage": 500.0, "current": 125.0}


@pytest.mark.parametrize(("celsius", "amperes"), [(74.9, 110.0), (75.0, 62.5), (89.9, 62.5)])
def test_half_the_current_above_75_degrees(celsius: float, amperes: float) -> None:
    """A hot station slows down before it stops."""
    stage = delivering(current=110.0).values("supply", temperature=celsius).run(1.9)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": amperes}
    assert stage.told("stop_due") == []


def test_a_small_demand_is_met_when_hot() -> None:
    stage = delivering(current=10.0).values("supply", temperature=80.0).run(1.9)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 10.0}


def test_without_a_demand_no_current_after_two_seconds() -> None:
    """A vehicle that has fallen silent would be charged on for the 60 s of the sequence timeout."""
    stage = delivering(current=50.0).run(2.0)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 50.0}
    stage.forget().run(0.2)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 0.0}
    stage.run(5.0)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 0.0}
    stage.post("demand", voltage=400.0, current=10.0).run(0.2)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 10.0}


def test_at_90_degrees_a_normal_stop_is_asked_for() -> None:
    """Too hot: the vehicle is asked to end the charge, the current is not cut."""
    stage = delivering(current=50.0).values("supply", temperature=90.0).run(0.2)
    assert stage.told("stop_due") == [{"reason": "over-temperature"}]
    assert stage.active("energised.delivering.control")


@pytest.mark.parametrize(
    ("voltage", "current"),
    [(430.1, 0.0), (400.0, 15.1)],
    ids=["30 V over the demanded voltage", "15 A over the set current"],
)
def test_an_excess_lasts_at_most_three_periods(voltage: float, current: float) -> None:
    """A supply that runs away is cut off after 0.8 s; one spike is not a fault."""
    stage = delivering().values("supply", present_voltage=voltage, present_current=current).run(0.6)
    assert stage.active("energised.delivering")
    stage.run(0.2 - MS)
    assert stage.active("energised.delivering")
    stage.run(MS)
    is_dead(stage)
    assert stage.told("fault") == [
        {"reason": "overvoltage or overcurrent", "errorCode": "OverVoltage" if voltage > 400 else "OverCurrentFailure"}
    ]
    assert stage.active("emergency")


def test_the_excess_is_counted_in_a_row() -> None:
    """Spikes that pass never add up to a stop."""
    stage = delivering()
    for _ in range(4):
        stage.values("supply", present_voltage=440.0).run(0.6)
        stage.values("supply", present_voltage=400.0).run(0.2)
    assert stage.active("energised.delivering")
    assert stage.told("fault") == []


def test_a_target_below_the_battery_is_no_overvoltage() -> None:
    """The vehicle's own doing, towards the end of many a charge: its battery keeps the voltage, no current flows."""
    stage = delivering().forget().post("demand", voltage=300.0, current=0.0).run(5.0)
    assert stage.active("energised.delivering")
    assert stage.order("supply.set") == {"voltage": 300.0, "current": 0.0}
    stage.values("supply", present_voltage=430.0).run(1.0)
    assert stage.active("energised.delivering")


@pytest.mark.parametrize(("stood", "rises_to"), [(400.0, 430.1), (350.0, 380.1), (200.0, 330.1)])
def test_what_rises_above_a_lowered_target_is_overvoltage(stood: float, rises_to: float) -> None:
    """30 V more than what had stood there, or than the target where that is more."""
    stage = delivering().forget().post("demand", voltage=300.0, current=0.0)
    stage.values("supply", present_voltage=stood).run(1.0).values("supply", present_voltage=rises_to - 0.2).run(1.0)
    stage.values("supply", present_voltage=stood).run(1.0)
    assert stage.active("energised.delivering")
    stage.values("supply", present_voltage=rises_to).run(0.8)
    assert stage.told("fault") == [{"reason": "overvoltage or overcurrent", "errorCode": "OverVoltage"}]


@pytest.mark.parametrize(("voltage", "current"), [(430.0, 0.0), (400.0, 15.0)])
def test_an_excess_at_the_limit_is_none(voltage: float, current: float) -> None:
    stage = delivering().values("supply", present_voltage=voltage, present_current=current).run(5.0)
    assert stage.active("energised.delivering")


def test_renegotiation_is_answered_while_delivering() -> None:
    """PowerDelivery(Start) after a renegotiation: ready at once, and a repeated pre-charge is no reason to stop."""
    stage = delivering(current=50.0).run(1.0).forget().post("power_on")
    assert stage.told("power_ready") == [{}]
    assert stage.active("energised.delivering.control")
    stage.post("pre_charge", voltage=300.0, current=1.0).run(0.2)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 50.0}
    assert stage.unhandled == []


def test_power_again_begins_without_current() -> None:
    """The second session of a plug-in starts at 0 A, not where the emergency cut the first one."""
    stage = delivering(current=125.0).run(1.9).post("emergency_off").values("contactor", is_closed=False)
    stage.values("supply", present_voltage=0.0).run(1.0).post("cable_check").finish("test", passed=True)
    stage.values("contactor", is_closed=True).emit("contactor.closed").values("supply", present_voltage=500.0).run(0.05)
    stage.emit("imd.measured", resistance=1000.0).values("supply", present_voltage=0.0).run(0.05)
    stage.post("pre_charge", voltage=400.0, current=1.0)
    stage.values("supply", present_voltage=400.0).forget().post("power_on").run(0.4)
    assert [order["current"] for order in stage.ordered("supply.set")] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(("kilo_ohm", "told"), [(39.99, True), (40.0, False)])
def test_insulation_while_live(kilo_ohm: float, told: bool) -> None:
    """IEC 61851-23 CC.5.1: 100 Ohm/V of 400 V; reported, and the vehicle is asked to stop."""
    stage = delivering(current=50.0).emit("imd.measured", resistance=kilo_ohm)
    assert (stage.told("insulation_fault") == [{}]) is told
    assert stage.told("stop_due") == ([{"reason": "insulation fault"}] if told else [])
    assert stage.active("energised.delivering")


def test_insulation_while_live_at_a_low_voltage() -> None:
    """Below 60 V the limit stays at 6 kOhm."""
    stage = precharging(voltage=10.0)
    stage.emit("imd.measured", resistance=6.0)
    assert stage.told("insulation_fault") == []
    stage.emit("imd.measured", resistance=5.99)
    assert stage.told("insulation_fault") == [{}]


@pytest.mark.parametrize("live", [precharging, delivering])
def test_the_contactor_opens_by_itself_while_live(live: object) -> None:
    """Dead-man or a broken coil: off in the same step, and a fault."""
    assert callable(live)
    stage: Stage = live().forget().values("contactor", is_closed=False)
    stage.emit("contactor.opened")
    is_dead(stage)
    assert stage.told("fault") == [{"reason": "the contactor opened by itself", "errorCode": "PowerSwitchFailure"}]
    assert "imd.stop" in what(stage)
    assert stage.active("emergency")


# ---------------------------------------------------------------- a computer that had no time


def late(stage: Stage, milliseconds: int) -> Stage:
    """The host says that it was late."""
    stage.system.was_late(milliseconds * 1_000_000)
    stage.system.run_due()
    return stage


@pytest.mark.parametrize("live", [precharging, delivering, lambda: checking("measuring")])
def test_the_contactor_opens_because_the_computer_was_late(live: object) -> None:
    """The dead-man did its work: all off at once, told as what it was, and nobody has to reset a sound output."""
    assert callable(live)
    stage: Stage = late(live().forget(), 640).run(0.1).values("contactor", is_closed=False)
    stage.emit("contactor.opened")
    is_dead(stage)
    assert stage.told("tripped") == [{"reason": "the host was late by 640 ms"}]
    assert stage.told("fault") == []
    assert not stage.unhandled


def test_a_late_computer_is_no_excuse_for_long() -> None:
    """A second later the contactor has no reason to open; the second counts from the last time."""
    stage = late(late(delivering(), 640).run(0.9), 120).run(0.9)
    stage.values("contactor", is_closed=False).emit("contactor.opened")
    assert stage.told("tripped") == [{"reason": "the host was late by 120 ms"}]
    stage = late(delivering(), 640).run(1.05).values("contactor", is_closed=False).emit("contactor.opened")
    assert stage.told("fault") == [{"reason": "the contactor opened by itself", "errorCode": "PowerSwitchFailure"}]
    assert stage.told("tripped") == []


# ---------------------------------------------------------------- a site's grant


def test_a_lower_grant_is_set_at_once_and_kept_while_it_holds() -> None:
    """20 kW at 400 V are 50 A, whatever the vehicle asks for."""
    stage = delivering(400.0, 100.0).run(1.2).forget().post("grant", power=20_000.0)
    assert stage.ordered("supply.set") == [{"voltage": 400.0, "current": 50.0}]
    stage.post("demand", voltage=400.0, current=120.0).run(1)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 50.0}
    stage.values("supply", present_voltage=500.0).run(0.2)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 40.0}


def test_a_higher_grant_rises_from_period_to_period() -> None:
    stage = delivering(400.0, 100.0).post("grant", power=20_000.0).run(1).post("demand", voltage=400.0, current=100.0)
    stage.forget().post("grant", power=36_000.0)
    assert stage.ordered("supply.set") == []
    stage.run(0.2)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 70.0}
    assert stage.run(1).order("supply.set") == {"voltage": 400.0, "current": 90.0}


def test_a_grant_before_the_charge_counts_in_it() -> None:
    stage = off().post("grant", power=8_000.0)
    assert stage.unhandled == []
    assert delivering(400.0, 100.0, stage).run(1).order("supply.set") == {"voltage": 400.0, "current": 20.0}


@pytest.mark.parametrize("volts", [250.0, 400.0, 420.0])
def test_a_limit_in_amperes_holds_at_whatever_voltage(volts: float) -> None:
    """In the step itself, while it stands, and beside a grant, which is watts."""
    stage = (
        delivering(400.0, 100.0).values("supply", present_voltage=volts).run(1.2).forget().post("limit", current=30.0)
    )
    assert stage.ordered("supply.set") == [{"voltage": 400.0, "current": 30.0}]
    stage.post("demand", voltage=400.0, current=120.0).run(1)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 30.0}
    stage.post("grant", power=10.0 * volts).run(0.4)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 10.0}
    stage.post("grant", power=100e3).forget().post("limit", current=60.0)
    assert stage.ordered("supply.set") == [], "more rises from period to period"
    stage.post("demand", voltage=400.0, current=120.0).run(1)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 60.0}


def test_a_limit_before_the_charge_counts_in_it() -> None:
    stage = off().post("limit", current=20.0)
    assert stage.unhandled == []
    assert delivering(400.0, 100.0, stage).run(1.2).order("supply.set") == {"voltage": 400.0, "current": 20.0}


def test_nothing_granted_is_no_current() -> None:
    stage = delivering(400.0, 100.0).run(1.2).values("supply", present_voltage=0.0).post("grant", power=0.0)
    assert stage.order("supply.set") == {"voltage": 400.0, "current": 0.0}
    assert stage.run(1).order("supply.set") == {"voltage": 400.0, "current": 0.0}
