"""`relay` of an invoke: events that pass through a chart, to its child and from it, under their own names."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.language.load import load_text
from engine.language.model import Chart
from engine.language.problems import ChartError
from engine.run import System
from engine.run.observer import Note, StepRecord
from engine.tools.diagram.text_formats import mermaid

LINE = """\
machine: line
language: 2
events:
  call: {direction: in, payload: {number: int, name: string}}
  hang_up: {direction: in}
  said: {direction: out, payload: {text: string}}
data: {own: {type: int, initial: 0}}
initial: quiet
states:
  quiet:
    defer: [call]
    on: {hang_up: up}
  up:
    invoke: {id: phone, src: phone.yaml, relay: [call, hang_up, said]}
    states:
      listening:
        on: {hang_up: {guard: own == 0, actions: [assign: {own: 1}]}}
"""
PHONE = """\
machine: phone
language: 2
events:
  call: {direction: in, payload: {number: int, name: string}}
  hang_up: {direction: in}
  said: {direction: out, payload: {text: string}}
states:
  on:
    on:
      call: {actions: {send: {event: said, to: parent, data: {text: name_of}}}}
      hang_up: {actions: {send: {event: said, to: parent, data: {text: "'bye'"}}}}
"""


class _Told:
    def __init__(self) -> None:
        self.told: list[str] = []

    def step(self, record: StepRecord) -> None:
        """Only what goes out counts here."""

    def note(self, note: Note) -> None:
        if note.kind == "out":
            self.told.append(note.data["text"])


def _charts(folder: Path, line: str = LINE, phone: str = PHONE) -> Chart:
    (folder / "phone.yaml").write_text(phone.replace("name_of", "event.name + str(event.number)"))
    (folder / "line.yaml").write_text(line)
    return engine.load(folder / "line.yaml")


def test_events_pass_with_what_they_carry(tmp_path: Path) -> None:
    """Down to the child and up to the parent; what came before the child ran was kept; the chart's own goes before."""
    system, told = System(), _Told()
    system.observers.append(told)
    actor = system.add(_charts(tmp_path))
    system.start()
    for event, data in (
        ("call", {"number": 7, "name": "a"}),  # kept
        ("hang_up", {}),  # the child starts
        ("hang_up", {}),  # the chart's own
        ("hang_up", {}),
        ("call", {"number": 8, "name": "b"}),
    ):
        system.post(actor, event, data)
        system.run_due()
    assert told.told == ["a7", "bye", "b8"]
    assert not actor.unhandled


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("hang_up, said]", "hangup, said]", "'hangup' is no event of this chart"),
        ("said]", "said, said]", "'said' stands in `ignore`, `defer` or `relay` already"),
        ("  hang_up: {direction: in}\n", "  hang_up:\n", "'hang_up' is neither `direction: in` nor `out`"),
        ("{text: string}", "{text: bytes}", "the payload of 'said' is another in phone"),
        ("  said: {direction: out", "  said: {direction: in", "phone has no event 'said' with `direction: in`"),
    ],
)
def test_what_does_not_fit_does_not_load(tmp_path: Path, old: str, new: str, what: str) -> None:
    with pytest.raises(ChartError) as error:
        _charts(tmp_path, LINE.replace(old, new))
    assert what in str(error.value)


def test_only_a_chart_has_events() -> None:
    text = (
        "machine: m\nadapters: {i: insulation_monitor}\nstates: {s: {invoke: {id: t, call: i.self_test(), relay: x}}}\n"
    )
    with pytest.raises(ChartError, match="only a child with a chart of its own"):
        load_text(text)


def test_a_picture_names_them_in_one_line(tmp_path: Path) -> None:
    """They are no wall of transitions in the state's box."""
    text = mermaid(_charts(tmp_path))
    assert "relay call, hang_up, said" in text
    assert "phone.said" not in text
