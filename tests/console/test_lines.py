"""Octets as lines: whatever somebody sends, and however it is cut, the chart gets short clean lines or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.console.lines import LONGEST, Lines


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_every_end_of_a_line(end: bytes) -> None:
    """Enter is CR at a serial terminal, LF at a shell, both at telnet."""
    assert Lines().feed(b"t" + end + b"s" + end) == ["t", "s"]


def test_what_no_line_may_hold() -> None:
    """Colours of a terminal, octets that are no text, and a line that never ends: no part of it becomes an order."""
    assert Lines().feed(b"\x1b[31mt\x07\n") == ["[31mt"]
    assert Lines().feed(b"\xff\xfet\n") == ["\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}t"]
    lines = Lines()
    assert lines.feed(b"x" * (LONGEST + 1) + b"t") == []
    assert lines.feed(b"\nt\n") == ["t"]
    assert Lines().feed(b"x" * LONGEST + b"\n") == ["x" * LONGEST]


@given(st.lists(st.binary(max_size=300)))
def test_cut_anywhere(parts: list[bytes]) -> None:
    """The same lines however the octets come, none too long, none with a control character."""
    whole, cut = Lines().feed(b"".join(parts)), Lines()
    lines = [line for part in parts for line in cut.feed(part)]
    assert lines == whole
    assert all(len(line) <= LONGEST and line.isprintable() for line in lines)
