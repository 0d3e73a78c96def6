"""Scenarios of machines/ocpp/transaction.yaml: its start is stored before energy flows, its end after it."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.ocpp.keys import KEYS
from tests.scenarios.ocpp import keys
from tests.scenarios.stage import Stage

S = 1_000_000_000
ROWS = {"measurand": ["SoC"], "phase": [""], "value": ["40"], "unit": ["Percent"], "lost": ""}
NONE: dict[str, Any] = {
    "timestamp": [],
    "measurand": [],
    "phase": [],
    "value": [],
    "unit": [],
    "context": [],
    "lost": "",
}


def begun(now_s: int = 1000, **parameters: Any) -> Stage:
    changed = {name: parameters.pop(name) for name in [*parameters] if name in KEYS}
    values = {**keys(**changed), "clock.now": now_s * S}
    return Stage("machines/ocpp/transaction.yaml", values, connectorId=1, idTag="CARD", **parameters)


def sampled(stage: Stage, child: str, energy: float, at_s: int, **rows: Any) -> Stage:
    made = {**ROWS, "timestamp": [at_s * S], "context": ["x"], **rows} if rows.pop("some", True) else {**NONE, **rows}
    return stage.ends(child, time=at_s * S, energy=energy, **made)


def running(**parameters: Any) -> Stage:
    return sampled(begun(**parameters), "first", 5000.9, 1000, some=False).finish("start", transaction=7).forget()


def stopped(stage: Stage, reason: str = "Local", **data: Any) -> Stage:
    return stage.post("stop", reason=reason, by=None, flowing=False, faulty=False, **data)


def test_the_start_is_stored_before_anybody_may_charge() -> None:
    """OCPP 1.6 3.7.1, field: stations that charged first and lost the start in a power cut."""
    stage = begun(reservationId=3, StopTxnSampledData=["SoC"])
    assert stage.input("first") == {
        **stage.input("first"),
        "measurands": ["SoC"],
        "context": "Transaction.Begin",
        "to": "nobody",
    }
    sampled(stage, "first", 5000.9, 1000)
    start = {"connectorId": 1, "idTag": "CARD", "meterStart": 5000, "timestamp": 1000 * S, "reservationId": 3}
    assert stage.order("ledger.StartTransaction") == start
    assert stage.told("started") == []
    stage.finish("start", transaction=7)
    assert stage.told("started") == [{"transaction": 7, "at": 1000 * S, "meter": 5000.9}]


def test_a_store_that_takes_no_start() -> None:
    """Nothing is charged that nobody will ever hear of."""
    stage = sampled(begun(), "first", 5000.0, 1000).fail("start", "disk full")
    assert stage.told("refused") == [{"reason": "disk full"}]
    assert (stage.output["transaction"], stage.output["reason"]) == (0, "Other")


def test_or_it_is_charged_all_the_same() -> None:
    stage = sampled(begun(charge_unrecorded=True), "first", 5000.0, 1000).fail("start", "disk full")
    assert stage.told("lost") == [{"what": "a transaction: disk full"}]
    assert stage.told("started") == [{"transaction": 0, "at": 1000 * S, "meter": 5000.0}]
    sampled(stopped(stage), "sample", 6000.0, 1060)
    assert stage.output == {"reason": "Local", "energy": 1000.0, "seconds": 60, "transaction": 0}
    assert not stage.ordered("ledger.StopTransaction")


def test_a_stop_while_it_begins_waits_for_the_beginning() -> None:
    stage = stopped(begun())
    sampled(stage, "first", 5000.0, 1000).finish("start", transaction=7)
    assert stage.active("ending")


def test_sampled_values() -> None:
    """OCPP 1.6 9.1.18: each period, into the store."""
    stage = running(MeterValueSampleInterval=30 * S, MeterValuesSampledData=["SoC"]).run(29.999)
    assert stage.children() == []
    stage.run(0.001)
    told = stage.input("sampled")
    assert (told["to"], told["transaction"], told["measurands"]) == ("ledger", 7, ["SoC"])
    assert (told["context"], told["not_before"]) == ("Sample.Periodic", 1000 * S)
    assert sampled(stage, "sampled", 5100.0, 1030).children() == []
    assert stage.run(30).input("sampled")["not_before"] == 1030 * S


def test_a_new_period_begins_at_once() -> None:
    """OCPP 1.6 9.1.18: who sets 10 s does not wait for the hour that was set before; another key delays nothing."""
    stage = running(MeterValueSampleInterval=3600 * S).run(100)
    stage.values("settings", MeterValueSampleInterval=10 * S)
    stage.emit("settings.changed", key="MeterValueSampleInterval")
    assert stage.children() == []
    stage.run(6).emit("settings.changed", key="HeartbeatInterval").run(3.999)
    assert stage.children() == []
    assert stage.run(0.001).children() == ["sampled"]


def test_what_others_do_is_known_to_it() -> None:
    """What no state knows is a warning in the log, at each event of the outlets, of the store and of the keys."""
    early = sampled(stopped(begun().post("by_clock")), "first", 5000.0, 1000).finish("start", transaction=7).run(1)
    for stage in (early, running(MeterValueSampleInterval=0).post("by_clock").post("by_clock")):
        stage.emit("outlets.state", outlet=2, state="charging").emit("ledger.appended")
        stage.emit("settings.changed", key="HeartbeatInterval").post("may_follow")
        assert stage.unhandled == []
        assert stopped(stopped(stage).post("by_clock")).unhandled == []


@pytest.mark.parametrize("by", ["sampled", "aligned", "look", "last look"])
def test_each_reading_counts_for_the_end(by: str) -> None:
    """The meter fails behind it: what was read last is what is billed."""
    stage = running(MeterValueSampleInterval=60 * S if by == "sampled" else 0, MaxEnergyOnInvalidId=500)
    if "look" in by:
        answered(stage, "Invalid").run(10)
    elif by == "sampled":
        stage.run(60)
    else:
        stage.post("by_clock")
    read = 5600.0 if by == "last look" else 5100.0
    sampled(stage, by.removeprefix("last "), read, 1060, some=False)
    assert stopped(stage).input("sample")["not_before"] == 1060 * S
    sampled(stage, "sample", 0.0, 1070, some=False)
    stop = stage.order("ledger.StopTransaction")
    assert stop is not None
    assert stop["meterStop"] == int(read)


def test_none_by_their_period() -> None:
    assert running(MeterValueSampleInterval=0).run(10_000).children() == []


@pytest.mark.ocpp_cases("TC_071")
def test_clock_aligned_values() -> None:
    """OCPP 1.6 9.1.5; when it is time is machines/ocpp/by_clock.yaml's."""
    stage = running(MeterValueSampleInterval=0).run(10_000)
    assert stage.children() == []
    told = stage.post("by_clock").post("by_clock").input("aligned")
    assert (told["to"], told["transaction"], told["context"]) == ("ledger", 7, "Sample.Clock")
    sampled(stage, "aligned", 5100.0, 1800)
    assert stage.children() == []
    assert stage.post("by_clock").children() == ["aligned"]


