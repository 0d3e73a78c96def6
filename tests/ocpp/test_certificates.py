"""The certificates of a charge point: whom it trusts, and what it is trusted by, with real X.509."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from adapters.ocpp import tls
from adapters.ocpp.certificates import CertificateStore, FileCertificateStore, MemoryCertificateStore
from engine.adapter import ConfigurationError, World
from tests.ocpp.pki import DAY, Issued, issued, revoked, rsa_key, signed_request
from tests.slac.real_port import RealPort

CENTRAL, MAKER = "CentralSystemRootCertificate", "ManufacturerRootCertificate"


@pytest.fixture(scope="module")
def root() -> Issued:
    return issued("root")


class Asked:
    """A store, and what it says."""

    def __init__(self, made: CertificateStore) -> None:
        self.store, self.port = made, RealPort(made, "certificates")

    def ask(self, what: str, **args: Any) -> Any:
        getattr(self.store, what)(call_id=what, **args)
        return self.port.results[what]

    def install(self, pem: str, kind: str = CENTRAL, most: int = 9, signed_by_present: bool = False) -> Any:
        return self.ask(
            "install", kind=kind, certificate=pem, at=time.time_ns(), most=most, signed_by_present=signed_by_present
        )

    def take(self, chain: str, common_name: str = "CP_1", longest: int = 10000) -> Any:
        return self.ask("take", certificateChain=chain, commonName=common_name, longest=longest, at=time.time_ns())

    def request(self) -> str:
        csr: str = self.ask("request", commonName="CP_1", organisation="Operator")["csr"]
        return csr


def on(made: CertificateStore, test: Callable[[Asked], Any]) -> Any:
    async def whole() -> Any:
        return test(Asked(made))

    return asyncio.run(whole())


@pytest.fixture(params=["memory", "files"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> CertificateStore:
    if request.param == "memory":
        return MemoryCertificateStore({}, World())
    return FileCertificateStore({"folder": str(tmp_path / "certificates")}, World())


@pytest.mark.ocpp_cases("TC_075_1", "TC_075_2", "TC_076")
def test_roots_are_installed_listed_and_deleted(store: CertificateStore, root: Issued) -> None:
    """The hashes are those of RFC 6960, by hand here."""
    name = root.certificate.subject.public_bytes()
    bits = root.certificate.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    row = {
        "hashAlgorithm": ["SHA256"],
        "issuerNameHash": [hashlib.sha256(name).hexdigest()],
        "issuerKeyHash": [hashlib.sha256(bits).hexdigest()],
        "serialNumber": [f"{root.certificate.serial_number:x}"],
    }
    nothing = {name: [] for name in row}

    def talk(asked: Asked) -> None:
        assert asked.install(root.pem) == {}
        assert asked.install(root.pem) == {}  # it is there already
        assert asked.ask("installed", kind=CENTRAL) == row
        assert asked.ask("installed", kind=MAKER) == nothing
        assert asked.store.central_roots == 1
        other = issued("other")
        assert asked.install(other.pem, MAKER) == {}
        assert asked.ask("installed", kind=MAKER)["serialNumber"] == [f"{other.certificate.serial_number:x}"]
        assert asked.store.central_roots == 1
        one = {key: value[0] for key, value in row.items()}
        assert asked.ask("delete", **one, keep_last=True) == "in_use"
        assert asked.ask("delete", **{**one, "issuerKeyHash": "00"}, keep_last=False) == "not_found"
        shouted = {**one, "issuerNameHash": one["issuerNameHash"].upper(), "serialNumber": f"00{one['serialNumber']}"}
        assert asked.ask("delete", **shouted, keep_last=False) == {}
        assert asked.ask("delete", **one, keep_last=False) == "not_found"
        assert asked.ask("installed", kind=CENTRAL) == nothing
        assert asked.store.central_roots == 0
        for algorithm in ("SHA384", "SHA512"):
            asked.install(root.pem, MAKER)
            digest = getattr(hashlib, algorithm.lower())
            by = {"issuerNameHash": digest(name).hexdigest(), "issuerKeyHash": digest(bits).hexdigest()}
            there = {"hashAlgorithm": algorithm, "serialNumber": one["serialNumber"], **by}
            assert asked.ask("delete", **there, keep_last=True) == {}

    on(store, talk)


def test_what_is_no_root(store: CertificateStore, root: Issued) -> None:
    def talk(asked: Asked) -> None:
        for wrong in (
            "", "nonsense", root.pem[:300], root.pem + root.pem,
            issued("below", root).pem, issued("between", root, authority=True).pem,
            issued("leaf", authority=False).pem,
            issued("old", begins=-2 * DAY, ends=-DAY).pem, issued("new", begins=DAY, ends=2 * DAY).pem,
        ):  # fmt: skip
            assert asked.install(wrong) == "invalid"
        assert asked.store.central_roots == 0

    on(store, talk)


def test_so_many_and_no_more(store: CertificateStore, root: Issued) -> None:
    def talk(asked: Asked) -> None:
        assert asked.install(root.pem, most=1) == {}
        assert asked.install(issued("second").pem, most=1) == "full"
        assert asked.store.central_roots == 1

    on(store, talk)


def test_a_new_root_signed_by_the_one_before(store: CertificateStore, root: Issued) -> None:
    """AdditionalRootCertificateCheck: a stranger's is not taken; the first one has nobody before it."""

    def talk(asked: Asked) -> None:
        assert asked.install(root.pem, signed_by_present=True) == {}
        assert asked.install(issued("stranger").pem, signed_by_present=True) == "stranger"
        assert asked.install(issued("next", root, authority=True).pem, signed_by_present=True) == {}
        assert asked.install(issued("leaf", root).pem, signed_by_present=True) == "invalid"
        assert asked.store.central_roots == 2

    on(store, talk)


