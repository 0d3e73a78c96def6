"""Vehicle charts of version 1 of the language, upgraded: they load, and charge with the same orders, events, bytes and
times as before. ``language_1`` holds the last ones that were shipped."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

import engine
from adapters.registry import REGISTRY
from engine.cli import main
from engine.language.load.files import load_older
from engine.language.model import Chart
from engine.run import StepRecord
from engine.run.observer import Note
from engine.run.station import Station, build
from engine.run.station.plan import MachinePlan
from engine.semantics.step import Call, SendEvent, StartCall
from tests.charge.bench import NAMESPACES, Bench
from tests.charge.scripted_station import ScriptedStation

OLD = Path(__file__).parent / "language_1"
MODEL = {
    "ProtocolNamespace": [NAMESPACES["din"]],
    "VersionNumberMajor": [2],
    "VersionNumberMinor": [0],
    "SchemaID": [1],
    "Priority": [1],
    "Protocol": ["din"],
    "trailing_byte_on": "SessionSetupReq",
    "omit_units": True,
    "close_by_reset": True,
}


class Told(Bench):
    """``rows``: all that is ordered, sent, told and asked of the station, with its time (ns)."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        super().__init__("pev_dc", ())

    def step(self, record: StepRecord) -> None:
        """Observer."""
        at, path = record.time_ns, record.actor.path
        for effect in record.step.effects:
            match effect:
                case Call() | StartCall():
                    self.rows.append((at, path, effect.role, effect.action, dict(effect.args)))
                case SendEvent():
                    self.rows.append((at, path, effect.event, str(effect.target), effect.data))

    def note(self, note: Note) -> None:
        """Observer."""
        super().note(note)
        if note.kind == "out":
            self.rows.append((note.time_ns, note.path, note.text, dict(note.data)))


class Listening(ScriptedStation):
    """A station that keeps the octets of what it is asked in the rows of its bench."""

    def _answer(self, message: Any, payload: bytes) -> None:
        assert isinstance(self.bench, Told)
        self.bench.rows.append((self.bench.system.clock.now_ns(), "octets", payload))
        super()._answer(message, payload)


def charge(chart: Chart, monkeypatch: pytest.MonkeyPatch) -> tuple[Told, Listening]:
    """A whole session of the vehicle of this chart."""
    with monkeypatch.context() as patch:
        patch.setattr("os.urandom", random.Random(1).randbytes)
        bench = Told()
        station = Listening(bench, "din")
        plan = bench.station.machines["pev"]
        own = {**plan.parameters.get("", {}), "medium": "ethernet", "stop_at_soc": 40}
        pev = MachinePlan("pev", chart, {**plan.parameters, "": own, "session": MODEL}, plan.adapters)
        build(Station("", {"pev": pev}), bench.system, REGISTRY)
        bench.system.start()
        bench.until(lambda: station.closed_by != "", 60, "closed connection")
        bench.until(lambda: not bench.cable.plugged, 10, "unplugged vehicle")
    return bench, station


def test_an_upgraded_vehicle_charges_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all that its charts order about one model's messages: a byte too much, no units, RST."""
    folder = shutil.copytree(OLD, tmp_path / "charts")
    assert main(["upgrade", str(folder)]) == 0
    text = (OLD / "pev_dc.yaml").read_text("utf-8")
    before, _ = charge(load_older(text, str(OLD / "pev_dc.yaml")), monkeypatch)
    after, station = charge(engine.load(folder / "pev_dc.yaml"), monkeypatch)
    assert after.rows == before.rows
    assert after.errors == []
    assert after.data("pev", "sessions") == 1
    assert station.trailing == {"SessionSetup": b"\0"}
    assert set(station.units) == {None}
    assert station.closed_by == "reset by the peer"
