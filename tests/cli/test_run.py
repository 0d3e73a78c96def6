"""``engine run``: what a person types, sees and gets back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.tools.trace import read
from tests.cli.conftest import Engine

ROOT = Path(__file__).parents[2]


def spawn(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "engine.cli", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_a_fast_run_says_ready_and_then_one_line_per_step(engine: Engine) -> None:
    code, out, err = engine("run", "light.yaml", "--fast", "--for", "60s")
    lines = out.splitlines()
    assert code == 0
    assert err == ""
    assert "READY light: Traffic light" in lines
    assert "    30.000  light  after 30 s in red  red → green  start beep" in lines
    assert "    37.000  light/beep  after T_beep in off  off → on" in lines
    assert "light: stopped" in lines


def test_a_quiet_run_says_ready_and_how_it_ended(engine: Engine) -> None:
    code, out, _ = engine("run", "light.yaml", "--fast", "--for", "60s", "--quiet")
    assert code == 0
    assert out == "READY light: Traffic light\n7 steps in 60.0 s\nlight: stopped\n"


def test_ready_is_said_when_the_state_the_station_names_is_active(engine: Engine) -> None:
    station = Path("crossing.toml").read_text()
    Path("crossing.toml").write_text(station.replace("[station]", '[station]\nready = "crossing/beep.on"'))
    _, out, _ = engine("run", "crossing.toml", "--fast", "--for", "60s")
    lines = out.splitlines()
    assert lines.index("    33.000  crossing/beep  after T_beep in off  off → on") + 1 == lines.index(
        "READY crossing, second: Crossing"
    )
    assert out.count("READY") == 1
    condition = "In('on') and not In('off')"
    for written in (f'{{machine = "crossing/beep", expr = "{condition}"}}', """{expr = "beep.In('on')"}"""):
        Path("crossing.toml").write_text(station.replace("[station]", f"[station]\nready = {written}"))
        assert engine("run", "crossing.toml", "--fast", "--for", "60s")[1].splitlines() == lines
    Path("crossing.toml").write_text(station.replace("[station]", """[station]\nready = {expr = "beep.In('onn')"}"""))
    assert "crossing.toml:3:26: no state 'onn'" in engine("run", "crossing.toml", "--fast")[2]
    Path("crossing.toml").write_text(station.replace("[station]", '[station]\nready = {machin = "crossing"}'))
    assert 'write {machine = "machine/child", expr = "…"}' in engine("run", "crossing.toml", "--fast")[2]
    for wrong in ("crossing/beep.onn", "crossing.beep.on", "nowhere.red"):
        Path("crossing.toml").write_text(station.replace("[station]", f'[station]\nready = "{wrong}"'))
        code, _, err = engine("run", "crossing.toml", "--fast")
        assert code == 2
        assert "write machine.state" in err


def test_events_are_sent_in_order_with_waits_and_payload(engine: Engine) -> None:
    code, out, _ = engine("run", "light.yaml", "--fast", "--events", "31 s, car, car, 1s, fault(code=7, text=dark)")
    assert code == 0
    assert out.count("  light  car\n") == 2
    assert "    32.000  light  fault(code=7, text=dark)  green → out" in out
    assert "out: broken  code=7" in out


def test_many_events_are_no_name_of_a_file(engine: Engine) -> None:
    """A list that is longer than a name may be."""
    code, out, err = engine("run", "light.yaml", "--fast", "--for", "1s", "--events", ", ".join(["car"] * 100))
    assert (code, err) == (0, "")
    assert "car" in out


def test_events_come_from_a_file_or_standard_input(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    Path("script.txt").write_text("# a comment\n31 s\ncar\nfault(code=1)\n")
    _, out, _ = engine("run", "light.yaml", "--fast", "--for", "40s", "--events", "script.txt")
    assert "fault(code=1)" in out
    monkeypatch.setattr("sys.stdin", io.StringIO("fault(code=2)\n"))
    _, out, _ = engine("run", "light.yaml", "--fast", "--for", "1s", "--events", "-")
    assert "fault(code=2)" in out


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ("carr", "did you mean 'car'?"),
        ("fault(cod=1)", "did you mean 'code'?"),
        ("fault(code=many)", "expected int"),
        ("fault", "field 'code'"),
        ("fault(7)", "write FIELD=VALUE"),
        ("!!", "is no event"),
    ],
)
def test_a_wrong_event_is_named_before_anything_runs(engine: Engine, events: str, told: str) -> None:
    code, out, err = engine("run", "light.yaml", "--fast", "--events", events)
    assert code == 2
    assert told in err
    assert "READY" not in out


def test_sessions_are_counted_and_the_run_ends_with_them(engine: Engine) -> None:
    arguments = ("run", "crossing.toml", "--fast", "--events", "5 s, fault(code=3), 100 s, fault(code=4)")
    code, out, _ = engine(*arguments)
    assert code == 0
    assert "session 1 ended at 5.0 s: code=3" in out
    assert "session 2" not in out  # one is enough on a virtual clock
    code, out, _ = engine(*arguments, "--sessions", "2")
    assert code == 0
    assert "session 2 ended at 105.0 s: code=4" in out
    code, _, err = engine(*arguments, "--sessions", "3", "--for", "300s")
    assert code == 1
    assert "2 of 3 sessions ended" in err


def test_a_trace_is_written(engine: Engine) -> None:
    code, _, _ = engine("run", "light.yaml", "--fast", "--for", "60s", "--trace", "run.jsonl")
    assert code == 0
    assert [record["cause"] for record in read("run.jsonl").steps()] == [
        "start", "timer", "start", "timer", "timer", "stop", "stop",
    ]  # fmt: skip


def test_a_trace_that_cannot_be_written_is_told_before_anything_runs(engine: Engine) -> None:
    code, out, err = engine("run", "light.yaml", "--fast", "--for", "1s", "--trace", "nowhere/run.jsonl")
    assert (code, out) == (2, "")
    assert err == "engine: nowhere/run.jsonl: No such file or directory\n"


def test_a_machine_that_breaks_makes_the_run_fail(engine: Engine) -> None:
    Path("loop.yaml").write_text(
        "machine: loop\ninitial: a\nstates: {a: {after: {1 s: b}}, b: {always: c}, c: {always: b}}\n"
    )
    code, out, err = engine("run", "loop.yaml", "--fast", "--for", "5s")
    assert code == 1
    assert "no rest after" in err
    assert "loop: failed" in out


def test_a_broken_invariant_makes_the_run_fail(engine: Engine) -> None:
    text = Path("light.yaml").read_text()
    Path("light.yaml").write_text(text.replace("initial: red", "invariant: cars < 2\ninitial: red"))
    code, _, err = engine("run", "light.yaml", "--fast", "--for", "40s", "--events", "31 s, car, car")
    assert code == 1
    assert "invariant broken: cars < 2" in err


def test_a_strict_chart_that_meets_an_unknown_event_makes_the_run_fail(engine: Engine) -> None:
    text = Path("light.yaml").read_text()
    Path("light.yaml").write_text(text.replace("machine: light", "machine: light\nstrict: true"))
    code, _, err = engine("run", "light.yaml", "--fast", "--for", "5s", "--events", "car")
    assert code == 1
    assert "'car'" in err


def test_a_real_run_ends_in_order_on_a_signal(folder: Path) -> None:
    with spawn(folder, "run", "light.yaml", "--trace", "run.jsonl") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline(), process.stdout.readline()]
        assert "READY light: Traffic light\n" in lines
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0
        assert not [line for line in err.splitlines() if "the host was late" not in line]  # a loaded machine may be
        assert "light: stopped" in out
    assert read(folder / "run.jsonl").steps()[-1]["cause"] == "stop"


@pytest.mark.timeout(30)
def test_each_line_of_a_real_run_is_there_when_it_happens(folder: Path) -> None:
    """Whoever reads: a file, `tee`, a journal."""
    (folder / "tick.yaml").write_text("machine: tick\nstates: {a: {after: {20 ms: b}}, b: {}}\n")
    with spawn(folder, "run", "tick.yaml", "--for", "1 h") as process:
        assert process.stdout is not None
        try:
            while "after 20 ms in a  a → b" not in process.stdout.readline():
                assert process.poll() is None
        finally:
            process.kill()


def test_a_real_run_waits_for_its_timers(folder: Path) -> None:
    with spawn(folder, "run", "light.yaml", "--for", "2 s", "--events", "20 ms, fault(code=1)") as process:
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert " light  fault(code=1)  red → out" in out


def test_the_reader_may_go_away(folder: Path) -> None:
    with spawn(folder, "run", "light.yaml", "--fast", "--for", "24 h") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00\xff\xfe", b"machine: [", b"- a\n- b\n", b"machine: m\nlanguage: 99\ninitial: a\nstates: {a: {}}\n"],
)
def test_what_is_no_chart_is_refused_without_a_traceback(engine: Engine, content: bytes) -> None:
    Path("bad.yaml").write_bytes(content)
    code, out, err = engine("run", "bad.yaml")
    assert code == 2
    assert out == ""
    assert "bad.yaml" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("machine", ["evse_ac", "pev_ac"])
def test_an_adapter_that_does_not_open_is_all_that_is_told(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, machine: str
) -> None:
    """Neither what it failed to close nor what the charts behind other roles order at their end."""
    monkeypatch.setenv("V2G_METRICS_UDP", "nonsense")
    code, out, err = engine("run", str(ROOT / f"machines/{machine}.yaml"), "--fast", "--for", "30 s")
    assert code == 2
    assert out == ""
    assert err.splitlines() == [
        f"engine: role '{machine.split('_')[0]}.v2g': metrics_udp 'nonsense': write ADDRESS:PORT or [IPv6 ADDRESS]:PORT"
        " (a port is missing)"
    ]


def test_a_file_that_is_not_there_is_named(engine: Engine) -> None:
    code, _, err = engine("run", "nowhere.yaml")
    assert code == 2
    assert "nowhere.yaml" in err


def test_wrong_usage_is_exit_code_2(engine: Engine) -> None:
    for arguments in ((), ("rnu",), ("run",), ("run", "light.yaml", "--sessions", "many"), ("check", "--frobnicate")):
        code, _, _ = engine(*arguments)
        assert code == 2, arguments


def test_help_names_every_command_there_is_and_gives_examples(engine: Engine) -> None:
    code, out, _ = engine("--help")
    assert code == 0
    for command in ("run", "check", "trace", "adapters", "schema"):
        assert f"  {command} " in out
    assert "engine run machines/evse_dc.yaml" in out
    for command in ("run", "trace", "adapters"):
        code, out, _ = engine(command, "--help")
        assert code == 0
        assert "examples:" in out


def test_every_contract_can_be_listed(engine: Engine) -> None:
    code, out, _ = engine("adapters")
    assert code == 0
    assert "power_supply" in out
    code, out, _ = engine("adapters", "power_supply")
    assert code == 0
    assert "set(voltage: float V, current: float A)" in out
    code, _, err = engine("adapters", "powr_supply")
    assert code == 2
    assert "did you mean 'power_supply'?" in err


@pytest.mark.parametrize("name", ["evse_dc.yaml", "evse_ac.yaml", "soc_reader.yaml", "stations/wallbox.toml"])
def test_the_simulated_vehicle_comes_back_for_the_next_session(engine: Engine, name: str) -> None:
    chart = str(ROOT / "machines" / name)
    code, out, err = engine("run", chart, "--fast", "--quiet", "--sessions", "2", "--set", "pev.stop_at_soc=41 %")
    assert code == 0, err
    ends = [line.partition(": ")[2] for line in out.splitlines() if line.startswith("session ")]
    assert len(ends) == 2
    assert ends[0] == ends[1]
    assert "end=normal" in ends[0]
    assert "nobody handled" not in out


def test_what_is_set_by_hand_says_when_the_vehicle_comes_back(engine: Engine) -> None:
    arguments = ("run", str(ROOT / "machines/evse_dc.yaml"), "--fast", "--quiet", "--sessions", "2")
    code, _, err = engine(*arguments, "--set", "pev.adapters.driver.back_after=none", "--set", "pev.stop_at_soc=41 %")
    assert code == 1
    assert "1 of 2 sessions ended" in err


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_text_that_cannot_be_written_stops_no_run(encoding: str, tmp_path: Path) -> None:
    """Octets a shell hands over that are no text, and a terminal without our arrows."""
    (tmp_path / "echo.yaml").write_text(
        "machine: echo\ndata: {last: {type: string, initial: \"''\"}}\n"
        "events: {say: {direction: in, payload: {text: string}}}\n"
        "states:\n  a:\n    on: {say: {actions: [assign: {last: event.text}, log: 'said {last}']}}\n"
    )
    said = b"say(text=a\xffb)".decode("utf-8", "surrogateescape")
    for arguments in (
        ["run", "echo.yaml", "--fast", "--events", said, "--trace", "t.jsonl"],
        ["trace", "replay", "t.jsonl"],
    ):
        run = subprocess.run(
            [sys.executable, "-m", "engine.cli", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (run.returncode, run.stderr) == (0, ""), run.stderr
    (record,) = [r for r in read(tmp_path / "t.jsonl").records if r.get("event", {}).get("name") == "say"]
    assert record["data"] == {"last": "a\udcffb"}


@pytest.mark.parametrize("count", ["0", "-1", "two"])
def test_a_number_of_sessions_that_is_none_is_a_usage_error(engine: Engine, count: str) -> None:
    code, _, err = engine("run", "crossing.toml", "--fast", "--sessions", count)
    assert code == 2
    assert f"{count!r}: write a whole number, 1 or more" in err


def test_help_is_a_word_too(engine: Engine) -> None:
    assert engine("help") == engine("--help")
    code, out, _ = engine("help", "run")
    assert code == 0
    assert "--sessions N" in out


def test_a_folder_is_not_run_but_says_what_in_it_can_be(engine: Engine) -> None:
    Path("light.yaml").write_text(Path("light.yaml").read_text().replace("title:", "station: crossing.toml\ntitle:"))
    code, out, err = engine("run", ".")
    assert (code, out) == (2, "")
    assert err == "engine: . is a folder; in it can be run:\n  light.yaml  Traffic light\n"


JOB = """
machine: job
events:
  start: {direction: in}
  go: {direction: in, payload: {result: string, why: string}}
  over: {direction: out, payload: {result: string, why: string, energy: float Wh}}
