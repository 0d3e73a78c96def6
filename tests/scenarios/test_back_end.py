"""Scenarios of what a back end hears of an outlet (machines/evse_dc.yaml) and orders, by way of machines/site.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.evse import EVCCID, available, charging, in_session, pilot, plugged, start_session, starting
from tests.scenarios.stage import Stage

S = 1_000_000_000
MAC = bytes.fromhex("00b052000007")
EXTERNAL: dict[str, Any] = {"authorisation": "external"}


def told(stage: Stage) -> list[str]:
    return [one["state"] for one in stage.told("outlet_state")]


# ---------------------------------------------------------------- an outlet


def test_nobody_is_told_before_somebody_asks() -> None:
    stage = pilot(available(), "B")
    assert told(stage) == []
    assert told(stage.post("report")) == ["plugged"]
    assert told(stage.post("report")) == ["plugged"] * 2


def test_nothing_is_told_of_the_plug_before_it_was_measured() -> None:
    """After a power loss: a free outlet ends the transaction that was cut."""
    stage = available().post("report").run(1).values("pilot", high=10.4).run(1)
    assert told(stage) == []
    assert told(stage.values("pilot", high=10.5).run(0.1)) == ["free"]
    assert told(stage.post("report")) == ["free", "free"], "at once, when it is known"
    assert told(pilot(available().post("report"), "B")) == ["plugged"]


def test_from_plug_to_plug() -> None:
    """The states of a charge, in their order; the card, the vehicle, the stop."""
    stage = start_session(pilot(available(**EXTERNAL).post("report"), "B").child("slac.dlink_ready", pev_mac=bytes(6)))
    stage.child("session.authorisation_wanted").emit("reader.token", id="CARD")
    assert told(stage)[-1] == "wanting"
    assert stage.told("card_shown") == [{"id": "CARD"}]
    stage.post("refuse", reason="Blocked")
    assert stage.order("display.show") == {"text": "Blocked"}
    assert not stage.ordered("session.reject_user")
    stage.post("authorise")
    assert stage.ordered("session.authorise") == [{}]
    assert told(stage)[-1] == "plugged"
    stage.post("authorise").post("refuse", reason="late")
    assert len(stage.ordered("session.authorise")) == 1
    stage.emit("button.stop_pressed")
    assert stage.told("stop_asked") == [{}]


def test_the_vehicle_is_told() -> None:
    """Its modem's address is that of this plug-in."""
    stage = plugged().post("report").child("slac.dlink_ready", pev_mac=MAC)
    stage.child("session.session_started", EVCCID=EVCCID, protocol="din")
    assert stage.told("vehicle_known") == [{"EVCCID": EVCCID, "mac": MAC, "protocol": "din"}]
    pilot(pilot(stage, "A").child("output.is_off").run(1), "B").child(
        "session.session_started", EVCCID=EVCCID, protocol="din"
    )
    assert stage.told("vehicle_known")[-1]["mac"] == b""


def test_a_card_is_its_own_business_where_it_decides_itself() -> None:
    assert not available(authorisation="list").post("report").emit("reader.token", id="X").told("card_shown")


def test_energy() -> None:
    """A vehicle begins with 0 A, too; one that stays there pauses."""
    stage = charging().post("report")
    assert told(stage)[-1] == "charging"
    demand = {"soc": 40, "voltage": 400.0}
    stage.child("session.demand", current=0.0, **demand).run(3).child("session.demand", current=9.0, **demand).run(3)
    assert told(stage)[-1] == "charging"
    stage.child("session.demand", current=0.0, **demand).run(5)
    assert told(stage)[-1] == "suspended_ev"
    stage.post("grant", power=0.0, order=1)
    assert told(stage)[-1] == "suspended_evse"
    stage.child("session.demand", current=9.0, **demand).post("grant", power=5000.0, order=2)
    assert told(stage)[-1] == "charging"
    stage.post("grant", power=0.0, order=3)
    assert told(stage)[-1] == "suspended_evse"
    stage.child("session.power_off")
    assert told(stage)[-1] == "plugged"


