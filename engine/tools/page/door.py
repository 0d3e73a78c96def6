"""The one door of the page: files, API and stream are behind it, by the same token, within the same limits."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs

from engine.tools.page.places import is_loopback

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE: Final = "chargechart_token"
LARGEST: Final = 65_536
"""Octets of a request's body."""
ASKED_PER_S: Final = 100.0
"""Questions of one caller in a second."""
ACTS_PER_S: Final = 10.0
"""Orders of one caller in a second."""
BURST_S: Final = 2.0
"""So many seconds' worth at once."""
WRONG_PER_S: Final = 0.2
"""Wrong tokens of one caller in a second."""
WRONG_AT_ONCE: Final = 10
CALLERS: Final = 256
_SAFE: Final = ("GET", "HEAD")
_RETRY: Final = (b"retry-after", str(round(1 / WRONG_PER_S)).encode())
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
)
_LOGIN: Final = """<!doctype html><html lang="{language}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Token</title><style>body{font:1rem system-ui,sans-serif;max-width:24rem;margin:20vh auto;padding:1rem;
color-scheme:light dark}input,button{font:inherit;padding:.5rem;margin:.5rem 0;width:100%;box-sizing:border-box}</style>
<main><h1>{asks}</h1><form method="post"><label>Token
<input name="token" type="password" autocomplete="current-password" required autofocus></label>
<button>{open}</button></form><p role="alert">{why}</p></main></html>"""
_NOT_ITS: Final = "This is not its token"
_WRONG: Final = f"too many wrong tokens: none of yours is looked at for {1 / WRONG_PER_S:.0f} s"
_TEXTS: Final = {
    "en": {"asks": "This station asks for its token", "open": "Open"},
    "de": {
        "asks": "Diese Station fragt nach ihrem Token",
        "open": "Öffnen",
        _NOT_ITS: "Das ist nicht ihr Token",
        _WRONG: f"zu viele falsche Token: {1 / WRONG_PER_S:.0f} s lang wird keins angesehen",
    },
}
"""What the form says."""


