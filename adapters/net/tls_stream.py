"""TLS over any byte stream: the library's ``ssl.SSLObject``, its records carried by hand.

Why not ``asyncio``'s own: it closes a connection whose handshake fails without sending the alert (so the peer never
learns why), needs 300 KiB for each silent connection, and prints tracebacks of a stranger's mistakes.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable

from adapters.net.network import ByteStream

READ = 4096
ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    116: "certificate_required",
}
"""RFC 5246 7.2 and RFC 8446 6."""
REASONS = {
    "NO_SHARED_CIPHER": "no cipher suite or curve in common",
    "UNSUPPORTED_PROTOCOL": "no TLS version in common",
    "WRONG_VERSION_NUMBER": "what it sent is no TLS, or no version in common",
    "HTTP_REQUEST": "what it sent is HTTP, not TLS",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the peer refused: nothing in common (cipher suite, curve)",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the peer refused our TLS version",
    "TLSV1_ALERT_UNKNOWN_CA": "the peer does not know the root of our certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the peer refused our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the peer found our certificate expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the peer did not accept our certificate",
}
"""OpenSSL's names in words."""


class TlsStream:
    """A :class:`adapters.net.network.ByteStream` over ``stream``; it takes over that stream's callbacks.

    ``established`` is called when the handshake is done, ``refused`` (with a reason for people) when it fails; by then
    the alert has been sent and the connection closed. Later ``on_close`` says how the connection ended. A silent
    connection costs nothing: OpenSSL starts at the first octet.
    """

    def __init__(
        self,
        stream: ByteStream,
        context: ssl.SSLContext,
        *,
        server_side: bool,
        established: Callable[[], None],
        refused: Callable[[str], None],
    ) -> None:
        self.on_data: Callable[[bytes], None] = lambda data: None
        self.on_close: Callable[[str], None] = lambda reason: None
        self.is_established = False
        self._stream = stream
        self._context = context
        self._server_side = server_side
        self._established = established
        self._refused = refused
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        stream.on_data = self._received
        stream.on_close = self._lost
        if not server_side:
            self._advance()

    @property
    def peer_address(self) -> str:
        """The address of the stream below."""
        return self._stream.peer_address

    @property
    def is_open(self) -> bool:
        """Whether the stream below is open."""
        return self._stream.is_open

    def write(self, data: bytes) -> None:
        if self.is_open and self._tls is not None and self.is_established:
            self._tls.write(data)
            self._flush()

    def close(self) -> None:
        if self.is_open and self._tls is not None and self.is_established:
            with contextlib.suppress(ssl.SSLError):  # it waits for the peer's close_notify, we do not
                self._tls.unwrap()
            self._flush()
        self._stream.close()

    def reset(self) -> None:
        self._stream.reset()

    # ------------------------------------------------------------ inside

    def _received(self, data: bytes) -> None:
        self._incoming.write(data)
        self._advance(alert_in(data))

    def _advance(self, peers_alert: str = "") -> None:
        try:
            if self._tls is None:
                self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_side=self._server_side)
            if not self.is_established:
                self._tls.do_handshake()
                self.is_established = True
                self._flush()
                self._established()
            while self.is_open:
                data = self._tls.read(READ)
                if not data:
                    self._ended("closed by the peer")
                    return
                self.on_data(data)
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLZeroReturnError:
            self._ended("closed by the peer")
        except ssl.SSLError as error:
            self._failed(error, peers_alert)

    def _failed(self, error: ssl.SSLError, peers_alert: str) -> None:
        sent = self._outgoing.read()
        if sent:
            self._stream.write(sent)
        own_alert = alert_in(sent)
        reason = f"TLS: {reason_of(error)}"
        if own_alert:
            reason += f" (alert {own_alert} sent)"
        elif peers_alert:
            reason += f" (alert {peers_alert} received)"
        self._ended(reason)

    def _ended(self, reason: str) -> None:
        self._stream.close()
        if self.is_established:
            self.on_close(reason)
        else:
            self._refused(reason)

    def _lost(self, reason: str) -> None:
        if self.is_established:
            self.on_close(reason)
        else:
            self._refused(f"{reason} before the TLS handshake was done")

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._stream.write(data)


def reason_of(error: ssl.SSLError) -> str:
    """The reason of an OpenSSL error, for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the peer's certificate is not accepted: {error.verify_message}"
    return REASONS.get(error.reason or "", (error.reason or str(error)).lower().replace("_", " "))


def alert_in(data: bytes) -> str:
    """Number and name of the unencrypted alert that the records in ``data`` end with; empty when there is none."""
    record = data[-7:]
    if len(record) == 7 and record[:2] == b"\x15\x03" and record[3:5] == b"\x00\x02" and record[5] in (1, 2):
        return f"{record[6]} {ALERTS.get(record[6], '')}".rstrip()
    return ""
