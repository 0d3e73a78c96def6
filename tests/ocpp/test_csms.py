"""The bench's own central system against our line: what it shows, and what its commands send."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys

from adapters.ocpp.csms import Csms
from adapters.ocpp.flat import time_ns
from tests.ocpp.test_websocket import NOON, adapter, run, until

NONE = {
    "list": "no charge point yet",
    "start CP_1 1": "CP_1 is not connected; there are: none",
    "sing": "sing: no such command",
    "help": "list ",
}


def test_what_a_charge_point_tells_is_shown_and_what_is_typed_is_sent() -> None:
    async def talk() -> None:
        said: list[str] = []
        csms = Csms(said.append)
        for typed, answer in NONE.items():
            assert (await csms.command(typed)).startswith(answer)
        async with await csms.listen("127.0.0.1", 0) as server:
            port_number = next(iter(server.sockets)).getsockname()[1]
            line, port = adapter()
            identity = "CP_1/a"
            line.connect(url=f"ws://127.0.0.1:{port_number}/ocpp", identity=identity)
            await until(lambda: port.named("connected"))
            line.BootNotificationReq(call_id="boot", chargePointVendor="V", chargePointModel="M")
            line.StatusNotificationReq(call_id="status", connectorId=1, errorCode="NoError", status="Preparing")
            line.StartTransactionReq(
                call_id="start", connectorId=1, idTag="A", meterStart=7, timestamp=time_ns(NOON), reservationId=None
            )
            assert (await until(lambda: port.results.get("start")))["transactionId"] == 1
            assert "  1: Preparing\n  transaction 1: connector 1, A" in await csms.command("list")

            for typed, event, answer in (
                (f"start {identity} 1 B", "RemoteStartTransaction", "Accepted"),
                (f"stop {identity} 1", "RemoteStopTransaction", "Rejected"),
                (f"limit {identity} 1 16", "SetChargingProfile", "Accepted"),
                (f"limit {identity} 1 none", "ClearChargingProfile", "Unknown"),
                (f"reset {identity} hard", "Reset", "Accepted"),
                (f"unlock {identity} 1", "UnlockConnector", "NotSupported"),
                (f"available {identity} 1 no", "ChangeAvailability", "Scheduled"),
                (f"set {identity} CpoName us", "ChangeConfiguration", "RebootRequired"),
            ):
                asking = asyncio.create_task(csms.command(typed))
                asked = (await until(lambda event=event: port.named(f"{event}Req")))[-1]
                getattr(line, f"{event}Conf")(call=asked["call"], status=answer)
                assert await asking == f"{identity}: {answer}"
            assert port.named("RemoteStartTransactionReq")[0]["idTag"] == "B"
            assert port.named("SetChargingProfileReq")[0]["limit"] == [16.0]

            asking = asyncio.create_task(csms.command(f"reset {identity}"))
            asked = (await until(lambda: port.named("ResetReq")[1:]))[0]
            line.refuse(call=asked["call"], code="NotSupported", description="no")
            assert "no" in await asking
            assert "could not convert" in await csms.command(f"limit {identity} 1 much")
            line.StopTransactionReq(
                call_id="stop", idTag=None, meterStop=9, timestamp=time_ns(NOON), transactionId=1, reason="Remote"
            )
            await until(lambda: "stop" in port.results)
            line.close()
            await until(lambda: f"{identity}: gone" in said)
            assert f"{identity}: connector 1 transaction 1 begins, A, 7 Wh" in said
            assert f"{identity}: transaction 1 ends, 9 Wh, Remote" in said
            assert (await csms.command("list")).startswith(f"{identity} (gone)")

    run(talk)


def test_it_is_started_beside_a_charge_point() -> None:
    """``--csms``: both in one command; what it hears is told in the run."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        where = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "engine.cli", "run", "charge_point", "--plain", "--csms", where]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run_:
        assert run_.stdout is not None
        try:
            assert any("csms  log: CP_1: boot of chargechart" in text for text in run_.stdout)
        finally:
            run_.terminate()
            run_.communicate(timeout=120)


def test_the_command_says_that_it_is_not_for_production_and_ends_with_its_input() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "adapters.ocpp.csms", "--listen", "127.0.0.1:0"],
        input="list\nquit\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    first, *rest = done.stdout.splitlines()
    assert "not for production: ws://127.0.0.1:" in first
    assert rest == ["no charge point yet"]