class Door:
    """An ASGI application around another. ``host``: where it listens; without a ``token`` only pages from there may
    speak to it, by a name of this computer."""

    def __init__(self, app: App, host: str, token: str = "") -> None:
        self._app, self._token = app, token
        # What a browser keeps is not the token itself: it fits a cookie whatever the token is made of.
        self._kept = hashlib.sha256(b"chargechart\0" + token.encode(errors="replace")).hexdigest()
        self._local = is_loopback(host)
        self._callers: OrderedDict[str, _Caller] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refused(scope, headers)
        if refusal is not None:
            await _answer(send, *refusal)
        elif _is_login(scope) and self._token:
            await self._log_in(self._caller(scope), headers, receive, send)
        else:
            await self._app(scope, _bounded(receive), _with_headers(send))

    async def _log_in(self, caller: _Caller, headers: dict[str, str], receive: Receive, send: Send) -> None:
        """The token typed into the form: never in an address, which histories and logs keep."""
        try:
            body = await _whole(_bounded(receive))
        except TooLarge:
            await _answer(send, 413, f"at most {LARGEST} octets")
            return
        given = parse_qs(body.decode("latin-1"), encoding="utf-8", errors="replace").get("token", [""])[0]
        if not caller.wrong.has_some():
            await _answer(send, 429, _login(headers, _WRONG), _RETRY)
            return
        if not _same(given, self._token):
            caller.wrong.take()
            await _answer(send, 401, _login(headers, _NOT_ITS))
            return
        cookie = f"{COOKIE}={self._kept}; HttpOnly; SameSite=Strict; Path=/"
        await _answer(send, 303, "", (b"location", b"./"), (b"set-cookie", cookie.encode()))

    def _refused(self, scope: Scope, headers: dict[str, str]) -> tuple[Any, ...] | None:
        safe = scope["method"] in _SAFE
        caller = self._caller(scope)
        if not (caller.questions if safe else caller.orders).take():
            return 429, "too many requests: wait a second", (b"retry-after", b"1")
        if not headers.get("content-length", "0").isdecimal() or int(headers.get("content-length", "0")) > LARGEST:
            return 413, f"at most {LARGEST} octets"
        host = headers.get("host", "")
        if not self._token and self._local and not is_loopback(host.rpartition(":")[0] or host):
            return 403, f"without a token this is for this computer alone, which is not called {host[:80]!r}"
        origin = headers.get("origin")
        if origin is not None and not safe and origin.partition("://")[2] != host:
            return 403, "not from another site's page"
        if self._token and not _is_login(scope):
            return self._unknown(caller, headers, safe and scope["path"].endswith("/"))
        return None

    def _unknown(self, caller: _Caller, headers: dict[str, str], is_page: bool) -> tuple[Any, ...] | None:
        """The refusal of who does not show the token. After some wrong ones the next is not looked at."""
        shown = [(given, wanted) for given, wanted in self._shown(headers) if given]
        if shown and not caller.wrong.has_some():
            return 429, _login(headers, _WRONG) if is_page else _WRONG, _RETRY
        if any([_same(given, wanted) for given, wanted in shown]):
            return None
        if shown:
            caller.wrong.take()
        return 401, _login(headers) if is_page else "show the token: Authorization: Bearer TOKEN"

    def _shown(self, headers: dict[str, str]) -> Iterator[tuple[str, str]]:
        """What is shown as the token, and what it is to be."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            yield given.strip(), self._token
        with suppress(CookieError):
            if (cookie := SimpleCookie(headers.get("cookie", "")).get(COOKIE)) is not None:
                yield cookie.value, self._kept

    def _caller(self, scope: Scope) -> _Caller:
        address = (scope.get("client") or ("?",))[0]
        found = self._callers[address] = self._callers.pop(address) if address in self._callers else _Caller()
        if len(self._callers) > CALLERS:
            self._callers.popitem(last=False)
        return found


class _Bucket:
    """Fills with time."""

    def __init__(self, per_s: float, most: float) -> None:
        self._per_s, self._most, self._content, self._at_s = per_s, most, most, time.monotonic()

    def has_some(self) -> bool:
        """Whether something may be taken."""
        now_s = time.monotonic()
        self._content = min(self._most, self._content + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        return self._content >= 1

    def take(self) -> bool:
        """Whether there was something to take."""
        if not self.has_some():
            return False
        self._content -= 1
        return True


class _Caller:
    """What one address may."""

    def __init__(self) -> None:
        self.questions = _Bucket(ASKED_PER_S, ASKED_PER_S * BURST_S)
        self.orders = _Bucket(ACTS_PER_S, ACTS_PER_S * BURST_S)
        self.wrong = _Bucket(WRONG_PER_S, WRONG_AT_ONCE)


def _is_login(scope: Scope) -> bool:
    """The form of :func:`_login`, which stands at the page's own address."""
    return bool(scope["method"] == "POST" and scope["path"].endswith("/"))


def _login(headers: dict[str, str], why: str = "") -> str:
    """The form that asks for the token, in the reader's language."""
    language = headers.get("accept-language", "")[:2].lower()
    texts = _TEXTS.get(language, _TEXTS["en"])
    page = _LOGIN.replace("{language}", language if language in _TEXTS else "en")
    for name, text in {**texts, "why": texts.get(why, why)}.items():
        page = page.replace(f"{{{name}}}", text)
    return page


def _same(given: str, wanted: str) -> bool:
    """Compared in a time that tells nothing of where they differ."""
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode(errors="replace"))


async def _whole(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


class TooLarge(Exception):
    """A body grows beyond what is taken."""


def _bounded(receive: Receive) -> Receive:
    size = 0

    async def bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > LARGEST:
            raise TooLarge
        return message

    return bounded


def _with_headers(send: Send) -> Send:
    async def sends(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    return sends


async def _answer(send: Send, status: int, text: str, *headers: tuple[bytes, bytes]) -> None:
    is_page = text.startswith("<")
    kind = b"text/html; charset=utf-8" if is_page else b"application/json"
    body = text.encode() if is_page else json.dumps({"error": text}).encode() if text else b""
    own = [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    own += [(b"content-type", kind)] if body else []
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers, *_HEADERS]})
    await send({"type": "http.response.body", "body": body})
