"""What repeats in plain lines is counted: a loop of ten milliseconds would bury everything else."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.tools.trace.repeats import LEAST, LULL_NS

_AGAIN_NS = 10_000_000_000  # a loop that goes on is told anew after this time
T = TypeVar("T")


@dataclass(slots=True)
class Told(Generic[T]):
    """One that is to be told. ``count``: of how many the last, since ``since_ns``; 0 of one that stands for itself."""

    one: T
    count: int = 0
    since_ns: int = 0


@dataclass(slots=True)
class _Chain(Generic[T]):
    last_ns: int
    soon: int = 1  # times that came soon after each other
    since_ns: int = 0  # the first of those that wait
    count: int = 0  # of those that wait
    last: T | None = None

    def told(self) -> Iterator[Told[T]]:
        if self.last is not None:
            yield Told(self.last, self.count if self.count > 1 else 0, self.since_ns)
        self.count, self.last = 0, None


class Folding(Generic[T]):
    """Takes one after the other, and gives what is to be told. The first ones of a kind are told at once. Those that
    repeat wait: until their machine does something else, or for ten seconds; then the last of them is told, with their
    number."""

    def __init__(self) -> None:
        self._machines: dict[str, dict[Hashable, _Chain[T]]] = {}
        self._looked_ns = 0

    def take(self, at_ns: int, machine: str, kind: Hashable, one: T, *, always: bool = False) -> Iterator[Told[T]]:
        """One more of this kind; ``always``: whatever was before."""
        if at_ns - self._looked_ns >= LULL_NS:
            self._looked_ns = at_ns
            yield from self._over(at_ns)
        chains = self._machines.setdefault(machine, {})
        chain = chains.get(kind)
        if chain is None or at_ns - chain.last_ns > LULL_NS or always:
            yield from self._waiting(chains)
            chains[kind] = _Chain(at_ns)
            yield Told(one)
            return
        chain.last_ns = at_ns
        chain.soon += 1
        if chain.soon <= LEAST:
            yield from self._waiting(chains)
            yield Told(one)
            return
        if not chain.count:
            chain.since_ns = at_ns
        chain.count, chain.last = chain.count + 1, one
        if at_ns - chain.since_ns >= _AGAIN_NS:
            yield from chain.told()

    def rest(self) -> Iterator[Told[T]]:
        """All that still wait."""
        for chains in self._machines.values():
            yield from self._waiting(chains)

    @staticmethod
    def _waiting(chains: dict[Hashable, _Chain[T]]) -> Iterator[Told[T]]:
        for chain in sorted((one for one in chains.values() if one.count), key=lambda one: one.last_ns):
            yield from chain.told()

    def _over(self, at_ns: int) -> Iterator[Told[T]]:
        """Of machines that have fallen silent; kinds that are over are forgotten."""
        for chains in self._machines.values():
            for kind in [kind for kind, chain in chains.items() if at_ns - chain.last_ns > LULL_NS]:
                yield from chains.pop(kind).told()
