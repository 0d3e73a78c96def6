"""What is counted on a V2G connection and told at its end; messages that are left out on purpose."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from adapters import v2gtp
from adapters.v2g import codec
from adapters.v2g.connection import BOTH
from adapters.v2g.counters import UdpLines
from adapters.v2g.server import SimulatedV2gSecc
from engine.adapter import AdapterError, ConfigurationError
from tests.slac.virtual_host import Clock, VirtualPort, new_world

S = 1_000_000_000
NAMES = [
    "rx_decode_errors",
    "rx_validation_errors",
    "rx_invalid_v2gtp",
    "dup_resent_count",
    "dup_resend_enabled",
    "dup_window_s",
    "dup_resend_max",
    "tx_drop_prob",
]
SAP = v2gtp.PayloadType.SAP


class Wire:
    """The station's stream."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.on_data: Any = None
        self.on_close: Any = None

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        pass


class Connection:
    """A vehicle's connection to a station's adapter, in an ISO 15118-2 dialogue."""

    def __init__(self, **settings: Any) -> None:
        self.adapter = SimulatedV2gSecc({"host": "x", "metrics": True, **settings}, new_world())
        self.v2g = VirtualPort(self.adapter, Clock(), "v2g")
        self.notes: list[dict[str, Any]] = []
        self.v2g.tell = self._tell  # type: ignore[method-assign,assignment]
        self.connect()

    def _tell(self, message: str) -> None:
        self.notes.append(json.loads(message.removeprefix("V2G counters ")))

    def connect(self) -> None:
        self.wire = Wire()
        self.adapter.take(self.wire)  # type: ignore[arg-type]
        self.adapter.use_protocol(protocol="iso2")

    def send(self, payload: bytes, payload_type: v2gtp.PayloadType = SAP) -> None:
        self.wire.on_data(v2gtp.encode(payload_type, payload))


def request() -> bytes:
    """A PaymentServiceSelectionReq."""
    m = codec.messages("iso2")
    service = m.SelectedServiceType(ServiceID=1)
    body = m.PaymentServiceSelectionReq(
        SelectedPaymentOption="ExternalPayment",
        SelectedServiceList=m.SelectedServiceListType(SelectedService=[service]),
    )
    return codec.encode(
        m.V2G_Message(Header=m.MessageHeaderType(SessionID=bytes(8)), Body=m.BodyType(BodyElement=body))
    )


def test_each_connection_has_its_line() -> None:
    """What could not be read, what was read nevertheless, what was answered again; and the next begins at 0."""
    one = Connection()
    one.adapter.use_resend_rules(enabled=True, window=2 * S, most=3)
    one.adapter.expect_session(SessionID=b"\x01" * 8, unchecked=[])
    one.send(request())
    one.adapter.PaymentServiceSelectionRes(ResponseCode="OK")
    one.adapter.resend()
    one.adapter.resend()
    one.send(b"\x80\xff\xff")
    one.send(b"", v2gtp.PayloadType.MAINSTREAM)
    one.wire.on_data(bytes.fromhex("01feabcd00000000"))
    m = codec.messages("iso2")
    status = m.DC_EVStatusType(EVReady=True, EVErrorCode="NO_ERROR", EVRESSSOC=1)
    volts, amperes = (m.PhysicalValueType(Multiplier=0, Unit=unit, Value=1) for unit in ("h", "A"))
    body = m.PreChargeReq(DC_EVStatus=status, EVTargetVoltage=volts, EVTargetCurrent=amperes)
    header = m.MessageHeaderType(SessionID=b"\x01" * 8)
    one.send(codec.encode(m.V2G_Message(Header=header, Body=m.BodyType(BodyElement=body))))
    one.adapter.drop()
    one.connect()
    one.wire.on_close("closed by the peer")
    first, second = one.notes
    assert first == {
        "side": "secc",
        "session": "01" * 8,
        "rx_decode_errors": 1,
        "rx_validation_errors": 1,
        "rx_invalid_v2gtp": 2,
        "dup_resent_count": 2,
        "tx_dropped_count": 0,
        "dup_resend_enabled": True,
        "dup_window_s": 2.0,
        "dup_resend_max": 3,
        "tx_drop_prob": 0.0,
    }
    assert set(NAMES) < set(first)
    assert [second[name] for name in NAMES[:4]] == [0, 0, 0, 0]
    assert second["session"] == "00" * 8, "it had none; the first one's is told once"


def test_nothing_is_told_unless_asked() -> None:
    """No line without the setting, and none without a connection."""
    one = Connection(metrics=False)
    one.adapter.drop()
    assert not one.notes
    two = Connection()
    two.adapter.drop()
    two.adapter.drop()
    assert len(two.notes) == 1


def test_lines_go_by_udp() -> None:
    """One datagram each; an address that is none is said before anything runs."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as collector:
        collector.bind(("::1", 0))
        collector.settimeout(30)
        lines = UdpLines(f"[::1]:{collector.getsockname()[1]}")
        assert lines.send(json.dumps({"dup_resent_count": 1})) == ""
        assert json.loads(collector.recv(1000)) == {"dup_resent_count": 1}
        lines.close()
    for wrong in ("collector", "nobody.invalid:5000", "::1:what"):
        with pytest.raises(ConfigurationError, match="metrics_udp"):
            UdpLines(wrong)


def test_messages_are_left_out_by_chance() -> None:
    """About as many as asked for, the same ones each time; what was left out may be sent again."""

    def written(seed: int) -> list[bytes]:
        one = Connection(tx_drop_prob=0.5, tx_drop_seed=seed)
        for number in range(200):
            one.adapter.endpoint.write_bytes(bytes([number]))
        one.adapter.drop()
        (counted,) = one.notes
        assert counted["tx_dropped_count"] == 200 - len(one.wire.written)
        assert counted["tx_drop_prob"] == 0.5
        return one.wire.written

    assert 60 <= len(written(1)) <= 140
    assert written(1) == written(1)
    assert written(1) != written(2)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("tx_drop_prob", -0.1), ("tx_drop_prob", 1.1), ("largest_message", -1), ("most_unanswered", 0)],
)
def test_what_no_connection_can_be_is_refused(setting: str, value: float) -> None:
    """A limit of -1 byte took every message for too large, and the vehicles were charged without V2G."""
    given = {name: one.default for name, one in BOTH.items()}
    assert not SimulatedV2gSecc.refuses(given)
    assert set(SimulatedV2gSecc.refuses(given | {setting: value})) == {setting}


def test_the_largest_message_is_a_setting() -> None:
    """Beyond it the stream is given up at the header; 0 is no limit."""
    one = Connection(largest_message=3)
    one.send(b"\x80\xff\xff\xff")
    assert [event for event, _ in one.v2g.events] == ["bad_header"]
    two = Connection(largest_message=0)
    two.send(b"\x80" + b"\xff" * (1 << 21))
    assert [event for event, _ in two.v2g.events] == ["undecodable"]
    with pytest.raises(AdapterError, match="nothing was asked"):
        two.adapter.reject(ResponseCode="FAILED")
