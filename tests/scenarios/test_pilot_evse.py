"""Scenarios of machines/pilot/evse.yaml: what the station reads from the pilot line, and whom it tells when."""

from __future__ import annotations

from typing import Any

import pytest

import engine
from engine.semantics.errors import ParameterError
from tests.scenarios.stage import Stage

BANDS_V = {"A": (11.0, 13.0), "B": (8.0, 10.0), "C": (5.0, 7.0), "D": (2.0, 4.0), "E": (-1.0, 1.0)}
"""IEC 61851-1 Table A.2; a level between two bands is neither, and the state stays."""
NOMINAL_V = {"A": 12.0, "B": 9.0, "C": 6.0, "D": 3.0, "E": 0.0}
STATE = {"A": "vehicle.A", "B": "vehicle.B", "C": "vehicle.ready.C", "D": "vehicle.ready.D", "E": "vehicle.E"}
EDGES_V = [edge + beside for band in BANDS_V.values() for edge in band for beside in (-0.1, 0.0, 0.1)]


class Pilot(Stage):
    """The station's pilot chart; ``level`` is a measurement, with -12 V below when there is PWM."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__("machines/pilot/evse.yaml", {"pilot.high": 12.0, "pilot.low": 12.0}, **parameters)

    def level(self, high: float, low: float | None = None) -> Pilot:
        """A moved level; steady without ``low``."""
        low = high if low is None else low
        self.values("pilot", high=high, low=low)
        self.emit("pilot.levels", high=high, low=low)
        return self

    def shows(self, *states: str, hold_s: float = 0.0) -> Pilot:
        """The vehicle goes through these states at a steady pilot, each held so long."""
        for state in states:
            self.level(NOMINAL_V[state]).run(hold_s)
        return self

    @property
    def vehicle(self) -> str:
        """The state of the last measurement."""
        return next(letter for letter, state in STATE.items() if self.active(state))

    @property
    def reported(self) -> list[str]:
        """What the communication was told."""
        return [data["state"] for data in self.told("state")]

    @property
    def duties(self) -> list[float]:
        return [order["duty"] for order in self.ordered("pilot.set_duty")]


def at(state: str) -> Pilot:
    """The vehicle has been in this state for a while, at x1."""
    stage = Pilot()
    if state != "A":
        stage.shows(state)
    stage.run(2)
    assert (stage.vehicle, stage.active("report.stable")) == (state, True)
    stage.forget()
    return stage


# ---------------------------------------------------------------- levels to states


@pytest.mark.parametrize("start", BANDS_V)
def test_every_edge_of_the_bands(start: str) -> None:
    """A level on the edge of a band is that state, 0.1 V beside it the old state stays (IEC 61851-1 Table A.2), and the
    power path hears in the same step when C or D is left, and never otherwise."""
    for volts in (volts for volts in EDGES_V if volts <= 13.0):
        expected = next((state for state, (low, high) in BANDS_V.items() if low <= volts <= high), start)
        stage = at(start).level(volts)
        assert stage.vehicle == expected, f"{start} at {volts} V"
        left = start in "CD" and expected not in "CD"
        assert stage.times("power_lost") == ([stage.now_s] if left else []), f"{start} at {volts} V"
        stage.run(1)
        assert stage.reported == ([expected] if expected != start else []), f"{start} at {volts} V"


@pytest.mark.parametrize("start", "BCD")
@pytest.mark.parametrize("volts", [-1.1, -3.0, -6.0, -10.9, -12.0])
def test_below_all_bands_is_no_vehicle_while_a_duty_is_shown(start: str, volts: float) -> None:
    """A line that something pulls to -12 V, or that hangs between -1 V and -11 V, ends the power as a short does; at x1
    and F it may be an old sample of the station's own F."""
    stage = at(start).post("hlc").level(NOMINAL_V[start], -12.0).run(1)
    stage.forget()
    stage.level(volts, -12.0)
    assert (stage.vehicle, stage.times("power_lost")) == ("E", [stage.now_s] if start in "CD" else [])
    assert stage.run(1).reported == ["E"]
    assert at(start).level(volts).vehicle == start


