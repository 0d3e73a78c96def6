"""Contract ``can_bus`` over python-can: SocketCAN, slcan, gs_usb, PCAN, virtual, udp_multicast … by its own names.

Where the interface is a socket (SocketCAN, udp_multicast) the host's event loop reads it itself, a portion a turn, and
sends what the socket takes at once; a thread only empties the socket while the host is late, and sends what has to
wait. Other interfaces are read by a thread that waits in ``recv`` and hands frames to the host in portions. Threads end
with the interface and say why. Queues are bounded. Nothing here tries again: that is the chart's. The real clock only.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import math
import os
import select
import socket
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from adapters.can.bus import BusState, CanBus, Link, Node
from adapters.can.frame import Frame
from adapters.can.simulated import replaced
from engine.adapter import AdapterError, Cancellable, ConfigurationError, Port, Setting

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
LATE_S: Final = 0.02
"""A host that has not read a socket for so long is late; a kernel's buffer may hold no more than 60 ms of a full bus.
"""
KERNEL_BUFFER: Final = 1 << 21
"""Octets that a socket's buffer is asked to have; a kernel gives 200,000 and more, a frame takes some 800."""
SO_RCVBUFFORCE: Final = 33
"""Of linux/asm-generic/socket.h: beyond what the system allows everybody."""
SEND_S: Final = 0.1
"""How long an interface may take for a frame."""
MISFITS_NS: Final = 1_000_000_000
"""What is no CAN frame is told once in so long."""
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

    def later(self, work: Callable[[], None]) -> None:
        """Called by a thread: ``work`` is done by the host, whatever session is the present one."""
        self._port.call_soon_threadsafe(work)

    def report(self, error: Exception) -> None:
        """A failure that is not the interface's."""
        self._port.error(f"{type(error).__name__}: {error}")

    def open(self) -> can.BusABC:
        """Open the interface; raises what python-can raises."""
        return self._make()

    def sent(self) -> None:
        """Called by the sender, for each frame the interface has taken."""
        self._owner.sent += 1

    def wake(self, session: _Session) -> None:
        """Called by the reader: frames wait."""
        self._port.call_soon_threadsafe(lambda: self._drain(session))

    def read(self, session: _Session, take: Callable[[], Frame | None]) -> None:
        """Called by the host's loop: a socket can be read. What the thread has read while the host was late goes first;
        what is left goes after everything else had its turn."""
        if session.received:
            self._drain(session)
            return
        deliver = self.node.deliver
        for _ in range(PORTION):
            frame = take()
            if frame is None or session is not self._session:
                return
            self._owner.received += 1
            deliver(frame)

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
        self.misfits, self.misfit = 0, ""  # not told yet: how many, and what the last one was
        self.is_opening = True
        """Neither open nor lost yet. Set by the host's thread alone, as the next one: what is told goes with it."""
        self._is_open = False
        self._waiting: deque[Frame] = deque()
        self._something = threading.Condition()
        self._ended = False
        self._over = threading.Event()
        self._bus: can.BusABC | None = None  # a socket, which the host reads and sends on
        self._fd = -1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turns = 0  # of the host, to read the socket
        self._reading = threading.Lock()
        self._released = threading.Event()  # the host's loop does not watch the socket (any more)
        self._sending = False
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
        self._release()
        with self._something:
            self._ended = True
            self._something.notify()
        self._over.set()

    def wait(self, seconds: float) -> None:
        """Wait until the interface is closed, not longer than this."""
        if self._reader.is_alive() and self._reader is not threading.current_thread():
            self._reader.join(seconds)

    def put(self, frame: Frame) -> bool:
        """Queue a frame; False when the queue is full and no frame in it says the same."""
        with self._something:
            is_next = not self._waiting and not self._sending and not self._ended
            if self._bus is not None and is_next and self._send_now(self._bus, frame):
                return True
            if len(self._waiting) >= MOST_WAITING:
                return replaced(self._waiting, frame)
            self._waiting.append(frame)
            self._something.notify()
        return True

    def _send_now(self, bus: can.BusABC, frame: Frame) -> bool:
        """Send a frame on a socket that takes it without waiting; False: the thread has to, and says what is wrong."""
        try:
            if not select.select((), (self._fd,), (), 0)[1]:
                return False
            bus.send(_message(frame), SEND_S)
        except Exception:
            return False
        self._link.sent()
        return True

    # ------------------------------------------------------------ a socket, in the host's thread

    def _watch(self, bus: can.BusABC) -> None:
        if self._ended:
            return
        self._loop = asyncio.get_running_loop()
        self._bus = bus
        self._loop.add_reader(self._fd, self._readable)

    def _readable(self) -> None:
        self._turns += 1
        try:
            self._link.read(self, self._take)
        except Exception as error:  # of who hears the frame; the next one is read all the same
            self._link.report(error)

    def _take(self) -> Frame | None:
        """The next frame of the socket; None when there is none, or it has gone."""
        bus = self._bus
        if bus is None:
            return None
        try:
            with self._reading:
                if self.received:  # the thread has read since this turn began: that came before
                    return self.received.popleft()
                while (message := self._next(bus, 0)) is not None:
                    frame = self._frame(message)
                    if frame is not None:
                        return frame
        except Exception as error:
            self._lose(said(error))
            self._release()
        return None

    def _release(self) -> None:
        """The host reads the socket no more, so that it may be closed."""
        if self._loop is not None:
            self._loop.remove_reader(self._fd)
            self._loop = self._bus = None
        self._released.set()

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
            self._fd = _socket_of(bus)
            self._opened(bus)
            sender.start()
            if self._fd < 0:
                self._receive(bus)
            else:
                self._stand_by(bus)
        except Exception as error:
            self._lose(said(error))
        finally:
            with self._something:
                self._ended = True
                self._something.notify()
            sender.join(FLUSH_S + 2 * SEND_S)
            if self._fd >= 0:
                self._link.later(self._release)
                self._released.wait(FLUSH_S)
            try:
                bus.shutdown()
            except Exception as error:  # it has gone already; the chart knows that
                text = said(error)
                self._link.tell(self, lambda owner: owner.port.tell(f"closing the CAN interface: {text}"))

    def _opened(self, bus: can.BusABC) -> None:
        def tell(owner: PythonCanBus) -> None:
            self.is_opening, self._is_open = False, True
            if self._fd >= 0:
                self._watch(bus)
            owner.connected()

        self._link.tell(self, tell)

    def _stand_by(self, bus: can.BusABC) -> None:
        """While the host is late, empty the socket: its buffer in the kernel is small, and what it loses nobody
        counts."""
        seen = -1
        while not self._ended:
            self._over.wait(LATE_S)
            if self._ended or self._turns != seen or not select.select((self._fd,), (), (), 0)[0]:
                seen = self._turns
                continue
            with self._reading:
                while self._turns == seen and not self._ended and select.select((self._fd,), (), (), 0)[0]:
                    message = self._next(bus, 0)
                    frame = None if message is None else self._frame(message)
                    if frame is not None:
                        self._keep(frame)
            if not self.woken:
                self.woken = True
                self._link.wake(self)

    def _keep(self, frame: Frame) -> None:
        if len(self.received) >= MOST_RECEIVED:
            self.lost += 1
        else:
            self.received.append(frame)

    def _next(self, bus: can.BusABC, wait_s: float) -> can.Message | None:
        """The next message; None when there is none, or what came is none: that is told, and the interface goes on."""
        try:
            message = bus.recv(wait_s)
        except Exception as error:
            reason = no_message(error, bus)
            if reason is None:
                raise
        else:
            reason = None if message is None else no_frame(message)
            if reason is None:
                return message
        self.misfits, self.misfit = self.misfits + 1, reason
        if self.misfits == 1:
            self._link.tell(self, self._tell_misfits)
        return None

    def _tell_misfits(self, owner: PythonCanBus) -> None:
        count, self.misfits = self.misfits, 0
        owner.misfit(self.misfit, count)

    def _frame(self, message: can.Message) -> Frame | None:
        """The data frame that was received; an error frame tells of the bus."""
        if message.is_error_frame:
            self._error_frame(message)
        elif not (message.is_remote_frame or message.is_fd):
            return Frame(message.arbitration_id, bytes(message.data), message.is_extended_id)
        return None

    def _receive(self, bus: can.BusABC) -> None:
        import can

        has_state = type(bus).state is not can.BusABC.state
        states: dict[Any, BusState] = {
            can.BusState.ACTIVE: "error_active",
            can.BusState.PASSIVE: "error_passive",
            can.BusState.ERROR: "bus_off",
        }
        wake, link = self._link.wake, self._link
        state, looked_s = states[can.BusState.ACTIVE], time.monotonic()
        woke_s, told = 0.0, True  # when the host was woken last, and whether it is for all that has come
        while not self._ended:
            message = self._next(bus, PATIENCE_S if told else max(0.0, woke_s + GATHER_S - time.monotonic()))
            if not told and (self.woken or message is None or time.monotonic() - woke_s >= GATHER_S):
                told = True
                if not self.woken:
                    self.woken, woke_s = True, time.monotonic()
                    wake(self)
            if has_state and time.monotonic() - looked_s >= PATIENCE_S:  # also on a bus that is never quiet
                looked_s, before, state = time.monotonic(), state, states[bus.state]
                if state != before:
                    link.tell(self, lambda owner, now=state: owner.state_changed(now, "the interface says so"))  # type: ignore[misc]
            frame = None if message is None else self._frame(message)
            if frame is None:
                continue
            self._keep(frame)
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
        self._over.set()
        if not self._told_lost:
            self._told_lost = True
            self._link.tell(self, tell)

    # ------------------------------------------------------------ the sender's thread

    def _send(self, bus: can.BusABC) -> None:
        while True:
            with self._something:
                while not self._waiting and not self._ended:
                    self._something.wait()
                if not self._waiting or self._told_lost or time.monotonic() > self._until:
                    return
                frame = self._waiting.popleft()
                self._sending = True
            try:
                bus.send(_message(frame), SEND_S)
            except Exception as error:
                self._refused(frame, error)
            else:
                self._link.sent()
            self._sending = False

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


