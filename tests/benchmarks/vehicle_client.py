"""A plain, blocking ISO 15118-2 vehicle for measurements: finds a station by SDP, charges, times every answer.

Used by bench_station; run in the namespace of the vehicle: ``python -m tests.benchmarks.vehicle_client IF LOOPS
PERIOD_S [--ac]``. Prints one JSON object: answer times in ms by message.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time
from typing import Any

from adapters import v2gtp
from adapters.v2g import codec

SDP = ("ff02::1", 15118)


def discover(interface: str, seconds: float = 20.0) -> tuple[str, int]:
    """Address and port of the station on the interface."""
    scope = socket.if_nametoindex(interface)
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, scope)
    udp.settimeout(0.25)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            udp.sendto(v2gtp.encode(v2gtp.PayloadType.SDP_REQUEST, b"\x10\x00"), (*SDP, 0, scope))
            data = udp.recv(64)
        except OSError:
            continue
        address, port = data[8:24], struct.unpack(">H", data[24:26])[0]
        return socket.inet_ntop(socket.AF_INET6, address), port
    raise SystemExit(f"no station on {interface} within {seconds} s")


class Vehicle:
    """One session."""

    def __init__(self, interface: str, wait_for_voltage: bool = True) -> None:
        self.wait_for_voltage = wait_for_voltage
        host, port = discover(interface)
        self.tcp = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        self.tcp.settimeout(10)
        self.tcp.connect((host, port, 0, socket.if_nametoindex(interface)))
        self.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.decoder = v2gtp.V2gtpDecoder()
        self.session = b"\x00"
        self.times_ms: dict[str, list[float]] = {}
        self.m = codec.messages("iso2")

    def ask(self, message: Any, protocol: str, name: str) -> Any:
        """Send, wait for the answer, note how long it took."""
        frame = v2gtp.encode(v2gtp.PayloadType.SAP, codec.encode(message))
        start = time.perf_counter()
        self.tcp.sendall(frame)
        events: list[Any] = []
        while not events:
            data = self.tcp.recv(65536)
            if not data:
                raise SystemExit(f"the station closed the connection instead of answering {name}")
            events = list(self.decoder.receive(data))
        self.times_ms.setdefault(name, []).append((time.perf_counter() - start) * 1000)
        return codec.decode(protocol, events[0].payload)

    def body(self, name: str, **fields: Any) -> Any:
        """A request of ISO 15118-2 and its answer's body."""
        request = getattr(self.m, name)(**fields)
        header = self.m.MessageHeaderType(SessionID=self.session)
        answer = self.ask(self.m.V2G_Message(Header=header, Body=self.m.BodyType(BodyElement=request)), "iso2", name)
        self.session = answer.Header.SessionID
        if not answer.Body.BodyElement.ResponseCode.startswith("OK"):
            raise SystemExit(f"{name}: {answer.Body.BodyElement.ResponseCode}")
        return answer.Body.BodyElement

    def volts(self, value: float) -> Any:
        return self.m.PhysicalValueType.of(value, "V")

    def amperes(self, value: float) -> Any:
        return self.m.PhysicalValueType.of(value, "A")

    def charge(self, loops: int, period_s: float, ac: bool = False) -> None:
        """A whole session with so many loops."""
        m, sap = self.m, codec.messages("sap")
        offer = sap.AppProtocolType(
            ProtocolNamespace="urn:iso:15118:2:2013:MsgDef",
            VersionNumberMajor=2,
            VersionNumberMinor=0,
            SchemaID=1,
            Priority=1,
        )
        self.ask(sap.supportedAppProtocolReq(AppProtocol=[offer]), "sap", "supportedAppProtocolReq")
        self.body("SessionSetupReq", EVCCID=bytes(6))
        offered = self.body("ServiceDiscoveryReq").ChargeService.SupportedEnergyTransferMode.EnergyTransferMode
        self.mode = next((mode for mode in offered if mode.startswith("AC")), "AC_single_phase_core")
        services = m.SelectedServiceListType(SelectedService=[m.SelectedServiceType(ServiceID=1)])
        self.body("PaymentServiceSelectionReq", SelectedPaymentOption="ExternalPayment", SelectedServiceList=services)
        while self.body("AuthorizationReq").EVSEProcessing != "Finished":
            time.sleep(0.1)
        if ac:
            self.alternate(loops, period_s)
        else:
            self.direct(loops, period_s)
        self.body("SessionStopReq", ChargingSession="Terminate")
        self.tcp.close()

    def alternate(self, loops: int, period_s: float) -> None:
        """AC on one phase, with so many ChargingStatus loops."""
        m = self.m
        wanted = m.AC_EVChargeParameterType(
            EAmount=m.PhysicalValueType.of(9000, "Wh"),
            EVMaxVoltage=self.volts(400),
            EVMaxCurrent=self.amperes(16),
            EVMinCurrent=self.amperes(6),
            DepartureTime=3600,
        )
        self.body("ChargeParameterDiscoveryReq", RequestedEnergyTransferMode=self.mode, EVChargeParameter=wanted)
        self.body("PowerDeliveryReq", ChargeProgress="Start", SAScheduleTupleID=1)
        next_at = time.perf_counter()
        for _ in range(loops):
            self.body("ChargingStatusReq")
            next_at += period_s
            time.sleep(max(0.0, next_at - time.perf_counter()))
        self.body("PowerDeliveryReq", ChargeProgress="Stop", SAScheduleTupleID=1)

    def direct(self, loops: int, period_s: float) -> None:
        """DC, with so many CurrentDemand loops."""
        m = self.m
        status = m.DC_EVStatusType(EVReady=True, EVErrorCode="NO_ERROR", EVRESSSOC=50)
        limits = m.DC_EVChargeParameterType(
            DC_EVStatus=status, EVMaximumCurrentLimit=self.amperes(200), EVMaximumVoltageLimit=self.volts(450)
        )
        self.body("ChargeParameterDiscoveryReq", RequestedEnergyTransferMode="DC_extended", EVChargeParameter=limits)
        while self.body("CableCheckReq", DC_EVStatus=status).EVSEProcessing != "Finished":
            time.sleep(0.1)
        target = {"DC_EVStatus": status, "EVTargetVoltage": self.volts(400), "EVTargetCurrent": self.amperes(1)}
        for _ in range(30):  # a simulated station may never show the voltage
            if float(self.body("PreChargeReq", **target).EVSEPresentVoltage) > 390 or not self.wait_for_voltage:
                break
            time.sleep(0.1)
        delivery = m.DC_EVPowerDeliveryParameterType(DC_EVStatus=status, ChargingComplete=False)
        start = {"SAScheduleTupleID": 1, "EVPowerDeliveryParameter": delivery}
        self.body("PowerDeliveryReq", ChargeProgress="Start", **start)
        next_at = time.perf_counter()
        for _ in range(loops):
            self.body("CurrentDemandReq", **(target | {"EVTargetCurrent": self.amperes(100)}), ChargingComplete=False)
            next_at += period_s
            time.sleep(max(0.0, next_at - time.perf_counter()))
        self.body("PowerDeliveryReq", ChargeProgress="Stop", **start)


if __name__ == "__main__":
    vehicle = Vehicle(sys.argv[1], wait_for_voltage="--any-voltage" not in sys.argv)
    vehicle.charge(int(sys.argv[2]), float(sys.argv[3]), "--ac" in sys.argv)
    print(json.dumps(vehicle.times_ms))
