"""What charging profiles come to, second by second, beside a slow reference that knows nothing of edges."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ocpp.schedules import NS, PERIOD, Period, Profile, Use, composite, edges, own

T0 = 1_795_953_600 * NS
DAY = PERIOD["Daily"]
MS = 1_000_000


def profile(id: int = 1, periods: tuple[tuple[float, float], ...] = ((0, 10.0),), **fields: Any) -> Profile:
    """``periods``: seconds and limit; other times in ns."""
    plain: dict[str, Any] = {
        "connector": 1, "transaction": None, "level": 0, "purpose": "TxDefaultProfile", "kind": "Absolute",
        "recurrency": None, "valid_from": None, "valid_to": None, "duration": None, "start": T0, "unit": "A",
    }  # fmt: skip
    made = tuple(Period(round(start * NS), limit, 0) for start, limit in periods)
    return Profile(id, periods=made, **{**plain, **fields})


def limit(profiles: list[Profile], second: float, transaction: int | None = 7, connector: int = 1) -> float | None:
    found = own(profiles, Use(connector, transaction, T0), T0 + round(second * NS))
    return None if found is None else found.value


# ---------------------------------------------------------------- the rules, one by one


@pytest.mark.ocpp_cases("D12")
def test_periods_follow_one_another_until_the_duration_is_over() -> None:
    """Errata 3.43, 3.44: beyond it there is no limit."""
    one = [profile(periods=((0, 16.0), (60, 8.0)), duration=100 * NS)]
    assert [limit(one, at) for at in (-1, 0, 59.999, 60, 99.999, 100)] == [None, 16, 16, 8, 8, None]


@pytest.mark.ocpp_cases("TC_072")
def test_the_highest_stack_level_that_says_something_holds() -> None:
    """D12 of the field: after `duration` the next lower level holds."""
    both = [profile(1, ((0, 32.0),)), profile(2, ((0, 6.0),), level=3, duration=60 * NS)]
    assert [limit(both, at) for at in (0, 59, 60)] == [6, 6, 32]
    valid = [both[0], profile(2, ((0, 6.0),), level=3, valid_from=T0 + 10 * NS, valid_to=T0 + 20 * NS)]
    assert [limit(valid, at) for at in (9, 10, 19, 20)] == [32, 6, 6, 32]


def test_a_tx_profile_goes_before_defaults_and_is_for_its_transaction() -> None:
    all_of_them = [
        profile(1, ((0, 32.0),), level=9),
        profile(2, ((0, 8.0),), purpose="TxProfile", transaction=7, duration=60 * NS),
    ]
    assert limit(all_of_them, 0) == 8
    assert limit(all_of_them, 60) == 32
    assert limit(all_of_them, 0, transaction=8) == 32
    assert limit(all_of_them, 0, transaction=None) == 32


def test_a_default_of_the_connector_goes_before_one_of_all() -> None:
    """Of the same stackLevel; errata 3.53: one of connector 0 is for all connectors."""
    both = [profile(1, ((0, 32.0),), connector=0), profile(2, ((0, 8.0),), connector=1)]
    assert (limit(both, 0), limit(both, 0, connector=2), limit(both[::-1], 0)) == (8, 32, 8)
    higher = [profile(1, ((0, 32.0),), connector=0, level=1), both[1]]
    assert limit(higher, 0) == 32


def test_a_relative_schedule_begins_with_the_transaction() -> None:
    relative = [profile(1, ((0, 16.0), (30, 8.0)), kind="Relative", start=None)]
    assert own(relative, Use(1, 7, T0 - 29 * NS), T0).value == 16  # type: ignore[union-attr]
    assert own(relative, Use(1, 7, T0 - 30 * NS), T0).value == 8  # type: ignore[union-attr]
    assert limit([profile(1, kind="Absolute", start=None, duration=5 * NS)], 5) is None


@pytest.mark.ocpp_cases("D12")
def test_what_recurs_is_counted_in_utc_from_its_start() -> None:
    """D12 of the field, errata 3.79: every 24 h; what reaches beyond the period is not run."""
    daily = [profile(1, ((0, 16.0), (25 * 3600, 1.0)), kind="Recurring", recurrency="Daily", start=T0 + 3600 * NS)]
    assert limit(daily, 3599) is None
    assert [limit(daily, day * 86400 + 3600) for day in (0, 1, 200)] == [16, 16, 16]
    assert limit(daily, 3600 + 86399) == 16
    short = [profile(1, kind="Recurring", recurrency="Weekly", duration=60 * NS)]
    assert [limit(short, 7 * 86400 + at) for at in (-1, 0, 59, 60)] == [None, 10, 10, None]


def test_a_limit_of_nothing_is_a_limit() -> None:
    assert limit([profile(1, ((0, 0.0),))], 0) == 0


@pytest.mark.ocpp_cases("TC_066")
def test_the_composite_schedule_of_a_connector_is_below_that_of_the_charge_point() -> None:
    """In the unit that is asked for; what profiles do not say is what the connector can give."""
    profiles = [
        profile(1, ((0, 11_040.0), (100, 5_000.0)), connector=0, purpose="ChargePointMaxProfile", unit="W"),
        profile(2, ((0, 20.0), (50, 10.0)), duration=150 * NS),
    ]
    use = Use(1, 7, T0)
    amperes = composite(profiles, use, T0, 200 * NS, "A", 32.0, 230.0, 3)
    assert [(row.start // NS, round(row.limit, 2)) for row in amperes] == [(0, 16), (50, 10), (100, 7.25)]
    watts = composite(profiles, use, T0, 200 * NS, "W", 22_000.0, 230.0, 3)
    assert [(row.start // NS, row.limit) for row in watts] == [(0, 11_040), (50, 6_900), (100, 5_000)]
    assert composite([], use, T0, 10 * NS, "A", 32.0, 230.0, 3) == [Period(0, 32.0, 0)]
    assert composite(profiles, use, T0, 0, "A", 32.0, 230.0, 3)[0].start == 0


def test_phases_of_a_period_count_when_it_is_converted() -> None:
    one = profile(1, purpose="ChargePointMaxProfile", connector=0)
    single = Profile(**{**{name: getattr(one, name) for name in Profile.__slots__}, "periods": (Period(0, 10.0, 1),)})
    assert composite([single], Use(0, None, T0), T0, NS, "W", 1e6, 230.0, 3) == [Period(0, 2300.0, 1)]


def test_a_connector_has_the_fewest_phases_that_anybody_says() -> None:
    """16 A on one phase are 3.7 kW; the charge point's 11 kW are 48 A on that phase, and no limit to it."""
    mine = profile(1, ((0, 16.0),))
    single = Profile(**{**{name: getattr(mine, name) for name in Profile.__slots__}, "periods": (Period(0, 16.0, 1),)})
    point = profile(2, ((0, 11_040.0),), purpose="ChargePointMaxProfile", connector=0, unit="W")
    use = Use(1, 7, T0)
    assert composite([single, point], use, T0, NS, "A", 32.0, 230.0, 3) == [Period(0, 16.0, 1)]
    assert composite([single, point], use, T0, NS, "W", 22_080.0, 230.0, 3) == [Period(0, 3_680.0, 1)]


