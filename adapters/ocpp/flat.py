"""Payloads of OCPP as charts see them: named values instead of nested objects, typed by the schemas.

* A field is called by its own name; where two of a message are called alike, the deeper one says whose it is
  (``transactionData_timestamp``).
* A list of objects is one list for each of their fields, all as long. Of a list in a list, a row is an element of the
  inner one, with what belongs to the outer one repeated: MeterValues has a row for each sampled value. Rows that follow
  one another and are equal in the outer fields belong together. What a row does not say is ``""`` or 0.
* A date and time is a ``duration`` since 1970-01-01 UTC in whole nanoseconds, written to the millisecond; periods in
  seconds are durations too. What is further away than 146 years is 146 years away: central systems write the year 9999
  for never, and the sum of two durations fits 64 bits.
* ``limit`` and ``minChargingRate`` are written to one decimal, as the schemas ask.

Sources: OCPP 1.6 edition 2, chapter 6; the schemas of the Open Charge Alliance in the package ``ocpp``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from itertools import groupby
from typing import Any, Literal

from adapters.ocpp.errors import ErrorCode
from adapters.ocpp.schemas import schema
from engine.adapter import MAX_LENGTH

Kind = Literal["bool", "int", "float", "string", "enum", "time", "seconds"]
Payload = dict[str, Any]
Schema = Mapping[str, Any]

SECONDS = frozenset({"interval", "duration", "startPeriod", "retryInterval"})
"""Integers that are seconds."""
WATT_HOURS = frozenset({"meterStart", "meterStop"})
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NS = 1_000_000_000
FURTHEST = 2**62 - 1
"""ns; 146 years."""
LARGEST = 1e12
"""Of a number that is meant: more than any limit in A or W."""
BLANK: Mapping[str, Any] = {"int": 0, "seconds": 0, "time": 0, "float": 0.0, "bool": False}
"""What a row does not say, by kind; of the others ``""``. What a row needs is written (a ``limit`` of 0)."""


_AS_THEY_ARE = frozenset({"string", "enum", "int", "bool"})
"""Kinds whose values a payload has as a chart has them."""


class NotFlat(ValueError):
    """A value that its field cannot hold; the message names the field. ``code``: of the CALLERROR."""

    code: ErrorCode = "TypeConstraintViolation"


class TooLong(NotFlat):
    """More of it than a chart takes; OCPP sets no bound."""

    code = "PropertyConstraintViolation"


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a message. ``path``: the names that lead to it, those of lists with ``[]`` behind. ``given``: it, or
    the list it is in, is always there, whatever is left out around it. ``needed``: a row of the list must have it.
    ``words``: those of an enum."""

    name: str
    path: tuple[str, ...]
    kind: Kind
    given: bool
    needed: bool
    words: tuple[str, ...] = ()

    @property
    def rows(self) -> bool:
        """It is a list, an element for each row."""
        return any(part.endswith("[]") for part in self.path)

    def type(self, *, ours: bool) -> str:
        """As a contract declares it; a column of our own message may be left out where its rows may."""
        base = {"time": "duration", "seconds": "duration", "enum": "string" if self.rows else self._enum()}.get(
            self.kind, self.kind
        )
        if self.name in WATT_HOURS:
            base = f"{base} Wh"
        if self.rows:
            base = f"list of {base}"
        return base if self.given and (self.needed or not ours or not self.rows) else f"{base}?"

    def _enum(self) -> str:
        return f"enum({', '.join(self.words)})"


@cache
def fields(action: str, response: bool) -> tuple[Field, ...]:
    """The values of a request or a response, in the order of the schema. Raises ``KeyError`` for what is no message."""
    document = schema(f"{action}Response" if response else action)
    found = list(_leaves(document, document, (), True))
    named: dict[tuple[str, ...], str] = {}
    for path, *_ in sorted(found, key=lambda leaf: len(leaf[0])):
        plain = [part.removesuffix("[]") for part in path]
        names = ("_".join(plain[-length:]) for length in range(1, len(plain) + 1))
        named[path] = next(name for name in names if name not in named.values())
    return tuple(Field(named[leaf[0]], *leaf) for leaf in found)