def test_the_same_state_again_tells_nothing() -> None:
    """Noise inside a band neither restarts a debounce nor tells anybody."""
    for state, (low, high) in BANDS_V.items():
        stage = at(state).level(low).level(high)
        assert stage.active("report.stable")
        stage.run(1)
        assert stage.said == []


def test_x1_and_nobody_there_at_the_start() -> None:
    """A station that starts shows +12 V and takes the outlet as free, without telling so."""
    stage = Pilot()
    assert stage.duties == [100.0]
    assert (stage.vehicle, stage.active("report.stable"), stage.active("signal.x1")) == ("A", True, True)
    stage.post("hlc").run(1)
    assert stage.said == []
    assert stage.orders[-1].args == {"duty": 5.0}
    assert stage.active("diode_check.good")


@pytest.mark.parametrize(("order", "cleared"), [("fault", "x1"), ("fault", "hlc"), ("step_ef", "")])
def test_no_state_e_while_the_pilot_is_low(order: str, cleared: str) -> None:
    """At -12 V a level near 0 V is no vehicle's answer. A short that came meanwhile is told as soon as the pilot is
    positive again, though no level moves then."""
    stage = at("B").post(order).level(0.0).run(1)
    assert (stage.vehicle, stage.reported) == ("B", [])
    if cleared:
        stage.post(cleared)
    else:
        stage.run(3)
    assert (stage.vehicle, stage.reported) == ("E", [])
    stage.run(0.05)
    assert stage.reported == ["E"]


@pytest.mark.parametrize(("volts", "state"), [(-1.1, "B"), (-1.0, "E"), (1.0, "E"), (1.1, "B")])
def test_what_is_a_short_after_the_pilot_was_low(volts: float, state: str) -> None:
    """The look at the line after F uses the band of state E, and nothing else."""
    stage = at("B").post("fault").level(volts).post("x1")
    assert stage.vehicle == state


@pytest.mark.parametrize(("before", "order"), [("fault", "fault"), ("fault", "step_ef"), ("step_ef", "fault")])
def test_from_low_to_low_is_not_positive(before: str, order: str) -> None:
    """F and the low part of T_step_EF after each other: the line is still not judged."""
    stage = at("B").post(before).level(0.0).run(1).post(order).run(1)
    assert (stage.vehicle, stage.reported) == ("B", [])


@pytest.mark.parametrize("state", ["E", "diode"])
def test_what_was_known_before_f_is_not_told_again(state: str) -> None:
    """A short or a missing diode that lasted through F is the fault the supervisor knows already."""
    stage = at("B")
    stage.shows("E") if state == "E" else stage.post("hlc").level(6.0, -6.0)
    stage.run(1).forget().post("fault").level(0.0).run(1).post("x1").run(1)
    assert stage.said == []
    assert stage.active(f"vehicle.{state}")


def test_a_short_while_the_power_is_on() -> None:
    """C to 0 V at a working pilot: power off at once, the communication after the debounce."""
    stage = at("C").level(0.0)
    assert stage.times("power_lost") == [2.0]
    stage.run(0.05)
    assert stage.reported == ["E"]


# ---------------------------------------------------------------- what the communication is told


def test_plug_in_is_told_after_the_debounce() -> None:
    """B counts when it has held for 50 ms."""
    stage = at("A").shows("B").run(0.049)
    assert stage.reported == []
    stage.run(0.001)
    assert stage.reported == ["B"]
    assert stage.active("report.stable")


def test_what_did_not_last_is_counted() -> None:
    """For maintenance: a noisy line shows before it does harm."""
    stage = at("B").shows("C").run(0.03).shows("B").run(1)
    assert stage.data("bounces") == 1
    stage.shows("A").run(0.03).shows("B").run(0.03).shows("A").run(0.03).shows("B").run(1)
    assert (stage.data("bounces"), stage.reported) == (4, [])
    assert stage.shows("C").run(1).data("bounces") == 4


def test_each_new_state_starts_the_debounce_anew() -> None:
    """What is told is the state that held, once, not those on the way."""
    stage = at("B").shows("C").run(0.03).shows("D").run(0.049)
    assert stage.reported == []
    stage.run(0.001)
    assert stage.reported == ["D"]


