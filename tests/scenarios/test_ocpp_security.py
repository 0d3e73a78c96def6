"""Scenarios of machines/ocpp/security.yaml: what happened is told, certificates come and go, and a password or profile
that does not get the charge point in is taken back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.ocpp import change, keys
from tests.scenarios.stage import S, Stage

NOW = 1_795_953_600 * S
OLD, NEW = b"0123456789abcdef", b"fedcba9876543210"
ROW = {"hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "1f"}
CENTRAL = "CentralSystemRootCertificate"


def begun(store: dict[str, Any] | None = None, **settings: Any) -> Stage:
    parameters = {name: settings.pop(name) for name in ("log_only", "C_refused") if name in settings}
    values = {
        "clock.now": NOW, "certificates.proven": -1, **keys(CpoName="Operator", **settings),
        **{f"certificates.{name}": value for name, value in (store or {}).items()},
    }  # fmt: skip
    return Stage("machines/ocpp/security.yaml", values, identity="CP_1", **parameters).forget()


def happened(stage: Stage) -> list[tuple[str, str]]:
    """Security events the central system is told."""
    return [(args["type"], args["techInfo"]) for args in stage.ordered("ledger.SecurityEventNotification")]


# ---------------------------------------------------------------- security events


def test_events_go_into_the_log_and_to_the_central_system() -> None:
    stage = Stage("machines/ocpp/security.yaml", {"clock.now": NOW, **keys()}, identity="CP_1")
    first = {"type": "StartupOfTheDevice", "timestamp": NOW}
    assert stage.order("logs.security") == {**first, "text": ""}
    assert stage.order("ledger.SecurityEventNotification") == {**first, "techInfo": ""}
    stage.post("security_event", type="FirmwareUpdated", techInfo="2.0").post("security_event", type="ResetOrReboot")
    assert happened(stage)[1:] == [("FirmwareUpdated", "2.0"), ("ResetOrReboot", "")]
    assert [line["text"] for line in stage.ordered("logs.security")] == ["", "2.0", ""]


def test_some_are_only_logged() -> None:
    stage = begun(log_only=["InvalidMessages"]).post("security_event", type="InvalidMessages", techInfo="x")
    assert stage.ordered("logs.security") == [{"type": "InvalidMessages", "timestamp": NOW, "text": "x"}]
    assert happened(stage) == []


@pytest.mark.ocpp_cases("TC_078")
@pytest.mark.parametrize(
    ("reason", "type"),
    [("certificate", "InvalidCentralSystemCertificate"), ("unauthorised", "FailedToAuthenticateAtCentralSystem")],
)
def test_a_central_system_that_is_not_connected_to(reason: str, type: str) -> None:
    """Told once, however often it is tried; again after a connection in between."""
    stage = begun()
    for _ in range(3):
        stage.emit("csms.refused", reason=reason, status=0, text="why")
    assert happened(stage) == [(type, "why")]
    stage.emit("csms.connected").emit("csms.refused", reason=reason, status=0, text="again")
    assert happened(stage) == [(type, "why"), (type, "again")]


def test_a_line_that_cannot_be_made_is_no_security_event() -> None:
    stage = begun().emit("csms.refused", reason="unreachable", status=0, text="why")
    assert happened(stage) == []


def test_each_reason_is_told() -> None:
    stage = begun()
    for reason in ("certificate", "unauthorised", "certificate"):
        stage.emit("csms.refused", reason=reason, status=0, text="")
    assert len(happened(stage)) == 3


@pytest.mark.parametrize("key", ["AuthorizationKey", "SecurityProfile", "AdditionalRootCertificateCheck"])
def test_other_security_parameters_are_told(key: str) -> None:
    """The key's name, never its value."""
    stage = begun().emit("settings.changed", key=key)
    assert happened(stage) == [("ReconfigurationOfSecurityParameters", key)]
    assert happened(stage.forget().emit("settings.changed", key="HeartbeatInterval")) == []


def test_what_cannot_be_kept_is_told() -> None:
    stage = begun().emit("logs.failed", reason="full").emit("certificates.failed", reason="full")
    assert stage.logs == [
        "a security event is not in the log: full", "a restart would not know the security profile: full"
    ]  # fmt: skip


# ---------------------------------------------------------------- certificates


def install(stage: Stage, kind: str = CENTRAL) -> Stage:
    return stage.emit("csms.InstallCertificateReq", call="1", certificateType=kind, certificate="PEM")


