"""Types of adapters' settings, as their classes write them."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.adapter import Setting
from engine.language.types import UNITS, Kind, Type

_SETTING = re.compile(r"(bool|int|float|string|bytes|duration|enum\(([\w, -]+)\))(?: (\S+?))?(\?)?")


def setting_type(text: str) -> Type:
    """The type of an adapter's setting: a simple type as a chart writes it, or a list of one. Raises ``ValueError``."""
    if text.startswith("list of "):
        return Type(Kind.LIST, item=setting_type(text.removeprefix("list of ")))
    match = _SETTING.fullmatch(text)
    if match is None or (match[3] and match[3] not in UNITS):
        raise ValueError(f"no type of a setting: {text!r}")
    optional = match[4] is not None
    if match[2]:
        return Type(Kind.ENUM, values=tuple(value.strip() for value in match[2].split(",")), optional=optional)
    kind = Kind(match[1])
    least = 0 if kind is Kind.DURATION else None  # as of a chart's parameter
    return Type(kind, unit=UNITS[match[3]] if match[3] else None, optional=optional, minimum=least)


def type_of(setting: Setting) -> Type:
    """The type of a setting, secret where it is. Raises ``ValueError``."""
    return replace(setting_type(setting.type), secret=setting.secret)
