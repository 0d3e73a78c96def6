"""Certificates on the line to the central system, whatever carries it (OCPP 1.6 security whitepaper, profiles 2, 3)."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Final

from engine.adapter import ConfigurationError, Setting

SETTINGS: Final[Mapping[str, Setting]] = {
    "roots": Setting(
        "string",
        "",
        "PEM file of the certificates that are trusted: roots, or the central system's own (pinned); '': the system's",
    ),
    "certificate": Setting("string", "", "PEM file of the charge point's certificate and chain (security profile 3)"),
    "private_key": Setting("string", "", "PEM file of its private key"),
}


def context(config: Mapping[str, Any], kind: type[ssl.SSLContext] = ssl.SSLContext) -> ssl.SSLContext:
    """TLS 1.2 or later, chain and name checked, with the files of :data:`SETTINGS`. Raises ``ConfigurationError`` for
    one that cannot be read."""
    made = kind(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # also the certificate of the central system itself: pinned
    try:
        if config["roots"]:
            made.load_verify_locations(config["roots"])
        else:
            made.load_default_certs()
        if config["certificate"]:
            made.load_cert_chain(config["certificate"], config["private_key"] or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"certificates of the central system: {error}") from None
    return made