def flatten(action: str, payload: Payload, *, response: bool) -> Payload:
    """The named values of a payload that fits its schema; None for what is left out. Raises :class:`NotFlat` for a
    time that is none, and a number beyond what can be meant; :class:`TooLong` for a text or list."""
    values: Payload = {field.name: None for field in fields(action, response)}
    for field in _alone(action, response):
        if (found := _at(payload, field.path)) is not None:
            values[field.name] = _value(field, found)
    for table in _tables(action, response):
        elements = _at(payload, table.path)
        if elements is not None:
            rows = list(_rows(table, elements))
            for name in table.names:
                values[name] = [row[name] for row in rows]
    for name, value in values.items():
        if isinstance(value, str | list) and len(value) > MAX_LENGTH:
            raise TooLong(f"{name}: longer than {MAX_LENGTH}")
    return values


def nest(action: str, values: Mapping[str, Any], *, response: bool) -> Payload:
    """The payload of named values; None is left out. Raises :class:`NotFlat` for lists of different lengths. Whether
    it fits its schema is not looked at."""
    payload: Payload = {}
    for field in _alone(action, response):
        if (value := values.get(field.name)) is not None:
            _put(payload, field.path, _written(field, value))
    for table in _tables(action, response):
        columns = {name: values[name] for name in table.names if values.get(name) is not None}
        if len({len(column) for column in columns.values()}) > 1:
            lengths = ", ".join(f"{name} {len(column)}" for name, column in columns.items())
            raise NotFlat(f"{action}: lists of one table are as long as each other: {lengths}")
        if columns:
            _put(payload, table.path, _elements(table, columns, range(len(next(iter(columns.values()))))))
    return payload


@cache
def _alone(action: str, response: bool) -> tuple[Field, ...]:
    """The fields that are in no list."""
    return tuple(field for field in fields(action, response) if not field.rows)