@pytest.mark.ocpp_cases("TC_075_1", "TC_075_2")
@pytest.mark.parametrize("kind", [CENTRAL, "ManufacturerRootCertificate"])
@pytest.mark.parametrize("check", [False, True])
def test_a_root_is_installed(kind: str, check: bool) -> None:
    """A new root of the central system is checked by the one before, if the operator wants that; others are not."""
    stage = install(begun(AdditionalRootCertificateCheck=check, CertificateStoreMaxLength=4), kind)
    assert stage.order("certificates.install") == {
        "kind": kind, "certificate": "PEM", "at": NOW, "most": 4, "signed_by_present": check and kind == CENTRAL
    }  # fmt: skip
    assert stage.ordered("csms.InstallCertificateConf") == []
    stage.finish("install")
    assert stage.order("csms.InstallCertificateConf") == {"call": "1", "status": "Accepted"}
    assert happened(stage) == [("ReconfigurationOfSecurityParameters", "root certificate installed")]
    assert stage.active("store.ready")


@pytest.mark.parametrize(
    ("reason", "status"),
    [("invalid", "Rejected"), ("stranger", "Rejected"), ("full", "Failed"), ("disk full", "Failed")],
)
def test_a_root_that_is_not_installed(reason: str, status: str) -> None:
    stage = install(begun()).fail("install", reason)
    assert stage.order("csms.InstallCertificateConf") == {"call": "1", "status": status}
    assert happened(stage) == []
    assert stage.logs == ([] if status == "Rejected" else [f"the certificate is not installed: {reason}"])
    assert stage.active("store.ready")


@pytest.mark.ocpp_cases("TC_075_1", "TC_075_2")
def test_what_is_installed() -> None:
    stage = begun().emit("csms.GetInstalledCertificateIdsReq", call="1", certificateType=CENTRAL)
    assert stage.order("certificates.installed") == {"kind": CENTRAL}
    rows = {name: [value] for name, value in ROW.items()}
    stage.finish("installed", **rows)
    assert stage.order("csms.GetInstalledCertificateIdsConf") == {"call": "1", "status": "Accepted", **rows}
    stage.emit("csms.GetInstalledCertificateIdsReq", call="2", certificateType=CENTRAL)
    stage.finish("installed", **{name: [] for name in ROW})
    assert stage.order("csms.GetInstalledCertificateIdsConf") == {"call": "2", "status": "NotFound"}
    stage.emit("csms.GetInstalledCertificateIdsReq", call="3", certificateType=CENTRAL).fail("installed", "unreadable")
    assert stage.order("csms.refuse") == {"call": "3", "code": "InternalError", "description": "unreadable"}
    assert stage.logs == ["certificates cannot be read: unreadable"]
    assert stage.active("store.ready")


@pytest.mark.ocpp_cases("TC_076")
@pytest.mark.parametrize(("profile", "keep_last"), [(0, False), (1, False), (2, True), (3, True)])
def test_a_root_is_deleted(profile: int, keep_last: bool) -> None:
    """The last one stays where the connection needs it."""
    stage = begun(SecurityProfile=profile).emit("csms.DeleteCertificateReq", call="1", **ROW)
    assert stage.order("certificates.delete") == {**ROW, "keep_last": keep_last}
    stage.finish("delete")
    assert stage.order("csms.DeleteCertificateConf") == {"call": "1", "status": "Accepted"}
    assert happened(stage) == [("ReconfigurationOfSecurityParameters", "root certificate deleted")]
    assert stage.active("store.ready")


@pytest.mark.ocpp_cases("TC_076")
@pytest.mark.parametrize(("reason", "status"), [("not_found", "NotFound"), ("in_use", "Failed"), ("disk", "Failed")])
def test_a_root_that_is_not_deleted(reason: str, status: str) -> None:
    stage = begun().emit("csms.DeleteCertificateReq", call="1", **ROW).fail("delete", reason)
    assert stage.order("csms.DeleteCertificateConf") == {"call": "1", "status": status}
    assert happened(stage) == []
    assert stage.logs == ([] if status == "NotFound" else [f"the certificate is not deleted: {reason}"])
    assert stage.active("store.ready")


