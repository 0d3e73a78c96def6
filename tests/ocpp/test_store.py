"""What becomes of a charge point's file that is full, read-only or damaged, and of one whose power is cut."""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from adapters.ocpp.database import Database, StoreError
from adapters.ocpp.ledger import Ledger
from adapters.ocpp.ocpp_ledger import FileLedger
from adapters.ocpp.ocpp_settings import FileSettings
from adapters.ocpp.ocpp_store import FileStore, MemoryStore
from engine.adapter import ConfigurationError, World
from engine.cli import main
from tests.slac.real_port import RealPort
from tests.slac.virtual_host import Clock, VirtualPort


def in_a_loop(test: Callable[[], Any]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


async def until(there: Callable[[], Any]) -> None:
    while not there():
        await asyncio.sleep(0.002)


START = {"connectorId": 1, "idTag": "A", "meterStart": 1, "timestamp": "2026-11-29T12:00:00.000Z"}


class Bench:
    """The store, the settings and the ledger of one charge point on one file."""

    def __init__(self, file: Path) -> None:
        world, config = World(), {"file": str(file)}
        self.settings: Any = FileSettings(config, world)
        self.store, self.ledger = FileStore(config, world), FileLedger(config, world)
        self.port, self.settings_port = RealPort(self.store, "store"), RealPort(self.settings, "settings")
        self.ledger_port = RealPort(self.ledger, "ledger")

    async def write(self, call: str, value: str) -> Any:
        """What became of a change of a key."""
        self.settings.write(call_id=call, key="CpoName", value=value)
        await until(lambda: call in self.settings_port.results)
        return self.settings_port.results[call]

    async def ordered(self, order: str, call: str) -> Any:
        getattr(self.store, order)(call_id=call)
        await until(lambda: call in self.port.results)
        return self.port.results[call]

    def make(self, pragma: str) -> None:
        self.store._writer.read(lambda database: database.execute(f"PRAGMA {pragma}").fetchall())

    def close(self) -> None:
        for adapter in (self.store, self.settings, self.ledger):
            adapter.close()


def damage(file: Path, database: Database) -> None:
    """The pages of the messages and their indexes are overwritten, those of the other tables are not."""
    roots = database.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name = 'messages'").fetchall()
    size = database.execute("PRAGMA page_size").fetchone()[0]
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    database.close()
    with file.open("r+b") as bytes_:
        for (root,) in roots:
            bytes_.seek((root - 1) * size)
            bytes_.write(b"\xaa" * size)


@pytest.mark.parametrize(("pragma", "trouble"), [("query_only=1", "read_only"), ("max_page_count=1", "full")])
def test_a_file_that_cannot_be_written_is_told_once_and_mends(tmp_path: Path, pragma: str, trouble: str) -> None:
    """The value in force stays; nothing is said to be kept that is not."""

    async def work() -> None:
        bench = Bench(tmp_path / "c.db")
        assert await bench.write("a", "Operator") == {}
        if trouble == "full":
            bench.make("max_page_count=1")  # SQLite takes as many as there are
        else:
            bench.make(pragma)
        long = "x" * 100_000
        assert isinstance(await bench.write("b", long), str)
        assert isinstance(await bench.write("c", long), str)
        await until(lambda: bench.port.events)
        assert [(name, event["trouble"]) for name, event in bench.port.events] == [("broken", trouble)]
        assert (bench.settings.CpoName, len(bench.settings_port.named("failed"))) == ("Operator", 2)
        assert trouble == "full" or isinstance(await bench.ordered("look", "l"), str)
        bench.make("query_only=0" if trouble == "read_only" else "max_page_count=100000")
        assert await bench.ordered("look", "m") == {}
        bench.ledger.next(call_id="n")
        await until(lambda: "n" in bench.ledger_port.results)
        assert bench.port.named("mended") == [], "a look and reading go well on a full disk"
        assert await bench.write("d", "Another") == {}
        await until(lambda: bench.port.named("mended"))
        assert await bench.write("e", "A third") == {}
        assert [name for name, _ in bench.port.events if name != "failed"] == ["broken", "mended"]
        (said,) = bench.port.told
        assert said.startswith(f"nothing is kept, {trouble}: ")
        bench.close()

    in_a_loop(work)


def test_a_look_may_go_well_on_a_full_disk(tmp_path: Path) -> None:
    """It flapped: lost at each message, mended at each look."""

    async def work() -> None:
        bench = Bench(tmp_path / "c.db")
        assert await bench.ordered("look", "a") == {}
        bench.make("max_page_count=1")
        for life in range(3):
            assert isinstance(await bench.write(f"b{life}", "x" * 100_000), str)
            assert await bench.ordered("look", f"c{life}") == {}
        assert [name for name, _ in bench.port.events] == ["broken"]
        bench.close()

    in_a_loop(work)


@pytest.mark.parametrize("what", ["file", "folder", "new"])
def test_a_place_that_is_read_only_is_called_so(what: str) -> None:
    """Not "other": who reads it knows what to do. For root nothing is read-only, so it is somebody else who looks."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "c.db"
        if what != "new":
            Database(file).close()
        Path(folder).chmod(0o777 if what == "file" else 0o555)
        if what == "file":
            file.chmod(0o444)
        child = os.fork()
        if not child:
            with suppress(PermissionError):
                os.setuid(65534)
            found = "none"
            try:
                database = Database(file)
                database.begin()
                Ledger(database).start(1, START)
                database.commit()
            except StoreError as error:
                found = error.trouble
            os._exit(found != "read_only")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        Path(folder).chmod(0o777)


def test_a_damaged_file_is_set_aside_with_what_can_be_rescued(tmp_path: Path) -> None:
    """Found at the start: the station starts all the same, with the settings it had; the damaged file is kept."""

    async def work() -> None:
        file = tmp_path / "c.db"
        database = Database(file)
        database.execute("INSERT INTO settings VALUES ('CpoName', 'Operator')")
        number = Ledger(database).start(1, START)
        damage(file, database)
        bench = Bench(file)
        await until(lambda: bench.port.named("broken"))
        assert bench.port.named("broken")[0]["trouble"] == "damaged"
        assert bench.ledger_port.named("unfinished") == []
        found = await bench.ordered("set_aside", "s")
        assert found == {"name": "c.db.damaged1", "rows": 2}
        await until(lambda: bench.ledger_port.named("unfinished"))
        assert bench.ledger_port.named("unfinished")[0]["transaction"] == number
        assert await bench.write("a", "Another") == {}
        bench.close()
        assert (tmp_path / "c.db.damaged1").exists()
        again = Database(file)
        assert again.execute("SELECT value FROM settings").fetchall() == [("Another",)]
        assert Ledger(again).start(1, START) == number + 1
        again.close()

    in_a_loop(work)


def test_a_file_that_is_none_is_set_aside_too(tmp_path: Path) -> None:
    """The roles read what there is once there is something."""

    async def work() -> None:
        file = tmp_path / "c.db"
        file.write_bytes(b"this is no database, but a text of some length" * 100)
        (tmp_path / "c.db.damaged1").touch()
        bench = Bench(file)
        await until(lambda: bench.port.named("broken"))
        assert isinstance(await bench.write("a", "x"), str)
        assert await bench.ordered("set_aside", "s") == {"name": "c.db.damaged2", "rows": 0}
        assert await bench.write("b", "y") == {}
        bench.close()

    in_a_loop(work)


def test_a_file_of_a_later_version_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    """Nobody would want it set aside by an older program."""

    async def work() -> None:
        database = Database(tmp_path / "c.db")
        database.execute("PRAGMA user_version=99")
        database.close()
        with pytest.raises(ConfigurationError, match="later version"):
            RealPort(FileStore({"file": str(tmp_path / "c.db")}, World()), "store")

    in_a_loop(work)


def test_in_memory_there_is_no_file() -> None:
    store = MemoryStore({}, World())
    port = VirtualPort(store, Clock(), "store")
    store.look(call_id="a")
    store.set_aside(call_id="b")
    assert (port.results["a"], port.results["b"]) == ({}, "there is no file")


# ---------------------------------------------------------------- power is cut


class Power:
    """Keeps the file as it was at each ``fsync``: a commit is one (WAL, ``synchronous=FULL``). What was written after
    it is at best torn."""

    def __init__(self, file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file, self.images = file, folder
        self.taken = 0
        self.dark = False
        commit = Database.commit

        def kept(database: Database) -> None:
            commit(database)
            if database.file == file and not self.dark:
                for suffix in ("", "-wal"):
                    shutil.copy(f"{file}{suffix}", folder / f"{self.taken + 1}{suffix}")
                self.taken += 1

        monkeypatch.setattr(Database, "commit", kept)

    def cut(self, chance: random.Random) -> None:
        """The file is what it was at the last ``fsync``, with rubbish behind it. Afterwards there is power again."""
        self.dark = False
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.file}{suffix}").unlink(missing_ok=True)
        if self.taken:
            for suffix in ("", "-wal"):
                shutil.copy(self.images / f"{self.taken}{suffix}", f"{self.file}{suffix}")
            with Path(f"{self.file}-wal").open("ab") as wal:
                wal.write(chance.randbytes(chance.randrange(6000)))


class Central:
    """Counts by id; the same id is the same message."""

    def __init__(self) -> None:
        self.by_id: dict[str, tuple[str, dict[str, Any]]] = {}
        self.order: list[tuple[str, dict[str, Any]]] = []

    def takes(self, message: dict[str, Any]) -> dict[str, Any]:
        said = (message["action"], message["payload"])
        if message["id"] in self.by_id:
            assert self.by_id[message["id"]] == said
        else:
            self.by_id[message["id"]] = said
            self.order.append(said)
        started = [payload["meterStart"] for action, payload in self.order if action == "StartTransaction"]
        if message["action"] != "StartTransaction":
            return {}
        return {
            "transactionId": 1000 + started.index(message["payload"]["meterStart"]),
            "idTagInfo": {"status": "Accepted"},
        }


SESSIONS = 20


@pytest.mark.parametrize(
    "seed", [1, pytest.param(2, marks=pytest.mark.campaign), pytest.param(3, marks=pytest.mark.campaign)]
)
def test_nothing_that_was_told_is_lost_when_power_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Sessions, deliveries and answers, cut at random points: no transaction lost, doubled or out of order, the meter
    goes on where it was, ids are those of their messages."""
    chance = random.Random(seed)
    file = tmp_path / "charge.db"
    (tmp_path / "images").mkdir()
    power, central = Power(file, tmp_path / "images", monkeypatch), Central()
    told: list[int] = []  # the meter in each message that was told to be kept
    begun_at: list[int] = []
    meter = 0

    async def one_life() -> None:
        nonlocal meter
        ledger = FileLedger({"file": str(file)}, World())
        port = RealPort(ledger, "ledger")
        calls = iter(range(10**9))
        left = chance.randrange(3, 25)

        async def done(order: Callable[..., None], **args: Any) -> Any:
            nonlocal left
            left -= 1
            call = str(next(calls))
            order(call_id=call, **args)
            if left > 0 or chance.random() < 0.5:
                await until(lambda: call in port.results)
                if "timestamp" in args:
                    told.append(meter)
            if left <= 0:  # right after it was told, or before
                power.dark = True
                raise PowerLost
            return port.results[call]

        def stop(number: int, reason: str) -> dict[str, Any]:
            return {"transaction": number, "meterStop": meter, "timestamp": meter, "reason": reason}

        try:
            await asyncio.sleep(0.01)
            for found in port.named("unfinished"):
                meter += 1
                await done(ledger.StopTransaction, **stop(found["transaction"], "PowerLoss"))
            while len(begun_at) < SESSIONS or ledger.waiting:
                if len(begun_at) < SESSIONS and chance.random() < 0.5:
                    meter += 1
                    begun = await done(
                        ledger.StartTransaction, connectorId=1, idTag="A", meterStart=meter, timestamp=meter
                    )
                    begun_at.append(meter)
                    for _ in range(chance.randrange(3)):
                        meter += 1
                        values = {"connectorId": 1, "timestamp": [meter], "value": [str(meter)]}
                        await done(ledger.MeterValues, transaction=begun["transaction"], register=meter, **values)
                    meter += 1
                    await done(ledger.StopTransaction, **stop(begun["transaction"], "Local"))
                else:
                    message = await done(ledger.next)
                    if message != "none":
                        ledger.answer(number=message["number"], payload=central.takes(message))
        finally:
            ledger.close()

    lives = 0
    while len(begun_at) < SESSIONS or lives == 0 or not drained(file):
        lives += 1
        try:
            in_a_loop(one_life)
        except PowerLost:
            power.cut(chance)
    assert lives > 3
    starts = [payload["meterStart"] for action, payload in central.order if action == "StartTransaction"]
    assert set(told) <= {meter_of(payload) for _, payload in central.order}
    assert starts == sorted(set(starts))
    open_at, last = None, 0
    for action, payload in central.order:
        if action == "StartTransaction":
            assert open_at is None
            open_at = 1000 + starts.index(payload["meterStart"])
            assert payload["meterStart"] > last
            last = payload["meterStart"]
        else:
            assert payload["transactionId"] == open_at
        if action == "StopTransaction":
            assert payload["meterStop"] >= last
            open_at, last = None, payload["meterStop"]
    assert open_at is None


def meter_of(payload: dict[str, Any]) -> int:
    if "meterValue" in payload:
        return int(payload["meterValue"][0]["sampledValue"][0]["value"])
    return int(payload.get("meterStart", payload.get("meterStop")))


class PowerLost(Exception):
    """It is dark."""


def drained(file: Path) -> bool:
    database = Database(file)
    waiting = Ledger(database).waiting
    database.close()
    return waiting == 0


def test_an_error_that_is_no_trouble_of_the_file(tmp_path: Path) -> None:
    database = Database(tmp_path / "c.db")
    with pytest.raises(StoreError) as caught:
        database.execute("INSERT INTO availability VALUES (1, NULL)")
    assert caught.value.trouble == "other"
    assert type(caught.value).__name__ == "NotTaken"
    database.close()


def test_a_register_that_cannot_be_kept_is_told_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    station = Path("machines/charge_point.yaml").absolute()
    monkeypatch.chdir(tmp_path)
    Path("meter.outlet1").write_bytes(b"")
    for where, why in (("meter", "meter.outlet1 is no register of a meter"), ("away/meter", "No such file")):
        sets = ["--set", "store=file", "--set", f"outlet.adapters.meter.register={where}", "--set", "outlets=1"]
        assert main(["run", str(station), *sets, "--for", "1 s"]) == 2
        assert why in capsys.readouterr().err


def test_a_fast_run_with_a_file_is_the_same_twice(tmp_path: Path) -> None:
    """The virtual clock does not run on while something is written; ids and times are those of the run. Keys of modems
    and sessions are by chance, and a trace hides them."""
    command = [sys.executable, "-m", "engine.cli", "run", str(Path("machines/charge_point.yaml").absolute())]
    command += ["--fast", "--quiet", "--set", "store=file", "--set", "outlets=1", "--for", "30 s", "--trace", "t.jsonl"]
    found = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with closing(sqlite3.connect(folder / "charge_point.db")) as file:
            kept = list(file.iterdump())
        found.append((kept, re.sub(r'\$hex":"[0-9a-f]+"', "", (folder / "t.jsonl").read_text()).splitlines()))
    assert any("StartTransaction" in line for line in found[0][0])
    assert found[0] == found[1]
