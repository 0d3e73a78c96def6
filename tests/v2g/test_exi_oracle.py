"""Byte for byte against EXIficient, both ways: if this fails, a car or a station cannot read what we send.

The number of messages is CHARGECHART_EXAMPLES over all protocols (at least two of every kind are always made);
CHARGECHART_SEED chooses other random ones.
"""

from __future__ import annotations

import json
import os

import pytest

from adapters.v2g import codec
from tests.v2g.message_gen import Kind, Node, campaign, generate, kinds, shrink, tree
from tests.v2g.oracle import SCHEMA_FILES, ExiOracle, OracleError

MESSAGES = int(os.environ.get("CHARGECHART_EXAMPLES", "4500"))
SEED = int(os.environ.get("CHARGECHART_SEED", "1"))


def difference(oracle: ExiOracle, kind: Kind, node: Node, *, tables: bool = False) -> str | None:
    """What our codec does otherwise than EXIficient with this message; None when nothing."""
    expected, xml = node.view(), node.xml()
    try:
        theirs = oracle.encode(kind.protocol, xml, fragment=kind.fragment, tables=tables)
    except OracleError as problem:
        return f"EXIficient refuses the generated message: {problem}"
    try:
        decoded = codec.to_json(codec.decode(kind.protocol, theirs, fragment=kind.fragment))
    except Exception as problem:
        return f"our decoder: {problem!r}\n  EXI {theirs.hex()}"
    if decoded != expected:
        return f"our decoder reads {json.dumps(decoded)}\n  EXI {theirs.hex()}"
    if tables:
        return None
    try:
        message = codec.from_json(kind.protocol, expected, fragment=kind.fragment)
        ours = codec.encode(message, protocol=kind.protocol, fragment=kind.fragment)
    except Exception as problem:
        return f"our encoder: {problem!r}"
    if ours != theirs:
        return f"our encoder makes\n  {ours.hex()}\nEXIficient makes\n  {theirs.hex()}"
    if tree(oracle.decode(kind.protocol, ours, fragment=kind.fragment)) != tree(xml):
        return f"EXIficient decodes our bytes to {oracle.decode(kind.protocol, ours, fragment=kind.fragment)}"
    return None


def check(oracle: ExiOracle, protocol: str, count: int, *, tables: bool = False) -> int:
    """Runs a campaign; fails with the smallest message found for the first difference."""
    done = 0
    for kind, shape, picks in campaign(protocol, count, SEED):
        node = generate(kind, picks)
        if difference(oracle, kind, node, tables=tables) is not None:
            small = shrink(
                kind, picks.recorded, lambda each, kind=kind: difference(oracle, kind, each, tables=tables) is not None
            )
            problem = difference(oracle, kind, small, tables=tables)
            pytest.fail(f"{kind} ({shape}, seed {SEED}): {problem}\n  JSON {json.dumps(small.view())}\n  {small.xml()}")
        done += 1
    return done


@pytest.mark.parametrize("protocol", SCHEMA_FILES)
def test_same_bytes_as_exificient(protocol: str, exi_oracle: ExiOracle) -> None:
    """Every message type and fragment: our bytes equal EXIficient's, and each reads the other's."""
    every = sum(len(kinds(each)) for each in SCHEMA_FILES)
    count = MESSAGES * len(kinds(protocol)) // every
    assert check(exi_oracle, protocol, count) >= max(count, 2 * len(kinds(protocol)))


@pytest.mark.parametrize("protocol", ["din", "iso2", "iso20", "xmldsig"])
def test_streams_with_string_table_hits_are_read(protocol: str, exi_oracle: ExiOracle) -> None:
    """An encoder that leaves EXI's string tables on (allowed by some readings of -20) must still be understood."""
    assert check(exi_oracle, protocol, 400, tables=True) >= 400
