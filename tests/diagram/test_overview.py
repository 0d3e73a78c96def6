"""An overview is the sheet that people look at first: it tells the story of the chart, and loses nothing of it."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.language.model import Chart, State, StateKind
from engine.language.problems import ChartError
from engine.tools.diagram.draw import draw
from engine.tools.diagram.elk import LayoutFailed
from engine.tools.diagram.foot import SIGNS, legend, sheet_map
from engine.tools.diagram.graph import Box, Layout, Shape
from engine.tools.diagram.main_path import spine
from engine.tools.diagram.overview import overview
from engine.tools.diagram.page import FOOT
from engine.tools.diagram.scene import Group, Text
from engine.tools.diagram.sheets import Placed
from engine.tools.diagram.statechart import statechart
from engine.tools.diagram.story import FOLD
from engine.tools.diagram.text import cut_middle

ROOT = Path(__file__).parents[2]
LARGE = (
    "evse_dc",
    "evse_ac",
    "v2g/secc_iso2",
    "v2g/evcc_iso2",
    "power/dc_output",
    "slac/pev",
    "slac/session",
    "pilot/evse",
    "pev_dc",
)
READABLE = 5.99  # points
CHART = """
machine: errand
events: {go: {}, there: {}, back: {}, lost: {}, again: {}, phone: {}}
data: {money: {type: int, initial: 3}}
initial: home
states:
  home: {on: {go: away}}
  away:
    initial: walking
    states:
      walking: {on: {there: choosing, lost: lost}}
      choosing:
        always: [{target: buying, guard: money > 2}, {target: lost}]
      buying:
        initial: asking
        states: {asking: {on: {again: paying}}, paying: {}}
        on: {back: returned}
    on: {phone: called}
  returned: {type: final}
  lost: {on: {again: home}}
  called: {on: {again: home}}
