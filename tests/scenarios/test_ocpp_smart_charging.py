"""Scenarios of machines/ocpp/smart_charging.yaml: which profiles are taken, and who is told what they come to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.ocpp import change, keys
from tests.scenarios.stage import S, Stage

NOON = 1_795_953_600 * S


def begun(connectors: int = 2, changed: dict[str, Any] | None = None, **parameters: Any) -> Stage:
    values = {**keys(NumberOfConnectors=connectors, **(changed or {})), "clock.now": NOON, "outlets.direct_voltage": []}
    return Stage("machines/ocpp/smart_charging.yaml", values, **parameters)


PROFILE: dict[str, Any] = {
    "chargingProfileId": 5, "stackLevel": 1, "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute", "recurrencyKind": None, "validFrom": None, "validTo": None, "duration": None,
    "startSchedule": NOON, "chargingRateUnit": "A", "startPeriod": [0, 60 * S], "limit": [16.0, 0.0],
    "numberPhases": [0, 1],
}  # fmt: skip
REMOTE = {**PROFILE, "chargingProfilePurpose": "TxProfile"}


def ask(stage: Stage, connector: int = 1, transaction: int | None = None, **fields: Any) -> Stage:
    profile = {**PROFILE, **fields}
    return stage.emit(
        "csms.SetChargingProfileReq",
        call="s",
        connectorId=connector,
        transactionId=transaction,
        minChargingRate=None,
        **profile,
    )


def status(stage: Stage) -> str | None:
    answer = stage.order("csms.SetChargingProfileConf")
    return None if answer is None else answer["status"]


def running(stage: Stage, connector: int = 1, number: int = 7, transaction: int | None = 70, call: str = "") -> Stage:
    stage.post("transaction_started", connectorId=connector, transaction=number, at=NOON - 60 * S, call=call)
    if transaction is not None:
        stage.post("transaction_id", connectorId=connector, transactionId=transaction)
    return stage


def remote(stage: Stage, profile: dict[str, Any] | None = None, connector: int | None = None, call: str = "r") -> Stage:
    none = dict.fromkeys(PROFILE)
    return stage.emit(
        "csms.RemoteStartTransactionReq", call=call, connectorId=connector, idTag="CARD", transactionId=None,
        minChargingRate=None, **(profile or none)
    )  # fmt: skip


def weighed(stage: Stage, *limits: tuple[float, float], until: int = NOON + 10 * S, phases: int = 0) -> Stage:
    """W and A of each connector, from 0; -1 for no limit."""
    power, current = [watts for watts, _ in limits], [amperes for _, amperes in limits]
    return stage.finish("weighed", power=power, current=current, phases=[phases] * len(limits), until=until)


NONE = (-1.0, -1.0)
NO_BEGIN = "a ChargePointMaxProfile has no transaction to begin with"
RECURS = "what recurs needs recurrencyKind and startSchedule"
WHOLE = {"connector": 0, "chargingProfilePurpose": "ChargePointMaxProfile"}
ALWAYS = {"startSchedule": None, "startPeriod": [0], "limit": [16.0], "numberPhases": [0]}
MANY = "more periods than ChargingScheduleMaxPeriods"


# ---------------------------------------------------------------- what is taken


@pytest.mark.ocpp_cases("TC_056", "TC_082")
def test_a_profile_is_in_the_file_before_it_is_accepted() -> None:
    stage = ask(begun())
    assert stage.order("profiles.keep") == {
        "call": "s", "connectorId": 1, "most": 50, **{k: v for k, v in PROFILE.items() if v is not None}
    }  # fmt: skip
    stage.emit("profiles.kept", call="another")
    assert status(stage) is None
    assert status(stage.emit("profiles.kept", call="s")) == "Accepted"


@pytest.mark.ocpp_cases("TC_057")
@pytest.mark.parametrize("named", [None, 70])
def test_a_tx_profile_of_the_running_transaction(named: int | None) -> None:
    """It is kept under the ledger's number, which the transaction has before the central system gives it one."""
    stage = ask(running(begun()), 1, named, chargingProfilePurpose="TxProfile")
    order = stage.order("profiles.keep")
    assert order is not None
    assert order["transaction"] == 7


