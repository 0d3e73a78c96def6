"""Settings of the adapters on a power line, by the way they reach it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.adapter import Setting

MS: Final = 1_000_000

HOST: Final[dict[str, Setting]] = {
    "host": Setting("string", "", "Name of this host on the line; empty: that of its machine", names="machine"),
    "side": Setting("enum(auto, evse, pev)", "auto", "Which end of a cable; auto: pev when the name says so"),
    "cable": Setting("string", "1", "Name of the charging cable this host is at", names="unit"),
    "mac": Setting("string", "", "The host's MAC; empty: a made-up one"),
}
"""Who a host on a simulated line is."""

MODEM: Final[dict[str, Setting]] = {
    "present": Setting("bool", True, "Whether there is a modem; without one nothing answers and nothing passes"),
    "set_key_result": Setting("int", 1, "Octet of CM_SET_KEY.CNF: 1 as a QCA7000, 0 as the standard"),
    "deaf": Setting("duration", 1000 * MS, "Silence of a modem after a new key"),
    "reset": Setting("duration", 3000 * MS, "Silence of a modem after VS_RS_DEV"),
    "profiles": Setting("enum(cm, vendor, none)", "cm", "How a station's modem reports sounds (vendor: 0xA14E)"),
}
"""How its modem behaves."""

FAULT: Final[dict[str, Setting]] = {
    "fault": Setting("string", "", "Packet faults by rule, such as drop:CM_ATTEN_CHAR.IND:1"),
}

ON_LINE: Final[dict[str, Setting]] = {
    "line": Setting("string", "1", "Name of the power line; the cables of one line hear each other", names="unit"),
}
"""Which simulated line of this process."""

LINE: Final[dict[str, Setting]] = {
    **ON_LINE,
    "seed": Setting("int", 0, "Decides everything random on the line"),
    "own_attenuation": Setting("float dB", 9.0, "Attenuation between the ends of one cable"),
    "neighbour_attenuation": Setting(
        "float dB?", 35.0, "Attenuation between cables; none: they do not hear each other"
    ),
    "noise": Setting("float dB", 1.0, "Largest deviation of a group in one sound"),
    "latency": Setting("duration", 1 * MS, "From host to host"),
    "profile_latency": Setting("duration", 1_200_000, "From a sound to its attenuation profile"),
    "jitter": Setting("duration", 0, "Largest random addition to both"),
    "join": Setting("duration", 1000 * MS, "Time modems with one key need to see each other"),
}
"""The line itself: the first adapter opened on it makes it."""

SIMULATED: Final[dict[str, Setting]] = {**HOST, **MODEM, **LINE, **FAULT}
FLOOD: Final[dict[str, Setting]] = {
    "per_source": Setting(
        "int",
        200,
        "HomePlug frames per second taken from one MAC; a modem reports 10 sounds of each of 5 vehicles in 600 ms",
    ),
    "new_sources": Setting("int", 100, "First frames of MACs not seen before, per second; each costs about 0.3 ms"),
}
"""What is taken of what others send, at most."""
PACKET: Final[dict[str, Setting]] = {
    "interface": Setting("string", "", "Network interface of the modem, such as eth1 (required)"),
    **FLOOD,
    **FAULT,
}
SOCKET: Final[dict[str, Setting]] = {
    **FLOOD,
    "socket": Setting(
        "string", "", "Where the line was started: python -m adapters.slac line --socket PATH (required)"
    ),
    **HOST,
}
LINK: Final[dict[str, Setting]] = {
    "vendor_profiles": Setting("bool", False, "Take 0xA14E of the own modem for an attenuation profile"),
}
"""Of ``hpgp_link`` on every kind of line."""


def host_claims(config: Mapping[str, Any]) -> dict[str, str]:
    """The claim of a simulated host: its name belongs to one machine."""
    return {"host": f"the host {config['host']!r}"} if config["host"] else {}


def packet_claims(config: Mapping[str, Any]) -> dict[str, str]:
    """A modem behind a network interface is one machine's."""
    return {"interface": f"the modem of interface {config['interface']!r}"} if config["interface"] else {}


def line_claims(config: Mapping[str, Any]) -> dict[str, str]:
    """A host at the end of a cable."""
    side = side_of(config["side"], config["host"])
    return {**host_claims(config), "cable": f"the {side} end of cable {config['cable']!r}"}


def host_of(setting: str, role: str) -> str:
    """The host's name: the setting, else the machine's name before the role (``pev.link``), else ``evse``."""
    return setting or role.rpartition(".")[0] or "evse"


def side_of(setting: str, host: str) -> str:
    """``evse`` or ``pev``: the setting, else what the host's name says."""
    if setting in ("evse", "pev"):
        return setting
    return "pev" if any(word in host.lower() for word in ("pev", "evcc", "vehicle", "car")) else "evse"
