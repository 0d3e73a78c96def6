"""Libraries of the package's extras, checked before any work that needs them."""

from __future__ import annotations

from importlib.util import find_spec


class MissingExtra(Exception):
    """A library of an extra is not installed; the text says what needs it and what to do."""


def need(purpose: str, extra: str, *modules: str) -> None:
    """Raise MissingExtra when one of ``modules``, which ``extra`` brings, is missing; ``purpose`` says what needs
    it."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise MissingExtra(f"{purpose} needs {', '.join(missing)}: {how(extra)}")


def how(extra: str) -> str:
    """How to install an extra: from a clone, since the package is not in a registry."""
    return f"in the clone of chargechart, pip install '.[{extra}]'"
