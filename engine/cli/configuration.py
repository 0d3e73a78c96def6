"""The configuration of a station as the page shows and changes it: every key, and the settings file beside the station
file, which is written when all that will run has been checked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from engine.adapter import Refusal, Registry
from engine.language.problems import ChartError, suggestion
from engine.language.types import Kind, Type
from engine.language.values import describe
from engine.language.written import as_text
from engine.run.station import Station, StationError
from engine.run.station.file import read_settings
from engine.run.station.keys import Key, choices, every_key
from engine.run.station.settings import old_file, settings_file, write_settings

Resolve = Callable[[Mapping[str, Any]], Station]
_GIVEN: Final = (str, bool, int, float)
_LONGEST: Final = 4_000


class Configuration:
    """Of one run. ``resolve``: the station as this very command would run it with other settings; raises
    ``StationError``. To be used in threads other than the system's: looking at charts takes time."""

    def __init__(self, station: Station, registry: Registry, resolve: Resolve) -> None:
        self._station, self._registry, self._resolve = station, registry, resolve
        self._file = Path(station.file) if station.file else None
        self._lock = threading.Lock()

    def told(self) -> dict[str, Any]:
        """``file`` that is written, null where there is no station file; ``keys``: see :meth:`_told`. ``pending``:
        settings that wait for a restart. Raises :class:`Refusal` for a settings file that does not read."""
        kept = self._kept()
        keys = [self._told(key, kept) for key in every_key(self._station, self._registry) if not key.handed]
        file = str(settings_file(self._file)) if self._file is not None else None
        return {"file": file, "pending": kept != self._station.settings, "keys": keys}

    def take(self, values: Mapping[str, Any], may_write: Callable[[], bool] = lambda: True) -> dict[str, Any]:
        """Check the station with these values, by key, null for what is no longer set; then write them. Nothing is
        written where one is wrong, or where ``may_write`` says, at last, that it may not. Raises :class:`Refusal`."""
        if self._file is None:
            raise Refusal(409, "there is no station file: write one, and run it by --station FILE")
        with self._lock:
            return self._take(values, may_write)

    # ------------------------------------------------------------ private

    def _take(self, values: Mapping[str, Any], may_write: Callable[[], bool]) -> dict[str, Any]:
        assert self._file is not None
        kept = self._kept()
        known = {key.key: key for key in every_key(self._station, self._registry) if not key.handed}
        wanted, asked = dict(kept), {}
        for name, value in values.items():
            key = known.get(name)
            address = key.address if key is not None else name if name in kept else None
            if address is None:
                raise Refusal(422, f"there is no key {name[:200]!r}{suggestion(name[:200], known)}")
            if value is None:
                wanted.pop(address, None)
                continue
            if not isinstance(value, _GIVEN) or (isinstance(value, str) and not _is_speakable(value)):
                raise Refusal(422, f"{name}: a text, a number, true, false, or null to take it back")
            if key is not None and key.uses and value not in choices(key):
                raise Refusal(422, f"{name} is one of {', '.join(choices(key))}, not {str(value)[:200]!r}")
            asked[address] = name
            wanted[address] = value
        if wanted != kept:
            self._refuse_fixed(asked, self._checked(wanted))
            if not may_write():
                raise Refusal(503, "the station begins anew: nothing is written, ask again when it has")
            self._write(wanted)
        file = settings_file(self._file)
        return {"file": str(file), "old": str(old_file(file)), "changed": wanted != self._station.settings}

    def _refuse_fixed(self, asked: Mapping[str, str], station: Station) -> None:
        """What would have no effect is not taken. ``asked``: keys by address."""
        assert self._file is not None
        origins = {key.address: key.origin for key in every_key(station, self._registry)}
        for address, name in asked.items():
            if (origin := origins.get(address, "")) != str(settings_file(self._file)):
                raise Refusal(409, f"{name} is set by {origin or 'nothing that runs'}: that wins over what is set here")

    def _write(self, wanted: Mapping[str, Any]) -> None:
        assert self._file is not None
        try:
            write_settings(self._file, wanted)
        except OSError as error:
            where, why = settings_file(self._file), error.strerror or error
            way_out = "copy the station file to a folder of your own, and run it from there"
            raise Refusal(409, f"{where} cannot be written: {why}; {way_out}") from None

    def _checked(self, wanted: Mapping[str, Any]) -> Station:
        try:
            return self._resolve(wanted)
        except (StationError, ChartError) as error:
            raise Refusal(422, str(error)[:2_000]) from None

    def _kept(self) -> dict[str, Any]:
        try:
            return read_settings(self._file)
        except StationError as error:
            raise Refusal(409, str(error)[:2_000]) from None

    def _told(self, key: Key, kept: Mapping[str, Any]) -> dict[str, Any]:
        """``value`` as text that may be given back, null where it must be given or is secret; ``kept``: what the
        settings file has, where it has it; ``fixed``: what wins over that file sets it."""
        kind = key.type
        given = not key.origin.startswith("must be ")
        own = {"default", "given", str(self._station.file), str(self._file and settings_file(self._file))}
        found: dict[str, Any] = {
            "key": key.key,
            "type": describe(kind),
            "kind": kind.kind.value,
            "value": as_text(key.value, kind) if given and not kind.secret else None,
            "origin": key.origin,
            "help": key.help,
            "fixed": not (key.origin in own or key.origin.startswith(("default, ", "must be "))),
        }
        found |= {name: what for name, what in _limits(key).items() if what not in (None, [], False, "")}
        if key.address in kept:
            found["kept"] = None if kind.secret else _plain(kept[key.address], kind)
        return found


def _is_speakable(text: str) -> bool:
    return len(text) <= _LONGEST and not any("\ud800" <= character < "\ue000" for character in text)


def _limits(key: Key) -> dict[str, Any]:
    kind = key.type
    size = Type(Kind.INT) if kind.kind in (Kind.STRING, Kind.BYTES, Kind.LIST) else kind
    return {
        "unit": kind.unit.symbol if kind.unit is not None else "",
        "choices": choices(key),
        "least": as_text(kind.minimum, size) if kind.minimum is not None else None,
        "most": as_text(kind.maximum, size) if kind.maximum is not None else None,
        "optional": kind.optional,
        "secret": kind.secret,
    }


def _plain(value: Any, kind: Type) -> str:
    return value if isinstance(value, str) else as_text(value, kind) if isinstance(value, bool) else str(value)
