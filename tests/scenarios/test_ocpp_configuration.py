"""Scenarios of machines/ocpp/configuration.yaml: what the central system may ask for and change."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.ocpp import keys
from tests.scenarios.stage import Stage


def begun(values: dict[str, Any] | None = None, **parameters: Any) -> Stage:
    installed = {"certificates.central_roots": 1, "certificates.own": True}
    with_tls = {"secure": True, **parameters}
    return Stage("machines/ocpp/configuration.yaml", {**keys(), **installed, **(values or {})}, **with_tls)


def get(stage: Stage, *key: str) -> Stage:
    return stage.emit("csms.GetConfigurationReq", call="g", key=list(key) or None)


def found(stage: Stage, unknown: tuple[str, ...] = (), **texts: str) -> Stage:
    return stage.finish("keys", key=list(texts), value=list(texts.values()), unknownKey=list(unknown))


def change(stage: Stage, key: str, value: str = "1") -> Stage:
    return stage.emit("csms.ChangeConfigurationReq", call="c", key=key, value=value)


def meant(stage: Stage, key: str, value: str = "1", **meaning: Any) -> Stage:
    """The central system changes a key, and the text means something."""
    what = {"number": None, "items": [], "most": None, "length": 0, **meaning}
    return change(stage, key, value).finish("meaning", key=key, **what)


def status(stage: Stage) -> str | None:
    answer = stage.order("csms.ChangeConfigurationConf")
    assert answer is None or answer["call"] == "c"
    return None if answer is None else answer["status"]


def judged(key: str, values: dict[str, Any] | None = None, /, *, parameters: Any = None, **meaning: Any) -> str | None:
    """What becomes of the change of a key; ``None`` when it goes into the file. A person is told why it does not."""
    stage = meant(begun(values, **(parameters or {})), key, **meaning)
    assert (status(stage) is None) is bool(stage.ordered("settings.write"))
    assert [log.partition(" ")[0] for log in stage.logs] == ([] if status(stage) is None else [key])
    return status(stage)


@pytest.mark.ocpp_cases("TC_019")
def test_all_keys_some_and_unknown_ones() -> None:
    stage = get(begun())
    assert stage.ordered("settings.look") == [{}]
    found(stage, HeartbeatInterval="60", NumberOfConnectors="2")
    assert stage.order("csms.GetConfigurationConf") == {
        "call": "g",
        "key": ["HeartbeatInterval", "NumberOfConnectors"],
        "readonly": [False, True],
        "value": ["60", "2"],
    }
    get(stage, "ConnectionTimeOut", "Colour")
    assert stage.order("settings.look") == {"key": ["ConnectionTimeOut", "Colour"]}
    found(stage, ("Colour",), ConnectionTimeOut="60")
    answer = {"call": "g", "key": ["ConnectionTimeOut"], "readonly": [False], "value": ["60"], "unknownKey": ["Colour"]}
    assert stage.order("csms.GetConfigurationConf") == answer
    found(get(stage, "Colour"), ("Colour",))
    assert stage.order("csms.GetConfigurationConf") == {"call": "g", "unknownKey": ["Colour"]}


def test_more_keys_than_may_be_asked_for() -> None:
    """9.1.7: GetConfigurationMaxKeys; all of them at once are no number of keys."""
    stage = get(begun({"settings.GetConfigurationMaxKeys": 2}), "A", "B", "C")
    assert stage.ordered("settings.look") == []
    refusal = stage.order("csms.refuse")
    assert refusal is not None
    assert (refusal["call"], refusal["code"]) == ("g", "OccurenceConstraintViolation")
    assert get(stage, "A", "B").ordered("settings.look") == [{"key": ["A", "B"]}]
    assert get(begun({"settings.GetConfigurationMaxKeys": 0})).ordered("settings.look") == [{}]


@pytest.mark.ocpp_cases("TC_021")
def test_a_change_is_in_the_file_before_it_is_accepted() -> None:
    stage = change(begun(), "connectiontimeout", "30")
    assert stage.order("settings.understand") == {"key": "connectiontimeout", "value": "30"}
    stage.finish("meaning", key="ConnectionTimeOut", number=30, items=[], most=None, length=0)
    assert stage.order("settings.write") == {"key": "ConnectionTimeOut", "value": "30"}
    assert status(stage) is None
    stage.finish("file")
    assert stage.order("csms.ChangeConfigurationConf") == {"call": "c", "status": "Accepted"}
    assert status(change(stage, "MeterValueSampleInterval", "0")) == "Accepted"  # and the next one has its turn
    assert len(stage.ordered("settings.understand")) == 2


def test_what_holds_after_a_reboot_only() -> None:
    stage = meant(begun(after_reboot=["MeterValueSampleInterval"]), "MeterValueSampleInterval", number=5)
    assert status(stage.finish("file")) == "RebootRequired"


def test_a_file_that_cannot_be_written_rejects() -> None:
    stage = meant(begun(), "MeterValueSampleInterval", number=5).emit("settings.failed", reason="disk full")
    assert status(stage.fail("file", "disk full")) == "Rejected"
    assert stage.logs == ["disk full"]


@pytest.mark.ocpp_cases("TC_040_1", "TC_040_2")
def test_an_unknown_key_and_a_value_that_is_none() -> None:
    """5.3: NotSupported is for keys, Rejected for values."""
    assert status(change(begun(), "Colour", "blue").fail("meaning", "unknown")) == "NotSupported"
    stage = change(begun(), "HeartbeatInterval", "soon").fail("meaning", "unreadable")
    assert (status(stage), stage.logs) == ("Rejected", ["HeartbeatInterval is not to be understood"])


def test_what_comes_meanwhile_is_answered_after_it() -> None:
    stage = change(get(begun()), "MeterValueSampleInterval", "5")
    assert stage.ordered("settings.understand") == []
    get(found(stage, HeartbeatInterval="1")).finish(
        "meaning", key="MeterValueSampleInterval", number=5, items=[], most=None, length=0
    ).finish("file")
    assert len(stage.ordered("settings.look")) == 2
    assert found(stage).unhandled == []


@pytest.mark.parametrize(
    ("key", "number", "answer"),
    [
        ("MeterValueSampleInterval", 0, None),
        ("MeterValueSampleInterval", -1, "Rejected"),
        ("WebSocketPingInterval", 0, None),
        ("WebSocketPingInterval", -5, "Rejected"),
        ("HeartbeatInterval", 0, "Rejected"),
        ("HeartbeatInterval", 1, None),
        ("TransactionMessageAttempts", 0, "Rejected"),
        ("ConnectionTimeOut", 0, "Rejected"),
        ("MessageTimeout", 0, "Rejected"),
    ],
)
def test_ranges(key: str, number: int, answer: str | None) -> None:
    """D14 of the field: no loop without a pause. Negative is never meant (9.1.28)."""
    assert judged(key, number=number) == answer


def test_what_only_the_station_changes() -> None:
    assert judged("NumberOfConnectors", number=7) == "Rejected"
    assert judged("SupportedFeatureProfiles", items=["Core"], most=6) == "Rejected"
    assert judged("UnlockConnectorOnEVSideDisconnect") is None
    stage = begun(fixed_cable=True)
    assert status(meant(stage, "UnlockConnectorOnEVSideDisconnect")) == "Rejected"
    found(get(stage), UnlockConnectorOnEVSideDisconnect="false", LocalPreAuthorize="true")
    answer = stage.order("csms.GetConfigurationConf")
    assert answer is not None
    assert answer["readonly"] == [True, False]


@pytest.mark.ocpp_cases("D4")
@pytest.mark.parametrize(
    "key", ["MeterValuesSampledData", "MeterValuesAlignedData", "StopTxnSampledData", "StopTxnAlignedData"]
)
def test_a_measurand_the_station_does_not_have_rejects_the_list(key: str) -> None:
    """3.16.4, D4 of the field: nothing is changed, nothing left out in silence; the empty list is none."""
    mine = {"measurands": ["Voltage", "Voltage.L1", "SoC"]}
    assert judged(key, items=["Voltage.L1", "SoC"], most=3, parameters=mine) is None
    assert judged(key, items=[], most=3, parameters=mine) is None
    assert judged(key, items=["Voltage", "Voltage.L1", "SoC"], most=3, parameters=mine) is None
    assert judged(key, items=["Voltage", "Frequency"], most=3, parameters=mine) == "Rejected"
    assert judged(key, items=["Voltage", "Voltage.L1", "SoC"], most=2, parameters=mine) == "Rejected"


def test_a_list_that_was_rejected_does_not_stand_in_the_way_of_a_right_one() -> None:
    stage = meant(begun(measurands=["Voltage"]), "StopTxnSampledData", items=["Frequency"], most=3)
    assert status(stage) == "Rejected"
    meant(stage.forget(), "StopTxnSampledData", items=["Voltage"], most=3)
    assert len(stage.ordered("settings.write")) == 1


def test_phase_rotations() -> None:
    """9.1.8: of connectors that are there, in the standard's words."""
    with_measurands = {"measurands": ["Voltage"]}
    assert judged("ConnectorPhaseRotation", items=["Voltage"], most=20, parameters=with_measurands) == "Rejected"
    two = {"settings.NumberOfConnectors": 2}
    assert judged("ConnectorPhaseRotation", two, items=["0.Unknown", "2.RST"], most=20) is None
    assert judged("ConnectorPhaseRotation", two, items=["3.RST"], most=20) == "Rejected"
    assert judged("ConnectorPhaseRotation", two, items=["1.RSS"], most=20) == "Rejected"


