"""Adapters of messages on a bus: contract ``power_modules`` for all families of modules, and one contract for each side
of a battery protocol, whose orders and events are the messages of the family's table (:func:`contract_text` writes
them).
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from adapters.can.bus import ON_BUS, BusRole
from adapters.can.families import FAMILIES, MODULES, family, module_family
from adapters.can.frame import Frame, Message, Misfit
from adapters.can.modules import READINGS
from adapters.can.table import Family, Field, IdField, MessageType, Unfit
from adapters.can.transport import Transport
from engine.adapter import AdapterError, Cancellable, ConfigurationError, Setting, World

MISFITS_NS: Final = 100_000_000
"""So often a role tells of frames that cannot be read, and how many there were: who floods the bus with them fills
nobody's queue."""
PROFILE: Final = Setting("string", "", "What differs between models of the family: current_limit_scale=30, …")


def parse_profile(text: str) -> dict[str, float]:
    """``current_divisor=10, group=1`` as numbers. Raises ``ConfigurationError``."""
    profile = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        try:
            profile[key] = float(int(value, 0)) if value.lower().startswith("0x") else float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise ConfigurationError(f"setting 'profile': '{part}' is not KEY=NUMBER")
    return profile


def codec_of(name: str, profile: str, make: Callable[[str, Mapping[str, float]], Family]) -> Any:
    """The codec that settings name. Raises ``ConfigurationError``."""
    try:
        return make(name, parse_profile(profile))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"family '{name}', profile '{profile}': {error.args[0]}") from None


def refused_profile(name: str, profile: str) -> Mapping[str, str]:
    """Why this profile cannot be of this family: :meth:`Adapter.refuses`."""
    try:
        codec_of(name, profile, family)
    except ConfigurationError as error:
        return {"profile": str(error)}
    return {}


