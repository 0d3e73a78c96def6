"""Simulated power modules: how each make speaks, written apart from the codecs in ``adapters/can/families``.

To add one: its file and its line below.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

from adapters.can.simulators.module import Wording

SPEAKERS: Final[dict[str, str]] = {
    "infy": "infy:Infy",
    "maxwell": "maxwell:Maxwell",
    "uu": "uu:Uu",
    "huawei": "huawei:Huawei",
    "tonhe": "tonhe:Tonhe",
}
"""Make -> file and class."""


def speaker(kind: str) -> Wording:
    """The protocol of a make. Raises ``KeyError`` for an unknown one."""
    file, _, name = SPEAKERS[kind].partition(":")
    made: Wording = getattr(import_module(f"adapters.can.simulators.{file}"), name)()
    return made
