"""A simulated power line: modems on cables, with the attenuation between them. Sans-I/O, deterministic, explicit time.

    line = PowerLine(seed=1)
    line.attach("evse", evse_mac, cable="1")
    line.attach("pev", pev_mac, cable="1", modem=ModemConfig(profiles="none"))
    line.send("pev", frame, now_ns)
    for port, frame in line.poll(now_ns): ...        # and again at line.next_due_ns()

Matching messages (CM_SLAC_*, CM_…ATTEN…, CM_MNBC_SOUND, CM_VALIDATE) pass between any two modems that hear each other.
A heard sound gives an attenuation profile at the host that heard it. Everything else passes only between modems with
equal NMK and NID that have had time to join. A modem answers the messages to itself (see modem.py).
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.slac.faults import FaultInjector, Rule
from adapters.slac.frames import BROADCAST, LOCALCAST, CmMnbcSoundInd, Mme, VsSwVerReq, decode, mmtype_of
from adapters.slac.matching import GROUPS
from adapters.slac.modem import Modem, ModemConfig

MAX_IN_FLIGHT = 20_000
"""Frames on the line at once; more are dropped and counted, so that a flood cannot eat the memory."""
FOR_MODEM = frozenset({0x6008, 0x600C, 0xA000, 0xA01C, 0xA038, 0xA068, 0xA0B8})
"""Requests a modem answers itself."""
MATCHING = frozenset({0x6064, 0x6065, 0x606A, 0x6076, 0x606E, 0x606F, 0x6078, 0x6079, 0x607C, 0x607D})
"""Messages that pass without a common network (HomePlug Green PHY: multi-network broadcast)."""
SOUND = CmMnbcSoundInd.MMTYPE


@dataclass(frozen=True, slots=True)
class LineConfig:
    """Attenuations in dB (None: not heard), times in ns.

    ``own_dB`` is between ports of one cable, ``neighbour_dB`` between all others, ``noise_dB`` the largest deviation of
    a group in one sound. ``latency_ns`` is from host to host, ``profile_latency_ns`` from the sound to the report,
    ``jitter_ns`` the largest random addition to either, ``join_ns`` the time until modems with equal keys see each
    other.
    """

    own_dB: float | None = 9.0
    neighbour_dB: float | None = 35.0
    noise_dB: float = 1.0
    latency_ns: int = 1_000_000
    profile_latency_ns: int = 1_200_000
    jitter_ns: int = 0
    join_ns: int = 1_000_000_000


@dataclass(slots=True)
class _Port:
    modem: Modem
    cable: str
    plugged: bool = True
    plugged_since_ns: int = 0


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a frame comes from: a host (``receiver`` None: to all who hear it) or a modem that speaks to its host."""

    sender: str
    receiver: str | None
    delay_ns: int


