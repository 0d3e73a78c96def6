"""``python -m tests.load.key_tables`` writes the key tables of the reference pages from the table of keys.

A page has ``<!-- keys: KIND -->`` before a table and ``<!-- end -->`` after it.
"""

from __future__ import annotations

import re
from pathlib import Path

from engine.language.load.keys import LANGUAGE, TABLE, Key

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "chart-reference.md", DOCS / "adapters.md"]
_BLOCK = re.compile(r"(<!-- keys: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_SHOWN = {
    "note": "text",
    "flag": "`true` or `false`",
    "values": "`NAME:` expression",
    "waive": "`CODE:` text",
    "texts": "text, or a list",
    "blocks": "actions",
    "target or nothing": "target",
    "type text": "type",
    "whole chart": "chart",
    "chart name": "name",
    "language": f"`{LANGUAGE}`",
    "events": "`NAME:` event, or `any`",
    "any state": "state",
    "template actions": "actions",
    "template state": "state",
    "any value": "",
}


def filled(page: str) -> str:
    """The page with its tables written anew."""
    return _BLOCK.sub(lambda match: f"{match[1]}\n{table(match[2])}\n{match[3]}", page)


def table(kind: str) -> str:
    if kind == "imported":
        return _imported()
    if kind == "action":
        return _actions()
    kind, only, _ = kind.partition(" only")  # what it has beside the keys of a type
    lines = ["| key | value | meaning |", "| --- | --- | --- |"]
    for name, key in TABLE[kind].keys.items():
        if not key.imported and not (only and name in TABLE["type"].keys):
            about = "; ".join(filter(None, ["required" if key.required else "", key.about]))
            lines.append(f"| `{name}` | {_cell(_value(key.value))} | {_cell(about)} |")
    return "\n".join(lines) + "\n"


def _value(kind: str) -> str:
    if kind.startswith("["):
        return f"{_value(kind[1:-1])}, or a list"
    names, colon, inner = kind.partition(": ")
    if colon:
        return f"`{names}:` {_value(inner)}"
    return " or ".join(
        f"`{word[1:-1]}`" if word.startswith("'") else _SHOWN.get(word, word) for word in kind.split(" | ")
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _actions() -> str:
    """The actions: how each is written, and what it and its keys mean."""
    keys = TABLE["action"].keys
    lines = ["| action | meaning |", "| --- | --- |"]
    for name, key in keys.items():
        if key.beside:
            continue
        forms = [f"`{name}: {form}`" for form in _forms(key)]
        own = {} if key.value not in TABLE else TABLE[key.value].keys
        said = [f"`{inner}`: {one.about}" for inner, one in own.items() if one.about and not one.imported]
        lines.append(f"| {' or '.join(forms)} | {_cell('; '.join([key.about, *said]))} |")
    return "\n".join(lines) + "\n"


def _forms(key: Key) -> list[str]:
    if key.value not in TABLE:
        return [{"[values]": "{NAME: expression, …}"}.get(key.value, key.value.replace("note", "text"))]
    kind = TABLE[key.value]
    short = [next(iter(kind.keys)).removesuffix("_expr") for _ in kind.short]
    own = [inner for inner, one in kind.keys.items() if not one.imported]
    return [*short, *([f"{{{', '.join(own)}}}"] if own else [])]


def _imported() -> str:
    lines = ["| where | key | value | meaning |", "| --- | --- | --- | --- |"]
    for kind, keys in TABLE.items():
        for name, key in keys.keys.items():
            if key.imported:
                lines.append(f"| {kind} | `{name}` | {_cell(_value(key.value))} | {_cell(key.about)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(filled(path.read_text("utf-8")), "utf-8")