@pytest.mark.ocpp_cases("TC_074")
def test_a_certificate_of_its_own() -> None:
    """A request with CpoName in it; then the certificate; then a new connection, but the answer first."""
    stage = begun(CertificateSignedMaxChainSize=5000).post("sign")
    assert stage.order("certificates.request") == {"commonName": "CP_1", "organisation": "Operator"}
    stage.finish("request", csr="CSR")
    assert stage.order("csms.SignCertificateReq") == {"csr": "CSR"}
    stage.finish("asked", status="Accepted").emit("csms.CertificateSignedReq", call="1", certificateChain="CHAIN")
    assert stage.order("certificates.take") == {
        "certificateChain": "CHAIN", "commonName": "CP_1", "longest": 5000, "at": NOW
    }  # fmt: skip
    stage.finish("take").run(0.999)
    assert stage.order("csms.CertificateSignedConf") == {"call": "1", "status": "Accepted"}
    assert happened(stage) == [("ReconfigurationOfSecurityParameters", "certificate of the charge point")]
    assert stage.told("reconnect") == []
    assert stage.run(0.001).told("reconnect") == [{}]
    assert stage.logs == []
    assert stage.active("store.ready")


@pytest.mark.ocpp_cases("TC_077")
@pytest.mark.parametrize("reason", ["invalid", "unexpected", "long"])
def test_a_certificate_that_is_not_taken(reason: str) -> None:
    stage = begun().emit("csms.CertificateSignedReq", call="1", certificateChain="CHAIN").fail("take", reason).run(60)
    assert stage.order("csms.CertificateSignedConf") == {"call": "1", "status": "Rejected"}
    assert happened(stage) == [("InvalidChargePointCertificate", reason)]
    assert stage.told("reconnect") == []
    assert stage.active("store.ready")


@pytest.mark.parametrize("how", ["no key", "rejected", "offline", "no answer"])
def test_a_request_that_comes_to_nothing(how: str) -> None:
    stage = begun().post("sign")
    if how == "no key":
        stage.fail("request", "disk full")
        why = "no request for a certificate: disk full"
    else:
        stage.finish("request", csr="CSR")
        if how == "rejected":
            stage.finish("asked", status="Rejected")
            why = "the request for a certificate is rejected"
        elif how == "offline":
            stage.fail("asked", "not_connected")
            why = "the request for a certificate is not taken: not_connected"
        else:
            assert stage.run(29.999).active("store.asking")
            stage.run(0.001)
            why = "no answer to the request for a certificate"
    assert stage.logs == [why]
    assert stage.active("store.ready")


@pytest.mark.parametrize(
    ("profile", "left_h", "asks"), [(3, 719, True), (3, 720, False), (2, 719, False), (3, None, False)]
)
def test_a_month_before_its_end_a_new_one_is_asked_for(profile: int, left_h: float | None, asks: bool) -> None:
    """Only where the connection needs one."""
    expires = None if left_h is None else NOW + round(left_h * 3600 * S)
    stage = begun({"expires": expires}, SecurityProfile=profile).run(3599.999)
    assert stage.ordered("certificates.request") == []
    assert bool(stage.run(0.001).ordered("certificates.request")) is asks


def test_each_question_has_its_turn() -> None:
    """None is lost while another is answered."""
    stage = install(begun())
    stage.emit("csms.GetInstalledCertificateIdsReq", call="2", certificateType=CENTRAL)
    stage.emit("csms.DeleteCertificateReq", call="3", **ROW)
    stage.emit("csms.CertificateSignedReq", call="4", certificateChain="CHAIN").post("sign")
    install(stage)
    stage.finish("install").finish("installed", **{name: [] for name in ROW}).finish("delete").finish("take")
    stage.finish("request", csr="CSR").finish("asked", status="Accepted").finish("install")
    answers = [order.args["call"] for order in stage.orders if order.what.endswith("Conf")]
    assert answers == ["1", "2", "3", "4", "1"]


# ---------------------------------------------------------------- password


def refused(stage: Stage, reason: str = "unauthorised", times: int = 1) -> Stage:
    for _ in range(times):
        stage.emit("csms.refused", reason=reason, status=401, text="no")
    return stage


@pytest.mark.ocpp_cases("TC_073")
def test_a_new_password_that_works() -> None:
    stage = change(begun(AuthorizationKey=OLD).emit("csms.connected"), AuthorizationKey=NEW)
    assert stage.active("password.new")
    refused(refused(stage, times=2), "unreachable", 9).emit("csms.connected")
    assert stage.active("password.proven")
    refused(stage, times=9)
    assert stage.ordered("settings.write") == []


def test_a_new_password_that_is_refused_is_taken_back() -> None:
    """An outage is no refusal."""
    stage = refused(change(begun(AuthorizationKey=OLD), AuthorizationKey=NEW), times=2)
    refused(stage, "unreachable", 9)
    assert stage.ordered("settings.write") == []
    refused(stage)
    assert stage.order("settings.write") == {"key": "AuthorizationKey", "value": OLD.hex()}
    change(stage, AuthorizationKey=OLD).finish("key_back")
    assert stage.told("reconnect") == [{}]
    assert stage.active("password.proven")


