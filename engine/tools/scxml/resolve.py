"""Charts that imported documents name while they run (SCXML 6.4.2: ``srcexpr``, ``content expr``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.language.model import Chart

MAX_TEXT = 200_000


def resolve_source(source: Any, chart: Chart) -> Chart:
    """The chart that ``source`` means for an invocation of ``chart``: the text of a chart or of an SCXML document, or
    the name of a file (``.yaml``, ``.scxml``) in the folder of ``chart``, or below it.

    Raises ``ValueError`` (no such file, a path out of the folder), ``ChartError`` and ``ImportProblem``.
    """
    from engine.language.load import load, load_text
    from engine.tools.scxml.document import import_file, import_text

    if not isinstance(source, str) or not source.strip():
        raise ValueError(f"{source!r} is neither the name of a chart nor its text")
    if len(source) > MAX_TEXT:
        raise ValueError(f"a chart's text of more than {MAX_TEXT:,} characters")
    base = Path(chart.file).parent
    if "\n" in source.strip() or source.lstrip().startswith("<"):
        text = source
        if source.lstrip().startswith("<"):
            text = import_text(source, f"{chart.file}#content", base).text
        return load_text(text, f"{chart.file}#content")
    name = Path(source.strip().removeprefix("file:"))
    if name.is_absolute() or ".." in name.parts:
        raise ValueError(f"{source!r}: a child's file stands beside its parent's")
    path = base / name
    if not path.is_file():
        raise ValueError(f"there is no file {source!r} beside {chart.file}")
    if path.suffix == ".scxml":
        return load_text(import_file(path).text, str(path.with_suffix(".yaml")))
    return load(path)
