"""Which events a chart has a transition for in some state, and which of those that may come to it are urgent. An
adapter's events go only to machines that may care."""

from __future__ import annotations

from functools import cached_property

from engine.language.expr import tree
from engine.language.model import Chart
from engine.language.traverse import event_definition
from engine.semantics.compiled.symbols import expressions
from engine.semantics.shared import name_matches


class Subscriptions:
    """The subscriptions of one chart, remembered per event name."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self._descriptors = tuple({d for t in chart.transitions for d in t.descriptors})
        self._known: dict[str, bool] = {}
        self.urgency = Urgency(chart)
        self.forwards = any(invoke.autoforward for state in chart.states.values() for invoke in state.invokes)

    def __call__(self, name: str) -> bool:
        """Whether some state has a transition for an event of this name."""
        answer = self._known.get(name)
        if answer is None:
            answer = self._known[name] = name_matches(self._descriptors, name)
        return answer

    @cached_property
    def readings(self) -> frozenset[tuple[str, str]]:
        """The values of adapters the chart reads in some state, or the age of which: (role, value)."""
        read = (e for e in expressions(self._chart) if isinstance(e, tree.Reading))
        return frozenset((e.role, e.name.partition(".")[0]) for e in read)


class Urgency(dict[str, bool]):
    """Whether an event of this name goes before all others of the machine: its contract, the chart or the child's chart
    declares it urgent. A fault of an adapter whose contract has urgent events is urgent too."""

    def __init__(self, chart: Chart) -> None:
        super().__init__()
        self._chart = chart

    def __missing__(self, name: str) -> bool:
        answer = self[name] = self._urgent(name)
        return answer

    def _urgent(self, name: str) -> bool:
        if name.startswith("error.adapter."):
            contract = self._chart.adapters.get(name.removeprefix("error.adapter."))
            return contract is not None and any(event.urgent for event in contract.events.values())
        definition = event_definition(self._chart, name)
        return definition is not None and definition.urgent
