"""Contract ``certificate_store``: X.509 by the package ``cryptography``, kept in memory or in PEM files of a folder.

Chains are checked link by link: signature, validity, that only an authority signs, and a root that is kept here.
Sources: RFC 5280; OCPP 1.6 security whitepaper edition 3; hashes of a certificate as in RFC 6960.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Final, NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from adapters.ocpp import tls
from adapters.ocpp.logs import write
from adapters.settings import filled
from engine.adapter import Adapter, ConfigurationError, Port, Setting, World

ROOTS: Final = {"CentralSystemRootCertificate": "central.pem", "ManufacturerRootCertificate": "manufacturer.pem"}
OWN, WANTED, PROVEN = "charge_point.pem", "requested.key", "profile"
"""``OWN``: the key, then its chain; in one file, so that there is never one of this and one of another."""
HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}
LONGEST_CHAIN: Final = 8


class Refused(Exception):
    """The message is the contract's word for why."""


class CertificateStore(Adapter):
    """A subclass keeps texts by name."""

    contract = "certificate_store"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self.central_roots = 0
        self.own = False
        self.expires: int | None = None
        self.proven = -1

    def open(self, port: Port) -> None:
        """Raises ``ConfigurationError`` for what cannot be read."""
        super().open(port)
        try:
            self._look()
            self.proven = int(self._read(PROVEN) or -1)
        except (OSError, ValueError, Refused) as error:
            raise ConfigurationError(f"certificates of the charge point cannot be read: {error}") from None

    def _read(self, name: str) -> bytes:
        """Empty when there is none. Raises ``OSError``."""
        raise NotImplementedError

    def _write(self, name: str, content: bytes) -> None:
        """Whole and on the disk, or as it was. Raises ``OSError``."""
        raise NotImplementedError

    # ------------------------------------------------------------ roots

    def install(
        self, *, call_id: str, kind: str, certificate: str, at: int, most: int, signed_by_present: bool
    ) -> None:
        def work() -> None:
            new = _one(certificate)
            roots = self._roots(kind)
            its_own = _signed(new, new) or signed_by_present
            if not (_is_authority(new) and its_own and _valid(new, at)):
                _refuse("invalid")
            if new in roots:
                return
            if signed_by_present and roots and not any(_signed(new, root) for root in roots):
                _refuse("stranger")
            if len(roots) >= most:
                _refuse("full")
            self._write(ROOTS[kind], _pem([*roots, new]))

        self._do(call_id, work)

    def installed(self, *, call_id: str, kind: str) -> None:
        def work() -> dict[str, Any]:
            rows = [_hashes(root, "SHA256") for root in self._roots(kind)]
            return {
                "hashAlgorithm": ["SHA256"] * len(rows),
                "issuerNameHash": [row[0] for row in rows],
                "issuerKeyHash": [row[1] for row in rows],
                "serialNumber": [row[2] for row in rows],
            }

        self._do(call_id, work)

    def delete(
        self,
        *,
        call_id: str,
        hashAlgorithm: str,
        issuerNameHash: str,
        issuerKeyHash: str,
        serialNumber: str,
        keep_last: bool,
    ) -> None:
        wanted = (issuerNameHash.lower(), issuerKeyHash.lower(), serialNumber.lower().lstrip("0"))

        def work() -> None:
            for kind, name in ROOTS.items():
                roots = self._roots(kind)
                left = [root for root in roots if _hashes(root, hashAlgorithm) != wanted]
                if len(left) < len(roots):
                    if keep_last and not left and kind == "CentralSystemRootCertificate":
                        _refuse("in_use")
                    self._write(name, _pem(left))
                    return
            _refuse("not_found")

        self._do(call_id, work)

    # ------------------------------------------------------------ the charge point's own

    def request(self, *, call_id: str, commonName: str, organisation: str) -> None:
        def work() -> dict[str, Any]:
            key = ec.generate_private_key(ec.SECP256R1())
            names = [x509.NameAttribute(NameOID.COMMON_NAME, commonName)]
            if organisation:
                names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
            csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(key, hashes.SHA256())
            self._write(WANTED, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            return {"csr": csr.public_bytes(Encoding.PEM).decode()}

        self._do(call_id, work)

    def take(self, *, call_id: str, certificateChain: str, commonName: str, longest: int, at: int) -> None:
        def work() -> None:
            if len(certificateChain) > longest:
                _refuse("long")
            wanted = self._read(WANTED)
            if not wanted:
                _refuse("unexpected")
            chain = _all(certificateChain.encode())
            own = chain[0]
            names = own.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            if (
                _public(load_pem_private_key(wanted, None).public_key()) != _public(own.public_key())
                or [name.value for name in names] != [commonName]
                or not _trusted(own, chain[1:], self._roots("CentralSystemRootCertificate"), at)
            ):
                _refuse("invalid")
            self._write(OWN, wanted + _pem(chain))
            self._write(WANTED, b"")

        self._do(call_id, work)

    def prove(self, *, profile: int) -> None:
        self.proven = profile
        try:
            self._write(PROVEN, str(profile).encode())
        except OSError as error:
            self.port.emit("failed", reason=str(error))

    # ------------------------------------------------------------ firmware

    def check_signer(self, *, call_id: str, certificate: str, at: int) -> None:
        def work() -> None:
            chain = _all(certificate.encode())
            if not _trusted(chain[0], chain[1:], self._roots("ManufacturerRootCertificate"), at):
                _refuse("invalid")
            if any(
                revoked.get_revoked_certificate_by_serial_number(one.serial_number) is not None
                for revoked in self._revoked()
                for one in chain
                if one.issuer == revoked.issuer
            ):
                _refuse("revoked")

        self._do(call_id, work)

    def check_signature(self, *, call_id: str, path: str, certificate: str, signature: str) -> None:
        def work() -> None:
            try:
                given = base64.b64decode(signature, validate=True)
            except binascii.Error:
                _refuse("invalid")
            if not _is_signature(_all(certificate.encode())[0].public_key(), given, _digest(Path(path))):
                _refuse("invalid")

        self._do(call_id, work)

    def _revoked(self) -> list[x509.CertificateRevocationList]:
        name = self.config.get("revoked", "")
        return [x509.load_pem_x509_crl(Path(name).read_bytes())] if name else []

    # ------------------------------------------------------------ inside

    def _roots(self, kind: str) -> list[x509.Certificate]:
        text = self._read(ROOTS[kind])
        return x509.load_pem_x509_certificates(text) if text.strip() else []

    def _look(self) -> None:
        self.central_roots = len(self._roots("CentralSystemRootCertificate"))
        own = self._read(OWN)
        self.own = bool(own)
        self.expires = _ns(_all(own)[0].not_valid_after_utc) if own else None

    def _do(self, call_id: str, work: Callable[[], dict[str, Any] | None]) -> None:
        try:
            result = work() or {}
            self._look()
        except Refused as refused:
            self.port.failed(call_id, str(refused))
        except (OSError, ValueError, UnsupportedAlgorithm) as error:  # ValueError: what is no certificate of ours
            self.port.failed(call_id, str(error) or type(error).__name__)
        else:
            self.port.done(call_id, **result)


class InFolder(CertificateStore):
    """PEM files of one folder, readable by their owner only. ``central.pem`` and ``charge_point.pem`` (key and
    chain) are what the line to the central system is made with, see :func:`adapters.ocpp.tls.stored`."""

    _folder: Path | None = None

    def _read(self, name: str) -> bytes:
        if self._folder is None:
            return b""
        path = self._folder / name
        return path.read_bytes() if path.exists() else b""

    def _write(self, name: str, content: bytes) -> None:
        write(self._place() / name, content, mode=0o600)

    def _place(self) -> Path:
        """Where to write. Raises ``OSError``."""
        raise NotImplementedError

    def _be_found(self, folder: Path) -> Path:
        self._folder = tls.folders(self.world)[self.port.role.rpartition(".")[0]] = folder
        return folder


class MemoryCertificateStore(InFolder):
    """Gone with the process: the folder is a temporary one, made with the first certificate (TLS reads files only)."""

    behind = "simulated"

    def open(self, port: Port) -> None:
        self._made: list[TemporaryDirectory[str]] = self.world.shared(f"certificates {port.role}", list)
        if self._made:
            self._folder = Path(self._made[0].name)
        super().open(port)

    def _place(self) -> Path:
        if self._folder is None:
            self._made.append(TemporaryDirectory(prefix="certificates-"))
            self._be_found(Path(self._made[0].name))
        assert self._folder is not None
        return self._folder


class FileCertificateStore(InFolder):
    """The folder stays."""

    settings: ClassVar[Mapping[str, Setting]] = {
        "folder": Setting("string", "charge_point.certificates", "Where they are; it is made when missing"),
        "revoked": Setting("string", "", "PEM file of the manufacturer's list of revoked certificates; none: no list"),
    }

    def open(self, port: Port) -> None:
        """Raises ``ConfigurationError`` for a folder that cannot be used."""
        self._folder = Path(self.config["folder"]).absolute()
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"setting 'folder': {error}") from None
        super().open(port)
        self._be_found(self._folder)

    def _place(self) -> Path:
        assert self._folder is not None
        return self._folder


