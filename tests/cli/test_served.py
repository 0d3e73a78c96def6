"""A station binds a role to a chart as it binds it to an adapter; what is wrong is told before anything runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.cli import main
from engine.run.registry import installed
from engine.run.station import Overrides, Station, StationError, resolve
from engine.run.station.describe import describe

ROOT = Path(__file__).parents[2]
STATION = ROOT / "machines" / "stations" / "evse_dc_served.toml"
EVSE = ROOT / "machines" / "evse_dc.yaml"
SERVED = f"adapters.supply.use={ROOT}/machines/power/served_supply.yaml"
MS = 1_000_000


def plan(*sets: str, station: Path | None = None, environ: dict[str, str] | None = None, **options: object) -> Station:
    import engine

    given = Overrides(sets, environ or {}, **options)  # type: ignore[arg-type]
    return resolve(EVSE, station, given, installed(), engine.load)


def test_its_parameters_and_roles_stand_below_it(tmp_path: Path) -> None:
    (tmp_path / "home.toml").write_text(
        f"""
[station]
machine = "{EVSE}"
name = "evse"
[adapters.supply]
use = "{ROOT}/machines/power/served_supply.yaml"
[adapters.supply.parameters]
T_answer = "70 ms"
[adapters.supply.adapters.modules]
maximum_voltage = "750 V"
"""
    )
    station = plan(
        "adapters.supply.parameters.C_retry=5",
        "supply.T_look=1 ms",
        station=tmp_path / "home.toml",
        environ={"CHARGER_ADAPTERS_SUPPLY_ADAPTERS_MODULES_MAXIMUM_POWER": "9 kW"},
    )
    served = station.machines["evse"].adapters["supply"].served
    assert served is not None
    assert (served.name, served.chart.name) == ("evse/supply", "served_supply")
    assert served.parameters[""] == {"T_answer": 70 * MS, "C_retry": 5, "T_look": MS}
    modules = served.adapters["modules"]
    assert (modules.use, modules.config["maximum_voltage"], modules.config["maximum_power"]) == (
        "simulated",
        750.0,
        9000.0,
    )
    assert station.surroundings == "simulated surroundings"


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        ((f"{SERVED}x.yaml",), "there is no file"),
        ((f"adapters.supply.use={EVSE}",), "does not say 'serves: power_supply'"),
        ((f"adapters.meter.use={ROOT}/machines/power/served_supply.yaml",), "serves power_supply, role 'meter' needs"),
        ((SERVED, "adapters.supply.parameters.T_anser=1 s"), "did you mean 'T_answer'?"),
        ((SERVED, "adapters.supply.adapters.module.use=none"), "no role 'module'"),
        ((SERVED, "adapters.supply.parameters.C_retry=often"), "C_retry"),
        ((SERVED, "adapters.supply.C_retry=1"), "write supply.parameters.C_retry"),
        ((SERVED, "adapters.supply.C_retries=1"), "its parameters are in .parameters"),
        (("adapters.meter.parameters.T_move=1 s",), "no chart stands behind role meter"),
        ((SERVED, SERVED.replace("supply.use", "supply.adapters.modules.use")), "served_supply would serve itself"),
    ],
)
def test_what_is_wrong(sets: tuple[str, ...], told: str) -> None:
    with pytest.raises(StationError) as error:
        plan(*sets)
    assert told in str(error.value)
    assert "--set" in str(error.value)


def test_what_is_written_for_the_class_stays_when_a_chart_takes_its_place() -> None:
    """Settings of the one are no error when an option binds the other."""
    station = plan("adapters.supply.maximum_voltage=700 V", SERVED)
    assert station.machines["evse"].adapters["supply"].served is not None
    station = plan(SERVED, "adapters.supply.parameters.C_retry=1", "adapters.supply.use=simulated")
    assert station.machines["evse"].adapters["supply"].served is None


def bench(*sets: str, environ: dict[str, str] | None = None) -> Station:
    return plan(*sets, environ=environ, options={"iface": "lo"})


def test_a_chart_may_be_installed_under_a_name() -> None:
    """`use = "bench"` is a vehicle that a chart plays; its times are set as those of any chart behind a role."""
    station = bench(
        "pilot.ready_after=50 ms",
        "adapters.pilot.parameters.plug_after=1 s",
        environ={"CHARGER_ADAPTERS_PILOT_PARAMETERS_UNPLUG_AFTER": "2 s"},
    )
    pilot = station.machines["evse"].adapters["pilot"]
    assert (pilot.use, pilot.served and pilot.served.chart.name) == ("bench", "bench_vehicle")
    assert pilot.served is not None
    assert pilot.served.parameters[""] == {"ready_after": 50 * MS, "plug_after": 1000 * MS, "unplug_after": 2000 * MS}
    assert plan("adapters.pilot.use=bench").machines["evse"].adapters["pilot"].served is not None
    assert plan("pev.adapters.pilot.use=bench").machines["pev"].adapters["pilot"].served is not None
    assert plan().machines["evse"].adapters["pilot"].served is None


def test_what_a_chart_without_adapters_says_is_pretended() -> None:
    """Nothing is measured where nothing is: the title must say so."""
    assert "pretended: pilot;" in bench().surroundings
    assert "pretended: pilot;" in plan(f"adapters.pilot.use={ROOT}/machines/pilot/bench_vehicle.yaml").surroundings


def test_a_setting_where_a_parameter_is_meant() -> None:
    with pytest.raises(StationError, match=r"write pilot\.parameters\.ready_after"):
        bench("adapters.pilot.ready_after=50 ms")


def test_the_file_may_speak_of_a_chart_that_an_option_binds(tmp_path: Path) -> None:
    (tmp_path / "home.toml").write_text(
        f"""
