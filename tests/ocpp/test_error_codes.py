"""docs/ocpp.md lists what puts an outlet out of order, and the code that the central system is told: as charts say."""

from __future__ import annotations

import re
from pathlib import Path

PLACES = ("evse_dc", "power/dc_output", "evse_ac", "ac/outlet", "ac/output", "charger_bms", "power/light_output")
SAID = re.compile(r"(?:why|reason|fault)='([^']+)'(?: \+ [^,]+)?\)?,? ?(?:errorCode|code)=(\w+)")
BESIDE = re.compile(r"(?:fault|reason|why)='([^']+)'\)\"?,?\s+actions: \[assign: \{errorCode: (\w+)")


def test_every_fault_has_its_row() -> None:
    """A fault whose words are no constant (an adapter's own, an alarm's) is told of in the text beside the table."""
    charts = {
        (words, code)
        for place in PLACES
        for pattern in (SAID, BESIDE)
        for words, code in pattern.findall(Path(f"machines/{place}.yaml").read_text(encoding="utf-8"))
        if code not in ("NoError", "event", "errorCode")
    }
    text = Path("docs/ocpp.md").read_text(encoding="utf-8")
    table = text.split("<!-- faults -->")[1].split("<!-- end of faults -->")[0]
    rows = {(words, code) for words, code in re.findall(r"^\| (.+?) \| (\w+) \|$", table, re.MULTILINE)}
    assert len(charts) > 25
    assert rows - {("what is wrong", "errorCode")} == charts
