"""Clients of the Raspberry Pi station, by its description, against ours: no change is needed where an order
succeeds."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from adapters.web.dc_plc import answer, paths
from adapters.web.dc_plc_schemas import ANSWERS
from tests.page.conftest import station
from tests.page.test_api import ask

pytest.importorskip("starlette", reason="the extra [ui]")
CHARGED = ("--link", "ethernet", "--set", "pev.adapters.battery.soc=41.8")
STATUS = {
    "session_active", "phase", "error", "contactor_closed", "cp_state", "voltage", "current", "energy_Wh", "time_s",
    "last_session_summary", "session_params",
}  # fmt: skip


def within(seconds: float, url: str, path: str, holds: Callable[[Any], bool]) -> Any:
    """What is answered when it holds."""
    end = time.monotonic() + seconds
    told: Any = None
    while time.monotonic() < end:
        told = ask(url, path)[1]
        if holds(told):
            return told
        time.sleep(0.1)
    pytest.fail(f"{path}: {told}")


def as_described(url: str) -> None:
    """Every answer as the OpenAPI document has it, to the field, in this moment of a session, too."""
    for name, schema in ANSWERS.items():
        method, _, path = name.partition(" ")
        if method == "GET":
            status, told = ask(url, path)
            assert status == 200
            jsonschema.validate(told, schema)


def test_its_smoke_test_runs() -> None:
    """Ping the board, wait for a vehicle, match, look."""
    with station("machines/evse_dc.yaml", "--events", "1 s") as url:
        script = [
            sys.executable,
            str(Path(__file__).with_name("smoke.py")),
            "--base",
            url.rstrip("/"),
            "--timeout",
            "20",
        ]
        with subprocess.Popen(script, stdout=subprocess.PIPE, text=True) as client:
            time.sleep(0.5)
            assert ask(url, "/control/cp_state", "POST", {"state": "B"}) == (200, {"status": "ok", "state": "B"})
            said, _ = client.communicate(timeout=60)
    assert client.returncode == 0, said
    assert "pong: True" in said
    assert '"ev_mac": "02' in said


def test_its_shell_script_charges_and_reads_the_meter() -> None:
    """``curl -fsS``, and ``sed`` cuts the phase out of JSON without blanks."""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    lines = """
    set -e
    curl -fsS "$BASE/hlc/status" >/dev/null
    curl -fsS -X POST -H 'Content-Type: application/json' \
        -d '{"target_voltage":20,"initial_current":15,"duration_s":2}' "$BASE/start_session"
    for i in $(seq 120); do
        phase=$(curl -fsS "$BASE/status" | sed -n 's/.*"phase":"\\([A-Z]*\\)".*/\\1/p')
        case "$phase" in COMPLETE|ABORTED) break;; esac
        sleep 0.5
    done
    echo "ended $phase"
    curl -fsS "$BASE/meter"
    """
    with station("machines/evse_dc.yaml", *CHARGED) as url:
        environment = {"BASE": url.rstrip("/"), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            ["sh", "-c", lines], env=environment, capture_output=True, text=True, timeout=90, check=False
        )
    assert done.returncode == 0, done.stderr
    assert '{"status":"started"}' in done.stdout
    assert "ended COMPLETE" in done.stdout
    assert '"energy_Wh":' in done.stdout


def test_a_session_from_its_start_to_its_summary() -> None:
    with station("machines/evse_dc.yaml", *CHARGED) as url:
        idle = ask(url, "/status")[1]
        assert set(idle) == STATUS
        assert (idle["phase"], idle["cp_state"], idle["last_session_summary"]) == ("IDLE", "A", None)
        unmatched = ask(url, "/vehicle/slac")[1]
        assert unmatched["state"] == "IDLE"
        assert ask(url, "/start_session", "POST") == (200, {"status": "started"})
        within(20, url, "/status", lambda told: told["phase"] in ("HANDSHAKE", "PRECHARGE", "CHARGING"))
        assert ask(url, "/start_session", "POST")[0] == 409
        charging = within(30, url, "/status", lambda told: told["phase"] == "CHARGING" and told["current"] > 0)
        assert charging["contactor_closed"] is True
        assert ask(url, "/cp")[1] == {"voltage_v": 6.0, "state": "C"}
        as_described(url)
        time.sleep(1)
        meter = ask(url, "/meter")[1]
        assert set(meter) == {"energy_Wh", "avg_voltage", "avg_current", "session_time_s"}
        assert 300 < meter["avg_voltage"] < 420
        assert 0 < meter["avg_current"] < charging["session_params"]["requested_current"]  # it rose from nothing
        matched = ask(url, "/vehicle/slac")[1]
        assert matched["state"] == "MATCHED"
        time.sleep(1.1)
        assert ask(url, "/vehicle/slac")[1] == matched  # when it matched, not when it is asked
        talk = ask(url, "/vehicle/iso15118")[1]
        assert (talk["protocol"], talk["evse_id"]) == ("CurrentDemand", "ZZ00000")
        assert len(talk["session_id"]) == 16
        assert talk["timestamps"]["started_at"] >= matched["last_updated"]
        assert ask(url, "/vehicle/bms")[1]["evcc_id"] == "020000000001"
        told = within(40, url, "/status", lambda told: told["phase"] == "COMPLETE")
        as_described(url)
        assert told["last_session_summary"]["ended_phase"] == "COMPLETE"
        summary = told["last_session_summary"]
        assert summary["energy_Wh"] > 0
        assert (told["error"], summary["error"]) == (None, None)
        mean_w = summary["energy_Wh"] * 3600 / summary["duration_s"]
        assert 0 < mean_w < summary["avg_voltage"] * summary["avg_current"] * 1.1
        assert ask(url, "/meter")[1] == {"energy_Wh": 0, "avg_voltage": 0, "avg_current": 0, "session_time_s": 0}
        status, why = ask(url, "/start_session", "POST")
        assert (status, "plugged in" in why["message"]) == (409, True)
        within(20, url, "/cp", lambda told: told["state"] == "A")
        assert ask(url, "/vehicle/bms")[1]["evcc_id"] is None  # it has left


def test_a_board_is_hinted_at_a_match_confirmed_and_the_session_stopped_by_opening_the_contactor() -> None:
    """What that system's tools order while a vehicle is there; the charts carry it out in order."""
    with station("machines/evse_dc.yaml") as url:
        assert ask(url, "/control/contactor", "POST", {"closed": False}) == (
            200,
            {"status": "ok", "contactor_closed": False},  # it is open, and nothing is to be done
        )
        ask(url, "/start_session", "POST")
        within(20, url, "/vehicle/live", lambda told: told["slac"]["state"] == "MATCHING")
        hinted = ask(url, "/esp/restart_slac", "POST", {"reset_ms": 400})
        if hinted[0] != 409:  # a vehicle that matches at once, on a computer that is slow to ask
            assert hinted == (200, {"status": "ok", "reset_ms": 400})
        live = within(40, url, "/vehicle/live", lambda told: told["slac"]["state"] == "MATCHED")
        mac = live["slac"]["ev_mac"]
        status, told = ask(url, "/slac/matched", "POST", {"ev_mac": mac.upper(), "iface": "eth0"})
        assert (status, told["slac"]["state"], told["hlc"]["state"]) == (200, "MATCHED", "running")
        status, told = ask(url, "/slac/matched", "POST", {"ev_mac": "02:00:00:00:ff:ff"})
        assert (status, mac in told["message"]) == (409, True)
        within(40, url, "/status", lambda told: told["contactor_closed"] and told["current"] > 0)
        assert ask(url, "/control/contactor", "POST", {"closed": True})[1]["contactor_closed"] is True
        assert ask(url, "/control/contactor", "POST", {"closed": False})[0] == 200
        told = within(40, url, "/status", lambda told: told["phase"] == "COMPLETE" and not told["contactor_closed"])
        assert told["error"] is None


