"""``link.*Req`` in `on`: the events of a role with one end. What else the role tells is not taken by the transition."""

from __future__ import annotations

import pytest

from engine.language.load import load_text
from engine.language.problems import ChartError
from engine.run import System
from engine.tools.diagram.text_formats import mermaid

CHART = """\
machine: station
data: {sum: {type: int, initial: 0}}
events:
  link.OpenReq: {payload: {id: int, name: string}}
  link.CloseReq: {payload: {id: int}}
  link.gone: {payload: {reason: string}}
states:
  open:
    on:
      "link.*Req": {actions: [assign: {sum: sum + event.id}]}
      link.gone: shut
  shut: {}
"""


def test_events_with_the_end_and_no_others() -> None:
    """What they carry in common is known, and the role's other events go on to their own transitions."""
    system = System()
    actor = system.add(load_text(CHART))
    system.start()
    for event, data in (("link.OpenReq", {"id": 3, "name": "x"}), ("link.CloseReq", {"id": 4})):
        system.post(actor, event, data)
        system.run_due()
    assert (actor.machine.data["sum"], set(actor.machine.configuration)) == (7, {"open"})
    system.post(actor, "link.gone", {"reason": "FIN"})
    system.run_due()
    assert set(actor.machine.configuration) == {"shut"}


def test_a_picture_names_it_as_it_is_written() -> None:
    text = mermaid(load_text(CHART))
    assert "link.*Req" in text
    assert "OpenReq" not in text


@pytest.mark.parametrize("word", ["link.*Rex", "link*", "link.*Req*", "lin.*Req", "*Req", "link.Open*"])
def test_one_that_matches_nothing_does_not_load(word: str) -> None:
    """Nor is a star taken anywhere else in a name."""
    with pytest.raises(ChartError, match="there is no event"):
        load_text(CHART.replace("link.*Req", word))
