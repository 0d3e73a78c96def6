"""A family of modules that is not ours, added as docs/can.md says and with nothing else, charges a vehicle."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINES = {
    "adapters/can/families/__init__.py": ("MODULES: Final[dict[str, str]] = {\n", '"acme": "Acme power modules",'),
    "adapters/can/simulators/__init__.py": ("SPEAKERS: Final[dict[str, str]] = {\n", '"acme": "acme:Acme",'),
}


def as_the_page_says(here: Path) -> None:
    """This project with the pieces of the page."""
    page = (ROOT / "docs" / "can.md").read_text("utf-8")
    section = page[page.index("## A family of modules of your own") :]
    table, simulator = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    (option,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    (here / "engine").symlink_to(ROOT / "engine")
    for name in ("adapters", "machines"):
        shutil.copytree(ROOT / name, here / name, ignore=shutil.ignore_patterns("__pycache__"))
    (here / "adapters" / "can" / "families" / "acme").mkdir()
    (here / "adapters" / "can" / "families" / "acme" / "__init__.py").write_text(table, "utf-8")
    (here / "adapters" / "can" / "simulators" / "acme.py").write_text(simulator, "utf-8")
    for name, (opening, line) in LINES.items():
        assert f"`{line}`" in section, f"the page does not say {line}"
        text = (here / name).read_text("utf-8")
        assert opening in text
        (here / name).write_text(text.replace(opening, f"{opening}    {line}\n"), "utf-8")
    station = here / "machines" / "stations" / "evse_dc.toml"
    station.write_text(station.read_text("utf-8") + "\n" + option, "utf-8")


def test_a_sixth_family_charges_a_vehicle(tmp_path: Path) -> None:
    """The command of the page, in a project with the pieces of the page; its frames pass, and monitor reads them."""
    as_the_page_says(tmp_path)
    run = [sys.executable, "-m", "engine", "run", "machines/evse_dc.yaml", "--set", "supply=acme", "--fast", "--plain"]
    more = ["--sessions", "1", "--link", "ethernet", "--set", "pev.adapters.battery.soc=41.9"]
    done = subprocess.run([*run, *more], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "end=normal" in done.stdout
    (tmp_path / "bus.log").write_text("(1.000000) can0 0A00F007#84190009000000FF\n")
    read = [sys.executable, "-m", "adapters.can", "monitor", "bus.log", "--kind", "acme"]
    done = subprocess.run(read, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.rstrip().endswith("acme state module=7 temperature=25degC alarms=[fault,output_off]"), (
        done.stderr
    )