@pytest.mark.ocpp_cases("TC_073")
@pytest.mark.parametrize(("length", "answer"), [(15, "Rejected"), (16, None), (20, None), (21, "Rejected")])
def test_a_password(length: int, answer: str | None) -> None:
    assert judged("AuthorizationKey", length=length) == answer


@pytest.mark.ocpp_cases("TC_083", "TC_084")
def test_the_security_profile_only_rises() -> None:
    with_key = {"settings.AuthorizationKey": b"0123456789abcdef", "settings.SecurityProfile": 1}
    assert judged("SecurityProfile", with_key, number=2) is None
    assert judged("SecurityProfile", with_key, number=1) is None
    assert judged("SecurityProfile", with_key, number=0) == "Rejected"
    assert judged("SecurityProfile", with_key, number=4) == "Rejected"
    assert judged("SecurityProfile", with_key, number=3) is None
    without = {"settings.AuthorizationKey": None}
    assert judged("SecurityProfile", without, number=1) == "Rejected"
    assert judged("SecurityProfile", without, number=2) == "Rejected"
    assert judged("SecurityProfile", without, number=3) is None


@pytest.mark.ocpp_cases("TC_083", "TC_087")
@pytest.mark.parametrize(
    ("lacks", "why", "highest"),
    [
        ({"parameters": {"secure": False}}, "a central system that is reached over TLS (secure_url)", 1),
        ({"certificates.central_roots": 0}, "a root certificate of the central system first", 1),
        ({"certificates.own": False}, "a certificate of the charge point first", 2),
        ({"settings.AuthorizationKey": None}, "an AuthorizationKey first", 0),
    ],
)
def test_a_security_profile_has_what_it_needs(lacks: dict[str, Any], why: str, highest: int) -> None:
    """Whitepaper A05: else the password would go in clear, or the charge point never come back."""
    for number in (1, 2, 3):
        stage = begun(
            {"settings.AuthorizationKey": b"0123456789abcdef", **{k: v for k, v in lacks.items() if k != "parameters"}},
            **lacks.get("parameters", {}),
        )
        meant(stage, "SecurityProfile", number=number)
        fits = number <= highest or (number == 3 and why.startswith("an AuthorizationKey"))
        assert status(stage) == (None if fits else "Rejected")
        assert stage.logs == ([] if fits else [f"SecurityProfile needs {why}"])


def test_changes_that_others_are_told_of_are_no_matter() -> None:
    stage = begun().emit("settings.changed", key="HeartbeatInterval").emit("settings.failed", reason="x")
    stage.emit("certificates.failed", reason="x")
    assert (stage.orders, stage.unhandled) == ([], [])
