"""A simulated bus on the host's clock: frames take their time, the lowest identifier goes first, somebody must
acknowledge.

Nodes of one ``bus`` in one process hear each other. A frame with nobody else on the bus waits, as a controller repeats
it, and its node becomes error passive; it goes when somebody is there again. :meth:`Wire.fail` and :meth:`Wire.pull`
are the faults of the world.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from adapters.can.bus import CanBus, Link, Node, Watcher
from adapters.can.frame import Frame
from engine.adapter import Cancellable, Port, Setting, World

MOST_WAITING: Final = 64
"""Frames of a node that wait to be sent."""


def bits(frame: Frame) -> int:
    """Bits of a frame on the wire with the space after it, without those that are stuffed (ISO 11898-1)."""
    return (67 if frame.extended else 47) + 8 * len(frame.data)


def arbitration(frame: Frame) -> tuple[int, bool, int]:
    """What decides who sends first, the lowest: the first 11 bits, a short identifier before a long one, the rest."""
    return (frame.id >> 18 if frame.extended else frame.id, frame.extended, frame.id)


def supersedes(new: Frame, old: Frame) -> bool:
    """Whether ``new`` says the same thing anew: the identifier and the two octets that name what is set are equal."""
    return new.id == old.id and new.extended == old.extended and new.data[:2] == old.data[:2]


class Wire:
    """The bus of this name in one system."""

    def __init__(self, bitrate: int) -> None:
        self.bitrate = bitrate
        self.links: list[SimulatedLink] = []
        self._sending: Cancellable | None = None

    def begin(self) -> None:
        """Send the next frame, unless one is on the wire or nobody could acknowledge it."""
        ready = [link for link in self.links if link.waiting]
        if self._sending is not None or not ready:
            return
        sender = min(ready, key=lambda link: arbitration(link.waiting[0]))
        if len(self.links) == 1:
            text = "nobody acknowledges: no other node on the bus"
            sender.port.call_later(0, lambda: sender.watcher.state_changed("error_passive", text))
            return
        delay_ns = bits(sender.waiting[0]) * 1_000_000_000 // self.bitrate
        self._sending = sender.port.call_later(delay_ns, lambda: self._sent(sender))

    def _sent(self, sender: SimulatedLink) -> None:
        self._sending = None
        if sender in self.links and sender.waiting:
            self._pass_on(sender)
            sender.watcher.state_changed("error_active", "frames are acknowledged")
        self.begin()

    def _pass_on(self, sender: SimulatedLink) -> None:
        frame = sender.waiting.popleft()
        sender.owner.sent += 1
        for link in list(self.links):
            if link is not sender:
                link.owner.received += 1
                link.node.deliver(frame)

    def flush(self, sender: SimulatedLink) -> None:
        """What a node has given to its controller still goes out when its program ends: the last order is "off"."""
        while sender.waiting and len(self.links) > 1:
            self._pass_on(sender)

    def pull(self, link: SimulatedLink, reason: str = "the adapter was pulled") -> None:
        """Take a node's interface away, as a USB adapter that is pulled."""
        if link in self.links:
            link.waiting.clear()
            link.disconnect()
            link.watcher.lost(reason)

    def fail(self, link: SimulatedLink, reason: str = "too many errors in what it sends") -> None:
        """Make a node's controller go bus off."""
        if link in self.links:
            link.waiting.clear()
            link.disconnect()
            link.watcher.state_changed("bus_off", reason)


class SimulatedLink:
    """A node's way to the simulated bus."""

    def __init__(self, wire: Wire, node: Node, port: Port, owner: CanBus) -> None:
        self.wire, self.node, self.port, self.owner = wire, node, port, owner
        self.watcher: Watcher = owner
        self.waiting: deque[Frame] = deque()

    @property
    def is_connected(self) -> bool:
        return self in self.wire.links

    def connect(self) -> None:
        self.disconnect()
        self.wire.links.append(self)
        self.port.call_later(0, self._connected)

    def _connected(self) -> None:
        if self.is_connected:
            self.watcher.connected()
            self.wire.begin()

    def disconnect(self) -> None:
        if self in self.wire.links:
            self.wire.flush(self)
            self.wire.links.remove(self)
        self.waiting.clear()

    def send(self, frame: Frame) -> None:
        if len(self.waiting) < MOST_WAITING:
            self.waiting.append(frame)
            self.wire.begin()
        elif not replaced(self.waiting, frame):
            text = f"{MOST_WAITING} frames wait: nobody acknowledges them, or the bus is busy"
            self.port.call_later(0, lambda: self.watcher.send_failed(frame, "full", text))


def replaced(waiting: deque[Frame], frame: Frame) -> bool:
    """Put a frame in the place of one that waits and says the same thing with older values; False without such a
    one."""
    for place, old in enumerate(waiting):
        if supersedes(frame, old):
            waiting[place] = frame
            return True
    return False


class SimulatedCanBus(CanBus):
    """Contract ``can_bus`` on a bus of this process, on its clock."""

    behind = "simulated"
    settings: ClassVar[Mapping[str, Setting]] = {
        **CanBus.settings,
        "bitrate": Setting("int", 125_000, "Bits per second; the first node on the bus says it"),
    }

    @classmethod
    def refuses(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        rate = config["bitrate"]
        return {} if rate > 0 else {"bitrate": f"a bus passes 1 bit per second and more, not {rate}"}

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self.wire: Wire = world.shared(f"CAN wire {self.config['bus']}", lambda: Wire(self.config["bitrate"]))

    def make_link(self, node: Node) -> Link:
        self.simulated_link = SimulatedLink(self.wire, node, self.port, self)
        return self.simulated_link
