"""Runs inside the environment of the package ``iso15118`` (never in ours): its security functions, line by line.

Each line of standard input is a JSON job, each answer one JSON line: ``{"ok": ...}`` or ``{"error": "..."}``.
Started by tests/v2g/josev.py.
"""

import importlib
import json
import logging
import sys
import time
from base64 import b64decode, b64encode

logging.disable(logging.CRITICAL)
answers, sys.stdout = sys.stdout, sys.stderr

from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: E402
from iso15118.shared import security  # noqa: E402
from iso15118.shared.exi_codec import EXI, CustomJSONDecoder, CustomJSONEncoder  # noqa: E402
from iso15118.shared.exificient_exi_codec import ExificientEXICodec  # noqa: E402
from iso15118.shared.messages.xmldsig import Signature  # noqa: E402
from iso15118.shared.settings import load_shared_settings  # noqa: E402

load_shared_settings()
EXI().set_exi_codec(ExificientEXICodec())


def model(job):
    """The pydantic object of a part: job["model"] is module:class below iso15118.shared.messages."""
    module, name = job["model"].split(":")
    kind = getattr(importlib.import_module("iso15118.shared.messages." + module), name)
    return kind.parse_obj(json.loads(json.dumps(job["content"]), cls=CustomJSONDecoder))


def sign(job):
    part = EXI().to_exi(model(job), job["namespace"])
    key = load_pem_private_key(job["key"].encode(), None)
    signature = security.create_signature([(job["content"]["Id"], part)], key)
    view = json.loads(json.dumps(signature.dict(by_alias=True, exclude_none=True), cls=CustomJSONEncoder))
    return {"fragment": part.hex(), "signature": view}


def verify(job):
    part = EXI().to_exi(model(job), job["namespace"])
    signature = Signature.parse_obj(json.loads(json.dumps(job["signature"]), cls=CustomJSONDecoder))
    return security.verify_signature(signature, [(job["content"]["Id"], part)], b64decode(job["certificate"]))


def encrypt_key(job):
    key = load_pem_private_key(job["key"].encode(), None)
    public_key, encrypted = security.encrypt_priv_key(b64decode(job["certificate"]), key)
    return [b64encode(public_key).decode(), b64encode(encrypted).decode()]


def decrypt_key(job):
    key = load_pem_private_key(job["key"].encode(), None)
    point = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, b64decode(job["public_key"]))
    return security.decrypt_priv_key(b64decode(job["encrypted"]), key, point).hex()


def view(job):
    """The package's JSON of an EXI stream, as its codec gives it."""
    return json.loads(EXI().get_exi_codec().decode(bytes.fromhex(job["exi"]), job["namespace"]))


def bench(job):
    """Nanoseconds per call (decode, encode) of the route the package itself takes: py4j, JAXB, EXIficient, JSON."""
    data, namespace = bytes.fromhex(job["exi"]), job["namespace"]
    message = EXI().from_exi(data, namespace)
    samples = []
    for call in (lambda: EXI().from_exi(data, namespace), lambda: EXI().to_exi(message, namespace)):
        for _ in range(job["loops"]):
            call()
        start = time.perf_counter_ns()
        for _ in range(job["loops"]):
            call()
        samples.append((time.perf_counter_ns() - start) / job["loops"])
    return samples


JOBS = {
    "sign": sign,
    "verify": verify,
    "encrypt_key": encrypt_key,
    "decrypt_key": decrypt_key,
    "view": view,
    "bench": bench,
}

for line in sys.stdin:
    job = json.loads(line)
    try:
        answer = {"ok": JOBS[job["op"]](job)}
    except Exception as problem:
        answer = {"error": repr(problem)}
    print(json.dumps(answer), file=answers, flush=True)
