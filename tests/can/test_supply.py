"""Power modules as one supply: what a person at the station would miss when a module, its cable or its bus goes wrong.

Simulated modules speak real frames; the clock is virtual. ``gives`` is what the vehicle gets.
"""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Callable

import pytest

from adapters.can.bus import Node
from adapters.can.families import MODULES
from adapters.can.frame import Frame
from adapters.can.simulated import SimulatedLink
from tests.can.racks import MS, Racks, S

KINDS = tuple(MODULES)
ASKED = 80.0


def never_more(racks: Racks, seconds: float, asked: float = ASKED) -> None:
    """All this time the vehicle gets no more than it asks for."""
    end = racks.now_s + seconds
    while racks.now_s < end:
        racks.run(0.05)
        assert racks.gives <= asked + 0.5, (racks.gives, racks.shares)


# ---------------------------------------------------------------- found, shared, switched


@pytest.mark.parametrize("kind", KINDS)
def test_modules_are_found_share_the_current_and_switch_off(kind: str) -> None:
    """Three of six addresses have a module; nobody wrote down which."""
    racks = Racks(kind, 3, addresses=6).run(3)
    assert [state != "offline" for state in racks.states] == [True] * 3 + [False] * 3
    assert racks.data("maximum_current") == pytest.approx(150.0)
    racks.delivering()
    assert racks.shares == pytest.approx([ASKED / 3] * 3, abs=0.1)
    assert racks.data("present_current") == pytest.approx(ASKED, abs=0.5)
    assert racks.data("present_voltage") == pytest.approx(400.0, abs=1.0)
    assert racks.data("output_on") is True
    racks.off()
    racks.until(lambda: not racks.circuit.on, 0.05, "output off within some frames' time")
    racks.until(lambda: racks.output == "disabled", 2, "off confirmed")
    assert (racks.said, racks.errors) == ([], [])


def test_the_limits_are_what_the_modules_say() -> None:
    racks = Racks("infy", 2, {"maximum_voltage": 750.0, "maximum_current": 40.0, "maximum_power": 20_000.0}).run(2)
    names = ("maximum_voltage", "maximum_current", "maximum_power", "minimum_voltage")
    assert [racks.data(name) for name in names] == [750.0, 80.0, 40_000.0, 150.0]


def test_no_more_than_a_module_can() -> None:
    racks = Racks().delivering().set(400.0, 500.0).run(6)
    assert racks.shares == [50.0] * 4
    assert racks.said == []


def test_less_is_obeyed_at_once_and_more_by_a_ramp() -> None:
    """A limit that falls is applied in the step that hears it; up it goes by at most 100 A/s for two modules."""
    racks = Racks(count=2).delivering(400.0, 60.0).set(400.0, 10.0)
    racks.until(lambda: racks.gives < 10.5, 0.3, "lower current")
    racks.set(400.0, 90.0)
    began = racks.now_s
    racks.until(lambda: racks.gives > 89.0, 5, "higher current")
    assert racks.now_s - began > 0.7


def test_nobody_there() -> None:
    racks = Racks(count=2)
    for place in (0, 1):
        racks.rack_is_told("pull", place)
    racks.run(20)
    unfit = ("communication", "0 of at least 1 modules are there and in order; no module has answered")
    assert [said for said in racks.said if said[0] != "stale"] == [unfit]
    racks.set(400.0, 10.0).on()
    said = [said for said in racks.said if said[0] != "stale"]
    assert said[1:] == [("communication", "0 of at least 1 modules are ready; no module has answered")]
    assert racks.output == "faulty"
    racks.rack_is_told("plug", 0).run(3)
    assert (racks.output, racks.cleared) == ("disabled", 1)
    racks.on().run(3)
    assert (racks.output, racks.cleared) == ("enabled", 1)


