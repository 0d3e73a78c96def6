"""Runs SCXML documents in python-statemachine, in its own environment: JSON in, JSON out.

Input: a list of ``[document, [event, …]]``. Output: for each the list of ``[configuration, trace]`` after the start and
after every event; ``["error", text]`` where that engine raised.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from typing import Any

from statemachine.io import load


def run(document: str, events: list[str]) -> list[Any]:
    handle, path = tempfile.mkstemp(suffix=".scxml")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(document)
        machine = load(path, trusted=True)()
        seen = [look(machine)]
        for event in events:
            machine.send(event)
            seen.append(look(machine))
        return seen
    except Exception as error:
        return ["error", f"{type(error).__name__}: {error}"]
    finally:
        os.unlink(path)


def look(machine: Any) -> Any:
    return [sorted(state.id for state in machine.configuration), machine.model.trace]


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(json.dumps([run(document, events) for document, events in json.load(sys.stdin)]))
