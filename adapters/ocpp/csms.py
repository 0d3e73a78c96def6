"""A small central system for the bench, on the package ``ocpp``: not for production. It accepts every charge point and
every card, keeps nothing, and knows no security.

    python -m adapters.ocpp.csms --listen 127.0.0.1:9016
    engine run machines/charge_point.yaml --set ocpp.url=ws://127.0.0.1:9016 --set ocpp.identity=CP_1

What charge points tell is printed; commands are lines: ``help`` lists them.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from ocpp.exceptions import OCPPError
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import AuthorizationStatus, DataTransferStatus, GenericStatus, RegistrationStatus
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

HELP: Final = """\
list                             charge points, connectors, transactions
start ID CONNECTOR [IDTAG]       RemoteStartTransaction
stop ID TRANSACTION              RemoteStopTransaction
limit ID CONNECTOR AMPERE|none   SetChargingProfile (TxDefaultProfile; connector 0: ChargePointMaxProfile), or Clear…
reset ID [soft|hard]             Reset
unlock ID CONNECTOR              UnlockConnector
available ID CONNECTOR yes|no    ChangeAvailability
get ID [KEY]                     GetConfiguration
set ID KEY VALUE                 ChangeConfiguration
quit"""

Say = Callable[[str], None]


@dataclass(slots=True)
class Known:
    """What a charge point has told: by connector its status; by transaction (connector, idTag)."""

    line: _Line | None = None
    connectors: dict[int, str] = field(default_factory=dict)
    transactions: dict[int, tuple[int, str]] = field(default_factory=dict)


class Csms:
    """The central system. ``say`` takes each line that a person is to see."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.known: dict[str, Known] = {}
        self._last_transaction = 0
        self._commands: dict[str, Callable[..., Awaitable[str]]] = {
            "start": self._start,
            "stop": self._stop,
            "limit": self._limit,
            "reset": self._reset,
            "unlock": self._unlock,
            "available": self._available,
            "get": self._get,
            "set": self._set,
        }

    async def listen(self, host: str, port: int) -> Server:
        """Serve at ws://HOST:PORT/…/IDENTITY. Raises ``OSError`` where it cannot."""
        return await serve(
            self._serve, host, port, subprotocols=[Subprotocol("ocpp1.6")], compression=None, close_timeout=2
        )

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        identity = unquote(urlsplit(connection.request.path).path.rpartition("/")[2])
        known = self.known.setdefault(identity, Known())
        line = known.line = _Line(identity, connection, self, known)
        self.say(f"{identity}: connected")
        try:
            await line.start()
        except ConnectionClosed:
            pass
        finally:
            if known.line is line:
                known.line = None
                self.say(f"{identity}: gone")

    def new_transaction(self) -> int:
        """An id that was not given before in this run."""
        self._last_transaction += 1
        return self._last_transaction

    async def command(self, text: str) -> str:
        """One line of a person; what is to be answered. Never raises."""
        name, *words = text.split() or [""]
        if name in ("", "help"):
            return HELP
        if name == "list":
            return self._list()
        do = self._commands.get(name)
        if do is None or not words:
            return f"{text}: no such command, or too short\n{HELP}"
        known = self.known.get(words[0])
        if known is None or known.line is None:
            return f"{words[0]} is not connected; there are: {', '.join(self._there()) or 'none'}"
        try:
            return f"{words[0]}: {await do(known.line, *words[1:])}"
        except (TypeError, ValueError) as error:  # too few or too many words, no number
            return f"{text}: {error}\n{HELP}"
        except TimeoutError:
            return f"{words[0]}: no answer"
        except (OCPPError, ConnectionClosed) as error:
            return f"{words[0]}: {error}"

    def _there(self) -> list[str]:
        return [identity for identity, known in self.known.items() if known.line is not None]

    def _list(self) -> str:
        lines = []
        for identity, known in self.known.items():
            lines.append(f"{identity}{'' if known.line else ' (gone)'}")
            lines += [f"  {number}: {status}" for number, status in sorted(known.connectors.items())]
            lines += [f"  transaction {n}: connector {c}, {tag}" for n, (c, tag) in sorted(known.transactions.items())]
        return "\n".join(lines) or "no charge point yet"

    # ------------------------------------------------------------ commands

    async def _start(self, line: _Line, connector: str, tag: str = "BENCH") -> str:
        return await line.ask(call.RemoteStartTransaction(id_tag=tag, connector_id=int(connector)))

    async def _stop(self, line: _Line, transaction: str) -> str:
        return await line.ask(call.RemoteStopTransaction(transaction_id=int(transaction)))

    async def _limit(self, line: _Line, connector: str, ampere: str) -> str:
        number = int(connector)
        if ampere == "none":
            return await line.ask(call.ClearChargingProfile(id=100 + number))
        schedule = {
            "charging_rate_unit": "A",
            "charging_schedule_period": [{"start_period": 0, "limit": round(float(ampere), 1)}],
        }
        profile = {
            "charging_profile_id": 100 + number,
            "stack_level": 0,
            "charging_profile_purpose": "TxDefaultProfile" if number else "ChargePointMaxProfile",
            "charging_profile_kind": "Absolute",
            "charging_schedule": {"start_schedule": _now(), **schedule},
        }
        return await line.ask(call.SetChargingProfile(connector_id=number, cs_charging_profiles=profile))

    async def _reset(self, line: _Line, how: str = "soft") -> str:
        return await line.ask(call.Reset(type=how.capitalize()))

    async def _unlock(self, line: _Line, connector: str) -> str:
        return await line.ask(call.UnlockConnector(connector_id=int(connector)))

    async def _available(self, line: _Line, connector: str, wanted: str) -> str:
        kind: Any = "Operative" if wanted == "yes" else "Inoperative"
        return await line.ask(call.ChangeAvailability(connector_id=int(connector), type=kind))

    async def _get(self, line: _Line, *keys: str) -> str:
        return await line.ask(call.GetConfiguration(key=list(keys) or None))

    async def _set(self, line: _Line, key: str, *words: str) -> str:
        return await line.ask(call.ChangeConfiguration(key=key, value=" ".join(words)))


