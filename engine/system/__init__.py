"""Machines with queues, timers and children on one clock; adapters bound by role."""

from engine.system.actor import Actor
from engine.system.binding import Binding
from engine.system.clock import Clock, RealClock, VirtualClock
from engine.system.observer import Note, Observer, StepRecord
from engine.system.queues import Limits
from engine.system.system import System

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