session: {during: busy, result: over, success: event.result == 'done'}
initial: idle
states:
  idle: {title: Nothing to do, on: {start: busy}}
  busy:
    title: At work
    on:
      go:
        target: idle
        actions: {send: {event: over, to: parent, data: {result: event.result, why: event.why, energy: 1500 Wh}}}
"""


@pytest.mark.parametrize(("results", "code"), [("done", 0), ("failed", 1), ("done failed", 1)])
def test_a_run_is_done_when_every_session_ended_well(engine: Engine, results: str, code: int) -> None:
    """A script must see from the exit code, a person from one line, that a session failed, and why."""
    Path("job.yaml").write_text(JOB)
    Path("job.toml").write_text('[station]\nmachine = "job.yaml"\n[sides]\n"Worker" = "job"\n')
    events = ", ".join(f"start, 2 s, go(result={one}, why=so), 1 s" for one in results.split())
    count = str(len(results.split()))
    found, out, err = engine("run", "job.toml", "--fast", "--quiet", "--sessions", count, "--events", events)
    assert found == code
    assert ("session 1 ended at 2.0 s, after 2.0 s: result=done, why=so, energy=1500 Wh" in out) == ("done" in results)
    failed = results.split().count("failed")
    assert out.count("failed at") == err.count("failed at") == failed
    assert ("  Worker: Nothing to do, [start] At work, [go] Nothing to do" in out) == (results == "failed")
    assert (f"1 of {count} sessions failed" in err) == (failed == 1)


def test_an_adapter_that_cannot_work_is_told_of_once_and_is_no_success(engine: Engine) -> None:
    """The loopback interface has no link-local address: never READY, the reason on standard error, exit code 1."""
    chart = str(ROOT / "machines" / "evse_dc.yaml")
    code, out, err = engine("run", chart, "--iface", "lo", "--for", "300 ms", "--quiet", "--link", "ethernet")
    assert code == 1
    assert "READY" not in out
    assert err.count("interface 'lo' has no IPv6 link-local address") == 1
    assert "evse was never READY; it waited for evse: discovery.In('open') and not slac" in err


def test_a_soc_reader_without_a_modem_charges_and_is_ready(engine: Engine) -> None:
    """It says that it cannot read, and charges the vehicle all the same: nothing is wrong with the run."""
    code, out, _ = engine("run", str(ROOT / "machines/soc_reader.yaml"), "--fast", "--set", "adapters.modem.use=none")
    assert code == 0
    assert "READY reader" in out
    assert "the state of charge cannot be read" in out
    assert "end=normal" in out


def test_an_ac_station_without_a_modem_charges_and_is_ready(engine: Engine) -> None:
    """It says that nothing of ISO 15118 can be spoken, and charges the vehicle by the nominal duty."""
    code, out, _ = engine("run", str(ROOT / "machines/evse_ac.yaml"), "--fast", "--set", "adapters.modem.use=none")
    assert code == 0
    assert "READY evse" in out
    assert "nothing of ISO 15118 can be spoken" in out
    assert "end=normal, protocol=pwm" in out
