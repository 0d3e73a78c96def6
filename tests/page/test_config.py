"""Configuration and restart by the API: what is wrong is not taken, what is taken is in force after an orderly restart,
and a station that cannot begin with it goes on as before."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine.adapter import Refusal
from engine.cli.configuration import Configuration
from engine.language.text_values import typed
from engine.language.types import UNITS, Kind, Type
from engine.language.written import as_text
from engine.run import System, VirtualClock
from engine.run.registry import installed
from engine.run.station import Overrides, Station, StationError, resolve
from engine.run.station.keys import every_key
from engine.run.station.settings import old_file, settings_file, take_back, write_settings
from tests.page.conftest import ROOT, station, station_process
from tests.page.test_api import ask

SHIPPED = ROOT / "machines" / "stations" / "evse_dc.toml"

KINDS = {
    Type(Kind.BOOL): st.booleans(),
    Type(Kind.INT): st.integers(-(2**63), 2**63 - 1),
    Type(Kind.FLOAT, unit=UNITS["kW"]): st.floats(allow_nan=False, allow_infinity=False),
    Type(Kind.DURATION, optional=True): st.none() | st.integers(0, 2**62),
    Type(Kind.BYTES): st.binary(max_size=40),
    Type(Kind.ENUM, values=("a", "b")): st.sampled_from(["a", "b"]),
    Type(Kind.STRING, optional=True): st.none() | st.text(max_size=20),
    Type(Kind.LIST, item=Type(Kind.STRING)): st.lists(st.text("ab ,()'", max_size=6), max_size=4),
}


@given(st.sampled_from(list(KINDS)).flatmap(lambda kind: st.tuples(st.just(kind), KINDS[kind])))
def test_what_is_told_may_be_given_back(case: tuple[Type, Any]) -> None:
    """Whoever saves a form unchanged changes nothing."""
    kind, value = case
    assert typed(as_text(value, kind), kind) == value


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A station file of one's own: a copy of a shipped one."""
    return Path(shutil.copy(SHIPPED, tmp_path / "mine.toml"))


def resolved(home: Path, settings: Any = None, sets: tuple[str, ...] = ()) -> Station:
    return resolve(home, None, Overrides(sets, {}, settings=settings), installed(), engine.load)


def configuration(home: Path, *sets: str) -> Configuration:
    return Configuration(resolved(home, None, sets), installed(), lambda new: resolved(home, new, sets))


def test_every_key_is_told_with_its_type_unit_help_and_origin(home: Path) -> None:
    told = configuration(home, "T_reset=5 s").told()
    assert (told["file"], told["pending"]) == (str(home.with_suffix(".settings")), False)
    keys = {key["key"]: key for key in told["keys"]}
    assert len(keys) == len(told["keys"]) > 300
    assert keys["U_touch"]["value"] == "60 V"
    assert keys["U_touch"]["unit"] == "V"
    assert "connector is not released" in keys["U_touch"]["help"]
    assert keys["U_touch"]["origin"].startswith("default, ")
    assert keys["T_lock"]["least"] == "1 ms"
    assert keys["medium"]["choices"] == ["plc", "ethernet"]
    assert keys["pev.stop_at_soc"]["origin"] == str(home)
    assert keys["adapters.supply.use"]["choices"] == ["simulated", "modules", "none"]
    assert (keys["T_reset"]["fixed"], keys["T_reset"]["origin"]) == (True, "--set T_reset=5 s")
    assert not keys["T_lock"]["fixed"]


def test_a_secret_is_not_told(home: Path) -> None:
    told = configuration(home, "adapters.v2g.use=socket", "adapters.v2g.key_password=hunter2").told()
    key = next(key for key in told["keys"] if key["key"] == "adapters.v2g.key_password")
    assert (key["secret"], key["value"]) == (True, None)
    assert configuration(home, "adapters.v2g.use=socket").take({"adapters.v2g.key_password": "hunter3"})["changed"]
    told = configuration(home, "adapters.v2g.use=socket").told()
    assert not any("hunter" in str(key["value"]) + str(key.get("kept")) for key in told["keys"])


