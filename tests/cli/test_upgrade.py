"""``engine upgrade``: charts of language 1 become charts of language 2 that do the same, with their comments."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.cli import main
from engine.language.load.contract import load_contract
from engine.language.load.keys import LANGUAGE
from engine.language.problems import ChartError

ROOT = Path(__file__).parents[2]

OLD = """\
# What stands here stays.
machine: old   # the name
source: "IEC 61851-1:2017 Annex A; ISO 15118-3"
parameters:
  medium: {type: "enum(plc, none)", default: "'plc'", source: "Field: most have it"}
  T_wait: {type: duration, default: 2 s, source: ISO 15118-3 Table A.1}
data:
  a: {type: int, initial: 0}
  b: {type: int, initial: 0}
  why: {type: string, initial: "'none'"}
  anything: {type: any, initial: "'no text here'"}
  plc: {type: bool, initial: True}
  kind: {type: "enum(plc, none)", initial: "'none'"}
events:
  go: {direction: in}
  stop: {direction: in}
  x.a: {direction: in}
  x.b: {direction: in}
  gone: {direction: out, payload: {why: string}}
initial: one
on:
  "x.*": {}
states:
  one:
    source: IEC 61851-1 A.2
    on:
      # why it is nothing here
      stop: {}   # so far
      go:
        target: two
        source: the field
        actions:
          - assign: {a: b, b: a, why: "'gone, for good'"}
          - assign:
              a: a + 1
              # counted with the new a
              b: >-
                a +
                b
              why: "'it is over'"
    always:
      guard: a > 100
      target: three
  two:
    on: {stop: , go: one, x.a: , x.b: {description: On purpose}}
    after:
      T_wait:
        target: three
        actions: {send: {event: gone, to: parent, data: {why: "'no answer in time'"}}}
  three:
    on:
      stop: {}
      x.a: {}
      "*": one
  four: {on: {go: }, exit: {assign: {kind: "'plc'"}}}  # without quotes it could be the data
"""

NEW = """\
# What stands here stays.
machine: old   # the name
language: 2
clause: "IEC 61851-1:2017 Annex A; ISO 15118-3"
parameters:
  medium: {type: "enum(plc, none)", default: plc, source: "Field: most have it"}
  T_wait: {type: duration, default: 2 s, clause: ISO 15118-3 Table A.1}
data:
  a: {type: int, initial: 0}
  b: {type: int, initial: 0}
  why: {type: string, initial: "'none'"}
  anything: {type: any, initial: "'no text here'"}
  plc: {type: bool, initial: True}
  kind: {type: "enum(plc, none)", initial: none}
events:
  go: {direction: in}
  stop: {direction: in}
  x.a: {direction: in}
  x.b: {direction: in}
  gone: {direction: out, payload: {why: string}}
initial: one
ignore: [x.*]
states:
  one:
    clause: IEC 61851-1 A.2
    on:
      go:
        target: two
        source: the field
        actions:
          - assign: [{a: b}, {b: a, why: "gone, for good"}]
          - assign:
              - a: a + 1
              # counted with the new a
              - b: >-
                  a +
                  b
                why: it is over
    ignore:
      # why it is nothing here
      - stop  # so far
    always:
      guard: a > 100
      target: three
  two:
    on: {go: one, x.b: {description: On purpose}}
    ignore: [stop, x.a]
    after:
      T_wait:
        target: three
        actions: {send: {event: gone, to: parent, data: {why: no answer in time}}}
  three:
    on:
      stop: {}
      x.a: {}
      "*": one
  four: {ignore: [go], exit: {assign: {kind: "'plc'"}}}  # without quotes it could be the data
