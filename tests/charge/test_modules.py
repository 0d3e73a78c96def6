"""The station charges the simulated vehicle through simulated power modules, which speak their make's frames."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest

from adapters.can.families import MODULES
from adapters.can.frame import Frame
from engine.cli import main
from tests.charge.bench import Bench

FAMILIES = tuple(MODULES)


def charging(kind: str, *sets: str) -> Bench:
    """A vehicle is plugged in and takes current from four modules."""
    bench = Bench(
        "evse_dc", ("modules", "evse", "pev"), f"supply={kind}", "pev.adapters.battery.maximum_current=80 A", *sets
    )
    bench.until(lambda: bench.circuit.output_A > 79.0, 40, "charge")
    return bench


def supply(bench: Bench) -> tuple[str, ...]:
    """The states of the chart behind the station's supply."""
    return bench.system.servers["evse/supply"].actor.machine.configuration


def given(bench: Bench) -> list[float]:
    """What each module gives, A."""
    rack = bench.adapter("modules", "rack")
    rack._measure()
    return [round(module.current, 1) for module in rack.modules.values()]


def address(bench: Bench, place: int) -> int:
    return int(bench.adapter("modules", "rack").first) + place


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_charge(kind: str) -> None:
    """From the plug to the end, and the modules are off after it."""
    bench = charging(kind, "pev.stop_at_soc=41 %", "pev.adapters.battery.soc=40.8")
    bench.run(1)
    shares = given(bench)
    assert len(set(shares)) == 1, f"the current is shared evenly: {shares}"

    def told() -> list[dict[str, Any]]:
        return [event for event in bench.events("session_ended") if "EVCCID" in event]

    bench.until(lambda: bool(told()), 60, "end of the session")
    ended = told()
    assert [event["end"] for event in ended] == ["normal"]
    assert ended[0]["energy"] > 50.0
    bench.until(lambda: bench.is_dead and "output.disabled" in supply(bench), 5, "dead output")
    assert bench.adapter("evse", "meter").energy == pytest.approx(ended[0]["energy"], abs=5.0)
    assert bench.errors == []
    sent = bench.adapter("modules", "bus")
    assert sent.received > 300 or kind == "tonhe", "real frames passed"


@pytest.mark.parametrize("kind", FAMILIES)
def test_one_pulled_in_mid_charge_is_survived(kind: str) -> None:
    """The others give its part, never more than the vehicle asks for; put back, it takes its share again."""
    bench = charging(kind)
    bench.run(5)
    asked = sum(given(bench))
    bench.system.post(bench.system.roots["modules"], "pull", {"module": address(bench, 1)})
    most = 0.0
    for _ in range(32):
        bench.run(0.5)
        most = max(most, bench.circuit.output_A)
    assert most < asked + 1.0
    shares = given(bench)
    assert shares[1] == 0.0
    assert sum(shares) == pytest.approx(asked, rel=0.05), "shared anew"
    assert bench.is_in("evse/output", "energised.delivering"), "the vehicle has noticed nothing"
    bench.system.post(bench.system.roots["modules"], "plug", {"module": address(bench, 1)})
    bench.run(10)
    shares = given(bench)
    assert len(set(shares)) == 1, shares
    assert sum(shares) == pytest.approx(asked, rel=0.05)
    assert bench.errors == []


def test_a_station_without_a_module_takes_no_vehicle_until_one_is_back() -> None:
    """All are pulled before anybody comes: out of order, with a reason that names them, and no session of 0 Wh that
    "ended well". Back, the station is free again by itself, and the vehicle that waits is charged."""
    bench = Bench("evse_dc", ("modules", "evse"), "supply=infy")
    bench.run(5)
    assert bench.is_in("evse", "outlet.available")
    for place in range(4):
        bench.system.post(bench.system.roots["modules"], "pull", {"module": address(bench, place)})
    bench.run(5)
    assert bench.is_in("evse", "outlet.faulted")
    evse = bench.system.roots["evse"].machine
    assert evse.data["reason"] == "power supply: modules 0, 1, 2, 3 say nothing"
    bench.bring("pev")
    bench.run(40)
    assert [event["end"] for event in bench.events("session_ended") if "EVCCID" in event] == []
    bench.system.post(bench.system.roots["modules"], "plug", {"module": address(bench, 2)})
    bench.until(lambda: bench.circuit.output_A > 20.0, 60, "charge")


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_station_that_needs_several_modules_starts_in_order(kind: str) -> None:
    """They are found one after the other: nobody is told that some are missing while there is time to find them."""
    bench = Bench("evse_dc", ("modules", "evse"), f"supply={kind}", "supply.least=4")
    behind = bench.system.servers["evse/supply"].actor.machine
    for _ in range(50):
        bench.run(0.1)
        assert not bench.is_in("evse", "outlet.faulted")
        assert behind.data["alarmed"] is False
    assert bench.is_in("evse", "outlet.available")
    assert behind.data["sound"] == 4


