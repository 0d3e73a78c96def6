"""What ``engine diagram`` is asked to do, done file by file: a chart or a station at a time, in any process.

What was drawn is noted with all that it was drawn from (the user's cache, :mod:`engine.tools.diagram.kept`): a chart
whose files are as they were, and whose drawings are to the byte as they were made, is not even loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from multiprocessing.util import Finalize
from pathlib import Path

from engine.language.load.collector import collector_paused
from engine.language.load.files import Load
from engine.language.load.lookups import hold
from engine.language.load.registries import registries
from engine.language.model import Chart
from engine.language.problems import ChartError
from engine.run.registry import installed
from engine.run.station import Overrides, StationError, resolve
from engine.tools.diagram import kept
from engine.tools.diagram.draw import (
    DRAWN,
    TEXTUAL,
    Drawing,
    draw,
    draw_station,
    file_bytes,
    is_current,
    joined,
    sheet_name,
)
from engine.tools.diagram.elk import Elk, LayoutFailed
from engine.tools.diagram.statechart import Level

Answers = list[tuple[str, ...]]
_NAME = re.compile(r"^machine:[ \t]*(?P<q>['\"]?)([A-Za-z_][\w.-]*)(?P=q)[ \t]*(#.*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked: the ``formats``, into ``folder``; the level of detail (of ``pictures``: SVG and PNG; of the
    ``document``: the PDF); ``made``: commit and date; ``check``: compare only."""

    folder: Path
    formats: tuple[str, ...]
    pictures: tuple[Level, ...]
    document: tuple[Level, ...]
    made: str = ""
    check: bool = False


@dataclass(slots=True)
class Result:
    """What became of one file: ``made``: the drawings it has, up to date now; ``stale``: what is wrong with others;
    ``error``: why it was not drawn, and whether it is the chart's fault."""

    name: str
    made: list[Path] = field(default_factory=list)
    written: int = 0
    current: int = 0
    stale: list[str] = field(default_factory=list)
    error: str = ""
    unloadable: bool = False


def name_of(path: Path) -> str:
    """The name under which a chart or a station is drawn."""
    if path.suffix == ".toml":
        return path.stem
    with suppress(OSError, UnicodeDecodeError):
        if match := _NAME.search(path.read_text(encoding="utf-8")):
            return match[2]
    return path.stem  # a chart that will not load


def carry_out(paths: Sequence[Path], order: Order, processes: int) -> Iterator[Result]:
    """The results, in any order. Raises LayoutUnavailable and MissingExtra."""
    _loaded.cache_clear()  # of an order before
    waiting = []
    for path in paths:
        found = _noted(path, order)
        if found is None:
            waiting.append(path)
        else:
            yield found
    waiting.sort(key=lambda path: (path.suffix == ".toml", -path.stat().st_size))  # nothing large is left for the end
    if len(waiting) < 2 or processes < 2:
        yield from (_drawn(path, order) for path in waiting)
        return
    with ProcessPoolExecutor(min(processes, len(waiting))) as pool:
        for future in [pool.submit(_drawn, path, order) for path in waiting]:
            yield future.result()


# ---------------------------------------------------------------- one file


def _drawn(path: Path, order: Order) -> Result:
    """One file drawn, or compared, and noted when all is up to date."""
    result, work = Result(name_of(path)), _Work(order)
    try:
        answers = work.station(path, result) if path.suffix == ".toml" else work.chart(path, result)
    except ChartError as error:
        result.error, result.unloadable = str(error), True
        return result
    except StationError as error:
        result.error, result.unloadable = f"engine: {error}", True
        return result
    except LayoutFailed as error:
        result.error = f"engine: {error}"
        return result
    if not result.stale:
        files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in result.made}
        kept.write(_key(path, order), json.dumps([result.name, answers, files]).encode())
    return result


def _noted(path: Path, order: Order) -> Result | None:
    """The result, when nothing that it was made from has changed and nobody has touched the drawings."""
    found = kept.read(_key(path, order))
    if found is None:
        return None
    with suppress(OSError, ValueError, KeyError, TypeError):
        name, answers, files = json.loads(found)
        made = [order.folder / file for file in files]
        if hold(answers) and all(_hash(order.folder / file) == digest for file, digest in files.items()):
            return Result(name, made, current=len(made))
    return None


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _key(path: Path, order: Order) -> str:
    asked = repr((order.formats, order.pictures, order.document, order.made))
    return kept.key("drawn", str(Path.cwd()), str(path), str(order.folder), asked, _code())


