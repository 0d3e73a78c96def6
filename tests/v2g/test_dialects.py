"""The tables of the protocols. If these fail, an order or a message of the contracts is lost without a word."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from adapters import v2gtp
from adapters.v2g import codec
from adapters.v2g.dialects import DIALECTS, Dialect
from tests.slac.virtual_host import CONTRACTS
from tests.v2g.test_ac_messages import QUIET, station, vehicle

SECC, EVCC = CONTRACTS["v2g_secc"], CONTRACTS["v2g_evcc"]
MESSAGE = ("Req", "Res")


def named(*tables: Any) -> set[str]:
    return {name for table in tables for name in table}


def test_contracts_and_tables_name_the_same_messages() -> None:
    """Each message of a contract is in some table, and a table has none besides."""
    spoken = DIALECTS.values()
    answers = {"UnsupportedReq", "UnknownSessionReq", "UnknownSessionRes"}
    pairs = [
        (SECC.events, [each.reads_requests for each in spoken]),
        (SECC.actions, [each.writes_responses for each in spoken]),
        (EVCC.actions, [each.writes_requests for each in spoken]),
        (EVCC.events, [each.reads_responses for each in spoken]),
    ]
    for contract, tables in pairs:
        assert named(*tables) == {name for name in contract if name.endswith(MESSAGE)} - answers


@pytest.mark.parametrize("spoken", DIALECTS.values(), ids=lambda each: each.name)
def test_a_table_speaks_of_its_own_schema(spoken: Dialect) -> None:
    """Its own names are classes of the schema, the names they stand for are not; its codes are of the schema."""
    tables = (spoken.reads_requests, spoken.writes_responses, spoken.writes_requests, spoken.reads_responses)
    for name in named(*tables):
        assert hasattr(spoken.classes(name), spoken.own_name(name)), name
        for payload_type in spoken.carried(name):
            assert spoken.contract_name(spoken.own_name(name), payload_type) == name
    assert not [name for name in spoken.names if hasattr(spoken.schema, name)]
    codes = (
        set(next(f for f in spoken.schema.SessionStopRes.FIELDS if f.name == "ResponseCode").type.values)
        if (spoken.codes)
        else set()
    )
    assert set(spoken.codes.values()) <= codes
    assert not set(spoken.codes) & codes


@pytest.mark.parametrize(("protocol", "known"), [("din", {}), ("iso2", {}), ("iso2", QUIET)])
def test_everything_can_be_refused(protocol: str, known: dict[str, Any]) -> None:
    """Whatever a vehicle asks, even what no chart knows, there is a response that its schema accepts."""
    spoken = DIALECTS[protocol]
    asked = [name for name in dir(spoken.schema) if name.endswith("Req") and hasattr(spoken.schema, f"{name[:-3]}Res")]
    assert len(asked) >= 16
    for name in asked:
        answer = spoken.contract_name(f"{name[:-3]}Res", v2gtp.PayloadType.SAP)
        refused = spoken.refusal(answer, "FAILED_SequenceError", {"NotificationMaxDelay": 0, **known}, bytes(8))
        assert refused is not None
        content = spoken.read(v2gtp.PayloadType.SAP, codec.encode(refused))
        assert content.name == answer
        assert type(content.body) is getattr(spoken.schema, f"{name[:-3]}Res")
        assert content.body.ResponseCode == "FAILED_SequenceError"


def test_no_adapter_asks_which_protocol_it_speaks() -> None:
    """What differs is in the tables: nothing in adapters/ is compared with the name of a protocol."""
    names = set(codec.PROTOCOLS) - {"sap", "xmldsig"}
    found = []
    for path in sorted(Path("adapters").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.Compare, ast.match_case)):
                asked = node.pattern if isinstance(node, ast.match_case) else node
                said = {each.value for each in ast.walk(asked) if isinstance(each, ast.Constant)} & names
                found += [f"{path}: {ast.unparse(asked)}"] if said else []
    assert found == []


@pytest.mark.parametrize("end", [station, vehicle])
def test_a_payload_type_of_another_edition_is_told(end: Any) -> None:
    """The chart is told which, known or not, and the frames after it are read."""
    told: list[tuple[str, int]] = []
    one = end()
    one.endpoint.on_undecodable = lambda kind, reason, payload_type: told.append((kind, payload_type))
    one.endpoint.received(v2gtp.encode(v2gtp.PayloadType.DC_MAINSTREAM, b"\x80\x00"))
    one.endpoint.received(bytes.fromhex("01feabcd00000002") + b"\x80\x00")
    one.endpoint.received(v2gtp.encode(v2gtp.PayloadType.SAP, b"\x80"))
    assert told == [("payload_type", 0x8004), ("payload_type", 0xABCD), ("exi", 0x8001)]