"""


class Nobody:
    """A layout engine that refuses."""

    name = "nobody"

    def solve(self, *_: object) -> Layout:
        raise LayoutFailed("an overview asked for a layout engine")


NOBODY = Nobody()


def _shipped() -> list[Any]:
    return [pytest.param(ROOT / "machines" / f"{name}.yaml", id=name) for name in LARGE]


@pytest.fixture(
    scope="module",
    params=[*_shipped(), pytest.param(Path(__file__).parent / "models" / "charger62.yaml", id="charger62")],
)
def large(request: pytest.FixtureRequest) -> Chart:
    return engine.load(request.param)


_drawn: dict[str, list[Placed]] = {}


@pytest.fixture
def sheets(large: Chart) -> list[Placed]:
    return _drawn.setdefault(large.text_hash, overview(large))


def told(text: str) -> list[Placed]:
    return overview(engine.load_text(text, "errand.yaml"))


def boxes(sheets: list[Placed], id: str) -> list[Box]:
    return [sheet.layout.boxes[id] for sheet in sheets if id in sheet.layout.boxes]


def lines(sheets: list[Placed]) -> list[str]:
    nodes = [n for sheet in sheets for top in (sheet.graph.root, *sheet.graph.notes) for n in top.walk()]
    return [line.text for node in nodes for section in node.sections for line in section]


def test_every_sheet_can_be_read_in_print(sheets: list[Placed]) -> None:
    for sheet in sheets:
        assert 9 * sheet.scale * 72 / 25.4 >= READABLE, "points: what a printed label needs"


def test_every_state_and_every_way_is_on_some_sheet(large: Chart, sheets: list[Placed]) -> None:
    nodes = {n.id for sheet in sheets for top in (sheet.graph.root, *sheet.graph.notes) for n in top.walk()}
    made = {inner for state in large.root.walk() if state.template for inner in state.template_states}
    assert {state.id or "(root)" for state in large.root.walk() if state not in made or state.id in nodes} <= nodes
    said = set()
    for sheet in sheets:
        tops = (sheet.graph.root, *sheet.graph.notes)
        tags = [tag for top in tops for n in top.walk() for s in n.sections for line in s for tag in line.tags]
        tags += [tag for edge in sheet.graph.edges for tag in edge.tags]
        said |= {value for name, value in tags if name == "data-transition"}
    of_templates = {t.id for t in large.transitions if t.position.used is not None}
    assert {t.id for t in large.transitions if t.targets} - of_templates <= said


def test_no_sheet_shows_more_than_two_levels_but_along_the_main_path(large: Chart, sheets: list[Placed]) -> None:
    path = spine(large)

    def depth(top: State, state: State) -> int:
        inside = [s for s in (state, *state.ancestors()) if top in s.ancestors()]
        return sum(s.parent is not None and s.parent.kind is not StateKind.PARALLEL for s in inside)

    for sheet in sheets:
        for top in (sheet.graph.root, *sheet.graph.notes):
            if top.id in large.states or top.id == "(root)":
                home = large.states.get(top.id, large.root)
                own = [large.states[n.id] for n in top.walk() if n is not top and n.id in large.states]
                assert all(depth(home, state) <= 2 or (home is large.root and state in path) for state in own)


def test_what_is_closed_says_on_which_sheet_it_is_open(sheets: list[Placed]) -> None:
    closed = 0
    for sheet in sheets:
        for node in (n for top in (sheet.graph.root, *sheet.graph.notes) for n in top.walk()):
            for section in node.sections:
                for match in (re.fullmatch(r"(?:all )?\d+ states? inside, sheet (\d+)", line.text) for line in section):
                    if match:
                        closed += 1
                        there = sheets[int(match.group(1)) - 1].graph
                        assert node.id.removesuffix(FOLD) in {top.id for top in (there.root, *there.notes)}
    assert closed or len(sheets) == 1


def test_boxes_and_labels_keep_apart_and_arrows_meet_their_states(sheets: list[Placed]) -> None:
    for sheet in sheets:
        graph, layout = sheet.graph, sheet.layout
        for node in (n for top in (graph.root, *graph.notes) for n in top.walk()):
            box = layout.boxes[node.id]
            assert box.width >= node.size[0] - 1
            assert box.height >= (node.header if node.children else node.size[1]) - 1
            for child in node.children:
                inner = layout.boxes[child.id]
                assert inner.y >= box.y + node.header - 1, f"{child.id} covers the header of {node.id}"
                assert inner.x >= box.x - 1
                assert inner.x + inner.width <= box.x + box.width + 1
                assert inner.y + inner.height <= box.y + box.height + 1
            for one, other in itertools.combinations(node.children, 2):
                assert not overlap(layout.boxes[one.id], layout.boxes[other.id]), f"{one.id} and {other.id}"
        leaves = [layout.boxes[n.id] for top in (graph.root, *graph.notes) for n in top.walk() if not n.children]
        for id, label in layout.labels.items():
            assert not any(overlap(label, leaf) for leaf in leaves), f"the label of {id} lies on a state"
        for (one_id, a), (other_id, b) in itertools.combinations(layout.labels.items(), 2):
            assert not overlap(a, b), f"the labels of {one_id} and {other_id} overlap"
        for edge in graph.edges:
            route = layout.routes[edge.id]
            for id, (x, y) in ((edge.source, route[0]), (edge.target, route[-1])):
                box = layout.boxes[id]
                assert overlap(Box(box.x - 2, box.y - 2, box.width + 4, box.height + 4), Box(x - 1, y - 1, 2, 2)), id


def overlap(one: Box, other: Box, by: float = 0.5) -> bool:
    return (
        min(one.x + one.width, other.x + other.width) - max(one.x, other.x) > by
        and min(one.y + one.height, other.y + other.height) - max(one.y, other.y) > by
    )


def middle(layout: Layout, id: str) -> float:
    box = layout.boxes[id]
    return box.x + box.width / 2


def test_the_main_path_is_one_straight_column_and_nothing_else_is_in_it(sheets: list[Placed]) -> None:
    seen = 0
    for sheet in sheets:
        layout = sheet.layout
        for node in (n for top in (sheet.graph.root, *sheet.graph.notes) for n in top.walk()):
            main = [c.id for c in node.children if "main" in c.css.split() and c.shape is not Shape.REGION]
            if not main or node.packed:
                continue
            seen += len(main) > 2
            assert [middle(layout, id) for id in main] == pytest.approx([middle(layout, main[0])] * len(main))
            tops = [layout.boxes[id].y for id in main]
            path = [e for e in sheet.graph.edges if e.css == "main" and {e.source, e.target} <= set(main)]
            assert all(len({round(x) for x, _ in layout.routes[e.id]}) == 1 for e in path), "straight down"
            assert len(set(tops)) == len(tops)
            for other in (c for c in node.children if "aside" in c.css.split()):
                assert layout.boxes[other.id].x > middle(layout, main[0])
    assert seen or len(sheets) < 3


def test_no_way_is_told_as_a_count_and_no_frame_goes_on_elsewhere(sheets: list[Placed]) -> None:
    assert not [text for text in lines(sheets) if "as words" in text or "(continued)" in text]


def test_regions_stand_in_the_order_of_the_file() -> None:
    chart = engine.load(ROOT / "machines" / "evse_dc.yaml")
    (sheet, *_) = overview(chart)
    regions = [c.id for c in sheet.graph.root.children if c.id in chart.states]
    assert regions == [c.id for c in chart.root.children]
    places = [(sheet.layout.boxes[id].x, sheet.layout.boxes[id].y) for id in regions]
    assert places in (sorted(places), sorted(places, key=lambda place: (place[1], place[0])))


def test_the_path_is_found_from_the_chart_alone_or_named_by_it() -> None:
    found = {n.id for n in told(CHART)[0].graph.root.walk() if "main" in n.css.split()}
    assert {"home", "away", "returned"} <= found
    assert not found & {"lost", "called"}
    named = CHART.replace("initial: home", "main: [home, away.walking, lost]\ninitial: home", 1)
    found = {n.id for n in told(named)[0].graph.root.walk() if "main" in n.css.split()}
    assert {"home", "away", "away.walking", "lost"} <= found
    assert not found & {"returned", "away.choosing"}


def test_a_main_path_of_states_that_are_not_there_is_refused() -> None:
    for wrong, code in (("home, nowhere", "unknown-state"), ("home, home", "shape")):
        with pytest.raises(ChartError) as error:
            engine.load_text(CHART.replace("initial: home", f"main: [{wrong}]\ninitial: home", 1), "errand.yaml")
        assert {problem.code for problem in error.value.problems} == {code}


def test_the_main_path_changes_nothing_but_drawings() -> None:
    plain = engine.load_text(CHART, "errand.yaml")
    named = engine.load_text(CHART.replace("initial: home", "main: [home, lost]\ninitial: home", 1), "errand.yaml")
    assert [t.id for t in plain.transitions] == [t.id for t in named.transitions]
    assert [state.id for state in named.main] == ["home", "lost"]


def test_alternatives_say_else_and_junctions_have_a_mark() -> None:
    sheets = told(CHART)
    assert "◊ choosing" in lines(sheets)
    labels = [line.text for edge in sheets[0].graph.edges for line in edge.label]
    assert "[else]" in [*labels, *lines(sheets)]
    assert "[money > 2]" in labels


def test_a_long_guard_is_cut_in_its_middle_and_whole_in_the_tooltip() -> None:
    guard = "money > 2 and money < 1000 and money != 13 and money != 17"
    sheets = told(CHART.replace("guard: money > 2", f"guard: {guard}"))
    (edge,) = [e for e in sheets[0].graph.edges if e.source == "away.choosing" and e.target == "away.buying"]
    (short,) = [line.text for line in edge.label if line.css == "guard"]
    assert short.startswith("[money > 2 and")
    assert short.endswith("!= 17]")
    assert "…" in short
    assert guard in edge.hint
    assert cut_middle("abcdefghij", 10) == "abcdefghij"
    assert len(cut_middle("abcdefghijk", 10)) == 10


def test_a_change_inside_one_composite_moves_nothing_inside_another() -> None:
    changed = CHART.replace("  called: {on: {again: home}}", "  called: {on: {again: home, there: lost, lost: home}}")
    places = []
    for text in (CHART, changed):
        layout = told(text)[0].layout
        origin = layout.boxes["away"]
        places.append(
            [layout.boxes[id].moved(-origin.x, -origin.y) for id in ("away.walking", "away.choosing", "away.buying")]
        )
    for one, other in zip(*places, strict=True):
        assert (one.x, one.y) == pytest.approx((other.x, other.y))


def test_arrows_between_two_boxes_are_one_arrow() -> None:
    sheets = told(CHART.replace("there: choosing, lost: lost", "there: choosing, back: choosing, lost: lost"))
    found = [e for e in sheets[0].graph.edges if (e.source, e.target) == ("away.walking", "away.choosing")]
    assert len(found) == 1
    assert [line.text for line in found[0].label] == ["there", "back"]


def test_overviews_are_drawn_without_a_layout_engine_and_show_legend_and_map() -> None:
    chart = engine.load(ROOT / "machines" / "v2g" / "secc_iso2.yaml")
    drawing = draw(chart, "overview", NOBODY)
    for number, text in enumerate(drawing.svgs, 1):
        words = [e.text for e in ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}text")]
        assert {"main path", "other ways: failures, repetitions"} <= set(words)
        assert f'data-sheet="{number}"' in text
        assert f"overview {number}/{len(drawing.svgs)}, A" in text
    assert draw(chart, "overview", NOBODY).svgs == drawing.svgs


TEMPLATES = """
machine: calls
events: {go: {}, answer: {}, stop: {}}
templates:
  exchange:
    args: {then: {type: state}, wait: {type: duration}}
    state:
      states:
        think: {after: {wait: sent}}
        sent: {}
      on: {answer: then}
