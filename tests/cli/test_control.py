"""``--control``: a bench acts in the simulated world by HTTP, and the station file says what it may do."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any

import pytest

import engine
from engine.cli.control import ControlServer
from engine.cli.events import by_everybody
from engine.cli.hands import Hands, NotOffered
from engine.run import System, VirtualClock
from engine.run.registry import installed
from engine.run.station import Overrides, Station, StationError, build, resolve
from engine.run.station.plan import Control, Hand
from tests.cli.conftest import Engine

SAID = {"connector": 1, "idTag": "A1"}


class Lives:
    """How often a station was to begin anew."""

    count = 0

    def begin(self) -> None:
        self.count += 1


LIVES = Lives()


def _within(system: System, seconds: int, happens: Callable[[], bool]) -> bool:
    return system.run_until(happens, system.clock.now_ns() + seconds * 1_000_000_000)


def stood(chart: str, *sets: str, where: str = "127.0.0.1:0") -> tuple[Station, System, Hands]:
    overrides = Overrides(sets, environ={}, options={"control": where})
    station = resolve(Path(chart), None, overrides, installed(), engine.load)
    system = System(VirtualClock())
    build(station, system, installed())
    assert station.control is not None
    return station, system, Hands(station.control, station, system, next(iter(system.roots.values())), LIVES.begin)


@pytest.mark.parametrize(
    "chart", ["evse_dc.yaml", "evse_ac.yaml", "site.yaml", "charge_point.yaml", "stations/wallbox.toml"]
)
def test_all_that_a_shipped_station_offers_can_be_done(chart: str) -> None:
    all_is_done(chart, "suspend_ev", "resume_ev")


def test_all_that_a_soc_reader_offers_can_be_done() -> None:
    """Its vehicle cannot be told to draw nothing."""
    all_is_done("soc_reader.yaml")


@pytest.mark.parametrize(
    "chart",
    ["evse_dc.yaml", "evse_ac.yaml", "site.yaml", "charge_point.yaml", "soc_reader.yaml", "stations/wallbox.toml"],
)
def test_what_is_said_to_end_a_session_can_be_asked_for(chart: str) -> None:
    """Else the page would ask about nothing where a name is mistyped."""
    station, system, hands = stood(f"machines/{chart}")
    assert station.control is not None
    offered = {*hands.names, *by_everybody(system, next(iter(system.roots.values())))}
    for one in station.control.ends or ():
        assert [name for name in offered if name == one or name.endswith(f".{one}")], one
    assert station.control.ends is not None
    assert not {"plug", "clear_fault", "button.reset_pressed", "in_service"} & {*station.control.ends}


@pytest.mark.parametrize("written", ['"unplug"', "[3]", '[""]'])
def test_what_ends_a_session_is_a_list_of_names(tmp_path: Path, written: str) -> None:
    (tmp_path / "a.yaml").write_text("machine: a\nlanguage: 2\ninitial: on\nstates: {on: {}}\n")
    (tmp_path / "a.toml").write_text(
        f'[station]\nmachine = "a.yaml"\ncontrol = "127.0.0.1:0"\ncontrol_ends = {written}\n'
    )
    with pytest.raises(StationError, match="control_ends: write a list of events"):
        resolve(tmp_path / "a.toml", None, Overrides((), {}), installed(), engine.load)


@pytest.mark.parametrize("chart", ["stations/wallbox.toml", "soc_reader.yaml"])
def test_one_vehicle_after_another(chart: str) -> None:
    """Each is plugged in, shows its card, gets energy and goes; the outlet is there for the next one."""
    card = ("authorisation=list", "tokens=04A1B2C3D4", "pev.stop_at_soc=100 %")
    _, system, hands = stood(f"machines/{chart}", *card)
    main = next(iter(system.roots.values()))

    within = partial(_within, system)

    system.start()
    system.advance(1_000_000_000)
    before = 0.0
    for _ in range(3):
        assert within(60, lambda: "vehicle.available" in main.machine.configuration)
        hands.do({"event": "plug"})
        assert not within(60, lambda: main.read("contactor", "is_closed"))
        hands.do({"event": "swipe", "idTag": "04A1B2C3D4"})
        assert within(60, lambda: main.read("contactor", "is_closed"))
        system.advance(30_000_000_000)
        assert main.read("meter", "energy") > before + 20
        before = main.read("meter", "energy")
        hands.do({"event": "unplug"})
        assert within(1, lambda: not main.read("contactor", "is_closed"))
    assert not system.failures


def test_what_is_of_another_kind_is_not_offered_there() -> None:
    """Of what an event does, that which is for outlets of this kind is done; where nothing is left, it is not
    offered."""
    _, system, hands = stood("machines/site.yaml", "kinds=dc,ac,bms", "outlets=3")
    system.start()
    system.advance(10_000_000_000)
    outlets = system.roots["site"].children
    assert "outlet.available" in outlets["outlet", 3].machine.configuration
    for number in (1, 2, 3):
        hands.do({"event": "plug", "connector": number})
    system.advance(3_000_000_000)
    assert "outlet.plugged" in outlets["outlet", 3].machine.configuration
    hands.do({"event": "unplug", "connector": 3})
    system.advance(10_000_000_000)
    assert "outlet.plugged" not in outlets["outlet", 3].machine.configuration
    assert "outlet.plugged" in outlets["outlet", 1].machine.configuration
    assert "vehicle.plugged" in outlets["outlet", 2].machine.configuration
    for number in (1, 2):
        hands.do({"event": "fault", "connector": number, "errorCode": "GroundFailure"})
    system.advance(1_000_000_000)
    assert "outlet.faulted" in outlets["outlet", 1].machine.configuration
    assert "vehicle.faulted" in outlets["outlet", 2].machine.configuration
    imd = {"fault": replace(hands._hands["fault"], choices={"X": ("outlet{connector}.imd.fault(text=x)",)})}
    hands._hands = imd
    with pytest.raises(NotOffered, match="fault with errorCode 'X' is not offered at connector 2; there are: none"):
        hands.do({"event": "fault", "connector": 2, "errorCode": "X"})
    assert system.failures == []


def all_is_done(chart: str, *more: str) -> None:
    station, system, hands = stood(f"machines/{chart}")
    system.start()
    system.advance(1_000_000_000)
    assert station.control is not None
    usual = {"plug", "unplug", "swipe", "fault", "clear_fault", "lock_fail", "lock_ok", "power_cycle", *more}
    assert usual <= {*station.control.hands}
    for name, hand in station.control.hands.items():
        for choice in hand.choices or ["" for _ in hand.acts]:
            fields = {hand.by: choice} if hand.by else {}
            given = {key: value for key, value in SAID.items() if f"{{{key}}}" in "".join(hand.acts)}
            last = hands.do({"event": name, **given, **fields})
            assert (last is not None) == (name == "power_cycle")
    assert not system.failures


def test_who_plugs_in_is_the_bench() -> None:
    """Nobody is plugged in before it says so; a connector that does not lock is charged at only when it does."""
    _, system, hands = stood("machines/evse_dc.yaml")
    evse = system.roots["evse"]

    within = partial(_within, system)

    system.start()
    assert within(60, lambda: "outlet.available" in evse.machine.configuration)
    assert not within(60, lambda: "outlet.available" not in evse.machine.configuration)
    hands.do({"event": "lock_fail"})
    hands.do({"event": "plug", "connector": 1})
    assert within(60, lambda: "outlet.plugged.session.power.locking" in evse.machine.configuration)
    assert within(10, lambda: "outlet.plugged.not_locked" in evse.machine.configuration)
    assert not within(60, lambda: evse.read("lock", "is_locked"))
    hands.do({"event": "lock_ok"})
    assert within(60, lambda: "outlet.plugged.session.power.charging" in evse.machine.configuration)
    hands.do({"event": "unplug"})
    assert within(60, lambda: "outlet.available" in evse.machine.configuration)
    assert within(1, lambda: not evse.read("lock", "is_locked"))


def test_a_connector_that_does_not_lock_at_a_charge_point() -> None:
    """The central system is told of the fault, and has a transaction that is over; who then shows his card charges."""
    _, system, hands = stood("machines/charge_point.yaml", "outlets=1", "kinds=dc")
    system.start()
    connector = system.roots["ocpp"].children["connector", 1].machine

    def within(seconds: int, status: str) -> bool:
        return _within(system, seconds, lambda: connector.data["status"] == status)

    system.advance(15_000_000_000)
    hands.do({"event": "lock_fail"})
    hands.do({"event": "plug"})
    system.advance(10_000_000_000)
    hands.do({"event": "swipe", "idTag": "A1"})
    assert within(20, "Faulted")
    assert connector.data["errorCode"] == "ConnectorLockFailure"
    system.advance(5_000_000_000)
    assert "transaction.none" in connector.configuration
    hands.do({"event": "lock_ok"})
    assert within(5, "Finishing")
    hands.do({"event": "swipe", "idTag": "A1"})
    assert within(60, "Charging")


def test_a_bolt_that_sticks_when_the_vehicle_leaves() -> None:
    """The central system is told, and of the end of it; the next vehicle is charged."""
    _, system, hands = stood("machines/charge_point.yaml", "outlets=1", "kinds=ac", "outlet.authorisation=free")
    system.start()
    connector = system.roots["ocpp"].children["connector", 1].machine

    within = partial(_within, system)

    system.advance(15_000_000_000)
    hands.do({"event": "plug"})
    system.advance(90_000_000_000)
    hands.do({"event": "lock_fail"})
    hands.do({"event": "unplug"})
    assert within(10, lambda: connector.data["status"] == "Faulted")
    assert connector.data["errorCode"] == "ConnectorLockFailure"
    assert not within(60, lambda: connector.data["status"] != "Faulted")
    hands.do({"event": "lock_ok"})
    assert within(4, lambda: connector.data["status"] == "Available")
    hands.do({"event": "plug"})
    outlet = system.roots["site"].children["outlet", 1]
    assert within(
        120, lambda: any("plugged.charging" in s or "power.charging" in s for s in outlet.machine.configuration)
    )
    assert not system.failures


@pytest.mark.parametrize("gap_ms", [1000, 1900, 2500])
@pytest.mark.parametrize("over", [False, True])
def test_a_battery_that_is_plugged_in_soon_after_the_last_one_is_charged(over: bool, gap_ms: int) -> None:
    """Before the last one is missed, whether its charge was over or broken off."""
    _, system, hands = stood("machines/charge_point.yaml", "outlets=1", "kinds=bms", "battery.stop_at_soc=100 %")
    system.start()
    connector = system.roots["ocpp"].children["connector", 1].machine

    def within(seconds: int, status: str) -> bool:
        return _within(system, seconds, lambda: connector.data["status"] == status)

    system.advance(15_000_000_000)
    hands.do({"event": "plug"})
    system.advance(5_000_000_000)
    hands.do({"event": "swipe", "idTag": "A1"})
    assert within(10, "Charging")
    system.advance(10_000_000_000)
    if over:
        system.post(system.roots["site"], "stop", {"outlet": 1, "reason": "Remote"})
        assert within(30, "Finishing")
        system.advance(5_000_000_000)
    hands.do({"event": "unplug"})
    system.advance(gap_ms * 1_000_000)
    hands.do({"event": "plug"})
    system.advance(15_000_000_000)
    hands.do({"event": "swipe", "idTag": "A2"})
    assert within(10, "Charging")
    assert connector.data["card"] == "A2"


@pytest.mark.parametrize("kind", ["dc", "ac", "bms"])
def test_who_unplugs_is_the_bench(kind: str) -> None:
    """A vehicle whose charge is over, by a stop or because it has enough, stays until the bench says so."""
    pev = PEV[kind]
    soc = "charger" if kind == "ac" else "battery"
    _, system, hands = stood(
        "machines/site.yaml", f"kinds={kind}", "outlets=1", f"{pev}.adapters.{soc}.soc=41", f"{pev}.stop_at_soc=42 %"
    )
    site = system.roots["site"]
    system.start()
    system.advance(15_000_000_000)
    for ends_by in ("enough", "a stop"):
        hands.do({"event": "plug"})
        if ends_by == "a stop":
            system.advance(40_000_000_000)
            system.post(site, "stop", {"outlet": 1, "reason": "Remote"})
        system.advance(600_000_000_000)
        assert _plugged_in(site.children["outlet", 1].machine.configuration), ends_by
        hands.do({"event": "unplug"})
        system.advance(15_000_000_000)
        assert not _plugged_in(site.children["outlet", 1].machine.configuration), ends_by
    assert system.failures == []


def _plugged_in(configuration: Iterable[str]) -> bool:
    return any(state in configuration for state in ("outlet.plugged", "vehicle.plugged"))


CODES = {
    "dc": [
        "GroundFailure",
        "HighTemperature",
        "InternalError",
        "OtherError",
        "OverCurrentFailure",
        "OverVoltage",
        "PowerSwitchFailure",
        "UnderVoltage",
    ],
    "ac": ["GroundFailure", "InternalError", "OtherError"],
    "bms": ["OtherError"],
}
PEV = {"dc": "pev", "ac": "ac_pev", "bms": "battery"}


def _is_told(system: System, hands: Hands, code: str) -> None:
    """The central system is told that code, and when it is over."""
    connector = system.roots["ocpp"].children["connector", 1].machine
    hands.do({"event": "fault", "errorCode": code})
    system.advance(6_000_000_000)
    assert (connector.data["status"], connector.data["errorCode"]) == ("Faulted", code)
    hands.do({"event": "clear_fault"})
    system.advance(20_000_000_000)
    assert connector.data["status"] != "Faulted"
    assert connector.data["errorCode"] == "NoError"
    assert not system.failures


@pytest.mark.parametrize("kind", CODES)
def test_a_fault_that_is_offered_is_one(kind: str) -> None:
    """At a free outlet."""
    _, system, hands = stood("machines/charge_point.yaml", "outlets=1", f"kinds={kind}")
    system.start()
    system.advance(15_000_000_000)
    for code in CODES[kind]:
        _is_told(system, hands, code)


@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, codes in CODES.items() for code in codes])
def test_a_fault_that_is_offered_is_one_while_it_charges(kind: str, code: str) -> None:
    sets = ("outlets=1", f"kinds={kind}", f"{PEV[kind]}.stop_at_soc=100 %")
    _, system, hands = stood("machines/charge_point.yaml", *sets)
    system.start()
    connector = system.roots["ocpp"].children["connector", 1].machine
    system.advance(15_000_000_000)
    hands.do({"event": "plug"})
    system.advance(10_000_000_000)
    hands.do({"event": "swipe", "idTag": "A1"})
    for _ in range(60):
        if connector.data["status"] != "Charging":
            system.advance(1_000_000_000)
    assert connector.data["status"] == "Charging"
    _is_told(system, hands, code)


@pytest.mark.parametrize("kind", CODES)
def test_a_fault_that_nobody_knows_is_not_offered(kind: str) -> None:
    """An AC outlet has a supply and nothing to do with its alarms."""
    station, system, hands = stood("machines/site.yaml", f"kinds={kind}", "outlets=1")
    system.start()
    system.advance(15_000_000_000)
    assert station.control is not None
    done = []
    for code in station.control.hands["fault"].choices:
        with suppress(NotOffered):
            hands.do({"event": "fault", "errorCode": code})
            done.append(code)
    assert done == CODES[kind] == hands.choices("fault")
    with pytest.raises(NotOffered) as caught:
        hands.do({"event": "fault", "errorCode": "WeakSignal"})
    said = f"fault with errorCode 'WeakSignal' is not offered at connector 1; there are: {', '.join(CODES[kind])}"
    assert str(caught.value) == said
    with pytest.raises(StationError, match="there is no connector 2 here; there is 1"):
        hands.do({"event": "plug", "connector": 2})


@pytest.mark.parametrize("entry", ["[20, 1]", "[-1, 4]", "20", "[1, 20, 3]", '["1", 20]'])
def test_a_length_that_is_none(entry: str, tmp_path: Path) -> None:
    text = Path("machines/stations/evse_dc.toml").read_text().replace("[1, 20]", entry)
    (tmp_path / "evse.toml").write_text(text.replace('"../', f'"{Path("machines").absolute()}/'))
    with pytest.raises(StationError, match=r"\[control_texts\] idTag: write the least and the greatest number"):
        stood(str(tmp_path / "evse.toml"))


@pytest.mark.parametrize("gap_ms", [10, 200, 500, 1000])
@pytest.mark.parametrize("chart", ["evse_ac", "evse_dc"])
def test_a_vehicle_that_is_plugged_in_again_at_once_is_charged(chart: str, gap_ms: int) -> None:
    """Also while the modem takes a new key yet, so that the vehicle of before is out of the network."""
    _, system, hands = stood(f"machines/{chart}.yaml", "machines.pev.parameters.stop_at_soc=100 %")
    evse = system.roots["evse"]

    def charges() -> bool:
        return any(state.endswith(".power.charging") for state in evse.machine.configuration)

    within = partial(_within, system)

    system.start()
    system.advance(15_000_000_000)
    hands.do({"event": "plug"})
    assert within(60, charges)
    hands.do({"event": "unplug"})
    system.advance(gap_ms * 1_000_000)
    hands.do({"event": "plug"})
    within(2, lambda: not charges())
    assert within(60, charges)
    assert evse.read("lock", "is_locked")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "write"),
        ({"event": 7}, "write"),
        ({"event": "plug", "connector": 3}, "there is no connector 3 here; there are 1 to 2"),
        ({"event": "power_cycle", "connector": 3}, "there is no connector 3 here; there are 1 to 2"),
        ({"event": "fault"}, "fault needs errorCode, one of: GroundFailure, "),
        ({"event": "fault", "errorCode": "OtherError", "connector": 0}, "a number from 1 on"),
        ({"event": "plug", "connector": 0}, "a number from 1 on"),
        ({"event": "plug", "connector": "1"}, "a number from 1 on"),
        ({"event": "plug", "connector": True}, "a number from 1 on"),
        ({"event": "plug", "colour": "red"}, "colour cannot be said"),
        ({"event": "swipe", "connector": 2}, "swipe needs idTag"),
        ({"event": "swipe", "idTag": 'A", id="B'}, "a text without quotes"),
        ({"event": "swipe", "idTag": ["A"]}, "a text without quotes"),
        ({"event": "swipe", "idTag": ""}, "a text of 1 to 20 characters"),
        ({"event": "swipe", "idTag": 21 * "A"}, "a text of 1 to 20 characters"),
        ({"event": "swipe", "idTag": 7}, "a text of 1 to 20 characters"),
        ({"event": "swipe", "idTag": True}, "a text of 1 to 20 characters"),
    ],
)
def test_what_is_said_wrong_is_not_done(asked: dict[str, Any], told: str) -> None:
    _, _, hands = site()
    with pytest.raises(StationError, match=told.replace("(", r"\(")):
        hands.do(asked)


def test_what_a_number_is_called_is_the_station_files() -> None:
    """The first is meant where it is not said; without a name for it there is no number."""
    station, system, _ = site()
    assert station.control is not None
    hands = {"plug": Hand(("order pev{bay}.driver.plug_in",))}
    numbered = Hands(Control("", "", hands, "bay"), station, system, system.roots["site"])
    numbered.do({"event": "plug"})
    with pytest.raises(StationError, match="bay is a number from 1 on"):
        numbered.do({"event": "plug", "bay": "2"})
    with pytest.raises(StationError, match="connector cannot be said"):
        numbered.do({"event": "plug", "connector": 1})
    unnumbered = Hands(Control("", "", hands), station, system, system.roots["site"])
    with pytest.raises(StationError, match="plug needs bay"):
        unnumbered.do({"event": "plug"})


def test_what_is_not_offered() -> None:
    _, _, hands = site()
    for asked in ({"event": "earthquake"}, {"event": "fault", "errorCode": "Rust"}):
        with pytest.raises(NotOffered, match=r"is not offered( at connector 1)?; there are: [A-Za-z]+, "):
            hands.do(asked)
    station, system, _ = site()
    assert station.control is not None
    for_good = Hands(station.control, station, system, system.roots["site"])
    with pytest.raises(NotOffered, match="this program cannot begin anew"):
        for_good.do({"event": "power_cycle"})


_sites: list[tuple[Station, System, Hands]] = []


def site() -> tuple[Station, System, Hands]:
    """One for all that changes nothing in it."""
    if not _sites:
        _sites.append(stood("machines/site.yaml", "outlets=2"))
        _sites[0][1].start()
    return _sites[0]


# ---------------------------------------------------------------- HTTP


@contextmanager
def served(token: str = "") -> Iterator[ControlServer]:
    """A server whose system is looked after by this thread's helper."""
    station, system, hands = site()
    assert station.control is not None
    server = ControlServer(replace(station.control, token=token), hands, system)
    over = threading.Event()
    woken = threading.Event()
    system.wake = woken.set

    def look_after() -> None:
        while not over.is_set():
            woken.wait()
            woken.clear()
            system.run_due()

    helper = threading.Thread(target=look_after)
    helper.start()
    server.start()
    try:
        yield server
    finally:
        server.close()
        over.set()
        woken.set()
        helper.join()


