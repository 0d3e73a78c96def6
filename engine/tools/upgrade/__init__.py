"""``engine upgrade``: rewrites charts and contracts of the version of the language before as those of the present one,
and roles of contracts that are no more as roles of what took them over (:mod:`engine.tools.upgrade.roles`).

The text is edited in place (:mod:`engine.tools.upgrade.rewrite`), so comments and layout stay. What comes out is loaded
and held against what the old text meant (:mod:`engine.tools.upgrade.same`): a chart that would not do the same is
refused.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from pathlib import Path

from engine.language.load.contract import SUFFIX, Contracts
from engine.language.load.files import Typed, load_older
from engine.language.load.keys import LANGUAGE
from engine.language.load.lookups import Lookups
from engine.language.load.yaml_source import Mapping, Scalar, Source, parse
from engine.language.model import Contract
from engine.language.problems import ChartError, ProblemList
from engine.tools.upgrade.rewrite import applied, rewritten_chart, rewritten_contract
from engine.tools.upgrade.roles import ByHand, role_edits
from engine.tools.upgrade.same import difference


class UpgradeRefused(Exception):
    """A file that cannot be upgraded; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A file before and after."""

    path: Path
    before: str
    after: str


def upgrade_file(path: Path, contracts: MappingOf[str, Contract] | None = None) -> Upgrade:
    """What a file becomes; nothing is written. A chart of the present version stays as it is. ``contracts``: those the
    chart was written for; without them, the files beside it and the installed adapters'.

    Raises ``UpgradeRefused`` and ``OSError``.
    """
    text = path.read_bytes().decode("utf-8", "strict")
    return Upgrade(path, text, upgraded(text, str(path), contracts))


def upgraded(text: str, file: str, contracts: MappingOf[str, Contract] | None = None) -> str:
    """The text in the present version of the language. ``contracts`` as of :func:`upgrade_file`.

    Raises ``UpgradeRefused``.
    """
    problems = ProblemList()
    try:
        root = parse(Source(file, text.removeprefix("\ufeff")), problems)
        if problems.found:
            raise ChartError(problems.found)
        if not isinstance(root, Mapping):
            raise UpgradeRefused(f"{file}: neither a chart nor a contract")
        if file.endswith(SUFFIX):
            return rewritten_contract(text, root)
        language = root.get("language")
        if isinstance(language, Scalar) and language.text == str(LANGUAGE):
            return _with_new_roles(text, file, contracts)
        typed: Typed = []
        before = load_older(text, file, contracts, typed)
        after = rewritten_chart(text, root, typed)
        unlike = difference(before, load_older(after, file, contracts))
        if unlike:
            raise UpgradeRefused(f"{file}: it would not mean the same any more: {unlike}")
        return _with_new_roles(after, file, contracts)
    except ChartError as error:
        raise UpgradeRefused("\n".join(str(problem) for problem in error.problems)) from None


def _with_new_roles(text: str, file: str, contracts: MappingOf[str, Contract] | None) -> str:
    """The text with a role of what took it over for each of a contract that is no more. Raises ``ChartError`` where
    the chart would not load then."""
    known, folder = Contracts(contracts, Lookups()), Path(file).parent
    body = text.removeprefix("\ufeff")
    root = parse(Source(file, body), ProblemList())
    assert isinstance(root, Mapping)  # it has been loaded
    try:
        edits = list(role_edits(body, root, lambda name: known.successors(name, folder)))
    except ByHand as error:
        raise UpgradeRefused(f"{file}: {error}; write which is meant") from None
    if not edits:
        return text
    after = applied(text, edits)
    load_older(after, file, contracts)
    return after
