"""docs/conformance.md says what the tests show, neither more nor less."""

from __future__ import annotations

from tests.conformance.marks import shown
from tests.conformance.page import MARK, NOT_SHOWN, PAGE, groups, page


def test_the_page_is_what_the_tests_say() -> None:
    """Write it anew with ``python -m tests.conformance.page``."""
    assert PAGE.read_text("utf-8") == page()


def test_marks_are_names_of_groups() -> None:
    """A misspelt one would be missing from the page without a word."""
    known = groups()
    wrong = {f"{test.file}::{test.name}: {group}" for test in shown(MARK) for group in test.marks if group not in known}
    assert not wrong


def test_a_group_has_tests_or_a_reason() -> None:
    """And never both."""
    marked = {group for test in shown(MARK) for group in test.marks}
    assert groups().keys() - marked == NOT_SHOWN.keys()


def test_all_names_are_there() -> None:
    """81 of AC, 108 common, 110 of DC."""
    counts = {
        side: sum(len(names) for group, names in groups().items() if group.startswith(side))
        for side in ("AC_", "CMN_", "DC_")
    }
    assert counts == {"AC_": 81, "CMN_": 108, "DC_": 110}
