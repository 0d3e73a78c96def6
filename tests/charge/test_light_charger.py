"""The light-vehicle charger, its power stage and a vehicle with real frames on two buses, on the virtual clock: a whole
charge, and what goes wrong on the way. The charger's chart decides; each scenario states how it ends."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import engine
from adapters.can.bus import BusState, Node
from adapters.can.frame import Frame
from adapters.can.simulated import SimulatedLink, Wire
from adapters.power.circuit import PowerCircuit
from adapters.registry import REGISTRY
from engine.run import System
from engine.run.faults import parse_rule
from engine.run.observer import Note, StepRecord
from engine.run.station import Overrides, Station, build, resolve

S = 1_000_000_000
COMMAND, STATUS, TERMINALS, STATE, CONFIGURE = 0x1806E5F4, 0x18FF50E5, 0x00433F01, 0x00473F01, 0x068181FE
QUERY, ANSWER = 0x068182FE, 0x0681827E


@cache
def plan(sets: tuple[str, ...]) -> Station:
    return resolve(Path("machines/charger_bms.yaml"), None, Overrides(sets, {}, {}), REGISTRY, engine.load)


class Stranger:
    """One more node on a bus: hears all frames, sends what a scenario has it send."""

    sent = received = 0

    def __init__(self, bench: LightBench, wire: Wire) -> None:
        self.heard: list[tuple[float, int, bytes]] = []
        self.node = Node("stranger")
        self.link = SimulatedLink(wire, self.node, bench, self)  # type: ignore[arg-type]
        self.node.subscribe(lambda frame: self.heard.append((bench.now_s, frame.id, frame.data)))
        self.link.connect()

    def connected(self) -> None: ...
    def state_changed(self, state: BusState, reason: str) -> None: ...
    def lost(self, reason: str) -> None: ...
    def send_failed(self, frame: Frame, reason: str, text: str) -> None: ...

    def says(self, can_id: int, data: bytes) -> None:
        self.link.send(Frame(can_id, data))

    def frames(self, can_id: int) -> list[tuple[float, bytes]]:
        return [(at, data) for at, one, data in self.heard if one == can_id]


class LightBench:
    """Charger, power stage and vehicle. ``results``: (machine, payload) of ended sessions; ``errors``: what no scenario
    may cause."""

    role = "hand"

    def __init__(self, *sets: str) -> None:
        self.system = System()
        self.system.observers.append(self)
        self.errors: list[str] = []
        self.results: list[tuple[str, dict[str, Any]]] = []
        build(plan(sets), self.system, REGISTRY)
        self.system.start()
        self.power = Stranger(self, self.wire("power"))
        self.battery = Stranger(self, self.wire("battery"))

    def now_ns(self) -> int:
        return self.system.clock.now_ns()

    def call_later(self, delay_ns: int, callback: Callable[[], None]) -> Any:
        return self.system.set_deadline(delay_ns, callback)

    def wire(self, name: str) -> Wire:
        wire: Wire = self.system.world.shared(f"CAN wire {name}", lambda: Wire(250_000))
        return wire

    @property
    def now_s(self) -> float:
        return self.now_ns() / S

    def step(self, record: StepRecord) -> None:
        """Observer."""

    def note(self, note: Note) -> None:
        if note.kind == "out" and note.text == "session_ended":
            self.results.append((note.path, dict(note.data)))
        elif note.kind in ("adapter_error", "machine_failed", "queue_full", "child_refused", "invariant"):
            self.errors.append(f"{note.path}: {note.text}")

    def run(self, seconds: float) -> None:
        self.system.advance(round(seconds * S))

    def until(self, condition: Callable[[], bool], seconds: float, what: str) -> float:
        start = self.now_s
        if not self.system.run_until(condition, self.now_ns() + round(seconds * S)) and not condition():
            raise AssertionError(f"no {what} within {seconds} s: {self.states()}")
        return self.now_s - start

    def states(self) -> dict[str, tuple[str, ...]]:
        actors = [actor for root in self.system.roots.values() for actor in root.tree()]
        return {a.path: a.machine.configuration for a in actors}

    def is_in(self, state: str, path: str = "charger") -> bool:
        return state in self.states().get(path, ())

    def fault(self, rule: str) -> None:
        """``ACTION:machine.role.name:which`` from now on."""
        action, where, *rest = rule.split(":")
        machine, role, name = where.split(".")
        self.system.roots[machine].roles[role].fault(name, parse_rule(":".join([action, f"{role}.{name}", *rest])))

    @property
    def circuit(self) -> PowerCircuit:
        circuit: PowerCircuit = self.system.world.shared("power circuit 1", PowerCircuit)
        circuit.advance(self.now_ns())
        return circuit

    @property
    def text(self) -> str:
        return str(self.system.roots["charger"].roles["display"].adapter.text)  # type: ignore[attr-defined]

    @property
    def is_off(self) -> bool:
        return not self.circuit.station_closed and not self.circuit.on

    def result(self) -> tuple[str, str]:
        (one,) = [data for path, data in self.results if path == "charger"]
        return one["end"], one["reason"]


def charging(*sets: str) -> LightBench:
    """In the middle of a charge, with current."""
    bench = LightBench("vehicle.stop_at_soc=100 %", *sets)
    bench.until(lambda: bench.circuit.output_A > 55.0, 10, "current")
    return bench


def ends(bench: LightBench, seconds: float, end: str, reason: str) -> None:
    """Contactor open and power stage off within the time, the result told with its reason."""
    took = bench.until(lambda: bench.is_off, seconds, "dead output")
    assert took <= seconds
    bench.until(lambda: bool([1 for path, _ in bench.results if path == "charger"]), 40, "result")
    assert bench.result() == (end, reason)


def test_a_whole_charge() -> None:
    """From the plug to the unplug: nothing flows before the contactor is closed, the battery gets what it asks for and
    not more, the session ends well, and the charger is free again."""
    bench = LightBench("vehicle.stop_at_soc=42 %")
    bench.until(lambda: bench.circuit.station_closed, 5, "closed contactor")
    assert abs(bench.circuit.output_V - bench.circuit.cable_V) < 2.0
    bench.until(lambda: bench.circuit.output_A > 59.0, 5, "current")
    bench.until(lambda: bool(bench.results), 120, "result of the vehicle")
    assert bench.results[0][0] == "vehicle"
    bench.until(lambda: bench.is_off, 3, "dead output")
    bench.until(lambda: len(bench.results) == 2, 40, "result of the charger")
    assert bench.result() == ("normal", "charged as far as the battery wants (the battery forbids charging)")
    assert bench.results[1][1]["energy"] == pytest.approx(bench.circuit.energy_Wh, rel=0.05)
    bench.until(lambda: bench.is_in("outlet.available"), 60, "free charger")
    assert bench.errors == []
    highest = max(struct.unpack(">ff", data)[1] for _, data in bench.power.frames(TERMINALS))
    assert highest <= 60.1
    told = [data for _, data in bench.battery.frames(STATUS)]
    assert any(int.from_bytes(data[2:4], "big") > 590 for data in told), "and the battery reads it"


def test_the_power_stage_is_asked_as_its_firmware_asks() -> None:
    """068182FE every 200 ms, one thing at a time: volts, amperes, 79, temperature, 83; answered on 0681827E."""
    bench = charging()
    bench.run(3)
    asked = bench.power.frames(QUERY)
    assert {round(b[0] - a[0], 3) for a, b in pairwise(asked)} == {0.2}
    first = next(number for number, (_, data) in enumerate(asked) if data[1] == 0x84)
    cycle = [data for _, data in asked[first : first + 5]]
    assert cycle == [bytes((1, code, 0, 0, 0, 0, 0, 0)) for code in (0x84, 0x82, 0x79, 0x80, 0x83)]
    told = {data[1]: data for _, data in bench.power.frames(ANSWER)}
    assert sorted(told) == [0x79, 0x80, 0x82, 0x83, 0x84]
    assert int.from_bytes(told[0x84][4:], "big") / 1024 == pytest.approx(bench.circuit.output_V, abs=0.5)
    assert int.from_bytes(told[0x82][6:], "big") / 1024 == pytest.approx(60.0, abs=0.5)
    assert told[0x80] == bytes.fromhex("0180000000007530"), "30 degC"
    others = {number for _, number, _ in bench.power.heard} - {QUERY, ANSWER, CONFIGURE, 0x0681817E, TERMINALS, STATE}
    assert others == set(), "and nothing else is on this bus"


def test_an_earlier_power_stage_writes_ten_times_the_current() -> None:
    """Its current is divided by a parameter of the profile."""
    bench = charging("adapters.terminal.profile=current_divisor=10", "stage.adapters.stage.current_scale=10")
    bench.run(5)
    assert (bench.is_in("outlet.plugged.charging"), bench.errors) == (True, [])
    assert bench.system.roots["charger"].machine.data["current"] == pytest.approx(60.0, abs=0.1)
    wrong = LightBench("stage.adapters.stage.current_scale=10")
    wrong.until(lambda: wrong.is_in("outlet.faulted"), 10, "fault")
    assert "out of range" in wrong.result()[1], "and not forgotten about"


def test_a_battery_that_falls_silent() -> None:
    """Its frames stop, the power stage's do not: current down and contactor open within 5 s of the last frame."""
    bench = charging()
    bench.fault("drop:vehicle.bms.command")
    ends(bench, 5.0, "failed", "no frame of the battery for 3 s")
    assert bench.text == "no frame of the battery for 3 s" or bench.is_in("outlet.unplugged")
    bench.run(5)
    assert bench.battery.frames(STATUS)[-1][1][4] & 0x10, "and the battery could read that it is not heard"
    assert bench.errors == []


