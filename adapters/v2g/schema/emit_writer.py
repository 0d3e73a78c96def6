"""Writes the writer of a complex type: straight-line Python that shifts bits into one big integer.

Event codes and values of known width are joined into one shift. The code has no checks of its own: a missing attribute,
a wrong type or a key not in a table ends in ``unwritable``, which calls the field's check.
"""

from __future__ import annotations

from .emit_common import BIG_LOOP, Lines, Names, is_signed, quoted, width_of
from .emit_reader import is_mandatory, tail_of
from .grammar import START, Grammar, Position
from .model import ComplexType, SimpleType

ERRORS = "(TypeError, AttributeError, KeyError, ValidationError)"


class WriterEmitter:
    """Emits ``_w_TYPE(o, a) -> a``; leaves the same final zero bits to its caller as the reader does."""

    def __init__(self, names: Names, kind: ComplexType) -> None:
        self.names = names
        self.kind = kind
        self.grammar: Grammar = names.grammar(kind)
        self.out = Lines(2)
        self.pending: list[tuple[int, str]] = []
        """(width, expression); the empty expression is zero."""
        self.has_loop = False
        self.temporary = 0
        self.priors = self._simulate()

    def emit(self) -> list[str]:
        """The source lines of the writer."""
        label = self.kind.label
        positions = self.grammar.positions
        if self.kind.simple is not None:
            self._simple_content()
        else:
            self._choices()
            if self.grammar.is_irregular:
                self.out.add("c: tuple[int, ...]")
            if self._needs_state(START):
                self._set_state(START)
            for index, position in enumerate(positions):
                self._position(index, position)
            self._code(self.priors[len(positions)], self.grammar.end_number, "")
            tail = tail_of(self.names, self.kind)
            while tail and self.pending and not self.pending[-1][1]:
                width, _ = self.pending.pop()
                tail -= width
            if tail:
                raise AssertionError(f"{label}: reader and writer disagree about the tail")
            self._flush()
        head = [f"def _w_{label}(o: {label}, a: int) -> int:"]
        if not self.out.text:
            return [*head, "    return a"]
        head.append(f"    at = {quoted(positions[0].name if positions else label)}")
        if self.has_loop:
            head.append("    i: int | None = None")
        index_argument = ", i" if self.has_loop else ""
        return [
            *head,
            "    try:",
            *self.out.text,
            f"    except {ERRORS} as error:",
            f"        raise unwritable(error, o, {label}, at{index_argument}) from None",
            "    return a",
        ]

    def _simulate(self) -> list[set[int]]:
        """For each position and for the end: the states that may come directly before it."""
        priors: list[set[int]] = []
        current = {START}
        for index in range(len(self.grammar.positions)):
            priors.append({s for s in current if index in self.grammar.follow[s]})
            current = {index} if is_mandatory(self.grammar, index) else current | {index}
        priors.append({s for s in current if s in self.grammar.ends})
        return priors

    def _needs_state(self, state: int) -> bool:
        """Whether the width and base of ``state`` must be kept in variables, since what follows has several priors."""
        if state != START and self.grammar.positions[state].most not in (1, None):
            return True
        return any(state in prior and len(prior) > 1 for prior in self.priors)

    def _shape(self, state: int) -> tuple[int, int]:
        """Width of the event codes of ``state`` and the number of its first production."""
        codes = self.grammar.codes(state)
        if state != START and self.grammar.positions[state].most != 1:
            codes = [self.grammar.positions[state].number, *codes]
        return len(codes).bit_length(), codes[0]

    def _set_state(self, state: int) -> None:
        width, base = self._shape(state)
        self.out.add(f"w = {width}")
        if self.grammar.is_irregular:
            self.out.add(f"c = ({', '.join(map(str, self.grammar.codes(state)))},)")
        else:
            self.out.add(f"b = {base}")

    def _choices(self) -> None:
        for required, names in self.grammar.choices():
            count = " + ".join(f"(o.{name} is not None)" for name in names)
            self.out.add(f"if {count} {'!=' if required else '>'} 1:")
            self.out.add("    raise OutOfRange")
        for group in self.grammar.together():
            count = " + ".join(f"(o.{name} is None)" for name in group)
            self.out.add(f"if 0 < {count} < {len(group)}:")
            self.out.add("    raise OutOfRange")

    def _code(self, priors: set[int], number: int, member: str) -> None:
        """Queues the event code of production ``number`` (plus ``member``, an expression) after one of ``priors``."""
        state = next(iter(priors))
        if len(priors) == 1 and not (state != START and self.grammar.positions[state].most not in (1, None)):
            width, base = self._shape(state)
            offset = self.grammar.codes(state).index(number) if self.grammar.is_irregular else number - base
            if member:
                self.pending.append((width, f"{member} + {offset}" if offset else member))
            else:
                self.pending.append((width, str(offset) if offset else ""))
            return
        self._flush()
        if self.grammar.is_irregular:
            self.out.add(f"a = a << w | c.index({number})")
            return
        expression = f"{number} - b" if number else "-b"
        self.out.add(f"a = a << w | {expression}{' + ' + member if member else ''}")

    def _joined(self, *more: tuple[int, str]) -> str:
        """The value of ``a`` with everything queued and ``more`` appended."""
        parts = [*self.pending, *more]
        self.pending = []
        shift = total = sum(width for width, _ in parts)
        expression = f"a << {total}" if total else "a"
        for width, value in parts:
            shift -= width
            if value:
                shown = f"({value})" if " " in value else value
                expression += f" | {shown} << {shift}" if shift else f" | {shown}"
        return expression

    def _flush(self) -> None:
        if self.pending:
            self.out.add(f"a = {self._joined()}")

    def _position(self, index: int, position: Position) -> None:
        out = self.out
        conditional = not is_mandatory(self.grammar, index)
        value = f"o.{position.name}"
        if conditional:
            self._flush()
            out.add(f"x{index} = {value}")
            value = f"x{index}"
            out.add(f"if {value} is not None:" if position.most == 1 else f"if {value}:")
            out.level += 1
        if position.most == 1:
            if position.form == "group":
                out.add(f"at = {quoted(position.name)}")
                if not conditional:
                    out.add(f"x{index} = {value}")
                    value = f"x{index}"
                out.add(f"c, f, at = _W_{self.kind.label}_{position.name}[{value}.__class__]")
                self._code(self.priors[index], position.number, "c")
                self._flush()
                out.add(f"a = f({value}, a)")
            else:
                self._code(self.priors[index], position.number, "")
                self._value(position, value)
        else:
            self._loop(index, position, value)
        if self._needs_state(index) and position.most in (1, None):
            self._flush() if conditional else None
            self._set_state(index)
        if conditional:
            self._flush()
            out.level -= 1

    def _loop(self, index: int, position: Position, value: str) -> None:
        self.has_loop = True
        out = self.out
        item = position.elements[0].type
        windowed = isinstance(item, ComplexType) and (position.most is None or position.most > BIG_LOOP)
        out.add(f"q = {value}")
        allowed = f"{position.least} <= len(q) <= {position.most}"
        if position.most is None:
            allowed = f"len(q) >= {position.least}"
        out.add(f"if q.__class__ is not list or not {allowed}:")
        out.add(f"    at = {quoted(position.name)}")
        out.add("    raise OutOfRange")
        self._code(self.priors[index], position.number, "")
        self._flush()
        width, _ = self._shape(index)
        if windowed:
            out.add("h, a = a, 1")
        out.add("i = 0")
        out.add("for y in q:")
        out.level += 1
        out.add("if i:")
        if position.least > 1:
            out.add(f"    a <<= 1 if i < {position.least} else {width}")
        else:
            out.add(f"    a <<= {width}")
        self._value(position, "y")
        self._flush()
        out.add("i += 1")
        if windowed:
            out.add("if a >> WINDOW:")
            out.add("    h, a = h << a.bit_length() - 1 | a ^ 1 << a.bit_length() - 1, 1")
        out.level -= 1
        if windowed:
            out.add("a = h << a.bit_length() - 1 | a ^ 1 << a.bit_length() - 1")
        out.add("i = None")
        if position.most is not None:
            codes = self.grammar.codes(index)
            out.add(f"if len(q) < {position.most}:")
            out.level += 1
            self._set_state(index)
            out.level -= 1
            out.add("else:")
            out.add(f"    w = {len(codes).bit_length()}")
            out.add(f"    b = {codes[0]}")

    def _value(self, position: Position, value: str) -> None:
        name = position.name
        if position.form == "attribute":
            assert position.attribute is not None
            simple = position.attribute.type
            if simple.kind != "string":
                self._small(simple, value, width_of(simple))
                return
            self._flush()
            self.out.add(f"at = {quoted(name)}")
            self.out.add(f"a = write_text(a, {value}, {simple.min_length}, {simple.max_length})")
            return
        element = position.elements[0]
        if isinstance(element.type, SimpleType):
            self._simple(element.type, name, value)
            return
        label = element.type.label
        self._flush()
        self.out.add(f"at = {quoted(name)}")
        if value.startswith("o."):
            variable = f"y{self.temporary}"
            self.temporary += 1
            self.out.add(f"{variable} = {value}")
            value = variable
        self.out.add(f"if {value}.__class__ is not {label}:")
        self.out.add("    raise OutOfRange")
        if self.names.grammar(element.type).is_open:
            self.out.add(f"a = _O_{label}.write({value}, a)")
        else:
            self.out.add(f"a = _w_{label}({value}, a)")
            if tail := tail_of(self.names, element.type):
                self.pending.append((tail, ""))

    def _simple(self, simple: SimpleType, name: str, value: str) -> None:
        if simple.kind in ("string", "hexBinary", "base64Binary"):
            self._flush()
            self.out.add(f"at = {quoted(name)}")
            call = "write_text_element" if simple.kind == "string" else "write_octets_element"
            self.out.add(f"a = {call}(a, {value}, {simple.min_length}, {simple.max_length})")
            return
        self.pending.append((1, ""))
        self._small(simple, value, width_of(simple))
        self.pending.append((1, ""))

    def _small(self, simple: SimpleType, value: str, width: int | None) -> None:
        """Queues or emits a boolean, an enumeration or a number."""
        if simple.kind == "boolean":
            self.pending.append((1, f"BIT[{value}]"))
        elif simple.kind == "enumeration":
            table = f"_I{self.names.constant(simple)[2:]}"
            if width:
                self.pending.append((width, f"{table}[{value}]"))
            else:
                self.out.add(f"{table}[{value}]")
        else:
            self._integer(simple, value, width)

    def _integer(self, simple: SimpleType, value: str, width: int | None) -> None:
        out = self.out
        if value.startswith("o."):
            variable = f"n{self.temporary}"
            self.temporary += 1
            out.add(f"{variable} = {value}")
            value = variable
        low, high = simple.minimum, simple.maximum
        if width is not None:
            assert low is not None
            out.add(f"if not {low} <= {value} <= {high}:")
            out.add("    raise OutOfRange")
            self.pending.append((width, f"{value} - {low}" if low > 0 else f"{value} + {-low}" if low else value))
            return
        signed = is_signed(simple)
        at_least = max(low or 0, 0)
        before = list(self.pending)
        out.add(f"if {at_least} <= {value} < 128:")
        out.add(f"    a = {self._joined((9 if signed else 8, value))}")
        if signed:
            # Two octets are the common case of a 16-bit number, so they are written in line.
            self.pending = list(before)
            out.add(f"elif 0 <= {value} < 16384:")
            out.add(f"    a = {self._joined((1, ''), (8, f'{value} & 127 | 128'), (8, f'{value} >> 7'))}")
        out.add(f"elif {'~HUGE' if low is None else low} <= {value} <= {'HUGE' if high is None else high}:")
        self.pending = before
        out.add(f"    a = {'write_sint' if signed else 'write_uint'}({self._joined()}, {value})")
        out.add("else:")
        out.add("    raise OutOfRange")

    def _simple_content(self) -> None:
        simple, positions = self.kind.simple, self.grammar.positions
        assert simple is not None
        text = simple.kind == "string"
        bounds = f"{simple.min_length}, {simple.max_length}"
        call = "write_text_element" if text else "write_octets_element"
        rest = "write_text_rest" if text else "write_octets_rest"
        if len(positions) == 1:
            self.out.add(f"a = {call}(a, o.value, {bounds})")
            return
        attribute = positions[0]
        if attribute.least:
            self.pending.append((1, ""))
            self._value(attribute, f"o.{attribute.name}")
            self.out.add('at = "value"')
            self.out.add(f"a = {call}(a, o.value, {bounds})")
            return
        self.out.add(f"x = o.{attribute.name}")
        self.out.add("if x is not None:")
        self.out.level += 1
        self.pending.append((2, ""))
        self._value(attribute, "x")
        self.out.add('at = "value"')
        self.out.add(f"a = {call}(a, o.value, {bounds})")
        self.out.level -= 1
        self.out.add("else:")
        self.out.add('    at = "value"')
        self.out.add(f"    a = {rest}(a, o.value, {bounds})")
