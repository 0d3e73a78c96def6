"""Mermaid, PlantUML and DOT: pictures as text. They show a chart; they do not run it."""

from __future__ import annotations

from engine.language.model import Chart, StateKind
from engine.tools.diagram import text_formats
from engine.tools.export.losses import Construct, Exported

_WRITERS = {"mermaid": text_formats.mermaid, "plantuml": text_formats.plantuml, "dot": text_formats.dot}


def export_picture(chart: Chart, format: str) -> Exported:
    """The text and what the notation has no sign for."""
    exported = Exported(_WRITERS[format](chart))
    for state in chart.root.walk():
        if state.kind in (StateKind.SHALLOW_HISTORY, StateKind.DEEP_HISTORY) and format != "plantuml":
            exported.lose(Construct.HISTORY, state.id, "drawn as a state named H", state.position)
        if format == "plantuml" and state.kind is StateKind.PARALLEL and text_formats.is_crossed(chart, state):
            what = "its regions are drawn as states, as arrows cross their borders"
            exported.lose(Construct.PARALLEL_TARGET, state.id, what, state.position)
    for transition in chart.transitions:
        if len(transition.targets) > 1:
            what = "drawn as one arrow for each target"
            exported.lose(Construct.PARALLEL_TARGET, transition.id, what, transition.position)
        if transition.internal and transition.targets:
            exported.lose(Construct.INTERNAL, transition.id, "drawn like an external one", transition.position)
    return exported
