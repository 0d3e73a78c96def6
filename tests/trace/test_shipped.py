"""The shipped DC station: a whole session is the same in every run, and in the literal SCXML algorithm."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

import engine
from engine.cli import main
from engine.language.model import Chart
from engine.tools.trace import Trace, read
from engine.tools.trace.compare import first_difference
from engine.tools.trace.machines import sequence
from engine.tools.trace.replay import replay
from engine.tools.trace.sequence import mermaid
from tests.trace.test_records import SCHEMA
from tests.w3c.suite import ReferenceMachine

CHART = str(Path(__file__).parents[2] / "machines" / "evse_dc.yaml")
Session = Callable[[str], Trace]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Runs a short session on the virtual clock (41 % is nearly there) and reads its trace."""
    folder = tmp_path_factory.mktemp("session")

    def run(name: str) -> Trace:
        file = folder / f"{name}.jsonl"
        arguments = ["run", CHART, "--fast", "--quiet", "--set", "pev.stop_at_soc=41 %", "--trace", str(file)]
        assert main(arguments) == 0
        return read(file)

    return run


def without_session_id(trace: Trace) -> Trace:
    """The trace with another text in place of the session id the station drew."""
    (drawn,) = {
        record["event"]["data"]["NewSessionID"]["$hex"]
        for record in trace.steps()
        if record.get("event", {}).get("name") == "v2g.SessionSetupReq"
    }
    records = json.loads(json.dumps(trace.records).replace(drawn, "the session"))
    return Trace(trace.file, trace.header, records)


@pytest.fixture(scope="module")
def trace(session: Session) -> Trace:
    return session("first")


@pytest.fixture(scope="module")
def charts(trace: Trace) -> dict[str, Chart]:
    return {name: engine.load(machine["file"]) for name, machine in trace.header["machines"].items()}


def test_the_session_runs_to_its_end(trace: Trace) -> None:
    paths = {record["machine"] for record in trace.steps()}
    assert {"evse", "pev", "evse/slac", "pev/slac", "evse/session", "pev/session", "evse/output"} <= paths
    told = [r for r in trace.records if r.get("note") == "out" and r["text"] == "session_ended"]
    ends = [(r["machine"], r["data"].get("end") or r["data"]["result"]) for r in told]
    assert sorted(ends) == [("evse", "normal"), ("pev", "complete")]
    assert not [
        r for r in trace.records if r.get("failures") or r.get("note") in ("machine_failed", "queue_full", "invariant")
    ]


def test_a_charge_that_goes_well_is_no_emergency(trace: Trace) -> None:
    """Who reads a trace for what went wrong looks for that word: no state, event or order of a good charge has it."""
    for record in trace.steps():
        told = {name: value for name, value in record.items() if name not in ("parameters", "titles")}
        assert "emergency" not in str(told).lower(), record


def test_another_run_takes_the_same_steps_at_the_same_times(session: Session, trace: Trace) -> None:
    """But for the session id, which a station draws at random (ISO 15118-2 [V2G2-750])."""
    second = session("second")
    assert first_difference(trace, second, times=True) is not None
    assert first_difference(without_session_id(trace), without_session_id(second), times=True) is None


def test_it_replays_without_adapters(trace: Trace, charts: dict[str, Chart]) -> None:
    assert replay(trace, charts) is None


def test_the_literal_algorithm_takes_the_same_steps(trace: Trace, charts: dict[str, Chart]) -> None:
    """The compiled plans against SCXML Appendix A, on the charts people run."""
    assert replay(trace, charts, ReferenceMachine) is None


def test_every_line_is_as_the_schema_says(trace: Trace) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for record in [trace.header, *trace.records]:
        validator.validate(record)
    assert json.dumps(trace.header)


def test_the_conversation_can_be_drawn(trace: Trace) -> None:
    drawn = sequence(trace.records, limit=100_000)
    said = {(m.source, m.target, m.text.partition("(")[0]) for m in drawn.messages}
    assert ("evse.v2g", "evse/session/dialogue", "CurrentDemandReq") in said
    assert ("evse/session/dialogue", "evse.v2g", "CurrentDemandRes") in said
    assert ("evse/output", "evse/contactor", "set") in said
    assert mermaid(drawn).count("participant") == len(drawn.participants)
