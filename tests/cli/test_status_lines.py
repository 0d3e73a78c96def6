"""Status lines: what a log of a station that nobody watches shows, every so often."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import engine
from engine.cli.status_lines import StatusLines
from engine.run import System, VirtualClock
from engine.run.registry import installed
from engine.run.station import Overrides, StationError, build, resolve
from tests.cli.conftest import Engine

CHART = """\
machine: oven
data: {heat: {type: float degC, initial: 20 degC}}
states:
  cold: {title: Cold, after: {100 ms: {target: hot, actions: [assign: {heat: 180 degC}]}}}
  hot: {title: Hot}
"""
STATION = """\
[station]
machine = "oven.yaml"
status_every = "300 ms"
[status]
"Heat" = "oven.heat"
"""


@pytest.fixture
def oven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "oven.yaml").write_text(CHART, "utf-8")
    (tmp_path / "oven.toml").write_text(STATION, "utf-8")
    return tmp_path / "oven.toml"


@pytest.mark.usefixtures("oven")
@pytest.mark.parametrize("how", ["--plain", "--quiet"])
def test_they_come_in_their_time(engine: Engine, how: str) -> None:
    code, out, _ = engine("run", "oven.toml", how, "--for", "1200ms")
    assert code == 0
    told = re.findall(r"^ +\d+\.\d+  oven  status: (.*)$", out, re.M)
    assert told[-1] == "Heat 180 degC"
    assert 2 <= len(told) <= 4


@pytest.mark.usefixtures("oven")
def test_none_where_nobody_wants_them_and_none_on_a_virtual_clock(engine: Engine) -> None:
    assert "status:" not in engine("run", "oven.toml", "--for", "700ms", "--set", "station.status_every=none")[1]
    assert "status:" not in engine("run", "oven.toml", "--for", "5 s", "--fast")[1]


@pytest.mark.parametrize("every", ["0 s", "often"])
def test_a_time_that_is_none(oven: Path, every: str) -> None:
    with pytest.raises(StationError, match="status_every"):
        resolve(oven, None, Overrides((f"station.status_every={every}",), {}), installed(), engine.load)


def charge_point(*sets: str) -> tuple[System, StatusLines]:
    given = ("outlets=2", "kinds=dc, ac", *sets)
    station = resolve(Path("machines/charge_point.yaml"), None, Overrides(given, {}), installed(), engine.load)
    system = System(VirtualClock())
    build(station, system, installed())
    system.start()
    return system, StatusLines(system, station, "site")


def test_a_charge_point() -> None:
    """State, volts, amperes, energy and OCPP of each outlet, and whether there is a line; of AC and DC what it has."""
    system, status = charge_point()
    system.advance(25_000_000_000)
    (whole, line), (_, dc), (_, ac) = status.now()
    assert whole == "site"
    assert line.startswith("Line No central system, Registered Not yet, Limit ")
    assert re.match(
        r"OCPP Charging, State Energy, Voltage \d.* V, Current \d.* A, Power \d.* kW, Energy \d.* Wh, SoC", dc
    )
    assert re.match(
        r"OCPP Charging, Vehicle ChargingStatus, L1 \d.* A, L2 .* A, L3 .* A, Power .* kW, Energy .* Wh$", ac
    )


def test_what_is_not_there_is_not_told() -> None:
    _, status = charge_point("ocpp.present=false", "outlet.authorisation=free")
    assert not any("OCPP" in text or "Line" in text for _, text in status.now())
    assert [who for who, _ in status.now()] == ["site", "outlet1", "outlet2"]
