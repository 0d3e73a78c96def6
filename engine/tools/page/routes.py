"""The page's files and its API, as a Starlette application that knows nothing of what is charged.

An answer of the API is JSON; one that refuses is ``{"error": "…"}``. docs/page.md has the paths, ``/api/openapi.json``
describes them.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Final

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from engine.adapter import Refusal, read_json
from engine.language.model import Chart
from engine.run import System
from engine.run.station.words import Words, words_in
from engine.tools.page.charts import chart_key, chart_values, with_children
from engine.tools.page.door import TooLarge
from engine.tools.page.drawings import Drawings
from engine.tools.page.files import FILES, text_of
from engine.tools.page.history import PARTS, History, situation
from engine.tools.page.openapi import document
from engine.tools.page.paths import ODD, Json, routes

AT_ONCE: Final = 400
"""Records in one message of the stream; who is behind by more than a few of these begins anew."""
BEHIND: Final = 4_000
LOOK_S: Final = 0.1
TICK_S: Final = 2.0
WATCHERS: Final = 64
PATIENCE_S: Final = 10.0
"""So long a caller waits for the machines, and the stream for a reader."""
COMPRESSION: Final = 6
"""Level of gzip."""
ENDS: Final = "the station is about to end, or to begin anew; nothing is written"
FIRST: Final = 2
"""Parts of the history that a page begins with; the rest when somebody looks back."""


@dataclass(slots=True)
class Live:
    """A running system as the page sees it. ``header``: as of a trace; ``offers``: what can be asked for;
    ``act``: does it, in the system's thread, or raises :class:`Refusal`; ``configure``: writes
    only where the function that it is given says so; ``results``: of sessions, as they end.
    ``web``: the module that answers another system's paths, by what ``seen`` gives and ``order`` does. ``words``: what
    people read in place of names, by language."""

    system: System
    header: Mapping[str, Any]
    history: History
    main: str
    real: bool
    offers: Callable[[], list[dict[str, Any]]]
    act: Callable[[Mapping[str, Any]], None]
    results: Callable[[], list[dict[str, Any]]]
    closing: Callable[[], bool]
    seen: Callable[[], dict[str, Any]] = dict
    order: Callable[[str, str], None] = lambda name, choice: None
    web: str = ""
    configuration: Callable[[], dict[str, Any]] | None = None
    configure: Callable[[Mapping[str, Any], Callable[[], bool]], tuple[dict[str, Any], Callable[[], None]]] | None = (
        None
    )
    restart: Callable[[], Callable[[], None]] | None = None
    words: Words = field(default_factory=dict)


class Api:
    """Answers for one system."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._drawings = Drawings(live.closing)
        self._more = routes(live.web, _Seen(self, live)) if live.web else []
        self._watchers = 0
        self._chunk: tuple[int, int, bytes] = (-1, -1, b"")  # the last one made: most watchers want the same

    def app(self) -> Starlette:
        """The application."""
        routes: list[BaseRoute] = [
            Route("/", self._file),
            *(Route(f"/{name}", self._file) for name in FILES),
            Route("/api/state", self._state),
            Route("/api/stream", self._stream),
            Route("/api/charts", self._charts),
            Route("/api/drawings/{key}", self._drawing),
            Route("/api/words/{language}", self._words),
            Route("/api/words/{language}/help", self._help),
            Route("/api/machines", self._machines),
            Route("/api/machines/{path:path}", self._machine),
            Route("/api/trace", self._trace),
            Route("/api/results", self._results),
            Route("/api/events", self._offered),
            Route("/api/event", self._event, methods=["POST"]),
            Route("/api/config", self._config, methods=["GET", "PUT"]),
            Route("/api/restart", self._restart, methods=["POST"]),
            Route("/api/openapi.json", self._openapi),
            *self._more,
        ]
        return Starlette(
            routes=routes,
            middleware=[Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=COMPRESSION)],
            exception_handlers={HTTPException: _http, Refusal: _refused, TooLarge: _too_large},
        )

    # ------------------------------------------------------------ what stays as it is

    async def _file(self, request: Request) -> Response:
        name = request.url.path.rpartition("/")[2] or "page.html"
        return Response(text_of(name), media_type=FILES[name], headers={"Cache-Control": "no-cache"})

    @cached_property
    def _known(self) -> dict[str, Chart]:
        tops = [top.machine.chart for top in self._live.system.tops()]
        return {chart_key(chart): chart for chart in with_children(tops)}

    @cached_property
    def _charts_text(self) -> bytes:
        values = {key: chart_values(chart) for key, chart in self._known.items()}
        return gzip.compress(
            json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode(errors=ODD), COMPRESSION
        )

    async def _charts(self, request: Request) -> Response:
        body = await asyncio.to_thread(lambda: self._charts_text)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(body, media_type="application/json", headers={"Content-Encoding": "gzip"})
        return Response(gzip.decompress(body), media_type="application/json")

    async def _drawing(self, request: Request) -> Response:
        chart = self._known.get(request.path_params["key"])
        if chart is None:
            raise Refusal(404, "there is no such chart here")
        return Json({"sheets": await self._drawings.sheets(chart)})

    async def _words(self, request: Request) -> Response:
        return Json(words_in(self._live.words, request.path_params["language"]))

    async def _help(self, request: Request) -> Response:
        return Json({"help": self._live.words.get(request.path_params["language"], {}).get("help", {})})

    async def _openapi(self, request: Request) -> Response:
        return Json(document(self._more))

    # ------------------------------------------------------------ how things stand

    async def _state(self, request: Request) -> Response:
        asked = request.query_params.getlist("all")
        if asked not in ([], ["0"], ["1"]):
            raise Refusal(400, "all: 1 for all that is kept, else 0")
        whole = asked == ["1"]
        live = self._live
        kept = live.history.kept(PARTS if whole else FIRST)
        head = {"header": live.header, "main": live.main, "real": live.real, "live": True}
        head |= {"first": kept.first, "next": kept.next, "oldest": kept.oldest, "now_ns": live.system.clock.now_ns()}
        text = json.dumps(head, ensure_ascii=False)
        body = f'{text[:-1]},"base":{kept.base},"records":[{",".join(kept.lines)}]}}'
        return Response(body.encode(errors=ODD), media_type="application/json", headers={"Cache-Control": "no-store"})

    async def _trace(self, request: Request) -> Response:
        kept = self._live.history.kept()
        body = "\n".join([json.dumps(self._live.header, ensure_ascii=False), *kept.lines, ""])
        return Response(body.encode(errors=ODD), media_type="application/x-ndjson")

    async def _machines(self, request: Request) -> Response:
        return Json({"machines": await self._situation()})

    async def _machine(self, request: Request) -> Response:
        path = request.path_params["path"]
        found = await self._situation(path)
        if not found:
            raise Refusal(404, f"no machine {path[:200]!r} runs")
        return Json(found[0])

    async def _situation(self, path: str | None = None) -> list[dict[str, Any]]:
        live = self._live
        found: list[dict[str, Any]] = await self.in_system(lambda: situation(live.system, live.history.veil, path))
        return found

    async def _results(self, request: Request) -> Response:
        return Json({"results": await self.in_system(self._live.results)})

    # ------------------------------------------------------------ what can be done

    async def _offered(self, request: Request) -> Response:
        return Json({"events": await self.in_system(self._live.offers)})

    async def _event(self, request: Request) -> Response:
        asked = await body_of(request)
        await self.in_system(lambda: self._live.act(asked), settled=True)
        return Response(status_code=204)

    async def in_system(self, do: Callable[[], Any], settled: bool = False) -> Any:
        """What ``do`` gives, done in the system's thread between two steps (see :meth:`System.ask`). Raises
        :class:`Refusal`."""
        try:
            return await asyncio.wait_for(asyncio.wrap_future(self._live.system.ask(do, settled)), PATIENCE_S)
        except TimeoutError:
            raise Refusal(503, f"the machines have not come to it in {PATIENCE_S:.0f} s") from None

    async def _config(self, request: Request) -> Response:
        if request.method == "PUT":
            return await self._configure(request)
        if self._live.configuration is None:
            raise Refusal(501, "this program has no configuration")
        return Json(await asyncio.to_thread(self._live.configuration))

    async def _configure(self, request: Request) -> Response:
        if self._live.configure is None:
            raise Refusal(501, "this program has no configuration")
        asked = await body_of(request)
        values = asked.get("values")
        if not isinstance(values, dict) or asked.keys() - {"values"}:
            raise Refusal(400, 'write {"values": {KEY: VALUE}}')
        claim = partial(threading.Lock().acquire, blocking=False)  # whoever comes first: what writes, or the end
        work = asyncio.ensure_future(asyncio.to_thread(self._live.configure, values, claim))
        try:
            told, afterwards = await asyncio.shield(work)
        except asyncio.CancelledError:
            if claim():
                raise Refusal(503, ENDS) from None
            told, afterwards = await _in_the_end(work)
        return Json(told, background=BackgroundTask(self._later, afterwards))

    async def _restart(self, request: Request) -> Response:
        if self._live.restart is None:
            raise Refusal(501, "this program does not begin anew")
        asked = await body_of(request)
        if asked.keys() != {"confirm"} or asked["confirm"] is not True:  # 1 equals True
            raise Refusal(400, 'a restart ends sessions that run: confirm it by {"confirm": true}')
        return Response(status_code=202, background=BackgroundTask(self._later, self._live.restart()))

    async def _later(self, do: Callable[[], None]) -> None:
        """When the caller has been answered."""
        self._live.system.hand_over(do)

    # ------------------------------------------------------------ the stream of steps

    async def _stream(self, request: Request) -> Response:
        given = request.headers.get("last-event-id") or request.query_params.get("after", "")
        if given and not (given.isascii() and given.isdigit() and len(given) < 16):
            raise Refusal(400, "after: the number of the record to begin with")
        if self._watchers >= WATCHERS:
            raise Refusal(503, f"{WATCHERS} others watch already")
        number = int(given) if given else self._live.history.next
        headers = {"Cache-Control": "no-cache, no-store", "X-Accel-Buffering": "no"}
        self._watchers += 1  # from now on: of many that come at once no more are let in
        return _Watched(self._records(number), self._left, headers)

    def _left(self) -> None:
        self._watchers -= 1

    async def _records(self, number: int) -> AsyncIterator[bytes]:
        history = self._live.history
        idle_s = TICK_S
        while not self._live.closing():
            if history.next - number > BEHIND:
                break
            if history.next == number and idle_s < TICK_S:
                await asyncio.sleep(LOOK_S)
                idle_s += LOOK_S
                continue
            chunk, number_then = self._made(number)
            if not chunk:
                break
            yield chunk
            idle_s = 0.0
            if number_then == number or history.next == number_then:
                await asyncio.sleep(LOOK_S)
                idle_s += LOOK_S
            number = number_then
        else:
            yield b"event: over\ndata: {}\n\n"
            return
        yield b"event: gone\ndata: {}\n\n"

    def _made(self, number: int) -> tuple[bytes, int]:
        """The next message and the number after it; nothing where the records are gone."""
        began, then, chunk = self._chunk
        if began == number and then == self._live.history.next:
            return chunk, then
        lines = self._live.history.after(number, AT_ONCE)
        if lines is None:
            return b"", number
        then = number + len(lines)
        now_ns = self._live.system.clock.now_ns()
        text = f'id: {then}\ndata: {{"first":{number},"now_ns":{now_ns},"records":[{",".join(lines)}]}}\n\n'
        chunk = text.encode(errors=ODD)
        if lines:
            self._chunk = (number, then, chunk)
        return chunk, then


