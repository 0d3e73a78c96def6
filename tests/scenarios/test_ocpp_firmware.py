"""Scenarios of machines/ocpp/firmware.yaml: each status once and in order, nothing installed that may not be, and the
connectors given back whatever becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.pending import sent_one_at_a_time
from tests.scenarios.stage import S, Stage

NOW = 1_795_953_600 * S
WANTED = {"call": "1", "location": "http://a/fw", "retrieveDate": NOW}
SIGNED = {
    "call": "2", "requestId": 7, "location": "http://a/fw", "retrieveDateTime": NOW,
    "signingCertificate": "PEM", "signature": "c2ln",
}  # fmt: skip
NONE = {
    "stage": "none", "signed": False, "requestId": 0, "location": "", "attempts": 1, "between": 0, "retrieve": 0,
    "install": 0, "certificate": "", "signature": "", "path": "",
}  # fmt: skip
KEPT = {**NONE, "location": "http://a/fw", "attempts": 2, "between": 5 * S, "retrieve": NOW, "path": "p"}
KEPT_SIGNED = {**KEPT, "signed": True, "requestId": 7, "certificate": "PEM", "signature": "c2ln"}


def begun(job: dict[str, Any] = NONE, **parameters: Any) -> Stage:
    values = {"clock.now": NOW, **{f"job.{name}": value for name, value in job.items()}}
    stage = Stage("machines/ocpp/firmware.yaml", values, **parameters)
    return stage.forget() if job is NONE else stage


def wanted(**asked: Any) -> Stage:
    return begun().emit("csms.UpdateFirmwareReq", **{**WANTED, **asked})


def signed(**asked: Any) -> Stage:
    """The certificate of the signer has been found good."""
    return begun().emit("csms.SignedUpdateFirmwareReq", **{**SIGNED, **asked}).finish("signer")


def fetched(stage: Stage) -> Stage:
    return stage.ends("download", how="done", path="p")


def verified(**asked: Any) -> Stage:
    return fetched(signed(**asked)).finish("signature")


def statuses(stage: Stage) -> list[str]:
    """Those of plain updates; of signed ones with the request's number."""
    return [
        args["status"] + (f" {args['requestId']}" if "requestId" in args else "")
        for args in stage.ordered("ledger.FirmwareStatusNotification", "ledger.SignedFirmwareStatusNotification")
    ]


def of_7(*words: str) -> list[str]:
    return [f"{word} 7" for word in words]


def stages(stage: Stage) -> list[str]:
    """How far the file says it has come, step by step."""
    return [args["stage"] for args in stage.ordered("job.keep")]


def connectors(stage: Stage) -> list[str]:
    return [name for _, name, _ in stage.said if name in ("hold", "release")]


# ---------------------------------------------------------------- without a signature


@pytest.mark.ocpp_cases("TC_044_1")
def test_download_and_installation() -> None:
    stage = wanted()
    assert stage.order("csms.UpdateFirmwareConf") == {"call": "1"}
    download = {"way": "download", "location": "http://a/fw", "name": "firmware.bin", "attempts": 3, "between": 60 * S}
    assert download.items() <= dict(stage.input("download")).items()
    assert statuses(stage) == ["Downloading"]
    fetched(stage)
    assert stage.order("installer.install") == {"path": "p"}
    assert connectors(stage) == ["hold"]
    stage.finish("install", reboot=False)
    assert statuses(stage) == ["Downloading", "Downloaded", "Installing", "Installed"]
    assert stage.ordered("ledger.SignedFirmwareStatusNotification") == []
    assert connectors(stage) == ["hold", "release"]
    assert stages(stage) == ["scheduled", "downloading", "downloaded", "installing", "none"]
    assert stage.told("security_event") == [{"type": "FirmwareUpdated", "techInfo": "http://a/fw"}]
    assert stage.active("update.none")


