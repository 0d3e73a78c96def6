"""Every command a page shows is one the program takes; the adapters of docs/adapters.md can be bound as they stand."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from engine.cli import COMMANDS, _parser, main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CHART = """
machine: load
adapters: {supply: power_supply}
initial: up
states:
  up:
    entry:
      - supply.set_output(voltage=400 V, current=10 A)
    after: {1 s: {guard: supply.present_voltage == 400 V, target: down}}
  down:
    invoke: {id: drained, call: supply.discharge(), onDone: done}
  done: {}
"""


def blocks(page: Path) -> list[tuple[str, str]]:
    """Head and text of each fenced block."""
    return re.findall(r"^ *```([^\n]*)\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """The words of each ``engine`` command in the blocks of a page, without comments, pipes and redirections."""
    found = []
    for _, text in blocks(page):
        for line in text.replace("\\\n", " ").splitlines():
            for part in re.split(r" (?:&&|\|) ", re.sub(r"(?:  |^)# .*", "", line.strip())):
                words = re.match(r"(?:\$ )?(?:\.venv/bin/)?engine ([a-z].*)", part)
                if words and words[1].split()[0] in COMMANDS:
                    told = re.split(r"   | > | 2>", words[1])[0]
                    found.append(shlex.split(told))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_are_taken(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in commands(page):
        if "…" in " ".join(words):
            continue
        parser, _ = _parser(words[0])
        try:
            _, unknown = parser.parse_known_args(words)
        except SystemExit:
            pytest.fail(f"engine {shlex.join(words)}: {capsys.readouterr().err}")
        assert not unknown or words[0] == "run", f"engine {shlex.join(words)}: {unknown}"  # options of station files


def test_the_pages_do_show_commands() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 40


def test_the_adapter_of_the_page_is_bound_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for head, text in blocks(ROOT / "docs" / "adapters.md"):
        if head in ("yaml power_supply.contract.yaml", "python supply.py"):
            (tmp_path / head.split()[1]).write_text(text)
    (tmp_path / "load.yaml").write_text(CHART)
    monkeypatch.chdir(tmp_path)
    use = ("--set", "adapters.supply.use=./supply.py:SimulatedSupply", "--set", "adapters.supply.noise=2 V")
    assert main(["run", "load.yaml", "--fast", "--for", "5 s", *use]) == 0, capsys.readouterr().err
    assert re.search(r"3\.000 +load .* down → done", capsys.readouterr().out)
