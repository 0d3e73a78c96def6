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
    model = space["Model"](**decoded(request.get("parameters", {})))
    readings = {}
    model.read = lambda role, name: readings[role, name]
    model.order = lambda role, action, **arguments: orders.append([role, action])
    readings.update(read_now(request))
    made = space["build"](model)
    seen = []

    def note():
        # what a state is told has its path before its name; in Python a dot stands for something else
        own = {name: name.replace(".", "__") for name in request["data"]}
        data = {name: vars(model)[attribute] for name, attribute in own.items() if attribute in vars(model)}
        seen.append({"states": look(kind, made, model), "data": data})

    note()
    for number, (event, data) in enumerate(request["events"], 1):
        readings.update(read_now(request, number))
        if event == "(timer)":
            timers, wanted = space["TIMERS"], data[3] if kind == "statemachine" else data[0]
            state = next(s for s in timers if f".{s}".endswith(f".{wanted}"))  # a chart's own `on` puts a state around
            event, data = timers[state][data[2]][0], None
        data = decoded(data)
        if kind == "transitions":
            model.send(event, data)
        else:
            made.send(event, data=data or {})
        note()
    return {"seen": seen, "orders": orders}


def read_now(request, number=0):
    """What the adapters show: ``readings`` has a list of [role, name, value] for the start and for each event."""
    rows = request.get("readings", [])
    return {(role, name): decoded(value) for role, name, value in (rows[number] if rows else [])}


def decoded(value):
    """Byte strings come as {"$hex": ...}."""
    if isinstance(value, dict):
        return bytes.fromhex(value["$hex"]) if "$hex" in value else {k: decoded(v) for k, v in value.items()}
    return [decoded(v) for v in value] if isinstance(value, list) else value


def encoded(value):
    return {"$hex": value.hex()} if isinstance(value, bytes) else str(value)


for line in sys.stdin:
    try:
        result = answer(json.loads(line))
    except Exception:
        result = {"error": traceback.format_exc()}
    print(json.dumps(result, default=encoded), flush=True)
