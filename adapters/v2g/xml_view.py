"""Messages as XML text. Every element declares its own default namespace, so prefixes never matter."""

from __future__ import annotations

import re
from typing import Any

from .exi.document import Schema
from .exi.errors import ValidationError
from .exi.messages import Element, Message, title


def to_xml(schema: Schema, message: Message | Element) -> str:
    """XML text of a message, without declaration. Characters that XML 1.0 cannot hold become U+FFFD."""
    out: list[str] = []
    if isinstance(message, Element):
        _element(schema, message.name, message.value, out)
    else:
        _element(schema, title(message), message, out)
    return "".join(out)


def _element(schema: Schema, name: str, value: Any, out: list[str]) -> None:
    declared = schema.by_name.get(name)
    if declared is None:
        raise ValidationError(f"is no element of {schema.protocol}", name)
    simple = None if isinstance(declared.type, type) else declared.type
    _write(schema, declared.local, declared.namespace, value, simple, out)


def _write(schema: Schema, local: str, namespace: str, value: Any, simple: Any, out: list[str]) -> None:
    out.append(f'<{local} xmlns="{_escape(namespace)}"')
    if not isinstance(value, Message):
        text = value if simple is None else simple.to_text(value)
        out.append(f">{_escape(text)}</{local}>")
        return
    attributes = [f for f in value.FIELDS if f.form == "attribute" and getattr(value, f.name) is not None]
    for number, field in enumerate(attributes):
        name = field.name
        if field.namespace:
            out.append(f' xmlns:a{number}="{_escape(field.namespace)}"')
            name = f"a{number}:{name}"
        out.append(f' {name}="{_escape(field.type.to_text(getattr(value, field.name)))}"')
    out.append(">")
    _content(schema, value, out)
    out.append(f"</{local}>")


def _content(schema: Schema, message: Message, out: list[str]) -> None:
    for field in message.FIELDS:
        x = getattr(message, field.name)
        if field.form == "attribute" or x is None:
            continue
        if field.form == "text":
            out.append(_escape(field.type.to_text(x)))
        elif field.form == "group":
            name = next(name for name, cls in field.type.items() if cls is type(x))
            _element(schema, name, x, out)
        elif field.form == "content":
            for item in x:
                if isinstance(item, str):
                    out.append(_escape(item))
                else:
                    _element(schema, item.name, item.value, out)
        else:
            simple = None if isinstance(field.type, type) else field.type
            for item in x if field.repeated else [x]:
                _write(schema, field.name, field.namespace, item, simple, out)


_SPECIAL = re.compile('[&<>"\x00-\x1f\ufffe\uffff\ud800-\udfff]')


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda found: _escaped(found[0]), text)


def _escaped(c: str) -> str:
    if c in '&<>"\n\r\t':
        return f"&#{ord(c)};"
    return "\ufffd"
