"""Shared by all generated message classes: field descriptions, validation, equality, physical values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any, ClassVar, Protocol, Self

from .bits import SECOND_LEVEL, shown
from .errors import ExiError, ValidationError
from .values import Boolean, Enumeration, Integer, Simple

new = object.__new__


class Field:
    """One field of a message class, in wire order.

    ``form`` is ``attribute``, ``element``, ``text`` (simple content), ``group`` (one member of a substitution group,
    the class says which) or ``content`` (mixed or open content: a list of strings and Elements). ``type`` is a simple
    type, a message class, or for a group the classes by element name. ``least``/``most`` bound the occurrences; a field
    with ``most`` other than 1 is a list.
    """

    __slots__ = ("form", "least", "most", "name", "namespace", "plain", "type")

    def __init__(self, form: str, name: str, namespace: str, type_: Any, least: int = 1, most: int | None = 1) -> None:
        self.form = form
        self.name = name
        self.namespace = namespace
        self.type: Any = type_
        self.least = least
        self.most = most
        self.plain: tuple[type, ...] = ()
        """Classes of which every value is allowed here."""
        if most == 1:
            members = tuple(type_.values()) if form == "group" else (type_,) if isinstance(type_, type) else ()
            self.plain = (*members, *([bool] if isinstance(type_, Boolean) else []), *([] if least else [type(None)]))

    @property
    def repeated(self) -> bool:
        """Whether the value is a list."""
        return self.most != 1

    def check(self, x: Any) -> None:
        """Raises ValidationError, with this field's name in its path, when ``x`` is not allowed here."""
        try:
            if self.most == 1:
                if x is not None:
                    self.check_one(x)
                elif self.least:
                    raise ValidationError("required, but missing")
                return
            if not isinstance(x, list):
                raise ValidationError(f"a list is required, not {type(x).__name__}")
            if len(x) < self.least or (self.most is not None and len(x) > self.most):
                most = "any number" if self.most is None else self.most
                raise ValidationError(f"{len(x)} items, {self.least} to {most} are allowed")
            for position, item in enumerate(x):
                try:
                    self.check_one(item)
                except ValidationError as error:
                    raise error.inside(f"[{position}]") from None
        except ValidationError as error:
            raise error.inside(self.name) from None

    def check_one(self, x: Any) -> None:
        """Raises ValidationError when ``x`` is not one value of this field's type."""
        if self.form == "content":
            if not isinstance(x, Element) and not (isinstance(x, str) and x):
                raise ValidationError(f"text or an Element is required, not {type(x).__name__}")
        elif self.form == "group":
            if type(x) not in self.type.values():
                classes = ", ".join(c.__name__ for c in self.type.values())
                raise ValidationError(f"one of {classes} is required, not {type(x).__name__}")
        elif isinstance(self.type, type):
            if type(x) is not self.type:
                raise ValidationError(f"{self.type.__name__} is required, not {type(x).__name__}")
        else:
            self.type.check(x)


class Message:
    """Base of the generated classes: one per complex type of a schema."""

    __slots__ = ()
    PROTOCOL: ClassVar[str] = ""
    """The protocol whose class this is; empty for a part of messages that several protocols share."""
    ELEMENT: ClassVar[str] = ""
    """The global element that has this type, where there is exactly one."""
    FIELDS: ClassVar[tuple[Field, ...]] = ()
    CHOICES: ClassVar[tuple[tuple[bool, tuple[str, ...]], ...]] = ()
    """Fields that exclude each other; True where one of them is required."""
    TOGETHER: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Fields of which all are present, or none."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, f.name) == getattr(other, f.name) for f in self.FIELDS)

    __hash__ = None  # type: ignore[assignment]  # messages are mutable

    def __repr__(self) -> str:
        fields = ((f.name, getattr(self, f.name)) for f in self.FIELDS)
        return f"{type(self).__name__}({', '.join(f'{n}={x!r}' for n, x in fields if x is not None and x != [])})"


class Element:
    """An element whose class alone does not say its name: of a fragment, of open content, or of a simple type.

    ``name`` is the local name, or ``{namespace}local`` where the schema set declares that local name twice.
    """

    __slots__ = ("name", "protocol", "value")

    def __init__(self, name: str, value: Any, protocol: str = "") -> None:
        self.name = name
        self.value = value
        self.protocol = protocol

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Element):
            return NotImplemented
        return self.name == other.name and bool(self.value == other.value)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Element({self.name!r}, {self.value!r})"


def title(message: Message) -> str:
    """The name of a message in paths: its element, or its type. Raises ValidationError for what is not a message."""
    if not isinstance(message, Message):
        raise ValidationError(f"a message is required, not {type(message).__name__}")
    return message.ELEMENT or type(message).__name__


