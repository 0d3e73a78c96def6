"""Scenarios of machines/ocpp/diagnostics.yaml: what the central system asks for is answered, uploaded and told of."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.pending import sent_one_at_a_time
from tests.scenarios.stage import S, Stage

GET = {"call": "1", "location": "http://a/b"}
FETCH = {"call": "2", "remoteLocation": "http://a/b", "logType": "SecurityLog", "requestId": 7}
NOON = 1_800_000_000 * S
FILE = {"path": "p", "name": "n", "lines": 3}


def begun(**parameters: Any) -> Stage:
    return Stage("machines/ocpp/diagnostics.yaml", **parameters)


def collecting(**asked: Any) -> Stage:
    return begun().emit("csms.GetDiagnosticsReq", **{**GET, **asked})


def uploading(**asked: Any) -> Stage:
    return collecting(**asked).finish("diagnostics_file", **FILE)


def fetching(**asked: Any) -> Stage:
    return begun().emit("csms.GetLogReq", **{**FETCH, **asked})


def sending(**asked: Any) -> Stage:
    return fetching(**asked).finish("log_file", **FILE)


def told(stage: Stage) -> list[str]:
    """The statuses in their order."""
    return [
        args["status"] for args in stage.ordered("ledger.DiagnosticsStatusNotification", "ledger.LogStatusNotification")
    ]


@pytest.mark.ocpp_cases("TC_045_1")
def test_diagnostics() -> None:
    """The name in the answer; then Uploading and Uploaded, once each."""
    stage = begun(identity="CP 1").emit("csms.GetDiagnosticsReq", **{**GET, "startTime": 5 * S, "stopTime": 9 * S})
    assert stage.order("logs.collect") == {"kind": "DiagnosticsLog", "of": "CP 1", "begin": 5 * S, "end": 9 * S}
    assert stage.ordered("csms.GetDiagnosticsConf") == []
    stage.finish("diagnostics_file", **FILE)
    assert stage.order("csms.GetDiagnosticsConf") == {"call": "1", "fileName": "n"}
    upload = {"way": "upload", "location": "http://a/b", "name": "n", "path": "p", "attempts": 3, "between": 60 * S}
    assert upload.items() <= dict(stage.input("diagnostics_upload")).items()
    assert told(stage) == ["Uploading"]
    assert told(stage.ends("diagnostics_upload", how="done", path="p")) == ["Uploading", "Uploaded"]
    assert stage.active("diagnostics.idle")
    assert stage.active("log.no_log")


@pytest.mark.ocpp_cases("TC_045_1")
def test_what_is_in_the_diagnostics() -> None:
    """What went wrong at the line and at the outlets, by its time; with nothing noted GetDiagnostics gave nothing."""
    stage = Stage("machines/ocpp/diagnostics.yaml", {"clock.now": NOON})
    stage.emit("csms.refused", reason="certificate", status=0, text="it has expired").emit("csms.connected")
    stage.emit("csms.disconnected", code=1006, text="cut")
    stage.emit("outlets.fault", outlet=2, errorCode="GroundFailure", info="rcd", emergency=False)
    stage.emit("outlets.warning", outlet=2, errorCode="HighTemperature", info="fan")
    stage.emit("outlets.fault_cleared", outlet=2).emit("outlets.lost", outlet=1)
    ended = {"outlet": 1, "end": "failed", "reason": "no answer", "energy": 1500.0, "soc": None}
    stage.emit("outlets.session_ended", **ended)
    lines = stage.ordered("logs.note")
    assert {line["timestamp"] for line in lines} == {NOON}
    assert [line["text"] for line in lines] == [
        "the program has begun",
        "line: refused, certificate, it has expired",
        "line: connected",
        "line: lost, 1006, cut",
        "outlet 2: GroundFailure, rcd",
        "outlet 2: HighTemperature, fan (a warning)",
        "outlet 2: no fault any more",
        "outlet 1: its program has ended",
        "outlet 1: session failed, 1500 Wh, no answer",
    ]


@pytest.mark.ocpp_cases("TC_045_1")
def test_there_is_nothing_to_upload() -> None:
    """6.24: an answer without a name, and no status."""
    stage = collecting().fail("diagnostics_file", "none")
    assert stage.order("csms.GetDiagnosticsConf") == {"call": "1"}
    assert told(stage) == []
    assert stage.active("diagnostics.idle")
    assert stage.logs == ["no diagnostics: none"]


@pytest.mark.ocpp_cases("TC_045_2")
@pytest.mark.parametrize("how", ["failed", "denied", "not_supported", "bad_location"])
def test_diagnostics_that_do_not_arrive(how: str) -> None:
    stage = uploading().ends("diagnostics_upload", how=how, path="")
    assert told(stage) == ["Uploading", "UploadFailed"]
    assert stage.active("diagnostics.idle")


@pytest.mark.parametrize(
    ("retries", "interval", "attempts", "between"),
    [(5, 20 * S, 5, 20 * S), (1, 0, 1, 0), (0, 0, 1, 0), (-1, -S, 3, 60 * S), (None, None, 3, 60 * S)],
)
@pytest.mark.parametrize("log", [False, True])
def test_how_often_is_the_central_systems(
    log: bool, retries: int | None, interval: int | None, attempts: int, between: int
) -> None:
    """`retries` is how often it is tried, and none is once. What cannot be meant is as if it were not said."""
    stage = (sending if log else uploading)(retries=retries, retryInterval=interval)
    upload = stage.input("log_upload" if log else "diagnostics_upload")
    assert (upload["attempts"], upload["between"]) == (attempts, between)


@pytest.mark.parametrize("log", [False, True])
def test_a_collection_that_takes_too_long(log: bool) -> None:
    stage = (fetching if log else collecting)().run(9.999)
    assert stage.ordered("csms.GetDiagnosticsConf", "csms.GetLogConf") == []
    stage.run(0.001)
    if log:
        assert stage.order("csms.GetLogConf") == {"call": "2", "status": "Rejected"}
        assert stage.active("log.no_log")
        assert stage.logs == ["no SecurityLog in time"]
    else:
        assert stage.order("csms.GetDiagnosticsConf") == {"call": "1"}
        assert stage.active("diagnostics.idle")
        assert stage.logs == ["no diagnostics in time"]


def test_new_diagnostics_take_the_place_of_those_under_way() -> None:
    """Each request is answered once; what was being uploaded is given up without another word."""
    stage = collecting().emit(
        "csms.GetDiagnosticsReq", **{**GET, "call": "3", "location": "http://c", "retries": 2, "retryInterval": S}
    )
    assert stage.ordered("csms.GetDiagnosticsConf") == [{"call": "1"}]
    stage.finish("diagnostics_file", **FILE)
    upload = stage.input("diagnostics_upload")
    assert (upload["location"], upload["attempts"], upload["between"]) == ("http://c", 2, S)
    stage.emit("csms.GetDiagnosticsReq", **{**GET, "call": "4", "location": "http://d", "startTime": S})
    assert stage.children() == []
    assert stage.order("logs.collect") == {"kind": "DiagnosticsLog", "of": "", "begin": S}
    stage.finish("diagnostics_file", **FILE).ends("diagnostics_upload", how="done", path="p")
    assert [answer["call"] for answer in stage.ordered("csms.GetDiagnosticsConf")] == ["1", "3", "4"]
    assert told(stage) == ["Uploading", "Uploading", "Uploaded"]


@pytest.mark.ocpp_cases("TC_079")
def test_the_security_log() -> None:
    """With the request's number in each status."""
    stage = fetching(oldestTimestamp=5 * S, latestTimestamp=9 * S)
    assert stage.order("logs.collect") == {"kind": "SecurityLog", "of": "", "begin": 5 * S, "end": 9 * S}
    stage.finish("log_file", **FILE)
    assert stage.order("csms.GetLogConf") == {"call": "2", "status": "Accepted", "filename": "n"}
    upload = {"way": "upload", "location": "http://a/b", "name": "n", "path": "p", "attempts": 3, "between": 60 * S}
    assert upload.items() <= dict(stage.input("log_upload")).items()
    stage.ends("log_upload", how="done", path="p")
    assert stage.ordered("ledger.LogStatusNotification") == [
        {"status": "Uploading", "requestId": 7},
        {"status": "Uploaded", "requestId": 7},
    ]
    assert stage.active("log.no_log")
    assert stage.active("diagnostics.idle")


