"""Hostile and broken files: one clear problem with its place, in bounded time and memory, never another exception."""

from __future__ import annotations

import os
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest

from engine.language.load import load, load_text
from engine.language.load.yaml_source import MAX_BYTES, Source, parse
from engine.language.problems import ChartError, Problem, ProblemList
from engine.tools.check import check_all

CHART = "machine: car\nstates: {a: }\n"


def the_problem(text: str | bytes, tmp_path: Path) -> Problem:
    file = tmp_path / "car.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ChartError) as caught:
        load(file, {})
    assert len(caught.value.problems) == 1, str(caught.value)
    problem = caught.value.problems[0]
    assert problem.position.file == str(file)
    return problem


@pytest.mark.parametrize(
    ("text", "code", "place", "said"),
    [
        ("", "yaml", (1, 1), "empty"),
        ("# nothing\n", "yaml", (1, 1), "empty"),
        ("just text", "shape", (1, 1), "a chart is a mapping"),
        ("- a\n- b\n", "shape", (1, 1), "a chart is a mapping"),
        (CHART + "title: [a, b\n", "yaml", (4, 1), "not YAML"),
        (CHART + "title: a: b\n", "yaml", (3, 9), "not YAML"),
        (CHART + "title: 'a\n", "yaml", (4, 1), "not YAML"),
        (CHART + "on:\n\tgo: a\n", "yaml", (4, 1), "a tab where YAML wants spaces"),
        (CHART + "title: &t x\n", "alias", (3, 8), "anchors (&name)"),
        (CHART + "title: *t\n", "alias", (3, 8), "aliases (*name)"),
        (CHART + "title: !!python/object:os.system x\n", "yaml", (3, 8), "tags"),
        (CHART + "title: !x y\n", "yaml", (3, 8), "tags"),
        (CHART + "? [a, b]\n: c\n", "yaml", (3, 3), "a key must be text"),
        (CHART + "---\nmachine: other\n", "yaml", (3, 1), "a second document"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not-text", (1, 1), "binary"),
        (b"machine: car\ntitle: caf\xe9\n", "not-text", (2, 11), "byte 0xe9 is not UTF-8"),
        (CHART.encode("utf-16"), "not-text", (1, 1), "binary"),
        (CHART + "title: \x07\n", "yaml", (3, 8), "control character"),
        (CHART + "title: " + "x" * 70_000, "limit", (3, 8), "a text longer than"),
        ("a: " + "[" * 200 + "]" * 200, "limit", (1, 67), "nested deeper than 64"),
        ("a:\n" + "".join(" " * n + "b:\n" for n in range(1, 200)), "limit", (65, 65), "nested deeper than 64"),
        ("a: [" + "1," * 120_000 + "]", "limit", None, "more than 100000 values"),
        (b"# " + b"x" * MAX_BYTES, "limit", (1, 1), "larger than"),
    ],
)
def test_a_broken_file_is_told_where(
    text: str | bytes, code: str, place: tuple[int, int] | None, said: str, tmp_path: Path
) -> None:
    problem = the_problem(text, tmp_path)
    assert (problem.code, said in problem.message) == (code, True), str(problem)
    if place is not None:
        assert (problem.position.line, problem.position.column) == place, str(problem)


def test_a_billion_laughs_is_refused_at_its_first_anchor(tmp_path: Path) -> None:
    text = "a: &a [lol, lol]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
    )
    problem = the_problem(text, tmp_path)
    assert (problem.code, problem.position.line) == ("alias", 1)


