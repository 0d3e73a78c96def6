"""Which of the many scenarios run always, and which in the long run only."""

from __future__ import annotations

import zlib

import pytest

IN_BOTH = (
    "test_scenarios_messages.py",
    "test_scenarios_people.py",
    "test_scenarios_power.py",
    "test_scenarios_vehicle.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What goes wrong at every message does so in one protocol here and in the other there; in the long run in both.

    Scenarios that are named one by one run as they are named.
    """
    if any("::" in argument for argument in config.args):
        return
    for item in items:
        if item.path.name in IN_BOTH and isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            protocol = item.callspec.params.get("protocol")
            if protocol in ("din", "iso2") and len(item.callspec.params) > 1:
                scenario = item.name.replace(protocol, "")
                if protocol != ("din", "iso2")[zlib.crc32(scenario.encode()) % 2]:
                    item.add_marker(pytest.mark.campaign)
