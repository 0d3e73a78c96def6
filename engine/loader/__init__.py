"""Text → :class:`engine.model.Chart`, with all problems of a load in one :class:`engine.problems.ChartError`."""

from engine.loader.contract import installed_contracts, load_contract
from engine.loader.files import load, load_text
from engine.loader.values import constant

__all__ = ["constant", "installed_contracts", "load", "load_contract", "load_text"]