"""


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    path = tmp_path / "old.yaml"
    path.write_text(OLD, "utf-8")
    return path


def test_a_chart_is_rewritten_with_its_comments(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upgrade", str(chart)]) == 0
    assert chart.read_text("utf-8") == NEW
    assert "1 file, 1 upgraded, 0 refused" in capsys.readouterr().out
    engine.load(chart)


def test_a_second_time_changes_nothing(chart: Path) -> None:
    assert main(["upgrade", str(chart)]) == 0
    before = chart.stat().st_mtime_ns
    assert main(["upgrade", str(chart), "--check"]) == 0
    assert main(["upgrade", str(chart)]) == 0
    assert chart.stat().st_mtime_ns == before


def test_windows_line_ends_stay(chart: Path) -> None:
    chart.write_bytes(b"\xef\xbb\xbf" + chart.read_bytes().replace(b"\n", b"\r\n"))
    assert main(["upgrade", str(chart)]) == 0
    assert chart.read_bytes() == b"\xef\xbb\xbf" + NEW.replace("\n", "\r\n").encode()


def test_check_and_diff_write_nothing(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = chart.read_text("utf-8")
    assert main(["upgrade", str(chart), "--check"]) == 1
    assert main(["upgrade", str(chart), "--diff"]) == 0
    assert "\n+language: 2\n" in capsys.readouterr().out
    assert chart.read_text("utf-8") == before


def test_the_loader_says_how_an_old_chart_is_upgraded(chart: Path) -> None:
    chart.write_text("language: 1\n" + chart.read_text("utf-8"), "utf-8")
    with pytest.raises(ChartError) as caught:
        engine.load(chart)
    assert "engine upgrade" in next(p.hint for p in caught.value.problems if p.code == "version")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("machine: m\nlanguage: 7\nstates: {a: }\n", "language '7'"),
        ("machine: m\nstates: {a: {on: {nothing: }}}\n", "old.yaml:2:19: there is no event 'nothing'"),
        ("- a\n- b\n", "neither a chart nor a contract"),
        ("machine: [", "not YAML"),
    ],
)
def test_what_cannot_be_upgraded_is_refused_with_its_place(
    text: str, said: str, chart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the sound file beside it is not written either: charts that belong together change together."""
    wrong = chart.with_name("wrong-old.yaml")
    wrong.write_text(text, "utf-8")
    assert main(["upgrade", str(chart.parent)]) == 2
    assert said in capsys.readouterr().out
    assert "language: 2" not in chart.read_text("utf-8")


def test_a_child_of_the_old_language_is_no_hindrance(chart: Path) -> None:
    parent = chart.with_name("parent.yaml")
    parent.write_text("machine: parent\nstates:\n  s:\n    invoke: {src: old.yaml}\n    on: {old.gone: }\n", "utf-8")
    assert main(["upgrade", str(parent), str(chart)]) == 0
    assert "ignore: [old.gone]" in parent.read_text("utf-8")
    engine.load(parent)


CHANGED = """\
machine: changed
adapters: {meter: meter}
data: {kind: {type: "enum(a, b)", initial: "'a'"}}
states: {s: {entry: [meter.reset_total(to=0)], on: {meter.none: }}}
"""


def test_a_chart_older_than_its_contracts_is_upgraded_by_those_of_its_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is refused for the installed contract names the way; with the old contract beside it, the chart loads."""
    path = tmp_path / "charts" / "changed.yaml"
    path.parent.mkdir()
    path.write_text(CHANGED, "utf-8")
    old = tmp_path / "adapters" / "power" / "meter.contract.yaml"
    old.parent.mkdir(parents=True)
    old.write_text("contract: meter\nactions: {reset_total: {args: {to: int}}}\nevents: {none: {}}\n", "utf-8")
    assert main(["upgrade", str(path)]) == 2
    told = capsys.readouterr().out
    assert "changed.yaml:4:22: the contract meter has no action 'reset_total'" in told
    assert "--contracts FOLDER" in told
    assert main(["upgrade", str(path), "--contracts", str(tmp_path / "adapters")]) == 0
    assert "initial: a}" in path.read_text("utf-8")
    assert "ignore: [meter.none]" in path.read_text("utf-8")
    old.rename(path.parent / old.name)
    engine.load(path)


def test_a_folder_without_contracts_is_told(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = chart.with_name("empty")
    empty.mkdir()
    assert main(["upgrade", str(chart), "--contracts", str(empty)]) == 2
    assert f"{empty}: no file *.contract.yaml in it" in capsys.readouterr().err
    assert "language: 2" not in chart.read_text("utf-8")


def test_a_contract_is_upgraded(tmp_path: Path) -> None:
    path = tmp_path / "k.contract.yaml"
    path.write_text('contract: k\nsource: "IEC 61851-23 CC.3"\nevents: {e: {payload: {source: bytes}}}\n', "utf-8")
    assert main(["upgrade", str(path)]) == 0
    assert path.read_text("utf-8") == (
        'contract: k\nclause: "IEC 61851-23 CC.3"\nevents: {e: {payload: {source: bytes}}}\n'
    )


def test_what_is_shipped_is_of_the_present_language(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upgrade", "--check", str(ROOT / "machines"), str(ROOT / "adapters")]) == 0
    for path in sorted((ROOT / "machines").rglob("*.yaml")):
        assert f"\nlanguage: {LANGUAGE}\n" in path.read_text("utf-8"), path
    capsys.readouterr()


# ---------------------------------------------------------------- contracts that are no more

SPLIT = """\
machine: kiosk
language: 2
adapters:
  people: operator   # all of them
  display: contactor
