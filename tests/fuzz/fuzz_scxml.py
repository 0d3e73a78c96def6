"""Coverage-guided fuzzing of the SCXML importer: any octets are a chart's text or an ImportProblem, soon.

    python -m tests.fuzz.fuzz_scxml -max_total_time=60 [CORPUS]

Any other exception is a crash that libFuzzer reports with its input.
"""

from __future__ import annotations

import contextlib
import sys

import atheris

with atheris.instrument_imports(include=["engine.tools.scxml"]):
    from engine.language.problems import ChartError
    from engine.tools.scxml import ImportProblem, import_text
    from engine.tools.scxml.expressions import Scope

from engine.language.expr.check import Scope as Names
from engine.language.expr.check import expression
from engine.language.load import load_text


def one_input(data: bytes) -> None:
    """One fuzz case: the first octet chooses expressions or documents."""
    if not data:
        return
    if data[0] % 2:
        text = data[1:].decode("utf-8", "replace")
        for ecmascript in (False, True):
            written = Scope("doc", ecmascript, {"a": "a", "b": "b"}).condition(text)
            if len(written) < 4000:
                expression(written, Names(untyped=True))
        return
    with contextlib.suppress(ImportProblem, ChartError):
        load_text(import_text(data[1:]).text)


def main() -> None:
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
