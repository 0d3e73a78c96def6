"""EXIficient, the Java EXI codec, as a foreign oracle for adapters.v2g.

Its classes and the public V2G schemas both lie in the wheel ``iso15118`` (Apache-2.0), which is fetched once into the
git-ignored ``.peers`` directory and never becomes a dependency. ``ExiOracle.java`` is compiled against them here and
runs as one process that answers jobs line by line, so a message costs well under a millisecond.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import TracebackType

WHEEL = "iso15118==0.31.2"
ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(os.environ.get("CHARGECHART_PEERS", ROOT / ".peers"))
JAVA_SOURCE = Path(__file__).parent / "exi_oracle" / "ExiOracle.java"

SCHEMA_FILES = {
    "sap": "V2G_CI_AppProtocol.xsd",
    "din": "din_spec/V2G_CI_MsgDef.xsd",
    "iso2": "iso15118_2/V2G_CI_MsgDef.xsd",
    "iso20": "iso15118_20/V2G_CI_CommonMessages.xsd",
    "iso20-dc": "iso15118_20/V2G_CI_DC.xsd",
    "iso20-ac": "iso15118_20/V2G_CI_AC.xsd",
    "iso20-wpt": "iso15118_20/V2G_CI_WPT.xsd",
    "iso20-acdp": "iso15118_20/V2G_CI_ACDP.xsd",
    "xmldsig": "xmldsig-core-schema.xsd",
}
"""The root schema of each protocol, below ``iso15118/shared/schemas`` of the wheel."""


class OracleUnavailable(Exception):
    """This machine cannot run the oracle: no JDK, or no way to fetch the wheel. The text says which."""


class OracleError(Exception):
    """EXIficient refused the message."""


def unpacked_wheel() -> Path:
    """The unpacked wheel; fetched on first use. Raises OracleUnavailable when it cannot be fetched."""
    target = PEERS / "iso15118-wheel"
    if not target.exists():
        wheels = PEERS / "wheels"
        if not list(wheels.glob("iso15118-*.whl")):
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(wheels), WHEEL]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode != 0:
                raise OracleUnavailable(f"pip could not fetch {WHEEL}: {run.stderr.strip()[-300:]}")
        unpacking = PEERS / f"iso15118-wheel.{os.getpid()}"
        with zipfile.ZipFile(next(wheels.glob("iso15118-*.whl"))) as wheel:
            wheel.extractall(unpacking)
        _publish(unpacking, target)
    return target


def schema_dir() -> Path:
    """The wheel's schemas, made loadable offline.

    DIN and -20 import ``xmldsig-core-schema.xsd`` from their own folder while only the parent holds it, and that
    file's DOCTYPE asks a web server: it is copied into each folder and the DOCTYPE is cut.
    """
    target = PEERS / "iso15118-schemas"
    if not target.exists():
        unpacking = PEERS / f"iso15118-schemas.{os.getpid()}"
        shutil.copytree(unpacked_wheel() / "iso15118" / "shared" / "schemas", unpacking)
        signature = unpacking / "xmldsig-core-schema.xsd"
        text = re.sub(r"<!DOCTYPE.*?\]>", "", signature.read_text(encoding="utf-8"), count=1, flags=re.DOTALL)
        for folder in (unpacking, unpacking / "din_spec", unpacking / "iso15118_20"):
            (folder / signature.name).write_text(text, encoding="utf-8")
        _publish(unpacking, target)
    return target


def _publish(made: Path, target: Path) -> None:
    """Moves a finished directory into place; another test process may have been quicker."""
    try:
        made.rename(target)
    except OSError:
        shutil.rmtree(made)


def _compiled(jar: Path) -> Path:
    javac = shutil.which("javac")
    if javac is None or shutil.which("java") is None:
        raise OracleUnavailable("no JDK (java and javac) on the PATH; Debian: apt-get install default-jdk-headless")
    classes = PEERS / f"exi-oracle-{JAVA_SOURCE.stat().st_mtime_ns}"
    if not classes.exists():
        building = PEERS / f"{classes.name}.{os.getpid()}"
        run = subprocess.run(
            [javac, "-cp", str(jar), "-d", str(building), str(JAVA_SOURCE)], capture_output=True, text=True, check=False
        )
        if run.returncode != 0:
            raise RuntimeError(f"javac could not compile {JAVA_SOURCE.name}: {run.stderr}")
        _publish(building, classes)
    return classes


class ExiOracle:
    """One running EXIficient. Use as a context manager or call close().

    ``fragment`` selects the fragment grammar; ``tables`` leaves EXI's string tables on (V2G encoders keep them off),
    which makes streams with table hits.
    """

    def __init__(self) -> None:
        schemas = schema_dir()
        jar = unpacked_wheel() / "iso15118" / "shared" / "EXICodec.jar"
        classes = _compiled(jar)
        command = ["java", "-XX:+UseSerialGC", "-Xmx512m", "-cp", f"{jar}{os.pathsep}{classes}", "ExiOracle"]
        command += [f"{protocol}={schemas / name}" for protocol, name in SCHEMA_FILES.items()]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def encode(self, protocol: str, xml: str, *, fragment: bool = False, tables: bool = False) -> bytes:
        """The EXI stream of an XML document, header byte included. Raises OracleError."""
        text = base64.b64encode(xml.encode()).decode()
        return bytes.fromhex(self._ask("encode", protocol, fragment, tables, text))

    def decode(self, protocol: str, exi: bytes, *, fragment: bool = False, tables: bool = False) -> str:
        """The XML of an EXI stream, every element with its own xmlns. Raises OracleError."""
        return base64.b64decode(self._ask("decode", protocol, fragment, tables, exi.hex())).decode()

    def bench(self, protocol: str, exi: bytes, loops: int, *, fragment: bool = False) -> tuple[float, float]:
        """Nanoseconds per message (decode, encode) over `loops` runs of each, SAX events in and out, no XML text."""
        decode_ns, encode_ns = self._ask("bench", protocol, fragment, False, f"{loops} {exi.hex()}").split()
        return float(decode_ns), float(encode_ns)

    def _ask(self, verb: str, protocol: str, fragment: bool, tables: bool, argument: str) -> str:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        flags = " fragment" * fragment + " tables" * tables
        stdin.write(f"{verb} {protocol}{flags} {argument}\n".encode("ascii"))
        stdin.flush()
        answer = stdout.readline().decode("ascii").rstrip("\n")
        if not answer:
            raise RuntimeError(f"the EXI oracle died (exit code {self._process.wait()}) on: {verb} {protocol}{flags}")
        status, _, text = answer.partition(" ")
        if status != "ok":
            raise OracleError(text)
        return text

    def close(self) -> None:
        """Ends the Java process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def __enter__(self) -> ExiOracle:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