# ------------------------------------------------------------ X.509


def _refuse(word: str) -> NoReturn:
    raise Refused(word)


def _one(pem: str) -> x509.Certificate:
    found = _all(pem.encode())
    if len(found) != 1:
        raise Refused("invalid")
    return found[0]


def _all(pem: bytes) -> list[x509.Certificate]:
    """At least one. Raises :class:`Refused`."""
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise Refused("invalid") from None
    if len(found) > LONGEST_CHAIN:
        raise Refused("invalid")
    return found


def _pem(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def _public(key: Any) -> bytes:
    public: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return public


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 10**9


def _valid(certificate: x509.Certificate, at: int) -> bool:
    return _ns(certificate.not_valid_before_utc) <= at <= _ns(certificate.not_valid_after_utc)


def _is_authority(certificate: x509.Certificate) -> bool:
    with suppress(x509.ExtensionNotFound, ValueError):
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    return False


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """By this one, under its name."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _trusted(
    certificate: x509.Certificate, between: list[x509.Certificate], roots: list[x509.Certificate], at: int
) -> bool:
    """From the certificate by those between to a root, every one valid now."""
    here, left = certificate, list(between)
    while _valid(here, at):
        if any(_is_authority(root) and _valid(root, at) and _signed(here, root) for root in roots):
            return True
        above = next((one for one in left if _is_authority(one) and _signed(here, one)), None)
        if above is None:
            return False
        left.remove(above)
        here = above
    return False


def _hashes(root: x509.Certificate, algorithm: str) -> tuple[str, str, str]:
    """Of the issuer's name and key, and the serial number, in hexadecimal digits (RFC 6960 §4.1.1)."""
    asked = ocsp.OCSPRequestBuilder().add_certificate(root, root, HASHES[algorithm]).build()
    return asked.issuer_name_hash.hex(), asked.issuer_key_hash.hex(), format(root.serial_number, "x")


def _digest(path: Path) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.finalize()


def _is_signature(key: Any, signature: bytes, digest: bytes) -> bool:
    """ECDSA, RSA-PSS or RSA with PKCS #1 v1.5, over SHA-256."""
    sha256 = utils.Prehashed(hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePublicKey):
        with suppress(InvalidSignature):
            key.verify(signature, digest, ec.ECDSA(sha256))
            return True
    if isinstance(key, rsa.RSAPublicKey):
        for scheme in (padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO), padding.PKCS1v15()):
            with suppress(InvalidSignature):
                key.verify(signature, digest, scheme, sha256)
                return True
    return False
