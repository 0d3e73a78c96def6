"""Octets as lines. Total and bounded: whatever comes, it is a line of at most 200 characters, or nothing."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 200


class Lines:
    """Collects what one source sends. A line ends with CR, LF or both; one that is too long is left out whole."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._too_long = False
        self._after_cr = False

    def feed(self, data: bytes) -> list[str]:
        """The lines that are whole now."""
        lines = []
        for octet in data:
            if octet == 0x0A and self._after_cr:
                self._after_cr = False
                continue
            self._after_cr = octet == 0x0D
            if octet not in (0x0A, 0x0D):
                if len(self._kept) >= LONGEST:
                    self._too_long = True
                else:
                    self._kept.append(octet)
                continue
            if not self._too_long:
                text = self._kept.decode("utf-8", "replace")
                lines.append("".join(c for c in text if c.isprintable()))
            self._kept.clear()
            self._too_long = False
        return lines
