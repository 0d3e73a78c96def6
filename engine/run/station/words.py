"""What people read: the words of a station in their languages, from a folder with a file or several for each
(``de.toml``, ``de.help.toml``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from engine.run.station.file import read_toml
from engine.run.station.plan import StationError

KINDS: Final = ("controls", "help", "stages", "texts", "values")
"""The tables of a file: what is pressed and said with it; the help of the configuration; stages; titles, reasons and
other texts, with ``{0}``, ``{1}`` in place of what differs; what values, units and sides are called."""
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
    together: dict[str, dict[str, dict[str, str]]] = {}
    for file, tables in found.items():
        language = together.setdefault(file.name.partition(".")[0], {})
        for kind, words in tables.items():
            language.setdefault(kind, {}).update(words)
    return together


def words_in(words: Words, language: str) -> dict[str, dict[str, str]]:
    """Those of a reader of one language, by kind, over those in English; without the help of the configuration, which
    is long and seldom read."""
    under, own = words.get("en", {}), words.get(language, {})
    return {kind: {**under.get(kind, {}), **own.get(kind, {})} for kind in sorted({*under, *own} - {"help"})}