class PowerLine:
    """The line with all its modems. A port is a host's name and has the host's MAC; the modem has a MAC of its own."""

    def __init__(self, config: LineConfig | None = None, seed: int = 0, faults: Sequence[Rule] = ()) -> None:
        self.config = config or LineConfig()
        self.counts: Counter[str] = Counter()
        """What became of frames: delivered, faulted, not_heard, deaf, not_linked, bad, overflow."""
        self._random = random.Random(seed)
        self.injector: FaultInjector[_Origin] = FaultInjector(faults, seed)
        self._ports: dict[str, _Port] = {}
        self._attenuation: dict[frozenset[str], float | None] = {}
        self._in_flight: list[tuple[int, int, str, bytes]] = []
        self._sequence = 0

    # ---------------------------------------------------------------- who is on it

    def attach(
        self, port: str, host_mac: bytes, *, cable: str = "1", modem: ModemConfig | None = None, mac: bytes = b""
    ) -> Modem:
        """Connect a host and its modem. Raises ``ValueError`` when the name or the MAC is in use."""
        if port in self._ports:
            raise ValueError(f"port '{port}' is already attached to the line; names must differ")
        if len(host_mac) != 6 or any(p.modem.host_mac == host_mac for p in self._ports.values()):
            raise ValueError(f"port '{port}': host MAC {host_mac.hex(':')} is not six octets or already on the line")
        mac = mac or bytes([host_mac[0] | 0x02]) + b"\xb0\x52" + host_mac[3:]
        made = Modem(host_mac, mac, modem or ModemConfig(), self._random.randbytes(16))
        self._ports[port] = _Port(made, cable)
        return made

    def detach(self, port: str) -> None:
        """Remove a host and its modem; frames on their way to it are lost."""
        self._ports.pop(port, None)

    def modem(self, port: str) -> Modem:
        """The modem of a port, to read its key or to switch it off."""
        return self._ports[port].modem

    def set_attenuation(self, one: str, other: str, attenuation_dB: float | None) -> None:
        """Set the attenuation between two ports, in place of what their cables give. None: they do not hear each
        other."""
        self._attenuation[frozenset((one, other))] = attenuation_dB

    def set_plugged(self, port: str, plugged: bool, now_ns: int) -> None:
        """Plug the port's cable end in or out. Unplugged, its modem hears nobody and nobody hears it."""
        state = self._ports[port]
        if plugged and not state.plugged:
            state.plugged_since_ns = now_ns
        state.plugged = plugged

    def attenuation_dB(self, one: str, other: str) -> float | None:
        """Present attenuation between two ports in dB, None when they do not hear each other."""
        a, b = self._ports[one], self._ports[other]
        if not (a.plugged and b.plugged):
            return None
        if self._attenuation and (pair := frozenset((one, other))) in self._attenuation:
            return self._attenuation[pair]
        return self.config.own_dB if a.cable == b.cable else self.config.neighbour_dB

    def linked(self, one: str, other: str, now_ns: int) -> bool:
        """Whether both modems are in one network now: equal keys, time to join gone, both awake."""
        a, b = self._ports[one], self._ports[other]
        since = max(a.modem.deaf_until_ns, b.modem.deaf_until_ns, a.plugged_since_ns, b.plugged_since_ns)
        return (
            a.modem.same_network(b.modem)
            and a.modem.present
            and b.modem.present
            and self.attenuation_dB(one, other) is not None
            and now_ns >= since + self.config.join_ns
        )

    # ---------------------------------------------------------------- frames

    def send(self, port: str, frame: bytes, now_ns: int) -> None:
        """Give a host's frame to its modem. Any octets may be in it; what is not a frame is counted and dropped."""
        if port not in self._ports or len(frame) < 14:
            self.counts["bad"] += 1
            return
        if self._for_own_modem(port, frame):
            self._ask_modem(port, frame, now_ns)
            return
        self._inject(frame, _Origin(port, None, 0), now_ns)

    def next_due_ns(self) -> int | None:
        """When the next frame arrives; None when none is under way."""
        held_ns = self.injector.next_due_ns()
        if not self._in_flight:
            return held_ns
        arrives_ns = self._in_flight[0][0]
        return arrives_ns if held_ns is None else min(held_ns, arrives_ns)

    def poll(self, now_ns: int) -> list[tuple[str, bytes]]:
        """Frames that have arrived by ``now_ns``, as (port, frame), in order."""
        for frame, origin in self.injector.poll(now_ns):
            self._pass_on(frame, origin, 0, now_ns)
        arrived = []
        while self._in_flight and self._in_flight[0][0] <= now_ns:
            due, _, port, frame = heapq.heappop(self._in_flight)
            state = self._ports.get(port)
            if state is None or not state.modem.present:
                self.counts["not_heard"] += 1
            elif due < state.modem.deaf_until_ns and frame[6:12] != state.modem.mac:
                self.counts["deaf"] += 1
            else:
                self.counts["delivered"] += 1
                arrived.append((port, frame))
        return arrived

    def _for_own_modem(self, port: str, frame: bytes) -> bool:
        mmtype = mmtype_of(frame)
        destination = frame[:6]
        if destination == LOCALCAST or destination == self._ports[port].modem.mac:
            return mmtype >= 0
        return mmtype in FOR_MODEM and destination == BROADCAST

    def _ask_modem(self, port: str, frame: bytes, now_ns: int) -> None:
        modem = self._ports[port].modem
        request = decode(frame)
        if not modem.hears(now_ns):
            self.counts["deaf"] += 1
            return
        if not isinstance(request, Mme):
            self.counts["bad"] += 1
            return
        names = [name for name in self._ports if name != port and self.linked(port, name, now_ns)]
        neighbours = [self._ports[name].modem for name in names]
        if isinstance(request, VsSwVerReq) and frame[:6] == BROADCAST:
            for neighbour in neighbours:
                self._answer(port, neighbour, request, [modem], now_ns, self.config.latency_ns * 2)
        self._answer(port, modem, request, neighbours, now_ns, 0)

    def _answer(self, port: str, modem: Modem, request: Mme, neighbours: list[Modem], now_ns: int, way_ns: int) -> None:
        answer = modem.answer(request, neighbours, now_ns)
        if answer is not None:
            self._inject(answer.encode(), _Origin(port, port, modem.config.answer_ns + way_ns), now_ns)

    def _inject(self, frame: bytes, origin: _Origin, now_ns: int) -> None:
        """Through the fault rules, then on."""
        copies = self.injector.apply(frame, now_ns, origin)
        if not copies:
            self.counts["faulted"] += 1
        for extra_ns, copy, whence in copies:
            self._pass_on(copy, whence, extra_ns, now_ns)

    def _pass_on(self, frame: bytes, origin: _Origin, extra_ns: int, now_ns: int) -> None:
        at_ns = now_ns + extra_ns + origin.delay_ns
        if origin.receiver is not None:
            self._deliver(origin.receiver, frame, at_ns)
            return
        sender = origin.sender
        state = self._ports.get(sender)
        if state is None or not state.modem.hears(now_ns):
            self.counts["deaf"] += 1
            return
        mmtype = mmtype_of(frame)
        for name, other in self._ports.items():
            if name == sender or not ((frame[:1] and frame[0] & 1) or frame[:6] == other.modem.host_mac):
                continue
            attenuation = self.attenuation_dB(sender, name)
            if attenuation is None:
                self.counts["not_heard"] += 1
            elif mmtype not in MATCHING and not self.linked(sender, name, now_ns):
                self.counts["not_linked"] += 1
            else:
                self._deliver(name, frame, at_ns + self.config.latency_ns + self._jitter_ns())
                if mmtype == SOUND and other.modem.hears(now_ns):
                    self._report(name, other.modem, frame[6:12], attenuation, at_ns)

    def _report(self, port: str, modem: Modem, pev_mac: bytes, attenuation: float, at_ns: int) -> None:
        noise = self.config.noise_dB
        levels = (round(attenuation + self._random.uniform(-noise, noise)) for _ in range(GROUPS))
        profile = modem.profile(pev_mac, bytes(min(max(level, 0), 255) for level in levels))
        if profile is not None:
            delay_ns = self.config.profile_latency_ns + self._jitter_ns()
            self._inject(profile.encode(), _Origin(port, port, delay_ns), at_ns)

    def _deliver(self, port: str, frame: bytes, due_ns: int) -> None:
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            self.counts["overflow"] += 1
            return
        self._sequence += 1
        heapq.heappush(self._in_flight, (due_ns, self._sequence, port, frame))

    def _jitter_ns(self) -> int:
        return self._random.randrange(self.config.jitter_ns) if self.config.jitter_ns else 0
