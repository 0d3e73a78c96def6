"""``engine adapters``."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from collections.abc import Mapping

from engine.language.expr.functions import duration_text
from engine.language.model import Contract
from engine.language.types import Type

_EPILOG = """examples:
  engine adapters                  every contract, with its implementations
  engine adapters power_supply     its actions, events and readable values, with types and units
  engine adapters link             the contracts whose name contains the word
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``engine adapters``."""
    parser.epilog = _EPILOG
    parser.add_argument("contract", nargs="?", metavar="CONTRACT", help="a contract, or a part of its name")


def run(args: argparse.Namespace) -> int:
    """List contracts, or show one. Exit code 2 when no contract has the name."""
    from engine.cli import complain
    from engine.language.load.contract import installed_contracts
    from engine.language.problems import suggestion
    from engine.run.registry import installed

    registry, contracts = installed(), installed_contracts()
    wanted = args.contract
    if wanted is None:
        known = {name: ", ".join(registry.implementations(name)) or "nothing implements it" for name in contracts}
        width, room = (max((len(text) for text in texts), default=0) for texts in (known, known.values()))
        for name, contract in contracts.items():
            _say(f"{name:{width}}  {known[name]:{room}}  ", _first_sentence(contract.description))
        return 0
    chosen = [contracts[wanted]] if wanted in contracts else [c for n, c in contracts.items() if wanted in n]
    if not chosen:
        complain(f"there is no contract {wanted!r}{suggestion(wanted, contracts)}")
        return 2
    for contract in chosen:
        _show(contract, registry.implementations(contract.name))
    return 0


def _show(contract: Contract, implementations: Mapping[str, str]) -> None:
    print(f"{contract.name}" + (f"  ({contract.citation})" if contract.citation else ""))
    if contract.description:
        _say("  ", contract.description)
    for name, action in contract.actions.items():
        result = "" if action.result is None else f" → ({_fields(action.result)}), for invoke"
        _say("  order  ", f"{name}({_fields(action.args)}){result}", action.description)
    for name, event in contract.events.items():
        fields = "…" if event.payload is None else _fields(event.payload)
        _say("  event  ", f"{name}({fields}){', urgent' if event.urgent else ''}", event.description)
    for name, kind in contract.values.items():
        limit = contract.stale.get(name)
        _say("  value  ", f"{name}: {_type(kind)}" + (f", stale after {duration_text(limit)}" if limit else ""))
    for pair in contract.unsafe:
        _say("  unsafe ", f"{pair.order.text} until {' or '.join(one.text for one in pair.until)}", pair.description)
    for name, path in implementations.items():
        _say("  use    ", f"{name} = {path}")
    print()


def _fields(fields: Mapping[str, Type]) -> str:
    return ", ".join(f"{name}: {_type(kind)}" for name, kind in fields.items())


def _type(kind: Type) -> str:
    from engine.language.values import describe

    return describe(kind)


def _say(head: str, *texts: str) -> None:
    """Texts behind a head, two blanks between them; at a terminal wrapped to its width under the first one."""
    text = head + "  ".join(told for told in (" ".join(text.split()) for text in texts) if told)
    columns = shutil.get_terminal_size().columns
    indent = len(head) if len(head) <= columns // 2 else 4
    whole = not sys.stdout.isatty() or len(text) <= columns
    print(
        text.rstrip() if whole else textwrap.fill(text, columns, subsequent_indent=" " * indent, drop_whitespace=True)
    )


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).partition(". ")[0].rstrip(".")