def test_a_module_that_was_left_on_is_switched_off() -> None:
    """By a program that died: whatever it did before we came, it is off before anything else."""
    racks = Racks()
    racks.rack.port.emit("switched", module=2, on=True)
    racks.system.run_due()
    racks.run(0.5)
    assert racks.rack.modules[2].delivers is False
    racks.run(3)
    racks.rack.port.emit("switched", module=2, on=True)
    racks.system.run_due()
    racks.run(1.5)
    assert racks.rack.modules[2].delivers is False, "and also one that goes on by itself later"
    assert racks.output == "disabled"


# ---------------------------------------------------------------- a module goes, a module comes


def test_one_pulled_in_mid_charge_and_put_back() -> None:
    racks = Racks().delivering().rack_is_told("pull", 1)
    racks.until(lambda: racks.states[1] == "lost", 2.3, "silence noticed")
    assert racks.logs == ["module 1: silent"]
    assert racks.data("present_current") == pytest.approx(ASKED, abs=1.0), "what it gave may still flow"
    never_more(racks, 10)
    assert racks.gives == pytest.approx(60.0), "nobody gives its part while it may still deliver"
    never_more(racks, 4)
    assert racks.shares == pytest.approx([ASKED / 3, 0.0, ASKED / 3, ASKED / 3], abs=0.1)
    racks.rack_is_told("plug", 1)
    never_more(racks, 6)
    assert racks.shares == [20.0] * 4
    assert racks.said == [], "whoever charges has heard nothing of it"


def test_a_module_whose_cable_is_cut_goes_on_delivering_until_its_own_time_is_up() -> None:
    """It hears no order to switch off; the others may not give its part until it cuts itself off."""
    racks = Racks().delivering().rack_is_told("cut", 2)
    never_more(racks, 9)
    assert racks.shares[2] == 20.0
    never_more(racks, 8)
    assert racks.shares == pytest.approx([ASKED / 3, ASKED / 3, 0.0, ASKED / 3], abs=0.1)
    racks.rack_is_told("join", 2)
    never_more(racks, 6)
    assert racks.shares == [20.0] * 4


def test_what_a_module_gives_without_its_controller() -> None:
    """Makes that go on with what they have stored (as delivered: all they can) are told to store the least voltage and
    no current before they are switched on; then a cable that is cut in mid-charge costs its part and no more."""
    racks = Racks("huawei")
    heard: list[Frame] = []
    racks.harm_at_rack(lambda frame: heard.append(frame))
    racks.delivering()
    assert [(module.stored_V, module.stored_A) for module in racks.modules] == [(150.0, 0.0)] * 4
    of_one = [frame.data[:2].hex() for frame in heard if frame.id >> 16 & 0x7F == 1]
    first_on = next(k for k, frame in enumerate(heard) if frame.data[:4] == b"\x01\x32\0\0")
    assert {"0101", "0110"} <= {frame.data[:2].hex() for frame in heard[:first_on]}
    assert (of_one.count("0101"), of_one.count("0110")) == (1, 1), "it has confirmed them: once is enough"
    racks.rack_is_told("cut", 2)
    never_more(racks, 16)
    assert racks.shares == pytest.approx([ASKED / 3, ASKED / 3, 0.0, ASKED / 3], abs=0.1)
    assert racks.modules[2].delivers, "as such modules do"
    before = len(heard)
    racks.rack_is_told("join", 2)
    never_more(racks, 8)
    assert racks.shares == [20.0] * 4
    again = [frame.data[:2].hex() for frame in heard[before:] if frame.id >> 16 & 0x7F == 3]
    assert {"0101", "0110"} <= set(again), "it may be another one"


