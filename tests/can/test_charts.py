"""A chart over the roles of the bus: one module behind the contract power_supply, its bus pulled and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import engine
from adapters.can.bus import BusState, Node
from adapters.can.families import module_family
from adapters.can.frame import Frame, Message
from adapters.can.python_can import PythonCanBus
from adapters.can.roles import PowerModules
from adapters.can.simulated import SimulatedCanBus, SimulatedLink
from engine.adapter import World
from engine.cli import main

MS = 1_000_000

CHART = """
machine: one_module
serves: power_supply
parameters:
  T_poll: {type: duration, default: 100 ms}
  T_back_off: {type: duration, default: 500 ms}
adapters:
  bus: can_bus
  modules: power_modules
data:
  present_voltage: {type: float V, initial: 0 V}
  present_current: {type: float A, initial: 0 A}
  maximum_voltage: {type: float V, initial: 0 V}
  maximum_current: {type: float A, initial: 0 A}
  maximum_power: {type: float W, initial: 0 W}
  minimum_voltage: {type: float V, initial: 0 V}
  minimum_current: {type: float A, initial: 0 A}
  temperature: {type: float degC, initial: 0 degC}
  output_on: {type: bool, initial: False}
initial: away
on:
  bus.lost:
    target: .away
    actions: {send: {event: alarm, to: parent, data: {code: communication, text: event.reason}}}
  bus.bus_state:
    guard: event.state == 'bus_off'
    target: .away
states:
  away:
    title: Without a bus
    entry: bus.connect()
    on: {bus.connected: there}
    after: {T_back_off: away}
  there:
    exit: {if: bus.is_connected, then: modules.off(module=1)}
    initial: polling
    on:
      set: {actions: "modules.set(module=1, voltage=event.voltage, current=event.current)"}
      on: {actions: modules.on(module=1)}
      off: {actions: modules.off(module=1)}
      modules.reading:
        actions:
          - if: event.voltage != None
            then: [assign: {present_voltage: event.voltage}]
          - if: event.current != None
            then: [assign: {present_current: event.current}]
      modules.status:
        actions: [assign: {output_on: event.output == 'on'}]
    states:
      polling:
        entry: modules.poll(module=1)
        after: {T_poll: polling}
