"""Scenarios of machines/power/bms_gbt.yaml: the dialogue of GB/T 27930-2015, charger's side, each of its timeouts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage

FILE = "machines/power/bms_gbt.yaml"
BEYOND = "V is beyond this charger"
BCP: dict[str, Any] = {
    "maximum_cell_voltage": 4.2, "maximum_current": -100.0, "energy": 30.0, "maximum_voltage": 410.0,
    "maximum_temperature": 60.0, "soc": 40.0, "voltage": 380.0,
}  # fmt: skip
BRM: dict[str, Any] = {
    "version_minor": 1, "version_major": 1, "chemistry": "ternary", "capacity": 150.0, "rated_voltage": 380.0,
    "manufacturer": "", "pack": 1, "year": 2026, "month": 1, "day": 1, "charges": 1, "owner": "unset", "vin": "",
    "software_high": 0, "software_low": 0,
}  # fmt: skip
BSM: dict[str, Any] = {
    "highest_cell_number": 1, "highest_temperature": 30.0, "highest_temperature_place": 1, "lowest_temperature": 28.0,
    "lowest_temperature_place": 2, "cell_voltage": "normal", "soc": "normal", "overcurrent": "normal",
    "overtemperature": "normal", "insulation": "normal", "connector": "normal", "permitted": "yes",
}  # fmt: skip
REASONS = (
    "soc_reached", "voltage_reached", "cell_voltage_reached", "charger_stopped", "insulation", "connector_hot",
    "component_hot", "connector", "battery_hot", "relay", "point_2_voltage", "other", "overcurrent", "voltage",
)  # fmt: skip
BST: dict[str, Any] = dict.fromkeys(REASONS, "no")
BSD: dict[str, Any] = {
    "soc": 80.0, "lowest_cell": 3.8, "highest_cell": 3.9, "lowest_temperature": 28.0, "highest_temperature": 31.0,
}  # fmt: skip
BEM: dict[str, Any] = dict.fromkeys(
    ("crm_not_recognised", "crm_recognised", "cts_cml", "cro", "ccs", "cst", "csd"), "no"
)
BCS: dict[str, Any] = {
    "voltage": 390.0, "current": -90.0, "highest_cell": 3.9, "highest_cell_group": 1, "soc": 55.0, "minutes_left": 20,
}  # fmt: skip


def bcl(stage: Stage, voltage: float = 400.0, current: float = -90.0) -> Stage:
    return stage.emit("bms.bcl", voltage=voltage, current=current, mode="constant_current")


def unplugged(**parameters: Any) -> Stage:
    stage = Stage(FILE, **parameters).values("bus", is_connected=True).emit("bus.connected")
    stage.post("measured", voltage=379.0, current=0.0, energy=0.0, minutes=0)
    return stage.forget()


def greeting(**parameters: Any) -> Stage:
    return unplugged(**parameters).post("plugged")


def recognising(**parameters: Any) -> Stage:
    return greeting(**parameters).emit("bms.bhm", maximum_voltage=410.0)


def recognised(**parameters: Any) -> Stage:
    return recognising(**parameters).emit("bms.brm", **BRM)


def configuring(**parameters: Any) -> Stage:
    return recognised(**parameters).emit("bms.bcp", **BCP)


def waiting(**parameters: Any) -> Stage:
    return configuring(**parameters).emit("bms.bro", ready="no")


def preparing(**parameters: Any) -> Stage:
    return configuring(**parameters).emit("bms.bro", ready="yes")


def starting(**parameters: Any) -> Stage:
    return preparing(**parameters).post("ready")


def charging(**parameters: Any) -> Stage:
    return bcl(starting(**parameters))


def ended_by_hand(**parameters: Any) -> Stage:
    return charging(**parameters).post("stop", by_hand=True)


def statistics(**parameters: Any) -> Stage:
    return charging(**parameters).emit("bms.bst", **BST)


def alive(stage: Stage, seconds: float, *without: str) -> Stage:
    """The battery's frames of the charge go on, but for some."""
    for _ in range(round(seconds * 4)):
        stage.run(0.25)
        if "bcl" not in without:
            bcl(stage)
        if "bcs" not in without:
            stage.emit("bms.bcs", **BCS)
        if "bsm" not in without:
            stage.emit("bms.bsm", **BSM)
    return stage


def reasons(stage: Stage, event: str = "silent") -> list[str]:
    return [data["reason"] for data in stage.told(event)]


def sent(stage: Stage) -> list[str]:
    return [order.what.removeprefix("bms.") for order in stage.orders]


