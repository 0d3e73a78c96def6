"""The hand-written scenarios: what each takes, recorded once per version, and which can tell a mutant."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.semantics.errors import EngineError
from engine.tools.mutation.recorder import record_file


class ScenarioError(EngineError):
    """The scenarios themselves do not pass, or there are none."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A test: what its machines take and enter (``chart:name``), and its seconds of processor time."""

    id: str
    seconds: float
    seen: frozenset[str]

    @property
    def file(self) -> str:
        """Its test file."""
        return self.id.partition("::")[0]

    @property
    def function(self) -> str:
        """Its test function, without parameters."""
        return self.id.partition("[")[0]


class Scenarios:
    """All scenarios, by what they see."""

    def __init__(self, scenarios: Iterable[Scenario]) -> None:
        self.all = {scenario.id: scenario for scenario in scenarios}
        self._by_key: dict[str, list[Scenario]] = defaultdict(list)
        for scenario in self.all.values():
            for key in scenario.seen:
                self._by_key[key].append(scenario)

    def that_see(
        self,
        chart: str,
        owner: str,
        near: str,
        budget_s: float,
        files: Collection[str],
        twins: Iterable[tuple[str, str]] = (),
    ) -> list[str]:
        """Ids of scenarios worth running, of these files: those that take or enter ``owner`` first, with the other
        parameter sets of their test functions (where a guard says no), then those that come near. ``twins`` are further
        owners and what is near them.

        Quick ones first; as many as last ``budget_s`` together, and always one.
        """
        places = [(owner, near), *twins]
        first = self._seeing(f"{chart}:{own}" for own, _ in places)
        first = [scenario for scenario in first if scenario.file in files]
        known = {scenario.id for scenario in first}
        second = self._seeing(f"{chart}:{by}" for _, by in places)
        second = [scenario for scenario in second if scenario.id not in known and scenario.file in files]
        functions = {scenario.function for scenario in first}
        siblings = [scenario for scenario in second if scenario.function in functions]
        others = [scenario for scenario in second if scenario.function not in functions]
        chosen: list[str] = []
        spent = 0.0
        for scenario in (*_quick_first([*first, *siblings]), *_quick_first(others)):
            spent += scenario.seconds
            if chosen and spent > budget_s:
                break
            chosen.append(scenario.id)
        return chosen

    def _seeing(self, keys: Iterable[str]) -> list[Scenario]:
        return list({scenario.id: scenario for key in keys for scenario in self._by_key.get(key, [])}.values())


def _quick_first(scenarios: list[Scenario]) -> list[Scenario]:
    """By the time they last, each with what other parameter sets of its function lasted before it: a function with many
    sets does not crowd out the others."""
    spent: dict[str, float] = defaultdict(float)
    ranked: list[tuple[float, Scenario]] = []
    for scenario in sorted(scenarios, key=lambda s: (s.seconds, s.id)):
        spent[scenario.function] += scenario.seconds
        ranked.append((spent[scenario.function], scenario))
    return [scenario for _, scenario in sorted(ranked, key=lambda entry: (entry[0], entry[1].id))]


def in_project(path: Path) -> Path:
    """The path relative to the current folder: a worker's copy of the project has it at the same place.

    Raises ``ScenarioError`` for a path elsewhere: a mutant must never be written over the file itself.
    """
    project = Path.cwd().resolve()
    if not path.resolve().is_relative_to(project):
        raise ScenarioError(f"{path} is not in {project}: run engine mutate in the folder that holds charts and tests")
    return path.resolve().relative_to(project)


def test_files(paths: Iterable[str]) -> list[Path]:
    """The test files in these files and folders. Raises ``FileNotFoundError`` for one that does not exist."""
    found: dict[Path, None] = {}
    for text in paths:
        path = in_project(Path(text))
        if not path.exists():
            raise FileNotFoundError(2, "no such file or folder of scenarios", text)
        found.update(dict.fromkeys(sorted(path.rglob("test_*.py")) if path.is_dir() else [path]))
    return list(found)


def recorded(
    files: list[Path], cache: Path, jobs: int, progress: Callable[[int], None], charts: Collection[str]
) -> Scenarios:
    """What the scenarios in these files do, from the cache when they have not changed and no chart they run has. A file
    that runs none of ``charts`` (chart files) is not asked again because another chart changed. ``progress`` is called
    with the percentage done.

    Raises ``ScenarioError`` when one of them fails on the unchanged charts.
    """
    places = {file: cache / f"{digest([file, *helpers(file)])}.json" for file in files}
    missing = [file for file, place in places.items() if not _holds(place, charts)]
    if missing:
        cache.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            _record(missing, Path(folder), jobs, progress)
            for file in missing:
                record = record_file(Path(folder), file.as_posix())
                empty = {"file": file.as_posix(), "charts": [], "keys": [], "tests": {}}
                content = json.loads(record.read_text(encoding="utf-8")) if record.exists() else empty
                content["digests"] = {chart: digest([Path(chart)]) for chart in content["charts"]}
                places[file].write_text(json.dumps(content), encoding="utf-8")
    return Scenarios(scenario for place in places.values() for scenario in _read(place))


def _holds(place: Path, charts: Collection[str]) -> bool:
    """Whether there is a record here, and its charts are as they were or are none of ``charts``."""
    if not place.exists():
        return False
    digests = json.loads(place.read_text(encoding="utf-8"))["digests"]
    if digests.keys().isdisjoint(charts):
        return True
    return all(Path(chart).exists() and digest([Path(chart)]) == known for chart, known in digests.items())


def digest(files: Iterable[Path]) -> str:
    """A hash of these files' contents."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()[:16]


def helpers(file: Path) -> list[Path]:
    """What a test file stands on: the modules of its folder that it or one of them imports, and pytest's own."""
    others = {other for other in file.parent.glob("*.py") if not other.name.startswith("test_")}
    found = {other for other in others if other.stem in ("__init__", "conftest")}
    new = {file, *found}
    while new:
        names = {name for one in new for name in _imported(one)}
        new = {other for other in others - found if other.stem in names}
        found |= new
    return sorted(found)


def _imported(file: Path) -> set[str]:
    """Each word of its imports: a module may be named on either side."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names.update(word for alias in node.names for word in alias.name.split("."))
            if isinstance(node, ast.ImportFrom) and node.module:
                names.update(node.module.split("."))
    return names


def _record(files: list[Path], folder: Path, jobs: int, progress: Callable[[int], None]) -> None:
    workers = ["-n", str(jobs), "--dist", "loadfile"] if jobs > 1 and len(files) > 1 else []
    command = [
        *(
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--rootdir",
            ".",
            "-o",
            "addopts=",
            "-p",
            "engine.tools.mutation.recorder",
        ),
        *("--record-scenarios", str(folder), *workers, *map(str, files)),
    ]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    said: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as run:
        assert run.stdout is not None
        for line in run.stdout:
            said.append(line)
            percent = re.search(r"\[ *(\d+)%\]$", line)
            if percent:
                progress(int(percent[1]))
    if run.returncode:
        raise ScenarioError(f"the scenarios must pass before mutants are tried:\n{''.join(said)[-3500:]}")


def _read(file: Path) -> list[Scenario]:
    content = json.loads(file.read_text(encoding="utf-8"))
    keys = content["keys"]
    return [
        Scenario(id_, seconds, frozenset(keys[number] for number in numbers))
        for id_, (seconds, numbers) in content["tests"].items()
    ]
