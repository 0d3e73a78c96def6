"""Which tests are marked with what they show, read from their text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).resolve().parents[1]


class Shown(NamedTuple):
    """A test that is marked: its file below tests/, its name, what it says of itself, the names it is marked with."""

    file: str
    name: str
    says: str
    marks: tuple[str, ...]


def shown(mark: str) -> list[Shown]:
    """All tests with ``pytest.mark.<mark>("NAME", …)``, by file and line. Raises ``ValueError`` for a mark of anything
    but names, written out."""
    return [each for path in sorted(TESTS.rglob("test_*.py")) for each in _marked(path, mark)]


def _marked(path: Path, mark: str) -> Iterator[Shown]:
    text = path.read_text("utf-8")
    if f"mark.{mark}(" not in text:
        return
    file = path.relative_to(TESTS).as_posix()
    body = ast.parse(text).body
    called = {
        target.id: node.value
        for node in body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        named: list[str] = []
        for each in node.decorator_list:
            if isinstance(each, ast.Name):  # marks that several tests have, under a name
                each = called.get(each.id, each)
            if isinstance(each, ast.Call) and ast.unparse(each.func) == f"pytest.mark.{mark}":
                named += [_text(file, node.name, mark, argument) for argument in each.args]
        if named:
            says = (ast.get_docstring(node) or node.name.removeprefix("test_").replace("_", " ") + ".").replace(
                "\n", " "
            )
            yield Shown(file, node.name, re.sub(r" {2,}", " ", says), tuple(named))


def _text(file: str, test: str, mark: str, argument: ast.expr) -> str:
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value
    raise ValueError(f"tests/{file}, {test}: pytest.mark.{mark} takes names, written out")
