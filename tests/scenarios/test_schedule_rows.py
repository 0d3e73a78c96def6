"""Scenarios of machines/v2g/schedule_rows.yaml: the rows of a schedule at their times."""

from __future__ import annotations

import pytest

from tests.scenarios.stage import S, Stage


@pytest.mark.parametrize(
    ("start_s", "begins"),
    [
        ([], []),
        ([0], []),
        ([5], []),
        ([0, 10, 25], [(10.0, 1), (25.0, 2)]),
        ([0, 10, 10, 8], [(10.0, 1), (10.0, 2), (10.0, 3)]),
    ],
)
def test_each_row_is_told_when_it_begins(start_s: list[int], begins: list[tuple[float, int]]) -> None:
    """The first one holds already; rows out of order come at once, none is left out."""
    stage = Stage("machines/v2g/schedule_rows.yaml", start=[at * S for at in start_s]).run(100)
    assert [(at, told["row"]) for at, _, told in stage.said] == begins
    assert stage.active("last")
