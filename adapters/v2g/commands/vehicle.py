"""A minimal vehicle on a plain TCP socket, for smoke tests: the normal session in DC or AC, one request at a time,
blocking.

It has no behaviour of its own beyond sending the next request of the list; vehicles are charts (machines/pev_dc.yaml,
machines/pev_ac.yaml).
"""

from __future__ import annotations

import socket
import struct
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from adapters import v2gtp
from adapters.v2g import codec
from adapters.v2g.codec import ExiError
from adapters.v2g.dialects import SAP, Content, PayloadTypeError, dialect
from adapters.v2g.dialects.physical import number

STEPS = (
    "supportedAppProtocol",
    "SessionSetup",
    "ServiceDiscovery",
    "PaymentServiceSelection",
    "Authorization",
    "ChargeParameterDiscovery",
    "CableCheck",
    "PreCharge",
    "PowerDelivery",
    "CurrentDemand",
    "PowerDeliveryStop",
    "WeldingDetection",
    "SessionStop",
)
"""The requests of a DC session in their order; PowerDeliveryStop is PowerDelivery with ChargeProgress Stop."""
AC_STEPS = (*STEPS[:6], "PowerDelivery", "ChargingStatus", "PowerDeliveryStop", "SessionStop")
"""Those of an AC session of ISO 15118-2. A receipt the station asks for is given in ChargingStatus."""
ENERGIES = {"dc": STEPS, "ac": AC_STEPS}
LOOPS = ("CurrentDemand", "ChargingStatus")
TARGET_V = 360.0
TARGET_A = 20.0
LOOP_S = 0.1
"""From an answer to the next request of a loop."""
LIMITS_S = {"Authorization": 60.0, "CableCheck": 40.0, "PreCharge": 7.0, "ChargeParameterDiscovery": 60.0}
"""How long a loop may last (ISO 15118-2 [V2G2-700] to [V2G2-711])."""


class StationError(Exception):
    """The station did not do what a session needs; the message names the step and what came instead."""


def address_of(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT`` or ``[ADDRESS%IF]:PORT``. Raises ``ValueError``."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r}: write HOST:PORT or [ADDRESS%INTERFACE]:PORT")
    return host.strip("[]"), int(port)