@pytest.mark.parametrize("damage", ["silent", "voltage", "current", "only_half"])
def test_a_module_that_does_not_confirm_what_it_stores_is_not_switched_on(damage: str) -> None:
    """What one thought stored was not: read back, told three times, named."""
    racks = Racks("huawei")

    def between(frame: Frame) -> list[Frame]:
        signal = frame.data[:2].hex()
        if frame.id >> 16 & 0x7F != 2 or signal not in ("0101", "0110"):
            return [frame]
        if damage == "silent" or (damage == "only_half" and signal == "0110"):
            return []
        wrong = (damage, signal) in (("voltage", "0101"), ("current", "0110"))
        return [frame._replace(data=frame.data[:4] + (500 * 1024).to_bytes(4, "big"))] if wrong else [frame]

    told: list[Frame] = []
    racks.harm_at_rack(lambda frame: told.append(frame))
    racks.harm(between)
    racks.run(5)
    assert racks.logs == ["module 2: does not confirm that it gives nothing without its controller"]
    assert sum(frame.id >> 16 & 0x7F == 2 and frame.data[:2] == b"\x01\x01" for frame in told) == 3
    racks.set(400.0, 30.0).on().run(3)
    assert racks.shares == [10.0, 0.0, 10.0, 10.0]


def test_models_that_do_not_store_by_order() -> None:
    """Somebody has set them by hand, and says so."""
    racks = Racks("huawei", store_nothing=False)
    told: list[Frame] = []
    racks.harm_at_rack(lambda frame: told.append(frame))
    racks.delivering()
    assert not [frame for frame in told if frame.data[:2] in (b"\x01\x01", b"\x01\x10")]


def test_a_module_that_says_nothing_but_hears_is_told_to_switch_off() -> None:
    racks = Racks().delivering().rack_is_told("mute", 0)
    racks.until(lambda: racks.shares[0] == 0.0, 3, "switched off")
    never_more(racks, 15)
    assert racks.gives == pytest.approx(ASKED, abs=0.1)
    racks.rack_is_told("speak", 0)
    never_more(racks, 6)
    assert racks.shares == [20.0] * 4


def test_the_end_of_a_charge_while_a_module_is_silent() -> None:
    """What it gave last counts until its fellows measure that the output is dead."""
    racks = Racks().delivering().rack_is_told("pull", 3).run(4).off().run(1)
    assert racks.output == "disabled"
    assert (racks.data("present_current"), racks.data("present_voltage")) == (0.0, 0.0)


@pytest.mark.parametrize("alarm", ["overtemperature"])
def test_a_module_that_trips_is_named_and_the_rest_go_on(alarm: str) -> None:
    racks = Racks().delivering().rack_is_told("fail", 2, alarm=alarm)
    racks.until(lambda: racks.states[2] in ("fault", "dead"), 0.5, "alarm seen")
    assert racks.logs == [f"module 2: {alarm}"]
    never_more(racks, 3)
    assert racks.gives == pytest.approx(ASKED, abs=0.1)
    racks.rack_is_told("mend", 2).run(9)
    assert racks.states[2] == "dead", "used again when it has been well for a while"
    never_more(racks, 6)
    assert racks.shares == [20.0] * 4
    assert racks.said == []


@pytest.mark.parametrize(
    ("alarm", "code"),
    [
        ("overtemperature", "overtemperature"),
        ("fan", "other"),
        ("input_low", "input"),
        ("output_overvoltage", "overvoltage"),
        ("output_short", "short_circuit"),
        ("phase_lost", "input"),
    ],
)
def test_when_the_last_one_trips_it_is_an_alarm(alarm: str, code: str) -> None:
    racks = Racks(count=2).delivering()
    for place in (0, 1):
        racks.rack_is_told("fail", place, alarm=alarm)
    racks.run(1)
    both = f"module 0: {alarm}, module 1: {alarm}"
    assert racks.said[0] == (code, f"no module delivers any more; {both}")
    assert racks.said[1:] == [(code, f"0 of at least 1 modules are there and in order; {both}")]
    assert (racks.output, racks.cleared) == ("disabled", 0)


def test_a_module_that_restarts_is_switched_on_again_but_not_for_ever() -> None:
    racks = Racks().delivering()
    for _ in range(2):
        racks.rack_is_told("restart", 1).run(1)
        never_more(racks, 2)
        assert racks.shares == [20.0] * 4
    racks.rack_is_told("restart", 1).run(1)
    assert racks.states[1] == "dead"
    assert racks.logs == ["module 1: switches off by itself"]


