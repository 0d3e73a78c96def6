"""What charts of OCPP have in common that tell a status before the charge point is registered."""

from __future__ import annotations

from typing import Any

from tests.scenarios.stage import Stage


def sent_one_at_a_time(stage: Stage, asked: str, how: str, **trigger: Any) -> None:
    """Triggered twice in a moment, ``asked`` goes out once; again when the answer has come, an error has, or none has
    in 30 s (``how``: answered, refused, late)."""
    stage.post("trigger", **trigger).post("trigger", **trigger)
    assert [order["status"] for order in stage.ordered(asked)] == ["Idle"]
    if how == "answered":
        stage.finish("told_now")
    elif how == "refused":
        stage.fail("told_now", "InternalError")
    else:
        stage.run(29.999).post("trigger", **trigger)
        assert len(stage.ordered(asked)) == 1
        stage.run(0.001)
    assert len(stage.ordered(asked)) == 1
    stage.post("trigger", **trigger)
    assert len(stage.ordered(asked)) == 2
