"""Contract ``can_bus`` over python-can: SocketCAN, slcan, gs_usb, PCAN, virtual, udp_multicast … by its own names.

A thread waits in ``recv`` and hands frames to the host in portions, another sends; both end with the interface and say
why. Queues are bounded. Nothing here tries again: that is the chart's. The real clock only.
"""

from __future__ import annotations

import errno
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from adapters.can.bus import BusState, CanBus, Link, Node
from adapters.can.frame import Frame
from adapters.can.simulated import replaced
from engine.adapter import AdapterError, ConfigurationError, Port, Setting

if TYPE_CHECKING:
    import can

MOST_RECEIVED: Final = 4096
"""Received frames that wait for the host: a second of a full bus of 500 kbit/s."""
MOST_WAITING: Final = 256
"""Frames that wait to be sent."""
PORTION: Final = 128
"""Frames handed over in one turn of the event loop."""
PATIENCE_S: Final = 0.2
"""How long a thread waits before it looks whether it shall end."""
GATHER_S: Final = 0.0005
"""From one waking of the host to the next: on a full bus each takes several frames, a lone frame wakes it at once."""
SEND_S: Final = 0.1
"""How long an interface may take for a frame."""
FLUSH_S = 1.0
"""How long frames that wait may still be sent when the interface is being closed: the last order is "off"."""
NO_BUFFER: Final = (
    "no buffer space: nobody acknowledges (no other node, wrong bit rate, cable or terminators), or the bus is full"
)


