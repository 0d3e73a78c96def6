"""The SoC reader in the simulated world, with real bytes: every vehicle is charged, and read where it speaks."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import engine
from adapters.ac.circuit import AcCircuit, ac_circuit_of
from adapters.registry import REGISTRY
from engine.cli import main
from engine.run import System
from engine.run.station import Overrides, build, resolve
from tests.charge.bench import NAMESPACES, Bench, HandPort

EVCCID = bytes.fromhex("020000000001")
DIN_ONLY = f"reader.session.supported_namespaces={NAMESPACES['din']}"
CHART = Path("machines/soc_reader.yaml")
_load = cache(engine.load)


class Reader(Bench):
    """``engine run machines/soc_reader.yaml --set … --fault …`` on the virtual clock."""

    def __init__(self, *sets: str, faults: tuple[str, ...] = ()) -> None:
        self.station = resolve(CHART, None, Overrides(sets, {}, {}, faults), REGISTRY, _load)
        self.system = System()
        self.system.observers.append(self)
        self.errors: list[str] = []
        self.said: list[tuple[float, str, dict[str, Any]]] = []
        self.shown: list[str] = []
        self.port = HandPort(self.system)
        build(self.station, self.system, REGISTRY)
        self.system.start()

    @property
    def ac(self) -> AcCircuit:
        """The AC circuit, now."""
        circuit = ac_circuit_of(self.system.world, "1")
        circuit.advance(self.system.clock.now_ns())
        return circuit

    def charging(self, seconds: float) -> float:
        """Run until the vehicle has its 16 A, and say when (s) that was."""
        self.until(lambda: self.ac.current_A == 16.0, seconds, "16 A")
        return self.now_s


# ---------------------------------------------------------------- vehicles that speak

VEHICLES = sorted(Path("machines/vehicles").glob("*.toml"))


def _speaks(vehicle: Path, protocol: str) -> bool:
    """Whether the captured vehicle offers it."""
    offers: list[str] = tomllib.loads(vehicle.read_text())["session"]["ProtocolNamespace"]
    return NAMESPACES[protocol] in offers


def _zoo() -> list[Any]:
    """Every vehicle in every protocol it offers; ten of them always, the others in the long run only."""
    cases = [(path.stem, protocol) for path in VEHICLES for protocol in ("din", "iso2") if _speaks(path, protocol)]
    return [
        pytest.param(vehicle, protocol, marks=[pytest.mark.campaign] if number % (len(cases) // 10) else [])
        for number, (vehicle, protocol) in enumerate(cases)
    ]


@pytest.mark.parametrize(("vehicle", "protocol"), _zoo())
def test_each_captured_vehicle_is_read_and_charged(vehicle: str, protocol: str) -> None:
    """With its own schema list, session id, pace and oddities; no voltage before the session is over. Each has a state
    of charge and an EVCCID of its own."""
    number = VEHICLES.index(Path(f"machines/vehicles/{vehicle}.toml"))
    soc, evccid = 21 + number, f"0200000000{number + 16:02x}"
    bench = Reader(
        f"vehicle={vehicle}",
        f"pev.adapters.battery.soc={soc}",
        f"pev.session.dialogue.EVCCID={evccid}",
        "pev.stop_at_soc=100 %",
        f"reader.session.supported_namespaces={NAMESPACES[protocol]}",
        f"reader.session.supported_protocols={protocol}",
    )
    bench.until(lambda: bool(bench.events("soc")), 40, "state of charge")
    (told,) = bench.events("soc")
    assert (told["soc"], told["protocol"], told["EVCCID"]) == (soc, protocol, bytes.fromhex(evccid))
    assert not bench.circuit.station_closed
    assert bench.is_in("reader/session", "session.connection.established")
    bench.charging(40)
    assert not bench.events("unread")
    assert not bench.errors


def test_one_whole_plug_in() -> None:
    """Read, handed over, charged until the driver has enough; told; nothing is left closed, locked or on."""
    bench = Reader()
    bench.until(lambda: bool(bench.events("session_ended")), 1000, "end")
    bench.until(lambda: any("end" in each for each in bench.events("session_ended")), 5, "the station's end")
    (end,) = [each for each in bench.events("session_ended") if "end" in each]
    assert (end["end"], end["reason"], end["soc"], end["EVCCID"]) == ("normal", "", 40, EVCCID)
    assert 1330 < end["energy"] < 1345  # 2 % of 60 kWh at 90 %
    (told,) = bench.adapter("reader", "web").told
    assert (told["soc"], told["full_soc"], told["capacity"], told["EVCCID"]) == (40, 100, 60_000.0, EVCCID)
    bench.run(2)
    assert not bench.circuit.station_closed
    assert not bench.inside("reader", "lock").is_locked
    assert bench.data("reader/outlet", "under_load") == 0
    assert not bench.errors


def test_a_server_that_is_not_there_holds_nobody() -> None:
    """Not one step of it: the vehicle has its current when it has it with a server."""
    with_server = Reader().charging(60)
    bench = Reader("reader.adapters.web.status=0")
    assert bench.charging(60) == pytest.approx(with_server, abs=0.1)
    bench.until(lambda: bool(bench.events("not_told")), 60, "word that nobody was told")
    assert bench.ac.current_A == 16.0
    assert bench.events("not_told") == [{"reason": "connection refused"}]
    assert not bench.errors


def test_on_the_virtual_clock_nobody_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """``--callback URL --fast``: one line on standard error says so; the vehicle is read and charged."""
    arguments = ["run", str(CHART), "--fast", "--callback", "http://192.0.2.1", "--for", "20 s", "--plain"]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert err == "engine: reader.web: this adapter needs the real clock; run without --fast\n"
    assert "nobody handled" not in out
    (ended,) = re.findall(r"session 1 ended .*end=(\w+), soc=(\d+) %.*energy=([\d.]+) Wh", out)
    assert ended[:2] == ("normal", "40")
    assert float(ended[2]) > 5.0


def test_read_anew_in_mid_charge() -> None:
    """Every 10 min: the vehicle ends its current first, no contact opens under load, and there is no voltage at 5 %."""
    bench = Reader("reader.T_repeat=10 min", "pev.stop_at_soc=100 %")
    bench.charging(60)
    for times in (2, 3):
        bench.until(lambda: bench.cable.circuit.duty_percent == 5.0, 610, "5 % again")
        assert not bench.circuit.station_closed
        bench.until(lambda times=times: len(bench.events("soc")) == times, 30, "state of charge")  # type: ignore[misc]
        assert not bench.circuit.station_closed
        bench.charging(60)
    first, second, third = (each["soc"] for each in bench.events("soc"))
    assert first < second < third
    assert bench.data("reader/outlet", "under_load") == 0
    assert len(bench.adapter("reader", "web").told) == 3
    assert not bench.errors


# ---------------------------------------------------------------- vehicles that do not speak

LONG = "pev.session.dialogue.V2G_EVCC_Msg_Timeout=10 min"
HAND_OVER_S = 16.0
"""From the end of reading to 16 A: the outlet dead, E/F, the offer, S2, voltage, the vehicle's reaction, its ramp."""

