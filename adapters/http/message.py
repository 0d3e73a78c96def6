"""What a server is sent: method, target, headers and body of one request, as a preset or the settings want it.

No input or output here: :func:`destination` reads the settings, :meth:`Destination.request` writes a request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, urlencode, urlsplit

from engine.adapter import AdapterError


@dataclass(frozen=True, slots=True)
class Preset:
    """How one kind of server is told. ``unknown`` stands for a number the vehicle has not said."""

    method: str
    path: str
    decimals: int
    unknown: float


PRESETS: Final[Mapping[str, Preset]] = {
    "smartevse": Preset("POST", "/ev_state", 0, -1),
    "esp32_plc": Preset("GET", "/ev_state", 1, 0.0),
    "set_soc": Preset("POST", "/api/setSoc", 1, 0.0),
    "pyplc": Preset("POST", "/", 0, -1),
}
"""SmartEVSE reads whole numbers and keeps what is not less than it has, so -1 changes nothing; ESP32-PLC as its code
sends it, and as its README says; pyPLC."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, ready to be sent. ``target`` is path and query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Destination:
    """Who is told, and how. ``format``: ``query``, ``form`` or ``json``."""

    secure: bool
    host: str
    port: int
    method: str
    path: str
    query: str
    format: str
    decimals: int
    unknown: float

    def request(self, values: Mapping[str, float | None], evccid: str) -> Request:
        """``values`` by the parameter's name, None where it is not known."""
        headers = {"User-Agent": "chargechart", "Connection": "close", "Accept": "*/*"}
        if self.format == "json":
            said: dict[str, Any] = {name: self._number(each) for name, each in values.items()}
            headers["Content-Type"] = "application/json"
            return self._written(self.query, headers, json.dumps({**said, "evccid": evccid}).encode())
        text = {name: self._text(self.unknown if each is None else each) for name, each in values.items()}
        encoded = urlencode({**text, "evccid": evccid})
        if self.format == "form":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            return self._written(self.query, headers, encoded.encode())
        return self._written(f"{self.query}&{encoded}" if self.query else encoded, headers, None)

    def _written(self, query: str, headers: Mapping[str, str], body: bytes | None) -> Request:
        return Request(self.method, f"{self.path}?{query}" if query else self.path, headers, body)

    def _text(self, value: float) -> str:
        return f"{value:.{self.decimals}f}"

    def _number(self, value: float | None) -> float | None:
        return None if value is None else round(value, self.decimals) if self.decimals else round(value)


def destination(config: Mapping[str, Any]) -> Destination | None:
    """From settings ``url preset method path format``; None without a url. Raises ``AdapterError`` that names the one
    that is wrong."""
    if not config["url"]:
        return None
    url, port = _split(config["url"])
    preset = PRESETS[config["preset"]]
    method = preset.method if config["method"] == "preset" else config["method"]
    if method == "GET" and config["format"] != "query":
        raise AdapterError(
            f"setting 'format': {config['format']} is in a body, and GET has none; use query, or method POST"
        )
    path = config["path"] or (url.path if url.path not in ("", "/") else preset.path)
    if not path.startswith("/") or any(each <= " " or each > "~" or each in "?#" for each in path):
        raise AdapterError(
            f"setting 'path': '{path}' is no path; it begins with / and has its special characters as %XX"
        )
    secure = url.scheme == "https"
    return Destination(
        secure,
        url.hostname or "",
        port or (443 if secure else 80),
        method,
        path,
        url.query,
        config["format"],
        preset.decimals,
        preset.unknown,
    )


def _split(text: str) -> tuple[SplitResult, int | None]:
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise AdapterError(f"setting 'url': '{text}': {error}") from None
    if url.scheme not in ("http", "https") or not url.hostname:
        raise AdapterError(
            f"setting 'url': '{text}' should be http://host or https://host, with port and path as needed"
        )
    if url.username is not None or url.password is not None:
        raise AdapterError("setting 'url': a name or password in the address is not sent; leave it out")
    if any(each <= " " or each > "~" for each in text):
        raise AdapterError(f"setting 'url': {text!r} has characters that an address has as %XX")
    return url, port
