"""The API and its door: what is answered, who may, what is refused and why."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from engine.tools.page.door import Door
from tests.page.conftest import station

pytest.importorskip("starlette", reason="the extra [ui]")
pytest.importorskip("uvicorn", reason="the extra [ui]")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with station("machines/evse_dc.yaml") as found:
        yield found


def ask(url: str, path: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, Any]:
    """Status and body; JSON where it is some."""
    at = urlsplit(url)
    line = http.client.HTTPConnection(at.hostname or "", at.port or 0, timeout=20)
    try:
        sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        line.request(method, path, sent, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = line.getresponse()
        text = answer.read()
    finally:
        line.close()
    return answer.status, json.loads(text) if answer.headers.get_content_type() == "application/json" else text.decode()


def test_how_everything_stands(url: str) -> None:
    status, told = ask(url, "/api/machines")
    assert status == 200
    evse = next(one for one in told["machines"] if one["machine"] == "evse")
    assert "outlet" in evse["configuration"]
    assert evse["data"]["cp"] == "A"
    assert ask(url, "/api/machines/evse/slac")[1]["chart"] == "slac_evse"
    assert ask(url, "/api/machines/nobody") == (404, {"error": "no machine 'nobody' runs"})


def test_the_records_fit_the_state_they_begin_with(url: str) -> None:
    """What is told at once and what the stream brings are one row of numbers."""
    _, whole = ask(url, "/api/state?all=1")
    assert whole["next"] - whole["first"] == len(whole["records"])
    assert whole["header"]["display"]["Voltage"] == "evse.meter.voltage"
    at = urlsplit(url)
    line = http.client.HTTPConnection(at.hostname or "", at.port or 0, timeout=20)
    line.request("GET", f"/api/stream?after={whole['next'] - 3}")
    answer = line.getresponse()
    assert (answer.headers["Cache-Control"], answer.headers["X-Accel-Buffering"]) == ("no-cache, no-store", "no")
    assert answer.readline().startswith(b"id: ")
    told = json.loads(answer.readline().removeprefix(b"data: "))
    assert told["records"][:3] == whole["records"][-3:]
    line.close()


def test_whoever_asks_for_records_that_are_gone_or_never_were_is_told_to_begin_anew(url: str) -> None:
    assert "event: gone" in ask(url, "/api/stream?after=999999999")[1]
    assert ask(url, "/api/stream?after=-1")[0] == 400


def test_an_event_that_is_offered_is_done(url: str) -> None:
    names = {one["event"]: one for one in ask(url, "/api/events")[1]["events"]}
    assert names["fault"]["fields"]["errorCode"]["choices"]
    assert names["reader.token"]["kind"] == "person"
    assert names["plug"]["text"] == ""  # how it is wired is not for who plugs in
    assert ask(url, "/api/event", "POST", {"event": "swipe", "idTag": "A1"}) == (204, "")
    _, told = ask(url, "/api/state")
    taken = [one["event"]["data"] for one in told["records"] if one.get("event", {}).get("name") == "reader.token"]
    assert taken
    assert taken[-1]["id"] == "A1"


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ({"event": "explode"}, 501, "not offered"),
        ({"event": "swipe"}, 400, "needs idTag"),
        ({"event": "swipe", "idTag": 'a")\x00'}, 400, "without quotes"),
        ({"event": "reader.token", "id": "a, b=(c"}, 204, ""),
        ({"event": ["plug"]}, 400, "write"),
        ([], 400, "object"),
        (b"{", 400, "no JSON"),
        (b"[" * 20_000, 400, "no JSON"),
        (b"\xff\xfe", 400, "no JSON"),
        (b'{"event":"reader.token","id":"\\ud800"}', 400, "half of a surrogate pair"),
        (b'{"event":"reader.token","\xed\xa0\x80":1}', 400, "half of a surrogate pair"),
        (b" " * 70_000, 413, "octets"),
    ],
)
def test_what_is_not_done_is_refused_with_the_reason(url: str, body: Any, status: int, why: str) -> None:
    found, told = ask(url, "/api/event", "POST", body)
    assert found == status
    assert why in (told["error"] if told else "")


def test_no_other_site_may_speak_to_it(url: str) -> None:
    assert ask(url, "/api/state", Host="evil.example")[0] == 403
    assert ask(url, "/api/event", "POST", {"event": "plug"}, Origin="http://evil.example")[0] == 403
    status, told = ask(url, "/api/event", "OPTIONS")
    assert status == 405, told


def paths(url: str, **headers: str) -> list[str]:
    document = ask(url, "/api/openapi.json", **headers)[1]
    return [re.sub(r"\{\w+\}", "x", path) for path in document["paths"]]


def test_the_door_is_one_for_everything() -> None:
    """All that is described, and every file, without the token."""
    from engine.tools.page.files import FILES

    with station("machines/evse_dc.yaml", "--ui-token", "s3cret") as url:
        shown = {"Authorization": "Bearer s3cret"}
        all_paths = [*paths(url, **shown), *(f"/{name}" for name in FILES), "/", "/api/openapi.json"]
        assert len(all_paths) > 15
        for path in all_paths:
            method = "POST" if path == "/api/event" else "GET"
            assert ask(url, path, method)[0] == 401, path
        assert ask(url, "/", **shown)[0] == 200
        for scheme in ("bearer", "BEARER"):
            assert ask(url, "/", Authorization=f"{scheme} s3cret")[0] == 200
        assert ask(url, "/", Authorization="Basic s3cret")[0] == 401
        assert ask(url, "/", Authorization="s3cret")[0] == 401
        for path in ("/?token=s3cret", "/api/state?token=s3cret"):  # an address stays in histories and logs
            assert ask(url, path)[0] == 401
        assert "s3cret" not in json.dumps(ask(url, "/api/state?all=1", **shown)[1])


@pytest.mark.parametrize("token", ["s3cret", "a b;c=\"d'&%41é"])
def test_the_form_gives_a_cookie_that_opens_the_door(token: str) -> None:
    with station("machines/evse_dc.yaml", "--ui-token", token) as url:
        assert 'method="post"' in ask(url, "/")[1]
        for wrong in ({"token": "s3cre"}, {"token": ""}, {}):
            assert log_in(url, wrong)[0] == 401
            assert ask(url, "/api/state", Authorization=f"Bearer {wrong.get('token')}")[0] == 401
        status, cookie = log_in(url, {"token": token})
        assert status == 303
        kept, *terms = cookie.split("; ")
        assert terms == ["HttpOnly", "SameSite=Strict", "Path=/"]
        assert token not in cookie
        assert ask(url, "/", Cookie=kept)[0] == 200
        assert ask(url, "/api/state", Cookie=f"a=b; {kept}")[0] == 200
        assert ask(url, "/", Cookie=kept[:-1])[0] == 401
        assert log_in(url, {"token": token}, Origin="http://evil.example")[0] == 403
        assert log_in(url, {"token": "x" * 70_000})[0] == 413


@pytest.mark.parametrize("way", ["bearer", "cookie", "form"])
def test_wrong_tokens_are_few_and_the_next_is_not_looked_at(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever way they are shown; of another address they are, and here in time again."""
    now_s = 100.0
    monkeypatch.setattr("engine.tools.page.door.time", SimpleNamespace(monotonic=lambda: now_s))
    door = Door(_open, "0.0.0.0", "s3cret")
    assert [tried(door, way, f"guess {n}") for n in range(12)] == [401] * 10 + [429] * 2
    for other in ("bearer", "cookie", "form"):
        assert tried(door, other, "s3cret") == 429
    assert tried(door, "none", "") == 401
    assert tried(door, way, "s3cret", address="192.0.2.2") in (200, 303)
    now_s += 5
    assert [tried(door, way, "guess"), tried(door, way, "s3cret")] == [401, 429]
    now_s += 5
    assert [tried(door, way, "s3cret") in (200, 303) for _ in range(5)] == [True] * 5


