"""Types with mixed content, wildcards or repeated groups (XMLDSig's KeyInfo, Object, …), run from state tables.

Rare and small, so tables serve better than code. A state is a tuple of (event, next state) in event-code order; events:
``@Name`` attribute, ``Name`` or ``{namespace}Name`` child element, ``*`` any declared element, ``/`` end, ``#`` text.
"""

from __future__ import annotations

from typing import Any

from .bits import SECOND_LEVEL, WINDOW, StringTable, read_text, write_text
from .document import Declared, Schema
from .errors import ExiError, ValidationError
from .messages import Element, Message, new

MAX_DEPTH = 16
"""Open content inside open content (Object in Object …)."""
MAX_EVENTS = 1 << 16
"""Events of all open content of one message: an event may take 3 bits and make an object of 200 octets."""
State = tuple[tuple[str, int], ...]


class OpenContent:
    """The grammar of one type with open content; ``others`` is a namespace its wildcards exclude (##other)."""

    def __init__(
        self, cls: type[Message], key: int, states: tuple[State, ...], attributes: dict[str, int], others: str | None
    ) -> None:
        self.cls = cls
        self.key = key
        self.states = states
        self.attributes = attributes
        self.others = others
        self.schema: Schema | None = None

    def read(self, v: int, p: int, t: StringTable) -> tuple[Any, int]:
        """Read content and end of an element of this type: message, bits left. Raises ``ExiError``, also beyond the
        limits of depth and events."""
        t.depth += 1
        if t.depth > MAX_DEPTH:
            raise ExiError(f"elements nested deeper than {MAX_DEPTH}", remaining=p)
        message: Any = new(self.cls)
        for name in self.attributes:
            setattr(message, name, None)
        content = message.content = []
        state = self.states[0]
        origin = p
        while True:
            if origin - p > WINDOW:
                origin = p
                v &= (1 << p) - 1
            width = len(state).bit_length()
            p -= width
            code = v >> p & (1 << width) - 1
            if code >= len(state):
                raise ExiError(SECOND_LEVEL, remaining=p + width)
            t.events += 1
            if t.events > MAX_EVENTS:
                raise ExiError(f"open content of more than {MAX_EVENTS} events", remaining=p + width)
            event, following = state[code]
            if event == "/":
                t.depth -= 1
                return message, p
            if event == "#":
                text, p = read_text(v, p, t, self.key, 0, None)
                if text:
                    content.append(text)
            elif event[0] == "@":
                value, p = read_text(v, p, t, self.attributes[event[1:]], 0, None)
                setattr(message, event[1:], value)
            else:
                declared, p = self._any(v, p) if event == "*" else (self._declared(event), p)
                value, p = declared.read(v, p, t)
                content.append(Element(declared.name, value))
            state = self.states[following]

    def _declared(self, name: str) -> Declared:
        assert self.schema is not None
        return self.schema.by_name[name]

    def _any(self, v: int, p: int) -> tuple[Declared, int]:
        """A qualified name found in the name tables (EXI 7.3.2), which hold what the schema set declares."""
        assert self.schema is not None
        start = p
        p -= self.schema.namespace_width
        space = v >> p & (1 << self.schema.namespace_width) - 1
        if space not in self.schema.wildcard:
            raise ExiError("wildcard holds an element of a namespace outside the schemas", remaining=start)
        width, names = self.schema.wildcard[space]
        p -= 8
        if v >> p & 255:
            raise ExiError("wildcard holds an element that the schemas do not declare", remaining=start)
        p -= width
        local = v >> p & (1 << width) - 1
        if local not in names:
            raise ExiError("wildcard holds an element that the schemas do not declare", remaining=start)
        declared = self.schema.fragments[names[local]]
        if declared.namespace == self.others:
            raise ExiError(f"wildcard does not allow {declared.name}", remaining=start)
        return declared, p

    def write(self, message: Any, a: int) -> int:
        """Append content and end of an element of this type. Raises ``ValidationError``, with the item in its path
        (``inside``)."""
        state = self.states[0]
        for name in sorted(self.attributes):
            value = getattr(message, name)
            if value is not None:
                a, state = self._event(a, state, f"@{name}", name)
                if not isinstance(value, str):
                    raise ValidationError(f"a string is required, not {type(value).__name__}", name)
                a = write_text(a, value, 0, None)
        if not isinstance(message.content, list):
            raise ValidationError(f"a list is required, not {type(message.content).__name__}", "content")
        written, a = a, 1
        for position, item in enumerate(message.content):
            try:
                a, state = self._write_item(a, state, item)
            except ValidationError as error:
                raise error.inside(f"content[{position}]") from None
            if a >> WINDOW:
                written, a = _joined(written, a), 1
        return _joined(written, self._event(a, state, "/", "")[0])

    def _write_item(self, a: int, state: State, item: Any) -> tuple[int, State]:
        if isinstance(item, str) and item:
            a, state = self._event(a, state, "#", "")
            return write_text(a, item, 0, None), state
        if not isinstance(item, Element):
            raise ValidationError(f"text or an Element is required, not {type(item).__name__}")
        if any(event == item.name for event, _ in state):
            a, state = self._event(a, state, item.name, item.name)
            return self._declared(item.name).write(a, item.value), state
        assert self.schema is not None
        codes = self.schema.wildcard_codes.get(item.name)
        if codes is None or self.schema.by_name[item.name].namespace == self.others:
            raise ValidationError("this element is not allowed here", item.name)
        a, state = self._event(a, state, "*", item.name)
        space, width, local = codes
        a = (a << self.schema.namespace_width | space) << 8 + width | local
        return self._declared(item.name).write(a, item.value), state

    def _event(self, a: int, state: State, event: str, name: str) -> tuple[int, State]:
        """Appends the code of ``event``."""
        for code, (known, following) in enumerate(state):
            if known == event:
                return a << len(state).bit_length() | code, self.states[following]
        expected = ", ".join({"/": "the end", "#": "text", "*": "any element"}.get(e, e) for e, _ in state)
        what = {"/": "the end", "#": "text"}.get(event, "this")
        raise ValidationError(f"{what} is not allowed here; expected: {expected}", name)


def _joined(written: int, more: int) -> int:
    """Appends the bits of ``more`` below its topmost one."""
    width = more.bit_length() - 1
    return written << width | more ^ 1 << width
