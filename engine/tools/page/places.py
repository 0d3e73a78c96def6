"""Where a server listens: ``HOST:PORT``, ``:PORT``, ``PORT`` or ``HOST``."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

HOST: Final = "127.0.0.1"
PORT: Final = 8080


def place(where: str) -> tuple[str, int]:
    """Host and port; what is not said is this computer and 8080. Raises ``ValueError``."""
    host, colon, port = where.rpartition(":")
    if (where.startswith("[") and where.endswith("]")) or (not colon and not where.isdecimal()):
        host, port = where, ""
    if not (port == "" or (port.isascii() and port.isdecimal() and int(port) <= 65_535)) or (":" in host) != (
        "[" in host
    ):
        raise ValueError(f"{where!r}: write HOST:PORT, for example {HOST}:{PORT}")
    return host.strip("[]") or HOST, int(port or PORT)


def is_loopback(host: str) -> bool:
    """Whether it means this computer to itself."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
