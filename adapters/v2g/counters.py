"""What happened on one V2G connection, counted: one JSON line when it ends, for people and for who collects them by
UDP. The names are those that such lines have in the field."""

from __future__ import annotations

import socket
from dataclasses import asdict, dataclass
from typing import Any

from engine.adapter import ConfigurationError

NS_PER_S = 1_000_000_000


@dataclass
class Counters:
    """Of one connection. ``rx_decode_errors``: messages whose EXI could not be read. ``rx_validation_errors``: messages
    that were read and hold a value their schema does not allow. ``rx_invalid_v2gtp``: headers that are none, and
    payload types that do not belong here. ``dup_resent_count``: answers sent once more. ``tx_dropped_count``: messages
    that were not sent, as ``tx_drop_prob`` asks."""

    rx_decode_errors: int = 0
    rx_validation_errors: int = 0
    rx_invalid_v2gtp: int = 0
    dup_resent_count: int = 0
    tx_dropped_count: int = 0


@dataclass(frozen=True)
class ResendRules:
    """How the chart answers repeated requests; here it is only written down. None: the chart has not said."""

    dup_resend_enabled: bool | None = None
    dup_window_s: float | None = None
    dup_resend_max: int | None = None


def line(side: str, counters: Counters, rules: ResendRules, tx_drop_prob: float, session_id: bytes) -> dict[str, Any]:
    """The fields of the line; ``side`` is secc or evcc, ``session`` the session's id in hexadecimal."""
    return {
        "side": side,
        "session": session_id.hex(),
        **asdict(counters),
        **asdict(rules),
        "tx_drop_prob": tx_drop_prob,
    }


class UdpLines:
    """Sends lines to one address, ``HOST:PORT`` or ``[ADDRESS]:PORT``, and never waits. Raises ``ConfigurationError``
    when there is no such address."""

    def __init__(self, to: str) -> None:
        host, colon, port = to.rpartition(":")
        try:
            if not colon:
                raise ValueError("a port is missing")
            family, kind, _, _, address = socket.getaddrinfo(
                host.strip("[]"), int(port), type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
            )[0]
            self._address: Any = address
            self._socket = socket.socket(family, kind)
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"metrics_udp {to!r}: write ADDRESS:PORT or [IPv6 ADDRESS]:PORT ({error})"
            ) from error
        self._socket.setblocking(False)

    def send(self, text: str) -> str:
        """Send a line; returns why it could not be sent, empty when it was."""
        try:
            self._socket.sendto(text.encode(), self._address)
        except OSError as error:
            return str(error)
        return ""

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()