class _Line(ChargePoint):  # type: ignore[misc]
    """The central system's end of one connection."""

    def __init__(self, identity: str, connection: ServerConnection, csms: Csms, known: Known) -> None:
        super().__init__(identity, connection, response_timeout=30)
        self._csms, self._known = csms, known

    async def ask(self, request: Any) -> str:
        """Ask; the answer as people read it. Raises what a CALLERROR and a lost line raise."""
        answer = await self.call(request, suppress=False)
        said = [f"{name} {value}" for name, value in vars(answer).items() if value is not None]
        return said[0].removeprefix("status ") if len(said) == 1 else ", ".join(said) or "done"

    def _say(self, text: str) -> None:
        self._csms.say(f"{self.id}: {text}")

    @on("BootNotification")  # type: ignore[untyped-decorator]
    def on_boot(self, charge_point_vendor: str, charge_point_model: str, **_: Any) -> Any:
        self._say(f"boot of {charge_point_vendor} {charge_point_model}")
        return call_result.BootNotification(current_time=_now(), interval=60, status=RegistrationStatus.accepted)

    @on("Heartbeat")  # type: ignore[untyped-decorator]
    def on_heartbeat(self) -> Any:
        return call_result.Heartbeat(current_time=_now())

    @on("StatusNotification")  # type: ignore[untyped-decorator]
    def on_status(self, connector_id: int, error_code: str, status: str, **_: Any) -> Any:
        told = status if error_code == "NoError" else f"{status}, {error_code}"
        self._known.connectors[connector_id] = told
        self._say(f"connector {connector_id} {told}")
        return call_result.StatusNotification()

    @on("Authorize")  # type: ignore[untyped-decorator]
    def on_authorize(self, id_tag: str) -> Any:
        self._say(f"card {id_tag}")
        return call_result.Authorize(id_tag_info=_ACCEPTED)

    @on("StartTransaction")  # type: ignore[untyped-decorator]
    def on_start(self, connector_id: int, id_tag: str, meter_start: int, **_: Any) -> Any:
        number = self._csms.new_transaction()
        self._known.transactions[number] = (connector_id, id_tag)
        self._say(f"connector {connector_id} transaction {number} begins, {id_tag}, {meter_start} Wh")
        return call_result.StartTransaction(transaction_id=number, id_tag_info=_ACCEPTED)

    @on("StopTransaction")  # type: ignore[untyped-decorator]
    def on_stop(self, transaction_id: int, meter_stop: int, reason: str = "Local", **_: Any) -> Any:
        self._known.transactions.pop(transaction_id, None)
        self._say(f"transaction {transaction_id} ends, {meter_stop} Wh, {reason}")
        return call_result.StopTransaction(id_tag_info=_ACCEPTED)

    @on("MeterValues")  # type: ignore[untyped-decorator]
    def on_values(self, connector_id: int, meter_value: list[dict[str, Any]], **_: Any) -> Any:
        for one in meter_value:
            values = (f"{v.get('measurand', 'Energy')} {v['value']} {v.get('unit', '')}" for v in one["sampled_value"])
            self._say(f"connector {connector_id} {', '.join(values)}".rstrip())
        return call_result.MeterValues()

    @on("DataTransfer")  # type: ignore[untyped-decorator]
    def on_data(self, vendor_id: str, **said: Any) -> Any:
        self._say(f"data of {vendor_id}: {said}")
        return call_result.DataTransfer(status=DataTransferStatus.accepted)

    @on("DiagnosticsStatusNotification")  # type: ignore[untyped-decorator]
    def on_diagnostics(self, status: str) -> Any:
        self._say(f"diagnostics {status}")
        return call_result.DiagnosticsStatusNotification()

    @on("FirmwareStatusNotification")  # type: ignore[untyped-decorator]
    def on_firmware(self, status: str) -> Any:
        self._say(f"firmware {status}")
        return call_result.FirmwareStatusNotification()

    @on("SecurityEventNotification")  # type: ignore[untyped-decorator]
    def on_security(self, type: str, **_: Any) -> Any:
        self._say(f"security event {type}")
        return call_result.SecurityEventNotification()

    @on("LogStatusNotification")  # type: ignore[untyped-decorator]
    def on_log(self, status: str, **_: Any) -> Any:
        self._say(f"log {status}")
        return call_result.LogStatusNotification()

    @on("SignedFirmwareStatusNotification")  # type: ignore[untyped-decorator]
    def on_signed_firmware(self, status: str, **_: Any) -> Any:
        self._say(f"signed firmware {status}")
        return call_result.SignedFirmwareStatusNotification()

    @on("SignCertificate")  # type: ignore[untyped-decorator]
    def on_sign(self, **_: Any) -> Any:
        self._say("asks for a certificate; there is nobody here who signs one")
        return call_result.SignCertificate(status=GenericStatus.rejected)


_ACCEPTED: Final = IdTagInfo(status=AuthorizationStatus.accepted)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def _run(host: str, port: int) -> None:
    csms = Csms(lambda text: print(text, flush=True))
    server = await csms.listen(host, port)
    bound = next(iter(server.sockets)).getsockname()[1]
    print(f"central system for the bench, not for production: ws://{host}:{bound}; help lists the commands", flush=True)
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for text in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, text.strip())
        loop.call_soon_threadsafe(lines.put_nowait, "quit")

    threading.Thread(target=read, daemon=True).start()
    async with server:
        while (text := await lines.get()) != "quit":
            print(await csms.command(text), flush=True)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m adapters.ocpp.csms", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--listen", default="127.0.0.1:9016", metavar="HOST:PORT", help="default: %(default)s")
    host, _, port = parser.parse_args().listen.rpartition(":")
    if not host or not port.isdecimal():
        parser.error("--listen: write HOST:PORT")
    try:
        asyncio.run(_run(host, int(port)))
    except OSError as error:
        print(f"it cannot listen at {host}:{port}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
