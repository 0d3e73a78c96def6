"""Charts the drawing tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.language.model import Chart

HERE = Path(__file__).parent
MACHINES = HERE.parents[1] / "machines"


CHARTS = ("tests/diagram/models/charger62.yaml", "machines/slac/evse.yaml", "machines/pilot/evse.yaml")


@pytest.fixture(scope="session", params=CHARTS)
def chart(request: pytest.FixtureRequest) -> Chart:
    return engine.load(HERE.parents[1] / request.param)
