"""SDP through its contracts: on simulated hosts and on real interfaces."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sdp import messages
from adapters.sdp.adapters import SimulatedSdpClient, SimulatedSdpServer
from adapters.sim.network import Host
from adapters.slac.link import SimulatedHpgpLink
from adapters.slac.plc import SimulatedPlcModem
from engine.adapter import World
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