states:
  first: {use: {exchange: {then: second, wait: 100 ms}}}
  second: {use: {exchange: {then: last, wait: 2 s}}}
  last: {type: final}
"""


def test_the_path_leads_through_uses_of_a_template_which_is_told_once_beside_them() -> None:
    sheets = told(TEMPLATES)
    root = sheets[0].graph.root
    assert [c.id for c in root.children if "main" in c.css] == ["first", "second", "last"]
    assert not any(c.children for c in root.children)
    assert {("first", "second"), ("second", "last")} <= {(e.source, e.target) for e in sheets[0].graph.edges}
    assert lines(sheets).count("template exchange") == 1
    assert lines(sheets).count("think") == 1


DEEP = """
machine: stand
events: {cut: {}, plug: {}, power: {}, over: {}, stop: {}, smoke: {}, jam: {}, clear: {}}
main: [free, used.session.power.locking, used.session.power.giving, used.finished, freed]
initial: free
states:
  free: {on: {plug: used}}
  used:
    initial: session
    on: {clear: freed}
    states:
      session:
        type: parallel
        on:
          smoke: burnt
          plug: burnt
          over: finished
          stop: {actions: {raise: cut}}
        states:
          power:
            initial: locking
            states:
              locking: {on: {power: giving, jam: jammed}}
              giving: {}
              jammed: {}
          cutting:
            initial: none
            states: {none: {on: {cut: asked}}, asked: {}}
      finished: {}
  freed: {type: final}
  burnt: {on: {clear: free}}
