"""``[web]`` of a station file: expressions over the machines, told as they are; what is wrong ends the start with its
place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import engine
from engine.adapter import Refusal
from engine.cli.readings import Headlines
from engine.cli.sessions import Sessions
from engine.cli.web import Web
from engine.run import System, VirtualClock
from engine.run.registry import installed
from engine.run.station import Overrides, StationError, build, resolve

CHART = """machine: lamp
language: 2
parameters: {most: {type: float W, default: 60 W}}
data: {power: {type: float W, initial: 0 W}, wanted: {type: int, initial: 0}}
events:
  light: {direction: in}
  dark: {direction: in}
  brighter: {direction: in}
  over: {direction: out, payload: {why: string}}
session: {during: lit, result: over, success: "event.why == 'asked'"}
initial: dark
states:
  dark:
    title: Dark
    on: {light: lit}
  lit:
    title: Lit
    entry: [assign: {power: 10 W}]
    on:
      brighter: {actions: [assign: {power: power + 20 W}]}
      dark:
        target: dark
        actions:
          - assign: {power: 0 W}
          - send: {event: over, to: parent, data: {why: "'asked'"}}
"""
STATION = (
    """[station]
machine = "lamp.yaml"
[web.values]
is_lit = "lamp.In('lit')"
power = "lamp.power"
words = """
    + "'''"
    + """'bright' if lamp.power > lamp.most / 2
  else 'dim' if lamp.In('lit') else 'off'"""
    + "'''"
    + """
[web.states]
title = "lamp.lit"
[web.since]
lit_since = "is_lit"
[web.means]
mean = {of = "power", during = "is_lit"}
[web.orders]
go = {event = "light", refused = "'it is lit' if lamp.In('lit') else ''"}
wait = {refused = "'too dark' if not lamp.In('lit') else ''"}
[web.orders.set]
OFF = "dark"
"""
)


def web(folder: Path, text: str = STATION) -> tuple[Web, System, list[Any]]:
    (folder / "lamp.yaml").write_text(CHART)
    (folder / "lamp.toml").write_text(text)
    station = resolve(folder / "lamp.toml", None, Overrides((), {}), installed(), engine.load)
    system = System(VirtualClock())
    build(station, system, installed())
    sessions = Sessions(station, system, Headlines(system, station).values)
    asked: list[Any] = []
    found = Web(station, system, sessions, asked.append)
    system.start()
    system.advance(0)
    return found, system, asked


def test_values_are_expressions_over_the_machines(tmp_path: Path) -> None:
    found, system, _ = web(tmp_path)
    assert found.seen() == {
        "is_lit": False, "power": 0.0, "words": "off", "title": None, "lit_since": found.seen()["lit_since"],
        "mean": 0.0, "session_s": 0.0,
    }  # fmt: skip
    system.post(system.roots["lamp"], "light")
    system.advance(1_000_000_000)
    told = found.seen()
    assert (told["is_lit"], told["words"], told["title"], told["session_s"]) == (True, "dim", "Lit", 1.0)
    system.post(system.roots["lamp"], "brighter")
    system.post(system.roots["lamp"], "brighter")
    system.advance(0)
    assert found.seen()["words"] == "bright"


def test_a_mean_is_over_time_and_of_one_session(tmp_path: Path) -> None:
    found, system, _ = web(tmp_path)
    system.advance(5_000_000_000)
    system.post(system.roots["lamp"], "light")
    system.advance(3_000_000_000)
    system.post(system.roots["lamp"], "brighter")
    system.advance(0)
    assert found.seen()["mean"] == pytest.approx(10)
    system.advance(1_000_000_000)
    assert found.seen()["mean"] == pytest.approx((3 * 10 + 1 * 30) / 4)
    system.post(system.roots["lamp"], "dark")
    system.advance(0)
    assert found.seen()["mean"] == 0
    assert found.measured()["mean"] == pytest.approx(15)
    system.advance(5_000_000_000)
    system.post(system.roots["lamp"], "light")
    system.advance(1_000_000_000)
    assert found.seen()["mean"] == pytest.approx(10)


def test_an_order_is_refused_with_the_reason_the_file_gives(tmp_path: Path) -> None:
    found, system, asked = web(tmp_path)
    with pytest.raises(Refusal, match="too dark"):
        found.order("wait")
    found.order("go")
    found.order("set", "OFF")
    assert asked == [{"event": "light"}, {"event": "dark"}]
    system.post(system.roots["lamp"], "light")
    system.advance(0)
    found.order("wait")
    for order, choice, status in (("go", "", 409), ("set", "ON", 422), ("none", "", 501)):
        with pytest.raises(Refusal) as refusal:
            found.order(order, choice)
        assert refusal.value.status == status
    assert len(asked) == 2


def test_what_reads_a_machine_that_is_not_here_has_no_value_and_what_only_names_it_has(tmp_path: Path) -> None:
    """`lamp.power` ends as a machine `amp` would begin; a text may speak of it."""
    away = '[machines.amp]\nchart = "lamp.yaml"\npresent = false\n[web.values]\nother = "amp.power"\n'
    away += "told = \"'amp.' if lamp.power < 1 W else ''\"\n"
    found, _, _ = web(tmp_path, STATION.replace("[web.values]\n", away, 1))
    told = found.seen()
    assert (told["power"], told["told"], told["other"]) == (0.0, "amp.", None)


def test_stations_share_a_file_and_say_what_is_their_own(tmp_path: Path) -> None:
    """Name by name; what is wrong is told with the file it is in."""
    head, _, tables = STATION.partition("[web.values]")
    shared = ("[web.values]" + tables).replace("[web.", "[")
    (tmp_path / "shared.toml").write_text(shared)
    own = head + '[web]\nfile = "shared.toml"\n[web.values]\npower = "2 * lamp.power"\n'
    found, system, asked = web(tmp_path, own)
    system.post(system.roots["lamp"], "light")
    system.advance(0)
    told = found.seen()
    assert (told["power"], told["words"], told["title"]) == (20.0, "dim", "Lit")
    found.order("set", "OFF")
    assert asked == [{"event": "dark"}]
    (tmp_path / "shared.toml").write_text(shared.replace("lamp.In('lit')", "lamp.In('lid')", 1))
    with pytest.raises(StationError, match=r"shared\.toml:2:\d+: "):
        web(tmp_path, own)
    with pytest.raises(StationError, match=r"none\.toml: No such file"):
        web(tmp_path, own.replace("shared.toml", "none.toml"))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"lamp.power"', '"lamp.powr"', r"(?s)lamp\.toml:5:\d+: .*did you mean 'power'"),
        ('"lamp.power"', "\"lamp.In('lid')\"", "lid"),
        ('"lamp.power"', "5", "write an expression"),
        ('lit_since = "is_lit"', 'lit_since = "is_lid"', "did you mean 'is_lit'"),
        ('{of = "power", during = "is_lit"}', '"power"', "means.mean"),
        ("[web.states]", "[web.stages]", "did you mean 'states'"),
        ("'it is lit' if lamp.In('lit')", "'it is lit' if lamp.lit", "no data 'lit'"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in STATION
    with pytest.raises(StationError, match=told):
        web(tmp_path, STATION.replace(old, new, 1))
