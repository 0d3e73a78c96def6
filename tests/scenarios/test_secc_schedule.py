"""Scenarios of the station's schedule: rows of PMax that hold one after the other, in AC and in DC."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.secc import DIN, ISO2, answer, arrive, ask, hang_up, offer, refused
from tests.scenarios.stage import S, Stage
from tests.scenarios.test_secc_ac import START, VEHICLE, agreed, at_parameters, charging

H = 3600 * S
ROWS: dict[str, Any] = {"schedule_start": [0, H, 2 * H], "schedule_PMax": [11_040.0, 5_520.0, 8_280.0]}
STEEP: dict[str, Any] = {"schedule_start": [0, H], "schedule_PMax": [40_000.0, 10_000.0]}


def rows(told: Any) -> list[tuple[float, float]]:
    """Of ChargeParameterDiscoveryRes: when each row begins (s), and its PMax."""
    assert len(told["SAScheduleTupleID"]) == len(told["start"]) == len(told["PMax"])
    return [(start / S, power) for start, power in zip(told["start"], told["PMax"], strict=True)]


def dc(step: str, schema: str = ISO2, **parameters: Any) -> Stage:
    return arrive(step, schema=schema, **parameters).values("supply", present_voltage=400.0)


def agreeing(**parameters: Any) -> Stage:
    """A dialogue has just begun."""
    stage = arrive("supportedAppProtocol", **parameters)
    offer(stage, (ISO2, 2, 0, 7, 1))
    return stage


# ---------------------------------------------------------------- what is offered


@pytest.mark.cases("AC_ChargeParameterDiscovery")
def test_ac_rows_are_offered() -> None:
    """Each within what the outlet can give now; the first one is EVSEMaxCurrent, too."""
    stage = at_parameters(**ROWS).post("limit", current=10.0)
    _, told = answer(stage, "ChargeParameterDiscovery", **VEHICLE)
    assert rows(told) == [(0, 6_900.0), (3600, 5_520.0), (7200, 6_900.0)]
    assert told["EVSEMaxCurrent"] == 10.0
    assert stage.told("schedule_row") == [{"current": 16.0}]


@pytest.mark.cases("DC_ChargeParameterDiscovery")
@pytest.mark.parametrize(("schema", "first_W"), [(ISO2, 40_000.0), (DIN, 32_767.0)])
def test_dc_rows_are_offered(schema: str, first_W: float) -> None:
    _, told = answer(dc("ChargeParameterDiscovery", schema, **STEEP), "ChargeParameterDiscovery")
    assert rows(told) == [(0, first_W), (3600, 10_000.0)]
    assert told["EVSEMaximumPowerLimit"] == 40_000.0


@pytest.mark.cases("AC_ChargeParameterDiscovery")
@pytest.mark.parametrize(("most", "places"), [(None, 12), (3, 3), (1, 1), (0, 1), (100, 12)])
def test_no_more_rows_than_the_vehicle_has_places_for(most: int | None, places: int) -> None:
    """MaxEntriesSAScheduleTuple, at most twelve: the last row offers the least of those that are left out."""
    many = {"schedule_start": [i * H for i in range(20)], "schedule_PMax": [11_000.0 - 100.0 * i for i in range(20)]}
    _, told = answer(at_parameters(**many), "ChargeParameterDiscovery", **VEHICLE, MaxEntriesSAScheduleTuple=most)
    assert rows(told)[:-1] == [(i * 3600, 11_000.0 - 100.0 * i) for i in range(places - 1)]
    assert rows(told)[-1] == ((places - 1) * 3600, 9_100.0)


@pytest.mark.cases("DC_ChargeParameterDiscovery")
@pytest.mark.parametrize(("schema", "most", "places"), [(DIN, None, 5), (ISO2, None, 12), (ISO2, 2, 2)])
def test_places_of_dc(schema: str, most: int | None, places: int) -> None:
    many = {"schedule_start": [i * H for i in range(20)], "schedule_PMax": [20_000.0 - 100.0 * i for i in range(20)]}
    stage = dc("ChargeParameterDiscovery", schema, **many)
    _, told = answer(stage, "ChargeParameterDiscovery", MaxEntriesSAScheduleTuple=most)
    assert rows(told)[-1] == ((places - 1) * 3600, 18_100.0)


@pytest.mark.cases("AC_ChargeParameterDiscovery")
def test_rows_of_less_than_a_second() -> None:
    """The messages have whole seconds: the less of both counts."""
    short = {"schedule_start": [0, 10 * S, 10 * S + S - 1], "schedule_PMax": [9_000.0, 6_000.0, 3_000.0]}
    _, told = answer(at_parameters(**short), "ChargeParameterDiscovery", **VEHICLE)
    assert rows(told) == [(0, 9_000.0), (10, 3_000.0)]


@pytest.mark.cases("DC_ChargeParameterDiscovery")
def test_rows_count_from_the_dialogue_s_beginning() -> None:
    """A vehicle whose user takes 25 min to authorise reads what is left of them."""
    stage = dc("Authorization", **STEEP)
    stage.run(59).post("authorise")
    ask(stage, "Authorization")
    stage.run(59)
    _, told = answer(stage, "ChargeParameterDiscovery")
    assert rows(told) == [(0, 40_000.0), (3600 - 118, 10_000.0)]


# ---------------------------------------------------------------- as time goes by


@pytest.mark.cases("AC_ChargingStatus")
def test_ac_follows_the_rows() -> None:
    """EVSEMaxCurrent is that of the row, and the supervisor hears it in time; nobody has to negotiate anew."""
    stage = charging(schedule_start=[0, 40 * S, 80 * S], schedule_PMax=[11_040.0, 5_520.0, 8_280.0])
    for row_A in (16.0, 8.0, 12.0):
        _, told = answer(stage, "ChargingStatus")
        assert (told["EVSEMaxCurrent"], told["EVSENotification"]) == (row_A, "None")
        stage.run(40)
    assert stage.times("schedule_row") == [40.0, 80.0]
    assert [told["current"] for told in stage.told("schedule_row")] == [8.0, 12.0]
    stage.post("limit", current=7.0)
    assert answer(stage, "ChargingStatus")[1]["EVSEMaxCurrent"] == 7.0, "the supervisor's is one limit more"
    assert not stage.unhandled


@pytest.mark.cases("DC_CurrentDemand")
@pytest.mark.parametrize("schema", [ISO2, DIN])
def test_dc_follows_the_rows(schema: str) -> None:
    """The output is told at once, without a request of the vehicle's; then the limits in the answers say it."""
    stage = dc(
        "CurrentDemand", schema, schedule_start=[0, 50 * S, 80 * S], schedule_PMax=[40_000.0, 10_000.0, 20_000.0]
    )
    _, told = answer(stage, "CurrentDemand", EVTargetCurrent=90.0)
    assert (told["EVSEMaximumPowerLimit"], told["EVSEMaximumCurrentLimit"]) == (40_000.0, 100.0)
    stage.forget().run(50)
    assert stage.times("demand") == [50.0]
    assert stage.told("demand") == [{"voltage": 400.0, "current": 25.0, "soc": 40}]
    _, told = answer(stage, "CurrentDemand", EVTargetCurrent=90.0)
    assert (told["EVSEMaximumPowerLimit"], told["EVSEMaximumCurrentLimit"]) == (10_000.0, 25.0)
    assert told["EVSEPowerLimitAchieved"]
    stage.run(30)
    assert stage.told("demand")[-1]["current"] == 25.0, "more is given to whoever asks"
    ask(stage, "CurrentDemand", EVTargetCurrent=90.0)
    assert stage.told("demand")[-1]["current"] == 50.0
    assert stage.told("schedule_row") == []


