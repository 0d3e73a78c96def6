"""Stations and vehicles with our SLAC charts on one simulated line, on the virtual clock."""

from __future__ import annotations

from functools import cache
from typing import Any

import engine
from adapters.slac.frames import name_of
from adapters.slac.link import SimulatedHpgpLink
from adapters.slac.nic import LineDriver
from adapters.slac.plc import SimulatedPlcModem
from engine.language.model import Chart
from engine.run import System
from engine.run.actor import Actor
from engine.run.observer import Note

MS, S = 1_000_000, 1_000_000_000
QUICK = {"deaf": 100 * MS, "reset": 200 * MS, "join": 100 * MS}
"""Modems that are quicker than real ones: what is tested are the charts, not the waiting."""


@cache
def chart(side: str) -> Chart:
    return engine.load(f"machines/slac/{side}.yaml")


class Street:
    """Hosts ``evse1``, ``pev1``, … with one cable per number.

    ``heard`` is what each told its parent: (seconds, name, payload).
    """

    def __init__(self, hosts: tuple[str, ...] = ("evse1", "pev1"), **settings: Any) -> None:
        self.system = System()
        self.system.observers.append(self)
        self.heard: dict[str, list[tuple[float, str, dict[str, Any]]]] = {host: [] for host in hosts}
        self.errors: list[str] = []
        self.actors: dict[str, Actor] = {}
        self.links: dict[str, SimulatedHpgpLink] = {}
        self.modems: dict[str, SimulatedPlcModem] = {}
        self.frames: list[tuple[float, str, bytes]] = []
        """What reached whom after :meth:`listen`: (seconds, host, frame)."""
        parameters = {host: settings.pop(host, {}) for host in hosts}
        for number, host in enumerate(hosts):
            side = host.rstrip("0123456789")
            config = {
                **QUICK,
                "host": host,
                "cable": host.removeprefix(side),
                "mac": f"02:00:00:00:00:{number + 1:02x}",
            }
            config.update(settings)
            self.links[host] = SimulatedHpgpLink(config, self.system.world)
            self.modems[host] = SimulatedPlcModem(config, self.system.world)
            adapters = {"link": self.links[host], "modem": self.modems[host]}
            self.actors[host] = self.system.add(chart(side), host, parameters[host], adapters)
        self.system.start()
        self.line = LineDriver.of(self.system.world, {}).line

    def step(self, record: object) -> None:
        """Observer: steps do not matter here."""

    def note(self, note: Note) -> None:
        """Observer: what the charts tell their parents, and what went wrong."""
        if note.kind == "out":
            self.heard[note.path].append((note.time_ns / S, note.text, dict(note.data)))
        elif note.kind in ("adapter_error", "machine_failed", "queue_full"):
            self.errors.append(f"{note.path}: {note.text}")

    @property
    def now_s(self) -> float:
        return self.system.clock.now_ns() / S

    def said(self, host: str, name: str) -> list[dict[str, Any]]:
        """Payloads of what the host told its parent under this name."""
        return [payload for _, event, payload in self.heard[host] if event == name]

    def is_in(self, host: str, state: str) -> bool:
        return state in self.actors[host].machine.configuration

    def linked(self, *hosts: str) -> bool:
        """All these hosts (all there are) are matched and linked."""
        return all(self.is_in(host, "matching.linked") for host in hosts or tuple(self.actors))

    def run(self, seconds: float) -> None:
        self.system.advance(round(seconds * S))

    def run_until_linked(self, seconds: float, *hosts: str) -> float:
        """Run until linked, at most this long; gives the time it took, fails with where everyone is."""
        start_s = self.now_s
        reached = self.system.run_until(lambda: self.linked(*hosts), round((start_s + seconds) * S))
        assert reached, {host: (actor.machine.configuration, self.heard[host]) for host, actor in self.actors.items()}
        assert self.errors == []
        return self.now_s - start_s

    def listen(self, host: str) -> None:
        """Keep what reaches this host in ``frames``."""
        nic = self.links[host]._open_nic()
        nic.subscribe(lambda frame, _: self.frames.append((self.now_s, host, frame)))

    def arrived(self, host: str, name: str) -> int:
        """How many frames of this name have reached the host since :meth:`listen`."""
        return sum(at == host and name_of(frame) == name for _, at, frame in self.frames)

    def sound_by_hand(self, run_id: bytes) -> None:
        """``pev1``, whose chart rests, goes as far as CM_ATTEN_CHAR.RSP."""
        link, station = self.links["pev1"], self.links["evse1"].mac
        link.CM_SLAC_PARM_REQ(run_id=run_id)
        self.run(0.02)
        link.CM_START_ATTEN_CHAR_IND(run_id=run_id, num_sounds=10, time_out=600 * MS)
        for remaining in range(9, -1, -1):
            self.run(0.02)
            link.CM_MNBC_SOUND_IND(run_id=run_id, remaining=remaining)
        self.run(0.02)
        link.CM_ATTEN_CHAR_RSP(peer=station, run_id=run_id, result=0)
        self.run(0.02)

    def post(self, host: str, event: str) -> None:
        """What the host's supervisor says."""
        self.system.post(self.actors[host], event)

    def nmk(self, host: str) -> bytes:
        """The key the host's modem has."""
        return self.line.modem(host).nmk

    def replug(self) -> None:
        """The first vehicle leaves and comes again."""
        for host, event in (("pev1", "leave_5_percent"), ("evse1", "leave_bcd")):
            self.post(host, event)
        self.run(1)
        for host, event in (("evse1", "enter_bcd"), ("pev1", "enter_5_percent")):
            self.post(host, event)
