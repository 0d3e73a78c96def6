"""What causes transitions, as lines of an overview."""

from __future__ import annotations

from engine.language.model import Transition
from engine.tools.diagram import describe
from engine.tools.diagram.graph import Line
from engine.tools.diagram.statechart import transition_tags
from engine.tools.diagram.text import cut_middle, wrap

LINE = 32


def cause_lines(
    told: str, text: str, cases: list[Transition], tagged: bool = True, most: int = 1, line: int = LINE
) -> list[Line]:
    """What causes these transitions, and their guards, or how many there are when it is more than ``most``; ``told``,
    the name of the state inside that they leave, stands before the first of these, which may be no event."""
    tags = tuple(tag for t in cases for tag in transition_tags(t)[1:]) if tagged else ()
    style = "timer" if cases[0].timer else "event"
    guards = [describe.guard_text(t) for t in cases] if len(cases) <= most else [f"[{len(cases)} cases]"]
    if len(cases) > 1 and any(t.guard is None for t in cases):
        guards = []
    guards = [guard for guard in guards if guard]
    guards = [cut_middle(guard, line) for guard in guards]
    if told and not text and guards:
        guards[:1] = wrap(f"{told}: {guards[0]}", line)
    first = (
        ": ".join(part for part in (told, text or ("" if guards else "always")) if part) if text or not guards else ""
    )
    return [
        *(Line(part, style, tags) for part in wrap(first, line)),
        *(Line(guard, "guard", tags) for guard in guards),
    ]