def test_a_session_whose_modules_go_before_it_has_power_has_failed() -> None:
    bench = Bench("evse_dc", ("modules", "evse", "pev"), "supply=infy")
    bench.until(lambda: bench.is_in("evse", "outlet.plugged.session"), 40, "session")
    for place in range(4):
        bench.system.post(bench.system.roots["modules"], "pull", {"module": address(bench, place)})
    bench.until(lambda: bench.is_in("evse", "outlet.faulted"), 40, "fault")
    (told,) = [event for event in bench.events("session_ended") if "protocol" in event and "energy" in event][:1]
    assert told["end"] == "failed"
    assert "module" in told["reason"]


def test_a_module_that_does_not_switch_off_is_named_where_the_fault_is_told() -> None:
    bench = charging("infy")
    bench.system.post(bench.system.roots["modules"], "stick", {"module": address(bench, 1)})
    bench.system.roots["evse"].roles["button"].emit("stop_pressed", {})
    bench.until(lambda: bench.is_in("evse", "outlet.faulted"), 40, "fault")
    reason = bench.system.roots["evse"].machine.data["reason"]
    assert reason.endswith("power supply: not all modules switch off; module 1: does not switch off")


@pytest.mark.parametrize("kind", ["maxwell", "tonhe"])
def test_the_modules_are_the_meter(kind: str) -> None:
    """``--set meter=modules``: the result's energy is what the modules measured, near to what went into the vehicle."""
    bench = charging(kind, "meter=modules", "pev.stop_at_soc=41 %", "pev.adapters.battery.soc=40.7")
    bench.run(5)  # the ramp is over
    meter = bench.system.servers["evse/meter"].actor.machine.data
    assert meter["power"] == pytest.approx(bench.circuit.output_V * bench.circuit.output_A, rel=0.02)
    bench.until(lambda: any("EVCCID" in event for event in bench.events("session_ended")), 60, "end of the session")
    told = next(event for event in bench.events("session_ended") if "EVCCID" in event)
    assert told["energy"] == pytest.approx(bench.circuit.energy_Wh, rel=0.05)
    assert told["energy"] == pytest.approx(meter["energy"], rel=0.02)
    assert bench.errors == []


def test_supply_and_meter_of_a_station_alone_are_one_node() -> None:
    """With hardware there is no other machine in the process: the meter hears the bus that the supply connects."""
    alone = ("machines.pev.present=false", "machines.modules.present=false")
    bench = Bench("evse_dc", ("evse",), "supply=infy", "meter=modules", *alone)
    supply, meter = (
        bench.system.servers[f"evse/{role}"].actor.roles["modules"].adapter for role in ("supply", "meter")
    )
    assert supply.node is meter.node is not None


def test_a_silent_bus_does_not_release_the_connector_by_the_modules_meter() -> None:
    """Its last voltage grows old: nobody knows whether the connector is dead, and it stays locked."""
    bench = charging("infy", "meter=modules")
    bus = bench.system.servers["evse/supply"].actor.roles["bus"].adapter
    bus.simulated_link.connect = lambda: None
    bus.wire.pull(bus.simulated_link, "the USB adapter was pulled")
    bench.run(30)
    assert bench.is_in("evse", "outlet.faulted.unknown")
    assert bench.adapter("evse", "lock").is_locked


# ---------------------------------------------------------------- what the station does, and what a person reads

OPEN_S = 0.2
"""From the word of the supply to the open contactor: an order, and the contactor's own 40 ms."""


def reads(bench: Bench) -> str:
    """What the result of the session says."""
    bench.until(lambda: any("EVCCID" in event for event in bench.events("session_ended")), 5, "result of the session")
    return next(str(event["reason"]) for event in bench.events("session_ended") if "EVCCID" in event)


