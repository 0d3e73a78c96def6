"""The whole charge point: what a charge is to a central system, with a line and without one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.ocpp.charge_point import VEHICLES, ChargePoint

both = pytest.mark.parametrize("kinds", ["dc", "ac"])
each = pytest.mark.parametrize("kinds", ["dc", "ac", "bms"])


def nothing_is_missing(point: ChargePoint) -> None:
    """What flowed is in the transactions: the register stands where the last one ended, and each began where the one
    before it ended."""
    begins = [one["meterStart"] for one in point.central.said("StartTransaction")]
    ends = [one["meterStop"] for one in point.central.said("StopTransaction")]
    point.run(30).central.ask("TriggerMessage", requestedMessage="MeterValues", connectorId=1)
    read = point.run(1).central.said("MeterValues")[-1]["meterValue"][0]["sampledValue"]
    assert [*begins[1:], *(int(one["value"]) for one in read if one["measurand"].startswith("Energy"))] == ends


@both
@pytest.mark.ocpp_cases("TC_003")
def test_a_charge(kinds: str) -> None:
    """Plug, card, charge, stop by the vehicle, unplug: what the central system hears, and in which order."""
    point = ChargePoint(kinds=kinds)
    point.until(lambda: "Available" in point.statuses()[2:])
    assert point.central.heard[0][0] == "BootNotification"
    assert point.statuses() == ["Available", "Preparing", "Charging", "SuspendedEV", "Finishing", "Available"]
    assert point.heard() == ["Authorize", "StartTransaction", "StopTransaction"]
    start, stop = point.central.said("StartTransaction")[0], point.central.said("StopTransaction")[0]
    assert (start["idTag"], start["connectorId"], start["meterStart"]) == ("CARD1", 1, 0)
    assert (stop["transactionId"], stop["reason"]) == (101, "Other")
    assert stop["meterStop"] > 100
    nothing_is_missing(point)
    assert len(set(point.central.ids)) == len(point.central.ids)
    connector = point.system.roots["ocpp"].children["connector", 1]
    assert not connector.unhandled, "a run that went well ends with a line about an event that nobody has missed"


@each
@pytest.mark.ocpp_cases("TC_039")
def test_a_charge_while_there_is_no_line(kinds: str) -> None:
    """Start, then stop, in order, under the id that comes late; only the present status."""
    point = ChargePoint(online=False, kinds=kinds).run(90)
    assert point.central.heard == []
    point.central.reachable = True
    point.until(lambda: bool(point.central.said("StopTransaction")))
    assert [action for action in point.heard() if action != "MeterValues"] == ["StartTransaction", "StopTransaction"]
    assert point.central.said("StopTransaction")[0]["transactionId"] == 101
    assert point.statuses() == ["Available"]


@each
@pytest.mark.ocpp_cases("TC_037_3")
def test_a_card_that_turns_out_to_be_none(kinds: str) -> None:
    """StopTransactionOnInvalidId: what was begun offline ends when the central system hears of it."""
    point = ChargePoint(f"{VEHICLES[kinds][0]}.stop_at_soc=80 %", online=False, kinds=kinds).run(20)
    point.central.cards["CARD1"] = "Blocked"
    point.central.reachable = True
    point.until(lambda: bool(point.central.said("StopTransaction")))
    assert point.central.said("StopTransaction")[0]["reason"] == "DeAuthorized"
    point.until(lambda: point.statuses()[-1] == "Finishing", 5)


@each
@pytest.mark.ocpp_cases("TC_012", "TC_070")
def test_meter_values_and_remote_stop(kinds: str) -> None:
    """Meter values by their period; the central system ends it."""
    long = (f"{VEHICLES[kinds][0]}.stop_at_soc=80 %", "ocpp.adapters.settings.MeterValueSampleInterval=10 s")
    point = ChargePoint(*long, kinds=kinds).run(40)
    values = point.central.said("MeterValues")
    assert [one["transactionId"] for one in values] == [101] * 3
    named = {one["measurand"] for one in values[-1]["meterValue"][0]["sampledValue"]}
    assert "Energy.Active.Import.Register" in named
    point.central.ask("RemoteStopTransaction", transactionId=101)
    point.until(lambda: bool(point.central.said("StopTransaction")))
    assert point.central.answers["RemoteStopTransaction"] == {"status": "Accepted"}
    assert point.central.said("StopTransaction")[0]["reason"] == "Remote"
    nothing_is_missing(point)


@pytest.mark.parametrize("by", ["EVCCID", "mac"])
def test_a_vehicle_pays_for_itself(by: str) -> None:
    """Autocharge: nobody shows a card; one that the central system does not know waits for one."""
    sets = (f"ocpp.connector.autocharge={by}", "outlet1.adapters.reader.token_after=none")
    point = ChargePoint(*sets)
    point.until(lambda: bool(point.central.said("StopTransaction")))
    idTag = point.central.said("StartTransaction")[0]["idTag"]
    assert idTag.startswith("VID:")
    assert point.central.said("Authorize") == [{"idTag": idTag}]
    stranger = ChargePoint(*sets[:1])
    stranger.central.cards[idTag] = "Invalid"
    stranger.until(lambda: bool(stranger.central.said("StartTransaction")))
    assert stranger.central.said("StartTransaction")[0]["idTag"] == "CARD1"


def test_questions_are_answered() -> None:
    """Each part answers its own, and nobody the unknown."""
    point = ChargePoint(outlets=2).run(2)
    for action, payload in {
        "ChangeAvailability": {"connectorId": 2, "type": "Inoperative"},
        "TriggerMessage": {"requestedMessage": "Heartbeat"},
        "GetConfiguration": {"key": ["NumberOfConnectors"]},
        "UnlockConnector": {"connectorId": 9},
        "GetLocalListVersion": {},
        "DataTransfer": {"vendorId": "x"},
    }.items():
        point.central.ask(action, **payload)
        point.run(0.1)
    answers: dict[str, Any] = point.central.answers
    assert answers["ChangeAvailability"]["status"] in ("Accepted", "Scheduled")
    assert answers["TriggerMessage"] == {"status": "Accepted"}
    assert answers["GetConfiguration"]["configurationKey"][0]["value"] == "2"
    assert answers["UnlockConnector"] == {"status": "NotSupported"}
    assert "listVersion" in answers["GetLocalListVersion"]
    assert answers["DataTransfer"]["status"].startswith("Unknown")
    assert point.central.said("Heartbeat")


def _ac(*sets: str, **given: Any) -> ChargePoint:
    """An AC outlet whose vehicle charges."""
    point = ChargePoint("ac_pev.stop_at_soc=80 %", *sets, kinds="ac", **given)
    return point.until(lambda: "Charging" in point.statuses()).run(20)


@pytest.mark.ocpp_cases("TC_056", "TC_082")
def test_a_limit_reaches_the_duty() -> None:
    """By the pilot alone: 32 A, then 16, 10 and none, and 16 again; the vehicle follows. Without 6 A it is the station
    that suspends, whatever the vehicle would do."""
    point = _ac("outlet.medium=none")
    pilot, meter = point.outlet().roles["pilot"], point.outlet().roles["meter"]
    assert pilot.read("duty") == pytest.approx(53.3, abs=0.1)
    point.limit(1, 16).run(15)
    assert (pilot.read("duty"), meter.read("current_L1")) == (pytest.approx(26.7, abs=0.1), pytest.approx(16, abs=0.5))
    point.limit(1, 10).run(15)
    assert (pilot.read("duty"), meter.read("current_L3")) == (pytest.approx(16.7, abs=0.1), pytest.approx(10, abs=0.5))
    point.limit(1, 5).run(15)
    assert (pilot.read("duty"), meter.read("power")) == (100, 0)
    assert point.statuses()[-1] == "SuspendedEVSE"
    point.limit(1, 16).run(30)
    assert point.statuses()[-2:] == ["SuspendedEVSE", "Charging"]
    assert meter.read("current_L1") == pytest.approx(16, abs=0.5)


def _profile(purpose: str, unit: str, period: dict[str, float]) -> dict[str, Any]:
    """From now on."""
    whole = purpose == "ChargePointMaxProfile"
    begin = {"startSchedule": "2026-11-29T12:00:00Z"} if whole else {}
    schedule = {**begin, "chargingRateUnit": unit, "chargingSchedulePeriod": [{"startPeriod": 0, **period}]}
    return {
        "chargingProfileId": 5,
        "stackLevel": 1,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute" if whole else "Relative",
        "chargingSchedule": schedule,
    }


@pytest.mark.ocpp_cases("TC_056", "TC_057")
@pytest.mark.parametrize("purpose", ["TxProfile", "TxDefaultProfile", "ChargePointMaxProfile"])
@pytest.mark.parametrize(("unit", "limit"), [("W", 3_680), ("A", 16)])
def test_a_limit_on_one_phase(purpose: str, unit: str, limit: float) -> None:
    """numberPhases 1: the station switches to one phase, with 16 A on it; and back when there is no such limit."""
    point = _ac("outlet.medium=none", "outlet.most_phases=3", "outlet.outlet.T_between_switches=10 s")
    pilot, meter = point.outlet().roles["pilot"], point.outlet().roles["meter"]
    to = 0 if purpose == "ChargePointMaxProfile" else 1
    profile = _profile(purpose, unit, {"limit": limit, "numberPhases": 1})
    point.central.ask("SetChargingProfile", connectorId=to, csChargingProfiles=profile)
    point.run(60)
    assert point.central.answers["SetChargingProfile"] == {"status": "Accepted"}
    assert pilot.read("duty") == pytest.approx(26.7, abs=0.1)
    assert [meter.read(f"current_L{line}") for line in (1, 2, 3)] == [pytest.approx(16, abs=0.5), 0, 0]
    for asked, told in (("A", 16), ("W", 3_680)):
        point.central.ask("GetCompositeSchedule", connectorId=1, duration=60, chargingRateUnit=asked)
        rows = point.run(1).central.answers["GetCompositeSchedule"]["chargingSchedule"]["chargingSchedulePeriod"]
        assert rows == [{"startPeriod": 0, "limit": told, "numberPhases": 1}]
    point.central.ask("ClearChargingProfile", id=5)
    point.run(60)
    assert pilot.read("duty") == pytest.approx(53.3, abs=0.1)
    assert [meter.read(f"current_L{line}") for line in (1, 2, 3)] == [pytest.approx(16, abs=0.5)] * 3


@pytest.mark.parametrize("purpose", ["TxProfile", "ChargePointMaxProfile"])
@pytest.mark.parametrize(("limit", "current"), [(7_360, 10.67), (3_680, 0.0)])
def test_a_limit_on_one_phase_where_none_can_be_switched(purpose: str, limit: float, current: float) -> None:
    """All three may carry current, so the watts are those of three: never more than the limit, also where that is
    less than there is a duty for."""
    point = _ac("outlet.medium=none")
    profile = _profile(purpose, "W", {"limit": limit, "numberPhases": 1})
    to = 1 if purpose == "TxProfile" else 0
    point.central.ask("SetChargingProfile", connectorId=to, csChargingProfiles=profile)
    point.run(40)
    meter = point.outlet().roles["meter"]
    assert [meter.read(f"current_L{line}") for line in (1, 2, 3)] == [pytest.approx(current, abs=0.2)] * 3
    assert meter.read("power") <= limit + 100.0
    assert point.statuses()[-1] == ("Charging" if current else "SuspendedEVSE")


@pytest.mark.ocpp_cases("TC_056", "TC_082")
def test_a_limit_reaches_the_session() -> None:
    """By ISO 15118-2 the vehicle reads it in the next answer; the pilot stays at 5 %."""
    point = _ac("ocpp.adapters.settings.MeterValuesSampledData=Current.Import,Current.Offered,Voltage")
    pilot, meter = point.outlet().roles["pilot"], point.outlet().roles["meter"]
    assert point.outlet().machine.data["protocol"] == "iso2"
    point.limit(1, 10).run(15)
    assert (pilot.read("duty"), meter.read("current_L1")) == (5, pytest.approx(10, abs=0.5))
    values = point.limit(1, 13).run(15).central
    values.ask("TriggerMessage", requestedMessage="MeterValues", connectorId=1)
    point.run(2)
    told = values.said("MeterValues")[-1]["meterValue"][0]["sampledValue"]
    phases = {one["phase"] for one in told if one["measurand"] == "Current.Import"}
    assert (phases, [one["value"] for one in told if one["measurand"] == "Current.Offered"]) == (
        {"L1", "L2", "L3"},
        ["13.0"],
    )


@each
@pytest.mark.ocpp_cases("TC_005_1")
def test_unplugged_while_it_charges(kinds: str) -> None:
    point = ChargePoint(f"{VEHICLES[kinds][0]}.stop_at_soc=80 %", kinds=kinds)
    point.until(lambda: "Charging" in point.statuses()).run(10).unplug()
    assert point.central.said("StopTransaction")[0]["reason"] == "EVDisconnected"
    assert point.statuses()[-1] == "Available"


@each
def test_unplugged_while_it_may_not_charge(kinds: str) -> None:
    """A limit of 0: nothing flows that would break off, and it is the driver all the same."""
    point = ChargePoint(f"{VEHICLES[kinds][0]}.stop_at_soc=80 %", kinds=kinds)
    point.until(lambda: "Charging" in point.statuses()).run(10).limit(1, 0).run(10)
    assert point.statuses()[-1] == "SuspendedEVSE"
    point.unplug().run(5)
    assert point.central.said("StopTransaction")[0]["reason"] == "EVDisconnected"
    assert point.statuses()[-1] == "Available"


@pytest.mark.parametrize("how", ["the same", "another", "unlocked"])
def test_a_second_charge_of_an_ac_vehicle_that_stays(how: str) -> None:
    """Its driver, or the next one, shows a card: nobody has to unplug; also where the plug was released meanwhile."""
    point = ChargePoint("ac_pev.stop_at_soc=80 %", kinds="ac")
    point.until(lambda: "Charging" in point.statuses()).run(20)
    _shows(point, "CARD1").until(lambda: point.statuses()[-1] == "Finishing", 15)
    if how == "unlocked":
        point.central.ask("UnlockConnector", connectorId=1)
        point.run(15)
        assert not point.outlet().roles["lock"].read("is_locked")
    _shows(point, "CARD2" if how == "another" else "CARD1")
    point.until(lambda: point.statuses()[-1] == "Charging", 120).run(20)
    assert point.outlet().roles["lock"].read("is_locked")
    assert point.statuses()[-3:] == ["Finishing", "Preparing", "Charging"]
    _shows(point, "CARD2" if how == "another" else "CARD1").until(lambda: point.statuses()[-1] == "Finishing", 15)
    assert [one["idTag"] for one in point.central.said("StartTransaction")] == [
        "CARD1",
        "CARD2" if how == "another" else "CARD1",
    ]
    assert len(point.central.said("StopTransaction")) == 2
    nothing_is_missing(point)


KEPT = ("ocpp.adapters.settings.UnlockConnectorOnEVSideDisconnect=false", "outlet.adapters.reader.token_after=none")


def _shows(point: ChargePoint, card: str) -> ChargePoint:
    point.system.roots["site"].children["outlet", 1].roles["reader"].adapter.port.emit("token", id=card)
    return point.run(5)


@pytest.mark.ocpp_cases("TC_005_2")
@pytest.mark.parametrize("how", ["his card", "unlock"])
def test_the_plug_of_an_ac_outlet_stays_until_its_owner_comes(how: str) -> None:
    """UnlockConnectorOnEVSideDisconnect false: the cable is nobody else's; whoever shows another card gets nothing."""
    point = _shows(ChargePoint("ac_pev.stop_at_soc=80 %", *KEPT, kinds="ac").run(5), "CARD1")
    point.until(lambda: "Charging" in point.statuses()).run(10).unplug()
    lock = point.outlet().roles["lock"]
    assert point.central.said("StopTransaction")[0]["reason"] == "EVDisconnected"
    assert (point.statuses()[-1], lock.read("is_locked")) == ("Finishing", True)
    assert _shows(point, "CARD2").run(60).statuses()[-1] == "Finishing"
    assert lock.read("is_locked")
    if how == "his card":
        _shows(point, "CARD1")
    else:
        point.central.ask("UnlockConnector", connectorId=1)
        point.run(5)
        assert point.central.answers["UnlockConnector"] == {"status": "Unlocked"}
    assert (point.statuses()[-1], lock.read("is_locked")) == ("Available", False)


