"""Lives of one charge point, each a process that may be killed: ``python -m tests.ocpp.lives FOLDER SOCKET``.

Each line of standard input is a life: ``SEED SESSIONS``. All charts of machines/ocpp run on the virtual clock,
their file is real and written by its own thread. What is outside lives on when the process is killed: the vehicles, the
meters and the time of day stand in a file in shared memory (:class:`Outside`), the central system is the parent's, on
the socket: for each text a line goes there, and a line comes back before virtual time goes on.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import random
import select
import socket
import struct
import sys
from pathlib import Path
from typing import Any

from adapters.host.wall_clock import SimulatedWallClock
from engine.adapter import World
from tests.ocpp import charge_point
from tests.ocpp.central import LATE_NS, NOON
from tests.ocpp.charge_point import Alone
from tests.ocpp.outlets import StandInOutlets

S = 10**9
OUTLETS = 2
STATES = ("free", "wanting", "charging", "ended", "suspended_evse")
LONGEST_S = 40_000
"""Virtual seconds of one life; one that needs more is stuck."""


class Outside:
    """What no kill takes away. ``now``: ns since 1970; ``begun``: sessions so far; of each outlet its state and Wh."""

    LAYOUT = struct.Struct("<qq" + "qd" * OUTLETS)

    def __init__(self, file: Path) -> None:
        if not file.exists():
            whole = file.with_name(f"{file.name}.{os.getpid()}")  # who looks meanwhile sees none or all of it
            whole.write_bytes(self.LAYOUT.pack(NOON, 0, *[0, 0.0] * OUTLETS))
            with contextlib.suppress(FileExistsError):
                file.hardlink_to(whole)
            whole.unlink()
        with file.open("r+b") as opened:
            self._there = mmap.mmap(opened.fileno(), self.LAYOUT.size)
        self.now, self.begun, *rest = self.LAYOUT.unpack(self._there[:])
        self.states = [STATES[number] for number in rest[::2]]
        self.wh = list(rest[1::2])

    def keep(self) -> None:
        rest = [part for state, wh in zip(self.states, self.wh, strict=True) for part in (STATES.index(state), wh)]
        self._there[:] = self.LAYOUT.pack(self.now, self.begun, *rest)


class KeptOutlets(StandInOutlets):
    """Their plugs and registers are outside."""

    def __init__(self, outside: Outside, world: World) -> None:
        super().__init__({"count": OUTLETS}, world)
        self.outside = outside
        for outlet, state, wh in zip(self.outlets, outside.states, outside.wh, strict=True):
            outlet.state, outlet.wh = ("free" if state == "free" else "wanting"), wh  # without power nothing charges

    def wh(self, outlet: int) -> float:
        value = super().wh(outlet)
        self.outside.wh[outlet - 1] = value
        self.outside.keep()
        return value

    def _is(self, outlet: int, state: str) -> None:
        super()._is(outlet, state)
        self.outside.states[outlet - 1] = state
        self.outside.keep()


class Far:
    """The central system is the parent's: stands where tests.ocpp.central.Central does."""

    mute = deaf = twice = False
    late_ns = LATE_NS

    def __init__(self, peer: Any, outside: Outside) -> None:
        self.peer, self.outside = peer, outside
        self.reachable = True
        self.line: Any = None
        self.wrong: list[str] = []
        self.heard: list[Any] = []

    def hears(self, text: str) -> str | None:
        self.peer.write(json.dumps({"text": text, "now": self.outside.now}) + "\n")
        self.peer.flush()
        said = json.loads(self.peer.readline())
        if "cut_s" in said:
            line, self.reachable = self.line, False
            line.port.call_later(0, line.drop)
            line.port.call_later(round(said["cut_s"] * S), self._back)
        answer: str | None = said.get("answer")
        return answer

    def _back(self) -> None:
        self.reachable = True


def live(folder: Path, peer: Any, seed: int, sessions: int) -> None:
    """One life; ends by itself when all sessions are over and all is told."""
    chance, outside = random.Random(seed), Outside(folder / "outside")
    if outside.now > NOON:
        outside.now += round(chance.uniform(1, 300) * S)
        for number, state in enumerate(outside.states):
            if state != "free" and chance.random() < 0.08:  # drove away in the dark
                outside.states[number] = "free"
    begun_s = outside.now // S
    central = Far(peer, outside)

    def made(world: World) -> dict[str, Any]:
        world.shared("central system", lambda: central)
        return {"outlets": KeptOutlets(outside, world), "clock": SimulatedWallClock({"begin": begun_s}, world)}

    class Point(Alone):
        def settle(self) -> None:
            super().settle()
            outside.now = begun_s * S + self.system.clock.now_ns()
            outside.keep()

    point = Point(OUTLETS, str(folder / "charge_point.db"), made=made, MeterValueSampleInterval=10 * S)
    people = People(point.outlets, outside, chance, sessions)
    while not (people.are_gone() and point.roles["ledger"].waiting == 0 and central.reachable):
        point.run(chance.uniform(0.5, 15))
        people.act()
        assert point.system.clock.now_ns() < LONGEST_S * S, "it does not come to an end"
    point.run(1)
    assert point.system.failures == []


class People:
    """They plug in, show cards, charge a while, stop and leave."""

    def __init__(self, outlets: StandInOutlets, outside: Outside, chance: random.Random, sessions: int) -> None:
        self.outlets, self.outside, self.chance, self.sessions = outlets, outside, chance, sessions

    def are_gone(self) -> bool:
        return self.outside.begun >= self.sessions and all(one.state == "free" for one in self.outlets.outlets)

    def act(self) -> None:
        for number, one in enumerate(self.outlets.outlets, 1):
            dice = self.chance.random()
            if one.state == "free" and self.outside.begun < self.sessions and dice < 0.4:
                self.outside.begun += 1
                self.outlets.plug(number)
            elif one.state == "wanting":
                if dice < 0.6:
                    self.outlets.card(number, f"CARD{number}")
                elif dice < 0.65:
                    self.outlets.unplug(number)
            elif one.state == "charging":
                if dice < 0.05:
                    self.outlets.card(number, f"CARD{number}")
                elif dice < 0.08:
                    self.outlets.press_stop(number)
                elif dice < 0.11:
                    self.outlets.unplug(number)
            elif one.state == "ended" and dice < 0.6:
                self.outlets.unplug(number)


def main() -> None:
    folder, line = Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))
    charge_point.chart(charge_point.CHART)  # loaded once, for all lives
    for order in sys.stdin:
        seed, sessions = map(int, order.split())
        while select.select([line], [], [], 0)[0]:  # an answer that its asker did not live to read
            line.recv(2**20)
        child = os.fork()
        if not child:
            code = 1
            try:
                live(folder, line.makefile("rw", encoding="utf-8"), seed, sessions)
                code = 0
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                os._exit(code)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
