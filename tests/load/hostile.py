# ruff: noqa: PT017
"""What must hold for any input to the loader and the expression parser: for hypothesis and for atheris."""

from __future__ import annotations

import tempfile
from pathlib import Path

from engine.language.expr.check import Scope, expression, guard
from engine.language.expr.evaluate import evaluate
from engine.language.expr.lex import ExpressionError
from engine.language.expr.text import to_text
from engine.language.expr.tree import Expr
from engine.language.load import load, load_text
from engine.language.problems import ChartError
from engine.language.values import EvaluationError
from tests.expr.strategies import SCOPE, Values
from tests.load.contracts import CONTRACTS
from tests.load.test_errors import CHART

VALUES = Values(
    {
        "i": 3,
        "j": -1,
        "x": 0.5,
        "b": True,
        "s": "ab",
        "t": 10**9,
        "u": 400.0,
        "a": 2.0,
        "p": 3.0,
        "mode": "slow",
        "ints": [1, 2],
        "maybe": None,
    }
)


def check_chart(text: str) -> None:
    """A chart, or problems that have places in the text and can be shown."""
    try:
        load_text(text, "fuzz.yaml", CONTRACTS)
    except ChartError as error:
        assert error.problems
        assert str(error)
        for problem in error.problems:
            assert problem.code
            assert problem.message
            if problem.position.file == "fuzz.yaml":
                assert (
                    1
                    <= problem.position.line
                    <= text.count("\n")
                    + text.count("\r")
                    + text.count("\x85")
                    + 2
                    + (text.count("\u2028") + text.count("\u2029"))
                )
                assert problem.position.column >= 1


def check_expression(text: str) -> None:
    """An expression that evaluates or says why not, and is the same when written out and read again; or faults inside
    the text."""
    try:
        tree: Expr = expression(text, SCOPE)
    except ExpressionError as error:
        assert error.faults
        for fault in error.faults:
            assert 0 <= fault.start <= fault.end <= len(text)
        return
    try:
        evaluate(tree, VALUES)
    except EvaluationError as error:
        assert str(error)
    written = to_text(tree)
    again = expression(written, SCOPE)
    assert to_text(again) == written
    if ".0" not in text and "e" not in text.lower():  # a whole float with a unit is written as an int
        assert again == tree


def raw_file(data: bytes) -> None:
    """Octets as a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz.yaml"
        path.write_bytes(data)
        try:
            load(path, CONTRACTS)
        except ChartError as error:
            assert str(error)


def text_of(data: bytes) -> None:
    """Any text, halves of surrogate pairs among it."""
    try:
        text = data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    check_chart(text)


def chart_with(data: bytes) -> None:
    """A sound chart with a piece replaced, at places the input chooses."""
    text = CHART
    for _ in range(4):
        if len(data) < 4:
            break
        at = int.from_bytes(data[:2], "big") % len(text)
        length, data = data[2] % 40, data[3:]
        piece, data = data[: length % 16], data[length % 16 :]
        text = text[:at] + piece.decode("utf-8", "replace") + text[at + length // 2 :]
    check_chart(text)


def expression_of(data: bytes) -> None:
    check_expression(data.decode("utf-8", "replace"))


def untyped_expression_of(data: bytes) -> None:
    """Imported charts know no types: what parses must still evaluate or say why not."""
    text = data.decode("utf-8", "replace")
    try:
        tree = guard(text, Scope(untyped=True))
    except ExpressionError:
        return
    try:
        evaluate(tree, VALUES)
    except EvaluationError as error:
        assert str(error)


TARGETS = (expression_of, chart_with, text_of, untyped_expression_of, raw_file)
