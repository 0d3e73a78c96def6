"""Firmware and logs as they really go: charts, real servers on loopback, real files, a command that installs."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

import engine
from adapters.files.transfer import NetworkFileTransfer
from adapters.host.wall_clock import SystemWallClock
from adapters.ocpp.certificates import FileCertificateStore
from adapters.ocpp.firmware_job import FileFirmwareJob, MemoryFirmwareJob
from adapters.ocpp.installer import CommandInstaller, SimulatedInstaller
from adapters.ocpp.logs import FileLogs
from engine.adapter import World
from engine.run import RealClock, System
from engine.run.host import Host
from tests.files.web import CONTENT, Server
from tests.ocpp.pki import issued
from tests.scenarios.stage import StandIn
from tests.slac.real_port import RealPort

JOB = {
    "stage": "downloaded", "signed": True, "requestId": 7, "location": "http://a", "attempts": 3, "between": 1,
    "retrieve": 2, "install": 3, "certificate": "PEM", "signature": "c2ln", "path": "p",
}  # fmt: skip


@pytest.fixture
def web() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


class Whole:
    """A chart of machines/ocpp with ``roles``; the central system, and what it is told, are the test's."""

    def __init__(self, file: str, *played: str, **roles: Any) -> None:
        self.orders: list[tuple[str, dict[str, Any]]] = []
        chart = engine.load(file)
        self.system = System(RealClock())
        self.played = {
            role: StandIn(role, chart.adapters[role], lambda what, args: self.orders.append((what, dict(args))))
            for role in ("csms", "ledger", *played)
        }
        self.machine = self.system.add(chart, "part", {}, {**self.played, **roles})

    def run(self, asked: str, until: str, **payload: Any) -> list[str]:
        """The central system asks; all statuses in their order, to the last one."""

        async def whole() -> None:
            host = Host(self.system)
            running = asyncio.create_task(host.run())
            while not hasattr(self.played["csms"], "port"):
                await asyncio.sleep(0.002)
            self.played["csms"].port.emit(asked, call="1", **payload)
            while self.statuses()[-1:] != [until]:
                assert not running.done(), self.system.failures
                await asyncio.sleep(0.002)
            host.stop()
            await running

        asyncio.run(asyncio.wait_for(whole(), 60))
        return self.statuses()

    def statuses(self) -> list[str]:
        return [args["status"] for what, args in self.orders if what.startswith("ledger.")]


def plain(**changed: Any) -> dict[str, Any]:
    return {"retries": None, "retryInterval": None, **changed}


@pytest.mark.ocpp_cases("TC_045_1")
def test_diagnostics_reach_a_server(web: Server, tmp_path: Path) -> None:
    logs = FileLogs({"folder": str(tmp_path)}, World())
    whole = Whole("machines/ocpp/diagnostics.yaml", logs=logs, files=NetworkFileTransfer({}, World()))
    (tmp_path / "DiagnosticsLog.newer").write_text('[0, "the supply was hot"]\n')
    asked = plain(location=f"{web.url}/logs", startTime=None, stopTime=None)
    assert whole.run("GetDiagnosticsReq", "Uploaded", **asked) == ["Uploading", "Uploaded"]
    assert whole.orders[0] == ("csms.GetDiagnosticsConf", {"call": "1", "fileName": "DiagnosticsLog.log"})
    assert web.kept == {"PUT /logs/DiagnosticsLog.log": b"1970-01-01T00:00:00.000Z the supply was hot\n"}


@pytest.mark.ocpp_cases("TC_079")
def test_a_log_to_a_server_that_does_not_want_it(web: Server, tmp_path: Path) -> None:
    logs = FileLogs({"folder": str(tmp_path)}, World())
    whole = Whole("machines/ocpp/diagnostics.yaml", logs=logs, files=NetworkFileTransfer({}, World()))
    (tmp_path / "SecurityLog.newer").write_text('[0, "StartupOfTheDevice"]\n')
    asked = plain(remoteLocation=f"{web.url}/denied", logType="SecurityLog", requestId=7)
    asked |= {"oldestTimestamp": None, "latestTimestamp": None}
    assert whole.run("GetLogReq", "PermissionDenied", **asked) == ["Uploading", "PermissionDenied"]


INSTALL = "import sys, shutil; shutil.copy(sys.argv[2], sys.argv[1])"


