"""Scenarios of machines/soc_reader.yaml: read, or not, and charged all the same."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import S, Stage

EVCCID = bytes.fromhex("020000000001")


def started(**parameters: Any) -> Stage:
    return Stage("machines/soc_reader.yaml", {"meter.energy": 1000.0}, **parameters)


def available(**parameters: Any) -> Stage:
    stage = started(**parameters).child("session.listening", port_tcp=61341, port_tls=0).child("slac.modem_ready")
    assert stage.active("vehicle.available")
    return stage.forget()


def linking(**parameters: Any) -> Stage:
    return available(**parameters).child("outlet.connected", rating=32.0)


def in_session(**parameters: Any) -> Stage:
    stage = linking(**parameters).child("session.session_started", EVCCID=EVCCID, protocol="din")
    assert stage.active("vehicle.plugged.session")
    return stage.forget()


def read(stage: Stage) -> Stage:
    return stage.child("session.parameters", soc=63, voltage=410.0, current=200.0, capacity=64000.0, energy=12000.0)


def basic(**parameters: Any) -> Stage:
    """Read, and handed over."""
    stage = read(in_session(**parameters)).child("session.session_ended", end="normal")
    stage.child("outlet.is_off").child("outlet.pulse_done")
    assert stage.active("vehicle.plugged.basic")
    return stage


def to(stage: Stage, child: str) -> list[str]:
    return [o.what.partition(".")[2] for o in stage.orders if o.what.startswith(f"{child}.")]


def why(stage: Stage) -> list[str]:
    return [told["reason"] for told in stage.told("unread")]


def test_read_and_charged() -> None:
    """5 %, a session as far as the parameters, an orderly end, out of the network, E/F, the nominal duty."""
    stage = linking()
    assert (to(stage, "outlet"), to(stage, "slac")) == (["invite"], ["enter_bcd"])
    assert (to(stage, "session"), to(stage, "discovery")) == (["accept"], ["answer"])
    stage.child("slac.matching").child("slac.dlink_ready", pev_mac=bytes(6))
    stage.child("discovery.asked", security="none", peer="fe80::2")
    assert stage.order("session.vehicle_asked") == {"peer": "fe80::2"}
    assert stage.order("session.vehicle_matched") == {"mac": bytes(6)}
    stage.child("session.session_started", EVCCID=EVCCID, protocol="din").child("session.authorisation_wanted")
    assert to(stage, "session")[-1] == "authorise"
    read(stage)
    assert stage.told("soc") == [
        {"soc": 63, "EVCCID": EVCCID, "protocol": "din", "capacity": 64000.0, "energy": 12000.0}
    ]
    assert "stop" in to(stage, "session")
    assert to(stage, "discovery")[-1] == "be_silent"
    stage.forget().child("session.cable_check").child("session.power_on").child("session.session_ended", end="failed")
    assert to(stage, "session") == ["cable_check_bad", "power_refused"]
    assert (to(stage, "outlet"), to(stage, "slac")) == (["withhold"], ["dlink_terminate", "leave_bcd"])
    stage.child("outlet.is_off")
    assert to(stage, "outlet") == ["withhold", "pulse_ef"]
    stage.child("outlet.pulse_done").child("outlet.charging").run(3600)
    assert to(stage, "outlet") == ["withhold", "pulse_ef", "offer"]
    stage.values("meter", energy=2500.0).child("outlet.disconnected")
    assert stage.told("session_ended") == [
        {"end": "normal", "reason": "", "soc": 63, "EVCCID": EVCCID, "energy": 1500.0}
    ]
    assert stage.child("outlet.free").active("vehicle.available")
    assert not stage.unhandled


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("silent", "the vehicle does not speak"),
        ("slow", "no session in time"),
        ("modem", "the modem is faulty"),
        ("refuses", "the vehicle ended the session"),
        ("link", "link lost"),
        ("hangs", "the session does not go on"),
    ],
)
def test_who_is_not_read_is_charged(what: str, text: str) -> None:
    """And the network is left, whatever it was."""
    if what in ("silent", "slow", "modem"):
        stage = linking().forget()
        if what == "silent":
            stage.child("slac.no_request")
        elif what == "modem":
            stage.child("slac.modem_fault", reason="gone").child("slac.modem_ready")
        else:
            assert not why(stage.run(29.9))
            stage.run(0.2)
    else:
        stage = in_session()
        if what == "refuses":
            stage.child("session.session_ended", end="failed")
        elif what == "link":
            stage.child("slac.dlink_lost")
        else:
            assert not why(stage.run(19.9))
            stage.run(0.2)
    assert why(stage) == [text]
    assert ("abort" in to(stage, "session")) is (what in ("link", "hangs"))
    assert to(stage, "slac") == ["dlink_terminate", "leave_bcd"]
    stage.child("outlet.is_off").child("outlet.pulse_done").child("outlet.charging").child("outlet.disconnected")
    assert to(stage, "outlet") == ["withhold", "pulse_ef", "offer"]
    (told,) = stage.told("session_ended")
    assert (told["end"], told["soc"]) == ("normal", None)


def test_an_outlet_that_does_not_answer_holds_nobody() -> None:
    stage = linking().child("slac.no_request").run(7.9)
    assert not stage.ordered("outlet.pulse_ef")
    stage.run(0.2)
    assert stage.ordered("outlet.pulse_ef") == [{}]
    assert stage.run(8.1).ordered("outlet.offer") == [{}]


def test_a_session_that_does_not_end_is_cut() -> None:
    stage = read(in_session()).run(9.9)
    assert "abort" not in to(stage, "session")
    assert "abort" in to(stage.run(0.2), "session")
    lost = read(in_session()).child("slac.dlink_lost")
    assert "abort" in to(lost, "session")
    assert lost.active("vehicle.plugged.leaving")


def test_x1_for_vehicles_that_want_it() -> None:
    stage = linking(begin_anew="x1").child("slac.no_request").child("outlet.is_off")
    assert to(stage, "outlet")[-1] == "pulse_x1"


def test_read_anew() -> None:
    """Every T_repeat, the charge interrupted in order; once, when it is not asked for."""
    stage = basic(T_repeat=600 * S).forget().run(599)
    assert not stage.orders
    stage.run(2)
    assert to(stage, "outlet") == ["withhold"]
    stage.child("outlet.is_off")
    assert to(stage, "outlet") == ["withhold", "invite"]
    stuck = basic(T_repeat=600 * S).run(601).run(8.1)
    assert stuck.active("vehicle.plugged.linking")
    once = basic().forget().run(100_000)
    assert not once.orders


def test_without_a_modem() -> None:
    """Vehicles are charged unread; the start waits for it a while."""
    stage = started().run(9.9)
    assert stage.active("vehicle.starting")
    stage.run(0.2).child("outlet.connected", rating=32.0)
    assert (why(stage), to(stage, "outlet")) == (["there is no modem"], ["offer"])
    assert stage.run(3600).active("vehicle.plugged.basic.charging")


@pytest.mark.parametrize("what", ["outlet.cable_bad", "outlet.vehicle_fault"])
def test_no_power_for_this_vehicle(what: str) -> None:
    stage = linking().forget().child(what, reason="pilot line shorted")
    assert ("abort" in to(stage, "session"), to(stage, "slac")) == (True, ["leave_bcd"])
    again = stage.child("outlet.connected", rating=20.0)
    assert again.active("vehicle.plugged.linking")
    stage.child(what, reason="x").child("outlet.disconnected")
    (told,) = stage.told("session_ended")
    assert (told["end"], told["reason"]) == ("failed", "x")
    gone = linking().child("outlet.disconnected")
    assert gone.told("session_ended")[0]["end"] == "aborted"


@pytest.mark.parametrize("what", ["fault", "emergency"])
def test_out_of_order(what: str) -> None:
    stage = basic().forget()
    stage.child("outlet.fault", reason="residual current") if what == "fault" else stage.emit("operator.emergency_stop")
    assert to(stage, "outlet") == ["close_down"]
    assert ("abort" in to(stage, "session"), to(stage, "slac")) == (True, ["leave_bcd"])
    stage.emit("operator.reset_pressed")
    assert to(stage, "outlet") == ["close_down", "reset"]
    again = stage.child("outlet.connected", rating=32.0)
    assert again.active("vehicle.plugged"), "it is still there"
    stage.emit("operator.emergency_stop").emit("operator.reset_pressed")
    assert stage.run(3.1).active("vehicle.available")


def test_a_limit_and_the_end() -> None:
    stage = basic().forget().post("limit", current=9.0)
    assert stage.ordered("outlet.limit") == [{"current": 9.0}]
    stage.post("shut_down").post("shut_down").child("outlet.fault", reason="x").emit("operator.emergency_stop")
    assert to(stage, "outlet") == ["limit", "close_down"]
    assert not stage.told("shut")
    stage.run(3.1).post("shut_down").child("outlet.fault", reason="x").emit("operator.emergency_stop")
    assert stage.told("shut") == [{}]
