"""Contract ``ocpp_profiles``: charging profiles in the charge point's file, and what they come to
(:mod:`adapters.ocpp.schedules`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.ocpp.database import Database, NotTaken, StoreError
from adapters.ocpp.schedules import Period, Profile, Use, composite, edges, own
from adapters.ocpp.store import InFile, InMemory, Stored


class OcppProfiles(Stored):
    """The profiles are few and small: what is in the file is here, too."""

    contract = "ocpp_profiles"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._profiles: list[Profile] = []
        self._held: dict[str, dict[str, Any]] = {}

    def _begun(self, database: Database) -> None:
        self._profiles = _all(database)

    # ------------------------------------------------------------ what is kept

    def keep(self, *, call: str, connectorId: int, most: int, transaction: int | None = None, **fields: Any) -> None:
        """Raises ``NotTaken`` in the writer, told by ``not_kept``, where there would be too many."""
        new = {"connectorId": connectorId, "transaction": transaction, **fields}

        def work(database: Database) -> list[Profile]:
            profile = _profile(new)
            for old in _all(database):
                if old.id == profile.id or _same(old, profile):
                    database.execute("DELETE FROM profiles WHERE id = ?", old.id)
            database.execute(
                "INSERT INTO profiles (connector, id, profile) VALUES (?, ?, ?)",
                connectorId,
                profile.id,
                json.dumps(new),
            )
            profiles = _all(database)
            if len(profiles) > most:
                raise NotTaken(f"there may be {most} profiles")
            return profiles

        def written(profiles: Any) -> None:
            self._profiles = profiles
            self.port.emit("kept", call=call)
            self.port.emit("changed")

        self._write(work, written, refused=lambda reason: self.port.emit("not_kept", call=call, reason=reason))

    def hold(self, *, call: str, most: int, **fields: Any) -> None:
        self._held[call] = fields
        while len(self._held) > most:
            del self._held[next(iter(self._held))]

    def promote(self, *, call: str, connectorId: int, transaction: int, most: int) -> None:
        held = self._held.pop(call, None)
        if held is not None:
            self.keep(call="", connectorId=connectorId, transaction=transaction, most=most, **held)

    def end(self, *, transaction: int) -> None:
        self._remove(lambda profile: profile.transaction == transaction, lambda _: None)

    def clear(
        self,
        *,
        call_id: str,
        id: int | None = None,
        connectorId: int | None = None,
        chargingProfilePurpose: str | None = None,
        stackLevel: int | None = None,
    ) -> None:
        wanted = {"connector": connectorId, "purpose": chargingProfilePurpose, "level": stackLevel}
        if id is not None:
            wanted = {"id": id}

        def fits(profile: Profile) -> bool:
            return all(value is None or getattr(profile, name) == value for name, value in wanted.items())

        self._remove(fits, lambda cleared: self.port.done(call_id, cleared=cleared), call_id)

    def _remove(self, fits: Any, then: Any, call_id: str = "") -> None:
        def work(database: Database) -> tuple[int, list[Profile]]:
            gone = [profile.id for profile in _all(database) if fits(profile)]
            for id in gone:
                database.execute("DELETE FROM profiles WHERE id = ?", id)
            return len(gone), _all(database)

        def written(result: Any) -> None:
            cleared, self._profiles = result
            then(cleared)
            if cleared:
                self.port.emit("changed")

        self._write(work, written, call_id)

    # ------------------------------------------------------------ what they come to

    def limits(self, *, call_id: str, at: int, within: int, transaction: Sequence[int], begun: Sequence[int]) -> None:
        uses = [
            Use(n, number or None, since if number else at)
            for n, (number, since) in enumerate(zip(transaction, begun, strict=True))
        ]
        found = [own(self._profiles, use, at) for use in uses]
        self.port.done(
            call_id,
            power=[limit.value if limit and limit.unit == "W" else -1.0 for limit in found],
            current=[limit.value if limit and limit.unit == "A" else -1.0 for limit in found],
            phases=[limit.phases if limit else 0 for limit in found],
            until=min(
                (edge for use in uses for edge in edges(self._profiles, use, at, at + within)), default=at + within
            ),
        )

    def composite(
        self,
        *,
        call_id: str,
        connectorId: int,
        transaction: int,
        begun: int,
        at: int,
        duration: int,
        chargingRateUnit: str,
        without: float,
        voltage: float,
        phases: int,
        direct: float,
    ) -> None:
        use = Use(connectorId, transaction or None, begun if transaction else at)
        rows = composite(self._profiles, use, at, duration, chargingRateUnit, without, voltage, phases, direct)
        self.port.done(
            call_id,
            startPeriod=[row.start for row in rows],
            limit=[row.limit for row in rows],
            numberPhases=[row.phases for row in rows],
        )


def _all(database: Database) -> list[Profile]:
    rows = database.execute("SELECT profile FROM profiles ORDER BY number").fetchall()
    try:
        return [_profile(json.loads(text)) for (text,) in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{database.file}: a charging profile in it cannot be read: {error!r}") from None


def _profile(fields: Mapping[str, Any]) -> Profile:
    return Profile(
        id=fields["chargingProfileId"],
        connector=fields["connectorId"],
        transaction=fields["transaction"],
        level=fields["stackLevel"],
        purpose=fields["chargingProfilePurpose"],
        kind=fields["chargingProfileKind"],
        recurrency=fields.get("recurrencyKind"),
        valid_from=fields.get("validFrom"),
        valid_to=fields.get("validTo"),
        duration=fields.get("duration"),
        start=fields.get("startSchedule"),
        unit=fields["chargingRateUnit"],
        periods=tuple(map(Period, fields["startPeriod"], fields["limit"], fields["numberPhases"])),
    )


def _same(one: Profile, other: Profile) -> bool:
    return (one.connector, one.transaction, one.purpose, one.level) == (
        other.connector,
        other.transaction,
        other.purpose,
        other.level,
    )


class MemoryProfiles(InMemory, OcppProfiles):
    """Gone with the process: for simulations and tests."""


class FileProfiles(InFile, OcppProfiles):
    """In the file."""
