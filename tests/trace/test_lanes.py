"""The picture of a session shows vehicle and station, what is between them, and each message once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import engine
from engine.cli import main
from engine.tools.diagram.scene import Group, Item, Rect, Text
from engine.tools.trace import Trace, read
from engine.tools.trace.lanes import of_one_unit, overview, sides_of
from engine.tools.trace.machines import sequence
from engine.tools.trace.sequence import Loop, Message, Sequence, mermaid
from engine.tools.trace.sheets import sheets, title_block
from engine.tools.trace.window import Window
from tests.system.tools import S

MACHINES = Path(__file__).parents[2] / "machines"
Run = Callable[..., Trace]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    known: dict[tuple[str, ...], Trace] = {}

    def one(*arguments: str) -> Trace:
        if arguments not in known:
            file = tmp_path_factory.mktemp("lanes") / "run.jsonl"
            main(["run", str(MACHINES / arguments[0]), *arguments[1:], "--fast", "--quiet", "--trace", str(file)])
            known[arguments] = read(file)
        return known[arguments]

    return one


def session(run: Run) -> Trace:
    return run("evse_dc.yaml", "--set", "pev.stop_at_soc=41 %")


def drawn(trace: Trace) -> Sequence:
    return overview(trace, of_one_unit(sides_of(trace)))


def named(picture: Sequence, name: str) -> list[Message]:
    return [message for message in picture.messages if message.text.partition("(")[0] == name]


def test_a_whole_session_is_five_lifelines_on_two_sheets_of_A4(run: Run) -> None:
    trace = session(run)
    picture = drawn(trace)
    assert picture.participants == ("Vehicle", "pilot", "PLC", "TCP/IP", "Station")
    pages = sheets(picture, title_block(trace))
    assert len(pages) <= 2
    assert {page[1:] for page in pages} == {(210.0, 297.0)}


def test_what_one_side_sends_and_the_other_gets_is_one_arrow_with_its_medium(run: Run) -> None:
    picture = drawn(session(run))
    (asked,) = named(picture, "CM_SLAC_MATCH_REQ")
    (confirmed,) = named(picture, "CM_SLAC_MATCH_CNF")
    assert (asked.source, asked.target, asked.via) == ("Vehicle", "Station", "PLC")
    assert (confirmed.source, confirmed.target, confirmed.via) == ("Station", "Vehicle", "PLC")
    (setup,) = named(picture, "SessionSetupReq")
    (setup_done,) = named(picture, "SessionSetupRes")
    assert (setup.via, setup_done.via) == ("TCP/IP", "TCP/IP")
    assert setup_done.answer == (setup_done.time_ns - setup.time_ns,) * 2


def test_the_station_and_the_vehicle_take_as_long_to_answer_as_is_told(run: Run) -> None:
    """Vehicles wait 2 s for most answers and 250 ms in the charge loop: who judges a station looks for these."""
    trace = session(run)
    loop = next(part for part in drawn(trace).parts if isinstance(part, Loop) and "CurrentDemand" in str(part))
    asked, answered = (next(m for m in loop.messages if m.text.startswith(f"CurrentDemand{n}")) for n in ("Req", "Res"))
    assert asked.count == answered.count > 100
    assert answered.answer is not None
    assert 0 <= answered.answer[0] <= answered.answer[1] < 25_000_000
    assert asked.answer is not None
    assert asked.answer[1] >= 200_000_000, "the vehicle's own pace"


def test_what_stays_inside_is_not_drawn(run: Run) -> None:
    names = {message.text.partition("(")[0] for message in drawn(session(run)).messages}
    assert names.isdisjoint({"use_protocol", "listening", "forget_profiles", "VS_SW_VER_REQ", "keep_alive"})
    assert {"set_duty", "levels", "set_load", "pwm", "CableCheckReq", "PreChargeRes"} <= names


def test_states_timers_and_what_a_person_sees_stand_at_the_ends(run: Run) -> None:
    picture = drawn(session(run))
    beside = {(m.source, m.kind, m.text) for m in picture.messages if m.source == m.target}
    assert {source for source, _, _ in beside} == {"Vehicle", "Station"}
    assert ("Station", "note", "display.show(text=Charging)") in beside
    assert any(kind == "state" and source == "Station" for source, kind, _ in beside)
    assert any(kind == "timer" and source == "Vehicle" for source, kind, _ in beside)
    assert overview(session(run), sides_of(session(run)), states=False).messages[0].kind != "state"


def test_a_lost_message_is_told_as_lost_and_the_fault_is_seen(run: Run) -> None:
    trace = run("evse_dc.yaml", "--for", "12 s", "--fault", "drop:pev.v2g.PreChargeReq:2")
    picture = drawn(trace)
    (lost,) = [message for message in picture.messages if message.kind == "lost"]
    assert (lost.source, lost.target, lost.text.partition("(")[0]) == ("Vehicle", "TCP/IP", "PreChargeReq")
    faults = [message.text for message in picture.messages if message.kind == "fault"]
    assert any("drop:pev.v2g.PreChargeReq:2" in text for text in faults)
    assert "p0-xp3: " in mermaid(picture)


def test_the_sheet_says_what_its_marks_mean(run: Run) -> None:
    """Who has never seen one looks for a legend; what is not on the picture is not in it."""
    trace = run("evse_dc.yaml", "--for", "12 s", "--fault", "drop:pev.v2g.PreChargeReq:2")
    (faulted, *_), (whole, *_) = (sheets(drawn(one), title_block(one)) for one in (trace, session(run)))
    legends = [str(page[0]) for page in (faulted, whole)]
    assert ["did not arrive" in text for text in legends] == [True, False]
    assert all("state reached" in text and "crosses this medium" in text for text in legends)
    assert [page[1] for page in (faulted, whole)] == [210.0, 210.0]


def texts(group: Group) -> Iterator[Text]:
    for item in group.items:
        if isinstance(item, Group):
            yield from texts(item)
        elif isinstance(item, Text):
            yield item


def drawings(trace: Trace) -> dict[str, Sequence]:
    sides = sides_of(trace)
    return {
        "whole": overview(trace, sides),
        "two sides": overview(trace, sides, between=("Vehicle", "Station")),
        "side and medium": overview(trace, sides, between=("Vehicle", "TCP/IP")),
        "machines": sequence(trace.records, states=True, window=Window(machine="evse")),
        "two machines": sequence(trace.records, between=("evse", "evse/session")),
    }


def test_a_fold_is_one_loop_of_one_phase(run: Run) -> None:
    """Cable check and pre-charge follow each other without a pause, and the vehicle's timer runs through both."""
    for name, picture in drawings(session(run)).items():
        loops = [{m.text.partition("(")[0] for m in part.messages} for part in picture.parts if isinstance(part, Loop)]
        assert loops, name
        requests = [{one for one in loop if one.endswith("Req") and one[0] != "V"} for loop in loops]
        assert all(len(loop) <= 1 for loop in requests), name
        assert all("session.power_off" not in loop for loop in loops), "said once after the loop"
        if name in ("whole", "side and medium"):
            assert {"CableCheckReq"} in requests
            assert {"PreChargeReq"} in requests
    between = drawings(session(run))["two sides"]
    rounds = [{m.count for m in part.messages} for part in between.parts if isinstance(part, Loop)]
    assert all(len(counts) == 1 for counts in rounds), "as often the answer as the request"