[station]
machine = "{EVSE}"
name = "evse"
[adapters.pilot.parameters]
ready_after = "70 ms"
[options.bench.on]
"adapters.pilot.use" = "bench"
"""
    )
    assert plan(station=tmp_path / "home.toml").machines["evse"].adapters["pilot"].use == "simulated"
    served = plan(station=tmp_path / "home.toml", options={"bench": "on"}).machines["evse"].adapters["pilot"].served
    assert served is not None
    assert served.parameters[""] == {"ready_after": 70 * MS}


def test_a_chart_may_be_what_a_contract_is_served_by_unless_told_otherwise() -> None:
    """The first implementation is bound to a role that nobody binds; its parameters have variables."""

    class Registry:
        def contract_files(self) -> list[str]:
            return installed().contract_files()

        def implementations(self, contract: str) -> dict[str, str]:
            known = installed().implementations(contract)
            return {"bench": known["bench"], **known} if contract == "pilot_evse" else known

        def chart_folders(self) -> list[str]:
            return installed().chart_folders()

    import engine

    file = ROOT / "machines" / "pilot" / "evse.yaml"
    given = Overrides((), {"CHARGER_ADAPTERS_PILOT_PARAMETERS_READY_AFTER": "50 ms"})
    pilot = resolve(file, None, given, Registry(), engine.load).machines["pilot_evse"].adapters["pilot"]
    assert pilot.served is not None
    assert (pilot.use, pilot.served.parameters[""]) == ("bench", {"ready_after": 50 * MS})


def test_a_simulated_device_that_is_a_chart_has_its_settings_like_a_class() -> None:
    """``use = "simulated"`` does not say how it is made: times are parameters of its chart, the rest is behind it."""
    station = plan(
        "adapters.contactor.welded=yes",
        "contactor.T_dead_man=300 ms",
        "adapters.contactor.parameters.T_move=30 ms",
        "adapters.lock.parameters.T_move=90 ms",
        environ={"CHARGER_ADAPTERS_LOCK_STUCK": "yes", "CHARGER_ADAPTERS_LOCK_ADAPTERS_BOLT_TOUCH_VOLTAGE": "50 V"},
    )
    contactor, lock = (station.machines["evse"].adapters[role] for role in ("contactor", "lock"))
    assert (contactor.use, lock.use) == ("simulated", "simulated")
    assert contactor.served is not None
    assert lock.served is not None
    assert contactor.served.parameters[""] == {"T_dead_man": 300 * MS, "T_move": 30 * MS}
    assert contactor.served.adapters["contacts"].config["welded"] is True
    assert lock.served.parameters[""] == {"T_move": 90 * MS}
    assert lock.served.adapters["bolt"].config | {"outlet": ""} == {"outlet": "", "stuck": True, "touch_voltage": 50.0}
    assert station.surroundings == "simulated surroundings"


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("adapters.contactor.dead_man=1 s", "did you mean 'T_dead_man'?"),
        ("adapters.contactor.weldet=yes", "did you mean 'welded'?"),
        ("adapters.contactor.welded=perhaps", "welded"),
        ("contactor.T_move=fast", "T_move"),
    ],
)
def test_what_is_wrong_about_such_a_device(setting: str, told: str) -> None:
    with pytest.raises(StationError) as error:
        plan(setting)
    assert told in str(error.value)
    assert f"--set {setting}" in str(error.value)


def test_a_device_belongs_to_the_unit_it_stands_in() -> None:
    """The contactor of the second outlet moves the contacts of the second outlet's circuit."""
    import engine

    station = resolve(ROOT / "machines" / "site.yaml", None, Overrides(("outlets=2",), {}), installed(), engine.load)
    served = [unit.adapters["contactor"].served for unit in station.machines["site"].units]
    assert [one.adapters["contacts"].config["outlet"] for one in served if one is not None] == ["outlet1", "outlet2"]