@pytest.mark.parametrize("when", ["beginning", "ending"])
def test_none_by_the_clock_while_it_begins_or_ends(when: str) -> None:
    stage = begun() if when == "beginning" else stopped(running())
    before = stage.children()
    assert stage.post("by_clock").children() == before


def test_a_reading_that_could_not_be_stored_is_said() -> None:
    stage = sampled(running().run(60), "sampled", 5100.0, 1060, lost="disk full")
    assert stage.told("lost") == [{"what": "a meter reading: disk full"}]
    assert stage.active("running")


def test_what_the_stop_carries() -> None:
    """OCPP 1.6 9.1.26, 9.1.24: of each list what it names, begin and end in any case."""
    wanted = {"StopTxnSampledData": ["SoC"], "StopTxnAlignedData": ["Voltage"]}
    stage = begun(**wanted, MeterValueSampleInterval=60 * S)
    sampled(stage, "first", 5000.0, 1000, context=["Transaction.Begin"]).finish("start", transaction=7)
    two = {
        "timestamp": [1060 * S] * 2,
        "value": ["41", "400"],
        "measurand": ["SoC", "Voltage"],
        "unit": ["Percent", "V"],
    }
    two = {**two, "phase": ["", ""], "context": ["p", "p"]}
    sampled(stage.run(60), "sampled", 5100.0, 1060, **two)
    sampled(
        stage.run(20).post("by_clock"),
        "aligned",
        5200.0,
        1080,
        **{**two, "timestamp": [1080 * S] * 2, "context": ["a", "a"]},
    )
    sampled(stopped(stage), "sample", 5300.5, 1090, context=["Transaction.End"])
    assert stage.order("ledger.StopTransaction") == {
        "transaction": 7,
        "meterStop": 5300,
        "timestamp": 1090 * S,
        "reason": "Local",
        "transactionData_timestamp": [1000 * S, 1060 * S, 1080 * S, 1090 * S],
        "value": ["40", "41", "400", "40"],
        "context": ["Transaction.Begin", "p", "a", "Transaction.End"],
        "measurand": ["SoC", "SoC", "Voltage", "SoC"],
        "phase": [""] * 4,
        "unit": ["Percent", "Percent", "V", "Percent"],
    }


