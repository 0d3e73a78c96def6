"""The two errors of the codec: for bytes that are not a message, and for values that are not."""

from __future__ import annotations


class ExiError(Exception):
    """Bytes that do not hold a message of the schema.

    ``bit_offset`` counts from the first bit of the header byte; ``path`` names the element being read
    (``V2G_Message.Body.CurrentDemandReq``); ``reason`` says what was wrong.
    """

    def __init__(self, reason: str, *, remaining: int = 0, bit_offset: int | None = None, path: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.remaining = remaining
        """Bits left in the stream where it went wrong; the decoder's entry point turns it into ``bit_offset``."""
        self.bit_offset = bit_offset
        self.path = path

    def inside(self, name: str) -> ExiError:
        """The same error, seen from the element around it."""
        self.path = f"{name}.{self.path}" if self.path else name
        return self

    def __str__(self) -> str:
        where = f" at bit {self.bit_offset}" if self.bit_offset is not None else ""
        return f"{self.path or 'document'}: {self.reason}{where}"


class ValidationError(ValueError):
    """A value the schema does not allow. ``path`` names it (``CurrentDemandReq.EVTargetVoltage.Value``)."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path

    def inside(self, name: str) -> ValidationError:
        """The same error, seen from the message around it."""
        if not self.path:
            self.path = name
        else:
            self.path = name + self.path if self.path.startswith("[") else f"{name}.{self.path}"
        return self

    def __str__(self) -> str:
        return f"{self.path or 'message'}: {self.reason}"
