"""What a person sees of a station that runs: where it is, what it waits for, both sides, in a small terminal too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.cli.curves import Curves, curve
from engine.cli.events import addressed, now_possible
from engine.cli.live_states import shares
from engine.run import Note
from engine.run.station import StationError
from engine.semantics.step import Event
from tests.cli.page import Page
from tests.cli.record_terminal import FILES, PAGES, filled


def stage(lines: list[str]) -> str:
    """The stage that is marked."""
    (marked,) = re.findall(r"●([\w -]+?)(?= ──|›| ›|$)", "\n".join(lines), re.M)
    return str(marked)


def test_the_stage_goes_from_the_plug_to_the_end_in_order() -> None:
    page = Page("evse_dc.yaml", "pev.stop_at_soc=41 %")
    order = [one.title for one in page.main.machine.chart.stages]
    seen: list[str] = []
    for _ in range(250):
        line = page.run(0.25).view._stages.line(80).plain
        if "●" in line and (not seen or seen[-1] != stage([line])):
            seen.append(stage([line]))
        if seen[-1:] == ["stop"]:
            break
    assert [order.index(one) for one in seen] == sorted(order.index(one) for one in seen)
    assert {"SLAC", "cable check", "charge", "stop"} <= set(seen)


def loops(lines: list[str]) -> list[str]:
    """Whose repetitions are told in a row of their own, from top to bottom."""
    return re.findall(r"\d+\.\d{3} (\S+) +↻ ×", "\n".join(lines))


@pytest.fixture(scope="module")
def asking() -> Page:
    """A station that waits for a person's card."""
    return Page("evse_dc.yaml", "authorisation=external").run(8)


def test_what_is_waited_for_and_how_long_still(asking: Page) -> None:
    asking.resize(120, 40)
    lines = asking.drawn()
    assert stage(lines) == "authorisation"
    (waits,) = [line for line in lines if "waits for" in line]
    assert re.search(r" T_customer \d+\.\d s left ", waits), "of the times for two protocols the one that runs"
    assert waits.endswith("waits for reader.token, reader.authorised, authorise"), "not for the next AuthorizationReq"


def test_what_leads_on_is_told_and_not_what_may_go_wrong() -> None:
    """By stage: what the main path of the charts waits for."""
    page = Page("evse_dc.yaml", "pev.stop_at_soc=41 %")
    waits: dict[str, set[str]] = {}
    for _ in range(170):
        page.run(0.25)
        line, told = page.view._stages.line(80).plain, page.view._stages.waits(page.system.clock.now_ns()).plain
        if "●" in line:
            waits.setdefault(stage([line]), set()).add(told.partition("waits for ")[2])
    assert waits == {
        "plug": {"cp_line.state"},
        "SLAC": {"session.session_started"},
        "set-up": {"session.cable_check"},
        "cable check": {"v2g.CableCheckReq", "lock.is_locked", "output.cable_check_ok"},
        "pre-charge": {"output.power_ready"},
        "charge": {"session.power_off"},
        "stop": {"session.session_ended", "output.is_off"},
    }


def test_what_may_be_sent_is_named_in_two_lines_by_names_that_may_be_typed(asking: Page) -> None:
    asking.resize(80, 24)
    lines = asking.drawn()
    first = next(n for n, line in enumerate(lines) if "Now possible" in line)
    told = " ".join(lines[first : first + 2]).partition(":")[2].replace(" … ", ", … ")
    *names, more = [name.strip() for name in told.split(",")]
    assert names[:2] == ["token(…)", "authorised"], "what is waited for first"
    assert re.fullmatch(r"… \d+ more", more)
    for name in names:
        typed = name.replace("(…)", "(reason=lost)" if name.startswith("refused") else "(id=04a2)")
        actor, event = addressed(asking.system, asking.main, typed)
        assert isinstance(event, Event)
        assert event.name.endswith(name.partition("(")[0])
        assert (actor.path == "pev") == event.name.startswith("driver.")
    with pytest.raises(StationError, match=r"which stop_pressed: button.stop_pressed, pev.driver.stop_pressed\?"):
        addressed(asking.system, asking.main, "stop_pressed")
    asking.view._key("?")
    drawn = "\n".join(asking.drawn())
    for name in now_possible(asking.system, asking.main):
        assert f" {name}" in drawn, "all of them on a key"
    asking.view._key("?")
    assert not any("grant(power=…, order=…)" in line for line in asking.drawn())
    for key in "driver.st\t":
        asking.view._key(key)
    assert asking.view._typed == "pev.driver.stop_pressed", "the end of a name is completed, too"
    for _ in asking.view._typed:
        asking.view._key("\b")


def test_a_site_names_what_may_be_sent() -> None:
    page = Page("site.yaml", "outlets=2").run(3)
    told = "\n".join(page.drawn()).partition("Now possible:")[2]
    assert "shut_down" in told
    assert "stop(…)" in told


