"""The text of a file, within limits: regular files only, of bounded size, in UTF-8."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from engine.language.problems import ChartError

if TYPE_CHECKING:
    from engine.language.load.yaml_source import Source


def real_path(path: Path) -> Path:
    """``path`` without links.

    Raises:
        OSError: links in a circle, or a name that is too long.
        ValueError: a zero byte in it.
    """
    try:
        return path.resolve()
    except RuntimeError:  # what Python before 3.13 makes of a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None


def names_beside(path: Path) -> list[str]:
    """Charts and folders that may have been meant where ``path`` is not: their names, at most 200."""
    try:
        inside = [each for each in path.parent.iterdir() if each.suffix in (".yaml", "") and each.name[:1] != "."]
        return sorted(each.name for each in inside if each.suffix or each.is_dir())[:200]
    except OSError:
        return []


def read_source(path: Path, shown: str = "") -> Source:
    """The text of a file.

    Raises:
        OSError: it cannot be read, or is not a regular file (reading a pipe would block).
        ChartError: too large, binary, or not UTF-8.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR)) if stat.S_ISDIR(mode) else OSError("it is not a file")
    from engine.language.load.yaml_source import MAX_BYTES  # which brings what reads YAML

    with path.open("rb") as file:
        return decode(file.read(MAX_BYTES + 1), shown or str(path))


def decode(data: bytes, file: str) -> Source:
    """The text of a file.

    Raises:
        ChartError: too large, binary, or not UTF-8.
    """
    from engine.language.load.yaml_source import MAX_BYTES, Source

    nowhere = Source(file, "")
    if len(data) > MAX_BYTES:
        raise ChartError([nowhere.problem(0, 0, "limit", f"the file is larger than {MAX_BYTES} bytes")])
    if b"\0" in data:
        raise ChartError([nowhere.problem(0, 0, "not-text", "this is a binary file", "YAML text in UTF-8")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start)
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1)
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise ChartError([nowhere.problem(line, column, "not-text", message, "YAML text in UTF-8")]) from None
    return Source(file, text)
