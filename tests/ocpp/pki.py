"""Certificates for tests: authorities, what they sign, and what is wrong with some."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> bytes:
        private: bytes = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return private


def issued(
    name: str,
    by: Issued | None = None,
    *,
    authority: bool | None = None,
    key: Any = None,
    public: Any = None,
    names: list[x509.GeneralName] | None = None,
    begins: timedelta = -DAY,
    ends: timedelta = DAY,
) -> Issued:
    """Self-signed without ``by``, and an authority then. ``public``: of a request, whose key is elsewhere."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    signs = by is None if authority is None else authority
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(public or key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=signs, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public or key.public_key()), critical=False)
        .add_extension(_usage(signs=signs), critical=True)
    )
    if by is not None:  # RFC 5280 4.2.1.1; Python 3.13 looks for it
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key())
        builder = builder.add_extension(above, critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Issued(builder.sign(by.key if by else key, hashes.SHA256()), key)


def signed_request(csr: str, by: Issued, **options: Any) -> str:
    """What an authority makes of a request, PEM."""
    request = x509.load_pem_x509_csr(csr.encode())
    name = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    assert isinstance(name, str)
    return issued(options.pop("name", name), by, public=request.public_key(), **options).pem


def revoked(by: Issued, *certificates: Issued) -> bytes:
    """A list of them, PEM."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(by.certificate.subject)
        .last_update(now - DAY)
        .next_update(now + DAY)
    )
    for one in certificates:
        entry = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number).revocation_date(now - DAY)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(by.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
