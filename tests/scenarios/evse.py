"""The DC station's supervisor, machines/evse_dc.yaml, on a stage: its charts are puppets, its parts stand-ins."""

from __future__ import annotations

from typing import Any

from tests.scenarios.stage import Stage

EVCCID = bytes.fromhex("020000000001")


def starting(**parameters: Any) -> Stage:
    return Stage("machines/evse_dc.yaml", {"meter.energy": 1000.0, "supply.maximum_voltage": 500.0}, **parameters)


def available(**parameters: Any) -> Stage:
    """A free outlet; what it took is not remembered."""
    stage = starting(**parameters).child("session.listening", port_tcp=61341, port_tls=0)
    if parameters.get("medium") != "ethernet":
        stage.child("slac.modem_ready")
    assert stage.active("outlet.available")
    return stage.forget()


def pilot(stage: Stage, state: str) -> Stage:
    return stage.child("cp_line.state", state=state)


def plugged(**parameters: Any) -> Stage:
    """A vehicle is plugged in and invited."""
    stage = pilot(available(**parameters), "B")
    assert stage.active("outlet.plugged.inviting")
    return stage.forget()


def linked(**parameters: Any) -> Stage:
    """SLAC has ended well."""
    return plugged(**parameters).child("slac.matching").child("slac.dlink_ready", pev_mac=bytes(6)).forget()


def start_session(stage: Stage) -> Stage:
    """The vehicle's V2G session stands."""
    stage.child("session.session_started", EVCCID=EVCCID, protocol="din")
    assert stage.active("outlet.plugged.session")
    return stage.forget()


def in_session(**parameters: Any) -> Stage:
    return start_session(linked(**parameters))


def locked(**parameters: Any) -> Stage:
    """State C, the connector locked, the cable check has begun."""
    stage = pilot(in_session(**parameters), "C").child("session.cable_check")
    stage.values("lock", is_locked=True).emit("lock.locked")
    assert stage.active("outlet.plugged.session.power.checking")
    return stage.forget()


def pre_charging(**parameters: Any) -> Stage:
    """The cable is good."""
    return locked(**parameters).child("output.cable_check_ok").forget()


def charging(**parameters: Any) -> Stage:
    """Energy flows."""
    stage = pre_charging(**parameters).child("session.power_on").child("output.power_ready")
    assert stage.active("outlet.plugged.session.power.charging")
    return stage.forget()


STEPS = {
    "plugged": plugged,
    "linked": linked,
    "session": in_session,
    "checking": locked,
    "pre-charge": pre_charging,
    "charging": charging,
}


def end_session(stage: Stage, end: str) -> Stage:
    """The session chart says that it has ended."""
    return stage.child("session.power_off").child("session.session_ended", end=end)


ADMISSION = ("discovery.answer", "discovery.be_silent", "session.accept", "session.refuse")
READINGS = ("session.metered",)
"""Of the meter, each T_meter while energy flows."""


def orders(stage: Stage) -> list[str]:
    """Everything ordered, in order, but who is admitted and what the meter reads; a line for people with its text."""
    told = [o for o in stage.orders if o.what not in ADMISSION + READINGS]
    return [f"show {o.args['text']}" if o.what == "display.show" else o.what for o in told]


def admitted(stage: Stage) -> bool:
    """Whether SDP answers and V2G takes a session; both were told the same."""
    told = [what for what in (o.what for o in stage.orders) if what in ADMISSION][-2:]
    assert set(told) in ({"discovery.answer", "session.accept"}, {"discovery.be_silent", "session.refuse"}), told
    return "session.accept" in told


def shown(stage: Stage) -> list[str]:
    """The lines for the display."""
    return [str(args["text"]) for args in stage.ordered("display.show")]


def to(stage: Stage, child: str) -> list[str]:
    """What a puppet was told, in order."""
    return [what.partition(".")[2] for what in orders(stage) if what.startswith(f"{child}.")]


def each(stage: Stage) -> dict[str, list[str]]:
    """What each part was ordered, in its order; the display's lines as texts."""
    found: dict[str, list[str]] = {}
    for order in (order for order in stage.orders if order.what not in ADMISSION + READINGS):
        part, _, what = order.what.partition(".")
        found.setdefault(part, []).append(order.args["text"] if part == "display" else what)
    return found
