"""``engine test`` runs a chart with its children: it finds where they break what they promise together."""

from __future__ import annotations

from pathlib import Path

from engine.tools.testing.measure import measure
from engine.tools.testing.together import play
from tests.system.test_joint_invariants import ROOM, room

RIGHT = ROOM.replace("forget: {target: empty, description: the mistake}", "forget:")


def test_a_mistake_between_machines_is_found_with_the_way_to_it(tmp_path: Path) -> None:
    found = play(room(tmp_path, "In('used') or lamp.In('dark')"))
    assert len(found.broken) == 1
    told, _, after = found.broken[0].partition("\n    after: ")
    assert told.startswith("room: invariant broken: light is where people are")
    assert after.split(", ")[-1] == "forget"
    assert "enter" in after


def test_machines_that_agree_are_run_into_all_their_states(tmp_path: Path) -> None:
    found = play(room(tmp_path, "In('used') == lamp.In('bright')", RIGHT))
    assert found.broken == []
    assert found.seen == {"room": {"empty", "used"}, "lamp": {"dark", "bright"}}


def test_it_is_a_problem_of_the_chart(tmp_path: Path) -> None:
    wrong = measure(room(tmp_path, "In('used') or lamp.In('dark')"))
    assert wrong.failed
    assert "light is where people are" in wrong.problems[0]
    assert not measure(room(tmp_path, "In('used') or lamp.In('dark')", RIGHT)).problems