"""


def test_the_first_sheet_follows_the_main_path_down_and_says_what_else_there_is() -> None:
    sheets = told(DEEP)
    first = sheets[0].graph
    places = {node.id: node for node in first.root.walk()}
    assert {"used.session.power.locking", "used.session.power.giving"} <= set(places)
    assert not {"used.session.power.jammed", "used.session.cutting.none"} & set(places)
    fold = [line.text for section in places[f"used.session{FOLD}"].sections for line in section]
    assert {"jammed", "cutting", "all 5 states inside, sheet 2"} <= set(fold)
    locking = [(line.text, line.to) for section in places["used.session.power.locking"].sections for line in section]
    assert ("jam", "jammed") in locking
    assert "used.session.power.jammed" in {n.id for n in sheets[1].graph.root.walk()}


def test_the_first_sheet_lists_what_ends_or_interrupts_the_main_path() -> None:
    (panel,) = [node for node in told(DEEP)[0].graph.root.walk() if node.css == "panel"]
    groups = {part[0].to: [line.text for line in part[1:]] for part in panel.sections[1:]}
    assert groups == {"cutting.asked": ["session: stop"], "burnt": ["session: smoke", "session: plug"]}


def test_a_step_that_the_whole_composite_takes_is_drawn_in_the_column() -> None:
    """Else nothing leads from the state before to the next one of the path."""
    sheet = told(
        DEEP.replace("    on: {clear: freed}\n", "").replace(
            "initial: free\n", "initial: free\non: {clear: freed}\n", 1
        )
    )[0]
    (edge,) = [e for e in sheet.graph.edges if e.target == "freed"]
    assert edge.css == "main"
    ring, start, end = (sheet.layout.boxes[id] for id in (edge.source, "used", "freed"))
    assert sheet.graph.root.children[-1].shape is Shape.SELF
    assert ring.x + ring.width / 2 == pytest.approx(middle(sheet.layout, "freed"))
    assert start.y + start.height <= ring.y < end.y, "on the line, below the state before"


def test_a_lone_composite_is_open_on_its_sheet() -> None:
    """A sheet with one closed box says nothing."""
    wrapped = (
        "machine: wrapped\nevents: {go: {}}\nstates: {all: {states: {inner: {states: {a: {on: {go: b}}, b: {}}}}}}\n"
    )
    sheets = told(wrapped)
    assert len(sheets) == 1
    assert {"all.inner.a", "all.inner.b"} <= {node.id for node in sheets[0].graph.root.walk()}


def test_where_things_go_when_they_fail_is_not_the_main_path() -> None:
    """Many lead there, or a timeout does; the shorter chain that goes well counts."""
    chart = """
