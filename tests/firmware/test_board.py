"""The pilot board's firmware on a host, with sanitizers: vehicles, orders, silence and bad lines on a virtual clock.
What it decides are machines/pilot/firmware.yaml and evse.yaml."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from adapters.pilot import uart
from engine.cli import main
from tests.export.c_peer import ROOT, SANITIZED, compiler
from tests.export.emulated import COMPILERS
from tests.firmware.build import board_image, board_program
from tests.firmware.c_board import CBoard, Divider
from tests.firmware.python_board import PythonBoard
from tests.firmware.qemu_board import QemuBoard

Board = CBoard | PythonBoard

PLATFORM = ROOT / "tests" / "firmware" / "platform_script.c"


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The board, built for this computer."""
    return board_program(Path(tmp_path_factory.mktemp("board")), PLATFORM, SANITIZED)


@pytest.fixture
def board(program: Path) -> Iterator[CBoard]:
    """One that a host speaks to."""
    with CBoard(program) as one:
        one.live(0.3)
        yield one


@pytest.fixture(params=["C", "Python"])
def either(request: pytest.FixtureRequest) -> Iterator[Board]:
    """The same, and the same charts run by the Python engine."""
    if request.param == "C":
        yield request.getfixturevalue("board")
        return
    with PythonBoard() as one:
        one.live(0.3)
        yield one


def events(board: Board) -> list[str]:
    return [line["event"] for line in board.take() if line["type"] == "event"]


def status(board: Board) -> dict[str, object]:
    board.take()
    board.command("get_status")
    [found] = [line for line in board.take() if line["type"] == "status"]
    return found


@pytest.mark.parametrize("load", ["B", "C", "D"])
def test_mode_dc_invites_a_vehicle_and_lets_it_go(either: Board, load: str) -> None:
    """100 % in A, 5 % in B, C and D, found in pulses of four samples; each change is an event with a number."""
    either.take()
    either.vehicle(load)
    either.live(0.1)
    assert events(either) == ["state", "duty"]
    assert either.pwm[-1][1:] == (5.0, 1000)
    assert (status(either)["state"], status(either)["pwm"]) == (
        load,
        {"enabled": False, "duty": 100, "hz": 1000, "out": 5},
    )
    before = either.now_us
    either.vehicle(None)
    either.live(0.1)
    assert either.pwm[-1][1:] == (100.0, 1000)
    assert either.pwm[-1][0] - before < 30_000
    assert status(either)["state"] == "A"


def test_a_status_each_200_ms_and_lines_of_the_protocol(either: Board) -> None:
    """Every line is one that the host's side reads, and fits the line's rate."""
    either.take()
    either.run(0.9)
    at = [round(when, 1) for when, line in either.said if line["type"] == "status"]
    assert len(at) in (4, 5)
    either.vehicle("C")
    for name, fields in {"ping": {}, "get_status": {}, "cp.scan": {}, "set_pwm": {"duty": 5}, "reset": {}}.items():
        either.command(name, **fields)
        either.run(0.1)
    for _, line in either.said:
        octets = json.dumps(line, separators=(",", ":")).encode()
        assert not isinstance(uart.decode_report(octets), uart.Misfit), line
        assert len(octets) < 400


def test_a_scan_shows_the_last_burst(either: Board) -> None:
    """For who sets a board up: the levels, and what the samples were."""
    either.vehicle("C")
    either.live(0.2)
    either.take()
    either.command("cp.scan")
    [told] = [line for line in either.take() if line["type"] == "res"]
    burst = told["burst"]
    assert list(burst) == ["peak", "high", "low", "min", "mean"]
    assert (burst["high"], burst["low"]) == (pytest.approx(1850, abs=2), pytest.approx(50, abs=2))
    assert burst["peak"] >= burst["high"] > burst["mean"] > burst["low"] >= burst["min"]
    assert burst["mean"] == pytest.approx(50 + 0.05 * 1800, abs=15)


def test_a_vehicle_without_a_diode_is_none(either: Board) -> None:
    """The firmware replaced does not look: told with its letter, no PWM until it has gone."""
    either.vehicle("C", diode=False)
    either.live(0.3)
    assert either.pwm[-1][1] == 100.0
    shown = status(either)
    assert (shown["state"], shown["diode"]) == ("C", False)
    either.vehicle(None)
    either.live(0.1)
    either.vehicle("B")
    either.live(0.1)
    assert (status(either)["diode"], either.pwm[-1][1]) == (True, 5.0)