@pytest.mark.ocpp_cases("TC_074")
def test_a_certificate_of_its_own(store: CertificateStore, root: Issued) -> None:
    """CpoName is O of the request; the key never leaves; a chain with an authority between is taken."""

    def talk(asked: Asked) -> None:
        asked.install(root.pem)
        asked.request()
        csr = asked.request()  # the first one is forgotten
        subject = x509.load_pem_x509_csr(csr.encode()).subject
        assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Operator"
        assert "PRIVATE" not in csr
        assert (asked.store.own, asked.store.expires) == (False, None)
        between = issued("between", root, authority=True)
        own = signed_request(csr, between)
        assert asked.take(own + between.pem) == {}
        assert asked.store.own
        ends = x509.load_pem_x509_certificate(own.encode()).not_valid_after_utc
        assert asked.store.expires == int(ends.timestamp()) * 10**9
        assert asked.take(own + between.pem) == "unexpected"

    on(store, talk)


@pytest.mark.ocpp_cases("TC_077")
def test_a_certificate_that_is_not_what_was_asked_for(store: CertificateStore, root: Issued) -> None:
    """What was there before stays, and the request stands."""

    def talk(asked: Asked) -> None:
        asked.install(root.pem)
        csr = asked.request()
        good = signed_request(csr, root)
        between = issued("between", root, authority=True)
        assert asked.take(good, longest=len(good) - 1) == "long"
        for wrong in (
            "", "nonsense",
            issued("CP_1", root).pem,  # another key
            signed_request(csr, root, name="CP_2"),
            signed_request(csr, issued("stranger")),
            signed_request(csr, between),  # the one between is missing
            signed_request(csr, issued("leaf", root)) + issued("leaf", root).pem,
            signed_request(csr, root, begins=-2 * DAY, ends=-DAY),
            good * 9,
        ):  # fmt: skip
            assert asked.take(wrong) == "invalid"
        assert not asked.store.own
        assert asked.take(good, longest=len(good)) == {}

    on(store, talk)


def test_no_certificate_was_asked_for(store: CertificateStore, root: Issued) -> None:
    assert on(store, lambda asked: asked.take(root.pem)) == "unexpected"


def sign(key: Any, content: bytes, how: str) -> str:
    digest = hashlib.sha256(content).digest()
    sha256 = utils.Prehashed(hashes.SHA256())
    if how == "ECDSA":
        return base64.b64encode(key.sign(digest, ec.ECDSA(sha256))).decode()
    scheme = padding.PKCS1v15() if how == "PKCS1v15" else padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    return base64.b64encode(key.sign(digest, scheme, sha256)).decode()


@pytest.mark.ocpp_cases("TC_080", "TC_081")
@pytest.mark.parametrize("how", ["ECDSA", "PSS", "PKCS1v15"])
def test_signatures_of_firmware(store: CertificateStore, tmp_path: Path, how: str) -> None:
    signer = issued("signer", issued("maker"), key=None if how == "ECDSA" else rsa_key())
    path = tmp_path / "firmware"
    path.write_bytes(b"firmware" * 1_000_000)
    good = sign(signer.key, path.read_bytes(), how)

    def talk(asked: Asked) -> None:
        def check(signature: str, certificate: str = signer.pem, at: Path = path) -> Any:
            return asked.ask("check_signature", path=str(at), certificate=certificate, signature=signature)

        assert check(good) == {}
        assert check(sign(signer.key, b"another file", how)) == "invalid"
        assert check(good, issued("another").pem) == "invalid"
        assert check("no base64!") == "invalid"
        assert check("") == "invalid"
        assert "No such file" in check(good, at=tmp_path / "none")

    on(store, talk)


