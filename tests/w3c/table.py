"""``python -m tests.w3c.table`` writes docs/w3c.md: the result of the W3C suite, test by test."""

from __future__ import annotations

import yaml

from tests.w3c import suite, test_scion

DOCS = suite.HERE.parent.parent / "docs" / "w3c.md"

_MANIFEST: dict[str, list[str]] = yaml.safe_load((suite.HERE / "manifest.yaml").read_text("utf-8"))
MANDATORY, OPTIONAL, MANUAL = _MANIFEST["mandatory"], _MANIFEST["optional"], _MANIFEST["manual"]
ALL = [*MANDATORY, *OPTIONAL, *MANUAL]

_HEAD = """# The W3C SCXML suite

Written by `python -m tests.w3c.table`; `tests/w3c/` runs the same and fails when this page is stale. Every document
goes SCXML → chart text → loader → a system on a virtual clock, once with the reference interpreter and once with the
compiled core. Pass is judged by the specification: {corrections} documents of the copy we run say something else than
the suite and are put right first (listed below).

| | tests | pass | no place in the chart language |
| --- | --: | --: | --: |
{summary}

XPath (30 optional tests) is left out.

## Tests that cannot pass here

| test | reason |
| --- | --- |
{exceptions}

## Documents

The documents with Python expressions come from the source distribution of `{sdist}`, fetched when the
tests run. These are our own, written from the specification, because the copy has none: {own}.
Manual tests (m) are log checks in `tests/w3c/test_w3c.py`.

| test | what the copy says | why it is put right |
| --- | --- | --- |
{corrected}

## The other reading

`tests/w3c/test_scion.py` runs the documents of SCION's test framework (ECMAScript data model, fetched with npm):
{scripted} that say the configuration after every event (judged after each, the one that ends the machine too), and
{ecmascript} of the W3C suite in ECMAScript, on both engines. All pass but:

| document | reason |
| --- | --- |
{scion}

## Test by test

{tests}
"""


def results() -> dict[str, str]:
    """Test id → ``pass`` or why not: one verdict for both engines."""
    found: dict[str, str] = {}
    for document in suite.documents():
        if document.id not in ALL:
            continue
        verdicts = {suite.run(document, maker).verdict for maker in suite.MAKERS}
        refused = document.id == "301" and verdicts != {"pass"}  # must not load
        found[document.id] = "pass" if verdicts == {"pass"} or refused else " / ".join(sorted(verdicts))
    return found


def text() -> str:
    """The page."""
    found, excused = results(), suite.exceptions()
    rows = []
    for name, tests in (("mandatory", MANDATORY), ("optional, without XPath", OPTIONAL), ("manual", MANUAL)):
        passed = sum(found.get(test) == "pass" for test in tests)
        rows.append(f"| {name} | {len(tests)} | {passed} | {sum(test in excused for test in tests)} |")
    own = [document.id for document in suite.documents() if document.level == "own"]
    marks = [
        f"{test}{'m' if test in MANUAL else ''} {'✓' if found.get(test) == 'pass' else '–'}" for test in sorted(ALL)
    ]
    lines = [" · ".join(marks[at : at + 12]) for at in range(0, len(marks), 12)]
    return _HEAD.format(
        corrections=len(suite.CORRECTIONS),
        summary="\n".join(rows),
        exceptions="\n".join(f"| {test} | {why} |" for test, why in excused.items()),
        sdist=suite.SDIST,
        own=", ".join(own),
        corrected="\n".join(
            f"| {test} | `{' '.join(wrong.split())[:60]}` | {why} |"
            for test, (wrong, _, why) in suite.CORRECTIONS.items()
        ),
        tests="  \n".join(lines),
        scripted=test_scion.SCRIPTED,
        ecmascript=test_scion.ECMASCRIPT,
        scion="\n".join(f"| {name} | {why} |" for name, why in test_scion.EXCEPTIONS.items()),
    )


if __name__ == "__main__":
    if why := suite.fetch() or test_scion.fetch():
        raise SystemExit(why)
    DOCS.write_text(text(), "utf-8")
