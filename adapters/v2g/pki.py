"""A test PKI for ISO 15118-2: ``python -m adapters.v2g pki OUT_DIR``.

Makes the four chains of ISO 15118-2 Annex F (P-256, ECDSA with SHA-256): V2G root to the SECC, V2G root to the
provisioning service, OEM root to a vehicle, MO root to a contract, with the key usages, path lengths and domain
components of Tables F.2 to F.10. For test benches: real charging needs certificates of a real V2G root operator.

For each certificate there is ``NAME.pem`` and ``NAME.key`` (mode 0600); each leaf also has ``NAME_chain.pem``, leaf
first, sub-CAs after it, as TLS and the message field ContractSignatureCertChain want it.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_CLOCK_SKEW: Final = datetime.timedelta(hours=1)
_ORGANISATION: Final = "chargechart test PKI"


@dataclass(frozen=True, slots=True)
class Profile:
    """One certificate to make. `path_length` None means a root (no limit), -1 a leaf."""

    name: str
    common_name: str
    domain: str
    issuer: str
    path_length: int | None
    usages: tuple[str, ...]
    valid_days: int

    @property
    def is_leaf(self) -> bool:
        """Whether it is a leaf certificate."""
        return self.path_length == -1


_CA: Final = ("key_cert_sign", "crl_sign")
_YEAR: Final = 365


def _sub_cas(prefix: str, root: str, domain: str) -> list[Profile]:
    """The two sub-CAs between a root and a leaf."""
    return [
        Profile(f"{prefix}_sub1", f"{prefix.upper()} Sub-CA 1", domain, root, 1, _CA, 4 * _YEAR),
        Profile(f"{prefix}_sub2", f"{prefix.upper()} Sub-CA 2", domain, f"{prefix}_sub1", 0, _CA, 2 * _YEAR),
    ]


def profiles(*, secc_id: str, pcid: str, emaid: str) -> list[Profile]:
    """Every certificate of the PKI, issuers before what they issue (ISO 15118-2 Annex F)."""
    contract_usages = ("digital_signature", "content_commitment", "key_encipherment", "key_agreement")
    return [
        Profile("v2g_root", "V2G Root CA", "V2G", "v2g_root", None, _CA, 40 * _YEAR),
        *_sub_cas("cpo", "v2g_root", "V2G"),
        Profile("secc", secc_id, "CPO", "cpo_sub2", -1, ("digital_signature", "key_agreement"), 60),
        *_sub_cas("cps", "v2g_root", "CPS"),
        Profile("cps", "CPS 1", "CPS", "cps_sub2", -1, ("digital_signature",), 120),
        Profile("oem_root", "OEM Root CA", "OEM", "oem_root", None, _CA, 40 * _YEAR),
        *_sub_cas("oem", "oem_root", "OEM"),
        Profile("oem", pcid, "OEM", "oem_sub2", -1, ("digital_signature", "key_agreement"), 20 * _YEAR),
        Profile("mo_root", "MO Root CA", "MO", "mo_root", None, _CA, 40 * _YEAR),
        *_sub_cas("mo", "mo_root", "MO"),
        Profile("contract", emaid, "MO", "mo_sub2", -1, contract_usages, 2 * _YEAR),
    ]


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its private key."""

    profile: Profile
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make(wanted: Sequence[Profile], *, now: datetime.datetime | None = None) -> dict[str, Issued]:
    """Issue the certificates in order, by name. They are valid from ``now`` on (default: the system's time)."""
    start = now if now is not None else datetime.datetime.now(datetime.UTC)
    issued: dict[str, Issued] = {}
    for profile in wanted:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(profile, key, issued.get(profile.issuer), start)
        issued[profile.name] = Issued(profile, certificate, key)
    return issued


def _certificate(
    profile: Profile, key: ec.EllipticCurvePrivateKey, issuer: Issued | None, start: datetime.datetime
) -> x509.Certificate:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, profile.common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANISATION),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.DOMAIN_COMPONENT, profile.domain),
        ]
    )
    issuer_key = issuer.key if issuer else key
    usage = {name: name in profile.usages for name in _KEY_USAGES}
    path_length = None if profile.is_leaf else profile.path_length
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        # ISO 15118-2 limits a certificate to 800 bytes; a short random serial keeps well inside.
        .serial_number(int.from_bytes(os.urandom(8), "big") >> 1 or 1)
        .not_valid_before(start - _CLOCK_SKEW)
        .not_valid_after(start + datetime.timedelta(days=profile.valid_days))
        .add_extension(x509.BasicConstraints(ca=not profile.is_leaf, path_length=path_length), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


_KEY_USAGES: Final = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def chain(issued: dict[str, Issued], leaf: str) -> list[x509.Certificate]:
    """The leaf and its sub-CAs, leaf first, without the root."""
    certificates: list[x509.Certificate] = []
    name = leaf
    while issued[name].profile.issuer != name:
        certificates.append(issued[name].certificate)
        name = issued[name].profile.issuer
    return certificates


def write(issued: dict[str, Issued], directory: Path) -> str:
    """Write certificates, keys (mode 0600), chains and SUMMARY.txt; return the summary.

    Raises FileExistsError rather than overwrite a key that something may still use.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, each in issued.items():
        pem = each.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        descriptor = os.open(directory / f"{name}.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        (directory / f"{name}.pem").write_bytes(each.certificate.public_bytes(Encoding.PEM))
        if each.profile.is_leaf:
            pems = [certificate.public_bytes(Encoding.PEM) for certificate in chain(issued, name)]
            (directory / f"{name}_chain.pem").write_bytes(b"".join(pems))
        until = each.certificate.not_valid_after_utc.date().isoformat()
        size = len(each.certificate.public_bytes(Encoding.DER))
        lines.append(
            f"{name:10} CN={each.profile.common_name}, DC={each.profile.domain}; issued by {each.profile.issuer}; "
            f"until {until}; {size} bytes"
        )
    summary = "\n".join(["ISO 15118-2 test PKI (P-256, SHA-256); keys are unencrypted, mode 0600", "", *lines, ""])
    (directory / "SUMMARY.txt").write_text(summary, encoding="utf-8")
    return summary


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Registers ``pki`` with the command line of adapters.v2g."""
    parser = subparsers.add_parser("pki", help="make a test PKI for ISO 15118-2", description=__doc__)
    parser.add_argument("directory", metavar="OUT_DIR", type=Path)
    parser.add_argument("--secc-id", default="DE*ABC*E1", help="CN of the SECC certificate")
    parser.add_argument("--pcid", default="WDBABC12345678901X", help="CN of the OEM provisioning certificate")
    parser.add_argument("--emaid", default="DEABCC123456789", help="CN of the contract certificate")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make the PKI. 0 when done, 1 when the directory already holds keys."""
    wanted = profiles(secc_id=arguments.secc_id, pcid=arguments.pcid, emaid=arguments.emaid)
    try:
        summary = write(make(wanted), arguments.directory)
    except OSError as problem:
        print(f"pki: {problem.filename}: {problem.strerror}; give an empty directory", file=sys.stderr)
        return 1
    print(summary, end="")
    return 0
