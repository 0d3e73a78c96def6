"""Text of an expression → syntax tree: a small bounded Pratt parser.

The syntax tree knows operators and names but no types; :mod:`engine.language.expr.check` makes the typed tree from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.language.expr.lex import CONSTANTS, ExpressionError, Fault, Token, tokenize

MAX_DEPTH = 64  # of the tree
MAX_NESTING = 32  # of brackets: each costs the parser a dozen calls

_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "not", "is"})
_BINDING = {"+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "%": 6}


@dataclass(slots=True)
class Node:
    """A syntax node. ``kind`` says what ``value`` and ``children`` hold:

    =========  =========================  ==========================
    kind       value                      children
    =========  =========================  ==========================
    number     (number, unit symbol)
    string     its text
    constant   True, False or None
    name       the name
    attribute  the name after the dot     what stands before the dot
    call       names of arguments, "" by  the function, then the
               position                   arguments
    index                                 list, index
    unary      ``-`` or ``not``           operand
    binary     operator                   left, right
    compare    list of operators          operands, one more
    and, or                               operands
    if                                    then, test, else
    list                                  items
    =========  =========================  ==========================
    """

    kind: str
    start: int
    end: int
    value: object = None
    children: list[Node] = field(default_factory=list)
    depth: int = 1


def parse(text: str) -> Node:
    """Parse a whole expression.

    Raises:
        ExpressionError: it is not one; the fault has the offset.
    """
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = tokenize(text)
        self.at = 0
        self.nesting = 0

    # ------------------------------------------------------------ tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def next(self) -> Token:
        token = self.tokens[self.at]
        if token.kind != "end":
            self.at += 1
        return token

    def is_op(self, text: str) -> bool:
        token = self.tokens[self.at]
        return token.kind == "op" and token.text == text

    def expect(self, text: str, why: str) -> Token:
        if self.is_op(text):
            return self.next()
        raise self.error(f"{text!r} {why}")

    def error(self, expected: str) -> ExpressionError:
        token = self.token
        if token.kind == "end":
            return ExpressionError([Fault(token.start, token.end, "syntax", "the expression ends here", expected)])
        if token.text == "**":
            return ExpressionError([Fault(token.start, token.end, "syntax", "there is no power operator", "'*'")])
        if token.text == "=":
            return ExpressionError([Fault(token.start, token.end, "syntax", "'=' does not compare", "'=='")])
        return ExpressionError([Fault(token.start, token.end, "syntax", f"unexpected {token.text!r}", expected)])

    def node(self, kind: str, start: int, end: int, value: object, children: list[Node]) -> Node:
        depth = 1 + max((child.depth for child in children), default=0)
        if depth > MAX_DEPTH:
            raise ExpressionError([Fault(start, end, "limit", f"the expression is nested deeper than {MAX_DEPTH}")])
        return Node(kind, start, end, value, children, depth)

    # ------------------------------------------------------------ grammar

    def whole(self) -> Node:
        node = self.conditional()
        if self.token.kind != "end":
            raise self.error("an operator or the end of the expression")
        return node

    def conditional(self) -> Node:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            token = self.token
            message = f"more than {MAX_NESTING} brackets inside each other"
            raise ExpressionError([Fault(token.start, token.end, "limit", message)])
        then = self.disjunction()
        if self.is_op("if"):
            self.next()
            test = self.disjunction()
            self.expect("else", "after the condition of 'if'")
            other = self.conditional()
            then = self.node("if", then.start, other.end, None, [then, test, other])
        self.nesting -= 1
        return then

    def disjunction(self) -> Node:
        return self.flat("or", self.conjunction())

    def conjunction(self) -> Node:
        return self.flat("and", self.negation())

    def flat(self, op: str, first: Node) -> Node:
        """``first`` and what follows joined by ``op``, as one node of many operands."""
        if not self.is_op(op):
            return first
        operands = [first]
        while self.is_op(op):
            self.next()
            operands.append(self.conjunction() if op == "or" else self.negation())
        return self.node(op, first.start, operands[-1].end, None, operands)

    def negation(self) -> Node:
        starts: list[int] = []
        while self.is_op("not"):
            starts.append(self.next().start)
        node = self.comparison()
        for start in reversed(starts):
            node = self.node("unary", start, node.end, "not", [node])
        return node

    def comparison(self) -> Node:
        first = self.arithmetic(0)
        operators: list[str] = []
        operands = [first]
        while self.token.kind == "op" and self.token.text in _COMPARISONS:
            op = self.next().text
            if op == "not":
                self.expect("in", "after 'not' between two values")
                op = "not in"
            elif op == "is":
                negated = self.is_op("not")
                if negated:
                    self.next()
                if not (self.token.kind == "name" and CONSTANTS.get(self.token.text, True) is None):
                    raise self.error("'None' after 'is': other values are compared by '=='")
                op = "!=" if negated else "=="
            operators.append(op)
            operands.append(self.arithmetic(0))
        if not operators:
            return first
        return self.node("compare", first.start, operands[-1].end, operators, operands)

    def arithmetic(self, minimum: int) -> Node:
        left = self.sign()
        while True:
            token = self.token
            binding = _BINDING.get(token.text, 0) if token.kind == "op" else 0
            if binding <= minimum:
                return left
            self.next()
            right = self.arithmetic(binding)
            left = self.node("binary", left.start, right.end, token.text, [left, right])

    def sign(self) -> Node:
        starts: list[int] = []
        while self.is_op("-"):
            starts.append(self.next().start)
        node = self.postfix()
        for start in reversed(starts):
            node = self.node("unary", start, node.end, "-", [node])
        return node

    def postfix(self) -> Node:
        node = self.atom()
        while True:
            if self.is_op("."):
                self.next()
                if self.token.kind not in ("name", "op") or not self.token.text.isidentifier():
                    raise self.error("a name after '.'")
                name = self.next()
                node = self.node("attribute", node.start, name.end, name.text, [node])
            elif self.is_op("("):
                node = self.call(node)
            elif self.is_op("["):
                self.next()
                key = self.conditional()
                end = self.expect("]", "after the index").end
                node = self.node("index", node.start, end, None, [node, key])
            else:
                return node

    def call(self, function: Node) -> Node:
        self.next()
        names: list[str] = []
        children = [function]
        while not self.is_op(")"):
            name = ""
            following = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
            if self.token.kind == "name" and following.kind == "op" and following.text == "=":
                name = self.next().text
                self.next()
            names.append(name)
            children.append(self.conditional())
            if not self.is_op(")"):
                self.expect(",", "or ')' after an argument")
        end = self.next().end
        return self.node("call", function.start, end, names, children)

    def atom(self) -> Node:
        token = self.token
        if token.kind == "number" or token.kind == "string":
            self.next()
            return Node(token.kind, token.start, token.end, token.value)
        if token.kind == "name":
            self.next()
            if token.text in CONSTANTS:
                return Node("constant", token.start, token.end, CONSTANTS[token.text])
            return Node("name", token.start, token.end, token.text)
        if self.is_op("("):
            self.next()
            node = self.conditional()
            end = self.expect(")", "to close '('").end
            return Node(node.kind, token.start, end, node.value, node.children, node.depth)
        if self.is_op("["):
            self.next()
            items: list[Node] = []
            while not self.is_op("]"):
                items.append(self.conditional())
                if not self.is_op("]"):
                    self.expect(",", "or ']' after an item")
            end = self.next().end
            return self.node("list", token.start, end, None, items)
        raise self.error("a value, a name or '('")
