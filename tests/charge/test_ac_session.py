"""Whole charges by ISO 15118-2 at an AC station, from the plug to the unplug, real bytes on both sides."""

from __future__ import annotations

from typing import Any

import pytest

from tests.charge.test_ac import AcBench, ended, result

THREE, SINGLE = "vehicle=three_phase", "vehicle=single_phase"


class Session(AcBench):
    """A station with a modem and a vehicle."""

    def __init__(self, *sets: str, vehicle: bool = True, faults: tuple[str, ...] = ()) -> None:
        super().__init__(*sets, vehicle=vehicle, link="plc", faults=faults)

    def loop(self, current_A: float = 16.0) -> Session:
        """Run until the vehicle draws so much by message."""
        self.until(lambda: self.is_in("evse", "vehicle.plugged.session.power.charging.metering"), 30, "charging loop")
        self.charging(current_A)
        return self

    def finishes(self, seconds: float = 30) -> dict[str, Any]:
        """Run until the station has told how it ended; nothing is closed then, and nothing went wrong."""
        self.until(ended(self), seconds, "end")
        self.run(1)
        assert not self.circuit.station_closed
        assert not self.errors
        return result(self)


@pytest.mark.cases("AC_PowerDelivery", "AC_ChargingStatus")
@pytest.mark.parametrize(("vehicle", "current_A", "power_W"), [(THREE, 16, 11040), (SINGLE, 32, 7360)])
def test_a_charge(vehicle: str, current_A: float, power_W: float) -> None:
    """5 % all the while, the full current, an end that the vehicle wants; no contact is opened under load."""
    bench = Session(vehicle, "pev.adapters.charger.soc=40.8", "pev.stop_at_soc=41 %").loop(current_A)
    assert bench.ac.power_W == power_W
    assert bench.cable.circuit.duty_percent == 5.0
    told = bench.finishes(400)
    assert (told["end"], told["protocol"], told["EVCCID"]) == ("normal", "iso2", bytes.fromhex("020000000001"))
    assert 130 < told["energy"] < 145  # 0.2 % of 60 kWh at 90 %
    assert bench.data("evse/outlet", "under_load") == 0
    bench.until(lambda: bench.is_in("evse", "vehicle.available"), 10, "free outlet")
    assert not bench.inside("evse", "lock").is_locked


def test_a_vehicle_that_does_not_speak() -> None:
    """E/F between 5 % and the nominal duty, 25 s after the plug at the latest (AC-12)."""
    bench = Session("vehicle=mute")
    bench.until(lambda: bench.cable.circuit.duty_percent == 0.0, 22, "E/F pulse")
    bench.until(lambda: bench.cable.circuit.duty_percent > 50.0, 5, "nominal duty")
    bench.charging()
    assert not bench.errors


@pytest.mark.parametrize("seed", [3, 4])
def test_answers_that_are_left_out_on_purpose(seed: int) -> None:
    """`tx_drop_prob`: a session that breaks of it leaves the contactor open, in 6 s at the latest (sequence 10.2). The
    vehicle gets its energy, in the end by the nominal duty."""
    lossy = ("evse.adapters.v2g.tx_drop_prob=0.05", f"evse.adapters.v2g.tx_drop_seed={seed}")
    bench = Session(THREE, *lossy, "pev.adapters.charger.soc=40.8", "pev.stop_at_soc=41 %")
    for broken in (1, 2):
        bench.until(lambda: bench.data("evse", "failed_sessions") == broken, 120, f"broken session {broken}")  # noqa: B023
        bench.opened_within(6.1)
        assert bench.adapter("evse", "v2g").endpoint.counters.tx_dropped_count > 0
    told = bench.finishes(400)
    assert (told["end"], told["protocol"]) == ("normal", "pwm")
    assert 130 < told["energy"] < 145