def test_the_whole_dialogue() -> None:
    stage = greeting()
    assert (sent(stage), stage.order("bms.crm")) == (["chm"], None)
    stage.emit("bms.bhm", maximum_voltage=410.0)
    assert stage.order("bms.crm")["recognised"] == "no"  # type: ignore[index]
    stage.emit("bms.brm", **BRM)
    assert stage.order("bms.crm")["recognised"] == "yes"  # type: ignore[index]
    stage.emit("bms.bcp", **BCP)
    assert stage.order("bms.cml") == {
        "maximum_voltage": 750.0, "minimum_voltage": 200.0, "maximum_current": -250.0, "minimum_current": 0.0,
    }  # fmt: skip
    stage.emit("bms.bro", ready="no").emit("bms.bro", ready="invalid").emit("bms.bro", ready="yes")
    assert stage.told("prepare") == [{"voltage": 379.0, "maximum_voltage": 410.0, "maximum_current": 250.0}]
    assert stage.order("bms.cro") == {"ready": "no"}
    stage.post("ready")
    assert stage.order("bms.cro") == {"ready": "yes"}
    bcl(bcl(stage))
    assert stage.told("demand") == [{"voltage": 400.0, "current": 0.0}, {"voltage": 400.0, "current": 90.0}]
    stage.emit("bms.bcs", **BCS)
    assert stage.told("status") == [{"soc": 55.0, "minutes_left": 20}]
    stage.post("measured", voltage=391.0, current=89.0, energy=2.5, minutes=7).run(0.05)
    assert stage.order("bms.ccs") == {"voltage": 391.0, "current": -89.0, "minutes": 7, "permitted": "yes"}
    stage.emit("bms.bst", **BST)
    assert reasons(stage, "end_current") == ["the battery has ended the charge"]
    assert stage.order("bms.cst")["battery_stopped"] == "yes"  # type: ignore[index]
    assert stage.order("bms.csd") == {"minutes": 7, "energy": 2.5, "charger": 1}
    stage.emit("bms.bsd", **BSD)
    assert stage.told("over") == [{"end": "normal", "reason": "the battery has ended the charge", "soc": 80.0}]
    stage.forget().run(60)
    assert (sent(stage), stage.unhandled) == ([], [])
    assert stage.post("unplugged").post("plugged").order("bms.chm") is not None


@pytest.mark.parametrize(
    ("stage", "message", "period"),
    [
        (greeting, "chm", 0.25), (recognising, "crm", 0.25), (recognised, "crm", 0.25), (configuring, "cml", 0.25),
        (configuring, "cts", 0.5), (preparing, "cro", 0.25), (starting, "cro", 0.25), (charging, "ccs", 0.05),
        (ended_by_hand, "cst", 0.01), (statistics, "csd", 0.25),
    ],
)  # fmt: skip
def test_periods(stage: Any, message: str, period: float) -> None:
    begun = stage().forget().run(period * 3)
    assert begun.times(f"bms.{message}") == pytest.approx([period, 2 * period, 3 * period])


@pytest.mark.parametrize(
    ("stage", "seconds", "missing", "why"),
    [
        (recognising, 5.0, "brm", "no BRM in 5 s"),
        (recognised, 5.0, "bcp", "no BCP in 5 s"),
        (configuring, 5.0, "bro", "no BRO in 5 s"),
        (waiting, 60.0, "bro", "the battery is not ready in 1 min"),
        (starting, 1.0, "bcl", "no BCL in 1 s"),
        (charging, 1.0, "bcl", "no BCL in 1 s"),
    ],
)
def test_what_does_not_come_in_time(stage: Any, seconds: float, missing: str, why: str) -> None:
    """No current, CEM with the message's name for a second, and a new handshake without CHM."""
    begun = stage().run(seconds - 0.001)
    assert not begun.told("silent")
    begun.forget().run(0.001)
    assert (reasons(begun), sent(begun)) == ([why], ["cem"])
    assert [name for name, said in begun.order("bms.cem").items() if said == "yes"] == [missing]  # type: ignore[union-attr]
    begun.forget().run(0.999)
    assert sent(begun) == ["cem"] * 3
    begun.run(0.001)
    assert begun.active("dialogue.talking.recognising")


@pytest.mark.parametrize(("message", "seconds", "named"), [("bcs", 5, ["bcs"]), ("bsm", 5, [])])
def test_slow_messages_that_stop_in_the_charge(message: str, seconds: int, named: list[str]) -> None:
    stage = alive(charging(), seconds - 0.25, message)
    assert not stage.told("silent")
    alive(stage, 0.25, message)
    assert reasons(stage) == [f"no {message.upper()} in {seconds} s"]
    assert [name for name, said in stage.order("bms.cem").items() if said == "yes"] == named  # type: ignore[union-attr]


