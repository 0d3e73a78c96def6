"""axe-core, installed once under ``.peers/``: does a page have barriers?"""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
AXE = "4.14.1"


@functools.cache
def script() -> str:
    """The library's text. Skips where nothing can be installed."""
    if shutil.which("npm") is None:
        pytest.skip("axe-core comes by npm: install npm")
    folder = ROOT / ".peers" / f"axe-core-{AXE}"
    file = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n')
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", f"axe-core@{AXE}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"axe-core cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
    return file.read_text(encoding="utf-8")


def barriers(page: Page) -> list[str]:
    """What is serious or worse, with the first places."""
    page.evaluate(script())
    found = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{one['id']} ({one['impact']}): {[node['html'][:120] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
