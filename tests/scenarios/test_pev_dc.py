"""Scenarios of machines/pev_dc.yaml: pilot, SLAC, SDP and the V2G session are puppets, battery and driver stand-ins."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage

ISOLATED = "power.isolated"
FAILED = {"result": "failed", "reason": "no answer"}


def vehicle(medium: str = "ethernet", /, **parameters: Any) -> Stage:
    """A vehicle without a plug, half full."""
    return Stage("machines/pev_dc.yaml", {"battery.soc": 50.0}, medium=medium, **parameters)


def linked(medium: str = "ethernet", /, **parameters: Any) -> Stage:
    """Plugged in at 5 %, the link there: it looks for the station."""
    stage = vehicle(medium, **parameters).child("cp_line.plugged").child("cp_line.digital")
    if medium == "plc":
        stage.child("slac.dlink_ready", evse_mac=b"\x02" * 6)
    return stage


def found(stage: Stage) -> Stage:
    """The station is found and connected: the session runs."""
    stage.child("discovery.found", host="fe80::1", port=15118, tls=False)
    return stage.ends("discovery", connected=True, tls=False, reason="")


def in_session(medium: str = "ethernet", /, **parameters: Any) -> Stage:
    """A session has begun."""
    return found(linked(medium, **parameters)).child("session.set_up", protocol="iso2", EVSEID="DE*ABC*E1")


def ready(**parameters: Any) -> Stage:
    """Parameters are agreed, the inlet is locked."""
    return in_session(**parameters).child("session.ready_to_charge").emit("battery.inlet_locked")


def charging(**parameters: Any) -> Stage:
    """Its contactors are closed and current flows."""
    stage = ready(**parameters).child("session.close_contactors").emit("battery.contactors_closed")
    return stage.child("session.charging")


def again(stage: Stage) -> Stage:
    """After T_back_off the next try, up to its session."""
    return found(stage.run(3.0))


def names(stage: Stage) -> list[str]:
    """What was ordered, in order."""
    return [order.what for order in stage.orders]


# ---------------------------------------------------------------- one plug-in


AT_REST = (
    *("inlet", "inlet.unplugged", "link", "link.down", "talk", "talk.idle", "power", ISOLATED),
    *("leave", "leave.none", "inlet_voltage", "inlet_voltage.unwatched"),
)


def test_whole_plug_in() -> None:
    """Plug, match, find, charge, stop, unplug: every order of the vehicle in its order; ready for the next plug."""
    stage = vehicle("plc")
    assert stage.states == AT_REST
    stage.child("cp_line.plugged").child("cp_line.steady")
    assert stage.active("inlet.plugged")
    assert stage.children() == ["cp_line"]
    stage.child("cp_line.digital").child("cp_line.digital")
    assert stage.children() == ["cp_line", "slac"]
    assert stage.input("slac")["auto_start"] is True
    assert stage.active("link.matching.sounding")
    stage.child("slac.dlink_ready", evse_mac=b"\x02" * 6)
    assert stage.children() == ["cp_line", "discovery", "slac"]
    found(stage)
    assert stage.children() == ["cp_line", "session", "slac"]
    stage.child("session.set_up", protocol="din", EVSEID="")
    assert names(stage) == ["battery.open_contactors"]
    stage.child("session.ready_to_charge").emit("battery.contactors_opened")
    assert stage.active("power.in_session.locking")
    stage.emit("battery.inlet_locked")
    assert stage.active("power.in_session.ready")
    stage.child("session.close_contactors")
    assert stage.active("power.in_session.closing")
    stage.emit("battery.contactors_closed").child("session.charging")
    assert stage.active("power.in_session.closed.watching")
    stage.emit("driver.stop_pressed")
    stage.child("session.open_contactors").emit("battery.contactors_opened").child("session.end_of_charge")
    assert stage.active(ISOLATED)
    stage.ends("session", result="complete", reason="")
    assert stage.active("talk.over")
    assert stage.active("power.leaving")
    stage.emit("battery.contactors_opened").emit("battery.inlet_unlocked").child("cp_line.unplugged")
    assert stage.states == AT_REST
    assert names(stage) == [
        "battery.open_contactors",
        "battery.lock_inlet",
        "cp_line.ready",
        "session.charging_allowed",
        "battery.close_contactors",
        "session.contactors_closed",
        "session.stop",
        "battery.open_contactors",
        "cp_line.not_ready",
        "battery.open_contactors",
        "battery.open_contactors",
        "battery.unlock_inlet",
        "driver.unplug",
        "battery.open_contactors",
    ]
    assert stage.data("sessions") == 1
    assert stage.errors == []
    assert stage.unhandled == []
    stage.child("cp_line.plugged").child("cp_line.digital")
    assert stage.active("link.matching.sounding")


# ---------------------------------------------------------------- link


def test_a_wire_needs_no_matching() -> None:
    """On Ethernet the station is looked for as soon as the pilot shows 5 %."""
    stage = vehicle().child("cp_line.plugged")
    assert stage.children() == ["cp_line"]
    stage.child("cp_line.digital")
    assert stage.active("link.up.ethernet")
    assert stage.children() == ["cp_line", "discovery"]


@pytest.mark.parametrize("event", ["slac.matching_failed", "slac.modem_fault"])
def test_failed_matching(event: str) -> None:
    """SLAC tries again by itself; why it failed is kept."""
    stage = vehicle("plc").child("cp_line.plugged").child("cp_line.digital")
    stage.child(event, reason="nobody answers")
    assert stage.active("link.matching.sounding")
    assert stage.data("ended_by") == "nobody answers"
    assert stage.child("slac.dlink_ready", evse_mac=b"\x02" * 6).active("talk.setting_up")
    assert stage.unhandled == []


@pytest.mark.parametrize(
    ("event", "data"), [("steady", {}), ("pilot_lost", {}), ("current", {"limit": 16.0}), ("unplugged", {})]
)
@pytest.mark.parametrize("medium", ["plc", "ethernet"])
def test_pilot_without_5_percent_while_looking(medium: str, event: str, data: dict[str, Any]) -> None:
    """No 5 %, no communication: SLAC and SDP end; with the next 5 % they begin anew."""
    stage = linked(medium).child(f"cp_line.{event}", **data)
    assert stage.children() == ["cp_line"]
    assert stage.active("link.down")
    assert stage.active("talk.idle")
    assert stage.active("inlet.unplugged" if event == "unplugged" else "inlet.plugged")
    assert stage.data("failed_sessions") == 0
    if event == "unplugged":
        stage.child("cp_line.plugged")
    stage.child("cp_line.digital")
    assert stage.children() == ["cp_line", "slac" if medium == "plc" else "discovery"]
    assert stage.unhandled == []


@pytest.mark.parametrize(
    ("event", "data"), [("steady", {}), ("pilot_lost", {}), ("current", {"limit": 6.0}), ("unplugged", {})]
)
def test_pilot_lost_while_charging(event: str, data: dict[str, Any]) -> None:
    """Contactors open, S2 open, the connection closed, all at once; no session goes on without its pilot."""
    stage = charging().forget().child(f"cp_line.{event}", **data)
    assert stage.children() == ["cp_line"]
    assert stage.active("talk.pause")
    assert stage.active(ISOLATED)
    assert sorted(names(stage)) == ["battery.open_contactors", "cp_line.not_ready", "v2g.disconnect"]
    assert stage.data("failed_sessions") == 1
    assert stage.data("ended_by") == "the link to the station is lost"


@pytest.mark.parametrize("event", ["pilot_lost", "steady"])
def test_pilot_before_5_percent(event: str) -> None:
    """A station that is not ready yet: the vehicle waits."""
    stage = vehicle().child("cp_line.plugged").child(f"cp_line.{event}").child("cp_line.current", limit=32.0)
    assert stage.active("inlet.plugged")
    assert stage.active("link.down")
    assert stage.unhandled == []
    assert stage.child("cp_line.digital").active("talk.setting_up")


def test_link_lost_in_a_session() -> None:
    """The modem loses the station: isolated, matched again, a new session after the back-off."""
    stage = in_session("plc").child("session.ready_to_charge").emit("battery.inlet_locked").forget()
    stage.child("slac.dlink_lost")
    assert stage.active("link.matching.sounding")
    assert stage.active("talk.pause")
    assert stage.active(ISOLATED)
    assert "cp_line.not_ready" in names(stage)
    assert "v2g.disconnect" in names(stage)
    assert stage.children() == ["cp_line", "slac"]
    assert stage.data("failed_sessions") == 1
    stage.child("slac.dlink_ready", evse_mac=b"\x02" * 6).run(2.999)
    assert stage.active("talk.pause")
    stage.run(0.001)
    assert stage.active("talk.setting_up")


# ---------------------------------------------------------------- tries


def test_station_not_found_in_time() -> None:
    """V2G_EVCC_CommunicationSetup_Timeout, 20 s: not before; then a pause and another try."""
    stage = linked().run(19.999)
    assert stage.active("talk.setting_up")
    stage.run(0.001)
    assert stage.active("talk.pause")
    assert stage.children() == ["cp_line"]
    assert stage.data("failed_sessions") == 1
    assert stage.data("ended_by") == "V2G_EVCC_CommunicationSetup_Timeout"
    assert again(stage).active("talk.session")


def test_station_refuses_the_connection() -> None:
    stage = linked().ends("discovery", connected=False, tls=False, reason="refused")
    assert stage.active("talk.pause")
    assert stage.data("failed_sessions") == 1
    assert stage.data("ended_by") == "refused"


@pytest.mark.parametrize("tries", [1, 3])
def test_as_many_tries_as_allowed(tries: int) -> None:
    """A failed session is tried again after T_back_off; after the last one the driver leaves."""
    stage = in_session(C_session_retry=tries)
    for number in range(1, tries):
        stage.ends("session", **FAILED)
        assert stage.data("failed_sessions") == number
        stage.run(2.999)
        assert stage.active("talk.pause")
        assert stage.run(0.001).active("talk.setting_up")
        found(stage)
    stage.ends("session", **FAILED).forget().run(2.999)
    assert stage.active("talk.pause")
    assert stage.data("ended_by") == "no answer"
    stage.run(0.001)
    assert stage.active("talk.over")
    assert stage.active("power.leaving")
    assert names(stage) == ["battery.open_contactors", "battery.unlock_inlet"]
    assert stage.run(60).children() == ["cp_line"]
    assert stage.data("sessions") == 0
    (told,) = stage.told("session_ended")
    assert (told["result"], told["reason"]) == ("failed", "no answer")


@pytest.mark.parametrize("how", ["after the driver left", "in a session", "in a pause"])
def test_next_plug_in_has_all_its_tries(how: str) -> None:
    """Failures of one plug-in do not count in the next one."""
    stage = in_session(C_session_retry=2).ends("session", **FAILED)
    again(stage)
    if how != "in a session":
        stage.ends("session", **FAILED)
    if how == "after the driver left":
        assert stage.run(3.0).active("power.leaving")
        stage.emit("battery.inlet_unlocked")
        assert stage.order("driver.unplug") == {}
    stage.child("cp_line.unplugged").run(10)
    assert stage.active("talk.idle")
    assert stage.active(ISOLATED)
    stage.child("cp_line.plugged").child("cp_line.digital")
    assert stage.data("failed_sessions") == 0
    found(stage).ends("session", **FAILED)
    assert again(stage).active("talk.session")


def test_first_session_ends_after_setup() -> None:
    """As the Audi Q4: not a failure, and the second session of the plug-in is a whole one; so in the next plug-in."""
    stage = in_session(first_session_sets_up=True)
    for _ in range(2):
        assert stage.input("session")["set_up_only"] is True
        stage.ends("session", result="complete", reason="as this model does")
        assert stage.active("talk.pause")
        assert (stage.data("failed_sessions"), stage.data("first")) == (0, False)
        again(stage)
        assert stage.input("session")["set_up_only"] is False
        sessions = stage.data("sessions")
        stage.ends("session", result="complete", reason="full")
        assert stage.active("power.leaving")
        assert (stage.data("sessions"), stage.data("ended_by")) == (sessions + 1, "full")
        stage.child("cp_line.unplugged").child("cp_line.plugged").child("cp_line.digital")
        found(stage)


def test_a_plug_that_somebody_else_takes_out() -> None:
    """At a bench: unlocked, and it stays until then."""
    stage = in_session(unplugs=False).forget().ends("session", result="complete", reason="full")
    stage.emit("battery.inlet_unlocked").run(600)
    assert (stage.ordered("driver.unplug"), stage.active("power.leaving"), stage.unhandled) == ([], True, [])


@pytest.mark.parametrize("result", ["complete", "paused"])
def test_end_of_a_session(result: str) -> None:
    """The driver unplugs once the inlet is unlocked; nothing is tried again at the same plug."""
    stage = in_session().forget().ends("session", result=result, reason="full")
    assert stage.active("talk.over")
    assert (stage.data("sessions"), stage.data("ended_by"), stage.data("failed_sessions")) == (1, "full", 0)
    assert names(stage) == ["battery.open_contactors", "battery.unlock_inlet"]
    assert stage.run(60).active("talk.over")
    assert stage.active("power.leaving")
    stage.emit("battery.inlet_unlocked")
    assert names(stage)[-1] == "driver.unplug"
    (told,) = stage.told("session_ended")
    assert (told["result"], told["reason"]) == (result, "full")


# ---------------------------------------------------------------- power path


def test_inlet_that_does_not_lock() -> None:
    """After T_lock it stays isolated, pilot in B; not before."""
    stage = in_session().child("session.ready_to_charge").run(1.999)
    assert stage.active("power.in_session.locking")
    stage.run(0.001)
    assert stage.active(ISOLATED)
    assert stage.order("cp_line.ready") is None
    assert stage.order("session.charging_allowed") is None


def test_contactors_that_do_not_close() -> None:
    """After T_contactor they are ordered open; the pilot stays in C until the session has ended in order."""
    stage = ready().child("session.close_contactors").forget().run(0.999)
    assert stage.active("power.in_session.closing")
    assert names(stage) == []
    stage.run(0.001)
    assert stage.active("power.in_session.ready")
    assert names(stage) == ["battery.open_contactors"]
    stage.child("session.open_contactors").child("session.end_of_charge")
    assert stage.active(ISOLATED)
    assert names(stage)[1:] == ["battery.open_contactors", "cp_line.not_ready", "battery.open_contactors"]


@pytest.mark.parametrize("place", ["locking", "ready", "closing", "closed"])
@pytest.mark.parametrize("event", ["session.open_contactors", "session.end_of_charge"])
def test_session_wants_the_power_path_open(place: str, event: str) -> None:
    """Wherever the charge stands: contactors and S2 open."""
    stage = {
        "locking": lambda: in_session().child("session.ready_to_charge"),
        "ready": ready,
        "closing": lambda: ready().child("session.close_contactors"),
        "closed": charging,
    }[place]()
    assert stage.active(f"power.in_session.{place}")
    stage.forget().child(event)
    assert stage.active(ISOLATED)
    assert names(stage) == ["battery.open_contactors", "cp_line.not_ready"]


@pytest.mark.parametrize("result", ["complete", "failed"])
def test_session_that_ends_without_a_word(result: str) -> None:
    """The power path never outlives its session."""
    stage = charging().forget().ends("session", result=result, reason="")
    assert names(stage)[0] == "battery.open_contactors"
    assert "cp_line.not_ready" in names(stage)
    assert not stage.active("power.in_session")


def test_battery_full() -> None:
    stage = charging().forget().emit("battery.full")
    assert names(stage) == ["session.stop"]
    assert stage.active("power.in_session.closed")


def test_no_current_for_now() -> None:
    """In each session of this plug-in, until it is told otherwise."""
    stage = charging().forget().post("suspend").post("resume").post("suspend")
    assert names(stage) == ["session.suspend", "session.resume", "session.suspend"]
    stage.ends("session", **FAILED).forget()
    assert "session.suspend" in names(again(stage))
    stage.ends("session", **FAILED).post("resume").forget()
    assert "session.suspend" not in names(again(stage))
    early = linked().post("suspend")
    assert found(early).ordered("session.suspend") == [{}]
    next_time = linked().post("suspend").child("cp_line.unplugged").child("cp_line.plugged").child("cp_line.digital")
    assert not found(next_time).ordered("session.suspend")


def test_battery_fault() -> None:
    """The contactors open at once, under load if need be; the session is told."""
    stage = charging().forget().emit("battery.fault", text="cell 12 above 60 C")
    assert stage.active(ISOLATED)
    assert sorted(names(stage)) == ["battery.open_contactors", "cp_line.not_ready", "session.fault"]
    assert stage.order("session.fault") == {"error": "FAILED_EVRESSMalfunction"}


@pytest.mark.parametrize("excess_V", [5.1, 25.0, 200.0])
def test_more_voltage_than_the_battery_may_see(excess_V: float) -> None:
    """Within 400 ms, whatever the excess: contactors open under load, pilot to B, the session told why."""
    stage = charging().run(1.05).forget()
    stage.values("battery", inlet_voltage=stage.adapters["battery"].maximum_voltage + excess_V)
    stage.run(0.2)
    assert stage.active(ISOLATED)
    assert sorted(names(stage)) == ["battery.open_contactors", "cp_line.not_ready", "session.fault"]
    assert stage.order("session.fault") == {"error": "FAILED_ChargingVoltageOutOfRange"}
    stage.forget().run(1.0)
    assert names(stage) == []


def test_voltage_within_the_tolerance() -> None:
    """What measuring and ripple add is no over-voltage."""
    stage = charging().forget()
    stage.values("battery", inlet_voltage=stage.adapters["battery"].maximum_voltage + 5.0).run(0.9)
    assert stage.active("power.in_session.closed")
    assert names(stage) == []


def test_voltage_while_the_contactors_close() -> None:
    """The order is taken back, the battery is not connected."""
    stage = ready().child("session.close_contactors").forget()
    stage.values("battery", inlet_voltage=stage.adapters["battery"].maximum_voltage + 50.0).run(0.2)
    assert stage.active(ISOLATED)
    assert stage.order("battery.open_contactors") == {}
    assert stage.order("session.fault") == {"error": "FAILED_ChargingVoltageOutOfRange"}


def test_the_inlet_is_looked_at_every_100_ms() -> None:
    """More often than that nothing can be measured; more rarely, an excess lasts longer than the standard lets it."""
    stage = ready().child("session.close_contactors").run(0.01).forget()
    stage.values("battery", inlet_voltage=stage.adapters["battery"].maximum_voltage + 50.0).run(0.089)
    assert stage.order("session.fault") is None
    stage.run(0.001)
    assert stage.order("session.fault") == {"error": "FAILED_ChargingVoltageOutOfRange"}


def test_voltage_of_the_cable_check() -> None:
    """The station tests the insulation at 500 V while the vehicle's contactors are open: no fault."""
    stage = ready().forget()
    stage.values("battery", inlet_voltage=stage.adapters["battery"].maximum_voltage + 100.0).run(1.0)
    assert names(stage) == []
    assert stage.active("power.in_session.ready")
    assert stage.active("inlet_voltage.unwatched")


