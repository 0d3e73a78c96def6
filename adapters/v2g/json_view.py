"""Messages as JSON values and back, without loss.

The shape is that of the package ``iso15118``: element names as keys, attributes as plain keys, hexBinary as hex,
base64Binary as base64, simple content under ``value``, repeated elements always lists, the member of a substitution
group under its own name. Unlike there, an absent optional element stays absent. Open content (XMLDSig) is the list
``content`` of strings and ``{name: value}``.
"""

from __future__ import annotations

from typing import Any

from .exi.document import Declared, Relaxed, Schema
from .exi.errors import ValidationError
from .exi.messages import Element, Field, Message, title


def to_json(message: Message | Element) -> dict[str, Any]:
    """``{element name: fields}``."""
    if isinstance(message, Element):
        return {message.name: _plain(message.value, _type_of(message))}
    return {title(message): _fields_to_json(message)}


def _type_of(element: Element) -> Any:
    """The simple type of an element whose value is not a message."""
    if isinstance(element.value, Message):
        return None
    if not element.protocol:
        raise ValidationError("the protocol of an Element must be given", element.name)
    from .codec import schema

    declared = schema(element.protocol).by_name.get(element.name)
    return None if declared is None or isinstance(declared.type, type) else declared.type


def _plain(value: Any, simple: Any) -> Any:
    if isinstance(value, Message):
        return _fields_to_json(value)
    return value if simple is None else simple.to_json(value)


def _fields_to_json(message: Message) -> dict[str, Any]:
    view: dict[str, Any] = {}
    for field in message.FIELDS:
        x = getattr(message, field.name)
        if x is None or (field.repeated and not x):
            continue
        if field.form == "group":
            names = {cls: name for name, cls in field.type.items()}
            view[names[type(x)]] = _fields_to_json(x)
        elif field.repeated:
            view[field.name] = [_item_to_json(field, item, message.PROTOCOL) for item in x]
        else:
            view[field.name] = _item_to_json(field, x, message.PROTOCOL)
    return view


def _item_to_json(field: Field, x: Any, protocol: str) -> Any:
    if field.form == "content":
        if isinstance(x, str):
            return x
        return to_json(Element(x.name, x.value, protocol))
    return _plain(x, None if isinstance(field.type, type) else field.type)


def from_json(schema: Schema, view: Any, *, fragment: bool) -> Message | Element:
    """The message of ``{element name: fields}``. Raises ValidationError."""
    name, fields = _single(view)
    known = schema.fragment_codes if fragment else schema.document_codes
    if name not in known:
        kind = "fragment" if fragment else "document"
        meant = [known_name for known_name in known if known_name.rpartition("}")[2] == name]
        hint = f"; declared in two namespaces: {', '.join(meant)}" if meant else ""
        raise ValidationError(f"is no {kind} element of {schema.protocol}{hint}", name)
    declared = schema.by_name[name]
    value = _declared_from_json(schema, declared, fields)
    declared.write(1, value)  # order and number of the items of open content are its grammar's, which only writing asks
    if isinstance(value, Message) and name == value.ELEMENT:
        return value
    return Element(name, value, schema.protocol)


def _single(view: Any) -> tuple[str, Any]:
    if not isinstance(view, dict) or len(view) != 1:
        raise ValidationError("an object with one key, the element's name, is required")
    return next(iter(view.items()))


def _declared_from_json(schema: Schema, declared: Declared, view: Any) -> Any:
    try:
        if isinstance(declared.type, type):
            if isinstance(declared, Relaxed) and isinstance(view, str):
                return view
            return _message(schema, declared.type, view)
        value = declared.type.from_json(view)
        declared.type.check(value)
    except ValidationError as error:
        raise error.inside(declared.name) from None
    return value


def _message(schema: Schema, cls: type[Message], view: Any) -> Message:
    if not isinstance(view, dict):
        raise ValidationError(f"an object is required, not {type(view).__name__}")
    rest = dict(view)
    values: dict[str, Any] = {}
    for field in cls.FIELDS:
        if field.form == "group":
            member = next((name for name in rest if name in field.type), None)
            if member is not None:
                values[field.name] = _inside(member, schema, field.type[member], rest.pop(member))
            continue
        x = rest.pop(field.name, None)
        if x is None:
            continue
        if not field.repeated:
            values[field.name] = _one(schema, field, x, field.name)
        elif isinstance(x, list):
            values[field.name] = [_one(schema, field, item, f"{field.name}[{i}]") for i, item in enumerate(x)]
        else:
            raise ValidationError(f"a list is required, not {type(x).__name__}", field.name)
    if rest:
        raise ValidationError(f"{cls.__name__} has no such field", str(next(iter(rest))))
    missing = [f.name for f in cls.FIELDS if f.least and f.name not in values]
    if missing:
        raise ValidationError("required, but missing", missing[0])
    try:
        return cls(**values)
    except ValidationError as error:
        # The constructor's path starts with the class; here the path so far is known better.
        raise ValidationError(error.reason, error.path.partition(".")[2]) from None


def _one(schema: Schema, field: Field, x: Any, name: str) -> Any:
    if field.form == "content":
        if isinstance(x, str):
            return x
        try:
            inner, value = _single(x)
            if inner not in schema.by_name:
                raise ValidationError("is not declared", inner)
            return Element(inner, _declared_from_json(schema, schema.by_name[inner], value))
        except ValidationError as error:
            raise error.inside(name) from None
    if isinstance(field.type, type):
        return _inside(name, schema, field.type, x)
    try:
        return field.type.from_json(x)
    except ValidationError as error:
        raise error.inside(name) from None


def _inside(name: str, schema: Schema, cls: type[Message], view: Any) -> Message:
    try:
        return _message(schema, cls, view)
    except ValidationError as error:
        raise error.inside(name) from None
