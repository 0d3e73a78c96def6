"""Charts kept on disk between runs: only ever what loading would give, and never in the way."""

from __future__ import annotations

import os
import pickle
import time
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.cli import main
from engine.language.load import kept
from engine.language.load.files import Load
from engine.language.load.kept import VARIABLE, load_kept
from engine.language.model import Chart
from engine.language.problems import ChartError

MACHINES = Path(__file__).parents[2] / "machines"
TOP = """
machine: top
adapters: {door: door}
initial: a
states: {a: {invoke: {id: kid, src: sub/kid.yaml}, on: {door.opened: a}}}
"""
KID = "machine: kid\ninitial: a\nstates: {a: {}}\n"
DOOR = "contract: door\nevents: {opened: {}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture
def charts(tmp_path: Path) -> Path:
    home = tmp_path / "charts"
    (home / "sub").mkdir(parents=True)
    (home / "top.yaml").write_text(TOP)
    (home / "sub" / "kid.yaml").write_text(KID)
    (home / "door.contract.yaml").write_text(DOOR)
    return home


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The charts that were read from their YAML."""
    seen: list[Path] = []
    file = Load.file

    def told(self: Load, path: Path) -> Chart:
        seen.append(path)
        return file(self, path)

    monkeypatch.setattr(Load, "file", told)
    return seen


def entry(folder: Path) -> Path:
    (one,) = folder.glob("*.chart")
    return one


def test_the_second_start_reads_no_yaml(folder: Path, charts: Path, loads: list[Path]) -> None:
    first, second = load_kept(charts / "top.yaml"), load_kept(charts / "top.yaml")
    assert loads == [charts / "top.yaml"]
    assert repr(first) == repr(second)
    assert engine.start(second).configuration == ("a",)


def test_a_service_starts_from_any_folder(
    folder: Path, charts: Path, loads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chart named by its whole path is one chart; the same name from another folder is another."""
    for place, name in ((charts, "top.yaml"), (charts / "sub", "kid.yaml")):
        monkeypatch.chdir(place)
        for path in (charts / "top.yaml", Path(name)):
            assert load_kept(path).name == path.stem
    assert loads == [charts / "top.yaml", Path("top.yaml"), Path("kid.yaml")]


@pytest.mark.parametrize("chart", ["evse_dc.yaml", "pev_dc.yaml"])
def test_a_shipped_chart_comes_back_whole(chart: str, folder: Path, loads: list[Path]) -> None:
    fresh, _, back = engine.load(MACHINES / chart), load_kept(MACHINES / chart), load_kept(MACHINES / chart)
    assert len(loads) == 2
    assert _shape(back) == _shape(fresh)


def _shape(part: Any, known: dict[int, int] | None = None) -> Any:
    """All of a chart as plain values; what is met again is its number, so that what is shared must be shared."""
    known = {} if known is None else known
    fields = getattr(type(part), "__dataclass_fields__", None)
    if isinstance(part, dict):
        return [(_shape(key, known), _shape(value, known)) for key, value in part.items()]
    if isinstance(part, (list, tuple, frozenset)):
        ordered = sorted(part, key=repr) if isinstance(part, frozenset) else part
        return [type(part).__name__, *(_shape(one, known) for one in ordered)]
    if fields is None or isinstance(part, type):
        return repr(part)
    if type(part).__eq__ is object.__eq__:  # a thing with an identity: a chart, a state, a transition
        if id(part) in known:
            return known[id(part)]
        known[id(part)] = len(known)
    return [type(part).__name__, *(_shape(getattr(part, name), known) for name in fields)]


