"""SDP through its contracts: on simulated hosts and on real interfaces."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.intake import Intake
from adapters.net.simulated import Host
from adapters.net.sockets import SocketHost
from adapters.sdp import messages
from adapters.sdp.adapters import SimulatedSdpClient, SimulatedSdpServer, SocketSdpClient, SocketSdpServer
from adapters.slac.link import SimulatedHpgpLink
from adapters.slac.plc import SimulatedPlcModem
from engine.adapter import Adapter, AdapterError, World
from tests.slac.real_port import RealPort
from tests.slac.virtual_host import Clock, VirtualPort

MS, S = 1_000_000, 1_000_000_000


class Bench:
    """A station and a vehicle on a simulated link."""

    def __init__(self, medium: str = "wire") -> None:
        self.world, self.clock = World(), Clock()
        self.server = SimulatedSdpServer({"host": "evse", "medium": medium}, self.world)
        self.client = SimulatedSdpClient({"host": "pev", "medium": medium}, self.world)
        self.server_port = VirtualPort(self.server, self.clock, "evse.sdp")
        self.client_port = VirtualPort(self.client, self.clock, "pev.sdp")

    def ask(self, security: str = "none") -> None:
        self.client.request(security=security)
        self.clock.advance(10 * MS)


@pytest.mark.cases("CMN_SDP")
def test_request_and_answer() -> None:
    """The vehicle learns the station's own address and port; the station learns what was asked."""
    bench = Bench()
    bench.server.start()
    address = bench.server_port.named("started")[0]["address"]
    bench.ask("tls")
    (request,) = bench.server_port.named("request")
    assert (request["security"], request["transport"]) == ("tls", "tcp")
    bench.server.answer(peer=request["peer"], security="none", port=15118)
    bench.clock.advance(10 * MS)
    assert bench.client_port.named("response") == [
        {"host": address, "port": 15118, "security": "none", "transport": "tcp"}
    ]


def test_stopped_server_hears_nothing() -> None:
    """After stop no request is an event; after start again they are."""
    bench = Bench()
    bench.ask()
    bench.server.start()
    bench.server.stop()
    bench.ask()
    assert bench.server_port.named("request") == []
    bench.server.start()
    bench.ask()
    assert len(bench.server_port.named("request")) == 1


def test_sdp_needs_a_matched_power_line() -> None:
    """On the simulated line SDP passes exactly when the modems have one key and have joined."""
    bench = Bench("line")
    modems: list[SimulatedPlcModem] = []
    for host in ("evse", "pev"):
        modem = SimulatedPlcModem({"host": host}, bench.world)
        VirtualPort(modem, bench.clock, f"{host}.modem")
        VirtualPort(SimulatedHpgpLink({"host": host}, bench.world), bench.clock, f"{host}.link")
        modems.append(modem)
    bench.server.start()
    bench.ask()
    assert bench.server_port.named("request") == []
    for modem in modems:
        modem.CM_SET_KEY_REQ(nmk=b"k" * 16, nid=b"")
    bench.clock.advance(3 * S)
    bench.ask()
    assert len(bench.server_port.named("request")) == 1


@pytest.mark.cases("CMN_V2GTPSDP")
def test_wrong_datagrams_are_counted_events() -> None:
    """Garbage, a response instead of a request and a reserved security value are bad_datagram with their reason."""
    bench = Bench()
    bench.server.start()
    vehicle = Host.of(bench.world, bench.client_port, {"host": "pev", "medium": "wire"})
    response = messages.SdpResponse(messages.SDP_MULTICAST_ADDRESS, 1, messages.Security.NONE)
    for data in (b"\x01\xfe", messages.encode(response), messages.encode(messages.SdpRequest(0x42))):
        vehicle.send_datagram(None, messages.SDP_SERVER_PORT, data, 50000)
    bench.clock.advance(10 * MS)
    reasons = [event["reason"] for event in bench.server_port.named("bad_datagram")]
    assert len(reasons) == 3
    assert "cut short" in reasons[0]
    assert "SdpResponse" in reasons[1]
    assert "reserved" in reasons[2]
    assert sum(bench.server.bad.values()) == 3


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=5), st.booleans())
def test_no_datagram_raises(datagrams: list[bytes], with_header: bool) -> None:
    """Whatever arrives on either port becomes an event of the contract."""
    bench = Bench()
    bench.server.start()
    bench.ask()
    ports: dict[str, Any] = {"evse": messages.SDP_SERVER_PORT, "pev": bench.client._own_port}
    for data in datagrams:
        for host, other in (("evse", "pev"), ("pev", "evse")):
            sender = Host.of(bench.world, bench.client_port, {"host": other, "medium": "wire"})
            sender.send_datagram(None, ports[host], b"\x01\xfe\x90\x00" * with_header + data, 50000)
    bench.clock.advance(S)
    assert len(bench.server_port.named("bad_datagram")) + len(bench.server_port.named("request")) == len(datagrams) + 1


class BrokenOnce:
    """An ``Intake.read`` that fails as often as told, as for an interface that went down."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failures: int) -> None:
        read = Intake.read
        self.left = failures

        async def broken(intake: Intake, *words: Any) -> None:
            if self.left:
                self.left -= 1
                raise OSError(errno.ENETDOWN, "Network is down")
            await read(intake, *words)

        monkeypatch.setattr(Intake, "read", broken)


async def ready(port: RealPort, event: str) -> dict[str, Any]:
    """The payload of the first event of this name; there within some turns of the loop."""
    for _ in range(100):
        if found := port.named(event):
            return found[0]
        await asyncio.sleep(0)
    raise AssertionError(f"no {event}: {port.events}, {port.errors}")


@pytest.mark.parametrize("side", ["server", "client"])
def test_a_socket_that_fails_is_told_and_opened_again_by_order(side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that breaks is closed and told, not tried again by itself; the chart's next order opens a new one."""
    monkeypatch.setattr(SocketHost, "address", "fe80::1")

    async def run() -> None:
        adapter: Adapter
        if side == "server":
            adapter = SocketSdpServer({"interface": "lo"}, World())
        else:
            adapter = SocketSdpClient({"interface": "lo"}, World())
        port = RealPort(adapter, "sdp")
        broken = BrokenOnce(monkeypatch, 1)
        if isinstance(adapter, SocketSdpServer):
            adapter.start()
            reason = (await ready(port, "failed"))["reason"]
            assert "interface 'lo', UDP port 15118: Network is down" in reason
            with pytest.raises(AdapterError, match="UDP port 15118 is closed"):
                adapter.answer(peer="[fe80::2]:5000", security="none", port=1)
            adapter.start()
        else:
            monkeypatch.setattr(SocketHost, "send_datagram", lambda *_: None)  # nobody is multicast to on a loopback
            adapter.request(security="none")
            while not port.errors:
                await asyncio.sleep(0)
            assert "Network is down" in port.errors[0]
            adapter.request(security="none")
        for _ in range(10):
            await asyncio.sleep(0)
        assert broken.left == 0
        assert len(port.named("failed")) == (side == "server")
        assert len(port.errors) == (side == "client")
        adapter.close()
        await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(run(), 5))