@pytest.mark.parametrize("paused", [True, False])
def test_a_pause_ends(paused: bool) -> None:
    stage = charging().post("report").child("session.demand", current=0.0, soc=40, voltage=400.0).run(5)
    assert told(stage)[-1] == "suspended_ev"
    if paused:
        stage.child("session.demand", current=9.0, soc=40, voltage=400.0)
        assert told(stage)[-1] == "charging"
    else:
        stage.child("session.power_off")
        assert told(stage)[-1] == "plugged"


def test_charging_ends() -> None:
    assert told(charging().post("report").child("session.power_off"))[-1] == "plugged"


def test_a_session_that_is_paused() -> None:
    stage = in_session().post("report").child("session.session_ended", end="paused", reason="")
    assert told(stage)[-1] == "suspended_ev"


def test_a_session_that_is_over() -> None:
    stage = in_session().post("report").child("session.session_ended", end="normal", reason="")
    assert told(stage)[-1] == "ended"
    assert told(pilot(stage, "A"))[-1] == "free"


def test_a_vehicle_that_was_given_up() -> None:
    stage = plugged(C_session_retry=0).post("report").child("slac.dlink_lost")
    assert stage.active("outlet.plugged.gave_up")
    assert told(stage)[-1] == "ended"


def test_a_stop_by_the_back_end() -> None:
    """As the user's: the vehicle is asked; without a session nothing begins any more."""
    assert in_session().post("end_session").ordered("session.stop") == [{}]
    assert plugged().post("end_session").post("end_session").active("outlet.plugged.finished")
    assert available().post("end_session").unhandled == []


def test_a_fault_by_the_word_of_the_central_system() -> None:
    """OCPP 1.6 7.6, as who has it says; for people as it is, whatever words that has."""
    stage = available().post("report").child("output.fault", reason="no insulation, hot", errorCode="UnderVoltage")
    assert stage.told("outlet_fault")[0] == {
        "errorCode": "UnderVoltage",
        "info": "no insulation, hot",
        "emergency": False,
    }


@pytest.mark.parametrize(
    ("event", "data", "code"),
    [
        ("cp_line.diode_fault", {}, "EVCommunicationError"),
        ("cp_line.state", {"state": "E"}, "EVCommunicationError"),
        ("output.unfit", {"reason": "hot", "errorCode": "HighTemperature"}, "HighTemperature"),
        ("pilot.lost", {"reason": ""}, "InternalError"),
        ("button.emergency_stop", {}, "OtherError"),
    ],
)
def test_what_puts_the_outlet_out_of_order(event: str, data: dict[str, Any], code: str) -> None:
    stage = available().post("report")
    stage = stage.child(event, **data) if event.startswith(("cp_line", "output")) else stage.emit(event, **data)
    assert [one["errorCode"] for one in stage.told("outlet_fault")] == [code]


def test_a_connector_that_comes_unlocked() -> None:
    stage = charging().post("report").emit("lock.unlocked")
    assert [one["errorCode"] for one in stage.told("outlet_fault")] == ["ConnectorLockFailure"]


def test_what_mends_by_itself_mends_though_the_outlet_was_ordered_out_of_service_meanwhile() -> None:
    stage = available().values("pilot", high=12.0).post("report")
    stage.child("output.unfit", reason="hot", errorCode="HighTemperature").post("out_of_service")
    assert (stage.data("reason"), stage.told("outlet_mended")) == ("hot", [])
    stage.child("output.is_off").child("output.fit").child("output.is_off").child("output.is_off").run(1)
    assert stage.told("outlet_mended") == [{}]
    assert (stage.active("outlet.faulted"), stage.data("reason")) == (True, "out of service")
    assert len(stage.told("outlet_fault")) == 1


def test_a_fault_that_somebody_has_to_look_at_is_not_over_when_it_is_out_of_service() -> None:
    stage = available().post("report").child("output.fault", errorCode="GroundFailure", reason="insulation fault")
    stage.post("out_of_service").child("output.fit").emit("pilot.found").run(60)
    assert stage.told("outlet_mended") == []
    assert stage.data("reason") == "insulation fault"


