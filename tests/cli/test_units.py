"""Units: what a station has several times is declared once, reaches the right one, and shares nothing unawares."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.cli import main
from engine.language.problems import ChartError
from engine.run import System
from engine.run.registry import installed
from engine.run.station import Overrides, Station, StationError, build, resolve

SITE = Path(__file__).parents[2] / "machines" / "site.yaml"
SITE_FILE = SITE.parent / "stations" / "site.toml"

GATE_CONTRACT = """
contract: gate
actions: {lift: {args: {by: int}}}
events: {lifted: {payload: {name: string}}}
values: {height: int}
"""
GATE_PY = """
from engine.adapter import Adapter, Setting

class Gate(Adapter):
    contract = "gate"
    settings = {
        "name": Setting("string", "alone", "what it is called", names="unit"),
        "host": Setting("string", "", "where it is", names="machine"),
        "step": Setting("int", 1, "height of a lift"),
    }
    height = 0

    @classmethod
    def claims(cls, config):
        return {"name": f"the gate {config['name']!r}"}

    def lift(self, *, by):
        self.height += by * self.config["step"]
        self.port.emit("lifted", name=self.config["name"] + "@" + self.config["host"])
"""
LANE = """
machine: lane
parameters: {T_open: {type: duration, default: 1 s}, good: {type: bool, default: True}}
adapters: {gate: gate, bell: gate}
events: {passed: {direction: out, payload: {good: bool, by: string}}}
session: {during: shut, result: passed, success: event.good}
invoke: {id: watch, src: watch.yaml}
states:
  shut:
    entry: [gate.lift(by=2), spawn: {id: glance, src: watch.yaml, key: 5}]
    on: {gate.lifted: open}
  open:
    after:
      T_open: {target: gone, actions: [send: {event: passed, to: parent, data: {good: good, by: "''"}}]}
  gone: {}
"""
WATCH = """
machine: watch
parameters: {C_look: {type: int, default: 1}}
states: {looking: {invariant: C_look > 0}}
"""
PLACE = """
machine: place
station: place.toml
parameters: {lanes: {type: int, default: 2, description: how many}, extra: {type: int, default: 0}}
units: {lane: {count: lanes + extra, description: A way in}}
adapters: {bell: gate}
data: {refused: {type: string, initial: "''"}, sum_of_keys: {type: int, initial: 0}}
events: {too_many: {direction: in}}
states:
  running:
    entry:
      - foreach:
          in: range(lanes + extra)
          item: i
          do: [spawn: {id: lane, src: lane.yaml, key: i + 1, unit: lane, adapters: {bell: bell}}]
    on:
      too_many: {actions: [spawn: {id: lane, src: lane.yaml, key: 9, unit: lane, adapters: {bell: bell}}]}
      error.invoke.lane: {actions: [assign: {refused: event.reason}]}
      lane.passed: {actions: [assign: {sum_of_keys: sum_of_keys + event.key}]}
      bell.lifted:
"""
WAITER = """
machine: waiter
parameters: {patience: {type: int, default: 1}}
adapters: {gate: gate}
states: {here: {on: {gate.lifted: }}}
"""
STATION = """
[station]
machine = "place.yaml"
[adapters.bell]
use = "./gate.py:Gate"
name = "bell"
[units.lane.adapters.gate]
use = "./gate.py:Gate"
step = 10
[units.lane.machines.waiter]
chart = "waiter.yaml"
[units.lane.machines.waiter.adapters.gate]
use = "./gate.py:Gate"
name = "waiter's {}"
[sets.mood]
directory = "moods"
machine = "waiter"
default = ["calm", "keen"]
[display]
"Height {}" = "place.lane[{}].gate.height"
[sides]
"Lane {}" = "place/lane[{}]"
"""


BUS = """
machine: bus_stop
parameters: {T_open: {type: duration, default: 1 s}, lamps: {type: int, default: 3}}
adapters: {lamp: gate}
events: {passed: {direction: out, payload: {good: bool}}}
states:
  lit:
    entry: lamp.lift(by=lamps)
    on: {lamp.lifted: {actions: {send: {event: passed, to: parent, data: {good: True}}}}}