def test_a_battery_whose_bus_is_cut() -> None:
    bench = charging()
    link = bench.system.roots["charger"].roles["bms_bus"].adapter.simulated_link  # type: ignore[attr-defined]
    bench.wire("battery").pull(link)
    ends(bench, 2.0, "failed", "the bus of the battery is lost: the adapter was pulled")


def test_a_power_stage_whose_bus_is_cut() -> None:
    """It goes on delivering; the contactor opens in the same instant, under load."""
    bench = charging()
    link = bench.system.roots["charger"].roles["power_bus"].adapter.simulated_link  # type: ignore[attr-defined]
    bench.wire("power").pull(link)
    assert bench.until(lambda: not bench.circuit.station_closed, 0.1, "open contactor") < 0.05
    bench.until(lambda: len(bench.results) > 0, 5, "result")
    assert bench.result() == ("failed", "the bus of the power stage is lost: the adapter was pulled")
    bench.until(lambda: bench.is_off, 5, "power stage that is off, told when the bus was back")


def test_a_battery_that_asks_above_the_limits() -> None:
    bench = charging()
    bench.circuit.battery.maximum_V = 90.0
    text = "the battery asks for 90.0 V, this charger gives 56.0 to 85.5 V"
    bench.until(lambda: bench.is_in("outlet.plugged.suspended"), 3.0, "end of the current")
    assert (bench.text, bench.results) == (text, [])
    ends(bench, 31.0, "failed", text)
    assert max(struct.unpack(">ff", data)[0] for _, data in bench.power.frames(TERMINALS)) < 85.5


