"""Decrypts a captured TLS connection with an NSS key log.

Suites: those ISO 15118 mandates and their nearest relatives. TLS 1.2 (ISO 15118-2): ECDHE and ECDH with ECDSA and
AES-128-CBC-SHA256, also with encrypt-then-MAC, and AES-GCM. TLS 1.3 (ISO 15118-20): AES-256-GCM-SHA384,
ChaCha20-Poly1305, AES-128-GCM-SHA256; without key updates, which come after millions of records.
Sources: RFC 5246, RFC 5288, RFC 7366, RFC 8446.
"""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

_MAX_RECORD_BYTES: Final = (1 << 14) + 2048
_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _APPLICATION = 20, 21, 22, 23
_CLIENT_HELLO, _SERVER_HELLO, _FINISHED = 1, 2, 20
_RETRY_RANDOM: Final = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


class TlsError(Exception):
    """The connection cannot be decrypted; the text says why (no secret, unknown suite, wrong secret)."""


_ALERTS: Final = {
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
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""RFC 8446 6, with those of RFC 5246."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A TLS alert that could be read; `level` 2 is fatal."""

    level: int
    description: int

    @property
    def is_harmless(self) -> bool:
        """Whether it only announces the end of the connection."""
        return self.description == 0

    @property
    def text(self) -> str:
        """As in ``fatal: unknown_ca``."""
        name = _ALERTS.get(self.description, f"alert {self.description}")
        return f"{'fatal' if self.level == 2 else 'warning'}: {name}"


@dataclass(frozen=True, slots=True)
class _Suite:
    name: str
    hash: str
    key_bytes: int
    mac_bytes: int = 0
    """Length of the MAC key; 0 for the authenticated ciphers."""


_SUITES_12: Final = {
    0xC023: _Suite("ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "sha256", 16, 32),
    0xC025: _Suite("ECDH_ECDSA_WITH_AES_128_CBC_SHA256", "sha256", 16, 32),
    0xC027: _Suite("ECDHE_RSA_WITH_AES_128_CBC_SHA256", "sha256", 16, 32),
    0xC02B: _Suite("ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "sha256", 16),
    0xC02C: _Suite("ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "sha384", 32),
}
_SUITES_13: Final = {
    0x1301: _Suite("AES_128_GCM_SHA256", "sha256", 16),
    0x1302: _Suite("AES_256_GCM_SHA384", "sha384", 32),
    0x1303: _Suite("CHACHA20_POLY1305_SHA256", "sha256", 32),
}

Secrets = dict[tuple[str, bytes], bytes]
"""(label, client random) to secret, as an NSS key log has them."""


def parse_key_log(text: str) -> Secrets:
    """The secrets of a key log file; comments and lines of other forms are skipped."""
    secrets: Secrets = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and not line.startswith("#"):
            try:
                secrets[words[0], bytes.fromhex(words[1])] = bytes.fromhex(words[2])
            except ValueError:
                continue
    return secrets


_Open = Callable[[int, bytes, int], bytes]
"""(content type, fragment, record number) to plaintext."""


@dataclass(slots=True)
class _Direction:
    buffer: bytearray = field(default_factory=bytearray)
    waiting: deque[tuple[int, bytes]] = field(default_factory=deque)
    handshake: bytearray = field(default_factory=bytearray)
    open: _Open | None = None
    number: int = 0


class TlsConnection:
    """Both directions of one connection: ciphertext in, application data out."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._directions = {True: _Direction(), False: _Direction()}
        self._client_random = b""
        self._server_random = b""
        self._suite: _Suite | None = None
        self._is_13 = False
        self._encrypt_then_mac = False

    @property
    def suite(self) -> str:
        """Version and cipher suite, empty before the ServerHello."""
        return f"TLS 1.{3 if self._is_13 else 2} {self._suite.name}" if self._suite else ""

    def receive(self, from_client: bool, data: bytes) -> Iterator[tuple[bool, bytes | Alert]]:
        """Takes bytes of one direction; gives application data and alerts of either, as (from_client, what).

        Raises TlsError, after what came before, when the connection cannot be decrypted; it stays so.
        """
        direction = self._directions[from_client]
        direction.buffer += data
        while len(direction.buffer) >= 5:
            length = int.from_bytes(direction.buffer[3:5], "big")
            if direction.buffer[1] != 3 or length > _MAX_RECORD_BYTES:
                start = bytes(direction.buffer[:5])
                yield from self._records()
                raise TlsError(f"no TLS record: {start.hex()}")
            if len(direction.buffer) < 5 + length:
                break
            direction.waiting.append((direction.buffer[0], bytes(direction.buffer[5 : 5 + length])))
            del direction.buffer[: 5 + length]
        yield from self._records()

    def _records(self) -> Iterator[tuple[bool, bytes | Alert]]:
        # The server's flight first: what the client sends encrypted needs the ServerHello.
        for side in (False, True):
            queue = self._directions[side].waiting
            while queue and self._readable(side):
                received = self._record(side, *queue.popleft())
                if received is not None:
                    yield side, received

    def _readable(self, from_client: bool) -> bool:
        if from_client:
            return not self._client_random or self._suite is not None or self._directions[True].waiting[0][0] == 22
        return bool(self._client_random)

    def _record(self, from_client: bool, kind: int, fragment: bytes) -> bytes | Alert | None:
        direction = self._directions[from_client]
        if kind == _CHANGE_CIPHER_SPEC:
            if not self._is_13:
                self._start_12(from_client)
            return None
        if direction.open is not None:
            try:
                fragment = direction.open(kind, fragment, direction.number)
            except (InvalidTag, ValueError, IndexError) as problem:
                raise TlsError(f"a record does not decrypt: the key log is of another connection ({problem})") from None
            direction.number += 1
            if self._is_13:
                fragment = fragment.rstrip(b"\0")
                if not fragment:
                    raise TlsError("a TLS 1.3 record has no content type")
                kind, fragment = fragment[-1], fragment[:-1]
        if kind == _HANDSHAKE:
            direction.handshake += fragment
            self._handshake(from_client)
        if kind == _ALERT and len(fragment) == 2:
            return Alert(*fragment)
        if kind != _APPLICATION:
            return None
        if direction.open is None:
            raise TlsError("the capture begins after the handshake: the secrets cannot be assigned")
        return fragment or None

    def _handshake(self, from_client: bool) -> None:
        direction = self._directions[from_client]
        pending = direction.handshake
        while len(pending) >= 4 and len(pending) >= 4 + (length := int.from_bytes(pending[1:4], "big")):
            kind, body = pending[0], bytes(pending[4 : 4 + length])
            del pending[: 4 + length]
            if kind == _CLIENT_HELLO and from_client:
                self._client_random = body[2:34]
            elif kind == _SERVER_HELLO and not from_client:
                self._server_hello(body)
            elif kind == _FINISHED and self._is_13:
                self._start_13(from_client, "TRAFFIC_SECRET_0")

    def _server_hello(self, body: bytes) -> None:
        self._server_random = body[2:34]
        after_session = 35 + body[34] if len(body) > 34 else len(body)
        number = int.from_bytes(body[after_session : after_session + 2], "big")
        extensions = _extensions(body[after_session + 3 :])
        self._is_13 = extensions.get(43) == b"\x03\x04"
        self._encrypt_then_mac = 22 in extensions
        if self._server_random == _RETRY_RANDOM:
            return
        suite = (_SUITES_13 if self._is_13 else _SUITES_12).get(number)
        if suite is None:
            raise TlsError(f"cipher suite 0x{number:04x} is none that ISO 15118 uses")
        self._suite = suite
        if self._is_13:
            for from_client in (True, False):
                self._start_13(from_client, "HANDSHAKE_TRAFFIC_SECRET")

    def _secret(self, label: str) -> bytes:
        secret = self._secrets.get((label, self._client_random))
        if not self._secrets:
            raise TlsError("encrypted, and no key log is given")
        if secret is None:
            raise TlsError(f"the key log has no {label} for client random {self._client_random.hex()}")
        return secret

    def _start_13(self, from_client: bool, label: str) -> None:
        secret = self._secret(("CLIENT_" if from_client else "SERVER_") + label)
        self._use_13(self._directions[from_client], secret)

    def _use_13(self, direction: _Direction, secret: bytes) -> None:
        assert self._suite is not None
        key = _expand(self._suite, secret, b"key", self._suite.key_bytes)
        iv = int.from_bytes(_expand(self._suite, secret, b"iv", 12), "big")
        cipher = ChaCha20Poly1305(key) if self._suite.name.startswith("CHACHA") else AESGCM(key)

        def opened(kind: int, fragment: bytes, number: int) -> bytes:
            header = bytes((kind, 3, 3)) + len(fragment).to_bytes(2, "big")
            return cipher.decrypt((iv ^ number).to_bytes(12, "big"), fragment, header)

        direction.open, direction.number = opened, 0

    def _start_12(self, from_client: bool) -> None:
        suite = self._suite
        if suite is None:
            raise TlsError("the capture begins after the ServerHello: the cipher suite is unknown")
        fixed_iv = 0 if suite.mac_bytes else 4
        size = 2 * (suite.mac_bytes + suite.key_bytes + fixed_iv)
        seed = b"key expansion" + self._server_random + self._client_random
        block = _prf(suite.hash, self._secret("CLIENT_RANDOM"), seed, size)
        side = 0 if from_client else 1
        mac_key = block[side * suite.mac_bytes :][: suite.mac_bytes]
        key = block[2 * suite.mac_bytes + side * suite.key_bytes :][: suite.key_bytes]
        iv = block[2 * (suite.mac_bytes + suite.key_bytes) + side * fixed_iv :][:fixed_iv]
        direction = self._directions[from_client]
        direction.open = self._cbc(key, mac_key) if suite.mac_bytes else _gcm_12(key, iv)
        direction.number = 0

    def _cbc(self, key: bytes, mac_key: bytes) -> _Open:
        encrypt_then_mac = self._encrypt_then_mac

        def check(kind: int, content: bytes, mac: bytes, number: int) -> None:
            header = number.to_bytes(8, "big") + bytes((kind, 3, 3)) + len(content).to_bytes(2, "big")
            if not hmac.compare_digest(hmac.digest(mac_key, header + content, "sha256"), mac):
                raise ValueError("wrong MAC")

        def opened(kind: int, fragment: bytes, number: int) -> bytes:
            if encrypt_then_mac:
                check(kind, fragment[:-32], fragment[-32:], number)
                fragment = fragment[:-32]
            decryptor = Cipher(algorithms.AES(key), modes.CBC(fragment[:16])).decryptor()
            plain = decryptor.update(fragment[16:]) + decryptor.finalize()
            plain = plain[: len(plain) - plain[-1] - 1]
            if not encrypt_then_mac:
                check(kind, plain[:-32], plain[-32:], number)
                plain = plain[:-32]
            return plain

        return opened


def _gcm_12(key: bytes, fixed_iv: bytes) -> _Open:
    cipher = AESGCM(key)

    def opened(kind: int, fragment: bytes, number: int) -> bytes:
        header = number.to_bytes(8, "big") + bytes((kind, 3, 3)) + (len(fragment) - 24).to_bytes(2, "big")
        return cipher.decrypt(fixed_iv + fragment[:8], fragment[8:], header)

    return opened


def _prf(algorithm: str, secret: bytes, seed: bytes, length: int) -> bytes:
    """The pseudo-random function of TLS 1.2 (RFC 5246 5), label included in the seed."""
    out, link = b"", seed
    while len(out) < length:
        link = hmac.digest(secret, link, algorithm)
        out += hmac.digest(secret, link + seed, algorithm)
    return out[:length]


def _expand(suite: _Suite, secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label of TLS 1.3 with an empty context (RFC 8446 7.1)."""
    name = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes((len(name),)) + name + b"\0"
    algorithm = hashes.SHA384() if suite.hash == "sha384" else hashes.SHA256()
    return HKDFExpand(algorithm=algorithm, length=length, info=info).derive(secret)


def _extensions(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    rest = data[2:]
    while len(rest) >= 4:
        length = int.from_bytes(rest[2:4], "big")
        found[int.from_bytes(rest[:2], "big")] = rest[4 : 4 + length]
        rest = rest[4 + length :]
    return found