"""
STREET = """
machine: street
station: street.toml
parameters: {lanes: {type: int, default: 3}, kinds: {type: list of string, default: "['lane', 'bus']"}}
units: {lane: {count: lanes, kinds: kinds}}
adapters: {bell: gate}
data: {passed: {type: int, initial: 0}}
states:
  running:
    entry:
      - foreach:
          in: range(lanes)
          item: i
          do:
            - if: kinds[i % max(len(kinds), 1)] == 'bus'
              then: [spawn: {id: lane, src: bus_stop.yaml, key: i + 1, unit: lane, kind: bus}]
              else: [spawn: {id: lane, src: lane.yaml, key: i + 1, unit: lane, kind: lane, adapters: {bell: bell}}]
    on:
      lane.passed: {actions: [assign: {passed: passed + event.key * int(event.good)}]}
      bell.lifted:
"""
STREET_STATION = """
[station]
machine = "street.yaml"
[adapters.bell]
use = "./gate.py:Gate"
name = "bell"
[units.lane.adapters.gate]
use = "./gate.py:Gate"
[units.lane.adapters.lamp]
use = "./gate.py:Gate"
step = 5
[units.lane.machines.waiter]
chart = "waiter.yaml"
kind = "lane"
[units.lane.machines.waiter.adapters.gate]
use = "./gate.py:Gate"
name = "waiter's {}"
[display]
"Height {}" = "street.lane[{}].gate.height"
"Patience {}" = "waiter{}.patience"
[sides]
"Waiter {}" = "waiter{}"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {"gate.contract.yaml": GATE_CONTRACT, "gate.py": GATE_PY, "lane.yaml": LANE, "watch.yaml": WATCH,
             "place.yaml": PLACE, "waiter.yaml": WAITER, "place.toml": STATION,
             "bus_stop.yaml": BUS, "street.yaml": STREET, "street.toml": STREET_STATION}  # fmt: skip
    (tmp_path / "moods").mkdir()
    files |= {"moods/calm.toml": "patience = 9", "moods/keen.toml": "patience = 2"}
    for name, text in files.items():
        (tmp_path / name).write_text(text.lstrip(), "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def place(*sets: str, environ: dict[str, str] | None = None, faults: tuple[str, ...] = ()) -> Station:
    overrides = Overrides(sets, environ or {}, {}, faults)
    return resolve(Path("place.yaml"), None, overrides, installed(), engine.load)


def running(*sets: str, faults: tuple[str, ...] = ()) -> System:
    system = System()
    build(place(*sets, faults=faults), system, installed())
    system.start()
    system.advance(5_000_000_000)
    return system


def heights(system: System) -> list[int]:
    units = system.roots["place"].units
    return [units[("lane", n)]["gate"].adapter.height for n in range(1, len(units) + 1)]  # type: ignore[attr-defined]


def test_every_child_on_a_unit_has_the_roles_of_its_number_and_the_others_of_its_parent() -> None:
    system = running()
    assert heights(system) == [20, 20]
    first, second = (system.roots["place"].children[("lane", n)] for n in (1, 2))
    assert first.roles["gate"] is not second.roles["gate"]
    assert first.roles["bell"] is second.roles["bell"] is system.roots["place"].roles["bell"]
    assert system.roots["place"].machine.data["sum_of_keys"] == 3
    assert not system.failures


def test_what_one_unit_says_no_other_hears() -> None:
    """The second lane's gate does not open the first lane."""
    system = running(faults=("drop:lane1.gate.lifted",))
    first, second = (system.roots["place"].children[("lane", n)] for n in (1, 2))
    assert (first.machine.configuration, second.machine.configuration) == (("shut",), ("gone",))


def test_a_unit_there_is_not_is_refused_with_how_many_there_are() -> None:
    system = running()
    system.post(system.roots["place"], "too_many")
    system.advance(0)
    assert system.roots["place"].machine.data["refused"].endswith("there is no lane 9 here, only 1 to 2")


def test_how_many_there_are_is_a_parameter_of_the_chart_set_in_any_way() -> None:
    assert list(place().machines) == ["place", "waiter1", "waiter2"]
    assert len(place("lanes=3").machines["place"].units) == 3
    assert len(place("place.extra=2").machines["place"].units) == 4
    assert len(place(environ={"CHARGER_PARAMETERS_LANES": "5"}).machines["place"].units) == 5
    for wrong in ("lanes=0", "lanes=1000"):
        with pytest.raises(StationError, match=f"--set {wrong}: .*'lane'; there may be 1 to 99"):
            place(wrong)


def test_names_are_those_of_the_unit_and_its_machine_unless_they_are_set() -> None:
    station = place()
    gates = [unit.adapters["gate"].config for unit in station.machines["place"].units]
    assert [(gate["name"], gate["host"]) for gate in gates] == [("lane1", "lane1"), ("lane2", "lane2")]
    waiters = [station.machines[name].adapters["gate"].config for name in ("waiter1", "waiter2")]
    assert [(gate["name"], gate["host"]) for gate in waiters] == [("waiter's 1", "waiter1"), ("waiter's 2", "waiter2")]


def test_a_setting_is_set_for_all_units_or_for_one() -> None:
    assert heights(running("lane.adapters.gate.step=3")) == [6, 6]
    assert heights(running("lane2.adapters.gate.step=3")) == [20, 6]
    environ = {"CHARGER_MACHINES_LANE1_ADAPTERS_GATE_STEP": "4"}
    assert [u.adapters["gate"].config["step"] for u in place(environ=environ).machines["place"].units] == [4, 10]


@pytest.mark.parametrize("written", ["lane2.T_open=3 s", "lane[2].T_open=3 s"])
def test_a_parameter_is_set_for_the_charts_of_all_units_or_for_one(written: str) -> None:
    def opens(system: System) -> list[object]:
        return [system.roots["place"].children[("lane", n)].machine.parameters["T_open"] for n in (1, 2)]

    assert opens(running("lane.T_open=2 s")) == [2_000_000_000, 2_000_000_000]
    assert opens(running("lane.T_open=2 s", written)) == [2_000_000_000, 3_000_000_000]
    watches = [
        lane.children[("watch", None)] for lane in running("lane2.watch.C_look=7").roots["place"].children.values()
    ]
    assert [watch.machine.parameters["C_look"] for watch in watches] == [1, 7]
    with pytest.raises(StationError, match="there is no lane 3, only 1 to 2"):
        place("lane3.T_open=3 s")


def glances(system: System) -> list[object]:
    lanes = [system.roots["place"].children[("lane", n)] for n in (1, 2)]
    return [lane.children[("glance", 5)].machine.parameters["C_look"] for lane in lanes]


def test_a_parameter_for_one_unit_reaches_what_its_chart_spawns_by_key() -> None:
    assert glances(running("lane2.glance.C_look=7")) == [1, 7]
    assert glances(running("lane2.glance.C_look=7", "lane.glance.C_look=3")) == [3, 7]


def test_a_station_file_sets_a_parameter_of_one_unit() -> None:
    text = (
        STATION + "[machines.lane2.parameters]\nT_open = '3 s'\nglance.C_look = 7\n[parameters.lane]\nT_open = '2 s'\n"
    )
    Path("place.toml").write_text(text, "utf-8")
    system = running()
    lanes = system.roots["place"].children.values()
    assert [lane.machine.parameters["T_open"] for lane in lanes] == [2_000_000_000, 3_000_000_000]
    assert glances(system) == [1, 7]
    assert glances(running("lane2.glance.C_look=8")) == [1, 8]
    Path("place.toml").write_text(text.replace("T_open = '3", "T_opn = '3"), "utf-8")
    with pytest.raises(StationError, match=r"place.toml: .*no parameter 'T_opn'; did you mean 'T_open'"):
        place()


def test_several_choices_go_round_the_machines_of_the_units() -> None:
    def patience(*sets: str) -> list[object]:
        station = place("lanes=3", *sets)
        return [station.machines[f"waiter{n}"].parameters[""]["patience"] for n in (1, 2, 3)]

    assert patience() == [9, 2, 9]
    assert patience("mood=keen") == [2, 2, 2]
    assert patience("mood=keen, calm") == [2, 9, 2]
    assert patience("mood=keen", "waiter2.patience=5") == [2, 5, 2]
    assert patience("waiter.patience=6") == [6, 6, 6]


def test_two_machines_with_what_is_for_one_are_refused_with_the_settings_that_say_it() -> None:
    with pytest.raises(
        StationError, match=r"lane2.gate and lane1.gate both have the gate 'x', .*lane2.adapters.gate.name"
    ):
        place("lane.adapters.gate.name=x")


def test_names_that_are_wrong_are_told_with_the_right_one() -> None:
    text = Path("place.toml").read_text("utf-8")
    Path("place.toml").write_text(text.replace("units.lane", "units.lame"), "utf-8")
    with pytest.raises(StationError, match=r"\[units.lame\]: place has no unit 'lame'; did you mean 'lane'"):
        place()
    Path("place.toml").write_text(text.replace("place.lane[{}].gate", "place.road[{}].gate"), "utf-8")
    with pytest.raises(StationError, match=r"\[display\]: .*is the number of a unit or its machine \(lane, waiter\)"):
        place()


def test_sessions_of_all_units_count_and_the_one_that_failed_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "place.yaml", "--fast", "--quiet"]) == 0
    told = capsys.readouterr().out
    assert "session 1 of lane1 ended at 1.0 s" in told
    assert "session 2 of lane2 ended at 1.0 s" in told
    assert "Height 1 20, Height 2 20" in told
    options = ["--sessions", "3", "--set", "lanes=3", "--set", "lane2.good=false"]
    assert main(["run", "place.yaml", "--fast", "--quiet", *options]) == 1
    out, err = capsys.readouterr()
    assert "session 2 of lane2 failed at 1.0 s" in out
    assert "1 of 3 sessions failed (lane2)" in err