@pytest.mark.ocpp_cases("TC_044_1", "D19")
def test_firmware_that_runs_after_a_restart() -> None:
    """D19 of the field: Installed is told by what runs then, not before."""
    stage = fetched(wanted()).finish("install", reboot=True)
    assert statuses(stage) == ["Downloading", "Downloaded", "Installing"]
    assert stage.told("restart") == [{}]
    assert stages(stage)[-2:] == ["installing", "rebooting"]
    assert connectors(stage) == ["hold"]
    stage = begun({**KEPT, "stage": "rebooting"}).finish("confirm", installed=True)
    assert statuses(stage) == ["Installed"]
    assert stages(stage) == ["none"]
    assert connectors(stage) == []
    assert stage.told("security_event") == [{"type": "FirmwareUpdated", "techInfo": "http://a/fw"}]


@pytest.mark.ocpp_cases("TC_044_3", "D7")
def test_nobody_starts_the_program_anew() -> None:
    """D7: the connectors are given back, and another update is taken; both waited for ever."""
    stage = fetched(wanted()).finish("install", reboot=True).run(299.999)
    assert connectors(stage) == ["hold"]
    stage.run(0.001)
    assert connectors(stage) == ["hold", "release"]
    assert statuses(stage)[-1] == "InstallationFailed"
    assert stages(stage)[-1] == "none"
    assert stage.logs == ["installed, and not begun anew: who runs this program has to start it again"]
    stage.emit("csms.UpdateFirmwareReq", **WANTED)
    assert stage.children() == ["download"]


@pytest.mark.ocpp_cases("TC_044_2", "D7")
@pytest.mark.parametrize("how", ["failed", "denied", "not_supported", "bad_location"])
def test_a_download_that_fails(how: str) -> None:
    """D7 of the field: no connector is held back for it."""
    stage = wanted().ends("download", how=how, path="")
    assert statuses(stage) == ["Downloading", "DownloadFailed"]
    assert stages(stage)[-1] == "none"
    assert connectors(stage) == []
    assert stage.active("update.none")


@pytest.mark.ocpp_cases("TC_044_3", "D7")
@pytest.mark.parametrize("how", ["refused", "too long"])
def test_an_installation_that_fails_gives_the_connectors_back(how: str) -> None:
    stage = fetched(wanted())
    if how == "refused":
        stage.fail("install", "no space left")
    else:
        stage.run(1799.999)
        assert statuses(stage)[-1] == "Installing"
        stage.run(0.001)
    assert statuses(stage) == ["Downloading", "Downloaded", "Installing", "InstallationFailed"]
    assert connectors(stage) == ["hold", "release"]
    assert stages(stage)[-1] == "none"
    assert stage.told("security_event") == []
    assert stage.logs == ["not installed: no space left" if how == "refused" else "not installed in time"]


@pytest.mark.parametrize(
    ("retries", "interval", "attempts", "between"),
    [(5, 20 * S, 5, 20 * S), (1, 0, 1, 0), (0, 0, 1, 0), (-1, -S, 3, 60 * S), (None, None, 3, 60 * S)],
)
@pytest.mark.parametrize("by", ["plain", "signed"])
def test_how_often_is_the_central_systems(
    by: str, retries: int | None, interval: int | None, attempts: int, between: int
) -> None:
    """`retries` is how often it is tried, and none is once. What cannot be meant is as if it were not said."""
    stage = (wanted if by == "plain" else signed)(retries=retries, retryInterval=interval)
    download = stage.input("download")
    assert (download["attempts"], download["between"]) == (attempts, between)


def test_not_before_its_time() -> None:
    """By the time of day, which may be set meanwhile; of a plain update nothing is told until then."""
    stage = wanted(retrieveDate=NOW + 3600 * S).run(60)
    assert statuses(stage) == []
    assert stages(stage) == ["scheduled"]
    assert stage.order("job.keep") == {
        **KEPT, "stage": "scheduled", "attempts": 3, "between": 60 * S, "retrieve": NOW + 3600 * S, "path": "",
    }  # fmt: skip
    stage.values("clock", now=NOW + 3600 * S).run(9.999)
    assert stage.children() == []
    stage.run(0.001)
    assert statuses(stage) == ["Downloading"]


