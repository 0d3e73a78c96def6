"""The real clock: sockets, threads and deadlines wake the system, signals end it in order, nothing polls."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import Any

import pytest

from engine.adapter import Port
from engine.run import Note, RealClock, StepRecord, System
from engine.run.host import Host
from tests.system.tools import Door, Watch, chart

MS = 1_000_000


class WiredDoor(Door):
    """A door on a real UDP socket: a datagram ``open NAME`` is ``opened``, ``lock`` answers ``locked``."""

    def open(self, port: Port) -> None:
        super().open(port)
        self.loop = asyncio.get_running_loop()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.peer: Any = None
        self.loop.add_reader(self.socket, self._received)

    def _received(self) -> None:
        data, self.peer = self.socket.recvfrom(100)
        self.port.emit("opened", by=data.decode().removeprefix("open "))

    def lock(self) -> None:
        super().lock()
        if self.peer is not None:
            self.socket.sendto(b"locked", self.peer)

    def close(self) -> None:
        super().close()
        self.loop.remove_reader(self.socket)
        self.socket.close()


GUARD = """
    machine: guard
    adapters: {gate: door}
    data: {by: {type: string, initial: "''"}}
    initial: shut
    states:
      shut: {on: {gate.opened: {target: wide, actions: [assign: {by: event.by}]}}}
      wide:
        exit: gate.lock()
        after: {5 ms: end}
        on: {gate.closed: end, error.adapter.gate: end}
      end: {type: final}
"""


def wired() -> tuple[System, WiredDoor, Watch, Host]:
    system, door = System(RealClock()), WiredDoor()
    watch = Watch(system)
    system.add(chart(GUARD), adapters={"gate": door})
    return system, door, watch, Host(system)


def test_a_datagram_wakes_the_machine_and_its_answer_leaves_when_its_timer_is_due() -> None:
    async def go() -> bytes:
        system, door, watch, host = wired()
        running = asyncio.ensure_future(host.run())
        await asyncio.sleep(0)
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.setblocking(False)
        client.sendto(b"open Ann", door.socket.getsockname())
        answer = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 100), 5)
        await asyncio.wait_for(running, 5)
        client.close()
        assert system.roots["guard"].machine.data["by"] == "Ann"
        opened, due = (r.time_ns for r in watch.steps[1:])
        assert due - opened >= 5 * MS  # never early
        return answer

    assert asyncio.run(go()) == b"locked"


def test_stop_lets_every_machine_leave_its_states_and_then_closes_the_adapters() -> None:
    async def go() -> list[Any]:
        system, door, _, host = wired()
        running = asyncio.ensure_future(host.run())
        await asyncio.sleep(0)
        door.port.emit("opened", by="x")
        system.run_due()
        host.stop()
        await asyncio.wait_for(running, 5)
        return door.told

    assert asyncio.run(go()) == [("lock",), ("close",)]


def test_a_view_that_breaks_at_the_end_keeps_no_machine_from_its_exit_actions() -> None:
    def breaks() -> None:
        raise OSError("the terminal is gone")

    async def go() -> list[Any]:
        system, door = System(RealClock()), WiredDoor()
        system.add(chart(GUARD), adapters={"gate": door})
        host = Host(system, on_end=breaks)
        running = asyncio.ensure_future(host.run())
        await asyncio.sleep(0)
        door.port.emit("opened", by="x")
        system.run_due()
        host.stop()
        with pytest.raises(OSError, match="terminal"):
            await asyncio.wait_for(running, 5)
        return door.told

    assert asyncio.run(go()) == [("lock",), ("close",)]


def test_work_from_a_foreign_thread_wakes_a_sleeping_host() -> None:
    async def go() -> str:
        system, door, _, host = wired()
        running = asyncio.ensure_future(host.run())
        await asyncio.sleep(0)
        threading.Thread(
            target=lambda: door.port.call_soon_threadsafe(lambda: door.port.emit("opened", by="thread"))
        ).start()
        await asyncio.wait_for(running, 5)
        return str(system.roots["guard"].machine.data["by"])

    assert asyncio.run(go()) == "thread"


def test_a_coroutine_that_fails_is_an_event_and_one_still_running_is_cancelled_at_the_end() -> None:
    async def go() -> list[str]:
        system, door, watch, host = wired()
        running = asyncio.ensure_future(host.run())
        await asyncio.sleep(0)
        ended: list[str] = []

        async def fails() -> None:
            raise OSError("cable cut")

        async def waits() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("cancelled")

        door.port.emit("opened", by="x")
        door.port.spawn(waits())
        await asyncio.sleep(0)
        door.port.spawn(fails())
        await asyncio.wait_for(running, 5)
        assert [note.text for note in watch.notes if note.kind == "adapter_error"] == ["OSError: cable cut"]
        assert system.roots["guard"].state == "done"
        return ended

    assert asyncio.run(go()) == ["cancelled"]


def test_an_idle_host_takes_no_turns() -> None:
    """A station waiting for a vehicle must not burn a core: the loop is left alone until something happens."""

    async def go() -> int:
        system, door, _, host = wired()
        turns = 0
        turn = system.turn

        def counted() -> bool:
            nonlocal turns
            turns += 1
            return turn()

        system.turn = counted  # type: ignore[method-assign]
        running = asyncio.ensure_future(host.run())
        for _ in range(1000):
            await asyncio.sleep(0)
        idle = turns
        door.port.emit("opened", by="x")
        await asyncio.wait_for(running, 5)
        assert turns > idle
        return idle

    assert asyncio.run(go()) <= 2


def test_a_storm_between_machines_does_not_keep_sockets_waiting() -> None:
    async def go() -> None:
        system, door, _, host = wired()
        system.add(
            chart("""
                machine: hare
                events: {again: {}}
                initial: a
                states: {a: {entry: [send: again], on: {again: {actions: [send: again]}}}}
            """)
        )
        running = asyncio.ensure_future(host.run(lambda: system.roots["guard"].state == "done"))
        await asyncio.sleep(0)
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.sendto(b"open Ann", door.socket.getsockname())
        await asyncio.wait_for(running, 5)
        client.close()

    asyncio.run(go())


def test_an_adapter_that_does_not_open_ends_the_run_with_its_message() -> None:
    class Stuck(Door):
        def open(self, port: Port) -> None:
            raise OSError("no such interface eth7")

    async def go() -> str:
        system = System(RealClock())
        system.add(chart(GUARD), adapters={"gate": Stuck()})
        try:
            await Host(system).run()
        except Exception as error:
            return str(error)
        return ""

    assert "eth7" in asyncio.run(go())


class StickingDoor(Door):
    """A door whose lock takes all the computer's time."""

    def lock(self) -> None:
        super().lock()
        time.sleep(0.4)