def test_there_is_no_log() -> None:
    stage = fetching().fail("log_file", "none")
    assert stage.order("csms.GetLogConf") == {"call": "2", "status": "Rejected"}
    assert told(stage) == []
    assert stage.active("log.no_log")
    assert stage.logs == ["no SecurityLog: none"]


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ("failed", "UploadFailure"),
        ("denied", "PermissionDenied"),
        ("not_supported", "NotSupportedOperation"),
        ("bad_location", "BadMessage"),
    ],
)
def test_a_log_that_does_not_arrive(how: str, status: str) -> None:
    stage = sending().ends("log_upload", how=how, path="")
    assert stage.ordered("ledger.LogStatusNotification")[-1] == {"status": status, "requestId": 7}
    assert told(stage) == ["Uploading", status]
    assert stage.active("log.no_log")


def test_a_new_log_takes_the_place_of_the_one_under_way() -> None:
    """AcceptedCanceled where an upload is given up for it; who waits for an answer gets one."""
    stage = sending().emit("csms.GetLogReq", **{**FETCH, "call": "3", "requestId": 8, "logType": "DiagnosticsLog"})
    assert stage.children() == []
    assert stage.order("logs.collect") == {"kind": "DiagnosticsLog", "of": ""}
    more = {"call": "4", "requestId": 9, "remoteLocation": "ftp://x", "retries": 2, "retryInterval": S}
    stage.emit("csms.GetLogReq", **{**FETCH, **more, "oldestTimestamp": S, "latestTimestamp": 2 * S})
    assert stage.order("logs.collect") == {"kind": "SecurityLog", "of": "", "begin": S, "end": 2 * S}
    stage.finish("log_file", **FILE)
    assert stage.ordered("csms.GetLogConf")[1:] == [
        {"call": "3", "status": "Rejected"},
        {"call": "4", "status": "AcceptedCanceled", "filename": "n"},
    ]
    upload = stage.input("log_upload")
    assert (upload["location"], upload["attempts"], upload["between"]) == ("ftp://x", 2, S)
    stage.ends("log_upload", how="done", path="p")
    assert stage.order("ledger.LogStatusNotification") == {"status": "Uploaded", "requestId": 9}


