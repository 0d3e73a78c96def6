"""The adapter interface: the only thing adapters know of the engine.

An adapter class implements one contract (a YAML file, see docs/adapters.md): one method per action, taking the
contract's arguments by keyword; one attribute or property per readable value; events go out through its port. An
adapter never decides, never blocks and never keeps a timer that a standard names.

    class SimulatedSupply(Adapter):
        contract = "power_supply"

        def set_output(self, *, voltage: float, current: float) -> None: ...

        @property
        def present_voltage(self) -> float: ...
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol

MAX_LENGTH: Final = 65_536
"""Of a string, bytes, list or mapping that a chart takes, and of all parts of an ``any`` value together."""


class Cancellable(Protocol):
    """A scheduled call that can be taken back."""

    def cancel(self) -> None:
        """Take it back; harmless when it has run or been cancelled."""
        ...


class Port(Protocol):
    """The host's side of an adapter, given to it by ``open``. All methods must be called from the host's thread."""

    @property
    def role(self) -> str:
        """The role the adapter is bound to, for messages."""
        ...

    def now_ns(self) -> int:
        """The host's clock in nanoseconds: the only clock an adapter may use."""
        ...

    def emit(self, event: str, /, **payload: Any) -> None:
        """Send an event of the contract to every machine bound to this adapter. The payload is checked against the
        contract; a wrong one is an ``error.adapter.<role>`` event that names the field."""
        ...

    def call_later(self, delay_ns: int, callback: Callable[[], None]) -> Cancellable:
        """Run ``callback`` on the host's clock. For mechanics (a frame's flight time, a sampling period), never for a
        standard's timer."""
        ...

    def done(self, call_id: str, /, **result: Any) -> None:
        """Report that a long action (``invoke: {call: …}``) ended well."""
        ...

    def failed(self, call_id: str, reason: str) -> None:
        """Report that a long action failed: ``error.invoke.<id>`` with ``reason``."""
        ...

    def error(self, message: str) -> None:
        """Report a fault outside any action: ``error.adapter.<role>`` with ``message``."""
        ...

    def tell(self, message: str, /, **data: Any) -> None:
        """Tell people something that no chart decides about: a note in the trace and the views."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine on the host's loop (real clock only); an exception in it becomes :meth:`error`."""
        ...

    def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
        """Pass work from a foreign thread (a serial driver, say) to the host's thread."""
        ...


