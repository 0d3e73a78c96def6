"""``[programs]``: a program that a station starts with it, whose lines are told in the run, and that ends with it."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

import engine
from engine.run import System
from engine.run.registry import installed
from engine.run.station import Overrides, StationError, resolve
from tests.cli.conftest import Engine
from tests.cli.page import Page

CHART = """\
machine: clock
states:
  tick: {after: {1 s: tock}}
  tock: {after: {1 s: tick}}
"""
PROGRAM = """\
import os, sys
print("here", os.getpid(), *sys.argv[1:], flush=True)
for line in sys.stdin:
    print("heard", line.strip(), flush=True)
open("left", "a").write("x")
"""
STATION = """\
[station]
machine = "clock.yaml"
[option_values]
helper = "by itself"
[options.helper]
"programs.helper" = "python helper.py '{}'"
[options.control]
"station.control" = "{}"
[control]
power_cycle = "restart"
"""


@pytest.fixture(autouse=True)
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("clock.yaml", CHART), ("helper.py", PROGRAM), ("clock.toml", STATION)):
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path / "clock.toml"


def test_its_lines_are_told_and_it_ends_with_the_run(engine: Engine) -> None:
    code, out, _ = engine("run", "clock.toml", "--plain", "--for", "1500ms", "--helper", "A B")
    assert code == 0
    assert re.search(r"helper  log: here \d+ A B\n", out)
    assert Path("left").read_text() == "x"
    assert "×" not in out.splitlines()[-1], "what it says is nothing wrong"


def test_an_option_alone_has_the_value_the_file_says(engine: Engine) -> None:
    code, out, _ = engine("run", "clock.toml", "--helper", "--plain", "--for", "200ms")
    assert code == 0
    assert re.search(r"here \d+ by itself\n", out)
    assert engine("run", "clock.toml", "--control")[::2] == (2, "engine: --control: write a value behind it\n")


def test_one_that_does_not_serve_is_told_before_anything_runs(engine: Engine, station: Path) -> None:
    Path("helper.py").write_text("import sys; sys.exit('no room')")
    code, out, err = engine("run", "clock.toml", "--for", "3s", "--helper")
    assert (code, out) == (2, "")
    assert "it has ended: no room" in err
    station.write_text(STATION.replace("python helper.py", "no-such-program"))
    assert "No such file" in engine("run", "clock.toml", "--for", "3s", "--helper")[2]


def test_it_needs_the_real_clock(engine: Engine) -> None:
    assert engine("run", "clock.toml", "--helper", "--fast")[::2] == (
        2,
        "engine: helper beside it: that needs the real clock, so not --fast\n",
    )


def test_an_entry_that_is_none(station: Path) -> None:
    station.write_text(STATION + "[programs]\nhelper = 7\n")
    with pytest.raises(StationError, match=r"\[programs\] helper: write a command, not 7"):
        resolve(station, None, Overrides(environ={}), installed(), engine.load)


def test_a_line_typed_for_it_reaches_it() -> None:
    page = Page("site.yaml", "outlets=2").run(1)
    said: list[str] = []
    page.view.programs = {"csms": said.append}
    for key in "csms list all\r":
        page.view._key(key)
    assert said == ["list all"]


def test_it_hears_and_answers(tmp_path: Path) -> None:
    from engine.cli.programs import started

    (one,) = started({"helper": "python helper.py"}, System())
    one.write("hello")
    one.end()
    one.write("too late")
    assert (tmp_path / "left").read_text() == "x"


def test_a_power_cycle_is_the_runs_alone(tmp_path: Path) -> None:
    """What stands beside it goes on, and knows nothing of it."""
    command = [
        sys.executable,
        "-m",
        "engine.cli",
        "run",
        "clock.toml",
        "--plain",
        "--helper",
        "--control",
        "127.0.0.1:0",
    ]
    life = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert life.stdout is not None
    assert life.stderr is not None
    try:
        (helper,) = told(life.stdout, r"here (\d+) by itself")
        (where,) = told(life.stderr, r"http://(127\.0\.0\.1:\d+)/event")
        line = http.client.HTTPConnection(where, timeout=30)
        line.request("POST", "/event", b'{"event": "power_cycle"}')
        assert line.getresponse().status == 204
        line.close()
        told(life.stdout, "stopped dead")
        told(life.stdout, "READY")
        os.kill(int(helper), 0)
        assert not (tmp_path / "left").exists()
    finally:
        life.terminate()
        life.communicate(timeout=60)
    assert (tmp_path / "left").read_text() == "x"


def test_a_power_cycle_lets_go_of_what_was_on(tmp_path: Path) -> None:
    """The program is replaced by another one: what it held closed would stay closed."""
    (tmp_path / "relay.contract.yaml").write_text(
        "contract: relay\nunsafe: {order: switch_on(), until: switch_off(), description: It is on}\n"
        "actions: {switch_on: {args: {}}, switch_off: {args: {}}}\nevents: {}\nvalues: {}\n"
    )
    (tmp_path / "clock.yaml").write_text(
        "machine: clock\nadapters: {k1: relay}\nstates:\n  tick: {entry: [k1.switch_on()], exit: [k1.switch_off()]}\n"
    )
    (tmp_path / "k1.py").write_text(
        "from engine.adapter import Adapter\nclass K1(Adapter):\n    contract = 'relay'\n"
        "    def switch_on(self): print('on', flush=True)\n"
        "    def switch_off(self): print('off', flush=True)\n"
        "    def close(self): print('let go', flush=True)\n"
    )
    (tmp_path / "clock.toml").write_text(STATION + "[adapters.k1]\nuse = './k1.py:K1'\n")
    command = [sys.executable, "-m", "engine.cli", "run", "clock.toml", "--plain", "--control", "127.0.0.1:0"]
    life = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert life.stdout is not None
    assert life.stderr is not None
    try:
        told(life.stdout, "on")
        (where,) = told(life.stderr, r"http://(127\.0\.0\.1:\d+)/event")
        line = http.client.HTTPConnection(where, timeout=30)
        line.request("POST", "/event", b'{"event": "power_cycle"}')
        assert line.getresponse().status == 204
        line.close()
        told(life.stdout, "let go")
        told(life.stdout, "stopped dead")
        told(life.stdout, "on")
    finally:
        life.terminate()
        life.communicate(timeout=60)


def told(lines: IO[str], pattern: str) -> tuple[str, ...]:
    """The groups of the first line that has it."""
    before = []
    for text in lines:
        before.append(text)
        if found := re.search(pattern, text):
            return found.groups()
    raise AssertionError("".join(before[-20:]))