@pytest.mark.ocpp_cases("TC_080", "TC_081")
@pytest.mark.parametrize("good", [True, False])
def test_signed_firmware_of_a_server_is_installed_by_a_command(web: Server, tmp_path: Path, good: bool) -> None:
    """What another signed is not."""
    maker = issued("maker")
    signer = issued("signer", maker)
    digest = hashlib.sha256(CONTENT if good else b"another").digest()
    signature = signer.key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    certificates = FileCertificateStore({"folder": str(tmp_path)}, World())
    (tmp_path / "manufacturer.pem").write_text(maker.pem)
    there = tmp_path / "there"
    command = [sys.executable, "-c", INSTALL, str(there)]
    whole = Whole(
        "machines/ocpp/firmware.yaml",
        clock=SystemWallClock({}, World()),
        files=NetworkFileTransfer({"folder": str(tmp_path)}, World()),
        installer=CommandInstaller({"install": command, "reboot": False}, World()),
        job=FileFirmwareJob({"file": str(tmp_path / "charge_point.db")}, World()),
        certificates=certificates,
    )
    asked = plain(requestId=7, location=f"{web.url}/moved", retrieveDateTime=time.time_ns(), installDateTime=None)
    asked |= {"signingCertificate": signer.pem, "signature": base64.b64encode(signature).decode()}
    told = whole.run("SignedUpdateFirmwareReq", "Installed" if good else "InvalidSignature", **asked)
    if good:
        assert told == ["Downloading", "Downloaded", "SignatureVerified", "Installing", "Installed"]
        assert there.read_bytes() == CONTENT
    else:
        assert told == ["Downloading", "Downloaded", "InvalidSignature"]
        assert not there.exists()


# ---------------------------------------------------------------- the adapters alone


def ended(made: Any, *calls: str, **args: Any) -> list[Any]:
    """The results of long actions, one after the other."""

    async def talk() -> list[Any]:
        port = RealPort(made, "installer")
        for call in calls:
            getattr(made, call)(call_id=call, **(args if call == "install" else {}))
            while call not in port.results:
                await asyncio.sleep(0.002)
        made.close()
        return [port.results[call] for call in calls]

    return asyncio.run(asyncio.wait_for(talk(), 60))


def command(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_a_command_that_fails_says_why() -> None:
    made = CommandInstaller(
        {"install": command("print('a', flush=True); import sys; sys.exit('no space left')")}, World()
    )
    assert ended(made, "install", path="p") == ["the command ended with 1: no space left"]
    made = CommandInstaller({"install": command("raise SystemExit(3)")}, World())
    assert ended(made, "install", path="p") == ["the command ended with 3: it said nothing"]
    assert ended(CommandInstaller({}, World()), "install", path="p") == ["setting 'install' names no command"]
    assert "No such file" in ended(CommandInstaller({"install": ["/none"]}, World()), "install", path="p")[0]


@pytest.mark.parametrize("runs", [True, False])
def test_whether_it_runs_after_a_restart(runs: bool) -> None:
    made = CommandInstaller({"install": command(""), "confirm": command(f"raise SystemExit({int(not runs)})")}, World())
    assert ended(made, "install", "confirm", path="p") == [{"reboot": True}, {"installed": runs}]
    assert ended(CommandInstaller({}, World()), "confirm") == [{"installed": True}]
    assert ended(SimulatedInstaller({"runs": runs, "duration": 1}, World()), "install", "confirm", path="p") == [
        {"reboot": False}, {"installed": runs}
    ]  # fmt: skip
    assert ended(SimulatedInstaller({"fails": True, "duration": 1}, World()), "install", path="p") == [
        "it is not taken"
    ]


def test_a_command_that_is_given_up_ends() -> None:
    async def talk() -> None:
        made = CommandInstaller({"install": command("import time; time.sleep(60)")}, World())
        port = RealPort(made, "installer")
        made.install(call_id="1", path="p")
        made.cancel_call("1")
        while any(thread.name == "installer 1" for thread in threading.enumerate()):
            await asyncio.sleep(0.002)
        assert port.results == {}

    asyncio.run(asyncio.wait_for(talk(), 60))


def test_an_update_is_there_after_a_restart(tmp_path: Path) -> None:
    async def talk(again: bool) -> None:
        made = FileFirmwareJob({"file": str(tmp_path / "charge_point.db")}, World())
        port = RealPort(made, "job")
        if again:
            assert {name: getattr(made, name) for name in JOB} == JOB
        else:
            assert made.stage == "none"
            made.keep(**JOB)
        made.close()
        assert port.events == []

    asyncio.run(talk(False))
    asyncio.run(talk(True))


def test_a_full_disk_is_told() -> None:
    async def talk() -> None:
        made = MemoryFirmwareJob({"full_after": 1}, World())
        port = RealPort(made, "job")
        made.keep(**JOB)
        made.keep(**JOB)  # nothing new is nothing to write
        assert port.named("failed") == []
        made.keep(**{**JOB, "stage": "verified"})
        assert port.named("failed") == [{"reason": "database or disk is full"}]

    asyncio.run(talk())
