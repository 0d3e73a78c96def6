"""The drawings of charts for the page: the shipped overviews, where they show the charts as they are.

Others are drawn, without Node, in a process of their own, after all that is urgent, and kept: a station that charges
does not wait for a drawing. Until one is there, and where none can be had, the page shows a tree of states.

As a program: ``python -m engine.tools.page.drawings CHART`` prints the sheets as a JSON list.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from engine.language.load.kept import load_kept
from engine.language.model import Chart
from engine.tools.diagram import kept
from engine.tools.diagram.elk import LayoutFailed
from engine.tools.diagram.graph import Edge, Layout, Node
from engine.tools.page.charts import chart_key

PATIENCE_S: Final = 60.0
ABOVE: Final = 4
"""So many folders up a chart's drawing is looked for."""
AT_ONCE: Final = 1
"""Processes that draw."""
LOOK_S: Final = 0.1
_OF_PAPER: Final = re.compile(r'<g class="(?:frame|legend|map)"')
_GROUP: Final = re.compile("<g[ >]|</g>")


class Drawings:
    """By the key of a chart; :meth:`sheets` belongs to one event loop. None is waited for when it is ``closing``."""

    def __init__(self, closing: Callable[[], bool]) -> None:
        self._closing = closing
        self._known: dict[str, list[str]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._hands = asyncio.Semaphore(AT_ONCE)

    async def sheets(self, chart: Chart) -> list[str]:
        """The sheets of a chart as SVG; none where it cannot be drawn."""
        key = chart_key(chart)
        async with self._locks.setdefault(key, asyncio.Lock()):
            if key not in self._known:
                found = noted(chart)
                self._known[key] = await self._drawn(chart) if found is None else found
            return self._known[key]

    async def _drawn(self, chart: Chart) -> list[str]:
        if not chart.file or not Path(chart.file).is_file():
            return []
        async with self._hands:
            command = (sys.executable, "-m", "engine.tools.page.drawings", chart.file)
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            work = asyncio.ensure_future(process.communicate())
            for _ in range(round(PATIENCE_S / LOOK_S)):
                done, _others = await asyncio.wait({work}, timeout=LOOK_S)
                if done or self._closing():
                    break
            if not work.done():  # it takes too long, or nobody wants it any more
                process.kill()
            out, _errors = await work
        return json.loads(out) if process.returncode == 0 else []


def noted(chart: Chart) -> list[str] | None:
    """The sheets as they were drawn before; None when they were not."""
    found = kept.read(_key(chart))
    return shipped(chart) if found is None else json.loads(found)


def shipped(chart: Chart) -> list[str] | None:
    """The sheets in a folder ``diagrams`` beside the chart or above it; None unless they are of this very chart."""
    for folder in Path(chart.file).absolute().parents[:ABOVE]:
        first = folder / "diagrams" / f"{chart.name}.overview.svg"
        try:
            head = first.read_text(encoding="utf-8")[:2_000]
            if f'data-model="{chart.text_hash}"' not in head:
                continue
            count = int(head.partition('data-sheets="')[2].partition('"')[0])
            rest = [first.with_name(f"{chart.name}.overview.{number}.svg") for number in range(2, count + 1)]
            return [for_screen(one.read_text(encoding="utf-8")) for one in (first, *rest)]
        except (OSError, ValueError):
            continue
    return None


def drawn(chart: Chart) -> list[str]:
    """The sheets, drawn now unless they were before; none where the chart cannot be drawn."""
    from engine.tools.diagram.draw import draw

    found = noted(chart)
    if found is None:
        try:
            found = [for_screen(sheet) for sheet in draw(chart, "overview", _NoSolver()).svgs]
        except (LayoutFailed, ValueError, KeyError):  # an imported document may have what an overview has no place for
            found = []
        kept.write(_key(chart), json.dumps(found).encode())
    return found


def for_screen(sheet: str) -> str:
    """A sheet without what is for paper alone: its frame, the legend, the map of the sheets."""
    parts, at = [], 0
    while found := _OF_PAPER.search(sheet, at):
        parts.append(sheet[at : found.start()])
        depth = 0
        for tag in _GROUP.finditer(sheet, found.start()):
            depth += -1 if tag[0] == "</g>" else 1
            at = tag.end()
            if not depth:
                break
    return "".join([*parts, sheet[at:]])


class _NoSolver:
    """Overviews need none."""

    name = "none"

    def solve(
        self, nodes: list[Node], edges: list[Edge], sizes: dict[str, tuple[float, float]], direction: str
    ) -> Layout:
        raise LayoutFailed("an overview is laid out by no other engine")


def _key(chart: Chart) -> str:
    from engine.tools.diagram.draw import own_hash

    return kept.key("page", own_hash(), chart.text_hash)


def main() -> int:
    """Draw the chart that is named."""
    if hasattr(os, "nice"):
        os.nice(5)
    print(json.dumps(drawn(load_kept(Path(sys.argv[1])))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
