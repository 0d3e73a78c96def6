"""The sessions of a trace: as the run itself told them, well or not, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.cli import main
from engine.cli.events import addressed, deliver
from engine.cli.sessions import Sessions
from engine.run import System, VirtualClock
from engine.run.registry import installed
from engine.run.station import Overrides, build, resolve
from engine.semantics.step import Event
from engine.tools.page.charts import chart_key, with_children
from engine.tools.page.results import results
from engine.tools.trace.reader import read


@pytest.mark.parametrize(
    ("chart", "sessions", "arguments"),
    [
        ("evse_dc", 1, ()),
        ("evse_dc", 1, ("--set", "ill=never_ready")),
        ("site", 2, ()),
    ],
)
def test_they_are_those_of_the_run(
    chart: str, sessions: int, arguments: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, trace = f"machines/{chart}.yaml", tmp_path / "run.jsonl"
    count = ("--sessions", str(sessions), "--for", "5 min")
    main(["run", file, "--fast", "--quiet", *count, "--trace", str(trace), *arguments])
    told = capsys.readouterr()
    charts = {chart_key(one): one for one in with_children([engine.load(Path(file))])}
    found = results(read(trace), charts)
    assert len(found) == sessions
    for one in found:
        of = f" of {one['unit']}" if one["unit"] else ""
        how = "ended" if one["good"] else "failed"
        head = (
            f"session {one['number']}{of} {how} at {one['time_ns'] / 1e9:.1f} s, after {one['duration_ns'] / 1e9:.1f} s"
        )
        assert f"{head}: {one['text']}" in told.out + told.err
    assert all(one["good"] for one in found) == (not arguments)


@pytest.mark.parametrize(("seconds", "empty"), [(1.2, True), (20, False)])
def test_a_session_without_energy_is_told_so(seconds: float, empty: bool) -> None:
    """It was stopped before anything flowed, and in order: no failure, and no success."""
    options = Overrides((), {}, {"ui": "127.0.0.1:0"})  # nobody plugs in by himself
    station = resolve(Path("machines/charger_bms.yaml"), None, options, installed(), engine.load)
    system = System(VirtualClock())
    build(station, system, installed())
    sessions = Sessions(station, system, list)
    main = system.roots["charger"]
    system.start()
    system.advance(round(60e9))
    assert "outlet.plugged" not in main.machine.configuration
    for event, wait_s in (("vehicle.plug", seconds), ("stop(reason=enough)", 5), ("vehicle.leave", 20)):
        to, what = addressed(system, main, event)
        assert isinstance(what, Event)
        deliver(system, to, what)
        system.advance(round(wait_s * 1e9))
    (report,) = sessions.reports
    assert (report.good, report.empty) == (True, empty)
    assert "outlet.available" in main.machine.configuration


def test_a_fast_run_with_a_page_has_its_sessions_too(capsys: pytest.CaptureFixture[str]) -> None:
    """On a virtual clock nobody is there to plug in."""
    pytest.importorskip("uvicorn", reason="the extra [ui]")
    short = ("--link", "ethernet", "--set", "pev.adapters.battery.soc=41.9")
    assert main(["run", "machines/evse_dc.yaml", "--fast", "--quiet", "--ui", "127.0.0.1:0", *short]) == 0
    assert "session 1 ended" in capsys.readouterr().out
