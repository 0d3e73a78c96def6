"""A chart's named values say the same as the payload: what is lost between them would be lost on the line."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.ocpp import contract, flat
from adapters.ocpp.flat import NS, NotFlat, flatten, nest
from adapters.ocpp.schemas import actions, misfit
from tests.ocpp.samples import fitting

NOON = int(datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()) * NS


@given(data=st.data())
def test_flat_and_back_is_the_same(data: st.DataObject) -> None:
    action = data.draw(st.sampled_from(sorted(actions())))
    response = data.draw(st.booleans())
    payload = data.draw(fitting(f"{action}Response" if response else action))
    values = None
    with suppress(NotFlat):  # the schemas do not say what a date and time is
        values = flatten(action, payload, response=response)
    assume(values is not None)
    again = nest(action, values, response=response)
    assert flatten(action, again, response=response) == values
    if "[]" not in (text := json.dumps(payload)) and '""' not in text:  # what is empty there is not said here
        assert misfit(action, again, response=response) is None


def test_meter_values_have_a_row_for_each_sampled_value() -> None:
    payload = {
        "connectorId": 1,
        "transactionId": 7,
        "meterValue": [
            {
                "timestamp": "2026-11-29T12:00:00.000Z",
                "sampledValue": [
                    {"value": "1200", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
                    {"value": "48", "measurand": "SoC", "unit": "Percent"},
                ],
            },
            {"timestamp": "2026-11-29T12:01:00.000Z", "sampledValue": [{"value": "1300"}]},
        ],
    }
    values = flatten("MeterValues", payload, response=False)
    assert values["timestamp"] == [NOON, NOON, NOON + 60 * NS]
    assert values["value"] == ["1200", "48", "1300"]
    assert values["measurand"] == ["Energy.Active.Import.Register", "SoC", ""]
    assert values["connectorId"] == 1
    assert nest("MeterValues", values, response=False) == payload


def test_a_first_period_at_0_and_a_limit_of_0_are_written() -> None:
    values = {
        "connectorId": 1, "chargingProfileId": 3, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute", "chargingRateUnit": "A", "startPeriod": [0, 90 * NS], "limit": [0.0, 16.04],
        "numberPhases": [0, 3],
    }  # fmt: skip
    schedule = nest("SetChargingProfile", values, response=False)["csChargingProfiles"]["chargingSchedule"]
    assert schedule["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 0.0},
        {"startPeriod": 90, "limit": 16.0, "numberPhases": 3},
    ]


def test_two_fields_of_one_name_are_told_apart() -> None:
    payload = {
        "meterStop": 900,
        "timestamp": "2026-11-29T12:00:00.000Z",
        "transactionId": 7,
        "transactionData": [{"timestamp": "2026-11-29T11:00:00.000Z", "sampledValue": [{"value": "100"}]}],
    }
    values = flatten("StopTransaction", payload, response=False)
    assert values["timestamp"] == NOON
    assert values["transactionData_timestamp"] == [NOON - 3600 * NS]
    assert nest("StopTransaction", values, response=False) == payload


def test_an_entry_of_a_list_without_information_has_none() -> None:
    entries = [{"idTag": "A", "idTagInfo": {"status": "Accepted"}}, {"idTag": "B"}]
    payload = {"listVersion": 2, "updateType": "Differential", "localAuthorizationList": entries}
    values = flatten("SendLocalList", payload, response=False)
    assert (values["idTag"], values["status"], values["expiryDate"]) == (["A", "B"], ["Accepted", ""], [0, 0])
    assert nest("SendLocalList", values, response=False) == payload


def test_lists_of_one_table_must_be_as_long() -> None:
    values = {"connectorId": 1, "timestamp": [NOON], "value": ["1", "2"]}
    with pytest.raises(
        NotFlat, match="MeterValues: lists of one table are as long as each other: timestamp 1, value 2"
    ):
        nest("MeterValues", values, response=False)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-11-29T12:00:00Z", NOON),
        ("2026-11-29T13:00:00+01:00", NOON),
        ("2026-11-29T12:00:00", NOON),  # central systems that forget the zone mean UTC
        ("2026-11-29T12:00:00.250Z", NOON + NS // 4),
        ("2026-11-29T12:00:00.250123456Z", NOON + 250_123_000),
    ],
)
def test_times_as_central_systems_write_them(text: str, ns: int) -> None:
    assert flat.time_ns(text) == ns


@pytest.mark.parametrize(
    ("text", "years"),
    [("9999-12-31T23:59:59-14:00", 146), ("2200-01-01T00:00:00Z", 146), ("0001-01-01T00:00:00+14:00", -146)],
)
def test_never_is_far_away_but_two_of_it_can_be_added(text: str, years: int) -> None:
    ns = flat.time_ns(text)
    assert round(ns / NS / 3600 / 24 / 365.25) == years
    assert -(2**63) <= 2 * ns < 2**63
    assert abs(flat.time_ns(flat.time_text(ns)) - ns) < 1_000_000


def test_a_period_of_ages_is_a_long_one() -> None:
    payload = {"connectorId": 1, "duration": 2**62}
    assert flatten("GetCompositeSchedule", payload, response=False)["duration"] == flat.FURTHEST


@pytest.mark.parametrize("limit", [1e308, -1e13])
def test_a_number_beyond_what_can_be_meant(limit: float) -> None:
    """Twice 1e308 is no number any more."""
    periods = [{"startPeriod": 0, "limit": limit}]
    profile = {"chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": periods}}
    with pytest.raises(NotFlat, match=r"limit: .* is beyond 1e\+12"):
        flatten("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile}, response=False)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "1000000000000"])
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(NotFlat, match="is no date and time"):
        flat.time_ns(text)


def test_a_time_is_written_to_the_millisecond() -> None:
    assert flat.time_text(NOON + 1_999_999) == "2026-11-29T12:00:00.001Z"


def test_the_contract_is_that_of_the_schemas() -> None:
    """`python -m adapters.ocpp.contract` was run after a change of the schemas or of what is made of them."""
    file = Path(contract.__file__).with_name("central_system.contract.yaml")
    assert file.read_text() == contract.text()