class _Seen:
    """The :class:`engine.adapter.Window` of a running system."""

    def __init__(self, api: Api, live: Live) -> None:
        self._api, self._live = api, live

    async def values(self) -> dict[str, Any]:
        found: dict[str, Any] = await self._api.in_system(self._live.seen)
        return found

    async def results(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._api.in_system(self._live.results)
        return found

    async def order(self, name: str, choice: str = "") -> None:
        await self._api.in_system(lambda: self._live.order(name, choice), settled=True)


class _Watched(StreamingResponse):
    """A stream; ``left`` when it has ended, however."""

    def __init__(self, content: AsyncIterator[bytes], left: Callable[[], None], headers: Mapping[str, str]) -> None:
        super().__init__(content, media_type="text/event-stream", headers=headers)
        self._left = left

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._left()


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object of a request; an empty body is an empty one. Raises :class:`Refusal`."""
    body = await request.body()
    try:
        found = read_json(body) if body.strip() else {}
    except ValueError as error:
        raise Refusal(400, f"no JSON: {error}"[:200]) from None
    if not isinstance(found, dict):
        raise Refusal(400, "the body is to be a JSON object")
    return found


async def _in_the_end(work: asyncio.Future[Any]) -> Any:
    """What it gives, however often whoever waits for it is to end."""
    while not work.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(work)
    return work.result()


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return Json({"error": error.detail}, error.status_code, headers=dict(error.headers or {}))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return Json({"error": error.why}, error.status)


async def _too_large(request: Request, error: Exception) -> Response:
    return Json({"error": "the body is too large"}, 413)
