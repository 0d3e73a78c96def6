"""Mutants of a chart: each is one small edit of its YAML.

Kinds: ``target`` (another state of the same parent), ``guard negated``, ``guard boundary`` (``<`` and ``<=``, ``>`` and
``>=``), ``timeout doubled``, ``timeout halved``, ``action dropped`` (not ``log``: it is for people), ``transition
deleted``, ``region order``, ``argument emptied`` (of a target).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from engine.language.expr.lex import ExpressionError, tokenize
from engine.language.expr.parse import parse as parse_expression
from engine.language.load.source_file import read_source
from engine.language.load.yaml_source import Mapping, Node, Scalar, Sequence, parse
from engine.language.model import Chart, State, StateKind, Transition
from engine.language.problems import ProblemList
from engine.language.types import Kind
from engine.tools.mutation.edits import Edit, Editor

_BOUNDARY = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """``name`` is stable and unique in its chart. ``owner`` is the transition or state it changes. ``watched`` are the
    transitions and states that a run must take or enter to tell the mutant from the chart."""

    chart: str
    file: str
    name: str
    line: int
    edit: Edit
    owner: str
    near: str
    twins: tuple[tuple[str, str], ...] = ()  # of a template's: owner and near of its other uses

    def text(self, original: str) -> str:
        """The chart's text with the mutant's edit."""
        return self.edit.apply(original)

    def diff(self, original: str) -> str:
        """What it changes, as a unified diff of the YAML with one line around."""
        lines = difflib.unified_diff(
            original.splitlines(), self.text(original).splitlines(), self.file, self.file, n=1, lineterm=""
        )
        return "\n".join(lines)


def mutants_of(chart: Chart) -> list[Mutant]:
    """All mutants of a chart's own file, in the order of the text; those the loader would refuse are among them."""
    source = read_source(Path(chart.file))
    root = parse(source, ProblemList())
    assert isinstance(root, Mapping)
    return _Maker(chart, source.text).run(root)