def test_two_machines_cannot_have_one_device() -> None:
    """One name for two contactors is told with the keys that part them."""
    import engine

    sets = ("outlets=2", "outlet.adapters.contactor.outlet=x")
    with pytest.raises(StationError) as error:
        resolve(ROOT / "machines" / "site.yaml", None, Overrides(sets, {}), installed(), engine.load)
    assert "the contactor of power circuit 'x'" in str(error.value)
    assert "outlet2.adapters.contactor.outlet or outlet1.adapters.contactor.outlet" in str(error.value)


def test_a_view_lists_no_simulated_devices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The lines of a run are about the station; the trace has what its contactor did."""
    trace = str(tmp_path / "run.jsonl")
    assert main(["run", str(EVSE), "--fast", "--for", "2 s", "--plain", "--trace", trace]) == 0
    told = capsys.readouterr().out
    assert "evse/contactor" not in told
    assert "evse/output" in told
    assert main(["trace", "show", trace, "--machine", "evse/contactor"]) == 0
    assert "dead_man.expired" in capsys.readouterr().out


def test_views_tell_what_a_chart_behind_a_role_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A power module that is pulled out: which and why, while it runs and in what went wrong of its trace."""
    trace = str(tmp_path / "run.jsonl")
    pulled = ["--set", "supply=infy", "--set", "supply.addresses=2", "--set", "modules.adapters.rack.count=2"]
    pulled += ["--events", "2 s, modules.pull(module=1)"]
    assert main(["run", str(EVSE), *pulled, "--fast", "--for", "6 s", "--plain", "--trace", trace]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "  evse/supply" in line]
    assert [line.split(maxsplit=1)[1] for line in told] == ["evse/supply  log: module 1: silent"]
    assert main(["trace", "show", trace, "--problems"]) == 0
    assert "“module 1: silent”" in capsys.readouterr().out


def test_a_fault_on_a_role_of_it() -> None:
    station = plan(SERVED, faults=["drop:supply.modules.on:2"])
    assert [(fault.machine, fault.role, fault.name) for fault in station.faults] == [("evse/supply", "modules", "on")]


def test_help_config_lists_its_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(EVSE), "--station", str(STATION), "--help-config"]) == 0
    told = capsys.readouterr().out
    for key in (
        "adapters.supply.parameters.T_answer",
        "CHARGER_ADAPTERS_SUPPLY_PARAMETERS_T_ANSWER",
        "adapters.supply.adapters.modules.maximum_voltage",
        "CHARGER_ADAPTERS_SUPPLY_ADAPTERS_MODULES_USE",
    ):
        assert f"{key}\n" in told or f"{key} " in told


