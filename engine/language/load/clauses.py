"""``clause`` and ``source``: where a rule or a value comes from.

``clause`` cites standards, ``STANDARD PLACE`` or ``STANDARD PLACE: what it says``, several separated by ``;`` or ``,``;
a part that begins with no standard is of the one before. ``source`` is for values that no standard gives.
"""

from __future__ import annotations

import re

from engine.language.load.reader import Reader
from engine.language.load.yaml_source import Mapping
from engine.language.model import Clause

_NAME = r"[A-Z][A-Za-z]+(?:/[A-Z][A-Za-z]+)*(?: [A-Z]{2,})* [A-Z]?\d[\d-]*(?::\d{4})?"
_STANDARD = re.compile(rf"({_NAME})(?:[,:]? +|$|(?=;))")
_PARTS = re.compile(rf";|, (?={_NAME})")


def cites_standard(text: str) -> bool:
    """Whether the text begins with a standard: ``ISO 15118-3:2015``, ``DIN SPEC 70121``, ``SAE J1772``."""
    return _STANDARD.match(text) is not None


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
                place, _, note = part.partition(": ")
                clauses.append(Clause(standard, place.strip(), note.strip(), about, position))
    return "; ".join(filter(None, (text, reader.text(other, "'source'"))))
