"""The test PKI: a bench whose certificates are refused cannot test TLS or Plug and Charge at all."""

from __future__ import annotations

import shutil
import ssl
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from adapters.v2g import pki
from adapters.v2g.__main__ import main


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One PKI on disk."""
    target = tmp_path_factory.mktemp("pki")
    pki.write(pki.make(pki.profiles(secc_id="DE*ABC*E1", pcid="WDBABC12345678901X", emaid="DEABCC123456789")), target)
    return target


def openssl(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command on this machine")
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("leaf", "root", "subs"),
    [
        ("secc", "v2g_root", ("cpo_sub1", "cpo_sub2")),
        ("cps", "v2g_root", ("cps_sub1", "cps_sub2")),
        ("oem", "oem_root", ("oem_sub1", "oem_sub2")),
        ("contract", "mo_root", ("mo_sub1", "mo_sub2")),
    ],
)
def test_openssl_accepts_every_chain(directory: Path, leaf: str, root: str, subs: tuple[str, ...]) -> None:
    """A foreign verifier, strict about extensions, accepts each chain and refuses it without its sub-CA."""
    untrusted = [word for sub in subs for word in ("-untrusted", str(directory / f"{sub}.pem"))]
    trusted = ["-x509_strict", "-CAfile", str(directory / f"{root}.pem")]
    good = openssl("verify", *trusted, *untrusted, str(directory / f"{leaf}.pem"))
    assert good.returncode == 0, good.stderr
    assert openssl("verify", *trusted, *untrusted[:2], str(directory / f"{leaf}.pem")).returncode != 0


def test_keys_are_private_and_belong_to_their_certificates(directory: Path) -> None:
    """Mode 0600 on every key, and each key is the one of its certificate (as OpenSSL sees it)."""
    keys = sorted(directory.glob("*.key"))
    assert len(keys) == 15
    for key in keys:
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for name in ("secc", "contract", "v2g_root"):
        of_key = openssl("pkey", "-in", str(directory / f"{name}.key"), "-pubout").stdout
        of_certificate = openssl("x509", "-in", str(directory / f"{name}.pem"), "-pubkey", "-noout").stdout
        assert of_key == of_certificate != ""


def test_profiles_of_annex_f(directory: Path) -> None:
    """Domain component, key usage and path length decide whether a real vehicle takes a SECC certificate."""
    text = openssl("x509", "-in", str(directory / "secc.pem"), "-text", "-noout").stdout
    assert "DC = CPO" in text or "DC=CPO" in text
    assert "Digital Signature, Key Agreement" in text
    assert "CA:FALSE" in text
    assert "prime256v1" in text
    assert "ecdsa-with-SHA256" in text
    sub = openssl("x509", "-in", str(directory / "cpo_sub2.pem"), "-text", "-noout").stdout
    assert "CA:TRUE, pathlen:0" in sub
    for path in directory.glob("*.pem"):
        for certificate in x509.load_pem_x509_certificates(path.read_bytes()):
            assert len(certificate.public_bytes(pki.Encoding.DER)) <= 800, path.name


def test_tls_handshake_with_the_suite_of_iso2(directory: Path) -> None:
    """Python's TLS, as station and vehicle, with the one suite ISO 15118-2 demands of both that OpenSSL still has."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(directory / "secc_chain.pem", directory / "secc.key")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(directory / "v2g_root.pem")
    client.check_hostname = False
    for context in (server, client):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE-ECDSA-AES128-SHA256")
    assert handshake(server, client) == ("ECDHE-ECDSA-AES128-SHA256", "TLSv1.2", 128)


def test_tls_vehicle_refuses_a_station_of_another_root(directory: Path) -> None:
    """A vehicle that trusts only the OEM root must not talk to this station."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(directory / "secc_chain.pem", directory / "secc.key")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(directory / "oem_root.pem")
    client.check_hostname = False
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server, client)


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[str, str, int] | None:
    """A TLS handshake in memory; the cipher that the client sees."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    station = server.wrap_bio(to_server, to_client, server_side=True)
    vehicle = client.wrap_bio(to_client, to_server)
    open_sides = [vehicle, station]
    for _ in range(20):
        for side in list(open_sides):
            try:
                side.do_handshake()
                open_sides.remove(side)
            except ssl.SSLWantReadError:
                pass
    assert not open_sides
    return vehicle.cipher()


def test_nothing_is_overwritten(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second run in the same place must not destroy keys that a station uses."""
    before = (directory / "v2g_root.key").read_bytes()
    assert main(["pki", str(directory)]) == 1
    assert "v2g_root.key" in capsys.readouterr().err
    assert (directory / "v2g_root.key").read_bytes() == before


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One command makes the PKI and says what it made, with the identifiers asked for."""
    assert main(["pki", str(tmp_path / "new"), "--emaid", "DEXYZC000000001"]) == 0
    summary = capsys.readouterr().out
    assert "contract   CN=DEXYZC000000001" in summary
    assert (tmp_path / "new" / "SUMMARY.txt").read_text() == summary
    certificate = x509.load_pem_x509_certificate((tmp_path / "new" / "contract.pem").read_bytes())
    assert "CN=DEXYZC000000001" in certificate.subject.rfc4514_string()
