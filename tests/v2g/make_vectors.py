"""Writes the golden vectors: ``python -m tests.v2g.make_vectors``.

EXIficient encodes generated messages; the bytes are checked in as ``vectors/PROTOCOL.jsonl`` so that machines without
Java test against them too. One JSON object a line: protocol, fragment, json (the JSON view), hex (the EXI stream).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tests.v2g.message_gen import Kind, Picks, generate, kinds
from tests.v2g.oracle import SCHEMA_FILES, ExiOracle

VECTORS = Path(__file__).parent / "vectors"
_SMALL_XML = 1500


def is_message(kind: Kind) -> bool:
    """Whether the kind is a document that is sent: a request or response, or a whole signature."""
    if kind.fragment:
        return False
    return kind.body is not None or kind.element.endswith(("Req", "Res", "}Signature"))


def vectors(oracle: ExiOracle, protocol: str) -> Iterator[str]:
    """The lines of one file: each message minimal and twice random, each fragment minimal."""
    for kind in kinds(protocol):
        if is_message(kind):
            yield _line(oracle, kind, Picks.of_shape("minimal"))
            for seed in (1, 2):
                yield _small(oracle, kind, seed)
        elif kind.fragment:
            yield _line(oracle, kind, Picks.of_shape("minimal"))


def _small(oracle: ExiOracle, kind: Kind, seed: int) -> str:
    """A random message that is small enough to review."""

    def size(attempt: int) -> int:
        return max(len(generate(kind, Picks.of_shape("random", seed * 1000 + attempt)).xml()), _SMALL_XML)

    return _line(oracle, kind, Picks.of_shape("random", seed * 1000 + min(range(12), key=size)))


def _line(oracle: ExiOracle, kind: Kind, picks: Picks) -> str:
    node = generate(kind, picks)
    exi = oracle.encode(kind.protocol, node.xml(), fragment=kind.fragment)
    vector = {"protocol": kind.protocol, "fragment": kind.fragment, "json": node.view(), "hex": exi.hex()}
    return json.dumps(vector, ensure_ascii=True, separators=(",", ":"))


def main() -> None:
    """Writes every file anew."""
    VECTORS.mkdir(exist_ok=True)
    with ExiOracle() as oracle:
        for protocol in SCHEMA_FILES:
            lines = list(dict.fromkeys(vectors(oracle, protocol)))
            (VECTORS / f"{protocol}.jsonl").write_text("\n".join(lines) + "\n", encoding="ascii")
            print(f"{protocol}: {len(lines)} vectors")


if __name__ == "__main__":
    main()
