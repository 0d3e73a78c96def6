"""The protocols a V2G connection may speak, each a table (:class:`Dialect`). Another one is another table here."""

from __future__ import annotations

from adapters.v2g.dialects.din import DIN
from adapters.v2g.dialects.iso2 import ISO2
from adapters.v2g.dialects.sap import SAP
from adapters.v2g.dialects.table import Content, Dialect, PayloadTypeError

__all__ = ["DIALECTS", "SAP", "Content", "Dialect", "PayloadTypeError", "dialect"]

DIALECTS = {each.name: each for each in (SAP, DIN, ISO2)}


def dialect(name: str) -> Dialect:
    """The table of a protocol. Raises ``ValueError`` for an unknown name."""
    found = DIALECTS.get(name)
    if found is None:
        raise ValueError(f"unknown protocol {name[:40]!r}; known: {', '.join(DIALECTS)}")
    return found