@pytest.mark.parametrize(("chart", "most"), [("charger_bms.yaml", 3), ("soc_reader.yaml", 2)])
def test_every_station_s_session_fits_few_sheets_of_A4(run: Run, chart: str, most: int) -> None:
    """A line on the console every ten seconds breaks no loop, and is no fault when all machines have ended. The light
    charger's power stage answers six questions in turn, so its rounds are longer."""
    trace = run(chart)
    pages = sheets(drawn(trace), title_block(trace))
    assert len(pages) <= most
    assert {page[1:] for page in pages} == {(210.0, 297.0)}
    assert not [message.text for message in drawn(trace).messages if message.kind == "fault"]


def test_a_fold_never_spans_sheets(run: Run) -> None:
    """Wherever the page ends, before a loop or in it."""
    trace = session(run)
    whole = drawn(trace)
    for least in range(8):
        picture = Sequence(whole.participants, whole.parts[least:], 0, whole.ends)
        frames = [rects(page[0]) for page in sheets(picture, title_block(trace))]
        assert sum(map(len, frames)) == sum(isinstance(part, Loop) for part in picture.parts)
        assert all(rect.box.y + rect.box.height < 275 for page in frames for rect in page), "above the title block"


def rects(items: list[Item]) -> list[Rect]:
    inside = [item.items if isinstance(item, Group) else [item] for item in items]
    return [item for some in inside for item in some if isinstance(item, Rect) and item.style == "loop"]


@pytest.mark.parametrize("later_s", [0, 1_000, 100_000])
def test_times_overlap_nothing(run: Run, later_s: int) -> None:
    """Answers of 101–301 ms beside 4.934, and of minutes beside a time in the second day."""
    trace = session(run)
    for name, picture in drawings(trace).items():
        slow = tuple(slower(part, later_s) for part in picture.parts)
        for items, width, _ in sheets(replace(picture, parts=slow), title_block(trace)):
            (group,) = (item for item in items if isinstance(item, Group) and item.css == "sequence")
            boxes = [(left(text), text) for text in texts(group)]
            times = [one for one in boxes if one[1].style == "keyword" and re.match(r"[\d–.]+( m?s)?", one[1].text)]
            assert times
            for at, text in times:
                assert at > 0
                for other_at, other in boxes:
                    apart = other_at >= at + text.width or other_at + other.width <= at or abs(other.y - text.y) > 1.9
                    assert other is text or apart, f"{name}: {text.text} and {other.text}"
            assert all(at + text.width < width for at, text in boxes)


