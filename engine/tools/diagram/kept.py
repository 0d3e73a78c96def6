"""What was made once and may be needed again, in the user's cache, by the hash of all it was made from.

Nothing in it is ever out of date: other input has another hash. What nobody has asked for in a month is dropped.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from pathlib import Path

_MONTH = 30 * 86_400.0
_DAY = 86_400.0


def cache_folder() -> Path:
    """This package's folder in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chargechart"


def key(kind: str, *parts: str) -> str:
    """The name of what is made from these parts."""
    digest = hashlib.sha256()
    for part in (kind, *parts):
        data = part.encode()
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()


def read(key: str) -> bytes | None:
    """What is kept under this key; None when nothing is."""
    path = _path(key)
    try:
        data = path.read_bytes()
        if time.time() - path.stat().st_mtime > _DAY:
            os.utime(path)  # was needed: stays another month
    except OSError:
        return None
    digest, _, content = data.partition(b"\n")
    return content if digest == hashlib.sha256(content).hexdigest().encode() else None  # a disk may have been full


def write(key: str, content: bytes) -> None:
    """Keep it. A cache that cannot be written is none: the work is done again next time."""
    path = _path(key)
    with contextlib.suppress(OSError):
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
        os.replace(name, path)


def drop_old() -> None:
    """Remove what nobody has asked for in a month."""
    oldest = time.time() - _MONTH
    for path in (cache_folder() / "drawn").glob("*/*"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _path(key: str) -> Path:
    return cache_folder() / "drawn" / key[:2] / key[2:]
