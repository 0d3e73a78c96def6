"""Writes the reader of a complex type: straight-line Python that takes bits from one big integer.

Runs of bits whose length is known are read with one shift: a PhysicalValueType costs one read up to its first value
octet. See exi.bits for the convention of ``v`` and ``p``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..exi.bits import BEYOND
from .emit_common import BIG_LOOP, Lines, Names, is_signed, quoted, width_of
from .grammar import START, Grammar, Position
from .model import ComplexType, SchemaError, SimpleType


@dataclass
class _Bits:
    """Bits to be read with the next shift: constant zeros, or a value with the lines that use it."""

    width: int
    name: str
    use: tuple[str, ...] = ()
    """Statements; ``{}`` becomes the expression of the value, ``{offset}`` the bits remaining before it."""


class ReaderEmitter:
    """Emits ``_r_TYPE(v, p, t) -> (object, p)``; ``tail`` is the count of final zero bits left to the caller."""

    def __init__(self, names: Names, kind: ComplexType) -> None:
        self.names = names
        self.kind = kind
        self.grammar: Grammar = names.grammar(kind)
        self.out = Lines(2)
        self.pending: list[_Bits] = []
        self.tail = 0
        self.has_loop = False

    def emit(self) -> list[str]:
        """The source lines of the reader."""
        positions = self.grammar.positions
        if self.kind.simple is not None:
            self._simple_content()
        else:
            self._absent()
            possible = self._read_code(START, positions[0].name if positions else self.kind.label)
            for index, position in enumerate(positions):
                if index in possible:
                    possible = self._position(index, position, possible)
            while self.pending and not self.pending[-1].use:
                self.tail += self.pending.pop().width
            if id(self.kind) in self.names.members:
                self.pending.append(_Bits(self.tail, positions[-1].name if positions else self.kind.label))
                self.tail = 0
            self._flush()
        head = [f"def _r_{self.kind.label}(v: int, p: int, t: StringTable) -> tuple[{self.kind.label}, int]:"]
        head.append(f"    o = new({self.kind.label})")
        if not self.out.text:
            return [*head, "    return o, p"]
        head.append(f"    at = {quoted(positions[0].name if positions else self.kind.label)}")
        if self.has_loop:
            head.append("    i: int | None = None")
        index_argument = ", i" if self.has_loop else ""
        return [
            *head,
            "    try:",
            *self.out.text,
            "    except (ExiError, ValueError) as error:",
            f"        raise unreadable(error, at{index_argument}) from None",
            "    return o, p",
        ]

    def _absent(self) -> None:
        """Optional fields start as None, optional lists as empty."""
        single = [p.name for i, p in enumerate(self.grammar.positions) if p.most == 1 and not self._mandatory(i)]
        if single:
            self.out.add(" = ".join(f"o.{name}" for name in single) + " = None")
        for position in self.grammar.positions:
            if position.most != 1 and position.least == 0:
                self.out.add(f"o.{position.name} = []")

    def _mandatory(self, index: int) -> bool:
        return is_mandatory(self.grammar, index)

    def _position(self, index: int, position: Position, possible: set[int]) -> set[int]:
        following = self._successors(index)
        remaining = (possible - {index}) | following
        conditional = len(possible) > 1
        if conditional:
            self._flush()
            size = position.number + position.size
            self.out.add(f"if k < {size}:" if not self.grammar.is_irregular else f"if k == {position.number}:")
            self.out.level += 1
        if position.most == 1:
            self._value(position, f"o.{position.name}")
            self._read_code(index, position.name)
        else:
            self._loop(index, position)
        if conditional:
            self._flush()
            codes = self.grammar.codes(index)
            if len(codes) == 1 and len(remaining) > 1 and position.most == 1:
                self.out.add(f"k = {codes[0]}")
            self.out.level -= 1
        return remaining

    def _successors(self, state: int) -> set[int]:
        end = {len(self.grammar.positions)} if state in self.grammar.ends else set()
        return self.grammar.follow[state] | end

    def _read_code(self, state: int, name: str) -> set[int]:
        """Queues the event code of ``state``; it ends up in ``k`` as a production number, unless there is only one."""
        codes = self.grammar.codes(state)
        width = len(codes).bit_length()
        if len(codes) == 1:
            self._zeros(1, name)
        else:
            self.pending.append(_code_bits(width, name, codes))
        return self._successors(state)

    def _zeros(self, width: int, name: str) -> None:
        self.pending.append(_Bits(width, name))

    def _flush(self) -> None:
        if not self.pending:
            return
        total = sum(bits.width for bits in self.pending)
        shift = total
        constants: list[tuple[int, int, str]] = []
        uses: list[str] = []
        values = [bits for bits in self.pending if bits.use]
        direct = len(self.pending) == 1 and bool(values)
        for bits in self.pending:
            shift -= bits.width
            if not bits.use:
                constants.append((shift, bits.width, bits.name))
                continue
            source = "x" if not direct else "v >> p"
            if shift:
                source += f" >> {shift}"
            value = f"{source} & {(1 << bits.width) - 1}"
            uses += [line.replace("{offset}", f"p + {shift + bits.width}").replace("{}", value) for line in bits.use]
        self.out.add(f"p -= {total}")
        if values and not direct:
            self.out.add("x = v >> p")
        if constants:
            mask = sum(((1 << width) - 1) << shift for shift, width, _ in constants)
            self.out.add(f"if b := {'x' if values else 'v >> p'} & {mask:#x}:")
            where = _where(constants)
            self.out.add(f"    at = {where}")
            self.out.add("    raise undeclared(p, b)")
        for line in uses:
            self.out.add(line)
        self.pending = []

    def _value(self, position: Position, target: str) -> None:
        """Queues or emits the reading of one value of ``position``, its end included."""
        name = position.name
        if position.form == "attribute":
            assert position.attribute is not None
            simple = position.attribute.type
            width = width_of(simple)
            if width:
                self.pending.append(self._small(simple, name, target, width))
                return
            if simple.kind != "string":
                raise SchemaError(f"attribute {name} of type {simple.kind} is not supported")
            self._flush()
            self.out.add(f"at = {quoted(name)}")
            key = self.names.attribute_key(position.attribute.name)
            self.out.add(f"{target}, p = read_text(v, p, t, {key}, {simple.min_length}, {simple.max_length})")
        elif position.form == "group":
            self._flush()
            self.out.add(f"f, at = _R_{self.kind.label}_{name}[k - {position.number}]")
            self.out.add(f"{target}, p = f(v, p, t)")
        else:
            element = position.elements[0]
            if isinstance(element.type, SimpleType):
                self._simple(element.type, name, target, self.names.key(element.name))
            else:
                self._flush()
                self.out.add(f"at = {quoted(name)}")
                label = element.type.label
                if self.names.grammar(element.type).is_open:
                    self.out.add(f"{target}, p = _O_{label}.read(v, p, t)")
                else:
                    self.out.add(f"{target}, p = _r_{label}(v, p, t)")
                    if tail := tail_of(self.names, element.type):
                        self._zeros(tail, name)

    def _simple(self, simple: SimpleType, name: str, target: str, key: int) -> None:
        bounds = f"{simple.min_length}, {simple.max_length}"
        if simple.kind in ("string", "hexBinary", "base64Binary"):
            self._flush()
            self.out.add(f"at = {quoted(name)}")
            call = f"read_text_element(v, p, t, {key}, {bounds})"
            if simple.kind != "string":
                call = f"read_octets_element(v, p, t, {bounds})"
            self.out.add(f"{target}, p = {call}")
            return
        self._zeros(1, name)
        width = width_of(simple)
        if width is not None:
            if width:
                self.pending.append(self._small(simple, name, target, width))
            else:
                self.out.add(f"{target} = {_only_value(simple)}")
            self._zeros(1, name)
            return
        signed = is_signed(simple)
        self.pending.append(_Bits(9 if signed else 8, name, ("n = {}",)))
        limit, beyond = "HUGE", ""
        if simple.maximum is not None:
            largest = max(simple.maximum, -1 - simple.minimum) if simple.minimum is not None else simple.maximum
            limit = str(max(largest, BEYOND))
            beyond = f" > {largest}:" if largest < BEYOND else ""
        self._flush()
        if signed:
            # Two octets are the common case of a 16-bit number, so they are read in line.
            self.out.add("if n & 128:")
            self.out.add("    p -= 8")
            self.out.add("    m = v >> p & 255")
            self.out.add("    if m < 128:")
            self.out.add("        m = m << 7 | n & 127")
            self.out.add("    else:")
            self.out.add(f"        at = {quoted(name)}")
            self.out.add(f"        m, p = read_uint(v, p + 8, n & 255, {limit})")
            if beyond:
                self.out.add(f"        if m{beyond}")
                self.out.add("            t.fits = False")
            self.out.add(f"    {target} = ~m if n > 255 else m")
            self.out.add("else:")
            self.out.add(f"    {target} = 255 - n if n > 255 else n")
            if simple.maximum is not None and simple.minimum is not None and simple.minimum != -1 - simple.maximum:
                raise SchemaError(f"signed range of {name} is not supported")
        else:
            self.out.add("if n > 127:")
            self.out.add(f"    at = {quoted(name)}")
            self.out.add(f"    n, p = read_uint(v, p, n, {limit})")
            if beyond:
                self.out.add(f"    if n{beyond}")
                self.out.add("        t.fits = False")
            if simple.minimum:
                self.out.add(f"if n < {simple.minimum}:")
                self.out.add("    t.fits = False")
            self.out.add(f"{target} = n")
        self._zeros(1, name)

    def _small(self, simple: SimpleType, name: str, target: str, width: int) -> _Bits:
        if simple.kind == "boolean":
            return _Bits(1, name, (f"{target} = {{}} == 1",))
        constant = self.names.constant(simple)
        if simple.kind == "enumeration":
            count, low, result = len(simple.values), "", f"_V{constant[2:]}[{{}}]"
        else:
            assert simple.minimum is not None
            assert simple.maximum is not None
            count = simple.maximum - simple.minimum + 1
            low = f" + {simple.minimum}" if simple.minimum > 0 else f" - {-simple.minimum}" if simple.minimum else ""
            result = f"({{}}){low}" if low else "{}"
        if count == 1 << width:
            return _Bits(width, name, (f"{target} = {result}",))
        beyond: tuple[str, ...] = ("    t.fits = False",)
        if simple.kind == "enumeration":  # a number without a value says nothing
            beyond = (f"    at = {quoted(name)}", f"    raise not_allowed({{offset}}, n, {constant})")
        check = (
            "n = {}",
            f"if n >= {count}:",
            *beyond,
            f"{target} = {result}".replace("({})", "n").replace("{}", "n"),
        )
        return _Bits(width, name, check)

    def _loop(self, index: int, position: Position) -> None:
        self.has_loop = True
        name = position.name
        codes = self.grammar.codes(index)
        if codes[0] != position.number + 1:
            raise SchemaError(f"{self.kind.label}: repetition of {name} is not supported")
        self._flush()
        complex_items = isinstance(position.elements[0].type, ComplexType)
        windowed = complex_items and (position.most is None or position.most > BIG_LOOP)
        out = self.out
        out.add("i = 0")
        out.add(f"q{index}: list[Any] = []")
        if windowed:
            out.add("origin = p")
        out.add("while True:")
        out.level += 1
        if windowed:
            out.add("if origin - p > WINDOW:")
            out.add("    origin = p")
            out.add("    v &= (1 << p) - 1")
        self._value(position, "y")
        waiting = self.pending
        if any(bits.use for bits in waiting):
            self._flush()
            waiting = []
        self.pending = []
        out.add(f"q{index}.append(y)")
        out.add("i += 1")
        if position.least > 1:
            out.add(f"if i < {position.least}:")
            out.level += 1
            self.pending = [*waiting]
            self._zeros(1, name)
            self._flush()
            out.add("continue")
            out.level -= 1
        if position.most is not None:
            out.add(f"if i == {position.most}:")
            out.level += 1
            self.pending = [*waiting]
            self._read_code(index, name)
            self._flush()
            if len(codes) == 1:
                out.add(f"k = {codes[0]}")
            out.add("break")
            out.level -= 1
        self.pending = [*waiting]
        both = [position.number, *codes]
        self.pending.append(_code_bits(len(both).bit_length(), name, both))
        self._flush()
        out.add(f"if k != {position.number}:")
        out.add("    break")
        out.level -= 1
        out.add("i = None")
        out.add(f"o.{name} = q{index}")

    def _simple_content(self) -> None:
        """Characters with at most one attribute."""
        simple, grammar = self.kind.simple, self.grammar
        assert simple is not None
        if len(grammar.positions) > 2 or simple.kind not in ("string", "hexBinary", "base64Binary"):
            raise SchemaError(f"{self.kind.label}: this simple content is not supported")
        bounds = f"{simple.min_length}, {simple.max_length}"
        text = simple.kind == "string"
        element_key = text_key(self.names, self.kind)
        call = f"read_text_element(v, p, t, {element_key}, {bounds})"
        rest = f"read_text_rest(v, p, t, {element_key}, {bounds})"
        if not text:
            call, rest = f"read_octets_element(v, p, t, {bounds})", f"read_octets_rest(v, p, t, {bounds})"
        if len(grammar.positions) == 1:
            self.out.add(f"o.value, p = {call}")
            return
        attribute = grammar.positions[0]
        if attribute.least:
            self._zeros(1, attribute.name)
            self._value(attribute, f"o.{attribute.name}")
            self.out.add('at = "value"')
            self.out.add(f"o.value, p = {call}")
            return
        self.out.add("p -= 2")
        self.out.add("k = v >> p & 3")
        self.out.add("if k == 0:")
        self.out.level += 1
        self._value(attribute, f"o.{attribute.name}")
        self.out.add('at = "value"')
        self.out.add(f"o.value, p = {call}")
        self.out.level -= 1
        self.out.add("else:")
        self.out.add(f"    o.{attribute.name} = None")
        self.out.add('    at = "value"')
        self.out.add("    if k == 1:")
        self.out.add(f"        o.value, p = {rest}")
        self.out.add("    elif k == 2:")
        self.out.add(f'        o.value, p = {"" if text else "b"}"", read_empty(v, p, t, {simple.min_length})')
        self.out.add("    else:")
        self.out.add("        raise undeclared(p, 2)")


def _code_bits(width: int, name: str, codes: list[int]) -> _Bits:
    """An event code, turned into the number of the production and checked."""
    if codes[-1] - codes[0] >= len(codes):
        lines = ("n = {}", f"if n >= {len(codes)}:", f"    at = {quoted(name)}", "    raise undeclared({offset}, 0)")
        return _Bits(width, name, (*lines, f"k = ({', '.join(map(str, codes))})[n]"))
    use = f"k = ({{}}) + {codes[0]}" if codes[0] else "k = {}"
    check = f"if k > {codes[-1]}:"
    return _Bits(width, name, (use, check, f"    at = {quoted(name)}", "    raise undeclared({offset}, 0)"))


def _where(constants: list[tuple[int, int, str]]) -> str:
    """The name of the element whose event code is wrong, from the highest bit set in ``b``."""
    lowest: list[tuple[int, str]] = []
    for shift, _, name in constants:
        if lowest and lowest[-1][1] == name:
            lowest[-1] = (shift, name)
        else:
            lowest.append((shift, name))
    if len(lowest) == 1:
        return quoted(lowest[0][1])
    return f"where(b, ({', '.join(f'({shift}, {quoted(name)})' for shift, name in lowest)}))"


def _only_value(simple: SimpleType) -> str:
    return quoted(simple.values[0]) if simple.kind == "enumeration" else str(simple.minimum)


def is_mandatory(grammar: Grammar, index: int) -> bool:
    """Whether every instance of the type has this position."""
    seen = set()
    stack = [START]
    while stack:
        state = stack.pop()
        if state in grammar.ends:
            return False
        for following in grammar.follow[state]:
            if following != index and following not in seen:
                seen.add(following)
                stack.append(following)
    return True


def tail_of(names: Names, kind: ComplexType) -> int:
    """Final zero bits that the reader and the writer of ``kind`` leave to their caller."""
    if id(kind) not in names.tails:
        emitter = ReaderEmitter(names, kind)
        emitter.emit()
        names.tails[id(kind)] = emitter.tail
    return names.tails[id(kind)]


def text_key(names: Names, kind: ComplexType) -> int:
    """String table key of the characters of a type with simple content: its first element's. Raises ``SchemaError`` for
    string content under several element names."""
    keys = {names.key(e.name) for e in names.schema.declarations if e.type is kind}
    if kind.simple is not None and kind.simple.kind == "string" and len(keys) != 1:
        raise SchemaError(f"{kind.label}: string content under {len(keys)} element names is not supported")
    return min(keys, default=0)
