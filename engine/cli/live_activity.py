"""The right side of the live view: events, timers and orders as they happen, with what repeats kept in its place."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from engine.language.model import Chart
from engine.run import Note, StepRecord
from engine.run.json_values import to_json
from engine.semantics.step import Call, LogText, StartCall
from engine.tools.trace.repeats import LEAST, LULL_NS
from engine.tools.trace.secrets import Veil
from engine.tools.trace.show import arguments, movement, timer
from engine.tools.trace.units import Units, units_of

QUIET, GOOD, BAD = "bright_black", "green", "bold red"
_IN, _OUT, _TIMER, _LOOP = ("▸ ", GOOD), ("◂ ", "blue"), ("◷ ", "cyan"), ("↻ ", "cyan")
_RECENT_NS = 1_000_000_000
_KEPT = 400
_ALIKE = 6  # characters that names have in common
_LEAST_NEWS = 3  # rows that loops leave to what is new
_ROOMY = 22  # rows in which everything can be told


@dataclass(slots=True)
class _Row:
    number: int
    time_ns: int  # of the first: rows stay in the order of time
    last_ns: int
    path: str
    sign: tuple[str, str]
    name: str
    data: Any  # written out when the row is drawn: most rows change many times before that
    units: Units | None
    moved: str
    count: int = 1
    soon: int = 1  # of these, the last that came soon after each other


class Activity:
    """The latest events, in the order of time. What repeats is counted in its row, so that a charge loop does not
    scroll the screen; when there is news (a titled state, a person's event), what repeats after it is told anew below.
    Where lines are few, or units have rows of their own, what one machine or unit repeats is one row: a loop.
    Where there is room for few, it tells what crosses a medium, what people do and what goes wrong; ``engine trace
    show`` has everything."""

    def __init__(
        self, veil: Veil | None = None, unit_of: Callable[[str], str] = lambda path: "", *, units: bool = False
    ) -> None:
        self._veil = veil
        self._short = lru_cache(maxsize=4096)(lambda path: _short(path, unit_of(path)))
        self._unit = lru_cache(maxsize=4096)(unit_of)
        self._whose = lru_cache(maxsize=4096)(lambda path: unit_of(path) or path.partition("/")[0])
        self._units = units  # machines are parts of units with rows of their own
        self._first = 0  # the first row that is in view
        self._rows: list[_Row] = []
        self._latest: dict[tuple[str, str, tuple[str, str], str], _Row] = {}  # of each kind
        self._numbers = 0
        self._room = 20
        self._names = 0  # the longest of a machine so far
        self._complaints: set[tuple[str, str]] = set()
        self._rounds: dict[str, int] = {}  # the first row of those that repeat now, by unit
        self._repeats: set[str] = set()  # units in which something has repeated since
        self._media = False  # whether a machine has messages that cross a medium
        self.log: deque[tuple[int, Text]] = deque(maxlen=200)

    def step(self, record: StepRecord) -> None:
        """Rows for a step: its event or timer, then its orders to adapters."""
        at, path, step = record.time_ns, record.actor.path, record.step
        chart, veil = record.actor.machine.chart, self._veil
        units = units_of(chart)
        told, others = _told_always(chart)
        self._media = self._media or others
        brief = self._is_brief
        if step.handled and (record.event is not None or record.timer is not None):
            titled = any(chart.states[state].title for state in step.entered)
            moved = _arrival(step.exited, step.entered, record.actor.machine.configuration) if step.entered else ""
            typed = _is_typed(record)
            news = titled or typed
            if brief and not (news or _named(record) in told or _named(record).startswith("error.")):
                pass
            elif record.event is not None:
                name, data = record.event.name, record.event.data
                data = veil.event(chart, name, data) if veil else data
                self._say(at, path, _IN, name, data, moved, units.get(name), news)
            elif record.timer is not None:
                self._say(at, path, _TIMER, timer(record.timer), None, moved, None, news)
        for given in step.effects:
            effect = veil.effect(chart, given) if veil else given
            if isinstance(effect, (Call, StartCall)):
                name = f"{effect.role}.{effect.action}"
                if brief and name not in told:
                    continue
                self._say(at, path, _OUT, name, effect.args, "", units.get(f"{name}()"))
            elif isinstance(effect, LogText):
                self.log.append((at, Text(effect.text)))
        for failure in step.failures:
            self.log.append((at, Text(f"{path}: {failure.message} ({failure.position})", BAD)))

    def note(self, note: Note) -> None:
        """A row for what goes to the outside, a log line for the rest."""
        if note.kind == "out":
            data = self._veil.hide(note.data, note.secret) if self._veil else note.data
            self._say(note.time_ns, note.path, _OUT, note.text, data, "", None, True)
        else:
            if note.kind == "adapter_error":
                if (note.path, note.text) in self._complaints:
                    return  # an adapter that tries again and again says so again and again
                self._complaints.add((note.path, note.text))
            bad = note.kind in ("machine_failed", "queue_full", "invariant", "adapter_error")
            style = BAD if bad else "yellow"
            kind = "" if note.kind == "log" else f"{note.kind.replace('_', ' ')}: "
            self.log.append((note.time_ns, Text(f"{note.path}: {kind}{note.text}", style)))

    def table(self, room: int, width: int, now_ns: int) -> RenderableType:
        """The last ``room`` rows, ``width`` characters wide, at the time ``now_ns``."""
        self._room = max(1, room)
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(justify="right", no_wrap=True, width=len(f"{now_ns / 1e9:.3f}"))
        names = min(self._names, max(12, min(16, width // 5)))
        table.add_column(style=QUIET, no_wrap=True, width=names, overflow="ellipsis")
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        shown = self._shown(now_ns)
        for rows in shown:
            row = rows[0]
            recent = now_ns - max(one.last_ns for one in rows) < _RECENT_NS
            time = Text(f"{row.time_ns / 1e9:.3f}", "" if recent else QUIET)
            if len(rows) == 1:
                table.add_row(time, self._short(row.path), _single(row, recent))
            else:
                table.add_row(time, self._whose(row.path), _loop(rows, recent))
        return table

    def _shown(self, now_ns: int) -> list[list[_Row]]:
        """What there is room for: loops that still go on, and the latest of the others; in the order of time."""
        every = self._folded()
        live = [n for n, rows in enumerate(every) if any(self._goes_on(row, now_ns) for row in rows)]
        live = live[-max(1, self._room - _LEAST_NEWS) :]
        others = [n for n in range(len(every)) if n not in set(live)]
        others = others[-(self._room - len(live)) :] if self._room > len(live) else []
        self._first = every[others[0]][0].number if others else self._numbers
        return [every[n] for n in sorted([*live, *others])]

    def _goes_on(self, row: _Row, now_ns: int) -> bool:
        return row.soon >= LEAST and self._is_now(row) and now_ns - row.last_ns <= LULL_NS

    def _is_now(self, row: _Row) -> bool:
        """Whether there has been no news in its unit since it was first told."""
        return row.number >= self._rounds.get(self._unit(row.path), 0)

    def _folded(self) -> list[list[_Row]]:
        """The rows, those of a loop together where its first one stands."""
        found: list[list[_Row]] = []
        loops: dict[tuple[str, int], list[_Row]] = {}
        folds = self._units or self._is_brief
        for row in self._rows:
            if row.soon < LEAST:
                found.append([row])
                continue
            key = (self._whose(row.path), self._is_now(row)) if folds else ("", row.number)
            if key in loops:
                loops[key].append(row)
            else:
                found.append(loops.setdefault(key, [row]))
        return found

    @property
    def _is_brief(self) -> bool:
        return self._media and self._room < _ROOMY

    def log_lines(self, count: int) -> RenderableType:
        """The last log lines, under a rule."""
        lines: list[RenderableType] = [Rule(style=QUIET)]
        for at, text in list(self.log)[-count:]:
            lines.append(Text.assemble((f"{at / 1e9:10.3f}  ", QUIET), text, no_wrap=True, overflow="ellipsis"))
        return Group(*lines)

    # ------------------------------------------------------------ private

    def _say(
        self,
        at: int,
        path: str,
        sign: tuple[str, str],
        name: str,
        data: Any,
        moved: str,
        units: Units | None = None,
        news: bool = False,
    ) -> None:
        """A row, or one more of its kind; ``news``: what repeats is told anew after it."""
        kind, unit = (path, name, sign, moved), self._unit(path)
        row = self._latest.get(kind)
        soon = row.soon + 1 if row is not None and at - row.last_ns <= LULL_NS else 1
        if row is not None and row.number >= self._rounds.get(unit, 0) and (row.number >= self._first or soon > 1):
            row.last_ns, row.data, row.soon = at, data, soon
            row.count += 1
            self._repeats.add(unit)
            return
        self._numbers += 1
        if news and soon == 1 and unit in self._repeats:
            self._rounds[unit] = self._numbers
            self._repeats.discard(unit)
        self._names = max(self._names, len(self._short(path)))
        row = self._latest[kind] = _Row(self._numbers, at, at, path, sign, name, data, units, moved, 1, soon)
        self._rows.append(row)
        if len(self._rows) > _KEPT:
            old = self._rows[: _KEPT // 2]
            self._rows[: _KEPT // 2] = [row for row in old if self._goes_on(row, at)][-_KEPT // 4 :]
            self._latest = {(row.path, row.name, row.sign, row.moved): row for row in self._rows}


def _single(row: _Row, recent: bool) -> Text:
    count = f" ×{row.count}" if row.count > 1 else ""
    moved = (f"  {row.moved}", GOOD) if row.moved else ""
    style = BAD if row.name.startswith("error.") else "" if recent else QUIET
    told = f"  {arguments(to_json(row.data), row.units)}" if row.data else ""
    return Text.assemble(row.sign, (row.name, style), (count, "cyan"), moved, (told, QUIET))


def _loop(rows: list[_Row], recent: bool) -> Text:
    """What repeats, messages first, each name once, and how often the most frequent; what the last message carried."""
    told = sorted(rows, key=lambda row: (row.sign is _TIMER, -row.count))
    names = _alike(dict.fromkeys(row.name if row.sign is _TIMER else row.name.rpartition(".")[2] for row in told))
    last = max((row for row in rows if row.data), key=lambda row: row.last_ns, default=None)
    carried = f"  {arguments(to_json(last.data), last.units)}" if last is not None else ""
    count = (f"×{max(row.count for row in rows)} ", "cyan")
    return Text.assemble(_LOOP, count, (", ".join(names), "" if recent else QUIET), (carried, QUIET))


def _alike(names: Iterable[str]) -> list[str]:
    """``CurrentDemandReq, …Res``: what begins like the one before is told by its end."""
    told, last = [], ""
    for name in names:
        same = next((n for n, (a, b) in enumerate(zip(last, name, strict=False)) if a != b), 0)
        while 0 < same < len(name) and not (name[same].isupper() or name[same - 1] in "_. "):
            same -= 1
        told.append(f"…{name[same:]}" if _ALIKE <= same < len(name) else name)
        last = name
    return told


def _short(path: str, unit: str = "") -> str:
    """``evse/session`` of ``evse/v2g/session``: the root machine and the one it is; ``outlet2/session`` of
    ``site/outlet[2]/session``: the unit it belongs to."""
    root, _, inner = path.partition("/")
    first, _, below = inner.partition("/")
    if unit and first.endswith("]"):
        root, inner = unit, below
    return f"{root}/{inner.rpartition('/')[2]}" if inner else root


def _named(record: StepRecord) -> str:
    return record.event.name if record.event is not None else ""


def _is_typed(record: StepRecord) -> bool:
    """Whether the step's event came from a person, or a parent that is not known."""
    event = record.event
    if event is None or event.origin or event.invokeid or event.type not in ("", "external"):
        return False
    return event.name.partition(".")[0] not in record.actor.machine.chart.adapters


@lru_cache(maxsize=256)
def _told_always(chart: Chart) -> tuple[frozenset[str], bool]:
    """The events and orders, by name with the role, that cross a medium or are a person's; whether any cross one."""
    names = set()
    for role, contract in chart.adapters.items():
        if contract.lane or contract.person:
            names |= {f"{role}.{name}" for name in (*contract.events, *contract.actions) if name not in contract.local}
    return frozenset(names), any(contract.lane for contract in chart.adapters.values())


@lru_cache(maxsize=4096)
def _arrival(exited: tuple[str, ...], entered: tuple[str, ...], configuration: tuple[str, ...]) -> str:
    """``→ reached``, innermost names only: where they are stands on the left."""
    moved = movement({"exited": exited, "entered": entered, "configuration": configuration})
    reached = [name.rpartition(".")[2] for name in moved.partition("→")[2].strip().split(", ")]
    return f"→ {', '.join(reached)}" if reached != [""] else ""