def test_a_shorted_pilot_is_seen_while_a_vehicle_charges(either: Board) -> None:
    """The firmware replaced takes E and F for missed pulses while connected."""
    either.vehicle("C")
    either.live(0.2)
    either.take()
    either.vehicle("C", shorted=True)
    either.live(0.1)
    assert status(either)["state"] == "E"
    assert either.pwm[-1][1] == 100.0
    either.vehicle("C")
    either.live(0.1)
    assert (status(either)["state"], either.pwm[-1][1]) == ("C", 5.0)


def test_a_source_that_is_negative_is_f(board: CBoard) -> None:
    board.vehicle("B")
    board.live(0.2)
    board.script("L 80 80")
    board.live(0.1)
    assert (status(board)["state"], board.pwm[-1][1]) == ("F", 100.0)
    board.changed()
    board.live(0.2)
    assert (status(board)["state"], board.pwm[-1][1]) == ("B", 5.0)


def test_mode_manual_shows_what_it_is_told(either: Board) -> None:
    """It keeps what it shows when it is taken over; 0 % is F, disabled is 100 %."""
    either.vehicle("B")
    either.live(0.2)
    either.command("set_mode", mode="manual")
    either.live(0.1)
    assert either.pwm[-1][1] == 5.0
    for duty in (16, 0, 53, 100, 5):
        either.command("set_pwm", duty=duty, enable=True)
        either.live(0.1)
        shown = status(either)
        assert (either.pwm[-1][1], shown["pwm"]["out"], shown["mode"]) == (duty, duty, "manual")  # type: ignore[index]
        assert shown["state"] == ("F" if duty == 0 else "B")
    either.vehicle("C")
    either.live(0.1)
    assert (status(either)["state"], either.pwm[-1][1]) == ("C", 5.0)
    either.command("enable_pwm", enable=False)
    either.live(0.1)
    assert either.pwm[-1][1] == 100.0
    either.command("enable_pwm", enable=True)
    either.live(0.1)
    assert either.pwm[-1][1] == 5.0


def test_a_frequency_is_that_of_mode_manual(board: CBoard) -> None:
    """Mode dc has 1 kHz."""
    board.vehicle("C")
    board.command("set_mode", mode="manual")
    board.command("set_pwm", duty=5, enable=True)
    board.command("set_freq", hz=1200)
    board.live(0.1)
    assert board.pwm[-1][1:] == (5.0, 1200)
    board.command("set_mode", mode="dc")
    board.live(0.1)
    assert board.pwm[-1][1:] == (5.0, 1000)


@pytest.mark.parametrize("mode", ["dc", "manual"])
def test_without_a_host_there_is_no_pwm(either: Board, mode: str) -> None:
    """The firmware replaced goes on without one. Lines that cannot be read are no host."""
    either.vehicle("C")
    either.command("set_mode", mode=mode)
    either.command("set_pwm", duty=5, enable=True)
    either.live(0.2)
    assert either.pwm[-1][1] == 5.0
    silent_us, _ = either.now_us, either.take()
    for _ in range(30):
        either.send(b'{"cmd":"pi\n')
        either.run(0.05)
    assert either.pwm[-1][1] == 100.0
    assert 0.9e6 < either.pwm[-1][0] - silent_us < 1.05e6
    assert events(either) == ["host_silent", "duty"]
    either.live(0.2)
    assert either.pwm[-1][1] == (5.0 if mode == "dc" else 100.0)
    assert events(either)[0] == "host_heard"


