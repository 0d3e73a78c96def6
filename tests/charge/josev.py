"""Josev (package ``iso15118``) as a foreign vehicle and a foreign station, in its own environment and namespace."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.slac.peers import peer_python

ROOT = Path(__file__).resolve().parents[2]
JOSEV_NAMES = {"din": "DIN_SPEC_70121", "iso2": "ISO_15118_2"}
PEER = ROOT / "tests" / "charge" / "josev_peer.py"
DC_MODES = ("DC_extended",)
AC_MODES = ("AC_three_phase_core", "AC_single_phase_core")
ENGINE = [sys.executable, "-m", "engine", "run"]


QUICK = [
    "--sessions", "999",
    "--set", "cp_line.T_step_EF=100 ms",
    "--set", "cp_line.T_step_EF_x1=50 ms",
    "--set", "T_back_off=100 ms",
    "--set", "C_session_retry=999",
    "--set", "session.T_close=200 ms",
    "--set", "adapters.imd.self_test=50 ms",
    "--set", "adapters.imd.measure=50 ms",
    "--set", "pilot.ready_after=50 ms",
]  # fmt: skip
"""A station with short waits between two tries: what is looked at is that there is a next one."""


def missing() -> str:
    """Why Josev cannot run here; empty when it can."""
    return "" if shutil.which("java") else "Josev needs java"


class Process:
    """A program in a namespace, its output in a file. Stopped, by its pid, at the end of the ``with``."""

    def __init__(
        self, namespace: str, command: list[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        self._file = log.open("w")
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, *command],
            cwd=ROOT,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it now."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._file.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def text(self) -> str:
        """What it printed so far."""
        return self.log.read_text(errors="replace")

    def until(self, wanted: str, seconds: float, look_s: float = 0.05) -> None:
        """Wait until it printed ``wanted``, looking so often; fails with its last lines."""
        self.until_all([wanted], seconds, look_s=look_s)

    def until_all(self, wanted: Sequence[str], seconds: float, *, since: int = 0, look_s: float = 0.05) -> None:
        """Wait until it printed these, one after the other, the first at this place of its text or later."""
        end = time.monotonic() + seconds
        pattern = re.compile(".*?".join(re.escape(one) for one in wanted), re.S)
        while True:
            ended = self._process.poll() is not None
            if pattern.search(self.text, since):
                return
            if ended or time.monotonic() > end:
                why = "ended" if ended else f"did not print it within {seconds} s"
                raise AssertionError(f"{self.log.name} {why}: {wanted}\n{self.text[-3000:]}")
            time.sleep(look_s)  # a foreign process on the real clock: nothing to wait on but its output

    def wait(self, seconds: float) -> int:
        """Its exit code."""
        return self._process.wait(seconds)


def evcc(
    namespace: str,
    interface: str,
    protocol: str,
    directory: Path,
    *,
    pki: Path | None = None,
    mode: str = "DC_extended",
    loops: int = 10,
    delay_s: int = 0,
    pauses: bool = False,
    resumes: str | None = None,
) -> Process:
    """Josev's vehicle, by external payment: so many charge loops in this energy transfer mode, ``delay_s`` apart.
    ``pauses``: its session of AC ends with a pause; ``resumes``: such a session goes on."""
    config = directory / f"evcc_{protocol}.json"
    config.write_text(
        json.dumps(
            {
                "supportedEnergyServices": [mode[:2]],
                "useTls": pki is not None,
                "enforceTls": pki is not None,
                "sdpRetryCycles": 20,
                "supportedProtocols": [JOSEV_NAMES[protocol]],
                "chargeLoopCycle": loops,
                "chargeLoopDelay": delay_s,
                "energyTransferMode": mode,
            }
        )
    )
    environment = {
        "NETWORK_INTERFACE": interface,
        "EVCC_CONFIG_PATH": str(config),
        "PKI_PATH": str(pki or directory) + "/",
        "LOG_LEVEL": "INFO",
    }
    words = [*(["--pauses"] if pauses else []), *(["--resumes", resumes] if resumes else [])]
    command = [str(peer_python("iso15118")), str(PEER), "evcc", *words]
    return Process(namespace, command, directory / f"josev_evcc_{protocol}.log", environment)


def secc(
    namespace: str,
    interface: str,
    protocol: str,
    directory: Path,
    *,
    pki: Path | None = None,
    modes: Sequence[str] = DC_MODES,
) -> Process:
    """Josev's station, with TLS beside TCP when it has certificates. ``modes``: of ISO 15118-2; DIN has DC_extended."""
    environment = {
        "NETWORK_INTERFACE": interface,
        "PROTOCOLS": JOSEV_NAMES[protocol],
        "AUTH_MODES": "EIM",
        "SECC_ENFORCE_TLS": "False",
        "FREE_CHARGING_SERVICE": "True",  # else it signs a tariff, with a key of a mobility operator
        "PKI_PATH": str(pki or directory) + "/",
        "LOG_LEVEL": "INFO",
    }
    command = [str(peer_python("iso15118")), str(PEER), "secc", *modes]
    return Process(namespace, command, directory / f"josev_secc_{protocol}.log", environment)


def certificates(directory: Path) -> tuple[Path, Path]:
    """A test PKI of our own, and the same as Josev looks for it: a station's chain, its root, a contract's key by which
    its vehicle signs receipts."""
    ours, josevs = directory / "pki", directory / "josev"
    subprocess.run([sys.executable, "-m", "adapters.v2g", "pki", str(ours)], check=True, capture_output=True)
    certs, keys = josevs / "iso15118_2" / "certs", josevs / "iso15118_2" / "private_keys"
    certs.mkdir(parents=True)
    keys.mkdir()
    shutil.copy(ours / "v2g_root.pem", certs / "v2gRootCACert.pem")
    shutil.copy(ours / "secc_chain.pem", certs / "cpoCertChain.pem")
    for own, theirs in (("secc", "seccLeaf"), ("contract", "contractLeaf")):
        shutil.copy(ours / f"{own}.key", keys / f"{theirs}.key")
        (keys / f"{theirs}Password.txt").touch()
    return ours, josevs


def engine_run(
    namespace: str, name: str, directory: Path, *words: str, environment: Mapping[str, str] | None = None
) -> Process:
    """One of our machines on the real clock: ``engine run machines/NAME.yaml --link ethernet …``."""
    command = [*ENGINE, f"machines/{name}.yaml", "--link", "ethernet", "--sessions", "1", *words]
    return Process(namespace, command, directory / f"{name}.log", environment)


def until_ready(station: Process) -> None:
    """Wait until the station invites again, its output off and its stand-in vehicle in C."""
    end = time.monotonic() + 60
    while True:
        text = station.text
        outlet = re.findall(r"→ [^\n]*?(outlet\.[a-z_.]+)", text)
        output = re.findall(r"evse/output  [^\n]*→ ([a-z_.]+)", text)
        pilot = re.findall(r"evse/cp_line  [^\n]*→ [^\n]*?vehicle\.([A-Za-z.]+)", text)
        if (
            outlet[-1:] == ["outlet.plugged.inviting"]
            and output[-1:] in (["off.fit"], [])
            and pilot[-1:] == ["ready.C"]
        ):
            return
        assert time.monotonic() < end, f"{outlet[-3:]} {output[-3:]} {pilot[-3:]}\n{text[-1500:]}"
        time.sleep(0.05)  # a real process: nothing to wait on but its output
