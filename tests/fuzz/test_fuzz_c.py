"""libFuzzer on the C of the charts, with sanitizers, for CHARGECHART_FUZZ_SECONDS each."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import engine
from engine.tools.export.c import designed
from tests.export.c_peer import CHARTS, CORE, ROOT, STRICT, compile_c
from tests.fuzz import FUZZ_SEED, OWN_MEMORY
from tests.fuzz.fuzz_c import fuzz_c

SECONDS = int(os.environ.get("CHARGECHART_FUZZ_SECONDS", "1"))
OPTIONS = ["-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]


def fuzzer(chart: Path, to: Path) -> Path:
    """The program for a chart."""
    exported, design = designed(engine.load(str(chart)))
    assert not exported.losses
    for name, text in {**exported.files, "fuzz.c": fuzz_c(design)}.items():
        (to / name).write_text(text)
    sources = [to / f"{design.name}.c", to / "fuzz.c", *sorted(CORE.glob("*.c"))]
    options = [option for option in (*STRICT, *OPTIONS) if option != "-DCHART_TRACE"]
    return compile_c(sources, to / "fuzz", options, cc="clang", common=[])


def run(program: Path, to: Path, seconds: int) -> subprocess.CompletedProcess[str]:
    """Fuzz for so long."""
    command = [*OWN_MEMORY, str(program), f"-max_total_time={seconds}", "-timeout=5", "-max_len=2048"]
    command += [f"-artifact_prefix={to}/", f"-seed={FUZZ_SEED}", "-use_value_profile=1"]
    return subprocess.run(command, cwd=to, capture_output=True, text=True, timeout=seconds + 60, check=False)


@pytest.mark.parametrize("chart", CHARTS)
def test_no_event_and_no_time_crashes_the_c(chart: str, tmp_path: Path) -> None:
    """No octets, in whatever order, make the C read or write beyond its memory, fail an assertion of the core or come
    to a configuration that is none."""
    done = run(fuzzer(ROOT / "machines" / f"{chart}.yaml", tmp_path), tmp_path, SECONDS)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done " in done.stderr


ENDLESS = """
machine: endless
data: {x: {type: int, initial: 0}}
events: {go: {direction: in}}
initial: a
states:
  a: {on: {go: b}}
  b: {always: c}
  c: {always: b}
"""


def test_the_fuzzer_finds_an_assertion_that_fails(tmp_path: Path) -> None:
    """A chart without rest: the bound of microsteps is reached, which is a fault."""
    chart = tmp_path / "endless.yaml"
    chart.write_text(ENDLESS)
    done = run(fuzzer(chart, tmp_path), tmp_path, 20)
    assert done.returncode != 0
    assert "port_fault" in done.stderr
