"""What is kept of a run: bounded, one row of numbers, and true to the machines from wherever it begins."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.run import Actor, System, VirtualClock
from engine.run.registry import installed
from engine.run.station import Overrides, build, resolve
from engine.tools.page import history
from engine.tools.page.history import PARTS, History, situation


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> tuple[System, History]:
    """A station whose history is short, in the middle of a charge."""
    monkeypatch.setattr(history, "PART", 50)
    station = resolve(Path("machines/evse_dc.yaml"), None, Overrides((), environ={}), installed(), engine.load)
    system = System(VirtualClock())
    build(station, system, installed())
    kept = History(system)
    system.start()
    system.advance(20_000_000_000)
    return system, kept


def folded(base: dict[str, Any], records: list[dict[str, Any]]) -> dict[str, Any]:
    """How every machine stands, by the words of docs/trace.md."""
    machines = {path: {**one, "data": dict(one["data"]), "timers": dict(one["timers"])} for path, one in base.items()}
    for record in records:
        if "cause" not in record:
            continue
        path = record["machine"]
        if record["cause"] == "start":
            machines[path] = {"data": {}, "timers": {}}
        one = machines[path]
        one["configuration"] = record["configuration"]
        one["data"] |= record.get("data", {})
        one["timers"].pop(record.get("timer"), None)
        for effect in record.get("effects", ()):
            if effect["do"] == "start_timer":
                one["timers"][effect["id"]] = record["time_ns"] + effect["delay_ns"]
            elif effect["do"] == "cancel_timer":
                one["timers"].pop(effect["id"], None)
        if record["cause"] == "stop" or any(effect["do"] == "done" for effect in record.get("effects", ())):
            del machines[path]
    return {path: {key: one[key] for key in ("configuration", "data", "timers")} for path, one in machines.items()}


@pytest.mark.parametrize("parts", [1, 2, 5, PARTS])
def test_base_and_records_give_how_the_machines_stand(run: tuple[System, History], parts: int) -> None:
    system, kept = run
    found = kept.kept(parts)
    assert found.first > 0
    stands = {
        one["machine"]: {key: one[key] for key in ("configuration", "data", "timers")}
        for one in situation(system, kept.veil)
        if one["state"] == "running"
    }
    assert folded(json.loads(found.base), [json.loads(line) for line in found.lines]) == stands


def test_it_does_not_grow(run: tuple[System, History]) -> None:
    system, kept = run
    system.advance(40_000_000_000)
    found = kept.kept()
    assert len(found.lines) <= 50 * PARTS
    assert (found.first, found.first + len(found.lines)) == (found.oldest, found.next)


def test_whoever_reads_slowly_finds_it_gone_and_nobody_waits(run: tuple[System, History]) -> None:
    system, kept = run
    oldest = kept.kept().oldest
    assert kept.after(oldest, 10) == kept.kept().lines[:10]
    assert kept.after(oldest - 1, 10) is None
    assert kept.after(kept.next, 10) == []
    assert kept.after(kept.next + 1, 10) is None
    system.advance(30_000_000_000)
    assert kept.after(oldest, 10) is None


@pytest.mark.parametrize("most", [1, 7, 50, 120])
def test_pieces_are_the_whole(run: tuple[System, History], most: int) -> None:
    _, kept = run
    whole, number, found = kept.kept(), kept.kept().oldest, []
    while piece := kept.after(number, most):
        found += piece
        number += len(piece)
    assert found == whole.lines


def test_large_records_make_it_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "OCTETS", 20_000)
    kept = History(System(VirtualClock()))
    for number in range(200):
        kept.told({"time_ns": number, "machine": "x", "text": "y" * 500})
    assert sum(map(len, kept.kept().lines)) <= 25_000 + 600
    assert kept.kept().next == 200


def test_secrets_are_not_in_it(run: tuple[System, History]) -> None:
    """The network's key is a secret of the SLAC chart: the base has a stand-in for it, too."""
    system, kept = run
    key = system.roots["evse"].children[("slac", None)].machine.data["nmk"].hex()
    found = kept.kept()
    assert len(key) == 32
    assert '"$secret"' in found.base
    assert key not in found.base + "".join(found.lines)


def test_nothing_is_kept_of_machines_that_have_ended(tmp_path: Path) -> None:
    """A station of years begins hundreds of thousands of them."""
    (tmp_path / "kid.yaml").write_text(
        "machine: kid\nlanguage: 2\nevents: {end: {direction: in}}\ninitial: a\nstates:\n"
        "  a: {on: {end: b}}\n  b: {type: final}\n"
    )
    (tmp_path / "top.yaml").write_text(
        "machine: top\nlanguage: 2\nevents: {go: {direction: in}, end: {direction: in}}\ninitial: idle\nstates:\n"
        "  idle: {on: {go: busy}}\n"
        "  busy:\n    invoke: {id: kid, src: kid.yaml, onDone: idle}\n"
        "    on: {end: {actions: {send: {event: end, to: kid}}}}\n"
    )
    system = System(VirtualClock())
    top = system.add(engine.load(tmp_path / "top.yaml"))
    History(system)
    system.start()

    def round_of_events() -> None:
        for event in ("go", "end"):
            system.post(top, event)
            system.advance(0)

    def actors() -> int:
        gc.collect()
        return sum(isinstance(one, Actor) and one.path == "top/kid" for one in gc.get_objects())

    round_of_events()
    before = actors()
    for _ in range(20):
        round_of_events()
    assert top.machine.configuration[-1] == "idle"
    assert actors() <= before + 1


@pytest.mark.parametrize("path", ["/api/state", "/api/trace"])
def test_a_text_that_is_no_unicode_is_told_all_the_same(run: tuple[System, History], path: str) -> None:
    """A line of standard input may have brought it: octets that are no UTF-8."""
    pytest.importorskip("starlette", reason="the extra [ui]")
    from engine.tools.page.routes import Api, Live

    system, kept = run
    system.note("evse", "adapter_note", "card \udcff")
    live = Live(system, {"title": "\udcff"}, kept, "evse", False, list, lambda asked: None, list, lambda: False)
    said: list[Any] = []

    async def asked() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def answered(part: Any) -> None:
        said.append(part)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "root_path": ""}
    asyncio.run(Api(live).app()(scope, asked, answered))
    assert said[0]["status"] == 200
    assert b"card \\udcff" in b"".join(part.get("body", b"") for part in said)
