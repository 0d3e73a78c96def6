"""The codes of a CALLERROR in OCPP-J 1.6, table 7, two of them as they are misspelt there: 1.6 keeps them."""

from __future__ import annotations

from typing import Literal

ErrorCode = Literal[
    "NotImplemented",
    "NotSupported",
    "InternalError",
    "ProtocolError",
    "SecurityError",
    "FormationViolation",
    "PropertyConstraintViolation",
    "OccurenceConstraintViolation",
    "TypeConstraintViolation",
    "GenericError",
]