def test_a_flicker_is_not_told() -> None:
    """B to C and back within the debounce is nothing to the communication; the power path heard it."""
    stage = at("B").shows("C").run(0.02).shows("B").run(0.05)
    assert stage.reported == []
    assert stage.times("power_lost") == [2.02]
    assert stage.active("report.stable")


def test_unplugged_is_told_after_the_grace() -> None:
    """A has to hold for 500 ms (slac fault 47), the power path hears at once."""
    stage = at("C").shows("A")
    assert stage.times("power_lost") == [2.0]
    stage.run(0.499)
    assert stage.reported == []
    stage.run(0.001)
    assert stage.reported == ["A"]
    assert stage.active("report.stable")


def test_a_bounce_to_a_keeps_the_communication() -> None:
    """47: out for 499 ms and in again is no unplug, and the next change is told as fast as ever."""
    stage = at("B").shows("A").run(0.499).shows("B").run(0.05)
    assert stage.reported == []
    assert stage.active("report.stable")
    stage.shows("C").run(0.05)
    assert stage.reported == ["C"]


def test_back_from_a_bounce_in_another_state() -> None:
    """The state after the bounce needs the debounce, not the grace."""
    stage = at("C").shows("A").run(0.1).shows("B").run(0.049)
    assert stage.reported == []
    stage.run(0.001)
    assert stage.reported == ["B"]


def test_unplugged_while_the_debounce_runs() -> None:
    """Out of a state that has not settled: the grace, from the unplugging."""
    stage = at("B").shows("C").run(0.03).shows("A").run(0.499)
    assert stage.reported == []
    stage.run(0.001)
    assert stage.reported == ["A"]


def test_a_plug_that_only_touches() -> None:
    """In for less than the debounce: no vehicle was ever there."""
    stage = at("A").shows("B").run(0.04).shows("A").run(1)
    assert stage.reported == []
    assert stage.active("report.stable")
    stage.shows("B").run(0.05)
    assert stage.reported == ["B"]


# ---------------------------------------------------------------- the diode


def talking() -> Pilot:
    """Plugged, 5 %, a good diode."""
    stage = at("B")
    stage.post("hlc").level(9.0, -12.0).run(1).forget()
    assert stage.active("diode_check.good")
    return stage


def test_no_diode_is_told_after_the_debounce_once() -> None:
    """48: the low level does not reach -12 V: no vehicle, state E, and only unplugging clears it."""
    stage = talking().level(9.0, -8.8).run(0.049)
    assert stage.said == []
    stage.run(0.001)
    assert stage.times("diode_fault") == [3.05]
    assert stage.active("vehicle.diode")
    assert stage.active("diode_check.good")
    stage.run(1)
    assert stage.reported == ["E"]
    stage.post("fault").post("x1")
    for state in "BCDE":
        assert stage.shows(state, hold_s=0.6).active("vehicle.diode"), state
    stage.level(10.9)
    assert stage.active("vehicle.diode")
    stage.level(11.0).run(0.5)
    assert stage.reported == ["E", "A"]
    stage.shows("B").run(0.05)
    assert stage.reported == ["E", "A", "B"]
    assert len(stage.told("diode_fault")) == 1


def test_a_bad_diode_is_a_lost_vehicle_for_the_power_path() -> None:
    """Under power a low level that no longer reaches -12 V opens the contactor."""
    stage = talking().level(6.0, -12.0).run(1).forget().level(6.0, -6.0).run(0.05)
    assert [what for _, what, _ in stage.said] == ["power_lost", "diode_fault"]
    stage.run(0.05)
    assert stage.reported == ["E"]


@pytest.mark.parametrize(
    ("high", "low", "suspicious"),
    [
        (9.0, -11.0, False),
        (9.0, -10.9, True),
        (10.0, -8.0, False),
        (9.9, -8.0, True),
        (1.0, 1.0, False),
        (1.1, -1.0, True),
    ],
)
def test_which_sample_is_suspicious(high: float, low: float, suspicious: bool) -> None:
    """Low levels above -11 V while a vehicle's resistance is there: without one, or with a short, there is no diode to
    judge."""
    stage = talking().level(high, low)
    assert stage.active("diode_check.suspect") is suspicious
    stage.run(0.05)
    assert len(stage.told("diode_fault")) == suspicious


