"""One table of keys: what the loader takes, the JSON Schema says and the reference pages list is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.language.load import actions, keys, load_text
from engine.language.load.schema import schema
from engine.language.problems import ChartError
from tests.load.key_tables import PAGES, filled

LOADER = Path(keys.__file__).parent


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_pages_list_the_keys_of_the_table(page: Path) -> None:
    """Write them anew with `python -m tests.load.key_tables`."""
    assert filled(page.read_text("utf-8")) == page.read_text("utf-8")


def test_every_kind_of_mapping_is_on_a_page() -> None:
    """`initial`, `invariant` and the values of contracts are told in a sentence."""
    text = "".join(page.read_text("utf-8") for page in PAGES)
    inside = {key.value for key in keys.ACTION.keys.values()}
    told = {"initial", "invariant", "contract value"} | inside
    assert [k for k in keys.TABLE if f"<!-- keys: {k}" not in text and k not in told] == []


def test_every_key_is_read() -> None:
    """A key of the table that nobody reads would be taken and mean nothing."""
    source = "".join(p.read_text() for p in LOADER.glob("*.py") if p.name not in ("keys.py", "schema.py"))
    names = {name for kind in keys.TABLE.values() for name in kind.keys}
    assert sorted(name for name in names if f'"{name}"' not in source) == []


def test_every_action_of_the_table_has_its_reader() -> None:
    assert set(actions.ACTIONS) == {name for name, key in keys.ACTION.keys.items() if not key.beside}


def test_every_key_is_in_the_schema() -> None:
    defs = schema()["$defs"]
    for kind, found in keys.TABLE.items():
        if kind in defs:  # contracts have no schema
            wide = defs.get(f"imported {kind}", defs[kind])
            assert set(properties(defs[kind])) == found.own, kind
            assert set(properties(wide)) == found.all, kind


def properties(definition: dict[str, object]) -> list[str]:
    """The keys of a definition, or of the mapping that is one of its forms."""
    for form in [definition, *definition.get("anyOf", [])]:  # type: ignore[misc]
        if "properties" in form:
            return list(form["properties"])
    return []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("machine: m\nscript: []\nstates: {a: }\n", "script"),
        ("machine: m\nstates:\n  a:\n    entry: {cancel: {id_expr: x}}\n", "id_expr"),
        ("machine: m\nstates:\n  a:\n    entry: {send: {event: e, to_expr: x}}\n", "to_expr"),
    ],
)
def test_keys_of_imported_documents_are_theirs_alone(text: str, key: str) -> None:
    """What is decided late in SCXML is decided when a chart written by hand is loaded."""
    with pytest.raises(ChartError) as caught:
        load_text(text)
    (problem,) = [p for p in caught.value.problems if p.code == "unknown-key"]
    assert repr(key) in problem.message
    assert "events: any" in problem.hint
