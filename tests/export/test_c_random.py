"""Random charts as C beside the Python engine: what the shipped charts happen not to do is compared, too."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, assume, given, seed, settings

from engine.tools.export.c import designed
from engine.tools.export.c.bound import bound_of
from tests.engine.charts import chart_texts
from tests.export.c_charts import translatable
from tests.export.c_peer import CORE, compile_c, run_script, write_program
from tests.export.c_sequences import Random
from tests.export.charts import load
from tests.export.test_c import differences, scripts

FULL = "fault(102)"
CHARTS = max(10, int(os.environ.get("CHARGECHART_EXAMPLES", "0")) // 400)
SEQUENCES = 60


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The core, compiled once."""
    folder = tmp_path_factory.mktemp("core")
    return [compile_c([source], folder / f"{source.stem}.o", ["-O1", "-c"]) for source in sorted(CORE.glob("*.c"))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("random")


# A shorter example would take as many compilations as there are steps to it.
@seed(int(os.environ.get("CHARGECHART_FUZZ_SEED", "1")))
@settings(max_examples=CHARTS, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(text=chart_texts(rich=False, later=True))
def test_random_charts_do_in_c_what_they_do_in_the_engine(text: str, core: list[Path], folder: Path) -> None:
    tree = translatable(json.loads(text))
    exported, design = designed(load(tree))
    assert not exported.losses, "\n".join([json.dumps(tree, indent=1), *map(str, exported.losses)])
    assume(len(design.transitions) > 1)
    source = Random(design, [], "1")
    sequences = [source.sequence(number) for number in range(SEQUENCES)]
    sources = [path for path in write_program(design, exported.files, folder) if path.parent != CORE]
    program = compile_c([*sources, *core], folder / "random", ["-O0"])
    lines = run_script(program, scripts(sequences))
    if bound_of(design).why and any(FULL in line for line in lines):
        return  # the export has told that it may come to this
    parted = differences(lines, sequences)
    assert not parted, "\n\n".join([json.dumps(tree, indent=1), *parted[:2]])