@pytest.mark.parametrize(
    ("high", "low", "faults"),
    [
        (9.0, -11.0, 0),
        (9.0, -10.9, 1),
        (10.0, -9.0, 0),
        (9.9, -9.0, 1),
        (1.0, 0.0, 0),
        (1.1, 0.0, 1),
    ],
)
def test_the_second_sample_decides(high: float, low: float, faults: int) -> None:
    """One bad sample may stem from before the PWM, or from a plug or a short on its way: what follows it counts."""
    stage = talking().level(9.0, 9.0).run(0.03).level(high, low)
    assert stage.active("diode_check.good") is (faults == 0)
    stage.run(0.02)
    assert len(stage.told("diode_fault")) == faults


def test_no_judgement_without_pwm() -> None:
    """Steady +12 V has no low level to judge, and a PWM that goes away takes the suspicion with it."""
    stage = at("B").level(8.5)
    assert stage.active("diode_check.good")
    stage = talking().level(9.0, 9.0).post("x1").level(8.9)
    assert stage.active("diode_check.good")
    stage = talking().level(9.0, 9.0).post("x1").run(0.05)
    assert stage.active("diode_check.good")
    assert stage.told("diode_fault") == []
    stage.post("hlc").run(1)
    assert stage.told("diode_fault") == []
    stage.level(9.0, -8.8).run(0.05)
    assert len(stage.told("diode_fault")) == 1


# ---------------------------------------------------------------- BCB toggle


@pytest.mark.parametrize(
    ("held_s", "toggles"), [(0.149, 0), (0.15, 1), (0.2, 1), (0.4, 1), (0.449, 1), (0.45, 0), (0.7, 0)]
)
def test_a_toggle_is_c_for_200_to_400_ms(held_s: float, toggles: int) -> None:
    """44: B-C-B wakes the station when C lasted as ISO 15118-3 has it, with 50 ms of tolerance."""
    stage = at("B").shows("C").run(held_s).shows("B")
    assert len(stage.told("bcb_toggle")) == toggles
    stage.run(1)
    assert len(stage.told("bcb_toggle")) == toggles
    assert stage.active("toggle.idle")


def test_each_toggle_counts_for_itself() -> None:
    """Two good ones wake twice; a short flicker behind a good one is no second one."""
    stage = at("B").shows("C").run(0.3).shows("B").run(0.3).shows("C").run(0.3).shows("B")
    assert stage.times("bcb_toggle") == [2.3, 2.9]
    stage.run(0.1).shows("C").run(0.12).shows("B")
    assert stage.times("bcb_toggle") == [2.3, 2.9]


def test_two_flickers_are_no_toggle() -> None:
    """C for 100 ms, twice: neither is long enough, and the first is forgotten when the second comes."""
    stage = at("B").shows("C").run(0.1).shows("B").run(0.2).shows("C").run(0.1).shows("B").run(1)
    assert stage.told("bcb_toggle") == []


@pytest.mark.parametrize("through", "AE")
def test_no_toggle_through_another_state(through: str) -> None:
    """C that ends in A or E is an unplug or a fault, whatever comes afterwards."""
    early = at("B").shows("C").run(0.1).shows(through).run(0.1).shows("B")
    late = at("B").shows("C").run(0.2).shows(through).run(0.2).shows("B")
    for stage in (early, late):
        stage.run(1)
        assert stage.told("bcb_toggle") == []


def test_no_toggle_by_a_vehicle_that_was_plugged_in_ready() -> None:
    """A toggle starts from B; C right after the plug-in, or out of D, is a vehicle that wants power."""
    stage = at("A").shows("C").run(0.3).shows("B").run(1)
    assert stage.told("bcb_toggle") == []
    stage = at("D").shows("C").run(0.3).shows("B").run(1)
    assert stage.told("bcb_toggle") == []


# ---------------------------------------------------------------- what the station shows