def test_one_fault_after_the_other() -> None:
    """The newest is told."""
    stage = available().post("report").emit("button.emergency_stop")
    stage.child("output.fault", errorCode="GroundFailure", reason="insulation fault")
    assert [one["info"] for one in stage.told("outlet_fault")] == ["emergency button", "insulation fault"]
    stage.post("out_of_service")
    assert len(stage.told("outlet_fault")) == 2


@pytest.mark.parametrize("button", [True, False])
def test_faults(button: bool) -> None:
    stage = available().values("pilot", high=12.0).post("report")
    if button:
        stage.emit("button.emergency_stop")
        assert stage.told("outlet_fault") == [
            {"errorCode": "OtherError", "info": "emergency button", "emergency": True}
        ]
        stage.emit("button.emergency_released")
    else:
        stage.child("output.fault", errorCode="GroundFailure", reason="insulation fault")
        assert stage.told("outlet_fault")[0]["errorCode"] == "GroundFailure"
    assert stage.told("outlet_mended") == []
    stage.emit("button.reset_pressed").child("output.is_off")
    assert stage.told("outlet_mended") == [], "in F nobody is seen"
    assert stage.child("output.is_off").run(1).told("outlet_mended") == [{}]


def test_out_of_service_is_no_fault() -> None:
    stage = available().post("report").post("out_of_service")
    assert stage.active("outlet.faulted")
    assert stage.told("outlet_fault") == []


@pytest.mark.parametrize(
    ("event", "back", "code"),
    [("output.unfit", "output.fit", "HighTemperature"), ("pilot.lost", "pilot.found", "InternalError")],
)
def test_a_fault_while_out_of_service_is_told_at_once(event: str, back: str, code: str) -> None:
    """OCPP 1.6 4.9 H9, and I8 when it mends by itself: it stays out of service."""

    def says(event: str, **data: Any) -> None:
        (stage.child if event.startswith("output") else stage.emit)(event, **data)

    stage = available().values("pilot", high=12.0).post("report").post("out_of_service").child("output.is_off")
    says(event, reason="hot", **({"errorCode": code} if event == "output.unfit" else {}))
    assert stage.told("outlet_fault") == [{"errorCode": code, "info": "hot", "emergency": False}]
    says(back)
    stage.child("output.is_off").child("output.is_off").run(1)
    assert stage.told("outlet_mended") == [{}]
    assert (stage.active("outlet.faulted"), stage.data("reason")) == (True, "out of service")
    stage.post("in_service").child("output.is_off").child("output.is_off").run(1)
    assert stage.active("outlet.available")
    assert len(stage.told("outlet_fault")) == 1


@pytest.mark.parametrize(("state", "told"), [("A", "free"), ("B", "plugged")])
def test_in_service_again_it_tells_what_is_here(state: str, told: str) -> None:
    """Even what it told before, and not before it was seen."""
    stage = available().post("report").post("out_of_service").values("pilot", high=-12.0).forget()
    stage.post("in_service").child("output.is_off").child("output.is_off").run(60)
    assert stage.told("outlet_state") == []
    stage.values("pilot", high={"A": 12.0, "B": 9.0}[state])
    if state == "B":
        stage.child("cp_line.state", state="B")
    assert stage.run(1).told("outlet_state") == [{"state": told}]


def test_what_it_measures() -> None:
    stage = available().values("meter", energy=1500.0, power=11e3, voltage=400.0, current=27.5).post("read")
    measured = {"energy": 1500.0, "power": 11e3, "voltage": 400.0, "current": 27.5}
    nothing = {"offered_power": None, "offered_current": 0.0, "soc": None, "phase_voltages": [], "phase_currents": []}
    assert stage.told("readings") == [{**measured, **nothing}]
    stage = charging().post("grant", power=9e3, order=1).child("session.demand", current=9.0, soc=40, voltage=400.0)
    assert (stage.post("read").told("readings")[0]["offered_power"], stage.told("readings")[0]["soc"]) == (9e3, 40)