def test_before_a_host_has_spoken_there_is_no_pwm(program: Path) -> None:
    with CBoard(program) as board:
        board.vehicle("C")
        board.run(3)
        assert [duty for _, duty, _ in board.pwm] == [100.0]
        board.command("ping")
        board.run(0.1)
        assert board.pwm[-1][1] == 5.0


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"hello\n", "bad_json"),
        (b'{"cmd":"set_mode","mode":"manual"\n', "bad_json"),
        (b'{"cmd":"set_mode","mode":"manual"}' + b" " * 250 + b"\n", "too_long"),
        (b"x" * 100_000 + b"\n", "too_long"),
        (b"{}\n", "missing_cmd"),
        (b'{"cmd":"jump"}\n', "unknown_cmd"),
        (b'{"cmd":"set_mode","mode":"auto"}\n', "bad_mode"),
        (b'{"cmd":"set_pwm","duty":5,"enable":true}\n', "mode_dc_auto"),
        (b'{"cmd":"set_freq","hz":900}\n', "mode_dc_auto"),
        (b'{"cmd":"cp.set_thresholds","t9":2350}\n', "bad_value"),
        (b'{"cmd":"restart_slac_hint","ms":49}\n', "bad_value"),
    ],
)
def test_a_bad_line_is_answered_and_changes_nothing(either: Board, line: bytes, code: str) -> None:
    either.vehicle("B")
    either.live(0.2)
    before, shown, _ = status(either), either.pwm[-1], either.take()
    either.send(line)
    either.live(0.1)
    refused = [said["msg"] for said in either.take() if said["type"] == "error"]
    assert [text.partition(":")[0] for text in refused] == [code]
    after = status(either)
    assert {**after, "up_ms": 0} == {**before, "up_ms": 0}
    assert either.pwm[-1] == shown


def test_octets_that_were_lost_spoil_their_line_only(board: CBoard) -> None:
    """BRD-2: a line with a hole changes nothing."""
    board.take()
    board.send(b'{"cmd":"set_')
    board.script("O")
    board.send(b'"mode":"manual"}\n{"cmd":"ping"}\n')
    assert [line.get("msg", line["type"])[:8] for line in board.take()] == ["overflow", "pong"]


def test_a_hint_takes_the_pwm_away_for_a_while(either: Board) -> None:
    either.vehicle("B")
    either.live(0.2)
    either.command("restart_slac_hint", ms=400)
    either.live(0.3)
    assert either.pwm[-1][1] == 100.0
    began = either.pwm[-1][0]
    either.take()
    either.live(0.2)
    assert either.pwm[-1][1] == 5.0
    assert 0.4e6 <= either.pwm[-1][0] - began < 0.41e6
    assert {"type": "ok", "cmd": "restart_slac_hint"} in either.take()


@pytest.mark.parametrize(("zero", "slope"), [(1250, 100), (1339, 101.8), (1240, 92)])
def test_a_calibration_finds_any_divider_and_is_kept(program: Path, zero: float, slope: float) -> None:
    """By steady +12 V and -12 V; B, C and D are right afterwards, and after a restart."""
    with CBoard(program, Divider(zero, slope)) as board:
        board.live(0.3)
        board.command("cp.auto_cal")
        board.live(0.3)
        assert {"type": "ok", "cmd": "cp.auto_cal"} in board.take()
        assert board.marks == ["kept"]
        assert abs(status(board)["thresh"]["t9"] - (zero + 7.5 * slope)) < 5  # type: ignore[index]
        board.script("R")
        board.live(0.3)
        assert abs(status(board)["thresh"]["t3"] - (zero + 1.5 * slope)) < 5  # type: ignore[index]
        for load in ("B", "C", "D"):
            board.vehicle(load)
            board.live(0.1)
            assert status(board)["state"] == load


def test_a_calibration_with_a_vehicle_is_refused(either: Board) -> None:
    either.vehicle("B")
    either.live(0.2)
    before = either.pwm[-1]
    either.take()
    either.command("cp.auto_cal")
    either.live(0.2)
    assert "cal_failed" in [line.get("msg") for line in either.take()]
    assert either.pwm[-1] == before


def test_thresholds_of_the_host_hold_and_are_kept(board: CBoard) -> None:
    board.vehicle("B")
    board.live(0.2)
    board.command("cp.set_thresholds", t12=2380, t9=2250, t0=1180)
    board.live(0.1)
    assert status(board)["state"] == "C"
    board.script("R")
    board.live(0.2)
    assert status(board)["thresh"]["t9"] == 2250  # type: ignore[index]