"""


class Module:
    """An Infypower module with address 1 on the same wire: does as it is told, answers at once."""

    sent = received = 0

    def __init__(self, bus: SimulatedCanBus) -> None:
        self.codec = module_family("infy")
        self.node = Node("module")
        self.link = SimulatedLink(bus.wire, self.node, bus.port, self)  # type: ignore[arg-type]
        self.node.subscribe(self.heard)
        self.link.connect()
        self.orders: list[str] = []
        self.output, self.voltage = "off", 0.0

    def connected(self) -> None: ...
    def state_changed(self, state: BusState, reason: str) -> None: ...

    def heard(self, frame: Frame) -> None:
        message = self.codec.decode(frame)
        assert isinstance(message, Message)
        match message.name:
            case "set_output":
                self.voltage = message.values["voltage"]
            case "switch":
                self.output = message.values["output"]
                self.orders.append(self.output)
            case "read_output":
                volts = self.voltage if self.output == "on" else 0.0
                self.say("output", voltage=volts, current=volts / 40)
            case "read_status":
                self.say("status", group=0, temperature=30.0, alarms=[] if self.output == "on" else ["output_off"])

    def say(self, name: str, **values: Any) -> None:
        self.link.send(self.codec.encode(name, module=1, **values))


def test_a_real_interface_needs_the_real_clock() -> None:
    """On the virtual clock of --fast nothing is opened, and the chart is told why."""
    chart = engine.load_text(
        "machine: keeper\nadapters: {bus: can_bus}\ndata: {told: {type: string, initial: \"''\"}}\n"
        "on: {error.adapter.bus: {actions: [assign: {told: event.message}]}}\n"
        "states: {a: {entry: bus.connect()}}\n"
    )
    bus = PythonCanBus({"node": "evse", "interface": "virtual", "channel": "nobody"}, World())
    machine = engine.start(chart, adapters={"bus": bus})
    machine.advance(10 * MS)
    assert "real clock" in machine.data["told"]
    assert not bus.is_connected
    machine.stop()


def test_fast_with_a_real_interface_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything begins, instead of a session without energy."""
    bus = "adapters.supply.adapters.bus"
    sets = ["adapters.supply.use=modules", f"{bus}.use=python_can", f"{bus}.channel=x", f"{bus}.interface=virtual"]
    assert main(["run", "machines/evse_dc.yaml", "--fast", "--plain", *(f"--set={one}" for one in sets)]) == 2
    assert capsys.readouterr() == ("", "engine: supply: adapter 'python_can' needs the real clock, so not --fast\n")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("maximum_current", "-3"),
        ("maximum_voltage", "0"),
        ("maximum_power", "-1"),
        ("minimum_voltage", "-1"),
        ("count", "0"),
    ],
)
def test_a_rack_that_cannot_be_is_refused(setting: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    key = f"adapters.rack.{setting}={value}"
    assert main(["run", "machines/simulated/rack.yaml", "--fast", "--plain", "--set", key]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"engine: --set {key}: role rack, setting {setting}: ")


def test_a_supply_of_one_module_is_a_chart(tmp_path: Path) -> None:
    """Set points and "on" of whoever has the role power_supply reach the module by frames, what it answers is read; the
    adapter is pulled: an alarm, and the chart connects again and goes on."""
    (tmp_path / "one_module.yaml").write_text(CHART)
    (tmp_path / "caller.yaml").write_text(
        "machine: caller\nadapters: {supply: power_supply}\ndata: {told: {type: string, initial: \"''\"}}\n"
        "events: {go: {direction: in}}\n"
        "on:\n  go: {actions: ['supply.set(voltage=400 V, current=10 A)', supply.on()]}\n"
        "  supply.alarm: {actions: [assign: {told: event.text}]}\n"
        "exit: supply.off()\nstates: {here: {}}\n"
    )
    world = World()
    bus = SimulatedCanBus({"node": "evse"}, world)
    modules = PowerModules({"node": "evse", "family": "infy"}, world)
    supply = engine.serve(engine.load(tmp_path / "one_module.yaml"), {}, {"bus": bus, "modules": modules})
    caller = engine.start(engine.load(tmp_path / "caller.yaml"), adapters={"supply": supply})
    module = Module(bus)
    caller.advance(300 * MS)
    caller.send("go")
    caller.advance(300 * MS)
    assert (module.output, module.voltage) == ("on", 400.0)
    bus.wire.pull(bus.simulated_link)
    caller.advance(1 * MS)
    assert caller.data["told"] == "the adapter was pulled"
    caller.advance(300 * MS)
    assert bus.is_connected
    before = module.sent
    caller.advance(300 * MS)
    assert module.sent > before
    caller.stop()
    assert module.orders[-1] == "off"


IN_MULTICAST = ("--can", "239.74.163.9", "--set", "adapters.supply.adapters.bus.interface=udp_multicast")
MODULES_BUS = ("--set", "adapters.supply.adapters.modules.bus=9")


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        (["--can", "can77"], "role 'evse/supply.bus': setting 'channel': there is no CAN interface 'can77'"),
        (
            ["--can", "239.74.163.2"],
            "'239.74.163.2' is an IP address, which no CAN interface has: for a multicast group",
        ),
        (["--can", "lo"], "role 'evse/supply.bus': setting 'channel': there is no CAN interface 'lo'"),
        ([*IN_MULTICAST[2:], "--can", "39.74.163.9"], "setting 'channel': '39.74.163.9' is no multicast address"),
        (
            ["--can", "/dev/none", "--set", "adapters.supply.adapters.bus.interface=slcan"],
            "setting 'channel': there is no /dev/none: is the adapter plugged in",
        ),
        (["--can", "x", "--set", "adapters.supply.adapters.bus.interface=socketcam"], "python-can has no 'socketcam'"),
        (MODULES_BUS, "evse/supply.modules: no role can_bus of the same machine is on bus '9'; give the setting 'bus'"),
        ([*IN_MULTICAST, *MODULES_BUS], "evse/supply.modules: no role can_bus of the same machine is on bus '9'"),
        (["--set", "machines.modules.adapters.rack.bus=9"], "modules.rack: no role can_bus of the same machine"),
    ],
)
def test_a_wrong_name_of_a_bus_is_an_error_before_the_run(
    sets: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whose setting it is and what would do, instead of an error with each order."""
    assert main(["run", "machines/evse_dc.yaml", "--supply", "infy", "--plain", "--quiet", *sets]) == 2
    assert told in capsys.readouterr().err
