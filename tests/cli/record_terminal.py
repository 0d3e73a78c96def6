"""``python -m tests.cli.record_terminal`` writes the pages of docs/terminal.md, and the one of README.md, anew.

A page stands between ``<!-- terminal: NAME -->`` and ``<!-- end -->``. They are what a terminal of 80x24 shows of a
run on the virtual clock; session ids and such differ from one recording to the next, so nobody compares them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from engine.semantics.step import Event
from tests.cli.page import Page

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "docs" / "terminal.md", ROOT / "README.md"]
_BLOCK = re.compile(r"(<!-- terminal: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def charging() -> Page:
    """In the middle of a charge."""
    return Page("evse_dc.yaml", "pev.stop_at_soc=60 %").run(45)


def asking() -> Page:
    """Nobody has shown a card yet."""
    return Page("evse_dc.yaml", "authorisation=external").run(12)


def stopping() -> Page:
    """A person presses stop in the middle of a charge."""
    page = charging()
    page.system.enqueue(page.main, Event("button.stop_pressed"))
    return page.run(0.5)


def site() -> Page:
    """Two outlets, two vehicles."""
    return Page("site.yaml", "outlets=2").run(30)


def fault() -> Page:
    """The red button in the middle of a charge."""
    page = charging()
    page.system.enqueue(page.main, Event("button.emergency_stop"))
    return page.run(1)


PAGES: dict[str, Callable[[], Page]] = {
    "charging": charging,
    "asking": asking,
    "stopping": stopping,
    "fault": fault,
    "site": site,
}


def filled(text: str, pages: dict[str, Callable[[], Page]]) -> str:
    """The text with its pages drawn anew."""

    def block(match: re.Match[str]) -> str:
        lines = pages[match[2]]().drawn()
        return f"{match[1]}\n```\n" + "\n".join(lines).rstrip() + f"\n```\n\n{match[3]}"

    return _BLOCK.sub(block, text)


if __name__ == "__main__":
    for file in FILES:
        file.write_text(filled(file.read_text(encoding="utf-8"), PAGES), encoding="utf-8")
