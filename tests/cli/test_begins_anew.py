"""What a run that begins anew knows of the one before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import engine
from engine.cli.readings import Headlines
from engine.cli.restart import RESULTS
from engine.cli.sessions import Report, Sessions
from engine.run import System, VirtualClock
from engine.run.registry import installed
from engine.run.station import Overrides, build, resolve

pytest.importorskip("starlette", reason="the extra [ui]")
pytest.importorskip("uvicorn", reason="the extra [ui]")


def test_results_outlive_a_restart_and_are_numbered_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.cli.ui import Page

    monkeypatch.delenv(RESULTS, raising=False)

    def life() -> tuple[System, Page]:
        station = resolve(Path("machines/charger_bms.yaml"), None, Overrides((), environ={}), installed(), engine.load)
        system = System(VirtualClock())
        build(station, system, installed())
        headlines = Headlines(system, station)
        sessions = Sessions(station, system, headlines.values)
        return system, Page("127.0.0.1:0", None, station, system, system.roots["charger"], headlines, sessions)

    system, page = life()
    page.session(Report(1, 2_000_000_000, True, 1_000_000_000, "energy 3 Wh", data={"energy": 3}))
    system.start()
    system.advance(5_000_000_000)
    page.tell_on()
    page.close()
    assert os.get_inheritable(int(os.environ[RESULTS]))
    _, page = life()
    page.session(Report(1, 1_000_000_000, False, None, "reason x"))
    page.close()
    assert [(one["number"], one["time_ns"], one["good"]) for one in page._results] == [
        (1, -3_000_000_000, True),
        (2, 1_000_000_000, False),
    ]
    assert RESULTS not in os.environ
