"""Traces: JSON Lines, one record per macrostep, complete enough to replay and to draw from. See docs/trace.md."""

from engine.tools.trace.lines import Recorder
from engine.tools.trace.reader import Trace, TraceError, read
from engine.tools.trace.record import TRACE_VERSION, brief, note_record
from engine.tools.trace.secrets import Veil
from engine.tools.trace.writer import TraceWriter

__all__ = ["TRACE_VERSION", "Recorder", "Trace", "TraceError", "TraceWriter", "Veil", "brief", "note_record", "read"]
