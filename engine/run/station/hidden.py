"""Secrets among the parameters and settings of a station: read from files, never told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.language.text_values import typed
from engine.language.types import Type
from engine.language.values import describe
from engine.run.station.plan import StationError


def unsaid(origin: str) -> str:
    """Where a secret was set, without the secret: of ``--set KEY=VALUE`` the key."""
    return origin.partition("=")[0] if origin.startswith("--set ") else origin


def hidden(value: Any, kind: Type, what: str) -> Any:
    """The value of a secret: what is in FILE where ``@FILE`` is given. ``what`` is set, for people.

    Raises:
        StationError: for a file that cannot be read, and for a value of another type, which is not told.
    """
    if isinstance(value, str) and value.startswith("@"):
        try:
            value = Path(value[1:]).read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise StationError(f"{what}: {value[1:]} cannot be read: {error}") from None
    try:
        return typed(value, kind)
    except ValueError:
        raise StationError(f"{what}: expected {describe(kind)}; what was given is a secret, and not told") from None
