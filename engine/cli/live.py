"""The live view of ``engine run`` at a terminal: headline values, active states, events both ways, an input line."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, cast

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.layout import Layout
from rich.live import Live
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from engine.cli.curves import Curves
from engine.cli.events import addressed, deliver, now_possible, offered_by_all, shortest
from engine.cli.live_activity import BAD, QUIET, Activity
from engine.cli.live_states import shares, state_lines
from engine.cli.out import Output
from engine.cli.readings import Headlines, all_values
from engine.cli.sessions import Sessions
from engine.cli.stage_line import StageLine
from engine.cli.watch import logged
from engine.run import Actor, Note, RealClock, StepRecord, System
from engine.run.station import Station, StationError
from engine.tools.trace import Veil

if TYPE_CHECKING:
    from engine.run.host import Host

_PERIOD_S = 0.2
_TALL = 20  # lines from which on what is possible has one of its own
_LEAST = 3  # lines of states and events below the rows of units
_SHARE = 10  # a fast run spends so many times longer on running than on drawing


class LiveView:
    """An observer that draws changes a few times a second. ``tick`` is for runs on a virtual clock."""

    def __init__(
        self,
        system: System,
        station: Station,
        sessions: Sessions,
        out: Output | None = None,
        *,
        secrets: bool = False,
    ) -> None:
        self._system = system
        self._station = station
        self._sessions = sessions
        self._mixed = ":" in station.surroundings  # real beside simulated parts: which are which has a line of its own
        self._activity = Activity(None if secrets else Veil(), station.unit_of, units=bool(station.rows))
        self._headlines = Headlines(system, station)
        self._curves = Curves()
        self._stages = StageLine(next(iter(system.roots.values())))
        self._headlines.watch()
        self._reserved = 1  # lines left to the shell, and in the end to the summary
        self._console = Console(file=cast("IO[str] | None", out))
        self._live = Live(console=self._console, auto_refresh=False, screen=False, transient=False)
        self._drawn_s = 0.0
        self._pause_s = 0.0  # until it is drawn again, on a virtual clock
        self._changed = True
        self._left = 20  # columns of the states; grows as they need them, so that nothing jumps to and fro
        self._frozen = False
        self._typed = ""
        self._asked = False  # for all events that are possible
        self._hint = Text()
        self._keyboard = contextlib.ExitStack()
        self._main: Actor | None = None
        self._host: Host | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._calls = 0
        self.programs: Mapping[str, Callable[[str], None]] = {}
        """Beside the run, by name: what a line typed for one is given to."""
        system.observers.append(self)

    # ------------------------------------------------------------ life

    def ready(self) -> None:
        """The station is ready for a vehicle; the states on screen show it."""

    def started(self) -> None:
        """Everything is open: begin to draw."""
        self._live.start()
        self._draw()

    def attach(self, host: Host, main: Actor) -> None:
        """Real clock: draw on the host's loop, take keys for the main machine."""
        self._host, self._main = host, main
        self._ticker = asyncio.get_running_loop().create_task(self._tick_for_ever())
        if sys.stdin.isatty():
            self._keyboard.enter_context(_keys(self._key))

    def freeze(self) -> None:
        """The run is over: draw once more, before the machines leave their states."""
        self._keyboard.close()
        self._main = None
        if self._live.is_started and not self._frozen:
            self._reserved = 9 + self._sessions.ended
            self._draw()
        self._frozen = True

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._ticker is not None:
            self._ticker.cancel()
        self._keyboard.close()
        self._live.stop()

    def tick(self) -> None:
        """Called often: draws a few times a second."""
        self._calls += 1
        if self._calls % 64 == 0 and time.monotonic() - self._drawn_s > self._pause_s:
            self._draw()

    # ------------------------------------------------------------ observer

    def step(self, record: StepRecord) -> None:
        if record.actor.is_device:
            for told in logged(record):
                self.note(told)
        elif not self._frozen:
            self._changed = True
            self._activity.step(record)
            if self._curves.due(record.time_ns):
                self._curves.add(record.time_ns, self._headlines.numbers())

    def note(self, note: Note) -> None:
        if not self._frozen:
            self._changed = True
            self._activity.note(note)

    # ------------------------------------------------------------ drawing

    async def _tick_for_ever(self) -> None:
        while not self._frozen:
            if self._changed or time.monotonic() - self._drawn_s > 0.9:
                self._draw()
            await asyncio.sleep(_PERIOD_S)

    def _draw(self) -> None:
        self._changed = False
        started_s = time.monotonic()
        width, height = self._console.size
        height = max(12, height - self._reserved)
        self._live.update(_Frame(self._page(width, height), height), refresh=True)
        self._drawn_s = time.monotonic()
        self._pause_s = max(_PERIOD_S, _SHARE * (self._drawn_s - started_s))

    def _page(self, width: int, height: int) -> RenderableType:
        head = 3 if self._mixed else 2
        possible = self._possible(width, 2 if height >= _TALL else 0)
        bottom = 2 + len(possible)
        free = height - head - bottom
        units, lines = self._unit_rows(free - 1 - _LEAST)
        headlines, top = self._headline_row(width, brief=bool(lines))
        stages = 0 if lines or not self._stages else 3 if height >= _TALL * 3 // 2 else 2
        free -= top + lines + stages
        logs = min(len(self._activity.log), 5 if height >= _TALL * 3 // 2 else 2, max(0, free - _LEAST - 1))
        log_room = logs + 1 if logs else 0
        room = free - log_room
        most = max(30, min(52, width * 2 // 5))
        states = Group(*self._states(room, most - 3, plain=headlines is None and not lines))
        self._left = max(self._left, self._console.measure(states).maximum + 3)
        left = min(most, self._left)
        page = Layout()
        page.split_column(
            Layout(self._title(), name="title", size=head),
            *([Layout(headlines, name="headlines", size=top)] if headlines is not None else []),
            *([Layout(units, name="units", size=lines)] if lines else []),
            *([Layout(self._stage_rows(width, stages), name="stages", size=stages)] if stages else []),
            Layout(name="middle"),
            *([Layout(self._activity.log_lines(logs), name="log", size=log_room)] if logs else []),
            Layout(self._bottom(width, possible), name="bottom", size=bottom),
        )
        activity = self._activity.table(room, width - left, self._system.clock.now_ns())
        if self._asked:
            page["middle"].split_row(Layout(Padding(self._every_event(room, width), (0, 0, 0, 1))))
        else:
            page["middle"].split_row(Layout(Padding(states, (0, 2, 0, 1)), size=left), Layout(activity))
        return page

    def _unit_rows(self, most: int) -> tuple[RenderableType, int]:
        """A row for every unit, no more than ``most`` lines with what is above and below, and how many these are."""
        tables: list[RenderableType] = []
        lines = 0
        for rows, units in self._headlines.rows():
            table = Table.grid(expand=True, padding=(0, 1))
            table.add_column(no_wrap=True)
            for column in rows.columns:
                wide = self._headlines.is_text(column)
                table.add_column(ratio=1 if wide else None, justify="left" if wide else "right", no_wrap=True)
            table.add_row("", *[Text(column.label, QUIET) for column in rows.columns])
            room = most - lines - 2
            shown = units if len(units) <= room else units[: max(1, room - 1)]
            for name, values in shown:
                texts = [Text(value or "–", overflow="ellipsis") for value in values]
                if not any(values):
                    texts[0] = Text("does not run", BAD)
                table.add_row(Text(f" {name}", "bold"), *texts)
            if len(shown) < len(units):
                table.add_row(Text(" …", QUIET), Text(f"{len(units) - len(shown)} more", QUIET))
            tables += [table, Rule(style=QUIET)]
            lines += 2 + len(shown) + (len(shown) < len(units))
        return Group(*tables), lines

    def _title(self) -> RenderableType:
        minutes, seconds = divmod(self._system.clock.now_ns() / 1e9, 60)
        kind = "real clock" if isinstance(self._system.clock, RealClock) else "virtual clock"
        ended = self._sessions.ended
        sessions = "" if self._console.width < 100 else f" session{'' if ended == 1 else 's'}"
        counted = f"{ended}{sessions} ended   " if self._station.session_end else ""
        right = Text.assemble((counted, QUIET), (f"{int(minutes)}:{seconds:04.1f}", "bold"), (f"  {kind} ", QUIET))
        grid = Table.grid(expand=True)
        grid.add_column(ratio=1, no_wrap=True)
        grid.add_column(justify="right", no_wrap=True)
        station = self._station
        grid.add_row(Text.assemble(" ", (station.title if self._mixed else station.told, "bold")), right)
        told = Text(f" {station.surroundings}", "yellow", no_wrap=True, overflow="ellipsis")
        return Group(grid, *([told] if self._mixed else []), Rule(style=QUIET))

    def _states(self, room: int, width: int, plain: bool) -> Iterator[RenderableType]:
        tops = [top for top in self._system.tops() if not top.is_device and not self._in_row(top)]
        main = frozenset(self._station.sides.values())

        def lines(top: Actor, room: int | None = None) -> list[Text]:
            regions = self._stages.regions if top is self._stages.machine else ()
            return state_lines(top, width, lambda child: not self._in_row(child), main, room, regions)

        wanted = [len(lines(top)) for top in tops]
        spaced = sum(wanted) + len(tops) - 1 <= room
        blocks = [lines(top, share) for top, share in zip(tops, shares(wanted, room), strict=True)]
        for number, block in enumerate(blocks):
            if number and spaced:
                yield Text("")
            yield from block
        if plain:
            yield Text("")
        if plain:
            grid = Table.grid(padding=(0, 2))
            grid.add_column(style=QUIET, no_wrap=True)
            grid.add_column(no_wrap=True)
            free = room - sum(len(block) + 1 for block in blocks)
            for name, value in list(all_values(self._system))[: max(0, free)]:
                grid.add_row(name, value)
            yield grid

    def _in_row(self, actor: Actor) -> bool:
        """Whether the machine is part of a unit that has a row of its own."""
        return bool(self._station.rows and self._station.unit_of(actor.path))

    def _stage_rows(self, width: int, lines: int) -> RenderableType:
        """The stages, and what the present one waits for."""
        waits = self._stages.waits(self._system.clock.now_ns())
        return Group(self._stages.line(width), waits, *([Text("")] if lines > 2 else []))

    def _headline_row(self, width: int, brief: bool) -> tuple[RenderableType | None, int]:
        """The chosen values with their curves, and how many lines they take."""
        values = self._headlines.values()[: max(1, width // 13)]
        if not values:
            return None, 0
        if brief:
            told = [part for label, value in values for part in ((f" {label} ", QUIET), (f"{value}  ", "bold"))]
            return Text.assemble(*told, no_wrap=True, overflow="ellipsis"), 1
        grid = Table.grid(expand=True, padding=(0, 1))
        column = width // len(values) - 1
        for _ in values:
            grid.add_column(justify="center", width=column, no_wrap=True)
        grid.add_row(*[Text(label, QUIET) for label, _ in values])
        grid.add_row(*[Text(value, "bold") for _, value in values])
        grid.add_row(*[Text(self._curves.drawn(label, column - 2), "cyan") for label, _ in values])
        return grid, 4

    def _bottom(self, width: int, told: list[Text]) -> RenderableType:
        legend = Rule(" ▸ event taken   ◂ order given   ◷ timer   ↻ repeats, ×n as often ", align="right", style=QUIET)
        if self._main is None or not sys.stdin.isatty():
            return Group(legend, *told, Text(""))
        keys = "Enter sends an event, Tab completes, ? lists all, Ctrl-C ends"
        hint = self._hint or (Text(keys, QUIET) if told else Text.assemble(*self._possible(width - 8, 1)))
        prompt = Text.assemble((" ▸ ", "bold"), self._typed, ("▏", "blink"), "  ", hint)
        prompt.no_wrap, prompt.overflow = True, "ellipsis"
        return Group(legend, *told, prompt)

    def _possible(self, width: int, lines: int) -> list[Text]:
        """What a person may send now, what is waited for first, in at most so many lines."""
        if self._main is None or not lines:
            return []
        names = now_possible(self._system, self._main)
        waited = self._stages.waited
        names.sort(key=lambda name: name.partition("(")[0] not in waited)
        known = offered_by_all(self._system, self._main)
        return listed(" Now possible: ", names, shortest(names, known), width, lines)

    def _every_event(self, room: int, width: int) -> RenderableType:
        """All that a person may send now, with what it carries, in columns from top to bottom."""
        names = now_possible(self._system, self._main) if self._main is not None else []
        grid = Table.grid(padding=(0, 2), expand=True)
        columns = max(1, min(-(-len(names) // room), width // 24))
        for _ in range(columns):
            grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        for row in range(room):
            grid.add_row(*[names[n] if n < len(names) else "" for n in range(row, columns * room, room)])
        return grid

    # ------------------------------------------------------------ keys

    def _key(self, key: str) -> None:
        self._changed, self._hint = True, Text()
        if key == "?" and not self._typed:
            self._asked = not self._asked
        elif key in ("\r", "\n"):
            self._send(self._typed)
            self._typed = ""
        elif key in ("\x7f", "\b"):
            self._typed = self._typed[:-1]
        elif key == "\t" and self._main is not None:
            known = offered_by_all(self._system, self._main)
            fits = [n for n in known if n.startswith(self._typed)] or [n for n in known if f".{self._typed}" in n]
            self._typed = _common_start(fits) or self._typed
            self._hint = Text("   ".join(fits[:8]), QUIET)
        elif key in ("\x04", "\x03") and self._host is not None:
            self._host.stop()
        elif key.isprintable():
            self._typed += key

    def _send(self, text: str) -> None:
        if not text.strip() or self._main is None:
            return
        name, _, words = text.strip().partition(" ")
        if name in self.programs:
            self.programs[name](words.strip())
            return
        try:
            actor, item = addressed(self._system, self._main, text)
        except StationError as error:
            self._hint = Text(str(error), "yellow")
            return
        if isinstance(item, int):
            self._hint = Text("time passes by itself here", QUIET)
        else:
            deliver(self._system, actor, item)


class _Frame:
    """A page of a fixed height, so that the terminal does not scroll."""

    def __init__(self, page: RenderableType, height: int) -> None:
        self._page = page
        self._height = max(12, height)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self._page, options.update(height=self._height))


def listed(head: str, names: list[str], short: list[str], width: int, lines: int) -> list[Text]:
    """The names, in as many lines as they need and at most so many; short where there is no room for all in full, and
    how many more there are."""
    for some in (names, short):
        found = _wrapped(head, some, width, lines, "")
        if found is not None:
            return found
    for shown in range(len(short) - 1, 0, -1):
        found = _wrapped(head, short[:shown], width, lines, f" … {len(short) - shown} more")
        if found is not None:
            return found
    return [Text(f"{head}{len(short)} events", QUIET, no_wrap=True, overflow="ellipsis")]


def _wrapped(head: str, names: list[str], width: int, lines: int, more: str) -> list[Text] | None:
    """The names in lines, ``more`` behind the last; None where they do not fit."""
    found = [Text(head if names else "", QUIET, no_wrap=True)]
    for number, name in enumerate(names):
        last = number == len(names) - 1
        end = more if last else ","
        if found[-1].cell_len + len(name) + len(end) + 1 > width - 1:
            found.append(Text(" " * len(head.rstrip()), no_wrap=True))
            if len(found) > lines or found[-1].cell_len + len(name) + len(end) + 1 > width - 1:
                return None
        found[-1].append(("" if found[-1].plain.endswith(" ") else " ") + name)
        found[-1].append(end, QUIET)
    return found


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
        try:
            typed = os.read(number, 1024)
        except OSError:
            typed = b""
        if not typed:  # the terminal has gone; its signal ends the run
            loop.remove_reader(number)
        for key in typed.decode(errors="ignore"):
            take(key)

    tty.setcbreak(number)
    loop.add_reader(number, readable)
    try:
        yield
    finally:
        loop.remove_reader(number)
        with contextlib.suppress(termios.error):
            termios.tcsetattr(number, termios.TCSADRAIN, before)
