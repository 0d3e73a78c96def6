"""Every vehicle in machines/vehicles charges at our station: real bytes, virtual clock."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main

VEHICLES = sorted(path.stem for path in Path("machines/vehicles").glob("*.toml"))
DIN_ONLY = ["--set", "session.supported_namespaces=urn:din:70121:2012:MsgDef"]


def _zoo() -> list[Any]:
    """Every eighth vehicle; the others in the long run only."""
    return [
        pytest.param(vehicle, marks=[pytest.mark.campaign] if number % 8 else [])
        for number, vehicle in enumerate(VEHICLES)
    ]


@pytest.mark.parametrize("vehicle", _zoo())
def test_it_charges(vehicle: str, capsys: pytest.CaptureFixture[str]) -> None:
    """This model, with its own schema list, session id, pace and oddities, gets energy and ends its session well.

    A profile ``…_din`` was captured at a station that spoke DIN 70121 only, so ours does too.
    """
    station = DIN_ONLY if vehicle.endswith("_din") else []
    code = main(["run", "machines/evse_dc.yaml", "--fast", "--sessions", "1", "--set", f"vehicle={vehicle}", *station])
    text = capsys.readouterr().out
    assert code == 0, text[-2000:]
    assert "session_ended(end=normal)" in text or "SessionStop" not in text
    assert sum(int(times or 1) for times in re.findall(r"(?:×(\d+) in .*)?v2g\.CurrentDemandReq\(", text)) > 20
    assert "reject" not in text
    assert "undecodable" not in text
    assert "power.charging" in text
