"""XML signatures of ISO 15118-2 and -20 over EXI fragments: digest, sign, verify.

What is signed never exists as XML text: each signed element is encoded as an EXI fragment of the message schema and
hashed; the references make a SignedInfo, which is encoded as an EXI fragment of xmldsig alone and signed with ECDSA.
The signature value is the raw r || s. Sources: ISO 15118-2 7.9.2.4 and [V2G2-764..772], ISO 15118-20 7.9.2.3.

Elements and signatures are given in the JSON view of adapters.v2g.codec: a signed part is an object with one key, the
element (``{"AuthorizationReq": {"Id": "id1", ...}}``), a signature is the value of ``Header.Signature``.

Some stacks encode SignedInfo with the combined message schema instead of xmldsig alone; `verify` accepts both, `sign`
makes the first.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from adapters.v2g import codec
from adapters.v2g.exi.errors import ExiError, ValidationError

CANONICAL_EXI: Final = "http://www.w3.org/TR/canonical-exi/"
_DIGESTS: Final = {
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
}


@dataclass(frozen=True, slots=True)
class _Suite:
    """What one curve is used with."""

    signature_uri: str
    digest_uri: str
    hash: hashes.HashAlgorithm
    coordinate_bytes: int


_SUITES: Final = {
    "secp256r1": _Suite(
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        "http://www.w3.org/2001/04/xmlenc#sha256",
        hashes.SHA256(),
        32,
    ),
    "secp521r1": _Suite(
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
        "http://www.w3.org/2001/04/xmlenc#sha512",
        hashes.SHA512(),
        66,
    ),
}

Part = Mapping[str, Any]


class SignatureError(Exception):
    """The signature does not hold, or cannot be judged. The text says what was wrong and in which reference."""


def fragment(protocol: str, part: Part) -> bytes:
    """The EXI fragment of one element, as it is hashed. Raises SignatureError when the part is not encodable."""
    try:
        return codec.encode(codec.from_json(protocol, dict(part), fragment=True), protocol=protocol, fragment=True)
    except (ExiError, ValidationError) as problem:
        raise SignatureError(f"{_name(part)} is no element of {protocol}: {problem}") from problem


def digest(protocol: str, part: Part, algorithm: str = "sha256") -> bytes:
    """Hash of the part's EXI fragment: the DigestValue of its reference. `algorithm` is sha256 or sha512."""
    return hashlib.new(algorithm, fragment(protocol, part)).digest()


