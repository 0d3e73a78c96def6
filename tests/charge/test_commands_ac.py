"""``python -m adapters.v2g flow`` and ``fault`` in AC against our station, over TCP on a veth pair."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.charge import josev
from tests.charge.test_commands import SURVIVED, address, needs_namespaces
from tests.slac import netns

RECEIPT = "v2g.MeteringReceiptRes(ResponseCode=OK"
QUICK = [
    "--sessions", "999",
    "--set", "pilot.ready_after=50 ms",
    "--set", "pilot.unplug_after=50 ms",
    "--set", "T_unlock=300 ms",
    "--set", "T_return=1 s",
    "--set", "session.T_close=200 ms",
]  # fmt: skip
"""An AC station whose stand-in vehicle unplugs when 5 % have ended, and comes back."""


@pytest.fixture(scope="module")
def cable() -> Iterator[dict[str, str]]:
    """A plain network cable between a station and a vehicle."""
    with netns.namespaces(("wire0", "station"), ("wire1", "vehicle")) as names:
        yield names


@pytest.fixture(scope="module")
def outlet(cable: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[josev.Process]:
    """Our AC station, which asks for receipts."""
    words = ["--iface", "wire0", *QUICK, "--set", "session.dialogue.ReceiptRequired=True"]
    with josev.engine_run(cable["station"], "evse_ac", tmp_path_factory.mktemp("outlet"), *words) as running:
        running.until("communication.open", 120)
        yield running


def until_inviting(station: josev.Process) -> None:
    """Wait until the outlet shows 5 % and no session is left."""
    end = time.monotonic() + 120
    states: list[str] = []
    while states[-1:] != ["vehicle.plugged.inviting"]:
        assert time.monotonic() < end, f"{states[-3:]}\n{station.text[-1500:]}"
        time.sleep(0.05)  # a real process: nothing to wait on but its output
        states = re.findall(r"^ +[0-9.]+  evse  [^\n]*→ [^\n]*?(vehicle\.[a-z_.]+)", station.text, re.M)


def command(cable: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """A sub-command for the AC station."""
    to = address(cable["station"])
    line = [sys.executable, "-m", "adapters.v2g", words[0], "--to", to, "--energy", "ac", *words[1:]]
    inside = ["ip", "netns", "exec", cable["vehicle"], *line]
    return subprocess.run(inside, cwd=josev.ROOT, capture_output=True, text=True, check=False, timeout=240)


@needs_namespaces
@pytest.mark.parametrize("phases", ["1", "3"])
def test_flow(cable: dict[str, str], outlet: josev.Process, phases: str) -> None:
    """The reading of the meter is confirmed, as the station asks."""
    until_inviting(outlet)
    receipts = outlet.text.count(RECEIPT)
    run = command(cable, "flow", "--phases", phases, "--loops", "3")
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1] == "session complete"
    assert re.search(r"^ChargingStatus +OK .*\(3 times", run.stdout, re.M)
    outlet.until_all([RECEIPT] * (receipts + 1), 60)


@needs_namespaces
@pytest.mark.parametrize(
    ("kind", "step", "expected"),
    [
        ("corrupt-exi", "ChargingStatus", SURVIVED),
        ("duplicate", "ChargeParameterDiscovery", SURVIVED),
        ("out-of-order", "PowerDelivery", "the station answered SessionSetupRes"),
        ("reset", "ChargingStatus", "serves the next session"),
    ],
)
def test_fault(cable: dict[str, str], outlet: josev.Process, kind: str, step: str, expected: str) -> None:
    """Nothing is left live behind it, and the next session works."""
    until_inviting(outlet)
    run = command(cable, "fault", "--kind", kind, "--at", step, "--loops", "2", "--next", "120")
    assert run.returncode == 0, run.stdout + run.stderr
    assert expected in run.stdout
    assert run.stdout.splitlines()[-1] == "the station serves the next session"
    until_inviting(outlet)
    orders = re.findall(r"contactor\.set\(closed=(\w+)\)", outlet.text)
    assert orders[-1:] == ["False"]
    assert "Traceback" not in outlet.text


def test_ac_that_there_is_not() -> None:
    """DIN has no AC, AC no cable check: told before anything is sent."""
    line = [sys.executable, "-m", "adapters.v2g"]
    for words, why in (
        (["flow", "--to", "[::1]:9", "--energy", "ac", "--protocol", "din"], "no AC session"),
        (["fault", "--to", "[::1]:9", "--energy", "ac", "--kind", "cut-exi", "--at", "CableCheck"], "no such request"),
    ):
        run = subprocess.run([*line, *words], cwd=josev.ROOT, capture_output=True, text=True, check=False)
        assert (run.returncode, why in run.stderr) == (2, True), run.stderr
