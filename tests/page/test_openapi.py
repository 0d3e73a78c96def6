"""The description of the API is right to the field: what is answered before, in and behind a session, and of a site."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from engine.tools.page.schemas import SCHEMAS
from tests.page.conftest import station
from tests.page.test_api import ask
from tests.web.test_dc_plc import within

pytest.importorskip("starlette", reason="the extra [ui]")
TRACE = json.loads((Path(__file__).parents[2] / "docs" / "trace.schema.json").read_text())["$defs"]
CHARGED = ("--link", "ethernet", "--set", "pev.adapters.battery.soc=41.8")


def as_described(url: str) -> None:
    """Every answer of the generic interface."""
    document = ask(url, "/api/openapi.json")[1]
    known = {
        "path": ask(url, "/api/machines")[1]["machines"][0]["machine"],
        "key": next(iter(ask(url, "/api/charts")[1])),
        "language": "de",
    }
    for path, item in document["paths"].items():
        if not path.startswith("/api/") or "get" not in item or path == "/api/stream":
            continue
        told = item["get"]["responses"]["200"]["content"]
        if "application/json" not in told:
            continue
        schema = {**told["application/json"]["schema"], "components": document["components"]}
        for question in ("", "?all=1") if path == "/api/state" else ("",):
            status, answer = ask(url, path.format(**known) + question)
            assert status == 200, path
            jsonschema.Draft202012Validator(schema).validate(answer)
            assert schema.get("additionalProperties") is not None or "$ref" in schema, path


def test_the_answers_of_a_station_are_as_described() -> None:
    with station("machines/evse_dc.yaml", *CHARGED) as url:
        as_described(url)
        ask(url, "/api/event", "POST", {"event": "plug"})
        within(40, url, "/status", lambda told: told["phase"] == "CHARGING")
        as_described(url)
        within(60, url, "/api/results", lambda told: len(told["results"]) == 1)
        as_described(url)
        for wrong in ("2", "true", ""):
            assert ask(url, f"/api/state?all={wrong}")[0] == 400


def test_the_answers_of_a_site_are_as_described() -> None:
    with station("machines/site.yaml") as url:
        ask(url, "/api/event", "POST", {"event": "plug", "connector": 1})
        within(40, url, "/api/state", lambda told: told["next"] > 300)
        as_described(url)


@pytest.mark.parametrize(("name", "of"), [("Step", "step"), ("Note", "note"), ("Header", "header")])
def test_records_are_those_of_a_trace(name: str, of: str) -> None:
    """The same fields, the same that must be there."""
    ours: dict[str, Any] = SCHEMAS[name]
    assert set(ours["properties"]) == set(TRACE[of]["properties"])
    assert set(ours["required"]) == set(TRACE[of]["required"])
    assert TRACE[of]["additionalProperties"] is ours["additionalProperties"] is False
