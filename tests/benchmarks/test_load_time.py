"""A chart of a thousand states must open at once: an editor and `engine check` load it again and again."""

import pytest
import yaml

from engine.loader import load_text
from engine.loader.yaml_source import EventParser
from tests.benchmarks.bench_load import LIMIT_MS, flat_ring, milliseconds


@pytest.mark.skipif(EventParser is None, reason="PyYAML is built without libyaml here")
def test_a_thousand_states_load_within_the_limit_and_hardly_slower_than_the_yaml_alone() -> None:
    text = flat_ring()
    ours = milliseconds(lambda: load_text(text, contracts={}))
    plain = milliseconds(lambda: yaml.load(text, yaml.CSafeLoader))
    assert ours <= LIMIT_MS, f"{ours:.0f} ms"
    assert ours / plain <= 5, f"{ours / plain:.1f} times the YAML alone"