@pytest.mark.ocpp_cases("TC_058_1", "TC_058_2")
@pytest.mark.parametrize(
    ("connector", "transaction", "why"),
    [
        (2, None, "a TxProfile needs a transaction"),
        (0, None, "a TxProfile needs a transaction"),
        (1, 71, "another transaction is running"),
    ],
)
def test_a_tx_profile_without_its_transaction(connector: int, transaction: int | None, why: str) -> None:
    stage = ask(running(begun()), connector, transaction, chargingProfilePurpose="TxProfile")
    assert (status(stage), stage.logs) == ("Rejected", [f"charging profile: {why}"])
    stage.post("transaction_ended", connectorId=1)
    assert (
        ask(stage, 1, 70, chargingProfilePurpose="TxProfile").logs[-1]
        == "charging profile: a TxProfile needs a transaction"
    )


def test_before_its_id_is_known_a_transaction_has_none() -> None:
    stage = ask(running(begun(), transaction=None), 1, 70, chargingProfilePurpose="TxProfile")
    assert status(stage) == "Rejected"
    assert status(ask(stage, 1, 0, chargingProfilePurpose="TxProfile")) == "Rejected", "0 is a transactionId, too"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"connector": 3}, "no such connector"),
        ({"connector": -1}, "no such connector"),
        ({"stackLevel": 11}, "no such stackLevel"),
        ({"stackLevel": -1}, "no such stackLevel"),
        ({"chargingRateUnit": "W"}, "limits in this unit cannot be followed"),
        ({"startPeriod": [0, S, 2 * S, 3 * S], "limit": [1.0] * 4}, MANY),
        ({"chargingProfileKind": "Recurring"}, RECURS),
        ({"chargingProfileKind": "Recurring", "recurrencyKind": "Daily", "startSchedule": None}, RECURS),
        ({"validFrom": NOON, "validTo": NOON}, "it is never valid"),
        ({"chargingProfilePurpose": "ChargePointMaxProfile"}, "a ChargePointMaxProfile is for connector 0"),
        ({**WHOLE, "chargingProfileKind": "Relative"}, NO_BEGIN),
        ({**WHOLE, "startSchedule": None}, NO_BEGIN),
        ({**WHOLE, **ALWAYS, "chargingProfileKind": "Relative", "duration": 60 * S}, NO_BEGIN),
        ({"startPeriod": [S, 2 * S]}, "the first period does not begin at 0"),
        ({"startPeriod": [], "limit": [], "numberPhases": []}, "the first period does not begin at 0"),
        ({"startPeriod": [0, 0]}, "the periods do not follow one another"),
        ({"limit": [16.0, -1.0]}, "a limit is below 0"),
    ],
)  # fmt: skip
def test_what_is_rejected_and_why(fields: dict[str, Any], why: str) -> None:
    few = {"ChargingScheduleAllowedChargingRateUnit": ["Current"], "ChargingScheduleMaxPeriods": 3}
    stage = ask(begun(changed=few), **fields)
    assert (status(stage), stage.logs) == ("Rejected", [f"charging profile: {why}"])
    assert stage.ordered("profiles.keep") == []
    assert len(ask(stage).ordered("profiles.keep")) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"connector": 2},
        {"connector": 0},
        {"stackLevel": 10},
        {"stackLevel": 0},
        {"chargingRateUnit": "W"},
        {"chargingProfileKind": "Recurring", "recurrencyKind": "Daily"},
        {"chargingProfileKind": "Relative", "startSchedule": None},
        {"validFrom": NOON, "validTo": NOON + 1},
        {"validFrom": NOON},
        {"validTo": NOON},
        WHOLE,
        {**WHOLE, **ALWAYS},
        {**WHOLE, **ALWAYS, "chargingProfileKind": "Relative"},
        {"startPeriod": [0, S, 2 * S], "limit": [1.0] * 3, "numberPhases": [0] * 3},
    ],
)
def test_what_is_good(fields: dict[str, Any]) -> None:
    stage = ask(begun(changed={"ChargingScheduleMaxPeriods": 3}), **fields)
    assert (len(stage.ordered("profiles.keep")), stage.logs) == (1, [])


def test_without_smart_charging() -> None:
    stage = ask(begun(changed={"SupportedFeatureProfiles": ["Core"]}))
    assert (status(stage), stage.ordered("profiles.keep")) == ("NotSupported", [])


def test_a_file_that_cannot_be_written_rejects() -> None:
    stage = (
        ask(begun()).emit("profiles.not_kept", call="another", reason="x").emit("profiles.failed", reason="disk full")
    )
    assert status(stage) is None
    stage.emit("profiles.not_kept", call="s", reason="disk full")
    assert (status(stage), stage.logs) == ("Rejected", ["charging profile: disk full"])


