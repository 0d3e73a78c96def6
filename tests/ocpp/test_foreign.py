"""The charge point as it is started, on real sockets, against central systems that nobody here wrote.

Each drives every message of both directions; ``ocpp-rpc`` and the package ``ocpp`` check all of it by schemas of their
own, ``ocpp-ts`` checks what it is asked and knows nothing of the security whitepaper.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.ocpp.foreign import Peer, Station
from tests.ocpp.strict import FROM_CHARGE_POINT, misfit

SECURITY = {
    "CertificateSigned", "DeleteCertificate", "ExtendedTriggerMessage", "GetInstalledCertificateIds", "GetLog",
    "InstallCertificate", "SignedUpdateFirmware", "LogStatusNotification", "SecurityEventNotification",
    "SignCertificate", "SignedFirmwareStatusNotification",
}  # fmt: skip
FROM_CENTRAL_SYSTEM = {
    "CancelReservation", "ChangeAvailability", "ChangeConfiguration", "ClearCache", "ClearChargingProfile",
    "DataTransfer", "GetCompositeSchedule", "GetConfiguration", "GetDiagnostics", "GetLocalListVersion",
    "RemoteStartTransaction", "RemoteStopTransaction", "ReserveNow", "Reset", "SendLocalList", "SetChargingProfile",
    "TriggerMessage", "UnlockConnector", "UpdateFirmware", *(SECURITY - FROM_CHARGE_POINT),
}  # fmt: skip
ACCEPTED = {"status": "Accepted"}


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("name", ["ocpp_rpc", "ocpp_package", "ocpp_ts"])
def test_every_message_both_ways(name: str) -> None:
    knows_security = name != "ocpp_ts"
    vendor = ("ocpp.data_transfer.vendorId=chargechart", "ocpp.adapters.settings.WebSocketPingInterval=10 s")
    with Peer(name) as peer, Station(f"ws://127.0.0.1:{peer.port}/ocpp", *vendor) as station:
        peer.hears("BootNotification")
        for connector in (0, 1, 2):
            peer.hears("StatusNotification", connectorId=connector, status="Available")
        configures(peer)
        keeps_lists(peer)
        reserves(peer)
        changes_availability(peer)
        triggers(peer)
        if knows_security:
            secures(peer)
        updates(peer)
        charges(peer, station)
        charges_remotely(peer, station)
        limits(peer)
        since = len(peer.heard)
        assert peer.ask("Reset", type="Soft") == ACCEPTED
        peer.hears("BootNotification", since)
        peer.hears("StatusNotification", since, connectorId=2)
        assert station.ends() == 1  # sessions that were cut short are none that went well
        output = "".join(station.all)
        assert "ocpp: stopped" in output
        assert "Traceback" not in output
        assert "has broken" not in output
    unknown = set() if knows_security else SECURITY
    assert peer.asked == FROM_CENTRAL_SYSTEM - unknown
    assert {action for action, _ in peer.heard} == FROM_CHARGE_POINT - unknown
    assert peer.wrong == []
    for action, payload in peer.heard:
        assert misfit(action, payload) == ""


def configures(peer: Peer) -> None:
    known = peer.ask("GetConfiguration")["configurationKey"]
    assert {"key": "NumberOfConnectors", "readonly": True, "value": "2"} in known
    asked = peer.ask("GetConfiguration", key=["HeartbeatInterval", "NoSuchKey"])
    assert [one["key"] for one in asked["configurationKey"]] == ["HeartbeatInterval"]
    assert asked["unknownKey"] == ["NoSuchKey"]
    for key, value, answer in (
        ("MeterValueSampleInterval", "2", "Accepted"),
        ("MeterValuesSampledData", "Energy.Active.Import.Register,Power.Active.Import,Voltage,SoC", "Accepted"),
        ("MeterValueSampleInterval", "-2", "Rejected"),
        ("NoSuchKey", "1", "NotSupported"),
    ):
        assert peer.ask("ChangeConfiguration", key=key, value=value) == {"status": answer}
    assert peer.ask("DataTransfer", vendorId="nobody", messageId="x", data="y") == {"status": "UnknownVendorId"}


def keeps_lists(peer: Peer) -> None:
    assert peer.ask("GetLocalListVersion") == {"listVersion": 0}
    cards = [{"idTag": "LOCAL", "idTagInfo": {"status": "Accepted", "expiryDate": "9999-12-31T23:59:59Z"}}]
    sent = {"listVersion": 3, "updateType": "Full", "localAuthorizationList": cards}
    assert peer.ask("SendLocalList", **sent) == ACCEPTED
    assert peer.ask("GetLocalListVersion") == {"listVersion": 3}
    assert peer.ask("ClearCache") == ACCEPTED


def reserves(peer: Peer) -> None:
    asked = {"connectorId": 2, "idTag": "HOLDER", "reservationId": 7, "expiryDate": soon(3600)}
    assert peer.ask("ReserveNow", **asked) == ACCEPTED
    peer.hears("StatusNotification", connectorId=2, status="Reserved")
    assert peer.ask("CancelReservation", reservationId=8) == {"status": "Rejected"}
    since = len(peer.heard)
    assert peer.ask("CancelReservation", reservationId=7) == ACCEPTED
    peer.hears("StatusNotification", since, connectorId=2, status="Available")


def changes_availability(peer: Peer) -> None:
    assert peer.ask("ChangeAvailability", connectorId=2, type="Inoperative") == ACCEPTED
    peer.hears("StatusNotification", connectorId=2, status="Unavailable")
    since = len(peer.heard)
    assert peer.ask("ChangeAvailability", connectorId=2, type="Operative") == ACCEPTED
    peer.hears("StatusNotification", since, connectorId=2, status="Available")


def triggers(peer: Peer) -> None:
    for message, values in {
        "Heartbeat": {},
        "StatusNotification": {"connectorId": 1},
        "MeterValues": {"connectorId": 1},
        "DiagnosticsStatusNotification": {"status": "Idle"},
        "FirmwareStatusNotification": {"status": "Idle"},
        "BootNotification": {},
    }.items():
        since = len(peer.heard)
        of = {name: value for name, value in values.items() if name == "connectorId"}
        assert peer.ask("TriggerMessage", requestedMessage=message, **of) == ACCEPTED
        peer.hears(message, since, **values)
    assert peer.ask("TriggerMessage", requestedMessage="StatusNotification", connectorId=9) == {"status": "Rejected"}


def secures(peer: Peer) -> None:
    peer.hears("SecurityEventNotification", type="StartupOfTheDevice")
    for message, heard in {
        "LogStatusNotification": "LogStatusNotification",
        "FirmwareStatusNotification": "SignedFirmwareStatusNotification",
        "SignChargePointCertificate": "SignCertificate",
    }.items():
        since = len(peer.heard)
        assert peer.ask("ExtendedTriggerMessage", requestedMessage=message) == ACCEPTED
        peer.hears(heard, since)
    assert peer.ask("CertificateSigned", certificateChain="no certificate") == {"status": "Rejected"}
    peer.hears("SecurityEventNotification", type="InvalidChargePointCertificate")
    roots: dict[str, Any] = {"certificateType": "CentralSystemRootCertificate"}
    assert peer.ask("InstallCertificate", **roots, certificate="no certificate") == {"status": "Rejected"}
    assert peer.ask("GetInstalledCertificateIds", **roots) == {"status": "NotFound"}
    hashes = {"hashAlgorithm": "SHA256", "issuerNameHash": "00", "issuerKeyHash": "00", "serialNumber": "01"}
    assert peer.ask("DeleteCertificate", certificateHashData=hashes) == {"status": "NotFound"}
    since = len(peer.heard)
    asked = {"logType": "SecurityLog", "requestId": 4, "log": {"remoteLocation": "http://127.0.0.1:9/log"}}
    assert peer.ask("GetLog", **asked)["status"] == "Accepted"
    peer.hears("LogStatusNotification", since, requestId=4)
    firmware = {
        "location": "http://127.0.0.1:9/fw", "retrieveDateTime": soon(0), "signingCertificate": "x", "signature": "y",
    }  # fmt: skip
    assert peer.ask("SignedUpdateFirmware", requestId=5, firmware=firmware) == {"status": "InvalidCertificate"}


def updates(peer: Peer) -> None:
    since = len(peer.heard)
    assert peer.ask("GetDiagnostics", location="ftp://127.0.0.1/x") == {"fileName": "CP-1--_DiagnosticsLog.log"}
    peer.hears("DiagnosticsStatusNotification", since, status="Uploaded")
    assert peer.ask("UpdateFirmware", location="ftp://127.0.0.1/fw", retrieveDate=soon(0)) == {}
    for status in ("Downloading", "Downloaded", "Installing", "Installed"):
        peer.hears("FirmwareStatusNotification", since, status=status)
    peer.hears("StatusNotification", since, connectorId=1, status="Available")


def charges(peer: Peer, station: Station) -> None:
    """Plug, card, values, the same card."""
    since = len(peer.heard)
    station.act("plug", 1)
    peer.hears("StatusNotification", since, connectorId=1, status="Preparing")
    station.act("swipe", 1, idTag="CARD")
    peer.hears("Authorize", since, idTag="CARD")
    start = peer.hears("StartTransaction", since, connectorId=1, idTag="CARD")
    peer.hears("StatusNotification", since, connectorId=1, status="Charging")
    number = peer.hears("MeterValues", since, connectorId=1)["transactionId"]
    station.act("swipe", 1, idTag="CARD")
    stop = peer.hears("StopTransaction", since, transactionId=number, idTag="CARD")
    assert stop.get("reason", "Local") == "Local"
    assert stop["meterStop"] >= start["meterStart"]
    peer.hears("StatusNotification", since, connectorId=1, status="Finishing")
    left = len(peer.heard)
    station.act("unplug", 1)
    peer.hears("StatusNotification", left, connectorId=1, status="Available")
    peer.hears("DataTransfer", since, messageId="VehicleInfo")
    peer.hears("DataTransfer", since, messageId="SessionSummary")


def charges_remotely(peer: Peer, station: Station) -> None:
    """Both connectors: one is stopped, the other unlocked."""
    since = len(peer.heard)
    numbers = {}
    for connector in (1, 2):
        station.act("plug", connector)
        peer.hears("StatusNotification", since, connectorId=connector, status="Preparing")
        assert peer.ask("RemoteStartTransaction", connectorId=connector, idTag=f"R{connector}") == ACCEPTED
        peer.hears("StartTransaction", since, connectorId=connector, idTag=f"R{connector}")
    for connector in (1, 2):
        numbers[connector] = peer.hears("MeterValues", since, connectorId=connector)["transactionId"]
    assert peer.ask("RemoteStopTransaction", transactionId=numbers[1]) == ACCEPTED
    peer.hears("StopTransaction", since, transactionId=numbers[1], reason="Remote")
    assert peer.ask("RemoteStopTransaction", transactionId=numbers[1] + 1000) == {"status": "Rejected"}
    assert peer.ask("UnlockConnector", connectorId=2) == {"status": "Unlocked"}
    peer.hears("StopTransaction", since, transactionId=numbers[2], reason="UnlockCommand")


def limits(peer: Peer) -> None:
    periods = [{"startPeriod": 0, "limit": 21.4}, {"startPeriod": 1800, "limit": 7.0}]
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": periods}
    profile = {
        "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative", "validTo": "9999-12-31T23:59:59Z", "chargingSchedule": schedule,
    }  # fmt: skip
    assert peer.ask("SetChargingProfile", connectorId=1, csChargingProfiles=profile) == ACCEPTED
    made = peer.ask("GetCompositeSchedule", connectorId=1, duration=3600, chargingRateUnit="A")
    rows = made["chargingSchedule"]["chargingSchedulePeriod"]
    assert [(row["startPeriod"], row["limit"]) for row in rows] == [(0, 21.4), (1800, 7.0)]
    assert peer.ask("ClearChargingProfile", id=1) == ACCEPTED
    assert peer.ask("ClearChargingProfile", id=1) == {"status": "Unknown"}
