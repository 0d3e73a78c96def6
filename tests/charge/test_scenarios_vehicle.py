"""Every answer of a station, gone wrong in every way, at the vehicle chart on the virtual clock.

A scripted station speaks real bytes. After each scenario the vehicle's contactors are open, its pilot is in B, and its
next try at the same station, which behaves by then, is a complete session.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.charge.bench import Bench
from tests.charge.scripted_station import ScriptedStation, offers_only
from tests.charge.test_scenarios_messages import at_every_step, in_both
from tests.charge.walk import STEPS

MSG_TIMEOUT_S = {"PowerDelivery": 5.0, "PowerDelivery(Stop)": 5.0, "CurrentDemand": 0.25}
"""V2G_EVCC_Msg_Timeout, ISO 15118-2 Table 109; 2 s otherwise, and for PowerDelivery in DIN."""
T_CONTACTOR_S = 0.2
"""From what the vehicle sees to its open contactors, their 50 ms and the pilot's included."""


def timeout_s(protocol: str, step: str) -> float:
    """How long the vehicle waits for this answer."""
    if protocol == "din" and step.startswith("PowerDelivery"):
        return 2.0
    return MSG_TIMEOUT_S.get(step, 2.0)


def plugged(protocol: str, *sets: str) -> tuple[Bench, ScriptedStation]:
    """A vehicle that is about to be plugged in at a scripted station."""
    bench = Bench("pev_dc", (), "stop_at_soc=40", *offers_only(protocol), *sets)
    station = ScriptedStation(bench, protocol)
    bench.bring("pev")
    return bench, station


def until_asked(bench: Bench, station: ScriptedStation, step: str) -> None:
    """Run until the vehicle has sent the request of a step."""
    bench.until(lambda: any(asked == step for _, asked in station.log), 30, f"{step} request")


def is_isolated(bench: Bench) -> bool:
    """Contactors open, pilot in B."""
    return not bench.circuit.vehicle_closed and bench.cable.circuit.load == "B"


def next_try_charges(bench: Bench, station: ScriptedStation) -> None:
    """The vehicle comes again by itself, charges and unplugs."""
    station.changes.clear()
    station.delivers = True
    bench.circuit.on = bench.circuit.station_closed = False
    tries = sum(1 for _, step in station.log if step == "supportedAppProtocol")
    bench.until(lambda: bench.data("pev", "sessions") == 1, 30, "complete session")
    assert sum(1 for _, step in station.log if step == "supportedAppProtocol") == tries + 1
    bench.until(lambda: not bench.cable.plugged, 5, "unplugged vehicle")
    assert is_isolated(bench)
    assert bench.errors == []
    assert bench.system.failures == []


def fails_safe(bench: Bench, station: ScriptedStation, within_s: float = T_CONTACTOR_S) -> None:
    """Isolated within the time, the session failed; the next one works."""
    bench.until(lambda: is_isolated(bench) and not bench.is_in("pev", "talk.session"), within_s, "isolated vehicle")
    next_try_charges(bench, station)


# ---------------------------------------------------------------- nothing, or too late


@in_both
def test_without_a_fault(protocol: str) -> None:
    """What the others are measured against: one session, all steps in their order."""
    bench, station = plugged(protocol)
    bench.until(lambda: bench.data("pev", "sessions") == 1, 30, "complete session")
    order = [step for step in dict.fromkeys(step for _, step in station.log)]
    assert tuple(order) == STEPS
    assert station.trailing == {}
    assert bench.errors == []


@in_both
@pytest.mark.parametrize("step", [step for step in STEPS if "(" not in step])
def test_a_byte_too_much(protocol: str, step: str) -> None:
    """The oddity of Tesla, Subaru and Seres is on the wire, behind that one request: trailing_byte_on."""
    bench, station = plugged(protocol, f"adapters.v2g.trailing_byte_on={step}Req")
    bench.until(lambda: bench.data("pev", "sessions") == 1, 30, "complete session")
    same = {"PowerDelivery": ("PowerDelivery", "PowerDelivery(Stop)")}.get(step, (step,))
    assert station.trailing == dict.fromkeys(same, b"\0")


