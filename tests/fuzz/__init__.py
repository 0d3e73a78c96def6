"""Coverage-guided fuzzers; each is a program of its own, and a test that runs it."""

import os

FUZZ_SEED = os.environ.get("CHARGECHART_FUZZ_SEED", "1")  # the same inputs on every run, unless asked for others

# In front of a fuzzer's command. Linux hands the greatest memory of a process to the program it becomes: begun by a
# test worker that holds a gigabyte, libFuzzer would count that as the fuzzer's own. A shell in between holds none.
OWN_MEMORY = ("sh", "-c", '"$@"; exit $?', "sh")
