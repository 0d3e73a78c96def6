"""Writes ``central_system.contract.yaml``: the messages of the schemas as orders, long actions and events.

python -m adapters.ocpp.contract > adapters/ocpp/central_system.contract.yaml
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from adapters.ocpp.flat import Field, fields
from adapters.ocpp.schemas import actions

FROM_CHARGE_POINT = frozenset(
    {
        "Authorize",
        "BootNotification",
        "DataTransfer",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "SecurityEventNotification",
        "SignCertificate",
        "SignedFirmwareStatusNotification",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
    }
)
"""What the charge point asks (OCPP 1.6 chapter 4; whitepaper "Improved security for OCPP 1.6-J", edition 3)."""
FROM_CENTRAL_SYSTEM = (actions() - FROM_CHARGE_POINT) | {"DataTransfer"}

HEAD = """\
# Written by `python -m adapters.ocpp.contract`; do not edit.
contract: central_system
description: >-
  The central system of OCPP 1.6, from the charge point's side. XReq asks it: a long action whose result is X.conf; it
  fails with `disconnected`, `not_connected`, `full`, `too_big` (the central system takes none so long and has hung up)
  or the code of the CALLERROR. XReq as an event is the central
  system's question, answered by XConf or `refuse` with the same `call`. Times are durations since 1970-01-01 UTC; lists
  of one table are as long as each other, and what a row does not say is '' or 0.
source: OCPP 1.6 edition 2; OCPP-J 1.6; OCPP 1.6 security whitepaper edition 3; schemas of the Open Charge Alliance
lane: OCPP
local: [connect, disconnect, connected, refused, disconnected, ping, hear_calls]
actions:
  connect:
    description: >-
      One attempt. Ends in `connected` or `refused`. `url` without the identity; `password` makes it HTTP Basic with the
      identity as the user; `name` is the one a certificate must have where the URL's is another.
    args:
      url: string
      identity: string
      password: {type: bytes, optional: true, secret: true}
      name: string?
  disconnect: {description: Closes the connection; nothing follows., args: {}}
  ping:
    description: Is the line alive? Ends when the other side has answered (RFC 6455 5.5.2).
    args: {}
    result: {round_trip: duration}
  hear_calls:
    description: >-
      Whether the central system's CALLs are heard. As long as they are not, none is answered, one that came before
      neither; answers to ours are heard. Also of the next connection. At the start they are.
    args: {on: bool}
  refuse:
    description: A CALLERROR.
    args:
      call: string
      code: >-
        enum(NotImplemented, NotSupported, InternalError, ProtocolError, SecurityError, FormationViolation,
        PropertyConstraintViolation, OccurenceConstraintViolation, TypeConstraintViolation, GenericError)
      description: string?
  send_stored:
    description: >-
      A CALL as it was stored, under the id it was stored with, however often it is sent; its result is the payload of
      the answer.
    args: {id: string, action: string, payload: any}
    result: {payload: any}
"""
EVENTS = """\
events:
  connected: {}
  refused:
    description: The attempt failed. `status` is HTTP's, 0 without one.
    payload:
      reason: enum(unreachable, not_found, unauthorised, unavailable, certificate, subprotocol, other)
      status: int
      text: string
  disconnected:
    description: The connection is over; calls without an answer have failed. `code` is RFC 6455's, 0 without one.
    payload: {code: int, text: string}
"""


def text() -> str:
    """The contract."""
    return HEAD + "".join(_actions()) + EVENTS + "".join(_events())


def _actions() -> Iterator[str]:
    for name in sorted(FROM_CHARGE_POINT):
        yield f"  {name}Req:\n    args:{_block(fields(name, False), ours=True)}"
        yield f"    result:{_block(fields(name, True), ours=False)}"
    for name in sorted(FROM_CENTRAL_SYSTEM):
        yield f"  {name}Conf:\n    args:\n      call: string\n{_lines(fields(name, True), ours=True)}"


def _events() -> Iterator[str]:
    for name in sorted(FROM_CENTRAL_SYSTEM):
        yield f"  {name}Req:\n    payload:\n      call: string\n{_event(name)}"


def _block(given: Iterable[Field], *, ours: bool) -> str:
    lines = _lines(given, ours=ours)
    return f"\n{lines}" if lines else " {}\n"


def _lines(given: Iterable[Field], *, ours: bool) -> str:
    return "".join(f"      {field.name}: {field.type(ours=ours)}\n" for field in given)


def _event(name: str) -> str:
    """The value of a ChangeConfiguration may be a password."""
    lines = _lines(fields(name, False), ours=False)
    secret = "      value: {type: string, secret: true}\n"
    return lines.replace("      value: string\n", secret) if name == "ChangeConfiguration" else lines


if __name__ == "__main__":
    print(text(), end="")
