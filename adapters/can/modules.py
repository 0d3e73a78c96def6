"""What all families of power modules have in common: a few orders, and what a module tells.

A family of modules has, besides its table of messages, a table of orders: the messages that one order needs. What a
module tells is by the names of its fields: ``module`` (who), ``voltage``, ``current``, ``temperature``,
``maximum_voltage`` and so on (:data:`READINGS`), ``output`` (``on``, ``off``) and ``alarms``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from adapters.can.frame import Frame
from adapters.can.table import Family, MessageType, Unfit

READINGS: Final = (
    "voltage",
    "current",
    "temperature",
    "maximum_voltage",
    "minimum_voltage",
    "maximum_current",
    "maximum_power",
)
"""Fields of the same meaning and unit in all families: what ``reading`` of contract ``power_modules`` may carry."""

Send = tuple[str, dict[str, Any]]
"""A message of the table and its values."""
Order = Callable[..., Iterable[Send]]
ORDERS: Final = ("set", "on", "off", "poll", "wide", "narrow", "store", "identify", "ask")
"""``set(module, voltage, current)``; ``on``, ``off`` (module); ``poll(module)`` asks for everything :data:`READINGS`
and the state need; ``wide``, ``narrow`` (module) choose the range of voltage where a module has two, only when it is
off; ``store(module, voltage, current)`` what it gives without its controller, where a module keeps that for good;
``identify(module)`` asks for its serial number, where not every answer has it; ``ask(module, turn)`` is one question of
``poll``, of a make that is asked for one thing at a time."""


class ModuleFamily(Family):
    """A family of power modules. ``orders`` gives the messages of each of :data:`ORDERS` that it has; ``everyone`` is
    the address that all modules obey, ``first`` and ``last`` those of single ones. ``serial`` is the field, or part of
    the identifier, in which two modules of one address differ; ``report_ns`` is how often each reports without being
    asked, 0 for those that are asked."""

    def __init__(
        self,
        name: str,
        title: str,
        source: str,
        messages: Iterable[MessageType],
        orders: Mapping[str, Order],
        *,
        first: int,
        last: int,
        everyone: int | None = None,
        bitrates: tuple[int, ...] = (125_000,),
        serial: str = "",
        report_ns: int = 0,
    ) -> None:
        super().__init__(name, title, source, messages, bitrates)
        self.first, self.last, self.everyone = first, last, everyone
        self.serial, self.report_ns = serial, report_ns
        self._orders = dict(orders)

    def order(self, name: str, module: int, /, **values: Any) -> list[Frame]:
        """The frames of an order to a module, in the order they are to be sent. Raises :class:`Unfit` for an address or
        a value that does not fit, and for an order that the family does not have."""
        if name not in self._orders:
            raise Unfit(f"{self.title} has no order '{name}'; it has: {', '.join(self._orders)}")
        if not self.first <= module <= self.last and module != self.everyone:
            everyone = "" if self.everyone is None else f", {self.everyone} for all"
            raise Unfit(
                f"{self.title}: there is no module {module}; addresses are {self.first} to {self.last}{everyone}"
            )
        return [self.encode(message, **sent) for message, sent in self._orders[name](module, **values)]

    def has_order(self, name: str) -> bool:
        """Whether the family has this order."""
        return name in self._orders