@pytest.mark.parametrize(("stage", "seconds", "missing"), [(ended_by_hand, 5.0, "bst"), (statistics, 10.0, "bsd")])
def test_an_end_without_answer(stage: Any, seconds: float, missing: str) -> None:
    """The charge is over all the same; no new handshake."""
    begun = stage().run(seconds - 0.001)
    assert not begun.told("silent")
    begun.run(0.001)
    assert [name for name, said in begun.order("bms.cem").items() if said == "yes"] == [missing]  # type: ignore[union-attr]
    begun.run(1)
    assert begun.told("over")[0]["end"] == "failed"
    assert begun.active("dialogue.failed")


def test_no_answer_to_chm() -> None:
    stage = greeting().run(29.9)
    assert not stage.told("over")
    assert stage.run(0.1).told("over") == [{"end": "failed", "reason": "no BHM in 30 s", "soc": 0.0}]


def test_an_output_that_is_not_ready() -> None:
    stage = preparing().run(59.9)
    assert not stage.told("over")
    assert stage.run(0.1).told("over")[0]["reason"] == "the output is not ready in 1 min"


def test_three_handshakes_in_a_plug_in() -> None:
    stage = recognising().run(5).run(1).run(5).run(1)
    assert (stage.active("dialogue.talking.recognising"), stage.data("tries")) == (True, 3)
    stage.run(5).run(1)
    assert stage.told("over") == [{"end": "failed", "reason": "no BRM in 5 s", "soc": 0.0}]
    stage.post("unplugged").post("plugged")
    assert (stage.active("dialogue.talking.greeting"), stage.data("tries")) == (True, 1)


@pytest.mark.parametrize("stage", [recognising, charging])
def test_the_battery_waited_in_vain(stage: Any) -> None:
    begun = stage().emit("bms.bem", **{**BEM, "ccs": "yes"})
    assert reasons(begun) == ["the battery says that it waited in vain"]
    assert "yes" not in begun.order("bms.cem").values()  # type: ignore[union-attr]
    assert begun.run(1).active("dialogue.talking.recognising")


@pytest.mark.parametrize(
    ("stage", "event", "why"),
    [
        (greeting, lambda s: s.post("stop", by_hand=True), "stopped before the charge"),
        (configuring, lambda s: s.emit("bms.bst", **BST), "the battery ended before the charge"),
        (recognised, lambda s: s.emit("bms.bcp", **{**BCP, "voltage": 750.1}), f"a battery of 750.1 {BEYOND}"),
        (recognised, lambda s: s.emit("bms.bcp", **{**BCP, "maximum_voltage": 199.0}), f"a battery of 380.0 {BEYOND}"),
    ],
)  # fmt: skip
def test_no_charge(stage: Any, event: Any, why: str) -> None:
    assert event(stage()).told("over")[0]["reason"] == why


@pytest.mark.parametrize("stage", [greeting, preparing, charging, ended_by_hand, statistics])
@pytest.mark.parametrize(
    ("event", "data", "why"),
    [
        ("bus.lost", {"reason": "pulled"}, "the bus of the battery is lost: pulled"),
        ("bus.bus_state", {"state": "bus_off", "reason": "x"}, "the bus of the battery is off: x"),
    ],
)
def test_the_bus_is_lost(stage: Any, event: str, data: dict[str, str], why: str) -> None:
    begun = stage().forget().values("bus", is_connected=False).emit(event, **data)
    assert reasons(begun) == [why]
    assert begun.told("over")[0]["end"] == "failed"
    assert begun.ordered("bus.connect") == [{}]
    begun.run(1).values("bus", is_connected=True).emit("bus.connected").emit("bus.connected")
    assert (len(begun.ordered("bus.connect")), begun.unhandled) == (2, [])


def test_the_bus_is_lost_in_an_error_and_at_rest() -> None:
    stage = recognising().run(5).emit("bus.lost", reason="pulled")
    assert stage.active("dialogue.failed")
    stage = unplugged().emit("bus.lost", reason="pulled")
    assert (stage.active("dialogue.unplugged"), stage.said) == (True, [])
    stage = charging().emit("bus.bus_state", state="error_passive", reason="x").breaks("bms")
    stage.emit("bus.overflow", lost=1).emit("bus.send_failed", id=1, data=b"", reason="full", text="")
    assert (stage.active("dialogue.charging"), stage.unhandled) == (True, [])


