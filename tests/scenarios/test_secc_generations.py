"""Room for another generation of the protocol: its dialogue is one more invoke beside that of DIN and ISO 15118-2.

The dialogue here is a stand-in of two messages; the connection is the shipped one with that state put into it. What the
message adapter needs is a table: tests/v2g/test_dialect_iso20.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from tests.scenarios.secc import ISO2, SUPPLY, answer, ask, connect, hang_up, offer
from tests.scenarios.stage import Stage

ISO20 = "urn:iso:std:iso:15118:-20:DC"
SECC = Path("machines/v2g/secc.yaml")
DIALOGUE = """\
machine: secc_iso20
language: 2
adapters: {v2g: v2g_secc}
data: {asked: {type: int, initial: 0}}
events:
  authorise: {direction: in}
  grant: {direction: in, payload: {power: float W}}
  stop: {direction: in}
  sequence_error: {direction: in, urgent: true}
  session_started: {direction: out, payload: {EVCCID: bytes, protocol: string}}
  stands: {direction: out, urgent: true, payload: {joined: bool}}
  stopped: {direction: out, urgent: true, payload: {paused: bool, session_id: bytes}}
  over: {direction: out, urgent: true}
  out_of_sequence: {direction: out, urgent: true, payload: {repeated: bool}}
ignore: [authorise, grant, stop]
initial: first
states:
  first:
    on:
      v2g.SessionSetupReq:
        target: standing
        actions:
          - send: {event: stands, to: parent, data: {joined: False}}
          - v2g.SessionSetupRes(ResponseCode='OK_NewSessionEstablished', SessionID=event.NewSessionID, EVSEID='ZZ20')
          - send: {event: session_started, to: parent, data: {EVCCID: event.EVCCID, protocol: "'iso20'"}}
  standing:
    on:
      v2g.SessionStopReq:
        target: last
        actions:
          - send: {event: stopped, to: parent, data: {paused: False, session_id: "hex('')"}}
          - v2g.SessionStopRes(ResponseCode='OK')
      v2g.*Req: {actions: {send: {event: out_of_sequence, to: parent, data: {repeated: event.repeated}}}}
      sequence_error: {target: last, actions: v2g.reject(ResponseCode='FAILED_SequenceError')}
  last:
    entry: {send: {event: over, to: parent}}
"""
STATE = """\
          iso20:
            title: ISO 15118-20
            invoke:
              id: dialogue
              src: secc_iso20.yaml
              relay: [authorise, grant, stop, session_started]
"""


@pytest.fixture(scope="module")
def secc(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The connection with a second dialogue: no line of it is another but the names of protocols and where it goes on
    when the vehicle has chosen one."""
    folder = tmp_path_factory.mktemp("v2g")
    text = SECC.read_text()
    to_iso2, to_iso20 = (
        "                - target: iso2\n",
        "                - {guard: protocol == 'iso20', target: iso20}\n",
    )
    for was, now in (
        ("enum(none, din, iso2)", "enum(none, din, iso2, iso20)"),
        (to_iso2, to_iso20 + to_iso2),
        ("          no_dialogue:\n", STATE + "          no_dialogue:\n"),
    ):  # fmt: skip
        assert text.count(was) == 1, was
        text = text.replace(was, now)
    (folder / "secc.yaml").write_text(text)
    (folder / "secc_iso20.yaml").write_text(DIALOGUE)
    (folder / "secc_iso2.yaml").write_text((SECC.parent / "secc_iso2.yaml").read_text())
    return str(folder / "secc.yaml")


def test_each_generation_has_its_dialogue(secc: str) -> None:
    """One outlet serves both by turns; port, times, sequence rule and end are the connection's for either."""
    stage = Stage(
        secc,
        SUPPLY,
        real=("secc_iso2", "secc_iso20"),
        supported_namespaces=[ISO2, ISO20],
        supported_protocols=["iso2", "iso20"],
        supported_major=[2, 1],
    ).emit("v2g.listening", port_tcp=61341, port_tls=0)
    for schema, major, evse, protocol in ((ISO20, 1, "ZZ20", "iso20"), (ISO2, 2, "ZZ00000", "iso2")):
        connect(stage.forget())
        offer(stage, (schema, major, 0, 3, 1))
        assert stage.order("v2g.use_protocol") == {"protocol": protocol}
        stage.post("authorise")
        setup = next(order for order in ask(stage, "SessionSetup") if order.what == "v2g.SessionSetupRes")
        assert setup.args["EVSEID"] == evse
        assert stage.told("session_started")[-1]["protocol"] == protocol
        assert stage.active("session.connection.established")
        assert answer(stage, "SessionSetup", repeated=True) == ("resend", {})
        assert answer(stage, "WeldingDetection")[1]["ResponseCode"] == "FAILED_SequenceError"
        assert stage.active("session.connection.ending")
        hang_up(stage)
        assert stage.told("session_ended") == [{"end": "failed"}]
        assert not stage.unhandled


