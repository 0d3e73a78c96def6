"""The ESP32-S3's layer against headers of our own with ESP-IDF's signatures. It was never run on a board."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.export.c_peer import ROOT, compiler
from tests.firmware.build import BOARD

LAYER = ROOT / "firmware" / "esp32s3_cp"
OPTIONS = ["-std=gnu99", "-Wall", "-Wextra", "-Wconversion", "-Werror", f"-I{LAYER / 'stubs'}", f"-I{BOARD}"]


def compiled(source: Path, to: Path, cc: str) -> subprocess.CompletedProcess[str]:
    command = [compiler(cc), *OPTIONS, f"-I{LAYER / 'src'}", "-c", str(source), "-o", str(to)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("cc", ["cc", "xtensa-lx106-elf-gcc"])
def test_it_has_the_types_of_the_framework_and_all_that_a_platform_provides(cc: str, tmp_path: Path) -> None:
    """Also with the compiler of a core like the chip's, where an int32_t is a long."""
    more = [] if cc == "cc" else ["-ffreestanding", "-isystem", "/usr/lib/picolibc/riscv64-unknown-elf/include"]
    symbols = ""
    for source in sorted((LAYER / "src").glob("*.c")):
        made = tmp_path / f"{source.stem}.o"
        command = [compiler(cc), *OPTIONS, *more, f"-I{LAYER / 'src'}", "-c", str(source), "-o", str(made)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr[-4000:]
        nm = "nm" if cc == "cc" else cc.removesuffix("gcc") + "nm"
        symbols += subprocess.run([nm, str(made)], capture_output=True, text=True, check=True).stdout
    wanted = set(re.findall(r"\b(platform_\w+)\(", (BOARD / "board.h").read_text()))
    assert len(wanted) > 10
    assert wanted <= set(re.findall(r" T (\w+)", symbols))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("ledc_set_duty(LEDC_LOW_SPEED_MODE, LEDC_CHANNEL_0, steps)", "ledc_set_duty(LEDC_CHANNEL_0, steps)"),
        ("nvs_get_blob(handle, \"scale\", record, &length)", "nvs_get_blob(handle, \"scale\", record, length)"),
        (".on_conv_done = frame_done", ".on_conv_done = platform_now_us"),
        ("uart_read_bytes(HOST_PORT, octets, most, 0)", "uart_read_bytes(octets, HOST_PORT, most, 0)"),
    ],
)  # fmt: skip
def test_a_call_of_another_signature_is_found(right: str, wrong: str, tmp_path: Path) -> None:
    source = (LAYER / "src" / "platform.c").read_text()
    assert source.count(right) == 1
    changed = tmp_path / "platform.c"
    changed.write_text(source.replace(right, wrong))
    assert compiled(changed, tmp_path / "platform.o", "cc").returncode != 0


def test_its_pins_are_those_of_the_boards_in_the_field() -> None:
    source = (LAYER / "src" / "platform.c").read_text()
    pins = dict(re.findall(r"#define (PWM_GPIO|RX_GPIO|TX_GPIO|PILOT_INPUT) (\d+)", source))
    assert pins == {"PWM_GPIO": "38", "RX_GPIO": "44", "TX_GPIO": "43", "PILOT_INPUT": "1"}
    assert "board = esp32-s3-devkitc-1" in (LAYER / "platformio.ini").read_text()


def test_the_build_names_every_source_there_is() -> None:
    """A file that is added to the portable part is in the board's image."""
    told = (LAYER / "src" / "CMakeLists.txt").read_text()
    core = ROOT / "firmware" / "core"
    for source in [*core.glob("*.c"), *BOARD.glob("*.c"), *(LAYER / "src").glob("*.c")]:
        assert source.name in told
