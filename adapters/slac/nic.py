"""How a host reaches the power line: one :class:`Nic` per host, shared by all adapters of that host.

``SimulatedNic`` is a port of a line in the same process. The real ones are in packet.py (a network interface) and
hub.py (a line of another process).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from adapters.pilot.cable import cable_of
from adapters.settings import mac_address
from adapters.slac.faults import FaultSyntaxError, Rule, parse_rules
from adapters.slac.frames import BadFrame, Mme, decode
from adapters.slac.line import LineConfig, PowerLine
from adapters.slac.modem import ModemConfig
from adapters.slac.settings import SIMULATED, host_of, side_of
from engine.adapter import AdapterError, Cancellable, ConfigurationError, Port, World

Receiver = Callable[[bytes, Mme | BadFrame | None], None]
"""Gets a frame for this host and, if it is a HomePlug frame, what :func:`decode` found in it."""
Watcher = Callable[[bool, str], None]


class Nic(Protocol):
    """A host's access to the line. ``mac`` is the host's; receivers get no frames for other hosts and none of its
    own."""

    @property
    def mac(self) -> bytes:
        """The host's MAC, 6 octets."""
        ...

    @property
    def is_up(self) -> bool:
        """Whether frames can pass."""
        ...

    @property
    def interface(self) -> str:
        """Where it is, for people: ``eth1``, ``the simulated line``."""
        ...

    def send(self, frame: bytes) -> None:
        """Hand a whole Ethernet frame to the modem."""
        ...

    def subscribe(self, receiver: Receiver, watcher: Watcher | None = None) -> None:
        """Call ``receiver`` with every frame for this host, ``watcher`` when the interface comes or goes (reason)."""
        ...

    def unsubscribe(self, receiver: Receiver) -> None:
        """Stop calling ``receiver``. The last one to leave closes the interface."""
        ...


class Subscribers:
    """The receivers and watchers of a Nic, and the address filter of every real network controller."""

    def __init__(self, mac: bytes) -> None:
        self.mac = mac
        self._receivers: dict[Receiver, Watcher | None] = {}

    def add(self, receiver: Receiver, watcher: Watcher | None) -> None:
        """Call ``receiver`` with frames and ``watcher`` with changes of the interface."""
        self._receivers[receiver] = watcher

    def remove(self, receiver: Receiver) -> bool:
        """Stop calling ``receiver``. True when no receiver is left."""
        self._receivers.pop(receiver, None)
        return not self._receivers

    def deliver(self, frame: bytes) -> None:
        """Give a frame to all receivers, decoded once, unless it is for another host or from this one."""
        if frame[6:12] == self.mac or not (frame[:6] == self.mac or (frame and frame[0] & 1)):
            return
        message = decode(frame) if frame[12:14] == b"\x88\xe1" else None
        for receiver in list(self._receivers):
            receiver(frame, message)

    def tell(self, up: bool, reason: str) -> None:
        """Tell all watchers that the interface came or went."""
        for watcher in list(self._receivers.values()):
            if watcher is not None:
                watcher(up, reason)


def seeded(seed: int, whose: str) -> Callable[[int], bytes]:
    """A source of random octets from the seed, different for each ``whose``: the seed alone repeats a simulated run."""
    return random.Random(f"{seed} {whose}").randbytes


def fault_rules(rules: str) -> tuple[Rule, ...]:
    """The rules of setting ``fault``. Raises ``ConfigurationError`` for one that cannot be read."""
    try:
        return parse_rules(rules)
    except FaultSyntaxError as error:
        raise ConfigurationError(f"setting 'fault': {error}") from None


