"""An adapter in a file of one's own: bound by its path, as docs/adapters.md says; what is wrong is told at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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


def test_the_class_of_the_page_closes_the_contactor(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--set", "adapters.k1.use=./k1.py:K1", "--set", "adapters.k1.T_pull_in=30 ms"]
    assert main(["run", "contactor.yaml", *RUN, *options]) == 0
    assert re.search(r"0\.030 +contactor +k1\.closed +closing → ", capsys.readouterr().out)


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
