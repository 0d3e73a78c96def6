"""Contract key delivery: a vehicle that derives another key than the operator can never be installed a contract."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from adapters.v2g import contract_key, pki
from adapters.v2g.contract_key import ContractKeyError
from tests.v2g.josev import Josev

PCID = "WDBABC12345678901X"


@pytest.fixture(scope="module")
def issued() -> dict[str, pki.Issued]:
    """A P-256 PKI with a vehicle's provisioning key and a contract."""
    return pki.make(pki.profiles(secc_id="DE*ABC*E1", pcid=PCID, emaid="DEABCC123456789"))


def contract_521() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A self-signed P-521 certificate with a key identifier, as -20 contracts have."""
    key = ec.generate_private_key(ec.SECP521R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "DEABCC123456789")])
    now = pki.datetime.datetime.now(pki.datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + pki.datetime.timedelta(days=1))
        .add_extension(x509.SubjectKeyIdentifier(os.urandom(8)), critical=False)
        .sign(key, hashes.SHA512())
    )
    return key, certificate


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_iso2_key_goes_to_the_peer_and_back(issued: dict[str, pki.Issued], josev: Josev) -> None:
    """The package iso15118 decrypts what we encrypted, and we what it encrypted."""
    contract, vehicle = issued["contract"], issued["oem"]
    point, encrypted = contract_key.encrypt_iso2(contract.key, vehicle.key.public_key())
    theirs = josev.ask("decrypt_key", key=pem(vehicle.key), public_key=b64(point), encrypted=b64(encrypted))
    assert int(theirs, 16) == contract.key.private_numbers().private_value
    certificate = b64(vehicle.certificate.public_bytes(Encoding.DER))
    point_64, encrypted_64 = josev.ask("encrypt_key", key=pem(contract.key), certificate=certificate)
    ours = contract_key.decrypt_iso2(
        base64.b64decode(point_64), base64.b64decode(encrypted_64), vehicle.key, contract.certificate
    )
    assert ours.private_numbers() == contract.key.private_numbers()


def openssl(directory: Path, *arguments: str) -> bytes:
    run = subprocess.run(["openssl", *arguments], cwd=directory, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


def openssl_kdf(directory: Path, key: ec.EllipticCurvePrivateKey, point: bytes, digest: str, length: int) -> str:
    """ECDH and the concatenation KDF (OpenSSL calls it SSKDF), as hex."""
    sender = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, point)
    (directory / "own.pem").write_text(pem(key))
    (directory / "peer.pem").write_bytes(sender.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    secret = openssl(directory, "pkeyutl", "-derive", "-inkey", "own.pem", "-peerkey", "peer.pem").hex()
    options = ["-kdfopt", f"digest:{digest}", "-kdfopt", f"hexsecret:{secret}", "-kdfopt", "hexinfo:015556"]
    output = openssl(directory, "kdf", "-keylen", str(length), *options, "SSKDF")
    return output.decode().strip().replace(":", "")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl command on this machine")
def test_iso2_key_as_openssl_derives_it(issued: dict[str, pki.Issued], tmp_path: Path) -> None:
    """ECDH, concatenation KDF and AES-128-CBC by the openssl command give the same private key."""
    contract, vehicle = issued["contract"], issued["oem"]
    point, encrypted = contract_key.encrypt_iso2(contract.key, vehicle.key.public_key())
    assert (len(point), len(encrypted)) == (65, 48)
    key = openssl_kdf(tmp_path, vehicle.key, point, "SHA2-256", 16)
    (tmp_path / "data").write_bytes(encrypted[16:])
    cipher = ["enc", "-d", "-aes-128-cbc", "-nopad", "-K", key, "-iv", encrypted[:16].hex(), "-in", "data"]
    assert int.from_bytes(openssl(tmp_path, *cipher), "big") == contract.key.private_numbers().private_value


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl command on this machine")
def test_iso20_key_as_openssl_derives_it(tmp_path: Path) -> None:
    """The same for -20: P-521, SHA-512, AES-256-GCM (whose keystream is CTR from counter 2)."""
    vehicle = ec.generate_private_key(ec.SECP521R1())
    contract, certificate = contract_521()
    point, encrypted = contract_key.encrypt_iso20(contract, vehicle.public_key(), certificate, PCID)
    assert (len(point), len(encrypted)) == (133, 94)
    key = openssl_kdf(tmp_path, vehicle, point, "SHA2-512", 32)
    (tmp_path / "data").write_bytes(encrypted[12:78])
    counter = encrypted[:12].hex() + "00000002"
    scalar = openssl(tmp_path, "enc", "-d", "-aes-256-ctr", "-K", key, "-iv", counter, "-in", "data")
    assert int.from_bytes(scalar, "big") == contract.private_numbers().private_value
    back = contract_key.decrypt_iso20(point, encrypted, vehicle, certificate, PCID)
    assert back.private_numbers() == contract.private_numbers()


def test_iso20_key_is_bound_to_vehicle_and_certificate() -> None:
    """A delivery for another vehicle, another certificate, or with one bit changed is refused, not installed."""
    vehicle = ec.generate_private_key(ec.SECP521R1())
    contract, certificate = contract_521()
    other, other_certificate = contract_521()
    point, encrypted = contract_key.encrypt_iso20(contract, vehicle.public_key(), certificate, PCID)
    for bad in (
        (point, encrypted, vehicle, certificate, "WDBABC12345678902X"),
        (point, encrypted, vehicle, other_certificate, PCID),
        (point, encrypted, other, certificate, PCID),
        (point, bytes([encrypted[0] ^ 1]) + encrypted[1:], vehicle, certificate, PCID),
        (point, encrypted[:-1] + bytes([encrypted[-1] ^ 1]), vehicle, certificate, PCID),
        (point, encrypted[:-1], vehicle, certificate, PCID),
        (point[:-1], encrypted, vehicle, certificate, PCID),
    ):
        with pytest.raises(ContractKeyError):
            contract_key.decrypt_iso20(*bad)


def test_iso2_key_of_another_contract_is_refused(issued: dict[str, pki.Issued]) -> None:
    """CBC decrypts anything to something: only the comparison with the certificate catches a wrong key."""
    contract, vehicle, other = issued["contract"], issued["oem"], issued["secc"]
    point, encrypted = contract_key.encrypt_iso2(contract.key, vehicle.key.public_key())
    for bad in (
        (point, encrypted, other.key, contract.certificate),
        (point, encrypted, vehicle.key, other.certificate),
        (point, encrypted[:-1], vehicle.key, contract.certificate),
        (b"\x04" + bytes(64), encrypted, vehicle.key, contract.certificate),
        (b"", encrypted, vehicle.key, contract.certificate),
        (point, bytes(48), vehicle.key, contract.certificate),
    ):
        with pytest.raises(ContractKeyError):
            contract_key.decrypt_iso2(*bad)


def test_keys_of_the_other_edition_are_refused(issued: dict[str, pki.Issued]) -> None:
    """ISO 15118-2 delivers P-256 keys, -20 P-521 keys: anything else is an error that says so, in both directions."""
    small, vehicle = issued["contract"], issued["oem"]
    large, certificate = contract_521()
    for call in (
        lambda: contract_key.encrypt_iso2(large, vehicle.key.public_key()),
        lambda: contract_key.encrypt_iso2(small.key, large.public_key()),
        lambda: contract_key.decrypt_iso2(bytes(65), bytes(48), large, small.certificate),
        lambda: contract_key.encrypt_iso20(small.key, large.public_key(), certificate, PCID),
        lambda: contract_key.encrypt_iso20(large, vehicle.key.public_key(), certificate, PCID),
        lambda: contract_key.decrypt_iso20(bytes(133), bytes(94), vehicle.key, certificate, PCID),
    ):
        with pytest.raises(ContractKeyError, match=r"secp256r1|secp521r1"):
            call()


def test_a_pcid_from_outside_may_be_anything() -> None:
    """The PCID comes in a message: text that no PCID can be is an error like any other."""
    vehicle = ec.generate_private_key(ec.SECP521R1())
    contract, certificate = contract_521()
    point, encrypted = contract_key.encrypt_iso20(contract, vehicle.public_key(), certificate, PCID)
    for pcid in ("WDBÄBC1", "\ud800", ""):
        with pytest.raises(ContractKeyError):
            contract_key.decrypt_iso20(point, encrypted, vehicle, certificate, pcid)