def test_what_comes_meanwhile_has_its_turn() -> None:
    stage = ask(ask(begun()))
    assert len(stage.ordered("profiles.keep")) == 1
    stage.emit("profiles.kept", call="s")
    assert len(stage.ordered("profiles.keep")) == 2


# ---------------------------------------------------------------- remote start with a profile


@pytest.mark.ocpp_cases("TC_059")
@pytest.mark.parametrize("connector", [None, 1])
def test_the_profile_of_a_remote_start_is_for_the_transaction_that_begins_with_it(connector: int | None) -> None:
    """Errata 3.42; and not for another one's. Whether there is one with it is known behind `profiles`."""
    stage = remote(begun(changed={"MaxChargingProfilesInstalled": 9}), REMOTE, connector)
    assert stage.order("profiles.hold") == {
        "call": "r", "most": 9, **{key: value for key, value in REMOTE.items() if value is not None}
    }  # fmt: skip
    running(stage, 2, 6)
    assert stage.ordered("profiles.promote") == []
    running(stage, call="r")
    assert stage.ordered("profiles.promote") == [{"call": "r", "connectorId": 1, "transaction": 7, "most": 9}]


@pytest.mark.ocpp_cases("TC_059")
def test_what_is_asked_meanwhile_takes_no_profile_away() -> None:
    """Another remote start, with a profile or without, whoever answers it how."""
    stage = remote(remote(remote(begun(), REMOTE, 1), None, 2, "s"), {**REMOTE, "chargingProfileId": 6}, 2, "t")
    assert [one["call"] for one in stage.ordered("profiles.hold")] == ["r", "t"]
    assert running(stage, call="r").order("profiles.promote")["call"] == "r"  # type: ignore[index]


@pytest.mark.ocpp_cases("TC_060")
def test_a_profile_of_another_purpose_is_none_for_a_remote_start() -> None:
    """Who answers rejects it."""
    assert remote(begun(), PROFILE).ordered("profiles.hold") == []


def test_a_remote_start_with_a_schedule_that_is_none_starts_without() -> None:
    stage = remote(begun(), {**REMOTE, "startPeriod": [S, 2 * S]})
    assert (stage.ordered("profiles.hold"), stage.logs) == ([], ["remote start: the first period does not begin at 0"])


# ---------------------------------------------------------------- clearing and asking


@pytest.mark.ocpp_cases("TC_067", "D13")
@pytest.mark.parametrize(("cleared", "expected"), [(2, "Accepted"), (0, "Unknown")])
def test_clearing(cleared: int, expected: str) -> None:
    """D13 of the field: 0 is a value, nothing given is all."""
    stage = begun().emit(
        "csms.ClearChargingProfileReq",
        call="c",
        id=None,
        connectorId=0,
        chargingProfilePurpose="TxDefaultProfile",
        stackLevel=0,
    )
    assert stage.order("profiles.clear") == {
        "connectorId": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "stackLevel": 0,
    }
    stage.finish("cleared", cleared=cleared)
    assert stage.order("csms.ClearChargingProfileConf") == {"call": "c", "status": expected}


def test_clearing_that_the_file_does_not_take() -> None:
    """Neither Accepted nor Unknown would be true."""
    stage = begun().emit(
        "csms.ClearChargingProfileReq", call="c", id=4, connectorId=None, chargingProfilePurpose=None, stackLevel=None
    )
    assert stage.order("profiles.clear") == {"id": 4}
    stage.fail("cleared", "disk full")
    assert stage.order("csms.refuse") == {"call": "c", "code": "InternalError", "description": "disk full"}


def composite(stage: Stage, connector: int = 1, seconds: float = 100, unit: str | None = None) -> Stage:
    return stage.emit(
        "csms.GetCompositeScheduleReq",
        call="g",
        connectorId=connector,
        duration=round(seconds * S),
        chargingRateUnit=unit,
    )


@pytest.mark.ocpp_cases("TC_066")
def test_the_composite_schedule() -> None:
    """From the present second on, in the unit asked for."""
    stage = composite(running(begun()).values("clock", now=NOON + 7 * S + 5), unit="A")
    assert stage.order("profiles.composite") == {
        "connectorId": 1, "transaction": 7, "begun": NOON - 60 * S, "at": NOON + 7 * S, "duration": 100 * S,
        "chargingRateUnit": "A", "without": 32.0, "voltage": 230.0, "phases": 3, "direct": 0.0,
    }  # fmt: skip
    rows = {"startPeriod": [0, 5 * S], "limit": [16.0, 8.0], "numberPhases": [3, 1]}
    stage.finish("composed", **rows)
    assert stage.order("csms.GetCompositeScheduleConf") == {
        "call": "g", "status": "Accepted", "connectorId": 1, "scheduleStart": NOON + 7 * S, "duration": 100 * S,
        "startSchedule": NOON + 7 * S, "chargingRateUnit": "A", **rows,
    }  # fmt: skip


