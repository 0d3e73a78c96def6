"""Random charts of the whole language, as text, and random inputs for them.

``chart_texts`` draws charts of nested, parallel, final and history states with guards on data, failing expressions,
raised and sent events, eventless transitions, timers, invariants, ``if`` and ``foreach``, items that may be None
(``o``) or without a value (``q``, when its initial value fails), entry actions in several blocks, initial transitions
with actions. With ``untyped=True`` they are charts as the SCXML importer writes them (``events: any``): nothing is
declared but the names of data, and what a send says is computed when it runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

NAMES = ["x", "y", "z"]
EXTERNAL = ["e1", "e2", "e3", "g.a", "g.b"]
INTERNAL = ["i1", "i2"]


OCTETS = 1500
"""A chart takes 600 choices, few take more than these. Hypothesis draws them all at once: a draw for each would take
longer than the chart's test itself. What hypothesis makes smaller or zero is an earlier choice, or nothing."""


class _Builder:
    """One chart in the making; an octet decides each choice, and behind the last one it is the simplest."""

    def __init__(self, octets: bytes, rich: bool, untyped: bool, later: bool) -> None:
        self.octets = iter(octets)
        self.rich = rich
        self.untyped = untyped
        self.later = later
        self.count = 0
        self.names: list[str] = []
        self.inside: list[str] = []  # below the compound state that transitions are made for
        self.budget = self.number_from(2, 14)

    def number_from(self, low: int, high: int) -> int:
        return low + next(self.octets, 0) * (high + 1 - low) // 256

    def pick(self, *choices: Any) -> Any:
        return choices[self.number_from(0, len(choices) - 1)]

    def chance(self, percent: int) -> bool:
        return self.number_from(0, 99) >= 100 - percent

    def some(self, maximum: int) -> range:
        return range(self.number_from(0, maximum))

    # ------------------------------------------------------------ structure

    def state(self, depth: int, may_end: bool) -> tuple[str, dict[str, Any]]:
        self.count += 1
        name = f"s{self.count}"
        self.names.append(name)
        if may_end and self.chance(25):
            return name, {"type": "final", "entry": [{"log": f"end {name}"}]}
        state: dict[str, Any] = {}
        if depth < 3 and self.budget > 0 and self.chance(60 - 15 * depth):
            parallel = self.chance(40)
            children = dict(self.state(depth + 1, False) for _ in range(2 if parallel else 1))
            self.budget -= len(children)
            for _ in self.some(2):
                child, body = self.state(depth + 1, not parallel)
                children[child] = body
                self.budget -= 1
            if parallel:
                state["type"] = "parallel"
            if self.chance(35):
                self.count += 1
                history = f"h{self.count}"
                self.names.append(history)
                target = self.pick(*children)
                kind = self.pick("shallow", "deep")
                children[history] = {"type": "history", "history": kind, "target": "." + target}
                if not parallel:
                    children[history] = {"type": "history", "history": kind, "target": target}
                else:
                    del children[history]
                    self.names.remove(history)
            state["states"] = children
        return name, state

    def fill(self, states: dict[str, Any]) -> None:
        """Add behaviour, now that all names are known."""
        for state in states.values():
            if state.get("type") in ("history", "final"):
                continue
            compound = "states" in state and state.get("type") is None
            self.inside = list(_names(state["states"])) if compound else []
            for hook in ("entry", "exit"):
                if self.chance(45):
                    state[hook] = [self.actions(), self.actions()] if self.rich and self.chance(20) else self.actions()
            if self.rich and compound and self.chance(20):
                first = next(name for name, child in state["states"].items() if child.get("type") != "history")
                state["initial"] = {"target": first, "actions": self.actions()}
            on: dict[str, Any] = {}
            for _ in self.some(3):
                descriptor = self.pick(*EXTERNAL, *INTERNAL, "p", "p", "g.*", "*", "error.execution", "e1 e2")
                on[descriptor] = self.transitions(payload=descriptor == "p")
            if on:
                state["on"] = on
            if self.chance(12):
                state["ignore"] = list(dict.fromkeys(self.pick(*EXTERNAL, *INTERNAL, "g.*") for _ in range(2)))
            if self.later and self.chance(18):
                ignored = state.get("ignore", [])
                names = dict.fromkeys(self.pick(*EXTERNAL, *INTERNAL, "g.*", "p") for _ in range(2))
                state["defer"] = [name for name in names if name not in ignored]
            if self.chance(18):
                state["always"] = [self.transition(guarded=True)]
            if self.chance(20):
                state["after"] = {self.pick("1 s", "wait", "y * 1 s"): self.transitions()}
            if self.later and self.chance(12):
                when = {"when": self.guard(False), "every": self.pick("1 s", "wait")}
                state["poll"] = [self.transition() | when for _ in range(1 + self.number_from(0, 1))]
                for one in state["poll"]:
                    one.pop("guard", None)
            if "states" in state and self.chance(40):
                state["onDone"] = self.transitions()
            if self.chance(12):
                state["invariant"] = self.guard(False)
            if "states" in state:
                self.fill(state["states"])
                if self.later and state.get("type") == "parallel" and self.chance(30):
                    self.defer_in_all(state["states"], self.pick(*EXTERNAL, "p"))

    def defer_in_all(self, regions: dict[str, Any], event: str) -> None:
        """Regions that keep the same event: in themselves, or in a state inside that they may leave."""
        for region in regions.values():
            inside = [state for state in region.get("states", {}).values() if state.get("type") in (None, "parallel")]
            state = self.pick(region, *inside)
            if event not in (*state.get("ignore", []), *state.get("defer", [])):
                state["defer"] = [*state.get("defer", []), event]

    # ------------------------------------------------------------ behaviour

    def transitions(self, payload: bool = False) -> list[dict[str, Any]]:
        return [self.transition(payload) for _ in range(self.number_from(1, 2))]

    def transition(self, payload: bool = False, guarded: bool = False) -> dict[str, Any]:
        transition: dict[str, Any] = {}
        if self.chance(75):
            transition["target"] = self.pick(*self.names)
        if guarded or self.chance(45):
            transition["guard"] = self.guard(payload)
        if self.chance(50):
            transition["actions"] = self.actions(payload)
        if self.inside and self.chance(30):
            transition |= {"target": self.pick(*self.inside), "internal": True}
        if not transition:
            transition["actions"] = [{"log": "nothing"}]
        return transition

    def actions(self, payload: bool = False, depth: int = 0) -> list[Any]:
        return [self.action(payload, depth) for _ in range(self.number_from(1, 3))]

    def action(self, payload: bool, depth: int) -> Any:
        kind = self.pick("assign", "assign", "raise", "log", "send", "if", "foreach", "cancel")
        if kind == "assign":
            name = self.pick("x", "y", "b", "l", "f", *(["o", "q"] if self.rich else []))
            values = {
                "b": self.guard(payload),
                "l": self.pick("[x, y]", "[]", "[1, 2, 3]", "l"),
                "f": self.pick("f * 2 + 0.5", "x / 4", "f - 1", "x / y", "min(f, 9.5)"),
            }
            if self.untyped and self.chance(8):
                name = "nothing"
            if name == "o" and self.chance(40):
                values["o"] = "None"
            return {"assign": {name: values.get(name, self.number(payload))}}
        if kind == "raise":
            return {"raise": self.pick(*INTERNAL, *EXTERNAL)}
        if kind == "send" and self.untyped and self.chance(60):
            return {"send": self.computed_send()}
        if kind == "send":
            send: dict[str, Any] = {"event": self.pick(*EXTERNAL)}
            if self.chance(30):
                send = {"event": "p", "data": {"v": self.number(payload)}}
                if self.rich and self.chance(50):
                    send["data"]["w"] = self.pick("None", "o", self.number(payload))
            if self.chance(40):
                send["delay"] = self.pick("1 s", "wait", "y * 1 s")
                send["id"] = "later"
            return {"send": send}
        if kind == "cancel":
            computed = self.untyped and self.chance(50)
            return {"cancel": {"id_expr": self.pick("w", "'later'", "x")} if computed else "later"}
        if kind == "log" or depth >= 2:
            return {"log": f"{self.pick('A', 'B')} {{{self.number(payload)}}}"}
        if kind == "if":
            action = {"if": self.guard(payload), "then": self.actions(payload, depth + 1)}
            if self.chance(50):
                action["else"] = self.actions(payload, depth + 1)
            return action
        body = [*self.actions(payload, depth + 1), {"assign": {"x": "x + it"}}]
        through = self.pick("l", "[x, y]", "[1, 2]")
        if self.untyped and self.chance(30):
            body[-1] = {"log": "A {q}"}
            return {"foreach": {"in": through, "item": "q", "index": "o", "do": body}}
        return {"foreach": {"in": through, "item": "it", "index": "at", "do": body}}

    def computed_send(self) -> dict[str, Any]:
        """A send of an imported document: each part as a value that may be the wrong one."""
        send: dict[str, Any] = {}
        if self.chance(50):
            send["event"] = self.pick(*EXTERNAL, *INTERNAL)
        else:
            send["event_expr"] = self.pick("'e2'", "'i1' if b else 'g.a'", "w", "x", "nothing.at.all")
        if self.chance(60):
            send["to_expr"] = self.pick(
                "'#_internal'",
                "'#_internal' if b else None",
                "None",
                "'#_parent'",
                "'#_scxml_gone'",
                "'#_kid'",
                "'?'",
                "x",
            )
        if self.chance(30):
            send["content"] = self.number(False)
        elif self.chance(40):
            send["data"] = {"v": self.number(False)}
        if self.chance(25):
            send["delay"] = self.pick("1 s", "wait", "y * 1 s", "duration('2s')", "duration(w)")
        if self.chance(30):
            send[self.pick("id", "id_location")] = self.pick("w", "later")
        if self.chance(15):
            send["type"] = self.pick("'scxml'", "'http://www.w3.org/TR/scxml/#SCXMLEventProcessor'", "'post'", "None")
        return send

    def number(self, payload: bool) -> str:
        choices = [
            "0",
            "1",
            "2",
            "x + 1",
            "y + 1",
            "x - y",
            "x * 2",
            "x // y",
            "l[x]",
            "len(l)",
            "abs(y)",
            "-x",
            "max(x, y)",
        ]
        field = "_event.data." if self.untyped else "event."
        choices += [f"{field}v", f"{field}v + x"] if payload or self.untyped else []
        if self.rich:
            choices += ["o", "-o + 1", "q", "q - 1", "x if b else -o"]
            choices += [f"{field}w", f"-{field}w"] if payload or self.untyped else []
        if self.untyped:
            choices += ["invalid('what')", "_event.sendid", "w + 'a'", "json('[1, 2]')[x]"]
        return str(self.pick(*choices))

    def guard(self, payload: bool) -> str:
        simple = [
            "x > 1",
            "b",
            "not b",
            "x == y",
            "x // y > 0",
            "f < 2.0",
            "x in l",
            "0 <= x < 3",
            f"In('{self.pick(*self.names)}')",
        ]
        field = "_event.data." if self.untyped else "event."
        simple += [f"{field}v > 1", f"{field}v == x"] if payload else []
        if self.rich:
            simple += ["o is None", "not (o > 1)", "q > 1", "not (q == 1)"]
            simple += [f"{field}w is None", f"{field}w < 2"] if payload else []
        if self.untyped:
            simple += [
                "truthy(o)",
                "truthy(w)",
                "_event.name == 'e1'",
                "x",
                "startswith(_event.name, 'g')",
                "w == 'later'",
            ]
        if self.chance(25):
            return f"{self.pick(*simple)} {self.pick('and', 'or')} {self.pick(*simple)}"
        return str(self.pick(*simple))


