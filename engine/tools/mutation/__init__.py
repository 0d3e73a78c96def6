"""Mutants of charts against hand-written scenarios: a mutant that survives is behaviour that nobody tests."""