def test_transactions_go_on_until_they_end() -> None:
    """Connectors that are free are held back meanwhile (errata 3.49)."""
    stage = fetched(begun().post("busy").emit("csms.UpdateFirmwareReq", **WANTED)).run(3600)
    assert stage.ordered("installer.install") == []
    assert connectors(stage) == ["hold"]
    assert statuses(stage) == ["Downloading", "Downloaded"]
    stage.post("idle")
    assert stage.order("installer.install") == {"path": "p"}


def test_a_station_may_want_signatures_only() -> None:
    stage = begun(unsigned=False).emit("csms.UpdateFirmwareReq", **WANTED)
    assert stage.order("csms.refuse") == {
        "call": "1", "code": "NotSupported", "description": "firmware has to be signed"
    }  # fmt: skip
    assert stage.active("update.none")
    assert stage.ordered("csms.UpdateFirmwareConf") == []


# ---------------------------------------------------------------- with one


@pytest.mark.ocpp_cases("TC_080")
def test_a_signed_update() -> None:
    stage = begun().emit("csms.SignedUpdateFirmwareReq", **SIGNED)
    assert stage.order("certificates.check_signer") == {"certificate": "PEM", "at": NOW}
    assert stage.ordered("csms.SignedUpdateFirmwareConf") == []
    stage.finish("signer")
    assert stage.order("csms.SignedUpdateFirmwareConf") == {"call": "2", "status": "Accepted"}
    download = {"way": "download", "location": "http://a/fw", "name": "firmware.bin", "attempts": 3, "between": 60 * S}
    assert download.items() <= dict(stage.input("download")).items()
    fetched(stage)
    assert stage.order("certificates.check_signature") == {"path": "p", "certificate": "PEM", "signature": "c2ln"}
    assert stage.ordered("installer.install") == []
    stage.finish("signature").finish("install", reboot=False)
    assert statuses(stage) == of_7("Downloading", "Downloaded", "SignatureVerified", "Installing", "Installed")
    assert stage.ordered("ledger.FirmwareStatusNotification") == []
    assert stages(stage) == ["scheduled", "downloading", "downloaded", "verified", "installing", "none"]
    assert stage.ordered("job.keep")[2] == {**KEPT_SIGNED, "stage": "downloaded", "attempts": 3, "between": 60 * S}
    assert stage.told("security_event") == [{"type": "FirmwareUpdated", "techInfo": "http://a/fw"}]


@pytest.mark.ocpp_cases("TC_080")
def test_a_signed_update_that_runs_after_a_restart() -> None:
    stage = verified().finish("install", reboot=True)
    assert statuses(stage)[-2:] == of_7("Installing", "InstallRebooting")
    assert stage.told("restart") == [{}]
    stage = begun({**KEPT_SIGNED, "stage": "rebooting"}).finish("confirm", installed=True)
    assert statuses(stage) == of_7("Installed")


@pytest.mark.ocpp_cases("TC_081")
def test_a_signature_that_is_wrong() -> None:
    """Nothing is installed, no connector held back, and the central system is told why."""
    stage = fetched(signed()).fail("signature", "invalid")
    assert statuses(stage) == of_7("Downloading", "Downloaded", "InvalidSignature")
    assert stage.told("security_event") == [{"type": "InvalidFirmwareSignature", "techInfo": "http://a/fw"}]
    assert stage.ordered("installer.install") == []
    assert connectors(stage) == []
    assert stages(stage)[-1] == "none"
    assert stage.active("update.none")


@pytest.mark.parametrize("how", ["unreadable", "too long"])
def test_a_signature_that_cannot_be_checked(how: str) -> None:
    stage = fetched(signed())
    if how == "unreadable":
        stage.fail("signature", "no such file")
    else:
        stage.run(59.999)
        assert statuses(stage)[-1] == "Downloaded 7"
        stage.run(0.001)
    assert statuses(stage)[-1] == "InstallVerificationFailed 7"
    assert stage.active("update.none")
    assert stage.logs == [
        "the signature cannot be checked: no such file" if how == "unreadable" else "no word about the signature"
    ]


