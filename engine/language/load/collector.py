"""The collector of garbage, during a load."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """A load makes many objects and hardly any garbage: the collector walking them again and again would take most of
    its time. Memory stays bounded by the limits on the files."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