MODULES = "CHARGER_ADAPTERS_SUPPLY_ADAPTERS_MODULES_"


@pytest.mark.parametrize("bound_by", ["--set", "environment"])
def test_the_environment_reaches_what_is_below_a_chart(bound_by: str) -> None:
    """Whoever bound the chart: a container has nothing but its environment."""
    environ = {f"{MODULES}MAXIMUM_POWER": "9 kW", "CHARGER_ADAPTERS_SUPPLY_PARAMETERS_C_RETRY": "7"}
    if bound_by == "environment":
        environ["CHARGER_ADAPTERS_SUPPLY_USE"] = SERVED.partition("=")[2]
    station = plan(*([SERVED] if bound_by == "--set" else []), environ=environ)
    served = station.machines["evse"].adapters["supply"].served
    assert served is not None
    assert served.parameters[""] == {"C_retry": 7}
    assert served.adapters["modules"].config["maximum_power"] == 9000.0


@pytest.mark.parametrize("bound_by", ["--set", "environment"])
def test_the_environment_reaches_a_chart_behind_a_chart(tmp_path: Path, bound_by: str) -> None:
    text = (ROOT / "machines" / "power" / "served_supply.yaml").read_text("utf-8")
    inner = tmp_path / "inner.yaml"
    inner.write_text(text.replace("machine: served_supply", "machine: inner"), "utf-8")
    environ = {f"{MODULES}PARAMETERS_C_RETRY": "5", f"{MODULES}ADAPTERS_MODULES_MAXIMUM_POWER": "8 kW"}
    sets = [SERVED, f"adapters.supply.adapters.modules.use={inner}"]
    if bound_by == "environment":
        environ[f"{MODULES}USE"] = str(inner)
        environ["CHARGER_ADAPTERS_SUPPLY_USE"] = SERVED.partition("=")[2]
        sets = []
    outer = plan(*sets, environ=environ).machines["evse"].adapters["supply"].served
    assert outer is not None
    served = outer.adapters["modules"].served
    assert served is not None
    assert (served.chart.name, served.parameters[""]) == ("inner", {"C_retry": 5})
    assert served.adapters["modules"].config["maximum_power"] == 8000.0


def test_the_environment_reaches_a_class_of_ones_own_below_a_chart(tmp_path: Path) -> None:
    """One that declares no settings is given what there is."""
    (tmp_path / "modules.py").write_text(
        "from adapters.power.simulated import SimulatedSupply\n\n\nclass Modules(SimulatedSupply):\n    settings = {}\n"
        "    claims = classmethod(lambda cls, config: {})\n"
    )
    use = f"adapters.supply.adapters.modules.use={tmp_path}/modules.py:Modules"
    served = plan(SERVED, use, environ={f"{MODULES}NODE": "3"}).machines["evse"].adapters["supply"].served
    assert served is not None
    assert served.adapters["modules"].config == {"node": 3}


def test_the_environment_names_nothing_below_a_class() -> None:
    with pytest.raises(StationError, match="CHARGER_ADAPTERS_SUPPLY_PARAMETERS_C_RETRY"):
        plan(environ={"CHARGER_ADAPTERS_SUPPLY_PARAMETERS_C_RETRY": "7"})


def site(*sets: str, environ: dict[str, str] | None = None, faults: tuple[str, ...] = ()) -> Station:
    import engine

    chart = ROOT / "machines" / "site.yaml"
    return resolve(chart, None, Overrides(sets, environ or {}, faults=faults), installed(), engine.load)


OUTLETS_SERVED = SERVED.replace("adapters.", "outlet.adapters.", 1)