def test_two_senders_of_the_battery_frame() -> None:
    """The battery allows 60 A, a stranger says 85 V and 300 A: it is noticed within a period of the battery and a bit,
    the charge stops, people read why."""
    bench = charging()
    highest = 0.0
    for _ in range(30):
        bench.battery.says(COMMAND, struct.pack(">HHBxxx", 850, 3000, 0))
        bench.run(0.1)
        highest = max(highest, bench.circuit.output_A)
    assert highest < 100.0
    assert bench.is_off
    assert bench.text.startswith("two senders say what the battery allows: ")
    assert "85.0 V, 300.0 A" in bench.text
    bench.until(lambda: bench.circuit.output_A > 55.0, 15, "current, once the battery is alone again")
    assert bench.errors == []


def test_a_battery_that_allows_more_than_the_charger_has() -> None:
    bench = charging()
    bench.circuit.battery.maximum_A, bench.circuit.battery.maximum_W = 400.0, 1e6
    bench.circuit.battery.resistance_Ohm = 0.01
    bench.run(3)
    asked = [data for _, data in bench.power.frames(CONFIGURE) if data[:2] == b"\x01\x03"]
    assert max(int.from_bytes(data[4:], "big") for data in asked) == 300 * 30.5


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), 1e30])
def test_terminals_that_are_no_number(number: float) -> None:
    """Only such frames come: nothing is known of the terminals, off after 2 s; people read why."""
    bench = charging()
    bench.fault("drop:stage.stage.tell_terminals")
    for _ in range(21):
        bench.power.says(TERMINALS, struct.pack(">ff", number, 60.0))
        bench.run(0.1)
    assert bench.is_off
    bench.until(lambda: bool(bench.results), 5, "result")
    end, reason = bench.result()
    assert end == "failed"
    assert reason.startswith("nothing of the terminals for 2 s, the last frame could not be relied on: ")