def test_a_unit_in_which_nobody_came_is_told_by_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "place.yaml", "--fast", "--quiet", "--fault", "drop:lane2.gate.lifted"]) == 1
    assert "1 of 2 sessions ended" in capsys.readouterr().err


def test_a_session_that_failed_is_told_with_the_sides_of_its_own_unit(capsys: pytest.CaptureFixture[str]) -> None:
    text = Path("lane.yaml").read_text("utf-8")
    Path("lane.yaml").write_text(
        text.replace("  gone: {}", "  gone: {title: Gone}").replace("  open:\n", "  open:\n    title: Open\n"), "utf-8"
    )
    main(["run", "place.yaml", "--fast", "--quiet", "--set", "lane2.good=false"])
    told = capsys.readouterr().out
    assert "Lane 2: Open" in told
    assert "Lane 1" not in told


def test_an_option_gives_each_unit_its_own_value() -> None:
    """A site has a modem and an interface for each outlet."""

    def interfaces(iface: str, *sets: str) -> list[str]:
        given = Overrides(("outlets=3", *sets), {}, options={"iface": iface})
        found = resolve(SITE, None, given, installed(), engine.load)
        assert set(found.machines) == {"site"}, "no vehicle is simulated"
        return [unit.adapters["link"].config["interface"] for unit in found.machines["site"].units]

    assert interfaces("eth1,eth3, plc0") == ["eth1", "eth3", "plc0"]
    assert interfaces("eth{}") == ["eth1", "eth2", "eth3"]
    same = "outlet2.adapters.{}.interface=eth9"
    assert interfaces("eth{}", *(same.format(role) for role in ("link", "modem", "sdp", "v2g")))[1] == "eth9"
    with pytest.raises(StationError, match=r"--iface a,b: 2 values for 3 of outlet; give one for each"):
        interfaces("a,b")
    for given in ("eth1", "eth1,eth2,eth1"):
        with pytest.raises(StationError, match=r"both have the modem of interface 'eth1'.*adapters.link.interface"):
            interfaces(given)
    with pytest.raises(StationError, match=r"both have TCP port 61851 of interface 'eth9'|the SDP port of interface"):
        interfaces("eth{}", same.format("v2g"), "outlet3.adapters.v2g.interface=eth9", same.format("sdp"))