@pytest.mark.parametrize(
    ("rule", "struck"),
    [
        ("drop:outlet2.supply.modules.on:1", ["site/outlet2.supply"]),
        ("drop:site.outlet2.supply.modules.on", []),
        ("drop:outlet.supply.modules.on", ["site/outlet1.supply", "site/outlet2.supply"]),
        ("drop:outlet2.contactor.contacts.move", ["site/outlet2.contactor"]),
        ("drop:outlet2.supply.on", ["outlet2"]),
    ],
)
def test_a_fault_on_a_role_of_a_chart_behind_a_role_of_a_unit(rule: str, struck: list[str]) -> None:
    if not struck:
        with pytest.raises(StationError, match=r"did you mean 'outlet2\.supply\.modules\.on'"):
            site(OUTLETS_SERVED, faults=(rule,))
        return
    assert [fault.machine for fault in site(OUTLETS_SERVED, faults=(rule,)).faults] == struck


def test_a_fault_strikes_those_units_where_the_chart_stands() -> None:
    """One outlet with modules, the other with a supply of one piece."""
    only = OUTLETS_SERVED.replace("outlet.", "outlet2.", 1)
    assert [one.machine for one in site(only, faults=("drop:outlet.supply.modules.on",)).faults] == [
        "site/outlet2.supply"
    ]
    with pytest.raises(StationError, match=r"did you mean 'outlet2?\.supply\.modules\.on'"):
        site(only, faults=("drop:outlet1.supply.modules.on",))
    with pytest.raises(StationError, match=r"outlet.supply.C_retry=0: no chart stands behind role supply"):
        site(only, "outlet.supply.C_retry=0")


def test_the_lost_order_of_a_unit_is_lost_there_alone() -> None:
    """From the rule to the adapter: the second contactor does not move, the first does."""
    from engine.run import System
    from engine.run.station import build

    system = System()
    build(site(faults=("drop:outlet2.contactor.contacts.move",)), system, installed())
    tops = {top.path: top for top in system.tops()}
    faults = [tops[f"site/outlet{n}.contactor"].roles["contacts"].faults for n in (1, 2)]
    assert [one is not None for one in faults] == [False, True]


def test_a_fault_and_a_parameter_behind_two_charts_and_of_another_machine(tmp_path: Path) -> None:
    text = (ROOT / "machines" / "power" / "served_supply.yaml").read_text("utf-8")
    inner = tmp_path / "inner.yaml"
    inner.write_text(text.replace("machine: served_supply", "machine: inner"), "utf-8")
    below = f"adapters.supply.adapters.modules.use={inner}"
    rules = ["drop:supply.modules.modules.on", "drop:evse.supply.modules.on"]
    station = plan(SERVED, below, "supply.modules.C_retry=5", "evse.supply.C_retry=4", faults=rules)
    assert [(one.machine, one.role) for one in station.faults] == [
        ("evse/supply/modules", "modules"),
        ("evse/supply", "modules"),
    ]
    outer = station.machines["evse"].adapters["supply"].served
    assert outer is not None
    assert outer.parameters[""] == {"C_retry": 4}
    assert (inmost := outer.adapters["modules"].served) is not None
    assert inmost.parameters[""] == {"C_retry": 5}
    units = site(OUTLETS_SERVED, f"outlet.{below}", "outlet2.supply.modules.C_retry=5",
                 faults=("drop:outlet2.supply.modules.modules.on",))  # fmt: skip
    assert [one.machine for one in units.faults] == ["site/outlet2.supply/modules"]
    pev = plan("pev.adapters.pilot.use=bench", "pev.pilot.plug_after=50 ms").machines["pev"].adapters["pilot"].served
    assert pev is not None
    assert pev.parameters[""] == {"plug_after": 50 * MS}


