"""Names of a chart as identifiers of C."""

from __future__ import annotations

import re

_KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        """auto bool break case char const continue default do double else enum extern false float for goto if inline
        int long register restrict return short signed sizeof static struct switch true typedef union unsigned void
        volatile while""",
    )
)


def identifier(text: str) -> str:
    """``vehicle.ready`` as ``vehicle_ready``; a name that C keeps for itself gets a ``_`` behind it."""
    name = re.sub(r"[^0-9A-Za-z_]", "_", text) or "_"
    if name[0].isdigit() or name[0] == "_":
        name = f"x{name}"
    return f"{name}_" if name in _KEYWORDS else name


class Names:
    """Identifiers of one scope: different things never share one."""

    def __init__(self) -> None:
        self._of: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, text: str) -> str:
        """The identifier of a name, always the same."""
        if text not in self._of:
            name = identifier(text)
            while name in self._taken:
                name += "_"
            self._taken.add(name)
            self._of[text] = name
        return self._of[text]


def quoted(text: str) -> str:
    """A text as a string literal of C, its octets in UTF-8."""
    parts = []
    for octet in text.encode():
        character = chr(octet)
        if character in '"\\':
            parts.append("\\" + character)
        elif 32 <= octet < 127 and character != "?":  # two question marks would begin a trigraph
            parts.append(character)
        else:
            parts.append(f"\\{octet:03o}")
    return '"' + "".join(parts) + '"'


def comment(text: str) -> str:
    """A text that a comment of C may hold."""
    return text.replace("*/", "* /").replace("/*", "/ *").replace("\n", " ")
