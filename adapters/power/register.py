"""The register of a simulated meter, which outlives the program as that of a real one does."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.adapter import ConfigurationError, Setting

REGISTER: Mapping[str, Setting] = {
    "register": Setting(
        "string", "", "File, with the outlet's name behind it, in which the register outlives the program; empty: none"
    )
}
_LAYOUT = struct.Struct("<d")


class Register:
    """Wh in a file of eight octets, which is mapped: what :meth:`keep` was told is there however the program ends."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Raises ``ConfigurationError`` for a file that cannot be used."""
        self.energy_Wh = 0.0
        self._there: mmap.mmap | None = None
        if not config["register"]:
            return
        file = Path(f"{config['register']}.{config['outlet']}")
        try:
            if not file.exists():
                file.write_bytes(_LAYOUT.pack(0.0))
            with file.open("r+b") as opened:
                self._there = mmap.mmap(opened.fileno(), _LAYOUT.size)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"setting 'register': {file} is no register of a meter: {error}") from None
        (self.energy_Wh,) = _LAYOUT.unpack(self._there[:])

    def keep(self, energy_Wh: float) -> None:
        """It is this now."""
        if self._there is not None and energy_Wh != self.energy_Wh:
            self.energy_Wh = energy_Wh
            self._there[:] = _LAYOUT.pack(energy_Wh)