async def _open(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


def tried(door: Door, way: str, token: str, address: str = "192.0.2.1") -> int:
    """The status that a token shown in some way is answered with."""
    kept = hashlib.sha256(b"chargechart\0" + token.encode()).hexdigest()
    shown = {
        "bearer": [(b"authorization", f"Bearer {token}".encode())],
        "cookie": [(b"cookie", f"chargechart_token={kept}".encode())],
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": urlencode({"token": token}).encode()}

    async def send(message: Any) -> None:
        sent.append(message)

    method, path = ("POST", "/") if way == "form" else ("GET", "/api/state")
    scope = {"type": "http", "method": method, "path": path, "headers": shown.get(way, []), "client": (address, 1)}
    asyncio.run(door(scope, receive, send))
    return int(sent[0]["status"])


def log_in(url: str, fields: dict[str, str], **headers: str) -> tuple[int, str]:
    """Status and cookie."""
    at = urlsplit(url)
    line = http.client.HTTPConnection(at.hostname or "", at.port or 0, timeout=20)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    line.request("POST", "/", urlencode(fields).encode(), kind | headers)
    answer = line.getresponse()
    answer.read()
    line.close()
    return answer.status, answer.headers.get("Set-Cookie", "")


def test_everybody_is_let_ask_so_often_and_no_more(url: str) -> None:
    codes = [ask(url, "/api/event", "POST", {"event": "no"})[0] for _ in range(60)]
    assert set(codes) == {501, 429}
    assert codes.index(429) >= 15


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--ui", "0.0.0.0:0"), "give --ui-token"),
        (("--ui", "a:b:c"), "write HOST:PORT"),
        (("--ui", "127.0.0.1:99999"), "write HOST:PORT"),
        (("--ui", "192.0.2.1:0", "--ui-token", "x"), "cannot listen"),
    ],
)
def test_where_it_may_not_listen_it_says_why(arguments: tuple[str, ...], why: str, capsys: Any) -> None:
    from engine.cli import main

    assert main(["run", "machines/evse_dc.yaml", *arguments]) == 2
    assert why in capsys.readouterr().err


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from engine.cli import main

    monkeypatch.setattr("engine.tools.extras.find_spec", lambda name: None)
    assert main(["run", "machines/evse_dc.yaml", "--ui"]) == 2
    assert "pip install '.[ui]'" in capsys.readouterr().err