@pytest.mark.parametrize(
    ("reason", "status", "event"),
    [
        ("revoked", "RevokedCertificate", []),
        ("invalid", "InvalidCertificate", [{"type": "InvalidFirmwareSigningCertificate", "techInfo": "invalid"}]),
    ],
)
def test_a_signer_that_may_not(reason: str, status: str, event: list[Any]) -> None:
    stage = begun().emit("csms.SignedUpdateFirmwareReq", **SIGNED).fail("signer", reason)
    assert stage.order("csms.SignedUpdateFirmwareConf") == {"call": "2", "status": status}
    assert stage.told("security_event") == event
    assert stage.children() == []
    assert stage.active("requests.listening")
    assert stage.active("update.none")


def test_a_signer_nobody_has_a_word_about() -> None:
    stage = begun().emit("csms.SignedUpdateFirmwareReq", **SIGNED).run(59.999)
    assert stage.ordered("csms.SignedUpdateFirmwareConf") == []
    stage.run(0.001)
    assert stage.order("csms.SignedUpdateFirmwareConf") == {"call": "2", "status": "Rejected"}
    assert stage.active("requests.listening")


def test_a_signed_update_with_times_of_its_own() -> None:
    """DownloadScheduled and InstallScheduled, once each."""
    stage = signed(retrieveDateTime=NOW + 60 * S, installDateTime=NOW + 120 * S)
    assert statuses(stage) == of_7("DownloadScheduled")
    stage.values("clock", now=NOW + 60 * S).run(10)
    fetched(stage).finish("signature").run(10)
    assert statuses(stage)[-2:] == of_7("SignatureVerified", "InstallScheduled")
    assert connectors(stage) == []
    stage.post("busy").values("clock", now=NOW + 120 * S).run(9.999)
    assert connectors(stage) == []
    stage.run(0.001)
    assert connectors(stage) == ["hold"]
    stage.run(60)
    assert statuses(stage).count("InstallScheduled 7") == 1
    stage.post("idle")
    assert statuses(stage)[-2:] == of_7("InstallScheduled", "Installing")


def test_a_signed_update_waits_for_transactions() -> None:
    """And says so, once."""
    stage = begun().post("busy").emit("csms.SignedUpdateFirmwareReq", **SIGNED).finish("signer")
    fetched(stage).finish("signature").post("busy").run(60)
    assert statuses(stage)[-2:] == of_7("SignatureVerified", "InstallScheduled")
    assert connectors(stage) == ["hold"]
    assert statuses(stage.post("idle"))[-1] == "Installing 7"


# ---------------------------------------------------------------- one in place of another


def test_a_new_request_takes_the_place_of_one_that_is_not_being_installed() -> None:
    stage = wanted().emit("csms.UpdateFirmwareReq", **{**WANTED, "call": "3", "location": "http://b", "retries": 1})
    assert stage.order("csms.UpdateFirmwareConf") == {"call": "3"}
    assert (stage.input("download")["location"], stage.input("download")["attempts"]) == ("http://b", 1)
    stage.emit("csms.SignedUpdateFirmwareReq", **SIGNED)
    assert stage.children() == ["download"]  # until it is known whether it may take its place
    stage.finish("signer")
    assert stage.order("csms.SignedUpdateFirmwareConf") == {"call": "2", "status": "AcceptedCanceled"}
    assert stage.input("download")["location"] == "http://a/fw"
    fetched(stage).emit("csms.UpdateFirmwareReq", **WANTED)
    fetched(stage)
    assert stage.order("installer.install") == {"path": "p"}
    assert statuses(stage)[-1] == "Installing"
    assert stage.order("job.keep") == {
        **KEPT, "stage": "installing", "attempts": 3, "between": 60 * S
    }  # fmt: skip


def test_one_that_waits_for_transactions_gives_the_connectors_back_when_it_is_replaced() -> None:
    stage = fetched(begun().post("busy").emit("csms.UpdateFirmwareReq", **WANTED))
    stage.emit("csms.UpdateFirmwareReq", **WANTED)
    assert connectors(stage) == ["hold", "release"]
    assert stage.children() == ["download"]