@pytest.mark.ocpp_cases("TC_005_3")
def test_the_plug_of_an_ac_outlet_in_another_moment_at_the_same_vehicle() -> None:
    """StopTransactionOnEVSideDisconnect false, too: the transaction goes on, and energy flows again."""
    stays = "ocpp.adapters.settings.StopTransactionOnEVSideDisconnect=false"
    point = _shows(ChargePoint("ac_pev.stop_at_soc=80 %", stays, *KEPT, kinds="ac").run(5), "CARD1")
    point.until(lambda: "Charging" in point.statuses()).run(10).unplug()
    assert (point.statuses()[-1], point.outlet().roles["lock"].read("is_locked")) == ("SuspendedEV", True)
    register = point.outlet().roles["meter"].read("energy")
    point.vehicle().roles["driver"].call("plug_in", {})
    point.until(lambda: point.statuses()[-1] == "Charging").run(20)
    assert point.outlet().roles["meter"].read("energy") > register
    assert point.central.said("StopTransaction") == []
    assert len(point.central.said("StartTransaction")) == 1


@pytest.mark.parametrize("stopped", [True, False])
def test_the_plug_of_an_ac_outlet_is_free_after_a_stop(stopped: bool) -> None:
    """He was here and stopped it, or never began."""
    point = ChargePoint("ac_pev.stop_at_soc=80 %", *KEPT, kinds="ac").run(5)
    if stopped:
        _shows(point, "CARD1").until(lambda: "Charging" in point.statuses())
        _shows(point, "CARD1").run(20)
        assert point.central.said("StopTransaction")[0]["reason"] == "Local"
    point.unplug()
    assert (point.statuses()[-1], point.outlet().roles["lock"].read("is_locked")) == ("Available", False)


