"""What a V2G protocol is for the message adapters: a table. Names, codes, elements, header, payload types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any, NamedTuple

from adapters.v2g import codec
from adapters.v2g.codec import Message
from adapters.v2g.dialects.minimal import minimal
from adapters.v2g.dialects.parts import Args, Fields
from adapters.v2gtp import PayloadType

Reader = Callable[[Any], Fields]
"""From a body to the fields of the contract's event."""
Writer = Callable[["Dialect", Args], Fields]
"""From the arguments of the contract's action to the fields of the body. Raises ``ValidationError``."""
Refusing = Callable[["Dialect", Any, Args], None]
"""Puts what is known beside the code into the least response of a kind."""


class Content(NamedTuple):
    """What is in a document: its element's own name, the session id of its header (None: there is none), its body."""

    name: str
    session_id: bytes | None
    body: Any


@dataclass(frozen=True, eq=False)
class Dialect:
    """A protocol that a connection may speak.

    ``name``: its first schema set in ``adapters.v2g.codec``. ``namespaces``: those it goes by in the handshake.
    ``schemas``: the schema set of each V2GTP payload type that belongs to it; a message of another does not. ``opened``
    takes a document apart and ``closed`` puts a header around a body: functions of the dialect, the document and of the
    dialect, the body, the session id. The four tables of fields go by the contracts' names: a message that is in none
    is none of this protocol's. ``names``: its own names of messages where they differ from the contracts'; ``codes``:
    the nearest ResponseCode it has for one it lacks; ``values``: the same for values of enumerations;
    ``only_refusal``: the ResponseCode of every refusal, when it has but one; ``comes_again``: its message may be
    repeated, byte for byte, when another is spoken already. ``refusing`` puts what is known beside the
    code into a refusal.
    """

    name: str
    schemas: Mapping[PayloadType, str]
    opened: Callable[[Dialect, Message], Content | None]
    closed: Callable[[Dialect, Any, bytes], Message]
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

    @property
    def schema(self) -> ModuleType:
        """Its classes. The first use imports them."""
        return codec.messages(self.name)

    @cached_property
    def _contract_names(self) -> dict[str, str]:
        return {own: name for name, own in self.names.items()}

    def contract_name(self, own: str) -> str:
        """The contracts' name of a message."""
        return self._contract_names.get(own, own)

    def own_name(self, name: str) -> str:
        """Its own name of a message of the contracts."""
        return self.names.get(name, name)

    def value(self, value: str) -> str:
        """The nearest value of an enumeration that it has."""
        return self.values.get(value, value)

    def request(self, name: str, args: Args) -> Any:
        """The body of a request, by the contract's name and arguments. Raises ``ValidationError``."""
        return self._kind(name)(**self._writer(self.writes_requests, name)(self, args))

    def response(self, name: str, args: Args) -> Any:
        """The body of a response, by the contract's name and arguments. Raises ``ValidationError``."""
        code = args["ResponseCode"]
        found = self._writer(self.writes_responses, name)(self, args)
        return self._kind(name)(ResponseCode=self.codes.get(code, code), **found)

    def refusal(self, name: str, code: str, known: Args) -> Any:
        """The least response of the contract's name with this ResponseCode and what is ``known`` (None: it is not), of
        AC when ``RCD`` is known, else of DC; None when the protocol has no such response. Raises ``ValidationError``.
        """
        kind = getattr(self.schema, self.own_name(name), None)
        if kind is None:
            return None
        body: Any = minimal(kind, "DC_" if known.get("RCD") is None else "AC_")
        body.ResponseCode = self.only_refusal or self.codes.get(code, code)
        self.refusing(self, body, known)
        return body

    def document(self, body: Any, session_id: bytes) -> Message:
        """The whole message around a body."""
        return self.closed(self, body, session_id)

    def content(self, message: Message) -> Content | None:
        """What is in a document; None when it is no message of a dialogue."""
        return self.opened(self, message)

    def _writer(self, writers: Mapping[str, Writer], name: str) -> Writer:
        writer = writers.get(name)
        if writer is None:
            raise codec.ValidationError(f"is no message of {self.name}", name)
        return writer

    def _kind(self, name: str) -> Any:
        return getattr(self.schema, self.own_name(name))