def test_what_a_person_may_do_is_offered_with_what_it_carries(asking: Page) -> None:
    asking.resize(300, 24)
    possible = "\n".join(asking.drawn()).partition("Now possible")[2]
    assert "reader.token(id=…)" in possible
    assert "button.emergency_stop" in possible
    assert "grant(power=…, order=…)" in possible
    assert "pilot." not in possible, "nobody plays the pilot line by hand"
    assert "pev.driver." in possible


@pytest.mark.parametrize("chart", ["evse_dc.yaml", "pev_dc.yaml"])
def test_both_sides_are_there_in_every_size(chart: str) -> None:
    page = Page(chart).run(3)
    for size in [(80, 24), (120, 40), (60, 16)]:
        page.resize(*size)
        heads = [line.split()[0] for line in page.drawn() if re.match(r" (evse|pev)\b", line)]
        assert sorted(heads) == ["evse", "pev"], size


def test_rows_of_a_charge_loop_stand_still_and_a_person_s_event_is_news() -> None:
    """What scrolls five times a second cannot be read; who reads down reads in time."""
    page = Page("evse_dc.yaml").run(11)
    rows = [re.findall(r"[▸◂] [\w.]+|↻", line) for line in page.drawn()]
    assert loops(page.drawn()) == ["pev", "evse"]
    (station,) = [line for line in page.drawn() if re.search(r" evse +↻ ×\d+ CurrentDemandReq, …Re", line)]
    assert not any("CurrentDemand" in line for line in page.drawn() if "↻" not in line), station
    assert not any("VS_PL_LINK_STATUS" in str(row) for row in rows), "what crosses no medium is told in a large one"
    page.run(0.6)
    lines = page.drawn()
    assert [re.findall(r"[▸◂] [\w.]+|↻", line) for line in lines] == rows

    number = next(n for n, line in enumerate(lines) if "Voltage" in line)
    assert re.search(r"▁+.*█", lines[number + 2])

    page.resize(120, 24)
    page.system.enqueue(page.main, Event("button.stop_pressed"))
    lines = page.run(0.4).drawn()
    told = [match for line in lines if (match := re.search(r"(\d+\.\d{3}) \S+ +([▸◂◷↻] .*)", line))]
    assert any("button.stop_pressed" in row[2] for row in told)
    times = [float(row[1]) for row in told]
    assert times == sorted(times)
    assert times[-1] > 11.5, "what goes on is told anew below"
    assert stage(lines) == "stop"


def test_a_site_s_loops_are_a_row_each_however_many() -> None:
    """Four outlets say 16 different things ten times a second: one after the other they would push each other out."""
    page = Page("site.yaml", "outlets=4")
    for _ in range(11):
        page.run(1).drawn()
    for size in [(80, 24), (120, 40)]:
        page.resize(*size)
        lines = page.run(0.5).drawn()
        assert sorted(loops(lines)) == ["outlet1", "outlet2", "outlet3", "outlet4"]
        assert not any(re.search(r"[▸◂] v2g.CurrentDemand", line) for line in lines)
        assert loops(page.run(0.5).drawn()) == loops(lines), "they stand still"


@pytest.mark.parametrize(("chart", "told"), [("evse_dc.yaml", "Outlet › Fault"), ("evse_ac.yaml", "Fault")])
def test_a_machine_in_no_stage_says_where_it_is_and_why(chart: str, told: str) -> None:
    """At 80×24: which fault it is decides whether somebody drives there."""
    page = Page(chart).run(11)
    page.system.enqueue(page.main, Event("button.emergency_stop"))
    lines = page.run(1).drawn()
    assert "●" not in "\n".join(lines)
    assert any(told in line and line.endswith(": emergency button") for line in lines), lines


def test_notices_leave_the_rows_that_the_stages_are_about() -> None:
    page = Page("evse_dc.yaml").run(11)
    for number in (1, 2):
        page.view.note(Note(page.system.clock.now_ns(), "evse", "fault", f"notice {number}"))
    lines = page.drawn()
    assert sum("notice" in line for line in lines) == 2
    for row in ("plc", "outlet", "session"):
        assert any(line.startswith(f"   {row} ") for line in lines), row
    assert any(line.startswith(" pev") for line in lines)


def test_a_large_terminal_shows_everything() -> None:
    lines = Page("evse_dc.yaml", width=120, height=50).run(6).drawn()
    assert any("VS_PL_LINK_STATUS" in line for line in lines)


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


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_recorded_pages_are_what_a_terminal_shows(file: Path) -> None:
    """docs/terminal.md and README.md: written by ``python -m tests.cli.record_terminal``, never by hand."""
    blocks = re.findall(r"<!-- terminal: ([a-z ]+) -->\n\n```\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for name, page in blocks:
        assert name in PAGES
        assert len(page.splitlines()) <= 24
        assert max(map(len, page.splitlines())) == 80


def test_a_page_is_recorded_anew(asking: Page) -> None:
    asking.resize(80, 24)
    anew = filled("<!-- terminal: asking -->\nold<!-- end -->", {"asking": lambda: asking})
    assert anew.count("```") == 2
    assert "reader.token" in anew
    assert "old" not in anew