def _message(frame: Frame) -> can.Message:
    import can

    return can.Message(arbitration_id=frame.id, data=frame.data, is_extended_id=frame.extended, check=False)


def _socket_of(bus: can.BusABC) -> int:
    """The descriptor of the socket that an interface is; -1 for one that is none, or has to be asked for its state."""
    import can

    if type(bus).state is not can.BusABC.state:
        return -1
    try:
        number = bus.fileno()
        if number < 0 or not stat.S_ISSOCK(os.fstat(number).st_mode):
            return -1
        with socket.socket(fileno=os.dup(number)) as same:
            for option in (socket.SO_RCVBUF, SO_RCVBUFFORCE):  # the second one where this program may
                with contextlib.suppress(OSError):
                    same.setsockopt(socket.SOL_SOCKET, option, KERNEL_BUFFER)
        return number
    except (NotImplementedError, can.CanError, OSError):
        return -1


def said(error: Exception) -> str:
    """What went wrong, with its kind where the text alone says little."""
    text = str(error).strip()
    return text if len(text) > 8 else f"{type(error).__name__}: {text}"


def no_message(error: Exception, bus: can.BusABC) -> str | None:
    """Why what was received is no message of CAN, when that is what python-can has raised (a foreign datagram, digits
    of slcan that are none); None when the interface itself failed."""
    import can

    if isinstance(error, can.CanOperationError):  # udp_multicast says that of whatever a datagram leads it to
        cause = error.__cause__
        is_unpacking = "unpack" in str(error) and cause is not None and not isinstance(cause, OSError)
        why = "".join(each if each.isprintable() else "?" for each in str(cause)[:100])  # may hold what a peer wrote
        return f"{said(error)}: {why}" if is_unpacking else None
    if not isinstance(error, ValueError):
        return None
    try:
        return said(error) if bus.fileno() >= 0 else None  # a closed descriptor is a ValueError as well
    except (NotImplementedError, can.CanError, OSError):
        return None


