"""Nested dicts and lists → YAML 1.2 text that reads like a chart written by hand."""

from __future__ import annotations

import re
from typing import Any

import yaml

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")


class _Dumper(yaml.SafeDumper):
    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - of this class, not of its parent; filled below

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


# What a plain scalar means in YAML 1.2's core schema; all else is text and needs no quotes.
for _tag, _pattern in (
    ("bool", r"true|True|TRUE|false|False|FALSE"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
    ("null", r"null|Null|NULL|~|"),
    ("merge", r"<<"),
):
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), None)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style: str | None = None
    if not value.isprintable():
        style = "|" if "\n" in value and all(c.isprintable() or c == "\n" for c in value) else '"'
    elif _INTEGER.fullmatch(value):
        return dumper.represent_scalar("tag:yaml.org,2002:int", value)
    elif value[:1] in "'[{" and '"' not in value and "\\" not in value:
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def dump(tree: dict[str, Any]) -> str:
    """YAML text of a chart; key order is kept."""
    text: str = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text
