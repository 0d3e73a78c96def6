"""The charts' C on emulated cores of 32 bits without floating point and without a C library: the same lines as from the
Python engine, as in ``test_c.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.tools.testing.transitions import TransitionSearch
from tests.export.c_peer import CHARTS, HERE, write_program
from tests.export.c_sequences import Random, Sequence, of_path
from tests.export.emulated import EMULATORS, QEMU, available, emulate, image
from tests.export.test_c import SEED, SEQUENCES, design_of, differences, scripts

EMULATED = SEQUENCES // 10


def sequences_of(chart: str) -> list[Sequence]:
    """The paths that take every transition, and as many random sequences as an emulator has time for."""
    design = design_of(chart)
    paths = TransitionSearch(design.chart).run().paths
    source = Random(design, paths, SEED)
    of_paths = [of_path(design, path, number) for number, path in enumerate(paths)]
    return [*of_paths, *map(source.sequence, range(EMULATED))]


@pytest.mark.parametrize("chart", CHARTS)
def test_the_emulated_cores_do_what_the_engine_does(chart: str, tmp_path: Path) -> None:
    """Every transition, too: those of the paths are all of the chart."""
    for machine in EMULATORS:
        available(machine)
    design, sequences = design_of(chart), sequences_of(chart)
    written = write_program(design, design.exported.files, tmp_path)
    sources = [*(path for path in written if path.name != "script_host.c"), HERE / "script_machine.c"]
    for machine in EMULATORS:
        program = image(machine, ["-DCHART_TRACE", *sources], tmp_path / f"{machine}.elf")
        lines = emulate(machine, program, scripts(sequences) + "Q\n").splitlines()
        parted = differences(lines, sequences)
        assert not parted, f"{machine}: {len(parted)} of {len(sequences)} sequences part:\n" + "\n\n".join(parted[:3])
        assert len(lines) == sum(len(sequence.expected) for sequence in sequences)


@pytest.mark.parametrize("machine", EMULATORS)
def test_an_image_that_cannot_be_built_whole_is_none(machine: str, tmp_path: Path) -> None:
    """Neither a source that is cut off nor one that is missing: no image of before is left, either."""
    program = image(machine, [_source(tmp_path, "int main(void) { return 0; }")], tmp_path / "image.elf")
    assert program.exists()
    for text in ("int main(void) { return", "int other(void); int main(void) { return other(); }"):
        with pytest.raises(pytest.fail.Exception, match=r"error: |undefined reference"):
            image(machine, [_source(tmp_path, text)], program)
        assert not program.exists()


def test_a_core_that_ends_badly_is_a_failure(tmp_path: Path) -> None:
    """A code that is not 0, and a trap."""
    trap = '#include "machine.h"\nint main(void) { bench_tell((const uint8_t *)"ready\\n", 6); __asm__("ebreak"); }'
    program = image("riscv32", [_source(tmp_path, trap + "\n")], tmp_path / "trap.elf")
    with pytest.raises(pytest.fail.Exception, match="exit code 99"):
        emulate("riscv32", program, "")


def _source(folder: Path, text: str) -> Path:
    path = folder / "main.c"
    path.write_text(text + "\n")
    return path


def test_the_folder_has_no_machine_that_is_not_tried() -> None:
    assert sorted(path.stem for path in QEMU.glob("*.ld")) == sorted(EMULATORS)
