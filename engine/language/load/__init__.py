"""Text → :class:`engine.language.model.Chart`, with all problems of a load in one
:class:`engine.language.problems.ChartError`."""

from engine.language.load.contract import installed_contracts, load_contract
from engine.language.load.files import load, load_text
from engine.language.load.values import constant

__all__ = ["constant", "installed_contracts", "load", "load_contract", "load_text"]
