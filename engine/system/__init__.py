"""Machines with queues, timers and children on one clock; adapters bound by role."""