@each
@pytest.mark.ocpp_cases("TC_032_2")
def test_power_is_lost_while_it_charges(kinds: str, tmp_path: Path) -> None:
    """The vehicle is still there: the transaction goes on, and keeps its number and where it began."""
    long = f"{VEHICLES[kinds][0]}.stop_at_soc=80 %"
    point = ChargePoint(long, kinds=kinds, folder=tmp_path)
    point.until(lambda: "Charging" in point.statuses()).run(20)
    started = point.central.said("StartTransaction")
    again = tmp_path / "again"
    again.mkdir()
    for file in tmp_path.glob("charge_point.db*"):
        shutil.copy(file, again)
    point = ChargePoint(long, "outlet.adapters.reader.token_after=none", kinds=kinds, folder=again)
    point.until(lambda: "Charging" in point.statuses()).run(10)
    assert point.central.said("StartTransaction") == []
    point.central.ask("RemoteStopTransaction", transactionId=101)
    point.until(lambda: bool(point.central.said("StopTransaction")))
    assert point.central.said("StopTransaction")[0]["transactionId"] == 101
    assert started[0]["idTag"] == "CARD1"


@each
@pytest.mark.ocpp_cases("TC_032_2", "D6")
def test_the_register_goes_on_after_a_power_loss(kinds: str, tmp_path: Path) -> None:
    """The vehicle has gone: the transaction is closed by the last reading there is, and the next one begins there. A
    charger that counts by itself has lost what flowed since it was last told."""
    long = f"{VEHICLES[kinds][0]}.stop_at_soc=80 %"
    point = ChargePoint(long, "ocpp.adapters.settings.MeterValueSampleInterval=10 s", kinds=kinds, folder=tmp_path)
    point.until(lambda: "Charging" in point.statuses()).run(35)
    last = int(point.central.said("MeterValues")[-1]["meterValue"][0]["sampledValue"][0]["value"])
    assert last > 10
    register = int(point.outlet().roles["meter"].read("energy")) if kinds != "bms" else last
    again = tmp_path / "again"
    again.mkdir()
    for file in tmp_path.glob("*.*"):
        shutil.copy(file, again)
    away = (f"{VEHICLES[kinds][0]}1.{'plug_after=3 min' if kinds == 'bms' else 'adapters.pilot.plug_after=3 min'}",)
    point = ChargePoint(long, *away, "outlet1.adapters.reader.token_after=200 s", kinds=kinds, folder=again)
    point.until(lambda: bool(point.central.said("StopTransaction")))
    (stop,) = point.central.said("StopTransaction")
    assert (stop["reason"], stop["transactionId"]) == ("PowerLoss", 101)
    assert stop["meterStop"] == register
    assert point.run(1).statuses()[-1] == "Available"
    assert set(point.statuses()) <= {"Preparing", "Available"}, "it is not free before it was measured"
    point.until(lambda: bool(point.central.said("StartTransaction")))
    assert point.central.said("StartTransaction")[0]["meterStart"] == register
    point.run(60).unplug()
    assert point.central.said("StopTransaction")[-1]["meterStop"] > register + 50