class MinimalVehicle:
    """One connection. ``protocol``: din or iso2; ``energy``: dc or ac; ``phases``: 1 or 3, of ac. Raises ``OSError`` if
    it cannot connect."""

    def __init__(
        self, to: tuple[str, int], protocol: str, *, energy: str = "dc", phases: int = 3, wait_s: float = 5.0
    ) -> None:
        self.protocol = protocol
        self.steps = ENERGIES[energy]
        self._energy = energy
        self._mode = "AC_three_phase_core" if phases == 3 else "AC_single_phase_core"
        self._receipt: dict[str, Any] | None = None
        self.schema = "sap"
        self.session_id = b"\x00"
        self.wait_s = wait_s
        self._decoder = v2gtp.V2gtpDecoder()
        self._heard: deque[v2gtp.V2gtpMessage] = deque()
        self._socket = socket.create_connection(to, timeout=wait_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self, *, reset: bool = False) -> None:
        """FIN, or RST."""
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def frame(self, step: str, *, session_id: bytes | None = None) -> bytes:
        """The V2GTP message of a step's request."""
        if step == "supportedAppProtocol":
            spoken = SAP
            versions = {"VersionNumberMajor": [2], "VersionNumberMinor": [0], "SchemaID": [1], "Priority": [1]}
            content = {"ProtocolNamespace": [dialect(self.protocol).namespaces[0]], **versions}
        else:
            spoken, content = dialect(self.protocol), self._content(step)
        name = f"{_message(step)}Req"
        message = spoken.request(name, content, self.session_id if session_id is None else session_id)
        return v2gtp.encode(spoken.carried(name)[0], codec.encode(message))

    def send(self, data: bytes) -> None:
        """Bytes of the stream, in one call."""
        self._socket.sendall(data)

    def hear(self, seconds: float | None = None) -> Content | None:
        """The next answer; None when the station closed the connection.

        Raises ``TimeoutError`` after the time, ``StationError`` for bytes that are no message.
        """
        end = time.monotonic() + (self.wait_s if seconds is None else seconds)
        while not self._heard:
            self._socket.settimeout(max(0.001, end - time.monotonic()))
            try:
                data = self._socket.recv(65536)
            except ConnectionError:
                return None
            if not data:
                return None
            for event in self._decoder.receive(data):
                if not isinstance(event, v2gtp.V2gtpMessage):
                    raise StationError(f"the station sent no V2GTP message: {event}")
                self._heard.append(event)
        frame = self._heard.popleft()
        try:
            return dialect(self.schema).read(frame.payload_type, frame.payload)
        except (PayloadTypeError, ExiError) as error:
            raise StationError(f"the station's answer does not decode as {self.schema}: {error}") from error

    def learn(self, step: str, answer: Content) -> None:
        """Keep the values of an answer that the next requests need."""
        if step == "supportedAppProtocol":
            self.schema = self.protocol
        elif step == "SessionSetup":
            self.session_id = answer.session_id or self.session_id
        elif step == "ChargingStatus":
            meter = answer.body.MeterInfo
            wanted = answer.body.ReceiptRequired and meter is not None
            known = {"MeterID": meter.MeterID, "MeterReading": meter.MeterReading} if wanted else {}
            self._receipt = {"SessionID": self.session_id, "SAScheduleTupleID": 1, **known} if wanted else None

    def ask(self, step: str) -> Any:
        """Send a step's request and return the body of its good answer. Raises ``StationError``."""
        self.send(self.frame(step))
        return self.answer(step)

    def answer(self, step: str) -> Any:
        """The good answer to a step's request that was sent. Raises ``StationError``."""
        try:
            heard = self.hear()
        except TimeoutError:
            raise StationError(f"{step}: no answer within {self.wait_s:g} s") from None
        if heard is None:
            raise StationError(f"{step}: the station closed the connection")
        if heard.name != f"{_message(step)}Res":
            raise StationError(f"{step}: the station answered {heard.name}")
        if not heard.body.ResponseCode.startswith("OK"):
            raise StationError(f"{step}: {heard.body.ResponseCode}")
        self.learn(step, heard)
        return heard.body

    def take(self, step: str, loops: int) -> Iterator[tuple[Any, float]]:
        """Do a step; yields each good answer with its time in s. Raises ``StationError``."""
        begun = time.monotonic()
        for count in range(1, 10_000):
            asked = time.monotonic()
            body = self.ask(step)
            now = time.monotonic()
            yield body, now - asked
            self.give_receipt()
            if count >= loops if step in LOOPS else _is_over(step, body):
                return
            if now - begun > LIMITS_S.get(step, 60.0):
                raise StationError(f"{step}: not done after {now - begun:.0f} s")
            time.sleep(LOOP_S)  # a blocking tool on the real clock: the pace of a vehicle

    def give_receipt(self) -> None:
        """If the last answer asked for one: a station takes nothing else before it. Raises ``StationError``."""
        if self._receipt is not None:
            self.ask("MeteringReceipt")
            self._receipt = None

    def _content(self, step: str) -> dict[str, Any]:
        if self._energy == "ac":
            return self._alternating(step)
        status = {"EVReady": True, "EVErrorCode": "NO_ERROR", "EVRESSSOC": 40}
        wanted = {"EVTargetVoltage": TARGET_V, "EVTargetCurrent": 1.0}
        content: dict[str, dict[str, Any]] = COMMON | {
            "ChargeParameterDiscovery": status
            | {
                "RequestedEnergyTransferMode": "DC_extended",
                "EVMaximumVoltageLimit": 410.0,
                "EVMaximumCurrentLimit": 200.0,
            },
            "CableCheck": status,
            "PreCharge": status | wanted,
            "PowerDelivery": status | {"ChargeProgress": "Start", "SAScheduleTupleID": 1, "ChargingComplete": False},
            "CurrentDemand": status | wanted | {"EVTargetCurrent": TARGET_A, "ChargingComplete": False},
            "PowerDeliveryStop": status | {"ChargeProgress": "Stop", "SAScheduleTupleID": 1, "ChargingComplete": True},
            "WeldingDetection": status,
        }
        return content.get(step, {})

    def _alternating(self, step: str) -> dict[str, Any]:
        content: dict[str, dict[str, Any]] = COMMON | {
            "ChargeParameterDiscovery": {
                "RequestedEnergyTransferMode": self._mode,
                "EAmount": 11_000.0,
                "EVMaxVoltage": 400.0,
                "EVMaxCurrent": 32.0,
                "EVMinCurrent": 6.0,
            },
            "PowerDelivery": {"ChargeProgress": "Start", "SAScheduleTupleID": 1},
            "MeteringReceipt": self._receipt or {},
            "PowerDeliveryStop": {"ChargeProgress": "Stop", "SAScheduleTupleID": 1},
        }
        return content.get(step, {})


COMMON: dict[str, dict[str, Any]] = {
    "SessionSetup": {"EVCCID": bytes.fromhex("020000000001")},
    "PaymentServiceSelection": {"SelectedPaymentOption": "ExternalPayment", "ServiceID": 1},
    "SessionStop": {"ChargingSession": "Terminate"},
}


def _message(step: str) -> str:
    return "PowerDelivery" if step == "PowerDeliveryStop" else step


def _is_over(step: str, body: Any) -> bool:
    if step in ("Authorization", "ChargeParameterDiscovery", "CableCheck"):
        return bool(body.EVSEProcessing == "Finished")
    if step == "PreCharge":
        return abs(number(body.EVSEPresentVoltage, "V") - TARGET_V) < 20.0
    return True