def test_no_more_than_it_may_carry() -> None:
    stage = running(StopTxnSampledData=["SoC"], StopTransactionMaxMeterValues=1)
    for at_s in (1060, 1120, 1180):
        sampled(stage.run(60), "sampled", 5100.0, at_s)
    sampled(stopped(stage), "sample", 5300.0, 1190)
    stop = stage.order("ledger.StopTransaction")
    assert stop is not None
    assert stop["transactionData_timestamp"] == [1060 * S, 1190 * S]


def ending(faulty: bool = False) -> Stage:
    return running().post("stop", reason="Remote", by=None, flowing=True, faulty=faulty)


@pytest.mark.parametrize("how", ["ended", "free", "detached", "gone", "late"])
def test_the_last_reading_is_made_when_energy_has_ended(how: str) -> None:
    """meterStop is what the vehicle got: the contactor is closed yet while a vehicle pauses, or its current falls."""
    stage = ending()
    for state in ("charging", "suspended_ev", "suspended_evse", "plugged", "wanting"):
        stage.emit("outlets.state", outlet=1, state=state)
    stage.emit("outlets.state", outlet=2, state="ended").emit("outlets.lost", outlet=2)
    assert stage.children() == []
    if how == "gone":
        stage.emit("outlets.lost", outlet=1)
    elif how == "late":
        assert stage.run(24.999).children() == []
        stage.run(0.001)
    else:
        stage.emit("outlets.state", outlet=1, state=how)
    assert stage.input("sample")["context"] == "Transaction.End"
    sampled(stage, "sample", 6000.0, 1060).finish("end")
    assert stage.output == {"reason": "Remote", "energy": pytest.approx(999.1), "seconds": 60, "transaction": 7}


@pytest.mark.parametrize("how", ["before", "meanwhile"])
def test_a_fault_switches_it_off(how: str) -> None:
    """Whether it says so or not; nobody waits half a minute for an emergency stop."""
    stage = ending(faulty=how == "before")
    fault = {"errorCode": "OtherError", "info": "", "emergency": True}
    if how == "meanwhile":
        stage.emit("outlets.fault", outlet=2, **fault).run(3).emit("outlets.fault", outlet=1, **fault)
    stage.run(1.999).emit("outlets.fault", outlet=1, **fault)
    assert stage.children() == []
    assert stage.run(0.001).children() == ["sample"]
    assert ending(faulty=True).emit("outlets.state", outlet=1, state="ended").children() == ["sample"]


@pytest.mark.ocpp_cases("D6")
def test_the_register_never_falls() -> None:
    """Field: an outlet that says nothing, or a meter that began at 0 again, made energy of minus four thousand kWh."""
    stage = sampled(running().run(60), "sampled", 5500.0, 1060)
    sampled(stage.post("stop", reason="Local", by="CARD", flowing=False, faulty=False), "sample", 0.0, 1070, some=False)
    stop = stage.order("ledger.StopTransaction")
    assert stop is not None
    assert (stop["meterStop"], stop["idTag"]) == (5500, "CARD")
    assert stop.keys() == {"transaction", "meterStop", "idTag", "timestamp", "reason"}  # no values: no transactionData


def test_a_second_stop_changes_nothing() -> None:
    stage = stopped(stopped(running()), "Remote")
    sampled(stage, "sample", 6000.0, 1060).finish("end")
    assert stage.output["reason"] == "Local"


def test_an_end_that_cannot_be_written_is_written_by_somebody_else() -> None:
    """The connector is wanted for others; nothing of it is lost."""
    stage = sampled(
        running(StopTxnSampledData=["SoC"]).post("stop", reason="Local", by="CARD", flowing=False, faulty=False),
        "sample",
        6000.9,
        1060,
    )
    stage.fail("end", "disk full")
    rows = {"value": ["40"], "context": ["x"], "measurand": ["SoC"], "phase": [""], "unit": ["Percent"]}
    end = {"transaction": 7, "by": "CARD", "meterStop": 6000.9, "at": 1060 * S, "reason": "Local"}
    assert stage.told("unkept") == [{**end, "timestamp": [1060 * S], **rows}]
    assert stage.output == {"reason": "Local", "energy": 1000.0, "seconds": 60, "transaction": 7}