def test_a_site_of_one_dc_and_one_ac_outlet() -> None:
    """One limit of the charge point over both, a limit of one in amperes, and each its own statuses."""
    point = ChargePoint("pev.stop_at_soc=80 %", "ac_pev.stop_at_soc=80 %", outlets=2, kinds="dc,ac")
    point.until(lambda: all("Charging" in point.statuses(n) for n in (1, 2))).run(20)
    meters = [point.outlet(n).roles["meter"] for n in (1, 2)]
    assert {one["idTag"] for one in point.central.said("StartTransaction")} == {"CARD1", "CARD2"}
    assert meters[1].read("power") > 10e3
    point.limit(2, 10).run(30)
    assert meters[1].read("current_L1") == pytest.approx(10, abs=0.5)
    profile = {
        "chargingProfileId": 2,
        "stackLevel": 0,
        "chargingProfilePurpose": "ChargePointMaxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "startSchedule": "2026-11-29T12:00:00Z",
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 20000}],
        },
    }
    point.central.ask("SetChargingProfile", connectorId=0, csChargingProfiles=profile)
    point.run(40)
    assert point.central.answers["SetChargingProfile"] == {"status": "Accepted"}
    assert 12e3 < sum(meter.read("power") for meter in meters) <= 20.5e3
    point.unplug(2)
    assert (point.statuses(1)[-1], point.statuses(2)[-1]) == ("Charging", "Available")


