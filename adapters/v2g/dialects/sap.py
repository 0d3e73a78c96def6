"""supportedAppProtocol, the handshake of every edition (ISO 15118-2 8.2): no header, no session."""

from __future__ import annotations

from typing import Any

from adapters.v2g.dialects.parts import Args, Fields, rows
from adapters.v2g.dialects.table import Dialect
from adapters.v2gtp import PayloadType

_OFFER = ("ProtocolNamespace", "VersionNumberMajor", "VersionNumberMinor", "SchemaID", "Priority")


def _offers(body: Any) -> Fields:
    return {name: [getattr(offer, name) for offer in body.AppProtocol] for name in _OFFER}


def _offered(dialect: Dialect, args: Args) -> Fields:
    kind = dialect.schema.AppProtocolType
    return {"AppProtocol": [kind(**dict(zip(_OFFER, row, strict=True))) for row in rows(args, *_OFFER)]}


def _chosen(body: Any) -> Fields:
    return {"SchemaID": body.SchemaID}


def _choice(dialect: Dialect, args: Args) -> Fields:
    return {"SchemaID": args.get("SchemaID")}


SAP = Dialect(
    name="sap",
    schemas={PayloadType.SAP: "sap"},
    only_refusal="Failed_NoNegotiation",
    comes_again=True,
    reads_requests={"supportedAppProtocolReq": _offers},
    writes_responses={"supportedAppProtocolRes": _choice},
    writes_requests={"supportedAppProtocolReq": _offered},
    reads_responses={"supportedAppProtocolRes": _chosen},
)
