"""The end of a transaction, whatever becomes of the store, the plug or the outlet; all charts, virtual clock."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.ocpp.database import Database
from adapters.ocpp.ledger import Ledger
from tests.ocpp.charge_point import Alone
from tests.ocpp.outlets import StandInOutlets

S = 10**9


def full(point: Alone, is_full: bool = True) -> Alone:
    """From now on nothing is written, or everything is again."""
    point.roles["ledger"]._left = 0 if is_full else None
    return point


def charge(point: Alone, card: str = "CARD", seconds: float = 60) -> Alone:
    point.outlets.plug(1)
    point.outlets.card(1, card)
    return point.run(seconds)


def stop(point: Alone, card: str = "CARD") -> Alone:
    point.outlets.card(1, card)
    return point.run(1)


def ends(point: Alone) -> list[tuple[str, int, int]]:
    """What was heard of transactions, in its order: action, transactionId (a start has none), meter."""
    heard = [one for one in point.central.heard if one[0] in ("StartTransaction", "StopTransaction")]
    return [
        (action[:-11], said.get("transactionId", 0), said.get("meterStart", said.get("meterStop")))
        for action, said in heard
    ]


@pytest.mark.parametrize("next_comes", ["while it is full", "when it is not"])
def test_an_end_outlasts_a_full_disk(next_comes: str) -> None:
    """It was given up after a minute: the restart went on with a transaction that had ended."""
    point = full(charge(Alone(StopTxnSampledData=["SoC"]).run(5)))
    meter = int(point.outlets.wh(1))
    stop(point).outlets.unplug(1)
    point.run(600)
    assert point.statuses()[-1] == "Available"
    assert len(ends(point)) == 1
    if next_comes == "while it is full":
        charge(point, "NEXT", 30)
        assert point.outlets.outlets[0].state == "wanting", "nobody charges whom the central system will not hear of"
        point.outlets.unplug(1)
        full(point.run(5), is_full=False).run(61)
    else:
        charge(full(point, is_full=False), "NEXT", 5)
    assert ends(point)[:2] == [("Start", 0, 0), ("Stop", 101, meter)]
    if next_comes == "when it is not":
        assert ends(point)[2:] == [("Start", 0, meter)], "behind it, and without a wait"
    (stopped,) = point.central.said("StopTransaction")
    assert [one["sampledValue"][0]["value"] for one in stopped["transactionData"]] == ["50"] * 2


def cut(connector: int) -> Callable[[Database], None]:
    """A transaction without an end, as a power loss leaves it in the file; its start was answered."""

    def kept(database: Database) -> None:
        ledger = Ledger(database)
        start = {"connectorId": connector, "idTag": "OLD", "meterStart": 400, "timestamp": "2026-01-01T11:00:00Z"}
        ledger.answered(1, None if ledger.start(connector, start) != 1 else 42)
        sample = {"timestamp": "2026-01-01T11:30:00Z", "sampledValue": [{"value": "4500"}]}
        ledger.meter_values(1, {"connectorId": connector, "meterValue": [sample]}, 4500)

    return kept


def test_the_outlet_of_a_transaction_is_not_there_any_more() -> None:
    """Two outlets where there were three: it is closed by what was measured last."""
    point = Alone(2, kept=cut(3)).run(5)
    (end,) = point.central.said("StopTransaction")
    assert (end["transactionId"], end["meterStop"], end["reason"]) == (42, 4500, "PowerLoss")
    assert point.statuses(1) == point.statuses(2) == ["Available"]


def test_a_transaction_that_was_cut_can_be_stopped_and_limited() -> None:
    """Its outlet says nothing yet: it is open all the same, and its connector is taken."""
    point = Alone(kept=cut(1), made=lambda world: {"outlets": Silent({"count": 1}, world)}).run(5)
    assert point.statuses() == ["Preparing"]
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8}]}
    profile = {"chargingProfileId": 1, "transactionId": 42, "stackLevel": 0, "chargingProfilePurpose": "TxProfile"}
    profile |= {"chargingProfileKind": "Relative", "chargingSchedule": schedule}
    expires = "2026-12-01T00:00:00Z"
    for action, payload, status in (
        ("ReserveNow", {"connectorId": 1, "expiryDate": expires, "idTag": "X", "reservationId": 1}, "Occupied"),
        ("ReserveNow", {"connectorId": 0, "expiryDate": expires, "idTag": "X", "reservationId": 1}, "Occupied"),
        ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile}, "Accepted"),
        ("RemoteStopTransaction", {"transactionId": 42}, "Accepted"),
    ):
        point.central.ask(action, **payload)
        assert point.run(1).central.answers[action] == {"status": status}
    (end,) = point.central.said("StopTransaction")
    assert (end["transactionId"], end["meterStop"], end["reason"]) == (42, 4500, "Remote")


class Silent(StandInOutlets):
    """They have not measured yet what is there."""

    def report(self) -> None:
        """Nothing."""