def check_fields(message: Message) -> None:
    """Checks every field of ``message``, not what lies inside its parts. Raises ValidationError."""
    try:
        for field in message.FIELDS:
            x = getattr(message, field.name)
            if type(x) not in field.plain:
                field.check(x)
        if message.CHOICES or message.TOGETHER:
            _check_choices(message)
    except ValidationError as error:
        raise error.inside(title(message)) from None


def _check_choices(message: Message) -> None:
    for required, names in message.CHOICES:
        present = [name for name in names if getattr(message, name) is not None]
        if len(present) > 1:
            raise ValidationError(f"{' and '.join(present)} exclude each other")
        if required and not present:
            raise ValidationError(f"one of {', '.join(names)} is required")
    for group in message.TOGETHER:
        absent = [name for name in group if getattr(message, name) is None]
        if 0 < len(absent) < len(group):
            raise ValidationError(f"{', '.join(group)} belong together, but {', '.join(absent)} is missing")


class Checker(Protocol):
    """The check of values against an element declaration."""

    def check(self, value: Any) -> None:
        """Raises ValidationError when ``value`` is of another type or outside its facets; parts are not looked at."""


def validate(message: Message | Element, elements: Mapping[str, Checker]) -> None:
    """Checks a message and all its parts; ``elements`` are the declarations by name.

    Raises ValidationError; its path starts at the message.
    """
    for error in _problems(message, elements):
        raise error from None


MAX_MISFITS = 16
"""Misfits of one message that are named."""


def find_misfits(message: Message | Element, elements: Mapping[str, Checker]) -> list[ValidationError]:
    """Every fault that ``validate`` would raise, in order, at most ``MAX_MISFITS``."""
    return list(islice(_problems(message, elements), MAX_MISFITS))


def _problems(message: Message | Element, elements: Mapping[str, Checker]) -> Iterator[ValidationError]:
    if isinstance(message, Element):
        yield from _of_element(message, elements)
        return
    name = title(message)
    for error in _of_message(message, elements):
        yield error.inside(name)


def _of_element(element: Element, elements: Mapping[str, Checker]) -> Iterator[ValidationError]:
    if element.name not in elements:
        yield ValidationError("is not declared").inside(element.name)
        return
    try:
        elements[element.name].check(element.value)
    except ValidationError as error:
        yield error.inside(element.name)
    if isinstance(element.value, Message):
        for problem in _of_message(element.value, elements):
            yield problem.inside(element.name)


def _of_message(message: Message, elements: Mapping[str, Checker]) -> Iterator[ValidationError]:
    for field in message.FIELDS:
        x = getattr(message, field.name, None)
        try:
            field.check(x)
        except ValidationError as error:
            yield error
        for position, item in _parts(x):
            if isinstance(item, Element):
                found = _of_element(item, elements)
            elif isinstance(item, Message):
                found = _of_message(item, elements)
            else:
                continue
            for problem in found:
                inner = f"{field.name}{position}"
                if field.form == "group":
                    inner = next((name for name, cls in field.type.items() if cls is type(item)), inner)
                yield problem.inside(inner)
    try:
        _check_choices(message)
    except ValidationError as error:
        yield error


