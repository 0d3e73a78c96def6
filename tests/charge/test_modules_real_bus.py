"""A whole charge on the real clock, station and modules on a bus of python-can: what the virtual clock cannot show."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.campaign,
    pytest.mark.skipif(
        "CHARGECHART_REAL_BUS" not in os.environ,
        reason="real clock, and one of ten runs (uu) did not end on a busy machine: .ci/campaign bus",
    ),
]

FAMILIES = ("infy", "maxwell", "uu", "huawei", "tonhe")


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_charge_on_a_real_bus(kind: str) -> None:
    """python-can's ``virtual`` bus: its threads, its queues, its notifier; the end is that of every charge."""
    ends = ("adapters.supply.adapters.bus", "modules.adapters.bus")
    buses = {f"{end}.{key}": value for end in ends for key, value in BUS.items()}
    battery = {"pev.adapters.battery.soc": "40.9", "pev.stop_at_soc": "41 %"}
    sets = [f"--set={key}={value}" for key, value in {"supply": kind, **buses, **battery}.items()]
    run = [sys.executable, "-m", "engine", "run", "machines/evse_dc.yaml", "--link", "ethernet", "--sessions", "1"]
    done = subprocess.run([*run, "--quiet", *sets], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "end=normal" in done.stdout


BUS = {"use": "python_can", "interface": "virtual", "channel": "modules"}
