"""A system for tests that ask its page in their own thread."""

from __future__ import annotations

from typing import Any

from engine.run import System


class AtOnce(System):
    """What is handed over is done at once: there is no other thread here."""

    def hand_over(self, callback: Any) -> None:
        callback()
        self.run_due()
