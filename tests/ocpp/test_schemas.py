"""A payload that the standard forbids must be found wherever the station runs, and named by the right code of 1.6."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ocpp import messages as oracle
from ocpp.exceptions import OCPPError

from adapters.ocpp.schemas import actions, available, misfit
from tests.ocpp.samples import damaged, fitting

NAMES = sorted((action, response) for action in actions() for response in (False, True))
CORE = """
    Authorize BootNotification ChangeAvailability ChangeConfiguration ClearCache DataTransfer GetConfiguration
    Heartbeat MeterValues RemoteStartTransaction RemoteStopTransaction Reset StartTransaction StatusNotification
    StopTransaction UnlockConnector
"""
OTHERS = """
    GetDiagnostics DiagnosticsStatusNotification FirmwareStatusNotification UpdateFirmware GetLocalListVersion
    SendLocalList CancelReservation ReserveNow ClearChargingProfile GetCompositeSchedule SetChargingProfile
    TriggerMessage
"""
SECURITY = """
    CertificateSigned DeleteCertificate ExtendedTriggerMessage GetInstalledCertificateIds GetLog InstallCertificate
    LogStatusNotification SecurityEventNotification SignCertificate SignedFirmwareStatusNotification
    SignedUpdateFirmware
"""


def test_every_message_of_1_6_and_of_the_security_whitepaper_has_its_schemas() -> None:
    assert actions() == {*CORE.split(), *OTHERS.split(), *SECURITY.split()}


def test_both_libraries_are_tried_here() -> None:
    assert available() == ("jsonschema-rs", "jsonschema")


def test_the_first_wrong_message_loads_nothing() -> None:
    """What is loaded while a vehicle charges holds up the station: for half a second its contactor hears nothing."""
    script = """
import sys
from adapters.ocpp.websocket import WebSocketCentralSystem
from adapters.ocpp.schemas import misfit
loaded = set(sys.modules)
assert misfit("Reset", {"type": 1}, response=False) is not None
print(sorted(set(sys.modules) - loaded))
"""
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


@given(data=st.data())
@settings(max_examples=100)
def test_both_libraries_have_the_same_verdict(data: st.DataObject) -> None:
    """On what fits, and on what is broken at one place: a value of another type or size, one too few, one too many."""
    action, response = data.draw(st.sampled_from(NAMES))
    payload = data.draw(fitting(f"{action}Response" if response else action))
    for engine in available():
        assert misfit(action, payload, response=response, engine=engine) is None
    broken = data.draw(damaged(payload))
    verdicts = {engine: misfit(action, broken, response=response, engine=engine) for engine in available()}
    assert len(set(verdicts.values())) == 1, verdicts


@pytest.mark.parametrize("limit", ["1e400", "-1e400", "1e308", "123456789012345678901234567890.5"])
def test_numbers_at_the_ends_of_what_there_is(limit: str) -> None:
    period = f'{{"startPeriod": 0, "limit": {limit}}}'
    schedule = json.loads(f'{{"chargingRateUnit": "A", "chargingSchedulePeriod": [{period}]}}')
    payload = {"status": "Accepted", "connectorId": 1, "scheduleStart": "", "chargingSchedule": schedule}
    verdicts = {misfit("GetCompositeSchedule", payload, response=True, engine=engine) for engine in available()}
    assert len(verdicts) == 1
    assert (verdicts == {None}) == ("400" not in limit)


@given(data=st.data())
@settings(max_examples=60)
def test_the_verdict_is_that_of_the_package_ocpp(data: st.DataObject) -> None:
    action, response = data.draw(st.sampled_from(NAMES))
    payload = data.draw(fitting(f"{action}Response" if response else action))
    if data.draw(st.booleans()):
        payload = data.draw(damaged(payload))
    theirs = oracle.CallResult("1", payload, action) if response else oracle.Call("1", action, payload)
    try:
        oracle._validate_payload(theirs, "1.6")
        fits = True
    except OCPPError:
        fits = False
    assert (misfit(action, payload, response=response) is None) == fits


@pytest.mark.parametrize(
    ("action", "payload", "code", "path"),
    [
        ("Reset", {"type": "Warm"}, "PropertyConstraintViolation", "type"),
        ("Reset", {}, "OccurenceConstraintViolation", ""),
        ("Reset", {"type": "Hard", "now": True}, "FormationViolation", ""),
        ("UnlockConnector", {"connectorId": "1"}, "TypeConstraintViolation", "connectorId"),
        ("UnlockConnector", {"connectorId": True}, "TypeConstraintViolation", "connectorId"),
        ("Authorize", {"idTag": "x" * 21}, "PropertyConstraintViolation", "idTag"),
        ("MeterValues", {"connectorId": 1, "meterValue": [{"timestamp": "", "sampledValue": [{}]}]},
         "OccurenceConstraintViolation", "meterValue/0/sampledValue/0"),
    ],
)  # fmt: skip
def test_the_code_and_the_place_say_what_is_wrong(action: str, payload: Any, code: str, path: str) -> None:
    for engine in available():
        found = misfit(action, payload, response=False, engine=engine)
        assert found is not None
        assert (found.code, found.path) == (code, path)
        assert found.reason


def test_a_limit_of_tenths_is_decimal() -> None:
    """21.4 is no multiple of 0.1 in binary; 21.45 is none in decimal."""
    for limit, good in ((21.4, True), (0.3, True), (100_000.7, True), (21.45, False), (32, True)):
        schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}]}
        profile = {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": schedule,
        }
        for engine in available():
            wrong = misfit(
                "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile}, response=False, engine=engine
            )
            assert (wrong is None) == good, (engine, limit)