@pytest.mark.parametrize("data", [b"", b"\x42", bytes(7)])
def test_frames_that_are_too_short(data: bytes) -> None:
    """Between good ones they change nothing."""
    bench = charging()
    for _ in range(10):
        bench.power.says(TERMINALS, data)
        bench.power.says(STATE, data)
        bench.battery.says(COMMAND, data[:4])
        bench.run(0.2)
    assert (bench.is_in("outlet.plugged.charging"), bench.errors, bench.circuit.output_A > 55.0) == (True, [], True)


@pytest.mark.parametrize(
    "rule",
    [
        "drop:vehicle.bms.command:1-4",
        "dup(30 ms):vehicle.bms.command",
        "delay(400 ms):vehicle.bms.command",
        "drop:stage.stage.tell_terminals:1-15",
        "dup:stage.stage.tell_terminals",
        "delay(250 ms):stage.stage.tell_terminals",
        "drop:charger.bms.command:2-4",
    ],
)
def test_frames_lost_doubled_and_late(rule: str) -> None:
    """Inside the times the charts state they cost no charge."""
    bench = charging()
    bench.fault(rule)
    bench.run(6)
    assert (bench.is_in("outlet.plugged.charging"), bench.errors) == (True, [])
    assert bench.circuit.output_A > 55.0


def test_an_off_that_is_lost_is_told_again() -> None:
    bench = charging()
    bench.fault("drop:stage.stage.switch:1")
    bench.system.post(bench.system.roots["charger"], "stop", {"reason": "enough"})
    ends(bench, 2.0, "normal", "enough")


def test_a_power_stage_that_keeps_delivering() -> None:
    """Told to stop it goes on: the contactor opens in the chart's time, and an operator has to look."""
    bench = charging("stage.adapters.stage.stuck=true")
    bench.fault("drop:stage.stage.switch")
    bench.system.post(bench.system.roots["charger"], "stop", {"reason": "enough"})
    bench.until(lambda: not bench.circuit.station_closed, 4.0, "open contactor")
    assert bench.result() == ("failed", "the power stage does not switch off")
    assert bench.text == "Out of order"
    bench.run(30)
    assert bench.is_in("outlet.faulted")


@pytest.mark.parametrize("before_s", [0.0, 0.5])
def test_a_battery_the_wrong_way_round(before_s: float) -> None:
    """Whenever it comes, the charger is out of order and says why as long as it is there."""
    bench = LightBench("vehicle.stop_at_soc=100 %")
    bench.run(before_s)
    bench.fault("drop:stage.stage.tell_terminals")
    for _ in range(30):
        bench.power.says(TERMINALS, struct.pack(">ff", -72.0, 0.0))
        bench.run(0.1)
    assert bench.text == "Out of order: the battery is the wrong way round: -72.0 V"
    assert not bench.circuit.station_closed
    assert not [1 for _, data in bench.power.frames(CONFIGURE) if data[:2] == b"\x01\x00"], "no voltage was set"
    assert bench.battery.frames(STATUS)[-1][1][4] == 0x08, "the battery could read it"


