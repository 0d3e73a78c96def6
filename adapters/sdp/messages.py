"""SDP messages as bytes and back, both roles, sans-I/O.

Sources: DIN SPEC 70121 8.7.3, ISO 15118-2 7.10.1, ISO 15118-20 7.10.1 Tables 16-27 (wireless: Tables 22, 23, 26, 27).
The EMSP pair (0x9004, 0x9005) is in no edition; its layout follows the public dissector dspace-group/dsV2Gshark
(v2gsdp.lua): the request is the list of EMSP identifiers alone, the response has no security and transport bytes.

A datagram carries exactly one V2GTP message. `decode` is total: an SdpMessage or a BadDatagram.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from ipaddress import IPv6Address
from typing import Final, TypeVar

from adapters import v2gtp
from adapters.v2gtp import PayloadType

SDP_SERVER_PORT: Final = 15118
"""UDP port of the SDP server in the SECC ([V2G2-124])."""
SDP_MULTICAST_ADDRESS: Final = IPv6Address("ff02::1")
"""Where a request goes: all nodes on the link ([V2G2-139])."""

_EVID_BYTES: Final = 20
_EVSEID_BYTES: Final = 37
_MAX_EMSP_BYTES: Final = 1024


class Security(IntEnum):
    """Transport security that the EVCC asks for and the SECC offers. Other values are reserved."""

    TLS = 0x00
    NONE = 0x10


class Transport(IntEnum):
    """Transport protocol. UDP is reserved: V2G messages go over TCP only."""

    TCP = 0x00
    UDP = 0x10


class P2psPpd(IntFlag):
    """Point-to-point signalling and pairing means a vehicle has (ISO 15118-20 Table 23), 2 bytes."""

    PPD_ON_INFRASTRUCTURE = 0x0100
    PPD_ON_EV = 0x0200
    WPT_LF_ON_INFRASTRUCTURE = 0x0400
    WPT_LF_ON_EV = 0x0800
    WPT_CAM_ON_EV = 0x1000
    ACD_U_INFRARED = 0x2000
    ACD_DIRECTED_WLAN = 0x4000


class CouplingType(IntEnum):
    """How vehicle and supply are coupled (ISO 15118-20 Table 23)."""

    ACDP_INVERSE_CROSS_RAIL = 0x00
    ACDP_INVERSE_IN_LINE = 0x01
    ACDP_CONTACT_DOME = 0x02
    ACDP_EV_PANTOGRAPH = 0x03
    ACDP_UNDERNEATH = 0x04
    ACDP_SIDE_OR_ROOF = 0x05
    WPT = 0x10
    ACD_U_ON_INFRASTRUCTURE = 0x20
    ACD_U_ON_EV = 0x21
    ACD_S = 0x30
    CONDUCTIVE_MANUAL = 0x40
    NOT_APPLICABLE = 0xFF


class DiagStatus(IntEnum):
    """State of the association of vehicle and supply point (ISO 15118-20 Table 27)."""

    ONGOING = 0x00
    FINISHED_WITH_EVSEID = 0x01
    FINISHED_WITHOUT_EVSEID = 0x02
    ERROR_NO_SECC = 0x10


@dataclass(frozen=True, slots=True)
class SdpRequest:
    """SECC discovery request over PLC: DIN, ISO 15118-2 and -20. Reserved byte values stay plain integers."""

    security: Security | int
    transport: Transport | int = Transport.TCP


@dataclass(frozen=True, slots=True)
class SdpResponse:
    """SECC discovery response over PLC: address and TCP port of the SECC, and the security it offers."""

    address: IPv6Address
    port: int
    security: Security | int
    transport: Transport | int = Transport.TCP


@dataclass(frozen=True, slots=True)
class SdpRequestWireless:
    """SECC discovery request over WLAN (ISO 15118-20 Table 22). Identifiers are at most 20 and 37 ASCII characters."""

    security: Security | int
    p2ps_ppd: P2psPpd
    coupling_type: CouplingType | int
    evid: str
    evseid: str = ""
    transport: Transport | int = Transport.TCP


@dataclass(frozen=True, slots=True)
class SdpResponseWireless:
    """SECC discovery response over WLAN (ISO 15118-20 Table 26)."""

    address: IPv6Address
    port: int
    security: Security | int
    diag_status: DiagStatus | int
    coupling_type: CouplingType | int
    evseid: str = ""
    transport: Transport | int = Transport.TCP


@dataclass(frozen=True, slots=True)
class SdpRequestEmsp:
    """Discovery request that names the vehicle's mobility providers; `emsp_ids` is the text as sent."""

    emsp_ids: str


