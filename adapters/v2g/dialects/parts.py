"""What requests and responses of both sides are made of: header, meter readings, rows of lists, fields that must be
given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any

from adapters.v2g import codec

Fields = dict[str, Any]
Args = Mapping[str, Any]


@lru_cache(maxsize=64)
def session_header(classes: ModuleType, session_id: bytes) -> Any:
    """The header of DIN SPEC 70121 and ISO 15118-2. Messages never change it, so those of a session share one."""
    return classes.MessageHeaderType(SessionID=session_id)


def given(args: Args, whose: str, *names: str) -> None:
    """Raise ``ValidationError`` that names those of ``names`` which ``whose`` needs and ``args`` has not."""
    missing = [name for name in names if args.get(name) is None]
    if missing:
        raise codec.ValidationError(f"needs {', '.join(missing)}", whose)


def rows(args: Args, *names: str) -> Iterator[tuple[Any, ...]]:
    """The rows of lists of equal length. Raises ``ValidationError`` when their lengths differ."""
    columns = [args[name] for name in names]
    if len({len(column) for column in columns}) != 1:
        lengths = ", ".join(f"{name} has {len(column)}" for name, column in zip(names, columns, strict=True))
        raise codec.ValidationError(f"lists of different length: {lengths}")
    return zip(*columns, strict=True)


def meter_info(protocol: str, args: Args) -> Any:
    """ISO 15118-2's MeterInfo of ``MeterID``, ``MeterReading`` (Wh, whole ones are sent), ``SigMeterReading``,
    ``MeterStatus``, ``TMeter`` (s since 1970-01-01 UTC); None without a MeterID."""
    if args.get("MeterID") is None:
        return None
    reading_Wh = args.get("MeterReading")
    return codec.messages(protocol).MeterInfoType(
        MeterID=args["MeterID"],
        MeterReading=None if reading_Wh is None else round(reading_Wh),
        SigMeterReading=args.get("SigMeterReading"),
        MeterStatus=args.get("MeterStatus"),
        TMeter=args.get("TMeter"),
    )


def meter_fields(info: Any) -> Fields:
    """The values of a MeterInfo under the names of :func:`meter_info`; none of them when it is None."""
    if info is None:
        return {}
    reading = info.MeterReading
    return {
        "MeterID": info.MeterID,
        "MeterReading": None if reading is None else float(reading),
        "SigMeterReading": info.SigMeterReading,
        "MeterStatus": info.MeterStatus,
        "TMeter": info.TMeter,
    }
