"""Real processes and real signals: what ends a run in order, what skips the waiting, what is no reason to end it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
HEATER = """
contract: heater
actions: {heat: {args: {}}, cool: {args: {}}}
unsafe: [{order: heat(), until: cool()}]
"""
STOVE = """
machine: stove
adapters: {plate: heater}
events: {leave: {direction: in}}
shutdown: {event: leave, within: T_leave, done: cold}
parameters: {T_leave: {type: duration, default: 5 s}, T_cool: {type: duration, default: 300 ms}}
exit: plate.cool()
states:
  hot:
    entry: plate.heat()
    on: {leave: cooling}
    after: {100 ms: hot}
  cooling: {after: {T_cool: cold}}
  cold: {}
"""


@pytest.fixture
def stove(tmp_path: Path) -> Path:
    (tmp_path / "heater.contract.yaml").write_text(HEATER)
    (tmp_path / "stove.yaml").write_text(STOVE)
    (tmp_path / "stove.toml").write_text('[station]\nmachine = "stove.yaml"\n[adapters.plate]\nuse = "none"\n')
    return tmp_path


@contextlib.contextmanager
def run(folder: Path, *arguments: str, **how: Any) -> Iterator[subprocess.Popen[str]]:
    """The stove in a process of its own, killed if need be."""
    command = [sys.executable, "-m", "engine", "run", str(folder / "stove.toml"), "--trace", str(folder / "run.jsonl")]
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": ROOT, "text": True} | how
    process = subprocess.Popen([*command, *arguments], **how)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line_with(process: subprocess.Popen[str], text: str) -> None:
    """Read its lines as far as one with this text."""
    assert process.stdout is not None
    assert any(text in line for line in process.stdout), f"no line with {text}"


def records(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "run.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines[1:] if line.endswith("}")]


def wait_for(folder: Path, found: Callable[[list[dict[str, Any]]], bool]) -> None:
    for _ in range(1600):
        if (folder / "run.jsonl").exists() and found(records(folder)):
            return
        time.sleep(0.05)
    raise AssertionError("nothing of the kind in the trace")


def ordered(folder: Path) -> list[str]:
    """What happened from the request to end on: events, states entered, the last orders."""
    told = []
    for record in records(folder):
        if record.get("event", {}).get("name") == "leave":
            told.append("leave")
        if told:
            told += [state for state in record.get("entered", [])]
        if record.get("cause") == "stop":
            told += ["stop", *(e["action"] for e in record["effects"] if e.get("action"))]
    return told


IN_ORDER = ["leave", "cooling", "cold", "stop", "cool"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_asks_the_chart_and_waits_for_its_word(stove: Path, number: signal.Signals) -> None:
    with run(stove) as process:
        line_with(process, "after 100 ms")
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    told = [line for line in errors.splitlines() if "the host was late" not in line]  # a loaded machine may be
    assert (process.returncode, told) == (0, [])
    assert ordered(stove) == IN_ORDER


def test_the_end_of_the_time_asks_the_chart_too(stove: Path) -> None:
    with run(stove, "--for", "300 ms") as process:
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert ordered(stove) == IN_ORDER


def test_a_second_signal_skips_the_waiting_not_the_exit_actions(stove: Path) -> None:
    with run(stove, "--set", "T_cool=1 h", "--set", "T_leave=2 h") as process:
        line_with(process, "after 100 ms")
        process.send_signal(signal.SIGTERM)
        line_with(process, "→ cooling")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert ordered(stove) == ["leave", "cooling", "stop", "cool"]


def test_a_chart_that_does_not_answer_in_its_time_is_told_of_and_ended(stove: Path) -> None:
    with run(stove, "--set", "T_cool=1 h", "--set", "T_leave=200 ms") as process:
        line_with(process, "after 100 ms")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "stove: leave is not over after 0.2 s; it ends by its exit actions in cooling" in errors
    assert ordered(stove) == ["leave", "cooling", "stop", "cool"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_on_the_virtual_clock(stove: Path, number: signal.Signals) -> None:
    """No event loop takes them there, and an hour goes by in a moment."""
    with run(stove, "--fast", "--for", "100000 h", "--quiet") as process:
        wait_for(stove, lambda found: len(found) > 2)
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert ordered(stove)[-5:] == IN_ORDER


# ---------------------------------------------------------------- nobody reads it


def after_the_loss(stove: Path, process: subprocess.Popen[str]) -> None:
    lines = len(records(stove))
    wait_for(stove, lambda found: len(found) > lines + 5)
    assert process.poll() is None, "it goes on"
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert errors.count("\n") == 1
    assert errors.startswith("engine: nobody reads standard output (")
    assert ordered(stove) == IN_ORDER


def test_a_closed_pipe_does_not_end_it(stove: Path) -> None:
    reading, writing = os.pipe()
    with run(stove, stdout=writing) as process:
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        after_the_loss(stove, process)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_does_not_end_it(stove: Path) -> None:
    with open("/dev/full", "w") as full, run(stove, stdout=full) as process:
        wait_for(stove, lambda found: len(found) > 2)
        after_the_loss(stove, process)


def test_standard_output_closed_from_the_start(stove: Path) -> None:
    command = (
        f"exec {sys.executable} -m engine run {stove / 'stove.toml'} --for 300ms --trace {stove / 'run.jsonl'} >&-"
    )
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert ordered(stove) == IN_ORDER


# ---------------------------------------------------------------- the station itself


def test_sigterm_at_200_ampere(tmp_path: Path) -> None:
    """The vehicle is told and ends as for a user's stop; then the station's orders, in order; nothing stays on."""
    trace = tmp_path / "run.jsonl"
    command = [sys.executable, "-m", "engine", "run", "machines/evse_dc.yaml", "--plain", "--link", "ethernet"]
    settings = ["--set", "adapters.imd.measure=100ms", "--set", "adapters.imd.self_test=50ms", "--trace", str(trace)]
    process = subprocess.Popen([*command, *settings], stdout=subprocess.DEVNULL, cwd=ROOT)
    try:
        wait_for(tmp_path, lambda found: any(current(r) >= 199.0 for r in found))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
    told = records(tmp_path)
    at = next(n for n, r in enumerate(told) if r.get("event", {}).get("name") == "shut_down")
    assert told[at]["machine"] == "evse"
    orders = [
        (record["machine"], effect["role"], effect["action"], effect.get("args", {}))
        for record in told[at:]
        for effect in record.get("effects", [])
        if "action" in effect
    ]
    names = [f"{role}.{action}" for _, role, action, _ in orders]
    codes = [args.get("EVSEStatusCode") for _, _, action, args in orders if action == "CurrentDemandRes"]
    assert "EVSE_Shutdown" in codes
    assert any(o[1:3] == ("v2g", "PowerDeliveryReq") and o[3]["ChargeProgress"] == "Stop" for o in orders)
    steps = ["supply.off", "battery.open_contactors", "lock.unlock"]
    assert [names.index(step) for step in steps] == sorted(names.index(step) for step in steps)
    opened = next(n for n, o in enumerate(orders) if o[1:] == ("contactor", "set", {"closed": False}))
    assert names.index("supply.off") < opened < names.index("lock.unlock")
    assert any(o[1:] == ("pilot", "set_duty", {"duty": 0.0}) for o in orders)


def current(record: dict[str, Any]) -> float:
    return float(record.get("readings", {}).get("supply.present_current", 0.0))
