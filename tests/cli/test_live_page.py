"""What a person sees of a station that runs: where it is, what it waits for, both sides, in a small terminal too."""

from __future__ import annotations

import re

import pytest

from engine.cli.curves import Curves, curve
from engine.cli.live_states import shares
from engine.semantics.step import Event
from tests.cli.page import Page


def stage(lines: list[str]) -> str:
    """The stage that is marked."""
    (marked,) = re.findall(r"●([\w -]+?)(?= ──|›| ›|$)", "\n".join(lines), re.M)
    return str(marked)


def test_the_stage_goes_from_the_plug_to_the_end_in_order() -> None:
    page = Page("evse_dc.yaml", "pev.stop_at_soc=41 %")
    order = [one.title for one in page.main.machine.chart.stages]
    seen: list[str] = []
    for _ in range(250):
        page.run(0.25)
        lines = page.drawn()
        if any("●" in line for line in lines) and (not seen or seen[-1] != stage(lines)):
            seen.append(stage(lines))
        if seen[-1:] == ["stop"]:
            break
    assert [order.index(one) for one in seen] == sorted(order.index(one) for one in seen)
    assert {"SLAC", "cable check", "charge", "stop"} <= set(seen)


def test_what_is_waited_for_and_how_long_still() -> None:
    page = Page("evse_dc.yaml", "authorisation=external").run(12)
    lines = page.drawn()
    assert stage(lines) == "authorisation"
    (waits,) = [line for line in lines if "waits for" in line]
    assert re.search(r"T_customer\S* .*\d+\.\d s left", waits)
    page.resize(120, 40)
    assert any("waits for v2g." in line for line in page.drawn())


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (60, 16)])
@pytest.mark.parametrize("chart", ["evse_dc.yaml", "pev_dc.yaml"])
def test_both_sides_are_there_in_every_size(chart: str, width: int, height: int) -> None:
    page = Page(chart, width=width, height=height).run(12)
    heads = [line.split()[0] for line in page.drawn() if re.match(r" (evse|pev)\b", line)]
    assert sorted(heads) == ["evse", "pev"]


def test_values_have_curves() -> None:
    lines = Page("evse_dc.yaml").run(30).drawn()
    number = next(n for n, line in enumerate(lines) if "Voltage" in line)
    assert re.search(r"▁+.*█", lines[number + 2])


def test_what_a_person_may_do_is_offered_with_what_it_carries() -> None:
    page = Page("evse_dc.yaml", "authorisation=external", width=300).run(12)
    (possible,) = [line for line in page.drawn() if "Now possible" in line]
    assert "operator.token(id=…)" in possible
    assert "operator.emergency_stop" in possible
    assert "grant(power=…, order=…)" in possible
    assert "pilot." not in possible, "nobody plays the pilot line by hand"
    assert "pev.driver." in possible


def test_what_crosses_a_medium_is_told_in_a_small_terminal_and_everything_in_a_large_one() -> None:
    small, large = (Page("evse_dc.yaml", width=120, height=height).run(20).drawn() for height in (24, 50))
    assert any("v2g.CurrentDemandReq" in line for line in small)
    assert not any("VS_PL_LINK_STATUS" in line for line in small)
    assert any("VS_PL_LINK_STATUS" in line for line in large)


def test_rows_of_a_charge_loop_stand_still() -> None:
    """What scrolls five times a second cannot be read."""
    page = Page("evse_dc.yaml").run(25)
    rows = [re.findall(r"[▸◂] [\w.]+", line) for line in page.drawn()]
    assert sum("CurrentDemand" in str(row) for row in rows) >= 2
    page.run(1)
    assert [re.findall(r"[▸◂] [\w.]+", line) for line in page.drawn()] == rows


def test_a_person_s_event_is_news() -> None:
    page = Page("evse_dc.yaml", width=120).run(20)
    page.system.enqueue(page.main, Event("operator.stop_pressed"))
    lines = page.run(0.4).drawn()
    rows = [match for line in lines if (match := re.search(r"(\d+\.\d{3}) \S+ +([▸◂◷] .*)", line))]
    assert any("operator.stop_pressed" in row[2] for row in rows)
    times = [float(row[1]) for row in rows]
    assert times == sorted(times)
    assert times[-1] > 20, "what repeated before is told anew below"
    assert stage(lines) == "stop"


@pytest.mark.parametrize(
    ("values", "width", "drawn"),
    [
        ([], 5, ""),
        ([1.0], 5, "▁"),
        ([0.0, 7.0], 5, "▁█"),
        ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 8, "▁▂▃▄▅▆▇█"),
        ([40.0, 41.0, 42.0], 3, "▁▅█"),
        ([0.0, 0.0, 7.0, 7.0], 2, "▁█"),
        ([400.0, 400.0], 2, "▁▁"),
    ],
)
def test_a_curve(values: list[float], width: int, drawn: str) -> None:
    assert curve(values, width) == drawn


def test_a_curve_covers_the_whole_run_however_long() -> None:
    curves = Curves()
    for number in range(100_000):
        now_ns = number * 250_000_000
        if curves.due(now_ns):
            curves.add(now_ns, {"soc": float(number)})
    assert curves.drawn("soc", 8) == "▁▂▃▄▅▆▇█"
    assert curves.drawn("unknown", 8) == ""


def test_room_is_shared() -> None:
    assert shares([10, 3], 8) == [5, 3]
    assert shares([2, 2], 9) == [2, 2]
    assert shares([], 4) == []