class PythonCanLink:
    """A node's way to a real interface; ``make`` opens it (in the reader's thread: some take seconds)."""

    def __init__(self, make: Callable[[], can.BusABC], node: Node, port: Port, owner: PythonCanBus) -> None:
        self._make, self.node, self._port, self._owner = make, node, port, owner
        self._session: _Session | None = None
        self._last: _Session | None = None  # also when it is over: the next one begins when its interface is closed

    @property
    def is_connected(self) -> bool:
        return self._session is not None and self._session.is_open

    def connect(self) -> None:
        if self._session is not None and self._session.is_opening:
            return
        self.disconnect()
        session = self._session = self._last = _Session(self, self._last)
        self._port.spawn(self._begin(session))  # says that it needs the real clock where there is none

    async def _begin(self, session: _Session) -> None:
        if session is self._session:
            session.start()

    def disconnect(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.stop()

    def close(self) -> None:
        """Close the interface and wait a moment until it is closed."""
        self.disconnect()
        if self._last is not None:
            self._last.wait(FLUSH_S + 2 * PATIENCE_S + 2 * SEND_S)

    def send(self, frame: Frame) -> None:
        session = self._session
        if session is not None and not session.put(frame):
            text = f"{MOST_WAITING} frames wait: {NO_BUFFER}"
            self._owner.send_failed(frame, "full", text)

    # What a session's threads tell, in the host's thread; one that has been replaced says nothing any more.

    def tell(self, session: _Session, what: Callable[[PythonCanBus], None]) -> None:
        """Called by a thread: ``what`` is done by the host while the session is the present one."""
        self._port.call_soon_threadsafe(lambda: what(self._owner) if session is self._session else None)

    def open(self) -> can.BusABC:
        """Open the interface; raises what python-can raises."""
        return self._make()

    def sent(self) -> None:
        """Called by the sender, for each frame the interface has taken."""
        self._owner.sent += 1

    def wake(self, session: _Session) -> None:
        """Called by the reader: frames wait."""
        self._port.call_soon_threadsafe(lambda: self._drain(session))

    def _drain(self, session: _Session) -> None:
        if session is not self._session:
            return
        session.woken = False
        received, deliver = session.received, self.node.deliver
        for count in range(PORTION):
            try:
                frame = received.popleft()
            except IndexError:
                self._owner.received += count
                break
            deliver(frame)
        else:
            self._owner.received += PORTION
            if not session.woken:  # what is left goes after everything else had its turn
                session.woken = True
                self.wake(session)
        if session.lost:
            lost, session.lost = session.lost, 0
            self._owner.dropped += lost
            self._owner.overflowed(lost)


class _Session:
    """One opened interface with its two threads."""

    def __init__(self, link: PythonCanLink, before: _Session | None) -> None:
        self._link = link
        self._before = before
        self._told_lost = False
        self._until = math.inf
        self.received: deque[Frame] = deque()
        self.woken = False
        self.lost = 0
        self.is_opening = True
        """Neither open nor lost yet. Set by the host's thread alone, as the next one: what is told goes with it."""
        self._is_open = False
        self._waiting: deque[Frame] = deque()
        self._something = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, name=f"CAN reader of {link.node.name}", daemon=True)

    @property
    def is_open(self) -> bool:
        """Whether frames pass: it was told so, and nobody has ended it."""
        return self._is_open and not self._ended

    def start(self) -> None:
        """Open the interface in a thread of its own."""
        self._reader.start()

    def stop(self) -> None:
        """Let the threads end; the interface is closed by its reader."""
        self.is_opening = self._is_open = False
        self._until = time.monotonic() + FLUSH_S
        with self._something:
            self._ended = True
            self._something.notify()

    def wait(self, seconds: float) -> None:
        """Wait until the interface is closed, not longer than this."""
        if self._reader.is_alive() and self._reader is not threading.current_thread():
            self._reader.join(seconds)

    def put(self, frame: Frame) -> bool:
        """Queue a frame; False when the queue is full and no frame in it says the same."""
        with self._something:
            if len(self._waiting) >= MOST_WAITING:
                return replaced(self._waiting, frame)
            self._waiting.append(frame)
            self._something.notify()
        return True

    # ------------------------------------------------------------ the reader's thread

    def _read(self) -> None:
        before, self._before = self._before, None
        if before is not None:
            before.wait(5.0)
        if self._ended:
            return
        try:
            bus = self._link.open()
        except Exception as error:
            self._lose(f"it cannot be opened: {said(error)}")
            return
        sender = threading.Thread(
            target=self._send, args=(bus,), name=f"CAN sender of {self._link.node.name}", daemon=True
        )
        try:
            self._opened()
            sender.start()
            self._receive(bus)
        except Exception as error:
            self._lose(said(error))
        finally:
            with self._something:
                self._ended = True
                self._something.notify()
            sender.join(FLUSH_S + 2 * SEND_S)
            try:
                bus.shutdown()
            except Exception as error:  # it has gone already; the chart knows that
                text = said(error)
                self._link.tell(self, lambda owner: owner.port.tell(f"closing the CAN interface: {text}"))

    def _opened(self) -> None:
        def tell(owner: PythonCanBus) -> None:
            self.is_opening, self._is_open = False, True
            owner.connected()

        self._link.tell(self, tell)

    def _receive(self, bus: can.BusABC) -> None:
        import can

        has_state = type(bus).state is not can.BusABC.state
        states: dict[Any, BusState] = {
            can.BusState.ACTIVE: "error_active",
            can.BusState.PASSIVE: "error_passive",
            can.BusState.ERROR: "bus_off",
        }
        received, recv, wake, link = self.received, bus.recv, self._link.wake, self._link
        state, looked_s = states[can.BusState.ACTIVE], time.monotonic()
        woke_s, told = 0.0, True  # when the host was woken last, and whether it is for all that has come
        while not self._ended:
            message = recv(PATIENCE_S if told else max(0.0, woke_s + GATHER_S - time.monotonic()))
            if not told and (self.woken or message is None or time.monotonic() - woke_s >= GATHER_S):
                told = True
                if not self.woken:
                    self.woken, woke_s = True, time.monotonic()
                    wake(self)
            if has_state and time.monotonic() - looked_s >= PATIENCE_S:  # also on a bus that is never quiet
                looked_s, before, state = time.monotonic(), state, states[bus.state]
                if state != before:
                    link.tell(self, lambda owner, now=state: owner.state_changed(now, "the interface says so"))  # type: ignore[misc]
            if message is None:
                continue
            if message.is_error_frame:
                self._error_frame(message)
                continue
            if message.is_remote_frame or message.is_fd:
                continue
            if len(received) >= MOST_RECEIVED:
                self.lost += 1
                continue
            received.append(Frame(message.arbitration_id, bytes(message.data), message.is_extended_id))
            if not self.woken:
                now_s = time.monotonic()
                told = now_s - woke_s >= GATHER_S
                if told:
                    self.woken, woke_s = True, now_s
                    wake(self)

    def _error_frame(self, message: can.Message) -> None:
        found = state_of(message.arbitration_id, bytes(message.data))
        if found is not None:
            self._link.tell(self, lambda owner: owner.state_changed(*found))

    def _lose(self, reason: str) -> None:
        def tell(owner: PythonCanBus) -> None:
            self.is_opening = self._is_open = False
            owner.lost(reason)

        self._ended = True
        if not self._told_lost:
            self._told_lost = True
            self._link.tell(self, tell)

    # ------------------------------------------------------------ the sender's thread

    def _send(self, bus: can.BusABC) -> None:
        import can

        while True:
            with self._something:
                while not self._waiting and not self._ended:
                    self._something.wait()
                if not self._waiting or self._told_lost or time.monotonic() > self._until:
                    return
                frame = self._waiting.popleft()
            message = can.Message(arbitration_id=frame.id, data=frame.data, is_extended_id=frame.extended, check=False)
            try:
                bus.send(message, SEND_S)
            except Exception as error:
                self._refused(frame, error)
            else:
                self._link.sent()

    def _refused(self, frame: Frame, error: Exception) -> None:
        code = (
            getattr(error, "error_code", None) or getattr(error, "errno", None) or getattr(error.__cause__, "errno", 0)
        )
        if code == errno.ENOBUFS or "No buffer space" in str(error) or "timeout" in str(error).lower():
            text = NO_BUFFER
            self._link.tell(self, lambda owner: owner.state_changed("error_passive", text))
            self._link.tell(self, lambda owner: owner.send_failed(frame, "full", text))
            return
        text = said(error)
        self._link.tell(self, lambda owner: owner.send_failed(frame, "refused", text))
        if code in (errno.ENETDOWN, errno.ENODEV, errno.ENXIO, errno.EIO, errno.EBADF):
            self._lose(text)


