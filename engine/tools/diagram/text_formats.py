"""Charts as DOT, Mermaid and PlantUML text: no layout engine needed, full labels.

Syntaxes: graphviz.org/doc/info/lang.html, mermaid.js.org/syntax/stateDiagram.html, plantuml.com/state-diagram.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.language.model import Chart, State, StateKind, Transition
from engine.tools.diagram import describe

_HISTORY = (StateKind.SHALLOW_HISTORY, StateKind.DEEP_HISTORY)


def label(chart: Chart, transition: Transition) -> str:
    """``event [guard] / actions``."""
    actions = describe.block_text(transition.actions)
    parts = [describe.trigger_text(chart, transition), describe.guard_text(transition), actions and f"/ {actions}"]
    return " ".join(p for p in parts if p)


def inside(chart: Chart, state: State) -> Iterator[str]:
    """The text in a state's box: arguments, invokes, entry, exit, transitions without target, invariants."""
    if state.args:
        yield f"args {describe.args_text(state)}"
    for invoke in state.invokes:
        yield describe.invoke_text(invoke)
    for word, blocks in (("entry", state.entry), ("exit", state.exit)):
        text = describe.blocks_text(blocks)
        if text:
            yield f"{word} / {text}"
    for transition in state.transitions:
        if not transition.targets and not transition.ignores and not transition.relays:
            yield label(chart, transition)
    if ignored := describe.ignored_text(chart, state):
        yield ignored
    for name, value in describe.output_texts(state):
        yield f"output {name} = {value}"
    for invariant in (*state.invariants, *state.joint_invariants):
        yield f"invariant {invariant.text}"


def _arrows(chart: Chart) -> Iterator[tuple[State, State, str]]:
    for transition in chart.transitions:
        for target in transition.targets:
            yield transition.source, target, label(chart, transition)


def identifier(state: State) -> str:
    """A name without dots: ``matching__sounding``."""
    return state.id.replace(".", "__") or "root"


def _heading(chart: Chart) -> list[str]:
    version = f", version {chart.version}" if chart.version else ""
    return [
        f"{chart.name}: {chart.title or chart.name}{version}",
        f"source: {chart.citation}, model {chart.text_hash[:12]}",
    ]


# ---------------------------------------------------------------- Mermaid


def mermaid(chart: Chart) -> str:
    """``stateDiagram-v2``. Mermaid has neither history nor named final states: they are marked states."""
    lines = [f"%% {text}" for text in _heading(chart)] + ["stateDiagram-v2"]
    top = chart.root
    body: list[str] = []
    if any(t.targets and t.source is top for t in chart.transitions) or top.kind is StateKind.PARALLEL:
        _mermaid_state(chart, top, body, 1)
    else:
        _mermaid_content(chart, top, body, 1)
    body += [f"  {identifier(a)} --> {identifier(b)}{_mermaid_label(text)}" for a, b, text in _arrows(chart)]
    return "\n".join(lines + body) + "\n"


def _mermaid_state(chart: Chart, state: State, lines: list[str], depth: int) -> None:
    pad, id = "  " * depth, identifier(state)
    name = {StateKind.SHALLOW_HISTORY: "H", StateKind.DEEP_HISTORY: "H*"}.get(state.kind, state.name or chart.name)
    lines.append(f'{pad}state "{name}" as {id}')
    if state.children:
        lines.append(f"{pad}state {id} {{")
        _mermaid_content(chart, state, lines, depth + 1)
        lines.append(f"{pad}}}")
        notes = list(inside(chart, state))
        if notes:
            lines.append(f"{pad}note right of {id} : {_mermaid_text(' | '.join(notes))}")
    else:
        lines += [f"{pad}{id} : {_mermaid_text(text)}" for text in inside(chart, state)]
    if state.kind is StateKind.FINAL:
        lines.append(f"{pad}{id} --> [*]")
    if state.history_default is not None:
        default = state.history_default
        lines += [f"{pad}{id} --> {identifier(t)}{_mermaid_label(label(chart, default))}" for t in default.targets]


def _mermaid_content(chart: Chart, state: State, lines: list[str], depth: int) -> None:
    pad = "  " * depth
    for number, child in enumerate(state.children):
        if number and state.kind is StateKind.PARALLEL:
            lines.append(f"{pad}--")
        _mermaid_state(chart, child, lines, depth)
    if state.initial is not None:
        text = label(chart, state.initial)
        lines += [f"{pad}[*] --> {identifier(t)}{_mermaid_label(text)}" for t in state.initial.targets]


def _mermaid_label(text: str) -> str:
    return f" : {_mermaid_text(text)}" if text else ""


def _mermaid_text(text: str) -> str:
    """Characters that end a label in Mermaid, as its character codes."""
    return "".join(f"#{ord(c)};" if c in '#;:"{}<>%' else c for c in text)


# ---------------------------------------------------------------- PlantUML


def plantuml(chart: Chart) -> str:
    """A PlantUML state diagram."""
    lines = ["@startuml", *(f"' {text}" for text in _heading(chart)), "hide empty description"]
    lines.append(f"title {chart.name}\\n{_plain(chart.title)}" if chart.title else f"title {chart.name}")
    _plantuml_state(chart, chart.root, lines, 0)
    for source, target, text in _arrows(chart):
        lines.append(f"{identifier(source)} --> {_plantuml_target(target)}{_plantuml_label(text)}")
    return "\n".join([*lines, "@enduml"]) + "\n"


