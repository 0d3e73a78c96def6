"""A foreign oracle: random charts in python-statemachine 3.2.2 and here, same configurations, same order of actions.

The same chart is written in YAML for us and in SCXML for it: nested, parallel, final and history states, internal and
targetless transitions, guards and assignments, raised events, eventless transitions, done events.

Where it departs from SCXML it is no oracle. It takes states level by level and in the order they were entered instead
of document order: so regions here are of one depth, only the parallel state itself has transitions out of them (no
conflict between regions), and the order of actions is compared in charts without parallel states. It executes the
content of a transition to a history once more as the history's default content: so these transitions change no data,
and the order is not compared either.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest

import engine
from engine.run.machine import Machine
from engine.semantics.reference import Interpreter
from engine.semantics.step import Event
from tests.export.peers import python_with_peers

CHARTS = max(60, int(os.environ.get("CHARGECHART_EXAMPLES", "0")) // 50)
EVENTS = ["e1", "e2", "e3"]
SCXML = "http://www.w3.org/2005/07/scxml"


class Author:
    """Makes one random chart as a tree of plain dictionaries. Everything that could go on for ever counts ``x`` up and
    stops at a bound."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.names: list[str] = []
        self.reachable: list[str] = []  # where the transitions in work may lead
        self.marks = 0

    def chart(self) -> dict[str, Any]:
        root: dict[str, Any] = {"name": "", "kind": "compound", "children": [], "region": False}
        root["children"] = [self.state(1) for _ in range(self.random.randint(2, 3))]
        self.behave(root, [])
        return root

    def state(self, depth: int, may_end: bool = True, kinds: str = "any") -> dict[str, Any]:
        """``kinds``: ``any``, ``region`` (a compound state of simple ones) or ``simple`` (atomic or final)."""
        name = f"s{len(self.names) + 1}"
        self.names.append(name)
        kind, children = "atomic", []
        luck = self.random.random()
        if kinds == "region" or (kinds == "any" and depth < 4 and luck < 0.6 - 0.1 * depth):
            kind = "compound" if kinds == "region" or luck < 0.3 else "parallel"
            inner = "simple" if kinds == "region" else "region" if kind == "parallel" else "any"
            children = [self.state(depth + 1, False, inner) for _ in range(1 if kind == "compound" else 2)]
            children += [self.state(depth + 1, kind == "compound", inner) for _ in range(self.random.randint(0, 2))]
            if kind == "compound" and self.random.random() < 0.4:
                history = f"h{len(self.names) + 1}"
                self.names.append(history)
                which = self.random.choice(["shallow", "deep"])
                children.append(
                    {"name": history, "kind": which, "default": children[0]["name"], "children": [], "region": False}
                )
        elif depth > 1 and may_end and luck > 0.8:
            kind = "final"
        return {"name": name, "kind": kind, "children": children, "region": kinds == "region"}

    def mark(self) -> list[Any]:
        self.marks += 1
        return ["mark", f"{self.marks} "]

    def behave(self, state: dict[str, Any], inside: list[str]) -> None:
        state["entry"] = [self.mark()]
        state["exit"] = [self.mark()]
        state["transitions"] = []
        for child in state["children"]:
            self.behave(child, [c["name"] for c in _walk(state)][1:] if state["region"] else inside)
        if state["kind"] in ("final", "shallow", "deep") or not state["name"]:
            return
        below = [c["name"] for child in state["children"] for c in _walk(child)]
        self.reachable = below if state["region"] else inside or self.names
        for event in [] if state["region"] else [*EVENTS, "i1"]:
            if self.random.random() < 0.45:
                state["transitions"].append(self.transition(event, below if state["kind"] == "compound" else []))
        if self.random.random() < 0.2 and not state["region"]:
            state["transitions"].append(self.bounded(None))
        if state["kind"] in ("compound", "parallel") and self.random.random() < 0.5:
            state["transitions"].append(self.bounded("done"))

    def transition(self, event: str, below: list[str]) -> dict[str, Any]:
        choose = self.random
        actions = [self.mark()]
        if choose.random() < 0.3:
            actions.append(["count"])
        if event != "i1" and choose.random() < 0.35:
            actions.append(["raise", "i1"])
        guard = choose.choice([None, None, "x < 3", "x > 1", "x == 2"])
        below = [name for name in below if not name.startswith("h")]
        if below and choose.random() < 0.3:
            return {"event": event, "target": choose.choice(below), "internal": True, "guard": guard, "do": actions}
        target = choose.choice(self.reachable) if choose.random() < 0.85 else None
        if target is not None and target.startswith("h"):
            actions = actions[:1]
        return {"event": event, "target": target, "internal": False, "guard": guard, "do": actions}

    def bounded(self, event: str | None) -> dict[str, Any]:
        bound = self.random.randint(1, 6)
        target = self.random.choice([name for name in self.reachable if not name.startswith("h")])
        actions = [self.mark(), ["count"]]
        return {"event": event, "target": target, "internal": False, "guard": f"x < {bound}", "do": actions}


