"""Commit and date for the title block, where a drawing can name them.

One that stands in the repository cannot: it would be stale with every commit, and the commit that holds it is not known
when it is drawn. What identifies the model there is its version and hash. One that leaves the repository names them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from shutil import which

NO_GIT = "–"  # in the place of a commit that only git could tell


class NoCommit(Exception):
    """There is no commit to name; the text says why."""


def stamp(paths: Sequence[Path], wanted: bool | None, output: Path) -> str:
    """``1a2b3c4, 2026-11-29``: the commit that is checked out where these files are, and its date; ``1a2b3c4+`` when
    one of them has changed since; nothing when that is not ``wanted``. When nobody has said (None), it is for an
    ``output`` folder outside the files' repository; there is NO_GIT where git is not installed. Raises NoCommit when
    it is wanted and there is none."""
    folder = paths[0] if paths[0].is_dir() else paths[0].parent
    if wanted is False:
        return ""
    try:
        top = Path(_git(folder, "rev-parse", "--show-toplevel"))
        if wanted is None and output.resolve().is_relative_to(top.resolve()):
            return ""
        commit, _, date = _git(folder, "log", "-1", "--format=%h %cs").partition(" ")
        changed = _git(folder, "status", "--porcelain", "--", *(str(path.resolve()) for path in paths))
    except NoCommit:
        if wanted:
            raise
        return NO_GIT if which("git") is None and _leaves_repository(folder.resolve(), output.resolve()) else ""
    return f"{commit}{'+' if changed else ''}, {date}"


def _leaves_repository(folder: Path, output: Path) -> bool:
    """Whether ``folder`` is in a repository, as far as can be told without git, and ``output`` is not in it."""
    top = next((place for place in (folder, *folder.parents) if (place / ".git").exists()), None)
    return top is not None and not output.is_relative_to(top)


def _git(folder: Path, *command: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *command], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise NoCommit("--stamp asks git for the commit, and git is not installed") from error
    if done.returncode != 0:
        reason = (done.stderr.strip() or "git failed").splitlines()[-1]
        raise NoCommit(f"--stamp: no commit at {folder}: {reason}")
    return done.stdout.strip()
