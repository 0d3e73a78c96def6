"""What people read: the words of a station in their languages, from a folder with one file for each (``de.toml``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from engine.run.station.file import read_toml
from engine.run.station.plan import StationError

KINDS: Final = ("controls", "stages", "texts", "values")
"""The tables of a file: what is pressed and said with it; stages; titles and reasons; what values, units and sides are
called."""
Words = Mapping[str, Mapping[str, Mapping[str, str]]]
"""By language, by one of :data:`KINDS`, by the name that a station file, a chart or a contract has."""


def read_words(folder: Path | None) -> Words:
    """All languages of a folder; none without one. Raises ``StationError`` for a folder without any, and for a file
    that has anything but tables of texts."""
    if folder is None:
        return {}
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise StationError(f"{folder}: there are no words: a file for each language, en.toml, is expected there")
    found = {file: read_toml(file) for file in files}
    for file, tables in found.items():
        for kind, words in tables.items():
            if kind not in KINDS or not isinstance(words, dict):
                raise StationError(f"{file}: {kind}: there are the tables {', '.join(KINDS)}")
            for name, text in words.items():
                if not isinstance(text, str):
                    raise StationError(f'{file}: [{kind}] {name}: write "{name}" = "what people read"')
    return {file.stem: tables for file, tables in found.items()}
