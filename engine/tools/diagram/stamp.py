"""Commit and date for the title block, when they are asked for.

They are not in a drawing by itself: a drawing that stands in the repository would be stale with every commit, and the
commit that holds it can't be named in it. What identifies the model there is its version and hash.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


class NoCommit(Exception):
    """There is no commit to name; the text says why."""


def stamp(paths: Sequence[Path]) -> str:
    """``1a2b3c4, 2026-11-29``: the commit that is checked out where these files are, and its date; ``1a2b3c4+`` when
    one of them has changed since. Raises NoCommit."""
    folder = paths[0] if paths[0].is_dir() else paths[0].parent
    commit, _, date = _git(folder, "log", "-1", "--format=%h %cs").partition(" ")
    changed = _git(folder, "status", "--porcelain", "--", *(str(path.resolve()) for path in paths))
    return f"{commit}{'+' if changed else ''}, {date}"


def _git(folder: Path, *command: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *command], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise NoCommit("--stamp asks git for the commit, and git is not installed") from error
    if done.returncode != 0:
        reason = (done.stderr.strip() or "git failed").splitlines()[-1]
        raise NoCommit(f"--stamp: no commit at {folder}: {reason}")
    return done.stdout.strip()
