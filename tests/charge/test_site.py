"""Whole sites on the virtual clock: outlets with their vehicles, real bytes, one limit of power for all of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

import engine
from adapters.power.circuit import PowerCircuit
from adapters.registry import REGISTRY
from adapters.slac.nic import LineDriver
from engine.cli import main
from engine.language.model import Chart
from engine.run import Note, StepRecord, System
from engine.run.station import Overrides, build, resolve
from engine.semantics.step import Call, SendEvent

S = 1_000_000_000
TOLERANCE_W = 600.0
"""Of an outlet: what its chart calls kept, and a little of the supply's ramp."""


@cache
def chart(path: Path) -> Chart:
    return engine.load(path)


class Site:
    """A running site. ``ended``: (outlet, payload) of every session that did."""

    def __init__(self, outlets: int, *sets: str, limit_W: float = 60_000.0) -> None:
        given = (f"outlets={outlets}", f"P_site={limit_W:g} W", *sets)
        station = resolve(Path("machines/site.yaml"), None, Overrides(given, {}), REGISTRY, chart)
        self.outlets = outlets
        self.limit_W = limit_W
        self.system = System()
        self.ended: list[tuple[int, dict[str, Any]]] = []
        self.wire: dict[int, list[dict[str, Any]]] = {n: [] for n in range(1, outlets + 1)}
        self.most_W = 0.0
        self.system.observers.append(self)
        build(station, self.system, REGISTRY)
        self.system.start()

    def step(self, record: StepRecord) -> None:
        path = record.actor.path
        for effect in record.step.effects:
            if (
                isinstance(effect, SendEvent)
                and effect.event == "session_ended"
                and path.startswith("site/outlet[")
                and path.endswith("]")
            ):
                self.ended.append((record.actor.key, dict(effect.data)))
            elif isinstance(effect, Call) and effect.action == "CurrentDemandRes":
                self.wire[int(path.partition("[")[2].partition("]")[0])].append(dict(effect.args))

    def note(self, note: Note) -> None:
        pass

    def power_W(self, outlet: int) -> float:
        """What flows at an outlet, now."""
        circuit: PowerCircuit = self.system.world.shared(f"power circuit outlet{outlet}", PowerCircuit)
        circuit.advance(self.system.clock.now_ns())
        return circuit.output_V * circuit.output_A

    @property
    def powers(self) -> list[float]:
        return [self.power_W(outlet) for outlet in range(1, self.outlets + 1)]

    def run(self, seconds: float) -> Site:
        """Let the time pass, and look at what flows twenty times a second."""
        for _ in range(round(seconds * 20)):
            self.system.advance(S // 20)
            flows = sum(self.powers)
            self.most_W = max(self.most_W, flows)
            assert flows <= self.limit_W + self.outlets * TOLERANCE_W, self.powers
        assert self.system.failures == []
        return self

    def data(self, name: str) -> Any:
        return self.system.roots["site"].machine.data[name]


SHORT = ("pev.stop_at_soc=41 %", "pev.adapters.battery.soc=40.75")
SETS = [part for text in SHORT for part in ("--set", text)]


def test_four_vehicles_of_different_models_charge_inside_the_limit() -> None:
    """All need more than there is: together they take what there is, and none a watt more; each reads its part."""
    site = Site(4, *SHORT, limit_W=80_000.0).run(75)
    assert sorted(outlet for outlet, _ in site.ended) == [1, 2, 3, 4]
    assert {told["end"] for _, told in site.ended} == {"normal"}
    assert site.most_W > 70_000.0
    for answers in site.wire.values():
        least = min(answer["EVSEMaximumPowerLimit"] for answer in answers)
        assert least <= 20_000.0 + 1.0, "while four charge"
        assert all(
            answer["EVSEMaximumCurrentLimit"] * 150.0 <= answer["EVSEMaximumPowerLimit"] + 1 for answer in answers
        )
    assert site.data("granted") == [0.0] * 4


def test_a_limit_from_outside_is_on_the_wire_and_in_the_cables_within_seconds() -> None:
    site = Site(2, limit_W=60_000.0).run(20)
    assert sum(site.powers) > 50_000.0
    site.system.post(site.system.roots["site"], "limit", {"power": 20_000.0})
    site.system.advance(S)
    site.limit_W = 20_000.0
    site.run(3)
    assert [answers[-1]["EVSEMaximumPowerLimit"] for answers in site.wire.values()] == pytest.approx([10_000.0] * 2)
    assert sum(site.powers) > 15_000.0


def test_a_load_manager_above_the_site_gives_it_what_the_building_leaves() -> None:
    """Two machines at the root: what the manager orders is in the cables within seconds, and it hears of a site that is
    no more."""
    site = Site(2, "building.present=true", "building.P_connection=80 kW", "building.T_silent=30 s", limit_W=80_000.0)
    building = site.system.roots["building"]

    def draws(power: float) -> None:
        site.system.post(building, "draws", {"power": power})

    site.system.advance(S)
    assert site.data("limit") == 20_000.0
    draws(20_000.0)
    site.run(20)
    assert 50_000.0 < sum(site.powers) < 60_000.0 + 2 * TOLERANCE_W
    draws(65_000.0)
    site.system.advance(S)
    site.limit_W = 15_000.0
    site.run(3)
    assert sum(site.powers) > 10_000.0
    assert site.data("limit") == building.machine.data["limit"] == 15_000.0
    site.system.stop(site.system.roots["site"])
    site.system.run_due()
    assert building.machine.configuration == ("untold",)


def test_what_an_outlet_drew_that_fails_in_mid_charge_goes_to_the_others_when_it_is_off() -> None:
    site = Site(2, "outlet2.adapters.supply.alarm_after=20 s", limit_W=60_000.0).run(19.9)
    before = site.power_W(1)
    assert before < 40_000.0
    site.run(4)
    assert site.power_W(2) == 0.0
    assert site.power_W(1) > 50_000.0
    assert [(outlet, told["end"]) for outlet, told in site.ended] == [(2, "failed")]


def test_one_command_charges_four_vehicles_with_nothing_attached(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--fast", "--quiet", "--sessions", "4", "--set", "outlets=4", *SETS]
    assert main(["run", "machines/site.yaml", *options]) == 0
    told = capsys.readouterr().out
    assert all(f"of outlet{n} ended" in told for n in (1, 2, 3, 4))
    assert "site: stopped" in told


def test_one_vehicle_that_fails_is_named_and_the_run_fails(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--fast", "--quiet", "--sessions", "2", *SETS]
    failing = ["--set", "outlet2.adapters.imd.resistance=1"]
    assert main(["run", "machines/site.yaml", *options, *failing]) == 1
    out, err = capsys.readouterr()
    assert "of outlet2 failed" in out
    assert "of outlet1 ended" in out
    assert "1 of 2 sessions failed (outlet2)" in err
    assert "Vehicle 2:" in out
    assert "Vehicle 1:" not in out


@pytest.mark.parametrize("shared", [False, True])
def test_what_one_outlet_says_reaches_another_vehicle_on_a_shared_line_only(shared: bool) -> None:
    """SLAC, SDP and everything else: outlets have power lines of their own unless they are given one."""
    sets = ("outlet.adapters.link.line=1", "pev.adapters.link.line=1") if shared else ()
    sets += tuple(s.replace(".link.", f".{role}.") for s in sets for role in ("modem", "sdp", "v2g"))
    site = Site(2, *sets)
    first = site.system.world.shared(f"power line {'1' if shared else 'outlet1'}", lambda: None)
    second = site.system.world.shared(f"power line {'1' if shared else 'outlet2'}", lambda: None)
    assert isinstance(second, LineDriver)
    assert (first is second) is shared
    mine = {nic.mac for host, nic in second._nics.items() if host in ("outlet2", "pev2")}
    heard: set[bytes] = set()
    second._nics["pev2"].subscribe(lambda frame, message: heard.add(frame[6:12]))
    site.run(6)
    strangers = {mac for mac in heard - mine if mac[:4] == bytes((2, 0, 0, 0))}
    assert bool(strangers) is shared
    assert heard & mine
