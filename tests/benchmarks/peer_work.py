"""The machines of bench_work.py in xstate-statemachine: ``python peer_work.py SECONDS``, in the other engines'
environment. Prints JSON: case → events per CPU second, and ``timer_bytes`` → memory of one machine with a timer."""

from __future__ import annotations

import gc
import json
import logging
import sys
import tracemalloc
from typing import Any

from peer_engines import rate
from xstate_statemachine import MachineLogic, SimulatedClock, SyncInterpreter, create_machine

MACHINES = 200


def add(interpreter: Any, context: dict[str, Any], event: Any, action: Any) -> None:
    context["total"] += event.payload["value"]


def main(seconds: float) -> dict[str, float]:
    on = {state: {"measured": {"guard": "fits", "target": other, "actions": "add"}} for state, other in ("ab", "ba")}
    work = create_machine(
        {
            "id": "work",
            "context": {"total": 0.0, "most": 1000.0},
            "initial": "a",
            "states": {name: {"on": edges} for name, edges in on.items()},
        },
        logic=MachineLogic(
            guards={"fits": lambda context, event: event.payload["value"] < context["most"]}, actions={"add": add}
        ),
    )
    timed = create_machine(
        {
            "id": "timed",
            "initial": "waiting",
            "states": {
                "waiting": {"on": {"again": {"target": "waiting", "reenter": True}}, "after": {"1000": "late"}},
                "late": {},
            },
        }
    )

    def started(machine: Any) -> Any:
        return SyncInterpreter(machine, clock=SimulatedClock()).start()

    sender = started(work)
    sender.send("measured", value=1.5)
    assert (sender.current_state_ids, sender.context["total"]) == ({"work.b"}, 1.5), sender.context
    waiting = started(timed)
    waiting.send("again")
    waiting.clock.increment(1000)
    assert waiting.current_state_ids == {"timed.late"}
    waiting = started(timed)
    found = {
        "payload": rate(lambda: lambda: sender.send("measured", value=1.5), seconds),
        "timer": rate(lambda: lambda: waiting.send("again"), seconds),
    }
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = [started(timed) for _ in range(MACHINES)]
    gc.collect()
    return {**found, "timer_bytes": (tracemalloc.get_traced_memory()[0] - before - kept.__sizeof__()) / MACHINES}


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(json.dumps(main(float(sys.argv[1]))))
