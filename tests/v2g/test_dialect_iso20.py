"""Room for ISO 15118-20: a table, here of a small part of it, is all that message adapters and connection charts need.
Payload types go by message, messages come from several schema sets, the header is a part of the message and has a time.
If these fail, -20 cannot join without another connection.

The codec's schema sets of -20 are the product's; the table and the two dialogues are stand-ins of this file.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import engine
from adapters import v2gtp
from adapters.net.simulated import Stream
from adapters.v2g import codec
from adapters.v2g.client import SimulatedV2gEvcc
from adapters.v2g.dialects import DIALECTS, Dialect
from adapters.v2g.dialects.parts import Args, Fields
from adapters.v2g.endpoint import Endpoint, Received
from adapters.v2g.server import SimulatedV2gSecc
from adapters.v2gtp import PayloadType
from engine.run import System
from engine.run.observer import Note, StepRecord
from tests.scenarios.stage import StandIn

S = 1_000_000_000
AC = "urn:iso:std:iso:15118:-20:AC"
SESSION = bytes.fromhex("1122334455667788")
MAINSTREAM, AC_MAINSTREAM, DC_MAINSTREAM = (
    PayloadType.MAINSTREAM,
    PayloadType.AC_MAINSTREAM,
    PayloadType.DC_MAINSTREAM,
)
RENEGOTIATION = PayloadType.SCHEDULE_RENEGOTIATION

# ---------------------------------------------------------------- the table


def _header(classes: ModuleType, session_id: bytes) -> Any:
    return classes.MessageHeaderType(SessionID=session_id, TimeStamp=int(time.time()))


def _nothing(*_: Any) -> Fields:
    return {}


def _power_asked(body: Any) -> Fields:
    needs = body.AC_CPDReqEnergyTransferMode
    rest = {"EVReady": False, "EVErrorCode": "NO_ERROR", "EVRESSSOC": 0, "EVChargeParameter": "AC_EVChargeParameter"}
    return rest | {"RequestedEnergyTransferMode": "AC", "EAmount": float(needs.EVMaximumChargePower)}


def _ask_power(dialect: Dialect, args: Args) -> Fields:
    m = dialect.classes("ChargeParameterDiscoveryReq")
    watts = m.RationalNumberType.of(args["EAmount"])
    return {"AC_CPDReqEnergyTransferMode": _mode(m, "Req")(EVMaximumChargePower=watts, EVMinimumChargePower=watts)}


def _offer_power(dialect: Dialect, args: Args) -> Fields:
    m = dialect.classes("ChargeParameterDiscoveryRes")
    watts, hertz = m.RationalNumberType.of(args["EVSEMaxCurrent"]), m.RationalNumberType.of(50.0)
    limits = {"EVSEMaximumChargePower": watts, "EVSEMinimumChargePower": watts, "EVSENominalFrequency": hertz}
    return {"AC_CPDResEnergyTransferMode": _mode(m, "Res")(**limits)}


def _mode(m: ModuleType, side: str) -> Any:
    return getattr(m, f"AC_CPD{side}EnergyTransferModeType")


def _power_offered(body: Any) -> Fields:
    offer = body.AC_CPDResEnergyTransferMode
    rows: Fields = {"SAScheduleTupleID": [], "start": [], "duration": [], "PMax": []}
    return rows | {"EVSEProcessing": "Finished", "EVSEMaxCurrent": float(offer.EVSEMaximumChargePower)}


def _loop(dialect: Dialect, args: Args) -> Fields:
    m = dialect.classes("ChargingStatusReq")
    mode = m.Scheduled_AC_CLReqControlModeType(EVPresentActivePower=m.RationalNumberType.of(7400.0))
    return {"MeterInfoRequested": False, "CLReqControlMode": mode}


def _loop_answered(dialect: Dialect, args: Args) -> Fields:
    return {"CLResControlMode": dialect.classes("ChargingStatusRes").Scheduled_AC_CLResControlModeType()}


def _loop_told(body: Any) -> Fields:
    return {"EVSEID": "", "SAScheduleTupleID": 1, "RCD": False, "EVSENotification": "None", "NotificationMaxDelay": 0}


ISO20_AC = Dialect(
    name="iso20-ac",
    namespaces=(AC,),
    schemas={MAINSTREAM: "iso20", AC_MAINSTREAM: "iso20-ac", RENEGOTIATION: "iso20"},
    header=_header,
    names={
        "ChargeParameterDiscoveryReq": "AC_ChargeParameterDiscoveryReq",
        "ChargeParameterDiscoveryRes": "AC_ChargeParameterDiscoveryRes",
        "ChargingStatusReq": "AC_ChargeLoopReq",
        "ChargingStatusRes": "AC_ChargeLoopRes",
        "ScheduleRenegotiationReq": "ScheduleExchangeReq",
        "ScheduleRenegotiationRes": "ScheduleExchangeRes",
    },
    payload_types={"ScheduleRenegotiationReq": (RENEGOTIATION,), "ScheduleRenegotiationRes": (RENEGOTIATION,)},
    codes={"FAILED_WrongEnergyTransferMode": "FAILED_WrongChargeParameter"},
    reads_requests={
        "SessionSetupReq": lambda body: {"EVCCID": body.EVCCID.encode()},
        "ScheduleExchangeReq": _nothing,
        "ScheduleRenegotiationReq": _nothing,
        "ChargeParameterDiscoveryReq": _power_asked,
        "ChargingStatusReq": _nothing,
        "SessionStopReq": lambda body: {"ChargingSession": body.ChargingSession},
    },
    writes_responses={
        "SessionSetupRes": lambda dialect, args: {"EVSEID": args["EVSEID"]},
        "ChargeParameterDiscoveryRes": _offer_power,
        "ChargingStatusRes": _loop_answered,
        "SessionStopRes": _nothing,
    },
    writes_requests={
        "SessionSetupReq": lambda dialect, args: {"EVCCID": args["EVCCID"].decode()},
        "ChargeParameterDiscoveryReq": _ask_power,
        "ChargingStatusReq": _loop,
        "SessionStopReq": lambda dialect, args: {"ChargingSession": args["ChargingSession"]},
    },
    reads_responses={
        "SessionSetupRes": lambda body: {"EVSEID": body.EVSEID},
        "ChargeParameterDiscoveryRes": _power_offered,
        "ChargingStatusRes": _loop_told,
        "SessionStopRes": _nothing,
    },
)


ISO20_DC = replace(
    ISO20_AC,
    name="iso20-dc",
    namespaces=("urn:iso:std:iso:15118:-20:DC",),
    schemas={MAINSTREAM: "iso20", DC_MAINSTREAM: "iso20-dc"},
    names={
        "ChargeParameterDiscoveryReq": "DC_ChargeParameterDiscoveryReq",
        "ChargeParameterDiscoveryRes": "DC_ChargeParameterDiscoveryRes",
    },
    payload_types={},
)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one door: a row of DIALECTS."""
    monkeypatch.setitem(DIALECTS, ISO20_AC.name, ISO20_AC)


