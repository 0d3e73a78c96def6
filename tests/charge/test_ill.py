"""The gallery of ill-behaved vehicles and stations: our side ends each of them safely, and says how it ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli import main
from engine.tools.trace import Trace, read

ROOT = Path(__file__).parents[2]
VEHICLES = {  # name -> how the session ends, and a word of the reason
    "never_precharges": ("failed", "end=failed"),
    "never_ready": ("failed", "did not go to state C"),
    "too_hot": ("ended", "end=normal"),
    "slow": ("ended", "end=normal"),
    "falls_silent": ("failed", "end=failed"),
    "welded": ("ended", "end=normal"),
}
STATIONS = {
    "isolation_fault": ("ended", "isolation Fault"),
    "falls_silent": ("failed", "no CurrentDemandRes in time"),
    "emergency": ("ended", "EVSE_EmergencyShutdown"),
    "never_matches": ("", ""),
    "dead_output": ("failed", "CableCheckRes: FAILED"),
    "stuck_contactor": ("ended", "result=complete"),
    "slow": ("ended", "result=complete"),
}

STAYS_ON = ("welded", "stuck_contactor")  # what was ordered is not done: told, and no success


def test_every_one_of_the_gallery_is_here() -> None:
    for folder, known in (("vehicles", VEHICLES), ("stations", STATIONS)):
        assert {path.stem for path in (ROOT / "machines" / "ill" / folder).iterdir()} == set(known)


def last_orders(trace: Trace, machine: str) -> dict[str, dict[str, object]]:
    """The last of each order that the machine and its children gave before the run ended."""
    found = {}
    for record in trace.steps():
        if record["machine"].partition("/")[0] == machine:
            for one in record.get("effects", ()):
                if one["do"] == "call":
                    found[f"{one['role']}.{one['action']}"] = {**one["args"], "at": record["time_ns"]}
    return found


@pytest.mark.parametrize("name", VEHICLES)
def test_our_station_with_an_ill_vehicle(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the vehicle does, the output is ordered off and the contactor open at the end."""
    told, orders = run("evse_dc", name, tmp_path, capsys, VEHICLES[name])
    if "contactor.set" in orders:
        assert orders["contactor.set"]["closed"] is False, told
    if "supply.on" in orders:
        assert orders["supply.off"]["at"] >= orders["supply.on"]["at"], told


@pytest.mark.parametrize("name", STATIONS)
def test_our_vehicle_with_an_ill_station(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the station does, the disconnecting device is open at the end."""
    told, orders = run("pev_dc", name, tmp_path, capsys, STATIONS[name])
    if "battery.close_contactors" in orders:
        assert orders["battery.open_contactors"]["at"] > orders["battery.close_contactors"]["at"], told


def run(
    chart: str, name: str, folder: Path, capsys: pytest.CaptureFixture[str], expected: tuple[str, str]
) -> tuple[str, dict[str, dict[str, object]]]:
    """What was printed and our side's last orders, after a session that ended as expected."""
    trace = folder / "run.jsonl"
    code = main(
        ["run", str(ROOT / "machines" / f"{chart}.yaml"), "--fast", "--quiet", "--sessions", "1", "--for", "10 min",
         "--set", f"ill={name}", "--trace", str(trace)]
    )  # fmt: skip
    out, err = capsys.readouterr()
    told = out + err
    how, reason = expected
    found = read(trace)
    assert "fault" in told or name == "never_matches", told
    assert any(record.get("note") == "fault" for record in found.records), told
    assert not [record for record in found.records if record.get("note") in ("machine_failed", "invariant")], told
    if how:
        assert f"session 1 {how}" in told, told
        assert reason in told, told
    assert ("sessions failed" in err) == (how == "failed")
    assert code == (0 if how == "ended" and name not in STAYS_ON else 1), told
    return told, last_orders(found, chart.partition("_")[0])
