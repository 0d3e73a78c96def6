"""The left side of the live view: every machine with its active states, one line per region, one per child."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.text import Text

from engine.language.model import StateKind
from engine.run import Actor

_QUIET, _ACTIVE = "bright_black", "green"


def state_lines(root: Actor, width: int, takes: Callable[[Actor], bool] = lambda child: True) -> Iterator[Text]:
    """A root machine in lines of at most ``width`` characters: its name, its innermost active states, then those of its
    children that it ``takes``."""
    ended = "" if root.is_running else f"  {root.state}"
    yield Text.assemble((root.path, "bold"), (ended, _QUIET))
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
        prefix = prefix if len(prefix) <= room else "…" + prefix[len(prefix) - max(0, room - 1) :]
        shown = f"{region if region != last else '':{column}}"
        yield _line(f"  {shown}", prefix, name, title)
        last = region
    yield from _children(root, 1, takes)


def _children(actor: Actor, depth: int, takes: Callable[[Actor], bool]) -> Iterator[Text]:
    children = [child for child in actor.children.values() if takes(child)]
    column = max((len(child.name) for child in children), default=0)
    column = min(column, 14) + 1
    for child in children:
        names = " · ".join(leaf.rpartition(".")[2] for leaf in _leaves(child))
        name = child.name if len(child.name) < column else child.name[: column - 2] + "…"
        yield _cut(Text.assemble("  " * depth, f"{name:{column}}", (names, _ACTIVE)))
        yield from _children(child, depth + 1, takes)


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