def slower(part: Loop | Message, by_s: int) -> Loop | Message:
    """It later in the run, and answered slower."""
    if isinstance(part, Loop):
        messages = tuple(one for m in part.messages if isinstance(one := slower(m, by_s), Message))
        return Loop(messages, part.end_ns + by_s * S)
    answer = (part.answer[0], part.answer[1] + by_s // 100 * S) if part.answer else None
    return replace(part, time_ns=part.time_ns + by_s * S, answer=answer)


def left(text: Text) -> float:
    return text.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor] * text.width


def test_the_legend_explains_a_dot_where_there_is_one(run: Run) -> None:
    trace = session(run)
    for name, picture in drawings(trace).items():
        page = str(sheets(picture, title_block(trace))[0][0])
        dots = page.count("'medium-dot'")
        assert (dots > 1) == ("crosses this medium" in page) == (name == "whole"), name


def test_the_title_block_is_of_the_machine_that_ran_and_not_of_a_part_of_it(run: Run) -> None:
    """The hash lets a reader find the chart: the supervisor's, though simulated devices start before it."""
    trace = session(run)
    assert title_block(trace).hash == engine.load(Path("machines/evse_dc.yaml")).text_hash


def test_a_retry_is_joined_with_its_own_answer(run: Run) -> None:
    """With the oldest of those on the way, everything after a lost frame would be told one too early."""
    trace = run("evse_dc.yaml", "--for", "5 s", "--fault", "drop:CM_SLAC_PARM.REQ:1")
    first, second = named(drawn(trace), "CM_SLAC_PARM_REQ")
    (answer,) = named(drawn(trace), "CM_SLAC_PARM_CNF")
    assert (first.kind, second.kind) == ("lost", "")
    assert answer.time_ns >= second.time_ns > first.time_ns


def test_a_window_shows_its_time_alone(run: Run) -> None:
    trace = session(run)
    picture = overview(trace, sides_of(trace), window=Window(3_000_000_000, 6_000_000_000))
    assert picture.messages
    assert all(3_000_000_000 <= message.time_ns <= 6_000_000_000 for message in picture.messages)


def test_a_site_shows_one_outlet_with_its_vehicle(run: Run) -> None:
    trace = run("site.yaml", "--set", "outlets=2", "--for", "6 s")
    sides = of_one_unit(sides_of(trace), "outlet2")
    assert [side.label for side in sides] == ["Vehicle 2", "Outlet 2"]
    picture = overview(trace, sides)
    assert {m.source for m in named(picture, "SessionSetupReq")} == {"Vehicle 2"}
    assert [side.label for side in of_one_unit(sides_of(trace))] == ["Vehicle 1", "Outlet 1"]


def test_a_station_alone_talks_with_the_media(run: Run) -> None:
    """A trace of a real vehicle has no vehicle in it: its messages come from where they crossed."""
    trace = session(run)
    (station,) = [side for side in sides_of(trace) if side.label == "Station"]
    picture = overview(trace, [station])
    assert (named(picture, "SessionSetupReq")[0].source, named(picture, "SessionSetupRes")[0].target) == ("TCP/IP",) * 2
    assert named(picture, "SessionSetupRes")[0].answer is not None
    assert not [message for message in picture.messages if message.kind == "lost"]


def commanded(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["trace", *arguments]) == 0
    return capsys.readouterr().out