UNREAD = {  # name -> (reason, longest time (s) of what is waited for, sets, faults)
    "no modem at the station": (
        "there is no modem",
        10,
        ("reader.adapters.modem.present=no", "reader.adapters.link.present=no"),
        (),
    ),
    "says nothing": ("the vehicle does not speak", 21, ("pev.speaks=no",), ()),
    "is not heard": ("the vehicle does not speak", 21, (), ("drop:CM_SLAC_PARM.REQ",)),
    "SLAC fails": ("no session in time", 31, (), ("drop:CM_SLAC_MATCH.CNF",)),
    "SDP is silent": ("no session in time", 31, (), ("drop:pev.sdp.request",)),
    "TLS only": ("no session in time", 31, ("pev.discovery.tls=yes", "pev.discovery.tls_required=yes"), ()),
    "no common protocol": (
        "the vehicle speaks no protocol of this station",
        15,
        ("reader.session.supported_namespaces=urn:none",),
        (),
    ),
    "wants AC": (
        "the vehicle ended the session",
        31,
        ("pev.session.dialogue.EnergyTransferModes=AC_three_phase_core",),
        (),
    ),
    "refuses": ("the vehicle ended the session", 31, (), ("set(ResponseCode=FAILED):pev.v2g.AuthorizationRes",)),
    "hangs in the session": ("the session does not go on", 51, (LONG,), ("drop:pev.v2g.AuthorizationReq",)),
    "never says its parameters": (
        "the session does not go on",
        51,
        (LONG,),
        ("drop:pev.v2g.ChargeParameterDiscoveryReq",),
    ),
    "closes the connection": ("the vehicle ended the session", 51, (), ("drop:pev.v2g.AuthorizationReq",)),
}