class LineDriver:
    """A simulated line on the host's clock, shared by all simulated hosts of one system."""

    def __init__(self, line: PowerLine, world: World) -> None:
        self.line = line
        self._world = world
        self._nics: dict[str, SimulatedNic] = {}
        self._ports: list[Port] = []
        self._timer: Cancellable | None = None
        self._timer_ns = 0

    @staticmethod
    def of(world: World, config: Mapping[str, Any]) -> LineDriver:
        """The line of this world. The first adapter's settings configure it; what they leave out has its default."""
        config = {key: config.get(key, setting.default) for key, setting in SIMULATED.items()}

        def make() -> LineDriver:
            line = LineConfig(
                own_dB=config["own_attenuation"],
                neighbour_dB=config["neighbour_attenuation"],
                noise_dB=config["noise"],
                latency_ns=config["latency"],
                profile_latency_ns=config["profile_latency"],
                jitter_ns=config["jitter"],
                join_ns=config["join"],
            )
            return LineDriver(PowerLine(line, config["seed"], fault_rules(config["fault"])), world)

        driver: LineDriver = world.shared(f"power line {config['line']}", make)
        return driver

    def nic(self, port: Port, config: Mapping[str, Any]) -> SimulatedNic:
        """The Nic of the host that ``config`` names, put on the line at its first use. Raises ``AdapterError`` when the
        name or MAC is on the line already."""
        config = {key: config.get(key, setting.default) for key, setting in SIMULATED.items()}
        self._ports.append(port)
        self.line.injector.struck = self._ports[0].tell
        host = host_of(config["host"], port.role)
        if host in self._nics:
            return self._nics[host]
        side = side_of(config["side"], host)
        number = next(
            self._world.shared("hosts on power lines", itertools.count)
        )  # of all lines: no MAC is there twice
        made_up = bytes((2, 0, 0, 0, side == "pev", number % 256))
        mac = mac_address(config["mac"], "mac") if config["mac"] else made_up
        modem = ModemConfig(
            set_key_result=config["set_key_result"],
            deaf_ns=config["deaf"],
            reset_ns=config["reset"],
            profiles="none" if side == "pev" else config["profiles"],
            present=config["present"],
        )
        try:
            self.line.attach(host, mac, cable=config["cable"], modem=modem)
        except ValueError as error:
            raise AdapterError(str(error)) from None
        self._nics[host] = SimulatedNic(self, host, mac)
        if side == "pev":
            cable = cable_of(self._world, config["cable"])
            cable.watch(lambda: self.line.set_plugged(host, cable.plugged, port.now_ns()))
            self.line.set_plugged(host, cable.plugged, port.now_ns())
        return self._nics[host]

    def send(self, host: str, frame: bytes) -> None:
        """Put a host's frame on the line now."""
        if self._ports:
            self.line.send(host, frame, self._ports[-1].now_ns())
            self._schedule()

    def _schedule(self) -> None:
        due_ns = self.line.next_due_ns()
        if due_ns is None or not self._ports or (self._timer is not None and self._timer_ns <= due_ns):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_ns = due_ns
        self._timer = self._ports[-1].call_later(max(0, due_ns - self._ports[-1].now_ns()), self._due)

    def _due(self) -> None:
        self._timer = None
        for host, frame in self.line.poll(self._ports[-1].now_ns()):
            self._nics[host].subscribers.deliver(frame)
        self._schedule()


class SimulatedNic:
    """A port of the line of this process."""

    interface = "the simulated line"

    def __init__(self, driver: LineDriver, host: str, mac: bytes) -> None:
        self.mac = mac
        self.host = host
        self.subscribers = Subscribers(mac)
        self._driver = driver

    @property
    def is_up(self) -> bool:
        return self._driver.line.modem(self.host).present

    def send(self, frame: bytes) -> None:
        self._driver.send(self.host, frame)

    def set_present(self, present: bool) -> None:
        """Switch the modem's power; watchers are told."""
        self._driver.line.modem(self.host).present = present
        self.subscribers.tell(present, "the simulated modem has no power" if not present else "")

    def subscribe(self, receiver: Receiver, watcher: Watcher | None = None) -> None:
        self.subscribers.add(receiver, watcher)

    def unsubscribe(self, receiver: Receiver) -> None:
        self.subscribers.remove(receiver)
