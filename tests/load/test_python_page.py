"""docs/python.md is true: its examples are run."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_the_page_on_python_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who embeds the engine starts here."""
    text = PAGE.read_text()
    for name, block in re.findall(r"^```yaml (\S+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(block)
    monkeypatch.chdir(tmp_path)
    examples = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    assert len(examples.examples) > 30
    told: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.FAIL_FAST).run(examples, out=told.append)
    assert not told, "".join(told)
    plain = re.findall(r"^```python\n(?!>>>)(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for block in plain:
        compile(block, str(PAGE), "exec")
    assert len(plain) == 1