@dataclass(frozen=True, slots=True)
class SdpResponseEmsp:
    """Discovery response with the mobility providers the station accepts; TLS over TCP is implied."""

    address: IPv6Address
    port: int
    emsp_ids: str


SdpMessage = SdpRequest | SdpResponse | SdpRequestWireless | SdpResponseWireless | SdpRequestEmsp | SdpResponseEmsp


@dataclass(frozen=True, slots=True)
class BadDatagram:
    """A datagram on the SDP port that is not an SDP message, and the reason."""

    reason: str
    data: bytes


def encode(message: SdpMessage) -> bytes:
    """The whole datagram, V2GTP header included. Raises ``ValueError`` when a field does not fit its bytes."""
    match message:
        case SdpRequest():
            return v2gtp.encode(PayloadType.SDP_REQUEST, _mode(message))
        case SdpResponse():
            return v2gtp.encode(PayloadType.SDP_RESPONSE, _endpoint(message) + _mode(message))
        case SdpRequestWireless():
            if not 0 <= message.p2ps_ppd <= 0xFFFF:
                raise ValueError(f"SDP p2ps_ppd={message.p2ps_ppd} does not fit two bytes")
            payload = _mode(message) + message.p2ps_ppd.to_bytes(2, "big")
            payload += _byte("coupling_type", message.coupling_type)
            payload += _text("evid", message.evid, _EVID_BYTES) + _text("evseid", message.evseid, _EVSEID_BYTES)
            return v2gtp.encode(PayloadType.SDP_REQUEST_WIRELESS, payload)
        case SdpResponseWireless():
            payload = _endpoint(message) + _mode(message) + _byte("diag_status", message.diag_status)
            payload += _byte("coupling_type", message.coupling_type) + _text("evseid", message.evseid, _EVSEID_BYTES)
            return v2gtp.encode(PayloadType.SDP_RESPONSE_WIRELESS, payload)
        case SdpRequestEmsp():
            return v2gtp.encode(PayloadType.SDP_REQUEST_EMSP, _emsp_bytes(message.emsp_ids))
        case SdpResponseEmsp():
            return v2gtp.encode(PayloadType.SDP_RESPONSE_EMSP, _endpoint(message) + _emsp_bytes(message.emsp_ids))


def decode(datagram: bytes) -> SdpMessage | BadDatagram:
    """The message in one datagram, or a ``BadDatagram``. Never raises."""
    if len(datagram) > v2gtp.HEADER_BYTES + 18 + _MAX_EMSP_BYTES:
        return BadDatagram(f"{len(datagram)} bytes are too many for an SDP message", datagram)
    if not datagram:
        return BadDatagram("empty", datagram)
    decoder = v2gtp.V2gtpDecoder()
    events = decoder.receive(datagram)
    if not events:
        return BadDatagram(f"cut short: {decoder.missing_bytes} bytes are missing", datagram)
    event = events[0]
    if isinstance(event, v2gtp.BadStream):
        return BadDatagram(event.reason, datagram)
    if isinstance(event, v2gtp.UnknownPayload):
        return BadDatagram(f"payload type 0x{event.payload_type:04x} is not SDP", datagram)
    if len(events) > 1 or decoder.missing_bytes:
        return BadDatagram("bytes follow the SDP message", datagram)
    message = _decode_payload(event.payload_type, event.payload)
    return BadDatagram(message, datagram) if isinstance(message, str) else message