def bus_of(bench: Bench) -> Any:
    """The station's way to the bus."""
    return bench.system.servers["evse/supply"].actor.roles["bus"].adapter


def adapter_gone(bench: Bench) -> None:
    bus_of(bench).simulated_link.connect = lambda: None
    bus_of(bench).wire.pull(bus_of(bench).simulated_link, "the USB adapter was pulled")


def adapter_reset(bench: Bench) -> None:
    bus_of(bench).wire.pull(bus_of(bench).simulated_link, "the USB adapter was pulled")


def bus_off(bench: Bench) -> None:
    bus_of(bench).wire.fail(bus_of(bench).simulated_link)


def cable_cut(bench: Bench) -> None:
    bench.adapter("modules", "bus").disconnect()


def each(event: str, **more: Any) -> Callable[[Bench], None]:
    """The same happens to all four modules."""

    def happens(bench: Bench) -> None:
        for place in range(4):
            bench.system.post(bench.system.roots["modules"], event, {"module": address(bench, place), **more})

    return happens


def says(data: bytes) -> Callable[[Bench], None]:
    """All that comes from the modules is this, as what they measure."""

    def happens(bench: Bench) -> None:
        node = bus_of(bench)._node
        deliver = node.deliver
        node.deliver = lambda frame: deliver(frame._replace(data=data)) if frame.id >> 8 == 0x0283F0 else None

    return happens