class _Maker:
    def __init__(self, chart: Chart, text: str) -> None:
        self.chart = chart
        self.text = text
        self.editor = Editor(text)
        self.found: list[Mutant] = []
        self.names: dict[str, int] = {}
        self.places: dict[tuple[int, int], list[Transition]] = {}
        for transition in chart.transitions:
            at = transition.position.line, transition.position.column
            self.places.setdefault(at, []).append(transition)
        self.by_id = {t.id: t for t in chart.transitions}
        self.uses: tuple[str, ...] = ()  # of the template that is walked

    def run(self, root: Mapping) -> list[Mutant]:
        self._state(self.chart.root, root)
        templates = root.get("templates")
        for name, definition in self.chart.templates.items():
            template = templates.get(name) if isinstance(templates, Mapping) else None
            body = template.get("state") if isinstance(template, Mapping) else None
            if isinstance(template, Mapping) and "actions" in template.entries:
                self.uses = ()
                self._actions("", "", template, "actions", template.entries["actions"][1], needed=True)
            if definition.uses and isinstance(body, Mapping):
                self.uses = definition.uses
                self._state(self.chart.states[definition.uses[0]], body)
        return sorted(self.found, key=lambda mutant: (mutant.edit.start, mutant.name))

    def _add(self, kind: str, owner: str, near: str, node: Node, edit: Edit | None, detail: str = "") -> None:
        if edit is None:
            return
        name = f"{kind}: {owner or 'the chart'}{f': {detail}' if detail else ''}"
        self.names[name] = number = self.names.get(name, 0) + 1
        if number > 1:
            name = f"{name} #{number}"
        line = node.start.line + 1
        twins = tuple(zip(self._twins(owner), self._twins(near), strict=False))
        self.found.append(Mutant(self.chart.name, self.chart.file, name, line, edit, owner, near, twins))

    def _twins(self, id_: str) -> list[str]:
        """The transitions or states of a template's other uses that stand for the same text."""
        if not self.uses:
            return []
        transition = self.by_id.get(id_)
        if transition is not None:
            at = transition.position.line, transition.position.column
            return [other.id for other in self.places[at] if other is not transition]
        return [other + id_.removeprefix(self.uses[0]) for other in self.uses[1:]]

    # ------------------------------------------------------------ states

    def _state(self, state: State, body: Mapping) -> None:
        for key in ("entry", "exit"):
            node = body.get(key)
            if node is not None:
                self._actions(state.id, state.id, body, key, node)
        self._use(state, body.get("use"))
        initial = body.get("initial")
        if isinstance(initial, Scalar) and state.initial is not None:
            self._target(state.initial, state.id, state.id, initial)
        for key, _, value in body.items():
            if key == "on" and isinstance(value, Mapping):
                for name, _, node in value.items():
                    self._trigger(state, value, name, node)
            elif key in ("always", "onDone"):
                self._trigger(state, body, key, value)
            elif key == "after" and isinstance(value, Mapping):
                for name, key_node, node in value.items():
                    self._timeout(state, key_node, node)
                    self._trigger(state, value, name, node)
            elif key == "poll":
                for item in value.items if isinstance(value, Sequence) else [value]:
                    self._polled(state, body, value, item)
            elif key in ("ignore", "defer"):
                self._listed(body, key, value)
            elif key == "invoke":
                for item in value.items if isinstance(value, Sequence) else [value]:
                    if not isinstance(item, Mapping):
                        continue
                    for end in ("onDone", "onError"):
                        node = item.get(end)
                        if node is not None:
                            self._trigger(state, item, end, node)
                    relay = item.get("relay")
                    if relay is not None:
                        self._listed(item, "relay", relay)
        states = body.get("states")
        if not isinstance(states, Mapping):
            return
        if state.kind is StateKind.PARALLEL:
            self._add("region order", state.id, state.id, states, self.editor.first_last(states))
        for child in state.children:
            inside = states.get(child.name)
            if isinstance(inside, Mapping):
                self._state(child, inside)

    def _use(self, state: State, node: Node | None) -> None:
        """What the use of a template gives: its actions and durations."""
        if not isinstance(node, Mapping):
            return
        for name, (_, given) in node.entries.items():
            kinds = self.chart.templates[name].args if name in self.chart.templates else {}
            for argument, _, value in given.items() if isinstance(given, Mapping) else ():
                if kinds.get(argument) == "actions" and isinstance(given, Mapping):
                    self._actions(state.id, state.id, given, argument, value, needed=True)
                elif kinds.get(argument) == "duration" and isinstance(value, Scalar):
                    self._durations(state.id, state.id, state.id, value)

    # ------------------------------------------------------------ transitions

    def _is_owed(self, transition: Transition) -> bool:
        """Whether it is the only one for an order of the contract the chart serves: without it nothing loads."""
        if self.chart.serves is None:
            return False
        others = {d for other in self.chart.transitions if other is not transition for d in other.descriptors}
        return any(d in self.chart.serves.actions and not others & {d, "*"} for d in transition.descriptors)

    def _timeout(self, state: State, key: Scalar, value: Node) -> None:
        first = value.items[0] if isinstance(value, Sequence) and value.items else value
        transition = self._at(first)
        if transition is None:
            return
        self._durations(transition.id, transition.id, state.id, key)

    def _durations(self, owner: str, late: str, early: str, node: Scalar) -> None:
        for kind, change in (("doubled", "* 2"), ("halved", "/ 2")):
            delay = node.text if node.text.isidentifier() else f"({node.text})"
            edit = self.editor.scalar(node, f"{delay} {change}")
            self._add(f"timeout {kind}", owner, late if kind == "doubled" else early, node, edit)

    def _trigger(self, state: State, parent: Mapping, key: str, value: Node) -> None:
        items = value.items if isinstance(value, Sequence) else [value]
        for item in items:
            transition = self._at(item)
            if transition is None:
                continue
            if isinstance(value, Sequence):
                deleted = self.editor.without_item(value, item)
            else:
                deleted = self.editor.without_entry(parent, key)
            if not self._is_owed(transition):
                self._add("transition deleted", transition.id, transition.id, item, deleted)
            if isinstance(item, Scalar):
                self._target(transition, transition.id, transition.id, item)
                continue
            if not isinstance(item, Mapping):
                continue
            self._parts(state, transition, item)

    def _parts(self, state: State, transition: Transition, item: Mapping) -> None:
        for part, _, node in item.items():
            if part == "target" and isinstance(node, Scalar):
                self._target(transition, transition.id, transition.id, node)
            elif part == "guard" and isinstance(node, Scalar):
                self._guard(transition.id, state.id, node)
            elif part == "actions":
                self._actions(transition.id, transition.id, item, part, node)

    def _polled(self, state: State, body: Mapping, value: Node, item: Node) -> None:
        transition = self._at(item)
        if transition is None or not isinstance(item, Mapping):
            return
        if isinstance(value, Sequence):
            deleted = self.editor.without_item(value, item)
        else:
            deleted = self.editor.without_entry(body, "poll")
        self._add("transition deleted", transition.id, transition.id, item, deleted)
        every, when = item.get("every"), item.get("when")
        if isinstance(every, Scalar):
            self._durations(transition.id, transition.id, state.id, every)
        if isinstance(when, Scalar):
            self._guard(transition.id, state.id, when)
        self._parts(state, transition, item)

    def _listed(self, body: Mapping, key: str, value: Node) -> None:
        for item in value.items if isinstance(value, Sequence) else [value]:
            if (transition := self._at(item)) is not None:
                if isinstance(value, Sequence):
                    deleted = self.editor.without_item(value, item)
                else:
                    deleted = self.editor.without_entry(body, key)
                self._add("transition deleted", transition.id, transition.id, item, deleted)

    def _at(self, node: Node) -> Transition | None:
        found = self.places.get((node.start.line + 1, node.start.column + 1))
        return found[0] if found else None

    def _target(self, transition: Transition, owner: str, near: str, node: Scalar) -> None:
        if len(transition.targets) != 1 or node.is_null:
            return
        target = transition.targets[0]
        siblings = [s for s in target.parent.children if s.kind.value in _PLAIN] if target.parent is not None else []
        if target not in siblings:
            return
        at = siblings.index(target)
        # The next one that can be entered with what this target gives, or with nothing: the loader refuses any other.
        others = (s for s in siblings[at + 1 :] + siblings[:at] if not s.args or s.args == target.args)
        other = next(others, None)
        if other is None:
            return
        path, bracket, arguments = node.text.partition("(")
        head, dot, _ = path.rpartition(".")
        text = f"{head}{dot}{other.name}"
        if other.args == target.args:
            text += bracket + arguments
        self._add("target", owner, near, node, self.editor.scalar(node, text), f"{node.text} → {text}")
        if arguments:
            self._arguments(target, owner, near, node)

    def _arguments(self, target: State, owner: str, near: str, node: Scalar) -> None:
        """Each argument that a target gives is once the emptiest of its type."""
        try:
            call = parse_expression(
                " " * node.text.index("(") + node.text[node.text.index("(") :].replace("(", "x(", 1)
            )
        except ExpressionError:
            return
        shift = 1  # the letter
        if call.kind != "call":
            return
        for name, value in zip(cast("list[str]", call.value), call.children[1:], strict=True):
            type_ = target.args.get(name)
            empty = _EMPTY.get(type_.kind) if type_ is not None else None
            start, end = value.start - shift, value.end - shift
            if empty is None or node.text[start:end] == empty:
                continue
            text = node.text[:start] + empty + node.text[end:]
            self._add("argument emptied", owner, near, node, self.editor.scalar(node, text), text)

    # ------------------------------------------------------------ guards and actions

    def _guard(self, owner: str, near: str, node: Scalar) -> None:
        self._add("guard negated", owner, near, node, self.editor.scalar(node, f"not ({node.text})"), node.text)
        try:
            tokens = tokenize(node.text)
        except ExpressionError:
            return
        for token in tokens:
            if token.text in _BOUNDARY:
                text = node.text[: token.start] + _BOUNDARY[token.text] + node.text[token.end :]
                self._add("guard boundary", owner, near, node, self.editor.scalar(node, text), text)

    def _actions(self, owner: str, near: str, parent: Mapping, key: str, value: Node, needed: bool = False) -> None:
        """Every action of a block is dropped once; inside `if` and `foreach`, too. ``needed``: the key must stay."""
        items = value.items if isinstance(value, Sequence) else [value]
        if items and all(isinstance(item, Sequence) for item in items):
            for block in items:
                self._actions(owner, near, parent, key, block)
            return
        for item in items:
            if isinstance(value, Sequence):
                dropped = self.editor.without_item(value, item)
            elif needed:
                dropped = Edit(value.start.index, self.editor.end(value), "[]")
            else:
                dropped = self.editor.without_entry(parent, key)
            if isinstance(item, Scalar):
                self._add("action dropped", owner, near, item, dropped, item.text)
            elif isinstance(item, Mapping):
                for inner in self._inside(owner, near, item, dropped):
                    self._add("action dropped", owner, near, *inner)

    def _inside(self, owner: str, near: str, item: Mapping, dropped: Edit) -> Iterator[tuple[Node, Edit, str]]:
        """The droppable parts of one action: an assignment each, both branches of an `if`, the whole otherwise."""
        assign, condition, loop = item.get("assign"), item.get("if"), item.get("foreach")
        if assign is not None:
            yield from self._assigned(assign, dropped)
        elif condition is not None:
            if isinstance(condition, Scalar):
                self._guard(owner, near, condition)
            for branch in ("then", "else"):
                inner = item.get(branch)
                if inner is not None:
                    self._actions(owner, near, item, branch, inner)
        elif isinstance(loop, Mapping):
            body = loop.get("do")
            if body is not None:
                self._actions(owner, near, loop, "do", body)
        elif item.get("log") is None:
            raw = " ".join(self.text[item.start.index : self.editor.end(item)].split())
            yield item, dropped, raw[:100]

    def _assigned(self, node: Node, dropped: Edit) -> Iterator[tuple[Node, Edit, str]]:
        """Each assignment of a mapping, or of a list of them; ``dropped`` is the edit without all of it."""
        if isinstance(node, Sequence):
            for item in node.items:
                yield from self._assigned(
                    item, self.editor.without_item(node, item) if len(node.items) > 1 else dropped
                )
        elif isinstance(node, Mapping):
            for name, _, value in node.items():
                alone = len(node.entries) == 1
                yield value, dropped if alone else self.editor.without_entry(node, name), f"assign {name}"


_EMPTY = {Kind.BOOL: "False", Kind.INT: "0", Kind.FLOAT: "0.0", Kind.STRING: "''", Kind.BYTES: "hex('')"}
_PLAIN = frozenset(kind.value for kind in (StateKind.ATOMIC, StateKind.COMPOUND, StateKind.PARALLEL, StateKind.FINAL))
