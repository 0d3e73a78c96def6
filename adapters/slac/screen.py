"""Which frames a chart wants rejected for the contents of their fields, applied to decoded messages.

The table of fields is the chart's (ISO 15118-5 names them); this module only applies it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from difflib import get_close_matches

from adapters.slac.frames import MESSAGES, Mme

FIELDS: dict[str, tuple[type[Mme], str]] = {
    f"{message.NAME.replace('.', '_')}.{field.name}": (message, field.name)
    for message in MESSAGES
    for field in fields(message)
}
"""``CM_SLAC_PARM_CNF.num_sounds``: the message class and its field."""


class Screen:
    """What fields must hold: those named in ``zero`` only zeros, those named in ``nonzero`` anything but zeros.

    Raises ``ValueError`` for a field that no message has.
    """

    def __init__(self, zero: Sequence[str] = (), nonzero: Sequence[str] = ()) -> None:
        self._wanted: dict[type[Mme], list[tuple[str, bool]]] = {}
        for names, is_zero in ((zero, True), (nonzero, False)):
            for name in names:
                if name not in FIELDS:
                    near = get_close_matches(name, FIELDS, 1, 0.6)
                    raise ValueError(f"there is no field '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""))
                message, field = FIELDS[name]
                self._wanted.setdefault(message, []).append((field, is_zero))

    def objection(self, message: Mme) -> str | None:
        """The first field that breaks the rules, for people; None when there is none."""
        for field, wanted_zero in self._wanted.get(type(message), ()):
            value = getattr(message, field)
            is_zero = not any(value) if isinstance(value, bytes) else not value
            if is_zero != wanted_zero:
                shown = value.hex() if isinstance(value, bytes) else value
                return f"{message.NAME}: {field} is {shown}" + (", not 0" if wanted_zero else "")
        return None
