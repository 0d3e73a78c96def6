"""Nothing that was told to be written is lost, doubled or out of order: an operator bills by it."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.ocpp.database import MIGRATIONS, Database, InUse, StoreError
from adapters.ocpp.ledger import NEVER_KNOWN, Ledger, Open
from adapters.ocpp.ocpp_ledger import FileLedger, MemoryLedger
from engine.adapter import AdapterError, ConfigurationError, World
from tests.slac.real_port import RealPort
from tests.slac.virtual_host import Clock, VirtualPort

START = {"connectorId": 1, "idTag": "A", "meterStart": 100, "timestamp": "2026-11-29T12:00:00.000Z"}
STOP = {"meterStop": 900, "timestamp": "2026-11-29T13:00:00.000Z"}
VALUES = {"connectorId": 1, "meterValue": []}


def session(ledger: Ledger) -> int:
    number = ledger.start(1, START)
    ledger.meter_values(number, VALUES)
    ledger.stop(number, STOP)
    return number


def test_the_newest_reading_is_known_after_a_restart() -> None:
    """Whether the values say the register or not; a clock that was set back does not take it back."""
    ledger = Ledger(Database(None))
    session(ledger)
    ledger.stop(ledger.start(2, {**START, "connectorId": 2, "meterStart": 7}), {**STOP, "meterStop": 9})
    number = ledger.start(1, {**START, "meterStart": 900})
    for register, minute in ((950, 30), (940, 20)):
        sample = {"timestamp": f"2026-11-29T12:{minute}:00.000Z", "sampledValue": [{"value": "40", "measurand": "SoC"}]}
        ledger.meter_values(number, {"connectorId": 1, "meterValue": [sample]}, register)
    (cut,) = ledger.open()
    assert (cut.number, cut.meter, cut.metered) == (number, 950, "2026-11-29T12:30:00.000Z")
    assert ledger.registers() == {1: 950, 2: 9}


def taken(ledger: Ledger, transaction_id: int | None = None) -> tuple[str, Any]:
    """The next message is delivered."""
    message = ledger.next()
    assert message is not None
    ledger.answered(message.number, transaction_id if message.action == "StartTransaction" else None)
    return message.action, message.payload.get("transactionId")


def test_no_values_come_behind_the_end_of_their_transaction() -> None:
    """Errata 3.16: a reading that was asked for just before the stop, and took its time."""
    ledger = Ledger(Database(None))
    number = session(ledger)
    assert not ledger.meter_values(number, VALUES)
    assert ledger.meter_values(ledger.start(1, START), VALUES)
    assert [taken(ledger, 42)[0] for _ in range(ledger.waiting)] == [
        *("StartTransaction", "MeterValues", "StopTransaction", "StartTransaction", "MeterValues")
    ]


@pytest.mark.ocpp_cases("D3")
def test_an_offline_session_goes_out_in_its_order_under_the_id_that_comes_late() -> None:
    """D3 of the field: the id goes into the messages when they are sent, not when they are stored."""
    ledger = Ledger(Database(None))
    session(ledger)
    session(ledger)
    assert ledger.waiting == 6
    assert [taken(ledger, 70) for _ in range(3)] == [
        ("StartTransaction", None), ("MeterValues", 70), ("StopTransaction", 70)
    ]  # fmt: skip
    assert [taken(ledger, 71) for _ in range(3)][2] == ("StopTransaction", 71)
    assert (ledger.next(), ledger.waiting) == (None, 0)


def test_of_many_in_memory_those_that_rest_keep_what_they_have() -> None:
    others = InUse()
    databases = [Database(None, others) for _ in range(3 * InUse.MOST)]
    for number, database in enumerate(databases):
        database.begin()
        Ledger(database).start(number, START)
        if number % 2:
            database.commit()
        else:
            database.roll_back()
    for number, database in enumerate(databases):
        assert [one.connector for one in Ledger(database).open()] == [number] * (number % 2)
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        Ledger(databases[0]).meter_values(99, VALUES)


def test_a_repeat_has_the_same_id_and_payload() -> None:
    ledger = Ledger(Database(None))
    session(ledger)
    first = ledger.next()
    assert first is not None
    ledger.attempted(first.number)
    again = ledger.next()
    assert again is not None
    assert (again.id, again.payload, again.attempts) == (first.id, first.payload, 1)


@pytest.mark.ocpp_cases("D3")
def test_a_start_that_is_given_up_makes_the_rest_minus_one() -> None:
    """Errata 3.18; what was given up stays readable."""
    ledger = Ledger(Database(None))
    number = session(ledger)
    message = ledger.next()
    assert message is not None
    assert ledger.drop(message.number, "InternalError") == number
    assert [taken(ledger) for _ in range(2)] == [("MeterValues", NEVER_KNOWN), ("StopTransaction", NEVER_KNOWN)]
    assert ledger.dropped() == [("StartTransaction", START, "InternalError")]


def test_a_transaction_ends_once() -> None:
    ledger = Ledger(Database(None))
    ledger.stop(session(ledger), STOP)
    assert ledger.waiting == 3


def test_a_restart_finds_what_is_open(tmp_path: Path) -> None:
    database = Database(tmp_path / "l.db")
    ledger = Ledger(database)
    session(ledger)
    second = ledger.start(2, START)
    for _ in range(4):
        taken(ledger, 70 + ledger.waiting)
    third = ledger.start(1, START)
    database.close()
    again = Ledger(Database(tmp_path / "l.db"))
    began = ("A", 100, START["timestamp"], 100, START["timestamp"])
    assert again.open() == [Open(second, 2, 71, *began), Open(third, 1, None, *began)]
    assert again.waiting == 1


def test_what_is_not_committed_is_not_there(tmp_path: Path) -> None:
    database, other = Database(tmp_path / "l.db"), Database(tmp_path / "l.db")
    database.begin()
    session(Ledger(database))
    assert Ledger(other).waiting == 0
    database.commit()
    assert Ledger(other).waiting == 3
    other.close()
    database.close()


def test_numbers_are_never_used_again(tmp_path: Path) -> None:
    """A transaction that is forgotten and one that begins after it are not the same."""
    database = Database(tmp_path / "l.db")
    ledger = Ledger(database)
    first = session(ledger)
    while ledger.waiting:
        taken(ledger, 1)
    database.close()
    assert Ledger(Database(tmp_path / "l.db")).start(1, START) > first


def test_files_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    file = tmp_path / "l.db"
    file.write_bytes(b"this is no database, but a text of some length" * 100)
    with pytest.raises(StoreError, match=r"l\.db: file is not a database"):
        Database(file)
    with pytest.raises(StoreError, match="unable to open"):
        Database(tmp_path / "no folder" / "l.db")
    later = tmp_path / "later.db"
    sqlite3.connect(later).execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match="written by a later version"):
        Database(later)


# ---------------------------------------------------------------- the process dies

WRITER = """
import sys
from pathlib import Path
from adapters.ocpp.database import Database
from adapters.ocpp.ledger import Ledger
database = Database(Path(sys.argv[1]))
ledger = Ledger(database)
for number in range(1_000_000):
    database.begin()
    transaction = ledger.start(1, {"meterStart": number, "idTag": "A", "timestamp": ""})
    ledger.stop(transaction, {"meterStop": number, "timestamp": ""})
    database.commit()
    print(transaction, flush=True)
