"""Golden vectors from EXIficient: the codec's proof on machines without Java."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.v2g import codec
from tests.v2g.make_vectors import vectors
from tests.v2g.oracle import SCHEMA_FILES, ExiOracle

VECTORS = Path(__file__).parent / "vectors"


def load(protocol: str) -> Iterator[dict[str, Any]]:
    for line in (VECTORS / f"{protocol}.jsonl").read_text(encoding="ascii").splitlines():
        yield json.loads(line)


@pytest.mark.parametrize("protocol", SCHEMA_FILES)
def test_every_vector_is_read_and_written(protocol: str) -> None:
    """Every message type and fragment of the protocol: the JSON view of the bytes, and the bytes of the JSON view."""
    count = 0
    for vector in load(protocol):
        exi, fragment = bytes.fromhex(vector["hex"]), vector["fragment"]
        assert codec.to_json(codec.decode(protocol, exi, fragment=fragment)) == vector["json"], vector["hex"]
        message = codec.from_json(protocol, vector["json"], fragment=fragment)
        assert codec.encode(message, protocol=protocol, fragment=fragment).hex() == vector["hex"], vector["json"]
        count += 1
    assert count >= {"sap": 8}.get(protocol, 45)


@pytest.mark.parametrize("protocol", SCHEMA_FILES)
def test_vectors_are_what_exificient_makes(protocol: str, exi_oracle: ExiOracle) -> None:
    """The files are generated, never edited: EXIficient makes the same today."""
    made = [json.loads(line) for line in dict.fromkeys(vectors(exi_oracle, protocol))]
    assert made == list(load(protocol))
