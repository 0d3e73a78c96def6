"""Contract ``pilot_board`` over a serial port: octets to and from the board, nothing more. When to open, to ask and to
give a board up is the chart's (machines/pilot/board.yaml). The real clock only."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Protocol

from adapters.intake import Bucket
from adapters.pilot import uart
from adapters.settings import filled
from engine.adapter import Adapter, AdapterError, ConfigurationError, Port, Setting, World

MS: Final = 1_000_000
MOST_UNSENT: Final = 4096
"""Octets that a port may not have taken before the next order is refused."""
MOST_LINES: Final = 200
"""Lines a second that are read; 115,200 baud carries 40 statuses."""
MISFITS_NS: Final = 1_000_000_000
"""Lines that cannot be read are told at most once in this time."""


class UartPilotBoard(Adapter):
    """The board's serial port. While it is not open, which has been told, an order reaches nobody; ``AdapterError``
    when the port takes no more."""

    contract = "pilot_board"
    settings: ClassVar[Mapping[str, Setting]] = {
        "device": Setting("string", "/dev/serial0", "The serial port: /dev/serial0, /dev/serial/by-id/…"),
        "baudrate": Setting("int", 115200, "8 data bits, no parity, 1 stop bit"),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self.unreadable = 0
        self._session: Session | None = None

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return {"device": f"the serial port {config['device']}"}

    @property
    def named(self) -> str:
        """The port, as people are told of it."""
        return str(self.config["device"])

    def prepare(self) -> None:
        """What is needed before the port can be opened. Raises ``ConfigurationError`` without the library of the extra
        ``serial``."""
        try:
            import serialx  # noqa: F401
        except ImportError:
            raise ConfigurationError(
                "a pilot board needs serialx: in the clone of chargechart, pip install '.[serial]'"
            ) from None

    def open(self, port: Port) -> None:
        """Raises ``ConfigurationError``, as :meth:`prepare` does."""
        super().open(port)
        self.prepare()
        self._lines_left = Bucket(MOST_LINES, port.now_ns())
        self._misfits = 0
        self._told_ns = port.now_ns() - MISFITS_NS

    def close(self) -> None:
        """State F as far as it can be told: steady -12 V, by nobody but this host."""
        with contextlib.suppress(AdapterError):
            self.set_mode(mode="manual")
            self.set_pwm(duty=0)
        self.disconnect()

    def connect(self) -> None:
        self.disconnect()
        self._session = Session(self)
        self.port.spawn(self._session.begin(self.config["device"], self.config["baudrate"]))

    def disconnect(self) -> None:
        session, self._session = self._session, None
        if session is not None and session.transport is not None:
            with contextlib.suppress(OSError, RuntimeError):
                session.transport.close()

    def get_status(self) -> None:
        self._send("get_status")

    def set_pwm(self, *, duty: int) -> None:
        self._send("set_pwm", duty=duty, enable=True)

    def set_mode(self, *, mode: str) -> None:
        self._send("set_mode", mode=mode)

    def restart_slac_hint(self) -> None:
        self._send("restart_slac_hint")

    def _send(self, command: str, **fields: Any) -> None:
        transport = self._session.transport if self._session is not None else None
        if transport is None:
            return
        try:
            octets = uart.encode(command, **fields)
            if transport.get_write_buffer_size() > MOST_UNSENT:
                raise AdapterError(f"{self.named} takes no more octets: {command} was not sent")
            transport.write(octets)
        except ValueError as error:
            raise AdapterError(f"{self.named}: {command} was not sent: {error}") from None
        except (OSError, RuntimeError) as error:  # the port has gone; who writes may see it before who reads does
            session = self._session
            if session is not None:
                self.ended(session, str(error))
            with contextlib.suppress(OSError, RuntimeError):
                transport.close()

    # ------------------------------------------------------------ what a session reports

    def opened(self, session: Session) -> None:
        """The port is open, unless another one is wanted by now."""
        if session is self._session:
            self.port.emit("connected")
        elif session.transport is not None:
            session.transport.close()

    def ended(self, session: Session, reason: str) -> None:
        """The port has gone, unless this was wanted."""
        if session is self._session:
            self._session = None
            self.port.emit("lost", reason=f"{self.named}: {reason}")

    def heard(self, session: Session, line: bytes | uart.Misfit) -> None:
        """A line has come in, whole or not."""
        if session is not self._session:
            return
        if not self._lines_left.take(self.port.now_ns()):
            line = uart.Misfit(f"more than {MOST_LINES} lines a second")
        match line if isinstance(line, uart.Misfit) else uart.decode_report(line):
            case uart.Status() as status:
                self._tell(status)
            case uart.Event() as event:
                self._tell(event.status)
            case uart.Refusal(text=text):
                self.port.emit("refused", text=text[:200])
            case uart.Misfit(reason=reason):
                self._unread(reason)

    def _tell(self, status: uart.Status) -> None:
        up = None if status.up_ms is None else status.up_ms * MS
        self.port.emit(
            "status", state=status.state, mode=status.mode, out=status.out_percent, up=up, diode=status.diode
        )

    def _unread(self, reason: str) -> None:
        self.unreadable += 1
        self._misfits += 1
        if self.port.now_ns() - self._told_ns >= MISFITS_NS:
            self._told_ns = self.port.now_ns()
            count, self._misfits = self._misfits, 0
            self.port.emit("misfit", reason=reason, count=count)


class Wire(Protocol):
    """What a session writes to."""

    def get_write_buffer_size(self) -> int:
        """Octets that have not gone yet."""
        ...

    def write(self, octets: bytes, /) -> None:
        """Send them. Raises ``OSError`` when there is nobody any more."""
        ...

    def close(self) -> None:
        """Release it."""
        ...


class Session(asyncio.Protocol):
    """One time the port is open."""

    def __init__(self, owner: UartPilotBoard) -> None:
        self.transport: Wire | None = None
        self._owner = owner
        self._lines = uart.Lines(uart.LONGEST_REPORT)

    async def begin(self, device: str, baudrate: int) -> None:
        """Open it; the owner is told how that ended."""
        from serialx import PinState, create_serial_connection

        try:
            # DTR and RTS reset many boards when they move: both stay inactive, and are left alone at the end.
            self.transport, _ = await create_serial_connection(
                asyncio.get_running_loop(),
                lambda: self,
                device,
                baudrate,
                dtr_on_open=PinState.LOW,
                rts_on_open=PinState.LOW,
                dtr_on_close=PinState.UNDEFINED,
                rts_on_close=PinState.UNDEFINED,
            )
        except (OSError, ValueError) as error:
            self._owner.ended(self, str(error) or type(error).__name__)
        else:
            self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        """asyncio: octets of the port, in any segmentation."""
        for line in self._lines.feed(data):
            self._owner.heard(self, line)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the port has gone, or was closed."""
        self.transport = None
        self._owner.ended(self, str(exc) if exc is not None else "closed")
