"""What a server is sent, to the octet, as each preset and setting wants it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.http.callback import HttpCallback
from adapters.http.message import Destination, destination
from engine.adapter import AdapterError, World

READ = {"current_soc": 63, "full_soc": 80, "energy_capacity": 64000.0, "energy_request": 12000.0}
LITTLE = {"current_soc": 63, "full_soc": None, "energy_capacity": None, "energy_request": None}
EVCCID = "aabbccddeeff"


def to(**settings: Any) -> Destination:
    found = destination(
        {"url": "http://h", "preset": "smartevse", "method": "preset", "path": "", "format": "query"} | settings
    )
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("preset", "method", "target"),
    [
        ("smartevse", "POST", "/ev_state?current_soc=63&full_soc=80&energy_capacity=64000&energy_request=12000"),
        ("esp32_plc", "GET", "/ev_state?current_soc=63.0&full_soc=80.0&energy_capacity=64000.0&energy_request=12000.0"),
        (
            "set_soc",
            "POST",
            "/api/setSoc?current_soc=63.0&full_soc=80.0&energy_capacity=64000.0&energy_request=12000.0",
        ),
        ("pyplc", "POST", "/?current_soc=63&full_soc=80&energy_capacity=64000&energy_request=12000"),
    ],
)
def test_presets(preset: str, method: str, target: str) -> None:
    """A server that reads today's system reads this one."""
    request = to(preset=preset).request(READ, EVCCID)
    assert (request.method, request.target, request.body) == (method, f"{target}&evccid={EVCCID}", None)


def test_what_the_vehicle_has_not_said() -> None:
    """SmartEVSE keeps what is not less than it has: -1 is nothing; a missing number would be read as 0."""
    assert to().request(LITTLE, "").target == (
        "/ev_state?current_soc=63&full_soc=-1&energy_capacity=-1&energy_request=-1&evccid="
    )
    assert "full_soc=0.0&" in to(preset="esp32_plc").request(LITTLE, "").target


def test_bodies() -> None:
    form = to(format="form", path="/soc").request(READ, EVCCID)
    assert (form.target, form.headers["Content-Type"]) == ("/soc", "application/x-www-form-urlencoded")
    assert form.body == b"current_soc=63&full_soc=80&energy_capacity=64000&energy_request=12000&evccid=aabbccddeeff"
    whole = to(url="http://h/hook?key=1", format="json", method="PUT").request(LITTLE, EVCCID)
    assert (whole.method, whole.target, whole.headers["Content-Type"]) == ("PUT", "/hook?key=1", "application/json")
    assert json.loads(whole.body or b"") == {**LITTLE, "evccid": EVCCID}
    tenths = to(preset="set_soc", format="json").request(READ, EVCCID)
    assert b'"current_soc": 63, ' in (tenths.body or b"").replace(b"63.0", b"63")


def test_addresses() -> None:
    """The path of the address goes before the preset's, the setting before both; a query of the address stays."""
    assert to(url="https://h").port == 443
    assert (to().port, to().secure, to(url="https://h").secure) == (80, False, True)
    assert (to(url="http://[fe80::1]:8080").host, to(url="http://[fe80::1]:8080").port) == ("fe80::1", 8080)
    assert to(url="http://h/").path == "/ev_state"
    assert to(url="http://h/mine").path == "/mine"
    assert to(url="http://h/mine", path="/yours").path == "/yours"
    assert to(url="http://h/mine?key=1").request(LITTLE, "").target.startswith("/mine?key=1&current_soc=63")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"url": "192.168.1.100"}, "setting 'url'.*http://host"),
        ({"url": "ftp://h"}, "setting 'url'.*http://host"),
        ({"url": "http://"}, "setting 'url'.*http://host"),
        ({"url": "http://h:99999"}, "setting 'url'"),
        ({"url": "http://me:secret@h"}, "setting 'url': a name or password"),
        ({"url": "http://h/a b"}, "setting 'url'.*%XX"),
        ({"url": "http://h", "path": "ev_state"}, "setting 'path'"),
        ({"url": "http://h", "path": "/a?b"}, "setting 'path'"),
        ({"url": "http://h", "preset": "esp32_plc", "format": "json"}, "setting 'format'.*GET"),
        ({"url": "https://h", "ca_file": "/nowhere.pem"}, "setting 'ca_file'"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_runs(settings: dict[str, str], named: str) -> None:
    with pytest.raises(AdapterError, match=named) as told:
        HttpCallback(settings, World())
    assert "secret" not in str(told.value)