def sign(protocol: str, parts: Sequence[Part], key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """The signature over `parts`, in the JSON view of Header.Signature.

    P-256 keys sign with SHA-256 (ISO 15118-2), P-521 keys with SHA-512 (ISO 15118-20). Every part needs an Id.
    Raises SignatureError for another curve or a part that cannot be signed.
    """
    suite = _suite(key.curve)
    references = [
        {
            "URI": "#" + _id(part),
            "Transforms": {"Transform": [{"Algorithm": CANONICAL_EXI}]},
            "DigestMethod": {"Algorithm": suite.digest_uri},
            "DigestValue": base64.b64encode(digest(protocol, part, _DIGESTS[suite.digest_uri])).decode("ascii"),
        }
        for part in parts
    ]
    signed_info = {
        "CanonicalizationMethod": {"Algorithm": CANONICAL_EXI},
        "SignatureMethod": {"Algorithm": suite.signature_uri},
        "Reference": references,
    }
    r, s = decode_dss_signature(key.sign(fragment("xmldsig", {"SignedInfo": signed_info}), ec.ECDSA(suite.hash)))
    value = r.to_bytes(suite.coordinate_bytes, "big") + s.to_bytes(suite.coordinate_bytes, "big")
    return {"SignedInfo": signed_info, "SignatureValue": {"value": base64.b64encode(value).decode("ascii")}}


def verify(
    protocol: str, signature: Mapping[str, Any], parts: Sequence[Part], public_key: ec.EllipticCurvePublicKey
) -> str:
    """Checks that `signature` was made by the key and covers exactly `parts`.

    Returns the schema that SignedInfo was encoded with: "xmldsig", or `protocol` for the combined schema. Raises
    SignatureError otherwise. A reference to an element that is not in `parts` is an error, and so is a part that no
    reference covers: what the caller acts on must be what was signed.
    """
    suite = _suite(public_key.curve)
    signature = _checked(signature)
    signed_info = signature["SignedInfo"]
    method = signed_info["SignatureMethod"]["Algorithm"]
    if method != suite.signature_uri:
        raise SignatureError(f"SignatureMethod {method} does not fit a key on {public_key.curve.name}")
    if signed_info["CanonicalizationMethod"]["Algorithm"] != CANONICAL_EXI:
        raise SignatureError(f"CanonicalizationMethod is not {CANONICAL_EXI}")
    open_parts = {"#" + _id(part): part for part in parts}
    if len(open_parts) != len(parts):
        raise SignatureError("two signed parts have the same Id")
    for reference in signed_info["Reference"]:
        uri = reference.get("URI", "")
        part = open_parts.pop(uri, None)
        if part is None:
            raise SignatureError(f"reference {uri[:100]!r} is to no signed element, or appears twice")
        _check_reference(protocol, reference, part)
    if open_parts:
        raise SignatureError(f"no reference covers {', '.join(_name(part) for part in open_parts.values())}")
    value = _der(_bytes("SignatureValue", signature["SignatureValue"]["value"]), suite)
    for schema in ("xmldsig", protocol):
        try:
            public_key.verify(value, fragment(schema, {"SignedInfo": signed_info}), ec.ECDSA(suite.hash))
        except InvalidSignature:
            continue
        return schema
    raise SignatureError("SignatureValue was not made by this key over this SignedInfo")


def _checked(signature: Mapping[str, Any]) -> dict[str, Any]:
    """SignedInfo and SignatureValue, known to be such by their schema."""
    try:
        given = {name: signature[name] for name in ("SignedInfo", "SignatureValue")}
        view: dict[str, Any] = codec.to_json(codec.from_json("xmldsig", {"Signature": given}))["Signature"]
    except (ValidationError, KeyError, TypeError) as problem:
        raise SignatureError(f"this is no signature: {problem}") from problem
    return view


def _check_reference(protocol: str, reference: Mapping[str, Any], part: Part) -> None:
    uri = reference["URI"]
    transforms = reference.get("Transforms", {}).get("Transform", [])
    # One stack in the field leaves Transforms out; the digest is over canonical EXI all the same.
    if any(transform["Algorithm"] != CANONICAL_EXI for transform in transforms):
        raise SignatureError(f"reference {uri!r} has a transform other than {CANONICAL_EXI}")
    algorithm = _DIGESTS.get(reference["DigestMethod"]["Algorithm"])
    if algorithm is None:
        raise SignatureError(f"reference {uri!r} has the unknown digest {reference['DigestMethod']['Algorithm']}")
    if _bytes(f"DigestValue of {uri!r}", reference["DigestValue"]) != digest(protocol, part, algorithm):
        raise SignatureError(f"digest of {_name(part)} ({uri}) does not match: it was changed after signing")


def _suite(curve: ec.EllipticCurve) -> _Suite:
    suite = _SUITES.get(curve.name)
    if suite is None:
        raise SignatureError(f"keys on {curve.name} are not used by ISO 15118; expected secp256r1 or secp521r1")
    return suite


def _der(value: bytes, suite: _Suite) -> bytes:
    size = suite.coordinate_bytes
    if len(value) != 2 * size:
        raise SignatureError(f"SignatureValue has {len(value)} bytes, expected {2 * size} (r and s)")
    return encode_dss_signature(int.from_bytes(value[:size], "big"), int.from_bytes(value[size:], "big"))


def _name(part: Part) -> str:
    return next(iter(part), "an empty part")


def _id(part: Part) -> str:
    content = part.get(_name(part))
    identifier = content.get("Id") if isinstance(content, Mapping) else None
    if not isinstance(identifier, str):
        raise SignatureError(f"{_name(part)} has no Id, so no reference can name it")
    return identifier


def _bytes(what: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as problem:
        raise SignatureError(f"{what} is no base64: {problem}") from problem
