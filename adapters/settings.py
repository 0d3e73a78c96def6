"""Reading an adapter's section of the station file: every wrong value is an ``AdapterError`` that names its key.

Adapters that declare their ``settings`` take :func:`filled`; the other functions read a section as it is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from engine.adapter import AdapterError, Setting


def filled(config: Mapping[str, Any], settings: Mapping[str, Setting]) -> dict[str, Any]:
    """``config`` with the defaults of what it leaves out; raises ``AdapterError`` for a key nobody declared.

    The station file's values have been checked against their types before; this does not repeat it.
    """
    for key in config:
        if key not in settings:
            near = get_close_matches(key, settings, 1)
            raise AdapterError(f"there is no setting '{key}'" + (f"; did you mean '{near[0]}'?" if near else ""))
    return {key: config.get(key, setting.default) for key, setting in settings.items()}


def mac_address(text: str, key: str) -> bytes:
    """The six octets of ``02:00:00:00:00:01``; raises ``AdapterError`` naming the setting."""
    try:
        octets = bytes.fromhex(text.replace(":", ""))
    except ValueError:
        octets = b""
    if len(octets) != 6:
        raise AdapterError(f"setting '{key}': expected a MAC such as 02:00:00:00:00:01, got '{text}'")
    return octets


def text(config: Mapping[str, Any], key: str, default: str) -> str:
    """A text setting; raises ``AdapterError`` naming the key."""
    value = config.get(key, default)
    if not isinstance(value, str):
        raise AdapterError(f"setting '{key}': expected text, got {value!r}")
    return value


def number(config: Mapping[str, Any], key: str, default: float) -> float:
    """A number setting (text with digits is taken, for the environment); raises ``AdapterError`` naming the key."""
    value = config.get(key, default)
    try:
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise AdapterError(f"setting '{key}': expected a number, got {value!r}") from None


def flag(config: Mapping[str, Any], key: str, default: bool) -> bool:
    """A yes/no setting; raises ``AdapterError`` naming the key."""
    value = config.get(key, default)
    if isinstance(value, str) and value.lower() in ("true", "false", "1", "0", "yes", "no"):
        return value.lower() in ("true", "1", "yes")
    if not isinstance(value, bool):
        raise AdapterError(f"setting '{key}': expected true or false, got {value!r}")
    return value


def mac(config: Mapping[str, Any], key: str, default: bytes) -> bytes:
    """A MAC setting such as ``02:00:00:00:00:01``; raises ``AdapterError`` naming the key."""
    return mac_address(text(config, key, ""), key) if key in config else default


def one_of(config: Mapping[str, Any], key: str, known: tuple[Any, ...]) -> Any:
    """A setting with fixed values, the first is the default; raises ``AdapterError`` naming the key."""
    value = config.get(key, known[0])
    if value not in known:
        raise AdapterError(f"setting '{key}': expected one of {', '.join(known)}, got {value!r}")
    return value
