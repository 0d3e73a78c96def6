"""The machines of bench_engine.py in other engines: ``python peer_engines.py NAME SECONDS``, in their environment.

Prints JSON: case → events per CPU second, and ``e`` → microseconds of CPU to create one instance of (b).

(a) a flat ring of 3 states; (b) 3 levels with entry and exit actions that count and a guard; (c) 4 parallel regions
that all react; (d) a flat ring of 1,000 states; (e) 10,000 instances of (b).
"""

from __future__ import annotations

import gc
import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

FLAT = 1_000
INSTANCES = 10_000
Make = Callable[[], Callable[[], Any]]  # makes a machine and gives what sends it the event once


def rate(make: Make, seconds: float) -> float:
    """Events per CPU second: the best of five spans of about ``seconds`` each."""
    send = make()
    count, spent = 1, 0.0
    for _ in range(20):
        send()
    while spent < seconds / 4:
        count *= 2
        start = time.process_time()
        for _ in range(count):
            send()
        spent = time.process_time() - start
    best = 0.0
    for _ in range(5):
        start = time.process_time()
        for _ in range(count):
            send()
        best = max(best, count / (time.process_time() - start))
    return best


def creation(make: Callable[[], Any], instances: int) -> float:
    """CPU microseconds to create one instance, started."""
    make()
    gc.collect()
    start = time.process_time()
    kept = [make() for _ in range(instances)]
    return (time.process_time() - start) / len(kept) * 1e6


# ---------------------------------------------------------------- python-statemachine


