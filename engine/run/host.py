"""Runs a system on the real clock inside asyncio: waits for the next deadline or for something new, never polls."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from engine.run.clock import RealClock
from engine.run.ending import Ending
from engine.run.system import System

_BUDGET = 500  # events in one go before sockets get their turn
_TURN_NS = 500_000  # … and how long it may take: an urgent event may wait in one of them
_LATE_NS = 100_000_000  # a deadline overdue by more: the host got no time, which is not the fault of what it watches


class Host:
    """Runs one system on one event loop. Raises ``TypeError`` for a system on a virtual clock.

    ``on_ready`` is called once every adapter is open and every machine has begun, ``on_end`` before they are stopped.
    """

    def __init__(
        self, system: System, on_ready: Callable[[], None] = lambda: None, on_end: Callable[[], None] = lambda: None
    ) -> None:
        if not isinstance(system.clock, RealClock):
            raise TypeError("the asyncio host runs on a real clock; a virtual one is moved with run_until")
        self.system = system
        self._on_ready = on_ready
        self._on_end = on_end
        self._until: Callable[[], bool] | None = None
        self._thread = 0
        self._ended: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn_handle: asyncio.Handle | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_ns: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None
        self._settled = False  # what a start takes is nobody's lateness
        self._told_ns = -1  # what was due until then has been told to be late
        self._catching_up = 0  # turns of the loop until what came meanwhile has been read
        self._ending: Ending | None = None
        self.begins_anew = False

    async def run(self, until: Callable[[], bool] | None = None, *, signals: bool = False) -> None:
        """Start the system and run it until every machine has ended, ``until`` holds (checked after every turn) or
        :meth:`stop` is called. Then ask the machines to end (:mod:`engine.run.ending`) and shut it down: exit actions
        of every machine, then the adapters.

        ``signals``: SIGINT, SIGTERM and SIGHUP call :meth:`stop`. Raises ``AdapterError`` when an adapter cannot be
        opened.
        """
        loop = self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._ended = loop.create_future()
        self._until = until
        handled = _handle_signals(loop, self.stop) if signals else []
        self.system.spawn_work = self._spawn
        self.system.wake = self._wake
        try:
            self.system.start()
            self._on_ready()
            self._wake()
            await self._ended
            if self._error is not None:
                raise self._error
            self.system.run_due(_BUDGET)  # what already waits
        finally:
            try:
                self._on_end()
            finally:
                await self._end(handled)

    async def _end(self, handled: list[signal.Signals]) -> None:
        assert self._loop is not None
        self.system.wake = lambda: None
        for handle in (self._turn_handle, self._alarm):
            if handle is not None:
                handle.cancel()
        try:
            self.system.shutdown()
        finally:
            await self._end_tasks()
            for number in handled:
                self._loop.remove_signal_handler(number)

    def end(self) -> None:
        """Ask the machines to end, unless they have been asked."""
        if self._ending is None:
            self._ending = Ending(self.system)
            self._wake()

    def restart(self) -> None:
        """Ask the machines to end; then whoever runs this is to begin it anew (``begins_anew``). A stop, before or
        meanwhile, wins."""
        if self._ending is None:
            self.begins_anew = True
            self.end()

    def stop(self) -> None:
        """Ask the machines to end. The second call does not wait for them: their exit actions run at once."""
        if self.begins_anew:
            self.begins_anew = False
        else:
            self._stop()

    def _stop(self) -> None:
        if self._ending is None:
            self.end()
        elif self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    # ------------------------------------------------------------ private

    def _wake(self) -> None:
        """Something new: take a turn when the loop next comes round. Also called from foreign threads."""
        if self._turn_handle is not None and threading.get_ident() == self._thread:
            return
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        if threading.get_ident() != self._thread:
            loop.call_soon_threadsafe(self._wake)
        elif self._turn_handle is None:
            self._turn_handle = loop.call_soon(self._turn)

    def _turn(self) -> None:
        assert self._loop is not None
        if self._overslept(self._loop):
            return
        try:
            more = self.system.run_due(_BUDGET, _LATE_NS if self._settled else 0, _TURN_NS)
            self._turn_handle = None
            if self._ending is None and (self.system.finished or (self._until is not None and self._until())):
                self.end()
            if self._ending is not None:
                if self._ending.over:
                    self._stop()
                    return
                more = more or not self.system.quiet
        except BaseException as error:  # a fault of an observer or of ours: end in an orderly way, then say so
            self._turn_handle = None
            self._error = self._error or error
            self._stop()
            return
        if more:
            self._wake()
        else:
            self._settled = True
            self._set_alarm()

    def _overslept(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Deadlines are overdue: what waits in sockets came before them, and is read first. True while it is.

        Machines are told once of all that is overdue then: told again for each of them, many machines would hear of
        nothing else, and no deadline would ever be taken.
        """
        if self._catching_up == 0:
            if not self._settled:
                return False
            late_ns = self.system.late_by_ns()
            due_ns = self.system.next_deadline_ns
            if late_ns < _LATE_NS or due_ns is None or due_ns <= self._told_ns:
                return False
            self._told_ns = self.system.clock.now_ns()
            self.system.was_late(late_ns)
            self._catching_up = 3  # the next turn of the loop begins with this one's rest, then come the sockets
        self._catching_up -= 1
        if self._catching_up == 0:
            self.system.caught_up()
            return False
        self._turn_handle = loop.call_soon(self._turn)
        return True

    def _set_alarm(self) -> None:
        assert self._loop is not None
        due_ns = self.system.next_deadline_ns
        if due_ns == self._alarm_ns and self._alarm is not None:
            return
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._alarm_ns = due_ns
        if due_ns is not None:
            delay_s = (due_ns - self.system.clock.now_ns()) / 1e9
            self._alarm = self._loop.call_later(max(0.0, delay_s), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._wake()

    def _spawn(self, work: Coroutine[Any, Any, None], report: Callable[[str], None]) -> None:
        assert self._loop is not None
        task = self._loop.create_task(work)
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                report(f"{type(error).__name__}: {error}")

        task.add_done_callback(ended)

    async def _end_tasks(self) -> None:
        """Adapters have closed: what they still run is cancelled and waited for."""
        await asyncio.sleep(0)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=2)


def _handle_signals(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> list[signal.Signals]:
    handled = []
    for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        try:
            loop.add_signal_handler(number, stop)
        except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
            continue
        handled.append(number)
    return handled
