"""Traces: JSON Lines, one record per macrostep, complete enough to replay and to draw from. See docs/trace.md.

Each part is imported when it is asked for: a run that writes no trace needs no reader."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.tools.trace.lines import Recorder
    from engine.tools.trace.reader import Trace, TraceError, read
    from engine.tools.trace.record import TRACE_VERSION, brief, note_record
    from engine.tools.trace.secrets import Veil
    from engine.tools.trace.writer import TraceWriter

__all__ = ["TRACE_VERSION", "Recorder", "Trace", "TraceError", "TraceWriter", "Veil", "brief", "note_record", "read"]
_MODULES = {
    "lines": ("Recorder",),
    "reader": ("Trace", "TraceError", "read"),
    "record": ("TRACE_VERSION", "brief", "note_record"),
    "secrets": ("Veil",),
    "writer": ("TraceWriter",),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