FAULTS = {  # --fault RULE -> how the station's session ends at the last, and by what it has charged
    "drop:evse.v2g.ChargingStatusRes:3": ("normal", "iso2"),
    "drop:pev.v2g.ChargingStatusReq:3": ("normal", "iso2"),
    "delay(1 s):evse.v2g.ChargingStatusRes:3": ("normal", "iso2"),
    "dup:pev.v2g.ChargingStatusReq:3": ("normal", "iso2"),
    "set(ResponseCode=FAILED):evse.v2g.PowerDeliveryRes:1": ("normal", "iso2"),
    "drop:pev.v2g.PowerDeliveryReq": ("normal", "pwm"),
    "drop:contactor.set:1": ("failed", "iso2"),
    "drop:lock.locked": ("failed", "pwm"),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_a_fault_on_purpose(rule: str) -> None:
    """Lost, late, doubled, refused messages cost a try at most; a part that does not do what it is ordered ends all."""
    bench = Session("pev.adapters.charger.soc=40.8", "pev.stop_at_soc=41 %", faults=(rule,))
    told = bench.finishes(400)
    assert bench.struck == {rule}
    assert (told["end"], told["protocol"]) == FAULTS[rule]
    assert told["energy"] == (0.0 if told["end"] == "failed" else pytest.approx(136, abs=8))


def test_a_vehicle_that_speaks_nothing_that_the_station_does() -> None:
    """DIN only: out of the network, x1, the nominal duty, as soon as both know."""
    din = ("ProtocolNamespace=['urn:din:70121:2012:MsgDef']", "VersionNumberMajor=[2]", "VersionNumberMinor=[0]")
    sets = [f"pev.session.{one}" for one in (*din, "SchemaID=[1]", "Priority=[1]")]
    bench = Session(*sets)
    bench.until(lambda: bench.is_in("evse", "vehicle.plugged.falling_back"), 15, "end of the set-up")
    assert bench.data("evse", "reason") == "the vehicle speaks no protocol of this station"
    bench.until(lambda: bench.is_in("evse", "vehicle.plugged.charging"), 20, "charge by the pilot")
    bench.charging()
    assert not bench.is_in("evse/slac", "matching.linked.active")
    assert not bench.errors


@pytest.mark.cases("AC_ChargingStatus")
@pytest.mark.parametrize("where", ["supervisor", "below the least", "schedule"])
def test_the_current_follows_what_the_station_says(where: str) -> None:
    """EVSEMaxCurrent within 5 s, 0 A for less than the vehicle can; more than the schedule is agreed anew."""
    bench = Session(THREE).loop()
    if where == "supervisor":
        bench.say("limit", current=10.0)
        bench.until(lambda: bench.ac.current_A == 10.0, 5, "10 A")
    elif where == "below the least":
        bench.say("limit", current=3.2)
        bench.until(lambda: bench.ac.current_A == 0.0, 5, "no current")
        bench.run(60)
        bench.say("limit", current=12.0)
        bench.until(lambda: bench.ac.current_A == 12.0, 5, "12 A")
    else:
        low = Session(THREE, vehicle=False)
        low.say("limit", current=8.0)
        low.bring("pev")
        low.loop(8.0)
        low.say("limit", current=14.0)
        low.until(lambda: low.ac.current_A == 14.0, 5, "14 A by another schedule")
        assert low.circuit.station_closed
        bench = low
    assert bench.cable.circuit.duty_percent == 5.0
    assert not bench.errors


@pytest.mark.cases("AC_ChargingStatus", "AC_ChargeParameterDiscovery")
@pytest.mark.parametrize("where", ["session.dialogue.schedule_", "plan."])
def test_the_current_follows_the_rows_of_a_schedule(where: str) -> None:
    """Both sides know them beforehand: nobody negotiates anew before there is another schedule, nobody is cut off."""
    rows = ("start=[0 s, 30 s, 45 s]", "PMax=[11040 W, 5520 W, 8280 W]")
    bench = Session(THREE, *(f"evse.{where}{one}" for one in rows)).loop()
    bench.until(lambda: bench.ac.current_A == 8.0, 30, "8 A")
    assert bench.data("evse/session/dialogue", "row") == 1
    bench.until(lambda: bench.ac.current_A == 12.0, 20, "12 A")
    assert bench.data("evse/outlet", "by_message") == 12.0
    assert len(bench.data("evse/session/dialogue", "offered_start")) == 3
    bench.say("schedule", start=[0, 15_000_000_000], PMax=[4140.0, 6900.0])
    bench.until(lambda: bench.ac.current_A == 6.0, 5, "6 A")
    bench.until(lambda: len(bench.data("evse/session/dialogue", "offered_start")) == 2, 5, "another schedule")
    bench.until(lambda: bench.ac.current_A == 10.0, 20, "10 A")
    bench.run(20)
    assert (bench.ac.current_A, bench.circuit.station_closed) == (10.0, True)
    assert not bench.errors


@pytest.mark.cases("AC_ChargingStatus")
def test_a_row_is_kept_to_by_the_duty_beside_the_session() -> None:
    """Where the line shows the nominal duty in a session, it says no more than the row; 5 % for a row below 6 A."""
    rows = ("plan.start=[0 s, 40 s, 70 s]", "plan.PMax=[11040 W, 5520 W, 2760 W]")
    bench = Session(THREE, "evse.duty=nominal", *(f"evse.{one}" for one in rows)).loop()
    bench.until(lambda: bench.ac.current_A == 8.0, 40, "8 A")
    bench.run(6)
    assert bench.cable.circuit.duty_percent == pytest.approx(8 / 0.6)
    bench.until(lambda: bench.cable.circuit.duty_percent == 5.0, 40, "5 %")
    bench.run(10)
    assert bench.ac.current_A <= 4.0
    assert not bench.errors


def test_a_schedule_outlasts_a_vehicle_that_does_not_speak() -> None:
    """5 % in vain, then the nominal duty of the row that holds by then."""
    rows = ("plan.start=[0 s, 10 s]", "plan.PMax=[11040 W, 5520 W]")
    bench = Session("pev.speaks=no", *(f"evse.{one}" for one in rows))
    bench.until(lambda: bench.ac.current_A > 0, 120, "current")
    bench.run(10)
    assert bench.ac.current_A == pytest.approx(8.0)
    assert not bench.errors


@pytest.mark.cases("AC_PowerDelivery", "AC_ChargeParameterDiscovery")
def test_renegotiation_by_either_side() -> None:
    """The contactor stays closed."""
    bench = Session(THREE).loop()
    bench.say("renegotiate")
    bench.until(lambda: bench.is_in("evse/session/dialogue", "sequence.parameter_discovery"), 5, "renegotiation")
    bench.until(lambda: bench.is_in("evse/session/dialogue", "sequence.charging_status.charging.loop"), 5, "loop")
    bench.run(1)
    bench.system.post(bench.system.roots["pev"], "leave_in", {"departure": 3_600_000_000_000})
    bench.until(lambda: bench.is_in("evse/session/dialogue", "sequence.parameter_discovery"), 5, "renegotiation")
    bench.until(lambda: bench.is_in("evse/session/dialogue", "sequence.charging_status.charging.loop"), 5, "loop")
    assert bench.circuit.station_closed
    assert not bench.errors


@pytest.mark.cases("AC_SessionStop", "AC_SessionSetup")
def test_pause_and_resume() -> None:
    """x1, no voltage, the old session joined after the BCB toggle; one result of one plug-in."""
    bench = Session(
        "vehicle=pausing",
        "pev.T_until_pause=10 s",
        "pev.T_pause=20 s",
        "pev.stop_at_soc=41 %",
        "pev.adapters.charger.soc=40.8",
    ).loop()
    session_id = bench.data("pev", "session_id")
    bench.until(lambda: bench.is_in("evse", "vehicle.plugged.paused"), 20, "pause")
    assert not bench.circuit.station_closed
    assert bench.cable.circuit.duty_percent == 100.0
    bench.loop()
    assert bench.data("pev", "session_id") == session_id
    assert bench.finishes(400)["end"] == "normal"
    assert len([told for told in bench.events("session_ended") if "end" in told]) == 1


@pytest.mark.cases("AC_ChargingStatus")
def test_a_stop_by_the_user() -> None:
    """The vehicle is told, ends its current, and the cable can be taken."""
    bench = Session(THREE).loop()
    bench.emit("button", "stop_pressed")
    assert bench.finishes()["end"] == "normal"
    assert bench.data("evse/outlet", "under_load") == 0
    bench.until(lambda: not bench.inside("evse", "lock").is_locked, 2, "released plug")


@pytest.mark.parametrize("what", ["rcd", "emergency", "B", "A"])
def test_off_within_100_ms(what: str) -> None:
    """Residual current, emergency button, S2 opened under load, unplugged."""
    bench = Session(THREE).loop()
    if what == "rcd":
        bench.emit("rcd", "tripped", kind="dc")
    elif what == "emergency":
        bench.emit("button", "emergency_stop")
    elif what == "B":
        bench.cable.set_load("B")
    else:
        bench.cable.unplug(bench.port)  # type: ignore[arg-type]
    bench.opened_within(0.1)
    assert bench.finishes(120)["end"] == ("normal" if what in "AB" else "failed")


def test_phases_change_between_two_sessions() -> None:
    """Agreed once in a session: the vehicle is stopped, and asked again without a new card."""
    bench = Session(THREE, "evse.authorisation=external", vehicle=False)
    bench.bring("pev")
    bench.run(1)
    bench.emit("reader", "authorised")
    bench.loop()
    bench.say("phases", count=1)
    bench.until(lambda: bench.ac.phases == 1, 30, "one phase")
    assert not bench.circuit.station_closed
    bench.loop()
    assert bench.ac.power_W == 230 * 16
    assert bench.data("evse/session/dialogue", "phases") == 1
    assert not bench.errors


def test_phases_that_cannot_be_switched_yet() -> None:
    """The session goes on until they can, 5 min after the last time; then it ends in order, and the next has them."""
    bench = Session(THREE, "pev.stop_at_soc=90 %").loop()
    bench.say("phases", count=1)
    bench.until(lambda: bench.ac.phases == 1, 30, "one phase")
    bench.loop()
    bench.say("phases", count=3)
    bench.run(200)
    bench.charging()
    assert bench.circuit.station_closed
    assert bench.is_in("evse", "vehicle.plugged.session.stop.none")
    bench.until(lambda: bench.ac.phases == 3, 130, "three phases")
    bench.loop()
    assert bench.data("evse/outlet", "under_load") == 0
    assert not [told for told in bench.events("session_ended") if "end" in told]
    bench.run(60)
    bench.charging()
    assert not bench.errors


@pytest.mark.cases("AC_MeteringReceipt")
def test_receipts() -> None:
    """ReceiptRequired: the vehicle confirms each reading, and goes on."""
    bench = Session(THREE, "evse.session.dialogue.ReceiptRequired=yes").loop()
    bench.until(
        lambda: bench.is_in("evse/session/dialogue", "sequence.charging_status.charging.receipt"), 11, "receipt"
    )
    bench.until(lambda: bench.is_in("evse/session/dialogue", "sequence.charging_status.charging.loop"), 5, "loop")
    assert (bench.data("pev/session/dialogue", "meter_id"), bench.ac.current_A) == ("meter", 16.0)
    assert not bench.errors


@pytest.mark.cases("CMN_Authorization")
def test_a_card_in_the_middle() -> None:
    """The session waits for a person; then for enough current."""
    bench = Session(THREE, "evse.authorisation=list", "evse.tokens=['A1']", vehicle=False)
    bench.say("limit", current=4.0)
    bench.bring("pev")
    bench.until(lambda: bench.is_in("evse/session/dialogue", "sequence.authorization.asking"), 20, "question")
    bench.emit("reader", "token", id="A1")
    bench.run(30)
    assert bench.is_in("evse/session/dialogue", "sequence.authorization.asking")
    bench.say("limit", current=9.0)
    bench.loop(9.0)
    assert not bench.errors


def test_the_nominal_duty_beside_the_session() -> None:
    """[V2G2-853]: the vehicle keeps to the less of duty and message, and is stopped and paused by neither change."""
    bench = Session(THREE, "evse.duty=nominal", vehicle=False)
    bench.say("limit", current=12.0)
    bench.bring("pev")
    bench.loop(12.0)
    assert bench.cable.circuit.duty_percent == 20.0
    bench.run(6)
    bench.say("limit", current=9.0)
    bench.until(lambda: bench.ac.current_A == 9.0, 5, "9 A")
    bench.run(6)
    assert bench.cable.circuit.duty_percent == 15.0
    bench.say("limit", current=4.0)
    bench.until(lambda: bench.ac.current_A == 0.0, 5, "no current")
    assert bench.cable.circuit.duty_percent == 5.0
    assert bench.circuit.station_closed
    bench.run(6)
    bench.say("limit", current=14.0)
    bench.until(lambda: bench.ac.current_A == 14.0, 10, "14 A by another schedule")
    bench.emit("button", "stop_pressed")
    assert bench.finishes()["protocol"] == "iso2"


def test_a_start_delay() -> None:
    """The session waits for it, told Ongoing; nothing is drawn before."""
    bench = Session(THREE, "evse.outlet.T_delay=2 min")
    bench.run(100)
    assert bench.is_in("evse/session/dialogue", "sequence.authorization.asking")
    bench.loop()
    assert bench.now_s > 120
    assert not bench.errors


@pytest.mark.parametrize("link", ["none", "plc"])
def test_after_a_reset_the_vehicle_that_is_still_there_is_charged(link: str) -> None:
    """Emergency button, released, reset: nobody has to replug."""
    bench = AcBench(link="none").charging() if link == "none" else Session(THREE).loop()
    bench.emit("button", "emergency_stop")
    bench.run(3)
    assert not bench.inside("evse", "lock").is_locked
    bench.emit("button", "emergency_released")
    bench.emit("button", "reset_pressed")
    bench.run(1)
    bench.charging()
    assert bench.inside("evse", "lock").is_locked
    assert not bench.errors
