"""``stages:`` of a chart: the steps of its work in a row, by which a view tells where it is."""

from __future__ import annotations

from engine.language.load.build import Build
from engine.language.load.relatives import relatives
from engine.language.load.yaml_source import Node
from engine.language.model import Stage


def read_stages(build: Build, node: Node | None) -> tuple[Stage, ...]:
    """``{TITLE: condition}``, over what an invariant may read: states, data and parameters, the children's too."""
    reader = build.reader
    found: list[Stage] = []
    scope = build.scope(None, "a stage holds between events")
    scope.relatives = relatives(build)
    for title, key, value in reader.entries(node, "'stages'", "TITLE: In('state')"):
        text = reader.expression_text(value, f"stage {title!r}")
        if text is not None:
            found.append(Stage(title, build.guard(value, f"stage {title!r}", scope), text, reader.position(key)))
    return tuple(found)
