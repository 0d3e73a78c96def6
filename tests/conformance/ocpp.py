"""The list of cases in docs/ocpp.md; ``python -m tests.conformance.ocpp`` writes it between its two comments

Ids and titles (ocpp16.txt) are those of the Open Charge Alliance's test cases of OCPP 1.6, for the charge point; D1 to
D23 are situations from the field, from public reports about charge points and central systems. A test is marked with
the ids it shows, ``pytest.mark.ocpp_cases("TC_001")``.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.conformance.marks import TESTS, Shown, shown

PAGE = TESTS.parent / "docs" / "ocpp.md"
MARK = "ocpp_cases"
_BLOCK = re.compile(r"(<!-- cases -->\n).*?(<!-- end -->)", re.DOTALL)

NOT_SHOWN: dict[str, str] = {
    "TC_032_1": "for charge points with power of their own; without it TC_032_2",
    "D5": "for meters that sign; the meters here do not",
}
"""Id -> why no test will show it."""


def cases() -> dict[str, dict[str, str]]:
    """Profile (``Core``) -> id -> title, in their order."""
    found: dict[str, dict[str, str]] = {}
    for line in (Path(__file__).parent / "ocpp16.txt").read_text("utf-8").splitlines():
        first, _, rest = line.partition(" ")
        if first == "#":
            profile = found.setdefault(rest, {})
        else:
            profile[first] = rest
    return found


def filled(page: str) -> str:
    """The page with its list written anew."""
    return _BLOCK.sub(lambda match: f"{match[1]}\n{table()}\n{match[2]}", page)


def table() -> str:
    """The list as it should be."""
    by_case: dict[str, list[Shown]] = {}
    for test in shown(MARK):
        for case in test.marks:
            by_case.setdefault(case, []).append(test)
    lines = []
    for profile, known in cases().items():
        lines += [f"**{profile}**", "", "| case | title | shown by |", "| --- | --- | --- |"]
        lines += [f"| {case} | {title} | {_by(case, by_case.get(case, []))} |" for case, title in known.items()]
        lines.append("")
    return "\n".join(lines)


def _by(case: str, tests: list[Shown]) -> str:
    return "; ".join(f"`{test.file}::{test.name}`" for test in tests) or NOT_SHOWN.get(case, "nothing yet")


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")