def time_ns(text: str) -> int:
    """Nanoseconds since 1970-01-01 UTC of an ISO 8601 text, within ``FURTHEST``; one without a zone is UTC. Raises
    :class:`NotFlat`."""
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        raise NotFlat(f"'{text[:40]}' is no date and time") from None
    if read.tzinfo is None:
        read = read.replace(tzinfo=UTC)
    return _within((read - EPOCH) // timedelta(microseconds=1) * 1000)


def time_text(ns: int) -> str:
    """``2026-11-29T10:30:00.000Z`` for nanoseconds since 1970 (64 bits)."""
    seconds, rest = divmod(ns, NS)
    return f"{_second_text(seconds)}.{rest // 1_000_000:03}Z"


@lru_cache(maxsize=64)  # a message says the same time again and again, and so do many machines
def _second_text(seconds: int) -> str:
    return (EPOCH + timedelta(seconds=seconds)).isoformat(timespec="seconds").removesuffix("+00:00")


# ------------------------------------------------------------ the schema


_Leaf = tuple[tuple[str, ...], Kind, bool, bool, tuple[str, ...]]
"""Path, kind, given, needed, words."""


def _leaves(
    document: Schema, node: Schema, path: tuple[str, ...], given: bool, row: bool | None = None
) -> Iterator[_Leaf]:
    """``row``: it is in a list, whose rows must have it (so far); then ``given`` is the list's."""
    for name, found in node.get("properties", {}).items():
        inner = _resolved(document, found)
        required = name in node.get("required", ())
        here = given if row is not None else given and required
        needed = None if row is None else row and required
        if inner.get("type") == "object":
            yield from _leaves(document, inner, (*path, name), here, needed)
        elif inner.get("type") == "array":
            element = _resolved(document, inner["items"])
            if element.get("type") == "object":
                yield from _leaves(document, element, (*path, f"{name}[]"), here, True if needed is None else needed)
            else:
                yield (*path, f"{name}[]"), _kind(name, element), here, True, _words(element)
        else:
            yield (*path, name), _kind(name, inner), here, needed is not False, _words(inner)


def _resolved(document: Schema, node: Schema) -> Schema:
    if "$ref" not in node:
        return node
    found: Schema = document["definitions"][node["$ref"].rsplit("/", 1)[1]]
    return found


def _kind(name: str, node: Schema) -> Kind:
    if "enum" in node:
        return "enum"
    if node.get("format") == "date-time":
        return "time"
    if node["type"] == "integer":
        return "seconds" if name in SECONDS else "int"
    kinds: dict[str, Kind] = {"number": "float", "boolean": "bool", "string": "string"}
    return kinds[node["type"]]


def _words(node: Schema) -> tuple[str, ...]:
    return tuple(node.get("enum", ()))


# ------------------------------------------------------------ one value


def _value(field: Field, found: Any) -> Any:
    """What a chart gets for a value of a payload."""
    if field.kind == "time":
        return time_ns(found)
    if field.kind == "seconds":
        return _within(int(found) * NS)
    if field.kind == "int":
        return int(found)  # 1.0 is an integer in JSON
    if field.kind == "float":
        if abs(found) > LARGEST:
            raise NotFlat(f"{field.name}: {found:g} is beyond {LARGEST:g}")
        return float(found)
    return found


def _within(ns: int) -> int:
    return max(-FURTHEST, min(ns, FURTHEST))


def _written(field: Field, value: Any) -> Any:
    """What a payload gets for a chart's value."""
    if field.kind == "time":
        return time_text(value)
    if field.kind == "seconds":
        return value // NS
    return round(value, 1) if field.kind == "float" else value


def _at(payload: Any, path: Sequence[str]) -> Any:
    for name in path:
        payload = payload.get(name) if isinstance(payload, dict) else None
    return payload


def _put(payload: Payload, path: Sequence[str], value: Any) -> None:
    if len(path) > 1:
        for name in path[:-1]:
            payload = payload.setdefault(name, {})
    payload[path[-1]] = value


# ------------------------------------------------------------ rows


@dataclass(frozen=True, slots=True)
class _Table:
    """A list of objects: where it is in its element or payload, its fields with their paths in a row's object, and the
    list in it; ``names``: all of its fields'. Of a list of plain values the one field has an empty path."""

    path: tuple[str, ...]
    columns: tuple[tuple[Field, tuple[str, ...]], ...]
    inner: _Table | None
    names: tuple[str, ...]


@cache
def _tables(action: str, response: bool) -> tuple[_Table, ...]:
    rows = [field for field in fields(action, response) if field.rows]
    return tuple(
        _table([(field, field.path) for field in members])
        for _, members in groupby(rows, key=lambda field: next(part for part in field.path if part.endswith("[]")))
    )


def _table(columns: Sequence[tuple[Field, tuple[str, ...]]]) -> _Table:
    """Of fields with their paths from here, all in the same list."""
    end = next(n for n, part in enumerate(columns[0][1]) if part.endswith("[]")) + 1
    here = tuple(part.removesuffix("[]") for part in columns[0][1][:end])
    rest = [(field, path[end:]) for field, path in columns]
    deeper = [(field, path) for field, path in rest if any(part.endswith("[]") for part in path)]
    own = tuple((field, path) for field, path in rest if (field, path) not in deeper)
    return _Table(here, own, _table(deeper) if deeper else None, tuple(field.name for field, _ in (*own, *deeper)))


def _rows(table: _Table, elements: Any) -> Iterator[Payload]:
    for element in elements or ():
        row = {field.name: _cell(field, element if not path else _at(element, path)) for field, path in table.columns}
        if table.inner is None:
            yield row
        else:
            yield from ({**row, **inner} for inner in _rows(table.inner, _at(element, table.inner.path)))


def _cell(field: Field, found: Any) -> Any:
    return BLANK.get(field.kind, "") if found is None else _value(field, found)


_Cells = Sequence[tuple[Sequence[Any], str, Any, tuple[str, ...], Field]]
"""Of the columns of a list that there are: the values, the name in an element under which they are put as they are, or
``""``, the value that is not written, the path in an element, the field."""
_NONE_SUCH = object()


def _elements(table: _Table, columns: Mapping[str, Sequence[Any]], rows: Sequence[int]) -> list[Any]:
    cells = [
        (
            columns[field.name],
            path[0] if len(path) == 1 and field.kind in _AS_THEY_ARE else "",
            _NONE_SUCH if field.needed else BLANK.get(field.kind, ""),
            path,
            field,
        )
        for field, path in table.columns
        if field.name in columns
    ]
    if table.inner is None:
        return [_element(cells, row) for row in rows]
    made = []
    for _, group in groupby(rows, key=lambda row: [cell[0][row] for cell in cells]):
        members = list(group)
        element = _element(cells, members[0])
        _put(element, table.inner.path, _elements(table.inner, columns, members))
        made.append(element)
    return made


def _element(cells: _Cells, row: int) -> Any:
    element: Payload = {}
    for column, name, blank, path, field in cells:
        value = column[row]
        if not path:
            return _written(field, value)
        if value is None or value == blank:
            continue
        if name:
            element[name] = value
        else:
            _put(element, path, _written(field, value))
    return element