machine: errand
events: {a: {}, b: {}, bad: {}}
states:
  one: {on: {a: two, bad: broken}}
  two: {on: {b: good, bad: broken}, after: {1 s: late}}
  good: {type: final}
  late: {on: {a: later, bad: broken}}
  later: {after: {1 s: broken}}
  broken: {type: final}
"""
    main = [c.id for c in told(chart)[0].graph.root.children if "main" in c.css.split()]
    assert main == ["one", "two", "good"]


def test_only_the_main_path_is_blue() -> None:
    """What lies beside it is told in plain ink: an emergency is no step of a run which goes well."""
    chart = engine.load(ROOT / "machines" / "evse_dc.yaml")
    path = spine(chart)
    for sheet in overview(chart):
        for node in (n for top in (sheet.graph.root, *sheet.graph.notes) for n in top.walk()):
            if "main" in node.css.split() and node.id in chart.states:
                assert chart.states[node.id] in path, node.id


def _texts(items: list[Any], scale: float = 1.0) -> list[float]:
    """The sizes of all texts on a sheet, in millimetres."""
    found: list[float] = []
    for item in items:
        if isinstance(item, Group):
            found += _texts(item.items, scale * (item.transform[2] if item.transform else 1.0))
        elif isinstance(item, Text):
            found.append(item.size * scale)
    return found


def test_no_text_of_a_sheet_is_smaller_than_six_points() -> None:
    """Title block, legend and map of sheets included: labels of the title block were set in 5.67 pt."""
    for name in ("evse_dc", "pilot/evse"):
        pages, _ = draw(engine.load(ROOT / "machines" / f"{name}.yaml"), "overview", NOBODY).pages()
        for items, _, _ in pages:
            assert min(_texts(items)) * 72 / 25.4 >= READABLE


def test_the_legend_keeps_clear_of_the_map_of_sheets() -> None:
    """With all signs that a chart's drawing can have, on the narrowest sheet."""
    station = ("pair", "adapter", "note")
    drawing = Group("chart", (), [Group(style) for style, _, _ in SIGNS if style not in station])
    rows = {item.y for item in legend(drawing, 0.0, 0.0, 190.0).items if isinstance(item, Text)}
    cells = sheet_map(["one", "two"], 1, 0.0, FOOT - 4.0, 190.0)
    top = min(cell.items[0].box.y for cell in cells.items)  # type: ignore[union-attr]
    assert max(rows) + 0.8 < top


def test_a_full_drawing_shows_what_stays_in_a_template_and_in_the_states_it_makes() -> None:
    text = TEMPLATES.replace("on: {answer: then}", "on: {answer: then, go: {actions: {log: gone}}}")
    text = text.replace("wait: 2 s}}}", "wait: 2 s}}, states: {sent: {on: {stop: {actions: {log: heard}}}}}}")
    graph = statechart(engine.load_text(text, "calls.yaml"))
    places = {node.id: node for node in graph.root.walk()}
    frame = [line.text for section in places["template exchange"].sections for line in section]
    second = [line.text for section in places["second"].sections for line in section]
    assert "go" in frame
    assert "sent: stop" in second


