"""A chart with everything a trace can hold, run on a virtual clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.language.model import Chart
from engine.run import System
from engine.tools.trace import TraceWriter
from tests.system.tools import DOOR, Door, S

CHILD = """
machine: child
events: {found: {direction: out, payload: {raw: bytes, level: float}}, hello: {direction: in}}
data: {n: {type: int, initial: 0}}
output: {n: int}
initial: a
states:
  a:
    after: {1 s: {target: b, actions: [send: {event: found, to: parent, data: {raw: "hex('00ff')", level: 1.5}}]}}
  b: {on: {hello: {target: end, actions: [assign: {n: 3}]}}}
  end: {type: final, output: {n: n}}
"""
TOP = """
machine: top
title: Everything
parameters: {T_wait: {type: duration, default: 4 s}}
events:
  go: {direction: in}
  next: {}
  bad: {direction: in}
  strange: {direction: in}
  add: {direction: in, payload: {k: int}}
adapters: {gate: door}
data:
  raw: {type: bytes, initial: "hex('')"}
  angle: {type: float, initial: 0}
  width: {type: float, initial: 0}
  alive: {type: int, initial: 0}
initial: idle
states:
  idle:
    on: {go: work}
  work:
    entry: [log: "angle {gate.angle}", assign: {angle: gate.angle}, gate.unlock(pin=7), raise: next]
    invoke:
      - {id: kid, src: child.yaml}
      - {id: m, call: gate.measure(force=1)}
    on:
      next: {}
      kid.found: {actions: [assign: {raw: event.raw}, send: {event: hello, to: kid}]}
      done.invoke.kid: {actions: [assign: {alive: alive(kid)}]}
      done.invoke.m: {actions: [assign: {width: event.width}]}
      gate.opened: {}
      bad: {actions: [assign: {angle: 1 / width}]}
      add: {actions: [spawn: {id: more, src: child.yaml, key: event.k}, assign: {alive: alive(more)}]}
      more.found: {}
    after: {T_wait: rest}
  rest: {exit: gate.lock()}
"""


@pytest.fixture
def charts(tmp_path: Path) -> Path:
    (tmp_path / "child.yaml").write_text(CHILD)
    (tmp_path / "top.yaml").write_text(TOP)
    return tmp_path


@pytest.fixture
def load(charts: Path) -> Callable[[], Chart]:
    return lambda: engine.load(charts / "top.yaml", contracts={"door": DOOR})


@pytest.fixture
def traced(charts: Path, load: Callable[[], Chart]) -> Callable[[list[Any]], Path]:
    """Runs ``top`` through a list of events, ``(event, data)`` and waits in ns; gives the trace file."""

    def run(script: list[Any], name: str = "run.jsonl") -> Path:
        system, door = System(), Door()
        top = system.add(load(), adapters={"gate": door})
        writer = TraceWriter(system, charts / name, "Everything")
        system.start()
        for item in script:
            if isinstance(item, int):
                system.advance(item)
            elif item == "measured":
                for call in door.calls:
                    door.port.done(call, width=2.5)
            elif item == "opened":
                door.angle += 10
                door.port.emit("opened", by="Ann")
            else:
                event, data = item if isinstance(item, tuple) else (item, None)
                system.post(top, event, data)
            system.run_due()
        system.shutdown()
        writer.close()
        return charts / name

    return run


WHOLE = ["go", "opened", "strange", "bad", 1 * S, "measured", ("add", {"k": 3}), 500_000_000, "bad", 5 * S, "go"]
