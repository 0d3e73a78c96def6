"""Text without quotes of its own, where a string or an enum is wanted.

An enum's value stands as it is; so does a string of several words. A single word where a string is wanted is a name, as
everywhere: a misspelt name must not become a text. So nothing that can be an expression is ever read as text, and what
is both a value of the enum and a name at that place is refused.
"""

from __future__ import annotations

import re
from itertools import pairwise

KEYWORDS = frozenset({"if", "else", "and", "or", "not", "in", "is", "True", "False", "None"})
_AFTER = {"not": {"in"}, "is": {"None", "not"}}
_OF_EXPRESSIONS = re.compile(r"['\"()\[\]{}+*=<>]|\w\.\w")  # quotes, brackets, operators, and dotted names


def are_words(text: str) -> bool:
    """Whether ``text`` is a text of several words: two words of letters follow each other, which they do in no
    expression, and there is no quote, bracket, operator or dotted name in it."""
    if _OF_EXPRESSIONS.search(text):
        return False
    words = text.split()
    # `not` stands before an operand or in `not in`, `is` before None: "does not close", "it is over" are no expressions
    words = [word for word, after in zip(words, [*words[1:], ""], strict=True) if after in _AFTER.get(word, {after})]
    return any(
        first[0].isalpha() and first[-1].isalnum() and second[0].isalpha() and not {first, second} & KEYWORDS
        for first, second in pairwise(words)
    )