@pytest.mark.ocpp_cases("TC_080")
def test_who_may_sign_firmware(store: CertificateStore, root: Issued) -> None:
    """Those the manufacturer's root signed, not the central system's."""
    maker = issued("maker")
    between = issued("between", maker, authority=True)

    def talk(asked: Asked) -> None:
        asked.install(root.pem)
        asked.install(maker.pem, MAKER)

        def check(pem: str) -> Any:
            return asked.ask("check_signer", certificate=pem, at=time.time_ns())

        assert check(issued("signer", maker).pem) == {}
        assert check(issued("signer", between).pem + between.pem) == {}
        assert check(issued("signer", between).pem) == "invalid"
        assert check(issued("signer", root).pem) == "invalid"
        assert check(issued("signer").pem) == "invalid"
        assert check(issued("signer", maker, begins=-2 * DAY, ends=-DAY).pem) == "invalid"
        assert check("nonsense") == "invalid"

    on(store, talk)


def test_a_signer_that_was_revoked(tmp_path: Path) -> None:
    maker = issued("maker")
    good, bad = issued("good", maker), issued("bad", maker)
    (tmp_path / "list.pem").write_bytes(revoked(maker, bad))
    made = FileCertificateStore({"folder": str(tmp_path), "revoked": str(tmp_path / "list.pem")}, World())

    def talk(asked: Asked) -> None:
        asked.install(maker.pem, MAKER)
        assert asked.ask("check_signer", certificate=good.pem, at=time.time_ns()) == {}
        assert asked.ask("check_signer", certificate=bad.pem, at=time.time_ns()) == "revoked"

    on(made, talk)


def test_files_are_what_the_line_reads_and_survive_a_restart(tmp_path: Path, root: Issued) -> None:
    """For their owner only; nothing half written is left."""

    def begin(asked: Asked) -> None:
        asked.install(root.pem)
        asked.take(signed_request(asked.request(), root))
        asked.store.prove(profile=3)

    on(FileCertificateStore({"folder": str(tmp_path)}, World()), begin)
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == dict.fromkeys(
        ("central.pem", "charge_point.pem", "requested.key", "profile"), 0o600
    )
    context = ssl.create_default_context(cafile=str(tmp_path / "central.pem"))
    context.load_cert_chain(tmp_path / "charge_point.pem")
    assert len(context.get_ca_certs()) == 1

    def again(asked: Asked) -> Any:
        return asked.store.central_roots, asked.store.own, asked.store.proven, asked.store.expires is not None

    assert on(FileCertificateStore({"folder": str(tmp_path)}, World()), again) == (1, True, 3, True)


@pytest.mark.ocpp_cases("TC_074", "TC_075_2")
def test_the_line_takes_what_the_store_has_at_its_next_connection(tmp_path: Path, root: Issued) -> None:
    """Without a restart; and nothing is made anew while nothing has changed."""
    config = {"roots": "", "certificate": "", "private_key": "", "folder": str(tmp_path)}
    world = World()
    before = tls.shared(config, world)
    assert tls.shared(config, world) is before

    def begin(asked: Asked) -> None:
        asked.install(root.pem)

    on(FileCertificateStore({"folder": str(tmp_path)}, World()), begin)
    after = tls.shared(config, world)
    assert after is not before
    assert [one["serialNumber"] for one in after.get_ca_certs()] == [f"{root.certificate.serial_number:040X}"]
    on(FileCertificateStore({"folder": str(tmp_path)}, World()), lambda asked: asked.install(issued("next").pem))
    assert len(tls.shared(config, world).get_ca_certs()) == 2


@pytest.mark.ocpp_cases("TC_074", "TC_075_2")
def test_the_line_is_made_with_what_its_own_charge_point_installed(store: CertificateStore, root: Issued) -> None:
    """Without a setting, in memory too; of several in one world each with its own."""
    config = {name: "" for name in tls.SETTINGS}

    def begin(asked: Asked) -> None:
        asked.install(root.pem)
        asked.take(signed_request(asked.request(), root))

    on(store, begin)
    found = tls.stored(config, store.world, "csms")
    assert [one["serialNumber"] for one in tls.context(found).get_ca_certs()] == [
        f"{root.certificate.serial_number:040X}"
    ]
    assert (Path(found["folder"]) / "charge_point.pem").stat().st_mode & 0o777 == 0o600
    assert tls.stored(config, store.world, "other.csms") == config
    assert tls.stored({**config, "folder": "named"}, store.world, "csms")["folder"] == "named"


def test_a_disk_that_takes_nothing(tmp_path: Path, root: Issued) -> None:
    for name in ("central.pem.part", "profile.part"):
        (tmp_path / name).mkdir()

    def talk(asked: Asked) -> None:
        assert "Is a directory" in asked.install(root.pem)
        assert asked.store.central_roots == 0
        asked.store.prove(profile=2)
        assert "Is a directory" in asked.port.named("failed")[0]["reason"]

    on(FileCertificateStore({"folder": str(tmp_path)}, World()), talk)


@pytest.mark.parametrize("name", ["central.pem", "charge_point.pem", "profile"])
def test_files_that_are_none_are_told_at_the_start(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("nonsense")
    with pytest.raises(ConfigurationError, match="certificates of the charge point"):
        on(FileCertificateStore({"folder": str(tmp_path)}, World()), lambda asked: asked)