def test_direct_current_has_a_voltage_of_its_own_and_no_phases() -> None:
    """The charge point's limit in amperes is one of the mains (32 A of each phase: 22 kW), the connector's one of its
    output (100 A at 400 V); whichever unit is asked for, both say the same."""
    own_limit = profile(1, ((0, 100.0), (50, 20.0)), unit="A")
    point = profile(2, ((0, 32.0),), purpose="ChargePointMaxProfile", connector=0, unit="A")
    single = Profile(**{**{name: getattr(point, name) for name in Profile.__slots__}, "periods": (Period(0, 32.0, 1),)})
    use = Use(1, 7, T0)

    def rows(profiles: list[Profile], unit: str) -> list[tuple[int, float, int]]:
        made = composite(profiles, use, T0, 100 * NS, unit, 1e6, 230.0, 3, 400.0)
        return [(row.start // NS, round(row.limit, 3), row.phases) for row in made]

    assert rows([own_limit], "A") == [(0, 100, 0), (50, 20, 0)]
    assert rows([own_limit], "W") == [(0, 40_000, 0), (50, 8_000, 0)]
    assert rows([own_limit, point], "W") == [(0, 22_080, 0), (50, 8_000, 0)]
    assert rows([own_limit, point], "A") == [(0, 55.2, 0), (50, 20, 0)]
    assert rows([single], "W") == [(0, 7_360, 0)]
    assert rows([profile(3, ((0, 8_000.0),), unit="W")], "A") == [(0, 20, 0)]


# ---------------------------------------------------------------- the reference


def said(one: Profile, time: int, begun: int) -> float | None:
    """What one profile says, by walking through all of its days."""
    if one.valid_from is not None and time < one.valid_from:
        return None
    if one.valid_to is not None and time >= one.valid_to:
        return None
    starts = [begun if one.start is None or one.kind == "Relative" else one.start]
    cycle = PERIOD[one.recurrency] if one.recurrency and one.kind == "Recurring" else None
    while cycle and starts[-1] + cycle <= time:
        starts.append(starts[-1] + cycle)
    if time < starts[-1] or (one.duration is not None and time >= starts[-1] + one.duration):
        return None
    found = None
    for period in one.periods:
        if starts[-1] + period.start <= time:
            found = period.limit
    return found


def reference(profiles: list[Profile], use: Use, time: int, without: float) -> float:
    """Amperes."""
    maximum = [(p.level, said(p, time, use.begun)) for p in profiles if p.purpose == "ChargePointMaxProfile"]
    tx = [
        (p.level, said(p, time, use.begun))
        for p in profiles
        if p.purpose == "TxProfile" and p.transaction == use.transaction
    ]
    default = [
        (p.level + p.connector / 10, said(p, time, use.begun))
        for p in profiles
        if p.purpose == "TxDefaultProfile" and p.connector in (0, 1)
    ]

    def top(levels: list[Any]) -> Any:
        return max((each for each in levels if each[1] is not None), default=(0, None))[1]

    mine = top(tx)
    mine = top(default) if mine is None else mine
    return min(each for each in (top(maximum), mine, without) if each is not None)


times = st.integers(-40_000, 160_000).map(lambda ms: T0 + ms * MS)


@st.composite
def some_profile(draw: st.DrawFn, id: int) -> Profile:
    purpose = draw(st.sampled_from(["ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"]))
    kind = draw(
        st.sampled_from(["Absolute", "Recurring"] + (["Relative"] if purpose != "ChargePointMaxProfile" else []))
    )
    start = draw(times) if kind != "Relative" else None
    recurrency = draw(st.sampled_from(["Daily", "Weekly"])) if kind == "Recurring" else None
    if start is not None and recurrency:
        start -= draw(st.integers(0, 3)) * PERIOD[recurrency]
    starts = sorted(draw(st.sets(st.integers(1, 100_000), max_size=3)))
    limits = draw(
        st.lists(st.sampled_from([0.0, 6.0, 8.0, 16.0, 20.0]), min_size=len(starts) + 1, max_size=len(starts) + 1)
    )
    return Profile(
        id=id,
        connector=0
        if purpose == "ChargePointMaxProfile"
        else draw(st.sampled_from([0, 1, 2] if purpose == "TxDefaultProfile" else [1])),
        transaction=draw(st.sampled_from([7, 8])) if purpose == "TxProfile" else None,
        level=id,
        purpose=purpose,
        kind=kind,
        recurrency=recurrency,
        valid_from=draw(st.none() | times),
        valid_to=draw(st.none() | times),
        duration=draw(st.none() | st.integers(1, 120_000).map(lambda ms: ms * MS)),
        start=start,
        unit="A",
        periods=tuple(Period(ms * MS, value, 0) for ms, value in zip([0, *starts], limits, strict=True)),
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_the_composite_is_right_at_each_second(data: st.DataObject) -> None:
    profiles = [data.draw(some_profile(id)) for id in range(data.draw(st.integers(0, 5)))]
    use = Use(1, 7, data.draw(times))
    rows = composite(profiles, use, T0, 120 * NS, "A", 32.0, 230.0, 3)
    assert rows[0].start == 0
    assert [row.start for row in rows] == sorted({row.start for row in rows})
    for second in range(120):
        row = [each for each in rows if each.start <= second * NS][-1]
        assert row.limit == reference(profiles, use, T0 + second * NS, 32.0), second


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_nothing_changes_between_two_edges(data: st.DataObject) -> None:
    """A chart that looks at the edges only misses nothing."""
    profiles = [data.draw(some_profile(id)) for id in range(data.draw(st.integers(1, 4)))]
    use = Use(1, 7, data.draw(times))
    at, until = T0, T0 + 60 * NS
    found = edges(profiles, use, at, until)
    assert all(at < edge <= until for edge in found)
    for ms in range(1, 60_001, 97):
        time = at + ms * MS
        passed = [edge for edge in found if edge <= time]
        since = passed[-1] if passed else at
        assert reference(profiles, use, time, 32.0) == reference(profiles, use, since, 32.0)
