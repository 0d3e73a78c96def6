"""V2G transport between simulated hosts (contracts ``v2g_server``, ``v2g_client``): real bytes, simulated streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.settings import number, text
from adapters.sim.network import Host, Stream
from adapters.v2g.endpoint import Endpoint
from engine.adapter import Adapter, AdapterError, Port, World


class _Transport(Adapter):
    """What both ends share: one stream, one endpoint."""

    side = ""
    default_host = ""

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._endpoint = Endpoint.of(world, self.side, text(config, "host", self.default_host))
        self._stream: Stream | None = None

    def open(self, port: Port) -> None:
        super().open(port)
        self._host = Host.of(self.world, port, {"host": self.default_host, **self.config})
        self._endpoint.on_undecodable = lambda kind, reason: port.emit("undecodable", kind=kind, reason=reason)
        self._endpoint.on_bad_header = lambda reason: port.emit("bad_header", reason=reason)

    def close(self) -> None:
        self._take_down()

    @property
    def connected(self) -> bool:
        return self._stream is not None

    def _take(self, stream: Stream) -> None:
        self._stream = stream
        stream.on_data = self._endpoint.received
        stream.on_close = self._closed
        self._endpoint.connected(stream.write)

    def _closed(self, reason: str) -> None:
        self._stream = None
        self._endpoint.disconnected()
        self.port.emit("disconnected", reason=reason)

    def _take_down(self, *, reset: bool = False) -> None:
        stream, self._stream = self._stream, None
        self._endpoint.disconnected()
        if stream is not None:
            if reset:
                stream.reset()
            else:
                stream.close()


class SimulatedV2gServer(_Transport):
    """Settings: ``host``, ``medium`` (line or wire), ``port`` (15118). TLS is not simulated: port_tls is 0."""

    contract = "v2g_server"
    side = "secc"
    default_host = "evse"

    def close(self) -> None:
        super().close()
        self._host.unlisten(self._port)

    def listen(self, *, tls: bool) -> None:
        """Open the port."""
        self._port = int(number(self.config, "port", 15118))
        self._host.listen(self._port, self._accept)
        self.port.emit("listening", port_tcp=self._port, port_tls=0)

    def drop(self) -> None:
        """Close the vehicle's connection."""
        self._take_down()

    def _accept(self, stream: Stream) -> None:
        if self._stream is not None:
            if self._stream.peer_address != stream.peer_address:
                stream.reset()
                return
            self._take_down()  # the same vehicle again: it has lost the first connection
            self.port.emit("disconnected", reason="the vehicle opened a new connection")
        self._take(stream)
        self.port.emit("connected", peer=stream.peer_address, tls=False)


class SimulatedV2gClient(_Transport):
    """Settings: ``host``, ``medium`` (line or wire)."""

    contract = "v2g_client"
    side = "evcc"
    default_host = "pev"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._calls: dict[str, int] = {}

    def connect(self, *, host: str, port: int, tls: bool, call_id: str) -> None:
        """One attempt."""
        if tls:
            raise AdapterError("the simulated network has no TLS")

        def connected(stream: Stream) -> None:
            self._calls.pop(call_id, None)
            self._take(stream)
            self.port.done(call_id, tls=False)

        def refused(reason: str) -> None:
            self._calls.pop(call_id, None)
            self.port.failed(call_id, reason)

        try:
            self._calls[call_id] = self._host.connect(host, port, connected, refused)
        except ValueError as error:
            raise AdapterError(str(error)) from error

    def cancel_call(self, call_id: str) -> None:
        attempt = self._calls.pop(call_id, None)
        if attempt is not None:
            self._host.give_up(attempt)

    def disconnect(self) -> None:
        """FIN."""
        self._take_down()

    def reset(self) -> None:
        """RST."""
        self._take_down(reset=True)
