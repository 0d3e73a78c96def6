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
from tests.can.faulty import Device, register

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
        writer.on_message_received(
            can.Message(is_error_frame=True, arbitration_id=0x040, data=bytes(8), timestamp=103.0, channel=0)
        )
    return path


@pytest.mark.parametrize("kind", ["log", "asc", "blf", "trc"])
def test_a_log_is_read(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """candump, Vector ASC and BLF, PEAK TRC: each frame in a line with its time, who it is from, values and units."""
    assert main(["monitor", str(log(tmp_path / f"bus.{kind}"))]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    if kind != "trc":  # which does not keep error frames
        assert "error frame" in lines.pop()
        assert said.err == "1 error frame\n"
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
    assert main(["monitor", str(path), "--kind", "terminal", "--profile", "current_divisor=0"]) == 2
    assert "current_divisor is a number from 0.001 to 1000, not 0" in capsys.readouterr().err
    assert main(["monitor", str(tmp_path / "none.log")]) == 2
    assert main(["monitor", "--interface", "virtual", "--channel", "x", "--options", "fast"]) == 2


def test_what_is_no_data_frame_is_shown_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Error frames with what they say, remote and CAN FD frames: whoever looks for a bad cable needs them most.
    What can be sent again, is."""
    path = tmp_path / "bus.log"
    path.write_text(
        "(1.0) can0 1806E5F4#03D400A000000000\n(2.0) can0 20000040#0000000000000000\n"
        "(3.0) can0 20000004#0020000000000000\n(4.0) can0 18904001#R8\n(5.0) can0 123#R\n(6.0) can0 123##1AABB\n"
    )
    assert main(["monitor", str(path)]) == 0
    said = capsys.readouterr()
    assert [line[14:] for line in said.out.splitlines()[1:]] == [
        "00000040#0000000000000000   error frame: bus_off: the controller has taken itself off the bus after too many "
        "errors",
        "00000004#0020000000000000   error frame: error_passive: many errors on the bus",
        "18904001#R8                 remote frame",
        "123#R0                      remote frame",
        "123##AABB                   CAN FD frame",
    ]
    assert said.err == "2 error frames, 2 remote frames, 1 CAN FD frame\n"
    channel = f"replay-{os.getpid()}-{random.randrange(1 << 30)}"
    with can.Bus(channel, "virtual") as peer:
        arguments = ["replay", str(path), "--interface", "virtual", "--channel", channel, "--speed", "0"]
        assert main(arguments) == 0
        received = [message for message in (peer.recv(10) for _ in range(3)) if message]
    assert [(m.arbitration_id, m.is_remote_frame, m.dlc) for m in received] == [
        (0x1806E5F4, False, 8),
        (0x18904001, True, 8),
        (0x123, True, 0),
    ]
    assert capsys.readouterr().out == "3 frames sent; left out: 2 error frames, 1 CAN FD frame\n"


def test_values_of_a_battery_that_cannot_be_are_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """GB/T 27930: what is beyond the standard's ranges, or all ones, is shown as that and not as a measurement."""
    path = tmp_path / "bus.log"
    path.write_text(
        "(1.0) can0 181C56F4#C8E803FFFF00FF\n(2.0) can0 182756F4#FFFF\n(3.0) can0 181056F4#F82A000F01\n"
        "(4.0) can0 1812F456#A00FA00F5902FDFF\n(5.0) can0 1807F456#75590031122520\n(6.0) can0 181056F4#A00F00FA02\n"
    )
    assert main(["monitor", str(path), "--kind", "gbt"]) == 0
    assert [line.split(" gbt ")[1] for line in capsys.readouterr().out.splitlines()] == [
        "bsd soc=200%(out of range: 0 to 100) lowest_cell=10V highest_cell=655.35V(not given) "
        "lowest_temperature=-50degC highest_temperature=205degC(not given)",
        "bhm maximum_voltage=6553.5V(not given)",
        "bcl voltage=1100V(out of range: 0 to 1000) current=-16A mode=constant_voltage",
        "ccs voltage=400V current=0A minutes=601(out of range: 0 to 600) permitted=yes",
        "cts second=75(out of range: 0 to 59) minute=59 hour=0 day=31 month=12 year=2025",
        "bcl voltage=400V current=6000A(out of range: -400 to 400) mode=constant_current",
    ]


@pytest.mark.parametrize("kind", ["blf", "db", "asc", "trc", "log", "csv"])
def test_a_damaged_log_is_an_error_of_one_line(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Cut off, or with octets of something else: what could be read is shown, then which file and why."""
    whole = log(tmp_path / f"bus.{kind}").read_bytes()
    chance, ends = random.Random(16), []
    for number in range(60):
        octets = bytearray(whole[: chance.randrange(len(whole)) if number % 3 == 0 else len(whole)])
        for _ in range(chance.randrange(1, 40)):
            if octets:
                octets[chance.randrange(min(len(octets), 400))] = chance.randrange(256)
        path = tmp_path / f"damaged{number}.{kind}"
        path.write_bytes(octets)
        ends.append(main(["monitor", str(path)]))
        errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
        assert len(errors) == (ends[-1] == 2)
        assert all(str(path) in line for line in errors)
    assert set(ends) <= {0, 2}
    assert 2 in ends
    missing = tmp_path / f"none.{kind}"
    assert main(["monitor", str(missing)]) == 2
    assert not missing.exists()


@pytest.mark.parametrize("kind", ["blf", "db", "asc", "trc", "log", "csv"])
def test_a_log_that_is_cut_says_so(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wherever: what is whole is read as in the whole log, then where it ends, and 2. Between two lines of candump,
    .trc and .csv, which have no end of their own, nobody can tell."""
    path = log(tmp_path / f"bus.{kind}")
    whole = path.read_bytes()
    assert main(["monitor", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    for place in [*random.Random(16).sample(range(len(whole)), 40), len(whole) - 2]:
        path.write_bytes(whole[:place])
        code = main(["monitor", str(path)])
        told = capsys.readouterr()
        read = told.out.splitlines()
        assert read == lines[: len(read)], place
        if kind == "db" and code == 0:
            assert read == lines, "sqlite reads all without the last octets of its page"
        elif code == 0:
            assert kind in ("trc", "log", "csv"), place
            assert whole[:place].endswith(b"\n"), place
        else:
            assert code == 2, place
            assert f"error: {path}: " in told.err, place
    path.write_bytes(whole[:-1])
    main(["monitor", str(path)])
    where = {"blf": f"after 10 frames: cut off: it has {len(whole) - 1} of {len(whole)} octets"}
    last = f"cut off in line {len(whole.splitlines())}, which has no end"
    assert kind == "db" or where.get(kind, last) in capsys.readouterr().err


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
        assert capsys.readouterr().out == f"{len(FRAMES)} frames sent; left out: 1 error frame\n"
        received = [peer.recv(10) for _ in FRAMES]
    assert [(m.arbitration_id, bytes(m.data)) for m in received if m] == [(i, bytes.fromhex(d)) for i, d, _ in FRAMES]
    assert main(["replay", str(tmp_path / "bus.asc")]) == 2


def test_a_monitor_goes_on_after_what_is_no_frame(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A foreign datagram and a classic frame of 11 octets are told and dropped; an interface that goes ends it."""
    register(monkeypatch)
    device = Device(f"monitor-{os.getpid()}-{random.randrange(1 << 30)}")
    foreign = can.CanOperationError("could not unpack received message")
    foreign.__cause__ = ValueError("extra data")
    device.arriving.put(foreign)
    device.says(0x1ABCDEF0, "00" * 11)
    device.says(0x1ABCDEF0, "01")
    device.pull()
    device.plug()
    assert main(["monitor", "--interface", "faulty", "--channel", device.channel]) == 1
    said = capsys.readouterr()
    assert [line.split()[1] for line in said.out.splitlines()] == ["1ABCDEF0#01"]
    assert said.err.splitlines() == [
        "dropped, no CAN frame: could not unpack received message: extra data",
        "dropped, no CAN frame: a classic frame has at most 8 octets, not 11",
        "error: No such device [Error Code 19]",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["monitor", "{tmp}/junk.log"], 2, ["junk.log: after 1 frames: no log that python-can reads"]),
        (["monitor", "{tmp}/junk.asc"], 2, ["junk.asc: there is no frame in it"]),
        (["monitor", "{tmp}/junk.txt"], 2, ["junk.txt: ", "(.log (candump), .asc"]),
        (["replay", "{tmp}/none.blf", "--interface", "virtual", "--channel", "x"], 2, ["none.blf: No such file"]),
        (
            ["replay", "{tmp}/long.log", "--interface", "virtual", "--channel", "x"],
            2,
            ["long.log: frame 2 cannot be sent: a classic frame has at most 8 octets, not 11"],
        ),
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
    (tmp_path / "long.log").write_text(f"(1.000000) can0 123#00\n(1.000000) can0 123#{'00' * 11}\n")
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


@pytest.mark.parametrize("rate", ["-5", "fast", "1e6"])
def test_no_bit_rate(rate: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["monitor", "--interface", "virtual", "--channel", "x", f"--bitrate={rate}"])
    assert ended.value.code == 2
    assert f"argument --bitrate: '{rate}' is no bit rate" in capsys.readouterr().err


@pytest.mark.parametrize("count", ["0", "-1", "two", "1.5", "", "1000"])
def test_no_count(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A rack without a module, or with what is no number of them, is a mistake in the command."""
    with pytest.raises(SystemExit) as ended:
        main(["modules", "--count", count, "--interface", "virtual", "--channel", "x"])
    assert ended.value.code == 2
    assert f"argument --count: '{count}' is no number of modules" in capsys.readouterr().err