@pytest.mark.parametrize(
    ("written", "each"),
    [
        ("outlet.contactor.T_dead_man=100 ms", [100 * MS, 100 * MS]),
        ("outlet2.contactor.T_dead_man=100 ms", [None, 100 * MS]),
        ("outlet[1].contactor.T_dead_man=100 ms", [100 * MS, None]),
        ("outlet2.contactor.parameters.T_dead_man=100 ms", [None, 100 * MS]),
        ("outlet2.adapters.contactor.parameters.T_dead_man=100 ms", [None, 100 * MS]),
    ],
)
def test_a_parameter_of_a_chart_of_a_unit_is_written_as_that_of_one_station(
    written: str, each: list[int | None]
) -> None:
    served = [unit.adapters["contactor"].served for unit in site(written).machines["site"].units]
    assert [one.parameters.get("", {}).get("T_dead_man") for one in served if one is not None] == each


def test_what_is_wrong_about_such_a_parameter() -> None:
    with pytest.raises(StationError, match="did you mean 'T_dead_man'"):
        site("outlet2.contactor.T_dead_mann=100 ms")
    with pytest.raises(StationError, match=r"no child 'outlet\.meter'"):
        site("outlet2.meter.T_dead_man=100 ms")
    assert site("outlet2.session.dup_resend_max=1").machines["site"].parameters == {
        "outlet[2].session": {"dup_resend_max": 1}
    }


def test_the_environment_reaches_what_is_below_a_chart_of_a_unit() -> None:
    environ = {"CHARGER_MACHINES_OUTLET2_ADAPTERS_SUPPLY_ADAPTERS_MODULES_MAXIMUM_POWER": "9 kW"}
    station = site(SERVED.replace("adapters.", "outlet.adapters.", 1), environ=environ)
    found = []
    for unit in station.machines["site"].units:
        served = unit.adapters["supply"].served
        assert served is not None
        found.append([served.adapters["modules"].config[key] for key in ("outlet", "maximum_power")])
    assert found == [["outlet1", 90_000.0], ["outlet2", 9_000.0]], "each at its own outlet"


def test_help_config_lists_the_roles_of_units_and_the_charts_behind_them() -> None:
    """Every variable that it names is accepted."""
    station = site(SERVED.replace("adapters.", "outlet.adapters.", 1))
    told = describe(station, installed())
    told_value = {key: value for key, value in re.findall(r"(outlet1[\w.]+) = (.+?)  \(", told)}
    assert "Each outlet: outlet1, outlet2" in told
    for key, variable in (
        ("outlet1.adapters.pilot.use", "MACHINES_OUTLET1_ADAPTERS_PILOT_USE"),
        ("outlet1.adapters.supply.parameters.C_retry", "MACHINES_OUTLET1_ADAPTERS_SUPPLY_PARAMETERS_C_RETRY"),
        (
            "outlet1.adapters.supply.adapters.modules.maximum_power",
            "MACHINES_OUTLET1_ADAPTERS_SUPPLY_ADAPTERS_MODULES_MAXIMUM_POWER",
        ),
    ):
        assert f"{key} = " in told
        assert f"CHARGER_{variable}\n" in told
        site(SERVED.replace("adapters.", "outlet.adapters.", 1), environ={f"CHARGER_{variable}": told_value[key]})


def test_a_session_with_its_supply_served_by_a_chart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the command line, with a trace that replays to the same steps."""
    trace = str(tmp_path / "run.jsonl")
    run = ["run", str(EVSE), "--station", str(STATION), "--fast", "--sessions", "1", "--quiet", "--trace", trace]
    assert main([*run, "--set", "pev.stop_at_soc=40 %"]) == 0
    assert "end=normal" in (told := capsys.readouterr().out)
    assert "evse/supply: stopped" in told
    assert main(["trace", "replay", trace]) == 0
    assert "all the same" in capsys.readouterr().out
    assert main(["trace", "show", trace, "--machine", "evse/supply"]) == 0
    assert "output.enabled" in capsys.readouterr().out


def test_the_live_view_shows_its_states() -> None:
    from engine.cli.live_states import state_lines
    from engine.run import System
    from engine.run.station import build

    system = System()
    build(plan(SERVED), system, installed())
    system.start()
    lines = [line.plain for top in system.tops() for line in state_lines(top, 60)]
    assert "evse/supply" in lines
    assert any("disabled" in line for line in lines[lines.index("evse/supply") :])
