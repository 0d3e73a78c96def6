"""What a V2G protocol is for the message adapters: a table. Names, codes, elements, header, payload types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any, NamedTuple

from adapters.v2g import codec
from adapters.v2g.codec import ExiError, Message, ValidationError
from adapters.v2g.dialects.minimal import minimal
from adapters.v2g.dialects.parts import Args, Fields
from adapters.v2gtp import PayloadType

Reader = Callable[[Any], Fields]
"""From a body to the fields of the contract's event."""
Writer = Callable[["Dialect", Args], Fields]
"""From the arguments of the contract's action to the fields of the body. Raises ``ValidationError``."""
Refusing = Callable[["Dialect", Any, Args], None]
"""Puts what is known beside the code into the least response of a kind."""
Header = Callable[[ModuleType, bytes], Any]
"""The header of a message: from the classes of its schema set and the session id."""


class PayloadTypeError(Exception):
    """A message came with a V2GTP payload type that is not its own."""


class Content(NamedTuple):
    """What is in a document: the contracts' name of its message, the session id of its header (None: there is none),
    its body."""

    name: str
    session_id: bytes | None
    body: Any


@dataclass(frozen=True, eq=False)
class Dialect:
    """A protocol that a connection may speak.

    How a message travels:

    - ``schemas``: the schema set (of ``adapters.v2g.codec``) that each V2GTP payload type carries.
    - ``payload_types``: those of a message, by the contracts' name: it goes with the first and comes with any. One that
      is not named has the first payload type whose schema set has it. One element may be two messages, by payload type.
    - ``header``, ``around``: what makes the header (None: there is none), and the element that holds it and the body
      (empty: the header is a part of the message itself).

    What is in it: the four tables of fields go by the contracts' names; a message that is in none is none of this
    protocol's. ``names``: its own names of messages where they differ from the contracts'; ``codes``: the nearest
    ResponseCode it has for one it lacks; ``values``: the same for values of enumerations; ``only_refusal``: the
    ResponseCode of every refusal, when it has but one; ``refusing`` puts what is known beside the code into a refusal.

    ``namespaces``: those it goes by in the handshake. ``comes_again``: its message may be repeated, byte for byte, when
    another protocol is spoken already.
    """

    name: str
    schemas: Mapping[PayloadType, str]
    header: Header | None = None
    around: str = ""
    payload_types: Mapping[str, tuple[PayloadType, ...]] = field(default_factory=dict)
    namespaces: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    only_refusal: str = ""
    comes_again: bool = False
    units_are_optional: bool = False
    reads_requests: Mapping[str, Reader] = field(default_factory=dict)
    writes_responses: Mapping[str, Writer] = field(default_factory=dict)
    writes_requests: Mapping[str, Writer] = field(default_factory=dict)
    reads_responses: Mapping[str, Reader] = field(default_factory=dict)
    refusing: Refusing = lambda dialect, body, known: None

    # ---------------------------------------------------------------- how messages travel

    def load(self) -> None:
        """Import its classes, which takes a moment, before they are needed."""
        for schema in self.schemas.values():
            codec.messages(schema)

    @cached_property
    def schema(self) -> ModuleType:
        """The classes of its first schema set."""
        return codec.messages(next(iter(self.schemas.values())))

    def carried(self, name: str) -> tuple[PayloadType, ...]:
        """The payload types that a message of the contracts comes with; it goes with the first."""
        found = self._carried.get(name)
        if found is None:
            own = self.own_name(name)
            having = [each for each, schema in self.schemas.items() if hasattr(codec.messages(schema), own)]
            usual = (having or list(self.schemas))[:1]
            found = self._carried[name] = self.payload_types.get(name) or tuple(usual)
        return found

    def classes(self, name: str) -> ModuleType:
        """The classes of the schema set that a message of the contracts is of."""
        return codec.messages(self.schemas[self.carried(name)[0]])

    @cached_property
    def _carried(self) -> dict[str, tuple[PayloadType, ...]]:
        return {}

    @cached_property
    def _rows(self) -> dict[str, dict[PayloadType, str]]:
        """By its own name of a message and the payload type: the contracts' name."""
        rows: dict[str, dict[PayloadType, str]] = {}
        for table in (self.reads_requests, self.writes_responses, self.writes_requests, self.reads_responses):
            for name in table:
                rows.setdefault(self.own_name(name), {}).update(dict.fromkeys(self.carried(name), name))
        return rows

    def own_name(self, name: str) -> str:
        """Its own name of a message of the contracts."""
        return self.names.get(name, name)

    def contract_name(self, own: str, payload_type: PayloadType) -> str:
        """The contracts' name of a message; of one in none of the tables its own. Raises ``PayloadTypeError``."""
        row = self._rows.get(own)
        if row is None:
            return own
        name = row.get(payload_type)
        if name is None:
            theirs = ", ".join(each.name for each in row)
            raise PayloadTypeError(f"{own} of {self.name} comes with {theirs}, not with {payload_type.name}")
        return name

    # ---------------------------------------------------------------- reading

    def read(self, payload_type: PayloadType, payload: bytes, misfits: list[ValidationError] | None = None) -> Content:
        """The message in a frame; ``misfits`` as of ``codec.decode``. Raises ``PayloadTypeError`` and ``ExiError``."""
        schema = self.schemas.get(payload_type)
        if schema is None:
            raise PayloadTypeError(f"{payload_type.name} does not belong to {self.name}")
        content = self.content(codec.decode(schema, payload, misfits=misfits))
        if content is None:
            raise ExiError("a document that is no message of a dialogue")
        return content._replace(name=self.contract_name(content.name, payload_type))

    def content(self, document: Any) -> Content | None:
        """What is in a document, under its own name; None when it is no message of a dialogue."""
        body = getattr(getattr(document, "Body", None), "BodyElement", None) if self.around else document
        if not isinstance(body, Message):
            return None
        if self.header is None:
            return Content(body.ELEMENT, None, body)
        header = getattr(document, "Header", None)
        return None if header is None else Content(body.ELEMENT, header.SessionID, body)

    # ---------------------------------------------------------------- writing

    def value(self, value: str) -> str:
        """The nearest value of an enumeration that it has."""
        return self.values.get(value, value)

    def request(self, name: str, args: Args, session_id: bytes) -> Message:
        """A whole request, by the contract's name and arguments. Raises ``ValidationError``."""
        return self._document(name, session_id, self._writer(self.writes_requests, name)(self, args))

    def response(self, name: str, args: Args, session_id: bytes) -> Message:
        """A whole response, by the contract's name and arguments. Raises ``ValidationError``."""
        code = args["ResponseCode"]
        found = self._writer(self.writes_responses, name)(self, args)
        return self._document(name, session_id, {"ResponseCode": self.codes.get(code, code), **found})

    def refusal(self, name: str, code: str, known: Args, session_id: bytes) -> Message | None:
        """The least response of the contract's name with this ResponseCode and what is ``known`` (None: it is not), of
        AC when ``RCD`` is known, else of DC; None when the protocol has no such response. Raises ``ValidationError``.
        """
        kind = getattr(self.classes(name), self.own_name(name), None)
        if kind is None:
            return None
        body: Any = minimal(kind, "DC_" if known.get("RCD") is None else "AC_")
        body.ResponseCode = self.only_refusal or self.codes.get(code, code)
        self.refusing(self, body, known)
        return self._document(name, session_id, {field.name: getattr(body, field.name) for field in kind.FIELDS})

    def _document(self, name: str, session_id: bytes, fields: Fields) -> Message:
        """The whole message of the contract's name: header and body, each where it has its place."""
        classes = self.classes(name)
        kind = getattr(classes, self.own_name(name))
        header = {} if self.header is None else {"Header": self.header(classes, session_id)}
        if not self.around:
            made: Message = kind(**{**fields, **header})
            return made
        whole: Message = getattr(classes, self.around)(**header, Body=classes.BodyType(BodyElement=kind(**fields)))
        return whole

    def _writer(self, writers: Mapping[str, Writer], name: str) -> Writer:
        writer = writers.get(name)
        if writer is None:
            raise ValidationError(f"is no message of {self.name}", name)
        return writer
