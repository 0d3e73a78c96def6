"""``python -m adapters.can``: logs of every format as names, values and units, and sent again."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import can
import pytest

from adapters.can.__main__ import main

FRAMES = [
    (
        0x1806E5F4,
        "03D400A000000000",
        "elcon command charger=229 maximum_voltage=98V maximum_current=16A control=charge mode=0",
    ),
    (0x0283F001, "43FA000041200000", "infy output error=none device=10 module=1 voltage=500V current=10A"),
    (0x18904001, "01F401F475300320", "daly pack pack=1 voltage=50V gathered_voltage=50V current=0A soc=80%"),
    (0x1CEC56F4, "100D0002FF000600", "gbt part"),
    (0x1CEB56F4, "016009DC05102768", "gbt part"),
    (0x1CEB56F4, "0210FAF401A00FFF", "gbt bcp maximum_cell_voltage=24V maximum_current=-250A energy=1000kWh"),
    (0x060F8008, "42F0004000400001", "maxwell alarms module=1 group=0 alarms=[fault,output_off]"),
    (0x00433F01, "7FC0000042C80000", "terminal ? output: voltage is nan"),
    (0x1ABCDEF0, "01", ""),
]


def log(path: Path) -> Path:
    with can.Logger(path) as writer:
        for number, (can_id, data, _) in enumerate(FRAMES):
            message = can.Message(
                arbitration_id=can_id, data=bytes.fromhex(data), timestamp=100.0 + number / 4, channel=0
            )
            writer.on_message_received(message)
        writer.on_message_received(can.Message(is_error_frame=True, timestamp=103.0, channel=0))
    return path


@pytest.mark.parametrize("kind", ["log", "asc", "blf", "trc"])
def test_a_log_is_read(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """candump, Vector ASC and BLF, PEAK TRC: each frame in a line with its time, who it is from, values and units."""
    assert main(["monitor", str(log(tmp_path / f"bus.{kind}"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(FRAMES)
    for number, (line, (can_id, data, meaning)) in enumerate(zip(lines, FRAMES, strict=True)):
        assert float(line.split()[0]) == pytest.approx(number / 4, abs=0.002)
        assert line.split()[1] == f"{can_id:08X}#{data}"
        assert line.endswith(meaning) if meaning.endswith(("0", "]", "nan")) else meaning in line


def test_one_family_with_its_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--kind leaves the others raw; --profile is that of the model, and wrong ones are said."""
    path = tmp_path / "bus.log"
    path.write_text("(1.000000) can0 00433F01#4290000042C80000\n(1.500000) can0 1806E5F4#03D400A000000000\n")
    assert main(["monitor", str(path), "--kind", "terminal", "--profile", "current_divisor=10"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("terminal output voltage=72V current=10A")
    assert second.endswith("1806E5F4#03D400A000000000")
    assert main(["monitor", str(path), "--kind", "terminal", "--profile", "colour=1"]) == 2
    assert main(["monitor", str(path), "--profile", "current_divisor=10"]) == 2
    assert main(["monitor"]) == 2
    assert main(["monitor", str(tmp_path / "none.log")]) == 1
    assert main(["monitor", "--interface", "virtual", "--channel", "x", "--options", "fast"]) == 2


def test_who_reads_the_first_lines_only(tmp_path: Path) -> None:
    """``… monitor bus.log | head -1``: no complaint when the reader has gone."""
    path = tmp_path / "bus.log"
    path.write_text("(1.000000) can0 1806E5F4#03D400A000000000\n" * 3000)
    command = [sys.executable, "-m", "adapters.can", "monitor", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as monitor:
        assert monitor.stdout is not None
        assert monitor.stderr is not None
        assert "elcon command" in monitor.stdout.readline()
        monitor.stdout.close()
        assert (monitor.stderr.read(), monitor.wait()) == ("", 0)


def test_times_that_go_back_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Logs that were put together, or a clock that was set: the frames are shown with their times, and where they go
    back is said."""
    path = tmp_path / "bus.log"
    path.write_text("".join(f"({at}.000000) can0 1ABCDEF0#01\n" for at in (10, 12, 9, 9, 13)))
    assert main(["monitor", str(path)]) == 0
    said = capsys.readouterr()
    assert [float(line.split()[0]) for line in said.out.splitlines()] == [0.0, 2.0, -1.0, -1.0, 3.0]
    assert said.err == "frame 3: its time is 3 s before that of the last one\n"


def test_replay_sends_a_log_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The frames of a log go out on a bus of python-can in their order, here at once."""
    channel = f"replay-{os.getpid()}-{random.randrange(1 << 30)}"
    with can.Bus(channel, "virtual") as peer:
        arguments = ["replay", str(log(tmp_path / "bus.asc")), "--interface", "virtual", "--channel", channel]
        assert main([*arguments, "--speed", "0"]) == 0
        assert capsys.readouterr().out == f"{len(FRAMES)} frames sent\n"
        received = [peer.recv(10) for _ in FRAMES]
    assert [(m.arbitration_id, bytes(m.data)) for m in received if m] == [(i, bytes.fromhex(d)) for i, d, _ in FRAMES]
    assert main(["replay", str(tmp_path / "bus.asc")]) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["monitor", "{tmp}/junk.log"], 1, ["junk.log: after 1 frames: no log that python-can reads"]),
        (["monitor", "{tmp}/junk.asc"], 1, ["junk.asc: there is no frame in it"]),
        (["monitor", "{tmp}/junk.txt"], 1, ["junk.txt: ", "(.log (candump), .asc"]),
        (["replay", "{tmp}/none.blf", "--interface", "virtual", "--channel", "x"], 1, ["none.blf: No such file"]),
        (["monitor", "--interface", "socketcam", "--channel", "can0"], 2, ["--interface: ", "socketcam", "socketcan"]),
        (["modules", "--interface", "slcan", "--channel", "/dev/none"], 1, ["slcan /dev/none: ", "No such file"]),
        (["modules"], 2, ["--channel"]),
    ],
)
def test_what_cannot_be_is_said_with_its_name(
    arguments: list[str], code: int, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which file, which bus, and what would do; nothing is opened or sent before."""
    (tmp_path / "junk.log").write_text("(1.000000) can0 1806E5F4#03D400A000000000\nnothing of the kind\n")
    for name in ("junk.asc", "junk.txt"):
        (tmp_path / name).write_text("nothing of the kind\n")
    assert main([argument.format(tmp=tmp_path) for argument in arguments]) == code
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert [word for word in words if word not in error] == []


def test_no_speed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["replay", "bus.log", "--speed", "-1"])
    assert "-1 is no speed" in capsys.readouterr().err