def test_a_connector_that_is_not_locked() -> None:
    assert available().values("lock", is_locked=False).post("unlock").told("unlocked") == [{"status": "Unlocked"}]


def test_who_charges_keeps_the_connector() -> None:
    stage = charging().values("lock", is_locked=True).post("unlock")
    assert stage.told("unlocked") == [{"status": "UnlockFailed"}]
    assert not stage.ordered("lock.unlock")


def test_a_connector_that_is_released_when_it_is_dead() -> None:
    """OCPP 1.6 5.18: the transaction was stopped, the current flows still; the answer waits for the bolt."""
    stage = charging().values("lock", is_locked=True).post("end_session").post("unlock").post("unlock")
    stage.child("session.power_off").child("session.session_ended", end="normal")
    assert (stage.told("unlocked"), stage.ordered("lock.unlock")) == ([], [])
    stage.child("output.is_off")
    assert (stage.told("unlocked"), stage.ordered("lock.unlock")) == ([], [{}])
    assert stage.values("lock", is_locked=False).emit("lock.unlocked").told("unlocked") == [{"status": "Unlocked"}]


def test_a_bolt_that_sticks_is_moved_once_more() -> None:
    stage = charging().values("lock", is_locked=True).post("end_session")
    stage.child("session.power_off").child("session.session_ended", end="normal").child("output.is_off")
    assert stage.ordered("lock.unlock") == [{}]
    assert stage.post("unlock").ordered("lock.unlock") == [{}, {}]
    assert stage.run(2.9).told("unlocked") == []
    assert stage.run(0.2).told("unlocked") == [{"status": "UnlockFailed"}]


def test_a_bolt_that_sticks_when_what_it_kept_has_ended() -> None:
    """Who asked meanwhile is answered 3 s after the order to the bolt."""
    stage = charging().values("lock", is_locked=True).post("end_session").post("unlock").run(5)
    stage.child("session.power_off").child("session.session_ended", end="normal").child("output.is_off")
    assert (stage.ordered("lock.unlock"), stage.run(2.9).told("unlocked")) == ([{}], [])
    assert stage.run(0.2).told("unlocked") == [{"status": "UnlockFailed"}]
    live = charging().values("lock", is_locked=True).post("end_session").post("unlock").run(25.9)
    assert live.told("unlocked") == []
    assert live.run(0.2).told("unlocked") == [{"status": "UnlockFailed"}], "an output that does not say that it is off"
    assert not live.ordered("lock.unlock")


@pytest.mark.parametrize("voltage", [0.0, 60.0])
def test_a_bolt_that_is_out_at_a_free_outlet(voltage: float) -> None:
    """It is moved, where nothing is live."""
    stage = available().values("lock", is_locked=True).values("meter", voltage=voltage).post("unlock").run(0.1)
    assert stage.ordered("lock.unlock") == ([{}] if voltage < 60.0 else [])
    assert bool(stage.run(3.1).told("unlocked")) == (voltage < 60.0)


def not_locked(**parameters: Any) -> Stage:
    """The connector of a session was to be locked, and is not."""
    stage = in_session(**parameters).post("report").forget().child("session.cable_check").run(3)
    assert stage.told("outlet_fault") == [
        {"errorCode": "ConnectorLockFailure", "info": "the connector does not lock", "emergency": False}
    ]
    return stage.child("session.session_ended", end="failed")


