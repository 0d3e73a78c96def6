"""Random charts within what a format carries: those of tests.engine.charts with constructs taken away."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import hypothesis
from hypothesis import assume
from hypothesis import strategies as st

import engine
from engine.language.model import Chart
from engine.language.problems import ChartError
from tests.engine.charts import chart_texts


def load(tree: dict[str, Any]) -> Chart:
    """The chart, or another example where the loader rightly refuses it."""
    text = json.dumps(tree)
    try:
        return engine.load_text(text, "random.yaml")
    except ChartError as error:
        hypothesis.note(str(error))
        assume(False)
        raise


def without_checks(tree: dict[str, Any]) -> dict[str, Any]:
    """No invariants and no ranges: every format says that it loses them."""
    tree["data"]["y"] = {"type": "int", "initial": tree["data"]["y"]["initial"]}
    each_state(tree, lambda state: state.pop("invariant", None))
    return tree


def each_state(state: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> None:
    """``change`` applied to this state and all below it."""
    change(state)
    for child in state.get("states", {}).values():
        each_state(child, change)


def trees(change: Callable[[dict[str, Any]], dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Random charts as nested dicts, changed."""
    return chart_texts(rich=False).map(json.loads).map(change)
