"""The logs that a central system can ask for: kept in order, found by time, bounded, whole after a power cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.ocpp.logs import FileLogs, MemoryLogs, OcppLogs, write
from engine.adapter import ConfigurationError, World
from tests.slac.real_port import RealPort

S = 1_000_000_000


def run(test: Callable[[OcppLogs, RealPort], Any], made: OcppLogs) -> Any:
    async def whole() -> Any:
        return test(made, RealPort(made, "logs"))

    return asyncio.run(whole())


@pytest.fixture(params=["memory", "files"])
def logs(request: pytest.FixtureRequest, tmp_path: Path) -> OcppLogs:
    if request.param == "memory":
        return MemoryLogs({}, World())
    return FileLogs({"folder": str(tmp_path / "logs")}, World())


def text(logs: OcppLogs, path: str) -> str:
    return logs.made[Path(path).name] if isinstance(logs, MemoryLogs) else Path(path).read_text("utf-8")


def test_lines_are_found_by_their_time(logs: OcppLogs) -> None:
    """Both ends included; of a security event its type is the first word."""

    def talk(logs: OcppLogs, port: RealPort) -> None:
        for second in range(5):
            logs.note(timestamp=second * S, text=f"line {second}\nof two")
            logs.security(timestamp=second * S, type="SettingSystemTime", text="by ü")
        logs.collect(call_id="1", kind="DiagnosticsLog", begin=1 * S, end=3 * S)
        assert port.results["1"] | {"path": ""} == {"path": "", "name": "DiagnosticsLog.log", "lines": 3}
        assert text(logs, port.results["1"]["path"]) == "".join(
            f"1970-01-01T00:00:0{second}.000Z line {second} of two\n" for second in (1, 2, 3)
        )
        logs.collect(call_id="2", kind="SecurityLog", begin=4 * S)
        assert text(logs, port.results["2"]["path"]) == "1970-01-01T00:00:04.000Z SettingSystemTime by ü\n"
        logs.collect(call_id="3", kind="SecurityLog", end=0)
        assert port.results["3"]["lines"] == 1
        logs.collect(call_id="4", kind="SecurityLog")
        assert port.results["4"]["lines"] == 5

    run(talk, logs)


@pytest.mark.parametrize(
    ("of", "name"),
    [("CP_1", "CP_1_SecurityLog.log"), ("", "SecurityLog.log"), ("../a b/ü", "--a-b--_SecurityLog.log")],
)
def test_the_name_says_whose_it_is(logs: OcppLogs, of: str, name: str) -> None:
    """All charge points of an operator may upload to one directory; whatever an identity is, it stays a name there."""

    def talk(logs: OcppLogs, port: RealPort) -> None:
        logs.security(timestamp=0, type="StartupOfTheDevice", text="")
        logs.collect(call_id="1", kind="SecurityLog", of=of)
        assert port.results["1"]["name"] == name
        assert text(logs, port.results["1"]["path"])

    run(talk, logs)


def test_where_there_is_nothing(logs: OcppLogs) -> None:
    def talk(logs: OcppLogs, port: RealPort) -> None:
        logs.collect(call_id="1", kind="SecurityLog")
        logs.note(timestamp=5 * S, text="x")
        logs.collect(call_id="2", kind="DiagnosticsLog", begin=6 * S)
        assert port.results == {"1": "none", "2": "none"}

    run(talk, logs)


def test_the_newest_lines_stay(tmp_path: Path) -> None:
    def lines(logs: OcppLogs, port: RealPort) -> str:
        for number in range(1000):
            logs.note(timestamp=number, text=f"line {number:04}")
        logs.collect(call_id="1", kind="DiagnosticsLog")
        return text(logs, port.results["1"]["path"])

    few = run(lines, MemoryLogs({"most": 10}, World())).splitlines()
    assert [line[-4:] for line in few] == [f"{number:04}" for number in range(990, 1000)]
    kept = run(lines, FileLogs({"folder": str(tmp_path), "largest": 2000}, World())).splitlines()
    assert 80 <= len(kept) <= 200
    assert [line[-4:] for line in kept] == [f"{number:04}" for number in range(1000 - len(kept), 1000)]
    assert sum(path.stat().st_size for path in tmp_path.glob("*er")) < 2 * 2100


def test_a_restart_and_a_torn_line(tmp_path: Path) -> None:
    """What was written is there; half a line is left out."""
    logs = FileLogs({"folder": str(tmp_path)}, World())
    run(lambda logs, _: logs.note(timestamp=0, text="before"), logs)
    with (tmp_path / "DiagnosticsLog.newer").open("a") as file:
        file.write('[1, "to')

    def after(logs: OcppLogs, port: RealPort) -> str:
        logs.collect(call_id="1", kind="DiagnosticsLog")
        return text(logs, port.results["1"]["path"])

    assert run(after, FileLogs({"folder": str(tmp_path)}, World())) == "1970-01-01T00:00:00.000Z before\n"


def test_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    """It is told, and the charge point goes on."""

    def talk(logs: OcppLogs, port: RealPort) -> None:
        logs.note(timestamp=0, text="x")
        for name in ("DiagnosticsLog.newer", "DiagnosticsLog.log.part"):
            (tmp_path / name).unlink(missing_ok=True)
            (tmp_path / name).mkdir()
        logs.note(timestamp=0, text="y")
        assert "Is a directory" in port.named("failed")[0]["reason"]
        logs.collect(call_id="1", kind="DiagnosticsLog")
        assert "Is a directory" in port.results["1"]

    run(talk, FileLogs({"folder": str(tmp_path)}, World()))


def test_a_folder_that_is_none_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="setting 'folder'"):
        run(lambda *_: None, FileLogs({"folder": str(tmp_path / "file" / "logs")}, World()))


def test_a_file_is_whole_or_what_it_was(tmp_path: Path) -> None:
    """For others too: the same way certificates are written."""
    path = tmp_path / "key.pem"
    write(path, b"old")
    (tmp_path / "key.pem.part").mkdir()
    with pytest.raises(OSError):
        write(path, b"new")
    assert path.read_bytes() == b"old"
    (tmp_path / "key.pem.part").rmdir()
    write(path, b"new", mode=0o600)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)
    assert [each.name for each in tmp_path.iterdir()] == ["key.pem"]
