"""Nested dicts and lists → YAML text that reads like a chart written by hand."""

from __future__ import annotations

import re
from typing import Any

import yaml

# Words and numbers that a YAML 1.2 reader would not take as text, plus YAML 1.1's for readers of that age.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:[. /-][A-Za-z0-9_]+)*")
_NOT_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"}


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    if "\n" in value:
        style: str | None = "|" if all(c.isprintable() or c == "\n" for c in value) else '"'
    elif _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT:
        style = None
    else:
        style = "'" if value.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def dump(tree: dict[str, Any]) -> str:
    """YAML text of a chart; key order is kept."""
    text: str = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text