def _names(states: dict[str, Any]) -> Iterator[str]:
    for name, state in states.items():
        yield name
        yield from _names(state.get("states", {}))


def chart_texts(rich: bool = True, untyped: bool = False, later: bool = False) -> st.SearchStrategy[str]:
    """The text of a chart that names only what exists (it may still be one the loader rightly refuses).

    ``rich``: with what few other engines have: items without a value, several blocks, initial content. ``later``: with
    `defer` and `poll`."""
    return st.binary(min_size=OCTETS, max_size=OCTETS).map(lambda octets: _text(octets, rich, untyped, later))


def _text(octets: bytes, rich: bool, untyped: bool, later: bool) -> str:
    builder = _Builder(octets, rich, untyped, later)
    states = dict(builder.state(0, False) for _ in range(builder.number_from(1, 3)))
    if builder.chance(20):
        builder.count += 1
        builder.names.append(f"s{builder.count}")
        states[f"s{builder.count}"] = {"type": "final"}
    chart: dict[str, Any] = {
        "machine": "random",
        "parameters": {"wait": {"type": "duration", "default": "2 s"}},
        "data": {
            "x": {"type": "int", "initial": 0},
            "y": {"type": "int", "min": -20, "max": 20, "initial": builder.number_from(0, 2)},
            "b": {"type": "bool", "initial": builder.chance(50)},
            "l": {"type": "list of int", "initial": "[1, 2]"},
            "f": {"type": "float", "initial": 1.5},
        },
        "events": {**{name: {} for name in (*EXTERNAL, *INTERNAL)}, "p": {"payload": {"v": "int"}}},
        "entry": [{"send": {"event": "e1", "id": "later", "delay": "wait"}}],
        "states": states,
    }
    if rich:
        chart["data"] |= {"o": {"type": "int?"}, "q": {"type": "int", "min": 1, "initial": "low"}}
        chart["parameters"]["low"] = {"type": "int", "default": builder.number_from(0, 2)}
        chart["events"]["p"]["payload"]["w"] = "int?"
    if untyped:
        initial = {name: item.get("initial", "None") for name, item in chart["data"].items()} | {
            "w": builder.pick("'later'", "''")
        }
        chart["data"] = {name: {"type": "any", "initial": value} for name, value in initial.items()}
        if builder.chance(40):
            del chart["data"]["o"]["initial"]
        if builder.chance(40):
            chart["data"]["q"]["late"] = builder.pick(*states)
        chart["events"] = "any"
        if builder.chance(40):
            chart["script"] = builder.actions()
    if builder.chance(20) and all(s.get("type") != "final" for s in states.values()) and len(states) > 1:
        chart["type"] = "parallel"
    builder.fill(states)
    builder.inside = []
    if builder.chance(20):
        chart["on"] = {"e3": builder.transitions()}
    return json.dumps(chart, indent=1)


Input = tuple[str, Any]


def inputs(length: int = 10, rich: bool = True) -> st.SearchStrategy[list[Input]]:
    """What happens to a machine: ``("event", (name, data))`` or ``("timer", n)`` for the n-th timer that runs."""
    plain = st.sampled_from([*EXTERNAL, "i1", "unknown.event"]).map(lambda name: ("event", (name, None)))
    fields: dict[str, st.SearchStrategy[Any]] = {"v": st.integers(-1, 3)}
    if rich:
        fields["w"] = st.sampled_from([None, 0, 2])
    payload = st.fixed_dictionaries(fields).map(lambda data: ("event", ("p", data)))
    timer = st.integers(0, 3).map(lambda n: ("timer", n))
    return st.lists(st.one_of(plain, plain, payload, timer), min_size=1, max_size=length)
