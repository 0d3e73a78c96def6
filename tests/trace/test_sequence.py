"""A sequence diagram must name who said what to whom, and fit on paper however long the run was."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pypdfium2
import pytest

from engine.cli import main
from engine.tools.diagram.text import text_width
from engine.tools.trace import read
from engine.tools.trace.machines import sequence
from engine.tools.trace.reader import Record
from engine.tools.trace.sequence import Loop, Message, mermaid
from engine.tools.trace.sheets import sheets, title_block, write
from tests.system.tools import S
from tests.trace.conftest import WHOLE

Run = Callable[..., Path]
LONG = ["go", *["opened"] * 120, *WHOLE]
SVG = "{http://www.w3.org/2000/svg}"


def texts(path: Path) -> list[str]:
    return ["".join(e.itertext()) for e in ElementTree.fromstring(path.read_text()).iter(f"{SVG}text")]


def rounds(count: int) -> list[Record]:
    """A station that answers a vehicle's demand every 250 ms, looks at its link each second, and stops."""
    start = {"time_ns": 0, "machine": "evse", "cause": "start", "configuration": ["on"], "roles": {"v2g": "evse.v2g"}}
    records: list[Record] = [start]
    for number in range(count):
        at = number * S // 4
        asked = {"name": "v2g.DemandReq", "data": {"voltage": 400, "soc": number}}
        answer = {"do": "call", "role": "v2g", "action": "DemandRes", "args": {"current": number // 2}}
        step = {"time_ns": at, "machine": "evse", "cause": "event", "configuration": ["on"], "event": asked}
        records.append({**step, "effects": [answer]})
        if number % 4 == 0:
            records.append(
                {"time_ns": at, "machine": "evse", "cause": "timer", "timer": "on/after 1 s", "configuration": []}
            )
    stop = {"name": "v2g.StopReq", "data": {}}
    at = count * S // 4
    return [*records, {"time_ns": at, "machine": "evse", "cause": "event", "configuration": ["off"], "event": stop}]


def test_a_sequence_diagram_shows_who_said_what_to_whom(traced: Run) -> None:
    drawn = sequence(read(traced(["go", "opened", 1 * S])).records)
    said = [(m.source, m.target, m.text) for m in drawn.messages]
    assert ("user", "top", "go") in said
    assert ("top", "gate", "unlock(pin=7)") in said
    assert ("gate", "top", "opened(by=Ann)") in said
    assert ("top/kid", "top", "kid.found(raw=00ff, level=1.5)") in said
    assert ("top", "top/kid", "hello") in said
    assert ("top/kid", "top", "done.invoke.kid(n=3)") in said
    text = mermaid(drawn)
    assert text.startswith("sequenceDiagram\n")
    assert text.count("->>") + text.count("Note over") == len(drawn.messages)


def test_what_repeats_is_told_once_with_its_first_and_last_values() -> None:
    """A session of 25 minutes has 6,000 rounds of current demand: nobody reads them one by one."""
    drawn, end = sequence(rounds(6000)), 5999 * S // 4
    assert drawn.parts == (
        Loop(
            (
                Message(0, "evse.v2g", "evse", "DemandReq(soc=0…5999, voltage=400)", 6000, last_ns=end),
                Message(0, "evse", "evse.v2g", "DemandRes(current=0…2999)", 6000, last_ns=end),
                Message(0, "evse", "evse", "after 1 s", 1500, "timer", last_ns=end - 3 * S // 4),
            ),
            end,
        ),
        Message(1500 * S, "evse.v2g", "evse", "StopReq", last_ns=1500 * S),
    )
    text = mermaid(drawn)
    assert "    loop ×6000, 0.000–1499.750 s\n" in text
    assert text.count("    end\n") == 1


def test_two_of_a_kind_and_slow_repetitions_are_no_loop() -> None:
    assert all(isinstance(part, Message) for part in sequence(rounds(2)).parts)
    slow = [{**r, "time_ns": r["time_ns"] * 20} for r in rounds(8)]
    assert all(isinstance(part, Message) for part in sequence(slow).parts)
    assert len(sequence(rounds(50), loops=False, limit=10**6).parts) == 50 * 2 + 13 + 1


def test_messages_beyond_the_limit_are_counted(traced: Run, tmp_path: Path) -> None:
    trace = read(traced(WHOLE))
    whole = sequence(trace.records, loops=False)
    short = sequence(trace.records, loops=False, limit=3)
    assert len(short.messages) == 3
    assert short.cut == len(whole.messages) - 3
    write(short, title_block(trace), tmp_path / "short.svg")
    assert f"{short.cut} more messages" in texts(tmp_path / "short.svg")
    assert f"{short.cut} more messages" in mermaid(short)


def test_the_sheets_are_paper_and_hold_every_message_in_readable_text(traced: Run, tmp_path: Path) -> None:
    trace = read(traced(LONG))
    drawn = sequence(trace.records, states=True, loops=False, limit=10**6)
    files = write(drawn, title_block(trace), tmp_path / "run.svg")
    assert len(files) > 1
    assert [file.name for file in files[:2]] == ["run.svg", "run.2.svg"]
    shown: list[str] = []
    for number, file in enumerate(files, 1):
        root = ElementTree.fromstring(file.read_text())
        size = sorted(int((root.get(side) or "").removesuffix("mm")) for side in ("width", "height"))
        assert size in ([210, 297], [297, 420])
        for text in root.iter(f"{SVG}text"):
            points = float(text.get("font-size") or 0) * 72 / 25.4
            assert points > 5.5, "the title block's small words"
            width = text_width(text.text or "", float(text.get("font-size") or 0))
            if text.get("text-anchor") is None:
                assert float(text.get("x") or 0) + width < float((root.get("width") or "").removesuffix("mm"))
        shown += texts(file)
        assert any(text.startswith(f"sequence {number}/{len(files)}, A") for text in texts(file))
    assert len(drawn.messages) > 120
    for message in drawn.messages:
        assert any(text.startswith(message.text[:40].replace("→", "»")) for text in shown)
    assert {re.split(r"[./]", name)[-1] for name in drawn.participants} <= set(shown)


def test_a_pdf_holds_all_sheets(traced: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = traced(LONG)
    out = tmp_path / "run.pdf"
    assert main(["trace", "sequence", str(file), "--no-loops", "-o", str(out)]) == 0
    assert capsys.readouterr().out.split() == [str(out)]
    trace = read(file)
    pages = sheets(sequence(trace.records, states=True, loops=False), title_block(trace))
    document = pypdfium2.PdfDocument(out.read_bytes())
    assert len(document) == len(pages) > 1
    assert "unlock(pin=7)" in document[0].get_textpage().get_text_bounded()
