"""``use = "none"``: a role without an adapter, so that a chart runs before its adapters are written."""

from __future__ import annotations

from typing import Any

from engine.adapter import Adapter, World
from engine.language.model import Contract
from engine.language.types import Kind, Type

NONE = "none"
_EMPTY: dict[Kind, Any] = {
    Kind.BOOL: False,
    Kind.INT: 0,
    Kind.FLOAT: 0.0,
    Kind.DURATION: 0,
    Kind.STRING: "",
    Kind.BYTES: b"",
    Kind.LIST: [],
}


class NullAdapter(Adapter):
    """Takes every order of its contract and does nothing. A long action never ends; values are zero or empty."""

    behind = "absent"

    def __init__(self, contract: Contract, world: World) -> None:
        super().__init__({}, world)
        self.contract = contract.name  # type: ignore[misc]
        for action in contract.actions:
            setattr(self, action, _nothing)
        for name, type_ in contract.values.items():
            setattr(self, name, empty(type_))


def _nothing(**arguments: Any) -> None:
    pass


def empty(type_: Type) -> Any:
    """None where the type allows it, else its value nearest to zero or emptiest."""
    if type_.optional:
        return None
    if type_.kind is Kind.ENUM:
        return type_.values[0]
    value = _EMPTY.get(type_.kind)
    low, high = type_.minimum, type_.maximum
    if type_.kind is Kind.LIST and type_.item is not None:
        return [empty(type_.item)] * int(low or 0)
    if type_.kind in (Kind.STRING, Kind.BYTES):
        return (" " if type_.kind is Kind.STRING else b"\0") * int(low or 0)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        nearest = max(low, value) if low is not None else value
        nearest = min(high, nearest) if high is not None else nearest
        return type(value)(nearest)
    return value
