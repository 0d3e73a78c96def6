"""The W3C SCXML suite: what a document means elsewhere it means here, or tests/w3c/exceptions.yaml says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.language.load import load_text
from engine.tools.scxml import ImportProblem, import_file
from tests.w3c import suite, table

pytestmark = pytest.mark.skipif(bool(suite.fetch()), reason=suite.fetch() or "the W3C documents are there")
DOCUMENTS = [] if suite.fetch() else suite.documents()
REJECTED = {"301"}  # a document that must not load


@pytest.mark.parametrize("maker", list(suite.MAKERS))
@pytest.mark.parametrize("document", [d for d in DOCUMENTS if d.id not in REJECTED], ids=lambda d: d.id)
def test_w3c(document: suite.Document, maker: str) -> None:
    """A document reaches ``pass``; one with a listed reason does not."""
    outcome = suite.run(document, maker)
    told = "\n".join([f"test {document.id}: {outcome.verdict}", *outcome.trail])
    if document.id in suite.exceptions():
        assert outcome.verdict != "pass", f"{told}\nit passes: take it off exceptions.yaml"
    else:
        assert outcome.verdict == "pass", told


def test_every_test_of_the_suite_is_accounted_for() -> None:
    """161 mandatory and 33 optional automated tests and 9 manual ones: each has a document or a reason."""
    present = {document.id for document in DOCUMENTS}
    missing = [test for test in table.ALL if test not in present and test not in suite.exceptions()]
    assert missing == []
    assert len(table.MANDATORY) == 161
    assert len(table.OPTIONAL) == 33
    assert len(table.MANUAL) == 9
    assert set(suite.exceptions()) <= set(table.ALL)


def test_mandatory_tests_have_no_exception() -> None:
    assert [test for test in table.MANDATORY if test in suite.exceptions()] == []


def _own(test: str) -> suite.Document:
    return next(d for d in DOCUMENTS if d.id == test and d.level == "own")


@pytest.mark.parametrize("maker", list(suite.MAKERS))
def test_230_the_forwarded_event_is_a_copy(maker: str) -> None:
    logs = suite.run(_own("230"), maker).logs
    texts = {label: text for label, _, text in (log.partition(": ") for log in logs)}
    assert texts["parent"] == texts["child"]
    assert texts["parent"].startswith("childToParent external ")
    assert texts["parent"].endswith(" child 7")


@pytest.mark.parametrize("maker", list(suite.MAKERS))
def test_250_a_cancelled_child_runs_its_exit_handlers(maker: str) -> None:
    assert suite.run(_own("250"), maker).logs == ["exit: sub01", "exit: sub0"]


def test_301_a_script_that_cannot_be_fetched_rejects_the_document() -> None:
    with pytest.raises(ImportProblem, match="cannot be read"):
        import_file(_own("301").path)


@pytest.mark.parametrize("maker", list(suite.MAKERS))
def test_307_late_binding_gives_no_value_before_its_state(maker: str) -> None:
    assert suite.run(_own("307"), maker).logs == ["error before", "after: 7"]


@pytest.mark.parametrize("maker", list(suite.MAKERS))
def test_415_nothing_follows_a_top_level_final_state(maker: str) -> None:
    """Of the events raised and sent on its entry none is processed: no further step is taken."""
    trail = suite.run(_own("415"), maker).trail
    assert [line for line in trail if not line.startswith("    ")] == ["0 s root start: s0/always"]


def test_imported_text_is_stable(tmp_path: Path) -> None:
    """Importing twice gives the same text, and the text alone is the chart: it loads from elsewhere, too."""
    document = next(d for d in DOCUMENTS if d.id == "239")
    first, second = import_file(document.path), import_file(document.path)
    assert first == second
    assert load_text(first.text, str(tmp_path / "moved.yaml")).states.keys() >= {"s0.s01", "pass"}


def test_the_table_in_the_docs_is_what_the_suite_says_now() -> None:
    assert table.DOCS.read_text("utf-8") == table.text(), "run: python -m tests.w3c.table"