def test_the_password_that_worked_is_that_of_the_last_connection() -> None:
    stage = change(begun(AuthorizationKey=OLD), AuthorizationKey=NEW).emit("csms.connected")
    stage = refused(change(stage, AuthorizationKey=b"another, as good"), times=3)
    assert stage.order("settings.write") == {"key": "AuthorizationKey", "value": NEW.hex()}
    stage = change(begun(AuthorizationKey=None).values("settings", AuthorizationKey=OLD).emit("csms.connected"))
    refused(change(stage, AuthorizationKey=NEW), times=3)
    assert stage.order("settings.write") == {"key": "AuthorizationKey", "value": OLD.hex()}


def test_one_new_password_after_the_other() -> None:
    """Each has its attempts."""
    stage = refused(change(begun(AuthorizationKey=OLD), AuthorizationKey=NEW), times=2)
    change(stage, HeartbeatInterval=60 * S, AuthorizationKey=b"another, as good")
    refused(stage, times=2)
    assert stage.ordered("settings.write") == []
    assert refused(stage).order("settings.write") == {"key": "AuthorizationKey", "value": OLD.hex()}


def test_the_same_password_again_is_no_new_one() -> None:
    stage = change(begun(AuthorizationKey=OLD), AuthorizationKey=OLD)
    assert stage.active("password.proven")
    assert change(stage, HeartbeatInterval=60 * S).active("password.proven")


def test_a_first_password_cannot_be_taken_back() -> None:
    """There is none that worked: it is tried again and again."""
    stage = refused(change(begun(AuthorizationKey=None), AuthorizationKey=NEW), times=9)
    assert stage.ordered("settings.write") == []


def test_a_password_that_cannot_be_written_back() -> None:
    stage = refused(change(begun(AuthorizationKey=OLD, C_refused=1), AuthorizationKey=NEW))
    stage.fail("key_back", "disk full")
    assert stage.logs == ["the password that worked cannot be written: disk full"]
    assert stage.active("password.proven")


# ---------------------------------------------------------------- security profile


@pytest.mark.ocpp_cases("TC_083")
def test_a_profile_that_works_is_remembered() -> None:
    stage = begun({"proven": 1}, SecurityProfile=2).emit("csms.connected")
    assert stage.order("certificates.prove") == {"profile": 2}
    stage.values("certificates", proven=2).forget().emit("csms.connected")
    assert stage.ordered("certificates.prove") == []


@pytest.mark.ocpp_cases("TC_083")
def test_a_profile_that_does_not_is_taken_back() -> None:
    """Whatever the reason: it has never worked."""
    stage = begun({"proven": 1}, SecurityProfile=2)
    refused(refused(stage, "certificate"), "unreachable")
    assert stage.ordered("settings.write") == []
    refused(stage, "not_found")
    assert stage.order("settings.write") == {"key": "SecurityProfile", "value": "1"}
    stage.finish("profile_back")
    assert stage.told("reconnect") == [{}]
    assert stage.active("profile.known")


@pytest.mark.ocpp_cases("TC_084")
@pytest.mark.parametrize("proven", [2, 3, -1])
def test_one_that_has_worked_is_never_lowered(proven: int) -> None:
    """Nor the first one: whoever cuts the line could have it otherwise."""
    stage = refused(begun({"proven": proven}, SecurityProfile=2), "unreachable", 20)
    assert stage.ordered("settings.write") == []


def test_a_connection_in_between_begins_the_count_anew() -> None:
    stage = refused(begun({"proven": 1}, SecurityProfile=2), times=2).emit("csms.connected")
    refused(stage, times=2)
    assert stage.ordered("settings.write") == []
    assert len(refused(stage).ordered("settings.write")) == 1


def test_no_profile_0_is_lost() -> None:
    assert refused(begun({"proven": 0}, SecurityProfile=1), times=3).order("settings.write") == {
        "key": "SecurityProfile", "value": "0"
    }  # fmt: skip


def test_a_profile_that_cannot_be_written_back() -> None:
    stage = refused(begun({"proven": 1}, SecurityProfile=2), times=3).fail("profile_back", "disk full")
    assert stage.logs == ["the security profile that worked cannot be written: disk full"]
    assert stage.active("profile.known")
