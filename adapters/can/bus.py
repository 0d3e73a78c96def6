"""A bus as the roles of one machine share it: one :class:`Node` per bus and machine.

The role ``can_bus`` owns the way to the bus (a :class:`Link`: simulated.py, python_can.py) and tells its chart what
becomes of it; the other roles only send and receive through the node. What to do when the bus is lost is the chart's:
nothing here connects by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, Literal, Protocol

from adapters.can.frame import EXTENDED_MASK, STANDARD_MASK, Frame
from adapters.settings import filled
from engine.adapter import Adapter, AdapterError, ConfigurationError, Port, Setting, World

BusState = Literal["error_active", "error_passive", "bus_off"]
Receiver = Callable[[Frame], None]

ON_BUS: Final[dict[str, Setting]] = {
    "bus": Setting("string", "1", "Name of the CAN bus; the roles of one machine with one name share it", names="unit"),
    "node": Setting("string", "", "Name of this machine on the bus; empty: that of its machine", names="machine"),
}
"""Settings of every role on a bus."""


class Watcher(Protocol):
    """Who is told what becomes of the bus: the role ``can_bus``."""

    def connected(self) -> None:
        """Frames pass from now on."""
        ...

    def lost(self, reason: str) -> None:
        """The interface has gone or could not be had; nothing passes until it is connected again."""
        ...

    def state_changed(self, state: BusState, reason: str) -> None:
        """The controller of the bus has another error state."""
        ...

    def send_failed(self, frame: Frame, reason: str, text: str) -> None:
        """A frame was not sent; ``reason`` is ``full`` or ``refused``."""
        ...

    def overflowed(self, lost: int) -> None:
        """So many received frames were dropped since this was told last."""
        ...


class Link(Protocol):
    """The way of a node to its bus."""

    @property
    def is_connected(self) -> bool:
        """Whether frames pass."""
        ...

    def connect(self) -> None:
        """Open the interface, closed first when it is open; the watcher is told how that ended. One that is being
        opened goes on: some take seconds."""
        ...

    def disconnect(self) -> None:
        """Close it; nothing is told."""
        ...

    def send(self, frame: Frame) -> None:
        """Hand over a frame. It may be told later that it was not sent."""
        ...


class Node:
    """A machine on a bus: the receivers of its roles and the link that its role ``can_bus`` has made."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.link: Link | None = None
        self.is_owned = False
        """A role can_bus has made its link, also when it is closed again."""
        self.users: list[str] = []
        """The roles that send and receive through it."""
        self._receivers: list[Receiver] = []
        self._last_words: list[Callable[[], None]] = []

    @staticmethod
    def of(world: World, config: Mapping[str, Any], role: str) -> Node:
        """The node that the settings name, made at its first use."""
        name = node_name(config, role)
        node: Node = world.shared(f"CAN bus {config['bus']} node {name}", lambda: Node(f"bus '{config['bus']}'"))
        if node not in (nodes := Node.all(world)):
            nodes.append(node)
        return node

    def refuse_nobodys(self) -> None:
        """Raises ``ConfigurationError`` when roles are on this bus that no role of their machine connects."""
        if self.users and not self.is_owned:
            raise ConfigurationError(
                f"{', '.join(self.users)}: no role can_bus of the same machine is on {self.name}; "
                "give the setting 'bus' (and 'node', where it is set) the value that it has there"
            )

    @staticmethod
    def all(world: World) -> list[Node]:
        """Those of all machines."""
        nodes: list[Node] = world.shared("CAN nodes", list)
        return nodes

    def subscribe(self, receiver: Receiver, last_words: Callable[[], None] | None = None) -> None:
        """Call ``receiver`` with every frame of others on the bus, ``last_words`` before the bus is closed for good:
        roles are closed in any order."""
        self._receivers.append(receiver)
        if last_words is not None:
            self._last_words.append(last_words)

    def unsubscribe(self, receiver: Receiver, last_words: Callable[[], None] | None = None) -> None:
        """Stop calling them."""
        if receiver in self._receivers:
            self._receivers.remove(receiver)
        if last_words in self._last_words:
            self._last_words.remove(last_words)

    def end(self) -> None:
        """The bus is closed for good: each role says its last words, then the link goes."""
        for speak in self._last_words:
            speak()
        if self.link is not None:
            self.link.disconnect()
            self.link = None

    def send(self, frame: Frame) -> None:
        """Send a frame. Raises ``AdapterError`` when the bus is not connected."""
        if self.link is None:
            raise AdapterError(f"{self.name}: no role of this machine has the contract can_bus, which connects it")
        if not self.link.is_connected:
            raise AdapterError(f"{self.name}: not connected, {frame} was not sent")
        self.link.send(frame)

    def deliver(self, frame: Frame) -> None:
        """Give a received frame to all roles."""
        for receiver in self._receivers:
            receiver(frame)


def node_name(config: Mapping[str, Any], role: str) -> str:
    """The machine's name on the bus: the setting, else the machine that has the role, also through a chart behind one
    of its roles (``evse/supply.bus``)."""
    machine, behind, _ = role.partition("/")
    return config["node"] or (machine if behind else role.rpartition(".")[0]) or "controller"