def test_what_a_new_log_asks_for_is_what_is_done() -> None:
    more = {"call": "4", "requestId": 9, "remoteLocation": "ftp://x", "retries": 2, "retryInterval": S}
    stage = sending().emit("csms.GetLogReq", **{**FETCH, **more}).finish("log_file", **FILE)
    assert stage.order("csms.GetLogConf") == {"call": "4", "status": "AcceptedCanceled", "filename": "n"}
    upload = stage.input("log_upload")
    assert (upload["location"], upload["attempts"], upload["between"]) == ("ftp://x", 2, S)
    assert stage.order("ledger.LogStatusNotification") == {"status": "Uploading", "requestId": 9}


def test_a_request_in_place_of_one_that_is_collected() -> None:
    """No upload is given up, so it is a plain Accepted."""
    stage = fetching().emit("csms.GetLogReq", **{**FETCH, "call": "3"}).finish("log_file", **FILE)
    assert [answer["status"] for answer in stage.ordered("csms.GetLogConf")] == ["Rejected", "Accepted"]


@pytest.mark.ocpp_cases("TC_054")
def test_what_the_central_system_triggers() -> None:
    """Idle where nothing is under way, by the message that was asked for; never by itself (4.4)."""
    stage = begun().post("trigger", extended=False, now=False)
    assert stage.ordered("ledger.DiagnosticsStatusNotification") == [{"status": "Idle"}]
    assert stage.ordered("ledger.LogStatusNotification") == []
    stage.forget().post("trigger", extended=True, now=False)
    assert stage.ordered("ledger.LogStatusNotification") == [{"status": "Idle"}]
    assert stage.ordered("ledger.DiagnosticsStatusNotification") == []


@pytest.mark.ocpp_cases("TC_002")
@pytest.mark.parametrize("how", ["answered", "refused", "late"])
@pytest.mark.parametrize("extended", [False, True])
def test_what_is_triggered_while_pending(extended: bool, how: str) -> None:
    """4.2: sent at once, past what waits in the file; one at a time."""
    asked = "csms.LogStatusNotificationReq" if extended else "csms.DiagnosticsStatusNotificationReq"
    stage = begun()
    sent_one_at_a_time(stage, asked, how, extended=extended, now=True)
    assert not stage.ordered("ledger.DiagnosticsStatusNotification", "ledger.LogStatusNotification")


def test_what_is_triggered_while_pending_and_something_is_uploaded() -> None:
    stage = uploading().forget().post("trigger", extended=False, now=True)
    assert stage.ordered("csms.DiagnosticsStatusNotificationReq") == [{"status": "Uploading"}]
    stage = sending().forget().post("trigger", extended=True, now=True)
    assert stage.ordered("csms.LogStatusNotificationReq") == [{"status": "Uploading", "requestId": 7}]
    assert [order.what for order in stage.orders] == ["csms.LogStatusNotificationReq"]


@pytest.mark.ocpp_cases("TC_054")
def test_what_it_triggers_while_something_is_uploaded() -> None:
    stage = uploading().forget().post("trigger", extended=False, now=False)
    assert stage.ordered("ledger.DiagnosticsStatusNotification") == [{"status": "Uploading"}]
    stage.forget().post("trigger", extended=True, now=False)
    assert told(stage) == ["Idle"]
    stage = sending().forget().post("trigger", extended=True, now=False)
    assert stage.ordered("ledger.LogStatusNotification") == [{"status": "Uploading", "requestId": 7}]
    stage.forget().post("trigger", extended=False, now=False)
    assert stage.orders[-1].what == "ledger.DiagnosticsStatusNotification"
    assert told(stage) == ["Idle"]


def test_a_line_that_could_not_be_kept_is_told() -> None:
    assert begun().emit("logs.failed", reason="disk full").logs == ["a line is not in the log: disk full"]