def _plantuml_target(state: State) -> str:
    if state.kind in _HISTORY and state.parent is not None:
        return identifier(state.parent) + ("[H*]" if state.kind is StateKind.DEEP_HISTORY else "[H]")
    return identifier(state)


def _plantuml_state(chart: Chart, state: State, lines: list[str], depth: int) -> None:
    pad, id = "  " * depth, identifier(state)
    if state.kind in _HISTORY:
        default = state.history_default
        for target in default.targets if default is not None else ():
            lines.append(f"{pad}{_plantuml_target(state)} --> {identifier(target)}")
        return
    end = " <<end>>" if state.kind is StateKind.FINAL else ""
    lines.append(f'{pad}state "{state.name or chart.name}" as {id}{end}' + (" {" if state.children else ""))
    if state.children:
        apart = state.kind is StateKind.PARALLEL and not is_crossed(chart, state)
        for number, child in enumerate(state.children):
            if number and apart:
                lines.append(f"{pad}  --")
            _plantuml_state(chart, child, lines, depth + 1)
        if state.initial is not None:
            text = label(chart, state.initial)
            lines += [f"{pad}  [*] --> {identifier(t)}{_plantuml_label(text)}" for t in state.initial.targets]
        lines.append(f"{pad}}}")
    lines += [f"{pad}{id} : {_plain(text)}" for text in inside(chart, state)]


def is_crossed(chart: Chart, parallel: State) -> bool:
    """Whether an arrow crosses the border of one of its regions: PlantUML refuses to draw that between ``--`` lines."""

    def region(state: State) -> State | None:
        return next((s for s in (state, *state.ancestors()) if s.parent is parallel), None)

    return any(
        region(transition.source) is not region(target)
        or transition.source.parent is parallel
        or target.parent is parallel
        for transition in chart.transitions
        for target in transition.targets
    )


def _plantuml_label(text: str) -> str:
    return f" : {_plain(text)}" if text else ""


def _plain(text: str) -> str:
    """Text for PlantUML, which would take ``\\n`` for a new line and markup for markup."""
    return text.replace("\\", "~\\").replace("\n", " ").replace("<", "~<").replace("**", "~**").replace("__", "~__")


# ---------------------------------------------------------------- DOT


def dot(chart: Chart) -> str:
    """A DOT digraph with clusters, for Graphviz and what reads its language."""
    lines = [*(f"// {text}" for text in _heading(chart)), f"digraph {_quoted(chart.name)} {{"]
    lines.append("  compound=true; newrank=true;")  # by the old ranks Graphviz loses edges of a large chart, and fails
    lines.append('  node [shape=box, style=rounded, fontname="DejaVu Sans", fontsize=11];')
    lines.append('  edge [fontname="DejaVu Sans", fontsize=9];')
    _dot_state(chart, chart.root, lines, 1)
    for source, target, text in _arrows(chart):
        lines.append("  " + _dot_edge(source, target, text))
    return "\n".join([*lines, "}"]) + "\n"


def _dot_state(chart: Chart, state: State, lines: list[str], depth: int) -> None:
    pad, id = "  " * depth, _quoted(identifier(state))
    text = "\\n".join(_escaped(t) for t in [state.name or chart.name, *inside(chart, state)])
    if state.children:
        dashed = ' style="dashed";' if state.parent is not None and state.parent.kind is StateKind.PARALLEL else ""
        lines.append(f"{pad}subgraph {_quoted('cluster_' + identifier(state))} {{")
        lines.append(f'{pad}  label="{text}"; labeljust=l;{dashed}')
        if state.initial is not None:
            start = _quoted(identifier(state) + "__initial")
            lines.append(f'{pad}  {start} [shape=circle, style=filled, fillcolor=black, width=0.15, label=""];')
        for child in state.children:
            _dot_state(chart, child, lines, depth + 1)
        lines.append(f"{pad}}}")
        if state.initial is not None:
            lines += [f"{pad}{start} -> {_dot_end(t, 'lhead')};" for t in state.initial.targets]
        return
    kind = ', shape=doublecircle, style=""' if state.kind is StateKind.FINAL else ""
    if state.kind in _HISTORY:
        kind = ', shape=circle, style=""'
        text = "H*" if state.kind is StateKind.DEEP_HISTORY else "H"
    lines.append(f'{pad}{id} [label="{text}"{kind}];')
    if state.history_default is not None:
        lines += [f"{pad}{id} -> {_dot_end(t, 'lhead')};" for t in state.history_default.targets]


def _leaf(state: State) -> State:
    while state.children:
        state = next((c for c in state.children if c.kind not in _HISTORY), state.children[0])
    return state


def _dot_end(state: State, side: str) -> str:
    """A node to attach an arrow to; arrows to a composite are clipped at its border."""
    clip = f" [{side}={_quoted('cluster_' + identifier(state))}]" if state.children else ""
    return _quoted(identifier(_leaf(state))) + clip


def _dot_edge(source: State, target: State, text: str) -> str:
    attributes = [f'label="{_escaped(text)}"'] if text else []
    for state, other, side in ((source, target, "ltail"), (target, source, "lhead")):
        if state.children and state not in (other, *other.ancestors()):
            attributes.append(f"{side}={_quoted('cluster_' + identifier(state))}")
    ends = f"{_quoted(identifier(_leaf(source)))} -> {_quoted(identifier(_leaf(target)))}"
    return f"{ends} [{', '.join(attributes)}];" if attributes else f"{ends};"


def _quoted(name: str) -> str:
    return f'"{_escaped(name)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