def test_what_is_set_from_outside_reaches_the_one_that_has_it(secc: str) -> None:
    """Parameters of a dialogue are named by its place, whichever has its turn."""
    chart = engine.load(secc)
    assert {one.name for state in chart.root.walk() for i in state.invokes if (one := i.chart)} == {
        "secc_iso2",
        "secc_iso20",
    }
    stage = Stage(secc, SUPPLY, real=("secc_iso2", "secc_iso20"), **{"dialogue.EVSEID": "ZZ4711"})
    stage.emit("v2g.listening", port_tcp=61341, port_tls=0)
    connect(stage)
    offer(stage, (ISO2, 2, 0, 3, 1))
    assert ask(stage, "SessionSetup")[1].args["EVSEID"] == "ZZ4711"


# ---------------------------------------------------------------- the vehicle

EVCC = Path("machines/v2g/evcc.yaml")
OF_THE_VEHICLE = """\
machine: evcc_iso20
language: 2
adapters: {v2g: v2g_evcc}
events:
  stop: {direction: in}
  set_up: {direction: out, payload: {protocol: string, EVSEID: string, SessionID: bytes}}
output: {result: "enum(complete, paused, failed)", reason: string}
initial: setting_up
ignore: [stop]
states:
  setting_up:
    entry: v2g.SessionSetupReq(EVCCID=hex('020000000001'))
    on:
      v2g.SessionSetupRes:
        target: set_up
        actions:
          send:
            event: set_up
            to: parent
            data: {protocol: "'iso20'", EVSEID: event.EVSEID, SessionID: event.SessionID}
  set_up:
    on: {stop: leaving}
  leaving:
    entry: v2g.SessionStopReq(ChargingSession='Terminate')
    on: {v2g.SessionStopRes: left}
  left:
    type: final
    output: {result: complete, reason: "''"}
"""
CHOSEN = f"""\
      - guard: namespace == '{ISO20}'
        target: iso20
"""
STATE_OF_THE_VEHICLE = """\
  iso20:
    title: ISO 15118-20
    invoke:
      id: dialogue
      src: evcc_iso20.yaml
      relay: [stop, set_up]
      onDone: ended(result=event.result, reason=event.reason)
      onError: failed(reason=event.reason)
"""


def test_a_vehicle_has_room_for_another_generation(tmp_path: Path) -> None:
    """One state and the transition to it; handshake, what breaks a connection and its end are the connection's."""
    text = EVCC.read_text()
    for before, more in (
        ("      - guard: namespace == din_namespace\n", CHOSEN),
        ("  ended:\n", STATE_OF_THE_VEHICLE),
    ):
        assert text.count(before) == 1, before
        text = text.replace(before, more + before)
    (tmp_path / "evcc.yaml").write_text(text)
    (tmp_path / "evcc_iso20.yaml").write_text(OF_THE_VEHICLE)
    for name in ("evcc_iso2.yaml", "schedule_rows.yaml"):
        (tmp_path / name).write_text((EVCC.parent / name).read_text())
    offered = {"ProtocolNamespace": [ISO2, ISO20], "SchemaID": [2, 20]}

    def met() -> Stage:
        stage = Stage(str(tmp_path / "evcc.yaml"), real=("evcc_iso2", "evcc_iso20"), **offered).run(0.1)
        return stage.emit("v2g.supportedAppProtocolRes", ResponseCode="OK_SuccessfulNegotiation", SchemaID=20)

    answer_ = {"ResponseCode": "OK", "SessionID": b"12345678", "EVSEID": "ZZ20"}
    stage = met().emit("v2g.SessionSetupRes", **answer_)
    assert [told["protocol"] for told in stage.told("set_up")] == ["iso20"]
    stage.post("stop").emit("v2g.SessionStopRes", ResponseCode="OK")
    assert stage.output == {"result": "complete", "reason": ""}
    assert stage.orders[-1].what == "v2g.disconnect"
    lost = met().emit("v2g.disconnected", reason="reset")
    assert lost.output == {"result": "failed", "reason": "the station closed the connection: reset"}
