"""Coverage-guided fuzzing of the loader and the expression parser: any text is a chart or a ChartError, soon.

    python -m tests.fuzz.fuzz_load -max_total_time=60 [CORPUS]

The first octet chooses the target; any other exception is a crash that libFuzzer reports with its input.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["engine"]):
    from tests.load.hostile import TARGETS


def one_input(data: bytes) -> None:
    """One fuzz case."""
    if data:
        TARGETS[data[0] % len(TARGETS)](data[1:])


def main() -> None:
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
