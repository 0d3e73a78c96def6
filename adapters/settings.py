"""Reading an adapter's section of the station file: every wrong value is an ``AdapterError`` that names its key."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from engine.adapter import AdapterError, Setting


def filled(config: Mapping[str, Any], settings: Mapping[str, Setting]) -> dict[str, Any]:
    """``config`` with defaults for the keys it leaves out. Raises ``AdapterError`` for a key that is not declared.

    The station file's values have been checked against their types before; that is not repeated here.
    """
    for key in config:
        if key not in settings:
            near = get_close_matches(key, settings, 1)
            raise AdapterError(f"there is no setting '{key}'" + (f"; did you mean '{near[0]}'?" if near else ""))
    return {key: config.get(key, setting.default) for key, setting in settings.items()}


def mac_address(text: str, key: str) -> bytes:
    """The six octets of ``02:00:00:00:00:01``. Raises ``AdapterError`` that names the setting."""
    try:
        octets = bytes.fromhex(text.replace(":", ""))
    except ValueError:
        octets = b""
    if len(octets) != 6:
        raise AdapterError(f"setting '{key}': expected a MAC such as 02:00:00:00:00:01, got '{text}'")
    return octets
