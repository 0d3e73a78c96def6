"""``engine schema``."""

from __future__ import annotations

import argparse

_EPILOG = """examples:
  engine schema > chart.schema.json

in VS Code, with the YAML extension, in .vscode/settings.json:
  "yaml.schemas": {"chart.schema.json": "machines/**/*.yaml"}
or in the first line of a chart:
  # yaml-language-server: $schema=chart.schema.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``engine schema``: none."""
    parser.epilog = _EPILOG


def run(args: argparse.Namespace) -> int:
    """Print the JSON Schema of the chart language."""
    import json

    from engine.language.load.schema import schema

    print(json.dumps(schema(), indent=1, ensure_ascii=False))
    return 0