@pytest.mark.ocpp_cases("TC_066")
@pytest.mark.parametrize(("kinds", "volts"), [("dc", 400), ("ac", 690), ("bms", 72)])
def test_a_composite_schedule_in_the_other_unit(kinds: str, volts: int) -> None:
    """A limit in amperes is watts by what the outlet gives: its own voltage, or three phases."""
    point = ChargePoint(kinds=kinds).run(5).limit(1, 20)
    rows = {}
    for unit in ("A", "W"):
        point.central.ask("GetCompositeSchedule", connectorId=1, duration=60, chargingRateUnit=unit)
        point.run(1)
        schedule = point.central.answers["GetCompositeSchedule"]["chargingSchedule"]
        assert schedule["chargingRateUnit"] == unit
        rows[unit] = [row["limit"] for row in schedule["chargingSchedulePeriod"]]
    assert rows == {"A": [20], "W": [20 * volts]}


@pytest.mark.ocpp_cases("TC_057", "TC_066")
def test_a_limit_in_amperes_is_one_of_the_dc_output() -> None:
    """The battery stands at 358 V and rises: never more than 30 A, and little less; watts are by what it has now."""
    point = ChargePoint("pev.stop_at_soc=80 %")
    point.until(lambda: "Charging" in point.statuses()).run(10).limit(1, 30).run(15)
    supply = point.outlet().roles["supply"]
    for _ in range(5):
        assert 29 < supply.read("present_current") <= 30.01
        point.run(5)
    point.central.ask("GetCompositeSchedule", connectorId=1, duration=60, chargingRateUnit="W")
    point.run(1)
    schedule = point.central.answers["GetCompositeSchedule"]["chargingSchedule"]
    assert schedule["chargingSchedulePeriod"][0]["limit"] == pytest.approx(
        30 * supply.read("present_voltage"), rel=0.02
    )