# ---------------------------------------------------------------- the connection charts, and the adapters of both ends

SECC_DIALOGUE = """\
machine: secc_iso20
language: 2
adapters: {v2g: v2g_secc}
data:
  id: {type: bytes, initial: "hex('')"}
events:
  stop: {direction: in}
  sequence_error: {direction: in, urgent: true}
  session_started: {direction: out, payload: {EVCCID: bytes, protocol: string}}
  stands: {direction: out, urgent: true, payload: {joined: bool}}
  charged: {direction: out, urgent: true}
  stopped: {direction: out, urgent: true, payload: {paused: bool, session_id: bytes}}
  over: {direction: out, urgent: true}
  out_of_sequence: {direction: out, urgent: true, payload: {repeated: bool}}
ignore: [stop]
on:
  v2g.*Req: {actions: {send: {event: out_of_sequence, to: parent, data: {repeated: event.repeated}}}}
  sequence_error: {target: .last, actions: v2g.reject(ResponseCode='FAILED_SequenceError')}
initial: first
states:
  first:
    on:
      v2g.SessionSetupReq:
        target: set_up
        actions:
          - v2g.expect_session(SessionID=event.NewSessionID, unchecked=[])
          - send: {event: stands, to: parent, data: {joined: False}}
          - v2g.SessionSetupRes(ResponseCode='OK_NewSessionEstablished', SessionID=event.NewSessionID, EVSEID='ZZ20')
          - send: {event: session_started, to: parent, data: {EVCCID: event.EVCCID, protocol: "'iso20-ac'"}}
  set_up:
    on:
      v2g.ChargeParameterDiscoveryReq:
        target: loop
        actions:
          - v2g.ChargeParameterDiscoveryRes(ResponseCode='OK', EVSEProcessing='Finished', SAScheduleTupleID=[],
              start=[], PMax=[], ScheduleDuration=0 s, EVSENotification='None', EVSEMaxCurrent=32 A)
  loop:
    on:
      v2g.ChargingStatusReq:
        actions:
          - v2g.ChargingStatusRes(ResponseCode='OK', EVSEID='ZZ20', SAScheduleTupleID=1, RCD=False,
              EVSENotification='None')
          - send: {event: charged, to: parent}
      v2g.SessionStopReq:
        target: last
        actions:
          - send: {event: stopped, to: parent, data: {paused: False, session_id: "hex('')"}}
          - v2g.SessionStopRes(ResponseCode='OK')
  last:
    entry: {send: {event: over, to: parent}}
"""
EVCC_DIALOGUE = """\
machine: evcc_iso20
language: 2
adapters: {v2g: v2g_evcc}
data: {loops: {type: int, initial: 0}}
events:
  set_up: {direction: out, payload: {protocol: string, EVSEID: string, SessionID: bytes}}
output: {result: "enum(complete, paused, failed)", reason: string}
initial: setting_up
states:
  setting_up:
    entry: v2g.SessionSetupReq(EVCCID=hex('57504F5A5A'))
    on:
      v2g.SessionSetupRes:
        target: parameters
        actions:
          - v2g.use_session(SessionID=event.SessionID)
          - v2g.expect_session(SessionID=event.SessionID, unchecked=[])
          - send:
              event: set_up
              to: parent
              data: {protocol: "'iso20-ac'", EVSEID: event.EVSEID, SessionID: event.SessionID}
  parameters:
    entry: v2g.ChargeParameterDiscoveryReq(RequestedEnergyTransferMode='AC', EAmount=11000 Wh)
    on: {v2g.ChargeParameterDiscoveryRes: loop}
  loop:
    entry:
      - assign: {loops: loops + 1}
      - v2g.ChargingStatusReq()
    on:
      v2g.ChargingStatusRes:
        - {guard: loops < 3, target: loop}
        - target: leaving
  leaving:
    entry: v2g.SessionStopReq(ChargingSession='Terminate')
    on: {v2g.SessionStopRes: left}
  left:
    type: final
    output: {result: complete, reason: "''"}
"""
SECC_STATE = """\
          iso20:
            title: ISO 15118-20
            invoke: {id: dialogue, src: secc_iso20.yaml, relay: [stop, session_started]}
"""
EVCC_STATE = """\
  iso20:
    title: ISO 15118-20
    invoke:
      id: dialogue
      src: evcc_iso20.yaml
      relay: [set_up]
      onDone: ended(result=event.result, reason=event.reason)
      onError: failed(reason=event.reason)
"""
DRIVER = """\
machine: driver
language: 2
adapters: {v2g: v2g_evcc, battery: traction_battery}
parameters: {station: {type: string}}
output: {result: string, reason: string}
data:
  result: {type: string, initial: "''"}
  reason: {type: string, initial: "''"}
initial: connecting
states:
  connecting:
    invoke:
      id: connect
      call: v2g.connect(host=station, port=61851, tls=False)
      onDone: talking
      onError: {target: over, actions: [assign: {reason: event.reason}]}
  talking:
    invoke:
      id: session
      src: evcc.yaml
      onDone: {target: over, actions: [assign: {result: event.result, reason: event.reason}]}
    ignore: [session.set_up, session.ready_to_charge, session.close_contactors, session.open_contactors,
      session.charging, session.limit, session.end_of_charge]
  over: {type: final, output: {result: result, reason: reason}}
"""


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped connections with one more dialogue: its state, the transition to it, its name."""
    folder = tmp_path_factory.mktemp("v2g")
    shipped = Path("machines/v2g")
    changes = {
        "secc.yaml": [
            ('"enum(none, din, iso2)"', '"enum(none, din, iso2, iso20-ac)"', ""),
            (
                "                - target: iso2\n",
                "",
                "                - {guard: protocol == 'iso20-ac', target: iso20}\n",
            ),
            ("          no_dialogue:\n", "", SECC_STATE),
        ],
        "evcc.yaml": [
            (
                "      - guard: namespace == din_namespace\n",
                "",
                f"      - guard: namespace == '{AC}'\n        target: iso20\n"
                "        actions: [v2g.use_protocol(protocol='iso20-ac')]\n",
            ),
            ("  ended:\n", "", EVCC_STATE),
        ],
    }
    for name, edits in changes.items():
        text = (shipped / name).read_text()
        for was, now, before in edits:
            assert text.count(was) == 1, was
            text = text.replace(was, before + (now or was))
        (folder / name).write_text(text)
    for name in ("secc_iso2.yaml", "evcc_iso2.yaml", "schedule_rows.yaml"):
        (folder / name).write_text((shipped / name).read_text())
    (folder / "secc_iso20.yaml").write_text(SECC_DIALOGUE)
    (folder / "evcc_iso20.yaml").write_text(EVCC_DIALOGUE)
    (folder / "driver.yaml").write_text(DRIVER)
    return folder


class Meeting:
    """A station's connection and a vehicle's on a simulated wire. ``frames``: what either wrote, in its order."""

    def __init__(self, charts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.system = System()
        self.system.observers.append(self)
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.errors: list[str] = []
        self.frames: list[bytes] = []
        write = Stream.write
        monkeypatch.setattr(Stream, "write", lambda stream, data: (self.frames.append(data), write(stream, data)))
        wire = {"medium": "wire"}
        secc, driver = engine.load(charts / "secc.yaml"), engine.load(charts / "driver.yaml")
        self.evse = SimulatedV2gSecc({"host": "evse", **wire}, self.system.world)
        self.pev = SimulatedV2gEvcc({"host": "pev", **wire}, self.system.world)
        told = {"supported_namespaces": [AC], "supported_protocols": ["iso20-ac"], "supported_major": [1]}
        self.secc = self.system.add(secc, "secc", told, {"v2g": self.evse, **self._stand_ins(secc)})
        self.system.start()
        self.system.run_due()
        offer = {"ProtocolNamespace": [AC], "VersionNumberMajor": [1], "VersionNumberMinor": [0], "SchemaID": [1]}
        offer |= {"Priority": [1]}
        own = {"station": self.evse.network().address} | {f"session.{name}": value for name, value in offer.items()}
        self.driver = self.system.add(driver, "driver", own, {"v2g": self.pev, **self._stand_ins(driver)})
        self.system.start()

    def _stand_ins(self, chart: Any) -> dict[str, Any]:
        others = {role: contract for role, contract in chart.adapters.items() if role != "v2g"}
        return {role: StandIn(role, contract, lambda what, args: None) for role, contract in others.items()}

    def step(self, record: StepRecord) -> None:
        """Observer."""

    def note(self, note: Note) -> None:
        """Observer: what the connection tells its supervisor, and what went wrong."""
        if note.kind == "out":
            self.said.append((note.text, dict(note.data)))
        elif note.kind in ("adapter_error", "machine_failed"):
            self.errors.append(f"{note.path}: {note.text}")

    def sent(self) -> list[tuple[int, str]]:
        """Payload type and element of every frame, both directions, as a reader beside the product sees them."""
        found = []
        for frame in self.frames:
            number = int.from_bytes(frame[2:4], "big")
            schema = {0x8001: "sap", 0x8002: "iso20", 0x8003: "iso20-ac"}[number]
            found.append((number, type(codec.decode(schema, frame[8:])).__name__.removesuffix("Type")))
        return found


def test_a_session_of_20_runs_over_the_shipped_connection(charts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message goes with its own payload type from its own schema set, with the session's id and the time in its
    header, both ways."""
    begun = int(time.time())
    meeting = Meeting(charts, monkeypatch)
    meeting.system.advance(10 * S)
    assert meeting.errors == []
    assert meeting.driver.machine.output == {"result": "complete", "reason": ""}
    loop = [(0x8003, "AC_ChargeLoopReq"), (0x8003, "AC_ChargeLoopRes")]
    assert meeting.sent() == [
        (0x8001, "supportedAppProtocolReq"),
        (0x8001, "supportedAppProtocolRes"),
        (0x8002, "SessionSetupReq"),
        (0x8002, "SessionSetupRes"),
        (0x8003, "AC_ChargeParameterDiscoveryReq"),
        (0x8003, "AC_ChargeParameterDiscoveryRes"),
        *loop * 3,
        (0x8002, "SessionStopReq"),
        (0x8002, "SessionStopRes"),
    ]
    assert [told["protocol"] for name, told in meeting.said if name == "session_started"] == ["iso20-ac"]
    assert [told for name, told in meeting.said if name == "session_ended"] == [{"end": "normal"}]
    headers = [
        codec.decode({2: "iso20", 3: "iso20-ac"}[frame[3]], frame[8:]).Header  # type: ignore[union-attr]
        for frame in meeting.frames[2:]
    ]
    assert headers[0].SessionID == bytes(8)
    assert {header.SessionID for header in headers[1:]} == {headers[1].SessionID}
    assert headers[1].SessionID != bytes(8)
    assert all(begun <= header.TimeStamp <= time.time() for header in headers)


