"""Which events a chart has a transition for in some state. An adapter's events go only to machines that may care."""

from __future__ import annotations

from engine.language.model import Chart
from engine.semantics.shared import name_matches


class Subscriptions:
    """What one chart listens to, remembered per event name."""

    def __init__(self, chart: Chart) -> None:
        self._descriptors = tuple({d for t in chart.transitions for d in t.descriptors})
        self._known: dict[str, bool] = {}
        self.forwards = any(invoke.autoforward for state in chart.states.values() for invoke in state.invokes)

    def __call__(self, name: str) -> bool:
        """Whether some state has a transition for an event of this name."""
        answer = self._known.get(name)
        if answer is None:
            answer = self._known[name] = name_matches(self._descriptors, name)
        return answer
