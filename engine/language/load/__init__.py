"""Text → :class:`engine.language.model.Chart`, with all problems of a load in one
:class:`engine.language.problems.ChartError`.

What loads is imported when it is asked for: a start from kept charts reads no YAML."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.language.load.contract import installed_contracts, load_contract
    from engine.language.load.files import load, load_text
    from engine.language.load.values import constant

__all__ = ["constant", "installed_contracts", "load", "load_contract", "load_text"]
_MODULES = dict(
    constant="values", installed_contracts="contract", load="files", load_contract="contract", load_text="files"
)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
