"""Coverage-guided fuzzing of the EXI codec: any bytes are a message that keeps its promises, or an ExiError.

    python -m tests.fuzz.fuzz_exi -max_total_time=60 [CORPUS]

The first octet of an input chooses protocol and grammar, the rest is the stream. ``--seeds DIR`` writes the golden
vectors as such inputs first. Any other exception is a crash that libFuzzer reports with its input.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["adapters.v2g.exi", "adapters.v2g.generated", "adapters.v2g.codec"]):
    from adapters.v2g import codec

    for _protocol in codec.PROTOCOLS:
        codec.schema(_protocol)

from tests.v2g.corpus import decoded, samples

WAYS = len(codec.PROTOCOLS) * 2


def one_input(data: bytes) -> None:
    """One fuzz case."""
    if data:
        way = data[0] % WAYS
        decoded(codec.PROTOCOLS[way // 2], data[1:], bool(way % 2))


def write_seeds(directory: Path) -> None:
    """The golden vectors as inputs."""
    directory.mkdir(parents=True, exist_ok=True)
    for sample in samples():
        way = codec.PROTOCOLS.index(sample.protocol) * 2 + sample.fragment
        data = bytes((way,)) + sample.exi
        (directory / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def main() -> None:
    arguments = sys.argv
    if "--seeds" in arguments:
        at = arguments.index("--seeds")
        write_seeds(Path(arguments[at + 1]))
        arguments = [*arguments[:at], arguments[at + 1], *arguments[at + 2 :]]
    atheris.Setup(arguments, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