def test_one_that_goes_off_now_and_then_is_forgiven() -> None:
    racks = Racks().delivering()
    for _ in range(3):
        racks.rack_is_told("restart", 1).run(12)
    assert racks.shares == [20.0] * 4


def test_an_address_that_two_modules_have() -> None:
    """They say so themselves; neither is used."""
    racks = Racks().delivering().rack_is_told("warn", 1, alarm="address_twice").run(2)
    assert racks.logs == ["module 1: address_twice"]
    assert racks.shares == pytest.approx([ASKED / 3, 0.0, ASKED / 3, ASKED / 3], abs=0.1)


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("when", ["at rest", "in mid-charge"])
def test_two_modules_of_one_address_that_do_not_say_so(kind: str, when: str) -> None:
    """By their serial numbers, or where they have none by reports that come twice as often. Both are off, the address
    is named, the others take their part; with one of them gone the other is used again."""
    racks = Racks(kind, second=True)
    if when == "in mid-charge":
        racks.delivering()
    racks.second_is_plugged_in().run(8)
    name = f"module {racks.rack.first}"
    assert racks.logs[-1] == f"{name}: address_twice"
    if when == "at rest":
        racks.set(400.0, ASKED).on().run(5)
    assert racks.shares == pytest.approx([0.0, *[ASKED / 3] * 3], abs=0.1)
    assert not racks.twin.modules[racks.rack.first].delivers
    racks.rack_is_told("pull", 0)
    assert racks.until(lambda: racks.states[0] != "dead", 25, "one alone") > 9
    racks.run(5)
    assert racks.twin.modules[racks.rack.first].delivers
    assert not racks.errors


# ---------------------------------------------------------------- orders that are not obeyed


def test_a_module_that_keeps_delivering_when_told_to_stop() -> None:
    """It is named, and told again and again; when it lets go at last, all is well."""
    racks = Racks().delivering().rack_is_told("stick", 2).off()
    racks.until(lambda: bool(racks.said), 3.1, "alarm")
    assert racks.said == [("other", "not all modules switch off; module 2: does not switch off")]
    told: list[Frame] = []
    racks.harm_at_rack(lambda frame: told.append(frame))
    racks.run(1)
    assert sum(frame.id == 0x029A02F0 and frame.data[0] == 1 for frame in told) >= 9
    racks.rack_is_told("release", 2).run(1)
    assert not racks.circuit.on


def test_one_that_does_not_switch_on() -> None:
    racks = Racks()
    racks.rack_is_told("stick", 0).run(3)
    racks.rack._obey = ignoring(racks, 1)  # type: ignore[method-assign]
    racks.set(400.0, 30.0).on().run(4)
    assert racks.logs == ["module 1: does not switch on"]
    assert racks.shares == [10.0, 0.0, 10.0, 10.0]


def ignoring(racks: Racks, place: int) -> Callable[..., None]:
    obey = racks.rack._obey

    def deaf_to_on(module: object, told: object) -> None:
        if module is not racks.modules[place] or not getattr(told, "switch", None):
            obey(module, told)  # type: ignore[arg-type]

    return deaf_to_on


def test_one_that_gives_more_than_it_was_told() -> None:
    """A wrong scale of its current: 5 s, and it is out of order."""
    racks = Racks()
    obey = racks.rack._obey

    def twice(module: object, told: object) -> None:
        if module is racks.modules[0] and getattr(told, "amperes", None):
            told = told._replace(amperes=told.amperes * 2)  # type: ignore[attr-defined]
        obey(module, told)  # type: ignore[arg-type]

    racks.rack._obey = twice  # type: ignore[method-assign, assignment]
    racks.switched_on().run(6)
    assert racks.logs == ["module 0: gives more than it was told"]
    assert racks.shares[0] == 0.0
    assert racks.gives == pytest.approx(ASKED, abs=0.1)


def test_one_that_gives_less_and_does_not_say_why_is_named() -> None:
    racks = Racks().battery().delivering()
    racks.rack.derate(module=3, part=0.2)
    racks.run(6)
    assert racks.logs == ["module 3 gives 10.0 of 20.0 and does not say why: scale or module wrong"]
    assert racks.said == []


