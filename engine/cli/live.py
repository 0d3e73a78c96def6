"""The live view of ``engine run`` at a terminal: headline values, active states, events both ways, an input line."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.layout import Layout
from rich.live import Live
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from engine.cli.events import now_possible, offered, step
from engine.cli.live_values import Headlines, plain_values
from engine.cli.watch import SessionCounter
from engine.station import Station, StationError
from engine.system import Actor, Note, RealClock, StepRecord, System
from engine.trace import brief
from engine.trace.reader import Record
from engine.trace.show import arguments, cause, effect, movement

if TYPE_CHECKING:
    from engine.system.host import Host

_PERIOD_S = 0.125
_KEPT = 200
_TIMER, _IN, _OUT, _BAD, _QUIET = "cyan", "green", "blue", "bold red", "bright_black"


class LiveView:
    """An observer that draws. ``tick`` redraws when something changed and the last drawing is old enough."""

    def __init__(self, system: System, station: Station, sessions: SessionCounter, fast: bool) -> None:
        self._system = system
        self._station = station
        self._sessions = sessions
        self._fast = fast
        self._rows: deque[tuple[int, str, Text]] = deque(maxlen=_KEPT)
        self._log: deque[tuple[int, Text]] = deque(maxlen=_KEPT)
        self._headlines = Headlines(system, station)
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False, screen=False, transient=False)
        self._drawn_s = 0.0
        self._changed = True
        self._typed = ""
        self._hint = Text()
        self._keyboard = contextlib.ExitStack()
        self._main: Actor | None = None
        self._host: Host | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._calls = 0
        system.observers.append(self)

    # ------------------------------------------------------------ life

    def ready(self) -> None:
        """Everything is open: begin to draw."""
        self._live.start()
        self._draw()

    def attach(self, host: Host, main: Actor) -> None:
        """Real clock: draw on the host's loop, take keys for the main machine."""
        self._host, self._main = host, main
        self._ticker = asyncio.get_running_loop().create_task(self._tick_for_ever())
        if sys.stdin.isatty():
            self._keyboard.enter_context(_keys(self._key))

    def close(self) -> None:
        """Draw the end and leave the terminal as it was."""
        if self._ticker is not None:
            self._ticker.cancel()
        self._keyboard.close()
        if self._live.is_started:
            self._main = None
            self._draw()
            self._live.stop()

    def tick(self) -> None:
        """Called often: draws a few times a second."""
        self._calls += 1
        if self._calls % 64 == 0 and time.monotonic() - self._drawn_s > _PERIOD_S:
            self._draw()

    # ------------------------------------------------------------ observer

    def step(self, record: StepRecord) -> None:
        self._changed = True
        line = brief(record)
        path, at = record.actor.path, record.time_ns
        if record.cause in ("event", "timer") and not _uneventful(line):
            self._rows.append((at, path, _caused(line)))
        for one in line.get("effects", ()):
            if one["do"] in ("call", "start_call"):
                self._rows.append((at, path, Text.assemble(("◂ ", _OUT), _called(effect(one)))))
            elif one["do"] == "log":
                self._log.append((at, Text(one["text"])))
        for failure in line.get("failures", ()):
            self._log.append((at, Text(f"{path}: {failure['message']} ({failure['position']})", _BAD)))

    def note(self, note: Note) -> None:
        self._changed = True
        if note.kind == "out":
            told = f"({arguments(note.data)})" if note.data else ""
            self._rows.append((note.time_ns, note.path, Text.assemble(("◂ ", _OUT), note.text, (told, _QUIET))))
        else:
            style = _BAD if note.kind in ("machine_failed", "queue_full") else "yellow"
            self._log.append((note.time_ns, Text(f"{note.path}: {note.kind.replace('_', ' ')}: {note.text}", style)))

    # ------------------------------------------------------------ drawing

    async def _tick_for_ever(self) -> None:
        while True:
            if self._changed or time.monotonic() - self._drawn_s > 0.9:
                self._draw()
            await asyncio.sleep(_PERIOD_S)

    def _draw(self) -> None:
        self._changed = False
        self._drawn_s = time.monotonic()
        self._live.update(Frame(self._page(), self._console.size.height - 1), refresh=True)

    def _page(self) -> RenderableType:
        width, height = self._console.size
        height = max(12, height - 1)
        states = Group(*self._states(max(6, height - 9)))
        layout = Layout()
        headlines = self._headlines.row(width)
        logs = min(len(self._log), 6)
        layout.split_column(
            Layout(self._title(width), name="title", size=2),
            *([Layout(headlines, name="headlines", size=4)] if headlines is not None else []),
            Layout(name="middle"),
            *([Layout(self._logs(logs), name="log", size=logs + 1)] if logs else []),
            Layout(self._bottom(), name="bottom", size=2),
        )
        left = max(34, min(48, width * 2 // 5))
        used = 4 + (4 if headlines is not None else 0) + (logs + 1 if logs else 0)
        layout["middle"].split_row(
            Layout(Padding(states, (0, 2, 0, 1)), size=left), Layout(self._events(height - used, width - left))
        )
        return layout

    def _title(self, width: int) -> RenderableType:
        clock = self._system.clock.now_ns() / 1e9
        minutes, seconds = divmod(clock, 60)
        kind = "virtual clock" if not isinstance(self._system.clock, RealClock) else "real clock"
        right = Text.assemble((f"{int(minutes):3d}:{seconds:04.1f}", "bold"), (f"  {kind} ", _QUIET))
        if self._station.session_end is not None:
            right = Text.assemble((f"{self._sessions.ended} sessions ended   ", _QUIET), right)
        grid = Table.grid(expand=True)
        grid.add_column(ratio=1, no_wrap=True)
        grid.add_column(justify="right", no_wrap=True)
        grid.add_row(Text.assemble(" ", (self._station.title, "bold")), right)
        return Group(grid, Rule(style=_QUIET))

    def _states(self, room: int) -> Iterator[RenderableType]:
        for root in self._system.roots.values():
            style = "bold" if root.is_running else _QUIET
            ended = "" if root.is_running else f"  {root.state}"
            tree = Tree(Text.assemble((root.path, style), (ended, _QUIET)), guide_style=_QUIET, highlight=False)
            _add_states(tree, root)
            yield tree
        if all(not values for values in self._headlines.rows):
            yield from plain_values(self._system, room)

    def _events(self, room: int, width: int) -> RenderableType:
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(justify="right", style=_QUIET, no_wrap=True, width=9)
        table.add_column(style=_QUIET, no_wrap=True, max_width=max(10, width // 5), overflow="ellipsis")
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        for at, path, text in list(self._rows)[-max(1, room) :]:
            table.add_row(f"{at / 1e9:.3f}", path.rsplit("/", 1)[-1], text)
        return table

    def _logs(self, count: int) -> RenderableType:
        lines: list[RenderableType] = [Rule(style=_QUIET)]
        for at, text in list(self._log)[-count:]:
            lines.append(Text.assemble((f"{at / 1e9:10.3f}  ", _QUIET), text, no_wrap=True, overflow="ellipsis"))
        return Group(*lines)

    def _bottom(self) -> RenderableType:
        if self._main is None or not sys.stdin.isatty():
            return Group(Rule(style=_QUIET), Text(" Ctrl-C ends the run in an orderly way", _QUIET))
        possible = [n for n in now_possible(self._main) if "." not in n] or now_possible(self._main)
        hint = self._hint or Text("   ".join(possible[:8]), _QUIET)
        return Group(
            Rule(style=_QUIET),
            Text.assemble((" ▸ ", "bold"), self._typed, ("▏", "blink"), "  ", hint, no_wrap=True, overflow="ellipsis"),
        )

    # ------------------------------------------------------------ keys

    def _key(self, key: str) -> None:
        self._changed, self._hint = True, Text()
        if key in ("\r", "\n"):
            self._send(self._typed)
            self._typed = ""
        elif key in ("\x7f", "\b"):
            self._typed = self._typed[:-1]
        elif key == "\t" and self._main is not None:
            fits = [n for n in offered(self._main.machine.chart) if n.startswith(self._typed)]
            self._typed = _common_start(fits) or self._typed
            self._hint = Text("   ".join(fits[:8]), _QUIET)
        elif key in ("\x04", "\x03") and self._host is not None:
            self._host.stop()
        elif key.isprintable():
            self._typed += key

    def _send(self, text: str) -> None:
        if not text.strip() or self._main is None:
            return
        try:
            item = step(self._main.machine.chart, text)
        except StationError as error:
            self._hint = Text(str(error), "yellow")
            return
        if isinstance(item, int):
            self._hint = Text("time passes by itself here", _QUIET)
        else:
            self._system.enqueue(self._main, item)


class Frame:
    """A page of a fixed height, so that the terminal does not scroll."""

    def __init__(self, page: RenderableType, height: int) -> None:
        self._page = page
        self._height = max(12, height)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self._page, options.update(height=self._height))


def _add_states(tree: Tree, actor: Actor) -> None:
    """The active states below ``tree``, nested; children machines under the machine."""
    branches = {"": tree}
    states = actor.machine.chart.states
    active = [s for s in actor.machine.configuration if s]
    for state_id in active:
        parent, _, name = state_id.rpartition(".")
        inner = any(other.startswith(state_id + ".") for other in active)
        title = states[state_id].title if state_id in states else ""
        label = Text.assemble(
            (name, "" if inner else "bold green"), (f"  {title}" if title and not inner else "", _QUIET)
        )
        branches[state_id] = branches.get(parent, tree).add(label)
    for child in actor.children.values():
        branch = tree.add(Text(child.name, "bold"))
        _add_states(branch, child)


def _uneventful(line: Record) -> bool:
    return bool(line.get("unhandled"))


def _caused(line: Record) -> Text:
    timer = line["cause"] == "timer"
    name, bracket, rest = cause(line).partition("(")
    style = _TIMER if timer else _BAD if name.startswith("error.") else ""
    text = Text.assemble(("◷ " if timer else "▸ ", _TIMER if timer else _IN), (name, style), (bracket + rest, _QUIET))
    moved = movement(line)
    return Text.assemble(text, ("   " + moved if moved else "", "green"))


def _called(text: str) -> Text:
    name, bracket, rest = text.partition("(")
    return Text.assemble(name, (bracket + rest, _QUIET))


def _common_start(names: list[str]) -> str:
    first, last = min(names, default=""), max(names, default="")
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:length]


@contextlib.contextmanager
def _keys(take: Callable[[str], None]) -> Iterator[None]:
    """Every key as it is pressed, unbuffered and unechoed; the terminal is put back at the end."""
    import termios
    import tty

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    loop = asyncio.get_running_loop()

    def readable() -> None:
        for key in os.read(number, 1024).decode(errors="ignore"):
            take(key)

    tty.setcbreak(number)
    loop.add_reader(number, readable)
    try:
        yield
    finally:
        loop.remove_reader(number)
        termios.tcsetattr(number, termios.TCSADRAIN, before)
