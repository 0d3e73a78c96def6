"""What a start brings into the process: a small computer has little memory, and a vehicle waits for READY."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN = """
import json, sys
from engine.cli import main
for chart in ("evse_dc", "evse_ac"):
    code = main(["run", f"machines/{chart}.yaml", "--quiet", "--fast", "--for", "1 ms"])
    assert code == 0
print(json.dumps(list(sys.modules)))
"""


def modules(kept: Path, program: str = RUN) -> set[str]:
    """All modules of a process that ran a program (both stations), charts kept in a folder."""
    environment = {"PATH": "/usr/bin:/bin", "CHARGECHART_CACHE": str(kept)}
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True
    )
    return set(json.loads(told.stdout.splitlines()[-1]))


def test_stations_start_with_what_they_use_alone(tmp_path: Path) -> None:
    """With kept charts, no package from outside, nothing that reads YAML and no tool but what a line of a run needs."""
    first = modules(tmp_path)
    assert "yaml" in first  # the charts were not kept yet
    # What an environment's .pth files bring into each process (setuptools' does) is not this program's doing.
    own = modules(tmp_path) - modules(tmp_path, "import json, sys; print(json.dumps(list(sys.modules)))")
    packages = {module.split(".")[0] for module in own}
    assert packages - sys.stdlib_module_names == {"adapters", "engine"}
    tools = {module.split(".")[2] for module in own if module.startswith("engine.tools.")}
    assert tools == {"trace"}
    reads = {"chart", "contract", "files", "reader", "yaml_source"}
    assert not own & {f"engine.language.load.{module}" for module in reads}
    assert not own & {"engine.semantics.reference", "engine.tools.trace.writer", "xml.parsers.expat", "sqlite3"}
