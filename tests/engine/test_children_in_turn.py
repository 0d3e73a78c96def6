"""Two charts under one id, in states that are never active together: who speaks to it does not know which one runs."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.language.load import load_text
from engine.language.problems import ChartError
from engine.run import System
from engine.run.observer import Note, StepRecord
from engine.run.snapshot import restore, take

LINE = """\
machine: line
language: 2
events:
  dial: {direction: in, payload: {new: bool}}
  say: {direction: in, payload: {word: string}}
  said: {direction: out, payload: {text: string}}
  odd: {direction: out, payload: {text: string}}
  hang_up: {direction: in}
data: {heard: {type: int, initial: 0}}
main: [talk.old]
invariant: not dialogue.In('angry') and (not dialogue.In('talking') or dialogue.words < 9)
type: parallel
states:
  ear:
    on:
      dialogue.heard: {actions: [assign: {heard: event.count}]}
      dialogue.only_new: {actions: {send: {event: odd, to: parent, data: {text: "'new'"}}}}
      hang_up: {actions: {send: {event: stop, to: dialogue}}}
  talk:
    initial: idle
    states:
      idle:
        on:
          dial:
            - {guard: event.new, target: new}
            - old
      old:
        invoke: {id: dialogue, src: old.yaml, relay: [say, said], onDone: idle}
      new:
        invoke: {id: dialogue, src: new.yaml, relay: [say, said], onDone: idle}
"""
OLD = """\
machine: old
language: 2
parameters:
  voice: {type: string, default: "'old'"}
  pitch: {type: int, default: 1}
data: {words: {type: int, initial: 0}}
events:
  say: {direction: in, payload: {word: string}}
  stop: {direction: in}
  said: {direction: out, payload: {text: string}}
  heard: {direction: out, payload: {count: int}}
initial: talking
states:
  talking:
    on:
      say:
        actions:
          - assign: {words: words + 1}
          - send: {event: said, to: parent, data: {text: voice + event.word + str(pitch)}}
          - send: {event: heard, to: parent, data: {count: words}}
      stop: gone
  gone: {type: final}
"""
NEW = (
    OLD.replace("machine: old", "machine: new")
    .replace("  pitch: {type: int, default: 1}", "  tempo: {type: int, default: 2}")
    .replace("str(pitch)", "str(tempo)")
    .replace("  stop: {direction: in}", "  stop: {direction: in}\n  only_new: {direction: out}")
    .replace(
        "      stop: gone", "      stop: {target: gone, actions: {send: {event: only_new, to: parent}}}\n  angry: {}"
    )
)


class Told:
    """What the root tells outside."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def step(self, record: StepRecord) -> None:
        """Only what goes out counts here."""

    def note(self, note: Note) -> None:
        if note.kind in ("out", "child_refused"):
            self.told.append(str(note.data.get("text", note.text)))


def folder_of(folder: Path, *, line: str = LINE, new: str = NEW, old: str = OLD) -> Path:
    for name, text in (("line", line), ("old", old), ("new", new)):
        (folder / f"{name}.yaml").write_text(text)
    return folder / "line.yaml"


def test_each_has_its_turn(tmp_path: Path) -> None:
    """Events go down, up and by relay, parameters from outside reach the chart that has them, promises hold for both;
    a snapshot goes on with the chart that ran."""
    chart = engine.load(folder_of(tmp_path))
    system, told = System(), Told()
    system.observers.append(told)
    given = {"dialogue.voice": "v", "dialogue.pitch": 5, "dialogue.tempo": 6}
    actor = system.add(chart, parameters=given)
    system.start()
    for new in (False, True):
        system.post(actor, "dial", {"new": new})
        system.post(actor, "say", {"word": "-hello-"})
        system.run_due()
        assert actor.machine.data["heard"] == 1
        (child,) = actor.children.values()
        assert child.machine.chart.name == ("new" if new else "old")
        if new:
            break
        system.post(actor, "hang_up")
        system.run_due()
        assert not actor.children
    assert told.told == ["v-hello-5", "v-hello-6"]
    assert not system.failures

    later, again = System(), Told()
    later.observers.append(again)
    other = restore(later, chart, take(actor), "line", {})
    later.start()
    for event, data in (("say", {"word": "-so-"}), ("hang_up", None)):
        later.post(other, event, data)
        later.run_due()
    assert again.told == ["v-so-6", "new"]
    assert not later.failures


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"line": LINE.replace("    initial: idle\n", "    type: parallel\n")}, "may be active together"),
        ({"new": NEW.replace("{text: string}", "{text: string, loud: bool?}")}, "the event 'said' is another in new"),
        ({"new": NEW.replace("voice: {type: string, default: \"'old'\"}", "voice: {type: int, default: 3}").replace(
            "voice +", "str(voice) +")}, "the type of the parameter 'voice' is another in new"),
        (
            {"new": NEW.replace("gone: {type: final}", "gone: {type: final, output: {why: 1}}") + "output: {why: int}"},
            "they end with different outputs",
        ),
        ({"new": NEW.replace("stop:", "halt:")}, "new takes no event 'stop'"),
        ({"line": LINE.replace("dialogue.words < 9", "dialogue.angry < 9")}, "angry"),
        ({"line": LINE.replace("dialogue.words < 9", "dialogue.tempo < 9")}, "tempo"),
    ],
)  # fmt: skip
def test_what_may_not_share_an_id(change: dict[str, str], said: str, tmp_path: Path) -> None:
    """Both at once; or words that mean one thing here and another there."""
    path = folder_of(tmp_path, **change)
    with pytest.raises(ChartError) as told:
        load_text(path.read_text(), path)
    assert said in str(told.value)


def test_a_parameter_that_neither_has(tmp_path: Path) -> None:
    chart = engine.load(folder_of(tmp_path))
    with pytest.raises(ValueError, match="has no parameter 'volume'"):
        System().add(chart, parameters={"dialogue.volume": 3})