def post(
    server: ControlServer, body: Any, *, path: str = "/event", method: str = "POST", **headers: str
) -> tuple[int, str]:
    line = http.client.HTTPConnection(server.where, timeout=30)
    try:
        line.request(method, path, body if isinstance(body, bytes) else json.dumps(body).encode(), headers)
        answer = line.getresponse()
        text = answer.read()
        return answer.status, json.loads(text)["error"] if text else ""
    finally:
        line.close()


def test_answers() -> None:
    with served() as server:
        assert post(server, {"event": "plug", "connector": 2}) == (204, "")
        assert post(server, {"event": "earthquake"})[0] == 501
        assert post(server, {"event": "plug", "connector": 9}) == (
            400,
            "there is no connector 9 here; there are 1 to 2",
        )
        assert post(server, b"{")[0] == 400
        assert post(server, b"[" * 60_000)[0] == 400
        assert post(server, ["plug"])[0] == 400
        assert post(server, {"event": "plug"}, path="/")[0] == 404
        assert post(server, {"event": "plug"}, method="PUT")[0] == 405
        assert post(server, b" " * 70_000)[0] == 413
        assert post(server, {"event": "plug"}, Origin="http://evil.example")[0] == 403
        assert post(server, {"event": "plug"}) == (204, "")  # and it still answers


