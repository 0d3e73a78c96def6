"""What a chart declares secret is in no line, view or trace, and the trace still replays."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from textwrap import dedent

import pytest

import engine
from engine.cli import main
from engine.language.problems import ChartError
from engine.run import System
from engine.run.clock import VirtualClock
from engine.tools.trace import TraceWriter, read
from engine.tools.trace.compare import first_difference
from engine.tools.trace.replay import replay

KEY = bytes(range(0x11, 0x21))
CHILD = """
machine: child
parameters: {nmk: {type: bytes, secret: true}}
events:
  same: {direction: out, payload: {nmk: {type: bytes, secret: true}}}
  other: {direction: in, payload: {nmk: {type: bytes, secret: true}}}
initial: a
states:
  a:
    on:
      other: {guard: event.nmk == nmk, target: b}
  b: {entry: {send: {event: same, to: parent, data: {nmk: nmk}}}}
"""
TOP = """
machine: top
station: top.toml
data:
  nmk: {type: bytes, secret: true, initial: "hex('')"}
  codes: {type: list, of: bytes, secret: true, initial: "[]"}
events:
  join: {direction: in, payload: {nmk: {type: bytes, secret: true}}}
  told: {direction: out, payload: {nmk: {type: bytes, secret: true}}}
output: {nmk: {type: bytes, secret: true}}
initial: idle
states:
  idle:
    on: {join: {target: work, actions: [assign: {nmk: event.nmk, codes: "[event.nmk]"}]}}
  work:
    invoke: {id: kid, src: child.yaml, input: {nmk: nmk}}
    on:
      join:
        actions:
          - send: {event: other, to: kid, data: {nmk: event.nmk}}
          - send: {event: told, to: parent, data: {nmk: nmk}}
      kid.same: end
  end: {type: final, output: {nmk: nmk}}
"""
STATION = """
[station]
machine = "top.yaml"
session_end = "top.join"
[display]
"Key" = "top.nmk"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("child.yaml", CHILD), ("top.yaml", TOP), ("top.toml", STATION)):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


EVENTS = f"join(nmk={KEY.hex()}), 1 s, join(nmk={KEY.hex()}), 1 s"


def _run(*more: str) -> int:
    return main(["run", "top.yaml", "--fast", "--for", "3 s", "--events", EVENTS, *more])


def test_lines_summary_and_trace_hide_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--trace", "run.jsonl") == 0
    out, err = capsys.readouterr()
    told = out + err + Path("run.jsonl").read_text()
    assert KEY.hex() not in told.lower()
    assert "join(nmk=(secret))" in out
    assert "send other(nmk=(secret)) to kid" in out
    assert "Key (secret)" in out
    assert main(["trace", "show", "run.jsonl"]) == 0
    assert "top  join(nmk=(secret))" in capsys.readouterr().out


def test_the_same_secret_has_the_same_stand_in_all_over_a_trace_and_another_in_the_next(folder: Path) -> None:
    def stand_ins(path: str) -> set[str]:
        found: set[str] = set()

        def look(value: object) -> None:
            if isinstance(value, dict):
                if value.keys() == {"$secret"} and isinstance(value["$secret"], dict):
                    found.add(value["$secret"]["$hex"])
                for item in value.values():
                    look(item)
            elif isinstance(value, list):
                for item in value:
                    look(item)

        for line in Path(path).read_text().splitlines():
            look(json.loads(line))
        return found

    _run("--trace", "a.jsonl")
    _run("--trace", "b.jsonl")
    (a,), (b,) = stand_ins("a.jsonl"), stand_ins("b.jsonl")
    assert len(bytes.fromhex(a)) == len(KEY)
    assert a != b
    assert first_difference(read("a.jsonl"), read("b.jsonl"), times=True) is None


def test_a_trace_with_hidden_secrets_replays_through_guards_that_compare_them(folder: Path) -> None:
    _run("--trace", "run.jsonl")
    trace = read("run.jsonl")
    assert any(record.get("entered") == ["b"] for record in trace.steps())
    assert replay(trace, {"top": engine.load("top.yaml")}) is None


def test_secrets_are_kept_when_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--trace", "run.jsonl", "--secrets") == 0
    assert f"join(nmk={KEY.hex()})" in capsys.readouterr().out
    assert KEY.hex() in Path("run.jsonl").read_text()


def test_only_the_owner_may_read_a_trace_also_one_that_was_open_to_all(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("")
    path.chmod(0o644)
    TraceWriter(System(VirtualClock()), path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("line", "place", "said"),
    [
        ("actions: [assign: {open_: event.nmk}]", "event.nmk", "event.nmk is secret"),
        ("actions: [assign: {open_: \"hex('00') + event.nmk\"}]", "hex('00')", "event.nmk is secret"),
        ("actions: [assign: {text: str(nmk)}]", "str(nmk)", "nmk is secret"),
        ("actions: [log: 'key {nmk}']", "nmk", "nmk is secret and cannot be in a log text"),
    ],
)
def test_a_secret_cannot_be_put_where_it_would_be_seen(line: str, place: str, said: str) -> None:
    text = dedent(f"""
        machine: leak
        data:
          nmk: {{type: bytes, secret: true, initial: "hex('')"}}
          open_: {{type: bytes, initial: "hex('')"}}
          text: {{type: string, initial: "''"}}
        events: {{join: {{direction: in, payload: {{nmk: {{type: bytes, secret: true}}}}}}}}
        initial: a
        states:
          a:
            on:
              join: {{{line}}}
        """)
    with pytest.raises(ChartError) as caught:
        engine.load_text(text)
    (problem,) = caught.value.problems
    assert (problem.code, problem.position.line) == ("secret", 12)
    assert said in str(problem)


def test_comparing_a_secret_and_its_length_tell_nothing_and_are_allowed() -> None:
    engine.load_text(
        dedent("""
        machine: fine
        data:
          nmk: {type: bytes, secret: true, initial: "hex('')"}
          length: {type: int, initial: 0}
        initial: a
        states:
          a: {always: {guard: len(nmk) > 0 and nmk != hex('00'), target: b}}
          b: {entry: {assign: {length: len(nmk)}}}
        """)
    )


def test_a_number_cannot_be_secret() -> None:
    text = "machine: m\ndata: {pin: {type: int, secret: true, initial: 0}}\ninitial: a\nstates: {a: }\n"
    with pytest.raises(ChartError, match="int cannot be secret"):
        engine.load_text(text)