def test_stopping_the_v2g_server_ends_the_session_in_order() -> None:
    with station("machines/evse_dc.yaml", "--link", "ethernet", "--set", "pev.unplugs=false") as url:
        ask(url, "/start_session", "POST")
        within(40, url, "/status", lambda told: told["phase"] == "CHARGING")
        status, told = ask(url, "/hlc/stop", "POST")
        assert (status, told["status"]["session_id"] is None) == (200, False)
        within(40, url, "/hlc/status", lambda told: told["state"] == "stopped")  # for this vehicle
        told = within(40, url, "/status", lambda told: told["phase"] == "COMPLETE")
        assert told["last_session_summary"]["error"] is None
        status, told = ask(url, "/hlc/start", "POST", {"iface": "eth0"})
        assert (status, "unplugged first" in told["message"]) == (409, True)


def test_a_full_car_is_told_as_the_reason_of_a_session_that_is_over_at_once() -> None:
    """Plugged in again at the state of charge it leaves at."""
    full = ("--link", "ethernet", "--set", "pev.adapters.battery.soc=42")
    with station("machines/evse_dc.yaml", *full) as url:
        ask(url, "/start_session", "POST")
        told = within(40, url, "/status", lambda told: told["phase"] == "COMPLETE")
    assert told["error"] is None
    assert told["last_session_summary"]["reason"] == "the vehicle wanted no more than it had"


@pytest.mark.parametrize(
    ("path", "body", "place", "told", "kind"),
    [
        ("/start_session", {"duration_s": 0}, "duration_s", "greater than or equal to 1", "value_error.number.not_ge"),
        ("/control/pwm", {"duty": 101}, "duty", "less than or equal to 100", "value_error.number.not_le"),
        ("/control/cp_state", {"state": "F"}, "state", 'match regex "^[ABCDE]$"', "value_error.str.regex"),
        ("/fault", {}, "type", "field required", "value_error.missing"),
    ],
)
def test_a_wrong_field_is_told_as_there(path: str, body: Any, place: str, told: str, kind: str) -> None:
    """In the words of that system's library: clients look at the kind."""
    found = asyncio.run(answer(paths()[f"POST {path}"], None, json.dumps(body).encode()))  # type: ignore[arg-type]
    assert found.status == 422
    (one,) = found.body["detail"]
    assert (one["loc"], one["type"]) == (["body", place], kind)
    assert one["msg"].endswith(told)


