"""The configuration keys of OCPP 1.6, which ``keys.toml`` lists, and how their values are written.

Writes ``ocpp_settings.contract.yaml``: ``python -m adapters.ocpp.keys > adapters/ocpp/ocpp_settings.contract.yaml``.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

NS = 1_000_000_000
LARGEST = 2**31 - 1
"""Of an integer in OCPP."""


class Unreadable(ValueError):
    """A text that is no value of its key."""


@dataclass(frozen=True, slots=True)
class Key:
    """``type`` as a chart sees it, ``default`` in a chart's units. A key whose value is None is not there."""

    type: str
    default: Any
    description: str

    @property
    def secret(self) -> bool:
        """It can be written and never read."""
        return self.type == "bytes?"

    def read(self, text: str) -> Any:
        """The value of a text as ChangeConfiguration has it. Raises :class:`Unreadable`."""
        text = text.strip()
        match self.type.split()[0].rstrip("?"):
            case "bool":
                return _bool(text)
            case "int":
                return _int(text)
            case "duration":
                return _int(text) * NS
            case "list":
                return list(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))
            case "bytes":
                return _key(text)
        return text

    def text(self, value: Any) -> str:
        """A value as GetConfiguration has it; nothing of a secret."""
        if value is None or self.secret:
            return ""
        match self.type.split()[0].rstrip("?"):
            case "bool":
                return "true" if value else "false"
            case "duration":
                return str(value // NS)
            case "list":
                return ",".join(value)
        return str(value)


def _bool(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise Unreadable("true or false was expected")
    return text.lower() == "true"


def _int(text: str) -> int:
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 10 or int(digits) > LARGEST:
        raise Unreadable("an integer was expected")
    return int(text)


def _key(text: str) -> bytes:
    """Hexadecimal digits on the wire; a text that can be none stands for itself (field: central systems send both)."""
    if 32 <= len(text) <= 40 and len(text) % 2 == 0 and all(digit in string.hexdigits for digit in text):
        return bytes.fromhex(text)
    return text.encode()


def _read() -> dict[str, Key]:
    found = {}
    for name, row in tomllib.loads(_TABLE.read_text("utf-8")).items():
        key = Key(row["type"], None, row["description"])
        found[name] = replace(key, default=key.read(row["value"])) if "value" in row else key
    return found


_TABLE = Path(__file__).with_name("keys.toml")
KEYS: Mapping[str, Key] = _read()

HEAD = """\
# Written by `python -m adapters.ocpp.keys`; do not edit.
contract: ocpp_settings
description: >-
  The configuration keys of OCPP 1.6, as values. They are in the file (fsync) when `write` ends, and the same after a
  restart. A key whose value is None is not there. Which may be changed, and to what, is the chart's.
source: OCPP 1.6 edition 2 chapter 9; errata sheet 4.0; OCPP 1.6 security whitepaper edition 3
lane: OCPP
local: [look, understand, write, declare, changed, failed]
actions:
  look:
    description: >-
      Keys and their texts as GetConfiguration has them; without `key`, or with an empty one, all. Those that are not
      there are in `unknownKey`. A text that is '' is not said: of a secret, and of what is empty.
    args: {key: 'list of string?'}
    result: {key: list of string, value: list of string, unknownKey: list of string}
  understand:
    description: >-
      What a text would mean for a key. `key` as the standard writes it, `number` of an integer (of seconds, in them),
      `items` of a list and how many there may be at `most`, `length` of a text or secret in octets. Fails with
      `unknown` or `unreadable`.
    args: {key: string, value: {type: string, secret: true}}
    result: {key: string, number: 'int?', items: list of string, most: 'int?', length: int}
  write:
    description: The key has this value from now on.
    args: {key: string, value: {type: string, secret: true}}
    result: {}
  declare:
    description: What the station knows of itself (NumberOfConnectors). Not kept, and no change.
    args: {key: string, value: string}
events:
  changed: {description: The key has another value., payload: {key: string}}
  failed:
    description: The file cannot be read or written.
    payload: {reason: string}
values:
"""


def text() -> str:
    """The contract."""
    return HEAD + "".join(_line(name, key) for name, key in KEYS.items())


def _line(name: str, key: Key) -> str:
    kind = f"'{key.type}', secret: true" if key.secret else f"'{key.type}'"
    return f'  {name}: {{type: {kind}, description: "{key.description}"}}\n'


if __name__ == "__main__":
    print(text(), end="")
