"""Scenarios of machines/ocpp/connection.yaml: a line that is made again, but never in a hurry."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.ocpp import change, keys
from tests.scenarios.stage import S, Stage

URL = {"url": "wss://central.example/ocpp", "identity": "CP_1"}
PASSWORD = b"0123456789abcdef"


def begun(chance: float = 0.0, WebSocketPingInterval: int = 30 * S, **parameters: Any) -> Stage:
    values = keys(AuthorizationKey=PASSWORD, WebSocketPingInterval=WebSocketPingInterval)
    return Stage("machines/ocpp/connection.yaml", {**values, "chance.fraction": chance}, **{**URL, **parameters})


def connected(**parameters: Any) -> Stage:
    return begun(**parameters).emit("csms.connected").forget()


def refused(stage: Stage, text: str = "nobody listens") -> Stage:
    return stage.emit("csms.refused", reason="unreachable", status=0, text=text)


def attempts(stage: Stage) -> list[float]:
    return stage.times("csms.connect")


def test_the_line_is_asked_for_at_once() -> None:
    """OCPP-J 1.6 3.1: the identity behind the URL; the charge point is on line a moment after its start."""
    stage = begun(certificate_name="central")
    assert stage.order("csms.connect") == {**URL, "password": PASSWORD, "name": "central"}
    assert stage.emit("csms.connected").told("online") == [{}]


@pytest.mark.ocpp_cases("TC_083")
@pytest.mark.parametrize(("profile", "secure"), [(0, False), (1, False), (2, True), (3, True)])
@pytest.mark.parametrize("where", ["connecting", "waiting", "online"])
def test_from_profile_2_on_the_next_line_is_a_secure_one(profile: int, secure: bool, where: str) -> None:
    """Where it is another URL; the line that is there goes on until then."""
    stage = begun(url="ws://central.example", secure_url="wss://central.example")
    if where == "waiting":
        refused(stage)
    elif where == "online":
        stage.emit("csms.connected")
    change(stage, SecurityProfile=profile)
    assert len(stage.ordered("csms.connect")) == 1
    stage.post("reconnect")
    assert stage.order("csms.connect")["url"] == ("wss://central.example" if secure else "ws://central.example")
    stage = begun(url="wss://a").values("settings", SecurityProfile=3).post("reconnect")
    assert stage.order("csms.connect")["url"] == "wss://a"


@pytest.mark.ocpp_cases("TC_083")
@pytest.mark.parametrize("url", ["ws://central.example", "WS://central.example", "mqtt://broker", "http://x"])
@pytest.mark.parametrize("where", ["secure_url", "url"])
@pytest.mark.parametrize("profile", [2, 3])
def test_from_profile_2_on_no_line_is_made_without_tls(profile: int, url: str, where: str) -> None:
    """The password is never sent in clear again, however often the line is made anew."""
    stage = begun(**{"url": "wss://a", where: url}).emit("csms.connected")
    change(stage, SecurityProfile=profile).forget().emit("csms.disconnected", code=1006, text="cut").run(3600)
    assert attempts(stage) == []
    assert set(stage.logs) == {f"no connection: security profile {profile} is TLS, and {url} is not (secure_url)"}
    assert stage.told("offline")[-1] == {"why": "security profiles 2 and 3 are TLS, and the URL is not"}
    assert attempts(change(stage, SecurityProfile=1).post("reconnect")) != []


def test_each_wait_is_twice_as_long_up_to_a_limit() -> None:
    """OCPP 2.0.1 J: minimum × 2^n, the exponent at most RetryBackOffRepeatTimes."""
    stage = begun(RetryBackOffRepeatTimes=2)
    for _ in range(5):
        refused(stage).run(40)
    assert attempts(stage) == [0, 10, 60, 120, 160, 200]  # after 10, 20, 40, 40, 40 s
    assert stage.told("offline") == [{"why": "nobody listens"}] * 5


def test_chance_keeps_the_charge_points_of_a_site_apart() -> None:
    stage = refused(begun(chance=0.5)).run(14.999)
    assert attempts(stage) == [0]
    stage.run(0.001)
    assert attempts(stage) == [0, 15]


def test_a_line_that_held_makes_the_next_wait_short_again() -> None:
    stage = refused(refused(begun()).run(10)).run(20)
    stage.emit("csms.connected").run(30).emit("csms.disconnected", code=1006, text="the line is cut")
    assert stage.told("offline")[-1] == {"why": "the line is cut"}
    stage.forget().run(10)
    assert attempts(stage) == [stage.now_s]


def test_after_a_line_that_held_the_waits_grow_as_before() -> None:
    """Up to the limit again, whatever they had grown to."""
    stage = refused(refused(begun(RetryBackOffRepeatTimes=2)).run(10)).run(20)
    stage.emit("csms.connected").run(30).emit("csms.disconnected", code=1006, text="cut").forget()
    at = stage.now_s
    for wait in (10, 20, 40, 40):
        refused(stage.run(wait))
    assert [round(one - at) for one in attempts(stage)] == [10, 30, 70, 110]


def test_a_line_that_did_not_hold_does_not() -> None:
    """A central system that takes each connection and throws it out must not be knocked at in a loop."""
    stage = refused(begun()).run(10).emit("csms.connected").run(29.999)
    stage.emit("csms.disconnected", code=1011, text="").forget().run(19.999)
    assert attempts(stage) == []
    stage.run(0.001)
    assert attempts(stage) == [stage.now_s]


def test_a_silent_line_is_given_up() -> None:
    """OCPP 1.6 9.1.28: a half-open line shows by a ping without an answer."""
    stage = connected().run(30)
    stage.finish("ping", round_trip=2_000_000).run(30).run(9.999)
    assert stage.active("online")
    assert stage.ordered("csms.ping") == [{}, {}]
    stage.run(0.001)
    assert stage.told("offline") == [{"why": "no answer to a ping"}]
    assert stage.ordered("csms.disconnect") == [{}]


@pytest.mark.parametrize(("interval_s", "pings"), [(0, 0), (5, 2)])
def test_how_often_it_is_asked_can_be_changed(interval_s: int, pings: int) -> None:
    """0 turns pings off; a change holds at once, also while none is on its way."""
    stage = change(connected().run(1), WebSocketPingInterval=interval_s * S).run(5)
    if pings:
        stage.finish("ping", round_trip=1).run(5)
    else:
        stage.run(100)
    assert len(stage.ordered("csms.ping")) == pings


def test_how_often_is_kept_while_there_is_no_line() -> None:
    stage = change(refused(begun()), WebSocketPingInterval=2 * S).run(10).emit("csms.connected").run(2)
    assert stage.ordered("csms.ping") == [{}]


def test_without_pings() -> None:
    assert connected(WebSocketPingInterval=0).run(1000).ordered("csms.ping") == []


@pytest.mark.ocpp_cases("TC_073", "D18")
def test_a_new_password_makes_a_new_line() -> None:
    """Whitepaper 7.2, D18 of the field: no reboot, and not the old one for as long as the line lasts."""
    stage = connected()
    change(stage, AuthorizationKey=b"another password")
    assert [order.what for order in stage.orders] == ["csms.disconnect", "csms.connect"]
    assert stage.order("csms.connect") == {**URL, "password": b"another password"}
    assert stage.told("offline") == [{"why": "the password has changed"}]


def test_other_keys_leave_the_line_as_it_is() -> None:
    stage = change(connected(), HeartbeatInterval=5 * S).emit("settings.failed", reason="disk full").run(30)
    assert [order.what for order in stage.orders] == ["csms.ping"]


@pytest.mark.parametrize("where", ["connecting", "waiting", "online"])
def test_a_new_connection_on_request(where: str) -> None:
    """After a change of password or profile the next line is made with the new one, without waiting."""
    stage = begun()
    if where == "waiting":
        refused(stage)
    elif where == "online":
        stage.emit("csms.connected")
    stage.forget().post("reconnect")
    assert [order.what for order in stage.orders] == ["csms.disconnect", "csms.connect"][where != "online" :]
    assert stage.told("offline") == ([{"why": "a new connection is made"}] if where == "online" else [])
    stage.emit("csms.connected")
    assert stage.told("online") == [{}]


def test_a_url_that_is_none_is_told_and_asked_again() -> None:
    """It stays wrong until somebody changes it; the charge point charges all the same."""
    stage = begun().breaks("csms", "'http://x' is no URL of a central system")
    assert stage.told("offline") == [{"why": "'http://x' is no URL of a central system"}]
    stage.run(10)
    assert attempts(stage) == [0, 10]


def test_a_line_that_works_is_kept_whatever_the_adapter_says() -> None:
    """One message could not be taken or made: that is told, and no reason to hang up."""
    stage = connected().breaks("csms", "field 'data': longer than 65536")
    assert stage.told("offline") == []
    assert stage.active("online")


@pytest.mark.parametrize("begin", [begun, connected])
def test_at_the_end_the_line_is_closed(begin: Any) -> None:
    """One that is being made, too."""
    stage = begin()
    stage.stop()
    assert stage.ordered("csms.disconnect")
