"""The left side of the live view: every machine with its active states, one line per region, one per child."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from rich.text import Text

from engine.language.model import StateKind
from engine.run import Actor

_QUIET, _ACTIVE = "bright_black", "green"


def state_lines(
    root: Actor,
    width: int,
    takes: Callable[[Actor], bool] = lambda child: True,
    main: Collection[str] = (),
    room: int | None = None,
    regions: Collection[str] = (),
) -> list[Text]:
    """A root machine in lines of at most ``width`` characters: its name, its innermost active states, then those of its
    children that it ``takes``. Where they are more than ``room``, those at rest go, and the inner children; those of
    ``main``, paths of machines, and of its ``regions`` stay."""
    lines = list(_lines(root, width, takes, main, regions))
    if room is not None and len(lines) > room:
        kept = sorted(sorted(range(len(lines)), key=lambda n: lines[n][0])[: max(1, room)])
        lines = [lines[n] for n in kept]
    return [line for _, line in lines]


def shares(wanted: Sequence[int], room: int) -> list[int]:
    """How much of ``room`` each gets: what it wants, or as much as the others."""
    given = [0] * len(wanted)
    while room > 0 and any(has < wants for has, wants in zip(given, wanted, strict=True)):
        for n, wants in enumerate(wanted):
            if given[n] < wants and room > 0:
                given[n] += 1
                room -= 1
    return given


_Lines = Iterator[tuple[int, Text]]  # the less the number, the sooner it is shown


def _lines(
    root: Actor, width: int, takes: Callable[[Actor], bool], main: Collection[str], told: Collection[str]
) -> _Lines:
    ended = "" if root.is_running else f"  {root.state}"
    yield 0, Text.assemble((root.path, "bold"), (ended, _QUIET))
    leaves = _leaves(root)
    parallel = root.machine.chart.root.kind is StateKind.PARALLEL
    regions = [leaf.partition(".")[0] if parallel else "" for leaf in leaves]
    column = max((len(region) for region in regions), default=0) + 1 if parallel else 0
    last = ""
    for leaf, region in zip(leaves, regions, strict=True):
        rest = leaf.partition(".")[2] if parallel else leaf
        above, _, name = (rest or leaf).rpartition(".")
        title = root.machine.chart.states[leaf].title
        room = width - column - len(name) - 4
        prefix = f"{above}." if above else ""
        if len(prefix) > room:
            prefix = "…" + prefix[len(prefix) - room + 1 :] if room > 4 else ""
        shown = f"{region if region != last else '':{column}}"
        rests = _at_rest(root, leaf)
        rank = 0 if region in told and (not rests or regions.count(region) == 1) else 3 if rests else 1
        yield rank, _line(f"  {shown}", prefix, name, title)
        last = region
    yield from _children(root, 1, takes, main)


def _at_rest(actor: Actor, leaf: str) -> bool:
    """Whether a region is in its first state, and nothing in it is told."""
    state = actor.machine.chart.states[leaf]
    while state.parent is not None and state.parent.kind is not StateKind.PARALLEL:
        first = state.parent.children[:1]
        if state not in first or state.title:
            return False
        state = state.parent
    return state.parent is not None


def _children(actor: Actor, depth: int, takes: Callable[[Actor], bool], main: Collection[str]) -> _Lines:
    children = [child for child in actor.children.values() if takes(child)]
    column = max((len(child.name) for child in children), default=0)
    column = min(column, 14) + 1
    for child in children:
        names = " · ".join(leaf.rpartition(".")[2] for leaf in _leaves(child))
        name = child.name if len(child.name) < column else child.name[: column - 2] + "…"
        rank = 0 if child.path in main else 2 if depth == 1 else 4
        yield rank, _cut(Text.assemble("  " * depth, f"{name:{column}}", (names, _ACTIVE)))
        yield from _children(child, depth + 1, takes, main)


def _leaves(actor: Actor) -> list[str]:
    active = [state for state in actor.machine.configuration if state]
    return [state for state in active if not any(other.startswith(state + ".") for other in active)]


def _line(region: str, prefix: str, name: str, title: str) -> Text:
    return _cut(
        Text.assemble(
            (region, _QUIET), (prefix, _QUIET), (name, f"bold {_ACTIVE}"), (f"  {title}" if title else "", _QUIET)
        )
    )


def _cut(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
