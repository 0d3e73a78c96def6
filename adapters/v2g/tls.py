"""TLS of ISO 15118-2: version 1.2, the mandated cipher suite OpenSSL still has, P-256 certificates.

Source: ISO 15118-2 7.7.3 [V2G2-602], [V2G2-603]. Of the two mandated suites, TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256
left OpenSSL with 1.1.0; TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256 is what vehicles on the road negotiate.
"""

from __future__ import annotations

import os
import ssl
import stat
from pathlib import Path

from engine.adapter import AdapterError, ConfigurationError

CIPHERS = "ECDHE-ECDSA-AES128-SHA256"
CURVE = "prime256v1"  # secp256r1
HOW = "`python -m adapters.v2g pki DIR` makes a test set"


def server_context(certificate: str, key: str, password: str = "", key_log: str = "") -> ssl.SSLContext:
    """The station's context. ``certificate`` is a PEM file with the SECC leaf first, then the sub-CAs.

    Raises ``ConfigurationError`` that names the setting or the file and how to make one.
    """
    for setting, path in (("certificate", certificate), ("key", key)):
        if not path:
            raise ConfigurationError(f"TLS needs setting '{setting}' of the V2G server, which is empty; {HOW}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _limit(context)

    def secret() -> str:  # without this OpenSSL asks at the terminal
        if not password:
            raise ConfigurationError(f"TLS key {key!r} is encrypted; its password is setting 'key_password'")
        return password

    try:
        context.load_cert_chain(certificate, key, secret)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigurationError(f"TLS certificate {certificate!r} with key {key!r}: {_why(error)}; {HOW}") from None
    _log_keys(context, key_log)
    return context


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        if error.reason == "KEY_VALUES_MISMATCH":
            return "the key does not belong to the certificate"
        return (error.reason or "no PEM in one of them, or a wrong password").replace("_", " ")
    return getattr(error, "strerror", None) or str(error)


def client_context(root: str, key_log: str = "") -> ssl.SSLContext:
    """The vehicle's context. ``root`` is the V2G root certificate (PEM file); empty: the station is not verified.
    Raises ``AdapterError`` when there is no such file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _limit(context)
    context.check_hostname = False  # a SECC certificate names the station, not an address
    if root:
        if not Path(root).is_file():
            raise AdapterError(f"V2G root certificate {root!r}: there is no such file")
        context.load_verify_locations(root)
    else:
        context.verify_mode = ssl.CERT_NONE
    _log_keys(context, key_log)
    return context


def _log_keys(context: ssl.SSLContext, path: str) -> None:
    """Keys of every session are added to the file at ``path``, which only its owner may read; empty: to none."""
    if not path:
        return
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if stat.S_ISREG(os.fstat(number).st_mode):
                os.fchmod(number, 0o600)
        finally:
            os.close(number)
        context.keylog_filename = path
    except OSError as error:
        raise AdapterError(f"key log {path!r}: {error.strerror or error}") from None


def _limit(context: ssl.SSLContext) -> None:
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.set_ecdh_curve(CURVE)
