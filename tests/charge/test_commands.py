"""``python -m adapters.v2g flow`` and ``fault`` against our station, over TCP on a veth pair."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.charge import josev
from tests.slac import netns

needs_namespaces = pytest.mark.skipif(bool(netns.missing()), reason=netns.missing())


@pytest.fixture(scope="module")
def cable() -> Iterator[dict[str, str]]:
    """A plain network cable between a station and a vehicle."""
    with netns.namespaces(("wire0", "station"), ("wire1", "vehicle")) as names:
        yield names


@pytest.fixture(scope="module")
def station(cable: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[josev.Process]:
    """Our station, for all the tests of this file: what one of them leaves behind the next one would miss."""
    directory = tmp_path_factory.mktemp("station")
    with josev.engine_run(cable["station"], "evse_dc", directory, "--iface", "wire0", *josev.QUICK) as running:
        running.until("communication.open", 120)
        yield running


def address(namespace: str) -> str:
    """``[ADDRESS%wire1]:61851`` of the station, as the vehicle sees it."""
    shown = subprocess.run(
        ["ip", "-n", namespace, "-6", "addr", "show", "dev", "wire0"], capture_output=True, text=True, check=True
    )
    found = re.search(r"inet6 (fe80::[0-9a-f:]+)/64", shown.stdout)
    assert found, shown.stdout
    return f"[{found[1]}%wire1]:61851"


def command(cable: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """A sub-command of adapters.v2g in the vehicle's namespace."""
    line = [sys.executable, "-m", "adapters.v2g", words[0], "--to", address(cable["station"]), *words[1:]]
    inside = ["ip", "netns", "exec", cable["vehicle"], *line]
    return subprocess.run(inside, cwd=josev.ROOT, capture_output=True, text=True, check=False, timeout=120)


@needs_namespaces
@pytest.mark.parametrize("protocol", ["din", "iso2"])
def test_flow(cable: dict[str, str], station: josev.Process, protocol: str) -> None:
    """A smoke test of a station on the bench: one command, one line per message, exit code 0."""
    josev.until_ready(station)
    run = command(cable, "flow", "--protocol", protocol, "--loops", "3")
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1] == "session complete"
    assert re.search(r"^CurrentDemand +OK .*\(3 times", run.stdout, re.M)


SURVIVED = "the session survived and was complete"
FAULTS = [
    ("corrupt-exi", "CurrentDemand", SURVIVED),
    ("cut-exi", "PreCharge", SURVIVED),
    ("duplicate", "PowerDelivery", SURVIVED),
    ("unknown-payload", "CableCheck", SURVIVED),
    ("split", "ChargeParameterDiscovery", SURVIVED),
    ("pause", "CurrentDemand", SURVIVED),
    ("silence", "Authorization", SURVIVED),
    ("bad-header", "ServiceDiscovery", "the station closed the connection"),
    ("too-long", "CurrentDemand", "the station closed the connection"),
    ("wrong-session", "PreCharge", "FAILED_UnknownSession"),
    ("out-of-order", "CableCheck", "the station answered WeldingDetectionRes"),
    ("close", "CurrentDemand", "serves the next session"),
    ("reset", "PowerDelivery", "serves the next session"),
]


@needs_namespaces
@pytest.mark.parametrize(("kind", "step", "expected"), FAULTS)
def test_fault(cable: dict[str, str], station: josev.Process, kind: str, step: str, expected: str) -> None:
    """The injector reports what the station did, and that it still serves; ours survives what it should."""
    josev.until_ready(station)
    run = command(cable, "fault", "--kind", kind, "--at", step, "--pause", "1", "--loops", "3")
    assert run.returncode == 0, run.stdout + run.stderr
    assert expected in run.stdout
    assert run.stdout.splitlines()[-1] == "the station serves the next session"
    assert "Traceback" not in station.text


def test_nobody_there() -> None:
    """A wrong address is told in one line, exit code 1; a malformed one is a usage error."""
    line = [sys.executable, "-m", "adapters.v2g", "flow", "--to"]
    refused = subprocess.run([*line, "[::1]:9"], cwd=josev.ROOT, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("[::1]:9: ")
    malformed = subprocess.run([*line, "nowhere"], cwd=josev.ROOT, capture_output=True, text=True, check=False)
    assert malformed.returncode == 2
    assert "HOST:PORT" in malformed.stderr


def test_a_station_that_is_none() -> None:
    """Something that accepts and answers rubbish is told as such, not as a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(1000)

        thread = threading.Thread(target=answer)
        thread.start()
        line = [sys.executable, "-m", "adapters.v2g", "flow", "--to", f"127.0.0.1:{server.getsockname()[1]}"]
        run = subprocess.run(line, cwd=josev.ROOT, capture_output=True, text=True, check=False)
        thread.join(10)
    assert run.returncode == 1
    assert "no V2GTP message" in run.stderr
    assert "Traceback" not in run.stderr
