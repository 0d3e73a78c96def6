"""Exports to transitions and python-statemachine must go where our engine goes, wherever they claim to lose nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from engine.language.model import Chart, StateKind
from engine.tools.export.scxml import state_ids
from engine.tools.export.statemachine import export_statemachine
from engine.tools.export.transitions import export_transitions
from tests.export.charts import load, trees
from tests.export.peers import Peer, python_with_peers
from tests.export.portable import Played, flat, only, own_run, played, portable

EXAMPLES = min(int(os.environ.get("CHARGECHART_EXAMPLES", "25")), 60)


@pytest.fixture(scope="module")
def python() -> Iterator[Peer]:
    peer = Peer([str(python_with_peers()), str(Path(__file__).with_name("python_peer.py"))])
    yield peer
    peer.close()


def run(python: Peer, kind: str, text: str, chart: Chart, events: Played) -> list[tuple[set[str], dict[str, Any]]]:
    answer = python.ask({"kind": kind, "text": text, "events": events, "data": list(chart.data)})
    assert "error" not in answer, f"{answer['error']}\n{text}"
    return [(set(look["states"]), look["data"]) for look in answer["seen"]]


@given(tree=trees(portable), events=played())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.campaign
def test_python_statemachine_takes_the_same_paths(python: Peer, tree: dict[str, Any], events: Played) -> None:
    """Random charts with nesting, regions, history, raised and eventless transitions."""
    chart = load(tree)
    exported = export_statemachine(chart)
    only(exported)
    ids = state_ids(chart)
    expected = [({ids[s] for s in states}, data) for states, data in own_run(chart, events)]
    got = run(python, "statemachine", exported.text, chart, events)[: len(expected)]
    known = set(ids.values()) - {ids[""]}
    assert [(states & known, data) for states, data in got] == expected


@given(tree=trees(flat), events=played())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.campaign
def test_transitions_takes_the_same_paths(python: Peer, tree: dict[str, Any], events: Played) -> None:
    """Random charts: where no loss is reported, configuration and data are the same after every event."""
    chart = load(tree)
    exported = export_transitions(chart)
    only(exported)
    expected = [(set(states), data) for states, data in own_run(chart, events)]
    got = run(python, "transitions", exported.text, chart, events)[: len(expected)]
    root = f"{chart.name}."
    bare = [({s.removeprefix(root) for s in states if s != chart.name}, data) for states, data in got]
    if not expected[-1][0]:  # our machine has ended; theirs stays in its final state
        ended = bare[-1][0]
        assert len(ended) == 1
        assert chart.states[next(iter(ended))].kind is StateKind.FINAL
        expected[-1] = (ended, expected[-1][1])
    assert bare == expected
