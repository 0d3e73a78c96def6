"""Values that grow old. A contract states when one of its values is stale; the machines that read it are told then.

A value is looked at when it may have become stale, and not when it is renewed: a new one costs nothing. One that is
stale is looked at once in the time in which it would grow stale again, so no fresh one is overlooked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.adapter import Adapter, AdapterError
from engine.language.model import STALE

if TYPE_CHECKING:
    from engine.run.binding import Binding
    from engine.run.deadlines import Deadline


class StaleWatch:
    """The values of one binding. Watched are those that a machine with the role reads, all when one has a transition
    for ``role.stale``; none of an adapter that measures as it is read.

    ``told``: those that are stale, and were told.
    """

    def __init__(self, binding: Binding) -> None:
        self.told: set[str] = set()
        self._binding = binding
        self._limits = binding.contract.stale
        self._looks: dict[str, Deadline] = {}
        self._over = False

    def begin(self) -> None:
        """Watch what is not watched yet: the adapter is open, or another machine has the role."""
        if not self._over and self._binding.is_open:
            for name in self._limits:
                if name not in self._looks and self._may_age(name) and self._is_read(name):
                    self._look(name)

    def end(self) -> None:
        """Look no more: nobody is behind the role any longer."""
        self._over = True
        for look in self._looks.values():
            look.cancel()
        self._looks.clear()

    def _may_age(self, name: str) -> bool:
        binding = self._binding
        dropped = binding.faults is not None and binding.faults.drops(name)
        return dropped or getattr(type(binding.adapter), "age_ns", Adapter.age_ns) is not Adapter.age_ns

    def _is_read(self, name: str) -> bool:
        subscriptions = self._binding.system.subscriptions
        known = [(subscriptions(actor.machine.chart), role) for actor, role in self._binding.attached]
        return any((role, name) in its.readings or its(f"{role}.{STALE}") for its, role in known)

    def _look(self, name: str) -> None:
        self._looks.pop(name, None)
        if not self._is_read(name):
            self.told.discard(name)
            return
        limit_ns, age_ns = self._limits[name], self._age_ns(name)
        if age_ns < limit_ns:
            self.told.discard(name)
            again_ns = limit_ns - age_ns
        else:
            if name not in self.told:
                self.told.add(name)
                self._binding.emit(STALE, {"value": name})
            again_ns = max(1, limit_ns - 1)  # one renewed right now is still fresh then
        self._looks[name] = self._binding.system.set_deadline(again_ns, lambda: self._look(name))

    def _age_ns(self, name: str) -> int:
        """Its age; one that cannot be told is too old, which is reported once."""
        try:
            return max(0, self._binding.age_ns(name))
        except AdapterError as error:
            if name not in self.told:
                self._binding.report(str(error))
            return self._limits[name]