@pytest.mark.parametrize(
    ("order", "state", "duty"),
    [
        ("x1", "signal.x1", 100.0),
        ("hlc", "signal.pwm.hlc", 5.0),
        ("fault", "signal.unavailable", 0.0),
        ("step_ef", "signal.step_ef.low", 0.0),
        ("step_x1", "signal.step_x1", 100.0),
    ],
)
@pytest.mark.parametrize("before", ["x1", "hlc", "fault", "step_ef", "step_x1"])
def test_every_order_is_shown_at_once_whatever_was_before(before: str, order: str, state: str, duty: float) -> None:
    """The supervisor's word counts: x1 is +12 V, F is -12 V, digital communication is 5 % (IEC 61851-1 Table A.3)."""
    stage = at("B").post(before).forget().post(order)
    assert stage.duties == [duty]
    assert stage.active(state)
    stage.run(0.7)
    assert stage.duties == [duty]
    assert stage.said == []
    assert stage.unhandled == []


def test_the_duty_of_digital_communication_is_a_parameter() -> None:
    """A bench that needs 4.5 % gets it."""
    assert Pilot(D_HLC=4.5).post("hlc").order("pilot.set_duty") == {"duty": 4.5}


def test_t_step_ef() -> None:
    """43: F for 4 s, then x1 for 750 ms, then the supervisor goes on (ISO 15118-3 Table 3)."""
    stage = at("B").post("hlc").forget().post("step_ef").run(3.999)
    assert stage.duties == [0.0]
    stage.run(0.001)
    assert stage.duties == [0.0, 100.0]
    stage.run(0.749)
    assert (stage.told("step_done"), stage.active("signal.step_ef.high")) == ([], True)
    stage.run(0.001)
    assert stage.told("step_done") == [{}]
    assert stage.active("signal.x1")
    stage.run(20)
    assert set(stage.duties[1:]) == {100.0}
    assert len(stage.told("step_done")) == 1


def test_t_step_x1() -> None:
    """x1 for 3 s between 5 % and a nominal duty (ISO 15118-3 Table 3)."""
    stage = at("B").post("hlc").forget().post("step_x1").run(2.999)
    assert (stage.duties, stage.told("step_done")) == ([100.0], [])
    stage.run(0.001)
    assert stage.told("step_done") == [{}]
    assert stage.active("signal.x1")
    stage.run(20)
    assert set(stage.duties) == {100.0}
    assert len(stage.told("step_done")) == 1


def test_a_nudge_takes_5_percent_away_for_a_moment() -> None:
    """400 ms of steady +12 V, in state B as in C; the vehicle is still there afterwards."""
    stage = at("B").post("hlc").forget().post("nudge").run(0.399)
    assert (stage.duties, stage.active("signal.nudged")) == ([100.0], True)
    stage.run(0.001)
    assert (stage.duties, stage.active("signal.pwm.hlc")) == ([100.0, 5.0], True)
    assert stage.said == []


@pytest.mark.parametrize("shown", ["x1", "fault", "step_ef", "step_x1", "nudge"])
def test_who_shows_no_5_percent_nudges_nobody(shown: str) -> None:
    """Neither in F nor in an E/F pulse, nor in a nudge: that one is not made longer."""
    stage = at("B").post("hlc").post(shown).run(0.2).forget().post("nudge")
    assert (stage.duties, stage.unhandled) == ([], [])
    stage.run(0.2)
    assert stage.duties == ([5.0] if shown == "nudge" else [])


def test_a_nominal_duty_is_no_invitation_that_could_be_nudged() -> None:
    stage = at("B").post("nominal", duty=16.0).forget().post("nudge").run(1)
    assert stage.duties == []


@pytest.mark.parametrize("step", ["step_ef", "step_x1"])
def test_a_step_that_is_called_off(step: str) -> None:
    """A vehicle that is unplugged or a fault ends the step: nothing of it comes later."""
    stage = at("B").post(step).run(1).post("fault").forget().run(20)
    assert (stage.duties, stage.said) == ([], [])


