"""XML signatures over EXI: when these fail, Plug and Charge fails with every real peer."""

from __future__ import annotations

import base64
import copy
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from adapters.v2g import pki, signature
from adapters.v2g.signature import SignatureError
from tests.v2g.josev import Josev
from tests.v2g.message_gen import Kind, Picks, generate
from tests.v2g.oracle import ExiOracle

CHALLENGE = base64.b64encode(bytes(range(16))).decode()
AUTHORIZATION = {"AuthorizationReq": {"Id": "id1", "GenChallenge": CHALLENGE}}
RECEIPT = {
    "MeteringReceiptReq": {
        "Id": "ID-2",
        "SessionID": "3031323334353637",
        "SAScheduleTupleID": 1,
        "MeterInfo": {"MeterID": "meter 1", "MeterReading": 4711},
    }
}
PNC_20 = {
    "PnC_AReqAuthorizationMode": {
        "Id": "pnc",
        "GenChallenge": CHALLENGE,
        "ContractCertificateChain": {
            "Certificate": base64.b64encode(os.urandom(500)).decode(),
            "SubCertificates": {"Certificate": [base64.b64encode(os.urandom(400)).decode()] * 2},
        },
    }
}


@pytest.fixture(scope="module")
def key() -> ec.EllipticCurvePrivateKey:
    """A P-256 key, as ISO 15118-2 contracts have."""
    return ec.generate_private_key(ec.SECP256R1())


