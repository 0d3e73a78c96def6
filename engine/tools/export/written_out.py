"""A chart's own text with its templates written out: what the engine reads in place of each ``use``.

Comments are lost; everything else stands as it was written, in block style.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import cast

import yaml
from yaml.events import (
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from engine.language.expr.lex import ExpressionError, tokenize
from engine.language.expr.parse import Node as Syntax
from engine.language.expr.parse import parse as parse_expression
from engine.language.expr.words import are_words
from engine.language.load.actions import called_template
from engine.language.load.reader import Reader
from engine.language.load.source_file import read_source
from engine.language.load.templates import Given, Templates, given_for
from engine.language.load.yaml_source import Mapping, Node, Scalar, Sequence, parse
from engine.language.model import Chart
from engine.language.problems import ProblemList
from engine.language.types import Kind, Type
from engine.tools.export.losses import Construct, Exported

_WORDS = frozenset(
    {"title", "description", "source", "message", "type", "history", "internal", "id", "to", "src", "item"}
)
_TARGETS = frozenset({"target", "initial", "on", "after", "always", "onDone", "onError"})
_ACTIONS = frozenset({"entry", "exit", "actions", "then", "else", "do", "script", "finalize"})
_SIMPLE = re.compile(r"[\w.]+|'[^'\\]*'|-?\d[\w. ]*")


def export_written_out(chart: Chart) -> Exported:
    """The chart without templates, in YAML. It is read from the chart's file."""
    source = read_source(Path(chart.file))
    root = parse(source, ProblemList())
    reader = Reader(source, ProblemList())
    assert isinstance(root, Mapping)
    templates = Templates(reader)
    templates.read(root.get("templates"), ())
    exported = Exported()
    for state in chart.root.walk():
        for name, type_ in chart.templates[state.template].args.items() if state.template else ():
            if type_.endswith("?"):
                what = f"the argument '{name}' may be None: its value stands in its place, which may not load"
                exported.lose(Construct.TYPES, state.id, what, state.position)
    for name, definition in chart.templates.items():
        for argument, type_ in definition.args.items() if definition.of == "actions" else ():
            if type_.endswith("?"):
                what = f"the argument '{argument}' may be None: its value stands in its place, which may not load"
                exported.lose(Construct.TYPES, name, what, definition.position)
    events = [
        StreamStartEvent(),
        DocumentStartEvent(explicit=False),
        *_Writer(templates).mapping(root, ""),
        DocumentEndEvent(explicit=False),
        StreamEndEvent(),
    ]
    exported.text = yaml.emit(events, width=120, allow_unicode=True)
    return exported


