"""The smoke test of the Raspberry Pi station against the station file of its board (rpi_esp_uart.toml):
octets of the serial protocol in memory, paths and client as they are, all on the virtual clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import engine
from adapters.pilot.board import UartPilotBoard
from adapters.pilot.cable import cable_of
from adapters.registry import REGISTRY
from engine.adapter import Port
from engine.cli.readings import Headlines
from engine.cli.sessions import Sessions
from engine.cli.ui import Page
from engine.run.clock import VirtualClock
from engine.run.station import Overrides, build, resolve
from tests.page.at_once import AtOnce
from tests.pilot.stand_in_board import Line, StandInBoard
from tests.web import smoke

pytest.importorskip("starlette", reason="the extra [ui]")
STATION = Path("machines/stations/rpi_esp_uart.toml")
PLUG = "pev.adapters.pilot.plug_after"


class Bench:
    """A station with its board and a vehicle, and whoever asks it by HTTP."""

    def __init__(self, patch: pytest.MonkeyPatch, *sets: str) -> None:
        self.system, self.line = AtOnce(VirtualClock()), Line()
        self.board = StandInBoard(cable_of(self.system.world, "1"), self.line)
        opened, line = UartPilotBoard.open, self.line

        def open_host(host: UartPilotBoard, port: Port) -> None:
            patch.setattr(host, "prepare", lambda: None)
            opened(host, port)
            self.board.run(port)

        patch.setattr(UartPilotBoard, "open", open_host)
        patch.setattr(UartPilotBoard, "connect", lambda host: line.connect(host))
        overrides = Overrides(sets, {}, {"ui": "on"})
        station = resolve(Path("machines/evse_dc.yaml"), STATION, overrides, REGISTRY, engine.load)
        build(station, self.system, REGISTRY)
        headlines = Headlines(self.system, station)
        sessions = Sessions(station, self.system, headlines.values)
        main = self.system.roots["evse"]
        self.page = Page("127.0.0.1:0", "", station, self.system, main, headlines, sessions)
        self.app: Any = self.page.app()
        self.system.start()
        self.pass_s(1)

    def pass_s(self, seconds: float) -> None:
        """Time passes."""
        self.system.advance(int(seconds * 1e9))

    def http(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Status and body of one request to the application itself."""
        told: list[Any] = []
        asked = [{"type": "http.request", "body": b"" if body is None else json.dumps(body).encode()}]

        async def receive() -> Any:
            return asked.pop() if asked else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            told.append(message)

        scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}
        asyncio.run(self.app(scope, receive, send))
        octets = b"".join(message.get("body", b"") for message in told[1:])
        return told[0]["status"], json.loads(octets)

    def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body."""
        return self.http("POST", path, body)

    def ask(self, base: str, path: str, body: Any = None) -> Any:
        """As :func:`smoke.ask`."""
        status, told = self.http("GET" if body is None else "POST", path, body)
        if status >= 400:
            raise OSError(f"{path}: {status} {told}")
        return told

    def smoke(self, patch: pytest.MonkeyPatch, timeout_s: float) -> int:
        """The client, its exit code."""
        patch.setattr(smoke, "ask", self.ask)
        patch.setattr(smoke.time, "sleep", self.pass_s)
        patch.setattr(smoke.time, "monotonic", lambda: self.system.clock.now_ns() / 1e9)
        patch.setattr("sys.argv", ["smoke", "--timeout", str(timeout_s)])
        return smoke.main()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(*sets: str) -> Bench:
        made.append(Bench(monkeypatch, *sets))
        return made[-1]

    yield make
    for one in made:
        one.page.close()
        one.system.shutdown()


def hints(one: Bench) -> int:
    """How often the board was told to show 100 % once 5 % was shown."""
    duties = [command.fields["duty"] for command in one.board.commands if command.name == "set_pwm"]
    return duties[duties.index(5) :].count(100) if 5 in duties else 0


def test_it_matches_with_the_board(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = bench(f"{PLUG}=2 s")
    assert one.smoke(monkeypatch, 30) == 0
    live = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (live["cp"], live["slac"]["state"]) == ({"voltage_v": 9.0, "state": "B"}, "MATCHED")
    assert hints(one) == 0
    status, told = one.post("/start_session")
    assert (status, told["message"]) == (409, "Session already in progress")


def test_a_vehicle_that_does_not_speak_is_hinted_at_once_by_the_board(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the station would do it by itself."""
    one = bench(f"{PLUG}=2 s", "pev.medium=ethernet", "T_first_nudge=5 min")
    assert one.smoke(monkeypatch, 4) == 4
    assert hints(one) == 1
    assert one.board.duty == 5


def test_without_a_vehicle_or_a_board_it_says_so(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = bench(f"{PLUG}=none")
    assert one.smoke(monkeypatch, 2) == 3
    one.line.cut()
    one.pass_s(2)
    assert one.smoke(monkeypatch, 2) == 2
    assert "the device has gone" in capsys.readouterr().out
    status, told = one.post("/esp/restart_slac", {"reset_ms": 400})
    assert (status, bool(told["message"])) == (409, True)


def test_a_ping_is_answered_by_the_board_or_says_why_it_is_not(bench: Callable[..., Bench]) -> None:
    """Whatever else is wrong with the outlet; until the board is there again."""
    one = bench(f"{PLUG}=none")
    pong = (200, {"status": "ok", "pong": True})
    assert one.post("/esp/ping", {}) == pong
    one.line.cut()
    one.pass_s(2)
    status, told = one.post("/esp/ping", {})
    assert (status, told["status"]) == (409, "error")
    assert "the device has gone" in told["message"]
    one.line.is_cut = False
    one.pass_s(5)
    assert one.post("/esp/ping", {}) == pong
    assert one.post("/fault", {"type": "E_STOP"})[0] == 200
    one.pass_s(1)
    assert one.post("/esp/ping", {}) == pong
    one.line.cut()
    one.pass_s(2)
    status, told = one.post("/esp/ping", {})
    assert (status, "board" in told["message"]) == (409, True)


def test_an_emergency_stop_and_what_is_not_for_this_station(bench: Callable[..., Bench]) -> None:
    one = bench(f"{PLUG}=none")
    status, told = one.post("/start_session")
    assert (status, "plug the vehicle in" in told["message"]) == (409, True)
    assert one.post("/control/cp_state", {"state": "B"})[0] == 501
    assert one.post("/fault", {"type": "GroundFailure"})[0] == 422
    assert one.post("/fault", {"type": "E_STOP"})[0] == 200
    one.pass_s(1)
    assert one.ask("", "/status")["error"] == "E_STOP"
