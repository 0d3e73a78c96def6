"""The record of a chart's mutants: verdicts from earlier runs, checked in, and waivers with their reasons.

Beside ``plan.toml`` (``scenarios``: files and folders of tests; ``least``: the score in percent to be reached) are
``<chart>.json``, written by ``engine mutate --record``, and ``<chart>.toml``, written by hand: ``[[waived]]`` with
``mutant`` and ``reason``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.semantics.errors import EngineError

KILLED, SURVIVED, REFUSED = "killed", "survived", "refused"


class PlanError(EngineError):
    """The plan or a file of waivers is wrong; the message names the file and what it should say."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The contents of ``plan.toml``."""

    folder: Path
    scenarios: list[str]
    least: float

    @staticmethod
    def read(file: Path) -> Plan:
        """The plan in a file. Raises ``PlanError``."""
        content = _toml(file, {"scenarios", "least"})
        scenarios, least = content.get("scenarios"), content.get("least", 90)
        if not isinstance(scenarios, list) or not scenarios or not all(isinstance(text, str) for text in scenarios):
            raise PlanError(f"{file}: 'scenarios' is a list of test files and folders: scenarios = [\"tests\"]")
        if isinstance(least, bool) or not isinstance(least, (int, float)) or not 0 <= least <= 100:
            raise PlanError(f"{file}: 'least' is a score in percent, 0 to 100")
        return Plan(file.parent, scenarios, least)

    def waived(self, chart: str) -> dict[str, str]:
        """Mutant -> why no scenario can tell it from the chart, or why that does not matter. Raises ``PlanError``."""
        file = self.folder / f"{chart}.toml"
        if not file.exists():
            return {}
        found = {}
        for entry in _toml(file, {"waived"}).get("waived", []):
            mutant, reason = (entry.get(key) if isinstance(entry, dict) else None for key in ("mutant", "reason"))
            if not isinstance(mutant, str) or not isinstance(reason, str) or not reason.strip() or len(entry) != 2:
                raise PlanError(f"{file}: a [[waived]] has a 'mutant' (its name) and a 'reason', and nothing else")
            found[mutant] = reason
        return found


def _toml(file: Path, keys: set[str]) -> dict[str, Any]:
    from engine.run.station.file import read_toml

    content = read_toml(file)
    for key in content:
        if key not in keys:
            raise PlanError(f"{file}: unknown key {key!r}; there are {', '.join(sorted(keys))}")
    return content


@dataclass(slots=True)
class Verdict:
    """``by`` is the scenario that killed it, empty when it ran out of time; ``tried`` how many ran, for a survivor."""

    kind: str
    by: str = ""
    tried: int = 0
    reason: str = ""


@dataclass(slots=True)
class Record:
    """The verdicts of one chart, for one text of it and one state of the scenarios."""

    chart: str
    text: str = ""
    files: dict[str, str] = field(default_factory=dict)  # test file -> digest
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    @staticmethod
    def read(folder: Path, chart: str) -> Record:
        """The record of a chart, empty when there is none."""
        file = folder / f"{chart}.json"
        if not file.exists():
            return Record(chart)
        content = json.loads(file.read_text(encoding="utf-8"))
        verdicts = {name: Verdict(*entry) for name, entry in content["mutants"].items()}
        return Record(chart, content["text"], content["files"], verdicts)

    def write(self, folder: Path) -> None:
        """One mutant a line, so that a change is readable in a review."""
        lines = [
            f"  {json.dumps(name, ensure_ascii=False)}: {json.dumps(_entry(verdict), ensure_ascii=False)}"
            for name, verdict in self.verdicts.items()
        ]
        head = {"chart": self.chart, "text": self.text, "files": self.files}
        parts = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
        body = ' "mutants": {\n' + ",\n".join(lines) + "\n }"
        text = "{\n" + ",\n".join([*parts, body]) + "\n}\n"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.chart}.json").write_text(text, encoding="utf-8")


def _entry(verdict: Verdict) -> list[Any]:
    if verdict.kind == SURVIVED:
        return [verdict.kind, "", verdict.tried]
    if verdict.reason:
        return [verdict.kind, verdict.by, 0, verdict.reason]
    return [verdict.kind, verdict.by]