def test_when_all_are_on_and_none_gives_anything_it_is_an_alarm() -> None:
    racks = Racks().battery().delivering()
    for module in range(4):
        racks.rack.derate(module=module, part=0.0)
    racks.until(lambda: bool(racks.said), 11, "alarm")
    assert racks.said == [("other", f"modules 0, 1, 2, 3 give 0.0 of {ASKED} A: scale or module wrong")]
    racks.run(3)
    assert (racks.circuit.on, racks.output) == (False, "disabled")


def test_one_that_is_hot_gives_less_and_says_so() -> None:
    racks = (
        Racks("maxwell", rack={"ambient": 60.0, "rise": 12.0, "warm_up": 1_000_000_000})
        .switched_on(400.0, 200.0)
        .run(8)
    )
    assert "output.present.regulating.derated" in racks.module_states(0)
    assert racks.said == []


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.2, 0.35, 0.8, 4.0])
def test_given_up_at_any_moment_and_the_same_set_points_again(seconds: float) -> None:
    """A cable check that is given up, and the next vehicle asks for the same volts and amperes: no remembered set point
    says that they need not be sent. Once more at once, and once when all are off."""
    racks = Racks(count=2).run(3).set(400.0, ASKED).on().run(seconds).off().run(0.03).set(400.0, ASKED).on()
    racks.until(lambda: abs(racks.gives - ASKED) < 0.1, 4, "current, switched on again at once")
    racks.off().until(lambda: racks.output == "disabled", 2, "off confirmed")
    racks.set(400.0, ASKED).on()
    racks.until(lambda: abs(racks.gives - ASKED) < 0.1, 4, "current of the next vehicle")
    assert racks.said == []


# ---------------------------------------------------------------- frames that are not what they should be


@pytest.mark.parametrize("kind", KINDS)
def test_every_fourth_frame_lost(kind: str) -> None:
    """Nobody notices, and the output is off in its time all the same."""
    racks = Racks(kind)
    dice = random.Random(7)
    racks.harm(lambda frame: [] if dice.random() < 0.25 else [frame])
    racks.run(3).set(400.0, ASKED).on().run(9)
    assert racks.gives == pytest.approx(ASKED, abs=0.1)
    racks.off()
    racks.until(lambda: racks.output == "disabled", 3, "off confirmed")
    assert racks.said == []


def test_frames_come_twice() -> None:
    racks = Racks()
    racks.harm(lambda frame: [frame, frame])
    racks.delivering().run(5)
    assert racks.shares == [20.0] * 4
    assert (racks.said, racks.logs) == ([], [])


def test_frames_come_late() -> None:
    """Half a second behind the truth: charged, and off in time."""
    racks = Racks()
    racks.late()
    racks.run(4).set(400.0, ASKED).on().run(9)
    assert racks.gives == pytest.approx(ASKED, abs=0.1)
    racks.off()
    racks.until(lambda: racks.output == "disabled", 3, "off confirmed")
    assert racks.said == []


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">ff", 5000.0, 20.0),
        struct.pack(">ff", 400.0, 9000.0),
        struct.pack(">ff", -20.0, 20.0),
        struct.pack(">ff", float("nan"), 20.0),
        struct.pack(">ff", 400.0, float("inf")),
        struct.pack(">f", 400.0),
    ],
    ids=["voltage", "current", "negative", "nan", "inf", "dlc"],
)
def test_a_module_that_talks_nonsense_is_not_believed(data: bytes) -> None:
    """What it says is counted; its status keeps it alive, and its numbers are those it said last."""
    racks = Racks().delivering()

    def nonsense(frame: Frame) -> list[Frame]:
        return [frame._replace(data=data)] if frame.id == 0x0283F001 else [frame]

    racks.harm(nonsense)
    racks.run(5)
    assert racks.data("unreadable") > 10
    assert racks.data("present_current") == pytest.approx(ASKED, abs=0.5)
    assert racks.data("present_voltage") == pytest.approx(400.0, abs=1.0)
    assert racks.said == []