def test_one_that_is_kept_is_told_nobody() -> None:
    stage = sampled(stopped(running()), "sample", 6000.0, 1060).finish("end")
    assert (stage.ended, stage.told("unkept")) == (True, [])


@pytest.mark.parametrize("late", [False, True])
def test_a_start_goes_in_behind_the_end_of_the_one_before(late: bool) -> None:
    """Of one connector the central system hears of one transaction after the other."""
    stage = begun(behind=True)
    if late:
        sampled(stage, "first", 5000.0, 1000).run(9.999)
        assert not stage.ordered("ledger.StartTransaction")
        stage.post("may_follow")
    else:
        sampled(stage.post("may_follow"), "first", 5000.0, 1000)
    stage.finish("start", transaction=8)
    assert stage.told("started") == [{"transaction": 8, "at": 1000 * S, "meter": 5000.0}]


def test_a_store_that_does_not_take_the_one_before_takes_none() -> None:
    stage = sampled(begun(behind=True), "first", 5000.0, 1000).run(10)
    assert stage.told("refused") == [{"reason": "the end of the transaction before it is not in the store"}]
    assert stage.ended
    stage = sampled(begun(behind=True, charge_unrecorded=True), "first", 5000.0, 1000).run(10)
    assert stage.told("started") == [{"transaction": 0, "at": 1000 * S, "meter": 5000.0}]
    assert not stage.ordered("ledger.StartTransaction")


def answered(stage: Stage, status: str | None, **other: Any) -> Stage:
    said = {"action": "StartTransaction", "transaction": 7, "transactionId": 42, "status": status, **other}
    return stage.emit("ledger.answered", parentIdTag=None, expiryDate=None, **said)


def test_its_id_is_told() -> None:
    stage = answered(running(), "Accepted", transaction=8)
    answered(stage, None, action="MeterValues", transactionId=None)
    assert stage.told("known") == []
    assert answered(stage, "Accepted").told("known") == [{"transactionId": 42}]
    assert stage.told("invalid") == []


@pytest.mark.parametrize("stops", [True, False])
def test_a_card_that_is_none(stops: bool) -> None:
    """OCPP 1.6 9.1.22; TC_037_2, TC_037_3."""
    stage = answered(running(StopTransactionOnInvalidId=stops), "Blocked")
    assert stage.told("known") == [{"transactionId": 42}]
    assert stage.told("invalid") == [{"stops": stops}]


def test_a_little_energy_all_the_same() -> None:
    """OCPP 1.6 9.1.14: enough to drive away."""
    stage = running(MaxEnergyOnInvalidId=500, MeterValueSampleInterval=0).run(20)
    assert stage.children() == []
    assert answered(stage, "Invalid").run(9.999).children() == []
    sampled(stage.run(0.001), "look", 5400.0, 1010, some=False)
    assert stage.run(9.999).children() == []
    assert stage.run(0.001).told("invalid") == []
    sampled(stage, "look", 5500.9, 1020, some=False)
    assert stage.told("invalid") == [{"stops": True}]


def test_what_a_power_loss_cut_goes_on() -> None:
    """The same transaction: no second start, the old beginning."""
    stage = begun(resumed=7, resumed_from=4000.0, resumed_at=100 * S)
    assert not stage.ordered("ledger.StartTransaction")
    assert stage.told("started") == [{"transaction": 7, "at": 100 * S, "meter": 4000.0}]
    sampled(stopped(stage, "PowerLoss"), "sample", 6000.0, 1060).finish("end")
    assert stage.output == {"reason": "PowerLoss", "energy": 2000.0, "seconds": 960, "transaction": 7}


def test_it_ends_where_the_store_was_if_the_meter_has_begun_anew() -> None:
    """meterStop below what was told before, or even below meterStart, is a bill that nobody believes."""
    stage = begun(resumed=7, resumed_from=4000.0, resumed_at=100 * S, resumed_meter=5500.0, resumed_last=1040 * S)
    assert stopped(stage, "PowerLoss").input("sample")["not_before"] == 1040 * S
    sampled(stage, "sample", 3.0, 1060)
    assert (stage.order("ledger.StopTransaction")["meterStop"], stage.data("last")) == (5500, 1060 * S)
