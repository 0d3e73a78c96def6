"""Byte for byte against EXIficient, both ways: if this fails, a car or a station cannot read what we send.

The number of messages is half of CHARGECHART_EXAMPLES over all protocols (at least two of every kind are always made);
CHARGECHART_SEED chooses other random ones.
"""

from __future__ import annotations

import json
import os
import random

import pytest

from adapters.v2g import codec
from tests.v2g.message_gen import Kind, Node, campaign, generate, kinds, shrink, tree
from tests.v2g.oracle import SCHEMA_FILES, ExiOracle, OracleError

MESSAGES = int(os.environ.get("CHARGECHART_EXAMPLES", "4500")) // 2
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
    count = -(-MESSAGES * len(kinds(protocol)) // every)
    assert check(exi_oracle, protocol, count) >= max(count, 2 * len(kinds(protocol)))


@pytest.mark.parametrize("protocol", ["din", "iso2", "iso20", "xmldsig"])
def test_streams_with_string_table_hits_are_read(protocol: str, exi_oracle: ExiOracle) -> None:
    """An encoder that leaves EXI's string tables on (allowed by some readings of -20) must still be understood."""
    assert check(exi_oracle, protocol, 400, tables=True) >= 400


def filled(number: int, zeros: int) -> bytes:
    """A number below 128 as an unsigned integer with octets that add zeros."""
    return bytes((number | 0x80, *[0x80] * (zeros - 1), 0)) if zeros else bytes((number,))


@pytest.mark.parametrize("zeros", [1, 2, 7, 40])
@pytest.mark.parametrize(
    ("name", "sign_bits", "integers", "value"),
    [
        ("TMeter", 1, (0x65,), 0x65),
        ("EVCCID", 0, (), b"\x07"),
        ("ServiceName", 0, (3, 0x41), "A"),
    ],
)
def test_integers_filled_up_with_zero_octets_are_read(
    name: str, sign_bits: int, integers: tuple[int, ...], value: object, zeros: int, exi_oracle: ExiOracle
) -> None:
    """EXI lets an encoder write numbers, lengths and characters in more octets than needed (fixed-width encoders)."""
    names = codec.schema("iso2").fragment_codes
    octets = b"".join(filled(number, zeros) for number in integers)
    if isinstance(value, bytes):
        octets = filled(len(value), zeros) + value
    stream = (0x80 << 8 | names[name]) << 1 + sign_bits + 8 * len(octets) | int.from_bytes(octets, "big")
    stream = stream << 9 | len(names) + 1
    data = (stream << -stream.bit_length() % 8).to_bytes((stream.bit_length() + 7) // 8, "big")
    assert codec.decode("iso2", data, fragment=True) == codec.Element(name, value, "iso2")
    shown = value.hex() if isinstance(value, bytes) else str(value)
    assert f">{shown}<" in exi_oracle.decode("iso2", data, fragment=True)


def mutated(data: bytes, source: random.Random) -> bytes:
    """The stream with a few bits flipped, or a byte replaced, left out or put in."""
    changed = bytearray(data)
    for _ in range(source.randrange(1, 4)):
        at = source.randrange(1, len(changed))
        way = source.randrange(5)
        if way < 3:
            changed[at] ^= 1 << source.randrange(8)
        elif way == 3:
            changed[at] = source.randrange(256)
        elif len(changed) > 2:
            del changed[at]
    return bytes(changed)


@pytest.mark.parametrize("protocol", SCHEMA_FILES)
def test_whatever_we_accept_exificient_reads_the_same(protocol: str, exi_oracle: ExiOracle) -> None:
    """Damaged streams that still are a message for us are the same message for EXIficient, never our invention."""
    source = random.Random(SEED)
    accepted = 0
    for kind, _, picks in campaign(protocol, MESSAGES // 9, SEED):
        node = generate(kind, picks)
        original = codec.encode(codec.from_json(protocol, node.view(), fragment=kind.fragment), fragment=kind.fragment)
        data = mutated(original, source)
        try:
            message = codec.decode(protocol, data, fragment=kind.fragment)
        except codec.ExiError:
            continue
        accepted += 1
        ours = codec.to_xml(message, protocol=protocol)
        try:
            theirs = exi_oracle.decode(protocol, data, fragment=kind.fragment)
        except OracleError as problem:
            pytest.fail(f"{kind}: EXIficient refuses ({problem}) what we read as {ours}\n  EXI {data.hex()}")
        assert tree(ours) == tree(theirs), f"{kind}: EXI {data.hex()}"
    assert accepted > 0