def _parts(x: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(x, list):
        yield from ((f"[{i}]", item) for i, item in enumerate(x))
    elif x is not None:
        yield "", x


def unreadable(error: Exception, at: str, index: int | None = None) -> ExiError:
    """What a generated reader raises when reading the element ``at`` failed."""
    name = at if index is None else f"{at}[{index}]"
    if isinstance(error, ExiError):
        return error.inside(name)
    return ExiError("stream ends too early", remaining=0).inside(name)


def where(bits: int, names: tuple[tuple[int, str], ...]) -> str:
    """The element whose zero bits are not zero: ``names`` lists (lowest bit, element) from the highest bit down."""
    highest = bits.bit_length() - 1
    return next(name for lowest, name in names if highest >= lowest)


def undeclared(p: int, bits: int) -> ExiError:
    """An event code that no declared content has; ``bits`` are the last bits read that should have been zero."""
    return ExiError(SECOND_LEVEL, remaining=p + bits.bit_length())


def not_allowed(remaining: int, n: int, simple: Enumeration | Integer) -> ExiError:
    """A number outside an enumeration or a range."""
    if isinstance(simple, Enumeration):
        return ExiError(f"enumeration value {n} of {len(simple.values)}", remaining=remaining)
    return ExiError(f"{n} is not from {simple.low} to {simple.high}", remaining=remaining)


def unwritable(
    error: Exception, message: Any, cls: type[Message], at: str, index: int | None = None
) -> ValidationError:
    """What a generated writer raises: an error from a part, or what the checks of the message's own fields find."""
    name = at if index is None else f"{at}[{index}]"
    if isinstance(error, ValidationError) and error.path:
        return error.inside(name)
    if type(message) is not cls:
        return ValidationError(f"{cls.__name__} is required, not {type(message).__name__}")
    try:
        for field in cls.FIELDS:
            field.check(getattr(message, field.name, None))
        _check_choices(message)
    except ValidationError as found:
        return found
    reason = error.reason if isinstance(error, ValidationError) else f"{type(error).__name__}: {error}"
    return ValidationError(reason, name)


class OutOfRange(ValidationError):
    """Raised inside generated writers; ``unwritable`` finds the cause."""

    def __init__(self) -> None:
        super().__init__("value out of range")


def _decimal(number: Any) -> Decimal:
    """A number as people write it: 0.1 is one tenth, also where the float is of another library's type."""
    try:
        if isinstance(number, int | Decimal):
            return Decimal(number)
        if not isinstance(number, str | bytes | bytearray):
            return Decimal(float.__repr__(float(number)))
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValidationError(f"a number is required, not {shown(number)}")


@cache
def _powers(lowest: int, highest: int) -> tuple[int, ...]:
    """The nearest to 0 first."""
    return tuple(sorted(range(lowest, highest + 1), key=lambda power: (abs(power), power)))


class _Scaled(Message):
    """A number as a power of ten and a 16-bit whole number."""

    __slots__ = ()

    @staticmethod
    def _split(number: float | Decimal, lowest: int, highest: int, *, exact: bool) -> tuple[int, int]:
        decimal = _decimal(number)
        if not decimal.is_finite():
            raise ValidationError(f"{number} is not a finite number")
        for power in _powers(lowest, highest):
            scaled = decimal.scaleb(-power)
            if scaled == scaled.to_integral_value() and -32768 <= scaled <= 32767:
                return power, int(scaled)
        if not exact:
            for power in range(lowest, highest + 1):
                rounded = decimal.scaleb(-power).to_integral_value()
                if -32768 <= rounded <= 32767:
                    return power, int(rounded)
        raise ValidationError(f"{number} is not a 16-bit number times a power of ten from 10^{lowest} to 10^{highest}")


class PhysicalValue(_Scaled):
    """DIN 70121 and ISO 15118-2 PhysicalValueType: Value × 10^Multiplier in Unit."""

    __slots__ = ()
    Multiplier: int
    Unit: Any
    Value: int

    def __float__(self) -> float:
        if self.Multiplier < 0:
            return float(self.Value / 10**-self.Multiplier)  # whole numbers: the float nearest to their quotient
        return float(self.Value * 10**self.Multiplier)

    def value_in_unit(self, unit: str) -> float:
        """The number in ``unit``. Raises ValidationError when the message says another unit (DIN may leave it out)."""
        if self.Unit is not None and self.Unit != unit:
            raise ValidationError(f"the value is in {self.Unit}, not in {unit}", title(self))
        return float(self)

    @classmethod
    def of(cls, number: float | Decimal, unit: str) -> Self:
        """The value equal to ``number``, with the multiplier nearest to 0. Raises ValidationError if there is none."""
        multiplier, value = cls._split(number, -3, 3, exact=True)
        return cls(Multiplier=multiplier, Unit=unit, Value=value)  # type: ignore[call-arg]

    @classmethod
    def nearest(cls, number: float | Decimal, unit: str) -> Self:
        """The value nearest to ``number`` (a measurement). Raises ValidationError when it is beyond ±32,767,000."""
        multiplier, value = cls._split(number, -3, 3, exact=False)
        return cls(Multiplier=multiplier, Unit=unit, Value=value)  # type: ignore[call-arg]


class RationalNumber(_Scaled):
    """ISO 15118-20 RationalNumberType: Value × 10^Exponent; the unit is the element's (see its docstring)."""

    __slots__ = ()
    Exponent: int
    Value: int

    def __float__(self) -> float:
        return float(Decimal(self.Value).scaleb(self.Exponent))

    @classmethod
    def of(cls, number: float | Decimal) -> Self:
        """The value equal to ``number``, with the exponent nearest to 0. Raises ValidationError if there is none."""
        exponent, value = cls._split(number, -128, 127, exact=True)
        return cls(Exponent=exponent, Value=value)  # type: ignore[call-arg]

    @classmethod
    def nearest(cls, number: float | Decimal) -> Self:
        """The value nearest to ``number`` (a measurement)."""
        exponent, value = cls._split(number, -128, 127, exact=False)
        return cls(Exponent=exponent, Value=value)  # type: ignore[call-arg]


Value = Simple | type[Message]
