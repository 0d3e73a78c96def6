"""Reading nodes as the language wants them: mappings with known keys, names, texts. Collects all problems."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from engine.language.expr import tree
from engine.language.expr.check import Scope
from engine.language.expr.lex import ExpressionError, Fault
from engine.language.expr.unify import BROKEN
from engine.language.load.keys import Keys
from engine.language.load.yaml_source import Mapping, Node, Scalar, Sequence, Source
from engine.language.position import Position
from engine.language.problems import Problem, ProblemList, did_you_mean, nearest
from engine.language.types import DURATION_UNITS, UNITS, Type

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What people write for units we have.
SPOKEN_UNITS = {
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "minute", "minutes", "mins"), "min"),
    **dict.fromkeys(("hour", "hours", "hr", "hrs"), "h"),
    **dict.fromkeys(("msec", "millis", "milliseconds"), "ms"),
    **dict.fromkeys(("volt", "volts"), "V"),
    **dict.fromkeys(("amp", "amps", "ampere", "amperes"), "A"),
    **dict.fromkeys(("watt", "watts"), "W"),
    **dict.fromkeys(("c", "celsius", "deg"), "degC"),
    **dict.fromkeys(("percent", "pct"), "%"),
}
# What other state-chart languages call our keys.
_SPOKEN_KEYS = {
    **dict.fromkeys(("cond", "condition", "if", "when"), "guard"),
    **dict.fromkeys(("action", "do", "effect"), "actions"),
    **dict.fromkeys(("to", "goto", "next"), "target"),
    **dict.fromkeys(("onentry", "enter", "onenter"), "entry"),
    **dict.fromkeys(("onexit", "leave"), "exit"),
    **dict.fromkeys(("transitions", "transition", "event"), "on"),
    **dict.fromkeys(("variables", "context", "datamodel"), "data"),
    **dict.fromkeys(("name", "id", "statechart"), "machine"),
    **dict.fromkeys(("timeout", "delay"), "after"),
    **dict.fromkeys(("value", "init"), "initial"),
    **dict.fromkeys(("elif", "elseif", "otherwise"), "else"),
}
TRUE = frozenset({"true", "True", "TRUE"})
FALSE = frozenset({"false", "False", "FALSE"})


class Reader:
    """Reads the nodes of one file. Problems are collected, not raised; broken parts are left out of the result."""

    def __init__(
        self,
        source: Source,
        problems: ProblemList,
        older: bool = False,
        typed: list[tuple[Node, Scope, Type]] | None = None,
    ) -> None:
        """``older``: charts of older versions of the language are read as what they meant. ``typed`` is given the
        nodes at which a value of a known type stands, each with its scope and type."""
        self.source = source
        self.problems = problems
        self.older = older
        self.typed = typed
        self._misspelt: set[int] = set()  # id() of mappings with an unknown key: likely the one that is missing
        self._split_end = -1  # where the first part of a text ends that a flow collection has cut at a comma

    # ------------------------------------------------------------ problems

    def source_of(self, node: Node) -> Source:
        """The source of a node: the file, or what the use of a template makes of it."""
        return node.source or self.source

    def position(self, node: Node) -> Position:
        """The position of a node's first character."""
        source = node.source or self.source
        return Position(source.file, node.start.line + 1, node.start.column + 1, source.used)

    def problem(
        self,
        node: Node,
        code: str,
        message: str,
        expected: str = "",
        hint: str = "",
        known: Iterable[str] | None = None,
    ) -> None:
        """Record a problem at ``node``. ``known`` are the names allowed there, for the nearest one."""
        if self._is_cut_off(node):
            return
        if known is not None:
            hint = did_you_mean(node.text if isinstance(node, Scalar) else "", known)
        length = max(1, node.end.index - node.start.index) if isinstance(node, Scalar) else 1
        source = self.source_of(node)
        self.problems.add(source.problem(node.start.line, node.start.column, code, message, expected, hint, length))

    def missing(self, mapping: Node, place: Node, message: str, expected: str) -> None:
        """Record that a key is missing, unless an unknown key there has been reported already."""
        if id(mapping) not in self._misspelt:
            self.problem(place, "missing-key", message, expected)

    def _is_cut_off(self, node: Node) -> bool:
        """Whether ``node`` is the rest of a text that a flow collection has cut at a comma: told of with its start."""
        end = self._split_end
        if end < 0 or node.start.index < end or self.source.text[end : node.start.index].strip() != ",":
            return False
        self._split_end = node.end.index
        return True

    def problem_at(self, position: Position, code: str, message: str, expected: str = "", length: int = 1) -> None:
        """Record a problem at a position; ``length`` is the number of characters meant."""
        line = self.source.line(position.line)
        self.problems.add(Problem(position, code, message, line, expected, length=length))

    def fault(self, node: Node, fault: Fault) -> None:
        """Record what is wrong inside an expression, at its own column."""
        if self._is_cut_off(node):
            return
        hint = fault.hint
        if fault.code == "unknown-unit":
            near = nearest(SPOKEN_UNITS.get(hint.lower(), hint), [*DURATION_UNITS, *UNITS])
            hint = f"did you mean {near!r}?" if near else f"known: {', '.join([*DURATION_UNITS, *UNITS])}"
        if isinstance(node, Scalar):
            line, column = self.source_of(node).place(node, fault.start)
            if fault.start >= len(node.text) and self.cut_at_comma(node):
                self._split_end = node.end.index
                hint = "inside [ ] and { } an expression that holds a comma stands in quotes"
        else:
            line, column = node.start.line, node.start.column + fault.start
        self.problems.add(
            self.source_of(node).problem(
                line, column, fault.code, fault.message, fault.expected, hint, max(1, fault.end - fault.start)
            )
        )

    def _follows_comma(self, node: Scalar) -> bool:
        return node.plain and self.source.text[max(0, node.start.index - 200) : node.start.index].rstrip().endswith(",")

    def cut_at_comma(self, node: Scalar) -> bool:
        """Whether a comma follows a plain text: inside a flow collection it ends the text, whatever was meant."""
        return node.plain and self.source.text[node.end.index : node.end.index + 1] == ","

    # ------------------------------------------------------------ nodes

    def mapping(self, node: Node | None, what: str, expected: str = "key: value") -> Mapping | None:
        """``node`` as a mapping; None (with a problem unless it is absent or empty) otherwise."""
        if isinstance(node, Mapping):
            return node
        if node is not None and not (isinstance(node, Scalar) and node.is_null):
            self.problem(node, "shape", f"{what} is a mapping", expected)
        return None

    def filled(self, node: Node | None, what: str, expected: str) -> Mapping | None:
        """``node`` as a mapping that is not empty. None otherwise, with a problem unless it is absent."""
        if isinstance(node, Scalar) and node.is_null:
            self.problem(node, "shape", f"{what} is empty", expected)
            return None
        return self.mapping(node, what, expected)

    def entries(self, node: Node | None, what: str, expected: str = "key: value") -> Iterator[tuple[str, Scalar, Node]]:
        """The entries of a mapping that may be absent."""
        mapping = self.mapping(node, what, expected)
        return iter(()) if mapping is None else mapping.items()

    def items(self, node: Node | None) -> list[Node]:
        """``node`` as a list: its items, or itself as the only one; nothing when absent or empty."""
        if node is None or (isinstance(node, Scalar) and node.is_null):
            return []
        return node.items if isinstance(node, Sequence) else [node]

    def check_keys(self, mapping: Mapping, keys: Keys, what: str = "", imported: bool = False) -> None:
        """Record the keys a mapping of this kind does not have. ``what``: which one it is, for people; ``imported``:
        the document is an imported one, and may say more."""
        allowed = keys.known(imported)
        if not mapping.entries.keys() <= allowed:
            self._unknown_keys(mapping, allowed, keys, what or keys.what)

    def _unknown_keys(self, mapping: Mapping, allowed: frozenset[str], keys: Keys, what: str) -> None:
        open_bracket = False  # the value before has one: this key is the rest of it, cut off at a comma
        for key, node, value in mapping.items():
            if isinstance(value, Scalar) and not value.is_null:
                open_bracket = value.plain and value.text.count("(") > value.text.count(")")
            if key in allowed or open_bracket:
                continue
            self._misspelt.add(id(mapping))
            spoken = _SPOKEN_KEYS.get(_letters(key), key)
            hint = did_you_mean(spoken if spoken in allowed else key, sorted(allowed))
            if isinstance(value, Scalar) and value.is_null and self._follows_comma(node):
                hint = "inside { } text that holds a comma stands in quotes"
            if key == "<<":
                hint = "nothing is merged into charts: write it out"
            elif key in keys.all:
                hint = "only imported documents have it (`events: any`)"
            self.problem(node, "unknown-key", f"{what} has no key {key[:80]!r}", hint=hint)

    def text(self, node: Node | None, what: str) -> str:
        """A text, '' when absent."""
        if node is None:
            return ""
        if isinstance(node, Scalar):
            return "" if node.is_null else node.text
        self.problem(node, "shape", f"{what} is text", "text")
        return ""

    def flag(self, node: Node | None, what: str) -> bool:
        """``true`` or ``false``; absent is False. Else a problem."""
        if node is None:
            return False
        if isinstance(node, Scalar) and node.plain and node.text in TRUE | FALSE:
            return node.text in TRUE
        self.problem(node, "shape", f"{what} is true or false", "true or false")
        return False

    def name(self, node: Scalar, what: str) -> bool:
        """Whether a key or text is a name; else a problem."""
        if NAME.fullmatch(node.text) and len(node.text) <= 200:
            return True
        shown = node.text if len(node.text) <= 40 else node.text[:40] + "…"
        self.problem(node, "name", f"{shown!r} cannot be the name of {what}", "letters, digits and _, no digit first")
        return False

    def texts(self, node: Node | None, what: str) -> dict[str, str]:
        """A mapping of texts."""
        return {key: self.text(value, f"{what} {key!r}") for key, _, value in self.entries(node, what)}

    # ------------------------------------------------------------ expressions

    def expression_text(self, node: Node, what: str) -> str | None:
        """The text of an expression: a scalar, or a flow sequence as it is written."""
        if isinstance(node, Scalar):
            return node.text
        if isinstance(node, Sequence) and node.flow:
            return self.source.raw(node)
        self.problem(node, "shape", f"{what} is an expression", "an expression on one line or in quotes")
        return None

    def compile(self, node: Node, what: str, make: Callable[[str], tree.Expr]) -> tree.Expr:
        """The expression of ``node`` by ``make``; a broken one after its problems are recorded."""
        text = self.expression_text(node, what)
        if text is None:
            return tree.Literal(None, BROKEN)
        try:
            return make(text)
        except ExpressionError as error:
            for fault in error.faults:
                self.fault(node, fault)
            return tree.Literal(None, BROKEN)


def _letters(key: str) -> str:
    return "".join(character for character in key[:40].lower() if character.isalpha())


NO_NAMES = Scope()
