"""Scenarios of machines/ocpp/meter_values.yaml: what one reading of an outlet becomes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage

S = 1_000_000_000
READ = {
    "energy": 12345.6,
    "power": 11000.4,
    "voltage": 400.04,
    "current": 27.5,
    "phase_voltages": [],
    "phase_currents": [],
}
ALL = ["Energy.Active.Import.Register", "Power.Active.Import", "Voltage", "Current.Import", "Current.Offered"]
ALL += ["Power.Offered", "SoC", "Temperature"]


def begun(measurands: list[str], **parameters: Any) -> Stage:
    return Stage(
        "machines/ocpp/meter_values.yaml", {"clock.now": 100 * S}, connectorId=2, measurands=measurands, **parameters
    )


def rows(stage: Stage) -> list[tuple[str, str, str, str]]:
    out = stage.output
    return list(zip(out["measurand"], out["phase"], out["value"], out["unit"], strict=True))


@pytest.mark.ocpp_cases("D6")
def test_what_is_wanted_and_measured_has_a_row() -> None:
    """OCPP 1.6 7.31, 7.35: the units' names; the misspelt one as everybody sends it (OCPP-J errata 2.1). Of
    12345.6 Wh as many as a meterStop of the same moment would have (D6 of the field): the register never falls."""
    stage = begun(ALL).finish("read", **READ, offered_power=50000.0, offered_current=125.0, soc=42, temperature=31.25)
    assert stage.order("outlets.read") == {"outlet": 2}
    assert rows(stage) == [
        ("Energy.Active.Import.Register", "", "12345", "Wh"),
        ("Power.Active.Import", "", "11000", "W"),
        ("Voltage", "", "400.0", "V"),
        ("Current.Import", "", "27.5", "A"),
        ("Current.Offered", "", "125.0", "A"),
        ("Power.Offered", "", "50000", "W"),
        ("SoC", "", "42", "Percent"),
        ("Temperature", "", "31.2", "Celcius"),
    ]
    assert stage.output["context"] == ["Sample.Periodic"] * 8
    assert stage.output["timestamp"] == [100 * S] * 8
    assert (stage.output["time"], stage.output["energy"], stage.output["lost"]) == (100 * S, 12345.6, "")


def test_what_is_not_measured_has_none() -> None:
    stage = begun(ALL).finish("read", **READ, offered_power=None, offered_current=None, soc=None, temperature=None)
    assert [row[0] for row in rows(stage)] == ALL[:4]


def test_what_is_not_wanted_has_none() -> None:
    assert rows(begun(["Frequency"]).finish("read", **READ, soc=1)) == []
    assert rows(begun(["SoC"]).finish("read", **READ, soc=1)) == [("SoC", "", "1", "Percent")]


@pytest.mark.parametrize(
    ("wanted", "phases"),
    [("Voltage", ["L1", "L2", "L3"]), ("Voltage.L2", ["L2"]), ("Current.Import", ["L1", "L2", "L3"])],
)
def test_phases(wanted: str, phases: list[str]) -> None:
    """OCPP 1.6 3.16.3, 9.1.17: a measurand is all its phases; joined with one it is that."""
    read = {**READ, "phase_voltages": [230.0, 231.0, 232.0], "phase_currents": [16.0, 15.0, 14.0]}
    stage = begun([wanted]).finish("read", **read)
    assert [row[1] for row in rows(stage)] == phases
    assert {row[0] for row in rows(stage)} == {wanted.removesuffix(".L2")}
    assert (
        rows(stage)[0][2:]
        == {"Voltage": ("230.0", "V"), "Voltage.L2": ("231.0", "V"), "Current.Import": ("16.0", "A")}[wanted]
    )


@pytest.mark.ocpp_cases("D16")
def test_a_clock_that_was_set_back_does_not_take_the_samples_back() -> None:
    stage = begun(["SoC"], not_before=200 * S).finish("read", **READ, soc=1)
    assert stage.output["time"] == 200 * S
    assert stage.output["timestamp"] == [200 * S]


@pytest.mark.parametrize("how", ["late", "failed"])
def test_an_outlet_that_says_nothing(how: str) -> None:
    stage = begun(ALL, to="central_system", not_before=200 * S)
    if how == "late":
        assert not stage.run(4.999).ended
        stage.run(0.001)
    else:
        stage.fail("read")
    assert rows(stage) == []
    assert (stage.output["time"], stage.output["energy"]) == (200 * S, 0.0)
    assert not stage.ordered("csms.MeterValuesReq", "ledger.MeterValues")


def test_of_a_transaction_it_goes_into_the_store() -> None:
    stage = begun(["SoC"], to="ledger", transaction=7).finish("read", **READ, soc=1)
    assert stage.order("ledger.MeterValues") == {
        "transaction": 7,
        "register": 12345,
        "connectorId": 2,
        "timestamp": [100 * S],
        "value": ["1"],
        "context": ["Sample.Periodic"],
        "measurand": ["SoC"],
        "phase": [""],
        "unit": ["Percent"],
    }
    assert not stage.ended
    assert stage.finish("store").output["lost"] == ""


def test_a_store_that_does_not_take_it_is_said() -> None:
    stage = begun(["SoC"], to="ledger", transaction=7).finish("read", **READ, soc=1).fail("store", "disk full")
    assert stage.output["lost"] == "disk full"
    assert rows(stage)


def test_of_no_transaction_it_is_not_stored() -> None:
    """Also of one that could not be stored itself."""
    assert begun(["SoC"], to="ledger", transaction=0).finish("read", **READ, soc=1).ended


@pytest.mark.parametrize("how", ["answered", "refused", "late"])
def test_without_a_transaction_the_central_system_is_told_once(how: str) -> None:
    """OCPP 1.6 3.16.1, errata 3.16: no transactionId."""
    stage = begun(["SoC"], to="central_system", transaction=0, context="Sample.Clock").finish("read", **READ, soc=1)
    told = stage.order("csms.MeterValuesReq")
    assert told is not None
    assert "transactionId" not in told
    assert told["context"] == ["Sample.Clock"]
    if how == "answered":
        stage.finish("tell")
    elif how == "refused":
        stage.fail("tell", "InternalError")
    else:
        assert not stage.run(29.999).ended
        stage.run(0.001)
    assert stage.output["lost"] == ""


def test_nothing_wanted_is_nothing_told() -> None:
    assert not begun([], to="central_system").finish("read", **READ, soc=1).ordered("csms.MeterValuesReq")
