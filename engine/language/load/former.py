"""Contracts of former names: a chart that names one still loads, by what took it over (``formerly`` of a contract)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine.language.model import Contract, Pair


def successors(name: str, known: Iterable[Contract]) -> list[Contract]:
    """The contracts that have taken over what ``name`` was, by their names."""
    return sorted((contract for contract in known if name in contract.formerly), key=lambda contract: contract.name)


def former_names(name: str, successor: Contract) -> dict[str, str]:
    """What the members of ``successor`` were called in the contract ``name``, by their present names."""
    renamed = {now: was for was, now in successor.formerly[name].items()}
    members = (*successor.actions, *successor.events, *successor.values)
    return {member: renamed.get(member, member) for member in members}


def former_contract(name: str, found: list[Contract]) -> Contract | None:
    """The contract ``name`` as it was, made of its successors; None without any. One that was only renamed is the
    present one."""
    if not found:
        return None
    if len(found) == 1 and not found[0].formerly[name]:
        return found[0]
    merged = Contract(name, {}, {}, {}, person=any(contract.person for contract in found))
    pairs: list[Pair] = []
    for contract in found:
        names = former_names(name, contract)
        merged.actions.update((names[key], replace(one, name=names[key])) for key, one in contract.actions.items())
        merged.events.update((names[key], replace(one, name=names[key])) for key, one in contract.events.items())
        merged.values.update((names[key], one) for key, one in contract.values.items())
        merged.stale.update((names[key], age) for key, age in contract.stale.items())
        pairs += [_pair(pair, names) for pair in contract.unsafe]
    return replace(merged, unsafe=tuple(pairs))


def _pair(pair: Pair, names: dict[str, str]) -> Pair:
    order, *until = (replace(pattern, action=names[pattern.action]) for pattern in (pair.order, *pair.until))
    return replace(pair, order=order, until=tuple(until))