def test_a_new_life_begins_when_the_caller_has_been_answered() -> None:
    before = LIVES.count
    with served() as server:
        assert post(server, {"event": "power_cycle"}) == (204, "")
        assert post(server, {"event": "plug"}) == (204, "")
    assert LIVES.count == before + 1


def test_a_token() -> None:
    with served("secret") as server:
        assert post(server, {"event": "plug"})[0] == 401
        assert post(server, {"event": "plug"}, Authorization="Bearer wrong")[0] == 401
        assert post(server, {"event": "plug"}, Authorization="Bearer secret", Origin="http://page") == (204, "")
        assert post(server, {"event": "plug"}, Authorization="bearer secret") == (204, "")


def test_no_request_and_half_a_request_hold_nobody_up() -> None:
    with served() as server:
        host, port = server.where.rsplit(":", 1)
        with socket.create_connection((host, int(port))), socket.create_connection((host, int(port))) as half:
            half.sendall(b"POST /event HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
            assert post(server, {"event": "plug"}) == (204, "")
        assert post(server, {"event": "plug"}) == (204, "")


# ---------------------------------------------------------------- where


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("0.0.0.0:0", "anybody who reaches 0.0.0.0 could act; set station.control_token"),
        ("example.org:9100", "anybody who reaches example.org could act"),
        ("9100", "write HOST:PORT"),
        ("127.0.0.1:70000", "write HOST:PORT"),
    ],
)
def test_where_it_may_listen(where: str, told: str) -> None:
    _, system, hands = site()
    with pytest.raises(StationError, match=told):
        ControlServer(Control(where, "", {}), hands, system)


