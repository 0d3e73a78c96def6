"""The families of devices that are known, each a folder of its own here. To add one: its folder and its line below."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from adapters.can.modules import ModuleFamily
from adapters.can.table import Family

MODULES: Final[dict[str, str]] = {
    "infy": "Infypower REG/BEG power modules",
    "maxwell": "Maxwell MXR and Winline power modules",
    "uu": "UUGreenPower and Maxwell ENR power modules",
    "huawei": "Huawei R-series power modules",
    "tonhe": "TonHe power modules",
}
"""Families of power modules: name -> what it is. The folder of this name has the function ``family``; its keyword
arguments are the profile."""

OTHERS: Final[dict[str, str]] = {
    "elcon": "battery and charger, ELCON/TC on-board charger protocol",
    "daly": "Daly battery management",
    "terminal": "unsolicited terminal reports of the light-vehicle charger",
    "gbt": "battery and charger, GB/T 27930-2015",
}
"""Batteries and what else speaks on the bus, likewise."""

FAMILIES: Final[dict[str, str]] = {**MODULES, **OTHERS}


def family(name: str, profile: Mapping[str, float] | None = None) -> Family:
    """The codec of a family. ``profile`` has what differs between models (``{"current_divisor": 10}``). Raises
    ``KeyError`` for an unknown family, ``TypeError`` for a name of the profile that the family does not have and
    ``ValueError`` for a number out of its range."""
    if name not in FAMILIES:
        raise KeyError(f"there is no family '{name}'; there are: {', '.join(FAMILIES)}")
    make = import_module(f"adapters.can.families.{name}").family
    profile, known = profile or {}, make.__kwdefaults__ or {}
    unknown = [key for key in profile if key not in known]
    if unknown:
        has = f"; it has: {', '.join(known)}" if known else ""
        raise TypeError(f"{name} has no profile {', '.join(unknown)}{has}")
    made: Family = make(**profile)
    return made


def module_family(name: str, profile: Mapping[str, float] | None = None) -> ModuleFamily:
    """As :func:`family`, for families of power modules. Raises ``KeyError`` for another one."""
    made = family(name, profile)
    if not isinstance(made, ModuleFamily):
        raise KeyError(f"'{name}' ({made.title}) are no power modules")
    return made
