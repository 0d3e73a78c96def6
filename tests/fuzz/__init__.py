"""Coverage-guided fuzzers; each is a program of its own, and a test that runs it."""

import os

FUZZ_SEED = os.environ.get("CHARGECHART_FUZZ_SEED", "1")  # the same inputs on every run, unless asked for others
