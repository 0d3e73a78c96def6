"""The document around a body in DIN SPEC 70121 and ISO 15118-2: V2G_Message with its header."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from adapters.v2g.codec import Message
from adapters.v2g.dialects.table import Content, Dialect


def opened(dialect: Dialect, message: Message) -> Content | None:
    """The body element of a V2G_Message; None when it has none, or when it is another document of the schema."""
    found: Any = message
    element = getattr(getattr(found, "Body", None), "BodyElement", None)
    return None if element is None else Content(element.ELEMENT, found.Header.SessionID, element)


def closed(dialect: Dialect, body: Any, session_id: bytes) -> Message:
    """The V2G_Message around a body element."""
    schema = dialect.schema
    made: Message = schema.V2G_Message(Header=_header(dialect, session_id), Body=schema.BodyType(BodyElement=body))
    return made


@lru_cache(maxsize=64)
def _header(dialect: Dialect, session_id: bytes) -> Any:
    """Messages never change their header, so those of a session share one."""
    return dialect.schema.MessageHeaderType(SessionID=session_id)
