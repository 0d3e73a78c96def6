"""Whatever a scenario did, the end of its chart leaves no unsafe order standing."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.scenarios.stage import STAGES

# What a chart may leave to the adapter's close(), and why. The charts waive C180 with the same reasons.
LEFT = {
    "lock.lock": "above 60 V nobody lets go of the connector",
    "battery.lock_inlet": "nor of the inlet",
}


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    STAGES.clear()
    try:
        result = yield
        for stage in STAGES:
            before = len(stage.system.failures)
            stage.system.shutdown()
            left = [text for text in stage.system.failures[before:] if text.partition("(")[0] not in LEFT]
            assert not left, f"{stage.chart.name}, ended here, leaves an order: {left}"
        return result
    finally:
        STAGES.clear()