@pytest.mark.cases("DC_CurrentDemand")
def test_a_row_gives_no_current_that_nobody_asks_for() -> None:
    """A vehicle that is not ready any more, and one that negotiates anew."""
    stage = dc("CurrentDemand", schedule_start=[0, 50 * S], schedule_PMax=[10_000.0, 40_000.0])
    ask(stage, "CurrentDemand", EVReady=False)
    stage.run(50)
    assert [told["current"] for told in stage.told("demand")] == [0.0, 0.0]
    stage = dc("CurrentDemand", schedule_start=[0, 50 * S], schedule_PMax=[10_000.0, 40_000.0])
    ask(stage, "PowerDelivery", ChargeProgress="Renegotiate")
    assert len(stage.run(50).told("demand")) == 1


def test_a_site_hears_what_the_row_lets_the_vehicle_take() -> None:
    stage = arrive("ChargeParameterDiscovery", schema=ISO2, **STEEP).post("grant", power=50_000.0)
    ask(stage, "ChargeParameterDiscovery")
    assert stage.told("needs") == [{"power": 40_000.0}]
    stage = dc("CurrentDemand", schedule_start=[0, 50 * S], schedule_PMax=[40_000.0, 10_000.0])
    stage.post("grant", power=50_000.0).run(50)
    ask(stage, "CurrentDemand", EVTargetCurrent=100.0)
    assert stage.told("needs") == [{"power": 10_000.0}]


