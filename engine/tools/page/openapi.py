"""The OpenAPI description of the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from engine.tools.page.schemas import FLAG, MAY_TEXT, SCHEMAS, TEXT, WHOLE, by_name, exact, many, ref

Plain = dict[str, Any]
_NUMBER: Plain = {"type": "string", "pattern": "^[0-9]{1,15}$"}


DOOR: Final = (401, 403, 429)
"""What the door of everything may refuse with (door.py)."""
REFUSED: Final = "refused: the body says why"
ERROR: Final[Plain] = ref("Error")


def answers(schema: Plain | None, *refused: int, media: str = "application/json", status: int = 200) -> Plain:
    """``responses``: what is done with a body of this schema, none where it is never done; what may be refused."""
    error = {"description": REFUSED, "content": {"application/json": {"schema": ERROR}}}
    told = {str(status): {"description": "as asked", "content": {media: {"schema": schema}}}} if schema else {}
    return told | {str(one): error for one in refused}


def _answers(schema: Plain | None, *others: int, media: str = "application/json", status: int = 200) -> Plain:
    done = {str(status): {"description": "done"}} if schema is None else {}
    return done | answers(schema, *others, *DOOR, 503, media=media, status=status)


def _get(summary: str, schema: Plain, *others: int, parameters: Iterable[Plain] = (), **more: Any) -> Plain:
    return {"get": {"summary": summary, "parameters": list(parameters), "responses": _answers(schema, *others, **more)}}


_GIVEN: Plain = {"type": ["string", "number", "boolean", "null"]}
_WHEN: Plain = {"enum": ["now", "after the session", "by hand", "none"]}


def _body(schema: Plain) -> Plain:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _parameter(name: str, where: str, schema: Plain, text: str) -> Plain:
    return {"name": name, "in": where, "required": where == "path", "schema": schema, "description": text}


def document(more: Iterable[Any] = ()) -> Plain:
    """The whole description; ``more``: routes beside these, which describe themselves in ``described``."""
    paths: dict[str, Plain] = {
        "/api/state": _get(
            "How everything stood at the number `first`, and the records from then on",
            exact(header=ref("Header"), main=TEXT, real=FLAG, live=FLAG, first=WHOLE,
                  next=WHOLE, oldest=WHOLE, now_ns=WHOLE, base=by_name(ref("Machine")), records=many(ref("Record"))),
            400, parameters=[_parameter("all", "query", {"enum": ["0", "1"]}, "1: all that is kept")],
        ),
        "/api/stream": _get(
            "Server-sent events: records as they come. `gone`: begin anew with /api/state; `over`: it has ended",
            {"description": "each event's data is JSON"}, 400, media="text/event-stream",
            parameters=[_parameter("after", "query", _NUMBER, "the number of the first record wanted: `next`")],
        ),
        "/api/charts": _get("The charts by their keys", by_name(ref("Chart"))),
        "/api/drawings/{key}": _get(
            "The sheets of a chart's drawing, SVG; none where it cannot be drawn",
            exact(sheets=many(TEXT)), 404,
            parameters=[_parameter("key", "path", {"type": "string"}, "a key of /api/charts")],
        ),
        "/api/words/{language}": _get(
            "What people read in place of names and texts, by kind; in English what this language lacks",
            by_name(by_name(TEXT)), parameters=[_parameter("language", "path", TEXT, "de")],
        ),
        "/api/words/{language}/help": _get(
            "The help of the configuration in this language", exact(help=by_name(TEXT)),
            parameters=[_parameter("language", "path", TEXT, "de")],
        ),
        "/api/machines": _get("How every machine stands", exact(machines=many(ref("Machine")))),
        "/api/machines/{path}": _get(
            "How one machine stands", ref("Machine"), 404,
            parameters=[_parameter("path", "path", {"type": "string"}, "its path: evse/slac")],
        ),
        "/api/trace": _get("What is kept of the trace, JSON Lines", {"type": "string"}, media="application/x-ndjson"),
        "/api/results": _get("The sessions that ended, the last ones", exact(results=many(ref("Result")))),
        "/api/events": _get("What can be asked for", exact(events=many(ref("Offer")))),
        "/api/config": {
            **_get(
                "Every key of the configuration; `pending`: changes wait for a restart, `restart`: when that would be",
                exact(file=MAY_TEXT, pending=FLAG, restart=_WHEN, keys=many(ref("Key"))), 409, 501,
            ),
            "put": {
                "summary": "Set keys; null takes one back. Nothing is taken where one is wrong. It restarts by itself",
                "requestBody": _body(exact(values=by_name(_GIVEN))),
                "responses": _answers(
                    exact(file=TEXT, old=TEXT, changed=FLAG, restart=_WHEN), 400, 409, 413, 422, 501,
                ),
            },
        },
        "/api/restart": {
            "post": {
                "summary": "End what runs in an orderly way, sessions too, and begin anew",
                "requestBody": _body(exact(confirm={"const": True})),
                "responses": _answers(None, 400, 413, 501, status=202),
            }
        },
        "/api/event": {
            "post": {
                "summary": "Ask for one of /api/events",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object", "required": ["event"],
                                "properties": {"event": {"type": "string"}},
                                "additionalProperties": {"type": ["string", "number", "boolean"]},
                            }
                        }
                    },
                },
                "responses": _answers(None, 400, 413, 501, status=204),
            }
        },
    }  # fmt: skip
    for route in more:
        paths |= getattr(route, "described", {})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "A station",
            "version": "1",
            "description": "Machines, their configurations and data, what can be asked for, records and results. "
            "Times are nanoseconds of the station's clock; values are in the units their charts declare.",
        },
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }  # fmt: skip
