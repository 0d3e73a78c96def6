"""A real TLS connection in memory, for captures: what each side sends, and the key log.

Runs as a process of its own (``flow``), because only OpenSSL's configuration file can choose a TLS 1.3 suite.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from pathlib import Path

from adapters.v2g import pki

Turn = tuple[bool, bytes]
"""(sent by the client, bytes)"""

ROOT = Path(__file__).resolve().parents[2]
_NO_ENCRYPT_THEN_MAC = 0x0008_0000
_CONFIGURATION = """openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = suites
[suites]
Ciphersuites = {suite}
"""


def flow(suite: str, turns: list[Turn], directory: Path) -> tuple[list[Turn], str]:
    """`turns` over a connection with this suite (OpenSSL's name): ciphertext of both sides in order, and the key log.

    " mac first" after the name switches encrypt-then-MAC off. TLS 1.3 connections are mutual, as -20 demands.
    """
    (directory / "openssl.cnf").write_text(_CONFIGURATION.format(suite=suite))
    environment = {**os.environ}
    if suite.startswith("TLS_"):
        environment["OPENSSL_CONF"] = str(directory / "openssl.cnf")
    job = json.dumps([[from_client, data.hex()] for from_client, data in turns])
    command = [sys.executable, "-m", "tests.v2g.tls_flow", suite, str(directory)]
    run = subprocess.run(command, input=job, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"no TLS connection with {suite}: {run.stderr[-500:]}")
    sent = [(bool(from_client), bytes.fromhex(data)) for from_client, data in json.loads(run.stdout)]
    return sent, (directory / "keys.log").read_text()


def contexts(suite: str, directory: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Station and vehicle contexts over a fresh PKI."""
    pki.write(pki.make(pki.profiles(secc_id="DE*ABC*E1", pcid="WDBABC12345678901X", emaid="E")), directory)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(directory / "secc_chain.pem", directory / "secc.key")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(directory / "v2g_root.pem")
    client.check_hostname = False
    if suite.startswith("TLS_"):
        client.minimum_version = ssl.TLSVersion.TLSv1_3
        client.load_cert_chain(directory / "oem_chain.pem", directory / "oem.key")
        server.load_verify_locations(directory / "oem_root.pem")
        server.verify_mode = ssl.CERT_REQUIRED
    else:
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        client.set_ciphers(suite.removesuffix(" mac first"))
        if suite.endswith("mac first"):
            client.options |= _NO_ENCRYPT_THEN_MAC
    return server, client


def connect(server: ssl.SSLContext, client: ssl.SSLContext, turns: list[Turn]) -> tuple[list[Turn], str]:
    """Handshake and turns; ciphertext in order, and the suite."""
    inbound = {True: ssl.MemoryBIO(), False: ssl.MemoryBIO()}
    outbound = {True: ssl.MemoryBIO(), False: ssl.MemoryBIO()}
    vehicle = client.wrap_bio(inbound[True], outbound[True])
    station = server.wrap_bio(inbound[False], outbound[False], server_side=True)
    sent: list[Turn] = []

    def pump() -> None:
        for side in (True, False):
            data = outbound[side].read()
            if data:
                sent.append((side, data))
                inbound[not side].write(data)

    open_sides = [vehicle, station]
    while open_sides:
        for side in list(open_sides):
            try:
                side.do_handshake()
                open_sides.remove(side)
            except ssl.SSLWantReadError:
                pass
            pump()
    for from_client, data in turns:
        sender, receiver = (vehicle, station) if from_client else (station, vehicle)
        sender.write(data)
        pump()
        assert receiver.read(len(data)) == data
    cipher = vehicle.cipher()
    assert cipher is not None
    return sent, cipher[0]


def main() -> None:
    """One connection: suite and directory as arguments, turns on standard input, ciphertext on standard output."""
    suite, directory = sys.argv[1], Path(sys.argv[2])
    server, client = contexts(suite, directory / "pki")
    client.keylog_filename = str(directory / "keys.log")
    turns = [(bool(from_client), bytes.fromhex(data)) for from_client, data in json.load(sys.stdin)]
    sent, chosen = connect(server, client, turns)
    assert chosen == suite.removesuffix(" mac first"), chosen
    json.dump([[from_client, data.hex()] for from_client, data in sent], sys.stdout)


if __name__ == "__main__":
    main()
