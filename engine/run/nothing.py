"""What a machine without timers, children or calls has of them: thousands of idle machines share one empty dict."""

from __future__ import annotations

from typing import Any


class _Nothing(dict[Any, Any]):
    """Who has something to put in takes a dict of his own first."""

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError("this dict is everybody's")

    def __hash__(self) -> int:  # type: ignore[override]  # a default of dataclasses is hashable
        return 0

    setdefault = update = __setitem__  # type: ignore[assignment]


NOTHING: Any = _Nothing()
