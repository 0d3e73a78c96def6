"""What a chart cites, and deadlines that belong together."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.cli import main
from engine.language.load import load_text
from engine.language.problems import ChartError
from engine.tools.check import check, check_all
from engine.tools.check.clauses import all_clauses

STATION = """\
machine: station
clause: "DIN SPEC 70121:2014 clause 9; ISO 15118-2:2014 8.4, 8.5"
parameters:
  T_check: {type: duration, default: 38 s, before: vehicle.T_check, clause: "ISO 15118-2 Table 109: the station's"}
  T_field: {type: duration, default: 1 s, source: "Field: seen so"}
states:
  idle:
    clause: ISO 15118-2 8.4.3.10
    after: {T_check: {target: over, clause: "ISO 15118-2 8.4.3.9; 8.7"}, T_field: idle}
  over: {type: final}
"""
VEHICLE = """\
machine: vehicle
parameters: {T_check: {type: duration, default: 40 s}}
states: {s: {after: {T_check: s}}}
"""


def test_citations_are_listed_by_standard_and_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "station.yaml").write_text(STATION)
    assert main(["check", "--clauses", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0].strip() for line in lines[:-1]] == [
        "DIN SPEC 70121:2014 clause 9",
        "ISO 15118-2:2014 8.4, 8.5",
        "ISO 15118-2 8.4.3.9",
        "ISO 15118-2 8.4.3.10",
        "ISO 15118-2 8.7",
        "ISO 15118-2 Table 109",
    ]
    assert "transition idle/after T_check" in lines[2]
    assert "station.yaml:9:45" in lines[2]
    assert "(the station's)" in lines[5]
    assert lines[-1] == "6 citations of 2 standards"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("IEC 61851-1, ISO 17409:2020; SAE J1772 5.2", ["IEC 61851-1", "ISO 17409:2020", "SAE J1772 5.2"]),
        ("ISO/IEC 27001 A.1", ["ISO/IEC 27001 A.1"]),
        ("ISO 17409:2020; IEC 61851-23:2014", ["ISO 17409:2020", "IEC 61851-23:2014"]),
        (
            "ISO 15118-2 8.4.3.9; 8.7, 9.1; Table 109; [V2G2-700]",
            [f"ISO 15118-2 {at}" for at in ("8.4.3.9", "8.7, 9.1", "Table 109", "[V2G2-700]")],
        ),
        (
            "IEC 61851-23 9.4: below 60 V; CC.3.5: within 1 s",
            ["IEC 61851-23 9.4 (below 60 V)", "IEC 61851-23 CC.3.5 (within 1 s)"],
        ),
        ("RFC 4862 5.4: it takes a second; longer", ["RFC 4862 5.4 (it takes a second; longer)"]),
        ("RFC 4862 5.4; vehicles ask for 0 to 2.0 A", ["RFC 4862 5.4 (vehicles ask for 0 to 2.0 A)"]),
        ("RFC 4862 5.4: soon; 20 ms to 50 ms; 1.5 s", ["RFC 4862 5.4 (soon; 20 ms to 50 ms; 1.5 s)"]),
        (
            "RFC 4862 T_x; a DC station never does; RFC 791 3.1",
            ["RFC 4862 T_x (a DC station never does)", "RFC 791 3.1"],
        ),
        ("ISO 15118-2 Table 68; Field: seen so", ["ISO 15118-2 Table 68 (Field: seen so)"]),
        ("DIN SPEC 70121: EVCC waits 2 s", ["DIN SPEC 70121 (EVCC waits 2 s)"]),
        ("DIN SPEC 70121: 2 s; ISO 15118-2 allows 4.5 s", ["DIN SPEC 70121 (2 s)", "ISO 15118-2 (allows 4.5 s)"]),
        ("DIN SPEC 70121:2014 clause 9; ISO 15118-2", ["DIN SPEC 70121:2014 clause 9", "ISO 15118-2"]),
    ],
)
def test_a_clause_in_parts(text: str, found: list[str]) -> None:
    """Citations are what somebody looks up: prose among them is no place, whatever it is separated by."""
    chart = load_text(f'machine: m\nclause: "{text}"\nstates: {{a: }}\n')
    told = [f"{c.standard} {c.place}".strip() + (f" ({c.note})" if c.note else "") for c in chart.clauses]
    assert told == found


@pytest.mark.parametrize(
    "text", ["Field: seen so", "Table A.1", "Table 109", "CM_SET_KEY.CNF", "CCS Design Guide V7 p. 119"]
)
def test_a_clause_is_of_a_standard(text: str) -> None:
    """What is none is a `source`; else the list of citations would hold what nobody can look up."""
    with pytest.raises(ChartError) as caught:
        load_text(f'machine: m\nclause: "{text}"\nstates: {{a: }}\n')
    (problem,) = caught.value.problems
    assert "'source'" in problem.hint
    load_text(f'machine: m\nsource: "{text}"\nstates: {{a: }}\n')


def test_contracts_are_cited_too() -> None:
    chart = engine.load("machines/power/dc_output.yaml")
    assert {c.about for c in all_clauses([chart])} > {"contract contactor", "parameter R_fault_per_volt"}


@pytest.mark.parametrize(
    ("vehicle", "told"),
    [
        ("40 s", None),
        ("38 s", "T_check (38 s) must come before vehicle.T_check (38 s)"),
        ("30 s", "T_check (38 s) must come before vehicle.T_check (30 s)"),
        (None, "there is no such duration"),
    ],
)
def test_what_the_station_takes_is_over_before_the_vehicle_gives_up(vehicle: str | None, told: str | None) -> None:
    station = load_text(STATION)
    text = VEHICLE.replace("T_check", "T_other") if vehicle is None else VEHICLE.replace("40 s", vehicle)
    known = {"vehicle": load_text(text)}
    found = [f.message for report in check_all(station, 0, known) for f in report.findings if f.code == "C161"]
    assert [told in message for message in found] == ([True] if told else [])  # type: ignore[operator]
    assert not [f for f in check(station, 0).findings if f.code == "C161"]  # alone nothing can be said


@pytest.mark.parametrize(
    ("before", "others", "told"),
    [
        ("evcc_iso3.V2G_EVCC_Msg_Timeout", False, "there is no machine 'evcc_iso3'; did you mean 'evcc_iso2'?"),
        ("vehicel.T_check", True, "there is no machine 'vehicel'; did you mean 'vehicle'?"),
        ("lorry_of_tomorrow.T_check", True, "there is no machine 'lorry_of_tomorrow'"),
        ("lorry_of_tomorrow.T_check", False, ""),
        ("evcc_iso2.V2G_EVCC_Msg_Timeout", True, ""),
    ],
)
def test_a_machine_that_nobody_knows_is_told(before: str, others: bool, told: str) -> None:
    """A pair with a misspelt machine would never be compared, and nobody would know. Alone, a chart may well name one
    that lies elsewhere."""
    station = load_text(STATION.replace("vehicle.T_check", before))
    known = {"station": station, **({"vehicle": load_text(VEHICLE)} if others else {})}
    found = [f.message for f in check_all(station, 0, known)[0].findings if f.code == "C161"]
    assert [told in message for message in found] == ([True] if told else [])


def test_the_command_compares_the_charts_it_is_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "station.yaml").write_text(STATION)
    (tmp_path / "vehicle.yaml").write_text(VEHICLE.replace("40 s", "30 s"))
    assert main(["check", str(tmp_path)]) == 1
    assert "C161 deadlines in the wrong order" in capsys.readouterr().out
    assert main(["check", str(tmp_path / "station.yaml")]) == 0


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("{type: int, default: 1, before: T_b}", "only a duration"),
        ("{type: duration, default: 1 s, before: T_x}", "'T_x' is no duration"),
        ("{type: duration, default: 1 s, before: n}", "'n' is no duration"),
    ],
)
def test_only_durations_come_before_each_other(parameter: str, said: str) -> None:
    text = f"machine: m\nparameters:\n  T_a: {parameter}\n  T_b: {{type: duration, default: 2 s}}\n"
    text += "  n: {type: int, default: 1}\nstates: {a: }\n"
    with pytest.raises(ChartError) as caught:
        load_text(text)
    assert said in caught.value.problems[0].message
    assert caught.value.problems[0].position.line == 3
