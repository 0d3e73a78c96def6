"""Scenarios of machines/power/supply.yaml: modules as one supply. The modules' own charts are puppets: a scenario says
what each has become; the supply tells them ``module.deliver``, ``module.stop`` … (tests/can: with real frames)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage

FILE = "machines/power/supply.yaml"
READING = (
    "voltage", "current", "temperature", "maximum_voltage", "minimum_voltage", "maximum_current", "maximum_power"
)  # fmt: skip


def without_bus(**parameters: Any) -> Stage:
    return Stage(FILE, {"modules.first": 1, "modules.everyone": 63}, **{"addresses": 3, **parameters})


def on_bus(**parameters: Any) -> Stage:
    stage = without_bus(**parameters).values("bus", is_connected=True)
    return stage.emit("bus.connected").forget()


def reads(stage: Stage, module: int = 1, **values: float) -> Stage:
    return stage.emit("modules.reading", module=module, **{**dict.fromkeys(READING), **values})


def become(stage: Stage, state: str, *modules: int, why: str = "") -> Stage:
    for module in modules:
        stage.child("module.is", module, state=state, why=why)
    return stage


def ready(*modules: int, **parameters: Any) -> Stage:
    """Modules are there and off; a voltage is set."""
    stage = become(on_bus(**parameters), "standby", *(modules or (1, 2, 3)))
    return stage.post("set", voltage=400.0, current=60.0).forget()


def delivering(*modules: int, **parameters: Any) -> Stage:
    modules = modules or (1, 2, 3)
    stage = ready(*modules, **parameters).post("on")
    for module in modules:
        reads(stage, module, voltage=400.0, current=20.0)
    become(stage, "regulating", *modules)
    assert stage.active("output.enabled.even") or stage.active("output.enabled.light")
    return stage.forget()


def speaking(stage: Stage, seconds: float) -> Stage:
    """Somebody says something twice a second."""
    for _ in range(round(seconds * 2)):
        stage.emit("modules.status", module=1, output="on", alarms=[]).run(0.5)
    return stage


def alarms(stage: Stage) -> list[tuple[str, str]]:
    return [(data["code"], data["text"]) for data in stage.told("alarm")]


def given(stage: Stage, what: str = "module.deliver") -> list[Any]:
    """What each was told last, in the order of telling."""
    if what == "module.deliver":
        return [(args["voltage"], round(args["current"], 3)) for args in stage.ordered(what)]
    return list(stage.ordered(what))


# ---------------------------------------------------------------- at rest


def test_too_few_modules_are_told_before_anybody_wants_something() -> None:
    """After 10 s of looking for them; later at once, with what happened last. Taken back when there are enough."""
    stage = speaking(become(on_bus(least=2), "standby", 1), 9.5).run(0.499)
    assert alarms(stage) == []
    stage.run(0.001)
    text = "1 of at least 2 modules are there and in order; no other has answered"
    assert (alarms(stage), stage.logs[-1]) == ([("communication", text)], text)
    become(speaking(stage, 0.5), "stopping", 2)
    assert stage.told("alarm_cleared") == [{}]
    speaking(become(become(stage.forget(), "discharging", 2), "standby", 2), 60)
    assert (alarms(stage), stage.told("alarm_cleared")) == ([], [])
    become(stage, "lost", 1, why="silent")
    text = "1 of at least 2 modules are there and in order; module 1: silent"
    assert alarms(stage) == [("communication", text)]
    become(become(stage.forget(), "offline", 1), "stopping", 1)
    assert (alarms(stage), stage.told("alarm_cleared")) == ([], [{}])
    become(become(stage.forget(), "discharging", 1), "dead", 2, why="overtemperature")
    text = "1 of at least 2 modules are there and in order; module 2: overtemperature"
    assert alarms(stage) == [("overtemperature", text)]
    assert stage.forget().emit("bus.lost", reason="pulled").told("alarm_cleared") == []


def test_modules_that_are_found_in_time_are_no_news() -> None:
    stage = speaking(become(speaking(on_bus(), 9.5), "discharging", 3), 60)
    assert (alarms(stage), stage.told("alarm_cleared"), stage.active("output.disabled.fit")) == ([], [], True)


def test_found_one_after_the_other_they_are_no_news_either() -> None:
    """Each is switched off as it is found, whatever it did before: that the first is off is no reason to miss the rest,
    in the time to find them. Once they were there, each is missed at once."""
    stage = on_bus(least=2)
    become(speaking(become(stage, "stopping", 1), 1), "discharging", 1)
    assert (alarms(stage), stage.active("output.disabled.fit")) == ([], True)
    become(speaking(become(stage, "stopping", 2), 1), "standby", 1, 2)
    assert (alarms(stage), stage.told("alarm_cleared")) == ([], [])
    become(stage, "lost", 2, why="silent")
    assert [text for _, text in alarms(stage)] == ["1 of at least 2 modules are there and in order; module 2: silent"]
    late = on_bus(least=2)
    become(speaking(become(late, "stopping", 1), 1), "discharging", 1)
    speaking(late, 9).run(0.001)
    text = "1 of at least 2 modules are there and in order; no other has answered"
    assert alarms(late) == [("communication", text)]


@pytest.mark.parametrize("why", ["", "pulled", "nonsense"])
def test_modules_at_rest_that_fall_silent_together_are_told_in_a_second(why: str) -> None:
    """Before their last words are stale to the station, so that a session that begins now hears who is silent."""
    stage = speaking(become(become(ready(), "discharging", 2), "dead", 3, why="fan"), 20).forget()
    if why == "pulled":
        stage.emit("bus.lost", reason="pulled")
    if why == "nonsense":
        stage.emit("modules.misfit", id=1, data=b"", reason="output: current is nan", count=1)
    stage.run(0.499)
    assert alarms(stage) == []
    stage.run(0.001)
    text = {"": "", "pulled": ": pulled", "nonsense": " that can be read: output: current is nan"}[why]
    assert alarms(stage) == [("communication", "modules 1, 2 say nothing" + text)]
    stage.run(60).forget().emit("modules.status", module=1, output="off", alarms=[])
    assert (stage.told("alarm_cleared"), alarms(stage)) == ([{}], [])


@pytest.mark.parametrize("left", [0, 1])
def test_an_alarm_is_over_when_nothing_is_on_and_enough_are_in_order(left: int) -> None:
    """Half a second after the last one has switched off; with too few in order the alarm stands, and is told with what
    is known now."""
    stage = become(delivering(), "dead", 3, why="fan")
    become(become(stage, "lost", 2, why="silent"), "fault", 1, why="fan")
    assert alarms(stage) == [("other", "no module delivers any more; module 1: fan, module 2: silent, module 3: fan")]
    stage.forget().run(5)
    assert (stage.active("output.faulty"), stage.told("alarm_cleared")) == (True, [])
    become(stage, "dead", 1)
    if left:
        become(stage, "standby", 2)
    speaking(stage, 0.5)
    assert stage.active("output.disabled.fit" if left else "output.disabled.missing")
    assert stage.told("alarm_cleared") == [{}] * left
    text = "0 of at least 1 modules are there and in order; module 1: fan, module 2: silent, module 3: fan"
    assert alarms(stage) == ([] if left else [("other", text)])


# ---------------------------------------------------------------- the bus


def test_the_bus_is_tried_less_and_less_often() -> None:
    stage = without_bus(T_back_off_most=3 * 10**9).run(12)
    assert stage.times("bus.connect") == pytest.approx([0.0, 0.5, 1.5, 3.5, 6.5, 9.5])
    stage.emit("bus.lost", reason="no such device").emit("bus.bus_state", state="bus_off", reason="x")
    stage.emit("bus.send_failed", id=1, data=b"", reason="full", text="full")
    assert alarms(stage) == [
        ("communication", "0 of at least 1 modules are there and in order; CAN bus: not connected")
    ]
    stage.child("module.is", 1, state="dead", why="fan").forget().post("on")
    assert alarms(stage) == [("communication", "CAN bus: no such device")]
    assert stage.active("output.faulty")
    assert alarms(without_bus().post("on")) == [("communication", "CAN bus: not connected")]
    stage.values("bus", is_connected=True).emit("bus.connected").emit("bus.connected")
    stage.forget().run(20)
    assert stage.times("bus.connect") == []
    stage.emit("bus.lost", reason="pulled").run(0.5)
    assert stage.times("bus.connect") == pytest.approx([32.0, 32.5]), "and from the beginning again"
    assert stage.unhandled == []


def test_nobody_is_asked_without_a_bus() -> None:
    assert without_bus().run(3).ordered("modules.poll") == []
    stage = without_bus()
    stage.post("off")
    assert stage.ordered("modules.off") == []
    assert stage.stop().ordered("modules.off") == []
    assert on_bus().stop().order("modules.off") == {"module": 63}


@pytest.mark.parametrize(
    ("event", "data", "why"),
    [
        ("bus.lost", {"reason": "pulled"}, "CAN bus: pulled (modules 1, 2)"),
        (
            "bus.bus_state",
            {"state": "bus_off", "reason": "too many errors"},
            "CAN bus: bus off: too many errors (modules 1, 2)",
        ),
    ],
)
@pytest.mark.parametrize("begun", ["on its way", "on", "on its way off"])
def test_the_bus_goes(event: str, data: dict[str, str], why: str, begun: str) -> None:
    """An alarm with its reason in the same instant; as soon as it is back off is told to everyone."""
    stage = ready().post("on") if begun == "on its way" else delivering()
    become(stage, "fault", 3, why="fan")
    if begun == "on its way off":
        stage.post("off")
    stage.forget().values("bus", is_connected=False).emit(event, **data)
    assert (alarms(stage), stage.active("output.faulty")) == ([("communication", why)], True)
    assert len(stage.ordered("module.stop")) == 3
    assert stage.logs[-1] == why
    become(stage, "regulating", 1)
    stage.forget().values("bus", is_connected=True).emit("bus.connected").run(0.5)
    assert stage.ordered("modules.off")[0] == {"module": 63}


def test_error_states_are_told_with_what_they_cause() -> None:
    """Nobody acknowledges: the cable between station and modules is cut."""
    stage = become(delivering(1, 3), "dead", 2, why="fan").emit(
        "bus.bus_state", state="error_passive", reason="nobody acknowledges"
    )
    stage.emit("bus.send_failed", id=1, data=b"", reason="full", text="the queue is full")
    assert (stage.logs[-1], alarms(stage)) == ("the queue is full", [])
    stage.run(0.999)
    assert alarms(stage) == []
    stage.run(0.001)
    assert alarms(stage) == [("communication", "modules 1, 3 say nothing: nobody acknowledges")]
    assert stage.active("output.faulty")
    stage.forget().post("on")
    assert alarms(stage) == [("communication", "modules 1, 3 say nothing: nobody acknowledges")]
    stage = on_bus().emit("bus.lost", reason="pulled").emit("bus.connected")
    become(reads(become(stage, "standby", 1).post("on"), 1, voltage=0.0), "regulating", 1).forget().run(1)
    assert alarms(stage) == [("communication", "modules 1 say nothing")], "the bus was lost before"
    other = delivering().emit("bus.bus_state", state="error_passive", reason="nobody acknowledges")
    other.emit("bus.bus_state", state="error_active", reason="it works again").run(1)
    assert alarms(other) == [("communication", "modules 1, 2, 3 say nothing")]
    assert other.emit("bus.overflow", lost=7).logs[-1] == "7 frames of modules were lost by this computer"


@pytest.mark.parametrize(
    ("event", "data", "why"),
    [
        (
            "modules.misfit",
            {"id": 1, "data": b"", "reason": "output: current is nan", "count": 4},
            "output: current is nan",
        ),
        ("modules.reading", {"module": 2, "voltage": -1.0}, "module 2 says -1.0 V"),
        ("modules.reading", {"module": 2, "voltage": 1500.1}, "module 2 says 1500.1 V"),
        ("modules.reading", {"module": 2, "current": 500.1}, "module 2 says 500.1 A"),
        ("modules.reading", {"module": 2, "voltage": 9.0, "current": -500.1}, "module 2 says 9.0 V -500.1 A"),
    ],
)
def test_only_nonsense_is_as_good_as_silence(event: str, data: dict[str, Any], why: str) -> None:
    """What cannot be read or cannot be is counted, changes no value and keeps nobody alive; people read what it was."""
    stage = delivering()
    full = {**dict.fromkeys(READING), **data} if event == "modules.reading" else data
    for _ in range(10):
        stage.run(0.1).emit(event, **full)
    assert alarms(stage) == [("communication", f"modules 1, 2, 3 say nothing that can be read: {why}")]
    unreadable = 10 * data.get("count", 1)
    assert stage.data("unreadable") == unreadable
    assert (stage.data("present_voltage"), stage.data("present_current")) == (400.0, 60.0)
    assert not stage.ordered("module.reading")
    other = reads(delivering().emit(event, **full), 1, voltage=400.0).run(1)
    assert alarms(other)[0][1] == "modules 1, 2, 3 say nothing", "one could be read since"


@pytest.mark.parametrize("values", [{"voltage": 0.0, "current": -500.0}, {"voltage": 1500.0, "current": 500.0}])
def test_what_can_be(values: dict[str, float]) -> None:
    stage = reads(on_bus(), 1, **values)
    assert (stage.data("present_voltage"), stage.data("present_current")) == (values["voltage"], values["current"])
    assert stage.order("module.reading") == values


# ---------------------------------------------------------------- who is asked


def test_each_address_has_a_chart() -> None:
    stage = Stage(FILE, {"modules.first": 5, "modules.has_ranges": True, "modules.tells_output": True}, addresses=2)
    own = {"module": 6, "has_ranges": True, "tells_output": True, "stores": False, "U_stored": 150.0}
    assert own.items() <= stage.input("module", 6).items()
    assert stage.input("module", 5)["module"] == 5
    stores = {"modules.first": 1, "modules.stores": True}
    assert Stage(FILE, stores, module_least_voltage=48.0).input("module", 1)["U_stored"] == 48.0
    assert Stage(FILE, stores).input("module", 1)["stores"] is True
    assert Stage(FILE, stores, store_nothing=False).input("module", 1)["stores"] is False
    often = Stage(FILE, {"modules.first": 1, "modules.reports_every": 500_000_000})
    assert (often.input("module", 1)["T_report"], stage.input("module", 5)["T_report"]) == (500_000_000, 0)
    assert Stage(FILE, {"modules.first": 1}, first_address=40, addresses=1).input("module", 40)["module"] == 40


def asked(stage: Stage, seconds: float) -> list[int]:
    stage.forget().run(seconds)
    return [args["module"] for args in stage.ordered("modules.poll")]


def test_in_turn_those_that_are_there_and_one_that_is_not() -> None:
    """A lost one is asked on, slowly, and so is an address where nobody was: found, or back, without a restart."""
    stage = become(on_bus(addresses=4, T_question=100_000_000), "standby", 1, 2)
    assert asked(stage, 1.2)[-9:] in (
        [1, 2, 3, 1, 2, 4, 1, 2, 3],
        [1, 2, 4, 1, 2, 3, 1, 2, 4],
        [2, 4, 1, 2, 3, 1, 2, 4, 1],
    )
    become(stage, "lost", 1)
    stage.run(0.6)
    turns = asked(stage, 1.2)
    assert turns.count(2) == 6
    assert sorted(turns.count(module) for module in (1, 3, 4)) == [2, 2, 2]
    become(stage, "regulating", 1, 3, 4)
    stage.run(0.6)
    assert sorted(asked(stage, 0.8)) == [1, 1, 2, 2, 3, 3, 4, 4]
    assert stage.times("modules.poll") == pytest.approx([stage.now_s - 0.7 + k / 10 for k in range(8)])


# ---------------------------------------------------------------- what they say


def test_of_others_nothing_is_taken() -> None:
    """Frames of modules that are not ours, on either side of ours."""
    stage = become(on_bus(), "standby", 1, 2, 3).forget()
    for module in (0, 4):
        reads(stage, module, voltage=300.0, current=5.0, temperature=90.0, maximum_current=9.0)
        stage.emit("modules.status", module=module, output="on", alarms=["fan"])
        stage.emit("modules.taken", module=module, what="range_taken").emit(
            "modules.taken", module=module, what="run_taken"
        )
        stage.emit("modules.stored", module=module, voltage=1.0, current=1.0).emit("modules.another", module=module)
    assert ([o for o in stage.orders if not o.what.startswith("modules.")], stage.data("present_voltage")) == ([], 0.0)
    assert stage.active("hearing.silent")
    for module in (1, 3):
        stage.emit("modules.status", module=module, output="on", alarms=["fan"])
        stage.emit("modules.taken", module=module, what="range_taken").emit(
            "modules.taken", module=module, what="run_taken"
        )
        stage.emit("modules.stored", module=module, voltage=1.0, current=2.0).emit("modules.another", module=module)
    told = [(o.what, dict(o.args)) for o in stage.orders if not o.what.startswith("modules.")]
    assert told == [
        ("module.status", {"output": "on", "alarms": ["fan"]}), ("module.ranged", {}), ("module.switched", {}),
        ("module.stored", {"voltage": 1.0, "current": 2.0}), ("module.another", {}),
    ] * 2  # fmt: skip
    assert stage.active("hearing.speaking")
    stage.emit("modules.refused", module=2, what="set_output 4")
    assert stage.logs[-1] == "module 2 refuses: set_output 4"


def test_answers_to_orders() -> None:
    stage = on_bus().emit("modules.taken", module=1, what="switch_taken")
    assert len(stage.ordered("module.switched")) == 1
    stage.emit("modules.taken", module=1, what="output_taken")
    assert len(stage.ordered("module.switched")) == 1
    tells = on_bus().values("modules", tells_output=True).emit("modules.taken", module=1, what="switch_taken")
    assert tells.ordered("module.switched") == []


def test_what_they_measure_together() -> None:
    """The highest voltage and temperature, the sum of the currents."""
    stage = ready()
    reads(reads(stage, 1, voltage=399.0, current=20.0, temperature=40.0), 2, voltage=400.0, current=21.5)
    reads(reads(stage, 3, voltage=401.0, current=19.0), 2, temperature=55.0)
    reads(stage, 3, temperature=30.0)
    assert (stage.data("present_voltage"), stage.data("present_current")) == (401.0, 60.5)
    reads(stage, 3, current=10.0)
    assert (stage.data("temperature"), stage.data("present_current")) == (55.0, 51.5)
    for degrees in (50.0, 30.0):
        reads(single := on_bus(addresses=1), 1, voltage=0.0, temperature=60.0)
        assert reads(single, 1, voltage=0.0, temperature=degrees).data("temperature") == degrees


def test_what_they_can() -> None:
    """As each says, else as the parameters say; those that are out of order or away can nothing."""
    stage = ready(module_voltage=500.0, module_current=50.0, module_power=25_000.0)
    limits = ("maximum_voltage", "maximum_current", "maximum_power", "minimum_voltage")
    assert [stage.data(name) for name in limits] == [500.0, 150.0, 75_000.0, 150.0]
    reads(stage, 2, maximum_voltage=450.0, maximum_current=40.0, maximum_power=20_000.0, minimum_voltage=200.0)
    assert [stage.data(name) for name in limits] == [450.0, 140.0, 70_000.0, 200.0]
    reads(stage, 3, maximum_current=30.0)
    assert stage.data("maximum_current") == 120.0
    reads(stage, 3, maximum_voltage=0.0, maximum_current=0.0, maximum_power=0.0, minimum_voltage=0.0)
    assert [stage.data(name) for name in limits] == [450.0, 120.0, 70_000.0, 200.0], "zero says nothing"
    for state in ("starting", "regulating", "stopping", "discharging"):
        assert become(stage, state, 2).data("maximum_current") == 120.0
    for state in ("fault", "dead", "lost"):
        assert become(stage, state, 2).data("maximum_current") == 80.0
    assert become(stage, "offline", 2).data("maximum_voltage") == 500.0
    assert become(stage, "standby", 2).data("maximum_current") == 130.0, "another one may have come"
    assert [stage.data(name) for name in limits] == [500.0, 130.0, 75_000.0, 200.0]


# ---------------------------------------------------------------- on


def test_shared_by_what_each_can() -> None:
    stage = ready()
    reads(stage, 2, maximum_current=25.0)
    stage.post("on")
    assert given(stage) == [(400.0, 24.0), (400.0, 12.0), (400.0, 24.0)]
    assert stage.active("output.enabling")
    assert stage.post("on").unhandled == []
    stage.forget().post("set", voltage=410.0, current=500.0)
    assert given(stage) == [(410.0, 50.0), (410.0, 25.0), (410.0, 50.0)], "no more than each can"
    stage.forget().post("set", voltage=410.0, current=500.0)
    assert given(stage) == []
    become(stage, "regulating", 1)
    assert stage.active("output.enabled")
    stage.forget().post("set", voltage=400.0, current=500.0)
    assert len(given(stage)) == 3
    stage.forget().post("set", voltage=400.0, current=0.0)
    assert given(stage) == [(400.0, 0.0)] * 3
    assert stage.post("on").unhandled == []


def test_nothing_is_told_while_it_is_off() -> None:
    stage = ready().post("set", voltage=300.0, current=10.0)
    assert given(stage) == []
    assert stage.data("output_on") is False
    become(stage.post("on"), "starting", 1)
    assert stage.data("output_on") is True


def test_who_comes_later_takes_its_part() -> None:
    stage = delivering(1, 2)
    become(stage, "stopping", 3)
    assert given(stage) == []
    become(stage, "standby", 3)
    assert given(stage) == [(400.0, 20.0)] * 3


@pytest.mark.parametrize("state", ["fault", "offline"])
def test_who_goes_leaves_its_part_to_the_others(state: str) -> None:
    stage = become(delivering(), state, 2, why="fan" if state == "fault" else "")
    assert given(stage) == [(400.0, 30.0)] * 2
    assert stage.logs[-1:] == (["module 2: fan"] if state == "fault" else stage.logs[-1:])


def test_what_a_silent_one_may_still_give_is_left_to_it() -> None:
    """Its part counts as given until its own cut-off has acted, or the output is dead."""
    stage = become(delivering(), "lost", 2, why="silent")
    assert given(stage) == [(400.0, 20.0)] * 2
    assert (stage.data("present_current"), stage.data("held"), stage.logs[-1]) == (60.0, 20.0, "module 2: silent")
    assert stage.data("output_on") is True
    become(stage.forget(), "offline", 2)
    assert given(stage) == [(400.0, 30.0)] * 2
    assert reads(stage, 1, current=20.0).data("present_current") == 40.0
    become(stage.post("off"), "discharging", 1, 3)
    assert become(become(stage, "standby", 2), "lost", 2).data("held") == 0.0, "it was told nothing since"


def test_a_dead_output_has_no_silent_current() -> None:
    stage = become(delivering(), "lost", 2, why="silent")
    reads(reads(stage, 1, voltage=60.0, current=0.0), 3, voltage=60.0, current=0.0)
    assert (stage.data("present_current"), stage.data("held")) == (20.0, 20.0)
    reads(reads(stage, 1, voltage=59.9), 3, voltage=59.9)
    assert (stage.data("present_current"), stage.data("held")) == (0.0, 0.0)
    stage.forget().post("set", voltage=400.0, current=50.0)
    assert given(stage) == [(400.0, 25.0)] * 2


@pytest.mark.parametrize("state", ["lost", "offline"])
def test_the_voltage_of_one_that_is_gone_is_nobodys(state: str) -> None:
    stage = reads(delivering(), 2, voltage=420.0)
    reads(become(stage, state, 2), 1, voltage=400.0)
    assert stage.data("present_voltage") == 400.0


def test_too_few() -> None:
    stage = become(on_bus(least=2), "standby", 1)
    stage.post("on")
    assert alarms(stage) == [("communication", "1 of at least 2 modules are ready; no other has answered")]
    become(stage, "dead", 2).child("module.is", 3, state="fault", why="fan")
    stage.forget().post("on")
    assert alarms(stage) == [("other", "1 of at least 2 modules are ready; module 3: fan")]
    become(stage, "standby", 2)
    stage.forget().post("on")
    assert (stage.told("alarm_cleared"), stage.active("output.enabling")) == ([{}], True)
    stage = ready().post("on")
    assert stage.told("alarm_cleared") == []


def test_none_switches_on() -> None:
    stage = become(ready().post("on"), "starting", 1, 2, 3).run(2.999)
    assert alarms(stage) == []
    stage.run(0.001)
    assert alarms(stage) == [("communication", "no module switches on; no other has answered")]
    assert len(stage.ordered("module.stop")) == 3
    assert stage.active("output.faulty")


CODES = [
    ("silent", "communication"), ("overtemperature_off", "overtemperature"), ("output_overvoltage", "overvoltage"),
    ("output_short", "short_circuit"), ("input_low", "input"), ("phase_lost", "input"), ("pfc", "input"),
    ("gives more than it was told", "overcurrent"), ("fan", "other"),
]  # fmt: skip


@pytest.mark.parametrize(("why", "code"), CODES)
def test_none_delivers_any_more(why: str, code: str) -> None:
    """Which ones, and why, with the code of a power supply."""
    stage = become(delivering(1, 2), "lost" if why == "silent" else "fault", 1, 2, why=why)
    assert alarms(stage) == [(code, f"no module delivers any more; module 1: {why}, module 2: {why}")]
    assert stage.active("output.faulty")


def test_one_that_starts_again_still_counts() -> None:
    stage = become(delivering(1), "starting", 1)
    assert (alarms(stage), stage.active("output.enabled")) == ([], True)


def test_one_that_gives_less_is_named() -> None:
    stage = delivering().child("module.off_by", 2, asked=20.0, measured=10.0)
    assert stage.logs[-1] == "module 2 gives 10.0 of 20.0 and does not say why: scale or module wrong"


def giving(current: float, voltage: float = 391.9, asked: float = 60.0, seconds: float = 9.5) -> Stage:
    """All three are on, give together so much, and somebody speaks for so long."""
    stage = delivering().post("set", voltage=400.0, current=asked)
    for module in (1, 2, 3):
        reads(stage, module, voltage=voltage, current=current / 3)
    return speaking(stage.forget(), seconds)


def heard(stage: Stage) -> Stage:
    return stage.emit("modules.status", module=1, output="on", alarms=[])


WRONG = "scale or module wrong"


def test_modules_that_are_on_and_give_next_to_nothing() -> None:
    """Less than a tenth of what they are told, below the set voltage, for ten seconds: nobody waits at a car that gets
    nothing."""
    stage = heard(giving(5.4)).run(0.499)
    assert (alarms(stage), stage.active("output.enabled")) == ([], True)
    stage.run(0.001)
    text = f"modules 1, 2, 3 give {stage.data('present_current')} of 60.0 A: {WRONG}"
    assert (alarms(stage), stage.logs[-1]) == ([("other", text)], text)
    assert stage.active("output.faulty")
    assert len(stage.ordered("module.stop")) == 3
    become(become(stage, "discharging", 1, 2, 3), "standby", 1, 2, 3)
    stage.forget().post("on")
    assert (stage.active("output.enabling"), stage.told("alarm_cleared"), alarms(stage)) == (True, [{}], [])
    become(stage, "regulating", 1, 2)
    assert alarms(heard(speaking(stage, 9.5)).run(0.499)) == [], "the next try has its time"
    assert [text for _, text in alarms(stage.run(0.001))] == [f"modules 1, 2 give 5.4 of 60.0 A: {WRONG}"]


@pytest.mark.parametrize(
    "enough",
    [
        {"current": 6.0},
        {"current": 0.0, "voltage": 392.0},
        {"current": 0.0, "asked": 4.9},
        {"current": 15.0, "asked": 400.0},
    ],
)
def test_what_is_enough(enough: dict[str, float]) -> None:
    """A full battery takes nothing at the set voltage; of what they cannot give nothing is expected."""
    assert alarms(giving(seconds=30, **enough)) == []


@pytest.mark.parametrize("asked", [5.0, 400.0])
def test_what_is_not(asked: float) -> None:
    assert len(alarms(giving(0.45 if asked == 5.0 else 14.9, asked=asked, seconds=10.5))) == 1


def test_modules_that_begin_to_give_in_time() -> None:
    stage = reads(giving(0.0), 1, voltage=391.9, current=6.0)
    reads(speaking(stage, 5), 1, voltage=391.9, current=0.0)
    assert alarms(speaking(stage, 9.5)) == []
    assert alarms(giving(0.0).post("off").run(1)) == []


# ---------------------------------------------------------------- off


def test_off() -> None:
    """One frame for all, and each by itself; then it waits until none is on."""
    stage = delivering().post("off")
    assert stage.order("modules.off") == {"module": 63}
    assert len(stage.ordered("module.stop")) == 3
    assert stage.active("output.disabling")
    become(become(stage, "stopping", 1, 2, 3), "discharging", 1, 2)
    assert stage.post("off").active("output.disabling")
    assert stage.unhandled == []
    become(stage, "discharging", 3)
    assert (stage.active("output.disabled"), stage.data("output_on"), alarms(stage)) == (True, False, [])
    stage.forget().run(5)
    assert stage.ordered("module.stop") == []
    stage.post("off")
    assert len(stage.ordered("module.stop")) == 3, "ordered off while off: told again"
    stage.values("bus", is_connected=False).forget().post("off")
    assert stage.ordered("modules.off") == []


@pytest.mark.parametrize("begun", ["enabling", "enabled"])
def test_off_on_the_way_and_on_again(begun: str) -> None:
    stage = (ready().post("on") if begun == "enabling" else delivering()).post("off")
    if begun == "enabling":
        assert stage.active("output.disabled"), "none was on yet"
    else:
        assert stage.active("output.disabling")
    stage.forget().post("on")
    assert stage.active("output.enabling") or stage.active("output.enabled")
    assert given(stage) == [(400.0, 20.0)] * 3


def test_the_same_set_points_after_off() -> None:
    """No remembered set point outlives off: who is switched on again is told them, though they have not changed."""
    stage = delivering().post("off")
    become(become(stage, "discharging", 1, 2, 3), "standby", 1, 2, 3)
    stage.post("set", voltage=400.0, current=60.0).forget().post("on")
    assert given(stage) == [(400.0, 20.0)] * 3


def test_one_keeps_delivering_when_told_to_stop() -> None:
    """Named after three seconds, and told for ever; when it lets go the telling ends."""
    stage = become(delivering().post("off"), "discharging", 1, 3).run(2.9)
    assert alarms(stage) == []
    become(stage, "fault", 2, why="does not switch off").run(0.1)
    assert alarms(stage) == [("other", "not all modules switch off; module 2: does not switch off")]
    stage.forget().run(1.75)
    assert [at for at in stage.times("modules.off")] == pytest.approx([3.5, 4.0, 4.5])
    become(stage, "dead", 2).forget().run(3)
    assert stage.ordered("modules.off") == []
    assert stage.post("off").unhandled == []


@pytest.mark.parametrize("state", ["starting", "regulating", "stopping", "fault"])
def test_a_module_is_on_that_nobody_switched_on(state: str) -> None:
    stage = become(ready(), state, 2)
    assert stage.active("output.disabling")
    assert stage.order("modules.off") == {"module": 63}
    for other in ("standby", "discharging", "dead", "lost", "offline"):
        assert become(ready(), other, 2).active("output.disabled")


def test_an_alarm_and_the_next_try() -> None:
    """The next order to switch on is a new try; without bus or modules it is an alarm again."""
    stage = become(delivering(1), "fault", 1, why="fan").forget().post("on")
    assert alarms(stage) == [("other", "0 of at least 1 modules are ready; module 1: fan")]
    assert stage.told("alarm_cleared") == []
    stage.emit("bus.lost", reason="pulled").forget().post("on")
    assert alarms(stage) == [("other", "0 of at least 1 modules are ready; CAN bus: pulled")]
    become(stage, "standby", 1).forget().post("on")
    assert (len(alarms(stage)), stage.told("alarm_cleared")) == (1, []), "a module, but no bus"
    stage.emit("bus.connected").forget().post("on")
    assert (alarms(stage), stage.told("alarm_cleared")) == ([], [{}])


# ---------------------------------------------------------------- ranges


def ranges(stage: Stage) -> list[str]:
    return [args["range"] for args in stage.ordered("module.select")]


def test_the_range_follows_the_set_voltage_while_it_is_off() -> None:
    stage = become(on_bus(narrow_up_to=500.0), "standby", 1)
    assert ranges(stage) == ["wide"], "nothing is asked for yet"
    stage.forget().post("set", voltage=500.0, current=1.0)
    assert ranges(stage) == ["narrow"] * 3
    become(stage.forget(), "standby", 2)
    assert ranges(stage) == ["narrow"]
    stage.forget().post("set", voltage=500.1, current=1.0)
    assert ranges(stage) == ["wide"] * 3
    become(reads(stage, 1, voltage=0.0).post("on"), "regulating", 1).forget().post("set", voltage=400.0, current=1.0)
    assert ranges(stage) == [], "not while it is on"
    assert set(ranges(ready())) <= {"wide"}


# ---------------------------------------------------------------- as many as are needed


def test_one_rests_when_the_load_is_light() -> None:
    """When those without the last one would give no more than 40 % of what they can, for a minute."""
    stage = delivering().post("set", voltage=400.0, current=40.0)
    assert stage.active("output.enabled.light")
    speaking(stage, 59.5)
    assert stage.ordered("module.stop") == []
    stage.forget().emit("modules.status", module=1, output="on", alarms=[]).run(0.5)
    assert len(stage.ordered("module.stop")) == 1
    assert given(stage) == [(400.0, 20.0)] * 2
    assert (stage.data("rests"), stage.active("output.enabled.even")) == ([False, False, True], True)
    become(stage.forget(), "standby", 3)
    assert given(stage) == [(400.0, 20.0)] * 2, "it is not switched on again at once"
    assert stage.data("able") == 100.0
    stage.forget().post("set", voltage=400.0, current=90.0)
    assert stage.data("rests") == [False, False, True], "90 % are not too much"
    stage.forget().post("set", voltage=400.0, current=90.1)
    assert stage.data("rests") == [False] * 3
    assert [current for _, current in given(stage)][-3:] == pytest.approx([30.033] * 3)


@pytest.mark.parametrize(("current", "light"), [(40.0, True), (40.1, False)])
def test_light(current: float, light: bool) -> None:
    stage = delivering().post("set", voltage=400.0, current=current)
    assert stage.active("output.enabled.light") == light
    assert not delivering(least=3).post("set", voltage=400.0, current=1.0).active("output.enabled.light")


def test_a_dip_makes_nobody_rest() -> None:
    stage = speaking(delivering().post("set", voltage=400.0, current=20.0), 50)
    stage.post("set", voltage=400.0, current=40.1)
    assert stage.active("output.enabled.even")
    speaking(stage.post("set", voltage=400.0, current=20.0), 50)
    assert stage.ordered("module.stop") == []


def test_who_rests_is_woken_by_the_next_charge() -> None:
    stage = speaking(delivering().post("set", voltage=400.0, current=20.0), 61)
    assert True in stage.data("rests")
    stage.post("off")
    assert stage.data("rests") == [False] * 3
    stage = speaking(delivering().post("set", voltage=400.0, current=20.0), 61)
    assert become(stage, "offline", 3).data("rests") == [False] * 3
