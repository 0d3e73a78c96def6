"""Our charts with foreign SLAC implementations over real interfaces and an emulated power line."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.slac.frames import nid_from_nmk
from tests.slac.netns import missing, namespaces
from tests.slac.peers import PeerUnavailable, peer_python
from tests.slac.test_hub import line

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "available")
ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).parent
ENDS = (("evse0", "evse"), ("line0", "line"), ("pev0", "pev"), ("line1", "line"))


class Program:
    """A program in a namespace and what it has said so far."""

    def __init__(self, namespace: str, command: list[object]) -> None:
        words = ["ip", "netns", "exec", namespace, *map(str, command)]
        self.process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.text = ""

    def line_with(self, pattern: str, seconds: float) -> str:
        """The first line with the pattern; fails after the time with what there was instead."""
        assert self.process.stdout is not None
        end = time.monotonic() + seconds
        while not (found := re.search(f".*(?:{pattern}).*\n", self.text)):
            left = max(0.0, end - time.monotonic())
            ready = select.select([self.process.stdout], [], [], left)[0]
            said = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not said:
                pytest.fail(f"no {pattern!r} within {seconds} s, there was:\n{self.text[-4000:]}")
            self.text += said.decode()
        return found[0]


@contextlib.contextmanager
def running(namespace: str, command: list[object]) -> Iterator[Program]:
    """A program, ended at the end."""
    program = Program(namespace, command)
    try:
        yield program
    finally:
        program.process.terminate()
        program.process.communicate(timeout=10)


def ours(side: str) -> list[object]:
    chart = f"machines/slac/{side}.yaml"
    return [sys.executable, "-u", "-m", "engine.cli", "run", chart, "--iface", f"{side}0", "--plain"]


def peer(name: str, script: str, *arguments: object) -> list[object]:
    try:
        return [peer_python(name), "-u", SCRIPTS / script, *arguments]
    except PeerUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Two hosts with an interface each, joined by an emulated line."""
    with (
        namespaces(*ENDS) as names,
        line(tmp_path / "line", "--iface", "evse=line0", "--iface", "pev=line1", namespace=names["line"]),
    ):
        yield names


def test_our_vehicle_matches_with_pyslac(bench: dict[str, str]) -> None:
    """Our vehicle finds, matches and joins a station that runs pyslac, which knows it by its MAC and run id."""
    with running(bench["evse"], peer("pyslac", "peer_pyslac_evse.py", "evse0", 0.5)) as station:
        keyed = json.loads(station.line_with('"keyed"', 20))
        with running(bench["pev"], ours("pev")) as vehicle:
            ready = vehicle.line_with("out: dlink_ready", 30)
            matched = json.loads(station.line_with('"matched"', 5))
    assert keyed["mac"] in ready
    assert matched["nmk"] == keyed["nmk"]
    assert len(bytes.fromhex(matched["run_id"])) == 8


def test_vehicle_of_scapy_frames_matches_with_our_station(bench: dict[str, str]) -> None:
    """A vehicle that shares no code with us is matched by our station, with a NID that belongs to the NMK."""
    with running(bench["evse"], ours("evse")) as station:
        station.line_with("matching.renewing → matching", 20)
        with running(bench["pev"], peer("scapy", "peer_scapy_pev.py", "pev0")) as vehicle:
            result: dict[str, Any] = json.loads(vehicle.line_with('"mac"|"error"', 40))
            assert "error" not in result, station.text[-4000:]
            ready = station.line_with("out: dlink_ready", 15)
    assert result["mac"] in ready
    assert bytes.fromhex(result["nid"]) == nid_from_nmk(bytes.fromhex(result["nmk"]))
    assert (result["sounds"], result["groups"]) == (10, 58)
    assert abs(result["mean_dB"] - 9) < 1.5
    assert result["keyed"]


def test_our_vehicle_matches_with_our_station_between_namespaces(bench: dict[str, str]) -> None:
    """Both charts as tools of their own, each in its process on a real interface: one network, known to both."""
    with running(bench["evse"], ours("evse")) as station:
        station.line_with("matching.renewing → matching", 20)
        with running(bench["pev"], ours("pev")) as vehicle:
            at_vehicle = vehicle.line_with("out: dlink_ready", 30)
            at_station = station.line_with("out: dlink_ready", 15)
    assert "evse_mac" in at_vehicle
    assert "pev_mac" in at_station