@pytest.mark.parametrize("where", ["installing", "rebooting", "confirming"])
def test_an_installation_is_not_interrupted(where: str) -> None:
    if where == "confirming":
        stage = begun({**KEPT, "stage": "installing"})
    else:
        stage = fetched(wanted())
        if where == "rebooting":
            stage.finish("install", reboot=True)
    stage.emit("csms.UpdateFirmwareReq", **{**WANTED, "call": "3"})
    assert stage.order("csms.refuse") == {
        "call": "3", "code": "GenericError", "description": "an installation is under way"
    }  # fmt: skip
    stage.emit("csms.SignedUpdateFirmwareReq", **SIGNED)
    assert stage.order("csms.SignedUpdateFirmwareConf") == {"call": "2", "status": "Rejected"}
    assert stage.ordered("certificates.check_signer") == []
    assert stage.children() == []


def test_one_that_has_begun_while_the_signer_was_looked_at() -> None:
    stage = fetched(wanted().emit("csms.SignedUpdateFirmwareReq", **SIGNED)).finish("signer")
    assert stage.order("csms.SignedUpdateFirmwareConf") == {"call": "2", "status": "Rejected"}
    assert statuses(stage)[-1] == "Installing"


def test_requests_wait_for_the_one_before_them() -> None:
    """Each is answered, in their order."""
    stage = begun().emit("csms.SignedUpdateFirmwareReq", **SIGNED)
    stage.emit("csms.SignedUpdateFirmwareReq", **{**SIGNED, "call": "3"}).emit("csms.UpdateFirmwareReq", **WANTED)
    stage.finish("signer").fail("signer", "invalid")
    assert stage.ordered("csms.SignedUpdateFirmwareConf") == [
        {"call": "2", "status": "Accepted"},
        {"call": "3", "status": "InvalidCertificate"},
    ]
    assert stage.order("csms.UpdateFirmwareConf") == {"call": "1"}


# ---------------------------------------------------------------- after a restart


def test_a_restart_before_its_time() -> None:
    """What was told is not told again."""
    stage = begun({**KEPT_SIGNED, "stage": "scheduled", "retrieve": NOW + 60 * S})
    assert statuses(stage) == []
    assert stages(stage) == ["scheduled"]
    stage.values("clock", now=NOW + 60 * S).run(10)
    assert statuses(stage) == of_7("Downloading")


@pytest.mark.ocpp_cases("D19")
def test_a_restart_during_the_download() -> None:
    """D19: it goes on."""
    stage = begun({**KEPT, "stage": "downloading"})
    download = {"way": "download", "location": "http://a/fw", "attempts": 2, "between": 5 * S}
    assert download.items() <= dict(stage.input("download")).items()
    assert statuses(fetched(stage)) == ["Downloaded", "Installing"]


def test_a_restart_before_the_signature_is_checked() -> None:
    stage = begun({**KEPT_SIGNED, "stage": "downloaded"})
    assert stage.order("certificates.check_signature") == {"path": "p", "certificate": "PEM", "signature": "c2ln"}
    assert statuses(stage.finish("signature")) == of_7("SignatureVerified", "Installing")


def test_a_restart_before_the_installation() -> None:
    stage = begun({**KEPT_SIGNED, "stage": "verified", "install": NOW + 60 * S})
    assert statuses(stage) == []
    stage.values("clock", now=NOW + 60 * S).run(10)
    assert statuses(stage) == of_7("Installing")
    assert begun({**KEPT, "stage": "downloaded"}).order("installer.install") == {"path": "p"}