@pytest.mark.parametrize("goes", ["locks", "unplugged", "emergency", "stop"])
def test_a_connector_that_does_not_lock(goes: str) -> None:
    """The plug-in has failed, and the bolt is moved again; as soon as it moves the vehicle is invited anew."""
    stage = not_locked()
    assert stage.active("outlet.plugged.not_locked")
    assert stage.told("outlet_state") == [{"state": "ended"}]
    (result,) = stage.told("session_ended")
    assert (result["end"], result["reason"]) == ("failed", "the connector does not lock")
    assert not stage.data("authorised")
    stage.forget().run(9)
    assert stage.ordered("lock.lock") == [{}, {}, {}]
    if goes == "stop":
        stage.emit("button.stop_pressed").post("end_session")
        assert stage.active("outlet.plugged.not_locked")
    elif goes == "locks":
        stage.forget().values("lock", is_locked=True).emit("lock.locked")
        assert stage.ordered("lock.unlock") == [{}]
        assert stage.active("outlet.plugged.inviting")
        assert (stage.told("outlet_mended"), stage.told("outlet_state")) == ([{}], [{"state": "plugged"}])
        pilot(stage, "A")
        assert len(stage.told("session_ended")) == 1, "another plug-in, with an end of its own"
    elif goes == "unplugged":
        pilot(stage, "A").child("output.is_off").run(1)
        assert stage.told("outlet_mended") == [{}]
        assert stage.active("outlet.available")
    else:
        stage.emit("button.emergency_stop")
        assert [one["info"] for one in stage.told("outlet_fault")] == ["emergency button"]
        assert stage.told("outlet_mended") == []
    assert stage.told("outlet_mended") == ([] if goes in ("emergency", "stop") else [{}])


def test_a_connector_that_locks_at_the_second_cable_check() -> None:
    """In the same session."""
    stage = in_session().post("report").child("session.cable_check").run(3).child("session.cable_check")
    assert stage.told("outlet_mended") == []
    stage.values("lock", is_locked=True).emit("lock.locked")
    assert stage.told("outlet_mended") == [{}]
    stage.child("session.session_ended", end="failed")
    assert not stage.active("outlet.plugged.not_locked")


def test_a_bolt_that_sticks_after_a_fault() -> None:
    """Moved once more when it is known to be dead, not before."""
    stage = (
        charging()
        .values("lock", is_locked=True)
        .child("output.fault", errorCode="InternalError", reason="fan")
        .forget()
        .post("unlock")
    )
    assert (stage.ordered("lock.unlock"), stage.told("unlocked")) == ([], [])
    stage.child("output.is_off").values("lock", is_locked=False).emit("lock.unlocked")
    assert (stage.ordered("lock.unlock"), stage.told("unlocked")) == ([{}], [{"status": "Unlocked"}])
    stage.values("lock", is_locked=True).forget().post("unlock")
    assert stage.ordered("lock.unlock") == [{}]


def test_a_bolt_that_sticks_though_nobody_is_there() -> None:
    stage = pilot(charging().values("lock", is_locked=True), "A").child("output.is_off").forget().post("unlock")
    assert (stage.active("outlet.unplugged.unlocked"), stage.ordered("lock.unlock")) == (True, [{}])


def test_a_session_whose_connector_is_not_locked_yet() -> None:
    stage = in_session().values("lock", is_locked=False).post("unlock")
    assert stage.told("unlocked") == [{"status": "Unlocked"}]


def test_what_outlets_are_in_amperes_and_watts() -> None:
    assert site(3, kinds=["dc", "ac", "bms"]).data("direct_voltage") == [400.0, 0.0, 72.0]
    assert site(2, kinds=["bms"], U_light=48.0).data("direct_voltage") == [48.0, 48.0]
    stage = site(3, kinds=["dc", "ac", "bms"]).child("outlet.voltage", 1, voltage=358.0)
    assert stage.child("outlet.voltage", 3, voltage=84.0).data("direct_voltage") == [358.0, 0.0, 84.0]
    stage.child("outlet.voltage", 1, voltage=0.0).child("outlet.voltage", 3, voltage=0.0)
    assert stage.data("direct_voltage") == [400.0, 0.0, 72.0]


def test_a_connector_that_the_vehicle_locks() -> None:
    """Nothing to unlock: the site knows it beforehand, and nobody is stopped for it."""
    stage = charging(own_lock=False).values("lock", is_locked=True).post("unlock")
    assert stage.told("unlocked") == [{"status": "NotSupported"}]
    assert [len(starting(own_lock=own).told("without_lock")) for own in (False, True)] == [1, 0]
    places = site().child("outlet.without_lock", 2).child("outlet.without_lock", 2).child("outlet.without_lock", 1)
    assert places.data("without_lock") == [2, 1]


