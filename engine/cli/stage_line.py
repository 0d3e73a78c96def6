"""The stages of the main machine as a line, and what the present one waits for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.text import Text

from engine.cli.awaited import awaited
from engine.cli.live_activity import GOOD, QUIET
from engine.language.expr import tree
from engine.language.expr.text import to_text
from engine.language.expr.walk import within
from engine.language.model import Timer
from engine.language.types import Kind
from engine.run import Actor
from engine.run.joint import holds
from engine.tools.trace.sequence import span

_BETWEEN = (" ── ", " › ", "›")


class StageLine:
    """The stages of a machine. Draw it only between events."""

    def __init__(self, main: Actor) -> None:
        self.machine = self._main = main
        self.waited: list[str] = []
        """The events that the present stage waits for, as of the last look."""
        self._stages = main.machine.chart.stages
        self._hold = [holds(stage.condition) for stage in self._stages]
        named = [part for stage in self._stages for part in within(stage.condition) if isinstance(part, tree.InState)]
        regions = Counter(part.state.partition(".")[0] for part in named)
        self._region = regions.most_common(1)[0][0] if regions else ""
        self.regions = frozenset(regions)
        """States at the top, regions in a parallel chart, that hold what the stages name."""

    def __bool__(self) -> bool:
        return bool(self._stages)

    def present(self) -> int | None:
        """The number of the last stage that holds."""
        return max((n for n, hold in enumerate(self._hold) if hold(self._main)), default=None)

    def _elsewhere(self) -> str:
        """Where the machine is when it is in no stage: titles in the region that the stages are about most, and the
        text that its innermost state with one was given as an argument: why it is there."""
        machine = self._main.machine
        states = [machine.chart.states[one] for one in machine.configuration if one]
        inside = [one for one in states if one.id == self._region or one.id.startswith(f"{self._region}.")]
        given = [
            machine.data.get(f"{one.id}.{name}")
            for one in inside
            for name, type_ in one.args.items()
            if type_.kind is Kind.STRING
        ]
        why = next((text for text in reversed(given) if text), "")
        return " › ".join(one.title for one in inside if one.title) + (f": {why}" if why else "")

    def line(self, width: int) -> Text:
        """All stages: those behind, the present one, those ahead."""
        present = self.present()
        titles = [stage.title for stage in self._stages]
        fits = [b for b in _BETWEEN if sum(map(len, titles)) + len(b) * (len(titles) - 1) + 3 <= width]
        between = fits[0] if fits else _BETWEEN[-1]
        text = Text(" ", no_wrap=True, overflow="ellipsis")
        for number, title in enumerate(titles):
            if number:
                text.append(between, QUIET)
            ahead = present is None or number > present
            here = number == present
            text.append(f"●{title}" if here else title, QUIET if ahead else f"bold {GOOD}" if here else GOOD)
        return text

    def waits(self, now_ns: int) -> Text:
        """The timers that run in the states the stage names, the next first, and the events that lead on from them
        along the main path."""
        text = Text("   ", QUIET, no_wrap=True, overflow="ellipsis")
        present = self.present()
        if present is None:
            self.waited = []
            return text.append(self._elsewhere(), "bold")
        timers: list[tuple[int, str]] = []
        places = list(_named(self._main, self._stages[present].condition))
        for actor, state in places:
            machine = actor.machine
            inside = {one for one in machine.configuration if one == state or one.startswith(f"{state}.")}
            all = [timer for one in inside for timer in machine.chart.states[one].timers]
            texts = {timer.id: _delay(timer, actor) for timer in all}
            polls = {timer.id for timer in all if timer.periodic}
            polls |= {way.timer for way in machine.chart.transitions if way.timer and way.targets == (way.source,)}
            for timer, deadline in actor.timers.items():
                if timer in texts and timer not in polls:
                    timers.append((deadline.due_ns - now_ns, texts[timer]))
        events = self.waited = awaited(places)
        for left_ns, delay in sorted(timers)[:2]:
            text.append(f"{delay if len(delay) < 30 else delay[:28] + '…'} ", "cyan")
            text.append(f"{span(max(0, left_ns), max(0, left_ns))} left   ", "bold cyan")
        if events:
            text.append("waits for " + ", ".join(events))
        return text


def _delay(timer: Timer, actor: Actor) -> str:
    """The delay as written; of a choice the part that counts now."""
    delay = timer.delay
    if not isinstance(delay, tree.Conditional):
        return timer.text
    while isinstance(delay, tree.Conditional):
        delay = delay.then if holds(delay.test)(actor) else delay.other
    return to_text(delay)


def _named(actor: Actor, condition: tree.Expr) -> Iterator[tuple[Actor, str]]:
    """The active states that a condition names, with the machine they are of."""
    for part in within(condition):
        if isinstance(part, tree.InState) and part.state in actor.machine.configuration:
            yield actor, part.state
        elif isinstance(part, tree.OfChild):
            child = actor.children.get((part.child, None))
            if child is not None:
                yield from _named(child, part.expr)
