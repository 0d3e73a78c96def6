"""Scenarios of machines/site.yaml: who is granted what of the shared power, and when. Powers in W.

The oracle of all of them is :class:`Site`: an outlet may draw the highest grant it has not said good-bye to, and all
together never more than the limit, or than what they had when it was lowered.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine.run.observer import StepRecord
from engine.semantics.step import SendEvent
from tests.scenarios.stage import Stage

FILE = "machines/site.yaml"


class Site:
    """The site's chart, its outlets puppets. ``granted``: newest grant by outlet; ``sent``: what each was told since
    the last :meth:`forget`."""

    def __init__(self, outlets: int, /, **parameters: Any) -> None:
        self.sent: list[tuple[int, str, dict[str, Any]]] = []
        self.granted: dict[int, float] = {}
        self.may_draw: dict[int, float] = {}
        self.orders: dict[int, int] = {}
        self.stage = Stage(FILE, outlets=outlets, begin=False, **parameters)
        self.stage.system.observers.append(self)
        self.limit = self.ceiling = self.stage.actor.machine.parameters["P_site"]
        self.stage.begin()

    def step(self, record: StepRecord) -> None:
        if record.actor is not self.stage.actor:
            return
        for effect in record.step.effects:
            if isinstance(effect, SendEvent) and effect.target == "outlet":
                self.sent.append((effect.key, effect.event, dict(effect.data or {})))
                if effect.event == "grant":
                    self.granted[effect.key] = effect.data["power"]
                    self.orders[effect.key] = effect.data["order"]
                    self.may_draw[effect.key] = max(self.may_draw.get(effect.key, 0.0), effect.data["power"])
        self.check()

    def note(self, note: object) -> None:
        pass

    def check(self) -> None:
        assert sum(self.granted.values()) <= self.limit + 1, self.granted
        assert sum(self.may_draw.values()) <= self.ceiling + 1, self.may_draw
        self.ceiling = max(self.limit, min(self.ceiling, sum(self.may_draw.values())))
        assert self.stage.system.failures == []

    def needs(self, outlet: int, power: float) -> Site:
        self.stage.child("outlet.needs", outlet, power=power)
        return self

    def keeps(self, outlet: int, order: int | None = None) -> Site:
        """The outlet has come down to what it was granted last; ``order``: or to an older grant."""
        if order is None:
            self.may_draw[outlet] = self.granted[outlet]
        self.stage.child("outlet.kept", outlet, order=self.orders[outlet] if order is None else order)
        return self

    def settle(self) -> Site:
        """Every outlet keeps to what it was granted, until nothing changes."""
        for _ in range(3):
            for outlet in self.granted:
                self.keeps(outlet)
        return self

    def limited(self, power: float) -> Site:
        self.limit, self.ceiling = power, max(power, self.ceiling)
        self.stage.post("limit", power=power)
        return self

    def run(self, seconds: float) -> Site:
        self.stage.run(seconds)
        return self

    def told(self, event: str) -> list[int]:
        """Who was told so."""
        return [outlet for outlet, name, _ in self.sent if name == event]

    @property
    def grants(self) -> list[float]:
        return [round(self.granted[outlet]) for outlet in sorted(self.granted)]


def test_every_outlet_starts_with_nothing() -> None:
    site = Site(3)
    assert site.stage.children() == ["outlet", "outlet", "outlet"]
    assert site.sent == [(n, "grant", {"power": 0.0, "order": 0}) for n in (1, 2, 3)]
    assert len(Site(1).sent) == 1


# ---------------------------------------------------------------- how it is shared


def test_fixed_gives_every_outlet_its_part_from_the_start() -> None:
    site = Site(4, sharing="fixed", P_site=100_000.0)
    assert site.grants == [25_000] * 4
    site.settle().needs(1, 80_000.0).needs(2, 1_000.0).settle()
    assert site.grants == [25_000] * 4
    assert site.limited(60_000.0).grants == [15_000] * 4
    site.settle().stage.ends("outlet", 2)
    assert site.run(2).stage.data("granted") == [15_000.0, 0.0, 15_000.0, 15_000.0]


def test_equal_leaves_to_the_others_what_one_does_not_need() -> None:
    site = Site(3, P_site=90_000.0).needs(1, 200_000.0).settle()
    assert site.grants == [90_000, 0, 0]
    assert site.needs(2, 10_000.0).settle().grants == [80_000, 10_000, 0]
    assert site.needs(3, 60_000.0).settle().grants == [40_000, 10_000, 40_000]
    assert site.needs(3, 30_000.0).settle().grants == [50_000, 10_000, 30_000]
    assert site.needs(1, 0.0).settle().grants == [0, 10_000, 30_000]


def test_first_come_has_all_it_needs_and_leaves_the_least_to_the_others() -> None:
    site = Site(3, sharing="first_come", P_site=100_000.0, P_least=6_000.0)
    site.needs(2, 70_000.0).settle().needs(1, 50_000.0).settle()
    assert site.grants == [30_000, 70_000, 0]
    assert site.needs(3, 50_000.0).settle().grants == [24_000, 70_000, 6_000]
    assert site.needs(2, 90_000.0).settle().grants == [6_000, 88_000, 6_000]
    assert site.needs(1, 2_000.0).settle().grants == [2_000, 90_000, 6_000 + 2_000]


def test_first_come_who_leaves_and_comes_back_is_last() -> None:
    site = Site(2, sharing="first_come", P_site=50_000.0, P_least=5_000.0)
    site.needs(1, 50_000.0).settle().needs(2, 50_000.0).settle()
    assert site.grants == [45_000, 5_000]
    assert site.needs(1, 40_000.0).settle().grants == [40_000, 10_000], "a new need keeps its place"
    assert site.needs(1, 0.0).settle().needs(1, 50_000.0).settle().grants == [5_000, 45_000]


def test_first_come_the_least_lasts_as_long_as_it_does() -> None:
    site = Site(3, sharing="first_come", P_site=12_000.0, P_least=5_000.0)
    for outlet in (3, 2, 1):
        site.needs(outlet, 50_000.0).settle()
    assert site.grants == [2_000, 5_000, 5_000]


def test_by_need_gives_in_proportion_and_no_more_than_needed() -> None:
    site = Site(3, sharing="by_need", P_site=100_000.0).needs(1, 60_000.0).settle()
    assert site.grants == [60_000, 0, 0]
    assert site.needs(2, 90_000.0).settle().grants == [40_000, 60_000, 0]
    assert site.needs(1, 0.0).settle().grants == [0, 90_000, 0]
    assert site.needs(2, 0.0).settle().grants == [0, 0, 0]


# ---------------------------------------------------------------- in which order


def test_what_is_taken_from_one_is_given_to_another_when_the_first_has_let_go() -> None:
    site = Site(2, P_site=100_000.0).needs(1, 100_000.0).settle()
    site.needs(2, 100_000.0)
    assert site.grants == [50_000, 0]
    assert site.keeps(1).grants == [50_000, 50_000]


def test_what_is_free_is_given_at_once() -> None:
    site = Site(2, P_site=100_000.0).needs(1, 70_000.0).settle().needs(2, 100_000.0)
    assert site.grants == [50_000, 30_000]
    assert site.keeps(1).grants == [50_000, 50_000]


def test_who_keeps_to_an_older_grant_has_let_go_of_nothing() -> None:
    site = Site(2, P_site=100_000.0).needs(1, 100_000.0).settle()
    old = site.orders[1]
    site.needs(2, 100_000.0).keeps(1, old)
    assert site.grants == [50_000, 0]


def test_a_grant_taken_back_and_given_again_needs_no_power_twice() -> None:
    """The outlet holds what it had; up to that it may have it again at once."""
    site = Site(2, P_site=100_000.0).needs(1, 100_000.0).settle().needs(2, 40_000.0)
    assert site.grants == [60_000, 0]
    assert site.needs(2, 0.0).grants == [100_000, 0]
    assert site.settle().grants == [100_000, 0]


def test_what_a_back_end_lets_an_outlet_have_is_never_exceeded() -> None:
    """By less than a step, either."""
    site = Site(2, P_site=100_000.0, P_step=500.0).needs(1, 50_000.0).settle()
    for power in (20_000.0, 19_600.0):
        site.stage.post("limit_outlet", outlet=1, power=power, current=None, phases=None)
        site.settle()
        assert site.granted[1] == power


def test_a_small_change_is_no_order_but_nothing_is() -> None:
    site = Site(2, P_site=100_000.0, P_step=500.0).needs(1, 50_000.0).settle()
    site.sent.clear()
    site.needs(1, 49_600.0).needs(1, 50_000.0)
    assert site.sent == []
    assert site.needs(1, 49_400.0).grants[0] == 49_400
    assert site.settle().needs(1, 400.0).settle().needs(1, 0.0).grants[0] == 0
    assert site.settle().needs(1, 300.0).grants[0] == 300, "all that it needs, however little"


# ---------------------------------------------------------------- limits from outside


def test_a_lower_limit_lowers_at_once_and_a_higher_one_gives() -> None:
    site = Site(2, P_site=100_000.0).needs(1, 100_000.0).settle().needs(2, 100_000.0).settle()
    site.limited(40_000.0)
    assert site.grants == [20_000, 20_000]
    assert site.stage.data("ceiling") == 100_000.0
    site.keeps(1)
    assert site.stage.data("ceiling") == 70_000.0
    site.keeps(2)
    assert site.stage.data("ceiling") == 40_000.0
    assert site.limited(80_000.0).settle().grants == [40_000, 40_000]


def test_a_limit_lowered_by_little_is_kept_all_the_same() -> None:
    site = Site(2, P_site=100_000.0, P_step=500.0).needs(1, 100_000.0).settle().needs(2, 100_000.0).settle()
    assert site.limited(99_800.0).grants == [49_900, 49_900]


def test_no_power_at_all() -> None:
    site = Site(2, P_site=50_000.0).needs(1, 50_000.0).settle().limited(0.0)
    assert site.grants == [0, 0]
    assert site.settle().needs(2, 9_000.0).grants == [0, 0]


# ---------------------------------------------------------------- what goes wrong


def test_an_outlet_that_does_not_come_down_is_taken_out_of_service() -> None:
    """The only way left to make it let go. What it draws counts until it says that it does not."""
    site = Site(2, P_site=100_000.0).needs(1, 100_000.0).settle().needs(2, 60_000.0).run(2.999)
    assert site.told("out_of_service") == []
    site.run(0.001)
    assert site.told("out_of_service") == [1]
    assert site.grants == [50_000, 0]
    assert site.stage.logs == ["outlet 1 does not keep to 50000.0"]
    site.needs(1, 0.0)
    assert site.grants == [0, 0]
    assert site.keeps(1).grants == [0, 60_000]


def test_an_outlet_that_came_down_in_time_stays_in_service() -> None:
    site = Site(2, P_site=100_000.0).needs(1, 100_000.0).settle().needs(2, 60_000.0).run(1).keeps(1).run(10)
    assert site.told("out_of_service") == []


def test_the_time_counts_from_the_newest_grant() -> None:
    site = Site(3, P_site=90_000.0).needs(1, 90_000.0).settle().needs(2, 90_000.0).run(2).needs(3, 90_000.0).run(2.9)
    assert site.told("out_of_service") == []
    assert site.run(0.1).told("out_of_service") == [1]


def test_what_an_outlet_held_whose_program_ended_is_free_a_second_later() -> None:
    """Its exit actions have opened and switched off; the second is for the hardware."""
    site = Site(2, P_site=100_000.0).needs(1, 100_000.0).settle().needs(2, 100_000.0)
    site.stage.ends("outlet", 1)
    site.granted[1] = 0.0
    site.run(0.999)
    assert site.grants == [0, 0]
    site.may_draw[1] = 0.0
    assert site.run(0.001).grants == [0, 100_000]
    assert site.told("out_of_service") == []
    assert site.stage.data("queue") == [2]


def test_an_outlet_that_failed_is_as_one_that_ended() -> None:
    site = Site(2, sharing="fixed", P_site=100_000.0).settle()
    site.stage.post("error.invoke.outlet", reason="broken", key=2)
    assert site.stage.data("granted") == [50_000.0, 0.0]
    assert site.stage.unhandled == []


@pytest.mark.parametrize("sharing", ["fixed", "equal", "first_come", "by_need"])
@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_the_limit_is_kept(sharing: str, seed: int) -> None:
    """Needs, limits, late and early answers in any order: see :meth:`Site.check`, asked after every step."""
    chance = random.Random(f"{sharing} {seed}")
    site = Site(4, sharing=sharing, P_site=100_000.0)
    for _ in range(120):
        outlet = chance.randint(1, 4)
        match chance.randint(0, 9):
            case 0:
                site.limited(chance.choice([0.0, 20_000.0, 70_000.0, 150_000.0]))
            case 1 | 2:
                site.needs(outlet, chance.choice([0.0, 0.0, 300.0, 40_000.0, 90_000.0]))
            case 3:
                site.keeps(outlet, order=site.orders[outlet] - 1)
            case 4:
                site.run(chance.choice([0.1, 1.0, 3.0]))
            case _:
                site.keeps(outlet)
    site.limited(100_000.0).settle()
    wanting = [outlet for outlet in range(4) if site.stage.data("need")[outlet] > 0]
    assert not wanting or sum(site.grants) >= min(100_000.0, sum(site.stage.data("need"))) - 2_000


# ---------------------------------------------------------------- outlets of several kinds


def test_what_the_outlets_are_in_turn() -> None:
    site = Site(3, kinds=["dc", "ac"])
    charts = [site.stage.actor.children["outlet", key].machine.chart.name for key in (1, 2, 3)]
    assert charts == ["evse_dc", "evse_ac", "evse_dc"]


def test_an_ac_outlet_has_the_time_that_a_vehicle_needs_to_follow_a_duty() -> None:
    """A DC output comes down in T_keep."""
    site = Site(2, kinds=["ac", "dc"], P_site=30_000.0).needs(1, 22_000.0).needs(2, 8_000.0).settle()
    site.limited(10_000.0)
    assert site.run(3).told("out_of_service") == [2]
    assert site.run(21.9).told("out_of_service") == [2]
    assert site.run(0.1).told("out_of_service") == [2, 1]


# ---------------------------------------------------------------- the end


def test_the_site_ends_when_all_its_outlets_have() -> None:
    site = Site(2)
    site.stage.post("shut_down")
    assert site.told("shut_down") == [1, 2]
    site.stage.child("outlet.shut", 1)
    assert site.stage.active("end.asked")
    site.stage.child("outlet.shut", 2)
    assert site.stage.active("end.over")


def test_an_outlet_that_is_not_there_is_not_waited_for() -> None:
    site = Site(2)
    site.stage.ends("outlet", 1)
    site.stage.post("shut_down")
    assert site.told("shut_down") == [2]
    site.stage.child("outlet.shut", 2)
    assert site.stage.active("end.over")


def test_sessions_of_outlets_are_no_business_of_the_power() -> None:
    site = Site(1)
    site.sent.clear()
    site.stage.child("outlet.session_ended", 1, end="normal", reason="", protocol="din", EVCCID=b"", energy=0.0, soc=80)
    assert (site.sent, site.stage.unhandled) == ([], [])
    site.stage.child("outlet.schedule_refused", 1, reason="it has no row")
    assert site.stage.logs == ["outlet 1 does not keep to the schedule it was given: it has no row"]
    assert (site.sent, site.stage.unhandled) == ([], [])


def test_which_outlets_ask_a_vehicle_once() -> None:
    assert Stage("machines/site.yaml", outlets=3, kinds=["dc", "ac", "bms"]).data("unplug_first") == [1, 3]
