"""Mosquitto, and a central system behind it (paho-mqtt), for tests."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

MOSQUITTO = shutil.which("mosquitto")


def missing() -> str:
    """Why there is no broker here."""
    return "" if MOSQUITTO else "no mosquitto on the PATH"


class Mosquitto:
    """A broker of its own at a port of its own, which it keeps over :meth:`start` and :meth:`kill`. ``more``: lines of
    its configuration; ``tls``: a folder with server.pem, server.key."""

    def __init__(self, folder: Path, more: str = "allow_anonymous true", tls: Path | None = None) -> None:
        self._file = folder / "mosquitto.conf"
        if os.geteuid() == 0:
            more += "\nuser root"  # else it gives root's rights away, and cannot read what tests write
        self._more = more + (f"\ncertfile {tls}/server.pem\nkeyfile {tls}/server.key" if tls else "")
        self._scheme = "mqtts" if tls else "mqtt"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Returns when it listens. A port that somebody else took meanwhile is tried again, or exchanged at the first
        start."""
        for _ in range(20):
            port = self.port or _free()
            self._file.write_text(f"listener {port} 127.0.0.1\nset_tcp_nodelay true\npersistence false\n{self._more}\n")
            assert MOSQUITTO is not None
            command = [MOSQUITTO, "-c", str(self._file)]
            self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if await self._listens(port):
                self.port = port
                return
        raise AssertionError("Mosquitto does not start")

    async def _listens(self, port: int) -> bool:
        assert self._process is not None
        while self._process.poll() is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            await asyncio.sleep(0.02)  # what could not listen has gone by now: it was somebody else's port
            return self._process.poll() is None
        return False

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Behind:
    """A central system's client: what it hears, by topic; ``send``, ``recv`` are what ``ocpp.ChargePoint`` asks of a
    connection."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.heard: list[tuple[str, str, bool]] = []
        self._texts: asyncio.Queue[str] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="central", protocol=MQTTProtocolVersion.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda *_: self._client.subscribe("/charger/#", qos=1)
        self._client.on_subscribe = lambda *_: self._loop.call_soon_threadsafe(self._ready.set)
        self._client.on_message = lambda _, __, message: self._loop.call_soon_threadsafe(self._note, message)

    async def connect(self, broker: Mosquitto) -> None:
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        await asyncio.wait_for(self._ready.wait(), 20)

    def _note(self, message: MQTTMessage) -> None:
        text = bytes(message.payload).decode()
        self.heard.append((message.topic, text, message.retain))
        if message.topic == f"/charger/{self.identity}":
            self._texts.put_nowait(text)

    def of(self, topic: str) -> list[str]:
        """What came at a topic."""
        return [text for where, text, _ in self.heard if where == topic]

    def frames(self) -> list[Any]:
        """The messages of the charge point."""
        return [json.loads(text) for text in self.of(f"/charger/{self.identity}")]

    def say(self, text: str | bytes, *, retain: bool = False) -> None:
        self._client.publish(f"/system/{self.identity}", text, qos=1, retain=retain)

    async def send(self, text: str) -> None:
        self.say(text)

    async def recv(self) -> str:
        return await self._texts.get()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port