def certificate_of(key: ec.EllipticCurvePrivateKey) -> str:
    """A certificate over the key, base64 DER."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "DEABCC123456789")])
    now = pki.datetime.datetime.now(pki.datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + pki.datetime.timedelta(days=1))
    return base64.b64encode(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)).decode()


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


PEER_PARTS = [
    ("iso2", AUTHORIZATION, "iso15118_2.body:AuthorizationReq", "urn:iso:15118:2:2013:MsgDef"),
    ("iso2", RECEIPT, "iso15118_2.body:MeteringReceiptReq", "urn:iso:15118:2:2013:MsgDef"),
    (
        "iso20",
        PNC_20,
        "iso15118_20.common_messages:PnCAuthReqParams",
        "urn:iso:std:iso:15118:-20:CommonMessages",
    ),
]


@pytest.mark.parametrize(("protocol", "part", "model", "namespace"), PEER_PARTS)
def test_signatures_of_the_peer_hold_and_ours_hold_there(
    protocol: str, part: dict[str, Any], model: str, namespace: str, key: ec.EllipticCurvePrivateKey, josev: Josev
) -> None:
    """The package iso15118 signs and we verify; we sign and it verifies; one changed character is refused by both."""
    (content,) = part.values()
    job = {"model": model, "namespace": namespace, "content": content}
    theirs = josev.ask("sign", key=pem(key), **job)
    assert signature.fragment(protocol, part).hex() == theirs["fragment"]
    assert signature.verify(protocol, theirs["signature"], [part], key.public_key()) == "xmldsig"
    ours = signature.sign(protocol, [part], key)
    certificate = certificate_of(key)
    assert josev.ask("verify", signature=ours, certificate=certificate, **job) is True
    changed = {**job, "content": {**content, "Id": "id2"}}
    assert josev.ask("verify", signature=ours, certificate=certificate, **changed) is False
    with pytest.raises(SignatureError):
        signature.verify(protocol, theirs["signature"], [{next(iter(part)): changed["content"]}], key.public_key())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl command on this machine")
@pytest.mark.parametrize(("curve", "digest"), [(ec.SECP256R1(), "-sha256"), (ec.SECP521R1(), "-sha512")])
def test_openssl_verifies_what_was_signed(curve: ec.EllipticCurve, digest: str, tmp_path: Path) -> None:
    """The openssl command accepts our signature over the SignedInfo fragment, and the digest of the part."""
    key = ec.generate_private_key(curve)
    made = signature.sign("iso20", [PNC_20], key)
    value = base64.b64decode(made["SignatureValue"]["value"])
    half = len(value) // 2
    (tmp_path / "der").write_bytes(
        encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))
    )
    (tmp_path / "info").write_bytes(signature.fragment("xmldsig", {"SignedInfo": made["SignedInfo"]}))
    (tmp_path / "part").write_bytes(signature.fragment("iso20", PNC_20))
    (tmp_path / "key.pem").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    verify = ["openssl", "dgst", digest, "-verify", "key.pem", "-signature", "der", "info"]
    run = subprocess.run(verify, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "Verified OK", run.stderr
    run = subprocess.run(["openssl", "dgst", digest, "-binary", "part"], cwd=tmp_path, capture_output=True, check=True)
    (reference,) = made["SignedInfo"]["Reference"]
    assert run.stdout == base64.b64decode(reference["DigestValue"])


def test_signed_info_of_the_combined_schema_is_accepted(key: ec.EllipticCurvePrivateKey, exi_oracle: ExiOracle) -> None:
    """Stacks that encode SignedInfo with the message schema (210 bytes instead of 209) verify too."""
    made = signature.sign("iso2", [AUTHORIZATION], key)
    alone = signature.fragment("xmldsig", {"SignedInfo": made["SignedInfo"]})
    xml = exi_oracle.decode("xmldsig", alone, fragment=True)
    combined = exi_oracle.encode("iso2", xml, fragment=True)
    assert combined != alone
    r, s = decode_dss_signature(key.sign(combined, ec.ECDSA(hashes.SHA256())))
    made["SignatureValue"]["value"] = base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()
    assert signature.verify("iso2", made, [AUTHORIZATION], key.public_key()) == "iso2"


def test_parts_of_a_certificate_installation_response(key: ec.EllipticCurvePrivateKey) -> None:
    """Four references in one signature, among them eMAID, whose name has two types in the schema."""
    space = "{urn:iso:15118:2:2013:MsgBody}"
    names = ("ContractSignatureCertChain", "ContractSignatureEncryptedPrivateKey", "DHpublickey", "eMAID")
    parts = []
    for number, name in enumerate(names):
        # eMAID is declared as a plain string first (PaymentDetailsReq), then with an Id (here).
        kind = Kind("iso2", space + name, fragment=True, variant=int(name == "eMAID"))
        content = generate(kind, Picks.of_shape("maximal")).json()
        parts.append({name: {**content, "Id": f"id{number}"}})
    made = signature.sign("iso2", parts, key)
    assert [each["URI"] for each in made["SignedInfo"]["Reference"]] == ["#id0", "#id1", "#id2", "#id3"]
    assert signature.verify("iso2", made, parts, key.public_key()) == "xmldsig"
    for index in range(4):
        with pytest.raises(SignatureError, match=r"no signed element|no reference covers"):
            signature.verify("iso2", made, parts[:index] + parts[index + 1 :], key.public_key())


def broken(made: dict[str, Any]) -> list[dict[str, Any]]:
    """One signature broken in each way a peer may break it."""
    variants = []
    for path, value in [
        (("SignatureValue", "value"), base64.b64encode(bytes(64)).decode()),
        (("SignatureValue", "value"), base64.b64encode(b"\1" * 64).decode()),
        (("SignatureValue", "value"), base64.b64encode(bytes(63)).decode()),
        (("SignatureValue", "value"), ""),
        (("SignedInfo", "SignatureMethod", "Algorithm"), "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512"),
        (("SignedInfo", "CanonicalizationMethod", "Algorithm"), "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"),
        (("SignedInfo", "Reference", 0, "URI"), "#other"),
        (("SignedInfo", "Reference", 0, "URI"), ""),
        (("SignedInfo", "Reference", 0, "DigestValue"), base64.b64encode(bytes(32)).decode()),
        (("SignedInfo", "Reference", 0, "DigestMethod", "Algorithm"), "http://www.w3.org/2000/09/xmldsig#sha1"),
        (("SignedInfo", "Reference", 0, "Transforms", "Transform", 0, "Algorithm"), "urn:other"),
        (("SignedInfo", "Reference"), made["SignedInfo"]["Reference"] * 2),
    ]:
        variant: Any = copy.deepcopy(made)
        target = variant
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = value
        variants.append(variant)
    return variants


def steps(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(step for key, each in inner for step in steps(each, (*path, key)))]


@pytest.mark.parametrize("junk", ["absent", None, 0, True, "", "x", b"x", [], [1], {}, {"a": 1}])
def test_a_signature_of_any_other_shape_is_refused(junk: Any, key: ec.EllipticCurvePrivateKey) -> None:
    """Whatever somebody puts in place of any part of a signature: a SignatureError, no other exception."""
    made = signature.sign("iso2", [AUTHORIZATION, RECEIPT], key)
    for *way, last in steps(made)[1:]:
        spoiled: Any = copy.deepcopy(made)
        target = spoiled
        for step in way:
            target = target[step]
        if junk == "absent":
            del target[last]
        else:
            target[last] = junk
        with pytest.raises(SignatureError):
            signature.verify("iso2", spoiled, [AUTHORIZATION, RECEIPT], key.public_key())
    with pytest.raises(SignatureError):
        signature.verify("iso2", junk, [AUTHORIZATION], key.public_key())


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP521R1()])
def test_signature_values_out_of_range_are_refused(curve: ec.EllipticCurve) -> None:
    """r or s of 0, too large, in DER, of another length: none is a signature, none crashes."""
    key = ec.generate_private_key(curve)
    made = signature.sign("iso2", [AUTHORIZATION], key)
    raw = base64.b64decode(made["SignatureValue"]["value"])
    size = len(raw) // 2
    r, s = raw[:size], raw[size:]
    der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    for value in (
        bytes(size) + s,
        r + bytes(size),
        b"\xff" * size + s,
        r + b"\xff" * size,
        s + r,
        der,
        raw + b"\0",
        raw[1:],
    ):
        made["SignatureValue"]["value"] = base64.b64encode(value).decode()
        with pytest.raises(SignatureError, match="SignatureValue"):
            signature.verify("iso2", made, [AUTHORIZATION], key.public_key())


def test_every_kind_of_broken_signature_is_refused(key: ec.EllipticCurvePrivateKey) -> None:
    """A forged or damaged signature is a SignatureError with a reason; never accepted, never another exception."""
    made = signature.sign("iso2", [AUTHORIZATION], key)
    reasons = set()
    for variant in broken(made):
        with pytest.raises(SignatureError) as caught:
            signature.verify("iso2", variant, [AUTHORIZATION], key.public_key())
        reasons.add(str(caught.value).split(" ")[0])
    assert len(reasons) >= 5
    other = ec.generate_private_key(ec.SECP256R1())
    for wrong_key in (other, ec.generate_private_key(ec.SECP521R1()), ec.generate_private_key(ec.SECP384R1())):
        with pytest.raises(SignatureError):
            signature.verify("iso2", made, [AUTHORIZATION], wrong_key.public_key())
    with pytest.raises(SignatureError):
        signature.sign("iso2", [{"AuthorizationReq": {"GenChallenge": CHALLENGE}}], key)
    with pytest.raises(SignatureError):
        signature.sign("iso2", [{"NoSuchElement": {"Id": "id1"}}], key)
