"""What charging profiles come to: the limit at a moment, and the composite schedule. Pure functions; times in ns since
1970-01-01 UTC.

Of one purpose the profile of the highest stackLevel that says something at a moment holds; where it says nothing (not
yet valid, over, beyond its duration), the next one below. TxProfiles go before TxDefaultProfiles; of one stackLevel one
of the connector goes before one of connector 0. ChargePointMaxProfile is a limit beside them.

Sources: OCPP 1.6 edition 2 3.13, 7.8, 7.13; errata sheet 4.0 3.43, 3.44, 3.45, 3.53, 3.79 (recurring: UTC, counted from
startSchedule).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NS = 1_000_000_000
PERIOD = {"Daily": 24 * 3600 * NS, "Weekly": 7 * 24 * 3600 * NS}


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` (ns after the schedule's begin) on. ``phases``: 0 where it is not said."""

    start: int
    limit: float
    phases: int


@dataclass(frozen=True, slots=True)
class Profile:
    """``transaction``: the ledger's number of the one a TxProfile is for. ``duration``, ``start``, ``valid_from``,
    ``valid_to``: None where they are not said. Periods ascend, the first one at 0."""

    id: int
    connector: int
    transaction: int | None
    level: int
    purpose: str
    kind: str
    recurrency: str | None
    valid_from: int | None
    valid_to: int | None
    duration: int | None
    start: int | None
    unit: str
    periods: tuple[Period, ...]

    def at(self, time: int, begun: int) -> Period | None:
        """What it says at ``time`` of a transaction that began at ``begun``."""
        if not (self.valid_from or 0) <= time < (time + 1 if self.valid_to is None else self.valid_to):
            return None
        begin = self._begin(time, begun)
        elapsed = time - begin
        if elapsed < 0 or (self._length is not None and elapsed >= self._length):
            return None
        return next((period for period in reversed(self.periods) if period.start <= elapsed), None)

    def edges(self, begun: int, after: int, until: int) -> Iterator[int]:
        """The moments in (after, until] at which it may say something else."""
        marks = [period.start for period in self.periods] + ([] if self._length is None else [self._length])
        cycle = PERIOD[self.recurrency] if self._recurs and self.recurrency else None
        begin = self._begin(after, begun)
        while begin <= until:
            yield from (begin + mark for mark in marks if after < begin + mark <= until)
            if cycle is None:
                break
            begin += cycle
        yield from (edge for edge in (self.valid_from, self.valid_to) if edge is not None and after < edge <= until)

    @property
    def _recurs(self) -> bool:
        return self.kind == "Recurring"

    @property
    def _length(self) -> int | None:
        cycle = PERIOD[self.recurrency] if self._recurs and self.recurrency else None
        return min((each for each in (self.duration, cycle) if each is not None), default=None)

    def _begin(self, time: int, begun: int) -> int:
        """Of the schedule that runs at ``time``, or of the first one."""
        if self.kind == "Relative" or self.start is None:
            return begun
        if self._recurs and self.recurrency and time > self.start:
            return time - (time - self.start) % PERIOD[self.recurrency]
        return self.start


@dataclass(frozen=True, slots=True)
class Limit:
    """``unit``: A (on each phase) or W; ``phases``: 0 where it is not said."""

    value: float
    unit: str
    phases: int = 0

    def in_unit(self, unit: str, voltage: float, phases: int) -> float:
        """``voltage``: V of a phase; on so many ``phases``."""
        if unit == self.unit:
            return self.value
        return self.value / (voltage * phases) if unit == "A" else self.value * voltage * phases


@dataclass(frozen=True, slots=True)
class Use:
    """A connector; ``transaction``: the ledger's number, None without one; ``begun``: when it began, or would."""

    connector: int
    transaction: int | None
    begun: int


def own(profiles: Sequence[Profile], use: Use, time: int) -> Limit | None:
    """What a connector may have by its TxProfiles and TxDefaultProfiles; None: there is no limit. Connector 0 has those
    of the whole charge point."""
    if use.connector == 0:
        return _highest(_of(profiles, "ChargePointMaxProfile"), use, time)
    mine = [p for p in _of(profiles, "TxProfile") if use.transaction is not None and p.transaction == use.transaction]
    return _highest(mine, use, time) or _highest(
        [p for p in _of(profiles, "TxDefaultProfile") if p.connector in (0, use.connector)], use, time
    )


def edges(profiles: Sequence[Profile], use: Use, after: int, until: int) -> list[int]:
    """The moments in (after, until] at which something may change for a connector, ascending."""
    return sorted({edge for profile in profiles for edge in profile.edges(use.begun, after, until)})


def composite(
    profiles: Sequence[Profile],
    use: Use,
    at: int,
    duration: int,
    unit: str,
    without: float,
    voltage: float,
    phases: int,
    direct: float = 0.0,
) -> list[Period]:
    """The schedule of a connector from ``at`` for ``duration``, right at each whole second; ``without`` is the limit
    where no profile says one. ``voltage``: V of a phase of the mains; ``direct``: V at which amperes of a connector of
    direct current are watts, which has no phases; 0: it is one of alternating current. ``phases``: those it has;
    a period that says fewer is of these."""
    moments = [0, *(-(-(edge - at) // NS) * NS for edge in edges(profiles, use, at, at + duration - 1))]
    rows: list[Period] = []
    for moment in dict.fromkeys(moments):
        if moment >= duration and moment > 0:
            continue
        mine = own(profiles, use, at + moment)
        whole = own(profiles, Use(0, None, use.begun), at + moment) if use.connector else None
        said = [limit.phases for limit in (mine, whole) if limit is not None and limit.phases]
        on = 0 if direct else min(said, default=0)
        found = [without]
        if mine is not None:
            found.append(mine.in_unit(unit, direct or voltage, 1 if direct else on or phases))
        if whole is not None:
            watts = Limit(whole.in_unit("W", voltage, whole.phases or phases), "W") if direct else whole
            found.append(watts.in_unit(unit, direct or voltage, 1 if direct else on or phases))
        value = min(found)
        if not rows or (rows[-1].limit, rows[-1].phases) != (value, on):
            rows.append(Period(moment, value, on))
    return rows


def _of(profiles: Sequence[Profile], purpose: str) -> list[Profile]:
    return [profile for profile in profiles if profile.purpose == purpose]


def _highest(profiles: Sequence[Profile], use: Use, time: int) -> Limit | None:
    for profile in sorted(profiles, key=lambda p: (p.level, p.connector == use.connector), reverse=True):
        if (period := profile.at(time, use.begun)) is not None:
            return Limit(period.limit, profile.unit, period.phases)
    return None
