"""Units of the numbers in V2G messages, for docstrings, from the standards' field names.

ISO 15118-20 gives RationalNumberType no unit of its own; DIN 70121 and ISO 15118-2 carry it on the wire
(unitSymbolType), here is the one the standards ask for. Names whose unit is not certain have none.
"""

from __future__ import annotations

import re

_PHYSICAL = (
    (r"ReactivePower|ReactiveLimit", "var"),
    (r"PowerRamp", ""),
    (r"(Voltage|VoltageLimit)(_L[23])?$", "V"),
    (r"(Current|CurrentLimit|CurrentRipple|CurrentRegulationTolerance|CurrentInformation)(_L[23])?$", "A"),
    (r"(Power|PowerLimit|PMax|MaxPower)(_L[23])?$", "W"),
    (r"Frequency$", "Hz"),
    (r"(Energy|EnergyRequest|EnergyCapacity|EnergyToBeDelivered|EAmount)$", "Wh"),
    (r"^RemainingTime", "s"),
)
_INTEGER = (
    (r"SOC$|^EVRESSSOC$", "%"),
    (r"^(TimeStamp|DateTimeNow|TMeter|TimeAnchor|MeterTimestamp)$", "s since 1970-01-01 UTC"),
    (r"^(NotificationMaxDelay|DepartureTime|RemainingTime.*|start|duration|Duration|ChargingProfileEntryStart)$", "s"),
    (r"^MeterReading$|EnergyReadingWh$", "Wh"),
    (r"EnergyReadingVARh$", "varh"),
)


def unit_of(field: str, type_label: str) -> str:
    """The unit of ``field``, empty when it has none or it is not certain; ``type_label`` is its type or integer."""
    rules = _INTEGER if type_label == "integer" else _PHYSICAL
    if type_label in ("integer", "PhysicalValueType", "RationalNumberType"):
        for pattern, unit in rules:
            if re.search(pattern, field):
                return unit
    return ""