@pytest.mark.parametrize(("units", "unit"), [(["Current", "Power"], "W"), (["Power"], "W"), (["Current"], "A")])
def test_the_unit_where_none_is_asked_for(units: list[str], unit: str) -> None:
    stage = composite(begun(changed={"ChargingScheduleAllowedChargingRateUnit": units}))
    order = stage.order("profiles.composite")
    assert order is not None
    assert (order["chargingRateUnit"], order["without"]) == (unit, {"W": 22_080.0, "A": 32.0}[unit])


@pytest.mark.ocpp_cases("TC_066")
@pytest.mark.parametrize(("connector", "without"), [(1, 375.0), (2, 32.0), (0, 32.0)])
@pytest.mark.parametrize("unit", ["A", "W"])
def test_the_composite_schedule_of_direct_current(connector: int, without: float, unit: str) -> None:
    """By the outlet's own voltage; the other outlet is one of alternating current."""
    stage = begun().values("outlets", direct_voltage=[400.0, 0.0])
    order = composite(stage, connector, unit=unit).order("profiles.composite")
    assert order is not None
    watts = {1: 150_000.0, 2: 22_080.0, 0: 150_000.0}[connector]
    assert (order["direct"], order["without"]) == (400.0 if connector == 1 else 0.0, without if unit == "A" else watts)


@pytest.mark.parametrize(("connector", "seconds"), [(3, 10), (-1, 10), (1, -1)])
def test_a_composite_schedule_of_nothing(connector: int, seconds: float) -> None:
    stage = composite(begun(), connector, seconds)
    assert stage.order("csms.GetCompositeScheduleConf") == {"call": "g", "status": "Rejected"}


def test_one_that_cannot_be_made() -> None:
    stage = composite(begun(), 0).fail("composed")
    assert stage.order("csms.GetCompositeScheduleConf") == {"call": "g", "status": "Rejected"}


@pytest.mark.parametrize("unit", [None, "W"])
def test_a_composite_schedule_of_years_is_one_of_a_day(unit: str | None) -> None:
    """Nothing that is asked may keep the station busy."""
    order = composite(begun(), 2, 2**31 - 1, unit).order("profiles.composite")
    assert order is not None
    assert (order["duration"], order["connectorId"]) == (24 * 3600 * S, 2)


# ---------------------------------------------------------------- limits


@pytest.mark.ocpp_cases("D11")
def test_each_connector_is_told_at_the_start() -> None:
    """What holds is known before energy flows (D11 of the field)."""
    stage = begun()
    assert stage.order("profiles.limits") == {
        "at": NOON,
        "within": 60 * S,
        "transaction": [0, 0, 0],
        "begun": [0, 0, 0],
    }
    weighed(stage, NONE, (11_000.0, -1.0), (-1.0, 0.0))
    assert stage.told("limit") == [
        {"connectorId": 0, "power": None, "current": None, "phases": None},
        {"connectorId": 1, "power": 11_000.0, "current": None, "phases": None},
        {"connectorId": 2, "power": None, "current": 0.0, "phases": None},
    ]


def test_only_what_changes_is_told_again() -> None:
    stage = weighed(begun(), NONE, NONE, NONE).forget()
    assert stage.run(9.999).orders == []
    stage.values("clock", now=NOON + 10 * S).run(0.001)
    assert stage.order("profiles.limits")["at"] == NOON + 10 * S  # type: ignore[index]
    weighed(stage, NONE, (-1.0, 8.0), NONE, until=NOON + 12 * S).run(2)
    weighed(stage, NONE, (4_000.0, 8.0), NONE, until=0)
    assert stage.told("limit") == [
        {"connectorId": 1, "power": None, "current": 8.0, "phases": None},
        {"connectorId": 1, "power": 4_000.0, "current": 8.0, "phases": None},
    ]