def test_without_bursts_there_is_no_vehicle(board: CBoard) -> None:
    """BRD-4: a converter that hangs, or is lent to another channel, is told within 50 ms, and takes the PWM away."""
    board.vehicle("C")
    board.live(0.2)
    board.take()
    board.script("Q 0")
    board.run(0.04)
    assert events(board) == []
    board.run(0.02)
    board.live(0.1)
    told = events(board)
    assert told == ["blind", "state", "duty"]
    assert board.pwm[-1][1] == 100.0
    board.script("Q 1")
    board.live(0.2)
    assert (status(board)["state"], board.pwm[-1][1]) == ("C", 5.0)


def test_noise_moves_no_state(board: CBoard) -> None:
    """Some 10 mV of noise, and one wild sample of 60."""
    board.script("N 14")
    board.script("S 60")
    for load in ("B", "C", "D", "B", None):
        board.vehicle(load)
        board.live(0.1)
        board.take()
        board.live(1)
        assert events(board) == []
        assert status(board)["state"] == (load or "A")


def test_a_port_without_room_loses_whole_lines_and_says_so(board: CBoard) -> None:
    board.script("F 1")
    board.live(0.2)
    board.script("F 0")
    assert status(board)["unsent"] >= 4  # type: ignore[operator]


def test_events_are_numbered_and_have_the_time_since_the_start(either: Board) -> None:
    """A lost one shows; after a restart both begin anew."""
    either.take()
    for load in ("B", "C", None):
        either.vehicle(load)
        either.live(0.1)
    told = [line for line in either.take() if line["type"] == "event"]
    assert [line["event"] for line in told] == ["state", "duty", "state", "state", "duty"]
    numbers, times_ms = [line["seq"] for line in told], [line["up_ms"] for line in told]
    assert numbers == list(range(numbers[0], numbers[0] + 5))
    assert times_ms == sorted(times_ms)
    assert 300 <= times_ms[0] < times_ms[-1] < 620
    either.command("reset")
    either.run(0.1)
    either.take()
    either.vehicle("B")
    either.live(0.1)
    told = [line for line in either.take() if line["type"] == "event"]
    assert [line["seq"] for line in told] == [1, 2, 3]
    assert told[-1]["up_ms"] < 250


def test_a_reset_begins_anew(board: CBoard) -> None:
    board.command("set_mode", mode="manual")
    board.live(0.1)
    board.take()
    board.command("reset")
    board.run(0.1)
    assert "restart" in board.marks
    assert {"type": "ok", "cmd": "reset"} in board.take()
    shown = status(board)
    assert shown["mode"] == "dc"
    assert shown["up_ms"] < 100  # type: ignore[operator]


class Edit(NamedTuple):
    """Of a chart's text, and what is seen of it: the letter at 9 V, the duty in B, in D, and after 1.5 s of silence."""

    chart: str
    old: str
    new: str
    seen: tuple[str, float, float, float]


UNEDITED = ("B", 5.0, 5.0, 100.0)
EDITS = {
    "threshold": Edit("evse", "U_B_low: {type: float V, default: 8 V", "U_B_low: {type: float V, default: 9 V",
        ("A", 100.0, 5.0, 100.0)),
    "duty": Edit("evse", "D_HLC: {type: float %, default: 5 %", "D_HLC: {type: float %, default: 6 %",
        ("B", 6.0, 6.0, 100.0)),
    "time": Edit("firmware", "T_host: {type: duration, default: 1 s", "T_host: {type: duration, default: 3 s",
        ("B", 5.0, 5.0, 5.0)),
    "transition": Edit("firmware", "(state == 'B' or state == 'C' or state == 'D')", "(state == 'B' or state == 'C')",
        ("B", 5.0, 100.0, 100.0)),
}  # fmt: skip


def edited(edits: list[Edit], copy: Path) -> Path:
    """What a user has cloned, these places edited and nothing else."""
    for folder in ("machines/pilot", "adapters/pilot", "firmware"):
        (copy / folder).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-r", str(ROOT / folder), str(copy / folder)], check=True)
    for one in edits:
        path = copy / "machines" / "pilot" / f"{one.chart}.yaml"
        assert path.read_text().count(one.old) == 1
        path.write_text(path.read_text().replace(one.old, one.new))
    return copy


