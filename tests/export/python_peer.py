"""Runs exported Python modules in an environment of their own: one request {kind, text, events} per line."""

import json
import sys
import traceback


def look(kind, made, model):
    if kind == "transitions":
        states = model.state if isinstance(model.state, list) else [model.state]
        flat = set()
        for state in flatten(states):
            parts = state.split(".")
            flat |= {".".join(parts[: n + 1]) for n in range(len(parts))}
        return sorted(flat)
    return sorted(s.id for s in made.configuration)


def flatten(states):
    for state in states:
        if isinstance(state, list):
            yield from flatten(state)
        else:
            yield state


def answer(request):
    kind = request["kind"]
    space = {}
    exec(compile(request["text"], "exported.py", "exec"), space)
    orders = []
    model = space["Model"]()
    model.order = lambda role, action, **arguments: orders.append([role, action])
    made = space["build"](model)
    seen = []

    def note():
        data = {k: v for k, v in vars(model).items() if k in request["data"]}
        seen.append({"states": look(kind, made, model), "data": data})

    note()
    for event, data in request["events"]:
        if kind == "transitions":
            model.send(event, data)
        else:
            made.send(event, data=data or {})
        note()
    return {"seen": seen, "orders": orders}


for line in sys.stdin:
    try:
        result = answer(json.loads(line))
    except Exception:
        result = {"error": traceback.format_exc()}
    print(json.dumps(result, default=str), flush=True)
