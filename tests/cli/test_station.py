"""Configuration: a value set in any way arrives, typed; a wrong name or value is told, with the nearest right one."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine.cli.readings import Headlines
from engine.language.text_values import typed
from engine.language.types import BOOL, BYTES, DURATION, FLOAT, INT, UNITS, Kind, Type
from engine.run import System, VirtualClock
from engine.run.registry import installed
from engine.run.station import Overrides, Station, StationError, build, resolve
from engine.run.station.setting_types import setting_type
from tests.cli.conftest import Engine

S = 1_000_000_000


def crossing(*sets: str, environ: dict[str, str] | None = None, **options: str) -> Station:
    return resolve(Path("light.yaml"), Path("crossing.toml"), Overrides(sets, environ or {}, options), installed(),
                   engine.load)  # fmt: skip


def parameters(station: Station, machine: str = "crossing") -> dict[str, Any]:
    system = System()
    build(station, system, installed())
    return dict(system.roots[machine].machine.parameters)


pytestmark = pytest.mark.usefixtures("folder")


def test_without_a_station_file_the_charts_defaults_hold() -> None:
    station = resolve(Path("light.yaml"), None, Overrides((), {}), installed(), engine.load)
    assert parameters(station, "light")["T_green"] == 20 * S


def test_a_chart_names_its_own_station_file() -> None:
    text = Path("light.yaml").read_text()
    Path("light.yaml").write_text(text.replace("title:", "station: crossing.toml\ntitle:", 1))
    station = resolve(Path("light.yaml"), None, Overrides((), {}), installed(), engine.load)
    assert parameters(station)["T_green"] == 10 * S


def test_later_wins_file_set_option_environment_command_line() -> None:
    assert parameters(crossing())["T_green"] == 10 * S
    assert parameters(crossing(rush="2 s"))["T_green"] == 2 * S
    environ = {"CHARGER_PARAMETERS_T_GREEN": "3 s"}
    assert parameters(crossing(rush="2 s", environ=environ))["T_green"] == 3 * S
    assert parameters(crossing("T_green=4 s", rush="2 s", environ=environ))["T_green"] == 4 * S


def test_a_parameter_set_is_chosen_by_name_and_yields_to_set() -> None:
    assert parameters(crossing("road=main"), "second")["T_green"] == 40 * S
    assert parameters(crossing("road=side"), "second")["lamps"] == 2
    assert parameters(crossing(environ={"CHARGER_SETS_ROAD": "side"}), "second")["T_green"] == 5 * S
    assert parameters(crossing("road=main", "second.T_green=1 s"), "second")["T_green"] == S
    assert crossing("road=main").machines["second"].parameters["beep"] == {"tone": "high"}


def test_options_may_choose_and_take_a_machine_away() -> None:
    assert list(crossing(season="winter").machines) == ["crossing"]
    assert parameters(crossing(season="summer"))["T_green"] == 60 * S
    assert list(crossing("second.present=no").machines) == ["crossing"]


def test_a_value_of_a_machine_that_an_option_takes_away_is_not_displayed() -> None:
    file, options = Path("machines/evse_ac.yaml"), Overrides((), {}, {"iface": "eth9"})
    shown = {headline.value for headline in resolve(file, None, options, installed(), engine.load).display}
    assert "evse.meter.power" in shown
    assert "pev.charger.soc" not in shown


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("Voltag = 'evse.output.voltage'", "did you mean 'Voltage'"),
        ("Voltage = 'nobody.voltage'", "write machine.value"),
        ("Voltage = {of = 'evse.output.voltage', during = 'nobody.off'}", "write machine.value"),
        ("Voltage = {of = 'evse.output.voltage', during = 'evse.output.energized'}", "there is no state"),
        ("Voltage = {of = 'evse.output.voltage', when = 'evse.output.energised'}", "write {of"),
    ],
)
def test_a_set_point_of_nothing_that_is_displayed_is_refused(tmp_path: Path, line: str, why: str) -> None:
    text = (Path(__file__).parents[2] / "machines" / "stations" / "evse_dc.toml").read_text()
    file = tmp_path / "mine.toml"
    file.write_text(re.sub(r"(\[setpoints\]\n)(.+\n)+", rf"\1{line}\n", text))
    with pytest.raises(StationError, match=why):
        resolve(file, None, Overrides((), {}), installed(), engine.load)


def test_a_list_is_displayed_without_marks(tmp_path: Path) -> None:
    machines = Path(__file__).parents[2] / "machines"
    text = (
        (machines / "stations" / "charge_point.toml")
        .read_text(encoding="utf-8")
        .replace('"../', f'"{machines.as_posix()}/')
    )
    file = tmp_path / "lists.toml"
    file.write_text(text.replace("[display]", '[display]\n"All" = "ocpp.status"'), encoding="utf-8")
    station = resolve(file, None, Overrides(("outlets=2",), {}, {}), installed(), engine.load)
    system = System(VirtualClock())
    build(station, system, installed())
    system.start()
    system.advance(3 * S)
    shown = dict(Headlines(system, station).values())["All"]
    assert re.fullmatch(r"[A-Z]\w+, [A-Z]\w+", shown)


def test_an_option_declared_value_by_value_is_chosen_by_set_too() -> None:
    """``--set supply=infy`` is ``--supply infy``: who knows one way need not learn the other."""
    assert list(crossing("season=winter").machines) == ["crossing"]
    assert parameters(crossing("season = summer"))["T_green"] == 60 * S
    assert parameters(crossing("season=summer", "T_green=4 s"))["T_green"] == 4 * S, "yields to what is set itself"
    environ = {"CHARGER_PARAMETERS_T_GREEN": "3 s"}
    assert parameters(crossing("season=summer", environ=environ))["T_green"] == 3 * S
    assert list(crossing("season=winter", season="summer").machines) == ["crossing"], "set wins, as over all else"


def test_a_childs_parameter_reaches_the_child() -> None:
    system = System()
    build(crossing("beep.tone=high"), system, installed())
    system.start()
    system.advance(33 * S)
    (child,) = system.roots["crossing"].children.values()
    assert dict(child.machine.parameters) == {"T_beep": 3 * S, "tone": "high"}
    assert child.machine.configuration == ("on",)


@pytest.mark.parametrize(
    ("assignment", "told"),
    [
        ("T_gren=1 s", "did you mean 'T_green'?"),
        ("tone=high", "did you mean beep.tone?"),
        ("toen=high", "did you mean beep.tone?"),
        ("second.tone=high", "did you mean beep.tone?"),
        ("second.beep.toen=high", "did you mean 'tone'?"),
        ("second.bep.tone=high", "did you mean 'beep'?"),
        ("hoot.tone=high", "did you mean beep.tone?"),
        ("second.beep.tone=hihg", "did you mean 'high'?"),
        ("beeb.tone=high", "did you mean 'beep'?"),
        ("beep.tone=loud", "loud"),
        ("T_green=3", "a duration such as 250 ms"),
        ("T_green=fast", "a duration such as 250 ms"),
        ("T_green=-1s", "parameter T_green: -1 s is below the minimum 0 s of duration"),
        ("second.beep.T_beep=-2 ms", "-2 ms is below the minimum 0 s of duration"),
        ("lamps=2.5", "int"),
        ("power=3 V", "float kW"),
        ("roads=main", "did you mean 'road'?"),
        ("road=high", "there are: main, side"),
        ("machines.third.parameters.lamps=1", "there is no machine 'third'"),
        ("adapters.link.use=sim", "no role 'link'"),
        ("station.titel=x", "did you mean 'title'?"),
        ("season=spring", "--set season=spring: season is none of winter, summer"),
        ("season=", "season is none of winter, summer"),
        ("season", "write KEY=VALUE"),
        ("sesaon=winter", "there is no 'sesaon'; did you mean 'season'?"),
        ("lamps", "write KEY=VALUE"),
    ],
)
def test_a_wrong_set_is_told_with_the_nearest_right_one(engine: Engine, assignment: str, told: str) -> None:
    code, _, err = engine("run", "light.yaml", "--station", "crossing.toml", "--set", assignment)
    assert code == 2
    assert told in err
    assert "Traceback" not in err


def test_an_environment_variable_that_names_nothing_is_told() -> None:
    with pytest.raises(StationError, match="CHARGER_PARAMETERS_T_GREEN"):
        crossing(environ={"CHARGER_PARAMETERS_T_GREN": "1 s"})


def test_a_duration_below_nothing_is_refused_wherever_it_stands(engine: Engine) -> None:
    """It would switch off what it delays or watches over, and nobody would be told."""
    with pytest.raises(StationError, match=r"CHARGER_PARAMETERS_T_GREEN.*-1 s is below the minimum 0 s"):
        crossing(environ={"CHARGER_PARAMETERS_T_GREEN": "-1 s"})
    station = Path("crossing.toml").read_text()
    Path("crossing.toml").write_text(station.replace('T_green = "10 s"', 'T_green = "-10 s"'))
    code, _, err = engine("run", "crossing.toml")
    assert code == 2
    assert "-10 s is below the minimum 0 s" in err


def test_a_duration_whose_min_says_so_may_be_below_nothing() -> None:
    chart = Path("light.yaml")
    chart.write_text(chart.read_text().replace("duration, default: 20 s", "duration, min: -1 min, default: -1 s"))
    station = resolve(chart, None, Overrides(("T_green=-60 s",), {}), installed(), engine.load)
    assert parameters(station, "light")["T_green"] == -60 * S


def test_an_unknown_option_is_told(engine: Engine) -> None:
    code, _, err = engine("run", "crossing.toml", "--seson", "winter")
    assert code == 2
    assert "did you mean '--season'?" in err
    code, _, err = engine("run", "crossing.toml", "--season", "spring")
    assert code == 2
    assert "not one of winter, summer" in err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[station\n", "not valid TOML"),
        ("[stations]\n", "did you mean 'station'?"),
        ("[station]\ntitel = 'x'\n", "did you mean 'title'?"),
        ("[machines.x]\nchrt = 'y'\n", "did you mean 'chart'?"),
        ("[machines.x]\n", "needs a chart"),
        ("[parameters]\nlamps = 'many'\n", "lamps"),
        ("[parameters]\nlamps = 2.5\n", "lamps"),
        ("parameters = 3\n", "must be a table"),
        ("[sets.road]\nmachine = 'x'\n", "needs a directory"),
        ("[station]\nsession_end = 'nobody.done'\n", "write machine.event"),
        ("[display]\nX = 'nobody.data'\n", "write machine.value"),
        ("\x00", "not valid TOML"),
    ],
)
def test_a_broken_station_file_is_told(engine: Engine, content: str, told: str) -> None:
    Path("bad.toml").write_text(content)
    code, out, err = engine("run", "light.yaml", "--station", "bad.toml", "--fast", "--for", "1s")
    assert code == 2
    assert told in err
    assert "bad.toml" in err
    assert "READY" not in out


def test_help_config_lists_every_key_with_its_variable(engine: Engine) -> None:
    code, out, _ = engine("run", "crossing.toml", "--help-config")
    assert code == 0
    for told in (
        "T_green = 10 s  (duration, at least 0 s; crossing.toml)",
        "How long it is green; Road code 7",
        "CHARGER_PARAMETERS_T_GREEN",
        "beep.T_beep = 3 s  (duration, at least 0 s; crossing.toml)",
        "beep.tone = low  (enum(high, low); default, beeper.yaml:3)",
        "CHARGER_PARAMETERS_BEEP_TONE",
        "second.lamps = 5  (int; crossing.toml)",
        "CHARGER_MACHINES_SECOND_PARAMETERS_LAMPS",
        "power = 1 kW  (float kW; default, light.yaml:6)",
    ):
        assert told in out


def test_help_config_says_where_a_value_comes_from(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks for the reason of a value must find the file to open, or the variable to unset."""
    text = Path("light.yaml").read_text()
    Path("light.yaml").write_text(text.replace("src: beeper.yaml", "src: beeper.yaml, input: {T_beep: T_green / 2}"))
    Path("crossing.toml").write_text(Path("crossing.toml").read_text().replace('beep.T_beep = "3 s"', ""))
    monkeypatch.setenv("CHARGER_PARAMETERS_POWER", "2 kW")
    sets = ["--set", "road=main", "--set", "beep.tone=high", "--rush", "4 s"]
    code, out, err = engine("run", "crossing.toml", "--help-config", *sets)
    assert code == 0, err
    for told in (
        "T_green = 4 s  (duration, at least 0 s; --rush 4 s)",
        "power = 2 kW  (float kW; CHARGER_PARAMETERS_POWER)",
        "beep.tone = high  (enum(high, low); --set beep.tone=high)",
        "second.beep.T_beep = T_green / 2  (duration, at least 0 s; handed down by light, light.yaml:17)",
    ):
        assert told in out
    assert re.search(r"second\.T_green = 40 s  \(duration, at least 0 s; \S*main\.(toml|yaml)\)", out)


