"""A central system of the package ``ocpp``, which checks every payload, either way, by the schemas it ships."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from datetime import UTC, datetime
from typing import Any

from ocpp.charge_point import camel_to_snake_case, remove_nones, snake_to_camel_case
from ocpp.exceptions import OCPPError
from ocpp.v16 import ChargePoint, call, call_result
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

CARD = {"status": "Accepted"}
FROM_CHARGE_POINT = (
    "Authorize", "BootNotification", "DataTransfer", "DiagnosticsStatusNotification", "FirmwareStatusNotification",
    "Heartbeat", "LogStatusNotification", "MeterValues", "SecurityEventNotification", "SignCertificate",
    "SignedFirmwareStatusNotification", "StartTransaction", "StatusNotification", "StopTransaction",
)  # fmt: skip


def say(**what: Any) -> None:
    print(json.dumps(what, default=float), flush=True)  # numbers come as Decimal


class Central(ChargePoint):  # the package calls either end so
    transactions = 0

    def __init__(self, identity: str, line: ServerConnection) -> None:
        super().__init__(identity, line, response_timeout=60)
        for action in FROM_CHARGE_POINT:
            self.route_map[action] = {"_on_action": self._answers(action), "_skip_schema_validation": False}

    def _answers(self, action: str) -> Any:
        def answer(**payload: Any) -> Any:
            say(heard=action, payload=snake_to_camel_case(remove_nones(payload)))
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            values: dict[str, Any] = {}
            if action == "BootNotification":
                values = {"current_time": now, "interval": 300, "status": "Accepted"}
            elif action == "Heartbeat":
                values = {"current_time": now}
            elif action in ("Authorize", "StartTransaction"):
                values = {"id_tag_info": CARD}
            elif action in ("DataTransfer", "SignCertificate"):
                values = dict(CARD)
            if action == "StartTransaction":
                Central.transactions += 1
                values["transaction_id"] = Central.transactions
            return getattr(call_result, action)(**values)

        return answer

    async def _handle_call(self, msg: Any) -> Any:
        try:
            return await super()._handle_call(msg)
        except OCPPError as error:
            say(wrong=f"{msg.action}: {error.description}", details=str(error.details))
            raise


async def main() -> None:
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str]()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, "")

    points: list[Central] = []

    async def talk(line: ServerConnection) -> None:
        assert line.request is not None
        points.append(Central("point", line))
        say(connected=line.request.path.rpartition("/")[2])
        await points[-1].start()

    async def ask(asked: dict[str, Any]) -> None:
        action, payload = asked["action"], camel_to_snake_case(asked["payload"])
        try:
            answer = await points[-1].call(getattr(call, action)(**payload), suppress=False)
            say(answer=asked["ask"], payload=snake_to_camel_case(remove_nones(vars(answer))))
        except OCPPError as error:
            say(answer=asked["ask"], error=type(error).__name__, text=str(error))

    async with serve(talk, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")], compression=None) as server:
        threading.Thread(target=read, daemon=True).start()
        say(port=next(iter(server.sockets)).getsockname()[1])
        tasks = []
        while line := await lines.get():
            tasks.append(asyncio.create_task(ask(json.loads(line))))


if __name__ == "__main__":
    asyncio.run(main())
