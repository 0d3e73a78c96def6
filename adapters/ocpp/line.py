"""A WebSocket whose messages are taken as they are read and written as they are sent, in the same turn of the loop.

By ``recv`` and ``send`` of the package each of them is a task to be woken or made, and a message costs three more turns
of the loop. Sources: RFC 6455 §5.4 (fragments; control frames between them).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.protocol import OPEN


class Line(ClientConnection):
    """``connect(…, create_connection=Line)`` makes one. :meth:`hear` says who takes the messages."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._hear: Callable[[str | None], None] | None = None
        self._early: list[Frame] = []  # nobody takes them yet
        self._kind: Opcode | None = None  # of a message whose end has not come
        self._begun = bytearray()  # of the same: however many fragments, it is no longer than ``max_size``

    def hear(self, hear: Callable[[str | None], None]) -> None:
        """``hear`` is called with each message from now on, those that have come before it; None: a binary one.
        ``recv`` waits for the end of the line then."""
        early, self._early = self._early, []
        self._hear = hear
        for frame in early:
            self._take(frame)
        self.transport.resume_reading()

    def say(self, text: str) -> None:
        """Send a message; nothing happens when the line is closing, which is told where it is read."""
        if self.protocol.state is OPEN:
            self.protocol.send_text(text.encode())
            self.send_data()

    def process_event(self, event: Any) -> None:
        """Of the package: one frame has come, or the answer to the handshake."""
        if not isinstance(event, Frame) or event.opcode not in DATA_OPCODES:
            super().process_event(event)
        elif self._hear is None:
            self._early.append(event)
            self.transport.pause_reading()  # so that there are few
        else:
            self._take(event)

    def _take(self, frame: Frame) -> None:
        if self._kind is None:
            if frame.fin:
                self._whole(frame)
                return
            self._kind = frame.opcode
        self._begun += frame.data
        if frame.fin:
            whole = Frame(self._kind, bytes(self._begun))
            self._kind, self._begun = None, bytearray()
            self._whole(whole)

    def _whole(self, frame: Frame) -> None:
        assert self._hear is not None
        if frame.opcode is not Opcode.TEXT:
            self._hear(None)
            return
        try:
            text = str(frame.data, "utf-8")
        except UnicodeDecodeError:
            super().process_event(frame)  # recv ends the line for that, in order
            return
        self._hear(text)