@pytest.mark.parametrize("what", UNREAD)
def test_who_is_not_read_is_charged_all_the_same(what: str) -> None:
    """Within the limits of the chart, and the reason is told."""
    reason, longest_s, sets, faults = UNREAD[what]
    bench = Reader(*sets, faults=faults)
    bench.until(lambda: bool(bench.events("unread")), longest_s + 5, "word that it is not read")
    unread_s = bench.now_s
    assert bench.events("unread") == [{"reason": reason}]
    assert not bench.circuit.station_closed
    assert bench.charging(HAND_OVER_S) - unread_s <= HAND_OVER_S
    assert not bench.events("soc")
    assert not [error for error in bench.errors if "FAILED" not in error]


def test_one_that_hangs_when_it_has_been_read() -> None:
    """Its session is cut after T_end."""
    bench = Reader(LONG, faults=("drop:pev.v2g.CableCheckReq",))
    bench.until(lambda: bool(bench.events("soc")), 40, "state of charge")
    bench.charging(10 + HAND_OVER_S)
    assert not bench.errors


def test_who_never_lets_itself_be_read_waits_no_third_time() -> None:
    """It comes a third time, and is known by its modem: matched, and charged."""
    bench = Reader("pev.adapters.driver.back_after=5 s", "pev.T_patience=0 s", faults=("drop:pev.sdp.request",))
    waits = []
    for times in (1, 2, 3):
        bench.until(lambda: bench.cable.plugged, 20, "plug")
        plugged_s = bench.now_s
        bench.until(lambda times=times: len(bench.events("unread")) == times, 40, "unread")  # type: ignore[misc]
        waits.append(bench.now_s - plugged_s)
        bench.charging(HAND_OVER_S)
        bench.adapter("pev", "driver").port.emit("stop_pressed")
        bench.until(lambda: not bench.cable.plugged, 20, "unplug")
    assert [30 < wait < 31 for wait in waits[:2]] == [True, True]
    assert waits[2] < 10
    assert bench.events("unread")[2] == {"reason": "was not read before"}
    assert not bench.errors


def test_an_evccid_lets_it_charge() -> None:
    """Read without being known; it has voltage because its EVCCID is on the list, and another has none."""
    bench = Reader("reader.authorisation=list", "reader.tokens=020000000001")
    bench.charging(60)
    other = Reader("reader.authorisation=list", "reader.tokens=020000000002")
    other.until(lambda: bool(other.events("soc")), 40, "state of charge")
    other.run(120)
    assert not other.circuit.station_closed
    other.adapter("reader", "reader").port.emit("token", id="020000000002")
    other.charging(HAND_OVER_S + 10)
    assert not bench.errors + other.errors
