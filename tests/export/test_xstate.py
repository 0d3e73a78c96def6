"""What a reviewer loads into XState's tools must be the machine that runs on our engine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import engine
from engine.tools.export.losses import Construct
from engine.tools.export.xstate import export_xstate
from tests.export.charts import load, trees
from tests.export.peers import ROOT, Peer, node_with_xstate
from tests.export.portable import Played, only, own_run, played, portable

EXAMPLES = min(int(os.environ.get("CHARGECHART_EXAMPLES", "25")), 60)
RUNTIME = ROOT / "engine" / "tools" / "export" / "xstate_runtime.mjs"


@pytest.fixture(scope="module")
def xstate() -> Iterator[Peer]:
    module = node_with_xstate() / "node_modules" / "xstate" / "dist" / "xstate.cjs.mjs"
    peer = Peer(["node", str(Path(__file__).with_name("xstate_peer.mjs")), str(module), str(RUNTIME)])
    yield peer
    peer.close()


@given(tree=trees(portable), events=played())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_xstate_takes_the_same_paths(xstate: Peer, tree: dict[str, Any], events: Played) -> None:
    """Random charts with nesting, regions, history, raised events: configuration and data after every event."""
    chart = load(tree)
    exported = export_xstate(chart)
    only(exported, Construct.TYPES)
    expected = own_run(chart, events)
    answer = xstate.ask({"config": json.loads(exported.text), "events": events})
    assert answer.get("error") is None
    assert answer["failure"] is None
    got = [(look["states"], {k: look["data"][k] for k in chart.data}) for look in answer["seen"]]
    assert got == expected


PARENT = """
machine: parent
parameters: {T_wait: {type: duration, default: 2 s}}
data: {got: {type: int, initial: 0}}
events: {go: {}}
initial: idle
states:
  idle: {on: {go: working}}
  working:
    invoke: {id: child, src: child.yaml, input: {T_child: T_wait / 2}}
    on: {child.told: {actions: [assign: {got: event.n + 1}]}}
    after: {T_wait + 500 ms: late}
    initial: a
    states:
      a: {after: {250 ms: b}}
      b: {}
  late: {type: final}
"""
CHILD = """
machine: child
parameters: {T_child: {type: duration}}
events: {told: {direction: out, payload: {n: int}}}
initial: waiting
states:
  waiting: {after: {T_child: {target: told, actions: {send: {event: told, to: parent, data: {n: 41}}}}}}
  told: {}
"""


def test_timers_and_children_run_in_xstate(xstate: Peer, tmp_path: Path) -> None:
    """XState's own generator refuses charts with after or invoke; a charger's charts have little else."""
    (tmp_path / "parent.yaml").write_text(PARENT)
    (tmp_path / "child.yaml").write_text(CHILD)
    exported = export_xstate(engine.load(tmp_path / "parent.yaml"))
    assert {loss.construct for loss in exported.losses} == {Construct.TYPES, Construct.CHILD}
    events = [["go", None], ["(advance)", 249], ["(advance)", 1], ["(advance)", 750], ["(advance)", 1499]]
    answer = xstate.ask({"config": json.loads(exported.text), "events": [*events, ["(advance)", 1]]})
    assert answer.get("error") is None
    assert [(look["states"], look["data"]["got"]) for look in answer["seen"]] == [
        (["idle"], 0),
        (["working", "working.a"], 0),
        (["working", "working.a"], 0),
        (["working", "working.b"], 0),
        (["working", "working.b"], 42),
        (["working", "working.b"], 42),
        ([], 42),
    ]
    assert answer["seen"][-1]["status"] == "done"


def test_shipped_charts_load_in_xstate(xstate: Peer) -> None:
    """A reviewer opens the JSON of any shipped chart: XState must take it and start it."""
    for path in ("slac/evse.yaml", "v2g/secc_iso2.yaml", "pilot/evse.yaml", "power/dc_output.yaml"):
        chart = engine.load(ROOT / "machines" / path)
        answer = xstate.ask({"config": json.loads(export_xstate(chart).text), "events": []})
        assert answer.get("error") is None, path
        states = set(answer["seen"][0]["states"])
        assert states, path
        assert states <= set(chart.states), path
