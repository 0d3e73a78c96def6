"""An interface of python-can that does what drivers do when things go wrong, registered under the name ``faulty``."""

from __future__ import annotations

import errno
import queue
import threading
from typing import Any

import can
import pytest

DEVICES: dict[str, Device] = {}
"""By channel."""


class Device:
    """What is behind a channel: a test pulls it, lets it fail and sees what was sent. It may be opened at once unless
    ``may_open`` is cleared; while it ``babbles`` there is always another frame."""

    def __init__(self, channel: str) -> None:
        DEVICES[channel] = self
        self.channel = channel
        self.may_open = threading.Event()
        self.may_open.set()
        self.gone = self.babbles = False
        self.opened = self.failed = 0
        self.arriving: queue.SimpleQueue[can.Message | Exception] = queue.SimpleQueue()
        self.sent: list[can.Message] = []
        self.state = can.BusState.ACTIVE

    def says(self, can_id: int, data: str) -> None:
        """A frame of another node arrives."""
        self.arriving.put(can.Message(arbitration_id=can_id, data=bytes.fromhex(data)))

    def error(self, classes: int, data: str = "0000000000000000") -> None:
        """An error frame arrives as SocketCAN tells it (linux/can/error.h)."""
        self.arriving.put(can.Message(arbitration_id=classes, data=bytes.fromhex(data), is_error_frame=True))

    def pull(self) -> None:
        """The interface vanishes, as a USB adapter that is pulled; until :meth:`plug` it cannot be opened."""
        self.gone = True
        self.arriving.put(can.CanOperationError("No such device", errno.ENODEV))

    def plug(self) -> None:
        """It is back."""
        self.gone = False


class FaultyBus(can.BusABC):
    """``can.Bus(channel, "faulty")``."""

    def __init__(self, channel: str, **more: Any) -> None:
        super().__init__(channel, **more)
        self.device = DEVICES[channel]
        self.device.may_open.wait()
        if self.device.gone:
            self.device.failed += 1
            self.shutdown()
            raise can.CanInitializationError("No such device", errno.ENODEV)
        self.device.opened += 1

    @property
    def state(self) -> can.BusState:
        return self.device.state

    @state.setter
    def state(self, new: can.BusState) -> None:
        raise NotImplementedError

    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        if self.device.babbles and self.device.arriving.empty():
            return can.Message(arbitration_id=0), False
        try:
            arrived = self.device.arriving.get(timeout=timeout)
        except queue.Empty:
            return None, False
        if isinstance(arrived, Exception):
            raise arrived
        return arrived, False

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        if self.device.gone:
            raise can.CanOperationError("No such device", errno.ENODEV)
        self.device.sent.append(msg)


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make python-can know the interface ``faulty``."""
    monkeypatch.setitem(can.interfaces.BACKENDS, "faulty", (__name__, "FaultyBus"))
    names = frozenset({*can.VALID_INTERFACES, "faulty"})
    monkeypatch.setattr("can.VALID_INTERFACES", names)
    monkeypatch.setattr("can.util.VALID_INTERFACES", names)
