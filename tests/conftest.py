"""What all tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from engine.tools.diagram.elk import Elk, LayoutUnavailable

# How long generating or running an example takes is no property: a busy machine must not fail one.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

collect_ignore = ["benchmarks"]  # time limits: only when named, so that nothing else is at work beside them

# What this machine tells its Python (unbuffered output, other warnings, a path) must not decide how the programs behave
# that tests start.
for _name in [name for name in os.environ if name.startswith("PYTHON")]:
    del os.environ[_name]

os.environ["CHARGECHART_CACHE"] = "off"  # tests are of the charts as they lie there, and leave nothing behind

# A shell starts what it sends to the background with Ctrl-C ignored; a program that a test starts would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

LONG = (
    "test_josev_interrupted",
    "test_josev",
    "test_exi_oracle",
    "test_pairs",
    "test_zoo",
    "test_mutation",
    "test_scxml",
)
"""Files of a minute or more. They begin first: the last of them would keep one worker busy and the others idle."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


@pytest.fixture(scope="session")
def elk() -> Iterator[Elk]:
    """The layout engine; it fetches elkjs once, so a machine that has never been online has none."""
    try:
        layouter = Elk()
    except LayoutUnavailable as reason:
        pytest.skip(str(reason))
    with layouter:
        yield layouter
