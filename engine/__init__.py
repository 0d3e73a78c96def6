"""State charts in YAML: load, check, run, draw, test and translate them.

chart = engine.load("machines/traffic_light.yaml")
machine = chart.start()
machine.send("timer")
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.language.model import Chart, Contract

__all__ = ["load", "load_text"]


def load(path: str | Path, contracts: Mapping[str, Contract] | None = None) -> Chart:
    """Load a chart and all it invokes: see :func:`engine.language.load.files.load`."""
    from engine.language.load.files import load as load_file

    return load_file(path, contracts)


def load_text(text: str, file: str = "<text>", contracts: Mapping[str, Contract] | None = None) -> Chart:
    """Load a chart from its text: see :func:`engine.language.load.files.load_text`."""
    from engine.language.load.files import load_text as load_from_text

    return load_from_text(text, file, contracts)
