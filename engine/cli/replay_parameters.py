"""The parameters of ``engine trace replay``: the recorded ones, the charts' own, or changes by the user."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from engine.language.model import Chart
from engine.language.problems import suggestion
from engine.language.text_values import typed
from engine.run.station import StationError
from engine.run.station.describe import value_text
from engine.run.station.keys import defaults

_SHOWN = 20


class Parameters:
    """``changes`` are texts ``[MACHINE.]NAME=VALUE``. A machine is named by its path with dots or the end of it;
    without a name the main machine is meant. Raises ``StationError`` for a change that names or fits no parameter."""

    def __init__(self, changes: list[str], own: bool) -> None:
        self._own = own
        self._changes: list[tuple[str, str, str, str]] = []
        for text in changes:
            address, equals, value = text.partition("=")
            if not equals:
                raise StationError(f"--set {text}: write [MACHINE.]NAME=VALUE")
            machine, _, name = address.strip().rpartition(".")
            self._changes.append((text, machine, name, value))
        self._used: set[str] = set()
        self._names: set[str] = set()
        self._differ: dict[str, None] = {}

    def __call__(self, path: str, chart: Chart, recorded: dict[str, Any]) -> dict[str, Any]:
        """The parameters of one machine; see :data:`engine.tools.trace.replay.Change`."""
        dotted = re.sub(r"\[[^]]*\]", "", path).replace("/", ".")
        own = defaults(chart)
        self._names.update(f"{dotted}.{name}" for name in chart.parameters)
        for name, value in own.items():
            kind = chart.parameters[name].type
            if name in recorded and recorded[name] != value and not kind.secret:
                trace, now = value_text(recorded[name], kind), value_text(value, kind)
                self._differ[f"{dotted}.{name}: {trace} in the trace, {now} by its chart"] = None
        given = {**recorded, **own} if self._own else dict(recorded)
        for text, machine, name, value in self._changes:
            meant = "." not in dotted if not machine else f".{dotted}".endswith(f".{machine}")
            if meant and name in chart.parameters:
                self._used.add(text)
                try:
                    given[name] = typed(value, chart.parameters[name].type)
                except ValueError as error:
                    raise StationError(f"--set {text}: {error}") from None
        return given

    def told(self) -> Iterator[str]:
        """Lines the user needs to read the result. Raises ``StationError`` for a change that applied to nothing."""
        for text, machine, name, _ in self._changes:
            if text not in self._used:
                address = f"{machine}.{name}" if machine else name
                raise StationError(f"--set {text}: no machine of the trace has it{suggestion(address, self._names)}")
        if self._own:
            yield "parameters are the charts' own, not those of the trace"
        elif self._differ:
            yield "parameters come from the trace (--defaults takes the charts' own, --set some others):"
            yield from (f"  {line}" for line in list(self._differ)[:_SHOWN])
            if len(self._differ) > _SHOWN:
                yield f"  and {len(self._differ) - _SHOWN} more"
