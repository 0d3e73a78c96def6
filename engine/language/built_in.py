"""The events of the engine itself."""

from __future__ import annotations

from collections.abc import Mapping

from engine.language.types import DURATION, INT, STRING, Type

BUILT_IN: Mapping[str, Mapping[str, Type]] = {
    "error.execution": {"message": STRING, "position": STRING},
    "error.invariant": {"message": STRING, "position": STRING},
    "error.communication": {"message": STRING},
    "error.queue": {"dropped": INT, "event": STRING},
    "error.host": {"late": DURATION},
}
"""Events that the engine itself sends to any machine."""
