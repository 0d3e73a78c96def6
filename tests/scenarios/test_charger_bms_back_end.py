"""Scenarios of what a back end and a site hear of the light-vehicle charger (machines/charger_bms.yaml), and order of
it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage
from tests.scenarios.test_charger_bms import available, charging, demand, goes_down, heard, plugged, shown, terminals

EXTERNAL: dict[str, Any] = {"authorisation": "external"}


def states(stage: Stage) -> list[str]:
    return [one["state"] for one in stage.told("outlet_state")]


def faults(stage: Stage) -> list[tuple[str, str]]:
    return [(one["errorCode"], one["info"]) for one in stage.told("outlet_fault")]


def powers(stage: Stage) -> list[float]:
    return [one["power"] for one in stage.told("needs")]


def energy(**parameters: Any) -> Stage:
    """60 A at 72 V, and a back end that listens."""
    return terminals(charging(**parameters).post("report"), 72.0, 60.0).forget()


def stopped(stage: Stage) -> Stage:
    return stage.child("output.is_off")


def test_nobody_is_told_before_somebody_asks() -> None:
    stage = plugged(**EXTERNAL)
    assert states(stage) == []
    assert states(stage.post("report")) == ["plugged", "wanting"]


def test_nothing_is_told_of_the_plug_before_the_power_stage_is_heard() -> None:
    """After a power loss: a free outlet ends the transaction that was cut."""
    stage = Stage("machines/charger_bms.yaml").post("report").run(1)
    assert states(stage) == []
    assert states(stage.child("output.healthy")) == ["free"]


def test_from_plug_to_plug() -> None:
    stage = terminals(demand(available(**EXTERNAL).post("report"))).emit("reader.token", id="CARD")
    assert stage.told("card_shown") == [{"id": "CARD"}]
    assert shown(stage.post("refuse", reason="Blocked"))[-1] == "Blocked"
    assert not stage.ordered("output.start")
    stage.post("authorise").child("output.ready").emit("button.stop_pressed")
    assert stage.told("stop_asked") == [{}]
    stopped(stage).child("battery.silent", reason="gone")
    assert states(stage) == ["free", "plugged", "wanting", "plugged", "charging", "ended", "free"]
    assert stage.unhandled == []


def test_a_stop_by_the_back_end() -> None:
    stage = energy().post("end_session")
    assert goes_down(stage)
    assert stopped(stage).told("session_ended")[0]["reason"] == "stopped by the back end"
    assert states(stage.post("end_session")) == ["ended"]
    assert available().post("end_session").unhandled == []


def test_who_suspends() -> None:
    """The battery that wants no more, or the back end that lets nothing flow."""
    stage = energy().post("limit", current=0.0).post("limit", current=20.0)
    assert states(stage) == ["suspended_evse", "charging"]
    stage = stopped(energy().child("battery.standby", reason="full"))
    assert states(stage) == ["suspended_ev"]
    assert states(stage.run(30)) == ["suspended_ev", "plugged", "ended"]


@pytest.mark.parametrize("left", [True, False])
def test_a_charge_that_is_broken_off(left: bool) -> None:
    """Was the plug pulled? That shows when the battery is not heard any more."""
    stage = stopped(energy().child("output.tripped", reason="the current is gone"))
    stage = stage.run(3).child("battery.silent", reason="gone") if left else heard(stage, 6)
    assert states(stage) == (["free"] if left else ["ended"])


def test_there_is_no_lock() -> None:
    assert Stage("machines/charger_bms.yaml").told("without_lock") == [{}]
    assert available().post("unlock").told("unlocked") == [{"status": "NotSupported"}]


def test_what_it_measures() -> None:
    """Energy is a register that outlives plug-ins."""
    stage = energy().run(60).post("read")
    read = stage.told("readings")[0]
    assert (read["energy"], read["power"], read["voltage"], read["current"]) == (
        pytest.approx(72.0),
        4320.0,
        72.0,
        60.0,
    )
    assert (read["offered_current"], read["offered_power"], read["phase_voltages"]) == (300.0, None, [])
    assert available().post("read").told("readings")[0]["offered_current"] == 0.0


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("the contactor does not close", "PowerSwitchFailure"),
        ("voltage or current out of range: 99 V", "OverVoltage"),
        ("the power stage does not switch off", "InternalError"),
    ],
)
def test_faults(reason: str, code: str) -> None:
    stage = energy().child("output.fault", errorCode=code, reason=reason)
    assert faults(stage) == [(code, reason)]
    stage.emit("button.reset_pressed")
    assert stage.told("outlet_mended") == [{}]


def test_a_battery_the_wrong_way_round() -> None:
    stage = terminals(demand(available().post("report")), -60.0)
    assert faults(stage) == [("OtherError", "the battery is the wrong way round: -60.0 V")]
    assert terminals(stage, 0.0).told("outlet_mended") == [{}]


def test_out_of_service_is_no_fault() -> None:
    assert faults(available().post("report").post("out_of_service")) == []
    assert available().post("report").emit("button.emergency_stop").told("outlet_fault")[0]["emergency"]


# ---------------------------------------------------------------- the site's share


def test_what_it_needs() -> None:
    stage = plugged()
    assert powers(stage) == [84 * 60]
    demand(stage, 84.0, 50.0).post("limit", current=20.0)
    assert powers(stage)[1:] == [84 * 50, 84 * 20]
    demand(demand(stage, 84.0, 50.0), 84.0, 50.0).post("limit", current=20.0)
    assert powers(stage)[3:] == [], "what has not changed is not told again"
    stage.child("output.ready").emit("button.stop_pressed")
    stopped(stage).child("battery.silent", reason="gone")
    assert powers(stage)[-1] == 0


def test_the_share_is_one_in_amperes() -> None:
    """At the voltage the battery may be charged with; the less of it and of the back end's limit."""
    stage = energy().post("grant", power=1680.0, order=1)
    assert stage.order("output.demand") == {"voltage": 84.0, "current": 20.0}
    stage.post("limit", current=10.0).post("grant", power=8400.0, order=2)
    assert stage.order("output.demand") == {"voltage": 84.0, "current": 10.0}


def test_when_it_keeps_to_it() -> None:
    """By what the terminals say."""

    def kept(stage: Stage) -> list[int]:
        return [one["order"] for one in stage.told("kept")]

    stage = energy().post("grant", power=5e3, order=1).post("grant", power=1e3, order=2).run(1)
    assert kept(stage) == [1]
    assert kept(terminals(stage, 72.0, 20.0).run(0.1)) == [1, 2]
    assert kept(stage.post("grant", power=900.0, order=3).post("grant", power=2e3, order=4).run(0.1)) == [1, 2, 4]
