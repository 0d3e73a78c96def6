"""The console on a real pseudo terminal and a real socket: lines in, lines out, by a chart on the real clock."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any

import pytest

import engine
from adapters.console.consoles import Console, PtyConsole, SimulatedConsole, TcpConsole
from engine.adapter import AdapterError, World
from engine.cli import main
from engine.run import RealClock, System
from engine.run.host import Host

CHART = """
machine: echo
adapters: {console: console}
events: {ended: {direction: out}}
states:
  here:
    entry: console.write(text='hello')
    on:
      console.line:
        - guard: event.text == 'bye'
          target: over
          actions: console.write(text='bye')
        - actions: console.write(text='heard ' + event.text)
  over: {type: final}
"""


async def until(what: Any, seconds: float = 30.0) -> None:
    """Wait for it, generously: only a hang fails."""
    async with asyncio.timeout(seconds):
        while not what():
            await asyncio.sleep(0.005)


def runs(console: Console, talk: Any) -> None:
    """``talk`` with a chart at the console; then the chart has ended and everything is closed."""
    system = System(RealClock())
    system.add(engine.load_text(CHART), "echo", {}, {"console": console})

    async def together() -> None:
        host = asyncio.create_task(Host(system).run())
        await talk()
        await asyncio.wait_for(host, 30)

    asyncio.run(together())


def test_a_pseudo_terminal(tmp_path: Path) -> None:
    """Who opens the link reads and enters lines; who leaves and comes back does so again."""
    link = tmp_path / "console"
    console = PtyConsole({"path": str(link)}, World())

    async def talk() -> None:
        await until(link.is_symlink)
        for text in (b"one", b"two"):
            fd = os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            got = bytearray()

            def more(fd: int = fd, got: bytearray = got, text: bytes = text) -> bool:
                with contextlib.suppress(BlockingIOError):
                    got.extend(os.read(fd, 1024))
                return b"heard " + text + b"\r\n" in got

            os.write(fd, text + b"\r")
            await until(more)
            if text == b"two":
                os.write(fd, b"bye\r")
            os.close(fd)

    runs(console, talk)
    assert not link.is_symlink(), "nothing is left"


def test_a_socket() -> None:
    """Several at once: each enters, all read; who goes takes nobody along."""
    console = TcpConsole({"port": 0, "most": 2}, World())

    async def talk() -> None:
        await until(lambda: console._server is not None)
        one, two = [await asyncio.open_connection("127.0.0.1", console.bound) for _ in range(2)]
        await until(lambda: len(console._there) == 2)
        refused, _ = await asyncio.open_connection("127.0.0.1", console.bound)
        assert await asyncio.wait_for(refused.read(), 30) == b"", "more than may be there"
        one[1].write(b"from one\n")
        for reader, _ in (one, two):
            assert await asyncio.wait_for(reader.readuntil(b"from one\r\n"), 30)
        one[1].close()
        await until(lambda: len(console._there) == 1)
        two[1].write(b"by")
        await two[1].drain()
        two[1].write(b"e\r\n")
        assert await asyncio.wait_for(two[0].readuntil(b"bye\r\n"), 30)
        two[1].close()

    runs(console, talk)


def test_a_flood_of_lines_is_bounded() -> None:
    """Somebody holds a key: the chart gets so many lines a second, and goes on."""
    system = System()
    console = SimulatedConsole({}, World())
    system.add(engine.load_text(CHART), "echo", {}, {"console": console})
    system.start()
    console.entered(["x"] * 1000, console.budget())
    system.run_due()
    assert list(console.written) == ["hello", *["heard x"] * 20]


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_no_port(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A number that no port has is a mistake in the setting, told before anything runs."""
    sets = ("adapters.console.use=tcp", f"adapters.console.port={port}")
    assert main(["run", "machines/charger_bms.yaml", "--plain", *(f"--set={one}" for one in sets)]) == 2
    assert capsys.readouterr().err == (
        f"engine: --set {sets[1]}: role console, setting port: a port is 0 to 65535, not {port}\n"
    )


def test_what_cannot_be_had_is_said(tmp_path: Path) -> None:
    """A port that is taken, a link that stands on a file: said with the setting."""
    file = tmp_path / "console"
    file.write_text("mine")
    console = PtyConsole({"path": str(file)}, World())
    machine = engine.load_text("machine: keeper\nadapters: {console: console}\nstates: {a: {}}\n")
    with pytest.raises(AdapterError, match="'path'"):
        engine.start(machine, adapters={"console": console})
    console.close()
    assert file.read_text() == "mine"