def test_asking_above_the_limits() -> None:
    """No current, and the reason; what is within is limited to what the charger has, and a current of the wrong sign is
    none."""
    stage = bcl(charging().forget(), 410.1)
    assert (reasons(stage, "standby"), stage.told("demand")) == (["the battery asks for 410.1 V, above 410.0 V"], [])
    bcl(bcl(stage, 410.0, -300.0), 400.0, 20.0)
    assert stage.told("demand") == [{"voltage": 410.0, "current": 250.0}, {"voltage": 400.0, "current": 0.0}]


def test_asking_above_the_limits_for_long_is_a_fault() -> None:
    """Twenty BCL in a row, a second of them: CST, and the charge has failed; fewer, and it goes on."""
    stage = charging().forget()
    for _ in range(19):
        bcl(stage, 410.1)
    for _ in range(19):
        bcl(bcl(stage, 410.0), 410.1)
    for _ in range(18):
        bcl(stage, 410.1)
    stage.emit("bms.bsm", **{**BSM, "permitted": "no"})
    bcl(stage, 400.0)
    for _ in range(19):
        bcl(stage, 410.1)
    assert reasons(stage, "end_current") == []
    bcl(stage, 410.2)
    assert reasons(stage, "end_current") == ["the battery asks for 410.2 V, above 410.0 V"]
    assert stage.order("bms.cst")["fault"] == "yes"
    stage.emit("bms.bst", **BST).emit("bms.bsd", **BSD)
    assert [(told["end"], told["reason"]) for told in stage.told("over")] == [
        ("failed", "the battery asks for 410.2 V, above 410.0 V")
    ]


def test_a_pause() -> None:
    """No current while BSM forbids it, for ten minutes at most."""
    stage = charging().forget().emit("bms.bsm", **{**BSM, "permitted": "no"})
    bcl(stage)
    assert (reasons(stage, "standby"), stage.told("demand")) == (["the battery forbids charging"], [])
    stage.emit("bms.bsm", **{**BSM, "permitted": "no"}).emit("bms.bsm", **{**BSM, "permitted": "untrusted"})
    assert len(stage.told("standby")) == 1
    bcl(stage.emit("bms.bsm", **BSM))
    assert stage.told("demand") == [{"voltage": 400.0, "current": 90.0}]
    stage = charging(T_BCL=10**12, T_BCS=10**12).emit("bms.bsm", **{**BSM, "permitted": "no"}).run(599)
    assert stage.active("dialogue.charging")
    stage.run(1)
    assert reasons(stage, "end_current") == ["the battery has forbidden charging for 10 min"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cell_voltage", "high"), ("overcurrent", "abnormal"), ("overtemperature", "abnormal"),
        ("insulation", "abnormal"), ("connector", "abnormal"),
    ],
)  # fmt: skip
def test_a_battery_that_reports_a_fault(field: str, value: str) -> None:
    stage = charging().emit("bms.bsm", **{**BSM, field: value})
    assert reasons(stage, "end_current") == ["the battery reports a fault of its own"]
    assert stage.order("bms.cst")["fault"] == "yes"  # type: ignore[index]


@pytest.mark.parametrize(("by_hand", "field", "why"), [
    (True, "by_hand", "stopped at the charger"), (False, "fault", "the charger has ended the charge"),
])  # fmt: skip
def test_the_charger_ends_it(by_hand: bool, field: str, why: str) -> None:
    stage = charging().post("stop", by_hand=by_hand)
    assert reasons(stage, "end_current") == [why]
    assert [name for name, said in stage.order("bms.cst").items() if said == "yes"] == [field]  # type: ignore[union-attr]
    assert stage.emit("bms.bst", **BST).active("dialogue.statistics")
    straight = charging().post("stop", by_hand=True).emit("bms.bsd", **BSD)
    assert straight.told("over")[0] == {"end": "normal", "reason": "stopped at the charger", "soc": 80.0}


def test_what_comes_out_of_turn_changes_nothing() -> None:
    stage = unplugged().emit("bms.brm", **BRM).emit("bms.bcp", **BCP).emit("bms.bro", ready="yes")
    bcl(stage).emit("bms.bcs", **BCS).emit("bms.bsm", **BSM).emit("bms.bst", **BST).emit("bms.bsd", **BSD)
    stage.emit("bms.bem", **BEM).emit("bms.bhm", maximum_voltage=400.0).post("ready").post("stop", by_hand=True)
    stage.emit("bms.misfit", id=1, data=b"", reason="x", count=1).emit("bms.bmv", cells=[]).emit(
        "bms.bmt", temperatures=[]
    )
    stage.emit("bms.bsp", reserved=[]).post("unplugged")
    assert (stage.orders, stage.said, stage.unhandled) == ([], [], [])


def test_the_bus_is_opened_again_until_it_is_there() -> None:
    assert Stage(FILE).run(2.2).times("bus.connect") == [0.0, 1.0, 2.0]