def test_a_port_that_is_taken_is_told() -> None:
    _, system, hands = site()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(StationError, match="it cannot listen there"):
            ControlServer(Control(where, "", {}), hands, system)
    ControlServer(Control("0.0.0.0:0", "token", {}), hands, system).close()


def test_on_the_command_line(engine: Engine) -> None:
    code, _, err = engine("run", "evse_dc", "--fast", "--control", "127.0.0.1:0")
    assert (code, err) == (2, "engine: --control needs the real clock, so not --fast\n")


def test_a_power_cycle(tmp_path: Path) -> None:
    """The program stops dead, in the middle of whatever it does: no machine says a last word, and the same command
    begins anew, at the same port. The trace of the life before is kept."""
    trace = tmp_path / "run.jsonl"
    command = [sys.executable, "-m", "engine.cli", "run", "evse_dc", "--plain", "--control", "127.0.0.1:0"]
    life = subprocess.Popen(
        [*command, "--trace", str(trace)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert life.stdout is not None
    assert life.stderr is not None
    try:
        said = life.stderr.readline()
        where = re.search(r"http://(127\.0\.0\.1:\d+)/event", said)
        assert where is not None, said
        for _ in range(2):
            until_ready(life.stdout)
            line = http.client.HTTPConnection(where[1], timeout=30)
            line.request("POST", "/event", b'{"event": "power_cycle"}')
            assert line.getresponse().status == 204
            line.close()
        assert "stopped dead, begins anew\n" in until_ready(life.stdout)
    finally:
        life.terminate()
        life.communicate(timeout=120)
    for kept in (tmp_path / "run.1.jsonl", tmp_path / "run.2.jsonl"):
        causes = re.findall(r'"cause":"(\w+)"', kept.read_text("utf-8"))
        assert "start" in causes
        assert "stop" not in causes


def until_ready(lines: IO[str]) -> list[str]:
    found = []
    for text in lines:
        found.append(text)
        if text.startswith("READY"):
            return found
    raise AssertionError("".join(found[-20:]))


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("go = 7", "[control] go: write an event, an order, a fault, or a list of them, not 7"),
        ("go = []", "[control] go: write an event"),
        ("go = {}", "[control] go: a table says by which field it chooses"),
        ("[control.go.by]\nx = 1", "[control] go.by.x: write an event"),
    ],
)
def test_an_entry_that_is_none(tmp_path: Path, entry: str, told: str) -> None:
    file = tmp_path / "station.toml"
    file.write_text(f'[station]\ncontrol = "127.0.0.1:0"\n[control]\n{entry}\n')
    with pytest.raises(StationError) as caught:
        resolve(Path("machines/console.yaml"), file, Overrides(environ={}), installed(), engine.load)
    assert told in str(caught.value)