class DecodingRole(BusRole):
    """Base of the roles with a codec."""

    _misfits = 0
    _quiet: Cancellable | None = None

    def misfit(self, frame: Frame, reason: str) -> None:
        """Tell of a frame that cannot be read: the first at once, then the last one of each :data:`MISFITS_NS`."""
        self._misfits += 1
        self._last_misfit = frame, reason
        if self._quiet is None:
            self._tell_misfits()

    def _tell_misfits(self) -> None:
        self._quiet = None
        if self._misfits:
            (frame, reason), count = self._last_misfit, self._misfits
            self._misfits = 0
            self._quiet = self.port.call_later(MISFITS_NS, self._tell_misfits)
            self.port.emit("misfit", id=frame.id, data=frame.data[:8], reason=reason, count=count)

    def close(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
        super().close()


EACH: Final = -1
"""In the place of the address that all modules obey, where a make has none."""


class PowerModules(DecodingRole):
    """Contract ``power_modules``: orders become frames of the family, frames of modules become readings and status."""

    contract = "power_modules"
    settings: ClassVar[Mapping[str, Setting]] = {
        **ON_BUS,
        "family": Setting(f"enum({', '.join(MODULES)})", "infy", "Make of the modules"),
        "profile": PROFILE,
    }

    @classmethod
    def refuses(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return refused_profile(config["family"], config["profile"])

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        self.codec = codec_of(self.config["family"], self.config["profile"], module_family)
        self.left_on: set[int] = set()
        """Addresses that were ordered on and not off since."""
        self._expected = range(0)
        self._serials: dict[int, int] = {}

    @property
    def first(self) -> int:
        """The lowest address."""
        return int(self.codec.first)

    @property
    def last(self) -> int:
        """The highest address."""
        return int(self.codec.last)

    @property
    def everyone(self) -> int:
        """The address that all modules obey; :data:`EACH` where a make has none: each that is expected is told."""
        return EACH if self.codec.everyone is None else int(self.codec.everyone)

    @property
    def has_ranges(self) -> bool:
        """Whether there are two ranges of voltage."""
        return bool(self.codec.has_order("wide"))

    @property
    def stores(self) -> bool:
        """Whether modules without their controller give what they have stored."""
        return bool(self.codec.has_order("store"))

    @property
    def reports_every(self) -> int:
        """How often each module reports without being asked, ns; 0: they are asked."""
        return int(self.codec.report_ns)

    @functools.cached_property
    def tells_output(self) -> bool:
        """Whether modules say if their output is on."""
        told = (row for row in self.codec.messages.values() if row.sender == "module")
        return self._tells_off or any(field.name == "output" for row in told for field in row.fields)

    def expect(self, *, first: int, count: int) -> None:
        """Raises ``ConfigurationError`` for modules that have no address among those of the settings, and for a bus
        that nobody connects."""
        if self.node is not None:
            self.node.refuse_nobodys()
        last = first + count - 1
        if first < self.first or last > self.last:
            modules = f"module {first}" if count == 1 else f"modules {first} to {last}"
            raise ConfigurationError(
                f"{self.codec.title} has no {modules} (first_address, addresses): its addresses are {self.first} to "
                f"{self.last}"
            )
        self._expected = range(first, last + 1)

    def set(self, *, module: int, voltage: float, current: float) -> None:
        self._order("set", module, voltage=voltage, current=current)

    def on(self, *, module: int) -> None:
        self.left_on.add(module)  # first: an order that failed half way may have reached it
        self._order("on", module)

    def off(self, *, module: int) -> None:
        self._order("off", module)
        if module == self.everyone:
            self.left_on.clear()
        self.left_on.discard(module)

    def last_words(self) -> None:
        """ "off" to whatever was left on. Without a bus the modules' own watchdog has to do it."""
        for module in sorted(self.left_on):
            with contextlib.suppress(AdapterError):
                self._order("off", module)
        self.left_on.clear()

    def poll(self, *, module: int, turn: int | None = None) -> None:
        if turn is not None and self.codec.has_order("ask"):
            self._order("ask", module, turn=turn)
        else:
            self._order("poll", module)

    def select_range(self, *, module: int, range: str) -> None:
        self._order(range, module)

    def store(self, *, module: int, voltage: float, current: float) -> None:
        self._order("store", module, voltage=voltage, current=current)

    def identify(self, *, module: int) -> None:
        if self.codec.has_order("identify"):
            self._order("identify", module)

    def _order(self, name: str, module: int, **values: float) -> None:
        modules = self._expected if module == EACH else [module]
        try:
            frames = [frame for one in modules for frame in self.codec.order(name, one, **values)]
        except Unfit as error:
            raise AdapterError(str(error)) from None
        for frame in frames:
            self.put(frame)

    def received(self, frame: Frame) -> None:
        message = self.codec.decode(frame)
        if message is None:
            return
        if isinstance(message, Misfit):
            self.misfit(frame, message.reason)
        elif message.sender == "module":
            self._told(message)

    def _told(self, message: Message) -> None:
        values = message.values
        module = values["module"]
        serial = values.get(self.codec.serial)
        if serial is not None and serial != (before := self._serials.get(module)):
            self._serials[module] = serial
            if before is not None:
                self.port.emit("another", module=module)
        if message.name == "not_done" or values.get("error", "none") not in ("none", "starting"):
            self.port.emit("refused", module=module, what=f"{message.name} {values.get('code', values.get('error'))}")
            return
        if "taken" in message.name:
            self.port.emit("taken", module=module, what=message.name)
        if "stored_voltage" in values or "stored_current" in values:
            stored = {"voltage": values.get("stored_voltage"), "current": values.get("stored_current")}
            self.port.emit("stored", module=module, **stored)
        if any(name in values for name in READINGS):
            self.port.emit("reading", module=module, **{name: values.get(name) for name in READINGS})
        if "alarms" in values or "output" in values:
            alarms = values.get("alarms", [])
            output = values.get("output")
            if output is None and self._tells_off:
                output = "off" if "output_off" in alarms else "on"
            self.port.emit("status", module=module, output=output, alarms=list(alarms))

    @functools.cached_property
    def _tells_off(self) -> bool:
        """Whether an alarm of the family says that the output is off."""
        named = (f.words.values() for row in self.codec.messages.values() for f in row.fields if f.name == "alarms")
        return any("output_off" in words for words in named)


# ------------------------------------------------------------------------------------------------ messages as they are

SIDES: Final[dict[str, tuple[str, str, int | None]]] = {
    "elcon_charger": ("elcon", "charger", None),
    "elcon_battery": ("elcon", "battery", None),
    "daly_host": ("daly", "controller", None),
    "light_charger_terminal": ("terminal", "controller", None),
    "gbt_charger": ("gbt", "charger", 0x56),
    "gbt_battery": ("gbt", "battery", 0xF4),
}
"""Contract -> family, who we are, our address where messages are longer than a frame."""


class MessageRole(DecodingRole):
    """Base of the adapters whose orders are the messages we send and whose events those of the others."""

    settings: ClassVar[Mapping[str, Setting]] = {**ON_BUS, "profile": PROFILE}

    @classmethod
    def refuses(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return refused_profile(SIDES[cls.contract][0], config["profile"])

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        name, self.side, self.address = SIDES[self.contract]
        self.codec: Family = codec_of(name, self.config["profile"], family)
        self._transport = None if self.address is None else Transport(self.address)

    def tell(self, name: str, values: Mapping[str, Any]) -> None:
        """Send a message; values that are None have their default. Raises ``AdapterError``."""
        given = {key: value for key, value in values.items() if value is not None}
        try:
            frame = self.codec.encode(name, **given)
        except Unfit as error:
            raise AdapterError(str(error)) from None
        if self._transport is None or len(frame.data) <= 8:
            self.put(frame)
            return
        pgn, destination = frame.id >> 8 & 0xFF00, frame.id >> 8 & 0xFF
        for part in self._transport.send(pgn, destination, frame.data, frame.id >> 26):
            self.put(part)

    def received(self, frame: Frame) -> None:
        if self._transport is None:
            self._read(frame)
            return
        outcome = self._transport.receive(frame)
        for part in outcome.send:
            self.put(part)
        if outcome.misfit is not None and frame.id >> 8 & 0xFF == self.address:
            self.misfit(frame, outcome.misfit.reason)
        whole = outcome.whole or outcome.passed
        if whole is not None:
            self._read(whole)

    def _read(self, frame: Frame) -> None:
        message = self.codec.decode(frame)
        if isinstance(message, Misfit):
            self.misfit(frame, message.reason)
        elif message is not None and message.sender != self.side:
            self.port.emit(message.name, **message.values)


def _sending(name: str) -> Callable[..., None]:
    def order(self: MessageRole, **values: Any) -> None:
        self.tell(name, values)

    order.__name__ = name
    return order


def _role(name: str, contract: str) -> type[MessageRole]:
    kind, side, _ = SIDES[contract]
    orders = {row.name: _sending(row.name) for row in family(kind).messages.values() if row.sender == side}
    doc = f"Contract ``{contract}``: {FAMILIES[kind]}, as the {side}."
    return type(name, (MessageRole,), {"contract": contract, "__doc__": doc, "__module__": __name__, **orders})


ElconCharger = _role("ElconCharger", "elcon_charger")
ElconBattery = _role("ElconBattery", "elcon_battery")
DalyHost = _role("DalyHost", "daly_host")
LightChargerTerminal = _role("LightChargerTerminal", "light_charger_terminal")
GbtCharger = _role("GbtCharger", "gbt_charger")
GbtBattery = _role("GbtBattery", "gbt_battery")


# ------------------------------------------------------------------------------------------------ their contracts


def contract_text(contract: str) -> str:
    """The contract file of a side, from the family's table."""
    kind, side, _ = SIDES[contract]
    codec = family(kind)
    lines = [
        f"# Made from the table of adapters/can/families/{kind}: python -m adapters.can contracts",
        f"contract: {contract}",
        f"description: {FAMILIES[kind]}; as the {side}. An order sends its message once; events are those of others.",
        f"source: {codec.source}",
        "lane: CAN",
        "local: [misfit]",
    ]
    sent = [row for row in codec.messages.values() if row.sender == side]
    heard = [row for row in codec.messages.values() if row.sender != side]
    lines.append("actions:" if sent else "actions: {}")
    for row in sent:
        lines += [f"  {row.name}:", f"    args: {_fields(row, True)}"]
    lines.append("events:")
    for row in heard:
        lines += [f"  {row.name}:", f"    payload: {_fields(row, False)}"]
    lines += [
        "  misfit:",
        "    description: A frame of this protocol that cannot be read, the last of count; at most ten a second.",
        "    payload: {id: int, data: bytes, reason: string, count: int}",
        "values: {}",
    ]
    return "\n".join(lines) + "\n"


def _fields(row: MessageType, order: bool) -> str:
    fields: list[Field | IdField] = [*row.id.fields, *row.fields]
    written = []
    for field in fields:
        text = field.type if isinstance(field, Field) else "int"
        if order and field.name in row.defaults and not text.endswith("?"):
            text += "?"
        written.append(f"{field.name}: '{text}'" if set(text) & set(",:?") else f"{field.name}: {text}")
    return "{" + ", ".join(written) + "}"