states:
  shut:
    entry: people.show(text='Closed')   # as people.show says
    on:
      people.reset_pressed people.rejected: shut
      people.token: {guard: event.id == 'A1', target: gone}
    ignore: [people.stop_pressed, display.opened]
  gone: {type: final}
"""

NOW = """\
machine: kiosk
language: 2
adapters:
  button: button
  people_display: display
  reader: reader   # all of them
  display: contactor
states:
  shut:
    entry: people_display.show(text='Closed')   # as people_display.show says
    on:
      button.reset_pressed reader.refused: shut
      reader.token: {guard: event.id == 'A1', target: gone}
    ignore: [button.stop_pressed, display.opened]
  gone: {type: final}
"""


def test_a_chart_of_a_contract_that_was_split_loads_and_is_upgraded(tmp_path: Path) -> None:
    """Its roles, each where its orders and events are now; the one that is taken gets another name."""
    path = tmp_path / "kiosk.yaml"
    path.write_text(SPLIT, "utf-8")
    before = engine.load(path)
    assert set(before.adapters["people"].events) >= {"token", "rejected", "stop_pressed"}
    assert main(["upgrade", str(path)]) == 0
    assert path.read_text("utf-8") == NOW
    assert {role: contract.name for role, contract in engine.load(path).adapters.items()} == {
        "button": "button", "people_display": "display", "reader": "reader", "display": "contactor"
    }  # fmt: skip


def test_a_contract_that_was_renamed_is_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "grid.yaml"
    path.write_text(
        "machine: grid\nlanguage: 2\nadapters: {all: power_limit}\nstates: {s: {entry: all.limit(power=1 kW)}}\n"
    )
    assert engine.load(path).adapters["all"].name == "back_end"
    assert main(["upgrade", str(path)]) == 0
    assert "adapters: {all: back_end}\nstates: {s: {entry: all.limit(power=1 kW)}}" in path.read_text("utf-8")


@pytest.mark.parametrize("use", ["people.*: {}", "error.adapter.people: {}"])
def test_what_of_a_split_contract_is_meant_is_not_guessed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], use: str
) -> None:
    path = tmp_path / "kiosk.yaml"
    text = SPLIT.replace("on:", f"on:\n      {use}", 1)
    path.write_text(text, "utf-8")
    assert main(["upgrade", str(path)]) == 2
    assert path.read_text("utf-8") == text
    assert "'operator' is button, display, reader now; write which is meant" in capsys.readouterr().out


def test_a_former_name_must_lead_somewhere(tmp_path: Path) -> None:
    file = tmp_path / "bell.contract.yaml"
    file.write_text("contract: bell\nformerly: {gong: {bang: ring}}\nactions: {rings: {}}\n")
    with pytest.raises(ChartError, match=r"'ring' is no order, event or value of this contract"):
        load_contract(file)
