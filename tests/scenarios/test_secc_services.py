"""What an ISO 15118-2 vehicle may ask between SessionSetup and its parameters, and what it may not."""

from __future__ import annotations

import pytest

from tests.scenarios.secc import ISO2, answer, arrive, ask, refused

OK = {"ResponseCode": "OK"}
COMMON = ("ServiceDiscovery", "PaymentServiceSelection", "Authorization", "ChargeParameterDiscovery")
"""The messages the station waits for in turn."""


@pytest.mark.cases("CMN_ServiceDetail")
def test_details_of_the_charge() -> None:
    """ServiceDetail is answered as often as it is asked, and the choice is the next word all the same."""
    stage = arrive("PaymentServiceSelection", schema=ISO2)
    for _ in range(2):
        assert answer(stage, "ServiceDetail") == ("ServiceDetailRes", {**OK, "ServiceID": 1})
    assert answer(stage, "PaymentServiceSelection") == ("PaymentServiceSelectionRes", OK)


@pytest.mark.cases("CMN_ServiceDetail")
@pytest.mark.parametrize("step", ["SessionSetup", "ServiceDiscovery", "Authorization", "ChargeParameterDiscovery"])
def test_details_out_of_turn(step: str) -> None:
    """ServiceDetail stands between ServiceDiscovery and the choice only."""
    refused(arrive(step, schema=ISO2), "ServiceDetail", "FAILED_SequenceError")


@pytest.mark.cases("CMN_ServiceDetail")
@pytest.mark.parametrize("service", [0, 2, 65_535])
def test_details_of_what_is_not_offered(service: int) -> None:
    """FAILED_ServiceIDInvalid, and the end."""
    refused(
        arrive("PaymentServiceSelection", schema=ISO2), "ServiceDetail", "FAILED_ServiceIDInvalid", ServiceID=service
    )


@pytest.mark.cases("CMN_PaymentServiceSelection")
def test_a_contract_is_not_taken() -> None:
    """ExternalPayment is the one that is offered, so Contract is refused."""
    stage = arrive("ServiceDiscovery", schema=ISO2)
    assert answer(stage, "ServiceDiscovery")[1]["PaymentOption"] == ["ExternalPayment"]
    refused(stage, "PaymentServiceSelection", "FAILED_PaymentSelectionInvalid", SelectedPaymentOption="Contract")


@pytest.mark.parametrize("message", ["PaymentDetailsReq", "CertificateInstallationReq", "CertificateUpdateReq"])
def test_a_contract_s_messages_are_refused(message: str) -> None:
    """Requests of Plug & Charge, which nobody here speaks: FAILED_SequenceError in their own response."""
    refused(arrive("Authorization", schema=ISO2), "Unsupported", "FAILED_SequenceError", message=message)


@pytest.mark.cases(
    "CMN_ServiceDiscovery", "CMN_PaymentServiceSelection", "CMN_Authorization", "CMN_ChargeParameterDiscovery"
)
@pytest.mark.parametrize("sent", COMMON)
@pytest.mark.parametrize("step", COMMON)
def test_one_after_the_other(step: str, sent: str) -> None:
    """Each message in its turn is answered by its own response, and by FAILED_SequenceError in the turn of another."""
    stage = arrive(step, schema=ISO2)
    if sent == step:
        (order, *_) = ask(stage, sent)
        assert (order.what, order.args["ResponseCode"]) == (f"v2g.{sent}Res", "OK")
        assert stage.active("session.connection.established")
    else:
        refused(stage, sent, "FAILED_SequenceError")


@pytest.mark.cases("CMN_SessionSetup")
@pytest.mark.parametrize("step", COMMON)
def test_a_session_is_set_up_once(step: str) -> None:
    """SessionSetup in a session that stands is out of turn."""
    refused(arrive(step, schema=ISO2), "SessionSetup", "FAILED_SequenceError")


@pytest.mark.cases("DC_ServiceDiscovery")
def test_services_of_a_dc_outlet() -> None:
    """One charging service with modes of DC; the first is what a DIN vehicle is told, which has a field for one."""
    _, told = answer(arrive("ServiceDiscovery", schema=ISO2), "ServiceDiscovery")
    assert (told["ServiceID"], told["ServiceCategory"]) == (1, "EVCharging")
    assert told["EnergyTransferMode"][0] == "DC_extended"
    assert all(mode.startswith("DC_") for mode in told["EnergyTransferMode"])