@pytest.mark.parametrize(
    ("values", "status", "why"),
    [
        ({"T_lock": "4 s", "U_touch": "hot"}, 422, "U_touch"),
        ({"T_lock": 4}, 422, "with its unit"),
        ({"T_lock": ["4 s"]}, 422, "a text, a number"),
        ({"T_lock": "x" * 5_000}, 422, "a text, a number"),
        ({"MeterID": "\ud800"}, 422, "a text, a number"),
        ({"T_lockk": "4 s"}, 422, "did you mean 'T_lock'"),
        ({"U_cap": "0 V"}, 422, "below the minimum 1"),
        ({"adapters.lock.use": "./mine.py:Lock"}, 422, "one of simulated, none"),
        ({"adapters.modem.host": "x", "machines.nobody.T": "1 s"}, 422, "no key"),
        ({"T_reset": "4 s"}, 409, "--set T_reset=5 s: that wins"),
        ({"station.control": "0.0.0.0:1"}, 422, "no key"),
    ],
)
def test_nothing_is_taken_where_one_is_wrong(home: Path, values: Any, status: int, why: str) -> None:
    with pytest.raises(Refusal) as refusal:
        configuration(home, "T_reset=5 s").take(values)
    assert refusal.value.status == status
    assert why in refusal.value.why
    assert not settings_file(home).exists()


def test_what_is_taken_counts_as_the_end_of_the_station_file(home: Path) -> None:
    text = home.read_text()
    told = configuration(home).take({"T_lock": "4 s", "pev.stop_at_soc": "50 %", "ventilation": True})
    assert told["changed"]
    assert home.read_text() == text
    station = resolved(home)
    assert station.machines["evse"].parameters[""]["T_lock"] == 4_000_000_000
    assert station.machines["evse"].parameters[""]["ventilation"] is True
    assert station.machines["pev"].parameters[""]["stop_at_soc"] == 50
    origins = {key.key: key.origin for key in every_key(station, installed())}
    assert origins["T_lock"] == str(settings_file(home))

    again = configuration(home)
    again.take({"T_lock": None, "pev.stop_at_soc": "60 %"})
    assert resolved(home).machines["pev"].parameters[""]["stop_at_soc"] == 60
    assert "T_lock" not in resolved(home).machines["evse"].parameters[""]
    assert again.told()["pending"]
    assert '"4 s"' in old_file(settings_file(home)).read_text()
    assert not again.take({"T_lock": "4 s", "pev.stop_at_soc": "50 %"})["changed"]  # as it runs