def test_the_command_draws_sides_or_machines(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    file = session(run).file
    whole = commanded(capsys, "sequence", file)
    assert "participant p4 as Station" in whole
    inside = commanded(capsys, "sequence", file, "--machine", "evse/slac")
    assert " as evse/slac/network" in inside
    assert " as evse\n" in inside, "the parent by its name"
    assert " as user\n" not in inside
    two = commanded(capsys, "sequence", file, "--between", "evse", "evse/slac")
    assert [line.split(" as ")[1] for line in two.splitlines() if " as " in line] == ["evse", "evse/slac"]
    media = commanded(capsys, "sequence", file, "--between", "vehicle", "plc")
    assert "CM_SLAC_MATCH_REQ" in media
    assert "CableCheck" not in media


@pytest.mark.parametrize(
    ("pair", "lifelines", "said"),
    [
        (("evse", "evse/slac"), ["evse", "evse/slac"], "slac.dlink_ready"),
        (("evse/output", "evse"), ["evse", "evse/output"], "output.power_ready"),
        (("evse/slac", "evse.link"), ["evse/slac", "evse.link"], "CM_SLAC_MATCH_CNF"),
        (("evse/slac/session", "evse.link"), ["evse.link", "evse/slac/session"], "CM_ATTEN_CHAR_IND"),
        (("vehicle", "PLC"), ["Vehicle", "PLC"], "CM_SLAC_MATCH_REQ"),
        (("evse", "pev"), ["Vehicle", "Station"], "[TCP/IP] SessionSetupReq"),
    ],
)
def test_between_two_there_are_two_lifelines(
    run: Run,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    pair: tuple[str, str],
    lifelines: list[str],
    said: str,
) -> None:
    """Below a machine there are others, between two sides there are media: who names two wants to see two."""
    arguments = ["sequence", session(run).file, "--between", *pair]
    told = commanded(capsys, *arguments)
    assert [line.split(" as ")[1] for line in told.splitlines() if " as " in line] == lifelines
    assert said in told
    commanded(capsys, *arguments, "-o", str(tmp_path / "two.svg"))
    drawn = (tmp_path / "two.svg").read_text()
    assert said.partition("(")[0] in drawn


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sequence", "--machine", "evse/slak"], "did you mean 'evse/slac'?"),
        (["sequence", "--unit", "outlet3"], "no unit 'outlet3'"),
        (
            ["sequence", "--between", "evse/slac", "pev/session"],
            "nothing was said between evse/slac and pev/session\n  evse/slac speaks with evse.",
        ),
        (["sequence", "--between", "pilot", "PLC"], "  PLC speaks with Station, Vehicle"),
        (
            ["sequence", "--between", "evse", "evse/slak"],
            "no lifeline 'evse/slak'; did you mean 'evse/slac'?",
        ),
        (["sequence", "--between", "vehicel", "station"], "no lifeline 'vehicel'; did you mean 'Vehicle'?"),
        (["sequence", "--between", "vehicle", "statoin"], "  sides and media: Vehicle, Station, pilot, PLC, TCP/IP\n"),
        (["sequence", "--between", "x", "evse"], "  machines and adapters: evse, pev, evse/contactor, "),
        (["sequence", "--between", "plc", "evse/slac"], "PLC is a medium: with it goes one who talks across it: Vehic"),
        (["sequence", "--between", "vehicle", "evse/slac"], "nothing was said between pev and evse/slac"),
        (["sequence", "--between", "evse", "evse"], "name two"),
        (["sequence", "--between", "evse", "Station"], "both are Station; name two"),
        (["sequence", "--limit", "0"], "--limit: '0': write a whole number, 1 or more"),
        (["sequence", "--limit=-3"], "'-3': write a whole number, 1 or more"),
        (["sequence", "--from=-2"], "--from: '-2' is no time: a run begins at 0 s"),
        (["show", "--from", "inf"], "--from: 'inf' is no time"),
        (["show", "--to", "1e400"], "--to: '1e400' is no time"),
        (["sequence", "--from", "20min"], "nothing happened from 1200 s on: the first is at 0 s, the last at "),
        (["sequence", "--from", "3", "--to", "3.5 s"], "nothing happened from 3 s to 3.5 s: the last before it is at"),
        (["sequence", "--from", "3", "--to", "2"], "--from is later than --to"),
        (["sequence", "--between", "vehicle", "PLC", "--from", "30"], "nothing happened from 30 s on"),
        (["sequence", "-o", "run.gif"], "run.gif: its ending says what is drawn: .pdf, .svg, .png or .mmd"),
        (["sequence", "-o", "run"], ".pdf, .svg, .png or .mmd"),
        (["show", "--from", "20min"], "nothing happened from 1200 s on"),
        (
            ["show", "--event", "v2g.SessionSetup"],
            "nothing like 'v2g.SessionSetup' there; did you mean 'v2g.SessionSetup",
        ),
        (["show", "--machine", "evs"], "no machine 'evs' ran"),
    ],
)
def test_what_is_not_there_is_named(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    action, *rest = arguments
    assert main(["trace", action, session(run).file, *rest]) == 2
    assert told in capsys.readouterr().err


def test_lines_are_picked_by_event_machine_and_time(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    file = session(run).file
    lines = commanded(
        capsys, "show", file, "--event", "v2g.C*Req", "--machine", "evse", "--from", "5", "--to", "8 s"
    ).splitlines()
    assert lines
    for line in lines:
        at, machine, event = line.split()[:3]
        assert 5 <= float(at) <= 8
        assert machine in ("evse/session", "evse/session/dialogue")
        assert re.match(r"v2g\.C\w+Req", event)
