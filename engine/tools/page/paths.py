"""Paths of another system beside the page's own, as a station file's ``[web]`` asks for them.

[web]
paths = "adapters.web.dc_plc"            # the module that answers: paths(), answer(handler, window, body)

What it knows and what its orders do stands in the other tables of ``[web]``: engine/cli/web.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.adapter import Window
from engine.run.station import StationError

_REFUSED = {"description": "refused: the body says why", "content": {"application/json": {"schema": {}}}}


ODD: Final = "backslashreplace"
"""How a text is encoded that is no Unicode (a name the system gave, say): as JSON writes it, and nobody is refused."""


class Json(JSONResponse):
    """JSON, whatever is in its texts."""

    def render(self, content: Any) -> bytes:
        """The answer in UTF-8; what is no Unicode as ``ODD`` says."""
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode(errors=ODD)


class Path(Route):
    """A path that describes itself."""

    described: Mapping[str, Any]


def routes(module: str, window: Window) -> list[Path]:
    """The paths of a module. Raises ``StationError`` where there is none."""
    try:
        found = import_module(module)
        handlers = found.paths()
    except (ImportError, AttributeError, ValueError) as error:
        raise StationError(f"[web] paths = {module!r}: {error}") from None
    by_path: dict[str, dict[str, Any]] = {}
    for name, handler in handlers.items():
        method, _, path = name.partition(" ")
        by_path.setdefault(path, {})[method] = handler
    return [_path(path, methods, found.answer, window) for path, methods in by_path.items()]


def _path(path: str, handlers: Mapping[str, Any], answer: Any, window: Window) -> Path:
    async def endpoint(request: Request) -> Response:
        handler = handlers["GET" if request.method == "HEAD" else request.method]
        given = await answer(handler, window, await request.body())
        return Json(given.body, given.status)

    made = Path(path, endpoint, methods=list(handlers))
    made.described = {path: {method.lower(): _described(method, handler) for method, handler in handlers.items()}}
    return made


def _described(method: str, handler: Any) -> dict[str, Any]:
    codes = ("409", "422", "429", "501", "503") if method == "POST" else ("422", "429", "503")
    told = {
        "summary": (handler.__doc__ or handler.__name__.strip("_").replace("_", " ")).strip().splitlines()[0],
        "responses": {
            "200": {"description": "done", "content": {"application/json": {"schema": {"type": "object"}}}},
            **dict.fromkeys(codes, _REFUSED),
        },
    }
    if method == "POST":
        told["requestBody"] = {"content": {"application/json": {"schema": {"type": "object"}}}}
        told["responses"]["413"] = _REFUSED
    return told