def test_what_a_file_says_of_one_unit_goes_before_what_it_says_of_all(tmp_path: Path) -> None:
    text = SITE_FILE.read_text(encoding="utf-8").replace("../", f"{SITE.parent}/")
    text += '\n[machines.outlet2.adapters.v2g]\nport = 50002\n[machines.pev2.parameters]\nstop_at_soc = "77 %"\n'
    (tmp_path / "site.toml").write_text(
        text.replace("[units.outlet.adapters.v2g]\n", "[units.outlet.adapters.v2g]\nport = 50001\n")
    )
    found = resolve(tmp_path / "site.toml", None, Overrides((), {}), installed(), engine.load)
    assert [unit.adapters["v2g"].config["port"] for unit in found.machines["site"].units] == [50001, 50002]
    assert found.machines["pev1"].parameters[""]["stop_at_soc"] == 42
    assert found.machines["pev2"].parameters[""]["stop_at_soc"] == 77


def test_help_config_lists_the_roles_of_units(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(SITE), "--iface", "eth1,eth2", "--help-config"]) == 0
    out = capsys.readouterr().out
    assert "machines.outlet1.adapters.link.interface = eth1  (string; --iface eth1,eth2)" in out
    assert "machines.outlet2.adapters.link.interface = eth2" in out
    assert "CHARGER_MACHINES_OUTLET1_ADAPTERS_LINK_INTERFACE" in out