def test_alien_traffic_at_full_load() -> None:
    """Others fill the bus with frames that go behind ours; the charge goes on."""
    racks = Racks().delivering()
    wire = racks.bus.wire
    flood = SimulatedLink(wire, Node("alien"), racks.bus.port, _Nobody())  # type: ignore[arg-type]
    flood.connect()

    def fill() -> None:
        while len(flood.waiting) < 60:
            flood.send(Frame(0x1FFF0000 | len(flood.waiting), bytes(8)))
        racks.bus.port.call_later(20_000_000, fill)

    fill()
    racks.run(10)
    assert racks.gives == pytest.approx(ASKED, abs=0.1)
    assert (racks.said, racks.logs) == ([], [])
    racks.off()
    racks.until(lambda: racks.output == "disabled", 1, "off confirmed")


def test_a_flood_of_frames_that_cannot_be_read_loses_none_that_can() -> None:
    """Frames with a module's own identifier and a wrong length, more than any queue holds, between two turns: they are
    counted, told together, and what the modules say meanwhile arrives."""
    racks = Racks().delivering()
    assert racks._node is not None
    for number in range(5000):
        racks._node.deliver(Frame(0x0283F001, bytes(number % 8)))
    racks._node.deliver(Frame(0x0283F001, struct.pack(">ff", 401.5, 20.0)))
    racks.system.run_due()
    assert racks.data("present_voltage") == 401.5
    racks.run(0.2)
    assert racks.data("unreadable") == 5000
    assert (racks.errors, racks.output, racks.said) == ([], "enabled", [])
    for _ in range(1000):
        racks._node.deliver(Frame(0x0283F001, bytes(3)))
        racks.run(0.001)
    racks.run(0.2)
    assert racks.data("unreadable") == 6000


class _Nobody:
    sent = received = 0

    def connected(self) -> None: ...
    def state_changed(self, state: str, reason: str) -> None: ...
    def send_failed(self, frame: Frame, reason: str, text: str) -> None: ...


# ---------------------------------------------------------------- the bus


def test_the_adapter_is_pulled() -> None:
    """An alarm at once with its reason; the modules cut themselves off; back, all are told to switch off first."""
    racks = Racks().delivering()
    racks.bus.wire.pull(racks.bus.simulated_link)
    racks.run(0.01)
    assert racks.said == [("communication", "CAN bus: the adapter was pulled (modules 0, 1, 2, 3)")]
    assert racks.output == "faulty"
    racks.until(lambda: not racks.circuit.on, 1, "off as soon as the bus is back")
    racks.run(3).on().run(5)
    assert (racks.output, racks.cleared) == ("enabled", 1)
    racks.until(lambda: racks.shares == [20.0] * 4, 3, "all deliver again")


def test_bus_off() -> None:
    racks = Racks().delivering()
    racks.bus.wire.fail(racks.bus.simulated_link, "too many errors")
    racks.run(0.01)
    assert racks.said == [("communication", "CAN bus: bus off: too many errors (modules 0, 1, 2, 3)")]
    racks.until(lambda: not racks.circuit.on, 1, "off as soon as the bus is back")


def test_a_bus_that_stays_away_is_tried_less_and_less_often() -> None:
    racks = Racks().delivering()
    link = racks.bus.simulated_link
    tries: list[float] = []
    link.connect = lambda: tries.append(racks.now_s)  # type: ignore[method-assign]
    racks.bus.wire.pull(link)
    racks.run(60)
    waits = [round(b - a, 1) for a, b in itertools.pairwise(tries)]
    assert waits[:6] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0]
    assert not racks.circuit.on, "the modules' own time is up"
    racks.on()
    assert racks.said[-1][1].endswith("CAN bus: the adapter was pulled")