@pytest.mark.parametrize(("phases", "power"), [(0, 6_900.0), (1, 2_300.0)])
def test_of_the_charge_point_power_is_told(phases: int, power: float) -> None:
    """The site shares watts."""
    stage = weighed(begun(), (-1.0, 10.0), NONE, NONE, phases=phases)
    assert stage.told("limit")[0] == {"connectorId": 0, "power": power, "current": None, "phases": None}
    assert weighed(begun(), (5_000.0, -1.0), NONE, NONE).told("limit")[0]["power"] == 5_000.0
    assert weighed(begun(), NONE, (-1.0, 10.0), NONE).told("limit")[1]["current"] == 10.0


@pytest.mark.parametrize(
    ("said", "whole", "limit", "told"),
    [
        (1, 0, (3_680.0, -1.0), (3_680.0, None, 1)),
        (1, 0, (3_680.0, 10.0), (3_680.0, 10.0, 1)),
        (3, 0, (11_040.0, -1.0), (11_040.0, None, 3)),
        (0, 0, (11_040.0, -1.0), (11_040.0, None, None)),
        (1, 0, (-1.0, 16.0), (None, 16.0, 1)),
        (3, 1, (-1.0, 16.0), (None, 16.0, 1)),
        (0, 1, (11_040.0, -1.0), (11_040.0, None, 1)),
        (0, 1, NONE, (None, None, 1)),
        (1, 3, (-1.0, 0.0), (None, 0.0, 1)),
    ],
)
def test_the_phases_that_a_profile_says(
    said: int, whole: int, limit: tuple[float, float], told: tuple[float | None, float | None, int | None]
) -> None:
    """The fewest that its own or the charge point's profile says; watts are watts, whether they can be connected or
    not. Direct current has none."""
    stage = begun().values("outlets", direct_voltage=[0.0, 400.0])
    watts, amperes = zip(NONE, limit, limit, strict=True)
    stage.finish("weighed", power=watts, current=amperes, phases=[whole, said, said], until=NOON + 10 * S)
    names = ("power", "current", "phases")
    assert stage.told("limit")[1] == {"connectorId": 1, **dict(zip(names, told, strict=True))}
    of_direct = [None if each < 0 else each for each in limit]
    assert stage.told("limit")[2] == {"connectorId": 2, **dict(zip(names, [*of_direct, None], strict=True))}


def test_other_phases_are_told_though_the_limit_is_the_same() -> None:
    stage = weighed(begun(), NONE, (-1.0, 16.0), NONE)
    weighed(stage.run(10), NONE, (-1.0, 16.0), NONE, until=NOON + 20 * S, phases=1)
    assert stage.told("limit")[3:] == [
        {"connectorId": 1, "power": None, "current": 16.0, "phases": 1},
        {"connectorId": 2, "power": None, "current": None, "phases": 1},
    ]


@pytest.mark.ocpp_cases("D13")
@pytest.mark.parametrize("state", ["weighing", "holding"])
def test_another_profile_holds_at_once(state: str) -> None:
    """D13 of the field: clearing as fast as setting."""
    stage = begun() if state == "weighing" else weighed(begun(), NONE, NONE, NONE)
    stage.forget().emit("profiles.changed")
    assert len(stage.ordered("profiles.limits")) == 1


@pytest.mark.ocpp_cases("TC_057")
def test_a_transaction_has_limits_of_its_own() -> None:
    """3.13.1: a TxProfile ends with its transaction."""
    stage = running(weighed(begun(), NONE, NONE, NONE), transaction=None)
    assert stage.order("profiles.limits")["transaction"] == [0, 7, 0]  # type: ignore[index]
    assert stage.order("profiles.limits")["begun"] == [0, NOON - 60 * S, 0]  # type: ignore[index]
    weighed(stage, NONE, (-1.0, 6.0), NONE)
    stage.post("transaction_ended", connectorId=1)
    assert stage.order("profiles.end") == {"transaction": 7}
    assert stage.order("profiles.limits")["transaction"] == [0, 0, 0]  # type: ignore[index]


@pytest.mark.parametrize("connector", [0, 3])
def test_a_connector_that_is_none(connector: int) -> None:
    stage = running(weighed(begun(), NONE, NONE, NONE).forget(), connector).post(
        "transaction_ended", connectorId=connector
    )
    assert (stage.orders, stage.errors) == ([], [])


def test_keys_are_read_as_they_are() -> None:
    stage = change(begun(), MaxChargingProfilesInstalled=3).emit("settings.failed", reason="x")
    assert ask(stage).order("profiles.keep")["most"] == 3  # type: ignore[index]
