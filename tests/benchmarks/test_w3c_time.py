"""The W3C suite is run after every change only while it takes no time."""

from __future__ import annotations

import time

import pytest

from tests.w3c import suite


@pytest.mark.skipif(bool(suite.fetch()), reason=suite.fetch() or "the W3C documents are there")
def test_the_w3c_suite_takes_less_than_five_seconds() -> None:
    """Of processor time, on both engines, import and load included."""
    suite.chart_of.cache_clear()
    start = time.process_time()
    for document in suite.documents():
        for maker in suite.MAKERS:
            suite.run(document, maker)
    assert time.process_time() - start < 5.0