def test_the_story_of_a_station_does_not_depend_on_the_length_of_a_title(monkeypatch: pytest.MonkeyPatch) -> None:
    """One wide box made closed ones of the whole session. Tried: what is open on sheet 1, and the longest titles."""
    chart = engine.load(ROOT / "machines" / "evse_dc.yaml")

    def first() -> tuple[dict[str, bool], float]:
        sheet = overview(chart)[0]
        return {n.id: bool(n.children) for n in sheet.graph.root.walk()}, 9 * sheet.scale * 72 / 25.4

    before, _ = first()
    titled = [state for state in chart.root.walk() if state.title and state.id in before]
    titled.sort(key=lambda state: (not before[state.id], -len(state.title)))
    for state in titled[:4]:
        with monkeypatch.context() as patch:
            patch.setattr(state, "title", f"{state.title} and what must be done for it")
            after, points = first()
        assert after == before, state.id
        assert points >= READABLE


def test_what_a_way_does_not_say_is_in_a_list_that_says_all(sheets: list[Placed]) -> None:
    """A number alone ("… 5 more") hid what ends a charge."""
    tops = [(sheet, top) for sheet in sheets for top in (sheet.graph.root, *sheet.graph.notes)]
    listed = [part for _, top in tops for n in top.walk() if n.css == "panel" for part in n.sections]
    for sheet, top in tops:
        inside = {n.id for n in top.walk()}
        labels = [e.label for e in sheet.graph.edges if e.source in inside]
        labels += [part for n in top.walk() if n.css != "panel" for part in n.sections]
        for label in labels:
            assert not [line.text for line in label if re.search(r"… \d+ more", line.text)]
            for line in label:
                if match := re.fullmatch(r"all (\d+): (?:see the list|list, sheet \d+)", line.text):
                    own = [part for part in listed if part[0].text.endswith(f", all {match[1]}")]
                    assert any(len(part) > int(match[1]) for part in own), line.text


def test_what_no_event_causes_is_told_behind_the_name_of_its_state() -> None:
    """``opened: [check_again]``, not a name and a colon without anything."""
    chart = engine.load(ROOT / "machines" / "power" / "dc_output.yaml")
    (sheet, *_) = overview(chart)
    labels = [line.text for edge in sheet.graph.edges for line in edge.label]
    assert {"opened: [check_again]", "opened: [else]", "bad: always"} <= set(labels)
    assert not [text for text in labels if text.endswith(":") or text.startswith(":")]


def test_a_step_inside_a_fold_is_told_by_the_name_of_its_state() -> None:
    sheets = told(DEEP.replace("jammed: {}", "jammed: {after: {1 s: burnt}}"))
    (edge,) = [e for e in sheets[0].graph.edges if e.target == "burnt" and e.source == "used"]
    assert "jammed: after 1 s" in [line.text for line in edge.label]


def test_the_picture_of_the_readme_is_the_story_of_the_station() -> None:
    (picture,) = re.findall(r"\]\((diagrams/[^)]*\.svg)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert picture == "diagrams/evse_dc.overview.svg", "engine diagram machines --check keeps it up to date"
    assert (ROOT / picture).is_file()
    boxes = {
        n.id: n.css.split() for n in overview(engine.load(ROOT / "machines" / "evse_dc.yaml"))[0].graph.root.walk()
    }
    assert "followed" in boxes["outlet.plugged"]
    assert "followed" in boxes["outlet.plugged.session"], "sheet 1 shows the charge itself"


def test_the_story_of_a_dialogue_ends_where_a_session_ends_well() -> None:
    for name, end in (("secc_iso2", "sequence.ending"), ("evcc_iso2", "complete")):
        (sheet, *_) = overview(engine.load(ROOT / "machines" / "v2g" / f"{name}.yaml"))
        main = [n.id for n in sheet.graph.root.walk() if "main" in n.css.split()]
        assert main[-1] == end
        assert [e for e in sheet.graph.edges if e.target == end and e.css == "main"]


def test_a_region_that_is_the_main_path_alone_says_what_it_does_for_each_event() -> None:
    """A site has no chain of states: what it does is what it answers."""
    told = overview(engine.load(ROOT / "machines" / "site.yaml"))
    (power,) = [n for sheet in told for n in sheet.graph.root.walk() if n.id == "power"]
    assert power.css == "main"
    said = " ".join(line.text for section in power.sections for line in section)
    for answer in ("outlet.needs / raise share", "outlet.kept / raise share", "share / send grant to outlet"):
        assert answer in said
    assert "onDone outlet, onError outlet / send gone in T_gone; send lost to parent; raise share" in said
