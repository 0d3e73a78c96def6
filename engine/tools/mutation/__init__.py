"""Mutants of charts against hand-written scenarios: what survives is a behaviour nobody tests."""