def test_it_needs_no_more_than_a_back_end_lets_it_give() -> None:
    """A limit in amperes is watts by the output's present voltage; by U_cap before there is one."""
    stage = charging().values("supply", present_voltage=350.0).child("session.needs", power=80e3)
    assert stage.told("needs") == [{"power": 80e3}]
    stage.post("limit", current=10.0).post("limit", current=1000.0)
    assert stage.told("needs")[1:] == [{"power": 3.5e3}, {"power": 80e3}]
    assert stage.told("voltage") == [{"voltage": 350.0}] * 3
    stage = in_session().values("supply", present_voltage=1.0).post("limit", current=10.0)
    assert stage.told("needs") == []
    assert stage.child("session.needs", power=80e3).told("needs") == [{"power": 4e3}]
    assert stage.told("voltage") == [{"voltage": 400.0}]
    pilot(stage, "A")
    assert (stage.told("needs")[-1], stage.told("voltage")[-1]) == ({"power": 0.0}, {"voltage": 0.0})


def test_what_it_needs_follows_the_voltage_of_the_battery() -> None:
    """Told anew from 100 W on, and only where the limit is in amperes."""
    stage = charging().values("supply", present_voltage=350.0).child("session.needs", power=80e3)
    stage.post("limit", current=10.0).forget().run(5)
    assert stage.told("needs") == []
    stage.values("supply", present_voltage=359.0).run(5)
    assert stage.told("needs") == []
    stage.values("supply", present_voltage=360.0).run(5)
    assert stage.told("needs") == [{"power": 3.6e3}]
    stage.post("limit", current=1000.0).values("supply", present_voltage=400.0).run(5)
    assert stage.told("needs")[1:] == [{"power": 80e3}]


# ---------------------------------------------------------------- by way of the site


def site(outlets: int = 2, **parameters: Any) -> Stage:
    return Stage("machines/site.yaml", outlets=outlets, **parameters)


@pytest.mark.parametrize(
    ("order", "data", "told_", "passed"),
    [
        ("authorise", {}, "authorise", {}),
        ("refuse", {"reason": "x"}, "refuse", {"reason": "x"}),
        ("invite_again", {}, "invite_again", {}),
        ("stop", {"reason": "Remote"}, "end_session", {}),
        ("out_of_service", {}, "out_of_service", {}),
        ("in_service", {}, "in_service", {}),
        ("unlock", {}, "unlock", {}),
        ("read", {}, "read", {}),
    ],
)
def test_orders_pass(order: str, data: dict[str, Any], told_: str, passed: dict[str, Any]) -> None:
    """To the outlet that is meant; one that is not there is answered for."""
    stage = site().post(order, outlet=2, **data)
    assert stage.ordered(f"outlet.{told_}") == [passed]
    stage.forget().post(order, outlet=3, **data)
    assert not stage.ordered(f"outlet.{told_}")
    if order in ("unlock", "read"):
        assert stage.told(f"{order}.failed") == [{"reason": "the outlet has ended"}]


SAID: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("outlet_state", {"state": "charging"}, "state", {"state": "charging"}),
    (
        "outlet_fault",
        {"errorCode": "OtherError", "info": "x", "emergency": True},
        "fault",
        {"errorCode": "OtherError", "info": "x", "emergency": True},
    ),
    ("outlet_mended", {}, "fault_cleared", {}),
    (
        "vehicle_known",
        {"EVCCID": EVCCID, "mac": MAC, "protocol": "din"},
        "vehicle",
        {"EVCCID": EVCCID, "mac": MAC, "protocol": "din", "soc": None},
    ),
    ("card_shown", {"id": "A"}, "token", {"id": "A"}),
    ("stop_asked", {}, "stop_pressed", {}),
]


@pytest.mark.parametrize(("event", "data", "told_", "passed"), SAID)
def test_what_outlets_say_passes(event: str, data: dict[str, Any], told_: str, passed: dict[str, Any]) -> None:
    assert site().child(f"outlet.{event}", 2, **data).told(told_) == [{"outlet": 2, **passed}]