def test_a_cycle_of_anchors_is_refused(tmp_path: Path) -> None:
    assert the_problem("a: &a [*a]\n", tmp_path).code == "alias"


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "nothere.yaml", tmp_path):
        with pytest.raises(ChartError, match="cannot be read"):
            load(path, {})


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody may ever write into it; the same for a device without end."""
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path / "pipe.yaml", Path("/dev/zero")):
        with pytest.raises(ChartError, match="it is not a file"):
            load(path, {})


@pytest.mark.parametrize("src", ["pipe.yaml", "circle.yaml", '"a\\0b"', "x" * 5000, "/dev/zero", ".", "folder.yaml"])
def test_a_child_that_cannot_be_read_is_told_where_it_is_named(src: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "circle.yaml").symlink_to("circle.yaml")
    (tmp_path / "folder.yaml").mkdir()
    problem = the_problem(f"machine: car\nstates:\n  a: {{invoke: {{src: {src}}}}}\n", tmp_path)
    assert (problem.code, problem.position.line, problem.position.column) == ("missing-file", 3, 21), str(problem)
    assert len(problem.message) < 200
    assert not problem.hint


def test_charts_that_share_children_many_times_are_loaded_and_checked_once(tmp_path: Path) -> None:
    """Each of 40 charts invokes the next one twice: 2^40 ways from the first to the last."""
    (tmp_path / "c0.yaml").write_text("machine: c0\nstates: {a: }\n")
    for i in range(1, 40):
        states = ", ".join(f"{name}: {{invoke: {{id: {name}, src: c{i - 1}.yaml}}}}" for name in "xy")
        (tmp_path / f"c{i}.yaml").write_text(f"machine: c{i}\nstates: {{{states}}}\n")
    assert len(check_all(load(tmp_path / "c39.yaml", {}))) == 40


def test_yaml_1_2_words_stay_words() -> None:
    """In YAML 1.1 `on`, `off`, `yes` and `no` were booleans and `on:` the key True."""
    chart = load_text(
        "machine: car\nevents: {yes: , no: }\nstates:\n  on: {on: {yes: off}}\n  off: {on: {no: on}}\n", contracts={}
    )
    assert [t.descriptors for t in chart.transitions] == [("yes",), ("no",)]
    assert list(chart.states) == ["", "on", "off"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system(end: str) -> None:
    text = "\ufeffmachine: car\nstates:\n  a: {on: {go: b}}\n".replace("\n", end)
    with pytest.raises(ChartError) as caught:
        load_text(text, contracts={})
    problem = caught.value.problems[0]
    assert (problem.position.line, problem.position.column, problem.line_text) == (3, 12, "  a: {on: {go: b}}")


def _many(kind: str) -> str:
    n = 8_000
    if kind == "unknown keys":
        return CHART + "".join(f"key{i}: x\n" for i in range(n))
    if kind == "duplicate keys":
        return CHART + "title: x\n" * n
    if kind == "unknown targets":
        return "machine: car\nevents: {go: }\nstates:\n" + "".join(f"  s{i}: {{on: {{go: t{i}}}}}\n" for i in range(n))
    if kind == "transitions of one event":
        return "machine: car\nevents: {go: }\nstates:\n  a:\n    on:\n      go:\n" + "        - a\n" * n
    if kind == "wildcards over many events":
        events = "".join(f"  e.e{i}:\n" for i in range(n))
        words = "".join(f"      e.* e.e{i}: a\n" for i in range(2000))
        return f"machine: car\nevents:\n{events}states:\n  a:\n    on:\n{words}"
    if kind == "targets of one transition":
        return "machine: car\nevents: {go: }\nstates: {a: {on: {go: [" + "a, " * n + "]}}}\n"
    if kind == "values of an enum":
        return CHART + 'data: {x: {type: "enum(' + ", ".join(f"v{i}" for i in range(n)) + ')", initial: "\'v1\'"}}\n'
    if kind == "white space in a type":
        return CHART + 'data: {x: {type: "int' + " " * 60_000 + 'x", initial: 1}}\n'
    if kind == "lists of lists":
        return CHART + "data: {x: {type: " + "list of " * 8_000 + "int, initial: 1}}\n"
    if kind == "invokes":
        return "machine: car\nstates:\n  a:\n    invoke:\n" + "      - {src: car.yaml, id: x}\n" * n
    if kind == "guards":
        guard = " or ".join(["x > 1"] * 300)
        states = "".join(
            f"  s{i}: {{always: {{guard: {guard.replace('1', str(i))}, target: s0}}}}\n" for i in range(300)
        )
        return f"machine: car\ndata: {{x: {{type: int, initial: 0}}}}\nstates:\n{states}"
    assert kind == "log braces"
    return CHART.replace("a: ", "a: {entry: [log: '" + "{1}" * 20_000 + "']}")


KINDS = [
    "unknown keys", "duplicate keys", "unknown targets", "transitions of one event", "wildcards over many events",
    "targets of one transition", "values of an enum", "white space in a type", "lists of lists", "invokes", "guards",
    "log braces",
]  # fmt: skip


@pytest.mark.campaign
@pytest.mark.parametrize("kind", KINDS)
def test_much_of_anything_takes_bounded_time_and_memory(kind: str) -> None:
    """A file just under the limits must not keep the loader busy for minutes."""
    text = _many(kind)
    assert len(text) < MAX_BYTES
    began = time.process_time()
    with suppress(ChartError):
        load_text(text, "car.yaml", {})
    seconds = time.process_time() - began
    assert seconds < 20, f"{seconds:.1f} s"
    if kind != "guards":  # measuring memory makes this one many times slower
        tracemalloc.start()
        with suppress(ChartError):
            load_text(text, "car.yaml", {})
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 200 * 2**20, f"{peak / 2**20:.0f} MiB"


@pytest.mark.parametrize("text", [CHART, CHART + "title: |\n  a\n  b\n", "a: \"x\\ty\"\nb: 'it''s'\nc: [1, {d: e}]\n"])
def test_without_libyaml_the_same_nodes_at_the_same_places(text: str) -> None:
    """PyYAML without its C part must read the same chart."""
    assert _dump(parse(Source("f", text), ProblemList())) == _dump(parse(Source("f", text), ProblemList(), pure=True))


def _dump(node: object) -> object:
    from engine.language.load.yaml_source import Mapping, Scalar, Sequence

    assert isinstance(node, (Scalar, Sequence, Mapping))
    place = (node.start.line, node.start.column, node.start.index)
    if isinstance(node, Scalar) and node.text == "":
        return "empty"  # the two differ on whether nothing stands before or behind the white space
    if isinstance(node, Scalar):
        return (*place, node.end.index, node.text, node.plain)
    if isinstance(node, Sequence):
        return (*place, node.flow, [_dump(item) for item in node.items])
    return (*place, [(_dump(key), _dump(value)) for key, value in node.entries.values()])