def test_nominal_duty_changes_at_most_every_five_seconds() -> None:
    """The first at once, the last that was asked for meanwhile after 5 s (IEC 61851-1 Table A.6 sequence 7)."""
    stage = at("B").post("nominal", duty=26.7)
    assert stage.duties == [pytest.approx(26.7)]
    stage.run(1).post("nominal", duty=50.0).run(1).post("nominal", duty=16.0).run(2.999)
    assert len(stage.duties) == 1
    stage.run(0.001)
    assert stage.duties == [pytest.approx(26.7), pytest.approx(16.0)]
    stage.run(4.999)
    stage.post("nominal", duty=20.0)
    assert len(stage.duties) == 2
    stage.run(0.001)
    assert stage.duties[2:] == [pytest.approx(20.0)]


def test_nominal_duty_after_a_quiet_time() -> None:
    """With five seconds gone the next duty is shown at once; the same again changes nothing and delays nothing."""
    stage = at("B").post("nominal", duty=26.7).run(5)
    assert stage.active("signal.pwm.nominal.settled")
    stage.run(100).post("nominal", duty=26.7)
    assert len(stage.duties) == 1
    stage.post("nominal", duty=50.0)
    assert stage.duties == [pytest.approx(26.7), pytest.approx(50.0)]
    stage.run(4.9).post("nominal", duty=50.0).run(1)
    assert len(stage.duties) == 2


@pytest.mark.parametrize("between", ["x1", "hlc", "fault"])
def test_the_same_nominal_duty_after_something_else(between: str) -> None:
    """A duty that was shown before is shown again, though it is the one of the last time."""
    stage = at("B").post("nominal", duty=26.7).run(6).post(between).forget().post("nominal", duty=26.7)
    assert stage.duties == [pytest.approx(26.7)]


@pytest.mark.parametrize("state", "ABCDE")
def test_what_the_vehicle_shows_does_not_move_the_pilot(state: str) -> None:
    """The pilot's duty is the supervisor's alone: no level changes it."""
    stage = at("B").post("hlc").forget()
    stage.level(NOMINAL_V[state], -12.0).run(10)
    assert stage.orders == []
    assert stage.active("signal.pwm.hlc")


@pytest.mark.parametrize("end", ["minimum", "maximum"])
def test_whatever_may_be_set_nominal_levels_are_their_states(end: str) -> None:
    """IEC 61851-1 Table A.2: 12, 9, 6, 3 and 0 V are A to E by the least and the greatest of all bounds."""
    bounds = {
        name: getattr(parameter.type, end)
        for name, parameter in engine.load("machines/pilot/evse.yaml").parameters.items()
        if name.startswith("U_")
    }
    assert None not in bounds.values()
    pilot = Pilot(**bounds)
    for state in "BCDEA":
        assert pilot.shows(state).vehicle == state


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("D_HLC", 8.0),
        ("D_HLC", 2.0),
        ("U_A", 9.0),
        ("U_B_low", 6.0),
        ("U_E_low", -12.0),
        ("T_power_filter", 100_000_000),
    ],
)
def test_what_no_pilot_may_be_is_refused(name: str, value: float) -> None:
    """Windows that overlap, a duty that is nominal, a filter that leaves the contactor no time."""
    with pytest.raises(ParameterError, match=name):
        Pilot(**{name: value})


def test_without_a_filter_the_first_sample_counts() -> None:
    """It may be all that is left of the 100 ms."""
    stage = Pilot().shows("C")
    assert (stage.told("power_back"), stage.told("power_lost")) == ([{}], [])
    assert stage.shows("B").told("power_lost") == [{}]
    stage.shows("C", "B")
    assert (len(stage.told("power_back")), len(stage.told("power_lost"))) == (2, 2)


def test_with_a_filter_a_wrong_sample_now_and_then_switches_nothing() -> None:
    """Neither off nor on."""
    stage = Pilot(T_power_filter=40_000_000).shows("C")
    assert stage.run(0.0399).told("power_back") == []
    assert stage.run(0.0001).told("power_back") == [{}]
    stage.run(1).shows("B", hold_s=0.0399).shows("C", hold_s=1)
    assert stage.told("power_lost") == []
    assert stage.shows("B", hold_s=0.0399).told("power_lost") == []
    assert stage.run(0.0001).told("power_lost") == [{}]
    stage.run(1).shows("C", hold_s=0.0399).shows("B", hold_s=1)
    assert (len(stage.told("power_back")), len(stage.told("power_lost"))) == (1, 1)
