# ruff: noqa: E501
"""Random and mutated input: the loader and the expression parser answer with a chart or with problems, nothing else."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import FUZZ_SEED, OWN_MEMORY
from tests.load.hostile import check_chart, check_expression, untyped_expression_of
from tests.load.test_charts import ACTIONS, KINDS, MACHINES, TREE
from tests.load.test_errors import CHART

EXAMPLES = min(int(os.environ.get("CHARGECHART_EXAMPLES", "1200")), 3000) // 4
SECONDS = int(os.environ.get("CHARGECHART_FUZZ_SECONDS", "0"))
ROOT = Path(__file__).parents[2]
SEEDS = [CHART, KINDS, TREE.replace("TARGET", "b"), ACTIONS]

relaxed = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
slower = settings(relaxed, max_examples=EXAMPLES // 3)

WORDS = [
    "i", "x", "u", "a", "p", "t", "b", "s", "mode", "ints", "maybe", "event.soc", "meter.power", "C_max", "_event", "_event.data",
    "1", "0", "2.5", "400 V", "5 kW", "250 ms", "80 %", "'ab'", "'slow'", "True", "None", "+", "-", "*", "/", "//", "%", "**",
    "==", "!=", "<", "<=", ">", ">=", "in", "not", "and", "or", "is", "if", "else", "(", ")", "[", "]", ",", ".", "=", "{", "}",
    "min", "max", "abs", "round", "clamp", "len", "int", "float", "str", "hex", "json", "In", "alive", "session", "'idle'",
    "truthy", "invalid", "duration", "startswith", "is_list", "ä", "\\", '"', "'", "#", "0x1F", "1e308", "9223372036854775807",
]  # fmt: skip
KEYS = [
    "machine", "states", "initial", "on", "always", "after", "entry", "exit", "target", "guard", "actions", "assign", "raise",
    "send", "event", "data", "to", "delay", "if", "then", "else", "foreach", "in", "item", "do", "spawn", "stop", "invoke", "src",
    "call", "input", "type", "parallel", "final", "history", "default", "unit", "min", "max", "values", "of", "parameters",
    "events", "payload", "direction", "adapters", "output", "invariant", "waive", "strict", "language", "onDone", "onError",
    "chart", "source", "script", "any", "int", "float V", "duration", "list of int", "enum(a, b)", "a", "b", "go", "1 s", "link.*",
    "link.leave()", "n + 1", "done.state.a", "*", "parent", "self", "1", "true", "null", "",
]  # fmt: skip


@relaxed
@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join) | st.text(max_size=30))
def test_any_words_as_an_expression(text: str) -> None:
    check_expression(text)
    untyped_expression_of(text.encode("utf-8", "replace"))


@st.composite
def mutated(draw: st.DrawFn, seeds: list[str]) -> str:
    """A sound chart with lines or words lost, doubled, swapped or replaced."""
    lines = draw(st.sampled_from(seeds)).splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 5)):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[at])
            case 2:
                other = draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines[at] = lines[at][draw(st.integers(0, 4)) :]
            case 4:
                words = lines[at].split(" ")
                words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(KEYS + WORDS))
                lines[at] = " ".join(words)
            case _:
                cut = draw(st.integers(0, len(lines[at])))
                lines[at] = lines[at][:cut] + draw(st.text(max_size=4)) + lines[at][cut:]
        lines = lines or [""]
    return "\n".join(lines) + "\n"


@relaxed
@given(mutated(SEEDS))
def test_any_change_of_a_sound_chart(text: str) -> None:
    check_chart(text)


@slower
@given(mutated([path.read_text() for path in MACHINES]))
def test_any_change_of_a_shipped_chart(text: str) -> None:
    check_chart(text)


def yaml_values() -> st.SearchStrategy[str]:
    """Flow YAML of the language's words in any shape."""
    words = st.sampled_from(KEYS).map(lambda word: f'"{word}"' if not word.isidentifier() else word)
    return st.recursive(
        words,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]"),
            st.lists(st.tuples(words, inner), max_size=5).map(
                lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
            ),
        ),
        max_leaves=20,
    )


@relaxed
@given(st.lists(st.tuples(st.sampled_from(KEYS), yaml_values()), max_size=6), st.booleans())
def test_any_shape_of_the_languages_words(pairs: list[tuple[str, str]], sound_head: bool) -> None:
    head = "machine: car\nevents: {go: , a: {payload: {b: int}}}\nadapters: {link: hpgp_link}\n" if sound_head else ""
    body = "".join(
        f'"{key}": {value}\n' for key, value in pairs if not (sound_head and key in ("machine", "events", "adapters"))
    )
    check_chart(head + body)
    check_chart(head + "states:\n  a:\n" + "".join(f'    "{key}": {value}\n' for key, value in pairs))


@slower
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    check_chart(text)


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
def test_coverage_guided_fuzzing_finds_no_crash(tmp_path: Path) -> None:
    """Seconds from CHARGECHART_FUZZ_SECONDS; a few runs otherwise, so that the target itself does not rot."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(["x" + seed for seed in SEEDS] + [f"\0{word}" for word in WORDS]):
        (corpus / str(number)).write_text(seed)
    budget = f"-max_total_time={SECONDS}" if SECONDS else "-runs=500"
    run = subprocess.run(
        [
            *(
                *OWN_MEMORY,
                sys.executable,
                "-m",
                "tests.fuzz.fuzz_load",
                budget,
                "-max_len=4000",
                "-timeout=30",
                f"-seed={FUZZ_SEED}",
            ),
            *(f"-artifact_prefix={tmp_path}/", str(corpus)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS + 300,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]
