"""What both ends of a V2G connection share (contracts ``v2g_secc``, ``v2g_evcc``): stream, endpoint, counters."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping
from typing import Any

from adapters.net.network import ByteStream
from adapters.settings import filled
from adapters.slac.settings import ON_LINE
from adapters.v2g.counters import UdpLines, line
from adapters.v2g.endpoint import Endpoint, Received
from engine.adapter import Adapter, Port, Setting, World

ANY_LENGTH = 0xFFFF_FFFF
"""What the length field of V2GTP can say."""
METRICS_UDP = "V2G_METRICS_UDP"
"""Environment variable, for who sets it for every program of a host at once."""

BOTH: dict[str, Setting] = {
    "largest_message": Setting(
        "int",
        32_768,
        "Bytes of the largest message taken. Those of DIN and ISO 15118-2 stay below 10,000; while one is read, up to "
        "2 us a byte, everything else waits: 262,144 would be half a second, in which no contactor opens. 0: no limit",
    ),
    "tx_drop_prob": Setting("float", 0.0, "Probability that a message is not sent, to test the other side; 0 to 1"),
    "tx_drop_seed": Setting("int", 0, "Decides which messages those are"),
    "metrics": Setting("bool", False, "Tell the counters of each connection when it ends"),
    "metrics_udp": Setting(
        "string",
        "",
        "Address and port for the counters of each connection, one JSON line as a datagram; empty: what the "
        f"environment says ({METRICS_UDP})",
    ),
    "most_unanswered": Setting(
        "int",
        32,
        "Messages of the other side that are read before one goes back to it: V2G is request and response. At one more "
        "the stream counts as unreadable",
    ),
}
REAL: dict[str, Setting] = {
    "interface": Setting("string", "", "Network interface to speak IPv6 on, such as eth1 (required)"),
    "key_log": Setting("string", "", "File for the TLS secrets, in NSS format, to decode captures with"),
}
SIMULATED: dict[str, Setting] = {
    "medium": Setting("enum(line, wire)", "line", "What the host is connected to: the power line or a plain wire"),
    **ON_LINE,
}


class Connection(Adapter):
    """One end. A subclass says which, which messages it speaks, and over which network."""

    side = ""

    @classmethod
    def refuses(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        refused = {}
        if not 0 <= config["tx_drop_prob"] <= 1:
            refused["tx_drop_prob"] = f"a probability is from 0 to 1, not {config['tx_drop_prob']:g}"
        if config["largest_message"] < 0:
            refused["largest_message"] = f"bytes, or 0 for no limit, not {config['largest_message']}"
        if config["most_unanswered"] < 1:
            refused["most_unanswered"] = f"1 message and more, not {config['most_unanswered']}: else none would be read"
        return refused

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self.endpoint = Endpoint()
        self.endpoint.largest_message_bytes = self.config["largest_message"] or ANY_LENGTH
        self.endpoint.most_unanswered = self.config["most_unanswered"]
        self._stream: ByteStream | None = None
        probability, chance = self.config["tx_drop_prob"], random.Random(f"{self.config['tx_drop_seed']} {self.side}")
        self.endpoint.drops = (lambda: chance.random() < probability) if probability else (lambda: False)
        self._udp: UdpLines | None = None

    def open(self, port: Port) -> None:
        super().open(port)
        self._udp_to = self.config["metrics_udp"] or os.environ.get(METRICS_UDP, "")
        self._udp = UdpLines(self._udp_to) if self._udp_to else None
        self.endpoint.on_message = self.received
        self.endpoint.on_undecodable = lambda kind, reason, payload_type: port.emit(
            "undecodable", kind=kind, reason=reason, payload_type=payload_type
        )
        self.endpoint.on_bad_header = lambda reason: port.emit("bad_header", reason=reason)

    def close(self) -> None:
        self.take_down()
        if self._udp is not None:
            self._udp.close()

    def received(self, message: Received) -> None:
        """Tell the chart of a message."""
        raise NotImplementedError

    @property
    def connected(self) -> bool:
        return self._stream is not None

    def take(self, stream: ByteStream) -> None:
        """The connection stands."""

        def closed(reason: str) -> None:
            if self._stream is stream:
                self._stream = None
                self._ended()
                self.port.emit("disconnected", reason=reason)

        def data(received: bytes) -> None:
            if self._stream is stream:
                self.endpoint.received(received)

        self._stream = stream
        stream.on_data = data
        stream.on_close = closed
        self.endpoint.connected(stream.write)

    def take_down(self, *, reset: bool = False) -> None:
        """End the connection, if there is one, by FIN or RST; no event follows."""
        stream, self._stream = self._stream, None
        self._ended()
        if stream is not None:
            if reset:
                stream.reset()
            else:
                stream.close()

    def _ended(self) -> None:
        """The counters of the connection are told when there was one."""
        was_connected = self.endpoint.write is not None
        self.endpoint.disconnected()
        if not was_connected or not (self.config["metrics"] or self._udp):
            return
        endpoint = self.endpoint
        found = line(
            self.side, endpoint.counters, endpoint.resend_rules, self.config["tx_drop_prob"], endpoint.session_id
        )
        text = json.dumps(found)
        refusal = self._udp.send(text) if self._udp else ""
        if refusal:
            self.port.tell(f"the counters could not be sent to {self._udp_to}: {refusal}")
        if self.config["metrics"]:
            self.port.tell(f"V2G counters {text}")