def test_two_keys_of_one_variable_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable writes every dot as an underscore: which of two keys is meant cannot be guessed."""
    Path("light.yaml").write_text(
        Path("light.yaml").read_text().replace("  lamps:", "  beep_tone: {type: int, default: 1}\n  lamps:")
    )
    with pytest.raises(StationError, match=r"CHARGER_PARAMETERS_BEEP_TONE.*beep_tone.*beep\.tone.*--set"):
        crossing(environ={"CHARGER_PARAMETERS_BEEP_TONE": "high"})


def test_every_variable_that_help_config_names_is_accepted(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    _, out, _ = engine("run", "crossing.toml", "--help-config")
    for name in [line.strip() for line in out.splitlines() if line.strip().startswith("CHARGER_")]:
        value = "high" if name.endswith("TONE") else "2" if name.endswith(("LAMPS", "POWER")) else "1 s"
        monkeypatch.setenv(name, value)
    code, _, err = engine("run", "crossing.toml", "--fast", "--for", "1s")
    assert code == 0, err


def test_shipped_stations_resolve() -> None:
    root = Path(__file__).parents[2] / "machines"
    files = sorted((root / "stations").glob("*.toml"))
    charts = [chart for chart in sorted(root.glob("*.yaml")) if "\nstation: " in chart.read_text()]
    assert files
    assert charts
    load = cache(engine.load)
    for file in files + charts:
        station = resolve(file, None, Overrides((), {}), installed(), load)
        build(station, System(), installed())
        assert station.machines


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("400", Type(Kind.FLOAT, UNITS["V"]), 400.0),
        ("0.4 kV", Type(Kind.FLOAT, UNITS["V"]), 400.0),
        ("-12 V", Type(Kind.FLOAT, UNITS["V"]), -12.0),
        ("1e3", FLOAT, 1000.0),
        ("0x10", INT, 16),
        ("42", INT, 42),
        ("yes", BOOL, True),
        ("off", BOOL, False),
        ("250 ms", DURATION, 250_000_000),
        ("1.5 s", DURATION, 1_500_000_000),
        ("00:ff", BYTES, b"\x00\xff"),
        ("1, 2,3", Type(Kind.LIST, item=INT), [1, 2, 3]),
        ("[]", Type(Kind.LIST, item=INT), []),
        ("none", Type(Kind.INT, optional=True), None),
        ("b", Type(Kind.ENUM, values=("a", "b")), "b"),
    ],
)
def test_values_are_read_as_a_chart_would_write_them(text: str, kind: Type, value: object) -> None:
    assert typed(text, kind) == value


@pytest.mark.parametrize(
    ("text", "kind"),
    [("x", INT), ("1.5", INT), ("1 s", INT), ("", FLOAT), ("maybe", BOOL), ("5", DURATION), ("5 parsec", DURATION),
     ("0g", BYTES), ("c", Type(Kind.ENUM, values=("a", "b"))), ("300", Type(Kind.INT, maximum=255)),
     ("none", INT), ("9" * 400, INT), ("1" + "0" * 30, INT)],
)  # fmt: skip
def test_values_of_the_wrong_type_are_refused(text: str, kind: Type) -> None:
    with pytest.raises(ValueError):
        typed(text, kind)


kinds = st.sampled_from([INT, FLOAT, BOOL, DURATION, BYTES, Type(Kind.LIST, item=FLOAT), Type(Kind.FLOAT, UNITS["kW"])])


@given(st.text(max_size=80), kinds)
def test_any_text_is_a_value_or_a_value_error(text: str, kind: Type) -> None:
    try:
        value = typed(text, kind)
    except ValueError:
        return
    assert value is not None


def test_the_type_of_a_setting_is_written_as_in_a_chart() -> None:
    assert setting_type("float V?") == Type(Kind.FLOAT, UNITS["V"], optional=True)
    assert setting_type("enum(a, b)").values == ("a", "b")
    for wrong in ("flaot", "float parsec", "int int", ""):
        with pytest.raises(ValueError):
            setting_type(wrong)


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ([], "simulated surroundings"),
        (
            ["--iface", "lo"],
            "real: link, modem, sdp, v2g; pretended: pilot;"
            " simulated: supply, contactor, imd, lock, meter, button, display, reader",
        ),
        (
            ["--set", "adapters.lock.use=none"],
            "simulated: pilot, link, modem, sdp, v2g, supply, contactor, imd, meter, button, display, reader;"
            " absent: lock",
        ),
    ],
)
def test_the_title_says_what_is_real_and_what_only_seems_so(chosen: list[str], told: str) -> None:
    """Who sees a pretended vehicle in state C must not take it for one."""
    given = dict(zip(chosen[::2], chosen[1::2], strict=True))
    options = {"iface": given["--iface"]} if "--iface" in given else {}
    sets = [given["--set"]] if "--set" in given else []
    root = Path(__file__).parents[2]
    station = resolve(root / "machines/evse_dc.yaml", None, Overrides(sets, {}, options), installed(), engine.load)
    assert station.told == f"DC charging station, {told}"
