"""Payloads that fit the schemas of OCPP 1.6, made from the schemas; and the same with something broken."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]


TEXTS = {n: st.text('aZ09 é\u2028€😀\n\\"', max_size=n) for n in range(31)}


@cache
def schema(name: str) -> Json:
    text = (resources.files("ocpp") / "v16" / "schemas" / f"{name}.json").read_text(encoding="utf-8-sig")
    loaded: Json = json.loads(text)
    return loaded


@cache
def fitting(name: str) -> st.SearchStrategy[Json]:
    """Payloads of a schema (``Heartbeat``, ``HeartbeatResponse``)."""
    whole = schema(name)
    return values(whole, whole)


def values(part: Json, whole: Json) -> st.SearchStrategy[Any]:
    if "$ref" in part:
        return values(whole["definitions"][part["$ref"].rpartition("/")[2]], whole)
    if "enum" in part:
        return st.sampled_from(part["enum"])
    match part.get("type"):
        case "string":
            return TEXTS[min(part.get("maxLength", 30), 30)]
        case "integer":
            return st.integers(-(2**31), 2**31 - 1)
        case "number":
            return st.integers(-10_000, 10_000_000).map(lambda tenths: tenths / 10)
        case "boolean":
            return st.booleans()
        case "array":
            return st.lists(values(part["items"], whole), min_size=part.get("minItems", 0), max_size=3)
        case _:
            fields = {n: values(p, whole) for n, p in part.get("properties", {}).items()}
            needed = {n: fields.pop(n) for n in part.get("required", [])}
            return st.fixed_dictionaries(needed, optional=fields)


BROKEN = [None, True, 3, 1.0, 21.45, 1e-7, 1e300, 10**30, "", "x" * 3000, [], [1], {}, {"a": 1}]


@st.composite
def damaged(draw: st.DrawFn, payload: Json) -> Json:
    """A copy with one value replaced, left out or added, anywhere."""
    copy: Json = json.loads(json.dumps(payload))
    at: Any = copy
    while True:
        keys: list[Any] = list(at) if isinstance(at, dict) else list(range(len(at)))
        deeper = [key for key in keys if isinstance(at[key], dict | list)]
        if not deeper or draw(st.booleans()):
            break
        at = at[draw(st.sampled_from(deeper))]
    how = draw(st.sampled_from(["replace", "leave out", "add"]))
    if keys and how == "replace":
        at[draw(st.sampled_from(keys))] = draw(st.sampled_from(BROKEN))
    elif keys and how == "leave out":
        del at[draw(st.sampled_from(keys))]
    elif isinstance(at, dict):
        at["unheardOf"] = draw(st.sampled_from(BROKEN))
    else:
        at.append(draw(st.sampled_from(BROKEN)))
    return copy
