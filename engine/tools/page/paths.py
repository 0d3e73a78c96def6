"""Paths of another system beside the page's own, as a station file's ``[web]`` asks for them.

[web]
paths = "adapters.web.dc_plc"            # the module that answers: paths(), answer(handler, window, body)
                                         # and describes itself: schemas("POST /fault")

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

from engine.adapter import Schemas, Window
from engine.run.station import StationError
from engine.tools.page.openapi import DOOR, ERROR, REFUSED, answers

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
    return [_path(path, methods, found, window) for path, methods in by_path.items()]


def _path(path: str, handlers: Mapping[str, Any], module: Any, window: Window) -> Path:
    async def endpoint(request: Request) -> Response:
        handler = handlers["GET" if request.method == "HEAD" else request.method]
        given = await module.answer(handler, window, await request.body())
        return Json(given.body, given.status)

    made = Path(path, endpoint, methods=list(handlers))
    made.described = {
        path: {
            method.lower(): _described(method, handler, module.schemas(f"{method} {path}"))
            for method, handler in handlers.items()
        }
    }
    return made


def _described(method: str, handler: Any, schemas: Schemas) -> dict[str, Any]:
    text = (handler.__doc__ or handler.__name__.strip("_").replace("_", " ")).strip().splitlines()[0]
    told: dict[str, Any] = {"summary": text, "responses": answers(schemas.answer, *DOOR, 503)}
    told["responses"]["503"] = _refused({"anyOf": [schemas.refused, ERROR]})
    told["responses"]["422"] = _refused(schemas.invalid)
    if method == "POST":
        told["requestBody"] = {"content": {"application/json": {"schema": schemas.asked}}}
        told["responses"] |= dict.fromkeys(("409", "501"), _refused(schemas.refused))
        told["responses"] |= answers(None, 413)
    return told


def _refused(schema: Any) -> dict[str, Any]:
    return {"description": REFUSED, "content": {"application/json": {"schema": schema}}}
