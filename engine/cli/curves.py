"""Small curves of the headline values, drawn in one line of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

_BARS = "▁▂▃▄▅▆▇█"
_FIRST_NS = 250_000_000
_MOST = 256  # values kept: when there are more, every second one goes


class Curves:
    """Values over the whole run, all at the same times; the longer it lasts the fewer there are in a minute."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}
        self._every_ns = _FIRST_NS
        self._next_ns = 0

    def due(self, now_ns: int) -> bool:
        """Whether it is time to look again."""
        return now_ns >= self._next_ns

    def add(self, now_ns: int, values: Mapping[str, float]) -> None:
        """What the values are now; one that is not there is taken as it was."""
        self._next_ns = now_ns + self._every_ns
        for name, value in values.items():
            self._values.setdefault(name, []).append(value)
        if max((len(kept) for kept in self._values.values()), default=0) > _MOST:
            self._values = {name: kept[::2] for name, kept in self._values.items()}
            self._every_ns *= 2

    def drawn(self, name: str, width: int) -> str:
        """The curve of a value, no wider than ``width``."""
        return curve(self._values.get(name, ()), width)


def curve(values: Sequence[float], width: int) -> str:
    """Bars from the least to the largest value; from 0 where the least is less than half of the largest. Where there
    are more values than columns a column shows the mean of its share."""
    if not values or width < 1:
        return ""
    columns = min(width, len(values))
    edges = [len(values) * n // columns for n in range(columns + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    low = 0.0 if 0 <= low < high / 2 else low
    span = high - low
    return "".join(_BARS[round((value - low) / span * (len(_BARS) - 1)) if span else 0] for value in means)
