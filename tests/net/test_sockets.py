"""The IPv6 host on real interfaces: who is heard."""

from __future__ import annotations

import asyncio
import socket

import pytest

from adapters.intake import Limits
from adapters.net.sockets import SocketHost, link_local_address
from adapters.sdp.adapters import SocketSdpServer
from engine.adapter import World
from tests.slac.netns import inside, ip, missing, namespaces, wait_for
from tests.slac.real_port import RealPort

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "available")
REQUEST = bytes.fromhex("01fe9000000000021000")


def udp(interface: str, address: str = "") -> socket.socket:
    """A socket that multicasts on the interface, from this address."""
    scope = socket.if_nametoindex(interface)
    made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, scope)
    if address:
        made.bind((address, 0))
    made.connect(("ff02::1", 15118, 0, scope))
    return made


def test_sdp_hears_link_local_addresses_on_its_own_interface_only() -> None:
    """28 octets for 10 to whoever asks from elsewhere make the station an amplifier (ISO 15118-2 7.6)."""
    ends = ("cable0", "station"), ("cable1", "vehicle"), ("lan0", "station"), ("lan1", "office")
    with namespaces(*ends) as names:
        ip("-n", names["station"], "addr", "add", "fd00::1/64", "dev", "cable0", "nodad")
        ip("-n", names["vehicle"], "addr", "add", "fd00::2/64", "dev", "cable1", "nodad")

        async def station() -> list[str]:
            server = SocketSdpServer({"interface": "cable0"}, World())
            port = RealPort(server, "sdp")
            server.start()
            await asyncio.sleep(0)
            stranger = inside(names["office"], lambda: udp("lan1"))
            abroad = inside(names["vehicle"], lambda: udp("cable1", "fd00::2"))
            vehicle = inside(names["vehicle"], lambda: udp("cable1"))
            for sender in (stranger, abroad, vehicle):
                for _ in range(3):
                    sender.send(REQUEST)
            await wait_for(lambda: len(port.named("request")) >= 3, "the vehicle's requests")
            await asyncio.sleep(0.05)
            for sender in (stranger, abroad, vehicle):
                sender.close()
            server.close()
            await asyncio.sleep(0)
            assert port.errors == []
            return [request["peer"].partition("%")[0][:5] for request in port.named("request")]

        assert inside(names["station"], lambda: asyncio.run(station())) == ["[fe80"] * 3


def test_a_vehicle_is_heard_beside_a_flood_of_datagrams() -> None:
    """20,000 datagrams of one sender in one go: the vehicle is heard, of the flood what the setting says."""
    with namespaces(("cable0", "station"), ("cable1", "vehicle")) as names:

        async def station() -> None:
            server = SocketSdpServer({"interface": "cable0"}, World())
            port = RealPort(server, "sdp")
            server.start()
            await asyncio.sleep(0)
            flood = inside(names["vehicle"], lambda: udp("cable1"))
            vehicle = inside(names["vehicle"], lambda: udp("cable1"))
            for number in range(20_000):
                flood.send(REQUEST)
                if number % 2000 == 0:
                    vehicle.send(REQUEST)
                    await asyncio.sleep(0)
            heard = {f"{s.getsockname()[1]}": 0 for s in (flood, vehicle)}
            await asyncio.sleep(0.1)
            for request in port.named("request"):
                heard[request["peer"].rpartition(":")[2]] += 1
            times = list(heard.values())
            flood.close()
            vehicle.close()
            server.close()
            await asyncio.sleep(0)
            assert port.errors == []
            assert 20 <= times[0] <= 200
            assert times[1] >= 1
            assert "flooded, more than 20 datagrams/s" in port.told[0]

        inside(names["station"], lambda: asyncio.run(station()))


def test_limits_are_those_of_the_settings() -> None:
    """A site with many vehicles on one link raises them."""
    with namespaces(("cable0", "station"), ("cable1", "vehicle")) as names:

        async def station() -> None:
            made: list[Limits | None] = []

            class Host(SocketHost):
                def bind(self, udp_port, on_datagram, on_failed, limits=None):  # type: ignore[no-untyped-def]
                    made.append(limits)
                    return 1

            world = World()
            server = SocketSdpServer({"interface": "cable0", "per_source": 7, "new_sources": 70}, world)
            world.shared("IPv6 host on cable0", lambda: Host("cable0", None))  # type: ignore[arg-type]
            RealPort(server, "sdp")
            server.start()
            assert made == [Limits(7, 70)]

        inside(names["station"], lambda: asyncio.run(station()))


def test_a_vehicles_ports_are_dynamic_ones() -> None:
    """SDP and TCP come from 49152 to 65535 (ISO 15118-2 7.7); left to itself the kernel also takes 32768 and up."""
    with namespaces(("cable0", "station"), ("cable1", "vehicle")) as names:

        async def ports() -> list[int]:
            port = RealPort(SocketSdpServer({"interface": "cable1"}, World()), "sdp")
            host = SocketHost("cable1", port)
            peers = [host.bind(0, lambda *_: None, lambda *_: None) for _ in range(20)]
            listener = inside(names["station"], lambda: socket.create_server(("::", 61851), family=socket.AF_INET6))
            station = inside(names["station"], lambda: link_local_address("cable0"))
            assert station is not None
            server = await asyncio.start_server(
                lambda r, w: peers.append(w.get_extra_info("peername")[1]), sock=listener
            )
            for _ in range(20):
                host.connect(station, 61851, lambda stream: stream.close(), print)
            await wait_for(lambda: len(peers) == 40, "twenty connections")
            for udp_port in peers[:20]:
                host.unbind(udp_port)
            server.close()
            await asyncio.sleep(0)
            return peers

        outside = [p for p in inside(names["vehicle"], lambda: asyncio.run(ports())) if not 49152 <= p <= 65535]
        assert outside == []
