"""Who writes the charge point's file: all of its roles share one :class:`~adapters.ocpp.database.Database`.

In memory each order is carried out at once, on any clock. With a file a thread of its own writes: everything that waits
for it, whichever role it is of, is one write (group commit), and a chart hears of it after the ``fsync``.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from adapters.ocpp.database import Database, InUse, NotTaken, StoreError, set_aside
from adapters.settings import filled
from engine.adapter import Adapter, ConfigurationError, Port, Setting, World

Work = Callable[[Database], Any]
Then = Callable[[Any], None]
Failed = Callable[[StoreError], None]
Heard = Callable[[StoreError | None, bool], None]
"""That the file cannot be written, or by None that it can be used; True: and something is in it again."""
GROUP = 500
"""Orders in one write at most."""


_Job = tuple[Work, Then | None, Failed]


class Stored(Adapter):
    """A role that is kept. Its contract has the event ``failed`` with a ``reason``."""

    settings: ClassVar[Mapping[str, Setting]] = {}

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)

    def _begun(self, database: Database) -> None:
        """Read what is there from before."""

    def _write(
        self, work: Work, then: Then | None, call_id: str = "", refused: Callable[[str], None] | None = None
    ) -> None:
        """Carry out ``work``; when it is in the file, ``then`` with its result, if anybody is to hear of it. Else the
        long action ``call_id``, if it is one, fails, ``refused`` is called with the reason, and the chart is told by
        ``failed``."""

        def failed(error: StoreError) -> None:
            if refused is not None:
                refused(str(error))
            self._failed(error, call_id)

        self._carry_out(work, then, failed)

    def _carry_out(self, work: Work, then: Then | None, failed: Failed) -> None:
        """``then`` or ``failed`` in the host's thread."""
        raise NotImplementedError

    def _failed(self, error: StoreError, call_id: str) -> None:
        if call_id:
            self.port.failed(call_id, str(error))
        if not isinstance(error, NotTaken):
            self.port.emit("failed", reason=str(error))


# ------------------------------------------------------------ in memory


class InMemory(Stored):
    """Gone with the process: for simulations and tests."""

    behind = "simulated"
    settings: ClassVar[Mapping[str, Setting]] = {
        "charge_point": Setting("string", "", "Whose memory; empty: that of its machine", names="machine"),
        "full_after": Setting("int?", None, "So many writes of this role go well, then the disk is full"),
    }

    def open(self, port: Port) -> None:
        super().open(port)
        others = self.world.shared("OCPP stores in memory", InUse)
        self._database = self.world.shared(
            f"OCPP store {self.config['charge_point']}", lambda: Database(None, others, repeatable=self.world.virtual)
        )
        self._left: int | None = self.config["full_after"]
        self._begun(self._database)

    def _carry_out(self, work: Work, then: Then | None, failed: Failed) -> None:
        if self._left is not None:
            if self._left == 0:
                failed(StoreError("database or disk is full"))
                return
            self._left -= 1
        try:
            self._database.begin()
            result = work(self._database)
            self._database.commit()
        except StoreError as error:
            self._database.roll_back()
            failed(error)
            return
        if then is not None:
            then(result)


# ------------------------------------------------------------ in a file


class InFile(Stored):
    """An SQLite file. On the virtual clock an order is carried out at once, as in memory."""

    settings: ClassVar[Mapping[str, Setting]] = {
        "file": Setting(
            "string",
            "charge_point.db",
            "The SQLite file, one for all that a charge point keeps; two more stand beside it while it runs",
        ),
    }

    def open(self, port: Port) -> None:
        """Raises ``ConfigurationError`` for a file that cannot be used."""
        super().open(port)
        file = Path(self.config["file"]).absolute()
        self._has_begun = False
        self._writer = self.world.shared(f"OCPP store {file}", lambda: Writer(file, at_once=self.world.virtual))
        self._writer.enter(self._heard)
        try:
            self._begin()
        except StoreError as error:
            if error.trouble == "later" or not file.parent.is_dir():
                raise ConfigurationError(f"{error}; move the file away to begin with an empty one") from None
            told = str(error)
            port.call_later(0, lambda: port.emit("failed", reason=told))

    def close(self) -> None:
        if hasattr(self, "_writer"):
            self._writer.leave(self._heard)

    def _begin(self) -> None:
        self._writer.read(self._begun)
        self._has_begun = True

    def _heard(self, error: StoreError | None, kept: bool) -> None:
        """From the writer's thread: the file cannot be written any more, or can again (:data:`Heard`)."""
        if error is None and not self._has_begun:
            self.port.call_soon_threadsafe(self._begin_late)

    def _begin_late(self) -> None:
        with suppress(StoreError):  # it is told as all troubles are
            self._begin()

    def _carry_out(self, work: Work, then: Then | None, failed: Failed) -> None:
        tell = self.port.call_soon_threadsafe
        heard = None if then is None else lambda result: tell(lambda: then(result))
        self._writer.add(work, heard, lambda error: tell(lambda: failed(error)))


