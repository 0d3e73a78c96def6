"""docs/conformance.md: tests that concern test cases of ISO 15118-4; ``python -m tests.conformance.page`` writes it

The names of the cases (names.txt) say whose side, which energy and which message they are about, not what they ask. So
a test is marked with groups, ``pytest.mark.cases("AC_ChargingStatus")``, never with a case's number.
"""

from __future__ import annotations

import re

from tests.conformance.marks import TESTS, shown

PAGE = TESTS.parent / "docs" / "conformance.md"
MARK = "cases"
_NAME = re.compile(r"TC_SECC_([A-Z]+_)VTB_(\w+)_(\d{3})")

_ABNORMAL = "the name does not say what is abnormal. Sessions broken off at each message"
_PLUG_AND_CHARGE = "Plug & Charge, which the charts do not have; such a request is refused by FAILED_SequenceError"
NOT_SHOWN = {
    "AC_Abnormal": f"{_ABNORMAL}: `charge/test_scenarios_ac.py`, `scenarios/test_secc_ac_messages.py`",
    "CMN_Abnormal": f"{_ABNORMAL}: `charge/test_scenarios_messages.py`",
    "DC_Abnormal": f"{_ABNORMAL}: `charge/test_scenarios_messages.py`",
    "CMN_CertificateInstallation": _PLUG_AND_CHARGE,
    "CMN_CertificateUpdate": _PLUG_AND_CHARGE,
    "CMN_PaymentDetails": _PLUG_AND_CHARGE,
}
"""Group -> why nothing here shows it."""
GROUP_TITLES = {"CMN": "Common to AC and DC", "AC": "AC", "DC": "DC"}


def groups() -> dict[str, list[str]]:
    """Group (``AC_ChargingStatus``) -> the names of its cases, both in their order. Raises ``ValueError`` for a name of
    another form."""
    found: dict[str, list[str]] = {}
    for name in (TESTS / "conformance" / "names.txt").read_text("utf-8").split():
        parts = _NAME.fullmatch(name)
        if parts is None:
            raise ValueError(f"names.txt: {name!r} is no name of a test case")
        found.setdefault(parts[1] + parts[2], []).append(name)
    return found


def page() -> str:
    """The page as it should be."""
    known, tests = groups(), shown(MARK)
    by_group = {group: [test for test in tests if group in test.marks] for group in known}
    lines = [_HEAD.rstrip(), ""]
    for side, title in GROUP_TITLES.items():
        own = [group for group in known if group.startswith(f"{side}_")]
        cases = sum(len(known[group]) for group in own)
        with_tests = sum(len(known[group]) for group in own if by_group[group])
        lines += [f"## {title}", "", f"{cases} names; tests here concern the messages of {with_tests} of them.", ""]
        lines += ["| cases | number | tests here |", "| --- | --- | --- |"]
        for group in own:
            names = known[group]
            what = str(len(by_group[group])) if by_group[group] else f"none: {NOT_SHOWN.get(group, '?')}"
            lines.append(f"| `{names[0][:-4]}` {_numbers(names)} | {len(names)} | {what} |")
        lines.append("")
        for group in own:
            if by_group[group]:
                lines += [f"**{group}**", ""]
                lines += [f"- {test.says} `{test.file}::{test.name}`" for test in by_group[group]]
                lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _numbers(names: list[str]) -> str:
    """``001 to 004, 011``: the numbers of a group's cases."""
    runs: list[list[str]] = []
    for number in (name[-3:] for name in names):
        if runs and int(number) == int(runs[-1][-1]) + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


_HEAD = """\
# Test cases of ISO 15118-4

Generated from the tests by `python -m tests.conformance.page`; not edited.

**This is no claim of conformance.** Only the *names* of the test cases for the station (SECC) were at hand, not what
they ask or measure. A name says whether it is about AC, DC or both, and about which message. So tests are put to
messages, and which of the cases of a message they show is not known. A test stands here when it shows how the station
takes that message: a good one, one of another session, out of turn, too late, repeated, with values that do not fit. It
is marked so (`pytest.mark.cases`), for one message or several.

Not here: Plug & Charge and ISO 15118-20, which the charts do not have; what is measured at the layers below (control
pilot, SLAC, a tester's TLS); the vehicle's side, of which no names were at hand: `tests/scenarios/test_evcc*.py`.
"""


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
