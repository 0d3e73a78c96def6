"""Values that a contract calls stale from an age on: who reads one is told, once, whoever stands behind the role."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import engine
from engine.adapter import Adapter, AdapterError, World
from engine.language.load.contract import load_contract
from engine.language.model import Chart, Contract
from engine.language.problems import ChartError
from engine.run import System
from engine.run.clock import RealClock
from engine.run.faults import parse_rule
from engine.run.host import Host
from engine.run.json_values import from_json, to_json
from engine.run.served import ServedChart
from engine.run.snapshot import restore, take
from engine.tools.trace import TraceWriter, read
from engine.tools.trace.replay import replay
from tests.system.tools import S, Watch

MS = 1_000_000
GAUGE = """
contract: gauge
events: {tick: }
values:
  level: {type: float, unit: V, stale: 500 ms}
  flow: {type: float, stale: 2 s}
  serial: string
"""
READER = """
machine: reader
adapters: {tank: gauge}
data: {seen: {type: float V, initial: 0 V}, lost: {type: "list of string", initial: "[]"}}
events: {look: {direction: in}}
states:
  watching:
    on:
      look: {actions: [assign: {seen: tank.level}]}
      tank.stale: {actions: [assign: {lost: "lost + [event.value]"}]}
"""
# Assigns the level every 200 ms until it is told to be quiet.
SERVING = """
machine: keeper
serves: gauge
data:
  level: {type: float V, initial: 0 V}
  flow: {type: float, initial: 0}
  serial: {type: string, initial: "'k'"}
events: {quiet: {direction: in}, fail: {direction: in}, measure: {direction: in}, end: {direction: in}}
initial: measuring
on: {end: over}
states:
  measuring:
    entry: [assign: {level: level + 1 V, flow: 1}]
    on: {quiet: silent, measure: }
    after: {200 ms: measuring}
  silent:
    on: {measure: measuring, quiet: }
  over: {type: final}