STICKING = """
    machine: guard
    adapters: {gate: door}
    data: {late: {type: duration, initial: 0 ms}}
    on:
      error.host: {actions: [assign: {late: event.late}]}
    initial: shut
    states:
      shut:
        after:
          200 ms: {actions: gate.lock()}
          350 ms: end
      end: {type: final}
"""


def test_a_host_that_stood_still_in_the_middle_of_its_work_says_so_before_the_timers_it_missed() -> None:
    """Between two timers that are due one after the other, with nothing to wait for: as late as after a sleep."""

    async def go() -> None:
        system = System(RealClock())
        guard = system.add(chart(STICKING), adapters={"gate": StickingDoor()})
        await asyncio.wait_for(Host(system).run(), 5)
        assert guard.machine.data["late"] >= 150 * MS

    asyncio.run(go())


GUARDED = """
    machine: guard
    adapters: {gate: door}
    data: {by: {type: string, initial: "''"}, late: {type: duration, initial: 0 ms}}
    initial: shut
    states:
      shut:
        on:
          gate.opened: {target: end, actions: [assign: {by: event.by}]}
          error.host: {actions: [assign: {late: event.late}]}
        after: {150 ms: end}
      end: {type: final}
"""


def test_what_came_while_the_host_had_no_time_goes_before_the_timers_it_missed() -> None:
    """A feedback that came in time must not be taken for missing because this computer stood still: sockets are read
    first, machines hear that it was late, and people once."""

    async def go() -> None:
        system, door = System(RealClock()), WiredDoor()
        watch = Watch(system)
        guard = system.add(chart(GUARDED), adapters={"gate": door})
        running = asyncio.ensure_future(Host(system).run())
        await asyncio.sleep(0.01)
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.sendto(b"open Ann", door.socket.getsockname())
        time.sleep(0.4)  # the computer stands still; what is tested is the order afterwards
        await asyncio.wait_for(running, 5)
        client.close()
        assert guard.machine.data["by"] == "Ann"
        assert guard.machine.data["late"] >= 150 * MS
        (told,) = [note.text for note in watch.notes if note.kind == "host_late"]
        assert told.startswith("the host was late by ")

    asyncio.run(go())


class SlowToHear:
    """An observer that makes hearing of lateness take longer than what is called late."""

    def step(self, record: StepRecord) -> None:
        if record.event is not None and record.event.name == "error.host":
            time.sleep(0.003)

    def note(self, note: Note) -> None:
        pass


def test_many_machines_that_hear_of_lateness_still_come_to_their_timers() -> None:
    """A site of twelve outlets on a slow computer: each telling made it later, and no timer was taken any more."""

    async def go() -> None:
        system = System(RealClock())
        system.observers.append(SlowToHear())
        slower = chart(STICKING.replace("200 ms", "2 s").replace("350 ms", "2150 ms"))  # the start is over by then
        guards = [system.add(slower, f"guard{n}", adapters={"gate": Door()}) for n in range(60)]
        sticking = system.add(slower, adapters={"gate": StickingDoor()})
        await asyncio.wait_for(Host(system).run(), 60)
        assert {one.state for one in (*guards, sticking)} == {"done"}
        assert max(one.machine.data["late"] for one in guards) >= 150 * MS

    asyncio.run(go())