@pytest.mark.parametrize("stage_before", ["installing", "rebooting"])
@pytest.mark.parametrize("how", ["the old one runs", "nobody knows", "too long"])
def test_never_installed_out_of_nothing(stage_before: str, how: str) -> None:
    """The power went while it was installed, or the new one does not run."""
    stage = begun({**KEPT, "stage": stage_before})
    if how == "the old one runs":
        stage.finish("confirm", installed=False)
    elif how == "nobody knows":
        stage.fail("confirm", "no such command")
    else:
        stage.run(59.999)
        assert statuses(stage) == []
        stage.run(0.001)
    assert statuses(stage) == ["InstallationFailed"]
    assert stages(stage) == ["none"]
    assert stage.told("security_event") == []
    assert stage.logs == [
        {
            "the old one runs": "the earlier firmware runs",
            "nobody knows": "nobody knows which firmware runs: no such command",
            "too long": "no word which firmware runs",
        }[how]
    ]


# ---------------------------------------------------------------- what it is asked


@pytest.mark.ocpp_cases("TC_054")
def test_idle_only_when_it_is_asked_for() -> None:
    """4.5; by the message that was asked for."""
    stage = begun().run(3600)
    assert statuses(stage) == []
    stage.post("trigger", extended=False, now=False)
    assert stage.ordered("ledger.FirmwareStatusNotification") == [{"status": "Idle"}]
    assert stage.ordered("ledger.SignedFirmwareStatusNotification") == []
    stage.forget().post("trigger", extended=True, now=False)
    assert stage.ordered("ledger.SignedFirmwareStatusNotification") == [{"status": "Idle"}]
    assert stage.ordered("ledger.FirmwareStatusNotification") == []


@pytest.mark.ocpp_cases("TC_002")
@pytest.mark.parametrize("how", ["answered", "refused", "late"])
@pytest.mark.parametrize("extended", [False, True])
def test_what_is_triggered_while_pending(extended: bool, how: str) -> None:
    """4.2: sent at once, past what waits in the file; one at a time."""
    asked = f"csms.{'Signed' if extended else ''}FirmwareStatusNotificationReq"
    stage = begun()
    sent_one_at_a_time(stage, asked, how, extended=extended, now=True)
    assert statuses(stage) == []


@pytest.mark.parametrize("extended", [False, True])
def test_what_is_triggered_while_pending_of_the_update_under_way(extended: bool) -> None:
    """By its own message, signed or not."""
    stage = wanted().forget().post("trigger", extended=extended, now=True)
    assert [(order.what, order.args) for order in stage.orders] == [
        ("csms.FirmwareStatusNotificationReq", {"status": "Downloading"})
    ]
    stage = verified().forget().post("trigger", extended=extended, now=True)
    assert stage.ordered("csms.SignedFirmwareStatusNotificationReq") == [{"status": "Installing", "requestId": 7}]
    assert statuses(stage) == []


@pytest.mark.ocpp_cases("TC_054")
@pytest.mark.parametrize("extended", [False, True])
def test_the_status_of_the_update_under_way(extended: bool) -> None:
    stage = wanted().forget().post("trigger", extended=extended, now=False)
    assert stage.ordered("ledger.FirmwareStatusNotification") == [{"status": "Downloading"}]
    assert stage.ordered("ledger.SignedFirmwareStatusNotification") == []
    stage = verified().forget().post("trigger", extended=extended, now=False)
    assert stage.ordered("ledger.SignedFirmwareStatusNotification") == [{"status": "Installing", "requestId": 7}]
    stage.fail("install").forget().post("trigger", extended=False, now=False)
    assert statuses(stage) == ["Idle"]


@pytest.mark.parametrize(
    ("stage_before", "status"),
    [
        ("downloading", "Downloading"),
        ("downloaded", "Downloaded"),
        ("verified", "SignatureVerified"),
        ("installing", "Installing"),
    ],
)
def test_a_restart_knows_what_was_told_last(stage_before: str, status: str) -> None:
    stage = begun({**KEPT_SIGNED, "stage": stage_before, "install": NOW + 60 * S}).post(
        "trigger", extended=True, now=False
    )
    assert statuses(stage) == of_7(status)


def test_a_file_that_takes_nothing_is_told() -> None:
    assert begun().emit("job.failed", reason="disk full").logs == ["a restart would not find the update: disk full"]
