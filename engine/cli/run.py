"""``engine run``."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import resolve_source
from engine.adapter import AdapterError
from engine.cli.alarms import Alarms
from engine.cli.events import EventScript, split
from engine.cli.numbers import count
from engine.cli.out import Output
from engine.cli.readings import Headlines
from engine.cli.sessions import Report, Sessions, header_of
from engine.cli.signals import Signals
from engine.cli.watch import PlainView, ReadyWatch, Tally, summary
from engine.language.load.collector import collector_paused
from engine.language.load.installed_files import found
from engine.language.load.kept import load_kept
from engine.language.problems import ChartError
from engine.language.text_values import typed
from engine.language.types import DURATION
from engine.run import RealClock, System, VirtualClock
from engine.run.ending import Ending
from engine.run.registry import installed
from engine.run.station import Overrides, Station, StationError, build, resolve
from engine.run.station.claims import refuse_virtual_clock
from engine.run.station.settings import take_back

if TYPE_CHECKING:
    from engine.cli.control import ControlServer
    from engine.cli.live import LiveView
    from engine.cli.programs import Program
    from engine.cli.status_lines import StatusLines
    from engine.cli.ui import Page
    from engine.tools.trace import TraceWriter

_EPILOG = """examples:
  engine run machines/evse_dc.yaml                         live, on the real clock, everything simulated
  engine run machines/evse_dc.yaml --fast                  one session, as fast as the machine can
  engine run machines/evse_dc.yaml --link ethernet         an option that the station file declares
  engine run machines/evse_dc.yaml --set C_session_retry=5 --set pev.stop_at_soc="80 %"
  engine run machines/evse_dc.yaml --set vehicle=NAME      a parameter set the station file offers
  engine run machines/evse_dc.yaml --trace run.jsonl       then: engine trace show run.jsonl
  engine run light.yaml --fast --events "go, 30 s, stop"   send events, wait in between
  engine run machines/evse_dc.yaml --ui                    in a browser: states light up, a click plugs the car in
  engine run machines/evse_dc.yaml --help-config           every key of the configuration
  engine run evse_dc                                       an installed chart, from any folder