def _walk(state: dict[str, Any]) -> list[dict[str, Any]]:
    return [state, *(s for child in state["children"] for s in _walk(child))]


def order_counts(root: dict[str, Any]) -> bool:
    """Whether the order of actions is comparable; see the module."""
    return not {"parallel", "shallow", "deep"} & {state["kind"] for state in _walk(root)}


# ---------------------------------------------------------------- the two languages


def yaml_of(root: dict[str, Any]) -> str:
    paths: dict[str, str] = {}
    _paths(root, "", paths)
    chart = {
        "machine": "random",
        "data": {"x": {"type": "int", "initial": 0}, "trace": {"type": "string", "initial": "''"}},
        "events": {name: {} for name in [*EVENTS, "i1"]},
        **_yaml_state(root, paths),
    }
    return json.dumps(chart)


def _paths(state: dict[str, Any], prefix: str, paths: dict[str, str]) -> None:
    for child in state["children"]:
        paths[child["name"]] = prefix + child["name"]
        _paths(child, prefix + child["name"] + ".", paths)


def _yaml_state(state: dict[str, Any], paths: dict[str, str]) -> dict[str, Any]:
    if state["kind"] in ("shallow", "deep"):
        return {"type": "history", "history": state["kind"], "target": state["default"]}
    written: dict[str, Any] = {"entry": _yaml_actions(state["entry"])}
    if state["kind"] in ("parallel", "final"):
        written["type"] = state["kind"]
    if state["kind"] == "final":
        return written
    written["exit"] = _yaml_actions(state["exit"])
    if state["children"]:
        written["states"] = {child["name"]: _yaml_state(child, paths) for child in state["children"]}
    keys: dict[str, list[Any]] = {"always": [], "onDone": []}
    on: dict[str, list[Any]] = {}
    for t in state["transitions"]:
        made = {"actions": _yaml_actions(t["do"])}
        if t["target"]:
            made |= {"target": t["target"], "internal": t["internal"]}
        if t["guard"]:
            made["guard"] = t["guard"]
        place = keys["always"] if t["event"] is None else keys["onDone"] if t["event"] == "done" else None
        (on.setdefault(t["event"], []) if place is None else place).append(made)
    return written | {key: value for key, value in {**keys, "on": on}.items() if value}


def _yaml_actions(actions: list[Any]) -> list[Any]:
    written: list[Any] = []
    for action in actions:
        if action[0] == "mark":
            written.append({"assign": {"trace": f"trace + '{action[1]}'"}})
        elif action[0] == "count":
            written.append({"assign": {"x": "x + 1"}})
        else:
            written.append({"raise": action[1]})
    return written


