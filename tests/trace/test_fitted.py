"""A line for a narrow terminal leaves out much, but never the state that was reached."""

from __future__ import annotations

from typing import Any

import pytest

from engine.tools.trace.fitted import fitted, middle, shorter, without_key

STEP: dict[str, Any] = {
    "time_ns": 2_095_000_000,
    "machine": "evse/slac/session[020000000101454df9d2a201f981]",
    "cause": "event",
    "event": {"name": "link.CM_START_ATTEN_CHAR_IND", "data": {"run_id": "454df9d2a201f981", "num_sounds": 10}},
    "exited": ["matching.run.characterisation.starting"],
    "entered": ["matching.run.characterisation.sounding", "matching.run.characterisation.sounding.listening"],
    "configuration": ["matching", "matching.run.characterisation.sounding.listening"],
    "effects": [{"do": "call", "role": "link", "action": "listen", "args": {"seconds": 1.5}}],
}
TIMER = {
    **STEP,
    "machine": "pev/slac",
    "cause": "timer",
    "timer": "matching.run.characterisation.starting/after T_long_name",
}
MANY = {**STEP, "configuration": [f"region{n}.a_state_of_it" for n in range(9)]}
MANY["entered"] = MANY["configuration"]


@pytest.mark.parametrize("step", [STEP, TIMER], ids=["event", "timer"])
@pytest.mark.parametrize("width", [60, 70, 80, 100, 132, 400])
def test_the_state_that_was_reached_is_readable_and_no_line_is_wider(step: dict[str, Any], width: int) -> None:
    lines = fitted(step, {}, width)
    assert all(len(text) <= width for text in lines)
    assert len(lines) <= 2
    told = " ".join(lines)
    assert "listening" in told
    assert "→" in told
    assert lines[0].lstrip().startswith("2.095  ")
    assert ("T_long_name" if step is TIMER else "CHAR_IND") in told


@pytest.mark.parametrize("width", [40, 60, 80])
def test_of_many_states_the_first_are_told_and_the_others_are_counted(width: int) -> None:
    *_, last = fitted(MANY, {}, width)
    assert len(last) <= width
    assert last.strip().startswith("→ …a_state_of_it")
    assert " + " in last


def test_what_failed_is_told_whole() -> None:
    message = "division by zero in 'voltage / current', which nobody expected in this state of the machine"
    lines = fitted({**STEP, "failures": [{"message": message, "position": "a.yaml:3:7"}]}, {}, 60)
    assert all(len(text) <= 60 for text in lines)
    assert f"failed: {message} (a.yaml:3:7)" in " ".join(" ".join(lines).split())


def test_a_note_is_told_whole() -> None:
    text = "the modem has not answered for a long time, look at its cable and its supply"
    lines = fitted({"time_ns": 1, "machine": "evse", "note": "adapter_error", "text": text}, {}, 60)
    assert all(len(one) <= 60 for one in lines)
    assert " ".join(" ".join(lines).split()) == f"0.000 evse adapter_error: {text}"


def test_names_are_shortened_where_they_tell_least() -> None:
    assert shorter("a.b.left → c.d.reached", 30) == "a.b.left → c.d.reached"
    assert shorter("a.b.left → c.d.reached", 20) == "…left → c.d.reached"
    assert shorter("a.b.left → c.d.reached", 17) == "…left → …reached"
    assert shorter("a.b.left → c.d.reached", 12) == "→ …reached"
    assert shorter("left →", 20) == "left →"
    assert middle("abcdefghij", 7) == "ab…ghij"
    assert middle("abc", 3) == "abc"
    assert without_key("evse/slac/session[020000000101454df9d2a201f981]") == "evse/slac/session[020…981]"
    assert without_key("site/outlet[3]") == "site/outlet[3]"