class _Writer:
    def __init__(self, templates: Templates) -> None:
        self.templates = templates

    # ------------------------------------------------------------ structure

    def mapping(self, node: Mapping, role: str) -> Iterator[Event]:
        """``role``: the key above it, ``NAME`` for what is named freely."""
        yield MappingStartEvent(None, None, True, flow_style=False)
        for key, (place, value) in node.entries.items():
            if role == "" and key == "templates":
                continue
            text = place.text
            if role == "on":
                text = self.templates.events_of(place)
            elif role == "after":
                text = self.expression(place, place.text)
            yield _scalar(text, place.plain and text == place.text)
            if role == "states":
                yield from self.state(place, value)
            elif role in ("on", "after"):
                yield from self.node(value, role)
            else:
                yield from self.node(value, key)
        yield MappingEndEvent()

    def state(self, key: Scalar, value: Node) -> Iterator[Event]:
        if isinstance(value, Mapping):
            yield from self.mapping(self.templates.expanded(key, value)[0], "state")
        else:
            yield from self.node(value, "state")

    def node(self, node: Node, role: str) -> Iterator[Event]:
        if isinstance(node, Mapping):
            inner = role if role in ("on", "after", "states") and not _is_transition(node, role) else "state"
            yield from self.mapping(node, inner)
        elif isinstance(node, Sequence):
            yield SequenceStartEvent(None, None, True, flow_style=False)
            yield from self.items(node, role)
            yield SequenceEndEvent()
        elif isinstance(node, Scalar):
            yield from self.scalar(node, role)

    def items(self, node: Sequence, role: str) -> Iterator[Event]:
        for item in node.items:
            yield from self.item(item, role)

    def item(self, item: Node, role: str) -> Iterator[Event]:
        """An item of a list. What stands for it in a template, or what it calls, may be several."""
        given = given_for(item, item.text, "actions") if isinstance(item, Scalar) else None
        called = self.called(item) if isinstance(item, Scalar) and role in _ACTIONS else None
        stands = called if called is not None else given.node if given is not None else None
        if isinstance(stands, Sequence):
            yield from self.items(stands, role)
        elif stands is not None:
            yield from self.item(stands, role)
        else:
            yield from self.node(item, role)

    # ------------------------------------------------------------ texts

    def called(self, node: Scalar) -> Node | None:
        """The actions of the template that an action calls; None of another action."""
        try:
            syntax = parse_expression(node.text)
        except ExpressionError:
            return None
        template = self.templates.known.get(called_template(syntax) or "")
        if template is None:
            return None
        given: dict[str, Given] = {}
        for argument, parameter in template.parameters.items():
            value: Node = parameter.default or Scalar(node.start, node.end, "None")
            for name, part in zip(cast("list[str]", syntax.value), syntax.children[1:], strict=True):
                if name == argument:
                    text = _quoted(node.text[part.start : part.end], parameter.type)
                    value = Scalar(node.start, node.end, text, source=node.source)
            given[argument] = Given(parameter, value)
        return self.templates.called(node, template.definition.name, given)

    def scalar(self, node: Scalar, role: str) -> Iterator[Event]:
        called = self.called(node) if role in _ACTIONS else None
        if called is not None:
            yield from self.node(called, role)
            return
        if node.source is None or node.is_null or role in _WORDS:
            yield _scalar(node.text, node.plain)
            return
        given = given_for(node, node.text, "actions") if role in _ACTIONS else None
        if given is not None:
            yield from self.node(given.node, role)
            return
        text = node.text
        if role in _TARGETS:
            text = self.target(node)
        elif role in ("event", "raise"):
            text = self.templates.text_of(node, text, "event")
        elif role == "log":
            text = re.sub(r"(?<!\{)\{([^{}]+)\}", lambda part: "{" + self.expression(node, part[1]) + "}", text)
        else:
            text = self.expression(node, text)
        yield _scalar(text, node.plain and text == node.text)

    def target(self, node: Scalar) -> str:
        path, bracket, arguments = node.text.partition("(")
        return self.templates.text_of(node, path, "state") + bracket + self.expression(node, arguments)

    def expression(self, node: Scalar, text: str) -> str:
        """The text with the arguments of the template replaced."""
        try:
            tokens = tokenize(text)
        except ExpressionError:
            return text
        written, end = "", 0
        for number, token in enumerate(tokens):
            given = given_for(node, token.text, "value") if token.kind == "name" else None
            after = tokens[number + 1].text if number + 1 < len(tokens) else ""
            before = tokens[number - 1].text if number else ""
            if given is None or after == "=" or before == ".":
                continue
            value = "None"
            if isinstance(given.node, Scalar) and given.value is None:
                value = self.expression(given.node, _quoted(given.node.text.strip(), given.parameter.type))
            start = token.end - len(token.text)
            written += text[end:start] + (value if text == token.text or _SIMPLE.fullmatch(value) else f"({value})")
            end = token.end
        return written + text[end:]


def _quoted(text: str, type_: Type | None) -> str:
    """A text that needs no quotes where it is given needs them inside an expression."""
    if type_ is None:
        return text
    if type_.kind is Kind.ENUM:
        try:
            words = _words_of(parse_expression(text), type_.values)
        except ExpressionError:
            return repr(text) if text in type_.values else text
        for word in reversed(words):
            text = text[: word.start] + repr(word.value) + text[word.end :]
        return text
    return repr(text) if type_.kind is Kind.STRING and are_words(text) else text


def _words_of(node: Syntax, values: Collection[object]) -> list[Syntax]:
    """The bare values of an enum in an expression, in the branches of its ``if``, too."""
    if node.kind == "if":
        then, _, other = node.children
        return [*_words_of(then, values), *_words_of(other, values)]
    return [node] if node.kind == "name" and node.value in values else []


def _is_transition(node: Mapping, role: str) -> bool:
    """Whether a mapping below ``on`` or ``after`` is one transition and no mapping of them."""
    return role != "states" and node.entries.keys() <= {
        "target",
        "guard",
        "actions",
        "internal",
        "description",
        "clause",
        "source",
        "waive",
    }


def _scalar(text: str, plain: bool) -> Event:
    return ScalarEvent(None, None, (plain, not plain), text, style=None if plain else '"')