@pytest.mark.parametrize("kinds", ["dc", "bms"])
def test_what_is_offered_is_what_the_limit_leaves(kinds: str) -> None:
    """In watts and in amperes: a bench that reads only one of them sees the limit, too."""
    wanted = "ocpp.adapters.settings.MeterValuesSampledData=Current.Offered,Power.Offered,Voltage"
    point = ChargePoint(f"{VEHICLES[kinds][0]}.stop_at_soc=80 %", wanted, kinds=kinds)
    point.until(lambda: "Charging" in point.statuses()).run(10)
    point.limit(1, 10).run(15).limit(1, 9).run(15)
    point.central.ask("TriggerMessage", requestedMessage="MeterValues", connectorId=1)
    point.run(2)
    rows = point.central.said("MeterValues")[-1]["meterValue"][0]["sampledValue"]
    told = {one["measurand"]: float(one["value"]) for one in rows}
    assert told["Current.Offered"] == 9
    assert told["Power.Offered"] == pytest.approx(9 * told["Voltage"], rel=0.01)


def test_a_light_vehicle() -> None:
    """The battery is charged as far as it wants; a limit in amperes is its output's, and none at all suspends it."""
    point = ChargePoint("battery.stop_at_soc=60 %", kinds="bms")
    point.until(lambda: "Charging" in point.statuses()).run(10)
    charger = point.outlet().machine
    assert charger.data["current"] > 40
    point.limit(1, 20).run(5)
    assert charger.data["current"] == pytest.approx(20, abs=1)
    point.limit(1, 0).run(10)
    assert charger.data["current"] == pytest.approx(0, abs=0.1)
    assert point.statuses()[-1] == "SuspendedEVSE"
    point.limit(1, 30).until(lambda: bool(point.central.said("StopTransaction")), 900)
    assert point.statuses()[-3:] == ["SuspendedEVSE", "Charging", "SuspendedEV"]
    assert point.central.said("StopTransaction")[0]["meterStop"] > 100
    point.until(lambda: point.statuses()[-1] == "Available", 60)
    point.central.ask("UnlockConnector", connectorId=1)
    point.run(1)
    assert point.central.answers["UnlockConnector"] == {"status": "NotSupported"}