def test_nobody_acknowledges() -> None:
    """The cable between station and modules is cut: said in these words, in a second."""
    racks = Racks().delivering()
    racks.rack_bus.disconnect()
    racks.until(lambda: bool(racks.said), 1.3, "alarm")
    ((code, text),) = racks.said
    assert code == "communication"
    assert text == "modules 0, 1, 2, 3 say nothing: nobody acknowledges: no other node on the bus"
    racks.run(12)
    assert not racks.circuit.on, "they cut themselves off"


@pytest.mark.parametrize("moment", ["rest", "starting", "stopping"])
def test_the_bus_goes_at_any_moment(moment: str) -> None:
    racks = Racks() if moment != "stopping" else Racks().delivering()
    if moment == "stopping":
        racks.rack_is_told("stick", 0).off()
    else:
        racks.run(3).set(400.0, ASKED)
        racks.bus.simulated_link.connect = lambda: None  # type: ignore[method-assign]
    if moment == "starting":
        racks.on()
    racks.bus.wire.pull(racks.bus.simulated_link)
    racks.run(0.01)
    assert racks.output == ("disabled" if moment == "rest" else "faulty")
    assert racks.said == (
        [] if moment == "rest" else [("communication", "CAN bus: the adapter was pulled (modules 0, 1, 2, 3)")]
    )
    if moment == "rest":
        racks.on()
        assert racks.said == [("communication", "CAN bus: the adapter was pulled (modules 0, 1, 2, 3)")]


# ---------------------------------------------------------------- ranges, and modules that rest


def test_the_range_is_changed_only_while_the_output_is_off() -> None:
    """500/1000 V modules: chosen before the first order to switch on, and kept while it is on."""
    racks = Racks("uu", 2, {"maximum_voltage": 1000.0}, narrow_up_to=500.0, module_voltage=1000.0)
    chosen: list[tuple[float, int, bool]] = []

    def watch(frame: Frame) -> None:
        if frame.data[1] == 95 and frame.data[0] & 0xF == 0:
            chosen.append((racks.now_s, frame.data[7], racks.circuit.on))

    racks.harm_at_rack(watch)
    racks.run(7)
    assert {value for _, value, _ in chosen} == {1}, "wide before anything is asked for"
    racks.set(400.0, 20.0).run(7)
    assert chosen[-1][1] == 2
    racks.on().run(3)
    assert racks.output == "enabled"
    before = len(chosen)
    racks.set(700.0, 20.0).run(3)
    assert len(chosen) == before
    racks.off().run(2)
    racks.set(701.0, 20.0).run(7)
    assert chosen[-1][1] == 1
    assert not any(on for _, _, on in chosen)


def test_a_module_that_does_not_take_its_range() -> None:
    racks = Racks("uu", 2, {"maximum_voltage": 1000.0})
    racks.harm(lambda frame: [] if frame.data[1] == 95 and frame.id >> 14 & 0x7F == 1 else [frame])
    racks.run(8)
    assert racks.logs[0] == "module 1: does not take its range of voltage"
    assert racks.states[1] == "standby"


def test_modules_rest_while_the_load_is_light_and_wake_when_it_is_not() -> None:
    racks = Racks(count=3, T_light=6 * S, T_question=100 * MS).delivering(400.0, 60.0).set(400.0, 20.0).run(5)
    assert racks.states.count("regulating") == 3
    racks.run(3)
    assert racks.states == ["regulating", "regulating", "standby"]
    assert racks.gives == pytest.approx(20.0)
    racks.run(7)
    assert racks.states == ["regulating", "standby", "standby"]
    racks.set(400.0, 48.0).run(5)
    assert racks.states == ["regulating"] * 3
    assert racks.gives == pytest.approx(48.0)
    assert racks.said == []


def test_a_dip_of_the_load_makes_nobody_rest() -> None:
    racks = Racks(count=3, T_light=6 * S, T_question=100 * MS).delivering(400.0, 60.0).set(400.0, 20.0).run(5)
    racks.set(400.0, 60.0).run(1).set(400.0, 20.0).run(5)
    assert racks.states == ["regulating"] * 3
