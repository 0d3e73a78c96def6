"""A chart of a thousand states must open at once: an editor and `engine check` load it again and again."""

from collections.abc import Callable

import pytest
import yaml

from engine.language.load import load_text
from engine.language.load.yaml_source import EventParser
from engine.tools.check import check
from tests.benchmarks.bench_load import LIMIT_MS, flat_ring, milliseconds


@pytest.mark.skipif(EventParser is None, reason="PyYAML is built without libyaml here")
def test_a_thousand_states_load_within_the_limit_and_hardly_slower_than_the_yaml_alone() -> None:
    text = flat_ring()
    ours = milliseconds(lambda: load_text(text, contracts={}))
    plain = milliseconds(lambda: yaml.load(text, yaml.CSafeLoader))
    assert ours <= LIMIT_MS, f"{ours:.0f} ms"
    assert ours / plain <= 5, f"{ours / plain:.1f} times the YAML alone"


def guards(count: int) -> str:
    """One state with that many transitions for one event, each with a guard of its own."""
    head = "machine: many\nevents: {go: {direction: in, payload: {n: int}}}\nstates:\n  a:\n    on:\n      go:\n"
    return head + "".join(f"        - {{guard: event.n == {n}, actions: [log: {n}]}}\n" for n in range(count))


def regions(count: int) -> str:
    """Two states in each of that many regions."""
    region = "  r{}: {{states: {{a: {{on: {{go: b}}}}, b: {{on: {{go: a}}}}}}}}\n"
    head = "machine: wide\nevents: {go: {direction: in}}\ntype: parallel\nstates:\n"
    return head + "".join(region.format(n) for n in range(count))


@pytest.mark.parametrize("of_size", [flat_ring, guards, regions])
def test_the_time_of_a_check_grows_with_the_chart_not_with_its_square(of_size: Callable[[int], str]) -> None:
    """An editor checks while somebody types; four times the chart may take four times as long, with room for noise."""
    small, large = (load_text(of_size(size), contracts={}) for size in (250, 1000))
    took = [milliseconds(lambda chart=chart: check(chart)) for chart in (small, large)]  # type: ignore[misc]
    assert took[1] / took[0] <= 8, f"{took[0]:.0f} ms and {took[1]:.0f} ms"
