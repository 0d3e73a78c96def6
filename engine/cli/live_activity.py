"""The right side of the live view: events, timers and orders as they happen, with what repeats kept in its place."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from engine.plain import to_plain
from engine.system import Note, StepRecord
from engine.trace import brief
from engine.trace.reader import Record
from engine.trace.show import arguments, cause, effect, movement

QUIET, GOOD, BAD = "bright_black", "green", "bold red"
_RECENT_NS = 1_000_000_000
_KEPT = 400


@dataclass(slots=True)
class _Row:
    time_ns: int
    path: str
    sign: Text
    name: str
    rest: str
    moved: str
    count: int = 1


class Activity:
    """What happened lately. A message that repeats while it is still in sight is counted where it stands, so that a
    charge loop does not race over the screen; ``engine trace show`` has every one of them."""

    def __init__(self) -> None:
        self._rows: list[_Row] = []
        self._room = 20
        self.log: deque[tuple[int, Text]] = deque(maxlen=200)

    def step(self, record: StepRecord) -> None:
        """Rows for a step: its event or timer, then its orders to adapters."""
        line = brief(record)
        at, path = record.time_ns, record.actor.path
        if record.cause in ("event", "timer") and not line.get("unhandled"):
            self._caused(at, path, line)
        for one in line["effects"]:
            if one["do"] in ("call", "start_call"):
                name, bracket, rest = effect(one).partition("(")
                self._say(at, path, Text("◂ ", "blue"), name, bracket + rest, "")
            elif one["do"] == "log":
                self.log.append((at, Text(one["text"])))
        for failure in line["failures"]:
            self.log.append((at, Text(f"{path}: {failure['message']} ({failure['position']})", BAD)))

    def note(self, note: Note) -> None:
        """A row for what goes to the outside, a log line for the rest."""
        if note.kind == "out":
            told = f"({arguments(to_plain(note.data))})" if note.data else ""
            self._say(note.time_ns, note.path, Text("◂ ", "blue"), note.text, told, "")
        else:
            style = BAD if note.kind in ("machine_failed", "queue_full") else "yellow"
            self.log.append((note.time_ns, Text(f"{note.path}: {note.kind.replace('_', ' ')}: {note.text}", style)))

    def table(self, room: int, width: int, now_ns: int) -> RenderableType:
        """The last ``room`` rows."""
        self._room = max(1, room)
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(justify="right", no_wrap=True, width=9)
        table.add_column(style=QUIET, no_wrap=True, width=max(8, min(16, width // 5)), overflow="ellipsis")
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        for row in self._rows[-self._room :]:
            recent = now_ns - row.time_ns < _RECENT_NS
            count = f" ×{row.count}" if row.count > 1 else ""
            moved = (f"  {row.moved}", GOOD) if row.moved else ""
            style = BAD if row.name.startswith("error.") else "" if recent else QUIET
            text = Text.assemble(row.sign, (row.name, style), (count, "cyan"), moved, (f"  {row.rest}", QUIET))
            time = Text(f"{row.time_ns / 1e9:.3f}", "" if recent else QUIET)
            root, _, inner = row.path.partition("/")
            table.add_row(time, f"{root}/{inner.rpartition('/')[2]}" if inner else root, text)
        return table

    def log_lines(self, count: int) -> RenderableType:
        """The last log lines, under a rule."""
        lines: list[RenderableType] = [Rule(style=QUIET)]
        for at, text in list(self.log)[-count:]:
            lines.append(Text.assemble((f"{at / 1e9:10.3f}  ", QUIET), text, no_wrap=True, overflow="ellipsis"))
        return Group(*lines)

    # ------------------------------------------------------------ private

    def _caused(self, at: int, path: str, line: Record) -> None:
        name, bracket, rest = cause(line).partition("(")
        sign = Text("◷ ", "cyan") if line["cause"] == "timer" else Text("▸ ", GOOD)
        moved = movement(line) if line["entered"] else ""
        self._say(at, path, sign, name, bracket + rest, _arrival(moved))

    def _say(self, at: int, path: str, sign: Text, name: str, rest: str, moved: str) -> None:
        rest = rest.removeprefix("(").removesuffix(")")
        for row in self._rows[-self._room :]:
            if row.name == name and row.path == path and row.sign.plain == sign.plain and row.moved == moved:
                row.time_ns, row.rest = at, rest
                row.count += 1
                return
        self._rows.append(_Row(at, path, sign, name, rest, moved))
        if len(self._rows) > _KEPT:
            del self._rows[: _KEPT // 2]


def _arrival(moved: str) -> str:
    """``→ reached``, innermost names only: where they are stands on the left."""
    reached = [name.rpartition(".")[2] for name in moved.partition("→")[2].strip().split(", ")]
    return f"→ {', '.join(reached)}" if reached != [""] else ""
