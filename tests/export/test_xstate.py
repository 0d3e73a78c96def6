"""What a reviewer loads into XState's tools must be the machine that runs on our engine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from engine.export.losses import Construct
from engine.export.xstate import export_xstate
from tests.export.charts import load, trees
from tests.export.peers import ROOT, Peer, node_with_xstate
from tests.export.portable import Played, only, own_run, played, portable

EXAMPLES = int(os.environ.get("CHARGECHART_EXAMPLES", "25"))
RUNTIME = ROOT / "engine" / "export" / "xstate_runtime.mjs"


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