def test_a_site_of_three_kinds() -> None:
    """All have their share of one limit, and their own transactions."""
    stops = ("pev.stop_at_soc=80 %", "ac_pev.stop_at_soc=80 %", "battery.stop_at_soc=80 %")
    point = ChargePoint(*stops, "P_site=15 kW", outlets=3, kinds="dc,ac,bms")
    point.until(lambda: all("Charging" in point.statuses(n) for n in (1, 2, 3))).run(60)
    site = point.system.roots["site"].machine
    assert all(granted > 1e3 for granted in site.data["granted"])
    drawn = sum(point.outlet(n).roles["meter"].read("power") for n in (1, 2))
    third = point.outlet(3).machine.data
    assert 11e3 < drawn + third["voltage"] * third["current"] < 16e3
    point.unplug(3)
    assert point.central.said("StopTransaction")[0]["reason"] == "EVDisconnected"
    assert [point.statuses(n)[-1] for n in (1, 2, 3)] == ["Charging", "Charging", "Available"]


@pytest.mark.ocpp_cases("TC_018_1", "TC_018_2")
@pytest.mark.parametrize(
    ("kinds", "sets", "said"),
    [
        ("dc", "own_lock=true", "Unlocked"),
        ("dc", "own_lock=false", "NotSupported"),
        ("ac", "outlet.attached=false", "Unlocked"),
        ("ac", "outlet.attached=true", "NotSupported"),
        ("bms", "T_left=6 s", "NotSupported"),
    ],
)
def test_unlocked_while_it_charges(kinds: str, sets: str, said: str) -> None:
    """The plug is released when the power is off, then it is answered; a cable of the station's is none of it."""
    point = ChargePoint(f"outlet.{sets}", f"{VEHICLES[kinds][0]}.stop_at_soc=80 %", kinds=kinds)
    point.until(lambda: "Charging" in point.statuses()).run(5)
    point.central.ask("UnlockConnector", connectorId=1)
    point.until(lambda: "UnlockConnector" in point.central.answers, 30)
    assert point.central.answers["UnlockConnector"] == {"status": said}
    if said == "Unlocked":
        roles = point.outlet().roles
        assert (roles["lock"].read("is_locked"), roles["contactor"].read("is_closed")) == (False, False)
    point.run(10)
    reasons = [one["reason"] for one in point.central.said("StopTransaction")]
    assert reasons == (["UnlockCommand"] if said == "Unlocked" else [])
    assert (point.statuses()[-1] == "Charging") is (said != "Unlocked")


@pytest.mark.ocpp_cases("TC_017_1", "TC_017_2")
@pytest.mark.parametrize(("attached", "said"), [("false", "Unlocked"), ("true", "NotSupported")])
def test_the_plug_of_an_ac_outlet_is_unlocked(attached: str, said: str) -> None:
    """A cable of the vehicle's, and one of the station's; nobody has shown a card."""
    sets = (f"outlet.outlet.attached={attached}", "outlet.adapters.reader.token_after=none")
    point = ChargePoint(*sets, kinds="ac").run(10)
    assert point.statuses()[-1] == "Preparing"
    point.central.ask("UnlockConnector", connectorId=1)
    point.run(4)
    assert point.central.answers["UnlockConnector"] == {"status": said}