# ---------------------------------------------------------------- of several kinds


def street(*sets: str) -> Station:
    return resolve(Path("street.yaml"), None, Overrides(sets, {}), installed(), engine.load)


def test_units_of_several_kinds_have_charts_and_roles_of_their_own() -> None:
    """In turn; what is said of a role is said of those that have it, and machines stand where they are for."""
    station = street()
    units = {unit.name: (unit.kind, sorted(unit.adapters)) for unit in station.machines["street"].units}
    assert units == {"lane1": ("lane", ["gate"]), "lane2": ("bus", ["lamp"]), "lane3": ("lane", ["gate"])}
    assert [name for name in station.machines if name.startswith("waiter")] == ["waiter1", "waiter3"]
    assert list(station.sides) == ["Waiter 1", "Waiter 3"]
    system = System()
    build(station, system, installed())
    system.start()
    system.advance(2_000_000_000)
    root = system.roots["street"]
    assert [root.children["lane", key].machine.chart.name for key in (1, 2, 3)] == ["lane", "bus_stop", "lane"]
    assert root.children["lane", 2].roles["lamp"].read("height") == 3 * 5
    assert root.machine.data["passed"] == 1 + 2 + 3
    assert system.failures == []


def test_parameters_of_units_of_several_kinds() -> None:
    """Of all that have it, or of one."""
    station = street("lane.T_open=5 s", "lane.lamps=7", "lane[1].good=no", "lanes=2")
    system = System()
    build(station, system, installed())
    system.start()
    lanes = system.roots["street"].children
    assert lanes["lane", 2].machine.parameters == {"T_open": 5_000_000_000, "lamps": 7}
    assert lanes["lane", 1].machine.parameters == {"T_open": 5_000_000_000, "good": False}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("kinds=tram", "no lane is of the kind 'tram'; there are bus, lane"),
        ("kinds=", "of what kind each lane is, is not said"),
        ("lane2.adapters.gate.step=1", "the unit lane that is bus has no role 'gate'; there are: lamp"),
        ("lane.adapters.door.step=1", "has no role 'door'"),
    ],
)
def test_what_is_wrong_of_kinds_is_told(given: str, said: str) -> None:
    with pytest.raises(StationError) as error:
        street(given)
    assert said in str(error.value)


def test_a_machine_for_a_kind_that_no_unit_is_of(folder: Path) -> None:
    """It is not there; where units are of one kind, it is a mistake."""
    assert [name for name in street("kinds=bus").machines] == ["street"]
    with pytest.raises(StationError, match=r"--set waiter\.patience=2: no lane is of the kind of waiter here"):
        street("kinds=bus", "waiter.patience=2")
    file = folder / "place.toml"
    file.write_text(STATION.replace('chart = "waiter.yaml"', 'chart = "waiter.yaml"\nkind = "bus"'))
    with pytest.raises(StationError, match="kind = 'bus', and all lanes are of one kind"):
        place()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (", kind: bus", "", "the unit lane is of several kinds"),
        (", kinds: kinds", "", "'kind' without a unit that is of several kinds"),
        ("unit: lane, kind: bus", "unit: lane, kind: bus, adapters: {lamp: bell}", ""),
        ("id: lane, src: bus", "id: bell, src: bus", "the id 'bell' is a role of an adapter"),
    ],
)
def test_a_chart_that_spawns_on_kinds(folder: Path, old: str, new: str, said: str) -> None:
    (folder / "street.yaml").write_text(STREET.replace(old, new, 1))
    if not said:
        engine.load("street.yaml")
        return
    with pytest.raises(ChartError) as error:
        engine.load("street.yaml")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "T_open: {type: duration, default: 1 s}",
            "T_open: {type: int, default: 1}",
            "the type of the parameter 'T_open'",
        ),
        ("adapters: {lamp: gate}", "adapters: {lamp: gate}\noutput: {x: int}", "they end with different outputs"),
    ],
)
def test_charts_of_several_kinds_mean_the_same_by_a_word(folder: Path, old: str, new: str, said: str) -> None:
    (folder / "bus_stop.yaml").write_text(BUS.replace(old, new, 1))
    with pytest.raises(ChartError) as error:
        engine.load("street.yaml")
    assert said in str(error.value)