@in_both
@pytest.mark.parametrize("omitted", [False, True])
def test_units_left_out(protocol: str, omitted: bool) -> None:
    """The oddity of Opel, MG and VW: only in DIN they are optional."""
    bench, station = plugged(protocol, f"adapters.v2g.omit_units={str(omitted).lower()}")
    bench.until(lambda: bench.data("pev", "sessions") == 1, 30, "complete session")
    assert set(station.units) == {None if omitted and protocol == "din" else "V"}


@pytest.mark.parametrize(("how", "seen"), [("FIN", "closed by the peer"), ("RST", "reset by the peer")])
def test_how_the_vehicle_closes(how: str, seen: str) -> None:
    """The oddity of some models: by RST at the end."""
    bench, station = plugged("din", f"adapters.v2g.close_by={how}")
    bench.until(lambda: bench.data("pev", "sessions") == 1, 30, "complete session")
    bench.until(lambda: station.closed_by != "", 5, "closed connection")
    assert station.closed_by == seen


@in_both
@at_every_step
@pytest.mark.parametrize("how", ["close", "reset"])
def test_station_goes_away(protocol: str, step: str, how: str) -> None:
    """A connection that breaks at any answer leaves an isolated vehicle that tries again."""
    bench, station = plugged(protocol)
    station.faults[step] = lambda s, frame: getattr(s.stream, how)()
    until_asked(bench, station, step)
    fails_safe(bench, station)


@in_both
@at_every_step
def test_no_answer(protocol: str, step: str) -> None:
    """A station that is silent is left at the standard's time, not before and not much later."""
    bench, station = plugged(protocol)
    station.faults[step] = lambda s, frame: None
    until_asked(bench, station, step)
    limit = timeout_s(protocol, step)
    bench.run(limit * 0.9)
    assert bench.is_in("pev", "talk.session"), "left too early"
    fails_safe(bench, station, limit * 0.2 + T_CONTACTOR_S)


@in_both
@at_every_step
def test_late_answer_in_time(protocol: str, step: str) -> None:
    """Ten per cent before its limit an answer still counts: one session, no retry."""
    bench, station = plugged(protocol)
    limit = timeout_s(protocol, step)
    station.faults[step] = lambda s, frame: s.later(limit * 0.9, frame)
    bench.until(lambda: bench.data("pev", "sessions") == 1, 40, "complete session")
    assert bench.data("pev", "failed_sessions") == 0
    assert bench.errors == []


@in_both
@at_every_step
def test_late_answer(protocol: str, step: str) -> None:
    """Ten per cent after its limit an answer comes too late, and harms nothing any more."""
    bench, station = plugged(protocol)
    limit = timeout_s(protocol, step)
    station.faults[step] = lambda s, frame: s.later(limit * 1.1, frame)
    until_asked(bench, station, step)
    fails_safe(bench, station, limit + T_CONTACTOR_S)


@in_both
@pytest.mark.parametrize(
    ("step", "limit_s"), [("Authorization", 60.0), ("ChargeParameterDiscovery", 60.0), ("CableCheck", 40.0)]
)
def test_ongoing_for_ever(protocol: str, step: str, limit_s: float) -> None:
    """A station that says Ongoing for ever is left at the standard's time ([V2G2-710], [V2G2-700])."""
    bench, station = plugged(protocol)
    station.changes[step] = {"EVSEProcessing": "Ongoing"}
    until_asked(bench, station, step)
    bench.run(limit_s * 0.9)
    assert bench.is_in("pev", "talk.session"), "left too early"
    bench.until(
        lambda: is_isolated(bench) and not bench.is_in("pev", "talk.session"), limit_s * 0.2, "isolated vehicle"
    )
    assert station.log[-1][1] == "SessionStop"


# ---------------------------------------------------------------- wrong answers


def _not_exi(frame: bytes) -> bytes:
    exi = bytes(octet ^ 0xFF for octet in frame[8:])
    return frame[:8] + exi


