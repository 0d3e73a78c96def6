"""``engine adapters``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from engine.model import Contract
from engine.types import Type

_EPILOG = """examples:
  engine adapters                  every contract, with its implementations
  engine adapters power_supply     its actions, events and readable values, with types and units
  engine adapters link             the contracts whose name contains the word
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument("contract", nargs="?", metavar="CONTRACT", help="a contract, or a part of its name")


def run(args: argparse.Namespace) -> int:
    """Exit code 2 when no contract has the name."""
    from engine.cli import complain
    from engine.loader.contract import installed_contracts
    from engine.registry import installed
    from engine.system.values import nearest

    registry, contracts = installed(), installed_contracts()
    wanted = args.contract
    if wanted is None:
        width = max((len(name) for name in contracts), default=0)
        for name, contract in contracts.items():
            known = ", ".join(registry.implementations(name)) or "nothing implements it"
            print(f"{name:{width}}  {known:24}  {_first_sentence(contract.description)}".rstrip())
        return 0
    chosen = [contracts[wanted]] if wanted in contracts else [c for n, c in contracts.items() if wanted in n]
    if not chosen:
        complain(f"there is no contract {wanted!r}{nearest(wanted, contracts)}")
        return 2
    for contract in chosen:
        _show(contract, registry.implementations(contract.name))
    return 0


def _show(contract: Contract, implementations: Mapping[str, str]) -> None:
    print(f"{contract.name}" + (f"  ({contract.citation})" if contract.citation else ""))
    if contract.description:
        print(f"  {' '.join(contract.description.split())}")
    for name, action in contract.actions.items():
        result = "" if action.result is None else f" → ({_fields(action.result)}), for invoke"
        print(f"  order  {name}({_fields(action.args)}){result}{_told(action.description)}")
    for name, event in contract.events.items():
        fields = "…" if event.payload is None else _fields(event.payload)
        print(f"  event  {name}({fields}){_told(event.description)}")
    for name, kind in contract.values.items():
        print(f"  value  {name}: {_type(kind)}")
    for name, path in implementations.items():
        print(f"  use    {name} = {path}")
    print()


def _fields(fields: Mapping[str, Type]) -> str:
    return ", ".join(f"{name}: {_type(kind)}" for name, kind in fields.items())


def _type(kind: Type) -> str:
    from engine.expr.functions import describe

    return describe(kind)


def _told(text: str) -> str:
    return f"  {' '.join(text.split())}" if text else ""


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).partition(". ")[0].rstrip(".")
