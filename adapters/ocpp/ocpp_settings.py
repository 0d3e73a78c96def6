"""Contract ``ocpp_settings``: the configuration keys, kept in the charge point's file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from adapters.ocpp.database import Database
from adapters.ocpp.keys import KEYS, Unreadable
from adapters.ocpp.store import InFile, InMemory, Stored
from engine.adapter import AdapterError, Setting, World

_BY_LOWER = {name.lower(): name for name in KEYS}
"""Names of keys are not case sensitive (CiString)."""


class OcppSettings(Stored):
    """Each key is an attribute: of the class where it is as everywhere. Its first value is a setting of the station
    file; what the central system wrote goes before it."""

    contract = "ocpp_settings"

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(config, world)
        for name, key in KEYS.items():
            first = self.config[name]
            if first != key.default:
                setattr(self, name, key.read(first) if key.secret else first)
        self.config = {name: value for name, value in self.config.items() if name not in KEYS}

    @classmethod
    def refuses(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        """A password that no central system could give either (security whitepaper A00.FR.205)."""
        password = config.get("AuthorizationKey")
        if password is None or 16 <= len(KEYS["AuthorizationKey"].read(password)) <= 20:
            return {}
        return {"AuthorizationKey": "it has 16 to 20 octets: as many characters, or 32 to 40 hexadecimal digits"}

    def _begun(self, database: Database) -> None:
        for name, text in database.execute("SELECT key, value FROM settings").fetchall():
            if name in KEYS:  # a later version may have had more
                try:
                    setattr(self, name, KEYS[name].read(text))
                except Unreadable as reason:
                    self.port.tell(f"{name} in the file is not used: {reason}")

    def look(self, *, call_id: str, key: Sequence[str] | None = None) -> None:
        there = {name: KEYS[name].text(value) for name in KEYS if (value := getattr(self, name)) is not None}
        there |= {name: "" for name, known in KEYS.items() if known.secret}
        asked = [_BY_LOWER.get(name.lower(), name) for name in dict.fromkeys(key)] if key else list(there)
        found = [name for name in asked if name in there]
        self.port.done(
            call_id,
            key=found,
            value=[there[name] for name in found],
            unknownKey=[name for name in asked if name not in there],
        )

    def understand(self, *, call_id: str, key: str, value: str) -> None:
        name = _BY_LOWER.get(key.lower(), key)
        if name not in KEYS or (getattr(self, name) is None and not KEYS[name].secret):
            self.port.failed(call_id, "unknown")
            return
        try:
            read = KEYS[name].read(value)
        except Unreadable:
            self.port.failed(call_id, "unreadable")
            return
        number = int(value) if isinstance(read, int) and not isinstance(read, bool) else None
        items = read if isinstance(read, list) else []
        length = len(read.encode() if isinstance(read, str) else read) if isinstance(read, str | bytes) else 0
        most = getattr(self, f"{name}MaxLength", None)
        self.port.done(call_id, key=name, number=number, items=items, most=most, length=length)

    def write(self, *, call_id: str, key: str, value: str) -> None:
        read = self._read(key, value)

        def written(_: Any) -> None:
            changes = getattr(self, key) != read
            setattr(self, key, read)
            self.port.done(call_id)
            if changes:
                self.port.emit("changed", key=key)

        def work(database: Database) -> None:
            database.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", key, value)

        self._write(work, written, call_id)

    def declare(self, *, key: str, value: str) -> None:
        setattr(self, key, self._read(key, value))

    def _read(self, key: str, value: str) -> Any:
        """Raises ``AdapterError`` for what is no key, or no value of it."""
        if key not in KEYS:
            raise AdapterError(f"there is no configuration key '{key}'")
        try:
            return KEYS[key].read(value)
        except Unreadable as reason:
            raise AdapterError(f"{key}: {reason}") from None


for _name, _key in KEYS.items():
    setattr(OcppSettings, _name, _key.default)

_FIRST: Mapping[str, Setting] = {
    name: Setting("string?", None, f"First value. {key.description}; as text or hexadecimal digits", secret=True)
    if key.secret
    else Setting(key.type, key.default, f"First value. {key.description}")
    for name, key in KEYS.items()
}


class MemorySettings(InMemory, OcppSettings):
    """Gone with the process: for simulations and tests."""

    settings: ClassVar[Mapping[str, Setting]] = {**InMemory.settings, **_FIRST}


class FileSettings(InFile, OcppSettings):
    """In the file."""

    settings: ClassVar[Mapping[str, Setting]] = {**InFile.settings, **_FIRST}