def test_answers_pass() -> None:
    stage = site().child("outlet.unlocked", 1, status="Unlocked").child("outlet.unlocked", 1, status="NotSupported")
    assert [one["status"] for one in stage.told("unlock.done")] == ["Unlocked", "NotSupported"]
    measured = {"energy": 1.0, "power": 2.0, "voltage": 3.0, "current": 4.0, "soc": 5}
    offered = {"offered_power": 6.0, "offered_current": 7.0}
    phases = {"phase_voltages": [230.0, 231.0, 232.0], "phase_currents": [1.0, 2.0, 3.0]}
    stage.child("outlet.readings", 1, **offered, **measured, **phases)
    assert stage.told("read.done") == [{**measured, **offered, **phases, "temperature": None}]
    assert site().post("keep_plug", outlet=2, keep=True).order("outlet.keep_plug") == {"keep": True}
    stage.post("count_on", outlet=1, energy=4000.0).post("count_on", outlet=9, energy=4000.0)
    for number, energy in ((1, 4001.0), (2, 1.0)):
        stage.child("outlet.readings", number, **offered, **measured, **phases)
        assert stage.told("read.done")[-1]["energy"] == energy


def test_a_report() -> None:
    """From the first one on the back end hears of sessions and of outlets that end."""
    ended = {"end": "normal", "reason": "", "protocol": "din", "EVCCID": EVCCID, "energy": 7.0, "soc": 40}
    stage = site().child("outlet.session_ended", 1, **ended)
    assert stage.told("session_ended") == []
    stage.post("report")
    assert stage.ordered("outlet.report") == [{}, {}]
    stage.child("outlet.session_ended", 1, **ended)
    assert stage.told("session_ended") == [{"outlet": 1, "end": "normal", "reason": "", "energy": 7.0, "soc": 40}]
    stage.ends("outlet", 2)
    assert stage.told("lost") == [{"outlet": 2}]
    stage.post("report")
    assert stage.told("lost") == [{"outlet": 2}] * 2


def test_who_ends_unasked_is_told_to_nobody() -> None:
    assert site().ends("outlet", 2).told("lost") == []


@pytest.mark.parametrize(
    ("cap", "granted"),
    [
        ({"power": 20e3, "current": None}, 20e3),
        ({"power": 20e3, "current": 10.0}, 20e3),
        ({"power": None, "current": None}, 80e3),
        ({"power": 0.0, "current": None}, 0.0),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_limits_of_one_outlet(before: bool, cap: dict[str, Any], granted: float) -> None:
    """Before the vehicle wants something and after; the other outlet has its own."""
    stage = site(P_site=150e3)
    if not before:
        stage.child("outlet.needs", 1, power=80e3)
    stage.post("limit_outlet", outlet=1, **cap).post("limit_outlet", outlet=3, power=1.0, current=None)
    if before:
        stage.child("outlet.needs", 1, power=80e3)
    assert stage.data("granted")[0] == granted
    told = 10.0 if cap["current"] is not None else 1000.0
    assert stage.ordered("outlet.limit") == [{"current": told}], "amperes are the outlet's own to keep to"
    stage.child("outlet.needs", 2, power=50e3)
    assert stage.data("granted")[1] in (50e3, 70e3 if granted == 80e3 else 50e3)


def test_phases_of_a_limit_are_the_outlets_own() -> None:
    stage = site(2, kinds=["ac", "dc"]).post("limit_outlet", outlet=1, power=None, current=16.0, phases=1)
    assert (stage.ordered("outlet.limit_phases"), stage.unhandled) == ([{"count": 1}], [])
    stage.forget().post("limit_outlet", outlet=1, power=None, current=16.0, phases=None)
    assert stage.ordered("outlet.limit_phases") == [{}]


def test_a_limit_holds_for_fixed_parts_too() -> None:
    stage = (
        site(P_site=100e3, sharing="fixed")
        .child("outlet.needs", 1, power=80e3)
        .post("limit_outlet", outlet=1, power=20e3, current=None)
    )
    assert stage.data("granted") == [20e3, 50e3]
