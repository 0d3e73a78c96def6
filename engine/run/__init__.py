"""Running machines: queues, timers and children on one clock, and adapters bound by role."""

from engine.run.actor import Actor
from engine.run.binding import Binding
from engine.run.clock import Clock, RealClock, VirtualClock
from engine.run.observer import Note, Observer, StepRecord
from engine.run.queues import Limits
from engine.run.system import System

__all__ = [
    "Actor",
    "Binding",
    "Clock",
    "Limits",
    "Note",
    "Observer",
    "RealClock",
    "StepRecord",
    "System",
    "VirtualClock",
]