class BusRole(Adapter):
    """Base of the roles that send and receive through the node of their machine."""

    behind = ""
    settings: ClassVar[Mapping[str, Setting]] = ON_BUS

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self.node: Node | None = None

    def open(self, port: Port) -> None:
        super().open(port)
        self.node = Node.of(self.world, self.config, port.role)
        self.node.users.append(port.role)
        self.node.subscribe(self.received, self.last_words)

    def close(self) -> None:
        self.last_words()
        if self.node is not None:
            self.node.unsubscribe(self.received, self.last_words)

    def last_words(self) -> None:
        """What is still to be sent before the end, when the bus is there. Raises nothing."""

    def received(self, frame: Frame) -> None:
        """A frame of another node."""
        raise NotImplementedError

    def put(self, frame: Frame) -> None:
        """Send a frame. Raises ``AdapterError`` when it cannot be."""
        if self.node is None:
            raise AdapterError("the role is not open")
        self.node.send(frame)


class CanBus(Adapter):
    """Base of the adapters of contract ``can_bus``; a subclass makes the link. Orders raise ``AdapterError`` for what
    is no frame and while the bus is not connected."""

    contract = "can_bus"
    settings: ClassVar[Mapping[str, Setting]] = {
        **ON_BUS,
        "frames": Setting(
            "string", "", "Identifiers whose frames are events: 1806E5F4, 1801F400/1FFFFF00 (mask), 123 (11 bits)"
        ),
    }

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        if not config["node"]:
            return {}
        return {"node": f"the node {config['node']!r} of CAN bus {config['bus']!r}"}

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self.state: BusState = "error_active"
        self.received = self.sent = self.dropped = 0
        self._wanted = wanted_frames(self.config["frames"])
        self._node: Node | None = None

    def make_link(self, node: Node) -> Link:
        """The way to the bus. Raises ``AdapterError`` when the settings cannot be."""
        raise NotImplementedError

    def open(self, port: Port) -> None:
        super().open(port)
        node = Node.of(self.world, self.config, port.role)
        if node.link is not None:
            raise AdapterError(f"{node.name}: two roles of one machine have the contract can_bus; one owns the bus")
        node.link = self.make_link(node)
        node.is_owned = True
        node.subscribe(self._heard)
        self._node = node

    def close(self) -> None:
        node, self._node = self._node, None
        if node is not None and node.link is not None:
            node.unsubscribe(self._heard)
            node.end()

    # ------------------------------------------------------------ values and orders

    @property
    def is_connected(self) -> bool:
        """Whether frames pass."""
        return self._node is not None and self._node.link is not None and self._node.link.is_connected

    def connect(self) -> None:
        """Raises ``ConfigurationError`` when roles of some machine are on a bus that none of its roles connects."""
        for node in Node.all(self.world):
            node.refuse_nobodys()
        if self._link().is_connected and self.state != "bus_off":
            self.port.emit("connected")  # ordered by who has not heard it yet
        else:
            self._link().connect()

    def disconnect(self) -> None:
        self._link().disconnect()

    def send(self, *, id: int, data: bytes, extended: bool | None = None) -> None:
        """Send a frame; ``extended`` left out means 29 bits. Raises ``AdapterError`` for what is no frame."""
        extended = extended is not False
        if not 0 <= id <= (EXTENDED_MASK if extended else STANDARD_MASK):
            raise AdapterError(f"send: identifier {id:X} has more than {29 if extended else 11} bits")
        if len(data) > 8:
            raise AdapterError(f"send: a frame has at most 8 octets, not {len(data)}")
        if self._node is not None:
            self._node.send(Frame(id, bytes(data), extended))

    def _link(self) -> Link:
        if self._node is None or self._node.link is None:
            raise AdapterError("the role is not open")
        return self._node.link

    # ------------------------------------------------------------ the watcher

    def connected(self) -> None:
        """The link is up."""
        self.state = "error_active"
        self.port.emit("connected")

    def lost(self, reason: str) -> None:
        """The link has gone."""
        self.port.emit("lost", reason=reason)

    def state_changed(self, state: BusState, reason: str) -> None:
        """The controller's error state, told when it changes."""
        if state != self.state:
            self.state = state
            self.port.emit("bus_state", state=state, reason=reason)

    def send_failed(self, frame: Frame, reason: str, text: str) -> None:
        """A frame was not sent."""
        self.port.emit("send_failed", id=frame.id, data=frame.data, reason=reason, text=text)

    def overflowed(self, lost: int) -> None:
        """Received frames were dropped."""
        self.port.emit("overflow", lost=lost)

    def _heard(self, frame: Frame) -> None:
        if self._wanted and any(frame.extended == e and frame.id & mask == base for base, mask, e in self._wanted):
            self.port.emit("frame", id=frame.id, data=frame.data, extended=frame.extended)


def wanted_frames(text: str) -> list[tuple[int, int, bool]]:
    """(identifier, mask, extended) of each in ``1806E5F4, 1801F400/1FFFFF00, 123``; up to three digits are 11 bits.
    Raises ``ConfigurationError`` for what is none."""
    wanted = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        base, slash, mask = part.partition("/")
        extended = len(base) > 3
        widest = EXTENDED_MASK if extended else STANDARD_MASK
        try:
            numbers = int(base, 16), int(mask, 16) if slash else widest
        except ValueError:
            numbers = -1, -1
        if not (0 <= numbers[0] <= widest and 0 <= numbers[1] <= widest):
            raise ConfigurationError(f"setting 'frames': '{part}' is no identifier (1806E5F4, 1801F400/1FFFFF00, 123)")
        wanted.append((numbers[0] & numbers[1], numbers[1], extended))
    return wanted