"""


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return written(tmp_path, GAUGE)


def written(folder: Path, text: str) -> Contract:
    path = folder / "gauge.contract.yaml"
    path.write_text(text, "utf-8")
    return load_contract(path)


def chart(text: str, contract: Contract) -> Chart:
    return engine.load_text(dedent(text), contracts={"gauge": contract})


class Gauge(Adapter):
    """A device that sends; the adapter keeps what it sent last."""

    contract = "gauge"
    level, flow, serial = 1.0, 2.0, "g"

    def __init__(self) -> None:
        super().__init__({}, World())
        self.asked = 0
        self.heard_ns = 0

    def hear(self, level: float) -> None:
        self.level, self.heard_ns = level, self.port.now_ns()

    def age_ns(self, value: str) -> int:
        self.asked += 1
        return self.port.now_ns() - self.heard_ns if value == "level" else 0


class Measuring(Adapter):
    """Measures as it is read."""

    contract = "gauge"
    level, flow, serial = 1.0, 2.0, "m"

    def __init__(self) -> None:
        super().__init__({}, World())


def started(chart_: Chart, behind: Adapter | ServedChart) -> tuple[System, Any, Watch]:
    system = System()
    watch = Watch(system)
    actor = system.add(chart_, adapters={"tank": behind})
    system.start()
    system.run_due()
    return system, actor, watch


def told(watch: Watch) -> list[tuple[float, str]]:
    """When the reader was told of which value."""
    return [
        (r.time_ns / S, r.event.data["value"])
        for r in watch.steps
        if r.event is not None and r.event.name == "tank.stale"
    ]


# ---------------------------------------------------------------- when it is told


def test_once_each_time_a_value_of_an_adapter_becomes_stale(contract: Contract) -> None:
    gauge = Gauge()
    system, _, watch = started(chart(READER, contract), gauge)
    system.advance(400 * MS)
    gauge.hear(7.0)
    system.advance(499 * MS)
    assert told(watch) == []
    system.advance(1 * MS)
    assert told(watch) == [(0.9, "level")]
    system.advance(5 * S)
    assert told(watch) == [(0.9, "level")], "once, however long it lasts"
    gauge.hear(8.0)
    system.advance(600 * MS)
    assert told(watch) == [(0.9, "level"), (6.4, "level")], "and again after it was fresh"


def test_once_each_time_a_chart_does_not_assign_it(contract: Contract) -> None:
    """Also when what it assigns is the same as before, that is news."""
    system, actor, watch = started(chart(READER, contract), engine.serve(chart(SERVING, contract)))
    server = system.servers["reader/tank"].actor
    system.advance(10 * S)
    assert told(watch) == []
    system.post(server, "quiet")
    system.advance(499 * MS)
    assert told(watch) == []
    system.advance(1 * MS)
    assert told(watch) == [(10.5, "level")]
    system.advance(5 * S)
    assert told(watch) == [(10.5, "level"), (12.0, "flow")], "each value by itself"
    for _ in range(2):
        system.post(server, "measure")
        system.run_due()
        system.post(server, "quiet")
        system.advance(1 * S)
    assert told(watch)[2:] == [(16.0, "level"), (17.0, "level")]
    assert actor.machine.data["lost"] == ["level", "flow", "level", "level"]


@pytest.mark.parametrize("after_ms", [0, 1, 250, 499, 500, 501, 750, 999])
def test_no_short_fresh_time_is_overlooked(contract: Contract, after_ms: int) -> None:
    gauge = Gauge()
    system, _, watch = started(chart(READER, contract), gauge)
    system.advance((1000 + after_ms) * MS)
    gauge.hear(2.0)
    system.advance(500 * MS)
    assert told(watch) == [(0.5, "level"), (1.5 + after_ms / 1000, "level")]


def test_the_reader_is_told_before_all_else_that_waits(contract: Contract) -> None:
    """It may have to switch something off."""
    system, actor, watch = started(chart(READER, contract), Gauge())
    for _ in range(3):
        system.post(actor, "look")
    actor.roles["tank"].emit("stale", {"value": "flow"})
    system.run_due()
    assert [r.event.name for r in watch.steps if r.event is not None] == ["tank.stale", "look", "look", "look"]


def test_on_the_real_clock(tmp_path: Path) -> None:
    """The same event; the device falls silent at once."""
    contract = written(tmp_path, GAUGE.replace("500 ms", "20 ms"))
    system = System(RealClock())
    actor = system.add(chart(READER, contract), adapters={"tank": Gauge()})
    asyncio.run(Host(system).run(until=lambda: bool(actor.machine.data["lost"])))
    assert actor.machine.data["lost"] == ["level"]


# ---------------------------------------------------------------- who is told, and what it costs


def test_nothing_is_looked_at_for_a_chart_that_reads_no_such_value(contract: Contract) -> None:
    quiet = READER.replace("tank.level", "0 V if tank.serial == '' else 1 V").replace("tank.stale:", "tank.tick:")
    gauge = Gauge()
    system, _, watch = started(chart(quiet.replace("lost + [event.value]", "lost"), contract), gauge)
    system.advance(10 * S)
    assert (gauge.asked, system.next_deadline_ns, told(watch)) == (0, None, [])


def test_nothing_is_looked_at_when_the_adapter_measures_as_it_is_read(contract: Contract) -> None:
    system, _, watch = started(chart(READER, contract), Measuring())
    assert system.next_deadline_ns is None
    system.advance(10 * S)
    assert told(watch) == []


def test_news_costs_nothing(contract: Contract) -> None:
    """A value is looked at once in its time, however often it is renewed."""
    gauge = Gauge()
    system, _, watch = started(chart(READER, contract), gauge)
    for _ in range(1000):
        gauge.hear(3.0)
        system.advance(10 * MS)
    assert told(watch) == []
    assert gauge.asked < 60


def test_a_chart_without_a_transition_for_it_does_not_go_unheard(contract: Contract) -> None:
    """As every event that nobody handles: recorded, and an error of a strict chart."""
    deaf = READER.replace('      tank.stale: {actions: [assign: {lost: "lost + [event.value]"}]}\n', "")
    system, actor, watch = started(
        chart(deaf.replace("machine: reader", "machine: reader\nstrict: true"), contract), Gauge()
    )
    system.advance(S)
    assert told(watch) == [(0.5, "level")]
    assert actor.unhandled == {"tank.stale": 1}
    assert system.failures == ["reader: no state handles 'tank.stale' (the chart is strict)"]


def test_children_are_told_and_those_who_have_ended_are_not(contract: Contract, tmp_path: Path) -> None:
    child = READER.replace("machine: reader", "machine: child").replace(
        "look: {direction: in}", "look: {direction: in}, end: {direction: in}"
    )
    child = child.replace("    on:\n", "    on:\n      end: over\n") + "  over: {type: final}\n"
    (tmp_path / "child.yaml").write_text(child, "utf-8")
    parent = tmp_path / "parent.yaml"
    parent.write_text(
        "machine: parent\nadapters: {tank: gauge}\nstates:\n  one:\n    invoke: {src: child.yaml}\n"
        "    on: {done.invoke.child: two}\n  two: {}\n",
        "utf-8",
    )
    gauge = Gauge()
    system, actor, watch = started(engine.load(parent, contracts={"gauge": contract}), gauge)
    system.advance(S)
    assert [(r.actor.path, r.time_ns) for r in watch.steps if r.event is not None] == [("parent/child", 500 * MS)]
    gauge.hear(1.0)
    system.post(actor.children[("child", None)], "end")
    system.advance(5 * S)
    assert len(told(watch)) == 1
    assert system.next_deadline_ns is None, "nobody reads it any more"


# ---------------------------------------------------------------- ends and errors


def test_a_chart_that_has_ended_is_no_stale_value(contract: Contract) -> None:
    """Its callers know: `error.adapter.<role>`, once; its values cannot be read at all."""
    system, actor, watch = started(chart(READER, contract), engine.serve(chart(SERVING, contract)))
    system.post(system.servers["reader/tank"].actor, "end")
    system.advance(10 * S)
    assert told(watch) == []
    assert [r.event.name for r in watch.steps if r.actor is actor and r.event is not None] == ["error.adapter.tank"]


def test_an_adapter_that_cannot_tell_an_age(contract: Contract) -> None:
    """Told with its error, once: nobody knows how old the value is, so it is too old."""

    class Broken(Gauge):
        def age_ns(self, value: str) -> int:
            raise AdapterError("no clock on the bus")

    class Odd(Gauge):
        def age_ns(self, value: str) -> int:
            return None  # type: ignore[return-value]

    for kind, said in ((Broken, "no clock on the bus"), (Odd, "age_ns() gave None")):
        system, _, watch = started(chart(READER, contract), kind())
        system.advance(20 * S)
        assert sorted(told(watch)) == [(0.0, "flow"), (0.0, "level")]
        errors = [note.text for note in watch.notes if note.kind == "adapter_error"]
        assert len(errors) == 2
        assert all(said in error for error in errors)


def test_a_fault_on_purpose_keeps_the_news_away(contract: Contract) -> None:
    """Also of an adapter that measures as it is read: the reading stays what it was, and grows old."""
    device = Measuring()
    system, actor, watch = started(chart(READER, contract), device)
    actor.roles["tank"].fault("level", parse_rule("drop:tank.level:@1 s-3 s"))
    system.advance(S)
    system.post(actor, "look")
    system.run_due()
    device.level = 99.0
    system.advance(S)
    system.post(actor, "look")
    system.run_due()
    assert actor.machine.data["seen"] == 1.0
    assert told(watch) == [(1.5, "level")]
    assert actor.roles["tank"].read("level.age") == S
    system.advance(S)
    system.post(actor, "look")
    system.advance(10 * S)
    assert (actor.machine.data["seen"], actor.roles["tank"].read("level.age")) == (99.0, 0)
    assert told(watch) == [(1.5, "level")]


# ---------------------------------------------------------------- snapshots, traces


def behind_gauge(contract: Contract) -> Adapter:
    return Gauge()


def behind_chart(contract: Contract) -> ServedChart:
    return engine.serve(chart(SERVING, contract))


def again(actor: Any, contract: Contract, behind: Adapter | ServedChart) -> tuple[System, Any, Watch]:
    """The machine of a snapshot, through JSON, in another system."""
    system = System()
    watch = Watch(system)
    saved = from_json(to_json(take(actor)))
    other = restore(system, chart(READER, contract), saved, "reader", {"tank": behind})
    system.start()
    system.run_due()
    return system, other, watch


def test_a_snapshot_keeps_how_old_a_value_is(contract: Contract) -> None:
    system, actor, _ = started(chart(READER, contract), behind_chart(contract))
    system.post(system.servers["reader/tank"].actor, "quiet")
    system.advance(300 * MS)
    system, actor, watch = again(actor, contract, behind_chart(contract))
    system.advance(S)
    assert told(watch) == [(0.2, "level")]


@pytest.mark.parametrize("behind", [behind_gauge, behind_chart])
def test_a_snapshot_keeps_that_it_has_been_told(
    contract: Contract, behind: Callable[[Contract], Adapter | ServedChart]
) -> None:
    system, actor, _ = started(chart(READER, contract), behind(contract))
    if "reader/tank" in system.servers:
        system.post(system.servers["reader/tank"].actor, "quiet")
    system.advance(600 * MS)
    assert actor.machine.data["lost"] == ["level"]
    device = behind(contract)
    if isinstance(device, Gauge):
        device.heard_ns = -10 * S
    system, actor, watch = again(actor, contract, device)
    system.advance(1300 * MS)
    assert told(watch) == []
    assert actor.machine.data["lost"] == ["level"]


def test_a_trace_replays(contract: Contract, tmp_path: Path) -> None:
    system = System()
    actor = system.add(chart(READER, contract), adapters={"tank": behind_chart(contract)})
    writer = TraceWriter(system, tmp_path / "run.jsonl")
    system.start()
    system.post(system.servers["reader/tank"].actor, "quiet")
    system.advance(3 * S)
    system.shutdown()
    writer.close()
    assert actor.machine.data["lost"] == ["level", "flow"]
    trace = read(tmp_path / "run.jsonl")
    charts = {"reader": READER, "reader/tank": SERVING}
    assert replay(trace, {path: chart(text, contract) for path, text in charts.items()}) is None
    deaf = READER.replace("lost + [event.value]", "lost")
    parting = replay(trace, {"reader": chart(deaf, contract), "reader/tank": chart(SERVING, contract)})
    assert parting is not None
    assert parting.record["event"]["name"] == "tank.stale"


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("stale: 500 ms", "stale: 0 s", "stale at once"),
        ("stale: 500 ms", "stale: 500", "duration"),
        ("stale: 500 ms", "stale: soon", "soon"),
        ("tick:", "stale:", "'stale' says that a value has grown too old"),
    ],
)
def test_contracts_that_do_not_load(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ChartError, match=said):
        written(tmp_path, GAUGE.replace(old, new))


def test_what_a_chart_must_not_say_of_it(contract: Contract) -> None:
    """A misspelt value; and a chart that serves does not send the event itself."""
    misspelt = READER.replace("tank.stale: {", "tank.stale: {guard: event.value == 'levle', ")
    with pytest.raises(ChartError, match="levle"):
        chart(misspelt, contract)
    chart(misspelt.replace("levle", "level"), contract)
    own = SERVING.replace("end: {direction: in}", "end: {direction: in}, stale: {direction: out}")
    with pytest.raises(ChartError, match="'stale' is what those hear whom this chart serves"):
        chart(own, contract)
