"""One grammar for values given from outside: the same text means the same, and a wrong one is told in the same words,
wherever it is given."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine.cli.events import split, step
from engine.language.expr.functions import duration as duration_of_expression
from engine.language.text_values import duration, fields, parts, typed
from engine.language.types import ANY, BYTES, DURATION, DURATION_UNITS, FLOAT, INT, STRING, UNITS, Kind, Type
from engine.run.faults import parse_rule
from engine.run.registry import installed
from engine.run.station import Overrides, resolve

CHART = """
machine: m
parameters: {wait: {type: duration, default: 1 s}}
events: {go: {direction: in, payload: {wait: duration}}}
states: {a: {on: {go: }}}
"""
CHARTS = engine.load_text(CHART)


def station(tmp_path: Path, value: str, sets: tuple[str, ...] = (), environ: dict[str, str] | None = None) -> int:
    (tmp_path / "m.yaml").write_text(CHART)
    (tmp_path / "s.toml").write_text(f'[station]\nmachine = "m.yaml"\n[parameters]\nwait = "{value}"\n')
    given_ = Overrides(sets, environ or {})
    plan = resolve(tmp_path / "m.yaml", tmp_path / "s.toml", given_, installed(), engine.load)
    return int(next(iter(plan.machines.values())).parameters[""]["wait"])


def waited(text: str) -> Any:
    return step(CHARTS, text)


def sent(text: str) -> Any:
    event = step(CHARTS, f"go(wait={text})")
    assert not isinstance(event, int)
    return event.data["wait"]


DOORS: dict[str, Callable[[Path, str], Any]] = {
    "file": lambda path, text: station(path, text),
    "--set": lambda path, text: station(path, "2 s", (f"wait={text}",)),
    "environment": lambda path, text: station(path, "2 s", (), {"CHARGER_PARAMETERS_WAIT": text}),
    "--fault": lambda path, text: parse_rule(f"delay({text}):r.n").delay_ns,
    "--events": lambda path, text: waited(text),
    "field of an event": lambda path, text: sent(text),
    "duration(text)": lambda path, text: duration_of_expression(text),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("text", "ns"),
    [("250 ms", 250_000_000), ("1.5s", 1_500_000_000), (".5 s", 500_000_000), ("1e3 us", 1_000_000),
     ("2 min", 12 * 10**10), ("1_000 ns", 1_000), ("+3 s", 3 * 10**9), ("0.0000000004 s", 0)],
)  # fmt: skip
def test_a_duration_means_the_same_at_every_door(door: str, text: str, ns: int, tmp_path: Path) -> None:
    assert DOORS[door](tmp_path, text) == ns


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("text", ["3", "5 parsec", "1..2 s", "1e s", "1__0 s", "4 S"])
def test_a_wrong_one_is_told_in_the_same_words(door: str, text: str, tmp_path: Path) -> None:
    units = re.escape(", ".join(DURATION_UNITS))
    said = rf"expected a duration such as 250 ms \(units: {units}\), got {re.escape(repr(text))}"
    with pytest.raises(ValueError if door in ("--fault", "duration(text)") else Exception, match=said):
        DOORS[door](tmp_path, text)


@pytest.mark.parametrize("door", ["--fault", "--events"])
def test_nothing_happens_before_now(door: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="before"):
        DOORS[door](tmp_path, "-1 s")


@given(st.from_regex(r"[+-]?(\d{1,12}(\.\d{1,9})?|\.\d{1,9})([eE][+-]?\d{1,2})?", fullmatch=True),
       st.sampled_from([*DURATION_UNITS]), st.sampled_from(["", " ", "  "]))  # fmt: skip
def test_a_duration_is_exact_and_rounded_half_to_even(number: str, unit: str, blank: str) -> None:
    """As Python's fractions have it."""
    if number.isascii():
        assert duration(f"{number}{blank}{unit}") == round(Fraction(number) * DURATION_UNITS[unit])


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("'2'", INT, 2),
        ("1_000", INT, 1000),
        ("1e3 V", Type(Kind.FLOAT, UNITS["kV"]), 1.0),
        ("'a, b', c", Type(Kind.LIST, item=STRING), ["a, b", "c"]),
        ("[[1, 2], [3]]", Type(Kind.LIST, item=Type(Kind.LIST, item=INT)), [[1, 2], [3]]),
        ("it's, that's", Type(Kind.LIST, item=STRING), ["it's", "that's"]),
        ("'it''s'", STRING, "it''s"),
        ("\"quoted\"", STRING, "quoted"),
        ("'slow'", Type(Kind.ENUM, values=("slow", "fast")), "slow"),
        ("'5'", ANY, "5"),
        ("0x00:ff", BYTES, b"\x00\xff"),
        ("100 ms, 1 s", Type(Kind.LIST, item=DURATION), [100_000_000, 1_000_000_000]),
    ],
)  # fmt: skip
def test_what_any_door_takes_every_door_takes(text: str, kind: Type, value: Any) -> None:
    assert typed(text, kind) == value


@pytest.mark.parametrize(
    ("text", "kind"), [("1e9999 s", DURATION), ("1e400", FLOAT), ("9" * 70, INT), ("1e999 s", DURATION)]
)
def test_a_number_too_large_is_refused(text: str, kind: Type) -> None:
    with pytest.raises(ValueError):
        typed(text, kind)


def test_a_comma_in_brackets_or_quotes_parts_nothing() -> None:
    """In typed events and in fault rules alike."""
    assert split("a, b(x=[1, 2], y='c, d'), 5 s") == ["a", "b(x=[1, 2], y='c, d')", "5 s"]
    assert parse_rule("set(a=[1, 2], b='x, y'):r.n").values == {"a": "[1, 2]", "b": "'x, y'"}
    assert list(fields("a=[1, 2], b=3")) == [("a", "[1, 2]"), ("b", "3")]
    for wrong in ("a", "a, b=1", "=3"):
        with pytest.raises(ValueError, match="write FIELD=VALUE"):
            list(fields(wrong))


@given(st.text(max_size=60))
def test_parts_lose_nothing(text: str) -> None:
    """Joined again they are the text, but for the blanks around its commas."""
    assert re.sub(r"\s", "", ",".join(parts(text))) == re.sub(r"\s", "", text)
