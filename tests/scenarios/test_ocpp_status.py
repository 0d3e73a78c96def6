"""Scenarios of machines/ocpp/connector.yaml: the steps between the nine statuses, all of OCPP 1.6 4.9 and no other."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from tests.scenarios.connector import PLUG, Connector

A, P, C, SEV, SEVSE = "Available", "Preparing", "Charging", "SuspendedEV", "SuspendedEVSE"
F, R, U, X = "Finishing", "Reserved", "Unavailable", "Faulted"
ROWS = dict(zip("ABCDEFGHI", (A, P, C, SEV, SEVSE, F, R, U, X), strict=True))
COLUMNS = (A, P, C, SEV, SEVSE, F, R, U, X)

# OCPP 1.6 edition 2, the table of 4.9, as it stands there: row by row, the number is the column.
TABLE = [
    step
    for row in (
        "A2 A3 A4 A5 A7 A8 A9",
        "B1 B3 B4 B5 B6 B9",
        "C1 C4 C5 C6 C8 C9",
        "D1 D3 D5 D6 D8 D9",
        "E1 E3 E4 E6 E8 E9",
        "F1 F2 F8 F9",
        "G1 G2 G8 G9",
        "H1 H2 H3 H4 H5 H9",
        "I1 I2 I3 I4 I5 I6 I7 I8",
    )
    for step in row.split()
]
STEPS = {name: (ROWS[name[0]], COLUMNS[int(name[1]) - 1]) for name in TABLE}

CHARGING, EV, EVSE = "plugged card charging", "plugged card suspended_ev", "plugged card suspended_evse"
HOW = {
    "A2": "plugged",
    "A3": "nobody_asked charging",
    "A4": "nobody_asked suspended_ev",
    "A5": "nobody_asked suspended_evse",
    "A7": "reserved",
    "A8": "inoperative",
    "A9": "fault",
    "B1": "card timeout",
    "B3": CHARGING,
    "B4": EV,
    "B5": EVSE,
    "B6": "plugged timeout",
    "B9": "plugged fault",
    "C1": f"{CHARGING} unplugged end",
    "C4": f"{CHARGING} suspended_ev",
    "C5": f"{CHARGING} suspended_evse",
    "C6": f"{CHARGING} ended end",
    "C8": f"{CHARGING} inoperative unplugged end",
    "C9": f"{CHARGING} fault",
    "D1": f"{EV} unplugged end",
    "D3": f"{EV} charging",
    "D5": f"{EV} suspended_evse",
    "D6": f"{EV} ended end",
    "D8": f"{EV} inoperative unplugged end",
    "D9": f"{EV} fault",
    "E1": f"{EVSE} unplugged end",
    "E3": f"{EVSE} charging",
    "E4": f"{EVSE} suspended_ev",
    "E6": f"{EVSE} ended end",
    "E8": f"{EVSE} inoperative unplugged end",
    "E9": f"{EVSE} fault",
    "F1": "plugged timeout unplugged",
    "F2": "plugged timeout card",
    "F8": "plugged timeout inoperative unplugged",
    "F9": "plugged timeout fault",
    "G1": "reserved over",
    "G2": "reserved card",
    "G8": "reserved inoperative over",
    "G9": "reserved fault",
    "H1": "inoperative operative unplugged",
    "H2": "inoperative operative plugged",
    "H3": "nobody_asked inoperative charging operative",
    "H4": "nobody_asked inoperative suspended_ev operative",
    "H5": "nobody_asked inoperative suspended_evse operative",
    "H9": "inoperative fault",
    "I1": "fault mended",
    "I2": "plugged fault mended",
    "I3": f"{CHARGING} fault mended",
    "I4": f"{EV} fault mended",
    "I5": f"{EVSE} fault mended",
    "I6": "plugged timeout fault mended",
    "I7": "reserved fault mended",
    "I8": "inoperative fault mended",
}
"""A way to each step: its last is the last that this takes."""


def steps_of(stage: Connector) -> list[tuple[str, str]]:
    """The statuses it went through, two by two."""
    return list(pairwise(told["status"] for told in stage.told("status")))


def play(words: str) -> Connector:
    first, _, rest = words.partition(" ")
    return Connector(free=True).play(rest) if first == "nobody_asked" else Connector().play(words)


def test_the_table_has_53_steps() -> None:
    assert len(STEPS) == len(TABLE) == 53
    assert HOW.keys() == STEPS.keys()


@pytest.mark.parametrize("name", TABLE)
def test_each_step_is_taken(name: str) -> None:
    """OCPP 1.6 4.9: every step of its table, and on the way to it no other than those of the table."""
    steps = steps_of(play(HOW[name]))
    assert steps[-1] == STEPS[name]
    assert set(steps) <= set(STEPS.values())


@pytest.mark.parametrize("nobody_asked", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_no_other_step_is_taken(seed: int, nobody_asked: bool) -> None:
    """Whatever comes in whatever order, in every configuration."""
    chance = random.Random(seed)
    words = [*PLUG, "card", "timeout", "end", "reserved", "over", "operative", "inoperative", "fault", "mended"]
    stage = Connector(
        free=nobody_asked,
        StopTransactionOnEVSideDisconnect=chance.random() < 0.5,
        T_fault=chance.choice([0, 100 * 10**9]),
    )
    for _ in range(600):
        stage.play(chance.choice(words))
    assert set(steps_of(stage)) <= set(STEPS.values())
    assert len(set(steps_of(stage))) > 10  # it went somewhere
