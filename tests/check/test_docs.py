"""docs/checks.md is what users read when a code appears: every code is there, and every example gives its code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.language.load import load_contract, load_text
from engine.tools.check import RULES, check

DOCS = Path(__file__).parent.parent.parent / "docs" / "checks.md"
SECTION = re.compile(r"^### (C\d+) (.+)$", re.MULTILINE)
NO_EXAMPLE = {"C140"}  # the loader refuses such charts; tests/check/test_names.py builds one

LAMP = """
contract: lamp
actions:
  set: {args: {on: bool}}
  ignite: {args: {}}
  put_out: {args: {}}
events:
  failed:
  warm:
values:
  watts: {type: float W, stale: 1 s}
unsafe:
  - {order: ignite(), until: put_out()}
"""
CHILD = """
machine: child
events: {ready: {direction: out}}
states:
  only:
    entry: {send: {event: ready, to: parent}}
"""
ENDING = """
machine: ending
states:
  over: {type: final}
"""
WAITING = """
machine: waiting
parameters: {T_wait: {type: duration, default: 5 s}}
states:
  only: {after: {T_wait: only}}
"""


def sections() -> dict[str, tuple[str, str]]:
    """Code -> (title, text)."""
    text = DOCS.read_text("utf-8")
    marks = list(SECTION.finditer(text))
    ends = [m.start() for m in marks[1:]] + [len(text)]
    return {m[1]: (m[2], text[m.end() : end]) for m, end in zip(marks, ends, strict=True)}


def test_every_code_is_documented_under_its_title() -> None:
    assert {code: title for code, (title, _) in sections().items()} == {r.code: r.title for r in RULES.values()}


def test_notes_are_named_as_such() -> None:
    notes = sorted(code for code, rule in RULES.items() if rule.level == "note")
    listed = re.search(r"\*\*Notes\*\* \(([^)]*)\)", DOCS.read_text("utf-8"))
    assert listed is not None
    assert listed[1].split(", ") == notes


@pytest.mark.parametrize("code", sorted(set(RULES) - NO_EXAMPLE))
def test_the_example_of_a_code_gives_this_code_and_no_other_warning(code: str, tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", sections()[code][1], re.DOTALL)
    assert example is not None
    (tmp_path / "child.yaml").write_text(CHILD)
    (tmp_path / "ending.yaml").write_text(ENDING)
    (tmp_path / "waiting.yaml").write_text(WAITING)
    (tmp_path / "lamp.contract.yaml").write_text(LAMP)
    contracts = {"lamp": load_contract(tmp_path / "lamp.contract.yaml")}
    report = check(load_text(example[1], str(tmp_path / "example.yaml"), contracts))
    assert code in [finding.code for finding in report.findings]
    assert [finding.code for finding in report.warnings if finding.code != code] == []
