"""Scenarios of machines/ocpp/closing.yaml: an end is written until the file has it."""

from __future__ import annotations

from typing import Any

from tests.scenarios.stage import Stage

S = 1_000_000_000
WRITE = "ledger.StopTransaction"
ROWS = {"value": ["40"], "context": ["Transaction.End"], "measurand": ["SoC"], "phase": [""], "unit": ["Percent"]}


def begun(**parameters: Any) -> Stage:
    given = {"transaction": 7, "meterStop": 5300.9, "at": 1090 * S, "reason": "Local", "by": "CARD", **parameters}
    return Stage("machines/ocpp/closing.yaml", **given)


def test_it_is_written_as_it_was() -> None:
    written = {"transaction": 7, "idTag": "CARD", "meterStop": 5300, "timestamp": 1090 * S, "reason": "Local"}
    stage = begun()
    assert stage.order(WRITE) == written
    assert stage.finish("end").ended
    stage = begun(timestamp=[1090 * S], **ROWS)
    assert stage.order(WRITE) == {**written, "transactionData_timestamp": [1090 * S], **ROWS}


def test_a_disk_that_is_full_for_an_hour() -> None:
    """Never given up, with waits that grow; it is told once."""
    stage = begun().fail("end", "disk full")
    assert stage.told("late") == [{"reason": "disk full"}]
    for _ in range(70):
        stage.run(60).fail("end", "disk full")
    assert len(stage.told("late")) == 1
    stage.run(60).finish("end")
    assert stage.ended


def test_the_waits() -> None:
    stage = begun().fail("end")
    for wait_s in (10, 20, 40, 60, 60):
        before = len(stage.ordered(WRITE))
        assert len(stage.run(wait_s - 0.001).ordered(WRITE)) == before
        assert len(stage.run(0.001).ordered(WRITE)) == before + 1
        stage.fail("end")


def test_at_once_where_the_file_takes_something_again() -> None:
    stage = begun().emit("ledger.appended").fail("end")
    stage.emit("ledger.failed", reason="disk full")
    assert len(stage.ordered(WRITE)) == 1
    stage.emit("ledger.appended").finish("end")
    assert (stage.ended, len(stage.ordered(WRITE)), stage.unhandled) == (True, 2, [])


def test_and_where_somebody_waits_behind_it() -> None:
    stage = begun().post("now").fail("end")
    assert len(stage.ordered(WRITE)) == 1
    assert len(stage.post("now").ordered(WRITE)) == 2
    assert stage.unhandled == []