def said(error: Exception) -> str:
    """What went wrong, with its kind where the text alone says little."""
    text = str(error).strip()
    return text if len(text) > 8 else f"{type(error).__name__}: {text}"


_CONTROLLER, _BUS_OFF, _RESTARTED, _NO_ACK = 0x004, 0x040, 0x100, 0x020
_PASSIVE, _ACTIVE = 0x30, 0x40


def state_of(classes: int, data: bytes) -> tuple[BusState, str] | None:
    """What an error frame of SocketCAN says of the controller's state (linux/can/error.h); None when nothing."""
    if classes & _BUS_OFF:
        return "bus_off", "the controller has taken itself off the bus after too many errors"
    if classes & _CONTROLLER and len(data) > 1:
        if data[1] & _PASSIVE:
            return "error_passive", "many errors on the bus"
        if data[1] & _ACTIVE:
            return "error_active", "errors have ceased"
    if classes & _RESTARTED:
        return "error_active", "the controller was restarted"
    if classes & _NO_ACK:
        return "error_passive", "nobody acknowledges: no other node, wrong bit rate, cable or terminators"
    return None


def check_interface(what: str, interface: str) -> None:
    """Raises ``ConfigurationError`` when python-can has no interface of this name."""
    import can

    if interface not in can.VALID_INTERFACES:
        known = ", ".join(sorted(can.VALID_INTERFACES))
        raise ConfigurationError(f"{what}: python-can has no '{interface}'; it has: {known}")


def parse_options(text: str) -> dict[str, Any]:
    """``port=43113, receive_own_messages=no`` as keywords of ``can.Bus``: whole numbers, numbers, yes and no, else
    text. Raises ``ConfigurationError``."""
    options: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key.isidentifier():
            raise ConfigurationError(f"setting 'options': '{part}' is not KEY=VALUE")
        if value.lower() in ("yes", "true", "no", "false"):
            options[key] = value.lower() in ("yes", "true")
            continue
        for read in (lambda text: int(text, 0), float, str):
            try:
                options[key] = read(value)
            except ValueError:
                continue
            break
    return options


class PythonCanBus(CanBus):
    """Contract ``can_bus`` over an interface of python-can."""

    settings: ClassVar[Mapping[str, Setting]] = {
        **CanBus.settings,
        "interface": Setting(
            "string", "socketcan", "Kind of interface, by python-can's name: socketcan, slcan, gs_usb"
        ),
        "channel": Setting("string", "", "Which one: can0, /dev/ttyACM0, 239.74.163.2 (required)"),
        "bitrate": Setting("int", 0, "Bits per second; 0: not set here (SocketCAN: ip link … bitrate)"),
        "options": Setting("string", "", "Further keywords of can.Bus: port=43113, index=0"),
    }

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        mine = dict(super().claims(config))
        if config["channel"] and config["interface"] == "slcan":
            mine["channel"] = f"the serial port {config['channel']!r}"
        return mine

    @classmethod
    def refuses(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        rate = config["bitrate"]
        return {} if rate >= 0 else {"bitrate": f"bits per second, or 0 where it is not set here, not {rate}"}

    _opened: PythonCanLink | None = None

    def make_link(self, node: Node) -> Link:
        """Raises ``AdapterError`` without python-can, ``ConfigurationError`` for an interface that it does not have."""
        try:
            import can
        except ImportError as error:
            raise AdapterError(
                f"CAN interfaces need python-can ({error}): in the clone of chargechart, pip install '.[can]'"
            ) from None
        interface, channel = self.config["interface"], self.config["channel"]
        if not channel:
            raise ConfigurationError("setting 'channel' is missing: which CAN interface, such as can0")
        check_interface("setting 'interface'", interface)
        options = parse_options(self.config["options"])
        if self.config["bitrate"]:
            options["bitrate"] = self.config["bitrate"]
        node.name = f"{interface} {channel}"
        self._opened = PythonCanLink(lambda: can.Bus(channel, interface, **options), node, self.port, self)
        return self._opened

    def close(self) -> None:
        super().close()
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()