@pytest.mark.cases("AC_ChargeParameterDiscovery")
def test_negotiated_anew_the_rest_of_the_rows_is_offered() -> None:
    """In the second row: what is left of it, and those after it."""
    stage = charging(schedule_start=[0, 20 * S, 80 * S], schedule_PMax=[11_040.0, 5_520.0, 8_280.0]).run(50)
    ask(stage, "PowerDelivery", ChargeProgress="Renegotiate", **START)
    _, told = answer(stage, "ChargeParameterDiscovery", **VEHICLE)
    assert rows(told) == [(0, 5_520.0), (30, 8_280.0)]
    assert told["EVSEMaxCurrent"] == 8.0


# ---------------------------------------------------------------- another schedule


@pytest.mark.cases("AC_ChargingStatus", "AC_ChargeParameterDiscovery")
def test_another_schedule_while_charging() -> None:
    """It holds at once, from now on, and the vehicle is asked to negotiate anew."""
    stage = charging(**ROWS).run(50)
    stage.post("schedule", start=[0, 600 * S], PMax=[4_140.0, 11_040.0])
    assert stage.told("schedule_row") == [{"current": 6.0}]
    _, told = answer(stage, "ChargingStatus")
    assert (told["EVSEMaxCurrent"], told["EVSENotification"]) == (6.0, "ReNegotiation")
    ask(stage, "PowerDelivery", ChargeProgress="Renegotiate", **START)
    _, told = answer(stage.run(10), "ChargeParameterDiscovery", **VEHICLE)
    assert rows(told) == [(0, 4_140.0), (590, 11_040.0)]
    assert told["EVSENotification"] == "None"


@pytest.mark.cases("DC_CurrentDemand")
@pytest.mark.parametrize(
    ("schema", "before", "notification"),
    [(ISO2, "", "ReNegotiation"), (ISO2, "stop", "StopCharging"), (DIN, "", "None")],
)
def test_another_schedule_in_dc(schema: str, before: str, notification: str) -> None:
    """DIN cannot be asked, and who is to stop is not; less is given all the same."""
    stage = dc("CurrentDemand", schema)
    ask(stage, "CurrentDemand")
    if before:
        stage.post(before)
    stage.post("schedule", start=[0], PMax=[8_000.0])
    assert stage.told("demand")[-1]["current"] == 20.0
    _, told = answer(stage, "CurrentDemand")
    assert (told["EVSEMaximumPowerLimit"], told["EVSENotification"]) == (8_000.0, notification)


@pytest.mark.cases("AC_ChargeParameterDiscovery")
def test_a_schedule_before_anything_is_offered() -> None:
    stage = at_parameters().post("schedule", start=[0, H], PMax=[4_140.0, 11_040.0])
    _, told = answer(stage.run(10), "ChargeParameterDiscovery", **VEHICLE)
    assert (rows(told), told["EVSENotification"]) == ([(0, 4_140.0), (3590, 11_040.0)], "None")


NO_SCHEDULES = [
    ([], [], "it has no row"),
    ([0], [6_900.0, 4_140.0], "it has 1 times for 2 powers"),
    ([0, S], [4_140.0], "it has 2 times for 1 powers"),
    ([S, 2 * S], [4_140.0, 6_900.0], "its first row does not begin at 0 s"),
    ([0, 2 * S, S], [6_900.0, 4_140.0, 6_900.0], "a row of it does not begin after the one before"),
    ([0, S, S], [6_900.0, 4_140.0, 6_900.0], "a row of it does not begin after the one before"),
    ([0, S], [6_900.0, -1.0], "a row of it allows less than nothing"),
]
"""Times, powers, and what is wrong with them."""


@pytest.mark.parametrize(("start", "power", "why"), NO_SCHEDULES)
def test_what_is_no_schedule(start: list[int], power: list[float], why: str) -> None:
    """It is refused, and its least power is kept to all the same; one without a power says nothing to keep to."""
    least = max(min(power), 0.0) if power else 11_040.0
    stage = charging().post("schedule", start=start, PMax=power)
    assert stage.told("schedule_refused") == [{"reason": why}]
    assert [told["current"] for told in stage.told("schedule_row")] == ([least / 690.0] if power else [])
    _, told = answer(stage, "ChargingStatus")
    assert (told["EVSEMaxCurrent"], told["EVSENotification"]) == (least / 690.0, "ReNegotiation" if power else "None")
    ask(stage, "PowerDelivery", ChargeProgress="Renegotiate", **START)
    _, told = answer(stage.run(10), "ChargeParameterDiscovery", **VEHICLE)
    assert rows(told) == [(0, least)]


