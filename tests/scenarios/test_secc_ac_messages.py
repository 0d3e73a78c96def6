"""An AC vehicle whose messages are of another session, out of turn, missing or repeated, at each step of its charge."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.scenarios.secc import ISO2, answer, ask, hang_up, last_word, refused
from tests.scenarios.stage import Stage
from tests.scenarios.test_secc_ac import START, VEHICLE, agreed, at_parameters, charging

OTHER = bytes.fromhex("b1b2b3b4b5b6b7b8")
QUIET = {"RCD": False, "EVSENotification": "None"}


def _receipt() -> Stage:
    stage = charging(ReceiptRequired=True).post("metered", MeterID="M1", energy=1200.0)
    ask(stage, "ChargingStatus")
    return stage.forget()


def _stopped() -> Stage:
    stage = charging()
    ask(stage, "PowerDelivery", ChargeProgress="Stop", **START)
    return stage.post("current_off").forget()


PLACES: dict[str, Callable[[], Stage]] = {
    "ChargeParameterDiscovery": lambda: at_parameters(ISO2),
    "PowerDelivery": agreed,
    "ChargingStatus": charging,
    "MeteringReceipt": _receipt,
    "SessionStop": _stopped,
}
"""The message the station waits for."""
WRONG = [
    *(("ChargeParameterDiscovery", sent) for sent in ("PowerDelivery", "ChargingStatus", "MeteringReceipt")),
    *(("PowerDelivery", sent) for sent in ("ChargingStatus", "MeteringReceipt", "CableCheck", "SessionSetup")),
    *(("ChargingStatus", sent) for sent in ("MeteringReceipt", "Authorization", "CurrentDemand", "SessionSetup")),
    *(("MeteringReceipt", sent) for sent in ("ChargingStatus", "ChargeParameterDiscovery")),
    *(("SessionStop", sent) for sent in ("ChargingStatus", "PowerDelivery", "MeteringReceipt", "ServiceDiscovery")),
]
END = {place: "normal" if place == "SessionStop" else "failed" for place in PLACES}
"""How the session has ended when it breaks off there; after PowerDelivery(Stop) the charge is over."""
at_each = pytest.mark.parametrize("place", PLACES)


@pytest.mark.cases(
    "AC_ChargeParameterDiscovery", "AC_PowerDelivery", "AC_ChargingStatus", "AC_MeteringReceipt", "AC_SessionStop"
)
@at_each
def test_message_of_another_session(place: str) -> None:
    """FAILED_UnknownSession, and the end [V2G2-391]; what is live goes off."""
    stage = PLACES[place]()
    refused(stage, "UnknownSession", "FAILED_UnknownSession", SessionID=OTHER)
    assert stage.told("session_ended") == [{"end": END[place]}]


@pytest.mark.cases(
    "AC_ChargeParameterDiscovery", "AC_PowerDelivery", "AC_ChargingStatus", "AC_MeteringReceipt", "AC_SessionStop"
)
@pytest.mark.parametrize(("place", "sent"), WRONG)
def test_message_out_of_turn(place: str, sent: str) -> None:
    """FAILED_SequenceError in the request's own response, with the status of AC once the vehicle has chosen AC, and the
    end [V2G2-538]."""
    stage = PLACES[place]()
    what, told = answer(stage, sent)
    assert (what, told["ResponseCode"]) == ("reject", "FAILED_SequenceError")
    if place != "ChargeParameterDiscovery":
        assert {name: told.get(name) for name in QUIET} == QUIET
    last_word(stage)


@pytest.mark.cases(
    "AC_ChargeParameterDiscovery", "AC_PowerDelivery", "AC_ChargingStatus", "AC_MeteringReceipt", "AC_SessionStop"
)
@at_each
def test_silence(place: str) -> None:
    """60 s without a request [V2G2-443]: the outlet goes dead and serves the next vehicle."""
    stage = PLACES[place]()
    stage.run(59.999)
    assert stage.order("v2g.drop") is None
    assert stage.active("session")
    stage.run(0.001)
    assert stage.order("v2g.drop") == {}
    assert (stage.states, stage.told("session_ended")) == (("waiting",), [{"end": END[place]}])
    assert [name for _, name, _ in stage.said][-2:] == ["power_off", "session_ended"]


@at_each
def test_connection_lost(place: str) -> None:
    """The outlet goes dead at once."""
    stage = hang_up(PLACES[place]())
    assert (stage.states, stage.told("session_ended")) == (("waiting",), [{"end": END[place]}])
    assert [name for _, name, _ in stage.said] == ["power_off", "session_ended"]


@pytest.mark.cases("AC_SessionStop")
@pytest.mark.parametrize("place", [place for place in PLACES if place != "SessionStop"])
def test_session_stop_before_the_end(place: str) -> None:
    """Legal wherever a session stands: OK, what is live goes off, a normal end."""
    stage = PLACES[place]()
    assert answer(stage, "SessionStop") == ("SessionStopRes", {"ResponseCode": "OK"})
    last_word(stage)
    assert stage.told("session_ended") == [{"end": "normal"}]


@pytest.mark.cases("AC_PowerDelivery")
@pytest.mark.parametrize("place", ["ChargingStatus", "SessionStop"])
def test_answer_lost(place: str) -> None:
    """A vehicle that missed the answer to PowerDelivery repeats itself and is answered the same again."""
    stage = PLACES[place]()
    progress = "Start" if place == "ChargingStatus" else "Stop"
    assert answer(stage, "PowerDelivery", ChargeProgress=progress, repeated=True, **START) == ("resend", {})
    assert not stage.said, "nothing is switched again"


@pytest.mark.cases("AC_ChargeParameterDiscovery")
def test_parameters_again_when_nobody_asked() -> None:
    """ChargeParameterDiscovery in the charging loop is out of turn without PowerDelivery(Renegotiate)."""
    refused(charging(), "ChargeParameterDiscovery", "FAILED_SequenceError", **VEHICLE)
