"""docs/ocpp.md says which cases of OCPP 1.6 the tests show, neither more nor less."""

from __future__ import annotations

from tests.conformance.marks import shown
from tests.conformance.ocpp import MARK, NOT_SHOWN, PAGE, cases, filled

IDS = {case for profile in cases().values() for case in profile}


def test_the_list_is_what_the_tests_say() -> None:
    """Write it anew with ``python -m tests.conformance.ocpp``."""
    text = PAGE.read_text("utf-8")
    assert text.count("<!-- cases -->") == 1
    assert text == filled(text)


def test_marks_are_ids_of_cases() -> None:
    """A misspelt one would be missing from the list without a word."""
    assert {
        f"{test.file}::{test.name}: {case}" for test in shown(MARK) for case in test.marks if case not in IDS
    } == set()


def test_what_is_not_shown_has_no_test() -> None:
    marked = {case for test in shown(MARK) for case in test.marks}
    assert NOT_SHOWN.keys() <= IDS - marked


def test_each_case_is_there_once() -> None:
    """107 of the charge point's, security included, and 23 situations from the field."""
    assert len(IDS) == sum(len(profile) for profile in cases().values()) == 107 + 23
