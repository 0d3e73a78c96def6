"""Charts, station files and their folders from installed distributions, found by name from any folder."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from engine.language.load.registries import registries

_HEAD = re.compile(r"^machine: *(\w+)", re.MULTILINE)


def found(path: str | Path) -> Path:
    """``path`` itself when it exists, else the installed file or folder of that name, else ``path`` again.

    An installed chart is named by its path, with or without its folder (``machines/slac/evse.yaml``,
    ``slac/evse.yaml``) and with or without its suffix, or by its own name (``slac_evse``).
    """
    path = Path(path)
    try:
        if path.exists():
            return path
    except (OSError, ValueError):  # a name no file can have: whoever reads it says so
        return path
    return installed_file(path) or path


def installed_file(name: str | Path) -> Path | None:
    """The installed file or folder of this name; None when there is none."""
    name = Path(name)
    if name.is_absolute() or ".." in name.parts or not name.parts:
        return None
    for folder in map(Path, _chart_folders()):
        for base in (folder.parent, folder) if name.parts[0] == folder.name else (folder,):
            for path in (base / name, base / f"{name}.yaml"):
                if path.exists():
                    return path
    return installed_charts().get(str(name))


@cache
def installed_charts() -> dict[str, Path]:
    """Every installed chart by its own name."""
    charts: dict[str, Path] = {}
    for folder in _chart_folders():
        for path in sorted(Path(folder).rglob("*.yaml")):
            head = _HEAD.search(path.read_text(encoding="utf-8", errors="replace")[:4000])
            if head is not None:
                charts.setdefault(head[1], path)
    return charts


def _chart_folders() -> list[str]:
    return [folder for registry in registries() for folder in registry.chart_folders()]