def _decode_payload(payload_type: PayloadType, payload: bytes) -> SdpMessage | str:
    """The message, or the reason why there is none."""
    if payload_type in (PayloadType.SDP_REQUEST_EMSP, PayloadType.SDP_RESPONSE_EMSP):
        return _decode_emsp(payload_type, payload)
    length = _LENGTHS.get(payload_type)
    if length is None:
        return f"payload type 0x{payload_type:04x} ({payload_type.name}) is not SDP"
    if len(payload) != length:
        return f"{payload_type.name} has {len(payload)} payload bytes, expected {length}"
    if payload_type is PayloadType.SDP_REQUEST:
        return SdpRequest(_member(Security, payload[0]), _member(Transport, payload[1]))
    if payload_type is PayloadType.SDP_REQUEST_WIRELESS:
        evid, evseid = _untext(payload[5:25]), _untext(payload[25:62])
        if evid is None or evseid is None:
            return "EVID or EVSEID is not zero-padded printable ASCII"
        return SdpRequestWireless(
            security=_member(Security, payload[0]),
            p2ps_ppd=P2psPpd(int.from_bytes(payload[2:4], "big")),
            coupling_type=_member(CouplingType, payload[4]),
            evid=evid,
            evseid=evseid,
            transport=_member(Transport, payload[1]),
        )
    address, port = _unendpoint(payload)
    security, transport = _member(Security, payload[18]), _member(Transport, payload[19])
    if payload_type is PayloadType.SDP_RESPONSE:
        return SdpResponse(address, port, security, transport)
    evseid = _untext(payload[22:59])
    if evseid is None:
        return "EVSEID is not zero-padded printable ASCII"
    return SdpResponseWireless(
        address=address,
        port=port,
        security=security,
        diag_status=_member(DiagStatus, payload[20]),
        coupling_type=_member(CouplingType, payload[21]),
        evseid=evseid,
        transport=transport,
    )


def _decode_emsp(payload_type: PayloadType, payload: bytes) -> SdpMessage | str:
    start = 18 if payload_type is PayloadType.SDP_RESPONSE_EMSP else 0
    if len(payload) < start:
        return f"{payload_type.name} has {len(payload)} payload bytes, expected at least {start}"
    emsp_ids = _ascii(payload[start:])
    if emsp_ids is None:
        return "EMSP identifiers are not printable ASCII"
    return SdpResponseEmsp(*_unendpoint(payload), emsp_ids) if start else SdpRequestEmsp(emsp_ids)


_LENGTHS: Final = {
    PayloadType.SDP_REQUEST: 2,
    PayloadType.SDP_RESPONSE: 20,
    PayloadType.SDP_REQUEST_WIRELESS: 62,
    PayloadType.SDP_RESPONSE_WIRELESS: 59,
}


_E = TypeVar("_E", bound=IntEnum)


def _member(kind: type[_E], value: int) -> _E | int:
    try:
        return kind(value)
    except ValueError:
        return value


def _byte(name: str, value: int) -> bytes:
    if not 0 <= value <= 0xFF:
        raise ValueError(f"SDP {name}={value} does not fit one byte")
    return bytes((value,))


def _mode(message: SdpRequest | SdpResponse | SdpRequestWireless | SdpResponseWireless) -> bytes:
    return _byte("security", message.security) + _byte("transport", message.transport)


def _endpoint(message: SdpResponse | SdpResponseWireless | SdpResponseEmsp) -> bytes:
    if not 0 <= message.port <= 0xFFFF:
        raise ValueError(f"SDP port={message.port} is no TCP port")
    return message.address.packed + message.port.to_bytes(2, "big")


def _unendpoint(payload: bytes) -> tuple[IPv6Address, int]:
    return IPv6Address(payload[:16]), int.from_bytes(payload[16:18], "big")


def _ascii(data: bytes) -> str | None:
    return data.decode("ascii") if all(0x20 <= byte < 0x7F for byte in data) else None


def _text(name: str, value: str, size: int) -> bytes:
    if not all(" " <= character <= "~" for character in value) or len(value) > size:
        raise ValueError(f"SDP {name}={value!r} is not at most {size} printable ASCII characters")
    return value.encode("ascii").ljust(size, b"\0")


def _emsp_bytes(emsp_ids: str) -> bytes:
    return _text("emsp_ids", emsp_ids, _MAX_EMSP_BYTES).rstrip(b"\0")


def _untext(data: bytes) -> str | None:
    return _ascii(data.rstrip(b"\0"))