def test_a_battery_reversed_in_mid_charge() -> None:
    """Dead within 400 ms, named as what it is, and out of order only as long as it is there."""
    bench = charging()
    bench.fault("drop:stage.stage.tell_terminals:1-60")
    begun = bench.now_s
    for number in range(60):
        bench.power.says(TERMINALS, struct.pack(">ff", -72.0, 60.0 if number < 4 else 0.0))
        bench.run(0.1)
        assert number < 4 or bench.is_off, bench.now_s - begun
    wrong = "the battery is the wrong way round: -72.0 V"
    assert bench.result() == ("failed", wrong)
    assert (bench.text, bench.is_in("outlet.reversed")) == ("Out of order: " + wrong, True)
    assert bench.battery.frames(STATUS)[-1][1][4] == 0x08, "the battery could read it"
    bench.until(lambda: bench.is_in("outlet.plugged.charging"), 20, "charge, once it is right again")
    assert bench.errors == []


def test_terminals_that_stay_charged() -> None:
    """The driver leaves; capacitors hold the voltage. The charger is free, says so, and takes the next battery."""
    bench = charging("stage.adapters.stage.residual=0.1")
    bench.system.post(bench.system.roots["vehicle"], "leave", {})
    bench.until(lambda: bench.is_in("outlet.residual"), 15, "free charger with live terminals")
    assert bench.result()[0] in ("failed", "aborted", "normal")
    assert (bench.text, bench.is_off) == ("Connector is live", True)
    assert bench.circuit.cable_V > 60.0
    bench.run(60)
    assert bench.is_in("plug.out")


def test_alien_traffic() -> None:
    """Frames of others at every identifier near ours: nothing is taken for a battery, nothing stops the charge."""
    bench = charging()
    for number in range(300):
        bench.battery.says(0x1806E500 | number & 0xFF if number & 0xFF != 0xF4 else 0x1806E600, bytes(8))
        bench.power.says(0x00433F00 | number & 0xFE, struct.pack(">ff", 500.0, 500.0))
        bench.run(0.01)
    assert (bench.is_in("outlet.plugged.charging"), bench.errors) == (True, [])


def test_the_console() -> None:
    """Two lines every ten seconds, and t is an emergency stop: dead in the same instant."""
    bench = charging()
    console = bench.system.roots["charger"].roles["console"].adapter
    bench.until(lambda: len(console.written) >= 4, 25, "lines")  # type: ignore[attr-defined]
    status, metrics = list(console.written)[-2:]  # type: ignore[attr-defined]
    assert status == "status charging"
    assert metrics.startswith("metrics terminals ")
    console.port.emit("line", text="t")
    bench.until(lambda: bench.is_off, 0.1, "dead output")
    assert bench.result() == ("failed", "emergency stop at the console")


@pytest.mark.parametrize("role", ["power_bus", "bms_bus"])
@pytest.mark.parametrize("how", ["bus off", "cable"])
def test_either_bus_goes(role: str, how: str) -> None:
    """Bus off, or the cable is cut: dead in the time of the chart that notices it, with the reason; of a cut cable the
    last frames of the battery are waited for 3 s, those of the terminals 2 s."""
    bench = charging()
    name, peer, who = ("power", "stage", "power stage") if role == "power_bus" else ("battery", "vehicle", "battery")
    if how == "bus off":
        link = bench.system.roots["charger"].roles[role].adapter.simulated_link  # type: ignore[attr-defined]
        bench.wire(name).fail(link)
        words, seconds = f"the bus of the {who} is off: too many errors in what it sends", 2.0
    else:
        bench.system.roots[peer].roles["bus"].adapter.disconnect()  # type: ignore[attr-defined]
        words = "no frame of the battery for 3 s" if peer == "vehicle" else "nothing of the terminals for 2 s"
        seconds = 5.0
    assert bench.until(lambda: not bench.circuit.station_closed, seconds, "open contactor") < seconds
    bench.until(lambda: any(path == "charger" for path, _ in bench.results), 5, "result")
    assert bench.result() == ("failed", words)