def no_frame(message: can.Message) -> str | None:
    """Why a message cannot be one of CAN: python-can does not look at each; None when it can."""
    if not isinstance(message.arbitration_id, int):
        return f"its identifier is {message.arbitration_id!r:.40}"
    if len(message.data) > 8 and not message.is_fd:
        return f"a classic frame has at most 8 octets, not {len(message.data)}"
    return None


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


def check_channel(interface: str, channel: str) -> None:
    """Raises ``ConfigurationError`` for a channel that is not there when the program begins: its name is wrong, or the
    adapter is not plugged in. One that goes later is ``lost``."""
    if interface == "socketcan":
        there = [name for _, name in socket.if_nameindex() if is_can(name)] if hasattr(socket, "AF_CAN") else []
        if channel not in there and _is_address(channel):
            raise ConfigurationError(
                f"setting 'channel': '{channel}' is an IP address, which no CAN interface has: for a multicast group "
                "set interface = udp_multicast"
            )
        if channel not in there:
            raise ConfigurationError(
                f"setting 'channel': there is no CAN interface '{channel}' (there are: {', '.join(there) or 'none'}); "
                f"ip link show type can; sudo ip link set {channel} up type can bitrate 125000"
            )
    elif interface == "udp_multicast":
        if not _is_address(channel) or not ipaddress.ip_address(channel).is_multicast:
            raise ConfigurationError(f"setting 'channel': '{channel}' is no multicast address, such as 239.74.163.2")
    elif channel.startswith("/") and not os.path.exists(channel):
        raise ConfigurationError(f"setting 'channel': there is no {channel}: is the adapter plugged in (ls /dev/tty*)?")