class Writer:
    """The thread that writes one file, from the first role that enters until the last one leaves; what waits then is
    written before it ends. ``at_once``: there is no thread, and nothing waits."""

    def __init__(self, file: Path, at_once: bool = False) -> None:
        self.file = file
        self.at_once = at_once
        self._hear: list[Heard] = []
        self._lock = threading.Lock()
        self.trouble: StoreError | None = None
        self._database: Database | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()

    def enter(self, hear: Heard) -> None:
        """One more role. ``hear``: told in the writer's thread when the file cannot be written, and when it can
        again."""
        self._hear.append(hear)
        if len(self._hear) == 1 and not self.at_once:
            self._thread = threading.Thread(target=self._run, name=f"writer of {self.file.name}", daemon=True)
            self._thread.start()

    def leave(self, hear: Heard) -> None:
        """One role less."""
        self._hear.remove(hear)
        if not self._hear:
            if not self.at_once:
                self._jobs.put(None)
                self._thread.join()
            if self._database is not None:
                self._database.close()
                self._database = None

    def read(self, work: Work) -> Any:
        """Carry out ``work`` here and now. Raises :class:`StoreError`."""
        with self._lock:
            try:
                return work(self._opened())
            except StoreError as error:
                self._found(error)
                raise

    def renew(self, then: Then, failed: Failed) -> None:
        """Soon, a new file takes the place of a damaged one, with what can still be read of it; ``then`` is called with
        the name of the damaged one and the rows that were rescued."""
        self._order(_RENEW, then, failed)

    def look(self, then: Then, failed: Failed) -> None:
        """Soon, write something that nobody reads. A full disk may take that and no message: it mends nothing."""
        self._order(_LOOK, then, failed)

    def _renewed(self) -> tuple[str, int]:
        if self._database is not None:
            self._database.close()
            self._database = None
        try:
            away = set_aside(self.file)
        except OSError as error:
            raise StoreError(f"{self.file}: {error.strerror}") from None
        rows = self._opened().rescue(away)
        self._found(None, kept=True)
        return away.name, rows

    def add(self, work: Work, then: Then | None, failed: Failed) -> None:
        """Carry out ``work`` soon; ``then``, if there is one, or ``failed`` are called in the writer's thread."""
        self._order(work, then, failed)

    def _order(self, work: Work, then: Then | None, failed: Failed) -> None:
        if not self.at_once:
            self._jobs.put((work, then, failed))
            return
        with self._lock:
            tell = self._alone((work, then, failed))
        tell()

    def _found(self, error: StoreError | None, kept: bool = False) -> None:
        """How the last use of the file went. A trouble is over when something new is ``kept``: on a full disk reading
        and deleting go well, and a look may."""
        before = self.trouble
        if isinstance(error, NotTaken) or (error is None and before is None):
            return
        if error is not None or kept:
            self.trouble = error
        if error is None or before is None or error.trouble != before.trouble:
            for hear in list(self._hear):
                hear(error, kept)

    def _opened(self) -> Database:
        if self._database is None:
            self._database = Database(self.file, repeatable=self.at_once)
        return self._database

    def _run(self) -> None:
        ended = False
        while not ended:
            group = [self._jobs.get()]
            while len(group) < GROUP and not self._jobs.empty():
                group.append(self._jobs.get())
            jobs = [job for job in group if job is not None]
            ended = len(jobs) < len(group)
            with self._lock:
                together = len(jobs) > 1 and all(work not in (_RENEW, _LOOK) for work, _, _ in jobs)
                told = self._together(jobs) if together else None
                told = [self._alone(job) for job in jobs] if told is None else told
            for tell in told:
                tell()

    def _together(self, jobs: list[_Job]) -> list[Callable[[], None]] | None:
        """What to say of each; None when one fails, which must not take the others with it."""
        try:
            results = self._written([work for work, _, _ in jobs])
        except StoreError:
            return None
        return [_saying(then, result) for (_, then, _), result in zip(jobs, results, strict=True)]

    def _alone(self, job: _Job) -> Callable[[], None]:
        work, then, failed = job
        try:
            return _saying(then, self._renewed() if work is _RENEW else self._written([work])[0])
        except StoreError as error:
            return _saying(failed, error)

    def _written(self, works: list[Work]) -> list[Any]:
        try:
            database = self._opened()
            before = database.inserted
            database.begin()
            results = [work(database) for work in works]
            kept = database.inserted > before and works != [_LOOK]
            database.commit()
        except StoreError as error:
            if self._database is not None:
                self._database.roll_back()
            self._found(error)
            raise
        self._found(None, kept=kept)
        return results


def _RENEW(_: Database) -> None:
    """Stands for :meth:`Writer.renew` among the jobs."""


def _LOOK(database: Database) -> None:
    """A write that changes nothing anybody reads."""
    database.execute("INSERT OR REPLACE INTO versions VALUES ('look', 0)")


def _saying(hear: Callable[[Any], None] | None, what: Any) -> Callable[[], None]:
    return lambda: None if hear is None else hear(what)
