"""Charts and layout engines the drawing tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import engine
from engine.language.model import Chart
from engine.tools.diagram.compose import Solver
from engine.tools.diagram.dot import Graphviz
from engine.tools.diagram.elk import Elk, LayoutUnavailable

HERE = Path(__file__).parent
MACHINES = HERE.parents[1] / "machines"


@pytest.fixture(scope="session")
def elk() -> Iterator[Elk]:
    try:
        layouter = Elk()
    except LayoutUnavailable as reason:
        pytest.skip(str(reason))
    with layouter:
        yield layouter


@pytest.fixture(scope="session")
def graphviz() -> Graphviz:
    try:
        return Graphviz()
    except LayoutUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(params=["elk", "graphviz"])
def solver(request: pytest.FixtureRequest) -> Solver:
    """Each layout engine that is there."""
    found: Solver = request.getfixturevalue(request.param)
    return found


CHARTS = ("tests/diagram/models/charger62.yaml", "machines/slac/evse.yaml", "machines/pilot/evse.yaml")


@pytest.fixture(scope="session", params=CHARTS)
def chart(request: pytest.FixtureRequest) -> Chart:
    return engine.load(HERE.parents[1] / request.param)