def test_what_is_no_schedule_lowers_the_one_in_force() -> None:
    """Row by row, each at its time; one that is less stays, and so does all that a greater one would allow."""
    stage = charging(schedule_start=[0, 40 * S, 80 * S], schedule_PMax=[11_040.0, 4_140.0, 8_280.0]).run(10)
    stage.post("schedule", start=[0], PMax=[6_900.0, 9_000.0])
    while stage.now_s < 100:
        ask(stage.run(5), "ChargingStatus")
    assert [told["current"] for told in stage.told("schedule_row")] == [10.0, 6.0, 10.0]
    assert stage.times("schedule_row")[1:] == [40.0, 80.0]
    more = (
        charging().post("schedule", start=[0], PMax=[4_140.0]).post("schedule", start=[0, 0], PMax=[6_900.0, 11_040.0])
    )
    assert [told["current"] for told in more.told("schedule_row")] == [6.0]
    assert len(more.told("schedule_refused")) == 1


@pytest.mark.parametrize("schema", [DIN, ISO2])
def test_what_is_no_schedule_in_dc(schema: str) -> None:
    stage = dc("CurrentDemand", schema)
    ask(stage, "CurrentDemand")
    stage.post("schedule", start=[0], PMax=[8_000.0, 9_000.0])
    assert stage.told("demand")[-1]["current"] == 20.0
    _, told = answer(stage, "CurrentDemand")
    assert told["EVSEMaximumPowerLimit"] == 8_000.0


@pytest.mark.parametrize(("start", "power", "why"), NO_SCHEDULES[1:])
def test_parameters_that_are_no_schedule(start: list[int], power: list[float], why: str) -> None:
    """One row, of their least."""
    stage = agreeing(schedule_start=start, schedule_PMax=power)
    assert stage.told("schedule_refused") == [{"reason": why}]
    _, told = answer(at_parameters(schedule_start=start, schedule_PMax=power), "ChargeParameterDiscovery", **VEHICLE)
    assert rows(told) == [(0, max(min(power), 0.0))]


def test_parameters_that_are_no_schedule_and_say_nothing() -> None:
    """Times without powers are told; no schedule at all is the default."""
    stage = agreeing(schedule_start=[0, S])
    assert stage.told("schedule_refused") == [{"reason": "it has 2 times for 0 powers"}]
    assert not agreeing().told("schedule_refused")


def test_a_schedule_without_a_dialogue() -> None:
    """It is of a session: whoever has one tells it anew."""
    stage = hang_up(arrive("SessionSetup", schema=ISO2)).forget().post("schedule", start=[0], PMax=[1000.0])
    assert (stage.orders, stage.said, stage.unhandled) == ([], [], [])


# ---------------------------------------------------------------- the vehicle's profile

PROFILES = [
    ([0, 3600, 7200], [11_040.0, 5_520.0, 8_280.0], True),
    ([0, 3600, 7200], [11_040.0, 5_570.0, 8_280.0], True),  # 1 % more, by rounding
    ([0], [5_520.0], True),
    ([0, 7200], [5_520.0, 8_280.0], True),
    ([0, 1800, 3600], [11_040.0, 8_280.0, 5_520.0], True),
    ([0, 3599, 7201], [11_040.0, 5_520.0, 8_280.0], True),
    ([0], [8_280.0], False),
    ([0, 3600, 7200], [11_040.0, 5_600.0, 8_280.0], False),
    ([0, 3601], [11_040.0, 5_520.0], False),  # a second too long
    ([0, 7199], [5_520.0, 8_280.0], False),  # a second too early
    ([0, 3600, 7200], [11_040.0, 5_520.0, 8_400.0], False),
    ([0, 7200, 9000], [5_520.0, 8_280.0, 8_400.0], False),
]


@pytest.mark.cases("AC_PowerDelivery")
@pytest.mark.parametrize(("starts_s", "powers", "fits"), PROFILES)
def test_a_profile_is_held_against_every_row_at_its_time(starts_s: list[int], powers: list[float], fits: bool) -> None:
    stage = agreed(**ROWS)
    profile = {"ChargingProfileEntryStart": [at * S for at in starts_s], "ChargingProfileEntryMaxPower": powers}
    if fits:
        assert not ask(stage, "PowerDelivery", **profile, **START)
        assert stage.told("power_on") == [{}]
    else:
        refused(stage, "PowerDelivery", "FAILED_ChargingProfileInvalid", **profile, **START)
        assert not stage.told("power_on")


@pytest.mark.cases("DC_PowerDelivery")
@pytest.mark.parametrize(("power", "fits"), [(10_000.0, True), (40_000.0, False)])
def test_a_profile_of_dc(power: float, fits: bool) -> None:
    stage = dc("PowerDelivery", **STEEP)
    profile = {"ChargingProfileEntryStart": [0], "ChargingProfileEntryMaxPower": [power]}
    if fits:
        assert not ask(stage, "PowerDelivery", **profile)
    else:
        refused(stage, "PowerDelivery", "FAILED_ChargingProfileInvalid", **profile)