SILENCE_S = 1.0
"""T_silence of machines/power/supply.yaml."""
FAULTS: dict[str, tuple[str, Callable[[Bench], None], float, str]] = {
    "adapter gone": ("infy", adapter_gone, 0.0, "CAN bus: the USB adapter was pulled (modules 0, 1, 2, 3)"),
    "adapter gone, huawei": ("huawei", adapter_gone, 0.0, "CAN bus: the USB adapter was pulled (modules 1, 2, 3, 4)"),
    "adapter reset": ("tonhe", adapter_reset, 0.0, "CAN bus: the USB adapter was pulled (modules 1, 2, 3, 4)"),
    "bus off": ("infy", bus_off, 0.0, "CAN bus: bus off: too many errors in what it sends (modules 0, 1, 2, 3)"),
    "cable cut": ("uu", cable_cut, SILENCE_S, "modules 1, 2, 3, 4 say nothing: nobody acknowledges"),
    "all cut": ("maxwell", each("cut"), SILENCE_S, "modules 0, 1, 2, 3 say nothing"),
    "all trip": ("uu", each("fail", alarm="overtemperature"), 0.5, "module 4: overtemperature"),
    "addresses twice": ("infy", each("warn", alarm="address_twice"), 0.5, "module 0: address_twice"),
    "no number": (
        "infy",
        says(struct.pack(">ff", float("nan"), 20.0)),
        SILENCE_S,
        "modules 0, 1, 2, 3 say nothing that can be read: output: voltage is nan",
    ),
    "out of range": (
        "infy",
        says(struct.pack(">ff", 4000.0, 20.0)),
        SILENCE_S,
        "0, 1, 2, 3 say nothing that can be read: module 0 says 4000.0 V 20.0 A",
    ),
    "too short": (
        "infy",
        says(b"\x43\xc8"),
        SILENCE_S,
        "modules 0, 1, 2, 3 say nothing that can be read: output: 2 octets instead of 8",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_mid_charge(fault: str) -> None:
    """Contactor open in the time of the chart that notices it; what people read says which module, and why. Modules
    that hear nothing cut themselves off, or fall back to 0 A."""
    kind, happens, seconds, words = FAULTS[fault]
    bench = charging(kind)
    happens(bench)
    bench.until(lambda: not bench.circuit.station_closed, seconds + OPEN_S, "open contactor")
    assert words in reads(bench)
    assert bench.is_in("evse", "outlet.faulted")
    bench.until(lambda: not bench.circuit.on or bench.circuit.set_A == 0.0, 10.5, "modules that give nothing")
    assert [error for error in bench.errors if "not connected" not in error] == []


def supply_data(bench: Bench) -> dict[str, Any]:
    return dict(bench.system.servers["evse/supply"].actor.machine.data)


def test_alien_traffic_in_mid_charge() -> None:
    """Others fill the bus as far as they are let; frames of 11 bits with our numbers and of modules at other addresses
    among them. The charge goes on, and ends in time."""
    bench = charging("infy", "pev.stop_at_soc=41 %", "pev.adapters.battery.soc=40.7")
    node = bus_of(bench)._node
    for number in range(400):
        node.deliver(Frame(0x0283F000 & 0x7FF, struct.pack(">ff", 900.0, 900.0), extended=False))
        node.deliver(Frame(0x0283F030 | number & 0xF, struct.pack(">ff", 900.0, 400.0)))
        node.deliver(Frame(0x18FF0000 | number, bytes(8)))
        bench.run(0.01)
    assert bench.is_in("evse/output", "energised.delivering")
    assert bench.circuit.output_A > 79.0
    bench.until(lambda: any("EVCCID" in event for event in bench.events("session_ended")), 60, "end of the session")
    assert [event["end"] for event in bench.events("session_ended") if "EVCCID" in event] == ["normal"]
    assert bench.errors == []


@pytest.mark.parametrize("kind", FAMILIES)
def test_frames_late_and_doubled_in_mid_charge(kind: str) -> None:
    """Each frame of the modules comes twice, the second one 10 ms late: the charge goes on to its own end."""
    bench = charging(kind, "pev.stop_at_soc=41 %", "pev.adapters.battery.soc=40.8")
    node = bus_of(bench)._node
    deliver = node.deliver
    late: list[Frame] = []

    def twice(frame: Frame) -> None:
        late.append(frame)
        deliver(frame)

    node.deliver = twice
    for _ in range(300):
        waiting, late[:] = late[:], []
        bench.run(0.01)
        for frame in waiting:
            deliver(frame)
    assert len(given(bench)) == 4
    assert bench.circuit.output_A > 79.0
    bench.until(lambda: any("EVCCID" in event for event in bench.events("session_ended")), 60, "end of the session")
    assert [event["end"] for event in bench.events("session_ended") if "EVCCID" in event] == ["normal"]
    assert bench.errors == []


def test_one_less_is_told_the_vehicle_with_the_next_answer() -> None:
    """What the modules can falls by one of them: the limit in the response falls with it, and the current."""
    bench = Bench("evse_dc", ("modules", "evse", "pev"), "supply=infy", "pev.adapters.battery.maximum_current=190 A",
                  "pev.adapters.battery.maximum_power=90 kW")  # fmt: skip
    bench.until(lambda: bench.circuit.output_A > 182.0, 40, "75 kW of the schedule")
    bench.system.post(bench.system.roots["modules"], "fail", {"module": address(bench, 2), "alarm": "fan"})
    bench.until(lambda: supply_data(bench)["maximum_current"] == 150.0, 0.5, "limit of three modules")
    bench.until(lambda: bench.data("pev/session/dialogue", "current_limit") == 150.0, 0.3, "limit told the vehicle")
    bench.run(1)
    assert bench.circuit.output_A <= 150.5
    assert bench.is_in("evse/output", "energised.delivering")


def test_a_module_that_keeps_delivering_when_the_charge_ends() -> None:
    """The contactor opens all the same, and the module is named."""
    bench = charging("infy", "pev.stop_at_soc=41 %", "pev.adapters.battery.soc=40.8")
    bench.system.post(bench.system.roots["modules"], "stick", {"module": address(bench, 2)})
    bench.until(lambda: not bench.circuit.station_closed, 60, "open contactor")
    bench.until(lambda: bench.is_in("evse", "outlet.faulted"), 10, "faulted outlet")
    bench.run(5)
    assert bench.system.servers["evse/supply"].actor.machine.data["why"] == "module 2: does not switch off"
    assert not bench.circuit.station_closed


@pytest.mark.parametrize("away_s", [3, 25])
@pytest.mark.parametrize("kind", FAMILIES)
def test_all_of_them_lost_in_mid_charge_and_back(kind: str, away_s: int) -> None:
    """The session has failed for want of modules. Nobody has to look at anything: when they speak again and measure a
    dead output, the vehicle that is still there is charged."""
    bench = charging(kind)
    for place in range(4):
        bench.system.post(bench.system.roots["modules"], "pull", {"module": address(bench, place)})
    bench.until(lambda: bench.is_in("evse", "outlet.faulted"), 5, "fault")
    told = next(event for event in bench.events("session_ended") if "EVCCID" in event)
    assert told["end"] == "failed"
    assert f"module {address(bench, 0)}" in told["reason"] or f"modules {address(bench, 0)}" in told["reason"]
    bench.run(away_s)
    assert bench.is_in("evse", "outlet.faulted"), "nobody knows whether the output is live"
    for place in range(4):
        bench.system.post(bench.system.roots["modules"], "plug", {"module": address(bench, place)})
    bench.until(lambda: not bench.is_in("evse", "outlet.faulted"), 20, "free outlet")
    bench.until(lambda: bench.circuit.output_A > 20.0, 90, "next charge")
    assert bench.errors == []


def test_mute_modules_that_go_on_delivering_free_the_station_only_when_the_output_is_measured_dead() -> None:
    bench = charging("infy")
    for place in range(4):
        bench.system.post(bench.system.roots["modules"], "mute", {"module": address(bench, place)})
        bench.system.post(bench.system.roots["modules"], "stick", {"module": address(bench, place)})
    bench.until(lambda: bench.is_in("evse", "outlet.faulted"), 5, "fault")
    bench.run(5)
    assert not bench.circuit.station_closed
    for place in range(4):
        bench.system.post(bench.system.roots["modules"], "speak", {"module": address(bench, place)})
    bench.run(20)
    assert bench.is_in("evse", "outlet.faulted")
    assert bench.is_in("evse/output", "faulty"), "they speak, and show a voltage that stays"
    assert "still live" in bench.data("evse", "reason") or "does not switch off" in bench.data("evse", "reason")
    assert bench.errors == []


@pytest.mark.parametrize(
    ("sets", "text"),
    [
        (["supply=infy", "supply.first_address=200"], "Infypower REG/BEG has no modules 200 to 207"),
        (["supply=infy", "supply.first_address=56"], "Infypower REG/BEG has no modules 56 to 63"),
        (["supply=huawei", "supply.first_address=0", "supply.addresses=1"], "has no module 0 "),
        (["supply=maxwell", "meter=modules", "meter.first_address=64"], "has no modules 64 to 71"),
    ],
)
def test_addresses_that_a_make_has_not_are_an_error_before_the_run(
    sets: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the range of the make, and nothing else: nobody has to look for it among the consequences."""
    options = [option for one in sets for option in ("--set", one)]
    assert main(["run", "machines/evse_dc.yaml", "--fast", "--quiet", *options]) == 2
    told = capsys.readouterr()
    assert "READY" not in told.out
    lines = told.err.splitlines()
    assert len(lines) == 1
    assert text in lines[0]
    assert "its addresses are " in lines[0]


def test_the_last_addresses_of_a_make_can_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--set", "supply=infy", "--set", "supply.first_address=55", "--for", "1 s"]
    assert main(["run", "machines/evse_dc.yaml", "--fast", "--quiet", *options]) == 0
    assert "has no module" not in capsys.readouterr().err


@pytest.mark.parametrize("back_s", [3.0, 15.0])
def test_no_vehicle_is_told_0_V_while_the_modules_are_not_known(back_s: float) -> None:
    """It waits at 100 %, not invited, and is charged when there is somebody to charge it."""
    bench = Bench("evse_dc", ("modules", "evse", "pev"), "supply=infy", "pev.adapters.pilot.plug_after=100 ms")
    for place in range(4):
        bench.system.post(bench.system.roots["modules"], "pull", {"module": address(bench, place)})
    told: list[float] = []
    respond = bench.adapter("evse", "v2g").ChargeParameterDiscoveryRes

    def spied(**values: Any) -> None:
        told.append(values["EVSEMaximumVoltageLimit"])
        respond(**values)

    bench.adapter("evse", "v2g").ChargeParameterDiscoveryRes = spied
    bench.run(back_s)
    assert told == []
    assert bench.is_in("evse", "outlet.starting" if back_s < 10.0 else "outlet.faulted")
    bench.system.post(bench.system.roots["modules"], "plug", {"module": address(bench, 2)})
    bench.until(lambda: bench.circuit.output_A > 20.0, 60, "charge")
    assert told == [500.0]
    assert bench.errors == []