"""


@pytest.mark.parametrize("seed", range(3))
def test_what_was_told_is_there_after_a_kill(tmp_path: Path, seed: int) -> None:
    """`kill -9` at a random moment: every transaction that was told is in the file, whole, once, in order."""
    file = tmp_path / "l.db"
    told = 0
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", WRITER, file], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(random.Random(seed + told).randint(1, 60)):
                told = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            told = max([told, *(int(line) for line in writer.stdout if line.endswith("\n"))])
        database = Database(file)
        assert Ledger(database).open() == []
        database.close()
    ledger, seen = Ledger(Database(file)), []
    while (message := ledger.next()) is not None:
        number = ledger.answered(message.number, 1000 if message.action == "StartTransaction" else None)
        seen.append((number, message.action))
    numbers = sorted({number for number, _ in seen if number is not None})
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= told > 0
    assert seen == [(n, action) for n in numbers for action in ("StartTransaction", "StopTransaction")]


# ---------------------------------------------------------------- behind the charts


def stop_of(transaction: int) -> dict[str, Any]:
    return {"transaction": transaction, "meterStop": 900, "timestamp": 0, "reason": "Local"}


def test_orders_and_events_of_the_contract() -> None:
    ledger = MemoryLedger({}, World())
    port = VirtualPort(ledger, Clock(), "ledger")
    ledger.StartTransaction(call_id="a", connectorId=1, idTag="A", meterStart=100, timestamp=0)
    ledger.StopTransaction(call_id="b", **stop_of(1))
    assert (port.results["a"], ledger.waiting, len(port.named("appended"))) == ({"transaction": 1}, 2, 2)
    ledger.next(call_id="c")
    first = port.results["c"]
    assert first["payload"]["timestamp"] == "1970-01-01T00:00:00.000Z"
    ledger.answer(
        number=first["number"], payload={"transactionId": 9, "idTagInfo": {"status": "Blocked", "expiryDate": "x"}}
    )
    assert port.named("answered") == [
        {"action": "StartTransaction", "transaction": 1, "transactionId": 9, "idTag": "A", "status": "Blocked"}
        | {"parentIdTag": None, "expiryDate": None}
    ]
    ledger.next(call_id="d")
    ledger.attempted(number=port.results["d"]["number"])
    ledger.drop(number=port.results["d"]["number"], reason="GenericError")
    assert port.named("dropped") == [{"action": "StopTransaction", "transaction": 1, "reason": "GenericError"}]
    ledger.next(call_id="e")
    assert port.results["e"] == "none"


def test_statuses_go_out_in_their_order_behind_what_is_older() -> None:
    """Nobody waits for them to be written; each is sent once, also after a restart."""
    ledger = MemoryLedger({}, World())
    port = VirtualPort(ledger, Clock(), "ledger")
    ledger.StartTransaction(call_id="a", connectorId=1, idTag="A", meterStart=100, timestamp=0)
    ledger.DiagnosticsStatusNotification(status="Uploading")
    ledger.LogStatusNotification(status="Uploaded", requestId=7)
    ledger.FirmwareStatusNotification(status="Installed")
    ledger.SignedFirmwareStatusNotification(status="InvalidSignature", requestId=None)
    ledger.SecurityEventNotification(type="StartupOfTheDevice", timestamp=0, techInfo="ü" * 300)
    ledger.SecurityEventNotification(type="ResetOrReboot", timestamp=0)
    ledger.DataTransfer(vendorId="V", messageId="M", names=["soc", "model"], values=[80, 'a "b" ü'])
    assert (ledger.waiting, len(port.named("appended"))) == (8, 8)
    sent = []
    for number in range(1, 9):
        ledger.next(call_id=str(number))
        sent.append((port.results[str(number)]["action"], port.results[str(number)]["payload"]))
        ledger.answer(
            number=number, payload={"transactionId": 1, "idTagInfo": {"status": "Accepted"}} if number == 1 else {}
        )
    assert sent[1:] == [
        ("DiagnosticsStatusNotification", {"status": "Uploading"}),
        ("LogStatusNotification", {"status": "Uploaded", "requestId": 7}),
        ("FirmwareStatusNotification", {"status": "Installed"}),
        ("SignedFirmwareStatusNotification", {"status": "InvalidSignature"}),
        (
            "SecurityEventNotification",
            {"type": "StartupOfTheDevice", "timestamp": "1970-01-01T00:00:00.000Z", "techInfo": "ü" * 255},
        ),
        ("SecurityEventNotification", {"type": "ResetOrReboot", "timestamp": "1970-01-01T00:00:00.000Z"}),
        ("DataTransfer", {"vendorId": "V", "messageId": "M", "data": '{"soc": 80, "model": "a \\"b\\" ü"}'}),
    ]
    with pytest.raises(AdapterError, match="2 names and 1 values"):
        ledger.DataTransfer(vendorId="V", names=["a", "b"], values=[1])


def test_what_waits_is_counted_right_whatever_happens_to_it() -> None:
    """Without counting the queue each time: answers that come twice or late, a second end, what is given up."""
    ledger = MemoryLedger({}, World())
    VirtualPort(ledger, Clock(), "ledger")
    chance = random.Random(7)
    for number in range(300):
        match chance.randrange(6):
            case 0:
                ledger.StartTransaction(call_id=f"{number}", connectorId=1, idTag="A", meterStart=1, timestamp=0)
            case 1:
                ledger.StopTransaction(call_id=f"{number}", **stop_of(chance.randrange(1, 5)))
            case 2 | 3:
                ledger.DiagnosticsStatusNotification(status="Idle")
            case 4:
                ledger.answer(number=chance.randrange(1, 100), payload={})
            case 5:
                ledger.drop(number=chance.randrange(1, 100), reason="no answer")
        assert ledger.waiting == Ledger(ledger._database).waiting


@pytest.mark.parametrize("seed", range(20))
def test_all_go_out_in_their_order_whatever_comes_between(seed: int) -> None:
    """Transactions that overlap, lines that are lost, messages that are not taken: each is given out until it is
    answered, under the id of its transaction."""
    ledger, chance = MemoryLedger({}, World()), random.Random(seed)
    port = VirtualPort(ledger, Clock(), "ledger")
    wanted: list[tuple[str, int]] = []  # action and number of the transaction
    sent: list[tuple[str, int]] = []
    running: list[int] = []

    def deliver(call: str) -> None:
        ledger.next(call_id=call)
        found = port.results[call]
        if found == "none":
            assert sent == wanted
            return
        assert found["action"] == wanted[len(sent)][0]
        match chance.randrange(4):
            case 0:
                ledger.attempted(number=found["number"])
            case 1:
                pass  # the line is lost
            case _:
                id = 100 + wanted[len(sent)][1]
                said = {"idTagInfo": {"status": "Accepted"}}
                first = found["action"] == "StartTransaction"
                ledger.answer(number=found["number"], payload={**said, "transactionId": id} if first else {})
                assert first or found["payload"]["transactionId"] == id
                sent.append(wanted[len(sent)])

    for number in range(300):
        match chance.randrange(5):
            case 0 if len(running) < 3:
                ledger.StartTransaction(call_id=f"{number}", connectorId=1, idTag="A", meterStart=1, timestamp=0)
                running.append(port.results[f"{number}"]["transaction"])
                wanted.append(("StartTransaction", running[-1]))
            case 1 if running and chance.random() < 0.3:
                wanted.append(("StopTransaction", running.pop(0)))
                ledger.StopTransaction(call_id=f"{number}", **stop_of(wanted[-1][1]))
            case 2 if running:
                wanted.append(("MeterValues", chance.choice(running)))
                values: dict[str, Any] = {"connectorId": 1, "timestamp": [0], "value": [str(number)]}
                ledger.MeterValues(call_id=f"{number}", transaction=wanted[-1][1], register=1, **values)
            case _:
                deliver(f"{number}")
    number = 300
    while ledger.waiting:
        deliver(f"{(number := number + 1)}")
    assert sent == wanted


def test_what_was_delivered_is_not_sent_again_though_it_could_not_be_taken_out() -> None:
    ledger = MemoryLedger({"full_after": 2}, World())
    port = VirtualPort(ledger, Clock(), "ledger")
    ledger.DiagnosticsStatusNotification(status="Uploading")
    ledger.DiagnosticsStatusNotification(status="Uploaded")
    ledger.next(call_id="a")
    ledger.answer(number=port.results["a"]["number"], payload={})
    ledger.DiagnosticsStatusNotification(status="Idle")  # would have taken it out
    assert len(port.named("failed")) == 1
    ledger.next(call_id="b")
    assert "full" in port.results["b"]
    ledger._left = None  # there is room again
    ledger.next(call_id="c")
    assert port.results["c"]["payload"] == {"status": "Uploaded"}
    assert ledger.waiting == Ledger(ledger._database).waiting == 1


def test_what_was_delivered_goes_with_the_next_write_and_never_waits_long(tmp_path: Path) -> None:
    """A write of its own for each would be half the work of a meter that is read often."""
    file, clock = tmp_path / "l.db", Clock()
    ledger = FileLedger({"file": str(file)}, World(virtual=True))
    port = VirtualPort(ledger, clock, "ledger")

    def in_file() -> int:
        return Ledger(Database(file)).waiting

    def deliver(call_id: str) -> None:
        ledger.DiagnosticsStatusNotification(status="Uploading")
        ledger.next(call_id=call_id)
        ledger.answer(number=port.results[call_id]["number"], payload={})

    deliver("a")
    assert (ledger.waiting, in_file()) == (0, 1)
    deliver("b")
    assert (ledger.waiting, in_file()) == (0, 1)
    clock.advance(100_000_000)
    assert in_file() == 0
    deliver("c")
    ledger.close()
    assert in_file() == 0


def test_a_full_disk_is_told() -> None:
    ledger = MemoryLedger({"full_after": 1}, World())
    port = VirtualPort(ledger, Clock(), "ledger")
    ledger.StartTransaction(call_id="a", connectorId=1, idTag="A", meterStart=100, timestamp=0)
    ledger.StopTransaction(call_id="b", **stop_of(1))
    assert (port.results["a"], port.results["b"]) == ({"transaction": 1}, "database or disk is full")
    ledger.SecurityEventNotification(type="StartupOfTheDevice", timestamp=0)
    assert port.named("failed") == [{"reason": "database or disk is full"}] * 2


def in_a_loop(test: Callable[[], Any]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


def test_a_file_is_written_before_anybody_is_told(tmp_path: Path) -> None:
    """Many at once share a write; each is told; another process sees what was told; a restart finds what is open."""

    async def work() -> None:
        file = tmp_path / "l.db"
        ledger = FileLedger({"file": str(file)}, World())
        port = RealPort(ledger, "ledger")
        for number in range(300):
            ledger.StartTransaction(call_id=f"a{number}", connectorId=1, idTag="A", meterStart=number, timestamp=0)
        while len(port.results) < 300:
            await asyncio.sleep(0.002)
        assert [port.results[f"a{n}"]["transaction"] for n in range(300)] == list(range(1, 301))
        assert sqlite3.connect(file).execute("SELECT count(*) FROM messages").fetchone() == (300,)
        ledger.StopTransaction(call_id="stop", **stop_of(1))
        ledger.close()  # what waits is written first

        again = FileLedger({"file": str(file)}, World())
        port = RealPort(again, "ledger")
        await asyncio.sleep(0.01)
        unfinished = [(one["transaction"], one["idTag"], one["meterStart"]) for one in port.named("unfinished")]
        assert unfinished == [(number, "A", number - 1) for number in range(2, 301)]
        assert again.waiting == 301
        again.close()

    in_a_loop(work)


def test_a_queue_drains_while_the_disk_is_slow(tmp_path: Path) -> None:
    """What was delivered goes out of the file meanwhile; a transaction's start and end are in it before the next."""

    async def work() -> None:
        ledger = FileLedger({"file": str(tmp_path / "l.db")}, World())
        port = RealPort(ledger, "ledger")
        for _ in range(30):
            ledger.DiagnosticsStatusNotification(status="Uploading")
        ledger.StartTransaction(call_id="start", connectorId=1, idTag="A", meterStart=0, timestamp=0)
        while len(port.named("appended")) < 31:
            await asyncio.sleep(0.002)
        with ledger._writer._lock:  # nothing can be written
            for number in range(31):
                ledger.next(call_id=f"{number}")
                ledger.answer(number=port.results[f"{number}"]["number"], payload={})
            assert (len(port.named("answered")), ledger.waiting) == (30, 1)
        while len(port.named("answered")) < 31:
            await asyncio.sleep(0.002)
        ledger.close()
        database = Database(tmp_path / "l.db")
        assert Ledger(database).waiting == 0
        database.close()

    in_a_loop(work)


def test_one_order_that_fails_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    async def work() -> None:
        ledger = FileLedger({"file": str(tmp_path / "l.db")}, World())
        port = RealPort(ledger, "ledger")
        for number in range(20):
            ledger.StartTransaction(call_id=f"a{number}", connectorId=1, idTag="A", meterStart=0, timestamp=0)
            ledger.StopTransaction(
                call_id=f"b{number}", **stop_of(999)
            )  # there is none of this number: nothing happens
            values: dict[str, Any] = {"connectorId": 1, "timestamp": [0], "value": ["1"]}
            ledger.MeterValues(call_id=f"c{number}", transaction=999, register=1, **values)
        while len(port.results) < 60:
            await asyncio.sleep(0.002)
        assert all(isinstance(port.results[f"a{n}"], dict) for n in range(20))
        assert all("FOREIGN KEY" in port.results[f"c{n}"] for n in range(20))
        assert ledger.waiting == 20
        ledger.close()

    in_a_loop(work)


def test_a_file_that_cannot_be_used_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    async def work() -> None:
        with pytest.raises(ConfigurationError, match="move the file away"):
            RealPort(FileLedger({"file": str(tmp_path / "none" / "l.db")}, World()), "ledger")

    in_a_loop(work)
