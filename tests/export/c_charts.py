"""Random charts within what the C carries: those of tests.engine.charts with constructs taken away or given bounds."""

from __future__ import annotations

import re
from typing import Any

from tests.engine.charts import EXTERNAL
from tests.export.charts import each_state

_DROPPED = ("send", "cancel", "log", "foreach")


def translatable(tree: dict[str, Any]) -> dict[str, Any]:
    """The chart without history, inner final states, loops, delayed sends and what waits; numbers and lists with
    bounds."""
    bound = {"min": -1000, "max": 1000}
    tree["data"] |= {
        "x": {"type": "int", "initial": 0, **bound},
        "l": {"type": "list", "of": {"type": "int", **bound}, "max": 4, "initial": "[]"},
    }
    tree["events"] |= {name: {"direction": "in"} for name in EXTERNAL}
    tree["events"]["p"] = {"direction": "in", "payload": {"v": {"type": "int", "min": -5, "max": 5}}}
    tree.pop("entry")
    _without_history(tree)
    for top in tree["states"].values():
        each_state(top, lambda state, top=top: state.pop("type", None) if _inner_final(state, top) else None)
    each_state(tree, _behaviour)
    return tree


def _inner_final(state: dict[str, Any], top: dict[str, Any]) -> bool:
    return state.get("type") == "final" and state is not top


def _without_history(tree: dict[str, Any]) -> None:
    gone: set[str] = set()

    def drop(state: dict[str, Any]) -> None:
        for name, child in list(state.get("states", {}).items()):
            if child.get("type") == "history":
                gone.add(name)
                del state["states"][name]

    each_state(tree, drop)
    first = next(iter(tree["states"]))

    def retarget(part: Any) -> None:
        for value in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            retarget(value)
        if isinstance(part, dict) and part.get("target") in gone:
            part["target"] = first
            part.pop("internal", None)

    retarget(tree)


def _behaviour(state: dict[str, Any]) -> None:
    for key in ("onDone", "invariant", "defer"):
        state.pop(key, None)
    for key in ("entry", "exit"):
        if key in state:
            state[key] = _actions(state[key])
    groups = [state.get("always", []), state.get("poll", [])]
    groups += [*state.get("on", {}).values(), *state.get("after", {}).values()]
    for transition in (one for group in groups for one in group):
        if "actions" in transition:
            transition["actions"] = _actions(transition["actions"])
        for key in ("guard", "when"):
            if key in transition:
                transition[key] = _known(transition[key])


def _actions(actions: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for action in actions:
        if isinstance(action, list):
            kept.append(_actions(action))
        elif "if" in action:
            branches = {key: _actions(action[key]) for key in ("then", "else") if key in action}
            kept.append({"if": _known(action["if"]), **branches})
        elif "assign" in action:
            kept.append({"assign": {n: _known(v) if v != "l" else "[]" for n, v in action["assign"].items()}})
        elif not any(key in action for key in _DROPPED):
            kept.append(action)
    return kept or [{"assign": {"y": "y + 1"}}]


def _known(text: str) -> str:
    return re.sub(r"l\[x\]", "x", text)