def test_the_connection_judges_a_wrong_payload_type_as_in_every_dialect(
    charts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is counted and borne as often as `C_decode_errors` says; then the connection ends."""
    meeting = Meeting(charts, monkeypatch)
    meeting.system.run_until(lambda: "loop" in _states(meeting, "dialogue"), 10 * S)
    stop = codec.encode(ISO20_AC.request("SessionStopReq", {"ChargingSession": "Terminate"}, SESSION))
    for wrong in (RENEGOTIATION, PayloadType.SAP, AC_MAINSTREAM):
        assert meeting.evse.connected
        meeting.evse.endpoint.received(v2gtp.encode(wrong, stop))
        meeting.system.run_due()
    assert not meeting.evse.connected
    assert [told for name, told in meeting.said if name == "session_ended"] == [{"end": "failed"}]


def _states(meeting: Meeting, child: str) -> tuple[str, ...]:
    actor = meeting.secc.children.get((child, None))
    return actor.machine.configuration if actor is not None else ()


# ---------------------------------------------------------------- the table alone


class End:
    """An endpoint that speaks the table."""

    def __init__(self) -> None:
        self.heard: list[Received] = []
        self.troubles: list[tuple[str, str, int]] = []
        self.written: list[bytes] = []
        self.endpoint = Endpoint()
        self.endpoint.on_message = self.heard.append
        self.endpoint.on_undecodable = lambda kind, reason, number: self.troubles.append((kind, reason, number))
        self.endpoint.connected(self.written.append)
        self.endpoint.dialect = ISO20_AC
        self.endpoint.session_id = SESSION


def schedule_request() -> bytes:
    m = codec.messages("iso20")
    mode = m.Dynamic_SEReqControlModeType(
        DepartureTime=3600,
        EVTargetEnergyRequest=m.RationalNumberType.of(10.0),
        EVMaximumEnergyRequest=m.RationalNumberType.of(20.0),
        EVMinimumEnergyRequest=m.RationalNumberType.of(0.0),
    )
    header = m.MessageHeaderType(SessionID=SESSION, TimeStamp=1_800_000_000)
    return codec.encode(m.ScheduleExchangeReq(Header=header, MaximumSupportingPoints=12, Dynamic_SEReqControlMode=mode))


def test_one_element_is_two_messages_by_its_payload_type() -> None:
    """A schedule beside the running loop (0x8101) is told from one before it (0x8002), by its name; its answer, too."""
    end = End()
    for payload_type in (MAINSTREAM, RENEGOTIATION):
        end.endpoint.received(v2gtp.encode(payload_type, schedule_request()))
        name = end.heard[-1].name.replace("Req", "Res")
        refused = ISO20_AC.refusal(name, "FAILED", {}, SESSION)
        assert refused is not None
        end.endpoint.send(ISO20_AC, name, refused)
        assert end.written[-1][2:4] == payload_type.to_bytes(2, "big")
        assert type(codec.decode("iso20", end.written[-1][8:])).__name__ == "ScheduleExchangeResType"
    assert [(each.name, each.payload_type) for each in end.heard] == [
        ("ScheduleExchangeReq", 0x8002),
        ("ScheduleRenegotiationReq", 0x8101),
    ]
    assert {each.session_id for each in end.heard} == {SESSION}
    assert end.troubles == []


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (0x8101, "SessionStopReq of iso20-ac comes with MAINSTREAM, not with SCHEDULE_RENEGOTIATION"),
        (0x8001, "SAP does not belong to iso20-ac"),
        (0x8004, "DC_MAINSTREAM does not belong to iso20-ac"),
    ],
)
def test_a_message_with_the_payload_type_of_another_is_refused(number: int, reason: str) -> None:
    """It is told, counted, and no message; what comes after it is read."""
    end = End()
    stop = codec.encode(ISO20_AC.request("SessionStopReq", {"ChargingSession": "Terminate"}, SESSION))
    end.endpoint.received(v2gtp.encode(PayloadType(number), stop))
    assert end.heard == []
    assert end.troubles == [("payload_type", reason, number)]
    assert end.endpoint.counters.rx_invalid_v2gtp == 1
    end.endpoint.received(v2gtp.encode(MAINSTREAM, stop))
    assert [each.name for each in end.heard] == ["SessionStopReq"]


def test_a_message_of_another_schema_set_is_no_message() -> None:
    """The bytes of AC_ChargeLoopReq with the payload type of the common messages."""
    end = End()
    loop = codec.encode(ISO20_AC.request("ChargingStatusReq", {}, SESSION))
    end.endpoint.received(v2gtp.encode(MAINSTREAM, loop))
    assert end.heard == []
    assert [(kind, number) for kind, _, number in end.troubles] == [("exi", 0x8002)]
    end.endpoint.received(v2gtp.encode(AC_MAINSTREAM, loop))
    assert [each.name for each in end.heard] == ["ChargingStatusReq"]


ASKED = [
    pytest.param(spoken, payload_type, name.removesuffix("Req"), id=f"{spoken.name}-{name}")
    for spoken, own in ((ISO20_AC, AC_MAINSTREAM), (ISO20_DC, DC_MAINSTREAM))
    for payload_type in (MAINSTREAM, own)
    for name in sorted(codec.schema(spoken.schemas[payload_type]).document_codes)
    if name.endswith("Req")
]


@pytest.mark.parametrize(("spoken", "payload_type", "message"), ASKED)
def test_everything_can_be_refused(spoken: Dialect, payload_type: PayloadType, message: str) -> None:
    """Of each schema set, in the tables or not: the least response, whole, with its header and payload type."""
    end = End()
    name = spoken.contract_name(f"{message}Res", payload_type)
    code = "FAILED_WrongEnergyTransferMode"
    refused = spoken.refusal(name, code, {"NotificationMaxDelay": 0}, SESSION)
    assert refused is not None
    end.endpoint.send(spoken, name, refused)
    (frame,) = end.written
    assert int.from_bytes(frame[2:4], "big") == payload_type
    read = spoken.read(payload_type, frame[8:])
    assert (type(read.body).__name__, read.name) == (f"{message}ResType", name)
    assert read.body.ResponseCode == "FAILED_WrongChargeParameter"
    assert read.session_id == SESSION
    assert abs(read.body.Header.TimeStamp - time.time()) < 60
