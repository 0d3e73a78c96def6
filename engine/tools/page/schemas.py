"""What the API answers with, to the field, as JSON Schemas: components of its OpenAPI description.

Records are those of a trace (docs/trace.schema.json, which says more of them), and sessions that ended.
"""

from __future__ import annotations

from typing import Any, Final

Plain = dict[str, Any]

TEXT: Final[Plain] = {"type": "string"}
MAY_TEXT: Final[Plain] = {"type": ["string", "null"]}
FLAG: Final[Plain] = {"type": "boolean"}
WHOLE: Final[Plain] = {"type": "integer"}
COUNT: Final[Plain] = {"type": "integer", "minimum": 0}
ANY: Final[Plain] = {}
OBJECT: Final[Plain] = {"type": "object"}


def ref(name: str) -> Plain:
    """One of :data:`SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def many(item: Plain) -> Plain:
    """A list of these."""
    return {"type": "array", "items": item}


def by_name(value: Plain) -> Plain:
    """An object whose names are data."""
    return {"type": "object", "additionalProperties": value}


def exact(may: Plain | None = None, /, **must: Plain) -> Plain:
    """These fields and no others; those of ``may`` can be missing."""
    properties = {**must, **(may or {})}
    return {"type": "object", "required": list(must), "properties": properties, "additionalProperties": False}


_NAMES = many(TEXT)
_UNITS = by_name(by_name(TEXT))
_STARTED: Plain = {
    "child": TEXT, "key": ANY, "session": TEXT, "lanes": by_name(TEXT), "local": _NAMES, "persons": _NAMES,
    "titles": by_name(TEXT), "units": _UNITS, "roles": by_name(TEXT),
}  # fmt: skip
_TYPED = by_name(exact({"unit": TEXT, "text": TEXT, "secret": FLAG}))
_TRANSITION = exact(
    {"on": _NAMES, "takes": _NAMES, "timer": TEXT, "guard": TEXT, "description": TEXT, "citation": TEXT,
     "ignores": FLAG},
    **{"from": TEXT, "to": _NAMES},
)  # fmt: skip
_EVENT = exact(
    {"data": ANY, "type": {"enum": ["internal", "platform"]}, "sendid": TEXT, "origin": TEXT, "origintype": TEXT,
     "invokeid": TEXT},
    name=TEXT,
)  # fmt: skip
_COLUMNS = exact(unit=TEXT, count={"type": "integer", "minimum": 1}, columns=by_name(TEXT))
_AIM: Plain = {"anyOf": [TEXT, exact({"during": TEXT}, of=TEXT)]}

SCHEMAS: Final[dict[str, Plain]] = {
    "Error": exact(error=TEXT),
    "Header": exact(
        {"title": TEXT, "started": TEXT, "sides": by_name(exact({"unit": TEXT}, machine=TEXT)),
         "display": by_name(TEXT), "rows": many(_COLUMNS), "setpoints": by_name(_AIM)},
        trace={"const": 1}, machines=by_name(exact(chart=TEXT, file=TEXT)),
    ),
    "Record": {"anyOf": [ref("Step"), ref("Note"), ref("Ended")]},
    "Step": exact(
        {**_STARTED, "event": _EVENT, "timer": TEXT, "chart": TEXT, "text_hash": TEXT, "parameters": OBJECT,
         "readings": OBJECT, "unhandled": {"const": True}, "transitions": _NAMES, "exited": _NAMES,
         "entered": _NAMES, "raised": _NAMES,
         "effects": many({"type": "object", "required": ["do"], "properties": {"do": TEXT}}),
         "failures": many(exact(message=TEXT, position=TEXT)), "display": by_name({"type": "number"}),
         "rows": many(many(many(MAY_TEXT))), "data": OBJECT},
        time_ns=COUNT, machine=TEXT, cause={"enum": ["start", "event", "timer", "stop"]}, configuration=_NAMES,
    ),
    "Note": exact({"text": TEXT, "data": OBJECT}, time_ns=COUNT, machine=TEXT, note=TEXT),
    "Ended": exact(time_ns=COUNT, machine=TEXT, result=ref("Result")),
    "Result": exact(
        {"means": by_name({"type": ["number", "null"]})},
        number=WHOLE, time_ns=WHOLE, good=FLAG, text=TEXT, duration_ns={"type": ["integer", "null"]}, unit=TEXT,
        sides=_NAMES, data={"type": ["object", "null"]}, empty=FLAG,
    ),
    "Machine": exact(
        _STARTED,
        machine=TEXT, chart=TEXT, text_hash=TEXT, parameters=OBJECT, state=TEXT, configuration=_NAMES, data=OBJECT,
        timers=by_name(WHOLE),
    ),
    "Chart": exact(
        name=TEXT, title=TEXT, file=TEXT,
        states=many(exact({"title": TEXT, "timers": by_name(TEXT)}, id=TEXT, kind=TEXT)),
        transitions=by_name(_TRANSITION), data=_TYPED, values=_TYPED, parameters=_TYPED,
        arguments=by_name(exact({"unit": TEXT, "text": TEXT, "secret": FLAG}, of=TEXT)),
        stages=many(exact(title=TEXT, holds=OBJECT)),
        session={"anyOf": [exact(during=TEXT, result=TEXT), {"type": "null"}]},
    ),
    "Offer": exact(
        event=TEXT, kind={"enum": ["control", "person", "told"]}, text=TEXT, ends=FLAG,
        fields=by_name(exact({"choices": _NAMES, "unit": TEXT, "optional": FLAG, "least": WHOLE, "most": WHOLE},
                             type={"enum": ["boolean", "integer", "number", "string"]})),
    ),
    "Key": exact(
        {"unit": TEXT, "least": TEXT, "most": TEXT, "kept": MAY_TEXT, "optional": FLAG, "secret": FLAG,
         "choices": _NAMES},
        key=TEXT, type=TEXT, kind=TEXT, value=MAY_TEXT, origin=TEXT, help=TEXT, fixed=FLAG,
    ),
}  # fmt: skip