def test_booted_without_the_bus_of_the_battery() -> None:
    """A voltage is at the terminals and nobody is heard: the contactor stays open; the bus comes, and the charge
    begins with frames of this battery."""
    bench = LightBench("vehicle.stop_at_soc=100 %")
    link = bench.system.roots["charger"].roles["bms_bus"].adapter.simulated_link  # type: ignore[attr-defined]
    connect, link.connect = link.connect, lambda: None
    bench.wire("battery").pull(link)
    for _ in range(40):
        bench.run(0.5)
        assert bench.is_off
    assert bench.text == "Connector is live"
    link.connect = connect
    bench.until(lambda: bench.circuit.output_A > 55.0, 10, "current")


def test_a_full_bus() -> None:
    """Strangers take what both buses leave: the charge goes on, and ends in time."""
    bench = charging()
    for number in range(2000):
        bench.battery.says(0x1FFF0000 | number, bytes(8))
        bench.power.says(0x1FFF0000 | number, bytes(8))
        if number % 5 == 0:
            bench.run(0.003)
    assert (bench.is_in("outlet.plugged.charging"), bench.errors) == (True, [])
    bench.system.post(bench.system.roots["charger"], "stop", {"reason": "enough"})
    ends(bench, 2.0, "normal", "enough")


# ---------------------------------------------------------------- its console

KEYS = ("1", "2", "3", "4", "5", "s", "t", "0")
SHOWS = {"1": "terminals", "2": "battery", "3": "session", "4": "limit"}


@pytest.mark.parametrize("first", KEYS)
@pytest.mark.parametrize("second", KEYS)
def test_two_keys_at_the_console(first: str, second: str) -> None:
    """In the same instant, in mid-charge. Each does what it does alone; a status after ``t`` is that of a charger that
    has gone off, ``t`` again leaves it so, and no other key switches anything."""
    bench = charging()
    console = bench.system.roots["charger"].roles["console"]
    lines: list[str] = []
    console.adapter.write = lambda *, text: lines.append(text)  # type: ignore[attr-defined]
    begun = bench.now_s
    for key in (first, second):
        console.emit("line", {"text": key})
        bench.system.run_due()
    assert bench.now_s == begun
    stopped = "t" in (first, second)
    state = "out of order, emergency stop at the console" if stopped else "charging"
    view = second if second in SHOWS else first if first in SHOWS and second != "5" else "5"
    wants = {"t": ["emergency stop"], "0": ["muted; 1 to 5 show again"]}
    written = ["metrics" if one.startswith("metrics") else one for one in lines if not one.startswith("status")]
    assert written == [one for key in (first, second) for one in wants.get(key, ["metrics"])]
    statuses = {"ss": ["charging", "charging"], "ts": [state], "st": ["charging"]}
    expected = statuses.get(first + second, ["charging"] if "s" in (first, second) else [])
    assert [one.removeprefix("status ") for one in lines if one.startswith("status")] == expected
    bench.run(0.5)
    assert bench.is_in("outlet.faulted") is stopped
    assert bench.is_off is stopped
    lines.clear()
    bench.run(10)
    muted = second == "0" or (first == "0" and second in ("s", "t"))
    if muted:
        assert lines == []
    else:
        assert lines[0] == "status " + state
        assert [name for name in SHOWS.values() if f" {name} " in lines[1]] == (
            list(SHOWS.values()) if view == "5" else [SHOWS[view]]
        )
    bench.run(20)
    assert bench.is_in("outlet.faulted") is stopped, "out of order until somebody has looked"
