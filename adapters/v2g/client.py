"""The vehicle's end of a V2G connection (contract ``v2g_evcc``): on a real interface or a simulated host."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from adapters.net.network import ByteStream
from adapters.net.simulated import Host
from adapters.net.sockets import SocketHost
from adapters.net.tls_stream import TlsStream
from adapters.slac.settings import host_claims
from adapters.v2g.connection import BOTH, REAL, SIMULATED
from adapters.v2g.evcc import EvccMessages
from adapters.v2g.tls import client_context
from engine.adapter import AdapterError, Setting, World

CLIENT: dict[str, Setting] = {
    **BOTH,
    "close_by": Setting("enum(FIN, RST)", "FIN", "How the vehicle closes its connection; some models reset it"),
    "trailing_byte_on": Setting(
        "string", "", "Name of the request behind whose message one zero byte follows, as of some vehicles; empty: none"
    ),
    "omit_units": Setting(
        "bool",
        False,
        "Leave out the optional Unit of DIN's physical values, as some vehicles do; ISO 15118-2 has no such option",
    ),
}


class V2gEvcc(EvccMessages):
    """The vehicle's side. A subclass says which network."""

    contract = "v2g_evcc"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self._calls: dict[str, int] = {}
        self._shaking: dict[str, TlsStream] = {}

    def begin(
        self, host: str, port: int, connected: Callable[[ByteStream], None], refused: Callable[[str], None]
    ) -> int:
        """Start one attempt and return its id for :meth:`give_up`. Raises ``AdapterError`` when ``host`` is no address
        there."""
        raise NotImplementedError

    def give_up(self, attempt: int) -> None:
        """Cancel an attempt."""
        raise NotImplementedError

    def context(self) -> ssl.SSLContext:
        """The TLS context. Raises ``AdapterError`` when there is no TLS or its files are missing."""
        raise NotImplementedError

    def connect(self, *, host: str, port: int, tls: bool, call_id: str) -> None:
        """Try once to connect."""
        context = self.context() if tls else None

        def connected(stream: ByteStream) -> None:
            self._calls.pop(call_id, None)
            if context is None:
                stands(stream)
                return
            secure = TlsStream(
                stream,
                context,
                server_side=False,
                established=lambda: stands(self._shaking.pop(call_id)),
                refused=tls_refused,
            )
            self._shaking[call_id] = secure

        def stands(stream: ByteStream) -> None:
            self.take_down()
            self.take(stream)
            self.port.done(call_id, tls=tls, refusal="")

        def tls_refused(reason: str) -> None:
            if self._shaking.pop(call_id, None) is not None:
                self.port.done(call_id, tls=tls, refusal=reason)

        def refused(reason: str) -> None:
            self._calls.pop(call_id, None)
            self.port.failed(call_id, reason)

        self._calls[call_id] = self.begin(host, port, connected, refused)

    def cancel_call(self, call_id: str) -> None:
        attempt = self._calls.pop(call_id, None)
        if attempt is not None:
            self.give_up(attempt)
        shaking = self._shaking.pop(call_id, None)
        if shaking is not None:
            shaking.reset()

    def disconnect(self) -> None:
        """Close the connection, by FIN or as ``close_by`` says."""
        self.take_down(reset=self.config["close_by"] == "RST")

    def reset(self) -> None:
        """Close the connection by RST."""
        self.take_down(reset=True)


class SimulatedV2gEvcc(V2gEvcc):
    """On a simulated host."""

    behind = "simulated"

    settings: ClassVar[Mapping[str, Setting]] = (
        CLIENT | SIMULATED | {"host": Setting("string", "pev", "Name of the host", names="machine")}
    )

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return host_claims(config)

    def _network(self) -> Host:
        return Host.of(self.world, self.port, {key: self.config[key] for key in ("host", "medium", "line")})

    def begin(
        self, host: str, port: int, connected: Callable[[ByteStream], None], refused: Callable[[str], None]
    ) -> int:
        try:
            return self._network().connect(host, port, connected, refused)
        except ValueError as error:
            raise AdapterError(str(error)) from error

    def give_up(self, attempt: int) -> None:
        self._network().give_up(attempt)

    def context(self) -> ssl.SSLContext:
        raise AdapterError("the simulated network has no TLS")


class SocketV2gEvcc(V2gEvcc):
    """On a real interface."""

    settings: ClassVar[Mapping[str, Setting]] = (
        CLIENT
        | REAL
        | {"root": Setting("string", "", "PEM file: V2G root certificate the station is verified by; empty: it is not")}
    )

    def _network(self) -> SocketHost:
        return SocketHost.of(self.world, self.port, self.config)

    def begin(
        self, host: str, port: int, connected: Callable[[ByteStream], None], refused: Callable[[str], None]
    ) -> int:
        return self._network().connect(host, port, connected, refused)

    def give_up(self, attempt: int) -> None:
        self._network().give_up(attempt)

    def context(self) -> ssl.SSLContext:
        return client_context(self.config["root"], self.config["key_log"])
