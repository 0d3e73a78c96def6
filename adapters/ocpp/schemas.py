"""Is a payload what OCPP says it is? By the Open Charge Alliance's JSON schemas, which the package ``ocpp`` brings.

Checked by ``jsonschema-rs`` where it has a wheel (0.3 µs a message), by ``jsonschema`` elsewhere (20 µs; 32-bit ARM),
with the same verdicts (tests/ocpp/test_schemas.py). Both read every schema as draft 4 and leave ``format`` to who uses
the value. ``multipleOf`` is decimal: 21.4 is a multiple of 0.1.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cache
from importlib import resources
from typing import Any, Literal

from jsonschema import Draft4Validator, ValidationError, validators

from adapters.ocpp.errors import ErrorCode

# Loaded with the program, not at the first message that is wrong: that takes half a second, in which nothing is heard.
jsonschema_rs: Any
try:
    import jsonschema_rs
except ImportError:
    jsonschema_rs = None

Engine = Literal["jsonschema-rs", "jsonschema"]

CODES: Mapping[str, ErrorCode] = {
    "type": "TypeConstraintViolation",
    "required": "OccurenceConstraintViolation",
    "minItems": "OccurenceConstraintViolation",
    "maxItems": "OccurenceConstraintViolation",
    "additionalProperties": "FormationViolation",
}
"""The code of a broken rule (OCPP-J 1.6 table 7); of any other rule PropertyConstraintViolation."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a payload does not fit: the code a CALLERROR carries, where (``chargingSchedule/0/limit``; empty: the payload
    itself), and the reason for people."""

    code: ErrorCode
    path: str
    reason: str


def actions() -> frozenset[str]:
    """The messages of OCPP 1.6 and its security whitepaper that have a schema."""
    names = {file.name.removesuffix(".json") for file in _folder().iterdir() if file.name.endswith(".json")}
    return frozenset(name for name in names if f"{name}Response" in names)


def misfit(action: str, payload: object, *, response: bool, engine: Engine | None = None) -> Misfit | None:
    """The first rule that ``payload`` of ``action`` (a request, or its response) breaks; None when it fits.

    ``engine``: which library checks; None: the faster of those installed. Raises ``KeyError`` for an action without a
    schema.
    """
    chosen = engine or available()[0]
    name = f"{action}Response" if response else action
    if _is_valid(name, chosen)(payload):
        return None
    # Once it is known to be wrong, why is for a person: one library tells it, whichever found it.
    return next(_problems(name, payload), None) or Misfit("FormationViolation", "", "it does not fit its schema")


def available() -> tuple[Engine, ...]:
    """The libraries installed, the fastest first."""
    return ("jsonschema",) if jsonschema_rs is None else ("jsonschema-rs", "jsonschema")


# ------------------------------------------------------------ inside


def _folder() -> Any:
    return resources.files("ocpp") / "v16" / "schemas"


@cache
def schema(name: str) -> dict[str, Any]:
    """The schema of a request (``Authorize``) or a response (``AuthorizeResponse``), read as draft 4. Raises
    ``KeyError`` for a name that has none."""
    file = _folder() / f"{name}.json"
    if not file.is_file():
        raise KeyError(name)
    schema: dict[str, Any] = json.loads(file.read_text("utf-8").removeprefix("\ufeff"))
    # Some say draft 6. None uses what draft 4 has not; only an integer written 1.0 is one there.
    return {**schema, "$schema": "http://json-schema.org/draft-04/schema#"}


@cache
def _is_valid(name: str, engine: Engine) -> Callable[[object], bool]:
    if engine == "jsonschema-rs":
        assert jsonschema_rs is not None
        fast: Callable[[object], bool] = jsonschema_rs.Draft4Validator(schema(name), validate_formats=False).is_valid
        return fast
    slow: Callable[[object], bool] = _validator(name).is_valid
    return slow


@cache
def _validator(name: str) -> Any:
    extend: Any = validators.extend
    return extend(Draft4Validator, {"multipleOf": _multiple_of})(schema(name))


_EXACT = Context(prec=400)
"""As many digits as a float can have before its point, and some behind it."""


def _multiple_of(validator: Any, factor: float, instance: object, schema: Any) -> Iterator[Any]:
    if isinstance(instance, bool) or not isinstance(instance, int | float):
        return
    if not math.isfinite(instance) or _EXACT.remainder(Decimal(str(instance)), Decimal(str(factor))):
        yield ValidationError(f"{instance!r} is not a multiple of {factor}")


def _problems(name: str, payload: object) -> Iterator[Misfit]:
    for error in _validator(name).iter_errors(payload):
        path = "/".join(str(part) for part in error.absolute_path)
        yield Misfit(CODES.get(str(error.validator), "PropertyConstraintViolation"), path, str(error.message)[:200])
