"""Scenarios of machines/batteries/gbt.yaml: the battery's side of GB/T 27930-2015, each of its messages and times."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage

FILE = "machines/batteries/gbt.yaml"
PACK = {
    "battery.voltage": 380.0, "battery.current": 90.0, "battery.soc": 40.0, "battery.capacity": 30_000.0,
    "battery.maximum_current": 120.0, "battery.maximum_voltage": 410.0, "battery.target_current": 100.0,
}  # fmt: skip
MS = 0.001
CST: dict[str, Any] = dict.fromkeys(
    (
        "condition_reached", "by_hand", "fault", "battery_stopped", "charger_hot", "connector", "inside_hot",
        "energy_not_transferable", "emergency_stop", "other", "current_mismatch", "voltage",
    ),
    "no",
)  # fmt: skip
CEM: dict[str, Any] = dict.fromkeys(("brm", "bcp", "bro", "bcs", "bcl", "bst", "bsd"), "no")


def waiting(**parameters: Any) -> Stage:
    stage = Stage(FILE, PACK, **parameters)
    return stage.values("bus", is_connected=True).emit("bus.connected").forget()


def greeting(**parameters: Any) -> Stage:
    return waiting(**parameters).emit("bms.chm", version_minor=1, version_major=1)


def crm(stage: Stage, recognised: str = "no") -> Stage:
    return stage.emit("bms.crm", recognised=recognised, charger=1, area="")


def recognition(**parameters: Any) -> Stage:
    return crm(greeting(**parameters).forget())


def parameters_told(**parameters: Any) -> Stage:
    return crm(recognition(**parameters).forget(), "yes")


def cml(stage: Stage, amperes: float = 80.0) -> Stage:
    return stage.emit(
        "bms.cml", maximum_voltage=750.0, minimum_voltage=200.0, maximum_current=-amperes, minimum_current=0.0
    )


def getting_ready(**parameters: Any) -> Stage:
    return cml(parameters_told(**parameters).forget())


def ready(**parameters: Any) -> Stage:
    return getting_ready(**parameters).forget().run(1)


def charging(**parameters: Any) -> Stage:
    stage = ready(**parameters).forget().emit("bms.cro", ready="yes")
    assert stage.active("dialogue.charging")
    return stage


def ccs(stage: Stage) -> Stage:
    return stage.emit("bms.ccs", voltage=400.0, current=-80.0, minutes=1, permitted="yes")


def told(stage: Stage) -> list[tuple[str, str, float]]:
    return [(data["result"], data["reason"], data["soc"]) for data in stage.told("session_ended")]


def since(stage: Stage, what: str, start: float) -> list[float]:
    return [round(at - start, 3) for at in stage.times(what)]


# ---------------------------------------------------------------- each message and its period


def test_nothing_is_said_before_the_charger() -> None:
    stage = waiting().emit("bms.cem", **CEM)
    assert (stage.run(60).orders, stage.active("dialogue.waiting"), stage.unhandled) == ([], True, [])


def test_bhm_and_brm() -> None:
    stage = greeting()
    assert stage.order("bms.bhm") == {"maximum_voltage": 410.0}
    stage.run(0.5)
    assert since(stage, "bms.bhm", 0.0) == [0.0, 0.25, 0.5]
    stage = crm(stage.forget())
    (brm,) = stage.ordered("bms.brm")
    assert (brm["chemistry"], brm["capacity"], brm["rated_voltage"]) == ("ternary", 150.0, 380.0)
    assert stage.ordered("battery.open_contactors") == [{}], "whatever it was before"
    crm(stage.run(0.5))
    assert since(stage, "bms.brm", 0.5) == [0.0, 0.25, 0.5]
    assert stage.active("dialogue.recognition")


def test_bcp_and_bro() -> None:
    stage = parameters_told()
    assert stage.order("bms.bcp") == {
        "maximum_cell_voltage": 4.2, "maximum_current": -120.0, "energy": 30.0, "maximum_voltage": 410.0,
        "maximum_temperature": 60.0, "soc": 40.0, "voltage": 380.0,
    }  # fmt: skip
    stage.emit("bms.cts", second=None, minute=None, hour=None, day=None, month=None, year=None).run(1)
    assert since(stage, "bms.bcp", 0.0) == [0.0, 0.5, 1.0]
    cml(stage.forget())
    assert (stage.ordered("battery.close_contactors"), stage.ordered("bms.bro")) == ([{}], [{"ready": "no"}])
    stage.emit("battery.contactors_closed").run(1 - MS)
    assert stage.ordered("bms.bro") == [{"ready": "no"}] * 4
    stage.run(MS)
    assert stage.order("bms.bro") == {"ready": "yes"}
    stage.emit("bms.cro", ready="no").run(0.25)
    assert (stage.ordered("bms.bro")[-2:], stage.active("dialogue.ready")) == ([{"ready": "yes"}] * 2, True)
    assert stage.unhandled == []


def test_the_charge() -> None:
    """BCL every 50 ms with what battery and charger can, BCS and BSM every 250 ms."""
    stage = charging()
    start = stage.now_s
    ccs(stage).run(0.5)
    assert since(stage, "bms.bcl", start) == [round(0.05 * k, 3) for k in range(11)]
    assert stage.order("bms.bcl") == {"voltage": 410.0, "current": -80.0, "mode": "constant_current"}
    assert since(stage, "bms.bcs", start) == since(stage, "bms.bsm", start) == [0.0, 0.25, 0.5]
    bcs = stage.order("bms.bcs")
    assert bcs is not None
    assert (bcs["voltage"], bcs["current"], bcs["soc"]) == (380.0, -90.0, 40.0)
    assert {bsm["permitted"] for bsm in stage.ordered("bms.bsm")} == {"yes"}
    stage.values("battery", target_current=10.0).forget().run(0.05)
    assert stage.ordered("bms.bcl")[-1]["current"] == -10.0


def test_a_pause() -> None:
    stage = ccs(charging()).run(0.1).forget().post("pause", permitted=False)
    start = stage.now_s
    ccs(stage.run(0.5)).run(0.5)
    assert since(stage, "bms.bsm", start) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert {bsm["permitted"] for bsm in stage.ordered("bms.bsm")} == {"no"}
    ccs(stage.forget().post("pause", permitted=True)).run(0.25)
    assert [bsm["permitted"] for bsm in stage.ordered("bms.bsm")] == ["yes", "yes"]
    assert waiting().post("pause", permitted=False).unhandled == []


# ---------------------------------------------------------------- the end


def csd(stage: Stage) -> Stage:
    return stage.emit("bms.csd", minutes=1, energy=1.0, charger=1)


def test_it_has_enough() -> None:
    """BST every 10 ms until CSD, then its statistics for half a second, with open contactors."""
    stage = ccs(charging(stop_at_soc=41.0)).values("battery", soc=40.9).run(0.2)
    assert stage.active("dialogue.charging")
    stage.values("battery", soc=41.0).forget().run(0.05)
    start = stage.now_s
    (bst,) = stage.ordered("bms.bst")
    assert (bst["soc_reached"], bst["charger_stopped"]) == ("yes", "no")
    ccs(stage.emit("bms.cst", **CST)).run(0.03)
    assert since(stage, "bms.bst", start) == [0.0, 0.01, 0.02, 0.03]
    assert not stage.ordered("battery.open_contactors"), "the current may flow yet"
    csd(stage.forget())
    assert (stage.ordered("battery.open_contactors"), stage.ordered("bms.bsd")[0]["soc"]) == ([{}], 41.0)
    csd(stage.emit("battery.contactors_opened").emit("battery.full")).run(0.5 - MS)
    assert (len(stage.ordered("bms.bsd")), told(stage)) == (2, [])
    stage.run(MS)
    assert told(stage) == [("complete", "", 41.0)]
    crm(stage.emit("bms.cem", **CEM)).run(60)
    assert (stage.active("dialogue.over"), len(told(stage)), stage.unhandled) == (True, 1, []), "it has what it wanted"


def test_the_charger_ends_it() -> None:
    stage = charging().forget().emit("bms.cst", **{**CST, "by_hand": "yes"})
    (bst,) = stage.ordered("bms.bst")
    assert (bst["soc_reached"], bst["charger_stopped"]) == ("no", "yes")
    csd(stage).run(0.5)
    assert told(stage) == [("failed", "the charger has ended the charge", 40.0)]
    assert crm(stage, "yes").active("dialogue.over")
    assert crm(stage).active("dialogue.recognition"), "and may begin anew"


# ---------------------------------------------------------------- what does not come


@pytest.mark.parametrize(
    ("made", "seconds", "missing", "why"),
    [
        (recognition, 5.0, "crm_recognised", "not recognised"),
        (parameters_told, 5.0, "cts_cml", "no CML"),
        (ready, 60.0, "cro", "the charger is not ready"),
        (charging, 1.0, "ccs", "no CCS"),
        (lambda: charging().emit("bms.cst", **CST), 5.0, "cst", "no CST"),
    ],
)
def test_a_message_that_does_not_come_in_time(made: Any, seconds: float, missing: str, why: str) -> None:
    """Contactors open and BEM that names it, for a second; the result has the reason."""
    stage = made().run(seconds - MS)
    assert not stage.active("dialogue.error")
    stage.forget().run(MS)
    assert stage.active("dialogue.error")
    assert stage.ordered("battery.open_contactors") == [{}]
    names = ("crm_recognised", "cts_cml", "cro", "ccs", "cst")
    (bem,) = stage.ordered("bms.bem")
    assert {name: bem[name] for name in names} == {name: "yes" if name == missing else "no" for name in names}
    stage.run(1 - MS)
    assert (len(stage.ordered("bms.bem")), told(stage)) == (4, [])
    stage.run(MS)
    assert told(stage) == [("failed", why, 40.0)]
    assert len(stage.ordered("battery.open_contactors")) == 2


def test_ccs_is_awaited_anew_with_each() -> None:
    stage = charging()
    for _ in range(5):
        ccs(stage.run(0.9))
    assert stage.active("dialogue.charging")
    assert ccs(stage).run(1).active("dialogue.error")


def test_a_charger_that_begins_anew() -> None:
    """After BEM, or after CEM in the middle: recognition, with open contactors."""
    stage = crm(recognition().run(5.5))
    assert (stage.active("dialogue.recognition"), told(stage)) == (True, [])
    stage = charging().forget().emit("bms.cem", **{**CEM, "bcl": "yes"})
    assert (stage.active("dialogue.recognition"), stage.ordered("battery.open_contactors")) == (True, [{}])


@pytest.mark.parametrize("made", [greeting, recognition, parameters_told, getting_ready, ready, charging])
def test_what_comes_late_or_twice_changes_nothing(made: Any) -> None:
    stage = made()
    before = stage.states
    stage.emit("bms.chm", version_minor=1, version_major=1).emit("battery.full").emit("battery.contactors_opened")
    stage.emit("bms.cts", second=None, minute=None, hour=None, day=None, month=None, year=None)
    csd(stage)
    if made is not charging:
        ccs(stage).emit("bms.cst", **CST)
    if made is not parameters_told:
        cml(stage)
    if made is not ready:
        stage.emit("bms.cro", ready="yes")
    if made not in (greeting, recognition):
        crm(stage, "yes")
    assert (stage.states, stage.unhandled) == (before, [])


# ---------------------------------------------------------------- the bus and the end of the program


def test_its_bus() -> None:
    """Opened again every second until it is there, and after it was lost."""
    stage = Stage(FILE, PACK).run(2.2)
    assert stage.times("bus.connect") == [0.0, 1.0, 2.0]
    stage.values("bus", is_connected=True).emit("bus.connected").emit("bus.connected").forget().run(5)
    stage.emit("bus.bus_state", state="error_passive", reason="").emit("bus.overflow", lost=1)
    stage.emit("bus.send_failed", id=1, data=b"", reason="full", text="").breaks("bms")
    stage.emit("bms.misfit", id=1, data=b"", reason="too short", count=1)
    assert (stage.orders, stage.active("bus.there")) == ([], True)
    for event, data in (("bus.lost", {"reason": "x"}), ("bus.bus_state", {"state": "bus_off", "reason": "x"})):
        stage.forget().emit(event, **data)
        assert stage.ordered("bus.connect") == [{}]
        stage.emit("bus.connected")
    assert stage.unhandled == []


def test_its_contactors_open_with_the_end_of_the_program() -> None:
    assert charging().forget().stop().ordered("battery.open_contactors") == [{}]
