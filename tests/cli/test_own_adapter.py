"""An adapter in a file of one's own: bound by its path, as docs/adapters.md says; what is wrong is told at once."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.adapter import World
from engine.cli import main

DOCS = Path(__file__).resolve().parents[2] / "docs"
RUN = ["--fast", "--for", "1 s", "--events", "on_request", "--plain"]


def block(page: str, title: str) -> str:
    """The file ``title`` as a page of the documentation shows it."""
    found = re.search(rf"```\w+ {re.escape(title)}\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for page, title in (
        ("chart-language.md", "relay.contract.yaml"),
        ("chart-language.md", "contactor.yaml"),
        ("adapters.md", "k1.py"),
    ):
        (tmp_path / title).write_text(block(page, title), "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_of_the_page_print_what_it_shows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the order of the page; ``...`` stands for any further lines."""
    for title in ("home.toml", "patient_k1.yaml", "patient.toml"):
        (folder / title).write_text(block("adapters.md", title), "utf-8")
    page = (DOCS / "adapters.md").read_text("utf-8")
    consoles = re.findall(r"```console\n\$ engine (.*)\n((?:.*\n)*?)```", page)
    assert len(consoles) == 3
    for command, shown in consoles:
        assert main(shlex.split(command)) == 0
        printed, wanted = capsys.readouterr().out.splitlines(), shown.splitlines()
        if wanted[-1] == "...":
            wanted.pop()
            printed = printed[: len(wanted)]
        assert printed == wanted


def test_the_first_steps_of_the_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A chart and its contract load without any code; what is missing then is told with both ways out."""
    assert main(["check", "contactor.yaml"]) == 0
    assert main(["run", "contactor.yaml", *RUN]) == 2
    said = capsys.readouterr().err
    assert "--set adapters.k1.use=none" in said
    assert "--set adapters.k1.use=FILE.py:CLASS" in said


def test_the_class_is_tested_in_python_as_the_page_says(folder: Path) -> None:
    made: dict[str, Any] = {}
    exec((folder / "k1.py").read_text("utf-8"), made)
    machine = engine.start(
        engine.load("contactor.yaml"), adapters={"k1": made["K1"]({"T_pull_in": 30_000_000}, World())}
    )
    machine.send("on_request")
    machine.advance(29_999_999)
    assert machine.configuration == ("closing",)
    machine.advance(1)
    assert machine.configuration == ("closed",)
    assert machine.stop().exited == ("closed",)


def test_a_station_file_names_it_from_its_own_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "home.toml").write_text('[station]\nmachine = "contactor.yaml"\n[adapters.k1]\nuse = "./k1.py:K1"\n')
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert main(["run", "../home.toml", *RUN]) == 0
    assert re.search(r"0\.020 +contactor +k1\.closed +closing → ", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("use", "text", "told"),
    [
        ("./k2.py:K1", "", "there is no file"),
        ("./k1.py:K2", "", "class K2 is not there; there are: K1"),
        ("./k1.py:Setting", "", "class Setting is no subclass of engine.adapter.Adapter"),
        ("./k1.py:K1", "import nothing_of_this_name\n", "k1.py:1: ModuleNotFoundError"),
        ("./k1.py:K1", "class K1(:\n", "k1.py:1: SyntaxError"),
        ("./k1.py:K1", 'from engine.adapter import Adapter\nclass K1(Adapter):\n    contract = "door"\n', "'door'"),
        ("./k1.py:K1", 'from engine.adapter import Adapter\nclass K1(Adapter):\n    contract = "relay"\n', "switch_on"),
        ("k1.py", "", "a class of your own is FILE.py:CLASS"),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(
    folder: Path, use: str, text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if text:
        (folder / "k1.py").write_text(text)
    assert main(["run", "contactor.yaml", *RUN, "--set", f"adapters.k1.use={use}"]) in (1, 2)
    said = capsys.readouterr()
    assert told in said.err
    assert "Traceback" not in said.err
    assert "→" not in said.out


def test_the_chart_of_the_page_stands_before_the_class(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "patient_k1.yaml").write_text(block("adapters.md", "patient_k1.yaml"), "utf-8")
    coil = ["--set", "adapters.k1.adapters.coil.use=./k1.py:K1"]
    options = ["--set", "adapters.k1.use=patient_k1.yaml", *coil, "--set", "k1.T_close=150 ms"]
    assert main(["run", "contactor.yaml", *RUN, *options]) == 0
    told = capsys.readouterr().out
    assert re.search(r"0\.020 +contactor/k1 +coil\.closed +pulling → held", told)
    assert re.search(r"0\.020 +contactor +k1\.closed +closing → closed", told)
    assert main(["run", "contactor.yaml", *RUN, *options, "--fault", "drop:k1.coil.switch_on:1"]) == 0
    assert re.search(r"0\.170 +contactor +k1\.closed +closing → closed", capsys.readouterr().out)
