"""Charts kept on disk between runs, so that a start need not read them again from their YAML.

A kept chart is used only where loading would give the same: the loader itself, every file that was read and every place
where one was looked for are as they were. It is a convenience that may be deleted at any time: what is damaged, foreign
or cannot be written is as if it were not there. ``CHARGECHART_CACHE`` names another folder, or is ``off``.

What is kept is a pickle, which may do anything when it is read; so only a folder and files that belong to the user and
that nobody else may write are used.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import stat
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.language.load.collector import collector_paused
from engine.language.load.lookups import hold
from engine.language.load.registries import registries
from engine.language.model import Chart

if TYPE_CHECKING:
    from engine.language.load.lookups import Lookups

VARIABLE = "CHARGECHART_CACHE"
MOST = 200  # charts; the oldest go
_READ_ERRORS = (OSError, ValueError, EOFError, AttributeError, ImportError, IndexError, KeyError, TypeError)


def load_kept(path: str | Path) -> Chart:
    """:func:`engine.language.load.files.load`, or what it gave the last time when that would be the same."""
    folder = _folder()
    if folder is None:
        from engine.language.load.files import load

        return load(path)
    here = "" if os.path.isabs(path) else os.getcwd()
    name = hashlib.sha256(f"{here}\0{path}".encode(errors="surrogateescape")).hexdigest()[:32]
    entry = folder / f"{name}.chart"
    chart = _read(entry)
    if chart is None:
        from engine.language.load.files import Load  # what reads YAML is imported where something is read

        with collector_paused():
            run = Load(None)
            chart = run.file(Path(path))
        _write(entry, chart, run.lookups)
    return chart


def _folder() -> Path | None:
    """Where charts are kept; None when that is off, or the folder is not the user's alone."""
    asked = os.environ.get(VARIABLE, "")
    if asked == "off" or not hasattr(os, "geteuid"):
        return None
    with suppress(OSError, RuntimeError):
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = Path(asked) if asked else home / "chargechart"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_own(os.stat(folder)):
            return folder
    return None


def _is_own(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


@cache
def _loader() -> str:
    """A hash of what loads: the language's code, this Python, the contracts and folders of the installed adapters."""
    import engine.language

    (package,) = engine.language.__path__
    told = hashlib.sha256(f"{sys.version}\0{sys.flags.optimize}".encode())
    for part in registries():
        told.update(repr(part.chart_folders()).encode(errors="surrogateescape"))
    contracts = [path for part in registries() for path in part.contract_files()]
    for file in [*sorted(Path(package).rglob("*.py")), *map(Path, contracts)]:
        told.update(f"\0{file}\0".encode(errors="surrogateescape"))
        told.update(file.read_bytes())
    return told.hexdigest()


def _read(entry: Path) -> Chart | None:
    try:
        with entry.open("rb") as file:
            if not _is_own(os.fstat(file.fileno())):
                return None
            head = json.loads(file.readline())
            if head["loader"] != _loader() or not hold(head["lookups"]):
                return None
            with collector_paused():
                chart: Any = pickle.load(file)
    except (*_READ_ERRORS, pickle.UnpicklingError, MemoryError, RecursionError):
        return None
    return chart if isinstance(chart, Chart) else None


def _write(entry: Path, chart: Chart, lookups: Lookups) -> None:
    """Write it whole or not at all, so that nobody reads half of it."""
    import tempfile

    with suppress(OSError, ValueError, TypeError, pickle.PicklingError, RecursionError):
        head = json.dumps({"loader": _loader(), "lookups": lookups.answers})
        body = pickle.dumps(chart, pickle.HIGHEST_PROTOCOL)
        kept = sorted(entry.parent.glob("*.chart"), key=lambda file: file.stat().st_mtime_ns)
        for old in kept[: max(0, len(kept) - MOST + 1)]:
            old.unlink(missing_ok=True)
        number, name = tempfile.mkstemp(dir=entry.parent, suffix=".new")
        try:
            with open(number, "wb") as file:
                file.write(head.encode() + b"\n" + body)
            os.replace(name, entry)
        except BaseException:
            os.unlink(name)
            raise