def python_statemachine(seconds: float) -> dict[str, float]:
    from statemachine import State, StateChart

    class Ring(StateChart):
        a = State(initial=True)
        b = State()
        c = State()
        go = a.to(b) | b.to(c) | c.to(a)

    class Nested(StateChart):
        off = State(initial=True)

        class on(State.Compound):
            class idle(State.Compound, initial=True):
                x = State(initial=True)
                y = State()

        go = off.to(on) | on.idle.x.to(on.idle.y, cond="small") | on.idle.y.to(off)

        def __init__(self) -> None:
            self.n = 0
            super().__init__()

        def small(self) -> bool:
            return self.n < 100

        def on_enter_on(self) -> None:
            self.n += 1

        def on_exit_on(self) -> None:
            self.n -= 1

        def on_enter_x(self) -> None:
            self.n += 1

        def on_exit_x(self) -> None:
            self.n -= 1

    class Regions(StateChart):
        class p(State.Parallel):
            class r0(State.Compound):
                a0 = State(initial=True)
                b0 = State()
                go = a0.to(b0) | b0.to(a0)

            class r1(State.Compound):
                a1 = State(initial=True)
                b1 = State()
                go = a1.to(b1) | b1.to(a1)

            class r2(State.Compound):
                a2 = State(initial=True)
                b2 = State()
                go = a2.to(b2) | b2.to(a2)

            class r3(State.Compound):
                a3 = State(initial=True)
                b3 = State()
                go = a3.to(b3) | b3.to(a3)

    def flat() -> type:
        states = {f"s{i}": State(initial=i == 0) for i in range(FLAT)}
        go = states["s0"].to(states["s1"])
        for i in range(1, FLAT):
            go |= states[f"s{i}"].to(states[f"s{(i + 1) % FLAT}"])
        return type("Flat", (StateChart,), {**states, "go": go})

    def sender(kind: Any) -> Make:
        def make() -> Callable[[], Any]:
            machine = kind()
            return lambda: machine.send("go")

        return make

    nested, regions = Nested(), Regions()
    for expected in ({"on", "idle", "x"}, {"on", "idle", "y"}, {"off"}):
        nested.send("go")
        assert set(nested.configuration_values) == expected, nested.configuration_values
    assert nested.n == 0
    regions.send("go")
    assert {"b0", "b1", "b2", "b3"} <= set(regions.configuration_values)
    cases = {"a": Ring, "b": Nested, "c": Regions, "d": flat()}
    found = {case: rate(sender(kind), seconds) for case, kind in cases.items()}
    return {**found, "e": creation(Nested, INSTANCES // 10)}


# ---------------------------------------------------------------- transitions


def transitions(seconds: float) -> dict[str, float]:
    from transitions import Machine
    from transitions.extensions import HierarchicalMachine

    class Model:
        def __init__(self) -> None:
            self.n = 0

        def small(self) -> bool:
            return self.n < 100

        def up(self) -> None:
            self.n += 1

        def down(self) -> None:
            self.n -= 1

    def ring(size: int, kind: Any) -> Make:
        def make() -> Callable[[], Any]:
            names = [f"s{i}" for i in range(size)]
            moves = [["go", f"s{i}", f"s{(i + 1) % size}"] for i in range(size)]
            model = Model()
            kind(model=model, states=names, transitions=moves, initial="s0", auto_transitions=False)
            return lambda: model.go()  # type: ignore[attr-defined]

        return make

    busy = {"on_enter": "up", "on_exit": "down"}
    x = {"name": "x", **busy}
    on = {"name": "on", **busy, "initial": "idle", "children": [{"name": "idle", "initial": "x", "children": [x, "y"]}]}
    moves = [
        ["go", "off", "on"],
        {"trigger": "go", "source": "on_idle_x", "dest": "on_idle_y", "conditions": "small"},
        ["go", "on_idle_y", "off"],
    ]

    def nested() -> Model:
        model = Model()
        HierarchicalMachine(model=model, states=["off", on], transitions=moves, initial="off", auto_transitions=False)
        return model

    def nested_sender() -> Callable[[], Any]:
        model: Any = nested()
        return lambda: model.go()

    def regions() -> Callable[[], Any]:
        parts = [{"name": f"r{i}", "initial": "a", "children": ["a", "b"]} for i in range(4)]
        both = [["go", f"p_r{i}_{s}", f"p_r{i}_{t}"] for i in range(4) for s, t in ("ab", "ba")]
        model: Any = Model()
        HierarchicalMachine(
            model=model,
            states=[{"name": "p", "parallel": parts}],
            transitions=both,
            initial="p",
            auto_transitions=False,
        )
        return lambda: model.go()

    model: Any = nested()
    for expected in ("on_idle_x", "on_idle_y", "off"):
        model.go()
        assert model.state == expected, model.state
    assert model.n == 0
    return {
        "a": rate(ring(3, HierarchicalMachine), seconds),
        "b": rate(nested_sender, seconds),
        "c": rate(regions, seconds),
        "d": rate(ring(FLAT, Machine), seconds),
        "e": creation(nested, INSTANCES // 10),
    }


# ---------------------------------------------------------------- sismic


def sismic(seconds: float) -> dict[str, float]:
    from sismic.interpreter import Interpreter
    from sismic.io import import_from_yaml

    def chart(states: str, preamble: str = "") -> str:
        return f"statechart:\n  name: bench\n{preamble}  root state:\n    name: root\n{states}"

    def ring(size: int) -> str:
        lines = ["    initial: s0", "    states:"]
        for i in range(size):
            lines += [f"    - name: s{i}", f"      transitions: [{{event: go, target: s{(i + 1) % size}}}]"]
        return chart("\n".join(lines) + "\n")

    nested = chart(
        """    initial: off
    states:
    - name: off
      transitions: [{event: go, target: on}]
    - name: on
      on entry: n = n + 1
      on exit: n = n - 1
      initial: idle
      states:
      - name: idle
        initial: x
        states:
        - name: x
          on entry: n = n + 1
          on exit: n = n - 1
          transitions: [{event: go, guard: n < 100, target: y}]
        - name: y
          transitions: [{event: go, target: off}]
""",
        "  preamble: n = 0\n",
    )
    regions = chart(
        "    parallel states:\n"
        + "".join(
            f"    - name: r{i}\n      initial: a{i}\n      states:\n"
            f"      - name: a{i}\n        transitions: [{{event: go, target: b{i}}}]\n"
            f"      - name: b{i}\n        transitions: [{{event: go, target: a{i}}}]\n"
            for i in range(4)
        )
    )

    def sender(text: str) -> Make:
        loaded = import_from_yaml(text)

        def make() -> Callable[[], Any]:
            interpreter = Interpreter(loaded)
            interpreter.execute()
            return lambda: interpreter.queue("go").execute()

        return make

    loaded = import_from_yaml(nested)

    def create() -> Any:
        interpreter = Interpreter(loaded)
        interpreter.execute()
        return interpreter

    interpreter = create()
    for expected in ("x", "y", "off"):
        interpreter.queue("go").execute()
        assert interpreter.configuration[-1] == expected, interpreter.configuration
    assert interpreter.context["n"] == 0
    texts = {"a": ring(3), "b": nested, "c": regions, "d": ring(FLAT)}
    found = {case: rate(sender(text), seconds) for case, text in texts.items()}
    return {**found, "e": creation(create, INSTANCES // 10)}


# ---------------------------------------------------------------- by hand


def by_hand(seconds: float) -> dict[str, float]:
    class Ring:
        __slots__ = ("size", "state")

        def __init__(self, size: int) -> None:
            self.size = size
            self.state = 0

        def go(self) -> None:
            self.state = self.state + 1 if self.state < self.size - 1 else 0

    class Nested:
        __slots__ = ("n", "state")

        def __init__(self) -> None:
            self.n = 0
            self.state = "off"

        def go(self) -> None:
            state = self.state
            if state == "off":
                self.n += 1
                self.n += 1
                self.state = "on.idle.x"
            elif state == "on.idle.x":
                if self.n < 100:
                    self.n -= 1
                    self.state = "on.idle.y"
            else:
                self.n -= 1
                self.state = "off"

    class Regions:
        __slots__ = ("r0", "r1", "r2", "r3")

        def __init__(self) -> None:
            self.r0 = self.r1 = self.r2 = self.r3 = "a"

        def go(self) -> None:
            self.r0 = "b" if self.r0 == "a" else "a"
            self.r1 = "b" if self.r1 == "a" else "a"
            self.r2 = "b" if self.r2 == "a" else "a"
            self.r3 = "b" if self.r3 == "a" else "a"

    return {
        "a": rate(lambda: Ring(3).go, seconds),
        "b": rate(lambda: Nested().go, seconds),
        "c": rate(lambda: Regions().go, seconds),
        "d": rate(lambda: Ring(FLAT).go, seconds),
        "e": creation(Nested, INSTANCES),
    }


ENGINES = {
    "python-statemachine": python_statemachine,
    "transitions": transitions,
    "sismic": sismic,
    "hand-written": by_hand,
}

if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(json.dumps(ENGINES[sys.argv[1]](float(sys.argv[2]))))