def seen(board: Board | QemuBoard) -> tuple[object, float, float, float]:
    """As in :class:`Edit`."""
    board.live(0.2)
    board.vehicle("B")
    board.live(0.2)
    board.take()
    board.command("get_status")
    [letter] = {line["state"] for line in board.take() if line["type"] == "status"}
    in_b = board.pwm[-1][1]
    board.vehicle("D")
    board.live(0.2)
    in_d = board.pwm[-1][1]
    board.run(1.5)
    return letter, in_b, in_d, board.pwm[-1][1]


def test_the_chart_as_it_is_shipped(program: Path) -> None:
    """What the edits below are compared with."""
    with CBoard(program) as board, PythonBoard() as python:
        assert seen(board) == seen(python) == UNEDITED


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_the_chart_is_an_edit_of_the_board(name: str, tmp_path: Path) -> None:
    """With no other edit, from the YAML by the script that users run; the Python run is another one in the same way."""
    edit = EDITS[name]
    assert edit.seen != UNEDITED
    copy = edited([edit], tmp_path / "copy")
    program = board_program(tmp_path, PLATFORM, ["-O1"], root=copy)
    with CBoard(program) as board, PythonBoard(copy) as python:
        assert seen(board) == seen(python) == edit.seen


def test_an_edit_of_the_chart_is_an_edit_of_the_emulated_board(tmp_path: Path) -> None:
    """A threshold and a transition: the image of the emulated core and the Python run show both."""
    copy = edited([EDITS["duty"], EDITS["transition"]], tmp_path / "copy")
    image = board_image("xtensa", tmp_path / "board.elf", copy)
    with QemuBoard("xtensa", image) as board, PythonBoard(copy) as python:
        assert seen(board) == seen(python) == ("B", 6.0, 100.0, 100.0)


def test_an_edit_of_the_chart_is_an_edit_of_the_drawing(tmp_path: Path) -> None:
    """And the shipped drawing is stale by it."""
    chart = edited([EDITS["time"], EDITS["transition"]], tmp_path / "copy") / "machines" / "pilot" / "firmware.yaml"
    drawn: list[str] = []
    for one in (ROOT / "machines" / "pilot" / "firmware.yaml", chart):
        folder = tmp_path / f"drawn{len(drawn)}"
        command = ["diagram", str(one), "--format", "dot", "--level", "full", "--no-stamp", "-o", str(folder)]
        assert main(command) == 0
        drawn.append((folder / "pilot_firmware.dot").read_text())
    before, after = drawn
    for there, where, nowhere in (("after T_host (1 s)", before, after), ("after T_host (3 s)", after, before)):
        assert there in where
        assert there not in nowhere
    assert "state == 'D'" in before
    assert "state == 'D'" not in after
    command = ["diagram", str(chart), "--format", "dot", "--level", "full", "--no-stamp", "--check"]
    assert main([*command, "-o", str(tmp_path / "drawn0")]) == 1


def test_a_chart_that_is_not_exported_fails_the_build(tmp_path: Path) -> None:
    """A step that is cut short must not look like success."""
    environment = {**os.environ, "ENGINE": "/bin/true"}
    script = [str(ROOT / "firmware" / "charts.sh"), str(tmp_path)]
    run = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode, "was not made" in run.stderr) == (1, True)
    environment["ENGINE"] = "/bin/false"
    assert subprocess.run(script, env=environment, check=False).returncode != 0


def test_a_chart_that_is_cut_in_the_middle_fails_the_build(tmp_path: Path) -> None:
    """And no image of before is left to be taken for one of now."""
    compiler(COMPILERS["xtensa"])
    real, cutting, image = Path(sys.executable).with_name("engine"), tmp_path / "engine", tmp_path / "board.elf"
    cut = 'for made in "$6"/*.c; do head -c 9000 "$made" > "$made.part" && mv "$made.part" "$made"; done'
    cutting.write_text(f'#!/bin/sh\n"{real}" "$@" && {cut}\n')
    cutting.chmod(0o755)
    image.write_bytes(b"an image of before")
    script = [str(ROOT / "firmware" / "qemu" / "board.sh"), "xtensa", str(image)]
    environment = {**os.environ, "ENGINE": str(cutting)}
    run = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "pilot_" in run.stderr
    assert not image.exists()
