"""``--ui``: the page of a run. What it may ask for is what the station file's ``[control]`` offers, what people do by
adapters, and what others tell the charts."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from engine.adapter import Refusal
from engine.cli.events import addressed, by_everybody, deliver
from engine.cli.hands import Hands, NotOffered, said_of
from engine.cli.readings import Headlines
from engine.cli.restart import PAGE, tell_on, told_on
from engine.cli.sessions import Report, Sessions, header_of
from engine.cli.web import Web
from engine.language.types import Kind, Type
from engine.run import Actor, RealClock, System
from engine.run.station import Station, StationError
from engine.run.station.words import read_words
from engine.semantics.step import Event
from engine.tools.page.history import History
from engine.tools.page.server import PageServer
from engine.tools.trace.record import header

if TYPE_CHECKING:
    from engine.cli.configuration import Configuration
    from engine.tools.page.door import App

TOKEN: Final = "CHARGER_UI_TOKEN"
LOOK_NS: Final = 250_000_000
RESULTS: Final = 200
"""Sessions that are told of."""
_NUMBERS = {Kind.INT: "integer", Kind.FLOAT: "number"}


class Page:
    """Listens from now on. Make it before the system starts. Raises ``StationError`` and ``MissingExtra``."""

    def __init__(
        self,
        where: str,
        token: str | None,
        station: Station,
        system: System,
        main: Actor,
        headlines: Headlines,
        sessions: Sessions,
        configuration: Configuration | None = None,
        *,
        secrets: bool = False,
    ) -> None:
        where = os.environ.pop(PAGE, where)  # a life that goes on where the one before was
        self._server = PageServer(where, os.environ.get(TOKEN, "") if token is None else token)
        self.configuration = configuration
        self.restart: Callable[[], None] | None = None  # in an orderly way; where the run can
        self._begins = False  # it is to restart: nothing is written any more
        self._due = False  # … as soon as no session runs
        self.changed = ""  # the settings file, where the next life is the first to run with it
        self._station, self._system, self._main = station, system, main
        self._hands = Hands(station.control, station, system, main) if station.control is not None else None
        self._sessions = sessions
        self._web = Web(station, system, sessions, self._act)
        headlines.watch()
        self._history = History(system, headlines.seen, LOOK_NS, secrets=secrets)
        self._results: deque[dict[str, Any]] = deque(maxlen=RESULTS)
        self._results.extend(told_on() or ())  # of the life before
        self._before = max((int(one["number"]) for one in self._results), default=0)
        real = self._real = isinstance(system.clock, RealClock)
        started = datetime.now(UTC).isoformat(timespec="milliseconds") if real else ""
        self._header = header(system, started, station.title, **header_of(station))
        self._words = read_words(station.words)
        self.url = self._server.url

    @property
    def where(self) -> str:
        """HOST:PORT."""
        return self.url.removeprefix("http://").rstrip("/")

    def start(self) -> None:
        """Answer."""
        self._server.start(self.app)

    def close(self) -> None:
        """No more."""
        self._server.close()

    def session(self, report: Report) -> None:
        """A session has ended."""
        told = {
            "number": self._before + report.number,
            "time_ns": report.time_ns,
            "good": report.good,
            "text": report.told,
        }
        told |= {
            "duration_ns": report.duration_ns,
            "unit": report.unit,
            "sides": list(report.sides),
            "data": report.data,
            "empty": report.empty,
        }
        if measured := self._web.measured():
            told["means"] = measured
        self._results.append(told)
        self._history.told({"time_ns": report.time_ns, "machine": self._main.path, "result": told})
        if self._due:
            self._system.hand_over(self._when_idle)

    def tell_on(self) -> None:
        """The results, to the life after this one; there they are before its beginning."""
        now_ns = self._system.clock.now_ns()
        tell_on([{**one, "time_ns": one["time_ns"] - now_ns} for one in self._results])

    def app(self) -> App:
        """The application, without its door."""
        from engine.tools.page.routes import Api, Live

        live = Live(
            self._system,
            self._header,
            self._history,
            self._main.path,
            self._real,
            self._offers,
            self._act,
            lambda: list(self._results),
            lambda: self._server.closing,
            self._web.seen,
            self._web.order,
            str(self._station.web.get("paths", "")),
            self._configured,
            self._configure,
            self._restart,
            words=self._words,
        )
        return Api(live).app()

    # ------------------------------------------------------------ configuration and restart

    def _configured(self) -> dict[str, Any]:
        """In a thread of its own."""
        if self.configuration is None:
            raise Refusal(501, "this program has no configuration")
        return {**self.configuration.told(), "restart": self._restarts()}

    def _configure(
        self, values: Mapping[str, Any], claim: Callable[[], bool]
    ) -> tuple[dict[str, Any], Callable[[], None]]:
        """In a thread of its own. What is to be done when the caller has been answered comes with the answer."""
        if self.configuration is None:
            raise Refusal(501, "this program has no configuration")
        found = self.configuration.take(values, lambda: not self._begins and claim())
        self.changed = found["file"] if found["changed"] else ""
        when = self._restarts() if found["changed"] else "none"
        return {**found, "restart": when}, partial(self._changed, found["changed"])

    def _restarts(self) -> str:
        """When a change takes effect."""
        if self.restart is None:
            return "by hand"
        return "now" if self._sessions.since_ns is None else "after the session"

    def _changed(self, changed: bool) -> None:
        self._due = changed
        self._when_idle()

    def _when_idle(self) -> None:
        if self._due and self.restart is not None and self._sessions.since_ns is None:
            self._begins = True
            self.restart()

    def _restart(self) -> Callable[[], None]:
        """What restarts it. Raises :class:`Refusal`."""
        if self.restart is None:
            raise Refusal(501, "a run on a virtual clock does not begin anew")
        self._begins = True
        return self.restart

    # ------------------------------------------------------------ private

    def _offers(self) -> list[dict[str, Any]]:
        found = [] if self._hands is None else [self._of_hand(name) for name in self._hands.possible()]
        for name, (event, is_person) in by_everybody(self._system, self._main).items():
            fields = {field: _field(type_) for field, type_ in (event.payload or {}).items()}
            kind = "person" if is_person else "told"
            found.append({"event": name, "kind": kind, "fields": fields, "text": event.description})
        return [{**one, "ends": self._may_end(one["event"])} for one in found]

    def _may_end(self, name: str) -> bool:
        """Whether it may end a session: as the station file says (``control_ends``), or as everything may."""
        control = self._station.control
        if control is None or control.ends is None:
            return True
        asked_to_end = name in control.hands and "restart" in control.hands[name].acts
        return asked_to_end or any(name == one or name.endswith(f".{one}") for one in control.ends)

    def _of_hand(self, name: str) -> dict[str, Any]:
        control = self._station.control
        assert control is not None
        assert self._hands is not None
        hand = control.hands[name]
        fields: dict[str, Any] = {}
        acts = [*hand.acts, *(act for acts in hand.choices.values() for act in acts)]
        if hand.by:
            fields[hand.by] = {"type": "string", "choices": self._hands.choices(name)}
        for field in dict.fromkeys(found for act in acts for found in re.findall(r"\{(\w+)\}", act)):
            if field == control.number:
                most = max((number for _, number in self._main.units), default=1)
                fields[field] = {"type": "integer", "least": 1, "most": most}
            else:
                fields[field] = {"type": "string"}
        return {"event": name, "kind": "control", "fields": fields, "text": ""}

    def _act(self, asked: Mapping[str, Any]) -> None:
        name = asked.get("event")
        try:
            if not isinstance(name, str):
                raise StationError('write {"event": NAME, …}')
            if self._hands is not None and name in self._hands.names:
                self._hands.do(asked)
            elif name in by_everybody(self._system, self._main):
                given = ", ".join(f"{key}={said_of(key, value)}" for key, value in asked.items() if key != "event")
                to, event = addressed(self._system, self._main, f"{name}({given})" if given else name)
                assert isinstance(event, Event)
                deliver(self._system, to, event)
            else:
                raise NotOffered(f"{name[:80]!r} is not offered: see /api/events")
        except NotOffered as error:
            raise Refusal(501, str(error)) from None
        except (StationError, ValueError) as error:
            raise Refusal(400, str(error)) from None


def _field(type_: Type) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "boolean" if type_.kind is Kind.BOOL else _NUMBERS.get(type_.kind, "string")}
    if type_.kind is Kind.ENUM:
        found["choices"] = list(type_.values)
    if type_.unit is not None:
        found["unit"] = type_.unit.symbol
    if type_.optional:
        found["optional"] = True
    return found