def test_settings_that_cannot_be_written_leave_the_old_ones(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration(home).take({"T_lock": "4 s"})
    before = settings_file(home).read_bytes()

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.run.station.settings.os.fsync", full)
    with pytest.raises(Refusal, match=r"cannot be written: No space left.*copy the station file"):
        configuration(home).take({"T_lock": "5 s"})
    assert settings_file(home).read_bytes() == before
    assert {path.suffix for path in home.parent.iterdir()} == {".toml", ".settings", ".old"}


def test_a_settings_file_that_does_not_read_is_told_with_its_place(home: Path) -> None:
    settings_file(home).write_text("T_lock = ")
    with pytest.raises(StationError, match=r"mine\.settings: not valid TOML"):
        resolved(home)
    settings_file(home).write_text('"machines.evse.parameters.T_lok" = "4 s"')
    with pytest.raises(StationError, match=r"mine\.settings: .*T_lok.*did you mean"):
        resolved(home)


@given(st.dictionaries(st.text(), st.text() | st.booleans() | st.integers(-(2**60), 2**60)))
def test_whatever_is_written_is_read(tmp_path_factory: Any, values: dict[str, Any]) -> None:
    import tomllib

    home = tmp_path_factory.mktemp("home") / "x.toml"
    clean = {k: v for k, v in values.items() if not any(0xD800 <= ord(c) < 0xE000 for c in f"{k}{v}")}
    write_settings(home, clean)
    assert tomllib.loads(settings_file(home).read_bytes().decode()) == clean
    take_back(settings_file(home))
    assert settings_file(home).read_bytes() == b""


# ---------------------------------------------------------------- in a run


def until(url: str, holds: Any, path: str = "/api/config", within_s: float = 30) -> Any:
    """What is answered when it holds; a station that begins anew does not answer for a while."""
    end = time.monotonic() + within_s
    told: Any = None
    while time.monotonic() < end:
        try:
            status, told = ask(url, path)
        except OSError:
            status = 0
        if status == 200 and holds(told):
            return told
        time.sleep(0.1)
    pytest.fail(f"{path}: {json.dumps(told)[:500]}")


def value(told: Any, name: str) -> Any:
    return next(key["value"] for key in told["keys"] if key["key"] == name)


def test_a_change_is_in_force_after_a_restart_at_the_same_place(home: Path) -> None:
    with station(str(home)) as url:
        status, told = ask(url, "/api/config", "PUT", {"values": {"T_lock": "4 s"}})
        assert (status, told["restart"]) == (200, "now")
        told = until(url, lambda told: value(told, "T_lock") == "4 s")
        assert not told["pending"]


def test_a_change_waits_for_the_end_of_a_session(home: Path) -> None:
    with station(str(home), "--link", "ethernet") as url:
        ask(url, "/api/event", "POST", {"event": "plug"})
        until(url, lambda told: told["restart"] == "after the session")
        status, told = ask(url, "/api/config", "PUT", {"values": {"T_lock": "4 s"}})
        assert (status, told["restart"]) == (200, "after the session")
        assert ask(url, "/api/config")[1]["pending"]
        ask(url, "/api/event", "POST", {"event": "button.stop_pressed"})
        told = until(url, lambda told: value(told, "T_lock") == "4 s", within_s=60)
        assert not told["pending"]


def test_a_restart_is_confirmed_and_ends_a_session_in_an_orderly_way(home: Path, tmp_path: Path) -> None:
    trace = tmp_path / "run.jsonl"
    with station(str(home), "--link", "ethernet", "--trace", str(trace)) as url:
        ask(url, "/api/event", "POST", {"event": "plug"})
        until(url, lambda told: told["restart"] == "after the session")
        for wrong in ({}, {"confirm": "yes"}, {"confirm": 1}, {"confirm": True, "more": 1}):
            assert ask(url, "/api/restart", "POST", wrong)[0] == 400
        assert ask(url, "/api/restart", "POST", {"confirm": True})[0] == 202
        until(url, lambda told: told["restart"] == "now", within_s=60)
        assert ask(url, "/api/results")[1]["results"] == []
    lived = (tmp_path / "run.1.jsonl").read_text()
    assert "shut_down" in lived
    assert "left_unsafe" not in lived


@pytest.mark.parametrize("first", ["restart", "stop"])
def test_who_stops_a_run_that_restarts_means_it(home: Path, first: str) -> None:
    """The service manager stops it while it ends for a restart, or somebody wants one while it is being stopped."""
    with station_process(str(home), "--link", "ethernet") as (url, process):
        ask(url, "/api/event", "POST", {"event": "plug"})
        until(url, lambda told: "CHARGING" in told["phase"], "/status")
        if first == "stop":
            process.terminate()
        else:
            assert ask(url, "/api/restart", "POST", {"confirm": True})[0] == 202
        until(url, lambda told: any(one.get("note") == "shutting_down" for one in told["records"]), "/api/state")
        if first == "stop":
            with suppress(OSError):
                ask(url, "/api/restart", "POST", {"confirm": True})
        else:
            process.terminate()
        assert process.wait(40) == 0


def test_settings_that_no_station_begins_with_are_taken_back(home: Path) -> None:
    """What only an adapter that opens finds (no network interface is named): the station must not stay away for it."""
    with station(str(home)) as url:
        values = {"adapters.sdp.use": "socket", "T_lock": "4 s"}
        assert ask(url, "/api/config", "PUT", {"values": values})[0] == 200
        assert "socket" in settings_file(home).read_text()
        end = time.monotonic() + 30
        while settings_file(home).read_bytes() and time.monotonic() < end:
            time.sleep(0.1)
        told = until(url, lambda told: told["restart"] == "now")
        assert value(told, "T_lock") == "3 s"
        assert ask(url, "/api/state")[0] == 200


@pytest.mark.parametrize("is_written", [False, True])
def test_the_end_comes_while_settings_are_checked(home: Path, is_written: bool) -> None:
    """Whoever is answered 503 has changed nothing; who changed something is told so."""
    pytest.importorskip("starlette", reason="the extra [ui]")
    from engine.tools.page.history import History
    from engine.tools.page.routes import Api, Live

    checks, ends, written = threading.Event(), threading.Event(), []

    def configure(values: Any, claim: Any) -> Any:
        if is_written:
            written.append(claim())
        checks.set()
        assert ends.wait(10)
        if not is_written:
            written.append(claim())
        return {"changed": True}, lambda: None

    system = System(VirtualClock())
    live = Live(system, {}, History(system), "", True, list, lambda asked: None, list, lambda: False)
    live.configure = configure
    said: list[Any] = []

    async def asked() -> Any:
        return {"type": "http.request", "body": b'{"values":{}}', "more_body": False}

    async def answered(part: Any) -> None:
        said.append(part)

    async def interrupted() -> None:
        scope = {"type": "http", "method": "PUT", "path": "/api/config", "query_string": b"", "headers": []}
        work = asyncio.ensure_future(Api(live).app()({**scope, "root_path": ""}, asked, answered))
        await asyncio.to_thread(checks.wait, 10)
        work.cancel()
        asyncio.get_running_loop().call_later(0.05, ends.set)
        await work

    asyncio.run(interrupted())
    assert said[0]["status"] == (200 if is_written else 503)
    assert written == [is_written]


def test_nothing_is_written_once_it_begins_anew(home: Path) -> None:
    with pytest.raises(Refusal, match="begins anew") as refusal:
        configuration(home).take({"T_lock": "4 s"}, lambda: False)
    assert refusal.value.status == 503
    assert not settings_file(home).exists()
