"""Delivery of a contract certificate's private key: key agreement, encryption and decryption.

ISO 15118-2 7.9.2.4.3 ([V2G2-815..822]): ephemeral-static ECDH on P-256, concatenation KDF of NIST SP 800-56A with
SHA-256, AES-128-CBC without padding; the field is IV (16) || ciphertext (32). CBC proves nothing, so the decrypted key
is compared with the public key of the contract certificate ([V2G2-823]).

ISO 15118-20 7.9.2.5.2 and 7.9.2.5.4 ([V2G20-2492..2507], [V2G20-2535]): P-521, SHA-512, AES-256-GCM; the field is
IV (12) || ciphertext (66) || tag (16), bound to the vehicle's PCID and the certificate's subject key identifier.
"""

from __future__ import annotations

import os
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_OTHER_INFO: Final = b"\x01UV"
"""AlgorithmID 0x01, party U (the secondary actor), party V (the vehicle): [V2G2-818], [V2G20-2535]."""


class ContractKeyError(Exception):
    """The delivered key cannot be decrypted, or does not belong to the delivered certificate."""


def encrypt_iso2(contract_key: ec.EllipticCurvePrivateKey, receiver: ec.EllipticCurvePublicKey) -> tuple[bytes, bytes]:
    """DHpublickey (65 bytes) and ContractSignatureEncryptedPrivateKey (48 bytes) for ISO 15118-2.

    `receiver` is the vehicle's OEM provisioning key (installation) or its old contract key (update). Raises
    ContractKeyError for a key that is not on P-256.
    """
    _on_curve(ec.SECP256R1(), contract=contract_key.curve, receiver=receiver.curve)
    public_key, secret = _ephemeral(receiver)
    iv = os.urandom(16)
    scalar = contract_key.private_numbers().private_value.to_bytes(32, "big")
    encryptor = Cipher(algorithms.AES(_kdf(secret, hashes.SHA256(), 16)), modes.CBC(iv)).encryptor()
    return public_key, iv + encryptor.update(scalar) + encryptor.finalize()


def decrypt_iso2(
    dh_public_key: bytes,
    encrypted_key: bytes,
    receiver: ec.EllipticCurvePrivateKey,
    certificate: x509.Certificate,
) -> ec.EllipticCurvePrivateKey:
    """The contract key. Raises ContractKeyError for wrong lengths or a key that does not belong to ``certificate``."""
    _on_curve(ec.SECP256R1(), receiver=receiver.curve)
    if len(encrypted_key) != 48:
        raise ContractKeyError(f"ContractSignatureEncryptedPrivateKey has {len(encrypted_key)} bytes, expected 48")
    key = _kdf(_agree("DHpublickey", dh_public_key, receiver), hashes.SHA256(), 16)
    decryptor = Cipher(algorithms.AES(key), modes.CBC(encrypted_key[:16])).decryptor()
    return _private_key(decryptor.update(encrypted_key[16:]) + decryptor.finalize(), ec.SECP256R1(), certificate)


def encrypt_iso20(
    contract_key: ec.EllipticCurvePrivateKey,
    receiver: ec.EllipticCurvePublicKey,
    certificate: x509.Certificate,
    pcid: str,
) -> tuple[bytes, bytes]:
    """DHPublicKey (133 bytes) and SECP521_EncryptedPrivateKey (94 bytes) for ISO 15118-20.

    `pcid` is the provisioning certificate identifier of CertificateInstallationReq, `certificate` the contract
    certificate that is delivered with the key. Raises ContractKeyError for a key that is not on P-521.
    """
    _on_curve(ec.SECP521R1(), contract=contract_key.curve, receiver=receiver.curve)
    public_key, secret = _ephemeral(receiver)
    iv = os.urandom(12)
    scalar = contract_key.private_numbers().private_value.to_bytes(66, "big")
    sealed = AESGCM(_kdf(secret, hashes.SHA512(), 32)).encrypt(iv, scalar, _associated_data(pcid, certificate))
    return public_key, iv + sealed


def decrypt_iso20(
    dh_public_key: bytes,
    encrypted_key: bytes,
    receiver: ec.EllipticCurvePrivateKey,
    certificate: x509.Certificate,
    pcid: str,
) -> ec.EllipticCurvePrivateKey:
    """The contract key. Raises ContractKeyError for wrong lengths, a wrong tag or a key of another certificate."""
    _on_curve(ec.SECP521R1(), receiver=receiver.curve)
    if len(encrypted_key) != 94:
        raise ContractKeyError(f"SECP521_EncryptedPrivateKey has {len(encrypted_key)} bytes, expected 94")
    key = _kdf(_agree("DHPublicKey", dh_public_key, receiver), hashes.SHA512(), 32)
    try:
        scalar = AESGCM(key).decrypt(encrypted_key[:12], encrypted_key[12:], _associated_data(pcid, certificate))
    except InvalidTag as problem:
        raise ContractKeyError(
            "SECP521_EncryptedPrivateKey does not authenticate: wrong receiver key, PCID or certificate"
        ) from problem
    return _private_key(scalar, ec.SECP521R1(), certificate)


def _on_curve(needed: ec.EllipticCurve, **keys: ec.EllipticCurve) -> None:
    for name, curve in keys.items():
        if curve.name != needed.name:
            raise ContractKeyError(f"the {name} key is on {curve.name}; this edition needs {needed.name}")


def _ephemeral(receiver: ec.EllipticCurvePublicKey) -> tuple[bytes, bytes]:
    ephemeral = ec.generate_private_key(receiver.curve)
    point = ephemeral.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return point, ephemeral.exchange(ec.ECDH(), receiver)


def _agree(name: str, point: bytes, receiver: ec.EllipticCurvePrivateKey) -> bytes:
    try:
        sender = ec.EllipticCurvePublicKey.from_encoded_point(receiver.curve, point)
    except ValueError as problem:
        raise ContractKeyError(f"{name} is no point on {receiver.curve.name}: {problem}") from problem
    return receiver.exchange(ec.ECDH(), sender)


def _kdf(secret: bytes, algorithm: hashes.HashAlgorithm, length: int) -> bytes:
    return ConcatKDFHash(algorithm=algorithm, length=length, otherinfo=_OTHER_INFO).derive(secret)


def _associated_data(pcid: str, certificate: x509.Certificate) -> bytes:
    """PCID without separators, then the subject key identifier as capital hex digits ([V2G20-2492])."""
    try:
        identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError) as problem:
        raise ContractKeyError(f"the contract certificate has no subject key identifier: {problem}") from problem
    if not pcid.isascii():
        raise ContractKeyError(f"the PCID {pcid[:40]!r} is not ASCII")
    return pcid.replace("-", "").upper().encode("ascii") + identifier.hex().upper().encode("ascii")


def _private_key(scalar: bytes, curve: ec.EllipticCurve, certificate: x509.Certificate) -> ec.EllipticCurvePrivateKey:
    try:
        key = ec.derive_private_key(int.from_bytes(scalar, "big"), curve)
    except ValueError as problem:
        raise ContractKeyError(f"the decrypted value is no private key on {curve.name}") from problem
    try:
        matches = key.public_key() == certificate.public_key()
    except (UnsupportedAlgorithm, ValueError) as problem:
        raise ContractKeyError(f"the contract certificate has no usable public key: {problem}") from problem
    if not matches:
        raise ContractKeyError("the decrypted private key does not belong to the contract certificate")
    return key