A chart that is not where PATH says is looked for among those installed with chargechart: slac/evse.yaml, slac_evse.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``engine run``."""
    parser.allow_abbrev = False
    parser.epilog = _EPILOG
    parser.add_argument("machine", type=Path, help="the chart, or a station file that names one")
    parser.add_argument("--station", type=Path, metavar="FILE", help="station file (default: the chart's own)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="parameter or setting")
    parser.add_argument("--iface", metavar="IF", help="network interface (what it changes is up to the station file)")
    parser.add_argument("--sessions", type=count, metavar="N", help="end after N sessions")
    parser.add_argument("--fast", action="store_true", help="virtual clock: as fast as the machine can")
    parser.add_argument("--for", dest="duration", metavar="TIME", help="end after this time on the clock, e.g. 10min")
    parser.add_argument("--trace", type=Path, metavar="FILE", help="write a trace (JSON Lines)")
    parser.add_argument("--secrets", action="store_true", help="show secrets in lines and keep them in the trace")
    parser.add_argument(
        "--fault",
        metavar="RULE",
        action="append",
        default=[],
        help="something that goes wrong on purpose: docs/faults.md; may be repeated",
    )
    parser.add_argument("--events", metavar="LIST", help="events to send: a,b,'5 s',c, a file, or - for standard input")
    parser.add_argument(
        "--ui",
        nargs="?",
        const="",
        metavar="ADDR",
        help="show the run in a browser: HOST:PORT, HOST or PORT (default: 127.0.0.1:8080; docs/page.md)",
    )
    parser.add_argument("--ui-token", metavar="TOKEN", help="what a browser has to show (default: CHARGER_UI_TOKEN)")
    parser.add_argument(
        "--quiet", action="store_true", help="only READY, status lines and the summary: a fast run is faster"
    )
    parser.add_argument("--plain", action="store_true", help="plain lines, also at a terminal; what repeats is counted")
    parser.add_argument("--help-config", action="store_true", help="document every key of the configuration")


def run(args: argparse.Namespace) -> int:
    """Run a station. Exit code 1 when a machine failed, a strict chart met an unknown event or the requested sessions
    did not end.

    Raises ``StationError`` for a wrong station file, option or environment variable.
    """
    from engine.cli import complain
    from engine.cli.restart import PAGE, SETTINGS, begin_anew

    page, new_settings = os.environ.get(PAGE, ""), os.environ.pop(SETTINGS, "")
    try:
        return _run(args)
    except (StationError, ChartError, AdapterError) as error:
        if not new_settings:
            raise
        complain(f"{error}\nwith {new_settings}, which is taken back")
    take_back(Path(new_settings))
    begin_anew({PAGE: page}, args.trace if args.trace is not None and args.trace.exists() else None)
    return 1


def _run(args: argparse.Namespace) -> int:
    machine = found(args.machine)
    if machine.is_dir():
        raise StationError(_what_runs(machine))
    registry = installed()
    options = _options(args.unknown)
    if args.iface:
        options["iface"] = args.iface
    if args.ui is not None and not args.fast and args.sessions is None:  # else the driver plugs in by himself
        options["ui"] = args.ui or "on"
    elif args.sessions is not None and args.sessions > 1 and "control" not in options:  # else somebody else begins them
        options["sessions"] = str(args.sessions)
    overrides = Overrides(args.set, options=options, faults=args.fault, command=args.options)
    with collector_paused():  # it would walk all that a start makes again and again: a sixth of the time until READY
        station = resolve(machine, args.station, overrides, registry, load_kept)
    if args.help_config:
        from engine.run.station.describe import describe

        print(describe(station, registry))
        return 0
    if args.fast:
        refuse_virtual_clock(station, registry)

    def again(settings: Mapping[str, Any]) -> Station:
        """The station as this command would begin it with other settings."""
        found = resolve(machine, args.station, replace(overrides, settings=settings), registry, load_kept)
        build(found, System(VirtualClock()), registry)
        return found

    with collector_paused():
        running = _Run(args, station, again)
        gc.freeze()  # charts and adapters stay until the end: no collection need look at them during a session
    return running.run()


class _Run:
    def __init__(
        self, args: argparse.Namespace, station: Station, again: Callable[[Mapping[str, Any]], Station]
    ) -> None:
        self.args = args
        self.station = station
        self.resolve_again = again
        self.restarts = False  # when it has ended
        self.system = System(VirtualClock() if args.fast else RealClock(), resolve=resolve_source)
        build(station, self.system, installed())
        self.main = next(iter(self.system.roots.values()))
        self.headlines = Headlines(self.system, station)
        self.sessions = Sessions(station, self.system, self.headlines.values)
        self.tally = Tally(self.system)
        self.wanted = self._wanted_sessions()
        self.limit_ns = _duration(args.duration)
        if args.fast and self.limit_ns is None and self.wanted is None:
            self.limit_ns = 3_600_000_000_000
        self.last_values: list[tuple[str, str]] = []
        self.script = EventScript(self.system, self.main, self._events())
        self.control = self._control()
        self.page = self._page()
        self.out = Output()
        self.interactive = self.out.isatty() and not args.plain and not args.quiet
        self.alarms = Alarms(self.system, at_once=not self.interactive)
        self.sessions.told = self._session
        self.status = self._status_lines()

    def run(self) -> int:
        self.trace = trace = self._trace()
        view: PlainView | LiveView
        if self.interactive:
            from engine.cli.live import LiveView

            view = LiveView(self.system, self.station, self.sessions, self.out, secrets=self.args.secrets)
        else:
            view = PlainView(self.system, self.station, self.out, quiet=self.args.quiet, secrets=self.args.secrets)
        self.view = view
        self.programs = self._programs()
        if not isinstance(view, PlainView):
            view.programs = {one.name: one.write for one in self.programs}
        self.ready = ReadyWatch(self.station, self.system, view.ready)
        try:
            if self.args.fast:
                self._run_fast(view)
            else:
                asyncio.run(self._run_live(view))
        finally:
            if not self.restarts:
                for one in self.programs:
                    one.end()
            if trace is not None:
                trace.close()
        told = summary(self.system, self.sessions, self.tally, self.last_values)
        if self.out.isatty():
            import shutil
            import textwrap

            columns = shutil.get_terminal_size().columns
            told = [textwrap.fill(text, columns, subsequent_indent="  ", break_on_hyphens=False) for text in told]
        self.out.write("\n".join([*told, ""]))
        self.out.flush()
        code = self._code()
        if self.restarts:
            self.out.write("begins anew\n")
            self._replaced()
        return code

    # ------------------------------------------------------------ private

    def _run_fast(self, view: PlainView | LiveView) -> None:
        def enough(asked: int, over: Callable[[], bool]) -> Callable[[], bool]:
            if isinstance(view, PlainView):
                return lambda: signals.asked >= asked or over()

            def enough_to_see() -> bool:
                view.tick()
                return signals.asked >= asked or over()

            return enough_to_see

        with Signals() as signals:
            try:
                try:
                    self.system.start()
                    view.started()
                    self.ready.started()
                    self._open_page()
                    self.script.start()
                    self.system.run_until(enough(1, self._over), self.limit_ns)
                    self.system.run_due()  # what already waits
                finally:
                    ending = Ending(self.system)
                    self.system.run_until(enough(2, lambda: ending.over))
            except KeyboardInterrupt:
                pass
            finally:
                self._ending(view)
                self.system.shutdown()
                if self.page is not None:
                    self.page.close()
                view.close()

    def _session(self, report: Report) -> None:
        self.alarms.session(report)
        if self.page is not None:
            self.page.session(report)

    def _open_page(self) -> None:
        if self.page is not None:
            self.page.start()
            self.system.note(self.main.path, "adapter_note", f"page: {self.page.url}")

    async def _run_live(self, view: PlainView | LiveView) -> None:
        from engine.run.host import Host

        def ready() -> None:
            if self.control is not None:
                self.control.start()
                self.system.note(self.main.path, "adapter_note", f"control: POST http://{self.control.where}/event")
            view.started()
            self.ready.started()
            self._open_page()
            self.script.start()

        host = Host(self.system, ready, lambda: self._ending(view))
        if self.page is not None:
            self.page.restart = host.restart
        if self.limit_ns is not None:
            self.system.set_deadline(self.limit_ns, host.end)
        if not isinstance(view, PlainView):
            view.attach(host, self.main)
        status = asyncio.create_task(self._tell_status(view)) if isinstance(view, PlainView) else None
        try:
            await host.run(self._over, signals=True)
        finally:
            self.restarts = host.begins_anew
            if status is not None:
                status.cancel()
            if self.control is not None:
                self.control.close()
            if self.page is not None:
                self.page.close()
            view.close()

    async def _tell_status(self, view: PlainView) -> None:
        """Every so often, by this computer's clock: nothing that runs waits for it."""
        if self.status is not None and self.station.status_every_ns is not None:
            while True:
                await asyncio.sleep(self.station.status_every_ns / 1e9)
                view.status(self.status.now())

    def _ending(self, view: PlainView | LiveView) -> None:
        """The machines are about to leave their states: a last look."""
        self.last_values = self.headlines.values()
        view.freeze()

    def _over(self) -> bool:
        """Whether the run has reached what it was to do."""
        if self.wanted is not None and self.sessions.ended >= self.wanted:
            return True
        if self.system.finished:
            return True
        if self.system.bindings or self.interactive or not self.script.finished:
            return False
        return self.system.next_deadline_ns is None and self.system.quiet

    def _wanted_sessions(self) -> int | None:
        if self.args.sessions is not None:
            if self.station.session_end is None:
                where = self.station.file or "a station file"
                raise StationError(f"--sessions: no session_end is named in [station] of {where}")
            return int(self.args.sessions)
        one_is_enough = self.args.fast and self.station.session_end is not None and self.args.duration is None
        return self.sessions.places if one_is_enough else None

    def _control(self) -> ControlServer | None:
        control = self.station.control
        if control is None or not control.where:
            return None
        if self.args.fast:
            raise StationError("--control needs the real clock, so not --fast")
        from engine.cli.control import ControlServer
        from engine.cli.hands import Hands

        hands = Hands(control, self.station, self.system, self.main, self._begin_anew)
        return ControlServer(control, hands, self.system)

    def _begin_anew(self) -> None:
        """Of the run only the lines and the terminal are left in order: nobody cuts those."""
        if self.trace is not None:
            self.trace.close()
        self.view.close()
        for binding in self.system.bindings:  # a power cut lets go of what was on; a program that is replaced would not
            if binding.contract.unsafe:
                binding.close()
        self.out.write("stopped dead, begins anew\n")
        self._replaced()

    def _replaced(self) -> None:
        """By the command this run was started with. What was started beside it goes on."""
        from engine.cli.restart import CONTROL, PAGE, SETTINGS, begin_anew

        self.out.flush()
        if self.programs:
            from engine.cli.programs import leave

            leave(self.programs)
        listening = {CONTROL: self.control.where} if self.control is not None else {}
        if self.page is not None:
            listening[PAGE] = self.page.where
            listening[SETTINGS] = self.page.changed
            self.page.tell_on()
        begin_anew(listening, self.args.trace)

    def _status_lines(self) -> StatusLines | None:
        if self.station.status_every_ns is None or self.interactive:
            return None
        from engine.cli.status_lines import StatusLines

        return StatusLines(self.system, self.station, self.main.path)

    def _programs(self) -> list[Program]:
        if not self.station.programs:
            return []
        if self.args.fast:
            raise StationError(
                f"{', '.join(self.station.programs)} beside it: that needs the real clock, so not --fast"
            )
        from engine.cli.programs import started

        return started(self.station.programs, self.system)

    def _page(self) -> Page | None:
        if self.args.ui is None:
            return None
        from engine.cli.configuration import Configuration
        from engine.cli.ui import Page

        where, token, secrets = self.args.ui, self.args.ui_token, self.args.secrets
        parts = (self.station, self.system, self.main, self.headlines, self.sessions)
        configuration = Configuration(self.station, installed(), self.resolve_again)
        return Page(where, token, *parts, configuration, secrets=secrets)

    def _events(self) -> list[str]:
        given = self.args.events
        if given is None:
            return []
        if given == "-":
            return split(sys.stdin.read(1_000_000))
        path = Path(given)
        try:
            is_file = path.is_file()
        except OSError:
            is_file = False  # a list longer than a name may be
        return split(path.read_text(encoding="utf-8") if is_file else given)

    def _trace(self) -> TraceWriter | None:
        if self.args.trace is None:
            return None
        from engine.tools.trace import TraceWriter

        self.headlines.watch()
        told, secrets = header_of(self.station), self.args.secrets
        look = self.headlines.seen if self.station.display or self.station.rows else None
        return TraceWriter(self.system, self.args.trace, self.station.title, **told, look=look, secrets=secrets)

    def _code(self) -> int:
        """0: it did what was asked."""
        from engine.cli import complain

        self.alarms.close()
        wrong = list(self.system.failures[:10])
        if not self.ready.told:
            wrong.append(f"{self.main.path} was never READY; it waited for {self.ready.waits_for}")
        some = self.args.sessions is not None or self.sessions.ended > 0  # else the run is about something else
        if self.wanted is not None and some and self.sessions.ended < self.wanted:
            wrong.append(f"{self.sessions.ended} of {self.wanted} sessions ended")
        if self.sessions.failed:
            wrong.append(f"{self.sessions.failed} of {self.sessions.ended} sessions failed{self.sessions.failed_at}")
        for text in wrong:
            complain(text)
        return 1 if wrong else 0


