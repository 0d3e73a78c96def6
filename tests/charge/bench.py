"""A station of machines/ on the virtual clock, its surroundings simulated, and a scripted vehicle with real bytes.

The scripted vehicle has no behaviour of its own: a test says what it sends, when, and what its hands and contactors do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import engine
from adapters import v2gtp
from adapters.net.simulated import Host, Stream
from adapters.pilot.cable import Cable, cable_of
from adapters.power.circuit import PowerCircuit
from adapters.registry import REGISTRY
from adapters.sdp.messages import SDP_SERVER_PORT, SdpRequest, SdpResponse, Security
from adapters.sdp.messages import decode as decode_sdp
from adapters.sdp.messages import encode as encode_sdp
from adapters.v2g import codec
from adapters.v2g.dialects import dialect
from engine.adapter import Cancellable
from engine.run import System
from engine.run.observer import Note, StepRecord
from engine.run.station import Overrides, Station, build, resolve
from engine.run.station.plan import MachinePlan

MS, S = 1_000_000, 1_000_000_000
NAMESPACES = {"din": "urn:din:70121:2012:MsgDef", "iso2": "urn:iso:15118:2:2013:MsgDef"}


@cache
def station_plan(chart: str, sets: tuple[str, ...] = ()) -> Station:
    """``engine run machines/CHART.yaml --link ethernet --set …``, resolved."""
    return resolve(
        Path(f"machines/{chart}.yaml"), None, Overrides(sets, {}, {"link": "ethernet"}), REGISTRY, engine.load
    )


class HandPort:
    """The clock of a system for simulated hosts that belong to a test."""

    role = "hand"

    def __init__(self, system: System) -> None:
        self._system = system

    def now_ns(self) -> int:
        return self._system.clock.now_ns()

    def call_later(self, delay_ns: int, callback: Callable[[], None]) -> Cancellable:
        return self._system.set_deadline(delay_ns, callback)


class Bench:
    """A system with some machines of a station plan. ``said``: (seconds, event, payload) of root machines; ``errors``:
    what no scenario may cause."""

    def __init__(self, chart: str, machines: tuple[str, ...], *sets: str) -> None:
        self.station = station_plan(chart, sets)
        self.system = System()
        self.system.observers.append(self)
        self.errors: list[str] = []
        self.said: list[tuple[float, str, dict[str, Any]]] = []
        self.shown: list[str] = []
        self.port = HandPort(self.system)
        for name in machines:
            self.bring(name)

    def bring(self, name: str, **parameters: Any) -> None:
        """Add a machine of the plan and start it."""
        machine = self.station.machines[name]
        own = {**machine.parameters.get("", {}), **parameters}
        plan = MachinePlan(name, machine.chart, {**machine.parameters, "": own}, machine.adapters)
        build(Station("", {name: plan}), self.system, REGISTRY)
        self.system.start()

    def step(self, record: StepRecord) -> None:
        """Observer."""

    def note(self, note: Note) -> None:
        """Observer: what machines tell outside, and what went wrong."""
        if note.kind == "out":
            self.said.append((note.time_ns / S, note.text, dict(note.data)))
        elif note.kind in ("adapter_error", "machine_failed", "queue_full", "child_refused", "invariant"):
            self.errors.append(f"{note.path}: {note.text}")

    # ---------------------------------------------------------------- time

    @property
    def now_s(self) -> float:
        return self.system.clock.now_ns() / S

    def run(self, seconds: float) -> None:
        """Let the time pass."""
        self.system.advance(round(seconds * S))

    def until(self, condition: Callable[[], bool], seconds: float, what: str) -> float:
        """Run until it holds, and say after how many seconds; fails with ``what`` and the states after the time."""
        start = self.now_s
        limit = self.system.clock.now_ns() + round(seconds * S)
        if not self.system.run_until(condition, limit) and not condition():  # nothing may happen when it comes true
            raise AssertionError(f"no {what} within {seconds} s: {self.states()}")
        return self.now_s - start

    # ---------------------------------------------------------------- looking

    def adapter(self, machine: str, role: str) -> Any:
        """The adapter object behind a role."""
        return self.system.roots[machine].roles[role].adapter

    def inside(self, machine: str, role: str) -> Any:
        """What the chart of a simulated device moves: the contacts of a contactor, the bolt of a lock."""
        (binding,) = self.system.servers[f"{machine}/{role}"].actor.roles.values()
        return binding.adapter

    def states(self, machine: str = "") -> dict[str, list[str]]:
        """The active states by machine path."""
        actors = [actor for root in self.system.roots.values() for actor in root.tree()]
        return {a.path: sorted(a.machine.configuration) for a in actors if a.path.startswith(machine)}

    def is_in(self, path: str, state: str) -> bool:
        """Whether a machine is in a state."""
        return state in self.states(path).get(path, [])

    def data(self, path: str, name: str) -> Any:
        """A data item of a machine."""
        actors = [actor for root in self.system.roots.values() for actor in root.tree()]
        return next(a for a in actors if a.path == path).machine.data[name]

    @property
    def circuit(self) -> PowerCircuit:
        """The power circuit, now."""
        circuit: PowerCircuit = self.system.world.shared("power circuit 1", PowerCircuit)
        circuit.advance(self.system.clock.now_ns())
        return circuit

    @property
    def cable(self) -> Cable:
        """The charging cable."""
        return cable_of(self.system.world, "1")

    def events(self, name: str) -> list[dict[str, Any]]:
        """Payloads of what root machines told outside under this name."""
        return [payload for _, event, payload in self.said if event == name]

    @property
    def is_dead(self) -> bool:
        """Station contactor open, supply off, below 5 A and 60 V at the output."""
        circuit = self.circuit
        return not (circuit.station_closed or circuit.on or circuit.output_A >= 5.0 or circuit.output_V >= 60.0)


class ScriptedVehicle:
    """Hands, contactors and bytes of a vehicle at outlet 1 of a :class:`Bench`.

    ``inbox`` holds what the station sent, whole documents in order; ``ended`` why the connection ended.
    """

    def __init__(self, bench: Bench, protocol: str = "iso2") -> None:
        self.bench = bench
        self.protocol = protocol
        self.host: Host = Host.of(bench.system.world, bench.port, {"host": "tester", "medium": "wire"})  # type: ignore[arg-type]
        self.stream: Stream | None = None
        self.inbox: list[tuple[str, Any, bytes]] = []
        self.ended = ""
        self.station = ("", 0)  # where SDP pointed to last
        self.session_id = b"\x00"
        self.schema = "sap"
        self.voltage = 360.0
        self._decoder = v2gtp.V2gtpDecoder()
        bench.cable.bring_vehicle()

    # ---------------------------------------------------------------- hands

    def plug(self) -> None:
        """Plug in, and wait for 5 %."""
        bench = self.bench
        bench.circuit.has_vehicle = True
        bench.cable.set_load("B")
        bench.cable.plug(bench.port)  # type: ignore[arg-type]
        bench.until(lambda: bench.cable.circuit.duty_percent == 5.0, 15, "5 %")

    def unplug(self) -> None:
        """Pull the plug, at once."""
        self.bench.cable.unplug(self.bench.port)  # type: ignore[arg-type]

    def go_away(self) -> None:
        """What every vehicle does in the end: contactors, pilot, connection, plug."""
        self.contactors(False)
        self.bench.cable.set_load("B")
        if self.stream is not None:
            self.stream.close()
        self.unplug()
        self.bench.circuit.has_vehicle = False

    def pilot(self, load: Any) -> None:
        """B, C or D."""
        self.bench.cable.set_load(load)

    def contactors(self, closed: bool) -> None:
        """The vehicle's disconnecting device, in no time."""
        circuit = self.bench.circuit
        circuit.vehicle_closed = closed
        circuit.advance(circuit.now_ns)

    # ---------------------------------------------------------------- bytes

    def connect(self) -> None:
        """SDP, then TCP to where it points."""
        found: list[SdpResponse] = []

        def answered(_address: str, _port: int, data: bytes) -> None:
            message = decode_sdp(data)
            if isinstance(message, SdpResponse):
                found.append(message)

        port = self.host.bind(0, answered)
        self.host.send_datagram(None, SDP_SERVER_PORT, encode_sdp(SdpRequest(Security.NONE)), port)
        self.bench.until(lambda: bool(found), 1, "SDP response")
        self.host.unbind(port)
        self.station = (str(found[0].address), found[0].port)
        self.dial(*self.station)

    def dial(self, address: str, port: int) -> None:
        """TCP only."""
        streams: list[Stream] = []
        refusals: list[str] = []
        self.host.connect(address, port, streams.append, refusals.append)
        self.bench.until(lambda: bool(streams or refusals), 1, "connection")
        assert not refusals, refusals
        self.stream = streams[0]
        self.ended, self.schema, self.session_id = "", "sap", b"\x00"
        self._decoder = v2gtp.V2gtpDecoder()
        self.inbox = []
        self.stream.on_data = self._received
        self.stream.on_close = self._closed

    def _received(self, data: bytes) -> None:
        for event in self._decoder.receive(data):
            assert isinstance(event, v2gtp.V2gtpMessage), event
            message = codec.decode(self.schema, event.payload)
            content = dialect(self.schema).read(event.payload_type, event.payload)
            self.inbox.append((content.name, message, event.payload))

    def _closed(self, reason: str) -> None:
        self.ended = reason

    def raw(self, data: bytes) -> None:
        """Bytes of the stream."""
        assert self.stream is not None
        self.stream.write(data)

    def frame(self, name: str, *, session_id: bytes | None = None, **changes: Any) -> bytes:
        """A whole V2GTP message: the request of this name, with the usual content but for ``changes``."""
        if name == "supportedAppProtocolReq":
            sap = codec.messages("sap")
            offer = sap.AppProtocolType(
                ProtocolNamespace=NAMESPACES[self.protocol],
                VersionNumberMajor=2,
                VersionNumberMinor=0,
                SchemaID=1,
                Priority=1,
            )
            message = sap.supportedAppProtocolReq(AppProtocol=[offer])
            return v2gtp.encode(v2gtp.PayloadType.SAP, codec.encode(message))
        spoken, header = dialect(self.protocol), self.session_id if session_id is None else session_id
        message = spoken.request(name, {**self._usual(name), **changes}, header)
        return v2gtp.encode(spoken.carried(name)[0], codec.encode(message))

    def document(self, body: Any, *, session_id: bytes | None = None) -> bytes:
        """A V2GTP message around a body element."""
        schema = codec.messages(self.protocol)
        header = schema.MessageHeaderType(SessionID=self.session_id if session_id is None else session_id)
        message = schema.V2G_Message(Header=header, Body=schema.BodyType(BodyElement=body))
        return v2gtp.encode(v2gtp.PayloadType.SAP, codec.encode(message))

    def _usual(self, name: str) -> dict[str, Any]:
        status = {"EVReady": True, "EVErrorCode": "NO_ERROR", "EVRESSSOC": 40}
        wanted = {"EVTargetVoltage": self.voltage, "EVTargetCurrent": 1.0}
        usual: dict[str, dict[str, Any]] = {
            "SessionSetupReq": {"EVCCID": bytes.fromhex("020000000099")},
            "PaymentServiceSelectionReq": {"SelectedPaymentOption": "ExternalPayment", "ServiceID": 1},
            "ChargeParameterDiscoveryReq": status
            | {
                "RequestedEnergyTransferMode": "DC_extended",
                "EVMaximumVoltageLimit": 410.0,
                "EVMaximumCurrentLimit": 200.0,
            },
            "CableCheckReq": status,
            "PreChargeReq": status | wanted,
            "PowerDeliveryReq": status | {"ChargeProgress": "Start", "SAScheduleTupleID": 1, "ChargingComplete": False},
            "CurrentDemandReq": status
            | {"EVTargetVoltage": 410.0, "EVTargetCurrent": 100.0, "ChargingComplete": False},
            "WeldingDetectionReq": status,
            "SessionStopReq": {"ChargingSession": "Terminate"},
        }  # fmt: skip
        return usual.get(name, {})

    # ---------------------------------------------------------------- dialogue

    def send(self, name: str, **changes: Any) -> None:
        """Send a request."""
        self.raw(self.frame(name, **changes))

    def hear(self, seconds: float = 2.0) -> Any:
        """The next answer: the body element (the document itself in SAP)."""
        before = len(self.inbox)
        self.bench.until(lambda: len(self.inbox) > before or bool(self.ended), seconds, "answer")
        assert len(self.inbox) > before, f"closed without an answer: {self.ended}"
        return self.last

    @property
    def last(self) -> Any:
        """The last answer's body."""
        message = self.inbox[-1][1]
        return message.Body.BodyElement if hasattr(message, "Body") else message

    def ask(self, name: str, **changes: Any) -> Any:
        """Send a request; the body of its answer, which must be of its kind."""
        self.send(name, **changes)
        answer = self.hear()
        assert self.inbox[-1][0] == name.removesuffix("Req") + "Res"
        return answer
