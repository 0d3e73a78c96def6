"""Contract ``chance``: random numbers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar

from adapters.settings import filled
from engine.adapter import Adapter, Setting, World


class SimulatedChance(Adapter):
    """Random numbers, the same in each run of one ``seed``; without one those of the operating system."""

    contract = "chance"
    behind = "simulated"
    settings: ClassVar[Mapping[str, Setting]] = {
        "seed": Setting("int?", 1, "Where they begin; none: chance of the operating system")
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self._random: random.Random | None = None  # 2.5 kB, which hardly anybody of a fleet ever asks

    @property
    def fraction(self) -> float:
        if self._random is None:
            seed = self.config["seed"]
            self._random = random.SystemRandom() if seed is None else random.Random(seed)
        return self._random.random()