@cache
def _code() -> str:
    """A hash of all code that a drawing depends on: the engine, the adapters with their contracts, this Python."""
    digest = hashlib.sha256(sys.version.encode())
    folders = {Path(__file__).parents[2]}
    for part in registries():
        digest.update(repr(part.chart_folders()).encode(errors="surrogateescape"))
        folders |= {Path(file).parent for file in part.contract_files()}
    for folder in sorted(folders):
        for file in sorted(one for one in folder.rglob("*") if one.suffix in (".py", ".mjs", ".yaml")):
            digest.update(f"\0{file}\0".encode(errors="surrogateescape") + file.read_bytes())
    return digest.hexdigest()


@cache
def _loaded(path: Path) -> tuple[Chart, Answers]:
    with collector_paused():
        load = Load(None)
        return load.file(path), load.lookups.answers


def _solver() -> Elk:
    """One for the life of a process, which waits for its Node when it ends. That of the process it was forked from is
    not its own: both would read each other's answers."""
    return _solver_of(os.getpid())


@cache
def _solver_of(process: int) -> Elk:
    elk = Elk()
    Finalize(None, elk.close, exitpriority=1)
    return elk


class _Work:
    """One file of an order."""

    def __init__(self, order: Order) -> None:
        self.order = order

    def chart(self, path: Path, result: Result) -> Answers:
        chart, answers = _loaded(path)
        order, formats = self.order, self.order.formats
        result.name = chart.name
        wanted = {level for level in order.pictures if {"svg", "png"} & set(formats)}
        wanted |= {level for level in order.document if "pdf" in formats}
        levels = sorted(wanted, reverse=True)  # the overview first
        if levels:
            with ThreadPoolExecutor(len(levels)) as pool:
                tasks = {level: pool.submit(draw, chart, level, _solver(), order.made) for level in levels}
                drawings = {level: task.result() for level, task in tasks.items()}
            for level in order.pictures:
                self._pictures(f"{chart.name}.{level}", drawings.get(level), result)
            if "pdf" in formats:
                whole = joined([drawings[level] for level in levels if level in order.document])
                self._one(order.folder / f"{chart.name}.pdf", whole, "pdf", 0, result)
        for format, (suffix, write) in TEXTUAL.items():
            if format in formats:
                self._text(order.folder / f"{chart.name}.{suffix}", write(chart).encode(), result)
        return answers

    def station(self, path: Path, result: Result) -> Answers:
        """Only what the files say counts, not this machine's environment."""
        answers: Answers = [("text", str(path), _hash(path))]

        def load(chart: Path) -> Chart:
            loaded, own = _loaded(chart)
            answers.extend(own)
            return loaded

        if any(format in DRAWN for format in self.order.formats):
            station = resolve(path, None, Overrides(environ={}), installed(), load)
            drawing = draw_station(station, result.name, _solver(), self.order.made)
            self._pictures(f"{result.name}.station", drawing, result)
            if "pdf" in self.order.formats:
                self._one(self.order.folder / f"{result.name}.station.pdf", drawing, "pdf", 0, result)
        return answers

    def _pictures(self, stem: str, drawing: Drawing | None, result: Result) -> None:
        for format in ("svg", "png"):
            for number in range(len(drawing.svgs) if drawing is not None and format in self.order.formats else 0):
                assert drawing is not None
                self._one(self.order.folder / sheet_name(stem, format, number), drawing, format, number, result)

    def _one(self, path: Path, drawing: Drawing, format: str, number: int, result: Result) -> None:
        current = is_current(path, drawing, format, number)
        self._keep(path, current, partial(file_bytes, drawing, format, number), "an older model or style", result)

    def _text(self, path: Path, text: bytes, result: Result) -> None:
        self._keep(path, path.is_file() and path.read_bytes() == text, lambda: text, "an older model", result)

    def _keep(self, path: Path, current: bool, content: Callable[[], bytes], older: str, result: Result) -> None:
        result.made.append(path)
        if current:
            result.current += 1
        elif self.order.check:
            result.stale.append(f"{path}: {f'shows {older}' if path.exists() else 'is missing'}")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content())
            result.written += 1
