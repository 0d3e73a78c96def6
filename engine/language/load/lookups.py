"""What one load asks the disk, and whether it would be answered the same today."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.language.load.installed_files import found, installed_file
from engine.language.load.source_file import read_source, real_path

if TYPE_CHECKING:
    from engine.language.load.yaml_source import Source

_BOM = b"\xef\xbb\xbf"


class Lookups:
    """Asks the disk for a load. ``answers``: each question (its kind and texts) with what was answered."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, ...]] = []

    def found(self, path: Path) -> Path:
        """See :func:`engine.language.load.installed_files.found`."""
        answer = found(path)
        self.answers.append(("found", str(path), str(answer)))
        return answer

    def child(self, folder: Path, text: str) -> tuple[Path, Path]:
        """The file that the chart in ``folder`` names by ``text``: as it is shown, and without links.

        Raises ``OSError`` and ``ValueError`` for a path no file can have.
        """
        shown = _child(folder, text)
        real = real_path(shown)
        self.answers.append(("child", str(folder), text, str(shown), str(real)))
        return shown, real

    def real(self, path: Path) -> Path | None:
        """The file of this name without links; None when there is none, not even a broken link."""
        answer = real_path(path) if os.path.lexists(path) else None
        self.answers.append(("real", str(path), str(answer or "")))
        return answer

    def source(self, path: Path, shown: str = "") -> Source:
        """See :func:`engine.language.load.source_file.read_source`."""
        source = read_source(path, shown)
        self.answers.append(("text", str(path), _hash(source.text.encode())))
        return source


def hold(answers: Iterable[Iterable[str]]) -> bool:
    """Whether these questions are answered the same today. Raises ``OSError`` and ``ValueError`` as asking does."""
    return all(_again(*answer) for answer in answers)


def _again(kind: str, *told: str) -> bool:
    match kind, *told:
        case "found", path, answer:
            return str(found(path)) == answer
        case "child", folder, text, shown, real:
            again = _child(Path(folder), text)
            return str(again) == shown and str(real_path(again)) == real
        case "real", path, answer:
            return (str(real_path(Path(path))) if os.path.lexists(path) else "") == answer
        case "text", path, answer:
            return _hash(Path(path).read_bytes().removeprefix(_BOM)) == answer
    return False


def _child(folder: Path, text: str) -> Path:
    shown = folder / text
    return shown if shown.exists() else installed_file(text) or shown


def _hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
