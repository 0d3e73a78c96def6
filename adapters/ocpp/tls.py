"""Certificates on the line to the central system, whatever carries it (OCPP 1.6 security whitepaper, profiles 2, 3)."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from engine.adapter import ConfigurationError, Setting, World

SETTINGS: Final[Mapping[str, Setting]] = {
    "roots": Setting(
        "string",
        "",
        "PEM file of the certificates that are trusted: roots, or the central system's own (pinned); '': the system's",
    ),
    "certificate": Setting("string", "", "PEM file of the charge point's certificate and chain (security profile 3)"),
    "private_key": Setting("string", "", "PEM file of its private key"),
    "folder": Setting(
        "string",
        "",
        "Folder of a certificate_store: its central.pem and charge_point.pem, where no file is named and they exist; "
        "'': that of the charge point's own",
    ),
}


def folders(world: World) -> dict[str, Path]:
    """Where the certificate stores of this world keep their files, each by its machine's name; empty until a store
    says so."""
    found: dict[str, Path] = world.shared("folders of certificates", dict)
    return found


def stored(config: Mapping[str, Any], world: World, role: str) -> dict[str, Any]:
    """The settings, with the folder of the machine's own certificate store where none is named. ``role`` as
    :attr:`engine.adapter.Port.role` has it."""
    own = folders(world).get(role.rpartition(".")[0], "")
    return {**config, "folder": config["folder"] or str(own)}


def context(config: Mapping[str, Any], kind: type[ssl.SSLContext] = ssl.SSLContext) -> ssl.SSLContext:
    """TLS 1.2 or later, chain and name checked, with the files of :data:`SETTINGS`. Raises ``ConfigurationError`` for
    one that cannot be read."""
    roots, certificate, private_key = _files(config)
    made = kind(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # also the certificate of the central system itself: pinned
    try:
        if roots:
            made.load_verify_locations(roots)
        else:
            made.load_default_certs()
        if certificate:
            made.load_cert_chain(certificate, private_key or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"certificates of the central system: {error}") from None
    return made


def shared(config: Mapping[str, Any], world: World) -> ssl.SSLContext:
    """The same, one for all that name the same files (the system's roots take 1 MB), and a new one when a file has
    changed since."""
    files = _files(config)
    kept: dict[Any, tuple[Any, ssl.SSLContext]] = world.shared("TLS of central systems", dict)
    stamps = [(found.st_mtime_ns, found.st_size, found.st_ino) for file in files if file and (found := _stat(file))]
    if files not in kept or kept[files][0] != stamps:
        kept[files] = stamps, context(config)
    return kept[files][1]


def _files(config: Mapping[str, Any]) -> tuple[str, str, str]:
    """Roots, certificate, private key; empty for none."""
    kept = [Path(config["folder"]) / name for name in ("central.pem", "charge_point.pem")]
    roots, own = (str(file) if config["folder"] and _size(file) else "" for file in kept)
    return config["roots"] or roots, config["certificate"] or own, config["private_key"]


def _stat(file: str | Path) -> os.stat_result | None:
    with suppress(OSError):
        return os.stat(file)
    return None


def _size(file: Path) -> int:
    found = _stat(file)
    return found.st_size if found else 0