class World:
    """Objects that several adapters share, such as the simulated cable of a station and a vehicle. One per system.

    ``virtual``: the clock is virtual. It stands while an adapter works, and a run is the same each time: nothing is
    left to threads, the time of day, or chance without a seed."""

    def __init__(self, virtual: bool = False) -> None:
        self.virtual = virtual
        self._things: dict[str, Any] = {}

    def shared(self, name: str, make: Callable[[], Any]) -> Any:
        """The object of this name, made by ``make`` at the first call."""
        if name not in self._things:
            self._things[name] = make()
        return self._things[name]


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of an adapter's section in the station file. ``type`` is written as in a chart: ``int``, ``float V``,
    ``duration``, ``enum(a, b)``, ``string?``; ``default`` is a value of it (nanoseconds for a duration).

    ``names``: whose name it is when nobody sets it: ``machine`` (a host: that of the machine, where a station has
    several) or ``unit`` (a cable: that of the unit of a station, where the role belongs to one). ``secret``: it is
    never told, and ``@FILE`` stands for what is in a file."""

    type: str
    default: Any
    description: str
    names: str = ""
    secret: bool = False


class Adapter:
    """Base of all adapters. ``config`` is the adapter's section of the station file.

    ``settings`` declares its keys: a declared key is checked, typed, filled with its default, may be overridden by
    the environment and ``--set``, and is listed by ``engine run --help-config``. With none declared the section is
    handed over as it is written.
    """

    contract: ClassVar[str]
    behind: ClassVar[str] = "real"
    """What is behind the role, for people: ``real``, ``simulated``, ``pretended`` (a stand-in for the other side at
    real surroundings), or nothing for what touches no world (a codec)."""
    real_clock: ClassVar[bool] = False
    """It cannot do anything on the virtual clock: ``engine run --fast`` is refused with it."""
    settings: ClassVar[Mapping[str, Setting]] = {}

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        self.config = config
        self.world = world

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        """What an adapter with this section takes for its machine alone, as people say it (``the station's end of
        cable '1'``), by the setting that says which. Two machines that claim the same are refused; roles of one
        machine may."""
        return {}

    @classmethod
    def refuses(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        """Why values that have their types cannot be all the same (a range, two that contradict each other), by
        setting. Looked at before anything is made or opened."""
        return {}

    def open(self, port: Port) -> None:
        """Acquire what is needed. Raises ``AdapterError`` that says what is wrong and what to do."""
        self.port = port

    def close(self) -> None:
        """Release everything and leave it safe. Called once, also after a failed ``open``; must not raise."""

    def age_ns(self, value: str) -> int:
        """The time (ns) since a value was measured: ``role.value.age`` of a chart. 0 for what is measured as it is
        read; an adapter that keeps what its device last sent says how old that is. Where the contract states when a
        value is stale, the host asks for it once in that time."""
        return 0

    # A long action's method takes the contract's arguments plus ``call_id`` and reports by ``port.done``/``failed``.
    # ``cancel_call`` is called when the invoking state is left before that.
    def cancel_call(self, call_id: str) -> None:
        """Cancel a long action: nobody waits for its result any more."""


class AdapterError(Exception):
    """An adapter cannot do what it was asked: the message names what, where and the way out."""


class ConfigurationError(AdapterError):
    """The settings cannot do what a chart orders at its start (TLS without a certificate). Trying again would not help,
    so the run ends before it begins. The message names the setting."""


def read_json(text: str | bytes, constant: Callable[[str], Any] | None = None) -> Any:
    """The value of a JSON text from outside; ``constant`` is called for ``NaN`` and ``Infinity``. Raises ``ValueError``
    for what is none, is nested too deeply, or holds half of a surrogate pair, which JSON can write, but is no character
    (RFC 8259 §8.2): it could neither be stored nor told."""
    try:
        found = json.loads(text, parse_constant=constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not is_unicode(found):
        raise ValueError("half of a surrogate pair is no character")
    return found


def is_unicode(value: Any) -> bool:
    """Whether all texts of a value of JSON are characters, and not half of a surrogate pair."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Answer:
    """What a path of ``adapters/web`` answers: a status of HTTP and a body of JSON."""

    status: int
    body: Any


class Refusal(Exception):
    """An order is not carried out: a status of HTTP and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


@dataclass(frozen=True, slots=True)
class Schemas:
    """JSON Schemas of one path of another system. ``answer``: of 200, None where it is never done; ``refused``: of 409,
    501 and 503, ``invalid``: of 422."""

    asked: Mapping[str, Any]
    answer: dict[str, Any] | None
    refused: Mapping[str, Any]
    invalid: Mapping[str, Any]


class Window(Protocol):
    """A running station as the paths of another system see it (``[web]`` of its file)."""

    async def values(self) -> dict[str, Any]:
        """What the file names, as it is now: numbers in the units of their charts, bytes as hexadecimal digits, None
        for what is not there. Raises :class:`Refusal` when the station does not answer."""
        ...

    async def results(self) -> list[dict[str, Any]]:
        """The sessions that ended: ``good``, ``text``, ``time_ns``, ``duration_ns``, ``data`` of the event that told.
        Raises :class:`Refusal`."""
        ...

    async def order(self, name: str, choice: str = "") -> None:
        """Do what the file says for this name. Raises :class:`Refusal` where it says nothing, or it is not done."""
        ...


class Registry(Protocol):
    """The object that the entry point ``chargechart.adapters`` names: where contracts are and what implements
    them."""

    def contract_files(self) -> list[str]:
        """Paths of the contract YAML files."""
        ...

    def implementations(self, contract: str) -> dict[str, str]:
        """Implementation name -> ``module:Class``, or the file of a chart that serves the contract, as it is found by
        name (``machines/pilot/bench_vehicle.yaml``). Imported or loaded only when bound. The first one is the
        default."""
        ...

    def chart_folders(self) -> list[str]:
        """Folders of charts and station files that this distribution brings; they are found by name from any folder."""
        ...
