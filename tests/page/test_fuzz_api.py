"""Whatever is asked of the API, as its description has it or not, is answered, and never by 500."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from engine.language.load.kept import load_kept
from engine.run import VirtualClock
from engine.run.registry import installed
from engine.run.station import Overrides, build, resolve
from engine.tools.page.door import Door
from tests.page.at_once import AtOnce

schemathesis = pytest.importorskip("schemathesis", reason="the extra [test]")
pytest.importorskip("starlette", reason="the extra [ui]")


TOKEN = {"Authorization": "Bearer s3cret"}


class Callers:
    """The door, to which every request comes from another address: nobody asks too often."""

    def __init__(self, app: Any) -> None:
        self._door, self._count = Door(app, "0.0.0.0", "s3cret"), count()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._door({**scope, "client": (f"caller {next(self._count)}", 1)}, receive, send)


def app(home: Path) -> Any:
    """The DC station behind its door; what is configured is written to ``home``."""
    from engine.cli.configuration import Configuration
    from engine.cli.readings import Headlines
    from engine.cli.sessions import Sessions
    from engine.cli.ui import Page

    overrides = Overrides((), environ={}, options={"ui": "on"})
    file = Path(shutil.copy("machines/stations/evse_dc.toml", home))

    def again(settings: Any = None) -> Any:
        return resolve(file, None, replace(overrides, settings=settings), installed(), load_kept)

    station = again()
    system = AtOnce(VirtualClock())
    build(station, system, installed())
    main = next(iter(system.roots.values()))
    headlines = Headlines(system, station)
    sessions = Sessions(station, system, headlines.values)
    configuration = Configuration(station, installed(), again)
    page = Page("127.0.0.1:0", "", station, system, main, headlines, sessions, configuration)
    page.restart = lambda: None
    system.start()
    system.advance(2_000_000_000)
    page.close()  # streams end at once; everything else answers
    return Callers(page.app())


HOME = tempfile.TemporaryDirectory()
SCHEMA = schemathesis.openapi.from_asgi("/api/openapi.json", app(Path(HOME.name)), headers=TOKEN)


@SCHEMA.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_question_breaks_it(case: Any) -> None:
    for shown in ({}, {"Authorization": "Bearer s3cre"}):
        assert case.call(headers=shown).status_code == 401
    answer = case.call(headers=TOKEN)
    assert answer.status_code < 500 or answer.status_code == 501, answer.text
    from schemathesis.specs.openapi import checks

    described = [checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance]
    case.validate_response(answer, checks=described)
