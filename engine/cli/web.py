"""``[web]`` of a station file: what the paths of another system know of the station, and what their orders do.

[web]
file = "../web/dc_plc.toml"                          all of it that is not said here, without `web.` in its names
[web.values]
voltage = "evse.meter.voltage"                       an expression of the chart language over the machines
phase = "'ABORTED' if evse.In('outlet.faulted') else 'IDLE'"
[web.states]
hlc = "evse.session.dialogue.sequence"               the title of what is active there
[web.since]
matched_at = "slac"                                  when that value became what it is
[web.means]
avg_voltage = {of = "voltage", during = "charges"}   over a session, while another value is true
[web.orders]
start_session = {event = "plug", refused = "'not now' if evse.cp != 'A' else ''"}
[web.orders.fault]                                   one by what the caller says
E_STOP = "button.emergency_stop"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from engine.adapter import Refusal
from engine.cli.readings import look_up
from engine.cli.sessions import Sessions
from engine.language.expr.check import Scope
from engine.language.load.relatives import scope_of
from engine.language.problems import suggestion
from engine.run import Note, StepRecord, System
from engine.run.joint import of_station
from engine.run.station import Station, StationError
from engine.run.station.promises import names_one_of, value_of

LOOK_NS: Final = 100_000_000
"""Between two looks of its own, at what is measured."""
_PARTS: Final = ("paths", "values", "states", "since", "means", "orders")
_Value = Callable[[], Any]


@dataclass(slots=True)
class _Mean:
    """Over time, of a value while another is true."""

    of: str
    during: str
    sum: float = 0.0
    time_ns: int = 0
    last: float | None = None

    @property
    def value(self) -> float:
        """0 where there was nothing to measure."""
        return self.sum / self.time_ns if self.time_ns else 0.0

    def take(self, value: Any, holds: Any, passed_ns: int) -> None:
        """The value as it was until now counts for the time since the last look."""
        if self.last is not None:
            self.sum += self.last * passed_ns
            self.time_ns += passed_ns
        self.last = float(value) if holds is True and type(value) in (int, float) else None

    def reset(self) -> None:
        """A session begins."""
        self.sum, self.time_ns, self.last = 0.0, 0, None


@dataclass(slots=True)
class _Order:
    """``event``: of ``/api/events`` with its fields, none where nothing is to be done; ``refused``: why it is not done
    now."""

    event: Mapping[str, Any] | None
    refused: _Value = field(default=lambda: "")


class Web:
    """The ``[web]`` of one station; an observer where it measures. ``act``: asks for an event of ``/api/events``. To be
    called in the system's thread. Raises ``StationError`` for what is wrong in the file."""

    def __init__(
        self, station: Station, system: System, sessions: Sessions, act: Callable[[Mapping[str, Any]], None]
    ) -> None:
        self._table, self._system, self._sessions, self._act = station.web, system, sessions, act
        self._where = f"{station.file}: [web]"
        self._file = Path(station.file) if station.file else None
        self._named = station.web_file
        if unknown := [part for part in self._table if part not in _PARTS]:
            raise StationError(f"{self._where}: unknown key {unknown[0]!r}{suggestion(unknown[0], _PARTS)}")
        charts = {name: machine.chart for name, machine in station.machines.items()}
        self._scope = Scope(relatives={name: scope_of(chart, readings=True) for name, chart in charts.items()})
        self._absent = station.absent
        self._values = {name: self._value(text, f"values.{name}") for name, text in self._part("values").items()}
        self._states = {name: self._path(path) for name, path in self._part("states").items()}
        self._orders = {name: self._read_order(name, given) for name, given in self._part("orders").items()}
        self._means = {name: self._mean(name, given) for name, given in self._part("means").items()}
        self._since: dict[str, tuple[str, Any, str]] = {
            name: (self._known(of, f"since.{name}"), None, "") for name, of in self._part("since").items()
        }
        self._looked_ns = 0
        self._passed_over: datetime | None = None  # the last step after the last look
        self._session: int | None = None
        if self._means or self._since:
            system.observers.append(self)

    def seen(self) -> dict[str, Any]:
        """Every value as it is now, by name; ``session_s``: how long the session runs, 0 where none does."""
        self._look(self._system.clock.now_ns())
        found = {name: _plain(value()) for name, value in self._values.items()}
        found |= {name: self._title(root, rest) for name, (root, rest) in self._states.items()}
        found |= {name: moment or None for name, (_, _, moment) in self._since.items()}
        since_ns = self._sessions.since_ns
        found |= {name: mean.value if since_ns is not None else 0.0 for name, mean in self._means.items()}
        found["session_s"] = 0.0 if since_ns is None else (self._system.clock.now_ns() - since_ns) / 1e9
        return found

    def measured(self) -> dict[str, float]:
        """The means of the session that has just ended."""
        return {name: mean.value for name, mean in self._means.items()}

    def order(self, name: str, choice: str = "") -> None:
        """Do what the file says for a name. Raises :class:`Refusal`."""
        order = self._orders.get(name)
        if isinstance(order, dict):
            if choice not in order:
                raise Refusal(422, f"{name} {choice[:80]!r} is not offered here; there are: {', '.join(order)}")
            order = order[choice]
        if order is None:
            raise Refusal(501, f"{name} is not offered here")
        if why := order.refused():
            raise Refusal(409, str(why))
        if order.event is not None:
            self._act(order.event)

    # ------------------------------------------------------------ observer

    def step(self, record: StepRecord) -> None:
        """It is time to measure."""
        if record.time_ns - self._looked_ns < LOOK_NS:
            self._passed_over = datetime.now(UTC)
        elif not any(
            one.faults is not None and one.faults.strikes(one.contract.values) for one in self._system.bindings
        ):
            self._look(record.time_ns)  # each look at a reading that is to go wrong on purpose would count

    def note(self, note: Note) -> None:
        """Nothing to see here."""

    def _look(self, now_ns: int) -> None:
        passed_ns, self._looked_ns = now_ns - self._looked_ns, now_ns
        began_ns = self._sessions.since_ns
        if began_ns is not None and began_ns != self._session:
            for mean in self._means.values():
                mean.reset()
        self._session = began_ns
        for mean in self._means.values():
            mean.take(self._values[mean.of](), self._values[mean.during](), passed_ns)
        moment, self._passed_over = self._passed_over or datetime.now(UTC), None
        for name, (of, last, _) in self._since.items():
            if (value := self._values[of]()) != last:
                self._since[name] = of, value, moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    # ------------------------------------------------------------ reading the file

    def _part(self, name: str) -> Mapping[str, Any]:
        part = self._table.get(name, {})
        if not isinstance(part, Mapping):
            raise StationError(f"{self._where}: {name} is a table")
        return part

    def _value(self, written: Any, name: str) -> _Value:
        if not isinstance(written, str):
            raise StationError(f"{self._where} {name}: write an expression in quotes, not {written!r}"[:300])
        if names_one_of(written, self._absent):
            return lambda: None
        return of_station(value_of(self._stands_in(written), written, self._scope), self._system)

    def _stands_in(self, written: str) -> Path | None:
        """The file that an expression is in."""
        own = self._file
        if own is None or self._named is None or written.partition("\n")[0] in own.read_text(encoding="utf-8"):
            return own
        return self._named

    def _path(self, written: Any) -> tuple[str, str]:
        root, _, rest = str(written).partition(".")
        return root, rest

    def _title(self, root: str, rest: str) -> str | None:
        actor = self._system.roots.get(root)
        return look_up(actor, rest) or None if actor is not None else None

    def _known(self, name: Any, where: str) -> str:
        if name not in self._values:
            hint = suggestion(str(name), self._values)
            raise StationError(f"{self._where} {where}: there is no value {str(name)!r} in [web.values]{hint}")
        return str(name)

    def _mean(self, name: str, given: Any) -> _Mean:
        where = f"means.{name}"
        if not isinstance(given, Mapping) or {*given} != {"of", "during"}:
            raise StationError(
                f'{self._where} {where}: write {{of = "VALUE", during = "VALUE"}}, names of [web.values]'
            )
        return _Mean(self._known(given["of"], where), self._known(given["during"], where))

    def _read_order(self, name: str, given: Any) -> _Order | dict[str, _Order]:
        if isinstance(given, Mapping) and not {"event", "refused"} & {*given}:
            return {choice: self._one_order(f"orders.{name}.{choice}", one) for choice, one in given.items()}
        return self._one_order(f"orders.{name}", given)

    def _one_order(self, where: str, given: Any) -> _Order:
        if isinstance(given, str):
            return _Order({"event": given})
        if not isinstance(given, Mapping):
            raise StationError(f"{self._where} {where}: write an event of /api/events, not {given!r}"[:300])
        event = {key: value for key, value in given.items() if key != "refused"}
        refused = self._value(given["refused"], f"{where}.refused") if "refused" in given else lambda: ""
        return _Order(event or None, refused)


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