def scxml_of(root: dict[str, Any]) -> str:
    inside = "".join(_scxml_state(child) for child in root["children"])
    marks = "".join(_scxml_actions(root["entry"]))
    script = f"<initial><transition target='{root['children'][0]['name']}'>{marks}</transition></initial>"
    data = "<datamodel><data id='x' expr='0'/><data id='trace' expr=\"''\"/></datamodel>"
    # The root's entry actions have no place in <scxml>: a state around everything has them.
    return (
        f"<scxml xmlns='{SCXML}' version='1.0' datamodel='python' initial='whole'>{data}"
        f"<state id='whole'>{script}{inside}</state></scxml>"
    )


def _scxml_state(state: dict[str, Any]) -> str:
    name, kind = state["name"], state["kind"]
    if kind in ("shallow", "deep"):
        return f"<history id='{name}' type='{kind}'><transition target='{state['default']}'/></history>"
    entry = f"<onentry>{_scxml_actions(state['entry'])}</onentry>"
    if kind == "final":
        return f"<final id='{name}'>{entry}</final>"
    tag = "parallel" if kind == "parallel" else "state"
    parts = [entry, f"<onexit>{_scxml_actions(state['exit'])}</onexit>"]
    # As in YAML: eventless transitions, done events and then named ones; among the named ones, by event.
    order = {None: 0, "done": 1}
    for t in sorted(state["transitions"], key=lambda t: order.get(t["event"], 2)):
        event = f"done.state.{name}" if t["event"] == "done" else t["event"]
        attributes = "".join(
            f" {key}={quoteattr(value)}"
            for key, value in (("event", event), ("cond", t["guard"]), ("target", t["target"]))
            if value
        )
        kind_of = " type='internal'" if t["internal"] else ""
        parts.append(f"<transition{attributes}{kind_of}>{_scxml_actions(t['do'])}</transition>")
    initial = f" initial='{state['children'][0]['name']}'" if kind == "compound" else ""
    return f"<{tag} id='{name}'{initial}>{''.join(parts)}{''.join(map(_scxml_state, state['children']))}</{tag}>"


def _scxml_actions(actions: list[Any]) -> str:
    written = ""
    for action in actions:
        if action[0] == "mark":
            written += f"<assign location='trace' expr=\"trace + '{action[1]}'\"/>"
        elif action[0] == "count":
            written += "<assign location='x' expr='x + 1'/>"
        else:
            written += f"<raise event='{action[1]}'/>"
    return written


# ---------------------------------------------------------------- the comparison


def ours(machine: Any, events: list[str]) -> list[Any]:
    def look() -> Any:
        ids = machine.active if isinstance(machine, Interpreter) else machine.configuration
        values = machine.values if isinstance(machine, Interpreter) else machine.data
        return [sorted(id_.rsplit(".", 1)[-1] for id_ in ids), values["trace"]]

    machine.begin()
    seen = [look()]
    for event in events:
        machine.process(Event(event))
        seen.append(look())
    return seen


def test_the_same_charts_do_the_same_in_python_statemachine() -> None:
    """A chart taken to another SCXML engine, or brought from one, must not change its behaviour."""
    python = python_with_peers()
    jobs = []
    for seed in range(CHARTS):
        root = Author(seed).chart()
        choose = random.Random(seed)
        events = [choose.choice(EVENTS) for _ in range(12)]
        jobs.append((order_counts(root), yaml_of(root), scxml_of(root), events))
    done = subprocess.run(
        [python, Path(__file__).with_name("peer_statemachine.py")],
        input=json.dumps([[scxml, events] for _, _, scxml, events in jobs]),
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    ordered = 0
    for (in_order, text, scxml, events), answer in zip(jobs, json.loads(done.stdout), strict=True):
        mine = ours(Machine(engine.load_text(text, "random.yaml")), events)
        if answer[0] != "error":
            answer = [[[s for s in ids if s != "whole"], trace] for ids, trace in answer]
            if not in_order:
                mine, answer = ([ids for ids, _ in seen] for seen in (mine, answer))
        if mine != answer:
            pytest.fail(f"{text}\n{scxml}\n{events}\nours   {mine}\ntheirs {answer}", pytrace=False)
        ordered += in_order
    assert ordered > CHARTS // 10  # enough of them compare the order of actions, too