def _is_address(channel: str) -> bool:
    try:
        ipaddress.ip_address(channel)
    except ValueError:
        return False
    return True


def is_can(name: str) -> bool:
    """Whether a network interface is one of CAN, by the kernel's word (linux/if_arp.h)."""
    try:
        return Path(f"/sys/class/net/{name}/type").read_text("ascii").strip() == "280"
    except OSError:  # without /sys nobody can say
        return True


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

    real_clock = True
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
    _misfits = 0
    _last_misfit = ""
    _quiet: Cancellable | None = None

    def misfit(self, reason: str, count: int) -> None:
        """So many messages that are none of CAN were dropped; people are told at once, then once in a while."""
        self.dropped += count
        self._misfits, self._last_misfit = self._misfits + count, reason
        if self._quiet is None:
            self._tell_misfits()

    def _tell_misfits(self) -> None:
        self._quiet = None
        if self._misfits:
            count, self._misfits = self._misfits, 0
            self._quiet = self.port.call_later(MISFITS_NS, self._tell_misfits)
            self.port.tell(f"{count} received that are no CAN frames, dropped; the last one: {self._last_misfit}")

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
        check_channel(interface, channel)
        options = parse_options(self.config["options"])
        if self.config["bitrate"]:
            options["bitrate"] = self.config["bitrate"]
        node.name = f"{interface} {channel}"
        self._opened = PythonCanLink(lambda: can.Bus(channel, interface, **options), node, self.port, self)
        return self._opened

    def close(self) -> None:
        super().close()
        opened, self._opened = self._opened, None
        if self._quiet is not None:
            self._quiet.cancel()
        if opened is not None:
            opened.close()