def test_who_looks_right_behind_the_start_sees_the_new_session() -> None:
    """Not how the one before ended: a script that waits for COMPLETE would not wait."""
    with station("machines/evse_dc.yaml") as url:
        for _ in range(2):
            assert ask(url, "/start_session", "POST", {}) == (200, {"status": "started"})
            told = ask(url, "/status")[1]
            assert (told["session_active"], told["phase"], told["error"]) == (True, "HANDSHAKE", None)
            refused = (409, {"status": "error", "message": "Session already in progress"})
            assert ask(url, "/start_session", "POST", {}) == refused
            within(40, url, "/vehicle/live", lambda told: told["cp"]["state"] == "B")
            assert ask(url, "/control/cp_state", "POST", {"state": "A"})[0] == 200
            within(40, url, "/status", lambda told: told["cp_state"] == "A" and told["phase"] in ("ABORTED", "IDLE"))


def test_an_emergency_stop_ends_a_session_as_aborted() -> None:
    with station("machines/evse_dc.yaml", "--link", "ethernet") as url:
        ask(url, "/start_session", "POST", {})
        within(40, url, "/status", lambda told: told["phase"] == "CHARGING")
        assert ask(url, "/fault", "POST", {"type": "E_STOP"}) == (200, {"status": "fault_injected", "type": "E_STOP"})
        within(5, url, "/status", lambda told: told["current"] == 0 and not told["contactor_closed"])
        told = within(40, url, "/status", lambda told: told["phase"] == "ABORTED")
        assert told["error"] == "E_STOP"
        told = within(10, url, "/status", lambda told: told["last_session_summary"] is not None)
        assert told["last_session_summary"]["error"] == "emergency button"


def test_in_an_emergency_no_session_starts_and_the_status_says_so() -> None:
    """Nobody has been plugged in: it is the outlet's state, not a session's, that is told."""
    with station("machines/evse_dc.yaml") as url:
        assert ask(url, "/fault", "POST", {"type": "E_STOP"})[0] == 200
        told = within(5, url, "/status", lambda told: told["phase"] == "ABORTED")
        assert (told["error"], told["session_active"], told["last_session_summary"]) == ("E_STOP", False, None)
        refused = (409, {"status": "error", "message": "out of order: emergency button"})
        assert ask(url, "/start_session", "POST") == refused
        assert ask(url, "/status")[1]["cp_state"] == "F"  # the station holds the pilot at -12 V: nobody can be measured
        assert ask(url, "/cp") == (200, {"voltage_v": -12.0, "state": "F"})
        as_described(url)
        ask(url, "/api/event", "POST", {"event": "button.emergency_released"})
        assert ask(url, "/start_session", "POST") == refused  # until somebody resets it
        ask(url, "/api/event", "POST", {"event": "button.reset_pressed"})
        told = within(10, url, "/status", lambda told: told["phase"] == "IDLE")
        assert (told["error"], told["cp_state"]) == (None, "A")
        assert ask(url, "/start_session", "POST") == (200, {"status": "started"})


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/control/contactor", {"closed": True}, 409),
        ("/control/contactor", {"closed": "yes"}, 422),
        ("/control/pwm", {"duty": 5}, 501),
        ("/control/pwm", {"duty": 101}, 422),
        ("/control/pwm", {}, 422),
        ("/control/cp_state", {"state": "F"}, 422),
        ("/control/cp_state", {"state": "C"}, 422),
        ("/fault", {"type": "none such"}, 422),
        ("/fault", {"type": 5}, 422),
        ("/start_session", {"duration_s": 0}, 422),
        ("/start_session", b"{", 422),
        ("/start_session", b'{"a":"\\ud800"}', 422),
        ("/start_session", [], 422),
        ("/slac/start_matching", {}, 409),
        ("/slac/matched", {"ev_mac": "02:00"}, 409),
        ("/slac/matched", {}, 422),
        ("/slac/matched", {"ev_mac": "02:00", "attenuation_db": "much"}, 422),
        ("/slac/matched", {"ev_mac": "02:00", "run_id": 7}, 422),
        ("/hlc/start", {"secc_config": 7}, 422),
        ("/hlc/stop", {}, 409),
        ("/esp/mode", {"mode": "manual"}, 409),
        ("/esp/restart_slac", {"reset_ms": 400}, 409),
        ("/esp/restart_slac", {"reset_ms": "long"}, 422),
    ],
)
def test_what_is_not_carried_out_is_refused_with_the_reason(shared: str, path: str, body: Any, status: int) -> None:
    found, told = ask(shared, path, "POST", body)
    while found == 429:  # so many orders a second from one caller
        time.sleep(0.2)
        found, told = ask(shared, path, "POST", body)
    assert found == status, told
    assert told.get("message") or told["detail"][0]["msg"]


@pytest.fixture(scope="module")
def shared() -> Any:
    with station("machines/evse_dc.yaml") as url:
        yield url