def _what_runs(folder: Path) -> str:
    """A folder cannot be run: its charts with a station of their own, and its station files, can."""
    import engine
    from engine.cli.check import chart_files
    from engine.language.problems import ChartError

    found: list[tuple[str, str]] = []
    for path in chart_files([str(folder)]):
        if "\nstation:" in path.read_text(encoding="utf-8", errors="replace"):
            try:
                found.append((str(path), engine.load(path).title))
            except ChartError:
                found.append((str(path), "(does not load)"))
    if not found:
        return f"{folder} is a folder, and no chart in it names a station; run one of its charts"
    width = max(len(path) for path, _ in found)
    return f"{folder} is a folder; in it can be run:\n" + "\n".join(f"  {path:{width}}  {t}" for path, t in found)


def _options(unknown: list[str]) -> dict[str, str]:
    """``--NAME VALUE`` and ``--NAME=VALUE`` pairs; a name alone has an empty value."""
    found: dict[str, str] = {}
    rest = list(unknown)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not name.startswith("--"):
            raise StationError(f"unknown argument {name}; see engine run --help")
        found[name[2:]] = value if equals or not rest or rest[0].startswith("--") else rest.pop(0)
    return found


def _duration(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        found = int(typed(text, DURATION))
    except ValueError as error:
        raise StationError(f"--for {text}: {error}") from None
    if found <= 0:
        raise StationError(f"--for {text}: no time to run")
    return found
