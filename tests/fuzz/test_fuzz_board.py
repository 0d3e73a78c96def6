"""libFuzzer on the whole pilot board in C, with sanitizers, for CHARGECHART_FUZZ_SECONDS."""

from __future__ import annotations

from pathlib import Path

from tests.firmware.build import BOARD, board_program
from tests.fuzz.test_fuzz_c import OPTIONS, SECONDS, run

SOURCE = Path(__file__).with_name("fuzz_board.c")


def test_no_octet_sample_or_time_crashes_the_board(tmp_path: Path) -> None:
    """Nothing reads or writes beyond its memory, fails an assertion, shows a PWM that is none or says no line."""
    done = run(board_program(tmp_path, SOURCE, OPTIONS, cc="clang"), tmp_path, SECONDS)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done " in done.stderr


def test_the_fuzzer_finds_a_line_that_has_no_room(tmp_path: Path) -> None:
    """The buffer of a line to the host, too short for what it says."""
    shorter = tmp_path / "board"
    shorter.mkdir()
    for source in BOARD.iterdir():
        (shorter / source.name).write_text(source.read_text().replace("HOST_REPLY 480U", "HOST_REPLY 250U"))
    program = board_program(tmp_path, SOURCE, OPTIONS, cc="clang", board=shorter)
    done = run(program, tmp_path, 20)
    assert done.returncode != 0
    assert "an assertion has failed" in done.stderr
