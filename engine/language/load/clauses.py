"""``clause`` and ``source``: where a rule or a value comes from.

``clause`` cites standards, ``STANDARD PLACE`` or ``STANDARD PLACE: what it says``, several separated by ``;`` or ``,``.
After ``;`` a place alone (``8.4.3.9``, ``CC.3.5``, ``Table 75``, ``[V2G2-700]``) is of the standard before; anything
else that begins with no standard is prose, and goes on with what was said. ``source`` is for values that no standard
gives.
"""

from __future__ import annotations

import re

from engine.language.load.reader import Reader
from engine.language.load.yaml_source import Mapping
from engine.language.model import Clause

_NAME = (
    r"(?!(?:Clause|Table|Annex|Figure|Page)\b)[A-Z][A-Za-z]+(?:/[A-Z][A-Za-z]+)*(?: [A-Z]{2,})*"
    r" [A-Z]?\d[\d-]*(?::\d{4})?"
)
_STANDARD = re.compile(rf"({_NAME})(?:[,:]? +|$|(?=;))")
_NUMBERED = (
    r"(?:[A-Z]{1,3}\.)?\d+(?:\.\d+)*(?!\d|\.\d)(?! ?(?:ms|s|min|h|V|kV|A|kA|W|kW|Hz|kHz|%|mm|°C|Ohm|kOhm|to|of)\b)"
)
_PLACE = re.compile(rf"(?:\[|(?:[Cc]lause|[Tt]able|[Aa]nnex|[Ff]igure|[Pp]age|p\.) |{_NUMBERED}|[A-Z]\.\d)")
_NO_PLACE = re.compile(r"[a-z]+\b(?<!clause)(?<!table)(?<!annex)(?<!figure)(?<!page)(?<!p)")  # a word: prose
_PARTS = re.compile(rf"; *(?={_NAME}(?:[,:; ]|$)|{_PLACE.pattern})|, (?={_NAME})")


def cites_standard(text: str) -> bool:
    """Whether the text begins with a standard: ``ISO 15118-3:2015``, ``DIN SPEC 70121``, ``SAE J1772``."""
    return _STANDARD.match(text) is not None


def _cut(part: str) -> tuple[str, str]:
    """Place and what is said of it; what follows a ``;`` is said, too."""
    ends = [at for at in (part.find(": "), part.find(";")) if at >= 0]
    at = min(ends, default=len(part))
    return part[:at].strip(), part[at + 1 :].strip()


def read_citation(reader: Reader, body: Mapping, about: str, clauses: list[Clause]) -> str:
    """What ``clause`` and ``source`` of a mapping say, for people; the citations are added to ``clauses``. ``about``
    names what they are of."""
    node, other = body.get("clause"), body.get("source")
    text = reader.text(node, "'clause'")
    if node is not None and text:
        if not cites_standard(text):
            message = f"'clause' cites a standard, which {text[:60]!r} does not begin with"
            reader.problem(
                node, "shape", message, "IEC 61851-23 CC.3.3", "where else it comes from is told by 'source'"
            )
        else:
            position, standard = reader.position(node), ""
            for part in (part.strip() for part in _PARTS.split(text)):
                if found := _STANDARD.match(part):
                    standard, part = found[1], part[found.end() :]
                    if found[0].endswith(": ") or _NO_PLACE.match(part):
                        part = f": {part}"
                place, note = _cut(part)
                clauses.append(Clause(standard, place, note, about, position))
    return "; ".join(filter(None, (text, reader.text(other, "'source'"))))
