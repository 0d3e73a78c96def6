"""The settings of a station: what people changed without an editor, by the page. They stand in a file of their own
beside the station file, ``evse_dc.settings`` of ``evse_dc.toml``, and count as its end.

    "machines.evse.parameters.T_lock" = "4 s"
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

_HEAD: Final = (
    "# Written by the station's page (docs/page.md). It counts as the end of {name}; the one before is {old}.\n"
)


def settings_file(station_file: Path) -> Path:
    """Where the settings of a station file stand."""
    return station_file.with_suffix(".settings")


def old_file(settings: Path) -> Path:
    """Where those before are kept."""
    return settings.with_name(settings.name + ".old")


def write_settings(station_file: Path, values: Mapping[str, str | bool | int | float]) -> None:
    """Write them all, by full address; the ones before, even none, are kept. Whoever reads meanwhile, or after a power
    cut, finds either the old ones or the new ones. Raises ``OSError``."""
    path = settings_file(station_file)
    old = old_file(path)
    lines = [_HEAD.format(name=station_file.name, old=old.name)]
    lines += [f"{_quoted(address)} = {_quoted(value)}\n" for address, value in sorted(values.items())]
    _replace(old, path.read_bytes() if path.exists() else b"")
    _replace(path, "".join(lines).encode())


def take_back(settings: Path) -> None:
    """Those before count again. Raises ``OSError``."""
    os.replace(old_file(settings), settings)


def _quoted(value: Any) -> str:
    """As TOML has it: JSON's text, but for what TOML must have escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _replace(path: Path, content: bytes) -> None:
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # secrets may be in it
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            os.chmod(new, path.stat().st_mode & 0o777)
        os.replace(new, path)
    finally:
        with suppress(FileNotFoundError):
            new.unlink()
    with suppress(OSError):  # a folder that cannot be opened: the file is there all the same
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