WRONG: dict[str, Callable[[ScriptedStation, str, bytes], bytes]] = {
    "garbled": lambda s, step, frame: _not_exi(frame),
    "cut": lambda s, step, frame: frame[:4] + (3).to_bytes(4, "big") + frame[8:11],
    "half a message": lambda s, step, frame: frame[: len(frame) // 2],
    "no V2GTP": lambda s, step, frame: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "4 GB announced": lambda s, step, frame: frame[:4] + b"\xff\xff\xff\xff" + frame[8:],
    "another payload type": lambda s, step, frame: frame[:2] + b"\x77\x77" + frame[4:],
    "FAILED": lambda s, step, frame: s.frame(step, ResponseCode=_failed(step)),
    "FAILED_SequenceError": lambda s, step, frame: s.frame(step, ResponseCode=_failed(step, "FAILED_SequenceError")),
    "FAILED_UnknownSession": lambda s, step, frame: s.frame(step, ResponseCode=_failed(step, "FAILED_UnknownSession")),
}


def _failed(step: str, code: str = "FAILED") -> str:
    return "Failed_NoNegotiation" if step == "supportedAppProtocol" else code


@in_both
@at_every_step
@pytest.mark.parametrize("what", WRONG)
def test_wrong_answer(protocol: str, step: str, what: str) -> None:
    """Garbage and refusals in any step: isolated at the latest when the answer is overdue, and the next try works."""
    bench, station = plugged(protocol)
    station.faults[step] = lambda s, frame: s.raw(WRONG[what](s, step, frame))
    until_asked(bench, station, step)
    waits = what in ("garbled", "cut", "half a message", "another payload type")
    fails_safe(bench, station, T_CONTACTOR_S + (timeout_s(protocol, step) if waits else 0.0))


@in_both
@pytest.mark.parametrize("step", STEPS[1:])
def test_answer_to_something_else(protocol: str, step: str) -> None:
    """A response nobody asked for ends the session."""
    bench, station = plugged(protocol)
    other = "SessionStop" if step != "SessionStop" else "WeldingDetection"
    station.faults[step] = lambda s, frame: s.raw(s.frame(other))
    until_asked(bench, station, step)
    fails_safe(bench, station)


@in_both
@at_every_step
def test_answer_doubled(protocol: str, step: str) -> None:
    """The same response twice is a response nobody asked for: the vehicle may end, but it ends isolated."""
    bench, station = plugged(protocol)
    station.faults[step] = lambda s, frame: s.raw(frame * 2)
    until_asked(bench, station, step)
    bench.until(lambda: bench.data("pev", "sessions") == 1, 30, "complete session")
    bench.until(lambda: not bench.cable.plugged, 5, "unplugged vehicle")
    assert is_isolated(bench)
    assert bench.errors == []


@in_both
@pytest.mark.parametrize("step", STEPS)
def test_answer_byte_by_byte(protocol: str, step: str) -> None:
    """TCP may cut an answer anywhere."""
    bench, station = plugged(protocol)
    station.faults[step] = lambda s, frame: [s.raw(frame[i : i + 1]) for i in range(len(frame))] and None
    bench.until(lambda: bench.data("pev", "sessions") == 1, 30, "complete session")
    assert bench.data("pev", "failed_sessions") == 0


# ---------------------------------------------------------------- what the station says, and what is


@in_both
@pytest.mark.parametrize("step", ["CableCheck", "PreCharge", "CurrentDemand"])
@pytest.mark.parametrize("status", ["EVSE_Shutdown", "EVSE_EmergencyShutdown", "EVSE_Malfunction", "EVSE_NotReady"])
def test_station_status(protocol: str, step: str, status: str) -> None:
    """A station that says it stops is obeyed: contactors open, SessionStop, no dead state."""
    bench, station = plugged(protocol)
    station.faults[step] = lambda s, frame: s.raw(s.frame(step, EVSEStatusCode=status))
    until_asked(bench, station, step)
    bench.until(lambda: station.log[-1][1] == "SessionStop", 3, "SessionStop")
    bench.until(lambda: is_isolated(bench), 0.3, "isolated vehicle")


@in_both
def test_stop_notification(protocol: str) -> None:
    """EVSENotification StopCharging with a good status is a wish of the user there: PowerDelivery(Stop) follows."""
    bench, station = plugged(protocol)
    station.faults["CurrentDemand"] = lambda s, frame: s.raw(s.frame("CurrentDemand", EVSENotification="StopCharging"))
    until_asked(bench, station, "CurrentDemand")
    bench.until(lambda: bench.data("pev", "sessions") == 1, 5, "complete session")
    steps = [step for _, step in station.log]
    assert steps.count("CurrentDemand") == 1
    assert "PowerDelivery(Stop)" in steps


def test_renegotiation_wanted_by_the_station() -> None:
    """EVSENotification ReNegotiation: new parameters, then energy again."""
    bench, station = plugged("iso2")
    station.faults["CurrentDemand"] = lambda s, frame: s.raw(s.frame("CurrentDemand", EVSENotification="ReNegotiation"))
    bench.until(lambda: bench.data("pev", "sessions") == 1, 30, "complete session")
    steps = [step for _, step in station.log]
    assert steps.count("ChargeParameterDiscovery") == 2
    assert steps.count("PowerDelivery") == 3  # Start, Renegotiate, Start
    assert steps.count("CableCheck") == 1


@in_both
def test_voltage_is_said_but_not_there(protocol: str) -> None:
    """The vehicle believes its own measurement (ISO 17409 5.6.2): it never closes, and leaves after 7 s."""
    bench, station = plugged(protocol)
    station.delivers = False
    station.changes["PreCharge"] = {"EVSEPresentVoltage": 360.0}
    until_asked(bench, station, "PreCharge")
    closed = bench.system.run_until(lambda: bench.circuit.vehicle_closed, bench.system.clock.now_ns() + 6_300_000_000)
    assert not closed
    assert bench.is_in("pev", "talk.session"), "left too early"
    bench.until(lambda: station.log[-1][1] == "SessionStop", 1.4, "SessionStop")
    assert is_isolated(bench)


@in_both
def test_pilot_lost_while_charging(protocol: str) -> None:
    """State E or F ends the charge at the vehicle's side too."""
    bench, station = plugged(protocol)
    until_asked(bench, station, "CurrentDemand")
    assert bench.circuit.vehicle_closed
    bench.cable.set_duty(0.0)
    bench.until(lambda: is_isolated(bench), 0.5, "isolated vehicle")
    bench.run(1)
    bench.cable.set_duty(5.0)
    next_try_charges(bench, station)


@in_both
def test_unplugged_while_charging(protocol: str) -> None:
    """The plug pulled under load: contactors open; plugged in again it charges."""
    bench, station = plugged(protocol)
    until_asked(bench, station, "CurrentDemand")
    bench.cable.unplug(bench.port)  # type: ignore[arg-type]
    bench.until(lambda: not bench.circuit.vehicle_closed, T_CONTACTOR_S, "open contactors")
    bench.run(5)
    bench.cable.plug(bench.port)  # type: ignore[arg-type]
    next_try_charges(bench, station)


@in_both
@at_every_step
def test_driver_stops(protocol: str, step: str) -> None:
    """The driver's stop in any step is never forgotten: the session ends well, soon, with the contactors open."""
    bench, station = plugged(
        protocol, f"stop_at_soc={100 if STEPS.index(step) <= STEPS.index('CurrentDemand') else 40}"
    )
    until_asked(bench, station, step)
    bench.adapter("pev", "driver").port.emit("stop_pressed")
    bench.until(lambda: bench.data("pev", "sessions") == 1, 3, "complete session")
    assert station.log[-1][1] == "SessionStop"
    bench.until(lambda: not bench.cable.plugged, 5, "unplugged vehicle")
    assert is_isolated(bench)
    assert bench.errors == []


def test_vehicle_gives_up_on_a_hopeless_station() -> None:
    """After C_session_retry failed sessions the vehicle waits for its driver; plugged in anew it charges."""
    bench, station = plugged("iso2")
    station.changes["ServiceDiscovery"] = {"ResponseCode": "FAILED"}
    bench.until(lambda: bench.is_in("pev", "talk.over"), 60, "end of the tries")
    assert sum(1 for _, step in station.log if step == "supportedAppProtocol") == 3
    bench.cable.unplug(bench.port)  # type: ignore[arg-type]
    bench.run(2)
    bench.cable.plug(bench.port)  # type: ignore[arg-type]
    next_try_charges(bench, station)