@pytest.mark.parametrize("changed", ["top.yaml", "sub/kid.yaml", "door.contract.yaml"])
def test_a_changed_file_is_read_again(changed: str, folder: Path, charts: Path, loads: list[Path]) -> None:
    load_kept(charts / "top.yaml")
    path = charts / changed
    before = path.stat()
    path.write_text(path.read_text() + "# x\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # its time tells nothing
    load_kept(charts / "top.yaml")
    load_kept(charts / "top.yaml")
    assert len(loads) == 2


def test_a_file_that_appears_where_one_was_looked_for(folder: Path, charts: Path, loads: list[Path]) -> None:
    (charts / "top.yaml").write_text(TOP.replace("sub/kid.yaml", "pilot/bench_vehicle.yaml"))  # the installed one
    assert load_kept(charts / "top.yaml").states["a"].invokes[0].chart.name == "bench_vehicle"  # type: ignore[union-attr]
    (charts / "pilot").mkdir()
    (charts / "pilot" / "bench_vehicle.yaml").write_text("machine: mine\ninitial: a\nstates: {a: {}}\n")
    assert load_kept(charts / "top.yaml").states["a"].invokes[0].chart.name == "mine"  # type: ignore[union-attr]
    assert len(loads) == 2


def test_a_chart_that_no_longer_loads_says_so(folder: Path, charts: Path) -> None:
    load_kept(charts / "top.yaml")
    (charts / "sub" / "kid.yaml").unlink()
    with pytest.raises(ChartError, match="cannot be read"):
        load_kept(charts / "top.yaml")


def test_another_loader_trusts_nothing_of_this_one(
    folder: Path, charts: Path, loads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    load_kept(charts / "top.yaml")
    monkeypatch.setattr(kept, "_loader", lambda: "another")
    load_kept(charts / "top.yaml")
    assert len(loads) == 2


@pytest.mark.parametrize("damage", [b"", b"{", b"{}\n", b"[1]\n", b"\xff\n", None], ids=repr)
def test_what_is_damaged_is_as_if_it_were_not_there(
    damage: bytes | None, folder: Path, charts: Path, loads: list[Path]
) -> None:
    load_kept(charts / "top.yaml")
    whole = entry(folder).read_bytes()
    entry(folder).write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert load_kept(charts / "top.yaml").name == "top"
    assert load_kept(charts / "top.yaml").name == "top"
    assert len(loads) == 2


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no owners here")
@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_others_may_write_is_not_trusted(what: str, folder: Path, charts: Path, loads: list[Path]) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (pytest.fail, ("somebody else's pickle was read",))

    load_kept(charts / "top.yaml")
    head = entry(folder).read_bytes().split(b"\n", 1)[0]
    entry(folder).write_bytes(head + b"\n" + pickle.dumps(Evil()))
    (folder if what == "folder" else entry(folder)).chmod(0o777)
    assert load_kept(charts / "top.yaml").name == "top"
    assert len(loads) == 2


@pytest.mark.parametrize("place", ["off", "a file", "nowhere"])
def test_a_start_without_a_place_to_keep_charts(
    place: str, tmp_path: Path, charts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    named = {"off": "off", "a file": str(tmp_path / "file"), "nowhere": "/proc/nowhere"}[place]
    monkeypatch.setenv(VARIABLE, named)
    assert load_kept(charts / "top.yaml").name == "top"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["charts", "file"]


def test_there_are_never_many(folder: Path, charts: Path, loads: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 2)
    for number in range(4):
        path = charts / f"{number}.yaml"
        path.write_text(f"machine: m{number}\ninitial: a\nstates: {{a: {{}}}}\n")
        load_kept(path)
        os.utime(max(folder.glob("*.chart"), key=lambda file: file.stat().st_mtime_ns), (time.time(), number))
    assert len(list(folder.iterdir())) == 2
    load_kept(charts / "3.yaml")
    assert len(loads) == 4


def test_a_run_is_the_same_with_kept_charts(
    folder: Path, loads: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for _ in range(2):
        assert main(["run", str(MACHINES / "evse_dc.yaml"), "--fast", "--plain", "--for", "5 s"]) == 0
        told.append([line for line in capsys.readouterr().out.splitlines() if "nmk" not in line.lower()])
        read, loads[:] = len(loads), []
    assert read == 0
    assert len(told[0]) > 50
    assert [line.split("(")[0] for line in told[0]] == [line.split("(")[0] for line in told[1]]
