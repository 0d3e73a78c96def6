"""SCXML → chart → SCXML → chart: a document still passes, or the export says what it lost."""

from __future__ import annotations

import pytest

from engine.language.load import load_text
from engine.tools.export.scxml import export_scxml
from engine.tools.scxml import import_text
from tests.w3c import suite

pytestmark = pytest.mark.skipif(bool(suite.fetch()), reason=suite.fetch() or "the W3C documents are there")
DOCUMENTS = [] if suite.fetch() else [d for d in suite.documents() if d.id not in suite.exceptions() and d.id != "301"]


def test_a_document_that_went_out_and_came_back_passes_or_its_loss_was_told() -> None:
    silent: list[str] = []
    passed = 0
    for document in DOCUMENTS:
        chart = suite.chart_of(document.path)
        assert not isinstance(chart, str), chart
        exported = export_scxml(chart)
        back = import_text(exported.text, f"{chart.name}.scxml", document.path.parent).text
        outcome = suite.run_chart(load_text(back, str(document.path.with_suffix(".yaml"))), "compiled")
        passed += outcome.verdict == "pass"
        if outcome.verdict != "pass" and not exported.losses:
            silent.append(f"{document.id}: {outcome.verdict}")
    assert silent == []
    assert passed >= 0.95 * len(DOCUMENTS)