@pytest.mark.parametrize(("soc", "stops"), [(79.9, False), (80.0, True), (80.1, True)])
def test_state_of_charge_the_driver_wants(soc: float, stops: bool) -> None:
    """Looked at each second, once reached one stop."""
    stage = charging(stop_at_soc=80).forget().run(0.5)
    stage.values("battery", soc=soc).run(0.499)
    assert names(stage) == []
    stage.run(0.001)
    assert names(stage) == (["session.stop"] if stops else [])
    stage.values("battery", soc=90.0).run(0.999)
    assert names(stage) == (["session.stop"] if stops else [])
    stage.run(0.001)
    assert names(stage) == ["session.stop"]
    stage.run(30)
    assert names(stage) == ["session.stop"]


def test_charge_goes_on_below_it() -> None:
    stage = charging(stop_at_soc=80).forget().run(60)
    assert stage.active("power.in_session.closed.watching")
    assert names(stage) == []


@pytest.mark.parametrize("session", [True, False])
def test_driver_presses_stop(session: bool) -> None:
    """Told to the session, when there is one."""
    stage = (in_session() if session else linked()).forget().emit("driver.stop_pressed")
    assert names(stage) == (["session.stop"] if session else [])
    assert stage.errors == []


def test_plug_that_stays() -> None:
    """The vehicle waits for its inlet and for the driver as long as they take."""
    stage = in_session().ends("session", result="complete", reason="").run(30)
    assert stage.active("power.leaving")
    assert stage.order("driver.unplug") is None
    assert stage.child("cp_line.unplugged").active(ISOLATED)
